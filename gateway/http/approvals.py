"""The second person: acts that wait for one, and what they say to them."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.access.permits import Permit, PermitSpent
from gateway.engine.entry import Entry
from gateway.engine.views.approvals import ApprovalView
from gateway.formats import time_text
from gateway.http.act_details import Detail, details_of
from gateway.http.refusals.access_reasons import MADE_ALONE, PERMIT_SPENT
from gateway.http.refusals.problems import refusal
from gateway.http.replays import raise_if_refused
from gateway.http.routing import SUPERVISED, Call, Reply, Route
from gateway.http.shapes import DIGITS_PATTERN, Answer, Id, Name, OperatorRequest, Text, Time
from matching.access import PermitAccess
from matching.commands import AnyAct, ApproveAct, DeclineAct
from matching.events import ApprovalRequested

ACCEPTED: Final = 202

StateName = Literal["waiting", "approved", "declined", "done"]

Deed: TypeAlias = Callable[[Call, PermitAccess, Permit], Awaitable[tuple[dict[str, Any], str | None]]]
"""Makes what was permitted: what came of it, and a secret to be shown this once."""


class Approval(Answer):
    """An act and what the second person said."""

    id: Id
    act: Annotated[str, Field(description="As the rule book's two_person_acts names it.")]
    state: StateName
    subject: Annotated[str, Field(description="A listing, an account, a trade, or the values to be adopted.")]
    operator: Annotated[Name, Field(description="Who asked.")]
    reason: str
    requested_at: Time
    details: Annotated[list[Detail], Field(description="All that the act says.")]


class ApprovalAnswer(Answer):
    """An act that waits, or waited, for a second person."""

    approval: Approval


class Approvals(Answer):
    """Everything that waits, oldest first."""

    items: list[Approval]
    next: None


class ApproveRequest(OperatorRequest):
    """Nothing more need be said."""


class DeclineRequest(OperatorRequest):
    """Why not."""

    reason: Text


async def act(call: Call, command: AnyAct) -> Entry | Reply:
    """Have an act decided: its entry when it was done, the answer to give when it waits for a second person.

    Raises Refused when it was refused.
    """
    rules = call.services.views.rules(call.services.clock.now_ns())
    if rules is not None and command.name in rules.two_person_acts:
        require_made_by_two(call)
    entry = await call.submit(command)
    raise_if_refused(entry)
    asked = next((event for event in entry.events if isinstance(event, ApprovalRequested)), None)
    if asked is None:
        return entry
    view = ApprovalView.of(entry, asked)
    return Reply({"approval": body_of(view, command, "waiting")}, status=ACCEPTED)


def require_made_by_two(call: Call) -> None:
    """Refuse a key or a person that one operator alone has made: it may be that operator. Raises Refused."""
    maker = call.signed_by.made_alone_by
    if maker is not None:
        raise refusal(MADE_ALONE, actual=maker)


async def permitted(call: Call, command: PermitAccess) -> Permit | Reply:
    """Ask for a deed about access: by what it may be done now, or the answer to give when it waits.

    Raises Refused when it was refused.
    """
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    return Permit(number=done.seq, made_alone_by=call.signed_by.made_alone_by or call.participant)


@contextmanager
def spending() -> Iterator[None]:
    """Where a permit is spent: that it was spent before is a refusal. Raises Refused."""
    try:
        yield
    except PermitSpent as spent:
        raise refusal(PERMIT_SPENT, actual=str(spent)) from None


def body_of(view: ApprovalView, command: AnyAct, state: StateName) -> dict[str, Any]:
    """An act that waits, waited, or was permitted, as answers tell it."""
    return {
        "id": str(view.approval_id),
        "act": view.act,
        "state": state,
        "subject": view.subject,
        "operator": view.operator,
        "reason": view.reason,
        "requested_at": time_text(view.at_ns),
        "details": details_of(command),
    }


async def list_approvals(call: Call) -> Reply:
    """Acts that wait for a second person."""
    waiting = tuple(call.services.views.approvals.values())
    items = [body_of(*await asked_for(call, view.approval_id), "waiting") for view in waiting]
    return Reply({"items": items, "next": None})


async def asked_for(call: Call, approval_id: int) -> tuple[ApprovalView, AnyAct]:
    """What was asked for, waiting or not: an approval bears the number of its entry in the journal."""
    entry = await call.services.journal.entry(approval_id)
    assert entry is not None, f"approval {approval_id} has no entry"
    assert isinstance(entry.command, AnyAct), f"entry {approval_id} is no act"
    asked = next(event for event in entry.events if isinstance(event, ApprovalRequested))
    return ApprovalView.of(entry, asked), entry.command


async def approve(call: Call) -> Reply:
    """Agree as the second person: the act is done now, if it still can be; otherwise it goes on waiting.

    What is about access is done by who asked for it (`POST /v1/operator/permits/{approval_id}/use`), once, within a day.
    """
    require_made_by_two(call)
    approval_id = int(call.path["approval_id"])
    command = ApproveAct(operator=call.participant, approval_id=approval_id)
    return await _decide(call, approval_id, command, "approved")


async def decline(call: Call) -> Reply:
    """Let an act go, as the second person or as who asked for it."""
    approval_id = int(call.path["approval_id"])
    command = DeclineAct(operator=call.participant, approval_id=approval_id, reason=call.body.reason)
    return await _decide(call, approval_id, command, "declined")


async def _decide(call: Call, approval_id: int, command: ApproveAct | DeclineAct, state: StateName) -> Reply:
    raise_if_refused(await call.submit(command))
    # It waits no more, and where this is asked once more it did not wait before: the journal has it for ever.
    return Reply({"approval": body_of(*await asked_for(call, approval_id), state)})


_decision = partial(
    Route,
    method="POST",
    scope=Scope.APPROVE,
    kind=ActionKind.OPERATE,
    tag="operator",
    path_parameters={"approval_id": DIGITS_PATTERN},
)

ROUTES: Final = (
    Route(
        "/v1/operator/approvals",
        list_approvals,
        "Acts that wait for a second person",
        Approvals,
        method="GET",
        scope=Scope.APPROVE,
        or_scopes=SUPERVISED | {Scope.OPERATE},
        kind=ActionKind.OPERATE,
        tag="operator",
    ),
    _decision(
        "/v1/operator/approvals/{approval_id}/approve",
        approve,
        "Agree to an act as the second person",
        ApprovalAnswer,
        body=ApproveRequest,
        body_optional=True,
    ),
    _decision(
        "/v1/operator/approvals/{approval_id}/decline",
        decline,
        "Let a waiting act go",
        ApprovalAnswer,
        body=DeclineRequest,
    ),
)
