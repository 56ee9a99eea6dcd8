"""The life of a delivery: every pair of state and step, those in the table and those absent."""

from itertools import product

import pytest

from settlement.delivery import LIFE, Delivery, DeliveryState, DeliveryStep
from settlement.values import AccountId, AssetCode, TradeId, TradingDay
from tests.life import goes_only_where_drawn

PENDING, WAITING = DeliveryState.PENDING, DeliveryState.WAITING
INSTRUCTED, PARKED = DeliveryState.INSTRUCTED, DeliveryState.PARKED
EXPECTED = {
    (PENDING, DeliveryStep.INSTRUCT): INSTRUCTED,
    (INSTRUCTED, DeliveryStep.SETTLE): DeliveryState.SETTLED,
    (INSTRUCTED, DeliveryStep.FAIL): DeliveryState.FAILED,
    (INSTRUCTED, DeliveryStep.RETURN): PENDING,
    (PENDING, DeliveryStep.BUST): DeliveryState.BUSTED,
    (PENDING, DeliveryStep.FAIL): DeliveryState.FAILED,
    (INSTRUCTED, DeliveryStep.PARK): PARKED,
    (PENDING, DeliveryStep.WAIT): WAITING,
    (PENDING, DeliveryStep.PARK): PARKED,
    (WAITING, DeliveryStep.INSTRUCT): INSTRUCTED,
    (WAITING, DeliveryStep.FAIL): DeliveryState.FAILED,
    (WAITING, DeliveryStep.BUST): DeliveryState.BUSTED,
    (WAITING, DeliveryStep.PARK): PARKED,
    (PARKED, DeliveryStep.RETRY): PENDING,
    (PARKED, DeliveryStep.UNWIND): DeliveryState.FAILED,
}


def delivery(state: DeliveryState) -> Delivery:
    return Delivery(
        trade_id=TradeId(1),
        trading_day=TradingDay("2026-11-23"),
        instrument=AssetCode("U"),
        seller=AccountId("s"),
        buyer=AccountId("b"),
        quantity_tonnes=1,
        amount_fen=1,
        resale_next_day=False,
        state=state,
    )


@pytest.mark.parametrize(("state", "step"), list(product(DeliveryState, DeliveryStep)))
def test_a_delivery_goes_only_where_the_table_says(state: DeliveryState, step: DeliveryStep) -> None:
    goes_only_where_drawn(delivery(state), step, EXPECTED)


def test_the_table_has_nothing_else() -> None:
    assert LIFE == EXPECTED
