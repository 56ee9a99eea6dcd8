"""What the command line shows of a negotiated transfer before it quotes its hash, and how lots are written."""

import hashlib
import unicodedata
from typing import Any

import pytest

from gateway.cli.faults import CommandFault
from gateway.cli.negotiate import checked_hash
from gateway.cli.negotiated_tables import boxes, show_transfer
from gateway.cli.negotiated_templates import read_lot
from gateway.cli.output import Output
from gateway.cli.words import NEGOTIATED_CHANGE, NEGOTIATED_REASON, NEGOTIATED_STATE
from matching.negotiated import ExpiryCause, NegotiatedState
from matching.terms import NegotiatedId, NegotiatedTerms
from settlement.values import AccountId, AssetCode

TERMS = NegotiatedTerms(
    transfer_id=NegotiatedId(4711),
    round_no=1,
    listing=AssetCode("SHCERCIR1"),
    seller=AccountId("A-seller"),
    buyer=AccountId("A-buyer"),
    price_fen=7_000,
    quantity_tonnes=100,
    lots=(),
    agreement_no="合同-7",
    expires_at_ns=None,
)


def transfer(**given: Any) -> dict[str, Any]:
    """As the exchange answers it."""
    lot = {
        "lot": "L-7",
        "class": "I",
        "methodology": "SHCER-01 1",
        "project": "浦东屋顶光伏",
        "period": "2025-01-01/2025-12-31",
        "quantity": "100",
        "serials": [[1, 101]],
    }
    plain = {
        "id": "4711",
        "state": "filed",
        "reason": None,
        "limit": None,
        "actual": None,
        "review_reason": None,
        "ended_by": None,
        "listing": "SHCERCIR1",
        "seller": "A-seller",
        "buyer": "A-buyer",
        "price": "70.00",
        "quantity": "100",
        "amount": "7000.00",
        "lots": [lot],
        "agreement_no": "合同-7",
        "round": 1,
        "proposed_by": "A-seller",
        "changed": [],
        "turn": "A-buyer",
        "expires_at": None,
        "seconds_left": 300,
        "trade_id": None,
        "terms_hash": TERMS.hash,
        "terms_text": TERMS.text,
    }
    return plain | given


def test_the_hash_quoted_is_that_of_the_terms_shown() -> None:
    assert checked_hash(transfer()) == hashlib.sha256(TERMS.text.encode()).hexdigest()


@pytest.mark.parametrize(
    "given",
    [
        {"price": "69.99"},
        {"quantity": "101"},
        {"buyer": "A-other"},
        {"seller": None},
        {"round": 2},
        {"id": "4712"},
        {"listing": "SHCERCIIR1"},
        {"terms_hash": "0" * 64},
        {"terms_text": TERMS.text.replace("7000", "7001")},
    ],
)
def test_nothing_is_confirmed_that_differs_from_what_is_shown(given: dict[str, Any]) -> None:
    with pytest.raises(CommandFault):
        checked_hash(transfer(**given))


@pytest.mark.parametrize(
    ("text", "lot"),
    [
        ("L-7:100", {"lot": "L-7", "quantity": "100"}),
        ("L-7:1-101", {"lot": "L-7", "serials": [[1, 101]]}),
        ("L-7:1-11,21-31", {"lot": "L-7", "serials": [[1, 11], [21, 31]]}),
        ("a:b:5", {"lot": "a:b", "quantity": "5"}),
    ],
)
def test_a_lot_as_people_write_it(text: str, lot: dict[str, Any]) -> None:
    assert read_lot(text) == lot


@pytest.mark.parametrize("text", ["L-7", "L-7:", ":5", "L-7:1-", "L-7:1-2-3", "L-7:-5", "L-7:one", "L-7:1–5"])
def test_a_lot_that_is_none(text: str) -> None:
    with pytest.raises(CommandFault):
        read_lot(text)


def test_every_state_has_its_chinese_term() -> None:
    assert set(NEGOTIATED_STATE) == {state.value for state in NegotiatedState}
    assert set(NEGOTIATED_REASON) == {cause.value for cause in ExpiryCause}
    assert set(NEGOTIATED_CHANGE) == {"price", "quantity", "lots", "expires_at"}


def test_columns_stand_below_each_other_in_chinese(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    output = Output(as_json=False)
    boxes(output, "收件箱", [transfer(), transfer(id="4712", agreement_no="x", state="executed", turn=None)])
    show_transfer(output, transfer())
    said = capsys.readouterr().out
    assert all(words in said for words in ("浦东屋顶光伏", "已申报", "条件哈希值", TERMS.hash, "[1, 101)"))
    lines = said.splitlines()
    heading = next(line for line in lines if "协议编号" in line)
    first, second = (next(line for line in lines if f" {name} " in line) for name in ("4711", "4712"))
    for column, value in (("协议编号", "合同-7"), ("状态", "已申报")):
        assert width(heading[: heading.index(column)]) == width(first[: first.index(value)])
    assert width(first[: first.index("合同-7")]) == width(second[: second.index(" x ") + 1])


def width(text: str) -> int:
    """Cells of a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
