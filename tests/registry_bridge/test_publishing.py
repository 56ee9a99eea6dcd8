"""Methodologies by version, lots under them, amendments, and accounts that are closed."""

from dataclasses import replace

import pytest

from registry_bridge.http_administration import AdministrationRefused, HttpAdministration
from registry_bridge.http_registry import HttpRegistry
from registry_bridge.registry import (
    AccountKind,
    BindingRefused,
    Confirmed,
    MovementKind,
    NoticeKind,
    RefusalCode,
    Refused,
)
from registry_bridge.wire_administration import LotAmendment
from settlement.lot import MethodologyClass, Origin
from tests.registry_bridge.examples import (
    DAY,
    MANAGEMENT,
    TRADING,
    deliver,
    issue,
    leg,
    movement,
    transfer_in,
)

II = MethodologyClass.II


@pytest.fixture
async def people(administration: HttpAdministration, registry: HttpRegistry) -> HttpAdministration:
    """Seller with 1,000 tonnes of LOT-1, all managed; buyer, a person; both bound."""
    await administration.open_account("seller", AccountKind.INSTITUTION)
    await administration.open_account("buyer", AccountKind.INDIVIDUAL)
    for account in ("seller", "buyer"):
        await registry.bind(account, f"T-{account}")
    await administration.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="Photovoltaics"
    )
    await administration.issue_lot(issue())
    return administration


async def refused_with(code: str, asked: object) -> None:
    with pytest.raises(AdministrationRefused) as caught:
        await asked  # type: ignore[misc]
    assert caught.value.code == code


async def test_a_lot_has_the_class_of_the_version_it_is_issued_under(people: HttpAdministration) -> None:
    await people.publish_methodology(
        code="SHCER-I", version="V02", methodology_class=II, title="Photovoltaics"
    )
    lot = await people.issue_lot(
        replace(issue("LOT-2"), methodology_version="V02", origin=Origin.POINTS_CONVERTED)
    )
    assert (lot.methodology_class, lot.methodology_version, lot.origin) == (
        II,
        "V02",
        Origin.POINTS_CONVERTED,
    )
    await refused_with("name_unknown", people.issue_lot(replace(issue("LOT-3"), methodology_version="V03")))


async def test_nothing_is_issued_before_or_after_a_version_is_in_force(people: HttpAdministration) -> None:
    await people.publish_methodology(
        code="NEW",
        version="V01",
        methodology_class=II,
        title="Buses",
        published_on="2025-08-01",
        in_force_from="2025-10-01",
    )
    await refused_with("methodology_not_in_force", people.issue_lot(issue("LOT-2", methodology="NEW")))
    await people.issue_lot(replace(issue("LOT-2", methodology="NEW"), issued_on="2025-10-01"))
    withdraw = people.withdraw_methodology
    await refused_with(
        "methodology_in_use", withdraw(code="NEW", version="V01", withdrawn_on="2025-10-01", reason="Revised")
    )
    for _ in range(2):
        await withdraw(code="NEW", version="V01", withdrawn_on="2025-12-01", reason="Revised")
    await refused_with(
        "name_taken", withdraw(code="NEW", version="V01", withdrawn_on="2025-12-02", reason="Revised")
    )
    await refused_with(
        "name_unknown", withdraw(code="NEW", version="V09", withdrawn_on="2025-12-02", reason="Revised")
    )
    late = replace(issue("LOT-3", methodology="NEW"), issued_on="2025-12-01")
    await refused_with("methodology_not_in_force", people.issue_lot(late))
    await people.issue_lot(replace(late, issued_on="2025-11-30"))
    states = {one.methodology.code: one.withdrawn_on for one in await people.methodologies()}
    assert states == {"NEW": "2025-12-01", "SHCER-I": None}
    await refused_with(
        "malformed",
        people.publish_methodology(
            code="X",
            version="V",
            methodology_class=II,
            title="",
            published_on="2025-02-01",
            in_force_from="2025-01-01",
        ),
    )


async def test_an_amended_lot_is_told_anew(people: HttpAdministration, registry: HttpRegistry) -> None:
    before = (await registry.lots()).lots[0]
    amendment = LotAmendment(lot="LOT-1", project="Rooftops", period_end="2025-07-31", reason="Misprint")
    amended = replace(before, project="Rooftops", period_end="2025-07-31")
    for _ in range(2):
        assert await people.amend_lot(amendment) == amended
    assert (await registry.lots()).lots == (amended,)
    notices = [one for one in (await registry.notices()).notices if one.kind is NoticeKind.LOT_CHANGED]
    assert [(one.lot, one.reason) for one in notices] == [("LOT-1", "Misprint")]
    again = await people.amend_lot(LotAmendment(lot="LOT-1", issue_batch="2025-2", reason="Batch"))
    assert (again.issue_batch, again.project) == ("2025-2", "Rooftops")
    await refused_with("name_unknown", people.amend_lot(LotAmendment(lot="LOT-9", project="x", reason="x")))
    backwards = LotAmendment(lot="LOT-1", period_start="2025-08-01", reason="x")
    await refused_with("period_reversed", people.amend_lot(backwards))
    await people.issue_lot(issue())  # the same once more is still the same once


async def test_only_an_empty_account_is_closed(people: HttpAdministration, registry: HttpRegistry) -> None:
    await refused_with("account_not_empty", people.close_account("seller", "Dissolved"))
    await refused_with("name_unknown", people.close_account("nobody", "Dissolved"))
    await registry.move(transfer_in("in", ((1, 1001),)))
    await registry.move(deliver("d", ((1, 1001),)))
    for _ in range(2):
        await people.close_account("seller", "Dissolved")
    found = await registry.account("seller")
    assert found is not None and found.closed and not found.frozen
    last = (await registry.notices()).notices[-1]
    assert (last.kind, last.account, last.reason) == (NoticeKind.ACCOUNT_CLOSED, "seller", "Dissolved")


async def test_nothing_comes_into_a_closed_account(
    people: HttpAdministration, registry: HttpRegistry
) -> None:
    await registry.move(transfer_in("in", ((1, 1001),)))
    await registry.move(deliver("d", ((1, 1001),)))
    await people.close_account("seller", "Dissolved")
    back = leg(2, ((11, 21),), ("buyer", TRADING), ("seller", TRADING))
    out = leg(1, ((1, 2),), ("buyer", TRADING), ("third", TRADING))
    await people.open_account("third", AccountKind.INSTITUTION)
    await registry.bind("third", "T-third")
    answer = await registry.move(movement("b", MovementKind.DELIVER, out, back))
    assert isinstance(answer, Refused) and (answer.code, answer.leg) == (RefusalCode.ACCOUNT_CLOSED, 2)
    assert answer.code.number == 13
    bound = await registry.bind("seller", "T-other")
    assert isinstance(bound, BindingRefused) and bound.code is RefusalCode.ALREADY_BOUND
    await people.open_account("empty", AccountKind.INDIVIDUAL)
    await people.close_account("empty", "Wish")
    bound = await registry.bind("empty", "T-empty")
    assert isinstance(bound, BindingRefused) and bound.code is RefusalCode.ACCOUNT_CLOSED
    await refused_with("account_closed", people.open_account("empty", AccountKind.INDIVIDUAL))
    await refused_with("account_closed", people.issue_lot(replace(issue("LOT-2"), applicant="seller")))


async def test_an_owner_moves_its_units_in_and_everybody_is_told(
    people: HttpAdministration, registry: HttpRegistry
) -> None:
    answer = await people.transfer_by_owner(
        transfer_id="t-1", account="seller", lot="LOT-1", serials=((1, 11),), trading_day=DAY
    )
    assert isinstance(answer, Confirmed)
    entry = (await registry.journal()).entries[0]
    assert (entry.request_id, entry.kind) == (None, MovementKind.TRANSFER_IN)
    notice = (await registry.notices()).notices[-1]
    assert (notice.kind, notice.account, notice.serials, notice.journal_sequence) == (
        NoticeKind.TRANSFERRED_IN,
        "seller",
        ((1, 11),),
        entry.sequence,
    )


async def test_its_people_see_balances_restrictions_and_that_it_adds_up(
    people: HttpAdministration, registry: HttpRegistry
) -> None:
    await registry.move(transfer_in("in", ((1, 101),)))
    await registry.move(
        movement(
            "out", MovementKind.TRANSFER_OUT, leg(1, ((1, 11),), ("seller", TRADING), ("seller", MANAGEMENT))
        )
    )
    made = await people.correct(lot="LOT-1", serials=((1, 31),), reason="Meter")
    assert (made.withdrawn_tonnes, made.trading_tonnes) == (10, 20)
    (found,) = await people.balances()
    assert (found.management_tonnes, found.trading_tonnes, found.withdrawn_tonnes) == (900, 90, 10)
    number = await people.freeze(lot="LOT-1", serials=((5, 8),), reason="Inquiry")
    (restriction,) = await people.restrictions()
    assert (restriction.restriction, restriction.serials, restriction.reason) == (
        number,
        ((5, 8),),
        "Inquiry",
    )
    await people.unfreeze(number, "Cleared")
    assert await people.restrictions() == ()
    audit = await people.check()
    assert (audit.findings, audit.issued_tonnes, audit.withdrawn_tonnes, audit.journal_entries) == (
        (),
        1_000,
        10,
        2,
    )
    await refused_with("already_corrected", people.correct(lot="LOT-1", serials=((30, 32),), reason="Meter"))
