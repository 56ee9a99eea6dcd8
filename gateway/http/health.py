"""What an operator's tools ask: is it alive, does it take commands, what does it measure."""

from typing import Final

from gateway.access.limits import ActionKind
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import Answer
from gateway.metrics import CONTENT_TYPE

UNAVAILABLE: Final = 503


class Health(Answer):
    """The process answers."""

    status: str


class Readiness(Answer):
    """Whether commands are taken."""

    ready: bool
    position: int
    """Sequence number of the last durable command."""
    queue: int
    """Commands waiting."""
    registry: bool
    """Whether the registry platform answers. Trading goes on without it; what is to be moved waits."""


async def get_health(_: Call) -> Reply:
    """The process answers."""
    return Reply({"status": "ok"})


async def get_readiness(call: Call) -> Reply:
    """200 while commands are taken, 503 otherwise."""
    sequencer = call.services.sequencer
    body = {
        "ready": sequencer.is_open,
        "position": sequencer.position,
        "queue": sequencer.queue_depth,
        "registry": call.services.registry_answers(),
    }
    return Reply(body, status=200 if sequencer.is_open else UNAVAILABLE)


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
