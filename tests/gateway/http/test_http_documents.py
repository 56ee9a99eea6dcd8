"""The route table, the documents written from it, and the catalogue of refusals, without a server."""

from collections import Counter

import pytest

from gateway.formats import figure_text
from gateway.http.app import ROUTES
from gateway.http.openapi import openapi_document
from gateway.http.refusals import reasons
from gateway.http.refusals.access_reasons import ACCESS_REASONS
from gateway.http.refusals.catalogue import CATALOGUE, RETRYABLE, STATUS, STATUS_OF_CORE
from gateway.http.refusals.door_reasons import DOOR_REASONS
from gateway.http.refusals.people_reasons import PEOPLE_REASONS
from gateway.http.refusals.problems import language_of
from gateway.http.refusals.statement_reasons import STATEMENT_REASONS
from gateway.http.refusals.use_reasons import USE_REASONS
from gateway.http.routing import Route
from matching.rejections import REASONS as MATCHING_REASONS
from settlement.reasons import REASONS as SETTLEMENT_REASONS
from settlement.rejections import Unit

PUBLIC = {
    "/docs",
    "/docs/{asset}",
    "/v1/asyncapi.json",
    "/v1/listings/{code}/candles",
    "/v1/session",
    "/v1/statements/{date}/{digest}",
    "/healthz",
    "/metrics",
    "/readyz",
    "/v1/bulletins",
    "/v1/bulletins/{date}",
    "/v1/calendar",
    "/v1/certificates/{number}",
    "/v1/compliance-years",
    "/v1/compliance-years/{year}",
    "/v1/digests",
    "/v1/errors",
    "/v1/errors/{error}",
    "/v1/listings",
    "/v1/listings/{code}",
    "/v1/listings/{code}/depth",
    "/v1/listings/{code}/trades",
    "/v1/openapi.json",
    "/v1/retirements/summary",
    "/v1/rules",
    "/v1/status",
    "/v1/time",
    "/v1/welfare-accounts",
}


def test_what_is_public_is_a_short_list() -> None:
    assert {route.path for route in ROUTES if route.is_public} == PUBLIC
    assert {route.path for route in ROUTES if route.is_public and route.method != "GET"} == {"/v1/session"}


def test_every_schema_is_used_and_no_two_share_a_name() -> None:
    document = openapi_document(ROUTES)
    text = repr(document)
    for name in document["components"]["schemas"]:
        assert "__" not in name, f"{name}: two models of one name"
        assert f"#/components/schemas/{name}'" in text, f"{name} is not used"


def ways_in(route: Route) -> list[dict[str, list[str]]]:
    """A signature, a session with its token where anything changes, or either."""
    signed: dict[str, list[str]] = {"key": [], "timestamp": [], "signature": []}
    session: dict[str, list[str]] = {"session": []}
    if route.method != "GET":
        session["csrf"] = []
    ways = {"key": [signed], "session": [session], "either": [signed, session]}
    return [] if route.is_public else ways[route.by]


def test_every_operation_says_its_scope_and_every_closed_one_is_signed() -> None:
    document = openapi_document(ROUTES)
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["x-scope"] == route.scope
        assert operation.get("x-or-scopes", []) == sorted(route.or_scopes)
        assert operation["security"] == ways_in(route)
        assert operation["responses"]["default"]["content"].keys() == {"application/problem+json"}


def test_bodies_are_closed() -> None:
    schemas = openapi_document(ROUTES)["components"]["schemas"]
    for route in ROUTES:
        if route.body is not None:
            assert schemas[route.body.__name__]["additionalProperties"] is False


def test_every_reason_has_one_code_both_languages_and_a_status() -> None:
    core = [*SETTLEMENT_REASONS, *MATCHING_REASONS]
    everything = [
        *core,
        *reasons.GATEWAY_REASONS,
        *DOOR_REASONS,
        *USE_REASONS,
        *STATEMENT_REASONS,
        *PEOPLE_REASONS,
        *ACCESS_REASONS,
    ]
    codes = Counter(reason.code for reason in everything)
    assert [code for code, number in codes.items() if number > 1] == []
    assert STATUS.keys() == CATALOGUE.keys() == codes.keys()
    assert STATUS_OF_CORE.keys() <= {reason.code for reason in core}
    assert CATALOGUE.keys() >= RETRYABLE
    for reason in everything:
        assert reason.code == reason.code.lower()
        assert 400 <= STATUS[reason.code] < 600
        assert all((reason.zh, reason.en, reason.remedy_zh, reason.remedy_en, reason.source))
        assert any("\u4e00" <= letter <= "\u9fff" for letter in reason.zh), reason.code
        assert reason.en.isascii() or "¥" in reason.en or "±" in reason.en, reason.code


def test_figures_are_written_in_their_unit() -> None:
    assert figure_text(Unit.FEN, 6850) == "68.50"
    assert figure_text(Unit.FEN, (6120, 7480)) == "61.20..74.80"
    assert figure_text(Unit.TONNES, 10) == "10"
    assert figure_text(Unit.TEXT, "closed") == "closed"
    assert figure_text(Unit.COUNT, 3) == "3"
    assert figure_text(Unit.NS, 0) == "1970-01-01T08:00:00.000000+08:00"
    assert figure_text(Unit.FEN, None) is None


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh"),
        ("", "zh"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh;q=0.5,en;q=0.8", "en"),
        ("fr, *;q=0.5", "zh"),
        ("en;q=nonsense", "zh"),
        ("en;q=0", "zh"),
        ("english", "zh"),
    ],
)
def test_chinese_unless_english_is_asked_for(header: str | None, language: str) -> None:
    assert language_of(header) == language
