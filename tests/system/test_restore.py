"""A restore drill: back up while everybody trades, lose the machine, restore, and find what the registry knows better."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from tests.system import checks
from tests.system.clients import Client
from tests.system.drill import LISTING, day_is_over, reconciled, transfers_ended
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
        asked = {await moved(seller, f"lost-{number}", 7) for number in range(10)}
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
        await nothing_is_asked_twice(clients, asked)
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


async def moved(client: Client, name: str, tonnes: int) -> str:
    """Units brought in, once the registry has done so; the transfer's id."""
    body = {"client_id": name, "listing": LISTING, "quantity": str(tonnes)}
    made = await client.do("/v1/transfers-in", body)

    async def is_done() -> bool:
        found = await client.get(f"/v1/transfers-in/{made['id']}")
        assert found["state"] != "failed", found
        return bool(found["state"] == "completed")

    await until(is_done, 60, f"{made['id']} is done", pause_s=0.02)
    return str(made["id"])


async def nothing_is_asked_twice(clients: dict[str, Client], lost: set[str]) -> None:
    """Numbers given after the backup are given again: the registry is asked for what is meant now, and does it."""
    seller, operator = clients["seller"], clients["operator"]
    details = await resolved(operator)
    assert any("asked for before a restore" in detail for detail in details), details
    before = await available(seller)
    again: set[str] = set()
    while not again & lost:
        assert len(again) < 200, "no number was given twice"
        again.add(await moved(seller, f"again-{len(again)}", 1))
        if len(again) % 5 == 0:  # so that numbers meet which went by twos
            await order(clients["buyer2"], f"shift-{len(again)}", "buy")
    assert await available(seller) == before + len(again)
    # And others trade and settle.
    for who in ("entity", "buyer2"):
        assert (await clients[who].call("DELETE", "/v1/orders")).is_done
    sold = await offered(clients["entity"], "sell")
    await offered(clients["buyer2"], "buy")
    today = (await operator.get("/v1/operator/day"))["trading_day"]
    await operator.do("/v1/operator/day/close", {"trading_day": today})
    await day_is_over(operator, today)
    trades = [one async for one in clients["entity"].all("/v1/trades") if one["order_id"] == sold]
    assert sum(int(one["quantity"]) for one in trades) == 13
    assert {one["settlement"]["state"] for one in trades} == {"settled"}


async def available(client: Client) -> int:
    """Tonnes that an account has, frozen ones too."""
    return int((await client.get("/v1/account"))["units"][LISTING]["available"])


async def offered(client: Client, side: str) -> str:
    """Thirteen tonnes to be sold or bought at one price; the order's id."""
    body = {"client_order_id": f"meets-{side}", "listing": LISTING, "side": side, "type": "limit"}
    made = await client.do("/v1/orders", {**body, "price": "68.00", "quantity": "13", "time_in_force": "day"})
    return str(made["order"]["id"])


async def resolved(operator: Client) -> list[str]:
    """Every open break settled by somebody; what each was about."""
    found = [item async for item in operator.all("/v1/operator/breaks?state=open")]
    for item in found:
        reason = {"reason": "settled with the platform"}
        answer = await operator.call("POST", f"/v1/operator/breaks/{item['id']}/resolve", reason)
        assert answer.is_done, answer
    return [str(item["detail"]) for item in found]
