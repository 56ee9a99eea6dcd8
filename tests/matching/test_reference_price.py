"""Bands and closing prices against exact fractions."""

from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.reference_price import band_around, closing_price, half_up
from matching.rulebook import BandRounding, RuleBook, Rules
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
    assert band.lower_fen == max(ceil(below), 1) * tick
    assert band.upper_fen == max(floor(above), 1) * tick


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
    close = closing_price(volume, turnover, 6_800, rules(tick, threshold_tonnes=threshold))
    average = Fraction(turnover, volume)
    assert close == (floor(average / tick + Fraction(1, 2)) * tick if volume > threshold else 6_800)


@pytest.mark.parametrize(("volume", "close"), [(0, 6_800), (99, 6_800), (100, 6_800), (101, 7_000)])
def test_the_threshold_itself_is_still_too_little(volume: int, close: int) -> None:
    assert closing_price(volume, volume * 7_000, 6_800, rules()) == close


def test_an_average_between_two_ticks_goes_half_up() -> None:
    # 100 t at 68.00 and 100 t at 68.01: 68.005, to 68.01. With a tick of 5 fen: 68.00.
    turnover = 100 * 6_800 + 100 * 6_801
    assert closing_price(200, turnover, 1, rules()) == 6_801
    assert closing_price(200, turnover, 1, rules(tick_fen=5)) == 6_800


def test_a_close_is_never_nothing() -> None:
    # Traded at 1 fen before the tick became 10 fen.
    assert closing_price(200, 200, 6_800, rules(tick_fen=10)) == 10
