"""A restore drill: back up while everybody trades, lose the machine, restore, and find what the registry knows better."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from tests.system import checks
from tests.system.clients import Client
from tests.system.drill import LISTING, reconciled, transfers_ended
from tests.system.load import STAFF, TRADERS, Load
from tests.system.running import Part, RunningExchange, copy_of, remove, running, until


async def order(client: Client, name: str, side: str) -> str:
    """An order that rests alone; its id."""
    price = "64.00" if side == "buy" else "72.00"
    body = {"client_order_id": name, "listing": LISTING, "side": side, "type": "limit"}
    answer = await client.do("/v1/orders", {**body, "price": price, "quantity": "1", "time_in_force": "day"})
    return str(answer["order"]["id"])


async def back_up_under_load(
    exchange: RunningExchange, clients: dict[str, Client], place: Path
) -> dict[str, Any]:
    """What the backup says; trading went on before, during and after it."""
    load = Load(clients, random.Random(5), "drill")
    work = asyncio.create_task(load.run())
    try:
        await until(lambda: len(load.notes.done("order")) > 20, 60, "there is trading")
        made: dict[str, Any] = await exchange.puhui("backup", str(place))
        many = len(load.notes.done("order"))
        await until(lambda: len(load.notes.done("order")) > many + 20, 60, "trading goes on")
    finally:
        load.stop.set()
        await work
    return made


async def lose_the_machine(exchange: RunningExchange, platform: Path) -> None:
    """Everything of the exchange is gone; the platform, which runs elsewhere, keeps its own."""
    exchange.kill(Part.EXCHANGE)
    await exchange.ended()
    await exchange.stop()
    copy_of(exchange.data_dir / "registry", platform)
    remove(exchange.data_dir)


@pytest.mark.timeout(300)
async def test_an_exchange_is_restored_and_finds_what_it_has_lost(seeded: Path, tmp_path: Path) -> None:
    backup, platform = tmp_path / "backup.tar", tmp_path / "platform"
    async with running(seeded) as exchange, exchange.clients(*TRADERS, *STAFF) as clients:
        seller, operator = clients["seller"], clients["operator"]
        kept = await order(clients["buyer"], "kept", "buy")
        made = await back_up_under_load(exchange, clients, backup)
        lost = await order(clients["buyer"], "lost", "buy")
        assert int(lost) > made["entry"], "it was acknowledged after the backup's last entry"
        await transfers_ended(seller)  # so the registry has moved units in that the backup does not know
        await lose_the_machine(exchange, platform)

        said = await exchange.said_by("restore", str(backup))
        assert f"{made['entry']} 条 ({made['time']}); 此后确认的一切均已丢失" in said
        copy_of(platform, seeded / "registry")
        await exchange.start()

        assert (await clients["buyer"].get(f"/v1/orders/{kept}"))["id"] == kept
        answer = await clients["buyer"].call("GET", "/v1/orders?client_order_id=lost")
        assert answer.status == 404, answer
        await found_as_breaks(operator)
        # Who is not concerned goes on.
        assert await order(clients["buyer2"], "after", "buy")
        assert await checks.journal_is_whole(exchange) > made["entry"]
        replayed = await exchange.puhui("verify", "--replay")
        assert replayed["replayed"] == replayed["entries"]
        ranged = await exchange.puhui("verify", "--from", str(made["entry"] + 1))
        assert ranged["anchor"] == made["digest"]


async def found_as_breaks(operator: Client) -> None:
    """The registry's newer movements are open breaks, and the account they touch is stopped."""

    async def are_open() -> bool:
        found = [item async for item in operator.all("/v1/operator/breaks?state=open")]
        return any(item["account"] == "A-seller" for item in found)

    await reconciled(operator)
    await until(are_open, 90, "what the registry did meanwhile is a break", pause_s=0.2)
