"""Rate limits: told with every answer, one bucket for REST and WebSocket, cancels apart."""

import asyncio

from gateway.access.limits import ActionKind, Quota
from gateway.http.services import HttpSettings
from tests.gateway.http.desk import desk, order_body
from tests.gateway.http.wire import wire

TIGHT = HttpSettings(
    quotas={
        ActionKind.ORDER: Quota(quota=5, window_s=60),
        ActionKind.CANCEL: Quota(quota=2, window_s=60),
        ActionKind.PUBLIC: Quota(quota=3, window_s=60),
    }
)


async def test_a_bucket_runs_dry_and_says_when_to_come_back(database: str) -> None:
    async with desk(database, settings=TIGHT) as exchange:
        buyer = exchange["buyer"]
        for left in range(4, -1, -1):
            answer = await buyer.order(f"b{left}", price="61.20", quantity="1")
            assert answer.status_code == 201
            assert answer.headers["RateLimit-Policy"] == '"order";q=5;w=60'
            assert answer.headers["RateLimit"].startswith(f'"order";r={left};t=')
        before = await exchange.everything()
        answer = await buyer.order("b9", price="61.20", quantity="1")
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (429, "rate_limited")
        assert (problem["retryable"], problem["state"]) == (True, "not_accepted")
        assert 1 <= int(answer.headers["Retry-After"]) <= 12
        assert problem["errors"][0]["limit"] == '"order";q=5;w=60'
        assert await exchange.everything() == before
        # The same bucket over the other door, and none of it taken from cancels or from others.
        async with wire(exchange) as client:
            await client.logon(buyer)
            assert (await client.refused("order.submit", **order_body("w1")))["code"] == "rate_limited"
        assert (await buyer.send("DELETE", "/v1/orders")).status_code == 200
        assert (await exchange["buyer2"].order("b1", price="61.20")).status_code == 201
        limits = (await buyer.get("/v1/limits"))["items"]
        assert {limit["kind"]: limit["remaining"] for limit in limits} == {"order": 0, "cancel": 1}
        assert exchange.services.metrics.door.rate_limited.labels("order")._value.get() == 2


async def test_a_batch_costs_what_it_holds(database: str) -> None:
    async with desk(database, settings=TIGHT) as exchange:
        four = {"orders": [order_body(f"f{n}", price="61.20", quantity="1") for n in range(4)]}
        assert (await exchange["buyer"].send("POST", "/v1/orders/batch", four)).status_code == 200
        two = {"orders": [order_body(f"t{n}", price="61.20", quantity="1") for n in range(2)]}
        answer = await exchange["buyer"].send("POST", "/v1/orders/batch", two)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert len(exchange.engine.views.open_orders("buyer")) == 4


async def test_the_public_is_limited_by_address(database: str) -> None:
    async with desk(database, settings=TIGHT) as exchange:
        answers = await asyncio.gather(*(exchange.public("/v1/time") for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 3
        assert (await exchange["buyer"].order("b1", price="61.20")).status_code == 201


async def test_every_message_of_a_stranger_counts(database: str) -> None:
    async with desk(database, settings=TIGHT) as exchange, wire(exchange) as client:
        for _ in range(3):
            await client.ok("ping")
        await client.socket.send("{")
        answer = await client.receive()
        assert (answer["ok"], answer["error"]["code"]) == (False, "rate_limited")


async def test_health_is_told_to_whom_nothing_else_is(database: str) -> None:
    async with desk(database, settings=TIGHT) as exchange:
        for _ in range(3):
            assert (await exchange.public("/v1/time")).status_code == 200
        assert (await exchange.public("/v1/time")).status_code == 429
        for target in ("/healthz", "/readyz", "/metrics") * 3:
            answer = await exchange.http.get(exchange.url + target)
            assert answer.status_code == 200
            assert "RateLimit" not in answer.headers


async def test_bad_signatures_are_counted_as_a_strangers(database: str) -> None:
    async with desk(database, settings=TIGHT) as exchange:
        buyer = exchange["buyer"]
        forged = {"X-Signature": "A" * 43 + "="}
        codes = [(await buyer.send("GET", "/v1/account", headers=forged)).json()["code"] for _ in range(5)]
        assert codes == ["signature_invalid"] * 3 + ["rate_limited"] * 2
        # Whoever signs as they should, from the same address, is not held up by it.
        assert (await buyer.send("GET", "/v1/account")).status_code == 200
