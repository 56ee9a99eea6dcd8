"""Phases open and close by the clock exactly once: across restarts, clock steps, and days the process was down."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.commands import AdvanceTime
from matching.events import (
    BandSet,
    CloseStarted,
    ClosingPriceSet,
    DayClosed,
    DayOpened,
    Event,
    PhaseChanged,
)
from matching.exchange import Exchange
from matching.session import NS, Phase
from tests.matching.driver import MONDAY, TUESDAY, WEDNESDAY, Driver, instant, shanghai_market

DAY = (
    Phase.PRE_OPEN,
    Phase.LISTED,
    Phase.BREAK,
    Phase.LISTED,
    Phase.NEGOTIATED,
    Phase.CLOSING,
    Phase.CLOSED,
)
"""Every phase a trading day goes through when somebody looks at each; it begins closed."""
BEGINS_NS = instant(MONDAY, "08:00:00")


class Process:
    """The exchange as a process that reads a clock which may step back, and may be down for any time."""

    def __init__(self, *, restarts: bool) -> None:
        self.driver = shanghai_market(BEGINS_NS)
        self.restarts = restarts

    def look(self, clock_ns: int) -> None:
        """Read the clock. A stamp is never before the last one, whatever the clock says."""
        driver = self.driver
        if self.restarts:
            driver.exchange = Exchange.load(driver.exchange.dump())
        driver.do(AdvanceTime(), max(clock_ns, driver.at_ns))
        while driver.exchange.close_step is not None:
            for command in driver.close_commands(portion=1):
                if self.restarts:
                    driver.exchange = Exchange.load(driver.exchange.dump())
                driver.accepted(command)


def phases_of(events: list[Event], day: str) -> list[Phase]:
    return [event.phase for event in events if isinstance(event, PhaseChanged) and event.trading_day == day]


def is_part_of(seen: list[Phase], whole: tuple[Phase, ...]) -> bool:
    """Whether these come in that order, some perhaps left out."""
    rest = iter(whole)
    return all(phase in rest for phase in seen)


def once(events: list[Event]) -> None:
    """Every day opens once, closes once, and its phases come in their order, none twice."""
    opened = [event.trading_day for event in events if isinstance(event, DayOpened)]
    closed = [event.trading_day for event in events if isinstance(event, DayClosed)]
    started = [event.trading_day for event in events if isinstance(event, CloseStarted)]
    priced = Counter(event.trading_day for event in events if isinstance(event, ClosingPriceSet))
    assert opened == sorted(set(opened))
    assert closed == started == opened[:-1]
    assert priced == Counter(closed)
    for day in opened:
        assert is_part_of(phases_of(events, day), DAY), phases_of(events, day)
    for day in closed:
        assert phases_of(events, day).count(Phase.CLOSING) == 1
    changes = [event for event in events if isinstance(event, PhaseChanged)]
    assert all(after.before is before.phase for before, after in pairwise(changes))


# Seconds on from the reading before: a little, hours, days; back, as when a clock is set; not at all.
STEPS_S = st.one_of(
    st.integers(0, 3_600),
    st.integers(3_600, 86_400),
    st.sampled_from([0, 0, -1, -30, -7_200]),
    st.sampled_from([86_400, 2 * 86_400, 3 * 86_400]),
)


@settings(deadline=None)
@given(st.lists(STEPS_S, max_size=25))
def test_each_phase_comes_once_whatever_the_clock_and_the_process_do(steps_s: list[int]) -> None:
    steady, failing = Process(restarts=False), Process(restarts=True)
    clock_ns = BEGINS_NS
    for step_s in steps_s:
        clock_ns = min(clock_ns + step_s * NS, instant("2026-12-11"))
        steady.look(clock_ns)
        failing.look(clock_ns)
    once(steady.driver.events)
    assert failing.driver.events == steady.driver.events
    assert failing.driver.exchange.dump() == steady.driver.exchange.dump()


def test_looked_at_every_minute_a_day_has_every_phase_once() -> None:
    process = Process(restarts=False)
    for minute in range(24 * 60):
        process.look(BEGINS_NS + minute * 60 * NS)
    once(process.driver.events)
    assert tuple(phases_of(process.driver.events, MONDAY)) == DAY
    edges = [
        ("09:15:00", Phase.PRE_OPEN),
        ("09:30:00", Phase.LISTED),
        ("11:30:00", Phase.BREAK),
        ("13:00:00", Phase.LISTED),
        ("14:00:00", Phase.NEGOTIATED),
    ]
    driver = shanghai_market(BEGINS_NS)
    for clock, phase in edges:
        driver.wait_until(clock)
        assert driver.exchange.phase is phase


def test_a_clock_set_back_over_an_edge_opens_nothing_again() -> None:
    process = Process(restarts=True)
    process.look(instant(MONDAY, "09:30:00"))
    for clock in ("09:29:59", "09:15:00", "08:00:00", "09:30:00"):
        process.look(instant(MONDAY, clock))
        assert process.driver.exchange.phase is Phase.LISTED
    assert phases_of(process.driver.events, MONDAY) == [Phase.LISTED]


@pytest.mark.parametrize("down_until", ["09:00:00", "10:00:00", "14:59:59", "15:00:00", "23:00:00"])
def test_days_the_process_was_down_are_closed_once_or_never_begun(down_until: str) -> None:
    process = Process(restarts=True)
    process.look(instant(MONDAY, "10:00:00"))
    process.look(instant(WEDNESDAY, down_until))
    events = process.driver.events
    once(events)
    # Monday is closed late, Tuesday is never begun: nobody could have traded.
    assert [event.trading_day for event in events if isinstance(event, DayClosed)][:1] == [MONDAY]
    assert TUESDAY not in {event.trading_day for event in events if isinstance(event, DayOpened)}
    bands = Counter(event.trading_day for event in events if isinstance(event, BandSet))
    assert set(bands.values()) == {1}


def test_a_process_down_over_the_edge_tells_only_where_it_stands_now() -> None:
    process = Process(restarts=True)
    process.look(instant(MONDAY, "09:20:00"))
    process.look(instant(MONDAY, "13:30:00"))
    assert phases_of(process.driver.events, MONDAY) == [Phase.PRE_OPEN, Phase.LISTED]


def test_a_crash_between_the_edge_and_its_telling_tells_it_after_the_restart() -> None:
    driver = Driver(Exchange.load(shanghai_market(BEGINS_NS).exchange.dump()), BEGINS_NS)
    state = driver.exchange.dump()
    told = driver.do(AdvanceTime(), instant(MONDAY, "09:15:00"))
    # What was told was not journaled: the snapshot before it is all there is.
    again = Driver(Exchange.load(state), BEGINS_NS)
    assert again.do(AdvanceTime(), instant(MONDAY, "09:15:00")) == told
    assert phases_of(list(told), MONDAY) == [Phase.PRE_OPEN]
