"""What the platform's own people do with accounts: open, close, restrict, and move for their owners.

Every act may be repeated: the same again is the same once, and the same name with other content is
`NameTaken`.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from registry_bridge.reference import movements
from registry_bridge.reference.act_refusals import AccountClosed, AccountNotEmpty, NameTaken, NameUnknown
from registry_bridge.reference.notices import tell
from registry_bridge.reference.store import Store
from registry_bridge.registry import (
    AccountKind,
    FinalAnswer,
    Movement,
    MovementKind,
    MovementLeg,
    NoticeKind,
    SubAccount,
)
from settlement.serials import Serials

NO_DEADLINE_NS = (1 << 63) - 1
"""What an owner does at the platform is not late: there is no line on which it could be delayed."""


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
        closed = "select from account_closed where account = $1"
        if await writing.connection.fetchrow(closed, account) is not None:
            raise AccountClosed(account)
        if found is None:
            await writing.connection.execute(
                "insert into account (account, kind, opened_at_ns) values ($1, $2, $3)",
                account,
                kind.value,
                writing.now_ns,
            )
        elif found != kind.value:
            raise NameTaken(account)


async def close_account(store: Store, account: str, reason: str) -> None:
    """Close an account for good, and tell so. It must hold nothing in either sub-account."""
    async with store.writing() as writing:
        connection = writing.connection
        if await connection.fetchrow("select from account where account = $1", account) is None:
            raise NameUnknown(account)
        if await connection.fetchrow("select from account_closed where account = $1", account) is not None:
            return
        try:
            await connection.execute(
                "insert into account_closed (account, reason, closed_at_ns) values ($1, $2, $3)",
                account,
                reason,
                writing.now_ns,
            )
        except asyncpg.IntegrityConstraintViolationError as error:
            if error.constraint_name != "account_is_empty":
                raise
            raise AccountNotEmpty(account) from None
        await tell(writing, NoticeKind.ACCOUNT_CLOSED, account=account, reason=reason)


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
