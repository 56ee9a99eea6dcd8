"""How orders and their trades are written: from a journaled entry the first answer, from a view how things stand.

The answer to a submission is made of the entry alone, so that a retry, also after a restart, is answered with the
very same words although the order has long gone on.
"""

from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field

from gateway.engine.entry import AccountEvent, Entry
from gateway.engine.told.account_events import use_body
from gateway.engine.views.orders import OrderView
from gateway.formats import parse_price, parse_quantity, parse_time, price_text, quantity_text, time_text
from gateway.http.replays import refused_by, replay_headers
from gateway.http.routing import Reply
from gateway.http.shapes import (
    AccountName,
    Answer,
    ClientId,
    Id,
    ListingCode,
    Money,
    Name,
    Price,
    Problem,
    PurposeName,
    Quantity,
    SideName,
    Time,
)
from matching.commands import SubmitOrder
from matching.events import OrderAccepted, OrderCancelled, Rejected, Traded
from matching.order import CancelReason, Side, TimeInForce
from settlement.retirement import RetirementPurpose, Use

CREATED: Final = 201


class OrderUse(Answer):
    """What a purchase is retired for on settlement."""

    purpose: PurposeName
    beneficiary: str
    statement: str


class Order(Answer):
    """An order, or an attempt that was rejected."""

    id: Id
    client_order_id: ClientId
    account: AccountName
    participant: Name
    listing: ListingCode
    side: SideName
    type: Literal["limit"]
    price: Price
    quantity: Quantity
    time_in_force: Literal["day", "ioc", "fok"]
    status: Literal["new", "partially_filled", "filled", "cancelled", "expired", "rejected"]
    filled: Quantity
    remaining: Annotated[Quantity, Field(description="Not traded; after the end, what never will.")]
    average_price: Annotated[
        Price | None, Field(description="Of what has traded, rounded half up to the fen.")
    ]
    reason: Annotated[
        str | None, Field(description="Why it was cancelled, or the code it was rejected with.")
    ]
    use: OrderUse | None
    created_at: Time
    ended_at: Time | None


class OrderTrade(Answer):
    """A trade of the order just submitted."""

    id: Id
    price: Price
    quantity: Quantity
    amount: Money
    taker_side: SideName
    time: Time


class SubmittedOrder(Answer):
    """An accepted order with what it traded at once."""

    order: Order
    trades: list[OrderTrade]


class ReplacedOrder(Answer):
    """The order with its new terms, and what it traded at once."""

    order: Order
    trades: list[OrderTrade]


class OrderAnswer(Answer):
    """An order."""

    order: Order


class OrderPage(Answer):
    """Orders, newest first."""

    items: list[Order]
    next: str | None


class BatchResult(Answer):
    """What became of one order of a batch."""

    ok: bool
    order: Order | None = None
    trades: list[OrderTrade] | None = None
    replayed: Annotated[bool, Field(description="Whether this is an earlier answer again.")] = False
    error: Problem | None = None


class BatchAnswer(Answer):
    """A result for each order, in the order given."""

    results: list[BatchResult]


class CancelledOrders(Answer):
    """A mass cancel."""

    cancelled: int
    order_ids: list[Id]


def order_body(order: OrderView) -> dict[str, Any]:
    """An order as it stands."""
    return {
        "id": str(order.order_id),
        "client_order_id": order.client_order_id,
        "account": order.account,
        "participant": order.participant,
        "listing": order.listing,
        "side": order.side.value,
        "type": "limit",
        "price": price_text(order.price_fen),
        "quantity": quantity_text(order.quantity_tonnes),
        "time_in_force": order.time_in_force.value,
        "status": order.status,
        "filled": quantity_text(order.filled_tonnes),
        "remaining": quantity_text(order.remaining_tonnes),
        "average_price": _average(order.turnover_fen, order.filled_tonnes),
        "reason": order.reason,
        "use": None if order.use is None else use_body(order.use),
        "created_at": time_text(order.at_ns),
        "ended_at": None if order.ended_ns is None else time_text(order.ended_ns),
    }


def replaced(entry: Entry, told: AccountEvent, *, replayed: bool) -> Reply:
    """The answer to a replacement: the order as the log tells it, and what it then traded in the same entry."""
    order, time = _as_told(told), time_text(entry.at_ns)
    trades: list[dict[str, Any]] = []
    for event in entry.events:
        if isinstance(event, Traded):
            _fill(order, event, entry.at_ns)
            trades.append(_trade_body(event, time))
    return Reply({"order": order_body(order), "trades": trades}, headers=replay_headers(replayed=replayed))


def _as_told(told: AccountEvent) -> OrderView:
    body = orjson.loads(told.body)
    return OrderView(
        order_id=int(body["order_id"]),
        account=told.account,
        participant=body["participant"],
        client_order_id=body["client_order_id"],
        listing=body["listing"],
        side=Side(body["side"]),
        price_fen=parse_price(body["price"]),
        quantity_tonnes=parse_quantity(body["quantity"]),
        remaining_tonnes=parse_quantity(body["remaining"]),
        time_in_force=TimeInForce(body["time_in_force"]),
        status=body["status"],
        at_ns=parse_time(body["created_at"]),
        turnover_fen=int(body["turnover"].replace(".", "")),
        use=_use_told(body.get("use")),
    )


def _use_told(body: dict[str, str] | None) -> Use | None:
    if body is None:
        return None
    return Use(
        purpose=RetirementPurpose(body["purpose"]),
        beneficiary=body["beneficiary"],
        statement=body["statement"],
    )


def cancelled_for(entry: Entry, reason: CancelReason) -> list[str]:
    """Ids of the orders an entry cancelled for that reason. Time can have cancelled others at the same moment."""
    return [
        str(event.order_id)
        for event in entry.events
        if isinstance(event, OrderCancelled) and event.reason is reason
    ]


def submitted(entry: Entry, *, replayed: bool) -> Reply:
    """The answer to a submission. Raises Refused when it was refused."""
    order: OrderView | None = None
    trades: list[dict[str, Any]] = []
    time = time_text(entry.at_ns)
    for event in entry.events:
        kind = type(event)
        if kind is Traded:
            assert order is not None
            assert isinstance(event, Traded)
            _fill(order, event, entry.at_ns)
            trades.append(_trade_body(event, time))
        elif kind is OrderAccepted:
            order = _accepted(entry)
        elif kind is OrderCancelled:
            assert isinstance(event, OrderCancelled)
            # Or another one: of the same owner that stood in its way, or that time had run out for before.
            if order is not None and event.order_id == order.order_id:
                order.status, order.reason, order.ended_ns = "cancelled", event.reason.value, entry.at_ns
        elif kind is Rejected:
            assert isinstance(event, Rejected)
            raise refused_by(event, client_id="/client_order_id", replayed=replayed)
    assert order is not None, f"entry {entry.seq} neither accepts nor refuses an order"
    return Reply(
        {"order": order_body(order), "trades": trades},
        status=CREATED,
        headers=replay_headers(replayed=replayed),
    )


def _accepted(entry: Entry) -> OrderView:
    command = entry.command
    assert isinstance(command, SubmitOrder), f"an order was accepted by {type(command).__name__}"
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
        status="new",
        at_ns=entry.at_ns,
        use=command.use,
    )


def _fill(order: OrderView, event: Traded, at_ns: int) -> None:
    order.remaining_tonnes -= event.quantity_tonnes
    order.turnover_fen += event.quantity_tonnes * event.price_fen
    if order.remaining_tonnes:
        order.status = "partially_filled"
    else:
        order.status, order.ended_ns = "filled", at_ns


def _trade_body(event: Traded, time: str) -> dict[str, Any]:
    return {
        "id": str(event.trade_id),
        "price": price_text(event.price_fen),
        "quantity": quantity_text(event.quantity_tonnes),
        "amount": price_text(event.price_fen * event.quantity_tonnes),
        "taker_side": event.taker_side.value,
        "time": time,
    }


def _average(turnover_fen: int, filled_tonnes: int) -> str | None:
    if not filled_tonnes:
        return None
    return price_text((2 * turnover_fen + filled_tonnes) // (2 * filled_tonnes))
