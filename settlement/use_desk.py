"""Uses decided: offsets, other uses, withdrawals, and the data they are judged by (Measures 2023, Art. 29, 31, 32).

Guards first, then changes. A use is accepted at any hour, also while a day closes; the registry is asked once the
withdrawal window is over, but not while a day closes, since the comparison with it would then never be at rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from settlement import rejections, serials, use_rejections
from settlement.certificates import Certificates, CertificatesState, Completion
from settlement.channels import Channel, Channels, allows
from settlement.choice import (
    HeldLot,
    Picture,
    Stock,
    Wanted,
    choose,
    refuse_account,
    refuse_shape,
)
from settlement.commands import ResolveInstruction
from settlement.compliance_year import (
    CapStanding,
    ComplianceYear,
    ComplianceYears,
    Filing,
    cap_standing,
    fault_of,
)
from settlement.corrections import CorrectionEvent
from settlement.depository import Depository
from settlement.events import DeliverySettled, RetirementCompleted
from settlement.lot import Lot
from settlement.movements import ResolvedEvent
from settlement.offset import YearStanding, quote
from settlement.rejections import Rejection
from settlement.retired_figures import RetiredFigures
from settlement.retirement import ComplianceUse, RetirementPurpose, UseId
from settlement.use import Matter, Offset, OtherUse, OwnedUse
from settlement.use_commands import (
    AdoptComplianceYear,
    DesignateWelfareAccount,
    FileVerifiedEmissions,
    SubmitOffset,
    SubmitRetirement,
    WithdrawUse,
)
from settlement.use_events import (
    ComplianceYearAdopted,
    UseCompleted,
    UsesEvent,
    VerifiedEmissionsFiled,
    WelfareAccountDesignated,
)
from settlement.values import AccountId, AssetCode, ParticipantId, TradingDay

NEVER_NS: Final = 2**63 - 1
"""Later than any stamp."""

UseOutcome: TypeAlias = UsesEvent | ResolvedEvent | CorrectionEvent
UseAnswer: TypeAlias = Rejection | tuple[UseOutcome, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class UseMoment:
    """What has to be known of the moment of a decision."""

    seq: int
    at_ns: int
    trading_day: TradingDay | None
    closing: bool
    not_after_ns: int
    channels: Channels
    withdrawal_ns: int
    """How long a use can be withdrawn before the registry is asked."""
    blocked: Rejection | None = None
    """Why the account may do nothing with its units at present; None when it may."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UseDeskState:
    """All that is known of uses beside what the depository keeps, as written to a snapshot."""

    years: tuple[ComplianceYear, ...]
    filings: tuple[Filing, ...]
    welfare_accounts: tuple[AccountId, ...]
    certificates: CertificatesState


class UseDesk:
    """Everything asked about using units that are owned."""

    __slots__ = ("_depository", "certificates", "welfare_accounts", "years")

    def __init__(self, depository: Depository, retired: RetiredFigures) -> None:
        """No year, no filing, no welfare account. `retired` is told of what is complete."""
        self._depository = depository
        self.years = ComplianceYears()
        self.welfare_accounts: dict[AccountId, None] = {}
        self.certificates = Certificates(depository.lots, retired)

    # ---- what is asked ------------------------------------------------------------------------------------------

    def submit_offset(self, command: SubmitOffset, moment: UseMoment) -> UseAnswer:
        """Hold what an offset takes, or say which rule forbids it. Judged by the very function that quotes."""
        wanted = _wanted(command)
        picture = self.picture(command.account, blocked=moment.blocked)
        standing = self.standing(picture.entity, command.compliance_year, moment.at_ns)
        quoted = quote(wanted, picture, standing, moment.channels, moment.at_ns)
        compliance = ComplianceUse(
            compliance_year=command.compliance_year,
            beneficiary=command.beneficiary or picture.entity,
            statement=command.statement,
        )
        if quoted.refused is not None:
            return quoted.refused
        if not compliance.is_well_formed():
            return rejections.USE_MALFORMED.because()
        assert quoted.instrument is not None
        assert standing.terms is not None
        # From here the command must succeed.
        offset = Offset(compliance=compliance, eligible=quoted.eligible)
        use = self._draft("offset", command, quoted.instrument, offset, moment)
        use.deadline_ns = standing.terms.deadline_ns
        after = cap_standing(standing.terms, standing.filing, standing.used_tonnes + quoted.quantity_tonnes)
        return self._accept(use, after)

    def submit_retirement(self, command: SubmitRetirement, moment: UseMoment) -> UseAnswer:
        """Hold what another use takes, or say which rule forbids it."""
        wanted = _wanted(command)
        picture = self.picture(command.account, blocked=moment.blocked)
        refused = refuse_shape(wanted, picture) or refuse_account(picture) or self._refuse_use(command)
        if refused is not None:
            return refused
        channel = Channel(command.use.purpose.value)
        chosen = choose(wanted, picture, lambda lot: _refuse_channel(lot, channel, moment.channels))
        if isinstance(chosen, Rejection):
            return chosen
        # From here the command must succeed.
        other = OtherUse(use=command.use, slices=chosen.slices, donated_to=command.donate_to)
        use = self._draft("retirement", command, chosen.instrument, other, moment)
        return self._accept(use, None)

    def withdraw(self, command: WithdrawUse) -> UseAnswer:
        """Take back what the registry has not been asked for."""
        uses = self._depository.movements.uses
        use = uses.held_by(command.account, command.use_id)
        if use is None:
            return use_rejections.USE_NOT_HELD.because(actual=command.use_id)
        # From here the command must succeed.
        return uses.withdraw(use)

    def adopt_year(self, command: AdoptComplianceYear, at_ns: int) -> UseAnswer:
        """Enter a version of a year's rules."""
        terms = command.terms
        fault = fault_of(terms)
        if fault is not None:
            return use_rejections.COMPLIANCE_YEAR_FAULTY.because(actual=fault)
        if 0 < terms.effective_from_ns < at_ns:
            return use_rejections.COMPLIANCE_YEAR_FAULTY.because(limit="from now on", actual="in the past")
        # From here the command must succeed.
        terms = replace(terms, effective_from_ns=max(terms.effective_from_ns, at_ns))
        self.years.adopt(terms)
        return (ComplianceYearAdopted(operator=command.operator, terms=terms),)

    def file_emissions(self, command: FileVerifiedEmissions) -> UseAnswer:
        """Enter what a cap is a share of, for one entity and year."""
        filing = command.filing
        if filing.entity not in self._depository.participants:
            return rejections.PARTICIPANT_UNKNOWN.because(actual=filing.entity)
        if not filing.is_well_formed():
            return use_rejections.FILING_FAULTY.because(actual=f"{filing.entity} {filing.year}")
        # From here the command must succeed.
        self.years.file(filing)
        return (VerifiedEmissionsFiled(authority=command.authority, filing=filing),)

    def designate(self, command: DesignateWelfareAccount) -> UseAnswer:
        """Let an account receive donations, or no longer. Saying the same twice is the same once."""
        account = self._depository.accounts.get(command.account)
        if account is None:
            return rejections.ACCOUNT_UNKNOWN.because(actual=command.account)
        if account.earmark is not None:
            return use_rejections.ACCOUNT_EARMARKED.because(actual=command.account)
        # From here the command must succeed.
        if command.designated:
            self.welfare_accounts[command.account] = None
        else:
            self.welfare_accounts.pop(command.account, None)
        return (
            WelfareAccountDesignated(
                operator=command.operator,
                account=command.account,
                designated=command.designated,
                source=command.source,
            ),
        )

    def resolve(self, command: ResolveInstruction, moment: UseMoment) -> UseAnswer:
        """Book the registry's answer, and certify what it completes."""
        movements = self._depository.movements
        instruction = movements.instructions.get(command.instruction_id)
        use = None
        if instruction is not None and instruction.use_id is not None:
            use = movements.uses.get(instruction.use_id)
        booked = self._depository.resolve(command, moment.seq, moment.not_after_ns)
        if isinstance(booked, Rejection) or instruction is None:
            return booked
        completion = Completion(
            instruction_id=command.instruction_id,
            at_ns=moment.at_ns,
            trading_day=moment.trading_day or instruction.trading_day,
        )
        events: list[UseOutcome] = []
        for event in booked:
            events.append(event)
            match event:
                case DeliverySettled():
                    self.certificates.note_begun(event, moment.at_ns)
                case UseCompleted():
                    assert use is not None, f"{event.use_id} was not under way"
                    events.append(self.certificates.for_use(event, use, completion))
                case RetirementCompleted():
                    owner = self._depository.accounts[event.account].owner
                    events.append(self.certificates.for_purchase(event, owner, completion))
                case _:
                    pass
        return tuple(events)

    # ---- time ---------------------------------------------------------------------------------------------------

    @property
    def next_due_ns(self) -> int:
        """When the registry is next to be asked for a held use; `NEVER_NS` when none is held."""
        return min((use.instruct_at_ns for use in self._depository.movements.uses.held()), default=NEVER_NS)

    def follow_time(self, moment: UseMoment) -> Iterator[UseOutcome]:
        """Ask the registry for every held use whose window is over; not while a day closes, nor before the first."""
        if moment.closing or moment.trading_day is None:
            return
        uses = self._depository.movements.uses
        due = [use for use in uses.held() if use.instruct_at_ns <= moment.at_ns]
        for use in due:
            yield from uses.instruct(use, moment.seq, moment.trading_day, moment.not_after_ns)

    # ---- what is known ------------------------------------------------------------------------------------------

    def picture(self, account: AccountId, *, blocked: Rejection | None = None) -> Picture:
        """What an account has to use up."""
        depository = self._depository
        owned = depository.accounts[account]
        return Picture(
            account=account,
            entity=owned.owner,
            kind=depository.kind_of(account),
            earmarked=owned.earmark is not None,
            blocked=blocked,
            lots=tuple(self._lots(account)),
            stocks={code: self._stock(account, code) for code in sorted(depository.instruments)},
            classes={code: one.methodology_class for code, one in depository.instruments.items()},
            known=depository.lots,
            retired=depository.holdings.retired,
        )

    def standing(self, entity: ParticipantId, year: int, at_ns: int) -> YearStanding:
        """An entity's place in a compliance year: what it used includes what is under way."""
        under_way = sum(
            use.quantity_tonnes
            for use in self._depository.movements.uses.under_way()
            if use.entity == entity and use.compliance_year == year
        )
        completed = self.certificates.accounts.completed(entity, year, Channel.COMPLIANCE_OFFSET)
        return YearStanding(
            year=year,
            terms=self.years.in_force(year, at_ns),
            filing=self.years.filing(entity, year),
            used_tonnes=completed + under_way,
        )

    def _lots(self, account: AccountId) -> Iterator[HeldLot]:
        depository = self._depository
        for code in sorted(depository.instruments):
            for part in depository.holdings.of(account, code):
                free = depository.holdings.free(account, part.lot_id)
                frozen = serials.difference(part.serials, free)
                yield HeldLot(lot=depository.lots[part.lot_id], serials=free, frozen=frozen)

    def _stock(self, account: AccountId, code: AssetCode) -> Stock:
        balance = self._depository.ledger.balance(account, code)
        obligations = self._depository.movements.obligations
        return Stock(
            available=balance.available,
            locked=obligations.locked.get((account, code), 0),
            committed=balance.held + balance.delivering,
            incoming=obligations.incoming.get((account, code), 0),
            frozen=balance.frozen,
        )

    # ---- deeds --------------------------------------------------------------------------------------------------

    def _refuse_use(self, command: SubmitRetirement) -> Rejection | None:
        if not command.use.is_well_formed():
            return rejections.USE_MALFORMED.because()
        if command.donate_to is None:
            return None
        if command.use.purpose is not RetirementPurpose.DONATION:
            return use_rejections.NOT_A_DONATION.because(actual=command.use.purpose)
        if command.donate_to not in self.welfare_accounts or command.donate_to == command.account:
            return use_rejections.WELFARE_ACCOUNT_UNKNOWN.because(actual=command.donate_to)
        return None

    def _draft(
        self,
        kind: str,
        command: SubmitOffset | SubmitRetirement,
        instrument: AssetCode,
        matter: Matter,
        moment: UseMoment,
    ) -> OwnedUse:
        return OwnedUse(
            use_id=UseId(f"{kind}-{moment.seq}"),
            account=command.account,
            entity=self._depository.accounts[command.account].owner,
            client_id=command.client_id,
            instrument=instrument,
            quantity_tonnes=sum(serials.count(part.serials) for part in matter.slices),
            matter=matter,
            accepted_at_ns=moment.at_ns,
            instruct_at_ns=moment.at_ns + moment.withdrawal_ns,
        )

    def _accept(self, use: OwnedUse, cap: CapStanding | None) -> UseAnswer:
        """Commit its units. The registry is asked as soon as its window is over: see `follow_time`."""
        return self._depository.movements.uses.accept(use, cap)

    # ---- snapshots ----------------------------------------------------------------------------------------------

    def dump(self) -> UseDeskState:
        """All of it, for a snapshot."""
        return UseDeskState(
            years=tuple(self.years.versions),
            filings=tuple(self.years.filings()),
            welfare_accounts=tuple(self.welfare_accounts),
            certificates=self.certificates.dump(),
        )

    def load(self, state: UseDeskState) -> None:
        """Take over what a snapshot tells."""
        self.years = ComplianceYears(state.years, state.filings)
        self.welfare_accounts = dict.fromkeys(state.welfare_accounts)
        self.certificates.load(state.certificates)


def _wanted(command: SubmitOffset | SubmitRetirement) -> Wanted:
    return Wanted(instrument=command.instrument, quantity_tonnes=command.quantity_tonnes, lots=command.lots)


def _refuse_channel(lot: Lot, channel: Channel, channels: Channels) -> Rejection | None:
    if not allows(channels, lot.methodology_class, channel):
        return use_rejections.CHANNEL_NOT_ALLOWED.because(limit=lot.methodology_class, actual=channel)
    return None
