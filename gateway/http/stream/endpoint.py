"""The WebSocket's door: how many connections, how long a silent or stuck one may stay, and how each one ends."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Final

from aiohttp import WSCloseCode, web

from gateway.access.callers import Caller
from gateway.access.lockout import network_of
from gateway.engine.entry import Entry
from gateway.engine.patience import submit_patiently
from gateway.engine.sequencer import Stopped
from gateway.http.addresses import address_of
from gateway.http.dispatch import Dispatcher
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import Refused, language_of, refusal
from gateway.http.services import Services
from gateway.http.stream.guard import ConnectionGuard
from gateway.http.stream.hub import Hub
from gateway.http.stream.outbox import KEY_GONE, NO_PURPOSE, SLOW_CONSUMER
from gateway.http.stream.session import Session
from gateway.request_ids import HEADER
from matching.safety_commands import EndConnection
from settlement.mandate import MandateEnded

SEND_BUFFER_BYTES: Final = 64 * 1_024
CLOSE_S: Final = 2.0
"""How long a client has to answer a close, before the connection is cut."""
WATCH_S: Final = 0.5
LINGER_S: Final = 10.0
"""How long the last bytes to a client may take."""
SETTLE_S: Final = 3.0
"""When the exchange goes away: how long what a client has asked for may take to be answered."""
SETTLE_POLL_S: Final = 0.01


class Stream:
    """Every WebSocket connection."""

    def __init__(self, services: Services, dispatcher: Dispatcher) -> None:
        """None yet."""
        self.services = services
        self.hub = Hub(services, dispatcher.masking)
        self._dispatcher = dispatcher
        self._sessions: dict[Session, asyncio.Task[None]] = {}
        self._of: Counter[str] = Counter()
        """How many there are of each address."""
        self._closing: dict[Session, asyncio.Task[None]] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._watcher: asyncio.Task[None] | None = None
        shown = services.metrics.stream
        shown.clients.set_function(lambda: len(self._sessions))
        shown.queued.set_function(lambda: sum(len(session.outbox) for session in self._sessions))
        shown.longest.set_function(
            lambda: max((len(session.outbox) for session in self._sessions), default=0)
        )
        services.sign_ins.sessions.on_end(self._may_not_stay)
        services.keys.on_ended(self._may_not_stay)
        services.sequencer.on_commit(self._on_commit)

    async def start(self, _: web.Application) -> None:
        """Say what was lost with the process before, and begin to watch for connections that are stuck."""
        watched = () if self.services.following is not None else self.services.views.safety.connections
        for connection in tuple(watched):
            lost = EndConnection(connection=connection, clean=False)
            await submit_patiently(self.services.sequencer, lost)
        self._watcher = asyncio.create_task(self._watch())

    async def stop(self, _: web.Application) -> None:
        """Answer what every client has asked for, and tell it that the exchange is going away."""
        if self._watcher is not None:
            self._watcher.cancel()
        self.services.admission.close()
        await asyncio.gather(*(self._part(session) for session in self._sessions))
        await asyncio.gather(*self._closing.values())

    async def _part(self, session: Session) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                while not session.is_quiet:  # noqa: ASYNC110 - its parts tell nobody
                    await asyncio.sleep(SETTLE_POLL_S)
        if session in self._sessions:
            self._end(session, WSCloseCode.GOING_AWAY, "going_away")

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from its handshake to its end."""
        settings = self.services.settings
        language = language_of(request.headers.get("Accept-Language"))
        remote = address_of(request.remote or "", request.headers, self.services.public_url)
        for there_are, most in (
            (len(self._sessions), settings.ws_clients),
            (self._of[network_of(remote)], settings.ws_clients_per_address),
        ):
            if there_are >= most:
                headers = {"Retry-After": "5"}
                refused = refusal(reasons.TOO_MANY_CONNECTIONS, limit=most, headers=headers)
                return self._dispatcher.refuse(refused, request)
        cookie = self._dispatcher.identity.cookie
        if cookie.is_there(request.headers):
            try:
                self._dispatcher.identity.require_own_page(request.headers)
            except Refused as refused:
                return self._dispatcher.refuse(refused, request)
        socket = web.WebSocketResponse(
            timeout=CLOSE_S,
            heartbeat=settings.ws_idle_s / 1.5,  # aiohttp closes after one and a half of these
            max_msg_size=settings.ws_message_bytes,
            compress=False,
        )
        name = self._dispatcher.request_ids.next()
        socket.headers.update({"Server": "puhui", HEADER: name})
        if not socket.can_prepare(request).ok:
            return self._dispatcher.refuse(
                refusal(reasons.UPGRADE_REQUIRED, headers={"Upgrade": "websocket"}), request
            )
        _bound_kernel_buffer(request)
        await socket.prepare(request)
        session = Session(
            self.services,
            self._dispatcher,
            self.hub,
            socket,
            name=name,
            language=language,
            remote=remote,
            headers=request.headers,
            is_paused=lambda: request.protocol.writing_paused,
        )
        await self._run(session, request)
        return socket

    async def _run(self, session: Session, request: web.Request) -> None:
        writer = self._sessions[session] = asyncio.create_task(self._write(session))
        self._of[network_of(session.remote)] += 1
        try:
            await session.read()
        finally:
            session.leave()
            del self._sessions[session]
            self._of[network_of(session.remote)] -= 1
            self._of += Counter()  # forgets those at zero
            if session.guard.is_on:
                lost = asyncio.create_task(_tell_lost(session.guard))
                self._telling.add(lost)
                lost.add_done_callback(self._telling.discard)
            closing = self._closing.get(session)
            if closing is not None:
                await closing
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
            if request.transport is not None:
                # What is still buffered, a close code among it, may go out; but not be waited for without end.
                asyncio.get_running_loop().call_later(LINGER_S, request.transport.abort)

    async def _write(self, session: Session) -> None:
        try:
            await session.outbox.run()
        except ConnectionError:
            return  # the client is gone, which the reader sees too
        if session.outbox.overflowed:
            self._end(session, SLOW_CONSUMER, "slow_consumer")

    async def _watch(self) -> None:
        settings = self.services.settings
        while True:
            await asyncio.sleep(WATCH_S)
            for session, writer in self._sessions.items():
                if session.outbox.stuck_s() > settings.ws_send_s:
                    writer.cancel()
                    self._end(session, SLOW_CONSUMER, "slow_consumer")
                elif not session.may_stay():
                    self._end(session, KEY_GONE, "key_gone")
                elif session.idle_s() > settings.ws_logon_s:
                    self._end(session, NO_PURPOSE, "no_logon")

    def _may_not_stay(self, gone: Caller) -> None:
        """A person's session was ended, or a key revoked or replaced: its connections end with it, without waiting to be found."""
        for session in self._sessions:
            if session.caller is not None and session.caller.caller_id == gone.caller_id:
                session.leave()
                self._end(session, KEY_GONE, "key_gone")

    def _on_commit(self, entries: Sequence[Entry]) -> None:
        """Whoever may not act for an account any more is told no more of it; the views know already."""
        ended = any(isinstance(event, MandateEnded) for entry in entries for event in entry.events)
        for session in self._sessions if ended else ():
            if not session.may_follow():
                session.leave()
                self._end(session, KEY_GONE, "key_gone")

    def _end(self, session: Session, code: int, why: str) -> None:
        """Close a connection, once, without waiting for it."""
        if session in self._closing:
            return
        self.services.metrics.stream.closed.labels(why).inc()
        task = self._closing[session] = asyncio.create_task(_close(session.socket, code, why))
        task.add_done_callback(lambda _: self._closing.pop(session))


async def _tell_lost(guard: ConnectionGuard) -> None:
    with contextlib.suppress(Stopped):  # the next start finds the connection watched
        await guard.end()


def _bound_kernel_buffer(request: web.Request) -> None:
    """Keep the kernel from buffering megabytes for a client that does not read; it should show as slow instead."""
    tcp = None if request.transport is None else request.transport.get_extra_info("socket")
    if tcp is not None:
        tcp.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)


async def _close(socket: web.WebSocketResponse, code: int, why: str) -> None:
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(CLOSE_S):
            await socket.close(code=code, message=why.encode())
