"""How a server process lives: until a signal asks it to stop, or something it cannot be without is gone."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.faults import ServiceLost
from gateway.postgres.embedded import EmbeddedPostgres

log = structlog.get_logger("lifetime")

Say = Callable[[str], None]
"""Tells the person who started the process, in a sentence."""


GC_THRESHOLDS: Final = (50_000, 20, 100)
"""New objects until the youngest, the middle and the oldest generation are searched for unreachable cycles."""


def settle_memory() -> None:
    """Spare what is there for good from the search for unreachable cycles; for when a server is ready to serve.

    An exchange keeps what it makes (orders, client ids, events under way), and nearly all else is freed by counting
    references alone. Python's own thresholds search all of it again and again: a third of the time of every order,
    and pauses of a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class Lifetime:
    """Background work of a process, and its end."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._stop = asyncio.Event()
        self._starting: asyncio.Task[Any] | None = None
        self._lost: asyncio.Task[Any] | None = None
        self._needed: dict[asyncio.Task[Any], str] = {}

    def listen(self, stack: AsyncExitStack) -> None:
        """Let SIGINT and SIGTERM cancel a start under way, or end `last`, until the stack has unwound.

        Once asked, asking again changes nothing: what is being stopped is stopped in order.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_stop)
            stack.callback(loop.remove_signal_handler, number)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """While this lasts, a signal or the end of anything needed cancels what is being waited for.

        Raises:
            ServiceLost: something needed ended.
        """
        self._starting = asyncio.current_task()
        try:
            yield
        except asyncio.CancelledError:
            if self._lost is None:
                raise
            raise self._fault_of(self._lost) from self._lost.exception()
        finally:
            self._starting = None

    def _asked_to_stop(self) -> None:
        starting, self._starting = self._starting, None
        self._stop.set()
        if starting is not None:
            starting.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Do not wait any longer for a start that cannot succeed."""
        if self._starting is not None and not task.cancelled():
            starting, self._starting, self._lost = self._starting, None, task
            starting.cancel()

    def _fault_of(self, task: asyncio.Task[Any]) -> ServiceLost:
        fault = task.exception()
        if fault is not None and not isinstance(fault, ServiceLost):
            # Whoever mends it needs more than the sentence the operator gets.
            log.critical("stopped_by_fault", what=self._needed[task], exc_info=fault)
        told = "ended" if fault is None else str(fault) or type(fault).__name__
        return ServiceLost(f"{self._needed[task]}: {told}")

    def run(self, stack: AsyncExitStack, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something the process cannot be without; it is cancelled when the stack unwinds to here."""
        task = asyncio.create_task(work, name=name)
        self._needed[task] = name
        task.add_done_callback(self._ended)
        stack.push_async_callback(_end, task)
        return task

    async def last(self) -> None:
        """Return when a signal asks to stop.

        Raises:
            ServiceLost: something needed ended first; its own error is the cause.
        """
        stop = asyncio.create_task(self._stop.wait())
        try:
            while not stop.done():
                # What was cancelled has no fault of its own: it was told to end by something that is about to.
                needed = {task for task in self._needed if not task.cancelled()}
                done, _ = await asyncio.wait({stop, *needed}, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {stop}:
                    if not task.cancelled():
                        raise self._fault_of(task) from task.exception()
        finally:
            stop.cancel()


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancel and wait. How it ended was told by `last`, or does not matter any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


@asynccontextmanager
async def postgres(
    lifetime: Lifetime, data_directory: Path, database_url: str | None, say: Say
) -> AsyncIterator[str]:
    """A DSN: the one given, or that of a private server, which the process cannot be without."""
    if database_url is not None:
        yield database_url
        return
    server = EmbeddedPostgres(data_directory, progress=say)
    async with server, AsyncExitStack() as stack:
        lifetime.run(stack, "PostgreSQL", _lost(server))
        yield server.dsn


async def _lost(server: EmbeddedPostgres) -> None:
    status = await server.wait_lost()
    raise ServiceLost(f"ended with status {status}; see {server.log_path}")
