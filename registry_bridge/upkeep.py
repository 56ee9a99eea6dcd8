"""What keeps the two sides' reference data alike: lots are learnt from the registry, accounts are bound there."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import structlog

from registry_bridge.back_off import BackOff
from registry_bridge.parallel import for_each
from registry_bridge.registry import (
    BindingRefused,
    RefusalCode,
    Registry,
    RegistryLot,
    RegistryUnavailable,
    UnknownReason,
)
from settlement.commands import RegisterLot
from settlement.lot import Lot, MethodologyClass
from settlement.values import AssetCode, LotId

log = structlog.get_logger("registry_line")

PAUSE_S = 1.0
LOTS_EVERY_S = 5.0
BIND_AGAIN = BackOff(first_s=2.0, longest_s=300.0)
"""When a refused binding is asked for again: an account may be opened, or thawed, at the platform later."""

BOUND_AT_A_TIME = 2
"""Of the few connections there are: after a start every account is bound anew."""

LOT_AGAIN = BackOff(first_s=30.0, longest_s=3_600.0)
"""When a lot that the exchange rejected is tried again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _RejectedLot:
    """Why a lot was rejected last, how often, and when it is tried again."""

    code: str
    attempts: int
    due_s: float


class LotFeed:
    """Tells the exchange of every lot the registry has issued, soon after."""

    def __init__(
        self,
        registry: Registry,
        *,
        instrument_of: Callable[[MethodologyClass], AssetCode | None],
        is_known: Callable[[LotId], bool],
        register: Callable[[RegisterLot], Awaitable[str | None]],
        now_s: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`instrument_of` names the instrument of a class, if one is listed; `register` gives the code of a
        rejection, or None; `jitter` in [0, 1) spreads what is tried again.
        """
        self._registry = registry
        self._instrument_of = instrument_of
        self._is_known = is_known
        self._register = register
        self._now_s = now_s
        self._jitter = jitter
        self._rejected: dict[str, _RejectedLot] = {}
        self._unlisted: dict[MethodologyClass, list[RegistryLot]] = {}
        """Lots whose class has no instrument yet, in the order of their issue."""
        self.answers = False
        """Whether the registry answered when it was asked last, which is every few seconds."""

    @property
    def rejected(self) -> int:
        """How many lots the exchange does not take at present. They are tried again, later each time."""
        return len(self._rejected)

    async def run(self) -> None:
        """Follow the registry's lots until cancelled. While the line is down nothing is learnt, and asked again."""
        after = 0
        while True:
            await self._take_unlisted()
            try:
                await self._take_rejected()
                async for lot in self._issued(after):
                    await self._take(lot)
                    after = lot.sequence
            except RegistryUnavailable as fault:
                self._note(answers=False, why=fault.why.value)
            else:
                self._note(answers=True)
            await asyncio.sleep(LOTS_EVERY_S)

    def _note(self, *, answers: bool, why: str = "") -> None:
        if answers is not self.answers:
            log.info("registry_answers" if answers else "registry_silent", why=why)
        self.answers = answers

    async def _issued(self, after: int) -> AsyncIterator[RegistryLot]:
        """What the registry issued after that sequence number."""
        following: int | None = after
        while following is not None:
            page = await self._registry.lots(following)
            for lot in page.lots:
                yield lot
            following = page.next

    async def _take(self, lot: RegistryLot) -> None:
        """Register a lot, or keep it until an instrument of its class is listed."""
        instrument = self._instrument_of(lot.methodology_class)
        if instrument is None:
            log.info("lot_waits_for_instrument", lot=lot.lot, methodology_class=lot.methodology_class.value)
            self._unlisted.setdefault(lot.methodology_class, []).append(lot)
        elif not self._is_known(LotId(lot.lot)):
            await self._tell(lot, instrument)

    async def _take_unlisted(self) -> None:
        listed = [kind for kind in self._unlisted if self._instrument_of(kind) is not None]
        for lot in [lot for kind in listed for lot in self._unlisted.pop(kind)]:
            await self._take(lot)

    async def _tell(self, lot: RegistryLot, instrument: AssetCode) -> None:
        rejection = await self._register(RegisterLot(lot=as_lot(lot, instrument)))
        before = self._rejected.pop(lot.lot, None)
        if rejection is None:
            return
        if before is None or before.code != rejection:
            log.error("lot_rejected", lot=lot.lot, instrument=instrument, code=rejection)
        attempts = 1 if before is None else before.attempts + 1
        due_s = self._now_s() + LOT_AGAIN.delay_s(attempts, self._jitter())
        self._rejected[lot.lot] = _RejectedLot(code=rejection, attempts=attempts, due_s=due_s)

    async def _take_rejected(self) -> None:
        """Try again what is due, as the registry tells of it now: rules change here, and what is amended there."""
        for name in [name for name, one in self._rejected.items() if one.due_s <= self._now_s()]:
            lot = await self._registry.lot(name)
            if lot is None or self._is_known(LotId(name)):
                del self._rejected[name]
            else:
                await self._take(lot)


class AccountBinder:
    """Binds every trading account to its registry account, once the exchange has opened it."""

    def __init__(self, registry: Registry, jitter: Callable[[], float] = random.random) -> None:
        """`jitter` in [0, 1) spreads what is asked again."""
        self._registry = registry
        self._jitter = jitter
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._later: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._refused: dict[tuple[str, str], tuple[RefusalCode, int]] = {}

    @property
    def refused(self) -> int:
        """How many accounts the registry does not bind at present."""
        return len(self._refused)

    def add(self, registry_account: str, trading_account: str) -> None:
        """Have these two bound. Bound before, they stay as they are."""
        self._waiting.put_nowait((registry_account, trading_account))

    async def caught_up(self) -> None:
        """Return once the registry has answered about everything that was added."""
        await self._waiting.join()

    async def run(self) -> None:
        """Bind until cancelled; each binding is repeated until the registry has agreed to it."""
        try:
            await for_each(range(BOUND_AT_A_TIME), self._work, at_a_time=BOUND_AT_A_TIME)
        finally:
            for timer in self._later.values():
                timer.cancel()
            self._later.clear()

    async def _work(self, _number: int) -> None:
        while True:
            pair = await self._waiting.get()
            self._later.pop(pair, None)
            refused = await bind(self._registry, *pair)
            self._note(pair, None if refused is None else refused.code)
            self._waiting.task_done()

    def _note(self, pair: tuple[str, str], code: RefusalCode | None) -> None:
        """Tell a new answer, and have a refused binding asked for again, later each time."""
        before, attempts = self._refused.pop(pair, (None, 0))
        if code is not before:
            if code is None:
                log.info("binding_made", account=pair[1])
            else:
                log.error("binding_refused", account=pair[1], code=code.value)
        if code is not None:
            self._refused[pair] = (code, attempts + 1)
            delay_s = BIND_AGAIN.delay_s(attempts + 1, self._jitter())
            self._later[pair] = asyncio.get_running_loop().call_later(delay_s, self.add, *pair)


async def bind(registry: Registry, registry_account: str, trading_account: str) -> BindingRefused | None:
    """Bind two accounts, asking until there is an answer; why not, if the registry refuses."""
    told: UnknownReason | None = None
    while True:
        try:
            answer = await registry.bind(registry_account, trading_account)
        except RegistryUnavailable as fault:
            if fault.why is not told:
                log.info("binding_not_answered", account=trading_account, why=fault.why.value)
            told = fault.why
            await asyncio.sleep(PAUSE_S)
            continue
        return answer if isinstance(answer, BindingRefused) else None


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
