"""The ways in which other ledgers lost money on holds, each tried here by name.

They are known from the trackers and audits of ledgers that hold first and settle later: a balance that forgot what was
in flight, a hold given back twice, a refused hold completed, two completions of one remainder, a pair of which one
side did nothing, a movement that was over and still shown. A COMMIT whose answer was lost is tried where there is a
database (tests/gateway/engine/test_engine_lost_commit.py).
"""

from itertools import permutations

import pytest

from settlement.commands import Outcome, ResolveInstruction
from settlement.depository import Depository
from settlement.events import Bucket, Instruction
from settlement.ledger import Ledger
from settlement.lot_choice import LotChoice
from settlement.rejections import Rejection
from settlement.values import CASH, AccountId, AssetCode
from tests.settlement.house import (
    BUYER,
    EVENT,
    SELLER,
    UNITS,
    House,
    instructed,
    part,
)


def house() -> House:
    """The seller has a hundred units of one lot, the buyer a million fen."""
    at = House()
    at.bring(SELLER, "old", (1, 101), "2024-01-01")
    return at


def free(at: House, account: AccountId = SELLER) -> int:
    return at.depository.sellable(account, UNITS)


def confirm(at: House, instruction: Instruction) -> object:
    """The registry's word as the core hears it: an answer, or a refusal of one that is over."""
    command = ResolveInstruction(instruction_id=instruction.instruction_id, outcome=Outcome.CONFIRMED)
    answer = at.depository.resolve(command, at.next_seq(), 99)
    at.depository.check()
    return answer


def refuse(at: House, instruction: Instruction, code: str = "serials_not_held") -> object:
    command = ResolveInstruction(
        instruction_id=instruction.instruction_id, outcome=Outcome.REFUSED, code=code
    )
    answer = at.depository.resolve(command, at.next_seq(), 99)
    at.depository.check()
    return answer


# ---- an available balance that ignores what is in flight -----------------------------------------------------------


@pytest.mark.parametrize("steps", list(permutations(("hold", "trade", "instruct", "leave"))))
def test_what_is_in_flight_is_never_available(steps: tuple[str, ...]) -> None:
    at = house()
    committed = 0
    for step in steps:
        if step == "hold":
            at.depository.hold(SELLER, UNITS, 10)
            committed += 10
        elif step == "trade":
            at.trade(20)
            committed += 20
        elif step == "instruct":
            at.instruct()
        else:
            at.leave(SELLER, 30)
            committed += 30
        assert free(at) == 100 - committed
        assert isinstance(at.depository.choose(SELLER, UNITS, 101 - committed, ()), Rejection)
        with pytest.raises(AssertionError):
            at.depository.hold(SELLER, UNITS, 101 - committed)
    assert at.depository.ledger.balance(SELLER, UNITS).owned == 100


def test_the_very_serials_in_flight_are_never_chosen_again() -> None:
    at = house()
    at.trade(40)
    at.instruct()
    at.leave(SELLER, 20)
    chosen = at.depository.choose(SELLER, UNITS, 40, ())
    assert chosen == (part("old", (61, 101)),)
    for first, end in ((1, 2), (41, 42)):
        named = (LotChoice(lot_id=part("old").lot_id, serials=((first, end),)),)
        assert isinstance(at.depository.choose(SELLER, UNITS, 0, named), Rejection)


def test_the_buyers_money_in_flight_is_not_available() -> None:
    at = house()
    at.trade(10, 50_000)
    assert at.buckets(BUYER, CASH) == (500_000, 0, 500_000)
    with pytest.raises(AssertionError):
        at.depository.hold(BUYER, CASH, 500_001)


# ---- a hold released twice ------------------------------------------------------------------------------------------


def test_a_hold_is_given_back_once() -> None:
    at = house()
    at.depository.hold(SELLER, UNITS, 10)
    at.depository.release(SELLER, UNITS, 10)
    with pytest.raises(AssertionError, match="has 0 of U held, not 10"):
        at.depository.release(SELLER, UNITS, 10)
    assert at.buckets(SELLER, UNITS) == (100, 0, 0)


def test_a_hold_given_back_is_not_given_back_out_of_anothers() -> None:
    at = house()
    at.depository.hold(SELLER, UNITS, 10)
    at.depository.hold(BUYER, CASH, 10)
    with pytest.raises(AssertionError):
        at.depository.release(SELLER, UNITS, 11)
    at.depository.release(BUYER, CASH, 10)
    assert at.buckets(SELLER, UNITS) == (90, 10, 0)


def left_over(kind: str) -> int:
    """What the seller owns while a movement of a kind is under way, or was refused: what comes in was not here."""
    return 90 if kind == "in" else 100


@pytest.mark.parametrize("kind", ["delivery", "out", "in"])
def test_a_refusal_told_twice_gives_back_once(kind: str) -> None:
    at = house()
    instruction = under_way(at, kind)
    before_refusal = at.depository.dump()
    assert not isinstance(refuse(at, instruction), Rejection)
    after = at.depository.dump()
    assert after != before_refusal
    assert isinstance(refuse(at, instruction), Rejection)
    assert at.depository.dump() == after
    assert at.depository.ledger.balance(SELLER, UNITS).owned == left_over(kind)


def test_a_busted_trade_gives_back_once() -> None:
    at = house()
    trade_id = at.trade(10)
    at.movements.obligations.bust(trade_id)
    with pytest.raises(KeyError):
        at.movements.obligations.bust(trade_id)
    assert at.buckets(SELLER, UNITS) == (100, 0, 0)


# ---- a refused hold completed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["delivery", "out", "in"])
def test_what_was_refused_is_never_completed(kind: str) -> None:
    at = house()
    instruction = under_way(at, kind)
    refuse(at, instruction)
    after = at.depository.dump()
    assert isinstance(confirm(at, instruction), Rejection)
    assert at.depository.dump() == after


@pytest.mark.parametrize("kind", ["delivery", "out", "in"])
def test_what_was_completed_is_never_refused(kind: str) -> None:
    at = house()
    instruction = under_way(at, kind)
    confirm(at, instruction)
    after = at.depository.dump()
    assert isinstance(refuse(at, instruction), Rejection)
    assert at.depository.dump() == after


# ---- two completions reading one remainder --------------------------------------------------------------------------


def test_two_completions_of_one_commitment_are_one() -> None:
    """The core decides one command after another, so the second reads what the first has left: nothing."""
    at = house()
    at.trade(100)
    (instruction,) = at.instruct()
    assert not isinstance(confirm(at, instruction), Rejection)
    assert isinstance(confirm(at, instruction), Rejection)
    assert at.buckets(BUYER, UNITS) == (100, 0, 0)
    assert at.buckets(SELLER, CASH) == (1_000, 0, 0)


def test_two_requests_that_each_fit_alone_do_not_both_pass() -> None:
    at = house()
    for tonnes, fits in ((60, True), (60, False), (40, True), (1, False)):
        chosen = at.depository.choose(SELLER, UNITS, tonnes, ())
        assert isinstance(chosen, Rejection) is not fits
        if fits:
            at.leave(SELLER, tonnes)
    assert at.buckets(SELLER, UNITS) == (0, 0, 100)


def test_the_parts_of_one_commitment_never_add_up_to_more() -> None:
    at = house()
    for tonnes in (60, 40):
        at.trade(tonnes)
    instructions = at.instruct()
    tonnes = sum(end - first for one in instructions for leg in one.legs for first, end in leg.serials)
    assert tonnes == 100
    for instruction in instructions:
        confirm(at, instruction)
    assert at.depository.ledger.balance(BUYER, UNITS).owned == 100


# ---- one side of a pair doing nothing -------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, "serials_not_held", "too_late", "not_authorised"])
@pytest.mark.parametrize("use", [None, EVENT])
def test_both_legs_move_together_or_neither(answer: str | None, use: object) -> None:
    at = house()
    at.trade(10, use=EVENT if use else None, fees=(7, 9))
    (instruction,) = at.instruct()
    before = totals(at.depository)
    confirm(at, instruction) if answer is None else refuse(at, instruction, answer)
    moved = at.depository.ledger.balance(BUYER, UNITS).owned
    paid = at.depository.ledger.balance(SELLER, CASH).owned
    assert (moved, paid) in ((10, 100 - 9), (0, 0))
    assert (moved > 0) is (answer is None)
    assert totals(at.depository) == before


def test_a_posting_that_cannot_be_taken_is_not_given_either() -> None:
    ledger = Ledger()
    here, there = (SELLER, Bucket.AVAILABLE), (BUYER, Bucket.AVAILABLE)
    with pytest.raises(AssertionError):
        ledger.post(UNITS, 5, source=here, target=there)
    assert not list(ledger.accounts())
    ledger.check()


# ---- a finished movement still shown as pending ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["delivery", "out", "in", "use"])
@pytest.mark.parametrize("confirmed", [True, False])
def test_what_is_over_is_in_no_list_of_what_is_pending(kind: str, *, confirmed: bool) -> None:
    at = house()
    instruction = under_way(at, kind)
    assert instruction.instruction_id in at.movements.instructions
    confirm(at, instruction) if confirmed else refuse(at, instruction)
    assert instruction.instruction_id not in at.movements.instructions
    assert instruction.instruction_id not in {one.instruction_id for one in at.depository.dump().instructions}
    assert at.movements.unresolved() == 0
    serials = {(one.lot_id, one.serials) for one in at.movements.slices_in_flight()}
    kept = kind == "use" and not confirmed  # a refused retirement stays committed, and is asked for again
    assert bool(serials) is kept
    again = Depository.load(at.depository.dump())
    assert list(again.movements.instructions) == list(at.movements.instructions)


# ---- helpers --------------------------------------------------------------------------------------------------------


def under_way(at: House, kind: str) -> Instruction:
    """One movement of a kind that the registry has been asked for."""
    if kind == "in":
        at.leave(SELLER, 10)
        (leaving,) = at.movements.instructions.values()
        confirm(at, leaving)
        return at.ask_for(SELLER, part("old", (1, 11)))
    if kind == "out":
        return at.leave(SELLER, 10)
    at.trade(10, use=EVENT if kind == "use" else None)
    (instruction,) = at.instruct()
    if kind == "use":
        (instruction,) = instructed(at.answer(instruction))
    return instruction


def totals(depository: Depository) -> dict[AssetCode, int]:
    """What there is of each asset, wherever it is."""
    found: dict[AssetCode, int] = {}
    for account in depository.ledger.accounts():
        for asset, balance in depository.ledger.assets(account):
            found[asset] = found.get(asset, 0) + balance.owned + balance.retired
    return found
