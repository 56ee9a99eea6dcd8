"""What the platform's own people ask of it, as JSON: the demonstration's seed and the operator's command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field, model_validator

from registry_bridge.registry import AccountKind
from registry_bridge.wire import Instant, IsoDate, Name, Serial, SerialRanges, Text, Wire
from settlement.lot import MethodologyClass, Origin

Reason = Annotated[Text, Field(min_length=1)]


MEASURES_IN_FORCE = "2023-11-01"
"""The day the Measures came into force (Art. 43): no methodology of theirs is older."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Methodology:
    """A version of a methodology, with the class everything issued under it has (Art. 14)."""

    code: str
    version: str
    methodology_class: MethodologyClass
    title: str
    published_on: str = MEASURES_IN_FORCE
    in_force_from: str = MEASURES_IN_FORCE


@dataclass(frozen=True, kw_only=True, slots=True)
class LotIssue:
    """A lot to be issued, all of it into the applicant's management sub-account."""

    lot: str
    methodology: str
    methodology_version: str
    origin: Origin
    project: str
    applicant: str
    period_start: str
    period_end: str
    issue_batch: str
    issued_on: str
    first: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LotAmendment:
    """What is told about a lot from now on; None stays as it is."""

    lot: str
    project: str | None = None
    period_start: str | None = None
    period_end: str | None = None
    issue_batch: str | None = None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectionMade:
    """A correction, and where its tonnes are: already withdrawn, still in trading sub-accounts, used before."""

    correction: int
    withdrawn_tonnes: int
    trading_tonnes: int
    retired_tonnes: int


class OpenAccountBody(Wire):
    """`POST /registry/admin/v1/accounts`."""

    account: Name
    kind: AccountKind


class CloseAccountBody(Wire):
    """`POST /registry/admin/v1/accounts/{id}/close`."""

    reason: Reason


class MethodologyBody(Wire):
    """`POST /registry/admin/v1/methodologies`."""

    code: Name
    version: Name
    methodology_class: Annotated[MethodologyClass, Field(alias="class")]
    title: Text
    published_on: IsoDate
    in_force_from: IsoDate

    @model_validator(mode="after")
    def _published_before(self) -> MethodologyBody:
        if self.published_on > self.in_force_from:
            raise ValueError("it is in force once it is published")
        return self

    def value(self) -> Methodology:
        """The version it stands for."""
        return Methodology(**{name: getattr(self, name) for name in type(self).model_fields})


class WithdrawMethodologyBody(Wire):
    """`POST /registry/admin/v1/methodologies/{code}/{version}/withdraw`."""

    withdrawn_on: IsoDate
    reason: Reason


class IssueLotBody(Wire):
    """`POST /registry/admin/v1/lots`: all of it goes to the applicant's management sub-account."""

    lot: Name
    methodology: Name
    methodology_version: Name
    origin: Origin
    project: Text
    applicant: Name
    period_start: IsoDate
    period_end: IsoDate
    issue_batch: Name
    issued_on: IsoDate
    first: Serial
    end: Serial

    @model_validator(mode="after")
    def _ascending(self) -> IssueLotBody:
        if self.first >= self.end or self.period_start > self.period_end:
            raise ValueError("serials and period ascend")
        return self

    def value(self) -> LotIssue:
        """The issue it stands for."""
        return LotIssue(**self.model_dump())


class AmendLotBody(Wire):
    """`POST /registry/admin/v1/lots/{id}/amend`: what is left out stays."""

    project: Text | None = None
    period_start: IsoDate | None = None
    period_end: IsoDate | None = None
    issue_batch: Name | None = None
    reason: Reason

    def value(self, lot: str) -> LotAmendment:
        """The amendment of that lot it stands for."""
        return LotAmendment(lot=lot, **self.model_dump())


class CorrectBody(Wire):
    """`POST /registry/admin/v1/lots/{id}/corrections` (Art. 22)."""

    serials: SerialRanges
    reason: Reason


class CorrectionBody(Wire):
    """A correction, new or as it was made before."""

    correction: int
    withdrawn_tonnes: int
    trading_tonnes: int
    retired_tonnes: int
    registry_time: Instant

    def value(self) -> CorrectionMade:
        """The correction it stands for."""
        return CorrectionMade(
            correction=self.correction,
            withdrawn_tonnes=self.withdrawn_tonnes,
            trading_tonnes=self.trading_tonnes,
            retired_tonnes=self.retired_tonnes,
        )


class FreezeBody(Wire):
    """`POST /registry/admin/v1/restrictions`: an account, a lot, or one range of a lot."""

    account: Name | None = None
    lot: Name | None = None
    serials: Annotated[SerialRanges, Field(max_length=1)] | None = None
    reason: Reason

    @model_validator(mode="after")
    def _one_scope(self) -> FreezeBody:
        if (self.account is None) == (self.lot is None) or (self.serials and self.lot is None):
            raise ValueError("an account, or a lot, or serials of a lot")
        return self


class UnfreezeBody(Wire):
    """`POST /registry/admin/v1/restrictions/{number}/lift`."""

    reason: Reason


class TransferBody(Wire):
    """`POST /registry/admin/v1/accounts/{id}/transfers`: its owner moves units into its trading sub-account."""

    transfer_id: Annotated[Name, Field(max_length=50)]
    lot: Name
    serials: SerialRanges
    trading_day: IsoDate


class DoneBody(Wire):
    """What was asked stands."""

    registry_time: Instant


class RestrictionBody(Wire):
    """The number by which a restriction is lifted."""

    restriction: int
    registry_time: Instant


def issue_json(issue: LotIssue) -> dict[str, Any]:
    """An issue as `IssueLotBody` reads it."""
    return asdict(issue) | {"origin": issue.origin.value}


def methodology_json(methodology: Methodology) -> dict[str, Any]:
    """A version as `MethodologyBody` reads it."""
    body = asdict(methodology)
    return body | {"class": body.pop("methodology_class").value}


def amendment_json(amendment: LotAmendment) -> dict[str, Any]:
    """An amendment as `AmendLotBody` reads it."""
    return {name: value for name, value in asdict(amendment).items() if name != "lot" and value is not None}
