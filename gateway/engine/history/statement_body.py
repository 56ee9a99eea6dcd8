"""An account's statement in the words it is handed out in, and the digest over them."""

from hashlib import sha256
from typing import Any

import orjson

from gateway.engine.entry import AccountEvent
from gateway.engine.history.statements import Statement, StatementLine
from gateway.formats import money_text, quantity_text, time_text
from settlement.values import CASH


def digest_of(body: dict[str, Any]) -> str:
    """SHA-256, in hex, of a statement's body without its digest: compact JSON in UTF-8, members in order of name."""
    told = {name: value for name, value in body.items() if name != "digest"}
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def statement_body(statement: Statement, participant: str) -> dict[str, Any]:
    """The statement with its digest, as it is handed out."""
    body = {
        "account": statement.account,
        "participant": participant,
        "trading_day": statement.trading_day,
        "first_entry": statement.from_seq,
        "last_entry": statement.until_seq,
        "closed_at": time_text(statement.cut_ns),
        "opening": _holdings(statement.opening),
        "closing": _holdings(statement.closing),
        "fees": money_text(-sum(line.amount for line in statement.lines if line.kind == "fee")),
        "settled": [_line(line) for line in statement.lines],
        "events": None if statement.events is None else [_event(event) for event in statement.events],
        "lots": [
            {
                "lot": lot.lot_id,
                "listing": lot.instrument,
                "serials": lot.serials,
                "quantity": quantity_text(sum(end - first for first, end in lot.serials)),
            }
            for lot in statement.lots
        ],
        "journal_digest": statement.journal_digest.hex(),
    }
    return {**body, "digest": digest_of(body)}


def _holdings(amounts: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    owned = dict(amounts)
    units = {asset: quantity_text(amount) for asset, amount in owned.items() if asset != CASH and amount}
    return {"cash": money_text(owned.get(CASH, 0)), "units": units}


def _line(line: StatementLine) -> dict[str, Any]:
    is_money = line.asset == CASH
    return {
        "time": time_text(line.at_ns),
        "kind": line.kind,
        "reference": line.reference,
        "listing": None if is_money else line.asset,
        "quantity": None if is_money else str(line.amount),
        "amount": money_text(line.amount if is_money else line.payment_fen),
        "counterparty": line.counterparty,
    }


def _event(event: AccountEvent) -> dict[str, Any]:
    told = {"event_id": event.event_id, "type": event.type, "time": time_text(event.at_ns)}
    return {**told, **orjson.loads(event.body)}
