"""Every fault at every step of every kind of movement: what the core is told is what happened, exactly once."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from registry_bridge import journal_watch, notice_feed, reconciling, upkeep
from registry_bridge.back_off import BackOff
from registry_bridge.bridge import Bridge
from registry_bridge.circuit import CircuitSettings
from registry_bridge.http_administration import HttpAdministration, connect_administration
from registry_bridge.http_registry import connect
from registry_bridge.journal_watch import JournalWatch
from registry_bridge.reconciling import Reconciler
from registry_bridge.reference.serving import ADMIN_KEY, EXCHANGE_KEY
from registry_bridge.registry import Answer, Movement, MovementKind, Unknown, UnknownReason
from registry_bridge.upkeep import AccountBinder
from registry_bridge.wire_faults import CallName, FaultKind, FaultOrder
from settlement.commands import TakeNotice
from settlement.events import InstructionKind
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.crossing import Step, asked, check, cross, fill
from tests.registry_bridge.drilled import Drill, ticking
from tests.registry_bridge.examples import ManualClock
from tests.registry_bridge.fake_registry import FakeRegistry
from tests.registry_bridge.side import Side

TIMES = 2
"""How often in a row each fault happens."""

SLOW_MS = 200
TIMEOUT_S = 0.15

BEFORE = {FaultKind.DROP_BEFORE, FaultKind.ERROR_BEFORE, FaultKind.RESTART_BEFORE}
LOOKS_LIKE = {
    FaultKind.SLOW: UnknownReason.TIMED_OUT,
    FaultKind.DROP_BEFORE: UnknownReason.CONNECTION_LOST,
    FaultKind.DROP_AFTER: UnknownReason.CONNECTION_LOST,
    FaultKind.GARBAGE: UnknownReason.GARBAGE,
    FaultKind.WRONG_SIGNATURE: UnknownReason.SIGNATURE_INVALID,
    FaultKind.ERROR_BEFORE: UnknownReason.SERVER_ERROR,
    FaultKind.ERROR_AFTER: UnknownReason.SERVER_ERROR,
    FaultKind.RESTART_BEFORE: UnknownReason.CONNECTION_LOST,
    FaultKind.RESTART_AFTER: UnknownReason.CONNECTION_LOST,
    FaultKind.ACCEPT_LATER: UnknownReason.STILL_OPEN,
}
"""Fault → what the client makes of it. A call that is done twice looks like any other."""


class SpoiledRegistry(FakeRegistry):
    """The plain registry behind a line on which the next calls of one name go wrong."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.fault: FaultKind | None = None
        self.call: CallName | None = None
        self.left = 0
        self._late: list[Movement] = []

    async def move(self, movement: Movement) -> Answer:
        fault = self._draw(CallName.MOVE)
        if fault is FaultKind.SLOW or fault is FaultKind.ACCEPT_LATER:
            # It is done after the next question has been answered.
            self._late.append(movement)
            return _unclear(movement.request_id, fault)
        if fault in BEFORE:
            return _unclear(movement.request_id, fault)
        answer = await super().move(movement)
        if fault is FaultKind.DUPLICATE:
            assert await super().move(movement) == answer
        return _spoilt(answer, fault)

    async def ask(self, request_id: str) -> Answer:
        fault = self._draw(CallName.ASK)
        answer = await super().ask(request_id)
        while self._late:
            await super().move(self._late.pop())
        return _spoilt(answer, fault)

    async def cancel(self, request_id: str) -> Answer:
        fault = self._draw(CallName.CANCEL)
        if fault in BEFORE:
            return _unclear(request_id, fault)
        answer = await super().cancel(request_id)
        if fault is FaultKind.DUPLICATE:
            assert await super().cancel(request_id) == answer
        return _spoilt(answer, fault)

    def _draw(self, call: CallName) -> FaultKind | None:
        if call is not self.call or not self.left:
            return None
        self.left -= 1
        return self.fault


def _spoilt(answer: Answer, fault: FaultKind | None) -> Answer:
    if fault is None or fault is FaultKind.DUPLICATE:
        return answer
    return _unclear(answer.request_id, fault)


def _unclear(request_id: str, fault: FaultKind | None) -> Unknown:
    assert fault is not None
    return Unknown(request_id=request_id, why=LOOKS_LIKE[fault])


def happens(fault: FaultKind, step: Step) -> bool:
    """Only a movement can be decided later."""
    return fault is not FaultKind.ACCEPT_LATER or step.call is CallName.MOVE


@pytest.mark.parametrize(
    ("fault", "step"), [(fault, step) for fault in FaultKind for step in Step if happens(fault, step)]
)
async def test_over_the_plain_registry(clock: ManualClock, fault: FaultKind, step: Step) -> None:
    """All kinds, each movement with serials of its own."""
    registry = SpoiledRegistry(clock)
    await fill(registry, registry)

    async def arm() -> None:
        registry.fault, registry.call, registry.left = fault, step.call, TIMES

    for number, kind in enumerate(MovementKind):
        moved = asked(kind, number)
        answer = await cross(registry, moved, step, arm)
        assert registry.left < TIMES, f"{fault} did not happen to {kind}"
        await check(registry, moved, step, answer)


@pytest.mark.parametrize("fault", FaultKind)
async def test_over_the_reference_registry(
    drill: Drill, database: str, keys: Path, clock: ManualClock, fault: FaultKind
) -> None:
    """All steps and kinds over one registry, each movement with serials of its own."""
    service = Service(url=drill.url, database=database, keys=keys, clock=clock)
    line = replace(
        service.line(EXCHANGE_KEY, timeout_s=TIMEOUT_S), circuit=CircuitSettings(failures=1_000_000)
    )
    async with AsyncExitStack() as stack:
        people = await stack.enter_async_context(connect_administration(service.line(ADMIN_KEY)))
        calm = await stack.enter_async_context(connect(service.line(EXCHANGE_KEY)))
        registry = await stack.enter_async_context(connect(line))
        await fill(calm, people)
        cases = [(step, kind) for step in Step if happens(fault, step) for kind in MovementKind]
        for number, (step, kind) in enumerate(cases):
            moved = asked(kind, number)
            answer = await cross(registry, moved, step, lambda step=step: arm(people, fault, step))  # type: ignore[misc]
            if fault in {FaultKind.RESTART_BEFORE, FaultKind.RESTART_AFTER}:
                assert drill.kills > number
                await drill.up()
            else:
                assert (await people.faults())[-1].happened > 0
                await people.clear_faults()
            await check(calm, moved, step, answer)


READ = (
    CallName.NOTICES,
    CallName.JOURNAL,
    CallName.POSITIONS,
    CallName.ACCOUNT,
    CallName.BIND,
    CallName.CAPABILITIES,
)
"""What only reads, or binds."""


@pytest.fixture
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (notice_feed, reconciling, journal_watch):
        monkeypatch.setattr(module, "AGAIN", BackOff(first_s=0.01, longest_s=0.05))
    monkeypatch.setattr(notice_feed, "NOTICES_EVERY_S", 0.01)
    monkeypatch.setattr(upkeep, "PAUSE_S", 0.01)


@pytest.mark.usefixtures("_short_pauses")
@pytest.mark.parametrize("fault", [fault for fault in FaultKind if fault is not FaultKind.ACCEPT_LATER])
async def test_what_is_followed_and_compared_comes_right(
    drill: Drill,
    database: str,
    keys: Path,
    clock: ManualClock,
    fault: FaultKind,
) -> None:
    """Every fault at every call that only reads, while notices, journal and lots are followed and all is compared."""
    service = Service(url=drill.url, database=database, keys=keys, clock=clock)
    line = replace(
        service.line(EXCHANGE_KEY, timeout_s=TIMEOUT_S), circuit=CircuitSettings(failures=1_000_000)
    )
    side = Side("T-seller", "T-buyer")
    async with AsyncExitStack() as stack:
        people = await stack.enter_async_context(connect_administration(service.line(ADMIN_KEY)))
        calm = await stack.enter_async_context(connect(service.line(EXCHANGE_KEY)))
        registry = await stack.enter_async_context(connect(line))
        await fill(calm, people)
        async with side.feed(calm).held():
            await people.freeze(lot="LOT-1", serials=((300, 301),), reason="Inquiry")
        feed = side.feed(registry)
        watch = JournalWatch(registry, side.outbox, side)
        bridge = Bridge(
            side.outbox, registry, clock_ns=ticking, back_off=BackOff(first_s=0.001, longest_s=0.02)
        )
        binder = AccountBinder(registry)
        kills = fault in {FaultKind.RESTART_BEFORE, FaultKind.RESTART_AFTER}
        for call in READ:
            delay_ms = SLOW_MS if fault is FaultKind.SLOW else 0
            # One that kills is armed for one call: what was armed for the others would be forgotten.
            if not kills or call is CallName.POSITIONS:
                await people.set_fault(FaultOrder(kind=fault, call=call, count=1, delay_ms=delay_ms))
        side.instruct(InstructionKind.DELIVER, "T-seller", "T-buyer", ((1, 11),))
        binder.add("buyer", "T-buyer")
        tasks = [asyncio.create_task(work) for work in (feed.run(), watch.run(), bridge.run(), binder.run())]
        async with asyncio.timeout(30):
            found = await Reconciler(registry, side.outbox, feed, frozen=list).reconcile()
            while side.instructions:  # noqa: ASYNC110 - a state of many parts
                await asyncio.sleep(0.01)
            last = await Reconciler(registry, side.outbox, feed, frozen=list).reconcile()
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in ended} == {asyncio.CancelledError}
    assert found.is_clean and last.is_clean and last.positions.as_of == 2
    assert (side.breaks, watch.found) == ([], 0)
    assert [one.notice.sequence for one in side.submitted if isinstance(one, TakeNotice)] == [1, 2, 3]
    assert drill.kills > 0 if kills else drill.kills == 0


async def arm(people: HttpAdministration, fault: FaultKind, step: Step) -> None:
    delays = {FaultKind.SLOW: SLOW_MS, FaultKind.ACCEPT_LATER: 30}
    # A registry that was killed has forgotten what was armed: it is killed once.
    await people.set_fault(FaultOrder(kind=fault, call=step.call, count=TIMES, delay_ms=delays.get(fault, 0)))


def test_the_client_sees_every_fault_but_one() -> None:
    assert set(FaultKind) - set(LOOKS_LIKE) == {FaultKind.DUPLICATE}
