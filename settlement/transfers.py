"""Transfers between an owner's two registry sub-accounts: in from the management side, and back out to it.

Units on their way in belong to nobody here until the registry has confirmed; on their way out they lie in their
owner's `DELIVERING` bucket, their serials with the one instruction that moves them.
"""

from collections.abc import Iterator

from settlement import serials
from settlement.commands import RequestTransferIn, RequestTransferOut
from settlement.events import (
    Bucket,
    Instruction,
    InstructionKind,
    InstructionLeg,
    LotSlice,
    MovementEvent,
    MovementInstructed,
    Posted,
    TransferCompleted,
    TransferFailed,
    TransferRequested,
)
from settlement.holdings import Holdings
from settlement.ledger import Ledger
from settlement.lot import Lot
from settlement.provenance import Provenance
from settlement.removal import Removal
from settlement.serials import Serials
from settlement.values import OUTSIDE, AccountId, AssetCode, InstructionId, LotId, TradingDay


class Transfers:
    """What is on its way between the two sides, and what the registry's answers change."""

    __slots__ = ("_holdings", "_instructions", "_ledger", "_lots", "provenance")

    def __init__(
        self,
        ledger: Ledger,
        holdings: Holdings,
        lots: dict[LotId, Lot],
        instructions: dict[InstructionId, Instruction],
    ) -> None:
        """Nothing on its way. Everything handed in is the depository's own."""
        self._ledger = ledger
        self._holdings = holdings
        self._lots = lots
        self._instructions = instructions
        self.provenance = Provenance()

    def request_in(
        self, command: RequestTransferIn, seq: int, day: TradingDay, not_after_ns: int
    ) -> tuple[MovementEvent, ...]:
        """Ask for units from the management side. The guards have been asked; nothing is credited before the answer."""
        self._holdings.expect(command.lots)
        instruction = self._send(
            f"in-{seq}", InstructionKind.TRANSFER_IN, command.account, command.lots, day, not_after_ns
        )
        requested = _requested(command, instruction, command.instrument, command.lots)
        return (requested, MovementInstructed(instruction=instruction))

    def request_out(
        self,
        command: RequestTransferOut,
        slices: tuple[LotSlice, ...],
        seq: int,
        day: TradingDay,
        not_after_ns: int,
    ) -> tuple[MovementEvent, ...]:
        """Ask for units to go back to the management side. The guards have been asked, and these serials chosen."""
        posted = self._commit(command.account, slices, Bucket.AVAILABLE)
        instruction = self._send(
            f"out-{seq}", InstructionKind.TRANSFER_OUT, command.account, slices, day, not_after_ns
        )
        requested = _requested(command, instruction, command.instrument, slices)
        return (requested, posted, MovementInstructed(instruction=instruction))

    def send_back(
        self, removal: Removal, seq: int, day: TradingDay, not_after_ns: int
    ) -> tuple[Posted, MovementInstructed]:
        """Ask for corrected units to go back to the management side. They are frozen and committed to nothing."""
        slices = (LotSlice(lot_id=removal.lot_id, serials=removal.serials),)
        posted = self._commit(removal.account, slices, Bucket.FROZEN)
        instruction = self._send(
            f"rem-{seq}-{removal.removal_id}",
            InstructionKind.TRANSFER_OUT,
            removal.account,
            slices,
            day,
            not_after_ns,
            removal,
        )
        return posted, MovementInstructed(instruction=instruction)

    def receive(self, account: AccountId, slices: tuple[LotSlice, ...]) -> Posted:
        """Units that were expected are here, and the account has brought them."""
        self._holdings.give(account, slices)
        self.provenance.note(account, slices)
        return self._ledger.post(
            self.instrument_of(slices),
            tonnes(slices),
            source=(OUTSIDE, Bucket.OUTSIDE),
            target=(account, Bucket.AVAILABLE),
        )

    def complete(self, instruction: Instruction) -> Iterator[Posted | TransferCompleted]:
        """The registry has moved them: what came in is the owner's here, what went out is gone."""
        account, slices = _account(instruction), slices_of(instruction.legs)
        if instruction.kind is InstructionKind.TRANSFER_IN:
            yield self.receive(account, slices)
        else:
            self._holdings.forget(slices)
            if instruction.removal_id is None:
                self.provenance.forget(slices)
            else:
                self.provenance.withdraw(slices)
            yield self._ledger.post(
                self.instrument_of(slices),
                tonnes(slices),
                source=(account, Bucket.DELIVERING),
                target=(OUTSIDE, Bucket.OUTSIDE),
            )
        yield TransferCompleted(
            account=account,
            instruction_id=instruction.instruction_id,
            kind=instruction.kind,
            instrument=self.instrument_of(slices),
            quantity_tonnes=tonnes(slices),
            lots=slices,
        )

    def turn_back(self, instruction: Instruction, code: str) -> Iterator[Posted | TransferFailed]:
        """The registry has refused: everything is where it was before. The owner is told of what it asked for."""
        account, slices = _account(instruction), slices_of(instruction.legs)
        if instruction.kind is InstructionKind.TRANSFER_IN:
            self._holdings.forget(slices)
        else:
            self._holdings.give(account, slices)
            yield self._ledger.post(
                self.instrument_of(slices),
                tonnes(slices),
                source=(account, Bucket.DELIVERING),
                target=(account, Bucket.AVAILABLE),
            )
        if instruction.removal_id is None:
            yield TransferFailed(
                account=account, instruction_id=instruction.instruction_id, kind=instruction.kind, code=code
            )

    def are_gone(self, lot_id: LotId, wanted: Serials) -> bool:
        """Whether any of these serials was here once and is no more in the world: used (Art. 35), or withdrawn (Art. 22)."""
        return self.provenance.were_withdrawn(lot_id, wanted) or any(
            not self._holdings.all_here(lot_id, serials.intersection(brought, wanted))
            for _, brought in self.provenance.of(lot_id)
        )

    def leaving(self) -> Iterator[tuple[AccountId, LotSlice]]:
        """Serials on their way out, with whose they still are."""
        for instruction in self._instructions.values():
            if instruction.kind is InstructionKind.TRANSFER_OUT:
                for leg in instruction.legs:
                    yield leg.from_account, LotSlice(lot_id=leg.lot_id, serials=leg.serials)

    def committed(self) -> dict[tuple[AccountId, AssetCode], int]:
        """What is on its way out, in tonnes by account and instrument."""
        found: dict[tuple[AccountId, AssetCode], int] = {}
        for account, part in self.leaving():
            place = (account, self._lots[part.lot_id].instrument)
            found[place] = found.get(place, 0) + serials.count(part.serials)
        return found

    def instrument_of(self, slices: tuple[LotSlice, ...]) -> AssetCode:
        """The instrument of these lots, which is one."""
        return self._lots[slices[0].lot_id].instrument

    def _commit(self, account: AccountId, slices: tuple[LotSlice, ...], source: Bucket) -> Posted:
        self._holdings.take(account, slices)
        return self._ledger.post(
            self.instrument_of(slices),
            tonnes(slices),
            source=(account, source),
            target=(account, Bucket.DELIVERING),
        )

    def _send(  # noqa: PLR0917 - an instruction has that many parts
        self,
        name: str,
        kind: InstructionKind,
        account: AccountId,
        slices: tuple[LotSlice, ...],
        day: TradingDay,
        not_after_ns: int,
        removal: Removal | None = None,
    ) -> Instruction:
        instruction = Instruction(
            instruction_id=InstructionId(name),
            kind=kind,
            trading_day=day,
            not_after_ns=not_after_ns,
            legs=tuple(
                InstructionLeg(
                    leg=number,
                    lot_id=part.lot_id,
                    serials=part.serials,
                    from_account=account,
                    to_account=account,
                )
                for number, part in enumerate(slices, 1)
            ),
            removal_id=None if removal is None else removal.removal_id,
        )
        self._instructions[instruction.instruction_id] = instruction
        return instruction


def tonnes(slices: tuple[LotSlice, ...]) -> int:
    """How many serials these are."""
    return sum(serials.count(part.serials) for part in slices)


def slices_of(legs: tuple[InstructionLeg, ...]) -> tuple[LotSlice, ...]:
    """What these legs move."""
    return tuple(LotSlice(lot_id=leg.lot_id, serials=leg.serials) for leg in legs)


def _account(instruction: Instruction) -> AccountId:
    return instruction.legs[0].from_account


def _requested(
    command: RequestTransferIn | RequestTransferOut,
    instruction: Instruction,
    instrument: AssetCode,
    slices: tuple[LotSlice, ...],
) -> TransferRequested:
    return TransferRequested(
        account=command.account,
        instruction_id=instruction.instruction_id,
        kind=instruction.kind,
        instrument=instrument,
        quantity_tonnes=tonnes(slices),
        client_id=command.client_id,
        lots=slices,
    )
