"""What stands between an order and the book: one column of guards, the first that says no is told.

The order of the guards is part of the contract: an order with several faults is always refused for the same one.
A changed order passes the same guards as a new one, for what it would newly need.
"""

from dataclasses import dataclass

from matching import rejections
from matching.fees import NO_FEE, FeeTerms
from matching.market import ListedMarket
from matching.order import Order, Side, cover_fen
from matching.rulebook import SelfTrade
from matching.safety_rejections import KILL_SWITCH_ON
from matching.session import LISTED_PHASES, Phase
from matching.standing import Standing
from settlement.channels import Channel, allows
from settlement.depository import Depository
from settlement.rejections import (
    INSUFFICIENT_CASH,
    INSUFFICIENT_UNITS,
    USE_MALFORMED,
    USE_OF_A_SALE,
    Rejection,
)
from settlement.retirement import Use
from settlement.use_rejections import ACCOUNT_EARMARKED, CHANNEL_NOT_ALLOWED
from settlement.values import CASH, AccountId, AssetCode


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


def refuse(
    terms: Terms, market: ListedMarket | None, phase: Phase, standing: Standing, depository: Depository
) -> Rejection | None:
    """Why an order on these terms cannot be accepted whoever stands in the book; None when it can."""
    if market is None:
        return rejections.LISTING_UNKNOWN.because(actual=terms.listing)
    rules, band = market.rules, market.band
    price_fen, quantity_tonnes = terms.price_fen, terms.quantity_tonnes
    if phase not in LISTED_PHASES:
        return rejections.PHASE_CLOSED.because(limit="listed", actual=phase)
    if standing.is_halted(terms.listing):
        return rejections.LISTING_HALTED.because(actual=terms.listing)
    refused = _refuse_account(terms, market, standing, depository) or _refuse_purpose(
        terms, market, depository
    )
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
    if not band.lower_fen <= price_fen <= band.upper_fen:
        return rejections.PRICE_OUTSIDE_BAND.because(limit=(band.lower_fen, band.upper_fen), actual=price_fen)
    return _refuse_position(terms, market, depository) or _refuse_cover(terms, depository)


def _refuse_account(
    terms: Terms, market: ListedMarket, standing: Standing, depository: Depository
) -> Rejection | None:
    """Whether who orders may not trade at all at present, or not this listing."""
    killed = standing.killed(terms.account, depository.accounts[terms.account].owner)
    if killed is not None:
        return KILL_SWITCH_ON.because(actual=killed)
    if terms.account in standing.restrictions:
        return rejections.ACCOUNT_RESTRICTED.because(actual=terms.account)
    frozen = depository.refuse_frozen(terms.account)
    if frozen is not None:
        return frozen
    if depository.kind_of(terms.account) not in market.rules.participant_kinds:
        return rejections.KIND_NOT_ADMITTED.because(actual=depository.kind_of(terms.account))
    return None


def _refuse_purpose(terms: Terms, market: ListedMarket, depository: Depository) -> Rejection | None:
    """Whether earmarked money would buy anything but its purpose, or a class would serve what it may not (Art. 29, 32)."""
    earmark = depository.accounts[terms.account].earmark
    if earmark is not None and (terms.use is None or terms.use.purpose is not earmark):
        return ACCOUNT_EARMARKED.because(
            limit=earmark, actual=terms.side if terms.use is None else terms.use.purpose
        )
    if terms.use is None or terms.side is Side.SELL:
        return None
    methodology_class = depository.instruments[terms.listing].methodology_class
    if not allows(market.rules.use_channels, methodology_class, Channel(terms.use.purpose.value)):
        return CHANNEL_NOT_ALLOWED.because(limit=methodology_class, actual=terms.use.purpose)
    return None


def refuse_self_trade(market: ListedMarket, own: list[Order]) -> Rejection | None:
    """Whether the order would trade with its own beneficial owner, where the rules let the incoming one give way."""
    if own and market.rules.self_trade is SelfTrade.REJECT_INCOMING:
        return rejections.SELF_TRADE.because(actual=str(own[0].order_id))
    return None


def _refuse_position(terms: Terms, market: ListedMarket, depository: Depository) -> Rejection | None:
    """Whether a purchase would take the participant above what its kind may have (最大持有量)."""
    if terms.side is Side.SELL or not market.rules.position_limits:
        return None
    kind = depository.kind_of(terms.account)
    limit_tonnes = next((tonnes for limited, tonnes in market.rules.position_limits if limited is kind), None)
    if limit_tonnes is None:
        return None
    position_tonnes = depository.position(terms.account, terms.listing) + terms.open_buys_tonnes
    if position_tonnes + terms.wanted_tonnes > limit_tonnes:
        return rejections.POSITION_LIMIT_EXCEEDED.because(
            limit=limit_tonnes, actual=position_tonnes + terms.wanted_tonnes
        )
    return None


def _refuse_cover(terms: Terms, depository: Depository) -> Rejection | None:
    """Whether the account lacks what the order must hold: all of its money, or all of its units."""
    if terms.side is Side.BUY:
        available_fen = depository.ledger.available(terms.account, CASH)
        if terms.needed > max(available_fen, 0):
            return INSUFFICIENT_CASH.because(limit=available_fen, actual=terms.needed)
        return None
    sellable_tonnes = depository.sellable(terms.account, terms.listing)
    if terms.needed > sellable_tonnes:
        return INSUFFICIENT_UNITS.because(limit=sellable_tonnes, actual=terms.needed)
    return None
