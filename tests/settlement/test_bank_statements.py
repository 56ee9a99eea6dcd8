"""Our money against the settlement bank's: every way to differ, and every way a difference ends."""

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest

from settlement.bank_statement import BankStatement, CashBreakKind, StatementLine
from settlement.bank_statements import DAY_NS, SUPERSEDED_AT_MOST, BankStatements, BookedPayment
from settlement.cash_events import (
    BankStatementRecorded,
    BankStatementSuperseded,
    CashBreakClosed,
    CashBreakFound,
    CashEvent,
)
from settlement.rejections import Rejection
from settlement.values import AccountId, ParticipantId

OURS = "310066-0001"
OLGA = ParticipantId("olga")
NOW_NS = 10**6
"""Later than all that statements here tell of."""
ANNA, BEN = AccountId("anna"), AccountId("ben")


class Books:
    """What is booked here and at the bank, in hundreds of a nanosecond and whole fen."""

    def __init__(self) -> None:
        self.statements = BankStatements()
        self.money_fen = 0
        self.number = 0

    def book(self, reference: str, fen: int, account: AccountId = ANNA, at_ns: int = 50) -> list[CashEvent]:
        self.money_fen += fen
        payment = BookedPayment(reference=reference, account=account, amount_fen=fen, at_ns=at_ns)
        return self.checked(self.statements.book(payment))

    def statement(self, *lines: tuple[str, int], until_ns: int = 100) -> BankStatement:
        """The next one, sound."""
        self.number += 1
        state = self.statements.dump()
        return BankStatement(
            statement_id=f"S{self.number}",
            bank_account=OURS,
            from_ns=state.until_ns,
            until_ns=state.until_ns + until_ns,
            opening_fen=state.closing_fen,
            closing_fen=state.closing_fen + sum(fen for _, fen in lines),
            lines=tuple(StatementLine(reference=reference, amount_fen=fen) for reference, fen in lines),
            digest=f"digest {self.number}",
        )

    def read(self, *lines: tuple[str, int], until_ns: int = 100) -> list[CashEvent]:
        statement = self.statement(*lines, until_ns=until_ns)
        assert self.statements.refuse(statement, OURS, NOW_NS) is None
        return self.checked(self.statements.record(statement))

    def checked(self, events: Iterable[CashEvent]) -> list[CashEvent]:
        told = list(events)
        self.statements.check(self.money_fen)
        again = BankStatements()
        again.load(self.statements.dump())
        assert again.dump() == self.statements.dump()
        return told

    @property
    def open(self) -> list[tuple[str, str, str | None, int | None, int | None]]:
        return [
            (one.kind.value, one.reference, one.account, one.here_fen, one.there_fen)
            for one in self.statements.breaks.values()
        ]


def refused(books: Books, statement: BankStatement, ours: str | None = OURS) -> str:
    before = books.statements.dump()
    rejection = books.statements.refuse(statement, ours, NOW_NS)
    assert isinstance(rejection, Rejection)
    assert books.statements.dump() == before
    return rejection.code


def test_a_day_on_which_the_money_agrees() -> None:
    books = Books()
    books.book("in-1", 500)
    books.book("out-1", -200)
    (recorded,) = books.read(("out-1", -200), ("in-1", 500))
    assert isinstance(recorded, BankStatementRecorded)
    assert (recorded.lines, recorded.differences, recorded.open_breaks) == (2, 0, 0)
    assert (recorded.opening_fen, recorded.closing_fen) == (0, 300)
    assert books.open == []


def test_what_nobody_reported_is_missing_here_until_it_is_reported() -> None:
    books = Books()
    _, found = books.read(("in-1", 500))
    assert isinstance(found, CashBreakFound)
    assert books.open == [("missing_here", "in-1", None, None, 500)]
    assert not books.statements.is_in_dispute(ANNA)
    (closed,) = books.book("in-1", 500)
    assert isinstance(closed, CashBreakClosed)
    assert (books.open, closed.operator, closed.reason) == ([], None, None)


def test_reported_afterwards_with_another_amount_it_goes_on_differing() -> None:
    books = Books()
    books.read(("in-1", 500))
    books.book("in-1", 600)
    assert books.open == [("amount_differs", "in-1", "anna", 600, 500)]
    assert books.statements.is_in_dispute(ANNA)
    assert not books.statements.is_in_dispute(BEN)


def test_what_no_statement_shows_is_missing_there_until_one_does() -> None:
    books = Books()
    books.book("in-1", 500)
    books.read()
    assert books.open == [("missing_there", "in-1", "anna", 500, None)]
    books.read(("in-1", 500))
    assert books.open == []


def test_shown_late_with_another_amount_it_goes_on_differing() -> None:
    books = Books()
    books.book("in-1", 500)
    books.read()
    books.read(("in-1", 499))
    assert books.open == [("amount_differs", "in-1", "anna", 500, 499)]


def test_what_is_booked_after_the_statement_waits_for_the_next() -> None:
    books = Books()
    books.book("in-1", 500, at_ns=100)
    books.book("in-2", 50, at_ns=99)
    books.read(("in-2", 50))
    assert books.open == []
    books.read()
    assert books.open == [("missing_there", "in-1", "anna", 500, None)]


def test_a_line_for_the_future_ends_what_waits() -> None:
    books = Books()
    books.book("in-1", 500, at_ns=100)
    books.read(("in-1", 500))
    assert books.open == []


@pytest.mark.parametrize("times", [2, 3])
def test_one_reference_in_several_lines_is_repeated_there(times: int) -> None:
    books = Books()
    books.book("in-1", 500)
    books.read(*[("in-1", 500)] * times)
    assert books.open == [("repeated_there", "in-1", "anna", None, 500)] * (times - 1)


def test_a_line_of_an_earlier_statement_again_is_repeated_there() -> None:
    books = Books()
    books.book("in-1", 500)
    books.read(("in-1", 500))
    books.read(("in-1", 500))
    assert books.open == [("repeated_there", "in-1", "anna", None, 500)]


def test_what_nobody_reported_shown_twice_is_missing_once_and_repeated_once() -> None:
    books = Books()
    books.read(("in-1", 500), ("in-1", 500))
    assert [kind for kind, *_ in books.open] == ["missing_here", "repeated_there"]
    books.book("in-1", 500)
    assert [kind for kind, *_ in books.open] == ["repeated_there"]


def test_a_break_settled_by_hand_is_explained_for_good() -> None:
    books = Books()
    books.book("in-1", 600)
    books.read(("in-1", 500), ("charge", -10))
    assert [kind for kind, *_ in books.open] == ["amount_differs", "missing_here"]
    for number in list(books.statements.breaks):
        assert books.statements.refuse_to_settle(number) is None
        closed = books.statements.settle(number, OLGA, "agreed with the bank by telephone")
        books.checked([closed])
        assert (closed.operator, closed.reason) == (OLGA, "agreed with the bank by telephone")
        again = books.statements.refuse_to_settle(number)
        assert again is not None
        assert again.code == "cash_break_not_open"
    assert books.open == []
    books.read()


def test_the_same_statement_again_changes_nothing() -> None:
    books = Books()
    books.book("in-1", 500)
    statement = books.statement(("in-1", 500))
    books.checked(books.statements.record(statement))
    before = books.statements.dump()
    assert books.statements.refuse(statement, OURS, NOW_NS) is None
    assert list(books.statements.record(statement)) == []
    assert books.statements.dump() == before


def test_statements_that_cannot_be_taken_are_refused_by_name() -> None:
    books = Books()
    books.book("in-1", 500)
    books.read(("in-1", 500))
    books.book("in-2", 70)
    sound = books.statement(("in-2", 70))
    assert refused(books, replace(sound, bank_account="another")) == "bank_account_differs"
    assert refused(books, sound, ours=None) == "bank_account_differs"
    assert refused(books, replace(sound, statement_id="S1")) == "statement_reused"
    cut = replace(sound, lines=())
    assert refused(books, cut) == "statement_unbalanced"
    assert refused(books, replace(sound, closing_fen=sound.closing_fen + 1)) == "statement_unbalanced"
    changed = replace(sound, lines=(StatementLine(reference="in-2", amount_fen=71),))
    assert refused(books, changed) == "statement_unbalanced"
    nothing = StatementLine(reference="in-3", amount_fen=0)
    assert refused(books, replace(sound, lines=(*sound.lines, nothing))) == "statement_line_of_nothing"
    assert refused(books, replace(sound, until_ns=sound.from_ns)) == "statement_period"
    assert refused(books, replace(sound, from_ns=sound.from_ns - 1)) == "statement_period"
    assert books.statements.refuse(replace(sound, until_ns=NOW_NS + DAY_NS), OURS, NOW_NS) is None
    assert refused(books, replace(sound, until_ns=NOW_NS + DAY_NS + 1)) == "statement_period"
    later = replace(sound, opening_fen=sound.opening_fen + 5, closing_fen=sound.closing_fen + 5)
    assert refused(books, later) == "statement_gap"
    assert books.statements.refuse(sound, OURS, NOW_NS) is None


def test_every_kind_of_break_is_met_here() -> None:
    books = Books()
    books.book("a", 1)
    books.book("b", 2)
    books.read(("a", 3), ("c", 4), ("c", 4))
    assert {kind for kind, *_ in books.open} == set(CashBreakKind)


def supersede(books: Books, statement_id: str) -> list[CashEvent]:
    assert books.statements.refuse_to_supersede(statement_id) is None
    return books.checked(books.statements.supersede(statement_id, OLGA, "of another day"))


def test_a_statement_of_the_wrong_day_gives_way_to_the_right_one() -> None:
    books = Books()
    books.book("in-1", 500, at_ns=50)
    books.book("in-2", 70, at_ns=150)
    wrong = books.statement(("in-1", 500), ("charge", -10), until_ns=200)
    books.checked(books.statements.record(wrong))
    assert [kind for kind, *_ in books.open] == ["missing_here", "missing_there"]
    assert books.statements.is_in_dispute(ANNA)
    superseded, *closed = supersede(books, wrong.statement_id)
    assert isinstance(superseded, BankStatementSuperseded)
    assert (superseded.until_ns, superseded.closing_fen, superseded.operator) == (0, 0, OLGA)
    assert all(isinstance(one, CashBreakClosed) and one.operator == OLGA for one in closed)
    assert (books.open, len(closed)) == ([], 2)
    right = replace(wrong, until_ns=100, digest="the right one")
    assert books.statements.refuse(right, OURS, NOW_NS) is None
    books.checked(books.statements.record(right))
    assert books.open == [("missing_here", "charge", None, None, -10)]
    books.read(("in-2", 70))
    assert [kind for kind, *_ in books.open] == ["missing_here"]


def test_what_an_earlier_statement_lacked_is_missing_again() -> None:
    books = Books()
    books.book("in-1", 500)
    books.read()
    books.read(("in-1", 499))
    assert [kind for kind, *_ in books.open] == ["amount_differs"]
    books.checked([books.statements.settle(next(iter(books.statements.breaks)), OLGA, "agreed")])
    *_, found = supersede(books, "S2")
    assert isinstance(found, CashBreakFound)
    assert books.open == [("missing_there", "in-1", "anna", 500, None)]
    assert found.cash_break.statement_id == "S1"
    supersede(books, "S1")
    assert books.open == []
    books.read(("in-1", 500))
    assert books.open == []


def test_only_the_last_statement_is_superseded_and_only_once() -> None:
    books = Books()
    refusal = books.statements.refuse_to_supersede("none")
    assert refusal is not None
    assert (refusal.code, refusal.limit) == ("statement_not_last", "none")
    for _ in range(SUPERSEDED_AT_MOST + 2):
        books.read()
    last = SUPERSEDED_AT_MOST + 2
    refusal = books.statements.refuse_to_supersede("S1")
    assert refusal is not None
    assert (refusal.code, refusal.limit) == ("statement_not_last", f"S{last}")
    for number in range(last, 2, -1):
        supersede(books, f"S{number}")
        assert books.statements.refuse_to_supersede(f"S{number}") is not None
    too_old = books.statements.refuse_to_supersede("S2")
    assert too_old is not None
    assert too_old.limit == "none"


def test_superseded_it_is_as_if_it_had_never_come() -> None:
    for seed in range(100):
        with_and_without(seed)


def with_and_without(seed: int) -> None:
    """Two lives with the same payments and statements; in one of them also a statement that is superseded."""
    chance = random.Random(seed)
    plain, taken = Books(), Books()
    references = [f"r-{number}" for number in range(12)]
    chance.shuffle(references)

    def live(*lives: Books) -> None:
        for _ in range(chance.randrange(5)):
            if references and chance.random() < 0.8:
                payment = (references.pop(), chance.choice((100, -50)), chance.choice((ANNA, BEN)))
                at_ns = chance.randrange(300)
                for books in lives:
                    books.book(*payment, at_ns=at_ns)

    def shown() -> list[tuple[str, int]]:
        return [(f"r-{chance.randrange(12)}", chance.choice((100, -50))) for _ in range(chance.randrange(6))]

    live(plain, taken)
    before = shown()
    plain.read(*before)
    taken.read(*before)
    live(plain, taken)
    taken.read(*shown())
    wrong = f"S{taken.number}"
    live(plain, taken)
    for number in [one.break_id for one in taken.statements.breaks.values() if one.statement_id == wrong]:
        if chance.random() < 0.5:
            taken.checked([taken.statements.settle(number, OLGA, "agreed")])
    supersede(taken, wrong)
    assert without_numbers(taken) == without_numbers(plain)
    after = shown()
    for books in (plain, taken):
        books.number = 5
        books.read(*after)
    assert without_numbers(taken) == without_numbers(plain)


def without_numbers(books: Books) -> tuple[object, ...]:
    """All there is, but for the numbers of differences, which are never given twice."""
    state = books.statements.dump()
    waiting = sorted((one.reference, one.amount_fen, one.at_ns) for one in state.waiting)
    return (
        state.until_ns,
        state.closing_fen,
        waiting,
        sorted(books.open, key=str),
        state.written_off_fen,
        state.recorded,
    )
