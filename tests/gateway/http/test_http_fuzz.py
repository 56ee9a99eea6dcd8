"""Requests made from the served document by a machine that knows nothing else: no answer contradicts the contract."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.access.keys import Scope
from gateway.http.app import ROUTES
from gateway.http.routing import Route
from gateway.http.services import HttpSettings
from registry_bridge.signing import signed_headers
from tests.gateway.http.desk import Desk, Person, desk

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SIGNER_OF: Final = {
    Scope.OPERATE: "operator",
    Scope.APPROVE: "operator2",
    Scope.BANK: "bank",
    Scope.SUPERVISE: "supervisor",
    Scope.AUTHORITY: "authority",
}
LONG_S: Final = int(os.environ.get("PUHUI_FUZZ_S", "300"))


class Signed(requests.auth.AuthBase):
    """Signs what is about to be sent, as it will be sent."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        assert isinstance(body, bytes | str), "generated bodies are whole"
        request.headers.update(
            signed_headers(
                self.person.signer,
                key=self.person.key,
                method=str(request.method),
                target=request.path_url,
                timestamp_ms=time.time_ns() // 1_000_000,
                body=body.encode() if isinstance(body, str) else body,
            )
        )
        return request


def fuzz(exchange: Desk, examples: int, *, seed: int, until_s: float | None = None) -> int:
    """Send generated requests to every operation; how many there were. Raises AssertionError with all findings."""
    schema: Any = schemathesis.openapi.from_url(f"{exchange.url}/v1/openapi.json")
    routes: dict[tuple[str, str], Route] = {(route.method, route.path): route for route in ROUTES}
    sent = 0
    findings: list[str] = []

    def tried(operation: Any, route: Route) -> Callable[[], None]:
        person = exchange[SIGNER_OF.get(route.scope, "buyer")] if isinstance(route.scope, Scope) else None
        auth = None if person is None else Signed(person)

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=seed == 0,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def run(case: Case[Any]) -> None:
            nonlocal sent
            sent += 1
            case.call_and_validate(base_url=exchange.url, auth=auth, checks=CHECKS, timeout=10)

        return run

    while True:
        for found in schema.get_all_operations():
            operation = found.ok()
            route = routes[operation.method.upper(), operation.path]
            if until_s is not None and time.monotonic() > until_s:
                return sent
            try:
                tried(operation, route)()
            except (BaseExceptionGroup, AssertionError) as group:
                told = group.exceptions if isinstance(group, BaseExceptionGroup) else (group,)
                findings.extend(f"{operation.label}: {str(one)[:600]}" for one in told)
        assert not findings, "\n\n".join(findings)
        if until_s is None:
            return sent
        seed += 1


async def test_no_answer_to_a_generated_request_contradicts_the_document(database: str) -> None:
    async with desk(database, settings=HttpSettings(quotas={})) as exchange:
        sent = await asyncio.to_thread(fuzz, exchange, 2, seed=0)
        assert sent >= len(ROUTES)
        assert exchange.engine.sequencer.is_open


@pytest.mark.soak
@pytest.mark.timeout(LONG_S + 600)
async def test_a_long_run_of_generated_requests_finds_nothing(database: str) -> None:
    async with desk(database, settings=HttpSettings(quotas={})) as exchange:
        sent = await asyncio.to_thread(fuzz, exchange, 40, seed=1, until_s=time.monotonic() + LONG_S)
        assert sent > 100
        assert exchange.engine.sequencer.is_open
