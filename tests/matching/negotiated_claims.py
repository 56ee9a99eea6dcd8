"""Every way to be refused in negotiated transfers: the code it claims, and a command that is refused for it.

`test_rejections` takes these cases up: each must be refused for its reason and change nothing.
"""

from collections.abc import Callable
from typing import Final

from matching.commands import Command
from settlement.account import ParticipantKind
from tests.matching.driver import (
    LISTING,
    MONDAY,
    Driver,
    adopt,
    change,
    deposit,
    halt,
    instant,
    restrict,
    shanghai_market,
)
from tests.matching.negotiating import (
    BUY,
    SELL,
    Table,
    confirm,
    counter,
    file,
    named,
    parties,
    review,
    say_no,
    table,
    take_back,
)

Case = Callable[[], tuple[Driver, Command]]

CASES: Final[list[tuple[str, Case]]] = []


def produces(code: str) -> Callable[[Case], Case]:
    """Enter a case into the register."""

    def enter(case: Case) -> Case:
        CASES.append((code, case))
        return case

    return enter


def filed() -> tuple[Table, int, str]:
    """Anna offers Ben ten tonnes."""
    at = table()
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    return at, transfer_id, at.transfer(transfer_id).terms.hash


def offered() -> tuple[Table, int, str]:
    """Anna offers everyone ten tonnes."""
    at = table(negotiated_open_offers="yes")
    transfer_id = at.filed("anna", SELL, 10, 6_800, None)
    return at, transfer_id, at.transfer(transfer_id).terms.hash


# ---- who may answer what ----------------------------------------------------------------------------------------


@produces("negotiated_transfer_unknown")
def confirming_what_was_never_filed() -> tuple[Driver, Command]:
    return table().driver, confirm("ben", 1, "")


@produces("negotiated_transfer_unknown")
def confirming_as_a_third_party() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = filed()
    return at.driver, confirm("cara-1", transfer_id, terms_hash)


@produces("negotiated_transfer_unknown")
def withdrawing_as_a_third_party() -> tuple[Driver, Command]:
    at, transfer_id, _ = filed()
    return at.driver, take_back("cara-1", transfer_id)


@produces("negotiated_transfer_unknown")
def declining_as_a_third_party() -> tuple[Driver, Command]:
    at, transfer_id, _ = filed()
    return at.driver, say_no("cara-1", transfer_id)


@produces("negotiated_transfer_unknown")
def confirming_what_ended_the_day_before() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = filed()
    at.driver.close()
    return at.driver, confirm("ben", transfer_id, terms_hash)


@produces("negotiated_transfer_ended")
def confirming_after_withdrawal() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = filed()
    at.withdrawn("anna", transfer_id)
    return at.driver, confirm("ben", transfer_id, terms_hash)


@produces("negotiated_transfer_ended")
def confirming_after_expiry() -> tuple[Driver, Command]:
    at = table()
    expires_at_ns = at.driver.at_ns + 1
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben", expires_at_ns=expires_at_ns)
    terms_hash = at.transfer(transfer_id).terms.hash
    at.driver.wait_until("10:00:01")
    return at.driver, confirm("ben", transfer_id, terms_hash)


@produces("negotiated_transfer_ended")
def confirming_after_the_session() -> tuple[Driver, Command]:
    driver = shanghai_market()
    at = parties(driver)
    driver.wait_until("14:30:00")
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    terms_hash = at.transfer(transfer_id).terms.hash
    driver.wait_until("15:00:00")
    return driver, confirm("ben", transfer_id, terms_hash)


@produces("negotiated_transfer_ended")
def confirming_twice() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = filed()
    at.confirmed("ben", transfer_id)
    return at.driver, confirm("ben", transfer_id, terms_hash)


@produces("negotiated_transfer_ended")
def taking_an_open_offer_second() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = offered()
    at.confirmed("ben", transfer_id)
    return at.driver, confirm("cara-1", transfer_id, terms_hash)


@produces("negotiated_transfer_ended")
def withdrawing_what_was_confirmed() -> tuple[Driver, Command]:
    at, transfer_id, _ = filed()
    at.confirmed("ben", transfer_id)
    return at.driver, take_back("anna", transfer_id)


@produces("negotiated_transfer_ended")
def declining_what_is_under_review() -> tuple[Driver, Command]:
    at = table(negotiated_review="all")
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    at.confirmed("ben", transfer_id)
    return at.driver, say_no("ben", transfer_id)


@produces("not_your_turn")
def confirming_ones_own_terms() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = filed()
    return at.driver, confirm("anna", transfer_id, terms_hash)


@produces("not_your_turn")
def withdrawing_the_other_sides_terms() -> tuple[Driver, Command]:
    at, transfer_id, _ = filed()
    return at.driver, take_back("ben", transfer_id)


@produces("not_your_turn")
def withdrawing_what_was_countered() -> tuple[Driver, Command]:
    at, transfer_id, _ = filed()
    at.countered("ben", transfer_id, 10, 6_700)
    return at.driver, take_back("anna", transfer_id)


@produces("not_your_turn")
def countering_ones_own_terms() -> tuple[Driver, Command]:
    at, transfer_id, _ = filed()
    return at.driver, counter("anna", transfer_id, 10, 6_900)


@produces("terms_hash_differs")
def confirming_other_terms_than_those_read() -> tuple[Driver, Command]:
    at, transfer_id, _ = filed()
    return at.driver, confirm("ben", transfer_id, "0" * 64)


@produces("terms_hash_differs")
def confirming_the_terms_of_an_earlier_round() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = filed()
    at.countered("ben", transfer_id, 10, 6_700)
    at.countered("anna", transfer_id, 10, 6_800)
    return at.driver, confirm("ben", transfer_id, terms_hash)


@produces("open_offer_stands")
def countering_an_open_offer() -> tuple[Driver, Command]:
    at, transfer_id, _ = offered()
    return at.driver, counter("ben", transfer_id, 10, 6_700)


@produces("open_offer_stands")
def declining_an_open_offer() -> tuple[Driver, Command]:
    at, transfer_id, _ = offered()
    return at.driver, say_no("ben", transfer_id)


@produces("too_many_rounds")
def countering_once_too_often() -> tuple[Driver, Command]:
    at = table(negotiated_max_rounds=2)
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    at.countered("ben", transfer_id, 10, 6_700)
    return at.driver, counter("anna", transfer_id, 10, 6_750)


@produces("too_many_negotiated_transfers")
def filing_more_than_may_wait() -> tuple[Driver, Command]:
    at = table(negotiated_max_filed=2)
    at.filed("anna", SELL, 10, 6_800, "ben")
    at.withdrawn("anna", at.filed("anna", SELL, 10, 6_800, "ben"))
    at.filed("ben", BUY, 10, 6_800, "anna")
    at.filed("anna", SELL, 10, 6_800, "cara-1")
    return at.driver, file("anna", SELL, 10, 6_800, "ben")


# ---- with whom --------------------------------------------------------------------------------------------------


@produces("counterparty_unknown")
def filing_with_nobody() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 10, 6_800, "nobody")


@produces("counterparty_missing")
def offering_to_everyone_where_that_is_not_taken() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 10, 6_800, None)


@produces("same_beneficial_owner")
def filing_with_oneself() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 10, 6_800, "anna")


@produces("same_beneficial_owner")
def filing_with_ones_own_other_account() -> tuple[Driver, Command]:
    return table().driver, file("cara-2", SELL, 10, 6_800, "cara-1")


@produces("same_beneficial_owner")
def taking_ones_own_open_offer() -> tuple[Driver, Command]:
    at = table(negotiated_open_offers="yes")
    transfer_id = at.filed("cara-2", SELL, 10, 6_800, None)
    return at.driver, confirm("cara-1", transfer_id, at.transfer(transfer_id).terms.hash)


# ---- the checks, in their order -----------------------------------------------------------------------------------


def after_hours(clock: str) -> Table:
    driver = shanghai_market()
    at = parties(driver)
    driver.wait_until(clock)
    return at


@produces("phase_closed")
def filing_before_the_session() -> tuple[Driver, Command]:
    return after_hours("13:59:59").driver, file("anna", SELL, 10, 6_800, "ben")


@produces("kind_not_admitted")
def filing_without_being_admitted() -> tuple[Driver, Command]:
    at = table(participant_kinds="institution")
    at.driver.admit("ida", tonnes=10, kind=ParticipantKind.INDIVIDUAL)
    return at.driver, file("ida", SELL, 10, 6_800, "ben")


@produces("kind_not_admitted")
def confirming_without_being_admitted() -> tuple[Driver, Command]:
    at = table(participant_kinds="institution")
    at.driver.admit("ida", fen=10**6, kind=ParticipantKind.INDIVIDUAL)
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ida")
    return at.driver, confirm("ida", transfer_id, at.transfer(transfer_id).terms.hash)


@produces("listing_unknown")
def filing_what_is_not_listed() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 10, 6_800, "ben", listing="X")


@produces("listing_halted")
def confirming_in_a_halt() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = filed()
    at.driver.accepted(halt(LISTING))
    return at.driver, confirm("ben", transfer_id, terms_hash)


@produces("listing_halted")
def approving_in_a_halt() -> tuple[Driver, Command]:
    at = table(negotiated_review="all")
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    at.confirmed("ben", transfer_id)
    at.driver.accepted(halt())
    return at.driver, review(transfer_id)


@produces("expiry_passed")
def filing_what_has_expired() -> tuple[Driver, Command]:
    at = table()
    return at.driver, file("anna", SELL, 10, 6_800, "ben", expires_at_ns=at.driver.at_ns)


@produces("expiry_passed")
def countering_with_what_has_expired() -> tuple[Driver, Command]:
    at, transfer_id, _ = filed()
    return at.driver, counter("ben", transfer_id, 10, 6_800, expires_at_ns=1)


@produces("negotiated_quantity_below_minimum")
def filing_nothing() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 0, 6_800, "ben")


@produces("negotiated_quantity_below_minimum")
def filing_one_tonne_too_few() -> tuple[Driver, Command]:
    return table(negotiated_min_tonnes=100).driver, file("anna", SELL, 99, 6_800, "ben")


@produces("quantity_not_in_lots")
def filing_a_part_of_a_trading_unit() -> tuple[Driver, Command]:
    return table(lot_tonnes=10).driver, file("anna", SELL, 15, 6_800, "ben")


@produces("price_not_on_tick")
def filing_between_ticks() -> tuple[Driver, Command]:
    return table(tick_fen=5).driver, file("anna", SELL, 10, 6_801, "ben")


@produces("price_not_on_tick")
def filing_for_nothing() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 10, 0, "ben")


@produces("negotiated_price_outside_band")
def filing_one_fen_above_the_band() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 10, 8_841, "ben")


@produces("negotiated_price_outside_band")
def filing_one_fen_below_the_band() -> tuple[Driver, Command]:
    return table().driver, file("ben", BUY, 10, 4_759, "anna")


@produces("negotiated_price_outside_band")
def countering_one_fen_above_the_band() -> tuple[Driver, Command]:
    at, transfer_id, _ = filed()
    return at.driver, counter("ben", transfer_id, 10, 8_841)


@produces("negotiated_price_outside_band")
def filing_one_tonne_short_of_the_tier_without_a_band() -> tuple[Driver, Command]:
    at = table(negotiated_band_tiers="3000 below 400; none")
    at.driver.accepted(deposit("ben", 10**8, client_id="more", reference="more"))
    at.filed("ben", BUY, 400, 8_841, "anna")
    return at.driver, file("ben", BUY, 399, 8_841, "anna")


@produces("position_limit_exceeded")
def filing_above_ones_limit() -> tuple[Driver, Command]:
    at = table(position_limits="institution 50")
    at.filed("ben", BUY, 30, 6_800, "anna")
    return at.driver, file("ben", BUY, 21, 6_800, "anna")


@produces("position_limit_exceeded")
def confirming_above_ones_limit() -> tuple[Driver, Command]:
    at = table(position_limits="institution 50")
    at.driver.buy("ben", 45, 6_800)
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    return at.driver, confirm("ben", transfer_id, at.transfer(transfer_id).terms.hash)


@produces("insufficient_cash")
def filing_without_the_money() -> tuple[Driver, Command]:
    return table().driver, file("ben", BUY, 148, 6_800, "anna")


@produces("insufficient_cash")
def confirming_without_the_money() -> tuple[Driver, Command]:
    at = table()
    transfer_id = at.filed("anna", SELL, 148, 6_800, "ben")
    return at.driver, confirm("ben", transfer_id, at.transfer(transfer_id).terms.hash)


@produces("insufficient_cash")
def confirming_without_the_fee() -> tuple[Driver, Command]:
    at = table(fee_buyer_ppm=1_000)
    transfer_id = at.filed("anna", SELL, 147, 6_800, "ben")
    return at.driver, confirm("ben", transfer_id, at.transfer(transfer_id).terms.hash)


@produces("insufficient_units")
def filing_without_the_units() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 1_001, 6_800, "ben")


@produces("insufficient_units")
def confirming_without_the_units() -> tuple[Driver, Command]:
    at = table()
    transfer_id = at.filed("cara-1", BUY, 10, 6_800, "ben")
    return at.driver, confirm("ben", transfer_id, at.transfer(transfer_id).terms.hash)


@produces("account_restricted")
def filing_under_a_restriction() -> tuple[Driver, Command]:
    at = table()
    at.driver.accepted(restrict("anna"))
    return at.driver, file("anna", SELL, 10, 6_800, "ben")


@produces("account_restricted")
def taking_an_open_offer_under_a_restriction() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = offered()
    at.driver.accepted(restrict("ben"))
    return at.driver, confirm("ben", transfer_id, terms_hash)


# ---- named lots ---------------------------------------------------------------------------------------------------


@produces("named_lots_malformed")
def naming_less_than_the_quantity() -> tuple[Driver, Command]:
    lots = (named("L-anna", (1, 10)),)
    return table().driver, file("anna", SELL, 10, 6_800, "ben", lots=lots)


@produces("named_lots_malformed")
def naming_a_lot_twice() -> tuple[Driver, Command]:
    lots = (named("L-anna", (1, 6)), named("L-anna", (6, 11)))
    return table().driver, file("anna", SELL, 10, 6_800, "ben", lots=lots)


@produces("named_lots_malformed")
def naming_more_serials_than_tonnes() -> tuple[Driver, Command]:
    lots = (named("L-anna", (1, 12), tonnes=10),)
    return table().driver, file("anna", SELL, 10, 6_800, "ben", lots=lots)


@produces("named_lots_malformed")
def naming_serials_backwards() -> tuple[Driver, Command]:
    lots = (named("L-anna", (6, 11), (1, 6)),)
    return table().driver, file("anna", SELL, 10, 6_800, "ben", lots=lots)


@produces("named_lots_malformed")
def naming_nothing_of_a_lot() -> tuple[Driver, Command]:
    lots = (named("L-anna", (1, 11)), named("L-anna-2", tonnes=0))
    return table().driver, file("anna", SELL, 10, 6_800, "ben", lots=lots)


@produces("lot_of_another_listing")
def naming_a_lot_of_another_class() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 10, 6_800, "ben", lots=(named("M", (1, 11)),))


@produces("lot_of_another_listing")
def asking_for_a_lot_that_does_not_exist() -> tuple[Driver, Command]:
    return table().driver, file("ben", BUY, 10, 6_800, "anna", lots=(named("X", tonnes=10),))


@produces("named_lots_not_available")
def naming_a_lot_of_somebody_else() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 10, 6_800, "ben", lots=(named("L-cara-2", (1, 11)),))


@produces("named_lots_not_available")
def naming_serials_that_are_promised() -> tuple[Driver, Command]:
    at = table()
    at.filed("anna", SELL, 10, 6_800, "cara-1", lots=(named("L-anna", (1, 11)),))
    return at.driver, file("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (10, 20)),))


@produces("named_lots_not_available")
def naming_more_of_a_lot_than_is_free() -> tuple[Driver, Command]:
    at = table()
    at.filed("anna", SELL, 10, 6_800, "cara-1", lots=(named("L-anna", (1, 11)),))
    return at.driver, file("anna", SELL, 491, 6_800, "ben", lots=(named("L-anna", tonnes=491),))


@produces("named_lots_not_available")
def confirming_lots_one_does_not_have() -> tuple[Driver, Command]:
    at = table()
    transfer_id = at.filed("ben", BUY, 10, 6_800, "anna", lots=(named("L-cara-2", tonnes=10),))
    return at.driver, confirm("anna", transfer_id, at.transfer(transfer_id).terms.hash)


@produces("lots_not_yours_to_name")
def naming_lots_as_a_confirming_buyer() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = filed()
    return at.driver, confirm("ben", transfer_id, terms_hash, lots=(named("L-anna", (1, 11)),))


@produces("lots_not_yours_to_name")
def naming_other_lots_than_those_asked_for() -> tuple[Driver, Command]:
    at = table()
    transfer_id = at.filed("ben", BUY, 10, 6_800, "anna", lots=(named("L-anna", tonnes=10),))
    terms_hash = at.transfer(transfer_id).terms.hash
    return at.driver, confirm("anna", transfer_id, terms_hash, lots=(named("L-anna-2", tonnes=10),))


# ---- agreements, ids, review --------------------------------------------------------------------------------------


@produces("agreement_contradicts")
def filing_an_agreement_at_another_price() -> tuple[Driver, Command]:
    at = table()
    at.filed("anna", SELL, 10, 6_800, "ben", agreement_no="A-1")
    return at.driver, file("ben", BUY, 10, 6_801, "anna", agreement_no="A-1")


@produces("agreement_contradicts")
def filing_an_agreement_the_wrong_way_round() -> tuple[Driver, Command]:
    at = table()
    at.filed("anna", SELL, 10, 6_800, "ben", agreement_no="A-1")
    return at.driver, file("anna", BUY, 10, 6_800, "ben", agreement_no="A-1")


@produces("agreement_contradicts")
def filing_an_agreement_of_other_lots() -> tuple[Driver, Command]:
    at = table()
    lots = (named("L-anna", (1, 11)),)
    at.filed("anna", SELL, 10, 6_800, "ben", agreement_no="A-1", lots=lots)
    other = (named("L-anna", (2, 12)),)
    return at.driver, file("anna", SELL, 10, 6_800, "ben", agreement_no="A-1", lots=other)


@produces("agreement_contradicts")
def filing_an_executed_agreement_of_another_size() -> tuple[Driver, Command]:
    at = table()
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben", agreement_no="A-1")
    at.confirmed("ben", transfer_id)
    at.driver.close()
    return at.driver, file("anna", SELL, 11, 6_800, "ben", agreement_no="A-1")


@produces("agreement_no_malformed")
def filing_a_number_that_is_too_long() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 10, 6_800, "ben", agreement_no="9" * 65)


@produces("agreement_no_malformed")
def filing_a_number_with_a_line_feed() -> tuple[Driver, Command]:
    return table().driver, file("anna", SELL, 10, 6_800, "ben", agreement_no="1\n2")


@produces("client_id_reused")
def confirming_under_a_used_id() -> tuple[Driver, Command]:
    at, transfer_id, terms_hash = filed()
    at.driver.accepted(deposit("cara-1", 1))
    at.driver.do(file("ben", BUY, 0, 6_800, "anna", client_id="y"))
    return at.driver, confirm("ben", transfer_id, terms_hash, client_id="y")


@produces("deadline_passed")
def filing_too_late() -> tuple[Driver, Command]:
    at = table()
    return at.driver, file("anna", SELL, 10, 6_800, "ben", deadline_ns=at.driver.at_ns - 1)


@produces("not_under_review")
def reviewing_what_was_not_confirmed() -> tuple[Driver, Command]:
    at, transfer_id, _ = filed()
    return at.driver, review(transfer_id)


@produces("not_under_review")
def approving_what_has_expired() -> tuple[Driver, Command]:
    at = table(negotiated_review="all", two_person_acts="review_negotiated")
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    at.confirmed("ben", transfer_id)
    at.driver.close()
    return at.driver, review(transfer_id)


@produces("reason_missing")
def reviewing_without_a_reason() -> tuple[Driver, Command]:
    return table().driver, review(1, reason="")


@produces("rule_faulty")
def tiers_that_leave_sizes_out() -> tuple[Driver, Command]:
    at = table()
    late_ns = instant(MONDAY, "12:00:00")
    return at.driver, adopt(change("negotiated_band_tiers", "3000 below 500000", late_ns))
