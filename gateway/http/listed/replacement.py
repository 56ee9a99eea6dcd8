"""Replacing an open order: another price or quantity under the same id."""

from typing import Final

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.entry import Entry
from gateway.engine.told.account_events import ORDER_REPLACED
from gateway.http.listed.answers import ReplacedOrder, replaced
from gateway.http.listed.orders import find_order
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import Refused, refusal
from gateway.http.replays import decide, refused_by, replay_headers
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import DIGITS_PATTERN, AccountName, ClientId, PriceIn, QuantityIn, Request
from matching.commands import ReplaceOrder
from matching.events import Rejected
from matching.order import OrderId
from matching.rejections import ORDER_NOT_OPEN


class ReplaceRequest(Request):
    """What an order is to become; what is not given stays."""

    client_id: ClientId
    price: PriceIn | None = None
    quantity: QuantityIn | None = Field(
        default=None, description="The new whole quantity, what is filled included."
    )
    account: AccountName | None = None


async def replace_order(call: Call) -> Reply:
    """Change an open order. Its place in the queue is kept only when its quantity falls at the same price."""
    body: ReplaceRequest = call.body
    command = ReplaceOrder(
        participant=call.participant,
        account=call.account(body.account),
        client_id=body.client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        order_id=OrderId(int(call.path["order_id"])),
        price_fen=body.price,
        quantity_tonnes=body.quantity,
    )
    entry, replayed = await decide(call.services, command)
    last = entry.events[-1]
    if isinstance(last, Rejected):
        raise await _refused(call, command, entry, last, replayed=replayed)
    told = await call.services.history.account_event(command.account, entry.seq, ORDER_REPLACED)
    assert told is not None, f"entry {entry.seq} replaced an order and told nobody"
    return replaced(entry, told, replayed=replayed)


async def _refused(
    call: Call, command: ReplaceOrder, entry: Entry, event: Rejected, *, replayed: bool
) -> Refused:
    """The refusal; for an order that cannot be changed any more, with what became of it."""
    if event.code != ORDER_NOT_OPEN.code:
        return refused_by(event, replayed=replayed)
    headers = replay_headers(replayed=replayed)
    order = await find_order(call, command.order_id)
    # A number given out only later was nobody's order then.
    if order is None or order.account != command.account or order.order_id >= entry.seq:
        return refusal(reasons.NOT_FOUND, pointer="", actual=str(command.order_id), headers=headers)
    return refusal(ORDER_NOT_OPEN, pointer="", actual=order.status, headers=headers)


ROUTES: Final = (
    Route(
        method="PATCH",
        path="/v1/orders/{order_id}",
        handler=replace_order,
        scope=Scope.TRADE,
        kind=ActionKind.ORDER,
        summary="Replace an open order's price or quantity",
        tag="orders",
        body=ReplaceRequest,
        answer=ReplacedOrder,
        path_parameters={"order_id": DIGITS_PATTERN},
    ),
)
