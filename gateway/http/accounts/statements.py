"""An account's statement of a closed day, as JSON and as a table for a spreadsheet."""

import csv
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from io import StringIO
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.documents.statement import rows_of, statement_document
from gateway.documents.statement_orders import OrderLine, order_lines
from gateway.engine.history.statement_body import statement_body
from gateway.formats import parse_date
from gateway.http.printing import CSV, PDF, harmless, printed
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.refusals.statement_reasons import STATEMENT_TOO_LONG
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import AccountName, Answer, Date, ListingCode, Money, Quantity, Request, Time

_COLUMNS: Final = (
    "time",
    "kind",
    "reference",
    "listing",
    "quantity",
    "amount",
    "counterparty",
    "trade",
    "side",
    "price",
    "remaining",
    "serials",
)
"""Of the table. The first seven are the members of a line that settled."""

MOST_ROWS_PRINTED: Final = 3_000
"""Of a statement on paper: some seventy pages, set in a few seconds."""


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


class StatementCheck(Answer):
    """Whether a digest is that of a statement we issued."""

    trading_day: Date
    digest: str
    issued: bool


class StatementQuery(Request):
    """Whose, and in which form."""

    account: AccountName | None = None
    format: Literal["json", "csv", "pdf"] = "json"


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
    match query.format:
        case "json":
            return Reply(body)
        case "csv":
            return _as_csv(body)
        case "pdf":
            if rows_of(body) > MOST_ROWS_PRINTED:
                raise refusal(STATEMENT_TOO_LONG, limit=MOST_ROWS_PRINTED, actual=rows_of(body))
            return await printed(call, statement_document(body), f"{view.account}-{day}")


def _as_csv(body: dict[str, Any]) -> Reply:
    """What there was, orders and trades, what settled, what there is, lot by lot; the last row proves those before it."""
    text = StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    writer.writerows(_csv_owned("opening", body["opening"]))
    writer.writerows(harmless(_csv_order(line)) for line in order_lines(body))
    writer.writerows(harmless(line) for line in body["settled"])
    writer.writerows(_csv_owned("closing", body["closing"]))
    writer.writerows(harmless(_csv_lot(lot)) for lot in body["lots"])
    told = {"kind": "digest", "reference": body["digest"], "counterparty": body["account"]}
    writer.writerow({"time": body["trading_day"], **told})
    table_digest = sha256(text.getvalue().encode()).hexdigest()
    writer.writerow({"kind": "table_digest", "reference": table_digest})
    return Reply(text.getvalue().encode(), content_type=CSV)


def _csv_owned(when: str, holdings: dict[str, Any]) -> Iterator[dict[str, str]]:
    yield {"kind": when, "amount": holdings["cash"]}
    for listing, tonnes in holdings["units"].items():
        yield {"kind": when, "listing": listing, "quantity": tonnes}


def _csv_order(line: OrderLine) -> dict[str, str]:
    row = asdict(line)
    return {"reference": row.pop("order"), **row}


def _csv_lot(lot: dict[str, Any]) -> dict[str, str]:
    serials = " ".join(f"[{first}, {end})" for first, end in lot["serials"])
    told = {"listing": lot["listing"], "quantity": lot["quantity"], "serials": serials}
    return {"kind": "lot", "reference": lot["lot"], **told}


async def check_statement(call: Call) -> Reply:
    """Whether a statement with this digest was ever issued for the day. Of whom, only who holds it knows."""
    digest = call.path["digest"].lower()
    try:
        day = parse_date(call.path["date"])
    except ValueError:
        raise refusal(reasons.NOT_FOUND, actual=call.path["date"]) from None
    issued = await call.services.history.statements.is_issued(day, digest)
    return Reply({"trading_day": day, "digest": digest, "issued": issued})


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
        also=(CSV, PDF),
        path_parameters={"date": r"^\d{4}-\d\d-\d\d$"},
    ),
    Route(
        method="GET",
        path="/v1/statements/{date}/{digest}",
        handler=check_statement,
        scope="public",
        kind=ActionKind.PUBLIC,
        summary="Whether a statement was issued by the exchange",
        tag="account",
        answer=StatementCheck,
        path_parameters={"date": r"^\d{4}-\d\d-\d\d$", "digest": "^[0-9a-fA-F]{64}$"},
    ),
)
