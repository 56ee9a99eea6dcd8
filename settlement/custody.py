"""Units under an authority's word: notices, freezes, corrections and breaks, and what follows from them.

A command changes freezes, or moves units that freezes name; `Custody` then says whose orders lose their cover, and
brings every place that was stirred into order. Who calls it at the end of each command has the right balances.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from settlement.account import Account
from settlement.breaks import Breaks
from settlement.corrections import CorrectionEvent, Corrections, CorrectionsState
from settlement.custody_events import FrozenUnitsChanged, UnitsArrived
from settlement.difference import Break
from settlement.events import LotSlice, Posted
from settlement.freeze import Freeze
from settlement.freezing import Freezing
from settlement.holdings import Holdings
from settlement.instrument import Instrument
from settlement.ledger import Ledger
from settlement.lot import Lot
from settlement.movements import Movements
from settlement.notices import Arrival, Notices
from settlement.provenance import BroughtState
from settlement.restrictions import Restrictions
from settlement.values import AccountId, AssetCode, LotId, TradingDay

FollowUp: TypeAlias = UnitsArrived | FrozenUnitsChanged | CorrectionEvent | Posted


@dataclass(frozen=True, kw_only=True, slots=True)
class CustodyState:
    """As written to a snapshot."""

    notice_cursor: int
    arrivals: tuple[Arrival, ...]
    newest_entry: int
    told_of_entry: tuple[Arrival, ...]
    freezes: tuple[Freeze, ...]
    breaks: tuple[Break, ...]
    last_break_id: int
    corrections: CorrectionsState
    brought: tuple[BroughtState, ...]
    withdrawn: tuple[LotSlice, ...]


class Custody:
    """Everything an authority's word does to units here."""

    __slots__ = ("_ledger", "_movements", "breaks", "corrections", "freezing", "notices", "restrictions")

    def __init__(  # noqa: PLR0917 - custody is about all of these
        self,
        accounts: dict[AccountId, Account],
        instruments: dict[AssetCode, Instrument],
        lots: dict[LotId, Lot],
        ledger: Ledger,
        holdings: Holdings,
        movements: Movements,
        restrictions: Restrictions,
    ) -> None:
        """Nothing frozen, corrected or different. Everything handed in is the depository's own."""
        self._ledger = ledger
        self._movements = movements
        self.restrictions = restrictions
        self.freezing = Freezing(ledger, holdings, restrictions, lots)
        self.breaks = Breaks(self.freezing)
        self.corrections = Corrections(ledger, holdings, movements, self.freezing, lots)
        self.notices = Notices(
            accounts, instruments, lots, holdings, movements.transfers, self.freezing, self.corrections
        )

    @property
    def is_stirred(self) -> bool:
        """Whether the command at hand leaves anything to be followed up."""
        return self.freezing.is_stirred or self.notices.is_due

    def follow(
        self, place: tuple[AccountId, AssetCode], seq: int, day: TradingDay, not_after_ns: int
    ) -> Iterator[FollowUp]:
        """Bring one place into order, once the cover it needs has been released."""
        account, instrument = place
        before_tonnes = self._ledger.balance(account, instrument).frozen
        yield from self.freezing.settle(place)
        if self.corrections.removals:
            yield from self.corrections.send(place, seq, day, not_after_ns)
            yield from self.freezing.settle(place)
        frozen_tonnes = self._ledger.balance(account, instrument).frozen
        if frozen_tonnes != before_tonnes:
            yield FrozenUnitsChanged(account=account, instrument=instrument, frozen_tonnes=frozen_tonnes)

    def dump(self) -> CustodyState:
        """All of it, for a snapshot."""
        return CustodyState(
            notice_cursor=self.notices.cursor,
            arrivals=tuple(self.notices.arrivals),
            newest_entry=self.notices.newest_entry,
            told_of_entry=tuple(self.notices.told_of_entry),
            freezes=tuple(self.restrictions.freezes.values()),
            breaks=tuple(self.breaks.open.values()),
            last_break_id=self.breaks.last_id,
            corrections=self.corrections.dump(),
            brought=self._movements.transfers.provenance.dump(),
            withdrawn=self._movements.transfers.provenance.dump_withdrawn(),
        )

    def load(self, state: CustodyState) -> None:
        """Take over what a snapshot tells; balances and holdings have been taken over."""
        self.notices.cursor = state.notice_cursor
        self.notices.arrivals = list(state.arrivals)
        self.notices.newest_entry = state.newest_entry
        self.notices.told_of_entry = list(state.told_of_entry)
        self.notices.is_due = bool(state.arrivals)
        self.freezing.load(state.freezes)
        self.breaks.load(state.breaks, state.last_break_id)
        self.corrections.load(state.corrections)
        self._movements.transfers.provenance.load(state.brought, state.withdrawn)

    def loaded(self) -> None:
        """Everything else has been taken over too: what was put in its place by that has not moved."""
        self.restrictions.stirred.clear()

    def check(self) -> None:
        """Everything an authority has said is done, and nothing else."""
        self.freezing.check()
        self.breaks.check()
        self.corrections.check()
        self.notices.check()
