"""A process lives until it is asked to stop, or until something it needs is gone; then it says what."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack

import pytest

from gateway.faults import ServiceLost
from gateway.lifetime import Lifetime


async def forever() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    await asyncio.sleep(0)
    raise RuntimeError("the disk is gone")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_in_order(number: signal.Signals) -> None:
    lifetime, order = Lifetime(), list[str]()
    async with AsyncExitStack() as stack:
        lifetime.listen(stack)
        stack.callback(order.append, "database")
        task = lifetime.run(stack, "work", forever())
        stack.callback(order.append, "door")
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
        await lifetime.last()
    assert order == ["door", "database"]
    assert task.cancelled()


async def run_and_lose() -> None:
    lifetime = Lifetime()
    async with AsyncExitStack() as stack:
        lifetime.listen(stack)
        lifetime.run(stack, "sequencer", fails())
        await lifetime.last()


async def test_what_it_cannot_be_without_ends_it_by_name() -> None:
    with pytest.raises(ServiceLost, match="sequencer: the disk is gone") as lost:
        await run_and_lose()
    assert isinstance(lost.value.__cause__, RuntimeError)


async def start_and_lose() -> None:
    lifetime = Lifetime()
    async with AsyncExitStack() as stack:
        lifetime.listen(stack)
        lifetime.run(stack, "sequencer", fails())
        await forever()


async def test_a_start_that_cannot_succeed_does_not_wait() -> None:
    with pytest.raises(ServiceLost, match="the disk is gone"):
        await asyncio.wait_for(asyncio.create_task(start_and_lose()), 5)


async def test_a_signal_during_the_start_cancels_it() -> None:
    closed = list[str]()

    async def start() -> None:
        lifetime = Lifetime()
        async with AsyncExitStack() as stack:
            lifetime.listen(stack)
            stack.callback(closed.append, "database")
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
            await forever()

    starting = asyncio.create_task(start())
    await asyncio.wait({starting}, timeout=5)
    assert starting.cancelled()
    assert closed == ["database"]
