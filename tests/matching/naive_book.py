"""A book so plain that it is its own specification: one list, sorted by what the rule says each time it is asked."""

from collections.abc import Iterator

from matching.book import Match
from matching.order import Order, OrderId, Side
from settlement.values import ParticipantId


class NaiveBook:
    """Resting orders in order of arrival."""

    def __init__(self) -> None:
        self._arrived: list[Order] = []

    def __len__(self) -> int:
        return len(self._arrived)

    def get(self, order_id: OrderId) -> Order | None:
        return next((order for order in self._arrived if order.order_id == order_id), None)

    def best(self, side: Side) -> int | None:
        return next((order.price_fen for order in self._by_priority(side)), None)

    def plan(
        self, side: Side, price_fen: int, quantity_tonnes: int, owner: ParticipantId
    ) -> tuple[list[Match], list[Order]]:
        matches, own = [], []
        for order in self._by_priority(side.opposite):
            crosses = order.price_fen <= price_fen if side is Side.BUY else order.price_fen >= price_fen
            here = min(quantity_tonnes, order.remaining_tonnes)
            if crosses and here and order.owner == owner:
                own.append(order)
            elif crosses and here:
                matches.append(Match(order, here))
                quantity_tonnes -= here
        return matches, own

    def add(self, order: Order) -> None:
        self._arrived.append(order)

    def fill(self, order: Order, quantity_tonnes: int) -> None:
        order.fill(quantity_tonnes, order.price_fen)
        if not order.remaining_tonnes:
            self.remove(order)

    def reduce(self, order: Order, quantity_tonnes: int) -> None:
        order.remaining_tonnes = quantity_tonnes

    def remove(self, order: Order) -> None:
        self._arrived = [other for other in self._arrived if other is not order]

    def orders(self) -> Iterator[Order]:
        for side in Side:
            yield from self._by_priority(side)

    def depth(self, side: Side, levels: int) -> list[tuple[int, int]]:
        prices = list(dict.fromkeys(order.price_fen for order in self._by_priority(side)))
        return [
            (
                price,
                sum(order.remaining_tonnes for order in self._by_priority(side) if order.price_fen == price),
            )
            for price in prices[:levels]
        ]

    def check(self) -> None:
        """Nothing to walk: there is nothing beside the list."""

    def _by_priority(self, side: Side) -> list[Order]:
        there = [order for order in self._arrived if order.side is side]
        return sorted(there, key=lambda order: order.price_fen, reverse=side is Side.BUY)
