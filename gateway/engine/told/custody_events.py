"""What accounts are told of freezes, corrections, claims and deliveries that wait, in the API's own formats."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import orjson

from gateway.engine.entry import Entry
from gateway.engine.views.orders import OpenOrders
from gateway.formats import quantity_text
from settlement import serials as ranges
from settlement.custody_events import (
    ClaimDecided,
    ClaimOpened,
    FreezeLifted,
    FreezePlaced,
    FrozenUnitsChanged,
    RemovalCompleted,
    RemovalOpened,
    RemovalRefused,
    UnitsArrived,
)
from settlement.events import DeliveryParked

Line: TypeAlias = tuple[str, str, str]


def _freeze(_: Entry, event: FreezePlaced | FreezeLifted, __: OpenOrders, lines: list[Line]) -> None:
    """To the account it names; whose units a freeze of a whole lot takes hold of is told by how much of them."""
    if event.account is None:
        return
    freeze = event.freeze
    body = {
        "freeze_id": freeze.freeze_id,
        "source": freeze.source.value,
        "stops": "account" if freeze.stops_account else "units",
        "lot": freeze.lot_id,
        "serials": freeze.serials,
        "reason": freeze.reason if isinstance(event, FreezePlaced) else event.reason,
    }
    kind = "freeze_placed" if isinstance(event, FreezePlaced) else "freeze_lifted"
    lines.append((event.account, kind, _text(body)))


def _frozen(_: Entry, event: FrozenUnitsChanged, __: OpenOrders, lines: list[Line]) -> None:
    body = {"listing": event.instrument, "frozen": quantity_text(event.frozen_tonnes)}
    lines.append((event.account, "frozen_units_changed", _text(body)))


def _arrived(_: Entry, event: UnitsArrived, __: OpenOrders, lines: list[Line]) -> None:
    body = {
        "notice": str(event.notice_sequence),
        "listing": event.instrument,
        "quantity": quantity_text(event.quantity_tonnes),
        "lots": [{"lot": part.lot_id, "serials": part.serials} for part in event.lots],
    }
    lines.append((event.account, "units_arrived", _text(body)))


def _removal_opened(_: Entry, event: RemovalOpened, __: OpenOrders, lines: list[Line]) -> None:
    removal = event.removal
    body = {
        "removal_id": str(removal.removal_id),
        "lot": removal.lot_id,
        "serials": removal.serials,
        "quantity": quantity_text(ranges.count(removal.serials)),
        "reason": removal.reason,
    }
    lines.append((removal.account, "correction_opened", _text(body)))


def _removal_ended(
    _: Entry, event: RemovalCompleted | RemovalRefused, __: OpenOrders, lines: list[Line]
) -> None:
    body = {"removal_id": str(event.removal_id)}
    kind = "correction_completed"
    if isinstance(event, RemovalRefused):
        kind, body["reason"] = "correction_refused", event.code
    lines.append((event.account, kind, _text(body)))


def _claim_opened(_: Entry, event: ClaimOpened, __: OpenOrders, lines: list[Line]) -> None:
    claim = event.claim
    body = {
        "claim_id": str(claim.claim_id),
        "lot": claim.lot_id,
        "serials": claim.serials,
        "quantity": quantity_text(claim.quantity_tonnes),
        "reason": claim.reason,
    }
    lines.append((claim.against, "claim_opened", _text(body)))


def _claim_decided(_: Entry, event: ClaimDecided, __: OpenOrders, lines: list[Line]) -> None:
    body = {
        "claim_id": str(event.claim_id),
        "decision": event.decision.value,
        "state": event.state.value,
        "reason": event.reason,
    }
    lines.append((event.against, "claim_decided", _text(body)))


def _parked(_: Entry, event: DeliveryParked, __: OpenOrders, lines: list[Line]) -> None:
    for account, side in ((event.buyer, "buy"), (event.seller, "sell")):
        body = {"trade_id": str(event.trade_id), "side": side, "reason": event.code}
        lines.append((account, "delivery_parked", _text(body)))


RENDERERS: Final[dict[type, Callable[[Entry, Any, OpenOrders, list[Line]], None]]] = {
    FreezePlaced: _freeze,
    FreezeLifted: _freeze,
    FrozenUnitsChanged: _frozen,
    UnitsArrived: _arrived,
    RemovalOpened: _removal_opened,
    RemovalCompleted: _removal_ended,
    RemovalRefused: _removal_ended,
    ClaimOpened: _claim_opened,
    ClaimDecided: _claim_decided,
    DeliveryParked: _parked,
}
"""What each of these events is told as, beside those of `account_events`."""


def _text(body: dict[str, Any]) -> str:
    return orjson.dumps(body).decode()
