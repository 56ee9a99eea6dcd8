"""The ledger: what it takes it gives, it refuses before it changes, and nothing leaves retirement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.events import Bucket
from settlement.ledger import Ledger
from settlement.values import CASH, OUTSIDE, AccountId, AssetCode

UNITS = AssetCode("U")
ANNA, BEN = AccountId("anna"), AccountId("ben")
BANK = (OUTSIDE, Bucket.OUTSIDE)

INSIDE: list[tuple[AccountId, Bucket]] = [
    (account, bucket) for account in (ANNA, BEN) for bucket in Bucket if bucket is not Bucket.OUTSIDE
]
PLACES = [BANK, *INSIDE]
POSTINGS = st.lists(
    st.tuples(
        st.sampled_from([CASH, UNITS]),
        st.integers(-2, 12),
        st.sampled_from(PLACES),
        st.sampled_from(PLACES),
    ),
    max_size=60,
)

Place = tuple[AccountId, Bucket]
Plain = dict[tuple[AssetCode, Place], int]


def amounts(ledger: Ledger) -> Plain:
    """Every place's amount, spelt out."""
    inside = {
        (asset, (account, bucket)): getattr(ledger.balance(account, asset), bucket.value)
        for asset in (CASH, UNITS)
        for account, bucket in INSIDE
    }
    return {**inside, **{(asset, BANK): ledger.outside(asset) for asset in (CASH, UNITS)}}


@given(POSTINGS)
def test_a_posting_moves_exactly_its_amount_or_nothing(
    postings: list[tuple[AssetCode, int, Place, Place]],
) -> None:
    ledger, plain = Ledger(), amounts(Ledger())
    for asset, amount, source, target in postings:
        there = plain[asset, source] if source != BANK else amount
        sound = amount > 0 and source[1] is not Bucket.RETIRED and source != target and there >= amount
        if sound:
            posted = ledger.post(asset, amount, source=source, target=target)
            plain[asset, source] -= amount
            plain[asset, target] += amount
            assert (posted.asset, posted.amount) == (asset, amount)
            assert (posted.from_account, posted.from_bucket) == source
            assert (posted.to_account, posted.to_bucket) == target
        else:
            with pytest.raises(AssertionError):
                ledger.post(asset, amount, source=source, target=target)
        assert amounts(ledger) == plain
        ledger.check()
    assert all(
        sum(amount for (of, _), amount in plain.items() if of == asset) == 0 for asset in (CASH, UNITS)
    )
    again = Ledger.load(ledger.dump())
    assert (amounts(again), again.dump()) == (plain, ledger.dump())
    again.check()


@pytest.mark.parametrize("target", [bucket for bucket in Bucket if bucket is not Bucket.RETIRED])
def test_a_retired_tonne_never_moves(target: Bucket) -> None:
    ledger = Ledger()
    ledger.post(UNITS, 5, source=BANK, target=(ANNA, Bucket.RETIRED))
    with pytest.raises(AssertionError, match="retired"):
        ledger.post(
            UNITS,
            1,
            source=(ANNA, Bucket.RETIRED),
            target=(OUTSIDE if target is Bucket.OUTSIDE else ANNA, target),
        )
    assert ledger.balance(ANNA, UNITS).retired == 5


def test_only_the_outside_is_outside() -> None:
    ledger = Ledger()
    with pytest.raises(AssertionError, match="not the outside"):
        ledger.post(CASH, 1, source=(ANNA, Bucket.OUTSIDE), target=(BEN, Bucket.AVAILABLE))
    assert ledger.dump() == ()


def test_giving_to_a_false_outside_takes_nothing_first() -> None:
    ledger = Ledger()
    ledger.post(CASH, 5, source=BANK, target=(ANNA, Bucket.AVAILABLE))
    with pytest.raises(AssertionError, match="not the outside"):
        ledger.post(CASH, 2, source=(ANNA, Bucket.AVAILABLE), target=(BEN, Bucket.OUTSIDE))
    assert ledger.available(ANNA, CASH) == 5
    ledger.check()


def test_a_broken_balance_is_found() -> None:
    ledger = Ledger()
    ledger.post(CASH, 5, source=BANK, target=(ANNA, Bucket.AVAILABLE))
    ledger.balance(ANNA, CASH).available = 6
    with pytest.raises(AssertionError, match="sums to 1"):
        ledger.check()
    ledger.balance(ANNA, CASH).available, ledger.balance(ANNA, CASH).held = -1, 6
    with pytest.raises(AssertionError, match="anna has"):
        ledger.check()


def test_asking_about_strangers_makes_no_balances() -> None:
    ledger = Ledger()
    assert ledger.available(BEN, CASH) == 0
    assert list(ledger.accounts()) == []
    assert list(ledger.assets(BEN)) == []
