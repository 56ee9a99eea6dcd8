"""From a JSON value, a query or a header to a model: all faults at once, each with our code and its place."""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.formats import parse_time
from gateway.http.refusals import reasons
from gateway.http.refusals.catalogue import CATALOGUE
from gateway.http.refusals.problems import Fault, Refused, refusal
from gateway.http.shapes import SecretRequest, shown

ModelT = TypeVar("ModelT", bound=BaseModel)

FAULTS_SHOWN: Final = 50

_CODES: Final = {
    "missing": reasons.MISSING_FIELD.code,
    "extra_forbidden": reasons.UNKNOWN_FIELD.code,
    "literal_error": reasons.INVALID_CHOICE.code,
    "enum": reasons.INVALID_CHOICE.code,
    "union_tag_invalid": reasons.INVALID_CHOICE.code,
    "string_pattern_mismatch": reasons.INVALID_TEXT.code,
    "string_too_long": reasons.INVALID_TEXT.code,
    "string_too_short": reasons.INVALID_TEXT.code,
    "string_unicode": reasons.INVALID_TEXT.code,
    "too_long": reasons.SIZE_OUT_OF_RANGE.code,
    "too_short": reasons.SIZE_OUT_OF_RANGE.code,
    "greater_than_equal": reasons.OUT_OF_RANGE.code,
    "greater_than": reasons.OUT_OF_RANGE.code,
    "less_than_equal": reasons.OUT_OF_RANGE.code,
    "less_than": reasons.OUT_OF_RANGE.code,
    "int_parsing_size": reasons.OUT_OF_RANGE.code,
    "int_parsing": reasons.WRONG_TYPE.code,
}
_LIMITS: Final = ("pattern", "expected", "max_length", "min_length", "ge", "gt", "le", "lt")


def read_model(model: type[ModelT], value: object, *, base: str = "") -> ModelT:
    """The model of a JSON value. Raises Refused with every fault, each with a pointer below `base`."""
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        hidden = issubclass(model, SecretRequest)
        faults = [_fault(found, base, hidden=hidden) for found in _errors(error)]
        raise Refused(*faults) from None


def read_query(model: type[ModelT], pairs: Iterable[tuple[str, str]]) -> ModelT:
    """The model of a query string; a parameter given twice is refused."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise refusal(reasons.DUPLICATE_FIELD, parameter=name[:64])
        values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = [_fault(found, "", in_query=True) for found in _errors(error)]
        raise Refused(*faults) from None


def read_deadline(text: str | None) -> int | None:
    """The instant of X-Deadline."""
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise refusal(
            reasons.INVALID_TIME, limit="RFC 3339", actual=shown(text), header="X-Deadline"
        ) from None


def _errors(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False)[:FAULTS_SHOWN]


def _fault(found: ErrorDetails, base: str, *, in_query: bool = False, hidden: bool = False) -> Fault:
    kind, told = found["type"], found.get("ctx", {})
    code = kind if kind in CATALOGUE else _CODES.get(kind, reasons.WRONG_TYPE.code)
    place = [str(part).replace("~", "~0").replace("/", "~1") for part in found["loc"]]
    return Fault(
        code=code,
        pointer="" if in_query else base + "".join(f"/{part[:64]}" for part in place),
        limit=_limit(told),
        actual=_actual(found, code, told, hidden=hidden or (in_query and code == reasons.UNKNOWN_FIELD.code)),
        parameter=place[0][:64] if in_query and place else None,
    )


def _limit(told: dict[str, Any]) -> str | None:
    if "limit" in told:
        limit: str | None = told["limit"]
        return limit
    return next((str(told[name]) for name in _LIMITS if name in told), None)


def _actual(found: ErrorDetails, code: str, told: dict[str, Any], *, hidden: bool) -> str | None:
    if "actual_length" in told:
        return str(told["actual_length"])
    if hidden:
        return None
    if "actual" in told:
        actual: str | None = told["actual"]
        return actual
    if code == reasons.MISSING_FIELD.code:
        return None
    return shown(found.get("input"))
