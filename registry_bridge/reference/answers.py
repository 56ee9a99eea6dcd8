"""Signed answers: every reply of the reference registry leaves through here.

The middleware reads the body within bounds, checks the caller's signature and which side its key is of, and
signs whatever is answered, refusals included, so that the caller can tell the registry's word from a
proxy's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from aiohttp import web
from structlog.contextvars import bind_contextvars

from registry_bridge.http_line import REQUEST_ID_HEADER
from registry_bridge.reference.act_refusals import ActRefused
from registry_bridge.reference.drill import Drawn, Drill, Spoiled
from registry_bridge.reference.replies import Problem, Reply, ReplyHandler
from registry_bridge.reference.store import DATABASE_FAULTS, Store
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
from registry_bridge.wire_faults import CallName

BODY_TIMEOUT_S = 15
MAX_IN_FLIGHT = 64
"""Requests at a time; beyond that the answer is 503 at once."""

MAX_BYTES_IN_FLIGHT = 96 << 20
"""What the bodies of all requests at a time may come to, each taken at its bound; beyond that 503 as well."""

NANOSECONDS_PER_MILLISECOND = 1_000_000

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

log = structlog.get_logger("registry")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
        drill: Drill | None = None,
    ) -> None:
        """Signatures are judged by the wall clock, whatever the platform's clock says."""
        self._drill = drill
        self._store = store
        self._signer = signer
        self._verifier = verifier
        self._sides = sides
        self._wall_clock_ns = wall_clock_ns
        self._in_flight = 0
        self._bytes_in_flight = 0

    def handle(
        self, handler: ReplyHandler, *, limit_bytes: int = MAX_BODY_BYTES, call: CallName | None = None
    ) -> Handler:
        """A route's handler behind the door; no body there is larger than the limit.

        A call with a name goes wrong in a drill as its fault switch says.
        """

        async def behind(request: web.Request) -> web.StreamResponse:
            bind_contextvars(request_id=_request_id(request))
            return self._sign(request, await self._reply(request, handler, limit_bytes))

        if self._drill is None or call is None:
            return behind
        return self._in_drill(self._drill, handler, limit_bytes, call)

    def _in_drill(self, drill: Drill, handler: ReplyHandler, limit_bytes: int, call: CallName) -> Handler:
        async def behind(request: web.Request) -> web.StreamResponse:
            bind_contextvars(request_id=_request_id(request))
            drawn = Drawn()

            async def handle(request: web.Request, body: bytes) -> Reply:
                return await drill.call(lambda: handler(request, body), call, body, drawn)

            answer = self._sign(request, await self._reply(request, handle, limit_bytes))
            return drill.spoil(request, answer, drawn, self.signed)

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
        except Spoiled:
            return Reply(body={})
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
        route = request.match_info.route.resource
        called = "" if route is None else route.canonical
        log.debug("answered", method=request.method, route=called, status=reply.status)
        now_ns = self._store.now_ns()
        body = write({"registry_time": format_instant(now_ns), **reply.body})
        return self.signed(request, reply.status, body)

    def signed(
        self, request: web.Request, status: int, body: bytes, signer: Signer | None = None
    ) -> web.Response:
        """A body as an answer to that request, with our signature unless another is given."""
        given = request.headers.get(SIGNATURE_HEADER, "")
        headers = signed_answer_headers(
            signer or self._signer,
            status=status,
            target=request.raw_path,
            timestamp_ms=self._wall_clock_ns() // NANOSECONDS_PER_MILLISECOND,
            body=body,
            request_signature=given if decode_signature(given) is not None else "",
        )
        return web.Response(status=status, body=body, headers=headers, content_type="application/json")


def _request_id(request: web.Request) -> str | None:
    """What the other side calls this call; for the log alone."""
    given = request.headers.get(REQUEST_ID_HEADER, "")
    return given if _REQUEST_ID.fullmatch(given) else None
