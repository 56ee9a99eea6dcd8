"""The WebSocket: logon, orders, public channels, the private log without a gap, and how connections end."""

import asyncio
import random
from typing import Any

import orjson
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.http.services import HttpSettings
from tests.gateway.http.desk import Desk, desk, order_body, until
from tests.gateway.http.wire import Book, signed_logon, wire


async def test_logon_signs_once_and_orders_follow(exchange: Desk) -> None:
    async with wire(exchange) as buyer:
        result = await buyer.logon(exchange["buyer"])
        assert result == {
            "participant": "buyer-person",
            "account": "buyer",
            "scopes": ["negotiate", "offset", "read", "trade", "transfer"],
        }
        placed = await buyer.ok("order.submit", **order_body("w1", price="61.20"))
        assert placed["order"]["status"] == "new"
        again = await buyer.ok("order.submit", **order_body("w1", price="61.20"))
        assert again == {**placed, "replayed": True}
        over_http = await exchange["buyer"].order("w1", price="61.20")
        assert over_http.json() == placed
        cancelled = await buyer.ok("order.cancel", order_id=placed["order"]["id"])
        assert cancelled["order"]["status"] == "cancelled"
        assert await buyer.ok("order.cancel", order_id=placed["order"]["id"]) == cancelled


async def test_a_logon_is_judged_like_a_request(exchange: Desk) -> None:
    good = signed_logon(exchange["buyer"])
    async with wire(exchange) as client:
        assert (await client.refused("logon", **{**good, "key": "k-no"}))["code"] == "key_unknown"
        assert (await client.refused("logon", **{**good, "signature": "AAAA"}))["code"] == "signature_invalid"
        old = signed_logon(exchange["buyer"], timestamp_ms=1)
        assert (await client.refused("logon", **old))["code"] == "timestamp_outside_window"
        await client.ok("logon", **good)
        assert (await client.refused("logon", **good))["code"] == "already_logged_on"
    async with wire(exchange) as client:
        assert (await client.refused("logon", **good))["code"] == "signature_replayed"


async def test_what_needs_a_logon_and_a_scope(exchange: Desk) -> None:
    async with wire(exchange, additional_headers={"Accept-Language": "en"}) as client:
        for op, given in (
            ("order.submit", order_body("x")),
            ("order.cancel", {"order_id": "1"}),
            ("subscribe", {"channel": "events"}),
        ):
            error = await client.refused(op, **given)
            assert (error["code"], error["status"]) == ("not_logged_on", 401)
            assert "Log on first" in error["detail"]
        await client.logon(exchange["reader"])
        assert (await client.refused("order.submit", **order_body("x")))["code"] == "scope_missing"
        assert (await client.refused("subscribe", channel="events", account="seller"))[
            "code"
        ] == "not_your_account"


async def test_bad_requests_are_refused_by_name_and_the_connection_lives_on(exchange: Desk) -> None:
    async with wire(exchange) as client:
        for text, code in (
            ("{", "malformed_json"),
            ("[]", "wrong_type"),
            ('{"op": "dance", "id": 7}', "unknown_op"),
            ('{"id": 7}', "unknown_op"),
            ('{"op": "ping", "id": 7, "loud": true}', "unknown_field"),
            ('{"op": "ping", "id": 7, "id": 7}', "duplicate_field"),
            ('{"op": "ping", "id": {"deep": []}}', "wrong_type"),
            ('{"op": "subscribe", "id": 7, "channel": "gossip"}', "unknown_channel"),
            ('{"op": "subscribe", "id": 7, "channel": "depth", "listing": "NOSUCH"}', "listing_unknown"),
            ('{"op": "unsubscribe", "id": 7, "channel": "depth"}', "not_subscribed"),
            ('{"op": "resync", "id": 7}', "not_subscribed"),
        ):
            await client.socket.send(text)
            answer = await client.receive()
            assert (answer["ok"], answer["error"]["code"]) == (False, code), text
            assert answer["id"] == (7 if '"id": 7' in text and code != "duplicate_field" else None)
        assert "time_us" in await client.ok("ping")


async def test_depth_begins_with_a_snapshot_and_every_change_follows(exchange: Desk) -> None:
    await exchange["seller"].order("s0", side="sell", price="69.00", quantity="5")
    async with wire(exchange) as client:
        result = await client.ok("subscribe", channel="depth", listing="SHCERCIR1")
        assert result["listings"] == ["SHCERCIR1"]
        book = Book()
        snapshot = await client.push()
        assert snapshot["type"] == "snapshot"
        book.apply(snapshot)
        assert book.best() == ([], [("69.00", "5")])
        await exchange["buyer"].order("b1", price="68.00", quantity="10")
        book.apply(await client.push())
        await exchange["buyer"].order("b2", price="69.00", quantity="8")
        book.apply(await client.push())
        assert book.best() == ([("69.00", "3"), ("68.00", "10")], [])
        depth = (await exchange.public("/v1/listings/SHCERCIR1/depth")).json()
        assert depth["seq"] == book.seq
        assert [tuple(level) for level in depth["bids"]] == book.best()[0]
        assert (await client.refused("subscribe", channel="depth"))["code"] == "already_subscribed"
        await client.ok("resync", channel="depth", listing="SHCERCIR1")
        again = await client.push()
        assert (again["type"], again["seq"]) == ("snapshot", book.seq)
        await client.ok("unsubscribe", channel="depth")
        await exchange["buyer"].order("b3", price="67.00", quantity="1")
        await client.ok("ping")
        assert client.pushed == []


async def test_a_book_built_from_the_stream_is_the_book(exchange: Desk) -> None:
    """Many random orders deeper than what is shown, several clients joining on the way."""
    chance = random.Random(4)
    books: list[Book] = []
    tasks: list[asyncio.Task[None]] = []
    done = asyncio.Event()

    async def follow(book: Book) -> None:
        async with wire(exchange) as client:
            await client.ok("subscribe", channel="depth", listing="SHCERCIR1")
            while not (done.is_set() and book.seq == exchange.engine.views.depth("SHCERCIR1").seq):
                book.apply(await client.push())

    for number in range(120):
        if number % 40 == 0:
            books.append(Book())
            tasks.append(asyncio.create_task(follow(books[-1])))
            await until(lambda book=books[-1]: book.seq is not None)  # type: ignore[misc]
        side = chance.choice(["buy", "sell"])
        price = f"{chance.randrange(6_700, 6_900) / 100:.2f}"
        who = "seller" if side == "sell" else chance.choice(["buyer", "buyer2"])
        await exchange[who].order(f"r{number}", side=side, price=price, quantity=str(chance.randrange(1, 50)))
        if chance.random() < 0.2:
            await exchange[who].send("DELETE", f"/v1/orders?side={side}")
    done.set()
    await exchange["seller"].order("last", side="sell", price="74.79", quantity="1")
    await asyncio.gather(*tasks)
    expected = (await exchange.public("/v1/listings/SHCERCIR1/depth?levels=100")).json()
    for book in books:
        assert [[list(level) for level in side] for side in book.best()] == [
            expected["bids"],
            expected["asks"],
        ]
    assert books[0].changes > books[-1].changes > 0


async def test_trades_ticker_and_status(exchange: Desk) -> None:
    async with wire(exchange) as client:
        await client.ok("subscribe", channel="trades", listing="SHCERCIR1")
        await client.ok("subscribe", channel="status")
        status = await client.push()
        assert (status["ch"], status["listing"], status["phase"]) == ("status", "SHCERCIR1", "continuous")
        await client.ok("subscribe", channel="ticker")
        assert (await client.push())["last"] is None
        await exchange["seller"].order("s1", side="sell")
        await exchange["buyer"].order("b1")
        trade, ticker = await client.pushes(2)
        assert (trade["ch"], trade["price"], trade["quantity"], trade["taker_side"]) == (
            "trades",
            "68.00",
            "10",
            "buy",
        )
        assert set(trade) & {"buyer", "seller", "account"} == set()
        assert (ticker["last"], ticker["volume"], ticker["turnover"], ticker["trades"]) == (
            "68.00",
            "10",
            "680.00",
            1,
        )
        await exchange["operator"].send("POST", "/v1/operator/day/close")
        pushed = await client.pushes(2)
        assert {(message["ch"], message.get("phase")) for message in pushed} >= {("status", "closing")}


async def test_private_events_are_those_of_the_log(exchange: Desk) -> None:
    async with wire(exchange) as client:
        await client.logon(exchange["buyer"])
        await client.ok("subscribe", channel="events")
        assert await client.until_live() == []
        await exchange["buyer"].order("b1", price="61.20")
        await exchange["buyer"].send("DELETE", "/v1/orders")
        pushed = await client.pushes(2)
        assert [event["type"] for event in pushed] == ["order_accepted", "order_cancelled"]
        assert all(event["client_order_id"] == "b1" for event in pushed)
        after = pushed[0]["event_id"] - 1
        log = (await exchange["buyer"].get(f"/v1/events?after={after}"))["items"]
        assert [{"ch": "events", **event} for event in log] == pushed


async def test_resuming_misses_nothing_and_repeats_nothing_while_events_keep_coming(exchange: Desk) -> None:
    stop = asyncio.Event()

    async def trade() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await exchange["buyer"].order(f"e{number}", price="61.20", quantity="1")
            if number % 10 == 0:
                await exchange["buyer"].send("DELETE", "/v1/orders")

    trading = asyncio.create_task(trade())
    chance = random.Random(7)
    seen: list[int] = []

    async def follow(live: int) -> None:
        async with wire(exchange) as client:
            await client.logon(exchange["buyer"])
            await client.ok("subscribe", channel="events", resume_from=seen[-1] if seen else 0)
            seen.extend(event["event_id"] for event in await client.until_live())
            seen.extend(event["event_id"] for event in await client.pushes(live))

    for _ in range(20):
        await follow(chance.randrange(1, 12))
    stop.set()
    await trading
    await follow(0)
    log: list[dict[str, Any]] = []
    while page := (await exchange["buyer"].get(f"/v1/events?limit=50&after={len(log)}"))["items"]:
        log += page
    assert seen == [event["event_id"] for event in log] == list(range(1, len(log) + 1))
    assert len(log) > 100


async def test_nobody_can_resume_from_the_future_and_may_try_again(exchange: Desk) -> None:
    async with wire(exchange) as client:
        await client.logon(exchange["buyer"])
        error = await client.refused("subscribe", channel="events", resume_from=1_000)
        assert (error["code"], error["errors"][0]["limit"], error["errors"][0]["actual"]) == (
            "resume_ahead",
            "2",
            "1000",
        )
        await client.ok("subscribe", channel="events", resume_from="1")
        assert [event["event_id"] for event in await client.until_live()] == [2]
        assert (await client.refused("subscribe", channel="events"))["code"] == "already_subscribed"
        await client.ok("unsubscribe", channel="events")
        await client.ok("subscribe", channel="events")


async def test_what_was_let_go_while_it_was_read_does_not_come_again(exchange: Desk) -> None:
    async with wire(exchange) as client:
        await client.logon(exchange["buyer"])
        ahead = await client.send("subscribe", channel="events", resume_from=1_000)
        gone = await client.send("unsubscribe", channel="events")
        wanted = await client.send("subscribe", channel="events", resume_from=0)
        answers: dict[str, dict[str, Any]] = {}
        while not {ahead, gone, wanted} <= answers.keys():
            message = await client.receive()
            answers[message.get("id", "pushed")] = message
        assert [answers[asked]["ok"] for asked in (ahead, gone, wanted)] == [False, True, True]
        await client.ok(
            "unsubscribe", channel="events"
        )  # the refusal of the first took nothing from the second

    async with wire(exchange) as client:
        await client.logon(exchange["buyer"])
        for op in ("subscribe", "unsubscribe", "subscribe"):
            await client.send(op, channel="events", **({"resume_from": 0} if op == "subscribe" else {}))
        pong = ""
        told: list[Any] = []
        while not pong:
            message = await client.receive()
            told += [message["event_id"]] if "event_id" in message else []
            if message.get("live"):
                pong = await client.send("ping")
        assert (await client.answer(pong))["ok"]
        told += [push["event_id"] for push in client.pushed if "event_id" in push]
        assert told == [1, 2]


async def test_a_logon_under_way_is_not_overtaken_by_another(exchange: Desk) -> None:
    async with wire(exchange) as client:
        first = await client.send("logon", **signed_logon(exchange["buyer"]), cancel_on_disconnect=30)
        second = await client.send("logon", **signed_logon(exchange["seller"]))
        refused = await client.answer(second)
        assert refused["error"]["code"] == "already_logged_on"
        admitted = client.pushed.pop() if client.pushed else await client.answer(first)
        assert admitted["result"]["account"] == "buyer"


async def test_orders_of_one_connection_enter_in_the_order_they_were_sent(exchange: Desk) -> None:
    async with wire(exchange) as client:
        await client.logon(exchange["buyer"])
        sent = [
            await client.send("order.submit", **order_body(f"p{n}", price="61.20", quantity="1"))
            for n in range(50)
        ]
        answers = {(message := await client.receive())["id"]: message for _ in sent}
        ids = [int(answers[request_id]["result"]["order"]["id"]) for request_id in sent]
        assert ids == sorted(ids)


async def test_too_many_requests_in_flight_are_refused(database: str) -> None:
    async with desk(database, settings=HttpSettings(ws_in_flight=3)) as exchange, wire(exchange) as client:
        await client.logon(exchange["buyer"])
        sent = [
            await client.send("order.submit", **order_body(f"p{n}", price="61.20", quantity="1"))
            for n in range(60)
        ]
        answers = [await client.receive() for _ in sent]
        refused = [answer["error"] for answer in answers if not answer["ok"]]
        assert {error["code"] for error in refused} == {"too_many_in_flight"}
        assert {error["errors"][0]["limit"] for error in refused} == {"3"}
        assert len(exchange.engine.views.open_orders("buyer")) == 60 - len(refused)


async def test_a_slow_reader_is_conflated_then_whole_again_and_slows_nobody(database: str) -> None:
    async with (
        desk(database, settings=HttpSettings(quotas={}, ws_conflate_at=5)) as exchange,
        wire(exchange) as client,
    ):
        await client.ok("subscribe", channel="depth", listing="SHCERCIR1")
        book = Book()
        book.apply(await client.push())
        assert exchange.connections() == 1
        # Everything is decided in one go, faster than one connection's writer gets its turns.
        bodies = [
            {
                "orders": [
                    order_body(f"m{n}-{i}", price=f"{61 + n % 10}.{20 + i}", quantity="1") for i in range(20)
                ]
            }
            for n in range(30)
        ]
        await asyncio.gather(*(exchange["buyer"].send("POST", "/v1/orders/batch", body) for body in bodies))
        while book.seq != exchange.engine.views.depth("SHCERCIR1").seq:
            book.apply(await client.push())
        expected = (await exchange.public("/v1/listings/SHCERCIR1/depth?levels=100")).json()
        assert [list(level) for level in book.best()[0]] == expected["bids"]


async def test_a_reader_that_takes_nothing_is_closed_with_a_code_and_others_are_not_held_up(
    database: str,
) -> None:
    settings = HttpSettings(quotas={}, ws_send_s=1.0, ws_queue=3_000)
    async with (
        desk(database, settings=settings) as exchange,
        wire(exchange, max_queue=1) as stuck,
        wire(exchange) as quick,
    ):
        for client in (stuck, quick):
            await client.logon(exchange["buyer"])
            await client.ok("subscribe", channel="events")
            await client.until_live()
        stuck.socket.transport.pause_reading()
        closed = exchange.services.metrics.stream.closed.labels("slow_consumer")
        number = 0
        async with asyncio.timeout(60):
            while closed._value.get() == 0:
                number += 1
                orders = [order_body(f"f{number}-{n}", price="61.20", quantity="1") for n in range(20)]
                await exchange["buyer"].send("POST", "/v1/orders/batch", {"orders": orders})
                assert len([await quick.push() for _ in range(20)]) == 20
        stuck.socket.transport.resume_reading()
        with pytest.raises(ConnectionClosed) as ended:
            await stuck.pushes(1_000_000)
        assert ended.value.rcvd is not None
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (4008, "slow_consumer")
        assert "time_us" in await quick.ok("ping")


async def test_a_revoked_key_ends_its_connections(exchange: Desk) -> None:
    async with wire(exchange) as client, wire(exchange) as other:
        await client.logon(exchange["buyer"])
        await other.logon(exchange["seller"])
        key = exchange["buyer"].key
        assert (await exchange["operator"].send("DELETE", f"/v1/operator/keys/{key}")).status_code == 200
        with pytest.raises(ConnectionClosed) as ended:
            await client.receive()
        assert ended.value.rcvd is not None
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (4001, "key_gone")
        await other.ok("ping")


async def test_connections_are_bounded(database: str) -> None:
    async with desk(database, settings=HttpSettings(ws_clients=2)) as exchange:
        async with wire(exchange), wire(exchange):
            with pytest.raises(InvalidStatus) as refused:
                async with wire(exchange):
                    pass
            assert refused.value.response.status_code == 503
            assert orjson.loads(refused.value.response.body or b"")["code"] == "too_many_connections"
        await until(lambda: exchange.connections() == 0)
        async with wire(exchange) as client:
            await client.ok("ping")


async def test_a_plain_request_is_told_to_upgrade(exchange: Desk) -> None:
    answer = await exchange.http.get(exchange.url + "/v1/ws")
    assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")


async def test_a_message_that_is_too_large_or_not_text_ends_the_connection(exchange: Desk) -> None:
    for message, code in (("x" * 70_000, 1009), (b"binary", 1003)):
        async with wire(exchange) as client:
            await client.socket.send(message)
            with pytest.raises(ConnectionClosed) as ended:
                await client.receive()
            assert ended.value.rcvd is not None
            assert ended.value.rcvd.code == code


async def test_a_silent_connection_is_closed(database: str) -> None:
    async with (
        desk(database, settings=HttpSettings(ws_idle_s=0.6)) as exchange,
        wire(exchange, ping_interval=None) as client,
    ):
        await client.ok("ping")
        client.socket.transport.pause_reading()  # no pong will go out
        await until(lambda: exchange.connections() == 0)


async def test_going_away_is_told(database: str) -> None:
    async with desk(database) as exchange:
        async with wire(exchange) as client:
            await client.ok("ping")
            stopping = asyncio.create_task(exchange.stop())
            with pytest.raises(ConnectionClosed) as ended:
                await client.receive()
            assert ended.value.rcvd is not None
            assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1001, "going_away")
        await stopping
