"""Hypothesis at the negotiating table: two parties, their exchange, and the plain model side by side.

The world is so small that every boundary is near: two parties with two accounts, a handful of tonnes in three lots,
prices within a few fen of the band, agreements of two numbers, expiries within a few instants.
"""

from collections.abc import Callable

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

from matching.commands import (
    AddListing,
    AdvanceClose,
    AdvanceTime,
    AnnounceCalendar,
    ApproveAct,
    BustTrade,
    CloseDay,
    Command,
    HaltTrading,
    LiftRestriction,
    OpenDay,
    RecordReconciliation,
    RestrictAccount,
    ResumeTrading,
    ReviewNegotiatedTransfer,
    SubmitOrder,
)
from matching.exchange import Exchange
from matching.listing import Listing
from matching.negotiated_commands import (
    ConfirmNegotiatedTransfer,
    CounterNegotiatedTransfer,
    DeclineNegotiatedTransfer,
    FileNegotiatedTransfer,
    WithdrawNegotiatedTransfer,
)
from matching.order import Side, TimeInForce
from matching.rule_values import RuleValue
from matching.state import Stamp
from matching.terms import NegotiatedId
from settlement.commands import (
    AddInstrument,
    DepositCash,
    OpenAccount,
    Outcome,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    ResolveInstruction,
)
from settlement.events import LotSlice
from settlement.instrument import Instrument
from settlement.lot import MethodologyClass
from settlement.named_lots import NamedLot
from settlement.values import (
    AccountId,
    InstructionId,
    LotId,
    ParticipantId,
    TradeId,
    TradingDay,
)
from tests.reference.market import Market
from tests.simulation import universe
from tests.simulation.notes import notes_of
from tests.simulation.run import compare, compare_balances
from tests.simulation.test_machine import RULES
from tests.simulation.universe import CLASS_ONE, OWNERS, change

SELLER, BUYER, SECOND = AccountId("a1"), AccountId("a2"), AccountId("a1-second")
ACCOUNTS = (SELLER, BUYER, SECOND)
AT_THE_TABLE: dict[str, RuleValue] = {
    "negotiated_band_tiers": "500 below 10; none",
    "negotiated_open_offers": "yes",
    "fee_buyer_ppm": 40_000,
    "fee_seller_minimum_fen": 50,
    "position_limits": "institution 70",
}
NEW_RULES: list[tuple[str, RuleValue]] = [
    ("negotiated_review", "all"),
    ("negotiated_review", "without_band"),
    ("negotiated_review", "off"),
    ("negotiated_max_filed", 1),
    ("negotiated_max_filed", 20),
    ("negotiated_max_rounds", 2),
    ("negotiated_max_rounds", 20),
    ("negotiated_open_offers", "no"),
    ("negotiated_open_offers", "yes"),
    ("negotiated_band_tiers", "100 below 10; none"),
    ("negotiated_band_tiers", "500 below 10; none"),
    ("settlement_cycle", "as_traded"),
    ("settlement_cycle", "end_of_day"),
    ("resale_next_day", "yes"),
    ("sale_proceeds", "when_traded"),
    ("participant_kinds", "covered_entity"),
    ("participant_kinds", universe.ALL_KINDS),
    ("position_limits", "institution 40; covered_entity 25"),
    ("position_limits", "none"),
    ("fee_buyer_ppm", 0),
    ("fee_buyer_cap_fen", 30),
    ("fee_seller_minimum_fen", 0),
    ("fee_payer", "seller"),
    ("fee_payer", "both"),
    ("two_person_acts", "review_negotiated"),
    ("two_person_acts", "none"),
    ("hours", "listed 00:00-24:00"),
    ("hours", universe.ALWAYS),
]
accounts = st.sampled_from(ACCOUNTS)
prices_fen = st.integers(94, 106)
tonnes = st.sampled_from([0, 1, 3, 9, 10, 11])
which = st.integers(0, 7)
waits_ns = st.sampled_from([None, None, 0, 1, 2, 5])


@st.composite
def named_lots(draw: st.DrawFn) -> tuple[NamedLot, ...]:
    """No lots, mostly; else some of the seller's two, by serials or by tonnes."""
    lots = []
    for name in draw(st.sampled_from([[], [], ["L-a1"], ["L-a1", "M-a1"], ["L-a2"], ["L-a1", "L-a1"]])):
        first, count = draw(st.integers(0, 12)), draw(st.sampled_from([1, 3, 9, 10]))
        serials = ((first, first + count),) if draw(st.booleans()) else ()
        lots.append(NamedLot(lot_id=LotId(name), quantity_tonnes=count, serials=serials))
    return tuple(lots)


class NegotiationMachine(RuleBasedStateMachine):
    """Exchange and plain model, told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange, self.reference = Exchange(), Market()
        self.seq, self.at_ns = 0, universe.BEGINS_NS

    def tell(self, command: Command) -> None:
        self.seq += 1
        events = self.exchange.apply(command, Stamp(seq=self.seq, at_ns=self.at_ns))
        assert notes_of(events) == self.reference.do(command, self.seq, self.at_ns)

    @initialize(
        fen=st.integers(900, 5_000), units=st.integers(5, 20), reviewed=st.sampled_from(["off", "off", "all"])
    )
    def begin(self, fen: int, units: int, reviewed: str) -> None:
        """A market at a reference of one yuan; everybody has money, and units of two lots."""
        rules = {**RULES, **AT_THE_TABLE, "negotiated_review": reviewed}
        self.tell(universe.adopt(*(change(name, value) for name, value in rules.items())))
        self.tell(AnnounceCalendar(announcement=universe.announcement("2026-11-16", 400)))
        self.tell(AddInstrument(instrument=Instrument(code=CLASS_ONE, methodology_class=MethodologyClass.I)))
        self.tell(AddListing(listing=Listing(code=CLASS_ONE, first_reference_price_fen=100)))
        self.tell(OpenDay(trading_day=universe.FIRST_DAY))
        for account in ACCOUNTS:
            owner = OWNERS[account]
            self.tell(RegisterParticipant(participant=owner, kind=universe.KINDS[owner]))
            self.tell(OpenAccount(account=account, owner=owner, registry_account=f"registry-{account}"))
            self.tell(
                DepositCash(
                    participant=ParticipantId("bank"),
                    account=account,
                    client_id="start",
                    amount_fen=fen,
                    bank_reference=f"start-{account}",
                )
            )
            for name, issued_on in ((f"L-{account}", "2025-01-01"), (f"M-{account}", "2024-01-01")):
                self.bring(account, name, issued_on, units)

    def bring(self, account: AccountId, name: str, issued_on: str, units: int) -> None:
        self.tell(RegisterLot(lot=universe.lot(name, CLASS_ONE, (0, 60), issued_on)))
        lots = (LotSlice(lot_id=LotId(name), serials=((0, units),)),)
        self.tell(
            RequestTransferIn(
                participant=OWNERS[account],
                account=account,
                client_id=name,
                instrument=CLASS_ONE,
                lots=lots,
                asked=name,
            )
        )
        self.tell(
            ResolveInstruction(instruction_id=InstructionId(f"in-{self.seq}"), outcome=Outcome.CONFIRMED)
        )

    def id(self) -> str:
        """Fresh, or by chance of the sequence one that was used: a handful is enough."""
        return f"c{self.seq % 97}"

    def chosen(self, number: int) -> tuple[NegotiatedId, str, AccountId, AccountId]:
        """One of those filed today: its id, its hash, who is asked and who proposes."""
        filed = self.reference.negotiation.filed
        under_way = self.reference.negotiation.under_way() or filed
        one = (under_way if number % 4 else filed)[number % len(under_way if number % 4 else filed)]
        proposes = one.who(one.proposer) or BUYER
        asked = one.buyer if proposes == one.seller else one.seller
        return NegotiatedId(one.number), one.hash(), AccountId(asked or BUYER), AccountId(proposes)

    @rule(
        account=accounts,
        side=st.sampled_from(tuple(Side)),
        price_fen=prices_fen,
        quantity_tonnes=tonnes,
        counterparty=st.sampled_from([SELLER, BUYER, BUYER, None]),
        lots=named_lots(),
        agreement_no=st.sampled_from(["", "", "1", "2"]),
        wait_ns=waits_ns,
    )
    def file(
        self,
        *,
        account: AccountId,
        side: Side,
        price_fen: int,
        quantity_tonnes: int,
        counterparty: AccountId | None,
        lots: tuple[NamedLot, ...],
        agreement_no: str,
        wait_ns: int | None,
    ) -> None:
        self.tell(
            FileNegotiatedTransfer(
                participant=OWNERS[account],
                account=account,
                client_id=self.id(),
                listing=CLASS_ONE,
                side=side,
                price_fen=price_fen,
                quantity_tonnes=sum(lot.quantity_tonnes for lot in lots) or quantity_tonnes,
                counterparty=counterparty,
                lots=lots,
                agreement_no=agreement_no,
                expires_at_ns=None if wait_ns is None else self.at_ns + wait_ns,
            )
        )

    @rule(
        selling=st.booleans(),
        price_fen=st.integers(96, 104),
        quantity_tonnes=st.sampled_from([1, 3, 9]),
        agreement_no=st.sampled_from(["", "1"]),
        serials=st.sampled_from([None, (0, 3), (1, 2), (2, 11)]),
    )
    def file_well(
        self,
        *,
        selling: bool,
        price_fen: int,
        quantity_tonnes: int,
        agreement_no: str,
        serials: tuple[int, int] | None,
    ) -> None:
        """What the two parties might really agree, so that something comes of it."""
        lots: tuple[NamedLot, ...] = ()
        if selling and serials is not None:
            quantity_tonnes = serials[1] - serials[0]
            lots = (NamedLot(lot_id=LotId("L-a1"), quantity_tonnes=quantity_tonnes, serials=(serials,)),)
        account, counterparty = (SELLER, BUYER) if selling else (BUYER, SELLER)
        self.tell(
            FileNegotiatedTransfer(
                participant=OWNERS[account],
                account=account,
                client_id=self.id(),
                listing=CLASS_ONE,
                side=Side.SELL if selling else Side.BUY,
                price_fen=price_fen,
                quantity_tonnes=quantity_tonnes,
                counterparty=counterparty,
                lots=lots,
                agreement_no=agreement_no,
            )
        )

    @precondition(lambda self: self.reference.negotiation.filed)
    @rule(number=which)
    def confirm_well(self, number: int) -> None:
        """The very terms, by the side that is asked."""
        transfer_id, terms_hash, asked, _ = self.chosen(number)
        self.tell(
            ConfirmNegotiatedTransfer(
                participant=OWNERS[asked],
                account=asked,
                client_id=self.id(),
                transfer_id=transfer_id,
                terms_hash=terms_hash,
            )
        )

    @precondition(lambda self: self.reference.negotiation.filed)
    @rule(number=which, who=which, stale=which, lots=named_lots())
    def confirm(self, number: int, who: int, stale: int, lots: tuple[NamedLot, ...]) -> None:
        transfer_id, terms_hash, asked, _ = self.chosen(number)
        account = asked if who else ACCOUNTS[number % 3]
        self.tell(
            ConfirmNegotiatedTransfer(
                participant=OWNERS[account],
                account=account,
                client_id=self.id(),
                transfer_id=transfer_id,
                terms_hash=terms_hash if stale else terms_hash[::-1],
                lots=lots,
            )
        )

    @precondition(lambda self: self.reference.negotiation.filed)
    @rule(
        number=which,
        who=which,
        price_fen=prices_fen,
        quantity_tonnes=tonnes,
        lots=named_lots(),
        wait_ns=waits_ns,
    )
    def counter(
        self,
        *,
        number: int,
        who: int,
        price_fen: int,
        quantity_tonnes: int,
        lots: tuple[NamedLot, ...],
        wait_ns: int | None,
    ) -> None:
        transfer_id, _, asked, _ = self.chosen(number)
        account = asked if who else ACCOUNTS[number % 3]
        self.tell(
            CounterNegotiatedTransfer(
                participant=OWNERS[account],
                account=account,
                client_id=self.id(),
                transfer_id=transfer_id,
                price_fen=price_fen,
                quantity_tonnes=sum(lot.quantity_tonnes for lot in lots) or quantity_tonnes,
                lots=lots,
                expires_at_ns=None if wait_ns is None else self.at_ns + wait_ns,
            )
        )

    @precondition(lambda self: self.reference.negotiation.filed)
    @rule(number=which, who=which, withdraw=st.booleans())
    def end(self, number: int, who: int, *, withdraw: bool) -> None:
        transfer_id, _, asked, proposes = self.chosen(number)
        kind = WithdrawNegotiatedTransfer if withdraw else DeclineNegotiatedTransfer
        account = (proposes if withdraw else asked) if who else ACCOUNTS[number % 3]
        self.tell(
            kind(
                participant=OWNERS[account],
                account=account,
                client_id=self.id(),
                transfer_id=transfer_id,
            )
        )

    @precondition(lambda self: self.reference.negotiation.filed)
    @rule(number=which, approved=st.booleans())
    def review(self, number: int, *, approved: bool) -> None:
        transfer_id, *_ = self.chosen(number)
        operator = universe.OPERATOR
        self.tell(
            ReviewNegotiatedTransfer(
                operator=operator, reason="chance", transfer_id=transfer_id, approved=approved
            )
        )

    @precondition(lambda self: self.reference.waiting)
    @rule()
    def second_person(self) -> None:
        approval_id = next(iter(self.reference.waiting))
        self.tell(ApproveAct(operator=ParticipantId("o2"), approval_id=approval_id))

    @rule(ns=st.integers(1, 3))
    def wait(self, ns: int) -> None:
        self.at_ns += ns
        self.tell(AdvanceTime())

    @rule(account=accounts, side=st.sampled_from(tuple(Side)), quantity_tonnes=tonnes)
    def order(self, account: AccountId, side: Side, quantity_tonnes: int) -> None:
        self.tell(
            SubmitOrder(
                participant=OWNERS[account],
                account=account,
                client_id=self.id(),
                listing=CLASS_ONE,
                side=side,
                price_fen=100,
                quantity_tonnes=quantity_tonnes,
                time_in_force=TimeInForce.DAY,
            )
        )

    @rule(parameter_and_value=st.sampled_from(NEW_RULES))
    def adopt(self, parameter_and_value: tuple[str, RuleValue]) -> None:
        self.tell(universe.adopt(change(*parameter_and_value, self.at_ns)))

    @rule(account=accounts, seldom=which)
    def restrict(self, account: AccountId, seldom: int) -> None:
        # What is restricted is let go again soon, or nothing else would happen for long.
        for restricted in list(self.reference.restricted):
            lifted = AccountId(restricted)
            self.tell(LiftRestriction(operator=universe.OPERATOR, reason="chance", account=lifted))
        if seldom == 1:
            self.tell(RestrictAccount(operator=universe.OPERATOR, reason="chance", account=account))

    @rule(seldom=which)
    def halt(self, seldom: int) -> None:
        if self.reference.halted:
            self.tell(ResumeTrading(operator=universe.OPERATOR, reason="chance", listing=CLASS_ONE))
        elif seldom == 1:
            self.tell(HaltTrading(operator=universe.OPERATOR, reason="chance", listing=CLASS_ONE))

    @precondition(lambda self: self.reference.trades)
    @rule(back=st.integers(0, 2))
    def bust(self, back: int) -> None:
        trade_id = TradeId(max(self.reference.trades - back, 0))
        self.tell(BustTrade(operator=universe.OPERATOR, reason="chance", trade_id=trade_id))

    @precondition(lambda self: self.reference.vault.asked)
    @rule(code=st.sampled_from([None, None, "too_late", "insufficient_units"]), data=st.data())
    def answer(self, code: str | None, data: st.DataObject) -> None:
        movement = data.draw(st.sampled_from(self.reference.vault.asked))
        outcome = Outcome.CONFIRMED if code is None else Outcome.REFUSED
        self.tell(ResolveInstruction(instruction_id=InstructionId(movement.name), outcome=outcome, code=code))

    @rule(seldom=which)
    def close(self, seldom: int) -> None:
        """The whole close, or what can be done of it before the registry has answered."""
        if seldom > 1 and self.reference.close_step is None:
            return
        day = TradingDay(self.reference.day or "")
        self.tell(CloseDay(trading_day=day))
        for _ in range(10):
            self.tell(AdvanceClose(trading_day=day, portion=50))
            if self.reference.no_statement_yet():
                self.tell(universe.issuing(self.reference, 50))
            for movement in list(self.reference.vault.asked):
                name = InstructionId(movement.name)
                self.tell(ResolveInstruction(instruction_id=name, outcome=Outcome.CONFIRMED))
        self.tell(RecordReconciliation(trading_day=day, breaks=0, digest_here="", digest_there=""))
        self.tell(AdvanceClose(trading_day=day, portion=1))

    @rule()
    def crash(self) -> None:
        state = self.exchange.dump()
        self.exchange = Exchange.load(state)
        assert self.exchange.dump() == state

    @invariant()
    def sound_and_the_same(self) -> None:
        compare_balances(self.exchange, self.reference)
        self.exchange.check()
        compare(self.exchange, self.reference)


def machine(examples: int, steps: int) -> Callable[[], None]:
    """A run of so many negotiations; a thousand at most are the same ones every time."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=examples <= 1_000,
        suppress_health_check=list(HealthCheck),
    )
    return lambda: run_state_machine_as_test(NegotiationMachine, settings=chosen)


@pytest.mark.timeout(300)
def test_the_parties_and_the_exchange_go_with_the_plain_model() -> None:
    machine(150, 60)()


@pytest.mark.soak
def test_the_parties_and_the_exchange_go_with_the_plain_model_for_long() -> None:
    machine(20_000, 120)()
