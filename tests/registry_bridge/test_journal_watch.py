"""Movements that only one side knows are found in the registry's journal; what is on its way, or was before, is not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from matching.events import Reconciled
from registry_bridge.journal_watch import JournalWatch
from registry_bridge.registry import (
    AccountKind,
    JournalPage,
    Movement,
    MovementKind,
    RefusalCode,
    Refused,
    RegistryUnavailable,
    UnknownReason,
)
from settlement.custody_events import BreakResolved
from settlement.difference import Break, BreakId, BreakKind
from settlement.events import InstructionKind
from settlement.lot import MethodologyClass
from settlement.values import AccountId, InstructionId, TradingDay
from tests.registry_bridge.examples import DAY, NOW_NS, ManualClock, deliver, issue
from tests.registry_bridge.fake_registry import FakeRegistry
from tests.registry_bridge.side import Side

DELIVER = InstructionKind.DELIVER
ONE_SIDE, CONTRADICTORY = BreakKind.MOVEMENT_ON_ONE_SIDE, BreakKind.CONTRADICTORY_ANSWER


class Paged(FakeRegistry):
    """One entry a page; is silent when a test says so."""

    silent_after: int | None = None

    async def journal(self, after: int = 0) -> JournalPage:
        if after == self.silent_after:
            raise RegistryUnavailable(UnknownReason.TIMED_OUT)
        left = [entry for entry in self.entries if entry.sequence > after]
        return JournalPage(entries=tuple(left[:1]), next=left[0].sequence if len(left) > 1 else None)


@pytest.fixture
async def registry(clock: ManualClock) -> Paged:
    registry = Paged(clock)
    for account in ("a", "b"):
        await registry.open_account(account, AccountKind.INSTITUTION)
        await registry.bind(account, f"T-{account}")
    await registry.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title=""
    )
    await registry.issue_lot(replace(issue(quantity=100), applicant="a"))
    await registry.transfer_by_owner(
        transfer_id="t", account="a", lot="LOT-1", serials=((1, 61),), trading_day=DAY
    )
    return registry


@pytest.fixture
async def side(registry: Paged) -> Side:
    side = Side("T-a", "T-b")
    async with side.feed(registry).held():
        assert side.holdings[AccountId("T-a")] == {"LOT-1": ((1, 61),)}
    return side


@asynccontextmanager
async def watching(registry: Paged, side: Side) -> AsyncIterator[JournalWatch]:
    """A watch that has looked once and looks again when it is asked to."""
    watch = JournalWatch(registry, side.outbox, side, every_s=3_600.0)
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(5):
        while side.outbox.newest_entry < len(registry.entries):  # noqa: ASYNC110 - a state of many parts
            await asyncio.sleep(0)
    yield watch
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def clean(as_of: int) -> Reconciled:
    """A close that found nothing different."""
    return Reconciled(trading_day=TradingDay(DAY), breaks=0, digest_here="", digest_there="", as_of=as_of)


async def carry(registry: FakeRegistry, side: Side, movement: Movement) -> None:
    answer = await registry.move(movement)
    assert answer is not None
    await side.outbox.resolve(movement.request_id, answer)  # type: ignore[arg-type] # the fake always knows


def forgotten(registry: Paged) -> None:
    """The registry's last movement vanishes from its books and from its journal."""
    registry.entries.pop()
    registry.history.pop()
    registry.places = dict(registry.history[-1])


async def test_what_both_sides_know_is_no_difference(registry: Paged, side: Side) -> None:
    await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((1, 6),)))
    on_its_way = side.instruct(DELIVER, "T-a", "T-b", ((6, 11),))
    async with watching(registry, side) as watch:
        assert await watch.look() == ()
        answer = await registry.move(on_its_way)
        assert await watch.look() == ()
        await side.outbox.resolve(on_its_way.request_id, answer)  # type: ignore[arg-type] # the fake always knows
        await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((11, 16),)))
        await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((90, 91),)))
        assert await watch.look() == ()
        assert await watch.look() == ()
        await registry.transfer_by_owner(
            transfer_id="t2", account="a", lot="LOT-1", serials=((61, 62),), trading_day=DAY
        )
        assert await watch.look() == ()
    assert side.breaks == []


async def test_what_was_done_before_the_start_is_known(registry: Paged, side: Side) -> None:
    await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((1, 6),)))
    await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((6, 11),)))
    async with watching(registry, side) as watch:
        assert watch.found == 0
    forgotten(registry)
    async with watching(registry, side) as watch:
        await watch.look()
        assert {one.instruction_id for one in side.breaks} == {None, "2"}
        assert watch.found == 3


async def test_what_is_forgotten_here_is_not_asked_of_memory(registry: Paged, side: Side) -> None:
    await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((1, 6),)))
    for as_of in (2, 3):
        await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((as_of * 10, as_of * 10 + 1),)))
        side.trail.reconcile(clean(as_of))
    assert (side.after, side.known_after, side.is_known(InstructionId("1"))) == (2, 3, False)
    async with watching(registry, side) as watch:
        assert await watch.look(whole=True) == ()
        await registry.move(deliver("x1.99", ((1, 6),), seller="b", buyer="a"))
        assert {one.instruction_id for one in await watch.look(whole=True)} == {"99"}


async def test_a_movement_unknown_here_is_found_once_for_all_it_touches(registry: Paged, side: Side) -> None:
    async with watching(registry, side) as watch:
        await registry.move(deliver("x1.99", ((1, 6),), seller="a", buyer="b"))
        found = await watch.look()
        assert [(one.kind, one.registry_account, one.lot_id, one.instruction_id) for one in found] == [
            (ONE_SIDE, "a", "LOT-1", "99"),
            (ONE_SIDE, "b", "LOT-1", "99"),
        ]
        assert found[0].detail == "entry 2, deliver as M2: unknown here"
        assert side.breaks == list(found)
        assert await watch.look() == ()
        assert watch.found == 2


async def test_a_movement_of_another_exchange_in_our_sub_accounts_is_found(
    registry: Paged, side: Side
) -> None:
    async with watching(registry, side) as watch:
        await registry.move(deliver("y1.1", ((1, 6),), seller="a", buyer="b"))
        found = await watch.look()
    assert {one.detail for one in found} == {"entry 2, deliver as M2: not of this exchange: y1.1"}
    assert {one.instruction_id for one in found} == {None}


async def test_what_no_owner_can_have_done_is_found(registry: Paged, side: Side) -> None:
    async with watching(registry, side) as watch:
        await registry.move(deliver("x1.9", ((1, 6),), seller="a", buyer="b"))
        registry.entries[-1] = replace(registry.entries[-1], request_id=None)
        assert registry.entries[-1].kind is MovementKind.DELIVER
        found = await watch.look()
    assert {one.detail for one in found} == {"entry 2, deliver as M2: its owner cannot have done it"}


async def test_a_movement_deleted_there_is_found(registry: Paged, side: Side) -> None:
    async with watching(registry, side) as watch:
        await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((1, 6),)))
        forgotten(registry)
        found = await watch.look()
        assert [(one.kind, one.registry_account, one.instruction_id) for one in found] == [
            (ONE_SIDE, "a", "1"),
            (ONE_SIDE, "b", "1"),
        ]
        assert found[0].detail == "confirmed here, and not in the registry's journal"
        assert await watch.look() == ()


async def test_a_movement_deleted_after_it_was_read_is_found_when_all_is_read_again(
    registry: Paged, side: Side
) -> None:
    async with watching(registry, side) as watch:
        for first in (1, 6):
            await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((first, first + 5),)))
        assert await watch.look() == ()
        forgotten(registry)
        found = await watch.look(whole=True)
        assert [one.detail for one in found if one.instruction_id is None] == [
            "the registry's journal has no entries from 3 to before 4"
        ]
        assert {one.instruction_id for one in found} == {None, "2"}


async def test_what_a_person_has_settled_is_not_told_again(registry: Paged, side: Side) -> None:
    async with watching(registry, side) as watch:
        await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((1, 6),)))
        forgotten(registry)
        found = await watch.look(whole=True)
        assert await watch.look(whole=True) == found
        for number, one in enumerate(found, 1):
            case = Break(break_id=BreakId(number), as_of=1, difference=replace(one, detail="as it was told"))
            side.trail.resolve(BreakResolved(case=case, account=None, operator="op", reason="it is so"))
        assert await watch.look(whole=True) == ()


async def test_what_was_settled_hides_no_other_movement_in_the_same_place(
    registry: Paged, side: Side
) -> None:
    async with watching(registry, side) as watch:
        await registry.move(deliver("y1.1", ((1, 6),), seller="a", buyer="b"))
        for number, one in enumerate(await watch.look(), 1):
            case = Break(break_id=BreakId(number), as_of=2, difference=one)
            side.trail.resolve(BreakResolved(case=case, account=None, operator="op", reason="it is so"))
        await registry.move(deliver("y1.2", ((1, 6),), seller="b", buyer="a"))
        found = await watch.look(whole=True)
    assert {one.detail for one in found} == {"entry 3, deliver as M3: not of this exchange: y1.2"}


async def test_what_could_not_be_told_to_the_end_is_told_again(
    registry: Paged, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(registry, side) as watch:
        await registry.move(deliver("x1.99", ((1, 6),), seller="a", buyer="b"))
        with monkeypatch.context() as patched:
            patched.setattr(side.outbox, "report", never)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await watch.look()
        assert {one.instruction_id for one in await watch.look()} == {"99"}


async def never(*_: object) -> None:
    """The core is too busy for as long as anybody waits."""
    await asyncio.Event().wait()


async def test_a_movement_entered_twice_is_found(registry: Paged, side: Side) -> None:
    async with watching(registry, side) as watch:
        await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((1, 6),)))
        registry.entries.append(replace(registry.entries[-1], sequence=3))
        found = await watch.look()
    assert {(one.kind, one.detail) for one in found} == {
        (ONE_SIDE, "entry 3, deliver as M2: done before, as entry 2")
    }


async def test_a_hole_in_the_registrys_journal_is_found(registry: Paged, side: Side) -> None:
    async with watching(registry, side) as watch:
        for first in (1, 6, 11):
            await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((first, first + 5),)))
        del registry.entries[2]
        found = await watch.look()
    assert found[0].detail == "the registry's journal has no entries from 3 to before 4"
    assert {one.instruction_id for one in found[1:]} == {"2"}


async def test_done_there_though_refused_here_is_a_contradiction(registry: Paged, side: Side) -> None:
    refused = Refused(request_id="x1.1", code=RefusalCode.LOT_FROZEN, leg=1, registry_time_ns=NOW_NS)
    async with watching(registry, side) as watch:
        movement = side.instruct(DELIVER, "T-a", "T-b", ((1, 6),))
        await side.outbox.resolve(movement.request_id, refused)
        await registry.move(movement)
        found = await watch.look()
    assert [(one.kind, one.detail) for one in found] == [
        (CONTRADICTORY, "refused, and done there as entry 2"),
        (CONTRADICTORY, "refused, and done there as entry 2"),
    ]


async def test_refused_here_though_entered_there_before_is_a_contradiction(
    registry: Paged, side: Side
) -> None:
    refused = Refused(request_id="x1.1", code=RefusalCode.LOT_FROZEN, leg=1, registry_time_ns=NOW_NS)
    async with watching(registry, side) as watch:
        movement = side.instruct(DELIVER, "T-a", "T-b", ((1, 6),))
        await registry.move(movement)
        assert await watch.look() == ()
        await side.outbox.resolve(movement.request_id, refused)
        found = await watch.look()
    assert {(one.kind, one.detail) for one in found} == {
        (CONTRADICTORY, "refused, and done there as entry 2"),
    }


async def test_a_line_that_breaks_off_loses_nothing_that_was_found(registry: Paged, side: Side) -> None:
    async with watching(registry, side) as watch:
        await registry.move(deliver("x1.98", ((1, 6),), seller="a", buyer="b"))
        await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((11, 16),)))
        registry.silent_after = 2
        with pytest.raises(RegistryUnavailable):
            await watch.look()
        assert side.breaks == []
        registry.silent_after = None
        assert {one.instruction_id for one in await watch.look()} == {"98"}


async def test_it_may_be_asked_to_look_while_it_looks(registry: Paged, side: Side) -> None:
    async with watching(registry, side) as watch:
        await registry.move(deliver("x1.97", ((1, 6),), seller="a", buyer="b"))
        found = await asyncio.gather(*(watch.look() for _ in range(4)))
        assert sorted(len(one) for one in found) == [0, 0, 0, 2]
        assert len(side.breaks) == 2
