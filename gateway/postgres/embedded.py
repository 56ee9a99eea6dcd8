"""A private PostgreSQL that lives and dies with the process that starts it.

The server is a direct child in a session of its own (a terminal's Ctrl-C does not reach it), listens on a unix
socket in a private directory and nowhere else, and is told by the kernel when its owner dies. Durability is not
negotiable: fsync, full page writes and synchronous commit are given on the command line, where no file and no
`ALTER SYSTEM` can take them back.

What may happen, and what is done about it:

- the owner is killed: PostgreSQL shuts down cleanly by itself; the next start waits for it, however long;
- PostgreSQL is killed: `wait_lost` tells the owner, who stops; the next start recovers, and shows progress;
- the machine is cut off: the same as the last;
- two owners: the second is refused.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import asyncpg

from gateway.postgres import launch
from gateway.postgres.binaries import STATE_DIRECTORY, Binaries, ServerUser, find_binaries, server_user
from gateway.postgres.cluster import (
    SUPERUSER,
    DataDirectory,
    check_version,
    clear_stale_pid_file,
    cluster_name,
    initialise,
    recorded_pid,
    server_environment,
    server_processes,
    try_lock,
    write_authentication,
)
from gateway.postgres.errors import StartFailedError
from gateway.postgres.server_log import ServerLog

FAST_STOP_LIMIT_S = 60
"""How long a fast shutdown (with its checkpoint) may take before an immediate one, which costs a recovery."""

QUIT_LIMIT_S = 10
"""How long an immediate shutdown may take before the server is killed."""

CONNECT_TIMEOUT_S = 5
PROGRESS_INTERVAL_S = 2
LOG_CHECK_INTERVAL_S = 5

Progress = Callable[[str], None]
"""Told, in a sentence, what a long start is waiting for."""


def say_nothing(message: str) -> None:
    """Take a progress message and drop it."""


class EmbeddedPostgres:
    """One private server on one data directory. Use from one event loop, in a thread that outlives the server.

    (The kernel ties the server to the *thread* that starts it.)

    Attributes:
        data_directory: where everything of it lies; see `gateway.postgres.cluster`.
    """

    def __init__(
        self,
        data_directory: Path,
        *,
        progress: Progress = say_nothing,
        state_directory: Path = STATE_DIRECTORY,
    ) -> None:
        self.data_directory = data_directory
        self._progress = progress
        self._state_directory = state_directory
        self._directory = DataDirectory(data_directory)
        self._log = ServerLog(self._directory.log)
        self._held = contextlib.ExitStack()
        self._running: _Running | None = None

    @property
    def dsn(self) -> str:
        """Connects this process's user to database `postgres` as the superuser. Only while running."""
        return self._require_running().dsn

    @property
    def pid(self) -> int:
        """The server process (the postmaster). Only while running."""
        return self._require_running().process.pid

    @property
    def log_path(self) -> Path:
        """The server's log."""
        return self._directory.log

    async def start(self) -> None:
        """Start the server, making the cluster if there is none, and return once it takes connections.

        No time limit holds while the server is alive: a recovery takes as long as it takes.

        Raises:
            PostgresError: any of its kinds, with what to do.
        """
        assert self._running is None, "already started"
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        self._directory.create()
        self._held.enter_context(self._directory.owned())
        user = server_user(self._directory.cluster)
        binaries = await asyncio.to_thread(find_binaries, user, self._state_directory)
        server_lock = self._directory.open_server_lock()
        try:
            await self._wait_for_previous_server(server_lock)
            await self._prepare_cluster(binaries, user, server_lock)
            socket_directory = self._directory.make_socket_directory(user)
            self._held.callback(self._directory.remove_socket_directory)
            process = self._spawn(binaries, user, socket_directory, server_lock)
        finally:
            os.close(server_lock)
        self._running = _Running(process=process, dsn=_dsn_of(socket_directory), log=self._log)
        await self._wait_until_ready(self._running)

    async def _prepare_cluster(self, binaries: Binaries, user: ServerUser, server_lock: int) -> None:
        cluster = self._directory.cluster
        if not cluster.exists():
            self._progress(f"Making a PostgreSQL {binaries.version} cluster in {cluster} as user {user.name}")
            await asyncio.to_thread(initialise, self._directory, binaries, user, server_lock)
        check_version(cluster, binaries)
        clear_stale_pid_file(cluster, user)
        write_authentication(cluster, user)

    async def _wait_for_previous_server(self, server_lock: int) -> None:
        """Wait until no process of an earlier server is left.

        The kernel told it to shut down when its owner died. Should that not have reached it, we tell it again;
        children without a postmaster end by themselves or, at last, by SIGQUIT.
        """
        began_s = said_s = time.monotonic()
        told = quit_told = False
        while not try_lock(server_lock):
            waited_s = time.monotonic() - began_s
            if waited_s > PROGRESS_INTERVAL_S and not told:
                told = True
                self._signal_previous_postmaster()
            if waited_s > FAST_STOP_LIMIT_S and not quit_told:
                quit_told = True
                _signal_all(server_processes(self._directory.cluster), signal.SIGQUIT)
            if time.monotonic() - said_s >= PROGRESS_INTERVAL_S:
                said_s = time.monotonic()
                self._progress(f"Waiting for the previous PostgreSQL to shut down ({waited_s:.0f} s)")
            await asyncio.sleep(0.02)

    def _signal_previous_postmaster(self) -> None:
        # Its children take SIGINT for other things, so it alone may be sent that.
        cluster = self._directory.cluster
        _signal_all(server_processes(cluster) & {recorded_pid(cluster)}, signal.SIGINT)

    def _spawn(
        self, binaries: Binaries, user: ServerUser, socket_directory: Path, server_lock: int
    ) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self._directory.socket_argument(socket_directory),
            "unix_socket_permissions": "0700",
            "port": "5432",
            "cluster_name": cluster_name(self._directory.cluster),
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "logging_collector": "off",
            "log_destination": "stderr",
        }
        log = self._log.open()
        try:
            return subprocess.Popen(  # noqa: S603  # our own program and arguments
                [
                    *(sys.executable, "-I", "-S", launch.__file__),
                    *(str(number) for number in (os.getpid(), user.uid, user.gid)),
                    *(str(binaries.program("postgres")), "-D", self._directory.data_argument(user)),
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                cwd=self._directory.cluster,
                env=server_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                umask=0o077,
                pass_fds=(server_lock,),
                start_new_session=True,
            )
        finally:
            os.close(log)

    async def _wait_until_ready(self, running: "_Running") -> None:
        began_s = said_s = time.monotonic()
        while not await _accepts_connections(running.dsn):
            if running.exited.done():
                raise StartFailedError(
                    f"PostgreSQL ended with status {running.exited.result()} before it was ready; "
                    f"the end of {self._log.path}:\n{self._log.last_lines()}"
                )
            if time.monotonic() - said_s >= PROGRESS_INTERVAL_S:
                said_s = time.monotonic()
                self._progress(
                    f"Waiting for PostgreSQL to be ready ({said_s - began_s:.0f} s): {self._log.last_lines(1)}"
                )
            await asyncio.wait({running.exited}, timeout=0.02)

    async def wait_lost(self) -> int:
        """Wait for the server to end without having been asked to.

        A server that is stopped is not lost: the wait then goes on until it is cancelled.

        Returns:
            Its exit status; a negative one is the number of the signal that killed it.
        """
        return await asyncio.shield(self._require_running().lost)

    async def stop(self) -> None:
        """Shut the server down and let go of the data directory. Does nothing when not running."""
        running, self._running = self._running, None
        try:
            if running is not None:
                await running.stop()
                await self._wait_for_stragglers()
        finally:
            self._held.close()

    async def _wait_for_stragglers(self) -> None:
        """Wait for the children of a postmaster that was killed; after a shutdown there are none."""
        server_lock = self._directory.open_server_lock()
        deadline_s = time.monotonic() + QUIT_LIMIT_S
        try:
            while not try_lock(server_lock):
                if time.monotonic() > deadline_s:
                    _signal_all(server_processes(self._directory.cluster), signal.SIGQUIT)
                    deadline_s += QUIT_LIMIT_S
                await asyncio.sleep(0.01)
        finally:
            os.close(server_lock)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _require_running(self) -> "_Running":
        assert self._running is not None, "not started"
        return self._running


class _Running:
    """A server process and what hangs on it: its exit, told to the event loop, and the bound on its log."""

    def __init__(self, *, process: subprocess.Popen[bytes], dsn: str, log: ServerLog) -> None:
        self.process = process
        self.dsn = dsn
        self._stopping = False
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = self._loop.create_future()
        self.lost: asyncio.Future[int] = self._loop.create_future()
        # A thread, since pidfds are younger than some of the kernels this has to run on.
        threading.Thread(target=self._reap, name="postgres-exit", daemon=True).start()
        self._log_keeper = asyncio.create_task(_bound_log(log), name="postgres-log")

    def _reap(self) -> None:
        status = self.process.wait()
        # A closed loop has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._note_exit, status)

    def _note_exit(self, status: int) -> None:
        self.exited.set_result(status)
        if not self._stopping:
            self.lost.set_result(status)

    async def stop(self) -> None:
        """Fast shutdown; then, each after its time, an immediate one and a kill.

        A server that recovers, because it has only begun or one of its processes has died, may wait for itself when it is told
        to shut down fast; it is stopped at once. What it has acknowledged is in its log, and recovered at the next start.
        """
        self._stopping = True
        steps = [(signal.SIGINT, FAST_STOP_LIMIT_S), (signal.SIGQUIT, QUIT_LIMIT_S)]
        if not self.exited.done() and await _recovers(self.dsn):
            del steps[0]
        for number, limit_s in steps:
            if not self.exited.done():
                self.process.send_signal(number)
                await asyncio.wait({self.exited}, timeout=limit_s)
        if not self.exited.done():
            self.process.kill()
            await self.exited
        self._log_keeper.cancel()
        await asyncio.wait({self._log_keeper})
        if not self._log_keeper.cancelled():
            self._log_keeper.result()


async def _bound_log(log: ServerLog) -> None:
    while True:
        await asyncio.sleep(LOG_CHECK_INTERVAL_S)
        log.bound()


async def _accepts_connections(dsn: str) -> bool:
    """Whether a real connection can be made; being a server that still starts up is the only excuse."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
        return False
    await connection.close()
    return True


async def _recovers(dsn: str) -> bool:
    """Whether a server says that it cannot take anybody in yet."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    except asyncpg.CannotConnectNowError:
        return True
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False  # gone, deaf, or full: told to shut down as any other
    connection.terminate()
    return False


def running_dsn(data_directory: Path) -> str:
    """The DSN of the server that another process of the same user runs in that directory."""
    return _dsn_of(DataDirectory(data_directory).current_socket_directory())


def _dsn_of(socket_directory: Path) -> str:
    return f"postgresql://{SUPERUSER}@/postgres?host={quote(str(socket_directory), safe='/')}"


def _signal_all(pids: frozenset[int], number: signal.Signals) -> None:
    for pid in pids:
        # It may be gone since it was seen.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
