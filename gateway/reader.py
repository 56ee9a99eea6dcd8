"""A process for the public only: it reads what another one writes, and serves what everybody may see.

However many look on here, whoever trades is not touched. It has no key, no password, no session and no way into the core:
its connections can only read, by a setting of theirs, and where it may by a role that has no other right.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import resources
from typing import Final, NoReturn

import asyncpg

from gateway.access.acts_asked import ActsAsked
from gateway.access.authenticate import Authenticator
from gateway.access.keys import KeyStore
from gateway.access.limits import RateLimits
from gateway.access.lockout import Lockout
from gateway.access.passwords import Passwords
from gateway.access.people import People
from gateway.access.seal import Seal
from gateway.access.sessions import Sessions, SessionTimes
from gateway.access.sign_in import SignIns
from gateway.config import Settings, make_private_dir, read_quotas
from gateway.door import SHUTDOWN_S, listening, make_room, open_door, url_of, waiting_room
from gateway.engine.clock import RealClock
from gateway.engine.following import Following
from gateway.engine.history.history import History
from gateway.engine.history.oversight import Oversight
from gateway.engine.looks import Looks
from gateway.engine.recovery import RecoveryError
from gateway.engine.tables.journal import Connection, JournalReader, Pool
from gateway.engine.templates import Templates
from gateway.http.app import make_app, make_runner
from gateway.http.bounds import read_bounds
from gateway.http.services import HoldingsUnknown, HttpSettings, Services
from gateway.lifetime import Lifetime, Say, settle_memory
from gateway.metrics import Metrics
from gateway.postgres.migrations import read_folder
from gateway.roles import Role
from gateway.service_manager import notify
from gateway.standby import require_reachable
from settlement.values import AccountId

READER_ROLE: Final = "puhui_reader"
"""What the connections act as where they may: it reads what the public is shown and what that is made from."""

POOL_SIZE: Final = 8
CONNECT_TIMEOUT_S: Final = 10
COMMAND_TIMEOUT_S: Final = 30
NS_PER_MS: Final = 1_000_000


async def serve_public(settings: Settings, say: Say) -> None:
    """Serve the public until asked to stop, or until what is followed cannot be followed any more.

    Raises:
        gateway.faults.OPERATOR_FAULTS: it cannot start, or what it follows is another journal all of a sudden.
    """
    assert settings.database_url is not None, "settings ask for one"
    make_private_dir(settings.data_dir)
    lifetime = Lifetime()
    async with AsyncExitStack() as stack:
        lifetime.listen(stack)
        with lifetime.starting():
            door = stack.enter_context(listening(settings.host, settings.port))
            waiting = await stack.enter_async_context(AsyncExitStack())
            await waiting.enter_async_context(waiting_room(door, settings.role))
            await require_reachable(settings.database_url)
            # The journal is followed over a connection of its own, for which no look at history has to be waited for.
            line = await stack.enter_async_context(reading(settings.database_url, size=1))
            pool = await stack.enter_async_context(reading(settings.database_url, size=POOL_SIZE))
            await _require_own_schema(line)
            following = await Following.load(line, lambda done, left: say(f"读取 | reading {done}, {left}"))
            services = _services(settings, following, pool, url_of(door))
            lifetime.run(stack, "following", following.run())
            make_room(services.settings.connections)
            runner = make_runner(make_app(services), services, shutdown_s=SHUTDOWN_S)
            settle_memory()
            await waiting.aclose()
            await stack.enter_async_context(open_door(door, runner))
            say(f"公开行情已就绪 | ready for the public: {url_of(door)}")
            notify("READY=1")
        await lifetime.last()
        say("正在停止 | stopping")
        notify("STOPPING=1")


@asynccontextmanager
async def reading(dsn: str, *, size: int) -> AsyncIterator[Pool]:
    """Connections that can only read. They come back by themselves when the database does."""
    pool = await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=COMMAND_TIMEOUT_S,
        init=_only_read,
        server_settings={"application_name": "puhui reader", "default_transaction_read_only": "on"},
    )
    try:
        yield pool
    finally:
        pool.terminate()  # nothing is under way that could be left half done


async def _only_read(connection: Connection) -> None:
    if await connection.fetchval(_MAY_ACT_AS, READER_ROLE):
        await connection.execute(f"SET ROLE {READER_ROLE}")


_MAY_ACT_AS: Final = """
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AND pg_has_role(current_user, $1, 'MEMBER')"""


async def _require_own_schema(pool: Pool) -> None:
    own = read_folder(resources.files("gateway.postgres") / "schema")[-1].number
    try:
        found = await pool.fetchval("SELECT max(number) FROM schema_migration")
    except asyncpg.UndefinedTableError:
        found = None
    if found is None:
        raise RecoveryError("there is no exchange in this database yet")
    if found != own:
        raise RecoveryError(
            f"the database has schema {found}, and this release has {own}: run the release of the process that serves"
        )


def _services(settings: Settings, following: Following, pool: Pool, url: str) -> Services:
    http_settings = HttpSettings(quotas=read_quotas(settings.quotas), **read_bounds(settings.limits))
    seal = Seal(bytes(32))  # of nothing: there is nothing sealed here
    keys = KeyStore(pool, seal, {})
    metrics = Metrics(of_the_writer=False)
    metrics.process.watch(settings.data_dir, pool)
    metrics.process.role.labels(Role.READER).set(1)
    return Services(
        sequencer=following,
        journal=JournalReader(pool),
        views=following.views,
        history=History(pool),
        templates=Templates(pool),
        keys=keys,
        acts_asked=ActsAsked(pool, seal),
        sign_ins=SignIns(
            People(pool, seal, {}), Sessions(pool, (), SessionTimes()), Passwords(), Lockout(), time.time_ns
        ),
        looks=Looks(pool),
        oversight=Oversight(pool),
        authenticator=Authenticator(keys, lambda: time.time_ns() // NS_PER_MS),
        clock=RealClock(),
        limits=RateLimits(http_settings.quotas),
        metrics=metrics,
        management_holdings=_nobody_asks,
        settings=http_settings,
        following=following,
        behind_limit_s=settings.behind_limit_s,
        public_url=settings.public_url or url,
    )


async def _nobody_asks(_: AccountId) -> NoReturn:
    raise HoldingsUnknown("this process has no line to the registry")
