"""Freezes and negotiated transfers: what is agreed on frozen units ends, what is executed is never delivered frozen."""

from matching.events import Event
from matching.exchange import Exchange
from matching.negotiated import NegotiatedState
from matching.negotiated_events import NegotiatedTransferRejected
from settlement.custody_events import ClaimOpened, RemovalAsked
from settlement.events import DeliveryFailed, DeliverySettled
from settlement.notice import NoticeKind
from tests.matching.authorities import Registry, freeze, retry_deliveries
from tests.matching.driver import Driver, open_market
from tests.matching.negotiating import SELL, Table, confirm, named


def table(**rules: int | str) -> Table:
    """Anna has a hundred tonnes of one lot, Ben money, and both may negotiate at all hours."""
    driver = open_market(**rules)
    driver.admit("anna", tonnes=100)
    driver.admit("ben", fen=10**8)
    return Table(driver)


def rejected(events: tuple[Event, ...]) -> list[tuple[int, str]]:
    return [
        (event.transfer_id, event.code) for event in events if isinstance(event, NegotiatedTransferRejected)
    ]


def buckets(driver: Driver) -> tuple[int, int, int, int]:
    """Available, held, frozen, delivering."""
    units = driver.units("anna")
    return (units.available, units.held, units.frozen, units.delivering)


def test_a_freeze_of_serials_set_aside_ends_the_transfer_that_names_them() -> None:
    at = table()
    touched = at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (1, 11)),))
    other = at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (11, 21)),))
    events = at.driver.accepted(freeze(lot_name="L-anna", serials=((5, 7),)))
    assert rejected(events) == [(touched, "serials_frozen")]
    assert at.transfer(other).state is NegotiatedState.FILED
    assert buckets(at.driver) == (88, 10, 2, 0)


def test_sell_orders_go_before_what_two_are_negotiating() -> None:
    at = table()
    filed = at.filed("anna", SELL, 40, 6_800, "ben")
    order = at.driver.sell("anna", 40, 6_900)
    at.driver.accepted(freeze(lot_name="L-anna", serials=((1, 31),)))
    assert order not in at.driver.exchange.trading.open_orders
    assert at.transfer(filed).state is NegotiatedState.FILED
    events = at.driver.accepted(freeze(lot_name="L-anna", serials=((31, 71),)))
    assert rejected(events) == [(filed, "serials_frozen")]
    assert buckets(at.driver) == (30, 0, 70, 0)


def test_a_frozen_account_negotiates_nothing() -> None:
    at = table()
    filed = at.filed("anna", SELL, 10, 6_800, "ben")
    events = Registry(at.driver).says(NoticeKind.ACCOUNT_RESTRICTED, "ben")
    assert rejected(events) == [(filed, "account_frozen")]
    again = at.filed("anna", SELL, 10, 6_800, "ben")
    (refused,) = at.driver.do(confirm("ben", again, at.transfer(again).terms.hash))
    assert getattr(refused, "code", None) == "account_frozen"


def test_frozen_serials_cannot_be_named() -> None:
    at = table()
    at.driver.accepted(freeze(lot_name="L-anna", serials=((1, 11),)))
    filed = at.filed("anna", SELL, 5, 6_800, "ben", lots=(named("L-anna", tonnes=5),))
    assert at.transfer(filed).terms.lots[0].serials == ((11, 16),)


def test_an_executed_transfer_of_serials_frozen_since_fails_at_its_delivery() -> None:
    at = table()
    filed = at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (1, 11)),))
    at.confirmed("ben", filed)
    at.driver.accepted(freeze(lot_name="L-anna", serials=((5, 7),)))
    assert buckets(at.driver) == (90, 0, 0, 10)  # committed, and frozen when they come back
    events = at.driver.close()
    assert [event.code for event in events if isinstance(event, DeliveryFailed)] == ["lot_frozen"]
    assert buckets(at.driver) == (98, 0, 2, 0)


def test_parked_the_named_serials_stay_aside_and_are_the_ones_delivered() -> None:
    at = table()
    filed = at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (41, 51)),))
    at.confirmed("ben", filed)
    at.driver.close(refuse=lambda _: ("not_authorised", None))
    at.driver.sell("anna", 90, 6_800)
    at.driver.accepted(retry_deliveries())
    (asked,) = at.driver.exchange.pending_instructions()
    assert asked.legs[0].serials == ((41, 51),)
    assert any(isinstance(event, DeliverySettled) for event in at.driver.answer(asked))


def test_corrected_serials_set_aside_for_a_proposal_are_removed_all_the_same() -> None:
    at = table()
    filed = at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (1, 11)),))
    events = Registry(at.driver).says(NoticeKind.CORRECTED, None, "L-anna", ((1, 6),))
    assert rejected(events) == [(filed, "serials_frozen")]
    assert any(isinstance(event, RemovalAsked) for event in events)
    assert not any(isinstance(event, ClaimOpened) for event in events)
    assert buckets(at.driver) == (95, 0, 0, 5)


def test_corrected_serials_of_an_executed_transfer_wait_for_its_delivery_to_fail() -> None:
    at = table()
    filed = at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (1, 11)),))
    at.confirmed("ben", filed)
    events = Registry(at.driver).says(NoticeKind.CORRECTED, None, "L-anna", ((1, 6),))
    assert not any(isinstance(event, RemovalAsked) for event in events)
    closing = at.driver.close()
    assert [event.code for event in closing if isinstance(event, DeliveryFailed)] == ["lot_frozen"]
    assert any(isinstance(event, RemovalAsked) for event in closing)
    assert at.driver.units("anna").owned == 95


def test_serials_set_aside_beside_frozen_ones_survive_a_crash() -> None:
    at = table()
    filed = at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (11, 21)),))
    at.driver.accepted(freeze(lot_name="L-anna", serials=((1, 11),)))
    before = at.driver.exchange.dump()
    at.driver.exchange = Exchange.load(before)
    at.driver.exchange.check()
    assert at.driver.exchange.dump() == before
    assert at.transfer(filed).state is NegotiatedState.FILED
