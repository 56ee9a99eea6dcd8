"""The day moves by itself: by the clock, and through a close that may break off at any step."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.engine.clock import ManualClock, RealClock
from gateway.engine.day_driver import DayDriver, Outside, Reconcile
from gateway.engine.history.issuing import Issuer
from matching.acts import GoOnWithoutRegistry
from matching.calendar import midnight_ns
from matching.commands import (
    AdvanceClose,
    AdvanceTime,
    AnnounceCalendar,
    ApproveAct,
    CloseDay,
    RecordReconciliation,
)
from matching.order import Side
from matching.session import Phase
from settlement.commands import Outcome, ResolveInstruction
from settlement.values import InstructionId, ParticipantId, TradingDay
from tests.gateway.engine.world import DAY, START_NS, Engine, adopting, confirmations, engine, order
from tests.matching.driver import weekdays

HOUR_NS = 3_600 * 1_000_000_000
LIMIT_S = 20


async def reconcile(day: TradingDay) -> RecordReconciliation:
    return RecordReconciliation(trading_day=day, breaks=0, digest_here="a", digest_there="a")


@asynccontextmanager
async def driven(
    running: Engine, portion: int = 1_000, reconcile: Reconcile = reconcile
) -> AsyncIterator[DayDriver]:
    """The engine's day, moved by a driver, which has to end by itself or be cancelled in order."""
    exchange = running.recovered.exchange
    driver = DayDriver(
        running.sequencer,
        running.views,
        running.clock,
        lambda: exchange.next_change_ns,
        Outside(reconcile=reconcile, issue=Issuer(running.history.statements, running.views)),
        portion=portion,
    )
    task = asyncio.create_task(driver.run())
    try:
        yield driver
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if running.sequencer.failure is None or ended is not None:
            assert isinstance(ended, asyncio.CancelledError), ended


async def until(running: Engine, condition: Callable[[], bool]) -> None:
    """Look after every commit, for a while."""
    committed = asyncio.Event()
    running.sequencer.on_commit(lambda _: committed.set())
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            committed.clear()
            await committed.wait()


async def trade(running: Engine) -> None:
    await running.do(order("seller", Side.SELL, 6_800, 40))
    for _ in range(10):
        await running.do(order("buyer", Side.BUY, 6_800, 2))


async def confirm_what_is_asked(running: Engine) -> None:
    """The registry: says yes to everything that is pending."""
    for instruction_id in list(running.views.pending_instructions):
        await running.do(
            ResolveInstruction(instruction_id=InstructionId(instruction_id), outcome=Outcome.CONFIRMED)
        )


async def test_phases_follow_a_clock_moved_by_hand(database: str) -> None:
    clock = ManualClock(midnight_ns(DAY) + 9 * HOUR_NS)
    async with engine(database, clock=clock) as running:
        await running.set_up("shanghai")
        async with driven(running):
            assert running.views.market.phase is Phase.CLOSED
            for time_ns, phase in (
                (9.25, Phase.PRE_OPEN),
                (9.5, Phase.LISTED),
                (11.5, Phase.BREAK),
                (13, Phase.LISTED),
                (14, Phase.NEGOTIATED),
            ):
                clock.move_to(midnight_ns(DAY) + int(time_ns * 4) * HOUR_NS // 4)
                await until(running, lambda phase=phase: running.views.market.phase is phase)  # type: ignore[misc]
            before = running.journal.position
            clock.move_to(midnight_ns(DAY) + 14 * HOUR_NS + 1)
            await asyncio.sleep(0)
            assert running.journal.position == before
            clock.move_to(midnight_ns(DAY) + 15 * HOUR_NS)
            await until(running, lambda: running.views.market.close is not None)
            await confirm_what_is_asked(running)
            await until(running, lambda: running.views.market.trading_day != DAY)
            assert running.views.market.trading_day == "2026-11-24"


async def test_a_close_waits_for_the_registry_without_asking_again_and_again(database: str) -> None:
    async with engine(database) as running:
        await running.set_up()
        await trade(running)
        async with driven(running, portion=4):
            await running.do(CloseDay(trading_day=DAY))
            await until(running, lambda: len(running.views.pending_instructions) == 3)
            await until(running, lambda: _steps(running)["registry"] == (0, 10))
            position = running.journal.position
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert running.journal.position == position
            await confirm_what_is_asked(running)
            await until(running, lambda: running.views.market.trading_day != DAY)
        close = running.views.market.close
        assert close is not None
        assert (close.state, close.breaks) == ("done", 0)
        buyer = running.views.account("buyer")
        assert buyer is not None
        assert (buyer.units["SHCERCIR1"].available, buyer.units["SHCERCIR1"].bought_today) == (20, 0)
        assert sum(lot.quantity_tonnes for lot in running.views.lots("buyer")) == 20


async def test_a_calendar_that_ran_out_is_waited_for_without_asking_again(database: str) -> None:
    day = TradingDay("2026-12-31")
    clock = ManualClock(midnight_ns(day) + 10 * HOUR_NS)
    async with engine(database, clock=clock) as running:
        await running.set_up("shanghai", day)
        async with driven(running):
            clock.move_to(midnight_ns(day) + 15 * HOUR_NS)
            await until(running, lambda: _at_hand(running) == "roll_date")
            for ahead_h in (16, 34):
                position = running.journal.position
                clock.move_to(midnight_ns(day) + ahead_h * HOUR_NS)
                for _ in range(20):
                    await asyncio.sleep(0.001)
                assert running.journal.position == position, "nothing is due"
            await running.do(AnnounceCalendar(announcement=weekdays("2027-01-01", 7)))
            await until(running, lambda: running.views.market.trading_day != day)
            assert running.views.market.trading_day == "2027-01-01"


def _at_hand(running: Engine) -> str | None:
    close = running.views.market.close
    return None if close is None or close.at_hand is None else close.at_hand.name


def _steps(running: Engine) -> dict[str, tuple[int, int]]:
    close = running.views.market.close
    return {} if close is None else {step.name: (step.done, step.total) for step in close.steps}


@pytest.mark.parametrize("advances", range(8))
async def test_a_close_that_broke_off_is_gone_on_with(database: str, advances: int) -> None:
    async with engine(database, final_snapshot=advances % 2 == 0) as running:
        await running.set_up()
        await trade(running)
        await running.do(CloseDay(trading_day=DAY))
        for _ in range(advances):
            entries = await running.do(AdvanceClose(trading_day=DAY, portion=5))
            if advances > 5:
                await running.do(*confirmations(entries))
    async with engine(database) as running, driven(running):
        await until(running, lambda: _steps(running)["registry"][1] > 0)
        await confirm_what_is_asked(running)
        await until(running, lambda: running.views.market.trading_day != DAY)
        running.recovered.exchange.check()
        buyer = running.views.account("buyer")
        assert buyer is not None
        assert buyer.units["SHCERCIR1"].available == 20


async def test_a_driver_ends_with_the_sequencer(database: str) -> None:
    async with engine(database) as running:
        await running.set_up()
        await running.do(CloseDay(trading_day=DAY))
        outside = Outside(reconcile=reconcile, issue=Issuer(running.history.statements, running.views))
        driver = DayDriver(running.sequencer, running.views, running.clock, lambda: None, outside)
        await running.sequencer.drain()
        await asyncio.wait_for(driver.run(), LIMIT_S)


def test_a_manual_clock_only_moves_forward() -> None:
    clock = ManualClock(START_NS)
    moves: list[int] = []
    clock.on_move(lambda: moves.append(clock.now_ns()))
    assert clock.timeout_s(START_NS) == 0
    assert clock.timeout_s(START_NS + 1) is None
    clock.move_to(START_NS + 1)
    clock.move_to(START_NS + 1)
    with pytest.raises(ValueError, match="only moves forward"):
        clock.move_to(START_NS)
    assert moves == [START_NS + 1, START_NS + 1]


def test_the_real_clock_says_how_long_to_sleep() -> None:
    clock = RealClock()
    assert clock.timeout_s(clock.now_ns() - 1) == 0
    timeout_s = clock.timeout_s(clock.now_ns() + 10_000_000_000)
    assert timeout_s is not None
    assert 9 < timeout_s <= 10
    assert AdvanceTime() == AdvanceTime()


async def test_two_persons_let_a_close_go_on_without_a_registry_that_is_gone(database: str) -> None:
    gone = asyncio.Event()

    async def never(_: TradingDay) -> RecordReconciliation:
        gone.set()
        await asyncio.Event().wait()
        raise AssertionError("it is gone")

    async def go_on() -> None:
        act = GoOnWithoutRegistry(operator=ParticipantId("o1"), reason="it is gone", trading_day=DAY)
        (asked,) = await running.do(act)
        await running.do(ApproveAct(operator=ParticipantId("o2"), approval_id=asked.seq))

    async with engine(database) as running:
        await running.set_up()
        await running.do(adopting(("two_person_acts", "go_on_without_registry")))
        await trade(running)
        async with driven(running, reconcile=never):
            await running.do(CloseDay(trading_day=DAY))
            await until(running, lambda: _steps(running)["registry"] == (0, 10))
            await go_on()
            async with asyncio.timeout(LIMIT_S):
                await gone.wait()
            await go_on()
            await until(running, lambda: running.views.market.trading_day != DAY)
        assert running.views.pending_instructions
        await confirm_what_is_asked(running)
        account = running.views.account("buyer")
        assert account is not None
        assert account.balance("SHCERCIR1").available == 20
