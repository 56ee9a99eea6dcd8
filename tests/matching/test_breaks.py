"""Differences with the registry: known once, contained to what they touch, resolved by a name and a reason."""

from matching.commands import CloseDay, RecordReconciliation
from matching.events import CloseStep, CloseStepAdvanced, Event, OrderCancelled, Reconciled, Rejected
from matching.exchange import Exchange
from matching.order import Side
from settlement.custody_events import BreakOpened, BreakResolved, FreezeLifted, FreezePlaced
from settlement.difference import BreakKind
from tests.matching.authorities import differs, freeze, report, settle_break, transfer_out
from tests.matching.driver import MONDAY, TUESDAY, Driver, open_market


def market() -> Driver:
    """Anna has two lots, Ben one; both have money."""
    driver = open_market()
    for account in ("anna", "ben"):
        driver.admit(account, fen=10**7)
        driver.bring(account, f"solar-{account}", 50)
    driver.bring("anna", "wind", 30)
    return driver


def opened(events: tuple[Event, ...]) -> list[BreakOpened]:
    return [event for event in events if isinstance(event, BreakOpened)]


def compared(breaks: int = 0, *, on_demand: bool = True, day: str = MONDAY) -> RecordReconciliation:
    return RecordReconciliation(
        trading_day=MONDAY if day == MONDAY else TUESDAY,
        breaks=breaks,
        digest_here="a",
        digest_there="a" if not breaks else "b",
        on_demand=on_demand,
        as_of=12,
    )


def code(events: tuple[Event, ...]) -> str:
    (refused,) = events
    assert isinstance(refused, Rejected)
    return refused.code


def test_a_break_stops_its_account_and_its_lot_there_and_nothing_else() -> None:
    driver = market()
    mine, others = driver.sell("anna", 5, 6_900), driver.sell("ben", 5, 6_900)
    found = differs(BreakKind.RANGE_DIFFERS, "anna", "wind", here=((3, 5),), there=((7, 9),))
    events = driver.accepted(report(found))
    (case,) = opened(events)
    assert (case.case.break_id, case.account, case.case.as_of) == (1, "anna", 7)
    assert case.case.difference == found
    assert [event.order_id for event in events if isinstance(event, OrderCancelled)] == [mine]
    assert (driver.units("anna").available, driver.units("anna").frozen) == (50, 30)
    assert code(driver.order("anna", Side.BUY, 1, 6_700)) == "account_frozen"
    assert code(driver.do(transfer_out("anna", 1))) == "account_frozen"
    assert list(driver.exchange.trading.open_orders) == [others]
    driver.buy("ben", 1, 6_700)


def test_a_sum_that_is_wrong_or_entries_that_are_gone_are_breaks_that_stop_nothing() -> None:
    driver = market()
    whole = (
        differs(BreakKind.TOTALS_DIFFER),
        differs(BreakKind.MOVEMENT_ON_ONE_SIDE, detail="none from 3 to 4"),
    )
    events = driver.accepted(report(*whole))
    assert [event.case.difference for event in opened(events)] == list(whole)
    assert not any(isinstance(event, FreezePlaced) for event in events)
    assert opened(driver.do(report(*whole))) == []


def test_the_same_difference_again_is_the_same_break_whatever_its_words() -> None:
    driver = market()
    driver.accepted(report(differs(account="anna", lot_name="wind", here=((3, 5),), detail="at noon")))
    again = report(
        differs(account="anna", lot_name="wind", here=((3, 5),), detail="at three"),
        differs(account="anna", lot_name="wind", here=((3, 6),)),
    )
    (case,) = opened(driver.accepted(again))
    assert case.case.break_id == 2
    assert driver.accepted(again) == ()


def test_resolving_one_lifts_exactly_its_freezes() -> None:
    driver = market()
    driver.accepted(
        report(
            differs(account="anna", lot_name="wind", here=((3, 5),)),
            differs(BreakKind.ACCOUNT_STATE_DIFFERS, account="anna"),
        )
    )
    driver.accepted(freeze(lot_name="wind", serials=((1, 11),)))
    events = driver.accepted(settle_break(1))
    (resolved,) = [event for event in events if isinstance(event, BreakResolved)]
    assert (resolved.operator, resolved.reason, resolved.case.break_id) == ("olga", "counted again", 1)
    assert [event.freeze.freeze_id for event in events if isinstance(event, FreezeLifted)] == [
        "break-1-account",
        "break-1-lot",
    ]
    assert driver.units("anna").frozen == 10  # the operator's own stands
    assert code(driver.order("anna", Side.BUY, 1, 6_700)) == "account_frozen"  # and so does the other break
    driver.accepted(settle_break(2))
    driver.buy("anna", 1, 6_700)


def test_found_again_after_it_was_resolved_it_is_a_new_break() -> None:
    driver = market()
    again = report(differs(account="anna", lot_name="wind", here=((3, 5),)))
    driver.accepted(again)
    driver.accepted(settle_break(1))
    (case,) = opened(driver.accepted(again))
    assert case.case.break_id == 2


def test_a_break_of_a_movement_alone_or_of_nobody_known_freezes_nobody_here() -> None:
    driver = market()
    events = driver.accepted(
        report(
            differs(BreakKind.CONTRADICTORY_ANSWER, instruction="dvp-4-1"),
            differs(BreakKind.MISSING_HERE, account="stranger", lot_name="unheard of"),
        )
    )
    assert [case.account for case in opened(events)] == [None, None]
    placed = [event.freeze.freeze_id for event in events if isinstance(event, FreezePlaced)]
    assert placed == ["break-2-account", "break-2-lot"]
    for account in ("anna", "ben"):
        driver.sell(account, 50, 6_900)


def test_breaks_survive_a_crash() -> None:
    driver = market()
    again = report(differs(account="anna", lot_name="wind", here=((3, 5),)))
    driver.accepted(again)
    driver.exchange = Exchange.load(driver.exchange.dump())
    driver.exchange.check()
    assert driver.accepted(again) == ()
    driver.accepted(settle_break(1))
    assert driver.units("anna").frozen == 0


# ---- comparisons ------------------------------------------------------------------------------------------------


def test_a_comparison_on_demand_is_recorded_in_any_phase_with_what_is_open() -> None:
    driver = market()
    assert driver.accepted(compared()) == (
        Reconciled(
            trading_day=MONDAY,
            breaks=0,
            digest_here="a",
            digest_there="a",
            open_breaks=0,
            on_demand=True,
            as_of=12,
        ),
    )
    driver.accepted(report(differs(account="anna"), differs(account="ben")))
    (reconciled,) = driver.accepted(compared(breaks=2))
    assert isinstance(reconciled, Reconciled)
    assert (reconciled.breaks, reconciled.open_breaks) == (2, 2)


def test_a_comparison_on_demand_lets_no_close_go_on() -> None:
    driver = market()
    up_to_its_comparison(driver)
    (event,) = driver.accepted(compared())
    assert isinstance(event, Reconciled)
    assert driver.exchange.close_step is CloseStep.RECONCILE
    assert isinstance(driver.accepted(compared(on_demand=False))[-1], CloseStepAdvanced)
    assert driver.exchange.trading_day == MONDAY
    driver.close()


def test_the_days_own_comparison_is_taken_when_the_close_waits_for_it() -> None:
    driver = market()
    assert code(driver.do(compared(on_demand=False))) == "not_reconciling"
    assert code(driver.do(compared(day=TUESDAY))) == "not_reconciling"


def test_breaks_found_in_the_close_stop_what_they_touch_and_not_the_close() -> None:
    driver = market()
    up_to_its_comparison(driver)
    driver.accepted(report(differs(account="anna", lot_name="wind", here=((3, 5),))))
    driver.accepted(compared(breaks=1, on_demand=False))
    driver.close()
    assert driver.exchange.trading_day == TUESDAY
    assert code(driver.order("anna", Side.BUY, 1, 6_700)) == "account_frozen"
    driver.sell("ben", 1, 6_800)


def up_to_its_comparison(driver: Driver) -> None:
    """Close the day until it waits for the comparison with the registry."""
    driver.accepted(CloseDay(trading_day=MONDAY))
    commands = driver.close_commands()
    while driver.exchange.close_step is not CloseStep.RECONCILE:
        driver.accepted(next(commands))
