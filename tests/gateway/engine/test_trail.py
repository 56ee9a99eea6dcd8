"""What is remembered of movements: from one clean close to the second after it, in bounded memory, over a snapshot."""

from dataclasses import replace

import pytest

from gateway.engine.codec import StateCodec
from gateway.engine.views import trail
from gateway.engine.views.trail import Trail, TrailState
from matching.events import Reconciled
from settlement.commands import Outcome
from settlement.custody_events import BreakResolved
from settlement.difference import Break, BreakId, BreakKind, Difference
from settlement.values import InstructionId, TradingDay

MISSING = Difference(
    kind=BreakKind.MOVEMENT_ON_ONE_SIDE,
    registry_account="R-1",
    instruction_id=InstructionId("dvp-1-1"),
    detail="gone",
)


def close(as_of: int, *, breaks: int = 0, on_demand: bool = False) -> Reconciled:
    return Reconciled(
        trading_day=TradingDay("2026-11-23"),
        breaks=breaks,
        digest_here="",
        digest_there="",
        as_of=as_of,
        on_demand=on_demand,
    )


def answered(known: Trail, *names: str, outcome: Outcome = Outcome.CONFIRMED) -> None:
    for seq, name in enumerate(names, 1):
        known.instruct(name, seq)
        known.answer(name, outcome)


def names(known: Trail) -> list[str]:
    return [view.instruction_id for view in known.answered()]


def test_it_reaches_from_the_clean_close_before_last() -> None:
    known = Trail()
    answered(known, "a")
    known.reconcile(close(10))
    answered(known, "b")
    assert (known.after, known.known_after, names(known)) == (0, 10, ["a", "b"])
    known.reconcile(close(20))
    answered(known, "c")
    assert (known.after, known.known_after, names(known)) == (10, 20, ["b", "c"])
    assert known.get("a") is None


@pytest.mark.parametrize("event", [close(20, breaks=1), close(20, on_demand=True), close(0)])
def test_only_a_close_that_found_nothing_lets_it_forget(event: Reconciled) -> None:
    known = Trail()
    answered(known, "a")
    known.reconcile(close(10))
    before = known.dump()
    known.reconcile(event)
    assert known.dump() == before


def test_what_is_pending_is_never_forgotten() -> None:
    known = Trail()
    known.instruct("a", 7)
    for as_of in (10, 20, 30):
        known.reconcile(close(as_of))
    found = known.get("a")
    assert found is not None and (found.seq, found.outcome) == (7, None)
    known.answer("a", Outcome.REFUSED)
    assert names(known) == ["a"]


def test_beyond_its_limit_it_forgets_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "REMEMBERED", 3)
    known = Trail()
    answered(known, "a", "b", "c")
    answered(known, "d")
    assert names(known) == ["b", "c", "d"]
    known_after = [known.known_after]
    for as_of in (10, 20):
        known.reconcile(close(as_of))
        known_after.append(known.known_after)
    assert known_after == [None, None, 20]


def test_what_was_settled_stays_so_until_it_is_no_longer_looked_at() -> None:
    known = Trail()
    case = Break(break_id=BreakId(1), as_of=5, difference=MISSING)
    known.resolve(BreakResolved(case=case, account=None, operator="op", reason="so it is"))
    assert known.is_settled(replace(MISSING, detail="in other words"))
    assert not known.is_settled(replace(MISSING, registry_account="R-2"))
    known.reconcile(close(10))
    assert known.is_settled(MISSING)
    known.reconcile(close(20))
    assert not known.is_settled(MISSING)


@pytest.mark.parametrize("account", [None, "R-1"])
def test_two_of_no_movement_known_here_are_told_apart_by_their_words(account: str | None) -> None:
    known = Trail()
    kind = BreakKind.MOVEMENT_ON_ONE_SIDE
    hole = Difference(kind=kind, registry_account=account, detail="from 3 to before 4")
    case = Break(break_id=BreakId(1), as_of=5, difference=hole)
    known.resolve(BreakResolved(case=case, account=None, operator="op", reason="so it is"))
    assert known.is_settled(hole)
    assert not known.is_settled(replace(hole, detail="from 8 to before 9"))


def test_differences_of_positions_are_found_again_after_a_person_settled_them() -> None:
    known = Trail()
    moved = replace(MISSING, kind=BreakKind.RANGE_DIFFERS)
    case = Break(break_id=BreakId(1), as_of=5, difference=moved)
    known.resolve(BreakResolved(case=case, account=None, operator="op", reason="so it is"))
    assert not known.is_settled(moved)


def test_a_snapshot_has_all_of_it() -> None:
    known = Trail()
    answered(known, "a")
    known.reconcile(close(10))
    answered(known, "b", outcome=Outcome.REFUSED)
    known.instruct("c", 9)
    case = Break(break_id=BreakId(1), as_of=5, difference=MISSING)
    known.resolve(BreakResolved(case=case, account=None, operator="op", reason="so it is"))
    codec = StateCodec(TrailState)
    assert Trail(codec.decode(codec.encode(known.dump()))).dump() == known.dump()
