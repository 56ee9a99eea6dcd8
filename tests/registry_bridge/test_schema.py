"""What the registry's own database refuses, to whoever writes SQL into it."""

import asyncpg
import pytest

from registry_bridge.reference import administration, feeds, movements, publishing
from registry_bridge.reference.store import Pool, Store
from registry_bridge.registry import AccountKind, Confirmed
from registry_bridge.wire_administration import Methodology
from settlement.lot import MethodologyClass
from tests.registry_bridge.examples import deliver, issue, retire, transfer_in


@pytest.fixture
async def filled(store: Store) -> Store:
    """Seller: 1..500 managed; 501..980 tradable, of which 501..511 went to the buyer; 980..1001 retired."""
    for account in ("seller", "buyer"):
        await administration.open_account(store, account, AccountKind.INSTITUTION)
        await feeds.bind(store, account, f"T-{account}")
    for code, number in (("SHCER-I", MethodologyClass.I), ("SHCER-II", MethodologyClass.II)):
        await publishing.publish_methodology(
            store, Methodology(code=code, version="V01", methodology_class=number, title=code)
        )
    await publishing.issue_lot(store, issue("LOT-1"))
    await publishing.issue_lot(store, issue("LOT-2", methodology="SHCER-II"))
    for asked in (
        transfer_in("in-1", ((501, 1001),)),
        deliver("d-1", ((501, 511),)),
        retire("r-1", ((980, 1001),)),
    ):
        assert isinstance(await movements.decide(store, asked), Confirmed)
    refused = await movements.decide(store, deliver("d-2", ((1, 2),)))
    assert not isinstance(refused, Confirmed)
    restriction = await administration.freeze(store, administration.Freeze(account="buyer", reason="Order"))
    await administration.unfreeze(store, restriction, "Lifted")
    return store


async def refused(pool: Pool, match: str, *statements: str) -> None:
    """One transaction of direct SQL, refused by the database at the latest at its commit."""
    before = await contents(pool)
    with pytest.raises(asyncpg.PostgresError, match=match):
        await together(pool, statements)
    assert await contents(pool) == before


async def together(pool: Pool, statements: tuple[str, ...]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        for statement in statements:
            await connection.execute(statement)


async def contents(pool: Pool) -> list[str]:
    tables = ("holding", "holding_past", "lot_balance", "journal", "journal_leg", "request", "head", "notice")
    return [
        await pool.fetchval(f"select coalesce(string_agg(t::text, ';' order by t::text), '') from {table} t")
        for table in tables
    ]


TRADABLE = "(select holding from holding where place = 'trading' and account = 'seller')"
MANAGED = "(select holding from holding where place = 'management' and lot = 'LOT-1')"
INTO = "insert into holding (account, place, lot, serials, since)"
NOW = "(select journal_sequence from head)"
ENTRY = """
insert into journal (request_id, kind, trading_day, decided_at_ns, digest, legs, ranges)
values ('x', '{kind}', '2026-11-22', 0, repeat('0', 64), {legs}, {legs})
"""
LEG = """
insert into journal_leg values
({now}, {leg}, 0, '{lot}', int8range({first}, {end}), 'seller', 'trading', '{to}', '{place}')
"""


async def test_a_serial_is_never_in_two_places(filled: Store, pool: Pool) -> None:
    await refused(
        pool,
        "exclusion constraint",
        f"{INTO} values ('buyer', 'trading', 'LOT-1', int8range(900, 901), {NOW})",
    )
    await refused(
        pool,
        "exclusion constraint",
        f"{INTO} values ('buyer', 'trading', 'LOT-1', int8range(990, 2000), {NOW})",
    )


@pytest.mark.parametrize("place", ["management", "trading", "retired"])
async def test_a_serial_is_never_in_no_place(filled: Store, pool: Pool, place: str) -> None:
    match = (
        "retired serial"
        if place == "retired"
        else r"issued is not management \+ trading \+ retired|holding_past_check"
    )
    await refused(pool, match, f"delete from holding where place = '{place}' and lot = 'LOT-1'")


async def test_a_retired_serial_never_moves(filled: Store, pool: Pool) -> None:
    await refused(pool, "a retired serial never moves", "delete from holding where place = 'retired'")
    await refused(
        pool,
        "a retired serial never moves",
        ENTRY.format(kind="deliver", legs=1),
        LEG.format(now=NOW, leg=1, lot="LOT-1", first=980, end=1001, to="buyer", place="trading"),
        "delete from holding where place = 'retired'",
        f"{INTO} values ('buyer', 'trading', 'LOT-1', int8range(980, 1001), {NOW})",
    )
    await refused(pool, "never changed", "update holding set place = 'trading' where place = 'retired'")


async def test_a_serial_that_was_not_issued_is_never_held(filled: Store, pool: Pool) -> None:
    await refused(
        pool,
        "never issued in this lot",
        f"{INTO} values ('buyer', 'trading', 'LOT-1', int8range(1001, 1002), {NOW})",
    )


async def test_nothing_moves_without_a_journal_entry(filled: Store, pool: Pool) -> None:
    """A thief who moves rows by hand keeps the sums right, and is refused all the same."""
    await refused(
        pool,
        "moved without a journal entry",
        f"delete from holding where holding = {MANAGED}",
        f"{INTO} values ('buyer', 'trading', 'LOT-1', int8range(1, 501), {NOW})",
    )
    await refused(
        pool,
        "moved without a journal entry",
        ENTRY.format(kind="deliver", legs=1),
        LEG.format(now=NOW, leg=1, lot="LOT-1", first=511, end=512, to="buyer", place="trading"),
        f"delete from holding where holding = {TRADABLE}",
        f"{INTO} values ('seller', 'trading', 'LOT-1', int8range(511, 900), {NOW})",
        f"{INTO} values ('buyer', 'trading', 'LOT-1', int8range(900, 980), {NOW})",
    )


async def test_a_journal_entry_without_its_movement_is_refused(filled: Store, pool: Pool) -> None:
    await refused(pool, "does not have its 1 legs", ENTRY.format(kind="deliver", legs=1))


async def test_holdings_are_not_edited(filled: Store, pool: Pool) -> None:
    await refused(pool, "never changed", "update holding set account = 'buyer'")
    await refused(pool, "never changed|cannot truncate", "truncate holding cascade")


async def test_balances_are_not_written_by_hand(filled: Store, pool: Pool) -> None:
    await refused(pool, "balances follow holdings", "update lot_balance set trading = trading + 1")
    await refused(pool, "balances follow holdings", "update lot_balance set issued = issued + 1")
    await refused(pool, "never changed", "delete from lot_balance")


@pytest.mark.parametrize(
    "table",
    [
        "journal",
        "journal_leg",
        "retirement",
        "retirement_lot",
        "request",
        "lot",
        "account",
        "binding",
        "methodology",
        "notice",
        "holding_past",
        "restriction",
        "restriction_lifted",
    ],
)
async def test_history_is_append_only(filled: Store, pool: Pool, table: str) -> None:
    column = await pool.fetchval(
        """
        select attname from pg_attribute
        where attrelid = $1::regclass and attnum > 0 and attgenerated = '' and attidentity = '' order by attnum limit 1
        """,
        table,
    )
    assert await pool.fetchval(f"select count(*) from {table}") > 0, "an empty table proves nothing"
    await refused(pool, "never changed", f"update {table} set {column} = {column}")
    await refused(pool, "never changed", f"delete from {table}")
    await refused(pool, "never changed", f"truncate {table} cascade")


async def test_sequence_numbers_have_no_gaps(filled: Store, pool: Pool) -> None:
    for column in ("journal_sequence", "notice_sequence", "lot_sequence"):
        await refused(pool, "only with the row it numbers", f"update head set {column} = {column} + 1")
    await refused(pool, "never changed", "delete from head")
    await refused(pool, "duplicate key|check", "insert into head default values")
    with pytest.raises(asyncpg.PostgresError, match="does not have its"):
        await pool.execute(
            ENTRY.format(kind="deliver", legs=1)
            .replace("(request_id", "(sequence, request_id")
            .replace("('x'", "(99, 'x'")
        )
    assert await pool.fetchval("select max(sequence) = count(*) from journal")


async def test_the_clock_of_the_platform_does_not_go_back(filled: Store, pool: Pool) -> None:
    await refused(pool, "does not go back", "update head set latest_ns = latest_ns - 1")


async def test_legs_are_not_added_to_what_is_past(filled: Store, pool: Pool) -> None:
    late = LEG.format(now=1, leg=2, lot="LOT-1", first=600, end=601, to="buyer", place="trading")
    await refused(pool, "only the newest", late)


async def test_the_past_is_not_written_by_hand(filled: Store, pool: Pool) -> None:
    await refused(
        pool,
        "written by removing",
        "insert into holding_past values (999, 'buyer', 'trading', 'LOT-1', int8range(1, 2), 1, 2)",
    )


async def test_a_second_class_lot_never_serves_compliance(filled: Store, pool: Pool) -> None:
    begun = (
        ENTRY.format(kind="retire", legs=1),
        f"insert into retirement values ({NOW}, 'retire', 'compliance_offset', 2025, 'seller', '')",
    )
    for number in ("II", "I"):  # the truth about the class, and a lie
        match = "retirement_lot_check" if number == "II" else "foreign key"
        lot = f"insert into retirement_lot values ({NOW}, 'compliance_offset', 'LOT-2', '{number}')"
        await refused(pool, match, *begun, lot)
    lie = f"insert into retirement_lot values ({NOW}, 'donation', 'LOT-2', 'II')"
    await refused(pool, "foreign key", *begun, lie)


async def test_a_retirement_says_what_it_is_for(filled: Store, pool: Pool) -> None:
    await refused(
        pool,
        "does not say what it is for",
        ENTRY.format(kind="retire", legs=1),
        LEG.format(now=NOW, leg=1, lot="LOT-1", first=600, end=601, to="seller", place="retired"),
    )


async def test_an_answer_is_completed_or_refused_and_of_one_entry(filled: Store, pool: Pool) -> None:
    begin = "insert into request values"
    digest = "repeat('0', 64)"
    await refused(pool, "check constraint", f"{begin} ('x', {digest}, null, null, null, 0)")
    await refused(pool, "check constraint", f"{begin} ('x', {digest}, 1, 'too_late', null, 0)")
    await refused(pool, "check constraint", f"{begin} ('x', null, null, 'too_late', null, 0)")
    await refused(pool, "duplicate key", f"{begin} ('x', {digest}, 1, null, null, 0)")
    await refused(pool, "duplicate key", f"{begin} ('d-1', {digest}, null, 'too_late', null, 0)")


async def test_one_account_is_bound_to_one_trading_account(filled: Store, pool: Pool) -> None:
    await refused(pool, "duplicate key", "insert into binding values ('seller', 'T-9', 0)")
    await administration.open_account(filled, "third", AccountKind.INDIVIDUAL)
    await refused(pool, "duplicate key", "insert into binding values ('third', 'T-seller', 0)")


async def test_a_lot_has_the_class_of_its_methodology(filled: Store, pool: Pool) -> None:
    await refused(
        pool,
        "foreign key",
        """
        insert into lot select 'LOT-3', 0, 'SHCER-II', 'V01', 'I', origin, project, applicant, period_start,
                               period_end, issue_batch, issued_on, serials from lot where lot = 'LOT-1'
        """,
    )


async def test_an_issued_lot_is_held_from_its_first_moment(filled: Store, pool: Pool) -> None:
    await refused(
        pool,
        "issued is not",
        """
        insert into lot select 'LOT-3', 0, methodology, methodology_version, class, origin, project, applicant,
                               period_start, period_end, issue_batch, issued_on, serials from lot where lot = 'LOT-1'
        """,
    )
