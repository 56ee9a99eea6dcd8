"""Negotiated transfers as the exchange and the supervisor see them: the review queue, the decision, and every transfer.

A transfer waits for the exchange only where the rule book says so (`negotiated_review`), and the decision for a second
person where it names the act (`two_person_acts`). The supervisor reads everything, and each look is logged.
"""

from functools import partial
from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.formats import time_text
from gateway.http.approvals import ACCEPTED, ApprovalAnswer, act
from gateway.http.looks import with_reason
from gateway.http.negotiated.answers import (
    NegotiatedTransferDetail,
    NegotiatedTransfers,
    StateName,
    detail_body,
)
from gateway.http.negotiated.transfers import BoxQuery, find_transfer, page_of
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.routing import SUPERVISED, Call, NoQuery, Reply, Route
from gateway.http.shapes import (
    DIGITS_PATTERN,
    AccountName,
    Answer,
    Id,
    OperatorRequest,
    Page,
    Text,
    Time,
)
from matching.commands import ReviewNegotiatedTransfer
from matching.negotiated import NegotiatedState
from matching.terms import NegotiatedId


class ReviewRequest(OperatorRequest):
    """What the exchange has decided about a confirmed transfer, and why."""

    decision: Literal["approve", "refuse"]
    reason: Text


class ReviewAnswer(Answer):
    """What the decision led to."""

    transfer: Id
    decision: Literal["approve", "refuse"]
    state: Annotated[
        StateName, Field(description="executed, or rejected: by this, or by a check at execution.")
    ]
    reason: str
    time: Time


class UnderReview(Answer):
    """Everything that waits for the exchange, oldest first."""

    items: list[NegotiatedTransferDetail]
    next: None


class SuperviseQuery(Page):
    """Whose, and in which state; every transfer when nothing is given."""

    account: AccountName | None = None
    state: Literal["open", "executed", "declined", "withdrawn", "expired", "rejected"] | None = None


async def list_under_review(call: Call) -> Reply:
    """Confirmed transfers that wait for the exchange's decision."""
    services = call.services
    now_ns = services.clock.now_ns()
    waiting = (one for one in services.views.open_negotiations() if one.state is NegotiatedState.UNDER_REVIEW)
    return Reply({"items": [detail_body(one, services.views, now_ns) for one in waiting], "next": None})


async def review(call: Call) -> Reply:
    """Decide about a confirmed transfer: it is executed, if it still can be, or rejected."""
    transfer_id, body = NegotiatedId(int(call.path["transfer_id"])), call.body
    command = ReviewNegotiatedTransfer(
        operator=call.participant,
        reason=body.reason,
        transfer_id=transfer_id,
        approved=body.decision == "approve",
    )
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    found = await find_transfer(call, transfer_id)
    assert found is not None, f"transfer {transfer_id} was reviewed and is not there"
    answer = {
        "transfer": str(transfer_id),
        "decision": body.decision,
        "state": found.state.value,
        "reason": body.reason,
        "time": time_text(done.at_ns),
    }
    return Reply(answer)


async def supervise_transfers(call: Call) -> Reply:
    """Every negotiated transfer, identities included, newest first."""
    query: SuperviseQuery = call.query or SuperviseQuery()
    wanted = BoxQuery(state=query.state, after=query.after, limit=query.limit)
    return await page_of(call, query.account, wanted)


async def supervise_transfer(call: Call) -> Reply:
    """One negotiated transfer with every round."""
    transfer_id = int(call.path["transfer_id"])
    found = await find_transfer(call, transfer_id)
    if found is None:
        raise refusal(reasons.NOT_FOUND, actual=str(transfer_id))
    services = call.services
    return Reply(detail_body(found, services.views, services.clock.now_ns()))


_ID: Final = {"transfer_id": DIGITS_PATTERN}


_operate = partial(Route, scope=Scope.OPERATE, kind=ActionKind.OPERATE, tag="operator")
_supervise = partial(Route, method="GET", scope=Scope.SUPERVISE, kind=ActionKind.READ, tag="supervisor")

ROUTES: Final = (
    _operate(
        "/v1/operator/negotiated-transfers",
        list_under_review,
        "Negotiated transfers that wait for the exchange's decision",
        answer=UnderReview,
        method="GET",
        or_scopes=SUPERVISED,
    ),
    _operate(
        "/v1/operator/negotiated-transfers/{transfer_id}/review",
        review,
        "Decide about a confirmed negotiated transfer",
        body=ReviewRequest,
        answer=ReviewAnswer,
        otherwise={ACCEPTED: ApprovalAnswer},
        path_parameters=_ID,
        method="POST",
    ),
    _supervise(
        "/v1/supervise/negotiated-transfers",
        supervise_transfers,
        "Every negotiated transfer, newest first",
        NegotiatedTransfers,
        query=with_reason(SuperviseQuery),
    ),
    _supervise(
        "/v1/supervise/negotiated-transfers/{transfer_id}",
        supervise_transfer,
        "One negotiated transfer with every round",
        NegotiatedTransferDetail,
        query=with_reason(NoQuery),
        path_parameters=_ID,
    ),
)
