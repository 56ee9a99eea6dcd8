"""The bounds of the public door: each refused by name where HTTP permits, counted, and of no concern to others."""

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from unittest import mock

import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from gateway.config import Settings, SettingsFault
from gateway.door import make_room
from gateway.http.bounds import LEAST, Bounds, UnknownBoundError, read_bounds
from gateway.http.dispatch import Dispatcher
from gateway.http.door.connections import Connection, Server
from gateway.http.services import HttpSettings
from tests.gateway.http.desk import Desk, desk, until
from tests.gateway.http.raw import ask, raw
from tests.gateway.http.wire import wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPOSITORY = Path(__file__).resolve().parents[3]
GET = "GET /v1/time HTTP/1.1\r\nHost: x\r\n"
POST = "POST /v1/orders HTTP/1.1\r\nHost: x\r\n"
QUICK = HttpSettings(
    quotas={},
    connections=12,
    connections_per_address=10,
    header_s=1.0,
    body_s=1.0,
    request_s=1.5,
    answer_s=1.5,
    idle_s=2.0,
    header_bytes=20_000,
    header_lines=30,
    header_line_bytes=4_000,
    url_bytes=2_000,
    ws_clients_per_address=3,
    ws_logon_s=1.0,
    ws_message_bytes=2_000,
    ws_messages_per_s=50,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quick(module_database: str) -> AsyncIterator[Desk]:
    """An exchange with little patience."""
    async with desk(module_database, settings=QUICK) as made:
        yield made


def counted(exchange: Desk, name: str, why: str) -> float:
    return exchange.services.metrics.registry.get_sample_value(f"puhui_{name}_total", {"why": why}) or 0.0


def connections(exchange: Desk) -> float | None:
    return exchange.services.metrics.registry.get_sample_value("puhui_connections")


@pytest.mark.parametrize("first", ["GET /", "GET /v1/time HTTP/1.1\r\n", GET + "X-A: b\r\nX-B: "])
async def test_headers_that_never_end_are_timed(quick: Desk, first: str) -> None:
    before = counted(quick, "requests_cut", "headers_slow")
    async with raw(quick.url) as loris:
        began_s = time.monotonic()
        await loris.send(first)

        async def drip() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    await asyncio.sleep(0.1)
                    await loris.send("x")

        dripping = asyncio.create_task(drip())
        answer = await loris.answer()
        dripping.cancel()
        assert (answer.status, answer.code) == (408, "headers_too_slow")
        assert answer.json["retryable"]
        assert 0.9 < time.monotonic() - began_s < 4
        await loris.ends()
    assert counted(quick, "requests_cut", "headers_slow") == before + 1


async def test_the_second_request_of_a_connection_is_timed_as_well(quick: Desk) -> None:
    async with raw(quick.url) as loris:
        await loris.send(GET, "\r\n")
        assert (await loris.answer()).status == 200
        await asyncio.sleep(0.6)
        await loris.send("GET /v1/t")
        await asyncio.sleep(0.6)
        await loris.send("ime HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await loris.answer()).status == 200, "the time counts from the first byte of each request"
        await loris.send("GET /v1/t")
        assert (await loris.answer()).code == "headers_too_slow"


async def test_who_says_nothing_is_let_go(quick: Desk) -> None:
    async with raw(quick.url) as silent:
        await silent.ends()
    assert counted(quick, "requests_cut", "silent") == 1
    async with raw(quick.url) as idle:
        await idle.send(GET, "\r\n")
        assert (await idle.answer()).status == 200
        began_s = time.monotonic()
        await idle.ends()
        assert time.monotonic() - began_s > 1.5
    await until(lambda: connections(quick) == 0)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("CONNECT other:443 HTTP/1.1\r\nHost: x\r\n\r\n", (404, "not_found")),
        (f"{POST}Expect: much\r\nContent-Length: 2\r\n\r\n{{}}", (400, "http_malformed")),
    ],
)
async def test_what_aiohttp_would_refuse_by_itself_is_a_problem_too(
    quick: Desk, head: str, told: tuple[int, str]
) -> None:
    answer = await ask(quick.url, head)
    assert (answer.status, answer.code) == told


@pytest.mark.parametrize(
    "head", ["Content-Length: 100\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
)
async def test_a_body_that_never_comes_is_timed(quick: Desk, head: str) -> None:
    answer = await ask(quick.url, POST, head)
    assert (answer.status, answer.code) == (408, "body_too_slow")


async def test_chunks_without_end_are_cut_off(quick: Desk) -> None:
    async with raw(quick.url) as giant:
        await giant.send(POST, "Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"

        async def pour() -> int:
            sent = 0
            with contextlib.suppress(ConnectionError):
                while True:
                    await giant.send(chunk)
                    sent += len(chunk)
            return sent

        pouring = asyncio.create_task(pour())
        answer = await giant.answer()
        assert (answer.status, answer.code) == (413, "body_too_large")
        async with asyncio.timeout(20):
            await pouring


async def test_too_long_an_address(quick: Desk) -> None:
    answer = await ask(quick.url, f"GET /v1/time?{'x' * 2_100} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (answer.status, answer.code) == (414, "url_too_long")
    assert answer.json["errors"][0]["limit"] == "2000"
    assert (await ask(quick.url, f"GET /v1/{'x' * 1_900} HTTP/1.1\r\nHost: x\r\n\r\n")).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        f"X-Long: {'x' * 4_100}\r\n",
        f"X-{'x' * 4_100}: long\r\n",
        "".join(f"X-{n}: y\r\n" for n in range(40)),
        "".join(f"X-{n}: {'y' * 3_000}\r\n" for n in range(10)),
    ],
    ids=["value", "name", "many", "together"],
)
async def test_too_much_of_headers(quick: Desk, headers: str) -> None:
    async with raw(quick.url) as flood:
        await flood.send(GET)
        for at in range(0, len(headers), 1_000):
            with contextlib.suppress(ConnectionError):
                await flood.send(headers[at : at + 1_000])
            await asyncio.sleep(0)
        answer = await flood.answer()
        assert (answer.status, answer.code) == (431, "headers_too_large")


async def test_connections_are_counted_by_address_and_in_all(quick: Desk) -> None:
    async with contextlib.AsyncExitStack() as stack:
        held = [await stack.enter_async_context(raw(quick.url)) for _ in range(QUICK.connections_per_address)]
        for one in held:
            await one.send(GET, "\r\n")
            assert (await one.answer()).status == 200
        answer = await ask(quick.url, GET, "\r\n")
        assert (answer.status, answer.code) == (503, "too_many_connections")
        assert (answer.json["errors"][0]["limit"], answer.headers["retry-after"]) == ("10", "5")
        assert counted(quick, "connections_refused", "address") == 1
        assert connections(quick) == QUICK.connections_per_address
    await until(lambda: connections(quick) == 0)
    assert (await ask(quick.url, GET, "\r\n")).status == 200


async def test_a_proxy_on_this_machine_is_counted_only_in_all(database: str) -> None:
    async with (
        desk(database, settings=QUICK, public_url="https://exchange.example") as exchange,
        contextlib.AsyncExitStack() as stack,
    ):
        held = [await stack.enter_async_context(raw(exchange.url)) for _ in range(QUICK.connections)]
        for one in held:
            await one.send(GET, "\r\n")
            assert (await one.answer()).status == 200
        answer = await ask(exchange.url, GET, "\r\n")
        assert (answer.code, answer.json["errors"][0]["limit"]) == ("too_many_connections", "12")
        assert counted(exchange, "connections_refused", "total") == 1


async def test_a_request_that_takes_too_long_is_answered_that_its_outcome_is_unknown(quick: Desk) -> None:
    stuck = asyncio.Event()

    async def wait(*_: object) -> None:
        await stuck.wait()

    buyer = quick["buyer"]
    with mock.patch.object(Dispatcher, "_serve", wait):
        answer = await ask(quick.url, POST, "Content-Length: 2\r\n\r\n{}")
    assert (answer.status, answer.code, answer.json["state"]) == (503, "request_timed_out", "unknown")
    assert answer.json["retryable"]
    stuck.set()
    assert (await buyer.order("b1")).status_code == 201
    assert counted(quick, "requests_cut", "request_slow") == 1


async def test_who_leaves_without_having_read_is_no_fault_of_ours() -> None:
    async def never(_: object) -> None:
        raise AssertionError("nothing is begun for who is gone")

    connection = mock.Mock(spec=Connection, writing_paused=True)
    request = mock.Mock(protocol=connection)
    request.writer.drain = mock.AsyncMock(side_effect=ConnectionError("Connection lost"))
    assert (await Server._within(never, mock.Mock())(request)).status == 200  # to nobody


async def test_who_does_not_read_its_answers_is_cut_and_holds_little(quick: Desk) -> None:
    before = quick.services.metrics
    async with raw(quick.url) as deaf:
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        ask_for = b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"

        async def flood() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    deaf.writer.write(ask_for * 100)
                    await deaf.writer.drain()
                    await asyncio.sleep(0)

        flooding = asyncio.create_task(flood())
        await until(lambda: counted(quick, "requests_cut", "answer_not_read") == 1)
        async with asyncio.timeout(10):
            await flooding
    served = before.registry.get_sample_value(
        "puhui_http_request_seconds_count",
        {"route": "/v1/openapi.json", "method": "GET", "status": "2xx"},
    )
    assert served is not None
    assert served < 100, "it is not worked for while it does not read"


async def test_websockets_are_counted_by_address(quick: Desk) -> None:
    async with wire(quick) as first, wire(quick) as second, wire(quick) as third:
        for one in (first, second, third):
            await one.ok("subscribe", channel="status")
        answer = await ask(
            quick.url,
            "GET /v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        assert (answer.status, answer.code) == (503, "too_many_connections")
    await until(lambda: quick.connections() == 0)
    async with wire(quick) as again:
        await again.ok("ping")


async def test_a_websocket_without_a_purpose_is_closed(quick: Desk) -> None:
    async with wire(quick) as stranger, wire(quick) as reader, wire(quick) as trader:
        await reader.ok("subscribe", channel="depth")
        await trader.logon(quick["buyer"])
        with pytest.raises(ConnectionClosed) as closed:
            await stranger.receive()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4002, "no_logon")
        await asyncio.sleep(1.2)
        await reader.ok("ping")
        await trader.ok("ping")
        await trader.ok("logout")
        with pytest.raises(ConnectionClosed):
            await trader.receive()


async def test_a_flood_of_messages_is_read_at_its_pace(quick: Desk) -> None:
    async with wire(quick) as flood, wire(quick) as other:
        began_s = time.monotonic()
        asked = [await flood.send("ping") for _ in range(QUICK.ws_messages_per_s * 2)]
        for _ in range(10):
            answered_s = time.monotonic()
            await other.ok("ping")
            assert time.monotonic() - answered_s < 0.5
        for request_id in asked:
            assert (await flood.answer(request_id))["ok"]
        assert time.monotonic() - began_s > 0.8, "the second half came a second later"


async def test_a_flood_of_pongs_ends_the_connection(quick: Desk) -> None:
    async with wire(quick) as flood:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(QUICK.ws_messages_per_s + 1):
                await flood.socket.pong()
        with pytest.raises(ConnectionClosed) as closed:
            await flood.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1002


async def test_too_large_a_message_ends_the_connection(quick: Desk) -> None:
    async with wire(quick) as giant:
        await giant.socket.send(["x" * 500 for _ in range(5)])
        with pytest.raises(ConnectionClosed) as closed:
            await giant.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_bounds_are_read_by_name() -> None:
    assert read_bounds(["connections=10000", "header_s=2.5"]) == {"connections": 10_000, "header_s": 2.5}
    assert Bounds(**read_bounds(["idle_s=3"])).idle_s == 3.0
    for text in (
        "connections",
        "connections=",
        "connections=0",
        "connections=1.5",
        "nothing=1",
        "idle_s=-1",
        "idle_s=x",
    ):
        with pytest.raises(UnknownBoundError, match=text.partition("=")[0]):
            read_bounds([text])


async def test_every_bound_is_documented_with_its_usual_figure() -> None:
    told = (REPOSITORY / "docs" / "operating.md").read_text()
    for field in fields(Bounds):
        assert f"| `{field.name}` | {field.default:.0f} |" in told, field.name
    for name, least in LEAST.items():
        assert f"`{name}` {least}" in told, name


async def test_a_bound_that_is_none_stops_the_start() -> None:
    with pytest.raises(SettingsFault, match=r"limit nothing=1: write NAME=NUMBER, NAME one of connections,"):
        Settings(data_dir=mock.ANY, limits=("nothing=1",))


async def test_room_for_connections_is_asked_for() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with mock.patch("gateway.door.resource.getrlimit", return_value=(1_024, 4_096)):
        with mock.patch("gateway.door.resource.setrlimit") as asked:
            make_room(400)
            assert not asked.called
            make_room(3_000)
            asked.assert_called_once_with(resource.RLIMIT_NOFILE, (3_512, 4_096))
        with pytest.raises(SettingsFault, match="needs 4512 open files"):
            make_room(4_000)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
