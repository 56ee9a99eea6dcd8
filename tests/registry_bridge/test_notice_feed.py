"""Every notice reaches the core once, in its order and without a gap, whatever the line and the core do."""

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from registry_bridge import notice_feed
from registry_bridge.back_off import BackOff
from registry_bridge.notice_feed import NoticeFeed
from registry_bridge.registry import (
    AccountKind,
    NoticeKind,
    NoticePage,
    RegistryLot,
    RegistryUnavailable,
    UnknownReason,
)
from settlement.commands import TakeNotice
from settlement.lot import MethodologyClass
from settlement.notice import NoticeKind as CoreKind
from settlement.values import AssetCode
from tests.registry_bridge.examples import DAY, ManualClock, issue
from tests.registry_bridge.fake_registry import FakeRegistry
from tests.registry_bridge.test_exchange_side import run_until


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_feed, "NOTICES_EVERY_S", 0.0)
    monkeypatch.setattr(notice_feed, "AGAIN", BackOff(first_s=0.0, longest_s=0.0))


class Core:
    """Takes notices, or rejects them; what it took survives the feed."""

    def __init__(self) -> None:
        self.taken: list[TakeNotice] = []
        self.rejection: str | None = None
        self.listed = {MethodologyClass.I: AssetCode("CLASS-I")}

    async def take(self, command: TakeNotice) -> str | None:
        await asyncio.sleep(0)
        if self.rejection is None:
            self.taken.append(command)
        return self.rejection

    def feed(self, registry: FakeRegistry) -> NoticeFeed:
        return NoticeFeed(
            registry, cursor=lambda: len(self.taken), take=self.take, instrument_of=self.listed.get
        )

    def kinds(self) -> list[CoreKind]:
        return [command.notice.kind for command in self.taken]


class Paged(FakeRegistry):
    """Tells two notices a page; is silent when a test says so."""

    silences = 0
    hidden: int | None = None

    async def notices(self, after: int = 0) -> NoticePage:
        if self.silences:
            self.silences -= 1
            raise RegistryUnavailable(UnknownReason.TIMED_OUT)
        told = [one for one in self.told if one.sequence > after and one.sequence != self.hidden]
        page = tuple(told[:2])
        return NoticePage(notices=page, next=page[-1].sequence if len(told) > 2 else None)


@pytest.fixture
async def registry(clock: ManualClock) -> Paged:
    """Tells of everything there is to tell."""
    registry = Paged(clock)
    for account in ("seller", "buyer"):
        await registry.open_account(account, AccountKind.INSTITUTION)
    for code, number in (("SHCER-I", MethodologyClass.I), ("SHCER-II", MethodologyClass.II)):
        await registry.publish_methodology(code=code, version="V01", methodology_class=number, title="")
    await registry.issue_lot(issue("LOT-1", quantity=100))
    await registry.issue_lot(issue("LOT-2", methodology="SHCER-II", quantity=100))
    await registry.transfer_by_owner(
        transfer_id="t", account="seller", lot="LOT-1", serials=((1, 11),), trading_day=DAY
    )
    restriction = await registry.freeze(lot="LOT-1", serials=((5, 6),), reason="Inquiry")
    await registry.unfreeze(restriction, "Closed")
    await registry.freeze(account="buyer", reason="Court order")
    await registry.correct(lot="LOT-1", serials=((3, 5),), reason="Faulty meter")
    await registry.close_account("buyer", "Asked by its owner")
    return registry


ALL = [
    CoreKind.LOT_ISSUED,
    CoreKind.LOT_ISSUED,
    CoreKind.TRANSFERRED_IN,
    CoreKind.LOT_FROZEN,
    CoreKind.UNFROZEN,
    CoreKind.ACCOUNT_RESTRICTED,
    CoreKind.CORRECTED,
    CoreKind.ACCOUNT_CLOSED,
]


async def test_all_are_taken_once_in_order_through_silence_and_restarts(registry: Paged) -> None:
    core = Core()
    registry.silences = 2
    for until in (1, 4, 5, len(ALL)):
        await run_until(core.feed(registry).run(), lambda until=until: len(core.taken) >= until)  # type: ignore[misc]
    async with core.feed(registry).held():
        assert core.kinds() == ALL
    assert [command.notice.sequence for command in core.taken] == list(range(1, len(ALL) + 1))


async def test_what_a_notice_says_arrives_as_it_was_said(registry: Paged) -> None:
    core = Core()
    async with core.feed(registry).held():
        pass
    notices = {command.notice.kind: command.notice for command in core.taken}
    corrected = notices[CoreKind.CORRECTED]
    assert (corrected.registry_account, corrected.lot_id, corrected.serials, corrected.reason) == (
        "seller",
        "LOT-1",
        ((3, 5),),
        "Faulty meter",
    )
    assert notices[CoreKind.ACCOUNT_RESTRICTED].registry_account == "buyer"
    assert core.kinds() == ALL


async def test_a_lot_comes_with_its_data_as_they_are_now_if_its_class_is_listed(registry: Paged) -> None:
    core = Core()
    registry.issued["LOT-1"] = replace(registry.issued["LOT-1"], project="Amended")
    async with core.feed(registry).held():
        pass
    first, second = (command.notice for command in core.taken[:2])
    assert first.lot is not None
    assert (first.lot.lot_id, first.lot.instrument, first.lot.project) == ("LOT-1", "CLASS-I", "Amended")
    assert (second.lot_id, second.lot) == ("LOT-2", None)


async def test_a_gap_stops_the_feed_until_it_is_filled_and_is_told(registry: Paged) -> None:
    core = Core()
    registry.hidden = 4
    feed = core.feed(registry)
    with capture_logs() as told:
        await run_until(feed.run(), lambda: feed.waits_at == 4)
    assert core.kinds() == ALL[:3]
    lines = [line for line in told if line["event"] == "notices_incomplete"]
    assert (lines[0]["next"], lines[0]["what"], lines[0]["log_level"]) == (4, "5 came instead", "critical")
    registry.hidden = None
    await run_until(feed.run(), lambda: feed.waits_at is None)
    assert core.kinds() == ALL


async def test_what_the_core_rejects_is_never_left_out(registry: Paged) -> None:
    core = Core()
    core.rejection = "notice_out_of_order"
    feed = core.feed(registry)
    with capture_logs() as told:
        await run_until(feed.run(), lambda: feed.waits_at is not None)
    assert told[0]["what"] == "it was rejected: notice_out_of_order"
    async with feed.held():
        assert (feed.waits_at, core.taken) == (1, [])
    core.rejection = None
    async with feed.held():
        assert core.kinds() == ALL


async def test_a_lot_that_cannot_be_read_is_asked_for_again(registry: Paged) -> None:
    class Mute(Paged):
        async def lot(self, lot: str) -> RegistryLot | None:
            raise RegistryUnavailable(UnknownReason.TIMED_OUT)

    core = Core()
    registry.__class__ = Mute
    feed = core.feed(registry)
    with pytest.raises(RegistryUnavailable):
        async with feed.held():
            pass
    assert core.taken == []
    registry.__class__ = Paged
    async with feed.held():
        assert core.kinds() == ALL


async def test_while_it_is_held_nothing_is_taken(registry: Paged) -> None:
    core = Core()
    feed = core.feed(registry)
    running = asyncio.create_task(feed.run())
    async with feed.held():
        before = len(core.taken)
        await registry.freeze(account="seller", reason="Later")
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(core.taken) == before
    async with asyncio.timeout(5):
        while len(core.taken) == before:  # noqa: ASYNC110 - what is waited for is a state of many parts
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_every_kind_has_its_kind_here() -> None:
    assert [kind.value for kind in NoticeKind] == [CoreKind(kind.value).value for kind in NoticeKind]
