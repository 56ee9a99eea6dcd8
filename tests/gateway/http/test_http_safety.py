"""What keeps orders from outliving the program that sent them, and operators' kill switches, over real sockets."""

import time
from typing import Any

import pytest

from gateway.engine.clock import ManualClock
from matching.commands import AdvanceTime
from tests.gateway.engine.world import START_NS
from tests.gateway.http.desk import Desk, Person, desk, until
from tests.gateway.http.wire import Wire, signed_logon, wire

SECOND_NS = 1_000_000_000


async def open_orders(person: Person) -> list[str]:
    found = await person.get("/v1/orders?status=open")
    return [order["client_order_id"] for order in found["items"]]


async def resting(person: Person, *names: str) -> None:
    for name in names:
        answer = await person.order(name, price="66.00")
        assert answer.status_code == 201, answer.text


async def dead_man(person: Person, timeout_s: int) -> dict[str, Any]:
    answer = await person.send("POST", "/v1/cancel-all-after", {"timeout_s": timeout_s})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def after(exchange: Desk, seconds: int) -> None:
    """So much later, when the clock's next look finds what is due."""
    clock = exchange.engine.clock
    assert isinstance(clock, ManualClock)
    clock.move_to(clock.now_ns() + seconds * SECOND_NS)
    await exchange.engine.sequencer.submit(AdvanceTime())


async def told(person: Person) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = (await person.get("/v1/events?limit=500"))["items"]
    return events


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# ---- dead man's switch ------------------------------------------------------------------------------------------


async def test_a_dead_man_that_is_not_held_cancels_everything_of_the_account_and_nothing_else(
    exchange: Desk,
) -> None:
    buyer, other = exchange["buyer"], exchange["buyer2"]
    await resting(buyer, "b1", "b2")
    await resting(other, "o1")
    armed = await dead_man(buyer, 30)
    assert armed == {
        "account": "buyer",
        "timeout_s": 30,
        "fires_at": "2026-11-23T10:00:30.000000+08:00",
    }
    await after(exchange, 29)
    assert await open_orders(buyer) == ["b2", "b1"]
    await dead_man(buyer, 30)  # held
    await after(exchange, 29)
    assert await open_orders(buyer) == ["b2", "b1"]
    await after(exchange, 1)
    assert await open_orders(buyer) == []
    assert await open_orders(other) == ["o1"]
    gone = await buyer.get("/v1/orders?client_order_id=b1")
    assert (gone["status"], gone["reason"]) == ("cancelled", "dead_man")
    fired = [event for event in await told(buyer) if event["type"] == "safety_timer_fired"]
    assert [(event["reason"], event["orders"]) for event in fired] == [("dead_man", 2)]
    assert (await buyer.get("/v1/account"))["cash"]["held"] == "0.00"
    await resting(buyer, "b3")  # it fired once, and is off
    await after(exchange, 100)
    assert await open_orders(buyer) == ["b3"]


async def test_zero_disarms_and_the_timers_of_two_keys_do_not_know_each_other(exchange: Desk) -> None:
    buyer = exchange["buyer"]
    scopes = next(key for key in exchange.services.keys.all() if key.key_id == buyer.key).scopes
    second = await exchange.person("second", scopes, account="buyer", participant="buyer-person")
    await resting(buyer, "b1")
    await dead_man(buyer, 30)
    assert (await dead_man(buyer, 0))["fires_at"] is None
    assert (await dead_man(buyer, 0))["fires_at"] is None
    await after(exchange, 60)
    assert await open_orders(buyer) == ["b1"]
    await dead_man(buyer, 30)
    await dead_man(second, 30)
    await dead_man(second, 0)
    await after(exchange, 30)
    assert await open_orders(buyer) == []


@pytest.mark.parametrize("restarts_late", [False, True])
async def test_a_dead_man_survives_a_restart_and_fires_before_anything_else_happens(
    database: str, restarts_late: bool
) -> None:
    clock = ManualClock(START_NS)
    async with desk(database, clock=clock) as exchange:
        await resting(exchange["buyer"], "b1")
        await dead_man(exchange["buyer"], 30)
    clock.move_to(START_NS + (60 if restarts_late else 10) * SECOND_NS)
    async with desk(database, clock=clock) as exchange:
        if not restarts_late:
            assert await open_orders(exchange["buyer"]) == ["b1"]
            await after(exchange, 20)
        else:  # whoever comes first to sell finds nobody to sell to
            answer = await exchange["seller"].order("s1", side="sell", price="66.00")
            assert answer.json()["order"]["status"] == "new", answer.text
        assert await open_orders(exchange["buyer"]) == []


async def test_who_may_not_cancel_may_not_arm(exchange: Desk) -> None:
    async def refused(who: str, body: dict[str, Any]) -> tuple[int, str]:
        return code_of(await exchange[who].send("POST", "/v1/cancel-all-after", body))

    assert await refused("reader", {"timeout_s": 5}) == (403, "scope_missing")
    assert await refused("buyer", {"timeout_s": 5, "account": "seller"}) == (403, "not_your_account")
    assert await refused("buyer", {"timeout_s": 86_401}) == (400, "out_of_range")
    assert await refused("buyer", {"timeout_s": -1}) == (400, "out_of_range")
    assert await refused("buyer", {"timeout_s": "5"}) == (400, "wrong_type")
    assert await refused("buyer", {}) == (400, "missing_field")
    late = {"X-Deadline": "2026-11-23T09:59:59+08:00"}
    answer = await exchange["buyer"].send("POST", "/v1/cancel-all-after", {"timeout_s": 5}, headers=late)
    assert code_of(answer) == (422, "deadline_passed")


# ---- cancel on disconnect ---------------------------------------------------------------------------------------


async def guarded(client: Wire, person: Person, grace_s: int = 10) -> None:
    answer = await client.ok("logon", **signed_logon(person), cancel_on_disconnect=grace_s)
    assert answer["cancel_on_disconnect"] == grace_s


async def lost(exchange: Desk) -> None:
    """Wait until the core has heard of it."""
    await until(lambda: not exchange.engine.views.safety.connections)


async def test_a_lost_connection_cancels_after_its_grace(exchange: Desk) -> None:
    buyer = exchange["buyer"]
    async with wire(exchange) as client:
        await guarded(client, buyer)
        await client.ok("order.submit", **order_fields("b1"))
        await resting(buyer, "b2")
        client.socket.transport.abort()
    await lost(exchange)
    await after(exchange, 9)
    assert await open_orders(buyer) == ["b2", "b1"]
    await after(exchange, 1)
    assert await open_orders(buyer) == []
    gone = await buyer.get("/v1/orders?client_order_id=b1")
    assert gone["reason"] == "disconnected"


async def test_a_close_without_a_logout_counts_as_lost(exchange: Desk) -> None:
    async with wire(exchange) as client:
        await guarded(client, exchange["buyer"], 3)
        await resting(exchange["buyer"], "b1")
    await lost(exchange)
    await after(exchange, 3)
    assert await open_orders(exchange["buyer"]) == []


async def test_a_logout_cancels_nothing_and_a_return_in_time_neither(exchange: Desk) -> None:
    buyer = exchange["buyer"]
    await resting(buyer, "b1")
    async with wire(exchange) as client:
        await guarded(client, buyer)
        assert await client.ok("logout") == {"logged_out": True}
        assert (await client.refused("order.submit", **order_fields("b2")))["code"] == "not_logged_on"
    assert not exchange.engine.views.safety.connections
    await after(exchange, 301)
    async with wire(exchange) as client:
        await guarded(client, buyer)
        client.socket.transport.abort()
    await lost(exchange)
    await after(exchange, 9)
    async with wire(exchange) as client:
        await guarded(client, buyer)
        await after(exchange, 9)
        assert await open_orders(buyer) == ["b1"]
        await client.ok("logout")
    async with wire(exchange) as old, wire(exchange) as new:  # back before the loss is noticed
        earlier = signed_logon(buyer, timestamp_ms=time.time_ns() // 1_000_000 - 1_000)
        await old.ok("logon", **earlier, cancel_on_disconnect=10)
        await guarded(new, buyer)
        old.socket.transport.abort()
        await until(lambda: len(exchange.engine.views.safety.connections) == 1)
        await after(exchange, 301)
        assert await open_orders(buyer) == ["b1"]
        new.socket.protocol.send_text(b'{"op":"logout","id":"bye"}')
        new.socket.protocol.send_close(1000)
        new.socket.transport.write(b"".join(new.socket.protocol.data_to_send()))  # both in one packet
        await lost(exchange)
    async with wire(exchange) as client:  # who did not ask for it is not watched
        await client.logon(buyer)
    await after(exchange, 301)
    assert await open_orders(buyer) == ["b1"]


async def test_a_connection_that_could_not_be_watched_for_overload_may_ask_again(exchange: Desk) -> None:
    sequencer = exchange.engine.sequencer
    async with wire(exchange) as client:
        room, sequencer._queue_limit = sequencer._queue_limit, 0
        signed = signed_logon(exchange["buyer"], timestamp_ms=time.time_ns() // 1_000_000 - 1_000)
        assert (await client.refused("logon", **signed, cancel_on_disconnect=9))["code"] == "overloaded"
        sequencer._queue_limit = room
        await guarded(client, exchange["buyer"])


async def test_a_process_that_ended_counts_as_a_lost_connection_when_it_is_back(database: str) -> None:
    clock = ManualClock(START_NS)
    async with desk(database, clock=clock) as exchange:
        client = wire(exchange)
        await guarded(await client.__aenter__(), exchange["buyer"])
        await resting(exchange["buyer"], "b1")
        # As if killed: the end of the connection is never told.
        exchange.engine.sequencer.lose(ConnectionError("killed"))
        await until(lambda: exchange.engine.sequencer.failure is not None)
        await client.__aexit__(None, None, None)
    clock.move_to(START_NS + 3_600 * SECOND_NS)
    async with desk(database, clock=clock) as exchange:
        await lost(exchange)
        await after(exchange, 9)  # the grace begins anew: nothing could trade meanwhile
        assert await open_orders(exchange["buyer"]) == ["b1"]
        await after(exchange, 1)
        assert await open_orders(exchange["buyer"]) == []


async def test_cancel_on_disconnect_is_asked_for_properly_or_not_at_all(exchange: Desk) -> None:
    async with wire(exchange) as client:
        for grace_s, code in ((2, "out_of_range"), (301, "out_of_range"), ("9", "wrong_type")):
            signed = signed_logon(exchange["buyer"])
            assert (await client.refused("logon", **signed, cancel_on_disconnect=grace_s))["code"] == code
        signed = signed_logon(exchange["reader"])
        assert (await client.refused("logon", **signed, cancel_on_disconnect=9))["code"] == "scope_missing"
        assert (await client.refused("logout"))["code"] == "not_logged_on"
        await guarded(client, exchange["buyer"])
        signed = signed_logon(exchange["buyer"])
        assert (await client.refused("logon", **signed))["code"] == "already_logged_on"
        await client.ok("logout")


def order_fields(client_order_id: str) -> dict[str, str]:
    terms = {"listing": "SHCERCIR1", "side": "buy", "type": "limit", "price": "66.00", "quantity": "10"}
    return {"client_order_id": client_order_id, "time_in_force": "day", **terms}


# ---- kill switches ----------------------------------------------------------------------------------------------


async def turn(exchange: Desk, act: str, scope: str, subject: str | None = None) -> Any:
    body = {"act": act, "scope": scope, "reason": "runaway program"} | (
        {} if subject is None else {"subject": subject}
    )
    return await exchange["operator"].send("POST", "/v1/operator/kill-switches", body)


@pytest.mark.parametrize(
    ("scope", "subject", "stopped"),
    [
        ("account", "buyer", {"buyer"}),
        ("participant", "buyer-person", {"buyer"}),
        ("market", None, {"buyer", "buyer2"}),
    ],
)
async def test_a_kill_switch_cancels_what_rests_and_takes_nothing_new_until_it_is_lifted(
    exchange: Desk, scope: str, subject: str | None, stopped: set[str]
) -> None:
    for who in ("buyer", "buyer2"):
        await resting(exchange[who], f"{who}-1")
    thrown = await turn(exchange, "throw", scope, subject)
    assert thrown.status_code == 200, thrown.text
    assert (thrown.json()["on"], len(thrown.json()["cancelled"])) == (True, len(stopped))
    for who in ("buyer", "buyer2"):
        answer = await exchange[who].order(f"{who}-2", price="66.00")
        if who in stopped:
            assert await open_orders(exchange[who]) == []
            assert code_of(answer) == (422, "kill_switch_on")
            gone = await exchange[who].get(f"/v1/orders?client_order_id={who}-1")
            assert gone["reason"] == "kill_switch"
        else:
            assert answer.status_code == 201
            changed = await exchange[who].send(
                "PATCH", f"/v1/orders/{answer.json()['order']['id']}", {"client_id": "p1", "price": "66.50"}
            )
            assert changed.status_code == 200, changed.text
    (on,) = (await exchange["operator"].get("/v1/operator/kill-switches"))["items"]
    assert (on["scope"], on["subject"], on["operator"]) == (scope, subject, "operator")
    status = (await exchange.public("/v1/status")).json()
    assert status["kill_switch"] is (scope == "market")
    assert code_of(await turn(exchange, "throw", scope, subject)) == (422, "kill_switch_on")
    lifted = await turn(exchange, "lift", scope, subject)
    assert (lifted.status_code, lifted.json()["on"]) == (200, False)
    assert code_of(await turn(exchange, "lift", scope, subject)) == (409, "kill_switch_not_on")
    assert (await exchange["buyer"].order("buyer-3", price="66.00")).status_code == 201


async def test_a_kill_switch_outlives_a_restart_and_leaves_what_is_negotiated_alone(database: str) -> None:
    async with desk(database) as exchange:
        terms = {"listing": "SHCERCIR1", "side": "sell", "price": "68.00", "quantity": "10"}
        filing = {"client_id": "f1", "counterparty": "buyer", **terms}
        filed = await exchange["seller"].send("POST", "/v1/negotiated-transfers", filing)
        assert filed.status_code == 201, filed.text
        await turn(exchange, "throw", "market")
        transfer = await exchange["seller"].get(f"/v1/negotiated-transfers/{filed.json()['id']}")
        assert transfer["state"] == "filed"
    async with desk(database) as exchange:
        assert code_of(await exchange["buyer"].order("b1", price="66.00")) == (422, "kill_switch_on")
        assert (await turn(exchange, "lift", "market")).status_code == 200


async def test_a_kill_switch_that_cannot_be_is_refused_by_name(exchange: Desk) -> None:
    assert code_of(await turn(exchange, "throw", "account", "nobody")) == (404, "account_unknown")
    assert code_of(await turn(exchange, "throw", "participant", "nobody")) == (404, "participant_unknown")
    assert code_of(await turn(exchange, "throw", "market", "buyer")) == (400, "unknown_field")
    assert code_of(await turn(exchange, "throw", "account")) == (400, "missing_field")
    assert code_of(await turn(exchange, "smash", "market")) == (400, "invalid_choice")


async def test_the_channel_status_tells_of_the_markets_switch(exchange: Desk) -> None:
    async with wire(exchange) as client:
        await client.ok("subscribe", channel="status", listing="SHCERCIR1")
        assert (await client.push())["kill_switch"] is False
        thrown = {"scope": "market", "act": "throw", "reason": "wrong prices"}
        assert (await exchange["operator"].send("POST", "/v1/operator/kill-switches", thrown)).is_success
        assert (await client.push())["kill_switch"] is True
