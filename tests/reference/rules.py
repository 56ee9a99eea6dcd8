"""The rule book, the hours and the calendar of the plain market: read from a list, from the start, each time.

Nothing here is taken from the core but the messages themselves, so that an error would have to be made twice.
"""

from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from itertools import pairwise
from math import floor
from unicodedata import category

from matching.calendar import Announcement
from matching.rule_values import RuleValue
from matching.rulebook import RuleChange
from settlement.retirement import Use

SHANGHAI = timezone(timedelta(hours=8))
SECOND_NS = 10**9
PHASES = ("pre_open", "listed", "break", "negotiated", "continuous", "closing", "closed")
LEAST = {
    "tick_fen": 1,
    "lot_tonnes": 1,
    "listed_min_tonnes": 1,
    "listed_max_tonnes": 1,
    "band_basis_points": 0,
    "close_threshold_tonnes": 0,
    "depth_levels": 1,
    "registry_patience_s": 1,
    "notice_s": 0,
    "fee_buyer_ppm": 0,
    "fee_buyer_minimum_fen": 0,
    "fee_seller_ppm": 0,
    "fee_seller_minimum_fen": 0,
    "use_withdrawal_s": 0,
    "retention_years": 1,
    "negotiated_min_tonnes": 1,
    "negotiated_max_filed": 1,
    "negotiated_max_rounds": 1,
}
A_YEAR_S = 366 * 86_400
"""No span of time may be longer."""
MOST = {
    "registry_patience_s": A_YEAR_S,
    "notice_s": A_YEAR_S,
    "use_withdrawal_s": A_YEAR_S,
    "fee_buyer_ppm": 1_000_000,
    "fee_seller_ppm": 1_000_000,
}
CAPS = ("fee_buyer_cap_fen", "fee_seller_cap_fen")
CHOICES = {
    "close_by_clock": ("yes", "no"),
    "matching_mode": ("price_time",),
    "band_rounding": ("half_up", "inward"),
    "self_trade": ("reject_incoming", "cancel_resting"),
    "closing_method": ("average", "last_five"),
    "settlement_cycle": ("end_of_day", "as_traded"),
    "resale_next_day": ("yes", "no"),
    "sale_proceeds": ("when_settled", "when_traded"),
    "fee_payer": ("both", "buyer", "seller"),
    "correction_policy": ("claim_only", "freeze_holder"),
    "negotiated_reference": ("same_day_close", "previous_close"),
    "negotiated_open_offers": ("yes", "no"),
    "negotiated_review": ("off", "without_band", "all"),
}
LISTS = (
    "participant_kinds",
    "position_limits",
    "large_holder_alerts",
    "two_person_acts",
    "mandate_kinds",
    "negotiated_band_tiers",
    "use_channels",
)
PARAMETERS = ("hours", "settlement_account", "transfers_until", *CAPS, *LEAST, *CHOICES, *LISTS)
ONE_FOR_ALL = (
    "retention_years",
    "hours",
    "close_by_clock",
    "registry_patience_s",
    "settlement_account",
    "notice_s",
    "two_person_acts",
    "mandate_kinds",
    "negotiated_max_filed",
    "transfers_until",
    "correction_policy",
    "use_channels",
    "use_withdrawal_s",
)
USES = ("compliance_offset", "voluntary_offset", "voluntary_cancellation", "donation", "damage_compensation")
KINDS = (
    "project_applicant",
    "scenario_applicant",
    "rights_provider",
    "covered_entity",
    "institution",
    "individual",
)
GRAVE_ACTS = (
    *("halt", "resume", "restrict_account", "lift_restriction", "bust_trade", "emergency_rules"),
    *("place_freeze", "lift_freeze", "decide_claim", "resolve_break", "retry_deliveries", "unwind_delivery"),
    "settle_cash_break",
    "supersede_bank_statement",
    "go_on_without_registry",
    "review_negotiated",
    "grant_mandate",
    "kill_switch",
    "lift_kill_switch",
    "issue_key",
    "add_person",
    "reset_person",
    "enable_person",
    "restrict_personal_data",
    "release_personal_data",
)

Terms = dict[str, RuleValue]
"""Every parameter's value at one moment."""


def is_faulty(change: RuleChange) -> bool:
    """Whether a change names no parameter, a value that cannot be meant, or a listing where there is one for all."""
    if change.parameter not in PARAMETERS:
        return True
    if change.listing is not None and change.parameter in ONE_FOR_ALL:
        return True
    if change.parameter == "hours":
        return periods(str(change.value)) is None
    if change.parameter == "settlement_account":
        signs = [" " <= sign <= "~" for sign in str(change.value)]
        return not 0 < len(signs) < 35 or not all(signs)
    if change.parameter in CAPS and change.value == "none":
        return False
    if change.parameter == "transfers_until":
        return seconds_of(change.value) is None and change.value != "none"
    if change.parameter in ("participant_kinds", "mandate_kinds"):
        return any(kind not in KINDS for kind in names(change.value))
    if change.parameter in ("position_limits", "large_holder_alerts"):
        return tonnes_by_kind(change.value) is None
    if change.parameter == "negotiated_band_tiers":
        return tiers(change.value) is None
    if change.parameter == "two_person_acts":
        return any(act not in (*GRAVE_ACTS, "", "none") for act in names(change.value))
    if change.parameter == "use_channels":
        return is_faulty_table(str(change.value))
    if change.parameter in CHOICES:
        return change.value not in CHOICES[change.parameter]
    return (
        isinstance(change.value, bool)
        or not isinstance(change.value, int)
        or change.value < LEAST.get(change.parameter, 0)
        or change.value > MOST.get(change.parameter, change.value)
    )


def seconds_of(value: RuleValue) -> int | None:
    """The second of the day of a time such as 15:00; none for anything else."""
    text = str(value)
    shape = len(text) == 5 and text[2] == ":" and (text[:2] + text[3:]).isdecimal() and text.isascii()
    if not shape or not 0 <= int(text[:2]) < 24 or int(text[3:]) >= 60:
        return None
    return int(text[:2]) * 3_600 + int(text[3:]) * 60


def is_faulty_table(text: str) -> bool:
    """Whether a text is no table of classes and their uses, or lets Class II serve compliance."""
    seen: list[str] = []
    for part in text.split(";"):
        name, colon, listed = part.partition(":")
        uses = [word.strip() for word in listed.split(",") if word.strip()]
        seen.append(name.strip())
        if not colon or name.strip() not in ("I", "II") or any(use not in USES for use in uses):
            return True
        if len(uses) > len(set(uses)) or (name.strip() == "II" and "compliance_offset" in uses):
            return True
    return len(seen) > len(set(seen))


def value_at(changes: list[RuleChange], parameter: str, at_ns: int, listing: str | None) -> RuleValue | None:
    """The latest value in force; among equals the one adopted last; a listing's own before the market's."""
    for scope in (listing, None):
        found: RuleChange | None = None
        for change in changes:
            if change.parameter != parameter or change.listing != scope or change.effective_from_ns > at_ns:
                continue
            if found is None or change.effective_from_ns >= found.effective_from_ns:
                found = change
        if found is not None:
            return found.value
    return None


def terms_at(changes: list[RuleChange], at_ns: int, listing: str | None = None) -> Terms | None:
    """All values in force; None while one is missing."""
    terms: Terms = {}
    for parameter in PARAMETERS:
        value = value_at(changes, parameter, at_ns, listing)
        if value is None:
            return None
        terms[parameter] = value
    return terms


def names(value: RuleValue) -> list[str]:
    """A value that is a list of names."""
    return [name.strip() for name in str(value).split(",")]


def tonnes_by_kind(value: RuleValue) -> list[tuple[str, int]] | None:
    """Kinds of participant, each with its tonnes; None for a text that is no such list."""
    found: list[tuple[str, int]] = []
    for part in str(value).split(";"):
        kind, _, digits = part.strip().partition(" ")
        if part.strip() in ("", "none"):
            continue
        if kind not in KINDS or not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
            return None
        found.append((kind, int(digits)))
    return found


def tiers(value: RuleValue) -> list[tuple[int | None, int | None]] | None:
    """Sizes and how wide the band is below each, `none` for no band; the last without a size. None if it is no list."""
    found: list[tuple[int | None, int | None]] = []
    for part in str(value).split(";"):
        words = part.strip().split(" ")
        if len(words) not in (1, 3) or (len(words) == 3 and words[1] != "below"):
            return None
        digits = [word for word in (words[0], *words[2:]) if word != "none"]
        if not all(word.isascii() and word.isdigit() for word in digits) or len(words[0]) > 5:
            return None
        if words[-1] == "none" and len(words) == 3:
            return None
        width = None if words[0] == "none" else int(words[0])
        size = int(words[2]) if len(words) == 3 and len(words[2]) < 13 else None
        if len(words) == 3 and size is None:
            return None
        found.append((size, width))
    sizes = [size for size, _ in found[:-1]]
    if found[-1][0] is not None or None in sizes:
        return None
    rising = [0, *(size for size in sizes if size is not None)]
    return found if all(after > before for before, after in pairwise(rising)) else None


def tier_of(value: RuleValue, tonnes: int) -> int | None:
    """How wide the band is for that many tonnes; None for none."""
    return next(width for size, width in tiers(value) or [] if size is None or tonnes < size)


def number(terms: Terms, parameter: str) -> int:
    """A value that is a number."""
    value = terms[parameter]
    assert isinstance(value, int)
    return value


def is_use(use: Use) -> bool:
    """Whether a use names somebody, in no more than five hundred characters, each of which can be printed."""
    if not use.beneficiary.split():
        return False
    texts = (use.beneficiary, use.statement)
    return all(len(text) < 501 and not any(unprintable(sign) for sign in text) for text in texts)


def unprintable(sign: str) -> bool:
    """A control, format or private character, half of a pair, or any gap but the plain one."""
    return category(sign)[0] in "CZ" and sign != " "


# ---- prices ---------------------------------------------------------------------------------------------------------


Fee = tuple[int, int, int | None]
"""Millionths of what is turned over, the least and the most an order pays."""

FREE: Fee = (0, 0, None)


def fees_now(terms: Terms, side: str) -> Fee:
    """What an order of that side pays that comes under these terms."""
    who = {"buy": "buyer", "sell": "seller"}[side]
    if terms["fee_payer"] not in ("both", who):
        return FREE
    cap = terms[f"fee_{who}_cap_fen"]
    ppm, least = terms[f"fee_{who}_ppm"], terms[f"fee_{who}_minimum_fen"]
    return int(ppm), int(least), None if cap == "none" else int(cap)


def fee(fen: int, terms: Fee) -> int:
    """On all an order has traded: the share less what is no whole fen, not below the least, not above the most."""
    ppm, least, most = terms
    share = floor(Fraction(fen * ppm, 1_000_000))
    share = max(share, least)
    if most is not None and share > most:
        share = most
    return min(share, fen)


def half_up(value: Fraction) -> int:
    """The nearest whole number; the higher one where two are equally near."""
    return floor(value + Fraction(1, 2))


def band(reference_fen: int, terms: Terms) -> tuple[int, int, int]:
    """Reference, lowest and highest price: the reference less and plus the band, brought to the tick."""
    tick_fen = number(terms, "tick_fen")
    share = Fraction(number(terms, "band_basis_points"), 10_000)
    lower = reference_fen * (1 - share) / tick_fen
    upper = reference_fen * (1 + share) / tick_fen
    if terms["band_rounding"] == "half_up":
        ticks = [half_up(lower), half_up(upper)]
    else:
        ticks = [-floor(-lower), floor(upper)]
    lowest = max(ticks[0], 1)
    return reference_fen, lowest * tick_fen, max(ticks[1], lowest) * tick_fen


def closing_price(trades: list[tuple[int, int]], before_fen: int, terms: Terms) -> int:
    """The average of a day's trades (price, tonnes), or of its last five, to the tick, and one tick at least.

    The close before, when too little was traded all day.
    """
    if sum(tonnes for _, tonnes in trades) <= number(terms, "close_threshold_tonnes"):
        return before_fen
    if terms["closing_method"] == "last_five":
        trades = trades[-5:]
    tick_fen = number(terms, "tick_fen")
    volume = sum(tonnes for _, tonnes in trades)
    average = Fraction(sum(price * tonnes for price, tonnes in trades), volume)
    return max(half_up(average / tick_fen), 1) * tick_fen


# ---- hours ----------------------------------------------------------------------------------------------------------


def periods(text: str) -> list[tuple[str, int, int]] | None:
    """Phase, first second and end of each period; None for a text that is no list of hours."""
    found: list[tuple[str, int, int]] = []
    free_from = 0
    for part in text.split(";"):
        phase, _, span = part.strip().partition(" ")
        edges = [_second(clock) for clock in span.split("-")]
        if phase not in PHASES or len(edges) != 2:
            return None
        begin, end = edges
        if begin is None or end is None or not free_from <= begin < end <= 24 * 3_600:
            return None
        found.append((phase, begin, end))
        free_from = end
    return found


def _second(clock: str) -> int | None:
    hours, colon, minutes = clock.partition(":")
    digits = hours + minutes
    if colon and len(hours) == len(minutes) == 2 and digits.isascii() and digits.isdigit() and minutes < "60":
        return int(hours) * 3_600 + int(minutes) * 60
    return None


def phase_at(trading_day: str, terms: Terms, at_ns: int) -> str:
    """The phase of a trading day at an instant. `closing` says that the close is due."""
    now = datetime.fromtimestamp(at_ns // SECOND_NS, SHANGHAI)
    by_clock = terms["close_by_clock"] == "yes"
    if by_clock and now.date().isoformat() < trading_day:
        return "closed"
    if by_clock and now.date().isoformat() > trading_day:
        return "closing"
    phase = _phase_of_second(
        periods(str(terms["hours"])) or [], now.hour * 3_600 + now.minute * 60 + now.second
    )
    return "closed" if phase == "closing" and not by_clock else phase


def start_of_day_ns(day: str) -> int:
    """The first instant of that date."""
    return int(datetime.fromisoformat(f"{day}T00:00:00+08:00").timestamp()) * SECOND_NS


def end_of_day_ns(day: str) -> int:
    """The last instant of that date."""
    midnight = datetime.fromisoformat(f"{day}T00:00:00+08:00") + timedelta(days=1)
    return int(midnight.timestamp()) * SECOND_NS - 1


def _phase_of_second(hours: list[tuple[str, int, int]], second: int) -> str:
    for phase, begin, end in hours:
        if begin <= second < end:
            return phase
    if second < hours[0][1]:
        return "closed"
    return "closing" if second >= hours[-1][2] else "break"


# ---- calendar -------------------------------------------------------------------------------------------------------


def is_calendar(announcement: Announcement) -> bool:
    """Whether all its days are dates, ascend, and lie in its period, which begins before it ends, and not the world."""
    days = list(announcement.trading_days)
    if announcement.last_day < announcement.first_day or announcement.last_day == "9999-12-31":
        return False
    for day in (announcement.first_day, announcement.last_day, *days):
        try:
            if date.fromisoformat(day).isoformat() != day:
                return False
        except ValueError:
            return False
    if any(later <= earlier for earlier, later in pairwise(days)):
        return False
    return all(announcement.first_day <= day <= announcement.last_day for day in days)


def is_trading_day(announcements: list[Announcement], day: str) -> bool | None:
    """What the last word on that day is; None when there is none."""
    for announcement in reversed(announcements):
        if announcement.first_day <= day <= announcement.last_day:
            return day in announcement.trading_days
    return None


def day_after(announcements: list[Announcement], day: str, terms: Terms, at_ns: int) -> str | None:
    """The next trading day; by the clock, not one that is over. None where the announced days end."""
    candidate = date.fromisoformat(day) + timedelta(days=1)
    if terms["close_by_clock"] == "yes":
        candidate = max(candidate, datetime.fromtimestamp(at_ns // SECOND_NS, SHANGHAI).date())
    while True:
        known = is_trading_day(announcements, candidate.isoformat())
        if known is None:
            return None
        if known:
            return candidate.isoformat()
        candidate += timedelta(days=1)
