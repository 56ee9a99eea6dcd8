"""HTTP by hand: whatever bytes a test likes, over a socket of its own, and what comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

PATIENCE_S = 15


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    """One answer, taken apart."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        """Of a refusal, which must be a problem document whatever was sent."""
        assert self.headers["content-type"].startswith("application/problem+json"), self.body
        problem = self.json
        assert problem["status"] == self.status
        assert problem["request_id"] == self.headers["x-request-id"]
        return str(problem["code"])


class RawConnection:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes | str) -> None:
        for part in parts:
            self.writer.write(part if isinstance(part, bytes) else part.encode())
        await self.writer.drain()

    async def answer(self) -> RawAnswer:
        """The next whole answer. Raises IncompleteReadError, or ConnectionError, when there comes none."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return RawAnswer(status=int(first.split(" ")[1]), headers=headers, body=body)

    async def ends(self) -> None:
        """Return when the other side has closed; fails when it says anything more."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                said = await self.reader.read(1)
            except ConnectionError:
                return
        assert not said, said


@asynccontextmanager
async def raw(url: str) -> AsyncIterator[RawConnection]:
    """A connection to the exchange at that address."""
    host, _, port = url.partition("//")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()


async def ask(url: str, *parts: bytes | str) -> RawAnswer:
    """Send that on a connection of its own: the first answer."""
    async with raw(url) as connection:
        with contextlib.suppress(ConnectionError):  # it may have been answered before all is sent
            await connection.send(*parts)
        return await connection.answer()
