"""The plain settlement bank: what it has been told, what its statements say, and what of that does not fit."""

from collections.abc import Callable
from dataclasses import dataclass, field

from settlement.bank_statement import BankStatement

Note = tuple[object, ...]
Happening = Callable[["PlainBank"], object]


@dataclass(eq=False)
class Difference:
    """One thing that does not fit: whose it is, what we have and what the bank has."""

    number: int
    kind: str
    reference: str
    account: str | None
    here: int | None
    there: int | None
    statement: str

    @property
    def told(self) -> Note:
        """What it says, whatever its number."""
        return (self.kind, self.reference, self.here, self.there, self.statement)


@dataclass
class PlainBank:
    """Three lists, looked through from the front, and all that has happened, to be lived again."""

    skips: BankStatement | None = None
    """A statement that it does not take."""
    owner_of: dict[str, str] = field(default_factory=dict)
    """Every reference ever booked, and for whom."""
    waiting: list[tuple[str, int, int]] = field(default_factory=list)
    """Reference, fen (below zero where it left), when."""
    differences: list[Difference] = field(default_factory=list)
    statements: list[BankStatement] = field(default_factory=list)
    remembered: list[str] = field(default_factory=list)
    """The statements that can still be superseded."""
    happened: list[Happening] = field(default_factory=list)
    found: int = 0

    def book(self, reference: str, account: str, fen: int, at_ns: int) -> list[Note]:
        self.happened.append(lambda bank: bank.book(reference, account, fen, at_ns))
        self.owner_of[reference] = account
        for difference in self.differences:
            if difference.kind == "missing_here" and difference.reference == reference:
                self.differences.remove(difference)
                notes: list[Note] = [("cash fits", difference.number)]
                if difference.there != fen:
                    notes.append(
                        self.differ("amount_differs", reference, fen, difference.there, difference.statement)
                    )
                return notes
        self.waiting.append((reference, fen, at_ns))
        return []

    def disputes(self, account: str) -> bool:
        return any(difference.account == account for difference in self.differences)

    def refuse(self, statement: BankStatement, bank_account: object, at_ns: int) -> str | None:
        if statement.bank_account != bank_account:
            return "bank_account_differs"
        for earlier in self.statements:
            if earlier.statement_id == statement.statement_id:
                return None if earlier.digest == statement.digest else "statement_reused"
        if 0 in [line.amount_fen for line in statement.lines]:
            return "statement_line_of_nothing"
        if statement.opening_fen + sum(line.amount_fen for line in statement.lines) != statement.closing_fen:
            return "statement_unbalanced"
        last = self.statements[-1] if self.statements else None
        if statement.from_ns >= statement.until_ns or (last and statement.from_ns < last.until_ns):
            return "statement_period"
        if statement.until_ns > at_ns + 24 * 3_600 * 1_000_000_000:
            return "statement_period"
        return "statement_gap" if statement.opening_fen != (last.closing_fen if last else 0) else None

    def record(self, statement: BankStatement) -> list[Note]:
        if any(earlier.statement_id == statement.statement_id for earlier in self.statements):
            return []
        self.happened.append(lambda bank: None if bank.skips == statement else bank.record(statement))
        self.statements.append(statement)
        self.remembered = [*self.remembered, statement.statement_id][-10:]
        notes: list[Note] = []
        for line in statement.lines:
            notes += self.read(line.reference, line.amount_fen, statement.statement_id)
        for reference, fen, at_ns in list(self.waiting):
            if at_ns < statement.until_ns:
                self.waiting.remove((reference, fen, at_ns))
                notes.append(self.differ("missing_there", reference, fen, None, statement.statement_id))
        return [("statement", statement.statement_id, len(self.differences)), *notes]

    def read(self, reference: str, fen: int, statement: str) -> list[Note]:
        notes: list[Note] = []
        ours: int | None = None
        for booked in list(self.waiting):
            if booked[0] == reference:
                self.waiting.remove(booked)
                ours = booked[1]
        for difference in list(self.differences):
            if difference.kind == "missing_there" and difference.reference == reference:
                self.differences.remove(difference)
                notes.append(("cash fits", difference.number))
                ours = difference.here
        if ours == fen:
            return notes
        if ours is not None:
            return [*notes, self.differ("amount_differs", reference, ours, fen, statement)]
        shown = any(one.kind == "missing_here" and one.reference == reference for one in self.differences)
        kind = "repeated_there" if shown or reference in self.owner_of else "missing_here"
        return [*notes, self.differ(kind, reference, None, fen, statement)]

    def settle(self, number: int) -> list[Note]:
        (settled,) = (one for one in self.differences if one.number == number)
        self.happened.append(lambda bank: bank.settle_like(settled))
        self.differences.remove(settled)
        return [("cash fits", number)]

    def settle_like(self, settled: Difference) -> None:
        for difference in self.differences:
            if difference.told == settled.told:
                self.settle(difference.number)
                return

    def not_superseded(self, statement_id: str) -> str | None:
        return None if self.remembered[-1:] == [statement_id] else "statement_not_last"

    def supersede(self) -> list[Note]:
        """Live all of it again, without the last statement."""
        wrong = self.statements[-1]
        again = PlainBank(skips=wrong)
        for happening in self.happened:
            happening(again)
        self.happened, self.statements, self.remembered = (
            again.happened,
            again.statements,
            self.remembered[:-1],
        )
        self.waiting = sorted(again.waiting, key=lambda booked: (booked[2], booked[0]))
        last = self.statements[-1] if self.statements else None
        until_ns, closing_fen = (last.until_ns, last.closing_fen) if last else (0, 0)
        ended = [one for one in self.differences if one.statement == wrong.statement_id]
        self.differences = [one for one in self.differences if one not in ended]
        known = [one.told for one in self.differences]
        missed = [one for one in again.differences if one.told not in known]
        return [
            ("no statement", wrong.statement_id, until_ns, closing_fen),
            *(("cash fits", one.number) for one in ended),
            *(
                self.differ(one.kind, one.reference, one.here, one.there, one.statement)
                for one in sorted(missed, key=lambda one: one.reference)
            ),
        ]

    def differ(self, kind: str, reference: str, here: int | None, there: int | None, statement: str) -> Note:
        self.found += 1
        owner = self.owner_of.get(reference)
        difference = Difference(self.found, kind, reference, owner, here, there, statement)
        self.differences.append(difference)
        return ("cash differs", self.found, kind, reference, difference.account, here, there)
