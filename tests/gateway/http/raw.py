"""HTTP by hand: whatever bytes a test likes, over a socket of its own, and what comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
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

    async def pour(self, parts: Iterable[bytes], *, pause_s: float = 0) -> RawAnswer:
        """The answer to all of these, or to as many as it takes."""
        answering = asyncio.create_task(self.answer())
        with contextlib.suppress(ConnectionError):
            for part in parts:
                await self.send(part)
                await asyncio.sleep(pause_s)
                if answering.done():
                    break
        return await answering

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


def frame(opcode: int, payload: bytes = b"", *, is_final: bool = True, reserved: int = 0) -> bytes:
    """A WebSocket frame, right or wrong."""
    head = bytes([(is_final << 7) | (reserved << 4) | opcode])
    size = len(payload)
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 2**16:
        head += b"\xfe" + size.to_bytes(2, "big")
    else:
        head += b"\xff" + size.to_bytes(8, "big")
    # A mask of zeros leaves the payload as it is.
    return head + b"\0\0\0\0" + payload


HANDSHAKE = (
    "GET /v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


class RawSocket:
    """A WebSocket after its handshake, frame by frame."""

    def __init__(self, connection: RawConnection) -> None:
        self.connection = connection

    async def send(self, *frames: bytes) -> None:
        await self.connection.send(*frames)

    async def receive(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        reader = self.connection.reader
        async with asyncio.timeout(PATIENCE_S):
            first, second = await reader.readexactly(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
            return first & 0x0F, await reader.readexactly(size)

    async def close_code(self) -> int:
        """The code the server closes with; what it says before is let go by."""
        while True:
            opcode, payload = await self.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")

    async def message(self) -> Any:
        """The next text, read as JSON."""
        while True:
            opcode, payload = await self.receive()
            if opcode == TEXT:
                return orjson.loads(payload)
            assert opcode != CLOSE, payload


@asynccontextmanager
async def raw_socket(url: str) -> AsyncIterator[RawSocket]:
    """A WebSocket to the exchange at that address."""
    async with raw(url) as connection:
        await connection.send(HANDSHAKE)
        answer = await connection.answer()
        assert answer.status == 101, answer
        assert "sec-websocket-extensions" not in answer.headers, "nothing is unpacked here"
        yield RawSocket(connection)
