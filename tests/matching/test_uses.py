"""Purchases for a use, from the order to the registry's cancellation, whatever happens to them on the way."""

import pytest

from matching.commands import AdvanceClose, CloseDay, SubmitOrder
from matching.events import (
    CloseStep,
    CloseStepAdvanced,
    DayClosed,
    Event,
    OrderAccepted,
    OrderReplaced,
    Rejected,
)
from matching.exchange import Exchange
from matching.order import Side
from settlement.events import (
    DeliverySettled,
    Instruction,
    InstructionKind,
    MovementInstructed,
    RetirementCompleted,
    RetirementRefused,
)
from settlement.retirement import RetirementPurpose, Use
from settlement.values import TradingDay
from tests.matching.driver import (
    EVENT,
    LISTING,
    MONDAY,
    TUESDAY,
    Driver,
    bust,
    cancel,
    open_market,
    order,
    replace_order,
    resolve,
    retry,
)


def market(**rules: int | str) -> Driver:
    """Anna has 500 t, Ben and Cara money, and Ben a few tonnes of his own."""
    driver = open_market(**rules)
    driver.admit("anna", tonnes=500)
    driver.admit("ben", fen=10_000_000, tonnes=20)
    driver.admit("cara", fen=10_000_000)
    return driver


def told(events: list[Event] | tuple[Event, ...], kind: type) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def is_retirement(instruction: Instruction) -> bool:
    return instruction.kind is InstructionKind.RETIRE


# ---- what an order may say --------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", RetirementPurpose)
def test_a_purchase_may_be_for_any_purpose(purpose: RetirementPurpose) -> None:
    driver = market()
    use = Use(purpose=purpose, beneficiary="somebody")
    driver.sell("anna", 10, 6_800)
    accepted = driver.order("ben", Side.BUY, 10, 6_800, use=use)[0]
    assert isinstance(accepted, OrderAccepted)
    assert accepted.use == use
    (delivery,) = driver.exchange.depository.movements.deliveries.values()
    assert delivery.use == use


def test_a_sale_is_for_no_use() -> None:
    driver = market()
    (refused,) = driver.order("anna", Side.SELL, 10, 6_800, use=EVENT)
    assert refused == Rejected(code="use_of_a_sale", limit=None, actual="voluntary_offset")


def test_the_same_order_for_another_use_is_another_order() -> None:
    driver = market()
    first = order("ben", Side.BUY, 10, 6_800, use=EVENT, client_id="once")
    driver.accepted(first)
    other = Use(purpose=EVENT.purpose, beneficiary=EVENT.beneficiary, statement="something else")
    for use in (None, other):
        (refused,) = driver.do(order("ben", Side.BUY, 10, 6_800, use=use, client_id="once"))
        assert isinstance(refused, Rejected)
        assert refused.code == "client_id_reused"
    assert isinstance(first, SubmitOrder)
    assert not any(isinstance(event, Rejected) for event in driver.do(first))


def test_a_replaced_order_keeps_its_use() -> None:
    driver = market()
    order_id = driver.buy("ben", 10, 6_700, EVENT)
    driver.sell("anna", 4, 6_700)
    for changed in (
        replace_order("ben", order_id, quantity_tonnes=9, client_id="less"),
        replace_order("ben", order_id, price_fen=6_750, quantity_tonnes=12, client_id="more"),
    ):
        assert isinstance(driver.accepted(changed)[0], OrderReplaced)
        assert driver.exchange.trading.open_orders[order_id].use == EVENT
    driver.sell("anna", 8, 6_750)
    assert [one.use for one in driver.exchange.depository.movements.deliveries.values()] == [EVENT, EVENT]


def test_a_use_rests_and_survives_a_snapshot() -> None:
    driver = market()
    order_id = driver.buy("ben", 10, 6_700, EVENT)
    again = Driver(Exchange.load(driver.exchange.dump()), at_ns=driver.at_ns)
    assert again.exchange.trading.open_orders[order_id].use == EVENT
    again.accepted(cancel("ben", order_id))
    assert again.cash("ben").available == 10_000_000


# ---- the day ----------------------------------------------------------------------------------------------------


def test_a_day_retires_what_was_bought_for_a_use_before_it_ends() -> None:
    driver = market()
    driver.sell("anna", 30, 6_800)
    driver.buy("ben", 10, 6_800, EVENT)
    driver.buy("cara", 20, 6_800)
    events = driver.close()
    (completed,) = told(events, RetirementCompleted)
    assert isinstance(completed, RetirementCompleted)
    assert (completed.account, completed.quantity_tonnes, completed.use) == ("ben", 10, EVENT)
    assert driver.exchange.trading_day == TUESDAY
    ben = driver.units("ben")
    assert (ben.available, ben.held, ben.delivering, ben.retired) == (20, 0, 0, 10)
    assert driver.units("cara").available == 20
    assert driver.exchange.pending_instructions() == ()


def test_what_was_bought_for_a_use_can_never_be_sold() -> None:
    driver = market(settlement_cycle="as_traded")
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800, EVENT)
    driver.answer(driver.exchange.pending_instructions()[0])
    (asked,) = driver.exchange.pending_instructions()

    def refused() -> tuple[object, object]:
        (event,) = driver.order("ben", Side.SELL, 21, 6_800)
        assert isinstance(event, Rejected)
        return event.code, event.actual if event.limit is None else event.limit

    before = refused()
    assert before[0] == "insufficient_units"
    driver.answer(asked, "account_frozen")
    assert refused() == before
    driver.accepted(retry("trade-1"))
    driver.answer(driver.exchange.pending_instructions()[0])
    assert refused() == before
    driver.close()
    assert refused() == before


def test_settled_as_traded_units_are_retired_at_once() -> None:
    driver = market(settlement_cycle="as_traded", resale_next_day="yes")
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800, EVENT)
    (delivery,) = driver.exchange.pending_instructions()
    settled = driver.answer(delivery)
    (asked,) = told(settled, MovementInstructed)
    assert isinstance(asked, MovementInstructed)
    assert asked.instruction.kind is InstructionKind.RETIRE
    assert asked.instruction.not_after_ns > driver.at_ns
    assert told(driver.answer(asked.instruction), RetirementCompleted)
    assert driver.exchange.trading_day == MONDAY
    assert driver.units("ben").retired == 10


def test_a_purchase_for_a_use_can_be_undone_before_its_delivery() -> None:
    driver = market()
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800, EVENT)
    driver.accepted(bust(1))
    assert driver.cash("ben").available == 10_000_000
    events = driver.close()
    assert not told(events, MovementInstructed)
    assert driver.units("ben").retired == 0


def test_a_failed_delivery_retires_nothing() -> None:
    driver = market()
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800, EVENT)
    events = driver.close(refuse=lambda _: ("account_frozen", 1))
    assert not told(events, RetirementCompleted)
    assert driver.exchange.trading_day == TUESDAY
    assert driver.units("anna").available == 500


# ---- the close waits --------------------------------------------------------------------------------------------


def in_delivery(*uses: Use | None) -> Driver:
    """Ben's purchases, one tonne each, their deliveries confirmed and their uses asked for; the close is under way."""
    driver = market()
    for use in uses:
        driver.sell("anna", 1, 6_800)
        driver.buy("ben", 1, 6_800, use)
    driver.accepted(CloseDay(trading_day=MONDAY))
    while driver.exchange.close_step is not CloseStep.REGISTRY:
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1_000))
    for instruction in driver.exchange.pending_instructions():
        driver.answer(instruction)
    return driver


def advance(driver: Driver) -> tuple[int, int]:
    """How far the step of the close says it is."""
    *_, report = told(driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1_000)), CloseStepAdvanced)
    assert isinstance(report, CloseStepAdvanced)
    assert 0 <= report.done <= report.total
    return report.done, report.total


def close_step(driver: Driver) -> CloseStep | None:
    """Where the close stands now."""
    return driver.exchange.close_step


def test_the_close_waits_for_every_retirement() -> None:
    driver = in_delivery(EVENT, None, EVENT)
    asked = driver.exchange.pending_instructions()
    assert [instruction.kind for instruction in asked] == [InstructionKind.RETIRE] * 2
    assert advance(driver) == (3, 5)
    driver.answer(asked[0])
    assert advance(driver) == (4, 5)
    assert close_step(driver) is CloseStep.REGISTRY
    driver.answer(asked[1])
    assert advance(driver) == (5, 5)
    assert close_step(driver) is CloseStep.DELIVERY


def test_the_close_does_not_wait_for_a_refused_retirement() -> None:
    driver = in_delivery(EVENT)
    (asked,) = driver.exchange.pending_instructions()
    assert told(driver.answer(asked, "account_frozen"), RetirementRefused)
    assert advance(driver) == (2, 2)
    driver.close()
    assert driver.exchange.trading_day == TUESDAY
    assert driver.units("ben").delivering == 1
    (instructed,) = told(driver.accepted(retry("trade-1")), MovementInstructed)
    assert isinstance(instructed, MovementInstructed)
    assert instructed.instruction.trading_day == TUESDAY
    driver.answer(instructed.instruction)
    assert driver.units("ben").retired == 1


def test_the_close_waits_for_a_retirement_that_came_too_late() -> None:
    driver = in_delivery(EVENT)
    driver.answer(driver.exchange.pending_instructions()[0], "too_late")
    assert advance(driver) == (1, 2)
    (again,) = driver.exchange.pending_instructions()
    driver.answer(again)
    assert advance(driver) == (2, 2)


def test_the_close_waits_for_what_is_asked_again_while_it_is_under_way() -> None:
    driver = in_delivery(EVENT, EVENT)
    first, second = driver.exchange.pending_instructions()
    driver.answer(first, "account_frozen")
    driver.answer(second)
    driver.close()
    driver.sell("anna", 1, 6_800)
    driver.buy("ben", 1, 6_800)
    driver.accepted(CloseDay(trading_day=TUESDAY))
    while driver.exchange.close_step is not CloseStep.REGISTRY:
        driver.accepted(AdvanceClose(trading_day=TUESDAY, portion=1_000))
    driver.accepted(retry("trade-1"))
    reports = told(driver.accepted(AdvanceClose(trading_day=TUESDAY, portion=1_000)), CloseStepAdvanced)
    assert [(one.done, one.total) for one in reports if isinstance(one, CloseStepAdvanced)] == [(0, 2)]
    driver.close()
    assert driver.units("ben").retired == 2


@pytest.mark.parametrize("portion", [1, 2, 3, 1_000])
@pytest.mark.parametrize("fault", [None, "account_frozen", "too_late"])
def test_a_close_gives_the_same_in_any_portion_and_from_any_snapshot(portion: int, fault: str | None) -> None:
    driver = market(fee_buyer_ppm=800, fee_seller_ppm=500)
    for number, use in enumerate((EVENT, None, EVENT, None, EVENT)):
        driver.sell("anna", 2 + number, 6_800)
        driver.buy("ben", 2 + number, 6_800, use)
    driver.accepted(CloseDay(trading_day=MONDAY))
    refused: set[str | None] = set()

    def refuse(instruction: Instruction) -> tuple[str, int | None] | None:
        if fault is None or not is_retirement(instruction) or instruction.retirement_id in refused:
            return None
        refused.add(instruction.retirement_id)
        return fault, None

    for command in driver.close_commands(portion=portion, refuse=refuse):
        driver.accepted(command)
        before = driver.exchange.dump()
        driver.exchange = Exchange.load(before)
        driver.exchange.check()
        assert driver.exchange.dump() == before
    for trade in (1, 3, 5):
        if fault == "account_frozen":
            (instructed,) = told(driver.accepted(retry(f"trade-{trade}")), MovementInstructed)
            assert isinstance(instructed, MovementInstructed)
            driver.answer(instructed.instruction)
    ben = driver.units("ben")
    assert (ben.available, ben.delivering, ben.retired) == (28, 0, 12)
    assert driver.cash("fees").available == sum(
        tonnes * 6_800 * ppm // 1_000_000 for tonnes in range(2, 7) for ppm in (800, 500)
    )


def test_an_operators_retry_needs_no_second_person() -> None:
    driver = market(two_person_acts="bust_trade, emergency_rules, halt", settlement_cycle="as_traded")
    driver.sell("anna", 1, 6_800)
    driver.buy("ben", 1, 6_800, EVENT)
    driver.answer(driver.exchange.pending_instructions()[0])
    driver.accepted(resolve(driver.exchange.pending_instructions()[0].instruction_id, "account_frozen"))
    assert told(driver.accepted(retry("trade-1")), MovementInstructed)


def test_a_settled_purchase_says_its_use_and_fees() -> None:
    driver = market(settlement_cycle="as_traded", fee_buyer_ppm=1_000, fee_seller_ppm=2_000)
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800, EVENT)
    (settled,) = told(driver.answer(driver.exchange.pending_instructions()[0]), DeliverySettled)
    assert isinstance(settled, DeliverySettled)
    assert (settled.use, settled.buyer_fee_fen, settled.seller_fee_fen) == (EVENT, 68, 136)
    assert settled.instrument == LISTING
    assert settled.trading_day == TradingDay(MONDAY)


def test_the_date_rolls_once_all_is_retired() -> None:
    driver = market()
    driver.sell("anna", 1, 6_800)
    driver.buy("ben", 1, 6_800, EVENT)
    kinds = [type(event) for event in driver.close()]
    assert kinds.index(RetirementCompleted) < kinds.index(DayClosed)
