"""Orders handed in without anybody waiting for them: what became of each is told in a turn of its own, after the commit.

A task for each order, woken for its answer, would cost more than deciding the order. Only what has to be looked up first, the
answer to a repeated request, gets one.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from gateway.engine.entry import Entry
from gateway.engine.sequencer import Stopped, TooLate
from gateway.http.listed.answers import submitted
from gateway.http.listed.orders import OrderRequest, order_command
from gateway.http.replays import first_answer
from gateway.http.routing import Call, Reply
from gateway.http.services import Services
from matching.events import Replayed

Answered: TypeAlias = Callable[[Reply | Exception], None]
"""Takes the answer, or why there is none: Refused, Stopped, or a fault of ours."""


class Submissions:
    """Every order on its way to its decision."""

    __slots__ = ("_looking_up", "_services")

    def __init__(self, services: Services) -> None:
        """None yet."""
        self._services = services
        self._looking_up: set[asyncio.Task[None]] = set()

    def hand_in(
        self, call: Call, order: OrderRequest, answer: Answered, *, way: Callable[[float], None]
    ) -> None:
        """Have an order decided. `answer` is called once, in a turn of its own; `way` counts how long the decision took.

        Raises Refused, Overloaded and Stopped; `answer` is not called then.
        """
        command = order_command(call, order, order.client_order_id)
        loop, told = asyncio.get_running_loop(), partial(self._told, answer, way, time.perf_counter())

        def tell(outcome: Entry | TooLate | Stopped) -> None:
            loop.call_soon(told, outcome)

        self._services.sequencer.hand_in(command, tell)

    def _told(
        self,
        answer: Answered,
        way: Callable[[float], None],
        started_s: float,
        outcome: Entry | TooLate | Stopped,
    ) -> None:
        if not isinstance(outcome, Entry):
            answer(outcome)
        elif type(outcome.events[-1]) is Replayed:
            self._look_up(outcome, answer)
        else:
            way(time.perf_counter() - started_s)
            answer(_answer_of(outcome, replayed=False))

    def _look_up(self, entry: Entry, answer: Answered) -> None:
        """Find the first answer, and give it again."""

        async def find() -> None:
            try:
                found: Reply | Exception = _answer_of(
                    await first_answer(self._services, entry), replayed=True
                )
            except Exception as error:  # noqa: BLE001 - told to whoever answers, who judges it
                found = error
            answer(found)

        task = asyncio.get_running_loop().create_task(find())
        self._looking_up.add(task)
        task.add_done_callback(self._looking_up.discard)


def _answer_of(entry: Entry, *, replayed: bool) -> Reply | Exception:
    try:
        return submitted(entry, replayed=replayed)
    except Exception as error:  # noqa: BLE001 - a refusal, or a fault of ours: told to whoever answers, who judges it
        return error
