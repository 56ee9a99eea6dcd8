"""A bank statement as CSV, for banks that send no camt.053.

    statement,2026-11-23
    account,310066-0001
    from,2026-11-23
    to,2026-11-23
    opening,0.00
    closing,685.00
    reference,amount
    BANK-1,1000.00
    BANK-2,-315.00

The head in this order, then one line an entry; money that left has a minus. UTF-8, with or without a mark in front.
"""

import csv
from collections.abc import Iterator
from hashlib import sha256
from io import StringIO
from typing import Final

from gateway.bank.reading import MAX_LINES, StatementFault, day_ns, end_ns, fen, name
from settlement.bank_statement import BankStatement, StatementLine

HEAD: Final = ("statement", "account", "from", "to", "opening", "closing")
COLUMNS: Final = ["reference", "amount"]
PAIR: Final = 2


def read_csv(content: bytes) -> BankStatement:
    """The statement this file is.

    Raises:
        StatementFault: a line is not what stands above.
    """
    rows = _rows(content)
    head = {key: _value(rows, key) for key in HEAD}
    number, columns = next(rows, (len(HEAD) + 1, []))
    if columns != COLUMNS:
        raise StatementFault(f"line {number}", f"not the heading {','.join(COLUMNS)}")
    from_ns = day_ns(head["from"], "line 3")
    return BankStatement(
        statement_id=name(head["statement"], "line 1", "number of the statement"),
        bank_account=name(head["account"], "line 2", "account"),
        from_ns=from_ns,
        until_ns=end_ns(head["to"], "line 4", from_ns),
        opening_fen=_signed_fen(head["opening"], "line 5"),
        closing_fen=_signed_fen(head["closing"], "line 6"),
        lines=tuple(_lines(rows)),
        digest=sha256(content).hexdigest(),
    )


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StatementFault("file", "not UTF-8") from error
    if "\0" in text:
        raise StatementFault("file", "has a NUL character")
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise StatementFault(f"line {reader.line_num}", str(error)[:120]) from error


def _value(rows: Iterator[tuple[int, list[str]]], key: str) -> str:
    number, row = next(rows, (HEAD.index(key) + 1, []))
    if len(row) != PAIR or row[0].strip() != key:
        raise StatementFault(f"line {number}", f"not {key}, then its value")
    return row[1]


def _lines(rows: Iterator[tuple[int, list[str]]]) -> Iterator[StatementLine]:
    for count, (number, row) in enumerate(rows, 1):
        where = f"line {number}"
        if count > MAX_LINES:
            raise StatementFault(where, f"{MAX_LINES} entries at most")
        if len(row) != PAIR:
            raise StatementFault(where, "not a reference and an amount")
        yield StatementLine(reference=name(row[0], where, "reference"), amount_fen=_signed_fen(row[1], where))


def _signed_fen(text: str, where: str) -> int:
    stripped = text.strip()
    return -fen(stripped[1:], where) if stripped.startswith("-") else fen(stripped, where)
