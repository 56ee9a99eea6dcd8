"""The demonstration's participants as they speak to a running exchange: signed REST calls, and a WebSocket."""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import websockets

from registry_bridge.signing import HmacKey, signed_headers

WS_TARGET: Final = "/v1/ws"


@dataclass(frozen=True, kw_only=True, slots=True)
class Participant:
    """Who, with the account and the key."""

    name: str
    account: str
    key: str
    signer: HmacKey

    def signed(self, method: str, target: str, body: bytes = b"", *, ahead_ms: int = 0) -> dict[str, str]:
        """The headers of a request signed now, or for a moment that far ahead."""
        now_ms = time.time_ns() // 1_000_000 + ahead_ms
        return signed_headers(
            self.signer, key=self.key, method=method, target=target, timestamp_ms=now_ms, body=body
        )


def participant(name: str, entry: dict[str, Any]) -> Participant:
    """From an entry of demo.json."""
    return Participant(
        name=name,
        account=entry["account"] or "",
        key=entry["key"],
        signer=HmacKey(base64.b64decode(entry["secret"])),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A status, a JSON value, and whether it was an earlier answer again."""

    status: int
    body: Any
    replayed: bool

    @property
    def is_done(self) -> bool:
        """2xx: it is durable."""
        return httpx.codes.is_success(self.status)

    @property
    def is_later(self) -> bool:
        """Neither done nor decided: to be sent again later, as when too much comes or the exchange ends."""
        return self.status in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)

    @property
    def code(self) -> str:
        """Why it was refused."""
        return str(self.body["code"])


class Client:
    """One participant's REST calls. Whatever the connection does is raised as httpx.TransportError."""

    def __init__(self, http: httpx.AsyncClient, url: Callable[[], str], owner: Participant) -> None:
        self.owner = owner
        self._http = http
        self._url = url

    async def call(self, method: str, target: str, body: dict[str, Any] | None = None) -> Answer:
        """One request, one answer."""
        content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = self.owner.signed(method, target, content)
        if content:
            headers["Content-Type"] = "application/json"
        response = await self._http.request(method, self._url() + target, content=content, headers=headers)
        return Answer(
            status=response.status_code,
            body=response.json(),
            replayed=response.headers.get("Idempotent-Replayed") == "true",
        )

    async def fetch(self, target: str) -> httpx.Response:
        """What a reading call answers, whatever it is; AssertionError when it is refused."""
        response = await self._http.get(self._url() + target, headers=self.owner.signed("GET", target))
        assert response.is_success, f"GET {target}: {response.status_code} {response.text}"
        return response

    async def get(self, target: str) -> Any:
        """What a reading call answers; AssertionError when it is refused."""
        answer = await self.call("GET", target)
        assert answer.is_done, f"GET {target}: {answer.status} {answer.body}"
        return answer.body

    async def do(self, target: str, body: dict[str, Any]) -> Any:
        """What a call that must succeed answers; AssertionError when it is refused."""
        answer = await self.call("POST", target, body)
        assert answer.is_done, f"POST {target} {body}: {answer.status} {answer.body}"
        return answer.body

    async def all(self, target: str) -> AsyncIterator[Any]:
        """Every item of a paged answer."""
        following, joint = "", "&" if "?" in target else "?"
        while True:
            page = await self.get(f"{target}{joint}limit=500{following}")
            for item in page["items"]:
                yield item
            if page["next"] is None:
                return
            following = f"&after={page['next']}"


@asynccontextmanager
async def logged_on(
    url: str, who: Participant, *, ahead_ms: Callable[[], int] = lambda: 0
) -> AsyncIterator[websockets.ClientConnection]:
    """A WebSocket on which somebody has logged on."""
    address = url.replace("http://", "ws://") + WS_TARGET
    async with websockets.connect(address, proxy=None, max_size=2**22, max_queue=None) as socket:
        await socket.send(json.dumps(logon(who, ahead_ms=ahead_ms())))
        answer = json.loads(await socket.recv())
        assert answer["ok"], f"logon: {answer}"
        yield socket


def logon(who: Participant, *, ahead_ms: int = 0) -> dict[str, Any]:
    """The first text on a connection. Two of one participant need two moments: a signature is good once."""
    signed = who.signed("GET", WS_TARGET, ahead_ms=ahead_ms)
    return {
        "op": "logon",
        "id": "logon",
        "key": signed["X-Key"],
        "timestamp": signed["X-Timestamp"],
        "signature": signed["X-Signature"],
    }
