"""What the registry would not be asked by us at all: parked, in nobody's way, retried or unwound by operators."""

import pytest

from matching.commands import AdvanceClose, CloseDay
from matching.events import Event
from matching.exchange import Exchange
from settlement.custody_events import DeliveriesRetried, DeliveryUnwound
from settlement.events import (
    DeliveryFailed,
    DeliveryParked,
    DeliverySettled,
    Instruction,
    InstructionKind,
    MovementInstructed,
)
from tests.matching.authorities import freeze, retry_deliveries, unwind
from tests.matching.driver import EVENT, MONDAY, TUESDAY, Driver, approve, bust, open_market


def market(**rules: int | str) -> Driver:
    """Anna has sold ten tonnes to Ben and twenty to Cara, one of them for a use."""
    driver = open_market(**rules)
    driver.admit("anna", tonnes=100)
    driver.admit("ben", fen=10**7)
    driver.admit("cara", fen=10**7)
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    driver.sell("anna", 20, 6_800)
    driver.buy("cara", 20, 6_800, EVENT)
    return driver


def refuse_deliveries(instruction: Instruction) -> tuple[str, int | None] | None:
    return ("not_authorised", None) if instruction.kind is InstructionKind.DELIVER else None


def parked(events: list[Event] | tuple[Event, ...]) -> list[int]:
    return [event.trade_id for event in events if isinstance(event, DeliveryParked)]


def settled(events: list[Event] | tuple[Event, ...]) -> list[int]:
    return [event.trade_id for event in events if isinstance(event, DeliverySettled)]


def asked(driver: Driver) -> list[Instruction]:
    return list(driver.exchange.pending_instructions())


def closed_with_both_parked(**rules: int | str) -> Driver:
    driver = market(**rules)
    events = driver.close(refuse=refuse_deliveries)
    assert parked(events) == [1, 2]
    return driver


def test_the_close_completes_and_both_legs_stay_committed() -> None:
    driver = closed_with_both_parked()
    assert driver.exchange.trading_day == TUESDAY
    assert (driver.units("anna").available, driver.units("anna").delivering) == (70, 30)
    assert (driver.cash("ben").delivering, driver.cash("cara").delivering) == (68_000, 136_000)
    assert not asked(driver)
    assert driver.exchange.depository.movements.unresolved() == 0


def test_none_of_them_fails_one_by_one() -> None:
    driver = market()
    events = driver.close(refuse=refuse_deliveries)
    assert not [event for event in events if isinstance(event, DeliveryFailed)]
    assert sum(isinstance(event, MovementInstructed) for event in events) == 1


def test_the_next_close_passes_them_by() -> None:
    driver = closed_with_both_parked()
    driver.sell("anna", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    events = driver.close()
    assert settled(events) == [3]
    assert driver.units("anna").delivering == 30


def test_retried_they_are_delivered_and_the_use_follows() -> None:
    driver = closed_with_both_parked()
    events = driver.accepted(retry_deliveries())
    (retried,) = [event for event in events if isinstance(event, DeliveriesRetried)]
    assert (retried.trade_ids, retried.operator) == ((1, 2), "olga")
    (instruction,) = asked(driver)
    assert settled(driver.answer(instruction)) == [1, 2]
    driver.answer(asked(driver)[0])
    assert (driver.units("ben").available, driver.units("cara").retired) == (10, 20)
    assert driver.cash("anna").available == 204_000


def test_one_is_retried_and_the_other_unwound() -> None:
    driver = closed_with_both_parked()
    driver.accepted(retry_deliveries(2))
    events = driver.accepted(unwind(1))
    assert [type(event) for event in events[:1]] == [DeliveryUnwound]
    assert [event.code for event in events if isinstance(event, DeliveryFailed)] == ["unwound"]
    assert driver.cash("ben").available == 10**7
    assert (driver.units("anna").available, driver.units("anna").delivering) == (80, 20)


def test_refused_the_same_way_again_they_are_parked_again() -> None:
    driver = closed_with_both_parked()
    driver.accepted(retry_deliveries())
    assert parked(driver.answer(asked(driver)[0], "not_authorised")) == [1, 2]
    driver.accepted(retry_deliveries())
    assert len(asked(driver)) == 1


def test_only_the_delivery_a_refusal_names_is_parked() -> None:
    driver = market(settlement_cycle="end_of_day")
    driver.accepted(CloseDay(trading_day=MONDAY))
    while not asked(driver):
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1_000))
    (instruction,) = asked(driver)
    assert parked(driver.answer(instruction, "not_authorised", 2)) == [2]
    (again,) = asked(driver)
    assert again.instruction_id != instruction.instruction_id
    assert settled(driver.answer(again)) == [1]
    driver.close()
    assert driver.exchange.trading_day == TUESDAY


def test_units_frozen_meanwhile_fail_when_they_are_retried() -> None:
    driver = closed_with_both_parked()
    driver.accepted(freeze(lot_name="L-anna", serials=((1, 96),)))
    assert (driver.units("anna").available, driver.units("anna").frozen) == (0, 70)
    events = driver.accepted(retry_deliveries())
    assert [event.code for event in events if isinstance(event, DeliveryFailed)] == ["lot_frozen"] * 2
    assert (driver.units("anna").available, driver.units("anna").frozen) == (5, 95)


def test_what_is_parked_cannot_be_busted_or_sold() -> None:
    driver = closed_with_both_parked()
    (refused,) = driver.do(bust(1))
    assert getattr(refused, "code", None) == "trade_not_pending"
    driver.sell("anna", 70, 6_800)


def test_a_parked_purchase_counts_as_coming() -> None:
    driver = closed_with_both_parked()
    depository = driver.exchange.depository
    account = next(account for account in depository.accounts if account == "ben")
    assert depository.position(account, next(iter(driver.exchange.trading.markets))) == 10


def test_parked_deliveries_survive_a_crash() -> None:
    driver = closed_with_both_parked()
    before = driver.exchange.dump()
    driver.exchange = Exchange.load(before)
    driver.exchange.check()
    assert driver.exchange.dump() == before
    driver.accepted(retry_deliveries(1))
    assert settled(driver.answer(asked(driver)[0])) == [1]


@pytest.mark.parametrize("act", [retry_deliveries(), unwind(1)], ids=["retry", "unwind"])
def test_two_persons_do_it_where_the_rule_book_says_so(act: object) -> None:
    driver = closed_with_both_parked(two_person_acts="retry_deliveries, unwind_delivery")
    driver.accepted(act)  # type: ignore[arg-type] # parametrised
    assert driver.exchange.depository.movements.obligations.is_parked(
        next(iter(driver.exchange.depository.movements.deliveries))
    )
    driver.accepted(approve(driver.seq))
    assert len(driver.exchange.depository.movements.obligations.parked()) < 2
