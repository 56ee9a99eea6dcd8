"""The dead man's switch of programs, and operators' kill switches."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.views.safety_views import KillSwitchView
from gateway.formats import time_text
from gateway.http.approvals import act
from gateway.http.listed.answers import cancelled_for
from gateway.http.operator_routes import acting, reading
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.replays import raise_if_refused
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import AccountName, Answer, Id, Name, OperatorRequest, Request, Text, Time
from matching.order import CancelReason
from matching.safety_commands import KillScope, LiftKillSwitch, SetDeadMan, ThrowKillSwitch
from matching.safety_events import SafetyTimerSet

TIMEOUT_MOST_S: Final = 86_400
ScopeName = Literal["account", "participant", "market"]


class DeadManRequest(Request):
    """In how many seconds the account's open orders are cancelled unless this comes again; 0 takes it back."""

    timeout_s: Annotated[int, Field(ge=0, le=TIMEOUT_MOST_S, strict=True, examples=[30])]
    account: AccountName | None = None


class DeadManAnswer(Answer):
    """The timer of this account and key as it stands now."""

    account: AccountName
    timeout_s: int
    fires_at: Annotated[Time | None, Field(description="By the market's clock; none when it is off.")]


class KillSwitchRequest(OperatorRequest):
    """Throw a kill switch, or lift it."""

    scope: ScopeName
    subject: Annotated[Name | None, Field(description="The account or participant; none for the market.")] = (
        None
    )
    act: Literal["throw", "lift"]
    reason: Text


class KillSwitch(Answer):
    """A switch that is on."""

    scope: ScopeName
    subject: Name | None
    operator: Name
    reason: str
    since: Time


class KillSwitches(Answer):
    """All that are on, oldest first."""

    items: list[KillSwitch]
    next: None


class KillSwitchAnswer(Answer):
    """The switch as it stands now."""

    scope: ScopeName
    subject: Name | None
    on: bool
    reason: str
    cancelled: Annotated[list[Id], Field(description="Open orders that were cancelled.")]
    time: Time


async def cancel_all_after(call: Call) -> Reply:
    """Set this key's timer for the account: when it runs out, all open orders of the account are cancelled.

    Listed orders only; negotiated transfers, uses and withdrawals are never touched. The timer survives a restart.
    """
    body: DeadManRequest = call.body
    account = call.account(body.account)
    command = SetDeadMan(
        participant=call.participant,
        account=account,
        key=call.signed_by.program,
        timeout_s=body.timeout_s,
        deadline_ns=call.deadline_ns,
        session=call.session,
    )
    entry = await call.services.sequencer.submit(command)
    raise_if_refused(entry)
    fires_ns = [event.fires_at_ns for event in entry.events if isinstance(event, SafetyTimerSet)]
    fires_at = time_text(fires_ns[-1]) if fires_ns else None
    return Reply({"account": account, "timeout_s": body.timeout_s, "fires_at": fires_at})


async def list_kill_switches(call: Call) -> Reply:
    """Every kill switch that is on."""
    switches = call.services.views.safety.kill_switches.values()
    return Reply({"items": [_body(view) for view in switches], "next": None})


def _body(view: KillSwitchView) -> dict[str, Any]:
    return {
        "scope": view.scope.value,
        "subject": view.subject or None,
        "operator": view.operator,
        "reason": view.reason,
        "since": time_text(view.at_ns),
    }


async def switch(call: Call) -> Reply:
    """Cancel every open listed order of an account, a participant or the market and take no new ones; or lift that."""
    body: KillSwitchRequest = call.body
    scope, subject = KillScope(body.scope), body.subject or ""
    if scope is KillScope.MARKET and subject:
        raise refusal(reasons.UNKNOWN_FIELD, pointer="/subject", actual=subject)
    if scope is not KillScope.MARKET and not subject:
        raise refusal(reasons.MISSING_FIELD, pointer="/subject")
    kind = ThrowKillSwitch if body.act == "throw" else LiftKillSwitch
    command = kind(operator=call.participant, reason=body.reason, scope=scope, subject=subject)
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    answer = {
        "scope": body.scope,
        "subject": body.subject,
        "on": body.act == "throw",
        "reason": body.reason,
        "cancelled": cancelled_for(done, CancelReason.KILL_SWITCH),
        "time": time_text(done.at_ns),
    }
    return Reply(answer)


ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/cancel-all-after",
        handler=cancel_all_after,
        scope=Scope.TRADE,
        kind=ActionKind.CANCEL,
        summary="Cancel all open orders unless this is said again in time",
        tag="orders",
        body=DeadManRequest,
        answer=DeadManAnswer,
    ),
    reading("/v1/operator/kill-switches", list_kill_switches, "Kill switches that are on", KillSwitches),
    acting(
        "/v1/operator/kill-switches",
        switch,
        "Throw or lift a kill switch",
        KillSwitchAnswer,
        body=KillSwitchRequest,
    ),
)
