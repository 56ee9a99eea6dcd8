"""Signed answers: every reply of the reference registry leaves through here.

The middleware reads the body within bounds, checks the caller's signature and which side its key is of, and
signs whatever is answered, refusals included, so that the caller can tell the registry's word from a
proxy's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from aiohttp import web

from registry_bridge.reference.act_refusals import ActRefused
from registry_bridge.reference.store import Store
from registry_bridge.signing import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    NotAuthentic,
    RequestVerifier,
    Signer,
    decode_signature,
    signed_answer_headers,
)
from registry_bridge.wire import MAX_BODY_BYTES, WireError, format_instant, write

BODY_TIMEOUT_S = 15
MAX_IN_FLIGHT = 64
"""Requests at a time; beyond that the answer is 503 at once."""

MAX_BYTES_IN_FLIGHT = 96 << 20
"""What the bodies of all requests at a time may come to, each taken at its bound; beyond that 503 as well."""

NANOSECONDS_PER_MILLISECOND = 1_000_000

DATABASE_FAULTS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # What the driver says when the server ends a connection just before a statement is sent on it.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

log = structlog.get_logger("registry")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A status and a body; the clock and the signature are added on the way out."""

    body: Mapping[str, Any]
    status: int = 200


class Problem(Exception):  # noqa: N818 - it is raised as an answer, not as an error of ours
    """An answer other than what was asked for."""

    def __init__(self, status: int, code: str, detail: str = "", **more: Any) -> None:  # noqa: ANN401
        super().__init__(code)
        self.reply = Reply(status=status, body={"code": code, "detail": detail, **more})


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ReplyHandler = Callable[[web.Request, bytes], Awaitable[Reply]]
HANDLER_KEY = "reply_handler"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A part of the interface, by path, and the keys that may use it."""

    prefix: str
    keys: frozenset[str]


class Door:
    """Admits requests and signs answers."""

    def __init__(
        self,
        *,
        store: Store,
        signer: Signer,
        verifier: RequestVerifier,
        sides: tuple[Side, ...],
        wall_clock_ns: Callable[[], int],
    ) -> None:
        """Signatures are judged by the wall clock, whatever the platform's clock says."""
        self._store = store
        self._signer = signer
        self._verifier = verifier
        self._sides = sides
        self._wall_clock_ns = wall_clock_ns
        self._in_flight = 0
        self._bytes_in_flight = 0

    def handle(self, handler: ReplyHandler, *, limit_bytes: int = MAX_BODY_BYTES) -> Handler:
        """A route's handler behind the door; no body there is larger than the limit."""

        async def behind(request: web.Request) -> web.StreamResponse:
            return self._sign(request, await self._reply(request, handler, limit_bytes))

        return behind

    async def not_found(self, request: web.Request) -> web.StreamResponse:
        """For every path that is not ours; must not look like a movement that is not there."""
        return self._sign(request, Problem(404, "no_such_call").reply)

    async def _reply(self, request: web.Request, handler: ReplyHandler, limit_bytes: int) -> Reply:
        if self._in_flight >= MAX_IN_FLIGHT or self._bytes_in_flight + limit_bytes > MAX_BYTES_IN_FLIGHT:
            return Problem(503, "overloaded").reply
        self._in_flight += 1
        self._bytes_in_flight += limit_bytes
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await request.clone(client_max_size=limit_bytes).read()
            self._admit(request, body)
            return await handler(request, body)
        except Problem as problem:
            return problem.reply
        except ActRefused as refused:
            return Problem(refused.status, refused.code, str(refused)).reply
        except WireError as error:
            return Problem(400, "malformed", str(error)).reply
        except web.HTTPRequestEntityTooLarge:
            return Problem(413, "too_large").reply
        except DATABASE_FAULTS:
            # The caller learns nothing final; the database decides what was committed.
            log.exception("request_failed", path=request.path)
            return Problem(503, "unavailable").reply
        finally:
            self._in_flight -= 1
            self._bytes_in_flight -= limit_bytes

    def _admit(self, request: web.Request, body: bytes) -> None:
        outcome = self._verifier.check(
            method=request.method,
            target=request.raw_path,
            key=request.headers.get(KEY_HEADER),
            timestamp=request.headers.get(TIMESTAMP_HEADER),
            signature=request.headers.get(SIGNATURE_HEADER),
            body=body,
            now_ms=self._wall_clock_ns() // NANOSECONDS_PER_MILLISECOND,
        )
        if isinstance(outcome, NotAuthentic):
            raise Problem(401, "not_authenticated", outcome.fault.value, skew_ms=outcome.skew_ms)
        side = next(side for side in self._sides if request.path.startswith(side.prefix))
        if outcome.key not in side.keys:
            raise Problem(403, "not_permitted")

    def _sign(self, request: web.Request, reply: Reply) -> web.Response:
        now_ns = self._store.now_ns()
        body = write({"registry_time": format_instant(now_ns), **reply.body})
        given = request.headers.get(SIGNATURE_HEADER, "")
        headers = signed_answer_headers(
            self._signer,
            status=reply.status,
            target=request.raw_path,
            timestamp_ms=self._wall_clock_ns() // NANOSECONDS_PER_MILLISECOND,
            body=body,
            request_signature=given if decode_signature(given) is not None else "",
        )
        return web.Response(status=reply.status, body=body, headers=headers, content_type="application/json")
