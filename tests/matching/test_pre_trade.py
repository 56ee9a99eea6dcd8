"""Guards before the book: each at its very edge, and in their order of precedence."""

from dataclasses import dataclass

import pytest

from matching.events import OrderAccepted, Rejected
from matching.order import Side, TimeInForce
from tests.matching.driver import Driver, open_market, order, shanghai_market

BUY, SELL = Side.BUY, Side.SELL


def market(**rules: int | str) -> Driver:
    """Anna has 100,000 t; Ben has all the money one could need."""
    driver = open_market(**rules)
    driver.admit("anna", tonnes=100_000)
    driver.admit("ben", fen=10**12)
    return driver


def outcome(driver: Driver, account: str, side: Side, tonnes: int, price_fen: int) -> str:
    """`accepted`, or the code of the refusal."""
    events = driver.order(account, side, tonnes, price_fen, TimeInForce.IOC)
    match events[0]:
        case Rejected(code=code):
            return code
        case OrderAccepted():
            return "accepted"
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize(
    ("rules", "tonnes", "price_fen", "expected"),
    [
        # Band 61.20 to 74.80 around 68.00, both ends included.
        ({}, 1, 6_119, "price_outside_band"),
        ({}, 1, 6_120, "accepted"),
        ({}, 1, 7_480, "accepted"),
        ({}, 1, 7_481, "price_outside_band"),
        # With a band of 10.01 %: 6119.32 and 7480.68, half up or inward.
        ({"band_basis_points": 1_001}, 1, 6_118, "price_outside_band"),
        ({"band_basis_points": 1_001}, 1, 6_119, "accepted"),
        ({"band_basis_points": 1_001}, 1, 7_481, "accepted"),
        ({"band_basis_points": 1_001}, 1, 7_482, "price_outside_band"),
        ({"band_basis_points": 1_001, "band_rounding": "inward"}, 1, 6_119, "price_outside_band"),
        ({"band_basis_points": 1_001, "band_rounding": "inward"}, 1, 6_120, "accepted"),
        ({"band_basis_points": 1_001, "band_rounding": "inward"}, 1, 7_480, "accepted"),
        ({"band_basis_points": 1_001, "band_rounding": "inward"}, 1, 7_481, "price_outside_band"),
        ({"band_basis_points": 0}, 1, 6_799, "price_outside_band"),
        ({"band_basis_points": 0}, 1, 6_800, "accepted"),
        ({"band_basis_points": 0}, 1, 6_801, "price_outside_band"),
        # A tick of 5 fen.
        ({"tick_fen": 5}, 1, 6_804, "price_not_on_tick"),
        ({"tick_fen": 5}, 1, 6_805, "accepted"),
        ({"tick_fen": 5}, 1, 6_806, "price_not_on_tick"),
        ({}, 1, 0, "price_not_on_tick"),
        ({}, 1, -1, "price_not_on_tick"),
        # Trading units of 10 t.
        ({"lot_tonnes": 10}, 9, 6_800, "quantity_not_in_lots"),
        ({"lot_tonnes": 10}, 10, 6_800, "accepted"),
        ({"lot_tonnes": 10}, 11, 6_800, "quantity_not_in_lots"),
        # Below 100,000 t, above nothing.
        ({}, 0, 6_800, "quantity_below_minimum"),
        ({}, -1, 6_800, "quantity_below_minimum"),
        ({}, 1, 6_800, "accepted"),
        ({}, 99_999, 6_800, "accepted"),
        ({}, 100_000, 6_800, "quantity_above_maximum"),
        ({"listed_min_tonnes": 50}, 49, 6_800, "quantity_below_minimum"),
        ({"listed_min_tonnes": 50}, 50, 6_800, "accepted"),
        ({"listed_max_tonnes": 50}, 50, 6_800, "accepted"),
        ({"listed_max_tonnes": 50}, 51, 6_800, "quantity_above_maximum"),
    ],
)
@pytest.mark.parametrize(("account", "side"), [("anna", SELL), ("ben", BUY)])
def test_one_step_inside_and_one_step_outside(  # noqa: PLR0917 - a column of the table each
    account: str, side: Side, rules: dict[str, int | str], tonnes: int, price_fen: int, expected: str
) -> None:
    assert outcome(market(**rules), account, side, tonnes, price_fen) == expected


def test_an_order_needs_its_last_fen() -> None:
    driver = open_market()
    driver.admit("ben", fen=67_999)
    refused = driver.order("ben", BUY, 10, 6_800)
    assert refused == (Rejected(code="insufficient_cash", limit=67_999, actual=68_000),)
    driver.deposit("ben", 1)
    driver.buy("ben", 10, 6_800)
    assert (driver.cash("ben").available, driver.cash("ben").held) == (0, 68_000)


def test_an_order_needs_its_last_tonne() -> None:
    driver = open_market()
    driver.admit("anna", tonnes=9)
    refused = driver.order("anna", SELL, 10, 6_800)
    assert refused == (Rejected(code="insufficient_units", limit=9, actual=10),)
    driver.bring("anna", "one-more", 1)
    driver.sell("anna", 10, 6_800)
    assert (driver.units("anna").available, driver.units("anna").held) == (0, 10)


def test_cover_is_not_used_twice() -> None:
    driver = open_market()
    driver.admit("anna", tonnes=10)
    driver.sell("anna", 6, 6_800)
    assert driver.order("anna", SELL, 5, 6_900) == (Rejected(code="insufficient_units", limit=4, actual=5),)
    driver.sell("anna", 4, 6_900)


def test_a_buyer_must_cover_its_limit_even_where_it_would_trade_for_less() -> None:
    driver = open_market()
    driver.admit("anna", tonnes=10)
    driver.admit("ben", fen=68_000)
    driver.sell("anna", 10, 6_800)
    assert driver.order("ben", BUY, 10, 6_801)[0] == Rejected(
        code="insufficient_cash", limit=68_000, actual=68_010
    )


def test_the_band_is_told_with_both_ends() -> None:
    refused = market().order("ben", BUY, 1, 9_999)
    assert refused == (Rejected(code="price_outside_band", limit=(6_120, 7_480), actual=9_999),)


# ---- precedence -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """An order, fault by fault; every default is faulty."""

    account: str = "nobody"
    participant: str = "stranger"
    client_id: str = "used"
    deadline_passed: bool = True
    listing: str = "X"
    phase: str = "closed"
    price_fen: int = 3
    tonnes: int = 1


# Each line cures the fault told on the line before it, and shows the one that is told next.
CURES: list[tuple[dict[str, str | int | bool], str]] = [
    ({}, "account_unknown"),
    ({"account": "ben"}, "not_your_account"),
    ({"participant": "ben"}, "client_id_reused"),
    ({"client_id": "fresh"}, "deadline_passed"),
    ({"deadline_passed": False}, "listing_unknown"),
    ({"listing": "SHCERCIR1"}, "phase_closed"),
    ({"phase": "listed"}, "price_not_on_tick"),
    ({"price_fen": 9_995}, "quantity_below_minimum"),
    ({"tonnes": 5_001}, "quantity_above_maximum"),
    ({"tonnes": 4_995}, "quantity_not_in_lots"),
    ({"tonnes": 4_990}, "price_outside_band"),
    ({"price_fen": 6_805}, "insufficient_cash"),
    ({"tonnes": 20}, "self_trade"),
    ({"price_fen": 6_800}, "accepted"),
]


@pytest.mark.parametrize("cured", range(len(CURES)), ids=[code for _, code in CURES])
def test_of_several_faults_the_first_guards_is_told(cured: int) -> None:
    faults: dict[str, str | int | bool] = {}
    for cure, _ in CURES[: cured + 1]:
        faults |= cure
    attempt = Attempt(**faults)  # type: ignore[arg-type] # the fields of CURES
    driver = shanghai_market(
        tick_fen=5, lot_tonnes=10, listed_min_tonnes=20, listed_max_tonnes=5_000, band_basis_points=1_000
    )
    driver.admit("ben", fen=1_000_000)
    driver.admit("ben-2", tonnes=100)
    driver.wait_until("09:30:00")
    driver.sell("ben-2", 20, 6_805)
    driver.do(order("ben", BUY, 1, 1, client_id="used"))
    driver.wait_until("10:00:00" if attempt.phase == "listed" else "11:30:00")
    events = driver.do(
        order(
            attempt.account,
            BUY,
            attempt.tonnes,
            attempt.price_fen,
            client_id=attempt.client_id,
            participant=attempt.participant,
            listing=attempt.listing,
            deadline_ns=driver.at_ns - 1 if attempt.deadline_passed else None,
        )
    )
    told = events[0].code if isinstance(events[0], Rejected) else "accepted"
    assert told == CURES[cured][1]
