"""The certificate of a completed use: what is said, under which number, and a digest over exactly that.

The number counts completed uses over the life of the exchange and ends in two check digits (ISO 7064, MOD 97-10,
which finds every single wrong digit and every exchange of two neighbours). The digest is SHA-256 over the canonical
text, one `name: value` a line, so that anybody can compute it from what is printed. A certificate whose text was
altered has another digest; one that was made up has a number under which the exchange knows another digest, or none.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NewType

from settlement.channels import Channel
from settlement.lot import MethodologyClass, Origin
from settlement.serials import Serials
from settlement.values import AccountId, AssetCode, InstructionId, LotId, ParticipantId, TradingDay

CertificateNumber = NewType("CertificateNumber", str)
"""`PH-20261123-00000042-17`: trading day of completion, count, check digits."""

FORM: Final = "puhui-exchange certificate 1"
"""First line of the canonical text; another form of it would be another number."""

_DAY_DIGITS: Final = 8
_COUNT_DIGITS: Final = 8
_NUMBER: Final = re.compile(r"PH-(\d{8})-(\d{8,18})-(\d{2})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class CertifiedLot:
    """What was used of one lot."""

    lot_id: LotId
    methodology_class: MethodologyClass
    methodology: str
    methodology_version: str
    origin: Origin
    project: str
    period_from: str
    period_to: str
    serials: Serials
    """Half-open ranges; one serial is one tonne."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """What a certificate says, before it is numbered."""

    reference: str
    """The use's id at the exchange: `offset-42`, `retirement-42`, or `trade-42` for a purchase that was for a use."""
    entity: ParticipantId
    account: AccountId
    purpose: Channel
    compliance_year: int | None
    """Only of a compliance offset."""
    beneficiary: str
    statement: str
    instrument: AssetCode
    quantity_tonnes: int
    lots: tuple[CertifiedLot, ...]
    donated_to: AccountId | None
    """The public-welfare account the units moved to. Absent, they were retired and never move again (Art. 35)."""
    accepted_at_ns: int
    """When the exchange accepted the request (of a purchase: when its delivery settled)."""
    completed_at_ns: int
    """When the registry's confirmation was booked."""
    deadline_ns: int | None
    """The compliance year's, as it was at acceptance; only of an offset."""
    instruction_id: InstructionId
    """The registry's movement that did it."""
    trading_day: TradingDay

    @property
    def counts_although_late(self) -> bool:
        """Whether it was accepted before the deadline and confirmed by the registry after it: it counts."""
        return self.deadline_ns is not None and self.completed_at_ns > self.deadline_ns


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A numbered statement and its digest."""

    number: CertificateNumber
    says: Statement
    digest: str
    """SHA-256 over `canonical_text`, 64 lower-case hexadecimal digits."""


def certify(says: Statement, count: int) -> Certificate:
    """The certificate of the completed use that is the exchange's `count`-th."""
    number = number_of(says.trading_day, count)
    return Certificate(number=number, says=says, digest=digest_of(number, says))


def number_of(day: TradingDay, count: int) -> CertificateNumber:
    """The number of the `count`-th certificate, issued on that trading day."""
    digits = f"{day.replace('-', '')}{count:0{_COUNT_DIGITS}}"
    check = 98 - int(digits + "00") % 97
    return CertificateNumber(f"PH-{digits[:_DAY_DIGITS]}-{digits[_DAY_DIGITS:]}-{check:02}")


def is_number(text: str) -> bool:
    """Whether a number is written as we write them and its check digits are right: mistyped ones are told apart."""
    found = _NUMBER.fullmatch(text)
    return found is not None and int("".join(found.groups())) % 97 == 1


def canonical_text(number: CertificateNumber, says: Statement) -> str:
    """Exactly what the digest is over: UTF-8, one `name: value` a line, absent values empty, times in nanoseconds."""
    fields = (
        ("number", number),
        ("reference", says.reference),
        ("entity", says.entity),
        ("account", says.account),
        ("purpose", says.purpose.value),
        ("compliance_year", _text(says.compliance_year)),
        ("beneficiary", says.beneficiary),
        ("statement", says.statement),
        ("instrument", says.instrument),
        ("quantity_tonnes", _text(says.quantity_tonnes)),
        ("donated_to", _text(says.donated_to)),
        ("accepted_at_ns", _text(says.accepted_at_ns)),
        ("completed_at_ns", _text(says.completed_at_ns)),
        ("deadline_ns", _text(says.deadline_ns)),
        ("instruction_id", says.instruction_id),
        ("trading_day", says.trading_day),
    )
    lines = [FORM, *(f"{name}: {value}" for name, value in fields), *map(_lot_line, says.lots)]
    return "".join(f"{line}\n" for line in lines)


def digest_of(number: CertificateNumber, says: Statement) -> str:
    """SHA-256 over the canonical text."""
    return sha256(canonical_text(number, says).encode()).hexdigest()


def verify_certificate(certificate: Certificate) -> bool:
    """Whether number, text and digest belong together. Whether we issued it, only our own record of the number tells."""
    return is_number(certificate.number) and certificate.digest == digest_of(
        certificate.number, certificate.says
    )


def _lot_line(lot: CertifiedLot) -> str:
    ranges = ",".join(f"{first}-{end}" for first, end in lot.serials)
    about = (
        lot.methodology_class.value,
        lot.methodology,
        lot.methodology_version,
        lot.origin.value,
        lot.project,
        lot.period_from,
        lot.period_to,
    )
    return f"lot: {lot.lot_id} [{ranges}) {' | '.join(about)}"


def _text(value: object) -> str:
    return "" if value is None else str(value)
