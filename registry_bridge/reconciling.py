"""Reconciles the exchange with the registry: totals, then account and lot, then ranges, then the trail.

Both sides are taken as of one entry of the registry's journal, and nothing stops for it. The registry states its
positions as of any entry it is asked for. The exchange's are what it holds now without what was confirmed since (see
`as_of`); what the registry did up to that entry and this side does not know yet is on its way, and is waited for.

    level            compared                                   gone down to
    ---------------  -----------------------------------------  --------------------------------------
    totals           both totals and digests: one page is read  always
    account and lot  all pages, in the same order on both sides  where totals or digests differ
    ranges           the serials of one account and lot         where these differ
    trail            the registry's entries since the last      where ranges differ
                     clean comparison that touch them
    accounts         open, frozen, bound                        always, each by a call of its own

A difference counts when two comparisons in a row have it. Nothing is kept but what differs, so that memory does not
grow with the number of positions.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import structlog

from registry_bridge.as_of import Undone, positions
from registry_bridge.back_off import BackOff
from registry_bridge.differences import of_break, touches
from registry_bridge.exchange_side import ExchangeOutbox
from registry_bridge.notice_feed import NoticeFeed
from registry_bridge.parallel import for_each
from registry_bridge.reading import Read, read
from registry_bridge.reconcile import Comparison, PositionDigest, PositionsOutOfOrder, Reconciliation, Side
from registry_bridge.registry import (
    AccountState,
    JournalEntry,
    PositionPage,
    PositionRange,
    Registry,
    RegistryUnavailable,
)
from settlement.custody_events import UnitsArrived
from settlement.difference import BreakKind, Difference
from settlement.events import Instruction, MovementConfirmed, MovementInstructed
from settlement.serials import Serials, merged
from settlement.values import AccountId, InstructionId

log = structlog.get_logger("registry_line")

AGAIN = BackOff(first_s=0.5, longest_s=30.0)
SLICE = 1_000
"""Positions worked through before others have their turn."""

ACCOUNTS_AT_A_TIME = 4
"""Half of the line's connections: whoever has signed a call must not wait for one until the signature is too old."""

MAX_TRAIL = 5
"""Movements named for one difference at most."""

MAX_TRAILED = 200
"""Differences whose movements are looked for at most; where there are more, the cause is another than one movement."""

_Place = tuple[str, str]


class Disturbed(Exception):  # noqa: N818 - it states a fact
    """Something other than a movement changed what is held while it was compared: it is compared again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a comparison ended."""

    positions: Reconciliation
    differences: tuple[Difference, ...]
    """All that is to be told to the core; of positions those that are in ``positions`` as well."""

    @property
    def is_clean(self) -> bool:
        """Nothing differs."""
        return self.positions.is_clean and not self.differences


class Window:
    """What happens to movements here from before the registry's positions are dated until they have been compared."""

    def __init__(self, pending: Collection[Instruction]) -> None:
        self.undone = Undone()
        self.is_disturbed = False
        self._instructions = {one.instruction_id: one for one in pending}
        self._confirmed: list[InstructionId] = []
        self._early: frozenset[InstructionId] | None = None

    def follow(self, event: object) -> None:
        """Take note of a journaled event."""
        match event:
            case MovementInstructed():
                self._instructions[event.instruction.instruction_id] = event.instruction
            case MovementConfirmed():
                self._confirmed.append(event.instruction_id)
                self._undo(event.instruction_id)
            case UnitsArrived():
                # Before the early ones are known no position was read, and notices have been caught up with.
                self.is_disturbed = self._early is not None

    def knows(self, instruction_id: InstructionId) -> bool:
        """Whether it was pending at any time since the window was opened."""
        return instruction_id in self._instructions

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was pending since it was opened."""
        return not self._instructions

    def begin(self, early: frozenset[InstructionId]) -> None:
        """From here on positions are read. ``early``: what the registry did up to the entry they are dated by."""
        self._early = early
        for instruction_id in self._confirmed:
            self._undo(instruction_id)

    def _undo(self, instruction_id: InstructionId) -> None:
        if self._early is not None and instruction_id not in self._early and self.knows(instruction_id):
            self.undone.add(self._instructions[instruction_id])


class Reconciler:
    """Compares both sides whenever asked; one comparison at a time."""

    def __init__(
        self,
        registry: Registry,
        outbox: ExchangeOutbox,
        feed: NoticeFeed,
        *,
        since: int = 0,
        frozen: Callable[[], Collection[str]] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`since` is the entry of the last clean comparison; `frozen` names the registry accounts that are frozen here on
        the registry's word, if that is known.
        """
        self._registry = registry
        self._outbox = outbox
        self._feed = feed
        self._clean_as_of = since
        self._frozen = frozen
        self._jitter = jitter
        self._one = asyncio.Lock()

    async def reconcile(self) -> Outcome:
        """Compare, waiting while the line is down; the core has been told of the breaks when this returns."""
        async with self._one:
            suspects: Outcome | None = None
            while True:
                found = await self._compared()
                if found.is_clean:
                    self._clean_as_of = found.positions.as_of
                    return found
                if suspects is not None:
                    both = _in_both(suspects, found)
                    if both.differences:
                        await self._outbox.report(both.differences, both.positions.as_of)
                        return both
                log.info("positions_differ", breaks=found.positions.break_count, as_of=found.positions.as_of)
                suspects = found

    async def _compared(self) -> Outcome:
        attempt = 0
        while True:
            try:
                return await self._compare()
            except RegistryUnavailable as fault:
                log.info("positions_not_read", why=fault.why.value, detail=fault.detail)
            except (Disturbed, PositionsOutOfOrder) as fault:
                log.warning("positions_not_compared", why=type(fault).__name__, detail=str(fault))
            attempt += 1
            await asyncio.sleep(AGAIN.delay_s(attempt, self._jitter()))

    async def _compare(self) -> Outcome:
        window = Window(tuple(self._outbox.side.pending()))
        with self._outbox.watched_by(window.follow):
            page = await self._read(self._registry.positions)
            async with self._feed.held():
                early = await self._decided_until(page.as_of, window)
                await self._outbox.until_answered(early)
                window.begin(early)
                found, apart = await self._positions(page, window)
                if window.is_disturbed:
                    raise Disturbed
                states = await self._states()
        self._outbox.newest_entry = max(self._outbox.newest_entry, page.as_of)
        trail = await self._trail(found) if found.breaks else {}
        differences = tuple(
            of_break(one, "; ".join(trail.get((one.account, one.lot), ()))) for one in found.breaks
        )
        return Outcome(positions=found, differences=(*apart, *differences, *states))

    async def _decided_until(self, as_of: int, window: Window) -> frozenset[InstructionId]:
        """Which of the window's movements the registry did up to that entry; all before are answered here."""
        early: set[InstructionId] = set()
        if (
            window.is_empty
        ):  # what is asked for from now on is done after that entry: the journal need not be read
            return frozenset(early)
        async for entry in self._entries(self._clean_as_of, as_of):
            name = self._outbox.instruction_of(entry.request_id or "")
            if name is not None and window.knows(name):
                early.add(name)
        return frozenset(early)

    async def _entries(self, after: int, until: int) -> AsyncIterator[JournalEntry]:
        following: int | None = after
        while following is not None and following < until:
            page = await self._read(partial(self._registry.journal, following))
            for entry in page.entries:
                if entry.sequence > until:
                    return
                yield entry
            following = page.next

    async def _read(self, call: Callable[[], Awaitable[Read]]) -> Read:
        return await read(call, self._jitter)

    # --- totals, account and lot, ranges ---

    async def _positions(
        self, first: PositionPage, window: Window
    ) -> tuple[Reconciliation, tuple[Difference, ...]]:
        stated = Side(totals=first.totals, digest=first.digest)
        ours = await self._sum_up(window)
        if ours == stated:
            return Reconciliation(here=ours, there=stated, breaks=(), break_count=0, as_of=first.as_of), ()
        comparison = Comparison(self._here(window))
        page = first
        while True:
            for number, position in enumerate(page.positions, start=1):
                comparison.add(position)
                if not number % SLICE:
                    await asyncio.sleep(0)
            if page.next is None:
                break
            page = await self._read(partial(self._registry.positions, first.as_of, page.next))
        found = comparison.finish(first.as_of)
        return found, () if found.there == stated else (_do_not_add_up(stated, found.there),)

    async def _sum_up(self, window: Window) -> Side:
        """What ours come to. Others have their turn meanwhile; what they change is taken back."""
        digest, left = PositionDigest(), self._here(window)
        while some := tuple(islice(left, SLICE)):
            for position in some:
                digest.add(position)
            await asyncio.sleep(0)
        return Side(totals=digest.totals(), digest=digest.hexdigest())

    def _here(self, window: Window) -> Iterator[PositionRange]:
        side = self._outbox.side
        arriving: dict[str, dict[str, Serials]] = {}
        for name, lot, serials in side.arriving():
            lots = arriving.setdefault(name, {})
            lots[lot] = merged(lots.get(lot, ()), serials)
        accounts: dict[str, AccountId | None] = dict.fromkeys(arriving)
        accounts |= {side.registry_account(account): account for account in side.accounts()}
        return positions(sorted(accounts.items()), side.serials, window.undone, arriving)

    # --- the trail ---

    async def _trail(self, found: Reconciliation) -> dict[_Place, list[str]]:
        """What the registry's journal has, since the last clean comparison, of each account and lot that differs."""
        trail: dict[_Place, list[str]] = {(one.account, one.lot): [] for one in found.breaks[:MAX_TRAILED]}
        async for entry in self._entries(self._clean_as_of, found.as_of):
            for place, told in trail.items():
                if len(told) < MAX_TRAIL and any(touches(leg, *place) for leg in entry.legs):
                    told.append(f"{entry.sequence} {entry.kind.value} {entry.request_id or 'by its owner'}")
        return trail

    # --- accounts ---

    async def _states(self) -> list[Difference]:
        """How accounts differ, whatever they hold."""
        side = self._outbox.side
        frozen = None if self._frozen is None else self._frozen()

        async def differing(account: AccountId) -> tuple[Difference, ...]:
            name = side.registry_account(account)
            state = await self._read(partial(self._registry.account_state, name))
            kind = BreakKind.ACCOUNT_STATE_DIFFERS
            return tuple(
                Difference(kind=kind, registry_account=name, detail=detail)
                for detail in _state_faults(account, state, None if frozen is None else name in frozen)
            )

        found = await for_each(tuple(side.accounts()), differing, at_a_time=ACCOUNTS_AT_A_TIME)
        return [difference for some in found for difference in some]


def _state_faults(account: AccountId, state: AccountState | None, frozen_here: bool | None) -> Iterator[str]:  # noqa: FBT001
    if state is None:
        yield "open here, unknown there"
        return
    if state.closed:
        yield "open here, closed there"
    if frozen_here is not None and state.frozen is not frozen_here:
        yield "frozen there, not here" if state.frozen else "frozen here, not there"
    if state.trading_account not in {None, account}:
        yield f"bound there to {state.trading_account}"


def _do_not_add_up(stated: Side, summed: Side) -> Difference:
    detail = f"the registry states {stated.totals.tonnes} tonnes and tells of {summed.totals.tonnes}"
    return Difference(
        kind=BreakKind.TOTALS_DIFFER, detail=f"{detail}, or another digest than of what it tells"
    )


def _in_both(earlier: Outcome, later: Outcome) -> Outcome:
    """Of the later comparison what the earlier had as well."""
    known = {_identity(one) for one in earlier.differences}
    differences = tuple(one for one in later.differences if _identity(one) in known)
    places = {(one.registry_account, one.lot_id) for one in differences}
    breaks = tuple(one for one in later.positions.breaks if (one.account, one.lot) in places)
    unlisted = later.positions.break_count - len(later.positions.breaks)
    found = replace(later.positions, breaks=breaks, break_count=len(breaks) + unlisted)
    return Outcome(positions=found, differences=differences)


def _identity(one: Difference) -> tuple[object, ...]:
    """What makes two differences the same; its serials may have grown meanwhile."""
    return (one.kind, one.registry_account, one.lot_id)
