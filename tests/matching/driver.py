"""A small exchange to test on: stamps commands, speaks in plain names, keeps every event."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from hashlib import sha256

from matching.calendar import Announcement, midnight_ns
from matching.close_events import IssuedStatement
from matching.commands import (
    AddListing,
    AdoptRules,
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
    IssueStatements,
    LiftRestriction,
    OpenDay,
    RecordReconciliation,
    ReplaceOrder,
    RestrictAccount,
    ResumeTrading,
    RetryRetirement,
    SubmitOrder,
)
from matching.events import CloseStep, Event, Rejected
from matching.exchange import Exchange
from matching.listing import Listing
from matching.order import OrderId, Side, TimeInForce
from matching.rule_values import RuleValue
from matching.rulebook import Certainty, RuleChange
from matching.session import NS
from matching.state import Stamp
from settlement.account import ParticipantKind
from settlement.commands import (
    AddInstrument,
    DepositCash,
    OpenAccount,
    Outcome,
    PayWithdrawal,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    RequestWithdrawal,
    ResolveInstruction,
    ReturnWithdrawal,
)
from settlement.events import Instruction, LotSlice, MovementInstructed
from settlement.instrument import Instrument
from settlement.ledger import Balance
from settlement.lot import Lot, MethodologyClass, Origin
from settlement.retirement import RetirementId, RetirementPurpose, Use
from settlement.serials import Serials
from settlement.values import (
    CASH,
    AccountId,
    AssetCode,
    InstructionId,
    LotId,
    ParticipantId,
    TradeId,
    TradingDay,
    WithdrawalId,
)

LISTING = AssetCode("SHCERCIR1")
CLASS_II = AssetCode("SHCERCIR2")
MONDAY = TradingDay("2026-11-23")
TUESDAY = TradingDay("2026-11-24")
WEDNESDAY = TradingDay("2026-11-25")
FRIDAY = TradingDay("2026-11-27")
NEXT_MONDAY = TradingDay("2026-11-30")
REFERENCE_FEN = 6_800
EVENT = Use(
    purpose=RetirementPurpose.VOLUNTARY_OFFSET,
    beneficiary="a meeting of 300",
    statement="made carbon neutral",
)
OLGA, OTTO = "olga", "otto"
"""Two operators."""

ALWAYS_OPEN = "continuous 00:00-24:00"
SHANGHAI = (
    "pre_open 09:15-09:30; listed 09:30-11:30; break 11:30-13:00; listed 13:00-14:00; negotiated 14:00-15:00"
)
OTHER_USES = "voluntary_offset, voluntary_cancellation, donation, damage_compensation"
CHANNELS = f"I: compliance_offset, {OTHER_USES}; II: {OTHER_USES}"
RULES: dict[str, RuleValue] = {
    "hours": ALWAYS_OPEN,
    "close_by_clock": "no",
    "matching_mode": "price_time",
    "tick_fen": 1,
    "lot_tonnes": 1,
    "listed_min_tonnes": 1,
    "listed_max_tonnes": 99_999,
    "band_basis_points": 1_000,
    "band_rounding": "half_up",
    "self_trade": "reject_incoming",
    "closing_method": "average",
    "close_threshold_tonnes": 100,
    "settlement_cycle": "end_of_day",
    "resale_next_day": "no",
    "sale_proceeds": "when_settled",
    "participant_kinds": ", ".join(ParticipantKind),
    "position_limits": "none",
    "large_holder_alerts": "none",
    "fee_payer": "both",
    "fee_buyer_ppm": 0,
    "fee_buyer_minimum_fen": 0,
    "fee_buyer_cap_fen": "none",
    "fee_seller_ppm": 0,
    "fee_seller_minimum_fen": 0,
    "fee_seller_cap_fen": "none",
    "settlement_account": "DEMO-SETTLEMENT-1",
    "retention_years": 20,
    "negotiated_min_tonnes": 1,
    "negotiated_band_tiers": "3000 below 500000; none",
    "negotiated_reference": "same_day_close",
    "negotiated_open_offers": "no",
    "negotiated_review": "off",
    "negotiated_max_filed": 200,
    "negotiated_max_rounds": 20,
    "notice_s": 0,
    "two_person_acts": "none",
    "mandate_kinds": "project_applicant, scenario_applicant",
    "transfers_until": "none",
    "correction_policy": "claim_only",
    "depth_levels": 5,
    "registry_patience_s": 3_600,
    "use_channels": CHANNELS,
    "use_withdrawal_s": 0,
}


def instant(day: str, clock: str = "00:00:00") -> int:
    """Nanoseconds at that time of day in Shanghai."""
    hours, minutes, seconds = map(int, clock.split(":"))
    return midnight_ns(TradingDay(day)) + (hours * 3_600 + minutes * 60 + seconds) * NS


def owner_of(account: str) -> str:
    """Who owns an account: `cara` owns `cara`, `cara-1`, `cara-2` …"""
    return account.split("-", maxsplit=1)[0]


def change(
    parameter: str, value: RuleValue, from_ns: int = 0, listing: AssetCode | None = None
) -> RuleChange:
    """One dated value."""
    return RuleChange(
        parameter=parameter,
        value=value,
        effective_from_ns=from_ns,
        source="a test",
        certainty=Certainty.DEMONSTRATION,
        listing=listing,
    )


def weekdays(first: str, days: int) -> Announcement:
    """Every weekday of a period is a trading day."""
    begin = date.fromisoformat(first)
    dates = [begin + timedelta(n) for n in range(days)]
    return Announcement(
        first_day=TradingDay(dates[0].isoformat()),
        last_day=TradingDay(dates[-1].isoformat()),
        trading_days=tuple(TradingDay(day.isoformat()) for day in dates if day.weekday() < 5),
        source="a test",
    )


def lot(
    name: str,
    serials: tuple[int, int] = (1, 1_001),
    issued_on: str = "2025-01-01",
    instrument: AssetCode = LISTING,
    methodology_class: MethodologyClass = MethodologyClass.I,
) -> Lot:
    """A lot of that name."""
    return Lot(
        lot_id=LotId(name),
        instrument=instrument,
        methodology_class=methodology_class,
        methodology="SHCER02020022024II",
        methodology_version="1",
        origin=Origin.PROJECT,
        project="a roof of solar cells",
        period_from="2024-01-01",
        period_to="2024-12-31",
        batch="1",
        issued_on=issued_on,
        serials=serials,
    )


def adopt(*changes: RuleChange, emergency: bool = False, operator: str = OLGA) -> AdoptRules:
    """An `AdoptRules` by an operator."""
    return AdoptRules(operator=ParticipantId(operator), reason="a test", changes=changes, emergency=emergency)


class Driver:
    """One exchange, and a hand that stamps its commands."""

    def __init__(self, exchange: Exchange | None = None, at_ns: int | None = None) -> None:
        self.exchange = Exchange() if exchange is None else exchange
        self.seq = self.exchange.dump().seq
        self.at_ns = instant(MONDAY, "10:00:00") if at_ns is None else at_ns
        self.events: list[Event] = []
        self.ids = 0

    # ---- telling it things --------------------------------------------------------------------------------------

    def do(self, command: Command, at_ns: int | None = None) -> tuple[Event, ...]:
        """Apply one command, now or at a later instant, and walk every invariant after it."""
        if at_ns is not None:
            self.at_ns = at_ns
        self.seq += 1
        events = self.exchange.apply(command, Stamp(seq=self.seq, at_ns=self.at_ns))
        self.exchange.check()
        self.events.extend(events)
        return events

    def accepted(self, command: Command) -> tuple[Event, ...]:
        """Apply one command that must not be refused."""
        events = self.do(command)
        assert not any(isinstance(event, Rejected) for event in events), events
        return events

    def adopt(self, **rules: RuleValue) -> None:
        """Enter these values, in force from now on (before the first day: since ever)."""
        from_ns = 0 if self.exchange.trading_day is None else self.at_ns
        self.accepted(adopt(*(change(name, value, from_ns) for name, value in rules.items())))

    def found(self, **rules: RuleValue) -> None:
        """Rules, calendar, an instrument of each class, and one listing."""
        self.adopt(**{**RULES, **rules})
        self.accepted(AnnounceCalendar(announcement=weekdays("2026-11-16", 28)))
        for code, kind in ((LISTING, MethodologyClass.I), (CLASS_II, MethodologyClass.II)):
            self.accepted(AddInstrument(instrument=Instrument(code=code, methodology_class=kind)))
        self.accepted(AddListing(listing=Listing(code=LISTING, first_reference_price_fen=REFERENCE_FEN)))

    def open(self, day: TradingDay = MONDAY) -> tuple[Event, ...]:
        """Begin the first day."""
        return self.accepted(OpenDay(trading_day=day))

    def admit(
        self,
        account: str,
        *,
        fen: int = 0,
        tonnes: int = 0,
        kind: ParticipantKind = ParticipantKind.INSTITUTION,
    ) -> None:
        """A participant of a kind, an account, and what is in it."""
        known = self.exchange.depository.participants
        participant = ParticipantId(owner_of(account))
        if participant not in known:
            self.accepted(RegisterParticipant(participant=participant, kind=kind))
        registry_account = f"registry-{account}"
        self.accepted(
            OpenAccount(account=AccountId(account), owner=participant, registry_account=registry_account)
        )
        if fen:
            self.deposit(account, fen)
        if tonnes:
            self.bring(account, f"L-{account}", tonnes)

    def deposit(self, account: str, fen: int) -> tuple[Event, ...]:
        """Money comes in."""
        return self.accepted(deposit(account, fen, client_id=self.next_id(), reference=f"bank-{self.seq}"))

    def bring(self, account: str, lot_name: str, tonnes: int, issued_on: str = "2025-01-01") -> None:
        """A new lot, all of it transferred in and confirmed."""
        self.accepted(RegisterLot(lot=lot(lot_name, (1, 1 + tonnes), issued_on)))
        self.answer(self.transfer_in(account, lot_name, ((1, 1 + tonnes),)))

    def transfer_in(self, account: str, lot_name: str, serials: Serials) -> Instruction:
        """Ask for serials of one lot; the instruction that came of it."""
        events = self.accepted(
            transfer_in(
                account, (LotSlice(lot_id=LotId(lot_name), serials=serials),), client_id=self.next_id()
            )
        )
        (instructed,) = (event for event in events if isinstance(event, MovementInstructed))
        return instructed.instruction

    def answer(
        self, instruction: Instruction, code: str | None = None, leg: int | None = None
    ) -> tuple[Event, ...]:
        """The registry's final word: confirmed, or refused with a code."""
        return self.accepted(resolve(instruction.instruction_id, code, leg))

    def order(
        self,
        account: str,
        side: Side,
        quantity_tonnes: int,
        price_fen: int,
        time_in_force: TimeInForce = TimeInForce.DAY,
        *,
        use: Use | None = None,
    ) -> tuple[Event, ...]:
        """An order under a fresh client id."""
        return self.do(
            order(account, side, quantity_tonnes, price_fen, time_in_force, use=use, client_id=self.next_id())
        )

    def buy(self, account: str, quantity_tonnes: int, price_fen: int, use: Use | None = None) -> OrderId:
        """A buy order that is accepted; its id."""
        events = self.order(account, Side.BUY, quantity_tonnes, price_fen, use=use)
        assert not isinstance(events[-1], Rejected), events
        return OrderId(self.seq)

    def sell(self, account: str, quantity_tonnes: int, price_fen: int) -> OrderId:
        """A sell order that is accepted; its id."""
        events = self.order(account, Side.SELL, quantity_tonnes, price_fen)
        assert not isinstance(events[-1], Rejected), events
        return OrderId(self.seq)

    def wait_until(self, clock: str, day: str = MONDAY) -> tuple[Event, ...]:
        """Let time pass, up to that time of day."""
        return self.do(AdvanceTime(), instant(day, clock))

    # ---- the close ----------------------------------------------------------------------------------------------

    def close_commands(
        self,
        *,
        portion: int = 1_000,
        refuse: Callable[[Instruction], tuple[str, int | None] | None] | None = None,
    ) -> Iterator[Command]:
        """What the gateway's close driver and the registry say, one by one, until the date is rolled."""
        day = self.exchange.trading_day
        assert day is not None
        while self.exchange.trading_day == day:
            yield AdvanceClose(trading_day=day, portion=portion)
            if self.exchange.close_step is CloseStep.REGISTRY:
                for instruction in self.exchange.pending_instructions():
                    refusal = None if refuse is None else refuse(instruction)
                    yield resolve(instruction.instruction_id, *(refusal or (None, None)))
            yield from statements_due(self.exchange, portion)
            if self.exchange.close_step is CloseStep.RECONCILE:
                yield RecordReconciliation(trading_day=day, breaks=0, digest_here="same", digest_there="same")

    def close(
        self,
        *,
        portion: int = 1_000,
        refuse: Callable[[Instruction], tuple[str, int | None] | None] | None = None,
    ) -> list[Event]:
        """Close the day under way, from wherever it stands, and roll the date."""
        events: list[Event] = []
        if self.exchange.close_step is None:
            assert self.exchange.trading_day is not None
            events.extend(self.accepted(CloseDay(trading_day=self.exchange.trading_day)))
        for command in self.close_commands(portion=portion, refuse=refuse):
            events.extend(self.accepted(command))
        return events

    # ---- looking ------------------------------------------------------------------------------------------------

    def next_id(self) -> str:
        """A client id that nobody used yet."""
        self.ids += 1
        return f"id-{self.ids}"

    def cash(self, account: str) -> Balance:
        """Money of an account."""
        return self.exchange.depository.ledger.balance(AccountId(account), CASH)

    def units(self, account: str) -> Balance:
        """Units of the listing an account has."""
        return self.exchange.depository.ledger.balance(AccountId(account), LISTING)

    def depth(self, side: Side) -> list[tuple[int, int]]:
        """Price and tonnes of each level of a side."""
        return self.exchange.trading.markets[LISTING].book.depth(side, 1_000)


def statements_due(exchange: Exchange, portion: int = 1_000) -> Iterator[IssueStatements]:
    """What the gateway says of the statements that are to be issued now, one portion after the other."""
    close = exchange.cycle.close
    if close is None:
        return
    accounts = list(close.without_statement())
    for first in range(0, len(accounts), portion):
        statements = tuple(
            IssuedStatement(account=account, digest=sha256(account.encode()).hexdigest())
            for account in accounts[first : first + portion]
        )
        yield IssueStatements(trading_day=close.trading_day, statements=statements)


def open_market(**rules: RuleValue) -> Driver:
    """A founded exchange on its first day."""
    driver = Driver()
    driver.found(**rules)
    driver.open()
    return driver


def shanghai_market(at_ns: int | None = None, **rules: RuleValue) -> Driver:
    """A founded exchange that keeps Shanghai hours and closes by the clock."""
    driver = Driver(at_ns=instant(MONDAY, "08:00:00") if at_ns is None else at_ns)
    driver.found(**{"hours": SHANGHAI, "close_by_clock": "yes", **rules})
    driver.open()
    return driver


def order(
    account: str,
    side: Side,
    quantity_tonnes: int,
    price_fen: int,
    time_in_force: TimeInForce = TimeInForce.DAY,
    *,
    use: Use | None = None,
    client_id: str = "o",
    participant: str | None = None,
    listing: str = LISTING,
    deadline_ns: int | None = None,
) -> SubmitOrder:
    """A `SubmitOrder` by the account's owner."""
    return SubmitOrder(
        participant=ParticipantId(participant or owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        deadline_ns=deadline_ns,
        listing=AssetCode(listing),
        side=side,
        price_fen=price_fen,
        quantity_tonnes=quantity_tonnes,
        time_in_force=time_in_force,
        use=use,
    )


def deposit(account: str, fen: int, *, client_id: str = "d", reference: str = "bank") -> DepositCash:
    """A `DepositCash` by the bank."""
    return DepositCash(
        participant=ParticipantId("bank"),
        account=AccountId(account),
        client_id=client_id,
        amount_fen=fen,
        bank_reference=reference,
    )


def withdrawal(
    account: str, fen: int, *, client_id: str = "w", participant: str | None = None
) -> RequestWithdrawal:
    """A `RequestWithdrawal` by the account's owner."""
    return RequestWithdrawal(
        participant=ParticipantId(participant or owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        amount_fen=fen,
    )


def paid(account: str, withdrawal_id: str, *, client_id: str = "p", reference: str = "paid") -> PayWithdrawal:
    """A `PayWithdrawal` by the bank."""
    return PayWithdrawal(
        participant=ParticipantId("bank"),
        account=AccountId(account),
        client_id=client_id,
        withdrawal_id=WithdrawalId(withdrawal_id),
        bank_reference=reference,
    )


def returned(account: str, withdrawal_id: str, *, client_id: str = "r") -> ReturnWithdrawal:
    """A `ReturnWithdrawal` by the bank."""
    return ReturnWithdrawal(
        participant=ParticipantId("bank"),
        account=AccountId(account),
        client_id=client_id,
        withdrawal_id=WithdrawalId(withdrawal_id),
        reason="no such bank account",
    )


def transfer_in(
    account: str,
    lots: tuple[LotSlice, ...],
    *,
    client_id: str = "t",
    participant: str | None = None,
    instrument: str = LISTING,
) -> RequestTransferIn:
    """A `RequestTransferIn` by the account's owner."""
    return RequestTransferIn(
        participant=ParticipantId(participant or owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        instrument=AssetCode(instrument),
        lots=lots,
        asked=str(lots),
    )


def resolve(instruction_id: str, code: str | None = None, leg: int | None = None) -> ResolveInstruction:
    """The registry's answer: confirmed without a code, refused with one."""
    return ResolveInstruction(
        instruction_id=InstructionId(instruction_id),
        outcome=Outcome.CONFIRMED if code is None else Outcome.REFUSED,
        code=code,
        leg=leg,
    )


def cancel(account: str, order_id: int, *, participant: str | None = None) -> CancelOrder:
    """A `CancelOrder` by the account's owner."""
    return CancelOrder(
        participant=ParticipantId(participant or owner_of(account)),
        account=AccountId(account),
        order_id=OrderId(order_id),
    )


def cancel_all(account: str, *, listing: str | None = None, side: Side | None = None) -> CancelOrders:
    """A `CancelOrders` by the account's owner."""
    return CancelOrders(
        participant=ParticipantId(owner_of(account)),
        account=AccountId(account),
        listing=None if listing is None else AssetCode(listing),
        side=side,
    )


def replace_order(
    account: str,
    order_id: int,
    *,
    price_fen: int | None = None,
    quantity_tonnes: int | None = None,
    client_id: str = "r",
    participant: str | None = None,
    deadline_ns: int | None = None,
) -> ReplaceOrder:
    """A `ReplaceOrder` by the account's owner."""
    return ReplaceOrder(
        participant=ParticipantId(participant or owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        deadline_ns=deadline_ns,
        order_id=OrderId(order_id),
        price_fen=price_fen,
        quantity_tonnes=quantity_tonnes,
    )


def halt(listing: str | None = None, *, operator: str = OLGA) -> HaltTrading:
    """A `HaltTrading` of a listing, or of the market."""
    code = None if listing is None else AssetCode(listing)
    return HaltTrading(operator=ParticipantId(operator), reason="a test", listing=code)


def resume(listing: str | None = None, *, operator: str = OLGA) -> ResumeTrading:
    """A `ResumeTrading` of a listing, or of the market."""
    code = None if listing is None else AssetCode(listing)
    return ResumeTrading(operator=ParticipantId(operator), reason="a test", listing=code)


def restrict(account: str, *, operator: str = OLGA) -> RestrictAccount:
    """A `RestrictAccount`."""
    return RestrictAccount(operator=ParticipantId(operator), reason="a test", account=AccountId(account))


def lift(account: str, *, operator: str = OLGA) -> LiftRestriction:
    """A `LiftRestriction`."""
    return LiftRestriction(operator=ParticipantId(operator), reason="a test", account=AccountId(account))


def bust(trade_id: int, *, operator: str = OLGA) -> BustTrade:
    """A `BustTrade`."""
    return BustTrade(operator=ParticipantId(operator), reason="a test", trade_id=TradeId(trade_id))


def retry(retirement_id: str, *, operator: str = OLGA) -> RetryRetirement:
    """A `RetryRetirement`."""
    return RetryRetirement(
        operator=ParticipantId(operator), reason="a test", retirement_id=RetirementId(retirement_id)
    )


def approve(approval_id: int, *, operator: str = OTTO) -> ApproveAct:
    """An `ApproveAct` by another operator than the one who acts in these tests."""
    return ApproveAct(operator=ParticipantId(operator), approval_id=approval_id)


def decline(approval_id: int, *, operator: str = OTTO, reason: str = "a test") -> DeclineAct:
    """A `DeclineAct`."""
    return DeclineAct(operator=ParticipantId(operator), approval_id=approval_id, reason=reason)
