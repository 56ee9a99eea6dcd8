"""The phases of a trading day and the hours they keep.

Hours are a rule-book text such as `pre_open 09:15-09:30; listed 09:30-11:30; break 11:30-13:00; listed 13:00-14:00;
negotiated 14:00-15:00`. They say what the phase is at each second of a trading day in Shanghai (UTC+8, no daylight
saving). Before the first period the day has not begun; after the last one it is closing.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DAY_S: Final = 86_400
NS: Final = 1_000_000_000
SHANGHAI_OFFSET_S: Final = 8 * 3_600


class Phase(StrEnum):
    """What the market does at the moment."""

    PRE_OPEN = "pre_open"
    LISTED = "listed"
    BREAK = "break"
    NEGOTIATED = "negotiated"
    CONTINUOUS = "continuous"
    """Listed and negotiated at once: a market that is always open."""
    CLOSING = "closing"
    CLOSED = "closed"


LISTED_PHASES: Final = frozenset({Phase.LISTED, Phase.CONTINUOUS})
"""Phases in which listed orders are taken and matched."""

NEGOTIATED_PHASES: Final = frozenset({Phase.NEGOTIATED, Phase.CONTINUOUS})
"""Phases in which negotiated transfers are filed and confirmed."""

CANCEL_PHASES: Final = frozenset(
    {Phase.PRE_OPEN, Phase.LISTED, Phase.BREAK, Phase.NEGOTIATED, Phase.CONTINUOUS}
)
"""Phases in which an order may be taken back: any but the close and the night, when none is open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """One phase between two seconds of the day, the end not included."""

    phase: Phase
    start_s: int
    end_s: int


_PERIOD: Final = re.compile(r"([a-z_]+) (\d\d):([0-5]\d)-(\d\d):([0-5]\d)", re.ASCII)


def parse_hours(text: str) -> tuple[Period, ...]:
    """The periods a rule-book text names, in order.

    Raises ValueError for a text of another form, an unknown phase, or periods that are out of order or overlap.
    """
    periods: list[Period] = []
    for part in text.split(";"):
        found = _PERIOD.fullmatch(part.strip())
        if found is None:
            raise ValueError(f"not a period: {part.strip()!r}")
        start_s = int(found[2]) * 3_600 + int(found[3]) * 60
        end_s = int(found[4]) * 3_600 + int(found[5]) * 60
        if not (periods[-1].end_s if periods else 0) <= start_s < end_s <= DAY_S:
            raise ValueError(f"periods overlap or run backwards at {part.strip()!r}")
        periods.append(Period(phase=Phase(found[1]), start_s=start_s, end_s=end_s))
    return tuple(periods)


def phase_at(periods: tuple[Period, ...], second_s: int) -> Phase:
    """The phase at a second of a trading day. A gap between periods is a break."""
    if second_s < periods[0].start_s:
        return Phase.CLOSED
    for period in periods:
        if second_s < period.start_s:
            return Phase.BREAK
        if second_s < period.end_s:
            return period.phase
    return Phase.CLOSING


def next_change_s(periods: tuple[Period, ...], second_s: int) -> int | None:
    """The first second after this one at which the phase may differ; none when the day's last period is over."""
    for period in periods:
        for edge_s in (period.start_s, period.end_s):
            if edge_s > second_s:
                return edge_s
    return None


def listed_is_over(periods: tuple[Period, ...], second_s: int) -> bool:
    """Whether no listed trading follows on that day, at that second or later."""
    return not any(period.phase in LISTED_PHASES and period.end_s > second_s for period in periods)
