"""The life of a negotiated transfer: every pair of state and step, those in the table and those absent."""

from itertools import product

import pytest

from matching.fees import FeeTerms
from matching.negotiated import LIFE, NegotiatedState, NegotiatedStep, NegotiatedTransfer
from matching.order import Side
from matching.terms import NegotiatedId, NegotiatedTerms
from settlement.named_lots import NamedLot
from settlement.values import CASH, AccountId, AssetCode, LotId
from tests.life import goes_only_where_drawn

STATE, STEP = NegotiatedState, NegotiatedStep
DRAWN = """
    state         counter  confirm    review        execute   decline   withdraw   expire   reject
    filed         filed    confirmed  -             -         declined  withdrawn  expired  rejected
    confirmed     -        -          under_review  executed  -         -          -        rejected
    under_review  -        -          -             executed  -         -          expired  rejected
    executed      -        -          -             -         -         -          -        -
    declined      -        -          -             -         -         -          -        -
    withdrawn     -        -          -             -         -         -          -        -
    expired       -        -          -             -         -         -          -        -
    rejected      -        -          -             -         -         -          -        -
"""


def drawn() -> dict[tuple[NegotiatedState, NegotiatedStep], NegotiatedState]:
    """The table as it is drawn, above and in the module."""
    header, *rows = (line.split() for line in DRAWN.strip().splitlines())
    return {
        (STATE(row[0]), STEP(step)): STATE(after)
        for row in rows
        for step, after in zip(header[1:], row[1:], strict=True)
        if after != "-"
    }


def a_transfer(state: NegotiatedState = STATE.FILED, proposer: Side = Side.SELL) -> NegotiatedTransfer:
    terms = NegotiatedTerms(
        transfer_id=NegotiatedId(7),
        round_no=1,
        listing=AssetCode("U"),
        seller=AccountId("a"),
        buyer=AccountId("b"),
        price_fen=333,
        quantity_tonnes=10,
        lots=(NamedLot(lot_id=LotId("L"), quantity_tonnes=10, serials=((1, 11),)),),
        agreement_no="",
        expires_at_ns=None,
    )
    return NegotiatedTransfer(terms=terms, proposer=proposer, buyer_fee=FeeTerms(ppm=1_000), state=state)


@pytest.mark.parametrize(("state", "step"), list(product(NegotiatedState, NegotiatedStep)))
def test_a_transfer_goes_only_where_the_table_says(state: NegotiatedState, step: NegotiatedStep) -> None:
    goes_only_where_drawn(a_transfer(state), step, drawn())


def test_the_table_is_the_one_drawn_in_its_module() -> None:
    assert drawn() == LIFE
    text = NegotiatedTransfer.__module__
    module = __import__(text, fromlist=["LIFE"])
    assert DRAWN.strip() in str(module.__doc__)


@pytest.mark.parametrize("state", [one for one in STATE if one not in (STATE.FILED, STATE.UNDER_REVIEW)])
def test_only_what_is_filed_or_under_review_is_open(state: NegotiatedState) -> None:
    assert not a_transfer(state).is_open
    assert a_transfer().is_open
    assert a_transfer(STATE.UNDER_REVIEW).is_open


def test_cover_is_money_with_the_fee_for_a_buyer_and_tonnes_by_name_for_a_seller() -> None:
    transfer = a_transfer()
    buying, selling = transfer.cover(Side.BUY), transfer.cover(Side.SELL)
    assert (buying.account, buying.asset, buying.amount, buying.lots) == ("b", CASH, 3_333, ())
    assert (selling.account, selling.asset, selling.amount) == ("a", "U", 10)
    assert [(part.lot_id, part.serials) for part in selling.lots] == [("L", ((1, 11),))]


def test_whose_cover_is_held_follows_from_the_state() -> None:
    transfer = a_transfer()
    transfer.covered = (Side.SELL,)
    transfer.check()
    transfer.covered = (Side.BUY,)
    with pytest.raises(AssertionError, match="covered by"):
        transfer.check()
    reviewed = a_transfer(STATE.UNDER_REVIEW)
    with pytest.raises(AssertionError, match="covered by"):
        reviewed.check()
    ended = a_transfer(STATE.DECLINED)
    ended.check()
    ended.covered = (Side.SELL,)
    with pytest.raises(AssertionError, match="has ended"):
        ended.check()
