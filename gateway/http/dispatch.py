"""From an HTTP request to its handler and back: one straight path, the same for every route.

Size, who it is, scope, rate, shape, in this order; then the handler; then one answer with its headers. There are no
layers of middleware, since every one of them would be paid for with every order. What goes wrong on the way is a
`Refused`; what only we can have caused is logged with the request's id and answered as an internal error whose outcome
is unknown.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

import asyncpg
import orjson
import structlog
from aiohttp import web

from gateway.access.callers import Caller
from gateway.access.keys import Scope
from gateway.access.limits import ActionKind, Allowance, bucket_of, bucket_of_stranger
from gateway.engine.paging import BadCursorError
from gateway.engine.sequencer import Overloaded, Stopped
from gateway.http.acts_once import answer_once, is_named_act
from gateway.http.addresses import address_of
from gateway.http.bodies import parse_json, read_body
from gateway.http.identity import Identity
from gateway.http.listed.submissions import Submissions
from gateway.http.looks import is_look, note_look, query_reason, reveals
from gateway.http.masking import Mask, Masking
from gateway.http.reading import read_deadline, read_model, read_query
from gateway.http.refusals import reasons
from gateway.http.refusals.door_reasons import PUBLIC_ONLY
from gateway.http.refusals.problems import (
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    Language,
    Refused,
    language_of,
    refusal,
    render,
)
from gateway.http.routing import (
    BATCH_BODY_LIMIT,
    BODY_LIMIT,
    SECURITY_HEADERS,
    Call,
    NoQuery,
    Reply,
    Route,
    allowance_headers,
)
from gateway.http.services import Services
from gateway.http.shapes import Request
from gateway.request_ids import HEADER, SERVING, RequestIds

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

DATABASE_GONE: Final = (
    ConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    TimeoutError,
)
"""What a reader gets while the database is being lost, has no room for one more, or answers nothing: it will be back, and so
will the process where it stops for that."""

_log: Final = structlog.get_logger("gateway.http")
_lines: Final = logging.getLogger("gateway.http")
"""Asked whether a line would be written at all; a line for every request is for debugging."""


class Dispatcher:
    """Serves routes; one for the whole application."""

    def __init__(self, services: Services) -> None:
        """Serving from these."""
        self.services = services
        self.identity = Identity(services)
        self.masking = Masking(services.views, services.sign_ins.people)
        self.submissions = Submissions(services)
        self.request_ids = RequestIds()
        self._policies = {
            kind: f'"{kind.value}";q={quota.quota};w={quota.window_s}'
            for kind, quota in services.limits.quotas.items()
        }

    def bind(self, route: Route) -> Handler:
        """The route as aiohttp calls it."""
        if self.services.following is not None and not (route.is_public and route.method == "GET"):
            return self._public_only
        timed = self.timer(route)
        patterns = {name: re.compile(pattern) for name, pattern in route.path_parameters.items()}

        async def serve(request: web.Request) -> web.StreamResponse:
            started_s = time.perf_counter()
            request_id = self.request_ids.of(request.headers.get(HEADER))
            SERVING.set(request_id)
            language = language_of(request.headers.get("Accept-Language"))
            headers = {HEADER: request_id}
            try:
                reply = await self._serve(route, patterns, request, language, headers)
            except Refused as refused:
                reply = self.problem(refused, request_id, language)
            except Exception as error:  # noqa: BLE001 - the last place where a fault of ours can be answered
                answered = unexpected(error, route.path, changes=route.method != "GET")
                reply = self.problem(answered, request_id, language)
            timed(reply.status, time.perf_counter() - started_s)
            SERVING.set("")
            answer = respond(reply, headers)
            if not self.services.admission.is_open:
                answer.force_close()
            return answer

        return serve

    async def _public_only(self, request: web.Request) -> web.StreamResponse:
        return self.refuse(refusal(PUBLIC_ONLY), request)

    def timer(self, route: Route) -> Callable[[int, float], None]:
        """What counts the route's answers: by status, with how many seconds each took; and tells each, when debugging."""
        observers: dict[int, Callable[[float], None]] = {}

        def observe(status: int, seconds: float) -> None:
            kind = status // 100
            found = observers.get(kind)
            if found is None:
                shown = self.services.metrics.door.seconds.labels(route.path, route.method, f"{kind}xx")
                found = observers[kind] = shown.observe
            found(seconds)
            if _lines.isEnabledFor(logging.DEBUG):
                # The route, not the address: whom somebody asks about is nobody's who reads logs.
                told = {"method": route.method, "route": route.path, "status": status}
                _log.debug("answered", **told, spent_ms=round(seconds * 1_000, 3))

        return observe

    async def _serve(
        self,
        route: Route,
        patterns: Mapping[str, re.Pattern[str]],
        request: web.Request,
        language: Language,
        headers: dict[str, str],
    ) -> Reply:
        given = request.headers
        if route.method != "GET":
            self.services.admission.require(route.kind)
        body = await self._body_of(route, request) if request.body_exists else b""
        remote = address_of(request.remote or "", request.headers, self.services.public_url)
        caller = None if route.is_public else await self._caller(route, request, body, remote, headers)
        owner = bucket_of_stranger(remote) if caller is None else bucket_of(caller)

        def take(cost: int) -> None:
            headers.update(self.take(owner, route.kind, cost))

        if route.limited:
            take(1)
        path = request.match_info
        for name, pattern in patterns.items():
            if pattern.fullmatch(path[name]) is None:
                raise refusal(reasons.NOT_FOUND, pointer="", actual=path[name][:64])
        query, mask = await self._query(route, caller, request)
        call = Call(
            services=self.services,
            caller=caller,
            path=path,
            headers=given,
            query=query,
            body=None if route.body is None else self.read(route, route.body, body),
            deadline_ns=read_deadline(given.get("X-Deadline")),
            session="" if caller is None else f"rest:{caller.caller_id}",
            remote=remote,
            language=language,
            request_id=headers[HEADER],
            take=take,
            mask=mask,
        )
        reply = await _handle(route, call, request.raw_path, body)
        # Of this moment: the act itself may have been the one that restricts somebody.
        mask = None if reveals(route, query) else self.masking.mask
        return reply if mask is None else masked(reply, mask)

    async def _caller(
        self, route: Route, request: web.Request, body: bytes, remote: str, headers: dict[str, str]
    ) -> Caller:
        try:
            caller = await self.identity.of(route, request.raw_path, request.headers, body, remote=remote)
        except Refused:
            # Whoever signs nothing is a stranger, and judging that is work, too.
            headers.update(self.take_of_stranger(remote))
            raise
        require_scope(caller, route.scope, route.or_scopes)
        return caller

    async def _body_of(self, route: Route, request: web.Request) -> bytes:
        most = self._most_bytes(route, request.headers)
        return await read_body(request, most, timeout_s=self.services.settings.body_s)

    def _most_bytes(self, route: Route, given: Mapping[str, str]) -> int:
        """How long a body is read: a large one only for who might send it, since a signature comes after it."""
        if route.limit_bytes <= BATCH_BODY_LIMIT:
            return route.limit_bytes
        caller = self.identity.claimed(given)
        return route.limit_bytes if caller is not None and route.scope in caller.scopes else BODY_LIMIT

    async def _query(
        self, route: Route, caller: Caller | None, request: web.Request
    ) -> tuple[Request | None, Mask | None]:
        """What is asked, and what to put over the answer; where a supervisor looks, that is written down first."""
        query: Request | None = None
        if route.query is not NoQuery or request.query_string:
            query = read_query(route.query, request.query.items())
        if caller is not None and is_look(route, caller):
            await note_look(self.services, caller, request.raw_path, query_reason(query))
        return query, None if reveals(route, query) else self.masking.mask

    def read(self, route: Route, model: type[Request], body: bytes) -> Request:
        """The shape of a body. Raises Refused."""
        value = {} if route.body_optional and not body else parse_json(body)
        if route.before_shape is not None:
            route.before_shape(self.services, value)
        return read_model(model, value)

    def take(self, owner: str, kind: ActionKind, cost: int) -> dict[str, str]:
        """Take from an owner's bucket: the headers that tell how it stands. Raises Refused when it is empty."""
        allowance = self.services.limits.take(owner, kind, time.monotonic_ns(), cost)
        if allowance is None:
            return {}
        headers = allowance_headers(kind, self._policies[kind], allowance)
        if allowance.retry_after_s:
            self.services.metrics.door.rate_limited.labels(kind.value).inc()
            raise _rate_limited(self._policies[kind], allowance, headers)
        return headers

    def take_of_stranger(self, remote: str) -> dict[str, str]:
        """The same, from the bucket of whoever comes from there and has not said who they are."""
        return self.take(bucket_of_stranger(remote), ActionKind.PUBLIC, 1)

    def problem(self, refused: Refused, request_id: str, language: Language) -> Reply:
        """The answer to a request that was refused, counted."""
        self.services.metrics.door.refusals.labels(refused.faults[0].code).inc()
        problem = render(
            refused, language=language, request_id=request_id, now_ns=self.services.clock.now_ns()
        )
        mask = self.masking.mask
        return Reply(
            problem if mask is None else mask.body(problem),
            status=refused.status,
            headers={"Content-Language": CONTENT_LANGUAGE[language], **refused.headers},
            content_type=CONTENT_TYPE,
        )

    def not_served(self, request: web.Request, methods: frozenset[str]) -> web.Response:
        """The answer where no route fits: another method would (405), or there is nothing here (404)."""
        if not methods:
            return self.refuse(refusal(reasons.NOT_FOUND, actual=request.path[:64]), request)
        allowed = ", ".join(sorted(methods))
        refused = refusal(
            reasons.METHOD_NOT_ALLOWED, limit=allowed, actual=request.method[:16], headers={"Allow": allowed}
        )
        return self.refuse(refused, request)

    def refuse(self, refused: Refused, request: web.BaseRequest | None) -> web.Response:
        """A problem, for a request that no route serves, or that did not get as far as being one."""
        given = {} if request is None else request.headers
        request_id = self.request_ids.of(given.get(HEADER))
        language = language_of(given.get("Accept-Language"))
        return respond(self.problem(refused, request_id, language), {HEADER: request_id})


def masked(reply: Reply, mask: Mask) -> Reply:
    """The reply with pseudonyms for whoever's personal data are restricted. What is typeset has them already."""
    body, kind = reply.body, reply.content_type.partition(";")[0]
    if type(body) is not bytes:
        return replace(reply, body=mask.body(body))
    if kind == "application/json":
        return replace(reply, body=mask.json(body))
    return replace(reply, body=mask.table(body)) if kind == "text/csv" else reply


async def _handle(route: Route, call: Call, target: str, body: bytes) -> Reply:
    if is_named_act(call):
        return await answer_once(route, call, target, body)
    if route.is_fenced_here:
        call.require_in_time()
    return await route.handler(call)


def respond(reply: Reply, headers: dict[str, str]) -> web.Response:
    """The reply as aiohttp sends it, with the headers every answer carries."""
    content = reply.body if type(reply.body) is bytes else orjson.dumps(reply.body)
    sent = {**SECURITY_HEADERS, "Content-Type": reply.content_type, **headers}
    if reply.headers is not None:
        sent.update(reply.headers)
    return web.Response(body=content, status=reply.status, headers=sent)


def require_scope(caller: Caller, scope: Scope | str, others: frozenset[Scope] = frozenset()) -> None:
    """Refuse a caller who has neither the scope nor one that will do as well; `any` asks for none in particular."""
    if scope != "any" and scope not in caller.scopes and not others & caller.scopes:
        carried = ", ".join(sorted(caller.scopes))
        raise refusal(reasons.SCOPE_MISSING, limit=str(scope), actual=carried)


def _rate_limited(policy: str, allowance: Allowance, headers: dict[str, str]) -> Refused:
    return refusal(
        reasons.RATE_LIMITED, limit=policy, actual=f"retry after {allowance.retry_after_s} s", headers=headers
    )


def unexpected(error: Exception, path: str, *, changes: bool) -> Refused:
    """What is answered when something other than a refusal came out of a handler.

    A full queue, a stopped sequencer and a database that went away have answers of their own; all else is a fault of
    the exchange, and logged, under the id of the request that is being served.
    """
    if isinstance(error, BadCursorError):
        return refusal(reasons.INVALID_CURSOR, parameter="after")
    if isinstance(error, Overloaded):
        return refusal(reasons.OVERLOADED, headers={"Retry-After": "1"})
    if isinstance(error, Stopped):
        return refusal(reasons.NOT_READY, headers={"Retry-After": "5"}, state=error.state)
    if isinstance(error, DATABASE_GONE):
        _log.warning("database gone", path=path, error=type(error).__name__)
        headers = {"Retry-After": "5"}
        return refusal(reasons.NOT_READY, headers=headers, state="unknown" if changes else "not_accepted")
    _log.error("request failed", path=path, exc_info=error)
    return refusal(reasons.INTERNAL_ERROR, state="unknown" if changes else "not_accepted")
