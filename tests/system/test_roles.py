"""Several processes over one database: one writes, another stands by for it, and nothing acknowledged is lost in between."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import httpx
import pytest

from gateway.config import EXCHANGE_DATABASE
from gateway.engine.journal import WRITER_LOCK
from gateway.postgres.database import with_database
from gateway.postgres.embedded import EmbeddedPostgres
from tests.system import checks
from tests.system.clients import Client
from tests.system.load import STAFF, TRADERS, Load
from tests.system.running import NotStarted, Part, RunningExchange, until

LIMIT_S: Final = 30.0
ORDERS_FIRST: Final = 50

CUT_THE_WRITER: Final = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = $1
"""


@pytest.mark.timeout(240)
async def test_a_standby_takes_over_from_a_writer_that_was_killed_and_from_one_that_was_cut_off(
    seeded: Path, tmp_path: Path
) -> None:
    async with EmbeddedPostgres(seeded / "postgres") as server:
        dsn = with_database(server.dsn, EXCHANGE_DATABASE)
        async with processes(seeded, dsn) as (first, second):
            await first.start()
            await refuses_to_stand_by_with_other_files(tmp_path / "elsewhere", dsn)
            await second.stand_by()
            await tells_that_it_stands_by(second.url)
            async with under_load(first, second, "killed"):
                first.kill(Part.EXCHANGE)
                assert await first.ended() == -9
            await first.stand_by()
            async with under_load(second, first, "cut"):
                connection = await asyncpg.connect(dsn)
                assert await connection.fetchval(CUT_THE_WRITER, WRITER_LOCK)
                await connection.close()
                assert await second.ended() == 1
            assert "  sequencer: " in second.said(), "it ended for another reason"
            assert await checks.journal_is_whole(first) > ORDERS_FIRST
            await first.stop()


@asynccontextmanager
async def processes(data_dir: Path, dsn: str) -> AsyncIterator[tuple[RunningExchange, RunningExchange]]:
    """Two of one exchange, on one machine; neither has begun."""
    options = ("--database-url", dsn, "--role", "standby")
    both = tuple(RunningExchange(data_dir, options, name=name) for name in ("first", "second"))
    try:
        yield both[0], both[1]
    finally:
        for one in both:
            one.clean_up()


@asynccontextmanager
async def under_load(writer: RunningExchange, standby: RunningExchange, tag: str) -> AsyncIterator[None]:
    """Everybody at work at the writer, which is to end inside; then all that was promised is asked of the standby."""
    people = (*TRADERS, *STAFF)
    async with writer.clients(*people) as clients, standby.clients(*people) as later:
        before = (await clients["operator"].get("/readyz"))["position"]
        load = Load(clients, random.Random(8), tag)
        work = asyncio.create_task(load.run())
        try:
            await until(lambda: len(load.notes.done("order")) > ORDERS_FIRST, LIMIT_S, "orders are taken")
            yield
        finally:
            load.stop.set()
            await asyncio.wait_for(work, LIMIT_S)
        await standby.serves()
        await keeps_what_was_promised(load, later, before)


async def keeps_what_was_promised(load: Load, later: dict[str, Client], before: int) -> None:
    assert load.notes.open(), "no request was on its way"
    found = await checks.settle_open(load.notes, later)
    kept = await checks.promises_are_kept(load.notes, later, before)
    assert kept > ORDERS_FIRST, (kept, found)
    done = load.notes.done("order")
    await checks.answers_are_repeated(random.Random(8).sample(done, 10), later)


async def tells_that_it_stands_by(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, base_url=url) as http:
        assert (await http.get("/healthz")).status_code == httpx.codes.OK
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["ready"], ready.json()["state"]) == (503, False, "standby")
        assert 'puhui_role{role="standby"} 1.0' in (await http.get("/metrics")).text
        for method, target in (("GET", "/v1/listings"), ("POST", "/v1/orders"), ("GET", "/")):
            refused = await http.request(method, target, headers={"Accept-Language": "en"})
            problem = refused.json()
            assert (refused.status_code, problem["code"], problem["state"], problem["retryable"]) == (
                *(503, "standing_by", "not_accepted"),
                True,
            )
            assert refused.headers["Content-Type"].startswith("application/problem+json")
            assert refused.headers["Retry-After"] == "5"


async def refuses_to_stand_by_with_other_files(data_dir: Path, dsn: str) -> None:
    stranger = RunningExchange(data_dir, ("--database-url", dsn, "--role", "standby"))
    with pytest.raises(NotStarted, match=r"seal\.key 不存在: 备用进程须持有同一文件"):
        await stranger.stand_by()
    assert await stranger.ended() == 1
