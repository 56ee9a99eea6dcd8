"""Every negotiated transfer that is under way or ended today, what is held for it, and how it ends.

Deciding is `negotiation`'s; here is what each decision changes. A transfer that is under way has its cover held and
its named serials set aside, and counts towards its buyer's position limit; when it ends all of that is given back, or
goes into the delivery of the trade it has become.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from matching import negotiated_told as told
from matching.agreements import Agreements
from matching.events import Event
from matching.execution import Moment
from matching.negotiated import ExpiryCause, NegotiatedState, NegotiatedStep, NegotiatedTransfer
from matching.negotiated_events import AnyNegotiatedEvent
from matching.negotiated_state import NegotiationState, record_of, transfer_of
from matching.order import Side
from matching.rulebook import SaleProceeds
from matching.terms import NegotiatedId, NegotiatedTerms
from matching.trading import ListedTrading
from settlement import serials
from settlement.delivery import Delivery
from settlement.depository import Depository
from settlement.events import LotSlice
from settlement.mandate_rejections import NOT_MANDATED
from settlement.named_lots import slices_of
from settlement.rejections import Rejection
from settlement.serials import Serials
from settlement.values import AccountId, AssetCode, LotId, ParticipantId, TradeId, TradeMethod


class NegotiatedTransfers:
    """One object for each transfer, seen alike by both sides."""

    __slots__ = (
        "_covered",
        "_depository",
        "_expiries",
        "_trading",
        "agreements",
        "ended",
        "under_way",
    )

    def __init__(self, trading: ListedTrading, depository: Depository) -> None:
        """None under way."""
        self._trading = trading
        self._depository = depository
        self.agreements = Agreements()
        self.under_way: dict[NegotiatedId, NegotiatedTransfer] = {}
        """Those of which something may still come, oldest first."""
        self.ended: dict[NegotiatedId, NegotiatedTransfer] = {}
        """Those that ended since the date rolled."""
        self._covered: dict[AccountId, int] = {}
        self._expiries: list[tuple[int, NegotiatedId]] = []
        """A heap; what has ended, been confirmed or countered meanwhile is left in it until it comes up."""

    @property
    def next_expiry_ns(self) -> int | None:
        """When the first of them expires by its own time."""
        while self._expiries:
            expires_at_ns, transfer_id = self._expiries[0]
            if self._expires_then(transfer_id, expires_at_ns):
                return expires_at_ns
            heappop(self._expiries)
        return None

    def find(self, transfer_id: NegotiatedId) -> NegotiatedTransfer | None:
        """The transfer of that id, as long as it is remembered."""
        return self.under_way.get(transfer_id) or self.ended.get(transfer_id)

    def covered_by(self, account: AccountId) -> int:
        """For how many transfers the account has cover held."""
        return self._covered.get(account, 0)

    # ---- what the clock and the exchange ask --------------------------------------------------------------------

    def expire_due(self, at_ns: int) -> list[Event]:
        """Let those expire whose own time has come, in the order of these times."""
        due: dict[NegotiatedId, NegotiatedTransfer] = {}
        while self._expiries and self._expiries[0][0] <= at_ns:
            expires_at_ns, transfer_id = heappop(self._expiries)
            if self._expires_then(transfer_id, expires_at_ns):
                due[transfer_id] = self.under_way[transfer_id]
        return self._expire(list(due.values()), ExpiryCause.OWN_TIME)

    def end_session(self, *, day_closes: bool) -> list[Event]:
        """Let all expire that nobody has confirmed and, when the day closes, those under review too."""
        over = [one for one in self.under_way.values() if day_closes or one.state is NegotiatedState.FILED]
        return self._expire(over, ExpiryCause.SESSION_END)

    def restrict(self, account: AccountId, why: Rejection) -> list[Event]:
        """End all transfers of an account that may not trade any more."""
        its = [one for one in self.under_way.values() if one.concerns(account)]
        return [event for one in its for event in self.reject(one, why)]

    def disown(self, participant: ParticipantId, account: AccountId) -> list[Event]:
        """End what somebody proposed for the account who may not act for it any more, and nobody has answered."""
        its = [
            one
            for one in self.under_way.values()
            if one.state is NegotiatedState.FILED
            and one.proposed_by == participant
            and one.terms.account_of(one.proposer) == account
        ]
        return [event for one in its for event in self.reject(one, NOT_MANDATED.because())]

    def naming_frozen(self, place: tuple[AccountId, AssetCode]) -> list[NegotiatedTransfer]:
        """Transfers under way for which the account has set serials aside that a freeze names, oldest first."""
        return [
            one
            for one in self.under_way.values()
            for cover in one.covers()
            if (cover.account, cover.asset) == place
            and self._depository.holdings.are_frozen(cover.account, cover.lots)
        ]

    def newest_sale(self, place: tuple[AccountId, AssetCode]) -> NegotiatedTransfer | None:
        """The youngest transfer under way that holds units of the account without naming which."""
        for one in reversed(self.under_way.values()):
            for cover in one.covers():
                if (cover.account, cover.asset) == place and not cover.lots:
                    return one
        return None

    def newest_purchase(self, account: AccountId) -> NegotiatedTransfer | None:
        """The youngest transfer under way that holds the account's money."""
        return next(
            (
                one
                for one in reversed(self.under_way.values())
                if Side.BUY in one.covered and one.terms.buyer == account
            ),
            None,
        )

    def bust(self, trade_id: TradeId) -> None:
        """A negotiated trade of today was undone: its agreement may be filed again."""
        for one in self.ended.values():
            if one.trade_id == trade_id:
                self.agreements.forget(one)

    def begin_day(self) -> None:
        """The date has rolled: what ended before is history."""
        assert not self.under_way, f"transfers under way overnight: {list(self.under_way)}"
        self.ended.clear()

    # ---- steps --------------------------------------------------------------------------------------------------

    def enter(self, transfer: NegotiatedTransfer) -> list[Event]:
        """A new proposal, with the proposer's cover."""
        self.under_way[transfer.transfer_id] = transfer
        self.agreements.note(transfer)
        return self.hold(transfer, transfer.proposer)

    def execute(self, transfer: NegotiatedTransfer, moment: Moment) -> Iterator[Event]:
        """Both covers are held: make them a delivery."""
        terms, market = transfer.terms, self._trading.markets[transfer.terms.listing]
        assert terms.seller is not None, f"{terms.transfer_id} lacks a seller"
        assert terms.buyer is not None, f"{terms.transfer_id} lacks a buyer"
        assert moment.trading_day is not None, "a negotiated phase without a trading day"
        delivery = Delivery(
            trade_id=self._trading.execution.next_trade_id(),
            trading_day=moment.trading_day,
            instrument=terms.listing,
            seller=terms.seller,
            buyer=terms.buyer,
            quantity_tonnes=terms.quantity_tonnes,
            amount_fen=transfer.amount_fen,
            resale_next_day=market.rules.resale_next_day,
            proceeds_at_once=market.rules.sale_proceeds is SaleProceeds.WHEN_TRADED,
            buyer_fee_fen=transfer.buyer_fee.of(transfer.amount_fen),
            seller_fee_fen=transfer.seller_fee.of(transfer.amount_fen),
            method=TradeMethod.NEGOTIATED,
            lots=slices_of(terms.lots),
        )
        self._uncount(transfer)
        transfer.covered = ()
        transfer.trade_id = delivery.trade_id
        transfer.step(NegotiatedStep.EXECUTE)
        self.ended[transfer.transfer_id] = self.under_way.pop(transfer.transfer_id)
        yield told.executed(transfer, delivery)
        yield from self._trading.execution.transfer(market, terms.price_fen, delivery, moment)

    def _expire(self, those: list[NegotiatedTransfer], cause: ExpiryCause) -> list[Event]:
        return [
            event for one in those for event in self.end(one, NegotiatedStep.EXPIRE, told.expired(one, cause))
        ]

    def reject(self, transfer: NegotiatedTransfer, why: Rejection) -> list[Event]:
        """The exchange ends it."""
        return self.end(transfer, NegotiatedStep.REJECT, told.rejected(transfer, why))

    def end(
        self, transfer: NegotiatedTransfer, step: NegotiatedStep, event: AnyNegotiatedEvent
    ) -> list[Event]:
        """Nothing comes of it: what was held is released, its number is free."""
        released = self.release(transfer)
        transfer.step(step)
        self.ended[transfer.transfer_id] = self.under_way.pop(transfer.transfer_id)
        self.agreements.forget(transfer)
        return [event, *released]

    # ---- cover --------------------------------------------------------------------------------------------------

    def hold(self, transfer: NegotiatedTransfer, side: Side) -> list[Event]:
        """Set aside what that side brings."""
        cover = transfer.cover(side)
        transfer.covered = (*transfer.covered, side)
        self._count(transfer, side)
        self._depository.holdings.set_aside(cover.account, cover.lots)
        return [*self._depository.hold(cover.account, cover.asset, cover.amount)]

    def release(self, transfer: NegotiatedTransfer) -> list[Event]:
        """Give back whatever is set aside for it."""
        covers = transfer.covers()
        self._uncount(transfer)
        transfer.covered = ()
        for cover in covers:
            self._depository.holdings.put_back(cover.account, cover.lots)
        return [
            posted
            for cover in covers
            for posted in self._depository.release(cover.account, cover.asset, cover.amount)
        ]

    def _count(self, transfer: NegotiatedTransfer, side: Side) -> None:
        """Count what that side has cover held for: towards its bound, its position limit, and when it expires."""
        terms = transfer.terms
        account = _account_of(terms, side)
        self._covered[account] = self._covered.get(account, 0) + 1
        if side is Side.BUY:
            buys, place = self._trading.negotiated_buys, (account, terms.listing)
            buys[place] = buys.get(place, 0) + terms.quantity_tonnes
        if transfer.state is NegotiatedState.FILED and terms.expires_at_ns is not None:
            heappush(self._expiries, (terms.expires_at_ns, terms.transfer_id))

    def _uncount(self, transfer: NegotiatedTransfer) -> None:
        """Count it no longer, for either side."""
        for side in transfer.covered:
            account = _account_of(transfer.terms, side)
            self._covered[account] -= 1
            if not self._covered[account]:
                del self._covered[account]
            if side is Side.BUY:
                buys, place = self._trading.negotiated_buys, (account, transfer.terms.listing)
                buys[place] -= transfer.terms.quantity_tonnes
                if not buys[place]:
                    del buys[place]

    def _expires_then(self, transfer_id: NegotiatedId, at_ns: int) -> bool:
        """Whether it still waits for an answer, and until that instant."""
        one = self.under_way.get(transfer_id)
        waits = one is not None and one.state is NegotiatedState.FILED
        return waits and one is not None and one.terms.expires_at_ns == at_ns

    # ---- soundness and snapshots --------------------------------------------------------------------------------

    def cover(self) -> dict[tuple[AccountId, AssetCode], int]:
        """What the held bucket keeps for transfers under way, by account and asset."""
        held: dict[tuple[AccountId, AssetCode], int] = {}
        for one in self.under_way.values():
            for part in one.covers():
                place = (part.account, part.asset)
                held[place] = held.get(place, 0) + part.amount
        return held

    def named(self) -> Iterator[tuple[AccountId, LotSlice]]:
        """Serials that lie set aside for transfers under way, with whose they are."""
        for one in self.under_way.values():
            for part in one.covers():
                for named in part.lots:
                    yield part.account, named

    def check(self) -> None:
        """Each is covered as its state says, and buyers are counted; exactly what is named lies set aside."""
        buys: dict[tuple[AccountId, AssetCode], int] = {}
        covered: dict[AccountId, int] = {}
        for one in (*self.under_way.values(), *self.ended.values()):
            one.check()
            for cover in one.covers():
                covered[cover.account] = covered.get(cover.account, 0) + 1
            if one.state is NegotiatedState.FILED and one.terms.expires_at_ns is not None:
                assert (one.terms.expires_at_ns, one.transfer_id) in self._expiries, "never expires"
            if Side.BUY in one.covered and one.terms.buyer is not None:
                place = (one.terms.buyer, one.terms.listing)
                buys[place] = buys.get(place, 0) + one.terms.quantity_tonnes
        assert all(one.is_open for one in self.under_way.values()), "under way, and ended"
        assert not any(one.is_open for one in self.ended.values()), "ended, and under way"
        assert buys == self._trading.negotiated_buys, f"{self._trading.negotiated_buys} counted, {buys} are"
        assert covered == self._covered, f"{self._covered} counted, {covered} are covered"
        self._check_aside((*self.named(), *self._depository.movements.obligations.named()))

    def _check_aside(self, named: Iterable[tuple[AccountId, LotSlice]]) -> None:
        aside: dict[tuple[AccountId, LotId], Serials] = {}
        for account, part in named:
            place = (account, part.lot_id)
            aside[place] = serials.union(aside.get(place, serials.NONE), part.serials)
        assert aside == self._depository.holdings.aside(), f"{aside} is named"

    def dump(self) -> NegotiationState:
        """All of it, for a snapshot."""
        return NegotiationState(
            under_way=tuple(record_of(one) for one in self.under_way.values()),
            ended=tuple(record_of(one) for one in self.ended.values()),
            agreements=self.agreements.dump(),
        )

    def load(self, state: NegotiationState) -> None:
        """Take over what a snapshot tells; the holdings it names serials of have been taken over."""
        self.agreements.load(state.agreements)
        self.ended.update((one.terms.transfer_id, transfer_of(one)) for one in state.ended)
        for record in state.under_way:
            transfer = self.under_way[record.terms.transfer_id] = transfer_of(record)
            for side in transfer.covered:
                self._count(transfer, side)
        for account, part in self.named():
            self._depository.holdings.set_aside(account, (part,))


def _account_of(terms: NegotiatedTerms, side: Side) -> AccountId:
    account = terms.account_of(side)
    assert account is not None, f"nobody is to {side} in {terms.transfer_id}"
    return account
