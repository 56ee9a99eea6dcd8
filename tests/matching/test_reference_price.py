"""Bands and closing prices against exact fractions."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.day_prices import DayPrices, Print
from matching.reference_price import band_around, closing_price, half_up
from matching.rulebook import BandRounding, ClosingMethod, RuleBook, Rules
from settlement.values import TradeId
from tests.matching.driver import RULES, change

_BOOK = RuleBook()
_BOOK.adopt(tuple(change(name, value) for name, value in RULES.items()))
PLAIN = _BOOK.in_force(0)

FEN = st.integers(1, 10**7)
TICKS = st.sampled_from([1, 5, 10, 100])


def rules(
    tick_fen: int = 1,
    basis_points: int = 1_000,
    rounding: BandRounding = BandRounding.HALF_UP,
    threshold_tonnes: int = 100,
) -> Rules:
    return replace(
        PLAIN,
        tick_fen=tick_fen,
        band_basis_points=basis_points,
        band_rounding=rounding,
        close_threshold_tonnes=threshold_tonnes,
    )


def day_of(trades: Iterable[tuple[int, int]]) -> DayPrices:
    """What these trades (price in fen, tonnes) make of a day, numbered 1, 2, 3 …"""
    return DayPrices(
        tuple(
            Print(trade_id=TradeId(number), price_fen=price_fen, quantity_tonnes=tonnes)
            for number, (price_fen, tonnes) in enumerate(trades, 1)
        )
    )


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_half_up_is_the_floor_of_the_fraction_and_a_half(numerator: int, denominator: int) -> None:
    assert half_up(numerator, denominator) == floor(Fraction(numerator, denominator) + Fraction(1, 2))


@pytest.mark.parametrize(
    ("numerator", "rounded"), [(0, 0), (4, 0), (5, 1), (14, 1), (15, 2), (16, 2), (25, 3)]
)
def test_a_half_goes_up(numerator: int, rounded: int) -> None:
    assert half_up(numerator, 10) == rounded


@given(FEN, st.integers(0, 12_000), TICKS)
def test_a_band_rounded_half_up_is_the_nearest_tick_to_the_exact_edge(
    reference: int, points: int, tick: int
) -> None:
    band = band_around(reference, rules(tick, points))
    for edge, share in ((band.lower_fen, 10_000 - points), (band.upper_fen, 10_000 + points)):
        exact = Fraction(reference * share, 10_000 * tick)
        assert edge == max(floor(exact + Fraction(1, 2)), 1) * tick


@given(FEN, st.integers(0, 12_000), TICKS)
def test_a_band_rounded_inward_never_reaches_outside_the_exact_edge(
    reference: int, points: int, tick: int
) -> None:
    band = band_around(reference, rules(tick, points, BandRounding.INWARD))
    below, above = (Fraction(reference * (10_000 + sign * points), 10_000 * tick) for sign in (-1, 1))
    lowest = max(ceil(below), 1)
    assert band.lower_fen == lowest * tick
    # Where no tick lies within, the first above the lower edge remains: a band is never empty.
    assert band.upper_fen == max(floor(above), lowest) * tick


@pytest.mark.parametrize(
    ("reference", "tick", "rounding", "edges"),
    [
        (6_800, 1, BandRounding.HALF_UP, (6_120, 7_480)),
        (4_800, 1, BandRounding.HALF_UP, (4_320, 5_280)),  # the national market's first day, 48 yuan
        (6_805, 1, BandRounding.HALF_UP, (6_125, 7_486)),  # 6124.5 and 7485.5: both halves go up
        (6_805, 1, BandRounding.INWARD, (6_125, 7_485)),
        (6_800, 5, BandRounding.HALF_UP, (6_120, 7_480)),
        (6_801, 5, BandRounding.HALF_UP, (6_120, 7_480)),
        (6_804, 5, BandRounding.INWARD, (6_125, 7_480)),
        (1, 1, BandRounding.HALF_UP, (1, 1)),
        (3, 5, BandRounding.HALF_UP, (5, 5)),
    ],
)
def test_worked_bands(reference: int, tick: int, rounding: BandRounding, edges: tuple[int, int]) -> None:
    band = band_around(reference, rules(tick, rounding=rounding))
    assert (band.reference_fen, (band.lower_fen, band.upper_fen)) == (reference, edges)


TRADES = st.lists(st.tuples(st.integers(1, 2_000), st.integers(1, 500)), min_size=1, max_size=20)


@given(TRADES, TICKS, st.integers(0, 3_000))
def test_a_close_is_the_average_to_the_tick_or_the_previous_one(
    trades: list[tuple[int, int]], tick: int, threshold: int
) -> None:
    volume = sum(tonnes for _, tonnes in trades)
    turnover = sum(ticks * tick * tonnes for ticks, tonnes in trades)
    prices = day_of((ticks * tick, tonnes) for ticks, tonnes in trades)
    close = closing_price(prices, 6_800, rules(tick, threshold_tonnes=threshold))
    average = Fraction(turnover, volume)
    assert close == (floor(average / tick + Fraction(1, 2)) * tick if volume > threshold else 6_800)


@pytest.mark.parametrize(("volume", "close"), [(0, 6_800), (99, 6_800), (100, 6_800), (101, 7_000)])
def test_the_threshold_itself_is_still_too_little(volume: int, close: int) -> None:
    trades = [(7_000, volume)] if volume else []
    assert closing_price(day_of(trades), 6_800, rules()) == close


def test_an_average_between_two_ticks_goes_half_up() -> None:
    # 100 t at 68.00 and 100 t at 68.01: 68.005, to 68.01. With a tick of 5 fen: 68.00.
    prices = day_of([(6_800, 100), (6_801, 100)])
    assert closing_price(prices, 1, rules()) == 6_801
    assert closing_price(prices, 1, rules(tick_fen=5)) == 6_800


def test_a_close_is_never_nothing() -> None:
    # Traded at 1 fen before the tick became 10 fen.
    assert closing_price(day_of([(1, 200)]), 6_800, rules(tick_fen=10)) == 10


@given(TRADES, st.integers(0, 500))
def test_by_the_last_five_older_trades_count_for_the_threshold_only(
    trades: list[tuple[int, int]], threshold: int
) -> None:
    volume = sum(tonnes for _, tonnes in trades)
    last = trades[-5:]
    average = Fraction(sum(fen * tonnes for fen, tonnes in last), sum(tonnes for _, tonnes in last))
    by_five = replace(rules(threshold_tonnes=threshold), closing_method=ClosingMethod.LAST_FIVE)
    expected = floor(average + Fraction(1, 2)) if volume > threshold else 6_800
    assert closing_price(day_of(trades), 6_800, by_five) == expected


@pytest.mark.parametrize(
    ("prices_fen", "close"),
    [
        ((7_000,), 7_000),
        ((7_000, 7_100, 7_200, 7_300), 7_150),  # fewer than five: all of them
        ((7_000, 7_100, 7_200, 7_300, 7_400), 7_200),  # exactly five
        ((9_000, 7_000, 7_100, 7_200, 7_300, 7_400), 7_200),  # the first of six is too old
    ],
)
def test_the_last_five_are_five_trades_or_all_there_are(prices_fen: tuple[int, ...], close: int) -> None:
    by_five = replace(rules(threshold_tonnes=0), closing_method=ClosingMethod.LAST_FIVE)
    assert closing_price(day_of((fen, 10) for fen in prices_fen), 6_800, by_five) == close


def test_without_a_busted_trade_the_last_five_are_five_others() -> None:
    prices = day_of((fen, 10) for fen in (9_000, 7_000, 7_100, 7_200, 7_300, 7_400))
    by_five = replace(rules(threshold_tonnes=0), closing_method=ClosingMethod.LAST_FIVE)
    assert closing_price(prices.without(TradeId(4)), 6_800, by_five) == 7_560


@given(TRADES, st.integers(1, 20))
def test_a_day_without_a_trade_is_the_day_on_which_it_was_never_made(
    trades: list[tuple[int, int]], gone: int
) -> None:
    without = day_of(trades).without(TradeId(gone))
    plain = [trade for number, trade in enumerate(trades, 1) if number != gone]
    fen = [price for price, _ in plain]
    assert (without.open_fen, without.last_fen) == ((fen[0], fen[-1]) if fen else (None, None))
    assert (without.high_fen, without.low_fen) == ((max(fen), min(fen)) if fen else (None, None))
    assert without.volume_tonnes == sum(tonnes for _, tonnes in plain)
    assert without.turnover_fen == sum(price * tonnes for price, tonnes in plain)
