"""The served documents agree with the code: OpenAPI, the catalogue of refusals, statuses, headers."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped] # it ships no types
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.http.app import ROUTES
from gateway.http.asyncapi import asyncapi_document
from gateway.http.openapi import openapi_document
from gateway.http.refusals.catalogue import CATALOGUE
from gateway.http.stream.hub import CHANNELS, PRIVATE_CHANNEL
from gateway.http.stream.ops import OPS
from gateway.http.stream.shapes import RESULTS
from tests.gateway.http.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_served_openapi_document_is_valid_and_names_every_route(shared: Desk) -> None:
    document = (await shared.public("/v1/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    assert document == openapi_document(ROUTES)
    served = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert served == {(route.method, route.path) for route in ROUTES}
    named = Counter(op["operationId"] for item in document["paths"].values() for op in item.values())
    assert max(named.values()) == 1


async def test_the_served_asyncapi_document_is_valid_and_names_every_op_and_channel(shared: Desk) -> None:
    document = (await shared.public("/v1/asyncapi.json")).json()
    schema = json.loads((Path(__file__).parent / "asyncapi" / "3.0.0-without-id.json").read_text())
    Draft7Validator(schema).validate(document)
    assert document == asyncapi_document(shared.services.public_url)
    asked = {name: op for name, op in document["operations"].items() if op["action"] == "receive"}
    assert {name.replace("_", ".", 1) for name in asked} == OPS.keys() == RESULTS.keys()
    told = {name for name, op in document["operations"].items() if op["action"] == "send"}
    assert told == {f"push_{channel}" for channel in (*CHANNELS, PRIVATE_CHANNEL)}
    for reference in references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def references(value: Any) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


async def test_the_page_of_the_contract_comes_whole_from_here_and_may_load_from_nowhere_else(
    shared: Desk,
) -> None:
    page = await shared.http.get(shared.url + "/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 5
    assert "<script>" not in page.text
    for target in named:
        assert target.startswith("/")
        found = await shared.http.get(shared.url + target)
        assert (found.status_code, len(found.content) > 100) == (200, True), target
    assert (await shared.http.get(shared.url + "/docs/index.html")).status_code == 404
    assert (await shared.http.get(shared.url + "/docs/..%2f__init__.py")).status_code == 404


async def test_the_catalogue_is_served_and_every_problem_type_leads_to_its_entry(shared: Desk) -> None:
    items = (await shared.public("/v1/errors")).json()["items"]
    assert {item["code"] for item in items} == CATALOGUE.keys()
    problem = (await shared["buyer"].order("band", price="99.00")).json()
    entry = (await shared.public(problem["type"])).json()
    assert entry["code"] == problem["code"] == "price_outside_band"
    assert (await shared.public("/v1/errors/no_such_code")).status_code == 404


async def test_every_answer_has_its_headers(shared: Desk) -> None:
    for answer in (
        await shared.public("/v1/time"),
        await shared.http.get(shared.url + "/nothing"),
        await shared["buyer"].send("GET", "/v1/account"),
        await shared["buyer"].order("no", price="x"),
    ):
        assert answer.headers["Server"] == "puhui"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Request-Id"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    head = await shared.http.head(shared.url + "/v1/time")
    assert (head.status_code, head.content) == (200, b"")


async def test_request_ids_never_repeat(shared: Desk) -> None:
    ids = {(await shared.public("/healthz")).headers["X-Request-Id"] for _ in range(20)}
    assert len(ids) == 20
