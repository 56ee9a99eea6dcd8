"""The WebSocket for people: opened by a page of ours, logged on by its session, and over with it at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.exceptions import InvalidStatus

from gateway.access.keys import Scope
from tests.gateway.http.browser import COOKIE, PASSWORD, Browser, admit, browser
from tests.gateway.http.desk import Desk, order_body
from tests.gateway.http.wire import PATIENCE_S, Wire, wire

KEY_GONE = 4001


@asynccontextmanager
async def page_wire(exchange: Desk, page: Browser, *, origin: str | None = "") -> AsyncIterator[Wire]:
    cookie = {"Cookie": f"{COOKIE}={page.token}"}
    async with wire(
        exchange, additional_headers=cookie, origin=exchange.url if origin == "" else origin
    ) as opened:
        yield opened


async def test_a_page_logs_on_by_its_session_and_trades(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page, page_wire(exchange, page) as client:
        found = await client.ok("logon", csrf=page.csrf)
        assert found == {
            "participant": "buyer-person",
            "account": "buyer",
            "scopes": ["negotiate", "offset", "read", "trade", "transfer"],
        }
        done = await client.ok("order.submit", **order_body("by-wire"))
        entry = await exchange.services.journal.entry(int(done["order"]["id"]))
        assert entry is not None and f":buyer:{page.session['session']}" in repr(entry.command)


async def test_a_page_that_is_not_ours_gets_no_connection(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page:
        for origin in ("http://evil.example", "null"):
            with pytest.raises(InvalidStatus) as refused:
                async with page_wire(exchange, page, origin=origin):
                    pass
            assert refused.value.response.status_code == 403


async def test_a_logon_without_all_that_proves_a_page_is_refused(exchange: Desk) -> None:
    await admit(exchange, "buyer")
    await admit(exchange, "reader")
    async with browser(exchange, "buyer") as page, browser(exchange, "reader") as other:
        async with page_wire(exchange, page) as client:
            assert (await client.refused("logon", csrf=other.csrf))["code"] == "csrf_wrong"
            assert (await client.refused("logon"))["code"] == "missing_field"
            assert (await client.refused("order.submit", **order_body("x")))["code"] == "not_logged_on"
            await client.ok("logon", csrf=page.csrf)
            assert (await client.refused("logon", csrf=page.csrf))["code"] == "already_logged_on"
        async with page_wire(exchange, page, origin=None) as client:
            assert (await client.refused("logon", csrf=page.csrf))["code"] == "origin_foreign"
        async with wire(exchange, origin=exchange.url) as client:
            assert (await client.refused("logon", csrf=page.csrf))["code"] == "unauthenticated"
        async with page_wire(exchange, other) as client:
            await client.ok("logon", csrf=other.csrf)
            assert (await client.refused("order.submit", **order_body("y")))["code"] == "scope_missing"


async def by_logging_out(page: Browser, _: Desk) -> None:
    await page.ok("DELETE", "/v1/session")


async def by_another_password(page: Browser, _: Desk) -> None:
    await page.ok(
        "POST", "/v1/session/password", {"password": PASSWORD, "new_password": "another one entirely"}
    )


async def by_the_operator(_: Browser, exchange: Desk) -> None:
    await exchange["operator"].send("POST", "/v1/operator/people/buyer/disable", {"reason": "left"})


async def by_time(_: Browser, exchange: Desk) -> None:
    exchange.machine.ahead_s += 31 * 60


@pytest.mark.parametrize("over", [by_logging_out, by_another_password, by_the_operator, by_time])
async def test_an_ended_session_ends_its_open_connections(
    exchange: Desk, over: Callable[[Browser, Desk], Awaitable[None]]
) -> None:
    await admit(exchange, "buyer")
    async with browser(exchange, "buyer") as page, page_wire(exchange, page) as client:
        await client.ok("logon", csrf=page.csrf)
        await client.ok("subscribe", channel="events")
        await over(page, exchange)
        async with asyncio.timeout(PATIENCE_S):
            await client.socket.wait_closed()
        assert client.socket.close_code == KEY_GONE


async def test_nothing_more_is_told_or_done_once_a_session_has_ended(exchange: Desk) -> None:
    """Also before the connection itself is closed, which takes a moment."""
    await admit(exchange, "buyer", scopes=frozenset({Scope.READ, Scope.TRADE}))
    async with browser(exchange, "buyer") as page, page_wire(exchange, page) as client:
        await client.ok("logon", csrf=page.csrf)
        exchange.machine.ahead_s += 31 * 60
        assert (await client.refused("order.submit", **order_body("late")))["code"] == "not_logged_on"
