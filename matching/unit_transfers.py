"""Participants' transfers between their registry sub-accounts: when they are taken, and what the core asks for them.

They are taken on a trading day until the hour the rule book names, and not while the day closes: what comes or goes
then would keep the comparison with the registry from ever being at rest.
"""

from collections.abc import Iterable

from matching import rejections
from matching.calendar import midnight_ns
from matching.day_cycle import DayCycle
from matching.events import Event
from matching.session import NS, Phase
from matching.standing import Standing
from settlement.commands import RequestTransferIn, RequestTransferOut
from settlement.custody_rejections import TRANSFER_CUT_OFF
from settlement.depository import Depository
from settlement.rejections import Rejection
from settlement.values import AccountId


class UnitTransfers:
    """Takes requests to move units in and out."""

    __slots__ = ("_cycle", "_depository", "_standing")

    def __init__(self, depository: Depository, cycle: DayCycle, standing: Standing) -> None:
        """Nothing asked for."""
        self._depository = depository
        self._cycle = cycle
        self._standing = standing

    def request_in(self, command: RequestTransferIn) -> Rejection | Iterable[Event]:
        """Ask the registry for units of the management side."""
        refused = self._depository.refuse_transfer_in(command) or self._refuse_now(command.account)
        if refused is not None:
            return refused
        day = self._cycle.trading_day
        assert day is not None, "a transfer before the first day"
        # From here the command must succeed.
        return self._depository.movements.transfers.request_in(
            command, self._cycle.stamp.seq, day, self._cycle.not_after_ns()
        )

    def request_out(self, command: RequestTransferOut) -> Rejection | Iterable[Event]:
        """Ask the registry to take units back to the management side."""
        if command.account in self._standing.restrictions:
            return rejections.ACCOUNT_RESTRICTED.because(actual=command.account)
        refused = self._refuse_now(command.account)
        if refused is not None:
            return refused
        chosen = self._depository.refuse_transfer_out(command)
        if isinstance(chosen, Rejection):
            return chosen
        day = self._cycle.trading_day
        assert day is not None, "a transfer before the first day"
        # From here the command must succeed.
        return self._depository.movements.transfers.request_out(
            command, chosen, self._cycle.stamp.seq, day, self._cycle.not_after_ns()
        )

    def _refuse_now(self, account: AccountId) -> Rejection | None:
        """Whether no transfer of this account's is taken at the moment."""
        cycle = self._cycle
        if cycle.trading_day is None or cycle.market_rules is None:
            return rejections.DAY_NOT_OPEN.because()
        if cycle.phase is Phase.CLOSING:
            return rejections.PHASE_CLOSED.because(actual=cycle.phase)
        until_s = cycle.market_rules.transfers_until
        if until_s is not None:
            until_ns = midnight_ns(cycle.trading_day) + until_s * NS
            if cycle.stamp.at_ns >= until_ns:
                return TRANSFER_CUT_OFF.because(limit=until_ns, actual=cycle.stamp.at_ns)
        return self._depository.refuse_frozen(account)
