"""Both sides are compared as of one entry while both go on: what differs is found, named and told, and nothing else."""

import asyncio
import os
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from registry_bridge import reconciling
from registry_bridge.back_off import BackOff
from registry_bridge.progress import Contradiction, ContradictionKind
from registry_bridge.reconcile import BreakKind, without
from registry_bridge.reconciling import Reconciler
from registry_bridge.registry import (
    AccountKind,
    Confirmed,
    JournalPage,
    Movement,
    PositionPage,
    RegistryUnavailable,
    UnknownReason,
)
from settlement.custody_events import UnitsArrived
from settlement.difference import BreakKind as CoreKind
from settlement.events import InstructionKind
from settlement.lot import MethodologyClass
from settlement.serials import Serials
from settlement.values import AccountId, LotId
from tests.registry_bridge.examples import DAY, ManualClock, issue
from tests.registry_bridge.fake_registry import FakeRegistry
from tests.registry_bridge.side import INSTRUMENT, Side

DELIVER, TRANSFER_IN = InstructionKind.DELIVER, InstructionKind.TRANSFER_IN
TRANSFER_OUT, RETIRE = InstructionKind.TRANSFER_OUT, InstructionKind.RETIRE

ARRIVED = UnitsArrived(
    account=AccountId("T-a"), notice_sequence=9, instrument=INSTRUMENT, quantity_tonnes=1, lots=()
)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "AGAIN", BackOff(first_s=0.0, longest_s=0.0))


class Paged(FakeRegistry):
    """Tells positions two ranges a page, and lets a test do something before each page."""

    between: Callable[[], object] = staticmethod(lambda: None)
    pages = 0
    journal_pages = 0
    silences = 0

    async def journal(self, after: int = 0) -> JournalPage:
        self.journal_pages += 1
        return await super().journal(after)

    async def positions(self, as_of: int | None = None, after: str | None = None) -> PositionPage:
        if self.silences:
            self.silences -= 1
            raise RegistryUnavailable(UnknownReason.TIMED_OUT)
        self.pages += 1
        whole = await super().positions(as_of)
        begin = int(after or 0)
        self.between()
        more = begin + 2 < len(whole.positions)
        return replace(
            whole, positions=whole.positions[begin : begin + 2], next=str(begin + 2) if more else None
        )


@pytest.fixture
async def registry(clock: ManualClock) -> Paged:
    registry = Paged(clock)
    for account in ("a", "b", "c"):
        await registry.open_account(account, AccountKind.INSTITUTION)
        await registry.bind(account, f"T-{account}")
    await registry.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title=""
    )
    for number, account in enumerate(("a", "b", "c"), start=1):
        await registry.issue_lot(replace(issue(f"LOT-{number}", quantity=100), applicant=account))
        await registry.transfer_by_owner(
            transfer_id=account, account=account, lot=f"LOT-{number}", serials=((1, 61),), trading_day=DAY
        )
    return registry


@pytest.fixture
async def side(registry: Paged) -> Side:
    """Agrees with the registry: it has taken its notices."""
    side = Side("T-a", "T-b", "T-c")
    async with side.feed(registry).held():
        assert side.holdings[AccountId("T-a")] == {"LOT-1": ((1, 61),)}
    return side


def reconciler(registry: Paged, side: Side) -> Reconciler:
    return Reconciler(registry, side.outbox, side.feed(registry), frozen=list, jitter=lambda: 0.0)


async def carry(registry: FakeRegistry, side: Side, movement: Movement) -> None:
    """Over the line and back."""
    answer = await registry.move(movement)
    assert isinstance(answer, Confirmed)
    await side.outbox.resolve(movement.request_id, answer)


def at_once(work: Callable[[], object]) -> Callable[[], object]:
    """Do it the first time only."""
    left = [work]
    return lambda: left.pop()() if left else None


async def test_equal_sides_are_clean_by_one_page(registry: Paged, side: Side) -> None:
    found = await reconciler(registry, side).reconcile()
    assert found.is_clean and found.positions.here == found.positions.there
    assert (found.positions.as_of, found.positions.here.totals.tonnes) == (3, 180)
    assert (registry.pages, registry.journal_pages) == (1, 0)
    assert side.breaks == []


async def test_the_journal_is_read_only_where_something_is_under_way(registry: Paged, side: Side) -> None:
    await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((1, 11),)))
    assert (await reconciler(registry, side).reconcile()).is_clean
    assert registry.journal_pages == 0
    side.instruct(DELIVER, "T-a", "T-b", ((11, 21),))
    assert (await reconciler(registry, side).reconcile()).is_clean
    assert registry.journal_pages == 1


async def test_it_waits_while_the_line_is_down(registry: Paged, side: Side) -> None:
    registry.silences = 3
    assert (await reconciler(registry, side).reconcile()).is_clean


async def test_what_the_registry_did_and_nobody_told_us_yet_is_waited_for(
    registry: Paged, side: Side
) -> None:
    movement = side.instruct(DELIVER, "T-a", "T-b", ((1, 11),))
    answer = await registry.move(movement)
    assert isinstance(answer, Confirmed)
    comparing = asyncio.create_task(reconciler(registry, side).reconcile())
    for _ in range(50):
        await asyncio.sleep(0)
    assert not comparing.done()
    await side.outbox.resolve(movement.request_id, answer)
    found = await asyncio.wait_for(comparing, 5)
    assert found.is_clean and found.positions.as_of == 4


async def test_what_is_undecided_is_not_waited_for(registry: Paged, side: Side) -> None:
    side.instruct(DELIVER, "T-a", "T-b", ((1, 11),))
    assert (await asyncio.wait_for(reconciler(registry, side).reconcile(), 5)).is_clean


@pytest.mark.parametrize(
    "asked",
    [
        (DELIVER, "T-a", "T-c", ((1, 61),)),
        (DELIVER, "T-a", "T-b", ((5, 7), (9, 10))),
        (TRANSFER_IN, "T-a", "T-a", ((61, 71),)),
        (TRANSFER_OUT, "T-a", "T-a", ((1, 61),)),
    ],
)
async def test_what_happens_after_the_entry_is_taken_back(
    registry: Paged, side: Side, asked: tuple[InstructionKind, str, str, Serials]
) -> None:
    """The registry's positions are dated first; before they are compared, both sides go on."""
    tasks: list[asyncio.Task[None]] = []

    def move() -> None:
        movement = side.instruct(*asked)
        tasks.append(asyncio.create_task(carry(registry, side, movement)))

    registry.between = at_once(move)
    found = await reconciler(registry, side).reconcile()
    await asyncio.gather(*tasks)
    assert found.is_clean and found.positions.as_of == 3
    registry.pages = 0
    assert (await reconciler(registry, side).reconcile()).positions.as_of == 4


@pytest.mark.parametrize("seed", range(30))
async def test_however_both_sides_go_on_only_what_was_planted_is_found(
    registry: Paged, side: Side, seed: int
) -> None:
    chance = random.Random(seed)
    tasks: list[asyncio.Task[None]] = []

    async def later(movement: Movement) -> None:
        answer = await registry.move(movement)
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
        await side.outbox.resolve(movement.request_id, answer)  # type: ignore[arg-type] # the fake always knows

    def go_on() -> None:
        for _ in range(chance.randrange(3)):
            account, lot, serials = chance.choice(list(side.free_serials()))
            first, end = chance.choice(serials)
            buyer = chance.choice(sorted({"T-a", "T-b", "T-c"} - {account}))
            movement = side.instruct(DELIVER, account, buyer, ((first, min(end, first + 3)),), lot)
            tasks.append(asyncio.create_task(later(movement)))

    registry.between = go_on
    for _ in range(5):
        go_on()
        await asyncio.sleep(0)
    planted = seed % 3 == 0
    if planted:
        side.give("T-c", "LOT-1", ((90, 95),))
    found = await asyncio.wait_for(reconciler(registry, side).reconcile(), 10)
    await asyncio.gather(*tasks)
    if planted:
        (one,) = found.positions.breaks
        assert (one.account, one.lot, one.only_here, one.only_there) == ("c", "LOT-1", ((90, 95),), ())
    else:
        assert found.is_clean, found


def plant_range(registry: Paged, lot: str, serials: Serials, account: str) -> None:
    """Move serials in the registry's books by hand, with no movement."""
    places = {(lot, serial): (account, "trading") for first, end in serials for serial in range(first, end)}
    registry.places |= places
    registry.history[-1] |= places


async def test_a_range_moved_by_hand_is_found_named_and_told_once(registry: Paged, side: Side) -> None:
    await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((1, 11),)))
    plant_range(registry, "LOT-1", ((21, 31),), "c")
    found = await reconciler(registry, side).reconcile()
    assert [(one.kind, one.account, one.lot) for one in found.positions.breaks] == [
        (BreakKind.RANGE_DIFFERS, "a", "LOT-1"),
        (BreakKind.MISSING_HERE, "c", "LOT-1"),
    ]
    here, there = side.breaks
    assert (here.kind, here.registry_account, here.lot_id, here.only_here, here.only_there) == (
        CoreKind.RANGE_DIFFERS,
        "a",
        "LOT-1",
        ((21, 31),),
        (),
    )
    assert here.detail == "1 transfer_in by its owner; 4 deliver x1.1"
    assert (there.kind, there.only_there) == (CoreKind.MISSING_HERE, ((21, 31),))
    assert found.positions.here.digest != found.positions.there.digest


async def test_the_trail_begins_at_the_last_clean_comparison(registry: Paged, side: Side) -> None:
    comparing = reconciler(registry, side)
    assert (await comparing.reconcile()).is_clean
    await carry(registry, side, side.instruct(DELIVER, "T-a", "T-b", ((1, 11),)))
    plant_range(registry, "LOT-1", ((21, 31),), "b")
    await comparing.reconcile()
    assert {one.detail for one in side.breaks} == {"4 deliver x1.1"}


async def test_what_differs_once_is_no_break(registry: Paged, side: Side) -> None:
    """Such as units whose owner moved them in between the entry and the notice."""

    class MovedIn(Paged):
        async def positions(self, as_of: int | None = None, after: str | None = None) -> PositionPage:
            page = await super().positions(as_of, after)
            if len(self.entries) == 3:
                await self.transfer_by_owner(
                    transfer_id="later", account="a", lot="LOT-1", serials=((61, 71),), trading_day=DAY
                )
            return page

    registry.__class__ = MovedIn
    with capture_logs() as told:
        found = await reconciler(registry, side).reconcile()
    assert found.is_clean and found.positions.here.totals.tonnes == 190
    assert [line["event"] for line in told] == ["positions_differ"]


async def test_what_arrives_while_positions_are_read_has_them_read_again(registry: Paged, side: Side) -> None:
    comparing = reconciler(registry, side)
    arrived = [False]

    def serials(account: AccountId) -> Mapping[str, Serials]:
        if not arrived[0]:
            arrived[0] = True
            side.outbox.follow(ARRIVED)
        return side.holdings[account]

    side.outbox.side = replace(side.outbox.side, serials=serials)
    with capture_logs() as told:
        assert (await comparing.reconcile()).is_clean
    assert [(line["event"], line["why"]) for line in told] == [("positions_not_compared", "Disturbed")]


async def test_a_notice_that_never_comes_does_not_hold_up_the_comparison(registry: Paged, side: Side) -> None:
    """What it would have told differs then, which is what a person has to see."""
    await registry.transfer_by_owner(
        transfer_id="later", account="a", lot="LOT-1", serials=((61, 71),), trading_day=DAY
    )
    registry.told[-1] = replace(registry.told[-1], sequence=registry.told[-1].sequence + 1)
    found = await asyncio.wait_for(reconciler(registry, side).reconcile(), 5)
    assert [(one.account, one.only_there) for one in found.positions.breaks] == [("a", ((61, 71),))]


async def test_units_that_wait_for_their_account_are_no_break(registry: Paged, side: Side) -> None:
    await registry.open_account("d", AccountKind.INDIVIDUAL)
    await registry.issue_lot(replace(issue("LOT-4", quantity=10), applicant="d"))
    await registry.transfer_by_owner(
        transfer_id="d", account="d", lot="LOT-4", serials=((1, 5),), trading_day=DAY
    )
    side.waiting_arrivals.append(("d", LotId("LOT-4"), ((1, 5),)))
    assert (await reconciler(registry, side).reconcile()).is_clean


async def test_how_accounts_differ_is_found_though_units_do_not(registry: Paged, side: Side) -> None:
    await registry.close_account("b", "By mistake")
    await registry.freeze(account="c", reason="Ordered by the authority")
    registry.bindings["a"] = replace(registry.bindings["a"], trading_account="T-other")
    side.holdings[AccountId("T-z")] = {}
    found = await reconciler(registry, side).reconcile()
    assert found.positions.is_clean and not found.is_clean
    assert [(one.kind, one.registry_account, one.detail) for one in side.breaks] == [
        (CoreKind.ACCOUNT_STATE_DIFFERS, "a", "bound there to T-other"),
        (CoreKind.ACCOUNT_STATE_DIFFERS, "b", "open here, closed there"),
        (CoreKind.ACCOUNT_STATE_DIFFERS, "c", "frozen there, not here"),
        (CoreKind.ACCOUNT_STATE_DIFFERS, "z", "open here, unknown there"),
    ]


async def test_a_registry_whose_pages_do_not_add_up_is_found(registry: Paged, side: Side) -> None:
    class Lying(Paged):
        async def positions(self, as_of: int | None = None, after: str | None = None) -> PositionPage:
            return replace(await super().positions(as_of, after), digest="f" * 64)

    registry.__class__ = Lying
    found = await reconciler(registry, side).reconcile()
    assert found.positions.is_clean
    assert [one.kind for one in found.differences] == [CoreKind.TOTALS_DIFFER]


async def test_a_contradicted_movement_does_not_hold_up_the_comparison(registry: Paged, side: Side) -> None:
    movement = side.instruct(DELIVER, "T-a", "T-b", ((1, 11),))
    await registry.move(movement)
    kind = ContradictionKind.OTHER_CONTENT
    await side.outbox.contradicted(Contradiction(kind=kind, movement=movement, earlier="one", later="other"))
    assert {(one.kind, one.registry_account, one.instruction_id) for one in side.breaks} == {
        (CoreKind.CONTRADICTORY_ANSWER, "a", "1"),
        (CoreKind.CONTRADICTORY_ANSWER, "b", "1"),
    }
    found = await asyncio.wait_for(reconciler(registry, side).reconcile(), 5)
    assert {(one.account, one.lot) for one in found.positions.breaks} == {("a", "LOT-1"), ("b", "LOT-1")}


MUTATIONS = int(os.environ.get("PUHUI_MUTATIONS", "100"))


@pytest.mark.parametrize("seed", range(10))
async def test_random_mutations_of_either_side_are_all_found_and_no_other(
    registry: Paged, side: Side, seed: int
) -> None:
    """Each time one change is made by hand, on either side, and undone."""
    chance = random.Random(seed)
    comparing = reconciler(registry, side)
    for _ in range(MUTATIONS // 10):
        account, lot = chance.choice(["a", "b", "c"]), f"LOT-{chance.randrange(1, 4)}"
        first = chance.randrange(1, 90)
        serials = ((first, first + chance.randrange(1, 10)),)
        before = {name: dict(lots) for name, lots in side.holdings.items()}
        books = dict(registry.places), dict(registry.history[-1])
        if chance.random() < 0.5:
            side.give(f"T-{account}", lot, serials)
            expected = without(serials, before[AccountId(f"T-{account}")].get(lot, ()))
            places: list[tuple[str, str, Serials, Serials]] = (
                [(account, lot, expected, ())] if expected else []
            )
        else:
            was = registry.history[-1]
            changed = {
                place: (lot, number)
                for first, end in serials
                for number in range(first, end)
                if (place := was.get((lot, number))) is not None
            }
            plant_range(registry, lot, serials, account)
            gained = without(serials, before[AccountId(f"T-{account}")].get(lot, ()))
            places = [(account, lot, (), gained)] if gained else []
            places += [
                (owner, lot, overlap_of(serials, before[AccountId(f"T-{owner}")].get(lot, ())), ())
                for owner in sorted(
                    {owner for owner, sub_account in changed if sub_account == "trading"} - {account}
                )
            ]
        found = await comparing.reconcile()
        told = [(one.account, one.lot, one.only_here, one.only_there) for one in found.positions.breaks]
        assert told == sorted(places)
        side.holdings = before
        registry.places, registry.history[-1] = books


def overlap_of(one: Serials, other: Serials) -> Serials:
    return without(one, without(one, other))


async def peak_bytes(positions: int) -> int:
    """The most memory a process has that compares so many."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.registry_bridge.endless", str(positions), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return int(told.splitlines()[-1])


async def test_memory_does_not_grow_with_the_number_of_positions() -> None:
    few, many = await peak_bytes(10_000), await peak_bytes(100_000)
    assert many < few + 3 * (1 << 20), (few, many)
