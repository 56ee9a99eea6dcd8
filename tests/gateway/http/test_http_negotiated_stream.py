"""Negotiated transfers over the WebSocket: the same steps, and one event for each to both sides, without a gap."""

from typing import Any

from tests.gateway.engine.world import adopting
from tests.gateway.http.desk import Desk
from tests.gateway.http.test_http_negotiated import PATH, confirmed, filed, filing
from tests.gateway.http.wire import Wire, wire


async def told(client: Wire, number: int) -> list[dict[str, Any]]:
    """The next private pushes, which are numbered without a gap."""
    events = await client.pushes(number)
    ids = [event["event_id"] for event in events]
    assert ids == list(range(ids[0], ids[0] + number))
    return events


async def test_two_sides_negotiate_over_the_stream(exchange: Desk) -> None:
    async with wire(exchange) as seller, wire(exchange) as buyer:
        for client, who in ((seller, "seller"), (buyer, "buyer")):
            await client.logon(exchange[who])
            last = (await exchange[who].get("/v1/events?limit=1000"))["items"][-1]["event_id"]
            await client.ok("subscribe", channel="events", resume_from=last)
            assert await client.until_live() == []
        made = await seller.ok("negotiated.file", **filing("w-1"))
        (seen,) = await told(buyer, 1)
        assert (seen["type"], seen["negotiated_transfer"]["terms_hash"]) == (
            "negotiated_filed",
            made["terms_hash"],
        )
        given = {"transfer_id": made["id"], "client_id": "w-2"}
        other = await buyer.ok("negotiated.counter", price="69.00", quantity="90", **given)
        again = await buyer.ok("negotiated.counter", price="69.00", quantity="90", **given)
        assert again == {**other, "replayed": True}
        ended = await seller.ok(
            "negotiated.confirm", transfer_id=made["id"], client_id="w-3", terms_hash=other["terms_hash"]
        )
        assert ended["state"] == "executed"
        mine, theirs = await told(seller, 4), await told(buyer, 3)
        assert [event["type"] for event in mine] == [
            "negotiated_filed",
            "negotiated_countered",
            "negotiated_confirmed",
            "negotiated_executed",
        ]
        for one, another in zip(mine[1:], theirs, strict=True):
            assert one["negotiated_transfer"] == another["negotiated_transfer"]
        over_http = await exchange["buyer"].get(f"{PATH}/{made['id']}")
        assert {name: over_http[name] for name in ended} == ended


async def test_the_other_ends_and_what_is_refused(exchange: Desk) -> None:
    async with wire(exchange) as seller, wire(exchange) as buyer:
        assert (await seller.refused("negotiated.file", **filing("x")))["code"] == "not_logged_on"
        await seller.logon(exchange["seller"])
        await buyer.logon(exchange["buyer"])
        first = await seller.ok("negotiated.file", **filing("e-1"))
        given = {"transfer_id": first["id"], "client_id": "e-2"}
        assert (await buyer.ok("negotiated.decline", **given))["state"] == "declined"
        second = await seller.ok("negotiated.file", **filing("e-3"))
        given = {"transfer_id": second["id"], "client_id": "e-4"}
        error = await buyer.refused("negotiated.withdraw", **given)
        assert (error["code"], error["status"]) == ("not_your_turn", 409)
        assert (await seller.ok("negotiated.withdraw", **given))["state"] == "withdrawn"
        missing = await seller.refused("negotiated.confirm", client_id="e-5", terms_hash="0" * 64)
        assert missing["errors"][0]["pointer"] == "/transfer_id"
        late = await seller.refused("negotiated.file", **filing("e-6"), deadline="2026-11-23T09:00:00+08:00")
        assert late["code"] == "deadline_passed"
    async with wire(exchange) as reader:
        await reader.logon(exchange["reader"])
        assert (await reader.refused("negotiated.file", **filing("e-7")))["code"] == "scope_missing"


async def test_the_public_hears_nothing_not_even_of_one_undone(exchange: Desk) -> None:
    await exchange.engine.do(adopting(("two_person_acts", "")))
    async with wire(exchange) as anybody:
        await anybody.ok("subscribe", channel="trades", listing="SHCERCIR1")
        ended = await confirmed(exchange, "buyer", await filed(exchange, "u-1"))
        answer = await exchange["operator"].send(
            "POST", f"/v1/operator/trades/{ended['trade_id']}/bust", {"reason": "agreed by both"}
        )
        assert answer.status_code == 200, answer.text
        for who, side in (("buyer", "buy"), ("seller", "sell")):
            trade = (await exchange[who].get("/v1/trades"))["items"][0]
            assert (trade["method"], trade["settlement"]["state"], trade["side"]) == (
                "negotiated",
                "busted",
                side,
            )
        await exchange["seller"].order("l-1", side="sell", price="68.00", quantity="1")
        await exchange["buyer"].order("l-2", side="buy", price="68.00", quantity="1")
        (first,) = await anybody.pushes(1)
        assert (first["quantity"], first.get("busted")) == ("1", None)
    (public,) = (await exchange.public("/v1/listings/SHCERCIR1/trades")).json()["items"]
    assert public["quantity"] == "1"
