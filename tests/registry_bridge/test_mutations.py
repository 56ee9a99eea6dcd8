"""The registry's books changed by hand, by chance: its own check and the reconciliation find every change, and no other."""

import os
import random
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import asyncpg
import pytest

from gateway.postgres.migrations import migrate
from registry_bridge.reconcile import reconcile
from registry_bridge.reference import administration, corrections, feeds, inspection, movements, publishing
from registry_bridge.reference.store import SCHEMA, Store, create_pool
from registry_bridge.registry import AccountKind, Confirmed, MovementKind, PositionRange
from registry_bridge.wire_administration import Methodology
from settlement.lot import MethodologyClass
from tests.registry_bridge.examples import (
    MANAGEMENT,
    TRADING,
    ManualClock,
    deliver,
    issue,
    leg,
    movement,
    retire,
    transfer_in,
)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Place: TypeAlias = tuple[str, str]
Books: TypeAlias = dict[Place, frozenset[int]]

MUTATIONS = int(os.environ.get("PUHUI_MUTATIONS", "1000"))
"""How many; a long run asks for more."""

ACCOUNTS = ("seller", "buyer", "third")
LOTS = ("LOT-1", "LOT-2", "LOT-3")


@pytest.fixture
async def books(database: str) -> AsyncIterator[Connection]:
    """A registry with a history, in a session in which its triggers and foreign keys sleep."""
    connection = await asyncpg.connect(database)
    await migrate(connection, SCHEMA)
    pool = await create_pool(database, size=2)
    await fill(Store(pool, ManualClock()))
    await pool.close()
    await connection.execute("set session_replication_role = replica")
    yield connection
    await connection.close()


async def fill(store: Store) -> None:
    for account in ACCOUNTS:
        await administration.open_account(store, account, AccountKind.INSTITUTION)
        await feeds.bind(store, account, f"T-{account}")
    await publishing.publish_methodology(
        store, Methodology(code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t")
    )
    out = leg(1, ((31, 36),), ("seller", TRADING), ("seller", MANAGEMENT))
    for lot in LOTS:
        await publishing.issue_lot(store, issue(lot, quantity=100))
        for asked in (
            transfer_in(f"in-{lot}", ((1, 81),), lot=lot),
            deliver(f"d1-{lot}", ((5, 15), (21, 25)), lot=lot),
            deliver(f"d2-{lot}", ((8, 11),), seller="buyer", buyer="third", lot=lot),
            deliver(f"d3-{lot}", ((61, 71),), buyer="third", lot=lot),
            retire(f"r-{lot}", ((41, 44),), lot=lot),
        ):
            assert isinstance(await movements.decide(store, asked), Confirmed)
    await corrections.correct(store, lot="LOT-1", serials=((33, 40), (90, 95)), reason="Meter")
    assert isinstance(
        await movements.decide(store, movement("out", MovementKind.TRANSFER_OUT, out)), Confirmed
    )


async def positions(books: Connection) -> list[PositionRange]:
    """As the registry tells them to whoever asks as of now."""
    rows = await books.fetch(
        """
        select account, lot, lower(serials) as first, upper(serials) as end from holding
        where place = 'trading' order by account, lot, lower(serials)
        """
    )
    return [PositionRange(**dict(row.items())) for row in rows]


def serial_by_serial(told: list[PositionRange]) -> Books:
    """The plainest form of the same: what to compare by."""
    found: dict[Place, set[int]] = {}
    for one in told:
        found.setdefault((one.account, one.lot), set()).update(range(one.first, one.end))
    return {place: frozenset(serials) for place, serials in found.items()}


async def hand_over(books: Connection, chance: random.Random) -> None:
    row = await some(books, chance, "place = 'trading'")
    other = chance.choice([account for account in ACCOUNTS if account != row["account"]])
    await books.execute("update holding set account = $1 where holding = $2", other, row["holding"])


async def hand_over_a_part(books: Connection, chance: random.Random) -> None:
    row = await some(books, chance, "place = 'trading' and upper(serials) - lower(serials) > 1")
    cut = chance.randrange(row["serials"].lower + 1, row["serials"].upper)
    await books.execute(
        "update holding set serials = int8range(lower(serials), $1) where holding = $2", cut, row["holding"]
    )
    other = chance.choice([account for account in ACCOUNTS if account != row["account"]])
    await books.execute(
        "insert into holding (account, place, lot, serials, since) values ($1, 'trading', $2, int8range($3, $4), $5)",
        *(other, row["lot"], cut, row["serials"].upper, row["since"]),
    )


async def lose(books: Connection, chance: random.Random) -> None:
    row = await some(books, chance, "true")
    await books.execute("delete from holding where holding = $1", row["holding"])


async def shrink(books: Connection, chance: random.Random) -> None:
    row = await some(books, chance, "upper(serials) - lower(serials) > 1")
    cut = chance.randrange(row["serials"].lower + 1, row["serials"].upper)
    await books.execute(
        "update holding set serials = int8range(lower(serials), $1) where holding = $2", cut, row["holding"]
    )


async def put_elsewhere(books: Connection, chance: random.Random) -> None:
    row = await some(books, chance, "true")
    places = [place for place in ("management", "trading", "retired", "withdrawn") if place != row["place"]]
    await books.execute(
        "update holding set place = $1 where holding = $2", chance.choice(places), row["holding"]
    )


async def forget_an_entry(books: Connection, chance: random.Random) -> None:
    entry = await any_entry(books, chance)
    for table in ("journal_leg", "journal"):
        await books.execute(f"delete from {table} where sequence = $1", entry)


async def rewrite_an_entry(books: Connection, chance: random.Random) -> None:
    entry = await any_entry(books, chance)
    await books.execute("update journal set digest = repeat('f', 64) where sequence = $1", entry)


async def rewrite_a_leg(books: Connection, chance: random.Random) -> None:
    row = await books.fetch(
        "select * from journal_leg where to_place = 'trading' order by sequence, leg, part"
    )
    one = chance.choice(row)
    ends = (one["from_account"], one["to_account"])
    other = chance.choice([account for account in ACCOUNTS if account not in ends])
    await books.execute(
        "update journal_leg set to_account = $1 where sequence = $2 and leg = $3 and part = $4",
        *(other, one["sequence"], one["leg"], one["part"]),
    )


async def forget_an_answer(books: Connection, chance: random.Random) -> None:
    await books.execute("delete from request where sequence = $1", await any_entry(books, chance))


async def close_a_full_account(books: Connection, chance: random.Random) -> None:
    await books.execute("insert into account_closed values ($1, 'By hand', 0)", chance.choice(ACCOUNTS))


async def raise_a_balance(books: Connection, chance: random.Random) -> None:
    place = chance.choice(("management", "trading", "retired", "withdrawn"))
    await books.execute(f"update lot_balance set {place} = {place} + 1 where lot = $1", chance.choice(LOTS))


async def unsay_a_notice(books: Connection, chance: random.Random) -> None:
    await books.execute("delete from notice where sequence = $1", chance.randrange(1, 5))


HANDS: tuple[Callable[[Connection, random.Random], object], ...] = (
    *(hand_over, hand_over_a_part, lose, shrink, put_elsewhere, forget_an_entry, rewrite_an_entry),
    *(rewrite_a_leg, forget_an_answer, close_a_full_account, raise_a_balance, unsay_a_notice),
)


async def some(books: Connection, chance: random.Random, condition: str) -> asyncpg.Record:
    return chance.choice(await books.fetch(f"select * from holding where {condition} order by holding"))


async def any_entry(books: Connection, chance: random.Random) -> int:
    newest: int = await books.fetchval("select max(sequence) from journal")
    return chance.randrange(1, newest + 1)


@pytest.mark.parametrize("seed", range(2))
async def test_every_change_by_hand_is_found_and_no_other(books: Connection, seed: int) -> None:
    chance = random.Random(seed)
    here = await positions(books)
    ours = serial_by_serial(here)
    for _ in range(MUTATIONS // 2):
        hand = chance.choice(HANDS)
        change = books.transaction()
        await change.start()
        await hand(books, chance)  # type: ignore[misc]
        there = await positions(books)
        found = reconcile(here, there)
        theirs = serial_by_serial(there)
        told = {
            (one.account, one.lot): (
                serials_of(one.only_here),
                serials_of(one.only_there),
            )
            for one in found.breaks
        }
        nothing: frozenset[int] = frozenset()
        assert told == {
            place: (
                ours.get(place, nothing) - theirs.get(place, nothing),
                theirs.get(place, nothing) - ours.get(place, nothing),
            )
            for place in ours.keys() | theirs.keys()
            if ours.get(place) != theirs.get(place)
        }, (seed, hand.__name__)
        assert found.is_clean == (found.here == found.there)
        assert await inspection.findings(books), (seed, hand.__name__)
        await change.rollback()
        assert await inspection.findings(books) == ()


def serials_of(ranges: tuple[tuple[int, int], ...]) -> frozenset[int]:
    return frozenset(serial for first, end in ranges for serial in range(first, end))
