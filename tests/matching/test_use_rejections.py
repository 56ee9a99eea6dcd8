"""Every reason to refuse a use is produced at least once, for real, and nothing moves.

Each case says which code it claims and builds a command that is refused for it; a reason that no case claims, or a
claim that is not kept, fails a test.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from matching.acts import PlaceFreeze
from matching.commands import AdvanceTime, Command
from matching.events import Rejected
from matching.state import ExchangeState
from settlement.account import ParticipantKind
from settlement.compliance_year import Cap, CapBase, CreditsUsed, Enforcement, Exclusion
from settlement.events import LotSlice
from settlement.lot import MethodologyClass, Origin
from settlement.rejections import Reason, Unit
from settlement.retirement import RetirementPurpose, Use
from settlement.serials import Serials
from settlement.use_commands import DesignateWelfareAccount
from settlement.use_rejections import USE_REASONS
from settlement.values import AccountId, LotId, ParticipantId
from tests.matching.driver import CLASS_II, LISTING, OLGA, Driver, lot, restrict, transfer_in
from tests.matching.offices import (
    A_SECOND_NS,
    DEADLINE_NS,
    GIFT,
    LAKE,
    OPENS_NS,
    YEAR,
    adopt_year,
    bring,
    file,
    filing_command,
    of,
    office,
    offset,
    pending,
    retirement,
    withdraw,
    year_command,
)
from tests.matching.test_other_uses import earmarked, order_for

Case = Callable[[], tuple[Driver, Command]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One case and the code it claims to produce."""

    code: str
    name: str
    case: Case


CLAIMS: list[Claim] = []
HARD = Cap(
    base=CapBase.VERIFIED_EMISSIONS, ratio_numerator=5, ratio_denominator=100, enforcement=Enforcement.HARD
)


def produces(code: str) -> Callable[[Case], Case]:
    """Enter a case into the register."""

    def enter(case: Case) -> Case:
        CLAIMS.append(Claim(code=code, name=case.__name__, case=case))
        return case

    return enter


# ---- the class, whatever else is wrong --------------------------------------------------------------------------


@produces("class_not_eligible")
def class_two_by_lot() -> tuple[Driver, Command]:
    return office(), offset(None, of("two", (1, 11)))


@produces("class_not_eligible")
def class_two_by_code() -> tuple[Driver, Command]:
    return office(), offset(10, instrument=CLASS_II)


@produces("class_not_eligible")
def mixed_classes() -> tuple[Driver, Command]:
    return office(), offset(None, of("old", (1, 11)), of("two", (1, 11)))


@produces("class_not_eligible")
def nothing_but_class_two() -> tuple[Driver, Command]:
    driver = office()
    driver.admit("emma", kind=ParticipantKind.COVERED_ENTITY)
    bring(driver, "emma", lot("twice", (1, 11), "2024-01-01", CLASS_II, MethodologyClass.II))
    return driver, offset(10, account="emma")


@produces("class_not_eligible")
def class_two_with_everything_else_wrong() -> tuple[Driver, Command]:
    driver = office()
    driver.accepted(restrict("anna"))
    driver.do(AdvanceTime(), DEADLINE_NS + A_SECOND_NS)
    wrong = offset(0, of("two", (1, 1_000), (0, 1)), of("two"), of("nowhere"), account="anna", year=1)
    return driver, replace(wrong, beneficiary="\n")


# ---- who and when -----------------------------------------------------------------------------------------------


@produces("not_a_compliance_entity")
def not_a_covered_entity() -> tuple[Driver, Command]:
    return office(), offset(10, account="anna")


@produces("not_your_account")
def anothers_account_without_a_mandate() -> tuple[Driver, Command]:
    return office(), offset(10, participant="anna")


@produces("account_unknown")
def an_account_that_is_none() -> tuple[Driver, Command]:
    return office(), offset(10, account="nobody")


@produces("account_restricted")
def a_restricted_account() -> tuple[Driver, Command]:
    driver = office()
    driver.accepted(restrict("enid"))
    return driver, offset(10)


@produces("compliance_year_unknown")
def an_unknown_year() -> tuple[Driver, Command]:
    return office(), offset(10, year=YEAR + 1)


@produces("compliance_year_not_open")
def a_year_that_opens_in_a_nanosecond() -> tuple[Driver, Command]:
    driver = office()
    adopt_year(driver, opens_ns=driver.at_ns + 1)
    return driver, offset(10)


@produces("compliance_deadline_passed")
def a_second_after_the_deadline() -> tuple[Driver, Command]:
    driver = office()
    driver.do(AdvanceTime(), DEADLINE_NS + A_SECOND_NS)
    return driver, offset(10)


@produces("deadline_passed")
def after_the_requests_own_deadline() -> tuple[Driver, Command]:
    driver = office()
    return driver, replace(offset(10), deadline_ns=driver.at_ns - 1)


@produces("client_id_reused")
def an_id_used_for_another_year() -> tuple[Driver, Command]:
    driver = office()
    driver.do(offset(10, year=YEAR + 1))
    return driver, offset(10)


# ---- what is asked for ------------------------------------------------------------------------------------------


@produces("quantity_or_lots")
def neither_quantity_nor_lots() -> tuple[Driver, Command]:
    return office(), offset()


@produces("quantity_or_lots")
def both_quantity_and_lots() -> tuple[Driver, Command]:
    return office(), offset(10, of("old", (1, 11)))


@produces("quantity_or_lots")
def a_lot_by_serials_and_quantity() -> tuple[Driver, Command]:
    return office(), offset(None, of("old", (1, 11), tonnes=10))


@produces("quantity_not_positive")
def zero() -> tuple[Driver, Command]:
    return office(), offset(0)


@produces("quantity_not_positive")
def negative() -> tuple[Driver, Command]:
    return office(), retirement(-1)


@produces("quantity_not_positive")
def nothing_of_a_lot() -> tuple[Driver, Command]:
    return office(), offset(None, of("old"))


@produces("instrument_unknown")
def a_code_there_is_not() -> tuple[Driver, Command]:
    return office(), offset(10, instrument="SHEA")


@produces("lot_unknown")
def a_lot_there_is_not() -> tuple[Driver, Command]:
    return office(), offset(None, of("nowhere", (1, 2)))


@produces("serials_malformed")
def overlapping_ranges() -> tuple[Driver, Command]:
    return office(), offset(None, of("old", (1, 11), (10, 12)))


@produces("serials_malformed")
def a_lot_named_twice() -> tuple[Driver, Command]:
    return office(), offset(None, of("old", (1, 2)), of("old", (3, 4)))


@produces("serials_beyond_lot")
def a_range_that_straddles_two_lots() -> tuple[Driver, Command]:
    driver = office()
    bring(driver, "enid", lot("next", (101, 151)))  # goes on where `old` ends
    return driver, offset(None, of("old", (91, 111)))


@produces("several_instruments")
def lots_of_two_codes() -> tuple[Driver, Command]:
    return office(), retirement(None, of("old", (1, 2)), of("two", (1, 2)), instrument=None)


@produces("several_instruments")
def a_lot_of_another_code() -> tuple[Driver, Command]:
    return office(), retirement(None, of("two", (1, 2)), instrument=LISTING)


@produces("use_malformed")
def a_statement_too_long() -> tuple[Driver, Command]:
    return office(), offset(10, statement="x" * 501)


@produces("use_malformed")
def a_use_for_nobody() -> tuple[Driver, Command]:
    return office(), retirement(10, use=replace(LAKE, beneficiary=" "))


# ---- which units ------------------------------------------------------------------------------------------------


@produces("serials_retired")
def serials_retired_before() -> tuple[Driver, Command]:
    driver = office()
    driver.accepted(offset(None, of("old", (1, 11))))
    driver.answer(pending(driver))
    return driver, offset(None, of("old", (10, 12)), client_id="again")


@produces("serials_retired")
def retired_serials_transferred_in() -> tuple[Driver, Command]:
    driver = office()
    driver.accepted(offset(None, of("old", (1, 11))))
    driver.answer(pending(driver))
    return driver, transfer_in("enid", (LotSlice(lot_id=LotId("old"), serials=((5, 6),)),), client_id="back")


@produces("units_not_owned")
def more_than_there_is() -> tuple[Driver, Command]:
    return office(), offset(301)


@produces("units_not_owned")
def anothers_lot() -> tuple[Driver, Command]:
    return office(), offset(None, of("L-anna", (1, 2)))


@produces("units_not_owned")
def serials_that_are_being_retired() -> tuple[Driver, Command]:
    driver = office()
    driver.accepted(offset(None, of("old", (1, 11))))
    return driver, offset(None, of("old", (10, 12)), client_id="again")


@produces("units_not_owned")
def more_of_a_lot_than_there_is() -> tuple[Driver, Command]:
    return office(), offset(None, of("old", tonnes=101))


@produces("units_not_owned")
def an_account_with_nothing() -> tuple[Driver, Command]:
    driver = office()
    driver.admit("emma", kind=ParticipantKind.COVERED_ENTITY)
    return driver, offset(1, account="emma")


@produces("units_held")
def units_held_by_an_order() -> tuple[Driver, Command]:
    driver = office()
    driver.sell("enid", 250, 6_800)
    return driver, offset(51)


@produces("units_held")
def named_units_needed_by_an_order() -> tuple[Driver, Command]:
    driver = office()
    driver.sell("enid", 250, 6_800)
    return driver, retirement(None, of("new", (1, 52)), instrument=None)


@produces("units_not_settled")
def bought_today_and_not_settled() -> tuple[Driver, Command]:
    driver = office()
    driver.sell("anna", 100, 6_800)
    driver.buy("enid", 100, 6_800)
    return driver, offset(301)


@produces("units_not_settled")
def bought_and_delivered_today() -> tuple[Driver, Command]:
    driver = office(settlement_cycle="as_traded", resale_next_day="yes")
    driver.sell("anna", 100, 6_800)
    driver.buy("enid", 100, 6_800)
    driver.answer(pending(driver))
    return driver, offset(301)


@produces("units_frozen")
def more_than_is_not_frozen() -> tuple[Driver, Command]:
    driver = office()
    driver.accepted(freeze(lot_id=LotId("old")))
    return driver, offset(201)


@produces("units_frozen")
def named_serials_that_are_frozen() -> tuple[Driver, Command]:
    driver = office()
    driver.accepted(freeze(lot_id=LotId("old"), serials=((10, 20),)))
    return driver, offset(None, of("old", (9, 11)))


@produces("account_frozen")
def a_frozen_account() -> tuple[Driver, Command]:
    driver = office()
    driver.accepted(freeze(account=AccountId("enid")))
    return driver, offset(10)


@produces("class_not_eligible")
def class_two_of_a_frozen_account() -> tuple[Driver, Command]:
    driver = office()
    driver.accepted(freeze(account=AccountId("enid")))
    return driver, offset(None, of("two", (1, 11)))


def freeze(
    account: AccountId | None = None, lot_id: LotId | None = None, serials: Serials = ()
) -> PlaceFreeze:
    return PlaceFreeze(
        operator=ParticipantId(OLGA), reason="a test", account=account, lot_id=lot_id, serials=serials
    )


@produces("period_not_eligible")
def outside_the_eligible_period() -> tuple[Driver, Command]:
    driver = office()
    adopt_year(driver, period_to="2024-12-30")
    return driver, offset(10)


@produces("period_not_eligible")
def a_named_lot_before_the_eligible_period() -> tuple[Driver, Command]:
    driver = office()
    adopt_year(driver, period_from="2024-01-02")
    return driver, offset(None, of("old", (1, 2)))


@produces("methodology_not_eligible")
def another_methodology() -> tuple[Driver, Command]:
    driver = office()
    adopt_year(driver, methodologies=("SHCER01010012024I",))
    return driver, offset(10)


@produces("origin_not_eligible")
def another_origin() -> tuple[Driver, Command]:
    driver = office()
    adopt_year(driver, origins=(Origin.SCENARIO,))
    return driver, offset(10)


@produces("lot_excluded")
def from_within_the_entitys_own_boundary() -> tuple[Driver, Command]:
    driver = office()
    own = Exclusion(lot_id=LotId("old"), entity=ParticipantId("enid"), reason="own boundary")
    others = Exclusion(lot_id=LotId("new"), entity=ParticipantId("anna"), reason="own boundary")
    adopt_year(driver, exclusions=(own, others))
    return driver, offset(201)


@produces("lot_excluded")
def excluded_for_everybody() -> tuple[Driver, Command]:
    driver = office()
    adopt_year(driver, exclusions=(Exclusion(lot_id=LotId("new"), reason="under review"),))
    return driver, offset(None, of("new", (1, 2)))


# ---- how much ---------------------------------------------------------------------------------------------------


@produces("cap_exceeded")
def a_tonne_above_the_cap() -> tuple[Driver, Command]:
    driver = office()
    adopt_year(driver, cap=HARD)
    file(driver, verified_emissions_tonnes=2_019)
    return driver, offset(101)


@produces("cap_base_not_filed")
def a_hard_cap_of_nothing_filed() -> tuple[Driver, Command]:
    driver = office()
    adopt_year(driver, cap=HARD)
    return driver, offset(1)


@produces("channel_not_allowed")
def a_use_the_rule_book_does_not_know() -> tuple[Driver, Command]:
    driver = office()
    driver.adopt(use_channels="I: compliance_offset")
    return driver, retirement(10)


# ---- donations, earmarked money, withdrawals --------------------------------------------------------------------


@produces("welfare_account_unknown")
def a_donation_to_anybody() -> tuple[Driver, Command]:
    return office(), retirement(10, use=GIFT, donate_to="anna")


@produces("not_a_donation")
def a_gift_that_is_a_compensation() -> tuple[Driver, Command]:
    return office(), retirement(10, use=LAKE, donate_to="anna")


@produces("account_unknown")
def a_welfare_account_there_is_not() -> tuple[Driver, Command]:
    return office(), designation("nobody")


@produces("account_earmarked")
def an_earmarked_welfare_account() -> tuple[Driver, Command]:
    return earmarked(), designation("lars-lake")


@produces("account_earmarked")
def a_purchase_out_of_earmarked_money() -> tuple[Driver, Command]:
    return earmarked(), order_for(
        Use(purpose=RetirementPurpose.DONATION, beneficiary="a school"), "lars-lake"
    )


@produces("account_earmarked")
def a_transfer_into_an_earmarked_account() -> tuple[Driver, Command]:
    return earmarked(), transfer_in("lars-lake", ())


@produces("use_not_held")
def a_withdrawal_of_nothing() -> tuple[Driver, Command]:
    return office(), withdraw("offset-1")


# ---- what it is judged by ---------------------------------------------------------------------------------------


@produces("compliance_year_faulty")
def a_year_that_ends_before_it_opens() -> tuple[Driver, Command]:
    return office(), year_command(opens_ns=DEADLINE_NS, deadline_ns=OPENS_NS)


@produces("compliance_year_faulty")
def a_year_out_of_reach() -> tuple[Driver, Command]:
    return office(), year_command(year=1_925)


@produces("compliance_year_faulty")
def a_cap_above_everything() -> tuple[Driver, Command]:
    return office(), year_command(cap=replace(HARD, ratio_numerator=101))


@produces("compliance_year_faulty")
def a_cap_of_nothing_at_all() -> tuple[Driver, Command]:
    return office(), year_command(cap=replace(HARD, ratio_numerator=0, ratio_denominator=0))


@produces("compliance_year_faulty")
def a_date_that_is_none() -> tuple[Driver, Command]:
    return office(), year_command(period_from="2024")


@produces("compliance_year_faulty")
def a_period_backwards() -> tuple[Driver, Command]:
    return office(), year_command(period_from="2025-01-01", period_to="2024-01-01")


@produces("compliance_year_faulty")
def a_year_on_nobodys_word() -> tuple[Driver, Command]:
    return office(), year_command(source=" ")


@produces("compliance_year_faulty")
def a_version_from_the_past() -> tuple[Driver, Command]:
    return office(), year_command(effective_from_ns=OPENS_NS)


@produces("participant_unknown")
def a_filing_about_nobody() -> tuple[Driver, Command]:
    return office(), filing_command("nobody")


@produces("filing_faulty")
def negative_emissions() -> tuple[Driver, Command]:
    return office(), filing_command(verified_emissions_tonnes=-1)


@produces("filing_faulty")
def a_credit_filed_twice() -> tuple[Driver, Command]:
    ccer = CreditsUsed(credit="CCER", tonnes=1)
    return office(), filing_command(other_credits=(ccer, ccer))


def designation(account: str) -> DesignateWelfareAccount:
    return DesignateWelfareAccount(
        operator=ParticipantId(OLGA), account=AccountId(account), designated=True, source="a test"
    )


# ---- the register -----------------------------------------------------------------------------------------------


def but_for_the_attempt(state: ExchangeState, before: ExchangeState) -> ExchangeState:
    """A later state without what a refusal may leave: that it was attempted."""
    return replace(state, seq=before.seq, at_ns=before.at_ns, client_ids=before.client_ids)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.code}-{claim.name}")
def test_a_use_is_refused_for_its_reason_and_nothing_moves(claim: Claim) -> None:
    driver, command = claim.case()
    before = driver.exchange.dump()
    (refused,) = driver.do(command)
    assert isinstance(refused, Rejected)
    assert refused.code == claim.code
    after = driver.exchange.dump()
    assert but_for_the_attempt(after, before) == before


def test_every_reason_is_really_produced() -> None:
    assert {reason.code for reason in USE_REASONS} <= {claim.code for claim in CLAIMS}


@pytest.mark.parametrize("reason", USE_REASONS, ids=lambda reason: reason.code)
def test_a_reason_is_told_in_both_languages_with_its_source(reason: Reason) -> None:
    for chinese in (reason.zh, reason.remedy_zh):
        assert any("\u4e00" <= sign <= "\u9fff" for sign in chinese)
    for english in (reason.en, reason.remedy_en, reason.source):
        assert english.isascii()
        assert english.strip() == english != ""
    assert reason.pointer == "" or reason.pointer.startswith("/")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.code}-{claim.name}")
def test_figures_are_of_the_reasons_unit(claim: Claim) -> None:
    driver, command = claim.case()
    (refused,) = driver.do(command)
    assert isinstance(refused, Rejected)
    unit = next((reason.unit for reason in USE_REASONS if reason.code == refused.code), Unit.TEXT)
    if unit is not Unit.TEXT:
        assert isinstance(refused.actual, int)
        assert isinstance(refused.limit, int | tuple)
