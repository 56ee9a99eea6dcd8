"""The core's events in the words of the reference market, so that the two can be compared."""

from collections.abc import Iterable

from matching.access import AccessPermitted
from matching.close_events import (
    BooksCut,
    CashCompared,
    CloseEvent,
    DayFeesCharged,
    DaySettled,
    RegistryPassedOver,
    StatementsIssued,
)
from matching.events import (
    AccountRestricted,
    ActApproved,
    ActDeclined,
    ApprovalRequested,
    BandSet,
    CalendarAnnounced,
    CloseStarted,
    CloseStepAdvanced,
    ClosingPriceSet,
    DayClosed,
    DayOpened,
    DayPricesRevised,
    Event,
    LargeHolderNoted,
    ListingAdded,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderReplaced,
    OrderRested,
    OrdersCancelled,
    PhaseChanged,
    Reconciled,
    Rejected,
    Replayed,
    RestrictionLifted,
    RulesAdopted,
    TradeBusted,
    Traded,
    TradingHalted,
    TradingResumed,
)
from matching.negotiated_events import (
    NegotiatedTotalsSet,
    NegotiatedTransferConfirmed,
    NegotiatedTransferCountered,
    NegotiatedTransferDeclined,
    NegotiatedTransferExecuted,
    NegotiatedTransferExpired,
    NegotiatedTransferFiled,
    NegotiatedTransferKnown,
    NegotiatedTransferRejected,
    NegotiatedTransferReviewed,
    NegotiatedTransferUnderReview,
    NegotiatedTransferWithdrawn,
)
from matching.personal_data import SubjectReleased, SubjectRestricted
from matching.safety_events import (
    ConnectionEnded,
    ConnectionWatched,
    KillSwitchLifted,
    KillSwitchThrown,
    SafetyTimerCleared,
    SafetyTimerFired,
    SafetyTimerSet,
)
from settlement import serials
from settlement.cash_events import (
    BankStatementRecorded,
    BankStatementSuperseded,
    CashBreakClosed,
    CashBreakFound,
)
from settlement.certificate import verify_certificate
from settlement.channels import Channel
from settlement.custody_events import (
    BreakOpened,
    BreakResolved,
    ClaimDecided,
    ClaimOpened,
    DeliveriesRetried,
    DeliveryUnwound,
    FreezeLifted,
    FreezePlaced,
    FrozenUnitsChanged,
    LotChanged,
    NoticeTaken,
    RemovalAsked,
    RemovalCompleted,
    RemovalOpened,
    RemovalRefused,
    UnitsArrived,
)
from settlement.events import (
    AccountOpened,
    CashDeposited,
    DeliveryFailed,
    DeliveryParked,
    DeliverySettled,
    InstructionKind,
    InstrumentAdded,
    LotRegistered,
    MovementConfirmed,
    MovementInstructed,
    MovementRefused,
    ParticipantRegistered,
    Posted,
    ProceedsChanged,
    RetirementCompleted,
    RetirementRefused,
    TransferCompleted,
    TransferFailed,
    TransferRequested,
    WithdrawalPaid,
    WithdrawalRequested,
    WithdrawalReturned,
)
from settlement.lot import MethodologyClass
from settlement.mandate import ActedByMandate, MandateEnded, MandateGranted
from settlement.retired_figures import RetiredTotalsSet
from settlement.use_events import (
    CertificateIssued,
    ComplianceYearAdopted,
    UseAccepted,
    UseCompleted,
    UseInstructed,
    UseRefused,
    UseWithdrawn,
    VerifiedEmissionsFiled,
    WelfareAccountDesignated,
)
from tests.reference.vault import Note


def notes_of(events: Iterable[Event]) -> list[Note]:
    """What the events say. Postings are left out: the balances they make are compared instead."""
    return [_note(event) for event in events if not isinstance(event, Posted | ProceedsChanged)]


def _note(event: Event) -> Note:
    match event:
        case Rejected():
            return ("rejected", event.code)
        case Replayed():
            return ("replayed", event.first_seq)
        case OrderAccepted():
            return ("accepted", event.order_id)
        case OrderRested():
            return ("rested", event.order_id, event.remaining_tonnes)
        case Traded():
            return (
                "traded",
                event.listing,
                event.price_fen,
                event.quantity_tonnes,
                event.buyer,
                event.seller,
            )
        case OrderCancelled():
            return ("cancelled", event.order_id, event.remaining_tonnes, event.reason)
        case OrderReplaced():
            terms = (event.price_fen, event.remaining_tonnes)
            return ("replaced", event.order_id, *terms, event.kept_priority)
        case OrderExpired():
            return ("expired", event.order_id, event.remaining_tonnes)
        case OrdersCancelled():
            return ("all cancelled", event.account, event.count)
        case RulesAdopted():
            return ("rules", event.version)
        case CalendarAnnounced():
            return ("calendar", event.announcement.last_day)
        case ListingAdded():
            return ("listed", event.listing.code)
        case DayOpened():
            return ("day", event.trading_day)
        case PhaseChanged():
            return ("phase", event.trading_day, event.before, event.phase)
        case BandSet():
            return ("band", event.listing, event.reference_fen, event.lower_fen, event.upper_fen)
        case CloseStarted():
            return ("closing", event.trading_day, event.reason)
        case CloseStepAdvanced():
            return ("step", event.step, event.done, event.total)
        case ClosingPriceSet():
            shown = (event.open_fen, event.high_fen, event.low_fen, event.close_fen)
            return ("prices", event.listing, *shown, event.volume_tonnes, event.turnover_fen)
        case Reconciled():
            return ("reconciled", event.breaks, event.open_breaks, event.on_demand)
        case DayClosed():
            return ("closed", event.trading_day, event.next_day)
        case (
            DaySettled()
            | DayFeesCharged()
            | BooksCut()
            | RetiredTotalsSet()
            | StatementsIssued()
            | CashCompared()
            | RegistryPassedOver()
        ):
            return _closes_note(event)
        case _:
            return _operators_note(event)


def _closes_note(event: CloseEvent) -> Note:
    match event:
        case DaySettled():
            return ("day settled", event.settled, event.failed, event.parked, event.amount_fen)
        case DayFeesCharged():
            return ("day fees", event.buyers_fen, event.sellers_fen)
        case BooksCut():
            return ("cut",)
        case RetiredTotalsSet():
            return ("retired in all", event.purpose.value, event.since_day, event.tonnes)
        case StatementsIssued():
            return ("issued", *(one.account for one in event.statements))
        case CashCompared():
            assert event.explained_fen == event.at_exchange_fen - event.at_bank_fen - event.waiting_fen
            return ("money", event.at_exchange_fen, event.at_bank_fen, event.waiting_fen, event.open_breaks)
        case RegistryPassedOver():
            return ("without registry", event.step, event.unanswered)


def _operators_note(event: Event) -> Note:
    match event:
        case LargeHolderNoted():
            figures = (event.position_tonnes, event.threshold_tonnes)
            return ("large holder", event.account, event.listing, *figures)
        case TradingHalted():
            return ("halted", event.listing)
        case TradingResumed():
            return ("resumed", event.listing)
        case AccountRestricted():
            return ("restricted", event.account)
        case RestrictionLifted():
            return ("lifted", event.account)
        case TradeBusted():
            return ("busted", event.trade_id)
        case MandateGranted(mandate=granted):
            return (
                *("mandate", granted.mandate_id, granted.account, granted.participant),
                *(tuple(action.value for action in granted.actions), granted.until_ns),
            )
        case MandateEnded():
            return ("mandate over", event.mandate_id, event.account, event.participant, event.end.value)
        case ActedByMandate():
            return ("by mandate", event.mandate_id, event.account, event.participant)
        case KillSwitchThrown():
            return ("killed", event.scope.value, event.subject)
        case SubjectRestricted():
            return ("data restricted", event.number, event.kind.value, event.subject)
        case AccessPermitted():
            return ("access permitted", event.deed.value, event.person, event.participant)
        case SubjectReleased():
            return ("data released", event.number, event.kind.value, event.subject)
        case KillSwitchLifted():
            return ("revived", event.scope.value, event.subject)
        case SafetyTimerSet():
            return ("timer set", event.account, event.reason.value, event.name, event.fires_at_ns)
        case SafetyTimerCleared():
            return ("timer cleared", event.account, event.reason.value, event.name)
        case SafetyTimerFired():
            return ("timer fired", event.account, event.reason.value, event.name, event.count)
        case ConnectionWatched():
            return ("watched", event.account, event.connection, event.grace_s)
        case ConnectionEnded():
            return ("connection ended", event.connection, event.clean)
        case DayPricesRevised():
            shown = (event.open_fen, event.high_fen, event.low_fen, event.last_fen)
            return ("revised", event.listing, *shown, event.volume_tonnes, event.turnover_fen)
        case ApprovalRequested():
            return ("waits", event.approval_id, event.act)
        case ActApproved():
            return ("approved", event.approval_id, event.act)
        case ActDeclined():
            return ("declined", event.approval_id, event.act)
        case _:
            return _settlement_note(event)


def _settlement_note(event: Event) -> Note:
    match event:
        case ParticipantRegistered():
            return ("admitted", event.participant)
        case AccountOpened():
            return ("opened", event.account)
        case InstrumentAdded():
            return ("instrument", event.instrument.code)
        case LotRegistered():
            return ("lot", event.lot.lot_id)
        case CashDeposited():
            return ("deposited", event.account, event.amount_fen)
        case WithdrawalRequested():
            return ("to be paid out", event.withdrawal_id, event.account, event.amount_fen)
        case WithdrawalPaid():
            return ("paid out", event.withdrawal_id, event.account, event.amount_fen)
        case WithdrawalReturned():
            return ("not paid out", event.withdrawal_id, event.account, event.amount_fen)
        case BankStatementRecorded():
            return ("statement", event.statement_id, event.open_breaks)
        case BankStatementSuperseded():
            return ("no statement", event.statement_id, event.until_ns, event.closing_fen)
        case CashBreakFound(cash_break=found):
            of = (found.kind.value, found.reference, found.account)
            return ("cash differs", found.break_id, *of, found.here_fen, found.there_fen)
        case CashBreakClosed(cash_break=closed):
            return ("cash fits", closed.break_id)
        case TransferRequested():
            return ("transfer asked", event.account, event.quantity_tonnes, event.kind)
        case MovementInstructed():
            instruction = event.instruction
            assert [leg.leg for leg in instruction.legs] == list(range(1, len(instruction.legs) + 1))
            legs = tuple((leg.lot_id, serials.count(leg.serials), leg.trade_id) for leg in instruction.legs)
            if instruction.retirement_id is not None:
                assert {(leg.from_account, leg.to_account) for leg in instruction.legs} == {
                    (instruction.legs[0].from_account,) * 2
                }
                retired = (instruction.retirement_id, instruction.use)
                return ("asked to retire", instruction.instruction_id, legs, *retired)
            if instruction.use_id is not None:
                return ("asked to use", instruction.instruction_id, legs, instruction.use_id)
            return ("asked", instruction.instruction_id, legs)
        case MovementConfirmed():
            return ("confirmed", event.instruction_id)
        case MovementRefused():
            return ("refused", event.instruction_id, event.code, event.leg)
        case TransferCompleted(kind=InstructionKind.TRANSFER_OUT):
            return ("left", event.account, event.instrument, event.quantity_tonnes)
        case TransferCompleted():
            return ("arrived", event.account, event.instrument, event.quantity_tonnes)
        case TransferFailed():
            return ("transfer failed", event.account, event.code)
        case DeliverySettled():
            return ("settled", event.trade_id)
        case DeliveryFailed():
            return ("failed", event.trade_id, event.code)
        case RetirementCompleted():
            assert sum(serials.count(part.serials) for part in event.lots) == event.quantity_tonnes
            return ("retired", event.retirement_id, event.account, event.quantity_tonnes, event.use)
        case RetirementRefused():
            return ("not retired", event.retirement_id, event.code)
        case DeliveryParked():
            return ("parked", event.trade_id)
        case _:
            return _custody_note(event)


def _custody_note(event: Event) -> Note:
    match event:
        case NoticeTaken():
            return ("notice", event.sequence, event.kind, event.account, event.fault)
        case LotChanged():
            return ("lot changed", event.lot.lot_id)
        case UnitsArrived():
            where = (event.account, event.instrument, event.quantity_tonnes)
            return ("came in", *where, event.notice_sequence)
        case FreezePlaced():
            return ("freeze", event.freeze.freeze_id, event.account)
        case FreezeLifted():
            return ("thaw", event.freeze.freeze_id, event.account)
        case FrozenUnitsChanged():
            return ("frozen", event.account, event.instrument, event.frozen_tonnes)
        case RemovalOpened(removal=removal):
            return ("removal", removal.removal_id, removal.account, removal.lot_id, removal.serials)
        case RemovalAsked():
            return ("removal asked", event.removal_id)
        case RemovalCompleted():
            return ("removed", event.removal_id)
        case RemovalRefused():
            return ("not removed", event.removal_id, event.code)
        case ClaimOpened(claim=claim):
            return ("claim", claim.claim_id, claim.against, claim.lot_id, claim.serials, claim.state)
        case ClaimDecided():
            return ("claim decided", event.claim_id, event.decision, event.state)
        case BreakOpened():
            return ("break", event.case.break_id, event.case.difference.kind, event.account)
        case BreakResolved():
            return ("break resolved", event.case.break_id, event.account)
        case DeliveriesRetried():
            return ("retried", event.trade_ids)
        case DeliveryUnwound():
            return ("unwound", event.trade_id)
        case _:
            return _use_note(event)


def _use_note(event: Event) -> Note:
    match event:
        case UseAccepted():
            lots = tuple((part.lot_id, part.serials) for part in event.lots)
            return ("use held", event.use_id, event.account, event.channel, event.quantity_tonnes, lots)
        case UseInstructed():
            return ("use asked", event.use_id)
        case UseWithdrawn():
            return ("use withdrawn", event.use_id)
        case UseRefused():
            return ("use refused", event.use_id, event.code)
        case UseCompleted():
            return ("used", event.use_id, event.quantity_tonnes)
        case CertificateIssued():
            certificate, says = event.certificate, event.certificate.says
            assert verify_certificate(certificate), certificate
            assert all(
                lot.methodology_class is MethodologyClass.I
                for lot in says.lots
                if says.purpose is Channel.COMPLIANCE_OFFSET
            ), certificate
            told = (says.reference, says.entity, says.purpose, says.quantity_tonnes)
            return ("certified", certificate.number, *told)
        case ComplianceYearAdopted():
            return ("year", event.terms.year, event.terms.effective_from_ns)
        case VerifiedEmissionsFiled():
            return ("filed", event.filing.entity, event.filing.year)
        case WelfareAccountDesignated():
            return ("welfare", event.account, event.designated)
        case _:
            return _negotiated_note(event)


def _negotiated_note(event: Event) -> Note:
    match event:
        case NegotiatedTransferFiled():
            return ("negotiated filed", event.transfer_id, event.terms_hash, event.seller, event.buyer)
        case NegotiatedTransferCountered():
            return ("negotiated countered", event.transfer_id, event.terms.round_no, event.terms_hash)
        case NegotiatedTransferConfirmed():
            return ("negotiated confirmed", event.transfer_id, event.by)
        case NegotiatedTransferUnderReview():
            return ("negotiated under review", event.transfer_id)
        case NegotiatedTransferReviewed():
            return ("negotiated reviewed", event.transfer_id, event.approved)
        case NegotiatedTransferExecuted():
            figures = (event.price_fen, event.quantity_tonnes)
            return ("negotiated traded", event.transfer_id, event.trade_id, *figures)
        case NegotiatedTransferDeclined():
            return ("negotiated declined", event.transfer_id, event.by)
        case NegotiatedTransferWithdrawn():
            return ("negotiated withdrawn", event.transfer_id, event.by)
        case NegotiatedTransferExpired():
            return ("negotiated expired", event.transfer_id, event.cause)
        case NegotiatedTransferRejected():
            return ("negotiated rejected", event.transfer_id, event.code)
        case NegotiatedTransferKnown():
            return ("negotiated known", event.transfer_id, event.state)
        case NegotiatedTotalsSet():
            figures = (event.volume_tonnes, event.turnover_fen)
            return ("negotiated totals", event.listing, event.trades, *figures)
        case _:
            raise AssertionError(f"no word for {event}")
