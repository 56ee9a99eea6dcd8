"""Acts that need a second person: who that may be, when the act is judged, and that waiting survives a crash."""

from dataclasses import replace

import pytest

from matching.commands import AnyAct, CloseDay
from matching.events import (
    ActApproved,
    ActDeclined,
    ApprovalRequested,
    Event,
    Rejected,
    RulesAdopted,
    TradeBusted,
    TradingHalted,
)
from matching.exchange import Exchange
from matching.order import Side
from matching.rulebook import EXCEPTIONAL_ACTS
from settlement.claim import ClaimDecision
from settlement.notice import NoticeKind
from tests.matching.authorities import (
    Registry,
    decide,
    differs,
    freeze,
    report,
    retry_deliveries,
    settle_break,
    thaw,
    unwind,
)
from tests.matching.driver import (
    LISTING,
    MONDAY,
    OLGA,
    OTTO,
    Driver,
    adopt,
    approve,
    bust,
    change,
    decline,
    halt,
    lift,
    open_market,
    restrict,
    resume,
)
from tests.matching.negotiating import Table, review

BUY = Side.BUY


def market(two_person_acts: str = ", ".join(EXCEPTIONAL_ACTS), **rules: int | str) -> Driver:
    """Every exceptional act needs two, one trade is made."""
    driver = open_market(two_person_acts=two_person_acts, **rules)
    driver.admit("anna", tonnes=100)
    driver.admit("ben", fen=10**8)
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    return driver


def code(events: tuple[Event, ...]) -> str | None:
    return next((event.code for event in events if isinstance(event, Rejected)), None)


def names(events: tuple[Event, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


def agreed(driver: Driver, act: AnyAct) -> tuple[Event, ...]:
    """An act asked for and approved."""
    driver.accepted(act)
    return driver.accepted(approve(driver.seq))


def test_an_act_waits_and_does_nothing_until_another_approves() -> None:
    driver = market()
    assert driver.accepted(halt(LISTING)) == (
        ApprovalRequested(
            approval_id=driver.seq, act="halt", operator=halt(operator=OLGA).operator, reason="a test"
        ),
    )
    waiting = driver.seq
    driver.buy("ben", 1, 6_800)
    events = driver.accepted(approve(waiting))
    assert names(events) == ["ActApproved", "TradingHalted"]
    approved, halted = events
    assert isinstance(approved, ActApproved)
    assert (approved.approval_id, approved.act, approved.operator) == (waiting, "halt", OTTO)
    assert isinstance(halted, TradingHalted)
    assert halted.operator == OLGA  # whose act it is
    assert code(driver.order("ben", BUY, 1, 6_800)) == "listing_halted"


def test_nobody_approves_what_is_his_own() -> None:
    driver = market()
    driver.accepted(bust(1))
    waiting = driver.seq
    assert driver.do(approve(waiting, operator=OLGA)) == (
        Rejected(code="second_person_needed", limit=None, actual=OLGA),
    )
    assert names(driver.accepted(approve(waiting)))[:2] == ["ActApproved", "TradeBusted"]


def test_an_approval_is_used_once() -> None:
    driver = market()
    driver.accepted(halt())
    waiting = driver.seq
    driver.accepted(approve(waiting))
    assert code(driver.do(approve(waiting))) == "approval_unknown"
    assert code(driver.do(decline(waiting))) == "approval_unknown"


@pytest.mark.parametrize("operator", [OLGA, OTTO])
def test_either_of_the_two_may_let_it_go(operator: str) -> None:
    driver = market()
    driver.accepted(halt())
    waiting = driver.seq
    (declined,) = driver.accepted(decline(waiting, operator=operator))
    assert isinstance(declined, ActDeclined)
    assert (declined.approval_id, declined.act, declined.operator) == (waiting, "halt", operator)
    assert code(driver.do(approve(waiting))) == "approval_unknown"
    driver.buy("ben", 1, 6_800)


def test_every_exceptional_act_can_be_made_to_wait() -> None:
    driver = market()
    driver.admit("cara")
    halting = agreed(driver, halt())
    resuming = agreed(driver, resume())
    restricting = agreed(driver, restrict("cara"))
    lifting = agreed(driver, lift("cara"))
    busting = agreed(driver, bust(1))
    later = driver.at_ns + 10
    adopting = agreed(driver, adopt(change("tick_fen", 5, later), emergency=True))
    driver.accepted(adopt(change("negotiated_review", "all", driver.at_ns)))
    driver.admit("dora", tonnes=10)
    table = Table(driver)
    transfer_id = table.filed("dora", Side.SELL, 10, 6_800, "ben")
    table.confirmed("ben", transfer_id)
    reviewing = agreed(driver, review(transfer_id))
    acts = [halting, resuming, restricting, lifting, busting, adopting, reviewing]
    assert [event.act for events in acts for event in events if isinstance(event, ActApproved)] == [
        *EXCEPTIONAL_ACTS[:6],
        "review_negotiated",
    ]
    assert [names(events)[1] for events in acts] == [
        "TradingHalted",
        "TradingResumed",
        "AccountRestricted",
        "RestrictionLifted",
        "TradeBusted",
        "RulesAdopted",
        "NegotiatedTransferReviewed",
    ]


def test_every_act_about_custody_can_be_made_to_wait() -> None:
    driver = market(settlement_cycle="as_traded")
    driver.answer(driver.exchange.pending_instructions()[0])
    Registry(driver).says(NoticeKind.CORRECTED, None, "L-anna", ((1, 4),))
    driver.accepted(report(differs(account="nobody")))
    driver.sell("anna", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    driver.answer(driver.exchange.pending_instructions()[0], "not_authorised")
    acts = [
        agreed(driver, freeze("ben")),
        agreed(driver, thaw(f"act-{driver.seq}")),
        agreed(driver, decide(1, ClaimDecision.COMPENSATE)),
        agreed(driver, settle_break(1)),
        agreed(driver, retry_deliveries(2)),
    ]
    driver.answer(driver.exchange.pending_instructions()[0], "not_authorised")
    acts.append(agreed(driver, unwind(2)))
    assert [event.act for events in acts for event in events if isinstance(event, ActApproved)] == list(
        EXCEPTIONAL_ACTS[6:12]
    )
    assert [names(events)[1] for events in acts] == [
        "FreezePlaced",
        "FreezeLifted",
        "ClaimDecided",
        "BreakResolved",
        "DeliveriesRetried",
        "DeliveryUnwound",
    ]


@pytest.mark.parametrize(
    "act",
    [
        freeze("ben"),
        freeze("ben", "L-anna", ((1, 5),)),
        thaw("act-7"),
        decide(3, ClaimDecision.REMOVE),
        settle_break(2),
        retry_deliveries(),
        unwind(4),
    ],
    ids=str,
)
def test_an_act_about_custody_waits_across_a_crash(act: AnyAct) -> None:
    driver = market()
    driver.exchange.operations.waiting[99] = act
    again = Exchange.load(driver.exchange.dump())
    assert again.operations.waiting == {99: act}


def test_rules_adopted_in_the_ordinary_course_need_one_person() -> None:
    driver = market(notice_s=60)
    events = driver.accepted(adopt(change("tick_fen", 5, driver.at_ns + 60 * 10**9)))
    assert isinstance(events[0], RulesAdopted)


def test_only_what_the_rule_book_names_waits() -> None:
    driver = market("bust_trade")
    assert names(driver.accepted(halt())) == ["TradingHalted"]
    assert names(driver.accepted(bust(1))) == ["ApprovalRequested"]


def test_before_the_first_day_one_person_founds_the_market() -> None:
    driver = Driver()
    driver.found(two_person_acts="emergency_rules")
    assert isinstance(driver.accepted(adopt(change("tick_fen", 5), emergency=True))[0], RulesAdopted)


def test_what_cannot_be_done_is_refused_before_it_waits() -> None:
    driver = market()
    assert code(driver.do(bust(2))) == "trade_not_pending"
    assert code(driver.do(resume())) == "not_halted"
    assert driver.exchange.operations.waiting == {}


# ---- judged again -----------------------------------------------------------------------------------------------


def test_what_can_no_longer_be_done_is_refused_at_its_approval_and_goes_on_waiting() -> None:
    driver = market()
    driver.accepted(bust(1))
    waiting = driver.seq
    driver.close()  # the trade is settled
    assert driver.do(approve(waiting)) == (Rejected(code="trade_not_pending", limit=None, actual="1"),)
    assert list(driver.exchange.operations.waiting) == [waiting]
    driver.accepted(decline(waiting))


def test_of_two_that_wait_for_the_same_the_second_is_refused() -> None:
    driver = market()
    driver.accepted(halt())
    first = driver.seq
    driver.accepted(halt())
    second = driver.seq
    driver.accepted(approve(second))
    assert code(driver.do(approve(first))) == "listing_halted"
    agreed(driver, resume())
    driver.accepted(approve(first))
    assert code(driver.order("ben", BUY, 1, 6_800)) == "listing_halted"


@pytest.mark.parametrize(("waited_ns", "from_ns"), [(3, 10), (10, 10), (11, 11), (5_000, 5_000)])
def test_an_emergency_rule_approved_late_takes_effect_at_its_approval(waited_ns: int, from_ns: int) -> None:
    driver = market()
    asked_ns = driver.at_ns
    driver.accepted(adopt(change("tick_fen", 5, asked_ns + 10), emergency=True))
    waiting = driver.seq
    driver.at_ns += waited_ns
    adopted = driver.accepted(approve(waiting))[1]
    assert isinstance(adopted, RulesAdopted)
    assert [one.effective_from_ns for one in adopted.changes] == [asked_ns + from_ns]
    driver.exchange = Exchange.load(driver.exchange.dump())
    now_or_not = code(driver.order("ben", BUY, 1, 6_801))
    assert now_or_not == ("price_not_on_tick" if waited_ns >= from_ns else None)
    rules = driver.exchange.rulebook
    assert rules.in_force(asked_ns + from_ns - 1).tick_fen == 1
    assert rules.in_force(asked_ns + from_ns).tick_fen == 5


# ---- crashes and the close --------------------------------------------------------------------------------------


def test_what_waits_survives_dump_and_load() -> None:
    driver = market()
    driver.admit("cara")
    acts: list[AnyAct] = [
        halt(),
        halt(LISTING),
        restrict("cara"),
        bust(1),
        adopt(change("tick_fen", 5, driver.at_ns + 99), emergency=True),
    ]
    for act in acts:
        driver.accepted(act)
    before = dict(driver.exchange.operations.waiting)
    assert list(before.values()) == acts
    state = driver.exchange.dump()
    driver.exchange = Exchange.load(state)
    assert driver.exchange.operations.waiting == before
    assert list(driver.exchange.operations.waiting) == list(before)
    assert driver.exchange.dump() == state
    for approval_id in before:
        driver.accepted(approve(approval_id))
    standing = driver.exchange.trading.standing
    assert (set(standing.halts), set(standing.restrictions)) == ({None, LISTING}, {"cara"})
    assert driver.exchange.operations.waiting == {}


def test_resuming_and_lifting_survive_dump_and_load_too() -> None:
    driver = market()
    driver.admit("cara")
    agreed(driver, halt())
    agreed(driver, restrict("cara"))
    for act in (resume(), lift("cara")):
        driver.accepted(act)
    state = driver.exchange.dump()
    driver.exchange = Exchange.load(state)
    assert driver.exchange.dump() == state
    for approval_id in list(driver.exchange.operations.waiting):
        driver.accepted(approve(approval_id))
    standing = driver.exchange.trading.standing
    assert (standing.halts, standing.restrictions) == ({}, {})


def test_acts_are_asked_for_and_approved_during_the_close_as_well() -> None:
    driver = market()
    driver.accepted(CloseDay(trading_day=MONDAY))
    events = agreed(driver, bust(1))
    assert any(isinstance(event, TradeBusted) for event in events)
    driver.close()
    assert driver.units("anna").available == 100


def test_two_persons_are_needed_by_the_rules_of_the_moment_of_asking() -> None:
    driver = market("none", notice_s=0)
    driver.accepted(adopt(change("two_person_acts", "halt", driver.at_ns)))
    assert names(driver.accepted(halt())) == ["ApprovalRequested"]
    waiting = driver.seq
    driver.accepted(adopt(change("two_person_acts", "none", driver.at_ns)))
    assert code(driver.do(replace(approve(waiting), operator=halt().operator))) == "second_person_needed"
    assert names(driver.accepted(halt())) == ["TradingHalted"]
