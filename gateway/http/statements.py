"""An account's statement of a closed day, as JSON and as a table for a spreadsheet."""

import csv
from io import StringIO
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.statement_body import statement_body
from gateway.http import reasons
from gateway.http.problems import refusal
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import AccountName, Answer, Date, ListingCode, Money, Quantity, Request, Time

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
    last_entry: Annotated[int, Field(description="Of the journal: the one that cut the day's books.")]
    closed_at: Time
    opening: Holdings
    closing: Holdings
    fees: Annotated[Money, Field(description="Paid to the exchange that day.")]
    settled: list[SettledLine]
    events: Annotated[
        list[dict[str, Any]] | None,
        Field(
            description="Orders, trades and all else the account was told that day; absent where there are more than"
            " 50,000: they are at /v1/events."
        ),
    ]
    lots: list[OwnedLot]
    journal_digest: Annotated[
        str, Field(description="The journal's digest at its last entry: /v1/digests has it.")
    ]
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
    statements = call.services.history.statements
    statement = await statements.of(view.account, day) if await statements.issued(view.account, day) else None
    if statement is None:
        raise refusal(reasons.NOT_FOUND, actual=day)
    body = statement_body(statement, view.owner)
    return Reply(body) if query.format == "json" else _as_csv(body)


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
