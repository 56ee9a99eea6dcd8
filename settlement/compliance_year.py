"""Compliance years as dated data: when offsets may be submitted, of what, and how much (Measures 2023, Art. 29).

The offset rules are the authority's own and change from year to year, so none of them is a constant. What is in
force for a year is the version with the latest effective time not after the moment asked about; among equals the
one adopted last. A cap's base is filed entity by entity, by the authority; a later filing replaces an earlier one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from settlement.lot import Origin
from settlement.values import LotId, ParticipantId

MOST_TONNES: Final = 10**12
"""More than a whole country's emissions of a year: a figure above it is a slip of the pen."""

FIRST_YEAR, LAST_YEAR = 2013, 2100
"""Compliance years there can be: the allowance market began with 2013."""

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class CapBase(StrEnum):
    """What a cap is a share of."""

    VERIFIED_EMISSIONS = "verified_emissions"
    ISSUED_ALLOWANCES = "issued_allowances"


class Enforcement(StrEnum):
    """What happens above a cap."""

    SOFT = "soft"
    """It is told, and not refused: the compliance system alone knows the whole account."""
    HARD = "hard"
    """It is refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cap:
    """How much of an obligation may be met by offsets: an exact share of a base."""

    base: CapBase
    ratio_numerator: int
    ratio_denominator: int
    """5 % is 5 / 100, 0.5 % is 5 / 1000: no decimal is ever rounded."""
    enforcement: Enforcement
    joint_credits: tuple[str, ...] = ()
    """Other credits, such as CCER, that share the cap: what was filed of them counts as used."""

    def tonnes_of(self, base_tonnes: int) -> int:
        """The whole tonnes within the cap. Using more than these is using more than the share, exactly."""
        return base_tonnes * self.ratio_numerator // self.ratio_denominator

    def is_well_formed(self) -> bool:
        """Whether it is a share between nothing and everything."""
        return 0 <= self.ratio_numerator <= self.ratio_denominator and self.ratio_denominator > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """A lot that may not serve compliance: for everyone, or for the entity in whose boundary it arose (Art. 17)."""

    lot_id: LotId
    entity: ParticipantId | None = None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ComplianceYear:
    """One version of the rules of one year's offsets."""

    year: int
    opens_ns: int
    """Submissions are taken from this instant on …"""
    deadline_ns: int
    """… up to and including this one, by the exchange's clock."""
    cap: Cap | None = None
    """None as long as the authority has not told one."""
    methodologies: tuple[str, ...] = ()
    """Codes of eligible methodologies; every Class I methodology when empty."""
    period_from: str = ""
    """First eligible day of a monitoring period, ISO date; open when empty."""
    period_to: str = ""
    """Last eligible day of a monitoring period, ISO date; open when empty."""
    origins: tuple[Origin, ...] = ()
    """Eligible origins; every origin when empty."""
    exclusions: tuple[Exclusion, ...] = ()
    effective_from_ns: int = 0
    """From when this version holds; at once when in the past."""
    source: str
    """On whose word."""
    certainty: str = "official"
    """How sure that is, in the rule book's words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CreditsUsed:
    """Tonnes of another credit that an entity has used for a year."""

    credit: str
    tonnes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Filing:
    """What the authority has filed of one entity's year; replaces what it filed before."""

    entity: ParticipantId
    year: int
    verified_emissions_tonnes: int | None = None
    issued_allowances_tonnes: int | None = None
    other_credits: tuple[CreditsUsed, ...] = ()
    source: str

    def is_well_formed(self) -> bool:
        """Whether its figures can be meant: nothing negative, each credit once."""
        figures = [used.tonnes for used in self.other_credits]
        figures += [
            tonnes
            for tonnes in (self.verified_emissions_tonnes, self.issued_allowances_tonnes)
            if tonnes is not None
        ]
        names = {used.credit for used in self.other_credits}
        return len(names) == len(self.other_credits) and all(0 <= tonnes <= MOST_TONNES for tonnes in figures)

    def base_tonnes(self, base: CapBase) -> int | None:
        """The figure a cap is a share of; None when it has not been filed."""
        if base is CapBase.VERIFIED_EMISSIONS:
            return self.verified_emissions_tonnes
        return self.issued_allowances_tonnes


@dataclass(frozen=True, kw_only=True, slots=True)
class CapStanding:
    """How an entity stands towards the cap of a year."""

    limit_tonnes: int | None
    """The cap; None when there is none, or its base has not been filed."""
    used_tonnes: int
    """Offsets of this exchange, completed or under way."""
    other_tonnes: int
    """Other credits that count towards the same cap."""
    left_tonnes: int | None
    """What may still be used, never below zero; None when there is no limit."""
    enforcement: Enforcement | None
    """None when there is no cap."""


def cap_standing(terms: ComplianceYear, filing: Filing | None, used_tonnes: int) -> CapStanding:
    """How an entity stands, from its filing and what it has used."""
    cap = terms.cap
    if cap is None:
        return CapStanding(
            limit_tonnes=None, used_tonnes=used_tonnes, other_tonnes=0, left_tonnes=None, enforcement=None
        )
    base_tonnes = None if filing is None else filing.base_tonnes(cap.base)
    credits_used = () if filing is None else filing.other_credits
    other_tonnes = sum(used.tonnes for used in credits_used if used.credit in cap.joint_credits)
    limit_tonnes = None if base_tonnes is None else cap.tonnes_of(base_tonnes)
    return CapStanding(
        limit_tonnes=limit_tonnes,
        used_tonnes=used_tonnes,
        other_tonnes=other_tonnes,
        left_tonnes=None if limit_tonnes is None else max(0, limit_tonnes - used_tonnes - other_tonnes),
        enforcement=cap.enforcement,
    )


def fault_of(terms: ComplianceYear) -> str | None:
    """What is wrong with a version by itself; None when nothing is."""
    if not FIRST_YEAR <= terms.year <= LAST_YEAR:
        return f"year: between {FIRST_YEAR} and {LAST_YEAR}"
    if not 0 <= terms.opens_ns <= terms.deadline_ns:
        return "opens: not after the deadline"
    if terms.cap is not None and not terms.cap.is_well_formed():
        return "cap: a share between nothing and everything"
    dates = (terms.period_from, terms.period_to)
    if any(date and _DATE.fullmatch(date) is None for date in dates):
        return "period: ISO dates"
    if all(dates) and terms.period_from > terms.period_to:
        return "period: begins before it ends"
    return None if terms.source.strip() else "source: on whose word"


class ComplianceYears:
    """Every version of every year ever adopted, and what has been filed."""

    __slots__ = ("_filings", "versions")

    def __init__(self, versions: tuple[ComplianceYear, ...] = (), filings: tuple[Filing, ...] = ()) -> None:
        """Those adopted, in the order of their adoption, and the filings in force."""
        self.versions = list(versions)
        self._filings = {(filing.entity, filing.year): filing for filing in filings}

    def adopt(self, terms: ComplianceYear) -> None:
        """Enter a version."""
        self.versions.append(terms)

    def in_force(self, year: int, at_ns: int) -> ComplianceYear | None:
        """The version that holds for a year at that moment."""
        holding = (one for one in self.versions if one.year == year and one.effective_from_ns <= at_ns)
        latest: ComplianceYear | None = None
        for one in holding:
            if latest is None or one.effective_from_ns >= latest.effective_from_ns:
                latest = one
        return latest

    def file(self, filing: Filing) -> None:
        """Enter a filing in place of the one before."""
        self._filings[filing.entity, filing.year] = filing

    def filing(self, entity: ParticipantId, year: int) -> Filing | None:
        """What has been filed of an entity's year."""
        return self._filings.get((entity, year))

    def filings(self) -> Iterator[Filing]:
        """All filings in force, in the order they were first made."""
        return iter(self._filings.values())
