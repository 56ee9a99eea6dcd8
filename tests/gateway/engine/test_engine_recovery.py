"""A start gives the very exchange that was there, or none."""

import asyncio
import random
from dataclasses import replace

import asyncpg
import orjson
import pytest

from gateway.engine.recovery import RecoveryError, recover, require_agreement
from gateway.engine.snapshot import CORE_STATE, VIEWS_STATE, SnapshotBrokenError, newest_snapshot
from gateway.engine.tables.journal import Journal
from gateway.engine.tables.settlement_postings import SettlementPostings, settlement_check
from gateway.engine.views import views as views_module
from matching.commands import AdvanceClose, CloseDay, RecordReconciliation
from matching.events import DayClosed
from matching.exchange import Exchange
from matching.order import Side, TimeInForce
from tests.gateway.engine.world import DAY, Engine, cancel, confirmations, deposit, engine, order
from tests.matching.driver import statements_due


async def trade_at_random(running: Engine, seed: int, many: int) -> None:
    chance = random.Random(seed)
    for _ in range(many // 10):
        commands = []
        for _ in range(10):
            account = chance.choice(["seller", "buyer", "buyer2"])
            side = chance.choice([Side.BUY, Side.SELL])
            force = chance.choice([TimeInForce.DAY, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK])
            price_fen = chance.randint(6_700, 6_900)
            commands.append(order(account, side, price_fen, chance.randint(1, 50), time_in_force=force))
        entries = await running.do(*commands)
        if chance.random() < 0.5:
            await running.do(cancel(str(commands[0].account), entries[0].seq))


def states(running: Engine) -> tuple[bytes, bytes]:
    """Core and views; but a book's sequence numbers count commits, and a start reads many commits at once."""
    views = running.views.dump()
    depths = tuple(replace(depth, seq=0, at_ns=0) for depth in views.depths)
    return CORE_STATE.encode(running.recovered.exchange.dump()), VIEWS_STATE.encode(
        replace(views, depths=depths)
    )


async def close_the_day(running: Engine) -> None:
    entries = await running.do(CloseDay(trading_day=DAY))
    for _ in range(100):
        step = running.recovered.exchange.close_step
        if step is None:
            return
        if step.value == "reconcile":
            entries = await running.do(
                RecordReconciliation(trading_day=DAY, breaks=0, digest_here="a", digest_there="a")
            )
        else:
            entries = await running.do(AdvanceClose(trading_day=DAY, portion=7))
            await running.do(*statements_due(running.recovered.exchange))
            entries += await running.do(*confirmations(entries))
    pytest.fail(f"the close does not end: {entries}")


@pytest.mark.parametrize("snapshot_every", [40, 1_000_000])
async def test_a_start_gives_what_was_there(database: str, snapshot_every: int) -> None:
    async with engine(database, snapshot_every=snapshot_every, final_snapshot=False) as running:
        await running.set_up()
        await trade_at_random(running, 1, 200)
        before = states(running)
    async with engine(database, final_snapshot=False) as running:
        assert states(running) == before
        assert running.recovered.replayed == running.journal.position - running.recovered.snapshot_seq
        await trade_at_random(running, 2, 50)
        assert (await running.journal.verify()).entries == running.journal.position
        before = states(running)
    async with engine(database) as running:
        assert states(running) == before


async def test_snapshots_are_taken_in_between_and_at_a_clean_end(database: str) -> None:
    async with engine(database, snapshot_every=40) as running:
        await running.set_up()
        await trade_at_random(running, 3, 200)
        end = running.journal.position
        before = states(running)
    async with engine(database) as running:
        assert running.recovered.snapshot_seq == end
        assert running.recovered.replayed == 0
        assert states(running) == before
        kept = await running.pool.fetch("SELECT seq FROM snapshot ORDER BY seq")
        assert len(kept) == 3
        assert kept[-1]["seq"] == end


async def test_a_day_can_be_closed_and_the_next_one_recovered(database: str) -> None:
    async with engine(database, final_snapshot=False, projections=[SettlementPostings()]) as running:
        await running.set_up()
        await trade_at_random(running, 4, 100)
        traded = await running.history.trades(limit=1_000)
        await close_the_day(running)
        running.recovered.exchange.check()
        before = states(running)
        assert running.views.market.trading_day == "2026-11-24"
        close = running.views.market.close
        assert close is not None
        assert (close.state, close.breaks) == ("done", 0)
        assert {step.state for step in close.steps} == {"done"}
        settled = await running.history.trades(limit=1_000)
        assert len(settled.items) == len(traded.items) > 5
        assert {trade.settlement for trade in settled.items} == {"settled"}
        async with running.pool.acquire() as connection:
            assert await settlement_check(connection) == ()
        closed = next(e.seq for e in running.listened for event in e.events if isinstance(event, DayClosed))
        deadline = asyncio.get_running_loop().time() + 10
        while not await running.pool.fetchval("SELECT count(*) FROM snapshot"):
            assert asyncio.get_running_loop().time() < deadline, "the close leaves no snapshot"
            await asyncio.sleep(0.01)
    async with engine(database) as running:
        assert running.recovered.snapshot_seq >= closed
        assert states(running) == before


async def test_views_agree_with_the_core(database: str) -> None:
    async with engine(database) as running:
        await running.set_up()
        await trade_at_random(running, 5, 200)
        core = running.recovered.exchange
        for account, view in running.views.accounts().items():
            for asset, balance in ((asset, view.balance(asset)) for asset in ("CNY", "SHCERCIR1")):
                theirs = core.depository.ledger.balance(account, asset)  # type: ignore[arg-type] # by name
                assert (balance.available, balance.held, balance.delivering, balance.retired) == (
                    theirs.available,
                    theirs.held,
                    theirs.delivering,
                    theirs.retired,
                )
        theirs_open = {order_id: o.remaining_tonnes for order_id, o in core.trading.open_orders.items()}
        assert {o.order_id: o.remaining_tonnes for o in running.views.all_open_orders()} == theirs_open
        depth = running.views.depth("SHCERCIR1")
        assert sum(quantity for _, quantity in depth.bids + depth.asks) == sum(theirs_open.values())


async def test_a_recorded_event_that_is_not_decided_again_names_its_entry(database: str) -> None:
    async with engine(database, final_snapshot=False) as running:
        await running.set_up()
        await running.do(order("buyer", Side.BUY, 6_850, 7))
        seq = running.journal.position
        await running.do(deposit("buyer", 1, "later"))
        async with running.pool.acquire() as connection:
            await connection.execute("ALTER TABLE journal DISABLE TRIGGER ALL")
            await _forge(connection, seq, '"quantity_tonnes":7', '"quantity_tonnes":8')
        assert (await running.pool.fetchval("SELECT count(*) FROM journal WHERE seq > $1", seq)) == 1
    with pytest.raises(RecoveryError, match=f"entry {seq} is decided otherwise"):
        await enter(database)


async def _forge(
    connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", seq: int, old: str, new: str
) -> None:
    """Change an entry's events and make all digests after it anew."""
    await connection.execute(
        "UPDATE journal SET events = replace(events, $2, $3) WHERE seq = $1", seq, old, new
    )
    for row in await connection.fetch("SELECT seq FROM journal WHERE seq >= $1 ORDER BY seq", seq):
        await connection.execute(
            "UPDATE journal SET digest = sha256((SELECT digest FROM journal WHERE seq = $1 - 1) || int8send(seq)"
            " || int8send(at_ns) || convert_to(command, 'UTF8') || convert_to(events, 'UTF8')) WHERE seq = $1",
            row["seq"],
        )


async def enter(database: str) -> None:
    async with engine(database):
        pytest.fail("it started")


DOCTORINGS = {
    "events": ("UPDATE journal SET events = replace(events, '6850', '6750') WHERE seq = $1", "was altered"),
    "unknown command": ("UPDATE journal SET command = '[\"Nothing\",{}]' WHERE seq = $1", "was altered"),
    "gone": ("DELETE FROM journal WHERE seq = $1", "is missing"),
}


@pytest.mark.parametrize("kind", DOCTORINGS)
async def test_a_doctored_row_stops_the_start_and_is_named(database: str, kind: str) -> None:
    doctoring, word = DOCTORINGS[kind]
    async with engine(database, final_snapshot=False) as running:
        await running.set_up()
        await running.do(order("buyer", Side.BUY, 6_850, 7))
        seq = running.journal.position
        await running.do(deposit("buyer", 1, "later"))
        async with running.pool.acquire() as connection:
            await connection.execute("ALTER TABLE journal DISABLE TRIGGER ALL")
            assert await connection.execute(doctoring, seq) != "UPDATE 0"
    with pytest.raises(RecoveryError, match=f"entry {seq} {word}"):
        await enter(database)


async def test_a_doctored_snapshot_stops_the_start(database: str) -> None:
    async with engine(database) as running:
        await running.set_up()
    connection = await asyncpg.connect(database)
    await connection.execute("ALTER TABLE snapshot DISABLE TRIGGER ALL")
    await connection.execute("UPDATE snapshot SET core_state = core_state || ' '::bytea")
    await connection.close()
    with pytest.raises(SnapshotBrokenError, match="is not what was written"):
        await enter(database)


async def test_entries_of_another_core_are_not_judged(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    was = Exchange.VERSION
    async with engine(database, final_snapshot=False) as running:
        await running.set_up()
    with monkeypatch.context() as patch:
        patch.setattr(Exchange, "VERSION", "next")
        with pytest.raises(RecoveryError, match=rf"decided by core {was}, this release has next"):
            await enter(database)
    async with engine(database) as running:  # the old release once, with a clean end
        before = states(running)
    monkeypatch.setattr(Exchange, "VERSION", "next")
    async with engine(database, final_snapshot=False) as running:
        assert states(running)[1] == before[1]
        await running.do(deposit("buyer", 1, "by the new release"))
        assert await running.journal.core_release() == (running.journal.position, "next")
    async with engine(database) as running:
        assert running.recovered.replayed == 1
    monkeypatch.undo()
    async with engine(database) as running:  # back: there is nothing to judge, the clean end left a snapshot
        assert running.recovered.replayed == 0


async def test_views_of_another_shape_are_built_again(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with engine(database) as running:
        await running.set_up()
        await trade_at_random(running, 6, 50)
        before = states(running)
    monkeypatch.setattr(views_module, "VERSION", "next")
    async with engine(database) as running:
        assert running.recovered.replayed == 0
        assert states(running) == before


async def test_recovery_tells_how_far_it_is(database: str) -> None:
    async with engine(database, final_snapshot=False) as running:
        await running.set_up()
        await trade_at_random(running, 7, 600)
        position = running.journal.position
    reports: list[tuple[int, int]] = []
    async with (
        asyncpg.create_pool(database, min_size=1) as pool,
        Journal.opened(database, pool) as journal,
    ):
        await recover(journal, pool, lambda done, total: reports.append((done, total)))
    assert len(reports) > 1
    assert reports[-1] == (position, position)


async def forge_cash(database: str, *, core: bool, views: bool) -> None:
    """Give the buyer money in the newest snapshot, with a digest that fits."""
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        snapshot = await newest_snapshot(pool)
        assert snapshot is not None
        state, shown = orjson.loads(snapshot.core_state), orjson.loads(snapshot.views_state)
        for line in state["depository"]["balances"]:
            if core and (line["account"], line["asset"]) == ("buyer", "CNY"):
                line["available"] += 10**9
        if core:  # a careful forger tells of a deposit that explains it
            state["depository"]["treasury"]["statements"]["waiting"][0]["amount_fen"] += 10**9
        for account in shown["accounts"]["accounts"]:
            if views and account["account"] == "buyer":
                account["cash"]["available"] += 10**9
        forged = replace(snapshot, core_state=orjson.dumps(state), views_state=orjson.dumps(shown))
        assert forged != snapshot
        await pool.execute("DELETE FROM snapshot WHERE seq = $1", forged.seq)
        await pool.execute(
            "INSERT INTO snapshot (seq, core_version, views_version, journal_digest, core_state, views_state,"
            " digest) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            *(forged.seq, forged.core_version, forged.views_version, forged.journal_digest),
            *(forged.core_state, forged.views_state, forged.digest()),
        )


async def test_what_the_tables_agree_with_is_started(database: str) -> None:
    async with engine(database, projections=[SettlementPostings()]) as running:
        await running.set_up()
        await trade_at_random(running, 9, 50)
    async with engine(database, projections=[SettlementPostings()]) as running:
        await require_agreement(running.pool, running.recovered)
        await close_the_day(running)
        await require_agreement(running.pool, running.recovered)


@pytest.mark.parametrize(("core", "views"), [(True, False), (False, True)])
async def test_a_snapshot_forged_in_one_half_stops_the_start(database: str, core: bool, views: bool) -> None:
    async with engine(database, projections=[SettlementPostings()]) as running:
        await running.set_up()
    await forge_cash(database, core=core, views=views)
    with pytest.raises(RecoveryError, match="buyer"):
        async with engine(database, projections=[SettlementPostings()]):
            pytest.fail("it started")


async def test_a_snapshot_forged_altogether_stops_the_start(database: str) -> None:
    async with engine(database, projections=[SettlementPostings()]) as running:
        await running.set_up()
    await forge_cash(database, core=True, views=True)
    async with engine(database, final_snapshot=False, projections=[SettlementPostings()]) as running:
        with pytest.raises(RecoveryError, match=r"differ in 2 places.*buyer|differ in 1 places.*buyer"):
            await require_agreement(running.pool, running.recovered)
