"""Withdrawals in the database: rows written as they are journaled, read back for those they concern, and checked.

A withdrawal is one row when it is asked for and one more when the settlement bank has paid it or returned it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.engine.entry import Entry
from gateway.engine.paging import Page, bounded, id_before, page_of_rows
from gateway.engine.tables.derived_rows import Table
from gateway.engine.tables.projected import Projected, Rows
from settlement.events import WithdrawalPaid, WithdrawalRequested, WithdrawalReturned

HELD: Final = "held"
PAID: Final = "paid"
RETURNED: Final = "returned"

_REQUESTED: Final = """
INSERT INTO withdrawal (seq, withdrawal_id, account, client_id, amount_fen, at_ns)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
"""
_ENDED: Final = """
INSERT INTO withdrawal_outcome (seq, withdrawal_id, outcome, outcome_at_ns, bank_reference, reason)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
"""
_READ: Final = """
SELECT withdrawal_id, withdrawal.seq, account, client_id, amount_fen, at_ns, outcome, outcome_at_ns, bank_reference,
       reason
FROM withdrawal LEFT JOIN withdrawal_outcome USING (withdrawal_id)"""


def rows_of(entries: Sequence[Entry]) -> tuple[Rows, Rows]:
    """Rows of these entries for both tables."""
    requested: Rows = []
    ended: Rows = []
    for entry in entries:
        for event in entry.events:
            match event:
                case WithdrawalRequested():
                    key = (entry.seq, event.withdrawal_id)
                    requested.append((*key, event.account, event.client_id, event.amount_fen, entry.at_ns))
                case WithdrawalPaid():
                    key = (entry.seq, event.withdrawal_id)
                    ended.append((*key, PAID, entry.at_ns, event.bank_reference, None))
                case WithdrawalReturned():
                    key = (entry.seq, event.withdrawal_id)
                    ended.append((*key, RETURNED, entry.at_ns, None, event.reason))
                case _:
                    continue
    return requested, ended


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawalView:
    """One withdrawal as it stands."""

    withdrawal_id: str
    seq: int
    account: str
    client_id: str
    amount_fen: int
    at_ns: int
    outcome: str | None
    """`paid` or `returned`; none while it is held."""
    outcome_at_ns: int | None
    bank_reference: str | None
    """Of the payment, once it is paid."""
    reason: str | None
    """Why the bank returned it."""

    @property
    def state(self) -> str:
        """`held`, `paid` or `returned`."""
        return self.outcome or HELD


class Withdrawals:
    """Reads them, over connections that are never the journal's."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Reading through this pool."""
        self._pool = pool

    async def one(self, withdrawal_id: str) -> WithdrawalView | None:
        """The withdrawal of that name."""
        row = await self._pool.fetchrow(f"{_READ} WHERE withdrawal_id = $1", withdrawal_id)
        return None if row is None else WithdrawalView(**row)

    async def by_client_id(self, account: str, client_id: str) -> WithdrawalView | None:
        """The withdrawal an account asked for under that id."""
        row = await self._pool.fetchrow(f"{_READ} WHERE account = $1 AND client_id = $2", account, client_id)
        return None if row is None else WithdrawalView(**row)

    async def page(
        self, *, account: str | None, state: str | None, after: str | None, limit: int
    ) -> Page[WithdrawalView]:
        """Of one account or of all, in one state or in any; newest first."""
        rows = await self._pool.fetch(
            f"{_READ} WHERE ($1::text IS NULL OR account = $1) AND withdrawal.seq < $2"
            " AND ($3::text IS NULL OR coalesce(outcome, 'held') = $3) ORDER BY withdrawal.seq DESC LIMIT $4",
            *(account, id_before(after), state, bounded(limit) + 1),
        )
        return page_of_rows(rows, limit, lambda row: WithdrawalView(**row), "seq")


_WITHDRAWALS: Final = Table(
    name="withdrawal",
    columns="seq, withdrawal_id, account, client_id, amount_fen, at_ns",
    key='seq, withdrawal_id COLLATE "C"',
    width=2,
)
_OUTCOMES: Final = Table(
    name="withdrawal_outcome",
    columns="seq, withdrawal_id, outcome, outcome_at_ns, bank_reference, reason",
    key='seq, withdrawal_id COLLATE "C"',
    width=2,
)

WITHDRAWALS: Final = Projected(
    taken=frozenset((WithdrawalRequested, WithdrawalPaid, WithdrawalReturned)),
    inserts=(_REQUESTED, _ENDED),
    tables=(_WITHDRAWALS, _OUTCOMES),
    rows_of=rows_of,
)
"""The journal's projection to `withdrawal` and `withdrawal_outcome`."""
