"""People log in: by password and code, for a bounded time, and nobody can borrow what their browser sends."""

import asyncio
import re
import time
from collections.abc import AsyncIterator

import httpx
import orjson
import pyotp
import pytest
import pytest_asyncio

from gateway.access.keys import Scope
from gateway.access.lockout import Attempt, Lockout, LockoutLimits
from gateway.access.people import Person
from gateway.access.sessions import DAY_S, KEPT_S, NS, PersonSession, Sessions, csrf_of
from gateway.access.sign_in import WrongCredentials
from gateway.formats import time_text
from gateway.http.services import HttpSettings
from tests.gateway.http.browser import COOKIE, PASSWORD, Browser, admit, browser
from tests.gateway.http.desk import START_NS, Desk, desk, order_body

MINUTE = 60


@pytest_asyncio.fixture
async def exchange(database: str) -> AsyncIterator[Desk]:
    async with desk(database, settings=HttpSettings(quotas={})) as made:
        yield made


async def test_a_person_logs_in_trades_and_logs_out(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange) as page:
        answer = await page.sign_in("buyer")
        assert answer.status_code == 201
        cookie = answer.headers["Set-Cookie"]
        assert re.fullmatch(rf"{COOKIE}=[A-Za-z0-9_-]{{43}}; Path=/; HttpOnly; SameSite=Strict", cookie)
        session = answer.json()
        assert (session["person"], session["participant"], session["account"]) == (
            "buyer",
            "buyer-person",
            "buyer",
        )
        assert session["accounts"] == [
            {"account": "buyer", "owner": "buyer-person", "own": True, "actions": None}
        ]
        assert session["scopes"] == ["negotiate", "offset", "read", "trade", "transfer"]
        assert await page.ok("GET", "/v1/session") == session

        order = await page.ok("POST", "/v1/orders", order_body("by-page"))
        entry = await exchange.services.journal.entry(int(order["order"]["id"]))
        assert entry is not None
        assert f"rest:buyer:{session['session']}" in repr(entry.command)
        assert (await page.ok("GET", "/v1/account"))["account"] == "buyer"
        await page.ok("DELETE", f"/v1/orders/{order['order']['id']}")

        answer = await page.send("DELETE", "/v1/session")
        assert answer.json() == {"ended": True}
        assert "Max-Age=0" in answer.headers["Set-Cookie"]
        page.http.cookies.set(COOKIE, cookie.partition("=")[2].partition(";")[0])
        assert await page.refused("GET", "/v1/account") == (401, "session_unknown")


async def test_only_a_digest_of_the_token_is_kept(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page:
        assert page.token is not None
        pool = exchange.engine.pool
        for table in ("person", "person_session", "person_event"):
            kept = repr(await pool.fetch(f"SELECT * FROM {table}"))
            assert page.token not in kept and PASSWORD not in kept
        assert page.token not in repr(exchange.services.sign_ins.sessions.find(page.token))
        assert (await pool.fetchval("SELECT password_hash FROM person")).startswith("$argon2id$")


async def test_every_way_of_not_getting_in_is_answered_alike(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    await admit(exchange, "gone", like="buyer")
    gone = exchange.services.sign_ins.people.find("gone")
    assert gone is not None
    await exchange.services.sign_ins.disable(gone, by="test", reason="left")
    answers = []
    async with browser(exchange) as page:
        for name, password in (("buyer", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD), ("nobody", "x")):
            answer = await page.sign_in(name, password)
            assert "Set-Cookie" not in answer.headers
            body = answer.json()
            assert answer.status_code == 401
            answers.append({key: body[key] for key in body if key not in {"request_id", "server_time"}})
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["code"] == "sign_in_refused"


async def test_an_unknown_name_takes_as_long(exchange: Desk) -> None:
    """The password of nobody is judged too; the shortest of several goes is compared, as others use the machine."""
    await admit(exchange, "buyer")

    async def shortest(name: str) -> float:
        times = []
        for attempt in range(4):
            async with browser(exchange) as page:
                began = time.perf_counter()
                await page.sign_in(name if name == "buyer" else f"{name}{attempt}", "wrong")
                times.append(time.perf_counter() - began)
        return min(times)

    known, unknown = await shortest("buyer"), await shortest("nobody")
    assert unknown > known / 3


async def test_failures_lock_a_name_out_for_a_while_whether_it_exists_or_not(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange) as page:
        for name in ("buyer", "nobody"):
            for _ in range(5):
                assert (await page.sign_in(name, "wrong")).status_code == 401
            locked = await page.sign_in(name.upper())
            assert (locked.status_code, locked.json()["code"]) == (429, "sign_in_locked")
            assert 0 < int(locked.headers["Retry-After"]) <= 15 * MINUTE
        exchange.machine.ahead_s = 15 * MINUTE + 1
        assert (await page.sign_in("buyer")).status_code == 201


async def test_who_guesses_elsewhere_keeps_nobody_from_where_they_log_in(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page, browser(exchange, address="127.0.0.2") as elsewhere:
        for _ in range(5):
            assert (await elsewhere.sign_in("buyer", "wrong")).status_code == 401
        assert (await elsewhere.sign_in("buyer")).status_code == 429
        assert (await page.sign_in("buyer")).status_code == 201
        for _ in range(5):  # where they usually are there are no more guesses than elsewhere
            assert (await page.sign_in("buyer", "wrong")).status_code == 401
        assert (await page.sign_in("buyer")).status_code == 429
    assert ("buyer", "127.0.0.1") in await exchange.services.sign_ins.sessions.places()


async def test_an_operators_reset_lets_in_who_was_locked_out(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    sign_ins = exchange.services.sign_ins
    async with browser(exchange) as page:
        for _ in range(5):
            assert (await page.sign_in("buyer", "wrong")).status_code == 401
        person = sign_ins.people.find("buyer")
        assert person is not None
        _, first = await sign_ins.reset(person, by="olga", reason="locked out", remove_totp=False)
        assert (await page.sign_in("buyer", first)).status_code == 201


def test_where_somebody_has_logged_in_is_known_after_a_restart() -> None:
    lockout = Lockout(LockoutLimits(of_name=1), [("Buyer", f"10.0.0.{last}") for last in range(30)])
    assert isinstance(lockout.begin("buyer", "203.0.113.1", 1), Attempt)
    assert isinstance(lockout.begin("buyer", "203.0.113.2", 2), int)
    assert isinstance(lockout.begin("buyer", "10.0.0.1", 3), int), "long ago"
    assert isinstance(lockout.begin("buyer", "10.0.0.29", 4), Attempt)
    assert isinstance(lockout.begin("buyer", "10.0.0.29", 5), int)


async def test_many_guesses_at_once_are_no_more_guesses(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange) as page:
        answers = await asyncio.gather(*(page.sign_in("buyer", f"wrong {guess}") for guess in range(20)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 15


async def test_failures_lock_an_address_out(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange) as page:
        for guess in range(50):
            assert (await page.sign_in(f"name{guess}", "x")).status_code == 401
        assert (await page.sign_in("buyer")).status_code == 429


async def test_a_flood_of_log_ins_is_turned_away_and_others_are_served(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange) as page, asyncio.TaskGroup() as group:
        flood = [group.create_task(page.sign_in(f"name{guess}", "x")) for guess in range(45)]
        longest = 0.0
        while not all(task.done() for task in flood):
            began = time.perf_counter()
            assert (await exchange["buyer"].send("GET", "/v1/account")).status_code == 200
            longest = max(longest, time.perf_counter() - began)
    codes = {task.result().status_code for task in flood}
    assert codes <= {401, 503} and 401 in codes
    assert longest < 2


async def test_a_huge_password_is_refused_unhashed(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange) as page:
        assert (await page.sign_in("buyer", "x" * 257)).json()["code"] == "invalid_text"
        assert (await page.sign_in("buyer", "x" * 70_000)).json()["code"] == "body_too_large"
        assert (await page.sign_in("buyer")).status_code == 201


async def test_a_session_somebody_else_began_is_never_taken_over(exchange: Desk) -> None:
    """Fixation: a token planted before the log-in is not the one after it, and ends."""
    await admit(exchange, "buyer")
    await admit(exchange, "seller")
    async with browser(exchange, "seller") as attacker, browser(exchange) as victim:
        planted = attacker.token
        assert planted is not None
        victim.http.cookies.set(COOKIE, planted, domain="127.0.0.1")
        answer = await victim.sign_in("buyer")
        assert answer.cookies[COOKIE] != planted
        assert await attacker.refused("GET", "/v1/session") == (401, "session_unknown")
    async with browser(exchange) as made_up:
        made_up.http.cookies.set(COOKIE, "A" * 43)
        assert await made_up.refused("GET", "/v1/session") == (401, "session_unknown")


async def test_what_changes_something_needs_the_sessions_own_token(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page, browser(exchange, "buyer") as other:
        order = order_body("csrf")
        token, page.csrf = page.csrf, None
        assert await page.refused("POST", "/v1/orders", order) == (403, "csrf_missing")
        for wrong in ("", "x", other.csrf or "", csrf_of("x" * 43), "é"):
            headers = {"X-CSRF-Token": wrong.encode("latin-1").decode("latin-1")}
            if wrong.isascii():
                assert await page.refused("POST", "/v1/orders", order, headers=headers) == (403, "csrf_wrong")
        page.csrf = token
        for origin in ("http://evil.example", "null", exchange.url.replace("127.0.0.1", "127.0.0.2")):
            assert await page.refused("POST", "/v1/orders", order, headers={"Origin": origin}) == (
                403,
                "origin_foreign",
            )
            assert await page.refused("GET", "/v1/account", headers={"Origin": origin}) == (
                403,
                "origin_foreign",
            )
        assert (await page.ok("POST", "/v1/orders", order))["order"]["status"] == "new"


async def test_another_sites_page_cannot_log_anybody_in(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange) as page:
        given = {"name": "buyer", "password": PASSWORD}
        refused = await page.refused("POST", "/v1/session", given, headers={"Origin": "http://evil.example"})
        assert refused == (403, "origin_foreign")


async def test_two_cookies_of_the_name_are_nobodys(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page, httpx.AsyncClient() as http:
        both = {"Cookie": f"{COOKIE}={page.token}; {COOKIE}={'B' * 43}"}
        answer = await http.get(exchange.url + "/v1/session", headers=both)
        assert answer.json()["code"] == "session_unknown"


async def test_a_session_ends_when_nobody_uses_it_and_in_any_case(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page:
        exchange.machine.ahead_s += 29 * MINUTE
        await page.ok("GET", "/v1/session")
        exchange.machine.ahead_s += 29 * MINUTE
        await page.ok("GET", "/v1/session")
        exchange.machine.ahead_s += 31 * MINUTE
        assert await page.refused("GET", "/v1/session") == (401, "session_expired")
    async with browser(exchange, "buyer") as page:
        for _ in range(28):
            exchange.machine.ahead_s += 25 * MINUTE
            await page.ok("GET", "/v1/session")
        exchange.machine.ahead_s += 25 * MINUTE
        assert await page.refused("GET", "/v1/session") == (401, "session_expired")


async def test_own_sessions_are_listed_and_ended_one_by_one(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    await admit(exchange, "seller")
    async with (
        browser(exchange, "buyer") as here,
        browser(exchange, "buyer") as there,
        browser(exchange, "seller") as stranger,
    ):
        listed = (await here.ok("GET", "/v1/sessions"))["items"]
        assert [item["current"] for item in listed] == [False, True]
        assert listed[0]["session"] == there.session["session"]
        assert listed[0]["address"] == "127.0.0.1" and "httpx" in listed[0]["agent"]
        target = f"/v1/sessions/{there.session['session']}"
        assert await stranger.refused("DELETE", target) == (404, "not_found")
        assert (await here.ok("DELETE", target))["session"] == there.session["session"]
        assert await there.refused("GET", "/v1/session") == (401, "session_unknown")
        await here.ok("GET", "/v1/session")


async def test_only_so_many_sessions_at_once(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as first, browser(exchange, "buyer") as second:
        for _ in range(19):
            async with browser(exchange, "buyer"):
                pass
        assert await first.refused("GET", "/v1/session") == (401, "session_unknown")
        assert len((await second.ok("GET", "/v1/sessions"))["items"]) == 20


async def test_a_password_change_ends_every_other_session(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as here, browser(exchange, "buyer") as there:
        change = {"password": PASSWORD, "new_password": "another one entirely"}
        for weak in ("short", "x" * 129, "aaaaaaaaaaaaaaa", PASSWORD):
            answer = await here.refused("POST", "/v1/session/password", change | {"new_password": weak})
            assert answer == (400, "password_too_weak")
        wrong = await here.refused("POST", "/v1/session/password", change | {"password": "no"})
        assert wrong == (401, "sign_in_refused")
        before = here.token
        await here.ok("POST", "/v1/session/password", change)
        assert here.token != before
        assert (await here.ok("GET", "/v1/session"))["must_change_password"] is False
        assert await there.refused("GET", "/v1/session") == (401, "session_unknown")
    async with browser(exchange) as again:
        assert (await again.sign_in("buyer")).status_code == 401
        assert (await again.sign_in("buyer", "another one entirely")).status_code == 201


async def test_an_authenticators_code_is_good_once(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page:
        assert await page.refused("POST", "/v1/session/totp/confirm", {"code": "123456"}) == (
            409,
            "totp_not_begun",
        )
        wrong = await page.refused("POST", "/v1/session/totp", {"password": "no"})
        assert wrong == (401, "sign_in_refused")
        begun = await page.ok("POST", "/v1/session/totp", {"password": PASSWORD})
        assert begun["uri"].startswith("otpauth://totp/puhui:buyer?secret=" + begun["secret"])
        totp = pyotp.TOTP(begun["secret"])

        def code() -> str:
            return totp.at(exchange.machine.now_ns() // 1_000_000_000)

        async with browser(exchange) as other:
            assert (await other.sign_in("buyer")).status_code == 201, "not confirmed: no code yet"
        wrong_code = f"{(int(code()) + 1) % 1_000_000:06}"
        exchange.machine.ahead_s += 3 * 30  # no neighbouring step fits by chance of the test's moment
        refused = await page.refused("POST", "/v1/session/totp/confirm", {"code": wrong_code})
        assert refused == (401, "sign_in_refused")
        used = code()
        answers = await asyncio.gather(
            *(page.send("POST", "/v1/session/totp/confirm", {"code": used}) for _ in range(3))
        )
        (good,) = (answer for answer in answers if answer.status_code == 200)  # only one set of codes is good
        recovery = good.json()["recovery_codes"]
        assert len(set(recovery)) == 10
        again = await page.refused("POST", "/v1/session/totp", {"password": PASSWORD})
        assert again == (409, "totp_enrolled")
        kept = repr(await exchange.engine.pool.fetch("SELECT * FROM person"))
        assert begun["secret"] not in kept and recovery[0] not in kept

    async def attempt(given: str | None, password: str = PASSWORD) -> tuple[int, str]:
        async with browser(exchange) as page:
            answer = await page.sign_in("buyer", password, given)
            return answer.status_code, answer.json().get("code", "")

    assert await attempt(None) == (401, "code_needed")
    assert await attempt(None, "wrong") == (401, "sign_in_refused")
    assert await attempt(used) == (401, "sign_in_refused"), "the code of the enrolment is used up"
    exchange.machine.ahead_s += 30
    fresh = code()
    both = await asyncio.gather(attempt(fresh), attempt(fresh))
    assert sorted(status for status, _ in both) == [201, 401], "one code, two log-ins: one gets in"
    assert (await attempt(recovery[0]))[0] == 201
    assert await attempt(recovery[0]) == (401, "sign_in_refused")

    exchange.machine.ahead_s += 30
    async with browser(exchange) as page:
        assert (await page.sign_in("buyer", PASSWORD, code())).status_code == 201
        exchange.machine.ahead_s += 30
        removed = {"password": PASSWORD, "code": code()}
        assert (await page.ok("POST", "/v1/session/totp/remove", removed))["totp"] is False
    assert (await attempt(None))[0] == 201


async def test_nothing_is_done_by_a_session_that_ends_while_its_use_is_written_down(
    exchange: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended_meanwhile(sessions: Sessions, session: PersonSession, now_ns: int) -> None:
        await sessions.end(session, by="operator", at_ns=now_ns)

    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page:
        monkeypatch.setattr(Sessions, "touch", ended_meanwhile)
        assert await page.refused("POST", "/v1/orders", order_body("late")) == (401, "session_expired")
    assert not exchange.engine.views.open_orders("buyer")


async def test_a_code_confirms_the_secret_it_was_made_of_and_no_other(exchange: Desk) -> None:
    """Two windows: the second enrolment replaces the first between the judging of the first's code and its writing."""
    await admit(exchange, "buyer")
    sign_ins = exchange.services.sign_ins

    def person() -> Person:
        found = sign_ins.people.find("buyer")
        assert found is not None
        return found

    def code(secret: str | None) -> str:
        assert secret is not None
        return pyotp.TOTP(secret).at(exchange.machine.now_ns() // 1_000_000_000)

    first = await sign_ins.enrol(person())
    as_first_read = person()
    second = await sign_ins.enrol(person())
    assert await sign_ins.confirm_enrolment(as_first_read, code(first)) == WrongCredentials()
    assert not person().totp_confirmed
    assert isinstance(await sign_ins.confirm_enrolment(person(), code(second)), tuple)
    # The same where a secret was replaced while a log-in with a code of it was judged.
    confirmed = person()
    exchange.machine.ahead_s += 30
    await sign_ins.remove_totp(confirmed)
    third = await sign_ins.enrol(person())
    assert isinstance(await sign_ins.confirm_enrolment(person(), code(third)), tuple)
    exchange.machine.ahead_s += 30
    assert not await sign_ins.people.use_step(confirmed, exchange.machine.now_ns() // 30_000_000_000)


async def test_an_operator_lets_people_in_and_keeps_them_out(exchange: Desk) -> None:
    operator = exchange["operator"]
    new = {"person": "li.hua", "participant": "buyer-person", "account": "buyer", "scopes": ["read", "trade"]}
    made = await operator.send("POST", "/v1/operator/people", new)
    assert made.status_code == 201
    first = made.json()["one_time_password"]
    again = await operator.send("POST", "/v1/operator/people", new | {"person": "LI.hua"})
    assert (again.status_code, again.json()["code"]) == (409, "person_exists")
    for wrong, code in (
        ({"participant": "nobody"}, "participant_unknown"),
        ({"account": "seller"}, "account_of_another"),
        ({"account": "none"}, "account_unknown"),
        ({"person": ".."}, "invalid_text"),  # /people/../disable is not what a client would send
    ):
        answer = await operator.send("POST", "/v1/operator/people", new | {"person": "x"} | wrong)
        assert answer.json()["code"] == code

    async with browser(exchange) as page:
        session = (await page.sign_in("Li.Hua", first)).json()
        assert session["person"] == "li.hua" and session["must_change_password"] is True
        assert await page.refused("GET", "/v1/account") == (403, "password_change_needed")
        assert await page.refused("POST", "/v1/orders", order_body("x")) == (403, "password_change_needed")
        await page.ok("POST", "/v1/session/password", {"password": first, "new_password": PASSWORD})
        await page.ok("GET", "/v1/account")
        assert await page.refused("POST", "/v1/transfers-in", {}) == (403, "scope_missing")
        assert await page.refused("GET", "/v1/operator/people") == (403, "scope_missing")

        act = {"reason": "on leave"}
        disabled = await operator.send("POST", "/v1/operator/people/li.hua/disable", act)
        assert disabled.json()["disabled_at"] is not None
        assert await page.refused("GET", "/v1/account") == (401, "session_unknown")
        assert (await page.sign_in("li.hua")).status_code == 401
        await operator.send("POST", "/v1/operator/people/li.hua/enable", act)
        assert (await page.sign_in("li.hua")).status_code == 201

        reset = await operator.send("POST", "/v1/operator/people/li.hua/reset", act)
        second = reset.json()["one_time_password"]
        assert second != first
        assert await page.refused("GET", "/v1/account") == (401, "session_unknown")
        assert (await page.sign_in("li.hua")).status_code == 401
        exchange.machine.ahead_s += 24 * 60 * MINUTE
        assert (await page.sign_in("li.hua", second)).status_code == 401, "its day is over"
    unknown = await operator.send("POST", "/v1/operator/people/nobody/reset", act)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "person_unknown")
    listed = await operator.get("/v1/operator/people")
    assert [item["person"] for item in listed["items"]] == ["li.hua"]
    done = await exchange.engine.pool.fetch("SELECT kind, by, reason FROM person_event ORDER BY event_id")
    assert ("disabled", "operator", "on leave") in [tuple(row) for row in done]


async def test_two_persons_of_one_operator_are_not_two_operators(exchange: Desk) -> None:
    for name, like in (("qian", "operator"), ("zhao", "operator"), ("sun", "operator2")):
        await admit(exchange, name, like=like)
    async with (
        browser(exchange, "qian") as one,
        browser(exchange, "zhao") as same,
        browser(exchange, "sun") as other,
    ):
        change = {
            "parameter": "band_basis_points",
            "value": 500,
            "effective_from": time_text(START_NS + 60_000_000_000),
            "source": "notice 7",
            "certainty": "official",
        }
        emergency = {"changes": [change], "emergency": True, "reason": "price swings"}
        asked = (await one.ok("POST", "/v1/operator/rules", emergency))["approval"]
        assert asked["operator"] == "operator"
        target = f"/v1/operator/approvals/{asked['id']}/approve"
        assert await same.refused("POST", target) == (403, "second_person_needed")
        assert (await other.ok("POST", target))["approval"]["state"] == "approved"


async def test_sessions_outlive_a_restart(database: str) -> None:
    async with desk(database) as exchange:
        await admit(exchange, "buyer")
        async with browser(exchange, "buyer") as page, browser(exchange, "buyer") as ended:
            token, csrf = page.token, page.csrf
            lost = ended.token
            await ended.ok("DELETE", "/v1/session")
    async with desk(database) as exchange, httpx.AsyncClient() as http:
        page = Browser(exchange.url, http)
        http.cookies.set(COOKIE, token or "")
        assert (await page.ok("GET", "/v1/session"))["csrf"] == csrf
        http.cookies.set(COOKIE, lost or "")
        assert await page.refused("GET", "/v1/session") == (401, "session_unknown")


async def test_records_of_sessions_go_when_they_are_old(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    sessions, machine, pool = exchange.services.sign_ins.sessions, exchange.machine, exchange.engine.pool
    async with browser(exchange, "buyer") as page, browser(exchange, "buyer"):
        await page.ok("DELETE", "/v1/session")
    count = "SELECT count(*) FROM person_session"
    for ahead_s, left in ((KEPT_S - 60, 2), (KEPT_S + 60, 1)):
        await sessions.forget_old(time.time_ns() + ahead_s * NS)
        assert await pool.fetchval(count) == left
    machine.ahead_s = KEPT_S + DAY_S
    forgetting = asyncio.create_task(sessions.forget_daily(machine.now_ns, each_s=0.01))
    async with asyncio.timeout(10):
        while await pool.fetchval(count):  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)
    forgetting.cancel()


async def test_a_signature_counts_before_a_cookie(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page:
        signed = exchange["seller"].headers("GET", "/v1/account", b"")
        assert (await page.send("GET", "/v1/account", headers=signed)).json()["account"] == "seller"
        half = {"X-Key": exchange["seller"].key}
        assert await page.refused("GET", "/v1/account", headers=half) == (401, "unauthenticated")
        assert await page.refused("POST", "/v1/auth/check") == (401, "unauthenticated")
    answer = await exchange["buyer"].send("GET", "/v1/session")
    assert (answer.status_code, answer.json()["errors"][0]["header"]) == (401, "Cookie")


async def test_nothing_secret_is_told_of_people(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    listed = await exchange["operator"].get("/v1/operator/people")
    assert not {"password", "hash", "secret", "token"} & set(orjson.dumps(listed).decode().split('"'))
    person = exchange.services.sign_ins.people.find("buyer")
    assert person is not None and "argon2" not in repr(person)


async def test_behind_a_proxy_cookies_are_secure_and_addresses_the_clients(database: str) -> None:
    async with desk(
        database, settings=HttpSettings(quotas={}), public_url="https://puhui.example"
    ) as exchange:
        await admit(exchange, "buyer")
        given = {"name": "buyer", "password": PASSWORD}
        proxied = {"Origin": "https://puhui.example", "X-Forwarded-For": "192.0.2.1, 203.0.113.9"}
        async with httpx.AsyncClient(headers=proxied) as http:
            answer = await http.post(exchange.url + "/v1/session", json=given)
            cookie = answer.headers["Set-Cookie"]
            assert re.fullmatch(
                r"__Host-puhui_session=[\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Secure", cookie
            )
            named = {"Cookie": cookie.partition(";")[0]}
            listed = await http.get(exchange.url + "/v1/sessions", headers=named)
            assert listed.json()["items"][0]["address"] == "203.0.113.9"
            plain = {"Cookie": named["Cookie"].replace("__Host-", "")}
            assert (await http.get(exchange.url + "/v1/sessions", headers=plain)).status_code == 401
            for guess in range(50):
                wrong = {"name": f"name{guess}", "password": "x"}
                assert (await http.post(exchange.url + "/v1/session", json=wrong)).status_code == 401
            assert (await http.post(exchange.url + "/v1/session", json=given)).status_code == 429
            networks = ["192.0.2.0/24"]
            program = await exchange.person(
                "program",
                frozenset({Scope.READ}),
                account="buyer",
                participant="buyer-person",
                networks=networks,
            )
            for forwarded, status in (("203.0.113.9, 192.0.2.1", 200), ("192.0.2.1, 203.0.113.9", 403)):
                told = await program.send("GET", "/v1/account", headers={"X-Forwarded-For": forwarded})
                assert told.status_code == status
            elsewhere = {"X-Forwarded-For": "203.0.113.9, 192.0.2.77"}
            other = await http.post(exchange.url + "/v1/session", json=given, headers=elsewhere)
            assert other.status_code == 201
