"""The trading day: which day it is, which phase the clock says, and when that may next change.

Where the rule book says `close_by_clock`, a day is its calendar date: it opens at its first period and begins to
close after its last, late if need be, without anybody asking. Where it does not, the day is a label that the
operator rolls by closing it, and its hours repeat every calendar date until then.
"""

from matching.calendar import Calendar, day_of, following, midnight_ns, second_of_day
from matching.rulebook import Rules
from matching.session import DAY_S, NEGOTIATED_PHASES, NS, Phase, next_change_s, phase_at
from settlement.values import TradingDay


def phase_of(trading_day: TradingDay, rules: Rules, at_ns: int) -> Phase:
    """The phase of an open trading day at that instant."""
    if not rules.close_by_clock:
        phase = phase_at(rules.hours, second_of_day(at_ns))
        return Phase.CLOSED if phase is Phase.CLOSING else phase
    today = day_of(at_ns)
    if today < trading_day:
        return Phase.CLOSED
    return Phase.CLOSING if today > trading_day else phase_at(rules.hours, second_of_day(at_ns))


def next_phase_ns(trading_day: TradingDay, rules: Rules, at_ns: int) -> int:
    """The first instant after that one at which the phase may be another."""
    today = day_of(at_ns)
    if rules.close_by_clock and today < trading_day:
        return midnight_ns(trading_day)
    edge_s = next_change_s(rules.hours, second_of_day(at_ns))
    return midnight_ns(following(today)) if edge_s is None else midnight_ns(today) + edge_s * NS


def negotiation_ends_ns(trading_day: TradingDay, rules: Rules, at_ns: int) -> int | None:
    """When negotiation next ceases, by these rules; None when it goes on for a whole day."""
    edge_ns = next_phase_ns(trading_day, rules, at_ns)
    while edge_ns <= at_ns + DAY_S * NS:
        if phase_of(trading_day, rules, edge_ns) not in NEGOTIATED_PHASES:
            return edge_ns
        edge_ns = next_phase_ns(trading_day, rules, edge_ns)
    return None


def day_after(trading_day: TradingDay, calendar: Calendar, rules: Rules, at_ns: int) -> TradingDay | None:
    """The trading day that follows, skipping those that went by while this one had not closed; None if unannounced."""
    earliest = following(trading_day)
    if rules.close_by_clock:
        earliest = max(earliest, day_of(at_ns))
    return calendar.next_trading_day(earliest)
