"""Listed trading: orders in, trades out (挂牌交易; Measures 2023, Art. 30).

An order's cover is held before it can rest or trade. A trade is at the resting order's price and moves both covers
into a delivery; what a buyer had set aside above that price comes back at once.
"""

from collections.abc import Iterator

from matching import pre_trade, rejections
from matching.commands import CancelOrder, CancelOrders, SubmitOrder
from matching.events import (
    CancelReason,
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderRested,
    OrdersCancelled,
    Traded,
)
from matching.market import ListedMarket
from matching.order import Order, OrderId, OrderStep, Side, TimeInForce
from matching.session import CANCEL_PHASES, Phase
from settlement.delivery import Delivery
from settlement.depository import Depository
from settlement.events import Posted
from settlement.rejections import Rejection
from settlement.values import CASH, AccountId, AssetCode, TradeId, TradingDay


class ListedTrading:
    """All listed markets and the open orders in them."""

    __slots__ = ("_by_account", "_depository", "_orders", "last_trade_id", "markets")

    def __init__(self, depository: Depository) -> None:
        """No listing yet."""
        self._depository = depository
        self.markets: dict[AssetCode, ListedMarket] = {}
        self._orders: dict[OrderId, Order] = {}
        self._by_account: dict[AccountId, dict[OrderId, None]] = {}
        self.last_trade_id = 0

    @property
    def open_orders(self) -> dict[OrderId, Order]:
        """Every open order by its id; not to be altered by the caller."""
        return self._orders

    def submit(
        self, command: SubmitOrder, order_id: OrderId, phase: Phase, day: TradingDay | None
    ) -> Rejection | list[Event]:
        """Take an order: refuse it and change nothing, or accept, match, and rest or cancel what is left."""
        market = self.markets.get(command.listing)
        refused = pre_trade.refuse(command, market, phase, self._depository)
        if refused is not None:
            return refused
        assert market is not None
        assert day is not None, "a listed phase without a trading day"
        plan = market.book.plan(command.side, command.price_fen, command.quantity_tonnes)
        refused = pre_trade.refuse_self_trade(command, plan, self._depository)
        if refused is not None:
            return refused
        # From here the command must succeed.
        order = self._accept(command, order_id)
        events: list[Event] = [_accepted(order)]
        planned_tonnes = sum(match.quantity_tonnes for match in plan)
        if order.time_in_force is TimeInForce.FOK and planned_tonnes < order.quantity_tonnes:
            order.step(OrderStep.CANCEL)
            events.append(_cancelled(order, CancelReason.FOK_UNFILLED, was_resting=False))
            return events
        events.append(self._depository.hold(order.account, _cover_asset(order), order.cover))
        for match in plan:
            events.extend(self._trade(market, order, match.resting, match.quantity_tonnes, day))
        events.extend(self._settle_remainder(market, order))
        return events

    def cancel(self, command: CancelOrder, phase: Phase) -> Rejection | list[Event]:
        """Take back one order. Another account's order is as unknown as one that never was."""
        refused = self._depository.may_act(command.participant, command.account)
        if refused is not None:
            return refused
        if phase not in CANCEL_PHASES:
            return rejections.PHASE_CLOSED.because(actual=phase)
        order = self._orders.get(command.order_id)
        if order is None or order.account != command.account:
            return rejections.ORDER_NOT_OPEN.because(actual=str(command.order_id))
        # From here the command must succeed.
        return self._cancel(order)

    def cancel_many(self, command: CancelOrders, phase: Phase) -> Rejection | list[Event]:
        """Take back all of an account's orders, or those of one listing or side, oldest first."""
        refused = self._depository.may_act(command.participant, command.account)
        if refused is not None:
            return refused
        if phase not in CANCEL_PHASES:
            return rejections.PHASE_CLOSED.because(actual=phase)
        if command.listing is not None and command.listing not in self.markets:
            return rejections.LISTING_UNKNOWN.because(actual=command.listing)
        # From here the command must succeed.
        chosen = [
            order
            for order in map(self._orders.__getitem__, self._by_account.get(command.account, ()))
            if command.listing in (None, order.listing) and command.side in (None, order.side)
        ]
        events = [event for order in chosen for event in self._cancel(order)]
        events.append(OrdersCancelled(account=command.account, count=len(chosen)))
        return events

    def expire(self, portion: int) -> list[Event]:
        """Let the oldest open orders expire, at most `portion` of them, and release their cover."""
        events: list[Event] = []
        for order in list(self._orders.values())[:portion]:
            self.markets[order.listing].book.remove(order)
            order.step(OrderStep.EXPIRE)
            self._forget(order)
            events.append(_expired(order))
            events.append(self._depository.release(order.account, _cover_asset(order), order.cover))
        return events

    def adopt(self, market: ListedMarket) -> None:
        """Take in a market whose orders are resting already: a snapshot's."""
        self.markets[market.listing.code] = market

    def index(self) -> None:
        """Index every resting order by age, after all markets have been taken in."""
        resting = (order for market in self.markets.values() for order in market.book.orders())
        for order in sorted(resting, key=lambda order: order.order_id):
            self._remember(order)

    def check(self) -> None:
        """Books are sound; the held bucket is exactly the cover of what is open."""
        cover: dict[tuple[AccountId, AssetCode], int] = {}
        resting = 0
        for market in self.markets.values():
            market.book.check()
            for order in market.book.orders():
                resting += 1
                assert self._orders.get(order.order_id) is order, f"order {order.order_id} rests unindexed"
                place = (order.account, _cover_asset(order))
                cover[place] = cover.get(place, 0) + order.cover
        assert resting == len(self._orders) == sum(map(len, self._by_account.values()))
        ledger = self._depository.ledger
        for account in ledger.accounts():
            for asset, balance in ledger.assets(account):
                needed = cover.pop((account, asset), 0)
                assert balance.held == needed, (
                    f"{account} holds {balance.held} of {asset}, orders need {needed}"
                )
        assert not cover, f"orders without cover: {cover}"

    def _accept(self, command: SubmitOrder, order_id: OrderId) -> Order:
        return Order(
            order_id=order_id,
            account=command.account,
            owner=self._depository.accounts[command.account].owner,
            client_order_id=command.client_id,
            listing=command.listing,
            side=command.side,
            price_fen=command.price_fen,
            quantity_tonnes=command.quantity_tonnes,
            remaining_tonnes=command.quantity_tonnes,
            time_in_force=command.time_in_force,
        )

    def _trade(
        self, market: ListedMarket, incoming: Order, resting: Order, quantity_tonnes: int, day: TradingDay
    ) -> Iterator[Event]:
        price_fen = resting.price_fen
        market.book.fill(resting, quantity_tonnes)
        incoming.fill(quantity_tonnes)
        if not resting.remaining_tonnes:
            self._forget(resting)
        market.prices.trade(price_fen, quantity_tonnes)
        self.last_trade_id += 1
        buy, sell = (incoming, resting) if incoming.side is Side.BUY else (resting, incoming)
        yield Traded(
            trade_id=TradeId(self.last_trade_id),
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
            trading_day=day,
        )
        yield from self._book(buy, sell, price_fen, quantity_tonnes, day)

    def _book(
        self, buy: Order, sell: Order, price_fen: int, quantity_tonnes: int, day: TradingDay
    ) -> Iterator[Posted]:
        delivery = Delivery(
            trade_id=TradeId(self.last_trade_id),
            trading_day=day,
            instrument=buy.listing,
            seller=sell.account,
            buyer=buy.account,
            quantity_tonnes=quantity_tonnes,
            amount_fen=price_fen * quantity_tonnes,
        )
        yield from self._depository.book_trade(delivery)
        surplus_fen = (buy.price_fen - price_fen) * quantity_tonnes
        if surplus_fen:
            yield self._depository.release(buy.account, CASH, surplus_fen)

    def _settle_remainder(self, market: ListedMarket, order: Order) -> Iterator[Event]:
        if not order.remaining_tonnes:
            return
        if order.time_in_force is TimeInForce.DAY:
            market.book.add(order)
            self._remember(order)
            yield OrderRested(
                order_id=order.order_id,
                listing=order.listing,
                side=order.side,
                price_fen=order.price_fen,
                remaining_tonnes=order.remaining_tonnes,
            )
            return
        order.step(OrderStep.CANCEL)
        yield _cancelled(order, CancelReason.IOC_REMAINDER, was_resting=False)
        yield self._depository.release(order.account, _cover_asset(order), order.cover)

    def _cancel(self, order: Order) -> list[Event]:
        self.markets[order.listing].book.remove(order)
        order.step(OrderStep.CANCEL)
        self._forget(order)
        return [
            _cancelled(order, CancelReason.REQUESTED, was_resting=True),
            self._depository.release(order.account, _cover_asset(order), order.cover),
        ]

    def _remember(self, order: Order) -> None:
        self._orders[order.order_id] = order
        self._by_account.setdefault(order.account, {})[order.order_id] = None

    def _forget(self, order: Order) -> None:
        del self._orders[order.order_id]
        del self._by_account[order.account][order.order_id]


def _cover_asset(order: Order) -> AssetCode:
    return CASH if order.side is Side.BUY else order.listing


def _accepted(order: Order) -> OrderAccepted:
    return OrderAccepted(
        order_id=order.order_id,
        account=order.account,
        client_order_id=order.client_order_id,
        listing=order.listing,
        side=order.side,
        price_fen=order.price_fen,
        quantity_tonnes=order.quantity_tonnes,
        time_in_force=order.time_in_force,
    )


def _cancelled(order: Order, reason: CancelReason, *, was_resting: bool) -> OrderCancelled:
    return OrderCancelled(
        order_id=order.order_id,
        account=order.account,
        client_order_id=order.client_order_id,
        listing=order.listing,
        side=order.side,
        price_fen=order.price_fen,
        remaining_tonnes=order.remaining_tonnes,
        was_resting=was_resting,
        reason=reason,
    )


def _expired(order: Order) -> OrderExpired:
    return OrderExpired(
        order_id=order.order_id,
        account=order.account,
        client_order_id=order.client_order_id,
        listing=order.listing,
        side=order.side,
        price_fen=order.price_fen,
        remaining_tonnes=order.remaining_tonnes,
    )
