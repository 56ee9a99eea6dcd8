"""Safety timers and watched connections, as they are kept and written to a snapshot."""

from dataclasses import dataclass

from matching.order import CancelReason
from matching.safety_commands import WatchConnection
from settlement.values import AccountId


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyTimer:
    """When an account's open orders are cancelled, and why."""

    account: AccountId
    name: str
    """Of the key, or of the connection that was lost."""
    reason: CancelReason
    key: str
    """Whose coming back clears it."""
    fires_at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyState:
    """As written to a snapshot."""

    timers: tuple[SafetyTimer, ...]
    connections: tuple[WatchConnection, ...]
