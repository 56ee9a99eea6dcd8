"""Sequences made from the served document's links by a machine that knows nothing else contradict no contract.

What is begun with is plausible (the requests without links are nonsense enough elsewhere); what follows on it is whatever
the document allows: an order looked up, replaced, cancelled twice, a transfer confirmed by one who should not, a use
withdrawn too late.
"""

import asyncio
import os
from collections import Counter
from itertools import count
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis.errors import Flaky
from schemathesis import Case
from schemathesis.generation.stateful import run_state_machine_as_test

from gateway.http.app import ROUTES
from gateway.http.routing import Route
from gateway.http.services import HttpSettings
from tests.gateway.http.desk import Desk, desk
from tests.gateway.http.test_http_fuzz import CHECKS, LONG_S, SIGNER_OF, Signed

SEQUENCES: Final = 25
"""Of one walk."""
LONG_SEQUENCES: Final = int(os.environ.get("PUHUI_FUZZ_SEQUENCES", "400"))
UNITS: Final = {"listing": "SHCERCIR1", "quantity": "1"}
BEGUN_WITH: Final[dict[str, dict[str, Any]]] = {
    "/v1/orders": {"listing": "SHCERCIR1", "price": "68.00", "quantity": "2", "time_in_force": "day"},
    "/v1/negotiated-transfers": {**UNITS, "price": "68.00", "counterparty": "seller", "side": "buy"},
    "/v1/transfers-in": {"lots": [{"lot": "LOT-1", "quantity": "1"}]},
    "/v1/transfers-out": UNITS,
    "/v1/offsets": {**UNITS, "compliance_year": 2025},
    "/v1/retirements": {**UNITS, "purpose": "voluntary_offset", "beneficiary": "x"},
    "/v1/cash/withdrawals": {"amount": "1.00"},
    "/v1/operator/keys": {"participant": "buyer-person", "scopes": ["read"], "algorithm": "hmac-sha256"},
    "/v1/operator/people": {"participant": "supervisor", "scopes": ["supervise"]},
}
"""What an answer leads on from: the fields with which it is likely to be taken."""
BY_THE_SELLER: Final = ("/v1/transfers-", "/v1/retirements", "/v1/offsets")
ANSWERED_BY_THE_SELLER: Final = ("/confirm", "/counter", "/decline")
ROUTE_OF: Final[dict[tuple[str, str], Route]] = {(route.method, route.path): route for route in ROUTES}


def begins(route: Route) -> bool:
    return bool(route.leads_to)


def is_led_to(route: Route) -> bool:
    return any(route.path.startswith(start) for begun in ROUTES for start in begun.leads_to)


def walk(exchange: Desk, sequences: int, *, seed: int) -> Counter[tuple[str, str, int]]:
    """Send so many sequences; what was asked and answered how often. Raises what was found.

    Hypothesis ends a walk early when the same choices lead elsewhere than before, as they may: an exchange remembers what
    came before. What was found until then counts, also where it could not be repeated.
    """
    sent: Counter[tuple[str, str, int]] = Counter()
    found: list[BaseException] = []
    numbers = count(1)
    schema: Any = schemathesis.openapi.from_url(f"{exchange.url}/v1/openapi.json").include(
        path=sorted({route.path for route in ROUTES if begins(route) or is_led_to(route)})
    )

    class Walk(schema.as_state_machine()):  # type: ignore[misc] # made of the document
        def before_call(self, case: Case[Any]) -> None:
            plain = BEGUN_WITH.get(case.path) if case.method.upper() == "POST" else None
            if plain is None or not isinstance(case.body, dict):
                return
            own_id = "client_order_id" if case.path == "/v1/orders" else "client_id"
            kept = {name: case.body[name] for name in ("side",) if name in case.body}
            case.body = {**kept, **plain, own_id: f"walk-{seed}-{next(numbers)}"}
            if case.path.endswith("/people"):
                case.body["person"] = f"walk-{seed}-{next(numbers)}"

        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            route = ROUTE_OF[case.method.upper(), case.path]
            seller = case.path.startswith(BY_THE_SELLER) or case.path.endswith(ANSWERED_BY_THE_SELLER)
            name = SIGNER_OF.get(route.scope, "seller" if seller else "buyer")  # type: ignore[arg-type]
            return {"auth": Signed(exchange[name]), "timeout": 10}

        def validate_response(self, response: Any, case: Case[Any], **_: Any) -> None:
            sent[case.method.upper(), case.path, response.status_code] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except BaseException as error:
                found.append(error)
                raise

    try:
        run_state_machine_as_test(
            Walk,
            settings=settings(
                max_examples=sequences,
                stateful_step_count=8,
                deadline=None,
                database=None,
                derandomize=seed == 0,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except Flaky:
        if found:
            raise found[0] from None
    return sent


def test_every_object_that_can_be_made_leads_to_what_can_be_done_with_it() -> None:
    assert {route.path for route in ROUTES if begins(route)} == BEGUN_WITH.keys()
    for route in ROUTES:
        for start in route.leads_to:
            assert any(other.path == start or other.path.startswith(f"{start}/") for other in ROUTES), start


async def test_no_sequence_of_linked_requests_contradicts_the_document(database: str) -> None:
    async with desk(database, settings=HttpSettings(quotas={})) as exchange:
        sent = await asyncio.to_thread(walk, exchange, SEQUENCES, seed=0)
        followed = [path for _, path, status in sent if "{" in path and status < 300]
        assert len(followed) >= 2, sent
        assert exchange.engine.sequencer.is_open


@pytest.mark.soak
@pytest.mark.timeout(LONG_S + 1_800)
async def test_long_walks_along_the_links_find_nothing(database: str) -> None:
    async with desk(database, settings=HttpSettings(quotas={})) as exchange:
        sent: Counter[tuple[str, str, int]] = Counter()
        for number in range(1, LONG_SEQUENCES // SEQUENCES + 1):
            sent += await asyncio.to_thread(walk, exchange, SEQUENCES, seed=number)
        assert sent.total() > LONG_SEQUENCES
        assert exchange.engine.sequencer.is_open
