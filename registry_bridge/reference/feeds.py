"""What the reference registry tells: accounts and bindings, lots, and its journal, page by page."""

from __future__ import annotations

from itertools import groupby, takewhile

import asyncpg

from registry_bridge.reference.store import Pool, Store
from registry_bridge.registry import (
    AccountKind,
    Binding,
    BindingRefused,
    Holding,
    JournalEntry,
    JournalPage,
    LotPage,
    MovementKind,
    MovementLeg,
    RefusalCode,
    RegistryAccount,
    RegistryLot,
    RetirementPurpose,
    RetirementTerms,
    SubAccount,
)
from registry_bridge.wire import PAGE_ITEMS
from settlement.lot import MethodologyClass, Origin

JOURNAL_PAGE_ENTRIES = 100
JOURNAL_PAGE_RANGES = 5_000
"""A page ends before the entry that would bring more ranges than this, unless it is the first."""

FIRST_HOLDING = ("", "", -1)
"""Sorts before every holding: sub-account, lot and first serial."""


class CursorInvalid(Exception):  # noqa: N818 - it states a fact
    """A cursor that no page of ours gave."""


async def account(
    pool: Pool, name: str, after: tuple[str, str, int] = FIRST_HOLDING
) -> tuple[RegistryAccount, tuple[str, str, int] | None] | None:
    """An account with a page of its holdings and where to go on; None when there is no such account."""
    async with pool.acquire() as connection:
        row = await connection.fetchrow(_ACCOUNT, name)
        if row is None:
            return None
        rows = await connection.fetch(_HOLDINGS, name, *after, PAGE_ITEMS + 1)
    page = rows[:PAGE_ITEMS]
    found = RegistryAccount(
        account=name,
        kind=AccountKind(row["kind"]),
        frozen=row["frozen"],
        closed=row["closed"],
        trading_account=row["trading_account"],
        holdings=tuple(
            Holding(
                sub_account=SubAccount(item["place"]), lot=item["lot"], first=item["first"], end=item["end"]
            )
            for item in page
        ),
    )
    last = page[-1] if len(rows) > len(page) else None
    return found, None if last is None else (last["place"], last["lot"], last["first"])


_ACCOUNT = """
select a.kind, b.trading_account,
       exists (select from restriction_in_force r where r.account = a.account) as frozen,
       exists (select from account_closed c where c.account = a.account) as closed
from account a left join binding b on b.account = a.account where a.account = $1
"""

_HOLDINGS = """
select place, lot, lower(serials) as first, upper(serials) as end from holding
where account = $1 and place in ('management', 'trading') and (place, lot, lower(serials)) > ($2, $3, $4::bigint)
order by place, lot, lower(serials) limit $5
"""


async def bind(store: Store, name: str, trading_account: str) -> Binding | BindingRefused:
    """Bind an account for good; the same two again have the binding they had."""
    async with store.writing() as writing:
        connection = writing.connection
        known = await connection.fetchrow(
            """
            select exists (select from restriction_in_force r where r.account = a.account) as frozen,
                   exists (select from account_closed c where c.account = a.account) as closed
            from account a where a.account = $1
            """,
            name,
        )
        if known is None:
            return BindingRefused(account=name, code=RefusalCode.ACCOUNT_UNKNOWN)
        bound = await connection.fetch(
            "select * from binding where account = $1 or trading_account = $2", name, trading_account
        )
        if [(row["account"], row["trading_account"]) for row in bound] == [(name, trading_account)]:
            return Binding(account=name, trading_account=trading_account, bound_at_ns=bound[0]["bound_at_ns"])
        if bound:
            return BindingRefused(account=name, code=RefusalCode.ALREADY_BOUND)
        if known["closed"]:
            return BindingRefused(account=name, code=RefusalCode.ACCOUNT_CLOSED)
        if known["frozen"]:
            return BindingRefused(account=name, code=RefusalCode.ACCOUNT_FROZEN)
        await connection.execute(
            "insert into binding (account, trading_account, bound_at_ns) values ($1, $2, $3)",
            name,
            trading_account,
            writing.now_ns,
        )
        return Binding(account=name, trading_account=trading_account, bound_at_ns=writing.now_ns)


async def lots(pool: Pool, after: int) -> LotPage:
    """The next lots after a sequence number."""
    rows = await pool.fetch(
        "select * from lot_now where sequence > $1 order by sequence limit $2", after, PAGE_ITEMS + 1
    )
    page = rows[:PAGE_ITEMS]
    return LotPage(
        lots=tuple(lot_from_row(row) for row in page),
        next=page[-1]["sequence"] if len(rows) > len(page) else None,
    )


async def lot(pool: Pool, name: str) -> RegistryLot | None:
    """One lot as it is told now; None when there is none."""
    row = await pool.fetchrow("select * from lot_now where lot = $1", name)
    return None if row is None else lot_from_row(row)


def lot_from_row(row: asyncpg.Record) -> RegistryLot:
    """A lot as its row has it."""
    return RegistryLot(
        sequence=row["sequence"],
        lot=row["lot"],
        methodology=row["methodology"],
        methodology_version=row["methodology_version"],
        methodology_class=MethodologyClass(row["class"]),
        origin=Origin(row["origin"]),
        project=row["project"],
        applicant=row["applicant"],
        period_start=row["period_start"].isoformat(),
        period_end=row["period_end"].isoformat(),
        issue_batch=row["issue_batch"],
        issued_on=row["issued_on"].isoformat(),
        first=row["serials"].lower,
        end=row["serials"].upper,
    )


async def journal(pool: Pool, after: int) -> JournalPage:
    """The next entries after a sequence number, gapless, no more than a reader can take at once."""
    rows = await pool.fetch(_ENTRIES, after, JOURNAL_PAGE_ENTRIES + 1)
    short = list(takewhile(lambda row: row["sum"] <= JOURNAL_PAGE_RANGES, rows[:JOURNAL_PAGE_ENTRIES]))
    page = short or rows[:1]
    legs = await pool.fetch(
        """
        select *, lower(serials) as first, upper(serials) as end from journal_leg
        where sequence > $1 and sequence <= $2 order by sequence, leg, lower(serials)
        """,
        after,
        page[-1]["sequence"] if page else after,
    )
    by_entry = {number: list(parts) for number, parts in groupby(legs, key=lambda row: row["sequence"])}
    return JournalPage(
        entries=tuple(_entry(row, by_entry[row["sequence"]]) for row in page),
        next=page[-1]["sequence"] if len(rows) > len(page) else None,
    )


_ENTRIES = """
select j.*, r.purpose, r.compliance_year, r.beneficiary, r.statement, sum(j.ranges) over (order by j.sequence)
from (select * from journal where sequence > $1 order by sequence limit $2) j
left join retirement r on r.sequence = j.sequence
order by j.sequence
"""


def _entry(row: asyncpg.Record, parts: list[asyncpg.Record]) -> JournalEntry:
    legs = groupby(parts, key=lambda part: part["leg"])
    return JournalEntry(
        sequence=row["sequence"],
        movement_id=row["movement_id"],
        request_id=row["request_id"],
        kind=MovementKind(row["kind"]),
        trading_day=row["trading_day"].isoformat(),
        decided_at_ns=row["decided_at_ns"],
        digest=row["digest"],
        legs=tuple(_leg(number, list(ranges)) for number, ranges in legs),
        retirement=_terms(row),
    )


def _leg(number: int, parts: list[asyncpg.Record]) -> MovementLeg:
    retired = parts[0]["to_place"] == "retired"
    return MovementLeg(
        leg=number,
        lot=parts[0]["lot"],
        serials=tuple((part["first"], part["end"]) for part in parts),
        from_account=parts[0]["from_account"],
        from_sub_account=SubAccount(parts[0]["from_place"]),
        to_account=None if retired else parts[0]["to_account"],
        to_sub_account=None if retired else SubAccount(parts[0]["to_place"]),
    )


def _terms(row: asyncpg.Record) -> RetirementTerms | None:
    if row["purpose"] is None:
        return None
    return RetirementTerms(
        purpose=RetirementPurpose(row["purpose"]),
        compliance_year=row["compliance_year"],
        beneficiary=row["beneficiary"],
        statement=row["statement"],
    )
