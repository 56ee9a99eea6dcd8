"""Lots are learnt and accounts bound through silence, refusals and what is not listed yet."""

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from registry_bridge import upkeep
from registry_bridge.back_off import BackOff
from registry_bridge.registry import AccountKind, Binding, BindingRefused, RefusalCode
from registry_bridge.upkeep import AccountBinder, LotFeed
from settlement.commands import RegisterLot
from settlement.lot import MethodologyClass
from settlement.values import AssetCode
from tests.registry_bridge.examples import ManualClock, issue
from tests.registry_bridge.fake_registry import FakeRegistry
from tests.registry_bridge.test_exchange_side import HalfDeaf, filled, run_until

ONE, TWO = MethodologyClass.I, MethodologyClass.II


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "PAUSE_S", 0.0)
    monkeypatch.setattr(upkeep, "LOTS_EVERY_S", 0.0)
    monkeypatch.setattr(upkeep, "BIND_AGAIN", BackOff(first_s=0.001, longest_s=0.002))


async def test_lots_are_learnt_once_and_through_silence(clock: ManualClock) -> None:
    registry = HalfDeaf(clock)
    await filled(registry)
    registered: list[RegisterLot] = []

    async def register(command: RegisterLot) -> None:
        registered.append(command)

    feed = LotFeed(
        registry,
        instrument_of=lambda methodology_class: AssetCode("SHCERCIR1"),
        is_known=lambda lot: any(command.lot.lot_id == lot for command in registered),
        register=register,
    )
    assert not feed.answers
    await run_until(feed.run(), lambda: feed.answers)
    (command,) = registered
    assert (command.lot.lot_id, command.lot.instrument, command.lot.serials) == (
        "LOT-1",
        "SHCERCIR1",
        (1, 101),
    )
    assert (command.lot.methodology_class, command.lot.issued_on) == (MethodologyClass.I, "2025-09-01")


class Exchange:
    """Knows some instruments, and takes lots or rejects them."""

    def __init__(self, *listed: MethodologyClass) -> None:
        self.instruments = {kind: AssetCode(f"CLASS-{kind.value}") for kind in listed}
        self.registered: list[str] = []
        self.projects: dict[str, str] = {}
        self.rejects: dict[str, str] = {}

    async def register(self, command: RegisterLot) -> str | None:
        self.registered.append(command.lot.lot_id)
        self.projects[command.lot.lot_id] = command.lot.project
        return self.rejects.get(command.lot.lot_id)

    def feed(self, registry: FakeRegistry) -> LotFeed:
        return LotFeed(
            registry,
            instrument_of=self.instruments.get,
            is_known=lambda lot: lot in self.registered,
            register=self.register,
        )


async def with_both_classes(clock: ManualClock) -> FakeRegistry:
    """LOT-1 is of Class I; LOT-2, issued before LOT-3 of Class I, is of Class II."""
    registry = FakeRegistry(clock)
    await filled(registry)
    await registry.publish_methodology(code="SHCER-II", version="V01", methodology_class=TWO, title="")
    await registry.issue_lot(replace(issue("LOT-2", methodology="SHCER-II"), first=10_001, end=10_101))
    await registry.issue_lot(replace(issue("LOT-3"), first=20_001, end=20_101))
    return registry


async def test_a_lot_without_an_instrument_keeps_no_other_waiting(clock: ManualClock) -> None:
    exchange = Exchange(ONE)
    feed = exchange.feed(await with_both_classes(clock))
    await run_until(feed.run(), lambda: len(exchange.registered) == 2)
    assert exchange.registered == ["LOT-1", "LOT-3"]


async def test_a_lot_is_registered_once_its_class_has_an_instrument(clock: ManualClock) -> None:
    exchange = Exchange(ONE)
    feed = exchange.feed(await with_both_classes(clock))

    def third_has_come() -> bool:
        if len(exchange.registered) == 2:
            exchange.instruments[TWO] = AssetCode("CLASS-II")
        return len(exchange.registered) == 3

    await run_until(feed.run(), third_has_come)
    assert exchange.registered == ["LOT-1", "LOT-3", "LOT-2"]


async def test_a_rejected_lot_is_told_and_the_next_is_taken(clock: ManualClock) -> None:
    exchange = Exchange(ONE, TWO)
    exchange.rejects["LOT-2"] = "lot_class_differs"
    with capture_logs() as told:
        feed = exchange.feed(await with_both_classes(clock))
        await run_until(feed.run(), lambda: len(exchange.registered) == 3)
    (line,) = (line for line in told if line["event"] == "lot_rejected")
    assert (line["lot"], line["code"], line["log_level"]) == ("LOT-2", "lot_class_differs", "error")


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_rejected_lot_is_tried_again_later_each_time_as_it_is_then(clock: ManualClock) -> None:
    exchange, now_s = Exchange(ONE, TWO), [0.0]
    exchange.rejects["LOT-2"] = "lot_class_differs"
    registry = await with_both_classes(clock)
    feed = LotFeed(
        registry,
        instrument_of=exchange.instruments.get,
        is_known=lambda lot: False,
        register=exchange.register,
        now_s=lambda: now_s[0],
        jitter=lambda: 0.0,
    )
    with capture_logs() as told:
        running = asyncio.create_task(feed.run())
        for at_s, times in ((0.0, 1), (29.9, 1), (30.0, 2), (89.9, 2), (90.0, 3)):
            now_s[0] = at_s
            await settled()
            assert exchange.registered.count("LOT-2") == times
        assert feed.rejected == 1
        registry.issued["LOT-2"] = replace(registry.issued["LOT-2"], project="Amended")
        del exchange.rejects["LOT-2"]
        now_s[0] = 1_000.0
        await settled()
        assert not feed.rejected
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert [line["event"] for line in told].count("lot_rejected") == 1
    assert exchange.projects["LOT-2"] == "Amended"


async def test_accounts_are_bound_through_silence(clock: ManualClock) -> None:
    registry = HalfDeaf(clock)
    await filled(registry)
    binder = AccountBinder(registry)
    binder.add("nobody", "T-nobody")
    binder.add("seller", "T-seller")
    await run_until(binder.run(), lambda: "seller" in registry.bindings)
    assert registry.bindings["seller"].trading_account == "T-seller"


class Counting(FakeRegistry):
    """Counts how often it was asked to bind."""

    asked = 0

    async def bind(self, account: str, trading_account: str) -> Binding | BindingRefused:
        self.asked += 1
        return await super().bind(account, trading_account)


async def test_a_refused_binding_is_asked_for_again_and_told_once(clock: ManualClock) -> None:
    registry = Counting(clock)
    binder = AccountBinder(registry, jitter=lambda: 0.0)
    binder.add("late", "T-late")
    with capture_logs() as told:
        await run_until(binder.run(), lambda: registry.asked == 4)
        assert binder.refused == 1
        await registry.open_account("late", AccountKind.INSTITUTION)
        binder.add("late", "T-late")
        await run_until(binder.run(), lambda: not binder.refused)
    assert registry.bindings["late"].trading_account == "T-late"
    assert [(line["event"], line.get("code")) for line in told] == [
        ("binding_refused", RefusalCode.ACCOUNT_UNKNOWN.value),
        ("binding_made", None),
    ]


async def test_it_has_caught_up_when_all_that_were_added_are_answered(clock: ManualClock) -> None:
    registry = HalfDeaf(clock)
    await filled(registry)
    binder = AccountBinder(registry)
    for number in range(20):
        binder.add(f"nobody-{number}", f"T-{number}")
    binder.add("seller", "T-seller")
    caught_up = asyncio.create_task(binder.caught_up())
    await run_until(binder.run(), caught_up.done)
    assert registry.bindings["seller"].trading_account == "T-seller"
    assert binder.refused == 20


async def test_refused_bindings_are_asked_for_less_and_less_often(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BIND_AGAIN", BackOff(first_s=0.02, longest_s=60.0))
    registry = Counting(clock)
    binder = AccountBinder(registry, jitter=lambda: 0.0)
    binder.add("late", "T-late")
    await run_until(binder.run(), lambda: registry.asked == 3)
    ((_, attempts),) = binder._refused.values()
    assert attempts == 3
    assert not binder._later, "what is asked again is called off with the binder"
