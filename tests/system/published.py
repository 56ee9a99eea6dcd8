"""What the public must be told of each day, worked out from nothing but the trades themselves, and compared.

Plain sums over lists, by the words of the rule book and with no code of the exchange: a close is the average of the
day's listed trades by volume when more than the threshold traded, else the close before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from gateway.formats import parse_money
from tests.system.clients import Client

THRESHOLD_TONNES: Final = 100
"""`close_threshold_tonnes` of the rule book."""
LONG_AGO, LONG_HENCE = "2000-01-01", "2200-12-31"


@dataclass(frozen=True, kw_only=True, slots=True)
class RawTrade:
    """A trade as its parties may read it."""

    trade_id: int
    listing: str
    trading_day: str
    method: str
    price_fen: int
    tonnes: int
    settlement: str

    @property
    def counts(self) -> bool:
        """A trade that was undone by two persons is in no figure."""
        return self.settlement != "busted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One listing over a day or a week, in fen and tonnes."""

    open: int | None
    high: int | None
    low: int | None
    close: int
    change: int
    listed_volume: int
    listed_turnover: int
    negotiated_volume: int
    negotiated_turnover: int
    cumulative_volume: int
    cumulative_turnover: int


async def raw_trades(owners: Iterable[Client]) -> list[RawTrade]:
    """Every trade of these accounts once, oldest first. Both sides must tell the same of it."""
    found: dict[int, RawTrade] = {}
    for owner in owners:
        async for item in owner.all("/v1/trades"):
            trade = RawTrade(
                trade_id=int(item["id"]),
                listing=item["listing"],
                trading_day=item["trading_day"],
                method=item["method"],
                price_fen=parse_money(item["price"]),
                tonnes=int(item["quantity"]),
                settlement=item["settlement"]["state"],
            )
            assert parse_money(item["amount"]) == trade.price_fen * trade.tonnes, item
            assert found.setdefault(trade.trade_id, trade) == trade, (
                f"its two sides are told otherwise: {item}"
            )
    return [trade for _, trade in sorted(found.items())]


def expected_days(
    trades: Sequence[RawTrade], days: Sequence[str], first_reference_fen: Mapping[str, int]
) -> dict[str, dict[str, Line]]:
    """What each of these days' bulletins must say, listing by listing. The days are all that were closed, in order."""
    closes_fen = dict(first_reference_fen)
    volumes, turnovers = dict.fromkeys(closes_fen, 0), dict.fromkeys(closes_fen, 0)
    expected: dict[str, dict[str, Line]] = {}
    for day in days:
        expected[day] = {}
        for listing, before_fen in sorted(closes_fen.items()):
            of_day, negotiated = (
                [
                    trade
                    for trade in trades
                    if (trade.trading_day, trade.listing, trade.method) == (day, listing, method)
                    and trade.counts
                ]
                for method in ("listed", "negotiated")
            )
            tonnes = sum(trade.tonnes for trade in of_day)
            turnover_fen = sum(trade.tonnes * trade.price_fen for trade in of_day)
            negotiated_tonnes = sum(trade.tonnes for trade in negotiated)
            negotiated_fen = sum(trade.tonnes * trade.price_fen for trade in negotiated)
            volumes[listing] += tonnes + negotiated_tonnes
            turnovers[listing] += turnover_fen + negotiated_fen
            if tonnes > THRESHOLD_TONNES:
                closes_fen[listing] = (2 * turnover_fen + tonnes) // (2 * tonnes)
            expected[day][listing] = Line(
                open=of_day[0].price_fen if of_day else None,
                high=max((trade.price_fen for trade in of_day), default=None),
                low=min((trade.price_fen for trade in of_day), default=None),
                close=closes_fen[listing],
                change=closes_fen[listing] - before_fen,
                listed_volume=tonnes,
                listed_turnover=turnover_fen,
                negotiated_volume=negotiated_tonnes,
                negotiated_turnover=negotiated_fen,
                cumulative_volume=volumes[listing],
                cumulative_turnover=turnovers[listing],
            )
    return expected


def expected_weeks(days: Mapping[str, Mapping[str, Line]]) -> dict[tuple[str, str], dict[str, Line]]:
    """The same of weeks, by their first and last trading day."""
    weeks: dict[tuple[int, int], list[str]] = {}
    for day in days:
        year, week, _ = date.fromisoformat(day).isocalendar()
        weeks.setdefault((year, week), []).append(day)
    return {(of[0], of[-1]): _week([days[day] for day in of]) for of in weeks.values()}


def _week(days: Sequence[Mapping[str, Line]]) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for listing, last in days[-1].items():
        of = [day[listing] for day in days]
        lines[listing] = Line(
            open=next((line.open for line in of if line.open is not None), None),
            high=max((line.high for line in of if line.high is not None), default=None),
            low=min((line.low for line in of if line.low is not None), default=None),
            close=last.close,
            change=sum(line.change for line in of),
            listed_volume=sum(line.listed_volume for line in of),
            listed_turnover=sum(line.listed_turnover for line in of),
            negotiated_volume=sum(line.negotiated_volume for line in of),
            negotiated_turnover=sum(line.negotiated_turnover for line in of),
            cumulative_volume=last.cumulative_volume,
            cumulative_turnover=last.cumulative_turnover,
        )
    return lines


async def bulletins_are_true(reader: Client, days: Mapping[str, Mapping[str, Line]]) -> int:
    """All that is published of days, weeks, and each day by itself is what the trades say; how many bulletins."""
    span = f"from={LONG_AGO}&to={LONG_HENCE}"
    daily = (await reader.get(f"/v1/bulletins?{span}"))["items"]
    assert [(item["from"], item["date"]) for item in daily] == [(day, day) for day in days]
    for item in daily:
        _is(item, days[item["date"]])
        assert await reader.get(f"/v1/bulletins/{item['date']}") == item
    weeks = expected_weeks(days)
    weekly = (await reader.get(f"/v1/bulletins?{span}&period=week"))["items"]
    assert [(item["from"], item["date"]) for item in weekly] == list(weeks)
    for item in weekly:
        _is(item, weeks[item["from"], item["date"]])
    return len(daily) + len(weekly)


def _is(bulletin: Mapping[str, Any], lines: Mapping[str, Line]) -> None:
    told = {line["listing"]: _line(line) for line in bulletin["listings"]}
    assert told == lines, f"{bulletin['date']}: published {told}, the trades say {lines}"


def _line(body: Mapping[str, Any]) -> Line:
    def fen(name: str) -> int | None:
        return None if body[name] is None else _signed_fen(body[name])

    return Line(
        open=fen("open"),
        high=fen("high"),
        low=fen("low"),
        close=_signed_fen(body["close"]),
        change=_signed_fen(body["change"]),
        listed_volume=int(body["listed_volume"]),
        listed_turnover=_signed_fen(body["listed_turnover"]),
        negotiated_volume=int(body["negotiated_volume"]),
        negotiated_turnover=_signed_fen(body["negotiated_turnover"]),
        cumulative_volume=int(body["cumulative_volume"]),
        cumulative_turnover=_signed_fen(body["cumulative_turnover"]),
    )


def _signed_fen(text: str) -> int:
    return -parse_money(text[1:]) if text.startswith("-") else parse_money(text)


# ---- statements ---------------------------------------------------------------------------------------------------


async def statements_follow_on(owners: Iterable[Client], days: Sequence[str]) -> int:
    """Each account has one statement of each day, which adds up and begins with what the one before ended; how many."""
    read = 0
    for owner in owners:
        account = owner.owner.account
        before: dict[str, Any] | None = None
        for day in days:
            told = await owner.get(f"/v1/account/statements/{day}")
            assert (told["account"], told["trading_day"]) == (account, day)
            _adds_up(told)
            if before is not None:
                assert told["opening"] == before["closing"], f"{account}, {day}"
                assert told["first_entry"] == before["last_entry"] + 1
            before = told
            read += 1
    return read


def _adds_up(told: Mapping[str, Any]) -> None:
    cash_fen = parse_money(told["opening"]["cash"])
    tonnes = {code: int(text) for code, text in told["opening"]["units"].items()}
    fees_fen = 0
    for line in told["settled"]:
        cash_fen += _signed_fen(line["amount"])
        if line["kind"] == "fee":
            fees_fen -= _signed_fen(line["amount"])
        if line["listing"] is not None:
            tonnes[line["listing"]] = tonnes.get(line["listing"], 0) + int(line["quantity"])
    assert cash_fen == parse_money(told["closing"]["cash"]), told
    assert fees_fen == parse_money(told["fees"]), told
    owned = {code: int(text) for code, text in told["closing"]["units"].items()}
    assert {code: many for code, many in tonnes.items() if many} == owned, told
    in_lots: dict[str, int] = {}
    for lot in told["lots"]:
        in_lots[lot["listing"]] = in_lots.get(lot["listing"], 0) + sum(
            end - first for first, end in lot["serials"]
        )
    assert in_lots == owned, told
