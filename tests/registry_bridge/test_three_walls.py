"""Three walls between Class II and compliance, each alone: whoever gets past two of them stands before the third.

The core is asked where nothing behind it would refuse; the registry is asked by a core that was bypassed; the database
is told what a broken core and an obliging registry did.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from gateway.engine.entry import Entry
from gateway.engine.tables.journal import SERVICE_ROLE, Connection
from gateway.engine.tables.settlement_postings import SettlementPostings, settlement_check
from matching.commands import AdvanceTime, Command
from matching.events import Event, Rejected
from matching.exchange import Exchange
from matching.state import Stamp
from registry_bridge.back_off import BackOff
from registry_bridge.bridge import Bridge
from registry_bridge.exchange_side import ExchangeOutbox, ExchangeSide
from registry_bridge.http_administration import HttpAdministration
from registry_bridge.http_registry import HttpRegistry
from registry_bridge.registry import AccountKind, Confirmed, MovementKind
from registry_bridge.request_names import RequestNames
from registry_bridge.upkeep import bind
from registry_bridge.wire_administration import LotIssue
from settlement.account import ParticipantKind
from settlement.certificate import CertifiedLot, Statement, certify
from settlement.channels import Channel
from settlement.commands import (
    AddInstrument,
    OpenAccount,
    Outcome,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    ResolveInstruction,
)
from settlement.compliance_year import Cap, CapBase, ComplianceYear, Enforcement, Filing
from settlement.events import (
    AccountOpened,
    Bucket,
    Instruction,
    InstructionKind,
    InstructionLeg,
    InstrumentAdded,
    LotRegistered,
    LotSlice,
    MovementInstructed,
    Posted,
    TransferCompleted,
)
from settlement.instrument import Instrument
from settlement.lot import Lot, MethodologyClass, Origin
from settlement.lot_choice import LotChoice
from settlement.retirement import ComplianceUse, UseId
from settlement.serials import Serials
from settlement.use_commands import AdoptComplianceYear, SubmitOffset
from settlement.use_events import (
    CertificateIssued,
    ComplianceYearAdopted,
    UseAccepted,
    UseCompleted,
    VerifiedEmissionsFiled,
)
from settlement.values import OUTSIDE, AccountId, AssetCode, InstructionId, LotId, ParticipantId, TradingDay
from tests.gateway.engine.world import START_NS, setting_up
from tests.gateway.postgres.second_wall import journal
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.examples import MANAGEMENT, MINUTE_NS, TRADING, leg, movement

ENTITY, OWNER = AccountId("entity"), ParticipantId("entity-person")
DAY = TradingDay("2026-11-23")
COMPLIANCE = ComplianceUse(compliance_year=2025, beneficiary="the entity")
YEAR = ComplianceYear(year=2025, opens_ns=0, deadline_ns=START_NS * 2, source="a test")


def lot(name: str, methodology_class: MethodologyClass) -> Lot:
    return Lot(
        lot_id=LotId(name),
        instrument=AssetCode(f"CODE{methodology_class}"),
        methodology_class=methodology_class,
        methodology=f"M-{methodology_class}",
        methodology_version="1",
        origin=Origin.PROJECT,
        project="p",
        period_from="2025-01-01",
        period_to="2025-12-31",
        batch="1",
        issued_on="2026-03-01",
        serials=(1, 101),
    )


FIRST, SECOND = lot("FIRST", MethodologyClass.I), lot("SECOND", MethodologyClass.II)


# ---- the first wall: a core with nothing behind it ------------------------------------------------------------------


class Alone:
    """A core whose registry confirms everything and whose journal nobody reads."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self._seq = 0
        for command in setting_up():
            self.do(command)
        self.do(RegisterParticipant(participant=OWNER, kind=ParticipantKind.COVERED_ENTITY))
        self.do(OpenAccount(account=ENTITY, owner=OWNER, registry_account="R-entity"))
        for known in (FIRST, SECOND):
            code = Instrument(code=known.instrument, methodology_class=known.methodology_class)
            self.do(AddInstrument(instrument=code))
            self.do(RegisterLot(lot=known))
            self.do(arriving(known))
        self.do(AdoptComplianceYear(operator=ParticipantId("olga"), terms=YEAR))

    def do(self, command: Command) -> tuple[Event, ...]:
        self._seq += 1
        events = self.exchange.apply(command, Stamp(seq=self._seq, at_ns=START_NS))
        for event in events:
            if isinstance(event, MovementInstructed):
                confirmed = ResolveInstruction(
                    instruction_id=event.instruction.instruction_id, outcome=Outcome.CONFIRMED
                )
                events += self.do(confirmed)
        return events


def arriving(known: Lot) -> RequestTransferIn:
    return RequestTransferIn(
        participant=OWNER,
        account=ENTITY,
        client_id=f"in-{known.lot_id}",
        instrument=known.instrument,
        lots=(LotSlice(lot_id=known.lot_id, serials=(known.serials,)),),
        asked="all",
    )


def offset(client_id: str, *names: str) -> SubmitOffset:
    return SubmitOffset(
        participant=OWNER,
        account=ENTITY,
        client_id=client_id,
        compliance_year=2025,
        lots=tuple(LotChoice(lot_id=LotId(name), quantity_tonnes=1) for name in names),
    )


@pytest.mark.parametrize("names", [("SECOND",), ("FIRST", "SECOND"), ("SECOND", "FIRST")])
def test_the_core_refuses_class_two_where_nobody_else_would(names: tuple[str, ...]) -> None:
    alone = Alone()
    before = alone.exchange.depository.dump()
    (refused,) = alone.do(offset("o-1", *names))
    assert isinstance(refused, Rejected)
    assert refused.code == "class_not_eligible"
    assert alone.exchange.depository.dump() == before
    assert any(isinstance(event, UseCompleted) for event in alone.do(offset("o-2", "FIRST")))


# ---- the second wall: a registry asked by who got past the core --------------------------------------------------------


async def test_the_registry_refuses_class_two_that_was_asked_past_the_core(
    service: Service, registry: HttpRegistry, administration: HttpAdministration
) -> None:
    service.clock.now_ns = START_NS
    await administration.open_account("R-entity", AccountKind.INSTITUTION)
    await bind(registry, "R-entity", ENTITY)
    for known in (FIRST, SECOND):
        await issue(administration, known)
        way = (("R-entity", MANAGEMENT), ("R-entity", TRADING))
        came = await registry.move(
            movement(
                f"in-{known.lot_id}",
                MovementKind.TRANSFER_IN,
                leg(1, (known.serials,), *way, known.lot_id),
                not_after_ns=START_NS + MINUTE_NS,
            )
        )
        assert isinstance(came, Confirmed), came
    asked = {known.lot_id: instruction(known) for known in (FIRST, SECOND)}
    answers: dict[str, ResolveInstruction] = {}

    async def resolve(command: ResolveInstruction) -> None:
        answers[command.instruction_id] = command
        asked.pop(LotId(command.instruction_id))

    side = ExchangeSide(
        names=RequestNames(exchange_id="walls"),
        pending=lambda: tuple(asked.values()),
        registry_account=lambda account: f"R-{account}",
        accounts=lambda: (),
        serials=lambda _: {},
        arriving=lambda: (),
        submit=resolve,
    )
    outbox = ExchangeOutbox(side)
    bridge = Bridge(outbox, registry, clock_ns=lambda: service.clock.now_ns, back_off=BackOff(first_s=0.01))
    working = asyncio.create_task(bridge.run())
    try:
        outbox.notify()
        async with asyncio.timeout(20):
            while asked:  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.01)
    finally:
        working.cancel()
        await asyncio.wait([working])
    assert answers["FIRST"].outcome is Outcome.CONFIRMED
    refused = answers["SECOND"]
    assert (refused.outcome, refused.code, refused.leg) == (Outcome.REFUSED, "class_not_eligible", 1)
    held = {(one.lot, one.first, one.end) for one in (await registry.positions()).positions}
    assert held == {("FIRST", 5, 101), ("SECOND", 1, 101)}


async def issue(administration: HttpAdministration, known: Lot) -> None:
    await administration.publish_methodology(
        code=known.methodology,
        version="1",
        methodology_class=known.methodology_class,
        title="a methodology",
    )
    first, end = known.serials
    await administration.issue_lot(
        LotIssue(
            lot=known.lot_id,
            methodology=known.methodology,
            methodology_version="1",
            origin=known.origin,
            project=known.project,
            applicant="R-entity",
            period_start=known.period_from,
            period_end=known.period_to,
            issue_batch=known.batch,
            issued_on=known.issued_on,
            first=first,
            end=end,
        )
    )


def instruction(known: Lot) -> Instruction:
    """What a core without its class check would ask for."""
    return Instruction(
        instruction_id=InstructionId(known.lot_id),
        kind=InstructionKind.RETIRE,
        trading_day=DAY,
        not_after_ns=START_NS + MINUTE_NS,
        legs=(
            InstructionLeg(
                leg=1, lot_id=known.lot_id, serials=((1, 5),), from_account=ENTITY, to_account=ENTITY
            ),
        ),
        compliance=COMPLIANCE,
        use_id=UseId("offset-1"),
    )


# ---- the third wall: a database told what the other two let through ---------------------------------------------------


@pytest.fixture
async def connection(exchange_database: str) -> AsyncIterator[Connection]:
    """The exchange's database as the journal writes it, with a journal of forty entries and the entity's units."""
    connection = await asyncpg.connect(exchange_database)
    await journal(connection, 40)
    await connection.execute(f"SET ROLE {SERVICE_ROLE}")
    wall = SettlementPostings()
    opened: list[Event] = [
        AccountOpened(account=ENTITY, owner=OWNER, registry_account="R-entity"),
        *(
            InstrumentAdded(
                instrument=Instrument(code=known.instrument, methodology_class=known.methodology_class)
            )
            for known in (FIRST, SECOND)
        ),
        *(LotRegistered(lot=known) for known in (FIRST, SECOND)),
    ]
    cap = Cap(
        base=CapBase.VERIFIED_EMISSIONS,
        ratio_numerator=5,
        ratio_denominator=100,
        enforcement=Enforcement.HARD,
    )
    ruled: list[Event] = [
        ComplianceYearAdopted(operator=ParticipantId("olga"), terms=replace(YEAR, cap=cap)),
        VerifiedEmissionsFiled(
            authority=ParticipantId("anna"),
            filing=Filing(entity=OWNER, year=2025, verified_emissions_tonnes=200, source="a report"),
        ),
    ]
    events = [*opened, *ruled]
    await wall.write(connection, [entry(seq, event) for seq, event in enumerate(events, 1)])
    arrived = [entry(seq, *arrival(known)) for seq, known in enumerate((FIRST, SECOND), 10)]
    await wall.write(connection, arrived)
    yield connection
    assert await settlement_check(connection) == ()
    await connection.close()


def entry(seq: int, *events: Event) -> Entry:
    return Entry(seq, START_NS, AdvanceTime(), events)


def arrival(known: Lot) -> tuple[Event, ...]:
    return (
        Posted(
            asset=known.instrument,
            amount=100,
            from_account=OUTSIDE,
            from_bucket=Bucket.OUTSIDE,
            to_account=ENTITY,
            to_bucket=Bucket.AVAILABLE,
        ),
        TransferCompleted(
            account=ENTITY,
            instruction_id=InstructionId(f"in-{known.lot_id}"),
            kind=InstructionKind.TRANSFER_IN,
            instrument=known.instrument,
            quantity_tonnes=100,
            lots=(LotSlice(lot_id=known.lot_id, serials=(known.serials,)),),
        ),
    )


def accepted(use_id: str, known: Lot, serials: Serials) -> UseAccepted:
    """What a core without its guards would say."""
    return UseAccepted(
        use_id=UseId(use_id),
        account=ENTITY,
        entity=OWNER,
        client_id=use_id,
        channel=Channel.COMPLIANCE_OFFSET,
        compliance_year=2025,
        beneficiary="the entity",
        statement="",
        instrument=known.instrument,
        quantity_tonnes=sum(end - first for first, end in serials),
        lots=(LotSlice(lot_id=known.lot_id, serials=serials),),
        donated_to=None,
        accepted_at_ns=START_NS,
        instruct_at_ns=START_NS,
        deadline_ns=YEAR.deadline_ns,
        cap=None,
    )


def completed(use_id: str, known: Lot, serials: Serials) -> tuple[Event, ...]:
    """What it would book when an obliging registry has confirmed."""
    said = accepted(use_id, known, serials)
    told = {name: getattr(said, name) for name in UseCompleted.__dataclass_fields__}
    certified = CertifiedLot(
        lot_id=known.lot_id,
        methodology_class=known.methodology_class,
        methodology=known.methodology,
        methodology_version="1",
        origin=known.origin,
        project=known.project,
        period_from=known.period_from,
        period_to=known.period_to,
        serials=serials,
    )
    says = Statement(
        reference=use_id,
        entity=OWNER,
        account=ENTITY,
        purpose=Channel.COMPLIANCE_OFFSET,
        compliance_year=2025,
        beneficiary="the entity",
        statement="",
        instrument=known.instrument,
        quantity_tonnes=said.quantity_tonnes,
        lots=(certified,),
        donated_to=None,
        accepted_at_ns=START_NS,
        completed_at_ns=START_NS,
        deadline_ns=YEAR.deadline_ns,
        instruction_id=InstructionId("use-1"),
        trading_day=DAY,
    )
    return (
        Posted(
            asset=known.instrument,
            amount=said.quantity_tonnes,
            from_account=ENTITY,
            from_bucket=Bucket.DELIVERING,
            to_account=ENTITY,
            to_bucket=Bucket.RETIRED,
        ),
        UseCompleted(**told),
        CertificateIssued(account=ENTITY, certificate=certify(says, 1)),
    )


async def refused_by_the_database(connection: Connection, *entries: Entry) -> str | None:
    """Which constraint refuses these entries; the transaction is lost, as the journal's would be."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await SettlementPostings().write(connection, entries)
    except asyncpg.IntegrityConstraintViolationError as refusal:
        return refusal.constraint_name
    finally:
        await transaction.rollback()
    return None


async def test_the_database_refuses_class_two_that_core_and_registry_let_through(
    connection: Connection,
) -> None:
    for seq, events in (
        (20, (accepted("offset-1", SECOND, ((1, 5),)),)),
        (21, completed("offset-2", SECOND, ((1, 5),))),
    ):
        refusal = await refused_by_the_database(connection, entry(seq, *events))
        assert refusal in ("claim_class", "used_is_class_one")
    sound = (accepted("offset-3", FIRST, ((1, 5),)), completed("offset-3", FIRST, ((1, 5),)))
    assert await refused_by_the_database(connection, entry(20, sound[0]), entry(21, *sound[1])) is None


async def test_the_database_refuses_a_tonne_above_a_hard_cap(connection: Connection) -> None:
    wall = SettlementPostings()
    await wall.write(connection, [entry(20, accepted("offset-1", FIRST, ((1, 10),)))])
    over, last = accepted("offset-2", FIRST, ((10, 12),)), accepted("offset-3", FIRST, ((10, 11),))
    assert await refused_by_the_database(connection, entry(21, over)) == "claim_within_cap"
    assert await refused_by_the_database(connection, entry(21, last)) is None


async def test_the_database_refuses_to_retire_a_serial_twice(connection: Connection) -> None:
    wall = SettlementPostings()
    await wall.write(
        connection,
        [
            entry(20, accepted("offset-1", FIRST, ((1, 5),))),
            entry(21, accepted("offset-2", FIRST, ((4, 8),))),
            entry(22, *completed("offset-1", FIRST, ((1, 5),))),
        ],
    )
    again = entry(23, *completed("offset-2", FIRST, ((4, 8),)))
    refusal = await refused_by_the_database(connection, again)
    assert refusal in ("holding_is_owned", "holding_has_one_owner")
