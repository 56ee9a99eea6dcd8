"""Seconds of each step of a day's close, its memory, and its settlement against bare writes of the same rows.

The day is made by commands to the sequencer; the close is the real one: day driver, journal, views, settlement tables,
and the line to a reference registry in a process of its own, with a PostgreSQL of its own, which signs, judges and
journals every leg. The benchmark fails unless all trades are settled there and here, and both sides agree.

`obligations` chooses the serials of each portion and asks the registry; `registry` is what is left when the last was
asked. The registry answers to the first while the later are asked for, so that settlement is both steps together:
from the end of `closing_prices` to the last answer's entry. The ratio is these seconds against those in which the very rows
that were journaled in them (`ROWS`) are written once more by the same server: as whole arrays, in as many transactions
as the journal took, to tables without key, index or trigger. So it says how many times the bare writing the rest costs:
deciding, two signed processes, and the constraints that are the second wall.

    make bench ARGS=benchmarks/test_close.py     a smaller day; the whole of it:
    PUHUI_BENCH_TRADES=100000 PUHUI_BENCH_ACCOUNTS=10000 pytest benchmarks/test_close.py --benchmark-only --timeout=0 -s
"""

import asyncio
import os
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import psutil
import uvloop
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.founding import CLASS_ONE, REFERENCE_FEN
from benchmarks.support import table
from gateway import app
from gateway.composition.reference_registry import platform
from gateway.composition.registry_line import Line, registry_line
from gateway.config import Settings, make_private_dir
from gateway.demo import METHODOLOGIES
from gateway.engine.entry import Entry
from gateway.founding import found
from gateway.lifetime import Lifetime, settle_memory
from gateway.markets.loader import load_market
from gateway.running_engine import Engine, running_engine
from matching.calendar import day_of
from matching.commands import AddListing, CloseDay, Command, OpenDay, SubmitOrder
from matching.events import CloseStep, CloseStepAdvanced, DayClosed, Reconciled, Rejected, Traded
from matching.listing import Listing
from matching.order import Side, TimeInForce
from settlement.account import ParticipantKind
from settlement.commands import (
    AddInstrument,
    DepositCash,
    OpenAccount,
    RegisterParticipant,
    RequestTransferIn,
)
from settlement.events import DeliverySettled, LotSlice
from settlement.instrument import Instrument
from settlement.lot import Lot, MethodologyClass, Origin
from settlement.values import AccountId, LotId, ParticipantId, TradingDay

TRADES: Final = int(os.environ.get("PUHUI_BENCH_TRADES", "10000"))
ACCOUNTS: Final = int(os.environ.get("PUHUI_BENCH_ACCOUNTS", "1000"))
SELLERS: Final = max(1, ACCOUNTS // 20)
RESTING: Final = TRADES // 20
"""Orders that the close has to expire."""
TRADES_AN_OFFER: Final = 50
CASH_FEN: Final = 10**10
TOGETHER: Final = 1_000
"""Commands under way while the day is made."""
AT_THE_PLATFORM: Final = 8
LIMIT_S: Final = 3_600.0
SAMPLE_S: Final = 0.05

ROWS: Final = (
    "journal",
    "account_event",
    "delivery_outcome",
    "settlement.settled",
    "settlement.posting",
    "settlement.serial_move",
)
"""What settlement writes, each row under the entry it comes from."""


# ---- the exchange ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def exchange(data_dir: Path) -> AsyncIterator[tuple[Engine, Line]]:
    """Everything `puhui serve` runs, but for its door."""
    settings = Settings(data_dir=make_private_dir(data_dir), port=0, market="always-open")
    lifetime = Lifetime()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(running_engine(settings, lifetime, _hear_nothing))
        line = await stack.enter_async_context(registry_line(settings, engine, lifetime, _hear_nothing))
        lifetime.run(stack, "day driver", app.day_driver(engine, line).run())
        await found(load_market(settings.market), engine.views, engine.sequencer.submit)
        yield engine, line


def _hear_nothing(said: str) -> None:
    """Progress is not what is measured."""


async def do(engine: Engine, commands: Iterable[Command]) -> None:
    """Have all of them decided, many under way at once."""
    waiting: list[Coroutine[Any, Any, Entry]] = []
    for command in commands:
        waiting.append(engine.sequencer.submit(command))
        if len(waiting) == TOGETHER:
            _accepted(await asyncio.gather(*waiting))
            waiting = []
    _accepted(await asyncio.gather(*waiting))


def _accepted(entries: Sequence[Entry]) -> None:
    refused = [event for entry in entries for event in entry.events if isinstance(event, Rejected)]
    assert not refused, refused[0]


async def until(is_so: Callable[[], bool], what: str) -> None:
    """Ask until it is so."""
    deadline_s = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline_s, f"not within {LIMIT_S} s: {what}"
        await asyncio.sleep(SAMPLE_S)


# ---- the day --------------------------------------------------------------------------------------------------------


def name(number: int) -> str:
    """Of a participant and its account; the first ones sell."""
    return f"a{number:05d}"


def lot(number: int) -> Lot:
    """All that a seller sells."""
    code, version, *_ = METHODOLOGIES[0]
    tonnes = 2 * (TRADES // SELLERS + TRADES_AN_OFFER) + RESTING
    first = 1 + number * 10**7
    return Lot(
        lot_id=LotId(f"L-{name(number)}"),
        instrument=CLASS_ONE,
        methodology_class=MethodologyClass.I,
        methodology=code,
        methodology_version=version,
        origin=Origin.PROJECT,
        project=f"project {number}",
        period_from="2024-01-01",
        period_to="2024-12-31",
        batch="1",
        issued_on="2025-01-01",
        serials=(first, first + tonnes),
    )


async def found_everybody(engine: Engine, line: Line, data_dir: Path) -> None:
    """Accounts on both sides, money with the buyers, units with the sellers."""
    instrument = Instrument(code=CLASS_ONE, methodology_class=MethodologyClass.I)
    listing = Listing(code=CLASS_ONE, first_reference_price_fen=REFERENCE_FEN)
    await do(engine, [AddInstrument(instrument=instrument), AddListing(listing=listing)])
    async with platform(data_dir) as reference:
        for code, version, methodology_class, title in METHODOLOGIES:
            await reference.publish_methodology(
                code=code, version=version, methodology_class=methodology_class, title=title
            )
        calls = asyncio.Semaphore(AT_THE_PLATFORM)

        async def issue(number: int) -> None:
            async with calls:
                await reference.open_account(f"R-{name(number)}")
                if number < SELLERS:
                    await reference.issue_lot(lot(number), f"R-{name(number)}")

        await asyncio.gather(*(issue(number) for number in range(ACCOUNTS)))
    day = TradingDay(day_of(engine.clock.now_ns()))
    await do(engine, [OpenDay(trading_day=day)])
    await do(engine, (command for number in range(ACCOUNTS) for command in _admitting(number)))
    await until(lambda: len(engine.views.lots_known) == SELLERS, "every lot is known")
    await do(engine, (_bringing(number) for number in range(SELLERS)))
    await until(lambda: not engine.views.pending_instructions, "the units have arrived")
    await line.binder.caught_up()  # who is not bound cannot be delivered to
    assert not line.binder.refused


def _admitting(number: int) -> Iterable[Command]:
    participant, account = ParticipantId(name(number)), AccountId(name(number))
    yield RegisterParticipant(participant=participant, kind=ParticipantKind.INSTITUTION)
    yield OpenAccount(account=account, owner=participant, registry_account=f"R-{account}")
    yield DepositCash(
        participant=ParticipantId("bank"),
        account=account,
        client_id=f"in-{account}",
        amount_fen=CASH_FEN,
        bank_reference=f"in-{account}",
    )


def _bringing(number: int) -> Command:
    brought = lot(number)
    return RequestTransferIn(
        participant=ParticipantId(name(number)),
        account=AccountId(name(number)),
        client_id="all",
        instrument=CLASS_ONE,
        lots=(LotSlice(lot_id=brought.lot_id, serials=(brought.serials,)),),
        asked="the whole lot",
    )


def _orders() -> Iterable[Command]:
    """An offer, and one purchase of it after the other; in the end bids that nobody meets."""
    for number in range(TRADES):
        if number % TRADES_AN_OFFER == 0:
            seller = number // TRADES_AN_OFFER % SELLERS
            yield _order(seller, number, Side.SELL, REFERENCE_FEN, 2 * TRADES_AN_OFFER)
        yield _order(SELLERS + number % (ACCOUNTS - SELLERS), number, Side.BUY, REFERENCE_FEN, 2)
    for number in range(RESTING):
        yield _order(SELLERS + number % (ACCOUNTS - SELLERS), TRADES + number, Side.BUY, 6_500, 1)


def _order(who: int, number: int, side: Side, price_fen: int, tonnes: int) -> Command:
    return SubmitOrder(
        participant=ParticipantId(name(who)),
        account=AccountId(name(who)),
        client_id=f"{side.value}-{number}",
        listing=CLASS_ONE,
        side=side,
        price_fen=price_fen,
        quantity_tonnes=tonnes,
        time_in_force=TimeInForce.DAY,
    )


# ---- the close ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Watch:
    """What is seen of a close: when each step ended, and by which entry."""

    began_s: float = field(default_factory=time.perf_counter)
    ended: dict[CloseStep, tuple[float, int]] = field(default_factory=dict)
    is_closed: bool = False
    breaks: int = 0
    settled: int = 0
    transactions: list[int] = field(default_factory=list)
    """The last entry of each."""
    peak_bytes: int = 0

    def look(self, entries: Sequence[Entry]) -> None:
        """At what was committed."""
        self.transactions.append(entries[-1].seq)
        for entry in entries:
            for event in entry.events:
                self.settled += isinstance(event, DeliverySettled)
                self.breaks += event.breaks if isinstance(event, Reconciled) else 0
                if isinstance(event, CloseStepAdvanced) and event.done == event.total:
                    self.ended[event.step] = (time.perf_counter() - self.began_s, entry.seq)
                self.is_closed = self.is_closed or isinstance(event, DayClosed)

    def measure(self) -> bool:
        """The memory of this process; whether the day is closed."""
        self.peak_bytes = max(self.peak_bytes, psutil.Process().memory_info().rss)
        return self.is_closed

    def seconds(self) -> dict[CloseStep, float]:
        """Of each step: from the end of the one before to its own."""
        ends = [0.0, *(ended_s for ended_s, _ in self.ended.values())]
        return {step: ended - before for step, before, ended in zip(self.ended, ends, ends[1:], strict=False)}

    def entries(self, steps: Sequence[CloseStep]) -> tuple[int, int]:
        """After which entry the first of these steps began, and by which the last one ended."""
        known = list(self.ended)
        return self.ended[known[known.index(steps[0]) - 1]][1], self.ended[steps[-1]][1]


async def close(engine: Engine) -> Watch:
    """Have the day closed."""
    day = engine.views.market.trading_day
    assert day is not None
    watch = Watch()
    engine.sequencer.on_commit(watch.look)
    await do(engine, [CloseDay(trading_day=TradingDay(day))])
    await until(watch.measure, "the day is closed")
    assert (watch.settled, watch.breaks) == (TRADES, 0)
    return watch


# ---- what it is compared with -----------------------------------------------------------------------------------------


async def write_bare(engine: Engine, watch: Watch) -> tuple[float, int]:
    """Seconds to write the rows of settlement once more, and how many they are."""
    pool = engine.pool
    after, upto = watch.entries(SETTLEMENT)
    await pool.execute("CREATE SCHEMA bare")
    rows: list[tuple[int, str, Any]] = []
    for full in ROWS:
        bare = full.replace("settlement.", "")
        await pool.execute(f"CREATE TABLE bare.{bare} AS SELECT * FROM {full} WITH NO DATA")  # noqa: S608 - tables named above
        written = await pool.fetch(f"SELECT * FROM {full} WHERE seq > $1 AND seq <= $2", after, upto)  # noqa: S608 - the same
        rows += [(bisect_left(watch.transactions, row["seq"]), bare, tuple(row)) for row in written]
    rows.sort(key=lambda row: row[:2])
    began_s = time.perf_counter()
    async with pool.acquire() as connection:
        for _, together in groupby(rows, key=lambda row: row[0]):
            async with connection.transaction():
                for bare, of_table in groupby(together, key=lambda row: row[1]):
                    sql = f"INSERT INTO bare.{bare} SELECT * FROM unnest($1::bare.{bare}[])"  # noqa: S608 - the same
                    await connection.execute(sql, [row for *_, row in of_table])
    return time.perf_counter() - began_s, len(rows)


# ---- the benchmark ----------------------------------------------------------------------------------------------------


async def measure(data_dir: Path) -> dict[str, Any]:
    """One day, made, closed, and compared."""
    async with exchange(data_dir) as (engine, line):
        began_s = time.perf_counter()
        await found_everybody(engine, line, data_dir)
        founded_s = time.perf_counter()
        traded = 0

        def count(entries: Sequence[Entry]) -> None:
            nonlocal traded
            traded += sum(isinstance(event, Traded) for entry in entries for event in entry.events)

        engine.sequencer.on_commit(count)
        await do(engine, _orders())
        assert traded == TRADES
        made_s = time.perf_counter()
        settle_memory()
        watch = await close(engine)
        bare_s, rows = await write_bare(engine, watch)
    seconds = watch.seconds()
    print(f"founded in {founded_s - began_s:.0f} s, traded in {made_s - founded_s:.0f} s")
    print(
        table(
            "the close of a day", ["step", "seconds"], [[step.value, took] for step, took in seconds.items()]
        )
    )
    return {
        "trades": TRADES,
        "accounts": ACCOUNTS,
        "close_s": sum(seconds.values()),
        **{f"{step.value}_s": took for step, took in seconds.items()},
        "peak_mib": watch.peak_bytes / 2**20,
        "settlement_rows": rows,
        "bare_s": bare_s,
        "ratio": sum(seconds[step] for step in SETTLEMENT) / bare_s,
    }


SETTLEMENT: Final = (CloseStep.OBLIGATIONS, CloseStep.REGISTRY)
"""While the later deliveries are asked for, the registry answers to the first, and both legs of those are booked."""


def test_close(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    figures: dict[str, Any] = {}

    def once() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures.update(runner.run(measure(tmp_path / "puhui")))

    benchmark.pedantic(once, rounds=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info.update(figures)
    print(table("closing a day", list(figures), [list(figures.values())]))
