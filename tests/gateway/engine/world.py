"""A small exchange for the engine's tests: an always-open market, a seller with units, buyers with money."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from itertools import count

import asyncpg

from gateway.engine.clock import Clock, ManualClock
from gateway.engine.entry import AccountEvent, Entry
from gateway.engine.history.history import History
from gateway.engine.recovery import Recovered, recover
from gateway.engine.sequencer import Sequencer
from gateway.engine.snapshot import Snapshots
from gateway.engine.tables.journal import Journal, Projection
from gateway.engine.views.views import Views
from gateway.markets.loader import load_market
from gateway.postgres.migrations import migrate
from matching.calendar import midnight_ns
from matching.commands import AddListing, AdoptRules, CancelOrder, Command, OpenDay, SubmitOrder
from matching.events import Rejected
from matching.listing import Listing
from matching.order import OrderId, Side, TimeInForce
from matching.rule_values import RuleValue
from matching.rulebook import Certainty, RuleChange
from settlement.account import ParticipantKind
from settlement.commands import (
    AddInstrument,
    DepositCash,
    OpenAccount,
    Outcome,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    ResolveInstruction,
)
from settlement.events import LotSlice, MovementInstructed
from settlement.instrument import Instrument
from settlement.lot import Lot, MethodologyClass, Origin
from settlement.retirement import Use
from settlement.values import AccountId, AssetCode, LotId, ParticipantId, TradingDay

LISTING = AssetCode("SHCERCIR1")
DAY = TradingDay("2026-11-23")
START_NS = midnight_ns(DAY) + 10 * 3_600 * 1_000_000_000
TRADERS = ("seller", "buyer", "buyer2")
UNITS = 100_000
CASH_FEN = 1_000_000_000

LOT = Lot(
    lot_id=LotId("LOT-1"),
    instrument=LISTING,
    methodology_class=MethodologyClass.I,
    methodology="SHCER-01",
    methodology_version="1",
    origin=Origin.PROJECT,
    project="roof solar",
    period_from="2025-01-01",
    period_to="2025-12-31",
    batch="1",
    issued_on="2026-03-01",
    serials=(1, UNITS + 1),
)


def setting_up(hours: str = "always-open", day: TradingDay = DAY) -> list[Command]:
    """What makes an empty exchange one that trades, but for the units' arrival."""
    market = load_market(hours)
    commands: list[Command] = [market.rules, *market.calendars]
    commands.append(AddInstrument(instrument=Instrument(code=LISTING, methodology_class=MethodologyClass.I)))
    commands.append(AddListing(listing=Listing(code=LISTING, first_reference_price_fen=6_800)))
    commands.append(RegisterLot(lot=LOT))
    for name in TRADERS:
        person, account = ParticipantId(f"{name}-person"), AccountId(name)
        commands.append(RegisterParticipant(participant=person, kind=ParticipantKind.INSTITUTION))
        commands.append(OpenAccount(account=account, owner=person, registry_account=f"R-{name}"))
        commands.append(deposit(name, CASH_FEN, f"first-{name}"))
    commands.append(OpenDay(trading_day=day))
    commands.append(
        RequestTransferIn(
            participant=ParticipantId("seller-person"),
            account=AccountId("seller"),
            client_id="transfer-1",
            instrument=LISTING,
            lots=(LotSlice(lot_id=LOT.lot_id, serials=(LOT.serials,)),),
            asked="the whole lot",
        )
    )
    return commands


def deposit(account: str, amount_fen: int, reference: str) -> DepositCash:
    return DepositCash(
        participant=ParticipantId("bank"),
        account=AccountId(account),
        client_id=reference,
        amount_fen=amount_fen,
        bank_reference=reference,
    )


_ids = count(1)


def order(
    account: str,
    side: Side,
    price_fen: int,
    quantity_tonnes: int,
    *,
    client_id: str | None = None,
    time_in_force: TimeInForce = TimeInForce.DAY,
    use: Use | None = None,
) -> SubmitOrder:
    return SubmitOrder(
        participant=ParticipantId(f"{account}-person"),
        account=AccountId(account),
        client_id=client_id or f"c-{next(_ids)}",
        listing=LISTING,
        side=side,
        price_fen=price_fen,
        quantity_tonnes=quantity_tonnes,
        time_in_force=time_in_force,
        use=use,
    )


def adopting(*values: tuple[str, RuleValue], from_ns: int = START_NS) -> AdoptRules:
    """These values, in force from then on."""
    return AdoptRules(
        operator=ParticipantId("olga"),
        reason="a test",
        changes=tuple(
            RuleChange(
                parameter=parameter,
                value=value,
                effective_from_ns=from_ns,
                source="a test",
                certainty=Certainty.DEMONSTRATION,
            )
            for parameter, value in values
        ),
    )


def cancel(account: str, order_id: int) -> CancelOrder:
    return CancelOrder(
        participant=ParticipantId(f"{account}-person"), account=AccountId(account), order_id=OrderId(order_id)
    )


def confirmations(entries: Sequence[Entry]) -> list[ResolveInstruction]:
    """The registry says yes to everything these entries ask of it."""
    return [
        ResolveInstruction(instruction_id=event.instruction.instruction_id, outcome=Outcome.CONFIRMED)
        for entry in entries
        for event in entry.events
        if isinstance(event, MovementInstructed)
    ]


@dataclass(kw_only=True)
class Engine:
    """A running engine."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    journal: Journal
    recovered: Recovered
    sequencer: Sequencer
    history: History
    clock: Clock
    running: "asyncio.Task[None]"
    told: list[AccountEvent] = field(default_factory=list)
    listened: list[Entry] = field(default_factory=list)

    @property
    def views(self) -> Views:
        return self.recovered.views

    async def do(self, *commands: Command) -> list[Entry]:
        """Submit all at once, wait for all."""
        return list(await asyncio.gather(*(self.sequencer.submit(command) for command in commands)))

    async def set_up(self, hours: str = "always-open", day: TradingDay = DAY) -> None:
        """Everything a trade needs."""
        entries = [await self.sequencer.submit(command) for command in setting_up(hours, day)]
        entries += await self.do(*confirmations(entries))
        refused = [event for entry in entries for event in entry.events if isinstance(event, Rejected)]
        assert refused == []


async def migrated(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await migrate(connection, resources.files("gateway.postgres") / "schema")
    await connection.close()


@asynccontextmanager
async def engine(
    dsn: str,
    *,
    clock: Clock | None = None,
    snapshot_every: int = 100_000,
    final_snapshot: bool = True,
    projections: Sequence[Projection] = (),
    queue_limit: int = 5_000,
    batch_limit: int = 256,
) -> AsyncIterator[Engine]:
    """An engine on that database, recovered and running, and drained at the end."""
    await migrated(dsn)
    clock = clock or ManualClock(START_NS)
    async with (
        asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool,
        Journal.opened(dsn, pool, projections) as journal,
    ):
        recovered = await recover(journal, pool)
        snapshots = Snapshots(
            pool,
            recovered.exchange,
            recovered.views,
            journal,
            every=snapshot_every,
            last_seq=recovered.snapshot_seq,
        )

        async def after_batch(entries: Sequence[Entry]) -> None:
            if entries or final_snapshot:
                await snapshots.after_batch(entries)

        sequencer = Sequencer(
            recovered.exchange,
            journal,
            clock,
            queue_limit=queue_limit,
            batch_limit=batch_limit,
            after_batch=after_batch,
        )
        sequencer.on_commit(recovered.views.apply)
        running = asyncio.create_task(sequencer.run())
        made = Engine(
            pool=pool,
            journal=journal,
            recovered=recovered,
            sequencer=sequencer,
            history=History(pool),
            clock=clock,
            running=running,
        )
        sequencer.on_commit(made.listened.extend)
        sequencer.on_account_events(made.told.extend)
        await asyncio.sleep(0)
        try:
            yield made
        finally:
            await sequencer.drain()
            if sequencer.failure is None:
                await running
            else:
                running.exception()
