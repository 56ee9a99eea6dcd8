"""Listed trading: orders in, trades out (挂牌交易; Measures 2023, Art. 30).

An order's cover is held before it can rest or trade. A trade is at the resting order's price and moves both covers
into a delivery; what a buyer had set aside above that price comes back at once.
"""

from collections.abc import Iterator
from itertools import islice

from matching import order_events, pre_trade, rejections
from matching.book import Match
from matching.commands import CancelOrder, CancelOrders, ReplaceOrder, SubmitOrder
from matching.events import Event, OrdersCancelled
from matching.execution import Execution, Moment
from matching.fees import FeeTerms
from matching.market import ListedMarket
from matching.order import CancelReason, Order, OrderId, OrderStep, Side, TimeInForce
from matching.pre_trade import Present, Terms
from matching.safety_commands import KillScope
from matching.session import CANCEL_PHASES, Phase
from matching.standing import Standing
from settlement.depository import Depository
from settlement.rejections import Rejection
from settlement.values import CASH, AccountId, AssetCode, ParticipantId


class ListedTrading:
    """All listed markets and the open orders in them."""

    __slots__ = (
        "_by_account",
        "_depository",
        "_orders",
        "execution",
        "markets",
        "negotiated_buys",
        "standing",
    )

    def __init__(self, depository: Depository) -> None:
        """No listing yet."""
        self._depository = depository
        self.standing = Standing()
        self.markets: dict[AssetCode, ListedMarket] = {}
        self._orders: dict[OrderId, Order] = {}
        self._by_account: dict[AccountId, dict[OrderId, None]] = {}
        self.execution = Execution(depository)
        self.negotiated_buys: dict[tuple[AccountId, AssetCode], int] = {}
        """Tonnes that negotiated transfers under way would buy; they count towards position limits."""

    @property
    def last_trade_id(self) -> int:
        """How many trades there have been."""
        return self.execution.last_trade_id

    @last_trade_id.setter
    def last_trade_id(self, count: int) -> None:
        self.execution.last_trade_id = count

    @property
    def open_orders(self) -> dict[OrderId, Order]:
        """Every open order by its id; not to be altered by the caller."""
        return self._orders

    # ---- what participants ask ----------------------------------------------------------------------------------

    def submit(self, command: SubmitOrder, moment: Moment) -> Rejection | list[Event]:
        """Take an order: refuse it and change nothing, or accept, match, and rest or cancel what is left."""
        market = self.markets.get(command.listing)
        at = self._present(market, command, moment)
        terms = pre_trade.terms_of(command, at.rules, self.open_buys(market, command.account))
        refused = pre_trade.refuse(terms, at)
        if refused is not None:
            return refused
        assert market is not None
        order = self._draft(command, OrderId(moment.seq), terms.fee)
        matches, own = market.book.plan(order.side, order.price_fen, order.remaining_tonnes, *order.hands)
        refused = pre_trade.refuse_self_trade(market.rules, own[0].order_id if own else None)
        if refused is not None:
            return refused
        # From here the command must succeed.
        events: list[Event] = [order_events.accepted(order)]
        planned_tonnes = sum(match.quantity_tonnes for match in matches)
        if order.time_in_force is TimeInForce.FOK and planned_tonnes < order.quantity_tonnes:
            order.step(OrderStep.CANCEL)
            events.append(order_events.cancelled(order, CancelReason.FOK_UNFILLED, was_resting=False))
            return events
        events.extend(self._depository.hold(order.account, _cover_asset(order), order.cover))
        for mine in own:
            events.extend(self._cancel(mine, CancelReason.SELF_TRADE))
        events.extend(self._match(market, order, matches, moment))
        events.extend(self._settle_remainder(market, order))
        return events

    def replace(self, command: ReplaceOrder, moment: Moment) -> Rejection | list[Event]:
        """Change an open order. It keeps its place only when its quantity falls at the same price."""
        order = self._orders.get(command.order_id)
        if order is None or order.account != command.account:
            return rejections.ORDER_NOT_OPEN.because(actual=str(command.order_id))
        market = self.markets[order.listing]
        price_fen = order.price_fen if command.price_fen is None else command.price_fen
        quantity_tonnes = (
            order.quantity_tonnes if command.quantity_tonnes is None else command.quantity_tonnes
        )
        filled_tonnes = order.quantity_tonnes - order.remaining_tonnes
        if (price_fen, quantity_tonnes) == (order.price_fen, order.quantity_tonnes):
            return rejections.NOTHING_TO_REPLACE.because()
        if quantity_tonnes <= filled_tonnes:
            return rejections.QUANTITY_ALREADY_FILLED.because(limit=filled_tonnes, actual=quantity_tonnes)
        terms = Terms(
            account=order.account,
            listing=order.listing,
            side=order.side,
            price_fen=price_fen,
            quantity_tonnes=quantity_tonnes,
            wanted_tonnes=quantity_tonnes - filled_tonnes,
            covered=order.cover,
            open_buys_tonnes=self.open_buys(market, order.account, order),
            fee=market.rules.fee_terms(order.side),
            turnover_fen=order.turnover_fen,
            use=order.use,
        )
        refused = pre_trade.refuse(terms, self._present(market, command, moment))
        if refused is not None:
            return refused
        if price_fen == order.price_fen and quantity_tonnes < order.quantity_tonnes:
            return self._shrink(market, order, terms)
        matches, own = market.book.plan(
            order.side, price_fen, terms.wanted_tonnes, order.owner, command.participant
        )
        refused = pre_trade.refuse_self_trade(market.rules, own[0].order_id if own else None)
        if refused is not None:
            return refused
        # From here the command must succeed.
        order.actor = _actor(order.owner, command.participant)
        events = self._come_anew(market, order, terms)
        for mine in own:
            events.extend(self._cancel(mine, CancelReason.SELF_TRADE))
        events.extend(self._match(market, order, matches, moment))
        if not order.remaining_tonnes:
            self._forget(order)
        events.extend(self._settle_remainder(market, order))
        return events

    def cancel(self, command: CancelOrder, phase: Phase) -> Rejection | list[Event]:
        """Take back one order. Another account's order is as unknown as one that never was."""
        if phase not in CANCEL_PHASES:
            return rejections.PHASE_CLOSED.because(actual=phase)
        order = self._orders.get(command.order_id)
        if order is None or order.account != command.account:
            return rejections.ORDER_NOT_OPEN.because(actual=str(command.order_id))
        # From here the command must succeed.
        return self._cancel(order, CancelReason.REQUESTED)

    def cancel_many(self, command: CancelOrders, phase: Phase) -> Rejection | list[Event]:
        """Take back all of an account's orders, or those of one listing or side, oldest first."""
        if phase not in CANCEL_PHASES:
            return rejections.PHASE_CLOSED.because(actual=phase)
        if command.listing is not None and command.listing not in self.markets:
            return rejections.LISTING_UNKNOWN.because(actual=command.listing)
        # From here the command must succeed.
        chosen = [
            order
            for order in self._orders_of(command.account)
            if command.listing in (None, order.listing) and command.side in (None, order.side)
        ]
        events = [event for order in chosen for event in self._cancel(order, CancelReason.REQUESTED)]
        events.append(OrdersCancelled(account=command.account, count=len(chosen)))
        return events

    # ---- what the close and the operator ask --------------------------------------------------------------------

    def expire(self, portion: int) -> list[Event]:
        """Let the oldest open orders expire, at most `portion` of them, and release their cover."""
        events: list[Event] = []
        for order in list(islice(self._orders.values(), portion)):
            self.markets[order.listing].book.remove(order)
            order.step(OrderStep.EXPIRE)
            self._forget(order)
            events.append(order_events.expired(order))
            events.extend(self._depository.release(order.account, _cover_asset(order), order.cover))
        return events

    def withdraw(
        self, account: AccountId, reason: CancelReason, *, actor: ParticipantId | None = None
    ) -> list[Event]:
        """Take back all orders of an account that may not trade any more, or those somebody placed for its owner."""
        chosen = [order for order in self._orders_of(account) if actor is None or order.actor == actor]
        return [event for order in chosen for event in self._cancel(order, reason)]

    def kill(self, scope: KillScope, subject: str) -> list[Event]:
        """Take back all orders of an account, of the market, or that a participant owns or acts for, oldest first."""
        chosen = [
            order
            for order in self._orders.values()
            if scope is KillScope.MARKET
            or (subject == order.account if scope is KillScope.ACCOUNT else subject in order.hands)
        ]
        return [event for order in chosen for event in self._cancel(order, CancelReason.KILL_SWITCH)]

    def newest_sale(self, account: AccountId, listing: AssetCode) -> Order | None:
        """The youngest open order by which an account sells of a listing."""
        sales = (
            order
            for order in self._orders_of(account)
            if order.side is Side.SELL and order.listing == listing
        )
        return max(sales, key=lambda order: order.order_id, default=None)

    def newest_purchase(self, account: AccountId) -> Order | None:
        """The youngest open order by which an account buys, whatever it is of."""
        purchases = (order for order in self._orders_of(account) if order.side is Side.BUY)
        return max(purchases, key=lambda order: order.order_id, default=None)

    def take_back(self, order: Order, reason: CancelReason) -> list[Event]:
        """Take back one open order, whoever asks for it."""
        return self._cancel(order, reason)

    def leave_band(self, market: ListedMarket) -> list[Event]:
        """Take back the orders a new band leaves outside: nothing may trade at their prices any more."""
        band = market.band
        outside = [
            order
            for order in self._orders.values()
            if order.listing == market.listing.code
            and not band.lower_fen <= order.price_fen <= band.upper_fen
        ]
        return [event for order in outside for event in self._cancel(order, CancelReason.OUTSIDE_BAND)]

    # ---- snapshots and soundness --------------------------------------------------------------------------------

    def adopt(self, market: ListedMarket) -> None:
        """Take in a market whose orders are resting already: a snapshot's."""
        self.markets[market.listing.code] = market

    def index(self) -> None:
        """Index every resting order by age, after all markets have been taken in."""
        resting = (order for market in self.markets.values() for order in market.book.orders())
        for order in sorted(resting, key=lambda order: order.order_id):
            self._remember(order)

    def check(self, beside: dict[tuple[AccountId, AssetCode], int]) -> None:
        """Books are sound; the held bucket is exactly the cover of what is open, withdrawals and `beside` included.

        What of it an account lacks until its sales settle is known, and no more than that is missing.
        """
        cover = dict(beside)
        for held in self._depository.treasury.held():
            cover[held.account, CASH] = cover.get((held.account, CASH), 0) + held.amount_fen
        resting = 0
        for market in self.markets.values():
            market.book.check()
            for order in market.book.orders():
                resting += 1
                assert self._orders.get(order.order_id) is order, f"order {order.order_id} rests unindexed"
                place = (order.account, _cover_asset(order))
                cover[place] = cover.get(place, 0) + order.cover
        assert resting == len(self._orders) == sum(map(len, self._by_account.values()))
        assert list(self._orders) == sorted(self._orders), "open orders are not in order of age"
        ledger = self._depository.ledger
        for lacking in self._depository.proceeds.dump():
            cover[lacking.account, CASH] -= lacking.amount_fen
        for account in ledger.accounts():
            for asset, balance in ledger.assets(account):
                needed = cover.pop((account, asset), 0)
                assert balance.held == needed, (
                    f"{account} holds {balance.held} of {asset}, what is open needs {needed}"
                )
        assert not any(cover.values()), f"open without cover: {cover}"

    # ---- steps --------------------------------------------------------------------------------------------------

    def _present(
        self, market: ListedMarket | None, command: SubmitOrder | ReplaceOrder, moment: Moment
    ) -> Present:
        return Present(
            command.account, command.participant, market, moment.phase, self.standing, self._depository
        )

    def _draft(self, command: SubmitOrder, order_id: OrderId, fee: FeeTerms) -> Order:
        owner = self._depository.accounts[command.account].owner
        return Order(
            order_id=order_id,
            account=command.account,
            owner=owner,
            actor=_actor(owner, command.participant),
            client_order_id=command.client_id,
            listing=command.listing,
            side=command.side,
            price_fen=command.price_fen,
            quantity_tonnes=command.quantity_tonnes,
            remaining_tonnes=command.quantity_tonnes,
            time_in_force=command.time_in_force,
            fee=fee,
            use=command.use,
        )

    def _shrink(self, market: ListedMarket, order: Order, terms: Terms) -> list[Event]:
        """Lower an order's quantity where it stands, and give back the cover it no longer needs."""
        before_remaining_tonnes = order.remaining_tonnes
        order.quantity_tonnes, order.fee = terms.quantity_tonnes, terms.fee
        market.book.reduce(order, terms.wanted_tonnes)
        told = order_events.replaced(
            order,
            before_price_fen=order.price_fen,
            before_remaining_tonnes=before_remaining_tonnes,
            kept_priority=True,
        )
        return [told, *self._adjust_cover(order, terms.needed)]

    def _come_anew(self, market: ListedMarket, order: Order, terms: Terms) -> list[Event]:
        """Take an order out of the book and give it its new terms and the cover they need."""
        market.book.remove(order)
        before_price_fen, before_remaining_tonnes = order.price_fen, order.remaining_tonnes
        order.price_fen, order.quantity_tonnes = terms.price_fen, terms.quantity_tonnes
        order.remaining_tonnes, order.fee = terms.wanted_tonnes, terms.fee
        events: list[Event] = [
            order_events.replaced(
                order,
                before_price_fen=before_price_fen,
                before_remaining_tonnes=before_remaining_tonnes,
                kept_priority=False,
            )
        ]
        events.extend(self._adjust_cover(order, terms.needed))
        return events

    def _adjust_cover(self, order: Order, needed: int) -> Iterator[Event]:
        """Hold what the order needs in addition, or give back what it no longer needs."""
        if needed > 0:
            yield from self._depository.hold(order.account, _cover_asset(order), needed)
        elif needed < 0:
            yield from self._depository.release(order.account, _cover_asset(order), -needed)

    def _match(
        self, market: ListedMarket, order: Order, matches: list[Match], moment: Moment
    ) -> Iterator[Event]:
        yield from self.execution.meet(market, order, matches, moment)
        for match in matches:
            if not match.resting.remaining_tonnes:
                self._forget(match.resting)

    def _settle_remainder(self, market: ListedMarket, order: Order) -> Iterator[Event]:
        if not order.remaining_tonnes:
            return
        if order.time_in_force is TimeInForce.DAY:
            market.book.add(order)
            self._remember(order)
            yield order_events.rested(order)
            return
        order.step(OrderStep.CANCEL)
        yield order_events.cancelled(order, CancelReason.IOC_REMAINDER, was_resting=False)
        yield from self._depository.release(order.account, _cover_asset(order), order.cover)

    def _cancel(self, order: Order, reason: CancelReason) -> list[Event]:
        self.markets[order.listing].book.remove(order)
        order.step(OrderStep.CANCEL)
        self._forget(order)
        return [
            order_events.cancelled(order, reason, was_resting=True),
            *self._depository.release(order.account, _cover_asset(order), order.cover),
        ]

    def _orders_of(self, account: AccountId) -> Iterator[Order]:
        return map(self._orders.__getitem__, self._by_account.get(account, ()))

    def open_buys(
        self, market: ListedMarket | None, account: AccountId, other_than: Order | None = None
    ) -> int:
        """Tonnes the account's owner would still buy of a listing that has a position limit, by order or negotiation."""
        if market is None or not market.rules.position_limits:
            return 0
        accounts, listing = self._depository.accounts_beside(account), market.listing.code
        ordered = sum(
            order.remaining_tonnes
            for beside in accounts
            for order in self._orders_of(beside)
            if order.side is Side.BUY and order.listing == listing and order is not other_than
        )
        return ordered + sum(self.negotiated_buys.get((beside, listing), 0) for beside in accounts)

    def _remember(self, order: Order) -> None:
        self._orders[order.order_id] = order
        self._by_account.setdefault(order.account, {})[order.order_id] = None

    def _forget(self, order: Order) -> None:
        del self._orders[order.order_id]
        del self._by_account[order.account][order.order_id]


def _actor(owner: ParticipantId, participant: ParticipantId) -> ParticipantId | None:
    """Who acts for the owner; none when it is the owner itself."""
    return None if participant == owner else participant


def _cover_asset(order: Order) -> AssetCode:
    return CASH if order.side is Side.BUY else order.listing
