"""Uses under way, and what the registry's answers change about them (Measures 2023, Art. 29, 31, 32, 35).

Their units lie in the owner's `DELIVERING` bucket and their serials with nobody, from acceptance on. The registry's
confirmation retires them, or gives a donation to its welfare account; its refusal returns them.
"""

from collections.abc import Iterable, Iterator
from typing import TypedDict, assert_never

from settlement import serials
from settlement.channels import Channel
from settlement.compliance_year import CapStanding
from settlement.eligibility import EligibleLot, EligibleSlice, class_one
from settlement.events import (
    Bucket,
    Instruction,
    InstructionKind,
    InstructionLeg,
    LotSlice,
    MovementInstructed,
    Posted,
)
from settlement.holdings import Holdings
from settlement.ledger import Ledger
from settlement.lot import Lot, MethodologyClass
from settlement.retirement import UseId
from settlement.use import Matter, Offset, OtherUse, OwnedUse, UseRecord, UseState, UseStep, records_of
from settlement.use_events import (
    UseAccepted,
    UseCompleted,
    UseInstructed,
    UseRefused,
    UseWithdrawn,
)
from settlement.values import AccountId, AssetCode, InstructionId, LotId, ParticipantId, TradingDay


class Uses:
    """What is being used up out of what accounts own."""

    __slots__ = ("_held", "_holdings", "_instructions", "_ledger", "_lots", "_under_way")

    def __init__(
        self,
        ledger: Ledger,
        holdings: Holdings,
        lots: dict[LotId, Lot],
        instructions: dict[InstructionId, Instruction],
    ) -> None:
        """None under way. Everything else is the depository's and the movements' own."""
        self._ledger = ledger
        self._holdings = holdings
        self._lots = lots
        self._instructions = instructions
        self._under_way: dict[UseId, OwnedUse] = {}
        self._held: dict[UseId, OwnedUse] = {}
        """Those of them that are held: asked about at every command, so they are kept apart."""

    def accept(self, use: OwnedUse, cap: CapStanding | None = None) -> tuple[UseAccepted, Posted]:
        """Take on a use that every guard has let through: its serials leave the account, its tonnes are committed."""
        assert use.use_id not in self._under_way, f"{use.use_id} is under way"
        self._holdings.take(use.account, use.matter.slices)
        self._under_way[use.use_id] = use
        self._held[use.use_id] = use
        posted = self._ledger.post(
            use.instrument,
            use.quantity_tonnes,
            source=(use.account, Bucket.AVAILABLE),
            target=(use.account, Bucket.DELIVERING),
        )
        accepted = UseAccepted(
            **_told(use),
            accepted_at_ns=use.accepted_at_ns,
            instruct_at_ns=use.instruct_at_ns,
            deadline_ns=use.deadline_ns,
            cap=cap,
        )
        return accepted, posted

    def held_by(self, account: AccountId, use_id: UseId) -> OwnedUse | None:
        """The account's use of that id, if it can still be withdrawn."""
        use = self._held.get(use_id)
        return use if use is not None and use.account == account else None

    def withdraw(self, use: OwnedUse) -> tuple[Posted, UseWithdrawn]:
        """Take back what is held."""
        use.step(UseStep.WITHDRAW)
        del self._held[use.use_id]
        return self._give_back(use), UseWithdrawn(**_told(use))

    def instruct(
        self, use: OwnedUse, seq: int, day: TradingDay, not_after_ns: int
    ) -> tuple[UseInstructed, MovementInstructed]:
        """Ask the registry: from here on only its refusal leads back."""
        use.step(UseStep.INSTRUCT)
        del self._held[use.use_id]
        instructed = UseInstructed(use_id=use.use_id, account=use.account)
        return instructed, self._send(use, seq, day, not_after_ns)

    def ask_again(
        self, instruction: Instruction, seq: int, day: TradingDay, not_after_ns: int
    ) -> MovementInstructed:
        """Ask under a new name what the registry saw too late: nothing is wrong with the content."""
        use = self._of(instruction)
        use.step(UseStep.ASK_AGAIN)
        return self._send(use, seq, day, not_after_ns)

    def complete(self, instruction: Instruction) -> tuple[Posted, UseCompleted]:
        """The registry has done it: the units are gone for good, or the welfare account's."""
        use = self._of(instruction)
        use.step(UseStep.COMPLETE)
        del self._under_way[use.use_id]
        if use.donated_to is None:
            self._holdings.retire(use.matter.slices)
            target = (use.account, Bucket.RETIRED)
        else:
            self._holdings.give(use.donated_to, use.matter.slices)
            target = (use.donated_to, Bucket.AVAILABLE)
        posted = self._ledger.post(
            use.instrument, use.quantity_tonnes, source=(use.account, Bucket.DELIVERING), target=target
        )
        return posted, UseCompleted(**_told(use))

    def refuse(self, instruction: Instruction, code: str) -> tuple[Posted, UseRefused]:
        """The registry will not: everything is as before."""
        use = self._of(instruction)
        use.step(UseStep.REFUSE)
        return self._give_back(use), UseRefused(**_told(use), code=code)

    def get(self, use_id: UseId) -> OwnedUse:
        """The use under way of that id."""
        return self._under_way[use_id]

    def under_way(self) -> Iterator[OwnedUse]:
        """All of them, oldest first; not to be altered by the caller."""
        return iter(self._under_way.values())

    @property
    def any_held(self) -> bool:
        """Whether the registry has yet to be asked for any."""
        return bool(self._held)

    def held(self) -> Iterator[OwnedUse]:
        """Those the registry has not been asked for, oldest first."""
        return iter(self._held.values())

    def retiring(self) -> int:
        """How many the registry has been asked for and not answered."""
        return sum(1 for use in self._under_way.values() if use.state is UseState.RETIRING)

    def parked(self) -> list[LotSlice]:
        """Serials of held uses: committed, in no movement."""
        return [part for use in self.held() for part in use.matter.slices]

    def records(self) -> Iterator[UseRecord]:
        """All of them, for a snapshot."""
        return records_of(self.under_way())

    def load(self, records: Iterable[UseRecord]) -> None:
        """Take over what a snapshot tells; an offset's lots go through the class check again."""
        for record in records:
            self._under_way[record.use_id] = OwnedUse(
                use_id=record.use_id,
                account=record.account,
                entity=record.entity,
                client_id=record.client_id,
                instrument=record.instrument,
                quantity_tonnes=record.quantity_tonnes,
                matter=self._matter(record),
                accepted_at_ns=record.accepted_at_ns,
                instruct_at_ns=record.instruct_at_ns,
                deadline_ns=record.deadline_ns,
                state=record.state,
            )
            if record.state is UseState.HELD:
                self._held[record.use_id] = self._under_way[record.use_id]

    def check(self) -> None:
        """Each has as many serials as tonnes, one movement exactly while it is retiring, and no Class II complies."""
        asked = [one.use_id for one in self._instructions.values() if one.use_id is not None]
        assert len(asked) == len(set(asked)), f"asked for twice: {asked}"
        held = [use_id for use_id, use in self._under_way.items() if use.state is UseState.HELD]
        assert held == list(self._held), f"{held} are held, {list(self._held)} kept apart"
        for use_id, use in self._under_way.items():
            tonnes = sum(serials.count(part.serials) for part in use.matter.slices)
            assert tonnes == use.quantity_tonnes, f"{use_id}: {tonnes} serials"
            assert (use_id in asked) is (use.state is UseState.RETIRING), use_id
        for instruction in self._instructions.values():
            if instruction.compliance is not None:
                classes = {self._lots[leg.lot_id].methodology_class for leg in instruction.legs}
                assert classes == {MethodologyClass.I}, (
                    f"{instruction.instruction_id} complies with {classes}"
                )

    def _of(self, instruction: Instruction) -> OwnedUse:
        assert instruction.use_id is not None, f"{instruction.instruction_id} is for no use"
        return self._under_way[instruction.use_id]

    def _matter(self, record: UseRecord) -> Matter:
        if record.use is not None:
            return OtherUse(use=record.use, slices=record.lots, donated_to=record.donated_to)
        assert record.compliance is not None, f"{record.use_id} is for nothing"
        return Offset(
            compliance=record.compliance, eligible=tuple(self._eligible(part) for part in record.lots)
        )

    def _eligible(self, part: LotSlice) -> EligibleSlice:
        eligible = class_one(self._lots[part.lot_id])
        assert isinstance(eligible, EligibleLot), f"{part.lot_id} stands under an offset"
        return EligibleSlice(of=eligible, serials=part.serials)

    def _give_back(self, use: OwnedUse) -> Posted:
        del self._under_way[use.use_id]
        self._holdings.give(use.account, use.matter.slices)
        return self._ledger.post(
            use.instrument,
            use.quantity_tonnes,
            source=(use.account, Bucket.DELIVERING),
            target=(use.account, Bucket.AVAILABLE),
        )

    def _send(self, use: OwnedUse, seq: int, day: TradingDay, not_after_ns: int) -> MovementInstructed:
        name = InstructionId(f"{use.use_id}-{seq}")
        matter = use.matter
        match matter:
            case Offset():
                instruction = _retire_for_compliance(name, use, matter, day, not_after_ns)
            case OtherUse():
                instruction = _use_otherwise(name, use, matter, day, not_after_ns)
            case _:
                assert_never(matter)
        self._instructions[name] = instruction
        return MovementInstructed(instruction=instruction)


def _retire_for_compliance(
    name: InstructionId, use: OwnedUse, offset: Offset, day: TradingDay, not_after_ns: int
) -> Instruction:
    """The one place where a movement for compliance is made: out of eligible lots."""
    return Instruction(
        instruction_id=name,
        kind=InstructionKind.RETIRE,
        trading_day=day,
        not_after_ns=not_after_ns,
        legs=_legs(offset.slices, use.account, use.account),
        compliance=offset.compliance,
        use_id=use.use_id,
    )


def _use_otherwise(
    name: InstructionId, use: OwnedUse, other: OtherUse, day: TradingDay, not_after_ns: int
) -> Instruction:
    moves = other.donated_to is not None
    return Instruction(
        instruction_id=name,
        kind=InstructionKind.DELIVER if moves else InstructionKind.RETIRE,
        trading_day=day,
        not_after_ns=not_after_ns,
        legs=_legs(other.slices, use.account, other.donated_to or use.account),
        use=None if moves else other.use,
        use_id=use.use_id,
    )


def _legs(slices: tuple[LotSlice, ...], source: AccountId, target: AccountId) -> tuple[InstructionLeg, ...]:
    return tuple(
        InstructionLeg(
            leg=number,
            lot_id=part.lot_id,
            serials=part.serials,
            from_account=source,
            to_account=target,
        )
        for number, part in enumerate(slices, 1)
    )


class _Told(TypedDict):
    """What every event of a use tells, by the names of its fields."""

    use_id: UseId
    account: AccountId
    entity: ParticipantId
    client_id: str
    channel: Channel
    compliance_year: int | None
    beneficiary: str
    statement: str
    instrument: AssetCode
    quantity_tonnes: int
    lots: tuple[LotSlice, ...]
    donated_to: AccountId | None


def _told(use: OwnedUse) -> _Told:
    return _Told(
        use_id=use.use_id,
        account=use.account,
        entity=use.entity,
        client_id=use.client_id,
        channel=use.channel,
        compliance_year=use.compliance_year,
        beneficiary=use.terms.beneficiary,
        statement=use.terms.statement,
        instrument=use.instrument,
        quantity_tonnes=use.quantity_tonnes,
        lots=use.matter.slices,
        donated_to=use.donated_to,
    )
