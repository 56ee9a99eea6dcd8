"""How uses of units are asked for and answered: offsets and every other use alike."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.engine.views.uses import UseView
from gateway.formats import quantity_text, time_text
from gateway.http.accounts.transfers import LOTS_MOST, LotRequest, TransferLot
from gateway.http.shapes import (
    AccountName,
    Answer,
    ClassName,
    ClientId,
    ListingCode,
    Name,
    Page,
    PublicText,
    Quantity,
    QuantityIn,
    Request,
    Time,
)
from settlement.choice import Wanted
from settlement.compliance_year import CapStanding
from settlement.events import LotSlice
from settlement.lot_choice import LotChoice
from settlement.retirement import MAX_TEXT
from settlement.values import AssetCode, LotId

USE_PATTERN: Final = "^(offset|retirement)-[1-9][0-9]{0,17}$"

ChannelName = Literal[
    "compliance_offset", "voluntary_offset", "voluntary_cancellation", "donation", "damage_compensation"
]
YearIn = Annotated[int, Field(ge=2000, le=2999, examples=[2025])]
Certified = Annotated[str, Field(description="As the certificate will say.")]
CertifiedText = Annotated[PublicText, Field(max_length=MAX_TEXT)]


class UnitsRequest(Request):
    """Which units: a `quantity`, oldest first, or `lots`."""

    account: AccountName | None = None
    listing: ListingCode | None = None
    quantity: QuantityIn | None = None
    lots: Annotated[list[LotRequest], Field(min_length=1, max_length=LOTS_MOST)] | None = None


class WithdrawRequest(Request):
    """Take it back."""

    client_id: ClientId
    account: AccountName | None = None


class UsesQuery(Page):
    """Which uses."""

    account: AccountName | None = None
    client_id: Name | None = None


class Cap(Answer):
    """How an entity stands towards the cap of a compliance year."""

    limit: Annotated[
        Quantity | None, Field(description="None where there is none, or its base is not filed.")
    ]
    used: Annotated[Quantity, Field(description="Offsets at this exchange, completed or under way.")]
    other_credits: Annotated[Quantity, Field(description="Other credits that count towards the same cap.")]
    left: Quantity | None
    enforcement: Annotated[
        Literal["soft", "hard"] | None, Field(description="A soft cap is told, a hard one is enforced.")
    ]


class UseAnswer(Answer):
    """A use of units, as it stands."""

    id: Annotated[str, Field(pattern=USE_PATTERN)]
    client_id: ClientId
    account: AccountName
    entity: Name
    purpose: ChannelName
    compliance_year: int | None
    beneficiary: Certified
    statement: Certified
    listing: ListingCode
    quantity: Quantity
    lots: list[TransferLot]
    donated_to: AccountName | None
    state: Literal["held", "retiring", "completed", "refused", "withdrawn"]
    reason: Annotated[str | None, Field(description="The registry's code, where it refused.")]
    withdrawable_until: Annotated[Time, Field(description="Then the registry is asked, and it is final.")]
    deadline: Annotated[Time | None, Field(description="The compliance year's, as it was at acceptance.")]
    counts_although_late: Annotated[
        bool, Field(description="Accepted before the deadline and confirmed after it: it counts.")
    ]
    certificate: Annotated[str | None, Field(description="Its number, once completed.")]
    created_at: Time
    ended_at: Time | None


class AcceptedUse(UseAnswer):
    """A use just accepted."""

    cap: Annotated[Cap | None, Field(description="With this offset counted; only of an offset.")]


class UseAnswers(Answer):
    """Uses, newest first."""

    items: list[UseAnswer]
    next: str | None


class QuoteLine(Answer):
    """One lot: whether it may serve, and what would be taken of it."""

    lot: str
    listing: ListingCode
    class_: Annotated[ClassName, Field(alias="class")]
    available: Quantity
    eligible: bool
    code: Annotated[str | None, Field(description="The rule that says no.")]
    reason: Annotated[str | None, Field(description="The same in words.")]
    quantity: Annotated[Quantity, Field(description="What would be retired of it.")]
    serials: list[tuple[int, int]]


class Quote(Answer):
    """What a submission would be answered at this moment. Nothing is held by asking."""

    compliance_year: int
    accepted: bool
    code: Annotated[str | None, Field(description="What it would be refused with.")]
    reason: str | None
    limit: str | None
    actual: str | None
    listing: ListingCode | None
    quantity: Quantity
    lots: Annotated[list[QuoteLine], Field(description="In the order in which they would be retired.")]
    cap: Cap | None
    deadline: Time | None
    time: Time


def wanted_of(body: UnitsRequest) -> Wanted:
    """What a request asks for, in the core's words. Whether it can be meant, the core judges."""
    return Wanted(
        instrument=None if body.listing is None else AssetCode(body.listing),
        quantity_tonnes=body.quantity,
        lots=tuple(_choice(part) for part in body.lots or ()),
    )


def _choice(part: LotRequest) -> LotChoice:
    return LotChoice(
        lot_id=LotId(part.lot),
        serials=tuple((first, end) for first, end in part.serials or ()),
        quantity_tonnes=part.quantity or 0,
    )


def cap_body(cap: CapStanding | None) -> dict[str, Any] | None:
    """A cap as it is answered."""
    if cap is None:
        return None
    return {
        "limit": None if cap.limit_tonnes is None else quantity_text(cap.limit_tonnes),
        "used": quantity_text(cap.used_tonnes),
        "other_credits": quantity_text(cap.other_tonnes),
        "left": None if cap.left_tonnes is None else quantity_text(cap.left_tonnes),
        "enforcement": None if cap.enforcement is None else cap.enforcement.value,
    }


def lots_body(lots: Sequence[LotSlice]) -> list[dict[str, Any]]:
    """Lots with their serials."""
    return [{"lot": part.lot_id, "serials": part.serials} for part in lots]


def use_body(use: UseView) -> dict[str, Any]:
    """A use as it is answered."""
    is_late = (
        use.deadline_ns is not None and use.state == "completed" and (use.ended_ns or 0) > use.deadline_ns
    )
    return {
        "id": use.use_id,
        "client_id": use.client_id,
        "account": use.account,
        "entity": use.entity,
        "purpose": use.purpose.value,
        "compliance_year": use.compliance_year,
        "beneficiary": use.beneficiary,
        "statement": use.statement,
        "listing": use.instrument,
        "quantity": quantity_text(use.quantity_tonnes),
        "lots": lots_body(use.lots),
        "donated_to": use.donated_to,
        "state": use.state,
        "reason": use.failure,
        "withdrawable_until": time_text(use.instruct_at_ns),
        "deadline": None if use.deadline_ns is None else time_text(use.deadline_ns),
        "counts_although_late": is_late,
        "certificate": use.certificate,
        "created_at": time_text(use.at_ns),
        "ended_at": None if use.ended_ns is None else time_text(use.ended_ns),
    }
