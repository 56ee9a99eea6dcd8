"""A bank statement line by line: which agreed with what is booked, which did not, and what was missing on it."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.engine.history.statement_lines import MATCHED, StatementLineRecord, lines_of
from gateway.engine.paging import bounded, cursor_after, id_before
from gateway.engine.tables.bank_statements import StatementRecord
from gateway.formats import money_text
from gateway.http.operator_routes import reading
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.routing import Call, Reply
from gateway.http.shapes import AccountName, Answer, BankReference, Id, Money, Page


class StatementLine(Answer):
    """A line of a bank statement, or money booked here that is on none of its lines."""

    line: Annotated[int | None, Field(description="1, 2, 3 … on the statement; null where it lacks this.")]
    bank_reference: str
    account: Annotated[AccountName | None, Field(description="Whose money, as it is booked here.")]
    here: Annotated[Money | None, Field(description="Booked here; below zero where money left.")]
    there: Annotated[Money | None, Field(description="On the bank's statement.")]
    outcome: Literal["matched", "missing_here", "missing_there", "amount_differs", "repeated_there"]
    break_: Annotated[Id | None, Field(alias="break", description="The difference it opened.")]
    break_state: Literal["open", "closed"] | None
    ended_break: Annotated[
        Id | None, Field(description="The difference of an earlier statement that this line ended.")
    ]


class StatementLines(Answer):
    """Lines, in the statement's order; after them what is missing on it."""

    items: list[StatementLine]
    next: str | None


class StatementLinesQuery(Page):
    """Of which statement."""

    statement: Annotated[BankReference, Field(description="The bank's own number of it.")]
    only: Annotated[Literal["differences"] | None, Field(description="What did not agree.")] = None


async def list_statement_lines(call: Call) -> Reply:
    """What became of each line of a statement when it was held against what is booked."""
    query: StatementLinesQuery = call.query
    history = call.services.history.bank_statements
    statement = await history.statement(query.statement)
    if statement is None:
        raise refusal(reasons.NOT_FOUND, actual=query.statement)
    lines = await _lines(call, statement)
    if query.only is not None:
        lines = [one for one in lines if one.outcome != MATCHED]
    # Lines are counted from one, so that the cursor names the last one shown.
    first = 0 if query.after is None else id_before(query.after)
    end = first + bounded(query.limit)
    page = lines[first:end]
    closed = await history.closed([int(one.found.break_id) for one in page if one.found is not None])
    owners = await history.owners([one.reference for one in page])
    return Reply(
        {
            "items": [_body(one, closed, owners.get(one.reference)) for one in page],
            "next": cursor_after(end) if len(lines) > end else None,
        }
    )


async def _lines(call: Call, statement: StatementRecord) -> list[StatementLineRecord]:
    entry = await call.services.journal.entry(statement.seq)
    assert entry is not None, f"statement {statement.statement_id} is recorded by no entry {statement.seq}"
    return lines_of(entry)


def _body(one: StatementLineRecord, closed: frozenset[int], owner: str | None) -> dict[str, Any]:
    found = one.found
    state = None if found is None else "closed" if found.break_id in closed else "open"
    return {
        "line": one.line,
        "bank_reference": one.reference,
        "account": owner if found is None else found.account or owner,
        "here": None if one.here_fen is None else money_text(one.here_fen),
        "there": None if one.there_fen is None else money_text(one.there_fen),
        "outcome": one.outcome,
        "break": None if found is None else str(found.break_id),
        "break_state": state,
        "ended_break": None if one.ended_break is None else str(one.ended_break),
    }


ROUTES: Final = (
    reading(
        "/v1/operator/bank-statement-lines",
        list_statement_lines,
        "What became of each line of a bank statement",
        StatementLines,
        query=StatementLinesQuery,
    ),
)
