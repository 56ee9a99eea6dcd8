"""The composition: the one place where the exchange, its database, its registry line and its public face meet."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import orjson
import structlog

from gateway.access.authenticate import Authenticator
from gateway.access.limits import RateLimits
from gateway.announcing import announce
from gateway.config import (
    DEFAULT_HOST,
    SeedName,
    Settings,
    SettingsFault,
    make_private_dir,
    read_quotas,
    write_private,
)
from gateway.demo import LABEL, PLAYERS, Seed, SeedFault, is_planted
from gateway.door import listening, open_door, url_of
from gateway.engine.day_driver import DayDriver
from gateway.engine.entry import Entry
from gateway.engine.patience import rejection_of, submit_patiently
from gateway.founding import found
from gateway.http.app import make_app
from gateway.http.services import HoldingsUnknown, HttpSettings, Services
from gateway.key_file import FIRST_OPERATOR, write_keys
from gateway.lifetime import Lifetime, Say, postgres, settle_memory
from gateway.markets.loader import load_market
from gateway.metrics import Metrics
from gateway.postgres.database import ensure_database
from gateway.postgres.migrations import migrate
from gateway.registry_process import RegistryPlace, RegistryProcess
from gateway.running_engine import Engine, running_engine
from matching.commands import RecordReconciliation
from registry_bridge.bridge import Bridge, Contradiction
from registry_bridge.exchange_side import (
    ExchangeOutbox,
    ExchangeSide,
    compare_positions,
    management_holdings,
)
from registry_bridge.http_administration import AdministrationRefused, connect_administration
from registry_bridge.http_line import LineSettings
from registry_bridge.http_registry import HttpRegistry, connect
from registry_bridge.keys import KeyFileError, create_key, load_signer, load_verifier
from registry_bridge.platform import ReferencePlatform
from registry_bridge.reference import serving
from registry_bridge.registry import RegistryUnavailable, UnknownReason
from registry_bridge.upkeep import AccountBinder, LotFeed
from settlement.events import AccountOpened, LotSlice
from settlement.lot import MethodologyClass
from settlement.serials import Serials
from settlement.values import AccountId, AssetCode, LotId, TradingDay

REGISTRY_DATABASE: Final = "puhui_registry"

log = structlog.get_logger("app")

READY_FILE: Final = "ready.json"
NS: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
FIRST_OPERATOR_LABEL: Final = "first-operator"

PLATFORM_FAULTS: Final = (AdministrationRefused, RegistryUnavailable)
"""What the administration of the registry may say instead of doing it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryServeSettings:
    """How `puhui registry serve` was told to run."""

    data_dir: Path
    exchange_key_file: Path
    """The exchange's public key."""
    host: str = DEFAULT_HOST
    port: int = 0
    database_url: str | None = None
    ready_file: Path | None = None
    """Where else to write the address once calls are answered."""


async def serve(settings: Settings, say: Say) -> None:
    """Run the exchange until asked to stop; everything stops in the reverse order of its start.

    Raises:
        gateway.faults.OPERATOR_FAULTS: it cannot start, or lost something it cannot be without.
    """
    market = load_market(settings.market)
    make_private_dir(settings.data_dir)
    lifetime = Lifetime()
    async with AsyncExitStack() as stack:
        lifetime.listen(stack)
        with lifetime.starting():
            door = stack.enter_context(listening(settings.host, settings.port))
            engine = await stack.enter_async_context(running_engine(settings, lifetime, say))
            line = await stack.enter_async_context(_registry_line(settings, engine, lifetime, say))
            lifetime.run(stack, "day driver", _day_driver(engine, line).run())
            await found(market, engine.views, engine.sequencer.submit)
            if settings.seed is SeedName.DEMO and not is_planted(engine.views):
                say("充入演示数据 | filling in the demonstration's data")
                await _plant(settings, engine)
            app = make_app(_services(settings, engine, line))
            settle_memory()
            await stack.enter_async_context(open_door(door, app))
            url = url_of(door)
            await _write_keys(settings, url, engine)
            announce(settings, url, say)
        await lifetime.last()
        say("正在停止 | stopping")


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
        """Whether the registry answers, and has not contradicted itself."""
        return self.feed.answers and self.bridge.progress.contradiction is None


@asynccontextmanager
async def _registry_line(
    settings: Settings, engine: Engine, lifetime: Lifetime, say: Say
) -> AsyncIterator[Line]:
    """The registry (our own child, unless one is named), and all that goes back and forth."""
    exchange_key = _own_key(make_private_dir(settings.keys_dir), "exchange")
    async with AsyncExitStack() as stack:
        process = None
        if settings.registry_url is None:
            say("启动参考登记平台 | starting the reference registry")
            process = await _start_registry(settings, exchange_key, lifetime, stack)
        registry = await stack.enter_async_context(connect(_line_settings(settings, exchange_key)))
        outbox = ExchangeOutbox(_exchange_side(engine))
        bridge = Bridge(outbox, registry, clock_ns=time.time_ns)
        binder = AccountBinder(registry)
        _follow_commits(engine, outbox, binder)
        feed = _lot_feed(registry, engine)
        for name, work in (
            ("registry bridge", _carry(bridge)),
            ("account binder", binder.run()),
            ("lot feed", feed.run()),
        ):
            lifetime.run(stack, name, work)
        line = Line(
            registry=registry, outbox=outbox, bridge=bridge, binder=binder, feed=feed, process=process
        )
        _watch(engine.metrics, line)
        yield line


async def _write_keys(settings: Settings, url: str, engine: Engine) -> None:
    """The demonstration's keys; otherwise those of the first operator, without whom nobody could begin."""
    is_demo = settings.seed is SeedName.DEMO
    if not is_demo and engine.keys.all() and not settings.key_file.exists():
        return  # the operator has taken the file away, as it should be
    await write_keys(
        settings.key_file,
        url,
        PLAYERS if is_demo else FIRST_OPERATOR,
        engine.keys,
        label=LABEL if is_demo else FIRST_OPERATOR_LABEL,
        at_ns=time.time_ns(),
    )


async def _plant(settings: Settings, engine: Engine) -> None:
    async with platform(settings.data_dir) as reference:
        seed = Seed(
            submit=engine.sequencer.submit,
            views=engine.views,
            platform=reference,
            now_ns=engine.clock.now_ns,
        )
        try:
            await seed.plant()
        except PLATFORM_FAULTS as fault:
            raise SeedFault(f"the registry: {fault}") from fault


async def _start_registry(
    settings: Settings, exchange_key: Path, lifetime: Lifetime, stack: AsyncExitStack
) -> RegistryProcess:
    place = RegistryPlace(
        data_dir=make_private_dir(settings.registry_dir), exchange_public_key_file=public_half(exchange_key)
    )
    process = RegistryProcess(place)
    stack.push_async_callback(process.stop)
    await process.start()
    lifetime.run(stack, "registry process", process.keep_running())
    return process


def _line_settings(settings: Settings, exchange_key: Path) -> LineSettings:
    if settings.registry_url is None:
        return _own_line(settings.registry_dir, serving.EXCHANGE_KEY, exchange_key)
    assert settings.registry_key_file is not None, "settings name both or neither"
    return LineSettings(
        url=settings.registry_url,
        key=serving.EXCHANGE_KEY,
        signer=load_signer(exchange_key),
        verifier=load_verifier(settings.registry_key_file),
    )


def _own_line(registry_dir: Path, key: str, private_file: Path) -> LineSettings:
    """A line to the reference registry that runs in that directory."""
    return LineSettings(
        url=str(orjson.loads((registry_dir / READY_FILE).read_bytes())["url"]),
        key=key,
        signer=load_signer(private_file),
        verifier=load_verifier(public_half(registry_dir / "registry.pem")),
    )


async def _carry(bridge: Bridge) -> None:
    """Carry movements. A registry that contradicts itself stops that, not the market, until a person has looked."""
    try:
        await bridge.run()
    except Contradiction as fault:
        log.critical(
            "registry_contradicts", request_id=fault.request_id, earlier=fault.earlier, later=fault.later
        )
        await asyncio.Event().wait()


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


def _day_driver(engine: Engine, line: Line) -> DayDriver:
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

    return DayDriver(
        engine.sequencer, engine.views, engine.clock, lambda: engine.exchange.next_change_ns, reconcile
    )


def _services(settings: Settings, engine: Engine, line: Line) -> Services:
    async def holdings(account: AccountId) -> tuple[LotSlice, ...]:
        try:
            return await management_holdings(line.registry, line.outbox.side.registry_account(account))
        except RegistryUnavailable as unavailable:
            raise HoldingsUnknown from unavailable

    http_settings = HttpSettings(quotas=read_quotas(settings.quotas))
    return Services(
        sequencer=engine.sequencer,
        journal=engine.journal,
        views=engine.views,
        history=engine.history,
        keys=engine.keys,
        authenticator=Authenticator(engine.keys, lambda: time.time_ns() // NS_PER_MS),
        clock=engine.clock,
        limits=RateLimits(http_settings.quotas),
        metrics=engine.metrics,
        management_holdings=holdings,
        registry_answers=lambda: line.is_sound,
        settings=http_settings,
    )


async def serve_registry(settings: RegistryServeSettings, say: Say) -> None:
    """Run the reference registry until asked to stop."""
    data_dir = make_private_dir(settings.data_dir)
    lifetime = Lifetime()
    async with AsyncExitStack() as stack:
        lifetime.listen(stack)
        with lifetime.starting():
            dsn = await stack.enter_async_context(
                postgres(lifetime, data_dir / "postgres", settings.database_url, say)
            )
            if settings.database_url is None:
                dsn = await ensure_database(dsn, REGISTRY_DATABASE)
            reference = serving.RegistrySettings(
                database_url=dsn,
                host=settings.host,
                port=settings.port,
                key_file=_own_key(data_dir, "registry"),
                exchange_public_key_file=settings.exchange_key_file,
                admin_public_key_file=public_half(_own_key(data_dir, "administration")),
            )
            try:
                url = await stack.enter_async_context(serving.running(reference, migrate=migrate))
            except KeyFileError as fault:
                raise SettingsFault(str(fault)) from fault
            for path in {data_dir / READY_FILE, settings.ready_file or data_dir / READY_FILE}:
                write_private(path, orjson.dumps({"url": url}))
            say(f"登记平台已就绪 | the registry is ready: {url}")
        await lifetime.last()


@asynccontextmanager
async def platform(data_dir: Path) -> AsyncIterator[ReferencePlatform]:
    """The administration of the reference registry that runs in this data directory."""
    registry_dir = data_dir / "registry"
    try:
        administration = _own_line(registry_dir, serving.ADMIN_KEY, registry_dir / "administration.pem")
        exchange = _own_line(registry_dir, serving.EXCHANGE_KEY, data_dir / "keys" / "exchange.pem")
    except FileNotFoundError as error:
        raise SettingsFault(
            f"no reference registry has run in {registry_dir}: {error.filename} is missing"
        ) from None
    async with connect_administration(administration) as people, connect(exchange) as registry:
        yield ReferencePlatform(people, registry)


def _own_key(directory: Path, name: str) -> Path:
    """A private key file of that name, made with its public half when there is none."""
    private_file = directory / f"{name}.pem"
    if not private_file.exists():
        create_key(private_file, public_half(private_file))
    return private_file


def public_half(private_file: Path) -> Path:
    """Where the public half of a private key file lies."""
    return private_file.with_suffix(".pub.pem")
