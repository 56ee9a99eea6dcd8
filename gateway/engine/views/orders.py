"""Orders as their owners see them, folded from journaled events.

Two instances of `OpenOrders` exist in a running exchange: the journal's, which is as far as the batch being written,
and the views', which is as far as the last commit. They are the same code, so what is read from memory and what is
stored when an order ends cannot differ.
"""

from dataclasses import dataclass, field

from gateway.engine.entry import Entry
from matching.commands import ReplaceOrder, SubmitOrder
from matching.events import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderReplaced,
    OrderRested,
    Rejected,
    Traded,
)
from matching.order import Side, TimeInForce
from settlement.rejections import Figure
from settlement.retirement import Use

NOT_FOR_THE_OWNER = frozenset(
    {"account_unknown", "not_your_account", "not_mandated", "personal_data_restricted", "client_id_reused"}
)
"""Refusals that use no client id: of who may not act for the account, or of one that took the id of an earlier request.
They are answered to the sender and stand in the journal, but not among the account's own orders and events, where an id
is there once."""


@dataclass(kw_only=True, slots=True)
class OrderView:
    """An order, or an attempt at one. Not to be altered by readers."""

    order_id: int
    account: str
    participant: str
    client_order_id: str
    listing: str
    side: Side
    price_fen: int
    quantity_tonnes: int
    remaining_tonnes: int
    """What has not traded; after the end, what never will."""
    time_in_force: TimeInForce
    status: str
    """`new`, `partially_filled`, `filled`, `cancelled`, `expired` or `rejected`."""
    at_ns: int
    """When it was decided."""
    turnover_fen: int = 0
    """Price times quantity of all it traded, so that the average price is this by `filled_tonnes`."""
    ended_ns: int | None = None
    reason: str | None = None
    """Why it was cancelled, or the code it was rejected with."""
    limit: Figure | None = None
    actual: Figure | None = None
    use: Use | None = None
    """What its units are to be retired for on settlement."""
    actor: str | None = field(default=None, compare=False)
    """Who replaced it last, where that gave it a new place; kept while it is open, like the next."""
    rested_seq: int = field(default=0, compare=False)
    """By which command it took its place in the book: at one price the lower one is served first. Of an order
    that has ended nothing is kept of it, so it is no part of what two pictures of an order are compared by."""

    @property
    def filled_tonnes(self) -> int:
        """What has traded."""
        return self.quantity_tonnes - self.remaining_tonnes

    @property
    def acted_by(self) -> str:
        """Who placed it, or replaced it last."""
        return self.actor or self.participant

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.ended_ns is None


class OpenOrders:
    """Every order that can still trade, and the news of those that no longer can."""

    __slots__ = ("_open", "ended")

    def __init__(self, orders: tuple[OrderView, ...] = ()) -> None:
        """With these open orders."""
        self._open = {order.order_id: order for order in orders}
        self.ended: list[OrderView] = []
        """Orders and attempts that ended since this list was last taken, in order."""

    def get(self, order_id: int) -> OrderView | None:
        """An open order."""
        return self._open.get(order_id)

    def all(self) -> tuple[OrderView, ...]:
        """Every open order, oldest first."""
        return tuple(self._open.values())

    def take_ended(self) -> list[OrderView]:
        """What ended since the last call."""
        ended, self.ended = self.ended, []
        return ended

    def accept(self, entry: Entry, event: OrderAccepted) -> OrderView:
        """An order came to be."""
        command = entry.command
        assert isinstance(command, SubmitOrder), f"an order was accepted by {type(command).__name__}"
        order = self._open[event.order_id] = _from_command(entry, command, "new")
        return order

    def reject(self, entry: Entry, command: SubmitOrder, event: Rejected) -> OrderView:
        """An attempt never became an order."""
        order = _from_command(entry, command, "rejected")
        order.ended_ns = entry.at_ns
        order.reason, order.limit, order.actual = event.code, event.limit, event.actual
        self.ended.append(order)
        return order

    def trade(self, entry: Entry, event: Traded) -> tuple[OrderView, OrderView]:
        """Two orders met: (buy, sell)."""
        amount_fen = event.price_fen * event.quantity_tonnes
        buy = self._fill(event.buy_order_id, event.buy_remaining_tonnes, amount_fen, entry.at_ns)
        sell = self._fill(event.sell_order_id, event.sell_remaining_tonnes, amount_fen, entry.at_ns)
        return buy, sell

    def rest(self, entry: Entry, event: OrderRested) -> None:
        """An order takes its place behind all others at its price."""
        self._open[event.order_id].rested_seq = entry.seq

    def replace(self, entry: Entry, event: OrderReplaced) -> OrderView:
        """An order has other terms; what it has traded stays."""
        order = self._open[event.order_id]
        if not event.kept_priority:
            assert isinstance(entry.command, ReplaceOrder), "nothing else replaces an order"
            order.actor = entry.command.participant
        order.price_fen = event.price_fen
        order.quantity_tonnes = event.quantity_tonnes
        order.remaining_tonnes = event.remaining_tonnes
        return order

    def end(self, entry: Entry, event: OrderCancelled | OrderExpired) -> OrderView:
        """What remained of an order was taken back."""
        order = self._open.pop(event.order_id)
        order.remaining_tonnes = event.remaining_tonnes
        order.ended_ns = entry.at_ns
        if isinstance(event, OrderCancelled):
            order.status, order.reason = "cancelled", event.reason.value
        else:
            order.status = "expired"
        self.ended.append(order)
        return order

    def _fill(self, order_id: int, remaining_tonnes: int, amount_fen: int, at_ns: int) -> OrderView:
        order = self._open[order_id]
        order.remaining_tonnes = remaining_tonnes
        order.turnover_fen += amount_fen
        if remaining_tonnes:
            order.status = "partially_filled"
        else:
            order.status = "filled"
            order.ended_ns = at_ns
            del self._open[order_id]
            self.ended.append(order)
        return order


def _from_command(entry: Entry, command: SubmitOrder, status: str) -> OrderView:
    return OrderView(
        order_id=entry.seq,
        account=command.account,
        participant=command.participant,
        client_order_id=command.client_id,
        listing=command.listing,
        side=command.side,
        price_fen=command.price_fen,
        quantity_tonnes=command.quantity_tonnes,
        remaining_tonnes=command.quantity_tonnes,
        time_in_force=command.time_in_force,
        status=status,
        at_ns=entry.at_ns,
        use=command.use,
    )
