"""Turns: what concerns one account, one request after the other, where a request has to look before it asks.

A turn is kept only while somebody has it or waits for it, so there are never more than requests under way.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from gateway.engine.sequencer import Overloaded

IN_ALL_MOST: Final = 1_000
"""Requests that have a turn or wait for one, of all accounts together."""

OF_ONE_MOST: Final = 50
"""The same, of one account."""


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Turns:
    """One turn for each account."""

    __slots__ = ("_in_all", "_turns")

    def __init__(self) -> None:
        """Nobody waits."""
        self._turns: dict[str, _Turn] = {}
        self._in_all = 0

    @asynccontextmanager
    async def of(self, account: str) -> AsyncIterator[None]:
        """Be the only one for this account while it lasts. Raises Overloaded when too many wait already."""
        turn = self._turns.get(account) or _Turn()
        if turn.users >= OF_ONE_MOST or self._in_all >= IN_ALL_MOST:
            raise Overloaded(f"{turn.users} requests for {account} wait for one another already")
        self._turns[account] = turn
        turn.users += 1
        self._in_all += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            self._in_all -= 1
            if not turn.users:
                del self._turns[account]
