"""Nobody gets in who should not: the whole route table is walked with every kind of wrong key."""

import re
import time
from dataclasses import replace
from typing import Final

import httpx
import pytest

from gateway.access.keys import Scope
from gateway.access.sessions import PersonSession, csrf_of
from gateway.engine.clock import NS_PER_S
from gateway.http.app import ROUTES
from gateway.http.routing import Route
from registry_bridge.signing import HmacKey
from tests.gateway.http.browser import COOKIE, admit
from tests.gateway.http.desk import ACCOUNTS, Desk, Person, order_body

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLOSED = [route for route in ROUTES if not route.is_public]
FOR_PROGRAMS = [route for route in CLOSED if route.by != "session"]
FOR_PEOPLE = [route for route in CLOSED if route.by != "key"]
ELSEWHERE = "203.0.113.9"
PUBLIC_CHANGES = {"POST /v1/session"}
"""What changes something and asks for no key: logging in."""


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


NEEDED: Final = {"/v1/operator/bank-statement-lines": "?statement=NONE"}
"""What a reading asks for that cannot be left out; there is no such thing here."""


def target_of(route: Route) -> str:
    return re.sub(r"\{[a-z_]+\}", "1", route.path)


def who_may(route: Route) -> str:
    """Somebody whose key has the scope."""
    return {
        Scope.READ: "reader",
        Scope.TRADE: "buyer",
        Scope.NEGOTIATE: "buyer",
        Scope.TRANSFER: "seller",
        Scope.BANK: "bank",
        Scope.OPERATE: "operator",
        Scope.APPROVE: "operator2",
        Scope.OFFSET: "seller",
        Scope.AUTHORITY: "authority",
        Scope.SUPERVISE: "supervisor",
        "any": "reader",
    }[route.scope]


async def send(shared: Desk, route: Route, headers: dict[str, str]) -> httpx.Response:
    return await shared.http.request(route.method, shared.url + target_of(route), headers=headers)


def signed(shared: Desk, route: Route, *, timestamp_ms: int | None = None) -> dict[str, str]:
    return shared[who_may(route)].headers(route.method, target_of(route), b"", timestamp_ms=timestamp_ms)


async def test_nothing_public_changes_anything_but_logging_in() -> None:
    assert {name_of(route) for route in ROUTES if route.is_public and route.method != "GET"} == PUBLIC_CHANGES


@pytest.mark.parametrize("route", FOR_PROGRAMS, ids=name_of)
async def test_every_other_route_refuses_whoever_is_not_who_they_say(shared: Desk, route: Route) -> None:
    before = await shared.everything()
    position = shared.engine.sequencer.position

    async def refused(headers: dict[str, str], status: int, code: str) -> None:
        answer = await send(shared, route, headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text

    good = signed(shared, route)
    await refused({}, 401, "unauthenticated")
    for missing in ("X-Key", "X-Timestamp", "X-Signature"):
        await refused(
            {name: value for name, value in good.items() if name != missing}, 401, "unauthenticated"
        )
    await refused(good | {"X-Key": "k-nobody"}, 401, "key_unknown")
    await refused(good | {"X-Timestamp": "now"}, 401, "timestamp_malformed")
    await refused(good | {"X-Signature": "%%%"}, 401, "signature_malformed")
    await refused(good | {"X-Signature": "AAAA"}, 401, "signature_invalid")
    stranger = "bank" if route.scope is Scope.SUPERVISE else "supervisor"
    await refused(good | {"X-Key": shared[stranger].key}, 401, "signature_invalid")
    old_ms = time.time_ns() // 1_000_000 - 5_500
    await refused(signed(shared, route, timestamp_ms=old_ms), 401, "timestamp_outside_window")

    other = Person(url=shared.url, http=shared.http, key=good["X-Key"], signer=HmacKey(b"x" * 32))
    await refused(other.headers(route.method, target_of(route), b""), 401, "signature_invalid")
    for name in ("expired", "revoked"):
        gone = await no_longer(shared, who_may(route), name)
        await refused(gone.headers(route.method, target_of(route), b""), 401, f"key_{name}")
    elsewhere = await no_longer(shared, who_may(route), "elsewhere")
    forwarded = {"X-Forwarded-For": ELSEWHERE}
    headers = elsewhere.headers(route.method, target_of(route), b"") | forwarded
    await refused(headers, 403, "address_not_allowed")

    if route.scope != "any":
        wrong = "bank" if route.scope is not Scope.BANK else "authority"
        headers = shared[wrong].headers(route.method, target_of(route), b"")
        answer = await send(shared, route, headers)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (403, "scope_missing")
        assert problem["errors"][0]["limit"] == route.scope
        await refused(headers, 401, "signature_replayed")

    assert await shared.everything() == before
    assert shared.engine.sequencer.position == position


async def no_longer(shared: Desk, who: str, how: str) -> Person:
    """A key that could do what that person's can, and is over, or for elsewhere; one for each walk."""
    name = f"{who}-{how}"
    if name in shared.people:
        return shared.people[name]
    like = shared.services.keys.find(shared[who].key)
    assert like is not None
    networks = [ELSEWHERE] if how == "elsewhere" else []
    gone = await shared.person(
        name, like.scopes, account=like.account, participant=like.participant, networks=networks
    )
    if how == "revoked":
        await shared.services.keys.revoke(gone.key, by="test", at_ns=time.time_ns())
    elif how == "expired":
        key = shared.services.keys.find(gone.key)
        assert key is not None
        shared.services.keys._keys[gone.key] = replace(key, expires_at_ns=time.time_ns() - NS_PER_S)
    return gone


async def signed_in(shared: Desk, who: str) -> tuple[str, PersonSession]:
    """A session of a person who may do what that key may; one for each walk."""
    sign_ins = shared.services.sign_ins
    if sign_ins.people.find(who) is None:
        await admit(shared, who)
    person = sign_ins.people.find(who)
    assert person is not None
    return await sign_ins.sessions.begin(person, address="test", agent="", now_ns=sign_ins.now_ns())


@pytest.mark.parametrize("route", FOR_PEOPLE, ids=name_of)
async def test_every_other_route_refuses_a_browser_that_is_not_its_persons(
    shared: Desk, route: Route
) -> None:
    before = await shared.everything()
    position = shared.engine.sequencer.position
    sign_ins = shared.services.sign_ins
    token, session = await signed_in(shared, who_may(route))
    changes = route.method != "GET"
    cookie = {"Cookie": f"{COOKIE}={token}"}
    good = cookie | {"Origin": shared.url} | ({"X-CSRF-Token": csrf_of(token)} if changes else {})

    async def refused(headers: dict[str, str], status: int, code: str) -> None:
        answer = await send(shared, route, headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text

    await refused({"Origin": shared.url}, 401, "unauthenticated")
    await refused(good | {"Cookie": f"{COOKIE}={'A' * 43}"}, 401, "session_unknown")
    await refused(good | {"Cookie": f"{COOKIE}=nonsense"}, 401, "session_unknown")
    await refused(good | {"Origin": "https://evil.example"}, 403, "origin_foreign")
    if changes:
        await refused(cookie, 403, "csrf_missing")
        await refused(good | {"X-CSRF-Token": csrf_of("another")}, 403, "csrf_wrong")
    if route.scope != "any":
        other_token, _ = await signed_in(shared, "bank" if route.scope is not Scope.BANK else "authority")
        other = {"Cookie": f"{COOKIE}={other_token}", "X-CSRF-Token": csrf_of(other_token)}
        await refused(other, 403, "scope_missing")
    session.seen_at_ns -= sign_ins.sessions.times.idle_s * 1_000_000_000
    await refused(good, 401, "session_expired")
    session.seen_at_ns = sign_ins.now_ns()
    if not route.while_password_must_change:
        session.must_change_password = True
        await refused(good, 403, "password_change_needed")
    await sign_ins.sessions.end(session, by="test", at_ns=sign_ins.now_ns())
    await refused(good, 401, "session_unknown")
    token, _ = await signed_in(shared, who_may(route))
    person = sign_ins.people.find(who_may(route))
    assert person is not None
    await sign_ins.disable(person, by="test", reason="gone")
    known = {"Cookie": f"{COOKIE}={token}", "X-CSRF-Token": csrf_of(token)}
    await refused(known, 401, "session_unknown")
    await sign_ins.enable(person, by="test", reason="back")

    assert await shared.everything() == before
    assert shared.engine.sequencer.position == position


async def test_a_signature_is_taken_once(shared: Desk) -> None:
    body = b'{"client_order_id":"once","listing":"SHCERCIR1","side":"buy","price":"61.20","quantity":"1"}'
    headers = shared["buyer"].headers("POST", "/v1/orders", body)
    first = await shared.http.post(shared.url + "/v1/orders", content=body, headers=headers)
    again = await shared.http.post(shared.url + "/v1/orders", content=body, headers=headers)
    assert first.status_code == 201
    assert (again.status_code, again.json()["code"]) == (401, "signature_replayed")


async def test_the_query_is_signed_too(shared: Desk) -> None:
    headers = shared["buyer"].headers("GET", "/v1/orders?status=open", b"")
    answer = await shared.http.get(shared.url + "/v1/orders?status=filled", headers=headers)
    assert answer.json()["code"] == "signature_invalid"


@pytest.mark.parametrize(
    "target",
    [
        "/v1/account?account={}",
        "/v1/account/lots?account={}",
        "/v1/trades?account={}",
        "/v1/orders?account={}",
        "/v1/orders?account={}&status=open",
        "/v1/orders?account={}&client_order_id=x",
        "/v1/events?account={}",
        "/v1/transfers-in?account={}",
        "/v1/offsets?account={}",
        "/v1/retirements?account={}",
    ],
)
@pytest.mark.parametrize("whose", ["seller", "nobody"])
async def test_another_account_is_not_shown_whether_it_exists_or_not(
    shared: Desk, target: str, whose: str
) -> None:
    answer = await shared["buyer"].send("GET", target.format(whose))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_account")
    assert answer.json()["errors"][0]["actual"] == whose


@pytest.mark.parametrize("whose", ["seller", "nobody"])
async def test_nothing_is_done_for_another_account(shared: Desk, whose: str) -> None:
    before = await shared.everything()
    buyer = shared["buyer"]
    order = {**order_body(f"theirs-{whose}"), "account": whose}
    move = {
        "client_id": f"move-{whose}",
        "account": whose,
        "lots": [{"lot": "LOT-1", "serials": [[1, 2]]}],
    }
    for method, target, body in (
        ("POST", "/v1/orders", order),
        ("DELETE", f"/v1/orders?account={whose}", None),
        ("DELETE", f"/v1/orders/1?account={whose}", None),
        ("POST", "/v1/transfers-in", move),
    ):
        answer = await buyer.send(method, target, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_your_account")
    batch = await buyer.send("POST", "/v1/orders/batch", {"orders": [order]})
    assert batch.json()["results"][0]["error"]["status"] == 403
    assert await shared.everything() == before


async def test_another_ones_order_is_as_unknown_as_one_that_never_was(shared: Desk) -> None:
    theirs = (await shared["seller"].order("mine", side="sell", price="74.80", quantity="1")).json()["order"][
        "id"
    ]
    for order_id in (theirs, "999999"):
        for method in ("GET", "DELETE"):
            answer = await shared["buyer"].send(method, f"/v1/orders/{order_id}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_supervisor_reads_everything_and_changes_nothing(shared: Desk) -> None:
    supervisor = shared["supervisor"]
    for account in sorted(set(ACCOUNTS.values())):
        assert (await supervisor.get(f"/v1/account?account={account}"))["account"] == account
    answer = await supervisor.send("POST", "/v1/orders", order_body("no", account="seller"))
    assert answer.json()["code"] == "scope_missing"


async def test_a_supervisor_looks_at_what_operators_look_at_and_does_nothing_there(shared: Desk) -> None:
    supervisor = shared["supervisor"]
    before = shared.engine.sequencer.position
    for route in ROUTES:
        if not route.path.startswith("/v1/operator/"):
            continue
        if route.method == "GET":
            answer = await supervisor.send("GET", target_of(route) + NEEDED.get(route.path, ""))
            assert answer.status_code == (404 if route.path in NEEDED else 200), answer.text
        else:
            answer = await send(shared, route, supervisor.headers(route.method, target_of(route), b""))
            assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert shared.engine.sequencer.position == before


async def test_a_key_without_an_account_has_to_name_one(shared: Desk) -> None:
    answer = await shared["supervisor"].send("GET", "/v1/account")
    assert (answer.status_code, answer.json()["code"]) == (400, "account_missing")


async def test_auth_check_tells_what_a_signature_is_good_for(shared: Desk) -> None:
    found = (await shared["buyer"].send("POST", "/v1/auth/check", {"any": "body"})).json()
    assert found["participant"] == "buyer-person"
    assert found["account"] == "buyer"
    assert found["scopes"] == ["negotiate", "offset", "read", "trade", "transfer"]
    assert abs(found["clock_skew_ms"]) < 5_000


async def test_secrets_are_in_no_answer_and_no_text(shared: Desk) -> None:
    key = shared.services.keys.find(shared["buyer"].key)
    assert key is not None
    assert "HmacKey" not in repr(key)
    listed = await shared["operator"].get("/v1/operator/keys")
    assert all("secret" not in entry for entry in listed["items"])
