"""Follows what the registry tells unasked, without a gap, and hands each notice to the core as a command."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from registry_bridge.back_off import BackOff
from registry_bridge.registry import Notice, NoticeKind, Registry, RegistryUnavailable
from registry_bridge.upkeep import as_lot
from settlement import notice as core
from settlement.commands import TakeNotice
from settlement.lot import Lot, MethodologyClass
from settlement.values import AssetCode, LotId

log = structlog.get_logger("registry_line")

NOTICES_EVERY_S = 2.0
AGAIN = BackOff(first_s=2.0, longest_s=60.0)
"""When notices are asked for again that did not come, or came with a gap, or were not taken."""

_ABOUT_LOTS = (NoticeKind.LOT_ISSUED, NoticeKind.LOT_CHANGED)


class NoticesIncomplete(Exception):  # noqa: N818 - it states a fact
    """The next notice is not there, or was not taken: those after it must wait."""


class NoticeFeed:
    """Takes notices in their order from the one after the core's last. `run` until cancelled."""

    def __init__(
        self,
        registry: Registry,
        *,
        cursor: Callable[[], int],
        take: Callable[[TakeNotice], Awaitable[str | None]],
        instrument_of: Callable[[MethodologyClass], AssetCode | None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`cursor` is the sequence of the last notice taken, as journaled; `take` gives the code of a rejection, or
        None; `instrument_of` names the instrument of a class, if one is listed.
        """
        self._registry = registry
        self._cursor = cursor
        self._take = take
        self._instrument_of = instrument_of
        self._jitter = jitter
        self._one_reader = asyncio.Lock()
        self.waits_at: int | None = None
        """The notice that should come next and did not, or was not taken: an operator has to look. None when all is well."""

    async def run(self) -> None:
        """Follow until cancelled. While the line is down nothing is learnt, and asked again."""
        failures = 0
        while True:
            try:
                async with self._one_reader:
                    await self._catch_up()
            except RegistryUnavailable as fault:
                failures += 1
                log.info("notices_not_read", why=fault.why.value)
            except NoticesIncomplete as fault:
                failures += 1
                log.critical("notices_incomplete", next=self.waits_at, what=str(fault))
            else:
                failures = 0
            await asyncio.sleep(AGAIN.delay_s(failures, self._jitter()) if failures else NOTICES_EVERY_S)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Have everything taken that is there, and then nothing more for a while.

        Where a notice is missing or was not taken, those after it wait on: what they would have changed differs then.

        Raises:
            RegistryUnavailable: it could not be read.
        """
        async with self._one_reader:
            with suppress(NoticesIncomplete):  # `waits_at` says so, and `run` tells of it
                await self._catch_up()
            yield

    async def _catch_up(self) -> None:
        following: int | None = self._cursor()
        while following is not None:
            page = await self._registry.notices(following)
            for notice in page.notices:
                await self._tell(notice)
            following = page.next
        self.waits_at = None

    async def _tell(self, notice: Notice) -> None:
        expected = self._cursor() + 1
        if notice.sequence < expected:
            return
        if notice.sequence > expected:
            self.waits_at = expected
            raise NoticesIncomplete(f"{notice.sequence} came instead")
        rejection = await self._take(TakeNotice(notice=as_notice(notice, await self._lot(notice))))
        if rejection is not None:
            self.waits_at = expected
            raise NoticesIncomplete(f"it was rejected: {rejection}")

    async def _lot(self, notice: Notice) -> Lot | None:
        """The lot a notice is about, as it is now, if its class is listed; the others come when theirs is."""
        if notice.kind not in _ABOUT_LOTS or notice.lot is None:
            return None
        found = await self._registry.lot(notice.lot)
        instrument = None if found is None else self._instrument_of(found.methodology_class)
        return None if found is None or instrument is None else as_lot(found, instrument)


def as_notice(notice: Notice, lot: Lot | None) -> core.Notice:
    """A notice as the core takes it; its kinds have the same names on both sides."""
    return core.Notice(
        sequence=notice.sequence,
        kind=core.NoticeKind(notice.kind.value),
        registry_account=notice.account,
        lot_id=None if notice.lot is None else LotId(notice.lot),
        serials=notice.serials,
        lot=lot,
        reason=notice.reason,
        journal_sequence=notice.journal_sequence,
    )
