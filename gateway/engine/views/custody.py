"""What stands between the two sides, as operators see it, folded from journaled events.

Freezes in force and on whose word, breaks and claims that wait for somebody, corrected units on their way out,
deliveries the registry would not be asked, how far its notices have been taken, and which movements its journal must
have. What has ended is in the database (`custody_rows`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.engine.entry import Entry
from gateway.engine.views.accounts import Accounts
from gateway.engine.views.trail import NOTHING as NO_TRAIL
from gateway.engine.views.trail import Trail, TrailState
from matching.events import Reconciled
from settlement import serials as ranges
from settlement.claim import Claim, ClaimState
from settlement.commands import Outcome
from settlement.custody_events import (
    BreakOpened,
    BreakResolved,
    ClaimDecided,
    ClaimOpened,
    DeliveriesRetried,
    DeliveryUnwound,
    FreezeLifted,
    FreezePlaced,
    FrozenUnitsChanged,
    LotChanged,
    NoticeTaken,
    RemovalAsked,
    RemovalCompleted,
    RemovalOpened,
    RemovalRefused,
    UnitsArrived,
)
from settlement.difference import Break
from settlement.events import (
    DeliveryFailed,
    DeliveryParked,
    DeliverySettled,
    MovementConfirmed,
    MovementInstructed,
    MovementRefused,
)
from settlement.freeze import Freeze, FreezeSource
from settlement.notice import NoticeKind
from settlement.removal import Removal, RemovalState
from settlement.serials import NONE, Serials

FAULTS_KEPT: Final = 100
"""Notices that could not be acted upon; beyond that only the newest are kept in sight."""

UNDECIDED: Final = frozenset({ClaimState.OPEN, ClaimState.FROZEN})


@dataclass(frozen=True, kw_only=True, slots=True)
class FreezeView:
    """A freeze in force."""

    freeze: Freeze
    account: str | None
    """The trading account it names, if it names one that is bound."""
    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakView:
    """A break nobody has resolved yet."""

    case: Break
    account: str | None
    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovalView:
    """Corrected units that have not left yet."""

    removal: Removal
    at_ns: int
    code: str | None = None
    """The registry's refusal, where it refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParkedView:
    """A delivery the registry would not be asked; both sides' legs stay committed."""

    trade_id: int
    seller: str
    buyer: str
    instruction_id: str
    code: str
    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeFault:
    """A notice that was taken and could not be acted upon."""

    sequence: int
    kind: str
    fault: str
    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrivingView:
    """Units that an owner moved in at the platform, and that cannot be credited here yet."""

    sequence: int
    """Of the notice that told so."""
    registry_account: str
    lot: str
    serials: Serials


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonView:
    """The newest comparison with the registry."""

    seq: int
    at_ns: int
    trading_day: str
    on_demand: bool
    as_of: int
    breaks: int
    clean_in_a_row: int
    """How many comparisons up to this one found nothing; zero when it found something."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CustodyState:
    """As written to a snapshot."""

    notice_cursor: int
    freezes: tuple[FreezeView, ...]
    breaks: tuple[BreakView, ...]
    claims: tuple[Claim, ...]
    removals: tuple[RemovalView, ...]
    parked: tuple[ParkedView, ...]
    faults: tuple[NoticeFault, ...]
    arriving: tuple[ArrivingView, ...]
    comparison: ComparisonView | None
    clean_as_of: int
    trail: TrailState


NOTHING: Final = CustodyState(
    notice_cursor=0,
    freezes=(),
    breaks=(),
    claims=(),
    removals=(),
    parked=(),
    faults=(),
    arriving=(),
    comparison=None,
    clean_as_of=0,
    trail=NO_TRAIL,
)


class Custody:
    """All of it, by name."""

    __slots__ = (
        "_arriving",
        "breaks",
        "claims",
        "clean_as_of",
        "comparison",
        "faults",
        "freezes",
        "notice_cursor",
        "parked",
        "removals",
        "trail",
    )

    def __init__(self, state: CustodyState = NOTHING) -> None:
        """Nothing yet, or what a snapshot has."""
        self.notice_cursor = state.notice_cursor
        """The registry's last notice that was taken."""
        self.freezes = {view.freeze.freeze_id: view for view in state.freezes}
        self.breaks = {view.case.break_id: view for view in state.breaks}
        self.claims = {claim.claim_id: claim for claim in state.claims}
        """Those that can still be decided."""
        self.removals = {view.removal.removal_id: view for view in state.removals}
        self.parked = {view.trade_id: view for view in state.parked}
        self.faults = list(state.faults)
        self.comparison = state.comparison
        self.clean_as_of = state.clean_as_of
        """The registry's entry at which both sides were last found equal; zero before the first time."""
        self.trail = Trail(state.trail)
        """What is known of the registry's journal."""
        self._arriving = {view.sequence: view for view in state.arriving}

    def arriving(self) -> Iterator[tuple[str, str, Serials]]:
        """Registry account, lot and serials of what an owner moved in there and is not credited here yet."""
        return ((view.registry_account, view.lot, view.serials) for view in self._arriving.values())

    def stops(self, registry_account: str) -> bool:
        """Whether the account itself is frozen, on whosever word."""
        freezes = (view.freeze for view in self.freezes.values())
        return any(freeze.stops_account and freeze.registry_account == registry_account for freeze in freezes)

    def frozen_registry_accounts(self) -> frozenset[str]:
        """Accounts that are frozen as a whole on the registry's own word."""
        freezes = (view.freeze for view in self.freezes.values())
        return frozenset(
            freeze.registry_account
            for freeze in freezes
            if freeze.stops_account
            and freeze.source is FreezeSource.REGISTRY
            and freeze.registry_account is not None
        )

    def dump(self) -> CustodyState:
        """Everything, for a snapshot."""
        return CustodyState(
            notice_cursor=self.notice_cursor,
            freezes=tuple(self.freezes.values()),
            breaks=tuple(self.breaks.values()),
            claims=tuple(self.claims.values()),
            removals=tuple(self.removals.values()),
            parked=tuple(self.parked.values()),
            faults=tuple(self.faults),
            arriving=tuple(self._arriving.values()),
            comparison=self.comparison,
            clean_as_of=self.clean_as_of,
            trail=self.trail.dump(),
        )

    def frozen(self, registry_account: str, lot: str, serials: Serials) -> Serials:
        """Which of these serials of a lot, which the account has, a freeze names."""
        named = NONE
        for view in self.freezes.values():
            freeze = view.freeze
            if freeze.lot_id != lot or freeze.registry_account not in (None, registry_account):
                continue
            if not freeze.serials:
                return serials
            named = ranges.merged(named, freeze.serials)
        return ranges.intersection(serials, named)

    def handlers(self, accounts: Accounts) -> "dict[type, Callable[[Entry, Any], None]]":
        """What to do about each event of custody; what it changes of accounts is theirs."""
        return {
            LotChanged: lambda _, event: accounts.register(event),
            UnitsArrived: lambda _, event: self._arrive(accounts, event),
            MovementInstructed: lambda entry, event: self._instruct(accounts, entry, event),
            MovementConfirmed: lambda _, event: self._confirm(accounts, event),
            MovementRefused: lambda _, event: self._refuse(accounts, event),
            FrozenUnitsChanged: _nothing,
            DeliveryUnwound: _nothing,
            NoticeTaken: self._take,
            FreezePlaced: self._place,
            FreezeLifted: lambda _, event: self._lift(event),
            BreakOpened: self._open_break,
            BreakResolved: lambda _, event: self._resolve(event),
            ClaimOpened: lambda _, event: self._open_claim(event),
            ClaimDecided: lambda _, event: self._decide(event),
            RemovalOpened: self._open_removal,
            RemovalAsked: lambda _, event: self._ask_removal(event),
            RemovalCompleted: lambda _, event: self._end_removal(event),
            RemovalRefused: lambda _, event: self._refuse_removal(event),
            DeliveryParked: self._park,
            DeliveriesRetried: lambda _, event: self._retry(event),
        }

    def reconcile(self, entry: Entry, event: Reconciled) -> None:
        """Both sides were compared."""
        before = 0 if self.comparison is None else self.comparison.clean_in_a_row
        self.comparison = ComparisonView(
            seq=entry.seq,
            at_ns=entry.at_ns,
            trading_day=event.trading_day,
            on_demand=event.on_demand,
            as_of=event.as_of,
            breaks=event.breaks,
            clean_in_a_row=0 if event.breaks else before + 1,
        )
        if not event.breaks:
            self.clean_as_of = event.as_of
        self.trail.reconcile(event)

    def end_delivery(self, event: DeliverySettled | DeliveryFailed) -> None:
        """A delivery is over, and no longer parked if it was."""
        self.parked.pop(event.trade_id, None)

    def _take(self, entry: Entry, event: NoticeTaken) -> None:
        self.notice_cursor = event.sequence
        if event.fault is not None:
            fault = NoticeFault(
                sequence=event.sequence, kind=event.kind.value, fault=event.fault, at_ns=entry.at_ns
            )
            self.faults = [*self.faults, fault][-FAULTS_KEPT:]
        elif event.kind is NoticeKind.TRANSFERRED_IN:
            assert event.registry_account is not None, f"notice {event.sequence} brings units to nobody"
            assert event.lot_id is not None, f"notice {event.sequence} brings units of no lot"
            self._arriving[event.sequence] = ArrivingView(
                sequence=event.sequence,
                registry_account=event.registry_account,
                lot=event.lot_id,
                serials=event.serials,
            )

    def _instruct(self, accounts: Accounts, entry: Entry, event: MovementInstructed) -> None:
        accounts.instruct(event)
        self.trail.instruct(event.instruction.instruction_id, entry.seq)
        if self.parked:  # what was parked for want of money goes on by itself
            for leg in event.instruction.legs:
                self.parked.pop(leg.trade_id or 0, None)

    def _confirm(self, accounts: Accounts, event: MovementConfirmed) -> None:
        accounts.confirm(event.instruction_id)
        self.trail.answer(event.instruction_id, Outcome.CONFIRMED)

    def _refuse(self, accounts: Accounts, event: MovementRefused) -> None:
        accounts.refuse(event.instruction_id)
        self.trail.answer(event.instruction_id, Outcome.REFUSED)

    def _arrive(self, accounts: Accounts, event: UnitsArrived) -> None:
        accounts.arrive(event)
        self._arriving.pop(event.notice_sequence, None)

    def _place(self, entry: Entry, event: FreezePlaced) -> None:
        view = FreezeView(freeze=event.freeze, account=event.account, at_ns=entry.at_ns)
        self.freezes[event.freeze.freeze_id] = view

    def _lift(self, event: FreezeLifted) -> None:
        del self.freezes[event.freeze.freeze_id]

    def _open_break(self, entry: Entry, event: BreakOpened) -> None:
        view = BreakView(case=event.case, account=event.account, at_ns=entry.at_ns)
        self.breaks[event.case.break_id] = view

    def _resolve(self, event: BreakResolved) -> None:
        del self.breaks[event.case.break_id]
        self.trail.resolve(event)

    def _open_claim(self, event: ClaimOpened) -> None:
        self.claims[event.claim.claim_id] = event.claim

    def _decide(self, event: ClaimDecided) -> None:
        claim = self.claims.pop(event.claim_id)
        if event.state in UNDECIDED:
            self.claims[event.claim_id] = replace(claim, state=event.state)

    def _open_removal(self, entry: Entry, event: RemovalOpened) -> None:
        self.removals[event.removal.removal_id] = RemovalView(removal=event.removal, at_ns=entry.at_ns)

    def _ask_removal(self, event: RemovalAsked) -> None:
        view = self.removals[event.removal_id]
        asked = replace(view.removal, state=RemovalState.INSTRUCTED)
        self.removals[event.removal_id] = replace(view, removal=asked, code=None)

    def _end_removal(self, event: RemovalCompleted) -> None:
        del self.removals[event.removal_id]

    def _refuse_removal(self, event: RemovalRefused) -> None:
        view = self.removals[event.removal_id]
        refused = replace(view.removal, state=RemovalState.REFUSED)
        self.removals[event.removal_id] = replace(view, removal=refused, code=event.code)

    def _park(self, entry: Entry, event: DeliveryParked) -> None:
        self.parked[event.trade_id] = ParkedView(
            trade_id=event.trade_id,
            seller=event.seller,
            buyer=event.buyer,
            instruction_id=event.instruction_id,
            code=event.code,
            at_ns=entry.at_ns,
        )

    def _retry(self, event: DeliveriesRetried) -> None:
        for trade_id in event.trade_ids:
            self.parked.pop(trade_id, None)


def _nothing(_: Entry, __: object) -> None:
    """Told to accounts and journaled; changes nothing here."""
