"""One movement across a line on which something goes wrong at one step, and what must be true afterwards."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from enum import Enum

import pytest

from registry_bridge.back_off import BackOff
from registry_bridge.bridge import OVERDUE_NS, Bridge
from registry_bridge.capabilities import WHOLE_PROTOCOL
from registry_bridge.http_administration import HttpAdministration
from registry_bridge.registry import (
    AccountKind,
    Confirmed,
    FinalAnswer,
    Movement,
    MovementKind,
    RefusalCode,
    Refused,
    Registry,
    RetirementPurpose,
    RetirementTerms,
    SubAccount,
)
from registry_bridge.wire_faults import CallName
from settlement.lot import MethodologyClass
from settlement.serials import Serials
from tests.registry_bridge.examples import DAY, DEADLINE_NS, NOW_NS, issue, leg, movement
from tests.registry_bridge.fake_registry import FakeRegistry
from tests.registry_bridge.test_bridge import ListOutbox

MANAGEMENT, TRADING = SubAccount.MANAGEMENT, SubAccount.TRADING
LOT_TONNES = 400
TRADED_TONNES = 200
EACH = 5


class Step(Enum):
    """Where it goes wrong, and in which position the movement is then."""

    SEND = "send"
    ASK_UNSENT = "ask, never sent"
    ASK_DONE = "ask, done before"
    CANCEL = "cancel, never sent"
    RESOLVE_BEFORE = "resolve, we crash before it is journaled"
    RESOLVE_AFTER = "resolve, we crash after it is journaled"

    @property
    def call(self) -> CallName:
        """The call on which the fault happens."""
        match self:
            case Step.ASK_UNSENT | Step.ASK_DONE:
                return CallName.ASK
            case Step.CANCEL:
                return CallName.CANCEL
            case Step.SEND | Step.RESOLVE_BEFORE | Step.RESOLVE_AFTER:
                return CallName.MOVE


SOURCES = {
    MovementKind.TRANSFER_IN: ("seller", MANAGEMENT),
    MovementKind.TRANSFER_OUT: ("seller", TRADING),
    MovementKind.DELIVER: ("seller", TRADING),
    MovementKind.RETIRE: ("seller", TRADING),
}
TARGETS = {
    MovementKind.TRANSFER_IN: ("seller", TRADING),
    MovementKind.TRANSFER_OUT: ("seller", MANAGEMENT),
    MovementKind.DELIVER: ("buyer", TRADING),
    MovementKind.RETIRE: None,
}


class Crash(Exception):  # noqa: N818 - it is no error: it is what is tried
    """Our process ends."""


class CrashingOutbox(ListOutbox):
    """The core; the process ends at the first answer, before or after it is journaled, if a test says so."""

    crash: Step | None = None

    async def resolve(self, request_id: str, answer: FinalAnswer) -> None:
        crash, self.crash = self.crash, None
        if crash is Step.RESOLVE_BEFORE:
            raise Crash
        await super().resolve(request_id, answer)
        if crash is Step.RESOLVE_AFTER:
            raise Crash


async def fill(registry: Registry, people: HttpAdministration | FakeRegistry) -> None:
    """A lot of which the seller trades the first half."""
    for account in ("seller", "buyer"):
        await people.open_account(account, AccountKind.INSTITUTION)
        await registry.bind(account, f"T-{account}")
    await people.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t"
    )
    await people.issue_lot(issue(quantity=LOT_TONNES))
    await people.transfer_by_owner(
        transfer_id="t", account="seller", lot="LOT-1", serials=((1, 1 + TRADED_TONNES),), trading_day=DAY
    )


def asked(kind: MovementKind, number: int) -> Movement:
    """The so-manieth movement, of serials of its own."""
    first = 1 + EACH * number + (TRADED_TONNES if kind is MovementKind.TRANSFER_IN else 0)
    terms = RetirementTerms(
        purpose=RetirementPurpose.VOLUNTARY_OFFSET,
        compliance_year=None,
        beneficiary="seller",
        statement="",
    )
    one = leg(1, ((first, first + EACH),), SOURCES[kind], TARGETS[kind])
    retirement = terms if kind is MovementKind.RETIRE else None
    return movement(f"m{number}", kind, one, retirement=retirement)


async def cross(
    registry: Registry, moved: Movement, step: Step, arm: Callable[[], Awaitable[None]]
) -> FinalAnswer:
    """Carry a movement through whatever was armed, over as many lives of the bridge as it takes."""
    outbox = CrashingOutbox()
    if step is Step.ASK_DONE:
        async with asyncio.timeout(20):
            # A registry may still be on its way back from the case before.
            while not isinstance(await registry.move(moved), Confirmed):  # noqa: ASYNC110 - it is asked again
                await asyncio.sleep(0.01)
    is_pending_before = step in {Step.ASK_UNSENT, Step.ASK_DONE, Step.CANCEL}
    if is_pending_before:
        outbox.add(moved)
    outbox.crash = step if step in {Step.RESOLVE_BEFORE, Step.RESOLVE_AFTER} else None
    await arm()
    for _ in range(3):
        running = asyncio.create_task(_bridge(outbox, registry, step).run())
        async with asyncio.timeout(20):
            if not is_pending_before:
                while not outbox.waiting:  # noqa: ASYNC110 - a state of many parts
                    await asyncio.sleep(0)
                outbox.add(moved)
            while not running.done() and outbox.entries:  # noqa: ASYNC110 - a state of many parts
                await asyncio.sleep(0.001)
        is_pending_before = True
        running.cancel()
        with pytest.raises((asyncio.CancelledError, Crash)):
            await running
        if not outbox.entries:
            break
    ((name, answer),) = outbox.resolved
    assert (name, outbox.told) == (moved.request_id, [])
    return answer


def _bridge(outbox: ListOutbox, registry: Registry, step: Step) -> Bridge:
    cancels = step is Step.CANCEL
    return Bridge(
        outbox,
        registry,
        clock_ns=lambda: DEADLINE_NS + OVERDUE_NS + 1 if cancels else NOW_NS,
        capabilities=replace(WHOLE_PROTOCOL, platform_clock=False) if cancels else None,
        back_off=BackOff(first_s=0.001, longest_s=0.02),
        jitter=lambda: 0.0,
    )


async def check(registry: Registry, moved: Movement, step: Step, answer: FinalAnswer) -> None:
    """What the core was told is what happened, once; a late copy changes nothing."""
    await registry.move(moved)
    entries = [entry async for entry in _entries(registry) if entry == moved.request_id]
    kind = moved.kind
    if step is Step.CANCEL:
        assert isinstance(answer, Refused) and answer.code is RefusalCode.CANCELLED
        assert entries == []
    else:
        assert isinstance(answer, Confirmed)
        assert entries == [moved.request_id]
    ended = SOURCES[kind] if step is Step.CANCEL else TARGETS[kind]
    for place in (("seller", MANAGEMENT), ("seller", TRADING), ("buyer", TRADING)):
        held = await _held(registry, *place)
        (span,) = moved.legs[0].serials
        assert any(low <= span[0] and span[1] <= high for low, high in held) is (place == ended)


async def _held(registry: Registry, account: str, sub_account: SubAccount) -> Serials:
    found = await registry.account(account)
    assert found is not None
    return tuple((one.first, one.end) for one in found.holdings if one.sub_account is sub_account)


async def _entries(registry: Registry) -> AsyncIterator[str | None]:
    following: int | None = 0
    while following is not None:
        page = await registry.journal(following)
        for entry in page.entries:
            yield entry.request_id
        following = page.next
