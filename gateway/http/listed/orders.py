"""Orders: submit one or a batch, look them up, cancel one or many."""

import asyncio
import time
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.sequencer import Overloaded, Stopped
from gateway.engine.views.orders import OrderView
from gateway.http.cursors import merge_newest_first
from gateway.http.listed.answers import (
    BatchAnswer,
    CancelledOrders,
    Order,
    OrderAnswer,
    OrderPage,
    SubmittedOrder,
    cancelled_for,
    order_body,
    submitted,
)
from gateway.http.reading import read_model
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import Refused, refusal, render
from gateway.http.replays import decide, refused_by, settle
from gateway.http.routing import BATCH_BODY_LIMIT, Call, Reply, Route
from gateway.http.shapes import (
    DIGITS_PATTERN,
    AccountName,
    ClientId,
    ListingCode,
    Page,
    PriceIn,
    PublicText,
    PurposeName,
    QuantityIn,
    Request,
)
from matching.commands import CancelOrder, CancelOrders, SubmitOrder
from matching.events import Rejected
from matching.order import CancelReason, OrderId, Side, TimeInForce
from matching.rejections import ORDER_NOT_OPEN
from settlement.retirement import RetirementPurpose, Use
from settlement.values import AssetCode

BATCH_MOST: Final = 20

_SIDES: Final = {side.value: side for side in Side}
_TIMES_IN_FORCE: Final = {time.value: time for time in TimeInForce}


class UseRequest(Request):
    """What a purchase is for: on settlement its units are retired, and can never be sold."""

    purpose: PurposeName
    beneficiary: Annotated[
        PublicText,
        Field(max_length=128, description="Whose emissions, event or liability, as the certificate says."),
    ]
    statement: Annotated[PublicText, Field(max_length=512)] | None = None


class OrderTerms(Request):
    """What a listed limit order asks for."""

    listing: ListingCode
    side: Literal["buy", "sell"]
    type: Literal["limit"] = "limit"
    price: PriceIn
    quantity: QuantityIn
    time_in_force: Literal["day", "ioc", "fok"] = "day"
    account: AccountName | None = None
    use: UseRequest | None = None


class OrderRequest(OrderTerms):
    """A listed limit order."""

    client_order_id: ClientId


class BatchRequest(Request):
    """Up to twenty orders, each decided by itself."""

    # Each one is read by itself, so that one that is malformed does not keep the others from being decided.
    orders: Annotated[
        list[dict[str, Any]],
        Field(
            min_length=1,
            max_length=BATCH_MOST,
            json_schema_extra={"items": {"$ref": "#/components/schemas/OrderRequest"}},
        ),
    ]


class OrdersQuery(Page):
    """Which orders."""

    client_order_id: ClientId | None = None
    status: Literal["open", "filled", "cancelled", "expired", "rejected"] | None = None
    account: AccountName | None = None


class AccountQuery(Request):
    """Whose."""

    account: AccountName | None = None


class CancelQuery(Request):
    """Which orders to cancel; all of the account's when nothing is given."""

    listing: ListingCode | None = None
    side: Literal["buy", "sell"] | None = None
    account: AccountName | None = None


async def submit_order(call: Call) -> Reply:
    """Decide an order. Accepted, it is durable; refused by a rule of the market, that too can be looked up."""
    return await _submit(call, call.body)


async def _submit(call: Call, order: OrderRequest) -> Reply:
    command = order_command(call, order, order.client_order_id)
    started_s = time.perf_counter()
    entry, replayed = await decide(call.services, command)
    if not replayed:
        door = call.services.metrics.door
        shown = door.order_by_ws if call.session.startswith("ws:") else door.order_by_rest
        shown.observe(time.perf_counter() - started_s)
    return submitted(entry, replayed=replayed)


def order_command(call: Call, order: OrderTerms, client_id: str) -> SubmitOrder:
    """The order as the core is told it."""
    return SubmitOrder(
        participant=call.participant,
        account=call.account(order.account),
        client_id=client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        listing=AssetCode(order.listing),
        side=_SIDES[order.side],
        price_fen=order.price,
        quantity_tonnes=order.quantity,
        time_in_force=_TIMES_IN_FORCE[order.time_in_force],
        use=None if order.use is None else _use(order.use),
    )


def _use(use: UseRequest) -> Use:
    return Use(
        purpose=RetirementPurpose(use.purpose),
        beneficiary=use.beneficiary,
        statement=use.statement or "",
    )


async def submit_batch(call: Call) -> Reply:
    """Decide several orders, each by itself, in the order given; the answer says for each what became of it."""
    batch: BatchRequest = call.body
    if len(batch.orders) > 1:
        call.take(len(batch.orders) - 1)
    results = await asyncio.gather(
        *(_submit_item(call, item, f"/orders/{index}") for index, item in enumerate(batch.orders))
    )
    return Reply({"results": results})


async def _submit_item(call: Call, item: dict[str, Any], pointer: str) -> dict[str, Any]:
    try:
        reply = await _submit(call, read_model(OrderRequest, item, base=pointer))
    except Refused as refused:
        return {"ok": False, "error": _item_problem(call, refused)}
    except Overloaded:
        return {"ok": False, "error": _item_problem(call, refusal(reasons.OVERLOADED))}
    except Stopped as stopped:
        return {"ok": False, "error": _item_problem(call, refusal(reasons.NOT_READY, state=stopped.state))}
    return {"ok": True, **reply.body, "replayed": reply.headers is not None}


def _item_problem(call: Call, refused: Refused) -> dict[str, Any]:
    now_ns = call.services.clock.now_ns()
    return render(refused, language=call.language, request_id=call.request_id, now_ns=now_ns)


async def get_order(call: Call) -> Reply:
    """One order of one's own, by the exchange's id."""
    order_id = int(call.path["order_id"])
    order = await find_order(call, order_id)
    if order is None:
        raise refusal(reasons.NOT_FOUND, actual=str(order_id))
    return Reply(order_body(order))


async def find_order(call: Call, order_id: int) -> OrderView | None:
    """An order the caller may see; anybody else's is as unknown as one that never was."""
    services = call.services
    order = services.views.order(order_id) or await services.history.order(order_id)
    if order is None:
        return None
    return order if call.may_see(order.account) else None


async def list_orders(call: Call) -> Reply:
    """One's orders, newest first; or the one with a client id of one's own."""
    query: OrdersQuery = call.query or OrdersQuery()
    account = call.own_account(query.account).account
    if query.client_order_id is not None:
        return Reply(order_body(await _by_client_id(call, account, query.client_order_id)))
    services = call.services
    ended = query.status if query.status != "open" else None
    stored = None
    if query.status != "open":
        stored = await services.history.orders(account, status=ended, after=query.after, limit=query.limit)
    live = services.views.open_orders(account) if query.status in ("open", None) else ()
    orders, following = merge_newest_first(
        live, stored, query.after, query.limit, id_of=lambda order: order.order_id
    )
    return Reply({"items": [order_body(order) for order in orders], "next": following})


async def _by_client_id(call: Call, account: str, client_order_id: str) -> OrderView:
    """The order, or a 404 that is final for what was decided before it.

    What is still on its way to the disk when the question comes would be missed; so a miss is asked again behind
    everything that was submitted before.
    """
    order = await _look_up(call, account, client_order_id)
    if order is None:
        await settle(call.services)
        order = await _look_up(call, account, client_order_id)
    if order is None:
        raise refusal(reasons.NOT_FOUND, parameter="client_order_id", actual=client_order_id)
    return order


async def _look_up(call: Call, account: str, client_order_id: str) -> OrderView | None:
    services = call.services
    found = services.views.order_by_client_id(account, client_order_id)
    return found or await services.history.order_by_client_id(account, client_order_id)


async def cancel_order(call: Call) -> Reply:
    """Take back what remains of an order. Cancelling twice is the same cancel."""
    query: AccountQuery = call.query or AccountQuery()
    order_id = int(call.path["order_id"])
    command = CancelOrder(
        participant=call.participant,
        account=call.account(query.account),
        order_id=OrderId(order_id),
        deadline_ns=call.deadline_ns,
        session=call.session,
    )
    entry = await call.services.sequencer.submit(command)
    last = entry.events[-1]
    if not isinstance(last, Rejected):
        order = await find_order(call, order_id)
        assert order is not None, f"order {order_id} was cancelled and is not there"
        return Reply({"order": order_body(order)})
    if last.code != ORDER_NOT_OPEN.code:
        raise refused_by(last)
    order = await find_order(call, order_id)
    if order is None or order.account != command.account:
        raise refusal(reasons.NOT_FOUND, pointer="", actual=str(order_id))
    if order.status == "cancelled":
        return Reply({"order": order_body(order)})
    raise refusal(ORDER_NOT_OPEN, pointer="", actual=order.status)


async def cancel_orders(call: Call) -> Reply:
    """Take back all of an account's open orders, or those of one listing or side."""
    query: CancelQuery = call.query or CancelQuery()
    command = CancelOrders(
        participant=call.participant,
        account=call.account(query.account),
        listing=None if query.listing is None else AssetCode(query.listing),
        side=None if query.side is None else _SIDES[query.side],
        deadline_ns=call.deadline_ns,
        session=call.session,
    )
    entry = await call.services.sequencer.submit(command)
    if isinstance(entry.events[-1], Rejected):
        raise refused_by(entry.events[-1])
    gone = cancelled_for(entry, CancelReason.REQUESTED)
    return Reply({"cancelled": len(gone), "order_ids": gone})


SUBMIT: Final = Route(
    method="POST",
    path="/v1/orders",
    handler=submit_order,
    scope=Scope.TRADE,
    kind=ActionKind.ORDER,
    summary="Submit an order",
    tag="orders",
    body=OrderRequest,
    answer=SubmittedOrder,
    status=201,
    leads_to={"/v1/orders/{order_id}": "/order/id"},
)
"""Most of what the exchange is asked."""

ROUTES: Final = (
    SUBMIT,
    Route(
        method="POST",
        path="/v1/orders/batch",
        handler=submit_batch,
        scope=Scope.TRADE,
        kind=ActionKind.ORDER,
        summary="Submit up to twenty orders, each decided by itself",
        tag="orders",
        body=BatchRequest,
        answer=BatchAnswer,
        limit_bytes=BATCH_BODY_LIMIT,
    ),
    Route(
        method="GET",
        path="/v1/orders",
        handler=list_orders,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="Own orders, newest first; with client_order_id that one order itself",
        tag="orders",
        query=OrdersQuery,
        answer=OrderPage,
        or_answer=Order,
    ),
    Route(
        method="GET",
        path="/v1/orders/{order_id}",
        handler=get_order,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="One order",
        tag="orders",
        answer=Order,
        path_parameters={"order_id": DIGITS_PATTERN},
    ),
    Route(
        method="DELETE",
        path="/v1/orders/{order_id}",
        handler=cancel_order,
        scope=Scope.TRADE,
        kind=ActionKind.CANCEL,
        summary="Cancel what remains of an order",
        tag="orders",
        query=AccountQuery,
        answer=OrderAnswer,
        path_parameters={"order_id": DIGITS_PATTERN},
    ),
    Route(
        method="DELETE",
        path="/v1/orders",
        handler=cancel_orders,
        scope=Scope.TRADE,
        kind=ActionKind.CANCEL,
        summary="Cancel all open orders, or those of one listing or side",
        tag="orders",
        query=CancelQuery,
        answer=CancelledOrders,
    ),
)
