"""An exchange that is asked to end under load: what it has taken on it finishes, the rest it refuses, and it says so."""

import asyncio
import json
import os
import random
import secrets
import signal
import socket
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from gateway.service_manager import VARIABLE
from tests.system import checks
from tests.system.clients import Client, logged_on
from tests.system.load import STAFF, TRADERS, Load, Request
from tests.system.running import Part, RunningExchange, running, until

GRACE_S: Final = 1.0
LIMIT_S: Final = 30.0
ORDERS_FIRST: Final = 50


@pytest.mark.timeout(240)
async def test_sigterm_under_load_loses_nothing_and_takes_on_nothing(
    seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind("\0puhui-drain-" + secrets.token_hex(8))
    monkeypatch.setenv(VARIABLE, "@" + manager.getsockname()[1:].decode())
    with manager:
        await drained_under_load(seeded)
        told = [manager.recv(100) for _ in range(2)]
    assert told == [b"READY=1", b"STOPPING=1"]


async def drained_under_load(seeded: Path) -> None:
    options = ("--drain-grace-s", str(GRACE_S))
    async with running(seeded, options) as exchange, exchange.clients(*TRADERS, *STAFF) as clients:
        before = (await clients["operator"].get("/readyz"))["position"]
        load = Load(clients, random.Random(8), "drain")
        work = asyncio.create_task(load.run())
        try:
            await until(lambda: len(load.notes.done("order")) > ORDERS_FIRST, LIMIT_S, "orders are taken")
            await end_it(exchange, clients["buyer"])
        finally:
            load.stop.set()
            await asyncio.wait_for(work, LIMIT_S)
        refused = [request for request in load.notes.requests if is_late(request)]
        assert any(request.kind == "order" for request in refused), "nobody asked for anything while it ended"
        await exchange.start()
        found = await checks.settle_open(load.notes, clients)
        kept = await checks.promises_are_kept(load.notes, clients, before)
        assert kept > ORDERS_FIRST, (kept, found)
        for request in refused:
            if request.kind == "order":
                target = f"/v1/orders?client_order_id={request.client_id}"
                assert (await clients[request.by].call("GET", target)).status == httpx.codes.NOT_FOUND


def is_late(request: Request) -> bool:
    """Whether it was refused because the exchange was ending; no request may have been refused otherwise."""
    answer = request.answer
    if answer is None or answer.status < httpx.codes.INTERNAL_SERVER_ERROR:
        return False
    told = (answer.status, answer.code, answer.body["state"], answer.body["retryable"])
    assert told == (503, "not_ready", "not_accepted", True)
    return True


async def end_it(exchange: RunningExchange, trader: Client) -> None:
    """SIGTERM, and what may be seen from then until the process is gone."""
    async with logged_on(exchange.url, trader.owner) as line, httpx.AsyncClient(trust_env=False) as http:
        resting = await trader.do("/v1/orders", order("resting", price="62.00"))
        exchange.note_processes()
        os.kill(exchange.pid(Part.EXCHANGE), signal.SIGTERM)
        state: dict[str, Any] = {}

        async def is_draining() -> bool:
            answer = await http.get(f"{exchange.url}/readyz")
            state.update(answer.json(), status=answer.status_code)
            return answer.status_code != httpx.codes.OK

        await until(is_draining, LIMIT_S, "it says that it is ending")
        assert (state["status"], state["ready"], state["state"]) == (503, False, "draining")
        assert (await http.get(f"{exchange.url}/healthz")).status_code == httpx.codes.OK
        body = json.dumps(order("late-rest")).encode()
        late = await http.post(
            f"{exchange.url}/v1/orders", content=body, headers=trader.owner.signed("POST", "/v1/orders", body)
        )
        assert (late.status_code, late.json()["state"], late.headers["Retry-After"]) == (
            503,
            "not_accepted",
            "5",
        )
        assert late.headers["Connection"] == "close"
        await line.send(json.dumps({"op": "order.submit", "id": "late", **order("late-ws")}))
        answer = json.loads(await line.recv())
        assert (answer["id"], answer["ok"]) == ("late", False)
        assert (answer["error"]["code"], answer["error"]["state"]) == ("not_ready", "not_accepted")
        assert (await trader.call("DELETE", f"/v1/orders/{resting['order']['id']}")).is_done
        async with asyncio.timeout(LIMIT_S):
            await line.wait_closed()
        assert (line.close_code, line.close_reason) == (1001, "going_away")
    assert await exchange.ended() == 0, exchange.said()


def order(name: str, *, price: str = "62.00") -> dict[str, str]:
    """An order that would rest."""
    terms = {"listing": "SHCERCIR1", "side": "buy", "price": price, "quantity": "1", "time_in_force": "day"}
    return {"client_order_id": f"drain-{name}", **terms}
