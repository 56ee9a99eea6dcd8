"""What the registry tells when it is read: accounts, lots, positions, its journal and its notices."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from registry_bridge.movement import (
    AccountKind,
    MovementKind,
    MovementLeg,
    RefusalCode,
    RetirementTerms,
    SubAccount,
)
from settlement.lot import MethodologyClass, Origin
from settlement.serials import Serials


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """Serials of a lot in one sub-account."""

    sub_account: SubAccount
    lot: str
    first: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryAccount:
    """An account as the registry tells it; holdings ordered by sub-account, lot and serial; closed for good if at all."""

    account: str
    kind: AccountKind
    frozen: bool
    trading_account: str | None
    """The exchange's account bound to it."""
    holdings: tuple[Holding, ...]
    closed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountState:
    """An account without what it holds."""

    account: str
    kind: AccountKind
    frozen: bool
    closed: bool
    trading_account: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """One registry account bound to one trading account of the exchange, for ever."""

    account: str
    trading_account: str
    bound_at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BindingRefused:
    """`account_unknown`, `account_closed`, `account_frozen` or `already_bound` (either side to another)."""

    account: str
    code: RefusalCode


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryLot:
    """A lot's reference data: one issue of one methodology for one monitoring period, in ISO dates."""

    sequence: int
    lot: str
    methodology: str
    methodology_version: str
    methodology_class: MethodologyClass
    origin: Origin
    project: str
    applicant: str
    period_start: str
    period_end: str
    issue_batch: str
    issued_on: str
    first: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LotPage:
    """Lots after a sequence number; `next` is where to go on, None when there are no more now."""

    lots: tuple[RegistryLot, ...]
    next: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionRange:
    """Serials of a lot in an account's trading sub-account."""

    account: str
    lot: str
    first: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionTotals:
    """What all pages together must add up to."""

    accounts: int
    lots: int
    tonnes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionPage:
    """Part of all trading positions as of a sequence number, ordered by account, lot and serial."""

    as_of: int
    positions: tuple[PositionRange, ...]
    next: str | None
    totals: PositionTotals
    digest: str
    """`reconcile.PositionDigest` over all pages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """Something that touched a trading sub-account, as the registry's own journal has it."""

    sequence: int
    movement_id: str
    request_id: str | None
    """None when the owner moved it at the platform."""
    kind: MovementKind
    trading_day: str
    decided_at_ns: int
    digest: str
    legs: tuple[MovementLeg, ...]
    retirement: RetirementTerms | None


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalPage:
    """Journal entries after a sequence number, gapless."""

    entries: tuple[JournalEntry, ...]
    next: int | None


class NoticeKind(Enum):
    """What the registry tells unasked."""

    LOT_ISSUED = "lot_issued"
    LOT_CHANGED = "lot_changed"
    """Reference data was amended: read the lot again. Class, methodology and serials never change."""
    ACCOUNT_RESTRICTED = "account_restricted"
    LOT_FROZEN = "lot_frozen"
    UNFROZEN = "unfrozen"
    CORRECTED = "corrected"
    """Serials from abnormal data (Art. 22), wherever they are; the account is the applicant they were issued to.

    Those in a trading sub-account stay there until the exchange moves them out, at which they are withdrawn.
    """
    TRANSFERRED_IN = "transferred_in"
    ACCOUNT_CLOSED = "account_closed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A fact of the platform; which fields are set depends on the kind."""

    sequence: int
    kind: NoticeKind
    at_ns: int
    account: str | None = None
    lot: str | None = None
    serials: Serials = ()
    reason: str = ""
    journal_sequence: int | None = None
    """The journal entry it belongs to, for `transferred_in`; for `corrected` the newest one when it was made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticePage:
    """Notices after a sequence number, gapless."""

    notices: tuple[Notice, ...]
    next: int | None
