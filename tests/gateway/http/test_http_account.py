"""Money, units, lots and the log of one's own account, and how units and money come in."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import httpx
import orjson

from matching.commands import AdvanceClose
from settlement.commands import Outcome, RegisterLot, ResolveInstruction
from settlement.events import LotSlice
from settlement.lot import Lot
from settlement.values import InstructionId, LotId, TradingDay
from tests.gateway.engine.world import DAY, confirmations
from tests.gateway.http.desk import LOT, Desk, desk


async def know_lot(exchange: Desk, name: str, first: int, *, issued_on: str) -> None:
    fields = {slot: getattr(LOT, slot) for slot in LOT.__slots__}
    fields |= {"lot_id": LotId(name), "issued_on": issued_on, "serials": (first, first + 1_000)}
    await exchange.engine.do(RegisterLot(lot=Lot(**fields)))


async def resolve(
    exchange: Desk, transfer: dict[str, Any], outcome: Outcome, code: str | None = None
) -> None:
    await exchange.engine.do(
        ResolveInstruction(instruction_id=InstructionId(transfer["id"]), outcome=outcome, code=code)
    )


async def test_account_and_lots_show_everything_owned(exchange: Desk) -> None:
    await exchange["seller"].order("s1", side="sell", quantity="40")
    await exchange["buyer"].order("b1", quantity="15")
    found = await exchange["seller"].get("/v1/account")
    assert found["units"]["SHCERCIR1"] == {
        "available": "99960",
        "held": "25",
        "delivering": "15",
        "bought_today": "0",
        "frozen": "0",
    }
    (lot,) = (await exchange["seller"].get("/v1/account/lots"))["items"]
    assert (lot["lot"], lot["class"], lot["serials"]) == ("LOT-1", "I", [[1, 100_001]])
    assert (lot["quantity"], lot["available"], lot["period"]) == ("100000", "100000", "2025-01-01/2025-12-31")
    assert lot["methodology"] == "SHCER-01 1"
    bought = (await exchange["buyer"].get("/v1/account"))["units"]["SHCERCIR1"]
    assert bought["bought_today"] == "15"


async def test_a_settled_trade_tells_its_lots_to_both_sides(exchange: Desk) -> None:
    await exchange["seller"].order("s1", side="sell", quantity="10")
    await exchange["buyer"].order("b1", quantity="10")
    await exchange["operator"].send("POST", "/v1/operator/day/close")
    entries = []
    for _ in range(20):
        entries += await exchange.engine.do(AdvanceClose(trading_day=TradingDay(DAY), portion=100))
        movements = confirmations(entries)
        if movements:
            await exchange.engine.do(*movements)
            break
    for who in ("seller", "buyer"):
        (trade,) = (await exchange[who].get("/v1/trades"))["items"]
        assert trade["settlement"]["state"] == "settled"
        assert trade["settlement"]["lots"] == [{"lot": "LOT-1", "serials": [[1, 11]]}]
        assert trade["settlement"]["settled_at"] is not None
    (lot,) = (await exchange["buyer"].get("/v1/account/lots"))["items"]
    assert lot["serials"] == [[1, 11]]
    assert (await exchange["seller"].get("/v1/account"))["cash"]["available"] == "10000680.00"


async def test_own_trades_are_paged_newest_first(exchange: Desk) -> None:
    for number in range(5):
        await exchange["seller"].order(f"s{number}", side="sell", quantity="1")
        await exchange["buyer"].order(f"b{number}", quantity="1")
    seen: list[str] = []
    target = "/v1/trades?limit=2&listing=SHCERCIR1"
    while True:
        page = await exchange["seller"].get(target)
        seen += [trade["id"] for trade in page["items"]]
        if page["next"] is None:
            break
        target = f"/v1/trades?limit=2&listing=SHCERCIR1&after={page['next']}"
    assert seen == ["5", "4", "3", "2", "1"]
    public = (await exchange.public("/v1/listings/SHCERCIR1/trades?limit=3")).json()
    assert [trade["id"] for trade in public["items"]] == ["5", "4", "3"]
    assert set(public["items"][0]) & {"buyer", "seller", "order_id", "account"} == set()


async def test_the_event_log_is_read_in_pages_without_a_gap(exchange: Desk) -> None:
    for number in range(5):
        await exchange["buyer"].order(f"b{number}", price="61.20")
    page = await exchange["buyer"].get("/v1/events?limit=3")
    assert [event["event_id"] for event in page["items"]] == [1, 2, 3]
    assert page["next"] == "3"
    rest = await exchange["buyer"].get(f"/v1/events?limit=500&after={page['next']}")
    assert [event["event_id"] for event in rest["items"]] == [4, 5, 6, 7]
    assert rest["next"] is None
    assert page["items"][0]["type"] == "account_opened"
    assert rest["items"][-1]["client_order_id"] == "b4"


async def test_a_transfer_in_takes_the_oldest_lots_first(exchange: Desk) -> None:
    await know_lot(exchange, "YOUNG", 500_000, issued_on="2026-06-01")
    await know_lot(exchange, "OLD", 600_000, issued_on="2026-01-01")
    exchange.holdings["seller"] = (
        LotSlice(lot_id=LotId("YOUNG"), serials=((500_000, 500_100),)),
        LotSlice(lot_id=LotId("OLD"), serials=((600_000, 600_010), (600_020, 600_050))),
    )
    body = {"client_id": "in-1", "listing": "SHCERCIR1", "quantity": "50"}
    answer = await exchange["seller"].send("POST", "/v1/transfers-in", body)
    assert answer.status_code == 201
    transfer = answer.json()
    assert transfer["state"] == "pending"
    assert transfer["lots"] == [
        {"lot": "OLD", "serials": [[600_000, 600_010], [600_020, 600_050]]},
        {"lot": "YOUNG", "serials": [[500_000, 500_010]]},
    ]
    # Said again it is the same transfer, although the registry would now answer otherwise.
    exchange.holdings["seller"] = ()
    again = await exchange["seller"].send("POST", "/v1/transfers-in", body)
    assert (again.status_code, again.content) == (201, answer.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await exchange["seller"].send("POST", "/v1/transfers-in", {**body, "quantity": "51"})
    assert (other.status_code, other.json()["code"]) == (409, "client_id_reused")
    before = (await exchange["seller"].get("/v1/account"))["units"]["SHCERCIR1"]["available"]
    await resolve(exchange, transfer, Outcome.CONFIRMED)
    found = await exchange["seller"].get(f"/v1/transfers-in/{transfer['id']}")
    assert (found["state"], found["quantity"], found["reason"]) == ("completed", "50", None)
    after = (await exchange["seller"].get("/v1/account"))["units"]["SHCERCIR1"]["available"]
    assert int(after) - int(before) == 50
    assert (await exchange["seller"].get("/v1/transfers-in?client_id=in-1"))["items"] == [found]
    assert (await exchange["buyer"].send("GET", f"/v1/transfers-in/{transfer['id']}")).status_code == 404


async def test_serials_on_their_way_are_not_chosen_again(exchange: Desk) -> None:
    await know_lot(exchange, "LOT-2", 500_000, issued_on="2026-06-01")
    exchange.holdings["seller"] = (LotSlice(lot_id=LotId("LOT-2"), serials=((500_000, 500_100),)),)
    lots = []
    for number in range(2):
        body = {"client_id": f"in-{number}", "listing": "SHCERCIR1", "quantity": "30"}
        answer = await exchange["seller"].send("POST", "/v1/transfers-in", body)
        lots += answer.json()["lots"]
    assert [lot["serials"] for lot in lots] == [[[500_000, 500_030]], [[500_030, 500_060]]]
    too_many = {"client_id": "in-9", "listing": "SHCERCIR1", "quantity": "41"}
    problem = (await exchange["seller"].send("POST", "/v1/transfers-in", too_many)).json()
    assert (problem["code"], problem["errors"][0]["limit"]) == ("insufficient_units", "40")


async def test_lots_can_be_named_by_serials_or_by_quantity(exchange: Desk) -> None:
    await know_lot(exchange, "LOT-2", 500_000, issued_on="2026-06-01")
    exchange.holdings["seller"] = (LotSlice(lot_id=LotId("LOT-2"), serials=((500_000, 500_100),)),)
    seller = exchange["seller"]
    named = {"client_id": "n1", "lots": [{"lot": "LOT-2", "serials": [[500_050, 500_060]]}]}
    first = (await seller.send("POST", "/v1/transfers-in", named)).json()
    assert (first["quantity"], first["listing"]) == ("10", "SHCERCIR1")
    counted = {"client_id": "n2", "lots": [{"lot": "LOT-2", "quantity": "55"}]}
    second = (await seller.send("POST", "/v1/transfers-in", counted)).json()
    assert second["lots"] == [{"lot": "LOT-2", "serials": [[500_000, 500_050], [500_060, 500_065]]}]
    again = await seller.send("POST", "/v1/transfers-in", counted)
    assert again.json() == second
    for body, status, code in (
        ({"client_id": "n3"}, 400, "lots_or_quantity"),
        ({"client_id": "n3", "listing": "SHCERCIR1"}, 400, "lots_or_quantity"),
        ({"client_id": "n3", "quantity": "1"}, 400, "lots_or_quantity"),
        ({"client_id": "n3", "lots": [{"lot": "LOT-2"}]}, 400, "lots_or_quantity"),
        ({"client_id": "n3", "lots": [{"lot": "LOT-9", "serials": [[1, 2]]}]}, 404, "lot_unknown"),
        ({"client_id": "n4", "lots": [{"lot": "LOT-2", "serials": [[5, 5]]}]}, 422, "serials_malformed"),
        ({"client_id": "n5", "listing": "NOSUCH", "quantity": "1"}, 404, "instrument_unknown"),
        ({"client_id": "n6", "lots": [{"lot": "LOT-2", "serials": [[-1, 5]]}]}, 400, "out_of_range"),
        ({"client_id": "n6", "lots": [{"lot": "LOT-2", "serials": [[1, 2, 3]]}]}, 400, "size_out_of_range"),
        ({"client_id": "n6", "lots": [{"lot": "a\x00b", "serials": [[1, 2]]}]}, 400, "invalid_text"),
    ):
        answer = await seller.send("POST", "/v1/transfers-in", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body


async def test_the_same_transfer_asked_at_once_is_one_transfer(exchange: Desk) -> None:
    await know_lot(exchange, "LOT-2", 500_000, issued_on="2026-06-01")
    exchange.holdings["seller"] = (LotSlice(lot_id=LotId("LOT-2"), serials=((500_000, 500_100),)),)
    body = {"client_id": "same", "listing": "SHCERCIR1", "quantity": "7"}
    seller = exchange["seller"]

    now_ms = time.time_ns() // 1_000_000

    def ask(number: int) -> Coroutine[Any, Any, httpx.Response]:
        # Each is signed for a millisecond of its own: the same request twice in one is the same signature.
        signed = seller.headers("POST", "/v1/transfers-in", orjson.dumps(body), timestamp_ms=now_ms - number)
        return seller.send("POST", "/v1/transfers-in", body, headers=signed)

    answers = await asyncio.gather(*(ask(number) for number in range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 5
    # Also when the first has long arrived, and others' serials would be next.
    await resolve(exchange, answers[0].json(), Outcome.CONFIRMED)
    again = await seller.send("POST", "/v1/transfers-in", body)
    assert (again.status_code, again.content) == (201, answers[0].content)


async def test_transfers_asked_at_once_share_no_serial(exchange: Desk) -> None:
    await know_lot(exchange, "LOT-2", 500_000, issued_on="2026-06-01")
    exchange.holdings["seller"] = (LotSlice(lot_id=LotId("LOT-2"), serials=((500_000, 500_030),)),)

    async def ask(number: int) -> httpx.Response:
        body = {"client_id": f"in-{number}", "listing": "SHCERCIR1", "quantity": "10"}
        return await exchange["seller"].send("POST", "/v1/transfers-in", body)

    answers = await asyncio.gather(*(ask(number) for number in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 422]
    serials = sorted(
        tuple(answer.json()["lots"][0]["serials"][0]) for answer in answers if answer.status_code == 201
    )
    assert serials == [(500_000, 500_010), (500_010, 500_020), (500_020, 500_030)]
    # The one refused may be asked again under its id, when there is more.
    (left,) = (number for number, answer in enumerate(answers) if answer.status_code == 422)
    exchange.holdings["seller"] = (LotSlice(lot_id=LotId("LOT-2"), serials=((500_000, 500_040),)),)
    assert (await ask(left)).status_code == 201


async def test_only_serials_of_ones_own_can_be_named(exchange: Desk) -> None:
    await know_lot(exchange, "LOT-2", 500_000, issued_on="2026-06-01")
    exchange.holdings["seller"] = (LotSlice(lot_id=LotId("LOT-2"), serials=((500_000, 500_100),)),)
    body = {"client_id": "n1", "lots": [{"lot": "LOT-2", "serials": [[500_000, 500_010]]}]}
    refused = await exchange["buyer"].send("POST", "/v1/transfers-in", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "serials_not_in_management")
    assert refused.json()["errors"][0]["pointer"] == "/lots/0/serials"
    assert (await exchange["seller"].send("POST", "/v1/transfers-in", body)).status_code == 201
    again = await exchange["seller"].send("POST", "/v1/transfers-in", {**body, "client_id": "n2"})
    assert (again.status_code, again.json()["code"]) == (422, "serials_already_here")


async def test_a_refused_transfer_says_why_and_moves_nothing(exchange: Desk) -> None:
    await know_lot(exchange, "LOT-2", 500_000, issued_on="2026-06-01")
    exchange.holdings["seller"] = (LotSlice(lot_id=LotId("LOT-2"), serials=((500_000, 500_100),)),)
    before = await exchange["seller"].get("/v1/account")
    body = {"client_id": "n1", "lots": [{"lot": "LOT-2", "serials": [[500_000, 500_010]]}]}
    transfer = (await exchange["seller"].send("POST", "/v1/transfers-in", body)).json()
    await resolve(exchange, transfer, Outcome.REFUSED, "not_held")
    found = await exchange["seller"].get(f"/v1/transfers-in/{transfer['id']}")
    assert (found["state"], found["reason"]) == ("failed", "not_held")
    assert await exchange["seller"].get("/v1/account") == before


async def test_a_silent_registry_is_told_and_may_be_asked_again(exchange: Desk) -> None:
    exchange.registry_is_silent = True
    body = {"client_id": "n1", "listing": "SHCERCIR1", "quantity": "1"}
    answer = await exchange["seller"].send("POST", "/v1/transfers-in", body)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (503, "registry_unreachable", True)


async def test_a_deposit_is_booked_once(database: str) -> None:
    async with desk(database) as exchange:
        bank = exchange["bank"]
        body = {"client_id": "d1", "account": "buyer", "amount": "1234.56", "bank_reference": "ICBC-77"}
        first = await bank.send("POST", "/v1/bank/deposits", body)
        again = await bank.send("POST", "/v1/bank/deposits", body)
        assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (await exchange["buyer"].get("/v1/account"))["cash"]["available"] == "10001234.56"
        before = await exchange.everything()
        for change, status, code in (
            ({"amount": "1.00"}, 409, "client_id_reused"),
            ({"client_id": "d2"}, 409, "bank_reference_reused"),
            ({"client_id": "d3", "account": "nobody", "bank_reference": "x"}, 404, "account_unknown"),
            ({"amount": "0.00"}, 400, "invalid_amount"),
            ({"amount": "-5.00"}, 400, "invalid_amount"),
            ({"amount": "1e9"}, 400, "invalid_amount"),
            ({"amount": "1000000000000.00"}, 400, "invalid_amount"),
            ({"bank_reference": "line\nbreak"}, 400, "invalid_text"),
            ({"client_id": "d4", "bank_reference": "ICBC-77 "}, 400, "invalid_text"),
            ({"client_id": "d4", "bank_reference": " ICBC-77"}, 400, "invalid_text"),
            ({"client_id": "d4", "bank_reference": "ICBC-７７"}, 400, "invalid_text"),
            ({"client_id": "d4", "bank_reference": "ICBC-77\u200b"}, 400, "invalid_text"),
        ):
            answer = await bank.send("POST", "/v1/bank/deposits", {**body, **change})
            assert (answer.status_code, answer.json()["code"]) == (status, code), change
        assert await exchange.everything() == before
