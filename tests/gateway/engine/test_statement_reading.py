"""Statements read for many accounts at a time are those read one by one, and no portion holds more than it may."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.engine.history import statement_reading
from gateway.engine.history.issuing import Issuer
from gateway.engine.history.statement_body import statement_body
from gateway.engine.history.statements import Statement
from gateway.engine.tables.settlement_postings import SettlementPostings
from settlement.values import TradingDay
from tests.gateway.http.desk import Desk, desk
from tests.gateway.http.test_http_bulletins import close, trade


@pytest.fixture
async def two_days(database: str) -> AsyncIterator[tuple[Desk, list[str]]]:
    """An exchange with two closed days and trades on a third, so that every day has something before or after it."""
    async with desk(database, projections=(SettlementPostings(),)) as exchange:
        days = []
        for number, quantity in enumerate(("100", "50", "10")):
            await trade(exchange, number, "68.00", quantity)
            if number < 2:
                days.append(await close(exchange))
        yield exchange, days


async def told(exchange: Desk, accounts: list[str], day: str) -> list[Statement]:
    return [one async for one in exchange.engine.history.statements.of_first(accounts, day)]


async def test_many_at_a_time_are_those_read_one_by_one(two_days: tuple[Desk, list[str]]) -> None:
    exchange, days = two_days
    accounts = sorted(exchange.engine.views.accounts(), reverse=True)
    assert len(accounts) > 1
    for day in days:
        together = await told(exchange, accounts, day)
        assert together == [await exchange.engine.history.statements.of(account, day) for account in accounts]
        for statement in together:
            digest = statement_body(statement, exchange.engine.views.accounts()[statement.account].owner)[
                "digest"
            ]
            assert await exchange.engine.history.statements.issued(statement.account, day) == digest


async def test_each_event_is_told_on_its_day_and_once(two_days: tuple[Desk, list[str]]) -> None:
    exchange, days = two_days
    for account in exchange.engine.views.accounts():
        rows = await exchange.engine.pool.fetch(
            "SELECT event_id, seq FROM account_event WHERE account = $1 ORDER BY event_id", account
        )
        cuts = [
            row["seq"] for row in await exchange.engine.pool.fetch("SELECT seq FROM day_cut ORDER BY seq")
        ]
        for day, after, until in zip(days, [0, *cuts], cuts, strict=False):
            (statement,) = await told(exchange, [account], day)
            assert statement.events is not None
            assert [event.event_id for event in statement.events] == [
                row["event_id"] for row in rows if after < row["seq"] <= until
            ]


async def test_a_portion_ends_before_it_tells_too_much(
    two_days: tuple[Desk, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, (day, _) = two_days
    accounts = list(exchange.engine.views.accounts())
    events = {account: await _number_of_events(exchange, account, day) for account in accounts}
    most = events[accounts[0]] + events[accounts[1]]
    for bound, read in ((most, 2), (most - 1, 1), (1, 1)):
        monkeypatch.setattr(statement_reading, "EVENTS_AT_ONCE", bound)
        assert [one.account for one in await told(exchange, accounts, day)] == accounts[:read]
        issue = Issuer(exchange.engine.history.statements, exchange.engine.views)
        made = await issue(TradingDay(day), 1)
        assert [one.account for one in made.statements][:1] == accounts[1:2]


async def _number_of_events(exchange: Desk, account: str, day: str) -> int:
    (statement,) = await told(exchange, [account], day)
    assert statement.events
    return len(statement.events)


async def test_an_account_that_did_more_than_a_statement_tells_is_told_without(
    two_days: tuple[Desk, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, (day, _) = two_days
    accounts = list(exchange.engine.views.accounts())
    whole: list[Any] = await told(exchange, accounts, day)
    most = min(len(one.events) for one in whole)
    monkeypatch.setattr(statement_reading, "MOST_EVENTS", most)
    for one, before in zip(await told(exchange, accounts, day), whole, strict=True):
        assert (one.events is None) is (len(before.events) > most)
        assert (one.opening, one.closing, one.lines, one.lots) == (
            before.opening,
            before.closing,
            before.lines,
            before.lots,
        )


async def test_no_statement_of_a_day_whose_books_are_open(two_days: tuple[Desk, list[str]]) -> None:
    exchange, _ = two_days
    today = str(exchange.services.views.market.trading_day)
    assert await told(exchange, list(exchange.engine.views.accounts()), today) == []
    assert await exchange.engine.history.statements.of("buyer", today) is None
