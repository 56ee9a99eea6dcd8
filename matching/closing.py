"""The close of a trading day, worked off in portions so that it can be watched, crash anywhere, and go on.

    stop_orders → expire_orders → closing_prices → obligations → registry
                → delivery → fees → publication → reconcile → roll_date

New orders stop in the very entry that starts the close. Each step counts what it has done out of what it had to do; the
next one begins when they are equal. Nothing here waits: what must come from outside (the registry's answers, the
statements, the comparison of positions) arrives as a command of its own, and `advance` merely reports until it has.

Both legs of a delivery and its fees change hands in the entry of the registry's answer, and never apart. So `delivery`
and `fees` move nothing: they hold what the day has settled against what is still owed and against the ledger, and say so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from matching.close_events import (
    BooksCut,
    CashCompared,
    DayFeesCharged,
    DaySettled,
    IssuedStatement,
    RegistryPassedOver,
    StatementsIssued,
)
from matching.events import CloseStep, CloseStepAdvanced, ClosingPriceSet, Event
from matching.negotiated_events import NegotiatedTotalsSet
from matching.reference_price import closing_price
from matching.trading import ListedTrading
from settlement.depository import Depository
from settlement.retired_figures import RetiredFigures
from settlement.values import AccountId, ParticipantId, TradingDay

STEPS: Final = tuple(CloseStep)


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseState:
    """How far a close has come, as written to a snapshot."""

    trading_day: TradingDay
    step: CloseStep
    done: int
    total: int


class Close:
    """One day's close under way."""

    __slots__ = (
        "_depository",
        "_movements",
        "_retired",
        "_trading",
        "done",
        "step",
        "total",
        "trading_day",
    )

    def __init__(
        self,
        trading_day: TradingDay,
        trading: ListedTrading,
        depository: Depository,
        retired: RetiredFigures,
    ) -> None:
        """A close about to stop orders."""
        self.trading_day = trading_day
        self._trading = trading
        self._depository = depository
        self._movements = depository.movements
        self._retired = retired
        self.step = STEPS[0]
        self.done = 0
        self.total = 1

    @property
    def prices_are_set(self) -> bool:
        """Whether the day's prices are final."""
        return STEPS.index(self.step) > STEPS.index(CloseStep.CLOSING_PRICES)

    def begin(self) -> Iterator[Event]:
        """Orders have stopped: the phase has changed, and negotiations have ended."""
        self.done = self.total
        yield from self._report_and_go_on()

    def advance(self, portion: int, seq: int, not_after_ns: int) -> Iterator[Event]:
        """Do the next portion of any step but the last, and report it; completed, go on to the next step."""
        match self.step:
            case CloseStep.EXPIRE_ORDERS:
                yield from self._trading.expire(portion)
                self.done = self.total - len(self._trading.open_orders)
            case CloseStep.CLOSING_PRICES:
                yield from self._closing_prices()
                self.done = self.total
            case CloseStep.OBLIGATIONS:
                deliveries = list(islice(self._movements.uninstructed(), portion))
                yield from self._movements.instruct(deliveries, seq, not_after_ns)
                self.done = self.total - sum(1 for _ in self._movements.uninstructed())
            case CloseStep.REGISTRY:
                left = self._movements.unresolved()
                self.total = max(self.total, left)  # an operator may have had something asked again meanwhile
                self.done = self.total - left
            case CloseStep.DELIVERY:
                yield self._settled()
                self.done = self.total
            case CloseStep.FEES:
                yield self._fees()
                self.done = self.total
            case CloseStep.PUBLICATION:
                if not self.done:
                    yield from self._retired.publish(self.trading_day)
                    yield BooksCut(trading_day=self.trading_day)
                    self.done = 1  # `issued` does the rest
            case CloseStep.RECONCILE:
                pass  # `reconciled` completes it
            case CloseStep.STOP_ORDERS | CloseStep.ROLL_DATE:
                raise AssertionError("orders are stopped and the date is rolled by the exchange")
        yield from self._report_and_go_on()

    def is_due(self, statements: Iterable[IssuedStatement]) -> bool:
        """Whether these are of the accounts next in turn, at a time at which statements are issued."""
        accounts = [one.account for one in statements]
        return bool(accounts) and accounts == list(islice(self.without_statement(), len(accounts)))

    def without_statement(self) -> Iterator[AccountId]:
        """To whom statements are to be issued now, in the order they were opened; who comes meanwhile waits a day."""
        if self.step is not CloseStep.PUBLICATION or not self.done:
            return iter(())
        return islice(self._depository.accounts, self.done - 1, self.total - 1)

    def issued(self, statements: tuple[IssuedStatement, ...]) -> Iterator[Event]:
        """These accounts have their statements. They are due."""
        self.done += len(statements)
        yield StatementsIssued(trading_day=self.trading_day, statements=statements)
        yield from self._report_and_go_on()

    def reconciled(self) -> Iterator[Event]:
        """The day's comparison with the registry is on record. Differences stop what they touch, never the market."""
        assert self.step is CloseStep.RECONCILE, f"compared while it is at {self.step}"
        self.done = self.total
        yield from self._report_and_go_on()

    @property
    def waits_for_registry(self) -> bool:
        """Whether only the registry can bring it further."""
        return self.step in (CloseStep.REGISTRY, CloseStep.RECONCILE)

    def go_on_without_registry(self, operator: ParticipantId, reason: str) -> Iterator[Event]:
        """Operators have said so, while it waits: what is not answered ends with its answer, on a later day perhaps."""
        assert self.waits_for_registry, f"it does not wait at {self.step}"
        yield RegistryPassedOver(
            trading_day=self.trading_day,
            step=self.step.value,
            unanswered=self._movements.unresolved(),
            operator=operator,
            reason=reason,
        )
        if self.step is CloseStep.RECONCILE:
            yield self.cash_compared()
        self.done = self.total
        yield from self._report_and_go_on()

    def cash_compared(self) -> CashCompared:
        """How our money stands against the bank's."""
        treasury = self._depository.treasury
        standing = treasury.statements.standing()
        assert treasury.at_exchange_fen == standing.expected_fen, (
            f"{treasury.at_exchange_fen} fen, {standing}"
        )
        return CashCompared(
            trading_day=self.trading_day,
            at_exchange_fen=treasury.at_exchange_fen,
            at_bank_fen=standing.at_bank_fen,
            waiting_fen=standing.waiting_fen,
            explained_fen=standing.explained_fen,
            open_breaks=standing.open_breaks,
            until_ns=standing.until_ns,
        )

    def dump(self) -> CloseState:
        """How far it has come, for a snapshot."""
        return CloseState(trading_day=self.trading_day, step=self.step, done=self.done, total=self.total)

    @classmethod
    def load(
        cls, state: CloseState, trading: ListedTrading, depository: Depository, retired: RetiredFigures
    ) -> "Close":
        """The close that snapshot was taken of."""
        close = cls(state.trading_day, trading, depository, retired)
        close.step, close.done, close.total = state.step, state.done, state.total
        return close

    def _closing_prices(self) -> Iterator[Event]:
        for code, market in self._trading.markets.items():
            prices = market.prices
            reference_fen = market.reference_fen
            close_fen = closing_price(prices, reference_fen, market.rules)
            market.reference_fen = close_fen
            yield ClosingPriceSet(
                listing=code,
                trading_day=self.trading_day,
                reference_fen=reference_fen,
                open_fen=prices.open_fen,
                high_fen=prices.high_fen,
                low_fen=prices.low_fen,
                close_fen=close_fen,
                volume_tonnes=prices.volume_tonnes,
                turnover_fen=prices.turnover_fen,
            )
            negotiated = market.negotiated
            if negotiated.prints:
                yield NegotiatedTotalsSet(
                    listing=code,
                    trading_day=self.trading_day,
                    trades=len(negotiated.prints),
                    volume_tonnes=negotiated.volume_tonnes,
                    turnover_fen=negotiated.turnover_fen,
                )

    def _settled(self) -> DaySettled:
        tally, parked = self._movements.obligations.tell_settled(), self._movements.obligations.parked()
        return DaySettled(
            trading_day=self.trading_day,
            settled=tally.settled,
            failed=tally.failed,
            parked=len(parked),
            amount_fen=tally.amount_fen,
        )

    def _fees(self) -> DayFeesCharged:
        tally = self._movements.obligations.tell_fees()
        return DayFeesCharged(
            trading_day=self.trading_day,
            buyers_fen=tally.buyer_fees_fen,
            sellers_fen=tally.seller_fees_fen,
        )

    def _report_and_go_on(self) -> Iterator[CloseStepAdvanced]:
        yield CloseStepAdvanced(
            trading_day=self.trading_day, step=self.step, done=self.done, total=self.total
        )
        if self.done < self.total:
            return
        self.step = STEPS[STEPS.index(self.step) + 1]
        self.done = 0
        self.total = self._work_ahead()

    def _work_ahead(self) -> int:
        match self.step:
            case CloseStep.CLOSING_PRICES:
                return len(self._trading.markets)
            case CloseStep.OBLIGATIONS:
                return sum(1 for _ in self._movements.uninstructed())
            case CloseStep.EXPIRE_ORDERS:
                return len(self._trading.open_orders)
            case CloseStep.REGISTRY:
                return self._movements.unresolved()
            case CloseStep.DELIVERY:
                tally = self._movements.obligations.tally
                return tally.settled + tally.failed + len(self._movements.obligations.parked())
            case CloseStep.FEES:
                return self._movements.obligations.tally.charged
            case CloseStep.PUBLICATION:
                return 1 + len(self._depository.accounts)
            case CloseStep.RECONCILE:
                return 2
            case CloseStep.ROLL_DATE:
                return 1
            case CloseStep.STOP_ORDERS:
                raise AssertionError("a close begins with it")
