"""The plain market: what every command must do, said as simply as it can be said, whatever that costs.

This is the specification the core is held against. It reads the core's commands and answers with notes, plain tuples
that say what has happened:

    ("rejected", code)    ("replayed", seq)    ("accepted", order_id)    ("rested", order_id, tonnes)
    ("traded", listing, price_fen, tonnes, buyer, seller)    ("cancelled", order_id, tonnes, reason)
    ("replaced", order_id, price_fen, tonnes, whether it kept its place)    ("busted", trade) …

Books are dictionaries of lists, the rule book is read from its start, and whatever time brings (phases, bands, the
close) is worked out again at every command from nothing but the clock and the rules.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from matching.access import PermitAccess
from matching.acts import (
    DecideClaim,
    GoOnWithoutRegistry,
    GrantMandate,
    LiftFreeze,
    PlaceFreeze,
    ResolveBreak,
    RetryDeliveries,
    RetryRemoval,
    RevokeMandate,
    SettleCashBreak,
    SupersedeBankStatement,
    UnwindDelivery,
)
from matching.calendar import Announcement
from matching.commands import (
    AddListing,
    AdoptRules,
    AdvanceClose,
    AdvanceTime,
    AnnounceCalendar,
    AnyAct,
    ApproveAct,
    BustTrade,
    CancelOrder,
    CancelOrders,
    CloseDay,
    Command,
    DeclineAct,
    HaltTrading,
    IssueStatements,
    LiftRestriction,
    OpenDay,
    RecordReconciliation,
    ReplaceOrder,
    RestrictAccount,
    ResumeTrading,
    RetryRetirement,
    ReviewNegotiatedTransfer,
    SubmitOrder,
)
from matching.negotiated_commands import (
    ConfirmNegotiatedTransfer,
    CounterNegotiatedTransfer,
    DeclineNegotiatedTransfer,
    FileNegotiatedTransfer,
    NegotiationCommand,
    WithdrawNegotiatedTransfer,
)
from matching.personal_data import ReleaseSubject, RestrictSubject
from matching.rulebook import RuleChange
from matching.safety_commands import (
    EndConnection,
    LiftKillSwitch,
    SetDeadMan,
    ThrowKillSwitch,
    WatchConnection,
)
from settlement.commands import (
    AddInstrument,
    BankCommand,
    DepositCash,
    OpenAccount,
    Outcome,
    PayWithdrawal,
    RecordBankStatement,
    RegisterLot,
    RegisterParticipant,
    ReportBreaks,
    RequestTransferIn,
    RequestTransferOut,
    RequestWithdrawal,
    ResolveInstruction,
    ReturnWithdrawal,
    TakeNotice,
)
from settlement.retirement import Use
from settlement.use_commands import (
    AdoptComplianceYear,
    DesignateWelfareAccount,
    FileVerifiedEmissions,
    SubmitOffset,
    SubmitRetirement,
    WithdrawUse,
)
from tests.reference import rules
from tests.reference.custody import NEXT_OF_CLAIM, Custody, Frost, are_sound
from tests.reference.mandates import Mandates
from tests.reference.negotiation import NEGOTIATED_PHASES, Negotiation
from tests.reference.office import Office, PlainUse, UseRequest, channels
from tests.reference.rules import Terms, number
from tests.reference.safety import PlainSafety
from tests.reference.subjects import PlainSubjects
from tests.reference.vault import MONEY, Answer, Note, Trade, Vault

STEPS = (
    "stop_orders",
    "expire_orders",
    "closing_prices",
    "obligations",
    "registry",
    "delivery",
    "fees",
    "publication",
    "reconcile",
    "roll_date",
)
LISTED_PHASES = ("listed", "continuous")
NO_CANCEL_PHASES = ("closing", "closed")

ClientRequest = (
    SubmitOrder
    | ReplaceOrder
    | RequestTransferIn
    | RequestTransferOut
    | RequestWithdrawal
    | BankCommand
    | UseRequest
    | NegotiationCommand
)


@dataclass(eq=False)
class PlainOrder:
    """An order that is open."""

    order_id: int
    client_id: str
    account: str
    listing: str
    side: str
    price_fen: int
    whole_tonnes: int
    """What was asked for, in all."""
    tonnes: int
    """What remains."""
    use: Use | None = None
    """What a purchase is to be retired for."""
    fee: rules.Fee = rules.FREE
    """What its side pays: as it was when the order came, or was last replaced."""
    traded_fen: int = 0
    """What it has been traded for."""
    hand: str | None = None
    """Who placed it for its owner, or replaced it last."""

    def fee_of(self, fen: int) -> int:
        """What it pays for trading that much more."""
        return rules.fee(self.traded_fen + fen, self.fee) - rules.fee(self.traded_fen, self.fee)

    def cover(self) -> tuple[str, int]:
        """What it holds: the units, or their price and the buyer's fee on it."""
        if self.side == "sell":
            return self.listing, self.tonnes
        fen = self.price_fen * self.tonnes
        return MONEY, fen + self.fee_of(fen)


class PlainListing:
    """One listing: resting orders by side and price, each price a list in order of arrival."""

    def __init__(self, code: str, reference_fen: int, terms: Terms) -> None:
        self.code = code
        self.reference_fen = reference_fen
        self.terms = terms
        self.band = rules.band(reference_fen, terms)
        self.book: dict[str, dict[int, list[PlainOrder]]] = {"buy": {}, "sell": {}}
        self.traded: list[tuple[int, int, int]] = []
        """Number, price and tonnes of each trade of the day."""
        self.negotiated: list[tuple[int, int, int]] = []
        """The same of what was negotiated."""

    def follow(self, terms: Terms) -> bool:
        """Trade by these terms from now on; whether that moves the band."""
        before = self.band
        self.terms = terms
        self.band = rules.band(self.reference_fen, terms)
        return self.band != before

    def depth(self, side: str) -> list[tuple[int, int]]:
        """Price and tonnes of each level, best first."""
        levels = sorted(self.book[side], reverse=side == "buy")
        return [(price, sum(order.tonnes for order in self.book[side][price])) for price in levels]

    def facing(self, side: str, price_fen: int) -> list[PlainOrder]:
        """The orders an incoming one of that side and limit may meet: best price first, then oldest first."""
        if side == "buy":
            prices = sorted(price for price in self.book["sell"] if price <= price_fen)
            return [order for price in prices for order in self.book["sell"][price]]
        prices = sorted((price for price in self.book["buy"] if price >= price_fen), reverse=True)
        return [order for price in prices for order in self.book["buy"][price]]

    def remove(self, order: PlainOrder) -> None:
        level = self.book[order.side][order.price_fen]
        level.remove(order)
        if not level:
            del self.book[order.side][order.price_fen]


class Market:
    """The whole market. `do` is its only door."""

    def __init__(self) -> None:
        self.vault = Vault()
        self.custody = Custody(self.vault)
        self.vault.named = self.custody.named
        self.vault.stopped = self.custody.stops
        self.office = Office(self.vault)
        self.listings: dict[str, PlainListing] = {}
        self.open: dict[int, PlainOrder] = {}
        self.changes: list[RuleChange] = []
        self.versions = 0
        self.announcements: list[Announcement] = []
        self.used: dict[tuple[str, str, str], tuple[int, tuple[object, ...]]] = {}
        self.trades = 0
        self.seq = 0
        self.at_ns = 0
        self.day: str | None = None
        self.phase = "closed"
        self.close_step: str | None = None
        self.close_done = 0
        self.close_total = 0
        self.market_terms: Terms | None = None
        """What the day goes by; they stand still while it closes."""
        self.halted: list[str | None] = []
        self.restricted: list[str] = []
        self.safety = PlainSafety(self)
        self.subjects = PlainSubjects(self)
        self.waiting: dict[int, AnyAct] = {}
        self.negotiation = Negotiation(self)
        self.mandates = Mandates(self)
        self._terms: dict[str | None, tuple[int, int, Terms | None]] = {}

    def do(self, command: Command, seq: int, at_ns: int) -> list[Note]:
        """Let time pass up to that instant, then obey or refuse the command; everything that happened."""
        since_ns, self.seq, self.at_ns = self.at_ns, seq, at_ns
        notes = [*self.follow_time(since_ns), *self.mandates.follow_time(), *self.ask_due()]
        notes.extend(self.safety.follow_time(at_ns))
        answer = self.decide(command)
        said = [("rejected", answer)] if isinstance(answer, str) else [*answer, *self.ask_due()]
        told = [*notes, *said, *self.follow_money(), *self.follow_up()]
        while more := self.follow_money():
            told.extend([*more, *self.follow_up()])
        self.vault.failed += sum(note[0] == "failed" for note in told)
        return told

    def follow_up(self) -> list[Note]:
        """What frozen accounts and frozen units mean for orders; and everything frozen that is to be."""
        stopped, self.custody.newly_stopped = self.custody.newly_stopped, []
        if self.day is None or not (self.custody.frosts or self.custody.arrivals or self.has_frozen()):
            return []
        notes = self.custody.credit()
        for account in stopped:
            theirs = [order for order in self.open.values() if order.account == account]
            notes.extend(self.take_back(order, "cancelled", "frozen") for order in theirs)
            notes.extend(self.negotiation.restrict(account, "account_frozen"))
        for account, instrument in self.custody.places():
            notes.extend(self.uncover(account, instrument))
            notes.extend(self.custody.settle(account, instrument, self.seq))
        return notes

    def follow_money(self) -> list[Note]:
        """What those who lack money lose, account by account; and what is asked for because the money has come."""
        notes: list[Note] = []
        while True:
            for account in sorted(self.vault.owners):
                before = len(notes)
                while more := self.lose(account):
                    notes.extend(more)
                if len(notes) > before:
                    break
            else:
                ready = [
                    trade
                    for trade in self.vault.trades
                    if (trade.waiting or trade.for_money)
                    and trade.number not in self.vault.lacking(trade.buyer)
                ]
                if not ready:
                    return notes
                for trade in ready:
                    trade.waiting = trade.parked = trade.for_money = False
                notes.extend(self.vault.ask(ready, self.seq))

    def lose(self, account: str) -> list[Note]:
        """The next thing an account loses, or has to wait for, because it lacks money that will not come, or not now."""
        vault, before = self.vault, 0
        if vault.amount(account, MONEY, "available") >= 0:
            return []
        lacking = vault.lacking(account)
        for trade in [trade for trade in vault.trades if trade.number in lacking]:
            wanted = before + lacking[trade.number]
            if wanted > vault.coming(account, trade.number, parked=True):
                return [vault.give_up(trade, "proceeds_lost")]
            if wanted > vault.coming(account, trade.number) and not trade.parked:
                trade.parked = trade.for_money = True
                trade.waiting = False
                return [("parked", trade.number)]
            before = wanted
        if not vault.lacking_open(account) or before + vault.lacking_open(account) <= vault.coming(account):
            return []
        bids = [one for one in self.open.values() if (one.account, one.side) == (account, "buy")]
        if bids:
            return [self.take_back(max(bids, key=lambda one: one.order_id), "cancelled", "proceeds_lost")]
        return [self.negotiation.end(self.negotiation.newest_purchase(account), "rejected", "proceeds_lost")]

    def uncover(self, account: str, instrument: str) -> list[Note]:
        """What names frozen serials goes; then sales of the account, newest first, while cover is missing."""
        naming = self.negotiation.naming(account, instrument)
        notes = [self.negotiation.end(one, "rejected", "serials_frozen") for one in naming]
        while self.custody.missing(account, instrument) > 0:
            sales = [
                order
                for order in self.open.values()
                if (order.account, order.listing, order.side) == (account, instrument, "sell")
            ]
            filed = self.negotiation.unnamed_sales(account, instrument)
            if sales:
                newest = max(sales, key=lambda order: order.order_id)
                notes.append(self.take_back(newest, "cancelled", "frozen"))
            elif filed:
                last = max(filed, key=lambda one: one.number)
                notes.append(self.negotiation.end(last, "rejected", "serials_frozen"))
            else:
                break
        return notes

    def has_frozen(self) -> bool:
        return any(amounts["frozen"] for amounts in self.vault.amounts.values())

    def decide(self, command: Command) -> Answer:
        match command:
            case (
                SubmitOrder()
                | ReplaceOrder()
                | RequestTransferIn()
                | RequestTransferOut()
                | RequestWithdrawal()
                | DepositCash()
                | PayWithdrawal()
                | ReturnWithdrawal()
                | SubmitOffset()
                | SubmitRetirement()
                | WithdrawUse()
            ):
                return self.decide_once(command)
            case (
                FileNegotiatedTransfer()
                | ConfirmNegotiatedTransfer()
                | CounterNegotiatedTransfer()
                | DeclineNegotiatedTransfer()
                | WithdrawNegotiatedTransfer()
            ):
                return self.decide_once(command)
            case CancelOrder() | CancelOrders():
                return self.cancel(command)
            case SetDeadMan() | WatchConnection() | EndConnection():
                return self.safety.decide(command)
            case AdvanceTime():
                return []
            case ResolveInstruction():
                return self.resolve(command)
            case TakeNotice():
                policy = "claim_only" if self.market_terms is None else self.market_terms["correction_policy"]
                return self.custody.take(command, str(policy))
            case ReportBreaks():
                return self.custody.report(command)
            case AdoptComplianceYear() | FileVerifiedEmissions() | DesignateWelfareAccount():
                return self.office.set(command, self.at_ns)
            case AdvanceClose():
                return self.advance_close(command)
            case RegisterParticipant():
                return self.vault.admit(command)
            case OpenAccount():
                return self.vault.open_account(command)
            case AddInstrument():
                return self.vault.add_instrument(command)
            case RegisterLot():
                return self.vault.register_lot(command)
            case (
                AdoptRules()
                | HaltTrading()
                | ResumeTrading()
                | RestrictAccount()
                | LiftRestriction()
                | BustTrade()
                | RetryRetirement()
                | PlaceFreeze()
                | LiftFreeze()
                | DecideClaim()
                | RetryRemoval()
                | ResolveBreak()
                | RetryDeliveries()
                | UnwindDelivery()
                | SettleCashBreak()
                | SupersedeBankStatement()
                | GoOnWithoutRegistry()
                | ReviewNegotiatedTransfer()
                | GrantMandate()
                | RevokeMandate()
                | ThrowKillSwitch()
                | LiftKillSwitch()
                | RestrictSubject()
                | ReleaseSubject()
                | PermitAccess()
            ):
                return self.act(command)
            case ApproveAct():
                return self.approve(command)
            case DeclineAct():
                return self.decline(command)
            case AnnounceCalendar():
                return self.announce(command)
            case AddListing():
                return self.add_listing(command)
            case RecordBankStatement():
                return self.record_statement(command)
            case OpenDay():
                return self.open_day(command)
            case CloseDay():
                return self.close_day(command)
            case RecordReconciliation():
                return self.reconcile(command)
            case IssueStatements():
                return self.issue(command)
            case _:
                assert_never(command)

    # ---- requests under a client's own id ---------------------------------------------------------------------------

    def decide_once(self, command: ClientRequest) -> Answer:
        """The same request twice is the same request once; a refused one has used its id too."""
        if not isinstance(command, BankCommand):
            stranger = self.mandates.stranger(command)
            if stranger is not None:
                return stranger
        space, content = content_of(command)
        used = self.used.get((command.account, space, command.client_id))
        if used is not None:
            return [("replayed", used[0])] if used[1] == content else "client_id_reused"
        self.used[command.account, space, command.client_id] = (self.seq, content)
        if self.is_late(command.deadline_ns):
            return "deadline_passed"
        answer = self.decide_in_time(command)
        if isinstance(answer, str) or isinstance(command, BankCommand):
            return answer
        return [*self.mandates.note(command), *answer]

    def decide_in_time(self, command: ClientRequest) -> Answer:
        if isinstance(command, SubmitOrder):
            return self.submit(command)
        if isinstance(command, ReplaceOrder):
            return self.replace(command)
        if isinstance(command, DepositCash):
            return self.vault.deposit(command, self.at_ns)
        if isinstance(command, PayWithdrawal | ReturnWithdrawal):
            return self.vault.end_withdrawal(command, self.at_ns)
        if isinstance(command, RequestWithdrawal):
            if command.account in self.restricted:
                return "account_restricted"
            if self.custody.stops(command.account):
                return "account_frozen"
            if command.account in self.vault.earmarks:
                return "account_earmarked"
            return self.vault.withdraw(command, self.seq)
        if isinstance(command, RequestTransferOut):
            if command.account in self.restricted:
                return "account_restricted"
            return self.no_transfer_now(command.account) or self.vault.transfer_out(command, self.seq)
        if isinstance(command, UseRequest):
            restricted = command.account in self.restricted
            terms = self.market_terms
            return self.office.decide(command, self.seq, self.at_ns, terms, restricted=restricted)
        if not isinstance(command, RequestTransferIn):
            return self.negotiation.decide(command)
        refused = self.vault.no_transfer_in(command) or self.no_transfer_now(command.account)
        return refused or self.vault.transfer_in(command, self.seq)

    def record_statement(self, command: RecordBankStatement) -> Answer:
        ours = None if self.market_terms is None else self.market_terms["settlement_account"]
        refused = self.vault.bank.refuse(command.statement, None if ours == "none" else ours, self.at_ns)
        return refused or self.vault.bank.record(command.statement)

    def no_transfer_now(self, account: str) -> str | None:
        if self.day is None or self.market_terms is None:
            return "day_not_open"
        if self.phase == "closing":
            return "phase_closed"
        until = rules.seconds_of(self.market_terms["transfers_until"])
        if until is not None and self.at_ns >= rules.start_of_day_ns(self.day) + until * rules.SECOND_NS:
            return "transfer_cut_off"
        return "account_frozen" if self.custody.stops(account) else None

    def answer(self, command: ResolveInstruction) -> Answer:
        """The registry's word, and what it means for corrected units on their way out."""
        movement = next((one for one in self.vault.asked if one.name == command.instruction_id), None)
        answer = self.vault.answer(command, self.seq)
        if isinstance(answer, str) or movement is None or not movement.removal:
            return answer
        if command.outcome is Outcome.CONFIRMED:
            return [*answer, *self.custody.removed(movement.removal)]
        return [*answer, *self.custody.not_removed(movement.removal, command.code or "refused")]

    def resolve(self, command: ResolveInstruction) -> Answer:
        """The registry's answer; whatever is retired is certified."""
        day = self.day or ""
        uses = [one for one in self.vault.asked if one.used and one.name == command.instruction_id]
        for movement in uses:
            self.vault.asked.remove(movement)
            if command.outcome is Outcome.CONFIRMED:
                return [("confirmed", movement.name), *self.office.done(movement, day)]
            code = command.code or "refused"
            ended = self.office.undone(movement, code, self.seq)
            return [("refused", movement.name, code, command.leg), *ended]
        retired = [one for one in self.vault.asked if one.use and one.name == command.instruction_id]
        answer = self.answer(command)
        if isinstance(answer, str) or command.outcome is not Outcome.CONFIRMED:
            return answer
        for one in retired:
            assert one.use is not None
            channel = one.use.purpose.value
            use = PlainUse(one.retirement, one.account, one.instrument, channel, None, one.pieces, 0)
            answer.append(self.office.certify(use, day))
        return answer

    def ask_due(self) -> list[Note]:
        """Held uses whose time has come."""
        return self.office.ask_due(self.seq, self.at_ns, self.day, closing=self.phase == "closing")

    def is_late(self, deadline_ns: int | None) -> bool:
        return deadline_ns is not None and deadline_ns < self.at_ns

    # ---- listed trading ---------------------------------------------------------------------------------------------

    def submit(self, command: SubmitOrder) -> Answer:
        order = PlainOrder(
            self.seq,
            command.client_id,
            command.account,
            command.listing,
            command.side.value,
            command.price_fen,
            command.quantity_tonnes,
            command.quantity_tonnes,
            command.use,
            self.fee_now(command.listing, command.side.value),
            hand=self.mandates.hand(command),
        )
        refused = self.not_this_order(order, 0)
        if refused is not None:
            return refused
        listing = self.listings[command.listing]
        meets, own, unmet = self.whom_it_meets(listing, order)
        if own and listing.terms["self_trade"] == "reject_incoming":
            return "self_trade"
        notes: list[Note] = [("accepted", order.order_id)]
        if command.time_in_force == "fok" and unmet:
            return [*notes, ("cancelled", order.order_id, order.tonnes, "fok_unfilled")]
        self.vault.move(order.account, *order.cover(), "available", "held")
        notes.extend(self.meet(listing, order, meets, own))
        if order.tonnes and command.time_in_force == "day":
            notes.append(self.rest(listing, order))
        elif order.tonnes:
            self.vault.move(order.account, *order.cover(), "held", "available")
            notes.append(("cancelled", order.order_id, order.tonnes, "ioc_remainder"))
        return notes

    def replace(self, command: ReplaceOrder) -> Answer:
        """Another price or quantity: in place when less of it is wanted at its price, else as if it came anew."""
        old = self.open.get(command.order_id)
        if old is None or old.account != command.account:
            return "order_not_open"
        price_fen = old.price_fen if command.price_fen is None else command.price_fen
        whole = old.whole_tonnes if command.quantity_tonnes is None else command.quantity_tonnes
        filled = old.whole_tonnes - old.tonnes
        if price_fen == old.price_fen and whole == old.whole_tonnes:
            return "nothing_to_replace"
        if whole <= filled:
            return "quantity_already_filled"
        fee = self.fee_now(old.listing, old.side)
        hand = self.mandates.hand(command)
        new = replace(old, price_fen=price_fen, whole_tonnes=whole, tonnes=whole - filled, fee=fee, hand=hand)
        refused = self.not_this_order(new, old.cover()[1])
        if refused is not None:
            return refused
        listing = self.listings[old.listing]
        stays = price_fen == old.price_fen and whole < old.whole_tonnes
        meets, own, _ = ([], [], 0) if stays else self.whom_it_meets(listing, new)
        if own and listing.terms["self_trade"] == "reject_incoming":
            return "self_trade"
        self.vault.move(old.account, *old.cover(), "held", "available")
        self.vault.move(new.account, *new.cover(), "available", "held")
        notes: list[Note] = [("replaced", new.order_id, price_fen, new.tonnes, stays)]
        if stays:
            old.whole_tonnes, old.tonnes, old.fee = whole, new.tonnes, fee
            return notes
        listing.remove(old)
        old.price_fen, old.whole_tonnes, old.tonnes, old.fee = price_fen, whole, new.tonnes, fee
        old.hand = hand
        notes.extend(self.meet(listing, old, meets, own))
        if old.tonnes:
            notes.append(self.rest(listing, old))
        else:
            del self.open[old.order_id]
        return notes

    def fee_now(self, code: str, side: str) -> rules.Fee:
        """What an order pays that comes now."""
        listing = self.listings.get(code)
        return rules.FREE if listing is None else rules.fees_now(listing.terms, side)

    def whom_it_meets(
        self, listing: PlainListing, order: PlainOrder
    ) -> tuple[list[tuple[PlainOrder, int]], list[PlainOrder], int]:
        """Others' orders with the tonnes each gives, its own owner's orders on the way, and what nobody gives."""
        meets: list[tuple[PlainOrder, int]] = []
        own: list[PlainOrder] = []
        wanted = order.tonnes
        for resting in listing.facing(order.side, order.price_fen):
            if wanted == 0:
                break
            if any(hand in self.hands(order) for hand in self.hands(resting)):
                own.append(resting)
                continue
            meets.append((resting, min(wanted, resting.tonnes)))
            wanted -= meets[-1][1]
        return meets, own, wanted

    def hands(self, order: PlainOrder) -> list[str]:
        """Its owner, and who acts for it."""
        return [self.vault.owners[order.account], *([] if order.hand is None else [order.hand])]

    def meet(
        self,
        listing: PlainListing,
        order: PlainOrder,
        meets: list[tuple[PlainOrder, int]],
        own: list[PlainOrder],
    ) -> list[Note]:
        """Its own owner's orders go; the others trade; as traded, the registry is asked at once."""
        notes = [self.take_back(mine, "cancelled", "self_trade") for mine in own]
        before = len(self.vault.trades)
        for resting, tonnes in meets:
            notes.extend(self.trade(listing, order, resting, tonnes))
        made = self.vault.trades[before:]
        if made and listing.terms["settlement_cycle"] == "as_traded":
            notes.extend(self.vault.ask(made, self.seq))
        return notes

    def rest(self, listing: PlainListing, order: PlainOrder) -> Note:
        listing.book[order.side].setdefault(order.price_fen, []).append(order)
        self.open[order.order_id] = order
        return ("rested", order.order_id, order.tonnes)

    def not_this_order(self, order: PlainOrder, held: int) -> str | None:
        """The guards, in their documented order. `held` is the cover the order has already."""
        listing = self.listings.get(order.listing)
        price_fen, tonnes = order.price_fen, order.whole_tonnes
        if listing is None:
            return "listing_unknown"
        if self.phase not in LISTED_PHASES:
            return "phase_closed"
        if order.listing in self.halted or None in self.halted:
            return "listing_halted"
        if self.safety.is_killed(order.account, self.hands(order)):
            return "kill_switch_on"
        if order.account in self.restricted:
            return "account_restricted"
        if self.custody.stops(order.account):
            return "account_frozen"
        kind = self.vault.kinds[self.vault.owners[order.account]]
        if kind not in rules.names(listing.terms["participant_kinds"]):
            return "kind_not_admitted"
        earmark, purpose = self.vault.earmarks.get(order.account), order.use and order.use.purpose.value
        if earmark is not None and purpose != earmark:
            return "account_earmarked"
        table = channels(str(listing.terms["use_channels"]))
        if (
            purpose
            and order.side == "buy"
            and purpose not in table.get(self.vault.instruments[order.listing], [])
        ):
            return "channel_not_allowed"
        if order.use is not None and order.side == "sell":
            return "use_of_a_sale"
        if order.use is not None and not rules.is_use(order.use):
            return "use_malformed"
        if price_fen < 1 or price_fen % number(listing.terms, "tick_fen") != 0:
            return "price_not_on_tick"
        if tonnes < number(listing.terms, "listed_min_tonnes"):
            return "quantity_below_minimum"
        if tonnes > number(listing.terms, "listed_max_tonnes"):
            return "quantity_above_maximum"
        if tonnes % number(listing.terms, "lot_tonnes") != 0:
            return "quantity_not_in_lots"
        if price_fen < listing.band[1] or price_fen > listing.band[2]:
            return "price_outside_band"
        if order.side == "buy":
            if self.is_above_limit(listing, order, kind):
                return "position_limit_exceeded"
            money = self.vault.buying_power(order.account)
            return "insufficient_cash" if money + held < order.cover()[1] else None
        units = self.vault.sellable(order.account, order.listing)
        return "insufficient_units" if units + held < order.cover()[1] else None

    def is_above_limit(self, listing: PlainListing, order: PlainOrder, kind: str) -> bool:
        """Whether its owner would have, be buying and be bidding for more than its kind may."""
        limits = rules.tonnes_by_kind(listing.terms["position_limits"]) or []
        limit = next((tonnes for limited, tonnes in limits if limited == kind), None)
        if limit is None:
            return False
        bids = [
            other.tonnes
            for other in self.open.values()
            if other.side == "buy"
            and other.listing == order.listing
            and other.order_id != order.order_id
            and self.vault.owners[other.account] == self.vault.owners[order.account]
        ]
        position = self.vault.position(order.account, order.listing)
        position += self.negotiation.buying(self.vault.owners[order.account], order.listing)
        return position + sum(bids) + order.tonnes > limit

    def trade(self, listing: PlainListing, order: PlainOrder, resting: PlainOrder, tonnes: int) -> list[Note]:
        """At the resting order's price; what the buyer had set aside above it comes back."""
        buy, sell = (order, resting) if order.side == "buy" else (resting, order)
        price_fen = resting.price_fen
        self.trades += 1
        fen = price_fen * tonnes
        owed = Trade(
            self.trades,
            listing.code,
            sell.account,
            buy.account,
            tonnes,
            fen,
            self.day or "",
            listing.terms["resale_next_day"] == "yes",
            buy.fee_of(fen),
            sell.fee_of(fen),
            buy.use,
            at_once=listing.terms["sale_proceeds"] == "when_traded",
        )
        had = buy.cover()[1]
        for side in (buy, sell):
            side.tonnes -= tonnes
            side.traded_fen += fen
        self.vault.owe(owed)
        spare = had - buy.cover()[1] - fen - owed.buyer_fee
        self.vault.move(buy.account, MONEY, spare, "held", "available")
        listing.traded.append((self.trades, price_fen, tonnes))
        if resting.tonnes == 0:
            listing.remove(resting)
            del self.open[resting.order_id]
        traded = ("traded", listing.code, price_fen, tonnes, buy.account, sell.account)
        return [traded, *self.large_holder(listing, buy.account, tonnes)]

    def large_holder(self, listing: PlainListing, buyer: str, tonnes: int) -> list[Note]:
        """Thresholds that a purchase has just reached or passed."""
        thresholds = rules.tonnes_by_kind(listing.terms["large_holder_alerts"])
        if not thresholds:
            return []
        kind = self.vault.kinds[self.vault.owners[buyer]]
        position = self.vault.position(buyer, listing.code)
        return [
            ("large holder", buyer, listing.code, position, threshold)
            for watched, threshold in thresholds
            if watched == kind and position - tonnes < threshold <= position
        ]

    def cancel(self, command: CancelOrder | CancelOrders) -> Answer:
        if self.is_late(command.deadline_ns):
            return "deadline_passed"
        stranger = self.mandates.stranger(command)
        if stranger is not None:
            return stranger
        answer = self.cancel_in_time(command)
        return answer if isinstance(answer, str) else [*self.mandates.note(command), *answer]

    def cancel_in_time(self, command: CancelOrder | CancelOrders) -> Answer:
        if self.phase in NO_CANCEL_PHASES:
            return "phase_closed"
        if isinstance(command, CancelOrder):
            order = self.open.get(command.order_id)
            if order is None or order.account != command.account:
                return "order_not_open"
            return [self.take_back(order, "cancelled", "requested")]
        if command.listing is not None and command.listing not in self.listings:
            return "listing_unknown"
        chosen = [
            order
            for order in self.open.values()
            if order.account == command.account
            and (command.listing is None or order.listing == command.listing)
            and (command.side is None or order.side == command.side)
        ]
        notes = [self.take_back(order, "cancelled", "requested") for order in chosen]
        return [*notes, ("all cancelled", command.account, len(chosen))]

    def take_back(self, order: PlainOrder, *why: str) -> Note:
        self.vault.move(order.account, *order.cover(), "held", "available")
        self.listings[order.listing].remove(order)
        del self.open[order.order_id]
        return (why[0], order.order_id, order.tonnes, *why[1:])

    # ---- rules, calendar, listings ----------------------------------------------------------------------------------

    def terms(self, listing: str | None = None, at_ns: int | None = None) -> Terms | None:
        """The values in force now, or then; worked out anew whenever a change was adopted or came into force."""
        moment_ns = self.at_ns if at_ns is None else at_ns
        in_force = sum(1 for change in self.changes if change.effective_from_ns <= moment_ns)
        known = self._terms.get(listing)
        if known is None or known[:2] != (len(self.changes), in_force):
            terms = rules.terms_at(self.changes, moment_ns, listing)
            known = self._terms[listing] = (len(self.changes), in_force, terms)
        return known[2]

    def terms_now(self, listing: str | None = None, at_ns: int | None = None) -> Terms:
        terms = self.terms(listing, at_ns)
        assert terms is not None, "a day without rules"
        return terms

    # ---- operators' acts --------------------------------------------------------------------------------------------

    def act(self, act: AnyAct) -> Answer:
        """Do it, or let it wait where the rules of the day ask for two persons."""
        refused = self.not_this_act(act)
        if refused is not None:
            return refused
        if self.needs_two(act):
            self.waiting[self.seq] = act
            return [("waits", self.seq, act_name(act))]
        return self.done(act)

    def needs_two(self, act: AnyAct) -> bool:
        two_persons = [] if self.market_terms is None else rules.names(self.market_terms["two_person_acts"])
        return act_name(act) != "" and act_name(act) in two_persons

    def approve(self, command: ApproveAct) -> Answer:
        act = self.waiting.get(command.approval_id)
        if act is None:
            return "approval_unknown"
        if act.operator == command.operator:
            return "second_person_needed"
        refused = self.not_this_act(act, waited=True)
        if refused is not None:
            return refused
        del self.waiting[command.approval_id]
        return [("approved", command.approval_id, act_name(act)), *self.done(act)]

    def decline(self, command: DeclineAct) -> Answer:
        if command.approval_id not in self.waiting:
            return "approval_unknown"
        if not command.reason:
            return "reason_missing"
        act = self.waiting.pop(command.approval_id)
        return [("declined", command.approval_id, act_name(act))]

    def not_this_act(self, act: AnyAct, *, waited: bool = False) -> str | None:
        silent = isinstance(act, PermitAccess) and not self.needs_two(act)
        if not act.reason and not silent:
            return "reason_missing"
        match act:
            case HaltTrading() | ResumeTrading():
                if act.listing is not None and act.listing not in self.listings:
                    return "listing_unknown"
                if isinstance(act, HaltTrading):
                    return "listing_halted" if act.listing in self.halted else None
                return None if act.listing in self.halted else "not_halted"
            case RestrictAccount() | LiftRestriction():
                if act.account not in self.vault.owners:
                    return "account_unknown"
                if isinstance(act, RestrictAccount):
                    return "account_restricted" if act.account in self.restricted else None
                return None if act.account in self.restricted else "not_restricted"
            case ThrowKillSwitch() | LiftKillSwitch():
                return self.safety.not_this_switch(act)
            case RestrictSubject() | ReleaseSubject():
                return self.subjects.not_this(act)
            case PermitAccess():
                return None
            case BustTrade():
                if self.close_step in STEPS[3:]:
                    return "close_under_way"
                pending = [trade.number for trade in self.vault.undoable()]
                return None if act.trade_id in pending else "trade_not_pending"
            case RetryRetirement():
                return None if act.retirement_id in self.vault.refused else "retirement_not_refused"
            case AdoptRules():
                return self.not_these_rules(act, waited=waited)
            case ReviewNegotiatedTransfer():
                return self.negotiation.not_to_review(act)
            case GrantMandate() | RevokeMandate():
                return self.mandates.not_this(act)
            case _:
                return self.not_this_custody_act(act)

    def not_this_custody_act(self, act: AnyAct) -> str | None:
        custody, parked = self.custody, self.vault.parked()
        match act:
            case PlaceFreeze():
                return self.not_this_freeze(act)
            case LiftFreeze():
                ours = [frost.name for frost in custody.frosts if frost.source == "operator"]
                return None if act.freeze_id in ours else "freeze_unknown"
            case DecideClaim():
                claim = custody.claims.get(act.claim_id)
                known = claim is not None and (claim.state, act.decision) in NEXT_OF_CLAIM
                return None if known else "claim_not_open"
            case RetryRemoval():
                removal = custody.removals.get(act.removal_id)
                known = removal is not None and removal.state == "refused"
                return None if known else "removal_not_refused"
            case ResolveBreak():
                return None if act.break_id in custody.breaks else "break_not_open"
            case RetryDeliveries():
                wanted: list[int] = list(act.trade_ids) or self.parked_by_word()
                sound = wanted and all(wanted.count(one) == 1 and one in parked for one in wanted)
                if not sound:
                    return "delivery_not_parked"
                covered = all(one in self.parked_by_word() for one in wanted)
                return None if covered else "delivery_not_covered"
            case UnwindDelivery():
                return None if act.trade_id in parked else "delivery_not_parked"
            case SettleCashBreak():
                known = any(one.number == act.break_id for one in self.vault.bank.differences)
                return None if known else "cash_break_not_open"
            case SupersedeBankStatement():
                return self.vault.bank.not_superseded(act.statement_id)
            case GoOnWithoutRegistry():
                waits = act.trading_day == self.day and self.close_step in ("registry", "reconcile")
                return None if waits else "not_reconciling"
        raise AssertionError(f"nobody judges {act}")

    def parked_by_word(self) -> list[int]:
        """Parked because the registry would not be asked, not for want of money."""
        return [trade.number for trade in self.vault.trades if trade.parked and not trade.for_money]

    def not_this_freeze(self, act: PlaceFreeze) -> str | None:
        if act.lot_id is None and (act.account is None or act.serials):
            return "freeze_malformed"
        if act.account is not None and act.account not in self.vault.owners:
            return "account_unknown"
        if act.lot_id is None:
            return None
        lot = self.vault.lots.get(act.lot_id)
        if lot is None:
            return "lot_unknown"
        beyond = any(first < lot.serials[0] or end > lot.serials[1] for first, end in act.serials)
        return "serials_malformed" if beyond or not are_sound(act.serials) else None

    def not_these_rules(self, act: AdoptRules, *, waited: bool) -> str | None:
        # What is adopted before the first day may be of any time; so may an emergency that had to wait for somebody.
        any_time = self.day is None or (act.emergency and waited)
        for change in act.changes:
            if rules.is_faulty(change):
                return "rule_faulty"
            if change.effective_from_ns < (0 if any_time else self.at_ns):
                return "rule_backdated"
        if self.market_terms is None or act.emergency:
            return None
        notice_ns = number(self.market_terms, "notice_s") * rules.SECOND_NS
        late = [change for change in act.changes if change.effective_from_ns < self.at_ns + notice_ns]
        return "rule_without_notice" if late else None

    def done(self, act: AnyAct) -> list[Note]:
        match act:
            case HaltTrading():
                self.halted.append(act.listing)
                return [("halted", act.listing)]
            case ResumeTrading():
                self.halted.remove(act.listing)
                return [("resumed", act.listing)]
            case GrantMandate() | RevokeMandate():
                return self.mandates.done(act)
            case ThrowKillSwitch() | LiftKillSwitch():
                return self.safety.switched(act)
            case RestrictSubject() | ReleaseSubject():
                return self.subjects.done(act)
            case PermitAccess():
                return [("access permitted", act.deed.value, act.person, act.participant)]
            case RestrictAccount():
                self.restricted.append(act.account)
                theirs = [order for order in self.open.values() if order.account == act.account]
                taken = [self.take_back(order, "cancelled", "restricted") for order in theirs]
                return [
                    ("restricted", act.account),
                    *taken,
                    *self.negotiation.restrict(act.account, "account_restricted"),
                ]
            case LiftRestriction():
                self.restricted.remove(act.account)
                return [("lifted", act.account)]
            case BustTrade():
                return self.bust(act.trade_id)
            case RetryRetirement():
                return [self.vault.retry(act.retirement_id, self.seq)]
            case AdoptRules():
                self.changes.extend(
                    replace(change, effective_from_ns=max(change.effective_from_ns, self.at_ns))
                    if act.emergency and self.day is not None
                    else change
                    for change in act.changes
                )
                self.versions += 1
                return [("rules", self.versions), *self.follow_time()]
            case ReviewNegotiatedTransfer():
                return self.negotiation.review(act)
            case _:
                return self.done_in_custody(act)

    def done_in_custody(self, act: AnyAct) -> list[Note]:
        custody = self.custody
        match act:
            case PlaceFreeze():
                account = None if act.account is None else self.vault.registry_accounts[act.account]
                return [
                    custody.freeze(Frost(f"act-{self.seq}", "operator", account, act.lot_id, act.serials))
                ]
            case LiftFreeze():
                return [custody.thaw(act.freeze_id)]
            case DecideClaim():
                return custody.decide(act.claim_id, act.decision)
            case RetryRemoval():
                custody.removals[act.removal_id].state = "waiting"
                return []
            case ResolveBreak():
                return custody.resolve(act.break_id)
            case RetryDeliveries():
                numbers: tuple[int, ...] = act.trade_ids or tuple(self.parked_by_word())
                return [("retried", tuple(numbers)), *self.vault.retry_deliveries(numbers, self.seq)]
            case UnwindDelivery():
                (trade,) = (one for one in self.vault.trades if one.number == act.trade_id)
                return [("unwound", act.trade_id), self.vault.give_up(trade, "unwound")]
            case SettleCashBreak():
                return self.vault.bank.settle(act.break_id)
            case SupersedeBankStatement():
                return self.vault.bank.supersede()
            case GoOnWithoutRegistry():
                told: list[Note] = [("without registry", self.close_step, self.vault.answers_to_come())]
                if self.close_step == "reconcile":
                    told.append(self.money_compared())
                self.close_done = self.close_total
                return [*told, *self.step_on()]
        raise AssertionError(f"nobody does {act}")

    def bust(self, number_of_trade: int) -> list[Note]:
        """A trade is as if it had never been made, but for the orders that made it."""
        (trade,) = (trade for trade in self.vault.undoable() if trade.number == number_of_trade)
        self.vault.bust(trade)
        listing = self.listings[trade.listing]
        if number_of_trade in [one[0] for one in listing.negotiated]:
            listing.negotiated = [one for one in listing.negotiated if one[0] != number_of_trade]
            self.negotiation.bust(number_of_trade)
            return [("busted", number_of_trade)]
        listing.traded = [one for one in listing.traded if one[0] != number_of_trade]
        prices = [price for _, price, _ in listing.traded]
        shown = (prices[0], max(prices), min(prices), prices[-1]) if prices else (None,) * 4
        return [("busted", number_of_trade), ("revised", listing.code, *shown, *volume_of(listing))]

    def announce(self, command: AnnounceCalendar) -> Answer:
        if not rules.is_calendar(command.announcement):
            return "calendar_malformed"
        self.announcements.append(command.announcement)
        return [("calendar", command.announcement.last_day)]

    def add_listing(self, command: AddListing) -> Answer:
        code, reference_fen = command.listing.code, command.listing.first_reference_price_fen
        if code not in self.vault.instruments:
            return "instrument_unknown"
        if code in self.listings:
            return "listing_exists"
        if self.terms() is None:
            return "rules_incomplete"
        if reference_fen < 1 or reference_fen % number(self.terms_now(code), "tick_fen") != 0:
            return "price_not_on_tick"
        self.listings[code] = PlainListing(code, reference_fen, self.terms_now(code))
        notes: list[Note] = [("listed", code)]
        return notes if self.day is None else [*notes, band_of(self.listings[code])]

    # ---- the day ----------------------------------------------------------------------------------------------------

    def follow_time(self, since_ns: int | None = None) -> list[Note]:
        """Rules, bands and phase as they are now. While a day closes they stand still."""
        if self.day is None or self.close_step is not None:
            return []
        # A day that ends by the clock and closes late goes by the rules of its own date to the end.
        moment_ns, end_ns = self.at_ns, rules.end_of_day_ns(self.day)
        if moment_ns > end_ns:
            last = self.terms(None, end_ns)
            if last is not None and last["close_by_clock"] == "yes":
                moment_ns = end_ns
        notes = self.negotiation.expire_due()
        for listing in self.listings.values():
            if listing.follow(self.terms_now(listing.code, moment_ns)):
                notes.append(band_of(listing))
                notes.extend(
                    self.take_back(order, "cancelled", "outside_band") for order in self.outside(listing)
                )
        self.market_terms = self.terms_now(None, moment_ns)
        phase = rules.phase_at(self.day, self.market_terms, self.at_ns)
        if phase == "closing":
            return notes + self.begin_close()
        if phase in NEGOTIATED_PHASES and since_ns is not None and self.paused_since(since_ns):
            notes.extend(self.negotiation.enter("break"))
        return notes + self.enter(phase)

    def paused_since(self, since_ns: int) -> bool:
        """Whether nothing could be negotiated at some full minute in between."""
        assert self.day is not None
        assert self.market_terms is not None
        minute_ns = 60 * rules.SECOND_NS
        return self.phase in NEGOTIATED_PHASES and any(
            rules.phase_at(self.day, self.market_terms, minute * minute_ns) not in NEGOTIATED_PHASES
            for minute in range(since_ns // minute_ns + 1, self.at_ns // minute_ns + 1)
        )

    def outside(self, listing: PlainListing) -> list[PlainOrder]:
        """Orders that the band leaves outside."""
        _, lowest, highest = listing.band
        return [
            order
            for order in self.open.values()
            if order.listing == listing.code and not lowest <= order.price_fen <= highest
        ]

    def enter(self, phase: str) -> list[Note]:
        before, self.phase = self.phase, phase
        if phase == before:
            return []
        return [("phase", self.day, before, phase), *self.negotiation.enter(phase)]

    def open_day(self, command: OpenDay) -> Answer:
        if self.day is not None:
            return "day_already_open"
        if not rules.is_trading_day(self.announcements, command.trading_day):
            return "not_a_trading_day"
        if self.terms() is None:
            return "rules_incomplete"
        return self.begin_day(command.trading_day)

    def begin_day(self, day: str) -> list[Note]:
        self.day = day
        self.market_terms = self.terms_now()
        self.vault.begin_day(day)
        self.negotiation.begin_day()
        notes: list[Note] = [("day", day)]
        for listing in self.listings.values():
            listing.traded, listing.negotiated = [], []
            listing.follow(self.terms_now(listing.code))
            notes.append(band_of(listing))
        return notes + self.follow_time()

    def close_day(self, command: CloseDay) -> Answer:
        if self.day is None or command.trading_day != self.day:
            return "day_not_open"
        if self.close_step is not None:
            return "close_under_way"
        if self.terms_now()["close_by_clock"] == "yes" and not (command.reason and command.reason.strip()):
            return "session_in_progress"
        return self.begin_close(command.reason)

    def begin_close(self, reason: str | None = None) -> list[Note]:
        notes = self.enter("closing")
        self.close_step, self.close_done, self.close_total = STEPS[0], 1, 1
        return [*notes, ("closing", self.day, reason), *self.step_on()]

    def advance_close(self, command: AdvanceClose) -> Answer:
        if self.close_step is None or command.trading_day != self.day or command.portion < 1:
            return "day_not_open"
        notes: list[Note] = []
        match self.close_step:
            case "expire_orders":
                oldest = list(self.open.values())[: command.portion]
                notes = [self.take_back(order, "expired") for order in oldest]
                self.close_done = self.close_total - len(self.open)
            case "closing_prices":
                for listing in self.listings.values():
                    notes.extend(self.price_for_the_day(listing))
                self.close_done = self.close_total
            case "obligations":
                trades = self.vault.not_asked()[: command.portion]
                notes = self.vault.ask(trades, self.seq)
                self.close_done = self.close_total - len(self.vault.not_asked())
            case "registry":
                answers = self.vault.answers_to_come()
                self.close_total = max(self.close_total, answers)
                self.close_done = self.close_total - answers
            case "delivery":
                fen = sum(trade.fen for trade in self.vault.settled)
                ended = (len(self.vault.settled), self.vault.failed, len(self.vault.parked()))
                notes = [("day settled", *ended, fen)]
                self.vault.settled, self.vault.failed = [], 0
                self.close_done = self.close_total
            case "fees":
                buyers = sum(trade.buyer_fee for trade in self.vault.charged)
                notes = [("day fees", buyers, sum(trade.seller_fee for trade in self.vault.charged))]
                self.vault.charged = []
                self.close_done = self.close_total
            case "publication" if self.close_done == 0:
                notes = [*self.office.publish(), ("cut",)]
                self.close_done = 1
            case "roll_date":
                return self.roll_date()
        return [*notes, *self.step_on()]

    def step_on(self) -> list[Note]:
        """Report the step; once it is complete, begin the next."""
        notes: list[Note] = [("step", self.close_step, self.close_done, self.close_total)]
        if self.close_done < self.close_total:
            return notes
        assert self.close_step is not None
        self.close_step = STEPS[STEPS.index(self.close_step) + 1]
        self.close_done = 0
        self.close_total = {
            "expire_orders": len(self.open),
            "closing_prices": len(self.listings),
            "obligations": len(self.vault.not_asked()),
            "registry": self.vault.answers_to_come(),
            "delivery": len(self.vault.settled) + self.vault.failed + len(self.vault.parked()),
            "fees": len(self.vault.charged),
            "publication": 1 + len(self.vault.owners),
            "reconcile": 2,
            "roll_date": 1,
        }[self.close_step]
        return notes

    def price_for_the_day(self, listing: PlainListing) -> list[Note]:
        trades = [(price, tonnes) for _, price, tonnes in listing.traded]
        prices = [price for price, _ in trades]
        shown = (prices[0], max(prices), min(prices)) if prices else (None, None, None)
        listing.reference_fen = rules.closing_price(trades, listing.reference_fen, listing.terms)
        told: list[Note] = [("prices", listing.code, *shown, listing.reference_fen, *volume_of(listing))]
        if listing.negotiated:
            volume = sum(tonnes for _, _, tonnes in listing.negotiated)
            turnover = sum(price * tonnes for _, price, tonnes in listing.negotiated)
            told.append(("negotiated totals", listing.code, len(listing.negotiated), volume, turnover))
        return told

    def reconcile(self, command: RecordReconciliation) -> Answer:
        if self.day is None or command.trading_day != self.day:
            return "not_reconciling"
        if not command.on_demand and self.close_step != "reconcile":
            return "not_reconciling"
        note: Note = ("reconciled", command.breaks, len(self.custody.breaks), command.on_demand)
        if command.on_demand:
            return [note]
        self.close_done = self.close_total
        return [self.money_compared(), note, *self.step_on()]

    def money_compared(self) -> Note:
        here = sum(sum(kept.values()) for (_, asset), kept in self.vault.amounts.items() if asset == MONEY)
        bank = self.vault.bank
        there = bank.statements[-1].closing_fen if bank.statements else 0
        return ("money", here, there, sum(fen for _, fen, _ in bank.waiting), len(bank.differences))

    def no_statement_yet(self) -> list[str]:
        """To whom statements are to be issued, in the order of their accounts."""
        if self.close_step != "publication" or not self.close_done:
            return []
        return list(self.vault.owners)[self.close_done - 1 : self.close_total - 1]

    def issue(self, command: IssueStatements) -> Answer:
        accounts = [statement.account for statement in command.statements]
        due = self.no_statement_yet()
        if command.trading_day != self.day or not accounts or accounts != due[: len(accounts)]:
            return "statements_not_due"
        self.close_done += len(accounts)
        return [("issued", *accounts), *self.step_on()]

    def roll_date(self) -> Answer:
        assert self.day is not None
        next_day = rules.day_after(self.announcements, self.day, self.terms_now(), self.at_ns)
        if next_day is None:
            return "calendar_not_announced"
        notes: list[Note] = [("step", "roll_date", 1, 1), ("closed", self.day, next_day)]
        self.close_step = None
        notes.extend(self.enter("closed"))
        return notes + self.begin_day(next_day)


def content_of(command: ClientRequest) -> tuple[str, tuple[object, ...]]:
    """The kind of id a request uses, and all that makes it this request. The deadline is no part of it."""
    match command:
        case SubmitOrder():
            return "order", (
                command.listing,
                command.side,
                command.price_fen,
                command.quantity_tonnes,
                command.time_in_force,
                command.use,
            )
        case ReplaceOrder():
            return "other", ("replace", command.order_id, command.price_fen, command.quantity_tonnes)
        case DepositCash():
            return "bank", (command.amount_fen, command.bank_reference)
        case PayWithdrawal():
            return "bank", ("paid", command.withdrawal_id, command.bank_reference)
        case ReturnWithdrawal():
            return "bank", ("returned", command.withdrawal_id, command.reason)
        case RequestWithdrawal():
            return "other", ("withdraw", command.amount_fen)
        case RequestTransferIn():
            return "other", (command.instrument, command.asked)
        case RequestTransferOut():
            return "other", ("out", command.instrument, command.quantity_tonnes, command.lots)
        case SubmitOffset():
            what = (command.instrument, command.quantity_tonnes, command.lots)
            return "other", ("offset", command.compliance_year, *what, command.beneficiary, command.statement)
        case SubmitRetirement():
            what = (command.instrument, command.quantity_tonnes, command.lots)
            return "other", ("retire", command.use, *what, command.donate_to)
        case WithdrawUse():
            return "other", ("withdraw use", command.use_id)
        case FileNegotiatedTransfer():
            terms = (command.listing, command.side, command.price_fen, command.quantity_tonnes)
            other = (command.counterparty, command.lots, command.agreement_no, command.expires_at_ns)
            return "other", ("file", *terms, *other)
        case ConfirmNegotiatedTransfer():
            return "other", ("confirm", command.transfer_id, command.terms_hash, command.lots)
        case CounterNegotiatedTransfer():
            figures = (command.price_fen, command.quantity_tonnes)
            return "other", ("counter", command.transfer_id, *figures, command.lots, command.expires_at_ns)
        case DeclineNegotiatedTransfer():
            return "other", ("decline", command.transfer_id)
        case WithdrawNegotiatedTransfer():
            return "other", ("withdraw negotiated", command.transfer_id)


def band_of(listing: PlainListing) -> Note:
    """What a listing may trade at."""
    return ("band", listing.code, *listing.band)


def volume_of(listing: PlainListing) -> tuple[int, int]:
    """Tonnes traded on the day, and the fen paid for them."""
    return (
        sum(tonnes for _, _, tonnes in listing.traded),
        sum(price * tonnes for _, price, tonnes in listing.traded),
    )


def act_name(act: AnyAct) -> str:
    """What the rule book calls an act where it asks for two persons."""
    match act:
        case HaltTrading():
            return "halt"
        case ResumeTrading():
            return "resume"
        case RestrictAccount():
            return "restrict_account"
        case LiftRestriction():
            return "lift_restriction"
        case ThrowKillSwitch():
            return "kill_switch"
        case LiftKillSwitch():
            return "lift_kill_switch"
        case RestrictSubject():
            return "restrict_personal_data"
        case ReleaseSubject():
            return "release_personal_data"
        case PermitAccess():
            return act.deed.value
        case BustTrade():
            return "bust_trade"
        case RetryRetirement() | RetryRemoval() | RevokeMandate():
            return ""
        case GrantMandate():
            return "grant_mandate"
        case AdoptRules():
            return "emergency_rules" if act.emergency else ""
        case PlaceFreeze():
            return "place_freeze"
        case LiftFreeze():
            return "lift_freeze"
        case DecideClaim():
            return "decide_claim"
        case ResolveBreak():
            return "resolve_break"
        case RetryDeliveries():
            return "retry_deliveries"
        case UnwindDelivery():
            return "unwind_delivery"
        case SettleCashBreak():
            return "settle_cash_break"
        case SupersedeBankStatement():
            return "supersede_bank_statement"
        case GoOnWithoutRegistry():
            return "go_on_without_registry"
        case ReviewNegotiatedTransfer():
            return "review_negotiated"
