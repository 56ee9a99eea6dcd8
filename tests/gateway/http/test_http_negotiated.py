"""Negotiated transfers over REST: every step, what both sides are told, and what nobody else learns."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import httpx

from gateway.engine.clock import ManualClock
from gateway.engine.templates import MOST
from gateway.formats import parse_time
from tests.gateway.engine.world import adopting
from tests.gateway.http.desk import Desk

PATH = "/v1/negotiated-transfers"


def filing(client_id: str, **given: Any) -> dict[str, Any]:
    plain = {"listing": "SHCERCIR1", "side": "sell", "price": "70.00", "quantity": "100"}
    return plain | {"client_id": client_id, "counterparty": "buyer"} | given


async def filed(exchange: Desk, client_id: str, *, who: str = "seller", **given: Any) -> dict[str, Any]:
    answer = await exchange[who].send("POST", PATH, filing(client_id, **given))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def step(exchange: Desk, who: str, transfer: dict[str, Any], word: str, **given: Any) -> httpx.Response:
    body = {"client_id": f"{word}-{transfer['id']}-{who}"} | given
    return await exchange[who].send("POST", f"{PATH}/{transfer['id']}/{word}", body)


async def done(exchange: Desk, who: str, transfer: dict[str, Any], word: str, **given: Any) -> dict[str, Any]:
    answer = await step(exchange, who, transfer, word, **given)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def confirmed(exchange: Desk, who: str, transfer: dict[str, Any]) -> dict[str, Any]:
    return await done(exchange, who, transfer, "confirm", terms_hash=transfer["terms_hash"])


async def events_of(exchange: Desk, who: str) -> list[dict[str, Any]]:
    items = (await exchange[who].get("/v1/events?limit=1000"))["items"]
    assert [event["event_id"] for event in items] == list(range(1, len(items) + 1))
    return [event for event in items if event["type"].startswith("negotiated_")]


async def both_see(exchange: Desk, transfer_id: str) -> dict[str, Any]:
    """The object, which is the same for both sides."""
    mine = await exchange["seller"].get(f"{PATH}/{transfer_id}")
    theirs = await exchange["buyer"].get(f"{PATH}/{transfer_id}")
    assert mine == theirs
    found: dict[str, Any] = mine
    return found


async def test_a_transfer_is_filed_read_confirmed_and_executed(exchange: Desk) -> None:
    made = await filed(
        exchange, "f-1", agreement_no="合同-7", lots=[{"lot": "LOT-1", "serials": [[11, 111]]}]
    )
    assert (made["state"], made["turn"], made["round"], made["changed"]) == ("filed", "buyer", 1, [])
    assert (made["seller"], made["buyer"], made["filed_by"]) == ("seller", "buyer", "seller")
    (lot,) = made["lots"]
    assert lot == {
        "lot": "LOT-1",
        "listing": "SHCERCIR1",
        "class": "I",
        "methodology": "SHCER-01 1",
        "project": "roof solar",
        "period": "2025-01-01/2025-12-31",
        "issued_on": "2026-03-01",
        "quantity": "100",
        "serials": [[11, 111]],
    }
    units = (await exchange["seller"].get("/v1/account"))["units"]["SHCERCIR1"]
    assert (units["available"], units["held"]) == ("99900", "100")
    (offered,) = (await exchange["buyer"].get(f"{PATH}?box=in"))["items"]
    (own,) = (await exchange["seller"].get(f"{PATH}?box=out"))["items"]
    assert offered == own == made
    read = await both_see(exchange, made["id"])
    assert hashlib.sha256(read["terms_text"].encode()).hexdigest() == read["terms_hash"]
    assert "agreement_no=合同-7" in read["terms_text"]
    after = await confirmed(exchange, "buyer", read)
    assert (after["state"], after["turn"], after["ended_at"]) == ("executed", None, after["updated_at"])
    assert (await both_see(exchange, made["id"]))["trade_id"] == after["trade_id"]
    (trade,) = (await exchange["buyer"].get("/v1/trades?method=negotiated"))["items"]
    assert (trade["id"], trade["method"], trade["side"]) == (after["trade_id"], "negotiated", "buy")
    assert (trade["negotiated_transfer_id"], trade["counterparty"]) == (made["id"], "seller")
    assert (trade["order_id"], trade["taker_side"], trade["amount"]) == (None, None, "7000.00")
    assert (await exchange["seller"].get("/v1/trades"))["items"][0]["counterparty"] == "buyer"
    assert (await exchange["seller"].get("/v1/trades?method=listed"))["items"] == []
    for who in ("seller", "buyer"):
        told = await events_of(exchange, who)
        assert [event["type"] for event in told] == [
            "negotiated_filed",
            "negotiated_confirmed",
            "negotiated_executed",
        ]
        assert told[-1]["negotiated_transfer"]["trade_id"] == after["trade_id"]
    assert await events_of(exchange, "buyer2") == []


async def test_what_is_negotiated_is_not_public(exchange: Desk) -> None:
    before = (await exchange.public("/v1/listings/SHCERCIR1")).json()
    await confirmed(exchange, "buyer", await filed(exchange, "p-1"))
    assert (await exchange.public("/v1/listings/SHCERCIR1/trades")).json()["items"] == []
    assert (await exchange.public("/v1/listings/SHCERCIR1")).json() == before
    assert before["negotiated"] is None


async def test_a_counter_turns_the_roles_and_tells_what_changed(exchange: Desk) -> None:
    made = await filed(exchange, "c-1")
    other = await done(exchange, "buyer", made, "counter", price="69.00", quantity="90")
    assert (other["round"], other["changed"], other["turn"]) == (2, ["price", "quantity"], "seller")
    assert other["proposed_by"] == "buyer"
    assert other["terms_hash"] != made["terms_hash"]
    boxes = {
        (who, box): [one["id"] for one in (await exchange[who].get(f"{PATH}?box={box}"))["items"]]
        for who in ("seller", "buyer")
        for box in ("in", "out")
    }
    assert boxes == {
        ("seller", "in"): [made["id"]],
        ("seller", "out"): [],
        ("buyer", "in"): [],
        ("buyer", "out"): [made["id"]],
    }
    read = await both_see(exchange, made["id"])
    assert [(one["round"], one["proposed_by"], one["price"]) for one in read["rounds"]] == [
        (1, "seller", "70.00"),
        (2, "buyer", "69.00"),
    ]
    stale = await step(exchange, "seller", made, "confirm", terms_hash=made["terms_hash"])
    assert (stale.status_code, stale.json()["code"]) == (409, "terms_hash_differs")
    assert stale.json()["errors"][0]["pointer"] == "/terms_hash"
    again = {"client_id": "second-look", "terms_hash": other["terms_hash"]}
    answer = await exchange["seller"].send("POST", f"{PATH}/{made['id']}/confirm", again)
    assert (answer.json()["state"], answer.json()["amount"]) == ("executed", "6210.00")
    cash = (await exchange["buyer"].get("/v1/account"))["cash"]
    assert (cash["held"], cash["delivering"]) == ("0.00", "6210.00")


async def test_declined_and_withdrawn_release_the_cover_and_say_who(exchange: Desk) -> None:
    whole = (await exchange["seller"].get("/v1/account"))["units"]
    refused = await done(exchange, "buyer", await filed(exchange, "d-1"), "decline")
    assert (refused["state"], refused["ended_by"], refused["reason"]) == ("declined", "buyer", None)
    taken = await done(exchange, "seller", await filed(exchange, "d-2"), "withdraw")
    assert (taken["state"], taken["ended_by"]) == ("withdrawn", "seller")
    assert (await exchange["seller"].get("/v1/account"))["units"] == whole
    states = [one["state"] for one in (await exchange["buyer"].get(PATH))["items"]]
    assert states == ["withdrawn", "declined"]
    late = await step(exchange, "buyer", taken, "confirm", terms_hash=taken["terms_hash"])
    problem = late.json()
    assert (late.status_code, problem["code"]) == (409, "negotiated_transfer_ended")
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["actual"]) == ("", "withdrawn")


async def test_the_first_answer_again(exchange: Desk) -> None:
    made = await filed(exchange, "i-1")
    again = await exchange["seller"].send("POST", PATH, filing("i-1"))
    assert (again.status_code, again.json()) == (201, made)
    assert again.headers["Idempotent-Replayed"] == "true"
    first = await step(exchange, "buyer", made, "counter", price="69.00", quantity="90")
    await done(exchange, "seller", made, "decline")
    replayed = await step(exchange, "buyer", made, "counter", price="69.00", quantity="90")
    assert replayed.json() == first.json()
    assert replayed.headers["Idempotent-Replayed"] == "true"
    other = await step(exchange, "buyer", made, "counter", price="68.00", quantity="90")
    assert (other.status_code, other.json()["code"]) == (409, "client_id_reused")
    refused = await exchange["buyer"].send("POST", PATH, filing("i-1", counterparty="seller"))
    assert refused.json()["code"] == "insufficient_units"
    same = await exchange["buyer"].send("POST", PATH, filing("i-1", counterparty="seller"))
    assert same.json()["errors"] == refused.json()["errors"]
    assert same.headers["Idempotent-Replayed"] == "true"


async def test_the_same_agreement_is_filed_once(exchange: Desk) -> None:
    made = await filed(exchange, "a-1", agreement_no="2026/17")
    mine = filing("a-2", side="buy", counterparty="seller", agreement_no="2026/17")
    other = await exchange["buyer"].send("POST", PATH, mine)
    assert (other.status_code, other.json()) == (200, made)
    differing = {**mine, "client_id": "a-3", "price": "70.01"}
    contradicts = await exchange["buyer"].send("POST", PATH, differing)
    assert (contradicts.status_code, contradicts.json()["code"]) == (409, "agreement_contradicts")
    assert [event["type"] for event in await events_of(exchange, "buyer")] == ["negotiated_filed"]


async def test_nobody_else_learns_of_it(exchange: Desk) -> None:
    made = await filed(exchange, "n-1")
    unknown = await exchange["buyer2"].send("GET", f"{PATH}/999999")
    hidden = await exchange["buyer2"].send("GET", f"{PATH}/{made['id']}")
    assert unknown.status_code == hidden.status_code == 404
    assert unknown.json()["code"] == hidden.json()["code"] == "not_found"
    for box in ("", "?box=in", "?box=out", "?box=offers"):
        assert (await exchange["buyer2"].get(PATH + box))["items"] == []
    for word in ("confirm", "counter", "decline", "withdraw"):
        given = {"terms_hash": made["terms_hash"]} if word == "confirm" else {}
        given |= {"price": "70.00", "quantity": "1"} if word == "counter" else {}
        there = await step(exchange, "buyer2", made, word, **given)
        nowhere = await step(exchange, "buyer2", {"id": "999999"}, word, **given)
        assert there.status_code == nowhere.status_code == 404
        assert there.json()["code"] == nowhere.json()["code"] == "negotiated_transfer_unknown"
    theirs = await exchange["buyer2"].send("GET", f"{PATH}?account=buyer")
    assert theirs.json()["code"] == "not_your_account"


async def test_a_key_without_the_scope(exchange: Desk) -> None:
    answer = await exchange["reader"].send("POST", PATH, filing("s-1"))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert answer.json()["errors"][0]["limit"] == "negotiate"
    assert (await exchange["reader"].get(PATH))["items"] == []


async def test_pages_hold_each_transfer_once(exchange: Desk) -> None:
    ids = [(await filed(exchange, f"page-{number}"))["id"] for number in range(7)]
    for transfer_id in ids[::2]:
        await done(exchange, "buyer", {"id": transfer_id}, "decline")
    for query, expected in (
        ("", ids),
        ("&state=declined", ids[::2]),
        ("&state=open", ids[1::2]),
        ("&box=in&state=executed", []),
        ("&box=in", ids),
    ):
        seen, following = [], ""
        while True:
            page = await exchange["buyer"].get(f"{PATH}?limit=2{query}{following}")
            seen += [one["id"] for one in page["items"]]
            if page["next"] is None:
                break
            following = f"&after={page['next']}"
        assert seen == expected[::-1], query


async def test_open_offers_where_they_are_allowed(exchange: Desk) -> None:
    body = filing("o-1")
    del body["counterparty"]
    off = await exchange["seller"].send("POST", PATH, body)
    assert (off.status_code, off.json()["code"]) == (422, "counterparty_missing")
    await exchange.engine.do(adopting(("negotiated_open_offers", "yes")))
    answer = await exchange["seller"].send("POST", PATH, {**body, "client_id": "o-2"})
    made = answer.json()
    assert (answer.status_code, made["buyer"], made["turn"], made["open_offer"]) == (201, None, None, True)
    for who in ("buyer", "buyer2", "seller"):
        (offer,) = (await exchange[who].get(f"{PATH}?box=offers"))["items"]
        assert offer == made
        assert (await exchange[who].get(f"{PATH}/{made['id']}"))["id"] == made["id"]
    taken = await confirmed(exchange, "buyer2", made)
    assert (taken["state"], taken["buyer"], taken["seller"]) == ("executed", "buyer2", "seller")
    assert (await exchange["buyer"].get(f"{PATH}?box=offers"))["items"] == []
    assert (await exchange["buyer"].send("GET", f"{PATH}/{made['id']}")).status_code == 404
    assert (await exchange["buyer2"].get(f"{PATH}?box=in"))["items"] == [taken]
    late = await step(exchange, "buyer", made, "confirm", terms_hash=made["terms_hash"])
    assert (late.status_code, late.json()["code"]) == (409, "negotiated_transfer_ended")
    assert [event["type"] for event in await events_of(exchange, "buyer2")] == [
        "negotiated_confirmed",
        "negotiated_executed",
    ]


async def test_reviewed_by_two_persons(exchange: Desk) -> None:
    await exchange.engine.do(adopting(("negotiated_review", "all")))
    made = await filed(exchange, "r-1")
    waiting = await confirmed(exchange, "buyer", made)
    assert (waiting["state"], waiting["turn"]) == ("under_review", None)
    queue = "/v1/operator/negotiated-transfers"
    (seen,) = (await exchange["operator"].get(queue))["items"]
    assert seen["id"] == made["id"]
    body = {"decision": "approve", "reason": "price explained"}
    asked = await exchange["operator"].send("POST", f"{queue}/{made['id']}/review", body)
    assert asked.status_code == 202
    approval = asked.json()["approval"]
    assert (approval["act"], approval["subject"]) == ("review_negotiated", f"{made['id']} approved")
    alone = await exchange["operator"].send("POST", f"/v1/operator/approvals/{approval['id']}/approve")
    assert alone.json()["code"] == "second_person_needed"
    agreed = await exchange["operator2"].send("POST", f"/v1/operator/approvals/{approval['id']}/approve")
    assert agreed.status_code == 200
    assert (await both_see(exchange, made["id"]))["state"] == "executed"
    assert (await exchange["operator"].get(queue))["items"] == []
    for who in ("seller", "buyer"):
        assert [event["type"] for event in await events_of(exchange, who)][-3:] == [
            "negotiated_under_review",
            "negotiated_reviewed",
            "negotiated_executed",
        ]
    late = await exchange["operator"].send("POST", f"{queue}/{made['id']}/review", body)
    assert (late.status_code, late.json()["code"]) == (409, "not_under_review")


async def test_refused_by_the_review_where_one_person_decides(exchange: Desk) -> None:
    await exchange.engine.do(adopting(("negotiated_review", "all"), ("two_person_acts", "bust_trade")))
    whole = (await exchange["buyer"].get("/v1/account"))["cash"]
    made = await filed(exchange, "r-2")
    await confirmed(exchange, "buyer", made)
    body = {"decision": "refuse", "reason": "unexplained"}
    path = f"/v1/operator/negotiated-transfers/{made['id']}/review"
    answer = await exchange["operator"].send("POST", path, body)
    assert (answer.status_code, answer.json()["state"]) == (200, "rejected")
    ended = await both_see(exchange, made["id"])
    assert (ended["state"], ended["reason"]) == ("rejected", "review_refused")
    assert ended["review_reason"] == "unexplained"
    assert [
        event["negotiated_transfer"]["review_reason"] for event in await events_of(exchange, "buyer")
    ] == [None, None, None, "unexplained", "unexplained"]
    assert (await exchange["buyer"].get("/v1/account"))["cash"] == whole


async def test_figures_are_told_of_the_terms_and_not_of_the_other_side(exchange: Desk) -> None:
    rules = (("negotiated_review", "all"), ("two_person_acts", "bust_trade"))
    await exchange.engine.do(adopting(*rules))
    dear = await filed(exchange, "t-1", price="80.00")
    mine = await filed(exchange, "t-2", who="buyer", side="buy", counterparty="seller")
    await confirmed(exchange, "buyer", dear)
    await exchange.engine.do(adopting(("negotiated_band_tiers", "1000 below 500000; none")))
    path = f"/v1/operator/negotiated-transfers/{dear['id']}/review"
    await exchange["operator"].send("POST", path, {"decision": "approve", "reason": "fine"})
    after = await both_see(exchange, dear["id"])
    assert (after["state"], after["reason"]) == ("rejected", "negotiated_price_outside_band")
    assert after["review_reason"] == "fine"
    assert after["actual"] == "80.00"
    low, high = after["limit"].split("..")
    assert float(low) < float(high) < 80
    await exchange.engine.do(adopting(("position_limits", "institution 10; covered_entity 10")))
    after = await confirmed(exchange, "seller", mine)
    assert (after["state"], after["reason"]) == ("rejected", "position_limit_exceeded")
    assert (after["limit"], after["actual"]) == (None, None)


async def test_what_is_under_review_runs_out_of_no_time(exchange: Desk) -> None:
    await exchange.engine.do(adopting(("negotiated_review", "all")))
    made = await filed(exchange, "u-1", expires_at="2026-11-23T10:05:00+08:00")
    await confirmed(exchange, "buyer", made)
    read = await both_see(exchange, made["id"])
    assert (read["state"], read["seconds_left"], read["session_ends_at"]) == ("under_review", None, None)


async def test_the_session_told_is_the_one_under_way(exchange: Desk) -> None:
    """Of several in a day, on a date that its trading day has not caught up with."""
    made = await filed(exchange, "h-1")
    hours = "negotiated 09:00-11:00; listed 11:00-13:00; continuous 13:00-14:00; negotiated 14:00-15:00"
    await exchange.engine.do(adopting(("hours", hours)))
    read = await both_see(exchange, made["id"])
    assert read["session_ends_at"] == "2026-11-23T11:00:00.000000+08:00"
    assert read["seconds_left"] == 3_600
    assert isinstance(exchange.engine.clock, ManualClock)
    exchange.engine.clock.move_to(exchange.engine.clock.now_ns() + (24 + 4) * 3_600 * 10**9)
    later = await both_see(exchange, (await filed(exchange, "h-2"))["id"])
    assert later["session_ends_at"] == "2026-11-24T15:00:00.000000+08:00"
    assert (await both_see(exchange, made["id"]))["reason"] == "session_end"


async def test_the_supervisor_reads_everything_and_changes_nothing(exchange: Desk) -> None:
    made = await filed(exchange, "v-1")
    supervisor = exchange["supervisor"]
    (seen,) = (await supervisor.get("/v1/supervise/negotiated-transfers"))["items"]
    assert seen == made
    assert (await supervisor.get("/v1/supervise/negotiated-transfers?account=buyer2"))["items"] == []
    assert (await supervisor.get(f"/v1/supervise/negotiated-transfers/{made['id']}"))["rounds"]
    missing = await supervisor.send("GET", "/v1/supervise/negotiated-transfers/999999")
    assert missing.status_code == 404
    refused = await supervisor.send("POST", PATH, filing("v-2"))
    assert refused.json()["code"] == "scope_missing"
    other = await exchange["buyer2"].send("GET", "/v1/supervise/negotiated-transfers")
    assert other.json()["code"] == "scope_missing"


async def test_a_restriction_ends_it_for_both(exchange: Desk) -> None:
    made = await filed(exchange, "x-1")
    body = {"account": "buyer", "act": "restrict", "reason": "court order"}
    assert (await exchange["operator"].send("POST", "/v1/operator/restrictions", body)).status_code == 200
    ended = await both_see(exchange, made["id"])
    assert (ended["state"], ended["reason"]) == ("rejected", "account_restricted")
    for who in ("seller", "buyer"):
        assert (await events_of(exchange, who))[-1]["type"] == "negotiated_rejected"
    units = (await exchange["seller"].get("/v1/account"))["units"]["SHCERCIR1"]
    assert units["held"] == "0"


async def test_confirm_and_withdraw_race_to_one_end(exchange: Desk) -> None:
    ends = set()
    for number in range(12):
        made = await filed(exchange, f"race-{number}", quantity="1")
        pair = [
            step(exchange, "buyer", made, "confirm", terms_hash=made["terms_hash"]),
            step(exchange, "seller", made, "withdraw"),
        ]
        answers = await asyncio.gather(*(pair if number % 2 else pair[::-1]))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [200, 409]
        state = (await both_see(exchange, made["id"]))["state"]
        won = next(answer for answer in answers if answer.status_code == 200).json()
        assert won["state"] == state
        lost = next(answer for answer in answers if answer.status_code == 409).json()
        assert (lost["code"], lost["errors"][0]["actual"]) == ("negotiated_transfer_ended", state)
        ends.add(state)
    assert ends <= {"executed", "withdrawn"}


async def test_its_own_expiry_is_told_with_what_is_left(exchange: Desk) -> None:
    made = await filed(exchange, "e-1", expires_at="2026-11-23T10:05:00+08:00")
    assert made["expires_at"] == "2026-11-23T10:05:00.000000+08:00"
    assert made["expires_at_us"] == parse_time(made["expires_at"]) // 1_000
    read = await both_see(exchange, made["id"])
    assert read["seconds_left"] == 300
    assert (read["session_ends_at"], read["session_ends_at_us"]) == (None, None)


async def test_named_serials_are_set_aside_until_they_are_delivered_or_free(exchange: Desk) -> None:
    async def free() -> str:
        (lot,) = (await exchange["seller"].get("/v1/account/lots"))["items"]
        available: str = lot["available"]
        return available

    lots = [{"lot": "LOT-1", "serials": [[11, 111]]}]
    made = await filed(exchange, "aside-1", lots=lots)
    assert await free() == "99900"
    await done(exchange, "buyer", made, "decline")
    assert await free() == "100000"
    chosen = await filed(exchange, "aside-2", lots=[{"lot": "LOT-1", "quantity": "100"}])
    assert chosen["lots"][0]["serials"] == [[1, 101]]
    await confirmed(exchange, "buyer", chosen)
    assert await free() == "99900"
    taken = await exchange["seller"].send(
        "POST", PATH, filing("aside-3", quantity="1", lots=[{"lot": "LOT-1", "serials": [[50, 51]]}])
    )
    assert taken.json()["code"] == "named_lots_not_available"


async def test_templates_are_ones_own_and_stay(exchange: Desk) -> None:
    seller, path = exchange["seller"], "/v1/negotiated-templates"
    terms = {"listing": "SHCERCIR1", "side": "sell", "counterparty": "buyer", "quantity": "50"}
    kept = await seller.send("PUT", f"{path}/weekly", terms)
    assert kept.status_code == 200
    assert (kept.json()["price"], kept.json()["quantity"], kept.json()["lots"]) == (None, "50", [])
    named = terms | {"price": "70.00", "lots": [{"lot": "LOT-1", "quantity": "50"}]}
    again = (await seller.send("PUT", f"{path}/weekly", named)).json()
    assert (again["price"], again["lots"][0]["quantity"]) == ("70.00", "50")
    assert (await seller.get(path))["items"] == [again]
    assert (await exchange["buyer"].get(path))["items"] == []
    theirs = await exchange["buyer"].send("PUT", f"{path}/weekly", terms | {"account": "seller"})
    assert (theirs.status_code, theirs.json()["code"]) == (403, "not_your_account")
    unnamed = await seller.send("PUT", f"{path}/a%20b", terms)
    assert unnamed.status_code == 404
    filing_body = {name: again[name] for name in ("listing", "side", "counterparty", "price", "quantity")}
    made = await seller.send("POST", PATH, filing_body | {"client_id": "t-1"})
    assert made.status_code == 201
    for removed in (True, False):
        assert (await seller.send("DELETE", f"{path}/weekly")).json() == {
            "name": "weekly",
            "removed": removed,
        }


async def test_templates_are_bounded(exchange: Desk) -> None:
    terms = {"listing": "SHCERCIR1", "side": "buy"}
    path = "/v1/negotiated-templates"
    (await exchange["buyer"].send("PUT", f"{path}/n0", terms)).raise_for_status()
    (kept,) = await exchange.services.templates.all("buyer")
    for number in range(1, MOST):
        assert await exchange.services.templates.save("buyer", replace(kept, name=f"n{number}"))
    full = await exchange["buyer"].send("PUT", f"{path}/one-more", terms)
    assert (full.status_code, full.json()["code"]) == (400, "size_out_of_range")
    assert full.json()["errors"][0]["limit"] == str(MOST)
    assert (await exchange["buyer"].send("PUT", f"{path}/n7", terms)).status_code == 200
