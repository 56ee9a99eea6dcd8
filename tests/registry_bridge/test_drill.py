"""The fault switch: there in a drill only; what each fault does to a call, and never to the registry's books."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.postgres.migrations import migrate
from registry_bridge.http_administration import (
    AdministrationRefused,
    HttpAdministration,
    connect_administration,
)
from registry_bridge.http_registry import HttpRegistry, connect
from registry_bridge.reference.drill import FaultSwitch
from registry_bridge.reference.serving import ADMIN_KEY, EXCHANGE_KEY, RegistrySettings, running
from registry_bridge.registry import (
    AccountKind,
    Confirmed,
    MovementKind,
    RegistryUnavailable,
    Unknown,
    UnknownReason,
)
from registry_bridge.wire_faults import MAX_FAULTS, CallName, FaultKind, FaultOrder
from settlement.lot import MethodologyClass
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.examples import ManualClock, deliver, issue, transfer_in

ORDER = FaultOrder(kind=FaultKind.DROP_BEFORE)


class Rehearsal:
    """A registry in a drill, the people who spoil it, and the exchange's line."""

    def __init__(self, registry: HttpRegistry, people: HttpAdministration, deaths: list[str]) -> None:
        self.registry = registry
        self.people = people
        self.deaths = deaths


@pytest.fixture
async def rehearsal(database: str, keys: Path, clock: ManualClock) -> AsyncIterator[Rehearsal]:
    deaths: list[str] = []
    settings = RegistrySettings(
        database_url=database,
        host="127.0.0.1",
        port=0,
        key_file=keys / "registry.pem",
        exchange_public_key_file=keys / f"{EXCHANGE_KEY}.pub",
        admin_public_key_file=keys / f"{ADMIN_KEY}.pub",
        drill=True,
    )
    async with running(settings, migrate=migrate, clock=clock, die_now=lambda: deaths.append("died")) as url:
        service = Service(url=url, database=database, keys=keys, clock=clock)
        async with (
            connect(service.line(EXCHANGE_KEY, timeout_s=2)) as registry,
            connect_administration(service.line(ADMIN_KEY)) as people,
        ):
            await people.open_account("seller", AccountKind.INSTITUTION)
            await registry.bind("seller", "T-seller")
            await people.publish_methodology(
                code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t"
            )
            await people.issue_lot(issue())
            yield Rehearsal(registry, people, deaths)


async def test_there_is_no_switch_outside_a_drill(administration: HttpAdministration) -> None:
    for asked in (administration.set_fault(ORDER), administration.clear_faults(), administration.faults()):
        with pytest.raises(AdministrationRefused) as caught:
            await asked
        assert caught.value.code == "no_such_call"


async def test_the_exchange_has_no_say_over_the_switch(rehearsal: Rehearsal) -> None:
    stranger = HttpAdministration(rehearsal.registry._line)
    with pytest.raises(AdministrationRefused) as caught:
        await stranger.set_fault(ORDER)
    assert caught.value.code == "not_permitted"


@pytest.mark.parametrize(
    ("kind", "why", "happens"),
    [
        (FaultKind.SLOW, UnknownReason.TIMED_OUT, True),
        (FaultKind.DROP_BEFORE, UnknownReason.CONNECTION_LOST, False),
        (FaultKind.DROP_AFTER, UnknownReason.CONNECTION_LOST, True),
        (FaultKind.DUPLICATE, None, True),
        (FaultKind.GARBAGE, UnknownReason.GARBAGE, True),
        (FaultKind.WRONG_SIGNATURE, UnknownReason.SIGNATURE_INVALID, True),
        (FaultKind.ERROR_BEFORE, UnknownReason.SERVER_ERROR, False),
        (FaultKind.ERROR_AFTER, UnknownReason.SERVER_ERROR, True),
        (FaultKind.RESTART_BEFORE, UnknownReason.CONNECTION_LOST, False),
        (FaultKind.RESTART_AFTER, UnknownReason.CONNECTION_LOST, True),
        (FaultKind.ACCEPT_LATER, UnknownReason.STILL_OPEN, True),
    ],
)
async def test_a_movement_goes_wrong_as_told(
    rehearsal: Rehearsal, kind: FaultKind, why: UnknownReason | None, happens: bool
) -> None:
    delay_ms = 2_500 if kind is FaultKind.SLOW else 0
    order = FaultOrder(kind=kind, call=CallName.MOVE, count=1, delay_ms=delay_ms, status=502)
    await rehearsal.people.set_fault(order)
    asked = transfer_in("in", ((1, 11),))
    answer = await rehearsal.registry.move(asked)
    if why is None:
        assert isinstance(answer, Confirmed)
    else:
        assert isinstance(answer, Unknown) and answer.why is why
    assert len(rehearsal.deaths) == (kind in (FaultKind.RESTART_BEFORE, FaultKind.RESTART_AFTER))
    assert [one.happened for one in await rehearsal.people.faults()] == [1]
    if not happens:
        asked_about = await rehearsal.registry.ask("in")
        assert isinstance(asked_about, Unknown) and asked_about.why is UnknownReason.NOT_SEEN
    # The switch has run out: the same request again is done once in all, whatever was said before.
    while isinstance(answer, Unknown):
        answer = await rehearsal.registry.move(asked)
    assert isinstance(answer, Confirmed)
    assert len((await rehearsal.registry.journal()).entries) == 1
    assert (await rehearsal.people.check()).findings == ()


async def test_only_what_was_named_goes_wrong(rehearsal: Rehearsal) -> None:
    people, registry = rehearsal.people, rehearsal.registry
    retiring = FaultOrder(kind=FaultKind.ERROR_BEFORE, call=CallName.MOVE, movement_kind=MovementKind.DELIVER)
    await people.set_fault(retiring)
    await people.set_fault(FaultOrder(kind=FaultKind.ERROR_BEFORE, call=CallName.LOTS, status=599))
    assert isinstance(await registry.move(transfer_in("in", ((1, 11),))), Confirmed)
    answer = await registry.move(deliver("d", ((1, 2),)))
    assert isinstance(answer, Unknown) and answer.why is UnknownReason.SERVER_ERROR
    assert await registry.time()
    with pytest.raises(RegistryUnavailable):
        await registry.lots()
    assert [(one.order, one.happened) for one in await people.faults()] == [
        (retiring, 1),
        (FaultOrder(kind=FaultKind.ERROR_BEFORE, call=CallName.LOTS, status=599), 1),
    ]
    await people.clear_faults()
    assert await people.faults() == ()
    assert (await registry.lots()).lots


async def test_the_switch_is_told_plain_sense_only(rehearsal: Rehearsal) -> None:
    for order in (
        FaultOrder(kind=FaultKind.SLOW, probability_ppm=0),
        FaultOrder(kind=FaultKind.SLOW, delay_ms=-1),
        FaultOrder(kind=FaultKind.ERROR_AFTER, status=200),
        FaultOrder(kind=FaultKind.ACCEPT_LATER, call=CallName.ASK),
        FaultOrder(kind=FaultKind.SLOW, call=CallName.ASK, movement_kind=MovementKind.RETIRE),
    ):
        with pytest.raises(AdministrationRefused) as caught:
            await rehearsal.people.set_fault(order)
        assert caught.value.code == "malformed"
    for _ in range(MAX_FAULTS):
        await rehearsal.people.set_fault(FaultOrder(kind=FaultKind.SLOW, call=CallName.CANCEL))
    with pytest.raises(AdministrationRefused) as caught:
        await rehearsal.people.set_fault(ORDER)
    assert caught.value.code == "too_many_faults"


def drawn(switch: FaultSwitch, times: int = 400) -> list[bool]:
    return [switch.draw(CallName.MOVE) is not None for _ in range(times)]


def test_chance_comes_from_the_seed_alone() -> None:
    order = FaultOrder(kind=FaultKind.DROP_AFTER, probability_ppm=250_000, seed=7)
    switches = [FaultSwitch() for _ in range(3)]
    for switch, seed in zip(switches, (7, 7, 8), strict=True):
        switch.set(FaultOrder(kind=order.kind, probability_ppm=250_000, seed=seed))
    first, again, other = (drawn(switch) for switch in switches)
    assert first == again != other
    assert 60 < sum(first) < 140


def test_a_fault_that_has_run_out_leaves_the_next_one_its_turn() -> None:
    switch = FaultSwitch()
    switch.set(FaultOrder(kind=FaultKind.DROP_BEFORE, count=2))
    switch.set(FaultOrder(kind=FaultKind.DROP_AFTER, count=1))
    kinds = [switch.draw(CallName.TIME) for _ in range(4)]
    assert [order and order.kind for order in kinds] == [
        FaultKind.DROP_BEFORE,
        FaultKind.DROP_BEFORE,
        FaultKind.DROP_AFTER,
        None,
    ]
