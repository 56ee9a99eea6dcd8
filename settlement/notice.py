"""What the registry tells unasked, in the order in which it tells it.

The platform numbers its notices without a gap, and each is taken once, in that order. A notice names registry
accounts, since it may be about one that has no trading account yet; lots are named whether they are known here or
not.
"""

from dataclasses import dataclass
from enum import StrEnum

from settlement.lot import Lot
from settlement.serials import NONE, Serials
from settlement.values import LotId


class NoticeKind(StrEnum):
    """What a notice is about."""

    LOT_ISSUED = "lot_issued"
    LOT_CHANGED = "lot_changed"
    ACCOUNT_RESTRICTED = "account_restricted"
    ACCOUNT_CLOSED = "account_closed"
    """For good; it is empty then. Nothing may go in or out of it any more."""
    LOT_FROZEN = "lot_frozen"
    """A lot, or the serials named of it."""
    UNFROZEN = "unfrozen"
    """An account, a lot or serials: one freeze of exactly that target is lifted."""
    CORRECTED = "corrected"
    """Serials were issued on abnormal data (Measures 2023, Art. 22)."""
    TRANSFERRED_IN = "transferred_in"
    """The owner moved units into its trading sub-account at the platform itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One notice; which fields are set depends on the kind."""

    sequence: int
    """1, 2, 3 …, the platform's own numbering."""
    kind: NoticeKind
    registry_account: str | None = None
    lot_id: LotId | None = None
    serials: Serials = NONE
    lot: Lot | None = None
    """The lot's reference data as it is now, for `LOT_ISSUED` and `LOT_CHANGED`; absent where its class is not listed."""
    reason: str = ""
    journal_sequence: int | None = None
    """The entry of the platform's journal that a `TRANSFERRED_IN` tells of, where it says so."""
