"""A key's place is taken by another that may do the same: at once or after an overlap, once, and never by more than that."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.exceptions import ConnectionClosed

from gateway.access.keys import Algorithm, KeyStore, NewKey, Scope
from gateway.http.services import HttpSettings
from gateway.http.stream import endpoint
from registry_bridge.signing import Ed25519Signer, HmacKey
from tests.gateway.engine.world import adopting
from tests.gateway.http.desk import SCOPES, Desk, Person, desk, until
from tests.gateway.http.test_http_command_line import Shell
from tests.gateway.http.test_http_permits import journal_says
from tests.gateway.http.wire import Wire, signed_logon, wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRADER = SCOPES["buyer"]
SAME = ("participant", "account", "algorithm", "scopes", "networks", "label", "expires_at")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(module_database: str) -> AsyncIterator[Desk]:
    """An exchange whose programs may rotate as often as they like."""
    async with desk(module_database, settings=HttpSettings(quotas={}, key_rotation_s=1)) as made:
        yield made


async def trader(exchange: Desk, name: str, networks: tuple[str, ...] = ("127.0.0.0/8",)) -> Person:
    """One more program of the buyer's, on this machine only."""
    return await exchange.person(name, TRADER, account="buyer", participant="buyer-person", networks=networks)


def with_key(like: Person, made: dict[str, Any]) -> Person:
    signer = HmacKey(base64.b64decode(made["secret"]))
    return Person(url=like.url, http=like.http, key=made["key"], signer=signer, secret=made["secret"])


async def rotating(person: Person, client_id: str, **given: Any) -> httpx.Response:
    body = {"client_id": client_id, "key": person.key, **given}
    return await person.send("POST", "/v1/auth/rotate", body)


async def rotated(person: Person, client_id: str, **given: Any) -> dict[str, Any]:
    answer = await rotating(person, client_id, **given)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def by_operator(exchange: Desk, key: str, who: str = "operator", **given: Any) -> httpx.Response:
    return await exchange[who].send("POST", f"/v1/operator/keys/{key}/rotate", given)


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["errors"][0]
    return answer.status_code, error["code"], error.get("actual")


async def listed(exchange: Desk, key: str) -> dict[str, Any]:
    keys: list[dict[str, Any]] = (await exchange["operator"].get("/v1/operator/keys"))["items"]
    return next(one for one in keys if one["key"] == key)


async def goes(person: Person) -> tuple[int, str, str | None]:
    answer = await person.send("GET", "/v1/account")
    return (200, "", None) if answer.status_code == 200 else refusal(answer)


async def gone(client: Wire) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as ended:
        await client.receive()
    assert ended.value.rcvd is not None
    return ended.value.rcvd.code, ended.value.rcvd.reason


async def test_a_program_rotates_its_own_key_and_the_old_one_ends_at_once(market: Desk) -> None:
    old = await trader(market, "at-once")
    before = await listed(market, old.key)
    watched = market.engine.views.safety.connections
    async with wire(market) as client, wire(market) as back:
        await client.ok("logon", **signed_logon(old), cancel_on_disconnect=300)
        made = await rotated(old, "r-1")
        assert await gone(client) == (4001, "key_gone")
        await until(lambda: not watched)
        # The program that comes back with its new key is the one that was lost.
        new = with_key(old, made)
        await back.ok("logon", **signed_logon(new), cancel_on_disconnect=300)
        last = await market.engine.pool.fetch("SELECT events FROM journal ORDER BY seq DESC LIMIT 2")
        assert ["SafetyTimerCleared" in row["events"] for row in last] == [True, False]
        assert "SafetyTimerSet" in last[1]["events"]
        await back.ok("logout")
    assert {name: made[name] for name in SAME} == {name: before[name] for name in SAME}
    assert (made["rotated_from"], made["created_by"], made["made_alone_by"]) == (
        old.key,
        "buyer-person",
        None,
    )
    assert await goes(old) == (401, "key_rotated", new.key)
    assert await goes(new) == (200, "", None)
    ended = await listed(market, old.key)
    assert ended == made["replaced"]
    assert (ended["rotated_to"], ended["ends_at"], ended["revoked_at"]) == (new.key, made["created_at"], None)
    # Even under its own id the old key is told nothing any more.
    assert refusal(await rotating(old, "r-1")) == (401, "key_rotated", new.key)
    assert made["secret"] not in await journal_says(market)
    entry = next(
        row["command"]
        for row in await market.engine.pool.fetch("SELECT command FROM journal ORDER BY seq DESC")
        if "rotate_own_key" in row["command"]
    )
    assert f'"replaces":"{old.key}"' in entry


async def test_both_keys_are_good_for_the_overlap_and_the_same_request_is_told_the_same(
    market: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await trader(market, "overlap")
    sibling = await trader(market, "sibling")
    made = await rotated(old, "o-1", overlap_s=3_600)
    new = with_key(old, made)
    assert (await goes(old), await goes(new)) == ((200, "", None), (200, "", None))
    checked = (await old.send("POST", "/v1/auth/check", {})).json()
    assert checked["ends_at"] == made["replaced"]["ends_at"] > made["created_at"]
    again = await rotating(old, "o-1", overlap_s=3_600)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (made, "true")
    assert refusal(await rotating(old, "o-1", overlap_s=5))[:2] == (409, "client_id_reused")
    assert refusal(await rotating(old, "o-2")) == (409, "key_replaced", new.key)
    # Another key of the same participant that says the very same words is not told the secret.
    body = {"client_id": "o-1", "key": old.key, "overlap_s": 3_600}
    stolen = await sibling.send("POST", "/v1/auth/rotate", body)
    assert (refusal(stolen)[:2], made["secret"] in stolen.text) == ((409, "client_id_reused"), False)

    monkeypatch.setattr(endpoint, "WATCH_S", 0.01)
    async with wire(market) as client:
        await client.logon(old)
        later_ns = time.time_ns() + 3_600 * 10**9
        monkeypatch.setattr("gateway.http.identity.time.time_ns", lambda: later_ns)
        assert await gone(client) == (4001, "key_gone")


async def test_of_an_ed25519_key_only_a_new_public_half_is_sent(market: Desk, tmp_path: Path) -> None:
    def fresh() -> tuple[Ed25519Signer, str]:
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = tmp_path / "key.pem"
        path.write_bytes(pem)
        return Ed25519Signer(private), base64.b64encode(private.public_key().public_bytes_raw()).decode()

    (signer, public), (next_signer, next_public) = fresh(), fresh()
    new = NewKey(
        participant="buyer-person",
        account="buyer",
        algorithm=Algorithm.ED25519,
        scopes=frozenset({Scope.READ}),
        label="",
        created_by="test",
        public_key=base64.b64decode(public),
        expires_at_ns=time.time_ns() + 3_600 * 10**9,
    )
    issued = await market.services.keys.issue(new, at_ns=time.time_ns())
    old = Person(url=market.url, http=market.http, key=issued.key.key_id, signer=signer)
    assert refusal(await rotating(old, "e-1"))[:2] == (422, "key_not_sound")
    assert refusal(await rotating(old, "e-2", public_key=public))[:2] == (409, "public_key_used")
    made = await rotated(old, "e-3", public_key=next_public)
    assert (made["secret"], made["expires_at"]) == (None, made["replaced"]["expires_at"])
    assert await goes(old) == (401, "key_rotated", made["key"])
    # Whoever lost the answer is told the new key's name, and has its private half.
    assert await goes(Person(url=market.url, http=market.http, key=made["key"], signer=next_signer)) == (
        200,
        "",
        None,
    )
    hmac = await trader(market, "hmac")
    assert refusal(await rotating(hmac, "e-4", public_key=public))[:2] == (422, "key_not_sound")


async def test_what_is_not_rotated(market: Desk) -> None:
    old, other = await trader(market, "refused"), await trader(market, "refused-too")
    for n, named in enumerate((other.key, "k-nobody")):
        body = {"client_id": f"x-{n}", "key": named}
        assert refusal(await old.send("POST", "/v1/auth/rotate", body)) == (403, "key_not_own", named)
    assert refusal(await rotating(old, "x-2", overlap_s=86_401)) == (422, "overlap_too_long", "86401")
    assert refusal(await old.send("POST", "/v1/auth/rotate", {"key": old.key}))[:2] == (400, "missing_field")
    assert refusal(await by_operator(market, "k-nobody")) == (404, "not_found", "k-nobody")
    new = with_key(old, await rotated(old, "x-3"))
    soon = await rotating(new, "x-4")
    assert refusal(soon)[:2] == (429, "rotated_too_soon")
    assert (soon.headers["Retry-After"], soon.json()["retryable"]) == ("1", True)
    assert refusal(await by_operator(market, old.key)) == (409, "key_replaced", new.key)
    await market.services.keys.revoke(other.key, by="test", at_ns=time.time_ns())
    assert refusal(await by_operator(market, other.key)) == (409, "key_over", other.key)
    assert refusal(await rotating(other, "x-5"))[:2] == (401, "key_revoked")


async def test_revoking_a_key_ends_what_took_its_place_unless_that_is_to_stay(market: Desk) -> None:
    first = await trader(market, "line")
    second = with_key(first, await rotated(first, "l-1"))
    made = (await by_operator(market, second.key, overlap_s=60)).json()
    third = with_key(first, made)
    assert (made["made_alone_by"], made["created_by"]) == ("operator", "operator")
    async with wire(market) as client:
        await client.logon(third)
        operator = market["operator"]
        only = await operator.send("DELETE", f"/v1/operator/keys/{second.key}?only=true")
        assert only.json()["revoked_at"] is not None
        assert (await goes(second))[1] == "key_revoked"
        assert await goes(third) == (200, "", None)
        # Whoever stole the first and rotated it is gone with the word that it leaked, however often it was rotated.
        assert (await operator.send("DELETE", f"/v1/operator/keys/{first.key}")).status_code == 200
        assert await gone(client) == (4001, "key_gone")
    assert [(await goes(one))[1] for one in (first, second, third)] == ["key_revoked"] * 3
    assert (await listed(market, second.key))["revoked_at"] == only.json()["revoked_at"]


async def test_of_many_at_once_one_takes_the_place_and_a_revocation_is_never_outrun(market: Desk) -> None:
    old = await trader(market, "race")
    answers = await asyncio.gather(*(rotating(old, f"race-{n}", overlap_s=60) for n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    for n in range(6):
        one = await trader(market, f"race-{n}")
        revoking = market["operator"].send("DELETE", f"/v1/operator/keys/{one.key}")
        pair = (rotating(one, f"both-{n}"), revoking) if n % 2 else (revoking, rotating(one, f"both-{n}"))
        both = await asyncio.gather(*pair)
        rotation = next(answer for answer in both if answer.request.method == "POST")
        ended = await listed(market, one.key)
        assert ended["revoked_at"] is not None
        if rotation.status_code == 201:
            assert (await listed(market, rotation.json()["key"]))["revoked_at"] is not None
        else:
            assert ended["rotated_to"] is None
            assert refusal(rotation)[1] in {"key_over", "key_revoked"}
    # Its time is over between the question and the deed.
    expiring = await trader(market, "expiring")
    keys = market.services.keys
    await market.engine.pool.execute("ALTER TABLE access_key DISABLE TRIGGER access_key_only_revoked")
    await market.engine.pool.execute(
        "UPDATE access_key SET expires_at_ns = $2 WHERE key_id = $1", expiring.key, time.time_ns()
    )
    await market.engine.pool.execute("ALTER TABLE access_key ENABLE TRIGGER access_key_only_revoked")
    many = len(keys.all())
    assert refusal(await rotating(expiring, "late")) == (409, "key_over", expiring.key)
    assert len(keys.all()) == many


async def test_where_making_a_key_takes_two_rotating_anothers_does_and_ones_own_does_not(
    market: Desk,
) -> None:
    await market.engine.do(adopting(("two_person_acts", "issue_key")))
    try:
        puppet = await trader(market, "two")
        assert refusal(await by_operator(market, puppet.key)) == (422, "reason_missing", None)
        answer = await by_operator(market, puppet.key, overlap_s=600, reason="contract 18")
        assert answer.status_code == 202, answer.text
        approval = answer.json()["approval"]
        said = {(detail["name"], detail["value"]) for detail in approval["details"]}
        assert said >= {("replaces", puppet.key), ("overlap_s", "600"), ("participant", "buyer-person")}
        number, use = approval["id"], f"/v1/operator/permits/{approval['id']}/use"
        assert (
            await market["operator2"].send("POST", f"/v1/operator/approvals/{number}/approve", {})
        ).status_code == 200
        # Its owner was first: the permit stays, and is for nothing.
        own = with_key(puppet, await rotated(puppet, "two-1"))
        assert refusal(await market["operator"].send("POST", use, {})) == (409, "key_replaced", own.key)

        number = (await by_operator(market, own.key, reason="contract 18")).json()["approval"]["id"]
        await market["operator2"].send("POST", f"/v1/operator/approvals/{number}/approve", {})
        done = await market["operator"].send("POST", f"/v1/operator/permits/{number}/use", {"client_id": "u"})
        assert done.status_code == 200, done.text
        key = done.json()["key"]
        assert (key["rotated_from"], key["made_alone_by"]) == (own.key, None)
        assert await goes(own) == (401, "key_rotated", key["key"])
        assert done.json()["secret"] not in await journal_says(market)
    finally:
        await market.engine.do(adopting(("two_person_acts", "none")))


async def test_no_rotation_launders_a_key_that_one_alone_has_made(market: Desk) -> None:
    body = {"participant": "operator3", "algorithm": "hmac-sha256", "scopes": ["operate", "approve"]}
    made = (await market["operator"].send("POST", "/v1/operator/keys", body)).json()
    own = await rotated(with_key(market["operator"], made), "launder")
    assert own["made_alone_by"] == "operator"


async def test_the_database_refuses_a_key_that_may_do_more_or_a_second_one(market: Desk) -> None:
    old, wider = await trader(market, "narrow"), await trader(market, "wider", networks=())
    place = "INSERT INTO access_key_rotated VALUES ($1, $2, 1, 1, 'x')"
    with pytest.raises(asyncpg.PostgresError, match="may not do the same"):
        await market.engine.pool.execute(place, old.key, wider.key)
    alike = await trader(market, "alike")
    await market.engine.pool.execute(place, old.key, alike.key)
    with pytest.raises(asyncpg.UniqueViolationError):
        await market.engine.pool.execute(place, old.key, (await trader(market, "alike-too")).key)
    with pytest.raises(asyncpg.PostgresError):
        await market.engine.pool.execute("DELETE FROM access_key_rotated")


async def test_a_rotation_cut_short_is_done_once_and_told_under_its_id(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = KeyStore._insert

    async def cut(*_: Any) -> None:
        raise ConnectionError("the database is gone")

    async def answer_is_lost(exchange: Desk) -> None:
        await exchange.engine.pool.execute("ALTER TABLE act_answered DISABLE TRIGGER append_only")
        await exchange.engine.pool.execute("DELETE FROM act_answered")

    async with desk(database) as before:
        old, operators = await trader(before, "cut"), before["operator"]
        monkeypatch.setattr(KeyStore, "_insert", cut)
        assert (await rotating(old, "c-1", overlap_s=600)).status_code == 503
        held = before["seller"]
        given: dict[str, Any] = {"client_id": "c-2", "overlap_s": 600}
        assert (await by_operator(before, held.key, **given)).status_code == 503
        monkeypatch.setattr(KeyStore, "_insert", insert)
    async with desk(database) as after:
        keys, position = after.services.keys, after.engine.sequencer.position
        old.url = operators.url = held.url = after.url
        old.http = operators.http = held.http = after.http
        many = len(keys.all())
        mine = await rotated(old, "c-1", overlap_s=600)
        theirs = (await by_operator(after, held.key, **given)).json()
        assert (len(keys.all()), after.engine.sequencer.position) == (many + 2, position)
        await answer_is_lost(after)
    async with desk(database) as last:
        old.url = held.url = last.url
        old.http = held.http = last.http
        many = len(last.services.keys.all())
        assert await rotated(old, "c-1", overlap_s=600) == mine
        assert (await by_operator(last, held.key, **given)).json() == theirs
        assert await goes(with_key(old, mine)) == await goes(with_key(held, theirs)) == (200, "", None)
        assert len(last.services.keys.all()) == many
        found = last.services.keys.find(mine["key"])
        assert found is not None
        assert (found.program, found.rotated_from) == (old.key, old.key)


async def test_keys_are_rotated_at_the_command_line(
    market: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    await trader(market, "shell")
    shell, out, later = Shell(market, tmp_path), tmp_path / "new.key", tmp_path / "later.key"
    status, printed = await shell.run("rotate-key", "--as", "shell")
    assert (status, "--out" in printed) == (1, True)
    told = await shell.told("rotate-key", "--as", "shell", "--out", str(out), "--overlap", "60")
    name = told.partition("--key ")[2].split()[0]
    assert f"--secret-file {out}" in told.replace("\n", "")
    assert f"the old key {market['shell'].key} is good until" in told
    seen = await shell.done("account", "--key", name, "--secret-file", str(out))
    assert seen["account"] == "buyer"
    done = await shell.done("operator", "key", "rotate", name, "--out", str(later))
    assert (done["rotated_from"], "secret" in done, later.stat().st_mode & 0o777) == (name, False, 0o600)
    table = await shell.told("operator", "key", "list")
    assert done["key"] in table
    status, printed = await shell.run("account", "--key", name, "--secret-file", str(out))
    assert (status, "key_rotated" in printed, done["key"] in printed) == (1, True, True)
    assert "revoked" in await shell.told("operator", "key", "revoke", name, "--only")
    assert (await shell.done("account", "--key", done["key"], "--secret-file", str(later)))[
        "account"
    ] == "buyer"
