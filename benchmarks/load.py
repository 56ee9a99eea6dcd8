"""The lean load client of the gateway's benchmarks, in a process of its own: it must not be what is measured.

It speaks HTTP/1.1 and WebSocket straight on asyncio protocols under uvloop, sends texts that were signed and put together
before the clock started, and reads no more of an answer than its length and its status.

    python -m benchmarks.load senders            reads a plan and `go`, prints the figures
    python -m benchmarks.load listeners          reads an audience and `go`, prints the figures
"""

import asyncio
import base64
import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final, cast

import uvloop

from benchmarks.support import ROUND_LIMIT_S, Audience, Figures, Heard, Plan

CREATED: Final = b"201"
OK: Final = b"200"


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


class _WebSocket(ABC, asyncio.Protocol):
    """Makes its connection a WebSocket, and takes the texts of whole frames."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._upgraded = False

    @abstractmethod
    def upgraded(self) -> None:
        """It is a WebSocket from now on."""

    @abstractmethod
    def take(self, text: bytes) -> None:
        """The server sent this."""

    def send(self, frame: bytes) -> None:
        """Write a frame."""
        assert self._transport is not None
        self._transport.write(frame)

    def close(self) -> None:
        """End the connection."""
        assert self._transport is not None
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
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
            self.upgraded()
        for text in self._take_texts():
            self.take(text)

    def _take_texts(self) -> Iterator[bytes]:
        """The texts of the frames that are there as a whole; what is left is the beginning of the next."""
        buffer, place = self._buffer, 0
        while len(buffer) >= place + 2:
            length, begin = buffer[place + 1], place + 2
            if length == 126:
                length, begin = int.from_bytes(buffer[place + 2 : place + 4], "big"), place + 4
            if len(buffer) < begin + length:
                break
            assert buffer[place] == 0x81, f"not a text: {buffer[place : place + 64]!r}"
            place = begin + length
            yield buffer[begin:place]
        self._buffer = buffer[place:]


class _WsConnection(_WebSocket):
    """The same as over HTTP: texts in masked frames, answers in whole frames."""

    def __init__(
        self, greeting: bytes | None, texts: Sequence[bytes], latencies_ns: list[int], refused: list[bytes]
    ) -> None:
        super().__init__("/v1/ws")
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self._greeting = greeting
        self._texts = iter(texts)
        self._latencies_ns = latencies_ns
        self._refused = refused
        self._sent_ns = 0

    def upgraded(self) -> None:
        if self._greeting is None:
            self.ready.set_result(None)
        else:
            self.send(self._greeting)

    def begin(self) -> None:
        """Send the first."""
        self._send_next()

    def _send_next(self) -> None:
        following = next(self._texts, None)
        if following is None:
            self.done.set_result(None)
            self.close()
            return
        self._sent_ns = time.perf_counter_ns()
        self.send(following)

    def take(self, text: bytes) -> None:
        if not self.ready.done():
            assert b'"ok":true' in text, text
            self.ready.set_result(None)
            return
        self._latencies_ns.append(time.perf_counter_ns() - self._sent_ns)
        if b'"ok":true' not in text:
            self._refused.append(text)
        self._send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        for waited_for in (self.ready, self.done):
            if not waited_for.done():
                waited_for.set_exception(exc or ConnectionResetError("the server hung up"))


class _Listener(_WebSocket):
    """Counts the texts it is sent, and looks at nothing else of them."""

    def __init__(self, audience: Audience) -> None:
        super().__init__(audience.path)
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.frames = self.octets = 0
        self._greeting = audience.greeting

    def upgraded(self) -> None:
        if self._greeting:
            self.send(frame(self._greeting.encode()))
        self.ready.set_result(None)

    def take(self, text: bytes) -> None:
        self.frames += 1
        self.octets += len(text)


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
        listener.close()
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


async def connected(
    plan: Plan, latencies_ns: list[int], refused: list[bytes]
) -> list[_HttpConnection | _WsConnection]:
    """Everybody connected, and logged on where that is asked for; nobody has sent anything."""
    loop = asyncio.get_running_loop()
    connections: list[_HttpConnection | _WsConnection] = []
    for greeting, texts in zip(plan.greetings, plan.texts, strict=True):
        raw = [text.encode() for text in texts]
        if plan.door == "rest":
            connection: _HttpConnection | _WsConnection = _HttpConnection(raw, latencies_ns, refused)
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


def main(arguments: Sequence[str]) -> None:
    """Do what standard input asks for."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        match arguments:
            case ["senders"]:
                _tell(runner.run(play_when_told(Plan(**json.loads(sys.stdin.readline())))))
            case ["listeners"]:
                _tell(runner.run(listen_when_told(Audience(**json.loads(sys.stdin.readline())))))
            case _:
                raise SystemExit(__doc__)


def _tell(found: Figures | Heard) -> None:
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main(sys.argv[1:])
