"""Commands that keep a program's orders from outliving the program, and operators' kill switches."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from matching.acts import Act
from settlement.values import AccountId, ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class SetDeadMan:
    """Cancel all of the account's orders after so many seconds, unless this comes again; zero takes that back.

    There is one timer for each account and key. Setting it again is no other request, so it needs no client id.
    """

    participant: ParticipantId
    account: AccountId
    key: str
    """Which program asks: the timers of two programs do not disarm each other."""
    timeout_s: int
    deadline_ns: int | None = None
    session: str = ""
    """From which connection it came, for surveillance; decides nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchConnection:
    """Cancel all of the account's orders when this connection is lost and its key does not come back in time."""

    participant: ParticipantId
    account: AccountId
    key: str
    connection: str
    """Its name, never used again."""
    grace_s: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EndConnection:
    """A watched connection is over (the gateway): by a clean logout, or lost."""

    connection: str
    clean: bool


class KillScope(StrEnum):
    """Whose orders a kill switch stops."""

    ACCOUNT = "account"
    PARTICIPANT = "participant"
    MARKET = "market"


@dataclass(frozen=True, kw_only=True, slots=True)
class ThrowKillSwitch(Act):
    """Cancel every open listed order of an account, a participant or the market, and take no new ones."""

    scope: KillScope
    subject: str = ""
    """The account or the participant; empty for the market."""

    @property
    def name(self) -> str:
        """Its name."""
        return "kill_switch"


@dataclass(frozen=True, kw_only=True, slots=True)
class LiftKillSwitch(Act):
    """Let orders be taken again."""

    scope: KillScope
    subject: str = ""

    @property
    def name(self) -> str:
        """Its name."""
        return "lift_kill_switch"


SafetyCommand: TypeAlias = SetDeadMan | WatchConnection | EndConnection
"""What is decided by `matching.safety`."""
