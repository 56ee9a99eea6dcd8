from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_bridge.reconcile import (
    Break,
    BreakKind,
    PositionDigest,
    PositionsOutOfOrder,
    reconcile,
)
from registry_bridge.registry import PositionRange, PositionTotals


def at(account: str, lot: str, first: int, end: int) -> PositionRange:
    return PositionRange(account=account, lot=lot, first=first, end=end)


BOTH = (at("a", "L1", 1, 11), at("a", "L2", 5, 6), at("b", "L1", 11, 21))


def test_equal_sides_are_clean_with_equal_digests() -> None:
    outcome = reconcile(BOTH, BOTH)
    assert outcome.is_clean and outcome.breaks == ()
    assert outcome.here == outcome.there
    assert outcome.here.totals == PositionTotals(accounts=2, lots=3, tonnes=21)


def test_pieces_of_one_range_are_one_range() -> None:
    pieces = (at("a", "L1", 1, 3), at("a", "L1", 3, 11), *BOTH[1:])
    outcome = reconcile(pieces, BOTH)
    assert outcome.is_clean and outcome.here == outcome.there


def test_breaks_by_kind() -> None:
    here = (at("a", "L1", 1, 11), at("a", "L3", 1, 2), at("b", "L1", 11, 21))
    there = (
        at("a", "L1", 1, 8),
        at("a", "L1", 9, 12),
        at("a", "L2", 5, 6),
        at("b", "L1", 11, 21),
        at("c", "L1", 30, 31),
    )
    outcome = reconcile(here, there)
    assert outcome.breaks == (
        Break(
            kind=BreakKind.RANGE_DIFFERS, account="a", lot="L1", only_here=((8, 9),), only_there=((11, 12),)
        ),
        Break(kind=BreakKind.MISSING_HERE, account="a", lot="L2", only_here=(), only_there=((5, 6),)),
        Break(kind=BreakKind.MISSING_THERE, account="a", lot="L3", only_here=((1, 2),), only_there=()),
        Break(kind=BreakKind.MISSING_HERE, account="c", lot="L1", only_here=(), only_there=((30, 31),)),
    )
    assert outcome.here.digest != outcome.there.digest


@pytest.mark.parametrize("side", [(), BOTH])
def test_one_side_may_be_empty(side: tuple[PositionRange, ...]) -> None:
    assert reconcile(side, ()).break_count == reconcile((), side).break_count == len(side)


@pytest.mark.parametrize(
    "wrong",
    [
        (at("b", "L", 1, 2), at("a", "L", 1, 2)),
        (at("a", "M", 1, 2), at("a", "L", 1, 2)),
        (at("a", "L", 5, 6), at("a", "L", 1, 2)),
        (at("a", "L", 1, 5), at("a", "L", 4, 6)),
        (at("a", "L", 1, 1),),
    ],
)
def test_a_side_out_of_order_says_nothing(wrong: tuple[PositionRange, ...]) -> None:
    with pytest.raises(PositionsOutOfOrder):
        reconcile(wrong, ())
    with pytest.raises(PositionsOutOfOrder):
        reconcile((), wrong)


def test_breaks_are_bounded_and_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry_bridge.reconcile.MAX_BREAKS", 3)
    outcome = reconcile((at(f"a{number}", "L", 1, 2) for number in range(9)), ())
    assert (len(outcome.breaks), outcome.break_count, outcome.is_clean) == (3, 9, False)


def test_memory_stays_flat_over_a_long_side() -> None:
    """A hundred thousand positions come from generators; at no time are two lots held back."""
    pulled = 0

    def long() -> Iterator[PositionRange]:
        nonlocal pulled
        for number in range(100_000):
            pulled += 1
            yield at(f"{number:06d}", "L", 1, 2)

    def watching() -> Iterator[PositionRange]:
        for number in range(100_000):
            assert pulled - number <= 2
            yield at(f"{number:06d}", "L", 1, 2)

    assert reconcile(long(), watching()).is_clean


serial_sets = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from("LM")), st.sets(st.integers(0, 30)), max_size=4
)


def positions(held: dict[tuple[str, str], set[int]]) -> Iterable[PositionRange]:
    """One range for each serial: the most pieces there can be."""
    for account, lot in sorted(held):
        for serial in sorted(held[account, lot]):
            yield at(account, lot, serial, serial + 1)


@given(serial_sets, serial_sets)
def test_breaks_are_exactly_the_differences(
    here: dict[tuple[str, str], set[int]], there: dict[tuple[str, str], set[int]]
) -> None:
    outcome = reconcile(positions(here), positions(there))
    found = {(one.account, one.lot): one for one in outcome.breaks}
    for key in here.keys() | there.keys():
        ours, theirs = here.get(key, set()), there.get(key, set())
        if ours == theirs:
            assert key not in found
            continue
        one = found.pop(key)
        assert {serial for span in one.only_here for serial in range(*span)} == ours - theirs
        assert {serial for span in one.only_there for serial in range(*span)} == theirs - ours
        assert (one.kind is BreakKind.MISSING_HERE) == (not ours)
        assert (one.kind is BreakKind.MISSING_THERE) == (not theirs)
    assert not found
    assert (outcome.here.digest == outcome.there.digest) == outcome.is_clean


def test_the_digest_is_of_merged_ranges_in_order() -> None:
    whole, pieces = PositionDigest(), PositionDigest()
    whole.add(at("a", "L", 1, 9))
    for first in range(1, 9):
        pieces.add(at("a", "L", first, first + 1))
    assert whole.hexdigest() == pieces.hexdigest() != PositionDigest().hexdigest()
