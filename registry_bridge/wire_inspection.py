"""What the platform's own people see of it, as JSON: balances by lot, methodologies, restrictions, and the check."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field

from registry_bridge.wire import PAGE_ITEMS, Instant, IsoDate, Name, SerialRanges, Text, Wire
from registry_bridge.wire_administration import Methodology
from registry_bridge.wire_pages import Sequence
from settlement.lot import MethodologyClass
from settlement.serials import Serials

MAX_FINDINGS = 100
"""Findings told of each rule at most: one is enough to stop and look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LotBalance:
    """Where the tonnes of a lot are; together they are what was issued, always."""

    lot: str
    applicant: str
    methodology_class: MethodologyClass
    issued_tonnes: int
    management_tonnes: int
    trading_tonnes: int
    retired_tonnes: int
    withdrawn_tonnes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodologyState:
    """A published version, and from when on nothing is issued under it."""

    methodology: Methodology
    withdrawn_on: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Restriction:
    """A freeze in force, by its number."""

    restriction: int
    account: str | None
    lot: str | None
    serials: Serials
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A rule of the registry's own books that does not hold, and of what."""

    rule: str
    subject: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """What was looked through, and what does not add up."""

    lots: int
    issued_tonnes: int
    management_tonnes: int
    trading_tonnes: int
    retired_tonnes: int
    withdrawn_tonnes: int
    journal_entries: int
    findings: tuple[Finding, ...]


class LotBalanceBody(Wire):
    """One lot's tonnes by place."""

    lot: Name
    applicant: Name
    methodology_class: Annotated[MethodologyClass, Field(alias="class")]
    issued_tonnes: Sequence
    management_tonnes: Sequence
    trading_tonnes: Sequence
    retired_tonnes: Sequence
    withdrawn_tonnes: Sequence

    def value(self) -> LotBalance:
        """The balance it stands for."""
        return LotBalance(**{name: getattr(self, name) for name in type(self).model_fields})


class BalancesBody(Wire):
    """`GET /registry/admin/v1/balances?after=`."""

    items: Annotated[tuple[LotBalanceBody, ...], Field(max_length=PAGE_ITEMS)]
    next: Sequence | None
    registry_time: Instant


class MethodologyStateBody(Wire):
    """One published version."""

    code: Name
    version: Name
    methodology_class: Annotated[MethodologyClass, Field(alias="class")]
    title: Text
    published_on: IsoDate
    in_force_from: IsoDate
    withdrawn_on: IsoDate | None

    def value(self) -> MethodologyState:
        """The state it stands for."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "withdrawn_on"}
        return MethodologyState(methodology=Methodology(**fields), withdrawn_on=self.withdrawn_on)


class MethodologiesBody(Wire):
    """`GET /registry/admin/v1/methodologies`."""

    items: Annotated[tuple[MethodologyStateBody, ...], Field(max_length=PAGE_ITEMS)]
    registry_time: Instant


class RestrictionStateBody(Wire):
    """One freeze in force."""

    restriction: int
    account: Name | None
    lot: Name | None
    serials: SerialRanges | None
    reason: Text

    def value(self) -> Restriction:
        """The freeze it stands for."""
        return Restriction(
            restriction=self.restriction,
            account=self.account,
            lot=self.lot,
            serials=self.serials or (),
            reason=self.reason,
        )


class RestrictionsBody(Wire):
    """`GET /registry/admin/v1/restrictions`."""

    items: Annotated[tuple[RestrictionStateBody, ...], Field(max_length=PAGE_ITEMS)]
    registry_time: Instant


class FindingBody(Wire):
    """One thing that does not add up."""

    rule: Name
    subject: Text


class AuditBody(Wire):
    """`GET /registry/admin/v1/check`."""

    lots: Sequence
    issued_tonnes: Sequence
    management_tonnes: Sequence
    trading_tonnes: Sequence
    retired_tonnes: Sequence
    withdrawn_tonnes: Sequence
    journal_entries: Sequence
    findings: tuple[FindingBody, ...]
    registry_time: Instant

    def value(self) -> Audit:
        """The audit it stands for."""
        fields = self.model_dump(exclude={"findings", "registry_time"})
        found = tuple(Finding(rule=one.rule, subject=one.subject) for one in self.findings)
        return Audit(**fields, findings=found)


def balances_json(balances: tuple[LotBalance, ...], next_after: int | None) -> dict[str, Any]:
    """A page as `BalancesBody` reads it, but for the clock."""
    return {"items": [_with_class(asdict(one)) for one in balances], "next": next_after}


def methodologies_json(states: tuple[MethodologyState, ...]) -> dict[str, Any]:
    """The versions as `MethodologiesBody` reads them, but for the clock."""
    return {
        "items": [_with_class(asdict(one.methodology)) | {"withdrawn_on": one.withdrawn_on} for one in states]
    }


def restrictions_json(restrictions: tuple[Restriction, ...]) -> dict[str, Any]:
    """The freezes as `RestrictionsBody` reads them, but for the clock."""
    return {"items": [asdict(one) | {"serials": one.serials or None} for one in restrictions]}


def audit_json(audit: Audit) -> dict[str, Any]:
    """An audit as `AuditBody` reads it, but for the clock."""
    return asdict(audit)


def _with_class(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"class": fields.pop("methodology_class").value}
