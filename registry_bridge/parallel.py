"""Doing the same for many, a few at a time: each as soon as one before it is done, never in step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


async def for_each(
    items: Iterable[Item], do: Callable[[Item], Awaitable[Done]], *, at_a_time: int
) -> list[Done]:
    """What came of each, in the order of the items. The first failure ends all others and is raised as itself."""
    waiting = iter(enumerate(items))
    done: dict[int, Done] = {}

    async def work() -> None:
        for number, item in waiting:
            done[number] = await do(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_a_time):
                group.create_task(work())
    except BaseExceptionGroup as failures:
        raise first_of(failures) from None
    return [done[number] for number in sorted(done)]


def first_of(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure itself out of however many groups it came in: the first is the cause, the others its company."""
    error: BaseException = failures
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
