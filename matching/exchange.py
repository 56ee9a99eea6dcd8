"""The exchange core: one command and its stamp in, a tuple of events out, and nothing else happens.

`apply` is total: whatever a client can cause is answered by `Rejected`, and a refused command changes nothing. Only
a fault of the exchange's own raises (AssertionError), and must stop the process. The same commands with the same
stamps give the same events, on any machine, under any hash seed.
"""

from collections.abc import Iterable
from typing import Final, assert_never

from matching import rejections
from matching.calendar import Calendar
from matching.client_ids import ClientIds
from matching.commands import (
    AddListing,
    AdvanceClose,
    AdvanceTime,
    AnnounceCalendar,
    AnyAct,
    ApproveAct,
    CancelOrder,
    CancelOrders,
    CloseDay,
    Command,
    DeclineAct,
    IssueStatements,
    OpenDay,
    RecordReconciliation,
    ReplaceOrder,
    SubmitOrder,
)
from matching.day_cycle import DayCycle
from matching.events import CalendarAnnounced, CloseStep, Event, ListingAdded, Rejected, Replayed
from matching.follow_up import FollowUp
from matching.market import ListedMarket
from matching.negotiated_commands import (
    NegotiationCommand,
)
from matching.negotiation import Negotiation
from matching.operations import Operations
from matching.rulebook import RuleBook
from matching.safety import Safety
from matching.safety_commands import EndConnection, SetDeadMan, WatchConnection
from matching.session import Phase
from matching.state import ExchangeState, Stamp
from matching.trading import ListedTrading
from matching.unit_transfers import UnitTransfers
from matching.using import Using
from settlement.claim import CorrectionPolicy
from settlement.commands import (
    AddInstrument,
    BankCommand,
    ClientCommand,
    DepositCash,
    OpenAccount,
    PayWithdrawal,
    RecordBankStatement,
    RegisterLot,
    RegisterParticipant,
    ReportBreaks,
    RequestTransferIn,
    RequestTransferOut,
    RequestWithdrawal,
    ResolveInstruction,
    ReturnWithdrawal,
    TakeNotice,
)
from settlement.depository import Depository
from settlement.events import Instruction
from settlement.rejections import ACCOUNT_UNKNOWN, DEADLINE_PASSED, INSTRUMENT_UNKNOWN, Rejection
from settlement.use_commands import (
    AdoptComplianceYear,
    DesignateWelfareAccount,
    FileVerifiedEmissions,
    SubmitOffset,
    SubmitRetirement,
    WithdrawUse,
)
from settlement.use_rejections import ACCOUNT_EARMARKED
from settlement.values import TradingDay


class Exchange:
    """The one place where all rules meet."""

    VERSION: Final = "6"
    """Raised whenever any decision would differ: old commands are never judged by new code."""

    def __init__(self) -> None:
        """An exchange before its first day: no participant, no rule, no listing."""
        self._assemble(Depository(), RuleBook(), Calendar())
        self._client_ids = ClientIds()

    def _assemble(self, depository: Depository, rulebook: RuleBook, calendar: Calendar) -> None:
        self.depository = depository
        self.rulebook = rulebook
        self.calendar = calendar
        self.trading = ListedTrading(depository)
        self.negotiation = Negotiation(self.trading, depository)
        self.cycle = DayCycle(self.trading, self.negotiation.transfers, depository, rulebook, calendar)
        self.operations = Operations(depository, self.trading, self.negotiation, rulebook, self.cycle)
        self.delegation = self.operations.delegation
        self.unit_transfers = UnitTransfers(depository, self.cycle, self.trading.standing)
        self.follow_up = FollowUp(depository, self.trading, self.negotiation.transfers, self.cycle)
        self.using = Using(depository, self.cycle, self.trading.standing)
        self.safety = Safety(depository, self.trading, self.cycle)

    @property
    def trading_day(self) -> TradingDay | None:
        """The day being traded or closed; None before the first."""
        return self.cycle.trading_day

    @property
    def phase(self) -> Phase:
        """The phase of the day."""
        return self.cycle.phase

    @property
    def next_change_ns(self) -> int:
        """When anything may next change by the mere passing of time: phase, rules, a use, a timer, a mandate's end."""
        changes = min(self.cycle.next_change_ns, self.using.next_change_ns, self.safety.next_change_ns)
        ends_ns = self.depository.mandates.next_end_ns
        return changes if ends_ns is None else min(changes, ends_ns)

    @property
    def close_step(self) -> CloseStep | None:
        """The step of the close under way; None when none is."""
        return None if self.cycle.close is None else self.cycle.close.step

    def pending_instructions(self) -> tuple[Instruction, ...]:
        """The outbox: what the registry has been asked and not finally answered, oldest first."""
        return tuple(self.depository.movements.instructions.values())

    def apply(self, command: Command, stamp: Stamp) -> tuple[Event, ...]:
        """Decide one command at its stamp. The first events may be what the mere passing of time has brought."""
        cycle = self.cycle
        if stamp.seq != cycle.stamp.seq + 1 or stamp.at_ns < cycle.stamp.at_ns:
            raise AssertionError(f"{stamp} after {cycle.stamp}")
        events = list(cycle.come_to(stamp))
        events.extend(self.delegation.follow_time(stamp.at_ns))
        events.extend(self.using.follow_time())
        events.extend(self.safety.follow_time())
        decided = (
            self._decide_for_client(command) if isinstance(command, ClientCommand) else self._decide(command)
        )
        if isinstance(decided, Rejection):
            events.append(Rejected(code=decided.code, limit=decided.limit, actual=decided.actual))
        else:
            events.extend(decided)
            events.extend(self.using.follow_time())
        if self.depository.is_stirred:
            events.extend(self.follow_up.run())
        return tuple(events)

    # ---- deciding -----------------------------------------------------------------------------------------------

    def _decide_for_client(self, command: ClientCommand) -> Rejection | Iterable[Event]:
        if not isinstance(command, BankCommand):  # the bank acts for every account
            refused = self.delegation.refuse_actor(command)
            if refused is not None:
                return refused
        first_use = self._client_ids.first_use(command)
        if isinstance(first_use, Rejection):
            return first_use
        if first_use is not None:
            return (Replayed(first_seq=first_use),)
        self._client_ids.use(command, self.cycle.stamp.seq)
        if self._too_late(command.deadline_ns):
            return DEADLINE_PASSED.because(limit=command.deadline_ns, actual=self.cycle.stamp.at_ns)
        decided = self._decide_in_time(command)
        return decided if isinstance(command, BankCommand) else self.delegation.noted(command, decided)

    def _decide_in_time(self, command: ClientCommand) -> Rejection | Iterable[Event]:
        if isinstance(command, NegotiationCommand):
            return self._negotiate(command)
        match command:
            case SubmitOrder():
                return self.trading.submit(command, self.cycle.moment())
            case ReplaceOrder():
                return self.trading.replace(command, self.cycle.moment())
            case DepositCash() | PayWithdrawal() | ReturnWithdrawal():
                return self._decide_for_bank(command)
            case RequestWithdrawal():
                return self._request_withdrawal(command)
            case RequestTransferIn():
                return self.unit_transfers.request_in(command)
            case RequestTransferOut():
                return self.unit_transfers.request_out(command)
            case SubmitOffset() | SubmitRetirement() | WithdrawUse():
                return self.using.decide(command)
            case _:
                raise AssertionError(f"no one decides {type(command).__name__}")

    def _decide(self, command: Command) -> Rejection | Iterable[Event]:  # noqa: C901 - one line a command
        if isinstance(command, AnyAct):
            return self.operations.act(command)
        match command:
            case CancelOrder() | CancelOrders():
                return self._cancel(command)
            case SetDeadMan() | WatchConnection() | EndConnection():
                return self.safety.decide(command)
            case AdvanceTime():
                return ()
            case ResolveInstruction():
                return self.using.resolve(command)
            case AdoptComplianceYear() | FileVerifiedEmissions() | DesignateWelfareAccount():
                return self.using.decide(command)
            case AdvanceClose():
                return self.cycle.advance_close(command)
            case RegisterParticipant():
                return self.depository.register_participant(command)
            case OpenAccount():
                return self.depository.open_account(command)
            case AddInstrument():
                return self.depository.add_instrument(command)
            case RegisterLot():
                return self.depository.register_lot(command)
            case TakeNotice():
                return self.depository.custody.notices.take(command, self._correction_policy())
            case ReportBreaks():
                return self.depository.custody.breaks.report(command)
            case ApproveAct():
                return self.operations.approve(command)
            case DeclineAct():
                return self.operations.decline(command)
            case AnnounceCalendar():
                return self._announce_calendar(command)
            case AddListing():
                return self._add_listing(command)
            case RecordBankStatement():
                return self._record_bank_statement(command)
            case OpenDay():
                return self.cycle.open_day(command)
            case CloseDay():
                return self.cycle.close_day(command)
            case IssueStatements():
                return self.cycle.issue_statements(command)
            case RecordReconciliation():
                return self.cycle.record_reconciliation(command, len(self.depository.custody.breaks.open))
            case ClientCommand():
                raise AssertionError("clients' commands are decided before")
            case _:
                assert_never(command)

    def _negotiate(self, command: NegotiationCommand) -> Rejection | Iterable[Event]:
        decided = self.negotiation.decide(command, self.cycle.moment())
        self.cycle.wake_by(self.negotiation.transfers.next_expiry_ns)
        return decided

    def _decide_for_bank(self, command: BankCommand) -> Rejection | Iterable[Event]:
        treasury = self.depository.treasury
        if command.account not in self.depository.accounts:
            return ACCOUNT_UNKNOWN.because(actual=command.account)
        self.depository.proceeds.look_at(command.account)
        match command:
            case DepositCash():
                return treasury.deposit(command, self.cycle.stamp.at_ns)
            case PayWithdrawal():
                return treasury.pay(command, self.cycle.stamp.at_ns)
            case ReturnWithdrawal():
                return treasury.take_back(command)

    def _record_bank_statement(self, command: RecordBankStatement) -> Rejection | Iterable[Event]:
        statements, rules = self.depository.treasury.statements, self.cycle.market_rules
        ours = None if rules is None else rules.settlement_account
        refused = statements.refuse(command.statement, ours, self.cycle.stamp.at_ns)
        if refused is not None:
            return refused
        # From here the command must succeed.
        return statements.record(command.statement)

    def _request_withdrawal(self, command: RequestWithdrawal) -> Rejection | Iterable[Event]:
        if command.account in self.trading.standing.restrictions:
            return rejections.ACCOUNT_RESTRICTED.because(actual=command.account)
        frozen = self.depository.refuse_frozen(command.account)
        if frozen is not None:
            return frozen
        if self.depository.accounts[command.account].earmark is not None:
            return ACCOUNT_EARMARKED.because(actual=command.account)
        return self.depository.treasury.request(command, self.cycle.stamp.seq)

    def _cancel(self, command: CancelOrder | CancelOrders) -> Rejection | Iterable[Event]:
        if self._too_late(command.deadline_ns):
            return DEADLINE_PASSED.because(limit=command.deadline_ns, actual=self.cycle.stamp.at_ns)
        refused = self.delegation.refuse_actor(command)
        if refused is not None:
            return refused
        trading, phase = self.trading, self.phase
        decided = (
            trading.cancel(command, phase)
            if isinstance(command, CancelOrder)
            else trading.cancel_many(command, phase)
        )
        return self.delegation.noted(command, decided)

    def _too_late(self, deadline_ns: int | None) -> bool:
        return deadline_ns is not None and self.cycle.stamp.at_ns > deadline_ns

    def _correction_policy(self) -> CorrectionPolicy:
        """What the day's rules say of corrected units that were sold; before the first day there are none."""
        rules = self.cycle.market_rules
        return CorrectionPolicy.CLAIM_ONLY if rules is None else rules.correction_policy

    # ---- rules, calendar, listings ------------------------------------------------------------------------------

    def _announce_calendar(self, command: AnnounceCalendar) -> Rejection | Iterable[Event]:
        announcement = command.announcement
        if not announcement.is_well_formed():
            return rejections.CALENDAR_MALFORMED.because()
        # From here the command must succeed.
        self.calendar.announce(announcement)
        return (CalendarAnnounced(announcement=announcement),)

    def _add_listing(self, command: AddListing) -> Rejection | Iterable[Event]:
        code, at_ns = command.listing.code, self.cycle.stamp.at_ns
        if code not in self.depository.instruments:
            return INSTRUMENT_UNKNOWN.because(actual=code)
        if code in self.trading.markets:
            return rejections.LISTING_EXISTS.because(actual=code)
        missing = next(self.rulebook.missing(at_ns), None)
        if missing is not None:
            return rejections.RULES_INCOMPLETE.because(actual=missing)
        tick_fen = self.cycle.rules(code).tick_fen
        if (
            command.listing.first_reference_price_fen <= 0
            or command.listing.first_reference_price_fen % tick_fen
        ):
            return rejections.PRICE_NOT_ON_TICK.because(
                limit=tick_fen, actual=command.listing.first_reference_price_fen
            )
        # From here the command must succeed.
        market = ListedMarket(command.listing, self.cycle.rules(code))
        self.trading.markets[code] = market
        events: list[Event] = [ListingAdded(listing=command.listing)]
        if self.trading_day is not None:
            events.append(market.band_set(self.trading_day))
        return events

    # ---- soundness and snapshots --------------------------------------------------------------------------------

    def check(self) -> None:
        """Walk every invariant; AssertionError names what is broken."""
        self.depository.check()
        self.trading.check(self.negotiation.transfers.cover())
        self.negotiation.transfers.check()
        self.follow_up.check()
        self.delegation.check()
        self.safety.check()
        self.operations.subjects.check()
        assert (self.cycle.close is not None) is (self.phase is Phase.CLOSING), "a close outside its phase"

    def dump(self) -> ExchangeState:
        """All of it, for a snapshot."""
        cycle = self.cycle
        return ExchangeState(
            core_version=self.VERSION,
            seq=cycle.stamp.seq,
            at_ns=cycle.stamp.at_ns,
            next_change_ns=cycle.next_change_ns,
            market_rules=cycle.market_rules,
            depository=self.depository.dump(),
            rule_changes=tuple(self.rulebook.changes),
            rule_version=self.rulebook.version,
            announcements=tuple(self.calendar.announcements),
            markets=tuple(market.dump() for market in self.trading.markets.values()),
            negotiation=self.negotiation.transfers.dump(),
            standing=self.trading.standing.dump(),
            waiting=self.operations.dump(),
            last_trade_id=self.trading.last_trade_id,
            client_ids=self._client_ids.dump(),
            trading_day=cycle.trading_day,
            phase=cycle.phase,
            close=None if cycle.close is None else cycle.close.dump(),
            uses=self.using.desk.dump(),
            safety=self.safety.dump(),
            subjects=self.operations.subjects.dump(),
        )

    @classmethod
    def load(cls, state: ExchangeState) -> "Exchange":
        """The exchange that snapshot was taken of. The caller has compared `core_version` with `VERSION`."""
        exchange = cls()
        exchange._assemble(Depository.load(state.depository), RuleBook(), Calendar(state.announcements))
        exchange.rulebook.adopt(state.rule_changes)
        exchange.rulebook.version = state.rule_version
        exchange.trading.last_trade_id = state.last_trade_id
        exchange.trading.standing.load(state.standing)
        exchange.operations.load(state.waiting)
        exchange._client_ids = ClientIds.load(state.client_ids)
        for market in state.markets:
            exchange.trading.adopt(ListedMarket.load(market))
        exchange.trading.index()
        exchange.negotiation.transfers.load(state.negotiation)
        exchange.cycle.load(state)
        exchange.depository.custody.loaded()
        exchange.using.desk.load(state.uses)
        exchange.safety.load(state.safety)
        exchange.operations.subjects.load(state.subjects)
        return exchange
