"""Corrections in the operator's hands (Art. 22): claims for units sold before, and corrected units on their way out."""

from typing import Any, Final, Literal

from gateway.engine.history.custody_history import ClaimRecord, RemovalRecord
from gateway.formats import quantity_text, time_text
from gateway.http.accounts.transfers import Refusal
from gateway.http.approvals import act
from gateway.http.operator_routes import acting, reading
from gateway.http.refusals.registry_refusals import refusal_body
from gateway.http.routing import Call, Reply
from gateway.http.shapes import (
    DIGITS_PATTERN,
    AccountName,
    Answer,
    Id,
    Name,
    OperatorRequest,
    Page,
    Quantity,
    Ranges,
    Text,
    Time,
)
from matching.acts import DecideClaim, RetryRemoval
from settlement import serials as ranges
from settlement.claim import ClaimDecision, ClaimId
from settlement.custody_events import ClaimDecided
from settlement.removal import RemovalId, RemovalState


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
    serials: Ranges
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


class CorrectionRequest(DecideRequest):
    """Which claim, what becomes of it, and why."""

    claim: Id


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
    serials: Ranges
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
    return await _decide(call, call.path["claim_id"])


async def decide_named_claim(call: Call) -> Reply:
    """Decide a claim that the body names; the same as at its own address."""
    body: CorrectionRequest = call.body
    return await _decide(call, body.claim)


async def _decide(call: Call, number: str) -> Reply:
    body: DecideRequest = call.body
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


ROUTES: Final = (
    reading(
        "/v1/operator/corrections/claims", list_claims, "Claims after corrections", Claims, query=ClaimsQuery
    ),
    acting(
        "/v1/operator/corrections",
        decide_named_claim,
        "Decide what becomes of corrected units",
        ClaimDecidedAnswer,
        body=CorrectionRequest,
    ),
    acting(
        "/v1/operator/corrections/claims/{claim_id}/decide",
        decide_claim,
        "Decide a claim",
        ClaimDecidedAnswer,
        body=DecideRequest,
        path_parameters={"claim_id": DIGITS_PATTERN},
    ),
    reading(
        "/v1/operator/corrections/removals", list_removals, "Corrected units that leave", Removals, query=Page
    ),
    acting(
        "/v1/operator/corrections/removals/{removal_id}/retry",
        retry_removal,
        "Have a refused removal asked again",
        RemovalRetried,
        path_parameters={"removal_id": DIGITS_PATTERN},
    ),
)
