"""What an order would be answered and what it would cost, judged by the core's own guards from what readers see.

Nothing is held and nothing is decided: the answer is that of the last commit, and what has changed until the order
itself arrives may change it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.engine.views.account_views import AccountView, BalanceView
from gateway.engine.views.orders import OrderView
from gateway.engine.views.views import Views
from matching.commands import SubmitOrder
from matching.negotiated import NegotiatedState
from matching.order import OrderId, Side, cover_fen
from matching.pre_trade import Terms, refuse, refuse_self_trade, terms_of
from matching.reference_price import PriceBand
from matching.rulebook import Rules
from matching.session import Phase
from matching.standing import killed_by
from settlement.account import ParticipantKind
from settlement.lot import MethodologyClass
from settlement.rejections import Rejection
from settlement.retirement import RetirementPurpose

_NOTHING = BalanceView()


@dataclass(frozen=True, slots=True)
class Seen:
    """The circumstances of an order as readers see them. What each is, `Circumstances` says."""

    views: Views
    account: AccountView
    actor: str
    """Who asks: its owner, or who acts for it."""
    listing: str
    at_ns: int

    @property
    def phase(self) -> Phase:
        """As last told."""
        return self.views.market.phase

    @property
    def rules(self) -> Rules | None:
        """By the book as adopted."""
        return self.views.rules(self.at_ns, self.listing) if self.listing in self.views.listings else None

    @property
    def band(self) -> PriceBand:
        """As set for the day."""
        view = self.views.listings[self.listing]
        reference_fen, lower_fen, upper_fen = view.reference_fen, view.lower_fen, view.upper_fen
        assert reference_fen is not None, f"{self.listing} trades without a reference"
        assert lower_fen is not None, f"{self.listing} trades without a band"
        assert upper_fen is not None, f"{self.listing} trades without a band"
        return PriceBand(reference_fen=reference_fen, lower_fen=lower_fen, upper_fen=upper_fen)

    @property
    def methodology_class(self) -> MethodologyClass:
        """The instrument's."""
        return self.views.instruments[self.listing]

    @property
    def is_halted(self) -> bool:
        """By the halts in force."""
        return self.views.halt_of(self.listing) is not None

    @property
    def killed(self) -> str | None:
        """By the kill switches that are on."""
        switches = self.views.safety.kill_switches
        return killed_by(switches, self.account.account, self.account.owner, self.actor)

    @property
    def is_restricted(self) -> bool:
        """By the account's restriction."""
        return self.account.restriction is not None

    @property
    def is_frozen(self) -> bool:
        """By the freezes in force."""
        return self.views.custody.stops(self.account.registry_account)

    @property
    def kind(self) -> ParticipantKind:
        """As admitted."""
        kind = self.views.participants.get(self.account.owner)
        assert kind is not None, (
            f"{self.account.account} belongs to {self.account.owner}, who was never admitted"
        )
        return kind

    @property
    def earmark(self) -> RetirementPurpose | None:
        """As opened."""
        return self.account.earmark

    @property
    def position_tonnes(self) -> int:
        """Of all the owner's accounts."""
        balances = (one.units.get(self.listing, _NOTHING) for one in self.accounts())
        return sum(balance.owned + balance.incoming for balance in balances)

    @property
    def available_fen(self) -> int:
        """Of its money, and of what its sales will bring in."""
        return self.account.buying_power_fen

    @property
    def sellable_tonnes(self) -> int:
        """Of its units."""
        return self.account.units.get(self.listing, _NOTHING).sellable

    def accounts(self) -> Iterator[AccountView]:
        """All accounts of the owner."""
        return (one for one in self.views.accounts().values() if one.owner == self.account.owner)

    def open_buys_tonnes(self) -> int:
        """What the owner would still buy of the listing, by order or negotiation; counted where there is a limit."""
        if self.rules is None or not self.rules.position_limits:
            return 0
        names = {one.account for one in self.accounts()}
        ordered = (
            order.remaining_tonnes
            for name in names
            for order in self.views.open_orders(name)
            if order.side is Side.BUY and order.listing == self.listing
        )
        negotiated = (
            one.terms.quantity_tonnes
            for one in self.views.open_negotiations()
            if one.buyer in names
            and one.terms.listing == self.listing
            and (one.state is NegotiatedState.UNDER_REVIEW or one.proposer is Side.BUY)
        )
        return sum(ordered) + sum(negotiated)

    def own_in_the_way(self, terms: Terms) -> OrderId | None:
        """The first order that this one would meet in the book, and that has its owner or who acts in common with it."""
        mine = {self.account.owner, self.actor}
        own = {
            order.order_id
            for name in self._within_reach(mine)
            for order in self.views.open_orders(name)
            if _crosses(order, terms) and not mine.isdisjoint((self._owner(name), order.acted_by))
        }
        if not own:
            return None
        wanted_tonnes = terms.wanted_tonnes
        sign = 1 if terms.side is Side.BUY else -1
        met = (order for order in self.views.all_open_orders() if _crosses(order, terms))
        for order in sorted(met, key=lambda order: (sign * order.price_fen, order.rested_seq)):
            if wanted_tonnes <= 0:
                return None
            if order.order_id in own:
                return OrderId(order.order_id)
            wanted_tonnes -= order.remaining_tonnes
        return None

    def _within_reach(self, mine: set[str]) -> set[str]:
        """Accounts in which orders of these participants can be: their own, and those entrusted to them."""
        owned = {one.account for one in self.views.accounts().values() if one.owner in mine}
        return owned.union(*(self.views.mandates.of_delegate(one) for one in mine))

    def _owner(self, account: str) -> str:
        return self.views.accounts()[account].owner


def _crosses(order: OrderView, terms: Terms) -> bool:
    if order.listing != terms.listing or order.side is terms.side:
        return False
    if terms.side is Side.BUY:
        return order.price_fen <= terms.price_fen
    return order.price_fen >= terms.price_fen


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPreview:
    """What an order would be answered at that moment, and what it would cost."""

    refused: Rejection | None
    """What it would be refused with."""
    turnover_fen: int
    """All of it at its limit."""
    fee_fen: int
    """Of all of it at its limit: the most a purchase can pay. A sale at better prices may pay more, out of more."""
    needed: int
    """What would be held: fen of a purchase, tonnes of a sale."""
    available: int
    """What there is to hold it from."""
    rules: Rules | None
    """What it was judged by."""


def preview(views: Views, account: AccountView, command: SubmitOrder, at_ns: int) -> OrderPreview:
    """What that submission would be answered. The client id is not looked at: none has to be spent on asking."""
    seen = Seen(views, account, command.participant, command.listing, at_ns)
    rules = seen.rules
    terms = terms_of(command, rules, seen.open_buys_tonnes())
    refused = refuse(terms, seen)
    if refused is None and rules is not None:
        refused = refuse_self_trade(rules, seen.own_in_the_way(terms))
    turnover_fen = command.price_fen * command.quantity_tonnes
    return OrderPreview(
        refused=refused,
        turnover_fen=turnover_fen,
        fee_fen=cover_fen(turnover_fen, terms.fee) - turnover_fen,
        needed=terms.needed,
        available=seen.available_fen if command.side is Side.BUY else seen.sellable_tonnes,
        rules=rules,
    )
