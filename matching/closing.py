"""The close of a trading day, worked off in portions so that it can be watched, crash anywhere, and go on.

    expire_orders → closing_prices → obligations → delivery → reconcile → roll_date

New orders stop when the close starts. Each step counts what it has done out of what it had to do; the next one
begins when they are equal. Nothing here waits: what must come from outside (the registry's answers, the comparison
of positions) arrives as a command of its own, and `advance` merely reports until it has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from matching.events import CloseStep, CloseStepAdvanced, ClosingPriceSet, Event
from matching.negotiated_events import NegotiatedTotalsSet
from matching.reference_price import closing_price
from matching.trading import ListedTrading
from settlement.movements import Movements
from settlement.values import TradingDay

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

    __slots__ = ("_movements", "_trading", "done", "step", "total", "trading_day")

    def __init__(self, trading_day: TradingDay, trading: ListedTrading, movements: Movements) -> None:
        """A close about to expire its first order."""
        self.trading_day = trading_day
        self._trading = trading
        self._movements = movements
        self.step = STEPS[0]
        self.done = 0
        self.total = len(trading.open_orders)

    @property
    def prices_are_set(self) -> bool:
        """Whether the day's prices are final."""
        return STEPS.index(self.step) > STEPS.index(CloseStep.CLOSING_PRICES)

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
            case CloseStep.DELIVERY:
                left = self._movements.unresolved()
                self.total = max(self.total, left)  # an operator may have had something asked again meanwhile
                self.done = self.total - left
            case CloseStep.RECONCILE:
                pass  # `reconciled` completes it
            case CloseStep.ROLL_DATE:
                raise AssertionError("the date is rolled by the exchange")
        yield self._report()
        self._go_on()

    def reconciled(self) -> CloseStepAdvanced:
        """The day's comparison with the registry is on record. Differences stop what they touch, never the market."""
        assert self.step is CloseStep.RECONCILE, f"compared while it is at {self.step}"
        self.done = self.total
        report = self._report()
        self._go_on()
        return report

    def dump(self) -> CloseState:
        """How far it has come, for a snapshot."""
        return CloseState(trading_day=self.trading_day, step=self.step, done=self.done, total=self.total)

    @classmethod
    def load(cls, state: CloseState, trading: ListedTrading, movements: Movements) -> "Close":
        """The close that snapshot was taken of."""
        close = cls(state.trading_day, trading, movements)
        close.step, close.done, close.total = state.step, state.done, state.total
        return close

    def _closing_prices(self) -> Iterator[Event]:
        for code, market in self._trading.markets.items():
            prices = market.prices
            close_fen = closing_price(prices, market.reference_fen, market.rules)
            market.reference_fen = close_fen
            yield ClosingPriceSet(
                listing=code,
                trading_day=self.trading_day,
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

    def _report(self) -> CloseStepAdvanced:
        return CloseStepAdvanced(
            trading_day=self.trading_day, step=self.step, done=self.done, total=self.total
        )

    def _go_on(self) -> None:
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
            case CloseStep.DELIVERY:
                return self._movements.unresolved()
            case CloseStep.RECONCILE | CloseStep.ROLL_DATE:
                return 1
            case CloseStep.EXPIRE_ORDERS:
                raise AssertionError("a close begins with it")
