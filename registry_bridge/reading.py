"""Reading what is long in many calls, where one that fails should not spoil those that went well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from registry_bridge.back_off import BackOff
from registry_bridge.registry import RegistryUnavailable

Read = TypeVar("Read")

TRIES = 5
AGAIN = BackOff(first_s=0.1, longest_s=2.0)


async def read(call: Callable[[], Awaitable[Read]], jitter: Callable[[], float]) -> Read:
    """Ask, and when nothing trustworthy comes back ask again a few times; nothing is changed by asking.

    Raises:
        RegistryUnavailable: as often in a row as is tried.
    """
    for attempt in range(1, TRIES):
        try:
            return await call()
        except RegistryUnavailable:
            await asyncio.sleep(AGAIN.delay_s(attempt, jitter()))
    return await call()
