"""Uses of owned units at their moment: what settlement's desk has to know of the day, and when it acts by itself."""

from collections.abc import Iterator
from typing import TypeAlias, assert_never

from matching import rejections
from matching.day_cycle import NEVER_NS, DayCycle
from matching.session import NS, Phase
from matching.standing import Standing
from settlement.commands import ResolveInstruction
from settlement.depository import Depository
from settlement.rejections import Rejection
from settlement.use_commands import (
    AdoptComplianceYear,
    DesignateWelfareAccount,
    FileVerifiedEmissions,
    SubmitOffset,
    SubmitRetirement,
    WithdrawUse,
)
from settlement.use_desk import UseAnswer, UseDesk, UseMoment, UseOutcome
from settlement.values import AccountId

UseRequest: TypeAlias = SubmitOffset | SubmitRetirement | WithdrawUse
UseSetting: TypeAlias = AdoptComplianceYear | FileVerifiedEmissions | DesignateWelfareAccount


class Using:
    """The desk, with the day's phase, the rules in force and who is restricted."""

    __slots__ = ("_cycle", "_depository", "_standing", "_uses", "desk")

    def __init__(self, depository: Depository, cycle: DayCycle, standing: Standing) -> None:
        """With a desk at which nothing has been asked yet."""
        self._cycle = cycle
        self._depository = depository
        self._standing = standing
        self._uses = depository.movements.uses
        self.desk = UseDesk(depository, cycle.retired)

    def decide(self, command: UseRequest | UseSetting) -> UseAnswer:
        """What a participant, an operator or the authority asks."""
        match command:
            case SubmitOffset():
                return self.desk.submit_offset(command, self._moment(command.account))
            case SubmitRetirement():
                return self.desk.submit_retirement(command, self._moment(command.account))
            case WithdrawUse():
                return self.desk.withdraw(command)
            case AdoptComplianceYear():
                return self.desk.adopt_year(command, self._cycle.stamp.at_ns)
            case FileVerifiedEmissions():
                return self.desk.file_emissions(command)
            case DesignateWelfareAccount():
                return self.desk.designate(command)
            case _:
                assert_never(command)

    def resolve(self, command: ResolveInstruction) -> UseAnswer:
        """Book the registry's answer, and certify what it completes."""
        return self.desk.resolve(command, self._moment())

    @property
    def next_change_ns(self) -> int:
        """When the registry is next to be asked for a held use; never while nothing but the close goes on."""
        if self._cycle.phase is Phase.CLOSING or self._cycle.trading_day is None:
            return NEVER_NS
        return self.desk.next_due_ns

    def follow_time(self) -> Iterator[UseOutcome]:
        """Ask the registry for what is held and due."""
        if self._uses.any_held:
            yield from self.desk.follow_time(self._moment())

    def _moment(self, account: AccountId | None = None) -> UseMoment:
        cycle, rules = self._cycle, self._cycle.market_rules
        return UseMoment(
            seq=cycle.stamp.seq,
            at_ns=cycle.stamp.at_ns,
            trading_day=cycle.trading_day,
            closing=cycle.phase is Phase.CLOSING,
            not_after_ns=cycle.not_after_ns(),
            channels=() if rules is None else rules.use_channels,
            withdrawal_ns=0 if rules is None else rules.use_withdrawal_s * NS,
            blocked=None if account is None else self._blocked(account),
        )

    def _blocked(self, account: AccountId) -> Rejection | None:
        """Why an account may do nothing with its units at present."""
        if account in self._standing.restrictions:
            return rejections.ACCOUNT_RESTRICTED.because(actual=account)
        return self._depository.refuse_frozen(account)
