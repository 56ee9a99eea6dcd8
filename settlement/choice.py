"""Which units a use takes: the named ones, or the oldest, out of what an account has to use up.

A `Picture` is all this needs to know of an account, in plain values, so that the core and a reader's view ask the
very same code. An order's cover is not tied to serials; so beside the serials an account has, its tonnes count:
those available, less those it may not use yet.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from settlement import rejections, serials, use_rejections
from settlement.account import ParticipantKind
from settlement.events import LotSlice
from settlement.lot import Lot, MethodologyClass
from settlement.lot_choice import LotChoice
from settlement.rejections import Rejection
from settlement.serials import NONE, Serials
from settlement.values import AccountId, AssetCode, LotId, ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldLot:
    """What an account has of one lot, committed to no movement."""

    lot: Lot
    serials: Serials
    """Free to be chosen."""
    frozen: Serials = NONE
    """The account's too, but not to be used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """An account's tonnes of one instrument."""

    available: int = 0
    """In the available bucket, those bought today included."""
    locked: int = 0
    """Of these: bought today, not to be used before tomorrow (T+1)."""
    committed: int = 0
    """Held by orders and filings, or being delivered."""
    incoming: int = 0
    """Bought and not yet received."""
    frozen: int = 0

    @property
    def usable(self) -> int:
        """Tonnes that may be used now."""
        return self.available - self.locked


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What has to be known of an account to say what it may use."""

    account: AccountId
    entity: ParticipantId
    kind: ParticipantKind
    earmarked: bool = False
    """Its money is for one purpose; nothing else is done from it."""
    blocked: Rejection | None = None
    """Why the account may do nothing with its units at present; None when it may."""
    lots: tuple[HeldLot, ...]
    """By instrument; within one in delivery order: oldest issue first."""
    stocks: Mapping[AssetCode, Stock]
    classes: Mapping[AssetCode, MethodologyClass]
    """Every instrument there is, and its class."""
    known: Mapping[LotId, Lot]
    """Every lot there is."""
    retired: Mapping[LotId, Serials] = field(default_factory=dict)
    """Serials of each lot that have been retired, whoever's they were."""

    def stock(self, instrument: AssetCode) -> Stock:
        """The account's tonnes of an instrument."""
        return self.stocks.get(instrument, Stock())

    def held(self, lot_id: LotId) -> HeldLot | None:
        """What the account has of a lot."""
        return next((one for one in self.lots if one.lot.lot_id == lot_id), None)


def refuse_account(picture: Picture) -> Rejection | None:
    """Whether the account may not use units at all."""
    if picture.earmarked:
        return use_rejections.ACCOUNT_EARMARKED.because(actual=picture.account)
    return picture.blocked


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a request asks for: a quantity, oldest first, or lots."""

    instrument: AssetCode | None
    quantity_tonnes: int | None
    lots: tuple[LotChoice, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The units a request would take, all of one instrument."""

    instrument: AssetCode
    slices: tuple[LotSlice, ...]

    @property
    def quantity_tonnes(self) -> int:
        """How many they are."""
        return sum(serials.count(part.serials) for part in self.slices)


Judge: TypeAlias = Callable[[Lot], Rejection | None]
"""Says why a lot may not serve the use; None when it may."""


def refuse_shape(wanted: Wanted, picture: Picture) -> Rejection | None:
    """Whether the request can be meant at all: a quantity or lots, above zero, of lots there are, of one instrument."""
    if wanted.instrument is not None and wanted.instrument not in picture.classes:
        return rejections.INSTRUMENT_UNKNOWN.because(actual=wanted.instrument)
    if (wanted.quantity_tonnes is None) is (not wanted.lots):
        return use_rejections.QUANTITY_OR_LOTS.because()
    if wanted.quantity_tonnes is not None and wanted.quantity_tonnes <= 0:
        return use_rejections.QUANTITY_NOT_POSITIVE.because(limit=1, actual=wanted.quantity_tonnes)
    if len({choice.lot_id for choice in wanted.lots}) != len(wanted.lots):
        return rejections.SERIALS_MALFORMED.because(actual="lots")
    instruments = {wanted.instrument} if wanted.instrument is not None else set()
    for choice in wanted.lots:
        lot = picture.known.get(choice.lot_id)
        if lot is None:
            return rejections.LOT_UNKNOWN.because(actual=choice.lot_id)
        refused = _refuse_choice(choice, lot)
        if refused is not None:
            return refused
        instruments.add(lot.instrument)
    if len(instruments) > 1:
        return use_rejections.SEVERAL_INSTRUMENTS.because(actual=", ".join(sorted(instruments)))
    return None


def _refuse_choice(choice: LotChoice, lot: Lot) -> Rejection | None:
    if choice.serials and choice.quantity_tonnes:
        return use_rejections.QUANTITY_OR_LOTS.because(actual=choice.lot_id)
    if not choice.serials and choice.quantity_tonnes <= 0:
        return use_rejections.QUANTITY_NOT_POSITIVE.because(limit=1, actual=choice.quantity_tonnes)
    if not serials.is_well_formed(choice.serials):
        return rejections.SERIALS_MALFORMED.because(actual=choice.lot_id)
    if not serials.contains((lot.serials,), choice.serials):
        first, end = lot.serials
        return use_rejections.SERIALS_BEYOND_LOT.because(limit=(first, end - 1), actual=choice.lot_id)
    return None


def choose(wanted: Wanted, picture: Picture, judge: Judge) -> Chosen | Rejection:
    """The units a sound request takes, or the first rule that says no."""
    chosen = _named(wanted, picture, judge) if wanted.lots else _oldest(wanted, picture, judge)
    if isinstance(chosen, Rejection):
        return chosen
    return _refuse_shortage(picture.stock(chosen.instrument), chosen.quantity_tonnes) or chosen


def _named(wanted: Wanted, picture: Picture, judge: Judge) -> Chosen | Rejection:
    slices: list[LotSlice] = []
    for choice in wanted.lots:
        lot = picture.known[choice.lot_id]
        if serials.overlap(picture.retired.get(choice.lot_id, NONE), choice.serials):
            return use_rejections.SERIALS_RETIRED.because(actual=choice.lot_id)
        held = picture.held(choice.lot_id) or HeldLot(lot=lot, serials=NONE)
        part = _part(choice, held)
        if isinstance(part, Rejection):
            return part
        refused = judge(lot)
        if refused is not None:
            return refused
        slices.append(part)
    return Chosen(instrument=picture.known[wanted.lots[0].lot_id].instrument, slices=tuple(slices))


def _part(choice: LotChoice, held: HeldLot) -> LotSlice | Rejection:
    """The serials of one named lot."""
    free_tonnes, frozen_tonnes = serials.count(held.serials), serials.count(held.frozen)
    if not choice.serials and choice.quantity_tonnes <= free_tonnes:
        first, _ = serials.take_first(held.serials, choice.quantity_tonnes)
        return LotSlice(lot_id=choice.lot_id, serials=first)
    if choice.serials and serials.contains(held.serials, choice.serials):
        return LotSlice(lot_id=choice.lot_id, serials=choice.serials)
    wanted_tonnes = serials.count(choice.serials) or choice.quantity_tonnes
    is_frozen = (
        serials.overlap(held.frozen, choice.serials)
        if choice.serials
        else wanted_tonnes <= free_tonnes + frozen_tonnes
    )
    reason = use_rejections.UNITS_FROZEN if is_frozen else use_rejections.UNITS_NOT_OWNED
    return reason.because(limit=free_tonnes, actual=wanted_tonnes)


def _oldest(wanted: Wanted, picture: Picture, judge: Judge) -> Chosen | Rejection:
    """So many tonnes, first in first out by date of issue, out of the lots that may serve."""
    quantity = wanted.quantity_tonnes
    assert quantity is not None, "a request for neither quantity nor lots"
    candidates = [wanted.instrument] if wanted.instrument is not None else _instruments(picture, judge)
    if not candidates:
        return use_rejections.UNITS_NOT_OWNED.because(limit=0, actual=quantity)
    refusals: list[Rejection] = []
    for instrument in candidates:
        found = _oldest_of(instrument, quantity, picture, judge)
        if isinstance(found, Chosen):
            return found
        refusals.append(found)
    return refusals[0]


def _instruments(picture: Picture, judge: Judge) -> list[AssetCode]:
    """Instruments to look through: those of which some lot may serve, or else all the account has anything of."""
    serving = dict.fromkeys(one.lot.instrument for one in picture.lots if judge(one.lot) is None)
    with_stock = dict.fromkeys(one.lot.instrument for one in picture.lots) | dict.fromkeys(picture.stocks)
    return sorted(serving or with_stock)


def _oldest_of(instrument: AssetCode, quantity: int, picture: Picture, judge: Judge) -> Chosen | Rejection:
    refused = _refuse_shortage(picture.stock(instrument), quantity)
    if refused is not None:
        return refused
    slices: list[LotSlice] = []
    forbidden: Rejection | None = None
    wanted = quantity
    for one in _of(picture, instrument):
        refused = judge(one.lot)
        if refused is not None:
            forbidden = forbidden or refused
            continue
        here = min(wanted, serials.count(one.serials))
        if here:
            first, _ = serials.take_first(one.serials, here)
            slices.append(LotSlice(lot_id=one.lot.lot_id, serials=first))
            wanted -= here
    if wanted:
        return forbidden or use_rejections.UNITS_NOT_OWNED.because(limit=quantity - wanted, actual=quantity)
    return Chosen(instrument=instrument, slices=tuple(slices))


def _of(picture: Picture, instrument: AssetCode) -> Iterator[HeldLot]:
    return (one for one in picture.lots if one.lot.instrument == instrument)


def _refuse_shortage(stock: Stock, quantity: int) -> Rejection | None:
    """Why there are not so many tonnes to use: what would be enough if it were free tells the reason."""
    reach = stock.usable
    if quantity <= reach:
        return None
    for more, reason in (
        (stock.committed, use_rejections.UNITS_HELD),
        (stock.locked + stock.incoming, use_rejections.UNITS_NOT_SETTLED),
        (stock.frozen, use_rejections.UNITS_FROZEN),
    ):
        reach += more
        if quantity <= reach:
            return reason.because(limit=stock.usable, actual=quantity)
    return use_rejections.UNITS_NOT_OWNED.because(limit=stock.usable, actual=quantity)
