"""Uses of units as readers see them: those under way, what was used up, and what a use would be judged by.

Folded from journaled events only. A quote is the core's own function on a picture taken here, so that a quote and a
submission at the same moment say the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.engine.entry import Entry
from settlement import serials as ranges
from settlement.certificate import Certificate
from settlement.channels import Channel
from settlement.compliance_year import CapStanding, ComplianceYear, ComplianceYears, Filing, cap_standing
from settlement.events import LotSlice
from settlement.offset import YearStanding
from settlement.serials import NONE, Serials
from settlement.use_accounts import UseAccounts, UseTotal, calendar_year
from settlement.use_events import (
    CertificateIssued,
    ComplianceYearAdopted,
    UseAccepted,
    UseEvent,
    UseInstructed,
    VerifiedEmissionsFiled,
    WelfareAccountDesignated,
)
from settlement.values import LotId, ParticipantId

HELD: Final = "held"
RETIRING: Final = "retiring"


@dataclass(frozen=True, kw_only=True, slots=True)
class UseView:
    """One use of units that were owned."""

    use_id: str
    account: str
    entity: str
    """Who owns the account."""
    participant: str
    """Who asked."""
    client_id: str
    purpose: Channel
    compliance_year: int | None
    beneficiary: str
    statement: str
    instrument: str
    quantity_tonnes: int
    lots: tuple[LotSlice, ...]
    donated_to: str | None
    at_ns: int
    instruct_at_ns: int
    """Until then it can be withdrawn."""
    deadline_ns: int | None
    state: str
    """`held`, `retiring`, `completed`, `refused` or `withdrawn`."""
    ended_ns: int | None = None
    failure: str | None = None
    """The registry's code, where it refused."""
    certificate: str | None = None
    """Its number."""

    @classmethod
    def of(cls, entry: Entry, event: UseAccepted, state: str = HELD) -> "UseView":
        """A use as the entry that accepted it tells."""
        return cls(
            use_id=event.use_id,
            account=event.account,
            entity=event.entity,
            participant=getattr(entry.command, "participant", event.entity),
            client_id=event.client_id,
            purpose=event.channel,
            compliance_year=event.compliance_year,
            beneficiary=event.beneficiary,
            statement=event.statement,
            instrument=event.instrument,
            quantity_tonnes=event.quantity_tonnes,
            lots=event.lots,
            donated_to=event.donated_to,
            at_ns=event.accepted_at_ns,
            instruct_at_ns=event.instruct_at_ns,
            deadline_ns=event.deadline_ns,
            state=state,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenUse:
    """A use under way, as far as others have to know of it."""

    use_id: str
    account: str
    entity: str
    purpose: Channel
    compliance_year: int | None
    at_ns: int
    quantity_tonnes: int
    lots: tuple[LotSlice, ...]
    is_retiring: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RetiredLot:
    """Serials of a lot that are retired."""

    lot_id: str
    serials: Serials


@dataclass(frozen=True, kw_only=True, slots=True)
class UsesState:
    """As written to a snapshot."""

    years: tuple[ComplianceYear, ...]
    filings: tuple[Filing, ...]
    welfare_accounts: tuple[str, ...]
    open_uses: tuple[OpenUse, ...]
    totals: tuple[UseTotal, ...]
    retired: tuple[RetiredLot, ...]


class Uses:
    """Years, filings, uses under way, what was used up."""

    __slots__ = ("open", "retired", "totals", "welfare_accounts", "years")

    def __init__(self, state: UsesState | None = None) -> None:
        """Nothing yet, or what a snapshot tells."""
        self.years = ComplianceYears()
        self.welfare_accounts: dict[str, None] = {}
        self.open: dict[str, OpenUse] = {}
        """Uses under way by id, oldest first."""
        self.totals = UseAccounts()
        self.retired: dict[LotId, Serials] = {}
        if state is not None:
            self._load(state)

    # --- what readers ask ---------------------------------------------------------------------------

    def state_of(self, use_id: str) -> str | None:
        """Where a use under way stands; none for one that has ended."""
        found = self.open.get(use_id)
        if found is None:
            return None
        return RETIRING if found.is_retiring else HELD

    def under_way(self, entity: str, year: int) -> int:
        """Tonnes of an entity's offsets of a compliance year that are not completed yet."""
        return sum(
            use.quantity_tonnes
            for use in self.open.values()
            if use.entity == entity and use.compliance_year == year
        )

    def standing(self, entity: str, year: int, at_ns: int) -> YearStanding:
        """An entity's place in a compliance year at a moment."""
        owner = ParticipantId(entity)
        completed = self.totals.completed(owner, year, Channel.COMPLIANCE_OFFSET)
        return YearStanding(
            year=year,
            terms=self.years.in_force(year, at_ns),
            filing=self.years.filing(owner, year),
            used_tonnes=completed + self.under_way(entity, year),
        )

    def cap(self, entity: str, year: int, at_ns: int) -> CapStanding | None:
        """How an entity stands towards the cap of a year; none for a year nobody announced."""
        standing = self.standing(entity, year, at_ns)
        if standing.terms is None:
            return None
        return cap_standing(standing.terms, standing.filing, standing.used_tonnes)

    def years_in_force(self, at_ns: int) -> Mapping[int, ComplianceYear]:
        """Each announced year's rules at a moment, by year; those announced for later are left out."""
        found = {
            year: self.years.in_force(year, at_ns) for year in sorted({t.year for t in self.years.versions})
        }
        return {year: terms for year, terms in found.items() if terms is not None}

    # --- how they come to know ------------------------------------------------------------------------

    def accept(self, event: UseAccepted) -> None:
        """A use is held."""
        self.open[event.use_id] = OpenUse(
            use_id=event.use_id,
            account=event.account,
            entity=event.entity,
            purpose=event.channel,
            compliance_year=event.compliance_year,
            at_ns=event.accepted_at_ns,
            quantity_tonnes=event.quantity_tonnes,
            lots=event.lots,
            is_retiring=False,
        )

    def instruct(self, event: UseInstructed) -> None:
        """The registry is asked."""
        self.open[event.use_id] = replace(self.open[event.use_id], is_retiring=True)

    def end(self, event: UseEvent) -> None:
        """Withdrawn, refused or completed."""
        del self.open[event.use_id]

    def committed(self, account: str) -> Iterator[LotSlice]:
        """What an account has committed to uses under way."""
        return (part for use in self.open.values() if use.account == account for part in use.lots)

    def retire(self, lots: tuple[LotSlice, ...]) -> None:
        """Serials can never be used again."""
        for part in lots:
            self.retired[part.lot_id] = ranges.union(self.retired.get(part.lot_id, NONE), part.serials)

    def certify(self, event: CertificateIssued) -> None:
        """A use counts."""
        certificate: Certificate = event.certificate
        says = certificate.says
        year = calendar_year(says.trading_day) if says.compliance_year is None else says.compliance_year
        self.totals.add(says.entity, year, says.purpose, says.quantity_tonnes)

    def adopt(self, event: ComplianceYearAdopted) -> None:
        """A version of a year's rules."""
        self.years.adopt(event.terms)

    def file(self, event: VerifiedEmissionsFiled) -> None:
        """What a cap is a share of."""
        self.years.file(event.filing)

    def designate(self, event: WelfareAccountDesignated) -> None:
        """An account may receive donations, or no longer."""
        if event.designated:
            self.welfare_accounts[event.account] = None
        else:
            self.welfare_accounts.pop(event.account, None)

    def dump(self) -> UsesState:
        """Everything, for a snapshot."""
        return UsesState(
            years=tuple(self.years.versions),
            filings=tuple(self.years.filings()),
            welfare_accounts=tuple(self.welfare_accounts),
            open_uses=tuple(self.open.values()),
            totals=tuple(self.totals.totals()),
            retired=tuple(RetiredLot(lot_id=lot, serials=held) for lot, held in self.retired.items()),
        )

    def _load(self, state: UsesState) -> None:
        self.years = ComplianceYears(state.years, state.filings)
        self.welfare_accounts = dict.fromkeys(state.welfare_accounts)
        self.open = {use.use_id: use for use in state.open_uses}
        self.totals = UseAccounts(state.totals)
        self.retired = {LotId(one.lot_id): one.serials for one in state.retired}
