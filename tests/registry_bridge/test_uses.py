"""A purchase for a use on a real exchange and a real registry over HTTP: bought, closed, cancelled for good."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import asyncpg
import pytest

from gateway.engine.clock import ManualClock as EngineClock
from gateway.engine.entry import Entry
from gateway.engine.patience import rejection_of
from gateway.engine.tables.settlement_postings import SettlementPostings, compare_with_core, settlement_check
from matching.commands import AdvanceClose, CloseDay, RetryRetirement
from matching.events import CloseStep
from matching.order import Side
from registry_bridge import reconciling
from registry_bridge.back_off import BackOff
from registry_bridge.bridge import Bridge
from registry_bridge.exchange_side import ExchangeOutbox, ExchangeSide
from registry_bridge.http_administration import HttpAdministration
from registry_bridge.http_registry import HttpRegistry
from registry_bridge.notice_feed import NoticeFeed
from registry_bridge.reconciling import Outcome, Reconciler
from registry_bridge.registry import (
    AccountKind,
    Answer,
    Movement,
    MovementKind,
    RefusalCode,
    Refused,
    RetirementTerms,
    SubAccount,
)
from registry_bridge.registry import RetirementPurpose as RegistryPurpose
from registry_bridge.request_names import RequestNames
from registry_bridge.upkeep import bind
from registry_bridge.wire_administration import LotIssue
from settlement.lot import MethodologyClass
from settlement.retirement import RetirementId, RetirementPurpose, Use
from settlement.values import AccountId, ParticipantId
from tests.gateway.engine.world import DAY, LISTING, LOT, START_NS, TRADERS, Engine, engine, order, setting_up
from tests.matching.driver import statements_due
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.examples import MANAGEMENT, MINUTE_NS, TRADING, deliver, leg, movement, retire
from tests.registry_bridge.examples import transfer_in as move_in

USE = Use(
    purpose=RetirementPurpose.VOLUNTARY_OFFSET,
    beneficiary="上海某会议 a meeting of 300",
    statement="carbon neutral",
)
PATIENCE_S = 20
BUYER = AccountId("buyer")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "AGAIN", BackOff(first_s=0.01, longest_s=0.01))


@dataclass(frozen=True, kw_only=True)
class Whole:
    """An exchange and its registry, with the line between them working."""

    engine: Engine
    registry: HttpRegistry
    administration: HttpAdministration
    outbox: ExchangeOutbox

    async def quiet(self) -> None:
        """Return once the registry has answered everything."""
        async with asyncio.timeout(PATIENCE_S):
            while self.engine.views.pending_instructions:  # noqa: ASYNC110 - a view, not an event
                await asyncio.sleep(0.01)

    async def close_up_to(self, step: CloseStep) -> None:
        """Close the day as far as that step; the registry answers as it does."""
        core = self.engine.recovered.exchange
        await self.engine.do(CloseDay(trading_day=DAY))
        async with asyncio.timeout(PATIENCE_S):
            while core.close_step is not step:
                await self.engine.do(AdvanceClose(trading_day=DAY, portion=100))
                await self.engine.do(*statements_due(core))
                await self.quiet()

    async def compare(self) -> Outcome:
        custody = self.engine.views.custody
        feed = NoticeFeed(
            self.registry,
            cursor=lambda: custody.notice_cursor,
            take=partial(rejection_of, self.engine.sequencer),
            instrument_of=lambda _: LISTING,
        )
        return await Reconciler(self.registry, self.outbox, feed).reconcile()

    async def check_the_wall(self) -> None:
        """Core, tables and history agree."""
        core = self.engine.recovered.exchange
        core.check()
        async with self.engine.pool.acquire() as connection:
            assert await settlement_check(connection) == ()
            assert await compare_with_core(connection, core.depository.dump()) == ()

    def units(self) -> tuple[int, int, int]:
        balance = self.engine.recovered.exchange.depository.ledger.balance(BUYER, LISTING)
        return balance.available, balance.delivering, balance.retired


@pytest.fixture
async def whole(
    exchange_database: str, service: Service, registry: HttpRegistry, administration: HttpAdministration
) -> AsyncIterator[Whole]:
    service.clock.now_ns = START_NS
    await stock(registry, administration)
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            engine(exchange_database, clock=EngineClock(START_NS), projections=(SettlementPostings(),))
        )
        side = ExchangeSide(
            names=RequestNames(exchange_id=running.journal.exchange_id),
            pending=lambda: tuple(running.views.pending_instructions.values()),
            registry_account=lambda account: f"R-{account}",
            accounts=lambda: tuple(AccountId(name) for name in running.views.accounts()),
            serials=lambda account: running.views.accounts()[account].serials,
            arriving=running.views.custody.arriving,
            submit=running.sequencer.submit,
        )
        outbox = ExchangeOutbox(side)
        await stack.enter_async_context(bridged(running, outbox, registry))
        made = Whole(engine=running, registry=registry, administration=administration, outbox=outbox)
        for command in setting_up():
            await running.sequencer.submit(command)
        await made.quiet()
        yield made


async def stock(registry: HttpRegistry, administration: HttpAdministration) -> None:
    """Bound accounts, and the lot in the seller's management sub-account."""
    for trader in TRADERS:
        await administration.open_account(f"R-{trader}", AccountKind.INSTITUTION)
        await bind(registry, f"R-{trader}", trader)
    await administration.publish_methodology(
        code=LOT.methodology,
        version=LOT.methodology_version,
        methodology_class=MethodologyClass.I,
        title="solar",
    )
    await administration.issue_lot(lot_issue())


def lot_issue() -> LotIssue:
    first, end = LOT.serials
    return LotIssue(
        lot=LOT.lot_id,
        methodology=LOT.methodology,
        methodology_version=LOT.methodology_version,
        origin=LOT.origin,
        project=LOT.project,
        applicant="R-seller",
        period_start=LOT.period_from,
        period_end=LOT.period_to,
        issue_batch=LOT.batch,
        issued_on=LOT.issued_on,
        first=first,
        end=end,
    )


@asynccontextmanager
async def bridged(running: Engine, outbox: ExchangeOutbox, registry: HttpRegistry) -> AsyncIterator[None]:
    """The bridge at work between the two."""

    def look(entries: Sequence[Entry]) -> None:
        for entry in entries:
            for event in entry.events:
                outbox.follow(event)

    running.sequencer.on_commit(look)
    bridge = Bridge(outbox, registry, clock_ns=running.clock.now_ns, back_off=BackOff(first_s=0.01))
    working = asyncio.create_task(bridge.run())
    try:
        yield
        assert not working.done(), working
    finally:
        working.cancel()
        await asyncio.wait([working])


async def trade(whole: Whole) -> None:
    """Six tonnes are sold: four to be used, two to be kept."""
    await whole.engine.do(order("seller", Side.SELL, 6_800, 6))
    await whole.engine.do(order("buyer", Side.BUY, 6_800, 4, use=USE))
    await whole.engine.do(order("buyer", Side.BUY, 6_800, 2))


async def test_what_is_bought_for_a_use_ends_as_a_retirement_in_the_registrys_record(whole: Whole) -> None:
    await trade(whole)
    await whole.close_up_to(CloseStep.RECONCILE)
    assert whole.units() == (2, 0, 4)
    *_, entry = (await whole.registry.journal()).entries
    assert entry.kind is MovementKind.RETIRE
    assert entry.trading_day == DAY
    assert entry.retirement == RetirementTerms(
        purpose=RegistryPurpose.VOLUNTARY_OFFSET,
        compliance_year=None,
        beneficiary=USE.beneficiary,
        statement=USE.statement,
    )
    (cancelled,) = entry.legs
    assert (cancelled.from_account, cancelled.from_sub_account) == ("R-buyer", SubAccount.TRADING)
    assert (cancelled.to_account, cancelled.lot, cancelled.serials) == (None, LOT.lot_id, ((1, 5),))
    found = await whole.compare()
    assert found.is_clean
    assert found.positions.here.totals == found.positions.there.totals
    await whole.check_the_wall()
    told = [event.type for event in whole.engine.told if event.account == "buyer"]
    assert told[-2:] == ["retirement_completed", "certificate_issued"]


async def test_what_was_retired_never_moves_again(whole: Whole) -> None:
    await trade(whole)
    await whole.close_up_to(CloseStep.RECONCILE)
    soon = START_NS + MINUTE_NS
    attempts = (
        deliver("d", ((4, 5),)),
        retire("r", ((1, 2),), account="R-buyer"),
        movement(
            "o", MovementKind.TRANSFER_OUT, leg(1, ((1, 5),), ("R-buyer", TRADING), ("R-buyer", MANAGEMENT))
        ),
        move_in("i", ((2, 3),), account="R-buyer"),
    )
    for attempt in attempts:
        legs = tuple(
            replace(one, from_account="R-buyer", to_account=one.to_account and "R-buyer")
            for one in attempt.legs
        )
        if attempt.kind is MovementKind.DELIVER:
            legs = tuple(replace(one, to_account="R-buyer2") for one in legs)
        answer = await whole.registry.move(replace(attempt, not_after_ns=soon, legs=legs))
        assert isinstance(answer, Refused), attempt.kind
        assert answer.code is RefusalCode.ALREADY_RETIRED
    async with whole.engine.pool.acquire() as connection:
        for statement in (
            "UPDATE settlement.holding SET account = 'buyer2' WHERE account = 'retired'",
            "DELETE FROM settlement.settled WHERE kind = 'retirement'",
            "INSERT INTO settlement.settled VALUES (1, 1, 'transfer', 'x', 'U', 4, 'retired', 'outside', 0)",
        ):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await connection.execute(statement)
    await whole.check_the_wall()


async def test_a_refused_retirement_is_visible_reconciled_and_asked_again(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_move, restrictions = whole.registry.move, list[int]()

    async def move(asked: Movement) -> Answer:
        if asked.kind is MovementKind.RETIRE and not restrictions:
            restrictions.append(await whole.administration.freeze(account="R-buyer", reason="a dispute"))
        return await really_move(asked)

    monkeypatch.setattr(whole.registry, "move", move)
    await trade(whole)
    await whole.close_up_to(CloseStep.RECONCILE)
    retirements = whole.engine.recovered.exchange.depository.movements.retirements
    assert retirements.is_refused(RetirementId("trade-1"))
    assert whole.units() == (2, 4, 0)
    assert (await whole.compare()).is_clean
    await whole.check_the_wall()
    await whole.administration.unfreeze(restrictions[0], "resolved")
    await whole.engine.do(
        RetryRetirement(
            operator=ParticipantId("olga"),
            reason="the account is free",
            retirement_id=RetirementId("trade-1"),
        )
    )
    await whole.quiet()
    assert whole.units() == (2, 0, 4)
    assert (await whole.compare()).is_clean
    await whole.check_the_wall()
