"""What the platform's own people ask of it, as JSON: the demonstration's seed and the operator's command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field, model_validator

from registry_bridge.registry import AccountKind
from registry_bridge.wire import Instant, IsoDate, Name, Serial, SerialRanges, Text, Wire
from settlement.lot import MethodologyClass, Origin

Reason = Annotated[Text, Field(min_length=1)]


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


class OpenAccountBody(Wire):
    """`POST /registry/admin/v1/accounts`."""

    account: Name
    kind: AccountKind


class MethodologyBody(Wire):
    """`POST /registry/admin/v1/methodologies`."""

    code: Name
    version: Name
    methodology_class: Annotated[MethodologyClass, Field(alias="class")]
    title: Text


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
