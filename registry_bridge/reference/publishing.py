"""What the platform publishes: methodologies by version, lots issued under them, and reference data amended.

A lot is issued only under a version that is in force on its day of issue, and has that version's class (Art. 14, 29).
What it stands for never changes afterwards; what is told about it may be amended, which is told in turn.
"""

from __future__ import annotations

from datetime import date

import asyncpg

from registry_bridge.reference.act_refusals import (
    AccountClosed,
    MethodologyInUse,
    MethodologyNotInForce,
    NameTaken,
    NameUnknown,
    PeriodReversed,
)
from registry_bridge.reference.feeds import lot_from_row
from registry_bridge.reference.notices import tell
from registry_bridge.reference.store import Connection, Store, Writing
from registry_bridge.registry import NoticeKind, RegistryLot
from registry_bridge.wire_administration import LotAmendment, LotIssue, Methodology


async def publish_methodology(store: Store, methodology: Methodology) -> None:
    """Publish a version of a methodology with its class and the days from which it is public and in force."""
    content = (
        methodology.methodology_class.value,
        methodology.title,
        date.fromisoformat(methodology.published_on),
        date.fromisoformat(methodology.in_force_from),
    )
    name = (methodology.code, methodology.version)
    async with store.writing() as writing:
        found = await writing.connection.fetchrow(
            """
            select class, title, published_on, in_force_from from methodology where code = $1 and version = $2
            """,
            *name,
        )
        if found is None:
            await writing.connection.execute(
                """
                insert into methodology (code, version, class, title, published_on, in_force_from)
                values ($1, $2, $3, $4, $5, $6)
                """,
                *name,
                *content,
            )
        elif tuple(found) != content:
            raise NameTaken(" ".join(name))


async def withdraw_methodology(
    store: Store, *, code: str, version: str, withdrawn_on: str, reason: str
) -> None:
    """From that day on nothing is issued under this version; what was issued before stays what it is."""
    content = (date.fromisoformat(withdrawn_on), reason)
    async with store.writing() as writing:
        found = await writing.connection.fetchrow(
            "select withdrawn_on, reason from methodology_withdrawn where code = $1 and version = $2",
            code,
            version,
        )
        if found is not None:
            if tuple(found) != content:
                raise NameTaken(f"{code} {version}")
            return
        try:
            await writing.connection.execute(
                """
                insert into methodology_withdrawn (code, version, withdrawn_on, reason, withdrawn_at_ns)
                values ($1, $2, $3, $4, $5)
                """,
                code,
                version,
                *content,
                writing.now_ns,
            )
        except asyncpg.ForeignKeyViolationError:
            raise NameUnknown(f"{code} {version}") from None
        except asyncpg.IntegrityConstraintViolationError as error:
            if error.constraint_name != "withdrawn_after_use":
                raise
            raise MethodologyInUse(f"{code} {version}") from None


async def issue_lot(store: Store, issue: LotIssue) -> RegistryLot:
    """Issue a lot into its applicant's management sub-account, and tell so."""
    async with store.writing() as writing:
        row = await writing.connection.fetchrow("select * from lot where lot = $1", issue.lot)
        if row is None:
            await _insert_lot(writing, issue)
            row = await writing.connection.fetchrow("select * from lot where lot = $1", issue.lot)
            assert row is not None
    lot = lot_from_row(row)
    if any(getattr(lot, name) != getattr(issue, name) for name in LotIssue.__slots__):
        raise NameTaken(issue.lot)
    return lot


async def _insert_lot(writing: Writing, issue: LotIssue) -> None:
    closed = "select from account_closed where account = $1"
    if await writing.connection.fetchrow(closed, issue.applicant) is not None:
        raise AccountClosed(issue.applicant)
    try:
        inserted = await _insert(writing.connection, issue)
    except asyncpg.IntegrityConstraintViolationError as error:
        if error.constraint_name != "issued_while_in_force":
            raise
        raise MethodologyNotInForce(f"{issue.methodology} {issue.methodology_version}") from None
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


async def _insert(connection: Connection, issue: LotIssue) -> str | None:
    """The lot's name; None when its account or its methodology is not there."""
    return await connection.fetchval(  # type: ignore[no-any-return]
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


async def amend_lot(store: Store, amendment: LotAmendment) -> RegistryLot:
    """Tell a lot's project, monitoring period or issue batch otherwise than before; what is not named stays."""
    async with store.writing() as writing:
        row = await writing.connection.fetchrow("select * from lot_now where lot = $1", amendment.lot)
        if row is None:
            raise NameUnknown(amendment.lot)
        asked = {
            "project": amendment.project,
            "period_start": _day(amendment.period_start),
            "period_end": _day(amendment.period_end),
            "issue_batch": amendment.issue_batch,
        }
        changed = {name: value for name, value in asked.items() if value not in (None, row[name])}
        if changed:
            anew = {name: changed.get(name, row[name]) for name in asked}
            if anew["period_start"] > anew["period_end"]:
                raise PeriodReversed(amendment.lot)
            await writing.connection.execute(
                """
                insert into lot_amendment (lot, project, period_start, period_end, issue_batch, reason, amended_at_ns)
                values ($1, $2, $3, $4, $5, $6, $7)
                """,
                amendment.lot,
                *anew.values(),
                amendment.reason,
                writing.now_ns,
            )
            await tell(writing, NoticeKind.LOT_CHANGED, lot=amendment.lot, reason=amendment.reason)
            row = await writing.connection.fetchrow("select * from lot_now where lot = $1", amendment.lot)
            assert row is not None
    return lot_from_row(row)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
