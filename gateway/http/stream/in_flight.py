"""A connection's requests that wait for their answers: a bounded number, each answered or refused once.

They enter the exchange in the order in which they came, whatever each of them is: an order needs no task, but does not
overtake what was given one and has not begun.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from gateway.http.dispatch import Dispatcher, unexpected
from gateway.http.listed.orders import OrderRequest, submit_order
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import Refused, refusal
from gateway.http.routing import Call, Reply
from gateway.request_ids import SERVING

RequestId: TypeAlias = str | int | None
"""The client's own, given back with the answer."""

SIGNED_TARGET: Final = "/v1/ws"


class InFlight:
    """Those of one connection."""

    __slots__ = ("_answer", "_dispatcher", "_handed_in", "_most", "_not_begun", "_refuse", "_tasks")

    def __init__(
        self,
        dispatcher: Dispatcher,
        most: int,
        answer: Callable[[RequestId, Reply], None],
        refuse: Callable[[RequestId, Refused], None],
    ) -> None:
        """None yet; at most so many at one time. `answer` and `refuse` tell the client."""
        self._dispatcher = dispatcher
        self._most = most
        self._answer = answer
        self._refuse = refuse
        self._tasks: set[asyncio.Task[None]] = set()
        self._not_begun = 0
        """Of the tasks, those whose turn is still to come: what they ask for is not in the queue yet."""
        self._handed_in = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything is answered."""
        return not self._tasks and not self._handed_in

    def start(self, work: Callable[[], Awaitable[None]], request_id: RequestId) -> None:
        """Begin what answers by itself. Raises Refused when there are too many."""
        self._require_room()

        async def run() -> None:
            self._not_begun -= 1
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the last place where a fault of ours can be answered
                self._refuse(request_id, self._as_refused(error))

        self._not_begun += 1
        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def hand_in(self, call: Call, order: OrderRequest, request_id: RequestId) -> None:
        """Have an order decided; it is decided also when nobody listens any more. Raises Refused."""
        if self._not_begun:
            self.start(lambda: self._submit(call, request_id), request_id)
            return
        self._require_room()

        def answered(outcome: Reply | Exception) -> None:
            SERVING.set(call.request_id)  # of a turn of its own
            self._handed_in -= 1
            if isinstance(outcome, Reply):
                self._answer(request_id, outcome)
            else:
                self._refuse(request_id, self._as_refused(outcome))

        by_ws = call.services.metrics.door.order_by_ws.observe
        try:
            self._dispatcher.submissions.hand_in(call, order, answered, way=by_ws)
        except Exception as error:  # noqa: BLE001 - the last place where a fault of ours can be answered
            raise self._as_refused(error) from None
        self._handed_in += 1

    def cancel(self) -> None:
        """Nobody listens any more."""
        for task in self._tasks:
            task.cancel()

    async def _submit(self, call: Call, request_id: RequestId) -> None:
        self._answer(request_id, await submit_order(call))

    def _require_room(self) -> None:
        if len(self._tasks) + self._handed_in >= self._most:
            raise refusal(reasons.TOO_MANY_IN_FLIGHT, limit=self._most)

    def _as_refused(self, error: Exception) -> Refused:
        if isinstance(error, Refused):
            return error
        return unexpected(error, SIGNED_TARGET, changes=True)
