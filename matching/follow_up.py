"""What an authority's word means for open orders, at the end of the command that brought it.

A frozen account's orders are taken back. Where freezes name more of an account's units than are free, its sell orders
are taken back, the newest first, until what is named can be frozen; each owner is told. What is committed to trades is
left alone here: it is frozen when it comes back, and a delivery that cannot be filled fails by itself.
"""

from collections.abc import Iterator

from matching.day_cycle import DayCycle
from matching.events import Event
from matching.order import CancelReason, Side
from matching.trading import ListedTrading
from settlement.custody import Custody
from settlement.values import AccountId, AssetCode


class FollowUp:
    """Brings orders and frozen balances into order."""

    __slots__ = ("_custody", "_cycle", "_trading")

    def __init__(self, custody: Custody, trading: ListedTrading, cycle: DayCycle) -> None:
        """Asked at the end of each command that left something to be done."""
        self._custody = custody
        self._trading = trading
        self._cycle = cycle

    def run(self) -> Iterator[Event]:
        """Everything that follows from the command at hand."""
        day = self._cycle.trading_day
        freezing, notices = self._custody.freezing, self._custody.notices
        stopped = freezing.take_stopped()
        if day is None:
            return  # nobody has units or orders yet
        if notices.is_due:
            yield from notices.credit()
        for account in stopped:
            yield from self._trading.withdraw(account, CancelReason.FROZEN)
        seq, not_after_ns = self._cycle.stamp.seq, self._cycle.not_after_ns()
        for place in freezing.places():
            yield from self._uncover(place)
            yield from self._custody.follow(place, seq, day, not_after_ns)

    def check(self) -> None:
        """No order is open in a frozen account, nor on units of which more is frozen than is free."""
        for order in self._trading.open_orders.values():
            assert not self._custody.restrictions.stops(order.account), f"order {order.order_id} is frozen"
            if order.side is Side.SELL:
                short = self._custody.freezing.is_short(order.account, order.listing)
                assert not short, f"order {order.order_id} covers itself with frozen units"

    def _uncover(self, place: tuple[AccountId, AssetCode]) -> Iterator[Event]:
        """Take back the newest sell orders there until what is named can be frozen, or there are no more."""
        while self._custody.freezing.missing(place):
            newest = self._trading.newest_sale(*place)
            if newest is None:
                return
            yield from self._trading.take_back(newest, CancelReason.FROZEN)
