"""What the journal is made of, as everything in the gateway handles it."""

from dataclasses import dataclass, field

from matching.commands import Command
from matching.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedAs:
    """Under whose id of their own an act was asked for."""

    participant: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One journaled command with what came of it."""

    seq: int
    """1, 2, 3 … gapless over the exchange's life."""
    at_ns: int
    """When it was sequenced; never less than the entry before."""
    command: Command
    events: tuple[Event, ...]
    request_id: str = field(default="", compare=False)
    """Which request asked for it, where one did and this process took it; never journaled."""
    asked_as: AskedAs | None = field(default=None, compare=False)
    """Known from its being asked for until its commit: it stands beside the journal, not in it."""


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """One line of an account's own log: what the private stream pushes and `GET /v1/events` lists."""

    account: str
    event_id: int
    """1, 2, 3 … gapless per account."""
    seq: int
    """The entry it comes from."""
    type: str
    at_ns: int
    body: str
    """The remaining fields as the text of a JSON object, in the API's formats."""
