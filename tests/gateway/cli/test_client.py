"""The client never leaves an outcome in doubt unsaid: lost answers, busy servers, refusals, silence."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from gateway.cli import client as client_module
from gateway.cli.client import ExchangeClient
from gateway.cli.faults import OutcomeUnknown, Refused, ServerSilent
from gateway.cli.identity import Credentials
from gateway.formats import NS, time_text
from registry_bridge.signing import Authentic, HmacKey, RequestVerifier

SECRET = b"0123456789abcdef0123456789abcdef"
START_NS = 1_795_000_000 * NS
ORDER = {"client_order_id": "c-1", "listing": "SHCERCIR1", "side": "buy", "price": "68.00", "quantity": "10"}
ACCEPTED = {"id": "7", "status": "new", "client_order_id": "c-1"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Exchange:
    """A server that does as the test says, and notes what was asked of it."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self.asked: list[tuple[str, str]] = []
        self.deadlines: list[str] = []
        self.posts: list[Handler] = []
        self.look_ups: list[Handler] = []

    async def time(self, request: web.Request) -> web.Response:
        return web.json_response({"time": time_text(self.now_ns)})

    async def post(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(("POST", request.path))
        self.deadlines.append(request.headers["X-Deadline"])
        return await self.posts.pop(0)(request)

    async def patch(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(("PATCH", (await request.json())["client_id"]))
        return await self.posts.pop(0)(request)

    async def look_up(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(("GET", request.query_string))
        return await self.look_ups.pop(0)(request)


async def lost(request: web.Request) -> web.StreamResponse:
    """The answer never arrives."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def says(status: int, body: dict[str, Any], **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(
            body, status=status, headers={name.replace("_", "-"): headers[name] for name in headers}
        )

    return answer


def problem(code: str, status: int, *, retryable: bool = False, state: str = "not_accepted") -> Handler:
    return says(
        status, {"code": code, "title": code, "status": status, "retryable": retryable, "state": state}
    )


@asynccontextmanager
async def serving(exchange: Exchange) -> AsyncIterator[ExchangeClient]:
    app = web.Application()
    app.router.add_get("/v1/time", exchange.time)
    app.router.add_post("/v1/orders", exchange.post)
    app.router.add_get("/v1/orders", exchange.look_up)
    app.router.add_patch("/v1/orders/7", exchange.patch)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    credentials = Credentials(key="k-1", signer=HmacKey(SECRET))
    try:
        async with ExchangeClient.connect(
            f"http://127.0.0.1:{runner.addresses[0][1]}", credentials
        ) as client:
            yield client
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "BACK_OFF_S", (0.0, 0.0, 0.0))


async def test_an_accepted_order_is_the_answer() -> None:
    exchange = Exchange()
    exchange.posts = [says(201, {"order": ACCEPTED, "trades": []})]
    async with serving(exchange) as client:
        answer = await client.place_order(ORDER)
    assert answer.body["order"] == ACCEPTED
    assert not answer.replayed
    assert exchange.deadlines == [time_text(START_NS + 10 * NS)]


async def test_a_lost_answer_is_looked_up_by_the_client_id_and_never_sent_again() -> None:
    exchange = Exchange()
    exchange.posts = [lost]
    exchange.look_ups = [problem("not_found", 404), says(200, ACCEPTED)]
    async with serving(exchange) as client:
        answer = await client.place_order(ORDER)
    assert answer.body == {"order": ACCEPTED, "trades": []}
    assert answer.replayed
    assert [method for method, _ in exchange.asked] == ["POST", "GET", "GET"]
    assert exchange.asked[1] == ("GET", "client_order_id=c-1")


async def test_not_found_past_the_deadline_means_it_never_happened() -> None:
    exchange = Exchange()

    async def lost_for_long(request: web.Request) -> web.StreamResponse:
        exchange.now_ns += 11 * NS
        return await lost(request)

    exchange.posts = [lost_for_long]
    exchange.look_ups = [problem("not_found", 404)]
    async with serving(exchange) as client:
        with pytest.raises(Refused) as refused:
            await client.place_order(ORDER)
    assert refused.value.code == "order_not_accepted"
    assert refused.value.problem["state"] == "not_accepted"


async def test_an_outcome_that_cannot_be_learnt_is_said_to_be_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "LOOK_UP_LIMIT_S", 0.2)
    exchange = Exchange()
    exchange.posts = [lost]
    exchange.look_ups = [problem("not_found", 404) for _ in range(10_000)]
    async with serving(exchange) as client:
        with pytest.raises(OutcomeUnknown) as unknown:
            await client.place_order(ORDER)
    assert unknown.value.status == 3
    assert unknown.value.as_json() == {
        "code": "outcome_unknown",
        "state": "unknown",
        "client_id": "c-1",
        "look_up": "puhui orders --client-order-id c-1",
    }


async def test_a_server_that_does_not_know_itself_is_asked_again() -> None:
    exchange = Exchange()
    exchange.posts = [problem("not_ready", 503, state="unknown", retryable=True)]
    exchange.look_ups = [says(200, ACCEPTED)]
    async with serving(exchange) as client:
        answer = await client.place_order(ORDER)
    assert answer.body["order"] == ACCEPTED


async def test_a_busy_exchange_that_did_nothing_is_sent_the_same_again() -> None:
    exchange = Exchange()
    exchange.posts = [
        problem("overloaded", 503, retryable=True),
        says(201, {"order": ACCEPTED, "trades": []}),
    ]
    async with serving(exchange) as client:
        answer = await client.place_order(ORDER)
    assert answer.body["order"] == ACCEPTED
    assert [method for method, _ in exchange.asked] == ["POST", "POST"]


async def test_a_refusal_is_final() -> None:
    exchange = Exchange()
    exchange.posts = [problem("price_outside_band", 422)]
    async with serving(exchange) as client:
        with pytest.raises(Refused, match="price_outside_band"):
            await client.place_order(ORDER)
    assert exchange.asked == [("POST", "/v1/orders")]


async def test_reading_is_repeated() -> None:
    exchange = Exchange()
    exchange.look_ups = [lost, lost, problem("rate_limited", 429, retryable=True), says(200, {"items": []})]
    async with serving(exchange) as client:
        assert await client.get("/v1/orders") == {"items": []}


async def test_nobody_there_is_said_plainly(unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    async with ExchangeClient.connect(f"http://127.0.0.1:{unused_tcp_port}", None) as client:
        with pytest.raises(ServerSilent, match="no exchange is running at"):
            await client.get("/v1/time")


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "BODY_LIMIT_BYTES", 10)
    exchange = Exchange()
    exchange.look_ups = [says(200, {"items": ["x" * 100]}) for _ in range(4)]
    async with serving(exchange) as client:
        with pytest.raises(ServerSilent):
            await client.get("/v1/orders")


async def test_a_slow_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT_S", 0.1)
    forever = asyncio.Event()

    async def never(_: web.Request) -> web.StreamResponse:
        await forever.wait()
        return web.Response()

    exchange = Exchange()
    exchange.look_ups = [never]
    async with serving(exchange) as client:
        with pytest.raises(ServerSilent):
            await client.once("GET", "/v1/orders")
        forever.set()


async def test_requests_are_signed_as_sent() -> None:
    exchange = Exchange()
    verdicts: list[object] = []

    async def check(request: web.Request) -> web.StreamResponse:
        verdicts.append(
            RequestVerifier({"k-1": HmacKey(SECRET)}.get).check(
                method=request.method,
                target=request.raw_path,
                key=request.headers["X-Key"],
                timestamp=request.headers["X-Timestamp"],
                signature=request.headers["X-Signature"],
                body=await request.read(),
                now_ms=int(request.headers["X-Timestamp"]),
            )
        )
        return web.json_response({"order": ACCEPTED, "trades": [], "items": []}, status=201)

    exchange.posts = [check]
    exchange.look_ups = [check]
    async with serving(exchange) as client:
        await client.place_order(ORDER)
        await client.get("/v1/orders", status="open", after="a b/c+d")
    assert len(verdicts) == 2
    assert all(isinstance(verdict, Authentic) for verdict in verdicts)


CHANGE = {"client_id": "r-1", "price": "67.50"}


async def test_a_change_whose_answer_is_lost_is_asked_again_under_the_same_id() -> None:
    exchange = Exchange()
    exchange.posts = [
        lost,
        problem("not_ready", 503, state="unknown"),
        says(200, {"order": ACCEPTED, "trades": []}, Idempotent_Replayed="true"),
    ]
    async with serving(exchange) as client:
        answer = await client.repeat("PATCH", "/v1/orders/7", CHANGE, again="ask")
    assert (answer.body["order"], answer.replayed) == (ACCEPTED, True)
    assert exchange.asked == [("PATCH", "r-1")] * 3


async def test_a_change_that_stays_without_answer_is_said_to_be_unknown() -> None:
    exchange = Exchange()
    exchange.posts = [lost] * 4
    async with serving(exchange) as client:
        with pytest.raises(OutcomeUnknown) as unknown:
            await client.repeat("PATCH", "/v1/orders/7", CHANGE, again="ask once more")
    assert (unknown.value.client_id, unknown.value.look_up) == ("r-1", "ask once more")
    assert len(exchange.asked) == 4


async def test_a_change_that_is_refused_is_not_asked_again() -> None:
    exchange = Exchange()
    exchange.posts = [problem("nothing_to_replace", 422)]
    async with serving(exchange) as client:
        with pytest.raises(Refused):
            await client.repeat("PATCH", "/v1/orders/7", CHANGE, again="ask")
    assert len(exchange.asked) == 1
