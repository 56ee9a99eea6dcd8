"""Restricted personal data: nobody is shown them any more, in whatever form, but a supervisor who says why."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import orjson

from gateway.access.keys import Scope
from gateway.engine.tables.settlement_postings import SettlementPostings
from gateway.http.app import ROUTES
from gateway.http.masking import Mask, any_of
from gateway.http.services import HttpSettings
from tests.gateway.documents.reading import read_pdf
from tests.gateway.engine.world import adopting
from tests.gateway.http.browser import PASSWORD, admit, browser
from tests.gateway.http.desk import PARTICIPANTS, Desk, Person, desk, until
from tests.gateway.http.test_http_bulletins import close
from tests.gateway.http.test_http_negotiated import confirmed, filed
from tests.gateway.http.test_http_uses import with_use
from tests.gateway.http.wire import wire

WANG = "王小明"
LI_PERSON, LI = PARTICIPANTS["buyer2"], "buyer2"
"""The participant whose data are restricted, and its account."""
LOGIN = "li.lei"
PLAIN = {
    "/metrics",
    "/healthz",
    "/readyz",
    "/v1/openapi.json",
    "/v1/asyncapi.json",
    "/v1/errors",
    "/v1/rules",
}
"""What tells of nobody, at length."""
SECRETS = (LI_PERSON, LI, f"R-{LI}", LOGIN, WANG, "deed of li", "for my son")


async def restricted(exchange: Desk, kind: str, name: str) -> str:
    """Restrict somebody by one operator and another; the number given."""
    body = {"kind": kind, "name": name, "reason": "asked to be deleted"}
    answer = await exchange["operator"].send("POST", "/v1/operator/personal-data", body)
    assert answer.status_code in {201, 202}, answer.text
    if answer.status_code == 202:
        waits = answer.json()["approval"]["id"]
        agreed = await exchange["operator2"].send("POST", f"/v1/operator/approvals/{waits}/approve")
        assert agreed.status_code == 200, agreed.text
        answer = agreed
    assert name not in answer.text, "the act told who it was about when it was done"
    newest = (await exchange["operator"].get("/v1/operator/personal-data"))["items"][0]
    assert newest["restricted"]
    number: str = newest["subject"]
    return number


async def lived(exchange: Desk) -> None:
    """Li trades, negotiates, retires, is refused, has a mandate and a log-in; and the day is closed."""
    await admit(exchange, LOGIN, like=LI)
    mandate = {
        "account": "seller",
        "participant": LI_PERSON,
        "actions": ["trade"],
        "until": "2026-12-01T00:00:00.000000+08:00",
        "reason": "deed of li",
    }
    await exchange.engine.do(adopting(("mandate_kinds", "institution")))
    granted = await exchange["operator"].send("POST", "/v1/operator/mandates", mandate)
    assert granted.status_code == 202, granted.text
    waits = granted.json()["approval"]["id"]
    assert (
        await exchange["operator2"].send("POST", f"/v1/operator/approvals/{waits}/approve")
    ).status_code == 200
    assert (await exchange["operator"].send("POST", "/v1/operator/mandates", mandate)).status_code == 202
    sale = await exchange["seller"].order("sale-1", side="sell", price="68.00", quantity="30")
    assert sale.status_code == 201, sale.text
    bought = await exchange[LI].send(
        "POST",
        "/v1/orders",
        {**with_use("li-1", beneficiary=WANG, statement="for my son"), "price": "68.00", "quantity": "10"},
    )
    assert bought.status_code == 201, bought.text
    assert (await exchange[LI].order("li-2", price="68.00", quantity="20")).status_code == 201
    assert (await exchange[LI].order("li-3", price="99999.00")).status_code == 422
    await confirmed(exchange, LI, await filed(exchange, "n-1", counterparty=LI))
    await close(exchange)


def open_desk(database: str) -> AbstractAsyncContextManager[Desk]:
    return desk(database, projections=(SettlementPostings(),), settings=HttpSettings(quotas={}))


def names_in(content: bytes, content_type: str) -> list[str]:
    if content_type.startswith("application/pdf"):
        printed = read_pdf(content)
        return [name for name in SECRETS if printed.says(name)]
    text = content.decode()
    if "json" in content_type:
        said = orjson.dumps(list(words(orjson.loads(content)))).decode()
        return [name for name in SECRETS if f'"{name}"' in said or (len(name) > 6 and name in said)]
    return [name for name in SECRETS if name in text]


def words(value: object) -> list[str]:
    """Every text in an answer, and every word of each."""
    match value:
        case str():
            return [value, *value.replace(":", " ").split()]
        case dict():
            return [word for one in value.values() for word in words(one)]
        case list():
            return [word for one in value for word in words(one)]
        case _:
            return []


def targets(order: str) -> list[str]:
    """Every route that reads, with what it needs in its path, in every form it has."""
    day = "2026-11-23"
    filled = {
        "code": "SHCERCIR1",
        "date": day,
        "order_id": order,
        "transfer_id": "1",
        "use_id": "retirement-1",
        "entry": "40",
    }
    found = []
    for route in ROUTES:
        if route.method != "GET" or route.path in PLAIN or route.path.startswith("/docs"):
            continue
        path = route.path
        for name, value in filled.items():
            path = path.replace(f"{{{name}}}", value)
        if "{" in path:
            continue
        found.append(path)
        if "format" in route.query.model_fields:
            found.extend(f"{path}?format={form}" for form in ("csv", "pdf"))
    return found


async def everything(reader: Person, order: str, suffix: str = "") -> dict[str, tuple[bytes, str]]:
    """What somebody gets who asks for everything there is."""
    answers = {}
    for target in targets(order):
        if suffix and not target.startswith("/v1/supervise"):
            continue
        joint = "&" if "?" in target and suffix else "?" if suffix else ""
        asked = f"{target}{joint}{suffix}"
        answer = await reader.http.get(reader.url + asked, headers=reader.headers("GET", asked, b""))
        assert answer.status_code < 500, (asked, answer.text)
        if answer.status_code == 200:
            answers[asked] = (answer.content, answer.headers["Content-Type"])
    return answers


def leaks(answers: dict[str, tuple[bytes, str]]) -> dict[str, list[str]]:
    found = {target: names_in(content, kind) for target, (content, kind) in answers.items()}
    return {target: names for target, names in found.items() if names}


async def test_nobody_is_shown_them_in_any_answer_and_the_supervisor_with_a_reason_is(database: str) -> None:
    async with open_desk(database) as market:
        await lived(market)
        await walk(market)


async def walk(market: Desk) -> None:
    omni = await market.person(
        "omni", frozenset(Scope) - {Scope.SUPERVISE}, account="seller", participant="seller-person"
    )
    order = (await market[LI].get("/v1/orders?status=filled"))["items"][0]["id"]
    before = leaks(await everything(omni, order))
    told_everywhere = {name for names in before.values() for name in names}
    assert told_everywhere >= {LI_PERSON, LI, LOGIN, "deed of li"}
    for kind, name in (("participant", LI_PERSON), ("beneficiary", WANG)):
        await restricted(market, kind, name)
    for who in ("omni", "supervisor"):
        assert leaks(await everything(market[who], order)) == {}, who
    target = f"/v1/supervise/account/statements/2026-11-23?account={LI}&format=pdf"
    printed = await omni.http.get(omni.url + target, headers=market["supervisor"].headers("GET", target, b""))
    assert (printed.status_code, LI in printed.headers["Content-Disposition"]) == (200, False), (
        printed.headers
    )
    shown = leaks(await everything(market["supervisor"], order, "reason=case%2017"))
    assert {name for names in shown.values() for name in names} >= {LI_PERSON, LI, LOGIN, WANG, "for my son"}
    # And so for everybody once they are released.
    for number in ("1", "2"):
        await released(market, number)
    trades = (await omni.get("/v1/trades?method=negotiated"))["items"]
    assert {trade["counterparty"] for trade in trades} == {LI}
    assert [one["name"] for one in (await omni.get("/v1/operator/personal-data"))["items"]] == [
        WANG,
        LI_PERSON,
    ]


async def released(exchange: Desk, number: str) -> None:
    target = f"/v1/operator/personal-data/{number}/release"
    answer = await exchange["operator"].send("POST", target, {"reason": "came back"})
    if answer.status_code == 202:
        waits = answer.json()["approval"]["id"]
        answer = await exchange["operator2"].send("POST", f"/v1/operator/approvals/{waits}/approve")
    assert answer.status_code == 200, answer.text


async def test_what_stands_for_somebody_is_the_same_everywhere_and_after_a_restart(database: str) -> None:
    async with open_desk(database) as exchange, browser(exchange) as page, wire(exchange) as theirs:
        await lived(exchange)
        await page.sign_in(LOGIN)
        await theirs.logon(exchange[LI])
        number = await restricted(exchange, "participant", LI_PERSON)
        # Nothing lets them in any more: no session, no key, no connection.
        assert await page.refused("GET", "/v1/account") == (403, "personal_data_restricted")
        refused = await exchange[LI].send("GET", "/v1/account")
        assert (refused.status_code, refused.json()["code"]) == (403, "personal_data_restricted")
        await until(lambda: exchange.connections() == 0)
        await the_stream_masks(exchange)
    async with open_desk(database) as exchange:
        stands = f"restricted-{number}"
        trades = (await exchange["seller"].get("/v1/trades?method=negotiated"))["items"]
        assert {trade["counterparty"] for trade in trades} == {f"{stands}-a1"}
        people = (await exchange["operator"].get("/v1/operator/people"))["items"]
        assert [person["person"] for person in people] == [f"{stands}-p1"]
        own = f"/v1/supervise/account?account={LI}"
        assert (await exchange["supervisor"].get(own))["account"] == f"{stands}-a1"
        assert (await exchange["supervisor"].get(f"{own}&reason=x"))["account"] == LI
        async with browser(exchange) as page:
            assert await page.refused("POST", "/v1/session", {"name": LOGIN, "password": PASSWORD}) == (
                401,
                "sign_in_refused",
            )
            await released(exchange, number)
            assert (await page.sign_in(LOGIN)).status_code == 201


async def the_stream_masks(exchange: Desk) -> None:
    """What is replayed and what is pushed."""
    async with wire(exchange) as client:
        await client.logon(exchange["seller"])
        await client.ok("subscribe", channel="events", resume_from="0")
        told = await client.until_live()
        await filed(exchange, "n-3", counterparty=LI)
        told.append(await client.push())
    assert told[-1]["type"] == "negotiated_filed"
    texts = [word for event in told for word in words(event)]
    assert "restricted-1-a1" in words(told[-1])
    assert not {LI, LI_PERSON} & set(texts)


async def test_a_restricted_person_is_kept_out_and_its_participant_is_not(exchange: Desk) -> None:
    await admit(exchange, LOGIN, like=LI)
    async with browser(exchange, LOGIN) as page:
        number = await restricted(exchange, "person", LOGIN.upper())
        assert await page.refused("GET", "/v1/account") == (403, "personal_data_restricted")
    await exchange[LI].get("/v1/account")
    people = (await exchange["operator"].get("/v1/operator/people"))["items"]
    assert [(one["person"], one["participant"]) for one in people] == [(f"restricted-{number}", LI_PERSON)]
    unknown = {"kind": "person", "name": "nobody", "reason": "a test"}
    refused = await exchange["operator"].send("POST", "/v1/operator/personal-data", unknown)
    assert (refused.status_code, refused.json()["code"]) == (404, "person_unknown")


def test_a_mask_replaces_words_and_never_parts_of_others() -> None:
    ids = {"li": "restricted-1"}
    mask = Mask(ids=ids, names={}, texts={"li": "受限主体#1"}, any_name=any_of(()), any_id=any_of(ids))
    assert mask.text("li, Li and li-2; a list of li.") == "restricted-1, Li and li-2; a list of restricted-1."
    told = mask.body(
        {"side": "li", "account": "li", "reason": "Mr Li said", "deep": [{"statement": "s", "n": 3}]}
    )
    assert told == {
        "side": "li",
        "account": "restricted-1",
        "reason": "受限主体#1",
        "deep": [{"statement": "受限主体#1", "n": 3}],
    }
    assert mask.body({"participant": "bank", "client_id": "seed-li.2"}) == {
        "participant": "bank",
        "client_id": "seed-restricted-1.2",
    }
    other = replace(mask, ids={}, any_id=any_of(()))
    assert other.body({"account": "somebody", "reason": "li"}) == {"account": "somebody", "reason": "li"}
    assert mask.table(b"account,reason\r\nli,x\r\nben,x\r\n").decode() == (
        "account,reason\r\nrestricted-1,受限主体#1\r\nben,x\r\n"
    )
