"""What an authority's word means for open orders, at the end of the command that brought it.

A frozen account's orders and negotiated transfers end. Where freezes name more of an account's units than are free, its
sell orders are taken back, the newest first, and then its negotiated sales, until what is named can be frozen; each
owner is told. What is committed to trades is
left alone here: it is frozen when it comes back, and a delivery that cannot be filled fails by itself.
"""

from collections.abc import Iterator

from matching.day_cycle import DayCycle
from matching.events import Event
from matching.negotiated_transfers import NegotiatedTransfers
from matching.order import CancelReason, Side
from matching.proceeds_follow_up import ProceedsFollowUp
from matching.trading import ListedTrading
from settlement.custody_rejections import ACCOUNT_FROZEN, SERIALS_FROZEN
from settlement.depository import Depository
from settlement.values import CASH, AccountId, AssetCode


class FollowUp:
    """Brings orders and frozen balances into order."""

    __slots__ = ("_custody", "_cycle", "_depository", "_negotiated", "_proceeds", "_trading")

    def __init__(
        self, depository: Depository, trading: ListedTrading, negotiated: NegotiatedTransfers, cycle: DayCycle
    ) -> None:
        """Asked at the end of each command that left something to be done."""
        self._depository = depository
        self._custody = depository.custody
        self._proceeds = ProceedsFollowUp(depository, trading, negotiated, cycle)
        self._negotiated = negotiated
        self._trading = trading
        self._cycle = cycle

    def run(self) -> Iterator[Event]:
        """Everything that follows from the command at hand, for money and then for what is frozen.

        What either gives back the other has to look at.
        """
        while True:
            yield from self._proceeds.run()
            if not self._custody.is_stirred:
                return
            yield from self._obey()
            if not self._depository.proceeds.is_stirred:
                return

    def _obey(self) -> Iterator[Event]:
        """What authorities have said."""
        day = self._cycle.trading_day
        freezing, notices = self._custody.freezing, self._custody.notices
        stopped = freezing.take_stopped()
        if day is None:
            return  # nobody has units or orders yet
        if notices.is_due:
            yield from notices.credit()
        for account in stopped:
            yield from self._trading.withdraw(account, CancelReason.FROZEN)
            yield from self._negotiated.restrict(account, ACCOUNT_FROZEN.because())
        seq, not_after_ns = self._cycle.stamp.seq, self._cycle.not_after_ns()
        for place in freezing.places():
            yield from self._uncover(place)
            yield from self._custody.follow(place, seq, day, not_after_ns)

    def check(self) -> None:
        """Nothing is open in a frozen account, on serials that are frozen, or where more is frozen than is free."""
        restrictions, freezing = self._custody.restrictions, self._custody.freezing
        for order in self._trading.open_orders.values():
            assert not restrictions.stops(order.account), f"order {order.order_id} is frozen"
            if order.side is Side.SELL:
                short = freezing.is_short(order.account, order.listing)
                assert not short, f"order {order.order_id} covers itself with frozen units"
        for transfer in self._negotiated.under_way.values():
            for cover in transfer.covers():
                assert not restrictions.stops(cover.account), f"transfer {transfer.transfer_id} is frozen"
                if cover.asset != CASH and not cover.lots:
                    short = freezing.is_short(cover.account, cover.asset)
                    assert not short, f"transfer {transfer.transfer_id} covers itself with frozen units"
                for part in cover.lots:
                    frozen = restrictions.frozen(cover.account, part.lot_id, part.serials)
                    assert not frozen, f"transfer {transfer.transfer_id} names frozen serials"

    def _uncover(self, place: tuple[AccountId, AssetCode]) -> Iterator[Event]:
        """Take back what names frozen serials there, and then, newest first, what holds cover that is needed.

        Sell orders go before negotiated transfers, which two have agreed on or are about to.
        """
        why = SERIALS_FROZEN.because()
        for transfer in self._negotiated.naming_frozen(place):
            yield from self._negotiated.reject(transfer, why)
        while self._custody.freezing.missing(place):
            newest = self._trading.newest_sale(*place)
            if newest is not None:
                yield from self._trading.take_back(newest, CancelReason.FROZEN)
                continue
            filed = self._negotiated.newest_sale(place)
            if filed is None:
                return
            yield from self._negotiated.reject(filed, why)
