"""Nonsense in every field of every call is refused by name; nothing a client sends is a fault of ours."""

import random
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from gateway.access.keys import Scope
from gateway.http.app import ROUTES
from gateway.http.routing import Route
from tests.gateway.http.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

NONSENSE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    2**64 - 1,
    1.5,
    1e308,
    "",
    " ",
    "x" * 5_000,
    "\u0000",
    "\ufeff",
    "a|b",
    "😀",
    "../../etc",
    "'; DROP TABLE journal; --",
    "99999999.99",
    "99999999",
    "9999-12-31T23:59:59Z",
    "2261-01-01",
    [],
    {},
    [[]],
    [{}],
    [[[1, 2]]],
    {"a": {"b": []}},
)
SENSE: dict[str, tuple[Any, ...]] = {
    "client_order_id": ("n1", "n2"),
    "client_id": ("n1", "n2"),
    "listing": ("SHCERCIR1", "NOSUCH"),
    "side": ("buy", "sell"),
    "price": ("68.00", "61.20"),
    "quantity": ("1", "99999999"),
    "account": ("buyer", "seller", "nobody"),
    "lots": ([{"lot": "LOT-1", "serials": [[1, 2]]}], [{"lot": "LOT-1", "quantity": "5"}]),
    "amount": ("1.00", "999999999999.99"),
    "bank_reference": ("ref-1", "编号"),
    "participant": ("buyer-person", "somebody"),
    "kind": ("institution",),
    "owner": ("buyer-person", "nobody"),
    "registry_account": ("R-buyer", "R-new"),
    "class": ("I", "II"),
    "first_reference_price": ("0.01", "99999999.99"),
    "changes": (
        [
            {
                "parameter": "tick_fen",
                "value": 2**53,
                "effective_from": "2261-12-31T00:00:00Z",
                "source": "来源",
                "certainty": "official",
            }
        ],
    ),
    "first_day": ("2027-01-01", "2026-01-01"),
    "last_day": ("2027-01-31", "2261-12-31"),
    "trading_days": ([], ["2027-01-04"], ["2027-01-04", "2027-01-04"]),
    "source": ("notice",),
    "scopes": (["read"],),
    "algorithm": ("ed25519", "hmac-sha256"),
    "trading_day": ("2026-11-23", "2027-01-01"),
    "counterparty": ("seller", "nobody"),
    "terms_hash": ("0" * 64,),
    "orders": ([{"client_order_id": "n9"}, {}],),
}
WHO = {
    Scope.TRADE: "buyer",
    Scope.TRANSFER: "buyer",
    Scope.BANK: "bank",
    Scope.OPERATE: "operator",
    Scope.APPROVE: "operator2",
    Scope.SUPERVISE: "supervisor",
    Scope.NEGOTIATE: "buyer",
    Scope.READ: "buyer",
    Scope.OFFSET: "buyer",
    Scope.AUTHORITY: "authority",
    Scope.SUPERVISE: "supervisor",
    "any": "buyer",
    "public": "buyer",
}


def some(chance: random.Random, model: type[BaseModel]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        known = field.alias or name
        kind = chance.random()
        if kind < 0.7 and known in SENSE:
            body[known] = chance.choice(SENSE[known])
        elif kind < 0.85:
            body[known] = chance.choice(NONSENSE)
    return body


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.body is not None],
    ids=lambda route: f"{route.method} {route.path}",
)
async def test_no_body_is_a_fault_of_ours(shared: Desk, route: Route) -> None:
    assert route.body is not None
    chance = random.Random(route.path)
    for _ in range(200):
        body = some(chance, route.body)
        answer = await shared[WHO[route.scope]].send(route.method, route.path, orjson.dumps(body))
        assert answer.status_code < 500, (body, answer.text)
    assert shared.engine.sequencer.is_open
    shared.engine.recovered.exchange.check()


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.method == "GET"], ids=lambda route: route.path
)
async def test_no_query_is_a_fault_of_ours(shared: Desk, route: Route) -> None:
    path = route.path.replace("{code}", "SHCERCIR1")
    for name in path[path.find("{") + 1 : path.find("}")].split() if "{" in path else ():
        path = path.replace(f"{{{name}}}", "999999999999999999")
    for name in route.query.model_fields:
        known = route.query.model_fields[name].alias or name
        for value in (
            "",
            "0",
            "-1",
            "99999999999999999999",
            "%00",
            "%ED%A0%80",
            "%FF",
            "2261-12-31",
            "a%20b",
            "1970-01-01",
        ):
            target = f"{path}?{known}={value}"
            if route.is_public:
                answer = await shared.http.get(shared.url + target)
            else:
                answer = await shared[WHO[route.scope]].send("GET", target)
            assert answer.status_code < 500, (target, answer.text)
