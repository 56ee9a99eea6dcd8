"""Breaks planted by hand in the reference registry's own tables are found over the line, and named rightly."""

import asyncio
from dataclasses import dataclass, replace

import asyncpg
import pytest

from registry_bridge.bridge import Bridge
from registry_bridge.http_administration import HttpAdministration
from registry_bridge.http_registry import HttpRegistry
from registry_bridge.journal_watch import JournalWatch
from registry_bridge.reconciling import Outcome, Reconciler
from registry_bridge.registry import AccountKind
from settlement.difference import BreakKind, Difference
from settlement.events import InstructionKind
from settlement.lot import MethodologyClass
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.examples import DAY, NOW_NS, issue
from tests.registry_bridge.side import Side


@dataclass(frozen=True, kw_only=True)
class Both:
    """An exchange and a registry that agree, with one delivery behind them."""

    side: Side
    registry: HttpRegistry
    watch: JournalWatch
    database: str

    async def plant(self, statement: str, *values: object) -> None:
        """Change the registry's books as nobody may: with its guards switched off."""
        connection = await asyncpg.connect(self.database)
        try:
            await connection.execute("set session_replication_role = replica")
            assert await connection.execute(statement, *values) not in {"UPDATE 0", "DELETE 0", "INSERT 0 0"}
        finally:
            await connection.close()

    async def reconcile(self) -> Outcome:
        reconciler = Reconciler(self.registry, self.side.outbox, self.side.feed(self.registry), frozen=list)
        return await asyncio.wait_for(reconciler.reconcile(), 20)


@pytest.fixture
async def both(service: Service, registry: HttpRegistry, administration: HttpAdministration) -> Both:
    for account in ("a", "b", "c"):
        await administration.open_account(account, AccountKind.INSTITUTION)
        await registry.bind(account, f"T-{account}")
    await administration.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t"
    )
    await administration.issue_lot(replace(issue(quantity=100), applicant="a"))
    await administration.transfer_by_owner(
        transfer_id="t", account="a", lot="LOT-1", serials=((1, 61),), trading_day=DAY
    )
    side = Side("T-a", "T-b", "T-c")
    async with side.feed(registry).held():
        pass
    watch = JournalWatch(registry, side.outbox, side)
    bridge = Bridge(side.outbox, registry, clock_ns=lambda: NOW_NS)
    tasks = [asyncio.create_task(watch.run()), asyncio.create_task(bridge.run())]
    async with asyncio.timeout(20):
        while not side.outbox.newest_entry:  # noqa: ASYNC110 - a state of many parts
            await asyncio.sleep(0.01)
        # The watch has looked once and does not know the registry's side of what comes now.
        side.instruct(InstructionKind.DELIVER, "T-a", "T-b", ((1, 11),))
        while side.instructions:  # noqa: ASYNC110 - a state of many parts
            await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return Both(side=side, registry=registry, watch=watch, database=service.database)


def told(
    differences: tuple[Difference, ...] | list[Difference],
) -> list[tuple[BreakKind, str | None, str | None]]:
    return [(one.kind, one.registry_account, one.lot_id) for one in differences]


async def test_what_nobody_touched_is_clean(both: Both) -> None:
    assert await both.watch.look() == ()
    found = await both.reconcile()
    assert found.is_clean and found.positions.as_of == 2
    assert found.positions.here == found.positions.there
    assert both.side.breaks == []


async def test_a_range_moved_is_found_in_both_accounts_with_its_serials(both: Both) -> None:
    await both.plant("update holding set account = 'c' where account = 'b' and place = 'trading'")
    found = await both.reconcile()
    here, there = found.differences
    assert told([here, there]) == [
        (BreakKind.MISSING_THERE, "b", "LOT-1"),
        (BreakKind.MISSING_HERE, "c", "LOT-1"),
    ]
    assert (here.only_here, there.only_there) == (((1, 11),), ((1, 11),))
    assert here.detail == "2 deliver x1.1"
    assert both.side.breaks == [here, there]


async def test_an_account_closed_is_found_though_its_units_are_there(both: Both) -> None:
    await both.plant("insert into account_closed values ('b', 'By hand', $1)", NOW_NS)
    found = await both.reconcile()
    assert told(found.differences) == [(BreakKind.ACCOUNT_STATE_DIFFERS, "b", None)]
    assert found.differences[0].detail == "open here, closed there"
    assert found.positions.is_clean


async def test_an_account_bound_otherwise_is_found(both: Both) -> None:
    await both.plant("update binding set trading_account = 'T-x' where account = 'c'")
    found = await both.reconcile()
    assert [one.detail for one in found.differences] == ["bound there to T-x"]


async def test_a_movement_deleted_is_found_by_what_it_touched(both: Both) -> None:
    await both.plant("delete from journal_leg where sequence = 2")
    await both.plant("delete from journal where sequence = 2")
    found = await both.watch.look()
    assert told(found) == [
        (BreakKind.MOVEMENT_ON_ONE_SIDE, "a", "LOT-1"),
        (BreakKind.MOVEMENT_ON_ONE_SIDE, "b", "LOT-1"),
    ]
    assert {one.instruction_id for one in found} == {"1"}


async def test_a_movement_invented_is_found(both: Both) -> None:
    assert await both.watch.look() == ()
    await both.plant(
        """
        insert into journal (sequence, request_id, kind, trading_day, decided_at_ns, digest, legs, ranges)
        select 3, 'x1.77', kind, trading_day, decided_at_ns, digest, legs, ranges from journal where sequence = 2
        """
    )
    await both.plant(
        """
        insert into journal_leg
        select 3, leg, part, lot, serials, from_account, from_place, to_account, to_place
        from journal_leg where sequence = 2
        """
    )
    found = await both.watch.look()
    assert {(one.kind, one.registry_account, one.instruction_id) for one in found} == {
        (BreakKind.MOVEMENT_ON_ONE_SIDE, "a", "77"),
        (BreakKind.MOVEMENT_ON_ONE_SIDE, "b", "77"),
    }
