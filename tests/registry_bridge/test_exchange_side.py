"""The two sides' words are translated faithfully: instructions and answers, lots, bindings, holdings."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from registry_bridge import exchange_side
from registry_bridge.exchange_side import (
    management_holdings,
)
from registry_bridge.platform import ReferencePlatform
from registry_bridge.reference import judge
from registry_bridge.registry import (
    AccountKind,
    Binding,
    BindingRefused,
    Confirmed,
    LotPage,
    MovementKind,
    PositionPage,
    RefusalCode,
    Refused,
    RegistryUnavailable,
    SubAccount,
    UnknownReason,
)
from settlement.commands import Outcome, ResolveInstruction
from settlement.events import Instruction, InstructionKind, InstructionLeg, LotSlice
from settlement.lot import MethodologyClass
from settlement.retirement import RetirementId, RetirementPurpose, Use
from settlement.serials import Serials
from settlement.values import AccountId, InstructionId, LotId, TradingDay
from tests.registry_bridge.examples import DAY, DEADLINE_NS, NOW_NS, ManualClock, issue
from tests.registry_bridge.fake_registry import FakeRegistry
from tests.registry_bridge.side import Side


class HalfDeaf(FakeRegistry):
    """Says nothing the first times it is asked for what only reads or binds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        super().__init__(clock)
        self.silences = 2

    def _hear(self) -> None:
        if self.silences:
            self.silences -= 1
            raise RegistryUnavailable(UnknownReason.TIMED_OUT)

    async def bind(self, account: str, trading_account: str) -> Binding | BindingRefused:
        self._hear()
        return await super().bind(account, trading_account)

    async def lots(self, after: int = 0) -> LotPage:
        self._hear()
        return await super().lots(after)

    async def positions(self, as_of: int | None = None, after: str | None = None) -> PositionPage:
        self._hear()
        return await super().positions(as_of, after)


async def filled(registry: FakeRegistry) -> None:
    for account in ("seller", "buyer"):
        await registry.open_account(account, AccountKind.INSTITUTION)
    await registry.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title=""
    )
    await registry.issue_lot(issue(quantity=100))


async def run_until(work: Coroutine[Any, Any, None], condition: Callable[[], bool]) -> None:
    task = asyncio.create_task(work)
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for is a state of many parts
            await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def instruction(kind: InstructionKind, source: str, target: str, serials: Serials) -> Instruction:
    leg = InstructionLeg(
        leg=1,
        lot_id=LotId("LOT-1"),
        serials=serials,
        from_account=AccountId(source),
        to_account=AccountId(target),
    )
    return Instruction(
        instruction_id=InstructionId("7"),
        kind=kind,
        trading_day=TradingDay(DAY),
        not_after_ns=DEADLINE_NS,
        legs=(leg,),
    )


@pytest.mark.parametrize(
    ("kind", "there", "source", "target"),
    [
        (InstructionKind.TRANSFER_IN, MovementKind.TRANSFER_IN, SubAccount.MANAGEMENT, SubAccount.TRADING),
        (InstructionKind.TRANSFER_OUT, MovementKind.TRANSFER_OUT, SubAccount.TRADING, SubAccount.MANAGEMENT),
        (InstructionKind.DELIVER, MovementKind.DELIVER, SubAccount.TRADING, SubAccount.TRADING),
    ],
)
def test_an_instruction_becomes_a_movement(
    kind: InstructionKind, there: MovementKind, source: SubAccount, target: SubAccount
) -> None:
    exchange = Side()
    exchange.pend(instruction(kind, "T-seller", "T-buyer", ((1, 11),)))
    (movement,) = exchange.outbox.pending()
    assert (movement.request_id, movement.kind, movement.not_after_ns, movement.trading_day) == (
        "x1.7",
        there,
        DEADLINE_NS,
        DAY,
    )
    (leg,) = movement.legs
    assert (leg.leg, leg.lot, leg.serials) == (1, "LOT-1", ((1, 11),))
    assert (leg.from_account, leg.from_sub_account) == ("seller", source)
    assert (leg.to_account, leg.to_sub_account) == ("buyer", target)


@pytest.mark.parametrize("purpose", RetirementPurpose)
def test_an_instruction_to_retire_says_what_for_and_goes_nowhere(purpose: RetirementPurpose) -> None:
    exchange = Side()
    use = Use(purpose=purpose, beneficiary="a meeting of 300", statement="carbon neutral")
    asked = instruction(InstructionKind.RETIRE, "T-buyer", "T-buyer", ((1, 11),))
    exchange.pend(replace(asked, retirement_id=RetirementId("trade-1"), use=use))
    (movement,) = exchange.outbox.pending()
    assert movement.kind is MovementKind.RETIRE
    assert movement.retirement is not None
    assert movement.retirement.purpose.value == purpose.value
    assert movement.retirement.compliance_year is None
    assert (movement.retirement.beneficiary, movement.retirement.statement) == (
        use.beneficiary,
        use.statement,
    )
    (leg,) = movement.legs
    assert (leg.from_account, leg.from_sub_account) == ("buyer", SubAccount.TRADING)
    assert (leg.to_account, leg.to_sub_account) == (None, None)
    assert judge.malformed(movement) is None


def test_every_kind_of_instruction_has_its_movement() -> None:
    assert set(exchange_side._KINDS) == set(InstructionKind)


async def test_final_answers_become_commands() -> None:
    exchange = Side()
    outbox = exchange.outbox
    await outbox.resolve(
        "x1.7", Confirmed(request_id="x1.7", movement_id="m", digest="d", registry_time_ns=NOW_NS)
    )
    await outbox.resolve(
        "x1.8",
        Refused(request_id="x1.8", code=RefusalCode.SERIALS_NOT_HELD, leg=3, registry_time_ns=NOW_NS),
    )
    assert exchange.submitted == [
        ResolveInstruction(instruction_id=InstructionId("7"), outcome=Outcome.CONFIRMED),
        ResolveInstruction(
            instruction_id=InstructionId("8"), outcome=Outcome.REFUSED, code="serials_not_held", leg=3
        ),
    ]


async def test_the_outbox_wakes_whoever_waits_once_for_each_notice() -> None:
    outbox = Side().outbox
    waiting = asyncio.create_task(outbox.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.notify()
    await asyncio.wait_for(waiting, 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outbox.wait(), 0.01)


def on_its_way(number: str) -> Instruction:
    one = instruction(InstructionKind.TRANSFER_IN, "T-seller", "T-seller", ((1, 2),))
    return replace(one, instruction_id=InstructionId(number))


async def test_an_operator_is_told_what_a_reconciliation_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_side, "TELL_EVERY_S", 0.01)
    exchange = Side()
    outbox = exchange.outbox
    exchange.pend(on_its_way("7"))
    with capture_logs() as told:
        waiting = asyncio.create_task(outbox.until_answered(outbox.waiting_for()))
        async with asyncio.timeout(5):
            while len(told) < 2:  # noqa: ASYNC110 - what is waited for is a line in a log
                await asyncio.sleep(0.005)
        exchange.instructions.clear()
        outbox.notify_answered()
        await asyncio.wait_for(waiting, 5)
    assert {(line["event"], line["movements"], line["one"]) for line in told} == {
        ("reconciliation_waits", 1, "7")
    }


async def test_management_holdings_are_those_not_yet_moved_in(clock: ManualClock) -> None:
    registry = FakeRegistry(clock)
    await filled(registry)
    await registry.transfer_by_owner(
        transfer_id="t", account="seller", lot="LOT-1", serials=((11, 21),), trading_day=DAY
    )
    assert await management_holdings(registry, "seller") == (
        LotSlice(lot_id=LotId("LOT-1"), serials=((1, 11), (21, 101))),
    )
    assert await management_holdings(registry, "nobody") == ()


async def test_the_platform_refuses_a_binding_by_name(clock: ManualClock) -> None:
    registry = FakeRegistry(clock)
    platform = ReferencePlatform(registry, registry)  # type: ignore[arg-type] # the fake is both, in memory
    await platform.open_account("seller")
    await platform.bind("seller", "T-seller")
    await platform.bind("seller", "T-seller")
    with pytest.raises(Exception, match="already_bound"):
        await platform.bind("seller", "T-other")
    found = await platform.account("seller")
    assert found is not None
    assert found.trading_account == "T-seller"
