"""Money on its way out, as its owner and the settlement bank see it."""

from typing import Any

import pytest

from tests.gateway.http.desk import Desk, Person, desk

ASK = "/v1/cash/withdrawals"


async def ask(person: Person, client_id: str = "w1", amount: str = "1000.00") -> Any:
    answer = await person.send("POST", ASK, {"client_id": client_id, "amount": amount})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def cash(person: Person) -> dict[str, str]:
    found = (await person.get("/v1/account"))["cash"]
    return {name: found[name] for name in ("available", "held", "withdrawable")}


async def test_money_is_held_then_paid_and_its_owner_is_told(exchange: Desk) -> None:
    buyer, bank = exchange["buyer"], exchange["bank"]
    asked = await ask(buyer)
    assert (asked["state"], asked["amount"], asked["ended_at"]) == ("held", "1000.00", None)
    assert await cash(buyer) == {
        "available": "9999000.00",
        "held": "1000.00",
        "withdrawable": "9999000.00",
    }
    (to_pay,) = (await bank.get("/v1/bank/withdrawals?state=held"))["items"]
    assert to_pay == asked
    report = {"client_id": "p1", "bank_reference": "ICBC-OUT-1"}
    answer = await bank.send("POST", f"/v1/bank/withdrawals/{asked['id']}/paid", report)
    paid = answer.json()
    assert (answer.status_code, paid["state"], paid["bank_reference"]) == (200, "paid", "ICBC-OUT-1")
    assert await cash(buyer) == {"available": "9999000.00", "held": "0.00", "withdrawable": "9999000.00"}
    assert await buyer.get(f"{ASK}/{asked['id']}") == paid
    assert (await buyer.get(f"{ASK}?client_id=w1"))["items"] == [paid]
    assert (await bank.get("/v1/bank/withdrawals?state=held"))["items"] == []
    told = [event["type"] for event in (await buyer.get("/v1/events?limit=500"))["items"]]
    assert told[-2:] == ["withdrawal_requested", "withdrawal_paid"]


async def test_what_the_bank_cannot_pay_is_available_again(exchange: Desk) -> None:
    buyer, bank = exchange["buyer"], exchange["bank"]
    asked = await ask(buyer, amount="10000000.00")
    assert (await cash(buyer))["available"] == "0.00"
    report = {"client_id": "r1", "reason": "账户已销户"}
    answer = await bank.send("POST", f"/v1/bank/withdrawals/{asked['id']}/returned", report)
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (
        200,
        "returned",
        "账户已销户",
    )
    assert await cash(buyer) == {
        "available": "10000000.00",
        "held": "0.00",
        "withdrawable": "10000000.00",
    }


async def test_the_same_report_is_answered_alike_and_another_end_is_refused(exchange: Desk) -> None:
    buyer, bank = exchange["buyer"], exchange["bank"]
    name = (await ask(buyer))["id"]
    report = {"client_id": "p1", "bank_reference": "OUT-1"}
    first = await bank.send("POST", f"/v1/bank/withdrawals/{name}/paid", report)
    again = await bank.send("POST", f"/v1/bank/withdrawals/{name}/paid", report)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    for path, body in (
        ("paid", {"client_id": "p2", "bank_reference": "OUT-2"}),
        ("returned", {"client_id": "r2", "reason": "no"}),
    ):
        answer = await bank.send("POST", f"/v1/bank/withdrawals/{name}/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "withdrawal_ended")
    assert (await cash(buyer))["available"] == "9999000.00"


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [
        ("0.00", 400, "invalid_amount"),
        ("-1.00", 400, "invalid_amount"),
        ("1.001", 400, "invalid_amount"),
        ("10000000.01", 422, "amount_above_withdrawable"),
    ],
)
async def test_what_cannot_be_withdrawn_is_refused_and_moves_nothing(
    exchange: Desk, amount: str, status: int, code: str
) -> None:
    buyer = exchange["buyer"]
    before = await cash(buyer)
    answer = await buyer.send("POST", ASK, {"client_id": "w1", "amount": amount})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert problem["errors"][0]["pointer"] == "/amount"
    if code == "amount_above_withdrawable":
        assert (problem["errors"][0]["limit"], problem["errors"][0]["actual"]) == ("10000000.00", amount)
    assert await cash(buyer) == before


async def test_money_held_by_an_order_cannot_be_withdrawn(exchange: Desk) -> None:
    buyer = exchange["buyer"]
    assert (await buyer.order("o1")).status_code == 201  # holds 680.00
    before = await exchange.everything()
    answer = await buyer.send("POST", ASK, {"client_id": "w1", "amount": "9999320.01"})
    assert (answer.status_code, answer.json()["code"]) == (422, "amount_above_withdrawable")
    assert await exchange.everything() == before
    await ask(buyer, "w2", "9999320.00")


async def test_money_held_by_a_withdrawal_cannot_be_withdrawn_again(exchange: Desk) -> None:
    buyer = exchange["buyer"]
    await ask(buyer, "w1", "9999999.99")
    before = await exchange.everything()
    answer = await buyer.send("POST", ASK, {"client_id": "w2", "amount": "0.02"})
    assert (answer.status_code, answer.json()["code"]) == (422, "amount_above_withdrawable")
    assert await exchange.everything() == before


async def test_a_withdrawal_is_seen_by_its_owner_and_its_bank_only(exchange: Desk) -> None:
    name = (await ask(exchange["buyer"]))["id"]
    answer = await exchange["seller"].send("GET", f"{ASK}/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await exchange["buyer2"].send("POST", ASK, {"client_id": "w1", "amount": "1.00"})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    for path, body in (
        (f"/v1/bank/withdrawals/{name}/paid", {"client_id": "p", "bank_reference": "r"}),
        (f"/v1/bank/withdrawals/{name}/returned", {"client_id": "p", "reason": "r"}),
    ):
        answer = await exchange["buyer"].send("POST", path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    answer = await exchange["bank"].send(
        "POST", "/v1/bank/withdrawals/wd-999/paid", {"client_id": "p", "bank_reference": "r"}
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "withdrawal_unknown")


async def test_everything_is_found_again_after_a_restart(database: str) -> None:
    async with desk(database) as exchange:
        asked = [await ask(exchange["buyer"], f"w{n}", f"{n}.00") for n in (1, 2, 3)]
        report = {"client_id": "p1", "bank_reference": "OUT-1"}
        await exchange["bank"].send("POST", f"/v1/bank/withdrawals/{asked[0]['id']}/paid", report)
    async with desk(database) as exchange:
        first = (await exchange["buyer"].get(f"{ASK}?limit=2"))["items"]
        assert [one["id"] for one in first] == [asked[2]["id"], asked[1]["id"]]
        page = await exchange["buyer"].get(f"{ASK}?limit=2")
        rest = await exchange["buyer"].get(f"{ASK}?limit=2&after={page['next']}")
        assert [(one["id"], one["state"]) for one in rest["items"]] == [(asked[0]["id"], "paid")]
        again = await exchange["buyer"].send("POST", ASK, {"client_id": "w2", "amount": "2.00"})
        assert (again.headers["Idempotent-Replayed"], again.json()["id"]) == ("true", asked[1]["id"])
