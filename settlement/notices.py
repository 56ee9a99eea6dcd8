"""The registry's notices, taken one by one in the platform's own order.

A notice is never refused for what it says: what cannot be acted upon is taken, with its fault told to the operator, so
that a platform that lies or errs about one thing does not silence itself about all others. Units that an owner moved in
at the platform are credited once; where its account or their lot is not known here yet, or they are still expected by
a transfer, they wait until that changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from settlement import serials
from settlement.account import Account
from settlement.claim import CorrectionPolicy
from settlement.commands import TakeNotice
from settlement.corrections import CorrectionEvent, Corrections
from settlement.custody_events import FreezeLifted, FreezePlaced, LotChanged, NoticeTaken, UnitsArrived
from settlement.custody_rejections import FREEZE_MALFORMED, FREEZE_UNKNOWN, NOTICE_OUT_OF_ORDER
from settlement.events import LotRegistered, LotSlice, Posted
from settlement.freeze import Freeze, FreezeId, FreezeSource
from settlement.freezing import Freezing
from settlement.holdings import Holdings
from settlement.instrument import Instrument
from settlement.lot import Lot
from settlement.notice import Notice, NoticeKind
from settlement.rejections import (
    INSTRUMENT_UNKNOWN,
    LOT_CLASS_DIFFERS,
    LOT_EXISTS,
    LOT_UNKNOWN,
    SERIALS_MALFORMED,
    Reason,
    Rejection,
)
from settlement.serials import Serials
from settlement.transfers import Transfers
from settlement.values import AccountId, AssetCode, LotId

NoticeEvent: TypeAlias = (
    NoticeTaken
    | LotRegistered
    | LotChanged
    | UnitsArrived
    | FreezePlaced
    | FreezeLifted
    | CorrectionEvent
    | Posted
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """Units an owner moved in at the platform, not credited yet."""

    notice_sequence: int
    registry_account: str
    lot_id: LotId
    serials: Serials


class Notices:
    """How far the feed has been taken, and what of it waits."""

    __slots__ = (
        "_accounts",
        "_corrections",
        "_freezing",
        "_holdings",
        "_instruments",
        "_lots",
        "_transfers",
        "arrivals",
        "cursor",
        "is_due",
        "newest_entry",
        "told_of_entry",
    )

    def __init__(  # noqa: PLR0917 - a notice can be about all of these
        self,
        accounts: dict[AccountId, Account],
        instruments: dict[AssetCode, Instrument],
        lots: dict[LotId, Lot],
        holdings: Holdings,
        transfers: Transfers,
        freezing: Freezing,
        corrections: Corrections,
    ) -> None:
        """None taken yet. Everything handed in is the depository's own."""
        self._accounts = accounts
        self._instruments = instruments
        self._lots = lots
        self._holdings = holdings
        self._transfers = transfers
        self._freezing = freezing
        self._corrections = corrections
        self.cursor = 0
        """Sequence number of the last notice taken."""
        self.arrivals: list[Arrival] = []
        """Not credited yet, oldest first."""
        self.newest_entry = 0
        """The newest entry of the platform's journal of which units were told to have come in."""
        self.told_of_entry: list[Arrival] = []
        """What was told of that entry; it may come in several notices."""
        self.is_due = False
        """Whether one of them may be credited now that could not be before."""

    def take(self, command: TakeNotice, policy: CorrectionPolicy) -> Rejection | tuple[NoticeEvent, ...]:
        """Take the next notice. One taken before says nothing."""
        notice = command.notice
        if notice.sequence > self.cursor + 1:
            return NOTICE_OUT_OF_ORDER.because(limit=self.cursor + 1, actual=notice.sequence)
        # From here the command must succeed.
        if notice.sequence <= self.cursor:
            return ()
        self.cursor = notice.sequence
        fault = self._fault_of(notice)
        taken = NoticeTaken(
            sequence=notice.sequence,
            kind=notice.kind,
            registry_account=notice.registry_account,
            account=self._freezing.restrictions.bound_to(notice.registry_account),
            lot_id=notice.lot_id,
            serials=notice.serials,
            reason=notice.reason,
            fault=None if fault is None else fault.code,
        )
        return (taken, *(self._act_on(notice, policy) if fault is None else ()))

    def credit(self) -> Iterator[UnitsArrived | Posted]:
        """Credit what has arrived and can be credited now; each is once."""
        self.is_due = False
        waiting, self.arrivals = self.arrivals, []
        for arrival in waiting:
            account = self._freezing.restrictions.bound_to(arrival.registry_account)
            lot = self._lots.get(arrival.lot_id)
            if account is None or lot is None or not self._is_new(arrival, lot):
                self.arrivals.append(arrival)
                continue
            slices = (LotSlice(lot_id=arrival.lot_id, serials=arrival.serials),)
            self._holdings.expect(slices)
            yield self._transfers.receive(account, slices)
            yield UnitsArrived(
                account=account,
                notice_sequence=arrival.notice_sequence,
                instrument=lot.instrument,
                quantity_tonnes=serials.count(arrival.serials),
                lots=slices,
            )

    def check(self) -> None:
        """Nothing waits that could be credited, once the first day has opened."""
        if self.is_due:
            return
        for arrival in self.arrivals:
            known = self._freezing.restrictions.bound_to(arrival.registry_account) is not None
            lot = self._lots.get(arrival.lot_id)
            assert not (known and lot is not None and self._is_new(arrival, lot)), (
                f"{arrival} waits for nothing"
            )

    def _is_new(self, arrival: Arrival, lot: Lot) -> bool:
        """Whether these are serials of the lot that are neither here, nor expected, nor gone for good."""
        lot_id, arrived = arrival.lot_id, arrival.serials
        return (
            serials.contains((lot.serials,), arrived)
            and not self._holdings.is_here(lot_id, arrived)
            and not self._transfers.are_gone(lot_id, arrived)
        )

    # ---- what can be wrong with a notice ------------------------------------------------------------------------

    def _fault_of(self, notice: Notice) -> Reason | None:
        """Why a notice cannot be acted upon; None when it can."""
        if not serials.is_well_formed(notice.serials):
            return SERIALS_MALFORMED
        match notice.kind:
            case NoticeKind.LOT_ISSUED | NoticeKind.LOT_CHANGED:
                return None if notice.lot is None else self._fault_of_lot(notice.lot)
            case NoticeKind.ACCOUNT_RESTRICTED | NoticeKind.ACCOUNT_CLOSED:
                return FREEZE_MALFORMED if notice.registry_account is None else None
            case NoticeKind.LOT_FROZEN:
                return FREEZE_MALFORMED if notice.lot_id is None else None
            case NoticeKind.UNFROZEN:
                return None if self._freeze_of(notice) is not None else FREEZE_UNKNOWN
            case NoticeKind.CORRECTED:
                return self._fault_of_correction(notice)
            case NoticeKind.TRANSFERRED_IN:
                named = notice.registry_account is not None and notice.lot_id is not None and notice.serials
                if not named:
                    return SERIALS_MALFORMED
                return NOTICE_OUT_OF_ORDER if self._was_told(notice) else None
            case _:
                assert_never(notice.kind)

    def _fault_of_lot(self, lot: Lot) -> Reason | None:
        instrument = self._instruments.get(lot.instrument)
        if instrument is None:
            return INSTRUMENT_UNKNOWN
        if instrument.methodology_class is not lot.methodology_class:
            return LOT_CLASS_DIFFERS
        if not lot.can_be:
            return SERIALS_MALFORMED
        known = self._lots.get(lot.lot_id)
        if known is not None and (known.instrument, known.serials) != (lot.instrument, lot.serials):
            return LOT_EXISTS
        return None

    def _fault_of_correction(self, notice: Notice) -> Reason | None:
        lot = None if notice.lot_id is None else self._lots.get(notice.lot_id)
        if lot is None:
            return LOT_UNKNOWN
        return None if serials.contains((lot.serials,), notice.serials) else SERIALS_MALFORMED

    def _freeze_of(self, notice: Notice) -> FreezeId | None:
        target = (notice.registry_account, notice.lot_id, notice.serials)
        return self._freezing.restrictions.find(FreezeSource.REGISTRY, target)

    # ---- what a notice changes ----------------------------------------------------------------------------------

    def _act_on(self, notice: Notice, policy: CorrectionPolicy) -> Iterator[NoticeEvent]:
        match notice.kind:
            case NoticeKind.LOT_ISSUED | NoticeKind.LOT_CHANGED:
                if notice.lot is not None:
                    yield from self._learn(notice.lot)
            case NoticeKind.ACCOUNT_RESTRICTED | NoticeKind.ACCOUNT_CLOSED:
                yield self._freezing.place(_freeze(notice, None))
            case NoticeKind.LOT_FROZEN:
                yield self._freezing.place(_freeze(notice, notice.lot_id))
            case NoticeKind.UNFROZEN:
                freeze_id = self._freeze_of(notice)
                assert freeze_id is not None, f"notice {notice.sequence} lifts nothing"
                yield self._freezing.lift(freeze_id, notice.reason)
            case NoticeKind.CORRECTED:
                yield from self._corrections.correct(notice, policy)
            case NoticeKind.TRANSFERRED_IN:
                self._expect(notice)
            case _:
                assert_never(notice.kind)

    def _learn(self, lot: Lot) -> Iterator[LotRegistered | LotChanged]:
        known = self._lots.get(lot.lot_id)
        if known == lot:
            return
        self._lots[lot.lot_id] = lot
        self.is_due = bool(self.arrivals)
        if known is None:
            yield LotRegistered(lot=lot)
            return
        self._holdings.rename(known, lot)
        yield LotChanged(lot=lot)

    def _expect(self, notice: Notice) -> None:
        assert notice.registry_account is not None, f"notice {notice.sequence} is of no account"
        assert notice.lot_id is not None, f"notice {notice.sequence} is of no lot"
        self.is_due = True
        arrival = Arrival(
            notice_sequence=notice.sequence,
            registry_account=notice.registry_account,
            lot_id=notice.lot_id,
            serials=notice.serials,
        )
        self.arrivals.append(arrival)
        if notice.journal_sequence is None:
            return
        if notice.journal_sequence > self.newest_entry:
            self.newest_entry, self.told_of_entry = notice.journal_sequence, []
        self.told_of_entry.append(arrival)

    def _was_told(self, notice: Notice) -> bool:
        """Whether the entry it tells of was told before: under another number it would be credited again, later."""
        entry = notice.journal_sequence
        if entry is None or entry > self.newest_entry:
            return False
        return entry < self.newest_entry or any(
            (one.registry_account, one.lot_id) == (notice.registry_account, notice.lot_id)
            and serials.overlap(one.serials, notice.serials)
            for one in self.told_of_entry
        )


def _freeze(notice: Notice, lot_id: LotId | None) -> Freeze:
    return Freeze(
        freeze_id=FreezeId(f"notice-{notice.sequence}"),
        source=FreezeSource.REGISTRY,
        registry_account=notice.registry_account,
        lot_id=lot_id,
        serials=notice.serials if lot_id is not None else serials.NONE,
        reason=notice.reason,
    )
