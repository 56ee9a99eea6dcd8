"""What the registry's answers change: arrivals, deliveries against payment, refusals narrowed to their culprit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.commands import Outcome, RegisterLot, ResolveInstruction
from settlement.delivery import DeliveryState
from settlement.depository import Depository
from settlement.events import (
    Bucket,
    DeliveryFailed,
    DeliverySettled,
    Instruction,
    MovementConfirmed,
    MovementRefused,
    TransferCompleted,
    TransferFailed,
)
from settlement.movements import MAX_LEGS, TOO_LATE
from settlement.rejections import Rejection
from settlement.values import CASH, InstructionId, TradingDay
from tests.settlement.house import BUYER, DAY, SELLER, UNITS, House, instructed, lot, part


def house(tonnes: int = 100) -> House:
    made = House()
    made.bring(SELLER, "A", (1, 1 + tonnes), "2025-01-01")
    return made


def trades_of(instruction: Instruction) -> list[int | None]:
    return list(dict.fromkeys(leg.trade_id for leg in instruction.legs))


# ---- transfers in -----------------------------------------------------------------------------------------------


def test_units_arrive_with_the_registrys_confirmation_and_not_before() -> None:
    made = House()
    made.depository.register_lot(RegisterLot(lot=lot("A")))
    asked = made.ask_for(SELLER, part("A", (1, 11), (21, 31)))
    assert made.buckets(SELLER, UNITS) == (0, 0, 0)
    assert made.holdings(SELLER) == {}
    confirmed, _, completed = made.answer(asked)
    assert isinstance(confirmed, MovementConfirmed)
    assert isinstance(completed, TransferCompleted)
    assert (completed.quantity_tonnes, completed.lots) == (20, (part("A", (1, 11), (21, 31)),))
    assert made.buckets(SELLER, UNITS) == (20, 0, 0)
    assert made.holdings(SELLER) == {"A": ((1, 11), (21, 31))}


def test_a_refused_transfer_leaves_everything_as_it_was() -> None:
    made = House()
    made.depository.register_lot(RegisterLot(lot=lot("A")))
    before = made.depository.dump()
    refused, failed = made.answer(made.ask_for(SELLER, part("A", (1, 11))), "not_held", 1)
    assert isinstance(refused, MovementRefused)
    assert (refused.code, refused.leg) == ("not_held", 1)
    assert isinstance(failed, TransferFailed)
    assert made.depository.dump() == before
    assert made.ask_for(SELLER, part("A", (1, 11))).instruction_id != refused.instruction_id


def test_a_transfer_of_two_lots_is_one_movement_of_two_legs() -> None:
    made = House()
    for name in ("A", "B"):
        made.depository.register_lot(RegisterLot(lot=lot(name)))
    asked = made.ask_for(BUYER, part("A", (1, 3)), part("B", (1, 4)))
    assert [(leg.leg, leg.lot_id, leg.trade_id) for leg in asked.legs] == [(1, "A", None), (2, "B", None)]
    made.answer(asked)
    assert made.buckets(BUYER, UNITS) == (5, 0, 0)


# ---- the size of a movement -------------------------------------------------------------------------------------


def in_crumbs(tonnes: int) -> House:
    """Every serial of the seller's stands alone."""
    made = House()
    made.depository.register_lot(RegisterLot(lot=lot("A", (0, 1_000))))
    made.answer(made.ask_for(SELLER, part("A", *((2 * n, 2 * n + 1) for n in range(tonnes)))))
    return made


def ranges_of(asked: Instruction) -> int:
    return sum(len(leg.serials) for leg in asked.legs)


@pytest.mark.parametrize(
    ("trades", "ranges", "movements"),
    [
        ([2, 2, 1], [5], [[1, 2, 3]]),
        ([2, 2, 2], [4, 2], [[1, 2], [3]]),
        ([6, 1, 1], [6, 2], [[1], [2, 3]]),
        ([1, 6, 5], [1, 6, 5], [[1], [2], [3]]),
        ([1, 4, 1, 4, 1], [5, 5, 1], [[1, 2], [3, 4], [5]]),
    ],
)
def test_a_movement_carries_a_bounded_number_of_ranges_but_for_a_single_delivery(
    monkeypatch: pytest.MonkeyPatch, trades: list[int], ranges: list[int], movements: list[list[int]]
) -> None:
    monkeypatch.setattr("settlement.movements.MAX_RANGES", 5)
    made = in_crumbs(20)
    for tonnes in trades:
        made.trade(tonnes)
    asked = made.instruct()
    assert [ranges_of(one) for one in asked] == ranges
    assert [trades_of(one) for one in asked] == movements
    assert all([leg.leg for leg in one.legs] == list(range(1, len(one.legs) + 1)) for one in asked)
    for one in asked:
        made.answer(one)
    assert made.buckets(BUYER, UNITS) == (sum(trades), 0, 0)


# ---- answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", Outcome)
def test_an_answer_to_no_question_is_refused(outcome: Outcome) -> None:
    made = house()
    before = made.depository.dump()
    unknown = ResolveInstruction(instruction_id=InstructionId("dvp-9-9"), outcome=outcome)
    refused = made.movements.resolve(unknown, made.next_seq(), 99)
    assert refused == Rejection(code="instruction_unknown", actual="dvp-9-9")
    assert made.depository.dump() == before


@pytest.mark.parametrize("first", Outcome)
@pytest.mark.parametrize("second", Outcome)
def test_a_second_answer_changes_nothing(first: Outcome, second: Outcome) -> None:
    made = house()
    made.trade(5)
    (asked,) = made.instruct()
    answer = ResolveInstruction(instruction_id=asked.instruction_id, outcome=first)
    made.movements.resolve(answer, made.next_seq(), 99)
    before = made.depository.dump()
    again = made.movements.resolve(replace(answer, outcome=second), made.next_seq(), 99)
    assert again == Rejection(code="instruction_unknown", actual=asked.instruction_id)
    assert made.depository.dump() == before


# ---- delivery versus payment ------------------------------------------------------------------------------------


def test_a_confirmed_delivery_moves_both_legs_in_one_step() -> None:
    made = house()
    made.trade(5, 10)
    (asked,) = made.instruct()
    assert made.buckets(SELLER, UNITS) == (95, 0, 5)
    assert made.buckets(BUYER, CASH) == (999_950, 0, 50)
    settled = made.answer(asked)[-1]
    assert isinstance(settled, DeliverySettled)
    assert settled.lots == (part("A", (1, 6)),)
    assert made.buckets(SELLER, UNITS) == (95, 0, 0)
    assert made.buckets(BUYER, UNITS) == (5, 0, 0)
    assert made.buckets(BUYER, CASH) == (999_950, 0, 0)
    assert made.buckets(SELLER, CASH) == (50, 0, 0)
    assert made.holdings(BUYER) == {"A": ((1, 6),)}
    assert made.movements.deliveries == {}


def test_a_refused_delivery_gives_both_legs_back() -> None:
    made = house()
    before = made.depository.dump()
    made.trade(5)
    (asked,) = made.instruct()
    failed = made.answer(asked, "frozen")[-1]
    assert isinstance(failed, DeliveryFailed)
    assert (failed.trade_id, failed.code) == (1, "frozen")
    # The seller got a balance of nothing in cash by being asked; what anyone has is as before.
    assert made.depository.dump().holdings == before.holdings
    assert made.buckets(SELLER, UNITS) == (100, 0, 0)
    assert made.buckets(BUYER, CASH) == (1_000_000, 0, 0)


def test_the_oldest_lots_are_delivered_first() -> None:
    made = house(3)
    made.bring(SELLER, "older", (1, 3), "2024-01-01")
    made.trade(4)
    (asked,) = made.instruct()
    assert [(leg.lot_id, leg.serials, leg.leg) for leg in asked.legs] == [
        ("older", ((1, 3),), 1),
        ("A", ((1, 3),), 2),
    ]
    assert {(leg.from_account, leg.to_account) for leg in asked.legs} == {(SELLER, BUYER)}


def test_many_deliveries_go_in_movements_of_a_thousand_legs() -> None:
    made = house(2 * MAX_LEGS + 1)
    for _ in range(2 * MAX_LEGS + 1):
        made.trade_unchecked(1)
    asked = made.instruct()
    assert [len(instruction.legs) for instruction in asked] == [MAX_LEGS, MAX_LEGS, 1]
    assert [leg.leg for leg in asked[1].legs] == list(range(1, MAX_LEGS + 1))
    assert len({instruction.instruction_id for instruction in asked}) == 3


def house_of_single_tonnes(tonnes: int) -> House:
    """Every tonne of the seller's is a lot of its own, so that each takes a leg."""
    made = House()
    names = [f"lot-{number:04}" for number in range(tonnes)]
    for name in names:
        made.depository.register_lot(RegisterLot(lot=lot(name, (1, 2))))
    made.answer(made.ask_for(SELLER, *(part(name, (1, 2)) for name in names)))
    return made


def test_a_delivery_is_never_split_over_two_movements() -> None:
    made = house_of_single_tonnes(1_601)
    for tonnes in (600, 400, 600, 1):
        made.trade(tonnes)
    asked = made.instruct()
    assert [(trades_of(instruction), len(instruction.legs)) for instruction in asked] == [
        ([1, 2], MAX_LEGS),
        ([3, 4], 601),
    ]


def test_a_delivery_of_more_lots_than_a_movement_carries_goes_alone() -> None:
    made = house_of_single_tonnes(MAX_LEGS + 2)
    made.trade(MAX_LEGS + 1)
    made.trade(1)
    asked = made.instruct()
    assert [(trades_of(instruction), len(instruction.legs)) for instruction in asked] == [
        ([1], MAX_LEGS + 1),
        ([2], 1),
    ]


def test_nothing_to_deliver_asks_nothing() -> None:
    assert house().instruct() == []


# ---- refusals ---------------------------------------------------------------------------------------------------


def three_trades() -> tuple[House, Instruction]:
    """Trade 2 takes two lots: legs 2 and 3."""
    made = house(15)
    made.bring(SELLER, "B", (1, 21), "2025-02-01")
    for tonnes in (10, 10, 10):
        made.trade(tonnes)
    (asked,) = made.instruct()
    assert [(leg.leg, leg.trade_id) for leg in asked.legs] == [(1, 1), (2, 2), (3, 2), (4, 3)]
    return made, asked


@pytest.mark.parametrize(("leg", "culprit"), [(1, 1), (2, 2), (3, 2), (4, 3)])
def test_a_refusal_that_names_a_leg_fails_its_delivery_only(leg: int, culprit: int) -> None:
    made, asked = three_trades()
    events = made.answer(asked, "frozen", leg)
    assert [event.trade_id for event in events if isinstance(event, DeliveryFailed)] == [culprit]
    (again,) = instructed(events)
    assert trades_of(again) == [trade for trade in (1, 2, 3) if trade != culprit]
    assert [part.leg for part in again.legs] == list(range(1, len(again.legs) + 1))
    serials_before = {old.serials for old in asked.legs if old.trade_id != culprit}
    assert {new.serials for new in again.legs} == serials_before
    settled = [event for event in made.answer(again) if isinstance(event, DeliverySettled)]
    assert len(settled) == 2
    assert made.movements.deliveries == {}


@pytest.mark.parametrize("leg", [None, 0, 5, 1_000])
def test_a_refusal_that_names_no_leg_there_is_halves_the_movement(leg: int | None) -> None:
    made, asked = three_trades()
    events = made.answer(asked, "frozen", leg)
    assert [trades_of(instruction) for instruction in instructed(events)] == [[1], [2, 3]]
    assert not any(isinstance(event, DeliveryFailed) for event in events)


@given(st.integers(1, 17), st.sets(st.integers(1, 17)), st.booleans())
def test_halving_finds_exactly_the_culprits(deliveries: int, culprits: set[int], names_leg: bool) -> None:
    made = house(deliveries)
    for _ in range(deliveries):
        made.trade(1)
    waiting, asked_names, failed, settled = made.instruct(), set[str](), set[int](), set[int]()
    while waiting:
        instruction = waiting.pop(0)
        assert instruction.instruction_id not in asked_names
        asked_names.add(instruction.instruction_id)
        bad = [leg.leg for leg in instruction.legs if leg.trade_id in culprits]
        events = made.answer(instruction, "frozen" if bad else None, bad[0] if bad and names_leg else None)
        waiting.extend(instructed(events))
        failed |= {event.trade_id for event in events if isinstance(event, DeliveryFailed)}
        settled |= {event.trade_id for event in events if isinstance(event, DeliverySettled)}
    everyone = set(range(1, deliveries + 1))
    assert (failed, settled) == (culprits & everyone, everyone - culprits)
    assert made.buckets(SELLER, UNITS) == (len(failed), 0, 0)
    assert made.buckets(SELLER, CASH) == (10 * len(settled), 0, 0)


@pytest.mark.parametrize("leg", [None, 1])
@pytest.mark.parametrize("deliveries", [1, 2, 5])
def test_what_came_too_late_is_asked_again_whole_under_a_new_name(deliveries: int, leg: int | None) -> None:
    made = house()
    for _ in range(deliveries):
        made.trade(1)
    (asked,) = made.instruct()
    (again,) = instructed(made.answer(asked, TOO_LATE, leg))
    assert again.instruction_id != asked.instruction_id
    assert again.not_after_ns > asked.not_after_ns
    assert again.legs == asked.legs
    made.answer(again)
    assert made.buckets(BUYER, UNITS) == (deliveries, 0, 0)


def test_a_transfer_that_came_too_late_fails_and_may_be_asked_for_again() -> None:
    made = House()
    made.depository.register_lot(RegisterLot(lot=lot("A")))
    events = made.answer(made.ask_for(SELLER, part("A", (1, 11))), TOO_LATE)
    assert isinstance(events[-1], TransferFailed)
    made.answer(made.ask_for(SELLER, part("A", (1, 11))))
    assert made.buckets(SELLER, UNITS) == (10, 0, 0)


def test_movements_are_the_same_after_dump_and_load_at_each_answer() -> None:
    made, asked = three_trades()
    waiting = [asked]
    while waiting:
        made.depository = Depository.load(made.depository.dump())
        made.movements = made.depository.movements
        instruction = waiting.pop(0)
        assert made.movements.instructions[instruction.instruction_id] == instruction
        many = len(trades_of(instruction)) > 1
        waiting.extend(instructed(made.answer(instruction, "frozen" if many else None)))
    assert made.buckets(BUYER, UNITS) == (30, 0, 0)


def test_an_instructed_delivery_without_its_movement_is_found() -> None:
    made = house()
    made.trade(5)
    (asked,) = made.instruct()
    del made.movements.instructions[asked.instruction_id]
    with pytest.raises(AssertionError):
        made.movements.check()


# ---- busts and resale -------------------------------------------------------------------------------------------


def test_a_bust_returns_both_sides_and_takes_the_obligation_away() -> None:
    made = house()
    before = made.depository.dump()
    kept, gone = made.trade(30), made.trade(20)
    with_both = made.depository.position(BUYER, UNITS)
    delivery, posted = made.movements.obligations.bust(gone)
    made.depository.check()
    assert delivery.state is DeliveryState.BUSTED
    assert [(one.asset, one.amount, one.to_bucket) for one in posted] == [
        (UNITS, 20, Bucket.AVAILABLE),
        (CASH, 200, Bucket.AVAILABLE),
    ]
    assert made.depository.position(BUYER, UNITS) == with_both - 20
    assert not made.movements.obligations.is_uninstructed(gone)
    assert made.movements.obligations.is_uninstructed(kept)
    made.movements.obligations.bust(kept)
    assert made.depository.dump() == before


def test_only_what_is_not_instructed_can_be_busted() -> None:
    made = house()
    trade_id = made.trade(30)
    made.instruct()
    assert not made.movements.obligations.is_uninstructed(trade_id)
    with pytest.raises(KeyError):
        made.movements.obligations.bust(trade_id)


@pytest.mark.parametrize(
    ("resale_next_day", "received_on", "sellable"),
    [(True, DAY, 0), (True, TradingDay("2026-11-24"), 30), (False, DAY, 30)],
)
def test_only_a_purchase_of_the_same_day_is_locked(
    resale_next_day: bool,
    received_on: TradingDay,
    sellable: int,
) -> None:
    made = house()
    made.movements.obligations.begin_day(DAY)
    made.trade_unchecked(30, resale_next_day=resale_next_day)
    (asked,) = made.instruct()
    made.movements.obligations.begin_day(received_on)
    made.answer(asked)
    made.depository.check()
    assert made.depository.sellable(BUYER, UNITS) == sellable
    again = Depository.load(made.depository.dump())
    assert again.sellable(BUYER, UNITS) == sellable
    assert again.dump() == made.depository.dump()
    made.movements.obligations.begin_day(TradingDay("2026-11-25"))
    assert made.depository.sellable(BUYER, UNITS) == 30


def test_units_locked_that_are_not_there_are_found() -> None:
    made = house()
    made.movements.obligations.locked[BUYER, UNITS] = 1
    with pytest.raises(AssertionError, match="bought today"):
        made.depository.check()


def test_a_false_count_of_what_is_coming_is_found() -> None:
    made = house()
    made.trade(30)
    made.movements.obligations.incoming[BUYER, UNITS] = 29
    with pytest.raises(AssertionError, match="incoming"):
        made.depository.check()
