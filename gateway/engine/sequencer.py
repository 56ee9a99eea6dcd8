"""The single writer: every command in the exchange passes here, one after the other.

It takes what has arrived since the last batch, stamps each command with its place and time, has the core decide,
makes the batch durable, and only then lets anybody know. While one batch commits the next one collects.

When the core fails an assertion or the journal cannot append, memory and disk may differ and the disk is right: the
sequencer stops for good, and whoever runs it has to end the process.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal, Protocol, TypeAlias

from gateway.engine.clock import Clock
from gateway.engine.entry import AccountEvent, Entry
from matching.commands import Command
from matching.events import Event
from matching.state import Stamp

QUEUE_LIMIT: Final = 5_000
"""Commands that may wait."""
BATCH_LIMIT: Final = 256
"""Commands in one transaction: more gain little and let everybody wait."""

CommitListener: TypeAlias = Callable[[Sequence[Entry]], None]
AccountEventListener: TypeAlias = Callable[[Sequence[AccountEvent]], None]
AfterBatch: TypeAlias = Callable[[Sequence[Entry]], Awaitable[None]]


class Overloaded(Exception):  # noqa: N818 - it states a fact
    """Too many commands wait; this one was not taken. It may be sent again a little later."""


class Stopped(Exception):  # noqa: N818 - it states a fact
    """No commands are taken any more."""

    def __init__(self, state: Literal["not_accepted", "unknown"], why: str) -> None:
        """`unknown` when the command may have become durable, which the next start will tell."""
        super().__init__(why)
        self.state = state


class Core(Protocol):
    """What the sequencer asks of the exchange."""

    def apply(self, command: Command, stamp: Stamp) -> tuple[Event, ...]:
        """Decide one command."""
        ...


class Appender(Protocol):
    """What the sequencer asks of the journal."""

    @property
    def position(self) -> int:
        """Sequence number of the last durable entry."""
        ...

    @property
    def at_ns(self) -> int:
        """Time of the last durable entry."""
        ...

    async def append(self, entries: Sequence[Entry]) -> Sequence[AccountEvent]:
        """Make entries durable."""
        ...


Waiting: TypeAlias = "tuple[Command, asyncio.Future[Entry]]"


class Sequencer:
    """Takes commands from everybody, decides them one by one, answers when they are durable."""

    def __init__(
        self,
        exchange: Core,
        journal: Appender,
        clock: Clock,
        *,
        queue_limit: int = QUEUE_LIMIT,
        batch_limit: int = BATCH_LIMIT,
        after_batch: AfterBatch | None = None,
    ) -> None:
        """Closed until `run`.

        `after_batch` is awaited after the replies of each batch and once at the end: snapshots are taken there.
        """
        self._exchange = exchange
        self._journal = journal
        self._clock = clock
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._after_batch = after_batch
        self._queue: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._stopped = asyncio.Event()
        self._listeners: list[CommitListener] = []
        self._account_event_listeners: list[AccountEventListener] = []
        self._open = False
        self._running = False
        self._deciding = False
        self._draining = False
        self._lost: Exception | None = None
        self.failure: BaseException | None = None
        """What stopped it, when it did not stop by `drain`."""

    @property
    def is_open(self) -> bool:
        """Whether commands are taken."""
        return self._open

    @property
    def queue_depth(self) -> int:
        """Commands waiting for their batch."""
        return len(self._queue)

    @property
    def is_idle(self) -> bool:
        """Whether all that was ever submitted is durable and told; never again after a failure."""
        return not self._queue and not self._deciding

    @property
    def position(self) -> int:
        """Sequence number of the last durable command."""
        return self._journal.position

    async def submit(self, command: Command) -> Entry:
        """Have a command decided. Returns only after the commit, whatever the decision.

        A caller who is cancelled takes nothing back: the command is decided all the same.

        Raises Overloaded (not taken) and Stopped (its `state` says whether it may have been taken).
        """
        if not self._open:
            raise Stopped("not_accepted", "the exchange takes no commands at the moment")
        if len(self._queue) >= self._queue_limit:
            raise Overloaded(f"{self._queue_limit} commands are waiting already")
        future: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._queue.append((command, future))
        self._arrived.set()
        return await future

    def on_commit(self, listener: CommitListener) -> None:
        """Call the listener with every committed batch, in order, before the replies are released."""
        self._listeners.append(listener)

    def on_account_events(self, listener: AccountEventListener) -> None:
        """Call the listener with every committed batch's account events, after the commit listeners."""
        self._account_event_listeners.append(listener)

    async def run(self) -> None:
        """Take commands until `drain`, or until something fails, which is raised."""
        self._open = self._running = True
        try:
            while await self._has_work():
                await self._run_batch()
            if self._after_batch is not None:
                await self._after_batch(())
        except BaseException as error:
            self.failure = error
            raise
        finally:
            self._close()

    async def drain(self) -> None:
        """Take no more commands, finish those taken, and return when `run` is done."""
        self._open = False
        self._draining = True
        self._arrived.set()
        if self._running:
            await self._stopped.wait()

    def lose(self, error: Exception) -> None:
        """What it writes to is gone: take no more commands, and let `run` raise this, as after a failed append."""
        self._open = False
        self._lost = self._lost or error
        self._arrived.set()

    async def stopped(self) -> None:
        """Return when no command will ever be decided again; `failure` says why, if not for `drain`."""
        await self._stopped.wait()

    async def _has_work(self) -> bool:
        while self._lost is None:
            if self._queue:
                return True
            if self._draining:
                return False
            self._arrived.clear()
            await self._arrived.wait()
        raise self._lost

    async def _run_batch(self) -> None:
        queue = self._queue
        self._deciding = True
        batch = [queue.popleft() for _ in range(min(len(queue), self._batch_limit))]
        entries: list[Entry] = []
        sent = False
        try:
            self._decide(batch, entries)
            sent = True
            account_events = await self._journal.append(entries)
            for listener in self._listeners:
                listener(entries)
            for tell in self._account_event_listeners:
                tell(account_events)
        except BaseException:
            _refuse(batch, "unknown" if sent else "not_accepted", "the exchange has stopped")
            raise
        for (_, future), entry in zip(batch, entries, strict=True):
            if not future.done():
                future.set_result(entry)
        self._deciding = False
        if self._after_batch is not None:
            await self._after_batch(entries)

    def _decide(self, batch: Sequence[Waiting], entries: list[Entry]) -> None:
        seq, at_ns = self._journal.position, max(self._journal.at_ns, self._clock.now_ns())
        apply = self._exchange.apply
        for command, _ in batch:
            seq += 1
            entries.append(Entry(seq, at_ns, command, apply(command, Stamp(seq=seq, at_ns=at_ns))))

    def _close(self) -> None:
        self._open = False
        _refuse(self._queue, "not_accepted", "the exchange has stopped")
        self._queue.clear()
        self._stopped.set()


def _refuse(batch: Sequence[Waiting], state: Literal["not_accepted", "unknown"], why: str) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(Stopped(state, why))
