"""The depository's guards: each refusal with its figures, and nothing changed by it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from settlement.account import ParticipantKind
from settlement.commands import AddInstrument, OpenAccount, RegisterLot, RegisterParticipant
from settlement.depository import Depository
from settlement.events import LotSlice, Posted
from settlement.instrument import Instrument
from settlement.lot import MAX_TONNES, MethodologyClass
from settlement.rejections import Rejection
from settlement.values import CASH, FEES, OUTSIDE, RETIRED, AccountId, AssetCode, ParticipantId
from tests.settlement.house import (
    BUYER,
    OTHER_UNITS,
    SELLER,
    UNITS,
    House,
    deposit,
    lot,
    part,
    transfer_in,
)

Question = Callable[[Depository], object]


def house() -> House:
    """Lot A has 100 t: the seller has 1 to 10, 11 to 20 are on their way to it."""
    made = House()
    made.depository.register_lot(RegisterLot(lot=lot("A")))
    made.answer(made.ask_for(SELLER, part("A", (1, 11))))
    made.ask_for(SELLER, part("A", (11, 21)))
    return made


def open_(account: str, owner: str = "seller-owner", registry_account: str = "another") -> Question:
    command = OpenAccount(
        account=AccountId(account), owner=ParticipantId(owner), registry_account=registry_account
    )
    return lambda depository: depository.open_account(command)


def add(code: str) -> Question:
    instrument = Instrument(code=AssetCode(code), methodology_class=MethodologyClass.I)
    return lambda depository: depository.add_instrument(AddInstrument(instrument=instrument))


def ask(*lots: LotSlice, account: AccountId = SELLER, instrument: AssetCode = UNITS) -> Question:
    command = transfer_in(account, *lots, instrument=instrument)
    return lambda depository: depository.refuse_transfer_in(command)


def learn(**differently: object) -> Question:
    command = RegisterLot(lot=replace(lot("B"), **differently))  # type: ignore[arg-type] # any field
    return lambda depository: depository.register_lot(command)


REFUSALS: list[tuple[str, Question]] = [
    (
        "participant_exists",
        lambda depository: depository.register_participant(
            RegisterParticipant(participant=ParticipantId("seller-owner"), kind=ParticipantKind.INDIVIDUAL)
        ),
    ),
    ("participant_unknown", open_("new", owner="nobody")),
    ("account_exists", open_("seller")),
    ("account_exists", open_(OUTSIDE)),
    ("account_exists", open_(FEES)),
    ("account_exists", open_(RETIRED)),
    ("registry_account_bound", open_("new", registry_account="registry-buyer")),
    ("instrument_exists", add(UNITS)),
    ("instrument_exists", add(CASH)),
    ("lot_exists", lambda depository: depository.register_lot(RegisterLot(lot=lot("A", (1, 102))))),
    ("instrument_unknown", learn(instrument=AssetCode("W"))),
    ("lot_class_differs", learn(instrument=OTHER_UNITS)),
    ("lot_class_differs", learn(methodology_class=MethodologyClass.II)),
    ("serials_malformed", learn(serials=(5, 5))),
    ("serials_malformed", learn(serials=(5, 1))),
    ("serials_malformed", learn(serials=(-1, 5))),
    ("serials_malformed", learn(serials=(1, MAX_TONNES + 2))),
    ("amount_not_positive", lambda depository: depository.treasury.deposit(deposit(BUYER, 0, "r"), 1_000)),
    ("amount_not_positive", lambda depository: depository.treasury.deposit(deposit(BUYER, -1, "r"), 1_000)),
    (
        "bank_reference_reused",
        lambda depository: depository.treasury.deposit(deposit(SELLER, 5, "opening"), 1_000),
    ),
    ("account_unknown", ask(part("A", (30, 31)), account=AccountId("x"))),
    ("instrument_unknown", ask(part("A", (30, 31)), instrument=AssetCode("W"))),
    ("serials_malformed", ask()),
    ("serials_malformed", ask(part("A", (30, 31)), part("A", (40, 41)))),
    ("serials_malformed", ask(part("A"))),
    ("serials_malformed", ask(part("A", (30, 31), (31, 32)))),
    ("serials_malformed", ask(part("A", (40, 41), (30, 31)))),
    ("serials_malformed", ask(part("A", (100, 102)))),
    ("serials_malformed", ask(part("A", (0, 1)))),
    ("lot_unknown", ask(part("Z", (1, 2)))),
    ("lot_unknown", ask(part("A", (30, 31)), instrument=OTHER_UNITS)),
    ("serials_already_here", ask(part("A", (10, 11)))),
    ("serials_already_here", ask(part("A", (20, 22)))),
    ("serials_already_here", ask(part("A", (12, 13), (30, 31)))),
]


@pytest.mark.parametrize(
    ("code", "question"), REFUSALS, ids=[f"{n}-{code}" for n, (code, _) in enumerate(REFUSALS)]
)
def test_a_refusal_has_its_code_and_changes_nothing(code: str, question: Question) -> None:
    depository = house().depository
    before = depository.dump()
    refused = question(depository)
    assert isinstance(refused, Rejection)
    assert refused.code == code
    assert depository.dump() == before
    depository.check()


def test_a_slice_outside_its_lot_is_told_the_lots_range() -> None:
    refused = ask(part("A", (100, 102)))(house().depository)
    assert refused == Rejection(code="serials_malformed", limit=(1, 100), actual="A")


def test_another_owners_account_is_not_yours() -> None:
    depository = house().depository
    stranger = replace(transfer_in(SELLER, part("A", (30, 31))), participant=ParticipantId("buyer-owner"))
    refused = depository.refuse_transfer_in(stranger)
    assert refused == Rejection(code="not_your_account", actual="seller")
    assert depository.mandates.refuse(ParticipantId("seller-owner"), SELLER, None) is None


def test_a_lot_may_be_told_twice() -> None:
    depository = house().depository
    before = depository.dump()
    assert depository.register_lot(RegisterLot(lot=lot("A"))) == ()
    assert depository.dump() == before


def test_a_lot_lies_here_in_a_bounded_number_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("settlement.depository.MAX_PIECES", 3)
    made = House()
    made.depository.register_lot(RegisterLot(lot=lot("A")))
    made.answer(made.ask_for(SELLER, part("A", (1, 2), (11, 12))))
    made.ask_for(BUYER, part("A", (21, 22)))  # under way counts as well
    refused = made.depository.refuse_transfer_in(transfer_in(SELLER, part("A", (31, 32))))
    assert refused is not None
    assert (refused.code, refused.limit, refused.actual) == ("lot_in_too_many_pieces", 3, 4)
    made.depository.register_lot(RegisterLot(lot=lot("B")))
    made.ask_for(SELLER, part("B", (31, 32), (41, 42), (51, 52)))


def test_serials_that_are_free_may_be_asked_for() -> None:
    assert ask(part("A", (21, 31), (90, 101)))(house().depository) is None


def test_a_deposit_is_posted_from_outside() -> None:
    depository = house().depository
    _, posted = depository.treasury.deposit(deposit(SELLER, 7, "r2"), 1_000)  # type: ignore[misc] # not refused
    assert isinstance(posted, Posted)
    assert (posted.asset, posted.amount) == (CASH, 7)
    assert (posted.from_account, posted.to_account) == (OUTSIDE, SELLER)
    assert depository.ledger.available(SELLER, CASH) == 7


def test_holding_and_releasing_are_each_others_contrary() -> None:
    made = house()
    made.depository.hold(SELLER, UNITS, 4)
    assert made.buckets(SELLER, UNITS) == (6, 4, 0)
    made.depository.release(SELLER, UNITS, 3)
    assert made.buckets(SELLER, UNITS) == (9, 1, 0)
    with pytest.raises(AssertionError, match="not 2"):
        made.depository.release(SELLER, UNITS, 2)
    with pytest.raises(AssertionError, match="not 10"):
        made.depository.hold(SELLER, UNITS, 10)


def test_a_depository_is_the_same_after_dump_and_load() -> None:
    made = house()
    made.trade(3)
    made.trade(2)
    made.movements.instruct(list(made.movements.uninstructed())[:1], 77, 99)
    again = Depository.load(made.depository.dump())
    again.check()
    assert again.dump() == made.depository.dump()


@pytest.mark.parametrize(
    ("code", "question"), REFUSALS, ids=[f"{n}-{code}" for n, (code, _) in enumerate(REFUSALS)]
)
def test_what_is_refused_is_refused_after_dump_and_load(code: str, question: Question) -> None:
    refused = question(Depository.load(house().depository.dump()))
    assert isinstance(refused, Rejection)
    assert refused.code == code


def test_tonnes_without_serials_are_found() -> None:
    made = house()
    made.depository.holdings.take_first(SELLER, UNITS, 1)
    with pytest.raises(AssertionError):
        made.depository.check()
