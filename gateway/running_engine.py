"""The exchange itself as it runs: its database, its journal, what was recovered from it, and the way in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Final

import asyncpg

from gateway.access.acts_asked import ActsAsked
from gateway.access.keys import KeyStore
from gateway.access.seal import load_seal
from gateway.access.sign_in import SignIns, people_signing_in
from gateway.config import EXCHANGE_DATABASE, Settings
from gateway.engine.clock import Clock, ManualClock, RealClock
from gateway.engine.history.history import History
from gateway.engine.recovery import Recovered, recover, require_agreement
from gateway.engine.sequencer import Sequencer
from gateway.engine.snapshot import Snapshots
from gateway.engine.tables.journal import Connection, Journal, Pool
from gateway.engine.tables.settlement_postings import SettlementPostings
from gateway.engine.tables.terms import JournalLostError, Marks, Term
from gateway.engine.views.views import Views
from gateway.lifetime import Lifetime, Say, postgres
from gateway.metrics import MeasuredAppender, Metrics
from gateway.postgres.database import ensure_database
from gateway.postgres.migrations import migrate
from gateway.process_metrics import release
from gateway.roles import Role
from gateway.standby import require_reachable
from matching.exchange import Exchange

POOL_SIZE: Final = 8
"""Connections of everybody who reads, and of acts beside the core."""
RESERVED_SIZE: Final = 3
"""Connections for what orders and the process itself wait for; however slow readers are, they take none of these."""
CONNECT_TIMEOUT_S: Final = 30
COMMAND_TIMEOUT_S: Final = 60
IDLE_S: Final = 300
"""After which an unused connection is given back."""


_CASH_BREAKS_OPEN: Final = """
SELECT count(*) FROM cash_break WHERE NOT EXISTS
    (SELECT FROM cash_break_outcome WHERE cash_break_outcome.break_id = cash_break.break_id)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """The exchange itself, recovered and taking commands."""

    exchange: Exchange
    """Only for when time next changes anything; readers have the views."""
    sequencer: Sequencer
    views: Views
    journal: Journal
    history: History
    keys: KeyStore
    acts_asked: ActsAsked
    sign_ins: SignIns
    clock: Clock
    metrics: Metrics
    commit_under_way_s: Callable[[], float]
    """For how long the journal has been writing what it writes now; zero when it rests."""
    pool: "asyncpg.Pool[asyncpg.Record]"
    reserved: "asyncpg.Pool[asyncpg.Record]"
    """For what orders wait for."""


@asynccontextmanager
async def running_engine(settings: Settings, lifetime: Lifetime, say: Say) -> AsyncIterator[Engine]:
    """Database, journal, recovery, sequencer. At the end: drained, with a snapshot of the last entry."""
    clock: Clock = RealClock() if settings.now_ns is None else ManualClock(settings.now_ns)
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(
            postgres(lifetime, settings.postgres_dir, settings.database_url, say)
        )
        if settings.database_url is None:
            dsn = await ensure_database(dsn, EXCHANGE_DATABASE)
        else:
            await require_reachable(dsn)
        term = Term()
        pool = await stack.enter_async_context(_pool(dsn, term, POOL_SIZE))
        reserved = await stack.enter_async_context(_pool(dsn, term, RESERVED_SIZE, always=RESERVED_SIZE))
        journal = await stack.enter_async_context(
            Journal.opened(dsn, pool, (SettlementPostings(),), prepare=_migrate)
        )
        seal = load_seal(settings.seal_file)
        marks = Marks.of(settings.seal_file, settings.line_key_file)
        await term.begin(pool, after_seq=journal.position, release=release(), marks=marks)
        recovered = await recover(journal, pool, _progress(say))
        recovered.views.begin_term()
        await require_agreement(pool, recovered)
        keys = await KeyStore.load(pool, seal)
        sign_ins = await stack.enter_async_context(people_signing_in(pool, seal))
        metrics = Metrics()
        metrics.process.watch(settings.data_dir, pool)
        metrics.process.role.labels(Role.ALL).set(1)
        metrics.market.count_cash_breaks(await pool.fetchval(_CASH_BREAKS_OPEN))
        measured = MeasuredAppender(journal, metrics)
        sequencer = _sequencer(recovered, journal, measured, reserved, clock)
        lifetime.run(stack, "the journal's lock", _watching(term, reserved, journal, sequencer))
        lifetime.run(stack, "sequencer", sequencer.run())
        stack.push_async_callback(sequencer.drain)
        await asyncio.sleep(0)  # lets it open
        yield Engine(
            exchange=recovered.exchange,
            sequencer=sequencer,
            views=recovered.views,
            journal=journal,
            history=History(pool),
            keys=keys,
            acts_asked=ActsAsked(pool, seal),
            sign_ins=sign_ins,
            clock=clock,
            metrics=metrics,
            commit_under_way_s=measured.under_way_s,
            pool=pool,
            reserved=reserved,
        )


def _watching(term: Term, pool: Pool, journal: Journal, sequencer: Sequencer) -> Coroutine[None, None, None]:
    """Whoever loses the journal decides nothing more: it hears of it, or finds it out."""
    journal.on_lost(lambda: sequencer.lose(JournalLostError("its connection to PostgreSQL has ended")))

    def lose(error: Exception) -> None:
        sequencer.lose(error)
        journal.abandon()

    return term.watch(pool, journal.writer_pid, lose)


def _sequencer(
    recovered: Recovered,
    journal: Journal,
    measured: MeasuredAppender,
    pool: "asyncpg.Pool[asyncpg.Record]",
    clock: Clock,
) -> Sequencer:
    snapshots = Snapshots(pool, recovered.exchange, recovered.views, journal, last_seq=recovered.snapshot_seq)
    sequencer = Sequencer(recovered.exchange, measured, clock, after_batch=snapshots.after_batch)
    sequencer.on_commit(recovered.views.apply)
    return sequencer


async def _migrate(connection: Connection) -> None:
    await migrate(connection, resources.files("gateway.postgres") / "schema")


@asynccontextmanager
async def _pool(
    dsn: str, term: Term, size: int, *, always: int = 1
) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """So many connections at most. Those that are `always` there need no room when others have taken all there is."""
    pool = await asyncpg.create_pool(
        dsn,
        min_size=always,
        max_size=size,
        max_inactive_connection_lifetime=0 if always == size else IDLE_S,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=COMMAND_TIMEOUT_S,
        init=term.admit,
        server_settings={"application_name": term.name},
    )
    try:
        yield pool
    finally:
        try:
            await asyncio.wait_for(pool.close(), CONNECT_TIMEOUT_S)
        except TimeoutError:
            pool.terminate()


def _progress(say: Say) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        say(f"恢复 | recovering {done}/{total}")

    return tell
