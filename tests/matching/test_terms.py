"""The hash of terms: of a text anybody can write, another one for whatever differs."""

from dataclasses import replace
from hashlib import sha256

import pytest

from matching.order import Side
from matching.terms import NegotiatedId, NegotiatedTerms
from settlement.named_lots import NamedLot
from settlement.values import AccountId, AssetCode, LotId

TERMS = NegotiatedTerms(
    transfer_id=NegotiatedId(812),
    round_no=2,
    listing=AssetCode("SHCERCIR1"),
    seller=AccountId("anna"),
    buyer=AccountId("ben"),
    price_fen=6_850,
    quantity_tonnes=30,
    lots=(
        NamedLot(lot_id=LotId("L-1"), quantity_tonnes=20, serials=((1, 11), (21, 31))),
        NamedLot(lot_id=LotId("L-2"), quantity_tonnes=10),
    ),
    agreement_no="2026/17",
    expires_at_ns=1_795_000_000_000_000_000,
)
TEXT = """\
puhui negotiated transfer 1
transfer=812
round=2
listing=SHCERCIR1
seller=anna
buyer=ben
price_fen=6850
quantity_tonnes=30
agreement_no=2026/17
expires_at_ns=1795000000000000000
lot=20 1-11,21-31 L-1
lot=10 any L-2
"""


def test_the_hash_is_of_the_text_the_documentation_gives() -> None:
    assert TERMS.text == TEXT
    assert TERMS.hash == sha256(TEXT.encode()).hexdigest()
    assert TERMS.hash == "31c1093f7e830df3f856307a94fb725bac57f05a80dc60a1d3e8d47e67155178"


def test_what_is_absent_is_written_as_nothing() -> None:
    bare = replace(TERMS, buyer=None, agreement_no="", expires_at_ns=None, lots=())
    assert "buyer=\n" in bare.text
    assert "agreement_no=\n" in bare.text
    assert bare.text.endswith("expires_at_ns=\n")


OTHER: list[NegotiatedTerms] = [
    replace(TERMS, transfer_id=NegotiatedId(813)),
    replace(TERMS, round_no=3),
    replace(TERMS, listing=AssetCode("SHCERCIIR1")),
    replace(TERMS, seller=AccountId("alan")),
    replace(TERMS, buyer=None),
    replace(TERMS, seller=AccountId("ben"), buyer=AccountId("anna")),
    replace(TERMS, price_fen=6_851),
    replace(TERMS, quantity_tonnes=31),
    replace(TERMS, lots=()),
    replace(TERMS, lots=TERMS.lots[::-1]),
    replace(TERMS, lots=(TERMS.lots[0], replace(TERMS.lots[1], serials=((1, 11),)))),
    replace(TERMS, agreement_no="2026/18"),
    replace(TERMS, agreement_no="2026/17 "),
    replace(TERMS, expires_at_ns=None),
]


@pytest.mark.parametrize("other", OTHER, ids=range(len(OTHER)))
def test_other_terms_have_another_hash(other: NegotiatedTerms) -> None:
    assert other.hash != TERMS.hash


def test_no_value_can_be_written_so_that_it_reads_as_another_line() -> None:
    inside = replace(TERMS, lots=(), agreement_no="1\nexpires_at_ns=5", expires_at_ns=None)
    assert inside.text.count("\nexpires_at_ns=") == 1
    assert replace(TERMS, agreement_no="\\n").text != replace(TERMS, agreement_no="\n").text


def test_each_side_is_somebodys() -> None:
    assert TERMS.account_of(Side.SELL) == "anna"
    assert TERMS.account_of(Side.BUY) == "ben"
