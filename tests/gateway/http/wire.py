"""A WebSocket client for tests, another library than the server's, that keeps what it was told."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from zlib import crc32

import orjson
from websockets.asyncio.client import ClientConnection, connect

from gateway.http.stream.shapes import PUSHES, RESULTS
from registry_bridge.signing import canonical_request, encode_signature
from tests.gateway.http.desk import Desk, Person

PATIENCE_S = 10


class Book:
    """A client's own book, built from nothing but what came over the wire."""

    def __init__(self) -> None:
        self.seq: int | None = None
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self.changes = 0

    def apply(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot":
            self.bids, self.asks = dict(message["bids"]), dict(message["asks"])
        else:
            assert message["prev_seq"] == self.seq, "a change is missing"
            assert message["seq"] == message["prev_seq"] + 1
            for side, levels in ((self.bids, message["bids"]), (self.asks, message["asks"])):
                for price, quantity in levels:
                    if quantity == "0":
                        del side[price]
                    else:
                        side[price] = quantity
            self.changes += 1
        self.seq = message["seq"]
        assert message["crc32"] == self.checksum()

    def best(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))
        return bids, asks

    def checksum(self) -> int:
        bids, asks = self.best()
        levels = bids[:10] + asks[:10]
        return crc32("|".join(f"{price}:{quantity}" for price, quantity in levels).encode())


def hold_push_to_contract(message: dict[str, Any]) -> None:
    """Every push has a shape that its channel promises."""
    text = orjson.dumps(message)
    first, *others = PUSHES[message["ch"]]
    is_other = "busted" in message or "live" in message
    (others[0] if is_other else first).model_validate_json(text)


class Wire:
    """One connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.pushed: list[dict[str, Any]] = []
        self._next_id = 0
        self._asked: dict[str, str] = {}

    async def send(self, op: str, **given: Any) -> str:
        self._next_id += 1
        request_id = f"r{self._next_id}"
        self._asked[request_id] = op
        await self.socket.send(orjson.dumps({"op": op, "id": request_id, **given}).decode())
        return request_id

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            message: dict[str, Any] = orjson.loads(await self.socket.recv())
        if "ch" in message:
            hold_push_to_contract(message)
        return message

    async def answer(self, request_id: str) -> dict[str, Any]:
        """The answer to a request; what is pushed before it is kept."""
        op = self._asked.pop(request_id)
        while True:
            message = await self.receive()
            if message.get("id") == request_id:
                if message["ok"]:
                    RESULTS[op].model_validate_json(orjson.dumps(message["result"]))
                return message
            self.pushed.append(message)

    async def ask(self, op: str, **given: Any) -> dict[str, Any]:
        return await self.answer(await self.send(op, **given))

    async def ok(self, op: str, **given: Any) -> dict[str, Any]:
        answer = await self.ask(op, **given)
        assert answer["ok"], answer
        result: dict[str, Any] = answer["result"]
        return result

    async def refused(self, op: str, **given: Any) -> dict[str, Any]:
        answer = await self.ask(op, **given)
        assert not answer["ok"], answer
        error: dict[str, Any] = answer["error"]
        return error

    async def push(self) -> dict[str, Any]:
        """The next push, an earlier one first."""
        if self.pushed:
            return self.pushed.pop(0)
        message = await self.receive()
        assert "ch" in message, message
        return message

    async def pushes(self, number: int) -> list[dict[str, Any]]:
        return [await self.push() for _ in range(number)]

    async def until_live(self) -> list[dict[str, Any]]:
        """Every account event up to the mark that says they are live from there on."""
        events: list[dict[str, Any]] = []
        while True:
            message = await self.push()
            if message == {"ch": "events", "live": True}:
                return events
            assert message["ch"] == "events"
            events.append(message)

    async def logon(self, person: Person) -> dict[str, Any]:
        return await self.ok("logon", **signed_logon(person))


def signed_logon(person: Person, *, timestamp_ms: int | None = None) -> dict[str, Any]:
    timestamp = str(time.time_ns() // 1_000_000 if timestamp_ms is None else timestamp_ms)
    signature = person.signer.sign(canonical_request("GET", "/v1/ws", timestamp, b""))
    return {"key": person.key, "timestamp": timestamp, "signature": encode_signature(signature)}


@asynccontextmanager
async def wire(exchange: Desk, **options: Any) -> AsyncIterator[Wire]:
    url = exchange.url.replace("http", "ws", 1) + "/v1/ws"
    async with connect(url, open_timeout=PATIENCE_S, close_timeout=1, **options) as socket:
        yield Wire(socket)
