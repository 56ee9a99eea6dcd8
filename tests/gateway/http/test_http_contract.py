"""The served documents agree with the code: OpenAPI, the catalogue of refusals, statuses, headers."""

from collections import Counter

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.http.app import ROUTES
from gateway.http.catalogue import CATALOGUE
from gateway.http.openapi import openapi_document
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
