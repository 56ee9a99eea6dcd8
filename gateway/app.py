"""The composition: the one place where the exchange, its database, its registry line and its public face meet."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Final

import structlog

from gateway.access.accepted import accepting
from gateway.access.authenticate import Authenticator
from gateway.access.limits import RateLimits
from gateway.announcing import announce
from gateway.composition.promises import promises_of
from gateway.composition.reference_registry import PLATFORM_FAULTS, own_key, platform
from gateway.composition.registry_line import (
    Line,
    holdings_reader,
    reconciler,
    reconciler_on_demand,
    registry_line,
    report_of,
)
from gateway.config import SeedName, Settings, make_private_dir, read_quotas
from gateway.demo import LABEL, PLAYERS, Seed, SeedFault, is_planted, keep_year_open
from gateway.door import SHUTDOWN_S, listening, make_room, open_door, url_of, waiting_room
from gateway.engine.day_driver import DayDriver, Outside
from gateway.engine.history.issuing import Issuer
from gateway.engine.history.oversight import Oversight
from gateway.engine.looks import Looks
from gateway.engine.tables.journal import AnotherWriterError
from gateway.engine.templates import Templates
from gateway.engine.views.calendar_end import calendar_end
from gateway.founding import found
from gateway.http.app import make_app, make_runner
from gateway.http.bounds import read_bounds
from gateway.http.door.starting import WaitingRoom
from gateway.http.services import HttpSettings, Services
from gateway.key_file import FIRST_OPERATORS, write_keys
from gateway.lifetime import Lifetime, Say, settle_memory
from gateway.markets.loader import load_market
from gateway.reader import serve_public
from gateway.roles import Role
from gateway.running_engine import Engine, running_engine
from gateway.service_manager import notify
from gateway.standby import require_fit, until_unwritten

log = structlog.get_logger("app")

NS_PER_MS: Final = 1_000_000
FIRST_OPERATOR_LABEL: Final = "first-operator"


async def serve(settings: Settings, say: Say) -> None:
    """Run the exchange until asked to stop; everything stops in the reverse order of its start.

    Raises:
        gateway.faults.OPERATOR_FAULTS: it cannot start, or lost something it cannot be without.
    """
    if settings.role is Role.READER:
        await serve_public(settings, say)
        return
    market = load_market(settings.market)
    promises = promises_of(settings)
    make_private_dir(settings.data_dir)
    lifetime = Lifetime()
    async with AsyncExitStack() as stack:
        lifetime.listen(stack)
        with lifetime.starting():
            door = stack.enter_context(listening(settings.host, settings.port))
            since_ms = _now_ms()  # whoever listened here before has let go
            waiting = await stack.enter_async_context(AsyncExitStack())
            room = await waiting.enter_async_context(waiting_room(door, settings.role))
            if settings.role is Role.STANDBY:
                await require_fit(settings)
                say(f"待命 | standing by for the process that serves: {url_of(door)}")
                engine = await _taking_over(settings, room, stack, lifetime, say)
                since_ms = _now_ms()
            else:
                engine = await _engine(settings, stack, lifetime, say)
            line = await stack.enter_async_context(registry_line(settings, engine, lifetime, say, promises))
            accepted = await stack.enter_async_context(accepting(engine.reserved, _now_ms))
            sign_ins = engine.sign_ins
            lifetime.run(stack, "records of sessions", sign_ins.sessions.forget_daily(sign_ins.now_ns))
            lifetime.run(stack, "day driver", day_driver(engine, line).run())
            await found(market, engine.views, engine.sequencer.submit)
            if settings.seed is SeedName.DEMO:
                await _seed(settings, engine, say)
            authenticator = Authenticator(engine.keys, _now_ms, after_ms=since_ms, accepted=accepted)
            services = _services(settings, engine, line, url_of(door), authenticator)
            make_room(services.settings.connections)
            runner = make_runner(make_app(services), services, shutdown_s=SHUTDOWN_S)
            settle_memory()
            await accepted.let_pass()
            await waiting.aclose()
            await stack.enter_async_context(open_door(door, runner))
            url = url_of(door)
            await _write_keys(settings, url, engine)
            announce(settings, url, calendar_end(engine.views, engine.clock.now_ns()), say)
            notify("READY=1")
        await lifetime.last()
        say("正在停止 | stopping")
        log.info("draining", grace_s=settings.drain_grace_s, position=engine.sequencer.position)
        services.admission.close()
        notify("STOPPING=1")
        await asyncio.sleep(settings.drain_grace_s)


async def _engine(settings: Settings, stack: AsyncExitStack, lifetime: Lifetime, say: Say) -> Engine:
    """The exchange, with the key of its registry line, whose mark is noted with its term."""
    own_key(make_private_dir(settings.keys_dir), settings.line_key_file.stem)
    return await stack.enter_async_context(running_engine(settings, lifetime, say))


async def _taking_over(
    settings: Settings, room: WaitingRoom, stack: AsyncExitStack, lifetime: Lifetime, say: Say
) -> Engine:
    """The exchange, once nobody else is it any more."""
    room.state = "standby"
    notify("READY=1")
    while True:
        await until_unwritten(settings)
        log.info("taking_over")
        say("接替 | taking over")
        room.state = "starting"
        try:
            return await _engine(settings, stack, lifetime, say)
        except AnotherWriterError:
            room.state = "standby"  # another standby was quicker


async def _write_keys(settings: Settings, url: str, engine: Engine) -> None:
    """The demonstration's keys; otherwise those of the first operators, without whom nobody could begin."""
    is_demo = settings.seed is SeedName.DEMO
    if not is_demo and engine.keys.all() and not settings.key_file.exists():
        return  # the operator has taken the file away, as it should be
    await write_keys(
        settings.key_file,
        url,
        PLAYERS if is_demo else FIRST_OPERATORS,
        engine.keys,
        engine.sign_ins,
        label=LABEL if is_demo else FIRST_OPERATOR_LABEL,
        at_ns=time.time_ns(),
    )


async def _seed(settings: Settings, engine: Engine, say: Say) -> None:
    if not is_planted(engine.views):
        say("充入演示数据 | filling in the demonstration's data")
        await _plant(settings, engine)
    await keep_year_open(engine.views, engine.sequencer.submit, engine.clock.now_ns())


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


def day_driver(engine: Engine, line: Line) -> DayDriver:
    """What moves the day of a running exchange, with all that a close needs from outside."""
    return DayDriver(
        engine.sequencer,
        engine.views,
        engine.clock,
        lambda: engine.exchange.next_change_ns,
        Outside(reconcile=reconciler(line), issue=Issuer(engine.history.statements, engine.views)),
    )


def _now_ms() -> int:
    return time.time_ns() // NS_PER_MS


def _services(
    settings: Settings, engine: Engine, line: Line, url: str, authenticator: Authenticator
) -> Services:
    http_settings = HttpSettings(quotas=read_quotas(settings.quotas), **read_bounds(settings.limits))
    return Services(
        sequencer=engine.sequencer,
        journal=engine.journal,
        views=engine.views,
        history=engine.history,
        templates=Templates(engine.pool),
        keys=engine.keys,
        acts_asked=engine.acts_asked,
        sign_ins=engine.sign_ins,
        looks=Looks(engine.pool),
        oversight=Oversight(engine.pool),
        authenticator=authenticator,
        clock=engine.clock,
        limits=RateLimits(http_settings.quotas),
        metrics=engine.metrics,
        management_holdings=holdings_reader(line),
        registry_answers=lambda: line.is_sound,
        registry_report=lambda: report_of(line),
        reconcile=reconciler_on_demand(engine, line),
        commit_under_way_s=engine.commit_under_way_s,
        settings=http_settings,
        public_url=settings.public_url or url,
    )
