"""Retirements under way: units that were bought to be used, between delivery and the registry's cancellation.

They lie in their owner's `DELIVERING` bucket, from where the only way is `RETIRED`. A refusal leaves them there,
visible, until an operator has the registry asked again under a new name.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from settlement import serials
from settlement.delivery import Delivery
from settlement.events import (
    Bucket,
    Instruction,
    InstructionKind,
    InstructionLeg,
    LotSlice,
    MovementInstructed,
    Posted,
    RetirementCompleted,
    RetirementRefused,
)
from settlement.holdings import Holdings
from settlement.ledger import Ledger
from settlement.retirement import Retirement, RetirementId, RetirementState, RetirementStep, Use
from settlement.values import AccountId, AssetCode, InstructionId, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class RetirementRecord:
    """One retirement under way, as written to a snapshot."""

    retirement_id: RetirementId
    account: AccountId
    instrument: AssetCode
    quantity_tonnes: int
    use: Use
    state: RetirementState
    lots: tuple[LotSlice, ...]


class Retirements:
    """What is being retired, and what the registry's answers change about it."""

    __slots__ = ("_holdings", "_instructions", "_ledger", "_lots", "_under_way")

    def __init__(
        self, ledger: Ledger, holdings: Holdings, instructions: dict[InstructionId, Instruction]
    ) -> None:
        """None under way. The rest is shared with the movements."""
        self._ledger = ledger
        self._holdings = holdings
        self._instructions = instructions
        self._under_way: dict[RetirementId, Retirement] = {}
        self._lots: dict[RetirementId, tuple[LotSlice, ...]] = {}

    def begin(
        self, delivery: Delivery, lots: tuple[LotSlice, ...], seq: int, day: TradingDay, not_after_ns: int
    ) -> MovementInstructed:
        """Ask for what a settled purchase was made for. The units are in the buyer's delivering bucket."""
        assert delivery.use is not None, f"trade {delivery.trade_id} is for no use"
        retirement = Retirement(
            retirement_id=RetirementId(f"trade-{delivery.trade_id}"),
            account=delivery.buyer,
            instrument=delivery.instrument,
            quantity_tonnes=delivery.quantity_tonnes,
            use=delivery.use,
        )
        self._under_way[retirement.retirement_id] = retirement
        self._lots[retirement.retirement_id] = lots
        return self._send(retirement, f"use-{seq}-{delivery.trade_id}", day, not_after_ns)

    def complete(self, instruction: Instruction) -> tuple[Posted, RetirementCompleted]:
        """The registry has cancelled the units: they are gone for good."""
        retirement = self._of(instruction)
        retirement.step(RetirementStep.COMPLETE)
        del self._under_way[retirement.retirement_id]
        lots = self._lots.pop(retirement.retirement_id)
        self._holdings.retire(lots)
        posted = self._ledger.post(
            retirement.instrument,
            retirement.quantity_tonnes,
            source=(retirement.account, Bucket.DELIVERING),
            target=(retirement.account, Bucket.RETIRED),
        )
        completed = RetirementCompleted(
            retirement_id=retirement.retirement_id,
            account=retirement.account,
            instrument=retirement.instrument,
            quantity_tonnes=retirement.quantity_tonnes,
            use=retirement.use,
            lots=lots,
        )
        return posted, completed

    def refuse(self, instruction: Instruction, code: str) -> RetirementRefused:
        """The registry will not cancel them: they stay committed."""
        retirement = self._of(instruction)
        retirement.step(RetirementStep.REFUSE)
        return RetirementRefused(
            retirement_id=retirement.retirement_id,
            account=retirement.account,
            instrument=retirement.instrument,
            quantity_tonnes=retirement.quantity_tonnes,
            use=retirement.use,
            code=code,
        )

    def is_refused(self, retirement_id: RetirementId) -> bool:
        """Whether there is such a retirement and it waits to be asked again."""
        retirement = self._under_way.get(retirement_id)
        return retirement is not None and retirement.state is RetirementState.REFUSED

    def retry(
        self, retirement_id: RetirementId, seq: int, day: TradingDay, not_after_ns: int
    ) -> MovementInstructed:
        """Ask again, under a new name: the refusal of the old one was final."""
        retirement = self._under_way[retirement_id]
        retirement.step(RetirementStep.RETRY)
        return self._send(retirement, f"use-{seq}", day, not_after_ns)

    def instructed(self) -> int:
        """How many the registry has been asked for and not answered."""
        return sum(1 for one in self._under_way.values() if one.state is RetirementState.INSTRUCTED)

    def parked(self) -> list[LotSlice]:
        """Serials of refused retirements: committed, in no movement."""
        return [
            part
            for retirement_id, lots in self._lots.items()
            if self.is_refused(retirement_id)
            for part in lots
        ]

    def records(self) -> Iterator[RetirementRecord]:
        """All of them, for a snapshot."""
        for one in self._under_way.values():
            yield RetirementRecord(
                retirement_id=one.retirement_id,
                account=one.account,
                instrument=one.instrument,
                quantity_tonnes=one.quantity_tonnes,
                use=one.use,
                state=one.state,
                lots=self._lots[one.retirement_id],
            )

    def load(self, records: tuple[RetirementRecord, ...]) -> None:
        """Take over what a snapshot tells."""
        for record in records:
            self._under_way[record.retirement_id] = Retirement(
                retirement_id=record.retirement_id,
                account=record.account,
                instrument=record.instrument,
                quantity_tonnes=record.quantity_tonnes,
                use=record.use,
                state=record.state,
            )
            self._lots[record.retirement_id] = record.lots

    def check(self) -> None:
        """Each is backed by as many serials as tonnes, and asked for by one movement exactly while it is instructed."""
        asked = [one.retirement_id for one in self._instructions.values() if one.retirement_id is not None]
        assert len(asked) == len(set(asked)), f"asked for twice: {asked}"
        for retirement_id, one in self._under_way.items():
            tonnes = sum(serials.count(part.serials) for part in self._lots[retirement_id])
            assert tonnes == one.quantity_tonnes, f"{retirement_id}: {tonnes} serials"
            assert (retirement_id in asked) is (one.state is RetirementState.INSTRUCTED), retirement_id

    def _of(self, instruction: Instruction) -> Retirement:
        assert instruction.retirement_id is not None, f"{instruction.instruction_id} retires nothing"
        return self._under_way[instruction.retirement_id]

    def _send(
        self, retirement: Retirement, name: str, day: TradingDay, not_after_ns: int
    ) -> MovementInstructed:
        instruction = Instruction(
            instruction_id=InstructionId(name),
            kind=InstructionKind.RETIRE,
            trading_day=day,
            not_after_ns=not_after_ns,
            legs=tuple(
                InstructionLeg(
                    leg=number,
                    lot_id=part.lot_id,
                    serials=part.serials,
                    from_account=retirement.account,
                    to_account=retirement.account,
                )
                for number, part in enumerate(self._lots[retirement.retirement_id], 1)
            ),
            retirement_id=retirement.retirement_id,
            use=retirement.use,
        )
        self._instructions[instruction.instruction_id] = instruction
        return MovementInstructed(instruction=instruction)
