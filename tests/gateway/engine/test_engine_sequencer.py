"""One command after the other, in batches, and no answer before the commit."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from gateway.engine.clock import ManualClock
from gateway.engine.entry import AccountEvent, Entry
from gateway.engine.sequencer import Overloaded, Sequencer, Stopped, TooLate
from gateway.postgres.database import ensure_database
from gateway.postgres.embedded import EmbeddedPostgres
from gateway.request_ids import SERVING
from matching.commands import AdvanceTime, Command
from matching.events import Event, OrderAccepted
from matching.order import Side
from matching.state import Stamp
from tests.gateway.engine.world import START_NS, engine, order


class Recorder:
    """A core that decides nothing."""

    def __init__(self, faulty_seq: int = 0) -> None:
        self.stamps: list[Stamp] = []
        self.faulty_seq = faulty_seq

    def apply(self, command: Command, stamp: Stamp) -> tuple[Event, ...]:
        assert stamp.seq != self.faulty_seq, "broken"
        self.stamps.append(stamp)
        return ()


class Paper:
    """A journal whose commits last until they are let through."""

    def __init__(self) -> None:
        self.position = 0
        self.at_ns = 0
        self.batches: list[Sequence[Entry]] = []
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None

    async def append(self, entries: Sequence[Entry]) -> Sequence[AccountEvent]:
        self.batches.append(entries)
        self.asked.set()
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.position, self.at_ns = entries[-1].seq, entries[-1].at_ns
        return ()


class Line:
    """A sequencer on paper."""

    def __init__(self, *, faulty_seq: int = 0, queue_limit: int = 100, batch_limit: int = 10) -> None:
        self.core, self.paper, self.clock = Recorder(faulty_seq), Paper(), ManualClock(START_NS)
        self.sequencer = Sequencer(
            self.core, self.paper, self.clock, queue_limit=queue_limit, batch_limit=batch_limit
        )
        self.task = asyncio.create_task(self.sequencer.run())

    def submit(self, many: int) -> list["asyncio.Task[Entry]"]:
        return [asyncio.create_task(self.sequencer.submit(AdvanceTime())) for _ in range(many)]

    async def held_after(self, many: int) -> list["asyncio.Task[Entry]"]:
        """Submit one, whose commit is held, and then so many more."""
        self.paper.gate.clear()
        first = self.submit(1)
        await self.paper.asked.wait()
        rest = self.submit(many)
        await asyncio.sleep(0)
        return first + rest


async def test_while_one_batch_commits_the_next_collects() -> None:
    line = Line()
    await asyncio.sleep(0)
    tasks = await line.held_after(25)
    assert line.sequencer.queue_depth == 25
    assert not any(task.done() for task in tasks)
    line.paper.gate.set()
    entries = await asyncio.gather(*tasks)
    assert [entry.seq for entry in entries] == list(range(1, 27))
    assert [len(batch) for batch in line.paper.batches] == [1, 10, 10, 5]
    await line.sequencer.drain()
    await line.task


async def test_stamps_never_run_backwards() -> None:
    line = Line()
    line.paper.at_ns = START_NS + 5
    await asyncio.sleep(0)
    await asyncio.gather(*line.submit(2))
    line.clock.move_to(START_NS + 9)
    await asyncio.gather(*line.submit(1))
    assert [(stamp.seq, stamp.at_ns - START_NS) for stamp in line.core.stamps] == [(1, 5), (2, 5), (3, 9)]
    await line.sequencer.drain()


async def test_a_deadline_is_judged_when_the_commands_turn_comes() -> None:
    line = Line()
    await asyncio.sleep(0)
    first, *_ = await line.held_after(0)
    late, last, timely = (
        asyncio.create_task(line.sequencer.submit(AdvanceTime(), deadline_ns=START_NS + deadline_ns))
        for deadline_ns in (1, 4, 5)
    )
    await asyncio.sleep(0)
    line.clock.move_to(START_NS + 5)
    line.paper.gate.set()
    for waiting in (late, last):
        with pytest.raises(TooLate) as told:
            await waiting
        assert told.value.at_ns == START_NS + 5
    assert [(await first).seq, (await timely).seq] == [1, 2]
    with pytest.raises(TooLate):
        await line.sequencer.submit(AdvanceTime(), deadline_ns=START_NS)
    assert line.sequencer.is_idle
    assert [len(batch) for batch in line.paper.batches] == [1, 1]
    await line.sequencer.drain()
    await line.task


async def test_too_many_waiting_are_turned_away_at_the_door() -> None:
    line = Line(queue_limit=3)
    await asyncio.sleep(0)
    tasks = await line.held_after(3)
    with pytest.raises(Overloaded):
        await line.sequencer.submit(AdvanceTime())
    line.paper.gate.set()
    assert [entry.seq for entry in await asyncio.gather(*tasks)] == [1, 2, 3, 4]
    await line.sequencer.drain()


async def test_a_caller_who_leaves_takes_nothing_back_and_breaks_nothing() -> None:
    line = Line()
    await asyncio.sleep(0)
    tasks = await line.held_after(2)
    tasks[0].cancel()
    tasks[1].cancel()
    await asyncio.sleep(0)
    line.paper.gate.set()
    assert (await tasks[2]).seq == 3
    assert len(line.core.stamps) == 3
    await line.sequencer.drain()


async def test_listeners_hear_before_the_replies_are_released() -> None:
    line = Line()
    heard: list[tuple[int, bool]] = []
    tasks: list[asyncio.Task[Entry]] = []
    line.sequencer.on_commit(lambda entries: heard.append((entries[0].seq, any(t.done() for t in tasks))))
    await asyncio.sleep(0)
    tasks.extend(line.submit(1))
    await tasks[0]
    assert heard == [(1, False)]
    await line.sequencer.drain()


async def test_nothing_is_taken_before_it_runs_and_after_it_is_drained() -> None:
    line = Line()
    with pytest.raises(Stopped) as early:
        await line.sequencer.submit(AdvanceTime())
    assert early.value.state == "not_accepted"
    await asyncio.sleep(0)
    tasks = await line.held_after(12)
    draining = asyncio.create_task(line.sequencer.drain())
    await asyncio.sleep(0)
    assert not line.sequencer.is_open
    with pytest.raises(Stopped) as late:
        await line.sequencer.submit(AdvanceTime())
    assert late.value.state == "not_accepted"
    line.paper.gate.set()
    await draining
    assert len(await asyncio.gather(*tasks)) == 13
    assert line.sequencer.failure is None
    await line.task


async def test_a_failed_append_stops_it_for_good() -> None:
    line = Line()
    await asyncio.sleep(0)
    SERVING.set("desk-7")  # of this test's own context, and of the tasks it starts
    tasks = await line.held_after(3)
    line.paper.fault = ConnectionError("gone")
    with capture_logs() as told:
        line.paper.gate.set()
        stopped = await asyncio.gather(*tasks, return_exceptions=True)
    (lost,) = told
    assert (lost["event"], lost["state"], lost["request_ids"]) == ("batch_lost", "unknown", ["desk-7"])
    assert [error.state for error in stopped if isinstance(error, Stopped)] == [
        "unknown",
        *["not_accepted"] * 3,
    ]
    with pytest.raises(ConnectionError):
        await line.task
    assert isinstance(line.sequencer.failure, ConnectionError)
    assert not line.sequencer.is_open
    await line.sequencer.stopped()
    with pytest.raises(Stopped):
        await line.sequencer.submit(AdvanceTime())


async def test_a_broken_invariant_stops_it_before_anything_is_written() -> None:
    line = Line(faulty_seq=3)
    await asyncio.sleep(0)
    tasks = await line.held_after(4)
    line.paper.gate.set()
    assert (await tasks[0]).seq == 1
    rest = await asyncio.gather(*tasks[1:], return_exceptions=True)
    assert [error.state for error in rest if isinstance(error, Stopped)] == ["not_accepted"] * 4
    with pytest.raises(AssertionError, match="broken"):
        await line.task
    assert len(line.paper.batches) == 1


async def test_orders_of_many_clients_share_commits(database: str) -> None:
    async with engine(database) as running:
        await running.set_up()
        before = await running.pool.fetchval("SELECT count(DISTINCT xmin::text) FROM journal")
        entries = await running.do(*(order("buyer", Side.BUY, 6_500, 1) for _ in range(200)))
        assert [entry.seq for entry in entries] == list(range(entries[0].seq, entries[0].seq + 200))
        after = await running.pool.fetchval("SELECT count(DISTINCT xmin::text) FROM journal")
        assert after - before <= 2
        assert len(running.views.open_orders("buyer")) == 200


async def test_what_was_acknowledged_survives_the_death_of_the_database(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "first") as server:
        dsn = await ensure_database(server.dsn, "exchange")
        acknowledged: list[Entry] = []
        unknown: list[str] = []
        many = asyncio.Event()
        async with engine(dsn, final_snapshot=False) as running:
            await running.set_up()

            async def submit_until_stopped(number: int) -> None:
                for turn in range(100_000):
                    try:
                        command = order("buyer", Side.BUY, 6_500, 1, client_id=f"{number}-{turn}")
                        acknowledged.append(await running.sequencer.submit(command))
                        if len(acknowledged) == 200:
                            many.set()
                    except Stopped as stopped:
                        unknown.append(stopped.state)
                        return

            clients = [asyncio.create_task(submit_until_stopped(number)) for number in range(20)]
            await asyncio.wait_for(many.wait(), 30)
            _kill_server(server.pid)
            await asyncio.wait_for(asyncio.gather(*clients), 30)
            assert not running.sequencer.is_open
            assert isinstance(
                running.sequencer.failure, (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
            )
            assert len(unknown) == 20
            assert "unknown" in unknown
            last = running.journal.position
        await server.stop()
    async with EmbeddedPostgres(tmp_path / "first") as server:
        dsn = await ensure_database(server.dsn, "exchange")
        async with engine(dsn) as running:
            assert running.journal.position >= last >= acknowledged[-1].seq
            for entry in acknowledged:
                assert await running.journal.entry(entry.seq) == entry
            accepted = [
                event for entry in acknowledged for event in entry.events if isinstance(event, OrderAccepted)
            ]
            assert all(running.views.order(event.order_id) for event in accepted)


def _kill_server(pid: int) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended by itself meanwhile
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid:
                os.kill(int(process.name), signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)


async def test_a_lost_connection_closes_it_although_nobody_asks_anything(database: str) -> None:
    async with engine(database, final_snapshot=False) as running:
        await running.set_up()
        fault = ConnectionError("gone")
        running.journal.on_lost(lambda: running.sequencer.lose(fault))
        assert running.sequencer.is_open
        ended = await running.pool.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert ended == 1
        async with asyncio.timeout(10):
            await running.sequencer.stopped()
        assert (running.sequencer.is_open, running.sequencer.failure) == (False, fault)
        with pytest.raises(Stopped) as refused:
            await running.sequencer.submit(order("buyer", Side.BUY, 6_800, 1))
        assert refused.value.state == "not_accepted"
