"""Rehearsals on a running exchange: its reference registry told to fail, and one of every movement under way."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from gateway.composition.reference_registry import own_line
from registry_bridge.http_administration import HttpAdministration, connect_administration
from registry_bridge.reference import serving
from tests.system.clients import Client
from tests.system.running import RunningExchange, until

LISTING: Final = "SHCERCIR1"
LIMIT_S: Final = 90.0
USE: Final = {"purpose": "voluntary_offset", "beneficiary": "a marathon"}


@asynccontextmanager
async def people_of(exchange: RunningExchange) -> AsyncIterator[HttpAdministration]:
    """The platform's own people, who may also have it fail in a drill."""
    place = exchange.data_dir / "registry"
    line = own_line(place, serving.ADMIN_KEY, place / "administration.pem")
    async with connect_administration(line) as people:
        yield people


@dataclass(kw_only=True, slots=True)
class Round:
    """One of every kind of movement: tonnes in, out, delivered, and delivered to be retired."""

    name: str
    clients: Mapping[str, Client]

    async def ask(self) -> None:
        """Ask for all of it; the registry has not answered to any of it yet."""
        seller = self.clients["seller"]
        for direction, tonnes in (("in", "3"), ("out", "2")):
            body = {"client_id": f"{self.name}-{direction}", "listing": LISTING, "quantity": tonnes}
            await seller.do(f"/v1/transfers-{direction}", body)
        await self._trade("buyer", 5)
        await self._trade("buyer2", 4, use=USE)

    async def close_day(self) -> str:
        """Have the day closed, which delivers; which day that was."""
        operator = self.clients["operator"]
        day: str = (await operator.get("/v1/operator/day"))["trading_day"]
        await operator.do("/v1/operator/day/close", {"trading_day": day})
        return day

    async def _trade(self, buyer: str, tonnes: int, **more: Any) -> None:
        order = {"listing": LISTING, "type": "limit", "price": "68.00", "quantity": str(tonnes)}
        order["time_in_force"] = "day"
        name = f"{self.name}-{buyer}"
        await self.clients["seller"].do(
            "/v1/orders", {**order, "client_order_id": f"{name}-s", "side": "sell"}
        )
        bought = await self.clients[buyer].do(
            "/v1/orders", {**order, "client_order_id": f"{name}-b", "side": "buy", **more}
        )
        assert bought["order"]["status"] == "filled", bought


async def day_is_over(client: Client, day: str) -> None:
    """Wait until that day's close is done."""

    async def is_over() -> bool:
        found = await client.get("/v1/operator/day")
        return bool(found["trading_day"] != day)

    await until(is_over, LIMIT_S, f"{day} is closed", pause_s=0.05)


async def transfers_ended(client: Client) -> list[dict[str, Any]]:
    """Every transfer of both directions, once none is pending."""
    found: list[dict[str, Any]] = []

    async def is_so() -> bool:
        found.clear()
        for direction in ("in", "out"):
            found.extend([item async for item in client.all(f"/v1/transfers-{direction}")])
        return all(transfer["state"] != "pending" for transfer in found)

    await until(is_so, LIMIT_S, "every transfer has ended", pause_s=0.05)
    return found


async def nothing_under_way(client: Client) -> dict[str, Any]:
    """The line, once no movement is without its final answer."""
    found: dict[str, Any] = {}

    async def is_so() -> bool:
        found.update(await client.get("/v1/operator/registry"))
        return bool(found["total"]["in_flight"] == 0)

    await until(is_so, LIMIT_S, "every movement has its answer", pause_s=0.05)
    return found


async def reconciled(operator: Client) -> dict[str, Any]:
    """A comparison of both sides now; asked again while the registry does not answer."""
    for _ in range(20):
        answer = await operator.call("POST", "/v1/operator/reconciliations", {})
        if answer.is_done:
            done: dict[str, Any] = answer.body
            return done
        assert answer.code == "registry_unreachable", answer
        await asyncio.sleep(0.5)
    raise AssertionError("the registry does not answer")
