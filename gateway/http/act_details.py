"""What a second person has to see of an act before agreeing to it: everything the act says, in names and texts."""

from dataclasses import fields
from enum import Enum
from typing import Any, Final

from gateway.formats import time_text
from gateway.http.shapes import Answer
from matching.commands import AnyAct
from matching.rulebook import RuleChange

_TOLD_APART: Final = {"operator", "reason", "deed"}
"""Said beside the details: who asks, why, and what about access it is, which is the act's own name."""
_UNITS: Final = ("_ns", "_id", "_ids", "_tonnes", "_fen")


class Detail(Answer):
    """One thing an act says."""

    name: str
    value: str


def details_of(act: AnyAct) -> list[dict[str, str]]:
    """Everything an act says but who asks, what for and why; what it leaves open is left out.

    Read off its fields, so that no act can come to wait with something in it that nobody is shown.
    """
    said = ((field.name, getattr(act, field.name)) for field in fields(act) if field.name not in _TOLD_APART)
    return [
        {"name": _plain(name), "value": text}
        for name, value in said
        for text in _texts(name, value)
        if text != ""
    ]


def _plain(name: str) -> str:
    for unit in _UNITS:
        name = name.removesuffix(unit)
    return name


def _texts(name: str, value: Any) -> list[str]:  # noqa: ANN401 - whatever an act is made of
    if value is None:
        return []
    return [_text(name, one) for one in value] if isinstance(value, tuple) else [_text(name, value)]


def _text(name: str, value: Any) -> str:  # noqa: ANN401 - whatever an act is made of
    match value:
        case (first, end):  # half-open serials
            return f"{first}..{end - 1}"
        case RuleChange():
            return _change(value)
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case int() if name.endswith("_ns"):
            return time_text(value)
        case _:
            return str(value)


def _change(change: RuleChange) -> str:
    listing = "" if change.listing is None else f" ({change.listing})"
    since = time_text(change.effective_from_ns)
    return f"{change.parameter}{listing} = {change.value}; {since}; {change.certainty.value}; {change.source}"
