"""Durable order acknowledgements a second through the gateway, against a bare aiohttp echo that checks the same signatures.

One round is a few thousand orders of one tonne from sellers and buyers around the same price, so that about half of
them trade at once; each connection sends its next order when the last one has been acknowledged, which is after its
commit. Rounds of the exchange and of the echo take turns, so that whatever else the machine does meets both; the ratio
is the median over pairs. Market data: frames a second to listeners of depth while others trade as fast as they are
acknowledged, against a server that does nothing but send. Run it alone:

    pytest benchmarks/test_gateway.py --benchmark-only --timeout=0 -s
"""

import asyncio
import json
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bare import echo
from benchmarks.support import (
    Audience,
    Door,
    Figures,
    Heard,
    Listening,
    Plan,
    Round,
    median,
    table,
)
from tests.system.clients import Participant, logon
from tests.system.running import RunningExchange

CONNECTIONS: Final = (32, 64, 128)
REQUESTS: Final = int(os.environ.get("PUHUI_BENCH_REQUESTS", "2000"))
"""In a round."""
ROUNDS: Final = int(os.environ.get("PUHUI_BENCH_ROUNDS", "5"))
AHEAD_MS: Final = 2_500
"""Signed for the middle of a round: a signature is good for five seconds either way."""
UNLIMITED: Final = ("order", "cancel", "read", "public")
ROOM: Final = ("--limit", "connections_per_address=3000", "--limit", "ws_clients_per_address=2000")
"""They all come from one address."""
LISTINGS: Final = ("SHCERCIR1", "SHCERCIIR1")
PERCENTILES: Final = ("p50_ms", "p99_ms", "p999_ms")
LISTENERS: Final = (200, 1_000)
TRADING: Final = 32
"""Connections that trade while others listen."""
LISTEN_S: Final = 2.0
BUYERS: Final = ("buyer", "buyer2", "entity")


@dataclass(slots=True)
class Bench:
    """A running exchange, an echo of the size of its answers, and what was measured."""

    exchange: RunningExchange
    echo_port: int
    rows: list[list[Any]] = field(default_factory=list)
    heard: list[list[Any]] = field(default_factory=list)
    _orders: int = 0

    @property
    def port(self) -> int:
        """Of the exchange."""
        return int(self.exchange.url.rpartition(":")[2])

    def plan(self, door: Door, connections: int, *, port: int, requests: int = REQUESTS) -> Plan:
        """Orders nobody has sent yet, signed now."""
        people = {name: self.exchange.participant(name) for name in ("seller", *BUYERS)}
        chance = random.Random(self._orders)
        texts: list[list[str]] = []
        greetings: list[str] = []
        for number in range(connections):
            who = people["seller" if number % 2 else BUYERS[number // 2 % len(BUYERS)]]
            bodies = [self._order(who, chance) for _ in range(requests // connections)]
            if door == "rest":
                texts.append([request(who, body) for body in bodies])
            else:
                texts.append(['{"op":"order.submit","id":1,' + body[1:] for body in bodies])
            greetings.append(
                json.dumps(logon(who, ahead_ms=number)) if door == "ws" and port == self.port else ""
            )
        return Plan(door=door, port=port, greetings=greetings, texts=texts)

    def _order(self, who: Participant, chance: random.Random) -> str:
        self._orders += 1
        body = {
            "client_order_id": f"bench-{self._orders}",
            "listing": LISTINGS[self._orders % 3 == 0],
            "side": "sell" if who.name == "seller" else "buy",
            "type": "limit",
            "price": f"68.{chance.randrange(10):02d}",
            "quantity": "1",
            "time_in_force": "day",
        }
        return json.dumps(body, separators=(",", ":"))


def request(who: Participant, body: str) -> str:
    """A whole HTTP request."""
    content = body.encode()
    signed = who.signed("POST", "/v1/orders", content, ahead_ms=AHEAD_MS)
    heads = {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Content-Length": len(content),
        **signed,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in heads.items())
    return f"POST /v1/orders HTTP/1.1\r\n{head}\r\n{body}"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Everything at work; in the end the table."""
    data_dir: Path = tmp_path_factory.mktemp("gateway") / "puhui"
    quotas = [part for kind in UNLIMITED for part in ("--quota", f"{kind}=none")]
    exchange = RunningExchange(data_dir, [*quotas, *ROOM])
    with ExitStack() as stack:
        stack.callback(exchange.clean_up)
        asyncio.run(exchange.start())
        made = Bench(
            exchange, stack.enter_context(echo(asyncio.run(_answer_size(exchange)), data_dir / "demo.json"))
        )
        Round(made.plan("rest", 32, port=made.port)).play()
        yield made
        heads = [
            "door",
            "connections",
            "echo/s",
            "orders/s",
            "ratio",
            "echo p50",
            "p99",
            "p99.9 ms",
            "orders p50",
            "p99",
            "p99.9 ms",
        ]
        print(table("durable order acknowledgements, medians of rounds", heads, made.rows))
        heads = ["listeners", "bare frames/s", "depth frames/s", "ratio", "orders/s"]
        print(table("depth told while others trade, medians of rounds", heads, made.heard))
        asyncio.run(exchange.stop())


async def _answer_size(exchange: RunningExchange) -> int:
    """The size of a usual answer: an order that has traded."""
    sizes = []
    async with exchange.clients("seller", "buyer") as clients:
        for name, side in (("seller", "sell"), ("buyer", "buy")):
            body = {
                "client_order_id": f"size-{side}",
                "listing": LISTINGS[0],
                "side": side,
                "type": "limit",
                "price": "68.00",
                "quantity": "1",
                "time_in_force": "day",
            }
            sizes.append(len(json.dumps(await clients[name].do("/v1/orders", body), separators=(",", ":"))))
    return sum(sizes) // 2


@pytest.mark.parametrize("connections", CONNECTIONS)
@pytest.mark.parametrize("door", ["rest", "ws"])
def test_orders_acknowledged(benchmark: BenchmarkFixture, bench: Bench, door: Door, connections: int) -> None:
    echoes: list[Figures] = []
    orders: list[Figures] = []

    def pair() -> tuple[tuple[Round], dict[str, Any]]:
        echoes.append(Round(bench.plan(door, connections, port=bench.echo_port)).play())
        return (Round(bench.plan(door, connections, port=bench.port)),), {}

    def play(prepared: Round) -> None:
        orders.append(prepared.play())

    benchmark.pedantic(play, setup=pair, rounds=ROUNDS)  # type: ignore[no-untyped-call]
    ratio = median([ours.per_s / bare.per_s for ours, bare in zip(orders, echoes, strict=True)])
    row = [door, connections, _middle(echoes, "per_s"), _middle(orders, "per_s"), ratio]
    row += [_middle(figures, name) for figures in (echoes, orders) for name in PERCENTILES]
    bench.rows.append(row)
    benchmark.extra_info.update(
        orders_per_s=row[3],
        echo_per_s=row[2],
        ratio=ratio,
        connections=connections,
        **dict(zip(PERCENTILES, row[-3:], strict=True)),
    )


def _middle(figures: Sequence[Figures | Heard], name: str) -> float:
    return median([getattr(figure, name) for figure in figures])


@pytest.mark.parametrize("listeners", LISTENERS)
def test_depth_told_to_listeners(benchmark: BenchmarkFixture, bench: Bench, listeners: int) -> None:
    bare: list[Heard] = []
    depth: list[Heard] = []
    orders: list[Figures] = []

    def pair() -> tuple[tuple[Listening, Round], dict[str, Any]]:
        silent = Listening(
            Audience(
                port=bench.echo_port,
                path=f"/fan/{listeners}",
                listeners=listeners,
                greeting="",
                seconds=LISTEN_S,
            )
        )
        silent.begin()
        bare.append(silent.end())
        greeting = json.dumps({"op": "subscribe", "id": 1, "channel": "depth", "listing": LISTINGS[0]})
        audience = Audience(
            port=bench.port, path="/v1/ws", listeners=listeners, greeting=greeting, seconds=LISTEN_S
        )
        return (Listening(audience), Round(bench.plan("ws", TRADING, port=bench.port))), {}

    def play(audience: Listening, trading: Round) -> None:
        trading.begin()
        audience.begin()
        depth.append(audience.end())
        orders.append(trading.end())

    benchmark.pedantic(play, setup=pair, rounds=ROUNDS)  # type: ignore[no-untyped-call]
    ratio = median([ours.per_s / most.per_s for ours, most in zip(depth, bare, strict=True)])
    row = [
        listeners,
        *(_middle(figures, "per_s") for figures in (bare, depth)),
        ratio,
        _middle(orders, "per_s"),
    ]
    bench.heard.append(row)
    benchmark.extra_info.update(listeners=listeners, frames_per_s=row[2], ratio=ratio, orders_per_s=row[4])
