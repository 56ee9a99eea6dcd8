"""Movements and answers as JSON: what the client and the reference registry both read and write.

Written by hand into plain dictionaries, read strictly through pydantic: an unknown field, a float, a
number in quotes or a list beyond its bound is refused. Times are RFC 3339 with `+08:00` and as many
digits as a nanosecond needs.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from hashlib import sha256
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from registry_bridge.registry import (
    MAX_LEGS,
    MAX_RANGES,
    Answer,
    Confirmed,
    FinalAnswer,
    Movement,
    MovementKind,
    MovementLeg,
    RefusalCode,
    Refused,
    RetirementPurpose,
    RetirementTerms,
    SubAccount,
    Unknown,
    UnknownReason,
)
from settlement.serials import Serials, is_well_formed

MAX_BODY_BYTES = 1 << 20
"""The largest request the line carries, but for movements."""

MAX_MOVEMENT_BYTES = 8 << 20
"""The largest movement: `MAX_RANGES` ranges of the highest serials in `MAX_LEGS` legs need about five eighths of it."""

PAGE_ITEMS = 1_000
"""Items on one page at most."""

SHANGHAI = timezone(timedelta(hours=8))
_SECOND_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


class WireError(Exception):
    """What came over the line is not what the protocol says. Quotes the first place, never the content."""


def format_instant(at_ns: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 in Shanghai's time."""
    seconds, rest_ns = divmod(at_ns, _SECOND_NS)
    text = (_EPOCH + timedelta(seconds=seconds)).astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest_ns:09d}" if rest_ns % 1_000 else f".{rest_ns // 1_000:06d}"
    return f"{text}{fraction}+08:00"


def parse_instant(text: str) -> int:
    """Nanoseconds since the epoch; ValueError when the text is no RFC 3339 time with an offset."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 time with an offset")
    moment = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    elapsed = moment - _EPOCH
    seconds = elapsed.days * 86_400 + elapsed.seconds
    at_ns = seconds * _SECOND_NS + int((match[2] or "0").ljust(9, "0"))
    if not 0 <= at_ns < 1 << 63:
        raise ValueError("a time outside the years 1970 to 2262")
    return at_ns


def _instant(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("a time is a string")  # noqa: TRY004 - pydantic turns only ValueError into its own
    return parse_instant(value)


def _iso_date(value: str) -> str:
    if len(value) != len("2026-11-22") or date.fromisoformat(value).isoformat() != value:
        raise ValueError("not an ISO date")
    return value


def _well_formed(value: tuple[tuple[int, int], ...]) -> Serials:
    if not is_well_formed(value):
        raise ValueError("serial ranges are not ascending, disjoint and merged")
    return value


Instant = Annotated[int, BeforeValidator(_instant)]
IsoDate = Annotated[str, AfterValidator(_iso_date)]
NAME = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
Name = Annotated[str, Field(pattern=NAME)]
"""An id: also safe as one segment of a path, so `.` and `..` are not among them."""
Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Serial = Annotated[int, Field(ge=0, lt=1 << 62)]
SerialRanges = Annotated[
    tuple[tuple[Serial, Serial], ...],
    Field(min_length=1, max_length=MAX_RANGES),
    AfterValidator(_well_formed),
]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Wire(BaseModel):
    """Strict: no conversion, no unknown field."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PlaceBody(Wire):
    """An account's sub-account."""

    account: Name
    sub_account: SubAccount


class LegBody(Wire):
    """One leg of a movement."""

    leg: Annotated[int, Field(ge=1, le=MAX_LEGS)]
    lot: Name
    serials: SerialRanges
    source: Annotated[PlaceBody, Field(alias="from")]
    to: PlaceBody | None = None

    def value(self) -> MovementLeg:
        """The leg it stands for."""
        return MovementLeg(
            leg=self.leg,
            lot=self.lot,
            serials=self.serials,
            from_account=self.source.account,
            from_sub_account=self.source.sub_account,
            to_account=self.to.account if self.to else None,
            to_sub_account=self.to.sub_account if self.to else None,
        )


class RetirementBody(Wire):
    """What a retirement is for."""

    purpose: RetirementPurpose
    compliance_year: Annotated[int, Field(ge=2000, le=2999)] | None = None
    beneficiary: Annotated[Text, Field(min_length=1)]
    statement: Text = ""

    def value(self) -> RetirementTerms:
        """The terms it stands for."""
        return RetirementTerms(
            purpose=self.purpose,
            compliance_year=self.compliance_year,
            beneficiary=self.beneficiary,
            statement=self.statement,
        )


class MovementBody(Wire):
    """`POST /registry/v1/movements`."""

    request_id: Name
    kind: MovementKind
    not_after: Instant
    trading_day: IsoDate
    legs: Annotated[tuple[LegBody, ...], Field(min_length=1, max_length=MAX_LEGS)]
    retirement: RetirementBody | None = None

    def value(self) -> Movement:
        """The movement it stands for."""
        return Movement(
            request_id=self.request_id,
            kind=self.kind,
            not_after_ns=self.not_after,
            trading_day=self.trading_day,
            legs=tuple(leg.value() for leg in self.legs),
            retirement=self.retirement.value() if self.retirement else None,
        )


class MovementState(Enum):
    """What the registry says of a request."""

    COMPLETED = "completed"
    REFUSED = "refused"
    ACCEPTED = "accepted"


class AnswerBody(Wire):
    """The answer to a movement, a question about one, or a cancel."""

    movement_id: Name | None
    request_id: Name
    state: MovementState
    code: Annotated[str, Field(max_length=64)] | None
    number: int | None
    leg: Annotated[int, Field(ge=1, le=MAX_LEGS)] | None
    digest: Digest | None
    registry_time: Instant

    def value(self) -> Answer:
        """The answer it stands for; WireError when its fields do not fit its state."""
        match self.state:
            case MovementState.COMPLETED:
                return self._confirmed()
            case MovementState.REFUSED:
                return self._refused()
            case MovementState.ACCEPTED:
                return Unknown(request_id=self.request_id, why=UnknownReason.STILL_OPEN)

    def _confirmed(self) -> Confirmed:
        if self.movement_id is None or self.digest is None or self.code is not None or self.leg is not None:
            raise WireError("a completed movement has an id and a digest, and no code")
        return Confirmed(
            request_id=self.request_id,
            movement_id=self.movement_id,
            digest=self.digest,
            registry_time_ns=self.registry_time,
        )

    def _refused(self) -> Refused | Unknown:
        if self.movement_id is not None or self.code is None:
            raise WireError("a refusal has a code and no movement")
        code = _REFUSALS.get(self.code)
        if code is None or code.number != self.number:
            return Unknown(
                request_id=self.request_id,
                why=UnknownReason.CODE_UNKNOWN,
                detail=f"{self.number} {self.code}",
            )
        return Refused(
            request_id=self.request_id, code=code, leg=self.leg, registry_time_ns=self.registry_time
        )


_REFUSALS = {code.value: code for code in RefusalCode}


class ErrorBody(Wire):
    """Any answer with a status of 400 and above."""

    code: Annotated[str, Field(max_length=64)]
    detail: Annotated[str, Field(max_length=500)] = ""
    skew_ms: int | None = None
    """The caller's clock minus the registry's, when a signature was refused for it."""
    registry_time: Instant


WireModel = TypeVar("WireModel", bound=Wire)


def read(model: type[WireModel], body: bytes) -> WireModel:
    """Read a body strictly; WireError names the first place that is wrong."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise WireError(f"{place}: {first['type']}") from None


def parse_name(text: str) -> str:
    """An id from a path; WireError when it cannot be one."""
    if not is_name(text):
        raise WireError("path: not an id")
    return text


def is_name(text: str) -> bool:
    """Whether it can be an id on this line."""
    return re.fullmatch(NAME, text) is not None


def write(body: dict[str, Any]) -> bytes:
    """A body as it goes over the line."""
    return orjson.dumps(body)


def movement_json(movement: Movement) -> dict[str, Any]:
    """A movement as `MovementBody` reads it."""
    body: dict[str, Any] = {
        "request_id": movement.request_id,
        "kind": movement.kind.value,
        "not_after": format_instant(movement.not_after_ns),
        "trading_day": movement.trading_day,
        "legs": [leg_json(leg) for leg in movement.legs],
    }
    if movement.retirement is not None:
        body["retirement"] = retirement_json(movement.retirement)
    return body


def leg_json(leg: MovementLeg) -> dict[str, Any]:
    """A leg as `LegBody` reads it."""
    source = {"account": leg.from_account, "sub_account": leg.from_sub_account.value}
    body: dict[str, Any] = {"leg": leg.leg, "lot": leg.lot, "serials": leg.serials, "from": source}
    if leg.to_account is not None and leg.to_sub_account is not None:
        body["to"] = {"account": leg.to_account, "sub_account": leg.to_sub_account.value}
    return body


def retirement_json(terms: RetirementTerms) -> dict[str, Any]:
    """Retirement terms as `RetirementBody` reads them."""
    body: dict[str, Any] = {
        "purpose": terms.purpose.value,
        "beneficiary": terms.beneficiary,
        "statement": terms.statement,
    }
    if terms.compliance_year is not None:
        body["compliance_year"] = terms.compliance_year
    return body


def answer_json(answer: FinalAnswer, registry_time_ns: int) -> dict[str, Any]:
    """A final answer as `AnswerBody` reads it, with the registry's clock as it stands now."""
    body: dict[str, Any] = {
        "movement_id": None,
        "request_id": answer.request_id,
        "state": MovementState.COMPLETED.value,
        "code": None,
        "number": None,
        "leg": None,
        "digest": None,
        "registry_time": format_instant(registry_time_ns),
    }
    if isinstance(answer, Confirmed):
        return body | {"movement_id": answer.movement_id, "digest": answer.digest}
    refusal = {"code": answer.code.value, "number": answer.code.number, "leg": answer.leg}
    return body | {"state": MovementState.REFUSED.value} | refusal


def accepted_json(request_id: str, registry_time_ns: int) -> dict[str, Any]:
    """What is said of a request that will be decided later."""
    body = dict.fromkeys(("movement_id", "code", "number", "leg", "digest"))
    state = {"request_id": request_id, "state": MovementState.ACCEPTED.value}
    return body | state | {"registry_time": format_instant(registry_time_ns)}


def movement_digest(movement: Movement) -> str:
    """SHA-256 of a movement's content, whatever way its JSON was spaced and ordered."""
    return sha256(orjson.dumps(movement_json(movement), option=orjson.OPT_SORT_KEYS)).hexdigest()
