"""The compliance offset before it is submitted: what it would take, and every rule that says no (Art. 29, 17).

`quote` is one pure function: a reader is answered by it, and the core decides a submission by it. Nothing but the
class check is asked before the class: Class II is `class_not_eligible` whatever else is wrong.
"""

from dataclasses import dataclass

from settlement import serials, use_rejections
from settlement.account import ParticipantKind
from settlement.channels import Channel, Channels, allows
from settlement.choice import Chosen, HeldLot, Picture, Wanted, choose, refuse_account, refuse_shape
from settlement.compliance_year import CapStanding, ComplianceYear, Enforcement, Filing, cap_standing
from settlement.eligibility import EligibleLot, EligibleSlice, class_one, refuse_for_year
from settlement.events import LotSlice
from settlement.lot import Lot, MethodologyClass
from settlement.rejections import Rejection
from settlement.serials import NONE, Serials
from settlement.values import AssetCode, LotId, ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class YearStanding:
    """What has to be known of a compliance year and an entity's place in it."""

    year: int
    terms: ComplianceYear | None
    """In force now; None when nothing was announced for the year."""
    filing: Filing | None
    used_tonnes: int
    """The entity's offsets of the year, completed or under way, over all its accounts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QuoteLine:
    """One lot: whether it may serve, and what would be taken of it."""

    lot_id: LotId
    instrument: AssetCode
    held: Serials
    """What the account has of it to use."""
    refused: Rejection | None
    """The rule that says no; None when the lot is eligible."""
    retires: Serials
    """What would be retired of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """What a submission would be answered at this moment."""

    compliance_year: int
    refused: Rejection | None
    """What it would be refused for; None when it would be accepted."""
    lines: tuple[QuoteLine, ...]
    instrument: AssetCode | None
    quantity_tonnes: int
    """What would be retired; zero when refused."""
    eligible: tuple[EligibleSlice, ...]
    """Exactly what would be retired, in this order."""
    cap: CapStanding | None
    """Before this offset; None when the year is unknown."""

    @property
    def slices(self) -> tuple[LotSlice, ...]:
        """What would be retired, as lots and serials."""
        return tuple(LotSlice(lot_id=part.of.lot.lot_id, serials=part.serials) for part in self.eligible)


def quote(wanted: Wanted, picture: Picture, standing: YearStanding, channels: Channels, at_ns: int) -> Quote:
    """What a submission of this would be answered at that moment."""
    terms = standing.terms
    cap = None if terms is None else cap_standing(terms, standing.filing, standing.used_tonnes)
    answer = _judge(wanted, picture, standing, channels, at_ns)
    refused = answer if isinstance(answer, Rejection) else None
    chosen = None if isinstance(answer, Rejection) else answer
    if chosen is not None and cap is not None:
        refused = _refuse_cap(cap, chosen.quantity_tonnes)
    taken = chosen.slices if chosen is not None and refused is None else ()
    return Quote(
        compliance_year=standing.year,
        refused=refused,
        lines=_lines(wanted, picture, terms, {part.lot_id: part.serials for part in taken}),
        instrument=None if chosen is None else chosen.instrument,
        quantity_tonnes=sum(serials.count(part.serials) for part in taken),
        eligible=tuple(_eligible(picture, part) for part in taken),
        cap=cap,
    )


def _judge(
    wanted: Wanted, picture: Picture, standing: YearStanding, channels: Channels, at_ns: int
) -> Chosen | Rejection:
    refused = _refuse_class(wanted, picture) or refuse_shape(wanted, picture) or refuse_account(picture)
    if refused is not None:
        return refused
    if picture.kind is not ParticipantKind.COVERED_ENTITY:
        return use_rejections.NOT_A_COMPLIANCE_ENTITY.because(
            limit=ParticipantKind.COVERED_ENTITY, actual=picture.kind
        )
    if not allows(channels, MethodologyClass.I, Channel.COMPLIANCE_OFFSET):
        return use_rejections.CHANNEL_NOT_ALLOWED.because(actual=Channel.COMPLIANCE_OFFSET)
    terms = standing.terms
    if terms is None:
        return use_rejections.COMPLIANCE_YEAR_UNKNOWN.because(actual=str(standing.year))
    if at_ns < terms.opens_ns:
        return use_rejections.COMPLIANCE_YEAR_NOT_OPEN.because(limit=terms.opens_ns, actual=at_ns)
    if at_ns > terms.deadline_ns:
        return use_rejections.COMPLIANCE_DEADLINE_PASSED.because(limit=terms.deadline_ns, actual=at_ns)
    return choose(wanted, picture, lambda lot: refuse_lot(lot, terms, picture.entity))


def refuse_lot(lot: Lot, terms: ComplianceYear | None, entity: ParticipantId) -> Rejection | None:
    """The rule that forbids a lot to serve this entity's compliance, its class first; None when it may."""
    eligible = class_one(lot)
    if isinstance(eligible, Rejection):
        return eligible
    return None if terms is None else refuse_for_year(eligible, terms, entity)


def _refuse_class(wanted: Wanted, picture: Picture) -> Rejection | None:
    """Whether the request is for Class II: by a lot it names, by its code, or since the account has nothing else."""
    named = [picture.known[choice.lot_id] for choice in wanted.lots if choice.lot_id in picture.known]
    code = wanted.instrument
    if code is not None and picture.classes.get(code) is MethodologyClass.II:
        return use_rejections.CLASS_NOT_ELIGIBLE.because(limit=MethodologyClass.I, actual=code)
    if wanted.instrument is None and not wanted.lots:
        named.extend(one.lot for one in picture.lots)
        if any(lot.methodology_class is MethodologyClass.I for lot in named):
            return None
    refusals = (class_one(lot) for lot in named)
    return next((refused for refused in refusals if isinstance(refused, Rejection)), None)


def _refuse_cap(cap: CapStanding, wanted_tonnes: int) -> Rejection | None:
    if cap.enforcement is not Enforcement.HARD:
        return None
    if cap.left_tonnes is None:
        return use_rejections.CAP_BASE_NOT_FILED.because()
    if wanted_tonnes > cap.left_tonnes:
        return use_rejections.CAP_EXCEEDED.because(limit=cap.left_tonnes, actual=wanted_tonnes)
    return None


def _lines(
    wanted: Wanted, picture: Picture, terms: ComplianceYear | None, taken: dict[LotId, Serials]
) -> tuple[QuoteLine, ...]:
    """A line for every lot that was named, or that the account has."""
    named = [picture.known[choice.lot_id] for choice in wanted.lots if choice.lot_id in picture.known]
    held = [picture.held(lot.lot_id) or HeldLot(lot=lot, serials=NONE) for lot in named] or picture.lots
    return tuple(
        QuoteLine(
            lot_id=one.lot.lot_id,
            instrument=one.lot.instrument,
            held=one.serials,
            refused=refuse_lot(one.lot, terms, picture.entity),
            retires=taken.get(one.lot.lot_id, NONE),
        )
        for one in held
    )


def _eligible(picture: Picture, part: LotSlice) -> EligibleSlice:
    eligible = class_one(picture.known[part.lot_id])
    assert isinstance(eligible, EligibleLot), f"{part.lot_id} was chosen for compliance"
    return EligibleSlice(of=eligible, serials=part.serials)
