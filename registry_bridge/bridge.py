"""The outbox driver: carries what the core holds as pending to the registry, and the final answers back.

It keeps no store. What the core still holds as pending is the outbox, and each entry's id is the
idempotency key. For every entry there is one task, which goes round

    ask ──▶ final ─────────────────────────────────▶ resolve, end
     │▲
     ▼│ not seen, deadline ahead
    send ──▶ final ────────────────────────────────▶ resolve, end
     │
     ▼ unknown
    wait (longer each time) ──▶ ask

beginning at *ask* for what was pending when the process started, since it may have been sent before, and at
*send* for what is new; nothing at all is sent before everything of the first kind has been asked about once. Nothing is ever sent with another id, and nothing is given up without a final
answer: past the deadline the registry's own "not found" is one.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import structlog

from registry_bridge.registry import (
    Answer,
    Confirmed,
    FinalAnswer,
    Movement,
    Refused,
    Registry,
    Unknown,
    UnknownReason,
)
from registry_bridge.wire import movement_digest

log = structlog.get_logger("registry_line")


class Outbox(Protocol):
    """What the exchange's core lends the bridge."""

    def pending(self) -> tuple[Movement, ...]:
        """Every movement without a final answer, oldest first; only what is journaled."""
        ...

    async def wait(self) -> None:
        """Return when something new may be pending since `pending` was last asked."""
        ...

    async def resolve(self, request_id: str, answer: FinalAnswer) -> None:
        """Give the core a final answer; returns once it is journaled. The same twice is the same once."""
        ...


class Contradiction(Exception):  # noqa: N818 - it states a fact
    """The registry said something final that differs from what it said, or was asked, before.

    Nobody can continue from here without a person: the bridge stops and passes this on.
    """

    def __init__(self, request_id: str, earlier: str, later: str) -> None:
        super().__init__(f"request {request_id}: {earlier}, and then {later}")
        self.request_id = request_id
        self.earlier = earlier
        self.later = later


@dataclass(frozen=True, kw_only=True, slots=True)
class BackOff:
    """How long to wait before asking again: doubling, with jitter, never longer than a limit."""

    first_s: float = 0.2
    longest_s: float = 30.0

    def delay_s(self, attempt: int, jitter: float) -> float:
        """For the first, second … unknown answer in a row; ``jitter`` in [0, 1) takes off up to half."""
        # The exponent is bounded: a float overflows long before a patient bridge gives up.
        whole = min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, 30))
        return whole * (1.0 - jitter / 2.0)


@dataclass(kw_only=True, slots=True)
class Progress:
    """What the operator and the metrics read; the bridge alone writes it."""

    sent: int = 0
    asked: int = 0
    confirmed: int = 0
    refused: int = 0
    unknown: int = 0
    """Answers that were not final, counted each."""
    unknown_by_reason: dict[UnknownReason, int] = field(default_factory=dict)
    in_flight: int = 0
    """Entries with a task, waiting ones included."""
    unknown_since_ns: dict[str, int] = field(default_factory=dict)
    """Entries about which nothing final is known though they may have been sent, since when."""
    contradiction: Contradiction | None = None

    @property
    def oldest_unknown_since_ns(self) -> int | None:
        """The age an operator must watch; None when nothing is unclear."""
        return min(self.unknown_since_ns.values(), default=None)

    def unknown_for_s(self, now_ns: int) -> float:
        """How long the oldest of them has been unclear; 0 when nothing is."""
        since_ns = self.oldest_unknown_since_ns
        return 0.0 if since_ns is None else (now_ns - since_ns) / 1_000_000_000

    def unknown_because_of(self, why: UnknownReason) -> int:
        """How many answers were not final for that reason."""
        return self.unknown_by_reason.get(why, 0)


class _Step(Enum):
    ASK = "ask"
    SEND = "send"


REMEMBERED_ANSWERS = 10_000
"""Final answers kept to notice one that differs later."""


class Bridge:
    """Drives one outbox over one registry. `run` until cancelled."""

    def __init__(
        self,
        outbox: Outbox,
        registry: Registry,
        *,
        clock_ns: Callable[[], int],
        concurrency: int = 4,
        back_off: BackOff | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``clock_ns`` only dates what is unclear for the operator; no decision hangs on it."""
        assert concurrency > 0
        self.progress = Progress()
        self._outbox = outbox
        self._registry = registry
        self._clock_ns = clock_ns
        self._calls = asyncio.Semaphore(concurrency)
        self._back_off = back_off or BackOff()
        self._sleep = sleep
        self._jitter = jitter
        self._working: dict[str, asyncio.Task[None]] = {}
        self._answers: dict[str, FinalAnswer] = {}
        self._unasked: set[str] = set()
        """What was pending at the start and was not asked about yet; until then nothing is sent."""
        self._all_asked = asyncio.Event()

    async def run(self) -> None:
        """Carry until cancelled.

        Raises:
            Contradiction: the registry contradicts itself or what it was asked; nothing more is carried.
            RequestIdReused: the registry has other content under an id of ours.
            Exception: whatever the outbox raises; the core may have stopped.
        """
        try:
            async with asyncio.TaskGroup() as group:
                self._begin(group)
                while True:
                    await self._outbox.wait()
                    self._start(group, _Step.SEND)
        except BaseExceptionGroup as group_error:
            # One failure stops all; the first is the cause, the others are its company.
            cause = _first(group_error)
            if isinstance(cause, Contradiction):
                self.progress.contradiction = cause
            raise cause from None
        finally:
            self._working.clear()
            self.progress.in_flight = 0

    def _begin(self, group: asyncio.TaskGroup) -> None:
        self._start(group, _Step.ASK)
        self._unasked = set(self._working)
        self._all_asked = asyncio.Event()
        if not self._unasked:
            self._all_asked.set()

    def _start(self, group: asyncio.TaskGroup, step: _Step) -> None:
        for movement in self._outbox.pending():
            if movement.request_id not in self._working:
                self._working[movement.request_id] = group.create_task(self._carry(movement, step))
        self.progress.in_flight = len(self._working)

    async def _carry(self, movement: Movement, step: _Step) -> None:
        request_id = movement.request_id
        if step is _Step.ASK:
            self._note_unknown(request_id)
        attempt = refusals = 0
        while True:
            answer = await self._call(movement, step)
            if not isinstance(answer, Unknown):
                break
            refusals += answer.why is UnknownReason.NOT_ADMITTED
            self._count_unknown(answer, refusals)
            if answer.why is UnknownReason.NOT_SEEN:
                step = _Step.SEND
                continue
            step = _Step.ASK
            attempt += 1
            await self._sleep(self._back_off.delay_s(attempt, self._jitter()))
        await self._finish(movement, answer)

    async def _call(self, movement: Movement, step: _Step) -> Answer:
        if step is _Step.SEND:
            await self._all_asked.wait()
        async with self._calls:
            if step is _Step.SEND:
                self.progress.sent += 1
                return await self._registry.move(movement)
            self.progress.asked += 1
            answer = await self._registry.ask(movement.request_id, movement.not_after_ns)
        self._unasked.discard(movement.request_id)
        if not self._unasked:
            self._all_asked.set()
        return answer

    async def _finish(self, movement: Movement, answer: FinalAnswer) -> None:
        request_id = movement.request_id
        self._check(movement, answer)
        await self._outbox.resolve(request_id, answer)
        if isinstance(answer, Confirmed):
            self.progress.confirmed += 1
        else:
            self.progress.refused += 1
        self.progress.unknown_since_ns.pop(request_id, None)
        del self._working[request_id]
        self.progress.in_flight = len(self._working)

    def _check(self, movement: Movement, answer: FinalAnswer) -> None:
        """A final answer is about what was asked, and says what any earlier one said."""
        request_id = movement.request_id
        if isinstance(answer, Confirmed) and answer.digest != movement_digest(movement):
            raise Contradiction(request_id, "one movement was asked for", "another was confirmed")
        earlier = self._answers.setdefault(request_id, answer)
        if earlier != answer:
            raise Contradiction(request_id, describe(earlier), describe(answer))
        if len(self._answers) > REMEMBERED_ANSWERS:
            del self._answers[next(iter(self._answers))]

    def _count_unknown(self, answer: Unknown, refusals: int) -> None:
        """Count it by its reason and tell it; ``refusals`` is how often this movement was not admitted so far."""
        self.progress.unknown += 1
        reasons = self.progress.unknown_by_reason
        count = reasons[answer.why] = reasons.get(answer.why, 0) + 1
        self._note_unknown(answer.request_id)
        told = {"request_id": answer.request_id, "why": answer.why.value, "detail": answer.detail}
        if answer.why is UnknownReason.NOT_ADMITTED:
            # It waits until a person has mended a key, a clock or a right: told of each movement.
            if _is_first_or_doubled(refusals):
                log.error("movement_not_admitted", **told, times=refusals)
        elif _is_first_or_doubled(count):
            log.log(_LEVELS.get(answer.why, logging.WARNING), "movement_unclear", **told, times=count)

    def _note_unknown(self, request_id: str) -> None:
        self.progress.unknown_since_ns.setdefault(request_id, self._clock_ns())


def describe(answer: FinalAnswer) -> str:
    """A final answer in words, for a person."""
    match answer:
        case Confirmed():
            return f"confirmed as {answer.movement_id}"
        case Refused():
            return f"refused as {answer.code.value} (leg {answer.leg})"


_LEVELS = {UnknownReason.NOT_SEEN: logging.INFO, UnknownReason.STILL_OPEN: logging.INFO}
"""What is part of an ordinary day; whatever is absent here is not."""


def _is_first_or_doubled(count: int) -> bool:
    """Of a fault that goes on, a person is told the first time and then at each doubling."""
    return count & (count - 1) == 0


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure itself out of however many groups it came in."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
