"""What is answered while there is no exchange to answer: that the process lives, that it is not ready, and that nothing
was taken on. It starts, or it stands by for the process that serves.
"""

import time
from typing import Any, Final, Literal, TypeAlias

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from gateway.http.admission import RETRY_AFTER_S
from gateway.http.refusals import door_reasons, reasons
from gateway.http.refusals.problems import CONTENT_LANGUAGE, CONTENT_TYPE, language_of, refusal, render
from gateway.http.routing import SECURITY_HEADERS
from gateway.metrics import CONTENT_TYPE as METRICS_TYPE
from gateway.process_metrics import IdentityMetrics
from gateway.request_ids import HEADER, RequestIds
from gateway.roles import Role

UNAVAILABLE: Final = 503

Waiting: TypeAlias = Literal["starting", "standby"]


class WaitingRoom:
    """What whoever comes meanwhile is told."""

    def __init__(self, role: Role) -> None:
        """That it starts, as what it was told to be."""
        self.state: Waiting = "starting"
        self._role = role
        self._registry = CollectorRegistry()
        IdentityMetrics(self._registry).role.labels(Role.STANDBY).set(1)
        self._request_ids = RequestIds()

    def app(self) -> web.Application:
        """An application that knows no exchange yet. No body is read."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthy)
        app.router.add_get("/readyz", self._not_ready)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_route("*", "/{path:.*}", self._refuse)
        return app

    async def _healthy(self, _: web.Request) -> web.Response:
        return _answer({"status": "ok"})

    async def _not_ready(self, _: web.Request) -> web.Response:
        body = {
            "ready": False,
            "state": self.state,
            "position": 0,
            "queue": 0,
            "registry": False,
            "role": self._role,
        }
        return _answer(body, status=UNAVAILABLE)

    async def _metrics(self, request: web.Request) -> web.Response:
        """Of a standby, which is there for good; one that starts has none before it knows them all."""
        if self.state != "standby":
            return await self._refuse(request)
        return _answer(generate_latest(self._registry), headers={"Content-Type": METRICS_TYPE})

    async def _refuse(self, request: web.Request) -> web.Response:
        language = language_of(request.headers.get("Accept-Language"))
        request_id = self._request_ids.of(request.headers.get(HEADER))
        why = door_reasons.STANDING_BY if self.state == "standby" else reasons.NOT_READY
        problem = render(refusal(why), language=language, request_id=request_id, now_ns=time.time_ns())
        headers = {
            "Content-Language": CONTENT_LANGUAGE[language],
            "Content-Type": CONTENT_TYPE,
            "Retry-After": str(RETRY_AFTER_S),
            HEADER: request_id,
        }
        return _answer(problem, status=UNAVAILABLE, headers=headers)


def _answer(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:  # noqa: ANN401
    sent = {**SECURITY_HEADERS, "Content-Type": "application/json", **(headers or {})}
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = web.Response(body=content, status=status, headers=sent)
    answer.force_close()  # the next request is for the exchange itself
    return answer
