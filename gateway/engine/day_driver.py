"""What moves the trading day: time that passes, and a close that has to be worked off.

The driver holds no state of its own. It looks at the views, sends the next command through the sequencer like
everybody else, and sleeps until the clock or a commit gives it a reason to look again; so it goes on by itself after
a crash at any step.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from gateway.engine.clock import Clock
from gateway.engine.entry import Entry
from gateway.engine.sequencer import CommitListener, Overloaded, Stopped
from gateway.engine.views.calendar_end import next_day_is_known
from gateway.engine.views.market import CloseStepView, CloseView
from gateway.engine.views.views import Views
from matching.close_events import RegistryPassedOver
from matching.commands import AdvanceClose, AdvanceTime, Command, IssueStatements, RecordReconciliation
from matching.events import (
    ActApproved,
    CalendarAnnounced,
    CloseStarted,
    CloseStep,
    CloseStepAdvanced,
    DayClosed,
    DayOpened,
    PhaseChanged,
    RulesAdopted,
)
from matching.safety_events import ConnectionEnded, SafetyTimerFired, SafetyTimerSet
from settlement.events import MovementConfirmed, MovementRefused
from settlement.values import TradingDay

PORTION: Final = 1_000
"""Orders or deliveries in one step of the close: keeps others waiting for a few hundredths of a second, and is a row of
a few hundred kilobytes in the journal, as is the registry's answer to it."""

LOOK_AGAIN_S: Final = 60.0
"""The longest sleep by the machine's clock, which may be set or may have stood still in a suspended machine."""

OVERLOADED_S: Final = 0.05
"""Pause when the queue was full."""

Reconcile: TypeAlias = Callable[[TradingDay], Awaitable[RecordReconciliation]]
"""Compares with the registry; returns only when it could be compared."""

Issue: TypeAlias = Callable[[TradingDay, int], Awaitable[IssueStatements]]
"""Makes the statements next in turn, when so many have been issued."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outside:
    """What a close needs that the core cannot do."""

    reconcile: Reconcile
    issue: Issue


NextChange: TypeAlias = Callable[[], int | None]


class CommandLine(Protocol):
    """The sequencer, as the driver uses it."""

    async def submit(self, command: Command) -> Entry:
        """Have a command decided."""
        ...

    def on_commit(self, listener: CommitListener) -> None:
        """Tell of every commit."""
        ...


class DayDriver:
    """Sends `AdvanceTime`, `AdvanceClose`, `IssueStatements` and `RecordReconciliation` when they are due."""

    def __init__(
        self,
        sequencer: CommandLine,
        views: Views,
        clock: Clock,
        next_change_ns: NextChange,
        outside: Outside,
        *,
        portion: int = PORTION,
    ) -> None:
        """To be made after the views listen to commits, so that a commit it is woken by is one they show.

        `next_change_ns` is the core's word on when time next changes anything.
        """
        self._sequencer = sequencer
        self._views = views
        self._clock = clock
        self._next_change_ns = next_change_ns
        self._outside = outside
        self._portion = portion
        self._woken = asyncio.Event()
        sequencer.on_commit(self._on_commit)
        clock.on_move(self._woken.set)

    async def run(self) -> None:
        """Move the day until the sequencer stops. Raises what the comparison with the registry raises."""
        while True:
            self._woken.clear()
            try:
                moved = await self._move()
            except Overloaded:
                await asyncio.sleep(OVERLOADED_S)
                continue
            except Stopped:
                return
            if not moved:
                await self._sleep()

    async def _move(self) -> bool:
        close = self._views.market.close
        if close is not None and close.state == "running":
            return await self._advance_close(close)
        due_ns = self._next_change_ns()
        if due_ns is None or due_ns > self._clock.now_ns():
            return False
        await self._sequencer.submit(AdvanceTime())
        after_ns = self._next_change_ns()
        assert after_ns is None or after_ns > due_ns, "time was advanced and is still due"
        return True

    async def _advance_close(self, close: CloseView) -> bool:
        """Do what the step at hand needs. False when only somebody else's command can bring it further."""
        day = TradingDay(close.trading_day)
        command: Command
        match close.at_hand:
            case CloseStepView(name=CloseStep.RECONCILE.value):
                compared = await self._compared(day)
                if compared is None:
                    return True
                command = compared
            case CloseStepView(name=CloseStep.PUBLICATION.value, done=done) if done:
                command = await self._outside.issue(day, done - 1)
            case CloseStepView(name=CloseStep.ROLL_DATE.value) if not self._can_roll(day):
                return False
            case _:
                command = AdvanceClose(trading_day=day, portion=self._portion)
        entry = await self._sequencer.submit(command)
        return any(_is_progress(event) for event in entry.events)

    def _can_roll(self, day: TradingDay) -> bool:
        """Else the calendar has run out, and asking again would fill the journal with refusals until it is announced."""
        return next_day_is_known(self._views, day, self._clock.now_ns())

    async def _compared(self, day: TradingDay) -> RecordReconciliation | None:
        """The comparison with the registry; none where the close has gone on without it meanwhile."""
        comparing = asyncio.ensure_future(self._outside.reconcile(day))
        try:
            while not comparing.done():
                waking = asyncio.create_task(self._woken.wait())
                await asyncio.wait({comparing, waking}, return_when=asyncio.FIRST_COMPLETED)
                waking.cancel()
                at_hand = None if self._views.market.close is None else self._views.market.close.at_hand
                if at_hand is None or at_hand.name != CloseStep.RECONCILE.value:
                    return None
                self._woken.clear()
            return comparing.result()
        finally:
            comparing.cancel()
            await asyncio.wait({comparing})

    async def _sleep(self) -> None:
        due_ns = self._next_change_ns()
        timeout_s = None if due_ns is None else self._clock.timeout_s(due_ns)
        if timeout_s is not None:
            timeout_s = min(timeout_s, LOOK_AGAIN_S)
        try:
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        except TimeoutError:
            return

    def _on_commit(self, entries: Sequence[Entry]) -> None:
        if any(_is_news(entry) for entry in entries):
            self._woken.set()


def _is_progress(event: object) -> bool:
    match event:
        case CloseStepAdvanced(step=CloseStep.REGISTRY, done=done, total=total):
            return done == total  # else the registry has to answer first
        case CloseStepAdvanced() | DayClosed():
            return True
        case _:
            return False


_NEWS: Final = frozenset(
    {
        ActApproved,  # perhaps of one that lets the close go on
        RegistryPassedOver,
        CalendarAnnounced,
        CloseStarted,
        DayOpened,
        MovementConfirmed,
        MovementRefused,
        PhaseChanged,
        RulesAdopted,
        SafetyTimerSet,
        SafetyTimerFired,
        ConnectionEnded,
    }
)


def _is_news(entry: Entry) -> bool:
    """Whether the day may go on after it. What the passing of time brings comes first in any entry."""
    return bool(entry.events) and type(entry.events[0]) in _NEWS
