"""Several processes over one database: one writes, another stands by for it, and a third shows the public what both say.

Nothing acknowledged is lost when one takes over from the other, and whoever looks on sees one market all the time.
"""

import asyncio
import contextlib
import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import httpx
import pytest
import websockets

from gateway.cli.live_book import LiveBook
from gateway.config import EXCHANGE_DATABASE
from gateway.engine.tables.journal import WRITER_LOCK
from gateway.engine.tables.verification import verify_journal
from gateway.http.app import ROUTES
from gateway.postgres.database import with_database
from gateway.postgres.embedded import EmbeddedPostgres
from tests.system import checks
from tests.system.clients import WS_TARGET, Client
from tests.system.load import LISTINGS, STAFF, TRADERS, Load
from tests.system.running import Part, RunningExchange, until

LIMIT_S: Final = 30.0
ORDERS_FIRST: Final = 50

Books = dict[tuple[str, int], int]
"""Checksum by listing and number."""

PUBLIC_NAMES: Final = {
    "{code}": LISTINGS[0],
    "{error}": "public_only",
    "{asset}": "swagger-ui.css",
    "{number}": "PH-20261123-00000001-96",
    "{year}": "2025",
    "{date}": "2026-01-05",
    "{digest}": "0" * 64,
}
NOT_THERE: Final = ("/v1/certificates/PH-20261123-00000001-96", "/v1/bulletins/2026-01-05")

CUT_THE_WRITER: Final = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = $1
"""


@pytest.mark.timeout(240)
async def test_one_takes_over_from_another_that_was_killed_or_cut_off_and_the_public_sees_one_market(
    seeded: Path, tmp_path: Path
) -> None:
    async with EmbeddedPostgres(seeded / "postgres") as server:
        dsn = with_database(server.dsn, EXCHANGE_DATABASE)
        async with processes(seeded, tmp_path, dsn) as (first, second, reader):
            await first.start()
            await asyncio.gather(reader.start(), second.stand_by())
            await tells_that_it_stands_by(second.url)
            await serves_the_public_only(reader.url)
            async with watching(reader.url) as shown:
                async with watching(first.url) as said, under_load(first, second, "killed"):
                    first.kill(Part.EXCHANGE)
                    assert await first.ended() == -9
                shows_what_was_said(shown, said)
                await first.stand_by()
                async with watching(second.url) as said, under_load(second, first, "cut"):
                    await cut_off(dsn)
                    assert await second.ended() == 1
                shows_what_was_said(shown, said)
                assert "  sequencer: " in second.said(), "it ended for another reason"
                await is_whole(dsn)
                await until(lambda: is_level(reader.url, first.url), LIMIT_S, "the reader shows the same")
            await reader.stop()
            await first.stop()


async def is_whole(dsn: str) -> None:
    """What `puhui verify` walks, without a process for it. Raises JournalBrokenError."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        assert (await verify_journal(pool)).entries > ORDERS_FIRST


async def cut_off(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval(CUT_THE_WRITER, WRITER_LOCK)
    await connection.close()


@asynccontextmanager
async def processes(
    data_dir: Path, tmp_path: Path, dsn: str
) -> AsyncIterator[tuple[RunningExchange, RunningExchange, RunningExchange]]:
    """Two of one exchange, on one machine, and one for the public; none has begun."""
    options = ("--database-url", dsn, "--role")
    first, second = (
        RunningExchange(data_dir, (*options, "standby"), name=name) for name in ("first", "second")
    )
    reader = RunningExchange(tmp_path / "reader", (*options, "reader"), demo=False)
    try:
        yield first, second, reader
    finally:
        for one in (first, second, reader):
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


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Books]:
    """Somebody without a key who looks at every book until the exchange goes or the context ends."""
    books: Books = {}
    address = url.replace("http://", "ws://") + WS_TARGET
    async with websockets.connect(address, proxy=None, max_size=2**22, max_queue=None) as socket:
        await socket.send(json.dumps({"op": "subscribe", "id": 1, "channel": "depth"}))
        assert json.loads(await socket.recv())["ok"]
        work = asyncio.create_task(watch(socket, books))
        yield books
        await socket.close()
        await work


async def watch(socket: websockets.ClientConnection, books: Books) -> None:
    """Every book is followed from message to message; raises OutOfStep where one does not follow."""
    followed = {listing: LiveBook() for listing in LISTINGS}
    with contextlib.suppress(websockets.ConnectionClosed):
        async for text in socket:
            message = json.loads(text)
            followed[message["listing"]].apply(message)
            books[message["listing"], message["seq"]] = message["crc32"]


def shows_what_was_said(shown: Books, said: Books) -> None:
    """Under one number the same book, whoever tells it."""
    both = shown.keys() & said.keys()
    assert len(both) > ORDERS_FIRST / 2, (len(both), len(shown), len(said))
    assert {key: shown[key] for key in both} == {key: said[key] for key in both}


async def is_level(reader: str, writer: str) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        ready = (await http.get(f"{reader}/readyz")).json()
        assert (ready["ready"], ready["role"], ready["queue"]) == (True, "reader", 0), ready
        for listing in LISTINGS:
            target = f"/v1/listings/{listing}/depth?levels=50"
            if (await http.get(reader + target)).json() != (await http.get(writer + target)).json():
                return False
        return bool(ready["behind_entries"] == 0 and ready["behind_s"] < LIMIT_S)


async def serves_the_public_only(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, base_url=url) as http:
        for route in ROUTES:
            if route.is_public and route.method == "GET":
                target = re.sub(r"{\w+}", lambda name: PUBLIC_NAMES[name[0]], route.path)
                answer = await http.get(target, params={"year": "2025"} if "summary" in target else {})
                assert answer.status_code == (404 if target in NOT_THERE else 200), f"{target}: {answer.text}"
                continue
            refused = await http.request(route.method, re.sub(r"{\w+}", "1", route.path))
            assert (refused.status_code, refused.json()["code"]) == (503, "public_only"), route.path
        assert 'puhui_role{role="reader"} 1.0' in (await http.get("/metrics")).text
    address = url.replace("http://", "ws://") + WS_TARGET
    async with websockets.connect(address, proxy=None) as socket:
        for message in (
            {"op": "logon", "id": 1, "key": "k-1", "timestamp": "1", "signature": "x"},
            {"op": "subscribe", "id": 1, "channel": "events"},
            {"op": "order.cancel", "id": 1, "order_id": "1"},
        ):
            await socket.send(json.dumps(message))
            assert json.loads(await socket.recv())["error"]["code"] == "public_only"


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
