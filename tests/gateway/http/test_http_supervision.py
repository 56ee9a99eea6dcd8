"""The supervisor's routes: everything across accounts, refused orders too, and every look written down first."""

from hashlib import sha256
from typing import Any

import asyncpg
import pytest

from gateway.access.keys import Scope
from gateway.http.app import ROUTES
from tests.gateway.engine.world import adopting
from tests.gateway.http.desk import PARTICIPANTS, Desk, Person
from tests.gateway.http.test_http_bulletins import close, trade
from tests.gateway.http.test_http_negotiated import confirmed, filed
from tests.gateway.http.wire import wire


async def paged(reader: Person, target: str, limit: int) -> list[dict[str, Any]]:
    """All of a list, so many at a time."""
    joint = "&" if "?" in target else "?"
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await reader.get(f"{target}{joint}limit={limit}{after}")
        found += page["items"]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


async def test_refused_orders_are_found_by_account_and_by_day(exchange: Desk) -> None:
    day = str(exchange.services.views.market.trading_day)
    for number in range(3):
        assert (await exchange["buyer"].order(f"far-{number}", price="99999.00")).status_code == 422
    assert (await exchange["buyer2"].order("far-9", price="99999.00")).status_code == 422
    await exchange["buyer"].order("rests", price="67.00")
    await close(exchange)
    tomorrow = str(exchange.services.views.market.trading_day)
    await exchange["buyer"].order("far-3", price="99999.00")
    look = exchange["supervisor"]
    refused = await paged(look, "/v1/supervise/orders?status=rejected&account=buyer", 2)
    assert [(one["client_order_id"], one["reason"]) for one in refused] == [
        (f"far-{number}", "price_outside_band") for number in (3, 2, 1, 0)
    ]
    assert {one["participant"] for one in refused} == {PARTICIPANTS["buyer"]}
    of_day = await paged(look, f"/v1/supervise/orders?status=rejected&trading_day={day}", 3)
    assert [one["client_order_id"] for one in of_day] == ["far-9", "far-2", "far-1", "far-0"]
    every = await paged(look, f"/v1/supervise/orders?trading_day={day}", 2)
    assert [one["client_order_id"] for one in every] == ["rests", "far-9", "far-2", "far-1", "far-0"]
    (later,) = await paged(look, f"/v1/supervise/orders?trading_day={tomorrow}", 10)
    assert later["client_order_id"] == "far-3"


async def test_trades_are_told_with_both_sides(exchange: Desk) -> None:
    day = str(exchange.services.views.market.trading_day)
    await trade(exchange, 1, "68.00", "10")
    await confirmed(exchange, "buyer", await filed(exchange, "n-1"))
    await close(exchange)
    look = exchange["supervisor"]
    trades = await paged(look, f"/v1/supervise/trades?trading_day={day}", 1)
    assert trades == await paged(look, "/v1/supervise/trades?account=seller", 1)
    assert [one["method"] for one in trades] == ["negotiated", "listed"]
    for one in trades:
        assert (one["buyer"]["account"], one["buyer"]["participant"]) == ("buyer", PARTICIPANTS["buyer"])
        assert (one["seller"]["account"], one["settlement"]["state"]) == ("seller", "settled")
        assert (one["buyer"]["order"] is None) is (one["method"] == "negotiated")
    assert await paged(look, f"/v1/supervise/trades?trading_day={day}&account=buyer2", 5) == []
    issued = await paged(look, f"/v1/supervise/statements?trading_day={day}", 2)
    assert [one["account"] for one in issued] == ["buyer", "buyer2", "seller"]
    (own,) = await paged(look, "/v1/supervise/statements?account=seller", 1)
    assert own == issued[-1]
    assert own["digest"] == (await exchange["seller"].get(f"/v1/account/statements/{day}"))["digest"]


async def test_the_journal_is_read_with_its_digests(exchange: Desk) -> None:
    await exchange["buyer"].order("one", price="67.00")
    look = exchange["supervisor"]
    lines = await paged(look, "/v1/supervise/journal", 7)
    assert [line["entry"] for line in lines] == list(range(1, exchange.engine.views.position + 1))
    assert (lines[-1]["command"], lines[-1]["events"][0]) == ("SubmitOrder", "OrderAccepted")
    entry = await look.get(f"/v1/supervise/journal/{lines[-1]['entry']}")
    assert entry["command"][1]["client_id"] == "one"
    row = await exchange.engine.pool.fetchrow("SELECT * FROM journal ORDER BY seq DESC LIMIT 1")
    assert row is not None
    head = row["seq"].to_bytes(8, "big") + row["at_ns"].to_bytes(8, "big")
    before = bytes.fromhex(lines[-2]["digest"])
    chained = sha256(before + head + row["command"].encode() + row["events"].encode()).hexdigest()
    assert lines[-1]["digest"] == entry["digest"] == chained
    beyond = await look.send("GET", f"/v1/supervise/journal/{lines[-1]['entry'] + 1}")
    assert beyond.status_code == 404


async def test_accounts_people_keys_and_movements(exchange: Desk) -> None:
    look = exchange["supervisor"]
    accounts = await paged(look, "/v1/supervise/accounts", 2)
    assert [one["account"] for one in accounts] == ["buyer2", "buyer", "seller"]
    assert accounts[2]["units"]["SHCERCIR1"]["available"] == "100000"
    assert accounts[0]["cash"]["available"] == "10000000.00"
    keys = (await look.get("/v1/supervise/keys"))["items"]
    assert {one["participant"] for one in keys} >= {"operator", "supervisor", PARTICIPANTS["seller"]}
    assert not any(exchange[name].secret in str(keys) for name in exchange.people)
    out = {"client_id": "out-1", "listing": "SHCERCIR1", "quantity": "7"}
    assert (await exchange["seller"].send("POST", "/v1/transfers-out", out)).status_code in {200, 201}
    (movement,) = await paged(look, "/v1/supervise/movements", 5)
    assert (movement["kind"], movement["quantity"], movement["accounts"]) == ("transfer_out", "7", ["seller"])
    (transfer,) = (await look.get("/v1/supervise/transfers-out?account=seller"))["items"]
    assert transfer["client_id"] == "out-1"


async def test_every_look_is_written_down_with_who_what_and_why(exchange: Desk) -> None:
    look = exchange["supervisor"]
    await look.get("/v1/supervise/accounts?limit=5&reason=case%207")
    await look.get("/v1/account?account=seller")  # also by the routes of others
    await look.get("/v1/operator/day")
    refused = await look.send("GET", "/v1/supervise/journal/999999")
    assert refused.status_code == 404
    async with wire(exchange) as client:
        await client.logon(look)
        await client.ok("subscribe", channel="events", account="buyer")
    await exchange["seller"].get("/v1/account")  # nobody's look but its own
    looks = await paged(look, "/v1/supervise/looks", 2)
    told = [(one["target"], one["reason"]) for one in looks[::-1]]
    assert told[:5] == [
        ("/v1/supervise/accounts?limit=5&reason=case%207", "case 7"),
        ("/v1/account?account=seller", None),
        ("/v1/operator/day", None),
        ("/v1/supervise/journal/999999", None),
        ("/v1/ws events buyer", None),
    ]
    assert told[5][0] == "/v1/supervise/looks?limit=2"
    assert {(one["by"], one["caller"]) for one in looks} == {("supervisor", look.key)}
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await exchange.engine.pool.execute("DELETE FROM supervisor_look")


async def test_a_look_that_cannot_be_written_down_is_not_answered(exchange: Desk) -> None:
    await exchange.engine.pool.execute(
        "ALTER TABLE supervisor_look ADD CONSTRAINT no_more CHECK (look_id < 0) NOT VALID"
    )
    answer = await exchange["supervisor"].send("GET", "/v1/supervise/accounts")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    await exchange["seller"].get("/v1/account")


def test_the_supervisors_routes_read_only_and_take_a_reason() -> None:
    theirs = [route for route in ROUTES if route.path.startswith("/v1/supervise/")]
    assert len(theirs) > 35
    for route in theirs:
        assert (route.method, route.scope, route.or_scopes) == ("GET", Scope.SUPERVISE, frozenset()), (
            route.path
        )
        assert "reason" in route.query.model_fields, route.path


async def test_an_attempt_by_mandate_that_is_not_entrusted_may_be_sent_twice(exchange: Desk) -> None:
    """It uses no client id, so it must not stand among the account's orders, where an id is there once."""
    mandate = {
        "account": "seller",
        "participant": PARTICIPANTS["buyer"],
        "actions": ["transfer"],
        "until": "2026-12-01T00:00:00.000000+08:00",
        "reason": "deed 7",
    }
    await exchange.engine.do(adopting(("mandate_kinds", "institution"), ("two_person_acts", "")))
    assert (await exchange["operator"].send("POST", "/v1/operator/mandates", mandate)).status_code == 201
    for _ in range(2):
        answer = await exchange["buyer"].order("same", account="seller", side="sell", price="70.00")
        assert answer.json()["code"] == "not_mandated"
    answer = await exchange["seller"].order("same", side="sell", price="70.00")
    assert answer.status_code == 201
    assert (await exchange["seller"].send("DELETE", "/v1/orders")).status_code == 200
    found = (await exchange["seller"].get("/v1/orders"))["items"]
    assert [(one["client_order_id"], one["status"]) for one in found] == [("same", "cancelled")]
