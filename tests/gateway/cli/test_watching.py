"""Who watches sees the book as it is, or begins anew; never a book that is wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from zlib import crc32

import pytest
from aiohttp import WSMsgType, web

from gateway.cli.command import Desk
from gateway.cli.faults import CommandFault, ServerSilent
from gateway.cli.identity import Target
from gateway.cli.market_data import watch
from gateway.cli.output import Output


def snapshot(price: str, *, spoiled: bool = False) -> dict[str, Any]:
    state = "spoiled" if spoiled else f"{price}:5"
    return {
        "ch": "depth",
        "listing": "SHCERCIR1",
        "type": "snapshot",
        "seq": 1,
        "prev_seq": None,
        "bids": [],
        "asks": [[price, "5"]],
        "crc32": crc32(state.encode()),
    }


class Stream:
    """A server whose connections each say what they were given."""

    def __init__(self, *connections: list[dict[str, Any]]) -> None:
        self.connections = list(connections)
        self.subscribed: list[str] = []

    async def listings(self, _: web.Request) -> web.Response:
        return web.json_response({"items": [{"listing": "SHCERCIR1"}], "next": None})

    async def ws(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        messages = self.connections.pop(0)
        for _ in range(3):
            asked = await socket.receive_json()
            self.subscribed.append(asked["channel"])
        for message in messages:
            await socket.send_json(message)
        while (await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
            pass
        return socket


@asynccontextmanager
async def streaming(stream: Stream) -> AsyncIterator[Target]:
    app = web.Application()
    app.router.add_get("/v1/listings", stream.listings)
    app.router.add_get("/v1/ws", stream.ws)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Target(url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()


async def test_a_book_out_of_step_begins_anew(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Stream([snapshot("66.00", spoiled=True)], [snapshot("68.00")])
    async with streaming(stream) as target:
        await watch(Desk(target=target, output=Output(as_json=False)), None, count=2)
    assert stream.connections == []
    assert stream.subscribed == ["depth", "trades", "status"] * 2
    assert "68.00" in capsys.readouterr().out


async def test_a_refused_subscription_ends_it() -> None:
    refused = {
        "id": "0",
        "ok": False,
        "error": {"code": "listing_unknown", "title": "there is no such listing"},
    }
    async with streaming(Stream([refused])) as target:
        with pytest.raises(CommandFault, match="listing_unknown"):
            await watch(Desk(target=target, output=Output(as_json=True)), "SHCERCIR1")


async def test_a_listing_that_is_not_there_is_refused_with_those_there_are() -> None:
    async with streaming(Stream()) as target:
        with pytest.raises(CommandFault, match="SHCERCIR1"):
            await watch(Desk(target=target, output=Output(as_json=True)), "NOTHING")


async def test_an_ended_connection_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ended(_: Stream, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close(code=4008)
        return socket

    monkeypatch.setattr(Stream, "ws", ended)
    async with streaming(Stream()) as target:
        with pytest.raises(ServerSilent, match="4008"):
            await watch(Desk(target=target, output=Output(as_json=True)), None)
