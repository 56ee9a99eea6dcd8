"""The rule book: dated values, scopes, faults, and questions about the past."""

from dataclasses import fields
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.fees import FeePayer
from matching.rule_values import LONGEST_S, RuleValue
from matching.rulebook import (
    MARKET_WIDE,
    PARAMETERS,
    BandRounding,
    Certainty,
    RuleBook,
    RuleChange,
    Rules,
    fault_of,
    refuse_changes,
)
from settlement.account import ParticipantKind
from settlement.values import AssetCode
from tests.matching.driver import CLASS_II, LISTING, RULES, change

INSTITUTION, INDIVIDUAL = ParticipantKind.INSTITUTION, ParticipantKind.INDIVIDUAL


def complete() -> RuleBook:
    book = RuleBook()
    book.adopt(tuple(change(name, value) for name, value in RULES.items()))
    return book


def test_the_parameters_are_exactly_the_fields_of_the_rules() -> None:
    assert [field.name for field in fields(Rules)] == list(PARAMETERS)
    assert set(RULES) == set(PARAMETERS)
    assert set(PARAMETERS) > MARKET_WIDE


def test_values_are_read_into_what_they_mean() -> None:
    rules = complete().in_force(0)
    assert (rules.tick_fen, rules.close_by_clock, rules.band_rounding) == (1, False, BandRounding.HALF_UP)


def test_a_value_holds_from_its_instant_on() -> None:
    book = complete()
    book.adopt((change("tick_fen", 5, 100), change("tick_fen", 10, 200)))
    assert [book.in_force(at).tick_fen for at in (0, 99, 100, 199, 200, 10**9)] == [1, 1, 5, 5, 10, 10]


def test_the_rules_of_a_past_moment_stay_what_they_were() -> None:
    book = complete()
    before = [book.in_force(at) for at in (0, 50, 99)]
    book.adopt((change("tick_fen", 5, 100), change("hours", "listed 10:00-11:00", 100)))
    assert [book.in_force(at) for at in (0, 50, 99)] == before
    assert book.in_force(100) != before[-1]


def test_among_equal_times_the_last_adopted_wins() -> None:
    book = complete()
    book.adopt((change("tick_fen", 5, 100), change("tick_fen", 7, 100)))
    assert book.in_force(100).tick_fen == 7
    book.adopt((change("tick_fen", 5, 100),))
    assert book.in_force(100).tick_fen == 5


def test_a_later_adoption_of_an_earlier_time_does_not_win_over_a_later_time() -> None:
    book = complete()
    book.adopt((change("tick_fen", 10, 200),))
    book.adopt((change("tick_fen", 5, 100),))
    assert [book.in_force(at).tick_fen for at in (100, 200)] == [5, 10]


def test_a_listings_own_value_comes_before_the_markets() -> None:
    book = complete()
    book.adopt((change("tick_fen", 5, 100, LISTING), change("tick_fen", 10, 200)))
    assert [book.in_force(at, LISTING).tick_fen for at in (99, 100, 200)] == [1, 5, 5]
    assert [book.in_force(at, CLASS_II).tick_fen for at in (100, 200)] == [1, 10]
    assert [book.in_force(at).tick_fen for at in (100, 200)] == [1, 10]


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9), st.sampled_from([None, LISTING])), max_size=12)
)
def test_what_is_in_force_is_what_the_sentence_says(adopted: list[tuple[int, int, AssetCode | None]]) -> None:
    book = complete()
    for from_ns, value, listing in adopted:
        book.adopt((change("tick_fen", value, from_ns, listing),))
    for at_ns in range(8):
        for asked in (None, LISTING):
            said: list[int] = [1]
            for scope in (None, asked):
                known = [(when, n, value) for n, (when, value, of) in enumerate(adopted) if of == scope]
                said.extend(value for when, _, value in sorted(known) if when <= at_ns)
            assert book.in_force(at_ns, asked).tick_fen == said[-1]
        later = [when for when, _, _ in adopted if when > at_ns]
        assert book.next_change_ns(at_ns) == min(later, default=None)


def test_versions_count_adoptions() -> None:
    book = complete()
    book.adopt((change("tick_fen", 5, 1), change("lot_tonnes", 10, 1)))
    assert book.version == 2


def test_an_incomplete_book_says_what_is_missing() -> None:
    book = RuleBook()
    assert list(book.missing(0)) == list(PARAMETERS)
    book.adopt(tuple(change(name, value, 10) for name, value in RULES.items() if name != "tick_fen"))
    book.adopt((change("tick_fen", 1, 10, LISTING),))
    assert list(book.missing(10)) == ["tick_fen"]
    with pytest.raises(KeyError, match="hours"):
        book.in_force(9)


def test_which_change_decides_can_be_asked() -> None:
    book = complete()
    told = RuleChange(
        parameter="tick_fen",
        value=5,
        effective_from_ns=100,
        source="a notice",
        certainty=Certainty.OFFICIAL,
        listing=LISTING,
    )
    book.adopt((told,))
    assert book.change_in_force("tick_fen", 100, LISTING) is told
    before = book.change_in_force("tick_fen", 99, LISTING)
    assert before is not None
    assert before.value == 1
    assert book.change_in_force("no_such", 0) is None


FAULTY: list[tuple[str, RuleValue]] = [
    ("no_such_rule", 1),
    ("tick_fen", 0),
    ("tick_fen", -1),
    ("tick_fen", "1"),
    ("tick_fen", True),
    ("lot_tonnes", 0),
    ("listed_min_tonnes", 0),
    ("listed_max_tonnes", 0),
    ("band_basis_points", -1),
    ("close_threshold_tonnes", -1),
    ("depth_levels", 0),
    ("registry_patience_s", 0),
    ("close_by_clock", "perhaps"),
    ("close_by_clock", 1),
    ("hours", "always"),
    ("hours", 900),
    ("matching_mode", "pro_rata"),
    ("band_rounding", "outward"),
    ("self_trade", "allow"),
    *(
        (name, value)
        for name in ("fee_buyer_ppm", "fee_seller_ppm")
        for value in (-1, 1_000_001, 10**30, "800", "", True)
    ),
    *(
        (name, value)
        for name in (
            "fee_buyer_minimum_fen",
            "fee_seller_minimum_fen",
            "fee_buyer_cap_fen",
            "fee_seller_cap_fen",
        )
        for value in (-1, "800", "", "None", True)
    ),
    ("fee_buyer_minimum_fen", "none"),
    ("fee_payer", "nobody"),
    ("fee_payer", 1),
    ("closing_method", "median"),
    ("settlement_cycle", "next_year"),
    ("resale_next_day", "maybe"),
    ("resale_next_day", True),
    ("participant_kinds", ""),
    ("participant_kinds", "institution, bank"),
    ("participant_kinds", "institution;individual"),
    ("position_limits", "institution"),
    ("position_limits", "institution 5, individual 6"),
    ("position_limits", "bank 5"),
    ("position_limits", "institution -5"),
    ("position_limits", "institution 1234567890123"),
    ("position_limits", "institution ٥"),  # a digit, but not ours
    ("position_limits", 5),
    ("large_holder_alerts", "institution 5 t"),
    ("notice_s", -1),
    ("notice_s", LONGEST_S + 1),
    ("registry_patience_s", LONGEST_S + 1),
    ("two_person_acts", "bust_trade, tea_break"),
    ("use_withdrawal_s", -1),
    ("use_withdrawal_s", LONGEST_S + 1),
    ("use_channels", "I: compliance_offset; II: donation, compliance_offset"),
    ("use_channels", "I: donation; I: donation"),
    ("use_channels", "I: donation, donation"),
    ("use_channels", "III: donation"),
    ("use_channels", "I: gambling"),
    ("use_channels", "I"),
]


@pytest.mark.parametrize(("parameter", "value"), FAULTY)
def test_a_value_that_cannot_be_meant_is_refused(parameter: str, value: RuleValue) -> None:
    fault = fault_of(change(parameter, value))
    assert fault is not None
    assert parameter in fault
    refused = refuse_changes((change("tick_fen", 1), change(parameter, value)), 0)
    assert refused is not None
    assert (refused.code, refused.actual) == ("rule_faulty", fault)


def test_every_value_used_elsewhere_is_sound() -> None:
    assert {name: fault_of(change(name, value)) for name, value in RULES.items()} == dict.fromkeys(RULES)
    assert fault_of(change("band_basis_points", 0)) is None
    assert fault_of(change("close_threshold_tonnes", 0)) is None


@pytest.mark.parametrize("parameter", ["fee_buyer_ppm", "fee_seller_ppm"])
@pytest.mark.parametrize("ppm", [0, 1, 800, 1_000_000])
def test_a_fee_is_a_whole_number_of_millionths_up_to_the_whole_amount(parameter: str, ppm: int) -> None:
    assert fault_of(change(parameter, ppm)) is None
    book = complete()
    book.adopt((change(parameter, ppm, 100, LISTING),))
    assert [getattr(book.in_force(at, LISTING), parameter) for at in (99, 100)] == [0, ppm]
    assert getattr(book.in_force(100, CLASS_II), parameter) == 0


@pytest.mark.parametrize(
    ("parameter", "value", "read"),
    [
        ("participant_kinds", "institution,  individual", (INSTITUTION, INDIVIDUAL)),
        ("position_limits", "none", ()),
        ("position_limits", "", ()),
        ("position_limits", "institution 100; individual 5;", ((INSTITUTION, 100), (INDIVIDUAL, 5))),
        ("large_holder_alerts", "institution 0", ((INSTITUTION, 0),)),
        ("two_person_acts", "none", ()),
        ("two_person_acts", "halt, bust_trade", ("halt", "bust_trade")),
        ("resale_next_day", "yes", True),
        ("fee_buyer_cap_fen", "none", None),
        ("fee_seller_cap_fen", 0, 0),
        ("fee_payer", "seller", FeePayer.SELLER),
        ("notice_s", LONGEST_S, LONGEST_S),
    ],
)
def test_lists_and_spans_are_read_as_they_are_written(parameter: str, value: RuleValue, read: object) -> None:
    book = complete()
    assert fault_of(change(parameter, value)) is None
    book.adopt((change(parameter, value, 5),))
    assert getattr(book.in_force(5), parameter) == read


@pytest.mark.parametrize("parameter", sorted(MARKET_WIDE))
def test_what_is_the_same_for_all_cannot_be_a_listings(parameter: str) -> None:
    assert fault_of(change(parameter, RULES[parameter], 0, LISTING)) is not None


def test_a_rule_cannot_take_effect_in_the_past() -> None:
    refused = refuse_changes((change("tick_fen", 5, 99),), 100)
    assert refused is not None
    assert (refused.code, refused.limit, refused.actual) == ("rule_backdated", 100, 99)
    assert refuse_changes((change("tick_fen", 5, 100),), 100) is None


def test_the_first_faulty_change_is_the_one_told() -> None:
    old, bad = change("tick_fen", 5, 0), change("tick_fen", 0, 100)
    codes = []
    for pair in permutations((old, bad)):
        refused = refuse_changes(pair, 100)
        assert refused is not None
        codes.append(refused.code)
    assert codes == ["rule_backdated", "rule_faulty"]
