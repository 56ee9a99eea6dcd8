"""The rule book: every parameter of trading as dated data with its source. None of them is a constant.

A change names a parameter, perhaps a listing, a value, the instant from which it holds, who says so and how sure
that is. What is in force at an instant is, for each parameter, the change with the latest effective time not after
it; among equals the one adopted last; a listing's own value before the market's. Nothing is ever taken out, so the
rules of any past moment can be asked for, and a replay judges each order by the rules of its own moment.
"""

import re
from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from matching import rejections
from matching.negotiated_rules import BandTier, NegotiatedReference, NegotiatedReview, parse_tiers
from matching.order import MILLION
from matching.session import Period, parse_hours
from settlement.account import ParticipantKind
from settlement.channels import Channels, parse_channels
from settlement.claim import CorrectionPolicy
from settlement.rejections import Rejection
from settlement.values import AssetCode

RuleValue: TypeAlias = int | str
"""As adopted: a whole number in the unit the parameter's name ends in, or a text."""


class Certainty(StrEnum):
    """How sure a value is."""

    OFFICIAL = "official"
    """Read in an official text about this market."""
    NEIGHBOUR = "neighbour"
    """Official for a neighbouring market or an earlier time; taken over."""
    CONFLICTING = "conflicting"
    """Official sources contradict each other; one was chosen, and its source names the other."""
    ASSUMED = "assumed"
    """Recalled or judged; to be confirmed by the exchange."""
    DEMONSTRATION = "demonstration"
    """Made up for a demonstration market."""


class BandRounding(StrEnum):
    """What happens to a band edge that is not on a tick."""

    HALF_UP = "half_up"
    INWARD = "inward"


class SelfTrade(StrEnum):
    """What happens when an incoming order would meet one of the same beneficial owner."""

    REJECT_INCOMING = "reject_incoming"
    CANCEL_RESTING = "cancel_resting"


class ClosingMethod(StrEnum):
    """What the closing price is made of."""

    AVERAGE = "average"
    """The volume-weighted average of all listed trades of the day."""
    LAST_FIVE = "last_five"
    """The volume-weighted average of the last five listed trades, or of all when there are fewer."""


class SettlementCycle(StrEnum):
    """When the registry is asked to deliver."""

    END_OF_DAY = "end_of_day"
    AS_TRADED = "as_traded"


class MatchingMode(StrEnum):
    """How orders meet."""

    PRICE_TIME = "price_time"


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleChange:
    """One dated value."""

    parameter: str
    value: RuleValue
    effective_from_ns: int
    source: str
    certainty: Certainty
    listing: AssetCode | None = None
    """Only for this listing; the whole market when absent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The values in force for one listing (or the market) at one moment."""

    hours: tuple[Period, ...]
    close_by_clock: bool
    matching_mode: MatchingMode
    tick_fen: int
    lot_tonnes: int
    listed_min_tonnes: int
    listed_max_tonnes: int
    band_basis_points: int
    band_rounding: BandRounding
    self_trade: SelfTrade
    closing_method: ClosingMethod
    close_threshold_tonnes: int
    settlement_cycle: SettlementCycle
    resale_next_day: bool
    """Whether units bought today are not for sale today (T+1)."""
    participant_kinds: tuple[ParticipantKind, ...]
    """Who may place orders."""
    position_limits: tuple[tuple[ParticipantKind, int], ...]
    """The most a participant of a kind may own and be buying, in tonnes; a kind not named has no limit."""
    large_holder_alerts: tuple[tuple[ParticipantKind, int], ...]
    """From which position on a purchase is reported to the supervisor, in tonnes."""
    fee_buyer_ppm: int
    """The buyer's fee, in millionths of a trade's amount, rounded down to the fen."""
    fee_seller_ppm: int
    """The seller's fee, likewise, paid out of the amount."""
    negotiated_min_tonnes: int
    negotiated_band_tiers: tuple[BandTier, ...]
    """The band of a negotiated transfer's price, by its size."""
    negotiated_reference: NegotiatedReference
    negotiated_open_offers: bool
    """Whether a negotiated transfer may be offered to everyone."""
    negotiated_review: NegotiatedReview
    negotiated_max_filed: int
    """For how many transfers an account may have cover held at once."""
    negotiated_max_rounds: int
    """How often terms may be made in one negotiation, the filing included."""
    notice_s: int
    """How long before it takes effect a change must have been adopted, emergencies apart."""
    two_person_acts: tuple[str, ...]
    """Operators' acts that need a second person."""
    transfers_until: int | None
    """Second of the trading day from which no transfer in or out is taken; none when they always are."""
    correction_policy: CorrectionPolicy
    """What becomes of corrected units that were sold meanwhile (Measures 2023, Art. 22)."""
    depth_levels: int
    registry_patience_s: int
    use_channels: Channels
    """What units of each class may be used for."""
    use_withdrawal_s: int
    """How long a use can be withdrawn before the registry is asked for it."""


LONGEST_S: Final = 366 * 86_400
"""No span of time is longer: a slip of the pen must not put off every later change of the rules for good."""

_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)

_KIND_AND_TONNES: Final = re.compile(r"([a-z_]+) (\d{1,12})", re.ASCII)


def _whole(least: int) -> Callable[[RuleValue], int]:
    def parse(value: RuleValue) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"a whole number, {least} at least")
        return value

    return parse


def _seconds(least: int) -> Callable[[RuleValue], int]:
    whole = _whole(least)

    def parse(value: RuleValue) -> int:
        if whole(value) > LONGEST_S:
            raise ValueError(f"a year, {LONGEST_S} seconds, at most")
        return whole(value)

    return parse


def _ppm(value: RuleValue) -> int:
    ppm = _whole(0)(value)
    if ppm > MILLION:
        raise ValueError(f"millionths, {MILLION} at most")
    return ppm


def _yes_or_no(value: RuleValue) -> bool:
    if value not in ("yes", "no"):
        raise ValueError("yes or no")
    return value == "yes"


def _one_of(kind: type[StrEnum]) -> Callable[[RuleValue], StrEnum]:
    def parse(value: RuleValue) -> StrEnum:
        return kind(str(value))

    return parse


def _hours(value: RuleValue) -> tuple[Period, ...]:
    return parse_hours(str(value))


def _time_of_day(value: RuleValue) -> int | None:
    if value == "none":
        return None
    found = _TIME.fullmatch(str(value))
    if found is None:
        raise ValueError("`none`, or a time of day: 15:00")
    return int(found[1]) * 3_600 + int(found[2]) * 60


def _kinds(value: RuleValue) -> tuple[ParticipantKind, ...]:
    return tuple(ParticipantKind(name.strip()) for name in str(value).split(","))


def _by_kind(value: RuleValue) -> tuple[tuple[ParticipantKind, int], ...]:
    limits: list[tuple[ParticipantKind, int]] = []
    for part in str(value).split(";"):
        if part.strip() in ("", "none"):
            continue
        found = _KIND_AND_TONNES.fullmatch(part.strip())
        if found is None:
            raise ValueError("`none`, or kinds with whole tonnes: institution 1000000; individual 5000")
        limits.append((ParticipantKind(found[1]), int(found[2])))
    return tuple(limits)


def _channels(value: RuleValue) -> Channels:
    return parse_channels(str(value))


def _tiers(value: RuleValue) -> tuple[BandTier, ...]:
    return parse_tiers(str(value))


def _acts(value: RuleValue) -> tuple[str, ...]:
    names = tuple(name.strip() for name in str(value).split(",") if name.strip() not in ("", "none"))
    unknown = [name for name in names if name not in EXCEPTIONAL_ACTS]
    if unknown:
        raise ValueError(f"no such act: {unknown[0]}")
    return names


EXCEPTIONAL_ACTS: Final = (
    "halt",
    "resume",
    "restrict_account",
    "lift_restriction",
    "bust_trade",
    "emergency_rules",
    "place_freeze",
    "lift_freeze",
    "decide_claim",
    "resolve_break",
    "retry_deliveries",
    "unwind_delivery",
    "review_negotiated",
)
"""Operators' acts outside the ordinary course of a day. Each needs a reason, and a second person if the book says."""

PARAMETERS: Final[dict[str, Callable[[RuleValue], object]]] = {
    "hours": _hours,
    "close_by_clock": _yes_or_no,
    "matching_mode": _one_of(MatchingMode),
    "tick_fen": _whole(1),
    "lot_tonnes": _whole(1),
    "listed_min_tonnes": _whole(1),
    "listed_max_tonnes": _whole(1),
    "band_basis_points": _whole(0),
    "band_rounding": _one_of(BandRounding),
    "self_trade": _one_of(SelfTrade),
    "closing_method": _one_of(ClosingMethod),
    "close_threshold_tonnes": _whole(0),
    "settlement_cycle": _one_of(SettlementCycle),
    "resale_next_day": _yes_or_no,
    "participant_kinds": _kinds,
    "position_limits": _by_kind,
    "large_holder_alerts": _by_kind,
    "fee_buyer_ppm": _ppm,
    "fee_seller_ppm": _ppm,
    "negotiated_min_tonnes": _whole(1),
    "negotiated_band_tiers": _tiers,
    "negotiated_reference": _one_of(NegotiatedReference),
    "negotiated_open_offers": _yes_or_no,
    "negotiated_review": _one_of(NegotiatedReview),
    "negotiated_max_filed": _whole(1),
    "negotiated_max_rounds": _whole(1),
    "notice_s": _seconds(0),
    "two_person_acts": _acts,
    "transfers_until": _time_of_day,
    "correction_policy": _one_of(CorrectionPolicy),
    "depth_levels": _whole(1),
    "registry_patience_s": _seconds(1),
    "use_channels": _channels,
    "use_withdrawal_s": _seconds(0),
}
"""Every parameter and how its value is read; reading raises ValueError for a value that cannot be meant."""

MARKET_WIDE: Final = frozenset(
    {
        "hours",
        "close_by_clock",
        "registry_patience_s",
        "notice_s",
        "two_person_acts",
        "negotiated_max_filed",
        "transfers_until",
        "correction_policy",
        "use_channels",
        "use_withdrawal_s",
    }
)
"""Parameters that a single listing cannot have its own value of."""


class RuleBook:
    """All changes ever adopted, and what they amount to at a moment."""

    __slots__ = ("_by_parameter", "changes", "version")

    def __init__(self) -> None:
        """An empty book. It must be complete before the first day opens."""
        self.changes: list[RuleChange] = []
        self.version = 0
        self._by_parameter: dict[tuple[str, AssetCode | None], list[tuple[int, int, RuleValue]]] = {}

    def adopt(self, changes: tuple[RuleChange, ...]) -> None:
        """Enter changes that `fault_of` has found no fault with, as one version."""
        self.version += 1
        for change in changes:
            entry = (change.effective_from_ns, len(self.changes), change.value)
            insort(
                self._by_parameter.setdefault((change.parameter, change.listing), []),
                entry,
                key=lambda e: e[:2],
            )
            self.changes.append(change)

    def in_force(self, at_ns: int, listing: AssetCode | None = None) -> Rules:
        """The values for a listing, or the market, at that moment. Raises KeyError when one was never adopted."""
        values: dict[str, object] = {}
        for name, parse in PARAMETERS.items():
            change = self.change_in_force(name, at_ns, listing)
            if change is None:
                raise KeyError(name)
            values[name] = parse(change.value)
        return Rules(**values)  # type: ignore[arg-type] # PARAMETERS is Rules' fields with their parsers; a test says so

    def change_in_force(
        self, parameter: str, at_ns: int, listing: AssetCode | None = None
    ) -> RuleChange | None:
        """Which change decides a parameter at that moment; none when it was never adopted."""
        for scope in (listing, None) if listing is not None else (None,):
            decided = None
            for effective_from_ns, index, _ in self._by_parameter.get((parameter, scope), ()):
                if effective_from_ns > at_ns:
                    break
                decided = index
            if decided is not None:
                return self.changes[decided]
        return None

    def next_change_ns(self, after_ns: int) -> int | None:
        """The first instant after that one at which any value changes."""
        return min(
            (entry[0] for entries in self._by_parameter.values() for entry in entries if entry[0] > after_ns),
            default=None,
        )

    def missing(self, at_ns: int) -> Iterator[str]:
        """Parameters without a market-wide value at that moment."""
        return (name for name in PARAMETERS if self.change_in_force(name, at_ns) is None)


def fault_of(change: RuleChange) -> str | None:
    """What is wrong with a change by itself: unknown parameter, unreadable value, not for one listing. None if sound."""
    parse = PARAMETERS.get(change.parameter)
    if parse is None:
        return f"no parameter {change.parameter}"
    if change.listing is not None and change.parameter in MARKET_WIDE:
        return f"{change.parameter} is the same for the whole market"
    try:
        parse(change.value)
    except ValueError as error:
        return f"{change.parameter}: {error}"
    return None


def refuse_changes(changes: tuple[RuleChange, ...], earliest_ns: int) -> Rejection | None:
    """Why these changes cannot be adopted: the first that has a fault, or would take effect before `earliest_ns`."""
    for change in changes:
        fault = fault_of(change)
        if fault is not None:
            return rejections.RULE_FAULTY.because(actual=fault)
        if change.effective_from_ns < earliest_ns:
            return rejections.RULE_BACKDATED.because(limit=earliest_ns, actual=change.effective_from_ns)
    return None
