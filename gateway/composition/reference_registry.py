"""The reference registry beside the exchange: run as a server, started as our child, spoken to as its own people do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from gateway.config import DEFAULT_HOST, Settings, SettingsFault, make_private_dir
from gateway.lifetime import Lifetime, Say, postgres
from gateway.postgres.database import ensure_database
from gateway.postgres.migrations import migrate
from gateway.private_files import write_private
from gateway.registry_process import STOP_LIMIT_S, RegistryFailed, RegistryPlace, RegistryProcess
from gateway.roles import Role
from registry_bridge.http_administration import AdministrationRefused, connect_administration
from registry_bridge.http_line import LineSettings
from registry_bridge.http_registry import connect
from registry_bridge.keys import KeyFileError, ensure_key, load_signer, load_verifier
from registry_bridge.platform import ReferencePlatform
from registry_bridge.reference import serving
from registry_bridge.reference.later import LaterPolicy
from registry_bridge.registry import RegistryUnavailable

REGISTRY_DATABASE: Final = "puhui_registry"
READY_FILE: Final = "ready.json"

HANDOVER_S: Final = STOP_LIMIT_S
"""How long whoever takes over on one machine waits for the registry of the process before to end."""
AGAIN_S: Final = 0.2

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
    drill: bool = False
    """Whether there is a fault switch."""
    later_from_ranges: int | None = None
    """Movements of so many serial ranges and more are accepted and decided later; None: none."""
    later_after_ms: int = 0


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
                key_file=own_key(data_dir, "registry"),
                exchange_public_key_file=settings.exchange_key_file,
                admin_public_key_file=public_half(own_key(data_dir, "administration")),
                drill=settings.drill,
                later=LaterPolicy(from_ranges=settings.later_from_ranges, after_ms=settings.later_after_ms),
            )
            try:
                url = await stack.enter_async_context(serving.running(reference, migrate=migrate))
            except KeyFileError as fault:
                raise SettingsFault(str(fault)) from fault
            for path in {data_dir / READY_FILE, settings.ready_file or data_dir / READY_FILE}:
                write_private(path, orjson.dumps({"url": url}))
            say(f"登记平台已就绪 | the registry is ready: {url}")
            if settings.drill:
                say("演练: 故障开关已启用 | this is a drill: calls can be made to fail")
        await lifetime.last()


@asynccontextmanager
async def platform(data_dir: Path) -> AsyncIterator[ReferencePlatform]:
    """The administration of the reference registry that runs in this data directory."""
    registry_dir = data_dir / "registry"
    try:
        administration = own_line(registry_dir, serving.ADMIN_KEY, registry_dir / "administration.pem")
        exchange = own_line(registry_dir, serving.EXCHANGE_KEY, data_dir / "keys" / "exchange.pem")
    except FileNotFoundError as error:
        raise SettingsFault(
            f"no reference registry has run in {registry_dir}: {error.filename} is missing"
        ) from None
    async with connect_administration(administration) as people, connect(exchange) as registry:
        yield ReferencePlatform(people, registry)


def own_key(directory: Path, name: str) -> Path:
    """A private key file of that name, made with its public half when there is none.

    Raises SettingsFault where it holds no private key.
    """
    private_file = directory / f"{name}.pem"
    try:
        ensure_key(private_file, public_half(private_file))
    except KeyFileError as fault:
        raise SettingsFault(str(fault)) from fault
    return private_file


def public_half(private_file: Path) -> Path:
    """Where the public half of a private key file lies."""
    return private_file.with_suffix(".pub.pem")


async def start_registry(
    settings: Settings, exchange_key: Path, lifetime: Lifetime, stack: AsyncExitStack
) -> RegistryProcess:
    """Run it as our own child, started again whenever it ends; it stops when the stack unwinds."""
    place = RegistryPlace(
        data_dir=make_private_dir(settings.registry_dir),
        exchange_public_key_file=public_half(exchange_key),
        drill=settings.drill,
        log_options=settings.log_options,
    )
    process = RegistryProcess(place)
    stack.push_async_callback(process.stop)
    await _start(process, HANDOVER_S if settings.role is Role.STANDBY else 0.0)
    lifetime.run(stack, "registry process", process.keep_running())
    return process


async def _start(process: RegistryProcess, patience_s: float) -> None:
    """Start it, again and again for so long: the one beside the process that was replaced may still be ending."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + patience_s
    while True:
        try:
            return await process.start()
        except RegistryFailed:
            if loop.time() >= until_s:
                raise
        await asyncio.sleep(AGAIN_S)


def own_line(registry_dir: Path, key: str, private_file: Path) -> LineSettings:
    """A line to the reference registry that runs in that directory."""
    return LineSettings(
        url=str(orjson.loads((registry_dir / READY_FILE).read_bytes())["url"]),
        key=key,
        signer=load_signer(private_file),
        verifier=load_verifier(public_half(registry_dir / "registry.pem")),
    )
