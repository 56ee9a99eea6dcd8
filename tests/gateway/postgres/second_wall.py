"""A small settled world in a database of its own, and every attack on it, each with the guards that stand against it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from gateway.engine.tables.journal import SERVICE_ROLE, Connection
from gateway.engine.tables.rows import GENESIS, chain
from gateway.engine.tables.settlement_postings import Row, Wave, write_wave
from gateway.postgres.migrations import migrate

SCHEMA = files("gateway.postgres") / "schema"

JOURNALED = 40
"""Entries 1 to 40 are in the journal; the world's own are 1 to 13."""

CLASSES = {"CIR1": "I", "CIR2": "II"}

NEW = 20
"""An entry that has settled nothing yet."""

DEPOSIT, IN, DVP, USE = 6, 8, 10, 11
"""Entries of the world: a deposit, a transfer in, a delivery, a retirement."""


async def build(dsn: str) -> None:
    """The schema, and in it: alpha and beta with money and serials, gamma with neither."""
    connection = await asyncpg.connect(dsn)
    await migrate(connection, SCHEMA)
    await journal(connection, JOURNALED)
    await connection.execute(f"SET ROLE {SERVICE_ROLE}")
    await connection.execute(
        """
        INSERT INTO settlement.account (seq, account, registry_account)
            VALUES (1, 'alpha', 'R-alpha'), (2, 'beta', 'R-beta'), (3, 'gamma', 'R-gamma');
        INSERT INTO settlement.asset (seq, asset, methodology_class) VALUES (4, 'CIR1', 'I'), (4, 'CIR2', 'II');
        INSERT INTO settlement.lot (seq, lot_id, instrument, methodology_class, serials)
            VALUES (5, 'one', 'CIR1', 'I', '[100,200)'), (5, 'two', 'CIR2', 'II', '[100,200)');
        """
    )
    for seq, (reason, *moves) in {
        DEPOSIT: [deposit("bank-1", "alpha", 1_000)],
        7: [deposit("bank-2", "beta", 1_000)],
        IN: [receive("in-1", "alpha", "CIR1", 50), ("one", 100, 150)],
        9: [receive("in-2", "beta", "CIR2", 10), ("two", 100, 110)],
        DVP: [deliver("1", "alpha", "beta", 5, 250), ("one", 100, 105)],
        USE: [retire("trade-0", "beta", "CIR2", 3), ("two", 100, 103)],
        12: [arrive("notice-1", "alpha", "CIR2", 2), ("two", 190, 192)],
        13: [correct("out-13", "alpha", "CIR2", 1), ("two", 190, 191)],
    }.items():
        await write_wave(connection, wave(seq, reason, moves))
    await connection.close()


async def journal(connection: Connection, count: int) -> None:
    """Let the journal hold so many entries; what they say does not matter here."""
    await connection.execute("INSERT INTO journal SELECT * FROM unnest($1::journal[])", empty_entries(count))


def empty_entries(count: int) -> list[Row]:
    """Rows of the journal from its first on, rightly chained, that say nothing."""
    rows: list[Row] = []
    digest = GENESIS
    for seq in range(1, count + 1):
        digest = chain(digest, seq, 0, b"[]", b"[]")
        rows.append((seq, 0, "[]", "[]", digest))
    return rows


def deposit(reference: str, account: str, amount_fen: int) -> Row:
    """Money in."""
    return ("deposit", reference, "CNY", amount_fen, "outside", account, 0)


def pay_out(reference: str, account: str, amount_fen: int) -> Row:
    """Money out."""
    return ("withdrawal", reference, "CNY", amount_fen, account, "outside", 0)


def receive(reference: str, account: str, asset: str, tonnes: int) -> Row:
    """Units in."""
    return ("transfer", reference, asset, tonnes, "outside", account, 0)


def send(reference: str, account: str, asset: str, tonnes: int) -> Row:
    """Units out."""
    return ("transfer", reference, asset, tonnes, account, "outside", 0)


def arrive(reference: str, account: str, asset: str, tonnes: int) -> Row:
    """Units their owner moved in at the registry."""
    return ("arrival", reference, asset, tonnes, "outside", account, 0)


def correct(reference: str, account: str, asset: str, tonnes: int) -> Row:
    """Corrected units taken out, for good."""
    return ("correction", reference, asset, tonnes, account, "withdrawn", 0)


def deliver(reference: str, seller: str, buyer: str, tonnes: int, payment_fen: int) -> Row:
    """Units against money."""
    return ("delivery", reference, "CIR1", tonnes, seller, buyer, payment_fen)


def retire(reference: str, account: str, asset: str, tonnes: int) -> Row:
    """Units used, for good."""
    return ("retirement", reference, asset, tonnes, account, "retired", 0)


def charge(reference: str, account: str, amount_fen: int) -> Row:
    """A fee."""
    return ("fee", reference, "CNY", amount_fen, account, "fees", 0)


def postings_of(seq: int, reason: Row) -> list[Row]:
    """The postings that reason asks for, as amounts that move between two accounts."""
    _, _, asset, amount, source, target, payment = reason
    assert isinstance(amount, int)
    assert isinstance(payment, int)
    rows: list[Row] = [(seq, 1, source, asset, -amount), (seq, 2, target, asset, amount)]
    if payment:
        rows += [(seq, 3, target, "CNY", -payment), (seq, 4, source, "CNY", payment)]
    return rows


def uses_of(reason: Row) -> list[Row]:
    """What a retirement or donation was for, unless a test says something else."""
    kind, _, asset, *_ = reason
    purpose = {"retirement": "voluntary_cancellation", "donation": "donation"}.get(str(kind))
    if purpose is None or asset not in CLASSES:
        return []
    return [(asset, CLASSES[str(asset)], purpose, "emitter", None)]


def wave(
    seq: int,
    reason: Row,
    moves: Sequence[Row] = (),
    postings: list[Row] | None = None,
    uses: list[Row] | None = None,
) -> Wave:
    """One entry with one reason; postings and uses as they should be unless given."""
    return Wave(
        reasons=[(seq, 1, *reason)],
        moves=[(seq, 1, part, *move) for part, move in enumerate(moves, 1)],
        postings=postings_of(seq, reason) if postings is None else postings,
        uses=[(seq, 1, *use) for use in (uses_of(reason) if uses is None else uses)],
    )


def with_fees(seq: int, delivery: Row, moves: Sequence[Row], *fees: Row) -> Wave:
    """One entry: a delivery, and what is charged for it."""
    made = wave(seq, delivery, moves)
    for line, fee in enumerate(fees, 2):
        _, _, asset, amount, payer, fees_account, _ = fee
        assert isinstance(amount, int)
        made.reasons.append((seq, line, *fee))
        made.postings += [
            (seq, 2 * line + 1, payer, asset, -amount),
            (seq, 2 * line + 2, fees_account, asset, amount),
        ]
    return made


Strike = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True)
class Attack:
    """One thing that must not be possible."""

    name: str
    strike: Strike
    refusal: str
    """Name of the constraint the refusal carries."""
    guards: tuple[str, ...]
    """`table.constraint or trigger` that stand against it, first the one that speaks. Without them it succeeds."""
    by_owner: bool = False
    """Struck by the owner of the tables: the service role has not even the right to try."""


def settle(seq: int, reason: Row, moves: Sequence[Row] = (), postings: list[Row] | None = None) -> Strike:
    """An attack by one statement of the usual form."""
    return lambda connection: write_wave(connection, wave(seq, reason, moves, postings))


def rows(*, reasons: Sequence[Row] = (), moves: Sequence[Row] = (), postings: Sequence[Row] = ()) -> Strike:
    """An attack by one statement with these very rows."""
    struck = Wave(reasons=list(reasons), moves=list(moves), postings=list(postings))
    return lambda connection: write_wave(connection, struck)


def charged(*fees: Row) -> Strike:
    """An attack by a sound delivery and these fees."""
    return lambda connection: write_wave(connection, with_fees(NEW, TRADE, [("one", 105, 110)], *fees))


def one_after_another(*waves: Wave) -> Strike:
    """An attack by several statements."""

    async def strike(connection: Connection) -> None:
        for struck in waves:
            await write_wave(connection, struck)

    return strike


def sql(text: str) -> Strike:
    """An attack by plain SQL."""

    async def strike(connection: Connection) -> None:
        await connection.execute(text)

    return strike


def account(values: str) -> Strike:
    return sql(f"INSERT INTO settlement.account (seq, account, registry_account) VALUES {values}")


def asset(values: str) -> Strike:
    return sql(f"INSERT INTO settlement.asset (seq, asset, methodology_class) VALUES {values}")


def lot(values: str) -> Strike:
    return sql(
        f"INSERT INTO settlement.lot (seq, lot_id, instrument, methodology_class, serials) VALUES {values}"
    )


MONEY = deposit("bank-9", "alpha", 10)
TRADE = deliver("9", "alpha", "beta", 5, 250)

ATTACKS = (
    # ---- double entry
    Attack(
        "money from nowhere",
        settle(NEW, MONEY, postings=[(NEW, 1, "alpha", "CNY", 10)]),
        "posting_is_balanced",
        ("posting.posting_1_is_balanced", "posting.posting_2_is_explained"),
    ),
    Attack(
        "two assets that balance only together",
        settle(NEW, MONEY, postings=[(NEW, 1, "alpha", "CNY", 10), (NEW, 2, "alpha", "CIR1", -10)]),
        "posting_is_balanced",
        ("posting.posting_1_is_balanced", "posting.posting_2_is_explained"),
    ),
    Attack(
        "two entries that balance only together",
        rows(
            reasons=[(NEW, 1, *MONEY), (NEW + 1, 1, *deposit("bank-8", "alpha", 10))],
            postings=[(NEW, 1, "alpha", "CNY", 20), (NEW + 1, 1, "outside", "CNY", -20)],
        ),
        "posting_is_balanced",
        ("posting.posting_1_is_balanced", "posting.posting_2_is_explained"),
    ),
    Attack(
        "a balanced posting without a reason",
        rows(postings=[(NEW, 1, "outside", "CNY", -10), (NEW, 2, "alpha", "CNY", 10)]),
        "settled_is_posted",
        ("posting.posting_2_is_explained",),
    ),
    Attack(
        "a posting to somebody else than the reason says",
        settle(NEW, MONEY, postings=[(NEW, 1, "outside", "CNY", -10), (NEW, 2, "gamma", "CNY", 10)]),
        "settled_is_posted",
        ("posting.posting_2_is_explained",),
    ),
    Attack(
        "an old entry's postings once more",
        rows(postings=[(DEPOSIT, 3, "outside", "CNY", -10), (DEPOSIT, 4, "alpha", "CNY", 10)]),
        "settled_is_posted",
        ("posting.posting_2_is_explained",),
    ),
    Attack(
        "delivery without payment",
        settle(NEW, TRADE, [("one", 105, 110)], postings_of(NEW, TRADE)[:2]),
        "settled_is_posted",
        ("posting.posting_2_is_explained",),
    ),
    Attack(
        "a reason that posts nothing",
        settle(NEW, MONEY, postings=[]),
        "settled_is_posted",
        ("settled.settled_1_is_posted",),
    ),
    Attack(
        "a posting of nothing",
        settle(NEW, MONEY, postings=[*postings_of(NEW, MONEY), (NEW, 3, "gamma", "CNY", 0)]),
        "posting_amount_check",
        ("posting.posting_amount_check",),
    ),
    Attack(
        "two postings on one line",
        settle(NEW, MONEY, postings=[(NEW, 1, "outside", "CNY", -10), (NEW, 1, "alpha", "CNY", 10)]),
        "posting_pkey",
        ("posting.posting_pkey",),
    ),
    Attack(
        "a posting on no line",
        settle(NEW, MONEY, postings=[(NEW, 0, "outside", "CNY", -10), (NEW, 1, "alpha", "CNY", 10)]),
        "posting_line_check",
        ("posting.posting_line_check",),
    ),
    Attack(
        "money for an account nobody opened",
        settle(NEW, deposit("bank-9", "delta", 10)),
        "balance_account_fkey",
        ("balance.balance_account_fkey",),
    ),
    Attack(
        "units nobody added",
        settle(NEW, receive("in-9", "alpha", "CIR9", 10)),
        "balance_asset_fkey",
        ("balance.balance_asset_fkey", "settled.settled_2_is_moved"),
    ),
    Attack(
        "a buyer who cannot pay",
        settle(NEW, deliver("9", "alpha", "gamma", 5, 250), [("one", 105, 110)]),
        "balance_floor",
        ("balance.balance_floor",),
    ),
    Attack(
        "a buyer who cannot pay, unseen",
        settle(NEW, deliver("9", "alpha", "gamma", 5, 250), [("one", 105, 110)]),
        "balance_floor",
        ("posting.posting_3_apply",),
    ),
    # ---- reasons
    Attack(
        "a trade settled twice",
        settle(NEW, deliver("1", "alpha", "beta", 5, 250), [("one", 105, 110)]),
        "settled_once",
        ("settled.settled_once",),
    ),
    Attack(
        "a transfer in completed twice",
        settle(NEW, receive("in-1", "alpha", "CIR1", 50), [("one", 150, 200)]),
        "settled_once",
        ("settled.settled_once", "settled.instruction_moves_once"),
    ),
    Attack(
        "a transfer in completed as a transfer out",
        settle(NEW, send("in-1", "alpha", "CIR1", 5), [("one", 105, 110)]),
        "settled_once",
        ("settled.settled_once", "settled.instruction_moves_once"),
    ),
    Attack(
        "the same bank money for another account",
        settle(NEW, deposit("bank-1", "beta", 1_000)),
        "settled_once",
        ("settled.settled_once", "settled.bank_reference_once"),
    ),
    Attack(
        "a second reason for an old entry",
        rows(
            reasons=[(DEPOSIT, 2, *MONEY)],
            postings=[(DEPOSIT, 3, "outside", "CNY", -10), (DEPOSIT, 4, "alpha", "CNY", 10)],
        ),
        "settled_in_one_statement",
        ("settled.settled_0_is_new",),
    ),
    Attack(
        "an entry once more, its reason under a new name",
        settle(DEPOSIT, deposit("bank-9", "alpha", 1_000)),
        "posting_pkey",
        ("posting.posting_pkey", "settled.settled_pkey", "settled.settled_0_is_new"),
    ),
    Attack(
        "two reasons on one line",
        rows(
            reasons=[(NEW, 1, *MONEY), (NEW, 1, *deposit("bank-8", "beta", 20))],
            postings=[
                *postings_of(NEW, MONEY),
                (NEW, 3, "outside", "CNY", -20),
                (NEW, 4, "beta", "CNY", 20),
            ],
        ),
        "settled_pkey",
        ("settled.settled_pkey",),
    ),
    Attack(
        "a reason on no line",
        rows(reasons=[(NEW, 0, *MONEY)], postings=postings_of(NEW, MONEY)),
        "settled_line_check",
        ("settled.settled_line_check",),
    ),
    Attack(
        "a settlement of what was never journaled",
        settle(JOURNALED + 1, MONEY),
        "settled_is_journaled",
        ("settled.settled_is_journaled",),
    ),
    Attack(
        "a withdrawal dressed as a negative deposit",
        settle(NEW, deposit("bank-9", "alpha", -10)),
        "settled_amount_check",
        ("settled.settled_amount_check",),
    ),
    Attack(
        "money that nobody named",
        settle(NEW, deposit("", "alpha", 10)),
        "settled_reference_check",
        ("settled.settled_reference_check",),
    ),
    Attack(
        "a gift",
        settle(NEW, ("gift", "9", "CNY", 10, "alpha", "beta", 0)),
        "settled_kind",
        ("settled.settled_kind",),
    ),
    Attack(
        "a delivery for nothing",
        settle(NEW, deliver("9", "alpha", "beta", 5, 0), [("one", 105, 110)]),
        "settled_kind",
        ("settled.settled_kind",),
    ),
    Attack(
        "a delivery out of nowhere",
        settle(NEW, deliver("9", "outside", "beta", 5, 250), [("one", 150, 155)]),
        "settled_kind",
        ("settled.settled_kind",),
    ),
    Attack(
        "a deposit from a neighbour",
        settle(NEW, ("deposit", "bank-9", "CNY", 10, "alpha", "beta", 0)),
        "settled_kind",
        ("settled.settled_kind",),
    ),
    Attack(
        "a deposit from outside to outside",
        settle(NEW, deposit("bank-9", "outside", 10)),
        "settled_between_two",
        ("settled.settled_between_two",),
    ),
    # ---- serials
    Attack(
        "a serial received while another holds it",
        settle(NEW, receive("in-9", "beta", "CIR1", 10), [("one", 110, 120)]),
        "holding_has_one_owner",
        ("holding.holding_has_one_owner",),
    ),
    Attack(
        "a serial received by who holds it",
        settle(NEW, receive("in-9", "alpha", "CIR1", 10), [("one", 145, 155)]),
        "holding_has_one_owner",
        ("serial_move.serial_move_3_apply",),
    ),
    Attack(
        "somebody else's serials delivered",
        settle(NEW, TRADE, [("one", 100, 105)]),
        "holding_is_owned",
        ("serial_move.serial_move_3_apply",),
    ),
    Attack(
        "serials delivered that are not here",
        settle(NEW, TRADE, [("one", 148, 153)]),
        "holding_is_owned",
        ("serial_move.serial_move_3_apply",),
    ),
    Attack(
        "one serial to two buyers in one statement",
        rows(
            reasons=[(NEW, 1, *TRADE), (NEW, 2, *deliver("10", "alpha", "beta", 5, 250))],
            moves=[(NEW, 1, 1, "one", 105, 110), (NEW, 2, 1, "one", 109, 114)],
            postings=[
                (NEW, 1, "alpha", "CIR1", -10),
                (NEW, 2, "beta", "CIR1", 10),
                (NEW, 3, "beta", "CNY", -500),
                (NEW, 4, "alpha", "CNY", 500),
            ],
        ),
        "move_is_single",
        ("serial_move.serial_move_3_apply",),
    ),
    Attack(
        "one serial received twice in one statement",
        settle(NEW, receive("in-9", "alpha", "CIR1", 10), [("one", 150, 155), ("one", 150, 155)]),
        "move_is_single",
        ("serial_move.serial_move_3_apply",),
    ),
    Attack(
        "a serial that was never issued",
        settle(NEW, receive("in-9", "alpha", "CIR1", 10), [("one", 195, 205)]),
        "move_fits_lot",
        ("serial_move.serial_move_2_fits",),
    ),
    Attack(
        "Class II serials as Class I tonnes",
        settle(NEW, receive("in-9", "alpha", "CIR1", 10), [("two", 150, 160)]),
        "move_fits_lot",
        ("serial_move.serial_move_2_fits",),
    ),
    Attack(
        "serials of a lot nobody knows",
        settle(NEW, receive("in-9", "alpha", "CIR1", 10), [("three", 150, 160)]),
        "move_fits_lot",
        ("serial_move.serial_move_2_fits",),
    ),
    Attack(
        "tonnes without serials",
        settle(NEW, receive("in-9", "alpha", "CIR1", 10)),
        "settled_is_moved",
        ("settled.settled_2_is_moved",),
    ),
    Attack(
        "more serials than tonnes, later",
        rows(moves=[(IN, 1, 2, "one", 150, 160)]),
        "settled_is_moved",
        ("serial_move.serial_move_1_is_explained",),
    ),
    Attack(
        "serials that move for money",
        rows(moves=[(DEPOSIT, 1, 1, "one", 150, 160)]),
        "settled_is_moved",
        ("serial_move.serial_move_1_is_explained", "serial_move.serial_move_2_fits"),
    ),
    Attack(
        "serials that move without a reason",
        rows(moves=[(NEW, 1, 1, "one", 150, 160)]),
        "settled_is_moved",
        ("serial_move.serial_move_1_is_explained", "serial_move.serial_move_2_fits"),
    ),
    Attack(
        "two moves under one number",
        rows(
            reasons=[(NEW, 1, *receive("in-9", "alpha", "CIR1", 10))],
            moves=[(NEW, 1, 1, "one", 150, 155), (NEW, 1, 1, "one", 160, 165)],
            postings=postings_of(NEW, receive("in-9", "alpha", "CIR1", 10)),
        ),
        "serial_move_pkey",
        ("serial_move.serial_move_pkey",),
    ),
    Attack(
        "a move under no number",
        rows(
            reasons=[(NEW, 1, *receive("in-9", "alpha", "CIR1", 5))],
            moves=[(NEW, 1, 0, "one", 150, 155)],
            postings=postings_of(NEW, receive("in-9", "alpha", "CIR1", 5)),
        ),
        "serial_move_part_check",
        ("serial_move.serial_move_part_check",),
    ),
    Attack(
        "a move of no serial",
        sql("INSERT INTO settlement.serial_move VALUES (8, 1, 2, 'one', 'empty')"),
        "serial_move_serials_check",
        ("serial_move.serial_move_serials_check",),
    ),
    # ---- what was corrected stays out, what arrives was told of
    Attack(
        "corrected serials brought in again",
        settle(NEW, receive("in-9", "alpha", "CIR2", 1), [("two", 190, 191)]),
        "holding_has_one_owner",
        ("holding.holding_has_one_owner",),
    ),
    Attack(
        "corrected serials delivered",
        settle(NEW, ("delivery", "9", "CIR2", 1, "withdrawn", "beta", 10), [("two", 190, 191)]),
        "withdrawn_for_good",
        ("settled.withdrawn_for_good",),
    ),
    Attack(
        "corrected serials returned to who had them",
        settle(NEW, send("out-9", "withdrawn", "CIR2", 1), [("two", 190, 191)]),
        "withdrawn_for_good",
        ("settled.withdrawn_for_good",),
    ),
    Attack(
        "a correction in favour of a neighbour",
        settle(NEW, ("correction", "out-9", "CIR1", 5, "alpha", "beta", 0), [("one", 105, 110)]),
        "settled_to_sink",
        ("settled.settled_to_sink",),
    ),
    Attack(
        "corrected money",
        settle(NEW, ("correction", "out-9", "CNY", 10, "alpha", "withdrawn", 0)),
        "settled_kind",
        ("settled.settled_kind",),
    ),
    Attack(
        "one instruction completed as a correction and as a transfer",
        settle(NEW, send("out-13", "alpha", "CIR1", 5), [("one", 105, 110)]),
        "instruction_moves_once",
        ("settled.instruction_moves_once",),
    ),
    Attack(
        "units that arrive and nobody told of",
        settle(NEW, arrive("in-9", "alpha", "CIR1", 10), [("one", 150, 160)]),
        "arrival_names_its_notice",
        ("settled.arrival_names_its_notice",),
    ),
    Attack(
        "one notice's units twice",
        settle(NEW, arrive("notice-1", "alpha", "CIR2", 2), [("two", 192, 194)]),
        "settled_once",
        ("settled.settled_once",),
    ),
    # ---- what was used stays used
    Attack(
        "a retired serial delivered",
        settle(NEW, ("delivery", "9", "CIR2", 3, "retired", "alpha", 10), [("two", 100, 103)]),
        "retired_for_good",
        ("settled.retired_for_good",),
    ),
    Attack(
        "a retired serial taken out",
        settle(NEW, send("out-9", "retired", "CIR2", 3), [("two", 100, 103)]),
        "retired_for_good",
        ("settled.retired_for_good",),
    ),
    Attack(
        "a retired serial brought in again",
        settle(NEW, receive("in-9", "alpha", "CIR2", 3), [("two", 100, 103)]),
        "holding_has_one_owner",
        ("holding.holding_has_one_owner",),
    ),
    Attack(
        "a retired serial delivered by who had it",
        settle(NEW, ("delivery", "9", "CIR2", 3, "beta", "alpha", 10), [("two", 100, 103)]),
        "holding_is_owned",
        ("serial_move.serial_move_3_apply",),
    ),
    Attack(
        "a retirement completed twice",
        settle(NEW, retire("trade-0", "beta", "CIR2", 3), [("two", 103, 106)]),
        "settled_once",
        ("settled.settled_once",),
    ),
    Attack(
        "units retired that were never here",
        settle(NEW, retire("trade-9", "outside", "CIR2", 3), [("two", 120, 123)]),
        "settled_kind",
        ("settled.settled_kind",),
    ),
    Attack(
        "money retired",
        settle(NEW, retire("trade-9", "beta", "CNY", 3)),
        "settled_kind",
        ("settled.settled_kind", "settled.settled_4_use_is_told"),
    ),
    Attack(
        "tonnes retired without their serials",
        settle(NEW, retire("trade-9", "beta", "CIR2", 3)),
        "settled_is_moved",
        ("settled.settled_2_is_moved",),
    ),
    Attack(
        "more retired than is owned",
        settle(NEW, retire("trade-9", "beta", "CIR2", 8), [("two", 102, 110)]),
        "balance_floor",
        ("balance.balance_floor", "serial_move.serial_move_3_apply"),
    ),
    Attack(
        "units sold to nobody",
        settle(NEW, ("delivery", "9", "CIR2", 3, "beta", "retired", 10), [("two", 103, 106)]),
        "settled_to_sink",
        ("settled.settled_to_sink", "balance.balance_floor"),
    ),
    Attack(
        "a retirement in somebody's favour",
        settle(NEW, ("retirement", "trade-9", "CIR2", 3, "beta", "alpha", 0), [("two", 103, 106)]),
        "settled_to_sink",
        ("settled.settled_to_sink",),
    ),
    # ---- money out
    Attack(
        "more paid out than there is",
        settle(NEW, pay_out("out-1", "alpha", 1_251)),
        "balance_floor",
        ("balance.balance_floor",),
    ),
    Attack(
        "money paid out to another account",
        settle(NEW, ("withdrawal", "out-1", "CNY", 10, "alpha", "beta", 0)),
        "settled_kind",
        ("settled.settled_kind",),
    ),
    Attack(
        "money paid out of nowhere",
        settle(NEW, ("withdrawal", "out-1", "CNY", 10, "outside", "alpha", 0)),
        "settled_kind",
        ("settled.settled_kind",),
    ),
    Attack(
        "one payment out booked twice",
        one_after_another(
            wave(NEW, pay_out("out-1", "alpha", 10)), wave(NEW + 1, pay_out("out-1", "alpha", 10))
        ),
        "settled_once",
        ("settled.settled_once", "settled.bank_reference_once"),
    ),
    Attack(
        "a payment out under the reference of a deposit",
        settle(NEW, pay_out("bank-1", "alpha", 10)),
        "bank_reference_once",
        ("settled.bank_reference_once",),
    ),
    # ---- fees
    Attack(
        "a fee in somebody's favour",
        charged(("fee", "9.buy", "CNY", 10, "beta", "gamma", 0)),
        "settled_to_sink",
        ("settled.settled_to_sink",),
    ),
    Attack(
        "money deposited as fees",
        settle(NEW, deposit("bank-9", "fees", 10)),
        "settled_to_sink",
        ("settled.settled_to_sink",),
    ),
    Attack(
        "units bought with the fees",
        one_after_another(
            with_fees(NEW, TRADE, [("one", 105, 110)], charge("9.buy", "beta", 10)),
            wave(NEW + 1, deliver("10", "alpha", "fees", 1, 10), [("one", 110, 111)]),
        ),
        "settled_to_sink",
        ("settled.settled_to_sink",),
    ),
    Attack(
        "a fee out of nowhere",
        charged(("fee", "9.buy", "CNY", 10, "outside", "fees", 0)),
        "settled_kind",
        ("settled.settled_kind", "settled.settled_3_fee_is_of_delivery"),
    ),
    Attack(
        "a fee in tonnes",
        settle(NEW, ("fee", "1.buy", "CIR2", 3, "beta", "fees", 0), [("two", 103, 106)]),
        "settled_kind",
        ("settled.settled_kind", "settled.settled_3_fee_is_of_delivery"),
    ),
    Attack(
        "a fee charged twice",
        charged(charge("9.buy", "beta", 10), charge("9.buy", "beta", 10)),
        "settled_once",
        ("settled.settled_once",),
    ),
    Attack(
        "a fee charged twice under two names",
        charged(charge("9.buy", "beta", 10), charge("9.buy.again", "beta", 10)),
        "fee_names_its_trade",
        ("settled.fee_names_its_trade",),
    ),
    Attack(
        "a fee for no trade",
        settle(NEW, charge("9.buy", "beta", 10)),
        "fee_is_of_delivery",
        ("settled.settled_3_fee_is_of_delivery",),
    ),
    Attack(
        "a fee for an old trade",
        settle(NEW, charge("1.buy", "beta", 10)),
        "fee_is_of_delivery",
        ("settled.settled_3_fee_is_of_delivery",),
    ),
    Attack(
        "the buyer's fee taken from the seller",
        charged(charge("9.buy", "alpha", 10)),
        "fee_is_of_delivery",
        ("settled.settled_3_fee_is_of_delivery",),
    ),
    Attack(
        "the seller's fee taken from the buyer",
        charged(charge("9.sell", "beta", 10)),
        "fee_is_of_delivery",
        ("settled.settled_3_fee_is_of_delivery",),
    ),
    Attack(
        "a fee above the amount",
        charged(charge("9.sell", "alpha", 251)),
        "fee_is_of_delivery",
        ("settled.settled_3_fee_is_of_delivery",),
    ),
    Attack(
        "a fee that cannot be paid",
        one_after_another(
            with_fees(
                NEW, deliver("9", "alpha", "beta", 5, 750), [("one", 105, 110)], charge("9.buy", "beta", 1)
            )
        ),
        "balance_floor",
        ("balance.balance_floor",),
    ),
    # ---- who and what
    Attack(
        "an account opened twice", account("(20, 'alpha', 'R-9')"), "account_pkey", ("account.account_pkey",)
    ),
    Attack(
        "two accounts on one registry account",
        account("(20, 'delta', 'R-alpha')"),
        "account_registry_account_key",
        ("account.account_registry_account_key",),
    ),
    Attack(
        "an account bound to nothing",
        account("(20, 'delta', NULL)"),
        "account_is_bound",
        ("account.account_is_bound",),
    ),
    Attack(
        "a participant named like the fees",
        account("(20, 'fees', 'R-9')"),
        "account_is_bound",
        ("account.account_is_bound", "account.account_pkey"),
    ),
    Attack(
        "an account of no entry",
        account("(41, 'delta', 'R-9')"),
        "account_is_journaled",
        ("account.account_is_journaled",),
    ),
    Attack("an instrument of both classes", asset("(20, 'CIR1', 'II')"), "asset_pkey", ("asset.asset_pkey",)),
    Attack(
        "an instrument of a third class",
        asset("(20, 'CIR3', 'III')"),
        "asset_methodology_class_check",
        ("asset.asset_methodology_class_check",),
    ),
    Attack("an instrument of no class", asset("(20, 'CIR3', NULL)"), "asset_class", ("asset.asset_class",)),
    Attack(
        "an instrument of no entry",
        asset("(41, 'CIR3', 'I')"),
        "asset_is_journaled",
        ("asset.asset_is_journaled",),
    ),
    Attack("a lot registered twice", lot("(20, 'one', 'CIR1', 'I', '[0,9)')"), "lot_pkey", ("lot.lot_pkey",)),
    Attack(
        "a Class II lot under a Class I code",
        lot("(20, 'three', 'CIR1', 'II', '[0,9)')"),
        "lot_class",
        ("lot.lot_class",),
    ),
    Attack(
        "a lot without end", lot("(20, 'three', 'CIR1', 'I', '[0,)')"), "lot_serials", ("lot.lot_serials",)
    ),
    Attack(
        "a lot of nothing", lot("(20, 'three', 'CIR1', 'I', 'empty')"), "lot_serials", ("lot.lot_serials",)
    ),
    Attack(
        "a lot of no entry",
        lot("(41, 'three', 'CIR1', 'I', '[0,9)')"),
        "lot_is_journaled",
        ("lot.lot_is_journaled",),
    ),
    # ---- history stays, for its owner too
    *(
        Attack(
            f"{verb} {table}",
            sql(f"{verb} settlement.{table} {rest}"),
            "",
            (f"{table}.append_only",),
            by_owner=True,
        )
        for tables, verb, rest in (
            (("account", "asset", "lot", "settled", "posting", "serial_move"), "UPDATE", "SET seq = seq"),
            (("settled", "posting", "serial_move"), "DELETE FROM", ""),
            (("lot", "settled", "posting", "serial_move"), "TRUNCATE", ""),
        )
        for table in tables
    ),
    *(
        Attack(name, sql(text), f"{table}_is_derived", (f"{table}.{table}_is_derived",), by_owner=True)
        for table, name, text in (
            (
                "balance",
                "a balance raised",
                "UPDATE settlement.balance SET amount = 9 WHERE account = 'alpha'",
            ),
            ("balance", "a balance made", "INSERT INTO settlement.balance VALUES ('gamma', 'CNY', 9)"),
            ("balance", "a debt removed", "DELETE FROM settlement.balance WHERE account = 'outside'"),
            ("balance", "all balances gone", "TRUNCATE settlement.balance"),
            ("holding", "a holding handed over", "UPDATE settlement.holding SET account = 'gamma'"),
            ("holding", "a holding made", "INSERT INTO settlement.holding VALUES ('gamma', 1, '[180,190)')"),
            ("holding", "holdings removed", "DELETE FROM settlement.holding"),
            ("holding", "all holdings gone", "TRUNCATE settlement.holding"),
        )
    ),
)

NO_ATTACK_REACHES = {
    "asset.asset_asset_methodology_class_key": "what lot_class refers to; the primary key alone keeps codes apart",
    "lot.lot_lot_no_key": "numbers are made by the database only",
    "balance.balance_pkey": "a second row could only come of two writers opening one balance at the same instant",
}
"""Guards with a reason why no attack shows them."""
