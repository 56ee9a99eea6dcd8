"""The whole exchange with a registry that fails on purpose: every movement ends exactly once, and both sides agree.

The line's own tests try every fault at every step in one process; here are the real processes, their databases and
sockets, a day that is closed in each round, and what participants and operators are told.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from registry_bridge.registry import MovementKind
from registry_bridge.wire_faults import CallName, FaultKind, FaultOrder
from tests.system import checks
from tests.system.clients import Client
from tests.system.drill import (
    Round,
    day_is_over,
    nothing_under_way,
    people_of,
    reconciled,
    transfers_ended,
)
from tests.system.running import RunningExchange, running

CLIENTS = ("seller", "buyer", "buyer2", "entity", "operator")
DELAY_MS = 700


def orders(kind: FaultKind) -> list[FaultOrder]:
    """That fault to the next movement of each kind, and to the next question; a restart only once of each."""
    delay_ms = DELAY_MS if kind in (FaultKind.SLOW, FaultKind.ACCEPT_LATER) else 0
    if kind in (FaultKind.RESTART_BEFORE, FaultKind.RESTART_AFTER):
        return [FaultOrder(kind=kind, call=CallName.MOVE, movement_kind=MovementKind.DELIVER, count=1)]
    spoilt = [
        FaultOrder(kind=kind, call=CallName.MOVE, movement_kind=movement, count=1, delay_ms=delay_ms)
        for movement in MovementKind
    ]
    if kind is not FaultKind.ACCEPT_LATER:
        spoilt.append(FaultOrder(kind=kind, call=CallName.ASK, count=1, delay_ms=delay_ms))
    return spoilt


async def told(client: Client) -> Counter[tuple[str, str]]:
    """How often the account was told of each end of a transfer, a delivery, a retirement."""
    ends = {
        "transfer_completed": "transfer_id",
        "transfer_failed": "transfer_id",
        "delivery_settled": "trade_id",
        "delivery_failed": "trade_id",
        "retirement_completed": "retirement_id",
        "retirement_refused": "retirement_id",
    }
    found: Counter[tuple[str, str]] = Counter()
    async for event in client.all("/v1/events"):
        if event["type"] in ends:
            found[event["type"], event[ends[event["type"]]]] += 1
    return found


async def play(exchange: RunningExchange, clients: dict[str, Client], kind: FaultKind) -> None:
    """One round under that fault, armed and disarmed around it."""
    async with people_of(exchange) as people:
        for order in orders(kind):
            await people.set_fault(order)
        asked = Round(name=kind.value, clients=clients)
        await asked.ask()
        await day_is_over(clients["operator"], await asked.close_day())
        await transfers_ended(clients["seller"])
        await nothing_under_way(clients["operator"])
        if kind not in (FaultKind.RESTART_BEFORE, FaultKind.RESTART_AFTER):
            happened = [fault.happened for fault in await people.faults()]
            assert sum(happened) >= len(MovementKind), f"{kind}: {happened}"
            await people.clear_faults()


@pytest.mark.timeout(420)
async def test_under_every_fault_every_movement_ends_once(seeded: Path) -> None:
    async with running(seeded, ["--drill"]) as exchange, exchange.clients(*CLIENTS) as clients:
        before = await clients["seller"].get("/v1/account")
        for kind in FaultKind:
            await play(exchange, clients, kind)
        rounds = len(FaultKind)
        done = {name: await told(clients[name]) for name in ("seller", "buyer", "buyer2")}
        for name, ends in done.items():
            assert set(ends.values()) == {1}, f"{name} was told of an end twice: {ends}"
            assert {kind for kind, _ in ends} <= {
                "transfer_completed",
                "delivery_settled",
                "retirement_completed",
            }, name
        assert sum(kind == "retirement_completed" for kind, _ in done["buyer2"]) == rounds
        after = await clients["seller"].get("/v1/account")
        sold_and_moved = (3 - 2 - 5 - 4) * rounds
        assert owned(after) - owned(before) == sold_and_moved
        comparison = await reconciled(clients["operator"])
        assert (comparison["breaks"], comparison["digest_here"]) == (0, comparison["digest_there"])
        await checks.registry_agrees(exchange, clients)
        async with people_of(exchange) as people:
            audit = await people.check()
        assert audit.findings == ()
        await checks.journal_is_whole(exchange)


def owned(account: dict[str, Any]) -> int:
    """Everything an account has of the first listing."""
    units = account["units"]["SHCERCIR1"]
    return sum(int(units[bucket]) for bucket in ("available", "held", "delivering"))
