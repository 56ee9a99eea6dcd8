"""What has happened to units in custody by an authority's word: notices, freezes, corrections, breaks.

Past participles; frozen; whole numbers. Every change of a balance that goes with one is a `Posted` of its own.
"""

from dataclasses import dataclass
from typing import TypeAlias

from settlement.claim import Claim, ClaimDecision, ClaimId, ClaimState
from settlement.difference import Break
from settlement.events import LotSlice
from settlement.freeze import Freeze
from settlement.lot import Lot
from settlement.notice import NoticeKind
from settlement.removal import Removal, RemovalId
from settlement.serials import Serials
from settlement.values import AccountId, AssetCode, LotId, TradeId


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeTaken:
    """A notice of the registry has been taken; what it changes follows."""

    sequence: int
    kind: NoticeKind
    registry_account: str | None
    account: AccountId | None
    """The trading account bound to it, if there is one."""
    lot_id: LotId | None
    serials: Serials
    reason: str
    fault: str | None = None
    """Why it could not be acted upon, by a code of the rejections; the operator has to look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LotChanged:
    """The registry has altered a lot's reference data."""

    lot: Lot


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitsArrived:
    """Units that the owner moved in at the platform are here. Each notice of such a move brings them once."""

    account: AccountId
    notice_sequence: int
    instrument: AssetCode
    quantity_tonnes: int
    lots: tuple[LotSlice, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FreezePlaced:
    """Something may not be sold, used or moved. Orders it stops and units it takes hold of follow."""

    freeze: Freeze
    account: AccountId | None
    """The trading account it names, if it names one that is bound."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FreezeLifted:
    """One freeze is over; others of the same units go on."""

    freeze: Freeze
    account: AccountId | None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FrozenUnitsChanged:
    """How much of what an account owns is frozen now."""

    account: AccountId
    instrument: AssetCode
    frozen_tonnes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovalOpened:
    """Corrected units are to leave an account. They are frozen, and go as soon as nothing is committed from them."""

    removal: Removal


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovalAsked:
    """Their movement has been asked for; its instruction follows."""

    removal_id: RemovalId
    account: AccountId


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovalCompleted:
    """They have left."""

    removal_id: RemovalId
    account: AccountId


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovalRefused:
    """The registry would not move them; they stay frozen until an operator has it asked again."""

    removal_id: RemovalId
    account: AccountId
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimOpened:
    """Corrected units are no longer with who brought them in: a claim against it is on record."""

    claim: Claim


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimDecided:
    """What was decided about a claim, by whom and why."""

    claim_id: ClaimId
    against: AccountId
    decision: ClaimDecision
    state: ClaimState
    operator: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakOpened:
    """The two sides differ. The account it touches is frozen, and the lot in it, until somebody has resolved it."""

    case: Break
    account: AccountId | None
    """The trading account it touches, if there is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakResolved:
    """A named person has resolved it; exactly its freezes are lifted."""

    case: Break
    account: AccountId | None
    operator: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveriesRetried:
    """Parked deliveries are asked for again; their movements follow."""

    trade_ids: tuple[TradeId, ...]
    operator: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryUnwound:
    """Operators gave up on a parked delivery; that it failed follows."""

    trade_id: TradeId
    operator: str
    reason: str


CustodyEvent: TypeAlias = (
    NoticeTaken
    | LotChanged
    | UnitsArrived
    | FreezePlaced
    | FreezeLifted
    | FrozenUnitsChanged
    | RemovalOpened
    | RemovalAsked
    | RemovalCompleted
    | RemovalRefused
    | ClaimOpened
    | ClaimDecided
    | BreakOpened
    | BreakResolved
    | DeliveriesRetried
    | DeliveryUnwound
)
"""Everything said of units in custody."""
