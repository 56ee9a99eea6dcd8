"""Compare the registry's trading positions with the exchange's: pure, in one pass, in flat memory.

Both sides come in order of account, lot and serial, as of one journal entry of the registry. Ranges of
one lot in one account are merged before they are compared, since either side may hold them in more pieces.
A break says which account and lot differ and how; whatever is on both sides the same says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from registry_bridge.registry import PositionRange, PositionTotals
from settlement.serials import Serials

MAX_BREAKS = 10_000
"""Breaks reported one by one; beyond that they are only counted, since the cause is another."""


class BreakKind(Enum):
    """How one account and lot differ."""

    MISSING_HERE = "missing_here"
    """The registry has the lot in this account, the exchange has none of it."""
    MISSING_THERE = "missing_there"
    """The exchange has the lot in this account, the registry has none of it."""
    RANGE_DIFFERS = "range_differs"
    """Both have some, but not the same serials."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Break:
    """A difference in one account and lot, with what only one of the sides has."""

    kind: BreakKind
    account: str
    lot: str
    only_here: Serials
    only_there: Serials


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """What one side adds up to."""

    totals: PositionTotals
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """The outcome: clean when there is no break, and then both digests are the same."""

    here: Side
    there: Side
    breaks: tuple[Break, ...]
    """In order of account and lot; at most `MAX_BREAKS`."""
    break_count: int

    @property
    def is_clean(self) -> bool:
        """Nothing differs."""
        return self.break_count == 0


class PositionsOutOfOrder(ValueError):  # noqa: N818 - it states a fact
    """Positions are not ascending by account, lot and serial, or overlap, or are empty."""


class PositionDigest:
    """Totals and a SHA-256 over merged positions, taken in as they come."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._last: PositionRange | None = None
        self._accounts = self._lots = self._tonnes = 0

    def add(self, position: PositionRange) -> None:
        """The next range in order; PositionsOutOfOrder when it is not."""
        last = self._last
        if position.end <= position.first or (last is not None and not _follows(last, position)):
            raise PositionsOutOfOrder(f"{position} after {last}")
        if last is None or last.account != position.account:
            self._accounts += 1
        if last is None or (last.account, last.lot) != (position.account, position.lot):
            self._lots += 1
        self._tonnes += position.end - position.first
        if last is not None and (last.account, last.lot, last.end) == (
            position.account,
            position.lot,
            position.first,
        ):
            self._last = PositionRange(account=last.account, lot=last.lot, first=last.first, end=position.end)
        else:
            self._write()
            self._last = position

    def totals(self) -> PositionTotals:
        """Accounts that hold something, lots counted once for each account, and tonnes."""
        return PositionTotals(accounts=self._accounts, lots=self._lots, tonnes=self._tonnes)

    def hexdigest(self) -> str:
        """The digest of everything added; nothing may be added afterwards."""
        self._write()
        self._last = None
        return self._hash.hexdigest()

    def _write(self) -> None:
        if self._last is not None:
            last = self._last
            self._hash.update(f"{last.account}\t{last.lot}\t{last.first}\t{last.end}\n".encode())


def _follows(before: PositionRange, after: PositionRange) -> bool:
    if (before.account, before.lot) == (after.account, after.lot):
        return before.end <= after.first
    return (before.account, before.lot) < (after.account, after.lot)


@dataclass(frozen=True, kw_only=True, slots=True)
class _LotPosition:
    key: tuple[str, str]
    serials: Serials


def reconcile(here: Iterable[PositionRange], there: Iterable[PositionRange]) -> Reconciliation:
    """Compare the exchange's positions (here) with the registry's (there).

    Raises:
        PositionsOutOfOrder: a side is not in order; nothing can be said then.
    """
    here_digest, there_digest = PositionDigest(), PositionDigest()
    breaks: list[Break] = []
    count = 0
    for found in _breaks(_by_lot(here, here_digest), _by_lot(there, there_digest)):
        count += 1
        if count <= MAX_BREAKS:
            breaks.append(found)
    return Reconciliation(
        here=Side(totals=here_digest.totals(), digest=here_digest.hexdigest()),
        there=Side(totals=there_digest.totals(), digest=there_digest.hexdigest()),
        breaks=tuple(breaks),
        break_count=count,
    )


def _by_lot(positions: Iterable[PositionRange], digest: PositionDigest) -> Iterator[_LotPosition]:
    """Merge what belongs to one account and lot, adding everything to the digest on the way."""
    key: tuple[str, str] | None = None
    ranges: list[tuple[int, int]] = []
    for position in positions:
        digest.add(position)
        if key != (position.account, position.lot):
            if key is not None:
                yield _LotPosition(key=key, serials=tuple(ranges))
            key, ranges = (position.account, position.lot), []
        if ranges and ranges[-1][1] == position.first:
            ranges[-1] = (ranges[-1][0], position.end)
        else:
            ranges.append((position.first, position.end))
    if key is not None:
        yield _LotPosition(key=key, serials=tuple(ranges))


def _breaks(here: Iterator[_LotPosition], there: Iterator[_LotPosition]) -> Iterator[Break]:
    ours, theirs = next(here, None), next(there, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and ours.key < theirs.key):
            assert ours is not None
            yield _break(BreakKind.MISSING_THERE, ours.key, ours.serials, ())
            ours = next(here, None)
        elif ours is None or theirs.key < ours.key:
            yield _break(BreakKind.MISSING_HERE, theirs.key, (), theirs.serials)
            theirs = next(there, None)
        else:
            if ours.serials != theirs.serials:
                yield _break(BreakKind.RANGE_DIFFERS, ours.key, ours.serials, theirs.serials)
            ours, theirs = next(here, None), next(there, None)


def _break(kind: BreakKind, key: tuple[str, str], ours: Serials, theirs: Serials) -> Break:
    return Break(
        kind=kind,
        account=key[0],
        lot=key[1],
        only_here=_without(ours, theirs),
        only_there=_without(theirs, ours),
    )


def _without(whole: Serials, other: Serials) -> Serials:
    """Serials of the first that are not in the second, which may reach beyond it."""
    left: list[tuple[int, int]] = []
    at = 0
    for first, end in whole:
        position = first
        while at < len(other) and other[at][1] <= position:
            at += 1
        index = at
        while index < len(other) and other[index][0] < end:
            if position < other[index][0]:
                left.append((position, other[index][0]))
            position = max(position, other[index][1])
            index += 1
        if position < end:
            left.append((position, end))
    return tuple(left)
