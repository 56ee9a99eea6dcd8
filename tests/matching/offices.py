"""An exchange with a compliance year and entities that use units up: what tests of uses begin with."""

from dataclasses import replace

from matching.events import Event, Rejected
from matching.exchange import Exchange
from matching.session import NS
from settlement.account import ParticipantKind
from settlement.certificate import Certificate
from settlement.commands import RegisterLot
from settlement.compliance_year import ComplianceYear, CreditsUsed, Filing
from settlement.events import Instruction, LotSlice, MovementInstructed
from settlement.lot import Lot, MethodologyClass
from settlement.lot_choice import LotChoice
from settlement.retirement import RetirementPurpose, Use, UseId
from settlement.serials import SerialRange
from settlement.use_commands import (
    AdoptComplianceYear,
    DesignateWelfareAccount,
    FileVerifiedEmissions,
    SubmitOffset,
    SubmitRetirement,
    WithdrawUse,
)
from settlement.use_events import CertificateIssued
from settlement.values import AccountId, AssetCode, LotId, ParticipantId
from tests.matching.driver import (
    CLASS_II,
    LISTING,
    OLGA,
    Driver,
    instant,
    lot,
    open_market,
    owner_of,
    transfer_in,
)

YEAR = 2025
OPENS_NS = instant("2026-11-01")
DEADLINE_NS = instant("2026-12-31", "17:00:00")
A_SECOND_NS = NS
TERMS = ComplianceYear(year=YEAR, opens_ns=OPENS_NS, deadline_ns=DEADLINE_NS, source="a test")
LAKE = Use(purpose=RetirementPurpose.DAMAGE_COMPENSATION, beneficiary="a lake")
GIFT = Use(purpose=RetirementPurpose.DONATION, beneficiary="a school", statement="for its trees")


def office(**rules: int | str) -> Driver:
    """Enid, a covered entity, has an old and a new lot of Class I and one of Class II; Anna is an institution."""
    driver = open_market(**rules)
    driver.admit("enid", fen=100_000_000, kind=ParticipantKind.COVERED_ENTITY)
    bring(driver, "enid", lot("old", (1, 101), "2025-01-01"))
    bring(driver, "enid", lot("new", (1, 201), "2025-06-01"))
    two = lot("two", (1, 501), "2024-01-01", CLASS_II, MethodologyClass.II)
    bring(driver, "enid", two)
    driver.admit("anna", fen=100_000_000, tonnes=500)
    adopt_year(driver)
    return driver


def bring(driver: Driver, account: str, new: Lot) -> None:
    """A new lot, all of it in an account."""
    driver.accepted(RegisterLot(lot=new))
    events = driver.accepted(
        transfer_in(
            account,
            (LotSlice(lot_id=new.lot_id, serials=(new.serials,)),),
            instrument=new.instrument,
            client_id=driver.next_id(),
        )
    )
    (instructed,) = (event for event in events if isinstance(event, MovementInstructed))
    driver.answer(instructed.instruction)


def adopt_year(driver: Driver, terms: ComplianceYear = TERMS, **changes: object) -> tuple[Event, ...]:
    """Enter a version of the year."""
    return driver.accepted(year_command(terms, **changes))


def year_command(terms: ComplianceYear = TERMS, **changes: object) -> AdoptComplianceYear:
    return AdoptComplianceYear(operator=ParticipantId(OLGA), terms=replace(terms, **changes))  # type: ignore[arg-type]


def file(driver: Driver, entity: str = "enid", **figures: int | tuple[CreditsUsed, ...]) -> tuple[Event, ...]:
    """The authority files an entity's figures."""
    return driver.accepted(filing_command(entity, **figures))


def filing_command(entity: str = "enid", **figures: int | tuple[CreditsUsed, ...]) -> FileVerifiedEmissions:
    filing = Filing(entity=ParticipantId(entity), year=YEAR, source="a test", **figures)  # type: ignore[arg-type]
    return FileVerifiedEmissions(authority=ParticipantId("bureau"), filing=filing)


def designate(driver: Driver, account: str, *, designated: bool = True) -> tuple[Event, ...]:
    """An account may take donations."""
    return driver.accepted(
        DesignateWelfareAccount(
            operator=ParticipantId(OLGA), account=AccountId(account), designated=designated, source="a test"
        )
    )


def of(lot_id: str, *serials: SerialRange, tonnes: int = 0) -> LotChoice:
    """Serials of a lot, or so many of its lowest."""
    return LotChoice(lot_id=LotId(lot_id), serials=serials, quantity_tonnes=tonnes)


def offset(
    quantity: int | None = None,
    *lots: LotChoice,
    account: str = "enid",
    participant: str | None = None,
    year: int = YEAR,
    client_id: str = "u",
    instrument: str | None = None,
    statement: str = "",
) -> SubmitOffset:
    """A `SubmitOffset` by the account's owner."""
    return SubmitOffset(
        participant=ParticipantId(participant or owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        compliance_year=year,
        instrument=None if instrument is None else AssetCode(instrument),
        quantity_tonnes=quantity,
        lots=lots,
        statement=statement,
    )


def retirement(
    quantity: int | None = None,
    *lots: LotChoice,
    use: Use = LAKE,
    account: str = "enid",
    client_id: str = "u",
    instrument: str | None = LISTING,
    donate_to: str | None = None,
) -> SubmitRetirement:
    """A `SubmitRetirement` by the account's owner."""
    return SubmitRetirement(
        participant=ParticipantId(owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        use=use,
        instrument=None if instrument is None else AssetCode(instrument),
        quantity_tonnes=quantity,
        lots=lots,
        donate_to=None if donate_to is None else AccountId(donate_to),
    )


def withdraw(use_id: str, *, account: str = "enid", client_id: str = "w") -> WithdrawUse:
    """A `WithdrawUse` by the account's owner."""
    return WithdrawUse(
        participant=ParticipantId(owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        use_id=UseId(use_id),
    )


def pending(driver: Driver) -> Instruction:
    """The one movement the registry has been asked for."""
    (instruction,) = driver.exchange.pending_instructions()
    return instruction


def refusal(events: tuple[Event, ...]) -> str:
    """The code a command was refused with."""
    (refused,) = events
    assert isinstance(refused, Rejected), events
    return refused.code


def certificate(events: tuple[Event, ...]) -> Certificate:
    """The one certificate issued."""
    (issued,) = (event for event in events if isinstance(event, CertificateIssued))
    return issued.certificate


def parts(*slices: LotSlice) -> dict[str, tuple[SerialRange, ...]]:
    """Serials by lot."""
    return {str(part.lot_id): part.serials for part in slices}


def reload(driver: Driver) -> None:
    """Go on from a snapshot."""
    before = driver.exchange.dump()
    driver.exchange = Exchange.load(before)
    driver.exchange.check()
    assert driver.exchange.dump() == before
