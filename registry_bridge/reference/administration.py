"""What the platform's own people do: accounts, methodologies, lots, restrictions, and owners' transfers.

Every act may be repeated: the same again is the same once, and the same name with other content is
`NameTaken`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import asyncpg

from registry_bridge.reference import movements
from registry_bridge.reference.feeds import lot_from_row
from registry_bridge.reference.notices import tell
from registry_bridge.reference.store import Connection, Store, Writing
from registry_bridge.registry import (
    AccountKind,
    FinalAnswer,
    Movement,
    MovementKind,
    MovementLeg,
    NoticeKind,
    RegistryLot,
    SubAccount,
)
from registry_bridge.wire_administration import LotIssue
from settlement.lot import MethodologyClass
from settlement.serials import Serials

NO_DEADLINE_NS = (1 << 63) - 1
"""What an owner does at the platform is not late: there is no line on which it could be delayed."""


class NameTaken(Exception):  # noqa: N818 - it states a fact
    """An account, methodology or lot of this name exists with other content."""


class NameUnknown(Exception):  # noqa: N818 - it states a fact
    """No such account, methodology, lot or restriction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """What to freeze: an account, a lot, or serials of a lot."""

    account: str | None = None
    lot: str | None = None
    serials: tuple[int, int] | None = None
    reason: str


async def open_account(store: Store, account: str, kind: AccountKind) -> None:
    """Open an account with its two sub-accounts."""
    async with store.writing() as writing:
        found = await writing.connection.fetchval("select kind from account where account = $1", account)
        if found is None:
            await writing.connection.execute(
                "insert into account (account, kind, opened_at_ns) values ($1, $2, $3)",
                account,
                kind.value,
                writing.now_ns,
            )
        elif found != kind.value:
            raise NameTaken(account)


async def publish_methodology(
    store: Store, *, code: str, version: str, methodology_class: MethodologyClass, title: str
) -> None:
    """Publish a version of a methodology with its class (Art. 14)."""
    content = (methodology_class.value, title)
    async with store.writing() as writing:
        found = await writing.connection.fetchrow(
            "select class, title from methodology where code = $1 and version = $2", code, version
        )
        if found is None:
            await writing.connection.execute(
                "insert into methodology (code, version, class, title) values ($1, $2, $3, $4)",
                code,
                version,
                *content,
            )
        elif tuple(found) != content:
            raise NameTaken(f"{code} {version}")


async def issue_lot(store: Store, issue: LotIssue) -> RegistryLot:
    """Issue a lot into its applicant's management sub-account, and tell so."""
    async with store.writing() as writing:
        row = await _find_lot(writing.connection, issue.lot)
        if row is None:
            await _insert_lot(writing, issue)
            row = await _find_lot(writing.connection, issue.lot)
            assert row is not None
    lot = lot_from_row(row)
    if any(getattr(lot, name) != getattr(issue, name) for name in LotIssue.__slots__):
        raise NameTaken(issue.lot)
    return lot


async def _find_lot(connection: Connection, lot: str) -> asyncpg.Record | None:
    return await connection.fetchrow("select * from lot where lot = $1", lot)


async def _insert_lot(writing: Writing, issue: LotIssue) -> None:
    inserted = await writing.connection.fetchval(
        """
        insert into lot (lot, methodology, methodology_version, class, origin, project, applicant,
                         period_start, period_end, issue_batch, issued_on, serials)
        select $1, m.code, m.version, m.class, $4, $5, a.account, $7, $8, $9, $10, int8range($11, $12)
        from methodology m, account a where m.code = $2 and m.version = $3 and a.account = $6
        returning lot
        """,
        issue.lot,
        issue.methodology,
        issue.methodology_version,
        issue.origin.value,
        issue.project,
        issue.applicant,
        date.fromisoformat(issue.period_start),
        date.fromisoformat(issue.period_end),
        issue.issue_batch,
        date.fromisoformat(issue.issued_on),
        issue.first,
        issue.end,
    )
    if inserted is None:
        raise NameUnknown(f"{issue.applicant}, {issue.methodology} {issue.methodology_version}")
    await writing.connection.execute(
        """
        insert into holding (account, place, lot, serials, since)
        select $1, 'management', $2, int8range($3, $4), journal_sequence from head
        """,
        issue.applicant,
        issue.lot,
        issue.first,
        issue.end,
    )
    await tell(writing, NoticeKind.LOT_ISSUED, account=issue.applicant, lot=issue.lot)


async def freeze(store: Store, what: Freeze) -> int:
    """Freeze an account, a lot or a range; the number by which it is lifted."""
    async with store.writing() as writing:
        try:
            restriction: int = await writing.connection.fetchval(
                """
                insert into restriction (account, lot, serials, reason, placed_at_ns)
                values ($1, $2, case when $3::bigint is not null then int8range($3, $4) end, $5, $6)
                returning restriction
                """,
                what.account,
                what.lot,
                what.serials[0] if what.serials else None,
                what.serials[1] if what.serials else None,
                what.reason,
                writing.now_ns,
            )
        except asyncpg.ForeignKeyViolationError:
            raise NameUnknown(str(what.account or what.lot)) from None
        kind = NoticeKind.ACCOUNT_RESTRICTED if what.account else NoticeKind.LOT_FROZEN
        await tell(
            writing,
            kind,
            account=what.account,
            lot=what.lot,
            serials=(what.serials,) if what.serials else (),
            reason=what.reason,
        )
    return restriction


async def unfreeze(store: Store, restriction: int, reason: str) -> None:
    """Lift a restriction, once."""
    async with store.writing() as writing:
        row = await writing.connection.fetchrow(
            """
            select account, lot, lower(serials) as first, upper(serials) as end
            from restriction_in_force where restriction = $1
            """,
            restriction,
        )
        if row is None:
            raise NameUnknown(f"restriction {restriction}")
        await writing.connection.execute(
            "insert into restriction_lifted (restriction, reason, lifted_at_ns) values ($1, $2, $3)",
            restriction,
            reason,
            writing.now_ns,
        )
        serials: Serials = ((row["first"], row["end"]),) if row["first"] is not None else ()
        await tell(
            writing,
            NoticeKind.UNFROZEN,
            account=row["account"],
            lot=row["lot"],
            serials=serials,
            reason=reason,
        )


async def transfer_by_owner(
    store: Store, *, transfer_id: str, account: str, lot: str, serials: Serials, day: str
) -> FinalAnswer | movements.IdReused:
    """Move an owner's units from its management into its trading sub-account, and tell so.

    There is no way back here: out of the trading sub-account only the exchange moves units.
    """
    leg = MovementLeg(
        leg=1,
        lot=lot,
        serials=serials,
        from_account=account,
        from_sub_account=SubAccount.MANAGEMENT,
        to_account=account,
        to_sub_account=SubAccount.TRADING,
    )
    movement = Movement(
        request_id=f"{movements.OWNER_PREFIX}{transfer_id}",
        kind=MovementKind.TRANSFER_IN,
        not_after_ns=NO_DEADLINE_NS,
        trading_day=day,
        legs=(leg,),
    )
    return await movements.decide(store, movement, by_owner=True)
