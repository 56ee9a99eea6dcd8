"""The tables themselves: what they accept, and that a false one fails."""

import pytest

from tests.scenarios.table import fen, parse, play, yuan

TRUE = """
    accounts: who  | cash     | units
              anna |     0.00 |    10
              ben  | 1,000.00 |     0

    orders: who  | order             | outcome
            anna | sell 10 at 68.00  | rests 10
            ben  | buy 4 at 68.00    | trades 4 at 68.00 with anna

    book: buy | price | sell
              | 68.00 | anna 6

    accounts: who  | cash   | cash due | units | units held | units due
              anna |   0.00 |     0.00 |     0 |          6 |         4
              ben  | 728.00 |   272.00 |     0 |          0 |         0
"""


def test_a_true_table_plays() -> None:
    assert play(TRUE).seq > 0


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("rests 10", "rests 9"),
        ("trades 4 at 68.00 with anna", "trades 4 at 68.00 with ben"),
        ("trades 4 at 68.00 with anna", ""),
        ("anna 6", "anna 5"),
        ("      | 68.00 | anna 6", "anna 6 | 68.00 |"),
        ("728.00", "728.01"),
        ("272.00", "271.00"),
        ("buy 4 at 68.00 ", "bid 4 at 68.00"),
        ("ben  | 1,000.00", "ben  | 1,000.0"),
        ("|     0.00 |    10", "|     0.00"),
    ],
)
def test_a_false_table_fails(true: str, false: str) -> None:
    assert true in TRUE
    with pytest.raises((AssertionError, KeyError)):
        play(TRUE.replace(true, false, 1))


def test_a_block_is_its_columns_and_rows() -> None:
    (block,) = parse("book: buy | price | sell\n  a 1 | 68.00 |\n")
    assert (block.kind, block.columns) == ("book", ("buy", "price", "sell"))
    assert block.rows == ({"buy": "a 1", "price": "68.00", "sell": ""},)


@pytest.mark.parametrize(("text", "amount"), [("0.00", 0), ("68.05", 6_805), ("1,234,567.89", 123_456_789)])
def test_yuan_and_fen(text: str, amount: int) -> None:
    assert (fen(text), yuan(amount)) == (amount, text)
