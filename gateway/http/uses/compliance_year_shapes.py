"""How compliance years, filings and public-welfare accounts are told and asked."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from gateway.http.shapes import (
    AccountName,
    Answer,
    Date,
    DateIn,
    Name,
    OperatorRequest,
    Quantity,
    QuantityIn,
    Request,
    ShortText,
    Text,
    Time,
    TimeIn,
    shown,
)
from gateway.http.uses.shapes import YearIn

LISTED_MOST: Final = 500

_RATIO: Final = re.compile(r"(?P<whole>[01])(?:\.(?P<part>[0-9]{1,9}))?")
RATIO_PATTERN: Final = r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$"

Ratio = tuple[int, int]
"""Numerator and denominator, exactly as the digits say: "0.05" is 5 / 100."""


def parse_ratio(text: str) -> Ratio:
    """An exact fraction from "0.05": a decimal between nothing and one. Raises ValueError."""
    found = _RATIO.fullmatch(text)
    if found is None:
        raise ValueError("a ratio is a decimal such as 0.05")
    part = found["part"] or ""
    numerator, denominator = int(found["whole"] + part), 10 ** len(part)
    if numerator > denominator:
        raise ValueError("a ratio is at most 1")
    return numerator, denominator


def ratio_text(numerator: int, denominator: int) -> str:
    """The decimal of a fraction whose denominator is a power of ten; otherwise the fraction itself."""
    places = len(str(denominator)) - 1
    if denominator != 10**places:
        return f"{numerator}/{denominator}"
    digits = f"{numerator:0{places + 1}}"
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def _read_ratio(value: Any) -> Ratio:  # noqa: ANN401 - whatever the client sent
    if type(value) is str:
        try:
            return parse_ratio(value)
        except ValueError:
            pass  # refused below, as every other value is
    raise PydanticCustomError(
        "invalid_ratio",
        "{code}",
        {"code": "invalid_ratio", "limit": '"0".."1", a decimal text', "actual": shown(value)},
    )


def _read_tonnes(value: Any) -> int:  # noqa: ANN401 - whatever the client sent
    # Emissions are larger than any order, and may be none.
    if type(value) is str and re.fullmatch("0|[1-9][0-9]{0,11}", value):
        return int(value)
    raise PydanticCustomError(
        "invalid_quantity",
        "{code}",
        {"code": "invalid_quantity", "limit": "0..999999999999", "actual": shown(value)},
    )


RatioIn = Annotated[
    tuple[int, int],
    PlainValidator(_read_ratio),
    WithJsonSchema({"type": "string", "pattern": RATIO_PATTERN, "examples": ["0.05"]}),
]
TonnesIn = Annotated[
    int,
    PlainValidator(_read_tonnes),
    WithJsonSchema({"type": "string", "pattern": "^(0|[1-9][0-9]{0,11})$", "examples": ["1250000"]}),
]
OriginName = Literal["project", "scenario", "points_converted"]
BaseName = Literal["verified_emissions", "issued_allowances"]
CertaintyName = Literal["official", "neighbour", "assumed", "demonstration"]


class CapRequest(Request):
    """How much of an obligation offsets may meet."""

    base: BaseName
    ratio: RatioIn
    enforcement: Literal["soft", "hard"]
    joint_credits: Annotated[list[ShortText], Field(default_factory=list, max_length=LISTED_MOST)]


class ExclusionRequest(Request):
    """A lot that may not serve: for everyone, or for the entity in whose boundary it arose."""

    lot: ShortText
    entity: Name | None = None
    reason: Text


class YearRequest(OperatorRequest):
    """The rules of a compliance year's offsets; said again, a later version of them."""

    compliance_year: YearIn
    opens: TimeIn
    deadline: TimeIn
    cap: CapRequest | None = None
    methodologies: Annotated[list[ShortText], Field(default_factory=list, max_length=LISTED_MOST)]
    period_from: DateIn | None = None
    period_to: DateIn | None = None
    origins: Annotated[list[OriginName], Field(default_factory=list, max_length=3)]
    exclusions: Annotated[list[ExclusionRequest], Field(default_factory=list, max_length=LISTED_MOST)]
    effective_from: Annotated[TimeIn | None, Field(description="At once when absent.")] = None
    source: Text
    certainty: CertaintyName = "official"


class CapBody(Answer):
    """How much of an obligation offsets may meet."""

    base: BaseName
    ratio: str
    enforcement: Literal["soft", "hard"]
    joint_credits: list[str]


class ExclusionBody(Answer):
    """A lot that may not serve."""

    lot: str
    reason: str


class YearAnswer(Answer):
    """The rules of a compliance year's offsets in force. Exclusions of single entities are told those only."""

    compliance_year: int
    opens: Time
    deadline: Time
    cap: CapBody | None
    methodologies: list[str]
    period_from: Date | None
    period_to: Date | None
    origins: list[OriginName]
    exclusions: list[ExclusionBody]
    effective_from: Time
    source: str
    certainty: CertaintyName


class YearsAnswer(Answer):
    """Every compliance year announced."""

    items: list[YearAnswer]
    next: None


class CreditRequest(Request):
    """Tonnes of another credit used for the year."""

    credit: ShortText
    quantity: QuantityIn


class FilingRequest(OperatorRequest):
    """What the authority knows of an entity's year; it replaces what was filed before."""

    entity: Name
    compliance_year: YearIn
    verified_emissions: TonnesIn | None = None
    issued_allowances: TonnesIn | None = None
    other_credits: Annotated[list[CreditRequest], Field(default_factory=list, max_length=LISTED_MOST)]
    source: Text


class CreditBody(Answer):
    """Tonnes of another credit used for the year."""

    credit: str
    quantity: Quantity


class FilingAnswer(Answer):
    """Filed."""

    entity: Name
    compliance_year: int
    verified_emissions: Quantity | None
    issued_allowances: Quantity | None
    other_credits: list[CreditBody]
    source: str
    time: Time


class WelfareRequest(OperatorRequest):
    """Let an account receive donations, or no longer."""

    account: AccountName
    designated: bool = True
    source: Text


class WelfareAnswer(Answer):
    """Whether an account may receive donations."""

    account: AccountName
    designated: bool
    time: Time


class WelfareAccounts(Answer):
    """Accounts that may receive donations."""

    items: list[AccountName]
    next: None
