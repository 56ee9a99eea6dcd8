"""What the public is told of closed days: tables by day and by week, and the journal's digest."""

import csv
from io import StringIO
from typing import Any

import pytest

from gateway.engine.history.issuing import Issuer
from gateway.engine.views.views import Views
from matching.commands import AdvanceClose, CloseDay, RecordReconciliation
from matching.events import DayClosed
from settlement.commands import Outcome, ResolveInstruction
from settlement.values import InstructionId, TradingDay
from tests.gateway.http.desk import Desk, desk


async def trade(exchange: Desk, number: int, price: str, quantity: str) -> None:
    for who, side in (("seller", "sell"), ("buyer", "buy")):
        answer = await exchange[who].order(f"{side}-{number}", side=side, price=price, quantity=quantity)
        assert answer.status_code == 201, answer.text


async def close(exchange: Desk) -> str:
    """Close the day, the registry agreeing to everything; the day it was."""
    submit, views = exchange.engine.sequencer.submit, exchange.engine.views
    issue = Issuer(exchange.engine.history.statements, views)
    day = TradingDay(str(exchange.services.views.market.trading_day))
    entry = await submit(CloseDay(trading_day=day))
    while not any(isinstance(event, DayClosed) for event in entry.events):
        entry = await submit(AdvanceClose(trading_day=day, portion=1_000))
        for name in tuple(views.pending_instructions):
            await submit(ResolveInstruction(instruction_id=InstructionId(name), outcome=Outcome.CONFIRMED))
        while issued := statements_told(views):
            await submit(await issue(day, issued - 1))
        # Refused until the comparison is what the close waits for.
        await submit(RecordReconciliation(trading_day=day, breaks=0, digest_here="same", digest_there="same"))
    return day


def statements_told(views: Views) -> int:
    """While statements are issued: how much of that step is done."""
    step = None if views.market.close is None else views.market.close.at_hand
    return step.done if step is not None and step.name == "publication" else 0


async def public(exchange: Desk, target: str) -> Any:
    answer = await exchange.http.get(exchange.url + target)
    assert answer.status_code == 200, answer.text
    return answer.json()


def line(bulletin: dict[str, Any], listing: str = "SHCERCIR1") -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in bulletin["listings"] if one["listing"] == listing)
    return found


async def test_a_day_is_published_when_it_is_closed_and_not_before(exchange: Desk) -> None:
    day = str(exchange.services.views.market.trading_day)
    for number, (price, quantity) in enumerate((("68.00", "100"), ("69.50", "50"), ("67.00", "150"))):
        await trade(exchange, number, price, quantity)
    assert (await exchange.http.get(f"{exchange.url}/v1/bulletins/{day}")).status_code == 404
    assert (await public(exchange, "/v1/bulletins"))["items"] == []
    assert await close(exchange) == day
    found = await public(exchange, f"/v1/bulletins/{day}")
    assert (found["date"], found["from"]) == (day, day)
    average_fen = round((6_800 * 100 + 6_950 * 50 + 6_700 * 150) / 300)
    assert line(found) == {
        "listing": "SHCERCIR1",
        "open": "68.00",
        "high": "69.50",
        "low": "67.00",
        "close": f"{average_fen // 100}.{average_fen % 100:02d}",
        "change": f"-0.{6_800 - average_fen:02d}",
        "listed_volume": "300",
        "listed_turnover": "20325.00",
        "negotiated_volume": "0",
        "negotiated_turnover": "0.00",
        "cumulative_volume": "300",
        "cumulative_turnover": "20325.00",
    }


async def test_a_day_without_trades_has_a_close_and_nothing_else(exchange: Desk) -> None:
    found = line(await public(exchange, f"/v1/bulletins/{await close(exchange)}"))
    assert (found["open"], found["high"], found["low"], found["listed_volume"]) == (None, None, None, "0")
    assert (found["close"], found["change"]) == ("68.00", "0.00")


async def test_days_add_up_to_weeks_and_to_all_there_was(exchange: Desk) -> None:
    prices = ("68.00", "70.00", "69.00", "66.00", "65.00", "66.00", "65.50", "66.00")
    days = []
    for number, price in enumerate(prices):
        await trade(exchange, number, price, "10" if number == 7 else "200")
        days.append(await close(exchange))
    assert (days[0], days[6], days[7]) == ("2026-11-23", "2026-11-29", "2026-11-30")  # a Monday to the next
    daily = (await public(exchange, f"/v1/bulletins?from={days[0]}&to={days[-1]}"))["items"]
    assert [one["date"] for one in daily] == days
    sums = ["200", "400", "600", "800", "1000", "1200", "1400", "1410"]
    assert [line(one)["cumulative_volume"] for one in daily] == sums
    weekly = (await public(exchange, f"/v1/bulletins?from={days[0]}&to={days[-1]}&period=week"))["items"]
    assert [(one["from"], one["date"]) for one in weekly] == [(days[0], days[6]), (days[7], days[7])]
    week = line(weekly[0])
    assert (week["open"], week["high"], week["low"], week["close"]) == ("68.00", "70.00", "65.00", "65.50")
    assert (week["change"], week["listed_volume"], week["cumulative_volume"]) == ("-2.50", "1400", "1400")
    assert line(weekly[1])["change"] == "0.00"  # ten tonnes leave the close where it was


async def test_a_bulletin_is_a_table_for_a_spreadsheet_too(exchange: Desk) -> None:
    await trade(exchange, 1, "68.00", "200")
    day = await close(exchange)
    answer = await exchange.http.get(f"{exchange.url}/v1/bulletins/{day}?format=csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [row["listing"] for row in rows] == sorted(row["listing"] for row in rows)
    assert next(row for row in rows if row["listing"] == "SHCERCIR1")["listed_volume"] == "200"


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/v1/bulletins/2026-13-01", 404, "not_found"),
        ("/v1/bulletins/yesterday", 404, "not_found"),
        ("/v1/bulletins?from=2026-02-30", 400, "invalid_date"),
        ("/v1/bulletins?period=month", 400, "invalid_choice"),
        ("/v1/digests?limit=0", 400, "out_of_range"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(
    exchange: Desk, target: str, status: int, code: str
) -> None:
    answer = await exchange.http.get(exchange.url + target)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_the_digest_of_a_day_is_the_journals_own_and_stays(database: str) -> None:
    async with desk(database) as exchange:
        days = [await close(exchange), await close(exchange)]
        found = (await public(exchange, "/v1/digests"))["items"]
        assert [one["trading_day"] for one in found] == days
        for one in found:
            stored = await exchange.engine.pool.fetchval(
                "SELECT digest FROM journal WHERE seq = $1", one["entry"]
            )
            assert one["digest"] == stored.hex()
        assert (await public(exchange, "/v1/digests?limit=1"))["next"] == days[0]
        rest = await public(exchange, f"/v1/digests?after={days[0]}")
        assert (rest["items"], rest["next"]) == (found[1:], None)
    async with desk(database) as exchange:
        assert (await public(exchange, "/v1/digests"))["items"] == found


@pytest.mark.parametrize("period", ["day", "week"])
async def test_bulletins_are_read_page_by_page(exchange: Desk, period: str) -> None:
    for _ in range(9):
        await close(exchange)
    every = (await public(exchange, f"/v1/bulletins?from=2026-01-01&period={period}"))["items"]
    assert len(every) == (9 if period == "day" else 2)
    for limit in (1, 2, 4, 9):
        target = f"/v1/bulletins?from=2026-01-01&period={period}&limit={limit}"
        paged, after = [], ""
        while True:
            page = await public(exchange, target + after)
            assert len(page["items"]) <= limit
            paged += page["items"]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert paged == every
    table = await exchange.http.get(f"{exchange.url}/v1/bulletins?from=2026-01-01&limit=1&format=csv")
    assert (
        table.headers["X-Next"] == (await public(exchange, "/v1/bulletins?from=2026-01-01&limit=1"))["next"]
    )
    for cursor in ("nonsense", "MTo5OTk5OTk5OQ"):
        answer = await exchange.http.get(f"{exchange.url}/v1/bulletins?after={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")
