"""The whole line: outbox, bridge, client, a proxy that breaks connections, and the reference registry behind it."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from registry_bridge.back_off import BackOff
from registry_bridge.bridge import Bridge
from registry_bridge.http_administration import HttpAdministration
from registry_bridge.http_registry import HttpRegistry, connect
from registry_bridge.reference.serving import EXCHANGE_KEY
from registry_bridge.registry import AccountKind, Confirmed
from settlement.lot import MethodologyClass
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.examples import DAY, NOW_NS, deliver, issue
from tests.registry_bridge.test_bridge import ListOutbox, until

CHUNK = 65_536


class BreakingProxy:
    """Passes a connection's bytes on, and by a seeded choice cuts it on the way there or on the way back."""

    def __init__(self, url: str, seed: int) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._random = random.Random(seed)
        self.cut = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(self._host, self._port)
        with contextlib.suppress(ConnectionError):
            while request := await reader.read(CHUNK):
                fate = self._random.random()
                if fate < 0.15:
                    self.cut += 1
                    break
                there_writer.write(request)
                await there_writer.drain()
                answer = await there_reader.read(CHUNK)
                if fate < 0.4:
                    self.cut += 1
                    writer.write(answer[: self._random.randrange(len(answer))])
                    break
                writer.write(answer)
                await writer.drain()
        for end in (writer, there_writer):
            end.close()


@pytest.fixture
async def proxy(service: Service) -> AsyncIterator[tuple[BreakingProxy, str]]:
    breaking = BreakingProxy(service.url, seed=20261122)
    server = await asyncio.start_server(breaking.serve, "127.0.0.1", 0)
    async with server:
        yield breaking, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_over_a_line_that_breaks_both_sides_end_agreed(
    service: Service,
    registry: HttpRegistry,
    administration: HttpAdministration,
    proxy: tuple[BreakingProxy, str],
) -> None:
    for account in ("seller", "buyer"):
        await administration.open_account(account, AccountKind.INSTITUTION)
        await registry.bind(account, f"T-{account}")
    await administration.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t"
    )
    await administration.issue_lot(issue(quantity=100))
    await administration.transfer_by_owner(
        transfer_id="t", account="seller", lot="LOT-1", serials=((1, 51),), trading_day=DAY
    )
    breaking, url = proxy
    outbox = ListOutbox(*(deliver(f"d{n}", ((n, n + 1),)) for n in range(1, 61)))
    settings = replace(service.line(EXCHANGE_KEY, timeout_s=5.0), url=url)
    async with connect(settings) as broken:
        bridge = Bridge(
            outbox,
            broken,
            clock_ns=lambda: NOW_NS,
            concurrency=3,
            back_off=BackOff(first_s=0.001, longest_s=0.01),
        )
        task = asyncio.create_task(bridge.run())
        await until(lambda: task.done() or not outbox.entries, timeout_s=60, pause_s=0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert breaking.cut > 10
    confirmed = {name for name, answer in outbox.resolved if isinstance(answer, Confirmed)}
    assert confirmed == {f"d{n}" for n in range(1, 51)}
    assert len(outbox.resolved) == 60
    entries = (await registry.journal()).entries
    assert {entry.request_id for entry in entries} - {None} == confirmed
    assert len(entries) == 51
    found = await registry.account("buyer")
    assert found is not None and [(one.first, one.end) for one in found.holdings] == [(1, 51)]
