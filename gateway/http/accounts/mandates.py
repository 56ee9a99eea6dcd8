"""Mandates (委托): operators let a participant act for another's account, and both sides see it."""

from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.views.mandates import MandateView
from gateway.formats import time_text
from gateway.http.approvals import act
from gateway.http.looks import with_reason
from gateway.http.operator_routes import acting, reading
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import (
    DIGITS_PATTERN,
    AccountName,
    Answer,
    Id,
    Name,
    OperatorRequest,
    Request,
    Text,
    Time,
    TimeIn,
)
from matching.acts import GrantMandate, RevokeMandate
from settlement.mandate import MandatedAction, MandateEnded, MandateGranted, MandateId
from settlement.values import AccountId, ParticipantId

CREATED: Final = 201

ActionName = Literal["trade", "negotiate", "offset", "transfer"]


class MandateRequest(OperatorRequest):
    """Who is to act for whom, in what, until when, and on what evidence."""

    account: AccountName
    participant: Annotated[Name, Field(description="Who is to act.")]
    actions: Annotated[list[ActionName], Field(min_length=1, max_length=4)]
    until: TimeIn
    reason: Annotated[Text, Field(description="The owner's written will, such as a document's number.")]


class MandatesQuery(Request):
    """Which of them."""

    account: AccountName | None = None
    participant: Name | None = None
    state: Literal["in_force", "ended"] | None = None


class MandateAnswer(Answer):
    """One mandate."""

    mandate: Id
    account: AccountName
    participant: Name
    actions: list[ActionName]
    until: Time
    granted_at: Time
    operator: Annotated[Name, Field(description="Who asked for it.")]
    reason: str
    state: Literal["in_force", "expired", "revoked"]
    ended_at: Time | None
    end_reason: str


class MandatesAnswer(Answer):
    """Those asked for, oldest first."""

    items: list[MandateAnswer]
    next: None


async def grant_mandate(call: Call) -> Reply:
    """Let a participant act for another's account. It also needs a key or a session with the scope."""
    body: MandateRequest = call.body
    command = GrantMandate(
        operator=call.participant,
        reason=body.reason,
        account=AccountId(body.account),
        participant=ParticipantId(body.participant),
        actions=tuple(MandatedAction(action) for action in body.actions),
        until_ns=body.until,
    )
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    granted = next(event for event in done.events if isinstance(event, MandateGranted))
    return Reply(_body(call, granted.mandate.mandate_id), status=CREATED)


async def revoke_mandate(call: Call) -> Reply:
    """End a mandate at once. Orders its participant has open in the account, and proposals nobody answered, end too."""
    mandate_id = int(call.path["mandate"])
    command = RevokeMandate(
        operator=call.participant, reason=call.body.reason, mandate_id=MandateId(mandate_id)
    )
    done = await act(call, command)
    assert not isinstance(done, Reply), "revoking waits for nobody"
    assert any(isinstance(event, MandateEnded) for event in done.events), "a revocation that ended nothing"
    return Reply(_body(call, mandate_id))


async def list_mandates(call: Call) -> Reply:
    """Every mandate, ended ones too."""
    return _listed(call, lambda _: True)


async def list_own_mandates(call: Call) -> Reply:
    """Those of one's own accounts, and those by which one acts for others."""
    views, participant = call.services.views, call.participant

    def concerns(view: MandateView) -> bool:
        account = views.account(view.account)
        return view.participant == participant or (account is not None and account.owner == participant)

    return _listed(call, concerns)


def _listed(call: Call, wanted: Any) -> Reply:  # noqa: ANN401 - a predicate
    query: MandatesQuery = call.query or MandatesQuery()
    items = [
        _body(call, view.mandate_id)
        for view in call.services.views.mandates.all.values()
        if wanted(view)
        and query.account in (None, view.account)
        and query.participant in (None, view.participant)
        and (query.state is None or (query.state == "in_force") is (view.ended_at_ns is None))
    ]
    return Reply({"items": items, "next": None})


def _body(call: Call, mandate_id: int) -> dict[str, Any]:
    view = call.services.views.mandates.all[mandate_id]
    return {
        "mandate": str(view.mandate_id),
        "account": view.account,
        "participant": view.participant,
        "actions": [action.value for action in view.actions],
        "until": time_text(view.until_ns),
        "granted_at": time_text(view.granted_at_ns),
        "operator": view.operator,
        "reason": view.reason,
        "state": "in_force" if view.end is None else view.end.value,
        "ended_at": None if view.ended_at_ns is None else time_text(view.ended_at_ns),
        "end_reason": view.end_reason,
    }


_own: Final = partial(Route, method="GET", kind=ActionKind.READ, tag="account")

ROUTES: Final = (
    acting(
        "/v1/operator/mandates",
        grant_mandate,
        "Let a participant act for another",
        MandateAnswer,
        body=MandateRequest,
        status=CREATED,
    ),
    reading("/v1/operator/mandates", list_mandates, "Every mandate", MandatesAnswer, query=MandatesQuery),
    acting(
        "/v1/operator/mandates/{mandate}/revoke",
        revoke_mandate,
        "End a mandate at once",
        MandateAnswer,
        path_parameters={"mandate": DIGITS_PATTERN},
    ),
    _own(
        "/v1/mandates",
        list_own_mandates,
        "Mandates one gave or has",
        MandatesAnswer,
        scope=Scope.READ,
        query=MandatesQuery,
    ),
    _own(
        "/v1/supervise/mandates",
        list_mandates,
        "Every mandate, for the supervisor",
        MandatesAnswer,
        scope=Scope.SUPERVISE,
        query=with_reason(MandatesQuery),
    ),
)
