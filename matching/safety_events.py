"""What is told of dead-man timers, watched connections and kill switches."""

from dataclasses import dataclass
from typing import TypeAlias

from matching.order import CancelReason
from matching.safety_commands import KillScope
from settlement.values import AccountId, ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyTimerSet:
    """The account's open orders will be cancelled at that instant, unless the timer is set anew or taken back."""

    account: AccountId
    name: str
    """Of the key, or of the connection that was lost."""
    reason: CancelReason
    fires_at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyTimerCleared:
    """A timer will not fire."""

    account: AccountId
    name: str
    reason: CancelReason


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyTimerFired:
    """A timer ran out, and the account's open orders are cancelled."""

    account: AccountId
    name: str
    reason: CancelReason
    count: int
    """How many orders there were."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionWatched:
    """Should this connection be lost, a timer begins."""

    account: AccountId
    key: str
    connection: str
    grace_s: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionEnded:
    """A watched connection is over."""

    account: AccountId
    connection: str
    clean: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KillSwitchThrown:
    """Open listed orders are cancelled and new ones refused, of an account, a participant or the market."""

    scope: KillScope
    subject: str
    operator: ParticipantId
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KillSwitchLifted:
    """Orders are taken again."""

    scope: KillScope
    subject: str
    operator: ParticipantId
    reason: str


SafetyEvent: TypeAlias = (
    SafetyTimerSet
    | SafetyTimerCleared
    | SafetyTimerFired
    | ConnectionWatched
    | ConnectionEnded
    | KillSwitchThrown
    | KillSwitchLifted
)
