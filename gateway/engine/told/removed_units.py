"""Corrected units that have left: a movement out like a transfer, which nobody asked for and nobody gets back."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.engine.entry import Entry
from settlement.custody_events import RemovalCompleted
from settlement.events import LotSlice, TransferCompleted


def is_removal(entry: Entry) -> bool:
    """Whether what left by this entry was taken out because it was corrected: nobody's transfer."""
    return any(type(event) is RemovalCompleted for event in entry.events)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Corrected units have left: a transfer out that nobody asked for, and the last of these serials."""

    transfer: TransferCompleted

    @property
    def lots(self) -> Sequence[LotSlice]:
        """What has left."""
        return self.transfer.lots
