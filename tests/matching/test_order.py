"""The life of an order: every pair of status and step, those in the table and those absent."""

from itertools import product

import pytest

from matching.order import LIFE, Order, OrderId, OrderStatus, OrderStep, Side, TimeInForce
from settlement.values import AccountId, AssetCode, ParticipantId

AFTER = {
    OrderStep.TRADE_PART: OrderStatus.PARTIALLY_FILLED,
    OrderStep.TRADE_REST: OrderStatus.FILLED,
    OrderStep.CANCEL: OrderStatus.CANCELLED,
    OrderStep.EXPIRE: OrderStatus.EXPIRED,
}
OPEN = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


def an_order(status: OrderStatus = OrderStatus.NEW, side: Side = Side.BUY) -> Order:
    return Order(
        order_id=OrderId(1),
        account=AccountId("a"),
        owner=ParticipantId("p"),
        client_order_id="c",
        listing=AssetCode("U"),
        side=side,
        price_fen=7,
        quantity_tonnes=10,
        remaining_tonnes=10,
        time_in_force=TimeInForce.DAY,
        status=status,
    )


@pytest.mark.parametrize(("status", "step"), list(product(OrderStatus, OrderStep)))
def test_an_order_goes_only_where_the_table_says(status: OrderStatus, step: OrderStep) -> None:
    order = an_order(status)
    if status in OPEN:
        order.step(step)
        assert order.status is AFTER[step]
    else:
        with pytest.raises(KeyError):
            order.step(step)
        assert order.status is status


def test_the_table_has_nothing_else() -> None:
    assert set(LIFE) == set(product(OPEN, OrderStep))


def test_fills_lead_from_new_over_partly_filled_to_filled() -> None:
    order = an_order()
    seen = [order.status]
    for tonnes in (4, 5, 1):
        order.fill(tonnes, 7)
        seen.append(order.status)
    part = OrderStatus.PARTIALLY_FILLED
    assert seen == [OrderStatus.NEW, part, part, OrderStatus.FILLED]


@pytest.mark.parametrize("tonnes", [0, -1, 11])
def test_an_order_cannot_be_overfilled(tonnes: int) -> None:
    order = an_order()
    with pytest.raises(AssertionError, match="overfilled"):
        order.fill(tonnes, 7)
    assert (order.remaining_tonnes, order.status) == (10, OrderStatus.NEW)


def test_cover_is_money_for_a_buyer_and_tonnes_for_a_seller() -> None:
    assert an_order(side=Side.BUY).cover == 70
    assert an_order(side=Side.SELL).cover == 10
