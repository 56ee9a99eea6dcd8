"""Negotiated transfers in the engine: the same after a restart, whole in the database, and refused by it when they are not."""

from typing import Any

import asyncpg
import pytest

from gateway.engine.tables.derived_rows import HistoryRows, JournalBrokenError
from gateway.engine.tables.settlement_postings import SettlementPostings
from gateway.engine.tables.settlement_rows import SettledRows
from gateway.engine.tables.verification import verify_journal
from gateway.engine.told.negotiated_news import rounds_body, transfer_body
from gateway.engine.views.negotiations import NegotiationView
from matching.acts import RetryDeliveries
from matching.commands import AdvanceClose, ApproveAct, CloseDay
from matching.events import Rejected
from matching.negotiated_commands import (
    ConfirmNegotiatedTransfer,
    CounterNegotiatedTransfer,
    DeclineNegotiatedTransfer,
    FileNegotiatedTransfer,
    NegotiationCommand,
)
from matching.order import Side
from matching.terms import NegotiatedId
from settlement.commands import Outcome, ResolveInstruction
from settlement.named_lots import NamedLot
from settlement.values import AccountId, ParticipantId
from tests.gateway.engine.test_engine_recovery import close_the_day, states
from tests.gateway.engine.test_engine_tampering import Borrowed
from tests.gateway.engine.world import DAY, LISTING, LOT, UNITS, Engine, adopting, engine

TABLES = ("trade", "negotiated_transfer")


def filing(client_id: str, quantity_tonnes: int, *, named: bool = False) -> FileNegotiatedTransfer:
    lots = (NamedLot(lot_id=LOT.lot_id, quantity_tonnes=quantity_tonnes),) if named else ()
    return FileNegotiatedTransfer(
        participant=ParticipantId("seller-person"),
        account=AccountId("seller"),
        client_id=client_id,
        listing=LISTING,
        side=Side.SELL,
        price_fen=7_000,
        quantity_tonnes=quantity_tonnes,
        counterparty=AccountId("buyer"),
        lots=lots,
        agreement_no=client_id,
    )


async def filed(
    running: Engine, client_id: str, quantity_tonnes: int, *, named: bool = False
) -> NegotiationView:
    (entry,) = await running.do(filing(client_id, quantity_tonnes, named=named))
    found = running.views.negotiation(entry.seq)
    assert found is not None, entry
    return found


async def answer(running: Engine, found: NegotiationView, word: str, who: str = "buyer") -> None:
    given: dict[str, Any] = {
        "participant": ParticipantId(f"{who}-person"),
        "account": AccountId(who),
        "client_id": f"{word}-{found.transfer_id}",
        "transfer_id": NegotiatedId(found.transfer_id),
    }
    command: NegotiationCommand
    if word == "confirm":
        command = ConfirmNegotiatedTransfer(**given, terms_hash=found.terms_hash)
    elif word == "counter":
        command = CounterNegotiatedTransfer(**given, price_fen=6_900, quantity_tonnes=30)
    else:
        command = DeclineNegotiatedTransfer(**given)
    (entry,) = await running.do(command)
    assert not isinstance(entry.events[-1], Rejected), entry


async def bargain(running: Engine) -> list[int]:
    """One of each: executed with named lots, executed after a counter, declined, countered, filed."""
    await running.set_up()
    named = await filed(running, "named", 40, named=True)
    await answer(running, named, "confirm")
    turned = await filed(running, "turned", 50)
    await answer(running, turned, "counter")
    standing = running.views.negotiation(turned.transfer_id)
    assert standing is not None
    await answer(running, standing, "confirm", "seller")
    refused = await filed(running, "refused", 60)
    await answer(running, refused, "decline")
    open_one = await filed(running, "open", 70)
    await answer(running, open_one, "counter")
    last = await filed(running, "last", 80, named=True)
    return [one.transfer_id for one in (named, turned, refused, open_one, last)]


@pytest.mark.parametrize("final_snapshot", [True, False], ids=["from a snapshot", "by replay"])
async def test_a_start_finds_every_transfer_as_it_was(database: str, final_snapshot: bool) -> None:
    async with engine(database, final_snapshot=final_snapshot) as running:
        *_, countered, last = await bargain(running)
        before = states(running)
        told = {
            one.transfer_id: (transfer_body(one), rounds_body(one))
            for one in running.views.open_negotiations()
        }
        assert list(told) == [countered, last]
        lots = running.views.lots("seller")
    async with engine(database) as again:
        assert again.recovered.replayed == (0 if final_snapshot else again.journal.position)
        assert states(again) == before
        found = {
            one.transfer_id: (transfer_body(one), rounds_body(one)) for one in again.views.open_negotiations()
        }
        assert found == told
        assert again.views.lots("seller") == lots
        standing = again.views.negotiation(countered)
        assert standing is not None
        await answer(again, standing, "confirm", "seller")
        ended = await again.history.negotiated.transfer(countered)
        assert ended is not None
        assert (ended.state.value, len(ended.rounds), ended.trade_id) == ("executed", 2, 3)


def delivered(running: Engine, refusal: str | None = None) -> ResolveInstruction:
    """The registry's answer to the only movement that is pending."""
    (asked,) = running.views.pending_instructions.values()
    return ResolveInstruction(
        instruction_id=asked.instruction_id,
        outcome=Outcome.CONFIRMED if refusal is None else Outcome.REFUSED,
        code=refusal,
    )


async def test_named_serials_that_wait_for_their_delivery_are_not_shown_as_free(database: str) -> None:
    async with engine(database) as running:
        await running.set_up()
        await answer(running, await filed(running, "named", 40, named=True), "confirm")

        def free() -> int:
            return running.views.lots("seller")[0].available_tonnes

        shown = [free()]
        await running.do(CloseDay(trading_day=DAY))
        while not running.views.pending_instructions:
            await running.do(AdvanceClose(trading_day=DAY, portion=100))
        shown.append(free())
        await running.do(delivered(running, "not_authorised"))
        assert list(running.views.custody.parked)
        shown.append(free())
        (asked,) = await running.do(RetryDeliveries(operator=ParticipantId("op"), reason="again"))
        await running.do(ApproveAct(operator=ParticipantId("op-2"), approval_id=asked.seq))
        shown.append(free())
        await running.do(delivered(running))
        assert shown == [UNITS - 40] * 4
        assert running.views.lots("seller")[0].quantity_tonnes == free() == UNITS - 40


async def test_what_ended_reads_from_the_database_as_it_was_told(database: str) -> None:
    async with engine(database) as running:
        ids = await bargain(running)
        for transfer_id, kind in ((ids[0], "executed"), (ids[1], "executed"), (ids[2], "declined")):
            stored = await running.history.negotiated.transfer(transfer_id)
            assert stored is not None
            last = next(
                event
                for event in reversed(running.told)
                if event.type == f"negotiated_{kind}" and f'"id":"{transfer_id}"' in event.body
            )
            told = await running.history.negotiated.told("buyer", last.seq, last.type, transfer_id)
            body = transfer_body(stored)
            lots = [{**lot, "serials": [list(pair) for pair in lot["serials"]]} for lot in body["lots"]]
            assert told == {**body, "lots": lots}


async def test_the_tables_are_verified_and_every_tampering_is_named(database: str) -> None:
    async with engine(database, projections=[SettlementPostings()]) as running:
        await running.do(adopting(("settlement_cycle", "end_of_day")))
        ids = await bargain(running)
        await close_the_day(running)
        derived = (HistoryRows, SettledRows)
        assert (await verify_journal(running.pool, derived=derived)).entries == running.journal.position
        for tampering, named in (
            ("UPDATE trade SET method = 'listed' WHERE trade_id = 1", "row (1) of trade is not"),
            (
                f"UPDATE negotiated_transfer SET reason = 'forged' WHERE transfer_id = {ids[2]}",
                f"{ids[2]}) of negotiated_transfer is not",
            ),
            (
                f"DELETE FROM negotiated_transfer WHERE transfer_id = {ids[2]}",
                f"{ids[2]}) of negotiated_transfer is missing",
            ),
        ):
            async with running.pool.acquire() as connection:
                await connection.execute("BEGIN; SET LOCAL session_replication_role = replica")
                for table in TABLES:
                    await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                await connection.execute("ALTER TABLE trade DROP CONSTRAINT trade_method")
                await connection.execute(tampering)
                with pytest.raises(JournalBrokenError) as broken:
                    await verify_journal(Borrowed(connection), derived=derived)  # type: ignore[arg-type] # what is used of a pool
                assert named in str(broken.value), tampering
                await connection.execute("ROLLBACK")


COPY = (
    "INSERT INTO trade SELECT {trade_id}, listing, {price}, quantity_tonnes, at_ns, trading_day, {taker}, buyer,"
    " seller, buy_order_id, sell_order_id, {method}, {transfer_id} FROM trade WHERE trade_id = 1"
)


NEVER_AGREED: tuple[tuple[dict[str, str], str], ...] = (
    ({"price": "price_fen + 1", "transfer_id": "transfer_id + 0"}, "trade_transfer_id_key"),
    ({"transfer_id": "99"}, "trade_is_as_agreed"),
    ({"transfer_id": "NULL"}, "trade_method"),
    ({"method": "'listed'"}, "trade_method"),
    ({"taker": "'buy'", "transfer_id": "98"}, "trade_method"),
    ({"method": "'auction'"}, "trade_method"),
)


async def test_the_database_refuses_a_trade_that_nobody_agreed(database: str) -> None:
    plain = {
        "trade_id": "99",
        "price": "price_fen",
        "taker": "taker_side",
        "method": "method",
        "transfer_id": "transfer_id",
    }
    async with engine(database) as running:
        await bargain(running)
        for given, constraint in NEVER_AGREED:
            with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
                await running.pool.execute(COPY.format(**plain | given))
            assert refused.value.constraint_name == constraint, given
        for change in ("UPDATE negotiated_transfer SET price_fen = 1", "DELETE FROM negotiated_transfer"):
            with pytest.raises(asyncpg.RestrictViolationError):
                await running.pool.execute(change)
