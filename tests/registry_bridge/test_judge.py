"""Splitting and merging ranges, against a dictionary with one entry for every serial."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_bridge.reference.judge import Facts, Held, Owner, Plan, Refusal, judge, malformed
from registry_bridge.registry import (
    MAX_LEGS,
    MAX_RANGES,
    Movement,
    MovementKind,
    MovementLeg,
    RefusalCode,
)
from settlement.lot import MethodologyClass
from tests.registry_bridge.examples import TRADING, leg, movement

ACCOUNTS, LOTS, SERIALS = ("a", "b", "c"), ("L", "M"), range(24)
World = dict[tuple[str, int], Owner]

worlds = st.fixed_dictionaries(
    {
        (lot, serial): st.sampled_from([(name, "trading") for name in ACCOUNTS])
        for lot in LOTS
        for serial in SERIALS
    }
)


@st.composite
def deliveries(draw: st.DrawFn) -> Movement:
    legs: list[MovementLeg] = []
    for lot in LOTS:
        edges = sorted(draw(st.sets(st.sampled_from(SERIALS), max_size=10)))
        for first, end in zip(edges[::2], edges[1::2], strict=False):
            source, target = draw(st.permutations(ACCOUNTS))[:2]
            legs.append(leg(len(legs) + 1, ((first, end),), (source, TRADING), (target, TRADING), lot))
    return movement("m", MovementKind.DELIVER, *legs)


def rows(world: World) -> list[Held]:
    """The world in as few rows as can be."""
    made: list[Held] = []
    for (lot, serial), owner in sorted(world.items()):
        last = made[-1] if made else None
        if last is not None and (last.lot, last.end, last.owner) == (lot, serial, owner):
            made[-1] = Held(row=last.row, owner=owner, lot=lot, first=last.first, end=serial + 1)
        else:
            made.append(Held(row=len(made), owner=owner, lot=lot, first=serial, end=serial + 1))
    return made


def facts(held: list[Held]) -> Facts:
    return Facts(
        frozen=dict.fromkeys(ACCOUNTS, False),
        bound=frozenset(ACCOUNTS),
        classes=dict.fromkeys(LOTS, MethodologyClass.I),
        frozen_lots=frozenset(),
        frozen_ranges={},
        held=held,
    )


def follow(world: World, asked: Movement) -> World:
    """Point every leg at serials its sender does hold, by making the world so."""
    made = dict(world)
    for one in asked.legs:
        for first, end in one.serials:
            made |= {(one.lot, serial): (one.from_account, "trading") for serial in range(first, end)}
    return made


def after(world: World, asked: Movement) -> World:
    made = dict(world)
    for one in asked.legs:
        for first, end in one.serials:
            assert one.to_account is not None
            made |= {(one.lot, serial): (one.to_account, "trading") for serial in range(first, end)}
    return made


@given(worlds, deliveries())
def test_a_plan_tiles_and_stays_in_as_few_rows_as_can_be(world: World, asked: Movement) -> None:
    world = follow(world, asked)
    before = rows(world)
    touched = [
        row
        for row in before
        if any(
            row.lot == one.lot and row.first <= end and first <= row.end
            for one in asked.legs
            for first, end in one.serials
        )
    ]
    plan = judge(asked, facts(touched), by_owner=False)
    assert isinstance(plan, Plan)
    kept = [row for row in before if row.row not in plan.removed]
    key = [(row.lot, row.first, row.end, row.owner) for row in (*kept, *plan.added)]
    assert sorted(key) == [(row.lot, row.first, row.end, row.owner) for row in rows(after(world, asked))]


@given(worlds, deliveries())
def test_serials_not_held_name_the_first_leg_at_fault(world: World, asked: Movement) -> None:
    wrong = [
        one.leg
        for one in asked.legs
        if any(
            world[one.lot, serial] != (one.from_account, "trading")
            for first, end in one.serials
            for serial in range(first, end)
        )
    ]
    verdict = judge(asked, facts(rows(world)), by_owner=False)
    if wrong:
        assert verdict == Refusal(code=RefusalCode.SERIALS_NOT_HELD, leg=wrong[0])
    else:
        assert isinstance(verdict, Plan)


def test_neighbours_retired_apart_stay_apart() -> None:
    """Each retired range belongs to the use it was retired for."""
    held = [
        Held(row=1, owner=("a", "retired"), lot="L", first=0, end=5),
        Held(row=2, owner=("a", "trading"), lot="L", first=5, end=9),
    ]
    asked = movement("m", MovementKind.RETIRE, leg(1, ((5, 7),), ("a", TRADING), None, "L"))
    plan = judge(asked, facts(held), by_owner=False)
    assert plan == Plan(
        removed=(2,),
        added=(
            Held(row=None, owner=("a", "retired"), lot="L", first=5, end=7),
            Held(row=None, owner=("a", "trading"), lot="L", first=7, end=9),
        ),
    )


@pytest.mark.parametrize("legs", [0, MAX_LEGS + 1])
def test_too_few_and_too_many_legs_are_malformed(legs: int) -> None:
    one = [leg(n, ((2 * n, 2 * n + 1),), ("a", TRADING), ("b", TRADING), "L") for n in range(1, legs + 1)]
    assert malformed(movement("m", MovementKind.DELIVER, *one)) == Refusal(code=RefusalCode.MALFORMED)


def test_too_many_ranges_are_malformed() -> None:
    serials = tuple((2 * n, 2 * n + 1) for n in range(MAX_RANGES + 1))
    one = leg(1, serials, ("a", TRADING), ("b", TRADING), "L")
    assert malformed(movement("m", MovementKind.DELIVER, one)) == Refusal(code=RefusalCode.MALFORMED)
