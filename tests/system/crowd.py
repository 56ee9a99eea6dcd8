"""Many connections at once: some trade over REST and WebSocket, many listen, and each keeps account of what it was told.

A listener checks every message as it comes: depth follows without a gap and with its checksum, events are 1, 2, 3 …, and a
connection that is closed by the exchange is a failure. What all of them were told is compared in the end.
"""

import asyncio
import json
import random
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from zlib import crc32

import aiohttp
import httpx
import orjson

from tests.gateway.http.wire import Book
from tests.system.clients import WS_TARGET, Client, Participant, logged_on, logon
from tests.system.load import LISTINGS

SPREAD_FEN: Final = 5
_TLS: Final = ssl.create_default_context()
"""Not used, and slow to make a hundred times."""
CANCEL_SHARE: Final = 0.3


_last_signed_ms = 0


def ahead_ms() -> int:
    """How far ahead to sign, so that no two log-ons of a participant are signed for the same moment."""
    global _last_signed_ms  # noqa: PLW0603 - one for the process, as the clock is
    now_ms = time.time_ns() // 1_000_000
    _last_signed_ms = max(_last_signed_ms + 1, now_ms)
    return _last_signed_ms - now_ms


@dataclass(slots=True)
class Told:
    """What one listener was told over its channel, in as little memory as it can be compared in."""

    subject: str
    """An account, for events; a listing."""
    messages: int = 0
    first: Any = None
    """Event number or trade id."""
    last: Any = None
    digest: int = 0
    """CRC over the texts of events or the ids of trades, one after the other."""
    lag_s: float = 0.0
    """The longest a depth message was on its way."""


@dataclass(kw_only=True, slots=True)
class Listener:
    """One connection that subscribes to one channel."""

    channel: str
    subject: str
    owner: Participant | None = None
    told: Told = field(init=False)
    is_ready: bool = False
    keep: list[Any] | None = None
    """Every event, for the one listener of an account whose log is compared in full."""
    _book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self.told = Told(self.subject)

    async def run(self, http: aiohttp.ClientSession, url: str) -> None:
        """Listen until cancelled; fails when the exchange ends it, or tells anything it should not."""
        async with http.ws_connect(url + WS_TARGET, max_msg_size=2**22) as socket:
            if self.owner is not None:
                await socket.send_json(logon(self.owner, ahead_ms=ahead_ms()))
                assert (await socket.receive_json())["ok"]
            await socket.send_json(self._subscription())
            async for frame in socket:
                self._take(frame.data)
            raise AssertionError(f"{self} was cut with {socket.close_code}")

    def _subscription(self) -> dict[str, Any]:
        if self.channel == "events":
            return {"op": "subscribe", "id": 1, "channel": "events", "resume_from": 0}
        return {"op": "subscribe", "id": 1, "channel": self.channel, "listing": self.subject}

    def _take(self, text: str) -> None:
        message = orjson.loads(text)
        if "id" in message and "ok" in message:
            assert message["ok"], message
            self.is_ready = True
            return
        match self.channel:
            case "depth":
                self._book.apply(message)
                if message["type"] == "delta":
                    self.told.lag_s = max(self.told.lag_s, time.time() - message["time_us"] / 1e6)
                self._note(message["seq"], "")
            case "trades":
                assert self.told.last is None or int(message["id"]) > int(self.told.last), message
                self._note(message["id"], message["id"])
            case _ if "live" not in message:
                assert message["event_id"] == (self.told.last or 0) + 1, f"after {self.told.last}: {message}"
                self._note(message["event_id"], text)
                if self.keep is not None:
                    self.keep.append(message)

    def _note(self, number: Any, text: str) -> None:
        told = self.told
        told.first = number if told.first is None else told.first
        told.last = number
        told.messages += 1
        told.digest = crc32(text.encode(), told.digest)


@dataclass(slots=True)
class Trading:
    """What the traders did, and how long each answer took."""

    orders: int = 0
    cancels: int = 0
    trades: int = 0
    waits_s: list[float] = field(default_factory=list)

    def wait_s(self, share: float) -> float:
        """How long that share of the answers took at most."""
        return sorted(self.waits_s)[min(len(self.waits_s) - 1, int(share * len(self.waits_s)))]


class Trader:
    """One connection's orders: now and then one, sometimes a cancel."""

    _numbers: Final = count(1)

    def __init__(self, owner: Participant, done: Trading, each_s: float, seed: int) -> None:
        self.owner = owner
        self._done = done
        self._each_s = each_s
        self._chance = random.Random(seed)
        self._open: list[str] = []
        self.is_ready = False

    async def over_rest(self, url: str) -> None:
        """Trade over one kept HTTP connection until cancelled."""
        limits = httpx.Limits(max_connections=1, keepalive_expiry=60)
        async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits, verify=_TLS) as http:
            client = Client(http, lambda: url, self.owner)

            async def submit(body: dict[str, Any]) -> Any:
                return await client.do("/v1/orders", body)

            async def cancel(order_id: str) -> None:
                answer = await client.call("DELETE", f"/v1/orders/{order_id}")
                assert answer.is_done or answer.code == "order_not_open", answer

            await self._trade(submit, cancel)

    async def over_websocket(self, url: str) -> None:
        """Trade over one WebSocket until cancelled."""
        async with logged_on(url, self.owner, ahead_ms=ahead_ms) as socket:

            async def ask(message: dict[str, Any]) -> Any:
                await socket.send(json.dumps({**message, "id": 1}))
                return json.loads(await socket.recv())

            async def submit(body: dict[str, Any]) -> Any:
                answer = await ask({"op": "order.submit", **body})
                assert answer["ok"], answer
                return answer["result"]

            async def cancel(order_id: str) -> None:
                answer = await ask({"op": "order.cancel", "order_id": order_id})
                assert answer["ok"] or answer["error"]["code"] == "order_not_open", answer

            await self._trade(submit, cancel)

    async def _trade(self, submit: Callable[[Any], Any], cancel: Callable[[str], Any]) -> None:
        self.is_ready = True
        while True:
            await asyncio.sleep(self._chance.uniform(0.2, 1.8) * self._each_s)
            began_s = time.monotonic()
            if self._open and self._chance.random() < CANCEL_SHARE:
                await cancel(self._open.pop(self._chance.randrange(len(self._open))))
                self._done.cancels += 1
            else:
                answer = await submit(self._order())
                self._done.orders += 1
                self._done.trades += len(answer["trades"])
                if answer["order"]["status"] in ("new", "partially_filled"):
                    self._open.append(answer["order"]["id"])
            self._done.waits_s.append(time.monotonic() - began_s)

    def _order(self) -> dict[str, Any]:
        return {
            "client_order_id": f"crowd-{next(self._numbers)}",
            "listing": LISTINGS[0],
            "side": "sell" if self.owner.name == "seller" else "buy",
            "type": "limit",
            "price": f"68.{50 + self._chance.randint(-SPREAD_FEN, SPREAD_FEN):02d}",
            "quantity": str(self._chance.randint(1, 3)),
            "time_in_force": "day",
        }


def audience(people: Sequence[Participant], listeners: int) -> list[Listener]:
    """Half of them listen to depth, a quarter to trades, a quarter to an account's events."""
    made = []
    for number in range(listeners):
        if number % 4 == 3:
            owner = people[number // 4 % len(people)]
            keep: list[Any] | None = [] if number // 4 < len(people) else None
            made.append(Listener(channel="events", subject=owner.account, owner=owner, keep=keep))
        else:
            made.append(Listener(channel="trades" if number % 4 == 1 else "depth", subject=LISTINGS[0]))
    return made
