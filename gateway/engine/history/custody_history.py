"""Comparisons with the registry, breaks, claims and removals, open and ended, read from the database."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg
import orjson

from gateway.engine.paging import Page, bounded, id_before, page_of_rows
from settlement.serials import Serials


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconciliationRecord:
    """One comparison of both sides."""

    seq: int
    at_ns: int
    trading_day: str
    on_demand: bool
    as_of: int
    breaks: int
    open_breaks: int
    digest_here: str
    digest_there: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """When something was resolved or decided, by whom and why."""

    at_ns: int
    operator: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakRecord:
    """A difference with the registry, and its resolution if there is one."""

    break_id: int
    at_ns: int
    as_of: int
    kind: str
    account: str | None
    registry_account: str | None
    lot_id: str | None
    only_here: Serials
    only_there: Serials
    instruction_id: str | None
    detail: str
    resolution: Ended | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimRecord:
    """A claim as it stands, with the newest decision about it."""

    claim_id: int
    at_ns: int
    notice_sequence: int
    against: str
    lot_id: str
    serials: Serials
    quantity_tonnes: int
    reason: str
    state: str
    decision: str | None
    decided: Ended | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovalRecord:
    """Corrected units on their way out of an account, or out."""

    removal_id: int
    at_ns: int
    account: str
    lot_id: str
    serials: Serials
    notice_sequence: int
    reason: str
    claim_id: int | None
    completed_ns: int | None


_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

_RECONCILIATIONS: Final = """
SELECT seq, at_ns, trading_day, on_demand, as_of, breaks, open_breaks, digest_here, digest_there
FROM reconciliation WHERE seq < $1 ORDER BY seq DESC LIMIT $2"""

_BREAKS: Final = """
SELECT break_id, opened.at_ns, as_of, kind, account, registry_account, lot_id, only_here, only_there, instruction_id,
       detail, ended.at_ns AS ended_ns, ended.operator, ended.reason AS ended_reason
FROM registry_break AS opened LEFT JOIN break_resolution AS ended USING (break_id)
WHERE break_id < $1 AND ($3::boolean IS NULL OR (ended.break_id IS NULL) = $3)
ORDER BY break_id DESC LIMIT $2"""

_CLAIMS: Final = """
SELECT claim_id, opened.at_ns, notice_sequence, against, lot_id, serials, quantity_tonnes, opened.reason,
       coalesce(last.state, opened.state) AS state, last.decision, last.at_ns AS ended_ns, last.operator,
       last.reason AS ended_reason
FROM claim AS opened
LEFT JOIN LATERAL (
    SELECT * FROM claim_decision WHERE claim_decision.claim_id = opened.claim_id ORDER BY seq DESC LIMIT 1
) AS last USING (claim_id)
WHERE claim_id < $1 AND ($3::text IS NULL OR coalesce(last.state, opened.state) = $3)
ORDER BY claim_id DESC LIMIT $2"""

_REMOVALS: Final = """
SELECT removal_id, opened.at_ns, account, lot_id, serials, notice_sequence, reason, claim_id,
       done.at_ns AS completed_ns
FROM removal AS opened LEFT JOIN removal_completion AS done USING (removal_id)
WHERE removal_id < $1 ORDER BY removal_id DESC LIMIT $2"""


class CustodyHistory:
    """Readers of these tables, through connections that are not the journal's."""

    def __init__(self, pool: _Pool) -> None:
        """Reading through this pool."""
        self._pool = pool

    async def reconciliations(
        self, *, after: str | None = None, limit: int = 100
    ) -> Page[ReconciliationRecord]:
        """Comparisons, newest first."""
        rows = await self._pool.fetch(_RECONCILIATIONS, id_before(after), bounded(limit) + 1)
        return page_of_rows(rows, limit, lambda row: ReconciliationRecord(**row), "seq")

    async def breaks(
        self, *, is_open: bool | None = None, after: str | None = None, limit: int = 100
    ) -> Page[BreakRecord]:
        """Breaks, newest first: those that are open or resolved, or all."""
        rows = await self._pool.fetch(_BREAKS, id_before(after), bounded(limit) + 1, is_open)
        return page_of_rows(rows, limit, _break, "break_id")

    async def claims(
        self, *, state: str | None = None, after: str | None = None, limit: int = 100
    ) -> Page[ClaimRecord]:
        """Claims, newest first; of one state where one is given."""
        rows = await self._pool.fetch(_CLAIMS, id_before(after), bounded(limit) + 1, state)
        return page_of_rows(rows, limit, _claim, "claim_id")

    async def removals(self, *, after: str | None = None, limit: int = 100) -> Page[RemovalRecord]:
        """Removals of corrected units, newest first."""
        rows = await self._pool.fetch(_REMOVALS, id_before(after), bounded(limit) + 1)
        return page_of_rows(rows, limit, _removal, "removal_id")


def _break(row: asyncpg.Record) -> BreakRecord:
    return BreakRecord(
        break_id=row["break_id"],
        at_ns=row["at_ns"],
        as_of=row["as_of"],
        kind=row["kind"],
        account=row["account"],
        registry_account=row["registry_account"],
        lot_id=row["lot_id"],
        only_here=_serials(row["only_here"]),
        only_there=_serials(row["only_there"]),
        instruction_id=row["instruction_id"],
        detail=row["detail"],
        resolution=_ended(row),
    )


def _claim(row: asyncpg.Record) -> ClaimRecord:
    return ClaimRecord(
        claim_id=row["claim_id"],
        at_ns=row["at_ns"],
        notice_sequence=row["notice_sequence"],
        against=row["against"],
        lot_id=row["lot_id"],
        serials=_serials(row["serials"]),
        quantity_tonnes=row["quantity_tonnes"],
        reason=row["reason"],
        state=row["state"],
        decision=row["decision"],
        decided=_ended(row),
    )


def _removal(row: asyncpg.Record) -> RemovalRecord:
    return RemovalRecord(
        removal_id=row["removal_id"],
        at_ns=row["at_ns"],
        account=row["account"],
        lot_id=row["lot_id"],
        serials=_serials(row["serials"]),
        notice_sequence=row["notice_sequence"],
        reason=row["reason"],
        claim_id=row["claim_id"],
        completed_ns=row["completed_ns"],
    )


def _ended(row: asyncpg.Record) -> Ended | None:
    if row["ended_ns"] is None:
        return None
    return Ended(at_ns=row["ended_ns"], operator=row["operator"], reason=row["ended_reason"])


def _serials(text: str) -> Serials:
    return tuple((first, end) for first, end in orjson.loads(text))
