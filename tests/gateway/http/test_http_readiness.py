"""Readiness tells the truth: whoever sends orders by it neither waits in vain nor is turned away."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.http.admission import Admission
from gateway.http.health import STALLED_S, state_of
from gateway.http.services import Services
from tests.gateway.http.desk import Desk, order_body


async def readiness(exchange: Desk) -> tuple[int, Any, Any]:
    answer = await exchange.public("/readyz")
    told = answer.json()
    return answer.status_code, told["ready"], told["state"]


async def test_an_exchange_that_takes_orders_is_ready(exchange: Desk) -> None:
    assert await readiness(exchange) == (200, True, "ready")
    await exchange.engine.sequencer.drain()
    assert await readiness(exchange) == (503, False, "stopped")


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"registry_answers": lambda: False}, "degraded"),
        ({"commit_under_way_s": lambda: STALLED_S + 1}, "stalled"),
        ({"commit_under_way_s": lambda: STALLED_S - 1}, "ready"),
    ],
)
async def test_what_is_wrong_is_named(exchange: Desk, changed: dict[str, Any], state: str) -> None:
    services: Services = replace(exchange.services, admission=Admission(), **changed)
    assert state_of(services) == state
    services.admission.close()
    assert state_of(services) == "draining"


async def test_an_exchange_told_to_end_takes_on_nothing_new(exchange: Desk) -> None:
    buyer = exchange["buyer"]
    resting = (await buyer.order("before", price="61.20")).json()["order"]
    exchange.services.admission.close()
    assert await readiness(exchange) == (503, False, "draining")
    for method, target, body in (
        ("POST", "/v1/orders", order_body("late")),
        ("POST", "/v1/orders/batch", {"orders": [order_body("late")]}),
        ("PATCH", f"/v1/orders/{resting['id']}", {"client_id": "late", "price": "61.30"}),
        ("POST", "/v1/transfers-out", {"client_id": "late", "listing": "SHCERCIR1", "quantity": "1"}),
        ("POST", "/v1/operator/day/close", {}),
    ):
        refused = await buyer.send(method, target, body)
        problem = refused.json()
        assert (refused.status_code, problem["code"], problem["state"]) == (503, "not_ready", "not_accepted")
        assert refused.headers["Retry-After"] == "5"
    assert (await buyer.send("GET", "/v1/orders?client_order_id=late")).status_code == 404
    assert (await buyer.send("POST", "/v1/orders/preview", order_body("late"))).status_code != 503
    cancelled = await buyer.send("DELETE", f"/v1/orders/{resting['id']}")
    assert cancelled.json()["order"]["status"] == "cancelled"
