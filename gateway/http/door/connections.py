"""Each connection of the public door within its bounds, from being accepted to its last byte.

aiohttp bounds a line and a header. What it leaves open is bounded here: how many connections there are, how long a request
takes to arrive and to be decided, how long a client takes to read what it is answered. aiohttp's own handler is kept and
extended where it offers itself: the runner makes the server, the server makes a handler per connection, and the handler's
`handle_error` answers what is not HTTP. Times are looked at by one watch over all connections, twice a second, so that
no request pays for a timer. An order that is plainly one does not go through aiohttp's handler, but the short way (`short_way`).

    connected ──▶ asking ──▶ deciding ──▶ answering ──▶ (asking | idle)        each with a bound on its length
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, TypeAlias, cast

from aiohttp import web
from aiohttp.http import RawRequestMessage, WebSocketReader
from aiohttp.web_protocol import RequestHandler

from gateway.access.lockout import network_of
from gateway.http.addresses import is_proxy
from gateway.http.bounds import Bounds
from gateway.http.door.aiohttp_refusals import why_malformed, why_not_taken
from gateway.http.door.short_way import ShortWay
from gateway.http.refusals import door_reasons, reasons
from gateway.http.refusals.problems import Refused, refusal
from gateway.http.stream.masked_frames import MaskedFrames
from gateway.metrics import Metrics

WATCH_S: Final = 0.5
LINGER_S: Final = 2.0
"""How long the rest of a body that was refused is read and thrown away, so that its sender hears why."""
LINGERING_MOST: Final = 128
"""Connections beyond the bounds that are let go gently at one time; all further ones are closed at once."""
CLOSE_S: Final = 10.0
"""How long a closed connection may take to deliver what was still to be said."""

Refuse: TypeAlias = Callable[[Refused, web.BaseRequest | None], web.Response]
"""A problem as an answer; to a request, or where there is none yet."""


class Connection(RequestHandler):
    """One connection."""

    __slots__ = (
        "_closing_since_s",
        "_door",
        "_head_bytes",
        "_leaving_since_s",
        "_since_s",
        "_turn",
        "_unread_since_s",
        "_wire",
        "address",
    )

    def __init__(self, door: "Server", **options: Any) -> None:  # noqa: ANN401 - aiohttp's own
        """Of that server; not connected yet."""
        super().__init__(door, **options)
        self._door = door
        self._wire: asyncio.Transport | None = None
        self._head_bytes = 0
        self._since_s = 0.0
        """When it was connected, the headers under way began, or the request under way was taken."""
        self._unread_since_s = 0.0
        """Since when something is waiting to be taken by the client; zero while nothing is."""
        self._closing_since_s = 0.0
        self._leaving_since_s = 0.0
        """Since when it has been told why it is let go, and is still listened to; zero while it is not let go."""
        self._turn: asyncio.Future[None] | None = None
        """What wakes aiohttp's handler, while an order is on the short way: until it is answered nothing else is."""
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or say why not and let it go."""
        # A transport of uvloop is one in all but its base class.
        wire = self._wire = cast("asyncio.Transport", transport)
        self._since_s = self._loop.time()
        peer = wire.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        refused = self._door.admit(self)
        if refused is None:
            super().connection_made(transport)
        else:
            self.transport = wire
            self._refuse(refused, linger=self._door.may_linger())

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is gone."""
        self._wire = None
        self._door.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes; those of headers that are not complete yet are counted."""
        begun = self._request_count
        turn = self._waiter
        is_head = turn is not None and not self._messages and not self._upgraded
        if turn is None or turn.done() or not is_head:
            super().data_received(data)
        else:
            self._waiter = None  # the handler sleeps on until it is known which way the request goes
            super().data_received(data)
            self._waiter = turn
            self._choose_way(turn)
        if not is_head:
            return
        if self._request_count != begun:
            self._head_bytes = 0
            return
        if not self._head_bytes and begun:
            self._since_s = self._loop.time()
        self._head_bytes += len(data)
        most = self._door.bounds.header_bytes
        if self._head_bytes > most:
            self._cut("headers_large", refusal(door_reasons.HEADERS_TOO_LARGE, limit=f"{most} bytes"))

    def set_parser(self, parser: WebSocketReader, data_received_cb: Callable[[], None] | None = None) -> None:
        """It is a WebSocket from here on, whose client has to mask its frames."""
        frames = MaskedFrames(parser, self._door.bounds.ws_messages_per_s)
        super().set_parser(cast("WebSocketReader", frames), data_received_cb)

    def _choose_way(self, turn: "asyncio.Future[None]") -> None:
        if not self._messages:
            return
        message, content = self._messages[0]
        if (
            self._close
            or self._force_close
            or self._paused
            or not self._door.short_way.is_for(message, content)
        ):
            turn.set_result(None)
            return
        assert isinstance(message, RawRequestMessage)
        assert self._parser is not None, "there is none only of a lost connection"
        self._messages.popleft()
        self._parser.message_consumed()
        self._door.requests_count += 1
        self.begin()
        self._turn, self._waiter, self._request_in_progress = turn, None, True
        self._door.short_way.take(message, content.read_nowait(), self.address, self._end_turn)

    def _end_turn(self, answer: bytes) -> None:
        """Send what came of an order on the short way, and let the handler have the next request."""
        turn, self._turn, self._request_in_progress = self._turn, None, False
        assert turn is not None, "an order was answered twice"
        if self._handler_waiter is not None:
            self._handler_waiter.set_result(None)
        if turn.done():
            return  # the handler was told to end meanwhile
        if self.transport is None or self.transport.is_closing():
            turn.cancel()
            return
        self.transport.write(answer)
        self._waiter = turn
        if self._close or self._force_close:
            turn.cancel()
        elif self._door.short_way.is_last():
            self.transport.close()
        elif self._messages:
            turn.set_result(None)
        else:
            self._wait_for_next()

    def _wait_for_next(self) -> None:
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP, or not within its bounds. Nothing is logged: it is the client's doing."""
        if status != HTTPStatus.BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        self._door.metrics.door.requests_cut.labels("malformed").inc()
        answer = self._door.refuse(why_malformed(exc, self._door.bounds), request)
        answer.force_close()
        return answer

    def begin(self) -> None:
        """A request is being taken from here."""
        self._since_s = self._loop.time()
        self._unread_since_s = 0.0

    def watch(self, now_s: float) -> None:
        """Cut it when it has taken too long over anything."""
        wire, bounds = self._wire, self._door.bounds
        if wire is None:
            return
        if wire.is_closing():
            self._closing_since_s = self._closing_since_s or now_s
            if now_s - self._closing_since_s > CLOSE_S:
                wire.abort()
        elif self._leaving_since_s:
            if now_s - self._leaving_since_s > LINGER_S:
                self.force_close()
        elif self._payload_parser is not None:
            return  # a WebSocket has bounds of its own
        elif wire.get_write_buffer_size():
            self._unread_since_s = self._unread_since_s or now_s
            if now_s - self._unread_since_s > bounds.answer_s:
                self._door.metrics.door.requests_cut.labels("answer_not_read").inc()
                wire.abort()
        else:
            self._unread_since_s = 0.0
            self._watch_request(now_s - self._since_s, bounds)

    def _watch_request(self, spent_s: float, bounds: Bounds) -> None:
        if self._current_request is not None or self._turn is not None:
            if spent_s > bounds.request_s:
                late = refusal(door_reasons.REQUEST_TOO_LONG, state="unknown", headers={"Retry-After": "5"})
                self._cut("request_slow", late, linger=False)
        elif self._waiter is not None and spent_s > bounds.header_s:
            if self._head_bytes:
                self._cut("headers_slow", refusal(door_reasons.HEADERS_TOO_SLOW))
            elif not self._request_count:
                self._door.metrics.door.requests_cut.labels("silent").inc()
                self.force_close()

    def _cut(self, why: str, refused: Refused, *, linger: bool = True) -> None:
        self._door.metrics.door.requests_cut.labels(why).inc()
        self._refuse(refused, linger=linger)

    def _refuse(self, refused: Refused, *, linger: bool) -> None:
        """Say why and let it go. Who is still sending would lose the answer if the connection were closed at once."""
        transport = self.transport
        if transport is None or self._leaving_since_s:
            return
        transport.write(whole(self._door.refuse(refused, None)))
        if not linger:
            self.force_close()
            return
        self._leaving_since_s = self._loop.time()
        self._door.leaving(self)
        transport.write_eof()
        self.close()  # what comes from now on is thrown away


def whole(answer: web.Response) -> bytes:
    """An answer as it goes over the wire, for where aiohttp has no request to answer."""
    assert isinstance(answer.body, bytes)
    heads = {**answer.headers, "Content-Length": str(len(answer.body)), "Connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in heads.items())
    return f"HTTP/1.1 {answer.status} {answer.reason}\r\n{head}\r\n".encode() + answer.body


class Server(web.Server):
    """Every connection, counted and watched."""

    def __init__(
        self,
        made: web.Server,
        bounds: Bounds,
        metrics: Metrics,
        refuse: Refuse,
        public_url: str,
        *,
        short_way: ShortWay,
    ) -> None:
        """Serving what `made` would, to connections within the bounds."""
        super().__init__(
            self._within(made.request_handler, refuse),
            request_factory=made.request_factory,
            **_options(bounds),
        )
        self.bounds = bounds
        self.metrics = metrics
        self.refuse = refuse
        self.short_way = short_way
        self._public_url = public_url
        self._open: set[Connection] = set()
        self._leaving: set[Connection] = set()
        self._of: Counter[str] = Counter()
        metrics.door.connections.set_function(lambda: len(self._open))

    def __call__(self) -> Connection:
        """A handler for a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)

    def admit(self, connection: Connection) -> Refused | None:
        """Count a new connection; or why it is not taken."""
        address, bounds = network_of(connection.address), self.bounds
        if len(self._open) >= bounds.connections:
            return self._too_many("total", bounds.connections)
        if self._of[address] >= bounds.connections_per_address and not is_proxy(
            connection.address, self._public_url
        ):
            return self._too_many("address", bounds.connections_per_address)
        self._open.add(connection)
        self._of[address] += 1
        return None

    def _too_many(self, why: str, limit: int) -> Refused:
        self.metrics.door.connections_refused.labels(why).inc()
        return refusal(reasons.TOO_MANY_CONNECTIONS, limit=limit, headers={"Retry-After": "5"})

    def may_linger(self) -> bool:
        """Whether one more that is not taken may be let go gently: only so many, or a flood would find room there."""
        return len(self._leaving) < LINGERING_MOST

    def leaving(self, connection: Connection) -> None:
        """That one is being let go."""
        self._leaving.add(connection)

    def forget(self, connection: Connection) -> None:
        """A connection is gone, if it ever was one."""
        self._leaving.discard(connection)
        if connection not in self._open:
            return
        self._open.remove(connection)
        address = network_of(connection.address)
        self._of[address] -= 1
        if not self._of[address]:
            del self._of[address]

    async def watch(self) -> None:
        """Look at every connection, again and again."""
        while True:
            await asyncio.sleep(WATCH_S)
            now_s = self._loop.time()
            for connection in (*self._open, *(self._leaving - self._open)):
                connection.watch(now_s)

    @staticmethod
    def _within(handle: Callable[[Any], Any], refuse: Refuse) -> Callable[[web.BaseRequest], Any]:
        """A handler that notes when a request began, and answers nobody who does not read."""

        async def begin(request: web.BaseRequest) -> web.StreamResponse:
            connection = request.protocol
            assert isinstance(connection, Connection)
            if connection.writing_paused:
                try:
                    await request.writer.drain()
                except ConnectionError:
                    return web.Response()  # which nobody is there to take
            connection.begin()
            try:
                answer: web.StreamResponse = await handle(request)
            except (web.HTTPNotFound, web.HTTPExpectationFailed) as error:
                return refuse(why_not_taken(error, request), request)
            return answer

        return begin


class Runner(web.AppRunner):
    """Runs an application behind such a server."""

    def __init__(
        self, app: web.Application, make: Callable[[web.Server], Server], *, shutdown_s: float
    ) -> None:
        """Not listening yet."""
        super().__init__(app, shutdown_timeout=shutdown_s)
        self._make = make
        self._watching: asyncio.Task[None] | None = None

    async def _make_server(self) -> web.Server:
        server = self._make(await super()._make_server())
        self._watching = asyncio.create_task(server.watch())
        return server

    async def _cleanup_server(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        await super()._cleanup_server()


def _options(bounds: Bounds) -> dict[str, Any]:
    """What aiohttp's own handler bounds by itself."""
    return {
        "access_log": None,
        # A body is never unpacked: one with a content encoding is refused unread, whatever it would unpack to.
        "auto_decompress": False,
        "keepalive_timeout": bounds.idle_s,
        "lingering_time": LINGER_S,
        "max_line_size": bounds.url_bytes,
        "max_field_size": bounds.header_line_bytes,
        "max_headers": bounds.header_lines,
    }
