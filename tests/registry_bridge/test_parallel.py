"""Doing the same for many: so many at a time and never in step, in order, and over with the first failure."""

import asyncio

import pytest

from registry_bridge.parallel import for_each

LIMIT_S = 5


async def test_answers_come_in_the_order_of_the_items_and_no_more_than_allowed_run() -> None:
    running = most = 0

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(20 - number):
            await asyncio.sleep(0)
        running -= 1
        return number * number

    assert await for_each(range(20), work, at_a_time=3) == [number * number for number in range(20)]
    assert most == 3
    assert await for_each([], work, at_a_time=3) == []


async def test_one_that_takes_long_holds_up_no_other() -> None:
    others_done = asyncio.Event()
    left = 9

    async def work(number: int) -> None:
        nonlocal left
        if number == 0:
            await others_done.wait()
            return
        left -= 1
        if not left:
            others_done.set()

    async with asyncio.timeout(LIMIT_S):
        await for_each(range(10), work, at_a_time=2)


async def test_the_first_failure_is_raised_as_itself_and_ends_the_others() -> None:
    ended: list[int] = []

    async def work(number: int) -> None:
        if number == 3:
            raise LookupError(number)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(LookupError):
            await for_each(range(100), work, at_a_time=4)
    assert sorted(ended) == [0, 1, 2]


async def test_who_is_cancelled_ends_all() -> None:
    begun = asyncio.Event()
    ended: list[int] = []

    async def work(number: int) -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    task = asyncio.create_task(for_each(range(5), work, at_a_time=2))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == [0, 1]
