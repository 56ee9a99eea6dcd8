"""What an operator's tools ask: is it alive, does it take commands, what does it measure."""

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from gateway.access.limits import ActionKind
from gateway.http.routing import Call, Reply, Route
from gateway.http.services import Services
from gateway.http.shapes import Answer
from gateway.metrics import CONTENT_TYPE
from gateway.roles import Role

UNAVAILABLE: Final = 503
READY: Final = frozenset({"ready", "degraded"})
"""States in which commands are taken."""


class Health(Answer):
    """The process answers."""

    status: str


State: TypeAlias = Literal[
    "ready", "degraded", "starting", "standby", "behind", "draining", "stalled", "stopped"
]

STALLED_S: Final = 10.0
"""A journal that has been writing one batch for so long is not one to send orders to."""


class Readiness(Answer):
    """Whether commands are taken."""

    ready: bool
    state: Annotated[
        State,
        Field(
            description="`degraded`: ready, but the registry platform does not answer. `starting`: recovering what is "
            "journaled. `standby`: another process serves, and this one takes over when that is gone. `behind`: a process for the public only, which has not heard of the "
            "newest entries for too long. `draining`: told to end; nothing new is taken on. `stalled`: the database does not answer. "
            "`stopped`: the database is gone, or the exchange has stopped for a fault."
        ),
    ]
    position: int
    """Sequence number of the last durable command."""
    queue: int
    """Commands waiting."""
    registry: bool | None
    """Whether the registry platform answers; null where this process does not ask. Trading goes on without it; what is
    to be moved waits."""
    role: Role
    """Which part of the exchange this process is; a standby that has taken over is `all`."""
    behind_entries: int | None = None
    """Of a process for the public only: entries it knows to exist and has not seen."""
    behind_s: float | None = None
    """For how many seconds there may be entries that it has not seen."""


async def get_health(_: Call) -> Reply:
    """The process answers."""
    return Reply({"status": "ok"})


async def get_readiness(call: Call) -> Reply:
    """200 while commands are taken, 503 otherwise."""
    sequencer, state = call.services.sequencer, state_of(call.services)
    following = call.services.following
    ready = state in READY
    body: dict[str, Any] = {
        "ready": ready,
        "state": state,
        "position": sequencer.position,
        "queue": sequencer.queue_depth,
        "registry": call.services.registry_answers() if following is None else None,
        "role": Role.ALL if following is None else Role.READER,
    }
    if following is not None:
        body |= {"behind_entries": following.behind_entries, "behind_s": round(following.behind_s, 3)}
    return Reply(body, status=200 if ready else UNAVAILABLE)


def state_of(services: Services) -> State:
    """How the exchange is, worst first."""
    if not services.sequencer.is_open:
        return "stopped"
    if not services.admission.is_open:
        return "draining"
    following = services.following
    if following is not None:
        return "behind" if following.behind_s > services.behind_limit_s else "ready"
    if services.commit_under_way_s() > STALLED_S:
        return "stalled"
    return "ready" if services.registry_answers() else "degraded"


async def get_metrics(call: Call) -> Reply:
    """What is measured, as Prometheus reads it."""
    return Reply(call.services.metrics.exposition(), content_type=CONTENT_TYPE)


ROUTES: Final = (
    Route(
        method="GET",
        path="/healthz",
        handler=get_health,
        scope="public",
        kind=ActionKind.PUBLIC,
        summary="Is the process alive",
        tag="health",
        limited=False,
        answer=Health,
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=get_readiness,
        scope="public",
        kind=ActionKind.PUBLIC,
        summary="Are commands taken",
        tag="health",
        limited=False,
        answer=Readiness,
        otherwise={UNAVAILABLE: Readiness},
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=get_metrics,
        scope="public",
        kind=ActionKind.PUBLIC,
        summary="Metrics",
        tag="health",
        limited=False,
        answer=None,
        content_type=CONTENT_TYPE,
    ),
)
