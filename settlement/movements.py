"""Movements asked of the registry: transfers, the deliveries of a day, and the retirement of what they were for.

An instruction stays pending until the registry's final answer. Confirmed, its legs are booked; refused, everything
it took is given back. A delivery movement carries many deliveries and happens whole or not at all, so a refusal is
narrowed to the delivery it is about: the one named fails, the others are instructed again under a new name, and
where none is named the movement is halved. The old name is never used again: its refusal was final. Where the registry
would not be asked by us at all, nothing is known against any of them, and they are parked.
"""

from collections.abc import Iterator
from itertools import count
from typing import Final, TypeAlias

from settlement import serials
from settlement.commands import Outcome, ResolveInstruction
from settlement.delivery import Delivery, DeliveryState, DeliveryStep
from settlement.events import (
    Instruction,
    InstructionKind,
    InstructionLeg,
    LotSlice,
    MovementConfirmed,
    MovementEvent,
    MovementInstructed,
    MovementRefused,
)
from settlement.holdings import Holdings
from settlement.ledger import Ledger
from settlement.lot import Lot
from settlement.obligations import Obligations
from settlement.rejections import INSTRUCTION_UNKNOWN, Rejection
from settlement.retirements import Retirements
from settlement.transfers import Transfers, slices_of
from settlement.use_events import UseCompleted, UseRefused
from settlement.uses import Uses
from settlement.values import AccountId, AssetCode, InstructionId, LotId, TradeId, TradingDay

MAX_LEGS: Final = 1_000
"""Legs of one movement, by the registry protocol. A single delivery of more lots goes alone, to be refused there."""

MAX_RANGES: Final = 5_000
"""Serial ranges of one movement, so that its text stays small. A single delivery in more pieces goes alone."""

TOO_LATE: Final = "too_late"
"""The registry's refusal of a request it first saw after `not_after`: nothing is wrong with the content."""

NOT_AUTHORISED: Final = "not_authorised"
"""The registry's refusal to be asked by us at all: nothing is wrong with what was asked."""

LOT_FROZEN: Final = "lot_frozen"
"""Why a delivery fails before the registry is asked; the registry's own name for it."""


_TRANSFERS: Final = (InstructionKind.TRANSFER_IN, InstructionKind.TRANSFER_OUT)

ResolvedEvent: TypeAlias = MovementEvent | UseCompleted | UseRefused
"""What comes of the registry's answers."""


class Movements:
    """What is pending at the registry, and what its answers change here."""

    __slots__ = (
        "_holdings",
        "_ledger",
        "instructions",
        "obligations",
        "retirements",
        "transfers",
        "uses",
    )

    def __init__(self, ledger: Ledger, holdings: Holdings, lots: dict[LotId, Lot]) -> None:
        """Nothing pending. Ledger, holdings and lots are the depository's own."""
        self._ledger = ledger
        self._holdings = holdings
        self.obligations = Obligations(ledger, holdings)
        self.instructions: dict[InstructionId, Instruction] = {}
        """Pending, oldest first: the outbox."""
        self.transfers = Transfers(ledger, holdings, lots, self.instructions)
        self.retirements = Retirements(ledger, holdings, self.instructions)
        self.uses = Uses(ledger, holdings, lots, self.instructions)

    @property
    def deliveries(self) -> dict[TradeId, Delivery]:
        """What trades have left to be delivered, oldest first; not to be altered by the caller."""
        return self.obligations.pending

    def uninstructed(self) -> Iterator[Delivery]:
        """Deliveries that the registry has not been asked about yet, oldest first."""
        return self.obligations.uninstructed()

    def instruct(self, deliveries: list[Delivery], seq: int, not_after_ns: int) -> tuple[ResolvedEvent, ...]:
        """Ask for these deliveries in few movements: the serials named, or the first in first out.

        A delivery for which the seller has not enough left that is not frozen fails, and stops no other. One whose buyer
        lacks money that is still to come waits for it.
        """
        groups: list[list[InstructionLeg]] = [[]]
        ranges = 0
        events: list[ResolvedEvent] = []
        for delivery in deliveries:
            if delivery.lacking_fen:
                delivery.step(DeliveryStep.WAIT)
                continue
            if not self._can_be_delivered(delivery):
                events.extend(self.obligations.fail(delivery, (), LOT_FROZEN))
                continue
            delivery.step(DeliveryStep.INSTRUCT)
            slices = self._take(delivery)
            pieces = sum(len(part.serials) for part in slices)
            full = len(groups[-1]) + len(slices) > MAX_LEGS or ranges + pieces > MAX_RANGES
            if groups[-1] and full:
                groups.append([])
                ranges = 0
            ranges += pieces
            groups[-1].extend(_legs(delivery, slices, len(groups[-1]) + 1))
        day = deliveries[0].trading_day if deliveries else TradingDay("")
        events.extend(
            self._send(f"dvp-{seq}-{number}", day, not_after_ns, legs)
            for number, legs in enumerate(groups, self._next_number(seq))
            if legs
        )
        return tuple(events)

    def _next_number(self, seq: int) -> int:
        """One command may instruct more than once: the answer to one movement pays for the next."""
        return next(n for n in count(1) if InstructionId(f"dvp-{seq}-{n}") not in self.instructions)

    def instruct_covered(self, seq: int, not_after_ns: int) -> tuple[ResolvedEvent, ...]:
        """Ask for what waited, or was parked, for money that has come meanwhile; oldest first."""
        covered, self.obligations.proceeds.covered = self.obligations.proceeds.covered, []
        for delivery in covered:
            if delivery.state is DeliveryState.PARKED:
                self.obligations.retry(delivery)
        return self.instruct(sorted(covered, key=lambda one: one.trade_id), seq, not_after_ns)

    def retry(self, trade_ids: tuple[TradeId, ...], seq: int, not_after_ns: int) -> tuple[ResolvedEvent, ...]:
        """Ask again for these parked deliveries."""
        deliveries = [self.deliveries[trade_id] for trade_id in trade_ids]
        for delivery in deliveries:
            self.obligations.retry(delivery)
        return self.instruct(deliveries, seq, not_after_ns)

    def resolve(
        self, command: ResolveInstruction, seq: int, not_after_ns: int
    ) -> Rejection | tuple[ResolvedEvent, ...]:
        """Book the registry's final answer. An instruction that is not pending is refused: it has been booked."""
        instruction = self.instructions.get(command.instruction_id)
        if instruction is None:
            return INSTRUCTION_UNKNOWN.because(actual=command.instruction_id)
        # From here the command must succeed.
        del self.instructions[command.instruction_id]
        if command.outcome is Outcome.CONFIRMED:
            confirmed = MovementConfirmed(instruction_id=command.instruction_id)
            return (confirmed, *self._book(instruction, seq, not_after_ns))
        code = command.code or "refused"
        refused = MovementRefused(instruction_id=command.instruction_id, code=code, leg=command.leg)
        return (refused, *self._give_back(instruction, code, command.leg, seq, not_after_ns))

    def slices_in_flight(self) -> list[LotSlice]:
        """Serials of every pending instruction, on their way in or between two accounts."""
        return [
            LotSlice(lot_id=leg.lot_id, serials=leg.serials)
            for instruction in self.instructions.values()
            for leg in instruction.legs
        ] + [*self.retirements.parked(), *self.uses.parked()]

    def used_up(self) -> Iterator[tuple[tuple[AccountId, AssetCode], int]]:
        """Tonnes on their way to being used, by account and instrument: their serials are with nobody."""
        for record in self.retirements.records():
            yield (record.account, record.instrument), record.quantity_tonnes
        for use in self.uses.under_way():
            yield (use.account, use.instrument), use.quantity_tonnes

    def under_way(self) -> Iterator[tuple[tuple[AccountId, AssetCode], int]]:
        """Tonnes whose serials are with nobody for as long as the registry has not answered."""
        for delivery in self.deliveries.values():
            if delivery.state is DeliveryState.INSTRUCTED:
                yield (delivery.seller, delivery.instrument), delivery.quantity_tonnes
        yield from self.used_up()
        yield from self.transfers.committed().items()

    def unresolved(self) -> int:
        """How many answers of the registry are still to come: of deliveries, of what they were bought for, of uses."""
        return self.obligations.unresolved() + self.retirements.instructed() + self.uses.retiring()

    def check(self) -> None:
        """The delivering bucket is what deliveries, retirements and transfers out commit; each stands in one movement."""
        expected = self.obligations.committed()
        for place, tonnes in self.transfers.committed().items():
            expected[place] = expected.get(place, 0) + tonnes
        for due, tonnes in self.used_up():
            expected[due] = expected.get(due, 0) + tonnes
        for account in self._ledger.accounts():
            for asset, balance in self._ledger.assets(account):
                wanted = expected.pop((account, asset), 0)
                assert balance.delivering == wanted, (
                    f"{account} {asset}: {balance.delivering} delivering, {wanted} due"
                )
        assert not expected, f"deliveries without cover: {expected}"
        self.obligations.check()
        self.retirements.check()
        self.uses.check()
        self._check_instructed()

    def _check_instructed(self) -> None:
        tonnes: dict[TradeId, int] = {}
        for instruction in self.instructions.values():
            for leg in instruction.legs:
                if leg.trade_id is not None:
                    tonnes[leg.trade_id] = tonnes.get(leg.trade_id, 0) + serials.count(leg.serials)
        for delivery in self.deliveries.values():
            wanted = delivery.quantity_tonnes if delivery.state is DeliveryState.INSTRUCTED else 0
            assert tonnes.pop(delivery.trade_id, 0) == wanted, delivery
        assert not tonnes, f"movements of deliveries that are not pending: {tonnes}"

    def _can_be_delivered(self, delivery: Delivery) -> bool:
        """Whether the seller has the serials named, or enough, that are not frozen."""
        if delivery.lots:
            return not self._holdings.are_frozen(delivery.seller, delivery.lots)
        return self._holdings.can_give(delivery.seller, delivery.instrument, delivery.quantity_tonnes)

    def _take(self, delivery: Delivery) -> tuple[LotSlice, ...]:
        if delivery.lots:
            return self._holdings.take_aside(delivery.seller, delivery.lots)
        return self._holdings.take_first(delivery.seller, delivery.instrument, delivery.quantity_tonnes)

    def _send(
        self, name: str, day: TradingDay, not_after_ns: int, legs: list[InstructionLeg]
    ) -> MovementInstructed:
        instruction = Instruction(
            instruction_id=InstructionId(name),
            kind=InstructionKind.DELIVER,
            trading_day=day,
            not_after_ns=not_after_ns,
            legs=tuple(legs),
        )
        self.instructions[instruction.instruction_id] = instruction
        return MovementInstructed(instruction=instruction)

    def _book(self, instruction: Instruction, seq: int, not_after_ns: int) -> Iterator[ResolvedEvent]:
        if instruction.kind in _TRANSFERS:
            yield from self.transfers.complete(instruction)
            return
        if instruction.use_id is not None:
            yield from self.uses.complete(instruction)
            return
        if instruction.kind is InstructionKind.RETIRE:
            yield from self.retirements.complete(instruction)
            return
        for trade_id, legs in _by_delivery(instruction):
            delivery, slices = self.deliveries[trade_id], slices_of(legs)
            yield from self.obligations.settle(delivery, slices)
            if delivery.use is not None:
                yield self.retirements.begin(delivery, slices, seq, instruction.trading_day, not_after_ns)

    def _give_back(
        self, instruction: Instruction, code: str, leg: int | None, seq: int, not_after_ns: int
    ) -> Iterator[ResolvedEvent]:
        if instruction.kind in _TRANSFERS:
            yield from self.transfers.turn_back(instruction, code)
            return
        if instruction.use_id is not None:
            yield from self._end_use(instruction, code, seq, not_after_ns)
            return
        if instruction.kind is InstructionKind.RETIRE:
            yield from self._keep_committed(instruction, code, seq, not_after_ns)
            return
        groups = _by_delivery(instruction)
        failed = None if code == TOO_LATE else _named(groups, leg)
        for trade_id, legs in groups:
            if code == NOT_AUTHORISED and failed in (None, trade_id):
                yield self.obligations.park(
                    self.deliveries[trade_id], slices_of(legs), instruction.instruction_id, code
                )
            elif trade_id == failed:
                yield from self.obligations.fail(self.deliveries[trade_id], slices_of(legs), code)
        if code == NOT_AUTHORISED and failed is None:
            return
        rest = [group for group in groups if group[0] != failed]
        whole = failed is not None or code == TOO_LATE or len(rest) == 1
        halves = [rest] if whole else [rest[: len(rest) // 2], rest[len(rest) // 2 :]]
        for number, half in enumerate((half for half in halves if half), 1):
            yield self._again(half, f"dvp-{seq}-{number}", instruction.trading_day, not_after_ns)

    def _end_use(
        self, instruction: Instruction, code: str, seq: int, not_after_ns: int
    ) -> Iterator[ResolvedEvent]:
        if code == TOO_LATE:  # nothing is wrong with it: ask again
            yield self.uses.ask_again(instruction, seq, instruction.trading_day, not_after_ns)
        else:
            yield from self.uses.refuse(instruction, code)

    def _keep_committed(
        self, instruction: Instruction, code: str, seq: int, not_after_ns: int
    ) -> Iterator[ResolvedEvent]:
        refused = self.retirements.refuse(instruction, code)
        yield refused
        if code == TOO_LATE:  # nothing is wrong with it: ask again
            yield self.retirements.retry(refused.retirement_id, seq, instruction.trading_day, not_after_ns)

    def _again(
        self,
        groups: list[tuple[TradeId, tuple[InstructionLeg, ...]]],
        name: str,
        day: TradingDay,
        not_after_ns: int,
    ) -> MovementInstructed:
        legs: list[InstructionLeg] = []
        for trade_id, old_legs in groups:
            delivery = self.deliveries[trade_id]
            delivery.step(DeliveryStep.RETURN)
            delivery.step(DeliveryStep.INSTRUCT)
            legs.extend(_legs(delivery, slices_of(old_legs), len(legs) + 1))
        return self._send(name, day, not_after_ns, legs)


def _legs(delivery: Delivery, slices: tuple[LotSlice, ...], first_leg: int) -> list[InstructionLeg]:
    return [
        InstructionLeg(
            leg=number,
            lot_id=part.lot_id,
            serials=part.serials,
            from_account=delivery.seller,
            to_account=delivery.buyer,
            trade_id=delivery.trade_id,
        )
        for number, part in enumerate(slices, first_leg)
    ]


def _by_delivery(instruction: Instruction) -> list[tuple[TradeId, tuple[InstructionLeg, ...]]]:
    """A delivery movement's legs, grouped by the trade they deliver, in the movement's order."""
    groups: dict[TradeId, list[InstructionLeg]] = {}
    for leg in instruction.legs:
        assert leg.trade_id is not None, f"{instruction.instruction_id} moves units of no trade"
        groups.setdefault(leg.trade_id, []).append(leg)
    return [(trade_id, tuple(legs)) for trade_id, legs in groups.items()]


def _named(groups: list[tuple[TradeId, tuple[InstructionLeg, ...]]], leg: int | None) -> TradeId | None:
    """The delivery a refusal is about: the only one there is, or the one a leg of which it names; none otherwise."""
    if len(groups) == 1:
        return groups[0][0]
    return next((trade_id for trade_id, legs in groups if any(part.leg == leg for part in legs)), None)
