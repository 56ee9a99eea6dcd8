"""What follows for purchases and orders from what sales brought in, or did not, at the end of the command that told.

One account after the other, in the order of their names, until nothing is left to be done: money that came serves what
lacks it; a purchase that older sales cannot pay fails, or is parked with them, which is a sale lost or parked for its
seller; what is open and leans on more than is coming is taken back, the newest first, orders before negotiated transfers,
which two have agreed on or are about to. Then the registry is asked for purchases that lack nothing any more.
"""

from collections.abc import Iterator

from matching.day_cycle import DayCycle
from matching.events import Event
from matching.negotiated_rejections import PROCEEDS_LOST
from matching.negotiated_transfers import NegotiatedTransfers
from matching.order import CancelReason
from matching.trading import ListedTrading
from settlement.depository import Depository
from settlement.values import AccountId


class ProceedsFollowUp:
    """Brings what leans on unsettled sales into order."""

    __slots__ = ("_cycle", "_depository", "_negotiated", "_trading")

    def __init__(
        self,
        depository: Depository,
        trading: ListedTrading,
        negotiated: NegotiatedTransfers,
        cycle: DayCycle,
    ) -> None:
        """Asked at the end of each command that changed what is due to somebody, or what leans on it."""
        self._depository = depository
        self._trading = trading
        self._negotiated = negotiated
        self._cycle = cycle

    def run(self) -> Iterator[Event]:
        """Everything that follows from the command at hand."""
        proceeds, movements = self._depository.proceeds, self._depository.movements
        while True:
            account = proceeds.next_stirred()
            if account is not None:
                yield from movements.obligations.serve(account)
                yield from self._take_back(account)
            elif proceeds.covered:
                yield from movements.instruct_covered(self._cycle.stamp.seq, self._cycle.not_after_ns())
            else:
                break
        yield from proceeds.told()

    def _take_back(self, account: AccountId) -> Iterator[Event]:
        """Take back the newest of what is open for as long as it leans on more than is coming."""
        while self._depository.proceeds.is_overdrawn(account):
            newest = self._trading.newest_purchase(account)
            if newest is not None:
                yield from self._trading.take_back(newest, CancelReason.PROCEEDS_LOST)
                continue
            filed = self._negotiated.newest_purchase(account)
            assert filed is not None, f"{account} lacks money for nothing"
            yield from self._negotiated.reject(filed, PROCEEDS_LOST.because())
