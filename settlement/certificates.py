"""Issuing certificates: one for every completed use, numbered in the order of their completion."""

from dataclasses import dataclass

from settlement.certificate import Certificate, CertifiedLot, Statement, certify
from settlement.channels import Channel
from settlement.events import DeliverySettled, LotSlice, RetirementCompleted
from settlement.lot import Lot
from settlement.retired_figures import HeldOver, RetiredFigures
from settlement.retirement import RetirementId
from settlement.use import OwnedUse
from settlement.use_accounts import UseAccounts, UseTotal, calendar_year
from settlement.use_events import CertificateIssued, UseCompleted
from settlement.values import AccountId, InstructionId, LotId, ParticipantId, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """When a purchase for a use settled, and so its use began."""

    retirement_id: RetirementId
    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificatesState:
    """What is known of completed uses, as written to a snapshot."""

    issued: int
    begun: tuple[Begun, ...]
    totals: tuple[UseTotal, ...]
    held_over: tuple[HeldOver, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """When and by which movement something was completed."""

    instruction_id: InstructionId
    at_ns: int
    trading_day: TradingDay


class Certificates:
    """Counts what is complete, and puts it into words."""

    __slots__ = ("_begun", "_lots", "_retired", "accounts", "issued")

    def __init__(self, lots: dict[LotId, Lot], retired: RetiredFigures) -> None:
        """None issued; `lots` is the depository's own table, `retired` is told of what is complete."""
        self._lots = lots
        self._begun: dict[RetirementId, int] = {}
        self.accounts = UseAccounts()
        self._retired = retired
        self.issued = 0

    def note_begun(self, settled: DeliverySettled, at_ns: int) -> None:
        """A purchase that was for a use has settled."""
        if settled.use is not None:
            self._begun[RetirementId(f"trade-{settled.trade_id}")] = at_ns

    def for_use(self, done: UseCompleted, use: OwnedUse, completion: Completion) -> CertificateIssued:
        """The certificate of a completed use of owned units."""
        return self._issue(
            Statement(
                reference=done.use_id,
                entity=done.entity,
                account=done.account,
                purpose=done.channel,
                compliance_year=done.compliance_year,
                beneficiary=done.beneficiary,
                statement=done.statement,
                instrument=done.instrument,
                quantity_tonnes=done.quantity_tonnes,
                lots=self._certified(done.lots),
                donated_to=done.donated_to,
                accepted_at_ns=use.accepted_at_ns,
                completed_at_ns=completion.at_ns,
                deadline_ns=use.deadline_ns,
                instruction_id=completion.instruction_id,
                trading_day=completion.trading_day,
            )
        )

    def for_purchase(
        self, done: RetirementCompleted, entity: ParticipantId, completion: Completion
    ) -> CertificateIssued:
        """The certificate of a purchase that was for a use and has been retired."""
        return self._issue(
            Statement(
                reference=done.retirement_id,
                entity=entity,
                account=done.account,
                purpose=Channel(done.use.purpose.value),
                compliance_year=None,
                beneficiary=done.use.beneficiary,
                statement=done.use.statement,
                instrument=done.instrument,
                quantity_tonnes=done.quantity_tonnes,
                lots=self._certified(done.lots),
                donated_to=None,
                accepted_at_ns=self._begun.pop(done.retirement_id),
                completed_at_ns=completion.at_ns,
                deadline_ns=None,
                instruction_id=completion.instruction_id,
                trading_day=completion.trading_day,
            )
        )

    def dump(self) -> CertificatesState:
        """All of it, for a snapshot."""
        return CertificatesState(
            issued=self.issued,
            begun=tuple(Begun(retirement_id=one, at_ns=at_ns) for one, at_ns in self._begun.items()),
            totals=tuple(self.accounts.totals()),
            held_over=self._retired.dump(),
        )

    def load(self, state: CertificatesState) -> None:
        """Take over what a snapshot tells."""
        self.issued = state.issued
        self._begun = {begun.retirement_id: begun.at_ns for begun in state.begun}
        self.accounts = UseAccounts(state.totals)
        self._retired.load(state.held_over)

    def _issue(self, says: Statement) -> CertificateIssued:
        self.issued += 1
        year = calendar_year(says.trading_day) if says.compliance_year is None else says.compliance_year
        self.accounts.add(says.entity, year, says.purpose, says.quantity_tonnes)
        self._retired.add(says.purpose, says.entity, says.quantity_tonnes, says.trading_day)
        certificate: Certificate = certify(says, self.issued)
        return CertificateIssued(account=AccountId(says.account), certificate=certificate)

    def _certified(self, slices: tuple[LotSlice, ...]) -> tuple[CertifiedLot, ...]:
        return tuple(self._certified_lot(part) for part in slices)

    def _certified_lot(self, part: LotSlice) -> CertifiedLot:
        lot = self._lots[part.lot_id]
        return CertifiedLot(
            lot_id=part.lot_id,
            methodology_class=lot.methodology_class,
            methodology=lot.methodology,
            methodology_version=lot.methodology_version,
            origin=lot.origin,
            project=lot.project,
            period_from=lot.period_from,
            period_to=lot.period_to,
            serials=part.serials,
        )
