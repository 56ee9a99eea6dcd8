"""Days and a month of a whole exchange on the Shanghai calendar, and everything that is published of them.

The calendar and the sessions are those of the Shanghai market, the clock is moved by hand, the registry is a process of
its own. After each day the bulletins are held against sums over the raw trades, statements against one another, money
against the bank's, units against the registry. PUHUI_MONTH_SEED chooses another seed.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks.founding import CLASS_ONE, CLASS_TWO, Opening
from gateway.access.limits import ActionKind
from gateway.composition.reference_registry import platform
from gateway.demo import METHODOLOGIES
from gateway.formats import parse_money, price_text
from tests.system import checks, published
from tests.system.clients import Client, Participant, participant
from tests.system.founding import admit
from tests.system.running import RunningExchange, running
from tests.system.trading_days import LISTINGS, TradingDays

SEED: Final = int(os.environ.get("PUHUI_MONTH_SEED", "20300902"))
TRADING_DAYS: Final = (
    *("2030-09-02", "2030-09-03", "2030-09-04", "2030-09-05", "2030-09-06"),
    *("2030-09-09", "2030-09-10", "2030-09-11", "2030-09-12"),  # the Friday is a holiday
    *("2030-09-16", "2030-09-17", "2030-09-18", "2030-09-19", "2030-09-20"),
    *("2030-09-23", "2030-09-24", "2030-09-25", "2030-09-26", "2030-09-27"),
    "2030-09-30",  # then a week of holidays begins, which ends on a Tuesday
    *("2030-10-08", "2030-10-09"),
)
"""A calendar of its own, with holidays where they are of use."""
DAY_AFTER: Final = "2030-10-10"
"""Without a day to come the date cannot roll."""
FEES_FROM: Final = "2030-09-04"
OPENING: Final = Opening(cash_fen=20_000_000, units_tonnes={CLASS_ONE: 1_500, CLASS_TWO: 1_000})
REFERENCE_FEN: Final = 6_800
OPTIONS: Final = (
    *("--market", "shanghai", "--clock", "manual", "--now", f"{TRADING_DAYS[0]}T08:30:00+08:00"),
    *(part for kind in ActionKind for part in ("--quota", f"{kind.value}=none")),
)
STAFF: Final = {"bank": ["bank"]}


async def live(data_dir: Path, days: Sequence[str], people: int, orders: int) -> None:
    """All these days, with so many participants and so many orders of each a day; and every check after each."""
    openings = {"entity": OPENING, **{f"t{number:02d}": OPENING for number in range(2, people + 1)}}
    async with running(data_dir, OPTIONS, demo=False) as exchange:
        staff = await _found_market(exchange)
        async with exchange.acting(staff) as people_of_staff:
            traders = await admit(exchange, openings, people_of_staff)
        async with exchange.acting([*traders, *staff]) as clients:
            month = TradingDays(
                exchange,
                [clients[one.name] for one in traders],
                {one.name: clients[one.name] for one in staff},
                seed=SEED,
                deposited_fen=people * OPENING.cash_fen,
            )
            owners = list(month.traders)
            await month.adopt(FEES_FROM, fee_buyer_ppm=800, fee_seller_ppm=500)
            for day in days:
                assert await month.play(orders) == day
                await _check(month, owners)
                print(f"{day}: {dict(sorted(month.found.items()))}")  # noqa: T201 - shown with a failure, and in a soak
                month.found.clear()
            assert month.fees_fen > 0
            entries = await checks.journal_is_whole(exchange)
            print(f"{len(days)} days, fees {month.fees_fen} fen, {entries} entries verified")  # noqa: T201 - the same


async def _found_market(exchange: RunningExchange) -> list[Participant]:
    """By the first of an empty exchange's two operators: its people, the calendar, both classes, a year, the first day."""
    async with platform(exchange.data_dir) as reference:
        for code, version, methodology_class, title in METHODOLOGIES:
            await reference.publish_methodology(
                code=code, version=version, methodology_class=methodology_class, title=title
            )
    first = exchange.participant("operator")
    async with exchange.acting([first]) as clients:
        operator = clients["operator"]
        calendar: dict[str, Any] = {"first_day": TRADING_DAYS[0], "last_day": DAY_AFTER}
        calendar |= {"trading_days": [*TRADING_DAYS, DAY_AFTER], "source": "made up for this test"}
        await operator.do("/v1/operator/calendar", calendar)
        for code, name in ((CLASS_ONE, "I"), (CLASS_TWO, "II")):
            listing = {"listing": code, "class": name, "first_reference_price": price_text(REFERENCE_FEN)}
            await operator.do("/v1/operator/listings", listing)
        year: dict[str, Any] = {
            "compliance_year": 2029,
            "source": "made up for this test",
            "certainty": "demonstration",
        }
        year |= {"opens": "2030-01-01T00:00:00+08:00", "deadline": "2030-12-31T17:00:00+08:00"}
        await operator.do("/v1/operator/compliance-years", year)
        staff = [first, exchange.participant("operator2")]
        for name, scopes in STAFF.items():
            key = {"participant": name, "algorithm": "hmac-sha256", "scopes": scopes}
            staff.append(participant(name, await operator.do("/v1/operator/keys", key)))
        await operator.do("/v1/operator/day/open", {"trading_day": TRADING_DAYS[0]})
    return staff


async def _check(month: TradingDays, owners: Sequence[Client]) -> None:
    """Everything that is published and told after a day."""
    trades = await published.raw_trades(owners)
    assert {trade.settlement for trade in trades} <= {"settled", "busted"}
    expected = published.expected_days(trades, month.days, dict.fromkeys(LISTINGS, REFERENCE_FEN))
    await published.bulletins_are_true(owners[0], expected)
    await published.statements_follow_on(owners, month.days[-2:])
    month.found["trades"] = sum(trade.trading_day == month.days[-1] for trade in trades)
    for owner in owners:
        statement = await owner.get(f"/v1/account/statements/{month.days[-1]}")
        month.fees_fen += parse_money(statement["fees"])
    assert await month.cash_fen() + month.fees_fen == month.money_in_fen - month.money_out_fen


@pytest.mark.timeout(300)
async def test_three_days_are_told_as_they_were(tmp_path: Path) -> None:
    await live(tmp_path / "puhui", TRADING_DAYS[:3], people=8, orders=4)


@pytest.mark.soak
async def test_a_month_is_told_as_it_was(tmp_path: Path) -> None:
    assert len(TRADING_DAYS) >= 20
    await live(tmp_path / "puhui", TRADING_DAYS, people=50, orders=6)
