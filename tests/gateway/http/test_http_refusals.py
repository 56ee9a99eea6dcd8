"""Every bad input is refused by name, with limit and figure, in both languages, and changes nothing."""

import gzip
import time
from typing import Any

import httpx
import orjson
import pytest

from tests.gateway.http.desk import Desk, Person, order_body

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def refused(
    shared: Desk,
    body: Any,
    *,
    status: int,
    code: str,
    pointer: str,
    limit: str | None,
    actual: str | None,
    who: str = "buyer",
    zh: str,
    en: str,
) -> None:
    """Send an order that must be refused, in both languages, and look that nothing changed."""
    person = shared[who]
    before = await shared.everything()
    for language, words in ((None, zh), ("en-GB, en;q=0.9, zh;q=0.1", en)):
        person.language = language
        answer = await person.send("POST", "/v1/orders", body)
        check(answer, status=status, code=code, pointer=pointer, limit=limit, actual=actual)
        problem = answer.json()
        assert words in problem["detail"], problem["detail"]
        assert answer.headers["Content-Language"] == ("en" if language else "zh-CN")
        assert all(figure in problem["detail"] for figure in (limit, actual) if figure)
    person.language = None
    assert await shared.everything() == before


def check(
    answer: httpx.Response, *, status: int, code: str, pointer: str, limit: str | None, actual: str | None
) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert problem["state"] == "not_accepted"
    first = problem["errors"][0]
    assert (first["pointer"], first.get("limit"), first.get("actual")) == (pointer, limit, actual), first


async def test_price_between_two_ticks(shared: Desk) -> None:
    await refused(
        shared,
        order_body("tick-1", price="68.005"),
        status=400,
        code="invalid_price",
        pointer="/price",
        limit="0.01..99999999.99",
        actual="68.005",
        zh="恰有两位小数",
        en="exactly two decimals",
    )


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "1e3", "01", " 1", "+1", "١", "", "100000000"])
async def test_quantity_that_is_no_count_of_tonnes(shared: Desk, quantity: str) -> None:
    await refused(
        shared,
        order_body("quantity-1", quantity=quantity),
        status=400,
        code="invalid_quantity",
        pointer="/quantity",
        limit="1..99999999",
        actual=quantity,
        zh="大于零的整数吨",
        en="whole tonnes above zero",
    )


@pytest.mark.parametrize("quantity", [10, 1.5, True, None, ["1"]])
async def test_quantity_that_is_no_text(shared: Desk, quantity: Any) -> None:
    answer = await shared["buyer"].send("POST", "/v1/orders", {**order_body("q-2"), "quantity": quantity})
    assert answer.json()["code"] == "invalid_quantity"


@pytest.mark.parametrize("price", ["0.00", "-68.00", "68", "68.5", "6.8e1", "068.00", "¥68.00", "68,00"])
async def test_price_that_is_none(shared: Desk, price: str) -> None:
    answer = await shared["buyer"].order("price-1", price=price)
    check(
        answer,
        status=400,
        code="invalid_price",
        pointer="/price",
        limit="0.01..99999999.99",
        actual=price,
    )


async def test_unknown_listing(shared: Desk) -> None:
    await refused(
        shared,
        order_body("listing-1", listing="NOSUCH"),
        status=404,
        code="listing_unknown",
        pointer="/listing",
        limit=None,
        actual="NOSUCH",
        zh="没有",
        en="no such listing",
    )


@pytest.mark.parametrize("price", ["61.19", "74.81"])
async def test_price_outside_the_band(shared: Desk, price: str) -> None:
    await refused(
        shared,
        order_body(f"band-{price}", price=price),
        status=422,
        code="price_outside_band",
        pointer="/price",
        limit="61.20..74.80",
        actual=price,
        zh="涨跌幅",
        en="outside the day's band",
    )


async def test_more_cash_than_there_is(shared: Desk) -> None:
    first = await shared["buyer2"].order("fill-1", price="74.00", quantity="99999")
    assert first.status_code == 201
    await refused(
        shared,
        order_body("fill-2", price="74.00", quantity="99999"),
        who="buyer2",
        status=422,
        code="insufficient_cash",
        pointer="/quantity",
        limit="2600074.00",
        actual="7399926.00",
        zh="可用资金不足",
        en="Not enough cash available",
    )


async def test_more_units_than_there_are(shared: Desk) -> None:
    await refused(
        shared,
        order_body("units-1", side="sell", quantity="1"),
        who="buyer",
        status=422,
        code="insufficient_units",
        pointer="/quantity",
        limit="0",
        actual="1",
        zh="可用减排量不足",
        en="Not enough units available",
    )


async def test_client_id_used_for_another_order(shared: Desk) -> None:
    first = await shared["seller"].order("reused-1", side="sell", price="74.80", quantity="1")
    assert first.status_code == 201
    await refused(
        shared,
        order_body("reused-1", side="sell", price="74.80", quantity="2"),
        who="seller",
        status=409,
        code="client_id_reused",
        pointer="/client_order_id",
        limit=None,
        actual="reused-1",
        zh="已用于另一内容",
        en="used before with other content",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"price": NaN}',
        b'{"price": "\xff"}',
        b'{"price": "\\ud800"}',
        b"[" * 5_000 + b"]" * 5_000,
        b'{"a": 1} {"b": 2}',
    ],
)
async def test_malformed_json(shared: Desk, body: bytes) -> None:
    before = await shared.everything()
    for language, words in (("zh", "不是有效的 UTF-8 JSON"), ("en", "not valid UTF-8 JSON")):
        shared["buyer"].language = language
        answer = await shared["buyer"].send("POST", "/v1/orders", body)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (400, "malformed_json")
        assert words in problem["detail"]
        assert "line" in problem["errors"][0]["actual"]
    shared["buyer"].language = None
    assert await shared.everything() == before


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true"])
async def test_json_that_is_no_object(shared: Desk, body: bytes) -> None:
    answer = await shared["buyer"].send("POST", "/v1/orders", body)
    check(
        answer,
        status=400,
        code="wrong_type",
        pointer="",
        limit=None,
        actual=answer.json()["errors"][0].get("actual"),
    )


async def test_every_field_that_is_wrong_is_named_in_words_too(shared: Desk) -> None:
    for language, words in (
        ("zh", ("缺少必填字段（字段 /side）。", "（字段 /sid，实际 buy）。")),
        ("en", ("is missing (field /side).", "(field /sid, actual buy).")),
    ):
        shared["buyer"].language = language
        answer = await shared["buyer"].send("POST", "/v1/orders", {"client_order_id": "w", "sid": "buy"})
        assert all(word in answer.json()["detail"] for word in words), answer.text
        asked = await shared["buyer"].send("GET", "/v1/events?after=x")
        assert f"{'参数' if language == 'zh' else 'parameter'} after" in asked.json()["detail"]
    shared["buyer"].language = None


async def test_field_given_twice(shared: Desk) -> None:
    body = b'{"client_order_id":"d1","listing":"SHCERCIR1","side":"buy","price":"68.00","quantity":"1","price":"61.20"}'
    answer = await shared["buyer"].send("POST", "/v1/orders", body)
    check(answer, status=400, code="duplicate_field", pointer="", limit=None, actual="price")
    nested = b'{"orders": [{"client_order_id": "a:b", "client_order_id": "a:b"}]}'
    answer = await shared["buyer"].send("POST", "/v1/orders/batch", nested)
    check(answer, status=400, code="duplicate_field", pointer="", limit=None, actual="client_order_id")


async def test_body_over_the_limit(shared: Desk) -> None:
    before = await shared.everything()
    large = b'{"client_order_id": "' + b"x" * 65_536 + b'"}'
    for language, words in (("zh", "请求体过大"), ("en", "too large")):
        shared["buyer"].language = language
        answer = await shared["buyer"].send("POST", "/v1/orders", large)
        check(answer, status=413, code="body_too_large", pointer="", limit="65536", actual=str(len(large)))
        assert words in answer.json()["detail"]
    shared["buyer"].language = None
    assert await shared.everything() == before


async def test_body_over_the_limit_without_a_length(shared: Desk) -> None:
    async def chunks() -> Any:
        for _ in range(100):
            yield b"x" * 10_000

    answer = await shared.http.post(shared.url + "/v1/orders", content=chunks())
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (413, "body_too_large")


async def signed_wrongly(shared: Desk, headers: dict[str, str], body: bytes) -> httpx.Response:
    return await shared.http.post(shared.url + "/v1/orders", content=body, headers=headers)


async def test_wrong_signature(shared: Desk) -> None:
    before = await shared.everything()
    buyer: Person = shared["buyer"]
    for language, words in (("zh", "签名与请求不符"), ("en", "does not fit the request")):
        headers = buyer.headers("POST", "/v1/orders", b"{}") | {"Accept-Language": language}
        answer = await signed_wrongly(shared, headers, b'{"another": "body"}')
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["state"]) == (
            401,
            "signature_invalid",
            "not_accepted",
        )
        assert problem["errors"][0]["header"] == "X-Signature"
        assert abs(problem["clock_skew_ms"]) < 5_000
        assert words in problem["detail"]
        assert answer.headers["WWW-Authenticate"].startswith("Puhui-Signature")
    assert await shared.everything() == before


@pytest.mark.parametrize("offset_ms", [-60_000, 60_000])
async def test_old_signature_says_by_how_much_the_clock_is_off(shared: Desk, offset_ms: int) -> None:
    before = await shared.everything()
    buyer: Person = shared["buyer"]
    for language, words in (("zh", "相差过大"), ("en", "too far from the server's")):
        at_ms = time.time_ns() // 1_000_000 + offset_ms
        headers = buyer.headers("POST", "/v1/orders", b"{}", timestamp_ms=at_ms)
        answer = await signed_wrongly(shared, headers | {"Accept-Language": language}, b"{}")
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (401, "timestamp_outside_window")
        error = problem["errors"][0]
        assert (error["header"], error["limit"]) == ("X-Timestamp", "5000")
        assert abs(int(error["actual"]) - offset_ms) < 2_000
        assert problem["clock_skew_ms"] == int(error["actual"])
        assert words in problem["detail"]
        assert problem["retryable"]
    assert await shared.everything() == before


async def test_unknown_field(shared: Desk) -> None:
    await refused(
        shared,
        {**order_body("field-1"), "leverage": "10"},
        status=400,
        code="unknown_field",
        pointer="/leverage",
        limit=None,
        actual="10",
        zh="未定义的字段",
        en="not known here",
    )


async def test_all_faults_are_told_at_once(shared: Desk) -> None:
    answer = await shared["buyer"].send(
        "POST",
        "/v1/orders",
        {"side": "hold", "price": "x", "quantity": "0", "a/b~c": 1, "client_order_id": "no spaces"},
    )
    problem = answer.json()
    assert answer.status_code == 400
    assert {(error["pointer"], error["code"]) for error in problem["errors"]} == {
        ("/client_order_id", "invalid_client_id"),
        ("/listing", "missing_field"),
        ("/side", "invalid_choice"),
        ("/price", "invalid_price"),
        ("/quantity", "invalid_quantity"),
        ("/a~1b~0c", "unknown_field"),
    }
    side = next(error for error in problem["errors"] if error["pointer"] == "/side")
    assert (side["limit"], side["actual"]) == ("'buy' or 'sell'", "hold")


async def test_somebody_elses_account(shared: Desk) -> None:
    await refused(
        shared,
        order_body("theirs-1", account="seller", side="sell"),
        status=403,
        code="not_your_account",
        pointer="/account",
        limit=None,
        actual="seller",
        zh="无权以该账户行事",
        en="may not act for this account",
    )


async def test_parameters_of_a_query(shared: Desk) -> None:
    answer = await shared.public("/v1/listings/SHCERCIR1/depth?levels=0&deep=yes")
    problem = answer.json()
    assert answer.status_code == 400
    assert [(error["parameter"], error["code"]) for error in problem["errors"]] == [
        ("levels", "out_of_range"),
        ("deep", "unknown_field"),
    ]
    answer = await shared.public("/v1/listings/SHCERCIR1/depth?levels=1&levels=2")
    assert answer.json()["code"] == "duplicate_field"
    answer = await shared.public("/v1/listings/SHCERCIR1/trades?after=nonsense")
    assert answer.json()["code"] == "invalid_cursor"
    answer = await shared["buyer"].send("GET", "/v1/orders?after=MTow")
    assert answer.json()["code"] == "invalid_cursor"
    answer = await shared["buyer"].send("GET", "/v1/orders?client_order_id=%ED%A0%80")
    assert answer.json()["code"] == "invalid_client_id"


async def test_deadline_that_is_none(shared: Desk) -> None:
    for deadline in ("soon", "2026-11-23", "9999-12-31T00:00:00Z"):
        answer = await shared["buyer"].send(
            "POST", "/v1/orders", order_body("deadline-1"), headers={"X-Deadline": deadline}
        )
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (400, "invalid_time")
        assert problem["errors"][0]["header"] == "X-Deadline"


async def test_what_is_not_there(shared: Desk) -> None:
    for path in ("/v1", "/v1/nothing", "/v1/orders/1/2", "/favicon.ico"):
        answer = await shared.http.get(shared.url + path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await shared.http.put(shared.url + "/v1/orders")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "DELETE, GET, POST"
    answer = await shared.http.get(shared.url + "/v1/listings/lower")
    assert answer.status_code == 404


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-unknown"])
async def test_an_encoded_body_is_refused_before_it_is_read(
    shared: Desk, encoding: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = gzip.compress(orjson.dumps(order_body("z1")))
    for content in (body, b"garbage"):
        headers = {"Content-Encoding": encoding}
        answer = await shared["buyer"].send("POST", "/v1/orders", content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "content_encoding_unsupported")
    assert (await shared.public("/healthz")).status_code == 200
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
