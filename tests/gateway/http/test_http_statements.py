"""Statements of closed days: they add up, stay the same for ever, and prove themselves."""

import csv
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any

import pytest

from gateway.documents.statement_orders import order_lines
from gateway.engine.history.statement_body import digest_of
from gateway.engine.tables.settlement_postings import SettlementPostings
from tests.gateway.http.desk import Desk, desk
from tests.gateway.http.test_http_bulletins import close, trade
from tests.gateway.http.test_http_negotiated import confirmed, filed


@pytest.fixture
async def settled(database: str) -> AsyncIterator[Desk]:
    """An exchange that keeps double entry."""
    async with desk(database, projections=(SettlementPostings(),)) as exchange:
        yield exchange


async def statement(exchange: Desk, who: str, day: str) -> Any:
    return await exchange[who].get(f"/v1/account/statements/{day}")


async def test_a_day_with_a_trade_adds_up_for_both_sides(settled: Desk) -> None:
    await trade(settled, 1, "68.00", "100")
    day = await close(settled)
    buyer, seller = [await statement(settled, who, day) for who in ("buyer", "seller")]
    assert buyer["opening"] == {"cash": "0.00", "units": {}}
    assert buyer["closing"] == {"cash": "9993200.00", "units": {"SHCERCIR1": "100"}}
    assert seller["closing"]["units"] == {"SHCERCIR1": "99900"}
    (deposit, delivery) = buyer["settled"]
    assert (deposit["kind"], deposit["amount"], deposit["quantity"]) == ("deposit", "10000000.00", None)
    assert (delivery["kind"], delivery["amount"], delivery["quantity"]) == ("delivery", "-6800.00", "100")
    assert delivery["counterparty"] == "seller"
    sold = seller["settled"][-1]
    assert (sold["kind"], sold["amount"], sold["quantity"]) == ("delivery", "6800.00", "-100")
    assert [lot["quantity"] for lot in buyer["lots"]] == ["100"]
    (bought,) = buyer["lots"]
    assert sum(end - first for first, end in bought["serials"]) == 100
    told = [event["type"] for event in buyer["events"]]
    assert told[0] == "account_opened"
    assert told[-1] == "delivery_settled"


async def test_days_follow_on_one_another(settled: Desk) -> None:
    days, last = [], None
    for number, quantity in enumerate(("100", "50", "10")):
        await trade(settled, number, "68.00", quantity)
        days.append(await close(settled))
        found = await statement(settled, "buyer", days[-1])
        if last is not None:
            assert found["opening"] == last["closing"]
            assert found["first_entry"] == last["last_entry"] + 1
            assert found["events"][0]["event_id"] == last["events"][-1]["event_id"] + 1
        last = found
    first = await statement(settled, "buyer", days[0])
    assert first["closing"]["units"] == {"SHCERCIR1": "100"}  # whatever has come since
    assert [lot["quantity"] for lot in first["lots"]] == ["100"]


async def test_a_statement_is_the_same_for_ever_and_proves_itself(database: str) -> None:
    async with desk(database, projections=(SettlementPostings(),)) as exchange:
        await trade(exchange, 1, "68.00", "100")
        day = await close(exchange)
        found = await statement(exchange, "buyer", day)
        await trade(exchange, 2, "68.50", "10")
        await close(exchange)
    async with desk(database, projections=(SettlementPostings(),)) as exchange:
        again = await statement(exchange, "buyer", day)
    assert again == found
    assert digest_of(found) == found["digest"]
    altered = {**found, "closing": {**found["closing"], "cash": "9993200.01"}}
    assert digest_of(altered) != found["digest"]


async def test_money_in_and_out_and_a_days_journal_digest(settled: Desk) -> None:
    asked = await settled["buyer"].send(
        "POST", "/v1/cash/withdrawals", {"client_id": "w1", "amount": "1000.00"}
    )
    report = {"client_id": "p1", "bank_reference": "=HYPERLINK(1)"}
    await settled["bank"].send("POST", f"/v1/bank/withdrawals/{asked.json()['id']}/paid", report)
    day = await close(settled)
    found = await statement(settled, "buyer", day)
    assert found["closing"]["cash"] == "9999000.00"
    assert [(line["kind"], line["amount"]) for line in found["settled"]] == [
        ("deposit", "10000000.00"),
        ("withdrawal", "-1000.00"),
    ]
    (published,) = (await settled.http.get(f"{settled.url}/v1/digests")).json()["items"]
    assert published["statements_digest"] == found["journal_digest"]
    target = f"/v1/account/statements/{day}?format=csv"
    table = await settled.http.get(settled.url + target, headers=settled["buyer"].headers("GET", target, b""))
    (paid,) = [row for row in csv.DictReader(StringIO(table.text)) if row["kind"] == "withdrawal"]
    # A spreadsheet would compute it; a figure below zero stays one.
    assert (paid["reference"], paid["amount"]) == ("'=HYPERLINK(1)", "-1000.00")


async def test_a_statement_is_a_table_for_a_spreadsheet_too(settled: Desk) -> None:
    await trade(settled, 1, "68.00", "100")
    day = await close(settled)
    target = f"/v1/account/statements/{day}?format=csv"
    answer = await settled.http.get(
        settled.url + target, headers=settled["buyer"].headers("GET", target, b"")
    )
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [row["kind"] for row in rows] == [
        "opening",
        "order_accepted",
        "order_traded",
        "deposit",
        "delivery",
        "closing",
        "closing",
        "lot",
        "digest",
        "table_digest",
    ]
    traded, delivered, closing, lot = rows[2], rows[4], rows[5], rows[7]
    assert (traded["side"], traded["price"], traded["quantity"], traded["remaining"]) == (
        "buy",
        "68.00",
        "100",
        "0",
    )
    assert traded["trade"] == delivered["reference"]
    assert closing["amount"] == "9993200.00"
    first, end = (int(figure) for figure in lot["serials"].strip("[)").split(", "))
    assert (lot["quantity"], end - first) == ("100", 100)


async def test_a_negotiated_trade_is_told_on_its_day_by_each_side(settled: Desk) -> None:
    made = await filed(settled, "n-1")
    executed = await confirmed(settled, "buyer", made)
    day = await close(settled)
    for who, side in (("seller", "sell"), ("buyer", "buy")):
        (line,) = order_lines(await statement(settled, who, day))
        assert (line.kind, line.order, line.side) == ("negotiated_executed", made["id"], side)
        assert (line.trade, line.price, line.quantity) == (executed["trade_id"], "70.00", "100")


async def test_no_day_that_is_not_closed_and_nobody_elses(settled: Desk) -> None:
    today = str(settled.services.views.market.trading_day)
    for day in (today, "2020-01-01", "never"):
        answer = await settled["buyer"].send("GET", f"/v1/account/statements/{day}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    day = await close(settled)
    answer = await settled["seller"].send("GET", f"/v1/account/statements/{day}?account=buyer")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_account")
    looked = await settled["supervisor"].get(f"/v1/account/statements/{day}?account=buyer")
    assert looked["account"] == "buyer"
