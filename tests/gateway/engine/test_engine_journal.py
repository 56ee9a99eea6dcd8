"""What is written stays written, and whoever alters it shows."""

from dataclasses import replace

import asyncpg
import pytest

from gateway.engine.tables.journal import AnotherWriterError, Journal
from gateway.engine.tables.verification import JournalBrokenError
from matching.commands import AdvanceTime, CancelOrders
from matching.events import OrderAccepted, Rejected
from matching.order import Side
from settlement.values import AccountId, ParticipantId
from tests.gateway.engine.world import Engine, cancel, confirmations, engine, migrated, order, setting_up
from tests.gateway.postgres.second_wall import empty_entries

APPEND_ONLY = (
    "exchange_identity",
    "exchange_life",
    "core_release",
    "journal",
    "account_event",
    "ended_order",
    "trade",
    "delivery_outcome",
    "transfer",
    "transfer_outcome",
)


async def trade_a_little(running: Engine) -> None:
    await running.set_up()
    await running.do(order("seller", Side.SELL, 6_800, 10, client_id="s1"))
    await running.do(order("buyer", Side.BUY, 6_850, 4, client_id="b1"))
    await running.do(order("buyer2", Side.BUY, 6_800, 20, client_id="b2"))
    await running.do(order("buyer2", Side.BUY, 1, 20, client_id="b3"))


async def test_what_is_appended_is_read_back_and_verified(database: str) -> None:
    async with engine(database) as running:
        await trade_a_little(running)
        assert running.journal.position == len(running.listened)
        assert [await running.journal.entry(entry.seq) for entry in running.listened] == running.listened
        assert await running.journal.entry(running.journal.position + 1) is None
        reports: list[tuple[int, int]] = []
        found = await running.journal.verify(lambda done, total: reports.append((done, total)))
        assert found.entries == running.journal.position
        assert found.digest == running.journal.digest
        assert found.account_events == len(running.told)
        assert reports[-1] == (found.entries, found.entries)


async def test_account_events_count_without_a_gap_and_over_a_restart(database: str) -> None:
    async with engine(database) as running:
        await trade_a_little(running)
        told = running.told
    async with engine(database) as running:
        await running.do(order("buyer", Side.BUY, 6_700, 1))
        told = told + running.told
        for account in ("seller", "buyer", "buyer2"):
            stored = await running.history.account_events(account)
            assert list(stored) == [event for event in told if event.account == account]
            assert [event.event_id for event in stored] == list(range(1, len(stored) + 1))
            assert await running.history.last_event_id(account) == len(stored)
            assert await running.history.account_events(account, 2, 1) == stored[2:3]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("act", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_nothing_is_taken_out(database: str, table: str, act: str) -> None:
    await migrated(database)
    connection = await asyncpg.connect(database)
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await connection.execute(act.format(table))
    await connection.execute("SET session_replication_role = replica")
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await connection.execute(act.format(table))
    await connection.close()


async def test_nothing_is_altered(database: str) -> None:
    async with engine(database) as running:
        await trade_a_little(running)
        for table in (*APPEND_ONLY, "snapshot"):
            column = await running.pool.fetchval(
                "SELECT column_name FROM information_schema.columns WHERE table_name = $1 LIMIT 1", table
            )
            with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                await running.pool.execute(f"UPDATE {table} SET {column} = {column}")


@pytest.mark.parametrize("seqs", [(3,), (1,), (2, 4), (0,), (2, 2)])
async def test_a_gap_is_refused(database: str, seqs: tuple[int, ...]) -> None:
    await migrated(database)
    connection = await asyncpg.connect(database)
    insert = "INSERT INTO journal SELECT * FROM unnest($1::journal[])"
    entries = [(0, 0, "[]", "[]", bytes(32)), *empty_entries(4)]
    await connection.execute(insert, entries[1:2])
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await connection.execute(insert, [entries[seq] for seq in seqs])
    await connection.execute(insert, entries[2:4])
    assert await connection.fetchval("SELECT max(seq) FROM journal") == 3
    await connection.close()


TAMPERING = {
    "a changed command": (
        "UPDATE journal SET command = replace(command, '6850', '6750') WHERE seq = $1",
        "digest",
    ),
    "a changed event": (
        "UPDATE journal SET events = replace(events, '6800', '6799') WHERE seq = $1",
        "digest",
    ),
    "a changed time": ("UPDATE journal SET at_ns = at_ns + 1 WHERE seq = $1", "digest"),
    "a changed digest": ("UPDATE journal SET digest = sha256(digest) WHERE seq = $1", "digest"),
    "a row taken out": ("DELETE FROM journal WHERE seq = $1", "missing"),
    "an account told otherwise": ("UPDATE account_event SET body = '{}' WHERE seq = $1", "account event"),
    "an account not told": ("DELETE FROM account_event WHERE seq = $1", "account event"),
    "an account told more": (
        "INSERT INTO account_event VALUES ('zz', 1, $1, 'order_accepted', 0, '{}')",
        "account event",
    ),
}


@pytest.mark.parametrize("kind", TAMPERING)
async def test_tampering_is_found_where_it_was_done(database: str, kind: str) -> None:
    tamper, word = TAMPERING[kind]
    async with engine(database, final_snapshot=False) as running:
        await trade_a_little(running)
        seq = running.journal.position - 2  # the first purchase
        async with running.pool.acquire() as connection:
            for table in ("journal", "account_event"):
                await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            assert await connection.execute(tamper, seq) != "UPDATE 0"
        with pytest.raises(JournalBrokenError, match=word) as caught:
            await running.journal.verify()
        assert caught.value.seq == seq


async def test_the_journal_has_one_writer(database: str) -> None:
    async with engine(database) as running:
        with pytest.raises(AnotherWriterError):
            async with Journal.opened(database, running.pool):
                pytest.fail("two writers")
    async with engine(database) as running:
        assert running.sequencer.is_open


async def test_the_writing_connection_may_only_insert_and_read(database: str) -> None:
    async with engine(database) as running:
        connection = running.journal._connection
        assert await connection.fetchval("SELECT current_user") == "puhui_service"
        for table in APPEND_ONLY:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"DELETE FROM {table}")


async def test_the_exchange_keeps_its_identity(database: str) -> None:
    async with engine(database) as running:
        first = running.journal.exchange_id
    async with engine(database) as running:
        assert running.journal.exchange_id == first
        assert len(first) == 16


async def test_history_serves_what_ended(database: str) -> None:
    async with engine(database) as running:
        await trade_a_little(running)
        await running.do(cancel("buyer2", running.journal.position - 1))
        history = running.history
        sold = await history.order_by_client_id("seller", "s1")
        assert sold is not None
        assert (sold.status, sold.filled_tonnes, sold.turnover_fen) == ("filled", 10, 68_000)
        assert await history.order(sold.order_id) == sold == running.views.order(sold.order_id)
        cancelled = await history.order_by_client_id("buyer2", "b2")
        assert cancelled is not None
        assert (cancelled.status, cancelled.filled_tonnes, cancelled.reason) == ("cancelled", 6, "requested")
        refused = await history.order_by_client_id("buyer2", "b3")
        assert refused is not None
        assert (refused.status, refused.reason, refused.filled_tonnes) == (
            "rejected",
            "price_outside_band",
            0,
        )
        assert refused.limit is not None
        assert refused.actual == 1
        assert await history.order(10_000) is None
        page = await history.orders("buyer2", limit=1)
        rest = await history.orders("buyer2", limit=1, after=page.next)
        assert [*page.items, *rest.items] == [refused, cancelled]
        assert rest.next is None
        assert (await history.orders("buyer2", status="cancelled")).items == (cancelled,)


async def test_history_pages_trades_by_side_and_listing(database: str) -> None:
    async with engine(database) as running:
        await trade_a_little(running)
        history = running.history
        everything = (await history.trades()).items
        assert [(trade.trade_id, trade.buyer, trade.quantity_tonnes) for trade in everything] == [
            (2, "buyer2", 6),
            (1, "buyer", 4),
        ]
        assert (await history.trades(account="seller")).items == everything
        assert (await history.trades(account="buyer", listing="SHCERCIR1")).items == everything[1:]
        assert (await history.trades(account="buyer", listing="OTHER")).items == ()
        first = await history.trades(account="seller", limit=1)
        second = await history.trades(account="seller", limit=1, after=first.next)
        assert (*first.items, *second.items) == everything
        assert second.next is None
        assert everything[0].settlement == "pending"
        assert await history.trade(1) == everything[1]


async def test_history_shows_how_a_transfer_ended(database: str) -> None:
    async with engine(database) as running:
        entries = [await running.sequencer.submit(command) for command in setting_up()]
        pending = await running.history.transfer_by_client_id("seller", "transfer-1")
        assert pending is not None
        assert (pending.state, pending.quantity_tonnes) == ("pending", 100_000)
        assert pending.lots == (("LOT-1", ((1, 100_001),)),)
        await running.do(*confirmations(entries))
        done = await running.history.transfer(pending.instruction_id)
        assert done is not None
        assert done.state == "completed"
        assert (await running.history.transfers("seller")).items == (done,)
        assert (await running.history.transfers("buyer")).items == ()


async def test_a_stranger_leaves_nothing_in_anothers_log(database: str) -> None:
    async with engine(database) as running:
        await running.set_up()
        before = len(running.told)
        mine = order("buyer", Side.BUY, 6_800, 1, client_id="mine")
        theirs = order("buyer", Side.BUY, 6_800, 1, client_id="theirs")
        stranger = replace(theirs, participant=ParticipantId("seller-person"))
        reused = order("buyer", Side.BUY, 6_800, 2, client_id="mine")
        accepted, replayed, foreign, other = await running.do(mine, mine, stranger, reused)
        assert any(isinstance(event, OrderAccepted) for event in accepted.events)
        assert [type(event).__name__ for event in replayed.events] == ["Replayed"]
        assert [event.code for event in foreign.events if isinstance(event, Rejected)] == ["not_your_account"]
        assert [event.code for event in other.events if isinstance(event, Rejected)] == ["client_id_reused"]
        assert [event.type for event in running.told[before:]] == ["order_accepted"]
        assert running.views.order_by_client_id("buyer", "theirs") is None
        await running.do(
            CancelOrders(participant=ParticipantId("buyer-person"), account=AccountId("buyer")), AdvanceTime()
        )
        kept = await running.history.order_by_client_id("buyer", "mine")
        assert kept is not None
        assert kept.order_id == accepted.seq
