"""The exchange's side of the registry line, in settlement's own words: what it asks, is answered and compares.

Translates between the core's instructions and the registry's movements. Nothing here decides anything; who composes the
program hands in how to submit a command and where to read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import structlog

from registry_bridge.differences import of_contradiction
from registry_bridge.progress import Contradiction
from registry_bridge.registry import (
    FinalAnswer,
    Movement,
    MovementKind,
    MovementLeg,
    Refused,
    Registry,
    RetirementPurpose,
    RetirementTerms,
    SubAccount,
)
from registry_bridge.request_names import RequestNames
from settlement.commands import Outcome, ReportBreaks, ResolveInstruction
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
from settlement.serials import Serials
from settlement.values import AccountId, InstructionId, LotId

log = structlog.get_logger("registry_line")

TELL_EVERY_S = 30.0
"""How often an operator is told that a reconciliation still waits for answers."""

MAX_DIFFERENCES = 500
"""Told to the core by one command at most."""

_KINDS: dict[InstructionKind, tuple[MovementKind, SubAccount, SubAccount | None]] = {
    InstructionKind.TRANSFER_IN: (MovementKind.TRANSFER_IN, SubAccount.MANAGEMENT, SubAccount.TRADING),
    InstructionKind.TRANSFER_OUT: (MovementKind.TRANSFER_OUT, SubAccount.TRADING, SubAccount.MANAGEMENT),
    InstructionKind.DELIVER: (MovementKind.DELIVER, SubAccount.TRADING, SubAccount.TRADING),
    InstructionKind.RETIRE: (MovementKind.RETIRE, SubAccount.TRADING, None),
}
"""Kind → kind there, and between which sub-accounts its legs run; what is retired goes nowhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeSide:
    """What the exchange lends to this side of the line. Everything read here is journaled already."""

    names: RequestNames
    """Under which names the registry is asked; two exchanges, or two lives of one, never share any."""
    pending: Callable[[], Iterable[Instruction]]
    """Movements without a final answer, oldest first."""
    registry_account: Callable[[AccountId], str]
    """The registry account a trading account is bound to."""
    accounts: Callable[[], Iterable[AccountId]]
    """Every trading account."""
    serials: Callable[[AccountId], Mapping[str, Serials]]
    """All that an account owns now, by lot, whatever it is held for."""
    arriving: Callable[[], Iterable[tuple[str, str, Serials]]]
    """What owners moved in at the platform and the core cannot credit yet, by registry account and lot."""
    submit: Callable[[Any], Awaitable[Any]]
    """Puts a command of settlement before the core; returns once it is journaled."""
    grace_ns: int = 0
    """Added to every deadline, and always the same: a clock that is moved by hand may stand before the registry's own."""


class ExchangeOutbox:
    """The core's pending instructions as the bridge's outbox."""

    def __init__(self, side: ExchangeSide) -> None:
        """`follow` is to be called with every event once it is journaled and `side` shows it."""
        self.side = side
        self._changed = asyncio.Event()
        self._answered = asyncio.Event()
        self._watchers: list[Callable[[object], None]] = []
        self._standing_still: set[InstructionId] = set()
        """Instructions whose answers contradict each other; no answer to them will come."""
        self.newest_entry = 0
        """The highest sequence number of the registry's journal that this side has heard of."""
        self._pending: dict[InstructionId, Movement] = {}
        self._asked_by: dict[InstructionId, str] = {}
        """Requests that instructions come of, as long as these are pending; not known any more after a restart."""
        self.answers = 0
        """How often an answer was journaled; what was compared before and after the same number was at rest."""

    def follow(self, event: object, asked_by: str = "") -> None:
        """Take note of a journaled event, and of the request that it comes of."""
        match event:
            case MovementInstructed():
                if asked_by:
                    self._asked_by[event.instruction.instruction_id] = asked_by
                self.notify()
            case MovementConfirmed() | MovementRefused():
                self._asked_by.pop(event.instruction_id, None)
                self._standing_still.discard(event.instruction_id)
                self.notify_answered()
        for watcher in self._watchers:
            watcher(event)

    @contextmanager
    def watched_by(self, watcher: Callable[[object], None]) -> Iterator[None]:
        """Have every journaled event told to someone for a while."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    def notify(self) -> None:
        """Something may be pending that was not."""
        self._changed.set()

    def notify_answered(self) -> None:
        """Something may be pending no longer."""
        self.answers += 1
        # Whoever waits holds the old event; who comes later waits for the next answer.
        answered, self._answered = self._answered, asyncio.Event()
        answered.set()

    def waiting_for(self) -> frozenset[InstructionId]:
        """The instructions that are on their way now."""
        return frozenset(instruction.instruction_id for instruction in self.side.pending())

    async def until_answered(self, instructions: frozenset[InstructionId]) -> None:
        """Return when none of these is on its way any more. What is instructed meanwhile is not waited for.

        It ends when the line works, if the registry has decided them; what stands still is not waited for.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        tell_at_s = began_s + TELL_EVERY_S
        while left := (instructions & self.waiting_for()) - self._standing_still:
            try:
                async with asyncio.timeout_at(tell_at_s):
                    await self._answered.wait()
            except TimeoutError:
                tell_at_s = loop.time() + TELL_EVERY_S
                waited_s = round(loop.time() - began_s)
                log.warning("reconciliation_waits", movements=len(left), one=min(left), waited_s=waited_s)

    def pending(self) -> tuple[Movement, ...]:
        """Every movement without a final answer, oldest first."""
        # It is asked at every change, and a movement may have a thousand legs that do not.
        made = self._pending
        self._pending = {
            one.instruction_id: made.get(one.instruction_id) or self.movement(one)
            for one in self.side.pending()
        }
        return tuple(self._pending.values())

    async def wait(self) -> None:
        """Return when something new may be pending."""
        await self._changed.wait()
        self._changed.clear()

    async def resolve(self, request_id: str, answer: FinalAnswer) -> None:
        """Give the core a final answer; returns once it is journaled."""
        instruction_id = self.instruction_of(request_id)
        assert instruction_id is not None, "only movements of ours are carried"
        refused = answer if isinstance(answer, Refused) else None
        command = ResolveInstruction(
            instruction_id=instruction_id,
            outcome=Outcome.CONFIRMED if refused is None else Outcome.REFUSED,
            code=None if refused is None else refused.code.value,
            leg=None if refused is None else refused.leg,
        )
        await self.side.submit(command)

    async def contradicted(self, found: Contradiction) -> None:
        """Have a break opened for everything the movement touches; it stays pending until a person has settled it."""
        instruction_id = self.instruction_of(found.movement.request_id)
        assert instruction_id is not None, "only movements of ours are carried"
        self._standing_still.add(instruction_id)
        self.notify_answered()
        await self.report(of_contradiction(found, instruction_id))

    async def report(self, differences: Iterable[Difference], as_of: int | None = None) -> None:
        """Have breaks opened, all that are not open yet; returns once they are journaled."""
        for some in batched(differences, MAX_DIFFERENCES):
            command = ReportBreaks(as_of=self.newest_entry if as_of is None else as_of, differences=some)
            await self.side.submit(command)

    def instruction_of(self, request_id: str) -> InstructionId | None:
        """The instruction a request stands for; None when it is not one of this exchange's."""
        return self.side.names.instruction_of(request_id)

    def movement(self, instruction: Instruction) -> Movement:
        """An instruction as the registry is asked for it."""
        kind, source, target = _KINDS[instruction.kind]
        return Movement(
            request_id=self.side.names.request_id(instruction.instruction_id),
            kind=kind,
            not_after_ns=instruction.not_after_ns + self.side.grace_ns,
            trading_day=instruction.trading_day,
            legs=tuple(self._leg(leg, source, target) for leg in instruction.legs),
            retirement=_terms(instruction),
            asked_by=self._asked_by.get(instruction.instruction_id, ""),
        )

    def _leg(self, leg: InstructionLeg, source: SubAccount, target: SubAccount | None) -> MovementLeg:
        return MovementLeg(
            leg=leg.leg,
            lot=leg.lot_id,
            serials=leg.serials,
            from_account=self.side.registry_account(leg.from_account),
            from_sub_account=source,
            to_account=None if target is None else self.side.registry_account(leg.to_account),
            to_sub_account=target,
        )


def batched(items: Iterable[Difference], most: int) -> Iterator[tuple[Difference, ...]]:
    """In the same order, so many at a time at most."""
    left = iter(items)
    while some := tuple(islice(left, most)):
        yield some


def _terms(instruction: Instruction) -> RetirementTerms | None:
    """What units are retired for. Every purpose of the exchange is one of the registry's, of the same name."""
    if instruction.compliance is not None:
        return RetirementTerms(
            purpose=RetirementPurpose.COMPLIANCE_OFFSET,
            compliance_year=instruction.compliance.compliance_year,
            beneficiary=instruction.compliance.beneficiary,
            statement=instruction.compliance.statement,
        )
    if instruction.use is None or instruction.kind is not InstructionKind.RETIRE:
        return None
    return RetirementTerms(
        purpose=RetirementPurpose(instruction.use.purpose.value),
        compliance_year=None,
        beneficiary=instruction.use.beneficiary,
        statement=instruction.use.statement,
    )


async def management_holdings(registry: Registry, registry_account: str) -> tuple[LotSlice, ...]:
    """What lies in an account's management sub-account. Raises RegistryUnavailable when it cannot be asked."""
    account = await registry.account(registry_account)
    ranges: dict[str, list[tuple[int, int]]] = {}
    for holding in account.holdings if account is not None else ():
        if holding.sub_account is SubAccount.MANAGEMENT:
            ranges.setdefault(holding.lot, []).append((holding.first, holding.end))
    return tuple(LotSlice(lot_id=LotId(lot), serials=tuple(serials)) for lot, serials in ranges.items())
