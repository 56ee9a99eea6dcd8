"""The registry's notices: in their order, each once, and none of them able to silence the rest."""

from dataclasses import replace

import pytest

from matching.events import Rejected
from matching.exchange import Exchange
from settlement.commands import RegisterLot, TakeNotice
from settlement.custody_events import LotChanged, NoticeTaken, UnitsArrived
from settlement.events import LotRegistered, LotSlice, MovementInstructed
from settlement.lot import MAX_TONNES, MethodologyClass
from settlement.notice import NoticeKind
from settlement.values import AccountId, AssetCode, LotId
from tests.matching.authorities import Registry, notice, transfer_out
from tests.matching.driver import CLASS_II, LISTING, Driver, lot, open_market, transfer_in


def market() -> Driver:
    """Anna has 100 t of a lot of 200."""
    driver = open_market()
    driver.admit("anna", fen=10**7)
    driver.accepted(RegisterLot(lot=lot("solar", (1, 201))))
    driver.answer(driver.transfer_in("anna", "solar", ((1, 101),)))
    return driver


def cursor(driver: Driver) -> int:
    return driver.exchange.depository.custody.notices.cursor


def faults(driver: Driver) -> list[str | None]:
    return [event.fault for event in driver.events if isinstance(event, NoticeTaken)]


def test_notices_are_taken_in_order_and_one_taken_before_says_nothing() -> None:
    driver = market()
    first = notice(1, NoticeKind.ACCOUNT_RESTRICTED, "anna")
    assert driver.accepted(first)
    after = driver.exchange.dump()
    assert driver.accepted(first) == ()
    assert replace(driver.exchange.dump(), seq=after.seq) == after
    (refused,) = driver.do(notice(3, NoticeKind.UNFROZEN, "anna"))
    assert refused == Rejected(code="notice_out_of_order", limit=2, actual=3)
    driver.accepted(notice(2, NoticeKind.UNFROZEN, "anna"))
    assert cursor(driver) == 2


@pytest.mark.parametrize("sequence", [0, -1])
def test_a_number_that_no_notice_has_says_nothing(sequence: int) -> None:
    driver = market()
    assert driver.accepted(notice(sequence, NoticeKind.ACCOUNT_RESTRICTED, "anna")) == ()
    driver.buy("anna", 1, 6_800)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("freeze_malformed", notice(1, NoticeKind.ACCOUNT_RESTRICTED)),
        ("freeze_malformed", notice(1, NoticeKind.LOT_FROZEN, "anna")),
        ("freeze_unknown", notice(1, NoticeKind.UNFROZEN, "anna")),
        ("serials_malformed", notice(1, NoticeKind.LOT_FROZEN, None, "solar", ((5, 5),))),
        ("lot_unknown", notice(1, NoticeKind.CORRECTED, None, "nothing", ((5, 6),))),
        ("serials_malformed", notice(1, NoticeKind.CORRECTED, None, "solar", ((200, 202),))),
        ("serials_malformed", notice(1, NoticeKind.TRANSFERRED_IN, "anna", "solar")),
        ("serials_malformed", notice(1, NoticeKind.TRANSFERRED_IN, None, "solar", ((101, 102),))),
        ("lot_exists", notice(1, NoticeKind.LOT_CHANGED, lot=lot("solar", (1, 202)))),
        (
            "instrument_unknown",
            notice(1, NoticeKind.LOT_ISSUED, lot=lot("x", instrument=AssetCode("NOPE"))),
        ),
        (
            "lot_class_differs",
            notice(1, NoticeKind.LOT_ISSUED, lot=lot("x", methodology_class=MethodologyClass.II)),
        ),
        ("serials_malformed", notice(1, NoticeKind.LOT_ISSUED, lot=lot("x", (5, 5)))),
        ("serials_malformed", notice(1, NoticeKind.LOT_ISSUED, lot=lot("x", (0, MAX_TONNES + 1)))),
    ],
    ids=str,
)
def test_what_cannot_be_acted_upon_is_taken_with_its_fault_and_stops_nothing(
    fault: str, said: object
) -> None:
    driver = market()
    before = driver.exchange.depository.dump()
    (taken,) = driver.accepted(said)  # type: ignore[arg-type] # parametrised
    assert isinstance(taken, NoticeTaken)
    assert taken.fault == fault
    after = driver.exchange.depository.dump()
    assert replace(after, custody=replace(after.custody, notice_cursor=0)) == before
    driver.accepted(notice(2, NoticeKind.ACCOUNT_RESTRICTED, "anna"))
    assert faults(driver) == [fault, None]


# ---- lots -------------------------------------------------------------------------------------------------------


def test_a_lot_issued_is_known_and_the_same_again_is_nothing_new() -> None:
    driver = market()
    registry = Registry(driver)
    _, registered = registry.says(NoticeKind.LOT_ISSUED, lot=lot("wind"))
    assert registered == LotRegistered(lot=lot("wind"))
    assert len(registry.says(NoticeKind.LOT_ISSUED, lot=lot("wind"))) == 1
    assert len(registry.says(NoticeKind.LOT_ISSUED, None, "of a class not listed")) == 1


def test_a_changed_lot_is_told_and_delivered_by_its_new_date() -> None:
    driver = market()
    driver.admit("ben", fen=10**7)
    driver.bring("anna", "wind", 50, "2024-06-01")
    _, changed = Registry(driver).says(
        NoticeKind.LOT_CHANGED,
        lot=replace(lot("solar", (1, 201)), project="two roofs", issued_on="2024-01-01"),
    )
    assert isinstance(changed, LotChanged)
    assert (changed.lot.project, changed.lot.issued_on) == ("two roofs", "2024-01-01")
    driver.exchange = Exchange.load(driver.exchange.dump())
    held = list(driver.exchange.depository.holdings.of(AccountId("anna"), LISTING))
    assert [part.lot_id for part in held] == ["solar", "wind"]
    driver.sell("anna", 1, 6_800)
    driver.buy("ben", 1, 6_800)
    driver.close()
    assert [part.lot_id for part in driver.exchange.depository.holdings.of(AccountId("ben"), LISTING)] == [
        "solar"
    ]


# ---- what an owner moved in by itself ---------------------------------------------------------------------------


def arrivals(driver: Driver) -> list[tuple[str, int, int]]:
    return [
        (event.account, event.quantity_tonnes, event.notice_sequence)
        for event in driver.events
        if isinstance(event, UnitsArrived)
    ]


def test_what_an_owner_moved_in_is_credited_once() -> None:
    driver = market()
    said = notice(1, NoticeKind.TRANSFERRED_IN, "anna", "solar", ((101, 121),))
    driver.accepted(said)
    driver.accepted(said)
    assert arrivals(driver) == [("anna", 20, 1)]
    assert driver.units("anna").available == 120
    assert driver.exchange.depository.ledger.outside(LISTING) == -120
    driver.sell("anna", 120, 6_800)


def told(sequence: int, entry: int, *serials: tuple[int, int]) -> TakeNotice:
    said = notice(sequence, NoticeKind.TRANSFERRED_IN, "anna", "solar", serials)
    return replace(said, notice=replace(said.notice, journal_sequence=entry))


def test_an_entry_told_again_under_another_number_is_not_credited_when_its_units_have_left() -> None:
    driver = market()
    driver.accepted(told(1, 7, (101, 121)))
    driver.exchange = Exchange.load(driver.exchange.dump())
    driver.accepted(told(2, 7, (101, 121)))
    driver.accepted(told(3, 6, (121, 131)))
    assert faults(driver) == [None, "notice_out_of_order", "notice_out_of_order"]
    asked = driver.accepted(transfer_out("anna", 120))
    driver.answer(next(event.instruction for event in asked if isinstance(event, MovementInstructed)))
    assert arrivals(driver) == [("anna", 20, 1)]
    assert driver.units("anna").available == 0
    driver.accepted(told(4, 9, (101, 121)))  # moved in once more, by an entry of its own
    assert driver.units("anna").available == 20


def test_one_entry_may_be_told_in_several_notices() -> None:
    driver = market()
    driver.accepted(told(1, 7, (101, 111)))
    driver.accepted(told(2, 7, (111, 121)))
    assert arrivals(driver) == [("anna", 10, 1), ("anna", 10, 2)]


def test_it_waits_for_its_account_and_is_credited_when_that_opens() -> None:
    driver = market()
    Registry(driver).says(NoticeKind.TRANSFERRED_IN, "dora", "solar", ((101, 121),))
    assert arrivals(driver) == []
    driver.exchange = Exchange.load(driver.exchange.dump())
    driver.admit("dora")
    assert arrivals(driver) == [("dora", 20, 1)]
    assert driver.units("dora").available == 20


def test_it_waits_for_its_lot_and_is_credited_when_that_is_learnt() -> None:
    driver = market()
    Registry(driver).says(NoticeKind.TRANSFERRED_IN, "anna", "later", ((1, 6),))
    assert arrivals(driver) == []
    driver.accepted(
        RegisterLot(lot=lot("later", (1, 11), instrument=CLASS_II, methodology_class=MethodologyClass.II))
    )
    assert arrivals(driver) == [("anna", 5, 1)]


def test_serials_also_asked_for_here_are_credited_once_whichever_was_first_there() -> None:
    driver = market()
    asked = driver.transfer_in("anna", "solar", ((101, 111),))
    Registry(driver).says(NoticeKind.TRANSFERRED_IN, "anna", "solar", ((101, 111),))
    assert arrivals(driver) == []
    driver.answer(asked, "serials_not_held")  # the owner had moved them already
    assert arrivals(driver) == [("anna", 10, 1)]
    assert driver.units("anna").available == 110


def test_serials_somebody_has_here_are_not_credited_again() -> None:
    driver = market()
    driver.admit("ben")
    Registry(driver).says(NoticeKind.TRANSFERRED_IN, "ben", "solar", ((91, 101),))
    assert arrivals(driver) == []
    assert driver.units("ben").available == 0  # the comparison of positions will find it
    assert len(driver.exchange.depository.custody.notices.arrivals) == 1


def test_what_arrives_frozen_is_frozen() -> None:
    driver = market()
    registry = Registry(driver)
    registry.says(NoticeKind.LOT_FROZEN, None, "solar", ((111, 116),))
    registry.says(NoticeKind.TRANSFERRED_IN, "anna", "solar", ((101, 121),))
    assert (driver.units("anna").available, driver.units("anna").frozen) == (115, 5)


def test_before_the_first_day_an_arrival_waits_for_it() -> None:
    driver = Driver()
    driver.found()
    driver.admit("anna")
    driver.accepted(RegisterLot(lot=lot("solar", (1, 201))))
    Registry(driver).says(NoticeKind.TRANSFERRED_IN, "anna", "solar", ((1, 11),))
    Registry(driver).says(NoticeKind.ACCOUNT_RESTRICTED, "anna")
    assert arrivals(driver) == []
    driver.open()
    assert arrivals(driver) == [("anna", 10, 1)]


def test_an_expected_serial_is_not_asked_for_twice() -> None:
    driver = market()
    Registry(driver).says(NoticeKind.TRANSFERRED_IN, "anna", "solar", ((101, 121),))
    (refused,) = driver.do(transfer_in("anna", (LotSlice(lot_id=LotId("solar"), serials=((110, 111),)),)))
    assert isinstance(refused, Rejected)
    assert refused.code == "serials_already_here"
