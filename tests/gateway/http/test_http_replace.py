"""Replacing an order over HTTP and WebSocket: what it becomes, what it trades, what is answered again."""

from typing import Any

import httpx
import pytest

from tests.gateway.http.desk import Desk
from tests.gateway.http.wire import Book, wire


async def placed(exchange: Desk, who: str, client_id: str, **given: str) -> str:
    answer = await exchange[who].order(client_id, **given)
    assert answer.status_code == 201, answer.text
    order_id: str = answer.json()["order"]["id"]
    return order_id


async def replace(exchange: Desk, who: str, order_id: str, client_id: str, **given: str) -> httpx.Response:
    return await exchange[who].send("PATCH", f"/v1/orders/{order_id}", {"client_id": client_id, **given})


async def replaced(exchange: Desk, who: str, order_id: str, client_id: str, **given: str) -> dict[str, Any]:
    answer = await replace(exchange, who, order_id, client_id, **given)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def depth(exchange: Desk) -> tuple[list[list[str]], list[list[str]]]:
    found = (await exchange.public("/v1/listings/SHCERCIR1/depth")).json()
    return found["bids"], found["asks"]


async def test_less_at_the_same_price_keeps_its_place(exchange: Desk) -> None:
    first = await placed(exchange, "buyer", "b1", price="67.00", quantity="10")
    await placed(exchange, "buyer2", "b2", price="67.00", quantity="10")
    answer = await replaced(exchange, "buyer", first, "r1", quantity="4")
    order = answer["order"]
    assert (order["id"], order["quantity"], order["remaining"], order["status"]) == (first, "4", "4", "new")
    assert (await depth(exchange))[0] == [["67.00", "14"]]
    assert (await exchange["buyer"].get("/v1/account"))["cash"]["held"] == "268.00"
    await placed(exchange, "seller", "s1", side="sell", price="67.00", quantity="4")
    assert (await exchange["buyer"].get(f"/v1/orders/{first}"))["status"] == "filled"


async def test_another_price_comes_anew_and_may_trade_at_once(exchange: Desk) -> None:
    await placed(exchange, "seller", "s1", side="sell", price="68.00", quantity="3")
    mine = await placed(exchange, "buyer", "b1", price="67.00", quantity="10")
    answer = await replaced(exchange, "buyer", mine, "r1", price="68.50", quantity="8")
    order, trades = answer["order"], answer["trades"]
    assert [(trade["price"], trade["quantity"]) for trade in trades] == [("68.00", "3")]
    assert (order["price"], order["quantity"], order["filled"], order["remaining"], order["status"]) == (
        "68.50",
        "8",
        "3",
        "5",
        "partially_filled",
    )
    assert order["average_price"] == "68.00"
    assert await depth(exchange) == ([["68.50", "5"]], [])
    assert await exchange["buyer"].get(f"/v1/orders/{mine}") == order
    cash = (await exchange["buyer"].get("/v1/account"))["cash"]
    assert (cash["held"], cash["delivering"]) == ("342.50", "204.00")


async def test_what_was_filled_before_counts_in_the_average(exchange: Desk) -> None:
    mine = await placed(exchange, "buyer", "b1", price="67.00", quantity="10")
    await placed(exchange, "seller", "s1", side="sell", price="67.00", quantity="2")
    await placed(exchange, "seller", "s2", side="sell", price="68.00", quantity="2")
    order = (await replaced(exchange, "buyer", mine, "r1", price="68.00"))["order"]
    assert (order["filled"], order["average_price"], order["quantity"]) == ("4", "67.50", "10")


async def test_a_replacement_that_fills_the_order_ends_it(exchange: Desk) -> None:
    await placed(exchange, "seller", "s1", side="sell", price="68.00", quantity="10")
    mine = await placed(exchange, "buyer", "b1", price="67.00", quantity="10")
    order = (await replaced(exchange, "buyer", mine, "r1", price="68.00"))["order"]
    assert (order["status"], order["remaining"]) == ("filled", "0")
    assert order["ended_at"] is not None
    assert await depth(exchange) == ([], [])
    assert (await exchange["buyer"].get("/v1/orders?status=open"))["items"] == []
    stored = await exchange.engine.history.order(int(mine))
    assert stored is not None
    assert (stored.price_fen, stored.status) == (6_800, "filled")


async def test_the_same_replacement_again_is_answered_as_the_first_time(exchange: Desk) -> None:
    mine = await placed(exchange, "buyer", "b1", price="67.00", quantity="10")
    first = await replace(exchange, "buyer", mine, "r1", price="67.50")
    await exchange["buyer"].send("DELETE", f"/v1/orders/{mine}")
    again = await replace(exchange, "buyer", mine, "r1", price="67.50")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.json() == first.json()
    assert first.json()["order"]["status"] == "new"
    other = await replace(exchange, "buyer", mine, "r1", price="67.60")
    assert (other.status_code, other.json()["code"]) == (409, "client_id_reused")
    assert other.json()["errors"][0]["pointer"] == "/client_id"


async def test_an_order_that_cannot_be_changed_says_what_became_of_it(exchange: Desk) -> None:
    mine = await placed(exchange, "buyer", "b1", price="67.00", quantity="10")
    await exchange["buyer"].send("DELETE", f"/v1/orders/{mine}")
    ended = await replace(exchange, "buyer", mine, "r1", price="67.50")
    assert (ended.status_code, ended.json()["code"]) == (409, "order_not_open")
    assert ended.json()["errors"][0]["actual"] == "cancelled"
    theirs = await placed(exchange, "buyer2", "b2", price="67.00", quantity="10")
    for order_id in (theirs, "999999"):
        answer = await replace(exchange, "buyer", order_id, f"r-{order_id}", price="67.50")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    foreign = await replace(exchange, "buyer", theirs, "r3", price="67.50", account="buyer2")
    assert (foreign.status_code, foreign.json()["code"]) == (403, "not_your_account")


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({}, 422, "nothing_to_replace"),
        ({"price": "67.00", "quantity": "10"}, 422, "nothing_to_replace"),
        ({"quantity": "2"}, 422, "quantity_already_filled"),
        ({"price": "99.00"}, 422, "price_outside_band"),
        ({"quantity": "100000"}, 422, "quantity_above_maximum"),
        ({"price": "67.005"}, 400, "invalid_price"),
        ({"quantity": "0"}, 400, "invalid_quantity"),
        ({"side": "sell"}, 400, "unknown_field"),
    ],
)
async def test_terms_that_cannot_be_are_refused_and_change_nothing(
    exchange: Desk, given: dict[str, str], status: int, code: str
) -> None:
    mine = await placed(exchange, "buyer", "b1", price="67.00", quantity="10")
    await placed(exchange, "seller", "s1", side="sell", price="67.00", quantity="2")
    before = await exchange.everything()
    answer = await replace(exchange, "buyer", mine, "r1", **given)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await exchange.everything() == before


async def test_a_replacement_over_the_websocket_and_what_everybody_sees_of_it(exchange: Desk) -> None:
    async with wire(exchange) as client:
        await client.logon(exchange["buyer"])
        await client.ok("subscribe", channel="depth", listing="SHCERCIR1")
        await client.ok("subscribe", channel="events")
        book = Book()
        mine = await placed(exchange, "buyer", "b1", price="67.00", quantity="10")
        result = await client.ok("order.replace", order_id=mine, client_id="r1", price="67.50", quantity="6")
        assert (result["order"]["price"], result["order"]["remaining"]) == ("67.50", "6")
        again = await client.ok("order.replace", order_id=mine, client_id="r1", price="67.50", quantity="6")
        assert again == {**result, "replayed": True}
        error = await client.refused("order.replace", order_id=mine, client_id="r2")
        assert error["code"] == "nothing_to_replace"
        events = []
        for message in client.pushed:
            if message["ch"] == "depth":
                book.apply(message)
            elif "type" in message:
                events.append(message)
        assert book.best() == ([("67.50", "6")], [])
        (told,) = [event for event in events if event["type"] == "order_replaced"]
        assert (told["price_before"], told["remaining_before"], told["kept_priority"]) == (
            "67.00",
            "10",
            False,
        )


async def test_the_journal_names_the_session_each_command_came_by(exchange: Desk) -> None:
    mine = await placed(exchange, "buyer", "b1", price="67.00", quantity="10")
    async with wire(exchange) as client:
        await client.logon(exchange["buyer"])
        await client.ok("order.replace", order_id=mine, client_id="r1", quantity="5")
        await client.ok("order.cancel", order_id=mine)
    await exchange["buyer"].send("DELETE", "/v1/orders")
    sessions = [getattr(entry.command, "session", None) for entry in exchange.engine.listened[-4:]]
    key = exchange["buyer"].key
    assert sessions[0] == sessions[3] == f"rest:{key}"
    assert sessions[1] == sessions[2]
    assert sessions[1] is not None
    assert sessions[1].startswith("ws:")
    assert sessions[1].endswith(f":{key}")
    stored = await exchange.engine.journal.entry(int(mine))
    assert stored is not None
    assert stored.command.session == f"rest:{key}"  # type: ignore[union-attr] # it was a SubmitOrder
