"""Previewing an order over HTTP: the figures of its ticket, the refusal that would come, and nothing that changes."""

from typing import Any

import pytest

from gateway.engine.clock import ManualClock
from tests.gateway.engine.world import adopting
from tests.gateway.http.desk import Desk, order_body


async def preview(exchange: Desk, who: str, **given: Any) -> dict[str, Any]:
    body = order_body("x", **given)
    del body["client_order_id"]
    answer = await exchange[who].send("POST", "/v1/orders/preview", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def fees(exchange: Desk) -> None:
    clock = exchange.engine.clock
    assert isinstance(clock, ManualClock)
    at_ns = clock.now_ns() + 1
    rules = (
        ("fee_buyer_ppm", 800),
        ("fee_buyer_minimum_fen", 500),
        ("fee_seller_ppm", 1_000),
        ("fee_seller_cap_fen", 60),
    )
    await exchange.engine.do(adopting(*rules, from_ns=at_ns))
    clock.move_to(at_ns + 1_000)


async def test_a_purchase_is_told_its_turnover_its_fee_and_what_it_would_hold(exchange: Desk) -> None:
    await fees(exchange)
    before, position = await exchange.everything(), exchange.engine.sequencer.position
    told = await preview(exchange, "buyer", price="68.00", quantity="10")
    assert (told["accepted"], told["code"], told["reason"]) == (True, None, None)
    assert (told["turnover"], told["fee"], told["total"]) == ("680.00", "5.00", "685.00")
    assert told["fee_terms"] == {"ppm": 800, "minimum": "5.00", "cap": None}
    assert told["hold"] == {"cash": "685.00", "units": None}
    assert told["available"] == {"cash": "10000000.00", "units": None}
    assert told["left"] == {"cash": "9999315.00", "units": None}
    assert (await exchange.everything(), exchange.engine.sequencer.position) == (before, position)
    assert (await exchange["buyer"].order("b1")).status_code == 201
    assert (await exchange["buyer"].get("/v1/account"))["cash"]["held"] == told["hold"]["cash"]


async def test_a_sale_is_told_what_it_brings_at_least(exchange: Desk) -> None:
    await fees(exchange)
    told = await preview(exchange, "seller", side="sell", price="68.00", quantity="10")
    assert (told["turnover"], told["fee"], told["total"]) == ("680.00", "0.60", "679.40")
    assert told["fee_terms"] == {"ppm": 1_000, "minimum": "0.00", "cap": "0.60"}
    assert (told["hold"]["units"], told["available"]["units"], told["left"]["units"]) == (
        "10",
        "100000",
        "99990",
    )
    listing = (await exchange.public("/v1/listings/SHCERCIR1")).json()
    assert (listing["fee"]["seller_cap"], listing["fee"]["buyer_minimum"]) == ("0.60", "5.00")


@pytest.mark.parametrize(
    ("who", "given"),
    [
        ("buyer", {"price": "99.00"}),
        ("buyer", {"quantity": "99000", "price": "70.00", "listing": "SHCERCIR1"}),
        ("buyer", {"listing": "UNKNOWN"}),
        ("buyer2", {"side": "sell"}),
        ("seller", {"side": "sell", "quantity": "99999"}),
        ("seller", {"side": "sell", "quantity": "100001"}),
        ("buyer", {"use": {"purpose": "voluntary_offset", "beneficiary": "a\u2028b"}, "side": "buy"}),
    ],
)
async def test_a_refusal_is_foretold_as_the_order_itself_is_told(
    exchange: Desk, who: str, given: dict[str, Any]
) -> None:
    body = order_body("b1", **given)
    foretold = await exchange[who].send("POST", "/v1/orders/preview", body)
    answer = await exchange[who].send("POST", "/v1/orders", body)
    if foretold.status_code != 200:
        assert foretold.json()["errors"] == answer.json()["errors"]
        return
    told = foretold.json()
    if told["accepted"]:
        assert answer.status_code == 201
        return
    error = answer.json()["errors"][0]
    assert told["code"] == error["code"]
    assert (told["limit"], told["actual"]) == (error.get("limit"), error.get("actual"))
    assert told["reason"] == answer.json()["detail"]


async def test_what_is_not_enough_leaves_nothing(exchange: Desk) -> None:
    told = await preview(exchange, "buyer2", side="sell")
    assert (told["code"], told["left"]) == ("insufficient_units", {"cash": None, "units": None})
    assert (told["hold"]["units"], told["available"]["units"]) == ("10", "0")
    unknown = await preview(exchange, "buyer", listing="UNKNOWN")
    assert (unknown["code"], unknown["fee_terms"]) == ("listing_unknown", None)


async def test_only_ones_own_account_is_previewed_with_a_key_that_trades(exchange: Desk) -> None:
    foreign = await exchange["buyer"].send("POST", "/v1/orders/preview", order_body("x", account="seller"))
    assert (foreign.status_code, foreign.json()["code"]) == (403, "not_your_account")
    unscoped = await exchange["reader"].send("POST", "/v1/orders/preview", order_body("x"))
    assert unscoped.status_code == 403
    shapeless = await exchange["buyer"].send("POST", "/v1/orders/preview", {"colour": "green"})
    assert shapeless.status_code == 400


async def test_an_own_order_in_the_way_is_foretold(exchange: Desk) -> None:
    assert (await exchange["seller"].order("s1", side="sell", price="68.00")).status_code == 201
    told = await preview(exchange, "seller", price="68.00", quantity="1")
    order = await exchange["seller"].order("s2", side="buy", price="68.00", quantity="1")
    assert (told["accepted"], told["code"]) == (False, order.json()["code"])
