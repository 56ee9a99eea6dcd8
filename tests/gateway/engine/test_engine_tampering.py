"""Whatever is altered, added or taken away in the database is noticed, and named."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from gateway.engine.tables.derived_rows import HistoryRows, JournalBrokenError
from gateway.engine.tables.settlement_postings import SettlementPostings
from gateway.engine.tables.settlement_rows import SettledRows
from gateway.engine.tables.verification import Verification, verify_journal
from tests.gateway.engine.test_engine_recovery import close_the_day, trade_at_random
from tests.gateway.engine.world import Engine, engine

TABLES = (
    *("trade", "ended_order", "delivery_outcome", "transfer", "transfer_outcome", "settlement.settled"),
    *("settlement.posting", "settlement.serial_move", "settlement.balance", "settlement.lot"),
)


@asynccontextmanager
async def a_day(database: str) -> AsyncIterator[Engine]:
    async with engine(database, projections=[SettlementPostings()]) as running:
        await running.set_up()
        await trade_at_random(running, 11, 60)
        await close_the_day(running)
        yield running


async def verified(pool: "asyncpg.Pool[asyncpg.Record]") -> Verification:
    return await verify_journal(pool, derived=(HistoryRows, SettledRows))


async def test_what_was_written_is_whole(database: str) -> None:
    async with a_day(database) as running:
        assert (await verified(running.pool)).entries == running.journal.position
        async with running.pool.acquire() as connection:
            for table in TABLES:
                assert await connection.fetchval(f"SELECT count(*) FROM {table}")


async def test_every_tampering_is_noticed_and_named(database: str) -> None:
    async with a_day(database) as running:
        for tampering, named in TAMPERINGS.items():
            async with running.pool.acquire() as connection:
                await connection.execute("BEGIN; SET LOCAL session_replication_role = replica")
                for table in TABLES:
                    await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                await connection.execute(tampering)
                with pytest.raises(JournalBrokenError) as broken:
                    await verified(Borrowed(connection))  # type: ignore[arg-type] # what is used of a pool
                assert named in str(broken.value), tampering
                await connection.execute("ROLLBACK")
        assert (await verified(running.pool)).entries == running.journal.position


class Borrowed:
    """A pool of the one connection whose transaction sees the tampering."""

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> None:
        self.connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["Borrowed"]:
        yield self

    @asynccontextmanager
    async def transaction(self, **_: object) -> AsyncIterator[None]:
        yield

    def __getattr__(self, name: str) -> object:
        return getattr(self.connection, name)


ENTRY_WITHOUT_MONEY = (
    "(SELECT max(seq) FROM journal WHERE command LIKE '%AdvanceClose%' AND events NOT LIKE '%Settled%')"
)

TAMPERINGS = {
    "UPDATE trade SET price_fen = price_fen + 1 WHERE trade_id = 3": "row (3) of trade is not",
    "DELETE FROM trade WHERE trade_id = 2": "row (2) of trade is missing",
    "INSERT INTO trade SELECT 9999, listing, price_fen, quantity_tonnes, at_ns, trading_day, taker_side, buyer,"
    " seller, buy_order_id, sell_order_id FROM trade WHERE trade_id = 1": "row (9999) of trade was added",
    "DELETE FROM ended_order WHERE order_id = (SELECT min(order_id) FROM ended_order)": "of ended_order is missing",
    "UPDATE ended_order SET status = 'expired' WHERE order_id = (SELECT max(order_id) FROM ended_order"
    " WHERE status = 'filled')": "of ended_order is not",
    "INSERT INTO ended_order SELECT 1, account, participant, 'forged', listing, side, price_fen, quantity_tonnes,"
    " remaining_tonnes, time_in_force, status, at_ns, turnover_fen, ended_ns FROM ended_order LIMIT 1": "1) of ended_order was added",
    "DELETE FROM delivery_outcome WHERE trade_id = 4": "4) of delivery_outcome is missing",
    "UPDATE delivery_outcome SET outcome_at_ns = 1 WHERE trade_id = 4": "4) of delivery_outcome is not",
    "UPDATE transfer SET quantity_tonnes = 1": "of transfer is not",
    "DELETE FROM transfer_outcome": "of transfer_outcome is missing",
    f"INSERT INTO settlement.settled VALUES ({ENTRY_WITHOUT_MONEY}, 1, 'deposit', 'FORGED', 'CNY', 100,"
    " 'outside', 'buyer', 0)": "of settlement.settled was added",
    "UPDATE settlement.settled SET amount = amount + 1 WHERE kind = 'deposit'": "of settlement.settled is not",
    f"INSERT INTO settlement.posting VALUES ({ENTRY_WITHOUT_MONEY}, 1, 'outside', 'CNY', -100),"
    f" ({ENTRY_WITHOUT_MONEY}, 2, 'buyer', 'CNY', 100)": "of settlement.posting was added",
    "DELETE FROM settlement.serial_move WHERE seq = (SELECT max(seq) FROM settlement.serial_move)": "of settlement.serial_move is missing",
    "UPDATE settlement.lot SET methodology_class = 'II'": "of settlement.lot is not",
}
