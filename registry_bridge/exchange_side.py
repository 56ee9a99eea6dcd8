"""The exchange's side of the registry line, in settlement's own words: what it asks, learns, binds and compares.

Translates between the core's instructions and the registry's movements, and between the two sides' holdings. Nothing
here decides anything; who composes the program hands in how to submit a command and where to read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog

from registry_bridge.reconcile import Reconciliation, reconcile
from registry_bridge.registry import (
    BindingRefused,
    FinalAnswer,
    Movement,
    MovementKind,
    MovementLeg,
    PositionRange,
    Refused,
    Registry,
    RegistryLot,
    RegistryUnavailable,
    RetirementPurpose,
    RetirementTerms,
    SubAccount,
)
from settlement.commands import Outcome, RegisterLot, ResolveInstruction
from settlement.events import Instruction, InstructionKind, InstructionLeg, LotSlice
from settlement.lot import Lot, MethodologyClass
from settlement.retirement import Use
from settlement.serials import Serials
from settlement.values import AccountId, AssetCode, InstructionId, LotId

log = structlog.get_logger("registry_line")

PAUSE_S = 1.0
LOTS_EVERY_S = 5.0

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

    exchange_id: str
    """Which exchange this is; begins every request id, so that two exchanges never share one."""
    pending: Callable[[], Iterable[Instruction]]
    """Movements without a final answer, oldest first."""
    registry_account: Callable[[AccountId], str]
    """The registry account a trading account is bound to."""
    submit: Callable[[Any], Awaitable[Any]]
    """Puts a command of settlement before the core; returns once it is journaled."""


class ExchangeOutbox:
    """The core's pending instructions as the bridge's outbox."""

    def __init__(self, side: ExchangeSide) -> None:
        """`notify` is to be called after each commit that may have added an instruction."""
        self._side = side
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Something may be pending that was not."""
        self._changed.set()

    def pending(self) -> tuple[Movement, ...]:
        """Every movement without a final answer, oldest first."""
        return tuple(self._movement(instruction) for instruction in self._side.pending())

    async def wait(self) -> None:
        """Return when something new may be pending."""
        await self._changed.wait()
        self._changed.clear()

    async def resolve(self, request_id: str, answer: FinalAnswer) -> None:
        """Give the core a final answer; returns once it is journaled."""
        instruction_id = InstructionId(request_id.removeprefix(self._prefix))
        refused = answer if isinstance(answer, Refused) else None
        command = ResolveInstruction(
            instruction_id=instruction_id,
            outcome=Outcome.CONFIRMED if refused is None else Outcome.REFUSED,
            code=None if refused is None else refused.code.value,
            leg=None if refused is None else refused.leg,
        )
        await self._side.submit(command)

    @property
    def _prefix(self) -> str:
        return f"{self._side.exchange_id}."

    def _movement(self, instruction: Instruction) -> Movement:
        kind, source, target = _KINDS[instruction.kind]
        return Movement(
            request_id=f"{self._prefix}{instruction.instruction_id}",
            kind=kind,
            not_after_ns=instruction.not_after_ns,
            trading_day=instruction.trading_day,
            legs=tuple(self._leg(leg, source, target) for leg in instruction.legs),
            retirement=None if instruction.use is None else _terms(instruction.use),
        )

    def _leg(self, leg: InstructionLeg, source: SubAccount, target: SubAccount | None) -> MovementLeg:
        return MovementLeg(
            leg=leg.leg,
            lot=leg.lot_id,
            serials=leg.serials,
            from_account=self._side.registry_account(leg.from_account),
            from_sub_account=source,
            to_account=None if target is None else self._side.registry_account(leg.to_account),
            to_sub_account=target,
        )


def _terms(use: Use) -> RetirementTerms:
    """Every purpose of the exchange is one of the registry's, of the same name; none of them needs a year."""
    return RetirementTerms(
        purpose=RetirementPurpose(use.purpose.value),
        compliance_year=None,
        beneficiary=use.beneficiary,
        statement=use.statement,
    )


class LotFeed:
    """Tells the exchange of every lot the registry has issued, soon after."""

    def __init__(
        self,
        registry: Registry,
        *,
        instrument_of: Callable[[MethodologyClass], AssetCode | None],
        is_known: Callable[[LotId], bool],
        register: Callable[[RegisterLot], Awaitable[Any]],
    ) -> None:
        """`instrument_of` names the instrument of a class, if one is listed."""
        self._registry = registry
        self._instrument_of = instrument_of
        self._is_known = is_known
        self._register = register
        self.answers = False
        """Whether the registry answered when it was asked last, which is every few seconds."""

    async def run(self) -> None:
        """Follow the registry's lots until cancelled. While the line is down nothing is learnt, and asked again."""
        after = 0
        while True:
            try:
                after = await self._take_from(after)
            except RegistryUnavailable as fault:
                self._note(answers=False, why=fault.why.value)
            else:
                self._note(answers=True)
            await asyncio.sleep(LOTS_EVERY_S)

    def _note(self, *, answers: bool, why: str = "") -> None:
        if answers is not self.answers:
            log.info("registry_answers" if answers else "registry_silent", why=why)
        self.answers = answers

    async def _take_from(self, after: int) -> int:
        """Register what follows; stops short of a lot whose class has no instrument yet."""
        following: int | None = after
        while following is not None:
            page = await self._registry.lots(following)
            for lot in page.lots:
                instrument = self._instrument_of(lot.methodology_class)
                if instrument is None:
                    return after
                if not self._is_known(LotId(lot.lot)):
                    await self._register(RegisterLot(lot=as_lot(lot, instrument)))
                after = lot.sequence
            following = page.next
        return after


class AccountBinder:
    """Binds every trading account to its registry account, once the exchange has opened it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def add(self, registry_account: str, trading_account: str) -> None:
        """Have these two bound. Bound before, they stay as they are."""
        self._waiting.put_nowait((registry_account, trading_account))

    async def run(self) -> None:
        """Bind until cancelled; each binding is repeated until the registry has answered."""
        while True:
            registry_account, trading_account = await self._waiting.get()
            refused = await bind(self._registry, registry_account, trading_account)
            if refused is not None:
                log.error("binding_refused", account=trading_account, code=refused.code.value)


async def bind(registry: Registry, registry_account: str, trading_account: str) -> BindingRefused | None:
    """Bind two accounts, asking until there is an answer; why not, if the registry refuses."""
    while True:
        try:
            answer = await registry.bind(registry_account, trading_account)
        except RegistryUnavailable as fault:
            log.info("binding_not_answered", account=trading_account, why=fault.why.value)
            await asyncio.sleep(PAUSE_S)
            continue
        return answer if isinstance(answer, BindingRefused) else None


async def compare_positions(
    registry: Registry, side: ExchangeSide, here: Callable[[], Iterable[tuple[AccountId, LotId, Serials]]]
) -> Reconciliation:
    """Compare what both sides hold, with nothing on its way between them.

    `here` gives the exchange's holdings, whenever asked. Waits while something is on its way, and while the line is
    down. What is confirmed during the comparison can make it differ, so a difference counts
    when it is there twice.
    """
    differed = False
    while True:
        await _nothing_is_on_its_way(side)
        try:
            there = await _positions(registry)
        except RegistryUnavailable as fault:
            log.info("positions_not_read", why=fault.why.value)
        else:
            found = reconcile(sorted(_here(side, here()), key=_order), there)
            if found.is_clean or differed:
                return found
            differed = True
        await asyncio.sleep(PAUSE_S)


async def _nothing_is_on_its_way(side: ExchangeSide) -> None:
    while any(True for _ in side.pending()):  # noqa: ASYNC110 - the outbox is a view, not an event
        await asyncio.sleep(PAUSE_S / 10)


async def _positions(registry: Registry) -> list[PositionRange]:
    page = await registry.positions()
    positions = list(page.positions)
    while page.next is not None:
        page = await registry.positions(page.as_of, page.next)
        positions.extend(page.positions)
    return positions


def _here(
    side: ExchangeSide, holdings: Iterable[tuple[AccountId, LotId, Serials]]
) -> Iterator[PositionRange]:
    for account, lot, serials in holdings:
        for first, end in serials:
            yield PositionRange(account=side.registry_account(account), lot=lot, first=first, end=end)


def _order(position: PositionRange) -> tuple[str, str, int]:
    return (position.account, position.lot, position.first)


async def management_holdings(registry: Registry, registry_account: str) -> tuple[LotSlice, ...]:
    """What lies in an account's management sub-account. Raises RegistryUnavailable when it cannot be asked."""
    account = await registry.account(registry_account)
    ranges: dict[str, list[tuple[int, int]]] = {}
    for holding in account.holdings if account is not None else ():
        if holding.sub_account is SubAccount.MANAGEMENT:
            ranges.setdefault(holding.lot, []).append((holding.first, holding.end))
    return tuple(LotSlice(lot_id=LotId(lot), serials=tuple(serials)) for lot, serials in ranges.items())


def as_lot(lot: RegistryLot, instrument: AssetCode) -> Lot:
    """A lot as the exchange knows it, under the instrument of its class."""
    return Lot(
        lot_id=LotId(lot.lot),
        instrument=instrument,
        methodology_class=lot.methodology_class,
        methodology=lot.methodology,
        methodology_version=lot.methodology_version,
        origin=lot.origin,
        project=lot.project,
        period_from=lot.period_start,
        period_to=lot.period_end,
        batch=lot.issue_batch,
        issued_on=lot.issued_on,
        serials=(lot.first, lot.end),
    )
