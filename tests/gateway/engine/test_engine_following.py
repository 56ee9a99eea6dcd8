"""A process that follows the journal sees what the writer's own readers see, in the same steps, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from gateway.engine import following as module
from gateway.engine.clock import ManualClock
from gateway.engine.entry import Entry
from gateway.engine.following import Following
from gateway.engine.recovery import RecoveryError
from gateway.engine.sequencer import Sequencer, Stopped
from gateway.engine.tables.journal import Pool
from gateway.engine.tables.terms import Marks, Term
from gateway.engine.views.depth import DepthChange
from gateway.engine.views.views import Views
from gateway.reader import reading
from matching.exchange import Exchange
from matching.order import Side
from tests.gateway.engine.world import LISTING, START_NS, Engine, deposit, engine, order

NO_MARKS = Marks(seal=None, line=None)


@asynccontextmanager
async def writer(dsn: str) -> AsyncIterator[tuple[Engine, list[DepthChange]]]:
    """An engine in a term of its own, and every change of its books."""
    clock = ManualClock(START_NS)
    async with engine(dsn, clock=clock, final_snapshot=False) as running:
        running.sequencer.on_commit(lambda _: clock.move_to(clock.now_ns() + 1_000))
        term = Term()
        await term.begin(running.pool, after_seq=running.journal.position, release="1", marks=NO_MARKS)
        running.views.begin_term()
        yield running, changes_of(running.views, running.sequencer)


def changes_of(views: Views, commits: Following | Sequencer) -> list[DepthChange]:
    found: list[DepthChange] = []

    def follow(_: Sequence[Entry]) -> None:
        found.extend(views.depth_changes)

    commits.on_commit(follow)
    return found


async def level(following: Following) -> None:
    while await following.step():
        pass


def say_nothing(_: int, __: int) -> None:
    """Nobody waits."""


async def trade_on(running: Engine, start: int = 0) -> None:
    """Several batches, some of several commands."""
    for number in range(start, start + 5):
        await running.do(
            *(order("seller", Side.SELL, 6_800 + number + step, 3) for step in range(3)),
            order("buyer", Side.BUY, 6_790 - number, 2),
        )
        await running.do(order("buyer", Side.BUY, 6_800 + number, 2))


async def test_the_books_are_numbered_alike_from_whatever_entry_it_begins(database: str) -> None:
    async with reading(database, size=1) as line:
        async with writer(database) as (running, written):
            await running.set_up()
            early = await Following.load(line, say_nothing)
            seen = changes_of(early.views, early)
            written.clear()
            await trade_on(running)
            await running.do(deposit("buyer", 100, "after the books"))
            await level(early)
            assert seen == written
            assert len(written) > 5
            late = await Following.load(line, say_nothing)
            assert late.views.dump() == early.views.dump() == running.views.dump()
        async with writer(database) as (running, written):
            begun: list[int] = []
            early.on_term(lambda: begun.append(early.position))
            await level(early)
            assert begun == [running.journal.position]
            assert early.views.depth(LISTING).seq == running.journal.position
            assert early.views.depth(LISTING) == running.views.depth(LISTING)
            await trade_on(running, 10)
            await level(early)
            after = await Following.load(line, say_nothing)
            assert early.views.depth(LISTING) == after.views.depth(LISTING) == running.views.depth(LISTING)
            assert seen[-len(written) :] == written
            assert (early.behind_entries, early.is_idle, early.queue_depth) == (0, True, 0)


async def test_a_long_way_is_gone_in_pages_that_cut_no_batch(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ROWS", 5)
    async with reading(database, size=1) as line, writer(database) as (running, written):
        await running.set_up()
        following = await Following.load(line, say_nothing)
        seen = changes_of(following.views, following)
        written.clear()
        await trade_on(running)
        await level(following)
        assert seen == written


async def test_it_can_read_what_the_public_sees_is_made_from_and_write_nothing(database: str) -> None:
    async with writer(database) as (running, _), reading(database, size=1) as line:
        await running.set_up()
        for secret in ("access_key", "person", "person_session", "act_asked", "account_event"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await line.fetch(f"SELECT * FROM {secret}")
        async with line.acquire() as connection:
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await connection.execute("INSERT INTO core_release VALUES (99, '1')")
            await connection.execute("SET default_transaction_read_only = off")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("INSERT INTO core_release VALUES (99, '1')")
        following = await Following.load(line, say_nothing)
        with pytest.raises(Stopped, match="only reads"):
            await following.submit(order("buyer", Side.BUY, 6_800, 1))
        with pytest.raises(Stopped, match="only reads"):
            following.hand_in(order("buyer", Side.BUY, 6_800, 1), lambda _: None)


async def test_it_comes_back_when_its_database_does(database: str) -> None:
    async with writer(database) as (running, _), reading(database, size=1) as line:
        await running.set_up()
        following = await Following.load(line, say_nothing)
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        assert await running.pool.fetchval(f"{cut} AND application_name = 'puhui reader'")
        await trade_on(running)
        came = asyncio.Event()
        following.on_commit(
            lambda entries: came.set() if entries[-1].seq == running.journal.position else None
        )
        work = asyncio.create_task(following.run())
        async with asyncio.timeout(10):
            await came.wait()
        work.cancel()
        assert following.views.depth(LISTING) == running.views.depth(LISTING)


async def follow_another(line: Pool, other: str) -> None:
    """One who followed the first journal finds itself before the other."""
    following = await Following.load(line, say_nothing)
    async with reading(other, size=1) as another:
        following._pool = another
        await level(following)


async def test_another_journal_under_the_same_name_is_not_followed(
    database: str, empty_database: str
) -> None:
    async with engine(empty_database) as lagging:
        await lagging.set_up()
        async with engine(database) as running, reading(database, size=1) as line:
            await running.set_up()
            await trade_on(running)
            with pytest.raises(RecoveryError, match="is not in the journal any more"):
                await follow_another(line, empty_database)
            await trade_on(lagging)
            await trade_on(lagging, 10)
            with pytest.raises(RecoveryError, match="does not follow from the one before"):
                await follow_another(line, empty_database)


async def test_what_another_release_writes_is_not_read(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading(database, size=1) as line:
        with pytest.raises(RecoveryError, match="no exchange in this database yet"):
            await Following.load(line, say_nothing)
        async with writer(database) as (running, _):
            await running.set_up()
            monkeypatch.setattr(Exchange, "VERSION", "0")
            with pytest.raises(RecoveryError, match="run the release of the process that serves"):
                await Following.load(line, say_nothing)
            monkeypatch.undo()
