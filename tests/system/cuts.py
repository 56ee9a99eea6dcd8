"""An order whose connection is cut at a chosen byte, of the request or of its answer, and what its client then learns.

Whatever became of it, the client finds out for good: after the deadline a look-up is final, and the same request again
is either that order's first answer or the first time it is decided. There is one order, never two.
"""

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx

from gateway.formats import time_text
from tests.gateway.http.raw import TEXT, RawConnection, RawSocket, frame, raw, raw_socket
from tests.system.clients import Client, Participant, logon
from tests.system.crowd import ahead_ms
from tests.system.running import RunningExchange, until

AT_ONCE: Final = 40
DEADLINE_S: Final = 4
LIMIT_S: Final = 60.0

Door = Literal["rest", "websocket"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """Where one order's connection breaks."""

    door: Door
    sent: float
    """Share of the request's bytes that go out; the others never do."""
    read: int = 0
    """Bytes of the answer that are read, where the request went out whole."""
    is_abrupt: bool = True
    """Whether it is reset rather than closed."""


@dataclass(kw_only=True, slots=True)
class Broken:
    """An order whose sender has lost its connection."""

    cut: Cut
    body: dict[str, Any]
    deadline: str
    sent_bytes: int
    request_bytes: int

    @property
    def client_id(self) -> str:
        """The client's name of it."""
        return str(self.body["client_order_id"])

    @property
    def is_whole(self) -> bool:
        """Whether the request went out to its last byte."""
        return self.sent_bytes == self.request_bytes


def order(client_id: str) -> dict[str, Any]:
    """An order that trades with nobody, so that all answers are alike."""
    terms = {"listing": "SHCERCIR1", "side": "buy", "type": "limit", "price": "61.20", "quantity": "1"}
    return {"client_order_id": client_id, **terms, "time_in_force": "day"}


def rest_request(owner: Participant, body: dict[str, Any], deadline: str) -> bytes:
    """A whole signed request."""
    content = json.dumps(body, separators=(",", ":")).encode()
    heads = {"Host": "x", **owner.signed("POST", "/v1/orders", content), "X-Deadline": deadline}
    told = "".join(f"{name}: {value}\r\n" for name, value in heads.items())
    return f"POST /v1/orders HTTP/1.1\r\n{told}Content-Length: {len(content)}\r\n\r\n".encode() + content


class Cutter:
    """One participant's orders, each on a connection of its own."""

    def __init__(self, exchange: RunningExchange, owner: Participant, run: str) -> None:
        """Client ids begin with that."""
        self._exchange = exchange
        self._owner = owner
        self._run = run
        self.broken: list[Broken] = []

    async def play(self, cuts: Sequence[Cut]) -> None:
        """Send and cut all of these, several at a time."""
        for at in range(0, len(cuts), AT_ONCE):
            await asyncio.gather(*(self.one(cut) for cut in cuts[at : at + AT_ONCE]))

    async def one(self, cut: Cut, *, held: asyncio.Event | None = None) -> None:
        """Send as much as the cut says and read as much; then break off, or wait for what breaks it off."""
        body = order(f"{self._run}-{len(self.broken)}")
        broken = Broken(cut=cut, body=body, deadline="", sent_bytes=0, request_bytes=1)
        self.broken.append(broken)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if cut.door == "rest":
                async with raw(self._exchange.url) as connection:
                    broken.deadline = _deadline()
                    request = rest_request(self._owner, body, broken.deadline)
                    await self._break(connection, request, broken, held)
            else:
                async with raw_socket(self._exchange.url) as client:
                    await self._log_on(client)
                    broken.deadline = _deadline()
                    text = json.dumps({"op": "order.submit", "id": 1, "deadline": broken.deadline, **body})
                    await self._break(client.connection, frame(TEXT, text.encode()), broken, held)

    async def _log_on(self, client: RawSocket) -> None:
        await client.send(frame(TEXT, json.dumps(logon(self._owner, ahead_ms=ahead_ms())).encode()))
        answer = await client.message()
        assert answer["ok"], answer

    @staticmethod
    async def _break(
        connection: RawConnection, request: bytes, broken: Broken, held: asyncio.Event | None
    ) -> None:
        broken.request_bytes = len(request)
        broken.sent_bytes = round(broken.cut.sent * len(request))
        await connection.send(request[: broken.sent_bytes])
        if broken.is_whole and broken.cut.read:
            await connection.reader.readexactly(broken.cut.read)
        if held is not None:
            await held.wait()
        if broken.cut.is_abrupt:
            tcp = connection.writer.get_extra_info("socket")
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.writer.transport.abort()
        else:
            connection.writer.close()
            await connection.writer.wait_closed()


def _deadline() -> str:
    """By the machine's clock, which is the exchange's."""
    return time_text(time.time_ns() + DEADLINE_S * 1_000_000_000)


async def learn(broken: Sequence[Broken], client: Client) -> dict[str, int]:
    """What each client finds out, which must be final and true; how many had been decided."""
    last = max(one.deadline for one in broken)

    async def is_past() -> bool:
        return bool((await client.get("/v1/time"))["time"] > last)

    await until(is_past, LIMIT_S, "the deadline is over")
    found = {"decided": 0, "not decided": 0}
    late = set()
    for one in broken:
        there = await client.call("GET", f"/v1/orders?client_order_id={one.client_id}")
        assert there.status in {httpx.codes.OK, httpx.codes.NOT_FOUND}, there
        was_decided = there.is_done
        assert one.is_whole or not was_decided, f"half a request was taken for an order: {one}"
        first = await client.call("POST", "/v1/orders", one.body)
        assert first.replayed == was_decided, f"a look-up after the deadline was not final: {one}"
        again = await client.call("POST", "/v1/orders", one.body)
        assert again.replayed
        assert (again.status, again.body) == (first.status, first.body)
        if not first.is_done:
            assert was_decided, first
            assert first.code == "deadline_passed", first
            late.add(one.client_id)
        elif was_decided:
            assert there.body["id"] == first.body["order"]["id"]
        found["decided" if was_decided else "not decided"] += 1
    events = [event async for event in client.all("/v1/events")]
    accepted = [event["client_order_id"] for event in events if event["type"] == "order_accepted"]
    for one in broken:
        orders = 0 if one.client_id in late else 1
        assert accepted.count(one.client_id) == orders, f"{accepted.count(one.client_id)} orders: {one}"
    return found
