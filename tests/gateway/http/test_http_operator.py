"""What an operator sets up and opens, and what everybody can then read of it."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.exceptions import ConnectionClosed

from gateway.engine.clock import ManualClock, RealClock
from gateway.formats import time_text
from matching.calendar import midnight_ns
from registry_bridge.signing import Ed25519Signer, HmacKey
from settlement.values import TradingDay
from tests.gateway.engine.world import DAY
from tests.gateway.http.desk import START_NS, Desk, Person, desk
from tests.gateway.http.wire import signed_logon, wire

NS = 1_000_000_000


async def act(exchange: Desk, path: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
    answer = await exchange["operator"].send("POST", f"/v1/operator/{path}", body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def rule(parameter: str, value: int | str, at_ns: int, **more: Any) -> dict[str, Any]:
    return {
        "parameter": parameter,
        "value": value,
        "effective_from": time_text(at_ns),
        "source": "公告 2026-12 | notice",
        "certainty": "official",
    } | more


async def test_an_empty_exchange_is_set_up_and_opened(database: str) -> None:
    async with desk(database, set_up=False) as exchange:
        market = (await exchange.public("/v1/status")).json()
        assert (market["phase"], market["trading_day"], market["listings"]) == ("closed", None, [])
        changes = [
            rule("hours", "continuous 00:00-24:00", START_NS),
            rule("close_by_clock", "no", START_NS),
            rule("matching_mode", "price_time", START_NS),
            rule("tick_fen", 5, START_NS),
            rule("lot_tonnes", 10, START_NS),
            rule("listed_min_tonnes", 10, START_NS),
            rule("listed_max_tonnes", 1_000, START_NS),
            rule("band_basis_points", 1_000, START_NS),
            rule("band_rounding", "half_up", START_NS),
            rule("self_trade", "reject_incoming", START_NS),
            rule("closing_method", "average", START_NS),
            rule("close_threshold_tonnes", 100, START_NS),
            rule("settlement_cycle", "end_of_day", START_NS),
            rule("resale_next_day", "yes", START_NS),
            rule("sale_proceeds", "when_traded", START_NS),
            rule("participant_kinds", "institution, covered_entity", START_NS),
            rule("position_limits", "none", START_NS),
            rule("large_holder_alerts", "none", START_NS),
            rule("fee_payer", "both", START_NS),
            rule("fee_buyer_ppm", 0, START_NS),
            rule("fee_buyer_minimum_fen", 0, START_NS),
            rule("fee_buyer_cap_fen", "none", START_NS),
            rule("fee_seller_ppm", 0, START_NS),
            rule("fee_seller_minimum_fen", 0, START_NS),
            rule("fee_seller_cap_fen", "none", START_NS),
            rule("settlement_account", "none", START_NS),
            rule("retention_years", 20, START_NS),
            rule("notice_s", 0, START_NS),
            rule("two_person_acts", "bust_trade", START_NS),
            rule("mandate_kinds", "project_applicant", START_NS),
            rule("negotiated_min_tonnes", 1, START_NS),
            rule("negotiated_band_tiers", "3000 below 500000; none", START_NS),
            rule("negotiated_reference", "previous_close", START_NS),
            rule("negotiated_open_offers", "no", START_NS),
            rule("negotiated_review", "off", START_NS),
            rule("negotiated_max_rounds", 10, START_NS),
            rule("negotiated_max_filed", 200, START_NS),
            rule("depth_levels", 5, START_NS),
            rule("registry_patience_s", 60, START_NS),
            rule("transfers_until", "none", START_NS),
            rule("correction_policy", "claim_only", START_NS),
            rule("use_channels", "I: compliance_offset; II: donation", START_NS),
            rule("use_withdrawal_s", 0, START_NS),
        ]
        assert (await act(exchange, "rules", {"changes": changes}))["version"] == 1
        days = {
            "first_day": DAY,
            "last_day": "2026-12-31",
            "trading_days": [DAY, "2026-11-24"],
            "source": "notice",
        }
        await act(exchange, "calendar", days)
        listing = {
            "listing": "SHCERCIIR1",
            "class": "II",
            "first_reference_price": "68.00",
            "demonstration": True,
        }
        await act(exchange, "listings", listing)
        await act(exchange, "participants", {"participant": "buyer-person", "kind": "institution"})
        await act(
            exchange, "accounts", {"account": "buyer", "owner": "buyer-person", "registry_account": "R1"}
        )
        opened = await act(exchange, "day/open", {}, status=200)
        assert (opened["trading_day"], opened["phase"]) == (DAY, "continuous")

        found = (await exchange.public("/v1/listings/SHCERCIIR1")).json()
        assert (found["class"], found["tick"], found["lot"], found["flags"]) == (
            "II",
            "0.05",
            "10",
            ["demonstration"],
        )
        assert found["band"] == {"lower": "61.20", "upper": "74.80", "reference": "68.00"}
        body = {"listing": "SHCERCIIR1", "quantity": "10"}
        refused = (await exchange["buyer"].order("t1", **body, price="68.01")).json()
        assert (refused["code"], refused["errors"][0]["limit"], refused["errors"][0]["actual"]) == (
            "price_not_on_tick",
            "0.05",
            "68.01",
        )
        for quantity, code in (("15", "quantity_not_in_lots"), ("5", "quantity_below_minimum")):
            answer = await exchange["buyer"].order(f"t{quantity}", **{**body, "quantity": quantity})
            assert answer.json()["code"] == code
        answer = await exchange["buyer"].order("t2000", **{**body, "quantity": "2000"})
        assert answer.json()["code"] == "quantity_above_maximum"
        assert answer.json()["errors"][0]["limit"] == "1000"


async def test_acts_that_were_done_are_refused_by_name(exchange: Desk) -> None:
    for path, body, status, code in (
        ("participants", {"participant": "buyer-person", "kind": "institution"}, 409, "participant_exists"),
        (
            "accounts",
            {"account": "buyer", "owner": "buyer-person", "registry_account": "N"},
            409,
            "account_exists",
        ),
        (
            "accounts",
            {"account": "n", "owner": "buyer-person", "registry_account": "R-buyer"},
            409,
            "registry_account_bound",
        ),
        (
            "accounts",
            {"account": "n", "owner": "nobody", "registry_account": "N"},
            404,
            "participant_unknown",
        ),
        (
            "listings",
            {"listing": "SHCERCIR1", "class": "I", "first_reference_price": "1.00"},
            409,
            "listing_exists",
        ),
        ("rules", {"changes": [rule("tick_fen", 1, 0)]}, 422, "rule_backdated"),
        ("rules", {"changes": [rule("no_such", 1, START_NS)]}, 422, "rule_faulty"),
        ("day/open", {"trading_day": DAY}, 409, "day_already_open"),
        ("participants", {"participant": "x", "kind": "pirate"}, 400, "invalid_choice"),
        ("clock", {"now": "2020-01-01T00:00:00Z"}, 422, "clock_backwards"),
    ):
        problem = await act(exchange, path, body, status)
        assert problem["code"] == code, path


async def test_rules_of_any_moment_can_be_asked_for(exchange: Desk) -> None:
    later_ns = START_NS + 86_400 * NS
    change = rule("tick_fen", 5, later_ns, listing="SHCERCIR1")
    await act(exchange, "rules", {"changes": [change], "client_id": "rules-1"})

    async def ticks(at: str) -> list[tuple[Any, Any]]:
        found = (await exchange.public(f"/v1/rules?at={at}")).json()
        return [(r["listing"], r["value"]) for r in found["items"] if r["parameter"] == "tick_fen"]

    assert await ticks("2026-11-23T10:00:00Z") == [(None, 1)]
    assert await ticks("2026-11-25T10:00:00Z") == [(None, 1), ("SHCERCIR1", 5)]
    now = (await exchange.public("/v1/rules")).json()
    assert all(entry["source"] and entry["certainty"] for entry in now["items"])
    answer = await exchange.public("/v1/rules?at=yesterday")
    assert answer.json()["code"] == "invalid_time"


async def test_the_close_is_begun_once_and_shows_its_steps(exchange: Desk) -> None:
    assert (await exchange["operator"].get("/v1/operator/day"))["close"] is None
    begun = await act(exchange, "day/close", {"trading_day": DAY}, status=202)
    assert (begun["phase"], begun["close"]["state"]) == ("closing", "running")
    assert [step["state"] for step in begun["close"]["steps"]] == ["done", *["waiting"] * 9]
    problem = await act(exchange, "day/close", {}, status=409)
    assert problem["code"] == "close_under_way"


async def test_a_manual_clock_goes_forward_and_what_it_brings_has_come(database: str) -> None:
    async with desk(database, clock=ManualClock(START_NS)) as exchange:
        at = time_text(START_NS + 3_600 * NS)
        moved = await act(exchange, "clock", {"now": at}, status=200)
        assert moved["time"] == at
        assert (await exchange.public("/v1/time")).json()["time"] == at
        placed = (await exchange["buyer"].order("b1", price="61.20")).json()
        assert placed["order"]["created_at"] == at


async def test_a_real_clock_cannot_be_set(exchange: Desk) -> None:
    object.__setattr__(exchange.services, "clock", RealClock())
    problem = await act(exchange, "clock", {"now": "2030-01-01T00:00:00Z"}, status=409)
    assert problem["code"] == "clock_not_manual"


async def test_a_key_is_good_with_its_answer_and_gone_with_its_revocation(exchange: Desk) -> None:
    private = Ed25519PrivateKey.generate()
    public_key = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    body = {
        "participant": "buyer-person",
        "account": "buyer",
        "public_key": public_key,
        "scopes": ["read"],
        "label": "桌面",
    }
    issued = await act(exchange, "keys", body)
    assert (issued["algorithm"], issued["secret"], issued["label"]) == ("ed25519", None, "桌面")
    person = Person(url=exchange.url, http=exchange.http, key=issued["key"], signer=Ed25519Signer(private))
    assert (await person.get("/v1/account"))["account"] == "buyer"
    async with wire(exchange) as client:
        await client.logon(person)
        await client.ok("subscribe", channel="events")
        await client.until_live()
        revoked = await exchange["operator"].send("DELETE", f"/v1/operator/keys/{issued['key']}")
        assert revoked.json()["revoked_at"] is not None
        assert (await exchange["buyer"].order("after", price="66.00")).is_success
        with pytest.raises(ConnectionClosed):
            await client.receive()  # not a word of that order
        assert client.socket.close_code == 4001
    answer = await person.send("GET", "/v1/account")
    assert (answer.status_code, answer.json()["code"]) == (401, "key_revoked")
    again = await exchange["operator"].send("DELETE", f"/v1/operator/keys/{issued['key']}")
    assert again.json() == revoked.json()
    missing = await exchange["operator"].send("DELETE", "/v1/operator/keys/k-none")
    assert missing.status_code == 404


async def test_a_key_is_good_from_its_networks_alone(exchange: Desk) -> None:
    body = {"participant": "buyer-person", "account": "buyer", "algorithm": "hmac-sha256", "scopes": ["read"]}

    async def issued(*networks: str) -> Person:
        made = await act(exchange, "keys", body | {"networks": list(networks)})
        assert made["networks"] == [f"{one}/128" if one == "::1" else one for one in networks]
        signer = HmacKey(base64.b64decode(made["secret"]))
        return Person(url=exchange.url, http=exchange.http, key=made["key"], signer=signer)

    here = await issued("::1", "127.0.0.0/8")
    checked = (await here.send("POST", "/v1/auth/check", {})).json()
    assert checked["networks"] == ["::1/128", "127.0.0.0/8"]
    listed = await exchange["operator"].get("/v1/operator/keys")
    assert next(key for key in listed["items"] if key["key"] == here.key)["networks"] == checked["networks"]
    async with wire(exchange) as client:
        assert (await client.logon(here))["account"] == "buyer"

    elsewhere = await issued("203.0.113.0/24", "2001:db8::/32")
    # What somebody writes there who is no proxy of ours is nobody's word.
    refused = await elsewhere.send("GET", "/v1/account", headers={"X-Forwarded-For": "203.0.113.9"})
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (403, "address_not_allowed")
    assert problem["errors"][0]["actual"] == "127.0.0.1"
    assert "127.0.0.1" in problem["detail"]
    async with wire(exchange) as client:
        assert (await client.refused("logon", **signed_logon(elsewhere)))["code"] == "address_not_allowed"
    stranger = replace(elsewhere, signer=HmacKey(b"x" * 32))
    assert (await stranger.send("GET", "/v1/account")).json()["code"] == "signature_invalid"

    for wrong in ("203.0.113.9/24", "203.0.113", "fe80::%eth0/64", "", 7, None):
        problem = await act(exchange, "keys", body | {"networks": ["127.0.0.1", wrong]}, status=400)
        assert (problem["code"], problem["errors"][0]["pointer"]) == ("invalid_network", "/networks/1")
    many = await act(exchange, "keys", body | {"networks": ["::1"] * 33}, status=400)
    assert (many["code"], many["errors"][0]["pointer"]) == ("size_out_of_range", "/networks")


async def test_an_expired_key_is_refused(exchange: Desk) -> None:
    body = {
        "participant": "buyer-person",
        "algorithm": "hmac-sha256",
        "scopes": ["read"],
        "expires_at": "2020-01-01T00:00:00Z",
    }
    issued = await act(exchange, "keys", body)
    signer = type(exchange["buyer"].signer)(base64.b64decode(issued["secret"]))  # type: ignore[call-arg]
    person = Person(url=exchange.url, http=exchange.http, key=issued["key"], signer=signer)
    answer = await person.send("POST", "/v1/auth/check")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (401, "key_expired")
    assert problem["errors"][0]["actual"] == "2020-01-01T08:00:00.000000+08:00"


async def test_keys_that_cannot_be_made(exchange: Desk) -> None:
    for change, status, code in (
        ({}, 422, "key_not_sound"),
        ({"public_key": "AAAA"}, 422, "key_not_sound"),
        ({"public_key": "!!"}, 422, "key_not_sound"),
        ({"algorithm": "hmac-sha256", "public_key": "AAAA"}, 422, "key_not_sound"),
        ({"algorithm": "rsa"}, 400, "invalid_choice"),
        ({"participant": "nobody"}, 404, "participant_unknown"),
        ({"participant": "nobody", "scopes": ["operate", "trade"]}, 404, "participant_unknown"),
        ({"account": "nobody"}, 404, "account_unknown"),
        ({"account": "seller"}, 422, "account_of_another"),
        ({"participant": "bank", "scopes": ["bank"], "account": "seller"}, 422, "account_of_another"),
        ({"participant": "bank", "scopes": ["bank"]}, 422, "key_not_sound"),
        ({"scopes": []}, 400, "size_out_of_range"),
        ({"scopes": ["everything"]}, 400, "invalid_choice"),
    ):
        problem = await act(
            exchange, "keys", {"participant": "buyer-person", "scopes": ["read"], **change}, status
        )
        assert problem["code"] == code, change


async def test_the_calendar_tells_trading_days_and_sessions(exchange: Desk) -> None:
    found = (await exchange.public("/v1/calendar?from=2026-11-23&to=2026-11-29")).json()["items"]
    assert [day["date"] for day in found] == [f"2026-11-{n}" for n in range(23, 30)]
    assert found[0]["trading_day"]
    assert found[0]["sessions"] == [{"phase": "continuous", "start": "00:00", "end": "24:00"}]
    for query, code in (
        ("from=2026-11-23&to=2026-11-22", "out_of_range"),
        ("from=2026-01-01&to=2028-01-01", "out_of_range"),
        ("from=2026-02-30", "invalid_date"),
        ("from=9999-12-31", "invalid_date"),
    ):
        assert (await exchange.public(f"/v1/calendar?{query}")).json()["code"] == code


async def test_status_tells_when_trading_resumes(database: str) -> None:
    clock = ManualClock(midnight_ns(TradingDay(DAY)) + 12 * 3_600 * NS)
    async with desk(database, clock=clock) as exchange:
        at_ns = clock.now_ns() + 60 * NS
        hours = "listed 09:30-11:30; break 11:30-13:00; listed 13:00-15:00"
        await act(exchange, "rules", {"changes": [rule("hours", hours, at_ns)]})
        await act(exchange, "clock", {"now": time_text(at_ns)}, status=200)
        status = (await exchange.public("/v1/status")).json()
        assert status["phase"] == "break"
        assert status["listings"][0]["resume_at"] == "2026-11-23T13:00:00.000000+08:00"
        await act(exchange, "clock", {"now": time_text(at_ns + 4 * 3_600 * NS)}, status=200)
        status = (await exchange.public("/v1/status")).json()
        assert status["phase"] == "closed"
        assert status["listings"][0]["resume_at"] == "2026-11-24T09:30:00.000000+08:00"
        assert status["calendar_until"] == "2030-12-31"
        day = await exchange["operator"].get("/v1/operator/day")
        assert (day["calendar_until"], day["calendar_ends_soon"]) == ("2030-12-31", False)
        await act(exchange, "clock", {"now": "2030-12-02T10:00:00+08:00"}, status=200)
        day = await exchange["operator"].get("/v1/operator/day")
        assert (day["calendar_days_left"], day["calendar_ends_soon"]) == (29, True)
        await act(exchange, "clock", {"now": "2031-01-01T10:00:00+08:00"}, status=200)
        assert (await exchange.public("/v1/status")).json()["calendar_until"] is None
        figures = (await exchange.public("/metrics")).text
        assert "puhui_calendar_dates_left 0.0" in figures
