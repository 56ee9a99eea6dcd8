"""All of a journal checked, with every table that came of it: what `puhui verify` and `puhui restore` ask."""

from collections.abc import Callable
from typing import Final

import asyncpg

from gateway.engine.tables.bank_statements import BANK_STATEMENTS
from gateway.engine.tables.bulletins import BULLETINS
from gateway.engine.tables.candles import CheckedCandles
from gateway.engine.tables.custody_rows import CustodyHistoryRows
from gateway.engine.tables.derived_rows import DerivedRows, HistoryRows, Reader
from gateway.engine.tables.settlement_postings import settlement_check
from gateway.engine.tables.settlement_rows import SettledRows
from gateway.engine.tables.use_verification import UseTables
from gateway.engine.tables.verification import Progress, Verification, say_nothing, verify_journal
from gateway.engine.tables.withdrawals import WITHDRAWALS

DERIVED: Final[tuple[Callable[[Reader], DerivedRows], ...]] = (
    HistoryRows,
    WITHDRAWALS.checked,
    BANK_STATEMENTS.checked,
    BULLETINS.checked,
    CheckedCandles,
    CustodyHistoryRows,
    SettledRows,
    UseTables,
)
"""Every table that is derived from entries."""


class SettledDiffersError(Exception):
    """What is settled differs from its own history."""

    def __init__(self, differences: int, first: object) -> None:
        """So many, and the first of them."""
        super().__init__(f"what is settled differs from its history in {differences} places: {first}")


async def verify_whole(
    pool: "asyncpg.Pool[asyncpg.Record]", progress: Progress = say_nothing
) -> Verification:
    """Walk the journal and all that is derived from it, and add up what is settled.

    Raises JournalBrokenError, SettledDiffersError.
    """
    found = await verify_journal(pool, progress, DERIVED)
    async with pool.acquire() as connection:
        differences = await settlement_check(connection)
    if differences:
        raise SettledDiffersError(len(differences), differences[0])
    return found
