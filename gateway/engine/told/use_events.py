"""What accounts are told of uses: see `account_events`."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import orjson

from gateway.engine.entry import Entry
from gateway.engine.views.orders import OpenOrders
from gateway.formats import quantity_text, time_text
from settlement.use_events import (
    CertificateIssued,
    UseAccepted,
    UseCompleted,
    UseEvent,
    UseInstructed,
    UseRefused,
    UseWithdrawn,
)

Line: TypeAlias = tuple[str, str, str]
"""(account, type, JSON object)."""


def _body(event: UseEvent) -> dict[str, Any]:
    return {
        "use_id": event.use_id,
        "client_id": event.client_id,
        "purpose": event.channel.value,
        "compliance_year": event.compliance_year,
        "beneficiary": event.beneficiary,
        "statement": event.statement,
        "listing": event.instrument,
        "quantity": quantity_text(event.quantity_tonnes),
        "lots": [{"lot": part.lot_id, "serials": part.serials} for part in event.lots],
        "donated_to": event.donated_to,
    }


def _accepted(entry: Entry, event: UseAccepted, _: OpenOrders, lines: list[Line]) -> None:
    body = {
        **_body(event),
        "participant": getattr(entry.command, "participant", event.entity),
        "withdrawable_until": time_text(event.instruct_at_ns),
    }
    lines.append((event.account, "use_accepted", _text(body)))


def _instructed(_: Entry, event: UseInstructed, __: OpenOrders, lines: list[Line]) -> None:
    lines.append((event.account, "use_retiring", _text({"use_id": event.use_id})))


def _withdrawn(_: Entry, event: UseWithdrawn, __: OpenOrders, lines: list[Line]) -> None:
    lines.append((event.account, "use_withdrawn", _text(_body(event))))


def _refused(_: Entry, event: UseRefused, __: OpenOrders, lines: list[Line]) -> None:
    lines.append((event.account, "use_refused", _text({**_body(event), "reason": event.code})))


def _completed(_: Entry, event: UseCompleted, __: OpenOrders, lines: list[Line]) -> None:
    lines.append((event.account, "use_completed", _text(_body(event))))
    if event.donated_to is not None:
        # From whom, the certificate says to who has it; the receiver is told what has come.
        body = {
            "use_id": event.use_id,
            "listing": event.instrument,
            "quantity": quantity_text(event.quantity_tonnes),
            "lots": [{"lot": part.lot_id, "serials": part.serials} for part in event.lots],
        }
        lines.append((event.donated_to, "donation_received", _text(body)))


def _certified(_: Entry, event: CertificateIssued, __: OpenOrders, lines: list[Line]) -> None:
    certificate = event.certificate
    body = {
        "number": certificate.number,
        "reference": certificate.says.reference,
        "purpose": certificate.says.purpose.value,
        "quantity": quantity_text(certificate.says.quantity_tonnes),
        "digest": certificate.digest,
    }
    lines.append((event.account, "certificate_issued", _text(body)))


RENDERERS: Final[dict[type, Callable[[Entry, Any, OpenOrders, list[Line]], None]]] = {
    UseAccepted: _accepted,
    UseInstructed: _instructed,
    UseWithdrawn: _withdrawn,
    UseRefused: _refused,
    UseCompleted: _completed,
    CertificateIssued: _certified,
}


def _text(body: dict[str, Any]) -> str:
    return orjson.dumps(body).decode()
