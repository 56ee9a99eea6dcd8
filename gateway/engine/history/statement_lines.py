"""What became of each line of a bank statement, read from the entry that decided it; nothing is stored for it.

The core tells of differences only. A line it says nothing of agreed with what was booked; what was booked and on no
line is told after the lines. The first line of a reference may agree or differ, every further one repeats it and so
always differs: the differences of a reference therefore belong to the last of its lines.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.engine.entry import Entry
from settlement.bank_statement import CashBreak, CashBreakKind
from settlement.cash_events import CashBreakClosed, CashBreakFound
from settlement.commands import RecordBankStatement

MATCHED: Final = "matched"
"""Booked here under the same reference, with the same amount."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementLineRecord:
    """One line of a statement, or money that was booked here and is on no line of it."""

    line: int | None
    """1, 2, 3 … as on the statement; none where it has no such line."""
    reference: str
    there_fen: int | None
    here_fen: int | None
    outcome: str
    """`matched`, or how it differs."""
    found: CashBreak | None
    """The difference it opened."""
    ended_break: int | None
    """The difference of an earlier statement that it ended: what had been missing at the bank turned up."""


def lines_of(entry: Entry) -> list[StatementLineRecord]:
    """Every line in the statement's order, then what was missing on it."""
    command = entry.command
    assert isinstance(command, RecordBankStatement), f"entry {entry.seq} records no bank statement"
    found = [event.cash_break for event in entry.events if isinstance(event, CashBreakFound)]
    missing = [one for one in found if one.kind is CashBreakKind.MISSING_THERE]
    told = list(_lines(command, [one for one in found if one.kind is not CashBreakKind.MISSING_THERE], entry))
    return told + [
        StatementLineRecord(
            line=None,
            reference=one.reference,
            there_fen=None,
            here_fen=one.here_fen,
            outcome=one.kind.value,
            found=one,
            ended_break=None,
        )
        for one in missing
    ]


def _lines(
    command: RecordBankStatement, found: Collection[CashBreak], entry: Entry
) -> Iterator[StatementLineRecord]:
    ended = {
        event.cash_break.reference: event.cash_break.break_id
        for event in entry.events
        if isinstance(event, CashBreakClosed)
    }
    of_reference: dict[str, list[CashBreak]] = defaultdict(list)
    for one in found:
        of_reference[one.reference].append(one)
    left: dict[str, int] = defaultdict(int)
    for line in command.statement.lines:
        left[line.reference] += 1
    for number, line in enumerate(command.statement.lines, start=1):
        breaks = of_reference[line.reference]
        differs = breaks[-left[line.reference]] if left[line.reference] <= len(breaks) else None
        left[line.reference] -= 1
        yield StatementLineRecord(
            line=number,
            reference=line.reference,
            there_fen=line.amount_fen,
            here_fen=line.amount_fen if differs is None else differs.here_fen,
            outcome=MATCHED if differs is None else differs.kind.value,
            found=differs,
            ended_break=ended.pop(line.reference, None),
        )
