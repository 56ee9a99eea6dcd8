import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from registry_bridge.back_off import BackOff
from registry_bridge.bridge import OVERDUE_NS, Bridge
from registry_bridge.capabilities import WHOLE_PROTOCOL, Capabilities
from registry_bridge.carrying import Variant
from registry_bridge.circuit import CircuitState
from registry_bridge.progress import Contradiction, ContradictionKind, Counts, Progress, Unclear, report
from registry_bridge.registry import (
    AccountKind,
    Answer,
    Confirmed,
    FinalAnswer,
    Movement,
    MovementKind,
    RefusalCode,
    Refused,
    RegistryUnavailable,
    Unknown,
    UnknownReason,
)
from settlement.lot import MethodologyClass
from tests.registry_bridge.examples import DAY, DEADLINE_NS, NOW_NS, ManualClock, deliver, issue
from tests.registry_bridge.fake_registry import FakeRegistry

TIMED_OUT, LOST = UnknownReason.TIMED_OUT, UnknownReason.CONNECTION_LOST


class ListOutbox:
    """The core's side: what it holds as pending, and what it was told."""

    def __init__(self, *pending: Movement) -> None:
        self.entries = {movement.request_id: movement for movement in pending}
        self.resolved: list[tuple[str, FinalAnswer]] = []
        self.told: list[Contradiction] = []
        self.changed = asyncio.Event()
        self.waiting = False

    def pending(self) -> tuple[Movement, ...]:
        return tuple(self.entries.values())

    async def wait(self) -> None:
        self.waiting = True
        await self.changed.wait()
        self.changed.clear()

    async def resolve(self, request_id: str, answer: FinalAnswer) -> None:
        await asyncio.sleep(0)
        self.resolved.append((request_id, answer))
        self.entries.pop(request_id, None)

    async def contradicted(self, found: Contradiction) -> None:
        self.told.append(found)

    def add(self, *movements: Movement) -> None:
        self.entries |= {movement.request_id: movement for movement in movements}
        self.changed.set()


class Line(FakeRegistry):
    """A registry behind a line that does what a test says, call by call, and then works."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.log: list[tuple[str, str]] = []
        self.script: list[Callable[[FinalAnswer | Unknown], Answer] | UnknownReason] = []

    async def move(self, movement: Movement) -> Answer:
        self.log.append(("move", movement.request_id))
        step = self.script.pop(0) if self.script else None
        if isinstance(step, UnknownReason):
            return Unknown(request_id=movement.request_id, why=step)
        answer = await super().move(movement)
        return step(answer) if step else answer

    async def ask(self, request_id: str) -> Answer:
        self.log.append(("ask", request_id))
        step = self.script.pop(0) if self.script else None
        if isinstance(step, UnknownReason):
            return Unknown(request_id=request_id, why=step)
        answer = await super().ask(request_id)
        return step(answer) if step else answer


def answer_lost(answer: Answer) -> Answer:
    """The registry did it, and its answer never came."""
    return Unknown(request_id=answer.request_id, why=TIMED_OUT)


async def fill(line: FakeRegistry) -> None:
    for account in ("seller", "buyer"):
        await line.open_account(account, AccountKind.INSTITUTION)
        await line.bind(account, f"T-{account}")
    await line.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title=""
    )
    await line.issue_lot(issue(quantity=100))
    await line.transfer_by_owner(
        transfer_id="t", account="seller", lot="LOT-1", serials=((1, 101),), trading_day=DAY
    )


@pytest.fixture
async def line(clock: ManualClock) -> Line:
    line = Line(clock)
    await fill(line)
    return line


class Sleeps:
    """Remembers how long it was asked to sleep; only lets others run."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, delay_s: float) -> None:
        self.asked.append(delay_s)
        await asyncio.sleep(0)


@asynccontextmanager
async def carrying(
    outbox: ListOutbox,
    line: FakeRegistry,
    sleeps: Sleeps | None = None,
    *,
    jitter: Callable[[], float] = lambda: 0.0,
    clock_ns: Callable[[], int] = lambda: NOW_NS,
    capabilities: Capabilities | None = None,
) -> AsyncIterator[Bridge]:
    bridge = Bridge(
        outbox,
        line,
        clock_ns=clock_ns,
        capabilities=capabilities,
        concurrency=2,
        sleep=sleeps or Sleeps(),
        jitter=jitter,
    )
    task = asyncio.create_task(bridge.run())
    await until(lambda: outbox.waiting)
    try:
        yield bridge
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], timeout_s: float = 5, pause_s: float = 0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is a state of many parts
            await asyncio.sleep(pause_s)


class Insistent(ListOutbox):
    """A core that asks for what was too late again at once, under a new id, and gives up at the tenth."""

    async def resolve(self, request_id: str, answer: FinalAnswer) -> None:
        await super().resolve(request_id, answer)
        if len(self.resolved) < 10:
            self.add(deliver(f"d{len(self.resolved) + 1}", ((1, 11),)))


async def test_a_platform_whose_clock_is_ahead_is_asked_ever_more_slowly(
    line: Line, clock: ManualClock
) -> None:
    sleeps, outbox = Sleeps(), Insistent(deliver("d1", ((1, 11),)))
    clock.now_ns = DEADLINE_NS + 1
    async with carrying(outbox, line, sleeps):
        async with asyncio.timeout(5):
            while len(outbox.resolved) < 10:  # noqa: ASYNC110 - a state of many parts
                await asyncio.sleep(0)
    assert {answer.code for _, answer in outbox.resolved if isinstance(answer, Refused)} == {
        RefusalCode.TOO_LATE
    }
    assert sleeps.asked == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]


async def test_what_is_too_late_by_both_clocks_is_told_at_once(line: Line, clock: ManualClock) -> None:
    sleeps, outbox = Sleeps(), Insistent(deliver("d1", ((1, 11),)))
    clock.now_ns = DEADLINE_NS + 1
    async with carrying(outbox, line, sleeps, clock_ns=lambda: DEADLINE_NS + 1):
        async with asyncio.timeout(5):
            while len(outbox.resolved) < 10:  # noqa: ASYNC110 - a state of many parts
                await asyncio.sleep(0)
    assert sleeps.asked == []


async def test_what_is_new_is_sent_and_resolved(line: Line) -> None:
    outbox = ListOutbox()
    async with carrying(outbox, line) as bridge:
        outbox.add(deliver("d1", ((1, 2),)), deliver("d2", ((500, 501),)))
        await until(lambda: len(outbox.resolved) == 2)
    answers = dict(outbox.resolved)
    assert isinstance(answers["d1"], Confirmed)
    assert isinstance(answers["d2"], Refused) and answers["d2"].code is RefusalCode.SERIALS_NOT_HELD
    assert {call for call, _ in line.log} == {"move"}
    assert bridge.progress.total == Counts(sent=2, confirmed=1, refused=1)
    assert bridge.progress.by_kind[MovementKind.DELIVER] == bridge.progress.total
    assert bridge.progress.by_kind[MovementKind.RETIRE] == Counts()
    assert bridge.progress.oldest_unknown_since_ns is None


async def test_at_the_start_everything_is_asked_about_before_anything_is_sent(line: Line) -> None:
    done = deliver("d1", ((1, 2),))
    await FakeRegistry.move(line, done)
    pending = (done, *(deliver(f"d{number}", ((number, number + 1),)) for number in range(2, 8)))
    outbox = ListOutbox(*pending)
    async with carrying(outbox, line):
        outbox.add(deliver("new", ((50, 51),)))
        await until(lambda: len(outbox.resolved) == 8)
    calls = [call for call, _ in line.log]
    assert calls == ["ask"] * 7 + ["move"] * 7
    assert ("move", "d1") not in line.log
    assert all(isinstance(answer, Confirmed) for _, answer in outbox.resolved)


async def test_a_lost_answer_is_asked_for_and_not_sent_again(line: Line) -> None:
    outbox = ListOutbox()
    line.script = [answer_lost]
    async with carrying(outbox, line) as bridge:
        outbox.add(deliver("d1", ((1, 2),)))
        await until(lambda: bool(outbox.resolved))
    assert line.log == [("move", "d1"), ("ask", "d1")]
    assert isinstance(outbox.resolved[0][1], Confirmed)
    assert bridge.progress.unknown_by_reason == {TIMED_OUT: 1}


async def test_a_lost_request_is_sent_again_under_the_same_id(line: Line) -> None:
    outbox = ListOutbox()
    line.script = [LOST, TIMED_OUT]
    async with carrying(outbox, line):
        outbox.add(deliver("d1", ((1, 2),)))
        await until(lambda: bool(outbox.resolved))
    assert line.log == [("move", "d1"), ("ask", "d1"), ("ask", "d1"), ("move", "d1")]
    assert line.moves == 1


async def test_it_never_gives_up_and_waits_longer_each_time(line: Line) -> None:
    outbox, sleeps = ListOutbox(), Sleeps()
    line.script = [UnknownReason.GARBAGE] * 12
    async with carrying(outbox, line, sleeps):
        outbox.add(deliver("d1", ((1, 2),)))
        await until(lambda: bool(outbox.resolved))
    assert sleeps.asked == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0, 30.0]


def test_jitter_takes_off_up_to_half() -> None:
    back_off = BackOff(first_s=1.0, longest_s=8.0)
    assert (back_off.delay_s(1, 0.0), back_off.delay_s(1, 0.5), back_off.delay_s(2, 0.5)) == (1.0, 0.75, 1.5)
    assert back_off.delay_s(1_000_000, 0.0) == 8.0


async def test_past_the_deadline_not_found_is_a_refusal(line: Line, clock: ManualClock) -> None:
    outbox = ListOutbox(deliver("d1", ((1, 2),)))
    clock.now_ns = DEADLINE_NS + 1
    async with carrying(outbox, line):
        await until(lambda: bool(outbox.resolved))
    assert line.log == [("ask", "d1")]
    answer = outbox.resolved[0][1]
    assert isinstance(answer, Refused) and answer.code is RefusalCode.TOO_LATE


async def test_a_registry_that_decides_later_is_asked_until_it_has(line: Line) -> None:
    outbox = ListOutbox()
    line.script = [UnknownReason.STILL_OPEN, UnknownReason.STILL_OPEN]
    async with carrying(outbox, line):
        outbox.add(deliver("d1", ((1, 2),)))
        await until(lambda: len(line.log) >= 3)
        await until(lambda: bool(outbox.resolved))
    assert line.log[:3] == [("move", "d1"), ("ask", "d1"), ("ask", "d1")]


async def test_what_is_unclear_is_dated_until_it_is_clear(line: Line) -> None:
    outbox, gate = ListOutbox(), asyncio.Event()

    async def sleep(_delay_s: float) -> None:
        await gate.wait()

    bridge = Bridge(outbox, line, clock_ns=lambda: NOW_NS, sleep=sleep)
    task = asyncio.create_task(bridge.run())
    line.script = [TIMED_OUT]
    outbox.add(deliver("d1", ((1, 2),)))
    await until(lambda: bridge.progress.total.unknown == 1)
    assert bridge.progress.oldest_unknown_since_ns == NOW_NS
    assert bridge.progress.total.in_flight == 1
    gate.set()
    await until(lambda: bool(outbox.resolved) and bridge.progress.total.in_flight == 0)
    assert bridge.progress.unknown_since_ns == {}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class CountingLine(Line):
    """Counts the calls that are under way."""

    running = most = 0

    async def move(self, movement: Movement) -> Answer:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        return await super().move(movement)


async def test_calls_at_a_time_are_bounded(clock: ManualClock) -> None:
    line, outbox = CountingLine(clock), ListOutbox()
    await fill(line)
    async with carrying(outbox, line):
        outbox.add(*(deliver(f"d{number}", ((number, number + 1),)) for number in range(1, 30)))
        await until(lambda: len(outbox.resolved) == 29)
    assert line.most == 2


def confirmed_otherwise(answer: Answer) -> Answer:
    assert isinstance(answer, Confirmed)
    return replace(answer, digest="f" * 64)


async def test_a_confirmation_of_something_else_stops_its_movement_alone(line: Line) -> None:
    outbox = ListOutbox()
    line.script = [confirmed_otherwise]
    asked = deliver("d1", ((1, 2),))
    async with carrying(outbox, line) as bridge:
        outbox.add(asked)
        await until(lambda: bool(outbox.told))
        outbox.add(deliver("d2", ((2, 3),)))
        await until(lambda: bool(outbox.resolved))
        await settled()
        (found,) = outbox.told
        assert (found.kind, found.movement) == (ContradictionKind.OTHER_CONTENT, asked)
        assert str(found) == "request d1: one movement was asked for, and then another was confirmed"
        assert bridge.progress.stopped == {"d1": found}
        assert bridge.progress.total.in_flight == 0
        assert [name for name, _ in outbox.resolved] == ["d2"]
        assert bridge.progress.unknown_since_ns == {"d1": NOW_NS}
    assert ("ask", "d1") not in line.log


async def test_a_stopped_movement_is_forgotten_once_a_person_has_settled_it(line: Line) -> None:
    outbox = ListOutbox()
    line.script = [confirmed_otherwise]
    async with carrying(outbox, line) as bridge:
        outbox.add(deliver("d1", ((1, 2),)))
        await until(lambda: bool(outbox.told))
        del outbox.entries["d1"]
        outbox.add(deliver("d2", ((2, 3),)))
        await until(lambda: bool(outbox.resolved))
        assert (bridge.progress.stopped, bridge.progress.unknown_since_ns) == ({}, {})


async def test_an_answer_other_than_an_earlier_one_stops_its_movement(line: Line) -> None:
    outbox = ListOutbox()
    asked = deliver("d1", ((1, 2),))
    async with carrying(outbox, line) as bridge:
        outbox.add(asked)
        await until(lambda: bool(outbox.resolved) and bridge.progress.total.in_flight == 0)
        refused = Refused(request_id="d1", code=RefusalCode.LOT_FROZEN, leg=1, registry_time_ns=0)
        line.script = [lambda _: refused]
        outbox.add(asked)
        await until(lambda: bool(outbox.told))
    (found,) = outbox.told
    assert found.kind is ContradictionKind.ANSWER_CHANGED
    assert (found.earlier, found.later) == ("confirmed as M2", "refused as lot_frozen (leg 1)")
    assert len(outbox.resolved) == 1


async def test_the_same_answer_again_is_no_contradiction(line: Line) -> None:
    outbox = ListOutbox()
    asked = deliver("d1", ((1, 2),))
    async with carrying(outbox, line) as bridge:
        outbox.add(asked)
        await until(lambda: len(outbox.resolved) == 1 and bridge.progress.total.in_flight == 0)
        outbox.add(asked)
        await until(lambda: len(outbox.resolved) == 2)
    assert outbox.resolved[0] == outbox.resolved[1]


async def test_an_id_used_twice_stops_its_movement(line: Line) -> None:
    outbox = ListOutbox(deliver("d1", ((1, 2),)))
    await FakeRegistry.move(line, deliver("d1", ((1, 3),)))
    line.script = [UnknownReason.NOT_SEEN]
    async with carrying(outbox, line):
        await until(lambda: bool(outbox.told))
        outbox.add(deliver("d2", ((5, 6),)))
        await until(lambda: bool(outbox.resolved))
    assert outbox.told[0].kind is ContradictionKind.ID_REUSED


async def test_a_core_that_stops_stops_the_bridge(line: Line) -> None:
    class Broken(ListOutbox):
        async def resolve(self, request_id: str, answer: FinalAnswer) -> None:
            raise RuntimeError("the journal is gone")

    outbox = Broken()
    bridge = Bridge(outbox, line, clock_ns=lambda: NOW_NS, sleep=Sleeps())
    task = asyncio.create_task(bridge.run())
    await until(lambda: outbox.waiting)
    outbox.add(deliver("d1", ((1, 2),)))
    with pytest.raises(RuntimeError, match="journal"):
        await asyncio.wait_for(task, 5)
    assert bridge.progress.total.in_flight == 0


class StormyLine(FakeRegistry):
    """Loses, delays and repeats, both ways, by a seeded choice."""

    def __init__(self, clock: ManualClock, seed: int) -> None:
        super().__init__(clock)
        self._clock_itself = clock
        self._random = random.Random(seed)
        self._late: list[Movement] = []

    async def move(self, movement: Movement) -> Answer:
        await self._weather()
        fate = self._random.random()
        if fate < 0.2:
            return Unknown(request_id=movement.request_id, why=LOST)
        if fate < 0.4:
            self._late.append(movement)
            return Unknown(request_id=movement.request_id, why=TIMED_OUT)
        answer = await super().move(movement)
        if fate < 0.6:
            self._late.append(movement)
        return answer if fate < 0.8 else answer_lost(answer)

    async def ask(self, request_id: str) -> Answer:
        await self._weather()
        answer = await super().ask(request_id)
        return answer if self._random.random() < 0.7 else answer_lost(answer)

    async def _weather(self) -> None:
        """Time passes, and what was on its way arrives, perhaps after its sender asked."""
        self._clock_itself.now_ns += self._random.randrange(200_000_000_000)
        for movement in [one for one in self._late if self._random.random() < 0.5]:
            self._late.remove(movement)
            await super().move(movement)
        await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(40))
async def test_in_any_weather_and_through_crashes_both_sides_end_agreed(
    seed: int, clock: ManualClock
) -> None:
    """Every entry ends, and is confirmed exactly when the registry did it, which it did at most once."""
    chance = random.Random(seed)
    line = StormyLine(clock, seed)
    await fill(line)
    asked = [deliver(f"d{number}", ((number, number + 1),)) for number in range(1, 21)]
    outbox = ListOutbox(*asked)
    while outbox.entries:
        # Each round ends in a crash: whatever the bridge knew is gone, what the core journaled stays.
        bridge = Bridge(outbox, line, clock_ns=clock, sleep=Sleeps(), jitter=chance.random)
        task = asyncio.create_task(bridge.run())
        for _ in range(chance.randrange(5, 60)):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    for late in asked:
        await FakeRegistry.move(line, late)
    told = dict(outbox.resolved)
    done = {entry.request_id for entry in line.entries if entry.request_id}
    assert {name for name, answer in told.items() if isinstance(answer, Confirmed)} == done
    assert told.keys() == {one.request_id for one in asked}
    assert len(line.entries) == len(done) + 1


async def test_what_is_not_admitted_is_told_of_each_movement_at_each_doubling(line: Line) -> None:
    line.script = [UnknownReason.NOT_ADMITTED] * 9
    outbox = ListOutbox()
    with capture_logs() as told:
        async with carrying(outbox, line) as bridge:
            outbox.add(deliver("d1", ((1, 11),)))
            await until(lambda: bool(outbox.resolved))
    assert bridge.progress.unknown_because_of(UnknownReason.NOT_ADMITTED) == 9
    lines = [one for one in told if one["event"] == "movement_not_admitted"]
    assert [one["times"] for one in lines] == [1, 2, 4, 8]
    assert {(one["movement"], one["log_level"]) for one in lines} == {("d1", "error")}


async def test_every_reason_is_told_first_and_at_each_doubling(line: Line) -> None:
    line.script = [TIMED_OUT, LOST, TIMED_OUT, TIMED_OUT, TIMED_OUT, LOST]
    outbox = ListOutbox()
    with capture_logs() as told:
        async with carrying(outbox, line) as bridge:
            outbox.add(deliver("d1", ((1, 11),)))
            await until(lambda: bool(outbox.resolved))
    lines = [(one["why"], one["times"]) for one in told if one["log_level"] == "warning"]
    assert lines == [
        ("timed_out", 1),
        ("connection_lost", 1),
        ("timed_out", 2),
        ("timed_out", 4),
        ("connection_lost", 2),
    ]
    assert bridge.progress.unknown_for_s(NOW_NS) == 0.0


def test_the_age_of_what_is_unclear_is_told_in_seconds() -> None:
    progress = Progress(unknown_since_ns={"d1": NOW_NS, "d2": NOW_NS + 1})
    assert progress.unknown_for_s(NOW_NS + 2_500_000_000) == 2.5


async def test_it_asks_what_the_registry_promises_before_anything_else(line: Line) -> None:
    class Shy(Line):
        silences = 3

        async def capabilities(self) -> Capabilities:
            if self.silences:
                self.silences -= 1
                raise RegistryUnavailable(TIMED_OUT)
            return await super().capabilities()

    shy, sleeps, outbox = Shy(line._clock), Sleeps(), ListOutbox()  # type: ignore[arg-type] # it is the manual one
    async with carrying(outbox, shy, sleeps) as bridge:
        assert bridge.progress.variant is Variant.DEADLINE
    assert sleeps.asked == [0.2, 0.4, 0.8]


async def test_without_idempotent_ids_what_may_have_been_sent_is_only_asked_about(
    line: Line, clock: ManualClock
) -> None:
    once = replace(WHOLE_PROTOCOL, idempotent_ids=False, cancel_tombstone=False)
    outbox = ListOutbox(deliver("d1", ((1, 2),)))
    async with carrying(outbox, line, capabilities=once):
        await until(lambda: len(line.log) > 5)
        assert {call for call, _ in line.log} == {"ask"}
        outbox.add(deliver("d2", ((2, 3),)))
        await until(lambda: bool(outbox.resolved))
        clock.now_ns = DEADLINE_NS + 1
        await until(lambda: len(outbox.resolved) == 2)
    assert [name for name, _ in outbox.resolved] == ["d2", "d1"]
    assert line.log.count(("move", "d2")) == 1
    assert ("move", "d1") not in line.log


async def test_without_the_registrys_clock_what_is_overdue_is_cancelled(
    line: Line, clock: ManualClock
) -> None:
    no_clock = replace(WHOLE_PROTOCOL, platform_clock=False)
    outbox = ListOutbox(deliver("d1", ((1, 2),)))
    ours = DEADLINE_NS + OVERDUE_NS + 1
    async with carrying(outbox, line, capabilities=no_clock, clock_ns=lambda: ours) as bridge:
        await until(lambda: bool(outbox.resolved))
    assert line.log == [("ask", "d1")]
    assert bridge.progress.total.cancelled == 1
    answer = outbox.resolved[0][1]
    assert isinstance(answer, Refused) and answer.code is RefusalCode.CANCELLED


async def test_while_the_line_rests_few_wait_for_it_and_nothing_counts_as_unknown(line: Line) -> None:
    line.script = [UnknownReason.CIRCUIT_OPEN] * 9
    outbox, sleeps = ListOutbox(), Sleeps()
    async with carrying(outbox, line, sleeps) as bridge:
        outbox.add(*(deliver(f"d{number}", ((number, number + 1),)) for number in range(1, 30)))
        await until(lambda: len(outbox.resolved) == 29)
    assert {name for _, name in line.log[:9]} == {"d1", "d2"}
    assert bridge.progress.total.unknown == 0
    assert len(sleeps.asked) == 9 and max(sleeps.asked) <= 2.0


async def test_the_report_says_how_the_line_is(line: Line) -> None:
    outbox, gate = ListOutbox(), asyncio.Event()

    async def sleep(_delay_s: float) -> None:
        await gate.wait()

    bridge = Bridge(outbox, line, clock_ns=lambda: NOW_NS, sleep=sleep)
    task = asyncio.create_task(bridge.run())
    await until(lambda: outbox.waiting)
    line.script = [TIMED_OUT, LOST]
    outbox.add(deliver("d1", ((1, 2),)), deliver("d2", ((2, 3),)))
    await until(lambda: bridge.progress.total.unknown == 2)
    found = report(bridge.progress, circuit=CircuitState.CLOSED, circuit_opened=0, most=1)
    assert found.unclear == (Unclear(request_id="d1", since_ns=NOW_NS),)
    assert found.unclear_count == 2
    assert found.total == Counts(sent=2, unknown=2, in_flight=2)
    assert found.by_kind[MovementKind.DELIVER] == found.total
    assert (found.variant, found.stopped) == (Variant.DEADLINE, ())
    gate.set()
    await until(lambda: len(outbox.resolved) == 2)
    assert found.total.confirmed == 0, "a report does not change afterwards"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
