"""Uses and certificates as the database keeps them for good."""

from dataclasses import dataclass, replace
from typing import Final

import asyncpg

from gateway.engine.codec import StateCodec
from gateway.engine.paging import Page, bounded, id_before, page_of_rows
from gateway.engine.views.uses import UseView
from settlement.certificate import Certificate, CertificateNumber, Statement
from settlement.channels import Channel
from settlement.events import LotSlice

_SAYS: Final = StateCodec(Statement)


@dataclass(frozen=True, kw_only=True, slots=True)
class UseLine:
    """What was used up by one entity in one year for one purpose, of one class."""

    entity: str
    year: int
    purpose: Channel
    methodology_class: str
    quantity_tonnes: int
    uses: int


class UseHistory:
    """Readers of the database. They use connections of their own, never the journal's."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Reading through this pool."""
        self._pool = pool

    async def use(self, use_id: str) -> UseView | None:
        """One use."""
        row = await self._pool.fetchrow(f"{_USE} WHERE use_id = $1", use_id)
        return None if row is None else _use(row)

    async def use_by_client_id(self, account: str, client_id: str) -> UseView | None:
        """The same, by the participant's own id."""
        row = await self._pool.fetchrow(f"{_USE} WHERE account = $1 AND client_id = $2", account, client_id)
        return None if row is None else _use(row)

    async def uses(
        self, account: str, *, offsets: bool, after: str | None = None, limit: int = 100
    ) -> Page[UseView]:
        """An account's compliance offsets, or its other uses, newest first."""
        rows = await self._pool.fetch(
            f"{_USE} WHERE account = $1 AND (purpose = 'compliance_offset') = $2 AND seq < $3"
            " ORDER BY seq DESC LIMIT $4",
            *(account, offsets, id_before(after), bounded(limit) + 1),
        )
        return page_of_rows(rows, limit, _use, "seq")

    async def certificate(self, number: str) -> Certificate | None:
        """The certificate of that number."""
        return _certificate(await self._pool.fetchrow(f"{_CERTIFICATE} WHERE number = $1", number))

    async def certificate_of(self, reference: str) -> Certificate | None:
        """The certificate of a use, or of a purchase that was for a use."""
        return _certificate(await self._pool.fetchrow(f"{_CERTIFICATE} WHERE reference = $1", reference))

    async def lines(self, *, entity: str | None, year: int | None) -> tuple[UseLine, ...]:
        """Accounts of use: of one entity, or of each; of one year, or of every year."""
        rows = await self._pool.fetch(_LINES, entity, year)
        return tuple(_line(row) for row in rows)


_USE: Final = """
SELECT use_id, account, client_id, participant, entity, purpose, compliance_year, beneficiary, statement, instrument,
       quantity_tonnes, lots, donated_to, at_ns, instruct_at_ns, deadline_ns, outcome, outcome_at_ns, code, number, seq
FROM use_request
LEFT JOIN (SELECT use_id, outcome, outcome_at_ns, code FROM use_outcome) AS ended USING (use_id)
LEFT JOIN (SELECT reference AS use_id, number FROM certificate) AS certified USING (use_id)"""

_CERTIFICATE: Final = "SELECT number, says, digest FROM certificate"

_LINES: Final = """
SELECT entity, year, purpose, methodology_class, sum(quantity_tonnes)::bigint AS tonnes, count(*) AS uses
FROM certificate WHERE ($1::text IS NULL OR entity = $1) AND ($2::int IS NULL OR year = $2)
GROUP BY entity, year, purpose, methodology_class ORDER BY entity, year, purpose, methodology_class
"""


def _use(row: asyncpg.Record) -> UseView:
    return UseView(
        use_id=row["use_id"],
        account=row["account"],
        entity=row["entity"],
        participant=row["participant"],
        client_id=row["client_id"],
        purpose=Channel(row["purpose"]),
        compliance_year=row["compliance_year"],
        beneficiary=row["beneficiary"],
        statement=row["statement"],
        instrument=row["instrument"],
        quantity_tonnes=row["quantity_tonnes"],
        lots=_LOTS.decode(row["lots"].encode()),
        donated_to=row["donated_to"],
        at_ns=row["at_ns"],
        instruct_at_ns=row["instruct_at_ns"],
        deadline_ns=row["deadline_ns"],
        state=row["outcome"] or "held",
        ended_ns=row["outcome_at_ns"],
        failure=row["code"],
        certificate=row["number"],
    )


_LOTS: Final[StateCodec[tuple[LotSlice, ...]]] = StateCodec(tuple[LotSlice, ...])


def as_it_stands(use: UseView, state: str | None) -> UseView:
    """A use from the database, in the state in which it is under way where it has not ended."""
    return use if use.ended_ns is not None or state is None else replace(use, state=state)


def _certificate(row: asyncpg.Record | None) -> Certificate | None:
    if row is None:
        return None
    return Certificate(
        number=CertificateNumber(row["number"]), says=_SAYS.decode(row["says"].encode()), digest=row["digest"]
    )


def _line(row: asyncpg.Record) -> UseLine:
    return UseLine(
        entity=row["entity"],
        year=row["year"],
        purpose=Channel(row["purpose"]),
        methodology_class=row["methodology_class"],
        quantity_tonnes=row["tonnes"],
        uses=row["uses"],
    )
