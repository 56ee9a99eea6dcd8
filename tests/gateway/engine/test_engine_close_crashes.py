"""A close that dies after each of its entries, and one that dies once at any of them: the day is closed once, and the same.

One life of the exchange after the other commits a single entry of the same close and dies. Beside it, at each place, a
copy of the database is started anew and closes the day undisturbed. What was closed must be what a close that nothing
ever happened to leaves behind: bulletins, statements, balances, serials, how each trade ended.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import astuple, replace
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.engine.entry import Entry
from gateway.engine.history.history import History
from gateway.engine.sequencer import Stopped
from gateway.engine.tables.settlement_postings import SettlementPostings, compare_with_core, settlement_check
from gateway.postgres.database import with_database
from matching.commands import CancelOrders, CloseDay
from matching.events import CloseStarted, CloseStep, CloseStepAdvanced, DayClosed, DayOpened, Reconciled
from matching.order import Side
from settlement.commands import (
    Outcome,
    PayWithdrawal,
    RegisterLot,
    RequestTransferIn,
    RequestWithdrawal,
    ResolveInstruction,
)
from settlement.events import DeliverySettled, Instruction, LotSlice, ProceedsChanged
from settlement.obligations import PROCEEDS_LOST
from settlement.retirement import RetirementPurpose, Use
from settlement.values import CASH, FEES, AccountId, LotId, ParticipantId, WithdrawalId
from tests.gateway.engine.test_engine_day_driver import LIMIT_S, driven
from tests.gateway.engine.test_engine_negotiated import bargain
from tests.gateway.engine.test_engine_recovery import trade_at_random
from tests.gateway.engine.world import (
    CASH_FEN,
    DAY,
    LISTING,
    LOT,
    TRADERS,
    Engine,
    adopting,
    confirmations,
    engine,
    order,
)

PORTION = 6
REFUSED, PARKED = 8, 9
"""Trades the registry will not deliver: one for its own reasons, one because it would not be asked. They are of the last
portion, so that what comes back of them is not chosen for another, or not, as the answer happens to come in time."""
PAID_OUT_FEN, ASKED_FEN = 700, 900


class Died(Exception):  # noqa: N818 - it states a fact
    """The process is gone, between an entry's commit and anybody's hearing of it."""


@asynccontextmanager
async def life(dsn: str, *, final_snapshot: bool = False) -> AsyncIterator[Engine]:
    """One life of the exchange; each entry is a transaction of its own."""
    async with engine(
        dsn, final_snapshot=final_snapshot, projections=[SettlementPostings()], batch_limit=1
    ) as running:
        yield running


async def play_day(running: Engine) -> None:
    """Of everything a close has to deal with, some: and then its beginning."""
    await running.do(adopting(("sale_proceeds", "when_traded")))
    await bargain(running)
    await running.do(adopting(("fee_buyer_ppm", 2_000), ("fee_seller_ppm", 1_000)))
    await trade_at_random(running, 11, 60)
    use = Use(purpose=RetirementPurpose.VOLUNTARY_OFFSET, beneficiary="a marathon")
    await running.do(order("buyer2", Side.BUY, 7_400, 5, use=use), order("seller", Side.SELL, 6_800, 5))
    person, account = ParticipantId("buyer-person"), AccountId("buyer")
    for name, amount_fen in (("paid", PAID_OUT_FEN), ("asked", ASKED_FEN)):
        (asked,) = await running.do(
            RequestWithdrawal(
                participant=person, account=account, client_id=f"out-{name}", amount_fen=amount_fen
            )
        )
        if name == "paid":
            await running.do(
                PayWithdrawal(
                    participant=ParticipantId("bank"),
                    account=account,
                    client_id="paid-1",
                    withdrawal_id=WithdrawalId(f"wd-{asked.seq}"),
                    bank_reference="out-1",
                )
            )
    await lean(running)
    await running.do(CloseDay(trading_day=DAY))


async def lean(running: Engine) -> None:
    """The seller is left without money, and buys twice with what it has sold for: a little, and then all that it can.

    What the registry will not deliver takes the second purchase with it.
    """
    lot = replace(LOT, lot_id=LotId("LOT-OF-BUYER2"), serials=(1, 10_001))
    arriving = await running.do(
        RegisterLot(lot=lot),
        RequestTransferIn(
            participant=ParticipantId("buyer2-person"),
            account=AccountId("buyer2"),
            client_id="transfer-2",
            instrument=LISTING,
            lots=(LotSlice(lot_id=lot.lot_id, serials=(lot.serials,)),),
            asked="the whole lot",
        ),
    )
    await running.do(*confirmations(arriving))
    seller = running.views.accounts()["seller"]
    person, account = ParticipantId("seller-person"), AccountId("seller")
    await running.do(CancelOrders(participant=person, account=account, side=Side.BUY))
    await running.do(
        RequestWithdrawal(
            participant=person,
            account=account,
            client_id="all of it",
            amount_fen=seller.cash.available,
        )
    )
    for tonnes in (3, None):
        buying = seller.buying_power_fen * 1_000 // 1_002 // 7_400 if tonnes is None else tonnes
        await running.do(
            order("buyer2", Side.SELL, 7_400, buying),
            order("seller", Side.BUY, 7_400, buying),
        )
    assert seller.pledged_fen > seller.due_fen - 7_500, "it has bought with all that it can"


# ---- the registry -----------------------------------------------------------------------------------------------


def answer_of(instruction: Instruction) -> ResolveInstruction:
    """Its word on a movement depends on what is asked, and on nothing else."""
    for trade_id, code in ((REFUSED, "serials_not_held"), (PARKED, "not_authorised")):
        legs = [leg.leg for leg in instruction.legs if leg.trade_id == trade_id]
        if legs:
            return ResolveInstruction(
                instruction_id=instruction.instruction_id, outcome=Outcome.REFUSED, code=code, leg=legs[0]
            )
    return ResolveInstruction(instruction_id=instruction.instruction_id, outcome=Outcome.CONFIRMED)


async def answer(running: Engine) -> None:
    """Answer whatever is pending, in order, for as long as the exchange lives."""
    committed = asyncio.Event()
    running.sequencer.on_commit(lambda _: committed.set())
    with suppress(Stopped):
        while True:
            committed.clear()
            for pending in tuple(running.views.pending_instructions.values()):
                await running.sequencer.submit(answer_of(pending))
            await committed.wait()


@asynccontextmanager
async def at_work(running: Engine) -> AsyncIterator[None]:
    """Registry and driver; the registry first, or a life of one entry would for ever be the driver's."""
    task = asyncio.create_task(answer(running))
    try:
        async with driven(running, PORTION):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def live_for_one_entry(dsn: str) -> bool:
    """Commit one entry and die of it; whether the day is closed."""
    async with life(dsn) as running:

        def die(entries: Sequence[Entry]) -> None:
            raise Died

        running.sequencer.on_commit(die)
        async with asyncio.timeout(LIMIT_S), at_work(running):
            await running.sequencer.stopped()
        assert isinstance(running.sequencer.failure, Died)
        return bool(await running.pool.fetchval("SELECT count(*) FROM closed_day"))


async def close_undisturbed(dsn: str) -> None:
    """Have the close done; nothing happens."""
    async with life(dsn, final_snapshot=True) as running:
        is_closed = asyncio.Event()

        def look(entries: Sequence[Entry]) -> None:
            if any(isinstance(event, DayClosed) for entry in entries for event in entry.events):
                is_closed.set()

        running.sequencer.on_commit(look)
        async with asyncio.timeout(LIMIT_S), at_work(running):
            await is_closed.wait()


# ---- what there is afterwards -------------------------------------------------------------------------------------


async def result(dsn: str) -> dict[str, Any]:
    """All that anybody can read of the closed day; AssertionError when it was not closed once, or does not add up."""
    async with life(dsn) as running:
        exchange = running.recovered.exchange
        exchange.check()
        _money_is_conserved(running)
        closed = await _closed_once(running)
        async with running.pool.acquire() as connection:
            assert await settlement_check(connection) == ()
            assert await compare_with_core(connection, exchange.depository.dump()) == ()
        assert (await running.journal.verify()).entries == running.journal.position
        trades = (await running.history.trades(limit=1_000)).items
        return {
            "events": closed,
            "balances": exchange.depository.ledger.dump(),
            "holdings": exchange.depository.dump().holdings,
            "parked": running.recovered.exchange.depository.movements.obligations.parked(),
            "trades": {one.trade_id: astuple(one) for one in trades},
            "bulletin": await running.history.bulletins.days(DAY, DAY),
            "statements": [await _told(running.history, account) for account in TRADERS],
        }


def _money_is_conserved(running: Engine) -> None:
    ledger = running.recovered.exchange.depository.ledger
    owned_fen = sum(
        balance.available + balance.held + balance.delivering
        for balance in (ledger.balance(AccountId(name), CASH) for name in (*TRADERS, FEES))
    )
    assert owned_fen == len(TRADERS) * CASH_FEN - PAID_OUT_FEN


async def _closed_once(running: Engine) -> Counter[str]:
    entries = [record.entry() for record in await running.journal.read(0, 10_000)]
    events = [event for entry in entries for event in entry.events]
    kinds = Counter(type(event) for event in events)
    assert (kinds[CloseStarted], kinds[Reconciled], kinds[DayClosed], kinds[DayOpened]) == (1, 1, 1, 2)
    done = Counter(
        event.step for event in events if isinstance(event, CloseStepAdvanced) and event.done == event.total
    )
    assert done == Counter(CloseStep)
    settled = Counter(event.trade_id for event in events if isinstance(event, DeliverySettled))
    assert set(settled.values()) == {1}
    # Figures are told once for an entry, and entries come in another order where answers do.
    untold = (CloseStepAdvanced, ProceedsChanged)
    return Counter({kind.__name__: count for kind, count in kinds.items() if kind not in untold})


async def _told(history: History, account: str) -> tuple[Any, ...]:
    statement = await history.statements.of(account, DAY)
    assert statement is not None
    assert statement.events is not None
    # Two movements may be answered in either order; each line is there, and once. A certificate names the entry that
    # asked for the retirement, which is another where the same was asked after a restart.
    told = sorted((event.type, event.body.partition(',"digest":')[0]) for event in statement.events)
    lines = sorted(astuple(line) for line in statement.lines)
    return (statement.opening, statement.closing, lines, statement.lots, told)


@asynccontextmanager
async def copied(dsn: str, suffix: str) -> AsyncIterator[str]:
    """The database as it is now, under another name. Nobody may be connected to it."""
    original = urlsplit(dsn).path[1:]
    name = f"{original}_{suffix}"
    server = await asyncpg.connect(with_database(dsn, "postgres"))
    try:
        await server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"')
        yield with_database(dsn, name)
        await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await server.close()


@pytest.fixture
async def closing(database: str) -> str:
    """A database in which a full day's close has begun, and nobody is connected."""
    async with life(database) as running:
        await play_day(running)
    return database


@pytest.fixture
async def expected(closing: str) -> dict[str, Any]:
    """What a close leaves behind that nothing ever happened to."""
    async with copied(closing, "undisturbed") as copy:
        await close_undisturbed(copy)
        found = await result(copy)
    kinds = found["events"]
    for kind in (
        "OrderExpired",
        "NegotiatedTransferExpired",
        "DeliveryFailed",
        "DeliveryParked",
        "RetirementCompleted",
    ):
        assert kinds[kind], f"the day has no {kind}"
    assert PROCEEDS_LOST in str(found["trades"]), "nothing has leaned on what was refused"
    return found


async def test_a_close_that_dies_at_any_place_is_closed_once_and_the_same(
    closing: str, expected: dict[str, Any]
) -> None:
    died_in: set[CloseStep | None] = set()
    for number in count(1):
        async with copied(closing, f"place_{number}") as copy:
            # Stopped there in order, or killed: gone on from a snapshot within the close, or by replay.
            async with life(copy, final_snapshot=number % 2 == 0) as running:
                died_in.add(running.recovered.exchange.close_step)
            await close_undisturbed(copy)
            assert await result(copy) == expected, f"gone on with after {number} entries"
        if await live_for_one_entry(closing):
            break
    assert await result(closing) == expected, "with a life for each entry"
    assert died_in == set(CloseStep) - {CloseStep.STOP_ORDERS}  # it is done as the close begins
