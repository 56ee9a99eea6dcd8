"""Operators' acts about who the exchange relies on: a bank that was wrong, a registry that is gone."""

from collections.abc import Iterable
from typing import TypeAlias, assert_never

from matching.acts import GoOnWithoutRegistry, SettleCashBreak, SupersedeBankStatement
from matching.day_cycle import DayCycle
from matching.events import Event
from settlement.depository import Depository
from settlement.rejections import Rejection

OutsideAct: TypeAlias = SettleCashBreak | SupersedeBankStatement | GoOnWithoutRegistry


class OutsideActs:
    """Judges and does them. Who may, and with whom, is decided before."""

    __slots__ = ("_cycle", "_statements")

    def __init__(self, depository: Depository, cycle: DayCycle) -> None:
        """Depository and cycle are the exchange's own."""
        self._statements = depository.treasury.statements
        self._cycle = cycle

    def refuse(self, act: OutsideAct) -> Rejection | None:
        """Why an act cannot be done now; None when it can."""
        match act:
            case SettleCashBreak():
                return self._statements.refuse_to_settle(act.break_id)
            case SupersedeBankStatement():
                return self._statements.refuse_to_supersede(act.statement_id)
            case GoOnWithoutRegistry():
                return self._cycle.refuse_to_go_on(act.trading_day)
            case _:
                assert_never(act)

    def do(self, act: OutsideAct) -> Iterable[Event]:
        """Do an act that nothing forbids."""
        match act:
            case SettleCashBreak():
                return (self._statements.settle(act.break_id, act.operator, act.reason),)
            case SupersedeBankStatement():
                return self._statements.supersede(act.statement_id, act.operator, act.reason)
            case GoOnWithoutRegistry():
                return self._cycle.go_on_without_registry(act.operator, act.reason)
            case _:
                assert_never(act)
