"""The order book of one listing: two sorted maps of price levels, each a queue in order of arrival.

Price first, then time: the best price of the other side meets an incoming order first, and within a price the order
that has stood there longest (automatic matching of the local market). `plan` only looks; `fill`, `add` and `remove`
change. Planning before changing lets every guard know what would happen while a refusal can still change nothing.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from sortedcontainers import SortedDict

from matching.order import Order, OrderId, OrderStatus, Side
from settlement.values import ParticipantId


@dataclass(frozen=True, slots=True)
class Match:
    """A resting order and how many of its tonnes an incoming order would take."""

    resting: Order
    quantity_tonnes: int


@dataclass(slots=True)
class Level:
    """The orders at one price. An OrderedDict, since taking the oldest of a plain dict costs its whole past."""

    price_fen: int
    total_tonnes: int = 0
    orders: OrderedDict[OrderId, Order] = field(default_factory=OrderedDict)


class OrderBook:
    """Resting orders. Sell levels are keyed by price, buy levels by its negative: the first key is always the best."""

    __slots__ = ("_orders", "_sides")

    def __init__(self) -> None:
        """An empty book."""
        self._sides: dict[Side, SortedDict[int, Level]] = {Side.BUY: SortedDict(), Side.SELL: SortedDict()}
        self._orders: dict[OrderId, Order] = {}

    def __len__(self) -> int:
        """How many orders rest."""
        return len(self._orders)

    def get(self, order_id: OrderId) -> Order | None:
        """The resting order of that id."""
        return self._orders.get(order_id)

    def best(self, side: Side) -> int | None:
        """The best price of a side, fen per tonne."""
        levels = self._sides[side]
        return levels.peekitem(0)[1].price_fen if levels else None

    def plan(
        self, side: Side, price_fen: int, quantity_tonnes: int, *hands: ParticipantId
    ) -> tuple[list[Match], list[Order]]:
        """Whom an incoming order of that side, limit and size would meet, in order of priority.

        `hands` are its owner and who acts for the owner. The second list is what it would meet on the way of orders
        that one of them owns or acts for; the first leaves it out.
        """
        matches: list[Match] = []
        own: list[Order] = []
        mine = frozenset(hands)
        wanted = quantity_tonnes
        levels = self._sides[side.opposite]
        limit = _key(side.opposite, price_fen)
        for key in levels:
            if key > limit or not wanted:
                break
            for order in levels[key].orders.values():
                if not wanted:
                    break
                if not mine.isdisjoint(order.hands):
                    own.append(order)
                    continue
                here = min(wanted, order.remaining_tonnes)
                matches.append(Match(order, here))
                wanted -= here
        return matches, own

    def add(self, order: Order) -> None:
        """Let an order rest behind all others at its price."""
        levels = self._sides[order.side]
        key = _key(order.side, order.price_fen)
        level = levels.get(key)
        if level is None:
            level = levels[key] = Level(order.price_fen)
        level.orders[order.order_id] = order
        level.total_tonnes += order.remaining_tonnes
        self._orders[order.order_id] = order

    def fill(self, order: Order, quantity_tonnes: int) -> None:
        """Trade part or all of a resting order; filled, it leaves."""
        level = self._sides[order.side][_key(order.side, order.price_fen)]
        level.total_tonnes -= quantity_tonnes
        order.fill(quantity_tonnes, order.price_fen)
        if not order.remaining_tonnes:
            self._take_out(order, level)

    def reduce(self, order: Order, quantity_tonnes: int) -> None:
        """Lower what a resting order still wants to that many tonnes; it keeps its place."""
        level = self._sides[order.side][_key(order.side, order.price_fen)]
        level.total_tonnes -= order.remaining_tonnes - quantity_tonnes
        order.remaining_tonnes = quantity_tonnes

    def remove(self, order: Order) -> None:
        """Take a resting order out with all that remains of it."""
        level = self._sides[order.side][_key(order.side, order.price_fen)]
        level.total_tonnes -= order.remaining_tonnes
        self._take_out(order, level)

    def orders(self) -> Iterator[Order]:
        """Every resting order: buys then sells, best price first, oldest first. Adding them in turn makes this book."""
        for side in Side:
            for level in self._sides[side].values():
                yield from level.orders.values()

    def depth(self, side: Side, levels: int) -> list[tuple[int, int]]:
        """The best levels of a side: (price in fen, tonnes)."""
        return [(level.price_fen, level.total_tonnes) for level in self._sides[side].values()[:levels]]

    def check(self) -> None:
        """Walk the whole book; every rule below must hold while it rests."""
        best_buy, best_sell = self.best(Side.BUY), self.best(Side.SELL)
        # A book at rest is not crossed: whoever could trade has traded.
        assert best_buy is None or best_sell is None or best_buy < best_sell, (
            f"crossed: {best_buy} ≥ {best_sell}"
        )
        seen: set[OrderId] = set()
        for side, levels in self._sides.items():
            for key, level in levels.items():
                assert key == _key(side, level.price_fen), f"level {level.price_fen} under key {key}"
                # No level without orders, and its total is theirs.
                assert level.orders, f"empty level {level.price_fen}"
                assert level.total_tonnes == sum(order.remaining_tonnes for order in level.orders.values())
                for order_id, order in level.orders.items():
                    # A resting order stands in exactly one level: its own side, its own price.
                    assert order_id not in seen, f"order {order_id} stands twice"
                    seen.add(order_id)
                    assert self._orders.get(order_id) is order, f"order {order_id} is not in the index"
                    assert (order.side, order.price_fen) == (side, level.price_fen), (
                        f"order {order_id} misplaced"
                    )
                    # Only what can still trade rests.
                    assert 0 < order.remaining_tonnes <= order.quantity_tonnes, (
                        f"order {order_id} has nothing left"
                    )
                    assert order.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED), (
                        f"order {order_id} ended"
                    )
        assert len(seen) == len(self._orders), "the index knows orders that stand nowhere"

    def _take_out(self, order: Order, level: Level) -> None:
        del level.orders[order.order_id]
        del self._orders[order.order_id]
        if not level.orders:
            del self._sides[order.side][_key(order.side, order.price_fen)]


def _key(side: Side, price_fen: int) -> int:
    return -price_fen if side is Side.BUY else price_fen
