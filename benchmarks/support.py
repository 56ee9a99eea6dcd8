"""What the gateway's benchmarks are made of: a lean load client, and the figures.

The client must not be what is measured. It runs in a process of its own, speaks HTTP/1.1 and WebSocket straight on
asyncio protocols under uvloop, sends texts that were signed and put together before the clock started, and reads no
more of an answer than its length and its status. What it is compared with is in `bare`.

    python -m benchmarks.support load            reads a plan and `go`, prints the figures
    python -m benchmarks.support listen          reads an audience and `go`, prints the figures
"""

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import uvloop

REPOSITORY: Final = Path(__file__).resolve().parents[1]
ROUND_LIMIT_S: Final = 120.0
CREATED: Final = b"201"
OK: Final = b"200"

Door = Literal["rest", "ws"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """One round."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    refused: int
    """Answers that were not the success asked for."""
    example: str
    """One of them."""

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one connection each has to send, one text after the answer to the one before."""

    door: Door
    port: int
    greetings: Sequence[str]
    """The logon of each WebSocket, empty where none is needed."""
    texts: Sequence[Sequence[str]]
    """Per connection: whole HTTP requests, or WebSocket texts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audience:
    """Listeners that do nothing but listen."""

    port: int
    path: str
    listeners: int
    greeting: str
    """What each says first, to be told anything; empty where nothing is needed."""
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What an audience was told."""

    frames: int
    octets: int
    seconds: float

    @property
    def per_s(self) -> float:
        """Frames a second, of all listeners together."""
        return self.frames / self.seconds


# ---- the client -----------------------------------------------------------------------------------------------------


class _HttpConnection(asyncio.Protocol):
    """Sends its requests one by one; of an answer it reads the status and finds the end."""

    def __init__(self, requests: Sequence[bytes], latencies_ns: list[int], refused: list[bytes]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = iter(requests)
        self._latencies_ns = latencies_ns
        self._refused = refused
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def begin(self) -> None:
        """Send the first."""
        self._send()

    def _send(self) -> None:
        text = next(self._requests, None)
        assert self._transport is not None
        if text is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_ns = time.perf_counter_ns()
        self._transport.write(text)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        place = self._buffer.find(b"Content-Length: ")
        assert 0 <= place < head_end, self._buffer
        length = int(self._buffer[place + 16 : self._buffer.index(b"\r", place)])
        if len(self._buffer) < head_end + 4 + length:
            return
        self._latencies_ns.append(time.perf_counter_ns() - self._sent_ns)
        if self._buffer[9:12] not in (CREATED, OK):
            self._refused.append(self._buffer[:2_000])
        self._buffer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server hung up"))


class _WsConnection(asyncio.Protocol):
    """The same over a WebSocket: texts in masked frames, answers in whole frames."""

    def __init__(
        self, greeting: bytes | None, texts: Sequence[bytes], latencies_ns: list[int], refused: list[bytes]
    ) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self._greeting = greeting
        self._texts = iter(texts)
        self._latencies_ns = latencies_ns
        self._refused = refused
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._upgraded = False
        self._sent_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(handshake("/v1/ws"))

    def begin(self) -> None:
        """Send the first."""
        self._send()

    def _send(self) -> None:
        frame = next(self._texts, None)
        assert self._transport is not None
        if frame is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_ns = time.perf_counter_ns()
        self._transport.write(frame)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._buffer[9:12] == b"101", self._buffer
            self._upgraded, self._buffer = True, self._buffer[end + 4 :]
            assert self._transport is not None
            if self._greeting is None:
                self.ready.set_result(None)
            else:
                self._transport.write(self._greeting)
        while (payload := self._take_frame()) is not None:
            self._take(payload)

    def _take_frame(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, head = buffer[1] & 0x7F, 2
        if length == 126:
            if len(buffer) < 4:
                return None
            length, head = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < head + length:
            return None
        assert buffer[0] == 0x81, f"not a text: {buffer[:64]!r}"
        self._buffer = buffer[head + length :]
        return buffer[head : head + length]

    def _take(self, payload: bytes) -> None:
        if not self.ready.done():
            assert b'"ok":true' in payload, payload
            self.ready.set_result(None)
            return
        self._latencies_ns.append(time.perf_counter_ns() - self._sent_ns)
        if b'"ok":true' not in payload:
            self._refused.append(payload)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        for waited_for in (self.ready, self.done):
            if not waited_for.done():
                waited_for.set_exception(exc or ConnectionResetError("the server hung up"))


class _Listener(asyncio.Protocol):
    """Counts the frames it is sent, and looks at nothing else of them."""

    def __init__(self, audience: Audience) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.frames = self.octets = 0
        self._path, self._greeting = audience.path, audience.greeting
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(handshake(self._path))

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._buffer[9:12] == b"101", self._buffer
            self._upgraded, self._buffer = True, self._buffer[end + 4 :]
            if self._greeting and self._transport is not None:
                self._transport.write(frame(self._greeting.encode()))
            self.ready.set_result(None)
        self._count()

    def _count(self) -> None:
        buffer, place = self._buffer, 0
        while len(buffer) >= place + 4:
            length, head = buffer[place + 1], 2
            if length == 126:
                length, head = int.from_bytes(buffer[place + 2 : place + 4], "big"), 4
            if len(buffer) < place + head + length:
                break
            self.frames += 1
            self.octets += length
            place += head + length
        self._buffer = buffer[place:]

    def end(self) -> None:
        """Listen no more."""
        assert self._transport is not None
        self._transport.close()


async def listen_when_told(audience: Audience) -> Heard:
    """Connect, say so, wait for the word, then count for as long as was asked."""
    loop = asyncio.get_running_loop()
    listeners = [_Listener(audience) for _ in range(audience.listeners)]
    async with asyncio.timeout(ROUND_LIMIT_S):
        for listener in listeners:
            await loop.create_connection(lambda made=listener: made, "127.0.0.1", audience.port)  # type: ignore[misc]
        await asyncio.gather(*(listener.ready for listener in listeners))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    before = [(listener.frames, listener.octets) for listener in listeners]
    began_ns = time.perf_counter_ns()
    await asyncio.sleep(audience.seconds)
    seconds = (time.perf_counter_ns() - began_ns) / 1e9
    heard = Heard(
        frames=sum(one.frames - frames for one, (frames, _) in zip(listeners, before, strict=True)),
        octets=sum(one.octets - octets for one, (_, octets) in zip(listeners, before, strict=True)),
        seconds=seconds,
    )
    for listener in listeners:
        listener.end()
    return heard


def handshake(path: str) -> bytes:
    """The request that makes a connection a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )


def frame(text: bytes) -> bytes:
    """A text as a client's frame; masked with zeros, which the protocol allows and leaves the text as it is."""
    size = len(text)
    length = bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + text


async def connected(plan: Plan, latencies_ns: list[int], refused: list[bytes]) -> list["_Connection"]:
    """Everybody connected, and logged on where that is asked for; nobody has sent anything."""
    loop = asyncio.get_running_loop()
    connections: list[_Connection] = []
    for greeting, texts in zip(plan.greetings, plan.texts, strict=True):
        raw = [text.encode() for text in texts]
        if plan.door == "rest":
            connection: _Connection = _HttpConnection(raw, latencies_ns, refused)
        else:
            first = frame(greeting.encode()) if greeting else None
            connection = _WsConnection(first, [frame(text) for text in raw], latencies_ns, refused)
        await loop.create_connection(lambda made=connection: made, "127.0.0.1", plan.port)  # type: ignore[misc]
        connections.append(connection)
    await asyncio.gather(*(found.ready for found in connections if isinstance(found, _WsConnection)))
    return connections


async def play_when_told(plan: Plan) -> Figures:
    """Connect, say so, wait for the word, then send as fast as answers come."""
    latencies_ns: list[int] = []
    refused: list[bytes] = []
    async with asyncio.timeout(ROUND_LIMIT_S):
        connections = await connected(plan, latencies_ns, refused)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began_ns = time.perf_counter_ns()
    for connection in connections:
        connection.begin()
    async with asyncio.timeout(ROUND_LIMIT_S):
        await asyncio.gather(*(connection.done for connection in connections))
    seconds = (time.perf_counter_ns() - began_ns) / 1e9
    latencies_ns.sort()
    return Figures(
        requests=len(latencies_ns),
        seconds=seconds,
        p50_ms=latencies_ns[len(latencies_ns) // 2] / 1e6,
        p99_ms=latencies_ns[len(latencies_ns) * 99 // 100] / 1e6,
        p999_ms=latencies_ns[len(latencies_ns) * 999 // 1000] / 1e6,
        refused=len(refused),
        example=refused[0].decode(errors="replace") if refused else "",
    )


_Connection = _HttpConnection | _WsConnection


class _Told:
    """Part of a round in a process of its own, connected and waiting for the word."""

    def __init__(self, part: str, plan: Plan | Audience) -> None:
        """Returns once everybody is connected."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.support", part],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(json.dumps(asdict(plan)))
        if self._hear() != "ready":
            self._end()
            raise AssertionError(f"the {part} could not connect")

    def begin(self) -> None:
        """The word."""
        self._say("go")

    def _figures(self) -> dict[str, Any]:
        heard = self._hear()
        self._end()
        figures: dict[str, Any] = json.loads(heard)
        return figures

    def _end(self) -> None:
        try:
            self._process.communicate(timeout=ROUND_LIMIT_S)
        finally:
            self._process.kill()

    def _say(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Round(_Told):
    """A plan of requests."""

    def __init__(self, plan: Plan) -> None:
        """Returns once everybody is connected."""
        super().__init__("load", plan)

    def play(self) -> Figures:
        """Send everything. AssertionError when anything was refused."""
        self.begin()
        return self.end()

    def end(self) -> Figures:
        """What came of a round that has begun."""
        figures = Figures(**self._figures())
        assert figures.refused == 0, (
            f"{figures.refused} of {figures.requests} were refused: {figures.example}"
        )
        return figures


class Listening(_Told):
    """An audience."""

    def __init__(self, audience: Audience) -> None:
        """Returns once everybody is connected and has said its greeting."""
        super().__init__("listen", audience)

    def end(self) -> Heard:
        """What was heard in the seconds asked for, once they are over."""
        return Heard(**self._figures())


# ---- the figures ----------------------------------------------------------------------------------------------------


def median(values: Sequence[float]) -> float:
    """The one in the middle, the upper of two."""
    return sorted(values)[len(values) // 2]


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns as wide as they must be, figures to the right."""
    cells = [
        list(heads),
        *([f"{cell:,.2f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows),
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(["", title, *lines])


def main(arguments: Sequence[str]) -> None:
    """Do what standard input asks for."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        match arguments:
            case ["load"]:
                _tell(runner.run(play_when_told(Plan(**json.loads(sys.stdin.readline())))))
            case ["listen"]:
                _tell(runner.run(listen_when_told(Audience(**json.loads(sys.stdin.readline())))))
            case _:
                raise SystemExit(__doc__)


def _tell(found: Figures | Heard) -> None:
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main(sys.argv[1:])
