"""Kill switches that are on, and connections that are watched, as readers see them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.engine.entry import Entry
from matching.safety_commands import KillScope
from matching.safety_events import (
    ConnectionEnded,
    ConnectionWatched,
    KillSwitchLifted,
    KillSwitchThrown,
    SafetyTimerCleared,
    SafetyTimerFired,
    SafetyTimerSet,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class KillSwitchView:
    """A switch that is on."""

    scope: KillScope
    subject: str
    """The account or the participant; empty for the market."""
    operator: str
    reason: str
    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyViewsState:
    """As written to a snapshot."""

    kill_switches: tuple[KillSwitchView, ...]
    connections: tuple[str, ...]


@dataclass(slots=True)
class SafetyViews:
    """Not to be altered by readers."""

    kill_switches: dict[tuple[KillScope, str], KillSwitchView] = field(default_factory=dict)
    """Those that are on, oldest first."""
    connections: dict[str, None] = field(default_factory=dict)
    """Watched connections. After a start these are lost ones, of which nobody has told yet."""

    @property
    def market_is_killed(self) -> bool:
        """Whether the whole market takes no orders."""
        return (KillScope.MARKET, "") in self.kill_switches

    def handlers(self) -> dict[type, Callable[[Entry, Any], None]]:
        """What to do about each event."""
        return {
            KillSwitchThrown: self._throw,
            KillSwitchLifted: self._lift,
            ConnectionWatched: self._watch,
            ConnectionEnded: self._end,
            **dict.fromkeys((SafetyTimerSet, SafetyTimerCleared, SafetyTimerFired), _nothing),
        }

    def dump(self) -> SafetyViewsState:
        """For a snapshot."""
        return SafetyViewsState(
            kill_switches=tuple(self.kill_switches.values()), connections=tuple(self.connections)
        )

    @classmethod
    def load(cls, state: SafetyViewsState) -> "SafetyViews":
        """Those of a snapshot."""
        return cls(
            {(view.scope, view.subject): view for view in state.kill_switches},
            dict.fromkeys(state.connections),
        )

    def _throw(self, entry: Entry, event: KillSwitchThrown) -> None:
        self.kill_switches[event.scope, event.subject] = KillSwitchView(
            scope=event.scope,
            subject=event.subject,
            operator=event.operator,
            reason=event.reason,
            at_ns=entry.at_ns,
        )

    def _lift(self, _: Entry, event: KillSwitchLifted) -> None:
        del self.kill_switches[event.scope, event.subject]

    def _watch(self, _: Entry, event: ConnectionWatched) -> None:
        self.connections[event.connection] = None

    def _end(self, _: Entry, event: ConnectionEnded) -> None:
        del self.connections[event.connection]


def _nothing(_: Entry, __: object) -> None:
    """Timers are told to their account, and kept by the core alone."""
