"""A freeze: an authority's word that something may not be sold, used or moved (not to be confused with a hold).

It names an account, a lot, serials of a lot, or a lot in one account. Who placed it is who can lift it: the registry
by a notice, the resolution of a break, the decision on a claim, an operator. Freezes overlap and each counts for
itself: lifting one leaves the others as they are.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from settlement.serials import NONE, Serials
from settlement.values import LotId

FreezeId = NewType("FreezeId", str)
"""Names one freeze for ever: `notice-7`, `break-3`, `claim-2`, `removal-1`, `act-4711`."""


class FreezeSource(StrEnum):
    """On whose word something is frozen."""

    REGISTRY = "registry"
    """The registry platform told so; its own notice lifts it."""
    BREAK = "break"
    """A difference with the registry; its resolution lifts it."""
    CLAIM = "claim"
    """The decision on a claim after a correction (Measures 2023, Art. 22); a later decision lifts it."""
    CORRECTION = "correction"
    """Serials that are being taken out because they were corrected; it ends when they have left."""
    OPERATOR = "operator"
    """The exchange's own operator; an operator lifts it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """What is frozen, and on whose word."""

    freeze_id: FreezeId
    source: FreezeSource
    registry_account: str | None = None
    """Only this account's; everybody's when absent. Alone, it freezes the account: trading, transfers, uses."""
    lot_id: LotId | None = None
    serials: Serials = NONE
    """Only these serials of the lot; the whole lot when there are none."""
    reason: str = ""

    @property
    def target(self) -> tuple[str | None, LotId | None, Serials]:
        """What it names: two freezes of one target are two freezes."""
        return (self.registry_account, self.lot_id, self.serials)

    @property
    def stops_account(self) -> bool:
        """Whether it is the account itself that is frozen."""
        return self.lot_id is None
