"""Compliance offsets from submission to certificate, whatever happens to them on the way."""

from dataclasses import replace

import pytest

from matching.acts import PlaceFreeze
from matching.commands import AdvanceClose, AdvanceTime, CloseDay
from matching.events import CloseStep, DayClosed, Event, Rejected, Replayed
from settlement.certificate import is_number, verify_certificate
from settlement.channels import Channel
from settlement.compliance_year import Cap, CapBase, CapStanding, CreditsUsed, Enforcement
from settlement.events import Bucket, InstructionKind, MovementInstructed, MovementRefused, Posted
from settlement.use_events import (
    CertificateIssued,
    ComplianceYearAdopted,
    UseAccepted,
    UseCompleted,
    UseInstructed,
    UseRefused,
    UseWithdrawn,
)
from settlement.values import AccountId, LotId, ParticipantId
from tests.matching.driver import CLASS_II, LISTING, MONDAY, OLGA, Driver, lot, resolve
from tests.matching.offices import (
    A_SECOND_NS,
    DEADLINE_NS,
    TERMS,
    YEAR,
    adopt_year,
    bring,
    certificate,
    file,
    of,
    office,
    offset,
    parts,
    pending,
    refusal,
    reload,
    withdraw,
)

FIVE_PERCENT = Cap(
    base=CapBase.VERIFIED_EMISSIONS, ratio_numerator=5, ratio_denominator=100, enforcement=Enforcement.HARD
)


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_an_offset_is_held_asked_for_and_completed() -> None:
    driver = office()
    events = driver.accepted(offset(130, statement="for 2025"))
    assert kinds(events) == ["UseAccepted", "Posted", "UseInstructed", "MovementInstructed"]
    accepted = events[0]
    assert isinstance(accepted, UseAccepted)
    assert parts(*accepted.lots) == {"old": ((1, 101),), "new": ((1, 31),)}  # oldest first
    assert (accepted.channel, accepted.compliance_year) == (Channel.COMPLIANCE_OFFSET, YEAR)
    assert (accepted.entity, accepted.beneficiary, accepted.statement) == ("enid", "enid", "for 2025")
    assert accepted.cap == CapStanding(
        limit_tonnes=None, used_tonnes=130, other_tonnes=0, left_tonnes=None, enforcement=None
    )
    assert (driver.units("enid").available, driver.units("enid").delivering) == (170, 130)
    instruction = pending(driver)
    assert instruction.kind is InstructionKind.RETIRE
    assert instruction.use is None
    assert instruction.compliance is not None
    assert instruction.compliance.compliance_year == YEAR
    reload(driver)
    done = driver.answer(instruction)
    assert kinds(done) == ["MovementConfirmed", "Posted", "UseCompleted", "CertificateIssued"]
    assert isinstance(done[1], Posted)
    assert (done[1].from_bucket, done[1].to_bucket) == (Bucket.DELIVERING, Bucket.RETIRED)
    units = driver.units("enid")
    assert (units.available, units.delivering, units.retired) == (170, 0, 130)
    reload(driver)


def test_the_certificate_says_all_of_it() -> None:
    driver = office()
    driver.accepted(offset(None, of("new", (5, 8), (20, 21)), of("old", tonnes=2), statement="for 2025"))
    accepted_at_ns = driver.at_ns
    driver.at_ns += A_SECOND_NS
    issued = certificate(driver.answer(pending(driver)))
    says = issued.says
    assert (says.entity, says.account, says.beneficiary) == ("enid", "enid", "enid")
    assert (says.purpose, says.compliance_year) == (Channel.COMPLIANCE_OFFSET, YEAR)
    assert (says.instrument, says.quantity_tonnes, says.donated_to) == (LISTING, 6, None)
    assert [(one.lot_id, one.serials) for one in says.lots] == [
        ("new", ((5, 8), (20, 21))),
        ("old", ((1, 3),)),
    ]
    assert (says.accepted_at_ns, says.completed_at_ns) == (accepted_at_ns, accepted_at_ns + A_SECOND_NS)
    assert (says.deadline_ns, says.counts_although_late) == (DEADLINE_NS, False)
    assert issued.number == "PH-20261123-00000001-" + issued.number[-2:]
    assert is_number(issued.number)
    assert verify_certificate(issued)
    driver.accepted(offset(1, client_id="again"))
    assert certificate(driver.answer(pending(driver))).number.startswith("PH-20261123-00000002-")


def test_a_refusal_gives_everything_back() -> None:
    driver = office()
    before = driver.exchange.depository.dump()
    driver.accepted(offset(130))
    refused = driver.answer(pending(driver), "account_frozen")
    assert kinds(refused) == ["MovementRefused", "Posted", "UseRefused"]
    assert isinstance(refused[2], UseRefused)
    assert refused[2].code == "account_frozen"
    assert driver.exchange.depository.dump() == before
    driver.accepted(offset(300, client_id="again"))


def test_what_the_registry_saw_too_late_is_asked_again() -> None:
    driver = office()
    driver.accepted(offset(130))
    first = pending(driver)
    events = driver.answer(first, "too_late")
    assert [type(event) for event in events] == [MovementRefused, MovementInstructed]
    second = pending(driver)
    assert second.instruction_id != first.instruction_id
    assert second.legs == first.legs
    assert second.compliance == first.compliance
    driver.answer(second)
    assert driver.units("enid").retired == 130


def test_the_same_request_again_is_the_same_offset() -> None:
    driver = office()
    driver.accepted(offset(130))
    assert driver.do(offset(130)) == (Replayed(first_seq=driver.seq - 1),)
    assert refusal(driver.do(offset(131))) == "client_id_reused"
    driver.answer(pending(driver))
    assert isinstance(driver.do(offset(130))[0], Replayed)
    assert driver.units("enid").retired == 130


def test_the_registrys_answer_again_changes_nothing() -> None:
    driver = office()
    driver.accepted(offset(130))
    instruction = pending(driver)
    driver.answer(instruction)
    for code in (None, "account_frozen"):
        assert refusal(driver.do(resolve(instruction.instruction_id, code))) == "instruction_unknown"
    assert driver.units("enid").retired == 130


# ---- held -------------------------------------------------------------------------------------------------------


def test_a_held_offset_can_be_withdrawn() -> None:
    driver = office(use_withdrawal_s=600)
    before = driver.exchange.depository.dump()
    events = driver.accepted(offset(130))
    assert kinds(events) == ["UseAccepted", "Posted"]
    assert isinstance(events[0], UseAccepted)
    assert events[0].instruct_at_ns == driver.at_ns + 600 * A_SECOND_NS
    assert driver.exchange.next_change_ns <= events[0].instruct_at_ns
    assert driver.exchange.pending_instructions() == ()
    reload(driver)
    assert refusal(driver.do(withdraw(events[0].use_id, account="anna"))) == "use_not_held"
    withdrawn = driver.accepted(withdraw(events[0].use_id))
    assert [type(event) for event in withdrawn] == [Posted, UseWithdrawn]
    assert driver.exchange.depository.dump() == before
    assert refusal(driver.do(withdraw(events[0].use_id, client_id="w2"))) == "use_not_held"


def test_after_the_window_the_registry_is_asked_and_there_is_no_way_back() -> None:
    driver = office(use_withdrawal_s=600)
    (accepted, _) = driver.accepted(offset(130))
    assert isinstance(accepted, UseAccepted)
    assert driver.do(AdvanceTime(), accepted.instruct_at_ns - 1) == ()
    events = driver.do(AdvanceTime(), accepted.instruct_at_ns)
    assert [type(event) for event in events] == [UseInstructed, MovementInstructed]
    assert refusal(driver.do(withdraw(accepted.use_id))) == "use_not_held"
    driver.answer(pending(driver))
    assert refusal(driver.do(withdraw(accepted.use_id, client_id="w2"))) == "use_not_held"


def test_a_withdrawal_at_the_very_end_of_the_window_comes_too_late() -> None:
    driver = office(use_withdrawal_s=600)
    (accepted, _) = driver.accepted(offset(130))
    assert isinstance(accepted, UseAccepted)
    events = driver.do(withdraw(accepted.use_id), accepted.instruct_at_ns)
    assert kinds(events) == ["UseInstructed", "MovementInstructed", "Rejected"]


def test_while_a_day_closes_an_offset_is_accepted_and_held() -> None:
    driver = office()
    driver.accepted(CloseDay(trading_day=MONDAY))
    assert kinds(driver.accepted(offset(130))) == ["UseAccepted", "Posted"]
    assert driver.exchange.next_change_ns > DEADLINE_NS  # nobody need look after it meanwhile
    commands = driver.close_commands()
    while True:
        events = driver.accepted(next(commands))
        if any(isinstance(event, DayClosed) for event in events):
            break
        assert driver.exchange.pending_instructions() == ()
    assert isinstance(events[-1], MovementInstructed)
    assert pending(driver).trading_day == driver.exchange.trading_day != MONDAY


def test_the_close_waits_for_the_registrys_answer() -> None:
    driver = office()
    driver.accepted(offset(130))
    driver.accepted(CloseDay(trading_day=MONDAY))
    for _ in range(6):
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=9))
    before = driver.exchange.close_step
    driver.answer(pending(driver))
    driver.accepted(AdvanceClose(trading_day=MONDAY, portion=9))
    assert (before, driver.exchange.close_step) == (CloseStep.REGISTRY, CloseStep.DELIVERY)


# ---- the deadline -----------------------------------------------------------------------------------------------


def test_the_deadline_is_judged_at_submission_to_the_nanosecond() -> None:
    driver = office()
    driver.at_ns = DEADLINE_NS
    driver.accepted(offset(10, client_id="in time"))
    driver.at_ns = DEADLINE_NS + 1
    events = driver.do(offset(10, client_id="late"))
    assert events == (Rejected(code="compliance_deadline_passed", limit=DEADLINE_NS, actual=DEADLINE_NS + 1),)
    driver.at_ns = DEADLINE_NS + A_SECOND_NS
    assert refusal(driver.do(offset(10, client_id="later"))) == "compliance_deadline_passed"
    issued = certificate(driver.answer(pending(driver)))
    assert issued.says.counts_although_late
    assert issued.says.accepted_at_ns == DEADLINE_NS < issued.says.completed_at_ns


def test_a_later_version_moves_the_deadline_of_what_comes_later_only() -> None:
    driver = office()
    driver.accepted(offset(10))
    (adopted,) = adopt_year(driver, deadline_ns=driver.at_ns)
    assert isinstance(adopted, ComplianceYearAdopted)
    assert adopted.terms.effective_from_ns == driver.at_ns
    driver.at_ns += 1
    assert refusal(driver.do(offset(10, client_id="late"))) == "compliance_deadline_passed"
    assert certificate(driver.answer(pending(driver))).says.deadline_ns == DEADLINE_NS


def test_a_version_announced_for_later_holds_from_then() -> None:
    driver = office()
    adopt_year(driver, deadline_ns=driver.at_ns, effective_from_ns=driver.at_ns + 10)
    driver.at_ns += 9
    driver.accepted(offset(10))
    driver.at_ns += 1
    assert refusal(driver.do(offset(10, client_id="late"))) == "compliance_deadline_passed"
    reload(driver)
    assert refusal(driver.do(offset(10, client_id="later"))) == "compliance_deadline_passed"


# ---- the cap ----------------------------------------------------------------------------------------------------


def capped(verified_emissions_tonnes: int) -> Driver:
    driver = office()
    adopt_year(driver, cap=FIVE_PERCENT)
    file(driver, verified_emissions_tonnes=verified_emissions_tonnes)
    return driver


def test_a_hard_cap_is_kept_to_the_tonne() -> None:
    driver = capped(verified_emissions_tonnes=2_019)  # 5 % is 100.95
    driver.accepted(offset(60))
    events = driver.do(offset(41, client_id="too much"))
    assert events == (Rejected(code="cap_exceeded", limit=40, actual=41),)
    accepted = driver.accepted(offset(40, client_id="just enough"))[0]
    assert isinstance(accepted, UseAccepted)
    assert accepted.cap == CapStanding(
        limit_tonnes=100,
        used_tonnes=100,
        other_tonnes=0,
        left_tonnes=0,
        enforcement=Enforcement.HARD,
    )


def test_what_is_refused_or_withdrawn_does_not_count() -> None:
    driver = capped(verified_emissions_tonnes=2_000)
    driver.accepted(offset(100))
    driver.answer(pending(driver), "account_frozen")
    driver.accepted(offset(100, client_id="again"))
    driver.answer(pending(driver))
    assert refusal(driver.do(offset(1, client_id="more"))) == "cap_exceeded"
    reload(driver)
    assert refusal(driver.do(offset(1, client_id="and more"))) == "cap_exceeded"


def test_other_credits_share_a_joint_cap() -> None:
    driver = office()
    adopt_year(driver, cap=replace(FIVE_PERCENT, joint_credits=("CCER",)))
    others = (CreditsUsed(credit="CCER", tonnes=95), CreditsUsed(credit="GEC", tonnes=1_000))
    file(driver, verified_emissions_tonnes=2_000, other_credits=others)
    assert driver.do(offset(6)) == (Rejected(code="cap_exceeded", limit=5, actual=6),)
    driver.accepted(offset(5, client_id="rest"))


def test_the_base_may_be_the_issued_allowances() -> None:
    driver = office()
    adopt_year(driver, cap=replace(FIVE_PERCENT, base=CapBase.ISSUED_ALLOWANCES))
    file(driver, verified_emissions_tonnes=10**9)
    assert refusal(driver.do(offset(1))) == "cap_base_not_filed"
    file(driver, issued_allowances_tonnes=200)
    assert refusal(driver.do(offset(11, client_id="11"))) == "cap_exceeded"
    driver.accepted(offset(10, client_id="10"))


def test_a_soft_cap_is_told_and_not_enforced() -> None:
    driver = office()
    adopt_year(driver, cap=replace(FIVE_PERCENT, enforcement=Enforcement.SOFT))
    file(driver, verified_emissions_tonnes=200)
    accepted = driver.accepted(offset(11))[0]
    assert isinstance(accepted, UseAccepted)
    assert accepted.cap is not None
    assert (accepted.cap.limit_tonnes, accepted.cap.used_tonnes, accepted.cap.left_tonnes) == (10, 11, 0)


def test_the_cap_is_the_entitys_over_all_its_accounts_and_years_apart() -> None:
    driver = capped(verified_emissions_tonnes=200)
    driver.admit("enid-2")
    bring(driver, "enid-2", lot("second", (1, 101)))
    adopt_year(driver, replace(TERMS, year=YEAR + 1))
    driver.accepted(offset(6))
    assert driver.do(offset(5, account="enid-2")) == (Rejected(code="cap_exceeded", limit=4, actual=5),)
    driver.accepted(offset(5, account="enid-2", year=YEAR + 1, client_id="next year"))
    driver.accepted(offset(4, account="enid-2", client_id="rest"))


# ---- which units ------------------------------------------------------------------------------------------------


def test_lots_that_may_not_serve_are_passed_over() -> None:
    driver = office()
    bring(driver, "enid", replace(lot("ancient", (1, 51), "2020-01-01"), period_from="2019-01-01"))
    adopt_year(driver, period_from="2024-01-01")
    accepted = driver.accepted(offset(300))[0]
    assert isinstance(accepted, UseAccepted)
    assert parts(*accepted.lots) == {"old": ((1, 101),), "new": ((1, 201),)}
    assert refusal(driver.do(offset(1, client_id="more"))) == "period_not_eligible"


def test_class_two_units_are_left_alone() -> None:
    driver = office()
    driver.accepted(offset(300))
    driver.answer(pending(driver))
    two = driver.exchange.depository.ledger.balance(AccountId("enid"), CLASS_II)
    assert (two.available, two.retired) == (500, 0)


def test_an_orders_cover_is_not_used_up() -> None:
    driver = office()
    driver.sell("enid", 250, 6_800)
    assert driver.do(offset(51)) == (Rejected(code="units_held", limit=50, actual=51),)
    driver.accepted(offset(50, client_id="rest"))
    driver.buy("anna", 250, 6_800)  # what is left is enough to deliver
    driver.accepted(CloseDay(trading_day=MONDAY))
    for command in driver.close_commands():
        driver.accepted(command)
    assert driver.units("enid").owned == 0
    assert driver.units("enid").retired == 50


def test_retired_serials_never_come_back() -> None:
    driver = office()
    driver.accepted(offset(None, of("old", (1, 11))))
    driver.answer(pending(driver))
    assert driver.do(offset(None, of("old", (10, 12)), client_id="again")) == (
        Rejected(code="serials_retired", limit=None, actual="old"),
    )
    driver.accepted(offset(None, of("old", (11, 12)), client_id="next"))


def test_every_completed_use_stands_in_the_accounts_of_use() -> None:
    driver = office()
    driver.accepted(offset(130))
    driver.answer(pending(driver))
    driver.accepted(offset(20, client_id="more"))
    accounts = driver.exchange.using.desk.certificates.accounts
    assert [(one.entity, one.year, one.channel, one.completed_tonnes) for one in accounts.totals()] == [
        ("enid", YEAR, Channel.COMPLIANCE_OFFSET, 130)
    ]
    standing = driver.exchange.using.desk.standing(ParticipantId("enid"), YEAR, driver.at_ns)
    assert standing.used_tonnes == 150


@pytest.mark.parametrize("code", [None, "account_frozen"])
def test_only_a_completion_is_certified(code: str | None) -> None:
    driver = office()
    driver.accepted(offset(130))
    events = driver.answer(pending(driver), code)
    certified = any(isinstance(event, CertificateIssued) for event in events)
    assert certified is any(isinstance(event, UseCompleted) for event in events) is (code is None)


# ---- freezes ----------------------------------------------------------------------------------------------------


def freeze_old(driver: Driver) -> None:
    driver.accepted(PlaceFreeze(operator=ParticipantId(OLGA), reason="a test", lot_id=LotId("old")))


def test_frozen_lots_are_passed_over() -> None:
    driver = office()
    freeze_old(driver)
    accepted = driver.accepted(offset(200))[0]
    assert isinstance(accepted, UseAccepted)
    assert parts(*accepted.lots) == {"new": ((1, 201),)}


@pytest.mark.parametrize("withdrawn", [True, False])
def test_what_comes_back_frozen_stays_so(withdrawn: bool) -> None:
    driver = office(use_withdrawal_s=60)
    accepted = driver.accepted(offset(50))[0]
    assert isinstance(accepted, UseAccepted)
    freeze_old(driver)
    if withdrawn:
        driver.accepted(withdraw(accepted.use_id))
    else:
        driver.do(AdvanceTime(), accepted.instruct_at_ns)
        driver.answer(pending(driver), "lot_frozen")
    units = driver.units("enid")
    assert (units.available, units.frozen, units.delivering) == (200, 100, 0)
    assert refusal(driver.do(offset(201, client_id="again"))) == "units_frozen"
    reload(driver)
