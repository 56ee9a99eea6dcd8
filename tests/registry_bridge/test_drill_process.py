"""A drill with a registry that is a process of its own: killed in the midst, started again, and right all the same."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from gateway.composition.reference_registry import own_key, public_half
from gateway.config import make_private_dir
from registry_bridge.http_administration import HttpAdministration, connect_administration
from registry_bridge.http_line import LineSettings
from registry_bridge.http_registry import HttpRegistry, connect
from registry_bridge.keys import load_signer, load_verifier
from registry_bridge.reference.serving import ADMIN_KEY, EXCHANGE_KEY
from registry_bridge.registry import AccountKind, Answer, Confirmed, Movement, MovementKind, Unknown
from registry_bridge.wire_faults import CallName, FaultKind, FaultOrder
from settlement.lot import MethodologyClass
from tests.registry_bridge.examples import DAY, MANAGEMENT, TRADING, issue, leg

FAR_NS = 1 << 62
KILLED = -9


class Place:
    """Where the registry keeps its keys, and the database it is given."""

    def __init__(self, data_dir: Path, database: str) -> None:
        self.database = database
        self.registry_dir = make_private_dir(data_dir / "registry")
        self.exchange_key = own_key(make_private_dir(data_dir / "keys"), "exchange")
        self.ready_file = data_dir / "ready.json"

    def line(self, key: str, private_file: Path) -> LineSettings:
        return LineSettings(
            url=str(orjson.loads(self.ready_file.read_bytes())["url"]),
            key=key,
            signer=load_signer(private_file),
            verifier=load_verifier(public_half(self.registry_dir / "registry.pem")),
        )


@pytest.fixture
def place(tmp_path: Path, database: str) -> Place:
    return Place(tmp_path, database)


@asynccontextmanager
async def started(
    place: Place, *options: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, HttpRegistry, HttpAdministration]]:
    """A registry process that answers, and lines to it; what is left of it is killed."""
    place.ready_file.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "registry", "serve", "--data-dir", str(place.registry_dir)),
        *("--exchange-key-file", str(public_half(place.exchange_key)), "--ready-file", str(place.ready_file)),
        *options,
        env=os.environ | {"PUHUI_REGISTRY_DATABASE_URL": place.database},
        stderr=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            while not place.ready_file.exists():
                assert process.returncode is None
                await asyncio.sleep(0.05)
        async with (
            connect(place.line(EXCHANGE_KEY, place.exchange_key)) as registry,
            connect_administration(
                place.line(ADMIN_KEY, place.registry_dir / "administration.pem")
            ) as people,
        ):
            yield process, registry, people
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def moved_in(request_id: str, first: int) -> Movement:
    one = leg(1, ((first, first + 10),), ("seller", MANAGEMENT), ("seller", TRADING))
    return Movement(
        request_id=request_id,
        kind=MovementKind.TRANSFER_IN,
        not_after_ns=FAR_NS,
        trading_day=DAY,
        legs=(one,),
    )


async def final(registry: HttpRegistry, request_id: str) -> Answer:
    async with asyncio.timeout(20):
        while True:
            answer = await registry.ask(request_id)
            if not isinstance(answer, Unknown):
                return answer
            await asyncio.sleep(0.05)


async def test_killed_after_the_commit_and_before_the_answer_it_has_moved_once(place: Place) -> None:
    async with started(place, "--drill") as (process, registry, people):
        await people.open_account("seller", AccountKind.INSTITUTION)
        await registry.bind("seller", "T-seller")
        await people.publish_methodology(
            code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t"
        )
        await people.issue_lot(issue())
        await people.set_fault(FaultOrder(kind=FaultKind.ACCEPT_LATER, count=1, delay_ms=1_000))
        assert isinstance(await registry.move(moved_in("accepted", 101)), Unknown)
        await people.set_fault(FaultOrder(kind=FaultKind.RESTART_AFTER, call=CallName.MOVE, count=1))
        assert isinstance(await registry.move(moved_in("killed", 1)), Unknown)
        assert await asyncio.wait_for(process.wait(), 20) == KILLED
    async with started(place) as (_, registry, people):
        first = await registry.ask("killed")
        assert isinstance(first, Confirmed)
        assert await registry.move(moved_in("killed", 1)) == first
        # What was accepted before is decided now, by a process that never heard of it.
        assert isinstance(await final(registry, "accepted"), Confirmed)
        assert len((await registry.journal()).entries) == 2
        assert (await people.check()).findings == ()
