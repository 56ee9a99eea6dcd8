"""A tonne is retired at most once, retired tonnes never move, and Class II never reaches a compliance purpose.

Hypothesis orders, delivers, transfers, uses, withdraws and crashes in every interleaving. Beside the reference market
stands a plain registry: for every tonne, who has it. It does what it is asked and confirms, or refuses; whatever it
would have to do to a tonne that is retired or somebody else's is a fault of the exchange, found here at once.
"""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from matching.commands import AnnounceCalendar, Command
from matching.events import Event
from matching.exchange import Exchange
from matching.order import Side, TimeInForce
from matching.state import Stamp
from settlement.commands import Outcome, RegisterLot, RequestTransferIn, ResolveInstruction
from settlement.compliance_year import Cap, CapBase, ComplianceYear, Enforcement, Filing
from settlement.custody_events import UnitsArrived
from settlement.events import (
    Instruction,
    InstructionKind,
    LotSlice,
    MovementConfirmed,
    MovementInstructed,
    MovementRefused,
)
from settlement.lot import MethodologyClass
from settlement.lot_choice import LotChoice
from settlement.retirement import RetirementPurpose, Use, UseId
from settlement.use_commands import (
    AdoptComplianceYear,
    DesignateWelfareAccount,
    FileVerifiedEmissions,
    SubmitOffset,
    SubmitRetirement,
    WithdrawUse,
)
from settlement.use_events import CertificateIssued
from settlement.values import AccountId, AssetCode, InstructionId, LotId, ParticipantId
from tests.simulation import universe
from tests.simulation.notes import notes_of
from tests.simulation.test_machine import ACCOUNTS, Machine, client_ids
from tests.simulation.universe import CLASS_ONE, CLASS_TWO, OWNERS, change

ENTITY = AccountId("a2")
WELFARE = AccountId("a5")
USERS = st.sampled_from([ENTITY, ENTITY, *ACCOUNTS, WELFARE])
CODES = st.sampled_from([None, None, CLASS_ONE, CLASS_TWO])
TONNES = st.none() | st.integers(0, 40)
LOTS = st.lists(
    st.builds(
        LotChoice,
        lot_id=st.sampled_from([LotId(f"{kind}-{account}") for kind in "LM" for account in ACCOUNTS]),
        serials=st.tuples(st.integers(0, 30), st.integers(1, 9)).map(lambda p: ((p[0], p[0] + p[1]),)),
    ),
    min_size=1,
    max_size=2,
).map(tuple)
YEAR = ComplianceYear(year=2025, opens_ns=0, deadline_ns=2**62, source="chance")
TWENTY_PERCENT = Cap(
    base=CapBase.VERIFIED_EMISSIONS, ratio_numerator=20, ratio_denominator=100, enforcement=Enforcement.HARD
)
RETIRED = "retired"


class Registry:
    """For every tonne that came in, who has it."""

    def __init__(self) -> None:
        self.asked: dict[InstructionId, Instruction] = {}
        self.owner: dict[tuple[LotId, int], str] = {}
        self.complied: set[tuple[LotId, int]] = set()

    def follow(self, events: tuple[Event, ...]) -> None:
        for event in events:
            match event:
                case MovementInstructed():
                    self.asked[event.instruction.instruction_id] = event.instruction
                case MovementRefused():
                    del self.asked[event.instruction_id]
                case MovementConfirmed():
                    self.move(self.asked.pop(event.instruction_id))
                case UnitsArrived():
                    self.arrive(event)

    def arrive(self, event: UnitsArrived) -> None:
        for part in event.lots:
            for first, end in part.serials:
                for serial in range(first, end):
                    assert self.owner.get((part.lot_id, serial)) is None, f"{part} came in again"
                    self.owner[part.lot_id, serial] = event.account

    def move(self, instruction: Instruction) -> None:
        for leg in instruction.legs:
            for first, end in leg.serials:
                for tonne in ((leg.lot_id, serial) for serial in range(first, end)):
                    had = self.owner.get(tonne)
                    if instruction.kind is InstructionKind.TRANSFER_IN:
                        assert had is None, f"{tonne} of {had} came in again"
                    else:
                        assert had == leg.from_account, f"{tonne} of {had} moved by {instruction}"
                    retires = instruction.kind is InstructionKind.RETIRE
                    if instruction.kind is InstructionKind.TRANSFER_OUT:
                        del self.owner[tonne]
                        continue
                    self.owner[tonne] = RETIRED if retires else leg.to_account
                    if instruction.compliance is not None:
                        assert retires
                        self.complied.add(tonne)


class UseMachine(Machine):
    """The exchange, the reference market, and a registry that knows every tonne."""

    # Trading goes on here all the time: what stops it has a machine of its own.
    halt = restrict = adopt = second_person = None  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.certified = 0

    def tell(self, command: Command) -> None:
        self.seq += 1
        events = self.exchange.apply(command, Stamp(seq=self.seq, at_ns=self.at_ns))
        assert notes_of(events) == self.reference.do(command, self.seq, self.at_ns)
        self.registry.follow(events)
        self.certified += sum(
            event.certificate.says.quantity_tonnes
            for event in events
            if isinstance(event, CertificateIssued) and event.certificate.says.donated_to is None
        )

    @initialize(fen=st.integers(5_000, 9_000), units=st.integers(30, 60))
    def begin(self, fen: int, units: int) -> None:
        super().begin(fen, units)
        self.tell(AnnounceCalendar(announcement=universe.announcement("2026-11-16", 400)))
        for account in ACCOUNTS:
            self.tell(RegisterLot(lot=universe.lot(f"M-{account}", CLASS_TWO, (0, 30), "2024-01-01")))
            self.tell(
                RequestTransferIn(
                    participant=OWNERS[account],
                    account=account,
                    client_id=f"two-{account}",
                    instrument=CLASS_TWO,
                    lots=(LotSlice(lot_id=LotId(f"M-{account}"), serials=((0, 30),)),),
                    asked="all",
                )
            )
            name = InstructionId(f"in-{self.seq}")
            self.tell(ResolveInstruction(instruction_id=name, outcome=Outcome.CONFIRMED))
        self.tell(AdoptComplianceYear(operator=universe.OPERATOR, terms=YEAR))
        self.designate(WELFARE, designated=True)

    @rule(account=USERS, client_id=client_ids, instrument=CODES, quantity=TONNES, lots=LOTS)
    def offset(
        self,
        account: AccountId,
        client_id: str,
        instrument: AssetCode | None,
        quantity: int | None,
        lots: tuple[LotChoice, ...],
    ) -> None:
        self.tell(
            SubmitOffset(
                participant=OWNERS[account],
                account=account,
                client_id=client_id,
                compliance_year=2025,
                instrument=instrument,
                quantity_tonnes=quantity,
                lots=() if quantity is not None else lots,
            )
        )

    @rule(
        account=USERS,
        client_id=client_ids,
        instrument=CODES,
        quantity=TONNES,
        lots=LOTS,
        donate=st.booleans(),
    )
    def use(
        self,
        *,
        account: AccountId,
        client_id: str,
        instrument: AssetCode | None,
        quantity: int | None,
        lots: tuple[LotChoice, ...],
        donate: bool,
    ) -> None:
        self.tell(
            SubmitRetirement(
                participant=OWNERS[account],
                account=account,
                client_id=client_id,
                use=Use(purpose=RetirementPurpose.DONATION, beneficiary="a school"),
                instrument=instrument,
                quantity_tonnes=quantity,
                lots=() if quantity is not None else lots,
                donate_to=WELFARE if donate else None,
            )
        )

    @precondition(lambda self: self.reference.office.under_way)
    @rule(client_id=client_ids, which=st.integers(0, 9))
    def withdraw(self, client_id: str, which: int) -> None:
        under_way = self.reference.office.under_way
        use = under_way[which % len(under_way)]
        account = AccountId(use.account)
        self.tell(
            WithdrawUse(
                participant=OWNERS[account], account=account, client_id=client_id, use_id=UseId(use.name)
            )
        )

    @rule(quantity=st.integers(1, 9), two=st.booleans())
    def use_up(self, quantity: int, *, two: bool) -> None:
        """What is mostly done: a few tonnes, under an id of its own."""
        client_id = f"use-{self.seq}"
        if two:
            self.use(
                account=ENTITY,
                client_id=client_id,
                instrument=CLASS_TWO,
                quantity=quantity,
                lots=(),
                donate=bool(quantity % 2),
            )
        else:
            self.offset(ENTITY, client_id, None, quantity, ())

    @rule(seller=st.sampled_from(ACCOUNTS), tonnes=st.integers(1, 9), for_use=st.booleans())
    def trade(self, seller: AccountId, tonnes: int, *, for_use: bool) -> None:
        """A sale to the entity, or by it."""
        buyer = ACCOUNTS[0] if seller == ENTITY else ENTITY
        for account, side in ((seller, Side.SELL), (buyer, Side.BUY)):
            self.order(
                account=account,
                client_id=f"trade-{self.seq}",
                side=side,
                price_fen=100,
                quantity_tonnes=tonnes,
                time_in_force=TimeInForce.DAY,
                use=universe.USES[0] if for_use and side is Side.BUY else None,
            )

    @rule(code=st.sampled_from([None, None, None, "too_late", "account_frozen"]))
    def answer_all(self, code: str | None) -> None:
        """The registry answers everything it has been asked."""
        outcome = Outcome.CONFIRMED if code is None else Outcome.REFUSED
        for name in list(self.registry.asked):
            self.tell(ResolveInstruction(instruction_id=name, outcome=outcome, code=code))

    @rule()
    def close_the_day(self) -> None:
        """A whole close, with every answer."""
        self.close()
        for _ in range(9):
            self.advance(3)
            self.answer_all(None)
        self.reconcile()
        self.advance(1)

    @rule(capped=st.booleans(), emissions=st.none() | st.integers(0, 900))
    def judge_otherwise(self, *, capped: bool, emissions: int | None) -> None:
        terms = replace(YEAR, cap=TWENTY_PERCENT if capped else None)
        self.tell(AdoptComplianceYear(operator=universe.OPERATOR, terms=terms))
        filing = Filing(
            entity=ParticipantId("p2"), year=2025, verified_emissions_tonnes=emissions, source="chance"
        )
        self.tell(FileVerifiedEmissions(authority=ParticipantId("bureau"), filing=filing))

    @rule(account=st.sampled_from([WELFARE, ENTITY]), designated=st.booleans())
    def designate(self, account: AccountId, *, designated: bool) -> None:
        self.tell(
            DesignateWelfareAccount(
                operator=universe.OPERATOR, account=account, designated=designated, source="chance"
            )
        )

    @rule(cycle=st.sampled_from(["as_traded", "end_of_day"]))
    def deliver(self, cycle: str) -> None:
        self.tell(universe.adopt(change("settlement_cycle", cycle, self.at_ns)))

    @rule(window_s=st.sampled_from([0, 0, 1]))
    def take_back_within(self, window_s: int) -> None:
        self.tell(universe.adopt(change("use_withdrawal_s", window_s, self.at_ns)))

    @rule()
    def wait_a_second(self) -> None:
        self.wait(10**9)

    @invariant()
    def every_tonne_is_where_it_may_be(self) -> None:
        exchange, registry = self.exchange, self.registry
        lots = exchange.depository.lots
        retired = {tonne for tonne, owner in registry.owner.items() if owner == RETIRED}
        here = {
            (lot_id, serial)
            for lot_id, gone in exchange.depository.holdings.retired.items()
            for first, end in gone
            for serial in range(first, end)
        }
        assert retired == here
        assert self.certified == len(retired)  # each has exactly one certificate
        assert all(lots[lot_id].methodology_class is MethodologyClass.I for lot_id, _ in registry.complied)
        totals = exchange.using.desk.certificates.accounts.totals()
        complied = sum(one.completed_tonnes for one in totals if one.channel == "compliance_offset")
        assert complied == len(registry.complied)


def machine(examples: int, steps: int) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=examples <= 1_000,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(UseMachine, settings=chosen)


@pytest.mark.timeout(300)
def test_no_tonne_is_used_twice_and_none_of_class_two_for_compliance() -> None:
    machine(60, 60)


@pytest.mark.soak
def test_no_tonne_is_used_twice_however_long() -> None:
    machine(5_000, 150)


def test_the_machine_notices_a_tonne_used_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a refused use to give its serials back and keep its movement, the registry would see it."""
    registry = Registry()
    life = UseMachine()
    life.begin(1_000, 20)
    life.offset(ENTITY, "once", CLASS_ONE, 5, ())
    (asked,) = life.exchange.pending_instructions()
    registry.owner = {
        (leg.lot_id, serial): leg.from_account for leg in asked.legs for serial in range(*leg.serials[0])
    }
    registry.move(asked)
    with pytest.raises(AssertionError, match="moved by"):
        registry.move(asked)
    with pytest.raises(AssertionError, match="came in again"):
        registry.move(replace(asked, kind=InstructionKind.TRANSFER_IN))
    assert isinstance(life.exchange, Exchange)
