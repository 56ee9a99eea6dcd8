"""Uses in the engine: every table that came of them can be held against the journal, and a snapshot keeps the views."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from gateway.engine.codec import StateCodec
from gateway.engine.tables.derived_rows import HistoryRows, JournalBrokenError
from gateway.engine.tables.settlement_postings import SettlementPostings, compare_with_core, settlement_check
from gateway.engine.tables.settlement_rows import SettledRows
from gateway.engine.tables.use_verification import UseTables
from gateway.engine.tables.verification import Verification, verify_journal
from gateway.engine.views.use_pictures import quote_of
from gateway.engine.views.views import Views, ViewsState
from settlement.account import ParticipantKind
from settlement.choice import Wanted
from settlement.commands import OpenAccount, Outcome, RegisterLot, RegisterParticipant, RequestTransferIn
from settlement.compliance_year import Cap, CapBase, ComplianceYear, CreditsUsed, Enforcement, Filing
from settlement.events import LotSlice
from settlement.retirement import RetirementPurpose, Use
from settlement.use_commands import (
    AdoptComplianceYear,
    DesignateWelfareAccount,
    FileVerifiedEmissions,
    SubmitOffset,
    SubmitRetirement,
)
from settlement.values import AccountId, LotId, ParticipantId
from tests.gateway.engine.test_engine_tampering import Borrowed
from tests.gateway.engine.world import (
    LISTING,
    LOT,
    START_NS,
    Engine,
    adopting,
    confirmations,
    engine,
)

OWNER, ENTITY = ParticipantId("entity-person"), AccountId("entity")
OWN_LOT = replace(LOT, lot_id=LotId("LOT-2"), serials=(200_001, 200_101))
YEAR = ComplianceYear(
    year=2025,
    opens_ns=0,
    deadline_ns=START_NS * 2,
    cap=Cap(
        base=CapBase.VERIFIED_EMISSIONS,
        ratio_numerator=5,
        ratio_denominator=100,
        enforcement=Enforcement.HARD,
        joint_credits=("CCER",),
    ),
    source="a test",
)
FILING = Filing(
    entity=OWNER,
    year=2025,
    verified_emissions_tonnes=1_000,
    other_credits=(CreditsUsed(credit="CCER", tonnes=3),),
    source="a report",
)


def offset(client_id: str, tonnes: int) -> SubmitOffset:
    return SubmitOffset(
        participant=OWNER, account=ENTITY, client_id=client_id, compliance_year=2025, quantity_tonnes=tonnes
    )


def donation(client_id: str, tonnes: int, donate_to: AccountId | None = None) -> SubmitRetirement:
    return SubmitRetirement(
        participant=OWNER,
        account=ENTITY,
        client_id=client_id,
        use=Use(purpose=RetirementPurpose.DONATION, beneficiary="a school"),
        quantity_tonnes=tonnes,
        donate_to=donate_to,
    )


@asynccontextmanager
async def used(database: str) -> AsyncIterator[Engine]:
    """An offset completed, one refused, a donation moved, one retired, one held."""
    async with engine(database, projections=[SettlementPostings()]) as running:
        await running.set_up()
        await running.do(
            RegisterParticipant(participant=OWNER, kind=ParticipantKind.COVERED_ENTITY),
            OpenAccount(account=ENTITY, owner=OWNER, registry_account="R-entity"),
            RegisterLot(lot=OWN_LOT),
            AdoptComplianceYear(operator=ParticipantId("olga"), terms=YEAR),
            FileVerifiedEmissions(authority=ParticipantId("anna"), filing=FILING),
            DesignateWelfareAccount(
                operator=ParticipantId("olga"), account=AccountId("buyer"), designated=True, source="a list"
            ),
        )
        asked = await running.do(
            RequestTransferIn(
                participant=OWNER,
                account=ENTITY,
                client_id="in-1",
                instrument=LISTING,
                lots=(LotSlice(lot_id=OWN_LOT.lot_id, serials=(OWN_LOT.serials,)),),
                asked="all",
            )
        )
        await running.do(*confirmations(asked))
        done = await running.do(offset("o-1", 10), donation("d-1", 5, AccountId("buyer")), donation("d-2", 4))
        await running.do(*confirmations(done))
        (refused,) = confirmations(await running.do(offset("o-2", 37)))
        await running.do(replace(refused, outcome=Outcome.REFUSED, code="lot_frozen"))
        await running.do(adopting(("use_withdrawal_s", 600)))
        await running.do(offset("o-3", 20))
        yield running


async def verified(pool: "asyncpg.Pool[asyncpg.Record]") -> Verification:
    return await verify_journal(pool, derived=(HistoryRows, SettledRows, UseTables))


TAMPERINGS = {
    "UPDATE use_request SET beneficiary = 'another' WHERE client_id = 'o-1'": "of use_request is not",
    "DELETE FROM use_outcome": "of use_outcome is missing",
    "UPDATE certificate SET quantity_tonnes = 11 WHERE quantity_tonnes = 10": "of certificate is not",
    "INSERT INTO certificate SELECT 'FORGED', seq, 'forged', account, entity, purpose, year, instrument,"
    " methodology_class, quantity_tonnes, digest, says, at_ns FROM certificate LIMIT 1": "FORGED) of certificate was added",
    "UPDATE settlement.compliance_year SET numerator = 50": "of settlement.compliance_year is not",
    "DELETE FROM settlement.filing": "of settlement.filing is missing",
    "UPDATE settlement.offset_claim SET tonnes = 1": "of settlement.offset_claim is not",
    "DELETE FROM settlement.offset_release": "of settlement.offset_release is missing",
    "UPDATE settlement.used SET purpose = 'voluntary_offset' WHERE purpose = 'donation'": "of settlement.used is not",
}
TABLES = (
    *("use_request", "use_outcome", "certificate", "settlement.compliance_year", "settlement.filing"),
    *("settlement.offset_claim", "settlement.offset_release", "settlement.used"),
)


async def test_every_tampering_with_uses_is_noticed_and_named(database: str) -> None:
    async with used(database) as running:
        assert (await verified(running.pool)).entries == running.journal.position
        for tampering, named in TAMPERINGS.items():
            async with running.pool.acquire() as connection:
                await connection.execute("BEGIN; SET LOCAL session_replication_role = replica")
                for table in TABLES:
                    assert await connection.fetchval(f"SELECT count(*) FROM {table}")
                    await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                await connection.execute(tampering)
                with pytest.raises(JournalBrokenError) as broken:
                    await verified(Borrowed(connection))  # type: ignore[arg-type] # what is used of a pool
                assert named in str(broken.value), tampering
                await connection.execute("ROLLBACK")


async def test_tables_core_and_views_agree_about_uses(database: str) -> None:
    async with used(database) as running:
        core = running.recovered.exchange
        core.check()
        async with running.pool.acquire() as connection:
            assert await settlement_check(connection) == ()
            assert await compare_with_core(connection, core.depository.dump()) == ()
        picture = core.using.desk.picture(ENTITY)
        account = running.views.account(ENTITY)
        assert account is not None
        quoted = quote_of(running.views, account, 2025, wanted(7), START_NS)
        assert [(part.lot_id, part.serials) for part in quoted.slices] == [("LOT-2", ((200_040, 200_047),))]
        assert quoted.cap == running.views.uses.cap(OWNER, 2025, START_NS)
        assert quoted.cap is not None
        assert (quoted.cap.limit_tonnes, quoted.cap.used_tonnes, quoted.cap.other_tonnes) == (50, 30, 3)
        assert running.views.uses.retired == picture.retired
        over = quote_of(running.views, account, 2025, wanted(18), START_NS)
        assert over.refused is not None
        assert over.refused.code == "cap_exceeded"


async def test_a_snapshot_keeps_what_the_views_know_of_uses(database: str) -> None:
    async with used(database) as running:
        codec = StateCodec(ViewsState)
        raw = codec.encode(running.views.dump())
        again = Views(state=codec.decode(raw))
        assert codec.encode(again.dump()) == raw
        account = again.account(ENTITY)
        assert account is not None
        quoted = quote_of(again, account, 2025, wanted(7), START_NS)
        assert quoted.slices[0].serials == ((200_040, 200_047),)
        (held,) = again.uses.open.values()
        assert (held.quantity_tonnes, again.uses.state_of(held.use_id)) == (20, "held")


def wanted(tonnes: int) -> Wanted:
    return Wanted(instrument=None, quantity_tonnes=tonnes, lots=())
