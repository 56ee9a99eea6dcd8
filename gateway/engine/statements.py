"""What a day did to an account, told again from what the database keeps: the daily statement.

Everything comes from the double-entry tables and the account's own event log, up to the entry at which the close cut the
day's books, so a statement can be made again at any time and is the same for ever. It must add up: what there was, and
every line, is what there is. The close issues it: from then on its digest is in the journal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.engine.entry import AccountEvent
from settlement import serials as ranges
from settlement.serials import NONE, Serials

MOST_EVENTS: Final = 50_000
"""Of one statement; the log of an account that did more in a day is read in pages, and is not part of it."""

_DAY: Final = """
SELECT day_cut.seq, at_ns, digest,
       coalesce((SELECT max(seq) FROM day_cut AS before WHERE before.seq < day_cut.seq), 0) AS after_seq
FROM day_cut JOIN journal USING (seq, at_ns) WHERE trading_day = $1"""
_ISSUED: Final = "SELECT digest FROM statement_issued WHERE trading_day = $1 AND account = $2"
_ISSUED_AS: Final = "SELECT account FROM statement_issued WHERE trading_day = $1 AND digest = $2"
# What there is now without what came since: so a statement costs its days, and not the account's whole life.
_OWNED: Final = """
SELECT asset, sum(amount)::bigint AS amount FROM (
    SELECT asset, amount FROM settlement.balance WHERE account = $1
    UNION ALL
    SELECT asset, -amount FROM settlement.posting WHERE account = $1 AND seq > $2
) AS part
GROUP BY asset ORDER BY asset"""
_LINES: Final = """
SELECT seq, line, kind, reference, asset, amount, from_account, to_account, payment_fen, journal.at_ns
FROM settlement.settled JOIN journal USING (seq)
WHERE seq > $2 AND seq <= $3 AND (from_account = $1 OR to_account = $1)
ORDER BY seq, line"""
_HELD_NOW: Final = """
SELECT lot_id, instrument, lower(holding.serials) AS first, upper(holding.serials) AS end
FROM settlement.holding JOIN settlement.lot USING (lot_no) WHERE account = $1 ORDER BY lot_id, first"""
_MOVED_SINCE: Final = """
SELECT lot_id, instrument, lower(move.serials) AS first, upper(move.serials) AS end, from_account
FROM settlement.serial_move AS move
JOIN settlement.settled USING (seq, line)
JOIN settlement.lot USING (lot_id)
WHERE move.seq > $2 AND (from_account = $1 OR to_account = $1)
ORDER BY move.seq DESC, move.line DESC, part DESC"""
_EVENTS: Final = """
SELECT account, event_id, seq, type, at_ns, body FROM account_event
WHERE account = $1 AND seq > $2 AND seq <= $3 ORDER BY event_id LIMIT $4"""


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
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            day = await connection.fetchrow(_DAY, trading_day)
            if day is None:
                return None
            after_seq, until_seq = day["after_seq"], day["seq"]
            events = await connection.fetch(_EVENTS, account, after_seq, until_seq, MOST_EVENTS + 1)
            lines = await connection.fetch(_LINES, account, after_seq, until_seq)
            statement = Statement(
                account=account,
                trading_day=trading_day,
                from_seq=after_seq + 1,
                until_seq=until_seq,
                cut_ns=day["at_ns"],
                journal_digest=day["digest"],
                opening=_amounts(await connection.fetch(_OWNED, account, after_seq)),
                closing=_amounts(await connection.fetch(_OWNED, account, until_seq)),
                lines=tuple(_line(row, account) for row in lines),
                events=None if len(events) > MOST_EVENTS else tuple(AccountEvent(*row) for row in events),
                lots=_lots_then(
                    await connection.fetch(_HELD_NOW, account),
                    await connection.fetch(_MOVED_SINCE, account, until_seq),
                    account,
                ),
            )
        check(statement)
        return statement

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


def _amounts(rows: Iterable[asyncpg.Record]) -> tuple[tuple[str, int], ...]:
    return tuple((row["asset"], row["amount"]) for row in rows)


def _line(row: asyncpg.Record, account: str) -> StatementLine:
    gives = row["from_account"] == account
    return StatementLine(
        at_ns=row["at_ns"],
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
    lots: dict[tuple[str, str], Serials] = {}
    for row in held:
        key = (row["lot_id"], row["instrument"])
        lots[key] = ranges.union(lots.get(key, NONE), ((row["first"], row["end"]),))
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
