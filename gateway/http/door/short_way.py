"""The short way of an order: from its parsed message to the sequencer, and from its commit to the wire.

On the way that every request goes (`dispatch`) an order would pay for a task, a request object, the match of its address and
an answer with its headers in a mapping; together they cost more than deciding it. An order that asks for nothing unusual
of HTTP needs none of them. It is judged by the same parts, in the same order, and answered in the same words; what is not
plainly such an order goes the way that every request goes.
"""

import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final, TypeAlias

import orjson
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import StreamReader
from multidict import CIMultiDictProxy

from gateway.access.callers import Caller
from gateway.access.limits import bucket_of
from gateway.http.addresses import address_of
from gateway.http.dispatch import Dispatcher, masked, require_scope, unexpected
from gateway.http.identity import signed_of
from gateway.http.listed import orders
from gateway.http.reading import read_deadline
from gateway.http.refusals.problems import Language, Refused, language_of
from gateway.http.routing import SECURITY_HEADERS, Call, Reply
from gateway.request_ids import HEADER, SERVING
from registry_bridge.signing import KEY_HEADER, TIMESTAMP_HEADER

Sent: TypeAlias = Callable[[bytes], None]
"""Takes a whole answer, once."""

ROUTE: Final = orders.SUBMIT

_UNUSUAL: Final = ("Content-Encoding", "Expect")
"""Headers that ask for more than to read a body and to answer it."""


class ShortWay:
    """Takes orders that are plainly orders."""

    __slots__ = ("_dispatcher", "_services", "_timed")

    def __init__(self, dispatcher: Dispatcher) -> None:
        """Judging by the same parts as the dispatcher."""
        self._dispatcher = dispatcher
        self._services = dispatcher.services
        self._timed = dispatcher.timer(ROUTE)

    def is_for(self, message: object, content: StreamReader) -> bool:
        """Whether a message is plainly an order, and all of it is here."""
        return (
            isinstance(message, RawRequestMessage)
            and message.path == ROUTE.path
            and message.method == ROUTE.method
            and message.version == HttpVersion11
            and not (message.should_close or message.upgrade or message.chunked or message.compression)
            and content.is_eof()
            and content.exception() is None
            and content.total_bytes <= ROUTE.limit_bytes
            and KEY_HEADER in message.headers
            and not any(name in message.headers for name in _UNUSUAL)
            and self._services.admission.is_open
            and self._services.authenticator.covers(message.headers.get(TIMESTAMP_HEADER))
        )

    def is_last(self) -> bool:
        """Whether a connection ends with its answer: the exchange has been told to end."""
        return not self._services.admission.is_open

    def take(self, message: RawRequestMessage, body: bytes, remote: str, send: Sent) -> None:
        """Have the order decided; the answer is sent once, at once where the order comes to no decision."""
        request_id = self._dispatcher.request_ids.of(message.headers.get(HEADER))
        language = language_of(message.headers.get("Accept-Language"))
        passage = _Passage(self._dispatcher, self._timed, request_id, language, send)
        SERVING.set(request_id)
        try:
            call = passage.judge(message.headers, body, remote)
            by_rest = self._services.metrics.door.order_by_rest.observe
            self._dispatcher.submissions.hand_in(call, call.body, passage.answer, way=by_rest)
        except Exception as error:  # noqa: BLE001 - the last place where a fault of ours can be answered
            passage.answer(error)
        SERVING.set("")


class _Passage:
    """One order's."""

    __slots__ = ("_dispatcher", "_headers", "_language", "_request_id", "_send", "_started_s", "_timed")

    def __init__(
        self,
        dispatcher: Dispatcher,
        timed: Callable[[int, float], None],
        request_id: str,
        language: Language,
        send: Sent,
    ) -> None:
        self._started_s = time.perf_counter()
        self._dispatcher = dispatcher
        self._timed = timed
        self._language: Language = language
        self._send = send
        self._request_id = request_id
        self._headers = {HEADER: request_id}

    def judge(self, given: CIMultiDictProxy[str], body: bytes, remote: str) -> Call:
        """The order, once it is known who asks, that they may, and that it can be read. Raises Refused."""
        services = self._dispatcher.services
        services.admission.require(ROUTE.kind)
        remote = address_of(remote, given, services.public_url)
        caller = self._caller(given, body, remote)
        owner = bucket_of(caller)

        def take(cost: int) -> None:
            self._headers.update(self._dispatcher.take(owner, ROUTE.kind, cost))

        take(1)
        return Call(
            services=services,
            caller=caller,
            path={},
            headers=given,
            query=None,
            body=self._dispatcher.read(ROUTE, orders.OrderRequest, body),
            deadline_ns=read_deadline(given.get("X-Deadline")),
            session=f"rest:{caller.caller_id}",
            remote=remote,
            language=self._language,
            request_id=self._request_id,
            take=take,
        )

    def _caller(self, given: CIMultiDictProxy[str], body: bytes, remote: str) -> Caller:
        try:
            caller = self._dispatcher.identity.by_signature(
                ROUTE.method, ROUTE.path, signed_of(given), body, remote=remote
            )
        except Refused:
            # Whoever signs nothing is a stranger, and judging that is work, too.
            self._headers.update(self._dispatcher.take_of_stranger(remote))
            raise
        require_scope(caller, ROUTE.scope, ROUTE.or_scopes)
        return caller

    def answer(self, outcome: Reply | Exception) -> None:
        """Send what came of it."""
        dispatcher = self._dispatcher
        SERVING.set(self._request_id)  # after the commit this is a turn of its own
        if isinstance(outcome, Reply):
            mask = dispatcher.masking.mask
            reply = outcome if mask is None else masked(outcome, mask)
        else:
            if not isinstance(outcome, Refused):
                outcome = unexpected(outcome, ROUTE.path, changes=True)
            reply = dispatcher.problem(outcome, self._request_id, self._language)
        self._timed(reply.status, time.perf_counter() - self._started_s)
        self._send(written(reply, self._headers, closes=not dispatcher.services.admission.is_open))


def written(reply: Reply, headers: Mapping[str, str], *, closes: bool = False) -> bytes:
    """A whole answer as it goes over the wire, with the headers that every answer carries."""
    content = reply.body if type(reply.body) is bytes else orjson.dumps(reply.body)
    told = headers if reply.headers is None else {**headers, **reply.headers}
    lines = "".join([f"{name}: {value}\r\n" for name, value in told.items()])
    if closes:
        lines += "Connection: close\r\n"
    head = _head(reply.status, reply.content_type)
    return (
        f"{head}{lines}Content-Length: {len(content)}\r\nDate: {_date(int(time.time()))}\r\n\r\n".encode()
        + content
    )


@lru_cache(maxsize=64)
def _head(status: int, content_type: str) -> str:
    always = {**SECURITY_HEADERS, "Content-Type": content_type}
    lines = "".join(f"{name}: {value}\r\n" for name, value in always.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}"


@lru_cache(maxsize=2)
def _date(at_s: int) -> str:
    return formatdate(at_s, usegmt=True)


class NoShortWay(ShortWay):
    """Of a process that takes no orders."""

    __slots__ = ()

    def is_for(self, _: object, __: StreamReader) -> bool:
        """Never."""
        return False
