"""Reference prices: the band around one, and the close that becomes the next.

Everything is whole fen. A band edge is the reference times one plus or minus the band, brought to the tick as the
rule book says; a closing price is the volume-weighted average of the day's listed trades, rounded half up to the
tick, unless so little was traded that the previous close stands (Guangdong's rule of 2018-07-31: one tiny trade
shall not move the price of a thin market).
"""

from dataclasses import dataclass

from matching.day_prices import DayPrices
from matching.rulebook import BandRounding, ClosingMethod, Rules

_WHOLE_BASIS_POINTS = 10_000

LAST_TRADES = 5
"""How many trades the `last_five` closing price is made of (Hubei's rule)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceBand:
    """The prices a listing may trade at, both ends included, fen per tonne."""

    reference_fen: int
    lower_fen: int
    upper_fen: int


def half_up(numerator: int, denominator: int) -> int:
    """The quotient of whole numbers, rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def band_around(reference_fen: int, rules: Rules, basis_points: int | None = None) -> PriceBand:
    """The band the rules put around a reference price: as wide as for listed trading, unless another width is given.

    It never reaches below one tick, and is never empty: where the tick is wider than the band, the first tick above
    its lower edge remains.
    """
    tick = rules.tick_fen
    width = rules.band_basis_points if basis_points is None else basis_points
    below = reference_fen * (_WHOLE_BASIS_POINTS - width)
    above = reference_fen * (_WHOLE_BASIS_POINTS + width)
    one_tick = tick * _WHOLE_BASIS_POINTS
    if rules.band_rounding is BandRounding.HALF_UP:
        lower, upper = half_up(below, one_tick), half_up(above, one_tick)
    else:
        lower, upper = -(-below // one_tick), above // one_tick
    lower = max(lower, 1)
    return PriceBand(reference_fen=reference_fen, lower_fen=lower * tick, upper_fen=max(upper, lower) * tick)


def closing_price(prices: DayPrices, previous_fen: int, rules: Rules) -> int:
    """The day's closing price by the rule book's method, or the previous close at or below the threshold.

    It is one tick at least, also where the tick has grown since the trades were made.
    """
    if prices.volume_tonnes <= rules.close_threshold_tonnes:
        return previous_fen
    counted = (
        prices.prints[-LAST_TRADES:] if rules.closing_method is ClosingMethod.LAST_FIVE else prices.prints
    )
    turnover_fen = sum(one.price_fen * one.quantity_tonnes for one in counted)
    volume_tonnes = sum(one.quantity_tonnes for one in counted)
    return max(half_up(turnover_fen, volume_tonnes * rules.tick_fen), 1) * rules.tick_fen
