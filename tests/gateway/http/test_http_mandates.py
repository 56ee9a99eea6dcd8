"""Mandates over HTTP: granted by two operators, used by the delegate, seen by both sides, over at once when revoked."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from gateway.access.keys import Scope
from gateway.formats import time_text
from gateway.http.services import HttpSettings
from settlement.account import ParticipantKind
from settlement.commands import RegisterParticipant
from settlement.values import ParticipantId
from tests.gateway.http.browser import admit, browser
from tests.gateway.http.desk import START_NS, Desk, desk, order_body
from tests.gateway.http.wire import wire

NS = 1_000_000_000
HOUR_NS = 3_600 * NS
TRADING = frozenset({Scope.READ, Scope.TRADE, Scope.NEGOTIATE, Scope.OFFSET, Scope.TRANSFER})


@pytest_asyncio.fixture
async def exchange(database: str) -> AsyncIterator[Desk]:
    """An exchange at which a project applicant without an account of its own may be entrusted."""
    async with desk(database, settings=HttpSettings(quotas={})) as made:
        delegate = ParticipantId("delegate-person")
        await made.engine.do(
            RegisterParticipant(participant=delegate, kind=ParticipantKind.PROJECT_APPLICANT)
        )
        await made.person("delegate", TRADING, account=None, participant=delegate)
        yield made


def mandate(**given: Any) -> dict[str, Any]:
    plain = {"account": "seller", "participant": "delegate-person", "actions": ["trade"], "reason": "deed 7"}
    return plain | {"until": time_text(START_NS + HOUR_NS)} | given


async def granted(exchange: Desk, **given: Any) -> str:
    """A mandate, whoever has to agree to it."""
    answer = await exchange["operator"].send("POST", "/v1/operator/mandates", mandate(**given))
    if answer.status_code == 202:
        approval = answer.json()["approval"]
        target = f"/v1/operator/approvals/{approval['id']}/approve"
        assert (await exchange["operator2"].send("POST", target)).status_code == 200
    found = await exchange["operator"].get("/v1/operator/mandates?state=in_force")
    name: str = found["items"][-1]["mandate"]
    return name


async def revoked(exchange: Desk, name: str) -> None:
    target = f"/v1/operator/mandates/{name}/revoke"
    answer = await exchange["operator"].send("POST", target, {"reason": "asked for"})
    assert (answer.status_code, answer.json()["state"]) == (200, "revoked")


def for_seller(client_id: str, **given: str) -> dict[str, str]:
    return order_body(client_id, account="seller", side="sell", price="70.00", quantity="5", **given)


async def test_a_delegate_trades_for_the_owner_and_both_are_told(exchange: Desk) -> None:
    delegate, seller = exchange["delegate"], exchange["seller"]
    before = await delegate.send("POST", "/v1/orders", for_seller("no"))
    assert (before.status_code, before.json()["code"]) == (403, "not_your_account")
    assert (await delegate.send("GET", "/v1/account?account=seller")).status_code == 403
    name = await granted(exchange)
    order = (await delegate.send("POST", "/v1/orders", for_seller("yes"))).json()["order"]
    assert (order["account"], order["participant"]) == ("seller", "delegate-person")
    assert (await delegate.get(f"/v1/orders/{order['id']}"))["id"] == order["id"]
    assert (await delegate.get("/v1/account?account=seller"))["account"] == "seller"
    other = await delegate.send(
        "POST", "/v1/orders", for_seller("other") | {"account": "buyer", "side": "buy"}
    )
    assert other.json()["code"] == "not_your_account"
    told = [event["type"] for event in (await seller.get("/v1/events"))["items"]]
    assert told[-3:] == ["mandate_granted", "acted_by_mandate", "order_accepted"]
    note = (await seller.get("/v1/events"))["items"][-2]
    assert (note["mandate"], note["participant"], note["client_id"]) == (name, "delegate-person", "yes")
    entry = await exchange.services.journal.entry(int(order["id"]))
    assert entry is not None and "delegate-person" in repr(entry.command)
    for who in ("seller", "delegate"):
        (seen,) = (await exchange[who].get("/v1/mandates"))["items"]
        assert (seen["mandate"], seen["state"], seen["reason"]) == (name, "in_force", "deed 7")
    assert (await exchange["buyer"].get("/v1/mandates"))["items"] == []
    assert len((await exchange["supervisor"].get("/v1/supervise/mandates?account=seller"))["items"]) == 1


async def test_a_revoked_mandate_bites_at_once_also_on_an_open_stream(exchange: Desk) -> None:
    delegate = exchange["delegate"]
    name = await granted(exchange)
    order = (await delegate.send("POST", "/v1/orders", for_seller("o"))).json()["order"]
    async with wire(exchange) as client:
        await client.logon(delegate)
        await client.ok("subscribe", channel="events", account="seller")
        await revoked(exchange, name)
        await client.socket.wait_closed()
        assert client.socket.close_code == 4001
    late = await delegate.send("POST", "/v1/orders", for_seller("late"))
    assert (late.status_code, late.json()["code"]) == (403, "not_your_account")
    assert (await delegate.send("GET", f"/v1/orders/{order['id']}")).status_code == 404
    ended = await exchange["seller"].get(f"/v1/orders/{order['id']}")
    assert (ended["status"], ended["reason"]) == ("cancelled", "mandate_ended")
    again = await exchange["operator"].send(
        "POST", f"/v1/operator/mandates/{name}/revoke", {"reason": "twice"}
    )
    assert (again.status_code, again.json()["code"]) == (404, "mandate_unknown")


async def test_a_mandate_gives_no_more_than_it_names_and_no_more_than_the_key_has(exchange: Desk) -> None:
    await granted(exchange, actions=["negotiate"])
    answer = await exchange["delegate"].send("POST", "/v1/orders", for_seller("x"))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (403, "not_mandated")
    assert (problem["errors"][0]["limit"], problem["errors"][0]["actual"]) == ("negotiate", "trade")
    await granted(exchange, actions=["trade"])
    reader = await exchange.person(
        "delegate-reader", frozenset({Scope.READ}), account=None, participant="delegate-person"
    )
    assert (await reader.send("POST", "/v1/orders", for_seller("y"))).json()["code"] == "scope_missing"
    assert (await reader.get("/v1/account?account=seller"))["account"] == "seller"


async def test_a_mandate_that_cannot_be_is_refused(exchange: Desk) -> None:
    wrongs: list[tuple[dict[str, Any], int, str]] = [
        ({"participant": "seller-person"}, 422, "mandate_to_owner"),
        ({"participant": "nobody"}, 404, "participant_unknown"),
        ({"participant": "buyer-person"}, 422, "delegate_not_admitted"),
        ({"account": "nobody"}, 404, "account_unknown"),
        ({"until": time_text(START_NS)}, 422, "mandate_over"),
        ({"actions": ["trade", "trade"]}, 422, "mandate_empty"),
        ({"actions": ["everything"]}, 400, "invalid_choice"),
    ]
    for wrong, status, code in wrongs:
        answer = await exchange["operator"].send("POST", "/v1/operator/mandates", mandate(**wrong))
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    empty = await exchange["operator"].send("POST", "/v1/operator/mandates", mandate(actions=[]))
    assert empty.status_code == 400


async def test_a_mandate_outlives_a_restart_and_ends_in_time(database: str) -> None:
    async with desk(database) as first:
        delegate = ParticipantId("delegate-person")
        kind = ParticipantKind.PROJECT_APPLICANT
        await first.engine.do(RegisterParticipant(participant=delegate, kind=kind))
        name = await granted(first)
    async with desk(database) as second:
        await second.person("delegate", TRADING, account=None, participant="delegate-person")
        assert (await second["delegate"].send("POST", "/v1/orders", for_seller("o"))).status_code == 201
        second.engine.clock.move_to(START_NS + HOUR_NS)  # type: ignore[attr-defined] # a ManualClock
        late = await second["delegate"].send("POST", "/v1/orders", for_seller("late"))
        assert late.json()["code"] == "not_your_account"
        (seen,) = (await second["operator"].get("/v1/operator/mandates"))["items"]
        assert (seen["mandate"], seen["state"]) == (name, "expired")


async def test_a_person_sees_which_accounts_it_may_act_for(exchange: Desk) -> None:
    await granted(exchange, actions=["trade", "offset"])
    await admit(exchange, "wang", like="buyer")
    sign_ins = exchange.services.sign_ins
    person = sign_ins.people.find("wang")
    assert person is not None
    async with browser(exchange, "wang") as page:
        assert [one["own"] for one in page.session["accounts"]] == [True]
    await exchange["operator"].send(
        "POST",
        "/v1/operator/people",
        {"person": "zhou", "participant": "delegate-person", "scopes": ["read", "trade"]},
    )
    reset = await exchange["operator"].send("POST", "/v1/operator/people/zhou/reset", {"reason": "test"})
    async with browser(exchange) as page:
        await page.sign_in("zhou", reset.json()["one_time_password"])
        assert page.session["accounts"] == [
            {"account": "seller", "owner": "seller-person", "own": False, "actions": ["offset", "trade"]}
        ]
