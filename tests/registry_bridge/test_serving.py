"""Starting and stopping the reference registry as a program does."""

import asyncio
from pathlib import Path

import httpx
import pytest

from gateway.postgres.migrations import migrate
from registry_bridge.http_line import LineSettings
from registry_bridge.http_registry import connect
from registry_bridge.keys import KeyFileError, load_signer, load_verifier
from registry_bridge.reference.serving import ADMIN_KEY, EXCHANGE_KEY, RegistrySettings, running, serve
from tests.registry_bridge.examples import NOW_NS, ManualClock


def settings(database: str, keys: Path, port: int = 0) -> RegistrySettings:
    return RegistrySettings(
        database_url=database,
        host="127.0.0.1",
        port=port,
        key_file=keys / "registry.pem",
        exchange_public_key_file=keys / f"{EXCHANGE_KEY}.pub",
        admin_public_key_file=keys / f"{ADMIN_KEY}.pub",
    )


async def test_it_runs_until_it_is_told_to_stop(database: str, keys: Path, clock: ManualClock) -> None:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(settings(database, keys), migrate=migrate, stop=stop, ready=ready.set_result, clock=clock)
    )
    url = await asyncio.wait_for(ready, 30)
    line = LineSettings(
        url=url,
        key=EXCHANGE_KEY,
        signer=load_signer(keys / f"{EXCHANGE_KEY}.pem"),
        verifier=load_verifier(keys / "registry.pub"),
    )
    async with connect(line) as registry:
        assert await registry.time() == NOW_NS
    stop.set()
    await asyncio.wait_for(serving, 30)
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/healthz")


async def test_it_starts_again_on_the_same_database(database: str, keys: Path) -> None:
    for _ in range(2):
        async with running(settings(database, keys), migrate=migrate) as url, httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/healthz")).status_code == 200


async def test_a_port_in_use_is_said_at_once(database: str, keys: Path) -> None:
    async with running(settings(database, keys), migrate=migrate) as url:
        port = int(url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match=str(port)):
            async with running(settings(database, keys, port), migrate=migrate):
                pytest.fail("two services on one port")


async def test_without_its_keys_it_does_not_start(database: str, keys: Path) -> None:
    (keys / f"{ADMIN_KEY}.pub").unlink()
    with pytest.raises(KeyFileError, match=ADMIN_KEY):
        async with running(settings(database, keys), migrate=migrate):
            pytest.fail("a service without keys")
