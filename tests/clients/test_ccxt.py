"""A trader's program written for ccxt trades here, and every refusal reaches it as the error ccxt has for it."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from ccxt.base import errors  # type: ignore[import-untyped] # it ships no types
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.access.keys import Algorithm, NewKey, Scope
from gateway.http.refusals.catalogue import CATALOGUE
from gateway.http.refusals.reasons import RATE_LIMITED
from tests.clients.ccxt_puhui import BY_CODE, puhui
from tests.clients.relay import losing
from tests.gateway.http.desk import START_NS, Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

SYMBOL = "SHCERCIR1/CNY"


@asynccontextmanager
async def trader(shared: Desk, name: str, **more: Any) -> AsyncIterator[Any]:
    """That person's program."""
    person = shared[name]
    given = {"apiKey": person.key, "secret": person.secret, "urls": {"api": shared.url}, **more}
    exchange = puhui(given)
    try:
        yield exchange
    finally:
        await exchange.close()


@pytest_asyncio.fixture(loop_scope="module")
async def seller(shared: Desk) -> AsyncIterator[Any]:
    async with trader(shared, "seller") as program:
        yield program
        await program.cancel_all_orders()


@pytest_asyncio.fixture(loop_scope="module")
async def buyer(shared: Desk) -> AsyncIterator[Any]:
    async with trader(shared, "buyer") as program:
        yield program
        await program.cancel_all_orders()


async def test_the_market_is_read(buyer: Any) -> None:
    markets = await buyer.load_markets()
    assert markets[SYMBOL]["precision"] == {"amount": 1.0, "price": 0.01}
    assert markets[SYMBOL]["limits"]["price"] == {"min": 61.2, "max": 74.8}
    assert (await buyer.fetch_status())["status"] == "ok"
    assert abs(await buyer.load_time_difference()) < 2_000
    assert (await buyer.fetch_ticker(SYMBOL))["symbol"] == SYMBOL
    assert set(await buyer.fetch_tickers([SYMBOL])) == {SYMBOL}


async def test_two_programs_trade(seller: Any, buyer: Any) -> None:
    before = await buyer.fetch_balance()
    offer = await seller.create_order(SYMBOL, "limit", "sell", 30, 68.5, {"clientOrderId": "ccxt-offer"})
    assert (offer["status"], offer["filled"], offer["remaining"]) == ("open", 0, 30)
    book = await buyer.fetch_order_book(SYMBOL)
    assert (book["asks"][0], book["bids"]) == ([68.5, 30.0], [])
    taken = await buyer.create_order(SYMBOL, "limit", "buy", 10, 69, {"timeInForce": "IOC"})
    assert (taken["status"], taken["filled"], taken["average"], taken["cost"]) == ("closed", 10, 68.5, 685)
    assert [(one["side"], one["amount"]) for one in taken["trades"]] == [("buy", 10.0)]

    mine = await buyer.fetch_my_trades(SYMBOL)
    assert [(one["order"], one["price"], one["takerOrMaker"]) for one in mine] == [
        (taken["id"], 68.5, "taker")
    ]
    assert [one["id"] for one in await seller.fetch_trades(SYMBOL)] == [mine[0]["id"]]
    (candle,) = await buyer.fetch_ohlcv(SYMBOL, "1m")
    assert candle[1:] == [68.5, 68.5, 68.5, 68.5, 10.0]
    after = await buyer.fetch_balance()
    assert before["CNY"]["free"] - after["CNY"]["free"] == 685
    assert after["CNY"]["used"] == 685
    assert (await seller.fetch_balance())["SHCERCIR1"]["used"] >= 30
    assert (await seller.fetch_order(offer["id"]))["remaining"] == 20


async def test_an_order_is_changed_looked_up_and_taken_back(buyer: Any) -> None:
    order = await buyer.create_order(SYMBOL, "limit", "buy", 10, 62, {"clientOrderId": "ccxt-1"})
    changed = await buyer.edit_order(order["id"], SYMBOL, "limit", "buy", 5, 63)
    assert (changed["id"], changed["amount"], changed["price"]) == (order["id"], 5, 63)
    by_own_id = await buyer.fetch_order(None, None, {"clientOrderId": "ccxt-1"})
    assert by_own_id["info"] | {"trades": []} == changed["info"]
    assert [one["id"] for one in await buyer.fetch_open_orders(SYMBOL)] == [order["id"]]
    for _ in range(2):
        assert (await buyer.cancel_order(order["id"]))["status"] == "canceled"
    assert await buyer.fetch_open_orders() == []
    assert order["id"] in [one["id"] for one in await buyer.fetch_canceled_orders()]
    closed = await buyer.fetch_closed_orders()
    assert {one["status"] for one in closed} <= {"closed"}
    everything = await buyer.fetch_orders(since=0)
    assert everything == await buyer.fetch_orders(limit=500)
    assert [one["timestamp"] for one in everything] == sorted(one["timestamp"] for one in everything)


async def test_a_batch_tells_of_each_order(buyer: Any) -> None:
    wanted = {"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": 1}
    good, bad = await buyer.create_orders([{**wanted, "price": 62}, {**wanted, "price": 99}])
    assert (good["status"], bad["status"]) == ("open", "rejected")
    assert bad["info"]["code"] == "price_outside_band"
    assert (await buyer.cancel_all_orders_after(30_000))["timeout_s"] == 30
    assert (await buyer.cancel_all_orders_after(0))["fires_at"] is None
    gone = await buyer.cancel_all_orders(SYMBOL)
    assert [one["id"] for one in gone] == [good["id"]]


async def test_refusals_are_ccxts_own_errors(shared: Desk, seller: Any, buyer: Any) -> None:
    async def refused(kind: type[Exception], code: str, call: Any) -> None:
        with pytest.raises(kind) as caught:
            await call
        assert type(caught.value) is kind
        assert f"puhui {code} " in str(caught.value)

    def buy(program: Any, amount: int, price: float, **params: Any) -> Any:
        return program.create_order(SYMBOL, "limit", "buy", amount, price, params)

    await refused(errors.InvalidOrder, "price_outside_band", buy(buyer, 1, 99))
    await buy(buyer, 99_999, 74)
    await refused(errors.InsufficientFunds, "insufficient_cash", buy(buyer, 99_999, 74))
    await buyer.cancel_all_orders()
    units = (await buyer.fetch_balance())["SHCERCIR1"]["total"] + 1
    await refused(
        errors.InsufficientFunds, "insufficient_units", buyer.create_order(SYMBOL, "limit", "sell", units, 74)
    )
    await buy(buyer, 1, 62, clientOrderId="ccxt-twice")
    await refused(errors.DuplicateOrderId, "client_id_reused", buy(buyer, 2, 62, clientOrderId="ccxt-twice"))
    await refused(errors.OrderNotFound, "not_found", buyer.fetch_order("999999"))
    await refused(errors.OrderNotFound, "not_found", buyer.cancel_order("999999"))
    await refused(errors.PermissionDenied, "not_your_account", buy(buyer, 1, 62, account="seller"))
    passed = {"deadline": "2020-01-01T00:00:00+08:00"}
    await refused(errors.OrderNotFillable, "deadline_passed", buy(buyer, 1, 62, **passed))
    await refused(errors.BadRequest, "out_of_range", buyer.fetch_orders(limit=5, params={"limit": 0}))
    async with trader(shared, "reader") as reader:
        await refused(errors.PermissionDenied, "scope_missing", buy(reader, 1, 62))
    async with trader(shared, "buyer", secret=base64.b64encode(b"wrong" * 8).decode()) as stranger:
        await refused(errors.AuthenticationError, "signature_invalid", stranger.fetch_balance())
    async with trader(shared, "buyer", options={"timeDifference": 60_000}) as late:
        await refused(errors.InvalidNonce, "timestamp_outside_window", late.fetch_balance())
        await late.load_time_difference()
        assert (await late.fetch_balance())["CNY"]["total"] > 0
    with pytest.raises(errors.BadSymbol):
        await buyer.create_order("NOSUCH/CNY", "limit", "buy", 1, 62)
    for kind, price in (("market", None), ("limit", None)):
        with pytest.raises(errors.InvalidOrder):
            await buyer.create_order(SYMBOL, kind, "buy", 1, price)


@pytest.mark.parametrize("lets_through", [0, 1, 200, -1])
async def test_what_became_of_an_order_is_learnt_when_its_answer_is_lost(
    shared: Desk, buyer: Any, lets_through: int
) -> None:
    own_id = f"ccxt-lost-{lets_through}"
    async with (
        losing(shared.url, lets_through=lets_through) as url,
        trader(shared, "buyer", urls={"api": url}, timeout=300) as cut_off,
    ):
        cut_off.set_markets(list((await buyer.load_markets()).values()))
        with pytest.raises(errors.NetworkError, match=own_id):
            await cut_off.create_order(SYMBOL, "limit", "buy", 3, 62, {"clientOrderId": own_id})
    found = await buyer.fetch_order(None, None, {"clientOrderId": own_id})
    again = await buyer.create_order(SYMBOL, "limit", "buy", 3, 62, {"clientOrderId": own_id})
    assert (again["id"], again["status"]) == (found["id"], "open")
    mine = [one for one in await buyer.fetch_open_orders() if one["clientOrderId"] == own_id]
    assert len(mine) == 1


async def test_an_ed25519_key_signs_as_well(shared: Desk) -> None:
    private = Ed25519PrivateKey.generate()
    issued = await shared.services.keys.issue(
        NewKey(
            participant="buyer-person",
            account="buyer",
            algorithm=Algorithm.ED25519,
            scopes=frozenset({Scope.READ}),
            label="ccxt",
            created_by="test",
            public_key=private.public_key().public_bytes_raw(),
        ),
        at_ns=START_NS,
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    async with trader(shared, "buyer", apiKey=issued.key.key_id, secret=pem.decode()) as program:
        assert (await program.fetch_balance())["CNY"]["total"] > 0


async def test_every_code_it_knows_is_one_of_ours() -> None:
    assert set(BY_CODE) <= set(CATALOGUE)
    assert BY_CODE[RATE_LIMITED.code] is errors.RateLimitExceeded
