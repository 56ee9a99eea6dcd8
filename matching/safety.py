"""Timers that cancel an account's open listed orders when its program is gone: dead man's switch, lost connections.

A timer is set by a command and fires by the stamp of whatever command comes first after its instant, so it fires once
and at the same place in history whenever that is replayed. It survives a restart; what nobody could be told of is that
a connection was lost while the process was down, which the gateway says of every connection it finds watched.

    a connection: watched ──lost──▶ its timer runs ──its key comes back──▶ cleared
                     │                    └─────────time is up────────────▶ fired
                     └──clean logout, or lost while another of its account and key is watched──▶ forgotten

So no timer of a lost connection runs while its program has another, in whichever order the two became known: a client
is often back before the loss of its old connection is noticed.
While a day closes no timer fires: its orders expire anyway. Negotiated transfers, uses and withdrawals are never touched.
"""

from collections.abc import Iterator
from typing import assert_never

from matching.day_cycle import NEVER_NS, DayCycle
from matching.events import Event, OrderCancelled
from matching.order import CancelReason
from matching.safety_commands import EndConnection, SafetyCommand, SetDeadMan, WatchConnection
from matching.safety_events import (
    ConnectionEnded,
    ConnectionWatched,
    SafetyTimerCleared,
    SafetyTimerFired,
    SafetyTimerSet,
)
from matching.safety_rejections import CONNECTION_UNKNOWN
from matching.safety_state import SafetyState, SafetyTimer
from matching.session import NS
from matching.trading import ListedTrading
from settlement.depository import Depository
from settlement.rejections import DEADLINE_PASSED, Rejection
from settlement.values import AccountId


class Safety:
    """Every timer and every watched connection."""

    __slots__ = ("_cycle", "_depository", "_due_ns", "_timers", "_trading", "connections")

    def __init__(self, depository: Depository, trading: ListedTrading, cycle: DayCycle) -> None:
        """None yet."""
        self._depository = depository
        self._trading = trading
        self._cycle = cycle
        self._timers: dict[tuple[AccountId, CancelReason, str], SafetyTimer] = {}
        self._due_ns = NEVER_NS
        self.connections: dict[str, WatchConnection] = {}
        """Watched connections by name."""

    @property
    def next_change_ns(self) -> int:
        """When the next timer fires; never while a day closes."""
        return NEVER_NS if self._cycle.close is not None else self._due_ns

    def follow_time(self) -> Iterator[Event]:
        """Fire what is due at the present stamp, in the order in which it was due."""
        at_ns = self._cycle.stamp.at_ns
        if at_ns < self.next_change_ns:
            return
        due = [timer for timer in self._timers.values() if timer.fires_at_ns <= at_ns]
        for timer in sorted(due, key=lambda timer: (timer.fires_at_ns, timer.account, timer.name)):
            self._drop(timer)
            cancelled = self._trading.withdraw(timer.account, timer.reason)
            many = sum(isinstance(event, OrderCancelled) for event in cancelled)
            yield SafetyTimerFired(account=timer.account, name=timer.name, reason=timer.reason, count=many)
            yield from cancelled

    def decide(self, command: SafetyCommand) -> Rejection | list[Event]:
        """Set a timer, or begin or end to watch a connection."""
        match command:
            case SetDeadMan():
                return self._set_dead_man(command)
            case WatchConnection():
                return self._watch(command)
            case EndConnection():
                return self._end(command)
            case _:
                assert_never(command)

    def _set_dead_man(self, command: SetDeadMan) -> Rejection | list[Event]:
        refused = self._depository.mandates.refuse_stranger(command.participant, command.account)
        if refused is not None:
            return refused
        at_ns = self._cycle.stamp.at_ns
        if command.deadline_ns is not None and at_ns > command.deadline_ns:
            return DEADLINE_PASSED.because(limit=command.deadline_ns, actual=at_ns)
        # From here the command must succeed.
        if command.timeout_s > 0:
            return [
                self._set(command.account, command.key, CancelReason.DEAD_MAN, command.key, command.timeout_s)
            ]
        timer = self._timers.get((command.account, CancelReason.DEAD_MAN, command.key))
        return [] if timer is None else [self._clear(timer)]

    def _watch(self, command: WatchConnection) -> Rejection | list[Event]:
        refused = self._depository.mandates.refuse_stranger(command.participant, command.account)
        if refused is not None:
            return refused
        # From here the command must succeed.
        events: list[Event] = [self._clear(timer) for timer in self._of_lost(command.account, command.key)]
        self.connections[command.connection] = command
        watched = ConnectionWatched(
            account=command.account,
            key=command.key,
            connection=command.connection,
            grace_s=command.grace_s,
        )
        return [*events, watched]

    def _end(self, command: EndConnection) -> Rejection | list[Event]:
        watched = self.connections.get(command.connection)
        if watched is None:
            return CONNECTION_UNKNOWN.because(actual=command.connection)
        # From here the command must succeed.
        del self.connections[command.connection]
        account, name = watched.account, watched.connection
        ended = ConnectionEnded(account=account, connection=name, clean=command.clean)
        if command.clean or self._is_watched(account, watched.key):
            return [ended]
        return [ended, self._set(account, name, CancelReason.DISCONNECTED, watched.key, watched.grace_s)]

    def _of_lost(self, account: AccountId, key: str) -> list[SafetyTimer]:
        """The timers that this program's lost connections have set."""
        lost = (account, CancelReason.DISCONNECTED, key)
        return [timer for timer in self._timers.values() if (timer.account, timer.reason, timer.key) == lost]

    def _is_watched(self, account: AccountId, key: str) -> bool:
        """Whether the program has a connection that is watched."""
        return any((one.account, one.key) == (account, key) for one in self.connections.values())

    def _set(
        self, account: AccountId, name: str, reason: CancelReason, key: str, timeout_s: int
    ) -> SafetyTimerSet:
        fires_at_ns = self._cycle.stamp.at_ns + timeout_s * NS
        self._timers[account, reason, name] = SafetyTimer(
            account=account, name=name, reason=reason, key=key, fires_at_ns=fires_at_ns
        )
        self._find_due()
        return SafetyTimerSet(account=account, name=name, reason=reason, fires_at_ns=fires_at_ns)

    def _clear(self, timer: SafetyTimer) -> SafetyTimerCleared:
        self._drop(timer)
        return SafetyTimerCleared(account=timer.account, name=timer.name, reason=timer.reason)

    def _drop(self, timer: SafetyTimer) -> None:
        del self._timers[timer.account, timer.reason, timer.name]
        self._find_due()

    def _find_due(self) -> None:
        self._due_ns = min((timer.fires_at_ns for timer in self._timers.values()), default=NEVER_NS)

    # ---- snapshots and soundness --------------------------------------------------------------------------------

    def check(self) -> None:
        """Timers and connections are of accounts there are; the next instant is that of the first timer."""
        for timer in self._timers.values():
            assert timer.account in self._depository.accounts, f"a timer of no account: {timer}"
        for watched in self.connections.values():
            assert watched.account in self._depository.accounts, f"a connection of no account: {watched}"
            running = self._of_lost(watched.account, watched.key)
            assert not running, (
                f"the program of {watched} is there, and yet {running} would cancel its orders"
            )
        first_ns = min((timer.fires_at_ns for timer in self._timers.values()), default=NEVER_NS)
        assert self._due_ns == first_ns, f"the next timer is due at {first_ns}, not {self._due_ns}"

    def dump(self) -> SafetyState:
        """All of it, for a snapshot."""
        return SafetyState(timers=tuple(self._timers.values()), connections=tuple(self.connections.values()))

    def load(self, state: SafetyState) -> None:
        """Take over what a snapshot tells."""
        for timer in state.timers:
            self._timers[timer.account, timer.reason, timer.name] = timer
        self.connections.update((watched.connection, watched) for watched in state.connections)
        # Up to version 4 a timer could run beside its program's new connection.
        for watched in state.connections:
            for timer in self._of_lost(watched.account, watched.key):
                self._drop(timer)
        self._find_due()
