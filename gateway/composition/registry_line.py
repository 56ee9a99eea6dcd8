"""The line to the registry: the client, what drives it, and how the exchange's events and commands meet it."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from gateway.composition.reference_registry import own_key, own_line, start_registry
from gateway.config import Settings, make_private_dir
from gateway.engine.day_driver import Reconcile
from gateway.engine.entry import Entry
from gateway.engine.patience import rejection_of, submit_patiently
from gateway.http.services import HoldingsUnknown, ManagementHoldings
from gateway.lifetime import Lifetime, Say
from gateway.metrics import Metrics
from gateway.registry_process import RegistryProcess
from gateway.running_engine import Engine
from matching.commands import RecordReconciliation
from registry_bridge.bridge import Bridge
from registry_bridge.exchange_side import (
    ExchangeOutbox,
    ExchangeSide,
    compare_positions,
    management_holdings,
)
from registry_bridge.http_line import LineSettings
from registry_bridge.http_registry import HttpRegistry, connect
from registry_bridge.keys import load_signer, load_verifier
from registry_bridge.reference import serving
from registry_bridge.registry import RegistryUnavailable, UnknownReason
from registry_bridge.upkeep import AccountBinder, LotFeed
from settlement.events import AccountOpened, LotSlice
from settlement.lot import MethodologyClass
from settlement.serials import Serials
from settlement.values import AccountId, AssetCode, LotId, TradingDay

log = structlog.get_logger("app")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The line to the registry, as the rest of the exchange uses it."""

    registry: HttpRegistry
    outbox: ExchangeOutbox
    bridge: Bridge
    binder: AccountBinder
    feed: LotFeed
    process: RegistryProcess | None
    """The reference registry, where we run it."""

    @property
    def is_sound(self) -> bool:
        """Whether the registry answers, and contradicts itself about nothing that is under way."""
        return self.feed.answers and not self.bridge.progress.stopped


@asynccontextmanager
async def registry_line(
    settings: Settings, engine: Engine, lifetime: Lifetime, say: Say
) -> AsyncIterator[Line]:
    """The registry (our own child, unless one is named), and all that goes back and forth."""
    exchange_key = own_key(make_private_dir(settings.keys_dir), "exchange")
    async with AsyncExitStack() as stack:
        process = None
        if settings.registry_url is None:
            say("启动参考登记平台 | starting the reference registry")
            process = await start_registry(settings, exchange_key, lifetime, stack)
        registry = await stack.enter_async_context(connect(_line_settings(settings, exchange_key)))
        outbox = ExchangeOutbox(_exchange_side(engine))
        bridge = Bridge(outbox, registry, clock_ns=time.time_ns)
        binder = AccountBinder(registry)
        _follow_commits(engine, outbox, binder)
        feed = _lot_feed(registry, engine)
        for name, work in (
            ("registry bridge", bridge.run()),
            ("account binder", binder.run()),
            ("lot feed", feed.run()),
        ):
            lifetime.run(stack, name, work)
        line = Line(
            registry=registry, outbox=outbox, bridge=bridge, binder=binder, feed=feed, process=process
        )
        _watch(engine.metrics, line)
        yield line


def _line_settings(settings: Settings, exchange_key: Path) -> LineSettings:
    if settings.registry_url is None:
        return own_line(settings.registry_dir, serving.EXCHANGE_KEY, exchange_key)
    assert settings.registry_key_file is not None, "settings name both or neither"
    return LineSettings(
        url=settings.registry_url,
        key=serving.EXCHANGE_KEY,
        signer=load_signer(exchange_key),
        verifier=load_verifier(settings.registry_key_file),
    )


def _watch(metrics: Metrics, line: Line) -> None:
    """Let an operator's tools see how the line is."""
    progress = line.bridge.progress
    metrics.watch(metrics.line.answers, lambda: line.is_sound)
    metrics.watch(metrics.line.restarts, lambda: line.process.restarts if line.process else 0)
    metrics.watch(metrics.line.unclear_seconds, lambda: progress.unknown_for_s(time.time_ns()))
    metrics.watch(metrics.line.unbound, lambda: line.binder.refused)
    for why in UnknownReason:
        metrics.watch(
            metrics.line.unclear_answers.labels(why.value), partial(progress.unknown_because_of, why)
        )


def _exchange_side(engine: Engine) -> ExchangeSide:
    def registry_account(account: AccountId) -> str:
        found = engine.views.account(account)
        assert found is not None, f"an instruction names account {account}, which was never opened"
        return found.registry_account

    return ExchangeSide(
        exchange_id=engine.journal.exchange_id,
        pending=lambda: tuple(engine.views.pending_instructions.values()),
        registry_account=registry_account,
        submit=partial(submit_patiently, engine.sequencer),
    )


def _follow_commits(engine: Engine, outbox: ExchangeOutbox, binder: AccountBinder) -> None:
    """Wake the bridge when something new is pending; have accounts bound, those opened before included."""
    for account in engine.views.accounts().values():
        binder.add(account.registry_account, account.account)

    def look(entries: Sequence[Entry]) -> None:
        for entry in entries:
            for event in entry.events:
                outbox.follow(event)
                if isinstance(event, AccountOpened):
                    binder.add(event.registry_account, event.account)

    engine.sequencer.on_commit(look)


def _lot_feed(registry: HttpRegistry, engine: Engine) -> LotFeed:
    def instrument_of(methodology_class: MethodologyClass) -> AssetCode | None:
        codes = (code for code, known in engine.views.instruments.items() if known is methodology_class)
        return next((AssetCode(code) for code in codes), None)

    return LotFeed(
        registry,
        instrument_of=instrument_of,
        is_known=lambda lot: lot in engine.views.lots_known,
        register=partial(rejection_of, engine.sequencer),
    )


def reconciler(engine: Engine, line: Line) -> Reconcile:
    """Compares both sides' positions, and says what came of it as the core is to be told."""

    def holdings() -> Iterator[tuple[AccountId, LotId, Serials]]:
        for account in engine.views.accounts().values():
            for lot, serials in account.serials.items():
                yield AccountId(account.account), LotId(lot), serials

    async def reconcile(trading_day: TradingDay) -> RecordReconciliation:
        found = await compare_positions(line.registry, line.outbox, holdings)
        for difference in found.breaks:
            log.error("reconciliation_break", kind=difference.kind.value, lot=difference.lot)
        return RecordReconciliation(
            trading_day=trading_day,
            breaks=found.break_count,
            digest_here=found.here.digest,
            digest_there=found.there.digest,
        )

    return reconcile


def holdings_reader(line: Line) -> ManagementHoldings:
    """Asks the registry what lies in an account's management sub-account."""

    async def holdings(account: AccountId) -> tuple[LotSlice, ...]:
        try:
            return await management_holdings(line.registry, line.outbox.side.registry_account(account))
        except RegistryUnavailable as unavailable:
            raise HoldingsUnknown from unavailable

    return holdings
