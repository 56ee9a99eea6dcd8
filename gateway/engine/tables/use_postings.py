"""The third wall's rows: what a cap is made of, and what every offset claims of it.

They are written in the transaction that journals the offset's acceptance, so the database has refused what must not
be before the registry is asked for anything. See `gateway/postgres/schema` for what it refuses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import asyncpg

from gateway.engine.entry import Entry
from settlement.channels import Channel
from settlement.compliance_year import Enforcement
from settlement.lot import MethodologyClass
from settlement.use_events import (
    ComplianceYearAdopted,
    UseAccepted,
    UseRefused,
    UseWithdrawn,
    VerifiedEmissionsFiled,
)

Row: TypeAlias = tuple[Any, ...]

TAKEN: Final = frozenset(
    {ComplianceYearAdopted, VerifiedEmissionsFiled, UseAccepted, UseRefused, UseWithdrawn}
)
"""The events that may leave rows here."""

_YEAR: Final = """
INSERT INTO settlement.compliance_year
    (seq, year, effective_from_ns, base, numerator, denominator, is_hard, joint_credits)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_FILING: Final = """
INSERT INTO settlement.filing
    (seq, entity, year, verified_emissions_tonnes, issued_allowances_tonnes, credits, credit_tonnes)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_CLAIMS: Final = """
WITH claims AS (
    INSERT INTO settlement.offset_claim
        (use_id, seq, at_ns, account, entity, year, asset, methodology_class, tonnes)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::int[], $7::text[],
                         $8::text[], $9::bigint[])
)
INSERT INTO settlement.offset_release (use_id, seq) SELECT * FROM unnest($10::text[], $11::bigint[])
"""


@dataclass(kw_only=True, slots=True)
class Claims:
    """What the third wall is to learn from some entries."""

    years: list[Row] = field(default_factory=list)
    filings: list[Row] = field(default_factory=list)
    claims: list[Row] = field(default_factory=list)
    releases: list[Row] = field(default_factory=list)

    async def write(self, connection: "asyncpg.Connection[asyncpg.Record]", timeout_s: float) -> None:
        """Insert all of it; claims and releases by one statement, since they are judged in the order of entries."""
        for sql, rows in ((_YEAR, self.years), (_FILING, self.filings)):
            if rows:
                await connection.executemany(sql, rows, timeout=timeout_s)
        if self.claims or self.releases:
            columns = (*_columns(self.claims, 9), *_columns(self.releases, 2))
            await connection.execute(_CLAIMS, *columns, timeout=timeout_s)


def collect_claims(entries: Sequence[Entry]) -> Claims:
    """Everything in these entries that the third wall is to learn."""
    found = Claims()
    for entry in entries:
        for event in entry.events:
            match event:
                case ComplianceYearAdopted():
                    found.years.append(_year(entry, event))
                case VerifiedEmissionsFiled():
                    found.filings.append(_filing(entry, event))
                case UseAccepted(channel=Channel.COMPLIANCE_OFFSET):
                    found.claims.append(_claim(entry, event))
                case UseRefused() | UseWithdrawn() if event.channel is Channel.COMPLIANCE_OFFSET:
                    found.releases.append((event.use_id, entry.seq))
                case _:
                    continue
    return found


def _year(entry: Entry, event: ComplianceYearAdopted) -> Row:
    terms = event.terms
    cap = terms.cap
    share: Row = (
        (None, None, None, None, [])
        if cap is None
        else (
            cap.base.value,
            cap.ratio_numerator,
            cap.ratio_denominator,
            cap.enforcement is Enforcement.HARD,
            list(cap.joint_credits),
        )
    )
    return (entry.seq, terms.year, terms.effective_from_ns, *share)


def _filing(entry: Entry, event: VerifiedEmissionsFiled) -> Row:
    filing = event.filing
    return (
        entry.seq,
        filing.entity,
        filing.year,
        filing.verified_emissions_tonnes,
        filing.issued_allowances_tonnes,
        [used.credit for used in filing.other_credits],
        [used.tonnes for used in filing.other_credits],
    )


def _claim(entry: Entry, event: UseAccepted) -> Row:
    return (
        event.use_id,
        entry.seq,
        event.accepted_at_ns,
        event.account,
        event.entity,
        event.compliance_year,
        event.instrument,
        # What it has to be. That the instrument is of it, and its lots, the database knows by itself.
        MethodologyClass.I.value,
        event.quantity_tonnes,
    )


def _columns(rows: list[Row], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
