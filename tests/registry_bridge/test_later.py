"""Movements that are accepted and decided later: answered so until then, final afterwards, never forgotten."""

import asyncio
from pathlib import Path

import pytest

from gateway.postgres.migrations import migrate
from registry_bridge.http_registry import HttpRegistry, connect
from registry_bridge.reference import administration, feeds, inspection, movements, publishing
from registry_bridge.reference.later import Decider, LaterPolicy
from registry_bridge.reference.movements import Accepted, IdReused
from registry_bridge.reference.serving import ADMIN_KEY, EXCHANGE_KEY, RegistrySettings, running
from registry_bridge.reference.store import Pool, Store
from registry_bridge.registry import (
    AccountKind,
    Answer,
    Confirmed,
    RefusalCode,
    Refused,
    Unknown,
    UnknownReason,
)
from registry_bridge.wire_administration import Methodology
from settlement.lot import MethodologyClass
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.examples import DEADLINE_NS, NOW_NS, ManualClock, issue, transfer_in

ASKED = transfer_in("in", ((1, 11),))
SECOND_NS = 1_000_000_000


@pytest.fixture
async def filled(store: Store) -> Store:
    await administration.open_account(store, "seller", AccountKind.INSTITUTION)
    await feeds.bind(store, "seller", "T-seller")
    await publishing.publish_methodology(
        store, Methodology(code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t")
    )
    await publishing.issue_lot(store, issue())
    return store


async def accepted(store: Store) -> None:
    assert await movements.receive(store, ASKED, decide_after_ms=1_000) == Accepted(request_id="in")


async def test_it_is_accepted_until_its_time_and_then_final(
    filled: Store, pool: Pool, clock: ManualClock
) -> None:
    await accepted(filled)
    await accepted(filled)
    assert await movements.find(filled, "in") == Accepted(request_id="in")
    assert not await movements.decide_next(filled)
    assert (await feeds.journal(pool, 0)).entries == ()
    clock.now_ns += SECOND_NS
    assert await movements.decide_next(filled)
    answer = await movements.receive(filled, ASKED, decide_after_ms=1_000)
    assert isinstance(answer, Confirmed) and answer == await movements.find(filled, "in")
    assert not await movements.decide_next(filled)
    assert (await inspection.audit(pool)).findings == ()


async def test_what_came_in_time_is_not_late_when_it_is_decided(filled: Store, clock: ManualClock) -> None:
    await accepted(filled)
    clock.now_ns = DEADLINE_NS + SECOND_NS
    assert await movements.decide_next(filled)
    assert isinstance(await movements.find(filled, "in"), Confirmed)


async def test_what_comes_too_late_is_refused_at_once(filled: Store, clock: ManualClock) -> None:
    clock.now_ns = DEADLINE_NS + 1
    answer = await movements.receive(filled, ASKED, decide_after_ms=0)
    assert isinstance(answer, Refused) and answer.code is RefusalCode.TOO_LATE


async def test_other_content_under_an_accepted_id_is_refused(filled: Store) -> None:
    await accepted(filled)
    other = transfer_in("in", ((1, 12),))
    assert await movements.receive(filled, other, decide_after_ms=1_000) == IdReused(request_id="in")


async def test_an_accepted_request_can_be_cancelled(filled: Store, pool: Pool, clock: ManualClock) -> None:
    await accepted(filled)
    answer = await movements.cancel(filled, "in")
    assert isinstance(answer, Refused) and answer.code is RefusalCode.CANCELLED
    clock.now_ns += SECOND_NS
    assert not await movements.decide_next(filled)
    assert await movements.receive(filled, ASKED, decide_after_ms=0) == answer
    assert (await feeds.journal(pool, 0)).entries == ()


async def test_they_are_decided_in_the_order_they_came(filled: Store, clock: ManualClock) -> None:
    for number in range(3):
        asked = transfer_in(f"in-{number}", ((5, 11 + number),))
        await movements.receive(filled, asked, decide_after_ms=0)
    while await movements.decide_next(filled):
        pass
    answers = [await movements.find(filled, f"in-{number}") for number in range(3)]
    assert [type(answer) for answer in answers] == [Confirmed, Refused, Refused]


async def test_a_restart_forgets_none_of_them(filled: Store, pool: Pool, clock: ManualClock) -> None:
    await accepted(filled)
    clock.now_ns = NOW_NS + SECOND_NS
    decider = asyncio.create_task(Decider(Store(pool, clock)).run())
    async with asyncio.timeout(10):
        while isinstance(await movements.find(filled, "in"), Accepted):  # noqa: ASYNC110 - the database says when
            await asyncio.sleep(0.01)
    decider.cancel()
    assert isinstance(await movements.find(filled, "in"), Confirmed)


def test_large_movements_wait_where_that_was_said() -> None:
    small, large = ASKED, transfer_in("in", ((1, 2), (3, 4)))
    assert [LaterPolicy().decide_after_ms(one) for one in (small, large)] == [None, None]
    policy = LaterPolicy(from_ranges=2, after_ms=5)
    assert [policy.decide_after_ms(one) for one in (small, large)] == [None, 5]


async def test_over_the_line_it_is_still_open_and_then_done(
    filled: Store, database: str, keys: Path, clock: ManualClock
) -> None:
    settings = RegistrySettings(
        database_url=database,
        host="127.0.0.1",
        port=0,
        key_file=keys / "registry.pem",
        exchange_public_key_file=keys / f"{EXCHANGE_KEY}.pub",
        admin_public_key_file=keys / f"{ADMIN_KEY}.pub",
        later=LaterPolicy(from_ranges=1, after_ms=1_000),
    )
    async with running(settings, migrate=migrate, clock=clock) as url:
        line = Service(url=url, database=database, keys=keys, clock=clock).line(EXCHANGE_KEY)
        async with connect(line) as registry:
            for answer in (await registry.move(ASKED), await registry.ask("in"), await registry.move(ASKED)):
                assert isinstance(answer, Unknown) and answer.why is UnknownReason.STILL_OPEN
            clock.now_ns += SECOND_NS
            assert isinstance(await _final(registry), Confirmed)


async def _final(registry: HttpRegistry) -> Answer:
    async with asyncio.timeout(10):
        while True:
            answer = await registry.ask("in")
            if not isinstance(answer, Unknown):
                return answer
            await asyncio.sleep(0.01)
