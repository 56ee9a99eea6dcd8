"""The connection is cut at every stage of an order, over REST and WebSocket, also by killing the exchange.

PUHUI_CUT_KILLS is how often the long campaign kills it; there, every byte of request and answer is a place to cut.
"""

import asyncio
import json
import os
import random
from pathlib import Path
from typing import Final

import pytest

from tests.gateway.http.raw import TEXT, frame, raw, raw_socket
from tests.system.clients import logon
from tests.system.crowd import ahead_ms
from tests.system.cuts import Cut, Cutter, Door, learn, order, rest_request
from tests.system.running import Part, RunningExchange, running

KILLS: Final = int(os.environ.get("PUHUI_CUT_KILLS", "40"))
HELD: Final = 48
"""Connections that are at some stage of an order when the exchange is killed."""
FAR: Final = "2030-01-01T00:00:00.000000+08:00"


async def sizes(exchange: RunningExchange) -> dict[Door, tuple[int, int]]:
    """Bytes of a usual request and of its answer, by door; places to cut are within them."""
    owner = exchange.participant("buyer2")
    request = rest_request(owner, order("size-00"), FAR)
    async with raw(exchange.url) as connection:
        await connection.send(request)
        head = await connection.reader.readuntil(b"\r\n\r\n")
        length = next(
            line for line in head.decode().split("\r\n") if line.lower().startswith("content-length")
        )
        rest = (len(request), len(head) + int(length.partition(":")[2]))
    async with raw_socket(exchange.url) as client:
        await client.send(frame(TEXT, json.dumps(logon(owner, ahead_ms=ahead_ms())).encode()))
        await client.message()
        text = {"op": "order.submit", "id": 1, "deadline": FAR, **order("size-01")}
        asked = frame(TEXT, json.dumps(text).encode())
        await client.send(asked)
        _, answered = await client.receive()
    return {"rest": rest, "websocket": (len(asked), len(answered))}


def classes(door: Door, asked: int, answered: int) -> list[Cut]:
    """One cut of each kind: nothing, the first byte, within and at the end of each part, all but the last byte, all."""
    shares = [0.0, 1 / asked, 0.05, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, (asked - 2) / asked, 1.0]
    reads = [0, 1, 2, 9, answered // 4, answered // 2, 3 * answered // 4]
    whole = [(1.0, read) for read in reads]
    return [
        Cut(door=door, sent=sent, read=read, is_abrupt=is_abrupt)
        for sent, read in [*((share, 0) for share in shares), *whole]
        for is_abrupt in (True, False)
    ]


def everywhere(door: Door, asked: int, answered: int) -> list[Cut]:
    """Every byte of the request, then every byte of the answer."""
    places = [(at / asked, 0) for at in range(asked + 1)] + [(1.0, at) for at in range(1, answered - 20)]
    return [Cut(door=door, sent=sent, read=read, is_abrupt=bool(read % 2)) for sent, read in places]


async def test_a_cut_connection_leaves_one_order_or_none(seeded: Path) -> None:
    async with running(seeded) as exchange, exchange.clients("buyer2") as clients:
        cutter = Cutter(exchange, clients["buyer2"].owner, "cut")
        for door, (asked, answered) in (await sizes(exchange)).items():
            await cutter.play(classes(door, asked, answered))
        found = await learn(cutter.broken, clients["buyer2"])
        assert min(found.values()) > 10, found


@pytest.mark.soak
async def test_a_connection_cut_at_any_byte_leaves_one_order_or_none(seeded: Path) -> None:
    async with running(seeded) as exchange, exchange.clients("buyer2") as clients:
        for door, (asked, answered) in (await sizes(exchange)).items():
            cutter = Cutter(exchange, clients["buyer2"].owner, f"cut-{door}")
            cuts = everywhere(door, asked, answered)
            await cutter.play(cuts)
            print(door, len(cuts), await learn(cutter.broken, clients["buyer2"]))  # noqa: T201 - what a soak is run for
        await _killed(exchange, KILLS, seed=2)


async def _killed(exchange: RunningExchange, kills: int, *, seed: int) -> None:
    """Kill the exchange while connections stand at every stage of an order; each learns what became of its own."""
    chance = random.Random(seed)
    decided = 0
    async with exchange.clients("buyer2") as clients:
        for kill in range(kills):
            cutter = Cutter(exchange, clients["buyer2"].owner, f"kill-{seed}-{kill}")
            held = asyncio.Event()
            at_work = [asyncio.create_task(cutter.one(cut, held=held)) for cut in _stages(chance)]
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            exchange.kill(Part.EXCHANGE)
            assert await exchange.ended() == -9
            held.set()
            await asyncio.wait(at_work)
            await exchange.start()
            sent = [one for one in cutter.broken if one.deadline]
            if sent:
                decided += (await learn(sent, clients["buyer2"]))["decided"]
    assert decided > 0, "no kill met an order that was decided"


def _stages(chance: random.Random) -> list[Cut]:
    doors: tuple[Door, Door] = ("rest", "websocket")
    return [
        Cut(
            door=chance.choice(doors),
            sent=chance.choice([chance.random(), 1.0, 1.0]),
            read=chance.choice([0, 0, 50]),
        )
        for _ in range(HELD)
    ]
