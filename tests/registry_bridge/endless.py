"""A registry and an exchange of any number of positions, for measuring what a comparison of them takes.

Run as a program, it compares so many and prints its own peak of memory in bytes.
"""

import asyncio
import resource
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from registry_bridge.reconcile import PositionDigest
from registry_bridge.reconciling import Outcome, Reconciler
from registry_bridge.registry import (
    AccountKind,
    AccountState,
    JournalPage,
    NoticePage,
    PositionPage,
    PositionRange,
)
from settlement.serials import Serials
from settlement.values import AccountId
from tests.registry_bridge.side import Side

LOTS_EACH = 100


class Endless:
    """Registry and exchange of so many positions, told as they are asked for and kept nowhere."""

    def __init__(self, positions: int) -> None:
        self.accounts = [f"{number:06}" for number in range(positions // LOTS_EACH)]
        digest = PositionDigest()
        for position in self.ranges():
            digest.add(position)
        self.totals, self.digest = digest.totals(), digest.hexdigest()

    def ranges(self, begin: int = 0) -> Iterator[PositionRange]:
        for number in range(begin, len(self.accounts) * LOTS_EACH):
            account, lot = divmod(number, LOTS_EACH)
            yield PositionRange(
                account=self.accounts[account], lot=f"L{lot:03}", first=number, end=number + 1
            )

    async def positions(self, as_of: int | None = None, after: str | None = None) -> PositionPage:
        begin = int(after or 0)
        page = tuple(islice(self.ranges(begin), 1_000))
        more = begin + 1_000 < len(self.accounts) * LOTS_EACH
        return PositionPage(
            as_of=0,
            positions=page,
            next=str(begin + 1_000) if more else None,
            totals=self.totals,
            digest=self.digest,
        )

    async def journal(self, after: int = 0) -> JournalPage:
        return JournalPage(entries=(), next=None)

    async def notices(self, after: int = 0) -> NoticePage:
        return NoticePage(notices=(), next=None)

    async def account_state(self, account: str) -> AccountState:
        return AccountState(
            account=account, kind=AccountKind.INSTITUTION, frozen=False, closed=False, trading_account=None
        )

    def serials(self, account: AccountId) -> Mapping[str, Serials]:
        """As the registry has it, but for one tonne of the last account."""
        begin = int(account) * LOTS_EACH
        held = {f"L{lot:03}": ((begin + lot, begin + lot + 1),) for lot in range(LOTS_EACH)}
        if account == self.accounts[-1]:
            held["L000"] = ((begin, begin + 2),)
        return held


async def compared(positions: int) -> Outcome:
    """Compare so many, of which one differs, so that it goes through all levels."""
    both = Endless(positions)
    side = Side()
    side.outbox.side = replace(
        side.outbox.side,
        registry_account=str,
        accounts=lambda: map(AccountId, both.accounts),
        serials=both.serials,
    )
    registry: Any = both
    return await Reconciler(registry, side.outbox, side.feed(registry)).reconcile()


def main(positions: int) -> None:
    found = asyncio.run(compared(positions))
    (one,) = found.positions.breaks
    assert one.lot == "L000"
    assert found.positions.there.totals.tonnes == positions
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
