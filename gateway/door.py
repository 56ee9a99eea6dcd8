"""The port the public comes through: taken before anything is started, opened when all is ready."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aiohttp import web

from gateway.config import SettingsFault
from gateway.http.starting import starting_app

SHUTDOWN_S: Final = 5
"""How long requests under way may take when the exchange stops."""


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port at once, so that a taken one is told before anything is started; connections wait meanwhile."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server((host, port), family=family, backlog=1_024)
    except OSError as error:
        raise SettingsFault(f"cannot listen on {host} port {port}: {error.strerror}") from None
    with door:
        yield door


def url_of(door: socket.socket) -> str:
    """The address to reach it by."""
    host, port = door.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def waiting_room(door: socket.socket) -> AsyncIterator[None]:
    """Tell whoever comes while the exchange starts that it does, instead of letting them wait.

    At the end the same port is free for `open_door`; whoever comes in between waits for a moment.
    """
    runner = web.AppRunner(starting_app(), access_log=None, shutdown_timeout=1, auto_decompress=False)
    await runner.setup()
    try:
        await web.SockSite(runner, door.dup()).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def open_door(door: socket.socket, app: web.Application) -> AsyncIterator[None]:
    """Let the public in. At the end: no new connection, and those there are may finish within bounds."""
    # A body is never unpacked: one with a content encoding is refused unread, whatever it would unpack to.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, auto_decompress=False)
    await runner.setup()
    try:
        await web.SockSite(runner, door).start()
        yield
    finally:
        await runner.cleanup()
