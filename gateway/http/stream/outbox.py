"""What waits to be sent to one client: a bounded queue with its own writer, so that nobody waits for a slow reader.

Some pushes only matter in their newest state (depth, ticker, status). When the queue is long those are left out, and
once it has drained, one snapshot each makes good for what was left out. Everything else is sent or the connection
ends: a full queue, or a send that gets nowhere, closes it with a code that says so. Texts are shared between clients,
so a long queue costs little more than its length. An answer that has nothing to wait for, neither what was queued before
it nor the client, is sent where it is made: its writer need not be woken.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import web

SLOW_CONSUMER: Final = 4008
"""Close code: the client took what was sent too slowly."""
TURN: Final = 50
"""Messages sent in one go before others get their turn."""
NO_PURPOSE: Final = 4002
"""Close code: it has neither logged on nor subscribed to anything for too long."""
KEY_GONE: Final = 4001
"""Close code: the key this connection logged on with was revoked, or has expired."""


class Topic(Protocol):
    """A push whose newest state stands for all before it."""

    def snapshot(self) -> str:
        """The state now, as a message."""
        ...


class Outbox:
    """The sending side of one connection."""

    __slots__ = (
        "_arrived",
        "_conflate_at",
        "_is_paused",
        "_limit",
        "_on_conflated",
        "_queue",
        "_room",
        "_sending_since_s",
        "_socket",
        "_stale",
        "overflowed",
    )

    def __init__(
        self,
        socket: web.WebSocketResponse,
        *,
        is_paused: Callable[[], bool],
        limit: int,
        conflate_at: int,
        on_conflated: Callable[[], None],
    ) -> None:
        """Nothing waiting; at most `limit` messages ever will, and topics are left out from `conflate_at` on.

        `is_paused` says whether what was sent is still to be taken by the client.
        """
        self._socket = socket
        self._is_paused = is_paused
        self._limit = limit
        self._conflate_at = conflate_at
        self._on_conflated = on_conflated
        self._queue: deque[str] = deque()
        self._stale: dict[Topic, None] = {}
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._sending_since_s: float | None = None
        self.overflowed = False
        """Whether something that must not be left out had no room; the connection is then to be closed."""

    def send(self, text: str) -> None:
        """Queue a message that must not be left out."""
        if len(self._queue) >= self._limit:
            self.overflowed = True
        else:
            self._queue.append(text)
        self._arrived.set()

    def answer(self, text: str) -> None:
        """Send a message that must not be left out, at once where nothing stands before it."""
        if self._queue or self._sending_since_s is not None or self._is_paused() or self._socket.closed:
            self.send(text)
            return
        sending = self._socket.send_str(text)
        try:
            sending.send(None)
        except (StopIteration, ConnectionError):
            return  # it is sent; or the client is gone, which the reader sees too
        sending.close()  # it is sent all the same: it would wait, as what comes next will, for the client to take it

    def push(self, topic: Topic, text: str) -> None:
        """Queue news of a topic, or leave it out and remember to send a snapshot later."""
        if topic in self._stale:
            self._on_conflated()
        elif len(self._queue) >= self._conflate_at:
            self._stale[topic] = None
            self._on_conflated()
        else:
            self._queue.append(text)
            self._arrived.set()

    def refresh(self, topic: Topic) -> None:
        """Send a snapshot of the topic, now or as soon as there is room."""
        self._stale.pop(topic, None)
        if len(self._queue) >= self._conflate_at:
            self._stale[topic] = None
        else:
            self._queue.append(topic.snapshot())
        self._arrived.set()

    def forget(self, topic: Topic) -> None:
        """Owe no snapshot of that topic any more."""
        self._stale.pop(topic, None)

    def __len__(self) -> int:
        """Messages waiting."""
        return len(self._queue)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._queue and self._sending_since_s is None

    async def room(self) -> None:
        """Wait until the queue is short: for whoever has much to send and can wait."""
        while len(self._queue) >= self._conflate_at:
            self._room.clear()
            await self._room.wait()

    def stuck_s(self) -> float:
        """For how long the present send has got nowhere; zero when none is under way."""
        since_s = self._sending_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    async def run(self) -> None:
        """Send what is queued until cancelled, until the queue overflows, or until the connection is gone."""
        queue, socket = self._queue, self._socket
        sent = 0
        while not self.overflowed and not socket.closed:
            if not queue:
                self._make_good()
            if not queue:
                self._arrived.clear()
                self._room.set()
                await self._arrived.wait()
                continue
            self._sending_since_s = time.monotonic()
            await socket.send_str(queue.popleft())
            self._sending_since_s = None
            sent += 1
            if sent % TURN == 0:
                await asyncio.sleep(0)
            if len(queue) < self._conflate_at:
                self._room.set()

    def _make_good(self) -> None:
        while self._stale and len(self._queue) < self._conflate_at:
            topic = next(iter(self._stale))
            del self._stale[topic]
            self._queue.append(topic.snapshot())
