"""The port the public comes through: taken before anything is started, opened when all is ready."""

import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aiohttp import web

from gateway.config import SettingsFault
from gateway.http.door.starting import WaitingRoom
from gateway.roles import Role

BACKLOG: Final = 1_024
"""Connections the system keeps until they are taken."""
OWN_FILES: Final = 512
"""What the process may have open beside the public's connections."""
SHUTDOWN_S: Final = 5
"""How long requests under way may take when the exchange stops."""


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port at once, so that a taken one is told before anything is started; connections wait meanwhile."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        why = error.strerror
        setting = "host" if isinstance(error, socket.gaierror) else "port"
        raise SettingsFault(
            f"cannot listen on {host} port {port}: {why}",
            f"无法在 {host} 端口 {port} 监听: {why}",
            setting=setting,
        ) from None
    with door:
        yield door


def url_of(door: socket.socket) -> str:
    """The address to reach it by."""
    host, port = door.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_room(connections: int) -> None:
    """See to it that so many connections can be open beside our own files; a process starts with room for few.

    Raises:
        SettingsFault: the system does not allow it.
    """
    needed = connections + OWN_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise SettingsFault(
                f"limit connections={connections} needs {needed} open files, and this process may have {hard}",
                f"limit connections={connections} 需 {needed} 个打开文件, 而本进程至多 {hard}",
                setting="limit",
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


@asynccontextmanager
async def waiting_room(door: socket.socket, role: Role = Role.ALL) -> AsyncIterator[WaitingRoom]:
    """Tell whoever comes while the exchange starts that it does, instead of letting them wait.

    At the end the same port is free for `open_door`; whoever comes in between waits for a moment.
    """
    room = WaitingRoom(role)
    runner = web.AppRunner(room.app(), access_log=None, shutdown_timeout=1, auto_decompress=False)
    await runner.setup()
    try:
        await web.SockSite(runner, door.dup(), backlog=BACKLOG).start()
        yield room
    finally:
        await runner.cleanup()


@asynccontextmanager
async def open_door(door: socket.socket, runner: web.AppRunner) -> AsyncIterator[None]:
    """Let the public in. At the end: no new connection, and those there are may finish within bounds."""
    await runner.setup()
    try:
        await web.SockSite(runner, door, backlog=BACKLOG).start()
        yield
    finally:
        await runner.cleanup()
