"""The bare servers that the gateway's benchmarks compare with, in a process of their own under uvloop.

A plain aiohttp application: it reads the body, checks the signature as the exchange does, and answers one of the size the
exchange answers. Whatever aiohttp and the signature cost is in both; what the exchange adds is rules, decision, journal and
disk. For market data it sends one text to all who are connected, as fast as they take it.

    python -m benchmarks.bare SIZE KEYS  serves until killed, prints its port; KEYS is a demo.json
"""

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import uvloop
from aiohttp import ClientConnectionResetError, WSMsgType, web

from benchmarks.support import REPOSITORY
from registry_bridge.signing import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    HmacKey,
    NotAuthentic,
    RequestVerifier,
    SeenSignatures,
)

DEPTH: Final = "x" * 220
"""As long as a change of depth."""
FAN_TURN: Final = 50
"""Frames to one listener before the next has its turn."""


def echo_app(size: int, verifier: RequestVerifier) -> web.Application:
    """Reads a body, checks its signature, answers one of that size; the same over a WebSocket, without signatures."""
    filler = "x" * (size - len('{"echo":""}'))
    answer = json.dumps({"echo": filler}, separators=(",", ":")).encode()
    text = json.dumps({"ok": True, "echo": filler}, separators=(",", ":"))

    async def rest(request: web.Request) -> web.Response:
        body = await request.read()
        given = request.headers
        found = verifier.check(
            method=request.method,
            target=request.raw_path,
            key=given.get(KEY_HEADER),
            timestamp=given.get(TIMESTAMP_HEADER),
            signature=given.get(SIGNATURE_HEADER),
            body=body,
            now_ms=time.time_ns() // 1_000_000,
        )
        if isinstance(found, NotAuthentic):
            return web.Response(text=found.fault.value, status=401)
        return web.Response(body=answer, status=201, content_type="application/json")

    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            await socket.send_str(text)
        return socket

    complete: dict[int, asyncio.Barrier] = {}

    async def fan(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        listeners = int(request.match_info["listeners"])
        await complete.setdefault(listeners, asyncio.Barrier(listeners)).wait()
        with suppress(ClientConnectionResetError):  # the listener has heard enough
            while True:
                for _ in range(FAN_TURN):
                    await socket.send_str(DEPTH)
                await asyncio.sleep(0)
        return socket

    app = web.Application()
    app.router.add_post("/v1/orders", rest)
    app.router.add_get("/v1/ws", stream)
    app.router.add_get("/fan/{listeners}", fan)
    return app


def verifier_of(keys: Path) -> RequestVerifier:
    """Judges what is signed with a key of that demo.json."""
    people: dict[str, dict[str, Any]] = json.loads(keys.read_text())["participants"]
    known = {entry["key"]: HmacKey(base64.b64decode(entry["secret"])) for entry in people.values()}
    return RequestVerifier(known.get, seen=SeenSignatures())


async def serve_echo(size: int, verifier: RequestVerifier) -> None:
    """Until killed."""
    runner = web.AppRunner(echo_app(size, verifier), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def echo(size: int, keys: Path) -> Iterator[int]:
    """The port of an echo in a process of its own, which knows the keys of that demo.json."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bare", str(size), str(keys)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_echo(int(sys.argv[1]), verifier_of(Path(sys.argv[2]))))
