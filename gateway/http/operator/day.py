"""The trading day in the operator's hands: where it stands, opening the first one, closing it, a manual clock."""

from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.clock import ManualClock
from gateway.engine.views.calendar_end import calendar_end
from gateway.formats import time_text
from gateway.http.approvals import act
from gateway.http.market.answers import CALENDAR_UNTIL, PhaseName
from gateway.http.operator_routes import acting
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.replays import raise_if_refused
from gateway.http.routing import SUPERVISED, Call, Reply, Route
from gateway.http.services import Services
from gateway.http.shapes import Answer, Date, DateIn, OperatorRequest, Text, Time, TimeIn
from matching.acts import GoOnWithoutRegistry
from matching.calendar import day_of
from matching.commands import AdvanceTime, CloseDay, OpenDay
from matching.rejections import CALENDAR_NOT_ANNOUNCED, DAY_NOT_OPEN
from settlement.values import TradingDay

ACCEPTED: Final = 202


class CloseStep(Answer):
    """How far a step of the close is."""

    name: str
    state: Literal["waiting", "running", "done"]
    done: int
    total: int


class Close(Answer):
    """A close, under way or complete."""

    trading_day: Date
    state: Literal["running", "done"]
    breaks: Annotated[int | None, Field(description="Differences with the registry, once compared.")]
    operator: Annotated[str | None, Field(description="Who asked for it; absent where the clock did.")]
    reason: Annotated[str | None, Field(description="Why it began before the day's sessions were over.")]
    steps: list[CloseStep]


class Day(Answer):
    """The trading day."""

    trading_day: Date | None
    phase: PhaseName
    close: Annotated[Close | None, Field(description="The close under way, or the last one.")]
    clock: Annotated[
        Literal["real", "manual"], Field(description="Whether POST /v1/operator/clock moves it.")
    ]
    calendar_until: Annotated[Date | None, Field(description=CALENDAR_UNTIL)]
    calendar_days_left: Annotated[
        int,
        Field(
            description="Days after today of which it is announced. The close of the last trading day among them waits in its "
            "step `roll_date` until more is."
        ),
    ]
    calendar_ends_soon: Annotated[bool, Field(description="Whether it is time to announce the next period.")]


class DayRequest(OperatorRequest):
    """Which day."""

    trading_day: DateIn | None = None


class CloseRequest(DayRequest):
    """Which day, and why before its sessions are over."""

    reason: Annotated[Text | None, Field(description="Needed while the day's sessions go on.")] = None


class GoOnRequest(DayRequest):
    """Which day, and why its close is not to wait for the registry."""

    reason: Text


class ClockRequest(OperatorRequest):
    """What time it is to be."""

    now: TimeIn


class ClockAnswer(Answer):
    """What time it is."""

    time: Time
    trading_day: Date | None
    phase: PhaseName


async def get_day(call: Call) -> Reply:
    """The trading day and its close."""
    return Reply(day_body(call.services))


def day_body(services: Services) -> dict[str, Any]:
    """The trading day as it stands."""
    market = services.views.market
    close = market.close
    calendar = calendar_end(services.views, services.clock.now_ns())
    return {
        "calendar_until": calendar.last_day,
        "calendar_days_left": calendar.days_left,
        "calendar_ends_soon": calendar.is_soon,
        "clock": "manual" if isinstance(services.clock, ManualClock) else "real",
        "trading_day": market.trading_day,
        "phase": market.phase.value,
        "close": None
        if close is None
        else {
            "trading_day": close.trading_day,
            "state": close.state,
            "breaks": close.breaks,
            "operator": close.operator,
            "reason": close.reason,
            "steps": [
                {"name": step.name, "state": step.state, "done": step.done, "total": step.total}
                for step in close.steps
            ],
        },
    }


async def open_day(call: Call) -> Reply:
    """Begin the first trading day; later ones are begun by the close of the one before."""
    body: DayRequest = call.body
    services = call.services
    day = body.trading_day
    if day is None:
        day = services.views.calendar.next_trading_day(day_of(services.clock.now_ns()))
    if day is None:
        raise refusal(CALENDAR_NOT_ANNOUNCED)
    raise_if_refused(await call.submit(OpenDay(trading_day=TradingDay(day))))
    return Reply(day_body(services))


async def close_day(call: Call) -> Reply:
    """Begin the close of the day at hand; GET /v1/operator/day tells how far it is."""
    body: CloseRequest = call.body
    services = call.services
    day = body.trading_day or services.views.market.trading_day
    if day is None:
        raise refusal(DAY_NOT_OPEN)
    command = CloseDay(trading_day=TradingDay(day), operator=call.participant, reason=body.reason)
    raise_if_refused(await call.submit(command))
    return Reply(day_body(services), status=ACCEPTED)


async def go_on_without_registry(call: Call) -> Reply:
    """Let the close go on without the answers it waits for, or without the comparison.

    For a platform that is gone past every cut-off. Nothing is given up: what was asked stays asked with both legs committed,
    ends with its answer on whatever day that is, and is parked, retried or unwound as on any other.
    """
    body: GoOnRequest = call.body
    day = body.trading_day or call.services.views.market.trading_day
    if day is None:
        raise refusal(DAY_NOT_OPEN)
    command = GoOnWithoutRegistry(operator=call.participant, reason=body.reason, trading_day=TradingDay(day))
    done = await act(call, command)
    return done if isinstance(done, Reply) else Reply(day_body(call.services))


async def set_clock(call: Call) -> Reply:
    """Move a manual clock forward; what the new time brings has come when this is answered."""
    body: ClockRequest = call.body
    clock = call.services.clock
    if not isinstance(clock, ManualClock):
        raise refusal(reasons.CLOCK_NOT_MANUAL)
    if body.now < clock.now_ns():
        raise refusal(reasons.CLOCK_BACKWARDS, pointer="/now", limit=clock.now_ns(), actual=body.now)
    clock.move_to(body.now)
    await call.services.sequencer.submit(AdvanceTime())
    market = call.services.views.market
    return Reply(
        {"time": time_text(clock.now_ns()), "trading_day": market.trading_day, "phase": market.phase.value}
    )


_day = partial(Route, scope=Scope.OPERATE, kind=ActionKind.OPERATE, tag="operator")

ROUTES: Final = (
    _day(
        "/v1/operator/day",
        get_day,
        "The trading day and its close",
        Day,
        method="GET",
        or_scopes=SUPERVISED,
    ),
    _day(
        "/v1/operator/day/open",
        open_day,
        "Begin the first trading day",
        Day,
        method="POST",
        body=DayRequest,
        body_optional=True,
    ),
    _day(
        "/v1/operator/day/close",
        close_day,
        "Begin the close of the day",
        Day,
        body=CloseRequest,
        method="POST",
        body_optional=True,
        status=ACCEPTED,
    ),
    acting(
        "/v1/operator/day/go-on-without-registry",
        go_on_without_registry,
        "Let the close go on without the registry",
        Day,
        body=GoOnRequest,
    ),
    _day(
        "/v1/operator/clock",
        set_clock,
        "Move a manual clock forward",
        ClockAnswer,
        method="POST",
        body=ClockRequest,
    ),
)
