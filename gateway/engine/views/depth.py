"""The listed book as everybody may see it: quantity per price, folded from journaled events.

A listing's sequence number rises by exactly one with every commit that changes its levels, so that a reader who
holds a snapshot and every change after it holds the book, and who misses one knows it. A start reads many commits at once:
each term of a writer begins with the number of the journal's last entry, which no listing has ever been beyond. So the
numbers never fall back, and a process that follows the journal batch by batch has the very same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sortedcontainers import SortedDict

from matching.order import Side

Level = tuple[int, int]
"""(price_fen, quantity_tonnes)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthView:
    """The best levels of a listing, best first on both sides."""

    listing: str
    seq: int
    at_ns: int
    """When it last changed, or a writer's term began; zero before either."""
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthChange:
    """What one commit changed: the new quantity at each touched price, zero where the level is gone."""

    listing: str
    seq: int
    """One more than the change before it."""
    at_ns: int
    bids: tuple[Level, ...]
    """Touched levels, best first."""
    asks: tuple[Level, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthState:
    """A listing's levels as written to a snapshot."""

    listing: str
    seq: int
    at_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Depth:
    """Quantity per price of one listing."""

    __slots__ = ("_at_ns", "_levels", "_seq", "_touched", "listing")

    def __init__(self, listing: str) -> None:
        """An empty book."""
        self.listing = listing
        self._seq = 0
        self._at_ns = 0
        self._levels: dict[Side, SortedDict[int, int]] = {Side.BUY: SortedDict(), Side.SELL: SortedDict()}
        self._touched: set[tuple[Side, int]] = set()

    def add(self, side: Side, price_fen: int, change_tonnes: int) -> None:
        """More (or, below zero, less) stands at that price. A level below zero is a fault of ours."""
        levels = self._levels[side]
        quantity = levels.get(price_fen, 0) + change_tonnes
        assert quantity >= 0, f"{self.listing} {side.value} {price_fen} would stand at {quantity} t"
        if quantity:
            levels[price_fen] = quantity
        else:
            del levels[price_fen]
        self._touched.add((side, price_fen))

    def begin_term(self, seq: int, at_ns: int) -> None:
        """Go on from that number and time, whatever they were: the journal's last entry as a writer begins."""
        assert seq >= self._seq, f"{self.listing} stands at {self._seq}, beyond entry {seq}"
        self._seq = seq
        self._at_ns = at_ns
        self._touched.clear()

    def take_change(self, at_ns: int) -> DepthChange | None:
        """What was touched since the last call, as one change; none when nothing was."""
        if not self._touched:
            return None
        self._seq += 1
        self._at_ns = at_ns
        bids = sorted((price for side, price in self._touched if side is Side.BUY), reverse=True)
        asks = sorted(price for side, price in self._touched if side is Side.SELL)
        self._touched.clear()
        return DepthChange(
            listing=self.listing,
            seq=self._seq,
            at_ns=at_ns,
            bids=self._quantities(Side.BUY, bids),
            asks=self._quantities(Side.SELL, asks),
        )

    def view(self, levels: int | None) -> DepthView:
        """The best levels of both sides; all of them when no number is given."""
        return DepthView(
            listing=self.listing,
            seq=self._seq,
            at_ns=self._at_ns,
            bids=tuple(islice(self._best_first(Side.BUY), levels)),
            asks=tuple(islice(self._best_first(Side.SELL), levels)),
        )

    def dump(self) -> DepthState:
        """Everything, for a snapshot."""
        view = self.view(None)
        return DepthState(
            listing=self.listing, seq=view.seq, at_ns=view.at_ns, bids=view.bids, asks=view.asks
        )

    @classmethod
    def load(cls, state: DepthState) -> "Depth":
        """The book that was dumped."""
        depth = cls(state.listing)
        depth._seq, depth._at_ns = state.seq, state.at_ns
        depth._levels[Side.BUY].update(state.bids)
        depth._levels[Side.SELL].update(state.asks)
        return depth

    def _best_first(self, side: Side) -> Iterator[Level]:
        levels = self._levels[side]
        prices = reversed(levels) if side is Side.BUY else iter(levels)
        return ((price, levels[price]) for price in prices)

    def _quantities(self, side: Side, prices: Iterable[int]) -> tuple[Level, ...]:
        levels = self._levels[side]
        return tuple((price, levels.get(price, 0)) for price in prices)
