"""What settles reaches the double-entry tables, agrees with the core and with a plain model, and nothing else does."""

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby

import asyncpg
import pytest
import pytest_asyncio

from gateway.engine.entry import Entry
from gateway.engine.tables.journal import SERVICE_ROLE, Connection
from gateway.engine.tables.settlement_postings import (
    Reader,
    SettlementPostings,
    collect,
    compare_with_core,
    settlement_check,
)
from matching.commands import AdvanceClose, AdvanceTime, CloseDay, RetryRetirement
from matching.events import Event
from matching.order import Side
from settlement import serials
from settlement.certificate import Certificate, CertifiedLot, Statement, certify
from settlement.channels import Channel
from settlement.commands import Outcome
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
)
from settlement.instrument import Instrument
from settlement.lot import MethodologyClass, Origin
from settlement.retirement import RetirementId, RetirementPurpose, Use
from settlement.serials import Serials
from settlement.use_events import CertificateIssued
from settlement.values import (
    CASH,
    FEES,
    OUTSIDE,
    RETIRED,
    AccountId,
    AssetCode,
    InstructionId,
    LotId,
    ParticipantId,
    TradeId,
    TradingDay,
)
from tests.gateway.engine.world import (
    DAY,
    LISTING,
    LOT,
    START_NS,
    adopting,
    confirmations,
    engine,
    migrated,
    order,
)
from tests.gateway.postgres.second_wall import journal

ACCOUNTS = tuple(AccountId(name) for name in ("alpha", "beta", "gamma", "delta"))
LOTS = tuple(replace(LOT, lot_id=LotId(name), serials=(0, 60)) for name in ("one", "two"))
CLASS_II = replace(
    LOT,
    lot_id=LotId("three"),
    instrument=AssetCode("SHCERCIR2"),
    methodology_class=MethodologyClass.II,
    serials=(0, 60),
)


USE = Use(purpose=RetirementPurpose.DONATION, beneficiary="a school")


@asynccontextmanager
async def undone(connection: Connection) -> AsyncIterator[None]:
    """Whatever happens inside is rolled back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


@pytest_asyncio.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """An empty second wall, as the journal's writer sees it, with a journal of 2,000 entries."""
    await migrated(database)
    connection = await asyncpg.connect(database)
    await journal(connection, 2_000)
    await connection.execute(f"SET ROLE {SERVICE_ROLE}")
    yield connection
    await connection.close()


def certificate_of(completed: RetirementCompleted, number: int) -> Certificate:
    """What the core would certify of it."""
    return certify(
        Statement(
            reference=completed.retirement_id,
            entity=ParticipantId(completed.account),
            account=completed.account,
            purpose=Channel(completed.use.purpose.value),
            compliance_year=None,
            beneficiary=completed.use.beneficiary,
            statement=completed.use.statement,
            instrument=completed.instrument,
            quantity_tonnes=completed.quantity_tonnes,
            lots=tuple(
                CertifiedLot(
                    lot_id=part.lot_id,
                    methodology_class=MethodologyClass.I,
                    methodology="M",
                    methodology_version="1",
                    origin=Origin.PROJECT,
                    project="P",
                    period_from="2024-01-01",
                    period_to="2024-12-31",
                    serials=part.serials,
                )
                for part in completed.lots
            ),
            donated_to=None,
            accepted_at_ns=0,
            completed_at_ns=0,
            deadline_ns=None,
            instruction_id=InstructionId("use-1"),
            trading_day=TradingDay("2026-11-23"),
        ),
        number + 1,
    )


@dataclass
class Maker:
    """Entries as the core would make them."""

    seq: int = 0
    last_trade: int = 0

    def entry(self, *events: Event) -> Entry:
        self.seq += 1
        return Entry(self.seq, 0, AdvanceTime(), events)

    def setting_up(self) -> list[Entry]:
        opened: list[Event] = [
            AccountOpened(account=name, owner=ParticipantId(name), registry_account=f"R-{name}")
            for name in ACCOUNTS
        ]
        codes = ((LISTING, MethodologyClass.I), (CLASS_II.instrument, MethodologyClass.II))
        added: list[Event] = [
            InstrumentAdded(instrument=Instrument(code=code, methodology_class=kind)) for code, kind in codes
        ]
        registered: list[Event] = [LotRegistered(lot=lot) for lot in (*LOTS, CLASS_II)]
        return [self.entry(event) for event in (*opened, *added, *registered)]

    def deposit(self, account: AccountId, amount_fen: int) -> Entry:
        return self.entry(
            CashDeposited(account=account, amount_fen=amount_fen, bank_reference=f"bank-{self.seq}"),
            posted(CASH, amount_fen, OUTSIDE, account),
        )

    def transfer(self, kind: InstructionKind, account: AccountId, lots: tuple[LotSlice, ...]) -> Entry:
        tonnes = count(lots)
        ends = (OUTSIDE, account) if kind is InstructionKind.TRANSFER_IN else (account, OUTSIDE)
        return self.entry(
            posted(LISTING, tonnes, *ends),
            TransferCompleted(
                account=account,
                instruction_id=InstructionId(f"{kind.value}-{self.seq}"),
                kind=kind,
                instrument=LISTING,
                quantity_tonnes=tonnes,
                lots=lots,
            ),
        )

    def retirement(
        self, account: AccountId, lots: tuple[LotSlice, ...], retirement_id: str | None = None
    ) -> Entry:
        tonnes = count(lots)
        completed = RetirementCompleted(
            retirement_id=RetirementId(retirement_id or f"trade-{self.seq}"),
            account=account,
            instrument=LISTING,
            quantity_tonnes=tonnes,
            use=USE,
            lots=lots,
        )
        return self.entry(
            Posted(
                asset=LISTING,
                amount=tonnes,
                from_account=account,
                from_bucket=Bucket.DELIVERING,
                to_account=account,
                to_bucket=Bucket.RETIRED,
            ),
            completed,
            CertificateIssued(account=account, certificate=certificate_of(completed, self.seq)),
        )

    def delivery(
        self,
        seller: AccountId,
        buyer: AccountId,
        lots: tuple[LotSlice, ...],
        amount_fen: int,
        fees: tuple[int, int] = (0, 0),
    ) -> list[Event]:
        self.last_trade += 1
        tonnes = count(lots)
        paid = [
            posted(CASH, fee, payer, FEES) for fee, payer in zip(fees, (buyer, seller), strict=True) if fee
        ]
        return [
            posted(LISTING, tonnes, seller, buyer),
            posted(CASH, amount_fen, buyer, seller),
            *paid,
            DeliverySettled(
                trade_id=TradeId(self.last_trade),
                trading_day=TradingDay("2026-11-23"),
                instrument=LISTING,
                seller=seller,
                buyer=buyer,
                quantity_tonnes=tonnes,
                amount_fen=amount_fen,
                lots=lots,
                buyer_fee_fen=fees[0],
                seller_fee_fen=fees[1],
            ),
        ]


def posted(asset: AssetCode, amount: int, source: AccountId, target: AccountId) -> Posted:
    return Posted(
        asset=asset,
        amount=amount,
        from_account=source,
        from_bucket=Bucket.OUTSIDE if source == OUTSIDE else Bucket.DELIVERING,
        to_account=target,
        to_bucket=Bucket.OUTSIDE if target == OUTSIDE else Bucket.AVAILABLE,
    )


def count(lots: tuple[LotSlice, ...]) -> int:
    return sum(serials.count(part.serials) for part in lots)


def one(*ranges: tuple[int, int]) -> tuple[LotSlice, ...]:
    return (LotSlice(lot_id=LotId("one"), serials=ranges),)


# ---- a plain model -----------------------------------------------------------------------------------------------


@dataclass
class Model:
    """Who has what, serial by serial and fen by fen, in the plainest way."""

    owner: dict[tuple[LotId, int], AccountId] = field(
        default_factory=lambda: {(lot.lot_id, serial): OUTSIDE for lot in LOTS for serial in range(60)}
    )
    cash: dict[AccountId, int] = field(default_factory=lambda: dict.fromkeys((*ACCOUNTS, FEES), 0))

    def of(self, account: AccountId) -> list[tuple[LotId, int]]:
        return [place for place, owner in self.owner.items() if owner == account]

    def give(self, account: AccountId, lots: tuple[LotSlice, ...]) -> None:
        for part in lots:
            for first, end in part.serials:
                self.owner.update(((part.lot_id, serial), account) for serial in range(first, end))

    def balances(self) -> dict[tuple[str, str], int]:
        held = {(account, CASH): amount for account, amount in self.cash.items()}
        held |= {(account, LISTING): len(self.of(account)) for account in (*ACCOUNTS, RETIRED)}
        return {place: amount for place, amount in held.items() if amount}

    def holdings(self) -> dict[tuple[str, str], Serials]:
        found = {
            (account, lot.lot_id): ranges(
                serial for lot_id, serial in self.of(account) if lot_id == lot.lot_id
            )
            for account in (*ACCOUNTS, RETIRED)
            for lot in LOTS
        }
        return {place: held for place, held in found.items() if held}


def ranges(numbers: Iterable[int]) -> Serials:
    """Numbers in ascending order as merged ranges."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return tuple(found)


async def stored_balances(connection: Reader) -> dict[tuple[str, str], int]:
    rows = await connection.fetch(
        "SELECT account, asset, amount FROM settlement.balance WHERE account <> 'outside' AND amount <> 0"
    )
    return {(row["account"], row["asset"]): row["amount"] for row in rows}


async def stored_holdings(connection: Connection) -> dict[tuple[str, str], Serials]:
    rows = await connection.fetch(
        "SELECT account, lot_id, lower(holding.serials) AS first, upper(holding.serials) AS until "
        "FROM settlement.holding JOIN settlement.lot USING (lot_no) ORDER BY account, lot_id, first"
    )
    return {
        place: tuple((row["first"], row["until"]) for row in group)
        for place, group in groupby(rows, key=lambda row: (row["account"], row["lot_id"]))
    }


@dataclass
class Play:
    """A random but possible history."""

    chance: random.Random
    maker: Maker = field(default_factory=Maker)
    model: Model = field(default_factory=Model)

    def some(self, account: AccountId) -> tuple[LotSlice, ...]:
        """A few of what the account has (or of what is outside), torn apart on purpose."""
        here = self.model.of(account)
        wanted = self.chance.randint(1, min(12, len(here)))
        first = self.chance.randrange(len(here) - wanted + 1)
        chosen = [place for place in here[first : first + wanted] if self.chance.random() < 0.9] or here[:1]
        return tuple(
            LotSlice(lot_id=lot_id, serials=ranges(serial for _, serial in places))
            for lot_id, places in groupby(sorted(chosen), key=lambda place: place[0])
        )

    def next(self) -> Entry:
        account = self.chance.choice(ACCOUNTS)
        act = self.chance.choice(("deposit", "in", "out", "retire", "deliver", "deliver", "deliver"))
        if act == "in" and self.model.of(OUTSIDE):
            lots = self.some(OUTSIDE)
            self.model.give(account, lots)
            return self.maker.transfer(InstructionKind.TRANSFER_IN, account, lots)
        if act == "out" and self.model.of(account):
            lots = self.some(account)
            self.model.give(OUTSIDE, lots)
            return self.maker.transfer(InstructionKind.TRANSFER_OUT, account, lots)
        if act == "retire" and self.chance.random() < 0.5 and self.model.of(account):
            lots = self.some(account)
            self.model.give(RETIRED, lots)
            return self.maker.retirement(account, lots)
        if act == "deliver" and (events := self._deliveries()):
            return self.maker.entry(*events)
        amount_fen = self.chance.randint(1, 500)
        self.model.cash[account] += amount_fen
        return self.maker.deposit(account, amount_fen)

    def _deliveries(self) -> list[Event]:
        """Several in one entry, as one confirmed movement settles them; no serial twice."""
        events: list[Event] = []
        before = replace(self.model, owner=dict(self.model.owner))
        for seller in self.chance.sample(ACCOUNTS, self.chance.randint(1, 3)):
            buyer = self.chance.choice([account for account in ACCOUNTS if account != seller])
            if not before.of(seller) or not self.model.cash[buyer]:
                continue
            lots = Play(self.chance, self.maker, before).some(seller)
            before.give(OUTSIDE, lots)
            amount_fen = self.chance.randint(1, self.model.cash[buyer])
            left_fen = min(amount_fen, self.model.cash[buyer] - amount_fen)
            fees = (
                self.chance.choice((0, left_fen // 2, left_fen)),
                self.chance.choice((0, amount_fen // 3)),
            )
            self.model.cash[buyer] -= amount_fen + fees[0]
            self.model.cash[seller] += amount_fen - fees[1]
            self.model.cash[FEES] += sum(fees)
            self.model.give(buyer, lots)
            events += self.maker.delivery(seller, buyer, lots, amount_fen, fees)
        return events

    def wrong(self) -> Entry:
        """Something that no core should ever say, in the state reached."""
        account, other = self.chance.sample(ACCOUNTS, 2)
        theirs = self.model.of(other)
        lots = self.some(other) if theirs else one((0, 1))
        used = self.model.of(RETIRED)
        gone = Play(self.chance, self.maker, self.model).some(RETIRED) if used else one((0, 1))
        match self.chance.randrange(9):
            case 4 if theirs:
                return self.maker.retirement(account, lots)
            case 5 if used:
                return self.maker.retirement(account, gone)
            case 6 if used:
                return self.maker.transfer(InstructionKind.TRANSFER_IN, account, gone)
            case 7 if used:
                return self.maker.transfer(InstructionKind.TRANSFER_OUT, RETIRED, gone)
            case 8 if theirs:
                fee_fen = self.model.cash[account]
                return self.maker.entry(*self.maker.delivery(other, account, lots, 1, (fee_fen, 0)))
            case 0 if theirs:
                return self.maker.transfer(InstructionKind.TRANSFER_IN, account, lots)
            case 1 if theirs:
                return self.maker.transfer(InstructionKind.TRANSFER_OUT, account, lots)
            case 2 if theirs:
                too_much = self.model.cash[account] + 1
                return self.maker.entry(*self.maker.delivery(other, account, lots, too_much))
            case _:
                posting = posted(CASH, 1, OUTSIDE, account)
                return self.maker.entry(posting)


@pytest.mark.parametrize("seed", range(8))
async def test_a_random_history_agrees_with_a_plain_model(connection: Connection, seed: int) -> None:
    play, wall = Play(random.Random(seed)), SettlementPostings()
    await wall.write(connection, play.maker.setting_up())
    for _ in range(25):
        await wall.write(connection, [play.next() for _ in range(play.chance.randint(1, 12))])
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            async with undone(connection):
                await wall.write(connection, [play.wrong()])
        assert await stored_balances(connection) == play.model.balances()
        assert await stored_holdings(connection) == play.model.holdings()
        assert await settlement_check(connection) == ()


# ---- the projection ----------------------------------------------------------------------------------------------


async def test_a_whole_life_in_one_batch(connection: Connection) -> None:
    maker = Maker()
    alpha, beta, gamma, _ = ACCOUNTS
    entries = [
        *maker.setting_up(),
        maker.deposit(beta, 1_000),
        maker.transfer(InstructionKind.TRANSFER_IN, alpha, one((0, 10))),
        maker.entry(*maker.delivery(alpha, beta, one((2, 5)), 300)),
        maker.transfer(InstructionKind.TRANSFER_OUT, beta, one((3, 4))),
        maker.entry(*maker.delivery(alpha, gamma, one((8, 9)), 1)),
    ]
    entries.insert(-1, maker.deposit(gamma, 7))
    await SettlementPostings().write(connection, entries)
    assert await stored_balances(connection) == {
        (alpha, CASH): 301,
        (alpha, LISTING): 6,
        (beta, CASH): 700,
        (beta, LISTING): 2,
        (gamma, CASH): 6,
        (gamma, LISTING): 1,
    }
    assert await stored_holdings(connection) == {
        (alpha, "one"): ((0, 2), (5, 8), (9, 10)),
        (beta, "one"): ((2, 3), (4, 5)),
        (gamma, "one"): ((8, 9),),
    }
    assert await settlement_check(connection) == ()


async def test_fees_and_retirements_in_one_batch(connection: Connection) -> None:
    maker = Maker()
    alpha, beta, _, _ = ACCOUNTS
    entries = [
        *maker.setting_up(),
        maker.deposit(beta, 1_000),
        maker.transfer(InstructionKind.TRANSFER_IN, alpha, one((0, 10))),
        maker.entry(*maker.delivery(alpha, beta, one((2, 5)), 300, (30, 3))),
        maker.entry(*maker.delivery(alpha, beta, one((5, 6)), 100, (0, 1))),
        maker.retirement(beta, one((2, 4))),
        maker.retirement(beta, one((4, 5))),
    ]
    await SettlementPostings().write(connection, entries)
    assert await stored_balances(connection) == {
        (alpha, CASH): 396,
        (alpha, LISTING): 6,
        (beta, CASH): 570,
        (beta, LISTING): 1,
        (FEES, CASH): 34,
        (RETIRED, LISTING): 3,
    }
    assert await stored_holdings(connection) == {
        (alpha, "one"): ((0, 2), (6, 10)),
        (beta, "one"): ((5, 6),),
        (RETIRED, "one"): ((2, 5),),
    }
    reasons = await connection.fetch(
        "SELECT kind, reference, amount, from_account, to_account FROM settlement.settled "
        "WHERE kind IN ('fee', 'retirement') ORDER BY seq, line"
    )
    assert [tuple(row) for row in reasons] == [
        ("fee", "1.buy", 30, beta, FEES),
        ("fee", "1.sell", 3, alpha, FEES),
        ("fee", "2.sell", 1, alpha, FEES),
        ("retirement", f"trade-{entries[-2].seq - 1}", 2, beta, RETIRED),
        ("retirement", f"trade-{entries[-1].seq - 1}", 1, beta, RETIRED),
    ]
    assert await settlement_check(connection) == ()


async def test_a_retirement_is_posted_once_and_its_serials_never_again(connection: Connection) -> None:
    maker, wall = Maker(), SettlementPostings()
    alpha, beta, _, _ = ACCOUNTS
    arrival, used = InstructionKind.TRANSFER_IN, one((3, 4))
    sound = [
        *maker.setting_up(),
        maker.deposit(beta, 100),
        maker.transfer(arrival, alpha, one((0, 10))),
        maker.retirement(alpha, one((0, 4)), "trade-1"),
    ]
    await wall.write(connection, sound)
    for again, refusals in (
        (maker.retirement(alpha, one((4, 8)), "trade-1"), {"settled_once"}),
        (maker.retirement(alpha, used, "trade-2"), {"holding_is_owned", "holding_has_one_owner"}),
        (maker.transfer(arrival, beta, used), {"holding_has_one_owner"}),
        (maker.transfer(InstructionKind.TRANSFER_OUT, RETIRED, used), {"retired_for_good"}),
        (maker.entry(*maker.delivery(alpha, beta, used, 5)), {"holding_is_owned"}),
        (maker.entry(*maker.delivery(RETIRED, beta, used, 5)), {"retired_for_good"}),
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await wall.write(connection, [again])
        assert refused.value.constraint_name in refusals
    assert await settlement_check(connection) == ()


def test_a_serial_that_moves_again_waits_for_the_next_statement() -> None:
    maker = Maker()
    alpha, beta, gamma, _ = ACCOUNTS
    batch = collect(
        [
            maker.transfer(InstructionKind.TRANSFER_IN, alpha, one((0, 10))),
            maker.transfer(InstructionKind.TRANSFER_IN, alpha, one((20, 30))),
            maker.entry(*maker.delivery(alpha, beta, one((9, 10), (20, 21)), 300)),
            maker.entry(*maker.delivery(alpha, beta, one((0, 9)), 300)),
            maker.entry(*maker.delivery(beta, gamma, one((20, 21)), 300)),
        ]
    )
    assert [{move[0] for move in wave.moves} for wave in batch.waves] == [{1, 2}, {3, 4}, {5}]


async def test_orders_cost_no_statement() -> None:
    hold = Posted(
        asset=CASH,
        amount=5,
        from_account=ACCOUNTS[0],
        from_bucket=Bucket.AVAILABLE,
        to_account=ACCOUNTS[0],
        to_bucket=Bucket.HELD,
    )
    entry = Maker().entry(hold)
    assert not SettlementPostings().concerns(entry)
    assert collect([entry]).waves == []


async def test_an_entry_is_written_once(connection: Connection) -> None:
    maker, wall = Maker(), SettlementPostings()
    await wall.write(connection, maker.setting_up())
    deposit = maker.deposit(ACCOUNTS[0], 5)
    transfer = maker.transfer(InstructionKind.TRANSFER_IN, ACCOUNTS[0], one((0, 10)))
    await wall.write(connection, [deposit, transfer])
    for again in (deposit, transfer):
        with pytest.raises(asyncpg.UniqueViolationError):
            await wall.write(connection, [again])
    with pytest.raises(asyncpg.UniqueViolationError):
        await wall.write(connection, Maker().setting_up()[:1])
    assert await stored_balances(connection) == {("alpha", CASH): 5, ("alpha", LISTING): 10}


async def test_ledger_and_events_must_tell_the_same(connection: Connection) -> None:
    maker, wall = Maker(), SettlementPostings()
    await wall.write(connection, maker.setting_up())
    deposit = maker.deposit(ACCOUNTS[0], 5)
    for told in (
        deposit.events[:1],
        deposit.events[1:],
        (deposit.events[0], posted(CASH, 6, OUTSIDE, ACCOUNTS[0])),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refusal:
            await wall.write(connection, [replace(deposit, events=told)])
        assert refusal.value.constraint_name == "settled_is_posted"


async def test_a_lot_of_the_wrong_class_is_refused(connection: Connection) -> None:
    maker, wall = Maker(), SettlementPostings()
    await wall.write(connection, maker.setting_up())
    smuggled = replace(CLASS_II, lot_id=LotId("four"), instrument=LISTING)
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refusal:
        await wall.write(connection, [maker.entry(LotRegistered(lot=smuggled))])
    assert refusal.value.constraint_name == "lot_class"


async def test_no_plan_reads_a_whole_table(connection: Connection) -> None:
    """Plans made while everything was empty are kept by the session, and must still be right when it is not."""
    play, wall = Play(random.Random(1)), SettlementPostings()
    async with undone(connection):
        await wall.write(connection, play.maker.setting_up())
        for _ in range(10):
            await wall.write(connection, [play.next() for _ in range(20)])
        scans = await connection.fetch(
            "SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE schemaname = 'settlement' "
            "AND relname IN ('settled', 'posting', 'serial_move', 'balance', 'holding', 'lot')"
        )
    assert {row["relname"]: row["seq_scan"] for row in scans} == dict.fromkeys(
        ("settled", "posting", "serial_move", "balance", "holding", "lot"), 0
    )


# ---- the cross-check ---------------------------------------------------------------------------------------------

DAMAGE = {
    "UPDATE settlement.balance SET amount = amount + 1 WHERE account = 'alpha' AND asset = 'CNY'": {
        "balance_is_posted",
        "asset_sums_to_zero",
    },
    "DELETE FROM settlement.balance WHERE account = 'alpha' AND asset = 'CNY'": {
        "balance_is_posted",
        "asset_sums_to_zero",
    },
    "UPDATE settlement.holding SET account = 'delta'": {"holding_is_moved", "tonne_has_serial"},
    "UPDATE settlement.holding SET serials = '[0,61)'": {
        "holding_is_moved",
        "tonne_has_serial",
        "serial_is_of_lot",
    },
    "DELETE FROM settlement.holding": {"holding_is_moved", "tonne_has_serial"},
    "INSERT INTO settlement.holding VALUES ('alpha', 1, '[10,20)')": {
        "holding_is_moved",
        "tonne_has_serial",
        "holding_is_merged",
    },
    "ALTER TABLE settlement.holding DROP CONSTRAINT holding_has_one_owner;"
    "INSERT INTO settlement.holding VALUES ('delta', 1, '[0,1)')": {
        "holding_is_moved",
        "tonne_has_serial",
        "serial_has_one_owner",
    },
    "INSERT INTO settlement.holding VALUES ('alpha', 99, '[10,20)')": {"lot_is_known"},
    "DELETE FROM settlement.posting WHERE line = 1": {"balance_is_posted", "posting_has_reason"},
    "UPDATE settlement.settled SET amount = amount + 1 WHERE kind = 'deposit'": {"posting_has_reason"},
    "DELETE FROM settlement.serial_move": {"holding_is_moved"},
    "ALTER TABLE settlement.balance DROP CONSTRAINT balance_floor;"
    "UPDATE settlement.balance SET amount = -1 WHERE account = 'alpha' AND asset = 'CNY'": {
        "balance_is_posted",
        "asset_sums_to_zero",
        "nothing_is_negative",
    },
}

SINK_DAMAGE = {
    "UPDATE settlement.balance SET amount = amount - 1 WHERE account = 'retired'": {
        "balance_is_posted",
        "asset_sums_to_zero",
        "retired_is_retirements",
        "tonne_has_serial",
    },
    "UPDATE settlement.holding SET account = 'beta' WHERE account = 'retired'": {
        "holding_is_moved",
        "tonne_has_serial",
    },
    "ALTER TABLE settlement.settled DROP CONSTRAINT retired_for_good, DROP CONSTRAINT settled_to_sink;"
    "UPDATE settlement.settled SET from_account = 'retired', to_account = 'beta' WHERE kind = 'retirement'": {
        "retired_for_good",
        "posting_has_reason",
        "holding_is_moved",
    },
    "UPDATE settlement.balance SET amount = amount + 1 WHERE account = 'fees'": {
        "balance_is_posted",
        "asset_sums_to_zero",
        "fees_are_charged",
    },
    "UPDATE settlement.settled SET reference = '7.buy' WHERE kind = 'fee'": {"fee_is_of_delivery"},
    "UPDATE settlement.settled SET reference = '1.sell' WHERE kind = 'fee'": {"fee_is_of_delivery"},
    "UPDATE settlement.settled SET payment_fen = 1 WHERE kind = 'delivery'": {
        "fee_is_of_delivery",
        "posting_has_reason",
    },
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_damage_by_whoever_gets_past_the_guards_is_found(connection: Connection, damage: str) -> None:
    maker = Maker()
    entries = [
        *maker.setting_up(),
        maker.deposit(ACCOUNTS[0], 5),
        maker.transfer(InstructionKind.TRANSFER_IN, ACCOUNTS[0], one((0, 10))),
    ]
    assert await found_after(connection, entries, damage) == DAMAGE[damage]


@pytest.mark.parametrize("damage", SINK_DAMAGE)
async def test_damage_to_what_was_used_and_charged_is_found(connection: Connection, damage: str) -> None:
    maker = Maker()
    alpha, beta, _, _ = ACCOUNTS
    entries = [
        *maker.setting_up(),
        maker.deposit(beta, 100),
        maker.transfer(InstructionKind.TRANSFER_IN, alpha, one((0, 10))),
        maker.entry(*maker.delivery(alpha, beta, one((0, 5)), 50, (3, 0))),
        maker.retirement(beta, one((0, 5))),
    ]
    assert await found_after(connection, entries, damage) == SINK_DAMAGE[damage]


async def found_after(connection: Connection, entries: list[Entry], damage: str) -> set[str]:
    """What the cross-check finds after damage to what these entries left, with every guard asleep."""
    await SettlementPostings().write(connection, entries)
    assert await settlement_check(connection) == ()
    await connection.execute("RESET ROLE")
    for table in ("settled", "posting", "serial_move", "balance", "holding"):
        await connection.execute(f"ALTER TABLE settlement.{table} DISABLE TRIGGER USER")
    await connection.execute(damage)
    return {found.what for found in await settlement_check(connection)}


async def test_the_tables_agree_with_the_core_at_every_stage_of_a_day(database: str) -> None:
    async with engine(database, projections=(SettlementPostings(),)) as running:
        depository = running.recovered.exchange.depository

        async def differences() -> set[str]:
            async with running.pool.acquire() as connection:
                assert await settlement_check(connection) == ()
                return {found.what for found in await compare_with_core(connection, depository.dump())}

        await running.set_up()
        assert await differences() == set()
        await running.do(order("seller", Side.SELL, 6_800, 10))
        await running.do(order("buyer", Side.BUY, 6_800, 4), order("buyer2", Side.BUY, 6_800, 3))
        assert await differences() == set()
        await running.do(CloseDay(trading_day=DAY))
        asked: list[Entry] = []
        while not confirmations(asked):
            asked = await running.do(AdvanceClose(trading_day=DAY, portion=100))
        assert depository.movements.instructions
        assert await differences() == set()
        await running.do(*confirmations(asked))
        assert depository.ledger.available(AccountId("buyer"), LISTING) == 4
        assert await differences() == set()


async def test_the_tables_agree_with_the_core_at_every_stage_of_a_use(database: str) -> None:
    async with engine(database, projections=(SettlementPostings(),)) as running:
        depository = running.recovered.exchange.depository

        async def sound() -> None:
            async with running.pool.acquire() as connection:
                assert await settlement_check(connection) == ()
                assert await compare_with_core(connection, depository.dump()) == ()

        await running.set_up()
        buyers = (("fee_buyer_ppm", 800), ("fee_buyer_minimum_fen", 25))
        sellers = (("fee_seller_ppm", 500), ("fee_seller_cap_fen", 20))
        await running.do(adopting(*buyers, *sellers, ("settlement_cycle", "as_traded")))
        await running.do(order("seller", Side.SELL, 6_800, 10))
        traded = await running.do(
            order("buyer", Side.BUY, 6_800, 4, use=USE), order("buyer2", Side.BUY, 6_800, 3)
        )
        await sound()
        delivered = await running.do(*confirmations(traded))
        await sound()
        assert depository.ledger.balance(AccountId("buyer"), LISTING).delivering == 4
        assert depository.ledger.available(FEES, CASH) == 25 + 13 + 25 + 7
        refused = [
            replace(one, outcome=Outcome.REFUSED, code="account_frozen") for one in confirmations(delivered)
        ]
        assert len(refused) == 1
        await running.do(*refused)
        await sound()
        retry = RetryRetirement(
            operator=ParticipantId("olga"), reason="thawed", retirement_id=RetirementId("trade-1")
        )
        asked = await running.do(retry)
        await sound()
        await running.do(*confirmations(asked))
        await sound()
        assert depository.ledger.balance(AccountId("buyer"), LISTING).retired == 4
        async with running.pool.acquire() as connection:
            assert (RETIRED, LISTING) in await stored_balances(connection)
            emptied = replace(depository.dump(), balances=())
            assert await compare_with_core(connection, emptied) != ()


async def test_the_comparison_with_the_core_sees_tonnes_fen_and_serials(database: str) -> None:
    async with engine(database, projections=(SettlementPostings(),)) as running:
        await running.set_up()
        state = running.recovered.exchange.depository.dump()
        first, *others = state.balances
        poorer = replace(state, balances=(replace(first, available=first.available - 1), *others))
        forgetful = replace(state, balances=tuple(others))
        elsewhere = replace(
            state, holdings=tuple(replace(held, account=AccountId("buyer")) for held in state.holdings)
        )
        shorter = replace(state, holdings=tuple(replace(held, serials=((1, 5),)) for held in state.holdings))
        async with running.pool.acquire() as connection:
            for altered, what, many in (
                (poorer, "balance_is_the_ledgers", 1),
                (forgetful, "balance_is_the_ledgers", 1),
                (elsewhere, "holding_is_the_cores", 2),
                (shorter, "holding_is_the_cores", 1),
            ):
                found = await compare_with_core(connection, altered)
                assert [difference.what for difference in found] == [what] * many


async def test_what_the_wall_refuses_is_not_journaled(database: str) -> None:
    async with engine(database, projections=(SettlementPostings(),)) as running:
        await running.set_up()
        position = running.journal.position
        lie = Entry(position + 1, START_NS, AdvanceTime(), (posted(CASH, 1, OUTSIDE, AccountId("buyer")),))
        with pytest.raises(asyncpg.CheckViolationError):
            await running.journal.append([lie])
        assert await running.journal.entry(position + 1) is None
