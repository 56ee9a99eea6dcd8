"""Timers, watched connections and kill switches in the plainest way: one list each, gone through every time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matching.safety_commands import (
    EndConnection,
    LiftKillSwitch,
    SafetyCommand,
    SetDeadMan,
    ThrowKillSwitch,
    WatchConnection,
)
from tests.reference.vault import Answer, Note

if TYPE_CHECKING:
    from tests.reference.market import Market

SECOND_NS = 1_000_000_000


@dataclass
class PlainTimer:
    account: str
    why: str
    name: str
    key: str
    at_ns: int


class PlainSafety:
    """What keeps orders from outliving the program that sent them, and what operators stop."""

    def __init__(self, market: "Market") -> None:
        self.market = market
        self.timers: list[PlainTimer] = []
        self.connections: list[WatchConnection] = []
        self.killed: list[tuple[str, str]] = []

    def follow_time(self, at_ns: int) -> list[Note]:
        if self.market.close_step is not None:
            return []
        notes: list[Note] = []
        for timer in sorted(self.timers, key=lambda timer: (timer.at_ns, timer.account, timer.name)):
            if timer.at_ns <= at_ns:
                self.timers.remove(timer)
                theirs = [order for order in self.market.open.values() if order.account == timer.account]
                notes.append(("timer fired", timer.account, timer.why, timer.name, len(theirs)))
                notes.extend(self.market.take_back(order, "cancelled", timer.why) for order in theirs)
        return notes

    def decide(self, command: SafetyCommand) -> Answer:
        if isinstance(command, EndConnection):
            return self.ended(command)
        if command.account not in self.market.vault.owners:
            return "account_unknown"
        if self.market.vault.owners[command.account] != command.participant:
            return "not_your_account"
        if isinstance(command, WatchConnection):
            theirs = (command.account, "disconnected", command.key)
            back = [timer for timer in self.timers if (timer.account, timer.why, timer.key) == theirs]
            self.connections = [one for one in self.connections if one.connection != command.connection]
            self.connections.append(command)
            watched = ("watched", command.account, command.connection, command.grace_s)
            return [*(self.cleared(timer) for timer in back), watched]
        return self.dead_man(command)

    def dead_man(self, command: SetDeadMan) -> Answer:
        now_ns = self.market.at_ns
        if command.deadline_ns is not None and now_ns > command.deadline_ns:
            return "deadline_passed"
        if command.timeout_s:
            return [self.set(command.account, "dead_man", command.key, command.key, command.timeout_s)]
        mine = (command.account, "dead_man", command.key)
        return [
            self.cleared(timer)
            for timer in list(self.timers)
            if (timer.account, timer.why, timer.name) == mine
        ]

    def ended(self, command: EndConnection) -> Answer:
        for one in self.connections:
            if one.connection == command.connection:
                self.connections.remove(one)
                note: Note = ("connection ended", one.connection, command.clean)
                is_there = any((two.account, two.key) == (one.account, one.key) for two in self.connections)
                if command.clean or is_there:
                    return [note]
                return [note, self.set(one.account, "disconnected", one.connection, one.key, one.grace_s)]
        return "connection_unknown"

    def set(self, account: str, why: str, name: str, key: str, timeout_s: int) -> Note:
        self.timers = [
            timer for timer in self.timers if (timer.account, timer.why, timer.name) != (account, why, name)
        ]
        at_ns = self.market.at_ns + timeout_s * SECOND_NS
        self.timers.append(PlainTimer(account, why, name, key, at_ns))
        return ("timer set", account, why, name, at_ns)

    def cleared(self, timer: PlainTimer) -> Note:
        self.timers.remove(timer)
        return ("timer cleared", timer.account, timer.why, timer.name)

    def is_killed(self, account: str, hands: list[str]) -> bool:
        """Whether the market is stopped, the account, or anybody who has a hand in the order."""
        places = [("market", ""), ("account", account), *(("participant", hand) for hand in hands)]
        return any(place in self.killed for place in places)

    def not_this_switch(self, act: ThrowKillSwitch | LiftKillSwitch) -> str | None:
        if act.scope.value == "account" and act.subject not in self.market.vault.owners:
            return "account_unknown"
        if act.scope.value == "participant" and act.subject not in self.market.vault.kinds:
            return "participant_unknown"
        is_on = (act.scope.value, act.subject) in self.killed
        if isinstance(act, ThrowKillSwitch):
            return "kill_switch_on" if is_on else None
        return None if is_on else "kill_switch_not_on"

    def switched(self, act: ThrowKillSwitch | LiftKillSwitch) -> list[Note]:
        place = (act.scope.value, act.subject)
        if isinstance(act, LiftKillSwitch):
            self.killed.remove(place)
            return [("revived", *place)]
        self.killed.append(place)
        market = self.market
        stopped = [
            order
            for order in market.open.values()
            if place in (("market", ""), ("account", order.account))
            or (place[0] == "participant" and place[1] in market.hands(order))
        ]
        return [
            ("killed", *place),
            *(market.take_back(order, "cancelled", "kill_switch") for order in stopped),
        ]
