"""Orders over HTTP: what trades, what rests, what is answered again, and what a client can find out afterwards."""

import asyncio
from typing import Any

import httpx
import orjson

from gateway.engine.clock import ManualClock
from gateway.engine.sequencer import Overloaded
from gateway.formats import time_text
from tests.gateway.http.desk import START_NS, Desk, desk, order_body, until

NS = 1_000_000_000


async def placed(exchange: Desk, who: str, client_id: str, **given: str) -> dict[str, Any]:
    answer = await exchange[who].order(client_id, **given)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_two_orders_trade_at_the_resting_price(exchange: Desk) -> None:
    resting = await placed(exchange, "seller", "s1", side="sell", price="68.00", quantity="10")
    assert (resting["order"]["status"], resting["trades"]) == ("new", [])
    incoming = await placed(exchange, "buyer", "b1", price="68.50", quantity="15")
    order, trades = incoming["order"], incoming["trades"]
    assert (order["status"], order["filled"], order["remaining"]) == ("partially_filled", "10", "5")
    assert order["average_price"] == "68.00"
    assert [(t["price"], t["quantity"], t["amount"], t["taker_side"]) for t in trades] == [
        ("68.00", "10", "680.00", "buy")
    ]
    sold = await exchange["seller"].get("/v1/orders?client_order_id=s1")
    assert (sold["status"], sold["filled"], sold["remaining"]) == ("filled", "10", "0")
    for who, side in (("buyer", "buy"), ("seller", "sell")):
        (trade,) = (await exchange[who].get("/v1/trades"))["items"]
        assert (trade["id"], trade["side"], trade["settlement"]["state"]) == (
            trades[0]["id"],
            side,
            "pending",
        )
        assert set(trade) & {"buyer", "seller"} == set()
        assert trade["counterparty"] is None
    cash = (await exchange["buyer"].get("/v1/account"))["cash"]
    assert cash == {
        "available": "9998977.50",
        "held": "342.50",
        "delivering": "680.00",
        "withdrawable": "9998977.50",
        "buying_power": "9998977.50",
        "proceeds": {"due": "0.00", "pledged": "0.00"},
    }


async def test_average_price_is_rounded_half_up(exchange: Desk) -> None:
    await placed(exchange, "seller", "s1", side="sell", price="68.00", quantity="1")
    await placed(exchange, "seller", "s2", side="sell", price="68.01", quantity="1")
    bought = await placed(exchange, "buyer", "b1", price="68.01", quantity="2")
    assert bought["order"]["average_price"] == "68.01"
    assert len(bought["trades"]) == 2


async def test_immediate_or_cancel_and_fill_or_kill(exchange: Desk) -> None:
    await placed(exchange, "seller", "s1", side="sell", price="68.00", quantity="10")
    killed = await placed(exchange, "buyer", "fok", price="68.00", quantity="11", time_in_force="fok")
    assert (killed["order"]["status"], killed["order"]["reason"]) == ("cancelled", "fok_unfilled")
    assert killed["trades"] == []
    partly = await placed(exchange, "buyer", "ioc", price="68.00", quantity="11", time_in_force="ioc")
    assert (partly["order"]["status"], partly["order"]["reason"]) == ("cancelled", "ioc_remainder")
    assert (partly["order"]["filled"], partly["order"]["remaining"]) == ("10", "1")
    assert len(partly["trades"]) == 1


async def test_the_same_request_is_answered_as_the_first_time(exchange: Desk) -> None:
    first = await exchange["seller"].order("s1", side="sell", quantity="10")
    await placed(exchange, "buyer", "b1", quantity="10")
    again = await exchange["seller"].order("s1", side="sell", quantity="10")
    assert (again.status_code, again.content) == (201, first.content)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len((await exchange["seller"].get("/v1/orders"))["items"]) == 1


async def test_a_refusal_is_answered_again_too_and_can_be_looked_up(exchange: Desk) -> None:
    first = await exchange["buyer"].order("b1", price="99.00")
    again = await exchange["buyer"].order("b1", price="99.00")
    assert (first.status_code, again.status_code) == (422, 422)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["errors"] == first.json()["errors"]
    found = await exchange["buyer"].get("/v1/orders?client_order_id=b1")
    assert (found["status"], found["reason"], found["filled"]) == ("rejected", "price_outside_band", "0")
    assert (await exchange["buyer"].get("/v1/orders?status=rejected"))["items"] == [found]
    assert (await exchange["buyer"].get(f"/v1/orders/{found['id']}")) == found


async def test_the_first_answer_is_found_after_a_restart(database: str) -> None:
    async with desk(database) as exchange:
        first = await exchange["seller"].order("s1", side="sell")
        refused = await exchange["buyer"].order("b1", price="99.00")
    async with desk(database) as exchange:
        again = await exchange["seller"].order("s1", side="sell")
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["Idempotent-Replayed"] == "true"
        other = await exchange["seller"].order("s1", side="sell", quantity="11")
        assert (other.status_code, other.json()["code"]) == (409, "client_id_reused")
        again = await exchange["buyer"].order("b1", price="99.00")
        assert again.json()["errors"] == refused.json()["errors"]
        assert (await exchange["buyer"].get("/v1/orders?client_order_id=b1"))["status"] == "rejected"


async def test_a_request_past_its_deadline_is_refused_and_found_so(database: str) -> None:
    clock = ManualClock(START_NS)
    async with desk(database, clock=clock) as exchange:
        headers = {"X-Deadline": time_text(START_NS + NS)}
        clock.move_to(START_NS + NS)
        in_time = await exchange["buyer"].send("POST", "/v1/orders", order_body("b1"), headers=headers)
        assert in_time.status_code == 201
        clock.move_to(START_NS + NS + 1_000)
        late = await exchange["buyer"].send("POST", "/v1/orders", order_body("b2"), headers=headers)
        problem = late.json()
        assert (late.status_code, problem["code"]) == (422, "deadline_passed")
        assert problem["errors"][0]["limit"] == time_text(START_NS + NS)
        assert problem["errors"][0]["actual"] == time_text(START_NS + NS + 1_000)


async def test_a_look_up_waits_for_what_is_on_its_way_to_the_disk(exchange: Desk) -> None:
    """A 404 is final: an order that was submitted before the question is found, or never will be."""
    for number in range(20):
        client_id = f"race-{number}"
        submitting = asyncio.create_task(exchange["buyer"].order(client_id, price="61.20", quantity="1"))
        await until(lambda task=submitting: exchange.engine.sequencer.queue_depth > 0 or task.done())  # type: ignore[misc]
        found = await exchange["buyer"].send("GET", f"/v1/orders?client_order_id={client_id}")
        assert found.status_code == 200, found.text
        await submitting
    position = exchange.engine.sequencer.position
    missing = await exchange["buyer"].send("GET", "/v1/orders?client_order_id=never")
    assert exchange.engine.sequencer.position == position, "a question at rest leaves no trace"
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_cancelling_twice_is_the_same_cancel(exchange: Desk) -> None:
    order = (await placed(exchange, "buyer", "b1", price="61.20", quantity="10"))["order"]
    for _ in range(2):
        answer = await exchange["buyer"].send("DELETE", f"/v1/orders/{order['id']}")
        assert answer.status_code == 200
        cancelled = answer.json()["order"]
        assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "requested")
    cash = (await exchange["buyer"].get("/v1/account"))["cash"]
    assert (cash["available"], cash["held"]) == ("10000000.00", "0.00")


async def test_a_filled_order_cannot_be_cancelled(exchange: Desk) -> None:
    order = (await placed(exchange, "seller", "s1", side="sell"))["order"]
    await placed(exchange, "buyer", "b1")
    answer = await exchange["seller"].send("DELETE", f"/v1/orders/{order['id']}")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "order_not_open")
    assert problem["errors"][0]["actual"] == "filled"


async def test_mass_cancel_of_one_side_and_of_everything(exchange: Desk) -> None:
    buys = [(await placed(exchange, "seller", f"b{n}", price="61.20"))["order"]["id"] for n in range(3)]
    sells = [
        (await placed(exchange, "seller", f"s{n}", side="sell", price="74.80"))["order"]["id"]
        for n in range(2)
    ]
    answer = await exchange["seller"].send("DELETE", "/v1/orders?side=sell&listing=SHCERCIR1")
    assert answer.json() == {"cancelled": 2, "order_ids": sells}
    answer = await exchange["seller"].send("DELETE", "/v1/orders")
    assert answer.json() == {"cancelled": 3, "order_ids": buys}
    answer = await exchange["seller"].send("DELETE", "/v1/orders?listing=NOSUCH")
    assert (answer.status_code, answer.json()["code"]) == (404, "listing_unknown")


async def test_a_batch_says_for_each_order_what_became_of_it(exchange: Desk) -> None:
    orders: list[dict[str, Any]] = [
        order_body("1", side="sell", quantity="5"),
        order_body("2", side="sell", price="99.00"),
        order_body("3", side="sell", quantity="none"),
        {**order_body("4"), "surprise": True},
        order_body("5", side="sell", price="68.10", quantity="5"),
        order_body("1", side="sell", quantity="5"),
    ]
    answer = await exchange["seller"].send("POST", "/v1/orders/batch", {"orders": orders})
    results = answer.json()["results"]
    assert [result["ok"] for result in results] == [True, False, False, False, True, True]
    assert int(results[0]["order"]["id"]) < int(results[4]["order"]["id"])
    assert results[1]["error"]["code"] == "price_outside_band"
    assert results[2]["error"]["errors"][0]["pointer"] == "/orders/2/quantity"
    assert results[3]["error"]["errors"][0]["pointer"] == "/orders/3/surprise"
    assert results[5]["replayed"]
    assert results[5]["order"] == results[0]["order"]


async def test_a_batch_has_at_most_twenty_orders_and_at_least_one(exchange: Desk) -> None:
    before = await exchange.everything()
    for number in (0, 21):
        orders = [order_body(f"n{n}") for n in range(number)]
        answer = await exchange["buyer"].send("POST", "/v1/orders/batch", {"orders": orders})
        assert (answer.status_code, answer.json()["code"]) == (400, "size_out_of_range")
        assert answer.json()["errors"][0]["actual"] == str(number)
    assert await exchange.everything() == before
    many = {"orders": [order_body(f"m{n}", price="61.20", quantity="1") for n in range(20)]}
    answer = await exchange["buyer"].send("POST", "/v1/orders/batch", many)
    assert [result["ok"] for result in answer.json()["results"]] == [True] * 20


async def test_pages_show_every_order_once_newest_first(exchange: Desk) -> None:
    ids: list[str] = []
    for number in range(11):
        order = (await placed(exchange, "buyer", f"p{number}", price="61.20", quantity="1"))["order"]
        ids.append(order["id"])
        if number % 3 == 0:
            await exchange["buyer"].send("DELETE", f"/v1/orders/{order['id']}")
    for limit in (1, 2, 3, 5, 11, 50):
        seen: list[str] = []
        target = f"/v1/orders?limit={limit}"
        while True:
            page = await exchange["buyer"].get(target)
            assert len(page["items"]) <= limit
            seen += [order["id"] for order in page["items"]]
            if page["next"] is None:
                break
            target = f"/v1/orders?limit={limit}&after={page['next']}"
        assert seen == ids[::-1], limit
    still_open = [o["id"] for o in (await exchange["buyer"].get("/v1/orders?status=open"))["items"]]
    assert still_open == [order_id for number, order_id in enumerate(ids) if number % 3][::-1]
    first = await exchange["buyer"].get("/v1/orders?status=open&limit=3")
    rest = await exchange["buyer"].get(f"/v1/orders?status=open&after={first['next']}")
    assert [o["id"] for o in first["items"] + rest["items"]] == still_open


async def test_a_client_that_goes_away_does_not_take_its_order_back(exchange: Desk) -> None:
    body = orjson.dumps(order_body("gone", price="61.20"))
    headers = exchange["buyer"].headers("POST", "/v1/orders", body)
    host, port = exchange.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    lines = [f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    await writer.drain()
    writer.transport.abort()
    await until(lambda: bool(exchange.engine.views.open_orders("buyer")))
    assert (await exchange["buyer"].get("/v1/orders?client_order_id=gone"))["status"] == "new"


async def test_a_closed_phase_takes_no_orders(exchange: Desk) -> None:
    assert (await exchange["operator"].send("POST", "/v1/operator/day/close")).status_code == 202
    before = await exchange.everything()
    for language, words in (("zh", "当前时段不接受"), ("en", "not accepted in the present phase")):
        exchange["buyer"].language = language
        answer = await exchange["buyer"].order("late")
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "phase_closed")
        assert problem["errors"][0]["actual"] == "closing"
        assert words in problem["detail"]
    assert await exchange.everything() == before


async def test_a_full_queue_is_told_at_the_door(database: str) -> None:
    async with desk(database, queue_limit=40) as exchange:
        before = (await exchange["buyer"].get("/v1/account"))["cash"]

        async def one(number: int) -> httpx.Response:
            body = {"orders": [order_body(f"q{number}-{n}", price="61.20", quantity="1") for n in range(20)]}
            return await exchange["buyer"].send("POST", "/v1/orders/batch", body)

        answers = await asyncio.gather(*(one(number) for number in range(20)))
        results = [result for answer in answers for result in answer.json()["results"]]
        errors = [result["error"] for result in results if not result["ok"]]
        assert errors, "nothing was refused; the test shows nothing"
        assert {(e["code"], e["status"], e["retryable"], e["state"]) for e in errors} == {
            ("overloaded", 503, True, "not_accepted")
        }
        accepted = sum(result["ok"] for result in results)
        assert len(exchange.engine.views.open_orders("buyer")) == accepted
        assert accepted + len(errors) == 400
        await exchange["buyer"].send("DELETE", "/v1/orders")
        assert (await exchange["buyer"].get("/v1/account"))["cash"] == before


async def test_an_overloaded_exchange_says_when_to_come_back(exchange: Desk) -> None:
    def full(command: object, tell: object) -> None:
        raise Overloaded("full")

    exchange.engine.sequencer.hand_in = full  # type: ignore[method-assign,assignment]
    answer = await exchange["buyer"].order("b1")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (503, "overloaded", True)
    assert answer.headers["Retry-After"] == "1"


async def test_a_fault_of_ours_is_told_with_an_unknown_outcome_and_without_its_cause(exchange: Desk) -> None:
    def broken(command: object, tell: object) -> None:
        raise RuntimeError("secret detail")

    exchange.engine.sequencer.hand_in = broken  # type: ignore[method-assign,assignment]
    answer = await exchange["buyer"].order("b1")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["state"]) == (500, "internal_error", "unknown")
    assert "secret" not in answer.text


async def test_a_stopped_exchange_is_not_ready(exchange: Desk) -> None:
    await exchange.engine.sequencer.drain()
    answer = await exchange["buyer"].order("b1")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["state"]) == (503, "not_ready", "not_accepted")
    ready = await exchange.http.get(exchange.url + "/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert (await exchange.http.get(exchange.url + "/healthz")).status_code == 200


async def test_orders_are_counted_by_outcome(exchange: Desk) -> None:
    await exchange["buyer"].order("b1", price="61.20")
    await exchange["buyer"].order("b1", price="61.20")
    await exchange["buyer"].order("b2", price="99.00")
    text = (await exchange.public("/metrics")).text
    for line in (
        'puhui_orders_total{outcome="accepted"} 1.0',
        'puhui_orders_total{outcome="replayed"} 1.0',
        'puhui_orders_total{outcome="rejected"} 1.0',
        'puhui_order_seconds_count{way="rest"} 2.0',
        'puhui_refusals_total{code="price_outside_band"} 1.0',
        "puhui_ready 1.0",
        'puhui_phase{phase="continuous"} 1.0',
        'puhui_http_request_seconds_count{method="POST",route="/v1/orders",status="2xx"} 2.0',
    ):
        assert line in text
