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
*send* for what is new; nothing at all is sent before everything of the first kind has been asked about once. Nothing is
ever sent with another id, and nothing is given up without a final answer. That is the whole of it with a platform that
keeps the whole protocol; what changes with one that promises less is decided in `carrying`.

An answer that contradicts an earlier one stops its movement and nothing else: it is told to the core, which keeps what
the movement touches from being used until a person has looked.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from structlog.contextvars import bind_contextvars

from registry_bridge.back_off import BackOff
from registry_bridge.capabilities import Capabilities
from registry_bridge.carrying import Policy, Standing, Step, begin, heard, policy_of
from registry_bridge.parallel import first_of
from registry_bridge.progress import Contradiction, ContradictionKind, Counts, Progress
from registry_bridge.registry import (
    Answer,
    Confirmed,
    FinalAnswer,
    Movement,
    RefusalCode,
    Refused,
    Registry,
    RegistryUnavailable,
    RequestIdReused,
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

    async def contradicted(self, found: Contradiction) -> None:
        """Tell the core what cannot be so; returns once it is journaled. The same twice is the same once."""
        ...


REMEMBERED_ANSWERS = 10_000
"""Final answers kept to notice one that differs later."""

OVERDUE_NS = 60_000_000_000
"""How long past its deadline, by our own clock, a movement is overdue. It only chooses when to cancel."""

RESTING = BackOff(first_s=0.2, longest_s=2.0)
"""How long to wait while the line is given a rest. Not long: so many calls at most wait as may run at a time."""


class Bridge:
    """Drives one outbox over one registry. `run` until cancelled."""

    def __init__(
        self,
        outbox: Outbox,
        registry: Registry,
        *,
        clock_ns: Callable[[], int],
        capabilities: Capabilities | None = None,
        concurrency: int = 4,
        back_off: BackOff | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``clock_ns`` dates what is unclear and tells what is overdue; nothing is given up by it.

        ``capabilities`` is the platform's record where it does not serve one itself.
        """
        assert concurrency > 0
        self.progress = Progress()
        self._outbox = outbox
        self._registry = registry
        self._clock_ns = clock_ns
        self._capabilities = capabilities
        self._calls = asyncio.Semaphore(concurrency)
        self._back_off = back_off or BackOff()
        self._sleep = sleep
        self._jitter = jitter
        self._working: dict[str, asyncio.Task[None]] = {}
        self._answers: dict[str, FinalAnswer] = {}
        self._too_early = 0
        """Refusals as too late in a row that came while the deadline was ahead by our own clock."""
        self._unasked: set[str] = set()
        """What was pending at the start and was not asked about yet; until then nothing is sent."""
        self._all_asked = asyncio.Event()

    async def run(self) -> None:
        """Carry until cancelled.

        Raises:
            NothingIsSafe: no way of carrying fits the platform.
            Exception: whatever the outbox raises; the core may have stopped.
        """
        policy = policy_of(self._capabilities or await self._promised())
        self.progress.variant = policy.variant
        try:
            async with asyncio.TaskGroup() as group:
                self._begin(group, policy)
                while True:
                    await self._outbox.wait()
                    self._start(group, policy, is_new=True)
        except BaseExceptionGroup as group_error:
            raise first_of(group_error) from None
        finally:
            self._working.clear()
            for counts in self.progress.by_kind.values():
                counts.in_flight = 0

    async def _promised(self) -> Capabilities:
        """The platform's own record, asked for until it answers; nothing can be carried before."""
        attempt = 0
        while True:
            try:
                return await self._registry.capabilities()
            except RegistryUnavailable as fault:
                attempt += 1
                if _is_first_or_doubled(attempt):
                    log.warning("promises_unknown", why=fault.why.value, detail=fault.detail, times=attempt)
            await self._sleep(self._back_off.delay_s(attempt, self._jitter()))

    def _begin(self, group: asyncio.TaskGroup, policy: Policy) -> None:
        self._start(group, policy, is_new=False)
        self._unasked = set(self._working)
        self._all_asked = asyncio.Event()
        if not self._unasked:
            self._all_asked.set()

    def _start(self, group: asyncio.TaskGroup, policy: Policy, *, is_new: bool) -> None:
        pending = self._outbox.pending()
        for movement in pending:
            name = movement.request_id
            if name not in self._working and name not in self.progress.stopped:
                self._working[name] = group.create_task(self._carry(movement, policy, is_new=is_new))
                self._counts(movement).in_flight += 1
        if self.progress.stopped:
            names = {movement.request_id for movement in pending}
            for name in self.progress.stopped.keys() - names:
                # A person has settled it with the core.
                del self.progress.stopped[name]
                self.progress.unknown_since_ns.pop(name, None)

    async def _carry(self, movement: Movement, policy: Policy, *, is_new: bool) -> None:
        # In every line of this task, and with each of its calls.
        bind_contextvars(movement=movement.request_id, request_id=movement.asked_by or movement.request_id)
        standing: Standing | FinalAnswer = begin(is_new=is_new)
        if not is_new:
            self._note_unknown(movement.request_id)
        attempt = not_admitted = 0
        while isinstance(standing, Standing):
            if standing.waits:
                attempt += 1
                await self._sleep(self._back_off.delay_s(attempt, self._jitter()))
            try:
                answer = await self._call(movement, standing.step)
            except RequestIdReused:
                kind = ContradictionKind.ID_REUSED
                await self._stop(
                    kind, movement, "it was asked for this", "it knows the id with other content"
                )
                return
            if isinstance(answer, Unknown):
                not_admitted += answer.why is UnknownReason.NOT_ADMITTED
                self._count_unknown(movement, answer, not_admitted)
            overdue = self._clock_ns() > movement.not_after_ns + OVERDUE_NS
            standing = heard(policy, standing, answer, not_after_ns=movement.not_after_ns, overdue=overdue)
        await self._finish(movement, standing)

    async def _call(self, movement: Movement, step: Step) -> Answer:
        """Take the step once the line lets it through."""
        if step is Step.SEND:
            await self._all_asked.wait()
        rests = 0
        async with self._calls:
            while True:
                answer = await self._take(movement, step)
                if not (isinstance(answer, Unknown) and answer.why is UnknownReason.CIRCUIT_OPEN):
                    break
                rests += 1
                await self._sleep(RESTING.delay_s(rests, self._jitter()))
        if step is Step.ASK:
            self._unasked.discard(movement.request_id)
            if not self._unasked:
                self._all_asked.set()
        return answer

    async def _take(self, movement: Movement, step: Step) -> Answer:
        counts = self._counts(movement)
        match step:
            case Step.SEND:
                counts.sent += 1
                return await self._registry.move(movement)
            case Step.ASK:
                counts.asked += 1
                return await self._registry.ask(movement.request_id)
            case Step.CANCEL:
                counts.cancelled += 1
                return await self._registry.cancel(movement.request_id)

    async def _finish(self, movement: Movement, answer: FinalAnswer) -> None:
        """A final answer is about what was asked, and says what any earlier one said; then it is the core's."""
        if isinstance(answer, Confirmed) and answer.digest != movement_digest(movement):
            kind = ContradictionKind.OTHER_CONTENT
            await self._stop(kind, movement, "one movement was asked for", "another was confirmed")
            return
        earlier = self._answers.setdefault(movement.request_id, answer)
        if earlier != answer:
            kind = ContradictionKind.ANSWER_CHANGED
            await self._stop(kind, movement, describe(earlier), describe(answer))
            return
        if len(self._answers) > REMEMBERED_ANSWERS:
            del self._answers[next(iter(self._answers))]
        await self._wait_for_clocks(movement, answer)
        await self._outbox.resolve(movement.request_id, answer)
        counts = self._counts(movement)
        if isinstance(answer, Confirmed):
            counts.confirmed += 1
        else:
            counts.refused += 1
        self.progress.unknown_since_ns.pop(movement.request_id, None)
        self._leave(movement)

    async def _wait_for_clocks(self, movement: Movement, answer: FinalAnswer) -> None:
        """Be slow to tell what comes of clocks that disagree: the core asks again at once, under a new id each time."""
        if isinstance(answer, Confirmed):
            self._too_early = 0
        elif answer.code is RefusalCode.TOO_LATE and self._clock_ns() < movement.not_after_ns:
            self._too_early += 1
            if _is_first_or_doubled(self._too_early):
                log.error("too_late_too_early", movement=movement.request_id, times=self._too_early)
            if self._too_early > 1:
                await self._sleep(self._back_off.delay_s(self._too_early - 1, self._jitter()))

    async def _stop(self, kind: ContradictionKind, movement: Movement, earlier: str, later: str) -> None:
        """Let this movement stand still, and the core know why; all others go on."""
        found = Contradiction(kind=kind, movement=movement, earlier=earlier, later=later)
        name = movement.request_id
        log.critical("registry_contradicts", movement=name, kind=kind.value, earlier=earlier, later=later)
        self.progress.stopped[name] = found
        self._note_unknown(name)
        await self._outbox.contradicted(found)
        self._leave(movement)

    def _leave(self, movement: Movement) -> None:
        del self._working[movement.request_id]
        self._counts(movement).in_flight -= 1

    def _counts(self, movement: Movement) -> Counts:
        return self.progress.by_kind[movement.kind]

    def _count_unknown(self, movement: Movement, answer: Unknown, not_admitted: int) -> None:
        """Count it by its reason and tell it; ``not_admitted`` is how often this movement was not so far."""
        self._counts(movement).unknown += 1
        reasons = self.progress.unknown_by_reason
        count = reasons[answer.why] = reasons.get(answer.why, 0) + 1
        self._note_unknown(answer.request_id)
        told = {"movement": answer.request_id, "why": answer.why.value, "detail": answer.detail}
        if answer.why is UnknownReason.NOT_ADMITTED:
            # It waits until a person has mended a key, a clock or a right: told of each movement.
            if _is_first_or_doubled(not_admitted):
                log.error("movement_not_admitted", **told, times=not_admitted)
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
