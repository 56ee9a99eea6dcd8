"""Corrected units (Measures 2023, Art. 22): removed where they are still the bringer's, claimed where they were sold."""

import pytest

from matching.acts import DecideClaim
from matching.events import Event, OrderCancelled
from matching.exchange import Exchange
from matching.order import CancelReason
from settlement.claim import Claim, ClaimDecision, ClaimState
from settlement.custody_events import (
    ClaimDecided,
    ClaimOpened,
    RemovalAsked,
    RemovalCompleted,
    RemovalOpened,
    RemovalRefused,
)
from settlement.events import DeliveryFailed, Instruction, InstructionKind
from settlement.notice import NoticeKind
from settlement.serials import Serials
from tests.matching.authorities import Registry, decide, freeze, retry_removal, transfer_out
from tests.matching.driver import EVENT, LISTING, Driver, open_market


def market(**rules: int | str) -> Driver:
    """Anna brought 100 t; Ben has money; what is traded is asked of the registry at once."""
    driver = open_market(**{"settlement_cycle": "as_traded", **rules})
    driver.admit("anna", fen=10**7)
    driver.admit("ben", fen=10**7)
    driver.bring("anna", "solar", 100)
    return driver


def sell(driver: Driver, tonnes: int, *, confirm: bool = True) -> None:
    driver.sell("anna", tonnes, 6_800)
    driver.buy("ben", tonnes, 6_800)
    if confirm:
        driver.answer(driver.exchange.pending_instructions()[-1])


def correct(driver: Driver, *serials: tuple[int, int]) -> tuple[Event, ...]:
    return Registry(driver).says(NoticeKind.CORRECTED, "anna", "solar", serials)


def buckets(driver: Driver, account: str = "anna") -> tuple[int, int, int, int]:
    """Available, held, frozen, delivering."""
    units = driver.units(account)
    return (units.available, units.held, units.frozen, units.delivering)


def claims(events: list[Event] | tuple[Event, ...]) -> list[Claim]:
    return [event.claim for event in events if isinstance(event, ClaimOpened)]


def leaving(driver: Driver) -> list[tuple[str, Serials]]:
    return [
        (leg.from_account, leg.serials)
        for instruction in driver.exchange.pending_instructions()
        for leg in instruction.legs
        if instruction.removal_id is not None
    ]


def only(driver: Driver) -> Instruction:
    (instruction,) = driver.exchange.pending_instructions()
    return instruction


# ---- still with who brought them --------------------------------------------------------------------------------


def test_what_is_still_the_bringers_goes_back_to_its_management_side() -> None:
    driver = market()
    events = correct(driver, (1, 11), (50, 60))
    assert [type(event) for event in events if "Removal" in type(event).__name__] == [
        RemovalOpened,
        RemovalAsked,
    ]
    instruction = only(driver)
    assert instruction.kind is InstructionKind.TRANSFER_OUT
    assert leaving(driver) == [("anna", ((1, 11), (50, 60)))]
    assert buckets(driver) == (80, 0, 0, 20)
    answered = driver.answer(instruction)
    assert any(isinstance(event, RemovalCompleted) for event in answered)
    assert buckets(driver) == (80, 0, 0, 0)
    assert not driver.exchange.depository.custody.restrictions.freezes
    assert driver.exchange.depository.ledger.outside(LISTING) == -80


def test_without_serials_the_whole_lot_is_corrected() -> None:
    driver = market()
    correct(driver)
    assert leaving(driver) == [("anna", ((1, 101),))]


def test_orders_whose_cover_it_takes_are_cancelled_first_the_newest_before_the_others() -> None:
    driver = market()
    old = driver.sell("anna", 50, 6_900)
    new = driver.sell("anna", 45, 6_850)
    events = correct(driver, (1, 11))
    told = [event for event in events if isinstance(event, OrderCancelled)]
    assert [(event.order_id, event.reason) for event in told] == [(new, CancelReason.FROZEN)]
    assert list(driver.exchange.trading.open_orders) == [old]
    assert buckets(driver) == (40, 50, 0, 10)


def test_what_is_owed_to_a_buyer_waits_and_what_cannot_be_filled_fails() -> None:
    driver = market(settlement_cycle="end_of_day")
    sell(driver, 60, confirm=False)
    sell(driver, 30, confirm=False)
    correct(driver, (1, 31))
    assert leaving(driver) == []
    assert buckets(driver) == (0, 0, 10, 90)  # ten are free, thirty are to go
    events = driver.close()
    assert [event.trade_id for event in events if isinstance(event, DeliveryFailed)] == [2]
    assert leaving(driver) == []  # asked in the close, and answered there
    assert driver.units("ben").available == 60
    assert buckets(driver) == (10, 0, 0, 0)


@pytest.mark.parametrize("code", ["lot_frozen", "account_frozen", "not_authorised"])
def test_a_removal_the_registry_refuses_stays_frozen_until_it_is_asked_again(code: str) -> None:
    driver = market()
    correct(driver, (1, 11))
    events = driver.answer(only(driver), code)
    assert any(isinstance(event, RemovalRefused) and event.code == code for event in events)
    assert buckets(driver) == (90, 0, 10, 0)
    assert not driver.exchange.pending_instructions()
    driver.exchange = Exchange.load(driver.exchange.dump())
    driver.accepted(retry_removal(1))
    assert leaving(driver) == [("anna", ((1, 11),))]
    driver.answer(only(driver))
    assert buckets(driver) == (90, 0, 0, 0)


def test_one_that_was_too_late_is_asked_again_by_itself_under_another_name() -> None:
    driver = market()
    correct(driver, (1, 11))
    before = only(driver)
    driver.answer(before, "too_late")
    assert only(driver).instruction_id != before.instruction_id
    assert leaving(driver) == [("anna", ((1, 11),))]


def test_what_is_corrected_twice_is_removed_once() -> None:
    driver = market()
    correct(driver, (1, 11))
    correct(driver, (6, 16))
    assert leaving(driver) == [("anna", ((1, 11),)), ("anna", ((11, 16),))]


def test_frozen_units_are_removed_all_the_same() -> None:
    driver = market()
    driver.accepted(freeze(lot_name="solar"))
    correct(driver, (1, 11))
    assert buckets(driver) == (0, 0, 90, 10)


def test_what_its_owner_is_taking_out_already_is_left_to_that() -> None:
    driver = market()
    driver.accepted(transfer_out("anna", 20))
    events = correct(driver, (11, 31))
    assert leaving(driver) == [("anna", ((21, 31),))]
    assert claims(events) == []


def test_what_was_never_here_concerns_nobody_here() -> None:
    driver = market()
    driver.accepted(transfer_out("anna", 20))
    driver.answer(only(driver))
    assert len(correct(driver, (1, 21))) == 1
    assert not driver.exchange.depository.custody.corrections.removals


# ---- sold meanwhile ---------------------------------------------------------------------------------------------


def test_units_sold_are_claimed_and_their_buyer_is_left_alone() -> None:
    driver = market()
    sell(driver, 10)
    events = correct(driver, (6, 16))
    (claim,) = claims(events)
    assert (claim.against, claim.serials, claim.quantity_tonnes) == ("anna", ((6, 11),), 5)
    assert claim.state is ClaimState.OPEN
    assert leaving(driver) == [("anna", ((11, 16),))]
    assert buckets(driver, "ben") == (10, 0, 0, 0)
    driver.sell("ben", 10, 6_800)


def test_the_rule_book_can_have_them_frozen_until_it_is_decided() -> None:
    driver = market(correction_policy="freeze_holder")
    sell(driver, 10)
    (claim,) = claims(correct(driver, (6, 16)))
    assert claim.state is ClaimState.FROZEN
    assert buckets(driver, "ben") == (5, 0, 5, 0)


def test_units_on_their_way_to_a_buyer_are_claimed() -> None:
    driver = market()
    sell(driver, 10, confirm=False)
    (claim,) = claims(correct(driver, (1, 6)))
    assert claim.serials == ((1, 6),)
    driver.answer(only(driver))
    assert buckets(driver, "ben") == (10, 0, 0, 0)


def test_units_used_meanwhile_are_claimed() -> None:
    driver = market()
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800, EVENT)
    driver.answer(only(driver))
    driver.answer(only(driver))
    assert driver.units("ben").retired == 10
    (claim,) = claims(correct(driver, (1, 6)))
    assert (claim.against, claim.quantity_tonnes) == ("anna", 5)


def test_units_sold_twice_are_claimed_from_who_brought_them_not_from_who_sold_them_last() -> None:
    driver = market()
    driver.admit("cara", fen=10**7)
    sell(driver, 10)
    driver.sell("ben", 10, 6_800)
    driver.buy("cara", 10, 6_800)
    driver.answer(only(driver))
    (claim,) = claims(correct(driver, (1, 6)))
    assert claim.against == "anna"


def test_who_bought_them_and_brought_them_back_is_their_bringer_now() -> None:
    driver = market()
    sell(driver, 10)
    driver.accepted(transfer_out("ben", 10))
    driver.answer(only(driver))
    driver.answer(driver.transfer_in("ben", "solar", ((1, 11),)))
    assert claims(correct(driver, (1, 6))) == []
    assert leaving(driver) == [("ben", ((1, 6),))]


def test_the_same_serials_are_claimed_once() -> None:
    driver = market()
    sell(driver, 10)
    correct(driver, (1, 6))
    (claim,) = claims(correct(driver, (1, 9)))
    assert claim.serials == ((6, 9),)


# ---- decisions --------------------------------------------------------------------------------------------------


def claimed(policy: str = "claim_only") -> Driver:
    """Ben has ten tonnes, five of them claimed from Anna."""
    driver = market(correction_policy=policy)
    sell(driver, 10)
    correct(driver, (1, 6))
    return driver


@pytest.mark.parametrize("policy", ["claim_only", "freeze_holder"])
@pytest.mark.parametrize(
    ("decision", "state", "buyer"),
    [
        (ClaimDecision.DISMISS, ClaimState.DISMISSED, (10, 0, 0, 0)),
        (ClaimDecision.COMPENSATE, ClaimState.COMPENSATED, (10, 0, 0, 0)),
        (ClaimDecision.REMOVE, ClaimState.REMOVED, (5, 0, 0, 5)),
    ],
)
def test_a_claim_is_decided(
    policy: str, decision: ClaimDecision, state: ClaimState, buyer: tuple[int, int, int, int]
) -> None:
    driver = claimed(policy)
    (decided,) = [event for event in driver.accepted(decide(1, decision)) if isinstance(event, ClaimDecided)]
    assert (decided.decision, decided.state, decided.operator) == (decision, state, "olga")
    assert buckets(driver, "ben") == buyer
    assert not driver.exchange.depository.custody.corrections.claims


def test_units_can_be_frozen_first_and_set_free_or_taken_later() -> None:
    driver = claimed()
    driver.accepted(decide(1, ClaimDecision.FREEZE))
    assert buckets(driver, "ben") == (5, 0, 5, 0)
    driver.exchange = Exchange.load(driver.exchange.dump())
    driver.accepted(decide(1, ClaimDecision.REMOVE))
    assert leaving(driver) == [("ben", ((1, 6),))]
    driver.answer(only(driver))
    assert buckets(driver, "ben") == (5, 0, 0, 0)


def test_units_taken_by_decision_are_taken_from_whoever_has_them_now() -> None:
    driver = claimed()
    driver.admit("cara", fen=10**7)
    driver.sell("ben", 3, 6_800)
    driver.buy("cara", 3, 6_800)
    driver.answer(only(driver))
    driver.accepted(decide(1, ClaimDecision.REMOVE))
    assert leaving(driver) == [("ben", ((4, 6),)), ("cara", ((1, 4),))]


def test_two_persons_decide_where_the_rule_book_says_so() -> None:
    driver = market(two_person_acts="decide_claim")
    sell(driver, 10)
    correct(driver, (1, 6))
    act: DecideClaim = decide(1, ClaimDecision.REMOVE)
    driver.accepted(act)
    assert leaving(driver) == []
    assert buckets(driver, "ben") == (10, 0, 0, 0)


def test_a_correction_and_its_claims_survive_a_crash() -> None:
    driver = claimed("freeze_holder")
    correct(driver, (90, 95))
    before = driver.exchange.dump()
    driver.exchange = Exchange.load(before)
    driver.exchange.check()
    assert driver.exchange.dump() == before
    driver.answer(only(driver))
    driver.accepted(decide(1, ClaimDecision.DISMISS))
    assert buckets(driver, "ben") == (10, 0, 0, 0)
    assert buckets(driver) == (85, 0, 0, 0)
