"""What a day did to an account, told again from what the database keeps: the daily statement.

Everything comes from the double-entry tables and the account's own event log, up to the entry at which the close cut the
day's books, so a statement can be made again at any time and is the same for ever. It must add up: what there was, and
every line, is what there is. The close issues it: from then on its digest is in the journal.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.engine.entry import AccountEvent
from gateway.engine.history.statement_reading import CutDay, Parts, cut_day, read_parts
from settlement import serials as ranges
from settlement.serials import NONE, SerialRange, Serials

_ISSUED: Final = "SELECT digest FROM statement_issued WHERE trading_day = $1 AND account = $2"
_ISSUED_AS: Final = "SELECT account FROM statement_issued WHERE trading_day = $1 AND digest = $2"


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementLine:
    """One thing that settled: how much of what came or went, and the money against it."""

    at_ns: int
    kind: str
    reference: str
    asset: str
    amount: int
    """Above zero where the account received it."""
    payment_fen: int
    """Above zero where the account was paid."""
    counterparty: str
    """The account on the other side, or a place that is nobody's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementLot:
    """Serials of a lot the account owned at the end of the day."""

    lot_id: str
    instrument: str
    serials: Serials


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One account and one closed day."""

    account: str
    trading_day: str
    from_seq: int
    """The first entry of the day."""
    until_seq: int
    """The entry that cut its books."""
    cut_ns: int
    journal_digest: bytes
    opening: tuple[tuple[str, int], ...]
    """Asset → fen or tonnes owned when the books of the day before were cut."""
    closing: tuple[tuple[str, int], ...]
    lines: tuple[StatementLine, ...]
    events: tuple[AccountEvent, ...] | None
    """Absent where there are more than a statement can tell."""
    lots: tuple[StatementLot, ...]


class Statements:
    """Makes them, over connections that are never the journal's."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Reading through this pool."""
        self._pool = pool

    async def of(self, account: str, trading_day: str) -> Statement | None:
        """The account's statement of a day; none while its books are not cut."""
        made = [one async for one in self.of_first((account,), trading_day)]
        return made[0] if made else None

    async def of_first(self, accounts: Sequence[str], trading_day: str) -> AsyncIterator[Statement]:
        """Statements of the first of these accounts, in their order; none while the day's books are not cut.

        At least of one, and of as many as can be read together without holding much; ask again for the rest.
        """
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            day = await cut_day(connection, trading_day)
            if day is None:
                return
            read, times = await read_parts(connection, accounts, day)
        for parts in read:
            statement = _statement(trading_day, day, parts, times)
            check(statement)
            yield statement

    async def issued(self, account: str, trading_day: str) -> str | None:
        """The digest of the statement the account was issued; none before it was."""
        digest: str | None = await self._pool.fetchval(_ISSUED, trading_day, account)
        return digest

    async def is_issued(self, trading_day: str, digest: str) -> bool:
        """Whether a statement of that day with this digest was ever issued. Of whom is nobody's business."""
        return await self._pool.fetchval(_ISSUED_AS, trading_day, digest) is not None


def check(statement: Statement) -> None:
    """Opening and lines make up the closing, and lots are the tonnes; AssertionError names what does not."""
    amounts = dict(statement.opening)
    for line in statement.lines:
        amounts[line.asset] = amounts.get(line.asset, 0) + line.amount
        if line.payment_fen:
            amounts["CNY"] = amounts.get("CNY", 0) + line.payment_fen
    closing = dict(statement.closing)
    assert {asset: amount for asset, amount in amounts.items() if amount} == {
        asset: amount for asset, amount in closing.items() if amount
    }, f"{statement.account} on {statement.trading_day}: {amounts} by its lines, {closing} by its balances"
    tonnes: dict[str, int] = {}
    for lot in statement.lots:
        tonnes[lot.instrument] = tonnes.get(lot.instrument, 0) + ranges.count(lot.serials)
    owned = {asset: amount for asset, amount in closing.items() if asset != "CNY" and amount}
    assert tonnes == owned, f"{statement.account} on {statement.trading_day}: {tonnes} in lots, {owned} owned"


def _statement(trading_day: str, day: CutDay, parts: Parts, times: Mapping[int, int]) -> Statement:
    account, events = parts.account, parts.events
    return Statement(
        account=account,
        trading_day=trading_day,
        from_seq=day.after_seq + 1,
        until_seq=day.until_seq,
        cut_ns=day.until_ns,
        journal_digest=day.digest,
        opening=tuple((row["asset"], row["opening"]) for row in parts.owned),
        closing=tuple((row["asset"], row["closing"]) for row in parts.owned),
        lines=tuple(_line(row, account, times[row["seq"]]) for row in parts.lines),
        events=None if events is None else tuple(AccountEvent(*row) for row in events),
        lots=_lots_then(parts.held_now, parts.moved_since, account),
    )


def _line(row: asyncpg.Record, account: str, at_ns: int) -> StatementLine:
    gives = row["from_account"] == account
    return StatementLine(
        at_ns=at_ns,
        kind=row["kind"],
        reference=row["reference"],
        asset=row["asset"],
        amount=-row["amount"] if gives else row["amount"],
        payment_fen=row["payment_fen"] if gives else -row["payment_fen"],
        counterparty=row["to_account"] if gives else row["from_account"],
    )


def _lots_then(
    held: Iterable[asyncpg.Record], moved: Iterable[asyncpg.Record], account: str
) -> tuple[StatementLot, ...]:
    """What the account holds now, with what has moved since taken back, newest first."""
    now: dict[tuple[str, str], list[SerialRange]] = {}
    for row in held:
        now.setdefault((row["lot_id"], row["instrument"]), []).append((row["first"], row["end"]))
    lots = {key: ranges.merged(NONE, tuple(some)) for key, some in now.items()}
    for row in moved:
        key, moved_then = (row["lot_id"], row["instrument"]), ((row["first"], row["end"]),)
        has = lots.get(key, NONE)
        gave = row["from_account"] == account
        lots[key] = ranges.union(has, moved_then) if gave else ranges.difference(has, moved_then)
    return tuple(
        StatementLot(lot_id=lot_id, instrument=instrument, serials=serials)
        for (lot_id, instrument), serials in sorted(lots.items())
        if serials
    )
