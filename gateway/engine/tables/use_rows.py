"""Rows of uses: what was asked, how it ended, and the certificates of what was completed."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import asyncpg

from gateway.engine.codec import to_json
from gateway.engine.entry import Entry
from gateway.engine.tables.by_events import ByEvents
from settlement.certificate import Certificate
from settlement.use_events import CertificateIssued, UseAccepted, UseCompleted, UseRefused, UseWithdrawn

Row: TypeAlias = tuple[Any, ...]

_REQUESTS: Final = """
INSERT INTO use_request (use_id, seq, account, client_id, participant, entity, purpose, compliance_year, beneficiary,
                         statement, instrument, quantity_tonnes, lots, donated_to, at_ns, instruct_at_ns, deadline_ns)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[],
                     $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::bigint[],
                     $16::bigint[], $17::bigint[])
"""
_OUTCOMES: Final = """
INSERT INTO use_outcome (use_id, seq, outcome, outcome_at_ns, code)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])
"""
_CERTIFICATES: Final = """
INSERT INTO certificate (number, seq, reference, account, entity, purpose, year, instrument, methodology_class,
                         quantity_tonnes, digest, says, at_ns)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::text[],
                     $9::text[], $10::bigint[], $11::text[], $12::text[], $13::bigint[])
"""


class UseRows(ByEvents):
    """The journal's projection to `use_request`, `use_outcome` and `certificate`."""

    taken = frozenset[type]({UseAccepted, UseCompleted, UseRefused, UseWithdrawn, CertificateIssued})

    async def write(self, connection: "asyncpg.Connection[asyncpg.Record]", entries: Sequence[Entry]) -> None:
        """Insert the rows of these entries."""
        for sql, rows in zip((_REQUESTS, _OUTCOMES, _CERTIFICATES), use_rows(entries), strict=True):
            if rows:
                await connection.execute(sql, *zip(*rows, strict=True))


def use_rows(entries: Sequence[Entry]) -> tuple[list[Row], list[Row], list[Row]]:
    """Rows of these entries for `use_request`, `use_outcome` and `certificate`, as their statements take them."""
    requests: list[Row] = []
    outcomes: list[Row] = []
    certificates: list[Row] = []
    for entry in entries:
        seq, at_ns = entry.seq, entry.at_ns
        for event in entry.events:
            match event:
                case UseAccepted():
                    requests.append(_request(entry, event))
                case UseCompleted():
                    outcomes.append((event.use_id, seq, "completed", at_ns, None))
                case UseRefused():
                    outcomes.append((event.use_id, seq, "refused", at_ns, event.code))
                case UseWithdrawn():
                    outcomes.append((event.use_id, seq, "withdrawn", at_ns, None))
                case CertificateIssued():
                    certificates.append(_certificate(entry, event.certificate))
                case _:
                    continue
    return requests, outcomes, certificates


def _request(entry: Entry, event: UseAccepted) -> Row:
    return (
        event.use_id,
        entry.seq,
        event.account,
        event.client_id,
        getattr(entry.command, "participant", event.entity),
        event.entity,
        event.channel.value,
        event.compliance_year,
        event.beneficiary,
        event.statement,
        event.instrument,
        event.quantity_tonnes,
        to_json(event.lots).decode(),
        event.donated_to,
        event.accepted_at_ns,
        event.instruct_at_ns,
        event.deadline_ns,
    )


def year_of(certificate: Certificate) -> int:
    """The year a use counts in: the compliance year of an offset, of everything else that of its completion."""
    says = certificate.says
    return int(says.trading_day[:4]) if says.compliance_year is None else says.compliance_year


def _certificate(entry: Entry, certificate: Certificate) -> Row:
    says = certificate.says
    return (
        certificate.number,
        entry.seq,
        says.reference,
        says.account,
        says.entity,
        says.purpose.value,
        year_of(certificate),
        says.instrument,
        says.lots[0].methodology_class.value,
        says.quantity_tonnes,
        certificate.digest,
        to_json(says).decode(),
        entry.at_ns,
    )
