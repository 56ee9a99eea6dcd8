"""One value has one spelling, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import formats


@given(st.integers(min_value=0, max_value=9_999_999_999))
def test_prices_read_as_they_are_written(price_fen: int) -> None:
    text = formats.price_text(price_fen)
    assert formats.parse_price(text) == price_fen
    assert text[-3] == "."


@given(st.integers(min_value=0, max_value=formats.LAST_NS))
def test_times_read_as_they_are_written_to_the_microsecond(at_ns: int) -> None:
    text = formats.time_text(at_ns)
    assert text.endswith("+08:00")
    assert formats.parse_time(text) == at_ns // 1_000 * 1_000


@given(st.text(max_size=40))
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    for read in (
        formats.parse_price,
        formats.parse_money,
        formats.parse_quantity,
        formats.parse_time,
        formats.parse_date,
        formats.parse_client_id,
    ):
        try:
            found = read(text)
        except ValueError:
            continue
        assert isinstance(found, int | str)


@pytest.mark.parametrize(
    "text", ["68", "68.5", "68.500", "-1.00", "+1.00", "01.00", "1e2", "٦.00", "1.00\n", "", " 1.00"]
)
def test_other_spellings_of_a_price_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two decimals"):
        formats.parse_price(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-23T09:30:00Z", "2026-11-23T17:30:00.000000+08:00"),
        ("2026-11-23t09:30:00.5z", "2026-11-23T17:30:00.500000+08:00"),
        ("2026-11-23T09:30:00.123456789-01:30", "2026-11-23T19:00:00.123456+08:00"),
    ],
)
def test_any_offset_is_read(text: str, same: str) -> None:
    assert formats.time_text(formats.parse_time(text)) == same


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T09:30:00",
        "2026-02-30T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2300-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "now",
    ],
)
def test_times_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which sentence it is does not matter
        formats.parse_time(text)


def test_a_fall_in_price_has_a_sign() -> None:
    assert formats.price_text(-5) == "-0.05"
