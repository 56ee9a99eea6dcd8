"""The rule book: every parameter of trading as dated data with its source. None of them is a constant.

A change names a parameter, perhaps a listing, a value, the instant from which it holds, who says so and how sure
that is. What is in force at an instant is, for each parameter, the change with the latest effective time not after
it; among equals the one adopted last; a listing's own value before the market's. Nothing is ever taken out, so the
rules of any past moment can be asked for, and a replay judges each order by the rules of its own moment.
"""

from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from matching import rejections, rule_values
from matching.fees import NO_FEE, FeePayer, FeeTerms
from matching.negotiated_rules import BandTier, NegotiatedReference, NegotiatedReview
from matching.order import Side
from matching.rule_values import RuleValue
from matching.session import Period
from settlement.account import ParticipantKind
from settlement.channels import Channels
from settlement.claim import CorrectionPolicy
from settlement.rejections import Rejection
from settlement.values import AssetCode


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


class SaleProceeds(StrEnum):
    """From when on an account may buy with what it has sold for. It leaves the exchange only when settled, ever."""

    WHEN_SETTLED = "when_settled"
    WHEN_TRADED = "when_traded"


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
    sale_proceeds: SaleProceeds
    """From when on a seller may buy with what a trade made under these rules brings in."""
    participant_kinds: tuple[ParticipantKind, ...]
    """Who may place orders."""
    position_limits: tuple[tuple[ParticipantKind, int], ...]
    """The most a participant of a kind may own and be buying, in tonnes; a kind not named has no limit."""
    large_holder_alerts: tuple[tuple[ParticipantKind, int], ...]
    """From which position on a purchase is reported to the supervisor, in tonnes."""
    fee_payer: FeePayer
    """Which sides pay what is entered for them."""
    fee_buyer_ppm: int
    """The buyer's fee, in millionths of its order's turnover, rounded down to the fen."""
    fee_buyer_minimum_fen: int
    """The least an order pays that has traded."""
    fee_buyer_cap_fen: int | None
    """The most an order pays."""
    fee_seller_ppm: int
    """The seller's fee, likewise, paid out of the proceeds."""
    fee_seller_minimum_fen: int
    fee_seller_cap_fen: int | None
    settlement_account: str | None
    """The exchange's account at the settlement bank, whose statements are held against what is booked."""
    retention_years: int
    """How long what is journaled, rejected orders included, has to be kept. Nothing here deletes any of it, ever."""
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
    mandate_kinds: tuple[ParticipantKind, ...]
    """Who may act for others' accounts (Measures 2023, Art. 30)."""
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

    def fee_terms(self, side: Side) -> FeeTerms:
        """What an order of that side pays that is accepted under these rules."""
        if side is Side.BUY:
            payer, ppm = FeePayer.BUYER, self.fee_buyer_ppm
            minimum_fen, cap_fen = self.fee_buyer_minimum_fen, self.fee_buyer_cap_fen
        else:
            payer, ppm = FeePayer.SELLER, self.fee_seller_ppm
            minimum_fen, cap_fen = self.fee_seller_minimum_fen, self.fee_seller_cap_fen
        if self.fee_payer not in (FeePayer.BOTH, payer):
            return NO_FEE
        return FeeTerms(ppm=ppm, minimum_fen=minimum_fen, cap_fen=cap_fen)


PARAMETERS: Final[dict[str, Callable[[RuleValue], object]]] = {
    "hours": rule_values.hours,
    "close_by_clock": rule_values.yes_or_no,
    "matching_mode": rule_values.one_of(MatchingMode),
    "tick_fen": rule_values.whole(1),
    "lot_tonnes": rule_values.whole(1),
    "listed_min_tonnes": rule_values.whole(1),
    "listed_max_tonnes": rule_values.whole(1),
    "band_basis_points": rule_values.whole(0),
    "band_rounding": rule_values.one_of(BandRounding),
    "self_trade": rule_values.one_of(SelfTrade),
    "closing_method": rule_values.one_of(ClosingMethod),
    "close_threshold_tonnes": rule_values.whole(0),
    "settlement_cycle": rule_values.one_of(SettlementCycle),
    "resale_next_day": rule_values.yes_or_no,
    "sale_proceeds": rule_values.one_of(SaleProceeds),
    "participant_kinds": rule_values.kinds,
    "position_limits": rule_values.tonnes_by_kind,
    "large_holder_alerts": rule_values.tonnes_by_kind,
    "fee_payer": rule_values.one_of(FeePayer),
    "fee_buyer_ppm": rule_values.millionths,
    "fee_buyer_minimum_fen": rule_values.whole(0),
    "fee_buyer_cap_fen": rule_values.money_cap,
    "fee_seller_ppm": rule_values.millionths,
    "fee_seller_minimum_fen": rule_values.whole(0),
    "fee_seller_cap_fen": rule_values.money_cap,
    "settlement_account": rule_values.bank_account,
    "retention_years": rule_values.whole(1),
    "negotiated_min_tonnes": rule_values.whole(1),
    "negotiated_band_tiers": rule_values.tiers,
    "negotiated_reference": rule_values.one_of(NegotiatedReference),
    "negotiated_open_offers": rule_values.yes_or_no,
    "negotiated_review": rule_values.one_of(NegotiatedReview),
    "negotiated_max_filed": rule_values.whole(1),
    "negotiated_max_rounds": rule_values.whole(1),
    "notice_s": rule_values.seconds(0),
    "two_person_acts": rule_values.acts,
    "mandate_kinds": rule_values.kinds,
    "transfers_until": rule_values.time_of_day,
    "correction_policy": rule_values.one_of(CorrectionPolicy),
    "depth_levels": rule_values.whole(1),
    "registry_patience_s": rule_values.seconds(1),
    "use_channels": rule_values.channels,
    "use_withdrawal_s": rule_values.seconds(0),
}
"""Every parameter and how its value is read; reading raises ValueError for a value that cannot be meant."""

MARKET_WIDE: Final = frozenset(
    {
        "hours",
        "close_by_clock",
        "registry_patience_s",
        "settlement_account",
        "retention_years",
        "notice_s",
        "two_person_acts",
        "mandate_kinds",
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
