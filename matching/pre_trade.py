"""What stands between an order and the book: one column of guards, the first that says no is told.

The order of the guards is part of the contract: an order with several faults is always refused for the same one.
A changed order passes the same guards as a new one, for what it would newly need. What an order is judged by is asked
through `Circumstances`: the core answers from its own state, a preview from what readers see, and both get the same
answer from the same guards.
"""

from dataclasses import dataclass
from typing import Protocol

from matching import rejections
from matching.commands import SubmitOrder
from matching.fees import NO_FEE, FeeTerms
from matching.market import ListedMarket
from matching.order import OrderId, Side, cover_fen
from matching.reference_price import PriceBand
from matching.rulebook import Rules, SelfTrade
from matching.safety_rejections import KILL_SWITCH_ON
from matching.session import LISTED_PHASES, Phase
from matching.standing import Standing
from settlement.account import ParticipantKind
from settlement.channels import Channel, allows
from settlement.custody_rejections import ACCOUNT_FROZEN
from settlement.depository import Depository
from settlement.lot import MethodologyClass
from settlement.rejections import (
    INSUFFICIENT_CASH,
    INSUFFICIENT_UNITS,
    USE_MALFORMED,
    USE_OF_A_SALE,
    Rejection,
)
from settlement.retirement import RetirementPurpose, Use
from settlement.use_rejections import ACCOUNT_EARMARKED, CHANNEL_NOT_ALLOWED
from settlement.values import AccountId, AssetCode, ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What an order asks for."""

    account: AccountId
    listing: AssetCode
    side: Side
    price_fen: int
    quantity_tonnes: int
    """The whole order, what has been filled included."""
    wanted_tonnes: int
    """What is still to be traded."""
    covered: int = 0
    """Cover the order holds already: fen or tonnes."""
    open_buys_tonnes: int = 0
    """What the owner's other open orders would still buy of this listing; counted only where there is a limit."""

    fee: FeeTerms = NO_FEE
    """What its side pays; a buyer's cover includes it."""
    turnover_fen: int = 0
    """What has been traded of the order already."""
    use: Use | None = None

    @property
    def needed(self) -> int:
        """Cover to be held in addition, fen or tonnes; not above zero when there is enough."""
        if self.side is Side.SELL:
            return self.wanted_tonnes - self.covered
        return cover_fen(self.wanted_tonnes * self.price_fen, self.fee, self.turnover_fen) - self.covered


def terms_of(command: SubmitOrder, rules: Rules | None, open_buys_tonnes: int) -> Terms:
    """What a submission asks for; an order for no listing comes no further than its refusal."""
    return Terms(
        account=command.account,
        listing=command.listing,
        side=command.side,
        price_fen=command.price_fen,
        quantity_tonnes=command.quantity_tonnes,
        wanted_tonnes=command.quantity_tonnes,
        open_buys_tonnes=open_buys_tonnes,
        fee=NO_FEE if rules is None else rules.fee_terms(command.side),
        use=command.use,
    )


class Circumstances(Protocol):
    """What one order is judged by."""

    @property
    def phase(self) -> Phase:
        """What the day is doing."""

    @property
    def rules(self) -> Rules | None:
        """What the listing trades by; none when there is no such listing."""

    @property
    def band(self) -> PriceBand:
        """Its prices of the day. Asked only of a listing that there is, in a phase in which it trades."""

    @property
    def methodology_class(self) -> MethodologyClass:
        """Its class."""

    @property
    def is_halted(self) -> bool:
        """Whether it, or the whole market, is halted."""

    @property
    def killed(self) -> str | None:
        """What the kill switch is on for that stops the order: its account, its owner, who acts, or the market."""

    @property
    def is_restricted(self) -> bool:
        """Whether the account may not trade."""

    @property
    def is_frozen(self) -> bool:
        """Whether an authority has frozen the account itself."""

    @property
    def kind(self) -> ParticipantKind:
        """What kind of participant owns the account."""

    @property
    def earmark(self) -> RetirementPurpose | None:
        """The one purpose the account's money is for."""

    @property
    def position_tonnes(self) -> int:
        """What the account's owner has of the listing and has bought, in all accounts."""

    @property
    def available_fen(self) -> int:
        """What the account may buy with: its money that is committed to nothing, and usable proceeds of its sales."""

    @property
    def sellable_tonnes(self) -> int:
        """What the account may offer of the listing."""


@dataclass(frozen=True, slots=True)
class Present:
    """The circumstances as the core has them at this command."""

    account: AccountId
    actor: ParticipantId
    """Who asks: the account's owner, or who acts for it."""
    market: ListedMarket | None
    phase: Phase
    standing: Standing
    depository: Depository

    @property
    def _listing(self) -> AssetCode:
        assert self.market is not None, "asked about a listing that is none"
        return self.market.listing.code

    @property
    def rules(self) -> Rules | None:
        """The market's, which a rule adopted during a close does not change before the next day."""
        return None if self.market is None else self.market.rules

    @property
    def band(self) -> PriceBand:
        """The market's."""
        assert self.market is not None, "asked for the band of no listing"
        return self.market.band

    @property
    def methodology_class(self) -> MethodologyClass:
        """The instrument's."""
        return self.depository.instruments[self._listing].methodology_class

    @property
    def is_halted(self) -> bool:
        """By what stands."""
        return self.standing.is_halted(self._listing)

    @property
    def killed(self) -> str | None:
        """By what stands."""
        return self.standing.killed(self.account, self.depository.accounts[self.account].owner, self.actor)

    @property
    def is_restricted(self) -> bool:
        """By what stands."""
        return self.account in self.standing.restrictions

    @property
    def is_frozen(self) -> bool:
        """By the depository's freezes."""
        return self.depository.refuse_frozen(self.account) is not None

    @property
    def kind(self) -> ParticipantKind:
        """As admitted."""
        return self.depository.kind_of(self.account)

    @property
    def earmark(self) -> RetirementPurpose | None:
        """As opened."""
        return self.depository.accounts[self.account].earmark

    @property
    def position_tonnes(self) -> int:
        """By the ledger, with what is still to be received."""
        return self.depository.position(self.account, self._listing)

    @property
    def available_fen(self) -> int:
        """By the ledger, and by what its sales will bring in."""
        return self.depository.buying_power(self.account)

    @property
    def sellable_tonnes(self) -> int:
        """By the ledger, less what was bought today under T+1."""
        return self.depository.sellable(self.account, self._listing)


def refuse(terms: Terms, at: Circumstances) -> Rejection | None:
    """Why an order on these terms cannot be accepted whoever stands in the book; None when it can."""
    rules = at.rules
    if rules is None:
        return rejections.LISTING_UNKNOWN.because(actual=terms.listing)
    price_fen, quantity_tonnes = terms.price_fen, terms.quantity_tonnes
    if at.phase not in LISTED_PHASES:
        return rejections.PHASE_CLOSED.because(limit="listed", actual=at.phase)
    if at.is_halted:
        return rejections.LISTING_HALTED.because(actual=terms.listing)
    refused = _refuse_account(terms, rules, at) or _refuse_purpose(terms, rules, at)
    if refused is not None:
        return refused
    if terms.use is not None and terms.side is Side.SELL:
        return USE_OF_A_SALE.because(actual=terms.use.purpose)
    if terms.use is not None and not terms.use.is_well_formed():
        return USE_MALFORMED.because()
    if price_fen <= 0 or price_fen % rules.tick_fen:
        return rejections.PRICE_NOT_ON_TICK.because(limit=rules.tick_fen, actual=price_fen)
    if quantity_tonnes < rules.listed_min_tonnes:
        return rejections.QUANTITY_BELOW_MINIMUM.because(
            limit=rules.listed_min_tonnes, actual=quantity_tonnes
        )
    if quantity_tonnes > rules.listed_max_tonnes:
        return rejections.QUANTITY_ABOVE_MAXIMUM.because(
            limit=rules.listed_max_tonnes, actual=quantity_tonnes
        )
    if quantity_tonnes % rules.lot_tonnes:
        return rejections.QUANTITY_NOT_IN_LOTS.because(limit=rules.lot_tonnes, actual=quantity_tonnes)
    band = at.band
    if not band.lower_fen <= price_fen <= band.upper_fen:
        return rejections.PRICE_OUTSIDE_BAND.because(limit=(band.lower_fen, band.upper_fen), actual=price_fen)
    return _refuse_position(terms, rules, at) or _refuse_cover(terms, at)


def _refuse_account(terms: Terms, rules: Rules, at: Circumstances) -> Rejection | None:
    """Whether who orders may not trade at all at present, or not this listing."""
    killed = at.killed
    if killed is not None:
        return KILL_SWITCH_ON.because(actual=killed)
    if at.is_restricted:
        return rejections.ACCOUNT_RESTRICTED.because(actual=terms.account)
    if at.is_frozen:
        return ACCOUNT_FROZEN.because(actual=terms.account)
    if at.kind not in rules.participant_kinds:
        return rejections.KIND_NOT_ADMITTED.because(actual=at.kind)
    return None


def _refuse_purpose(terms: Terms, rules: Rules, at: Circumstances) -> Rejection | None:
    """Whether earmarked money would buy anything but its purpose, or a class would serve what it may not (Art. 29, 32)."""
    earmark = at.earmark
    if earmark is not None and (terms.use is None or terms.use.purpose is not earmark):
        return ACCOUNT_EARMARKED.because(
            limit=earmark, actual=terms.side if terms.use is None else terms.use.purpose
        )
    if terms.use is None or terms.side is Side.SELL:
        return None
    methodology_class = at.methodology_class
    if not allows(rules.use_channels, methodology_class, Channel(terms.use.purpose.value)):
        return CHANNEL_NOT_ALLOWED.because(limit=methodology_class, actual=terms.use.purpose)
    return None


def refuse_self_trade(rules: Rules, own: OrderId | None) -> Rejection | None:
    """Whether the order would meet one of its own beneficial owner's, where the rules let the incoming one give way."""
    if own is not None and rules.self_trade is SelfTrade.REJECT_INCOMING:
        return rejections.SELF_TRADE.because(actual=str(own))
    return None


def _refuse_position(terms: Terms, rules: Rules, at: Circumstances) -> Rejection | None:
    """Whether a purchase would take the participant above what its kind may have (最大持有量)."""
    if terms.side is Side.SELL or not rules.position_limits:
        return None
    kind = at.kind
    limit_tonnes = next((tonnes for limited, tonnes in rules.position_limits if limited is kind), None)
    if limit_tonnes is None:
        return None
    wanted_tonnes = at.position_tonnes + terms.open_buys_tonnes + terms.wanted_tonnes
    if wanted_tonnes > limit_tonnes:
        return rejections.POSITION_LIMIT_EXCEEDED.because(limit=limit_tonnes, actual=wanted_tonnes)
    return None


def _refuse_cover(terms: Terms, at: Circumstances) -> Rejection | None:
    """Whether the account lacks what the order must hold: all of its money, or all of its units."""
    if terms.side is Side.BUY:
        available_fen = at.available_fen
        if terms.needed > max(available_fen, 0):
            return INSUFFICIENT_CASH.because(limit=available_fen, actual=terms.needed)
        return None
    sellable_tonnes = at.sellable_tonnes
    if terms.needed > sellable_tonnes:
        return INSUFFICIENT_UNITS.because(limit=sellable_tonnes, actual=terms.needed)
    return None
