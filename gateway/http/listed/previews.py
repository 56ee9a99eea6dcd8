"""What an order would be answered and what it would cost, before it is entered: the figures of the order ticket."""

from typing import Annotated, Any, Final

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.views.order_previews import OrderPreview, preview
from gateway.formats import money_text, price_text, quantity_text, time_text
from gateway.http.listed.orders import OrderTerms, order_command
from gateway.http.refusals.problems import foreseen, refusal
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import Answer, ClientId, ListingCode, Money, Price, Quantity, SideName, Time
from matching.commands import SubmitOrder
from matching.order import Side
from settlement.mandate import MandatedAction
from settlement.rejections import NOT_YOUR_ACCOUNT


class PreviewRequest(OrderTerms):
    """An order as it would be submitted. A client id may be there and is not looked at."""

    client_order_id: ClientId | None = None


class FeeOfOrder(Answer):
    """What the order's side pays."""

    ppm: Annotated[
        int, Field(ge=0, description="In millionths of all the order trades, rounded down to the fen.")
    ]
    minimum: Annotated[Money, Field(description="Once it trades at all; never more than it trades.")]
    cap: Annotated[Money | None, Field(description="The most it pays; null when there is no limit.")]


class Hold(Answer):
    """What the order would hold."""

    cash: Annotated[
        Money | None, Field(description="Of a purchase: all of it at its limit, and the fee on that.")
    ]
    units: Annotated[Quantity | None, Field(description="Of a sale.")]


class PreviewedOrder(Answer):
    """What a submission would be answered at this moment, and what it would cost. Nothing is held by asking."""

    accepted: bool
    code: Annotated[str | None, Field(description="What it would be refused with.")]
    reason: Annotated[str | None, Field(description="The same in words.")]
    limit: str | None
    actual: str | None
    listing: ListingCode
    side: SideName
    price: Price
    quantity: Quantity
    turnover: Annotated[Money, Field(description="All of it at its limit.")]
    fee: Annotated[
        Money,
        Field(
            description="On that turnover: the most a purchase can pay. A sale at better prices may pay more, out of more."
        ),
    ]
    fee_terms: Annotated[FeeOfOrder | None, Field(description="Null where there is no such listing.")]
    total: Annotated[
        Money,
        Field(
            description="The most all of a purchase can cost, the least all of a sale can bring, fee included."
        ),
    ]
    hold: Hold
    available: Annotated[
        Hold, Field(description="What there is to hold it from: of a sale, what may be offered today.")
    ]
    left: Annotated[Hold, Field(description="What would be left of that; null where there is not enough.")]
    time: Time


async def preview_order(call: Call) -> Reply:
    """Tell what an order would be answered now and what it would hold and cost, by the rules that decide it."""
    body: PreviewRequest = call.body
    account = call.own_account(body.account)
    entrusted = call.services.views.mandates.of_delegate(call.participant).get(account.account, set())
    if account.owner != call.participant and MandatedAction.TRADE not in entrusted:
        raise refusal(NOT_YOUR_ACCOUNT, pointer="", parameter="account", actual=account.account)
    now_ns = call.services.clock.now_ns()
    command = order_command(call, body, "")
    foretold = preview(call.services.views, account, command, now_ns)
    return Reply(_body(call, command, foretold, now_ns))


def _body(call: Call, command: SubmitOrder, foretold: OrderPreview, now_ns: int) -> dict[str, Any]:
    side, turnover_fen, fee_fen = command.side, foretold.turnover_fen, foretold.fee_fen
    left = foretold.available - foretold.needed
    return {
        "accepted": foretold.refused is None,
        **foreseen(foretold.refused, call.language),
        "listing": command.listing,
        "side": side.value,
        "price": price_text(command.price_fen),
        "quantity": quantity_text(command.quantity_tonnes),
        "turnover": money_text(turnover_fen),
        "fee": money_text(fee_fen),
        "fee_terms": _fee_terms(foretold, side),
        "total": money_text(turnover_fen + fee_fen if side is Side.BUY else turnover_fen - fee_fen),
        "hold": _amount(side, foretold.needed),
        "available": _amount(side, foretold.available),
        "left": _amount(side, left if left >= 0 else None),
        "time": time_text(now_ns),
    }


def _fee_terms(foretold: OrderPreview, side: Side) -> dict[str, int | str | None] | None:
    if foretold.rules is None:
        return None
    fee = foretold.rules.fee_terms(side)
    return {
        "ppm": fee.ppm,
        "minimum": money_text(fee.minimum_fen),
        "cap": None if fee.cap_fen is None else money_text(fee.cap_fen),
    }


def _amount(side: Side, amount: int | None) -> dict[str, str | None]:
    if amount is None:
        return {"cash": None, "units": None}
    if side is Side.BUY:
        return {"cash": money_text(amount), "units": None}
    return {"cash": None, "units": quantity_text(amount)}


ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/orders/preview",
        handler=preview_order,
        scope=Scope.TRADE,
        kind=ActionKind.READ,
        summary="What an order would be answered and what it would cost; nothing is placed",
        tag="orders",
        body=PreviewRequest,
        answer=PreviewedOrder,
    ),
)
