"""Compliance years, filings and the cap's arithmetic, which is exact."""

from fractions import Fraction
from math import floor
from random import Random

from settlement.compliance_year import (
    Cap,
    CapBase,
    ComplianceYear,
    ComplianceYears,
    CreditsUsed,
    Enforcement,
    Filing,
    cap_standing,
)
from settlement.rejections import Rejection
from settlement.use_rejections import CAP_EXCEEDED
from settlement.values import ParticipantId

ENID = ParticipantId("enid")


def year(cap: Cap | None = None, effective_from_ns: int = 0, deadline_ns: int = 1) -> ComplianceYear:
    return ComplianceYear(
        year=2025,
        opens_ns=0,
        deadline_ns=deadline_ns,
        cap=cap,
        effective_from_ns=effective_from_ns,
        source="a test",
    )


def test_the_caps_arithmetic_is_exact() -> None:
    random = Random(29)
    for _ in range(10_000):
        denominator = random.choice((100, 1_000, 10_000, 1_000_000, random.randrange(1, 10**9)))
        numerator = random.randrange(denominator + 1)
        base = random.choice((0, 1, random.randrange(10**4), random.randrange(10**12)))
        share = Fraction(numerator, denominator) * base
        cap = Cap(
            base=random.choice(tuple(CapBase)),
            ratio_numerator=numerator,
            ratio_denominator=denominator,
            enforcement=Enforcement.HARD,
            joint_credits=("CCER",),
        )
        assert cap.is_well_formed()
        assert cap.tonnes_of(base) == floor(share)
        used, other = random.randrange(floor(share) + 3), random.choice((0, 0, random.randrange(1_000)))
        filing = Filing(
            entity=ENID,
            year=2025,
            verified_emissions_tonnes=base,
            issued_allowances_tonnes=base,
            other_credits=(CreditsUsed(credit="CCER", tonnes=other), CreditsUsed(credit="GEC", tonnes=9)),
            source="a test",
        )
        standing = cap_standing(year(cap), filing, used)
        assert standing.other_tonnes == other
        left = max(0, floor(share - used - other))
        assert standing.left_tonnes == left
        for wanted in (left, left + 1):
            fits = used + other + wanted <= share
            # Who is above the cap already has nothing left, and wants nothing more.
            assert (wanted <= left) is (fits or wanted == 0)


def test_without_a_cap_or_a_base_there_is_no_limit() -> None:
    assert cap_standing(year(), None, 7).left_tonnes is None
    cap = Cap(
        base=CapBase.ISSUED_ALLOWANCES, ratio_numerator=5, ratio_denominator=100, enforcement=Enforcement.SOFT
    )
    filing = Filing(entity=ENID, year=2025, verified_emissions_tonnes=1_000, source="a test")
    for known in (None, filing):
        standing = cap_standing(year(cap), known, 7)
        assert (standing.limit_tonnes, standing.left_tonnes, standing.enforcement) == (
            None,
            None,
            Enforcement.SOFT,
        )


def test_the_version_that_holds_is_the_latest_in_force() -> None:
    years = ComplianceYears()
    first, second, third = year(None, 10), year(None, 30, 2), year(None, 20, 3)
    for terms in (first, second, third):
        years.adopt(terms)
    assert years.in_force(2025, 9) is None
    assert years.in_force(2025, 10) == first
    assert years.in_force(2025, 20) == third
    assert years.in_force(2025, 30) == second
    assert years.in_force(2024, 30) is None
    again = year(None, 30, 4)
    years.adopt(again)  # among equals the one adopted last
    assert years.in_force(2025, 31) == again


def test_a_later_filing_replaces_the_one_before() -> None:
    years = ComplianceYears()
    for tonnes in (1, 2):
        years.file(Filing(entity=ENID, year=2025, verified_emissions_tonnes=tonnes, source="a test"))
    filing = years.filing(ENID, 2025)
    assert filing is not None
    assert filing.verified_emissions_tonnes == 2
    assert [*ComplianceYears((), (filing,)).filings()] == [filing]


def test_a_refusal_tells_what_is_left() -> None:
    assert CAP_EXCEEDED.because(limit=40, actual=41) == Rejection(code="cap_exceeded", limit=40, actual=41)
