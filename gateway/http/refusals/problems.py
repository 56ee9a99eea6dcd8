"""Refusals as RFC 9457 problem documents, in Chinese or English, with every fault, its limit and its figure.

`Refused` ends a request from anywhere below the dispatcher; `render` is the only place a problem is written. What a
client may rely on: `code` (stable), `state` (whether anything was taken on), `retryable`, and `errors`, one entry
per fault with a JSON pointer into the body (or the name of the query parameter or header it is about).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from gateway.formats import figure_text, time_text
from gateway.http.refusals.catalogue import CATALOGUE, RETRYABLE, STATUS
from settlement.rejections import Figure, Reason, Rejection

Language: TypeAlias = Literal["zh", "en"]
State: TypeAlias = Literal["not_accepted", "accepted", "unknown"]

CONTENT_TYPE: Final = "application/problem+json; charset=utf-8"
CONTENT_LANGUAGE: Final[dict[Language, str]] = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that is wrong, with figures as texts in the reason's unit."""

    code: str
    pointer: str = ""
    limit: str | None = None
    actual: str | None = None
    parameter: str | None = None
    """The query parameter it is about, where it is about one."""
    header: str | None = None
    """The request header it is about, where it is about one."""

    def body(self) -> dict[str, str]:
        """As an entry of `errors`; what is absent is left out."""
        entry = {"pointer": self.pointer, "code": self.code}
        for name in ("limit", "actual", "parameter", "header"):
            value = getattr(self, name)
            if value is not None:
                entry[name] = value
        return entry


class Refused(Exception):  # noqa: N818 - it states a fact
    """A request ends here, with one fault or several; the first one names the problem."""

    def __init__(
        self,
        *faults: Fault,
        state: State = "not_accepted",
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """`extra` becomes further members of the problem document."""
        super().__init__(faults[0].code)
        self.faults = faults
        self.state: State = state
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    @property
    def status(self) -> int:
        """The HTTP status of the first fault's code."""
        return STATUS[self.faults[0].code]


def refusal(
    reason: Reason,
    *,
    limit: Figure | None = None,
    actual: Figure | None = None,
    pointer: str | None = None,
    parameter: str | None = None,
    header: str | None = None,
    headers: Mapping[str, str] | None = None,
    state: State = "not_accepted",
) -> Refused:
    """One fault for a reason, its figures written in the reason's unit."""
    fault = Fault(
        code=reason.code,
        pointer=reason.pointer if pointer is None else pointer,
        limit=figure_text(reason.unit, limit),
        actual=figure_text(reason.unit, actual),
        parameter=parameter,
        header=header,
    )
    return Refused(fault, headers=headers, state=state)


@lru_cache(maxsize=512)
def language_of(accept_language: str | None) -> Language:
    """Which of the two languages a client would rather read; Chinese unless English is asked for."""
    chinese = english = 0.0
    for part in (accept_language or "")[:200].split(","):
        tag, _, weight = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        if primary == "zh":
            chinese = max(chinese, _weight(weight))
        elif primary == "en":
            english = max(english, _weight(weight))
    return "en" if english > chinese else "zh"


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(1.0, max(0.0, float(value))) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def sentence(fault: Fault, language: Language) -> str:
    """What is wrong, where unless the reason itself says so, by which figures, and what to do about it."""
    reason = CATALOGUE[fault.code]
    field, parameter = ("", "") if reason.pointer else (fault.pointer, fault.parameter)
    if language == "en":
        told_en = (
            ("field", field),
            ("parameter", parameter),
            ("limit", fault.limit),
            ("actual", fault.actual),
        )
        figures = [f"{name} {value}" for name, value in told_en if value]
        told = f" ({', '.join(figures)})" if figures else ""
        return f"{_capital(reason.en)}{told}. {_capital(reason.remedy_en)}."
    told_zh = (("字段", field), ("参数", parameter), ("限制", fault.limit), ("实际", fault.actual))
    figures = [f"{name} {value}" for name, value in told_zh if value]
    told = f"（{'，'.join(figures)}）" if figures else ""
    return f"{reason.zh}{told}。{reason.remedy_zh}。"


def foreseen(refused: Rejection | None, language: Language) -> dict[str, str | None]:
    """A refusal that a quote or a preview foresees: its code, its sentence and its figures; nothing of each if none."""
    if refused is None:
        return {"code": None, "reason": None, "limit": None, "actual": None}
    unit = CATALOGUE[refused.code].unit
    limit, actual = figure_text(unit, refused.limit), figure_text(unit, refused.actual)
    fault = Fault(code=refused.code, limit=limit, actual=actual)
    return {"code": refused.code, "reason": sentence(fault, language), "limit": limit, "actual": actual}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def render(refused: Refused, *, language: Language, request_id: str, now_ns: int) -> dict[str, Any]:
    """The problem document."""
    first = refused.faults[0]
    reason = CATALOGUE[first.code]
    return {
        "type": f"/v1/errors/{first.code}",
        "title": reason.zh if language == "zh" else _capital(reason.en),
        "status": refused.status,
        "detail": "".join(sentence(fault, language) for fault in refused.faults)
        if language == "zh"
        else " ".join(sentence(fault, language) for fault in refused.faults),
        "code": first.code,
        "errors": [fault.body() for fault in refused.faults],
        "retryable": first.code in RETRYABLE,
        "state": refused.state,
        "request_id": request_id,
        "server_time": time_text(now_ns),
        **refused.extra,
    }
