"""Bands by size: how tiers are read, and which one a size is in."""

import pytest

from matching.negotiated_rules import BandTier, basis_points_for, parse_tiers

SHANGHAI = "3000 below 500000; none"


def test_tiers_are_read_by_rising_size() -> None:
    assert parse_tiers(SHANGHAI) == (
        BandTier(below_tonnes=500_000, basis_points=3_000),
        BandTier(below_tonnes=None, basis_points=None),
    )
    assert parse_tiers("none") == (BandTier(below_tonnes=None, basis_points=None),)
    assert parse_tiers("0 below 5;none below 7 ; 20000")[1:] == (
        BandTier(below_tonnes=7, basis_points=None),
        BandTier(below_tonnes=None, basis_points=20_000),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3000 below 500000",
        "3000; none",
        "3000 below 500000; none;",
        "3000 below 5; 2000 below 5; none",
        "3000 below 5; 2000 below 4; none",
        "3000 below 0; none",
        "3000 above 5; none",
        "-1",
        "100000",
        "3000 below 1234567890123; none",
        "٣ below 5; none",
    ],
)
def test_what_leaves_sizes_out_or_cannot_be_read_is_no_list_of_tiers(text: str) -> None:
    with pytest.raises(ValueError, match=r"tier|rise"):
        parse_tiers(text)


@pytest.mark.parametrize(
    ("tonnes", "basis_points"), [(1, 3_000), (499_999, 3_000), (500_000, None), (10**9, None)]
)
def test_a_size_is_in_the_first_tier_that_is_larger(tonnes: int, basis_points: int | None) -> None:
    assert basis_points_for(parse_tiers(SHANGHAI), tonnes) == basis_points
