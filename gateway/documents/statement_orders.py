"""The orders and trades of a statement, a line each, in the order the account was told of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from gateway.documents.document import Words

TOLD: Final[dict[str, Words]] = {
    "order_accepted": ("委托受理", "accepted"),
    "order_rejected": ("委托拒绝", "rejected"),
    "order_traded": ("成交", "traded"),
    "order_replaced": ("改单", "replaced"),
    "order_cancelled": ("撤单", "cancelled"),
    "order_expired": ("过期", "expired"),
    "negotiated_executed": ("协议成交", "negotiated"),
    "trade_busted": ("成交撤销", "undone"),
}
"""What is told of orders and trades; everything else of the account's log stands in the statement's JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderLine:
    """What became of an order, or a trade. What does not apply is empty."""

    time: str
    kind: str
    """One of `TOLD`."""

    order: str
    """The order's number, or the negotiated transfer's."""

    trade: str
    listing: str
    side: str
    """`buy` or `sell`: the account's own."""

    price: str
    """Yuan a tonne."""

    quantity: str
    """Tonnes: of a trade those traded, else those of the order."""

    remaining: str
    """Tonnes of the order that are still open."""


def order_lines(body: dict[str, Any]) -> Iterator[OrderLine]:
    """Of a statement as JSON; none where it left its events out."""
    for event in body["events"] or ():
        if event["type"] == "negotiated_executed":
            yield _negotiated(body["account"], event)
        elif event["type"] in TOLD:
            yield OrderLine(
                time=event["time"],
                kind=event["type"],
                order=event.get("order_id") or "",
                trade=event.get("trade_id") or "",
                listing=event["listing"],
                side=event["side"],
                price=event.get("price") or "",
                quantity=event["quantity"],
                remaining=event.get("remaining") or "",
            )


def _negotiated(account: str, event: dict[str, Any]) -> OrderLine:
    transfer = event["negotiated_transfer"]
    return OrderLine(
        time=event["time"],
        kind=event["type"],
        order=transfer["id"],
        trade=transfer["trade_id"],
        listing=transfer["listing"],
        side="buy" if transfer["buyer"] == account else "sell",
        price=transfer["price"],
        quantity=transfer["quantity"],
        remaining="",
    )
