"""What stands between a negotiated transfer and its execution: the checks in their order, each with its own refusal.

    session → participant class → listing → size → tick → price band of the size's tier → position limit → cover →
    restrictions → same beneficial owner

The order is part of the contract: a transfer with several faults is always refused for the same one. Whoever files,
counters or confirms is asked for what it brings itself; at execution the terms and the other side are asked again,
since rules and positions may have changed meanwhile.
"""

from dataclasses import dataclass

from matching import negotiated_rejections as reasons
from matching import rejections
from matching.execution import Moment
from matching.market import ListedMarket
from matching.negotiated import NegotiatedTransfer
from matching.negotiated_rules import NegotiatedReference, basis_points_for
from matching.order import Side, cover_fen
from matching.reference_price import PriceBand, band_around, closing_price
from matching.session import NEGOTIATED_PHASES, Phase
from matching.terms import MAX_AGREEMENT_NO, NegotiatedTerms
from matching.trading import ListedTrading
from settlement import serials
from settlement.depository import Depository
from settlement.named_lots import NamedLot, are_well_formed, total_tonnes
from settlement.rejections import INSUFFICIENT_CASH, INSUFFICIENT_UNITS, Rejection
from settlement.use_rejections import ACCOUNT_EARMARKED
from settlement.values import AccountId, AssetCode, ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class Stake:
    """What one side brings to a transfer."""

    account: AccountId
    listing: AssetCode
    side: Side
    price_fen: int
    quantity_tonnes: int
    lots: tuple[NamedLot, ...]


def stake_of(terms: NegotiatedTerms, side: Side, account: AccountId) -> Stake:
    """What that account would bring to these terms on that side."""
    return Stake(
        account=account,
        listing=terms.listing,
        side=side,
        price_fen=terms.price_fen,
        quantity_tonnes=terms.quantity_tonnes,
        lots=terms.lots,
    )


class NegotiatedGuards:
    """The checks, over the markets and the depository as they are."""

    __slots__ = ("_depository", "_trading")

    def __init__(self, trading: ListedTrading, depository: Depository) -> None:
        """Both are read here and never altered."""
        self._trading = trading
        self._depository = depository

    # ---- whole columns ------------------------------------------------------------------------------------------

    def refuse_stake(self, stake: Stake, moment: Moment) -> Rejection | None:
        """Why this side cannot propose or confirm such a transfer, on a listing where some can be; None when it can."""
        market = self._trading.markets[stake.listing]
        return (
            refuse_terms(stake.price_fen, stake.quantity_tonnes, market, moment)
            or self._refuse_position(stake, market)
            or self._refuse_lots(stake)
            or self._refuse_cover(stake, market)
            or self._refuse_restricted(stake.account)
        )

    def refuse_execution(self, transfer: NegotiatedTransfer, moment: Moment) -> Rejection | None:
        """What has come in the way of terms that both agree to, whichever side it lies with.

        Cover is another matter: it is held, or has just been asked for.
        """
        terms = transfer.terms
        market = self._trading.markets[terms.listing]
        assert terms.seller is not None, f"{terms.transfer_id} lacks a seller"
        assert terms.buyer is not None, f"{terms.transfer_id} lacks a buyer"
        buyer = stake_of(terms, Side.BUY, terms.buyer)
        return (
            self._refuse_kind(terms.seller, market, moment)
            or self._refuse_kind(terms.buyer, market, moment)
            or refuse_terms(terms.price_fen, terms.quantity_tonnes, market, moment)
            or self._refuse_position(buyer, market, counted=Side.BUY in transfer.covered)
        )

    def refuse_counterparty(self, listing: AssetCode, counterparty: AccountId | None) -> Rejection | None:
        """Whether there is no such other side: unknown, or none where open offers are not taken."""
        if counterparty is None:
            allowed = self._trading.markets[listing].rules.negotiated_open_offers
            return None if allowed else reasons.OPEN_OFFERS_OFF.because()
        if counterparty not in self._depository.accounts:
            return reasons.COUNTERPARTY_UNKNOWN.because(actual=counterparty)
        return None

    def refuse_same_owner(
        self,
        participant: ParticipantId,
        account: AccountId,
        counterparty: AccountId | None,
        other_hand: ParticipantId | None = None,
    ) -> Rejection | None:
        """Whether both sides have one beneficial owner, or who acts for one side owns the other or acts for it, too."""
        if counterparty is None:
            return None
        accounts = self._depository.accounts
        mine = (accounts[account].owner, participant)
        if accounts[counterparty].owner in mine or other_hand in mine:
            return reasons.SAME_OWNER.because(actual=counterparty)
        return None

    def refuse_place(self, stake: Stake, moment: Moment) -> Rejection | None:
        """Session, class, listing: whether this may be done here and now at all."""
        market = self._trading.markets.get(stake.listing)
        if moment.phase not in NEGOTIATED_PHASES:
            return rejections.PHASE_CLOSED.because(limit=Phase.NEGOTIATED, actual=moment.phase)
        refused = self._refuse_kind(stake.account, market, moment)
        if refused is not None:
            return refused
        if market is None:
            return rejections.LISTING_UNKNOWN.because(actual=stake.listing)
        if self._trading.standing.is_halted(stake.listing):
            return rejections.LISTING_HALTED.because(actual=stake.listing)
        return None

    # ---- single checks ------------------------------------------------------------------------------------------

    def _refuse_kind(
        self, account: AccountId, market: ListedMarket | None, moment: Moment
    ) -> Rejection | None:
        rules = moment.rules if market is None else market.rules
        assert rules is not None, "a negotiated phase without rules"
        kind = self._depository.kind_of(account)
        return None if kind in rules.participant_kinds else rejections.KIND_NOT_ADMITTED.because(actual=kind)

    def _refuse_position(
        self, stake: Stake, market: ListedMarket, *, counted: bool = False
    ) -> Rejection | None:
        """Whether a purchase would take the participant above what its kind may have (最大持有量).

        `counted` says that this very purchase is among what the participant is known to be buying.
        """
        if stake.side is Side.SELL:
            return None
        kind = self._depository.kind_of(stake.account)
        limits = market.rules.position_limits
        limit_tonnes = next((tonnes for limited, tonnes in limits if limited is kind), None)
        if limit_tonnes is None:
            return None
        wanted_tonnes = (
            self._depository.position(stake.account, stake.listing)
            + self._trading.open_buys(market, stake.account)
            + (0 if counted else stake.quantity_tonnes)
        )
        if wanted_tonnes > limit_tonnes:
            return rejections.POSITION_LIMIT_EXCEEDED.because(limit=limit_tonnes, actual=wanted_tonnes)
        return None

    def _refuse_lots(self, stake: Stake) -> Rejection | None:
        """Whether lots are named that cannot be meant, are not of the listing or, by a seller, not at hand."""
        if not stake.lots:
            return None
        named_tonnes = total_tonnes(stake.lots)
        if not are_well_formed(stake.lots) or named_tonnes != stake.quantity_tonnes:
            return reasons.LOTS_MALFORMED.because(limit=stake.quantity_tonnes, actual=named_tonnes)
        for one in stake.lots:
            lot = self._depository.lots.get(one.lot_id)
            if lot is None or lot.instrument != stake.listing:
                return reasons.LOT_OF_ANOTHER_LISTING.because(limit=stake.listing, actual=one.lot_id)
        if stake.side is Side.BUY:
            return None
        for one in stake.lots:
            free = self._depository.holdings.free(stake.account, one.lot_id)
            if not serials.contains(free, one.serials) or serials.count(free) < one.quantity_tonnes:
                return reasons.LOTS_NOT_AT_HAND.because(actual=one.lot_id)
        return None

    def _refuse_cover(self, stake: Stake, market: ListedMarket) -> Rejection | None:
        """Whether the account lacks what it must set aside: all of its money, or all of its units."""
        if stake.side is Side.BUY:
            amount_fen = stake.price_fen * stake.quantity_tonnes
            needed_fen = cover_fen(amount_fen, market.rules.fee_terms(Side.BUY))
            available_fen = self._depository.buying_power(stake.account)
            if needed_fen > available_fen:
                return INSUFFICIENT_CASH.because(limit=available_fen, actual=needed_fen)
            return None
        sellable_tonnes = self._depository.sellable(stake.account, stake.listing)
        if stake.quantity_tonnes > sellable_tonnes:
            return INSUFFICIENT_UNITS.because(limit=sellable_tonnes, actual=stake.quantity_tonnes)
        return None

    def _refuse_restricted(self, account: AccountId) -> Rejection | None:
        if account in self._trading.standing.restrictions:
            return rejections.ACCOUNT_RESTRICTED.because(actual=account)
        if self._depository.accounts[account].earmark is not None:
            return ACCOUNT_EARMARKED.because(actual=account)
        return self._depository.refuse_frozen(account)


def refuse_terms(
    price_fen: int, quantity_tonnes: int, market: ListedMarket, moment: Moment
) -> Rejection | None:
    """Whether the listing's rules forbid this size or this price."""
    rules = market.rules
    if quantity_tonnes < rules.negotiated_min_tonnes:
        return reasons.NEGOTIATED_TOO_SMALL.because(limit=rules.negotiated_min_tonnes, actual=quantity_tonnes)
    if quantity_tonnes % rules.lot_tonnes:
        return rejections.QUANTITY_NOT_IN_LOTS.because(limit=rules.lot_tonnes, actual=quantity_tonnes)
    if price_fen <= 0 or price_fen % rules.tick_fen:
        return rejections.PRICE_NOT_ON_TICK.because(limit=rules.tick_fen, actual=price_fen)
    band = band_for(quantity_tonnes, market, moment)
    if band is not None and not band.lower_fen <= price_fen <= band.upper_fen:
        return reasons.NEGOTIATED_OUTSIDE_BAND.because(
            limit=(band.lower_fen, band.upper_fen), actual=price_fen
        )
    return None


def band_for(quantity_tonnes: int, market: ListedMarket, moment: Moment) -> PriceBand | None:
    """The prices at which that much may be transferred now; none where no band binds."""
    basis_points = basis_points_for(market.rules.negotiated_band_tiers, quantity_tonnes)
    if basis_points is None:
        return None
    return band_around(reference_fen(market, moment), market.rules, basis_points)


def reference_fen(market: ListedMarket, moment: Moment) -> int:
    """What the band of a negotiated transfer lies around: the day's listed close, or the one before."""
    by_close = market.rules.negotiated_reference is NegotiatedReference.SAME_DAY_CLOSE
    if by_close and moment.listed_is_over:
        return closing_price(market.prices, market.reference_fen, market.rules)
    return market.reference_fen


def refuse_agreement_no(agreement_no: str) -> Rejection | None:
    """Whether the parties' own number cannot be kept: too long, or not printable."""
    if len(agreement_no) > MAX_AGREEMENT_NO or not (agreement_no.isprintable() or not agreement_no):
        return reasons.AGREEMENT_MALFORMED.because()
    return None


def refuse_expiry(expires_at_ns: int | None, moment: Moment) -> Rejection | None:
    """Whether it would have expired when it is made."""
    if expires_at_ns is not None and expires_at_ns <= moment.at_ns:
        return reasons.EXPIRY_PASSED.because(limit=moment.at_ns, actual=expires_at_ns)
    return None
