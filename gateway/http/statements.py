"""An account's statement of a closed day, as JSON and as a table for a spreadsheet."""

import csv
from io import StringIO
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.entry import AccountEvent
from gateway.engine.statements import MOST_EVENTS, Statement, StatementLine, StatementTooLong, digest_of
from gateway.formats import money_text, quantity_text, time_text
from gateway.http import reasons
from gateway.http.problems import refusal
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import AccountName, Answer, Date, ListingCode, Money, Quantity, Request, Time
from gateway.http.statement_reasons import STATEMENT_TOO_LONG
from settlement.values import CASH

_COLUMNS: Final = ("time", "kind", "reference", "listing", "quantity", "amount", "counterparty")
"""Of the table; the members of a line."""


class Holdings(Answer):
    """What the account owned: money, and tonnes by listing."""

    cash: Money
    units: dict[ListingCode, Quantity]


class SettledLine(Answer):
    """One thing that settled: units and the money against them, or money alone. A minus is what left the account."""

    time: Time
    kind: str
    reference: str
    listing: ListingCode | None
    quantity: Annotated[str | None, Field(description="Tonnes received, or with a minus given.")]
    amount: Annotated[str, Field(description="Yuan received, or with a minus paid.")]
    counterparty: str


class OwnedLot(Answer):
    """Serials of a lot at the end of the day."""

    lot: str
    listing: ListingCode
    serials: list[tuple[int, int]]
    quantity: Quantity


class AccountStatement(Answer):
    """One account and one closed day. What there was, and every line, is what there is."""

    account: AccountName
    participant: str
    trading_day: Date
    first_entry: Annotated[int, Field(description="Of the journal: the day's first.")]
    last_entry: Annotated[int, Field(description="Of the journal: the one that closed the day.")]
    closed_at: Time
    opening: Holdings
    closing: Holdings
    fees: Annotated[Money, Field(description="Paid to the exchange that day.")]
    settled: list[SettledLine]
    events: Annotated[
        list[dict[str, Any]], Field(description="Orders, trades and all else the account was told that day.")
    ]
    lots: list[OwnedLot]
    journal_digest: Annotated[str, Field(description="The journal's digest when the day was closed.")]
    digest: Annotated[
        str, Field(description="SHA-256 of all other members as compact JSON, in order of name.")
    ]


class StatementQuery(Request):
    """Whose, and in which form."""

    account: AccountName | None = None
    format: Literal["json", "csv"] = "json"


async def get_statement(call: Call) -> Reply:
    """What a closed day did to the account."""
    query: StatementQuery = call.query or StatementQuery()
    view = call.own_account(query.account)
    day = call.path["date"]
    call.take(9)  # ten in all: it reads a whole day
    try:
        statement = await call.services.history.statements.of(view.account, day)
    except StatementTooLong:
        raise refusal(STATEMENT_TOO_LONG, limit=MOST_EVENTS) from None
    if statement is None:
        raise refusal(reasons.NOT_FOUND, actual=day)
    body = statement_body(statement, view.owner)
    return Reply(body) if query.format == "json" else _as_csv(body)


def statement_body(statement: Statement, participant: str) -> dict[str, Any]:
    """The statement with its digest, as it is handed out."""
    body = {
        "account": statement.account,
        "participant": participant,
        "trading_day": statement.trading_day,
        "first_entry": statement.from_seq,
        "last_entry": statement.until_seq,
        "closed_at": time_text(statement.closed_ns),
        "opening": _holdings(statement.opening),
        "closing": _holdings(statement.closing),
        "fees": money_text(-sum(line.amount for line in statement.lines if line.kind == "fee")),
        "settled": [_line(line) for line in statement.lines],
        "events": [_event(event) for event in statement.events],
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


def _as_csv(body: dict[str, Any]) -> Reply:
    """The lines that settled, between what there was and what there is."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for when, holdings in (("opening", body["opening"]), ("closing", body["closing"])):
        if when == "closing":
            writer.writerows([line[name] for name in _COLUMNS] for line in body["settled"])
        writer.writerow([None, when, None, None, None, holdings["cash"], None])
        writer.writerows(
            [None, when, None, listing, tonnes, None, None] for listing, tonnes in holdings["units"].items()
        )
    writer.writerow([None, "digest", body["digest"], None, None, None, None])
    return Reply(text.getvalue().encode(), content_type="text/csv; charset=utf-8")


ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/account/statements/{date}",
        handler=get_statement,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="What a closed day did to the account",
        tag="account",
        answer=AccountStatement,
        query=StatementQuery,
        path_parameters={"date": r"^\d{4}-\d\d-\d\d$"},
    ),
)
