"""What trades have left to be delivered: both legs committed, until they settle together or are given back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from settlement.delivery import Delivery, DeliveryState, DeliveryStep
from settlement.events import Bucket, DeliveryFailed, DeliveryParked, DeliverySettled, LotSlice, Posted
from settlement.holdings import Holdings
from settlement.ledger import Ledger
from settlement.proceeds import Proceeds
from settlement.values import CASH, FEES, AccountId, AssetCode, InstructionId, TradeId, TradingDay

_UNASKED: Final = (DeliveryState.PENDING, DeliveryState.WAITING)
_UNDECIDED: Final = (*_UNASKED, DeliveryState.INSTRUCTED, DeliveryState.PARKED)

PROCEEDS_LOST: Final = "proceeds_lost"
"""Why a purchase fails that lacks what sales of its buyer were to bring in."""

PROCEEDS_PARKED: Final = "proceeds_parked"
"""Why it is parked where those sales are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayTally:
    """What was settled and charged since a close last told of it; also as written to a snapshot.

    What ends between that and the roll of the date is the next day's to tell: no figure is in no day's.
    """

    trading_day: TradingDay | None = None
    settled: int = 0
    failed: int = 0
    amount_fen: int = 0
    charged: int = 0
    """Settled since fees were last told of."""
    buyer_fees_fen: int = 0
    seller_fees_fen: int = 0
    fees_before_fen: int = 0
    """The exchange's fees when they were last told of."""


class Obligations:
    """Pending deliveries, and what follows from settling, failing or undoing one."""

    __slots__ = ("_holdings", "_ledger", "incoming", "locked", "pending", "proceeds", "tally")

    def __init__(self, ledger: Ledger, holdings: Holdings) -> None:
        """None yet. Ledger and holdings are the depository's own."""
        self._ledger = ledger
        self._holdings = holdings
        self.proceeds = Proceeds(ledger)
        self.pending: dict[TradeId, Delivery] = {}
        """Not yet settled or failed, oldest first."""
        self.locked: dict[tuple[AccountId, AssetCode], int] = {}
        """Tonnes received of a purchase of the same day: owned, not for sale until the date rolls (T+1)."""
        self.incoming: dict[tuple[AccountId, AssetCode], int] = {}
        """Tonnes bought and not yet received."""
        self.tally = DayTally()

    @property
    def trading_day(self) -> TradingDay | None:
        """The day at hand; none before the first."""
        return self.tally.trading_day

    def begin_day(self, day: TradingDay) -> None:
        """The date has rolled: what was bought before may be sold."""
        self.tally = replace(self.tally, trading_day=day)
        self.locked.clear()

    def take_on(self, delivery: Delivery) -> None:
        """A trade has left this obligation behind, both legs committed."""
        self.pending[delivery.trade_id] = delivery
        self.proceeds.expect(delivery)
        place = (delivery.buyer, delivery.instrument)
        self.incoming[place] = self.incoming.get(place, 0) + delivery.quantity_tonnes

    def is_uninstructed(self, trade_id: TradeId) -> bool:
        """Whether there is such an obligation, and the registry has not been asked about it."""
        delivery = self.pending.get(trade_id)
        return delivery is not None and delivery.state in _UNASKED

    def retry(self, delivery: Delivery) -> None:
        """It was parked, and is to be instructed as if it never had been."""
        delivery.step(DeliveryStep.RETRY)
        self.proceeds.resume(delivery)

    def bust(self, trade_id: TradeId) -> tuple[Delivery, tuple[Posted, ...]]:
        """Undo an obligation that is not instructed: both sides get back what was theirs."""
        delivery = self.pending[trade_id]
        self._done(delivery, DeliveryStep.BUST)
        self._holdings.put_back(delivery.seller, delivery.lots)
        return delivery, tuple(self._return_cover(delivery))

    def uninstructed(self) -> Iterator[Delivery]:
        """Deliveries that nobody has wanted to ask the registry about yet, oldest first."""
        return (delivery for delivery in self.pending.values() if delivery.state is DeliveryState.PENDING)

    def parked(self) -> list[Delivery]:
        """Deliveries that wait for operators to retry or unwind them, oldest first."""
        return [delivery for delivery in self.pending.values() if delivery.state is DeliveryState.PARKED]

    def lacks_proceeds(self, trade_id: TradeId) -> bool:
        """Whether there is such an obligation, and its buyer is still to receive what it lacks."""
        delivery = self.pending.get(trade_id)
        return delivery is not None and delivery.lacking_fen > 0

    def is_parked(self, trade_id: TradeId) -> bool:
        """Whether there is such an obligation, and it is parked."""
        delivery = self.pending.get(trade_id)
        return delivery is not None and delivery.state is DeliveryState.PARKED

    def park(
        self, delivery: Delivery, slices: tuple[LotSlice, ...], instruction_id: InstructionId, code: str
    ) -> DeliveryParked:
        """Nothing is known against it, but the registry would not be asked: both legs stay committed."""
        self._holdings.give(delivery.seller, slices)
        self._holdings.set_aside(delivery.seller, delivery.lots)
        return self._park(delivery, instruction_id, code)

    def serve(
        self, account: AccountId
    ) -> Iterator[Posted | DeliverySettled | DeliveryFailed | DeliveryParked]:
        """Give an account's money to what lacks it; what it can no longer pay fails, or is parked with its sales."""
        yield from self.proceeds.serve(account)
        for purchase, may_come in self.proceeds.no_longer_covered(account):
            if may_come:
                yield self._park(purchase, InstructionId(""), PROCEEDS_PARKED)
                continue
            parked = purchase.state is DeliveryState.PARKED
            step = DeliveryStep.UNWIND if parked else DeliveryStep.FAIL
            yield from self.fail(purchase, (), PROCEEDS_LOST, step)
            yield from self.proceeds.serve(account)

    def _park(self, delivery: Delivery, instruction_id: InstructionId, code: str) -> DeliveryParked:
        self.proceeds.set_aside(delivery)
        delivery.step(DeliveryStep.PARK)
        return DeliveryParked(
            trade_id=delivery.trade_id,
            seller=delivery.seller,
            buyer=delivery.buyer,
            instrument=delivery.instrument,
            quantity_tonnes=delivery.quantity_tonnes,
            instruction_id=instruction_id,
            code=code,
        )

    def unresolved(self) -> int:
        """How many answers are still to come: of deliveries that are not parked, and of what they were bought for."""
        due = [one for one in self.pending.values() if one.state is not DeliveryState.PARKED]
        return len(due) + sum(1 for one in due if one.use is not None)

    def clamp(self, account: AccountId, instrument: AssetCode) -> None:
        """Units have left by an authority's word: no more can be kept from sale than there is."""
        locked = self.locked.get((account, instrument))
        if locked is None:
            return
        balance = self._ledger.balance(account, instrument)
        self.locked[account, instrument] = min(locked, balance.available + balance.frozen)
        if not self.locked[account, instrument]:
            del self.locked[account, instrument]

    def settle(
        self, delivery: Delivery, slices: tuple[LotSlice, ...]
    ) -> Iterator[Posted | DeliverySettled | DeliveryFailed]:
        """Both legs change hands against each other. Bought for a use, the units stay committed to it."""
        self._done(delivery, DeliveryStep.SETTLE)
        self.proceeds.look_at(delivery.seller)
        if delivery.use is None:
            self._holdings.give(delivery.buyer, slices)
            self._lock(delivery)
        yield self._ledger.post(
            delivery.instrument,
            delivery.quantity_tonnes,
            source=(delivery.seller, Bucket.DELIVERING),
            target=(delivery.buyer, Bucket.AVAILABLE if delivery.use is None else Bucket.DELIVERING),
        )
        yield from self._pay(delivery)
        self.tally = replace(
            self.tally,
            settled=self.tally.settled + 1,
            amount_fen=self.tally.amount_fen + delivery.amount_fen,
            charged=self.tally.charged + 1,
            buyer_fees_fen=self.tally.buyer_fees_fen + delivery.buyer_fee_fen,
            seller_fees_fen=self.tally.seller_fees_fen + delivery.seller_fee_fen,
        )
        yield DeliverySettled(
            trade_id=delivery.trade_id,
            trading_day=delivery.trading_day,
            instrument=delivery.instrument,
            seller=delivery.seller,
            buyer=delivery.buyer,
            quantity_tonnes=delivery.quantity_tonnes,
            amount_fen=delivery.amount_fen,
            lots=slices,
            buyer_fee_fen=delivery.buyer_fee_fen,
            seller_fee_fen=delivery.seller_fee_fen,
            use=delivery.use,
            method=delivery.method,
        )

    def tell_settled(self) -> DayTally:
        """What was settled since this was last asked; what settles from now on is told the next time."""
        told = self.tally
        self.tally = replace(told, settled=0, failed=0, amount_fen=0)
        return told

    def tell_fees(self) -> DayTally:
        """What was charged since this was last asked, held against the exchange's account of fees."""
        self._audit()
        told = self.tally
        before_fen = self._fees_fen()
        self.tally = replace(told, charged=0, buyer_fees_fen=0, seller_fees_fen=0, fees_before_fen=before_fen)
        return told

    def _audit(self) -> None:
        tally = self.tally
        charged_fen = tally.fees_before_fen + tally.buyer_fees_fen + tally.seller_fees_fen
        assert charged_fen == self._fees_fen(), f"{self._fees_fen()} fen of fees, {charged_fen} were charged"

    def _fees_fen(self) -> int:
        return self._ledger.available(FEES, CASH)

    def _lock(self, delivery: Delivery) -> None:
        if delivery.resale_next_day and delivery.trading_day == self.trading_day:
            place = (delivery.buyer, delivery.instrument)
            self.locked[place] = self.locked.get(place, 0) + delivery.quantity_tonnes

    def _pay(self, delivery: Delivery) -> Iterator[Posted]:
        """The amount to the seller, and each side's fee to the exchange."""
        seller = (delivery.seller, Bucket.AVAILABLE)
        buyer = (delivery.buyer, Bucket.DELIVERING)
        yield self._ledger.post(CASH, delivery.amount_fen, source=buyer, target=seller)
        for fee_fen, payer in ((delivery.buyer_fee_fen, buyer), (delivery.seller_fee_fen, seller)):
            if fee_fen:
                yield self._ledger.post(CASH, fee_fen, source=payer, target=(FEES, Bucket.AVAILABLE))

    def _done(self, delivery: Delivery, step: DeliveryStep) -> None:
        """It is no obligation any more. What the buyer lacks is still to be read from it."""
        del self.pending[delivery.trade_id]
        self.proceeds.done(delivery)
        delivery.step(step)
        place = (delivery.buyer, delivery.instrument)
        self.incoming[place] -= delivery.quantity_tonnes
        if not self.incoming[place]:
            del self.incoming[place]

    def _return_cover(self, delivery: Delivery) -> Iterator[Posted]:
        there_fen = delivery.committed_fen - delivery.lacking_fen
        self.proceeds.let_go(delivery)
        self.proceeds.look_at(delivery.buyer)
        for asset, amount, owner in (
            (delivery.instrument, delivery.quantity_tonnes, delivery.seller),
            (CASH, there_fen, delivery.buyer),
        ):
            yield from self._ledger.move(owner, asset, amount, (Bucket.DELIVERING, Bucket.AVAILABLE))

    def fail(
        self,
        delivery: Delivery,
        slices: tuple[LotSlice, ...],
        code: str,
        step: DeliveryStep = DeliveryStep.FAIL,
    ) -> Iterator[Posted | DeliverySettled | DeliveryFailed]:
        """Both sides get back what was theirs; `slices` are the serials on their way, none before it is instructed."""
        if delivery.state is not DeliveryState.INSTRUCTED:
            self._holdings.put_back(delivery.seller, delivery.lots)
        self._done(delivery, step)
        self._holdings.give(delivery.seller, slices)
        yield from self._return_cover(delivery)
        self.tally = replace(self.tally, failed=self.tally.failed + 1)
        yield DeliveryFailed(
            trade_id=delivery.trade_id,
            trading_day=delivery.trading_day,
            instrument=delivery.instrument,
            seller=delivery.seller,
            buyer=delivery.buyer,
            quantity_tonnes=delivery.quantity_tonnes,
            amount_fen=delivery.amount_fen,
            code=code,
            method=delivery.method,
        )

    def committed(self) -> dict[tuple[AccountId, AssetCode], int]:
        """What pending deliveries keep in the delivering bucket, by account and asset."""
        committed: dict[tuple[AccountId, AssetCode], int] = {}
        for delivery in self.pending.values():
            for place, amount in (
                ((delivery.seller, delivery.instrument), delivery.quantity_tonnes),
                ((delivery.buyer, CASH), delivery.committed_fen - delivery.lacking_fen),
            ):
                if amount:
                    committed[place] = committed.get(place, 0) + amount
        return committed

    def named(self) -> Iterator[tuple[AccountId, LotSlice]]:
        """Serials that lie set aside for deliveries the registry has not been asked about, with whose they are."""
        return (
            (delivery.seller, part)
            for delivery in self.pending.values()
            if delivery.state is not DeliveryState.INSTRUCTED
            for part in delivery.lots
        )

    def check(self) -> None:
        """Only what is undecided is pending; what is counted is so; nothing bought today has been sold."""
        self._audit()
        self.proceeds.check(list(self.pending.values()))
        incoming: dict[tuple[AccountId, AssetCode], int] = {}
        for delivery in self.pending.values():
            assert delivery.state in _UNDECIDED, delivery
            place = (delivery.buyer, delivery.instrument)
            incoming[place] = incoming.get(place, 0) + delivery.quantity_tonnes
        assert incoming == self.incoming, f"{self.incoming} counted as incoming, {incoming} is"
        for (account, asset), tonnes in self.locked.items():
            balance = self._ledger.balance(account, asset)
            assert tonnes <= balance.available + balance.frozen, f"{account} has sold {asset} bought today"
