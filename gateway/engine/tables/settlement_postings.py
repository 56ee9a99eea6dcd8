"""What settles, posted to double-entry tables in the transaction that journals it.

The journal hands over each batch of entries; the few of them that settle something leave their reasons, their
postings and their serials in schema `settlement`, whose constraints and triggers judge them (see
`gateway/postgres/schema`). Reasons come from what settlement says has happened, postings from
the ledger's own moves between accounts, serials from the lots: three accounts of one thing, which the database
compares. A refusal means that the core is wrong, so it is raised and stops the process.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import asyncpg
from sortedcontainers import SortedDict

from gateway.engine.entry import Entry
from gateway.engine.tables.journal import APPEND_TIMEOUT_S, Connection
from gateway.engine.tables.use_postings import TAKEN as CLAIMING
from gateway.engine.tables.use_postings import Claims, collect_claims
from gateway.engine.told.removed_units import Withdrawn, is_removal
from matching.events import Event
from settlement.certificate import Statement
from settlement.custody_events import UnitsArrived
from settlement.events import (
    AccountOpened,
    Bucket,
    CashDeposited,
    DeliverySettled,
    InstructionKind,
    InstrumentAdded,
    LotRegistered,
    LotSlice,
    Posted,
    RetirementCompleted,
    TransferCompleted,
    WithdrawalPaid,
)
from settlement.state import DepositoryState
from settlement.use_events import CertificateIssued, UseCompleted
from settlement.values import CASH, FEES, OUTSIDE, RETIRED, WITHDRAWN

Reader: TypeAlias = "Connection | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


Settling: TypeAlias = (
    CashDeposited
    | WithdrawalPaid
    | TransferCompleted
    | Withdrawn
    | UnitsArrived
    | DeliverySettled
    | RetirementCompleted
    | UseCompleted
)
"""The events that are a reason for something to be posted."""

Row: TypeAlias = tuple[object, ...]

_TAKEN: Final = frozenset(
    {
        CashDeposited,
        WithdrawalPaid,
        TransferCompleted,
        UnitsArrived,
        DeliverySettled,
        RetirementCompleted,
        UseCompleted,
        AccountOpened,
        InstrumentAdded,
        LotRegistered,
    }
    | CLAIMING
)

_ACCOUNTS: Final = """
INSERT INTO settlement.account (seq, account, registry_account)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])
"""

_ASSETS: Final = """
INSERT INTO settlement.asset (seq, asset, methodology_class)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])
"""

_LOTS: Final = """
INSERT INTO settlement.lot (seq, lot_id, instrument, methodology_class, serials)
SELECT seq, lot_id, instrument, class, int8range(first, until)
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
  AS lot (seq, lot_id, instrument, class, first, until)
"""

_SETTLE: Final = """
WITH reasons AS (
    INSERT INTO settlement.settled
        (seq, line, kind, reference, asset, amount, from_account, to_account, payment_fen)
    SELECT * FROM unnest(
        $1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
        $9::bigint[]
    )
), moves AS (
    INSERT INTO settlement.serial_move (seq, line, part, lot_id, serials)
    SELECT seq, line, part, lot_id, int8range(first, until)
    FROM unnest($10::bigint[], $11::int[], $12::int[], $13::text[], $14::bigint[], $15::bigint[])
      AS move (seq, line, part, lot_id, first, until)
), uses AS (
    INSERT INTO settlement.used (seq, line, asset, methodology_class, purpose, entity, year)
    SELECT * FROM unnest(
        $21::bigint[], $22::int[], $23::text[], $24::text[], $25::text[], $26::text[], $27::int[]
    )
)
INSERT INTO settlement.posting (seq, line, account, asset, amount)
SELECT * FROM unnest($16::bigint[], $17::int[], $18::text[], $19::text[], $20::bigint[])
"""


@dataclass(kw_only=True, slots=True)
class Settled:
    """What one entry settles."""

    reasons: list[Settling] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    certified: dict[str, Statement] = field(default_factory=dict)
    """By reference, what completed uses were for."""


@dataclass(kw_only=True, slots=True)
class Wave:
    """What one statement writes: whole entries, and no serial twice."""

    reasons: list[Row] = field(default_factory=list)
    moves: list[Row] = field(default_factory=list)
    postings: list[Row] = field(default_factory=list)
    uses: list[Row] = field(default_factory=list)
    moved: defaultdict[str, SortedDict[int, int]] = field(default_factory=lambda: defaultdict(SortedDict))
    """By lot: first serial → end, of every range moved here."""

    def moves_any_of(self, slices: Sequence[LotSlice]) -> bool:
        """Whether a serial of these has moved in this wave already."""
        for part in slices:
            ranges = self.moved.get(part.lot_id)
            if ranges is None:
                continue
            for first, end in part.serials:
                before = ranges.bisect_left(end) - 1
                if before >= 0 and ranges.peekitem(before)[1] > first:
                    return True
        return False

    def add(self, seq: int, settled: Settled) -> None:
        """One entry's reasons, what certificates say of them, and the ledger's moves between accounts."""
        rows = ((row, slices) for event in settled.reasons for row, slices in _reasons(event))
        for line, (row, slices) in enumerate(rows, 1):
            self.reasons.append((seq, line, *row))
            self._move(seq, line, slices)
            says = settled.certified.get(str(row[1]))
            if says is not None:
                self.uses.append((seq, line, *_used(says)))
        outside = WITHDRAWN if any(isinstance(reason, Withdrawn) for reason in settled.reasons) else OUTSIDE
        for line, posting in enumerate(settled.posted):
            taken, given = 2 * line + 1, 2 * line + 2
            self.postings.append((seq, taken, posting.from_account, posting.asset, -posting.amount))
            receiver = _receiver(posting)
            receiver = outside if receiver == OUTSIDE else receiver
            self.postings.append((seq, given, receiver, posting.asset, posting.amount))

    def _move(self, seq: int, line: int, slices: Sequence[LotSlice]) -> None:
        pieces = ((part.lot_id, first, end) for part in slices for first, end in part.serials)
        for number, (lot_id, first, end) in enumerate(pieces, 1):
            self.moves.append((seq, line, number, lot_id, first, end))
            self.moved[lot_id][first] = end


@dataclass(kw_only=True, slots=True)
class Batch:
    """What the tables are to learn from some entries."""

    accounts: list[Row] = field(default_factory=list)
    assets: list[Row] = field(default_factory=list)
    lots: list[Row] = field(default_factory=list)
    waves: list[Wave] = field(default_factory=list)
    claims: Claims = field(default_factory=Claims)


class SettlementPostings:
    """The journal's projection to schema `settlement`."""

    taken: Final[frozenset[type]] = _TAKEN | {Posted}

    def concerns(self, entry: Entry) -> bool:
        """Whether the entry leaves rows here: the same events that `collect` takes."""
        return any(type(event) in _TAKEN or _changes_owner(event) for event in entry.events)

    async def write(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Post what these entries settle; nothing is sent when they settle nothing.

        Raises asyncpg.PostgresError when the second wall refuses: the caller's transaction is lost, and so is the
        trust in this process's memory.
        """
        batch = collect(entries)
        for statement, rows in ((_ACCOUNTS, batch.accounts), (_ASSETS, batch.assets), (_LOTS, batch.lots)):
            if rows:
                await connection.execute(statement, *_columns(rows), timeout=APPEND_TIMEOUT_S)
        await batch.claims.write(connection, APPEND_TIMEOUT_S)
        for wave in batch.waves:
            await write_wave(connection, wave)


async def write_wave(connection: Connection, wave: Wave) -> None:
    """Insert reasons, moves, postings and uses by one statement, which is how the database judges them."""
    columns = (
        *_columns(wave.reasons, 9),
        *_columns(wave.moves, 6),
        *_columns(wave.postings, 5),
        *_columns(wave.uses, 7),
    )
    await connection.execute(_SETTLE, *columns, timeout=APPEND_TIMEOUT_S)


def collect(entries: Sequence[Entry]) -> Batch:
    """Everything in these entries that the tables are to learn, in as few statements as serials allow."""
    batch = Batch(claims=collect_claims(entries))
    for entry in entries:
        settled = Settled()
        for event in entry.events:
            match event:
                case Posted():
                    if _changes_owner(event):
                        settled.posted.append(event)
                case TransferCompleted() if is_removal(entry):
                    settled.reasons.append(Withdrawn(event))
                case (
                    CashDeposited()
                    | WithdrawalPaid()
                    | TransferCompleted()
                    | UnitsArrived()
                    | DeliverySettled()
                    | RetirementCompleted()
                    | UseCompleted()
                ):
                    settled.reasons.append(event)
                case CertificateIssued(certificate=certificate):
                    settled.certified[certificate.says.reference] = certificate.says
                case AccountOpened():
                    batch.accounts.append((entry.seq, event.account, event.registry_account))
                case InstrumentAdded(instrument=instrument):
                    batch.assets.append((entry.seq, instrument.code, instrument.methodology_class.value))
                case LotRegistered(lot=lot):
                    batch.lots.append(
                        (entry.seq, lot.lot_id, lot.instrument, lot.methodology_class.value, *lot.serials)
                    )
                case _:
                    continue
        if settled.reasons or settled.posted:
            _wave(batch, settled.reasons).add(entry.seq, settled)
    return batch


def _changes_owner(event: Event) -> bool:
    """Orders, holds and trades move amounts within an account: nobody owns more or less. What is retired is gone."""
    return isinstance(event, Posted) and event.from_account != _receiver(event)


def _receiver(posting: Posted) -> str:
    """Whose it is then: in the ledger what was retired stays in sight of its owner, here it is nobody's."""
    return RETIRED if posting.to_bucket is Bucket.RETIRED else posting.to_account


def _wave(batch: Batch, reasons: list[Settling]) -> Wave:
    """The wave for an entry: the last, unless one of its serials moves there already."""
    if not batch.waves or any(batch.waves[-1].moves_any_of(_slices(event)) for event in reasons):
        batch.waves.append(Wave())
    return batch.waves[-1]


def _reasons(event: Settling) -> Iterator[tuple[Row, Sequence[LotSlice]]]:
    """Rows of `settled` without their key (kind, reference, asset, amount, from, to, payment), with what moves for each."""
    match event:
        case CashDeposited():
            yield ("deposit", event.bank_reference, CASH, event.amount_fen, OUTSIDE, event.account, 0), ()
        case WithdrawalPaid():
            yield ("withdrawal", event.bank_reference, CASH, event.amount_fen, event.account, OUTSIDE, 0), ()
        case TransferCompleted():
            moved = (event.instrument, event.quantity_tonnes, *_ends(event))
            yield ("transfer", event.instruction_id, *moved, 0), event.lots
        case Withdrawn(transfer=transfer):
            taken = (transfer.instrument, transfer.quantity_tonnes, transfer.account, WITHDRAWN)
            yield ("correction", transfer.instruction_id, *taken, 0), event.lots
        case UnitsArrived():
            brought = (event.instrument, event.quantity_tonnes, OUTSIDE, event.account)
            yield ("arrival", f"notice-{event.notice_sequence}", *brought, 0), event.lots
        case DeliverySettled():
            traded = (event.instrument, event.quantity_tonnes, event.seller, event.buyer)
            yield ("delivery", str(event.trade_id), *traded, event.amount_fen), event.lots
            for side, fee_fen, payer in (
                ("buy", event.buyer_fee_fen, event.buyer),
                ("sell", event.seller_fee_fen, event.seller),
            ):
                if fee_fen:
                    yield ("fee", f"{event.trade_id}.{side}", CASH, fee_fen, payer, FEES, 0), ()
        case RetirementCompleted():
            used = (event.instrument, event.quantity_tonnes, event.account, RETIRED)
            yield ("retirement", event.retirement_id, *used, 0), event.lots
        case UseCompleted():
            kind = "retirement" if event.donated_to is None else "donation"
            given = (event.instrument, event.quantity_tonnes, event.account, event.donated_to or RETIRED)
            yield (kind, event.use_id, *given, 0), event.lots


def _used(says: Statement) -> Row:
    """Columns of `used` after its key; the class is that of the lots, which is the instrument's or is refused."""
    (methodology_class,) = {lot.methodology_class.value for lot in says.lots}
    return (says.instrument, methodology_class, says.purpose.value, says.entity, says.compliance_year)


def _ends(event: TransferCompleted) -> tuple[str, str]:
    match event.kind:
        case InstructionKind.TRANSFER_IN:
            return (OUTSIDE, event.account)
        case InstructionKind.TRANSFER_OUT:
            return (event.account, OUTSIDE)
        case _:
            raise AssertionError(f"{event.kind} completes no transfer")


def _slices(event: Settling) -> Sequence[LotSlice]:
    return () if isinstance(event, CashDeposited | WithdrawalPaid) else event.lots


def _columns(rows: list[Row], width: int | None = None) -> list[list[object]]:
    """Rows as columns: one array each for `unnest`. `width` is needed where there may be no rows."""
    if not rows:
        return [[] for _ in range(width or 0)]
    return [list(column) for column in zip(*rows, strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One disagreement the cross-check found."""

    what: str
    """Which rule is broken, such as `balance_is_posted`."""
    account: str | None
    subject: str
    """The asset, or the lot."""
    stored: str | None
    expected: str | None


async def settlement_check(connection: Reader) -> tuple[Difference, ...]:
    """Recompute balances from postings and ownership from moves: what differs from what is stored, nothing if sound."""
    return _differences(await connection.fetch("SELECT * FROM settlement.settlement_check()"))


async def compare_with_core(connection: Reader, state: DepositoryState) -> tuple[Difference, ...]:
    """Compare tonnes, fen and serials, account by account, with the core's own at the same position.

    Serials on their way to another account, or out, are still with their owner, as its tonnes are; those to be used up
    are with who uses them until the registry has done it, asked or not. What was retired is compared by
    its tonnes: the core has let go of its serials.
    """
    figures: list[Row] = [
        (line.account, line.asset, line.available + line.held + line.frozen + line.delivering)
        for line in state.balances
    ]
    figures += [(RETIRED, line.asset, line.retired) for line in state.balances]
    held = [(holding.account, holding.lot_id, holding.serials) for holding in state.holdings]
    held += [
        (leg.from_account, leg.lot_id, leg.serials)
        for instruction in state.instructions
        if instruction.kind in (InstructionKind.TRANSFER_OUT, InstructionKind.DELIVER)
        for leg in instruction.legs
    ]
    using = [(one.account, one.lots) for one in state.retirements]
    using += [(one.account, one.lots) for one in state.uses]
    held += [(account, part.lot_id, part.serials) for account, lots in using for part in lots]
    pieces: list[Row] = [
        (account, lot_id, first, end) for account, lot_id, serials in held for first, end in serials
    ]
    ledger = "SELECT * FROM settlement.compare_with_ledger($1, $2, $3)"
    holdings = "SELECT * FROM settlement.compare_with_holdings($1, $2, $3, $4)"
    return (
        *_differences(await connection.fetch(ledger, *_columns(figures, 3))),
        *_differences(await connection.fetch(holdings, *_columns(pieces, 4))),
    )


def _differences(rows: list[asyncpg.Record]) -> tuple[Difference, ...]:
    return tuple(
        Difference(
            what=row["what"],
            account=row["account"],
            subject=row["subject"],
            stored=row["stored"],
            expected=row["recomputed"],
        )
        for row in rows
    )
