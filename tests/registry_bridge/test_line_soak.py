"""Deliveries over a line on which everything goes wrong at random, with both sides killed: each is made exactly once.

The seed is printed. PUHUI_LINE_SEED chooses another, PUHUI_LINE_DELIVERIES how many `make soak` carries.
"""

import asyncio
import os
import random
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from registry_bridge.back_off import BackOff
from registry_bridge.bridge import Bridge
from registry_bridge.circuit import CircuitSettings
from registry_bridge.http_administration import HttpAdministration, connect_administration
from registry_bridge.http_registry import HttpRegistry, connect
from registry_bridge.reconciling import Reconciler
from registry_bridge.reference.serving import ADMIN_KEY, EXCHANGE_KEY
from registry_bridge.registry import AccountKind, Confirmed, Movement, RegistryUnavailable
from registry_bridge.wire_faults import FaultKind, FaultOrder
from settlement.lot import MethodologyClass
from settlement.values import AccountId
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.drilled import Drill, ticking
from tests.registry_bridge.examples import DAY, DEADLINE_NS, ManualClock, deliver, issue
from tests.registry_bridge.side import Side
from tests.registry_bridge.test_bridge import ListOutbox

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""A registry that is killed within this process leaves connections behind that it had just accepted."""

SEED: Final = int(os.environ.get("PUHUI_LINE_SEED", "20261122"))
DELIVERIES: Final = int(os.environ.get("PUHUI_LINE_DELIVERIES", "10000"))
FEW: Final = 150
EVERY: Final = 20
"""Of so many deliveries one names serials the seller has not."""

CHANCE_PPM: Final = 20_000
KILL_PPM: Final = 3_000
DELAY_MS: Final = 300


async def arm(people: HttpAdministration, chance: random.Random) -> None:
    """Every fault by chance, at every call of the exchange's."""
    for kind in FaultKind:
        kills = kind in {FaultKind.RESTART_BEFORE, FaultKind.RESTART_AFTER}
        order = FaultOrder(
            kind=kind,
            probability_ppm=KILL_PPM if kills else CHANCE_PPM,
            seed=chance.randrange(1 << 30),
            delay_ms=DELAY_MS if kind in {FaultKind.SLOW, FaultKind.ACCEPT_LATER} else 0,
        )
        await people.set_fault(order)


async def keep_armed(drill: Drill, people: HttpAdministration, chance: random.Random) -> None:
    """A registry that was killed has forgotten its faults."""
    armed = -1
    while True:
        if armed != drill.restarts:
            try:
                await arm(people, chance)
                armed = drill.restarts
            except RegistryUnavailable:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)


async def carry(outbox: ListOutbox, registry: HttpRegistry, chance: random.Random) -> int:
    """Over as many lives of the bridge as it takes; how many it took."""
    lives = 0
    while outbox.entries:
        lives += 1
        bridge = Bridge(
            outbox,
            registry,
            clock_ns=ticking,
            concurrency=16,
            back_off=BackOff(first_s=0.02, longest_s=0.5),
            jitter=chance.random,
        )
        running = asyncio.create_task(bridge.run())
        left = len(outbox.entries)
        dies_at = left - max(chance.randrange(left // 2 + 1), 10)
        while len(outbox.entries) > max(dies_at, 0):
            assert not running.done(), running.exception()
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return lives


def asked(number: int, total: int) -> Movement:
    """A tonne each; of every so many one is of serials that are not there."""
    first = number + (2 * total if not number % EVERY else 0)
    return replace(deliver(f"x1.{number}", ((first, first + 1),), seller="seller"), not_after_ns=DEADLINE_NS)


async def prepare(registry: HttpRegistry, people: HttpAdministration, total: int) -> None:
    for account in ("seller", "buyer"):
        await people.open_account(account, AccountKind.INSTITUTION)
        await registry.bind(account, f"T-{account}")
    await people.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t"
    )
    await people.issue_lot(issue(quantity=total))
    await people.transfer_by_owner(
        transfer_id="t", account="seller", lot="LOT-1", serials=((1, 1 + total),), trading_day=DAY
    )


async def play(drill: Drill, service: Service, total: int) -> None:
    chance = random.Random(SEED)
    settings = service.line(EXCHANGE_KEY, timeout_s=0.25)
    circuit = CircuitSettings(failures=10, rest=BackOff(first_s=0.05, longest_s=0.5))
    async with AsyncExitStack() as stack:
        people = await stack.enter_async_context(connect_administration(service.line(ADMIN_KEY)))
        calm = await stack.enter_async_context(connect(service.line(EXCHANGE_KEY)))
        registry = await stack.enter_async_context(connect(replace(settings, circuit=circuit)))
        await prepare(calm, people, total)
        outbox = ListOutbox(*(asked(number, total) for number in range(1, total + 1)))
        arming = asyncio.create_task(keep_armed(drill, people, chance))
        lives = await carry(outbox, registry, chance)
        arming.cancel()
        await asyncio.gather(arming, return_exceptions=True)
        await people.clear_faults()
        confirmed = {name for name, answer in outbox.resolved if isinstance(answer, Confirmed)}
        print(  # noqa: T201 - what a soak found is for whoever runs it
            f"seed {SEED}: {total} deliveries, {len(confirmed)} confirmed, {lives} lives of the bridge,"
            f" {drill.restarts} of the registry, circuit opened {registry.circuit.opened} times"
        )
        await agreed(calm, people, outbox, confirmed, total)


async def agreed(
    calm: HttpRegistry, people: HttpAdministration, outbox: ListOutbox, confirmed: set[str], total: int
) -> None:
    """Every delivery is resolved as it happened, exactly once; both sides hold the same, and the registry adds up."""
    assert outbox.told == []
    assert len(outbox.resolved) == total
    assert confirmed == {f"x1.{number}" for number in range(1, total + 1) if number % EVERY}
    entered: list[str] = []
    following: int | None = 1
    while following is not None:
        page = await calm.journal(following)
        entered += [entry.request_id or "" for entry in page.entries]
        following = page.next
    assert sorted(entered) == sorted(confirmed)
    side = Side("T-seller", "T-buyer")
    for number in range(1, total + 1):
        owner = "T-buyer" if number % EVERY else "T-seller"
        side.give(owner, "LOT-1", ((number, number + 1),))
    side.cursor = len((await calm.notices()).notices)
    found = await Reconciler(calm, side.outbox, side.feed(calm), since=1).reconcile()
    assert found.is_clean and AccountId("T-buyer") in side.holdings
    assert (await people.check()).findings == ()


@pytest.fixture
def quick_service(drill: Drill, database: str, keys: Path, clock: ManualClock) -> Service:
    return Service(url=drill.url, database=database, keys=keys, clock=clock)


async def test_deliveries_are_made_exactly_once_whatever_goes_wrong(
    drill: Drill, quick_service: Service
) -> None:
    await play(drill, quick_service, FEW)


@pytest.mark.soak
async def test_very_many_deliveries_are_made_exactly_once(drill: Drill, quick_service: Service) -> None:
    await play(drill, quick_service, DELIVERIES)
