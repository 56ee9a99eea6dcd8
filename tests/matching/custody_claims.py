"""Every way to be refused about units in custody: the code it claims, and a command that is refused for it.

`test_rejections` takes these cases up: each must be refused for its reason and change nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from matching.commands import CloseDay, Command
from matching.order import Side
from settlement.claim import ClaimDecision
from settlement.difference import BreakId
from settlement.events import LotSlice
from settlement.notice import NoticeKind
from settlement.values import LotId
from tests.matching.authorities import (
    Registry,
    decide,
    differs,
    freeze,
    notice,
    report,
    retry_deliveries,
    retry_removal,
    settle_break,
    some,
    thaw,
    transfer_out,
    unwind,
)
from tests.matching.driver import (
    CLASS_II,
    MONDAY,
    Driver,
    instant,
    open_market,
    order,
    restrict,
    transfer_in,
    withdrawal,
)

Case = Callable[[], tuple[Driver, Command]]

CASES: Final[list[tuple[str, Case]]] = []


def produces(code: str) -> Callable[[Case], Case]:
    """Enter a case into the register."""

    def enter(case: Case) -> Case:
        CASES.append((code, case))
        return case

    return enter


def market(**rules: int | str) -> Driver:
    """Anna has 500 t of one lot, Ben 1,000,000 fen."""
    driver = open_market(**rules)
    driver.admit("anna", tonnes=500)
    driver.admit("ben", fen=1_000_000)
    return driver


@produces("account_frozen")
def an_order_of_a_frozen_account() -> tuple[Driver, Command]:
    driver = market()
    Registry(driver).says(NoticeKind.ACCOUNT_RESTRICTED, "ben")
    return driver, order("ben", Side.BUY, 10, 6_800)


@produces("account_frozen")
def an_order_of_an_account_that_a_break_touches() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(report(differs(account="anna", lot_name="L-anna")))
    return driver, order("anna", Side.SELL, 10, 6_800)


@produces("account_frozen")
def a_transfer_out_of_a_frozen_account() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(freeze("anna"))
    return driver, transfer_out("anna", 1)


@produces("account_frozen")
def a_transfer_into_a_frozen_account() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(transfer_out("anna", 10))
    (asked,) = driver.exchange.pending_instructions()
    driver.answer(asked)
    driver.accepted(freeze("anna"))
    return driver, transfer_in("anna", (LotSlice(lot_id=LotId("L-anna"), serials=((1, 3),)),))


@produces("account_frozen")
def a_withdrawal_from_a_frozen_account() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(freeze("ben"))
    return driver, withdrawal("ben", 1)


@produces("account_restricted")
def a_transfer_out_of_a_restricted_account() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(restrict("anna"))
    return driver, transfer_out("anna", 1)


@produces("transfer_cut_off")
def a_transfer_out_at_the_hour() -> tuple[Driver, Command]:
    driver = market(transfers_until="15:00")
    driver.wait_until("15:00:00")
    return driver, transfer_out("anna", 1)


@produces("transfer_cut_off")
def a_transfer_in_after_the_hour() -> tuple[Driver, Command]:
    driver = market(transfers_until="15:00")
    driver.accepted(transfer_out("anna", 10))
    (asked,) = driver.exchange.pending_instructions()
    driver.answer(asked)
    driver.at_ns = instant(MONDAY, "23:00:00")
    return driver, transfer_in("anna", (LotSlice(lot_id=LotId("L-anna"), serials=((1, 3),)),))


@produces("phase_closed")
def a_transfer_out_during_the_close() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(CloseDay(trading_day=MONDAY))
    return driver, transfer_out("anna", 1)


@produces("day_not_open")
def a_transfer_out_before_the_first_day() -> tuple[Driver, Command]:
    driver = Driver()
    driver.found()
    driver.admit("anna")
    return driver, transfer_out("anna", 1)


@produces("instrument_unknown")
def a_transfer_out_of_nothing_known() -> tuple[Driver, Command]:
    return market(), transfer_out("anna", 1, instrument="NOPE")


@produces("not_your_account")
def a_transfer_out_of_anothers_units() -> tuple[Driver, Command]:
    return market(), transfer_out("anna", 1, participant="ben")


@produces("choice_malformed")
def a_transfer_out_of_no_tonnes() -> tuple[Driver, Command]:
    return market(), transfer_out("anna", 0)


@produces("choice_malformed")
def a_transfer_out_by_quantity_and_by_lots() -> tuple[Driver, Command]:
    return market(), transfer_out("anna", 1, some("L-anna", tonnes=1))


@produces("choice_malformed")
def a_lot_named_twice() -> tuple[Driver, Command]:
    return market(), transfer_out("anna", 0, some("L-anna", tonnes=1), some("L-anna", (7, 8)))


@produces("choice_malformed")
def a_lot_named_by_serials_and_by_quantity() -> tuple[Driver, Command]:
    return market(), transfer_out("anna", 0, some("L-anna", (7, 8), tonnes=1))


@produces("insufficient_units")
def a_transfer_out_of_one_tonne_too_many() -> tuple[Driver, Command]:
    return market(), transfer_out("anna", 501)


@produces("insufficient_units")
def a_transfer_out_of_what_an_order_holds() -> tuple[Driver, Command]:
    driver = market()
    driver.sell("anna", 400, 6_800)
    return driver, transfer_out("anna", 0, some("L-anna", (1, 102)))


@produces("insufficient_units")
def a_transfer_out_of_more_of_a_lot_than_is_free() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(freeze(lot_name="L-anna", serials=((1, 101),)))
    return driver, transfer_out("anna", 0, some("L-anna", tonnes=401))


@produces("insufficient_units")
def a_sale_of_frozen_units() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(freeze(lot_name="L-anna", serials=((1, 101),)))
    return driver, order("anna", Side.SELL, 401, 6_800)


@produces("insufficient_units")
def a_transfer_out_of_units_bought_today() -> tuple[Driver, Command]:
    driver = market(resale_next_day="yes", settlement_cycle="as_traded")
    driver.sell("anna", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    (asked,) = driver.exchange.pending_instructions()
    driver.answer(asked)
    return driver, transfer_out("ben", 1)


@produces("lot_unknown")
def a_transfer_out_of_a_lot_of_the_other_class() -> tuple[Driver, Command]:
    return market(), transfer_out("anna", 0, some("L-anna", tonnes=1), instrument=CLASS_II)


@produces("serials_malformed")
def a_transfer_out_of_ranges_that_touch() -> tuple[Driver, Command]:
    return market(), transfer_out("anna", 0, some("L-anna", (1, 3), (3, 5)))


@produces("serials_not_held")
def a_transfer_out_of_serials_not_here() -> tuple[Driver, Command]:
    return market(), transfer_out("anna", 0, some("L-anna", (500, 502)))


@produces("serials_not_held")
def a_transfer_out_of_serials_on_their_way() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(transfer_out("anna", 10))
    return driver, transfer_out("anna", 0, some("L-anna", (10, 12)), client_id="again")


@produces("serials_frozen")
def a_transfer_out_of_frozen_serials() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(freeze(lot_name="L-anna", serials=((1, 11),)))
    return driver, transfer_out("anna", 0, some("L-anna", (10, 12)))


@produces("serials_gone")
def a_transfer_in_of_what_was_withdrawn() -> tuple[Driver, Command]:
    driver = market()
    Registry(driver).says(NoticeKind.CORRECTED, None, "L-anna", ((1, 6),))
    (asked,) = driver.exchange.pending_instructions()
    driver.answer(asked)
    return driver, transfer_in("anna", (LotSlice(lot_id=LotId("L-anna"), serials=((5, 6),)),))


@produces("notice_out_of_order")
def a_notice_too_far() -> tuple[Driver, Command]:
    return market(), notice(2, NoticeKind.ACCOUNT_RESTRICTED, "anna")


@produces("freeze_malformed")
def a_freeze_of_nothing() -> tuple[Driver, Command]:
    return market(), freeze()


@produces("freeze_malformed")
def a_freeze_of_serials_of_no_lot() -> tuple[Driver, Command]:
    return market(), freeze("anna", serials=((1, 2),))


@produces("account_unknown")
def a_freeze_of_nobody() -> tuple[Driver, Command]:
    return market(), freeze("nobody")


@produces("lot_unknown")
def a_freeze_of_a_lot_that_is_not_known() -> tuple[Driver, Command]:
    return market(), freeze(lot_name="nothing")


@produces("serials_malformed")
def a_freeze_beyond_the_lot() -> tuple[Driver, Command]:
    return market(), freeze(lot_name="L-anna", serials=((500, 502),))


@produces("freeze_unknown")
def an_operators_thaw_of_the_registrys_freeze() -> tuple[Driver, Command]:
    driver = market()
    Registry(driver).says(NoticeKind.ACCOUNT_RESTRICTED, "anna")
    return driver, thaw("notice-1")


@produces("freeze_unknown")
def an_operators_thaw_of_a_breaks_freeze() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(report(differs(account="anna")))
    return driver, thaw("break-1-account")


@produces("freeze_unknown")
def a_thaw_twice() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(freeze("anna"))
    name = f"act-{driver.seq}"
    driver.accepted(thaw(name))
    return driver, thaw(name)


@produces("claim_not_open")
def a_decision_about_no_claim() -> tuple[Driver, Command]:
    return market(), decide(1, ClaimDecision.DISMISS)


@produces("claim_not_open")
def a_decision_about_a_claim_that_was_dismissed() -> tuple[Driver, Command]:
    driver, _ = a_second_freeze_of_a_frozen_claim()
    driver.accepted(decide(1, ClaimDecision.DISMISS))
    return driver, decide(1, ClaimDecision.REMOVE)


@produces("claim_not_open")
def a_second_freeze_of_a_frozen_claim() -> tuple[Driver, Command]:
    driver = market(settlement_cycle="as_traded", correction_policy="freeze_holder")
    driver.sell("anna", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    (asked,) = driver.exchange.pending_instructions()
    driver.answer(asked)
    Registry(driver).says(NoticeKind.CORRECTED, None, "L-anna", ((1, 3),))
    return driver, decide(1, ClaimDecision.FREEZE)


@produces("removal_not_refused")
def a_removal_asked_again_while_it_is_asked() -> tuple[Driver, Command]:
    driver = market()
    Registry(driver).says(NoticeKind.CORRECTED, None, "L-anna", ((1, 3),))
    return driver, retry_removal(1)


@produces("break_not_open")
def a_break_resolved_twice() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(report(differs(account="anna")))
    driver.accepted(settle_break(1))
    return driver, settle_break(1)


@produces("reason_missing")
def a_break_resolved_without_a_word() -> tuple[Driver, Command]:
    return market(), replace(settle_break(1), reason="", break_id=BreakId(1))


@produces("difference_malformed")
def a_difference_in_nothing() -> tuple[Driver, Command]:
    return market(), report(differs(account="anna"), differs())


@produces("difference_malformed")
def a_difference_in_serials_that_cannot_be() -> tuple[Driver, Command]:
    return market(), report(differs(account="anna", lot_name="L-anna", here=((5, 5),)))


@produces("delivery_not_parked")
def a_retry_where_nothing_is_parked() -> tuple[Driver, Command]:
    return market(), retry_deliveries()


@produces("delivery_not_parked")
def a_delivery_retried_that_is_only_pending() -> tuple[Driver, Command]:
    driver = market()
    driver.sell("anna", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    return driver, retry_deliveries(1)


@produces("delivery_not_parked")
def a_delivery_unwound_twice() -> tuple[Driver, Command]:
    driver = market(settlement_cycle="as_traded")
    driver.sell("anna", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    (asked,) = driver.exchange.pending_instructions()
    driver.answer(asked, "not_authorised")
    driver.accepted(unwind(1))
    return driver, unwind(1)


@produces("delivery_not_covered")
def a_delivery_retried_whose_buyer_waits_for_money() -> tuple[Driver, Command]:
    driver = market(settlement_cycle="as_traded", sale_proceeds="when_traded")
    driver.admit("dora", tonnes=5)
    driver.sell("dora", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    (asked,) = driver.exchange.pending_instructions()
    driver.sell("anna", 5, 6_800)
    driver.buy("dora", 5, 6_800)
    driver.answer(asked, "not_authorised")
    return driver, retry_deliveries(2)


@produces("delivery_not_parked")
def a_parked_delivery_named_twice() -> tuple[Driver, Command]:
    driver = market(settlement_cycle="as_traded")
    driver.sell("anna", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    (asked,) = driver.exchange.pending_instructions()
    driver.answer(asked, "not_authorised")
    return driver, retry_deliveries(1, 1)
