"""An order's short way: the same answers as the way that every request goes, in the same order, and no loose ends."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

import httpx
import orjson
import pytest
import pytest_asyncio

from gateway.engine.entry import AccountEvent, Entry
from gateway.http.dispatch import Dispatcher
from gateway.http.door.short_way import ShortWay
from gateway.http.services import HttpSettings
from matching.commands import Command
from tests.gateway.http.desk import Desk, Person, desk, order_body, until
from tests.gateway.http.raw import RawConnection, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMPATIENT: Final = HttpSettings(quotas={}, request_s=1.0)
VARIES: Final = re.compile(
    rb'"(id|request_id|server_time|created_at|ended_at|time)":"[^"]*"|"clock_skew_ms":-?\d+|-?\d{9,}'
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quick(module_database: str) -> AsyncIterator[Desk]:
    """An exchange that does not let a request wait for long."""
    async with desk(module_database, settings=IMPATIENT) as made:
        yield made


@contextmanager
def ways_seen() -> Iterator[list[str]]:
    """The ways that orders went."""
    seen: list[str] = []
    short, long = ShortWay.take, Dispatcher._serve

    def take(*given: Any) -> None:
        seen.append("short")
        short(*given)

    async def serve(*given: Any) -> Any:
        seen.append("long")
        return await long(*given)

    with mock.patch.object(ShortWay, "take", take), mock.patch.object(Dispatcher, "_serve", serve):
        yield seen


@contextmanager
def commits_held(exchange: Desk) -> Iterator[asyncio.Event]:
    """Nothing becomes durable before the event is set."""
    gate, journal = asyncio.Event(), exchange.engine.journal
    append = journal.append

    async def held(entries: list[Entry]) -> list[AccountEvent]:
        await gate.wait()
        return await append(entries)

    with mock.patch.object(journal, "append", held):
        try:
            yield gate
        finally:
            gate.set()


async def both_ways(
    person: Person, content: bytes, headers: Mapping[str, str] | None = None
) -> list[httpx.Response]:
    """The answers to the same body on the short way, and on the one that a header asks for which changes nothing."""
    answers = []
    with ways_seen() as seen:
        for more in ({}, {"Content-Encoding": "identity"}):
            signed = person.headers("POST", "/v1/orders", content) | dict(headers or {}) | more
            url = person.url + "/v1/orders"
            answers.append(await person.http.post(url, content=content, headers=signed))
    assert seen == ["short", "long"]
    return answers


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """All of an answer that does not tell one request from another."""
    headers = {
        name.lower(): value
        for name, value in answer.headers.items()
        if name.lower() not in ("x-request-id", "date", "content-length", "idempotent-replayed")
    }
    assert {"x-request-id", "date", "content-length"} <= {name.lower() for name in answer.headers}
    return (answer.status_code, answer.reason_phrase, headers, VARIES.sub(b"", answer.content))


def order(client_id: str = "", **given: Any) -> bytes:
    return orjson.dumps({**order_body(client_id), **given})


BODIES: Final = {
    "a price outside the band": order("same", price="99.00"),
    "an id used for another order": order("same", price="98.00"),
    "an unknown listing": order("other", listing="NOTHING"),
    "another's account": order("mine", account="seller"),
    "no account there is": order("mine", account="nobody"),
    "a malformed price": order("mine", price="68.5"),
    "everything wrong": order("?", price=1, quantity="0", side="both", more="x", listing="a b"),
    "nothing": b"{}",
    "no body": b"",
    "a list": b"[]",
    "not JSON": b'{"client_order_id":',
    "not UTF-8": b'{"client_order_id":"\xff"}',
    "a member twice": b'{"side":"buy","side":"sell"}',
    "too deep": b"[" * 40 + b"]" * 40,
    "too large": b'{"client_order_id":"' + b"x" * 70_000 + b'"}',
    "a use that says nothing": order("mine", use={"purpose": "voluntary_offset", "beneficiary": ""}),
}
HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    "in English": {"Accept-Language": "en"},
    "too late": {"X-Deadline": "2020-01-01T00:00:00Z"},
    "no time": {"X-Deadline": "soon"},
    "a wrong signature": {"X-Signature": "AAAA"},
    "no signature at all": {"X-Signature": "?"},
    "an unknown key": {"X-Key": "nobody"},
    "an old time": {"X-Timestamp": "1"},
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_body_is_answered_alike(quick: Desk, case: str) -> None:
    if case == "too large":  # what is too large is never plainly an order
        answer = await quick["buyer"].send("POST", "/v1/orders", BODIES[case])
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        return
    short, long = await both_ways(quick["buyer"], BODIES[case])
    assert told(short) == told(long)
    assert short.status_code >= 400


@pytest.mark.parametrize("case", HEADERS)
async def test_headers_are_judged_alike(quick: Desk, case: str) -> None:
    short, long = await both_ways(quick["buyer"], order("mine", price="1"), HEADERS[case])
    assert told(short) == told(long)


async def test_who_may_not_order_is_refused_alike(quick: Desk) -> None:
    short, long = await both_ways(quick["reader"], order("mine"))
    assert told(short) == told(long)
    assert short.json()["code"] == "scope_missing"


async def test_random_bodies_are_answered_alike(quick: Desk) -> None:
    chance = random.Random(20261123)
    values: list[Any] = [
        "",
        "buy",
        "sell",
        "68.00",
        "1",
        "day",
        "ioc",
        "limit",
        "SHCERCIR1",
        None,
        7,
        True,
        [],
        {},
        "é",
    ]
    names = [*order_body("x"), "account", "use", "more"]
    for number in range(40):
        body = {"client_order_id": f"r-{number}", **order_body(f"r-{number}", price="61.20", quantity="1")}
        for name in chance.sample(names, chance.randrange(1, 4)):
            body[name] = chance.choice(values)
        text = chance.choice([orjson.dumps(body), orjson.dumps(body, option=orjson.OPT_INDENT_2)])
        short, long = await both_ways(quick["buyer"], text)
        assert told(short) == told(long), text


async def test_an_order_is_answered_alike_at_first_and_again(quick: Desk) -> None:
    buyer = quick["buyer"]
    first = await buyer.send("POST", "/v1/orders", order("twice", price="61.20"))
    short, long = await both_ways(buyer, order("twice", price="61.20"))
    assert first.status_code == short.status_code == 201
    assert short.content == long.content == first.content
    assert short.headers["Idempotent-Replayed"] == long.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert told(short) == told(long) == told(first)


def message(person: Person, body: bytes, *more: str) -> bytes:
    lines = [f"{name}: {value}" for name, value in person.headers("POST", "/v1/orders", body).items()]
    head = ["POST /v1/orders HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *lines, *more, "", ""]
    return "\r\n".join(head).encode() + body


GET: Final = b"GET /v1/time HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_what_is_sent_in_one_go_is_answered_in_its_order(quick: Desk) -> None:
    buyer = quick["buyer"]
    texts = [message(buyer, order(f"go-{n}", price="61.20")) for n in range(3)]
    with commits_held(quick) as gate:
        async with raw(quick.url) as line:
            await line.send(texts[0] + GET + texts[1])
            await line.send(GET, texts[2][:200])
            await line.send(texts[2][200:])
            gate.set()
            statuses = [await line.answer() for _ in range(5)]
    assert [answer.status for answer in statuses] == [201, 200, 201, 200, 201]
    ids = [answer.json["order"]["client_order_id"] for answer in statuses[::2]]
    assert ids == ["go-0", "go-1", "go-2"]


async def test_many_orders_at_once_on_one_connection(quick: Desk) -> None:
    buyer = quick["buyer"]
    async with raw(quick.url) as line:
        await line.send(*(message(buyer, order(f"many-{n}", price="61.20")) for n in range(100)))
        for number in range(100):
            answer = await line.answer()
            assert answer.json["order"]["client_order_id"] == f"many-{number}"


async def _handed_in(exchange: Desk, line: RawConnection, text: bytes) -> None:
    sequencer = exchange.engine.sequencer
    await until(lambda: sequencer.is_idle)
    await line.send(text)
    await until(lambda: not sequencer.is_idle)


async def test_who_goes_before_the_answer_takes_nothing_back(quick: Desk) -> None:
    shown, name = quick.services.metrics.registry, "puhui_connections"
    with commits_held(quick) as gate:
        async with raw(quick.url) as line:
            await _handed_in(quick, line, message(quick["buyer"], order("gone", price="61.20")))
            there_are = shown.get_sample_value(name) or 0
        await until(lambda: (shown.get_sample_value(name) or 0) < there_are)
        gate.set()
    found = await quick["buyer"].get("/v1/orders?client_order_id=gone")
    assert found["status"] == "new"


async def test_who_waits_too_long_is_told_that_the_outcome_is_unknown(quick: Desk) -> None:
    with commits_held(quick) as gate:
        async with raw(quick.url) as line:
            await _handed_in(quick, line, message(quick["buyer"], order("slow", price="61.20")))
            answer = await line.answer()
            assert (answer.code, answer.json["state"]) == ("request_timed_out", "unknown")
            await line.ends()
        gate.set()
    assert (await quick["buyer"].get("/v1/orders?client_order_id=slow"))["status"] == "new"


async def test_a_fault_of_ours_ends_one_order_alone(quick: Desk) -> None:
    def broken(command: Command, tell: object, **_: object) -> None:
        raise RuntimeError("secret detail")

    with mock.patch.object(quick.engine.sequencer, "hand_in", broken):
        answer = await quick["buyer"].order("broken")
    assert (answer.status_code, answer.json()["state"]) == (500, "unknown")
    assert "secret" not in answer.text
    with mock.patch("gateway.http.listed.submissions.submitted", side_effect=RuntimeError("secret detail")):
        answer = await quick["buyer"].order("broken", price="61.20")
    assert (answer.status_code, answer.json()["state"]) == (500, "unknown")
    assert (await quick["buyer"].order("broken", price="61.20")).status_code == 201


async def test_a_draining_exchange_answers_what_it_took_and_lets_go(database: str) -> None:
    async with desk(database) as exchange, raw(exchange.url) as line:
        with commits_held(exchange) as gate:
            await _handed_in(exchange, line, message(exchange["buyer"], order("last", price="61.20")))
            exchange.services.admission.close()
            gate.set()
            answer = await line.answer()
        assert (answer.status, answer.headers["connection"]) == (201, "close")
        await line.ends()
        refused = await exchange["buyer"].order("later")
        assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")


async def test_orders_taken_are_answered_before_the_door_is_shut(database: str) -> None:
    async with desk(database) as exchange, raw(exchange.url) as line:
        with commits_held(exchange) as gate:
            await _handed_in(exchange, line, message(exchange["buyer"], order("last", price="61.20")))
            stopping = asyncio.create_task(exchange.stop())
            await asyncio.sleep(0)
            gate.set()
            assert (await line.answer()).status == 201
            await line.ends()
            await stopping
