"""Negotiated transfers of the plain market: a list of what was filed, walked through from the start at every turn.

Notes that it makes:

    ("negotiated filed", number, hash, seller, buyer)     ("negotiated countered", number, round, hash)
    ("negotiated confirmed", number, by)                  ("negotiated traded", number, trade, price_fen, tonnes)
    ("negotiated under review", number)                   ("negotiated reviewed", number, approved)
    ("negotiated declined", number, by)                   ("negotiated withdrawn", number, by)
    ("negotiated expired", number, cause)                 ("negotiated rejected", number, code)
    ("negotiated known", number, state)                   ("negotiated totals", listing, trades, tonnes, fen)
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from matching.commands import ReviewNegotiatedTransfer
from matching.negotiated_commands import (
    ConfirmNegotiatedTransfer,
    CounterNegotiatedTransfer,
    DeclineNegotiatedTransfer,
    FileNegotiatedTransfer,
    NegotiationCommand,
    WithdrawNegotiatedTransfer,
)
from settlement.named_lots import NamedLot
from tests.reference import rules
from tests.reference.rules import number
from tests.reference.vault import MONEY, Answer, Aside, Note, Piece, Trade

if TYPE_CHECKING:
    from tests.reference.market import Market, PlainListing

NEGOTIATED_PHASES = ("negotiated", "continuous")


@dataclass
class PlainLot:
    """So many tonnes of a lot, and which of them, if that matters."""

    lot_id: str
    tonnes: int
    ranges: list[tuple[int, int]]


@dataclass(eq=False)
class PlainTransfer:
    """One negotiation, from its filing on."""

    number: int
    listing: str
    seller: str | None
    buyer: str | None
    proposer: str
    price_fen: int
    tonnes: int
    lots: list[PlainLot]
    agreement_no: str
    expires_ns: int | None
    parties: list[str]
    """Both accounts in order, or the filer's alone in an open offer."""
    buyer_fee: rules.Fee = rules.FREE
    seller_fee: rules.Fee = rules.FREE
    turn: int = 1
    state: str = "filed"
    covered: list[str] = field(default_factory=list)
    aside: Aside | None = None
    trade: int | None = None
    undone: bool = False
    hand: str | None = None
    """Who made its terms for the account that stands by them."""

    def who(self, side: str) -> str | None:
        return self.seller if side == "sell" else self.buyer

    def hash(self) -> str:
        """Of all terms, a line each."""
        text = "puhui negotiated transfer 1\n"
        text += f"transfer={self.number}\nround={self.turn}\nlisting={self.listing}\n"
        text += f"seller={self.seller or ''}\nbuyer={self.buyer or ''}\n"
        text += f"price_fen={self.price_fen}\nquantity_tonnes={self.tonnes}\n"
        number_of_theirs = self.agreement_no.replace("\\", "\\\\")
        text += f"agreement_no={number_of_theirs}\n"
        text += f"expires_at_ns={'' if self.expires_ns is None else self.expires_ns}\n"
        for lot in self.lots:
            ranges = ",".join(f"{first}-{end}" for first, end in lot.ranges)
            text += f"lot={lot.tonnes} {ranges or 'any'} {lot.lot_id}\n"
        return sha256(text.encode()).hexdigest()


@dataclass
class Stake:
    """What one account would bring."""

    account: str
    side: str
    listing: str
    price_fen: int
    tonnes: int
    lots: list[PlainLot]


def other(side: str) -> str:
    return "buy" if side == "sell" else "sell"


def plain(lots: tuple[NamedLot, ...]) -> list[PlainLot]:
    return [PlainLot(lot.lot_id, lot.quantity_tonnes, list(lot.serials)) for lot in lots]


class Negotiation:
    """Every transfer ever filed."""

    def __init__(self, market: "Market") -> None:
        self.market = market
        self.filed: list[PlainTransfer] = []
        self.forgotten: list[PlainTransfer] = []
        """Those that ended before today: nobody can answer them, and only their agreements are remembered."""

    def under_way(self) -> list[PlainTransfer]:
        return [one for one in self.filed if one.state in ("filed", "under_review")]

    def find(self, wanted: int) -> PlainTransfer | None:
        return next((one for one in self.filed if one.number == wanted), None)

    def buying(self, owner: str, listing: str, without: PlainTransfer | None = None) -> int:
        """Tonnes for which a buyer's money is set aside here."""
        owners = self.market.vault.owners
        return sum(
            one.tonnes
            for one in self.under_way()
            if "buy" in one.covered
            and one is not without
            and one.listing == listing
            and owners[one.buyer or ""] == owner
        )

    # ---- what counterparties say --------------------------------------------------------------------------------

    def decide(self, command: NegotiationCommand) -> Answer:
        if isinstance(command, FileNegotiatedTransfer):
            return self.file(command)
        transfer = self.find(command.transfer_id)
        mine = transfer is not None and command.account in (transfer.seller, transfer.buyer)
        if transfer is None or not (mine or len(transfer.parties) == 1):
            return "negotiated_transfer_unknown"
        if transfer.state != "filed":
            return "negotiated_transfer_ended"
        proposes = transfer.who(transfer.proposer) == command.account
        if proposes is not isinstance(command, WithdrawNegotiatedTransfer):
            return "not_your_turn"
        match command:
            case ConfirmNegotiatedTransfer():
                return self.confirm(command, transfer)
            case CounterNegotiatedTransfer():
                return self.counter(command, transfer)
            case DeclineNegotiatedTransfer():
                if len(transfer.parties) == 1:
                    return "open_offer_stands"
                return [self.end(transfer, "declined", command.account)]
            case WithdrawNegotiatedTransfer():
                return [self.end(transfer, "withdrawn", command.account)]

    def file(self, command: FileNegotiatedTransfer) -> Answer:
        account, side, counterparty = command.account, command.side.value, command.counterparty
        if len(command.agreement_no) > 64 or any(rules.unprintable(sign) for sign in command.agreement_no):
            return "agreement_no_malformed"
        parties: list[str] = sorted([account] if counterparty is None else [account, counterparty])
        transfer = PlainTransfer(
            self.market.seq,
            command.listing,
            account if side == "sell" else counterparty,
            account if side == "buy" else counterparty,
            side,
            command.price_fen,
            command.quantity_tonnes,
            plain(command.lots),
            command.agreement_no,
            command.expires_at_ns,
            parties,
            hand=self.market.mandates.hand(command),
        )
        known = self.agreed(transfer)
        if known is not None:
            if not is_the_same(known, transfer):
                return "agreement_contradicts"
            return [("negotiated known", known.number, known.state)]
        stake = self.stake(transfer, side, account)
        refused = (
            self.not_here(stake)
            or self.not_with(transfer, counterparty)
            or self.not_until(command.expires_at_ns)
            or self.not_so_many(account)
            or self.not_this(stake)
            or self.not_together(command.participant, account, counterparty)
        )
        if refused is not None:
            return refused
        self.filed.append(transfer)
        transfer.buyer_fee, transfer.seller_fee = (
            self.fee_now(transfer, "buy"),
            self.fee_now(transfer, "sell"),
        )
        transfer.lots = self.chosen(stake)
        self.hold(transfer, side)
        return [("negotiated filed", transfer.number, transfer.hash(), transfer.seller, transfer.buyer)]

    def confirm(self, command: ConfirmNegotiatedTransfer, transfer: PlainTransfer) -> Answer:
        side = other(transfer.proposer)
        if command.terms_hash != transfer.hash():
            return "terms_hash_differs"
        if command.lots and (side == "buy" or transfer.lots):
            return "lots_not_yours_to_name"
        stake = self.stake(transfer, side, command.account)
        stake.lots = plain(command.lots) or transfer.lots
        refused = (
            self.not_here(stake)
            or self.not_this(stake)
            or self.not_together(
                command.participant, command.account, transfer.who(transfer.proposer), transfer.hand
            )
        )
        if refused is not None:
            return refused
        transfer.lots = self.chosen(stake)
        if side == "sell":
            transfer.seller, transfer.seller_fee = command.account, self.fee_now(transfer, side)
        else:
            transfer.buyer, transfer.buyer_fee = command.account, self.fee_now(transfer, side)
        notes: list[Note] = [("negotiated confirmed", transfer.number, command.account)]
        ailing = self.ails(transfer)
        if ailing is not None:
            return [*notes, self.end(transfer, "rejected", ailing)]
        self.hold(transfer, side)
        terms = self.market.listings[transfer.listing].terms
        unbound = rules.tier_of(terms["negotiated_band_tiers"], transfer.tonnes) is None
        if terms["negotiated_review"] == "all" or (terms["negotiated_review"] == "without_band" and unbound):
            transfer.state = "under_review"
            return [*notes, ("negotiated under review", transfer.number)]
        return notes + self.execute(transfer)

    def counter(self, command: CounterNegotiatedTransfer, transfer: PlainTransfer) -> Answer:
        if len(transfer.parties) == 1:
            return "open_offer_stands"
        if transfer.turn >= number(self.market.listings[transfer.listing].terms, "negotiated_max_rounds"):
            return "too_many_rounds"
        side = other(transfer.proposer)
        lots = plain(command.lots)
        price_fen, tonnes = command.price_fen, command.quantity_tonnes
        stake = Stake(command.account, side, transfer.listing, price_fen, tonnes, lots)
        refused = self.not_here(stake) or self.not_until(command.expires_at_ns) or self.not_this(stake)
        if refused is not None:
            return refused
        self.release(transfer)
        transfer.turn += 1
        transfer.proposer, transfer.hand = side, self.market.mandates.hand(command)
        transfer.price_fen, transfer.tonnes = price_fen, tonnes
        transfer.expires_ns = command.expires_at_ns
        transfer.lots = self.chosen(stake)
        transfer.buyer_fee, transfer.seller_fee = (
            self.fee_now(transfer, "buy"),
            self.fee_now(transfer, "sell"),
        )
        self.hold(transfer, side)
        return [("negotiated countered", transfer.number, transfer.turn, transfer.hash())]

    # ---- what the exchange and the clock do ---------------------------------------------------------------------

    def not_to_review(self, act: ReviewNegotiatedTransfer) -> str | None:
        transfer = self.find(act.transfer_id)
        if transfer is None or transfer.state != "under_review":
            return "not_under_review"
        return "listing_halted" if act.approved and self.is_halted(transfer.listing) else None

    def review(self, act: ReviewNegotiatedTransfer) -> list[Note]:
        transfer = self.find(act.transfer_id)
        assert transfer is not None
        notes: list[Note] = [("negotiated reviewed", transfer.number, act.approved)]
        why = self.ails(transfer) if act.approved else "review_refused"
        if why is not None:
            return [*notes, self.end(transfer, "rejected", why)]
        return notes + self.execute(transfer)

    def expire_due(self) -> list[Note]:
        now_ns = self.market.at_ns
        due = [one for one in self.under_way() if one.state == "filed" and one.expires_ns is not None]
        due = sorted(due, key=lambda one: (one.expires_ns, one.number))
        return [
            self.end(one, "expired", "own_time") for one in due if not now_ns < (one.expires_ns or now_ns)
        ]

    def enter(self, phase: str) -> list[Note]:
        """A phase without negotiation ends what is filed; the close ends everything."""
        if phase in NEGOTIATED_PHASES:
            return []
        over = [one for one in self.under_way() if phase == "closing" or one.state == "filed"]
        return [self.end(one, "expired", "session_end") for one in over]

    def restrict(self, account: str, why: str) -> list[Note]:
        its = [one for one in self.under_way() if account in (one.seller, one.buyer)]
        return [self.end(one, "rejected", why) for one in its]

    def naming(self, account: str, instrument: str) -> list[PlainTransfer]:
        """Those for which the account's own frozen serials lie aside."""
        vault = self.market.vault
        return [
            one
            for one in self.under_way()
            if one.aside is not None
            and (one.aside.account, one.aside.instrument) == (account, instrument)
            and any(
                vault.unfrozen(account, piece) != [(piece.first, piece.end)] for piece in one.aside.pieces
            )
        ]

    def unnamed_sales(self, account: str, instrument: str) -> list[PlainTransfer]:
        """Those that hold units of the account, whichever."""
        return [
            one
            for one in self.under_way()
            if (one.seller, one.listing) == (account, instrument)
            and "sell" in one.covered
            and one.aside is None
        ]

    def bust(self, trade: int) -> None:
        for one in self.filed:
            if one.trade == trade:
                one.undone = True

    def begin_day(self) -> None:
        self.forgotten.extend(self.filed)
        self.filed.clear()

    # ---- guards -------------------------------------------------------------------------------------------------

    def agreed(self, again: PlainTransfer) -> PlainTransfer | None:
        """What these parties have filed under this number and is still worth something."""
        alive = ("filed", "under_review", "executed")
        for one in [*self.forgotten, *self.filed]:
            same = one.parties == again.parties and one.agreement_no == again.agreement_no != ""
            if same and one.state in alive and not one.undone:
                return one
        return None

    def is_halted(self, listing: str) -> bool:
        return listing in self.market.halted or None in self.market.halted

    def not_here(self, stake: Stake) -> str | None:
        listing = self.market.listings.get(stake.listing)
        if self.market.phase not in NEGOTIATED_PHASES:
            return "phase_closed"
        terms = self.market.market_terms if listing is None else listing.terms
        if terms is None or self.kind(stake.account) not in rules.names(terms["participant_kinds"]):
            return "kind_not_admitted"
        if listing is None:
            return "listing_unknown"
        return "listing_halted" if self.is_halted(stake.listing) else None

    def not_with(self, transfer: PlainTransfer, counterparty: str | None) -> str | None:
        if counterparty is None:
            open_offers = self.market.listings[transfer.listing].terms["negotiated_open_offers"]
            return None if open_offers == "yes" else "counterparty_missing"
        return None if counterparty in self.market.vault.owners else "counterparty_unknown"

    def not_so_many(self, account: str) -> str | None:
        waiting = [one for one in self.under_way() for side in one.covered if one.who(side) == account]
        most = number(self.market.market_terms or {}, "negotiated_max_filed")
        return "too_many_negotiated_transfers" if len(waiting) >= most else None

    def not_until(self, expires_ns: int | None) -> str | None:
        return "expiry_passed" if expires_ns is not None and expires_ns <= self.market.at_ns else None

    def not_together(
        self, participant: str, account: str, counterparty: str | None, hand: str | None = None
    ) -> str | None:
        if counterparty is None:
            return None
        ours = (self.market.vault.owners[account], participant)
        mine = self.market.vault.owners[counterparty] in ours or hand in ours
        return "same_beneficial_owner" if mine else None

    def not_this(self, stake: Stake) -> str | None:
        """Everything about the terms, and about what the account can bring."""
        vault, listing = self.market.vault, self.market.listings[stake.listing]
        refused = self.not_these_terms(listing, stake.price_fen, stake.tonnes)
        if refused is not None:
            return refused
        if stake.side == "buy" and self.is_too_much(stake):
            return "position_limit_exceeded"
        if stake.lots:
            if is_malformed(stake.lots, stake.tonnes):
                return "named_lots_malformed"
            for lot in stake.lots:
                known = vault.lots.get(lot.lot_id)
                if known is None or known.instrument != stake.listing:
                    return "lot_of_another_listing"
            for lot in stake.lots:
                if stake.side == "sell" and not self.has(stake.account, lot):
                    return "named_lots_not_available"
        if stake.side == "buy":
            fen = stake.price_fen * stake.tonnes
            needed_fen = fen + rules.fee(fen, rules.fees_now(listing.terms, "buy"))
            if vault.buying_power(stake.account) < needed_fen:
                return "insufficient_cash"
        elif vault.sellable(stake.account, stake.listing) < stake.tonnes:
            return "insufficient_units"
        if stake.account in self.market.restricted:
            return "account_restricted"
        if stake.account in vault.earmarks:
            return "account_earmarked"
        return "account_frozen" if self.market.custody.stops(stake.account) else None

    def not_these_terms(self, listing: "PlainListing", price_fen: int, tonnes: int) -> str | None:
        terms = listing.terms
        if tonnes < number(terms, "negotiated_min_tonnes"):
            return "negotiated_quantity_below_minimum"
        if tonnes % number(terms, "lot_tonnes"):
            return "quantity_not_in_lots"
        if price_fen < 1 or price_fen % number(terms, "tick_fen"):
            return "price_not_on_tick"
        width = rules.tier_of(terms["negotiated_band_tiers"], tonnes)
        if width is None:
            return None
        _, lowest, highest = rules.band(self.reference(listing), {**terms, "band_basis_points": width})
        return None if lowest <= price_fen <= highest else "negotiated_price_outside_band"

    def reference(self, listing: "PlainListing") -> int:
        """The day's listed close once nothing more is listed today, where the rules say so; else the close before."""
        hours = (self.market.market_terms or self.market.terms_now())["hours"]
        now = datetime.fromtimestamp(self.market.at_ns // rules.SECOND_NS, rules.SHANGHAI)
        second = now.hour * 3_600 + now.minute * 60 + now.second
        to_come = [
            phase
            for phase, _, end in rules.periods(str(hours)) or []
            if phase in ("listed", "continuous") and second < end
        ]
        if to_come or listing.terms["negotiated_reference"] != "same_day_close":
            return listing.reference_fen
        trades = [(price, tonnes) for _, price, tonnes in listing.traded]
        return rules.closing_price(trades, listing.reference_fen, listing.terms)

    def ails(self, transfer: PlainTransfer) -> str | None:
        """What is in the way of a confirmed transfer by now."""
        listing = self.market.listings[transfer.listing]
        for account in (transfer.seller, transfer.buyer):
            if self.kind(account or "") not in rules.names(listing.terms["participant_kinds"]):
                return "kind_not_admitted"
        refused = self.not_these_terms(listing, transfer.price_fen, transfer.tonnes)
        if refused is not None:
            return refused
        stake = self.stake(transfer, "buy", transfer.buyer or "")
        return "position_limit_exceeded" if self.is_too_much(stake, transfer) else None

    def is_too_much(self, stake: Stake, without: PlainTransfer | None = None) -> bool:
        listing = self.market.listings[stake.listing]
        limits = rules.tonnes_by_kind(listing.terms["position_limits"]) or []
        limit = next((tonnes for kind, tonnes in limits if kind == self.kind(stake.account)), None)
        owners = self.market.vault.owners
        mine = owners[stake.account]
        bids = [
            order.tonnes
            for order in self.market.open.values()
            if order.side == "buy" and order.listing == stake.listing and owners[order.account] == mine
        ]
        coming = sum(bids) + self.buying(mine, stake.listing, without) + stake.tonnes
        return limit is not None and (
            self.market.vault.position(stake.account, stake.listing) + coming > limit
        )

    def kind(self, account: str) -> str:
        return self.market.vault.kinds[self.market.vault.owners[account]]

    def has(self, account: str, lot: PlainLot) -> bool:
        """Whether these very serials, or enough of the lot, are the account's and nobody's by name."""
        mine = self.market.vault.lying(account, lot.lot_id)
        if not lot.ranges:
            return sum(end - first for first, end in mine) >= lot.tonnes
        return all(any(begin <= first and end <= stop for begin, stop in mine) for first, end in lot.ranges)

    # ---- deeds --------------------------------------------------------------------------------------------------

    def stake(self, transfer: PlainTransfer, side: str, account: str) -> Stake:
        terms = (transfer.price_fen, transfer.tonnes)
        return Stake(account, side, transfer.listing, *terms, transfer.lots)

    def fee_now(self, transfer: PlainTransfer, side: str) -> rules.Fee:
        return rules.fees_now(self.market.listings[transfer.listing].terms, side)

    def chosen(self, stake: Stake) -> list[PlainLot]:
        """A seller's lots with their serials: those named, or the lowest."""
        if stake.side == "buy":
            return stake.lots
        found = []
        for lot in stake.lots:
            ranges, wanted = list(lot.ranges), 0 if lot.ranges else lot.tonnes
            for first, end in self.market.vault.lying(stake.account, lot.lot_id):
                taken = min(wanted, end - first)
                if taken:
                    ranges.append((first, first + taken))
                wanted -= taken
            found.append(PlainLot(lot.lot_id, lot.tonnes, ranges))
        return found

    def cover(self, transfer: PlainTransfer, side: str) -> tuple[str, str, int]:
        fen = transfer.price_fen * transfer.tonnes
        if side == "buy":
            return transfer.buyer or "", MONEY, fen + rules.fee(fen, transfer.buyer_fee)
        return transfer.seller or "", transfer.listing, transfer.tonnes

    def hold(self, transfer: PlainTransfer, side: str) -> None:
        self.market.vault.move(*self.cover(transfer, side), "available", "held")
        transfer.covered.append(side)
        if side == "sell" and transfer.lots:
            wanted = [Piece("", lot.lot_id, first, end) for lot in transfer.lots for first, end in lot.ranges]
            transfer.aside = self.market.vault.put_aside(transfer.seller or "", transfer.listing, wanted)

    def newest_purchase(self, account: str) -> PlainTransfer:
        """The last that was filed of those under way for which the account's money is held."""
        mine = [one for one in self.filed if "buy" in one.covered and one.buyer == account]
        return max(mine, key=lambda one: one.number)

    def release(self, transfer: PlainTransfer) -> None:
        for side in transfer.covered:
            self.market.vault.move(*self.cover(transfer, side), "held", "available")
        transfer.covered = []
        if transfer.aside is not None:
            self.market.vault.put_back(transfer.aside)
            transfer.aside = None

    def end(self, transfer: PlainTransfer, how: str, detail: str) -> Note:
        self.release(transfer)
        transfer.state = how
        return (f"negotiated {how}", transfer.number, detail)

    def execute(self, transfer: PlainTransfer) -> list[Note]:
        market, listing = self.market, self.market.listings[transfer.listing]
        fen = transfer.price_fen * transfer.tonnes
        market.trades += 1
        trade = Trade(
            market.trades,
            transfer.listing,
            transfer.seller or "",
            transfer.buyer or "",
            transfer.tonnes,
            fen,
            market.day or "",
            listing.terms["resale_next_day"] == "yes",
            rules.fee(fen, transfer.buyer_fee),
            rules.fee(fen, transfer.seller_fee),
            aside=transfer.aside,
            at_once=listing.terms["sale_proceeds"] == "when_traded",
        )
        transfer.state, transfer.trade = "executed", trade.number
        transfer.covered, transfer.aside = [], None
        market.vault.owe(trade)
        listing.negotiated.append((trade.number, transfer.price_fen, transfer.tonnes))
        traded = ("negotiated traded", transfer.number, trade.number, transfer.price_fen, transfer.tonnes)
        notes: list[Note] = [traded, *market.large_holder(listing, trade.buyer, trade.tonnes)]
        if listing.terms["settlement_cycle"] == "as_traded":
            notes.extend(market.vault.ask([trade], market.seq))
        return notes


def is_malformed(lots: list[PlainLot], tonnes: int) -> bool:
    """Whether lots are named that cannot be meant: doubled, empty, out of order, not as many as wanted."""
    names = [lot.lot_id for lot in lots]
    if len(names) > 100 or len(names) != len(set(names)) or sum(len(lot.ranges) for lot in lots) > 1_000:
        return True
    if sum(lot.tonnes for lot in lots) != tonnes:
        return True
    for lot in lots:
        ranges = lot.ranges
        if lot.tonnes < 1 or any(not 0 <= first < end for first, end in ranges):
            return True
        if any(ranges[at][0] <= ranges[at - 1][1] for at in range(1, len(ranges))):
            return True
        if ranges and sum(end - first for first, end in ranges) != lot.tonnes:
            return True
    return False


def is_the_same(filed: PlainTransfer, again: PlainTransfer) -> bool:
    """Whether one agreement says what the other says; one that names no side or no lots contradicts none."""
    if (filed.listing, filed.price_fen, filed.tonnes) != (again.listing, again.price_fen, again.tonnes):
        return False
    if again.seller not in (None, filed.seller) or again.buyer not in (None, filed.buyer):
        return False
    if not again.lots:
        return True
    there = {lot.lot_id: lot for lot in filed.lots}
    here = {lot.lot_id: lot for lot in again.lots}
    return there.keys() == here.keys() and all(
        lot.tonnes == there[name].tonnes and lot.ranges in ([], there[name].ranges)
        for name, lot in here.items()
    )
