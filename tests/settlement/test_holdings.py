"""Serials at the exchange: oldest issue first out, each in one place, none from nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement import serials
from settlement.events import LotSlice
from settlement.holdings import Holdings
from settlement.restrictions import Restrictions
from settlement.values import AccountId, LotId
from tests.settlement.house import OTHER_UNITS, UNITS, lot, part

ANNA, BEN = AccountId("anna"), AccountId("ben")


def holdings() -> Holdings:
    """Three lots: `old` issued before `new`, `also-new` on the same day as `new`."""
    lots = [
        lot("new", (1, 101), "2025-06-01"),
        lot("old", (501, 601), "2024-06-01"),
        lot("also-new", (1, 101), "2025-06-01"),
    ]
    known = {one.lot_id: one for one in lots}
    return Holdings(known, Restrictions({}, {}, known))


def put(held: Holdings, account: AccountId, *slices: LotSlice) -> None:
    held.expect(slices)
    held.give(account, slices)


def test_the_oldest_issue_goes_first_whatever_came_first() -> None:
    held = holdings()
    put(held, ANNA, part("new", (1, 11)))
    put(held, ANNA, part("old", (501, 511)))
    assert held.take_first(ANNA, UNITS, 12) == (part("old", (501, 511)), part("new", (1, 3)))
    assert list(held.of(ANNA, UNITS)) == [part("new", (3, 11))]


def test_lots_of_one_day_go_by_name() -> None:
    held = holdings()
    put(held, ANNA, part("new", (1, 3)), part("also-new", (1, 3)))
    assert [of.lot_id for of in held.of(ANNA, UNITS)] == ["also-new", "new"]


def test_within_a_lot_the_lowest_serials_go_first_across_gaps() -> None:
    held = holdings()
    put(held, ANNA, part("new", (1, 3), (10, 13), (50, 51)))
    assert held.take_first(ANNA, UNITS, 4) == (part("new", (1, 3), (10, 12)),)
    assert list(held.of(ANNA, UNITS)) == [part("new", (12, 13), (50, 51))]


def test_what_comes_back_is_merged_again() -> None:
    held = holdings()
    put(held, ANNA, part("new", (1, 11)))
    held.give(ANNA, held.take_first(ANNA, UNITS, 4))
    assert list(held.of(ANNA, UNITS)) == [part("new", (1, 11))]
    held.check([])


def test_more_than_is_held_cannot_be_taken() -> None:
    held = holdings()
    put(held, ANNA, part("new", (1, 3)))
    with pytest.raises(AssertionError, match="lacks serials"):
        held.take_first(ANNA, UNITS, 3)
    with pytest.raises(AssertionError, match="lacks serials"):
        held.take_first(BEN, UNITS, 1)
    with pytest.raises(AssertionError, match="lacks serials"):
        held.take_first(ANNA, OTHER_UNITS, 1)


def test_what_is_expected_is_here_until_forgotten() -> None:
    held = holdings()
    coming = (part("new", (5, 10)),)
    held.expect(coming)
    asked = [((1, 5),), ((1, 6),), ((9, 10),), ((10, 12),), ((1, 2), (7, 8))]
    assert [held.is_here(LotId("new"), one) for one in asked] == [False, True, True, False, True]
    assert not held.is_here(LotId("old"), ((5, 10),))
    held.check(list(coming))
    held.forget(coming)
    assert not held.is_here(LotId("new"), ((1, 100),))
    held.check([])


def test_nothing_can_be_expected_twice_or_forgotten_unasked() -> None:
    held = holdings()
    held.expect((part("new", (5, 10)),))
    with pytest.raises(AssertionError, match="overlap"):
        held.expect((part("new", (9, 12)),))
    with pytest.raises(AssertionError):
        held.forget((part("new", (9, 12)),))


@pytest.mark.parametrize(
    ("given_", "in_flight", "words"),
    [
        ((part("new", (1, 5)),), [], "in places"),
        ((part("new", (1, 5)), part("new", (8, 10))), [], "in places"),
        ((), [part("old", (501, 502))], "from nowhere|in places"),
    ],
)
def test_serials_that_do_not_tile_are_found(
    given_: tuple[LotSlice, ...], in_flight: list[LotSlice], words: str
) -> None:
    held = holdings()
    held.expect((part("new", (1, 11)),))
    held.give(ANNA, given_)
    with pytest.raises(AssertionError, match=words):
        held.check(in_flight)


def test_serials_outside_their_lot_are_found() -> None:
    held = holdings()
    put(held, ANNA, part("new", (90, 110)))
    with pytest.raises(AssertionError):
        held.check([])


MOVES = st.lists(
    st.tuples(st.sampled_from(["in", "out", "move"]), st.integers(1, 25), st.booleans()), max_size=30
)


@given(MOVES)
def test_serials_tile_through_any_movement(moves: list[tuple[str, int, bool]]) -> None:
    held = holdings()
    fresh = {"new": 1, "old": 501}
    tonnes = {ANNA: 0, BEN: 0}
    for what, wanted, flag in moves:
        giver, taker = (ANNA, BEN) if flag else (BEN, ANNA)
        name = "new" if flag else "old"
        amount = min(wanted, tonnes[giver])
        if what == "in":
            first = fresh[name]
            end = min(first + wanted, 101 if flag else 601)
            if first < end:
                put(held, taker, part(name, (first, end)))
                fresh[name] = end
                tonnes[taker] += end - first
        elif amount:
            taken = held.take_first(giver, UNITS, amount)
            assert sum(serials.count(of.serials) for of in taken) == amount
            held.check(list(taken))
            tonnes[giver] -= amount
            if what == "move":
                held.give(taker, taken)
                tonnes[taker] += amount
            else:
                held.forget(taken)
        held.check([])
        for account in (ANNA, BEN):
            assert sum(serials.count(of.serials) for of in held.of(account, UNITS)) == tonnes[account]
