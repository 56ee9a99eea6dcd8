"""However orders, deliveries, restrictions, uses and restarts interleave: a tonne is retired at most once, what is
retired never moves, and Class II never reaches a compliance purpose. Asked of the exchange's journal and ledger and of
the registry's own database. A failure prints its seed.
"""

import asyncio
import os
import random
from dataclasses import replace

import asyncpg
import pytest

from gateway.engine.clock import ManualClock as EngineClock
from gateway.engine.tables.settlement_postings import SettlementPostings, compare_with_core, settlement_check
from matching.commands import (
    AdvanceClose,
    CloseDay,
    Command,
    LiftRestriction,
    RecordReconciliation,
    RestrictAccount,
)
from matching.events import CloseStep
from matching.order import Side
from registry_bridge import reconciling
from registry_bridge.back_off import BackOff
from registry_bridge.exchange_side import ExchangeOutbox, ExchangeSide
from registry_bridge.http_administration import HttpAdministration
from registry_bridge.http_registry import HttpRegistry
from registry_bridge.registry import AccountKind
from registry_bridge.request_names import RequestNames
from registry_bridge.upkeep import bind
from registry_bridge.wire_administration import LotIssue
from settlement.account import ParticipantKind
from settlement.channels import Channel
from settlement.commands import (
    AddInstrument,
    OpenAccount,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
)
from settlement.compliance_year import ComplianceYear
from settlement.events import LotSlice
from settlement.instrument import Instrument
from settlement.lot import Lot, MethodologyClass
from settlement.lot_choice import LotChoice
from settlement.retirement import RetirementPurpose, Use, UseId
from settlement.use_commands import (
    AdoptComplianceYear,
    DesignateWelfareAccount,
    SubmitOffset,
    SubmitRetirement,
    WithdrawUse,
)
from settlement.use_events import CertificateIssued
from settlement.values import AccountId, AssetCode, LotId, ParticipantId
from tests.gateway.engine.world import (
    LISTING,
    LOT,
    START_NS,
    TRADERS,
    Engine,
    adopting,
    engine,
    order,
    setting_up,
)
from tests.matching.driver import statements_due
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.test_uses import Whole, bridged

NS = 1_000_000_000
PATIENCE_S = 30
LIVES, STEPS = 3, 45
SOAK_SEEDS = int(os.environ.get("PUHUI_USES_SEEDS", "60"))
"""Further seeds that `make soak` plays."""
SECOND = replace(
    LOT,
    lot_id=LotId("LOT-II"),
    instrument=AssetCode("SHCERCIIR1"),
    methodology_class=MethodologyClass.II,
    methodology="SHCER-02",
    serials=(500_001, 500_201),
)
OPERATOR = ParticipantId("olga")
PEOPLE = (*TRADERS, "entity")
YEAR = ComplianceYear(year=2025, opens_ns=0, deadline_ns=START_NS * 2, source="a test")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "AGAIN", BackOff(first_s=0.01, longest_s=0.01))


async def found(registry: HttpRegistry, administration: HttpAdministration) -> None:
    """Accounts, methodologies and lots at the registry."""
    for name in PEOPLE:
        await administration.open_account(f"R-{name}", AccountKind.INSTITUTION)
        await bind(registry, f"R-{name}", name)
    for lot, applicant in ((LOT, "R-seller"), (SECOND, "R-entity")):
        await administration.publish_methodology(
            code=lot.methodology,
            version=lot.methodology_version,
            methodology_class=lot.methodology_class,
            title="a methodology",
        )
        await administration.issue_lot(lot_issue(lot, applicant))


def lot_issue(lot: Lot, applicant: str) -> LotIssue:
    first, end = lot.serials
    return LotIssue(
        lot=lot.lot_id,
        methodology=lot.methodology,
        methodology_version=lot.methodology_version,
        origin=lot.origin,
        project=lot.project,
        applicant=applicant,
        period_start=lot.period_from,
        period_end=lot.period_to,
        issue_batch=lot.batch,
        issued_on=lot.issued_on,
        first=first,
        end=end,
    )


async def set_up(running: Engine) -> None:
    """The exchange, a covered entity with Class II units of its own, a welfare account, an open year."""
    owner = ParticipantId("entity-person")
    for command in (
        *setting_up(),
        AddInstrument(instrument=Instrument(code=SECOND.instrument, methodology_class=MethodologyClass.II)),
        RegisterLot(lot=SECOND),
        RegisterParticipant(participant=owner, kind=ParticipantKind.COVERED_ENTITY),
        OpenAccount(account=AccountId("entity"), owner=owner, registry_account="R-entity"),
        AdoptComplianceYear(operator=OPERATOR, terms=YEAR),
        DesignateWelfareAccount(
            operator=OPERATOR, account=AccountId("buyer2"), designated=True, source="a list"
        ),
        RequestTransferIn(
            participant=owner,
            account=AccountId("entity"),
            client_id="in-II",
            instrument=SECOND.instrument,
            lots=(LotSlice(lot_id=SECOND.lot_id, serials=(SECOND.serials,)),),
            asked="all",
        ),
    ):
        await running.sequencer.submit(command)
    await running.do(
        DesignateWelfareAccount(
            operator=OPERATOR, account=AccountId("entity"), designated=True, source="a list"
        )
    )
    await quiet(running)
    # The entity gets something to comply with; a gift is the shortest way.
    await running.do(
        SubmitRetirement(
            participant=ParticipantId("seller-person"),
            account=AccountId("seller"),
            client_id="gift",
            use=Use(purpose=RetirementPurpose.DONATION, beneficiary="the entity"),
            instrument=LISTING,
            quantity_tonnes=150,
            donate_to=AccountId("entity"),
        )
    )


class Crowd:
    """Everybody, doing something or other."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._number = 0

    def next(self, running: Engine) -> Command:
        chance = self.chance
        self._number += 1
        name = chance.choice(PEOPLE)
        account, person = AccountId(name), ParticipantId(f"{name}-person")
        client_id = f"r-{self._number}"
        tonnes = chance.randint(1, 12)
        match chance.randrange(9):
            case 0 | 1:
                side = Side.SELL if chance.random() < 0.5 else Side.BUY
                use = self.use() if side is Side.BUY and chance.random() < 0.4 else None
                return order(name, side, 6_800, tonnes, use=use)
            case 2 | 3:
                named = chance.choice([(LOT,), (SECOND,), (LOT, SECOND), ()])
                return SubmitOffset(
                    participant=ParticipantId("entity-person"),
                    account=AccountId("entity"),
                    client_id=client_id,
                    compliance_year=2025,
                    quantity_tonnes=None if named else tonnes,
                    lots=tuple(LotChoice(lot_id=lot.lot_id, quantity_tonnes=tonnes) for lot in named),
                )
            case 4 | 5:
                use = self.use()
                gives = use.purpose is RetirementPurpose.DONATION and chance.random() < 0.7
                return SubmitRetirement(
                    participant=person,
                    account=account,
                    client_id=client_id,
                    use=use,
                    instrument=chance.choice((LISTING, SECOND.instrument)),
                    quantity_tonnes=tonnes,
                    donate_to=AccountId(chance.choice(("buyer2", "entity"))) if gives else None,
                )
            case 6:
                one = chance.choice([*running.views.uses.open.values(), None])
                return WithdrawUse(
                    participant=person if one is None else ParticipantId(one.entity),
                    account=account if one is None else AccountId(one.account),
                    client_id=client_id,
                    use_id=UseId("offset-1" if one is None else one.use_id),
                )
            case 7:
                return RestrictAccount(operator=OPERATOR, reason="a whim", account=account)
            case _:
                return LiftRestriction(operator=OPERATOR, reason="a whim", account=account)

    def use(self) -> Use:
        return Use(purpose=self.chance.choice(list(RetirementPurpose)), beneficiary="somebody")


async def close(whole: Whole) -> None:
    """Close the day to its end; both sides must hold the same."""
    running = whole.engine
    core = running.recovered.exchange
    day = core.trading_day
    assert day is not None
    await running.do(CloseDay(trading_day=day))
    async with asyncio.timeout(PATIENCE_S):
        while core.close_step is not CloseStep.RECONCILE:
            await running.do(AdvanceClose(trading_day=day, portion=100))
            await running.do(*statements_due(core))
            await asyncio.sleep(0.01)
        found = await whole.compare()
        assert found.is_clean, found
        here, there = found.positions.here.digest, found.positions.there.digest
        await running.do(
            RecordReconciliation(trading_day=day, breaks=0, digest_here=here, digest_there=there)
        )
        while core.trading_day == day:
            await running.do(AdvanceClose(trading_day=day, portion=100))


async def quiet(running: Engine) -> None:
    """The registry has answered everything."""
    async with asyncio.timeout(PATIENCE_S):
        while running.views.pending_instructions:  # noqa: ASYNC110 - a view, not an event
            await asyncio.sleep(0.01)


def outbox_of(running: Engine) -> ExchangeOutbox:
    """What the exchange has to ask."""
    return ExchangeOutbox(
        ExchangeSide(
            names=RequestNames(exchange_id=running.journal.exchange_id),
            pending=lambda: tuple(running.views.pending_instructions.values()),
            registry_account=lambda account: f"R-{account}",
            accounts=lambda: tuple(AccountId(name) for name in running.views.accounts()),
            serials=lambda account: running.views.accounts()[account].serials,
            arriving=running.views.custody.arriving,
            submit=running.sequencer.submit,
        )
    )


@pytest.mark.parametrize(
    "seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 3 + SOAK_SEEDS))]
)
async def test_whatever_happens_a_tonne_is_used_once_and_class_two_never_complies(
    exchange_database: str,
    service: Service,
    registry: HttpRegistry,
    administration: HttpAdministration,
    seed: int,
) -> None:
    service.clock.now_ns = START_NS
    await found(registry, administration)
    crowd = Crowd(seed)
    for life in range(LIVES):
        clock = EngineClock(service.clock.now_ns)
        async with engine(exchange_database, clock=clock, projections=(SettlementPostings(),)) as running:
            outbox = outbox_of(running)
            async with bridged(running, outbox, registry):
                outbox.notify()
                if life == 0:
                    await set_up(running)
                    await quiet(running)
                if life == 1:
                    await running.do(adopting(("use_withdrawal_s", 5), from_ns=service.clock.now_ns))
                for _ in range(STEPS):
                    service.clock.now_ns += NS
                    clock.move_to(service.clock.now_ns)
                    await running.do(crowd.next(running))
                if life == LIVES - 1:
                    await quiet(running)
                    whole = Whole(
                        engine=running, registry=registry, administration=administration, outbox=outbox
                    )
                    await close(whole)
                    service.clock.now_ns += 10 * NS
                    clock.move_to(service.clock.now_ns)
                    await running.do(crowd.next(running))
                    await quiet(running)
                    await check(running, service, f"seed {seed}")
            # Otherwise the line is cut with answers still under way, and all goes on in the next life.


async def check(running: Engine, service: Service, told: str) -> None:
    """What must be so, on both sides."""
    core = running.recovered.exchange
    core.check()
    certified: dict[str, list[tuple[int, int]]] = {}
    async with running.pool.acquire() as connection:
        assert await settlement_check(connection) == (), told
        assert await compare_with_core(connection, core.depository.dump()) == (), told
    compliance = 0
    for record in await running.journal.read(0, 100_000):
        for event in record.entry().events:
            if isinstance(event, CertificateIssued):
                says = event.certificate.says
                if says.purpose is Channel.COMPLIANCE_OFFSET:
                    compliance += 1
                    assert {lot.methodology_class for lot in says.lots} == {MethodologyClass.I}, told
                if says.donated_to is None:
                    for lot in says.lots:
                        certified.setdefault(lot.lot_id, []).extend(lot.serials)
    assert compliance, f"{told}: nobody complied, so nothing was shown"
    here = {lot: disjoint(ranges, told) for lot, ranges in certified.items()}
    there = await retired_at_the_registry(service, told)
    assert here == there, told
    assert {lot: count(serials) for lot, serials in running.views.uses.retired.items()} == there, told


def disjoint(ranges: list[tuple[int, int]], told: str) -> int:
    """How many serials these are; no serial may be there twice."""
    last = 0
    for first, end in sorted(ranges):
        assert first >= last, f"{told}: {first} was retired twice"
        last = end
    return count(ranges)


def count(ranges: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> int:
    return sum(end - first for first, end in ranges)


async def retired_at_the_registry(service: Service, told: str) -> dict[str, int]:
    """Serials retired by lot, as the registry's own database has them; and what must never be found there."""
    connection = await asyncpg.connect(service.database)
    try:
        assert not await connection.fetchval(
            "SELECT count(*) FROM retirement_lot WHERE purpose = 'compliance_offset' AND class = 'II'"
        ), told
        assert not await connection.fetchval(
            "SELECT count(*) FROM journal_leg AS gone JOIN journal_leg AS later"
            " ON later.lot = gone.lot AND later.serials && gone.serials AND later.sequence > gone.sequence"
            " WHERE gone.to_place = 'retired'"
        ), f"{told}: what was retired has moved"
        rows = await connection.fetch(
            "SELECT lot, sum(upper(serials) - lower(serials))::bigint AS tonnes FROM journal_leg"
            " WHERE to_place = 'retired' GROUP BY lot"
        )
    finally:
        await connection.close()
    return {row["lot"]: row["tonnes"] for row in rows}
