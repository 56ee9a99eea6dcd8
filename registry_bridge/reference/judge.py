"""What the reference registry decides: pure, from a movement and the facts it touches.

A movement is refused by the first rule it breaks, in the order of `_broken_rules`, naming the first leg that
breaks it; otherwise it becomes a `Plan`: which rows of holdings go and which come. Moving part of a
row splits it, and neighbours that end up in one place are merged, so that a place holds every lot in
as few rows as can be. Corrected serials (Art. 22) that the exchange moves out are withdrawn instead of landing in the
management sub-account.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, takewhile

from registry_bridge.registry import (
    MAX_LEGS,
    MAX_RANGES,
    Movement,
    MovementKind,
    MovementLeg,
    RefusalCode,
    RetirementPurpose,
    RetirementTerms,
    SubAccount,
)
from settlement.lot import MethodologyClass
from settlement.serials import Serials, contains, is_well_formed, merged

RETIRED = "retired"
"""The third place a serial can be, beside the two sub-accounts; nothing leaves it."""

WITHDRAWN = "withdrawn"
"""The fourth: where corrected serials end; nothing leaves it."""

FINAL_PLACES = frozenset({RETIRED, WITHDRAWN})

Owner = tuple[str, str]
"""Account and place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """One row of holdings; `row` is None while it is not written yet."""

    row: int | None
    owner: Owner
    lot: str
    first: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One range of one leg: serials, where they must be and where they go."""

    leg: int
    lot: str
    first: int
    end: int
    source: Owner
    target: Owner
    correction: int | None = None
    """The correction by which it is withdrawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected:
    """Serials of a lot that were corrected, and by which correction."""

    first: int
    end: int
    correction: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the registry knows of everything a movement touches."""

    frozen: Mapping[str, bool]
    """Account to whether it is frozen; unknown accounts are absent."""
    closed: frozenset[str] = frozenset()
    bound: frozenset[str]
    """Accounts bound to a trading account of the exchange."""
    classes: Mapping[str, MethodologyClass]
    """Lot to class; unknown lots are absent."""
    frozen_lots: frozenset[str]
    frozen_ranges: Mapping[str, Sequence[tuple[int, int]]]
    corrected: Mapping[str, Sequence[Corrected]] = field(default_factory=dict)
    """Of a lot, in ascending order; asked for only when units are moved out."""
    held: Sequence[Held]
    """Every row that overlaps or touches a range of the movement."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why not, and the first leg at fault where one is."""

    code: RefusalCode
    leg: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Rows to remove by number, rows to add, and what is withdrawn instead of arriving."""

    removed: tuple[int, ...]
    added: tuple[Held, ...]
    withdrawn: tuple[Part, ...] = ()


def parts_of(movement: Movement) -> list[Part]:
    """Every range of every leg, ordered by lot and serial."""
    parts = [
        Part(leg=leg.leg, lot=leg.lot, first=first, end=end, source=source_of(leg), target=target_of(leg))
        for leg in movement.legs
        for first, end in leg.serials
    ]
    return sorted(parts, key=lambda part: (part.lot, part.first))


def source_of(leg: MovementLeg) -> Owner:
    """Where the serials must be."""
    return (leg.from_account, leg.from_sub_account.value)


def target_of(leg: MovementLeg) -> Owner:
    """Where they go; retired serials stay under the account that used them."""
    if leg.to_account is None or leg.to_sub_account is None:
        return (leg.from_account, RETIRED)
    return (leg.to_account, leg.to_sub_account.value)


def malformed(movement: Movement) -> Refusal | None:
    """A movement that contradicts itself, whatever the registry knows."""
    if not 1 <= len(movement.legs) <= MAX_LEGS:
        return Refusal(code=RefusalCode.MALFORMED)
    if sum(len(leg.serials) for leg in movement.legs) > MAX_RANGES:
        return Refusal(code=RefusalCode.MALFORMED)
    if not _terms_fit(movement.kind, movement.retirement):
        return Refusal(code=RefusalCode.MALFORMED)
    for number, leg in enumerate(movement.legs, start=1):
        if leg.leg != number or not _runs(movement.kind, leg):
            return Refusal(code=RefusalCode.MALFORMED, leg=number)
        if not leg.serials or not is_well_formed(leg.serials):
            return Refusal(code=RefusalCode.MALFORMED, leg=number)
    for before, after in pairwise(parts_of(movement)):
        if before.lot == after.lot and after.first < before.end:
            return Refusal(code=RefusalCode.MALFORMED, leg=max(before.leg, after.leg))
    return None


def _terms_fit(kind: MovementKind, terms: RetirementTerms | None) -> bool:
    if (kind is MovementKind.RETIRE) != (terms is not None):
        return False
    if terms is None:
        return True
    return (terms.purpose is RetirementPurpose.COMPLIANCE_OFFSET) == (terms.compliance_year is not None)


def _runs(kind: MovementKind, leg: MovementLeg) -> bool:
    """Whether the leg runs the way its kind of movement does."""
    way = (leg.from_sub_account, leg.to_sub_account)
    same = leg.from_account == leg.to_account
    match kind:
        case MovementKind.TRANSFER_IN:
            return same and way == (SubAccount.MANAGEMENT, SubAccount.TRADING)
        case MovementKind.TRANSFER_OUT:
            return same and way == (SubAccount.TRADING, SubAccount.MANAGEMENT)
        case MovementKind.DELIVER:
            return not same and leg.to_account is not None and way == (SubAccount.TRADING, SubAccount.TRADING)
        case MovementKind.RETIRE:
            return leg.to_account is None and way == (SubAccount.TRADING, None)


def judge(movement: Movement, facts: Facts, *, by_owner: bool) -> Plan | Refusal:
    """Refuse a well-formed movement by the first rule it breaks, or plan it.

    What the exchange asks for needs the account's binding, by which its owner lets the exchange act.
    """
    for code, legs in _broken_rules(movement, facts, by_owner=by_owner):
        leg = next(legs, None)
        if leg is not None:
            return Refusal(code=code, leg=leg)
    parts = parts_of(movement)
    if movement.kind is MovementKind.TRANSFER_OUT:
        parts = [piece for part in parts for piece in _split(part, facts.corrected.get(part.lot, ()))]
    return _plan(parts, facts.held)


def _split(part: Part, corrected: Sequence[Corrected]) -> Iterator[Part]:
    """A part moved out, in pieces of which each arrives or is withdrawn."""
    position = part.first
    begin = bisect_right(corrected, part.first, key=lambda one: one.end)
    for one in takewhile(lambda one: one.first < part.end, corrected[begin:]):
        first, end = max(one.first, part.first), min(one.end, part.end)
        if position < first:
            yield replace(part, first=position, end=first)
        target = (part.source[0], WITHDRAWN)
        yield replace(part, first=first, end=end, target=target, correction=one.correction)
        position = end
    if position < part.end:
        yield replace(part, first=position)


def _broken_rules(
    movement: Movement, facts: Facts, *, by_owner: bool
) -> Iterator[tuple[RefusalCode, Iterator[int]]]:
    """Each rule with the legs that break it, in the order in which they are asked."""
    legs = movement.legs
    yield RefusalCode.ACCOUNT_UNKNOWN, (leg.leg for leg in legs if _accounts(leg) - facts.frozen.keys())
    yield RefusalCode.LOT_UNKNOWN, (leg.leg for leg in legs if leg.lot not in facts.classes)
    if movement.retirement and movement.retirement.purpose is RetirementPurpose.COMPLIANCE_OFFSET:
        second = MethodologyClass.II
        yield (
            RefusalCode.CLASS_NOT_ELIGIBLE,
            (leg.leg for leg in legs if facts.classes[leg.lot] is second),
        )
    if not by_owner:
        yield RefusalCode.NOT_AUTHORISED, (leg.leg for leg in legs if _accounts(leg) - facts.bound)
    yield RefusalCode.ACCOUNT_CLOSED, (leg.leg for leg in legs if _accounts(leg) & facts.closed)
    # A freeze keeps units where they are for somebody; a correction has already said that they are nobody's.
    kept = [leg for leg in legs if not _is_withdrawn(movement.kind, leg, facts)]
    yield (
        RefusalCode.ACCOUNT_FROZEN,
        (leg.leg for leg in kept if any(facts.frozen[account] for account in _accounts(leg))),
    )
    yield RefusalCode.LOT_FROZEN, (leg.leg for leg in kept if _is_frozen(leg, facts))


def _accounts(leg: MovementLeg) -> set[str]:
    return {leg.from_account} if leg.to_account is None else {leg.from_account, leg.to_account}


def _is_frozen(leg: MovementLeg, facts: Facts) -> bool:
    return leg.lot in facts.frozen_lots or overlaps(leg.serials, facts.frozen_ranges.get(leg.lot, ()))


def _is_withdrawn(kind: MovementKind, leg: MovementLeg, facts: Facts) -> bool:
    """Whether all of the leg will be withdrawn."""
    if kind is not MovementKind.TRANSFER_OUT or not facts.corrected.get(leg.lot):
        return False
    ranges = tuple((one.first, one.end) for one in facts.corrected[leg.lot])
    return contains(merged(ranges, ()), leg.serials)


def overlaps(serials: Serials, ranges: Iterable[tuple[int, int]]) -> bool:
    """Whether any serial is in any of the ranges."""
    return any(low < end and first < high for low, high in ranges for first, end in serials)


def _plan(parts: Sequence[Part], held: Sequence[Held]) -> Plan | Refusal:
    """Sweep parts and rows together, both in order of lot and serial, each in disjoint ranges."""
    rows = sorted(held, key=lambda row: (row.lot, row.first))
    missing = {index: part.end - part.first for index, part in enumerate(parts)}
    retired: list[int] = []
    pieces: list[Held] = []
    at = 0
    for row in rows:
        position = row.first
        while at < len(parts) and (parts[at].lot, parts[at].first) < (row.lot, row.end):
            part = parts[at]
            first, end = max(part.first, position), min(part.end, row.end)
            if part.lot == row.lot and first < end:
                if row.owner[1] == RETIRED:
                    retired.append(part.leg)
                if row.owner == part.source:
                    missing[at] -= end - first
                if position < first:
                    pieces.append(Held(row=None, owner=row.owner, lot=row.lot, first=position, end=first))
                pieces.append(Held(row=None, owner=part.target, lot=row.lot, first=first, end=end))
                position = end
            if part.lot == row.lot and part.end > row.end:
                break
            at += 1
        whole = position == row.first
        if position < row.end:
            pieces.append(
                row if whole else Held(row=None, owner=row.owner, lot=row.lot, first=position, end=row.end)
            )
    if retired:
        return Refusal(code=RefusalCode.ALREADY_RETIRED, leg=min(retired))
    not_held = [parts[index].leg for index, tonnes in missing.items() if tonnes]
    if not_held:
        return Refusal(code=RefusalCode.SERIALS_NOT_HELD, leg=min(not_held))
    merged = _merge(pieces)
    kept = {piece.row for piece in merged if piece.row is not None}
    return Plan(
        removed=tuple(row.row for row in rows if row.row is not None and row.row not in kept),
        added=tuple(piece for piece in merged if piece.row is None),
        withdrawn=tuple(part for part in parts if part.correction is not None),
    )


def _merge(pieces: Sequence[Held]) -> list[Held]:
    """Join neighbours in one place. Where nothing leaves they stay as they came: each belongs to its use."""
    merged: list[Held] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if (
            last is not None
            and (last.lot, last.owner, last.end) == (piece.lot, piece.owner, piece.first)
            and piece.owner[1] not in FINAL_PLACES
        ):
            merged[-1] = Held(row=None, owner=last.owner, lot=last.lot, first=last.first, end=piece.end)
        else:
            merged.append(piece)
    return merged
