"""Timers and kill switches in the core: when they fire, in which order, and that a snapshot keeps them."""

from dataclasses import replace

from matching.commands import AdvanceTime, CloseDay
from matching.events import ApprovalRequested, Event, OrderCancelled, Rejected
from matching.exchange import Exchange
from matching.order import CancelReason, Side
from matching.safety_commands import (
    EndConnection,
    KillScope,
    LiftKillSwitch,
    SetDeadMan,
    ThrowKillSwitch,
    WatchConnection,
)
from matching.safety_events import ConnectionEnded, KillSwitchThrown, SafetyTimerFired, SafetyTimerSet
from matching.session import NS
from settlement.values import AccountId, ParticipantId
from tests.matching.driver import MONDAY, OLGA, OTTO, Driver, approve, open_market
from tests.matching.negotiating import code_of as code


def market(**rules: int | str) -> Driver:
    """Anna has 100 t, Ben ¥1,000,000.00."""
    driver = open_market(**rules)
    driver.admit("anna", tonnes=100)
    driver.admit("ben", fen=10**8)
    return driver


def dead_man(account: str, timeout_s: int, key: str = "k1") -> SetDeadMan:
    return SetDeadMan(
        participant=ParticipantId(account), account=AccountId(account), key=key, timeout_s=timeout_s
    )


def watch(account: str, connection: str, grace_s: int = 10, key: str = "k1") -> WatchConnection:
    return WatchConnection(
        participant=ParticipantId(account),
        account=AccountId(account),
        key=key,
        connection=connection,
        grace_s=grace_s,
    )


def lose(connection: str, *, clean: bool = False) -> EndConnection:
    return EndConnection(connection=connection, clean=clean)


def later(driver: Driver, seconds: int) -> tuple[Event, ...]:
    return driver.do(AdvanceTime(), driver.at_ns + seconds * NS)


def fired(events: tuple[Event, ...]) -> list[tuple[str, str, int]]:
    return [(e.account, e.reason.value, e.count) for e in events if isinstance(e, SafetyTimerFired)]


def restarted(driver: Driver) -> Driver:
    return Driver(Exchange.load(driver.exchange.dump()), driver.at_ns)


def test_orders_that_only_sale_proceeds_cover_are_counted_too() -> None:
    driver = market(sale_proceeds="when_traded")
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    driver.buy("anna", 4, 6_700)  # no money of anna's own: nothing comes back when it ends
    driver.do(dead_man("anna", 30))
    assert fired(later(driver, 30)) == [("anna", "dead_man", 1)]


def test_a_timer_fires_at_its_instant_and_not_a_nanosecond_before() -> None:
    driver = market()
    first, second = driver.buy("ben", 1, 6_700), driver.buy("ben", 2, 6_600)
    (armed,) = driver.accepted(dead_man("ben", 30))
    assert isinstance(armed, SafetyTimerSet)
    assert armed.fires_at_ns == driver.at_ns + 30 * NS == driver.exchange.next_change_ns
    assert driver.do(AdvanceTime(), armed.fires_at_ns - 1) == ()
    events = driver.do(AdvanceTime(), armed.fires_at_ns)
    assert fired(events) == [("ben", "dead_man", 2)]
    cancelled = [event for event in events if isinstance(event, OrderCancelled)]
    assert [(event.order_id, event.reason) for event in cancelled] == [
        (first, CancelReason.DEAD_MAN),
        (second, CancelReason.DEAD_MAN),
    ]
    assert later(driver, 3_600) == ()


def test_whoever_comes_next_finds_the_orders_gone() -> None:
    driver = market()
    driver.buy("ben", 1, 6_800)
    driver.accepted(dead_man("ben", 30))
    driver.at_ns += 31 * NS
    driver.sell("anna", 1, 6_800)
    assert not any(type(event).__name__ == "Traded" for event in driver.events)


def test_timers_fire_in_the_order_of_their_instants() -> None:
    driver = market()
    driver.accepted(dead_man("anna", 20))
    driver.accepted(dead_man("ben", 10, key="k2"))
    driver.accepted(dead_man("ben", 15, key="k1"))
    assert fired(later(driver, 60)) == [
        ("ben", "dead_man", 0),
        ("ben", "dead_man", 0),
        ("anna", "dead_man", 0),
    ]


def test_no_timer_fires_while_a_day_closes_and_all_that_are_due_when_it_is_closed() -> None:
    driver = market()
    order_id = driver.buy("ben", 1, 6_700)
    driver.accepted(dead_man("ben", 30))
    driver.accepted(CloseDay(trading_day=MONDAY))
    assert fired(later(driver, 60)) == []
    assert order_id in driver.exchange.trading.open_orders
    for command in driver.close_commands():
        driver.accepted(command)
    assert fired(later(driver, 0)) == [("ben", "dead_man", 0)]


def test_a_snapshot_keeps_timers_connections_and_switches() -> None:
    driver = market()
    driver.accepted(dead_man("ben", 30))
    driver.accepted(watch("ben", "c1"))
    driver.accepted(watch("ben", "c2"))
    driver.accepted(lose("c2"))
    driver.accepted(throw(KillScope.ACCOUNT, "anna"))
    again = restarted(driver)
    assert again.exchange.dump() == driver.exchange.dump()
    assert again.exchange.next_change_ns == driver.exchange.next_change_ns
    again.accepted(lose("c1"))
    assert fired(later(again, 30)) == [("ben", "disconnected", 0), ("ben", "dead_man", 0)]
    assert code(again.order("anna", Side.SELL, 1, 6_800)) == "kill_switch_on"


def test_a_key_that_comes_back_clears_its_own_lost_connections_only() -> None:
    driver = market()
    for connection, key in (("c1", "k1"), ("c2", "k1"), ("c3", "k2")):
        driver.accepted(watch("ben", connection, key=key))
        driver.accepted(lose(connection))
    driver.accepted(watch("ben", "c4", key="k1"))
    assert fired(later(driver, 10)) == [("ben", "disconnected", 0)]
    driver.accepted(lose("c4", clean=True))
    assert fired(later(driver, 300)) == []


def test_a_loss_that_is_noticed_after_the_return_cancels_nothing() -> None:
    driver = market()
    order_id = driver.buy("ben", 1, 6_700)
    driver.accepted(watch("ben", "c1"))
    driver.accepted(watch("ben", "c2", grace_s=30))
    (ended,) = driver.accepted(lose("c1"))
    assert isinstance(ended, ConnectionEnded)
    assert fired(later(driver, 300)) == []
    assert order_id in driver.exchange.trading.open_orders
    driver.accepted(lose("c2"))  # the last one's own grace counts
    assert fired(later(driver, 29)) == []
    assert fired(later(driver, 1)) == [("ben", "disconnected", 1)]


def test_another_program_or_account_is_no_return() -> None:
    driver = market()
    driver.accepted(watch("ben", "c1", key="k1"))
    driver.accepted(watch("ben", "c2", key="k2"))
    driver.accepted(watch("anna", "c3", key="k1"))
    driver.accepted(lose("c1"))
    assert fired(later(driver, 10)) == [("ben", "disconnected", 0)]


def test_a_snapshot_of_the_release_before_may_hold_a_timer_beside_its_programs_new_connection() -> None:
    driver = market()
    order_id = driver.buy("ben", 1, 6_700)
    driver.accepted(watch("ben", "c1"))
    driver.accepted(lose("c1"))
    state = driver.exchange.dump()
    back = replace(state.safety, connections=(watch("ben", "c2"),))
    again = Driver(Exchange.load(replace(state, safety=back)), driver.at_ns)
    again.exchange.check()
    assert fired(later(again, 300)) == []
    assert order_id in again.exchange.trading.open_orders


# ---- kill switches ----------------------------------------------------------------------------------------------


def throw(scope: KillScope, subject: str = "", operator: str = OLGA) -> ThrowKillSwitch:
    return ThrowKillSwitch(operator=ParticipantId(operator), reason="a test", scope=scope, subject=subject)


def lift(scope: KillScope, subject: str = "") -> LiftKillSwitch:
    return LiftKillSwitch(operator=ParticipantId(OLGA), reason="a test", scope=scope, subject=subject)


def test_a_participants_switch_stops_all_its_accounts_and_nobody_else() -> None:
    driver = market()
    driver.admit("ben-2", fen=10**8)
    for account in ("ben", "ben-2"):
        driver.buy(account, 1, 6_700)
    driver.sell("anna", 1, 6_900)
    events = driver.accepted(throw(KillScope.PARTICIPANT, "ben"))
    assert isinstance(events[0], KillSwitchThrown)
    assert [event.account for event in events if isinstance(event, OrderCancelled)] == ["ben", "ben-2"]
    assert code(driver.order("ben-2", Side.BUY, 1, 6_700)) == "kill_switch_on"
    driver.sell("anna", 1, 6_900)
    driver.accepted(lift(KillScope.PARTICIPANT, "ben"))
    driver.buy("ben-2", 1, 6_700)


def test_switches_do_not_lift_one_another() -> None:
    driver = market()
    driver.accepted(throw(KillScope.MARKET))
    driver.accepted(throw(KillScope.ACCOUNT, "ben"))
    driver.accepted(lift(KillScope.MARKET))
    assert driver.order("ben", Side.BUY, 1, 6_700) == (
        Rejected(code="kill_switch_on", limit=None, actual="ben"),
    )
    driver.sell("anna", 1, 6_900)


def test_a_switch_needs_a_second_person_where_the_rule_book_says_so() -> None:
    driver = market(two_person_acts="kill_switch, lift_kill_switch")
    driver.buy("ben", 1, 6_700)
    (waits,) = driver.accepted(throw(KillScope.MARKET))
    assert isinstance(waits, ApprovalRequested)
    again = restarted(driver)
    again.buy("ben", 1, 6_700)
    events = again.accepted(approve(waits.approval_id, operator=OTTO))
    assert sum(isinstance(event, OrderCancelled) for event in events) == 2
    (waits,) = again.accepted(lift(KillScope.MARKET))
    assert isinstance(waits, ApprovalRequested)
    again.accepted(approve(waits.approval_id, operator=OTTO))
    again.buy("ben", 1, 6_700)
