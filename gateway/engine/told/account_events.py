"""The account event log: what each account is told, in the API's own formats.

Every journaled entry yields a few lines for the accounts it concerns. The journal numbers them per account and
stores them with the entry, and REST, the private stream and its replay all serve these very lines.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, assert_never

import orjson

from gateway.engine.entry import Entry
from gateway.engine.told.custody_events import RENDERERS as CUSTODY_RENDERERS
from gateway.engine.told.negotiated_news import render_step
from gateway.engine.told.removed_units import is_removal
from gateway.engine.told.use_events import RENDERERS as USE_RENDERERS
from gateway.engine.views.negotiations import STEPS, Negotiations, Step
from gateway.engine.views.orders import NOT_FOR_THE_OWNER, OpenOrders, OrderView
from gateway.formats import money_text, price_text, quantity_text, time_text
from matching.commands import SubmitOrder
from matching.events import (
    AccountRestricted,
    LargeHolderNoted,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderReplaced,
    Rejected,
    RestrictionLifted,
    TradeBusted,
    Traded,
)
from matching.safety_events import SafetyTimerFired
from settlement.commands import DepositCash, RequestTransferIn, RequestTransferOut, RequestWithdrawal
from settlement.events import (
    AccountOpened,
    CashDeposited,
    DeliveryFailed,
    DeliverySettled,
    LotSlice,
    RetirementCompleted,
    RetirementRefused,
    TransferCompleted,
    TransferFailed,
    TransferRequested,
    WithdrawalPaid,
    WithdrawalRequested,
    WithdrawalReturned,
)
from settlement.mandate import ActedByMandate, MandateEnded, MandateGranted
from settlement.retirement import Use

Line: TypeAlias = tuple[str, str, str]
"""(account, type, JSON object)."""

ORDER_REPLACED: Final = "order_replaced"
"""Carries the whole order as it then stood, so that a replacement is answered alike whenever it is asked again."""


def render(entry: Entry, orders: OpenOrders, negotiations: Negotiations) -> list[Line]:
    """What the accounts of one entry are told.

    `orders` and `negotiations` are as far as the entry before, and are brought to this one: an order's own client id
    and remaining quantity are in none of the events of its later life, nor are a transfer's earlier rounds.
    """
    lines: list[Line] = []
    for event in entry.events:
        if type(event) in STEPS:
            assert isinstance(event, Step)
            lines.extend(render_step(entry, event, negotiations))
            continue
        render_one = _RENDERERS.get(type(event))
        if render_one is not None:
            render_one(entry, event, orders, lines)
    return lines


def _accepted(entry: Entry, event: OrderAccepted, orders: OpenOrders, lines: list[Line]) -> None:
    order = orders.accept(entry, event)
    body: dict[str, Any] = _order_body(order)
    body["time_in_force"] = order.time_in_force.value
    if order.use is not None:
        body["use"] = use_body(order.use)
    lines.append((order.account, "order_accepted", _text(body)))


def _rejected(entry: Entry, event: Rejected, orders: OpenOrders, lines: list[Line]) -> None:
    command = entry.command
    if isinstance(command, SubmitOrder) and event.code not in NOT_FOR_THE_OWNER:
        order = orders.reject(entry, command, event)
        body = _order_body(order)
        body["reason"] = event.code
        lines.append((order.account, "order_rejected", _text(body)))


def _traded(entry: Entry, event: Traded, orders: OpenOrders, lines: list[Line]) -> None:
    for order in orders.trade(entry, event):
        body = {
            "order_id": str(order.order_id),
            "client_order_id": order.client_order_id,
            "participant": order.participant,
            "trade_id": str(event.trade_id),
            "listing": order.listing,
            "side": order.side.value,
            "price": price_text(event.price_fen),
            "quantity": quantity_text(event.quantity_tonnes),
            "remaining": quantity_text(order.remaining_tonnes),
            "status": order.status,
        }
        lines.append((order.account, "order_traded", _text(body)))


def _replaced(entry: Entry, event: OrderReplaced, orders: OpenOrders, lines: list[Line]) -> None:
    order = orders.replace(entry, event)
    body: dict[str, Any] = {
        **_order_body(order),
        "time_in_force": order.time_in_force.value,
        "created_at": time_text(order.at_ns),
        "price_before": price_text(event.before_price_fen),
        "remaining_before": quantity_text(event.before_remaining_tonnes),
        "kept_priority": event.kept_priority,
        "turnover": money_text(order.turnover_fen),
    }
    if order.use is not None:
        body["use"] = use_body(order.use)
    lines.append((order.account, ORDER_REPLACED, _text(body)))


def _ended(entry: Entry, event: OrderCancelled | OrderExpired, orders: OpenOrders, lines: list[Line]) -> None:
    order = orders.end(entry, event)
    body = _order_body(order)
    if order.reason is not None:
        body["reason"] = order.reason
    lines.append((order.account, f"order_{order.status}", _text(body)))


def _opened(_: Entry, event: AccountOpened, __: OpenOrders, lines: list[Line]) -> None:
    body = {"participant": event.owner, "registry_account": event.registry_account}
    lines.append((event.account, "account_opened", _text(body)))


def _deposited(entry: Entry, event: CashDeposited, _: OpenOrders, lines: list[Line]) -> None:
    assert isinstance(entry.command, DepositCash), "money came by itself"
    body = {
        "client_id": entry.command.client_id,
        "participant": entry.command.participant,
        "amount": money_text(event.amount_fen),
        "bank_reference": event.bank_reference,
    }
    lines.append((event.account, "cash_deposited", _text(body)))


def _withdrawal(
    entry: Entry,
    event: WithdrawalRequested | WithdrawalPaid | WithdrawalReturned,
    _: OpenOrders,
    lines: list[Line],
) -> None:
    body = {"withdrawal_id": event.withdrawal_id, "amount": money_text(event.amount_fen)}
    match event:
        case WithdrawalRequested():
            assert isinstance(entry.command, RequestWithdrawal), "money left by itself"
            kind = "withdrawal_requested"
            body |= {"client_id": event.client_id, "participant": entry.command.participant}
        case WithdrawalPaid():
            kind, body["bank_reference"] = "withdrawal_paid", event.bank_reference
        case _:
            kind, body["reason"] = "withdrawal_returned", event.reason
    lines.append((event.account, kind, _text(body)))


def _requested(entry: Entry, event: TransferRequested, _: OpenOrders, lines: list[Line]) -> None:
    assert isinstance(entry.command, RequestTransferIn | RequestTransferOut), "a transfer came by itself"
    body = {
        "transfer_id": event.instruction_id,
        "client_id": event.client_id,
        "participant": entry.command.participant,
        "kind": event.kind.value,
        "listing": event.instrument,
        "quantity": quantity_text(event.quantity_tonnes),
        "lots": _lots(transferred(entry, event)),
    }
    lines.append((event.account, "transfer_requested", _text(body)))


def transferred(entry: Entry, event: TransferRequested) -> tuple[LotSlice, ...]:
    """Which units a transfer is of. Those of the first transfers in stand in their commands alone."""
    if event.lots:
        return event.lots
    assert isinstance(entry.command, RequestTransferIn), "a transfer of nothing"
    return entry.command.lots


def _completed(entry: Entry, event: TransferCompleted, __: OpenOrders, lines: list[Line]) -> None:
    if is_removal(entry):
        return
    body = {
        "transfer_id": event.instruction_id,
        "kind": event.kind.value,
        "listing": event.instrument,
        "quantity": quantity_text(event.quantity_tonnes),
    }
    lines.append((event.account, "transfer_completed", _text(body)))


def _failed(_: Entry, event: TransferFailed, __: OpenOrders, lines: list[Line]) -> None:
    body = {"transfer_id": event.instruction_id, "kind": event.kind.value, "reason": event.code}
    lines.append((event.account, "transfer_failed", _text(body)))


def _delivered(_: Entry, event: DeliverySettled | DeliveryFailed, __: OpenOrders, lines: list[Line]) -> None:
    body: dict[str, Any] = {
        "trade_id": str(event.trade_id),
        "listing": event.instrument,
        "quantity": quantity_text(event.quantity_tonnes),
        "amount": money_text(event.amount_fen),
    }
    if isinstance(event, DeliverySettled):
        kind, body["lots"] = "delivery_settled", _lots(event.lots)
    else:
        kind, body["reason"] = "delivery_failed", event.code
    for account, side in ((event.buyer, "buy"), (event.seller, "sell")):
        lines.append((account, kind, _text({**body, "side": side})))


def _retired(
    _: Entry, event: RetirementCompleted | RetirementRefused, __: OpenOrders, lines: list[Line]
) -> None:
    body: dict[str, Any] = {
        "retirement_id": event.retirement_id,
        "listing": event.instrument,
        "quantity": quantity_text(event.quantity_tonnes),
        **use_body(event.use),
    }
    if isinstance(event, RetirementCompleted):
        kind, body["lots"] = "retirement_completed", _lots(event.lots)
    else:
        kind, body["reason"] = "retirement_refused", event.code
    lines.append((event.account, kind, _text(body)))


def _busted(_: Entry, event: TradeBusted, __: OpenOrders, lines: list[Line]) -> None:
    body = {
        "trade_id": str(event.trade_id),
        "listing": event.listing,
        "quantity": quantity_text(event.quantity_tonnes),
        "amount": money_text(event.amount_fen),
        "reason": event.reason,
    }
    for account, side in ((event.buyer, "buy"), (event.seller, "sell")):
        lines.append((account, "trade_busted", _text({**body, "side": side})))


def _timer_fired(_: Entry, event: SafetyTimerFired, __: OpenOrders, lines: list[Line]) -> None:
    body = {"reason": event.reason.value, "timer": event.name, "orders": event.count}
    lines.append((event.account, "safety_timer_fired", _text(body)))


def _restricted(
    _: Entry, event: AccountRestricted | RestrictionLifted, __: OpenOrders, lines: list[Line]
) -> None:
    kind = "account_restricted" if isinstance(event, AccountRestricted) else "restriction_lifted"
    lines.append((event.account, kind, _text({"reason": event.reason})))


def _mandated(
    _: Entry, event: MandateGranted | MandateEnded | ActedByMandate, __: OpenOrders, lines: list[Line]
) -> None:
    mandate = event.mandate if isinstance(event, MandateGranted) else event
    body: dict[str, Any] = {"mandate": str(mandate.mandate_id), "participant": mandate.participant}
    match event:
        case MandateGranted(mandate=granted):
            kind = "mandate_granted"
            body |= {"actions": [action.value for action in granted.actions]}
            body |= {"until": time_text(granted.until_ns)}
        case MandateEnded():
            kind, body = "mandate_ended", body | {"end": event.end.value, "reason": event.reason}
        case ActedByMandate():
            kind, body = "acted_by_mandate", body | {"client_id": event.client_id}
        case _:
            assert_never(event)
    lines.append((mandate.account, kind, _text(body)))


def _large_holder(_: Entry, event: LargeHolderNoted, __: OpenOrders, lines: list[Line]) -> None:
    body = {
        "listing": event.listing,
        "position": quantity_text(event.position_tonnes),
        "threshold": quantity_text(event.threshold_tonnes),
    }
    lines.append((event.account, "large_holder_noted", _text(body)))


_RENDERERS: Final[dict[type, Callable[[Entry, Any, OpenOrders, list[Line]], None]]] = {
    **USE_RENDERERS,
    OrderAccepted: _accepted,
    Rejected: _rejected,
    Traded: _traded,
    OrderReplaced: _replaced,
    OrderCancelled: _ended,
    OrderExpired: _ended,
    AccountOpened: _opened,
    CashDeposited: _deposited,
    WithdrawalRequested: _withdrawal,
    WithdrawalPaid: _withdrawal,
    WithdrawalReturned: _withdrawal,
    TransferRequested: _requested,
    TransferCompleted: _completed,
    TransferFailed: _failed,
    DeliverySettled: _delivered,
    DeliveryFailed: _delivered,
    RetirementCompleted: _retired,
    RetirementRefused: _retired,
    TradeBusted: _busted,
    SafetyTimerFired: _timer_fired,
    AccountRestricted: _restricted,
    RestrictionLifted: _restricted,
    LargeHolderNoted: _large_holder,
    MandateGranted: _mandated,
    MandateEnded: _mandated,
    ActedByMandate: _mandated,
    **CUSTODY_RENDERERS,
}


def _order_body(order: OrderView) -> dict[str, str]:
    return {
        "order_id": str(order.order_id),
        "client_order_id": order.client_order_id,
        "participant": order.participant,
        "listing": order.listing,
        "side": order.side.value,
        "price": price_text(order.price_fen),
        "quantity": quantity_text(order.quantity_tonnes),
        "remaining": quantity_text(order.remaining_tonnes),
        "status": order.status,
    }


def use_body(use: Use) -> dict[str, str]:
    """A use, as every answer writes it."""
    return {"purpose": use.purpose.value, "beneficiary": use.beneficiary, "statement": use.statement}


def _lots(lots: tuple[LotSlice, ...]) -> list[dict[str, Any]]:
    return [{"lot": part.lot_id, "serials": part.serials} for part in lots]


def _text(body: dict[str, Any]) -> str:
    return orjson.dumps(body).decode()
