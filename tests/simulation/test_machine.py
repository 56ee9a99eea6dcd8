"""Hypothesis at the keyboard: the core and the reference market side by side, failures shrunk to a few commands.

The seeded lives go far; this one goes small. Its world is two accounts of two owners, a third of one of them, prices
within a few ticks of each other and a handful of tonnes, so that every boundary is near.
"""

from collections.abc import Callable
from dataclasses import replace as replace_fields
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from matching.acts import (
    DecideClaim,
    LiftFreeze,
    PlaceFreeze,
    ResolveBreak,
    RetryDeliveries,
    RetryRemoval,
    UnwindDelivery,
)
from matching.commands import (
    AddListing,
    AdoptRules,
    AdvanceClose,
    AdvanceTime,
    ApproveAct,
    BustTrade,
    CancelOrder,
    CancelOrders,
    CloseDay,
    Command,
    DeclineAct,
    HaltTrading,
    LiftRestriction,
    RecordReconciliation,
    ReplaceOrder,
    RestrictAccount,
    ResumeTrading,
    RetryRetirement,
    SubmitOrder,
)
from matching.exchange import Exchange
from matching.listing import Listing
from matching.order import OrderId, Side, TimeInForce
from matching.rule_values import RuleValue
from matching.state import Stamp
from settlement.claim import ClaimDecision, ClaimId
from settlement.commands import (
    DepositCash,
    Outcome,
    RegisterLot,
    ReportBreaks,
    RequestTransferIn,
    RequestTransferOut,
    ResolveInstruction,
    TakeNotice,
)
from settlement.difference import BreakId, BreakKind, Difference
from settlement.events import LotSlice
from settlement.freeze import FreezeId
from settlement.lot_choice import LotChoice
from settlement.notice import Notice, NoticeKind
from settlement.removal import RemovalId
from settlement.retirement import RetirementId, Use
from settlement.values import AccountId, AssetCode, InstructionId, LotId, ParticipantId, TradeId, TradingDay
from tests.reference.custody import Frost
from tests.reference.market import Market
from tests.simulation import universe
from tests.simulation.notes import notes_of
from tests.simulation.run import compare, compare_balances
from tests.simulation.universe import CLASS_ONE, OWNERS, change

ACCOUNTS = (AccountId("a1"), AccountId("a2"), AccountId("a1-second"))
RULES: dict[str, RuleValue] = {
    "hours": universe.ALWAYS,
    "close_by_clock": "no",
    "matching_mode": "price_time",
    "tick_fen": 1,
    "lot_tonnes": 1,
    "listed_min_tonnes": 1,
    "listed_max_tonnes": 20,
    "band_basis_points": 500,
    "band_rounding": "half_up",
    "self_trade": "reject_incoming",
    "closing_method": "average",
    "close_threshold_tonnes": 3,
    "settlement_cycle": "end_of_day",
    "resale_next_day": "no",
    "sale_proceeds": "when_settled",
    "participant_kinds": universe.ALL_KINDS,
    "position_limits": "none",
    "large_holder_alerts": "institution 30",
    "fee_payer": "both",
    "fee_buyer_ppm": 0,
    "fee_buyer_minimum_fen": 0,
    "fee_buyer_cap_fen": "none",
    "fee_seller_ppm": 0,
    "fee_seller_minimum_fen": 0,
    "fee_seller_cap_fen": "none",
    "negotiated_min_tonnes": 1,
    "negotiated_band_tiers": "3000 below 500000; none",
    "negotiated_reference": "same_day_close",
    "negotiated_open_offers": "no",
    "negotiated_review": "off",
    "negotiated_max_filed": 200,
    "negotiated_max_rounds": 20,
    "settlement_account": "DEMO-SETTLEMENT-1",
    "retention_years": 20,
    "notice_s": 0,
    "two_person_acts": "none",
    "mandate_kinds": "project_applicant, scenario_applicant",
    "transfers_until": "none",
    "correction_policy": "claim_only",
    "depth_levels": 5,
    "registry_patience_s": 60,
    "use_channels": universe.CHANNELS,
    "use_withdrawal_s": 0,
}

accounts = st.sampled_from(ACCOUNTS)
sides = st.sampled_from(tuple(Side))
prices_fen = st.integers(94, 106)
tonnes = st.integers(0, 21)
lifetimes = st.sampled_from(tuple(TimeInForce))
client_ids = st.sampled_from([f"c{number}" for number in range(40)])
operators = st.sampled_from([universe.OPERATOR, ParticipantId("o2")])
reasons = st.sampled_from(["chance", "chance", "chance", ""])
uses = st.sampled_from([None, None, None, *universe.USES[:1]])
halted = st.sampled_from([None, CLASS_ONE])
NEW_RULES: list[tuple[str, RuleValue]] = [
    ("tick_fen", 2),
    ("tick_fen", 1),
    ("band_basis_points", 0),
    ("band_basis_points", 500),
    ("lot_tonnes", 2),
    ("self_trade", "cancel_resting"),
    ("self_trade", "reject_incoming"),
    ("closing_method", "last_five"),
    ("settlement_cycle", "as_traded"),
    ("settlement_cycle", "end_of_day"),
    ("resale_next_day", "yes"),
    ("sale_proceeds", "when_traded"),
    ("sale_proceeds", "when_settled"),
    ("participant_kinds", "covered_entity"),
    ("participant_kinds", universe.ALL_KINDS),
    ("position_limits", "institution 40; covered_entity 25"),
    ("position_limits", "none"),
    ("fee_buyer_ppm", 40_000),
    ("fee_buyer_ppm", 0),
    ("fee_seller_ppm", 333_333),
    ("fee_buyer_minimum_fen", 150),
    ("fee_buyer_cap_fen", 200),
    ("fee_buyer_cap_fen", "none"),
    ("fee_seller_minimum_fen", 90),
    ("fee_seller_cap_fen", 400),
    ("fee_payer", "buyer"),
    ("fee_payer", "both"),
    ("notice_s", 1),
    ("two_person_acts", "halt, bust_trade, emergency_rules"),
    ("two_person_acts", "none"),
    ("transfers_until", "00:00"),
    ("transfers_until", "none"),
    ("correction_policy", "freeze_holder"),
    ("correction_policy", "claim_only"),
]


class Machine(RuleBasedStateMachine):
    """Exchange and reference, told the same."""

    walk_every = 1
    """Commands from one walk of all invariants to the next. What is said and every balance is compared always."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange, self.reference = Exchange(), Market()
        self.seq, self.at_ns = 0, universe.BEGINS_NS

    def tell(self, command: Command) -> None:
        self.seq += 1
        events = self.exchange.apply(command, Stamp(seq=self.seq, at_ns=self.at_ns))
        assert notes_of(events) == self.reference.do(command, self.seq, self.at_ns)

    @initialize(fen=st.integers(90, 5_000), units=st.integers(1, 60))
    def begin(self, fen: int, units: int) -> None:
        """A market at a reference of one yuan, everybody with a little of everything."""
        self.tell(universe.adopt(*(change(name, value) for name, value in RULES.items())))
        for command in universe.founding(Random(1)):
            if isinstance(command, RegisterLot | AdoptRules):
                continue
            if isinstance(command, AddListing):
                code = command.listing.code
                self.tell(AddListing(listing=Listing(code=code, first_reference_price_fen=100)))
            else:
                self.tell(command)
        for account in ACCOUNTS:
            self.deposit(account, f"start-{account}", fen)
            lot = universe.lot(f"L-{account}", CLASS_ONE, (0, 60), "2025-01-01")
            self.tell(RegisterLot(lot=lot))
            self.bring(account, f"start-{account}", 0, units)
            self.tell(
                ResolveInstruction(instruction_id=InstructionId(f"in-{self.seq}"), outcome=Outcome.CONFIRMED)
            )

    @rule(account=accounts, client_id=client_ids, fen=st.integers(0, 500))
    def deposit(self, account: AccountId, client_id: str, fen: int) -> None:
        self.tell(
            DepositCash(
                participant=ParticipantId("bank"),
                account=account,
                client_id=client_id,
                amount_fen=fen,
                bank_reference=client_id,
            )
        )

    @rule(account=accounts, client_id=client_ids, first=st.integers(0, 60), count=st.integers(0, 20))
    def bring(self, account: AccountId, client_id: str, first: int, count: int) -> None:
        self.tell(
            RequestTransferIn(
                participant=OWNERS[account],
                account=account,
                client_id=client_id,
                instrument=CLASS_ONE,
                lots=(LotSlice(lot_id=LotId(f"L-{account}"), serials=((first, first + count),)),),
                asked=f"{first}+{count}",
            )
        )

    @rule(
        account=accounts,
        client_id=client_ids,
        side=sides,
        price_fen=prices_fen,
        quantity_tonnes=tonnes,
        time_in_force=lifetimes,
        use=uses,
    )
    def order(
        self,
        *,
        account: AccountId,
        client_id: str,
        side: Side,
        price_fen: int,
        quantity_tonnes: int,
        time_in_force: TimeInForce,
        use: Use | None,
    ) -> None:
        self.tell(
            SubmitOrder(
                participant=OWNERS[account],
                account=account,
                client_id=client_id,
                listing=CLASS_ONE,
                side=side,
                price_fen=price_fen,
                quantity_tonnes=quantity_tonnes,
                time_in_force=time_in_force,
                use=use,
            )
        )

    @precondition(lambda self: self.reference.open)
    @rule(
        which=st.integers(0, 40),
        mine=st.booleans() | st.just(value=True),
        client_id=client_ids,
        price_fen=st.none() | prices_fen,
        quantity_tonnes=st.none() | tonnes,
    )
    def replace(
        self, *, which: int, mine: bool, client_id: str, price_fen: int | None, quantity_tonnes: int | None
    ) -> None:
        orders = list(self.reference.open.values())
        order = orders[which % len(orders)]
        account = AccountId(order.account) if mine else ACCOUNTS[which % 3]
        self.tell(
            ReplaceOrder(
                participant=OWNERS[account],
                account=account,
                client_id=client_id,
                order_id=OrderId(order.order_id),
                price_fen=price_fen,
                quantity_tonnes=quantity_tonnes,
            )
        )

    @precondition(lambda self: self.reference.open)
    @rule(account=accounts, data=st.data())
    def cancel(self, account: AccountId, data: st.DataObject) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.reference.open)))
        self.tell(CancelOrder(participant=OWNERS[account], account=account, order_id=OrderId(order_id)))

    @rule(account=accounts, side=st.none() | sides)
    def cancel_many(self, account: AccountId, side: Side | None) -> None:
        self.tell(CancelOrders(participant=OWNERS[account], account=account, side=side))

    @rule(
        parameter_and_value=st.sampled_from(NEW_RULES),
        ahead_ns=st.integers(0, 2),
        emergency=st.booleans(),
        operator=operators,
    )
    def adopt(
        self,
        *,
        parameter_and_value: tuple[str, RuleValue],
        ahead_ns: int,
        emergency: bool,
        operator: ParticipantId,
    ) -> None:
        changed = change(*parameter_and_value, self.at_ns + ahead_ns)
        self.tell(universe.adopt(changed, emergency=emergency, operator=operator))

    @rule(operator=operators, reason=reasons, listing=halted, resume=st.booleans())
    def halt(self, operator: ParticipantId, reason: str, listing: AssetCode | None, *, resume: bool) -> None:
        # What is halted is resumed soon, or nothing else would happen for long.
        if self.reference.halted and resume:
            code = self.reference.halted[0]
            listing = None if code is None else AssetCode(code)
            self.tell(ResumeTrading(operator=operator, reason=reason, listing=listing))
        elif resume:
            self.tell(ResumeTrading(operator=operator, reason=reason, listing=listing))
        else:
            self.tell(HaltTrading(operator=operator, reason=reason, listing=listing))

    @rule(operator=operators, reason=reasons, account=accounts, lift=st.booleans())
    def restrict(self, operator: ParticipantId, reason: str, account: AccountId, *, lift: bool) -> None:
        if lift:
            self.tell(LiftRestriction(operator=operator, reason=reason, account=account))
        else:
            self.tell(RestrictAccount(operator=operator, reason=reason, account=account))

    @precondition(lambda self: self.reference.trades)
    @rule(operator=operators, reason=reasons, back=st.integers(0, 4))
    def bust(self, operator: ParticipantId, reason: str, back: int) -> None:
        trade_id = TradeId(max(self.reference.trades - back, 0))
        self.tell(BustTrade(operator=operator, reason=reason, trade_id=trade_id))

    @precondition(lambda self: self.reference.vault.refused)
    @rule(operator=operators, reason=reasons)
    def retry(self, operator: ParticipantId, reason: str) -> None:
        retirement_id = RetirementId(next(iter(self.reference.vault.refused)))
        self.tell(RetryRetirement(operator=operator, reason=reason, retirement_id=retirement_id))

    @precondition(lambda self: self.reference.waiting)
    @rule(operator=operators, reason=reasons, which=st.integers(0, 5), decline=st.booleans())
    def second_person(self, operator: ParticipantId, reason: str, which: int, *, decline: bool) -> None:
        waiting = list(self.reference.waiting)
        approval_id = waiting[which % len(waiting)]
        if decline:
            self.tell(DeclineAct(operator=operator, approval_id=approval_id, reason=reason))
        else:
            self.tell(ApproveAct(operator=operator, approval_id=approval_id))

    # ---- authorities ------------------------------------------------------------------------------------------------

    @rule(
        account=accounts,
        client_id=client_ids,
        quantity_tonnes=st.integers(0, 21),
        first=st.none() | st.integers(0, 59),
    )
    def take_out(self, account: AccountId, client_id: str, quantity_tonnes: int, first: int | None) -> None:
        named = () if first is None else ((first, first + max(quantity_tonnes, 1)),)
        lots = (LotChoice(lot_id=LotId(f"L-{account}"), serials=named),) if named else ()
        self.tell(
            RequestTransferOut(
                participant=OWNERS[account],
                account=account,
                client_id=client_id,
                instrument=CLASS_ONE,
                quantity_tonnes=0 if named else quantity_tonnes,
                lots=lots,
            )
        )

    @rule(
        kind=st.sampled_from(
            [
                NoticeKind.LOT_FROZEN,
                NoticeKind.LOT_FROZEN,
                NoticeKind.ACCOUNT_RESTRICTED,
                NoticeKind.CORRECTED,
                NoticeKind.CORRECTED,
                NoticeKind.TRANSFERRED_IN,
            ]
        ),
        account=accounts,
        lots_of=accounts,
        first=st.integers(0, 59),
        count=st.integers(0, 20),
    )
    def notice(
        self, *, kind: NoticeKind, account: AccountId, lots_of: AccountId, first: int, count: int
    ) -> None:
        whose = (
            f"registry-{account}"
            if kind in (NoticeKind.ACCOUNT_RESTRICTED, NoticeKind.TRANSFERRED_IN)
            else None
        )
        lot_id = None if kind is NoticeKind.ACCOUNT_RESTRICTED else LotId(f"L-{lots_of}")
        serials = ((first, min(first + count, 60)),) if count else ()
        self.take(Notice(sequence=0, kind=kind, registry_account=whose, lot_id=lot_id, serials=serials))

    @precondition(lambda self: self.registrys_freezes())
    @rule(which=st.integers(0, 5))
    def unfreeze(self, which: int) -> None:
        frosts = self.registrys_freezes()
        frost = frosts[which % len(frosts)]
        lot_id = None if frost.lot is None else LotId(frost.lot)
        self.take(
            Notice(
                sequence=0,
                kind=NoticeKind.UNFROZEN,
                registry_account=frost.registry_account,
                lot_id=lot_id,
                serials=frost.ranges,
            )
        )

    def registrys_freezes(self) -> list[Frost]:
        return [frost for frost in self.reference.custody.frosts if frost.source == "registry"]

    def take(self, notice: Notice) -> None:
        sequence = self.reference.custody.cursor + 1
        self.tell(TakeNotice(notice=replace_fields(notice, sequence=sequence)))

    @rule(operator=operators, account=st.none() | accounts, lots_of=accounts, first=st.integers(0, 59))
    def freeze(
        self, operator: ParticipantId, account: AccountId | None, lots_of: AccountId, first: int
    ) -> None:
        self.tell(
            PlaceFreeze(
                operator=operator,
                reason="chance",
                account=account,
                lot_id=LotId(f"L-{lots_of}"),
                serials=((first, first + 1),),
            )
        )

    @rule(account=accounts, lots_of=st.none() | accounts, first=st.integers(0, 3))
    def report(self, account: AccountId, lots_of: AccountId | None, first: int) -> None:
        found = Difference(
            kind=BreakKind.RANGE_DIFFERS,
            registry_account=f"registry-{account}",
            lot_id=None if lots_of is None else LotId(f"L-{lots_of}"),
            only_here=((first, first + 2),),
        )
        self.tell(ReportBreaks(as_of=self.seq, differences=(found,)))

    @precondition(lambda self: self.reference.custody.frosts or self.reference.custody.removals)
    @rule(operator=operators, which=st.integers(0, 5), decision=st.sampled_from(tuple(ClaimDecision)))
    def resolve(self, operator: ParticipantId, which: int, decision: ClaimDecision) -> None:
        """Whatever there is to be resolved by an operator."""
        custody = self.reference.custody
        acts: list[Command] = [
            ResolveBreak(operator=operator, reason="chance", break_id=BreakId(one)) for one in custody.breaks
        ]
        acts += [
            LiftFreeze(operator=operator, reason="chance", freeze_id=FreezeId(frost.name))
            for frost in custody.frosts
        ]
        acts += [
            DecideClaim(operator=operator, reason="chance", claim_id=ClaimId(one), decision=decision)
            for one in custody.claims
        ]
        acts += [
            RetryRemoval(operator=operator, reason="chance", removal_id=RemovalId(one))
            for one in custody.removals
        ]
        if acts:
            self.tell(acts[which % len(acts)])

    @precondition(lambda self: self.reference.vault.parked())
    @rule(operator=operators, which=st.integers(0, 5), retry=st.booleans())
    def unpark(self, operator: ParticipantId, which: int, *, retry: bool) -> None:
        parked = self.reference.vault.parked()
        trade_id = TradeId(parked[which % len(parked)])
        if retry:
            self.tell(RetryDeliveries(operator=operator, reason="chance", trade_ids=(trade_id,)))
        else:
            self.tell(UnwindDelivery(operator=operator, reason="chance", trade_id=trade_id))

    @rule(ns=st.integers(1, 3))
    def wait(self, ns: int) -> None:
        self.at_ns += ns
        self.tell(AdvanceTime())

    @rule()
    def close(self) -> None:
        self.tell(CloseDay(trading_day=TradingDay(self.reference.day or "")))

    @rule(portion=st.integers(0, 3))
    def advance(self, portion: int) -> None:
        self.tell(AdvanceClose(trading_day=TradingDay(self.reference.day or ""), portion=portion))

    @rule()
    def reconcile(self) -> None:
        day = TradingDay(self.reference.day or "")
        self.tell(RecordReconciliation(trading_day=day, breaks=0, digest_here="", digest_there=""))

    @rule(portion=st.integers(1, 3), wrong=st.sampled_from([False, False, False, True]))
    def issue(self, portion: int, *, wrong: bool) -> None:
        self.tell(universe.issuing(self.reference, portion, wrong=wrong))

    @precondition(lambda self: self.reference.vault.asked)
    @rule(
        code=st.sampled_from([None, None, "too_late", "insufficient_units", "not_authorised"]),
        leg=st.none() | st.integers(0, 4),
        data=st.data(),
    )
    def answer(self, code: str | None, leg: int | None, data: st.DataObject) -> None:
        movement = data.draw(st.sampled_from(self.reference.vault.asked))
        outcome = Outcome.CONFIRMED if code is None else Outcome.REFUSED
        name = InstructionId(movement.name)
        self.tell(ResolveInstruction(instruction_id=name, outcome=outcome, code=code, leg=leg))

    @rule()
    def crash(self) -> None:
        state = self.exchange.dump()
        self.exchange = Exchange.load(state)
        assert self.exchange.dump() == state

    @invariant()
    def sound_and_the_same(self) -> None:
        compare_balances(self.exchange, self.reference)
        if self.seq % self.walk_every == 0:
            self.walk()

    def walk(self) -> None:
        """Every invariant, every order, every serial."""
        self.exchange.check()
        compare(self.exchange, self.reference)

    def teardown(self) -> None:
        self.walk()


def machine(examples: int, steps: int, *, walk_every: int = 1) -> Callable[[], None]:
    """A run of so many lives of so many steps; a thousand at most are the same ones every time."""

    class Chosen(Machine):
        pass

    Chosen.walk_every = walk_every
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=examples <= 1_000,
        suppress_health_check=list(HealthCheck),
    )
    return lambda: run_state_machine_as_test(Chosen, settings=chosen)


def test_the_core_goes_with_the_reference() -> None:
    machine(60, 40)()


@pytest.mark.timeout(900)
def test_the_core_goes_with_the_reference_a_hundred_times() -> None:
    """A hundred lives of two hundred commands; `make soak` lives twenty thousand."""
    machine(100, 200, walk_every=10)()


@pytest.mark.soak
def test_the_core_goes_with_the_reference_for_long() -> None:
    machine(20_000, 200, walk_every=3)()
