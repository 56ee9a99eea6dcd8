"""A platform of one's own is carried to by the record in a file; what is no record stops the start before anything."""

from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from gateway import app
from gateway.composition.promises import promises_of
from gateway.composition.reference_registry import own_key, public_half
from gateway.composition.registry_line import registry_line, report_of
from gateway.config import Settings, SettingsFault, make_private_dir
from gateway.lifetime import Lifetime
from gateway.postgres.database import ensure_database
from gateway.postgres.migrations import migrate
from gateway.running_engine import running_engine
from registry_bridge.capabilities import WHOLE_PROTOCOL
from registry_bridge.carrying import Variant
from registry_bridge.reference.serving import RegistrySettings, running
from tests.system.running import until


def recorded(path: Path, record: dict[str, bool]) -> Path:
    """A record, as an operator writes it."""
    path.write_text("".join(f"{name} = {str(value).lower()}\n" for name, value in record.items()), "utf-8")
    return path


def settings(
    tmp_path: Path, record: Path, url: str = "http://127.0.0.1:9", database: str | None = None
) -> Settings:
    return Settings(
        data_dir=tmp_path / "puhui",
        database_url=database,
        registry_url=url,
        registry_key_file=public_half(tmp_path / "registry.pem"),
        registry_capabilities_file=record,
    )


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ({"idempotent_ids": True}, "must name cancel_tombstone, final_answers"),
        (asdict(replace(WHOLE_PROTOCOL, journal=False)), "without a journal"),
    ],
)
async def test_what_is_no_record_stops_the_start(tmp_path: Path, record: dict[str, bool], fault: str) -> None:
    said: list[str] = []
    path = recorded(tmp_path / "platform.toml", record)
    with pytest.raises(SettingsFault, match=f"platform.toml: .*{fault}"):
        await app.serve(settings(tmp_path, path), said.append)
    assert said == []
    assert not (tmp_path / "puhui").exists()


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsFault, match=r"platform\.toml: .*No such file"):
        await app.serve(settings(tmp_path, tmp_path / "platform.toml"), print)


async def test_the_bridge_goes_by_it_and_not_by_what_the_platform_serves(
    tmp_path: Path, database: str
) -> None:
    record = replace(WHOLE_PROTOCOL, platform_clock=False, cancel_tombstone=False)
    path = recorded(tmp_path / "platform.toml", asdict(record))
    keys = make_private_dir(tmp_path / "puhui" / "keys")
    platform = RegistrySettings(
        database_url=await ensure_database(database, "platform_of_ones_own"),
        host="127.0.0.1",
        port=0,
        key_file=own_key(tmp_path, "registry"),
        exchange_public_key_file=public_half(own_key(keys, "exchange")),
        admin_public_key_file=public_half(own_key(tmp_path, "administration")),
    )
    lifetime = Lifetime()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(platform, migrate=migrate))
        told = settings(tmp_path, path, url, database)
        engine = await stack.enter_async_context(running_engine(told, lifetime, print))
        opened = registry_line(told, engine, lifetime, print, promises_of(told))
        line = await stack.enter_async_context(opened)
        await until(lambda: line.bridge.progress.variant is not None, 20, "the bridge has begun")
        assert report_of(line).variant == Variant.INSISTENT.value
