"""Candles: the same figures as anybody computes from the public trades, whatever is undone and however often it restarts."""

import random
from datetime import date, datetime, timedelta
from typing import Any, Final

import pytest

from gateway.engine.clock import ManualClock
from gateway.engine.tables.candles import CheckedCandles
from gateway.engine.tables.derived_rows import JournalBrokenError
from gateway.engine.tables.verification import verify_journal
from tests.gateway.engine.world import START_NS
from tests.gateway.http.desk import Desk, desk
from tests.gateway.http.test_http_bulletins import close, public, trade

LISTING: Final = "SHCERCIR1"
SECOND_NS: Final = 1_000_000_000
INTERVALS: Final = ("1m", "5m", "1h", "1d", "1w")


def start_of(interval: str, told: dict[str, Any]) -> str:
    """When a trade's candle begins, from what the public is told of the trade and nothing else."""
    at = datetime.fromisoformat(told["time"]).replace(microsecond=0, second=0)
    day = date.fromisoformat(told["trading_day"])
    if interval == "1w":
        day -= timedelta(days=day.weekday())
    match interval:
        case "1m":
            start = at
        case "5m":
            start = at.replace(minute=at.minute // 5 * 5)
        case "1h":
            start = at.replace(minute=0)
        case _:
            start = datetime(day.year, day.month, day.day, tzinfo=at.tzinfo)
    return start.isoformat(timespec="microseconds")


def candles_of(trades: list[dict[str, Any]], interval: str) -> list[dict[str, Any]]:
    """Candles of these public trades, oldest first, in the plainest way there is."""
    found: dict[str, list[dict[str, Any]]] = {}
    for told in sorted((told for told in trades if not told["busted"]), key=lambda told: int(told["id"])):
        found.setdefault(start_of(interval, told), []).append(told)
    return [
        {
            "start": start,
            "open": of[0]["price"],
            "high": max((told["price"] for told in of), key=float),
            "low": min((told["price"] for told in of), key=float),
            "close": of[-1]["price"],
            "volume": str(sum(int(told["quantity"]) for told in of)),
            "turnover": f"{sum(round(float(told['amount']) * 100) for told in of) / 100:.2f}",
            "trades": len(of),
        }
        for start, of in sorted(found.items())
    ]


async def everything(exchange: Desk, target: str, limit: int) -> list[dict[str, Any]]:
    """All pages of a list."""
    sign = "&" if "?" in target else "?"
    items: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await public(exchange, f"{target}{sign}limit={limit}{after}")
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next"] is None:
            return items
        after = f"&after={page['next']}"


async def compare(exchange: Desk) -> None:
    """Every interval's candles against the public trades."""
    trades = await everything(exchange, f"/v1/listings/{LISTING}/trades", 100)
    for interval in INTERVALS:
        shown = await everything(exchange, f"/v1/listings/{LISTING}/candles?interval={interval}", 3)
        told = [
            {name: candle[name] for name in candle if name not in {"start_us", "end", "complete"}}
            for candle in reversed(shown)
        ]
        assert told == candles_of(trades, interval), interval
        starts = [candle["start_us"] for candle in shown]
        assert starts == sorted(set(starts), reverse=True)


async def undo(exchange: Desk, trade_id: str) -> None:
    asked = await exchange["operator"].send(
        "POST", f"/v1/operator/trades/{trade_id}/bust", {"reason": "typo"}
    )
    approval = asked.json()["approval"]["id"]
    agreed = await exchange["operator2"].send("POST", f"/v1/operator/approvals/{approval}/approve", {})
    assert agreed.status_code == 200, agreed.text


async def verify(exchange: Desk) -> None:
    await verify_journal(exchange.engine.pool, derived=(CheckedCandles,))


async def trade_and_undo(exchange: Desk, chance: random.Random, numbers: range) -> None:
    """Trades at random times and prices, some of them undone."""
    clock = exchange.engine.clock
    assert isinstance(clock, ManualClock)
    for number in numbers:
        clock.move_to(clock.now_ns() + chance.choice((0, 1, 20, 70, 400, 4_000)) * SECOND_NS)
        price = f"{chance.randint(62, 74)}.{chance.randint(0, 99):02d}"
        await trade(exchange, number, price, str(chance.randint(10, 90)))
    trades = await everything(exchange, f"/v1/listings/{LISTING}/trades", 500)
    alive = [told["id"] for told in trades if not told["busted"]]
    for trade_id in chance.sample(alive[: len(numbers)], 5):
        await undo(exchange, trade_id)


async def test_candles_are_what_the_public_trades_add_up_to(database: str) -> None:
    chance = random.Random(8)
    clock = ManualClock(START_NS)
    async with desk(database, clock=clock) as exchange:
        for part in range(3):
            await trade_and_undo(exchange, chance, range(part * 20, part * 20 + 20))
            await compare(exchange)
            await close(exchange)
        await verify(exchange)
    async with desk(database, clock=clock) as exchange:
        await trade_and_undo(exchange, chance, range(60, 75))
        await compare(exchange)
        await verify(exchange)


async def test_a_candle_whose_only_trade_is_undone_is_not_shown_until_there_is_another(
    exchange: Desk,
) -> None:
    await trade(exchange, 1, "70.00", "10")
    (only,) = (await public(exchange, f"/v1/listings/{LISTING}/trades"))["items"]
    await undo(exchange, only["id"])
    for interval in INTERVALS:
        assert (await public(exchange, f"/v1/listings/{LISTING}/candles?interval={interval}"))["items"] == []
    await verify(exchange)
    await trade(exchange, 2, "69.00", "20")
    await compare(exchange)
    await verify(exchange)


async def test_a_days_candle_is_the_trading_days_and_agrees_with_its_bulletin(exchange: Desk) -> None:
    await trade(exchange, 1, "68.00", "10")
    await trade(exchange, 2, "70.00", "20")
    (running,) = (await public(exchange, f"/v1/listings/{LISTING}/candles"))["items"]
    assert running["complete"] is False
    day = await close(exchange)
    # The clock has not moved: the market's next day begins when the operator says so.
    await trade(exchange, 3, "69.00", "30")
    second, first = (await public(exchange, f"/v1/listings/{LISTING}/candles"))["items"]
    assert (first["complete"], second["complete"]) == (True, False)
    assert first["start"] == f"{day}T00:00:00.000000+08:00"
    bulletin = (await public(exchange, f"/v1/bulletins/{day}"))["listings"]
    (line,) = (line for line in bulletin if line["listing"] == LISTING)
    assert [first[name] for name in ("open", "high", "low", "volume", "turnover")] == [
        line[name] for name in ("open", "high", "low", "listed_volume", "listed_turnover")
    ]
    (minute,) = (await public(exchange, f"/v1/listings/{LISTING}/candles?interval=1m"))["items"]
    assert (minute["volume"], minute["trades"]) == ("60", 3)


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("SHCERCIR1/candles?interval=2m", 400, "invalid_choice"),
        ("SHCERCIR1/candles?limit=501", 400, "out_of_range"),
        ("SHCERCIR1/candles?after=nonsense", 400, "invalid_cursor"),
        ("NOTHERE/candles", 404, "listing_unknown"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(
    exchange: Desk, target: str, status: int, code: str
) -> None:
    answer = await exchange.public(f"/v1/listings/{target}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("UPDATE candle SET high_fen = high_fen + 1 WHERE span = '1h'", "1h"),
        ("DELETE FROM candle WHERE span = '1w'", "1w"),
        (
            (
                "INSERT INTO candle SELECT listing, span, 0, first_trade_id, last_trade_id, open_fen, high_fen, low_fen,"
                " close_fen, volume_tonnes, turnover_fen, trades FROM candle WHERE span = '1m'"
            ),
            "1m, 0",
        ),
    ],
)
async def test_a_candle_that_was_altered_is_noticed(exchange: Desk, tampering: str, named: str) -> None:
    await trade(exchange, 1, "68.00", "10")
    await verify(exchange)
    async with exchange.engine.pool.acquire() as connection:
        await connection.execute("ALTER TABLE candle DISABLE TRIGGER USER")
        await connection.execute(tampering)
    with pytest.raises(JournalBrokenError, match=f"{named}.* of candle"):
        await verify(exchange)
