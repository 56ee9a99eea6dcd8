"""The exchange core: one command and its stamp in, a tuple of events out, and nothing else happens.

`apply` is total: whatever a client can cause is answered by `Rejected`, and a refused command changes nothing. Only
a fault of the exchange's own raises (AssertionError), and must stop the process. The same commands with the same
stamps give the same events, on any machine, under any hash seed.
"""

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from matching import rejections
from matching.calendar import Calendar
from matching.client_ids import ClientIds
from matching.closing import Close
from matching.commands import (
    AddListing,
    AdoptRules,
    AdvanceClose,
    AdvanceTime,
    AnnounceCalendar,
    CancelOrder,
    CancelOrders,
    CloseDay,
    Command,
    OpenDay,
    RecordReconciliation,
    SubmitOrder,
)
from matching.day import day_after, next_phase_ns, phase_of
from matching.events import (
    CalendarAnnounced,
    CloseStarted,
    CloseStep,
    CloseStepAdvanced,
    DayClosed,
    DayOpened,
    Event,
    ListingAdded,
    PhaseChanged,
    Rejected,
    Replayed,
    RulesAdopted,
)
from matching.market import DayPrices, ListedMarket
from matching.order import OrderId
from matching.rulebook import RuleBook, Rules, refuse_changes
from matching.session import NS, Phase
from matching.state import ExchangeState, Stamp
from matching.trading import ListedTrading
from settlement.commands import (
    AddInstrument,
    ClientCommand,
    DepositCash,
    OpenAccount,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    ResolveInstruction,
)
from settlement.depository import Depository
from settlement.events import Instruction
from settlement.rejections import DEADLINE_PASSED, INSTRUMENT_UNKNOWN, Rejection
from settlement.values import AssetCode, TradingDay

NEVER_NS: Final = 2**63 - 1
"""Later than any stamp."""


class Exchange:
    """The one place where all rules meet."""

    VERSION: Final = "1"
    """Raised whenever any decision would differ: old commands are never judged by new code."""

    def __init__(self) -> None:
        """An exchange before its first day: no participant, no rule, no listing."""
        self.depository = Depository()
        self.rulebook = RuleBook()
        self.calendar = Calendar()
        self.trading = ListedTrading(self.depository)
        self.trading_day: TradingDay | None = None
        self.phase = Phase.CLOSED
        self.next_change_ns = NEVER_NS
        self._client_ids = ClientIds()
        self._close: Close | None = None
        self._stamp = Stamp(seq=0, at_ns=0)

    @property
    def close_step(self) -> CloseStep | None:
        """The step of the close under way; None when none is."""
        return None if self._close is None else self._close.step

    def pending_instructions(self) -> tuple[Instruction, ...]:
        """The outbox: what the registry has been asked and not finally answered, oldest first."""
        return tuple(self.depository.movements.instructions.values())

    def apply(self, command: Command, stamp: Stamp) -> tuple[Event, ...]:
        """Decide one command at its stamp. The first events may be what the mere passing of time has brought."""
        if stamp.seq != self._stamp.seq + 1 or stamp.at_ns < self._stamp.at_ns:
            raise AssertionError(f"{stamp} after {self._stamp}")
        self._stamp = stamp
        events: list[Event] = []
        if stamp.at_ns >= self.next_change_ns:
            events.extend(self._follow_time())
        decided = (
            self._decide_for_client(command) if isinstance(command, ClientCommand) else self._decide(command)
        )
        if isinstance(decided, Rejection):
            events.append(Rejected(code=decided.code, limit=decided.limit, actual=decided.actual))
        else:
            events.extend(decided)
        return tuple(events)

    # ---- deciding -----------------------------------------------------------------------------------------------

    def _decide_for_client(self, command: ClientCommand) -> Rejection | Iterable[Event]:
        if not isinstance(command, DepositCash):  # the bank acts for every account
            refused = self.depository.may_act(command.participant, command.account)
            if refused is not None:
                return refused
        first_use = self._client_ids.first_use(command)
        if isinstance(first_use, Rejection):
            return first_use
        if first_use is not None:
            return (Replayed(first_seq=first_use),)
        self._client_ids.use(command, self._stamp.seq)
        if self._too_late(command.deadline_ns):
            return DEADLINE_PASSED.because(limit=command.deadline_ns, actual=self._stamp.at_ns)
        match command:
            case SubmitOrder():
                return self.trading.submit(command, OrderId(self._stamp.seq), self.phase, self.trading_day)
            case DepositCash():
                return self.depository.deposit_cash(command)
            case RequestTransferIn():
                return self._request_transfer_in(command)
            case _:
                raise AssertionError(f"no one decides {type(command).__name__}")

    def _decide(self, command: Command) -> Rejection | Iterable[Event]:  # noqa: C901 - one line a command
        match command:
            case CancelOrder():
                return self._cancel(command)
            case CancelOrders():
                return self._cancel(command)
            case AdvanceTime():
                return ()
            case ResolveInstruction():
                return self.depository.movements.resolve(command, self._stamp.seq, self._not_after_ns())
            case AdvanceClose():
                return self._advance_close(command)
            case RegisterParticipant():
                return self.depository.register_participant(command)
            case OpenAccount():
                return self.depository.open_account(command)
            case AddInstrument():
                return self.depository.add_instrument(command)
            case RegisterLot():
                return self.depository.register_lot(command)
            case AdoptRules():
                return self._adopt_rules(command)
            case AnnounceCalendar():
                return self._announce_calendar(command)
            case AddListing():
                return self._add_listing(command)
            case OpenDay():
                return self._open_day(command)
            case CloseDay():
                return self._close_day(command)
            case RecordReconciliation():
                return self._record_reconciliation(command)
            case SubmitOrder() | DepositCash() | RequestTransferIn():
                raise AssertionError("clients' commands are decided before")
            case _:
                assert_never(command)

    def _cancel(self, command: CancelOrder | CancelOrders) -> Rejection | list[Event]:
        if self._too_late(command.deadline_ns):
            return DEADLINE_PASSED.because(limit=command.deadline_ns, actual=self._stamp.at_ns)
        if isinstance(command, CancelOrder):
            return self.trading.cancel(command, self.phase)
        return self.trading.cancel_many(command, self.phase)

    def _too_late(self, deadline_ns: int | None) -> bool:
        return deadline_ns is not None and self._stamp.at_ns > deadline_ns

    def _request_transfer_in(self, command: RequestTransferIn) -> Rejection | Iterable[Event]:
        refused = self.depository.refuse_transfer_in(command)
        if refused is not None:
            return refused
        if self.trading_day is None:
            return rejections.DAY_NOT_OPEN.because()
        # From here the command must succeed.
        return self.depository.movements.request_transfer_in(
            command, self._stamp.seq, self.trading_day, self._not_after_ns()
        )

    # ---- rules, calendar, listings ------------------------------------------------------------------------------

    def _adopt_rules(self, command: AdoptRules) -> Rejection | Iterable[Event]:
        # Before the first day the book is being founded, and may tell its own past.
        earliest_ns = 0 if self.trading_day is None else self._stamp.at_ns
        refused = refuse_changes(command.changes, earliest_ns)
        if refused is not None:
            return refused
        # From here the command must succeed.
        self.rulebook.adopt(command.changes)
        adopted = RulesAdopted(version=self.rulebook.version, changes=command.changes)
        return (adopted, *self._follow_time())

    def _announce_calendar(self, command: AnnounceCalendar) -> Rejection | Iterable[Event]:
        announcement = command.announcement
        if not announcement.is_well_formed():
            return rejections.CALENDAR_MALFORMED.because()
        # From here the command must succeed.
        self.calendar.announce(announcement)
        return (CalendarAnnounced(announcement=announcement),)

    def _add_listing(self, command: AddListing) -> Rejection | Iterable[Event]:
        code = command.listing.code
        if code not in self.depository.instruments:
            return INSTRUMENT_UNKNOWN.because(actual=code)
        if code in self.trading.markets:
            return rejections.LISTING_EXISTS.because(actual=code)
        missing = next(self.rulebook.missing(self._stamp.at_ns), None)
        if missing is not None:
            return rejections.RULES_INCOMPLETE.because(actual=missing)
        tick_fen = self._rules(code).tick_fen
        if command.listing.first_reference_price_fen < tick_fen:
            return rejections.PRICE_NOT_ON_TICK.because(
                limit=tick_fen, actual=command.listing.first_reference_price_fen
            )
        # From here the command must succeed.
        market = ListedMarket(command.listing, self._rules(code))
        self.trading.markets[code] = market
        events: list[Event] = [ListingAdded(listing=command.listing)]
        if self.trading_day is not None:
            events.append(market.band_set(self.trading_day))
        return events

    # ---- the day ------------------------------------------------------------------------------------------------

    def _open_day(self, command: OpenDay) -> Rejection | Iterable[Event]:
        if self.trading_day is not None:
            return rejections.DAY_ALREADY_OPEN.because(actual=self.trading_day)
        if not self.calendar.is_trading_day(command.trading_day):
            return rejections.NOT_A_TRADING_DAY.because(actual=command.trading_day)
        missing = next(self.rulebook.missing(self._stamp.at_ns), None)
        if missing is not None:
            return rejections.RULES_INCOMPLETE.because(actual=missing)
        # From here the command must succeed.
        return list(self._begin_day(command.trading_day))

    def _close_day(self, command: CloseDay) -> Rejection | Iterable[Event]:
        if self.trading_day is None or command.trading_day != self.trading_day:
            return rejections.DAY_NOT_OPEN.because(limit=self.trading_day, actual=command.trading_day)
        if self._close is not None:
            return rejections.CLOSE_UNDER_WAY.because(actual=self._close.step)
        if self._rules().close_by_clock:
            return rejections.SESSION_IN_PROGRESS.because(actual=self.phase)
        # From here the command must succeed.
        return list(self._begin_close(self.trading_day))

    def _advance_close(self, command: AdvanceClose) -> Rejection | Iterable[Event]:
        close = self._close
        if close is None or command.trading_day != close.trading_day or command.portion < 1:
            return rejections.DAY_NOT_OPEN.because(limit=self.trading_day, actual=command.trading_day)
        if close.step is CloseStep.ROLL_DATE:
            return self._roll_date(close)
        return list(close.advance(command.portion, self._stamp.seq, self._not_after_ns()))

    def _record_reconciliation(self, command: RecordReconciliation) -> Rejection | Iterable[Event]:
        if self._close is None or command.trading_day != self._close.trading_day:
            return rejections.NOT_RECONCILING.because(actual=command.trading_day)
        return self._close.reconciled(command)

    def _roll_date(self, close: Close) -> Rejection | Iterable[Event]:
        next_day = day_after(close.trading_day, self.calendar, self._rules(), self._stamp.at_ns)
        if next_day is None:
            return rejections.CALENDAR_NOT_ANNOUNCED.because(actual=close.trading_day)
        # From here the command must succeed.
        self._close = None
        rolled = CloseStepAdvanced(trading_day=close.trading_day, step=close.step, done=1, total=1)
        closed = DayClosed(trading_day=close.trading_day, next_day=next_day)
        return [rolled, closed, *self._change_phase(Phase.CLOSED), *self._begin_day(next_day)]

    def _begin_day(self, day: TradingDay) -> Iterator[Event]:
        self.trading_day = day
        yield DayOpened(trading_day=day)
        for market in self.trading.markets.values():
            market.prices = DayPrices()
            market.follow(self._rules(market.listing.code))
            yield market.band_set(day)
        yield from self._follow_time()

    def _begin_close(self, day: TradingDay) -> Iterator[Event]:
        yield from self._change_phase(Phase.CLOSING)
        self._close = Close(day, self.trading, self.depository.movements)
        self.next_change_ns = NEVER_NS
        yield CloseStarted(trading_day=day)

    def _follow_time(self) -> Iterator[Event]:
        """Bring rules, bands and phase to the present stamp. While a day closes, they stand still."""
        day, at_ns = self.trading_day, self._stamp.at_ns
        if day is None or self._close is not None:
            return
        for market in self.trading.markets.values():
            if market.follow(self._rules(market.listing.code)):
                yield market.band_set(day)
        rules = self._rules()
        phase = phase_of(day, rules, at_ns)
        if phase is Phase.CLOSING:
            yield from self._begin_close(day)
            return
        yield from self._change_phase(phase)
        next_rule_ns = self.rulebook.next_change_ns(at_ns)
        self.next_change_ns = min(
            next_phase_ns(day, rules, at_ns), NEVER_NS if next_rule_ns is None else next_rule_ns
        )

    def _change_phase(self, phase: Phase) -> Iterator[Event]:
        if phase is not self.phase:
            assert self.trading_day is not None, "a phase without a day"
            before, self.phase = self.phase, phase
            yield PhaseChanged(trading_day=self.trading_day, before=before, phase=phase)

    def _rules(self, listing: AssetCode | None = None) -> Rules:
        return self.rulebook.in_force(self._stamp.at_ns, listing)

    def _not_after_ns(self) -> int:
        if self.trading_day is None:
            return self._stamp.at_ns
        return self._stamp.at_ns + self._rules().registry_patience_s * NS

    # ---- soundness and snapshots --------------------------------------------------------------------------------

    def check(self) -> None:
        """Walk every invariant; AssertionError names what is broken."""
        self.depository.check()
        self.trading.check()
        assert self._close is None or self.phase is Phase.CLOSING, "a close outside its phase"

    def dump(self) -> ExchangeState:
        """All of it, for a snapshot."""
        return ExchangeState(
            core_version=self.VERSION,
            seq=self._stamp.seq,
            at_ns=self._stamp.at_ns,
            next_change_ns=self.next_change_ns,
            depository=self.depository.dump(),
            rule_changes=tuple(self.rulebook.changes),
            rule_version=self.rulebook.version,
            announcements=tuple(self.calendar.announcements),
            markets=tuple(market.dump() for market in self.trading.markets.values()),
            last_trade_id=self.trading.last_trade_id,
            client_ids=self._client_ids.dump(),
            trading_day=self.trading_day,
            phase=self.phase,
            close=None if self._close is None else self._close.dump(),
        )

    @classmethod
    def load(cls, state: ExchangeState) -> "Exchange":
        """The exchange that snapshot was taken of. The caller has compared `core_version` with `VERSION`."""
        exchange = cls()
        exchange.depository = Depository.load(state.depository)
        exchange.rulebook.adopt(state.rule_changes)
        exchange.rulebook.version = state.rule_version
        exchange.calendar = Calendar(state.announcements)
        exchange.trading = ListedTrading(exchange.depository)
        exchange.trading.last_trade_id = state.last_trade_id
        exchange._client_ids = ClientIds.load(state.client_ids)
        exchange._stamp = Stamp(seq=state.seq, at_ns=state.at_ns)
        exchange.trading_day, exchange.phase = state.trading_day, state.phase
        exchange.next_change_ns = state.next_change_ns
        for market in state.markets:
            exchange.trading.adopt(ListedMarket.load(market))
        exchange.trading.index()
        if state.close is not None:
            exchange._close = Close.load(state.close, exchange.trading, exchange.depository.movements)
        return exchange
