"""Parked deliveries in the operator's hands: asked again, or given up."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.engine.views.custody import ParkedView
from gateway.formats import time_text
from gateway.http.accounts.transfers import Refusal
from gateway.http.approvals import act
from gateway.http.operator_routes import acting, reading
from gateway.http.refusals.registry_refusals import refusal_body
from gateway.http.routing import Call, Reply
from gateway.http.shapes import DIGITS_PATTERN, AccountName, Answer, Id, OperatorRequest, Text, Time
from matching.acts import RetryDeliveries, UnwindDelivery
from settlement.custody_events import DeliveriesRetried
from settlement.events import DeliveryFailed
from settlement.values import TradeId

TRADES_MOST: Final = 1_000


class Parked(Answer):
    """A delivery the registry would not be asked, or whose buyer waits for parked sales; both legs stay committed.

    `proceeds_parked` is the code of the latter. It names no instruction, and goes on by itself when the money comes.
    """

    trade: Id
    seller: AccountName
    buyer: AccountName
    instruction: str
    code: str
    refusal: Refusal | None
    since: Time


class ParkedDeliveries(Answer):
    """All of them, oldest first."""

    items: list[Parked]
    next: None


class RetryRequest(OperatorRequest):
    """These trades, or all that are parked by the registry's word."""

    trades: Annotated[list[Id], Field(min_length=1, max_length=TRADES_MOST)] | None = None
    reason: Text


class Retried(Answer):
    """The registry is asked again for these."""

    trades: list[Id]
    reason: str
    time: Time


class Unwound(Answer):
    """Both sides have back what was theirs."""

    trade: Id
    state: Literal["failed"]
    reason: str
    time: Time


async def list_parked(call: Call) -> Reply:
    """Deliveries the registry would not be asked, oldest first."""
    parked = call.services.views.custody.parked.values()
    return Reply({"items": [_parked(view, call) for view in parked], "next": None})


def _parked(view: ParkedView, call: Call) -> dict[str, Any]:
    return {
        "trade": str(view.trade_id),
        "seller": view.seller,
        "buyer": view.buyer,
        "instruction": view.instruction_id,
        "code": view.code,
        "refusal": refusal_body(view.code, call.language),
        "since": time_text(view.at_ns),
    }


async def retry_deliveries(call: Call) -> Reply:
    """Have the registry asked again for parked deliveries: those named, or all."""
    body: RetryRequest = call.body
    trades = tuple(TradeId(int(trade)) for trade in body.trades or ())
    done = await act(call, RetryDeliveries(operator=call.participant, reason=body.reason, trade_ids=trades))
    if isinstance(done, Reply):
        return done
    event = next(event for event in done.events if isinstance(event, DeliveriesRetried))
    retried = [str(trade_id) for trade_id in event.trade_ids]
    return Reply({"trades": retried, "reason": body.reason, "time": time_text(done.at_ns)})


async def unwind_delivery(call: Call) -> Reply:
    """Give up on a parked delivery: both sides get back what was theirs."""
    number, reason = call.path["trade_id"], call.body.reason
    command = UnwindDelivery(operator=call.participant, reason=reason, trade_id=TradeId(int(number)))
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    assert any(isinstance(event, DeliveryFailed) for event in done.events), "unwound, and nothing given back"
    time = time_text(done.at_ns)
    return Reply({"trade": number, "state": "failed", "reason": reason, "time": time})


ROUTES: Final = (
    reading(
        "/v1/operator/deliveries/parked",
        list_parked,
        "Deliveries that wait for an operator",
        ParkedDeliveries,
    ),
    acting(
        "/v1/operator/deliveries/retry",
        retry_deliveries,
        "Have parked deliveries asked again",
        Retried,
        body=RetryRequest,
    ),
    acting(
        "/v1/operator/deliveries/{trade_id}/unwind",
        unwind_delivery,
        "Give up on a parked delivery",
        Unwound,
        path_parameters={"trade_id": DIGITS_PATTERN},
    ),
)
