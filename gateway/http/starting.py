"""What is answered while the exchange starts: that it lives, that it is not ready, and that nothing was taken on."""

import time
from typing import Any, Final

import orjson
from aiohttp import web

from gateway.http import reasons
from gateway.http.admission import RETRY_AFTER_S
from gateway.http.problems import CONTENT_LANGUAGE, CONTENT_TYPE, language_of, refusal, render
from gateway.http.routing import SECURITY_HEADERS
from gateway.request_ids import HEADER, RequestIds

UNAVAILABLE: Final = 503


def starting_app() -> web.Application:
    """An application that knows no exchange yet. No body is read."""
    request_ids = RequestIds()

    async def healthy(_: web.Request) -> web.Response:
        return _answer({"status": "ok"})

    async def not_ready(_: web.Request) -> web.Response:
        body = {"ready": False, "state": "starting", "position": 0, "queue": 0, "registry": False}
        return _answer(body, status=UNAVAILABLE)

    async def refuse(request: web.Request) -> web.Response:
        language = language_of(request.headers.get("Accept-Language"))
        request_id = request_ids.of(request.headers.get(HEADER))
        problem = render(
            refusal(reasons.NOT_READY), language=language, request_id=request_id, now_ns=time.time_ns()
        )
        headers = {
            "Content-Language": CONTENT_LANGUAGE[language],
            "Content-Type": CONTENT_TYPE,
            "Retry-After": str(RETRY_AFTER_S),
            HEADER: request_id,
        }
        return _answer(problem, status=UNAVAILABLE, headers=headers)

    app = web.Application()
    app.router.add_get("/healthz", healthy)
    app.router.add_get("/readyz", not_ready)
    app.router.add_route("*", "/{path:.*}", refuse)
    return app


def _answer(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:  # noqa: ANN401
    sent = {**SECURITY_HEADERS, "Content-Type": "application/json", **(headers or {})}
    answer = web.Response(body=orjson.dumps(body), status=status, headers=sent)
    answer.force_close()  # the next request is for the exchange itself
    return answer
