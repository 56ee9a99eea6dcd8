"""Start-up: from the newest snapshot and the journaled commands after it to an exchange that can go on.

Every command after the snapshot is decided again, and what comes of it must be, byte for byte, what was recorded; the
first difference stops the start and names the entry. On the way the digests of those entries are checked, too.

Old commands are never judged by new code. The journal notes from which entry on which version of the core decided
(table `core_release`). A start is refused when an entry after the newest snapshot was decided by another version:
the release of that version has to be started once and stopped cleanly, which leaves a snapshot of the last entry.
From there the new release goes on, after noting that it does.

The views take no part in decisions: where a snapshot has them in another shape than this release, they are built
again from all recorded entries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncpg

from gateway.engine.codec import CodecError, encode_events
from gateway.engine.entry import Entry
from gateway.engine.snapshot import CORE_STATE, VIEWS_STATE, Snapshot, newest_snapshot
from gateway.engine.tables.journal import Journal, JournalReader, Record
from gateway.engine.tables.rows import GENESIS, chain
from gateway.engine.tables.settlement_postings import compare_with_core
from gateway.engine.views import views as views_module
from gateway.engine.views.negotiations import Negotiations
from gateway.engine.views.orders import OpenOrders
from gateway.engine.views.views import Views
from matching.exchange import Exchange
from matching.state import Stamp
from settlement.values import CASH, RESERVED, AccountId

PAGE: Final = 500
"""Entries read at once."""

Progress = Callable[[int, int], None]
"""Told now and then: entries replayed, entries to replay."""


class RecoveryError(Exception):
    """The exchange cannot go on from what is in the database; the message says from which entry and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovered:
    """An exchange as it was at the journal's end."""

    exchange: Exchange
    views: Views
    snapshot_seq: int
    """Of the newest snapshot; zero when there is none."""
    replayed: int
    """Entries decided again."""


def say_nothing(done: int, total: int) -> None:
    """Take a progress report and drop it."""


async def recover(
    journal: Journal, pool: "asyncpg.Pool[asyncpg.Record]", progress: Progress = say_nothing
) -> Recovered:
    """Bring core and views to the journal's end, and the journal's own order book with them.

    Raises RecoveryError, SnapshotBrokenError.
    """
    snapshot = await newest_snapshot(pool)
    snapshot_seq = 0 if snapshot is None else snapshot.seq
    await _require_own_decisions(journal, snapshot_seq)
    exchange, views = await _restore(journal, snapshot)
    digest = GENESIS if snapshot is None else snapshot.journal_digest
    replay = _Replay(exchange, views, snapshot_seq, digest)
    total = journal.position - snapshot_seq
    while replay.seq < journal.position:
        replay.follow(await journal.read(replay.seq, PAGE))
        progress(replay.seq - snapshot_seq, total)
    exchange.check()
    _require_equal_views(exchange, views)
    orders = OpenOrders(tuple(replace(order) for order in views.all_open_orders()))
    journal.follow(orders, Negotiations(views.open_negotiations()))
    if (await journal.core_release() or (0, None))[1] != Exchange.VERSION:
        await journal.begin_release(Exchange.VERSION)
    return Recovered(exchange=exchange, views=views, snapshot_seq=snapshot_seq, replayed=total)


async def require_agreement(pool: "asyncpg.Pool[asyncpg.Record]", recovered: Recovered) -> None:
    """Compare what the core says everybody owns with the tables of what has settled, before anybody may trade on it.

    A snapshot is taken at its word, and so are those tables: only together do they show that one was altered.

    Raises RecoveryError, which names the first difference.
    """
    state = recovered.exchange.depository.dump()
    async with pool.acquire() as connection:
        found = await compare_with_core(connection, state)
    if found:
        first = found[0]
        raise RecoveryError(
            f"what is settled and what the core says differ in {len(found)} places; first, {first.what}:"
            f" {first.account} has {first.stored} of {first.subject} in the tables, {first.expected} in the core"
        )


def _require_equal_views(exchange: Exchange, views: Views) -> None:
    """What readers are shown must be what the core decides by."""
    ledger = {
        (line.account, line.asset): (line.available, line.held, line.delivering, line.retired, line.frozen)
        for line in exchange.depository.ledger.dump()
        if line.account not in RESERVED
    }
    shown = {
        (name, asset): (balance.available, balance.held, balance.delivering, balance.retired, balance.frozen)
        for name, account in views.accounts().items()
        for asset, balance in ((CASH, account.cash), *account.units.items())
    }
    proceeds = exchange.depository.proceeds
    coming = {name: proceeds.figures(name) for name in exchange.depository.accounts}
    shown_coming = {
        AccountId(name): (view.due_fen, view.pledged_fen) for name, view in views.accounts().items()
    }
    orders = {name: (order.remaining_tonnes,) for name, order in exchange.trading.open_orders.items()}
    shown_orders = {order.order_id: (order.remaining_tonnes,) for order in views.all_open_orders()}
    _require_equal("balance", ledger, shown)
    _require_equal("proceeds of", coming, shown_coming)
    _require_equal("open order", orders, shown_orders)
    filed = {
        name: (one.terms.round_no, one.state)
        for name, one in exchange.negotiation.transfers.under_way.items()
    }
    shown_filed = {view.transfer_id: (view.terms.round_no, view.state) for view in views.open_negotiations()}
    _require_equal("negotiated transfer", filed, shown_filed)


def _require_equal(
    what: str, core: Mapping[Any, tuple[int | str, ...]], shown: Mapping[Any, tuple[int | str, ...]]
) -> None:
    for name in core.keys() | shown.keys():
        here, there = core.get(name), shown.get(name)
        if here != there and (any(here or ()) or any(there or ())):
            raise RecoveryError(f"{what} {name}: the core has {here}, the views have {there}")


async def _require_own_decisions(journal: Journal, snapshot_seq: int) -> None:
    if journal.position == snapshot_seq:
        return
    release = await journal.core_release()
    if release is None:
        raise RecoveryError(f"the journal has {journal.position} entries but names no version of the core")
    first_seq, version = release
    if version != Exchange.VERSION or first_seq > snapshot_seq + 1:
        others = version if version != Exchange.VERSION else "an earlier version"
        raise RecoveryError(
            f"entries from {snapshot_seq + 1} on were decided by core {others}, this release has {Exchange.VERSION}:"
            " start the release that decided them once, stop it cleanly, and start this one again"
        )


async def _restore(journal: Journal, snapshot: Snapshot | None) -> tuple[Exchange, Views]:
    if snapshot is None:
        return Exchange(), Views()
    recorded = await journal.read(snapshot.seq - 1, 1)
    if not recorded or recorded[0].seq != snapshot.seq or recorded[0].digest != snapshot.journal_digest:
        raise RecoveryError(f"entry {snapshot.seq} is not the one its snapshot was taken after")
    try:
        exchange = Exchange.load(CORE_STATE.decode(snapshot.core_state))
    except CodecError as error:
        raise RecoveryError(
            f"the snapshot of entry {snapshot.seq} was taken by core {snapshot.core_version}"
            f" and cannot be read by core {Exchange.VERSION}: {error}"
        ) from error
    if snapshot.views_version == views_module.VERSION:
        return exchange, Views(state=VIEWS_STATE.decode(snapshot.views_state))
    return exchange, await rebuilt_views(journal, snapshot.seq)


async def rebuilt_views(journal: JournalReader, upto: int) -> Views:
    """Views made from every entry up to that one."""
    views = Views()
    while views.position < upto:
        records = await journal.read(views.position, min(PAGE, upto - views.position))
        views.apply([record.entry() for record in records])
    return views


class _Replay:
    """Decides recorded commands again."""

    def __init__(self, exchange: Exchange, views: Views, seq: int, digest: bytes) -> None:
        self.seq = seq
        self._digest = digest
        self._exchange = exchange
        self._views = views

    def follow(self, records: list[Record]) -> None:
        """Decide one page of commands, and show the views what came of it."""
        if not records:
            raise RecoveryError(f"entry {self.seq + 1} is missing")
        self._views.apply([self._next(record) for record in records])

    def _next(self, record: Record) -> Entry:
        if record.seq != self.seq + 1:
            raise RecoveryError(f"entry {self.seq + 1} is missing; the next one there is {record.seq}")
        digest = chain(self._digest, record.seq, record.at_ns, record.command, record.events)
        if digest != record.digest:
            raise RecoveryError(f"entry {record.seq} was altered: its digest is not that of its content")
        try:
            entry = record.entry()
        except CodecError as error:
            raise RecoveryError(f"entry {record.seq} cannot be read: {error}") from error
        events = self._exchange.apply(entry.command, Stamp(seq=entry.seq, at_ns=entry.at_ns))
        decided = encode_events(events)
        if decided != record.events:
            raise RecoveryError(
                f"entry {record.seq} is decided otherwise than it was: recorded {record.events.decode()},"
                f" now {decided.decode()}"
            )
        self.seq, self._digest = record.seq, digest
        return entry
