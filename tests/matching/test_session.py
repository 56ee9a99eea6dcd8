"""Hours: texts that are read, texts that are refused, and the phase at every edge."""

import pytest

from matching.session import DAY_S, Period, Phase, next_change_s, parse_hours, phase_at
from tests.matching.driver import ALWAYS_OPEN, SHANGHAI


def second(clock: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    return hours * 3_600 + minutes * 60


def test_shanghai_hours_are_read_in_order() -> None:
    assert parse_hours(SHANGHAI) == tuple(
        Period(phase=Phase(phase), start_s=second(start), end_s=second(end))
        for phase, start, end in (
            ("pre_open", "09:15", "09:30"),
            ("listed", "09:30", "11:30"),
            ("break", "11:30", "13:00"),
            ("listed", "13:00", "14:00"),
            ("negotiated", "14:00", "15:00"),
        )
    )


def test_a_whole_day_ends_at_twenty_four() -> None:
    assert parse_hours(ALWAYS_OPEN) == (Period(phase=Phase.CONTINUOUS, start_s=0, end_s=DAY_S),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "listed",
        "listed 09:30",
        "listed 9:30-11:30",
        "listed 09:30 - 11:30",
        "listed 09:30-11:30;",
        "listed 09:30-11:30, listed 13:00-14:00",
        "Listed 09:30-11:30",
        "lunch 11:30-13:00",
        "listed 11:30-09:30",
        "listed 09:30-09:30",
        "listed 13:00-14:00; listed 09:30-11:30",
        "listed 09:30-11:30; break 11:29-13:00",
        "listed 09:30-24:01",
        "listed 25:00-26:00",
        "listed 09:75-11:30",
        "listed 09:30-11:60",
        "listed ٠٩:٣٠-١١:٣٠",  # digits, but not ours
        "listed 09:30-11:30\nbreak 11:30-13:00",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_hours(text)


EDGES = [
    ("09:15", Phase.CLOSED, Phase.PRE_OPEN),
    ("09:30", Phase.PRE_OPEN, Phase.LISTED),
    ("11:30", Phase.LISTED, Phase.BREAK),
    ("13:00", Phase.BREAK, Phase.LISTED),
    ("14:00", Phase.LISTED, Phase.NEGOTIATED),
    ("15:00", Phase.NEGOTIATED, Phase.CLOSING),
]


@pytest.mark.parametrize(("clock", "before", "after"), EDGES)
def test_a_phase_begins_with_its_first_second(clock: str, before: Phase, after: Phase) -> None:
    hours = parse_hours(SHANGHAI)
    assert phase_at(hours, second(clock) - 1) is before
    assert phase_at(hours, second(clock)) is after
    assert next_change_s(hours, second(clock) - 1) == second(clock)
    assert next_change_s(hours, second(clock)) != second(clock)


def test_no_second_changes_phase_unannounced() -> None:
    hours = parse_hours(SHANGHAI)
    changes = [s for s in range(1, DAY_S) if phase_at(hours, s) is not phase_at(hours, s - 1)]
    assert changes == [second(clock) for clock, _, _ in EDGES]
    assert (phase_at(hours, 0), phase_at(hours, DAY_S - 1)) == (Phase.CLOSED, Phase.CLOSING)
    assert next_change_s(hours, second("15:00")) is None


def test_a_gap_between_periods_is_a_break() -> None:
    hours = parse_hours("listed 09:30-11:30; listed 13:00-14:00")
    assert phase_at(hours, second("11:30")) is Phase.BREAK
    assert phase_at(hours, second("13:00") - 1) is Phase.BREAK
    assert phase_at(hours, second("13:00")) is Phase.LISTED


def test_a_market_that_is_always_open_has_one_edge() -> None:
    hours = parse_hours(ALWAYS_OPEN)
    assert {phase_at(hours, s) for s in (0, 1, DAY_S - 1)} == {Phase.CONTINUOUS}
    assert next_change_s(hours, 0) == DAY_S
