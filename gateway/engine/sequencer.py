"""The single writer: every command in the exchange passes here, one after the other.

It takes what has arrived since the last batch, stamps each command with its place and time, has the core decide,
makes the batch durable, and only then lets anybody know. While one batch commits the next one collects.

When the core fails an assertion or the journal cannot append, memory and disk may differ and the disk is right: the
sequencer stops for good, and whoever runs it has to end the process.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Literal, Protocol, TypeAlias

import structlog

from gateway.engine.clock import Clock
from gateway.engine.entry import AccountEvent, AskedAs, Entry
from gateway.request_ids import SERVING
from matching.commands import Command
from matching.events import Event
from matching.state import Stamp

QUEUE_LIMIT: Final = 5_000
"""Commands that may wait."""
BATCH_LIMIT: Final = 256
"""Commands in one transaction: more gain little and let everybody wait."""

_log: Final = structlog.get_logger("sequencer")
_lines: Final = logging.getLogger("sequencer")
"""Asked whether a line would be written at all: one for every command is for debugging."""

State: TypeAlias = Literal["not_accepted", "unknown"]
"""What is known of a command when the exchange stops: never decided, or perhaps durable."""

CommitListener: TypeAlias = Callable[[Sequence[Entry]], None]
AccountEventListener: TypeAlias = Callable[[Sequence[AccountEvent]], None]
AfterBatch: TypeAlias = Callable[[Sequence[Entry]], Awaitable[None]]


class Overloaded(Exception):  # noqa: N818 - it states a fact
    """Too many commands wait; this one was not taken. It may be sent again a little later."""


class TooLate(Exception):  # noqa: N818 - it states a fact
    """The command's turn came after its deadline: it was not decided, and never will be."""

    def __init__(self, at_ns: int) -> None:
        """`at_ns` is when its turn came."""
        super().__init__("the deadline has passed")
        self.at_ns = at_ns


class Stopped(Exception):  # noqa: N818 - it states a fact
    """No commands are taken any more."""

    def __init__(self, state: State, why: str) -> None:
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


Told: TypeAlias = Callable[[Entry | TooLate | Stopped], None]
"""What is called with what became of a command, once. It does no more than note it, and never raises."""

Waiting: TypeAlias = tuple[Command, Told, int | None, str, AskedAs | None]
"""A command, who is told, until when it may be decided, which request it is from, and under which id it was asked for."""


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

    async def submit(
        self, command: Command, *, deadline_ns: int | None = None, asked_as: AskedAs | None = None
    ) -> Entry:
        """Have a command decided. Returns only after the commit, whatever the decision.

        A caller who is cancelled takes nothing back: the command is decided all the same. The deadline is of commands
        that carry none themselves. Under which id an act was asked for is written with its entry.

        Raises Overloaded (not taken), TooLate (nor that) and Stopped (its `state` says whether it may have been taken).
        """
        future: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self.hand_in(command, partial(_settle, future), deadline_ns=deadline_ns, asked_as=asked_as)
        return await future

    def hand_in(
        self,
        command: Command,
        tell: Told,
        *,
        deadline_ns: int | None = None,
        asked_as: AskedAs | None = None,
    ) -> None:
        """Have a command decided without waiting for it; `tell` is called after the commit.

        Raises Overloaded, and Stopped where no commands are taken; nothing is told then.
        """
        if not self._open:
            raise Stopped("not_accepted", "the exchange takes no commands at the moment")
        if len(self._queue) >= self._queue_limit:
            raise Overloaded(f"{self._queue_limit} commands are waiting already")
        self._queue.append((command, tell, deadline_ns, SERVING.get(), asked_as))
        self._arrived.set()

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
        taken = [queue.popleft() for _ in range(min(len(queue), self._batch_limit))]
        at_ns = max(self._journal.at_ns, self._clock.now_ns())
        batch = [waiting for waiting in taken if _is_in_time(waiting, at_ns)]
        if not batch:
            self._deciding = False
            return
        entries: list[Entry] = []
        sent = False
        try:
            self._decide(batch, entries, at_ns)
            sent = True
            account_events = await self._journal.append(entries)
            for listener in self._listeners:
                listener(entries)
            for follow in self._account_event_listeners:
                follow(account_events)
        except BaseException:
            state: State = "unknown" if sent else "not_accepted"
            _tell_lost(batch, entries, state)
            _refuse(batch, state, "the exchange has stopped")
            raise
        if _lines.isEnabledFor(logging.DEBUG):
            _tell_decided(entries)
        for (_, tell, _, _, _), entry in zip(batch, entries, strict=True):
            tell(entry)
        self._deciding = False
        if self._after_batch is not None:
            await self._after_batch(entries)

    def _decide(self, batch: Sequence[Waiting], entries: list[Entry], at_ns: int) -> None:
        seq = self._journal.position
        apply = self._exchange.apply
        for command, _, _, request_id, asked_as in batch:
            seq += 1
            events = apply(command, Stamp(seq=seq, at_ns=at_ns))
            entries.append(Entry(seq, at_ns, command, events, request_id, asked_as))

    def _close(self) -> None:
        self._open = False
        _refuse(self._queue, "not_accepted", "the exchange has stopped")
        self._queue.clear()
        self._stopped.set()


def _is_in_time(waiting: Waiting, at_ns: int) -> bool:
    _, tell, deadline_ns, _, _ = waiting
    if deadline_ns is None or at_ns <= deadline_ns:
        return True
    tell(TooLate(at_ns))
    return False


def _tell_decided(entries: Sequence[Entry]) -> None:
    for entry in entries:
        kind = type(entry.command).__name__
        _log.debug("decided", seq=entry.seq, command=kind, request_id=entry.request_id or None)


def _tell_lost(batch: Sequence[Waiting], entries: Sequence[Entry], state: State) -> None:
    """Whose requests end with the process, and under which numbers they would be in the journal."""
    first = entries[0].seq if entries else None
    requests = [request_id for _, _, _, request_id, _ in batch if request_id]
    _log.error("batch_lost", state=state, first_seq=first, commands=len(batch), request_ids=requests)


def _refuse(batch: Sequence[Waiting], state: State, why: str) -> None:
    for _, tell, _, _, _ in batch:
        tell(Stopped(state, why))


def _settle(future: "asyncio.Future[Entry]", outcome: Entry | TooLate | Stopped) -> None:
    if future.done():
        return  # whoever waited has gone
    if isinstance(outcome, Entry):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)
