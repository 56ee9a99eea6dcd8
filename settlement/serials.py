"""Serial ranges: half-open, ordered, disjoint, merged. Splitting tiles: no serial lost, none twice.

A `Serials` value is a tuple of (first, end) pairs in ascending order in which no two pairs overlap or touch. All
functions here take and return such values; one serial is one tonne.
"""

from bisect import bisect_left, bisect_right
from typing import Final, TypeAlias

SerialRange: TypeAlias = tuple[int, int]
"""Half-open: (1001, 1011) is the ten serials 1001 to 1010."""

Serials: TypeAlias = tuple[SerialRange, ...]

NONE: Serials = ()

FEW: Final = 16
"""Ranges put in or taken out one by one; with more it is quicker to walk through all."""


def count(serials: Serials) -> int:
    """Tonnes in these ranges."""
    return sum(end - first for first, end in serials)


def is_well_formed(serials: Serials) -> bool:
    """Whether the ranges are non-empty, ascending, disjoint and merged."""
    last_end: int | None = None
    for first, end in serials:
        if first < 0 or end <= first or (last_end is not None and first <= last_end):
            return False
        last_end = end
    return True


def union(left: Serials, right: Serials) -> Serials:
    """Both together, merged where they touch. They may not overlap: a serial is in one place only."""
    many, few = (left, right) if len(left) > len(right) else (right, left)
    if len(few) > FEW:
        return _union_of_many(many, few)
    for first, end in few:
        many = _joined(many, first, end)
    return many


def _union_of_many(left: Serials, right: Serials) -> Serials:
    merged: list[SerialRange] = []
    for first, end in sorted(left + right):
        if merged and first < merged[-1][1]:
            raise AssertionError(f"serials overlap: {(first, end)} and {merged[-1]}")
        if merged and first == merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((first, end))
    return tuple(merged)


def _joined(many: Serials, first: int, end: int) -> Serials:
    """One range more, found its place by halving and put in by copying: no range in between is looked at."""
    low = high = bisect_left(many, (first,))
    if low and many[low - 1][1] >= first:
        low -= 1
        if many[low][1] > first:
            raise AssertionError(f"serials overlap: {(first, end)} and {many[low]}")
        first = many[low][0]
    if high < len(many) and many[high][0] <= end:
        if many[high][0] < end:
            raise AssertionError(f"serials overlap: {(first, end)} and {many[high]}")
        end = many[high][1]
        high += 1
    return (*many[:low], (first, end), *many[high:])


def merged(left: Serials, right: Serials) -> Serials:
    """What is in either, overlapping or not."""
    found: list[SerialRange] = []
    for first, end in sorted(left + right):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((first, end))
    return tuple(found)


def intersection(left: Serials, right: Serials) -> Serials:
    """What is in both."""
    found: list[SerialRange] = []
    many, few = (left, right) if len(left) > len(right) else (right, left)
    for low, high in few:
        for at in range(max(bisect_right(many, low, key=_first) - 1, 0), len(many)):
            first, end = many[at]
            if first >= high:
                break
            if end > low:
                found.append((max(first, low), min(end, high)))
    return tuple(found)


def difference(whole: Serials, part: Serials) -> Serials:
    """What is left of `whole` without `part`, every serial of which must be in it."""
    if len(part) > FEW:
        return _difference_of_many(whole, part)
    for first, end in part:
        whole = _cut(whole, first, end)
    return whole


def _difference_of_many(whole: Serials, part: Serials) -> Serials:
    left: list[SerialRange] = []
    cuts = iter(part)
    cut = next(cuts, None)
    for first, end in whole:
        start = first
        while cut is not None and cut[0] < end:
            if cut[0] < start or cut[1] > end:
                raise AssertionError(f"serials {cut} are not within {(start, end)}")
            if start < cut[0]:
                left.append((start, cut[0]))
            start = cut[1]
            cut = next(cuts, None)
        if start < end:
            left.append((start, end))
    if cut is not None:
        raise AssertionError(f"serials {cut} are not held")
    return tuple(left)


def _cut(whole: Serials, low: int, high: int) -> Serials:
    """Without one range of it, found and taken out likewise."""
    at = bisect_left(whole, (low + 1,)) - 1
    if at < 0 or whole[at][1] < high:
        raise AssertionError(f"serials {(low, high)} are not held")
    first, end = whole[at]
    left = tuple(piece for piece in ((first, low), (high, end)) if piece[0] < piece[1])
    return (*whole[:at], *left, *whole[at + 1 :])


def contains(whole: Serials, part: Serials) -> bool:
    """Whether every serial of `part` is in `whole`."""
    for low, high in part:
        at = bisect_right(whole, low, key=_first) - 1
        if at < 0 or whole[at][1] < high:
            return False
    return True


def overlap(left: Serials, right: Serials) -> bool:
    """Whether any serial is in both."""
    many, few = (left, right) if len(left) > len(right) else (right, left)
    for low, high in few:
        at = bisect_left(many, high, key=_first) - 1
        if at >= 0 and many[at][1] > low:
            return True
    return False


def take_first(serials: Serials, quantity: int) -> tuple[Serials, Serials]:
    """The lowest `quantity` serials, and the rest. At least that many must be there."""
    taken, rest = take_up_to(serials, quantity)
    if count(taken) < quantity:
        raise AssertionError(f"{quantity - count(taken)} serials too few to take {quantity}")
    return taken, rest


def take_up_to(serials: Serials, quantity: int) -> tuple[Serials, Serials]:
    """The lowest `quantity` serials, or all where there are fewer, and the rest."""
    taken: list[SerialRange] = []
    wanted = quantity
    for index, (first, end) in enumerate(serials):
        if wanted == 0:
            return tuple(taken), serials[index:]
        here = min(wanted, end - first)
        taken.append((first, first + here))
        wanted -= here
        if first + here < end:
            return tuple(taken), ((first + here, end), *serials[index + 1 :])
    return tuple(taken), NONE


def _first(serials: SerialRange) -> int:
    return serials[0]
