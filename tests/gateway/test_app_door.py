"""Whoever comes while the exchange starts is told so, on the port that is its own from the first moment."""

from contextlib import AsyncExitStack

import httpx
from aiohttp import web

from gateway.door import listening, open_door, url_of, waiting_room


async def test_an_exchange_that_starts_says_that_it_is_not_ready() -> None:
    with listening("127.0.0.1", 0) as door:
        url = url_of(door)
        async with httpx.AsyncClient(trust_env=False) as http, AsyncExitStack() as stack:
            waiting = await stack.enter_async_context(AsyncExitStack())
            await waiting.enter_async_context(waiting_room(door))
            assert (await http.get(f"{url}/healthz")).json() == {"status": "ok"}
            readiness = await http.get(f"{url}/readyz")
            assert (readiness.status_code, readiness.json()["ready"]) == (503, False)
            assert readiness.json()["state"] == "starting"
            refused = await http.post(f"{url}/v1/orders", content=b"{}", headers={"Accept-Language": "en"})
            problem = refused.json()
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            assert refused.headers["Content-Type"].startswith("application/problem+json")
            assert (problem["code"], problem["state"], problem["retryable"]) == (
                "not_ready",
                "not_accepted",
                True,
            )
            assert problem["request_id"] == refused.headers["X-Request-Id"]
            await waiting.aclose()
            await stack.enter_async_context(open_door(door, web.AppRunner(exchange())))
            assert (await http.get(f"{url}/readyz")).json() == {"ready": True}


def exchange() -> web.Application:
    """What is behind the door later."""

    async def ready(_: web.Request) -> web.Response:
        return web.json_response({"ready": True})

    app = web.Application()
    app.router.add_get("/readyz", ready)
    return app
