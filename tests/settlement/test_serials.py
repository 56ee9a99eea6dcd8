"""Serial ranges against plain sets of whole numbers."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement import serials
from settlement.serials import Serials

NUMBERS = st.frozensets(st.integers(0, 60), max_size=40)


def ranges(numbers: frozenset[int]) -> Serials:
    """The well-formed ranges that hold exactly these serials."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return tuple(found)


def numbers(held: Serials) -> frozenset[int]:
    return frozenset(number for first, end in held for number in range(first, end))


@given(NUMBERS)
def test_ranges_say_the_same_as_their_numbers(members: frozenset[int]) -> None:
    held = ranges(members)
    assert serials.is_well_formed(held)
    assert serials.count(held) == len(members)


@given(NUMBERS, NUMBERS)
def test_union_is_merged_or_refuses_what_overlaps(left: frozenset[int], right: frozenset[int]) -> None:
    if left & right:
        with pytest.raises(AssertionError, match="overlap"):
            serials.union(ranges(left), ranges(right))
    else:
        assert serials.union(ranges(left), ranges(right)) == ranges(left | right)


@given(NUMBERS, NUMBERS)
def test_difference_tiles_or_refuses_what_is_not_there(whole: frozenset[int], part: frozenset[int]) -> None:
    if part <= whole:
        rest = serials.difference(ranges(whole), ranges(part))
        assert rest == ranges(whole - part)
        assert serials.union(rest, ranges(part)) == ranges(whole)
    else:
        with pytest.raises(AssertionError):
            serials.difference(ranges(whole), ranges(part))


@given(NUMBERS, NUMBERS)
def test_few_ranges_and_many_are_put_together_and_taken_apart_alike(
    left: frozenset[int], right: frozenset[int]
) -> None:
    apart, whole = ranges(left - right), ranges(left | right)
    few = (serials.union(apart, ranges(right)), serials.difference(whole, apart))
    with patch.object(serials, "FEW", 0):
        assert (serials.union(apart, ranges(right)), serials.difference(whole, apart)) == few
        if left & right:
            with pytest.raises(AssertionError, match="overlap"):
                serials.union(ranges(left), ranges(right))
        if not right <= left:
            with pytest.raises(AssertionError):
                serials.difference(ranges(left), ranges(right))


@given(NUMBERS, st.integers(0, 60))
def test_as_many_as_there_are_can_be_taken_at_most(whole: frozenset[int], quantity: int) -> None:
    taken, rest = serials.take_up_to(ranges(whole), quantity)
    assert (taken, rest) == (
        ranges(frozenset(sorted(whole)[:quantity])),
        ranges(frozenset(sorted(whole)[quantity:])),
    )


@given(NUMBERS, st.data())
def test_taking_the_first_tiles(whole: frozenset[int], data: st.DataObject) -> None:
    quantity = data.draw(st.integers(0, len(whole)))
    taken, rest = serials.take_first(ranges(whole), quantity)
    assert taken == ranges(frozenset(sorted(whole)[:quantity]))
    assert rest == ranges(frozenset(sorted(whole)[quantity:]))


@given(NUMBERS, st.integers(1, 5))
def test_more_than_there_is_cannot_be_taken(whole: frozenset[int], more: int) -> None:
    with pytest.raises(AssertionError, match="too few"):
        serials.take_first(ranges(whole), len(whole) + more)


@given(NUMBERS, NUMBERS)
def test_containing_is_being_a_subset(whole: frozenset[int], part: frozenset[int]) -> None:
    assert serials.contains(ranges(whole), ranges(part)) is (part <= whole)


@given(NUMBERS, NUMBERS)
def test_ranges_overlap_where_their_numbers_do(left: frozenset[int], right: frozenset[int]) -> None:
    assert serials.overlap(ranges(left), ranges(right)) is bool(left & right)


@pytest.mark.parametrize(
    "malformed",
    [
        ((5, 5),),
        ((5, 4),),
        ((-1, 3),),
        ((1, 3), (3, 5)),
        ((1, 4), (3, 5)),
        ((4, 5), (1, 2)),
        ((1, 2), (1, 2)),
    ],
    ids=["empty", "backwards", "negative", "touching", "overlapping", "descending", "twice"],
)
def test_malformed_ranges_are_known(malformed: Serials) -> None:
    assert not serials.is_well_formed(malformed)


@given(st.lists(st.tuples(st.integers(-3, 12), st.integers(-3, 12)), max_size=4))
def test_only_canonical_ranges_are_well_formed(pairs: list[tuple[int, int]]) -> None:
    held = tuple(pairs)
    members = numbers(held)
    canonical = all(number >= 0 for number in members) and ranges(members) == held
    assert serials.is_well_formed(held) is canonical
