"""Units bought to be used: committed from delivery on, cancelled by the registry, never anybody's to sell again."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.commands import Outcome, ResolveInstruction
from settlement.events import (
    Bucket,
    DeliveryFailed,
    DeliverySettled,
    Instruction,
    InstructionKind,
    LotSlice,
    MovementConfirmed,
    MovementInstructed,
    MovementRefused,
    Posted,
    RetirementCompleted,
    RetirementRefused,
)
from settlement.movements import TOO_LATE
from settlement.rejections import Rejection
from settlement.retirement import RetirementId, RetirementState
from settlement.values import CASH, FEES, AccountId, AssetCode, InstructionId
from tests.settlement.house import BUYER, DAY, EVENT, SELLER, UNITS, House, instructed, part, transfer_in

TRADE_1 = RetirementId("trade-1")


def house(tonnes: int = 100) -> House:
    made = House()
    made.bring(SELLER, "A", (1, 1 + tonnes), "2025-01-01")
    return made


def retired(made: House, account: AccountId) -> int:
    return made.depository.ledger.balance(account, UNITS).retired


def delivered_for_use(tonnes: int = 5) -> tuple[House, Instruction]:
    """A purchase for a use that has settled, and the retirement that is asked for."""
    made = house()
    made.trade(tonnes, use=EVENT)
    (delivery,) = made.instruct()
    (asked,) = instructed(made.answer(delivery))
    return made, asked


def retry(made: House, retirement_id: RetirementId = TRADE_1) -> Instruction:
    """An operator has the registry asked again."""
    again = made.movements.retirements.retry(retirement_id, made.next_seq(), DAY, 500)
    made.depository.check()
    return again.instruction


# ---- the way out ------------------------------------------------------------------------------------------------


def test_what_is_bought_for_a_use_is_never_available_to_its_buyer() -> None:
    made = house()
    made.trade(5, use=EVENT)
    (delivery,) = made.instruct()
    assert delivery.use is None
    confirmed, units, money, settled, asked = made.answer(delivery)
    assert isinstance(confirmed, MovementConfirmed)
    assert isinstance(units, Posted)
    assert (units.from_account, units.from_bucket) == (SELLER, Bucket.DELIVERING)
    assert (units.to_account, units.to_bucket) == (BUYER, Bucket.DELIVERING)
    assert isinstance(money, Posted)
    assert (money.asset, money.amount, money.to_account) == (CASH, 50, SELLER)
    assert isinstance(settled, DeliverySettled)
    assert (settled.use, settled.lots) == (EVENT, (part("A", (1, 6)),))
    assert isinstance(asked, MovementInstructed)
    assert made.buckets(BUYER, UNITS) == (0, 0, 5)
    assert made.depository.sellable(BUYER, UNITS) == 0
    assert made.holdings(BUYER) == {}
    assert made.movements.deliveries == {}


def test_the_registry_is_asked_to_retire_exactly_what_was_delivered() -> None:
    made = house(3)
    made.bring(SELLER, "older", (1, 3), "2024-01-01")
    made.trade(4, use=EVENT)
    (delivery,) = made.instruct()
    (asked,) = instructed(made.answer(delivery))
    assert (asked.kind, asked.use, asked.retirement_id) == (InstructionKind.RETIRE, EVENT, TRADE_1)
    assert asked.trading_day == DAY
    assert [(leg.leg, leg.lot_id, leg.serials, leg.trade_id) for leg in asked.legs] == [
        (1, "older", ((1, 3),), None),
        (2, "A", ((1, 3),), None),
    ]
    assert {leg.from_account for leg in asked.legs} == {BUYER}


def test_a_confirmed_retirement_is_final() -> None:
    made, asked = delivered_for_use()
    confirmed, posted, completed = made.answer(asked)
    assert isinstance(confirmed, MovementConfirmed)
    assert posted == Posted(
        asset=UNITS,
        amount=5,
        from_account=BUYER,
        from_bucket=Bucket.DELIVERING,
        to_account=BUYER,
        to_bucket=Bucket.RETIRED,
    )
    assert completed == RetirementCompleted(
        retirement_id=TRADE_1,
        account=BUYER,
        instrument=UNITS,
        quantity_tonnes=5,
        use=EVENT,
        lots=(part("A", (1, 6)),),
    )
    assert made.buckets(BUYER, UNITS) == (0, 0, 0)
    assert retired(made, BUYER) == 5
    assert made.depository.position(BUYER, UNITS) == 0
    assert not list(made.movements.retirements.records())
    assert not made.movements.retirements.is_refused(TRADE_1)


def test_a_second_answer_changes_nothing() -> None:
    made, asked = delivered_for_use()
    made.answer(asked)
    before = made.depository.dump()
    for outcome in Outcome:
        answer = ResolveInstruction(instruction_id=asked.instruction_id, outcome=outcome)
        again = made.movements.resolve(answer, made.next_seq(), 99)
        assert again == Rejection(code="instruction_unknown", actual=asked.instruction_id)
    assert made.depository.dump() == before


def test_purchases_for_a_use_and_others_settle_in_one_movement() -> None:
    made = house()
    for use in (None, EVENT, None, EVENT):
        made.trade(2, use=use)
    (delivery,) = made.instruct()
    asked = instructed(made.answer(delivery))
    assert [instruction.retirement_id for instruction in asked] == ["trade-2", "trade-4"]
    assert len({instruction.instruction_id for instruction in asked}) == 2
    assert made.buckets(BUYER, UNITS) == (4, 0, 4)
    for instruction in asked:
        made.answer(instruction)
    assert made.buckets(BUYER, UNITS) == (4, 0, 0)
    assert retired(made, BUYER) == 4
    assert made.holdings(BUYER) == {"A": ((1, 3), (5, 7))}


def test_under_next_day_resale_only_what_was_bought_to_keep_is_locked() -> None:
    made = house()
    made.movements.obligations.begin_day(DAY)
    made.trade(2, resale_next_day=True)
    made.trade(3, resale_next_day=True, use=EVENT)
    (delivery,) = made.instruct()
    made.answer(delivery)
    assert made.movements.obligations.locked == {(BUYER, UNITS): 2}
    assert made.depository.sellable(BUYER, UNITS) == 0
    made.movements.obligations.begin_day(DAY)
    assert made.depository.sellable(BUYER, UNITS) == 2


def test_a_delivery_that_fails_retires_nothing() -> None:
    made = house()
    made.trade(5, use=EVENT)
    (delivery,) = made.instruct()
    events = made.answer(delivery, "frozen")
    assert isinstance(events[-1], DeliveryFailed)
    assert instructed(events) == []
    assert made.buckets(SELLER, UNITS) == (100, 0, 0)
    assert made.buckets(BUYER, CASH) == (1_000_000, 0, 0)


def test_a_purchase_for_a_use_that_is_undone_retires_nothing() -> None:
    made = house()
    trade_id = made.trade(5, use=EVENT, fees=(3, 2))
    delivery, _ = made.movements.obligations.bust(trade_id)
    made.depository.check()
    assert delivery.use == EVENT
    assert made.buckets(SELLER, UNITS) == (100, 0, 0)
    assert made.buckets(BUYER, CASH) == (1_000_000, 0, 0)
    assert made.instruct() == []


# ---- refused ----------------------------------------------------------------------------------------------------


def test_a_refused_retirement_keeps_its_units_committed_until_asked_again() -> None:
    made, asked = delivered_for_use()
    refused, told = made.answer(asked, "account_frozen", 1)
    assert isinstance(refused, MovementRefused)
    assert told == RetirementRefused(
        retirement_id=TRADE_1,
        account=BUYER,
        instrument=UNITS,
        quantity_tonnes=5,
        use=EVENT,
        code="account_frozen",
    )
    assert made.buckets(BUYER, UNITS) == (0, 0, 5)
    assert made.movements.instructions == {}
    assert made.movements.retirements.is_refused(TRADE_1)
    assert made.movements.retirements.parked() == [part("A", (1, 6))]
    again = retry(made)
    assert again.instruction_id != asked.instruction_id
    assert (again.legs, again.use, again.retirement_id) == (asked.legs, EVENT, TRADE_1)
    assert again.not_after_ns == 500
    assert not made.movements.retirements.is_refused(TRADE_1)
    assert isinstance(made.answer(again)[-1], RetirementCompleted)
    assert retired(made, BUYER) == 5


def test_what_is_not_refused_cannot_be_asked_again() -> None:
    made, asked = delivered_for_use()
    assert not made.movements.retirements.is_refused(TRADE_1)
    with pytest.raises(KeyError):
        made.movements.retirements.retry(TRADE_1, 99, DAY, 500)
    made.answer(asked)
    with pytest.raises(KeyError):
        made.movements.retirements.retry(TRADE_1, 99, DAY, 500)


@pytest.mark.parametrize("leg", [None, 1])
def test_what_came_too_late_is_asked_again_by_itself(leg: int | None) -> None:
    made, asked = delivered_for_use()
    events = made.answer(asked, TOO_LATE, leg)
    assert isinstance(events[1], RetirementRefused)
    (again,) = instructed(events)
    assert again.instruction_id != asked.instruction_id
    assert again.not_after_ns > asked.not_after_ns
    assert again.legs == asked.legs
    assert made.movements.retirements.instructed() == 1
    made.answer(again)
    assert retired(made, BUYER) == 5


def test_serials_of_a_refused_retirement_cannot_arrive_again() -> None:
    made, asked = delivered_for_use()
    made.answer(asked, "account_frozen")
    refused = made.depository.refuse_transfer_in(transfer_in(SELLER, part("A", (1, 2))))
    assert refused is not None
    assert refused.code == "serials_already_here"


def test_answers_to_come_are_counted_until_the_last_retirement() -> None:
    made = house()
    for use in (None, EVENT, EVENT):
        made.trade(1, use=use)
    counts = [made.movements.unresolved()]
    (delivery,) = made.instruct()
    asked = instructed(made.answer(delivery))
    counts.append(made.movements.unresolved())
    made.answer(asked[0], "account_frozen")
    counts.append(made.movements.unresolved())
    made.answer(asked[1])
    counts.append(made.movements.unresolved())
    assert counts == [5, 2, 1, 0]


# ---- random lives -----------------------------------------------------------------------------------------------


@given(
    st.lists(st.booleans(), min_size=1, max_size=8),
    st.lists(st.sampled_from([None, None, "account_frozen", TOO_LATE]), max_size=40),
)
def test_every_life_ends_with_all_units_retired_and_none_lost(
    uses: list[bool], answers: list[str | None]
) -> None:
    made = house(len(uses))
    for is_used in uses:
        made.trade(1, use=EVENT if is_used else None)
    (delivery,) = made.instruct()
    waiting = instructed(made.answer(delivery))
    names = {instruction.instruction_id for instruction in waiting}
    answers = list(answers)
    while waiting:
        instruction = waiting.pop(0)
        made.reload()
        code = answers.pop(0) if answers else None
        following = instructed(made.answer(instruction, code))
        if code == "account_frozen":
            assert instruction.retirement_id is not None
            made.reload()
            following = [retry(made, instruction.retirement_id)]
        for one in following:
            assert one.instruction_id not in names
            names.add(one.instruction_id)
        waiting.extend(following)
        balance = made.depository.ledger.balance(BUYER, UNITS)
        assert balance.available == len(uses) - sum(uses)
        assert balance.delivering + balance.retired == sum(uses)
    assert retired(made, BUYER) == sum(uses)


# ---- fees -------------------------------------------------------------------------------------------------------


def test_fees_are_paid_when_the_trade_settles() -> None:
    made = house()
    made.trade(5, 10, fees=(3, 2))
    assert made.buckets(BUYER, CASH) == (999_947, 0, 53)
    (delivery,) = made.instruct()
    events = made.answer(delivery)
    settled = events[-1]
    assert isinstance(settled, DeliverySettled)
    assert (settled.amount_fen, settled.buyer_fee_fen, settled.seller_fee_fen) == (50, 3, 2)
    paid = [event for event in events if isinstance(event, Posted) and event.to_account == FEES]
    assert [(event.from_account, event.from_bucket, event.amount) for event in paid] == [
        (BUYER, Bucket.DELIVERING, 3),
        (SELLER, Bucket.AVAILABLE, 2),
    ]
    assert made.buckets(BUYER, CASH) == (999_947, 0, 0)
    assert made.buckets(SELLER, CASH) == (48, 0, 0)
    assert made.buckets(FEES, CASH) == (5, 0, 0)


def test_no_fee_posts_nothing() -> None:
    made = house()
    made.trade(5, 10)
    (delivery,) = made.instruct()
    assert all(event.to_account != FEES for event in made.answer(delivery) if isinstance(event, Posted))


@pytest.mark.parametrize("undo", ["fail", "bust"])
def test_a_trade_that_does_not_settle_costs_no_fee(undo: str) -> None:
    made = house()
    trade_id = made.trade(5, 10, fees=(3, 2))
    if undo == "fail":
        (delivery,) = made.instruct()
        made.answer(delivery, "frozen")
    else:
        made.movements.obligations.bust(trade_id)
        made.depository.check()
    assert made.buckets(BUYER, CASH) == (1_000_000, 0, 0)
    assert made.buckets(SELLER, CASH) == (0, 0, 0)
    assert made.buckets(FEES, CASH) == (0, 0, 0)


def test_a_fee_may_take_all_a_seller_gets() -> None:
    made = house()
    made.trade(5, 10, fees=(50, 50))
    (delivery,) = made.instruct()
    made.answer(delivery)
    assert made.buckets(SELLER, CASH) == (0, 0, 0)
    assert made.buckets(FEES, CASH) == (100, 0, 0)


def test_fees_survive_a_snapshot() -> None:
    made = house()
    made.trade(5, 10, fees=(3, 2), use=EVENT)
    made.reload()
    (delivery,) = made.instruct()
    made.reload()
    (asked,) = instructed(made.answer(delivery))
    made.reload()
    made.answer(asked)
    made.reload()
    assert made.buckets(FEES, CASH) == (5, 0, 0)
    assert retired(made, BUYER) == 5


# ---- soundness --------------------------------------------------------------------------------------------------


def lose_the_movement(made: House, asked: Instruction) -> None:
    del made.movements.instructions[asked.instruction_id]


def ask_twice(made: House, asked: Instruction) -> None:
    made.movements.instructions[InstructionId("again")] = asked


def forget_the_retirement(made: House, asked: Instruction) -> None:
    assert asked.retirement_id is not None
    made.movements.retirements._under_way.pop(asked.retirement_id)


def swap_the_serials(made: House, asked: Instruction) -> None:
    assert asked.retirement_id is not None
    made.movements.retirements._lots[asked.retirement_id] = (part("A", (1, 5)),)


def hand_the_serials_back(made: House, _: Instruction) -> None:
    made.depository.holdings.give(BUYER, (part("A", (1, 6)),))


def free_the_units(made: House, _: Instruction) -> None:
    made.depository.ledger.post(UNITS, 5, source=(BUYER, Bucket.DELIVERING), target=(BUYER, Bucket.AVAILABLE))


def say_it_was_refused(made: House, asked: Instruction) -> None:
    assert asked.retirement_id is not None
    made.movements.retirements._under_way[asked.retirement_id].state = RetirementState.REFUSED


def charge_more_than_was_committed(made: House, _: Instruction) -> None:
    made.trade(1, 10, fees=(1, 0))
    next(iter(made.movements.deliveries.values())).buyer_fee_fen = 2


@pytest.mark.parametrize(
    "tamper",
    [
        lose_the_movement,
        ask_twice,
        forget_the_retirement,
        swap_the_serials,
        hand_the_serials_back,
        free_the_units,
        say_it_was_refused,
        charge_more_than_was_committed,
    ],
)
def test_the_check_finds(tamper: Callable[[House, Instruction], None]) -> None:
    made, asked = delivered_for_use()
    made.depository.check()
    tamper(made, asked)
    with pytest.raises(AssertionError):
        made.depository.check()


@pytest.mark.parametrize("target", [Bucket.AVAILABLE, Bucket.HELD, Bucket.DELIVERING])
def test_the_ledger_lets_nothing_out_of_retired(target: Bucket) -> None:
    made, asked = delivered_for_use()
    made.answer(asked)
    with pytest.raises(AssertionError):
        made.depository.ledger.post(
            AssetCode(UNITS), 1, source=(BUYER, Bucket.RETIRED), target=(BUYER, target)
        )


def test_a_slice_of_nothing_is_never_parked() -> None:
    made, asked = delivered_for_use()
    assert made.movements.retirements.parked() == list[LotSlice]()
    made.answer(asked, "account_frozen")
    retry(made)
    assert made.movements.retirements.parked() == []
