"""A recorded order flow, played line by line through the doors of a running exchange and on the plain reference.

Every line must be answered alike, and in the end balances, open orders, trades and depth must be the same. One line is
sent when the one before has been answered, so both see them in the same order. PUHUI_FLOW_COMMANDS says how many lines
`make soak` plays.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import pytest
import websockets

from benchmarks.flow import DEMO_OPENINGS, OPENINGS, record
from benchmarks.founding import CLASSES, Openings
from benchmarks.lines import CancelLine, Line, OrderLine
from benchmarks.replay import EndState, Player, RestingOrder
from gateway.formats import parse_money, parse_price
from tests.system.clients import Answer, Client, Participant, logged_on
from tests.system.founding import found
from tests.system.running import RunningExchange, running

COMMANDS: Final = 900
SOAK_COMMANDS: Final = int(os.environ.get("PUHUI_FLOW_COMMANDS", "100000"))
SEED: Final = 20261123
NEVER_AN_ORDER: Final = "1"
"""The number of the exchange's first entry, which was no order; a cancel of what was never accepted names it."""
SHOWN_LEVELS: Final = 5
"""More is not published."""
TOO_LATE: Final = frozenset({"order_not_open", "not_found", "cancelled twice"})
"""How the exchange answers a cancel of what does not rest; the reference says `order_not_open` to all."""


class Door(Protocol):
    """A way to send a line."""

    async def order(self, line: OrderLine) -> Answer:
        """Submit."""
        ...

    async def cancel(self, account: str, order_id: str) -> Answer:
        """Cancel."""
        ...


class RestDoor:
    """Everybody sends over REST."""

    def __init__(self, clients: Mapping[str, Client]) -> None:
        self._clients = clients

    async def order(self, line: OrderLine) -> Answer:
        return await self._clients[line["account"]].call("POST", "/v1/orders", body_of(line))

    async def cancel(self, account: str, order_id: str) -> Answer:
        return await self._clients[account].call("DELETE", f"/v1/orders/{order_id}")


class StreamDoor:
    """Everybody sends over a WebSocket of their own."""

    def __init__(self, sockets: Mapping[str, websockets.ClientConnection]) -> None:
        self._sockets = sockets

    async def order(self, line: OrderLine) -> Answer:
        return await self._ask(line["account"], {"op": "order.submit", **body_of(line)})

    async def cancel(self, account: str, order_id: str) -> Answer:
        return await self._ask(account, {"op": "order.cancel", "order_id": order_id})

    async def _ask(self, account: str, message: dict[str, Any]) -> Answer:
        socket = self._sockets[account]
        await socket.send(json.dumps({**message, "id": "line"}))
        answer = json.loads(await socket.recv())
        assert answer["id"] == "line", answer
        if answer["ok"]:
            return Answer(
                status=httpx.codes.OK, body=answer["result"], replayed=answer["result"].get("replayed", False)
            )
        return Answer(status=answer["error"]["status"], body=answer["error"], replayed=False)


def body_of(line: OrderLine) -> dict[str, Any]:
    """The line as the API takes it."""
    return {name: value for name, value in line.items() if name not in ("at_us", "account")}


class Stage:
    """A flow on its way through the exchange and the reference."""

    def __init__(self, door: Door, openings: Openings) -> None:
        self.reference = Player(openings)
        self.outcomes: Counter[str] = Counter()
        self._door = door
        self._order_ids: dict[tuple[str, str], str] = {}
        self._cancelled: set[str] = set()

    async def play(self, line: Line) -> None:
        """One line on both; AssertionError when they differ."""
        self.reference.play(line)
        expected = self.reference.outcomes[-1]
        outcome = await (self._cancel(line) if "cancel" in line else self._order(line))
        same = outcome in TOO_LATE if expected == "order_not_open" else outcome == expected
        assert same, f"{line}: expected {expected}, answered {outcome}"
        self.outcomes[outcome] += 1

    async def _order(self, line: OrderLine) -> str:
        answer = await self._door.order(line)
        while answer.status == httpx.codes.TOO_MANY_REQUESTS:
            answer = await self._door.order(line)
        if answer.replayed:
            return "replayed"
        if not answer.is_done:
            return answer.code
        self._order_ids[line["account"], line["client_order_id"]] = answer.body["order"]["id"]
        return "accepted"

    async def _cancel(self, line: CancelLine) -> str:
        order_id = self._order_ids.get((line["account"], line["cancel"]), NEVER_AN_ORDER)
        answer = await self._door.cancel(line["account"], order_id)
        while answer.status == httpx.codes.TOO_MANY_REQUESTS:
            answer = await self._door.cancel(line["account"], order_id)
        if not answer.is_done:
            return answer.code
        if order_id in self._cancelled:
            return "cancelled twice"
        self._cancelled.add(order_id)
        return "cancelled"


async def end_state(clients: Mapping[str, Client], role_of: Mapping[str, str]) -> EndState:
    """How things stand at the exchange, in the words of the reference; `role_of` an account."""
    state = EndState()
    trades: dict[int, tuple[str, int, int, dict[str, str]]] = {}
    for role, client in clients.items():
        account = await client.get("/v1/account")
        state.cash[role] = _amounts(account["cash"], parse_money)
        state.units[role] = {code: _amounts(account["units"][code], int) for code in CLASSES}
        async for order in client.all("/v1/orders?status=open"):
            state.open_orders[role, order["client_order_id"]] = _resting(order, role_of)
        async for trade in client.all("/v1/trades"):
            price_fen, tonnes = parse_price(trade["price"]), int(trade["quantity"])
            seen = trades.setdefault(int(trade["id"]), (trade["listing"], price_fen, tonnes, {}))
            seen[3][trade["side"]] = role
    ordered = (trades[number] for number in sorted(trades))
    state.trades += [(code, fen, tonnes, who["buy"], who["sell"]) for code, fen, tonnes, who in ordered]
    public = next(iter(clients.values()))
    for code in CLASSES:
        depth = await public.get(f"/v1/listings/{code}/depth?levels={SHOWN_LEVELS}")
        state.depth[code] = {
            side: [(parse_price(price), int(tonnes)) for price, tonnes in depth[name]]
            for side, name in (("buy", "bids"), ("sell", "asks"))
        }
    return state


def _amounts(buckets: Mapping[str, str], read: Callable[[str], int]) -> dict[str, int]:
    return {bucket: read(buckets[bucket]) for bucket in ("available", "held", "delivering")}


def _resting(order: Mapping[str, str], role_of: Mapping[str, str]) -> RestingOrder:
    return RestingOrder(
        account=role_of[order["account"]],
        listing=order["listing"],
        side=order["side"],
        price_fen=parse_price(order["price"]),
        remaining_tonnes=int(order["remaining"]),
    )


def as_published(state: EndState) -> EndState:
    """The same, with no more depth than anybody is shown, and without what each line was answered."""
    depth = {
        code: {side: levels[:SHOWN_LEVELS] for side, levels in sides.items()}
        for code, sides in state.depth.items()
    }
    return replace(state, depth=depth, outcomes=[])


async def play(
    door: Door,
    openings: Openings,
    flow: Iterable[Line],
    people: Mapping[str, Participant],
    exchange: RunningExchange,
) -> Stage:
    """A whole flow, and the comparison of how things stand afterwards."""
    stage = Stage(door, openings)
    began_s = time.monotonic()
    for line in flow:
        await stage.play(line)
    took_s = time.monotonic() - began_s
    told = ", ".join(f"{count} {outcome}" for outcome, count in stage.outcomes.most_common())
    print(f"{stage.outcomes.total()} lines in {took_s:.1f} s: {told}")  # noqa: T201 - shown in a soak
    async with exchange.acting(people.values()) as clients:
        by_role = {role: clients[person.name] for role, person in people.items()}
        role_of = {person.account: role for role, person in people.items()}
        assert await end_state(by_role, role_of) == as_published(stage.reference.end())
    return stage


async def play_thin(seeded: Path, commands: int) -> None:
    """People trading by hand, over REST, with what the demonstration gives them."""
    async with running(seeded) as exchange:
        people = {role: exchange.participant(role) for role in DEMO_OPENINGS}
        async with exchange.acting(people.values()) as clients:
            flow = record("thin", commands, SEED)
            stage = await play(RestDoor(clients), DEMO_OPENINGS, flow, people, exchange)
        assert {"accepted", "cancelled", "replayed", "price_outside_band"} <= set(stage.outcomes)
        await exchange.puhui("verify")


async def play_busy(seeded: Path, commands: int) -> None:
    """Twenty programs, each over a WebSocket of its own."""
    openings = OPENINGS["busy"]
    async with running(seeded) as exchange:
        people = {person.name: person for person in await found(exchange, openings)}
        async with AsyncExitStack() as stack:
            sockets = {
                role: await stack.enter_async_context(logged_on(exchange.url, person))
                for role, person in people.items()
            }
            flow = record("busy", commands, SEED)
            stage = await play(StreamDoor(sockets), openings, flow, people, exchange)
        assert {"accepted", "cancelled"} <= set(stage.outcomes)
        await exchange.puhui("verify")


@pytest.mark.timeout(300)
async def test_people_trading_by_hand_get_what_the_plain_market_gives(seeded: Path) -> None:
    await play_thin(seeded, COMMANDS)


@pytest.mark.timeout(300)
async def test_programs_trading_fast_get_what_the_plain_market_gives(seeded: Path) -> None:
    await play_busy(seeded, COMMANDS)


@pytest.mark.soak
async def test_people_trading_by_hand_for_long(seeded: Path) -> None:
    await play_thin(seeded, SOAK_COMMANDS)


@pytest.mark.soak
async def test_programs_trading_fast_for_long(seeded: Path) -> None:
    await play_busy(seeded, SOAK_COMMANDS)
