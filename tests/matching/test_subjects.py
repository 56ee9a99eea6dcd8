"""Restricting personal data: numbers stay, a second person, what goes on, and that a restart forgets none of it."""

import pytest

from matching.events import ApprovalRequested, Rejected
from matching.exchange import Exchange
from matching.order import Side
from matching.personal_data import SubjectReleased, SubjectRestricted
from settlement.values import CASH, AccountId
from tests.matching.driver import OTTO, Driver, approve, cancel, deposit, open_market, order, owner_of
from tests.matching.subject_claims import release, resting, restrict

ANNA, BEN = owner_of("anna"), owner_of("ben")


def restarted(driver: Driver) -> Driver:
    return Driver(Exchange.load(driver.exchange.dump()), driver.at_ns)


def numbers(driver: Driver, *acts: object) -> list[int]:
    told = [event for act in acts for event in driver.accepted(act)]  # type: ignore[arg-type]
    assert all(isinstance(event, SubjectRestricted | SubjectReleased) for event in told)
    return [event.number for event in told if isinstance(event, SubjectRestricted | SubjectReleased)]


def test_a_subject_keeps_its_number_for_ever() -> None:
    driver = resting(ANNA)
    assert numbers(driver, restrict("王小明", "beneficiary"), restrict(ANNA, "person")) == [2, 3]
    assert numbers(driver, release(ANNA), restrict(BEN), restrict(ANNA)) == [1, 4, 1]
    again = restarted(driver)
    assert numbers(again, release("王小明", "beneficiary"), restrict("王小明", "beneficiary")) == [2, 2]
    again.exchange.check()


@pytest.mark.parametrize("how", ["at once", "after a restart"])
def test_released_it_acts_again_and_not_before(how: str) -> None:
    driver = resting(BEN)
    if how == "after a restart":
        driver = restarted(driver)
    assert driver.do(order("ben", Side.BUY, 1, 6_800)) == (
        Rejected(code="personal_data_restricted", limit=None, actual="ben"),
    )
    driver.accepted(release(BEN))
    driver.buy("ben", 1, 6_800)


def test_only_a_participant_s_restriction_stops_what_is_done_in_its_name() -> None:
    driver = resting(ANNA)
    driver.accepted(restrict(BEN, "person"))
    driver.accepted(restrict(BEN, "beneficiary"))
    driver.buy("ben", 1, 6_800)


def test_money_that_the_bank_reports_is_booked_all_the_same() -> None:
    driver = resting(BEN)
    before = driver.exchange.depository.ledger.available(AccountId("ben"), CASH)
    driver.accepted(deposit("ben", 100))
    assert driver.exchange.depository.ledger.available(AccountId("ben"), CASH) == before + 100


def test_both_acts_wait_for_a_second_person_where_the_rule_book_says_so() -> None:
    driver = open_market(two_person_acts="restrict_personal_data, release_personal_data")
    driver.admit("ben", fen=10**8)
    (waits,) = driver.accepted(restrict(BEN))
    assert isinstance(waits, ApprovalRequested)
    driver = restarted(driver)
    bought = driver.buy("ben", 1, 6_800)
    # Judged again: by now there is something under way.
    (refused,) = driver.do(approve(waits.approval_id, operator=OTTO))
    assert isinstance(refused, Rejected)
    assert refused.code == "participant_has_open_business"
    driver.accepted(cancel("ben", bought))
    driver.accepted(approve(waits.approval_id, operator=OTTO))
    (waits,) = driver.accepted(release(BEN))
    assert isinstance(waits, ApprovalRequested)
    assert isinstance(driver.do(order("ben", Side.BUY, 1, 6_800))[0], Rejected)
    driver.accepted(approve(waits.approval_id, operator=OTTO))
    driver.buy("ben", 1, 6_800)
