"""Ways in take two persons: asked for by one, agreed to by another, made once by the first, who alone sees the secret."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio

from gateway.access.keys import KeyStore, Scope
from gateway.engine.views.approvals import PERMIT_GOOD_S
from gateway.engine.views.views import Views
from gateway.http.services import HttpSettings
from registry_bridge.signing import HmacKey
from tests.gateway.engine.world import START_NS, adopting
from tests.gateway.http.browser import browser
from tests.gateway.http.desk import Desk, Person, desk
from tests.gateway.http.test_http_command_line import Shell

pytestmark = pytest.mark.asyncio(loop_scope="module")

TWO = "issue_key, add_person, reset_person, enable_person, halt"
KEY = {
    "participant": "buyer-person",
    "account": "buyer",
    "algorithm": "hmac-sha256",
    "scopes": ["read"],
    "networks": ["127.0.0.0/8"],
    "label": "desk",
    "reason": "contract 17",
}
PERSON = {"participant": "buyer-person", "account": "buyer", "scopes": ["read"], "reason": "hired"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(module_database: str) -> AsyncIterator[Desk]:
    """An exchange where ways in take two persons."""
    async with desk(module_database, settings=HttpSettings(quotas={})) as made:
        await made.engine.do(adopting(("two_person_acts", TWO)))
        yield made


async def send(exchange: Desk, who: str, target: str, body: Any = None) -> httpx.Response:
    return await exchange[who].send("POST", f"/v1/operator/{target}", {} if body is None else body)


async def asked(exchange: Desk, target: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask as the operator; what waits."""
    answer = await send(exchange, "operator", target, body)
    assert answer.status_code == 202, answer.text
    approval: dict[str, Any] = answer.json()["approval"]
    assert (approval["state"], approval["operator"]) == ("waiting", "operator")
    return approval


async def agreed(exchange: Desk, target: str, body: dict[str, Any]) -> str:
    """Asked for and approved; its number."""
    number = str((await asked(exchange, target, body))["id"])
    answer = await send(exchange, "operator2", f"approvals/{number}/approve")
    assert answer.status_code == 200, answer.text
    assert "secret" not in answer.text
    return number


async def used(exchange: Desk, number: str) -> dict[str, Any]:
    answer = await send(exchange, "operator", f"permits/{number}/use")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def refused(exchange: Desk, who: str, target: str, body: Any = None) -> tuple[int, str]:
    answer = await send(exchange, who, target, body)
    assert answer.status_code >= 400, answer.text
    return answer.status_code, answer.json()["code"]


def of(exchange: Desk, made: dict[str, Any]) -> Person:
    signer = HmacKey(base64.b64decode(made["secret"]))
    return Person(url=exchange.url, http=exchange.http, key=made["key"]["key"], signer=signer)


async def journal_says(exchange: Desk) -> str:
    rows = await exchange.engine.pool.fetch("SELECT command, events FROM journal")
    return "".join(row["command"] + row["events"] for row in rows)


async def test_a_key_is_made_once_by_who_asked_when_another_agreed(two: Desk) -> None:
    many = len(two.services.keys.all())
    approval = await asked(two, "keys", KEY)
    number = approval["id"]
    assert (approval["act"], approval["subject"], approval["reason"]) == (
        "issue_key",
        "buyer-person",
        "contract 17",
    )
    said = {(detail["name"], detail["value"]) for detail in approval["details"]}
    assert said >= {("networks", "127.0.0.0/8"), ("scopes", "read"), ("account", "buyer"), ("label", "desk")}
    assert await refused(two, "operator", f"permits/{number}/use") == (409, "permit_waits")
    own = await refused(two, "operator", f"approvals/{number}/approve")
    assert own == (403, "second_person_needed")
    assert (await send(two, "operator2", f"approvals/{number}/approve")).status_code == 200
    listed = (await two["operator2"].get("/v1/operator/permits"))["items"]
    permit = next(one for one in listed if one["approval"]["id"] == number)
    assert (permit["approval"]["state"], permit["approved_by"]) == ("approved", "operator2")
    assert await refused(two, "operator2", f"permits/{number}/use") == (404, "permit_unknown")
    assert len(two.services.keys.all()) == many

    made = await used(two, number)
    assert (made["approval"]["state"], made["person"]) == ("done", None)
    key = made["key"]
    assert (key["scopes"], key["networks"], key["label"]) == (["read"], ["127.0.0.0/8"], "desk")
    assert (key["created_by"], key["made_alone_by"]) == ("operator", None)
    assert (await of(two, made).get("/v1/account"))["account"] == "buyer"
    spent = await send(two, "operator", f"permits/{number}/use")
    assert (spent.status_code, spent.json()["code"]) == (409, "permit_spent")
    assert spent.json()["errors"][0]["actual"] == key["key"]
    assert await refused(two, "operator2", f"approvals/{number}/approve") == (404, "approval_unknown")
    listed = (await two["supervisor"].get("/v1/supervise/permits"))["items"]
    assert number not in {one["approval"]["id"] for one in listed}
    assert len(two.services.keys.all()) == many + 1
    assert made["secret"] not in await journal_says(two)


async def test_a_permit_is_spent_once_however_often_it_is_used_at_once(two: Desk) -> None:
    number = await agreed(two, "keys", KEY)
    many = len(two.services.keys.all())
    target = f"permits/{number}/use"
    answers = await asyncio.gather(
        *(send(two, "operator", target, {"client_id": f"u-{n}"}) for n in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert len(two.services.keys.all()) == many + 1
    first = next(answer for answer in answers if answer.status_code == 200)
    name = json.loads(first.request.content)["client_id"]
    again = await send(two, "operator", target, {"client_id": name})
    assert (again.status_code, again.json()) == (200, first.json())


async def test_people_are_let_in_reset_and_let_in_again_by_two(two: Desk) -> None:
    made = await used(two, await agreed(two, "people", PERSON | {"person": "li.hua"}))
    assert (made["person"]["person"], made["person"]["made_alone_by"], made["key"]) == ("li.hua", None, None)
    assert await refused(two, "operator", "people", PERSON | {"person": "LI.hua"}) == (409, "person_exists")
    async with browser(two, "li.hua", password=made["secret"]) as page:
        assert page.session["must_change_password"]

    reset = {"reason": "forgot it", "remove_totp": True}
    approval = await asked(two, "people/li.hua/reset", reset)
    said = {detail["name"]: detail["value"] for detail in approval["details"]}
    assert (said["person"], said["participant"], said["remove_totp"]) == ("li.hua", "buyer-person", "yes")
    await send(two, "operator2", f"approvals/{approval['id']}/approve")
    second = await used(two, approval["id"])
    assert second["secret"] not in (None, made["secret"])

    # Keeping somebody out protects, and waits for nobody.
    assert (await send(two, "operator", "people/li.hua/disable", {"reason": "left"})).status_code == 200
    back = await used(two, await agreed(two, "people/li.hua/enable", {"reason": "back"}))
    assert (back["person"]["disabled_at"], back["secret"]) == (None, None)
    async with browser(two, "li.hua", password=second["secret"]):
        pass
    told = await journal_says(two)
    assert made["secret"] not in told
    assert second["secret"] not in told


async def test_what_was_not_agreed_to_or_is_another_matter_by_now_is_not_done(two: Desk) -> None:
    assert await refused(two, "operator", "keys", KEY | {"reason": None}) == (422, "reason_missing")
    assert await refused(two, "operator", "keys", KEY | {"account": "seller"}) == (422, "account_of_another")
    unsound = KEY | {"algorithm": "ed25519"}
    assert await refused(two, "operator", "keys", unsound) == (422, "key_not_sound")
    assert await refused(two, "operator", "people/nobody/reset", {"reason": "x"}) == (404, "person_unknown")

    declined = (await asked(two, "keys", KEY))["id"]
    assert (
        await send(two, "operator2", f"approvals/{declined}/decline", {"reason": "why?"})
    ).status_code == 200
    for number in (declined, "1", "999999999"):
        assert await refused(two, "operator", f"permits/{number}/use") == (404, "permit_unknown")

    # What stands in the way by now is told, and the permit is as good as it was.
    twice = [await agreed(two, "people", PERSON | {"person": "wang"}) for _ in range(2)]
    await used(two, twice[0])
    assert await refused(two, "operator", f"permits/{twice[1]}/use") == (409, "person_exists")
    assert twice[1] in {
        one["approval"]["id"] for one in (await two["operator"].get("/v1/operator/permits"))["items"]
    }


async def test_a_key_made_by_one_alone_takes_no_part_in_what_takes_two(two: Desk) -> None:
    await two.engine.do(adopting(("two_person_acts", "halt")))
    puppets = {}
    for name in ("operator", "operator3"):
        body = {"participant": name, "algorithm": "hmac-sha256", "scopes": ["operate", "approve"]}
        made = (await send(two, "operator", "keys", body)).json()
        assert made["made_alone_by"] == "operator"
        puppets[name] = of(two, {"key": made, "secret": made["secret"]})
    await two.engine.do(adopting(("two_person_acts", TWO)))
    two.people |= {f"{name}-puppet": puppet for name, puppet in puppets.items()}

    number = (await asked(two, "keys", KEY))["id"]
    approve = f"approvals/{number}/approve"
    assert await refused(two, "operator3-puppet", approve) == (403, "made_by_one_alone")
    # Nor is it asked for by one's own puppet, to be agreed to by oneself.
    assert await refused(two, "operator3-puppet", "keys", KEY) == (403, "made_by_one_alone")
    halt = ("listings/SHCERCIR1/halt", {"reason": "rumours"})
    assert await refused(two, "operator3-puppet", *halt) == (403, "made_by_one_alone")
    assert (await send(two, "operator2", approve)).status_code == 200
    assert await refused(two, "operator-puppet", f"permits/{number}/use") == (403, "made_by_one_alone")
    await used(two, number)
    # What waits for nobody it may do.
    assert (await puppets["operator3"].get("/v1/operator/permits"))["next"] is None

    # A password that one alone has given is his as well, until two give another.
    await used(two, await agreed(two, "people", PERSON | {"person": "zhou", "scopes": ["approve"]}))
    await two.engine.do(adopting(("two_person_acts", "halt")))
    given = (await send(two, "operator", "people/zhou/reset", {"reason": "x"})).json()
    assert given["made_alone_by"] == "operator"
    await two.engine.do(adopting(("two_person_acts", TWO)))
    waiting = f"/v1/operator/approvals/{(await asked(two, 'keys', KEY))['id']}/approve"
    async with browser(two, "zhou", password=given["one_time_password"]) as page:
        changed = {"password": given["one_time_password"], "new_password": "some unrelated words here"}
        await page.ok("POST", "/v1/session/password", changed)
        assert await page.refused("POST", waiting) == (403, "made_by_one_alone")
    again = await used(two, await agreed(two, "people/zhou/reset", {"reason": "by two"}))
    assert again["person"]["made_alone_by"] is None


async def test_a_permit_outlives_a_crash_and_is_spent_with_the_deed_alone(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(database) as before:
        await before.engine.do(adopting(("two_person_acts", TWO)))
        number = await agreed(before, "keys", KEY)
    async with desk(database) as after:
        insert, many = KeyStore._insert, len(after.services.keys.all())

        async def cut(*_: Any) -> None:
            raise ConnectionError("the database is gone")

        monkeypatch.setattr(KeyStore, "_insert", cut)
        assert (await send(after, "operator", f"permits/{number}/use")).status_code == 503
        monkeypatch.setattr(KeyStore, "_insert", insert)
        assert len(after.services.keys.all()) == many
        made = await used(after, number)
        assert await refused(after, "operator", f"permits/{number}/use") == (409, "permit_spent")

        # Asked for where one is enough, and the process ended before the answer was kept: nothing is made twice.
        await after.engine.do(adopting(("two_person_acts", "halt")))
        position, body = after.engine.sequencer.position, KEY | {"client_id": "key-1"}
        assert (await send(after, "operator", "keys", body)).status_code == 201
        await after.engine.pool.execute("ALTER TABLE act_answered DISABLE TRIGGER append_only")
        await after.engine.pool.execute("DELETE FROM act_answered")
        assert await refused(after, "operator", "keys", body) == (409, "permit_spent")
        assert after.engine.sequencer.position == position + 1
        assert len(after.services.keys.all()) == many + 2

        views = Views(state=after.engine.views.dump())
        assert list(views.permits) == [int(number)]
        permit = views.permits[int(number)]
        assert permit.good_until_ns == permit.approved_at_ns + PERMIT_GOOD_S * 10**9
        assert made["key"]["key"] in {key.key_id for key in after.services.keys.all()}


async def test_the_command_line_tells_each_next_step(
    two: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    shell, out = Shell(two, tmp_path), tmp_path / "nina.key"
    add = ("operator", "key", "add", "buyer-person", "--account", "buyer", "--scope", "read")
    network = ("--network", "127.0.0.1", "--reason", "contract 18")
    status, printed = await shell.run(*add, *network, "--out", str(out))
    assert (status, out.exists()) == (4, False)
    number = printed.partition("puhui operator permit use ")[2].split()[0]
    assert f"puhui operator approve {number}" in printed
    assert "Make a key" not in await shell.told("operator", "approvals")
    assert f"puhui operator permit use {number}" in await shell.told("operator", "approve", number)
    assert number in await shell.told("operator", "permit", "list")
    status, printed = await shell.run("operator", "permit", "use", number)
    assert (status, "--out" in printed) == (1, True)
    told = await shell.told("operator", "permit", "use", number, "--out", str(out))
    assert f"--secret-file {out}" in told.replace("\n", "")
    name = told.partition("--key ")[2].split()[0]
    seen = await shell.done("account", "--key", name, "--secret-file", str(out))
    assert seen["account"] == "buyer"
    assert "127.0.0.1/32" in await shell.told("operator", "key", "list")

    person = ("operator", "person", "add", "zhang", "--participant", "buyer-person", "--scope", "read")
    status, printed = await shell.run(*person, "--reason", "hired", "--json")
    waiting = json.loads(printed)["approval"]["id"]
    await shell.done("operator", "approve", waiting)
    told = await shell.told("operator", "permit", "use", waiting)
    assert "one-time password of zhang" in told
    await shell.done("operator", "person", "disable", "zhang", "--reason", "left")
    status, printed = await shell.run("operator", "person", "enable", "zhang", "--reason", "back", "--json")
    waiting = json.loads(printed)["approval"]["id"]
    await shell.done("operator", "approve", waiting)
    assert "may log in again" in await shell.told("operator", "permit", "use", waiting)


async def test_a_permit_runs_out(two: Desk) -> None:
    """After a day, which by now is far over."""
    number = await agreed(two, "keys", KEY)
    permits = two.engine.views._approvals.permits
    view = permits[int(number)]
    object.__setattr__(view, "approved_at_ns", START_NS - PERMIT_GOOD_S * 10**9)
    assert await refused(two, "operator", f"permits/{number}/use") == (404, "permit_unknown")
    listed = (await two["operator"].get("/v1/operator/permits"))["items"]
    assert number not in {one["approval"]["id"] for one in listed}
    await agreed(two, "keys", KEY)
    assert int(number) not in two.engine.views.permits


async def test_the_approval_page_sees_no_secret_in_what_is_kept(two: Desk) -> None:
    number = await agreed(two, "people", PERSON | {"person": "hua"})
    made = await used(two, number)
    kept = await two.engine.pool.fetch("SELECT * FROM access_permit_spent")
    assert made["secret"] not in str(kept)
    for who in ("operator2", "supervisor"):
        for target in ("approvals", "permits", "people"):
            route = "operator" if who == "operator2" else "supervise"
            told = orjson.dumps(await two[who].get(f"/v1/{route}/{target}")).decode()
            assert made["secret"] not in told
    assert Scope.APPROVE in two.services.keys.find(two["operator2"].key).scopes  # type: ignore[union-attr]
