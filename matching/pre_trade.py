"""What stands between a submitted order and the book: one column of guards, the first that says no is told.

The order of the guards is part of the contract: an order with several faults is always refused for the same one.
"""

from matching import rejections
from matching.book import Match
from matching.commands import SubmitOrder
from matching.market import ListedMarket
from matching.order import Side
from matching.session import LISTED_PHASES, Phase
from settlement.depository import Depository
from settlement.rejections import INSUFFICIENT_CASH, INSUFFICIENT_UNITS, Rejection
from settlement.values import CASH


def refuse(
    command: SubmitOrder, market: ListedMarket | None, phase: Phase, depository: Depository
) -> Rejection | None:
    """Why this order cannot be accepted whoever stands in the book; None when it can."""
    if market is None:
        return rejections.LISTING_UNKNOWN.because(actual=command.listing)
    rules, band = market.rules, market.band
    price_fen, quantity_tonnes = command.price_fen, command.quantity_tonnes
    if phase not in LISTED_PHASES:
        return rejections.PHASE_CLOSED.because(limit="listed", actual=phase)
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
    return refuse_cover(command, depository)


def refuse_cover(command: SubmitOrder, depository: Depository) -> Rejection | None:
    """Whether the account lacks what the order must hold: all of its money, or all of its units."""
    if command.side is Side.BUY:
        needed_fen = command.price_fen * command.quantity_tonnes
        available_fen = depository.ledger.available(command.account, CASH)
        if needed_fen > available_fen:
            return INSUFFICIENT_CASH.because(limit=available_fen, actual=needed_fen)
        return None
    available_tonnes = depository.ledger.available(command.account, command.listing)
    if command.quantity_tonnes > available_tonnes:
        return INSUFFICIENT_UNITS.because(limit=available_tonnes, actual=command.quantity_tonnes)
    return None


def refuse_self_trade(command: SubmitOrder, plan: list[Match], depository: Depository) -> Rejection | None:
    """Whether the order would trade with one of the same beneficial owner."""
    owner = depository.accounts[command.account].owner
    for match in plan:
        if match.resting.owner == owner:
            return rejections.SELF_TRADE.because(actual=str(match.resting.order_id))
    return None
