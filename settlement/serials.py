"""Serial ranges: half-open, ordered, disjoint, merged. Splitting tiles: no serial lost, none twice.

A `Serials` value is a tuple of (first, end) pairs in ascending order in which no two pairs overlap or touch. All
functions here take and return such values; one serial is one tonne.
"""

from bisect import bisect_left, bisect_right
from typing import TypeAlias

SerialRange: TypeAlias = tuple[int, int]
"""Half-open: (1001, 1011) is the ten serials 1001 to 1010."""

Serials: TypeAlias = tuple[SerialRange, ...]

NONE: Serials = ()


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
    merged: list[SerialRange] = []
    for first, end in sorted(left + right):
        if merged and first < merged[-1][1]:
            raise AssertionError(f"serials overlap: {(first, end)} and {merged[-1]}")
        if merged and first == merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((first, end))
    return tuple(merged)


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
    if wanted:
        raise AssertionError(f"{wanted} serials too few to take {quantity}")
    return tuple(taken), NONE


def _first(serials: SerialRange) -> int:
    return serials[0]
