"""Deposits and withdrawals: the bank's word, its references, and money that is held until the bank has spoken."""

from itertools import product

import pytest

from settlement.commands import PayWithdrawal, RequestWithdrawal, ReturnWithdrawal
from settlement.depository import Depository
from settlement.events import Bucket, WithdrawalPaid, WithdrawalRequested, WithdrawalReturned
from settlement.rejections import Rejection
from settlement.treasury import LIFE, WithdrawalState, WithdrawalStep
from settlement.values import CASH, OUTSIDE, AccountId, ParticipantId, WithdrawalId
from tests.settlement.house import BUYER, SELLER, House, deposit

BANK = ParticipantId("bank")


def house(fen: int = 1_000) -> Depository:
    """The buyer has exactly this much."""
    depository = Depository()
    depository.treasury.deposit(deposit(BUYER, fen, "opening"))
    return depository


def ask(fen: int, account: AccountId = BUYER) -> RequestWithdrawal:
    return RequestWithdrawal(
        participant=ParticipantId("owner"), account=account, client_id="w", amount_fen=fen
    )


def paid(name: str = "wd-7", reference: str = "out-1", account: AccountId = BUYER) -> PayWithdrawal:
    return PayWithdrawal(
        participant=BANK,
        account=account,
        client_id="p",
        withdrawal_id=WithdrawalId(name),
        bank_reference=reference,
    )


def returned(name: str = "wd-7", account: AccountId = BUYER) -> ReturnWithdrawal:
    return ReturnWithdrawal(
        participant=BANK, account=account, client_id="r", withdrawal_id=WithdrawalId(name), reason="closed"
    )


def buckets(depository: Depository) -> tuple[int, int]:
    balance = depository.ledger.balance(BUYER, CASH)
    return balance.available, balance.held


def test_a_withdrawal_is_held_then_paid_and_gone() -> None:
    depository = house()
    requested, held = depository.treasury.request(ask(300), seq=7)  # type: ignore[misc] # not refused
    assert requested == WithdrawalRequested(
        withdrawal_id=WithdrawalId("wd-7"), account=BUYER, amount_fen=300, client_id="w"
    )
    assert (held.from_bucket, held.to_bucket) == (Bucket.AVAILABLE, Bucket.HELD)
    assert buckets(depository) == (700, 300)
    out, posted = depository.treasury.pay(paid())  # type: ignore[misc] # not refused
    assert out == WithdrawalPaid(
        withdrawal_id=WithdrawalId("wd-7"), account=BUYER, amount_fen=300, bank_reference="out-1"
    )
    assert (posted.amount, posted.to_account) == (300, OUTSIDE)
    assert buckets(depository) == (700, 0)
    assert depository.ledger.outside(CASH) == -700


def test_a_withdrawal_the_bank_cannot_pay_comes_back_whole() -> None:
    depository = house()
    depository.treasury.request(ask(1_000), seq=7)
    assert buckets(depository) == (0, 1_000)
    back, _ = depository.treasury.take_back(returned())  # type: ignore[misc] # not refused
    assert back == WithdrawalReturned(
        withdrawal_id=WithdrawalId("wd-7"), account=BUYER, amount_fen=1_000, reason="closed"
    )
    assert buckets(depository) == (1_000, 0)


@pytest.mark.parametrize(
    ("fen", "code", "limit"), [(0, "amount_not_positive", 1), (-1, "amount_not_positive", 1)]
)
def test_nothing_cannot_be_withdrawn(fen: int, code: str, limit: int) -> None:
    assert house().treasury.request(ask(fen), seq=7) == Rejection(code=code, limit=limit, actual=fen)


def test_one_fen_more_than_there_is_cannot_be_withdrawn() -> None:
    depository = house(fen=1_000)
    refused = depository.treasury.request(ask(1_001), seq=7)
    assert refused == Rejection(code="amount_above_withdrawable", limit=1_000, actual=1_001)
    assert buckets(depository) == (1_000, 0)


def test_held_money_cannot_be_withdrawn_again() -> None:
    depository = house(fen=1_000)
    depository.treasury.request(ask(600), seq=7)
    refused = depository.treasury.request(ask(401), seq=8)
    assert refused == Rejection(code="amount_above_withdrawable", limit=400, actual=401)


def test_money_due_from_a_sale_cannot_be_withdrawn_before_it_has_settled() -> None:
    made = House()
    made.bring(SELLER, "A", (1, 11), "2025-01-01")
    made.trade(5, 10)
    assert made.depository.treasury.withdrawable(SELLER) == 0
    (instruction,) = made.instruct()
    assert made.depository.treasury.withdrawable(SELLER) == 0
    made.answer(instruction)
    assert made.depository.treasury.withdrawable(SELLER) == 50


def end(depository: Depository, how: str, reference: str) -> object:
    if how == "pay":
        return depository.treasury.pay(paid(reference=reference))
    return depository.treasury.take_back(returned())


@pytest.mark.parametrize(("first", "second"), list(product(("pay", "return"), repeat=2)))
def test_a_withdrawal_ends_once(first: str, second: str) -> None:
    depository = house()
    depository.treasury.request(ask(300), seq=7)
    end(depository, first, "out-1")
    before = depository.dump()
    refused = end(depository, second, "out-2")
    assert isinstance(refused, Rejection)
    assert (refused.code, refused.actual) == ("withdrawal_ended", "paid" if first == "pay" else "returned")
    assert depository.dump() == before


def test_one_bank_reference_is_booked_once_whichever_way_the_money_went() -> None:
    depository = house()
    depository.treasury.request(ask(300), seq=7)
    out = depository.treasury.pay(paid(reference="opening"))
    assert out == Rejection(code="bank_reference_reused", actual="opening")
    depository.treasury.pay(paid(reference="out-1"))
    back = depository.treasury.deposit(deposit(BUYER, 5, "out-1"))
    assert back == Rejection(code="bank_reference_reused", actual="out-1")


@pytest.mark.parametrize(("name", "account"), [("wd-8", BUYER), ("wd-7", SELLER)])
def test_only_what_the_account_asked_for_can_end(name: str, account: AccountId) -> None:
    depository = house()
    depository.treasury.request(ask(300), seq=7)
    for refused in (
        depository.treasury.pay(paid(name, account=account)),
        depository.treasury.take_back(returned(name, account=account)),
    ):
        assert refused == Rejection(code="withdrawal_unknown", actual=name)
    assert buckets(depository) == (700, 300)


def test_a_snapshot_keeps_what_waits_and_what_has_ended() -> None:
    depository = house()
    for seq in (7, 8, 9):
        depository.treasury.request(ask(seq), seq=seq)
    depository.treasury.pay(paid("wd-7"))
    depository.treasury.take_back(returned("wd-8"))
    again = Depository.load(depository.dump())
    assert again.dump() == depository.dump()
    assert [held.withdrawal_id for held in again.treasury.held()] == ["wd-9"]
    for depot in (depository, again):
        refused = depot.treasury.pay(paid("wd-8", reference="out-2"))
        assert isinstance(refused, Rejection)
        assert refused.code == "withdrawal_ended"


def test_the_table_ends_every_withdrawal_in_one_step() -> None:
    assert set(LIFE) == {(WithdrawalState.HELD, step) for step in WithdrawalStep}
    assert WithdrawalState.HELD not in LIFE.values()
