"""The line to the registry: the client, what drives it, and how the exchange's events and commands meet it."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars

from gateway.composition.own_trail import known_movements
from gateway.composition.reference_registry import own_key, own_line, start_registry
from gateway.config import Settings, SettingsFault, make_private_dir
from gateway.engine.clock import NS_PER_S, ManualClock
from gateway.engine.day_driver import Reconcile
from gateway.engine.entry import Entry
from gateway.engine.patience import rejection_of, submit_patiently
from gateway.engine.views.account_views import AccountView
from gateway.http.services import HoldingsUnknown, ManagementHoldings
from gateway.lifetime import Lifetime, Say
from gateway.metrics import Metrics
from gateway.registry_process import RegistryProcess
from gateway.registry_report import (
    MovementCounts,
    ReconcileNow,
    RegistryReport,
    RegistrySilent,
    StoppedMovement,
    UnclearMovement,
)
from gateway.request_ids import SERVING
from gateway.running_engine import Engine
from matching.commands import Command, RecordReconciliation
from registry_bridge.bridge import Bridge
from registry_bridge.capabilities import Capabilities
from registry_bridge.circuit import Circuit, CircuitState
from registry_bridge.exchange_side import (
    ExchangeOutbox,
    ExchangeSide,
    management_holdings,
)
from registry_bridge.http_line import LineSettings
from registry_bridge.http_registry import HttpRegistry, connect
from registry_bridge.journal_watch import JournalWatch
from registry_bridge.keys import KeyFileError, load_signer, load_verifier
from registry_bridge.notice_feed import NoticeFeed
from registry_bridge.progress import Counts, Progress, report
from registry_bridge.reconciling import Outcome, Reconciler
from registry_bridge.reference import serving
from registry_bridge.registry import MovementKind, RegistryUnavailable, UnknownReason
from registry_bridge.request_names import Life, RequestNames
from registry_bridge.upkeep import AccountBinder, LotFeed
from settlement.commands import ReportBreaks
from settlement.events import AccountOpened, LotSlice
from settlement.lot import MethodologyClass
from settlement.serials import Serials
from settlement.values import AccountId, AssetCode, InstructionId, LotId, TradingDay

log = structlog.get_logger("app")

REHEARSAL_GRACE_NS: Final = 100 * 365 * 86_400 * NS_PER_S
"""A century: in a rehearsal no deadline is meant to pass by the registry's clock, which nobody moves."""
ON_DEMAND_LIMIT_S: Final = 25.0
"""An operator who asks for a comparison waits no longer for a registry that does not answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The line to the registry, as the rest of the exchange uses it."""

    registry: HttpRegistry
    outbox: ExchangeOutbox
    bridge: Bridge
    binder: AccountBinder
    feed: LotFeed
    notices: NoticeFeed
    watch: JournalWatch
    reconciler: Reconciler
    process: RegistryProcess | None
    """The reference registry, where we run it."""

    @property
    def is_sound(self) -> bool:
        """Whether the registry answers, and contradicts itself about nothing that is under way."""
        return self.feed.answers and not self.bridge.progress.stopped


@asynccontextmanager
async def registry_line(
    settings: Settings, engine: Engine, lifetime: Lifetime, say: Say, promises: Capabilities | None = None
) -> AsyncIterator[Line]:
    """The registry (our own child, unless one is named), and all that goes back and forth.

    `promises` is the platform's record where it does not serve one.
    """
    exchange_key = own_key(make_private_dir(settings.keys_dir), "exchange")
    async with AsyncExitStack() as stack:
        process = None
        if settings.registry_url is None:
            say("启动参考登记平台 | starting the reference registry")
            process = await start_registry(settings, exchange_key, lifetime, stack)
        registry = await stack.enter_async_context(connect(_line_settings(settings, exchange_key)))
        outbox = ExchangeOutbox(_exchange_side(engine))
        bridge = Bridge(outbox, registry, clock_ns=time.time_ns, capabilities=promises)
        binder = AccountBinder(registry)
        _follow_commits(engine, outbox, binder)
        feed = _lot_feed(registry, engine)
        notices = _notice_feed(registry, engine)
        custody = engine.views.custody
        outbox.newest_entry = custody.clean_as_of
        watch = JournalWatch(registry, outbox, known_movements(engine))
        for name, work in (
            ("registry bridge", bridge.run()),
            ("account binder", binder.run()),
            ("lot feed", feed.run()),
            ("notice feed", notices.run()),
            ("journal watch", watch.run()),
        ):
            task = lifetime.run(stack, name, work)
            # Whoever lost the journal asks the registry for nothing more, and does not wait for its own end with it.
            engine.journal.on_lost(task.cancel)
        line = Line(
            registry=registry,
            outbox=outbox,
            bridge=bridge,
            binder=binder,
            feed=feed,
            notices=notices,
            watch=watch,
            reconciler=Reconciler(
                registry,
                outbox,
                notices,
                since=custody.clean_as_of,
                frozen=custody.frozen_registry_accounts,
            ),
            process=process,
        )
        _watch(engine.metrics, line)
        yield line


def _line_settings(settings: Settings, exchange_key: Path) -> LineSettings:
    if settings.registry_url is None:
        return own_line(settings.registry_dir, serving.EXCHANGE_KEY, exchange_key)
    assert settings.registry_key_file is not None, "settings name both or neither"
    try:
        verifier = load_verifier(settings.registry_key_file)
    except KeyFileError as fault:
        raise SettingsFault(f"registry_key_file {fault}", setting="registry_key_file") from fault
    return LineSettings(
        url=settings.registry_url,
        key=serving.EXCHANGE_KEY,
        signer=load_signer(exchange_key),
        verifier=verifier,
    )


def _watch(metrics: Metrics, line: Line) -> None:
    """Let an operator's tools see how the line is."""
    progress, circuit, shown = line.bridge.progress, line.registry.circuit, metrics.line
    shown.answers.set_function(lambda: line.is_sound)
    shown.restarts.watch(lambda: line.process.restarts if line.process else 0)
    shown.unclear_seconds.set_function(lambda: progress.unknown_for_s(time.time_ns()))
    shown.stopped.set_function(lambda: len(progress.stopped))
    shown.unbound.set_function(lambda: line.binder.refused)
    shown.notices_wait.set_function(lambda: line.notices.waits_at is not None)
    shown.circuit_opened.watch(lambda: circuit.opened)
    for state in CircuitState:
        shown.circuit.labels(state.value).set_function(partial(_is_in, circuit, state))
    for why in UnknownReason:
        shown.unclear_answers.watch(partial(progress.unknown_because_of, why), why.value)
    for kind in MovementKind:
        shown.in_flight.labels(kind.value).set_function(partial(_count, progress, kind, "in_flight"))
        for outcome in ("sent", "confirmed", "refused", "unknown"):
            shown.movements.watch(partial(_count, progress, kind, outcome), kind.value, outcome)


def _is_in(circuit: Circuit, state: CircuitState) -> bool:
    return circuit.state is state


def _count(progress: Progress, kind: MovementKind, outcome: str) -> int:
    return int(getattr(progress.by_kind[kind], outcome))


def report_of(line: Line) -> RegistryReport:
    """The line as an operator reads it."""
    found = report(
        line.bridge.progress, circuit=line.registry.circuit.state, circuit_opened=line.registry.circuit.opened
    )
    return RegistryReport(
        answers=line.feed.answers,
        circuit=found.circuit.value,
        circuit_opened=found.circuit_opened,
        variant=None if found.variant is None else found.variant.value,
        total=_counts(found.total),
        by_kind={kind.value: _counts(counts) for kind, counts in found.by_kind.items()},
        unknown_by_reason={why.value: count for why, count in found.unknown_by_reason.items()},
        unclear=tuple(
            UnclearMovement(request_id=one.request_id, since_ns=one.since_ns) for one in found.unclear
        ),
        unclear_count=found.unclear_count,
        stopped=tuple(
            StoppedMovement(
                request_id=one.movement.request_id,
                kind=one.kind.value,
                earlier=one.earlier,
                later=one.later,
            )
            for one in found.stopped
        ),
        not_bound=line.binder.refused,
        notice_waits_at=line.notices.waits_at,
        journal_entry=line.outbox.newest_entry,
    )


def _counts(counts: Counts) -> MovementCounts:
    return MovementCounts(
        sent=counts.sent,
        asked=counts.asked,
        cancelled=counts.cancelled,
        confirmed=counts.confirmed,
        refused=counts.refused,
        unknown=counts.unknown,
        in_flight=counts.in_flight,
    )


def _exchange_side(engine: Engine) -> ExchangeSide:
    def view(account: AccountId) -> AccountView:
        found = engine.views.account(account)
        assert found is not None, f"account {account} was never opened"
        return found

    def registry_account(account: AccountId) -> str:
        return view(account).registry_account

    def serials(account: AccountId) -> Mapping[str, Serials]:
        return view(account).serials

    return ExchangeSide(
        names=_names(engine),
        pending=lambda: tuple(engine.views.pending_instructions.values()),
        registry_account=registry_account,
        accounts=lambda: tuple(AccountId(account) for account in engine.views.accounts()),
        serials=serials,
        arriving=lambda: (
            (account, LotId(lot), serials) for account, lot, serials in engine.views.custody.arriving()
        ),
        submit=partial(_submit, engine),
        grace_ns=REHEARSAL_GRACE_NS if isinstance(engine.clock, ManualClock) else 0,
    )


def _names(engine: Engine) -> RequestNames:
    def asked_at(name: InstructionId) -> int | None:
        known = engine.views.custody.trail.get(name)
        return None if known is None else known.seq

    lives = tuple(Life(first_seq=first_seq, mark=mark) for first_seq, mark in engine.journal.lives)
    if lives:
        log.warning("restored_exchange", lives=len(lives), first_entry_since=lives[-1].first_seq)
    return RequestNames(exchange_id=engine.journal.exchange_id, lives=lives, asked_at=asked_at)


async def _submit(engine: Engine, command: Command) -> None:
    """A command of the bridge's own, known under the request that its movement comes of.

    A report of differences that the core does not take would be lost.
    """
    SERVING.set(get_contextvars().get("request_id", ""))
    rejection = await rejection_of(engine.sequencer, command)
    assert rejection is None or not isinstance(command, ReportBreaks), f"{command}: {rejection}"


def _follow_commits(engine: Engine, outbox: ExchangeOutbox, binder: AccountBinder) -> None:
    """Wake the bridge when something new is pending; have accounts bound, those opened before included."""
    for account in engine.views.accounts().values():
        binder.add(account.registry_account, account.account)

    def look(entries: Sequence[Entry]) -> None:
        for entry in entries:
            for event in entry.events:
                outbox.follow(event, entry.request_id)
                if isinstance(event, AccountOpened):
                    binder.add(event.registry_account, event.account)

    engine.sequencer.on_commit(look)


def _instrument_of(engine: Engine, methodology_class: MethodologyClass) -> AssetCode | None:
    """The instrument of a class, if one is listed."""
    codes = (code for code, known in engine.views.instruments.items() if known is methodology_class)
    return next((AssetCode(code) for code in codes), None)


def _lot_feed(registry: HttpRegistry, engine: Engine) -> LotFeed:
    return LotFeed(
        registry,
        instrument_of=partial(_instrument_of, engine),
        is_known=lambda lot: lot in engine.views.lots_known,
        register=partial(rejection_of, engine.sequencer),
    )


def _notice_feed(registry: HttpRegistry, engine: Engine) -> NoticeFeed:
    return NoticeFeed(
        registry,
        cursor=lambda: engine.views.custody.notice_cursor,
        take=partial(rejection_of, engine.sequencer),
        instrument_of=partial(_instrument_of, engine),
    )


def reconciler(line: Line) -> Reconcile:
    """Compares both sides for the close, for as long as it takes, and says what the core is to be told."""

    async def reconcile(trading_day: TradingDay) -> RecordReconciliation:
        return await _compared(line, trading_day, on_demand=False)

    return reconcile


def reconciler_on_demand(engine: Engine, line: Line) -> ReconcileNow:
    """Compares both sides for an operator, trail and positions; one does not wait for a line that is down."""

    async def reconcile() -> Entry:
        try:
            async with asyncio.timeout(ON_DEMAND_LIMIT_S):
                with _named_calls():
                    recording = await _compared(line, TradingDay(""), on_demand=True)
        except TimeoutError:
            raise RegistrySilent from None
        day = TradingDay(engine.views.market.trading_day or "")
        return await submit_patiently(engine.sequencer, replace(recording, trading_day=day))

    return reconcile


async def _compared(line: Line, trading_day: TradingDay, *, on_demand: bool) -> RecordReconciliation:
    """All positions, and the whole trail at least up to the entry they are dated by, for as long as it takes."""
    recording = _recording(await line.reconciler.reconcile(), trading_day, on_demand=on_demand)
    apart = await line.watch.look_patiently(whole=True)
    return replace(recording, breaks=recording.breaks + len(apart))


def _recording(found: Outcome, trading_day: TradingDay, *, on_demand: bool) -> RecordReconciliation:
    for difference in found.differences:
        log.error("reconciliation_break", kind=difference.kind.value, lot=difference.lot_id)
    return RecordReconciliation(
        trading_day=trading_day,
        breaks=max(found.positions.break_count, len(found.differences)),
        digest_here=found.positions.here.digest,
        digest_there=found.positions.there.digest,
        as_of=found.positions.as_of,
        on_demand=on_demand,
    )


def _named_calls() -> AbstractContextManager[None]:
    """While this lasts, calls are known under the id of the request that they are made for."""
    return bound_contextvars(request_id=SERVING.get())


def holdings_reader(line: Line) -> ManagementHoldings:
    """Asks the registry what lies in an account's management sub-account."""

    async def holdings(account: AccountId) -> tuple[LotSlice, ...]:
        try:
            with _named_calls():
                return await management_holdings(line.registry, line.outbox.side.registry_account(account))
        except RegistryUnavailable as unavailable:
            raise HoldingsUnknown from unavailable

    return holdings
