"""The close: its steps, its figures, the next day's band, and that it can stop and go on anywhere."""

from dataclasses import replace

import pytest

from matching.acts import GoOnWithoutRegistry
from matching.close_events import CashCompared, RegistryPassedOver
from matching.commands import (
    AddListing,
    AdvanceClose,
    AnnounceCalendar,
    CloseDay,
    Command,
    RecordReconciliation,
)
from matching.events import (
    BandSet,
    CloseStarted,
    CloseStep,
    CloseStepAdvanced,
    ClosingPriceSet,
    DayClosed,
    DayOpened,
    Event,
    OrderExpired,
    PhaseChanged,
    Reconciled,
    Rejected,
)
from matching.exchange import Exchange
from matching.listing import Listing
from matching.order import Side
from matching.session import Phase
from settlement.commands import RegisterLot
from settlement.events import (
    DeliveryFailed,
    DeliverySettled,
    Instruction,
    LotSlice,
    MovementInstructed,
)
from settlement.values import LotId, ParticipantId, TradingDay
from tests.matching.driver import (
    CLASS_II,
    FRIDAY,
    LISTING,
    MONDAY,
    NEXT_MONDAY,
    TUESDAY,
    WEDNESDAY,
    Driver,
    adopt,
    change,
    instant,
    lot,
    open_market,
    resolve,
    shanghai_market,
    statements_due,
    transfer_in,
    weekdays,
)


def traded_market(driver: Driver | None = None) -> Driver:
    """150 t traded at 70.00 in three trades; two orders are still open."""
    driver = driver or open_market()
    driver.admit("anna", tonnes=500)
    driver.admit("ben", fen=10_000_000)
    for tonnes in (100, 30, 20):
        driver.sell("anna", tonnes, 7_000)
        driver.buy("ben", tonnes, 7_000)
    driver.sell("anna", 50, 7_100)
    driver.buy("ben", 60, 6_900)
    return driver


def steps(events: list[Event]) -> list[tuple[str, int, int]]:
    return [
        (event.step.value, event.done, event.total)
        for event in events
        if isinstance(event, CloseStepAdvanced)
    ]


def test_a_close_goes_through_its_steps_in_order_and_counts() -> None:
    events = traded_market().close()
    assert steps(events) == [
        ("stop_orders", 1, 1),
        ("expire_orders", 2, 2),
        ("closing_prices", 1, 1),
        ("obligations", 3, 3),
        ("registry", 3, 3),
        ("delivery", 3, 3),
        ("fees", 3, 3),
        ("publication", 1, 3),
        ("publication", 3, 3),
        ("reconcile", 2, 2),
        ("roll_date", 1, 1),
    ]
    assert [type(event) for event in events[:2]] == [PhaseChanged, CloseStarted]
    told = [type(event) for event in events]
    assert told.index(DayClosed) < told.index(DayOpened)


def test_portions_are_at_most_what_was_asked_for() -> None:
    events = traded_market().close(portion=1)
    assert steps(events) == [
        ("stop_orders", 1, 1),
        ("expire_orders", 1, 2),
        ("expire_orders", 2, 2),
        ("closing_prices", 1, 1),
        ("obligations", 1, 3),
        ("obligations", 2, 3),
        ("obligations", 3, 3),
        ("registry", 3, 3),
        ("delivery", 3, 3),
        ("fees", 3, 3),
        ("publication", 1, 3),
        ("publication", 2, 3),
        ("publication", 3, 3),
        ("reconcile", 2, 2),
        ("roll_date", 1, 1),
    ]
    assert len([event for event in events if isinstance(event, MovementInstructed)]) == 3


def test_an_empty_day_closes_too() -> None:
    driver = open_market()
    events = driver.close()
    assert steps(events)[:2] == [("stop_orders", 1, 1), ("expire_orders", 0, 0)]
    assert driver.exchange.trading_day == TUESDAY


@pytest.mark.parametrize("portion", [1, 1_000])
def test_orders_expire_oldest_first_and_their_cover_comes_back(portion: int) -> None:
    driver = traded_market()
    events = driver.close(portion=portion)
    expired = [event.order_id for event in events if isinstance(event, OrderExpired)]
    assert len(expired) == 2
    assert expired == sorted(expired)
    assert (driver.units("anna").held, driver.cash("ben").held) == (0, 0)
    assert driver.units("anna").available == 350
    assert driver.cash("ben").available == 10_000_000 - 150 * 7_000


def test_the_close_makes_the_next_days_band() -> None:
    driver = traded_market()
    events = driver.close()
    (closing,) = (event for event in events if isinstance(event, ClosingPriceSet))
    assert (closing.open_fen, closing.high_fen, closing.low_fen, closing.close_fen) == (7_000,) * 4
    assert (closing.volume_tonnes, closing.turnover_fen) == (150, 1_050_000)
    (band,) = (event for event in events if isinstance(event, BandSet))
    assert (band.trading_day, band.reference_fen) == (TUESDAY, 7_000)
    assert (band.lower_fen, band.upper_fen) == (6_300, 7_700)
    driver.buy("ben", 1, 7_700)
    assert isinstance(driver.order("ben", Side.BUY, 1, 7_701)[0], Rejected)


def test_the_days_prices_are_its_first_its_highest_and_its_lowest() -> None:
    driver = open_market()
    driver.admit("anna", tonnes=500)
    driver.admit("ben", fen=10_000_000)
    for price_fen in (7_000, 7_200, 6_900, 7_100):
        driver.sell("anna", 50, price_fen)
        driver.buy("ben", 50, price_fen)
    (closing,) = (event for event in driver.close() if isinstance(event, ClosingPriceSet))
    assert (closing.open_fen, closing.high_fen, closing.low_fen) == (7_000, 7_200, 6_900)
    assert (closing.close_fen, closing.volume_tonnes) == (7_050, 200)


def test_the_day_counts_from_nothing_again() -> None:
    driver = traded_market()
    driver.close()
    events = driver.close()
    (closing,) = (event for event in events if isinstance(event, ClosingPriceSet))
    assert (closing.open_fen, closing.high_fen, closing.low_fen) == (None, None, None)
    assert (closing.close_fen, closing.volume_tonnes, closing.turnover_fen) == (7_000, 0, 0)


def test_the_close_waits_for_the_registry_and_for_statements() -> None:
    driver = traded_market()
    driver.accepted(CloseDay(trading_day=MONDAY))
    advance = AdvanceClose(trading_day=MONDAY, portion=100)
    while driver.exchange.close_step is not CloseStep.REGISTRY:
        driver.accepted(advance)
    for _ in range(3):
        assert steps(list(driver.accepted(advance))) == [("registry", 0, 3)]
    (instruction,) = driver.exchange.pending_instructions()
    driver.answer(instruction)
    assert steps(list(driver.accepted(advance))) == [("registry", 3, 3)]
    assert steps(list(driver.accepted(advance))) == [("delivery", 3, 3)]
    assert steps(list(driver.accepted(advance))) == [("fees", 3, 3)]
    for _ in range(3):
        assert steps(list(driver.accepted(advance))) == [("publication", 1, 3)]
    for command in statements_due(driver.exchange):
        driver.accepted(command)
    assert steps(list(driver.accepted(advance))) == [("reconcile", 0, 2)]


def test_answers_may_come_while_others_are_still_being_asked() -> None:
    driver = traded_market()
    driver.accepted(CloseDay(trading_day=MONDAY))
    advance = AdvanceClose(trading_day=MONDAY, portion=1)
    answered = 0
    while driver.exchange.close_step is not CloseStep.PUBLICATION:
        driver.accepted(advance)
        for instruction in driver.exchange.pending_instructions():
            driver.answer(instruction)
            answered += 1
    assert answered == 3
    assert driver.units("ben").available == 150


def test_a_break_found_in_reconciliation_does_not_stop_the_market() -> None:
    driver = traded_market()
    driver.accepted(CloseDay(trading_day=MONDAY))
    commands = driver.close_commands()
    while driver.exchange.close_step is not CloseStep.RECONCILE:
        driver.accepted(next(commands))
    advance = AdvanceClose(trading_day=MONDAY, portion=1)
    assert steps(list(driver.accepted(advance))) == [("reconcile", 0, 2)]
    cash, *reconciled = driver.accepted(
        RecordReconciliation(trading_day=MONDAY, breaks=2, digest_here="a", digest_there="b")
    )
    assert isinstance(cash, CashCompared)
    assert isinstance(reconciled[0], Reconciled)
    assert reconciled[0].breaks == 2
    driver.accepted(advance)
    assert driver.exchange.trading_day == TUESDAY


def refuse_some(instruction: Instruction) -> tuple[str, int | None] | None:
    """The registry refuses trade 2: by name when it goes with others, silently when alone."""
    bad = [leg.leg for leg in instruction.legs if leg.trade_id == 2]
    return ("frozen", None) if bad else None


@pytest.mark.parametrize("portion", [1, 2, 1_000])
def test_a_close_goes_on_after_a_crash_at_any_command(portion: int) -> None:
    whole = traded_market()
    expected = whole.close(portion=portion, refuse=refuse_some)
    crashing = traded_market()
    events: list[Event] = []

    def apply(command: Command) -> None:
        crashing.exchange = Exchange.load(crashing.exchange.dump())
        events.extend(crashing.accepted(command))

    apply(CloseDay(trading_day=MONDAY))
    for command in crashing.close_commands(portion=portion, refuse=refuse_some):
        apply(command)
    assert events == expected
    assert crashing.exchange.dump() == whole.exchange.dump()
    assert [event.trade_id for event in events if isinstance(event, DeliveryFailed)] == [2]
    assert sorted(event.trade_id for event in events if isinstance(event, DeliverySettled)) == [1, 3]


def test_a_calendar_that_is_late_only_delays_the_roll() -> None:
    driver = Driver(at_ns=instant("2026-12-11", "10:00:00"))
    driver.found()
    driver.open(TradingDay("2026-12-11"))
    driver.accepted(CloseDay(trading_day=TradingDay("2026-12-11")))
    commands = driver.close_commands()
    while driver.exchange.close_step is not CloseStep.ROLL_DATE:
        driver.accepted(next(commands))
    roll = AdvanceClose(trading_day=TradingDay("2026-12-11"), portion=1)
    for _ in range(2):
        refused = driver.do(roll)
        assert refused == (Rejected(code="calendar_not_announced", limit=None, actual="2026-12-11"),)
    driver.accepted(AnnounceCalendar(announcement=weekdays("2026-12-12", 7)))
    driver.accepted(roll)
    assert driver.exchange.trading_day == "2026-12-14"


def finish(driver: Driver) -> list[Event]:
    """Work off the close that the clock began."""
    assert driver.exchange.close_step is CloseStep.EXPIRE_ORDERS
    return driver.close()


def test_by_the_clock_a_week_closes_itself() -> None:
    driver = shanghai_market()
    seen = []
    for _ in range(5):
        day = driver.exchange.trading_day
        assert day is not None
        seen.append(day)
        driver.wait_until("15:00:00", day)
        finish(driver)
        assert driver.exchange.phase is Phase.CLOSED
    assert seen[0] == MONDAY
    assert seen[-1] == FRIDAY
    assert driver.exchange.trading_day == NEXT_MONDAY


def test_days_that_went_by_while_one_closed_are_skipped() -> None:
    driver = shanghai_market()
    driver.wait_until("10:00:00", WEDNESDAY)
    events = finish(driver)
    (closed,) = (event for event in events if isinstance(event, DayClosed))
    assert (closed.trading_day, closed.next_day) == (MONDAY, WEDNESDAY)
    assert driver.exchange.phase is Phase.LISTED


def test_a_day_whose_hours_went_by_while_the_last_one_closed_closes_at_once() -> None:
    driver = shanghai_market()
    driver.wait_until("16:00:00", TUESDAY)
    finish(driver)
    assert driver.exchange.trading_day == TUESDAY
    assert driver.exchange.phase is Phase.CLOSING
    finish(driver)
    assert (driver.exchange.trading_day, driver.exchange.phase) == (WEDNESDAY, Phase.CLOSED)


def test_by_the_operator_no_day_is_skipped() -> None:
    driver = open_market()
    driver.at_ns = instant(WEDNESDAY, "10:00:00")
    driver.close()
    assert driver.exchange.trading_day == TUESDAY


def test_rules_stand_still_while_a_day_closes() -> None:
    driver = traded_market()
    driver.accepted(adopt(change("close_threshold_tonnes", 1_000, driver.at_ns + 5)))
    driver.accepted(CloseDay(trading_day=MONDAY))
    driver.at_ns += 10
    events = driver.close()
    (closing,) = (event for event in events if isinstance(event, ClosingPriceSet))
    assert closing.close_fen == 7_000
    assert driver.exchange.trading.markets[LISTING].rules.close_threshold_tonnes == 1_000


def test_a_listing_added_during_a_close_moves_no_rule_a_snapshot_stands_on() -> None:
    driver = traded_market()
    driver.accepted(adopt(change("close_threshold_tonnes", 1_000, driver.at_ns + 5)))
    driver.accepted(CloseDay(trading_day=MONDAY))
    driver.at_ns += 10
    driver.accepted(AddListing(listing=Listing(code=CLASS_II, first_reference_price_fen=1_000)))
    driver.exchange = Exchange.load(driver.exchange.dump())
    events = driver.close()
    closes = {event.listing: event.close_fen for event in events if isinstance(event, ClosingPriceSet)}
    assert closes == {LISTING: 7_000, CLASS_II: 1_000}


def test_a_transfer_may_arrive_during_a_close_but_none_is_asked_for() -> None:
    driver = traded_market()
    driver.admit("cara")
    for name in ("first", "second"):
        driver.accepted(RegisterLot(lot=lot(name, (1, 9))))
    under_way = driver.transfer_in("cara", "first", ((1, 6),))
    driver.accepted(CloseDay(trading_day=MONDAY))
    driver.accepted(resolve(under_way.instruction_id))
    while driver.exchange.close_step is not CloseStep.PUBLICATION:
        asked = transfer_in("cara", (LotSlice(lot_id=LotId("second"), serials=((1, 7),)),))
        (refused,) = driver.do(replace(asked, client_id=driver.next_id()))
        assert refused == Rejected(code="phase_closed", limit=None, actual="closing")
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1_000))
        for instruction in driver.exchange.pending_instructions():
            driver.answer(instruction)
    driver.close()
    driver.bring("cara", "third", 7)
    assert driver.units("cara").available == 12


def test_a_transfer_pending_over_the_close_holds_nobody_up() -> None:
    driver = traded_market()
    driver.admit("cara")
    driver.accepted(RegisterLot(lot=lot("slow", (1, 9))))
    pending = driver.transfer_in("cara", "slow", ((1, 9),))
    driver.accepted(CloseDay(trading_day=MONDAY))
    for command in driver.close_commands():
        if command != resolve(pending.instruction_id):
            driver.accepted(command)
    assert driver.exchange.pending_instructions() == (pending,)
    driver.accepted(resolve(pending.instruction_id))
    assert driver.units("cara").available == 8


def come_to(driver: Driver, step: CloseStep) -> None:
    """Bring the close to that step; the registry is silent."""
    while driver.exchange.close_step is not step:
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=100))
        for command in statements_due(driver.exchange):
            driver.accepted(command)


def test_a_close_goes_on_without_a_registry_that_is_gone() -> None:
    driver = traded_market()
    act = GoOnWithoutRegistry(operator=ParticipantId("olga"), reason="it is down", trading_day=MONDAY)
    (refused,) = driver.do(act)
    assert isinstance(refused, Rejected)
    assert refused.code == "not_reconciling"
    driver.accepted(CloseDay(trading_day=MONDAY))
    advance = AdvanceClose(trading_day=MONDAY, portion=100)
    come_to(driver, CloseStep.REGISTRY)
    passed, *told = driver.accepted(act)
    assert isinstance(passed, RegistryPassedOver)
    assert (passed.step, passed.unanswered, steps(list(told))) == ("registry", 3, [("registry", 3, 3)])
    come_to(driver, CloseStep.RECONCILE)
    assert steps(list(driver.accepted(act))) == [("reconcile", 2, 2)]
    assert any(isinstance(event, DayOpened) for event in driver.accepted(advance))
    # Both legs are committed into the next day, which trades; the answer ends them whenever it comes.
    assert (driver.units("anna").delivering, driver.cash("ben").delivering) == (150, 150 * 7_000)
    driver.buy("ben", 10, 7_000)
    (instruction,) = driver.exchange.pending_instructions()
    driver.answer(instruction)
    assert (driver.units("ben").available, driver.cash("anna").available) == (150, 150 * 7_000)
    driver.close()
