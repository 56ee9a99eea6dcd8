"""A crowd at one exchange: connections that trade, many more that listen, and every log checked against the journal.

PUHUI_CROWD_S is how long the long one lasts, PUHUI_CROWD_TRADING and PUHUI_CROWD_LISTENING how many connections it has,
PUHUI_CROWD_ORDERS_PER_S what all of them do together.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import httpx
import psutil
import pytest

from tests.system import checks
from tests.system.clients import Client
from tests.system.crowd import Listener, Trader, Trading, audience
from tests.system.load import LISTINGS, TRADERS
from tests.system.logs import AccountLog
from tests.system.running import Part, RunningExchange, running, until

OPTIONS: Final = (
    *("--limit", "connections_per_address=3000", "--limit", "ws_clients_per_address=2000"),
    *("--quota", "public=none", "--quota", "read=none"),
)
"""They all come from one address and are four participants."""
CONNECTING: Final = 25
"""At a time."""
LIMIT_S: Final = 60.0
MIB: Final = 2**20


OneT = TypeVar("OneT", Listener, Trader)


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How large a crowd, and for how long."""

    trading: int
    listening: int
    orders_per_s: float
    lasts_s: float
    growth_most_bytes: int
    """Of the exchange's memory, from a third of the time to its end."""


SHORT: Final = Size(trading=20, listening=100, orders_per_s=20.0, lasts_s=3.0, growth_most_bytes=24 * MIB)
LONG: Final = Size(
    trading=int(os.environ.get("PUHUI_CROWD_TRADING", "200")),
    listening=int(os.environ.get("PUHUI_CROWD_LISTENING", "1000")),
    orders_per_s=float(os.environ.get("PUHUI_CROWD_ORDERS_PER_S", "5")),
    lasts_s=float(os.environ.get("PUHUI_CROWD_S", "600")),
    growth_most_bytes=48 * MIB,
)


async def test_a_crowd_is_told_everything_once(seeded: Path) -> None:
    await _play(seeded, SHORT)


@pytest.mark.soak
async def test_a_large_crowd_is_told_everything_once_for_long(seeded: Path) -> None:
    await _play(seeded, LONG)


async def _play(data_dir: Path, size: Size) -> None:
    async with running(data_dir, OPTIONS) as exchange, exchange.clients(*TRADERS) as clients:
        people = [clients[name].owner for name in TRADERS]
        listeners = audience(people, size.listening)
        done = Trading()
        each_s = size.trading / size.orders_per_s
        traders = [Trader(people[n % len(people)], done, each_s, seed=n) for n in range(size.trading)]
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as crowd:
            url = exchange.url
            tasks = await _gather(crowd, listeners, lambda listener, _: listener.run(http, url))
            tasks += await _gather(
                crowd, traders, lambda one, n: one.over_websocket(url) if n % 2 else one.over_rest(url)
            )
            memory = await _measure(exchange, size.lasts_s)
            for task in tasks[len(listeners) :]:
                task.cancel()
            logs = await _all_are_told(clients, listeners)
            figures = await _figures(exchange)
            for task in tasks:
                task.cancel()
        _compare(listeners, logs, await _trades(clients["seller"]))
        _is_polite(figures, size)
        figures["journal entries"] = await checks.journal_is_whole(exchange)
        print(_summary(size, done, listeners, memory, figures))  # noqa: T201 - what a soak is run for
        settled = memory[len(memory) // 3 :]
        assert max(settled) - settled[0] < size.growth_most_bytes, memory


async def _gather(
    crowd: asyncio.TaskGroup, people: Sequence[OneT], run: Callable[[OneT, int], Coroutine[Any, Any, None]]
) -> list[asyncio.Task[None]]:
    """Everybody is at work, and connected."""
    tasks = []
    for at in range(0, len(people), CONNECTING):
        group = people[at : at + CONNECTING]
        tasks += [crowd.create_task(run(one, at + place)) for place, one in enumerate(group)]
        await until(lambda: all(one.is_ready for one in group), LIMIT_S, "they are connected")  # noqa: B023
    return tasks


async def _measure(exchange: RunningExchange, lasts_s: float) -> list[int]:
    """Let them go on for so long; the exchange's memory in bytes, again and again."""
    process = psutil.Process(exchange.pid(Part.EXCHANGE))
    found = []
    for _ in range(30):
        await asyncio.sleep(lasts_s / 30)
        found.append(process.memory_info().rss)
    return found


async def _all_are_told(clients: dict[str, Client], listeners: Sequence[Listener]) -> dict[str, AccountLog]:
    """Every account's log as it is in the database, and wait until every listener has been pushed all of it."""
    logs = {clients[name].owner.account: AccountLog(clients[name]) for name in TRADERS}
    for log in logs.values():
        await log.follow()
    depth = await clients["seller"].get(f"/v1/listings/{LISTINGS[0]}/depth")
    trades = await _trades(clients["seller"])

    def is_told(one: Listener) -> bool:
        match one.channel:
            case "events":
                return bool(one.told.last == len(logs[one.subject].events))
            case "depth":
                return bool(one.told.last == depth["seq"])
            case _:
                return bool(not trades or one.told.last == trades[-1])

    await until(lambda: all(is_told(one) for one in listeners), LIMIT_S, "everybody was told everything")
    return logs


async def _trades(client: Client) -> list[str]:
    """The ids of all public trades, the oldest first."""
    found = [trade["id"] async for trade in client.all(f"/v1/listings/{LISTINGS[0]}/trades?")]
    return sorted(found, key=int)


def _compare(listeners: Sequence[Listener], logs: dict[str, AccountLog], trades: list[str]) -> None:
    """What was pushed is what the database says, to all of them alike."""
    for listener in listeners:
        if listener.keep is not None:
            events = [
                {name: value for name, value in event.items() if name != "ch"} for event in listener.keep
            ]
            assert events == logs[listener.subject].events
    for account in logs:
        told = [one.told for one in listeners if (one.channel, one.subject) == ("events", account)]
        assert len({(one.first, one.last, one.messages, one.digest) for one in told}) == 1, account
    for listener in listeners:
        told_of = listener.told
        if listener.channel == "trades" and told_of.messages:
            span = trades[trades.index(told_of.first) : trades.index(told_of.last) + 1]
            assert len(span) == told_of.messages, "a trade is missing, or was told twice"
    assert any(one.told.messages for one in listeners if one.channel == "trades")


async def _figures(exchange: RunningExchange) -> dict[str, float]:
    """The exchange's own metrics that are plain numbers."""
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{exchange.url}/metrics")).text
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def _is_polite(figures: dict[str, float], size: Size) -> None:
    """Nobody of good manners was cut, slowed or refused."""
    assert figures["puhui_ws_clients"] >= size.listening
    harsh = (
        "puhui_ws_closed_total",
        "puhui_connections_refused_total",
        "puhui_requests_cut_total",
        "puhui_rate_limited",
    )
    cut = {name: value for name, value in figures.items() if name.startswith(harsh) and value}
    assert not cut, cut


def _summary(
    size: Size,
    done: Trading,
    listeners: Sequence[Listener],
    memory: Sequence[int],
    figures: dict[str, float],
) -> str:
    told = [one.told for one in listeners]
    figures_of: dict[str, Any] = {
        "trading": size.trading,
        "listening": size.listening,
        "seconds": size.lasts_s,
        "orders": done.orders,
        "cancels": done.cancels,
        "trades": done.trades,
        "messages pushed": sum(one.messages for one in told),
        "conflated": int(figures["puhui_ws_conflated_total"]),
        "journal entries": int(figures["journal entries"]),
        "answers p50, p99, most, ms": [round(done.wait_s(share) * 1e3) for share in (0.5, 0.99, 1.0)],
        "depth lag most, s": round(max(one.lag_s for one in told), 2),
        "memory MiB at first, at a third, at last, most": [
            round(value / MIB) for value in (memory[0], memory[len(memory) // 3], memory[-1], max(memory))
        ],
        "load": os.getloadavg()[0],
    }
    return ", ".join(f"{what}: {figure}" for what, figure in figures_of.items())
