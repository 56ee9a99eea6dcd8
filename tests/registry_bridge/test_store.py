"""The reference registry's store under concurrency, over long histories, and against the plain registry."""

import asyncio
import random
from collections.abc import Awaitable

import asyncpg
import pytest

from registry_bridge.http_registry import HttpRegistry
from registry_bridge.reconcile import PositionDigest, reconcile
from registry_bridge.reference import administration, feeds, movements, publishing
from registry_bridge.reference import notices as told
from registry_bridge.reference import positions as positions_module
from registry_bridge.reference.positions import START, NotYet, Positions
from registry_bridge.reference.store import Pool, Store
from registry_bridge.registry import (
    AccountKind,
    Confirmed,
    Movement,
    MovementKind,
    PositionRange,
    RefusalCode,
    Refused,
    RequestIdReused,
)
from registry_bridge.wire_administration import Methodology
from settlement.lot import MethodologyClass
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.examples import (
    DAY,
    DEADLINE_NS,
    MANAGEMENT,
    NOW_NS,
    TRADING,
    ManualClock,
    deliver,
    issue,
    leg,
    movement,
    retire,
    transfer_in,
)
from tests.registry_bridge.fake_registry import FakeRegistry

ACCOUNTS = ("seller", "buyer", "third")


async def fill(store: Store, quantity: int = 1_000) -> None:
    for account in ACCOUNTS:
        await administration.open_account(store, account, AccountKind.INSTITUTION)
        await feeds.bind(store, account, f"T-{account}")
    await publishing.publish_methodology(
        store, Methodology(code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t")
    )
    await publishing.issue_lot(store, issue(quantity=quantity))


async def all_positions(pool: Pool, as_of: int | None = None) -> list[PositionRange]:
    positions, found, after = Positions(pool), list[PositionRange](), START
    while True:
        page, further = await positions.page(as_of, after)
        found += page.positions
        if further is None:
            return found
        after = further


async def test_of_many_at_once_for_the_same_serials_exactly_one_wins(store: Store, pool: Pool) -> None:
    await fill(store)
    await movements.decide(store, transfer_in("in", ((1, 101),)))
    rivals = [deliver(f"d{n}", ((n, n + 10),), buyer=ACCOUNTS[1 + n % 2]) for n in range(1, 41)]
    answers = await asyncio.gather(*(movements.decide(store, one) for one in rivals))
    won = [one for one, answer in zip(rivals, answers, strict=True) if isinstance(answer, Confirmed)]
    serials = [serial for one in won for span in one.legs[0].serials for serial in range(*span)]
    assert won and len(serials) == len(set(serials))
    assert sum(one.end - one.first for one in await all_positions(pool)) == 100


async def test_the_same_request_many_times_at_once_happens_once(store: Store, pool: Pool) -> None:
    await fill(store)
    asked = transfer_in("in", ((1, 101),))
    answers = await asyncio.gather(*(movements.decide(store, asked) for _ in range(20)))
    assert (
        len({(answer.movement_id, answer.digest) for answer in answers if isinstance(answer, Confirmed)}) == 1
    )
    assert all(isinstance(answer, Confirmed) for answer in answers)
    assert await pool.fetchval("select count(*) from journal") == 1


async def test_opposite_deliveries_at_once_do_not_deadlock(store: Store) -> None:
    await fill(store)
    await movements.decide(store, transfer_in("in", ((1, 1001),)))
    half = deliver("half", ((501, 1001),))
    await movements.decide(store, half)
    there = [deliver(f"a{n}", ((n, n + 1),)) for n in range(1, 21)]
    back = [deliver(f"b{n}", ((n, n + 1),), seller="buyer", buyer="seller") for n in range(501, 521)]
    answers = await asyncio.gather(*(movements.decide(store, one) for one in (*there, *back)))
    assert all(isinstance(answer, Confirmed) for answer in answers)


async def test_not_found_waits_for_a_movement_on_its_way(
    store: Store, pool: Pool, clock: ManualClock
) -> None:
    """Else it could be told as past its deadline, which is final, and be committed a moment later."""
    await fill(store)
    asked = transfer_in("in", ((1, 2),))
    async with pool.acquire() as other:
        hold = other.transaction()
        await hold.start()
        await other.execute("select from head for update")
        asking = asyncio.create_task(movements.find(store, "in"))
        await waits_for_lock(pool)
        assert not asking.done()
        clock.now_ns = DEADLINE_NS + 1
        await hold.rollback()
    answer = await asking
    assert isinstance(answer, movements.NotSeen) and answer.registry_time_ns == DEADLINE_NS + 1
    late = await movements.decide(store, asked)
    assert isinstance(late, Refused) and late.code is RefusalCode.TOO_LATE


async def waits_for_lock(pool: Pool) -> None:
    async with asyncio.timeout(5):
        while not await pool.fetchval("select count(*) from pg_locks where not granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_what_was_told_as_past_stays_past_after_a_restart(
    store: Store, pool: Pool, clock: ManualClock
) -> None:
    """The machine's clock may be set back while the registry is down."""
    await fill(store)
    clock.now_ns = DEADLINE_NS + 1
    assert isinstance(await movements.find(store, "in"), movements.NotSeen)
    clock.now_ns = NOW_NS
    again = Store(pool, clock)
    answer = await movements.decide(again, transfer_in("in", ((1, 2),)))
    assert isinstance(answer, Refused) and answer.code is RefusalCode.TOO_LATE


async def test_the_clock_does_not_go_back_while_it_runs(store: Store, clock: ManualClock) -> None:
    before = store.now_ns()
    clock.now_ns -= 1
    assert store.now_ns() == before


async def test_a_thousand_legs_in_one_transaction(store: Store, pool: Pool) -> None:
    await fill(store, quantity=10_000)
    await movements.decide(store, transfer_in("in", ((1, 10_001),)))
    scattered = [
        leg(n, ((n * 8, n * 8 + 3),), ("seller", TRADING), (ACCOUNTS[1 + n % 2], TRADING))
        for n in range(1, 1_001)
    ]
    answer = await movements.decide(store, movement("many", MovementKind.DELIVER, *scattered))
    assert isinstance(answer, Confirmed)
    rows = await pool.fetchval("select count(*) from holding")
    assert rows == 2_001
    back = [
        leg(n, ((n * 8, n * 8 + 3),), (ACCOUNTS[1 + n % 2], TRADING), ("seller", TRADING))
        for n in range(1, 1_001)
    ]
    assert isinstance(await movements.decide(store, movement("back", MovementKind.DELIVER, *back)), Confirmed)
    assert await all_positions(pool) == [PositionRange(account="seller", lot="LOT-1", first=1, end=10_001)]
    assert await all_positions(pool, 1) == await all_positions(pool)
    assert len(await all_positions(pool, 2)) == 2_001


async def test_the_same_answers_and_positions_as_the_plain_registry(
    store: Store, pool: Pool, clock: ManualClock
) -> None:
    """Two hundred movements by chance, sensible and not; compared answer by answer and at every entry."""
    chance = random.Random(20261122)
    fake = FakeRegistry(clock)
    await fill(store, quantity=40)
    for account in ACCOUNTS:
        await fake.open_account(account, AccountKind.INSTITUTION)
        await fake.bind(account, f"T-{account}")
    await fake.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t"
    )
    await fake.issue_lot(issue(quantity=40))
    for number in range(200):
        known = chance.random() < 0.1
        asked = by_chance(chance, fake, f"m{chance.randrange(number + 1) if known else number}")
        assert await outcome(movements.decide(store, asked)) == await outcome(fake.move(asked))
    assert len(fake.entries) > 100
    page = await feeds.journal(pool, 0)
    assert page.entries == tuple(fake.entries)[: len(page.entries)]
    for as_of in range(len(fake.entries) + 1):
        theirs = await fake.positions(as_of)
        ours, _ = await Positions(pool).page(as_of, START)
        assert (ours.positions, ours.totals, ours.digest) == (theirs.positions, theirs.totals, theirs.digest)


async def outcome(asked: Awaitable[object]) -> object:
    try:
        answer = await asked
    except RequestIdReused:
        return "reused"
    return "reused" if isinstance(answer, movements.IdReused) else answer


def by_chance(chance: random.Random, fake: FakeRegistry, request_id: str) -> Movement:
    """Mostly what can be done: a run of serials that are together in one place, and a way out of there."""
    (lot, first), (account, place) = chance.choice(list(fake.places.items()))
    end = first + 1
    while end < first + 6 and fake.places.get((lot, end)) == (account, place):
        end += 1
    serials = ((first, end + (chance.random() < 0.1)),)
    if chance.random() < 0.1:
        account = chance.choice(ACCOUNTS)
    if place == "management":
        return transfer_in(request_id, serials, account)
    if chance.random() < 0.05:
        return retire(request_id, ((first, first + 1),), account=account)
    if chance.random() < 0.2:
        step = leg(1, serials, (account, TRADING), (account, MANAGEMENT))
        return movement(request_id, MovementKind.TRANSFER_OUT, step)
    other = chance.choice([name for name in ACCOUNTS if name != account])
    return deliver(request_id, serials, seller=account, buyer=other)


async def test_positions_come_in_pages_with_one_sum(
    store: Store, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions_module, "PAGE_ITEMS", 7)
    monkeypatch.setattr(positions_module, "_REMEMBERED", 2)
    await fill(store)
    await movements.decide(store, transfer_in("in", ((1, 101),)))
    ranges = tuple((n, n + 1) for n in range(2, 100, 4))
    await movements.decide(store, deliver("d", ranges))
    found = await all_positions(pool)
    assert len(found) == 51
    assert reconcile(found, sorted(found, key=lambda one: (one.account, one.lot, one.first))).is_clean
    digest = PositionDigest()
    for one in found:
        digest.add(one)
    positions = Positions(pool)
    for as_of in (0, 1, 2, 0):
        page, _ = await positions.page(as_of, START)
    page, _ = await positions.page(2, START)
    assert (page.digest, page.totals) == (digest.hexdigest(), digest.totals())
    with pytest.raises(NotYet):
        await positions.page(3, START)


async def test_a_reader_who_begins_is_told_what_is_there_now(store: Store, pool: Pool) -> None:
    """Positions as of an entry change only by a hand in the database, which no remembered sum may hide."""
    await fill(store)
    await movements.decide(store, transfer_in("in", ((1, 101),)))
    positions = Positions(pool)
    before, _ = await positions.page(None, START)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute("update holding set account = 'buyer' where place = 'trading'")
    after, _ = await positions.page(None, START)
    assert (after.as_of, after.totals) == (before.as_of, before.totals)
    assert after.digest != before.digest


async def test_feeds_come_in_pages(store: Store, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "PAGE_ITEMS", 2)
    monkeypatch.setattr(feeds, "JOURNAL_PAGE_ENTRIES", 3)
    monkeypatch.setattr(feeds, "JOURNAL_PAGE_RANGES", 4)
    monkeypatch.setattr(told, "NOTICES_PER_PAGE", 2)
    await fill(store)
    for number in range(2, 6):
        await publishing.issue_lot(store, issue(f"LOT-{number}"))
    lots, after = [], 0
    while True:
        page = await feeds.lots(pool, after)
        lots += [lot.lot for lot in page.lots]
        if page.next is None:
            break
        after = page.next
    assert lots == [f"LOT-{number}" for number in range(1, 6)]
    first = await told.notices(pool, 0)
    assert ([one.sequence for one in first.notices], first.next) == ([1, 2], 2)
    assert (await told.notices(pool, 4)).next is None
    sizes = (1, 1, 6, 2, 2, 1)
    for number, size in enumerate(sizes):
        serials = tuple((100 * number + 2 * n + 1, 100 * number + 2 * n + 2) for n in range(size))
        answer = await movements.decide(store, transfer_in(f"in{number}", serials))
        assert isinstance(answer, Confirmed)
    assert await pages(pool) == [[1, 2], [3], [4, 5], [6]]


async def pages(pool: Pool) -> list[list[int]]:
    found, after = [], 0
    while True:
        page = await feeds.journal(pool, after)
        found.append([entry.sequence for entry in page.entries])
        if page.next is None:
            return found
        after = page.next


async def test_holdings_come_in_pages_through_the_client(
    service: Service, registry: HttpRegistry, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAGE_ITEMS", 3)
    pool = await asyncpg.create_pool(service.database, min_size=1, max_size=2)
    store = Store(pool, clock)
    await fill(store)
    ranges = tuple((n, n + 1) for n in range(2, 40, 2))
    await movements.decide(store, transfer_in("in", ranges))
    found = await registry.account("seller")
    assert found is not None and len(found.holdings) == len(ranges) * 2 + 1
    assert sum(one.end - one.first for one in found.holdings) == 1_000
    await pool.close()


async def test_an_owner_cannot_move_what_is_not_its_own(store: Store) -> None:
    await fill(store)
    answer = await administration.transfer_by_owner(
        store, transfer_id="t", account="buyer", lot="LOT-1", serials=((1, 2),), day=DAY
    )
    assert isinstance(answer, Refused) and answer.code is RefusalCode.SERIALS_NOT_HELD
