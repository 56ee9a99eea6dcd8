"""Rules change at midnight, in mid-session, and are asked about afterwards: each order by the rules of its moment."""

from dataclasses import dataclass

import pytest

from matching.commands import AdvanceTime, AnnounceCalendar, Command, OpenDay
from matching.events import BandSet, CloseStarted, Event, OrderAccepted, Rejected, RulesAdopted
from matching.exchange import Exchange
from matching.order import Side
from matching.rulebook import RuleBook, Rules
from matching.session import NS, Phase
from matching.state import Stamp
from tests.matching.driver import (
    LISTING,
    MONDAY,
    RULES,
    SHANGHAI,
    TUESDAY,
    Driver,
    adopt,
    change,
    instant,
    open_market,
    order,
    weekdays,
)

BUY = Side.BUY
MIDNIGHT_NS = instant(TUESDAY)
EMERGENCY_NS = instant(MONDAY, "10:30:00")
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Told:
    """One command, its stamp, and what came of it."""

    command: Command
    stamp: Stamp
    events: tuple[Event, ...]


class Recorder(Driver):
    """A driver that remembers what it was told, to tell it again."""

    def __init__(self, at_ns: int) -> None:
        super().__init__(at_ns=at_ns)
        self.told: list[Told] = []

    def do(self, command: Command, at_ns: int | None = None) -> tuple[Event, ...]:
        events = super().do(command, at_ns)
        self.told.append(Told(command, Stamp(seq=self.seq, at_ns=self.at_ns), events))
        return events

    def try_at(self, clock: str, price_fen: int, day: str = MONDAY, tonnes: int = 1) -> str:
        """What becomes of an order of that price at that moment."""
        events = self.do(order("ben", BUY, tonnes, price_fen, client_id=self.next_id()), instant(day, clock))
        refused = next((event for event in events if isinstance(event, Rejected)), None)
        if refused is not None:
            return refused.code
        assert any(isinstance(event, OrderAccepted) for event in events)
        return "accepted"


def a_day_of_changes() -> Recorder:
    """A band narrowed from the next midnight by notice, and at once, in mid-session, by an emergency."""
    driver = Recorder(instant("2026-11-22", "20:00:00"))
    driver.found(notice_s=DAY_S // 24, hours="continuous 00:00-24:00", close_by_clock="no")
    driver.admit("ben", fen=10**9)
    driver.open()
    tried = [
        ("09:00:00", MONDAY, 7_480, "accepted"),  # ±10 %
        ("09:00:00", MONDAY, 7_481, "price_outside_band"),
    ]
    outcomes = [(driver.try_at(clock, fen, day), wanted) for clock, day, fen, wanted in tried]
    # By notice, for the next midnight: a tick of ten fen.
    driver.accepted(adopt(change("tick_fen", 10, MIDNIGHT_NS)))
    # By emergency, for this very moment: ±5 %.
    driver.do(AdvanceTime(), EMERGENCY_NS)
    events = driver.accepted(adopt(change("band_basis_points", 500, EMERGENCY_NS), emergency=True))
    assert isinstance(events[0], RulesAdopted)
    assert isinstance(events[1], BandSet)
    tried = [
        ("10:30:00", MONDAY, 7_140, "accepted"),
        ("10:30:00", MONDAY, 7_141, "price_outside_band"),
        ("23:59:59", MONDAY, 7_135, "accepted"),
        ("00:00:00", TUESDAY, 7_135, "price_not_on_tick"),
        ("00:00:00", TUESDAY, 7_130, "accepted"),
    ]
    outcomes.extend((driver.try_at(clock, fen, day), wanted) for clock, day, fen, wanted in tried)
    assert [came for came, _ in outcomes] == [wanted for _, wanted in outcomes]
    return driver


def test_each_order_is_judged_by_the_rules_of_its_moment() -> None:
    driver = a_day_of_changes()
    assert driver.exchange.trading.markets[LISTING].rules.tick_fen == 10


def test_and_so_it_is_when_the_same_history_is_played_again() -> None:
    first = a_day_of_changes()
    again = Exchange()
    for told in first.told:
        assert again.apply(told.command, told.stamp) == told.events
    assert again.dump() == first.exchange.dump()


@pytest.mark.parametrize("every", [1, 3, 7])
def test_and_when_it_is_played_on_from_any_snapshot(every: int) -> None:
    first = a_day_of_changes()
    again = Exchange()
    for number, told in enumerate(first.told):
        assert again.apply(told.command, told.stamp) == told.events
        if number % every == 0:
            again = Exchange.load(again.dump())
    assert again.dump() == first.exchange.dump()


def in_force(book: RuleBook, clock: str, day: str = MONDAY, back_ns: int = 0) -> Rules:
    return book.in_force(instant(day, clock) - back_ns, LISTING)


def test_asked_afterwards_the_book_tells_the_rules_of_every_past_moment() -> None:
    book = a_day_of_changes().exchange.rulebook
    moments = [
        (in_force(book, "09:00:00"), 1_000, 1),
        (in_force(book, "10:30:00", back_ns=1), 1_000, 1),
        (in_force(book, "10:30:00"), 500, 1),
        (in_force(book, "00:00:00", TUESDAY, back_ns=1), 500, 1),
        (in_force(book, "00:00:00", TUESDAY), 500, 10),
    ]
    for rules, band_basis_points, tick_fen in moments:
        assert (rules.band_basis_points, rules.tick_fen) == (band_basis_points, tick_fen)


def test_what_is_adopted_later_changes_no_answer_about_the_past() -> None:
    driver = a_day_of_changes()
    asked = [instant(MONDAY, "09:00:00"), EMERGENCY_NS - 1, EMERGENCY_NS, MIDNIGHT_NS - 1, MIDNIGHT_NS]
    before = [driver.exchange.rulebook.in_force(at_ns) for at_ns in asked]
    told = list(driver.told)
    driver.accepted(adopt(change("band_basis_points", 100, driver.at_ns + 1), emergency=True))
    assert isinstance(driver.do(adopt(change("tick_fen", 7, EMERGENCY_NS)))[0], Rejected)
    driver.do(AdvanceTime(), driver.at_ns + DAY_S * NS)
    assert [driver.exchange.rulebook.in_force(at_ns) for at_ns in asked] == before
    again = Exchange.load(driver.exchange.dump())
    assert [again.rulebook.in_force(at_ns) for at_ns in asked] == before
    # Every order was judged by what the book, asked today, says was in force at its moment.
    for one in told:
        for event in one.events:
            if isinstance(event, OrderAccepted):
                rules = again.rulebook.in_force(one.stamp.at_ns, LISTING)
                assert event.price_fen % rules.tick_fen == 0
                assert event.price_fen <= 6_800 * (10_000 + rules.band_basis_points) // 10_000


# ---- notice -----------------------------------------------------------------------------------------------------


def test_notice_is_counted_to_the_nanosecond() -> None:
    driver = open_market(notice_s=60)
    earliest_ns = driver.at_ns + 60 * NS
    assert driver.do(adopt(change("tick_fen", 5, earliest_ns - 1))) == (
        Rejected(code="rule_without_notice", limit=earliest_ns, actual=earliest_ns - 1),
    )
    driver.accepted(adopt(change("tick_fen", 5, earliest_ns)))


def test_every_change_of_an_act_needs_its_notice() -> None:
    driver = open_market(notice_s=60)
    early, late = change("tick_fen", 5, driver.at_ns + 1), change("lot_tonnes", 5, driver.at_ns + 60 * NS)
    (refused,) = driver.do(adopt(late, early))
    assert isinstance(refused, Rejected)
    assert refused.code == "rule_without_notice"
    assert driver.exchange.rulebook.version == 1


def test_an_emergency_needs_no_notice_but_cannot_reach_back() -> None:
    driver = open_market(notice_s=60)
    driver.accepted(adopt(change("tick_fen", 5, driver.at_ns), emergency=True))
    (refused,) = driver.do(adopt(change("tick_fen", 1, driver.at_ns - 1), emergency=True))
    assert isinstance(refused, Rejected)
    assert refused.code == "rule_backdated"


def test_the_notice_needed_is_the_one_in_force_when_the_change_is_adopted() -> None:
    driver = open_market(notice_s=60)
    driver.accepted(adopt(change("notice_s", 3_600, driver.at_ns + 60 * NS)))
    driver.accepted(adopt(change("tick_fen", 5, driver.at_ns + 60 * NS)))
    driver.do(AdvanceTime(), driver.at_ns + 60 * NS)
    (refused,) = driver.do(adopt(change("tick_fen", 1, driver.at_ns + 60 * NS)))
    assert isinstance(refused, Rejected)
    assert refused.code == "rule_without_notice"


def test_a_day_that_closes_late_closes_by_its_own_rules() -> None:
    driver = Driver(at_ns=instant(MONDAY, "08:00:00"))
    driver.found(hours=SHANGHAI, close_by_clock="yes", close_threshold_tonnes=0)
    driver.open()
    driver.admit("anna", tonnes=100)
    driver.admit("ben", fen=10**8)
    driver.accepted(adopt(change("close_threshold_tonnes", 1_000, MIDNIGHT_NS)))
    driver.wait_until("10:00:00")
    driver.sell("anna", 10, 7_000)
    driver.buy("ben", 10, 7_000)
    # Nobody was there when the day ended; its volume is enough by the rules it was traded by.
    driver.wait_until("10:00:00", TUESDAY)
    driver.close()
    assert driver.exchange.trading.markets[LISTING].reference_fen == 7_000
    assert driver.exchange.trading.markets[LISTING].rules.close_threshold_tonnes == 1_000


def test_a_day_that_no_longer_ended_by_the_clock_goes_by_the_rules_of_now() -> None:
    driver = Driver(at_ns=instant(MONDAY, "08:00:00"))
    driver.found(hours=SHANGHAI, close_by_clock="yes")
    driver.open()
    driver.accepted(adopt(change("close_by_clock", "no", instant(MONDAY, "13:30:00"))))
    driver.accepted(adopt(change("tick_fen", 5, MIDNIGHT_NS)))
    # Nobody was there from Monday noon to Tuesday morning; Monday is still being traded then, by Tuesday's rules.
    driver.wait_until("12:00:00")
    driver.wait_until("10:00:00", TUESDAY)
    assert (driver.exchange.trading_day, driver.exchange.phase) == (MONDAY, Phase.LISTED)
    assert driver.exchange.trading.markets[LISTING].rules.tick_fen == 5


def test_a_first_day_before_its_own_rules_is_traded_by_those_of_now() -> None:
    driver = Driver(at_ns=instant(TUESDAY, "10:00:00"))
    since_ns = driver.at_ns
    book = {**RULES, "close_by_clock": "yes"}
    driver.accepted(adopt(*(change(name, value, since_ns) for name, value in book.items())))
    driver.accepted(AnnounceCalendar(announcement=weekdays("2026-11-16", 28)))
    opened = driver.accepted(OpenDay(trading_day=MONDAY))
    assert any(isinstance(event, CloseStarted) for event in opened)  # its date is over
    driver.close()
    assert driver.exchange.trading_day == TUESDAY
