"""Any part of the journal can be proved by itself, and all of it decided again."""

import hashlib
from datetime import date

import pytest

from gateway.engine.clock import ManualClock
from gateway.engine.replaying import ReplayImpossibleError, replay_journal
from gateway.engine.snapshot import CORE_STATE, newest_snapshot
from gateway.engine.tables.ranges import Bound, RangeEmptyError, parse_bound, verify_range
from gateway.engine.tables.rows import GENESIS
from gateway.engine.tables.settlement_postings import SettlementPostings
from gateway.engine.tables.verification import JournalBrokenError
from matching.calendar import midnight_ns
from matching.order import Side
from settlement.values import TradingDay
from tests.gateway.engine.test_engine_recovery import trade_at_random
from tests.gateway.engine.world import START_NS, Engine, deposit, engine, order


async def stored_digest(running: Engine, seq: int) -> bytes:
    found: bytes = await running.pool.fetchval("SELECT digest FROM journal WHERE seq = $1", seq)
    return found


async def test_a_range_is_anchored_on_the_digest_before_it(database: str) -> None:
    async with engine(database) as running:
        await running.set_up()
        end = running.journal.position
        whole = await verify_range(running.pool, None, None)
        assert (whole.first, whole.last, whole.anchor) == (1, end, GENESIS)
        assert whole.digest == running.journal.digest
        reports: list[tuple[int, int]] = []
        part = await verify_range(running.pool, 5, 9, lambda done, total: reports.append((done, total)))
        assert (part.first, part.last, part.entries) == (5, 9, 5)
        assert part.anchor == await stored_digest(running, 4)
        assert part.digest == await stored_digest(running, 9)
        assert reports == [(5, 5)]
        assert (await verify_range(running.pool, 3, end + 50)).last == end
        for since, until in ((end + 1, None), (9, 8)):
            with pytest.raises(RangeEmptyError):
                await verify_range(running.pool, since, until)


async def test_a_range_of_days_is_of_shanghais(database: str) -> None:
    clock = ManualClock(START_NS)
    async with engine(database, clock=clock) as running:
        await running.set_up()
        first_day = running.journal.position
        clock.move_to(midnight_ns(TradingDay("2026-12-31")))
        await running.do(order("buyer", Side.BUY, 6_800, 1))
        clock.move_to(midnight_ns(TradingDay("2027-01-01")) - 1)
        await running.do(order("buyer", Side.BUY, 6_801, 1))
        clock.move_to(midnight_ns(TradingDay("2027-01-01")))
        await running.do(order("buyer", Side.BUY, 6_802, 1))
        last = date(2026, 12, 31)
        found = await verify_range(running.pool, last, last)
        assert (found.first, found.last) == (first_day + 1, first_day + 2)
        assert (await verify_range(running.pool, None, date(2026, 11, 30))).last == first_day
        assert (await verify_range(running.pool, date(2027, 1, 1), None)).entries == 1
        with pytest.raises(RangeEmptyError):
            await verify_range(running.pool, date(2026, 11, 24), date(2026, 12, 30))


@pytest.mark.parametrize(
    ("since", "until", "is_seen"), [(2, 5, True), (1, 4, True), (7, 9, False), (5, 5, True)]
)
async def test_only_what_is_in_the_range_is_judged(
    database: str, since: Bound, until: Bound, *, is_seen: bool
) -> None:
    async with engine(database, final_snapshot=False) as running:
        await running.set_up()
        await running.pool.execute("ALTER TABLE journal DISABLE TRIGGER ALL")
        await running.pool.execute("UPDATE journal SET at_ns = at_ns + 1 WHERE seq IN (4, 5)")
        if not is_seen:
            assert (await verify_range(running.pool, since, until)).first == since
            return
        with pytest.raises(JournalBrokenError) as broken:
            await verify_range(running.pool, since, until)
        assert broken.value.seq in (4, 5)


@pytest.mark.parametrize(
    ("text", "bound"),
    [("1", 1), ("4711", 4711), ("2026-11-23", date(2026, 11, 23)), ("20261123", 20_261_123)],
)
def test_a_bound_is_a_number_or_a_day(text: str, bound: Bound) -> None:
    assert parse_bound(text) == bound


@pytest.mark.parametrize("text", ["", "0", "-1", "2026-13-01", "yesterday", "1e3", "٣"])
def test_nothing_else_is_a_bound(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        parse_bound(text)


async def test_everything_is_decided_again_and_a_forged_snapshot_is_caught(database: str) -> None:
    async with engine(database, projections=[SettlementPostings()]) as running:
        await running.set_up()
        await trade_at_random(running, 3, 40)
    async with engine(database, projections=[SettlementPostings()], final_snapshot=False) as running:
        await running.do(deposit("buyer", 5, "later"))
        found = await replay_journal(running.pool)
        assert (found.entries, found.snapshots) == (running.journal.position, 1)
        snapshot = await newest_snapshot(running.pool)
        assert snapshot is not None
        forged = snapshot.core_state.replace(b'"buyer2-person"', b'"buyer3-person"')
        assert forged != snapshot.core_state
        assert CORE_STATE.decode(forged) is not None
        total = hashlib.sha256(f"{snapshot.seq}|{snapshot.core_version}|{snapshot.views_version}|".encode())
        for part in (snapshot.journal_digest, forged, snapshot.views_state):
            total.update(len(part).to_bytes(8, "big"))
            total.update(part)
        await running.pool.execute("ALTER TABLE snapshot DISABLE TRIGGER ALL")
        await running.pool.execute(
            "UPDATE snapshot SET core_state = $1, digest = $2 WHERE seq = $3",
            *(forged, total.digest(), snapshot.seq),
        )
        assert await newest_snapshot(running.pool) is not None, "by itself it looks whole"
        with pytest.raises(JournalBrokenError, match="is not what the core was") as broken:
            await replay_journal(running.pool)
        assert broken.value.seq == snapshot.seq


async def test_what_another_version_decided_is_not_decided_again(database: str) -> None:
    async with engine(database) as running:
        await running.set_up()
        await running.pool.execute("ALTER TABLE core_release DISABLE TRIGGER ALL")
        await running.pool.execute("UPDATE core_release SET core_version = 'older'")
        with pytest.raises(ReplayImpossibleError, match="decided by core older"):
            await replay_journal(running.pool)
