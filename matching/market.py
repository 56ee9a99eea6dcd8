"""The listed market of one listing: its book, its band, the day's prices so far."""

from dataclasses import dataclass

from matching.book import OrderBook
from matching.day_prices import DayPrices, Print
from matching.events import BandSet, DayPricesRevised
from matching.fees import FeeTerms
from matching.listing import Listing
from matching.order import Order, OrderId, OrderStatus, Side, TimeInForce
from matching.reference_price import PriceBand, band_around
from matching.rulebook import Rules
from settlement.retirement import Use
from settlement.values import AccountId, AssetCode, ParticipantId, TradeId, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRecord:
    """One resting order, as written to a snapshot."""

    order_id: OrderId
    account: AccountId
    owner: ParticipantId
    actor: ParticipantId | None
    client_order_id: str
    listing: AssetCode
    side: Side
    price_fen: int
    quantity_tonnes: int
    remaining_tonnes: int
    time_in_force: TimeInForce
    fee: FeeTerms
    turnover_fen: int
    use: Use | None
    status: OrderStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class MarketState:
    """One listed market, as written to a snapshot. Orders stand in the order in which adding them makes the book."""

    listing: Listing
    rules: Rules
    """What it trades by: a rule adopted during a close binds only from the next day."""
    band: PriceBand
    reference_fen: int
    """The next band's, once the closing price is known."""
    prints: tuple[Print, ...]
    negotiated_prints: tuple[Print, ...]
    orders: tuple[OrderRecord, ...]


class ListedMarket:
    """One listing being traded."""

    __slots__ = ("band", "book", "listing", "negotiated", "prices", "reference_fen", "rules")

    def __init__(self, listing: Listing, rules: Rules) -> None:
        """A market whose first band lies around the announced reference."""
        self.listing = listing
        self.book = OrderBook()
        self.prices = DayPrices()
        self.negotiated = DayPrices()
        """Negotiated transfers of the day: they count in volume and turnover, apart, and in no price."""
        self.reference_fen = listing.first_reference_price_fen
        self.rules = rules
        self.band: PriceBand = band_around(self.reference_fen, rules)

    def follow(self, rules: Rules) -> bool:
        """Trade by these rules from now on; whether the band is another one."""
        before = self.band
        self.rules = rules
        self.band = band_around(self.reference_fen, rules)
        return self.band != before

    def band_set(self, day: TradingDay) -> BandSet:
        """The event that tells this market's band."""
        band = self.band
        return BandSet(
            listing=self.listing.code,
            trading_day=day,
            reference_fen=band.reference_fen,
            lower_fen=band.lower_fen,
            upper_fen=band.upper_fen,
        )

    def begin_day(self, rules: Rules) -> None:
        """Nothing has been traded today; trade by these rules."""
        self.prices, self.negotiated = DayPrices(), DayPrices()
        self.follow(rules)

    def undo_negotiated(self, trade_id: TradeId) -> None:
        """Take a negotiated transfer out of the day's volume and turnover."""
        self.negotiated = self.negotiated.without(trade_id)

    def undo(self, trade_id: TradeId) -> DayPricesRevised:
        """Take a trade out of the day's prices."""
        self.prices = self.prices.without(trade_id)
        return DayPricesRevised(
            listing=self.listing.code,
            open_fen=self.prices.open_fen,
            high_fen=self.prices.high_fen,
            low_fen=self.prices.low_fen,
            last_fen=self.prices.last_fen,
            volume_tonnes=self.prices.volume_tonnes,
            turnover_fen=self.prices.turnover_fen,
        )

    def dump(self) -> MarketState:
        """All of it, for a snapshot."""
        return MarketState(
            listing=self.listing,
            rules=self.rules,
            band=self.band,
            reference_fen=self.reference_fen,
            prints=tuple(self.prices.prints),
            negotiated_prints=tuple(self.negotiated.prints),
            orders=tuple(_record(order) for order in self.book.orders()),
        )

    @classmethod
    def load(cls, state: MarketState) -> "ListedMarket":
        """The market that snapshot was taken of."""
        market = cls(state.listing, state.rules)
        market.reference_fen, market.band = state.reference_fen, state.band
        market.prices = DayPrices(state.prints)
        market.negotiated = DayPrices(state.negotiated_prints)
        for record in state.orders:
            market.book.add(_order(record))
        return market


def _record(order: Order) -> OrderRecord:
    return OrderRecord(
        order_id=order.order_id,
        account=order.account,
        owner=order.owner,
        actor=order.actor,
        client_order_id=order.client_order_id,
        listing=order.listing,
        side=order.side,
        price_fen=order.price_fen,
        quantity_tonnes=order.quantity_tonnes,
        remaining_tonnes=order.remaining_tonnes,
        time_in_force=order.time_in_force,
        fee=order.fee,
        turnover_fen=order.turnover_fen,
        use=order.use,
        status=order.status,
    )


def _order(record: OrderRecord) -> Order:
    return Order(
        order_id=record.order_id,
        account=record.account,
        owner=record.owner,
        actor=record.actor,
        client_order_id=record.client_order_id,
        listing=record.listing,
        side=record.side,
        price_fen=record.price_fen,
        quantity_tonnes=record.quantity_tonnes,
        remaining_tonnes=record.remaining_tonnes,
        time_in_force=record.time_in_force,
        fee=record.fee,
        turnover_fen=record.turnover_fen,
        use=record.use,
        status=record.status,
    )
