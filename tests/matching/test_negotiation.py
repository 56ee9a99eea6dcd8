"""Negotiated transfers from filing to delivery: what is held, who may answer, what a trade of theirs counts in."""

from dataclasses import replace
from typing import TypeVar

import pytest

from matching.commands import AdvanceTime, CloseDay
from matching.events import (
    BandSet,
    ClosingPriceSet,
    DayPricesRevised,
    Event,
    LargeHolderNoted,
    Replayed,
    TradeBusted,
    Traded,
)
from matching.exchange import Exchange
from matching.fees import FeeTerms
from matching.negotiated import ExpiryCause, NegotiatedState
from matching.negotiated_events import (
    NegotiatedTotalsSet,
    NegotiatedTransferConfirmed,
    NegotiatedTransferCountered,
    NegotiatedTransferExecuted,
    NegotiatedTransferExpired,
    NegotiatedTransferFiled,
    NegotiatedTransferKnown,
    NegotiatedTransferRejected,
    NegotiatedTransferReviewed,
    NegotiatedTransferUnderReview,
)
from matching.state import Stamp
from settlement.account import ParticipantKind
from settlement.events import DeliveryFailed, DeliverySettled, MovementInstructed, Posted
from settlement.named_lots import NamedLot
from settlement.serials import Serials
from settlement.values import AccountId, LotId, TradeMethod
from tests.matching.driver import (
    LISTING,
    MONDAY,
    TUESDAY,
    Driver,
    adopt,
    approve,
    bust,
    change,
    halt,
    instant,
    restrict,
    resume,
    shanghai_market,
)
from tests.matching.negotiating import (
    BUY,
    SELL,
    code_of,
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

T = TypeVar("T")


def kinds(events: tuple[Event, ...]) -> list[str]:
    """What happened, postings apart."""
    return [type(event).__name__ for event in events if not isinstance(event, Posted)]


def only(events: list[Event] | tuple[Event, ...], kind: type[T]) -> T:
    """The one event of that kind."""
    (found,) = (event for event in events if isinstance(event, kind))
    return found


def serials(driver: Driver, account: str) -> dict[str, Serials]:
    """What an account has, by lot."""
    everything = driver.exchange.depository.holdings.everything()
    return {held.lot_id: held.serials for held in everything if held.account == account}


# ---- filing, confirming, trading ----------------------------------------------------------------------------------


def test_a_filing_holds_the_filers_cover_and_tells_both() -> None:
    at = table()
    transfer_id = at.filed("anna", SELL, 100, 6_800, "ben")
    told = only(at.driver.events, NegotiatedTransferFiled)
    assert (told.transfer_id, told.seller, told.buyer, told.proposer) == (transfer_id, "anna", "ben", SELL)
    assert told.terms_hash == told.terms.hash
    units = at.driver.units("anna")
    assert (units.available, units.held) == (900, 100)
    assert at.driver.cash("ben").held == 0
    at.filed("ben", BUY, 100, 6_700, "anna")
    assert at.driver.cash("ben").held == 670_000


def test_a_confirmed_transfer_is_a_trade_with_the_next_number_and_in_no_price() -> None:
    at = table()
    at.driver.sell("cara-2", 5, 6_900)
    at.driver.buy("ben", 5, 6_900)
    transfer_id = at.filed("anna", SELL, 100, 6_800, "ben")
    events = at.confirmed("ben", transfer_id)
    assert kinds(events) == ["NegotiatedTransferConfirmed", "NegotiatedTransferExecuted"]
    executed = only(events, NegotiatedTransferExecuted)
    assert (executed.trade_id, executed.price_fen, executed.quantity_tonnes) == (2, 6_800, 100)
    assert (executed.seller, executed.buyer, executed.trading_day) == ("anna", "ben", MONDAY)
    market = at.driver.exchange.trading.markets[LISTING]
    assert [one.price_fen for one in market.prices.prints] == [6_900]
    assert (market.negotiated.volume_tonnes, market.negotiated.turnover_fen) == (100, 680_000)
    assert at.driver.units("anna").delivering == 100
    assert at.driver.cash("ben").delivering == 680_000 + 34_500
    at.driver.sell("anna", 1, 6_900)
    at.driver.buy("ben", 1, 6_900)
    assert [event.trade_id for event in at.driver.events if isinstance(event, Traded)] == [1, 3]


def test_the_close_delivers_it_and_publishes_it_apart() -> None:
    at = table()
    at.confirmed("ben", at.filed("anna", SELL, 100, 6_800, "ben"))
    at.confirmed("anna", at.filed("ben", BUY, 40, 6_000, "anna"))
    events = at.driver.close()
    priced = [event for event in events if isinstance(event, ClosingPriceSet | NegotiatedTotalsSet)]
    assert [type(event).__name__ for event in priced] == ["ClosingPriceSet", "NegotiatedTotalsSet"]
    closing, totals = priced
    assert isinstance(closing, ClosingPriceSet)
    assert (closing.open_fen, closing.close_fen, closing.volume_tonnes) == (None, 6_800, 0)
    assert isinstance(totals, NegotiatedTotalsSet)
    assert (totals.listing, totals.trading_day, totals.trades) == (LISTING, MONDAY, 2)
    assert (totals.volume_tonnes, totals.turnover_fen) == (140, 680_000 + 240_000)
    settled = [event for event in events if isinstance(event, DeliverySettled)]
    assert [(one.method, one.quantity_tonnes) for one in settled] == [
        (TradeMethod.NEGOTIATED, 100),
        (TradeMethod.NEGOTIATED, 40),
    ]
    assert at.driver.units("ben").available == 140
    assert at.driver.cash("anna").available == 920_000
    at.driver.close()
    assert sum(isinstance(event, NegotiatedTotalsSet) for event in at.driver.events) == 1


def test_fees_are_those_of_listed_trades() -> None:
    at = table(fee_buyer_ppm=1_000, fee_seller_ppm=2_000)
    at.confirmed("ben", at.filed("anna", SELL, 100, 6_800, "ben"))
    assert at.driver.cash("ben").delivering == 680_680
    at.driver.close()
    assert at.driver.cash("anna").available == 680_000 - 1_360
    assert at.driver.cash("ben").available == 1_000_000 - 680_680


def test_a_fee_is_the_one_in_force_when_the_buyer_commits() -> None:
    at = table()
    bought, sold = at.filed("ben", BUY, 50, 6_800, "anna"), at.filed("anna", SELL, 50, 6_800, "ben")
    at.driver.accepted(adopt(change("fee_buyer_ppm", 1_000, at.driver.at_ns)))
    at.confirmed("anna", bought)
    assert at.driver.cash("ben").delivering == 340_000
    at.confirmed("ben", sold)
    assert at.driver.cash("ben").delivering == 340_000 + 340_340


def test_as_traded_the_registry_is_asked_at_once_and_the_units_wait_for_tomorrow() -> None:
    at = table(settlement_cycle="as_traded", resale_next_day="yes")
    events = at.confirmed("ben", at.filed("anna", SELL, 100, 6_800, "ben"))
    at.driver.answer(only(events, MovementInstructed).instruction)
    assert at.driver.units("ben").available == 100
    assert code_of(at.driver.do(file("ben", SELL, 1, 6_800, "anna"))) == "insufficient_units"
    at.driver.close()
    at.filed("ben", SELL, 100, 6_800, "anna")


def test_a_large_holder_is_noted() -> None:
    at = table(large_holder_alerts="institution 100")
    events = at.confirmed("ben", at.filed("anna", SELL, 100, 6_800, "ben"))
    assert only(events, LargeHolderNoted).position_tonnes == 100


def test_what_is_filed_counts_towards_the_limit_of_orders_too() -> None:
    at = table(position_limits="institution 50")
    at.filed("ben", BUY, 30, 6_800, "anna")
    assert code_of(at.driver.order("ben", BUY, 21, 6_800)) == "position_limit_exceeded"
    at.driver.buy("ben", 20, 6_800)


@pytest.mark.parametrize("code", ["account_frozen", "insufficient_units"])
def test_a_delivery_the_registry_refuses_gives_both_back_what_was_theirs(code: str) -> None:
    at = table()
    lots = (named("L-anna-2", (11, 21)),)
    at.confirmed("ben", at.filed("anna", SELL, 10, 6_800, "ben", lots=lots))
    before = serials(at.driver, "anna")
    events = at.driver.close(refuse=lambda _: (code, 1))
    failed = only(events, DeliveryFailed)
    assert (failed.code, failed.method) == (code, TradeMethod.NEGOTIATED)
    assert serials(at.driver, "anna") == before
    assert at.driver.exchange.depository.holdings.aside() == {}
    assert (at.driver.units("anna").available, at.driver.cash("ben").available) == (1_000, 1_000_000)


# ---- countering, declining, withdrawing -----------------------------------------------------------------------------


def test_a_counter_turns_the_roles_and_the_cover() -> None:
    at = table()
    transfer_id = at.filed("anna", SELL, 100, 6_800, "ben")
    events = at.countered("ben", transfer_id, 90, 6_700)
    told = only(events, NegotiatedTransferCountered)
    assert (told.proposer, told.terms.round_no, told.terms.quantity_tonnes) == (BUY, 2, 90)
    assert at.driver.units("anna").held == 0
    assert at.driver.cash("ben").held == 603_000
    at.countered("anna", transfer_id, 90, 6_750)
    assert at.driver.units("anna").held == 90
    assert at.driver.cash("ben").held == 0
    executed = only(at.confirmed("ben", transfer_id), NegotiatedTransferExecuted)
    assert (executed.price_fen, executed.quantity_tonnes) == (6_750, 90)


def test_what_is_declined_or_withdrawn_gives_the_cover_back() -> None:
    at = table()
    declined, withdrawn = at.filed("anna", SELL, 10, 6_800, "ben"), at.filed("ben", BUY, 5, 6_800, "anna")
    assert kinds(at.declined("ben", declined)) == ["NegotiatedTransferDeclined"]
    assert kinds(at.withdrawn("ben", withdrawn)) == ["NegotiatedTransferWithdrawn"]
    assert at.driver.units("anna").held == 0
    assert at.driver.cash("ben").held == 0
    assert at.state(declined) is NegotiatedState.DECLINED
    assert at.state(withdrawn) is NegotiatedState.WITHDRAWN


# ---- races, decided once --------------------------------------------------------------------------------------------


def test_of_confirmation_and_withdrawal_the_first_wins() -> None:
    at = table()
    first = at.filed("anna", SELL, 10, 6_800, "ben")
    at.withdrawn("anna", first)
    second = at.filed("anna", SELL, 10, 6_800, "ben")
    at.confirmed("ben", second)
    late = confirm("ben", first, at.transfer(first).terms.hash, client_id="late")
    assert code_of(at.driver.do(late)) == "negotiated_transfer_ended"
    assert code_of(at.driver.do(take_back("anna", second))) == "negotiated_transfer_ended"
    assert (at.state(first), at.state(second)) == (NegotiatedState.WITHDRAWN, NegotiatedState.EXECUTED)


def test_at_its_own_instant_it_has_expired_and_just_before_it_has_not() -> None:
    at = table()
    expires_at_ns = at.driver.at_ns + 10
    early = at.filed("anna", SELL, 10, 6_800, "ben", expires_at_ns=expires_at_ns)
    late = at.filed("anna", SELL, 10, 6_800, "ben", expires_at_ns=expires_at_ns)
    assert at.driver.exchange.next_change_ns == expires_at_ns
    at.driver.at_ns = expires_at_ns - 1
    at.confirmed("ben", early)
    late_hash = at.transfer(late).terms.hash
    at.driver.at_ns = expires_at_ns
    events = at.driver.do(confirm("ben", late, late_hash, client_id="late"))
    assert code_of(events) == "negotiated_transfer_ended"
    assert only(events, NegotiatedTransferExpired).cause is ExpiryCause.OWN_TIME
    assert (at.state(early), at.state(late)) == (NegotiatedState.EXECUTED, NegotiatedState.EXPIRED)
    assert at.driver.exchange.next_change_ns > expires_at_ns


def test_a_counters_own_time_takes_the_place_of_the_one_before() -> None:
    at = table()
    now_ns = at.driver.at_ns
    sooner = at.filed("anna", SELL, 10, 6_800, "ben", expires_at_ns=now_ns + 30)
    later = at.filed("anna", SELL, 10, 6_800, "ben", expires_at_ns=now_ns + 10)
    at.countered("ben", sooner, 10, 6_800, expires_at_ns=now_ns + 20)
    at.countered("ben", later, 10, 6_800, expires_at_ns=now_ns + 30)
    at.countered("anna", later, 10, 6_800, expires_at_ns=now_ns + 30)
    for instant_ns, states in ((19, "filed filed"), (20, "expired filed"), (30, "expired expired")):
        at.driver.exchange = Exchange.load(at.driver.exchange.dump())
        at.driver.do(AdvanceTime(), now_ns + instant_ns)
        assert [at.state(one).value for one in (sooner, later)] == states.split()
    assert (at.driver.units("anna").held, at.driver.cash("ben").held) == (0, 0)


def test_the_same_confirmation_twice_is_one() -> None:
    at = table()
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    once = confirm("ben", transfer_id, at.transfer(transfer_id).terms.hash)
    at.driver.accepted(once)
    confirmed_at = at.driver.seq
    assert at.driver.accepted(once) == (Replayed(first_seq=confirmed_at),)
    again = replace(once, client_id="another")
    assert code_of(at.driver.do(again)) == "negotiated_transfer_ended"
    assert at.driver.units("anna").delivering == 10


def test_of_confirmation_and_counter_the_first_wins() -> None:
    at = table()
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    at.confirmed("ben", transfer_id)
    assert code_of(at.driver.do(counter("ben", transfer_id, 10, 6_700))) == "negotiated_transfer_ended"


# ---- the clock ------------------------------------------------------------------------------------------------------


def test_the_session_is_two_to_three_in_shanghai_and_its_end_ends_what_is_filed() -> None:
    driver = shanghai_market()
    at = parties(driver)
    driver.wait_until("13:59:59")
    assert code_of(driver.do(file("anna", SELL, 10, 6_800, "ben"))) == "phase_closed"
    driver.wait_until("14:00:00")
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    other = at.filed("anna", SELL, 10, 6_800, "ben", expires_at_ns=instant(MONDAY, "14:30:00"))
    events = driver.wait_until("15:00:00")
    expired = [event for event in events if isinstance(event, NegotiatedTransferExpired)]
    assert [(one.transfer_id, one.cause) for one in expired] == [
        (other, ExpiryCause.OWN_TIME),
        (transfer_id, ExpiryCause.SESSION_END),
    ]
    assert driver.units("anna").held == 0


@pytest.mark.parametrize("by_clock", ["yes", "no"])
def test_a_session_that_ended_while_nothing_came_to_pass_has_ended(by_clock: str) -> None:
    driver = shanghai_market(
        hours="negotiated 10:00-11:00; listed 13:00-14:00; negotiated 14:00-15:00", close_by_clock=by_clock
    )
    at = parties(driver)
    driver.wait_until("10:30:00")
    first = at.filed("anna", SELL, 10, 6_800, "ben")
    events = driver.wait_until("14:10:00")
    assert [event.cause for event in events if isinstance(event, NegotiatedTransferExpired)] == [
        ExpiryCause.SESSION_END
    ]
    assert (at.state(first), driver.units("anna").held) == (NegotiatedState.EXPIRED, 0)
    second = at.filed("anna", SELL, 10, 6_800, "ben")
    driver.wait_until("14:20:00")
    assert at.state(second) is NegotiatedState.FILED
    driver.wait_until("14:30:00", TUESDAY)
    assert at.state(second) is NegotiatedState.EXPIRED


def test_the_close_ends_what_is_filed_and_what_is_under_review() -> None:
    at = table(negotiated_review="all")
    filed, reviewed = at.filed("anna", SELL, 10, 6_800, "ben"), at.filed("anna", SELL, 10, 6_800, "ben")
    at.confirmed("ben", reviewed)
    assert at.driver.cash("ben").held == 68_000
    at.driver.accepted(CloseDay(trading_day=MONDAY))
    assert (at.state(filed), at.state(reviewed)) == (NegotiatedState.EXPIRED,) * 2
    assert (at.driver.units("anna").held, at.driver.cash("ben").held) == (0, 0)
    at.driver.close()


# ---- the price band -------------------------------------------------------------------------------------------------


def test_the_band_lies_around_the_days_listed_close_once_listed_trading_is_over() -> None:
    driver = shanghai_market(close_threshold_tonnes=0)
    at = parties(driver)
    driver.wait_until("09:30:00")
    driver.sell("cara-2", 10, 7_000)
    driver.buy("ben", 10, 7_000)
    driver.wait_until("14:00:00")
    assert code_of(driver.do(file("anna", SELL, 10, 9_101, "ben"))) == "negotiated_price_outside_band"
    at.filed("anna", SELL, 10, 9_100, "ben")
    at.filed("anna", SELL, 10, 4_900, "ben")
    driver.accepted(adopt(change("negotiated_reference", "previous_close", driver.at_ns)))
    assert code_of(driver.do(file("anna", SELL, 10, 8_841, "ben", client_id="m"))) == (
        "negotiated_price_outside_band"
    )
    at.filed("anna", SELL, 10, 8_840, "ben")


def test_while_listed_trading_goes_on_the_band_lies_around_the_close_before() -> None:
    at = table(close_threshold_tonnes=0)
    at.driver.sell("cara-2", 10, 7_000)
    at.driver.buy("ben", 10, 7_000)
    at.filed("anna", SELL, 10, 8_840, "ben")
    assert code_of(at.driver.do(file("anna", SELL, 10, 8_841, "ben"))) == "negotiated_price_outside_band"


@pytest.mark.parametrize(("tonnes", "refused"), [(499_999, True), (500_000, False)])
def test_from_half_a_million_tonnes_on_no_band_binds(tonnes: int, refused: bool) -> None:
    at = table()
    at.driver.bring("anna", "L-big", 600_000)
    events = at.driver.do(file("anna", SELL, tonnes, 20_000, "ben"))
    assert (kinds(events) == ["Rejected"]) is refused


def test_a_band_that_has_moved_refuses_the_confirmation_and_leaves_room_to_counter() -> None:
    at = table()
    transfer_id = at.filed("anna", SELL, 10, 8_840, "ben")
    tiers = adopt(change("negotiated_band_tiers", "1000 below 500000; none", at.driver.at_ns))
    at.driver.accepted(tiers)
    assert code_of(at.driver.do(counter("ben", transfer_id, 10, 7_481))) == "negotiated_price_outside_band"
    terms_hash = at.transfer(transfer_id).terms.hash
    assert code_of(at.driver.do(confirm("ben", transfer_id, terms_hash))) == "negotiated_price_outside_band"
    at.countered("ben", transfer_id, 10, 7_480)
    at.confirmed("anna", transfer_id)


def test_the_listed_band_and_the_quotes_are_not_touched() -> None:
    at = table()
    at.confirmed("ben", at.filed("anna", SELL, 10, 8_840, "ben"))
    assert not any(isinstance(event, DayPricesRevised) for event in at.driver.events)
    bands = [event for event in at.driver.close() if isinstance(event, BandSet)]
    assert bands[0].reference_fen == 6_800


# ---- rejected at execution ------------------------------------------------------------------------------------------


def test_a_filer_no_longer_admitted_ends_it_whatever_the_other_side_says() -> None:
    at = table()
    at.driver.admit("ida", tonnes=10, kind=ParticipantKind.INDIVIDUAL)
    transfer_id = at.filed("ida", SELL, 10, 6_800, "ben")
    at.driver.accepted(adopt(change("participant_kinds", "institution", at.driver.at_ns)))
    events = at.confirmed("ben", transfer_id)
    assert kinds(events) == ["NegotiatedTransferConfirmed", "NegotiatedTransferRejected"]
    assert only(events, NegotiatedTransferRejected).code == "kind_not_admitted"
    assert at.state(transfer_id) is NegotiatedState.REJECTED
    assert (at.driver.units("ida").available, at.driver.cash("ben").available) == (10, 1_000_000)


def test_a_filer_above_its_limit_by_now_ends_it() -> None:
    at = table()
    transfer_id = at.filed("ben", BUY, 30, 6_800, "anna")
    at.driver.buy("ben", 30, 6_800)
    at.driver.accepted(adopt(change("position_limits", "institution 59", at.driver.at_ns)))
    events = at.confirmed("anna", transfer_id)
    rejected = only(events, NegotiatedTransferRejected)
    assert (rejected.code, rejected.limit, rejected.actual) == ("position_limit_exceeded", 59, 60)
    assert at.driver.cash("ben").held == 30 * 6_800


@pytest.mark.parametrize("account", ["anna", "ben"])
@pytest.mark.parametrize("reviewed", [False, True])
def test_a_restriction_of_either_side_ends_it_and_tells_both(account: str, reviewed: bool) -> None:
    at = table(negotiated_review="all")
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben", agreement_no="1")
    if reviewed:
        at.confirmed("ben", transfer_id)
    events = at.driver.accepted(restrict(account))
    rejected = only(events, NegotiatedTransferRejected)
    assert (rejected.code, rejected.seller, rejected.buyer) == ("account_restricted", "anna", "ben")
    assert (at.driver.units("anna").held, at.driver.cash("ben").held) == (0, 0)


def test_a_halt_leaves_it_where_it_is() -> None:
    at = table()
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    at.driver.accepted(halt(LISTING))
    assert code_of(at.driver.do(counter("ben", transfer_id, 10, 6_700))) == "listing_halted"
    at.driver.accepted(resume(LISTING))
    at.confirmed("ben", transfer_id)
    other = at.filed("anna", SELL, 10, 6_800, "ben")
    at.driver.accepted(halt())
    at.withdrawn("anna", other)


# ---- the exchange's review ------------------------------------------------------------------------------------------


def test_a_reviewed_transfer_waits_with_both_covers_and_is_then_a_trade() -> None:
    at = table(negotiated_review="all")
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    events = at.confirmed("ben", transfer_id)
    assert kinds(events) == ["NegotiatedTransferConfirmed", "NegotiatedTransferUnderReview"]
    assert only(events, NegotiatedTransferUnderReview).transfer_id == transfer_id
    assert (at.driver.units("anna").held, at.driver.cash("ben").held) == (10, 68_000)
    done = at.driver.accepted(review(transfer_id))
    assert kinds(done) == ["NegotiatedTransferReviewed", "NegotiatedTransferExecuted"]
    assert only(done, NegotiatedTransferReviewed).approved
    assert (at.driver.units("anna").delivering, at.driver.cash("ben").delivering) == (10, 68_000)


def test_a_review_can_need_two_persons() -> None:
    at = table(negotiated_review="all", two_person_acts="review_negotiated")
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben")
    at.confirmed("ben", transfer_id)
    at.driver.accepted(review(transfer_id))
    assert at.state(transfer_id) is NegotiatedState.UNDER_REVIEW
    approval_id = at.driver.seq
    assert code_of(at.driver.do(approve(approval_id, operator="olga"))) == "second_person_needed"
    at.driver.accepted(approve(approval_id))
    assert at.state(transfer_id) is NegotiatedState.EXECUTED


def test_a_transfer_refused_in_review_gives_both_back_their_cover() -> None:
    at = table(negotiated_review="all")
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (1, 11)),))
    at.confirmed("ben", transfer_id)
    events = at.driver.accepted(review(transfer_id, approved=False))
    assert only(events, NegotiatedTransferRejected).code == "review_refused"
    assert (at.driver.units("anna").held, at.driver.cash("ben").held) == (0, 0)
    assert at.driver.exchange.depository.holdings.aside() == {}


def test_what_came_in_the_way_of_a_reviewed_transfer_ends_it() -> None:
    at = table(negotiated_review="all")
    transfer_id = at.filed("anna", SELL, 10, 8_840, "ben")
    at.confirmed("ben", transfer_id)
    at.driver.accepted(adopt(change("negotiated_band_tiers", "100", at.driver.at_ns)))
    events = at.driver.accepted(review(transfer_id))
    assert only(events, NegotiatedTransferRejected).code == "negotiated_price_outside_band"


@pytest.mark.parametrize(("tonnes", "state"), [(399, "executed"), (400, "under_review")])
def test_the_review_can_be_for_what_no_band_binds(tonnes: int, state: str) -> None:
    at = table(negotiated_review="without_band", negotiated_band_tiers="3000 below 400; none")
    at.driver.deposit("ben", 10**7)
    transfer_id = at.filed("anna", SELL, tonnes, 6_800, "ben")
    at.confirmed("ben", transfer_id)
    assert at.state(transfer_id) == state


# ---- named lots -----------------------------------------------------------------------------------------------------


def test_named_serials_are_what_is_delivered_and_nothing_else_takes_them() -> None:
    at = table()
    at.driver.buy("cara-1", 20, 6_800)
    at.confirmed("ben", at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (1, 6), (8, 13)),)))
    at.driver.sell("anna", 20, 6_800)
    settled = [event for event in at.driver.close() if isinstance(event, DeliverySettled)]
    lots = {one.buyer: [(part.lot_id, part.serials) for part in one.lots] for one in settled}
    assert lots == {"ben": [("L-anna", ((1, 6), (8, 13)))], "cara-1": [("L-anna", ((6, 8), (13, 31)))]}


def test_the_oldest_lot_named_for_one_leaves_the_next_for_the_others() -> None:
    at = table(settlement_cycle="as_traded")
    at.filed("anna", SELL, 500, 6_800, "ben", lots=(named("L-anna", tonnes=500),))
    at.driver.buy("cara-1", 20, 6_800)
    asked = only(at.driver.order("anna", SELL, 20, 6_800), MovementInstructed)
    assert [(leg.lot_id, leg.serials) for leg in asked.instruction.legs] == [("L-anna-2", ((1, 21),))]


def test_tonnes_of_a_lot_become_its_lowest_free_serials() -> None:
    at = table()
    at.filed("anna", SELL, 10, 6_800, "cara-1", lots=(named("L-anna", (3, 13)),))
    lots = (named("L-anna-2", tonnes=5), named("L-anna", tonnes=5))
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben", lots=lots)
    chosen = at.transfer(transfer_id).terms.lots
    assert [(one.lot_id, one.serials) for one in chosen] == [
        ("L-anna-2", ((1, 6),)),
        ("L-anna", ((1, 3), (13, 16))),
    ]


def test_a_buyer_asks_for_a_lot_and_the_seller_confirms_with_serials() -> None:
    at = table()
    transfer_id = at.filed("ben", BUY, 10, 6_800, "anna", lots=(named("L-anna-2", tonnes=10),))
    assert at.transfer(transfer_id).terms.lots[0].serials == ()
    events = at.confirmed("anna", transfer_id)
    (part,) = only(events, NegotiatedTransferExecuted).lots
    assert (part.lot_id, part.serials) == ("L-anna-2", ((1, 11),))
    confirmed = only(events, NegotiatedTransferConfirmed)
    assert confirmed.terms_hash != confirmed.terms.hash  # what was read named no serials


def test_a_seller_names_lots_when_it_confirms_and_when_it_counters() -> None:
    at = table()
    first, second = at.filed("ben", BUY, 10, 6_800, "anna"), at.filed("ben", BUY, 10, 6_800, "anna")
    executed = only(
        at.confirmed("anna", first, lots=(named("L-anna-2", (5, 15)),)), NegotiatedTransferExecuted
    )
    assert [(part.lot_id, part.serials) for part in executed.lots] == [("L-anna-2", ((5, 15),))]
    at.countered("anna", second, 10, 6_800, lots=(named("L-anna-2", (20, 30)),))
    at.countered("ben", second, 10, 6_700, lots=(named("L-anna-2", (20, 30)),))
    assert at.driver.exchange.depository.holdings.aside() == {
        (AccountId("anna"), LotId("L-anna-2")): ((5, 15),)
    }
    at.confirmed("anna", second)
    at.driver.close()
    assert serials(at.driver, "ben") == {"L-anna-2": ((5, 15), (20, 30))}


def test_a_busted_transfer_gives_named_serials_back() -> None:
    at = table()
    lots: tuple[NamedLot, ...] = (named("L-anna-2", (5, 15)),)
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben", lots=lots, agreement_no="7")
    at.confirmed("ben", transfer_id)
    events = at.driver.accepted(bust(1))
    assert kinds(events) == ["TradeBusted"]
    assert only(events, TradeBusted).method is TradeMethod.NEGOTIATED
    assert at.driver.exchange.depository.holdings.aside() == {}
    assert (at.driver.units("anna").available, at.driver.cash("ben").available) == (1_000, 1_000_000)
    assert at.driver.exchange.trading.markets[LISTING].negotiated.volume_tonnes == 0
    at.filed("ben", BUY, 11, 6_800, "anna", agreement_no="7")


# ---- agreements -----------------------------------------------------------------------------------------------------


def test_an_agreement_filed_twice_by_either_side_is_filed_once() -> None:
    at = table()
    transfer_id = at.filed(
        "anna", SELL, 10, 6_800, "ben", agreement_no="A-1", lots=(named("L-anna", tonnes=10),)
    )
    for again in (
        file("anna", SELL, 10, 6_800, "ben", agreement_no="A-1", client_id="again"),
        file("ben", BUY, 10, 6_800, "anna", agreement_no="A-1", client_id="mirrored"),
        file("anna", SELL, 10, 6_800, "ben", agreement_no="A-1", lots=(named("L-anna", (1, 11)),)),
        file("ben", BUY, 10, 6_800, "anna", agreement_no="A-1", expires_at_ns=1, client_id="expires"),
    ):
        (known,) = at.driver.accepted(again)
        assert isinstance(known, NegotiatedTransferKnown)
        assert (known.transfer_id, known.state) == (transfer_id, NegotiatedState.FILED)
    assert at.driver.units("anna").held == 10
    at.confirmed("ben", transfer_id)
    at.driver.close()
    (known,) = at.driver.accepted(
        file("ben", BUY, 10, 6_800, "anna", agreement_no="A-1", client_id="tomorrow")
    )
    assert isinstance(known, NegotiatedTransferKnown)
    assert known.state is NegotiatedState.EXECUTED


def test_a_countered_agreement_is_known_by_its_new_terms() -> None:
    at = table()
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben", agreement_no="A-1")
    at.countered("ben", transfer_id, 10, 6_700)
    old = file("anna", SELL, 10, 6_800, "ben", agreement_no="A-1", client_id="old")
    assert code_of(at.driver.do(old)) == "agreement_contradicts"
    (known,) = at.driver.accepted(replace(old, price_fen=6_700, client_id="new"))
    assert isinstance(known, NegotiatedTransferKnown)


@pytest.mark.parametrize("end", ["declined", "withdrawn", "expired"])
def test_an_agreement_of_which_nothing_came_can_be_filed_again(end: str) -> None:
    at = table()
    transfer_id = at.filed("anna", SELL, 10, 6_800, "ben", agreement_no="A-1")
    match end:
        case "declined":
            at.declined("ben", transfer_id)
        case "withdrawn":
            at.withdrawn("anna", transfer_id)
        case _:
            at.driver.close()
    at.filed("ben", BUY, 20, 6_700, "anna", agreement_no="A-1")


def test_numbers_are_the_two_parties_own() -> None:
    at = table()
    at.filed("anna", SELL, 10, 6_800, "ben", agreement_no="1")
    at.filed("anna", SELL, 20, 6_700, "cara-1", agreement_no="1")
    at.filed("cara-2", SELL, 30, 6_600, "ben", agreement_no="1")


# ---- open offers ----------------------------------------------------------------------------------------------------


def test_an_open_offer_goes_to_the_first_who_confirms_its_hash() -> None:
    at = table(negotiated_open_offers="yes")
    transfer_id = at.filed("anna", SELL, 10, 6_800, None, agreement_no="O-1")
    offered = only(at.driver.events, NegotiatedTransferFiled)
    assert (offered.seller, offered.buyer) == ("anna", None)
    events = at.confirmed("ben", transfer_id)
    confirmed = only(events, NegotiatedTransferConfirmed)
    assert (confirmed.buyer, confirmed.by, confirmed.terms_hash) == ("ben", "ben", offered.terms_hash)
    late = confirm("cara-1", transfer_id, offered.terms_hash)
    assert code_of(at.driver.do(late)) == "negotiated_transfer_ended"
    (known,) = at.driver.accepted(file("anna", SELL, 10, 6_800, None, agreement_no="O-1", client_id="2"))
    assert isinstance(known, NegotiatedTransferKnown)


def test_an_open_offer_to_buy_is_taken_by_a_seller_who_may_name_lots() -> None:
    at = table(negotiated_open_offers="yes")
    transfer_id = at.filed("ben", BUY, 10, 6_800, None)
    executed = only(
        at.confirmed("anna", transfer_id, lots=(named("L-anna-2", tonnes=10),)), NegotiatedTransferExecuted
    )
    assert executed.seller == "anna"
    assert executed.lots[0].lot_id == "L-anna-2"


def test_an_open_offer_can_be_withdrawn_by_who_made_it() -> None:
    at = table(negotiated_open_offers="yes")
    transfer_id = at.filed("ben", BUY, 10, 6_800, None)
    assert code_of(at.driver.do(take_back("anna", transfer_id))) == "not_your_turn"
    assert code_of(at.driver.do(say_no("anna", transfer_id))) == "open_offer_stands"
    at.withdrawn("ben", transfer_id)
    assert at.driver.cash("ben").held == 0


# ---- snapshots and soundness ----------------------------------------------------------------------------------------


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    at = table(negotiated_review="all", position_limits="institution 2000")
    expires_at_ns = at.driver.at_ns + 5
    at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (1, 11)),), agreement_no="1")
    at.confirmed("anna", at.filed("ben", BUY, 20, 6_800, "anna", lots=(named("L-anna-2", tonnes=20),)))
    at.filed("ben", BUY, 30, 6_700, "anna", expires_at_ns=expires_at_ns)
    done = at.filed("anna", SELL, 40, 6_800, "ben", lots=(named("L-anna-2", (400, 440)),))
    at.confirmed("ben", done)
    at.driver.accepted(review(done))
    at.declined("ben", at.filed("anna", SELL, 1, 6_800, "ben"))
    state = at.driver.exchange.dump()
    loaded = Exchange.load(state)
    loaded.check()
    assert loaded.dump() == state
    for exchange in (at.driver.exchange, loaded):
        last = Stamp(seq=at.driver.seq + 1, at_ns=expires_at_ns)
        events = exchange.apply(CloseDay(trading_day=MONDAY), last)
        assert [event.cause for event in events if isinstance(event, NegotiatedTransferExpired)] == [
            ExpiryCause.OWN_TIME,
            ExpiryCause.SESSION_END,
            ExpiryCause.SESSION_END,
        ]
    assert loaded.dump() == at.driver.exchange.dump()


def test_the_check_sees_serials_set_aside_for_nobody() -> None:
    at = table()
    at.filed("anna", SELL, 10, 6_800, "ben", lots=(named("L-anna", (1, 11)),))
    transfers = at.driver.exchange.negotiation.transfers
    transfer = next(iter(transfers.under_way.values()))
    transfer.terms = replace(transfer.terms, lots=())
    with pytest.raises(AssertionError, match="is named"):
        at.driver.exchange.check()


def test_the_check_sees_a_purchase_that_is_not_counted() -> None:
    at = table()
    at.filed("ben", BUY, 10, 6_800, "anna")
    at.driver.exchange.trading.negotiated_buys.clear()
    with pytest.raises(AssertionError, match="counted"):
        at.driver.exchange.check()


def test_the_check_sees_cover_that_is_not_held() -> None:
    at = table()
    transfer_id = at.filed("ben", BUY, 10, 6_800, "anna")
    at.transfer(transfer_id).buyer_fee = FeeTerms(ppm=1_000)
    with pytest.raises(AssertionError, match=r"need"):
        at.driver.exchange.check()


def test_nothing_is_under_way_overnight() -> None:
    at = table()
    at.filed("ben", BUY, 10, 6_800, "anna")
    at.driver.close()
    assert at.driver.exchange.trading_day == TUESDAY
    assert not at.driver.exchange.negotiation.transfers.under_way
    assert not at.driver.exchange.negotiation.transfers.ended
