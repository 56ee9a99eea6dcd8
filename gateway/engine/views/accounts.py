"""Accounts as their owners see them, folded from journaled events: balances, lots, what is on its way.

A balance is the sum of `Posted` events and nothing else. Serials change hands where the events say so: a confirmed
transfer, a settled delivery.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.engine.entry import Entry
from gateway.engine.views.account_views import AccountView, BalanceView, LotView, RestrictionView
from gateway.engine.views.uses import Uses
from matching.events import AccountRestricted, RestrictionLifted
from settlement import serials as ranges
from settlement.cash_events import CashBreakClosed, CashBreakFound
from settlement.custody_events import LotChanged, UnitsArrived
from settlement.events import (
    AccountOpened,
    Bucket,
    DeliverySettled,
    Instruction,
    InstructionKind,
    LotRegistered,
    LotSlice,
    MovementInstructed,
    Posted,
    ProceedsChanged,
    RetirementCompleted,
)
from settlement.lot import Lot
from settlement.serials import NONE, SerialRange, Serials
from settlement.values import FEES

FrozenOf: TypeAlias = Callable[[str, str, Serials], Serials]
"""Of a registry account's serials of a lot, those that a freeze names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountsState:
    """As written to a snapshot."""

    accounts: tuple[AccountView, ...]
    lots: tuple[Lot, ...]
    pending: tuple[Instruction, ...]
    refused_retirements: tuple[Instruction, ...]
    for_sale_at_once: tuple[int, ...]
    """Trades of the day that T+1 did not hold for."""
    set_aside: tuple[tuple[int, str, tuple[LotSlice, ...]], ...]
    """Named lots of trades whose delivery is not instructed: trade, seller, serials."""


class Accounts:
    """Every account, every lot, every pending movement."""

    __slots__ = (
        "_accounts",
        "_bought_today",
        "_for_sale_at_once",
        "_refused_retirements",
        "_set_aside",
        "_uses",
        "lots",
        "pending",
    )

    def __init__(self, uses: Uses, state: AccountsState | None = None) -> None:
        """None, or those of a snapshot; `uses` tells what is committed to being used up."""
        self._uses = uses
        self._accounts: dict[str, AccountView] = {}
        self.lots: dict[str, Lot] = {}
        self.pending: dict[str, Instruction] = {}
        self._refused_retirements: dict[str, Instruction] = {}
        self._bought_today: dict[tuple[str, str], BalanceView] = {}
        self._for_sale_at_once: set[int] = set()
        self._set_aside: dict[int, tuple[str, tuple[LotSlice, ...]]] = {}
        if state is not None:
            self._load(state)

    def get(self, account: str) -> AccountView | None:
        """An account, or none of that name."""
        return self._accounts.get(account)

    def all(self) -> Mapping[str, AccountView]:
        """Every account by its name."""
        return self._accounts

    def handlers(self) -> "dict[type, Callable[[Entry, Any], None]]":
        """What to do about each event that is for accounts alone."""
        return {
            Posted: lambda _, event: self.post(event),
            AccountOpened: lambda _, event: self.open(event),
            LotRegistered: lambda _, event: self.register(event),
            AccountRestricted: lambda entry, event: self.restrict(event, entry.at_ns),
            RestrictionLifted: lambda _, event: self.lift(event),
            ProceedsChanged: lambda _, event: self.lean(event),
            CashBreakFound: lambda _, event: self.dispute(event),
            CashBreakClosed: lambda _, event: self.agree(event),
        }

    def open(self, event: AccountOpened) -> None:
        """An account came to be."""
        self._accounts[event.account] = AccountView(
            account=event.account,
            owner=event.owner,
            registry_account=event.registry_account,
            earmark=event.earmark,
        )

    def register(self, event: LotRegistered | LotChanged) -> None:
        """A lot is known, or known better."""
        self.lots[event.lot.lot_id] = event.lot

    def post(self, event: Posted) -> None:
        """An amount moved."""
        if event.from_bucket is not Bucket.OUTSIDE:
            balance = self._accounts[event.from_account].balance(event.asset)
            _add(balance, event.from_bucket, -event.amount)
        if event.to_bucket is not Bucket.OUTSIDE and event.to_account != FEES:
            balance = self._accounts[event.to_account].balance(event.asset)
            _add(balance, event.to_bucket, event.amount)

    def buy(
        self, trade_id: int, buyer: str, instrument: str, quantity_tonnes: int, *, resale_next_day: bool
    ) -> None:
        """Units were bought on this trading day."""
        balance = self._accounts[buyer].balance(instrument)
        balance.incoming += quantity_tonnes
        if not resale_next_day:
            self._for_sale_at_once.add(trade_id)
            return
        balance.bought_today += quantity_tonnes
        self._bought_today[buyer, instrument] = balance

    def set_aside(self, trade_id: int, seller: str, lots: tuple[LotSlice, ...]) -> None:
        """The serials that a trade will deliver are named."""
        if lots:
            self._set_aside[trade_id] = (seller, lots)

    def unbuy(self, trade_id: int, buyer: str, instrument: str, quantity_tonnes: int) -> None:
        """A purchase of this trading day came to nothing."""
        self._set_aside.pop(trade_id, None)
        self._accounts[buyer].balance(instrument).incoming -= quantity_tonnes
        self._forget_bought(trade_id, buyer, instrument, quantity_tonnes)

    def _forget_bought(self, trade_id: int, buyer: str, instrument: str, quantity_tonnes: int) -> None:
        if trade_id not in self._for_sale_at_once:
            self._accounts[buyer].balance(instrument).bought_today -= quantity_tonnes

    def restrict(self, event: AccountRestricted, at_ns: int) -> None:
        """An account's trading was frozen."""
        self._accounts[event.account].restriction = RestrictionView(reason=event.reason, at_ns=at_ns)

    def lift(self, event: RestrictionLifted) -> None:
        """It may trade again."""
        self._accounts[event.account].restriction = None

    def lean(self, event: ProceedsChanged) -> None:
        """More or less is to come for its sales, or leans on that."""
        account = self._accounts[event.account]
        account.due_fen, account.pledged_fen = event.due_fen, event.pledged_fen

    def dispute(self, event: CashBreakFound) -> None:
        """Its money differs from the bank's."""
        if event.cash_break.account is not None:
            self._accounts[event.cash_break.account].disputes += 1

    def agree(self, event: CashBreakClosed) -> None:
        """That difference has ended."""
        if event.cash_break.account is not None:
            self._accounts[event.cash_break.account].disputes -= 1

    def begin_day(self) -> None:
        """What was bought yesterday is for sale."""
        for balance in self._bought_today.values():
            balance.bought_today = balance.received_today = 0
        self._bought_today.clear()
        self._for_sale_at_once.clear()

    def arrive(self, event: UnitsArrived) -> None:
        """The owner brought units in at the registry."""
        for part in event.lots:
            self._give(event.account, part.lot_id, part.serials)

    def instruct(self, event: MovementInstructed) -> None:
        """A movement is on its way."""
        self.pending[event.instruction.instruction_id] = event.instruction
        if event.instruction.retirement_id is not None:
            self._refused_retirements.pop(event.instruction.retirement_id, None)

    def confirm(self, instruction_id: str) -> None:
        """The registry moved it: serials enter or leave. Those of deliveries change hands as each one settles."""
        instruction = self.pending.pop(instruction_id)
        for leg in instruction.legs:
            if instruction.kind is InstructionKind.TRANSFER_IN:
                self._give(leg.to_account, leg.lot_id, leg.serials)
            elif instruction.kind is InstructionKind.TRANSFER_OUT:
                self._take(leg.from_account, leg.lot_id, leg.serials)

    def refuse(self, instruction_id: str) -> None:
        """The registry refused it: nothing moves. What was bought to be used stays committed to that."""
        instruction = self.pending.pop(instruction_id)
        if instruction.retirement_id is not None:
            self._refused_retirements[instruction.retirement_id] = instruction

    def deliver(self, event: DeliverySettled, today: str | None) -> None:
        """Serials changed hands, on that trading day."""
        self._set_aside.pop(event.trade_id, None)
        balance = self._accounts[event.buyer].balance(event.instrument)
        balance.incoming -= event.quantity_tonnes
        for_sale = event.trading_day != today or event.trade_id in self._for_sale_at_once
        if event.use is None and not for_sale:
            balance.received_today += event.quantity_tonnes
        for part in event.lots:
            self._take(event.seller, part.lot_id, part.serials)
            self._give(event.buyer, part.lot_id, part.serials)
        if event.use is not None:
            self._forget_bought(event.trade_id, event.buyer, event.instrument, event.quantity_tonnes)

    def retire(self, event: RetirementCompleted) -> None:
        """Serials are nobody's any more."""
        self.use_up(event.account, event.lots, None)

    def use_up(self, account: str, lots: tuple[LotSlice, ...], donated_to: str | None) -> None:
        """Serials were retired, or given to a public-welfare account."""
        for part in lots:
            self._take(account, part.lot_id, part.serials)
            if donated_to is not None:
                self._give(donated_to, part.lot_id, part.serials)

    def lots_of(self, account: str, frozen: FrozenOf, named: Iterable[LotSlice] = ()) -> list[LotView]:
        """An account's lots in the order they would be delivered.

        `frozen` says what a freeze names of a lot in it; `named` is set aside beside what is on its way.
        """
        view = self._accounts.get(account)
        if view is None:
            return []
        allocated = self._allocated(account)
        aside = (lots for seller, lots in self._set_aside.values() if seller == account)
        for part in (*named, *(part for lots in aside for part in lots)):
            allocated[part.lot_id] = ranges.merged(allocated.get(part.lot_id, NONE), part.serials)
        found = []
        for lot_id, serials in view.serials.items():
            stopped = frozen(view.registry_account, lot_id, serials)
            taken = ranges.intersection(serials, ranges.merged(stopped, allocated.get(lot_id, NONE)))
            line = LotView(
                lot=self.lots[lot_id],
                serials=serials,
                quantity_tonnes=ranges.count(serials),
                free=ranges.difference(serials, taken),
                frozen=stopped,
            )
            found.append(line)
        return sorted(found, key=lambda line: line.lot.delivery_order)

    def dump(self) -> AccountsState:
        """Everything, for a snapshot."""
        return AccountsState(
            accounts=tuple(self._accounts.values()),
            lots=tuple(self.lots.values()),
            pending=tuple(self.pending.values()),
            refused_retirements=tuple(self._refused_retirements.values()),
            for_sale_at_once=tuple(sorted(self._for_sale_at_once)),
            set_aside=tuple((trade_id, *aside) for trade_id, aside in self._set_aside.items()),
        )

    def _load(self, state: AccountsState) -> None:
        self._accounts = {view.account: view for view in state.accounts}
        self.lots = {lot.lot_id: lot for lot in state.lots}
        self.pending = {instruction.instruction_id: instruction for instruction in state.pending}
        self._refused_retirements = {
            str(instruction.retirement_id): instruction for instruction in state.refused_retirements
        }
        self._for_sale_at_once = set(state.for_sale_at_once)
        self._set_aside = {trade_id: (seller, lots) for trade_id, seller, lots in state.set_aside}
        self._bought_today = {
            (view.account, asset): balance
            for view in state.accounts
            for asset, balance in view.units.items()
            if balance.bought_today
        }

    def _allocated(self, account: str) -> dict[str, Serials]:
        pieces: dict[str, list[SerialRange]] = {}
        for instruction in (*self.pending.values(), *self._refused_retirements.values()):
            if instruction.use_id is not None or instruction.kind is InstructionKind.TRANSFER_IN:
                continue
            for leg in instruction.legs:
                if leg.from_account == account:
                    pieces.setdefault(leg.lot_id, []).extend(leg.serials)
        for part in self._uses.committed(account):
            pieces.setdefault(part.lot_id, []).extend(part.serials)
        return {lot: _merged(parts) for lot, parts in pieces.items()}

    def _give(self, account: str, lot_id: str, serials: Serials) -> None:
        held = self._accounts[account].serials
        held[lot_id] = ranges.union(held.get(lot_id, NONE), serials)

    def _take(self, account: str, lot_id: str, serials: Serials) -> None:
        held = self._accounts[account].serials
        left = ranges.difference(held[lot_id], serials)
        if left:
            held[lot_id] = left
        else:
            del held[lot_id]


def _merged(parts: list[SerialRange]) -> Serials:
    """Ranges that do not overlap, in order, those that touch as one."""
    merged: list[SerialRange] = []
    for first, end in sorted(parts):
        if merged and merged[-1][1] == first:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((first, end))
    return tuple(merged)


def _add(balance: BalanceView, bucket: Bucket, amount: int) -> None:
    if bucket is Bucket.AVAILABLE:
        balance.available += amount
    elif bucket is Bucket.HELD:
        balance.held += amount
    elif bucket is Bucket.DELIVERING:
        balance.delivering += amount
    elif bucket is Bucket.FROZEN:
        balance.frozen += amount
    else:
        balance.retired += amount
