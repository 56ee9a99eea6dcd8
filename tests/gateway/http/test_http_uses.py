"""Purchases to be retired: what an order says about its use, from submission to the registry's answer."""

from typing import Any

import orjson
import pytest

from gateway.engine.entry import Entry
from matching.commands import AdvanceClose
from settlement.commands import Outcome, ResolveInstruction
from settlement.events import InstructionKind, MovementInstructed
from settlement.values import TradingDay
from tests.gateway.engine.world import DAY
from tests.gateway.http.desk import Desk, Person, desk, order_body
from tests.gateway.http.wire import wire

USE = {"purpose": "voluntary_offset", "beneficiary": "某马拉松 Marathon", "statement": "2026 edition"}


def with_use(client_id: str, **change: Any) -> dict[str, Any]:
    return {**order_body(client_id), "use": {**USE, **change}}


async def submit(person: Person, body: dict[str, Any]) -> Any:
    answer = await person.send("POST", "/v1/orders", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["order"]


async def test_an_order_shows_its_use_while_open_when_ended_and_after_a_restart(database: str) -> None:
    async with desk(database) as exchange:
        buyer = exchange["buyer"]
        order = await submit(buyer, with_use("u1"))
        assert order["use"] == USE
        assert (await buyer.get(f"/v1/orders/{order['id']}"))["use"] == USE
        bare = await submit(buyer, with_use("u2", statement=None))
        assert bare["use"] == {**USE, "statement": ""}
        assert (await submit(buyer, order_body("u3")))["use"] is None
        body = {"client_id": "r1", "price": "67.50"}
        replaced = await buyer.send("PATCH", f"/v1/orders/{order['id']}", body)
        assert replaced.json()["order"]["use"] == USE
        again = await buyer.send("POST", "/v1/orders", with_use("u1", purpose="donation"))
        assert (again.status_code, again.json()["code"]) == (409, "client_id_reused")
        assert (await buyer.send("DELETE", "/v1/orders")).status_code == 200
    async with desk(database) as exchange:
        found = await exchange["buyer"].get(f"/v1/orders/{order['id']}")
        assert (found["status"], found["use"]) == ("cancelled", USE)


async def test_the_stream_takes_a_use_and_tells_it(exchange: Desk) -> None:
    async with wire(exchange) as client:
        await client.logon(exchange["buyer"])
        answer = await client.ok("order.submit", **with_use("w1"))
        assert answer["order"]["use"] == USE
    events = (await exchange["buyer"].get("/v1/events?limit=500"))["items"]
    assert events[-1]["use"] == USE


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"purpose": "compliance"}, "invalid_choice"),
        ({"beneficiary": ""}, "invalid_text"),
        ({"beneficiary": "x" * 129}, "invalid_text"),
        ({"beneficiary": " x"}, "invalid_text"),
        ({"beneficiary": "x\u3000"}, "invalid_text"),
        ({"statement": "x" * 513}, "invalid_text"),
        ({"statement": "a\nb"}, "invalid_text"),
        ({"colour": "green"}, "unknown_field"),
        ({"beneficiary": None}, "wrong_type"),
    ],
)
async def test_a_use_that_cannot_be_is_refused_by_name(
    exchange: Desk, change: dict[str, Any], code: str
) -> None:
    answer = await exchange["buyer"].send("POST", "/v1/orders", with_use("x1", **change))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, code)
    assert problem["errors"][0]["pointer"] == f"/use/{next(iter(change))}"


async def test_a_sale_has_no_use(exchange: Desk) -> None:
    body = {**with_use("s1"), "side": "sell"}
    answer = await exchange["seller"].send("POST", "/v1/orders", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "use_of_a_sale")


async def close(exchange: Desk) -> list[Entry]:
    entries: list[Entry] = []
    for _ in range(20):
        entries += await exchange.engine.do(AdvanceClose(trading_day=TradingDay(DAY), portion=100))
        if any(isinstance(event, MovementInstructed) for entry in entries for event in entry.events):
            return entries
    raise AssertionError("the close asks the registry for nothing")


async def answer_of_registry(
    exchange: Desk, entries: list[Entry], outcome: Outcome, kind: InstructionKind, code: str | None = None
) -> list[Entry]:
    asked = [
        event.instruction.instruction_id
        for entry in entries
        for event in entry.events
        if isinstance(event, MovementInstructed) and event.instruction.kind is kind
    ]
    assert asked
    return await exchange.engine.do(
        *(ResolveInstruction(instruction_id=name, outcome=outcome, code=code) for name in asked)
    )


async def test_a_refused_retirement_is_asked_again_by_an_operator(exchange: Desk) -> None:
    await exchange["seller"].order("s1", side="sell")
    await submit(exchange["buyer"], with_use("u1"))
    await exchange["operator"].send("POST", "/v1/operator/day/close")
    entries = await close(exchange)
    settled = await answer_of_registry(exchange, entries, Outcome.CONFIRMED, InstructionKind.DELIVER)
    await answer_of_registry(exchange, settled, Outcome.REFUSED, InstructionKind.RETIRE, "purpose_not_open")
    told = (await exchange["buyer"].get("/v1/events?limit=500"))["items"][-1]
    assert (told["type"], told["purpose"]) == ("retirement_refused", "voluntary_offset")
    target = f"/v1/operator/retirements/{told['retirement_id']}/retry"
    unknown = await exchange["operator"].send("POST", "/v1/operator/retirements/none/retry", {"reason": "x"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "retirement_not_refused")
    assert (await exchange["buyer"].send("POST", target, {"reason": "x"})).status_code == 403
    done = await exchange["operator"].send("POST", target, {"reason": "the registry is mended"})
    assert (done.status_code, done.json()["state"]) == (200, "instructed")
    again = exchange.engine.listened[-1]
    await answer_of_registry(exchange, [again], Outcome.CONFIRMED, InstructionKind.RETIRE)
    told, certified = (await exchange["buyer"].get("/v1/events?limit=500"))["items"][-2:]
    assert (told["type"], told["lots"]) == ("retirement_completed", [{"lot": "LOT-1", "serials": [[1, 11]]}])
    assert certified["type"] == "certificate_issued"


async def test_a_listing_tells_its_fee(exchange: Desk) -> None:
    listing = (await exchange.public("/v1/listings/SHCERCIR1")).json()
    rules = {rule["parameter"]: rule["value"] for rule in listing["rules"]}
    assert listing["fee"] == {
        "payer": rules["fee_payer"],
        "buyer_ppm": rules["fee_buyer_ppm"],
        "buyer_minimum": "0.00",
        "buyer_cap": None,
        "seller_ppm": rules["fee_seller_ppm"],
        "seller_minimum": "0.00",
        "seller_cap": None,
    }, orjson.dumps(listing)
