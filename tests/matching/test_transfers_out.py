"""Units back to the management side: what is chosen, what is committed meanwhile, and every answer to it."""

import pytest

from matching.events import Event, Rejected
from matching.exchange import Exchange
from settlement.events import (
    InstructionKind,
    MovementConfirmed,
    MovementInstructed,
    MovementRefused,
    Posted,
    TransferCompleted,
    TransferFailed,
    TransferRequested,
)
from settlement.serials import Serials
from settlement.values import AccountId, InstructionId
from tests.matching.authorities import freeze, some, transfer_out
from tests.matching.driver import LISTING, Driver, instant, open_market


def market(**rules: int | str) -> Driver:
    """Anna has 30 t of an old lot and 20 t of a new one."""
    driver = open_market(**rules)
    driver.admit("anna")
    driver.admit("ben", fen=10**7)
    driver.bring("anna", "old", 30, "2024-01-01")
    driver.bring("anna", "new", 20, "2025-01-01")
    return driver


def lots(driver: Driver, account: str = "anna") -> dict[str, Serials]:
    held = driver.exchange.depository.holdings.of(AccountId(account), LISTING)
    return {str(part.lot_id): part.serials for part in held}


def buckets(driver: Driver) -> tuple[int, int, int]:
    """Available, held, delivering."""
    units = driver.units("anna")
    return (units.available, units.held, units.delivering)


def kinds(events: tuple[Event, ...]) -> list[type[Event]]:
    return [type(event) for event in events]


def test_a_quantity_leaves_oldest_first_and_is_gone_when_the_registry_confirms() -> None:
    driver = market()
    requested, posted, instructed = driver.accepted(transfer_out("anna", 35))
    assert isinstance(requested, TransferRequested)
    assert (requested.kind, requested.quantity_tonnes) == (InstructionKind.TRANSFER_OUT, 35)
    assert {part.lot_id: part.serials for part in requested.lots} == {"old": ((1, 31),), "new": ((1, 6),)}
    assert isinstance(posted, Posted)
    assert isinstance(instructed, MovementInstructed)
    assert instructed.instruction.instruction_id == f"out-{driver.seq}"
    assert buckets(driver) == (15, 0, 35)
    assert lots(driver) == {"new": ((6, 21),)}
    assert kinds(driver.answer(instructed.instruction)) == [MovementConfirmed, Posted, TransferCompleted]
    assert buckets(driver) == (15, 0, 0)
    assert driver.exchange.depository.ledger.outside(LISTING) == -15


def test_what_left_can_come_in_again_with_its_owner() -> None:
    driver = market()
    driver.accepted(transfer_out("anna", 10))
    driver.answer(driver.exchange.pending_instructions()[0])
    driver.answer(driver.transfer_in("anna", "old", ((1, 11),)))
    assert lots(driver) == {"old": ((1, 31),), "new": ((1, 21),)}


@pytest.mark.parametrize("code", ["serials_not_held", "account_frozen", "too_late", "not_authorised"])
def test_a_refusal_gives_everything_back_and_tells_the_participant(code: str) -> None:
    driver = market()
    before = driver.exchange.depository.dump()
    driver.accepted(transfer_out("anna", 0, some("new", (3, 7)), some("old", tonnes=2)))
    assert buckets(driver) == (44, 0, 6)
    events = driver.answer(driver.exchange.pending_instructions()[0], code)
    assert kinds(events) == [MovementRefused, Posted, TransferFailed]
    failed = events[-1]
    assert isinstance(failed, TransferFailed)
    assert (failed.kind, failed.code) == (InstructionKind.TRANSFER_OUT, code)
    assert driver.exchange.depository.dump() == before
    assert not driver.exchange.pending_instructions()


def test_named_serials_are_the_ones_that_leave() -> None:
    driver = market()
    driver.accepted(transfer_out("anna", 0, some("new", (3, 5), (9, 10)), some("old", tonnes=2)))
    (instruction,) = driver.exchange.pending_instructions()
    assert [(leg.lot_id, leg.serials) for leg in instruction.legs] == [
        ("new", ((3, 5), (9, 10))),
        ("old", ((1, 3),)),
    ]


def test_what_is_frozen_is_passed_over() -> None:
    driver = market()
    driver.accepted(freeze(lot_name="old", serials=((1, 26),)))
    driver.accepted(transfer_out("anna", 7))
    (instruction,) = driver.exchange.pending_instructions()
    assert [(leg.lot_id, leg.serials) for leg in instruction.legs] == [
        ("old", ((26, 31),)),
        ("new", ((1, 3),)),
    ]


def test_a_delivery_later_takes_other_serials_than_those_on_their_way_out() -> None:
    driver = market(settlement_cycle="as_traded")
    driver.accepted(transfer_out("anna", 10))
    driver.sell("anna", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    going, delivering = driver.exchange.pending_instructions()
    assert going.legs[0].serials == ((1, 11),)
    assert delivering.legs[0].serials == ((11, 16),)


def test_the_same_request_is_the_same_once() -> None:
    driver = market()
    command = transfer_out("anna", 10)
    driver.accepted(command)
    first = driver.seq
    (again,) = driver.accepted(command)
    assert (type(again).__name__, getattr(again, "first_seq", None)) == ("Replayed", first)
    (other,) = driver.do(transfer_out("anna", 11))
    assert isinstance(other, Rejected)
    assert other.code == "client_id_reused"
    assert buckets(driver) == (40, 0, 10)


def test_the_cut_off_belongs_to_the_trading_day_not_to_the_clock() -> None:
    driver = market(transfers_until="15:00")
    driver.at_ns = instant("2026-11-23", "14:59:59")
    driver.accepted(transfer_out("anna", 1))
    driver.at_ns = instant("2026-11-23", "15:00:00")
    (refused,) = driver.do(transfer_out("anna", 1, client_id="2"))
    assert refused == Rejected(
        code="transfer_cut_off",
        limit=instant("2026-11-23", "15:00:00"),
        actual=instant("2026-11-23", "15:00:00"),
    )
    driver.answer(driver.exchange.pending_instructions()[0])
    driver.at_ns = instant("2026-11-23", "18:00:00")
    driver.close()
    assert driver.exchange.trading_day == "2026-11-24"
    driver.accepted(transfer_out("anna", 1, client_id="3"))  # the evening before is early for the next day


def test_a_crash_on_the_way_out_changes_nothing() -> None:
    driver = market()
    driver.accepted(transfer_out("anna", 35))
    name = InstructionId(f"out-{driver.seq}")
    driver.exchange = Exchange.load(driver.exchange.dump())
    driver.exchange.check()
    (instruction,) = driver.exchange.pending_instructions()
    assert instruction.instruction_id == name
    driver.answer(instruction)
    assert buckets(driver) == (15, 0, 0)


def test_the_close_waits_for_no_transfer() -> None:
    driver = market()
    driver.accepted(transfer_out("anna", 5))
    driver.close(refuse=lambda _: None)
    assert driver.exchange.trading_day == "2026-11-24"
