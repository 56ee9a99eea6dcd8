"""The exchange as the bridge sees it: what it holds and waits for, changed by the commands it is told and nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.engine.views.trail import Trail
from registry_bridge.exchange_side import ExchangeOutbox, ExchangeSide
from registry_bridge.notice_feed import NoticeFeed
from registry_bridge.reconcile import without
from registry_bridge.registry import Movement, Registry
from registry_bridge.request_names import RequestNames
from settlement.commands import Outcome, ReportBreaks, ResolveInstruction, TakeNotice
from settlement.custody_events import UnitsArrived
from settlement.difference import Difference
from settlement.events import (
    Instruction,
    InstructionKind,
    InstructionLeg,
    LotSlice,
    MovementConfirmed,
    MovementInstructed,
    MovementRefused,
)
from settlement.notice import NoticeKind
from settlement.serials import Serials, count, merged
from settlement.values import AccountId, AssetCode, InstructionId, LotId, TradingDay
from tests.registry_bridge.examples import DAY, DEADLINE_NS

INSTRUMENT = AssetCode("SHCERCIR1")


class Side:
    """Trading account ``T-x`` is bound to registry account ``x``."""

    def __init__(self, *accounts: str) -> None:
        self.holdings: dict[AccountId, dict[str, Serials]] = {AccountId(name): {} for name in accounts}
        self.instructions: dict[InstructionId, Instruction] = {}
        self.submitted: list[Any] = []
        self.cursor = 0
        self.waiting_arrivals: list[tuple[str, str, Serials]] = []
        self._number = 0
        side = ExchangeSide(
            names=RequestNames(exchange_id="x1"),
            pending=lambda: tuple(self.instructions.values()),
            registry_account=lambda account: account.removeprefix("T-"),
            accounts=lambda: tuple(self.holdings),
            serials=self.serials,
            arriving=lambda: tuple(self.waiting_arrivals),
            submit=self.submit,
        )
        self.outbox = ExchangeOutbox(side)
        self.trail = Trail()
        self._asked: dict[InstructionId, Instruction] = {}

    @property
    def after(self) -> int:
        return self.trail.after

    @property
    def known_after(self) -> int | None:
        return self.trail.known_after

    def is_known(self, name: InstructionId) -> bool:
        return self.trail.get(name) is not None

    def answered(self, outcome: Outcome) -> tuple[InstructionId, ...]:
        found = (view for view in self.trail.answered() if view.outcome is outcome)
        return tuple(InstructionId(view.instruction_id) for view in found)

    def is_settled(self, found: Difference) -> bool:
        return self.trail.is_settled(found)

    async def instruction(self, name: InstructionId) -> Instruction:
        return self._asked[name]

    @property
    def breaks(self) -> list[Difference]:
        """Everything reported, in its order."""
        return [
            one
            for command in self.submitted
            if isinstance(command, ReportBreaks)
            for one in command.differences
        ]

    def serials(self, account: AccountId) -> Mapping[str, Serials]:
        return self.holdings[account]

    def feed(self, registry: Registry) -> NoticeFeed:
        """Tells this side."""
        return NoticeFeed(
            registry, cursor=lambda: self.cursor, take=self.submit, instrument_of=lambda _: INSTRUMENT
        )

    def instruct(
        self, kind: InstructionKind, source: str, target: str, serials: Serials, lot: str = "LOT-1"
    ) -> Movement:
        """Have something pending, as it goes over the line."""
        self._number += 1
        leg = InstructionLeg(
            leg=1,
            lot_id=LotId(lot),
            serials=serials,
            from_account=AccountId(source),
            to_account=AccountId(target),
        )
        instruction = Instruction(
            instruction_id=InstructionId(str(self._number)),
            kind=kind,
            trading_day=TradingDay(DAY),
            not_after_ns=DEADLINE_NS,
            legs=(leg,),
        )
        self.pend(instruction)
        return self.outbox.movement(instruction)

    def pend(self, instruction: Instruction) -> None:
        """Have this very instruction pending."""
        self.instructions[instruction.instruction_id] = instruction
        self._asked[instruction.instruction_id] = instruction
        self.trail.instruct(instruction.instruction_id, len(self._asked))
        self.outbox.follow(MovementInstructed(instruction=instruction))

    async def submit(self, command: Any) -> None:
        self.submitted.append(command)
        match command:
            case ResolveInstruction():
                self._resolve(command)
            case TakeNotice():
                self._take(command)

    def _resolve(self, command: ResolveInstruction) -> None:
        instruction = self.instructions.pop(command.instruction_id, None)
        if instruction is None:
            return  # the same twice is the same once
        self.trail.answer(instruction.instruction_id, command.outcome)
        if command.outcome is Outcome.REFUSED:
            self.outbox.follow(
                MovementRefused(instruction_id=instruction.instruction_id, code=command.code or "", leg=None)
            )
            return
        for leg in instruction.legs:
            if instruction.kind is not InstructionKind.TRANSFER_IN:
                self._take_away(leg.from_account, leg.lot_id, leg.serials)
            if instruction.kind in {InstructionKind.TRANSFER_IN, InstructionKind.DELIVER}:
                self.give(leg.to_account, leg.lot_id, leg.serials)
        self.outbox.follow(MovementConfirmed(instruction_id=instruction.instruction_id))

    def _take(self, command: TakeNotice) -> None:
        notice = command.notice
        assert notice.sequence == self.cursor + 1
        self.cursor = notice.sequence
        account = AccountId(f"T-{notice.registry_account}")
        if (
            notice.kind is NoticeKind.TRANSFERRED_IN
            and notice.lot_id is not None
            and account in self.holdings
        ):
            self.give(account, notice.lot_id, notice.serials)
            self.outbox.follow(
                UnitsArrived(
                    account=account,
                    notice_sequence=notice.sequence,
                    instrument=INSTRUMENT,
                    quantity_tonnes=count(notice.serials),
                    lots=(LotSlice(lot_id=notice.lot_id, serials=notice.serials),),
                )
            )

    def give(self, account: str, lot: str, serials: Serials) -> None:
        held = self.holdings[AccountId(account)]
        held[lot] = merged(held.get(lot, ()), serials)

    def _take_away(self, account: AccountId, lot: str, serials: Serials) -> None:
        left = without(self.holdings[account].get(lot, ()), serials)
        if left:
            self.holdings[account][lot] = left
        else:
            self.holdings[account].pop(lot, None)

    def free_serials(self) -> Iterator[tuple[AccountId, str, Serials]]:
        """What is not on its way already, as the core chooses from."""
        moving = {
            (leg.from_account, leg.lot_id, leg.serials)
            for instruction in self.instructions.values()
            for leg in instruction.legs
        }
        for account, lots in self.holdings.items():
            for lot, serials in lots.items():
                free = serials
                for _, _, gone in [one for one in moving if one[:2] == (account, lot)]:
                    free = without(free, gone)
                if free:
                    yield account, lot, free
