"""Orders meeting: each match becomes a trade at the resting order's price, and a delivery both covers are committed to."""

from collections.abc import Iterator
from dataclasses import dataclass

from matching.book import Match
from matching.calendar import second_of_day
from matching.day_prices import Print
from matching.events import Event, LargeHolderNoted, Traded
from matching.market import ListedMarket
from matching.order import Order, Side
from matching.rulebook import Rules, SaleProceeds, SettlementCycle
from matching.session import Phase, listed_is_over
from settlement.delivery import Delivery
from settlement.depository import Depository
from settlement.values import CASH, TradeId, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """When a command is decided: its place in history and what the day is doing."""

    seq: int
    phase: Phase
    trading_day: TradingDay | None
    not_after_ns: int
    """Until when the registry may take a movement instructed now."""
    at_ns: int
    rules: Rules | None
    """What the market goes by; absent before the first day."""

    @property
    def listed_is_over(self) -> bool:
        """Whether the day's listed trading is done."""
        return self.rules is not None and listed_is_over(self.rules.hours, second_of_day(self.at_ns))


class Execution:
    """Numbers trades and books them."""

    __slots__ = ("_depository", "last_trade_id")

    def __init__(self, depository: Depository) -> None:
        """No trade yet."""
        self._depository = depository
        self.last_trade_id = 0

    def meet(
        self, market: ListedMarket, incoming: Order, matches: list[Match], moment: Moment
    ) -> Iterator[Event]:
        """Trade with each of these in turn; where the rules settle as traded, instruct the registry at once."""
        first_trade = self.last_trade_id + 1
        for match in matches:
            yield from self._trade(market, incoming, match.resting, match.quantity_tonnes, moment)
        if matches and market.rules.settlement_cycle is SettlementCycle.AS_TRADED:
            movements = self._depository.movements
            made = [movements.deliveries[TradeId(n)] for n in range(first_trade, self.last_trade_id + 1)]
            yield from movements.instruct(made, moment.seq, moment.not_after_ns)

    def transfer(
        self, market: ListedMarket, price_fen: int, delivery: Delivery, moment: Moment
    ) -> Iterator[Event]:
        """Book a trade that was negotiated; it counts in volume and turnover, and in no price of the day."""
        tonnes = delivery.quantity_tonnes
        market.negotiated.trade(
            Print(trade_id=delivery.trade_id, price_fen=price_fen, quantity_tonnes=tonnes)
        )
        yield from self._depository.book_trade(delivery)
        if market.rules.large_holder_alerts:
            yield from self._note_large_holder(market, delivery)
        if market.rules.settlement_cycle is SettlementCycle.AS_TRADED:
            yield from self._depository.movements.instruct([delivery], moment.seq, moment.not_after_ns)

    def next_trade_id(self) -> TradeId:
        """The number of the next trade, whatever its method."""
        self.last_trade_id += 1
        return TradeId(self.last_trade_id)

    def _trade(
        self, market: ListedMarket, incoming: Order, resting: Order, quantity_tonnes: int, moment: Moment
    ) -> Iterator[Event]:
        price_fen = resting.price_fen
        buy, sell = (incoming, resting) if incoming.side is Side.BUY else (resting, incoming)
        amount_fen = price_fen * quantity_tonnes
        covered_fen, buyer_fee_fen, seller_fee_fen = (
            buy.cover,
            buy.fee_on(amount_fen),
            sell.fee_on(amount_fen),
        )
        market.book.fill(resting, quantity_tonnes)
        incoming.fill(quantity_tonnes, price_fen)
        trade_id = self.next_trade_id()
        market.prices.trade(Print(trade_id=trade_id, price_fen=price_fen, quantity_tonnes=quantity_tonnes))
        assert moment.trading_day is not None, "a listed phase without a trading day"
        yield Traded(
            trade_id=trade_id,
            listing=market.listing.code,
            price_fen=price_fen,
            quantity_tonnes=quantity_tonnes,
            taker_side=incoming.side,
            buy_order_id=buy.order_id,
            buyer=buy.account,
            buy_remaining_tonnes=buy.remaining_tonnes,
            sell_order_id=sell.order_id,
            seller=sell.account,
            sell_remaining_tonnes=sell.remaining_tonnes,
            trading_day=moment.trading_day,
        )
        delivery = Delivery(
            trade_id=trade_id,
            trading_day=moment.trading_day,
            instrument=market.listing.code,
            seller=sell.account,
            buyer=buy.account,
            quantity_tonnes=quantity_tonnes,
            amount_fen=amount_fen,
            resale_next_day=market.rules.resale_next_day,
            proceeds_at_once=market.rules.sale_proceeds is SaleProceeds.WHEN_TRADED,
            buyer_fee_fen=buyer_fee_fen,
            seller_fee_fen=seller_fee_fen,
            use=buy.use,
        )
        yield from self._depository.book_trade(delivery)
        surplus_fen = covered_fen - buy.cover - delivery.committed_fen
        if surplus_fen:
            yield from self._depository.release(buy.account, CASH, surplus_fen)
        if market.rules.large_holder_alerts:
            yield from self._note_large_holder(market, delivery)

    def _note_large_holder(self, market: ListedMarket, bought: Delivery) -> Iterator[Event]:
        kind = self._depository.kind_of(bought.buyer)
        position_tonnes = self._depository.position(bought.buyer, bought.instrument)
        before_tonnes = position_tonnes - bought.quantity_tonnes
        for watched, threshold_tonnes in market.rules.large_holder_alerts:
            if watched is kind and before_tonnes < threshold_tonnes <= position_tonnes:
                yield LargeHolderNoted(
                    account=bought.buyer,
                    listing=bought.instrument,
                    position_tonnes=position_tonnes,
                    threshold_tonnes=threshold_tonnes,
                )
