"""Chance at the keyboard: plausible and hostile commands, every kind, right and wrong around every boundary.

It looks at the reference market to know where the boundaries are just now (best prices, what is available, what the
registry has been asked), never at the core. The same seed gives the same commands under any hash seed.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from matching.access import AccessDeed, PermitAccess
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
from matching.commands import (
    AddListing,
    AdvanceClose,
    AdvanceTime,
    AnnounceCalendar,
    ApproveAct,
    BustTrade,
    CancelOrder,
    CancelOrders,
    CloseDay,
    Command,
    DeclineAct,
    HaltTrading,
    LiftRestriction,
    OpenDay,
    RecordReconciliation,
    ReplaceOrder,
    RestrictAccount,
    ResumeTrading,
    RetryRetirement,
    SubmitOrder,
)
from matching.listing import Listing
from matching.negotiated_commands import (
    ConfirmNegotiatedTransfer,
    CounterNegotiatedTransfer,
    DeclineNegotiatedTransfer,
    FileNegotiatedTransfer,
    WithdrawNegotiatedTransfer,
)
from matching.order import OrderId, Side, TimeInForce
from matching.personal_data import ReleaseSubject, RestrictSubject, SubjectKind
from matching.rule_values import RuleValue
from matching.safety_commands import (
    EndConnection,
    KillScope,
    LiftKillSwitch,
    SetDeadMan,
    ThrowKillSwitch,
    WatchConnection,
)
from matching.terms import NegotiatedId
from settlement.account import ParticipantKind
from settlement.bank_statement import BankStatement, CashBreakId, StatementLine
from settlement.claim import ClaimDecision, ClaimId
from settlement.commands import (
    AddInstrument,
    ClientCommand,
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
from settlement.difference import BreakId, BreakKind, Difference
from settlement.events import LotSlice
from settlement.freeze import FreezeId
from settlement.instrument import Instrument
from settlement.lot import Lot, MethodologyClass
from settlement.lot_choice import LotChoice
from settlement.mandate import MandatedAction, MandateId
from settlement.notice import Notice, NoticeKind
from settlement.removal import RemovalId
from settlement.retirement import RetirementId, Use
from settlement.use_commands import SubmitOffset, SubmitRetirement, WithdrawUse
from settlement.values import (
    AccountId,
    AssetCode,
    InstructionId,
    LotId,
    ParticipantId,
    TradeId,
    TradingDay,
    WithdrawalId,
)
from tests.reference.market import LISTED_PHASES, Market, PlainListing, PlainOrder
from tests.reference.negotiation import NEGOTIATED_PHASES
from tests.reference.rules import number, periods
from tests.reference.vault import MONEY
from tests.simulation import universe
from tests.simulation.bargaining import Bargaining
from tests.simulation.universe import CLASS_ONE, CLASS_TWO, CLASSES, OWNERS, UNLISTED, change
from tests.simulation.user import USER_KINDS, User

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
ACCOUNTS = tuple(OWNERS)
OPERATORS = (universe.OPERATOR, ParticipantId("o2"), ParticipantId("o3"))
SHORT_OF = ("too_late", "insufficient_units", "account_frozen", "not_authorised", None)


class Hostile:
    """What is sent next, and when."""

    def __init__(self, seed: int, market: Market) -> None:
        self.random = Random(seed)
        self.market = market
        self.at_ns = universe.BEGINS_NS + self.random.randrange(14) * 3_600 * SECOND_NS
        self.founding = universe.founding(self.random)
        self.sent: list[ClientCommand] = []
        self.answered: list[InstructionId] = []
        self.ids = 0
        self.user = User(self)
        self.bargaining = Bargaining(self.random, market, self.fresh_id)
        self.kinds: tuple[tuple[int, Callable[[], Command]], ...] = (
            (560, self.order),
            (110, self.cancel),
            (90, self.replace),
            (12, self.cancel_many),
            (40, self.again),
            (18, self.deposit),
            (12, self.withdrawal),
            (10, self.end_withdrawal),
            (6, self.bank_statement),
            (30, self.transfer_in),
            (20, self.transfer_out),
            *((weight, getattr(self.user, name)) for weight, name in USER_KINDS),
            (45, self.answer),
            (16, self.notice),
            (4, self.report_breaks),
            (24, self.custody_act),
            (15, AdvanceTime),
            (9, self.rules),
            (5, self.control),
            (9, self.safety),
            (2, self.kill_switch),
            (3, self.personal_data),
            (3, self.permit_access),
            (6, self.bust),
            (5, self.second_person),
            (18, self.mandate),
            (220, self.bargain),
            (5, self.retry),
            (1, self.calendar),
            (18, self.reference_data),
            (4, self.open_day),
            (3, self.close_day),
            (6, self.advance_close),
            (3, self.reconcile),
            (4, self.issue),
        )

    def next(self) -> tuple[Command, int]:
        """One command and the instant it arrives at."""
        self.pass_time()
        command = self.choose()
        if isinstance(command, ClientCommand):
            self.sent.append(command)
        return command, self.at_ns

    def choose(self) -> Command:
        if self.founding and self.chance(0.7):
            return self.found()
        if self.market.close_step is not None and self.chance(0.5):
            if self.market.close_step == "delivery" and self.market.vault.asked and self.chance(0.8):
                return self.answer()
            if self.market.no_statement_yet():
                return self.issue()
            if self.market.close_step in ("registry", "reconcile") and self.chance(0.03):
                return self.without_registry()
            return self.reconcile() if self.market.close_step == "reconcile" else self.advance_close()
        weights = [weight for weight, _ in self.kinds]
        return self.random.choices(self.kinds, weights)[0][1]()

    def without_registry(self) -> Command:
        """The close goes on without it."""
        operator = ParticipantId(self.random.choice(("o1", "o2")))
        return GoOnWithoutRegistry(operator=operator, reason="chance", trading_day=self.day())

    def found(self) -> Command:
        """The next founding command; now and then the one after it first, or one more time later."""
        command = self.founding.pop(1 if len(self.founding) > 1 and self.chance(0.05) else 0)
        if self.chance(0.15) or (isinstance(command, OpenDay) and self.market.terms() is None):
            self.founding.append(command)
        return command

    def bargain(self) -> Command:
        """Something at the negotiating table while it is open; hardly ever when it is not."""
        if self.market.phase not in NEGOTIATED_PHASES and self.chance(0.97):
            return self.order()
        table = self.bargaining
        under_way = self.market.negotiation.under_way()
        if any(one.state == "under_review" for one in under_way) and self.chance(0.2):
            return table.review(self.operator())
        if len(under_way) > self.random.randrange(8) or self.chance(0.1):
            return table.answer()
        return table.review(self.operator()) if self.chance(0.01) else table.file()

    # ---- time -------------------------------------------------------------------------------------------------------

    def pass_time(self) -> None:
        """A little, mostly; none at all; up to the next edge of the day, around it; days."""
        draw = self.random.random()
        busy = (*LISTED_PHASES, "negotiated")
        idle = self.market.day is not None and self.market.phase not in busy
        if draw < (0.08 if idle else 0.004):
            self.at_ns = max(self.at_ns, self.next_edge_ns() + self.random.choice((-1, 0, 0, 1)))
        elif draw < (0.081 if idle else 0.0045):
            self.at_ns += self.random.randrange(3 * DAY_NS)
        elif draw < 0.8:
            self.at_ns += self.random.randrange(8 * SECOND_NS)

    def next_edge_ns(self) -> int:
        terms = self.market.terms()
        hours = None if terms is None else periods(str(terms["hours"]))
        edges = [edge for _, begin, end in hours or () for edge in (begin, end)]
        midnight_ns = self.at_ns - (self.at_ns - universe.BEGINS_NS) % DAY_NS
        later = [
            midnight_ns + edge * SECOND_NS for edge in edges if midnight_ns + edge * SECOND_NS > self.at_ns
        ]
        return min(later, default=midnight_ns + DAY_NS)

    # ---- orders -----------------------------------------------------------------------------------------------------

    def order(self) -> Command:
        account, side = self.account(), self.random.choice(tuple(Side))
        listing = self.listing()
        price_fen = self.price(listing, side)
        return SubmitOrder(
            participant=self.actor(account),
            account=account,
            client_id=self.fresh_id(),
            deadline_ns=self.deadline(),
            listing=listing,
            side=side,
            price_fen=price_fen,
            quantity_tonnes=self.quantity(account, listing, side, price_fen),
            time_in_force=self.random.choices(tuple(TimeInForce), (80, 12, 8))[0],
            use=self.use(side),
        )

    def use(self, side: Side) -> Use | None:
        """Some purchases are for a use; a few of these, and a few sales, are for one that cannot be."""
        if not self.chance(0.2 if side is Side.BUY else 0.01):
            return None
        return self.random.choice(universe.NO_USES if self.chance(0.02) else universe.USES)

    def price(self, code: AssetCode, side: Side) -> int:
        listing = self.market.listings.get(code)
        if listing is None:
            return self.random.choice((6_800, 1, 0))
        tick_fen = number(listing.terms, "tick_fen")
        reference_fen, lower_fen, upper_fen = listing.band
        edges = (
            lower_fen,
            upper_fen,
            lower_fen - tick_fen,
            upper_fen + tick_fen,
            lower_fen - 1,
            upper_fen + 1,
        )
        draw = self.random.random()
        if draw < 0.05:
            return self.random.choice((*edges, 0, -tick_fen, 1, reference_fen, 10**15))
        steps = round(self.random.gauss(0, 4)) * tick_fen
        around_fen = self.touch(listing, side) if draw < 0.7 else reference_fen
        price_fen = around_fen + steps
        if draw > 0.97:
            return price_fen
        return min(max(price_fen - price_fen % tick_fen, lower_fen), upper_fen)

    def touch(self, listing: PlainListing, side: Side) -> int:
        levels = listing.book[self.random.choice((side, side.opposite)).value]
        return self.random.choice((max(levels), min(levels))) if levels else listing.reference_fen

    def quantity(self, account: AccountId, code: AssetCode, side: Side, price_fen: int) -> int:
        listing = self.market.listings.get(code)
        if listing is None or self.chance(0.02):
            return self.random.choice((0, -1, 1, 10**12))
        lot_tonnes = number(listing.terms, "lot_tonnes")
        if self.chance(0.04):
            least, most = (number(listing.terms, f"listed_{end}_tonnes") for end in ("min", "max"))
            return self.random.choice((least - 1, least, least + 1, most - 1, most, most + 1))
        if self.chance(0.03):
            if side is Side.SELL:
                enough = self.market.vault.sellable(account, code)
            else:
                enough = self.market.vault.amount(account, MONEY, "available") // max(price_fen, 1)
            return enough + self.random.choice((0, 0, 1))
        wanted = self.random.choice((1, 2, 5, 10, 10, 20, 50, self.random.randrange(1, 120)))
        return wanted if self.chance(0.02) else max(wanted // lot_tonnes, 1) * lot_tonnes

    def replace(self) -> Command:
        """Another price or quantity for an open order, mostly one's own."""
        account = self.account()
        order_id = self.random.randrange(self.market.seq + 2)
        price_fen, quantity_tonnes = self.random.choice((None, 6_800)), self.random.choice((None, 5))
        if self.market.open and self.chance(0.95):
            order_id = self.random.choice(list(self.market.open))
            order = self.market.open[order_id]
            if self.chance(0.95):
                account = AccountId(order.account)
            code, side = AssetCode(order.listing), Side(order.side)
            price_fen = self.random.choice((None, order.price_fen, self.price(code, side)))
            quantity_tonnes = self.another_quantity(account, order, price_fen or order.price_fen)
        return ReplaceOrder(
            participant=self.actor(account),
            account=account,
            client_id=self.fresh_id(),
            deadline_ns=self.deadline(),
            order_id=OrderId(order_id),
            price_fen=price_fen,
            quantity_tonnes=quantity_tonnes,
        )

    def another_quantity(self, account: AccountId, order: PlainOrder, price_fen: int) -> int | None:
        """Less, more, the same, or something around what has been filled."""
        lot_tonnes = number(self.market.listings[order.listing].terms, "lot_tonnes")
        filled = order.whole_tonnes - order.tonnes
        draw = self.random.random()
        if draw < 0.15:
            return filled + self.random.choice((-1, 0, 1, lot_tonnes))
        if draw < 0.25:
            return None
        if draw < 0.5:
            code, side = AssetCode(order.listing), Side(order.side)
            return filled + self.quantity(account, code, side, price_fen)
        fewer = max(order.whole_tonnes - lot_tonnes * self.random.randrange(4), lot_tonnes)
        return self.random.choice((fewer, fewer, order.whole_tonnes, order.whole_tonnes + lot_tonnes))

    def cancel(self) -> Command:
        account = self.account()
        open_ids = list(self.market.open)
        order_id = self.random.randrange(self.market.seq + 2)
        if open_ids and self.chance(0.85):
            order_id = self.random.choice(open_ids)
            if self.chance(0.9):
                account = AccountId(self.market.open[order_id].account)
        return CancelOrder(
            participant=self.actor(account),
            account=account,
            order_id=OrderId(order_id),
            deadline_ns=self.deadline(),
        )

    def cancel_many(self) -> Command:
        account = self.account()
        return CancelOrders(
            participant=self.actor(account),
            account=account,
            listing=self.random.choice((None, self.listing())),
            side=self.random.choice((None, None, Side.BUY, Side.SELL)),
            deadline_ns=self.deadline(),
        )

    def again(self) -> Command:
        """The same request once more, or another one under its id."""
        if not self.sent:
            return AdvanceTime()
        recent = self.sent[-50:] if self.chance(0.7) else self.sent
        command = replace(self.random.choice(recent), deadline_ns=self.deadline())
        if self.chance(0.6):
            return command  # type: ignore[return-value] # every client command there is is a command
        match command:
            case SubmitOrder():
                return self.random.choice(
                    (
                        replace(command, price_fen=command.price_fen + 1),
                        replace(command, quantity_tonnes=command.quantity_tonnes + 1),
                        replace(command, side=command.side.opposite),
                        replace(command, time_in_force=TimeInForce.IOC),
                        replace(command, account=self.account()),
                        replace(command, use=self.random.choice((None, *universe.USES))),
                    )
                )
            case ReplaceOrder():
                return self.random.choice(
                    (
                        replace(command, order_id=OrderId(command.order_id + 1)),
                        replace(command, price_fen=6_800, quantity_tonnes=None),
                        replace(command, price_fen=None, quantity_tonnes=7),
                    )
                )
            case DepositCash():
                return self.random.choice(
                    (
                        replace(command, amount_fen=command.amount_fen + 1),
                        replace(command, client_id=self.fresh_id()),
                        replace(command, account=self.account()),
                    )
                )
            case RequestWithdrawal():
                return replace(command, amount_fen=command.amount_fen + 1)
            case PayWithdrawal():
                return replace(command, bank_reference=f"{command.bank_reference}-other")
            case ReturnWithdrawal():
                return replace(command, reason="another")
            case RequestTransferOut():
                return replace(command, quantity_tonnes=command.quantity_tonnes + 1)
            case RequestTransferIn():
                return self.random.choice(
                    (
                        replace(command, instrument=CLASS_TWO),
                        replace(command, asked="something else"),
                        replace(command, lots=command.lots[::-1][:1]),
                    )
                )
            case SubmitOffset() | SubmitRetirement() | WithdrawUse():
                return self.user.changed(command)
            case FileNegotiatedTransfer():
                return self.random.choice(
                    (
                        replace(command, price_fen=command.price_fen + 1),
                        replace(command, agreement_no="A-9"),
                        replace(command, lots=()),
                        replace(command, expires_at_ns=self.at_ns + 1),
                    )
                )
            case ConfirmNegotiatedTransfer():
                return replace(command, terms_hash="0" * 64)
            case CounterNegotiatedTransfer():
                return replace(command, price_fen=command.price_fen + 1)
            case DeclineNegotiatedTransfer() | WithdrawNegotiatedTransfer():
                return replace(command, transfer_id=NegotiatedId(command.transfer_id + 1))
        raise AssertionError("a client command of a new kind")

    # ---- money and units --------------------------------------------------------------------------------------------

    def deposit(self) -> Command:
        account = self.account()
        amounts_fen = (0, -1, 1, 680_000, 50_000_000, 500_000_000, 500_000_000)
        return DepositCash(
            participant=ParticipantId("bank"),
            account=account,
            client_id=self.fresh_id(),
            deadline_ns=self.deadline(),
            amount_fen=self.random.choice(amounts_fen),
            bank_reference=f"bank-{self.ids}",
        )

    def withdrawal(self) -> Command:
        account = self.account()
        have_fen = self.market.vault.amount(account, MONEY, "available")
        amounts_fen = (0, -1, 1, 100, 680_000, have_fen // 50, have_fen // 50, have_fen + 1)
        return RequestWithdrawal(
            participant=self.actor(account),
            account=account,
            client_id=self.fresh_id(),
            deadline_ns=self.deadline(),
            amount_fen=self.random.choice(amounts_fen),
        )

    def end_withdrawal(self) -> Command:
        """The bank's word on a withdrawal: one that waits, mostly; one that has ended, or is another's, or none."""
        known = self.market.vault.withdrawals
        waiting = [name for name, (_, _, end) in known.items() if not end]
        name = self.random.choice((waiting if waiting and self.chance(0.9) else list(known)) or ["wd-0"])
        account = AccountId(known[name][0]) if name in known and self.chance(0.95) else self.account()
        client_id = self.fresh_id()
        if self.chance(0.4):
            return ReturnWithdrawal(
                participant=ParticipantId("bank"),
                account=account,
                client_id=client_id,
                withdrawal_id=WithdrawalId(name),
                reason="no such bank account",
            )
        reference = self.random.randrange(1, self.ids + 1) if self.chance(0.2) else self.ids
        return PayWithdrawal(
            participant=ParticipantId("bank"),
            account=account,
            client_id=client_id,
            withdrawal_id=WithdrawalId(name),
            bank_reference=f"bank-{reference}",
        )

    def recorded_statement(self) -> str:
        """The last one, mostly."""
        recorded = [one.statement_id for one in self.market.vault.bank.statements]
        if not recorded or self.chance(0.1):
            return "none"
        return recorded[-1] if self.chance(0.8) else self.random.choice(recorded)

    def bank_statement(self) -> Command:
        """What the bank has booked since its last statement; now and then with one thing wrong."""
        bank = self.market.vault.bank
        last = bank.statements[-1] if bank.statements else None
        if last is not None and self.chance(0.05):
            return self.told(replace(last, digest=self.random.choice((last.digest, "another"))))
        late = [difference for difference in bank.differences if difference.kind == "missing_there"]
        entries = [(reference, fen) for reference, fen, _ in bank.waiting]
        entries += [(one.reference, one.here or 1) for one in late if self.chance(0.5)]
        if self.chance(0.3) and entries:
            entries.pop(self.random.randrange(len(entries)))
        if self.chance(0.2):
            reference = self.random.choice((f"bank-{self.ids + 3}", f"bank-{self.ids // 2}", "charges"))
            entries.append((reference, self.random.choice((-500, 1, 680_000))))
        if self.chance(0.2) and entries:
            reference, fen = entries.pop()
            entries.append((reference, fen + 1))
        lines = tuple(StatementLine(reference=one, amount_fen=fen) for one, fen in entries)
        opening_fen = 0 if last is None else last.closing_fen
        statement = BankStatement(
            statement_id=f"statement-{self.random.randrange(10**9)}",
            bank_account="DEMO-SETTLEMENT-1" if self.chance(0.97) else "another",
            from_ns=0 if last is None else last.until_ns,
            until_ns=self.at_ns + self.random.choice((0, 1, -SECOND_NS * 60)),
            opening_fen=opening_fen,
            closing_fen=opening_fen + sum(line.amount_fen for line in lines),
            lines=lines,
            digest="d",
        )
        wrong = (
            replace(statement, opening_fen=opening_fen - 1),
            replace(statement, opening_fen=opening_fen - 1, closing_fen=statement.closing_fen - 1),
            replace(statement, closing_fen=statement.closing_fen + 1),
            replace(statement, until_ns=statement.from_ns),
            replace(statement, until_ns=self.at_ns + 48 * 3_600 * SECOND_NS),
            replace(statement, lines=(*lines, StatementLine(reference="x", amount_fen=0))),
        )
        return self.told(self.random.choice(wrong) if self.chance(0.1) else statement)

    def told(self, statement: BankStatement) -> Command:
        return RecordBankStatement(operator=ParticipantId("bank"), statement=statement)

    def transfer_in(self) -> Command:
        account = self.account()
        known = [
            candidate for candidate in self.market.vault.lots.values() if candidate.instrument != UNLISTED
        ]
        lots = self.random.sample(known, min(len(known), self.random.choice((1, 1, 1, 2, 3))))
        instrument = lots[0].instrument if lots else CLASS_ONE
        if not self.chance(0.05):
            lots = [candidate for candidate in lots if candidate.instrument == instrument]
        parts = [self.slice_of(candidate.lot_id, candidate.serials) for candidate in lots]
        if self.chance(0.03):
            parts.append(LotSlice(lot_id=LotId("L-none"), serials=((1, 2),)))
        if parts and self.chance(0.02):
            parts.append(parts[0])
        return RequestTransferIn(
            participant=self.actor(account),
            account=account,
            client_id=self.fresh_id(),
            deadline_ns=self.deadline(),
            instrument=AssetCode("NOPE") if self.chance(0.02) else instrument,
            lots=tuple(parts),
            asked=str(parts),
        )

    def slice_of(self, lot_id: LotId, whole: tuple[int, int]) -> LotSlice:
        """Serials of a lot: a free stretch, mostly, else any; broken around its edges now and then."""
        first, end = whole
        there = sorted(self.market.vault.here.get(lot_id, []))
        if there and self.chance(0.8):
            first = self.random.choice((there[-1][1], first))
            end = max(there[0][0], first + 1) if first == whole[0] else end
        size = max(end - first, 1)
        start = first + self.random.choice((0, self.random.randrange(size)))
        stop = start + self.random.choice((1, 10, size, self.random.randrange(1, size + 1)))
        if not self.chance(0.05):
            stop = min(stop, max(whole[1], start + 1))
        serials: tuple[tuple[int, int], ...] = ((start, stop),)
        if stop - start > 10 and self.chance(0.3):
            serials = ((start, start + 3), (start + 5, stop))
        if self.chance(0.03):
            broken = (
                ((start, start),),
                ((start, stop), (stop, stop + 1)),
                ((-1, stop),),
                (),
                (*serials, *serials),
            )
            serials = self.random.choice(broken)
        return LotSlice(lot_id=lot_id, serials=serials)

    def transfer_out(self) -> Command:
        """Some of what an account has, by quantity or by lots, right around what is free, or nonsense."""
        account = self.account()
        instrument = self.random.choice((CLASS_ONE, CLASS_ONE, CLASS_TWO, AssetCode("NOPE")))
        free = self.market.vault.sellable(account, instrument)
        quantity = self.random.choice((0, 1, 5, 30, free, free + 1, max(free // 2, 1), -1))
        lots: tuple[LotChoice, ...] = ()
        if self.chance(0.5):
            pieces = self.market.vault.pieces.get((account, instrument), [])
            chosen = self.random.sample(pieces, min(len(pieces), self.random.choice((1, 1, 2))))
            lots = tuple(self.choice_of(LotId(piece.lot_id), piece.first, piece.end) for piece in chosen)
            quantity = quantity if self.chance(0.05) else 0
            if self.chance(0.05):
                lots = (*lots, LotChoice(lot_id=LotId("L-none"), quantity_tonnes=1))
        return RequestTransferOut(
            participant=self.actor(account),
            account=account,
            client_id=self.fresh_id(),
            deadline_ns=self.deadline(),
            instrument=instrument,
            quantity_tonnes=quantity,
            lots=lots,
        )

    def choice_of(self, lot_id: LotId, first: int, end: int) -> LotChoice:
        stop = self.random.choice((end, first + 1, min(first + 7, end), end + 1))
        if self.chance(0.4):
            return LotChoice(lot_id=lot_id, quantity_tonnes=stop - first)
        if self.chance(0.05):
            return LotChoice(lot_id=lot_id, serials=((stop, first),))
        tonnes = self.random.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, 2))
        return LotChoice(lot_id=lot_id, serials=((first, stop),), quantity_tonnes=tonnes)

    # ---- authorities ------------------------------------------------------------------------------------------------

    def notice(self) -> Command:
        """The next of the registry's notices; one taken before, or one too far, now and then."""
        sequence = self.market.custody.cursor + self.random.choices((1, 0, 2), (92, 4, 4))[0]
        kind = self.random.choice((*NoticeKind, NoticeKind.LOT_FROZEN, NoticeKind.CORRECTED))
        lot_id, serials = self.stretch()
        account: str | None = f"registry-{self.random.choice((*ACCOUNTS, 'a7'))}"
        frosts = [frost for frost in self.market.custody.frosts if frost.source == "registry"]
        if frosts and self.chance(0.5):
            kind = NoticeKind.UNFROZEN
        if kind is NoticeKind.UNFROZEN and frosts and self.chance(0.9):
            frost = self.random.choice(frosts)
            account, serials = frost.registry_account, frost.ranges
            lot_id = None if frost.lot is None else LotId(frost.lot)
        elif kind is NoticeKind.LOT_FROZEN and self.chance(0.7):
            account = None
        elif kind in (NoticeKind.ACCOUNT_RESTRICTED, NoticeKind.ACCOUNT_CLOSED):
            lot_id, serials = None, ()
            account = None if self.chance(0.05) else account
        if kind is NoticeKind.TRANSFERRED_IN and not self.chance(0.05):
            lot_id, serials = self.new_serials()
        if self.chance(0.02):
            serials = ((5, 5),)
        if self.chance(0.02):
            lot_id = None
        return TakeNotice(
            notice=Notice(
                sequence=sequence,
                kind=kind,
                registry_account=account,
                lot_id=lot_id,
                serials=serials,
                lot=self.amended() if kind in (NoticeKind.LOT_ISSUED, NoticeKind.LOT_CHANGED) else None,
                reason="chance",
            )
        )

    def stretch(self) -> tuple[LotId | None, tuple[tuple[int, int], ...]]:
        """A lot with serials somebody has; all of it, a few of them, or some beyond."""
        pieces = [piece for held in self.market.vault.pieces.values() for piece in held]
        if not pieces or self.chance(0.1):
            return LotId(f"L{self.random.randrange(14)}"), ((1, 30),)
        piece = self.random.choice(pieces)
        if self.chance(0.2):
            return LotId(piece.lot_id), ()
        size = self.random.choice((1, 5, 20, piece.end - piece.first))
        first = self.random.choice((piece.first, max(piece.end - size, 0), piece.first + 2))
        if self.chance(0.3):
            return LotId(piece.lot_id), ((first, first + size), (first + size + 3, first + size + 9))
        return LotId(piece.lot_id), ((first, first + size),)

    def new_serials(self) -> tuple[LotId | None, tuple[tuple[int, int], ...]]:
        """Serials of a lot, mostly of those that are not here."""
        lots = list(self.market.vault.lots.values())
        if not lots or self.chance(0.05):
            return LotId("L-later"), ((1, 5),)
        lot = self.random.choice(lots)
        there = [end for _, end in self.market.vault.here.get(lot.lot_id, [])]
        first = max(there, default=lot.serials[0]) if self.chance(0.9) else lot.serials[0]
        return lot.lot_id, ((first, first + self.random.choice((1, 10, 40))),)

    def amended(self) -> Lot | None:
        lots = list(self.market.vault.lots.values())
        if not lots or self.chance(0.1):
            return None
        lot = self.random.choice(lots)
        instrument = self.random.choice((CLASS_TWO, UNLISTED, AssetCode("NOPE")))
        return self.random.choice(
            (
                lot,
                replace(lot, project="another roof"),
                replace(lot, issued_on=f"2025-0{self.random.randrange(1, 6)}-01"),
                replace(lot, issued_on=f"2025-0{self.random.randrange(1, 6)}-01"),
                replace(lot, serials=(lot.serials[0], lot.serials[1] + 1)),
                replace(lot, instrument=instrument, methodology_class=MethodologyClass.I),
                replace(lot, lot_id=LotId("L-later"), serials=(1, 50)),
                replace(lot, lot_id=LotId("L-empty"), serials=(1, 1)),
            )
        )

    def report_breaks(self) -> Command:
        differences = []
        for _ in range(self.random.choice((0, 1, 1, 2))):
            lot_id, serials = self.stretch()
            account = f"registry-{self.random.choice((*ACCOUNTS, 'a7'))}"
            known = list(self.market.custody.breaks.values())
            if known and self.chance(0.2):
                differences.append(replace(self.random.choice(known), detail="again"))
                continue
            differences.append(
                Difference(
                    kind=self.random.choice(tuple(BreakKind)),
                    registry_account=None if self.chance(0.1) else account,
                    lot_id=None if self.chance(0.3) else lot_id,
                    only_here=serials if self.chance(0.9) else ((4, 2),),
                    instruction_id=InstructionId("in-1") if self.chance(0.1) else None,
                )
            )
        return ReportBreaks(as_of=self.market.seq, differences=tuple(differences))

    def custody_act(self) -> Command:
        """An operator's act about units in custody: on something that is there, mostly."""
        custody, operator = self.market.custody, self.operator()
        reason = "" if self.chance(0.03) else "chance"
        ours = [frost.name for frost in custody.frosts if frost.source == "operator"]
        freeze_id = FreezeId(
            self.random.choice(ours or [frost.name for frost in custody.frosts] or ["act-0"])
        )
        claim_id = ClaimId(self.random.choice(list(custody.claims) or [0]))
        refused = [one.number for one in custody.removals.values() if one.state == "refused"]
        removal_id = RemovalId(self.random.choice(refused or list(custody.removals) or [0]))
        break_id = BreakId(self.random.choice(list(custody.breaks) or [0]))
        cash = [one.number for one in self.market.vault.bank.differences]
        cash_break_id = CashBreakId(self.random.choice(cash or [0]))
        parked = self.market.vault.parked()
        trade_id = TradeId(self.random.choice(parked or [self.random.randrange(self.market.trades + 2)]))
        lot_id, serials = self.stretch()
        some = tuple(TradeId(one) for one in self.random.sample(parked, min(len(parked), 2)))
        if parked and self.chance(0.5):
            return self.random.choice(
                (
                    RetryDeliveries(operator=operator, reason=reason),
                    RetryDeliveries(operator=operator, reason=reason, trade_ids=some),
                    UnwindDelivery(operator=operator, reason=reason, trade_id=trade_id),
                )
            )
        choices: tuple[Command, ...] = (
            PlaceFreeze(
                operator=operator,
                reason=reason,
                account=self.account() if self.chance(0.5) else None,
                lot_id=lot_id if self.chance(0.8) else None,
                serials=serials,
            ),
            PlaceFreeze(operator=operator, reason=reason, account=self.account()),
            LiftFreeze(operator=operator, reason=reason, freeze_id=freeze_id),
            LiftFreeze(operator=operator, reason=reason, freeze_id=freeze_id),
            LiftFreeze(operator=operator, reason=reason, freeze_id=FreezeId("notice-1")),
            DecideClaim(
                operator=operator,
                reason=reason,
                claim_id=claim_id,
                decision=self.random.choice(tuple(ClaimDecision)),
            ),
            DecideClaim(
                operator=operator,
                reason=reason,
                claim_id=claim_id,
                decision=self.random.choice(tuple(ClaimDecision)),
            ),
            RetryRemoval(operator=operator, reason=reason, removal_id=removal_id),
            ResolveBreak(operator=operator, reason=reason, break_id=break_id),
            ResolveBreak(operator=operator, reason=reason, break_id=break_id),
            ResolveBreak(operator=operator, reason=reason, break_id=break_id),
            RetryDeliveries(operator=operator, reason=reason),
            RetryDeliveries(operator=operator, reason=reason, trade_ids=some),
            RetryDeliveries(operator=operator, reason=reason, trade_ids=(*some, trade_id)),
            UnwindDelivery(operator=operator, reason=reason, trade_id=trade_id),
            SettleCashBreak(operator=operator, reason=reason, break_id=cash_break_id),
            SettleCashBreak(operator=operator, reason=reason, break_id=cash_break_id),
            SupersedeBankStatement(operator=operator, reason=reason, statement_id=self.recorded_statement()),
            GoOnWithoutRegistry(
                operator=operator, reason=reason, trading_day=TradingDay(self.market.day or "")
            ),
        )
        return self.random.choice(choices)

    def answer(self) -> Command:
        """The registry's word: on something asked, mostly; else on something answered before, or never asked."""
        asked = self.market.vault.asked
        if not asked or self.chance(0.1):
            names = [*self.answered[-20:], InstructionId("in-0"), InstructionId("dvp-1-1")]
            return ResolveInstruction(
                instruction_id=self.random.choice(names),
                outcome=self.random.choice(tuple(Outcome)),
                code=self.random.choice(SHORT_OF),
            )
        movement = self.random.choice(asked)
        name = InstructionId(movement.name)
        self.answered.append(name)
        if self.chance(0.65):
            return ResolveInstruction(instruction_id=name, outcome=Outcome.CONFIRMED)
        legs = sum(len({piece.lot_id for piece in trade.pieces}) for trade in movement.trades) or 1
        return ResolveInstruction(
            instruction_id=name,
            outcome=Outcome.REFUSED,
            code=self.random.choice(SHORT_OF),
            leg=self.random.choice((None, None, 1, legs, self.random.randrange(legs + 2), 10**6)),
        )

    # ---- the operator -----------------------------------------------------------------------------------------------

    def rules(self) -> Command:
        choices: tuple[tuple[str, tuple[RuleValue, ...]], ...] = (
            ("tick_fen", (1, 5, 10, 0, "1")),
            ("lot_tonnes", (1, 1, 5, -1)),
            ("listed_min_tonnes", (1, 1, 5)),
            ("listed_max_tonnes", (200, 1_000, 99_999)),
            ("band_basis_points", (0, 50, 333, 1_000, 3_000, 20_000, -1)),
            ("band_rounding", ("half_up", "inward", "outward")),
            ("self_trade", ("reject_incoming", "cancel_resting", "allow")),
            ("closing_method", ("average", "last_five", "median")),
            ("settlement_cycle", ("end_of_day", "as_traded", "never")),
            ("resale_next_day", ("yes", "no", 1)),
            ("sale_proceeds", ("when_settled", "when_traded", "when_traded", "at_once")),
            ("participant_kinds", (universe.ALL_KINDS, universe.ALL_KINDS, "institution", "bank", "")),
            ("position_limits", ("none", "", universe.LIMITS, "institution 800", "institution", "bank 5")),
            ("large_holder_alerts", ("none", universe.ALERTS, "individual 20;", "institution x")),
            ("notice_s", (0, 0, 60, -1, 366 * 86_400 + 1)),
            ("fee_buyer_ppm", (0, 1, 500, 1_000_000, 1_000_001)),
            ("fee_seller_ppm", (0, 0, 500, 1_000_000, -1, "0")),
            ("fee_payer", ("both", "both", "buyer", "seller", "nobody")),
            ("fee_buyer_minimum_fen", (0, 1, 30_000, -1, "none")),
            ("fee_buyer_cap_fen", ("none", 0, 500, 60_000, -1, "")),
            ("fee_seller_minimum_fen", (0, 1, 30_000, 10**9, "0")),
            ("fee_seller_cap_fen", ("none", 0, 500, 60_000, -1, "None")),
            ("registry_patience_s", (3_600, 0, 366 * 86_400, 366 * 86_400 + 1)),
            ("two_person_acts", ("none", universe.GRAVE, "halt,restrict_account", "tea_break")),
            ("close_threshold_tonnes", (0, 10, 100)),
            ("mandate_kinds", (universe.ALL_KINDS, "project_applicant", "individual", "bank", "")),
            ("transfers_until", ("none", "none", "16:00", "09:00", "24:00", "9:00", 5)),
            ("correction_policy", ("claim_only", "freeze_holder", "forgive")),
            (
                "hours",
                (universe.SHANGHAI, universe.SPLIT, universe.ALWAYS, "listed 9-10", "listed 09:75-10:00", ""),
            ),
            ("close_by_clock", ("yes", "no", "maybe")),
            (
                "use_channels",
                (universe.CHANNELS, universe.FEW_CHANNELS, "II: compliance_offset", "I:donation"),
            ),
            ("use_withdrawal_s", (0, 0, 60, -1)),
            ("negotiated_min_tonnes", (1, 1, 5, 0)),
            ("negotiated_band_tiers", (*universe.TIERS, "none", "3000", "none below 5; none below 5; 1", "")),
            ("negotiated_reference", ("same_day_close", "previous_close", "next_close")),
            ("negotiated_open_offers", ("yes", "yes", "no", "perhaps")),
            ("negotiated_review", ("off", "off", "without_band", "all", "some")),
            ("negotiated_max_filed", (1, 4, 200, 0)),
            ("negotiated_max_rounds", (1, 2, 20, 0)),
            ("tea_break", ("yes",)),
        )
        changes = []
        for _ in range(self.random.choice((1, 1, 2))):
            parameter, values = self.random.choice(choices)
            ahead_ns = self.random.choice((0, 0, 1, 60 * SECOND_NS, 5 * 3_600 * SECOND_NS, DAY_NS, -1))
            listing = CLASS_ONE if self.chance(0.3) else None
            if self.founding:
                listing = None
            changes.append(change(parameter, self.random.choice(values), self.at_ns + ahead_ns, listing))
        command = universe.adopt(*changes, emergency=self.chance(0.4), operator=self.operator())
        return replace(command, reason="") if self.chance(0.03) else command

    def control(self) -> Command:
        """A halt or a restriction; what is halted or restricted, though, is mostly let go again."""
        operator = self.operator()
        reason = "" if self.chance(0.05) else "chance"
        halted, restricted = self.market.halted, self.market.restricted
        listing: AssetCode | None = self.random.choice((None, CLASS_ONE, CLASS_TWO, UNLISTED))
        account = self.account()
        if halted and self.chance(0.8):
            code = self.random.choice(halted)
            listing = None if code is None else AssetCode(code)
            return ResumeTrading(operator=operator, reason=reason, listing=listing)
        if restricted and self.chance(0.7):
            account = AccountId(self.random.choice(restricted))
            return LiftRestriction(operator=operator, reason=reason, account=account)
        return self.random.choice(
            (
                HaltTrading(operator=operator, reason=reason, listing=listing),
                HaltTrading(operator=operator, reason=reason, listing=listing),
                ResumeTrading(operator=operator, reason=reason, listing=listing),
                RestrictAccount(operator=operator, reason=reason, account=account),
                RestrictAccount(operator=operator, reason=reason, account=account),
                LiftRestriction(operator=operator, reason=reason, account=account),
            )
        )

    def mandate(self) -> Command:
        """Somebody is to act for another's account, for hours or for a moment, or for nothing; or no more."""
        operator, reason = self.operator(), "" if self.chance(0.03) else "chance"
        known = [MandateId(one.number) for one in self.market.mandates.all]
        if (known and self.chance(0.3)) or self.chance(0.05):
            return RevokeMandate(
                operator=operator, reason=reason, mandate_id=self.random.choice(known or [MandateId(1)])
            )
        number = 0 if self.chance(0.03) else self.random.choice((1, 2, 4, 4, 4))
        actions = self.random.sample(tuple(MandatedAction), number)
        ahead_ns = self.random.choice((0, -1, 1, 60 * SECOND_NS, 3_600 * SECOND_NS, 3 * DAY_NS, 9 * DAY_NS))
        return GrantMandate(
            operator=operator,
            reason=reason,
            account=self.account(),
            participant=ParticipantId(self.random.choice(("p1", "p3", "p4", "p4", "p5", "p5", "stranger"))),
            actions=(*actions, *actions[:1]) if self.chance(0.03) else tuple(actions),
            until_ns=self.at_ns + ahead_ns,
        )

    def safety(self) -> Command:
        """Timers set, held and taken back, connections watched and lost, now and then somebody else's."""
        account = self.account()
        participant = self.actor(account)
        key = self.random.choice(("k1", "k2"))
        if self.chance(0.5):
            timeout_s = self.random.choice((0, 1, 60, 3_600, 86_400))
            late = self.at_ns - 1 if self.chance(0.05) else None
            return SetDeadMan(
                participant=participant, account=account, key=key, timeout_s=timeout_s, deadline_ns=late
            )
        watched = [one.connection for one in self.market.safety.connections]
        if watched and self.chance(0.6):
            return EndConnection(connection=self.random.choice(watched), clean=self.chance(0.3))
        if self.chance(0.05):
            return EndConnection(connection="never", clean=False)
        return WatchConnection(
            participant=participant,
            account=account,
            key=key,
            connection=f"c{self.random.randrange(1_000_000)}",
            grace_s=self.random.choice((3, 30, 300)),
        )

    def kill_switch(self) -> Command:
        """A switch thrown; one that is on, though, is mostly lifted again."""
        operator, reason = self.operator(), "" if self.chance(0.05) else "chance"
        killed = self.market.safety.killed
        if killed and self.chance(0.85):
            scope, subject = self.random.choice(killed)
            return LiftKillSwitch(operator=operator, reason=reason, scope=KillScope(scope), subject=subject)
        scope = self.random.choice(list(KillScope))
        account = self.account()
        subjects = {"account": account, "participant": OWNERS.get(account, "nobody"), "market": ""}
        kind = LiftKillSwitch if self.chance(0.1) else ThrowKillSwitch
        return kind(operator=operator, reason=reason, scope=KillScope(scope), subject=subjects[scope])

    def personal_data(self) -> Command:
        """Somebody's data are to rest; those that do are mostly released again, as a market needs its participants."""
        operator, reason = self.operator(), "" if self.chance(0.05) else "chance"
        resting = self.market.subjects.resting
        if resting and self.chance(0.7):
            kind, subject = self.random.choice(resting)
            return ReleaseSubject(operator=operator, reason=reason, kind=SubjectKind(kind), subject=subject)
        kind = self.random.choice(("participant", "participant", "person", "beneficiary"))
        subject = self.random.choice(("p1", "p2", "p3", "p4", "p5", "stranger"))
        act = ReleaseSubject if self.chance(0.6) else RestrictSubject
        return act(operator=operator, reason=reason, kind=SubjectKind(kind), subject=subject)

    def permit_access(self) -> Command:
        """A way in for somebody; said why, mostly."""
        return PermitAccess(
            operator=self.operator(),
            reason="" if self.chance(0.3) else "chance",
            deed=self.random.choice(list(AccessDeed)),
            person=self.random.choice((None, "petra")),
            participant=ParticipantId(self.random.choice(("p1", "operator3"))),
            scopes=("read", "trade")[: self.random.randrange(3)],
            networks=self.random.choice(((), ("203.0.113.0/24",))),
            expires_at_ns=self.random.choice((None, self.market.at_ns)),
        )

    def bust(self) -> Command:
        trade_id = self.random.randrange(self.market.trades + 2)
        pending = [trade.number for trade in self.market.vault.not_asked()]
        if pending and self.chance(0.8):
            trade_id = self.random.choice(pending)
        reason = "" if self.chance(0.03) else "chance"
        return BustTrade(operator=self.operator(), reason=reason, trade_id=TradeId(trade_id))

    def retry(self) -> Command:
        """Once more what was refused, mostly; or what is under way, is done, or never was."""
        retirement_id = f"trade-{self.random.randrange(self.market.trades + 2)}"
        if self.market.vault.refused and self.chance(0.9):
            retirement_id = self.random.choice(list(self.market.vault.refused))
        reason = "" if self.chance(0.03) else "chance"
        return RetryRetirement(
            operator=self.operator(), reason=reason, retirement_id=RetirementId(retirement_id)
        )

    def second_person(self) -> Command:
        """Approve or decline what waits, as the second person, the first, or about nothing at all."""
        approval_id = self.random.randrange(self.market.seq + 2)
        if self.market.waiting and self.chance(0.95):
            approval_id = self.random.choice(list(self.market.waiting))
        if self.chance(0.8):
            return ApproveAct(operator=self.operator(), approval_id=approval_id)
        reason = "" if self.chance(0.2) else "chance"
        return DeclineAct(operator=self.operator(), approval_id=approval_id, reason=reason)

    def operator(self) -> ParticipantId:
        return self.random.choice(OPERATORS)

    def calendar(self) -> Command:
        known = self.market.announcements
        first = max((announced.last_day for announced in known), default="2026-11-16")
        announced = universe.announcement(first, self.random.choice((1, 3, 30)), weekends=self.chance(0.3))
        if self.chance(0.2):
            wrong = self.random.choice(("2026-1-1", "2026-11-01", "9999-12-31"))
            announced = replace(announced, last_day=TradingDay(wrong))
        if self.chance(0.2):
            announced = replace(announced, trading_days=announced.trading_days[::-1])
        return AnnounceCalendar(announcement=announced)

    def reference_data(self) -> Command:
        codes = (CLASS_ONE, UNLISTED, AssetCode(MONEY), AssetCode(f"X{self.random.randrange(2)}"))
        code, kind = self.random.choice(codes), MethodologyClass.I
        reference_fen = self.random.choice((6_800, 1, 0, -5))
        lot_name = f"L{self.random.randrange(16)}"
        instrument = self.random.choice((CLASS_ONE, CLASS_TWO, AssetCode("NOPE")))
        first = self.random.choice((0, 1, 500, -1))
        serials = (first, first + self.random.choice((0, 1, 400, 4_000)))
        fresh = universe.lot(lot_name, CLASS_ONE, serials, "2025-02-01")
        fresh = replace(
            fresh,
            instrument=instrument,
            methodology_class=CLASSES.get(instrument, MethodologyClass.I)
            if self.chance(0.7)
            else MethodologyClass.II,
        )
        known = self.market.vault.lots.get(lot_name)
        return self.random.choice(
            (
                AddInstrument(instrument=Instrument(code=code, methodology_class=kind)),
                AddListing(listing=Listing(code=code, first_reference_price_fen=reference_fen)),
                RegisterParticipant(participant=self.actor(self.account()), kind=ParticipantKind.INDIVIDUAL),
                OpenAccount(
                    account=self.account(), owner=ParticipantId("p2"), registry_account=f"registry-{code}"
                ),
                OpenAccount(
                    account=AccountId("a9"),
                    owner=self.random.choice((ParticipantId("p1"), ParticipantId("p9"))),
                    registry_account="registry-a1",
                ),
                OpenAccount(
                    account=AccountId(self.random.choice(("outside", "fees", "retired"))),
                    owner=ParticipantId("p1"),
                    registry_account="registry-x",
                ),
                RegisterLot(lot=fresh),
                RegisterLot(lot=known or fresh),
            )
        )

    def open_day(self) -> Command:
        return OpenDay(
            trading_day=TradingDay(self.random.choice((universe.FIRST_DAY, "2026-11-22", "today")))
        )

    def close_day(self) -> Command:
        return CloseDay(trading_day=self.day())

    def advance_close(self) -> Command:
        portion = self.random.choice((1, 3, 20, 1_000, 1_000, 0)) if self.chance(0.9) else -1
        return AdvanceClose(trading_day=self.day(), portion=portion)

    def reconcile(self) -> Command:
        breaks = self.random.choice((0, 0, 2))
        return RecordReconciliation(
            trading_day=self.day(),
            breaks=breaks,
            digest_here="here",
            digest_there="there",
            on_demand=self.chance(0.3),
            as_of=self.market.seq,
        )

    def issue(self) -> Command:
        return universe.issuing(self.market, self.random.choice((1, 2, 50)), wrong=self.chance(0.1))

    # ---- parts ------------------------------------------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def account(self) -> AccountId:
        return AccountId("nobody") if self.chance(0.01) else self.random.choice(ACCOUNTS)

    def actor(self, account: AccountId) -> ParticipantId:
        if self.chance(0.02):
            return ParticipantId(self.random.choice(("p1", "p2", "stranger")))
        delegates = [one.delegate for one in self.market.mandates.all if one.account == account]
        if delegates and self.chance(0.4):
            return ParticipantId(self.random.choice(delegates))
        return OWNERS.get(account, ParticipantId("p1"))

    def listing(self) -> AssetCode:
        if self.chance(0.02):
            return self.random.choice((UNLISTED, AssetCode("NOPE")))
        return CLASS_ONE if self.chance(0.7) else CLASS_TWO

    def deadline(self) -> int | None:
        return self.at_ns + self.random.choice((-1, 0, 1, DAY_NS)) if self.chance(0.05) else None

    def day(self) -> TradingDay:
        day = self.market.day
        return TradingDay(day) if day is not None and not self.chance(0.05) else universe.FIRST_DAY

    def fresh_id(self) -> str:
        self.ids += 1
        return f"id-{self.ids}"
