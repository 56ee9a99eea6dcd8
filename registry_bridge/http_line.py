"""Signed calls over HTTP: sends a request, and gives back only an answer that the other side signed for it.

Whatever else the line does is a `LineFault` with its reason. A fault says nothing about what the other side did, but
for `CIRCUIT_OPEN`, which says that the call never left.

Each call names in `X-Request-Id` what it is done for: the `request_id` bound to the context by whoever calls, such as the
participant's request that a movement comes of; else a number of its own. It is for both sides' logs: nothing depends on it, and
the signature does not cover it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp.http_exceptions import HttpProcessingError
from structlog.contextvars import get_contextvars
from yarl import URL

from registry_bridge.circuit import Circuit, CircuitSettings
from registry_bridge.registry import UnknownReason
from registry_bridge.signing import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    NotAuthentic,
    Signer,
    Verifier,
    check_answer,
    signed_headers,
)

REQUEST_ID_HEADER = "X-Request-Id"
MAX_ANSWER_BYTES = 8 << 20
_CHUNK_BYTES = 1 << 16
_OVERLOADED = (429, 503)
_SERVER_ERROR = 500
_PATH_PARTS = 3
"""Of a path in a log: what is asked, and not about whom."""
_KEPT_S = 60.0
"""How long a connection that nothing uses is kept."""


log = structlog.get_logger("registry_line")


class LineFault(Exception):  # noqa: N818 - it states a fact
    """Nothing trustworthy came back."""

    def __init__(self, why: UnknownReason, detail: str = "") -> None:
        super().__init__(f"{why.value}: {detail}" if detail else why.value)
        self.why = why
        self.detail = detail


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedAnswer:
    """An answer the other side signed for this very request."""

    status: int
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class LineSettings:
    """Where the other side is, how we sign, and whose signature we believe."""

    url: str
    """Scheme, host and port; no path."""
    key: str
    """The name of our key over there."""
    signer: Signer
    verifier: Verifier
    timeout_s: float = 20.0
    """Of one call, from its first byte to the last of its answer."""
    connect_timeout_s: float = 5.0
    """Of that, for a connection."""
    total_timeout_s: float = 120.0
    """Of whatever needs several calls, such as the pages of an account's holdings."""
    connections: int = 8
    """At a time at most; they are kept and used again."""
    circuit: CircuitSettings = field(default_factory=CircuitSettings)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError("the registry's URL is a scheme, a host and a port")
        if parts.username or parts.password or parts.query:
            raise ValueError("the registry's URL carries no password and no query")


class SignedLine:
    """One other side, over a bounded number of connections."""

    def __init__(
        self, settings: LineSettings, session: aiohttp.ClientSession, clock_ns: Callable[[], int]
    ) -> None:
        self.settings = settings
        self.circuit = Circuit(settings.circuit)
        self._session = session
        self._clock_ns = clock_ns
        self._last_ms = 0
        self._run = secrets.token_hex(4)
        self._calls = 0

    async def call(self, method: str, target: str, body: bytes = b"") -> SignedAnswer:
        """Send one request; ``target`` is the path with its query, already quoted.

        Raises:
            LineFault: nothing trustworthy came back, or the call never left (`CIRCUIT_OPEN`).
        """
        if not self.circuit.admit():
            raise LineFault(UnknownReason.CIRCUIT_OPEN)
        try:
            answer = await self._call(method, target, body)
        except LineFault:
            self.circuit.failed()
            raise
        except BaseException:
            self.circuit.called_off()
            raise
        if answer.status >= _SERVER_ERROR or answer.status in _OVERLOADED:
            self.circuit.failed()
        else:
            self.circuit.answered()
        return answer

    async def _call(self, method: str, target: str, body: bytes) -> SignedAnswer:
        headers = signed_headers(
            self.settings.signer,
            key=self.settings.key,
            method=method,
            target=target,
            timestamp_ms=self._next_ms(),
            body=body,
        )
        headers[REQUEST_ID_HEADER] = self._request_id()
        try:
            status, answer_headers, answer = await self._exchange(method, target, headers, body)
        except TimeoutError as error:
            raise LineFault(UnknownReason.TIMED_OUT) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
            raise LineFault(UnknownReason.CONNECTION_LOST, type(error).__name__) from error
        except (aiohttp.ClientError, HttpProcessingError) as error:
            raise LineFault(UnknownReason.GARBAGE, type(error).__name__) from error
        self._check(status, target, answer_headers, answer, headers[SIGNATURE_HEADER])
        called = "/".join(target.partition("?")[0].split("/")[: _PATH_PARTS + 1])
        log.debug("called", method=method, path=called, status=status, request_id=headers[REQUEST_ID_HEADER])
        return SignedAnswer(status=status, body=answer)

    def _request_id(self) -> str:
        """What this call is done for, as far as it is known."""
        known = get_contextvars().get("request_id")
        if known:
            return str(known)
        self._calls += 1
        return f"{self._run}-{self._calls:x}"

    def _next_ms(self) -> int:
        """Rises with every call, so that two calls within a millisecond do not share a signature."""
        self._last_ms = max(self._clock_ns() // 1_000_000, self._last_ms + 1)
        return self._last_ms

    async def _exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str | None], bytes]:
        # The target is signed as it stands, so it must not be quoted again, and nothing may redirect it.
        url = URL(self.settings.url.rstrip("/") + target, encoded=True)
        async with self._session.request(
            method, url, headers=headers, data=BytesIO(body) if body else None, allow_redirects=False
        ) as response:
            answer = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                answer += chunk
                if len(answer) > MAX_ANSWER_BYTES:
                    raise LineFault(UnknownReason.GARBAGE, "answer too long")
            signature = {name: response.headers.get(name) for name in (TIMESTAMP_HEADER, SIGNATURE_HEADER)}
            return response.status, signature, bytes(answer)

    def _check(
        self, status: int, target: str, headers: dict[str, str | None], body: bytes, sent: str
    ) -> None:
        outcome = check_answer(
            self.settings.verifier,
            status=status,
            target=target,
            timestamp=headers[TIMESTAMP_HEADER],
            signature=headers[SIGNATURE_HEADER],
            body=body,
            request_signature=sent,
        )
        if not isinstance(outcome, NotAuthentic):
            return
        if status in _OVERLOADED:
            raise LineFault(UnknownReason.OVERLOADED, f"unsigned {status}")
        if status >= _SERVER_ERROR:
            raise LineFault(UnknownReason.SERVER_ERROR, f"unsigned {status}")
        raise LineFault(UnknownReason.SIGNATURE_INVALID, f"{status} {outcome.fault.value}")


@asynccontextmanager
async def open_line(
    settings: LineSettings, clock_ns: Callable[[], int] = time.time_ns
) -> AsyncIterator[SignedLine]:
    """A line with its own bounded connections, closed at the end."""
    timeout = aiohttp.ClientTimeout(
        total=settings.timeout_s, sock_connect=min(settings.timeout_s, settings.connect_timeout_s)
    )
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=settings.connections, keepalive_timeout=_KEPT_S),
        timeout=timeout,
        # Signatures cover the bytes on the wire: no compression either way.
        headers={"Accept-Encoding": "identity", "Content-Type": "application/json"},
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        yield SignedLine(settings, session, clock_ns)
