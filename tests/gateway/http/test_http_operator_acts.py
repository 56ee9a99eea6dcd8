"""Exceptional acts over HTTP: halts, restrictions, undone trades, rules, and the second person."""

from typing import Any

import httpx
import pytest

from gateway.engine.clock import ManualClock
from gateway.formats import time_text
from matching.rulebook import PARAMETERS
from tests.gateway.http.desk import START_NS, Desk, desk
from tests.gateway.http.wire import wire

NS = 1_000_000_000
LISTING = "SHCERCIR1"


async def acted(exchange: Desk, target: str, status: int = 200, who: str = "operator", **body: Any) -> Any:
    answer = await exchange[who].send("POST", f"/v1/operator/{target}", body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def refused(exchange: Desk, target: str, who: str = "operator", **body: Any) -> tuple[int, str]:
    answer = await exchange[who].send("POST", f"/v1/operator/{target}", body)
    return answer.status_code, answer.json()["code"]


async def traded(exchange: Desk, quantity: str = "10", price: str = "68.00") -> str:
    number = len(exchange.engine.listened)
    await exchange["seller"].order(f"s{number}", side="sell", price=price, quantity=quantity)
    answer = await exchange["buyer"].order(f"b{number}", price=price, quantity=quantity)
    trade_id: str = answer.json()["trades"][0]["id"]
    return trade_id


def rule(parameter: str, value: int | str, at_ns: int, **more: str) -> dict[str, Any]:
    return {
        "parameter": parameter,
        "value": value,
        "effective_from": time_text(at_ns),
        "source": "notice 7",
        "certainty": "official",
        **more,
    }


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# ---- halts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "scope"), [(f"listings/{LISTING}", "listing"), ("market", "market")], ids=["listing", "market"]
)
async def test_a_halt_stops_orders_but_not_cancels_until_it_is_lifted(
    exchange: Desk, place: str, scope: str
) -> None:
    resting = (await exchange["buyer"].order("b1", price="67.00")).json()["order"]["id"]
    done = await acted(exchange, f"{place}/halt", reason="abnormal prices")
    assert (done["halted"], done["listing"]) == (True, LISTING if scope == "listing" else None)
    status = (await exchange.public("/v1/status")).json()
    (line,) = status["listings"]
    assert (line["halted"], line["resume_at"]) == (True, None)
    assert line["halt"] == {"scope": scope, "reason": "abnormal prices", "since": done["time"]}
    assert status["halted"] is (scope == "market")
    listing = (await exchange.public(f"/v1/listings/{LISTING}")).json()
    assert (listing["halted"], listing["halt"]) == (True, line["halt"])
    for answer in (
        await exchange["buyer"].order("b2"),
        await exchange["buyer"].send("PATCH", f"/v1/orders/{resting}", {"client_id": "r", "price": "67.50"}),
    ):
        assert code_of(answer) == (422, "listing_halted")
    assert await refused(exchange, f"{place}/halt", reason="again") == (422, "listing_halted")
    cancelled = await exchange["buyer"].send("DELETE", f"/v1/orders/{resting}")
    assert cancelled.json()["order"]["status"] == "cancelled"
    assert (await acted(exchange, f"{place}/resume", reason="looked into"))["halted"] is False
    assert (await exchange.public(f"/v1/listings/{LISTING}")).json()["halt"] is None
    assert (await exchange["buyer"].order("b3")).status_code == 201
    assert await refused(exchange, f"{place}/resume", reason="again") == (409, "not_halted")


async def test_a_halt_outlives_a_restart(database: str) -> None:
    async with desk(database) as exchange:
        await acted(exchange, f"listings/{LISTING}/halt", reason="overnight")
    async with desk(database) as exchange:
        assert (await exchange.public(f"/v1/listings/{LISTING}")).json()["halt"]["reason"] == "overnight"
        assert code_of(await exchange["buyer"].order("b1")) == (422, "listing_halted")


async def test_the_status_channel_announces_halts(exchange: Desk) -> None:
    async with wire(exchange) as client:
        await client.ok("subscribe", channel="status", listing=LISTING)
        assert (await client.push())["halted"] is False
        await acted(exchange, "market/halt", reason="fire drill")
        told = await client.push()
        assert (told["halted"], told["halt"]["reason"], told["resume_at"]) == (True, "fire drill", None)
        await acted(exchange, "market/resume", reason="over")
        assert (await client.push())["halted"] is False


# ---- restrictions ---------------------------------------------------------------------------------------------


async def test_a_restricted_account_trades_no_more_and_is_told_why(exchange: Desk) -> None:
    resting = (await exchange["buyer"].order("b1", price="67.00")).json()["order"]["id"]
    done = await acted(exchange, "restrictions", account="buyer", act="restrict", reason="inquiry 12")
    assert (done["restricted"], done["cancelled"]) == (True, [resting])
    account = await exchange["buyer"].get("/v1/account")
    assert (account["restricted"], account["cash"]["held"]) == (True, "0.00")
    assert account["restriction"] == {"reason": "inquiry 12", "since": done["time"]}
    order = await exchange["buyer"].get(f"/v1/orders/{resting}")
    assert (order["status"], order["reason"]) == ("cancelled", "restricted")
    assert code_of(await exchange["buyer"].order("b2")) == (422, "account_restricted")
    assert (await exchange["buyer2"].order("c1")).status_code == 201
    again = await refused(exchange, "restrictions", account="buyer", act="restrict", reason="x")
    assert again == (422, "account_restricted")
    await acted(exchange, "restrictions", account="buyer", act="lift", reason="cleared")
    assert (await exchange["buyer"].get("/v1/account"))["restriction"] is None
    assert (await exchange["buyer"].order("b3")).status_code == 201
    again = await refused(exchange, "restrictions", account="buyer", act="lift", reason="x")
    assert again == (409, "not_restricted")
    told = [event["type"] for event in (await exchange["buyer"].get("/v1/events"))["items"]]
    assert told[-5:] == [
        "account_restricted",
        "order_cancelled",
        "order_rejected",
        "restriction_lifted",
        "order_accepted",
    ]


async def test_nobody_elses_restriction_is_told_to_others(exchange: Desk) -> None:
    await acted(exchange, "restrictions", account="buyer", act="restrict", reason="inquiry 12")
    events = (await exchange["buyer2"].get("/v1/events"))["items"]
    assert not [event for event in events if event["type"] == "account_restricted"]
    assert (await exchange["buyer2"].get("/v1/account"))["restricted"] is False


# ---- the second person, on an undone trade ----------------------------------------------------------------------


async def test_a_trade_is_undone_by_two_persons(exchange: Desk) -> None:
    before = [(await exchange[who].get("/v1/account")) for who in ("seller", "buyer")]
    trade = await traded(exchange)
    assert (await exchange["buyer"].get("/v1/account"))["units"][LISTING]["bought_today"] == "10"
    asked = (await acted(exchange, f"trades/{trade}/bust", 202, reason="typing error"))["approval"]
    assert (asked["act"], asked["state"], asked["subject"]) == ("bust_trade", "waiting", trade)
    (waiting,) = (await exchange["operator2"].get("/v1/operator/approvals"))["items"]
    assert waiting == asked
    assert (waiting["operator"], waiting["reason"]) == ("operator", "typing error")
    approval = f"approvals/{asked['id']}"
    assert await refused(exchange, f"{approval}/approve") == (403, "second_person_needed")
    assert (await exchange["buyer"].get("/v1/trades"))["items"][0]["settlement"]["state"] == "pending"
    agreed = await acted(exchange, f"{approval}/approve", who="operator2")
    assert agreed["approval"]["state"] == "approved"
    assert (await exchange["operator"].get("/v1/operator/approvals"))["items"] == []
    assert await refused(exchange, f"{approval}/approve", who="operator2") == (404, "approval_unknown")
    assert [(await exchange[who].get("/v1/account")) for who in ("seller", "buyer")] == before
    for who in ("seller", "buyer"):
        (mine,) = (await exchange[who].get("/v1/trades"))["items"]
        assert (mine["settlement"]["state"], mine["settlement"]["reason"]) == ("busted", "typing error")
        last = (await exchange[who].get("/v1/events"))["items"][-1]
        assert (last["type"], last["trade_id"], last["reason"]) == ("trade_busted", trade, "typing error")
    (shown,) = (await exchange.public(f"/v1/listings/{LISTING}/trades")).json()["items"]
    assert shown["busted"] is True
    listing = (await exchange.public(f"/v1/listings/{LISTING}")).json()
    assert (listing["last"], listing["volume"], listing["turnover"]) == (None, "0", "0.00")
    assert await refused(exchange, f"trades/{trade}/bust", reason="again") == (409, "trade_not_pending")
    assert await refused(exchange, "trades/4711/bust", reason="none") == (409, "trade_not_pending")


async def test_the_day_prices_forget_an_undone_trade(exchange: Desk) -> None:
    await traded(exchange, price="68.00")
    high = await traded(exchange, price="70.00", quantity="5")
    async with wire(exchange) as client:
        await client.ok("subscribe", channel="trades", listing=LISTING)
        asked = await acted(exchange, f"trades/{high}/bust", 202, reason="wrong price")
        await acted(exchange, f"approvals/{asked['approval']['id']}/approve", who="operator2")
        told = await client.push()
        assert (told["id"], told["busted"]) == (high, True)
    listing = (await exchange.public(f"/v1/listings/{LISTING}")).json()
    assert (listing["high"], listing["last"], listing["volume"]) == ("68.00", "68.00", "10")


async def test_a_declined_act_is_not_done(exchange: Desk) -> None:
    trade = await traded(exchange)
    asked = (await acted(exchange, f"trades/{trade}/bust", 202, reason="typing error"))["approval"]
    approval = f"approvals/{asked['id']}"
    assert await refused(exchange, f"{approval}/decline", who="operator2") == (400, "missing_field")
    done = await acted(exchange, f"{approval}/decline", who="operator2", reason="it was meant")
    assert done["approval"] == {**asked, "state": "declined"}
    again = await refused(exchange, f"{approval}/decline", who="operator2", reason="x")
    assert again == (404, "approval_unknown")
    assert (await exchange["buyer"].get("/v1/trades"))["items"][0]["settlement"]["state"] == "pending"


async def test_what_waits_is_judged_again_and_outlives_a_restart(database: str) -> None:
    async with desk(database) as exchange:
        trade = await traded(exchange)
        first = (await acted(exchange, f"trades/{trade}/bust", 202, reason="one"))["approval"]
        second = (await acted(exchange, f"trades/{trade}/bust", 202, reason="two"))["approval"]
    async with desk(database) as exchange:
        waiting = (await exchange["operator"].get("/v1/operator/approvals"))["items"]
        assert waiting == [first, second]
        await acted(exchange, f"approvals/{first['id']}/approve", who="operator2")
        too_late = await refused(exchange, f"approvals/{second['id']}/approve", who="operator2")
        assert too_late == (409, "trade_not_pending")
        assert len((await exchange["operator"].get("/v1/operator/approvals"))["items"]) == 1


# ---- rules ----------------------------------------------------------------------------------------------------


async def test_rules_change_at_their_time_and_any_moment_can_be_asked_for(database: str) -> None:
    clock = ManualClock(START_NS)
    async with desk(database, clock=clock) as exchange:
        later_ns = START_NS + 3_600 * NS
        done = await acted(exchange, "rules", 201, reason="notice 7", changes=[rule("tick_fen", 5, later_ns)])
        assert done["version"] == 2
        assert (await exchange["buyer"].order("b1", price="67.01", quantity="1")).status_code == 201
        found = (await exchange.public("/v1/rules")).json()
        (coming,) = found["upcoming"]
        assert (coming["parameter"], coming["value"], coming["source"]) == ("tick_fen", 5, "notice 7")
        await acted(exchange, "clock", now=time_text(later_ns))
        assert code_of(await exchange["buyer"].order("b2", price="67.01")) == (422, "price_not_on_tick")
        for at_ns, tick in ((START_NS, 1), (later_ns - 1_000, 1), (later_ns, 5)):
            target = f"/v1/rules?at={time_text(at_ns)}".replace("+", "%2B")
            items = {item["parameter"]: item for item in (await exchange.public(target)).json()["items"]}
            assert items["tick_fen"]["value"] == tick
            assert items.keys() == PARAMETERS.keys()
            assert all(item["source"] and item["certainty"] for item in items.values())
        listing = (await exchange.public(f"/v1/listings/{LISTING}")).json()
        assert listing["tick"] == "0.05"
        assert {item["parameter"] for item in listing["rules"]} == PARAMETERS.keys()


async def test_one_listing_can_have_a_value_of_its_own(exchange: Desk) -> None:
    change = rule("listed_max_tonnes", 50, START_NS + 1, listing=LISTING)
    exchange.engine.clock.move_to(START_NS + NS)  # type: ignore[attr-defined] # a ManualClock
    change["effective_from"] = time_text(START_NS + 2 * NS)
    await acted(exchange, "rules", 201, changes=[change])
    exchange.engine.clock.move_to(START_NS + 3 * NS)  # type: ignore[attr-defined] # a ManualClock
    assert code_of(await exchange["buyer"].order("b1", quantity="51")) == (422, "quantity_above_maximum")
    listing = (await exchange.public(f"/v1/listings/{LISTING}")).json()
    own = next(item for item in listing["rules"] if item["parameter"] == "listed_max_tonnes")
    assert (own["value"], own["listing"]) == (50, LISTING)


async def test_an_emergency_needs_a_reason_and_a_second_person(exchange: Desk) -> None:
    soon_ns = START_NS + 60 * NS
    changes = [rule("band_basis_points", 500, soon_ns)]
    assert await refused(exchange, "rules", changes=changes, emergency=True) == (422, "reason_missing")
    asked = await acted(exchange, "rules", 202, changes=changes, emergency=True, reason="price swings")
    approval = asked["approval"]
    assert (approval["act"], approval["subject"]) == ("emergency_rules", "band_basis_points = 500")
    assert (await exchange.public("/v1/rules")).json()["upcoming"] == []
    await acted(exchange, f"approvals/{approval['id']}/approve", who="operator2")
    exchange.engine.clock.move_to(soon_ns)  # type: ignore[attr-defined] # a ManualClock
    assert code_of(await exchange["buyer"].order("b1", price="72.00")) == (422, "price_outside_band")
    band = (await exchange.public(f"/v1/listings/{LISTING}")).json()["band"]
    assert (band["lower"], band["upper"]) == ("64.60", "71.40")


async def test_where_notice_is_asked_for_it_must_be_given(exchange: Desk) -> None:
    await acted(exchange, "rules", 201, changes=[rule("notice_s", 3_600, START_NS)])
    hasty = rule("tick_fen", 5, START_NS + 3_599 * NS)
    answer = await exchange["operator"].send("POST", "/v1/operator/rules", {"changes": [hasty]})
    assert code_of(answer) == (422, "rule_without_notice")
    assert answer.json()["errors"][0]["limit"] == time_text(START_NS + 3_600 * NS)
    await acted(exchange, "rules", 201, changes=[rule("tick_fen", 5, START_NS + 3_600 * NS)])


# ---- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "body", "status", "code"),
    [
        (f"listings/{LISTING}/halt", {}, 400, "missing_field"),
        (f"listings/{LISTING}/halt", {"reason": ""}, 400, "invalid_text"),
        (f"listings/{LISTING}/halt", {"reason": "a\nb"}, 400, "invalid_text"),
        (f"listings/{LISTING}/halt", {"reason": "halt \u202etlah"}, 400, "invalid_text"),
        (f"listings/{LISTING}/halt", {"reason": "x" * 513}, 400, "invalid_text"),
        (f"listings/{LISTING}/halt", {"reason": 7}, 400, "wrong_type"),
        (f"listings/{LISTING}/halt", {"reason": "x", "until": "noon"}, 400, "unknown_field"),
        ("listings/NOSUCH/halt", {"reason": "x"}, 404, "listing_unknown"),
        ("listings/nosuch/halt", {"reason": "x"}, 404, "not_found"),
        (f"listings/{LISTING}/resume", {"reason": "x"}, 409, "not_halted"),
        ("market/resume", {"reason": "x"}, 409, "not_halted"),
        ("restrictions", {"account": "nobody", "act": "restrict", "reason": "x"}, 404, "account_unknown"),
        ("restrictions", {"account": "buyer", "act": "freeze", "reason": "x"}, 400, "invalid_choice"),
        ("restrictions", {"account": "buyer", "act": "restrict"}, 400, "missing_field"),
        ("trades/x/bust", {"reason": "x"}, 404, "not_found"),
        ("approvals/1/approve", {}, 404, "approval_unknown"),
        ("approvals/0/approve", {}, 404, "not_found"),
        ("approvals/1/decline", {"reason": "x"}, 404, "approval_unknown"),
        ("rules", {"changes": []}, 400, "size_out_of_range"),
        ("rules", {"changes": [rule("no_such", 1, START_NS)]}, 422, "rule_faulty"),
        ("rules", {"changes": [rule("notice_s", 1, START_NS, listing=LISTING)]}, 422, "rule_faulty"),
        ("rules", {"changes": [rule("notice_s", 2**53, START_NS)]}, 422, "rule_faulty"),
        ("rules", {"changes": [rule("registry_patience_s", 2**53, START_NS)]}, 422, "rule_faulty"),
        ("rules", {"changes": [rule("tick_fen", 5, START_NS - NS)]}, 422, "rule_backdated"),
    ],
)
async def test_bad_acts_are_refused_by_name_and_change_nothing(
    exchange: Desk, target: str, body: dict[str, Any], status: int, code: str
) -> None:
    before = await exchange.everything()
    assert await refused(exchange, target, **body) == (status, code)
    assert await exchange.everything() == before
    assert (await exchange.public("/v1/status")).json()["listings"][0]["halted"] is False


# ---- what surveillance counts ------------------------------------------------------------------------------------


async def test_surveillance_counts_by_outcome_whatever_way_it_came(exchange: Desk) -> None:
    await exchange["seller"].order("s1", side="sell", price="68.00", quantity="5")
    await exchange["seller"].order("s2", price="68.00", quantity="5")
    mine = (await exchange["buyer"].order("b1", price="67.00")).json()["order"]["id"]
    await exchange["buyer"].send("PATCH", f"/v1/orders/{mine}", {"client_id": "r1", "quantity": "5"})
    async with wire(exchange) as client:
        await client.logon(exchange["buyer"])
        await client.ok("order.cancel", order_id=mine)
    await exchange["buyer"].order("b2", price="68.00", quantity="9", time_in_force="ioc")
    await exchange["buyer"].order("b3", price="99.00")
    text = (await exchange.public("/metrics")).text
    for line in (
        'puhui_orders_total{outcome="accepted"} 3.0',
        'puhui_orders_total{outcome="self_trade"} 1.0',
        'puhui_orders_total{outcome="replaced"} 1.0',
        'puhui_orders_total{outcome="cancelled"} 1.0',
        'puhui_orders_total{outcome="cancelled_ioc_remainder"} 1.0',
        'puhui_orders_total{outcome="rejected"} 1.0',
        'puhui_trades_total{when="earlier"} 1.0',
    ):
        assert line in text, line


async def test_trades_of_the_last_minutes_are_counted_apart(database: str) -> None:
    last_ns = START_NS + 14 * 3_600 * NS - 300 * NS  # the market is open until midnight, fourteen hours on
    clock = ManualClock(START_NS)
    async with desk(database, clock=clock) as exchange:
        clock.move_to(last_ns - 1)
        await traded(exchange)
        clock.move_to(last_ns)
        await traded(exchange)
        text = (await exchange.public("/metrics")).text
        assert 'puhui_trades_total{when="earlier"} 1.0' in text
        assert 'puhui_trades_total{when="last_minutes"} 1.0' in text
