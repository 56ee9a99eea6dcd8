"""Compare the registry's trading positions with the exchange's: pure, in one pass, in flat memory.

Both sides come in order of account, lot and serial, as of one journal entry of the registry. Ranges of
one lot in one account are merged before they are compared, since either side may hold them in more pieces.
A break says which account and lot differ and how; whatever is on both sides the same says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    as_of: int = 0
    """Sequence number of the registry's journal as of which both sides were taken."""

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


class Lots:
    """One side's positions taken in range by range and given out lot by lot, added to the digest on the way."""

    def __init__(self) -> None:
        self.digest = PositionDigest()
        self._key: tuple[str, str] | None = None
        self._ranges: list[tuple[int, int]] = []

    def add(self, position: PositionRange) -> LotPosition | None:
        """The next range; the lot before it, if that is now complete."""
        self.digest.add(position)
        key = (position.account, position.lot)
        complete = None if key == self._key else self.close()
        self._key = key
        if self._ranges and self._ranges[-1][1] == position.first:
            self._ranges[-1] = (self._ranges[-1][0], position.end)
        else:
            self._ranges.append((position.first, position.end))
        return complete

    def close(self) -> LotPosition | None:
        """The last lot, if there is one."""
        if self._key is None:
            return None
        complete = LotPosition(key=self._key, serials=tuple(self._ranges))
        self._key, self._ranges = None, []
        return complete

    def side(self) -> Side:
        """What everything added comes to; nothing may be added afterwards."""
        return Side(totals=self.digest.totals(), digest=self.digest.hexdigest())


@dataclass(frozen=True, kw_only=True, slots=True)
class LotPosition:
    """All that is held of one lot in one account, merged."""

    key: tuple[str, str]
    serials: Serials


class Comparison:
    """Compares positions as they come: each side in its order, neither ever as a whole.

    The registry's are pushed in, page by page; the exchange's are drawn as far as is needed.
    """

    def __init__(self, here: Iterable[PositionRange]) -> None:
        self._here_ranges = iter(here)
        self._here, self._there = Lots(), Lots()
        self._ours = self._next()
        self._breaks: list[Break] = []
        self._count = 0

    def add(self, there: PositionRange) -> None:
        """The registry's next range. PositionsOutOfOrder: a side is not in order; nothing can be said then."""
        complete = self._there.add(there)
        if complete is not None:
            self._compare(complete)

    def finish(self, as_of: int = 0) -> Reconciliation:
        """The outcome, once the registry's last range was added."""
        complete = self._there.close()
        if complete is not None:
            self._compare(complete)
        while self._ours is not None:
            self._found(BreakKind.MISSING_THERE, self._ours.key, self._ours.serials, ())
            self._ours = self._next()
        return Reconciliation(
            here=self._here.side(),
            there=self._there.side(),
            breaks=tuple(self._breaks),
            break_count=self._count,
            as_of=as_of,
        )

    def _next(self) -> LotPosition | None:
        for position in self._here_ranges:
            complete = self._here.add(position)
            if complete is not None:
                return complete
        return self._here.close()

    def _compare(self, theirs: LotPosition) -> None:
        while self._ours is not None and self._ours.key < theirs.key:
            self._found(BreakKind.MISSING_THERE, self._ours.key, self._ours.serials, ())
            self._ours = self._next()
        if self._ours is None or theirs.key < self._ours.key:
            self._found(BreakKind.MISSING_HERE, theirs.key, (), theirs.serials)
            return
        if self._ours.serials != theirs.serials:
            self._found(BreakKind.RANGE_DIFFERS, theirs.key, self._ours.serials, theirs.serials)
        self._ours = self._next()

    def _found(self, kind: BreakKind, key: tuple[str, str], ours: Serials, theirs: Serials) -> None:
        self._count += 1
        if self._count <= MAX_BREAKS:
            self._breaks.append(_break(kind, key, ours, theirs))


def reconcile(here: Iterable[PositionRange], there: Iterable[PositionRange]) -> Reconciliation:
    """Compare the exchange's positions (here) with the registry's (there).

    Raises:
        PositionsOutOfOrder: a side is not in order; nothing can be said then.
    """
    comparison = Comparison(here)
    for position in there:
        comparison.add(position)
    return comparison.finish()


def sum_up(positions: Iterable[PositionRange]) -> Side:
    """What positions add up to. PositionsOutOfOrder: they are not in order."""
    digest = PositionDigest()
    for position in positions:
        digest.add(position)
    return Side(totals=digest.totals(), digest=digest.hexdigest())


def _break(kind: BreakKind, key: tuple[str, str], ours: Serials, theirs: Serials) -> Break:
    return Break(
        kind=kind,
        account=key[0],
        lot=key[1],
        only_here=without(ours, theirs),
        only_there=without(theirs, ours),
    )


def without(whole: Serials, other: Serials) -> Serials:
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
