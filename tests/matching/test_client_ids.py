"""A participant's own ids: the same request twice is the same once, for ever and per account."""

from dataclasses import replace

import pytest

from matching.client_ids import ClientIds
from matching.commands import SubmitOrder
from matching.events import Event, OrderAccepted, Rejected, Replayed
from matching.exchange import Exchange
from matching.order import Side, TimeInForce
from settlement.commands import ClientCommand, RegisterLot
from settlement.events import LotSlice, TransferRequested
from settlement.values import LotId
from tests.matching.driver import MONDAY, Driver, deposit, lot, open_market, order, transfer_in

BUY = Side.BUY


def market() -> Driver:
    driver = open_market()
    driver.admit("anna", tonnes=100)
    driver.admit("ben", fen=1_000_000)
    driver.admit("ben-2", fen=1_000_000)
    driver.accepted(RegisterLot(lot=lot("L", (1, 101))))
    return driver


def slices(end: int = 11) -> tuple[LotSlice, ...]:
    return (LotSlice(lot_id=LotId("L"), serials=((1, end),)),)


ORDER = order("ben", BUY, 10, 6_800, client_id="x")
DEPOSIT = deposit("ben", 5, client_id="x")
TRANSFER = transfer_in("ben", slices(), client_id="x")
REQUESTS: list[ClientCommand] = [ORDER, DEPOSIT, TRANSFER]


def repeat(driver: Driver, command: ClientCommand) -> tuple[Event, ...]:
    assert isinstance(command, SubmitOrder | type(DEPOSIT) | type(TRANSFER))
    return driver.do(command)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: type(one).__name__)
def test_the_same_request_again_points_to_its_first_answer(request_: ClientCommand) -> None:
    driver = market()
    repeat(driver, request_)
    first_seq = driver.seq
    before = driver.exchange.dump()
    for _ in range(2):
        assert repeat(driver, request_) == (Replayed(first_seq=first_seq),)
    after = driver.exchange.dump()
    assert replace(after, seq=before.seq) == before


@pytest.mark.parametrize(
    "other",
    [
        replace(ORDER, price_fen=6_801),
        replace(ORDER, quantity_tonnes=11),
        replace(ORDER, side=Side.SELL),
        replace(ORDER, time_in_force=TimeInForce.IOC),
        order("ben", BUY, 10, 6_800, client_id="x", listing="SHCERCIR2"),
        deposit("ben", 6, client_id="x"),
        deposit("ben", 5, client_id="x", reference="another"),
        transfer_in("ben", slices(12), client_id="x"),
        replace(TRANSFER, asked="another quantity"),
        transfer_in("ben", slices(), client_id="x", instrument="SHCERCIR2"),
    ],
)
def test_an_id_cannot_stand_for_another_content(other: ClientCommand) -> None:
    driver = market()
    for request in REQUESTS:
        repeat(driver, request)
    before = driver.exchange.dump()
    (refused,) = repeat(driver, other)
    assert refused == Rejected(code="client_id_reused", limit=None, actual="x")
    assert replace(driver.exchange.dump(), seq=before.seq) == before


def test_orders_transfers_and_deposits_have_ids_of_their_own() -> None:
    driver = market()
    answers = [repeat(driver, request)[0] for request in REQUESTS]
    assert not any(isinstance(answer, Rejected | Replayed) for answer in answers)


def test_each_account_has_ids_of_its_own() -> None:
    driver = market()
    for account in ("ben", "ben-2"):
        assert isinstance(driver.do(order(account, BUY, 10, 6_800, client_id="x"))[0], OrderAccepted)


def test_a_refused_request_has_used_its_id() -> None:
    driver = market()
    dear = order("anna", BUY, 1, 6_800, client_id="x")
    (refused,) = driver.do(dear)
    assert isinstance(refused, Rejected)
    first_seq = driver.seq
    driver.deposit("anna", 6_800)
    assert driver.do(dear) == (Replayed(first_seq=first_seq),)
    assert isinstance(driver.do(replace(dear, client_id="y"))[0], OrderAccepted)


def test_who_may_not_act_cannot_use_up_an_id() -> None:
    driver = market()
    driver.do(replace(ORDER, participant=order("anna", BUY, 1, 1).participant))
    assert isinstance(driver.do(ORDER)[0], OrderAccepted)


def test_a_deadline_is_no_part_of_the_content() -> None:
    driver = market()
    driver.do(ORDER)
    first_seq = driver.seq
    assert driver.do(replace(ORDER, deadline_ns=1)) == (Replayed(first_seq=first_seq),)


def test_a_request_may_be_decided_at_its_deadline_but_not_after() -> None:
    driver = market()
    assert isinstance(driver.do(replace(ORDER, deadline_ns=driver.at_ns))[0], OrderAccepted)
    late = replace(ORDER, client_id="late", deadline_ns=driver.at_ns)
    (refused,) = driver.do(late, driver.at_ns + 1)
    assert refused == Rejected(code="deadline_passed", limit=driver.at_ns - 1, actual=driver.at_ns)
    first_seq = driver.seq
    assert driver.do(late) == (Replayed(first_seq=first_seq),)


def test_ids_are_unique_across_days_and_snapshots() -> None:
    driver = market()
    driver.do(ORDER)
    first_seq = driver.seq
    driver.close()
    assert driver.exchange.trading_day != MONDAY
    driver.exchange = Exchange.load(driver.exchange.dump())
    assert driver.do(ORDER) == (Replayed(first_seq=first_seq),)


def test_a_transfer_asked_for_again_is_asked_of_the_registry_once() -> None:
    driver = market()
    assert isinstance(driver.do(TRANSFER)[0], TransferRequested)
    driver.do(TRANSFER)
    assert len(driver.exchange.pending_instructions()) == 1


def test_a_transfer_asked_for_again_is_the_same_whichever_serials_were_chosen_now() -> None:
    driver = market()
    first = replace(TRANSFER, asked="10 tonnes")
    driver.do(first)
    (again,) = driver.do(replace(first, lots=(LotSlice(lot_id=first.lots[0].lot_id, serials=((11, 21),)),)))
    assert again == Replayed(first_seq=driver.seq - 1)
    (asked,) = driver.exchange.pending_instructions()
    assert [leg.serials for leg in asked.legs] == [part.serials for part in first.lots]


def test_used_ids_come_back_from_a_snapshot_in_their_order() -> None:
    ids = ClientIds()
    for seq, request in enumerate(REQUESTS, 1):
        assert ids.first_use(request) is None
        ids.use(request, seq)
    again = ClientIds.load(ids.dump())
    assert again.dump() == ids.dump()
    assert [again.first_use(request) for request in REQUESTS] == [1, 2, 3]
