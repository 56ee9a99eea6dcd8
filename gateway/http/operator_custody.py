"""Units in custody in the operator's hands: freezes and their sources, corrections and claims, parked deliveries."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.custody import FreezeView, ParkedView
from gateway.engine.custody_history import ClaimRecord, RemovalRecord
from gateway.formats import quantity_text, time_text
from gateway.http.approvals import ACCEPTED, ApprovalAnswer, act
from gateway.http.operator_acts import ReasonRequest
from gateway.http.problems import refusal
from gateway.http.registry_refusals import refusal_body
from gateway.http.routing import Call, Handler, Reply, Route
from gateway.http.shapes import (
    DIGITS_PATTERN,
    AccountName,
    Answer,
    Id,
    Name,
    OperatorRequest,
    Page,
    Quantity,
    Request,
    Serials,
    ShortText,
    Text,
    Time,
)
from gateway.http.transfers import Refusal
from matching.acts import (
    DecideClaim,
    LiftFreeze,
    PlaceFreeze,
    RetryDeliveries,
    RetryRemoval,
    UnwindDelivery,
)
from settlement import serials as ranges
from settlement.claim import ClaimDecision, ClaimId
from settlement.custody_events import ClaimDecided, DeliveriesRetried, FreezeLifted, FreezePlaced
from settlement.custody_rejections import FREEZE_MALFORMED
from settlement.events import DeliveryFailed
from settlement.freeze import Freeze, FreezeId
from settlement.removal import RemovalId, RemovalState
from settlement.values import AccountId, LotId, TradeId

TRADES_MOST: Final = 1_000
_FREEZE_PATTERN: Final = "^[a-z]{1,16}-[0-9]{1,18}(-[a-z]{1,16})?$"

Range = Annotated[list[tuple[int, int]], Field(description="Half-open ranges; empty for the whole lot.")]
SourceName = Literal["registry", "break", "claim", "correction", "operator"]


class FreezeAnswer(Answer):
    """A freeze in force, and on whose word."""

    id: Annotated[str, Field(pattern=_FREEZE_PATTERN)]
    source: SourceName
    stops: Annotated[Literal["account", "units"], Field(description="Everything of an account, or units.")]
    account: AccountName | None
    registry_account: str | None
    lot: str | None
    serials: Range
    reason: str
    since: Time


class RestrictedAccount(Answer):
    """An account that an operator restricted."""

    account: AccountName
    reason: str
    since: Time


class Restrictions(Answer):
    """Everything that stops somebody or something, on whoever's word."""

    accounts: list[RestrictedAccount]
    items: Annotated[list[FreezeAnswer], Field(description="Freezes in force, oldest first.")]
    next: None


class FreezeRequest(OperatorRequest):
    """An account; or a lot, or serials of it, everywhere or in one account."""

    account: AccountName | None = None
    lot: ShortText | None = None
    serials: Serials | None = None
    reason: Text


class Placed(Answer):
    """The freeze is in force."""

    freeze: FreezeAnswer


class Lifted(Answer):
    """The freeze is over; others of the same units go on."""

    id: str
    state: Literal["lifted"]
    reason: str
    time: Time


class Decided(Answer):
    """What was decided about a claim last."""

    decision: str
    operator: Name
    reason: str
    time: Time


class Claim(Answer):
    """Corrected units that were sold before, claimed from who brought them in."""

    id: Id
    state: Literal["open", "frozen", "dismissed", "compensated", "removed"]
    notice: int
    against: AccountName
    lot: str
    serials: Range
    quantity: Quantity
    reason: str
    opened_at: Time
    decided: Decided | None


class Claims(Answer):
    """Claims, newest first."""

    items: list[Claim]
    next: str | None


class ClaimsQuery(Page):
    """Which claims."""

    state: Literal["open", "frozen", "dismissed", "compensated", "removed"] | None = None


class DecideRequest(OperatorRequest):
    """What becomes of it, and why."""

    decision: Literal["dismiss", "compensate", "freeze", "remove"]
    reason: Text


class ClaimDecidedAnswer(Answer):
    """The claim as it stands now."""

    claim: Id
    state: Literal["frozen", "dismissed", "compensated", "removed"]
    reason: str
    time: Time


class Removal(Answer):
    """Corrected units on their way out of an account, or out."""

    id: Id
    state: Literal["waiting", "instructed", "refused", "completed"]
    account: AccountName
    lot: str
    serials: Range
    quantity: Quantity
    notice: int
    claim: Id | None
    reason: str
    opened_at: Time
    completed_at: Time | None
    refusal: Refusal | None


class Removals(Answer):
    """Removals, newest first."""

    items: list[Removal]
    next: str | None


class RemovalRetried(Answer):
    """The registry is asked again."""

    removal: Id
    state: Literal["retried"]
    reason: str
    time: Time


class Parked(Answer):
    """A delivery the registry would not be asked; both legs stay committed."""

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
    """These trades, or all that are parked."""

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


# ---- freezes ----------------------------------------------------------------------------------------------------


async def list_restrictions(call: Call) -> Reply:
    """Accounts restricted by operators, and every freeze with its source."""
    views = call.services.views
    accounts = [
        {
            "account": view.account,
            "reason": view.restriction.reason,
            "since": time_text(view.restriction.at_ns),
        }
        for view in views.accounts().values()
        if view.restriction is not None
    ]
    freezes = [_freeze(view) for view in views.custody.freezes.values()]
    return Reply({"accounts": accounts, "items": freezes, "next": None})


def _freeze(view: FreezeView) -> dict[str, Any]:
    return _freeze_body(view.freeze, view.account, view.at_ns)


def _freeze_body(freeze: Freeze, account: str | None, at_ns: int) -> dict[str, Any]:
    return {
        "id": freeze.freeze_id,
        "source": freeze.source.value,
        "stops": "account" if freeze.stops_account else "units",
        "account": account,
        "registry_account": freeze.registry_account,
        "lot": freeze.lot_id,
        "serials": freeze.serials,
        "reason": freeze.reason,
        "since": time_text(at_ns),
    }


async def place_freeze(call: Call) -> Reply:
    """Freeze an account, a lot, serials of it, or a lot in one account, on the exchange's own word."""
    body: FreezeRequest = call.body
    serials = tuple((first, end) for first, end in body.serials or [])
    if not ranges.is_well_formed(serials):
        raise refusal(FREEZE_MALFORMED, pointer="/serials")
    command = PlaceFreeze(
        operator=call.participant,
        reason=body.reason,
        account=None if body.account is None else AccountId(body.account),
        lot_id=None if body.lot is None else LotId(body.lot),
        serials=serials,
    )
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    event = next(event for event in done.events if isinstance(event, FreezePlaced))
    return Reply({"freeze": _freeze_body(event.freeze, event.account, done.at_ns)})


async def lift_freeze(call: Call) -> Reply:
    """End a freeze that an operator placed; any other ends where it came from."""
    freeze_id, reason = FreezeId(call.path["freeze_id"]), call.body.reason
    done = await act(call, LiftFreeze(operator=call.participant, reason=reason, freeze_id=freeze_id))
    if isinstance(done, Reply):
        return done
    assert any(isinstance(event, FreezeLifted) for event in done.events), "lifted, and nothing said of it"
    time = time_text(done.at_ns)
    return Reply({"id": freeze_id, "state": "lifted", "reason": reason, "time": time})


# ---- corrections ------------------------------------------------------------------------------------------------


async def list_claims(call: Call) -> Reply:
    """Claims after corrections (Art. 22), newest first."""
    query: ClaimsQuery = call.query or ClaimsQuery()
    page = await call.services.history.custody.claims(state=query.state, after=query.after, limit=query.limit)
    return Reply({"items": [_claim(record) for record in page.items], "next": page.next})


def _claim(record: ClaimRecord) -> dict[str, Any]:
    decided = record.decided
    return {
        "id": str(record.claim_id),
        "state": record.state,
        "notice": record.notice_sequence,
        "against": record.against,
        "lot": record.lot_id,
        "serials": record.serials,
        "quantity": quantity_text(record.quantity_tonnes),
        "reason": record.reason,
        "opened_at": time_text(record.at_ns),
        "decided": None
        if decided is None
        else {
            "decision": record.decision,
            "operator": decided.operator,
            "reason": decided.reason,
            "time": time_text(decided.at_ns),
        },
    }


async def decide_claim(call: Call) -> Reply:
    """Decide what becomes of corrected units that somebody else has by now."""
    body: DecideRequest = call.body
    number = call.path["claim_id"]
    command = DecideClaim(
        operator=call.participant,
        reason=body.reason,
        claim_id=ClaimId(int(number)),
        decision=ClaimDecision(body.decision),
    )
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    event = next(event for event in done.events if isinstance(event, ClaimDecided))
    time = time_text(done.at_ns)
    return Reply({"claim": number, "state": event.state.value, "reason": body.reason, "time": time})


async def list_removals(call: Call) -> Reply:
    """Corrected units that leave, or have left, newest first."""
    query: Page = call.query or Page()
    page = await call.services.history.custody.removals(after=query.after, limit=query.limit)
    return Reply({"items": [_removal(record, call) for record in page.items], "next": page.next})


def _removal(record: RemovalRecord, call: Call) -> dict[str, Any]:
    under_way = call.services.views.custody.removals.get(RemovalId(record.removal_id))
    state = RemovalState.COMPLETED if under_way is None else under_way.removal.state
    return {
        "id": str(record.removal_id),
        "state": state.value,
        "account": record.account,
        "lot": record.lot_id,
        "serials": record.serials,
        "quantity": quantity_text(ranges.count(record.serials)),
        "notice": record.notice_sequence,
        "claim": None if record.claim_id is None else str(record.claim_id),
        "reason": record.reason,
        "opened_at": time_text(record.at_ns),
        "completed_at": None if record.completed_ns is None else time_text(record.completed_ns),
        "refusal": None if under_way is None else refusal_body(under_way.code, call.language),
    }


async def retry_removal(call: Call) -> Reply:
    """Have the registry asked again for a removal it refused."""
    number, reason = call.path["removal_id"], call.body.reason
    command = RetryRemoval(operator=call.participant, reason=reason, removal_id=RemovalId(int(number)))
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    time = time_text(done.at_ns)
    return Reply({"removal": number, "state": "retried", "reason": reason, "time": time})


# ---- parked deliveries ------------------------------------------------------------------------------------------


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


def _reading(path: str, handler: Handler, summary: str, answer: type[Answer], **more: Any) -> Route:  # noqa: ANN401 - as Route takes them
    return Route(
        method="GET",
        path=path,
        handler=handler,
        scope=Scope.OPERATE,
        kind=ActionKind.READ,
        summary=summary,
        tag="operator",
        answer=answer,
        **more,
    )


def _acting(
    path: str,
    handler: Handler,
    summary: str,
    answer: type[Answer],
    body: type[Request] = ReasonRequest,
    **more: Any,  # noqa: ANN401 - as Route takes them
) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        scope=Scope.OPERATE,
        kind=ActionKind.OPERATE,
        summary=summary,
        tag="operator",
        body=body,
        answer=answer,
        otherwise={ACCEPTED: ApprovalAnswer},
        **more,
    )


ROUTES: Final = (
    _reading(
        "/v1/operator/restrictions",
        list_restrictions,
        "Restricted accounts, and every freeze with its source",
        Restrictions,
    ),
    _acting("/v1/operator/freezes", place_freeze, "Freeze an account or units", Placed, FreezeRequest),
    _acting(
        "/v1/operator/freezes/{freeze_id}/lift",
        lift_freeze,
        "End a freeze by an operator",
        Lifted,
        path_parameters={"freeze_id": _FREEZE_PATTERN},
    ),
    _reading(
        "/v1/operator/corrections/claims", list_claims, "Claims after corrections", Claims, query=ClaimsQuery
    ),
    _acting(
        "/v1/operator/corrections/claims/{claim_id}/decide",
        decide_claim,
        "Decide a claim",
        ClaimDecidedAnswer,
        DecideRequest,
        path_parameters={"claim_id": DIGITS_PATTERN},
    ),
    _reading(
        "/v1/operator/corrections/removals", list_removals, "Corrected units that leave", Removals, query=Page
    ),
    _acting(
        "/v1/operator/corrections/removals/{removal_id}/retry",
        retry_removal,
        "Have a refused removal asked again",
        RemovalRetried,
        path_parameters={"removal_id": DIGITS_PATTERN},
    ),
    _reading(
        "/v1/operator/deliveries/parked",
        list_parked,
        "Deliveries that wait for an operator",
        ParkedDeliveries,
    ),
    _acting(
        "/v1/operator/deliveries/retry",
        retry_deliveries,
        "Have parked deliveries asked again",
        Retried,
        RetryRequest,
    ),
    _acting(
        "/v1/operator/deliveries/{trade_id}/unwind",
        unwind_delivery,
        "Give up on a parked delivery",
        Unwound,
        path_parameters={"trade_id": DIGITS_PATTERN},
    ),
)
