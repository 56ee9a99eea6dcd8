"""The plain market: what every command must do, said as simply as it can be said, whatever that costs.

This is the specification the core is held against. It reads the core's commands and answers with notes, plain tuples
that say what has happened:

    ("rejected", code)    ("replayed", seq)    ("accepted", order_id)    ("rested", order_id, tonnes)
    ("traded", listing, price_fen, tonnes, buyer, seller)    ("cancelled", order_id, tonnes, reason) …

Books are dictionaries of lists, the rule book is read from its start, and whatever time brings (phases, bands, the
close) is worked out again at every command from nothing but the clock and the rules.
"""

from dataclasses import dataclass
from typing import assert_never

from matching.calendar import Announcement
from matching.commands import (
    AddListing,
    AdoptRules,
    AdvanceClose,
    AdvanceTime,
    AnnounceCalendar,
    CancelOrder,
    CancelOrders,
    CloseDay,
    Command,
    OpenDay,
    RecordReconciliation,
    SubmitOrder,
)
from matching.rulebook import RuleChange
from settlement.commands import (
    AddInstrument,
    DepositCash,
    OpenAccount,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    ResolveInstruction,
)
from tests.reference import rules
from tests.reference.rules import Terms, number
from tests.reference.vault import MONEY, Answer, Note, Trade, Vault

STEPS = ("expire_orders", "closing_prices", "obligations", "delivery", "reconcile", "roll_date")
LISTED_PHASES = ("listed", "continuous")
NO_CANCEL_PHASES = ("closing", "closed")


@dataclass(eq=False)
class PlainOrder:
    """An order that is open."""

    order_id: int
    client_id: str
    account: str
    listing: str
    side: str
    price_fen: int
    tonnes: int
    """What remains."""

    def cover(self) -> tuple[str, int]:
        """What it holds."""
        return (MONEY, self.price_fen * self.tonnes) if self.side == "buy" else (self.listing, self.tonnes)


class PlainListing:
    """One listing: resting orders by side and price, each price a list in order of arrival."""

    def __init__(self, code: str, reference_fen: int, terms: Terms) -> None:
        self.code = code
        self.reference_fen = reference_fen
        self.terms = terms
        self.band = rules.band(reference_fen, terms)
        self.book: dict[str, dict[int, list[PlainOrder]]] = {"buy": {}, "sell": {}}
        self.traded: list[tuple[int, int]] = []

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
        self._terms: dict[str | None, tuple[int, int, Terms | None]] = {}

    def do(self, command: Command, seq: int, at_ns: int) -> list[Note]:
        """Let time pass up to that instant, then obey or refuse the command; everything that happened."""
        self.seq, self.at_ns = seq, at_ns
        notes = self.follow_time()
        answer = self.decide(command)
        return [*notes, ("rejected", answer)] if isinstance(answer, str) else notes + answer

    def decide(self, command: Command) -> Answer:
        match command:
            case SubmitOrder() | RequestTransferIn() | DepositCash():
                return self.decide_once(command)
            case CancelOrder() | CancelOrders():
                return self.cancel(command)
            case AdvanceTime():
                return []
            case ResolveInstruction():
                return self.vault.answer(command, self.seq)
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
            case AdoptRules():
                return self.adopt(command)
            case AnnounceCalendar():
                return self.announce(command)
            case AddListing():
                return self.add_listing(command)
            case OpenDay():
                return self.open_day(command)
            case CloseDay():
                return self.close_day(command)
            case RecordReconciliation():
                return self.reconcile(command)
            case _:
                assert_never(command)

    # ---- requests under a client's own id ---------------------------------------------------------------------------

    def decide_once(self, command: SubmitOrder | RequestTransferIn | DepositCash) -> Answer:
        """The same request twice is the same request once; a refused one has used its id too."""
        if not isinstance(command, DepositCash):
            stranger = self.vault.stranger(command.participant, command.account)
            if stranger is not None:
                return stranger
        space, content = content_of(command)
        used = self.used.get((command.account, space, command.client_id))
        if used is not None:
            return [("replayed", used[0])] if used[1] == content else "client_id_reused"
        self.used[command.account, space, command.client_id] = (self.seq, content)
        if self.is_late(command.deadline_ns):
            return "deadline_passed"
        if isinstance(command, SubmitOrder):
            return self.submit(command)
        if isinstance(command, DepositCash):
            return self.vault.deposit(command)
        refused = self.vault.no_transfer_in(command)
        if refused is None and self.day is None:
            refused = "day_not_open"
        return refused or self.vault.transfer_in(command, self.seq)

    def is_late(self, deadline_ns: int | None) -> bool:
        return deadline_ns is not None and deadline_ns < self.at_ns

    # ---- listed trading ---------------------------------------------------------------------------------------------

    def submit(self, command: SubmitOrder) -> Answer:
        refused = self.not_this_order(command)
        if refused is not None:
            return refused
        listing = self.listings[command.listing]
        meets: list[tuple[PlainOrder, int]] = []
        wanted = command.quantity_tonnes
        for resting in listing.facing(command.side, command.price_fen):
            if wanted == 0:
                break
            meets.append((resting, min(wanted, resting.tonnes)))
            wanted -= meets[-1][1]
        owner = self.vault.owners[command.account]
        if any(self.vault.owners[resting.account] == owner for resting, _ in meets):
            return "self_trade"
        order = PlainOrder(
            self.seq,
            command.client_id,
            command.account,
            command.listing,
            command.side.value,
            command.price_fen,
            command.quantity_tonnes,
        )
        notes: list[Note] = [("accepted", order.order_id)]
        if command.time_in_force == "fok" and wanted:
            return [*notes, ("cancelled", order.order_id, order.tonnes, "fok_unfilled")]
        self.vault.move(order.account, *order.cover(), "available", "held")
        for resting, tonnes in meets:
            notes.append(self.trade(listing, order, resting, tonnes))
        if order.tonnes and command.time_in_force == "day":
            listing.book[order.side].setdefault(order.price_fen, []).append(order)
            self.open[order.order_id] = order
            notes.append(("rested", order.order_id, order.tonnes))
        elif order.tonnes:
            self.vault.move(order.account, *order.cover(), "held", "available")
            notes.append(("cancelled", order.order_id, order.tonnes, "ioc_remainder"))
        return notes

    def not_this_order(self, command: SubmitOrder) -> str | None:
        """The guards, in their documented order."""
        listing = self.listings.get(command.listing)
        price_fen, tonnes = command.price_fen, command.quantity_tonnes
        if listing is None:
            return "listing_unknown"
        if self.phase not in LISTED_PHASES:
            return "phase_closed"
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
        if command.side == "buy":
            money = self.vault.amount(command.account, MONEY, "available")
            return "insufficient_cash" if money < price_fen * tonnes else None
        units = self.vault.amount(command.account, command.listing, "available")
        return "insufficient_units" if units < tonnes else None

    def trade(self, listing: PlainListing, order: PlainOrder, resting: PlainOrder, tonnes: int) -> Note:
        """At the resting order's price; what the buyer had set aside above it comes back."""
        buy, sell = (order, resting) if order.side == "buy" else (resting, order)
        price_fen = resting.price_fen
        self.trades += 1
        self.vault.owe(
            Trade(self.trades, listing.code, sell.account, buy.account, tonnes, price_fen * tonnes)
        )
        self.vault.move(buy.account, MONEY, (buy.price_fen - price_fen) * tonnes, "held", "available")
        buy.tonnes -= tonnes
        sell.tonnes -= tonnes
        listing.traded.append((price_fen, tonnes))
        if resting.tonnes == 0:
            listing.remove(resting)
            del self.open[resting.order_id]
        return ("traded", listing.code, price_fen, tonnes, buy.account, sell.account)

    def cancel(self, command: CancelOrder | CancelOrders) -> Answer:
        if self.is_late(command.deadline_ns):
            return "deadline_passed"
        stranger = self.vault.stranger(command.participant, command.account)
        if stranger is not None:
            return stranger
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

    def terms(self, listing: str | None = None) -> Terms | None:
        """The values in force now; worked out anew whenever a change was adopted or came into force."""
        in_force = sum(1 for change in self.changes if change.effective_from_ns <= self.at_ns)
        known = self._terms.get(listing)
        if known is None or known[:2] != (len(self.changes), in_force):
            terms = rules.terms_at(self.changes, self.at_ns, listing)
            known = self._terms[listing] = (len(self.changes), in_force, terms)
        return known[2]

    def terms_now(self, listing: str | None = None) -> Terms:
        terms = self.terms(listing)
        assert terms is not None, "a day without rules"
        return terms

    def adopt(self, command: AdoptRules) -> Answer:
        for change in command.changes:
            if rules.is_faulty(change):
                return "rule_faulty"
            if change.effective_from_ns < (0 if self.day is None else self.at_ns):
                return "rule_backdated"
        self.changes.extend(command.changes)
        self.versions += 1
        return [("rules", self.versions), *self.follow_time()]

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
        if reference_fen < number(self.terms_now(code), "tick_fen"):
            return "price_not_on_tick"
        self.listings[code] = PlainListing(code, reference_fen, self.terms_now(code))
        notes: list[Note] = [("listed", code)]
        return notes if self.day is None else [*notes, band_of(self.listings[code])]

    # ---- the day ----------------------------------------------------------------------------------------------------

    def follow_time(self) -> list[Note]:
        """Rules, bands and phase as they are now. While a day closes they stand still."""
        if self.day is None or self.close_step is not None:
            return []
        notes = [
            band_of(listing)
            for listing in self.listings.values()
            if listing.follow(self.terms_now(listing.code))
        ]
        phase = rules.phase_at(self.day, self.terms_now(), self.at_ns)
        return notes + (self.begin_close() if phase == "closing" else self.enter(phase))

    def enter(self, phase: str) -> list[Note]:
        before, self.phase = self.phase, phase
        return [] if phase == before else [("phase", self.day, before, phase)]

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
        notes: list[Note] = [("day", day)]
        for listing in self.listings.values():
            listing.traded = []
            listing.follow(self.terms_now(listing.code))
            notes.append(band_of(listing))
        return notes + self.follow_time()

    def close_day(self, command: CloseDay) -> Answer:
        if self.day is None or command.trading_day != self.day:
            return "day_not_open"
        if self.close_step is not None:
            return "close_under_way"
        if self.terms_now()["close_by_clock"] == "yes":
            return "session_in_progress"
        return self.begin_close()

    def begin_close(self) -> list[Note]:
        notes = self.enter("closing")
        self.close_step, self.close_done, self.close_total = STEPS[0], 0, len(self.open)
        return [*notes, ("closing", self.day)]

    def advance_close(self, command: AdvanceClose) -> Answer:
        if self.close_step is None or command.trading_day != self.day or command.portion < 1:
            return "day_not_open"
        notes: list[Note] = []
        match self.close_step:
            case "expire_orders":
                oldest = list(self.open.values())[: command.portion]
                notes = [self.take_back(order, "expired") for order in oldest]
                self.close_done += len(oldest)
            case "closing_prices":
                notes = [self.price_for_the_day(listing) for listing in self.listings.values()]
                self.close_done = self.close_total
            case "obligations":
                trades = self.vault.not_asked()[: command.portion]
                notes = self.vault.ask(trades, self.seq)
                self.close_done += len(trades)
            case "delivery":
                self.close_done = self.close_total - len(self.vault.trades)
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
            "closing_prices": len(self.listings),
            "obligations": len(self.vault.not_asked()),
            "delivery": len(self.vault.trades),
            "reconcile": 1,
            "roll_date": 1,
        }[self.close_step]
        return notes

    def price_for_the_day(self, listing: PlainListing) -> Note:
        prices = [price for price, _ in listing.traded]
        shown = (prices[0], max(prices), min(prices)) if prices else (None, None, None)
        listing.reference_fen = rules.closing_price(listing.traded, listing.reference_fen, listing.terms)
        volume = sum(tonnes for _, tonnes in listing.traded)
        turnover_fen = sum(price * tonnes for price, tonnes in listing.traded)
        return ("prices", listing.code, *shown, listing.reference_fen, volume, turnover_fen)

    def reconcile(self, command: RecordReconciliation) -> Answer:
        if self.close_step != "reconcile" or command.trading_day != self.day:
            return "not_reconciling"
        self.close_done = self.close_total
        return [("reconciled", command.breaks), *self.step_on()]

    def roll_date(self) -> Answer:
        assert self.day is not None
        next_day = rules.day_after(self.announcements, self.day, self.terms_now(), self.at_ns)
        if next_day is None:
            return "calendar_not_announced"
        notes: list[Note] = [("step", "roll_date", 1, 1), ("closed", self.day, next_day)]
        self.close_step = None
        notes.extend(self.enter("closed"))
        return notes + self.begin_day(next_day)


def content_of(command: SubmitOrder | RequestTransferIn | DepositCash) -> tuple[str, tuple[object, ...]]:
    """The kind of id a request uses, and all that makes it this request. The deadline is no part of it."""
    match command:
        case SubmitOrder():
            return "order", (
                command.listing,
                command.side,
                command.price_fen,
                command.quantity_tonnes,
                command.time_in_force,
            )
        case DepositCash():
            return "bank", (command.amount_fen, command.bank_reference)
        case RequestTransferIn():
            return "other", (command.instrument, command.lots)


def band_of(listing: PlainListing) -> Note:
    """What a listing may trade at."""
    return ("band", listing.code, *listing.band)
