"""The cycle of trading days: opening, following the clock, closing, rolling the date.

Phases, rule changes and bands follow the stamps of commands, so each takes effect once and at the same place in
history whenever it is replayed. While a day closes, time stands still for it: nothing but the close goes on.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from matching import rejections
from matching.calendar import Calendar, following, midnight_ns
from matching.closing import Close
from matching.commands import AdvanceClose, CloseDay, IssueStatements, OpenDay, RecordReconciliation
from matching.day import day_after, negotiation_ends_ns, next_phase_ns, phase_of
from matching.events import (
    CloseStarted,
    CloseStep,
    CloseStepAdvanced,
    DayClosed,
    DayOpened,
    Event,
    PhaseChanged,
    Reconciled,
)
from matching.execution import Moment
from matching.negotiated_transfers import NegotiatedTransfers
from matching.rulebook import RuleBook, Rules
from matching.session import NEGOTIATED_PHASES, NS, Phase
from matching.state import ExchangeState, Stamp
from matching.trading import ListedTrading
from settlement.depository import Depository
from settlement.rejections import Rejection
from settlement.retired_figures import RetiredFigures
from settlement.values import AssetCode, ParticipantId, TradingDay

NEVER_NS: Final = 2**63 - 1
"""Later than any stamp."""


class DayCycle:
    """Which trading day it is, which phase, and how far its close has come."""

    __slots__ = (
        "_calendar",
        "_depository",
        "_negotiated",
        "_rulebook",
        "_trading",
        "close",
        "market_rules",
        "next_change_ns",
        "phase",
        "retired",
        "stamp",
        "trading_day",
    )

    def __init__(
        self,
        trading: ListedTrading,
        negotiated: NegotiatedTransfers,
        depository: Depository,
        rulebook: RuleBook,
        calendar: Calendar,
    ) -> None:
        """Before the first day."""
        self._negotiated = negotiated
        self._trading = trading
        self._depository = depository
        self._rulebook = rulebook
        self._calendar = calendar
        self.stamp = Stamp(seq=0, at_ns=0)
        """Of the command being decided."""
        self.trading_day: TradingDay | None = None
        self.phase = Phase.CLOSED
        self.next_change_ns = NEVER_NS
        """When phase or rules may next change by the mere passing of time."""
        self.close: Close | None = None
        self.retired = RetiredFigures()
        """Retirements that the next bulletin may tell of."""
        self.market_rules: Rules | None = None
        """The market-wide rules the day goes by; they stand still while it closes. Absent before the first day."""

    def rules(self, listing: AssetCode | None = None) -> Rules:
        """The rules in force at this stamp."""
        return self._rulebook.in_force(self.stamp.at_ns, listing)

    def moment(self) -> Moment:
        """When the command at hand is decided."""
        return Moment(
            seq=self.stamp.seq,
            phase=self.phase,
            trading_day=self.trading_day,
            not_after_ns=self.not_after_ns(),
            at_ns=self.stamp.at_ns,
            rules=self.market_rules,
        )

    def wake_by(self, at_ns: int | None) -> None:
        """Something will be due at that instant: follow the time then at the latest."""
        if at_ns is not None:
            self.next_change_ns = min(self.next_change_ns, at_ns)

    def not_after_ns(self) -> int:
        """Until when the registry may take a movement instructed now."""
        if self.market_rules is None:
            return self.stamp.at_ns
        return self.stamp.at_ns + self.market_rules.registry_patience_s * NS

    def open_day(self, command: OpenDay) -> Rejection | Iterable[Event]:
        """Begin the first trading day."""
        if self.trading_day is not None:
            return rejections.DAY_ALREADY_OPEN.because(actual=self.trading_day)
        if not self._calendar.is_trading_day(command.trading_day):
            return rejections.NOT_A_TRADING_DAY.because(actual=command.trading_day)
        missing = next(self._rulebook.missing(self.stamp.at_ns), None)
        if missing is not None:
            return rejections.RULES_INCOMPLETE.because(actual=missing)
        # From here the command must succeed.
        return list(self._begin_day(command.trading_day))

    def close_day(self, command: CloseDay) -> Rejection | Iterable[Event]:
        """Begin the close, where the clock does not."""
        if self.trading_day is None or command.trading_day != self.trading_day:
            return rejections.DAY_NOT_OPEN.because(limit=self.trading_day, actual=command.trading_day)
        if self.close is not None:
            return rejections.CLOSE_UNDER_WAY.because(actual=self.close.step)
        if self.rules().close_by_clock and not (command.reason or "").strip():
            return rejections.SESSION_IN_PROGRESS.because(actual=self.phase)
        # From here the command must succeed.
        return list(self._begin_close(self.trading_day, command.operator, command.reason))

    def advance_close(self, command: AdvanceClose) -> Rejection | Iterable[Event]:
        """Do the next portion of the close."""
        close = self.close
        if close is None or command.trading_day != close.trading_day or command.portion < 1:
            return rejections.DAY_NOT_OPEN.because(limit=self.trading_day, actual=command.trading_day)
        if close.step is CloseStep.ROLL_DATE:
            return self._roll_date(close)
        return list(close.advance(command.portion, self.stamp.seq, self.not_after_ns()))

    def refuse_to_go_on(self, trading_day: TradingDay) -> Rejection | None:
        """Why that day's close cannot go on without the registry: it does not wait for it."""
        close = self.close
        if close is None or close.trading_day != trading_day or not close.waits_for_registry:
            return rejections.NOT_RECONCILING.because(actual=self.phase if close is None else close.step)
        return None

    def go_on_without_registry(self, operator: ParticipantId, reason: str) -> Iterable[Event]:
        """Let the close that waits for the registry go on."""
        assert self.close is not None, "no close waits"
        return self.close.go_on_without_registry(operator, reason)

    def record_reconciliation(
        self, command: RecordReconciliation, open_breaks: int
    ) -> Rejection | Iterable[Event]:
        """Note how a comparison with the registry ended: the day's own lets its close go on, any other is kept."""
        if self.trading_day is None or command.trading_day != self.trading_day:
            return rejections.NOT_RECONCILING.because(actual=command.trading_day)
        close = self.close
        if not command.on_demand and (close is None or close.step is not CloseStep.RECONCILE):
            return rejections.NOT_RECONCILING.because(actual=self.phase if close is None else close.step)
        # From here the command must succeed.
        reconciled = Reconciled(
            trading_day=self.trading_day,
            breaks=command.breaks,
            digest_here=command.digest_here,
            digest_there=command.digest_there,
            open_breaks=open_breaks,
            on_demand=command.on_demand,
            as_of=command.as_of,
        )
        if command.on_demand or close is None:
            return (reconciled,)
        return (close.cash_compared(), reconciled, *close.reconciled())

    def issue_statements(self, command: IssueStatements) -> Rejection | Iterable[Event]:
        """Note that accounts have their statements; when all have, the close goes on."""
        close = self.close
        if close is None or command.trading_day != close.trading_day or not close.is_due(command.statements):
            return rejections.STATEMENTS_NOT_DUE.because(actual=self.phase if close is None else close.step)
        # From here the command must succeed.
        return list(close.issued(command.statements))

    def come_to(self, stamp: Stamp) -> Iterator[Event]:
        """The next command's stamp, and what the mere passing of time has brought by then."""
        since_ns, self.stamp = self.stamp.at_ns, stamp
        if stamp.at_ns >= self.next_change_ns:
            yield from self.follow_time(since_ns)

    def follow_time(self, since_ns: int | None = None) -> Iterator[Event]:
        """Bring rules, bands and phase to the present stamp; `since_ns` is when time was last looked at, if not now."""
        day, at_ns = self.trading_day, self.stamp.at_ns
        since_ns = at_ns if since_ns is None else since_ns
        if day is None or self.close is not None:
            return
        yield from self._negotiated.expire_due(at_ns)
        rules_at_ns = self._rules_moment_ns(day, at_ns)
        for market in self._trading.markets.values():
            if market.follow(self._rulebook.in_force(rules_at_ns, market.listing.code)):
                yield market.band_set(day)
                yield from self._trading.leave_band(market)
        rules = self.market_rules = self._rulebook.in_force(rules_at_ns)
        phase = phase_of(day, rules, at_ns)
        if phase is Phase.CLOSING:
            yield from self._begin_close(day)
            return
        if {self.phase, phase} <= NEGOTIATED_PHASES:
            ended_ns = negotiation_ends_ns(day, rules, since_ns)
            if ended_ns is not None and ended_ns <= at_ns:  # and began anew, and nobody came by in between
                yield from self._negotiated.end_session(day_closes=False)
        yield from self._change_phase(phase)
        next_rule_ns = self._rulebook.next_change_ns(at_ns)
        self.next_change_ns = min(
            next_phase_ns(day, rules, at_ns), NEVER_NS if next_rule_ns is None else next_rule_ns
        )
        self.wake_by(self._negotiated.next_expiry_ns)

    def _rules_moment_ns(self, day: TradingDay, at_ns: int) -> int:
        """The moment whose rules a day goes by: now, but never the next date's for a day that closes late."""
        end_ns = midnight_ns(following(day)) - 1
        if at_ns <= end_ns or next(self._rulebook.missing(end_ns), None) is not None:
            return at_ns
        return end_ns if self._rulebook.in_force(end_ns).close_by_clock else at_ns

    def load(self, state: ExchangeState) -> None:
        """Go on where that snapshot stopped; the markets have been taken in."""
        self.stamp = Stamp(seq=state.seq, at_ns=state.at_ns)
        self.trading_day, self.phase = state.trading_day, state.phase
        self.next_change_ns, self.market_rules = state.next_change_ns, state.market_rules
        if state.close is not None:
            self.close = Close.load(state.close, self._trading, self._depository, self.retired)

    def _roll_date(self, close: Close) -> Rejection | Iterable[Event]:
        next_day = day_after(close.trading_day, self._calendar, self.rules(), self.stamp.at_ns)
        if next_day is None:
            return rejections.CALENDAR_NOT_ANNOUNCED.because(actual=close.trading_day)
        # From here the command must succeed.
        self.close = None
        rolled = CloseStepAdvanced(trading_day=close.trading_day, step=close.step, done=1, total=1)
        closed = DayClosed(trading_day=close.trading_day, next_day=next_day)
        return [rolled, closed, *self._change_phase(Phase.CLOSED), *self._begin_day(next_day)]

    def _begin_day(self, day: TradingDay) -> Iterator[Event]:
        self.trading_day = day
        self.market_rules = self.rules()
        self._depository.movements.obligations.begin_day(day)
        self._negotiated.begin_day()
        yield DayOpened(trading_day=day)
        for market in self._trading.markets.values():
            market.begin_day(self.rules(market.listing.code))
            yield market.band_set(day)
        yield from self.follow_time()

    def _begin_close(
        self, day: TradingDay, operator: ParticipantId | None = None, reason: str | None = None
    ) -> Iterator[Event]:
        yield from self._change_phase(Phase.CLOSING)
        self.close = Close(day, self._trading, self._depository, self.retired)
        self.next_change_ns = NEVER_NS
        yield CloseStarted(trading_day=day, operator=operator, reason=reason)
        yield from self.close.begin()

    def _change_phase(self, phase: Phase) -> Iterator[Event]:
        if phase is not self.phase:
            assert self.trading_day is not None, "a phase without a day"
            before, self.phase = self.phase, phase
            yield PhaseChanged(trading_day=self.trading_day, before=before, phase=phase)
            if phase not in NEGOTIATED_PHASES:
                yield from self._negotiated.end_session(day_closes=phase is Phase.CLOSING)
