"""An act under an id of its sender's is done once, whatever becomes of its answer, and not after its deadline."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
import pytest

from gateway.access.acts_asked import ActsAsked
from gateway.engine.clock import NS_PER_S
from gateway.formats import time_text
from matching.commands import HaltTrading
from settlement.values import AssetCode, ParticipantId
from tests.gateway.engine.world import adopting
from tests.gateway.http.desk import Desk, desk

HALT = "/v1/operator/listings/SHCERCIR1/halt"
KEY = {"client_id": "key-1", "participant": "buyer-person", "scopes": ["read"], "algorithm": "hmac-sha256"}


async def ask(
    exchange: Desk, target: str, body: dict[str, Any], who: str = "operator", **headers: str
) -> Any:
    return await exchange[who].send(
        "POST", target, body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@contextmanager
def forgetful(exchange: Desk) -> Iterator[list[Any]]:
    """As if the process ended before it keeps an answer; what it would have kept."""
    lost: list[Any] = []

    class Forgetful(ActsAsked):
        async def answered(self, asked: Any, answer: Any, *, at_ns: int) -> None:
            lost.append(answer)

    acts = exchange.services.acts_asked
    object.__setattr__(exchange.services, "acts_asked", Forgetful(acts._pool, acts._seal))
    try:
        yield lost
    finally:
        object.__setattr__(exchange.services, "acts_asked", acts)


async def test_the_same_act_again_is_told_the_first_answer(exchange: Desk) -> None:
    body = {"client_id": "halt-1", "reason": "rumours"}
    first = await ask(exchange, HALT, body)
    position = exchange.engine.sequencer.position
    again = await ask(exchange, HALT, body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await ask(exchange, HALT, body | {"reason": "other rumours"})
    elsewhere = await ask(exchange, "/v1/operator/market/halt", body)
    for refused in (other, elsewhere):
        assert (refused.status_code, refused.json()["code"]) == (409, "client_id_reused")
        assert refused.json()["errors"][0]["pointer"] == "/client_id"
    assert exchange.engine.sequencer.position == position
    by_another = await ask(exchange, HALT, body, "operator2")
    assert by_another.json()["code"] == "listing_halted"  # an id is its participant's own


async def test_a_refusal_is_an_answer_too(exchange: Desk) -> None:
    body = {"client_id": "resume-1", "reason": "over"}
    resume = HALT.replace("halt", "resume")
    first = await ask(exchange, resume, body)
    assert (first.status_code, first.json()["code"]) == (409, "not_halted")
    assert (await ask(exchange, HALT, {"reason": "rumours"})).status_code == 200
    again = await ask(exchange, resume, body, Accept_Language="en")
    assert (again.status_code, again.json()["code"]) == (409, "not_halted")
    assert again.json()["errors"] == first.json()["errors"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await ask(exchange, resume, body | {"client_id": "resume-2"})).status_code == 200


async def test_a_new_key_is_made_once_and_its_secret_told_again(exchange: Desk, database: str) -> None:
    many = len(exchange.services.keys.all())
    raw, target, now_ms = orjson.dumps(KEY), "/v1/operator/keys", time.time_ns() // 1_000_000

    async def at_once(number: int) -> httpx.Response:
        signed = exchange["operator"].headers("POST", target, raw, timestamp_ms=now_ms - number)
        return await exchange.http.post(exchange.url + target, content=raw, headers=signed)

    answers = await asyncio.gather(*(at_once(number) for number in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["secret"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 4
    assert len(exchange.services.keys.all()) == many + 1
    stored = await exchange.engine.pool.fetchval("SELECT sealed FROM act_answered")
    assert answers[0].json()["secret"].encode() not in stored


async def test_the_first_answer_is_found_after_a_restart(database: str) -> None:
    body = {"client_id": "halt-1", "reason": "rumours"}
    async with desk(database) as before:
        first = await ask(before, HALT, body)
        key = await ask(before, "/v1/operator/keys", KEY)
    async with desk(database) as after:
        again = await ask(after, HALT, body)
        assert (again.status_code, again.json()) == (200, first.json())
        same = await ask(after, "/v1/operator/keys", KEY)
        assert same.json() == key.json()


async def test_an_act_whose_answer_was_never_kept_is_not_done_twice(exchange: Desk) -> None:
    """The process ended between the commit and the answer: the journal tells what became of the act."""
    body = {"client_id": "halt-1", "reason": "rumours"}
    with forgetful(exchange) as lost:
        first = await ask(exchange, HALT, body)
    assert len(lost) == 1
    position = exchange.engine.sequencer.position
    passed = time_text(exchange.engine.clock.now_ns() - NS_PER_S)
    again = await ask(exchange, HALT, body, X_Deadline=passed)  # it was decided in time
    assert (again.status_code, again.json()) == (200, first.json())
    assert exchange.engine.sequencer.position == position
    third = await ask(exchange, HALT, body)
    assert (third.json(), third.headers["Idempotent-Replayed"]) == (first.json(), "true")


async def test_an_act_is_not_answered_with_what_somebody_asked_for_in_the_same_words(exchange: Desk) -> None:
    """Not taken at first; then the very same is done under another id, undone, and the first is asked for again."""
    halt = {"reason": "rumours"}
    resume = HALT.replace("halt", "resume")
    exchange.engine.sequencer._queue_limit = 0
    assert (await ask(exchange, HALT, halt | {"client_id": "a"})).status_code == 503
    exchange.engine.sequencer._queue_limit = 5_000
    assert (await ask(exchange, HALT, halt | {"client_id": "b"})).status_code == 200
    assert (await ask(exchange, resume, {"reason": "over"})).status_code == 200
    assert (await ask(exchange, HALT, halt | {"client_id": "a"})).status_code == 200
    assert exchange.engine.views.halt_of("SHCERCIR1") is not None


async def test_an_approval_whose_answer_was_never_kept_is_told_as_it_was(exchange: Desk) -> None:
    await exchange.engine.do(adopting(("two_person_acts", "halt")))
    waits = (await ask(exchange, HALT, {"reason": "rumours"})).json()["approval"]
    target = f"/v1/operator/approvals/{waits['id']}/approve"
    with forgetful(exchange):
        first = await ask(exchange, target, {"client_id": "yes"}, "operator2")
    again = await ask(exchange, target, {"client_id": "yes"}, "operator2")
    assert (again.status_code, again.json()) == (200, first.json())
    assert first.json()["approval"]["state"] == "approved"


async def test_an_act_that_was_never_decided_is_done_when_it_is_asked_for_again(exchange: Desk) -> None:
    body = {"client_id": "halt-1", "reason": "rumours"}
    acts, submit = exchange.services.acts_asked, exchange.engine.sequencer.submit
    earlier = HaltTrading(
        operator=ParticipantId("operator"), reason="rumours", listing=AssetCode("SHCERCIIR1")
    )
    raw = b'{"client_id":"halt-1","reason":"rumours"}'
    async with exchange.services.turns.of("nobody"):
        await submit(earlier)
    await acts._pool.execute(
        "INSERT INTO act_asked (participant, client_id, digest, position, at_ns)"
        " VALUES ('operator', 'halt-1', sha256($1), $2, 1)",
        f"POST\n{HALT}\n".encode() + raw,
        exchange.engine.sequencer.position - 1,
    )
    answer = await ask(exchange, HALT, body)
    assert answer.status_code == 200
    assert exchange.engine.views.halt_of("SHCERCIR1") is not None


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("is_named", [False, True])
@pytest.mark.parametrize(
    ("target", "more"),
    [
        (HALT, {"reason": "late"}),
        ("/v1/operator/keys", {**KEY}),
        ("/v1/operator/participants", {"participant": "late", "kind": "institution"}),
        ("/v1/operator/day/close", {"reason": "late"}),
        ("/v1/operator/market/halt", {"reason": "late"}),
        ("/v1/operator/people", {"person": "late", "participant": "late", "scopes": ["supervise"]}),
    ],
)
async def test_an_act_is_not_done_after_its_deadline(
    shared: Desk, target: str, more: dict[str, Any], is_named: bool
) -> None:
    position, many = shared.engine.sequencer.position, len(shared.services.keys.all())
    named = {"client_id": f"late-{len(target)}"} if is_named else {}
    body = {name: value for name, value in more.items() if name != "client_id"} | named
    passed = time_text(shared.engine.clock.now_ns() - NS_PER_S)
    for replayed in (False, is_named):
        answer = await ask(shared, target, body, X_Deadline=passed)
        assert (answer.status_code, answer.json()["code"]) == (422, "deadline_passed"), answer.text
        assert answer.json()["errors"][0]["limit"] == passed
        assert ("Idempotent-Replayed" in answer.headers) is replayed
    assert (shared.engine.sequencer.position, len(shared.services.keys.all())) == (position, many)
