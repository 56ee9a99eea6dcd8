"""What is told of an order at each turn of its life."""

from matching.events import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderReplaced,
    OrderRested,
)
from matching.order import CancelReason, Order


def accepted(order: Order) -> OrderAccepted:
    """It has been taken."""
    return OrderAccepted(
        order_id=order.order_id,
        account=order.account,
        client_order_id=order.client_order_id,
        listing=order.listing,
        side=order.side,
        price_fen=order.price_fen,
        quantity_tonnes=order.quantity_tonnes,
        time_in_force=order.time_in_force,
        use=order.use,
    )


def rested(order: Order) -> OrderRested:
    """What remains stands in the book."""
    return OrderRested(
        order_id=order.order_id,
        listing=order.listing,
        side=order.side,
        price_fen=order.price_fen,
        remaining_tonnes=order.remaining_tonnes,
    )


def replaced(
    order: Order, *, before_price_fen: int, before_remaining_tonnes: int, kept_priority: bool
) -> OrderReplaced:
    """It is another order under the same id."""
    return OrderReplaced(
        order_id=order.order_id,
        account=order.account,
        client_order_id=order.client_order_id,
        listing=order.listing,
        side=order.side,
        before_price_fen=before_price_fen,
        before_remaining_tonnes=before_remaining_tonnes,
        price_fen=order.price_fen,
        quantity_tonnes=order.quantity_tonnes,
        remaining_tonnes=order.remaining_tonnes,
        kept_priority=kept_priority,
    )


def cancelled(order: Order, reason: CancelReason, *, was_resting: bool) -> OrderCancelled:
    """What remained was taken back."""
    return OrderCancelled(
        order_id=order.order_id,
        account=order.account,
        client_order_id=order.client_order_id,
        listing=order.listing,
        side=order.side,
        price_fen=order.price_fen,
        remaining_tonnes=order.remaining_tonnes,
        was_resting=was_resting,
        reason=reason,
    )


def expired(order: Order) -> OrderExpired:
    """The day closed on it."""
    return OrderExpired(
        order_id=order.order_id,
        account=order.account,
        client_order_id=order.client_order_id,
        listing=order.listing,
        side=order.side,
        price_fen=order.price_fen,
        remaining_tonnes=order.remaining_tonnes,
    )
