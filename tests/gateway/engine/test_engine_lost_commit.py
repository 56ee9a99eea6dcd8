"""A COMMIT whose answer was lost: what it made durable is neither done again nor forgotten, hold or settlement.

The line to the database really ends in the moment after the commit; the journal cannot know what became of it.
"""

import asyncio
from typing import Any

import asyncpg
import pytest

from gateway.engine.sequencer import Stopped
from gateway.engine.tables.settlement_postings import SettlementPostings, settlement_check
from matching.commands import Command
from matching.events import OrderAccepted, Rejected, Replayed
from matching.order import Side
from tests.gateway.engine.world import (
    CASH_FEN,
    LISTING,
    Engine,
    adopting,
    confirmations,
    deposit,
    engine,
    order,
)


@pytest.fixture
def lose_the_next(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Statements whose answer is to be lost, by how they begin; each once, after the server has done it."""
    begins: list[str] = []
    execute = asyncpg.Connection.execute

    async def then_lost(self: Any, query: str, *arguments: Any, **options: Any) -> str:
        done = await execute(self, query, *arguments, **options)
        for begin in begins:
            if query.strip().startswith(begin):
                begins.remove(begin)
                self.terminate()
                raise ConnectionResetError("the line was lost before the answer came")
        return done

    monkeypatch.setattr(asyncpg.Connection, "execute", then_lost)
    return begins


async def lost(running: Engine, command: Command) -> None:
    with pytest.raises(Stopped) as stopped:
        await running.sequencer.submit(command)
    assert stopped.value.state == "unknown"


async def test_a_hold_is_there_once_and_its_request_is_answered_as_the_first_time(
    database: str, lose_the_next: list[str]
) -> None:
    command = order("buyer", Side.BUY, 6_500, 10, client_id="mine")
    async with engine(database, final_snapshot=False, projections=[SettlementPostings()]) as running:
        await running.set_up()
        lose_the_next.append("WITH")
        await lost(running, command)
        assert lose_the_next == []
    async with engine(database, projections=[SettlementPostings()]) as running:
        (again,) = await running.do(command)
        (replayed,) = again.events
        assert isinstance(replayed, Replayed)
        first = await running.journal.entry(replayed.first_seq)
        assert first is not None
        assert isinstance(first.events[0], OrderAccepted)
        account = running.views.account("buyer")
        assert account is not None
        assert (account.cash.held, account.cash.available) == (65_000, CASH_FEN - 65_000)
        assert len(running.views.open_orders("buyer")) == 1


async def test_money_is_booked_once(database: str, lose_the_next: list[str]) -> None:
    command = deposit("buyer", 1_000, "lost-1")
    async with engine(database, final_snapshot=False, projections=[SettlementPostings()]) as running:
        await running.set_up()
        lose_the_next.append("COMMIT")
        await lost(running, command)
    async with engine(database, projections=[SettlementPostings()]) as running:
        (again,) = await running.do(command)
        assert isinstance(again.events[0], Replayed)
        account = running.views.account("buyer")
        assert account is not None
        assert account.cash.available == CASH_FEN + 1_000


async def test_units_and_money_change_hands_once(database: str, lose_the_next: list[str]) -> None:
    async with engine(database, final_snapshot=False, projections=[SettlementPostings()]) as running:
        await running.set_up()
        await running.do(adopting(("settlement_cycle", "as_traded")))
        sold = await running.do(order("seller", Side.SELL, 6_800, 10))
        sold += await running.do(order("buyer", Side.BUY, 6_800, 10))
        (confirmation,) = confirmations(sold)
        lose_the_next.append("COMMIT")
        await lost(running, confirmation)
    async with engine(database, projections=[SettlementPostings()]) as running:
        assert not running.views.pending_instructions
        (again,) = await running.do(confirmation)
        (refused,) = again.events
        assert isinstance(refused, Rejected)
        assert refused.code == "instruction_unknown"
        buyer, seller = running.views.account("buyer"), running.views.account("seller")
        assert buyer is not None
        assert seller is not None
        assert (buyer.units[LISTING].available, seller.cash.available) == (10, CASH_FEN + 68_000)
        async with running.pool.acquire() as connection:
            assert await settlement_check(connection) == ()


SLOW_COMMIT = """
CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON settlement.posting DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION be_slow();
"""


async def test_a_commit_without_an_end_is_taken_for_lost(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.engine.tables.journal.APPEND_TIMEOUT_S", 1)
    async with engine(database, final_snapshot=False, projections=[SettlementPostings()]) as running:
        await running.set_up()
        await running.pool.execute(SLOW_COMMIT)
        await asyncio.wait_for(lost(running, deposit("buyer", 1_000, "slow-1")), 20)
        assert str(running.sequencer.failure) == "PostgreSQL has not answered for 1 s"
