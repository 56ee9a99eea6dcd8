"""The settlement bank's statements: sent in as files, held against what is booked, and what differs settled."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.bank.camt053 import read_camt053
from gateway.bank.csv_statement import read_csv
from gateway.bank.reading import MAX_BYTES, StatementFault
from gateway.engine.tables.bank_statements import CashBreakRecord, StatementRecord
from gateway.formats import money_text, time_text
from gateway.http.approvals import act
from gateway.http.operator_routes import acting, reading
from gateway.http.refusals.problems import refusal
from gateway.http.refusals.statement_reasons import STATEMENT_MALFORMED
from gateway.http.replays import raise_if_refused, replay_headers
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import (
    DIGITS_PATTERN,
    AccountName,
    Answer,
    Id,
    Money,
    Name,
    OperatorRequest,
    OwnId,
    Page,
    Text,
    Time,
)
from matching.acts import SettleCashBreak, SupersedeBankStatement
from settlement.bank_statement import BankStatement, CashBreakId
from settlement.cash_events import BankStatementRecorded
from settlement.commands import RecordBankStatement

CREATED: Final = 201

READERS: Final[Mapping[str, Callable[[bytes], BankStatement]]] = {
    "camt.053": read_camt053,
    "csv": read_csv,
}


class StatementFile(OwnId):
    """A bank statement as the bank sent it."""

    format: Literal["camt.053", "csv"]
    content: Annotated[str, Field(min_length=1, max_length=MAX_BYTES, description="The file's text.")]


class Supersession(Answer):
    """Why a statement tells nothing any more."""

    operator: Name
    reason: str
    time: Time


class Statement(Answer):
    """A statement that was held against what is booked."""

    id: Annotated[str, Field(description="The bank's own number.")]
    time: Time
    from_: Annotated[Time, Field(alias="from")]
    until: Time
    opening: Money
    closing: Money
    lines: int
    differences: Annotated[int, Field(description="Breaks it opened.")]
    open_breaks: Annotated[int, Field(description="All that were open after it; zero is a day that agrees.")]
    digest: Annotated[str, Field(description="SHA-256 of the file, in hex.")]
    superseded: Annotated[
        Supersession | None, Field(description="Where it was wrong, and is as if it had never come.")
    ]


class Statements(Answer):
    """Statements, newest first."""

    items: list[Statement]
    next: str | None


class CashBreakSettlement(Answer):
    """How a difference ended: by an operator with a reason, or by itself."""

    operator: Name | None
    reason: str | None
    time: Time


class CashBreak(Answer):
    """A difference between our money and the bank's."""

    id: Id
    state: Literal["open", "closed"]
    kind: Literal["missing_here", "missing_there", "amount_differs", "repeated_there"]
    bank_reference: str
    account: AccountName | None
    here: Annotated[Money | None, Field(description="Booked here; below zero where money left.")]
    there: Annotated[Money | None, Field(description="On the bank's statement.")]
    statement: str
    found_at: Time
    end: CashBreakSettlement | None


class CashBreaks(Answer):
    """Differences, newest first."""

    items: list[CashBreak]
    next: str | None


class CashBreaksQuery(Page):
    """Which differences."""

    state: Literal["open", "closed"] | None = None


class SupersedeRequest(OperatorRequest):
    """The statement that was imported last, and what is wrong with it."""

    statement: Annotated[str, Field(min_length=1, max_length=64, description="The bank's own number.")]
    reason: Text


class SupersededStatement(Answer):
    """The statement tells nothing any more; the right one can be imported, under the same number if need be."""

    statement: Statement


class SettledCashBreak(Answer):
    """The difference is settled."""

    break_: Annotated[Id, Field(alias="break")]
    state: Literal["closed"]
    reason: str
    time: Time


async def take_statement(call: Call) -> Reply:
    """Hold a statement against what is booked, line by line. The same file again is answered as before."""
    body: StatementFile = call.body
    try:
        # A long file takes a while to read: others are served meanwhile.
        statement = await asyncio.to_thread(READERS[body.format], body.content.encode())
    except StatementFault as fault:
        raise refusal(STATEMENT_MALFORMED, pointer="/content", actual=str(fault)) from None
    entry = await call.submit(RecordBankStatement(operator=call.participant, statement=statement))
    raise_if_refused(entry)
    replayed = not any(isinstance(event, BankStatementRecorded) for event in entry.events)
    found = await call.services.history.bank_statements.statement(statement.statement_id)
    assert found is not None, f"statement {statement.statement_id} is recorded and not in its table"
    return Reply(_statement(found), status=CREATED, headers=replay_headers(replayed=replayed))


async def list_statements(call: Call) -> Reply:
    """Statements, newest first."""
    query: Page = call.query or Page()
    page = await call.services.history.bank_statements.statements(after=query.after, limit=query.limit)
    return Reply({"items": [_statement(record) for record in page.items], "next": page.next})


def _statement(record: StatementRecord) -> dict[str, Any]:
    return {
        "id": record.statement_id,
        "time": time_text(record.at_ns),
        "from": time_text(record.from_ns),
        "until": time_text(record.until_ns),
        "opening": money_text(record.opening_fen),
        "closing": money_text(record.closing_fen),
        "lines": record.lines,
        "differences": record.differences,
        "open_breaks": record.open_breaks,
        "digest": record.digest,
        "superseded": _supersession(record),
    }


def _supersession(record: StatementRecord) -> dict[str, Any] | None:
    if record.superseded_ns is None:
        return None
    return {
        "operator": record.operator,
        "reason": record.reason,
        "time": time_text(record.superseded_ns),
    }


async def supersede_statement(call: Call) -> Reply:
    """Have the statement imported last be as if it had never come: its differences end, what it showed waits again.

    For a statement that is wrong in itself, such as one of another day. What was booked since stays booked.
    """
    number: str = call.body.statement
    command = SupersedeBankStatement(operator=call.participant, reason=call.body.reason, statement_id=number)
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    found = await call.services.history.bank_statements.statement(number)
    assert found is not None, f"statement {number} is superseded and not in its table"
    return Reply({"statement": _statement(found)})


async def list_cash_breaks(call: Call) -> Reply:
    """Differences between our money and the bank's, newest first."""
    query: CashBreaksQuery = call.query or CashBreaksQuery()
    is_open = None if query.state is None else query.state == "open"
    page = await call.services.history.bank_statements.breaks(
        is_open=is_open, after=query.after, limit=query.limit
    )
    return Reply({"items": [_break(record) for record in page.items], "next": page.next})


def _break(record: CashBreakRecord) -> dict[str, Any]:
    end = None
    if record.closed_ns is not None:
        end = {"operator": record.operator, "reason": record.reason, "time": time_text(record.closed_ns)}
    return {
        "id": str(record.break_id),
        "state": "open" if end is None else "closed",
        "kind": record.kind,
        "bank_reference": record.reference,
        "account": record.account,
        "here": None if record.here_fen is None else money_text(record.here_fen),
        "there": None if record.there_fen is None else money_text(record.there_fen),
        "statement": record.statement_id,
        "found_at": time_text(record.at_ns),
        "end": end,
    }


async def settle_cash_break(call: Call) -> Reply:
    """Say that a difference of money is settled, and how. Its account can withdraw again."""
    number, reason = call.path["break_id"], call.body.reason
    command = SettleCashBreak(operator=call.participant, reason=reason, break_id=CashBreakId(int(number)))
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    return Reply({"break": number, "state": "closed", "reason": reason, "time": time_text(done.at_ns)})


ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/bank/statements",
        handler=take_statement,
        scope=Scope.BANK,
        kind=ActionKind.TRANSFER,
        summary="Hold a bank statement against what is booked",
        tag="bank",
        body=StatementFile,
        answer=Statement,
        status=CREATED,
        limit_bytes=MAX_BYTES,
        core_knows_ids=False,
    ),
    reading(
        "/v1/operator/bank-statements",
        list_statements,
        "Bank statements held against what is booked, newest first",
        Statements,
        query=Page,
    ),
    acting(
        "/v1/operator/bank-statements/supersede",
        supersede_statement,
        "Supersede the bank statement that was imported last",
        SupersededStatement,
        body=SupersedeRequest,
    ),
    reading(
        "/v1/operator/cash-breaks",
        list_cash_breaks,
        "Differences with the settlement bank's money, newest first",
        CashBreaks,
        query=CashBreaksQuery,
    ),
    acting(
        "/v1/operator/cash-breaks/{break_id}/resolve",
        settle_cash_break,
        "Say that a difference of money is settled, and how",
        SettledCashBreak,
        path_parameters={"break_id": DIGITS_PATTERN},
    ),
)
