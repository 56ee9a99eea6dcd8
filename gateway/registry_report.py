"""The line to the registry as an operator reads it: what the composition hands to the public face."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from gateway.engine.entry import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class MovementCounts:
    """What was done about movements of one kind, or all, since the process started."""

    sent: int = 0
    asked: int = 0
    cancelled: int = 0
    confirmed: int = 0
    refused: int = 0
    unknown: int = 0
    """Answers that were not final, counted each."""
    in_flight: int = 0
    """Without a final answer now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnclearMovement:
    """One about which nothing final is known though it may have been sent."""

    request_id: str
    since_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StoppedMovement:
    """One about which the registry contradicts itself; nothing more is asked until a person has looked."""

    request_id: str
    kind: str
    earlier: str
    later: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryReport:
    """The line at one moment."""

    answers: bool
    """Whether the registry answered when it was asked last."""
    circuit: str
    """`closed`, `half_open` or `open`: whether calls are made, tried, or spared."""
    circuit_opened: int
    variant: str | None
    """How movements are carried; none until the platform's promises are known."""
    total: MovementCounts
    by_kind: dict[str, MovementCounts]
    unknown_by_reason: dict[str, int]
    unclear: tuple[UnclearMovement, ...]
    """Oldest first, the first hundred."""
    unclear_count: int
    stopped: tuple[StoppedMovement, ...]
    not_bound: int
    """Accounts the registry refuses to bind at present."""
    notice_waits_at: int | None
    """The registry's notice that is missing or cannot be taken; none when all is well."""
    journal_entry: int
    """The newest entry of the registry's own journal that was heard of."""


NO_LINE = RegistryReport(
    answers=True,
    circuit="closed",
    circuit_opened=0,
    variant=None,
    total=MovementCounts(),
    by_kind={},
    unknown_by_reason={},
    unclear=(),
    unclear_count=0,
    stopped=(),
    not_bound=0,
    notice_waits_at=None,
    journal_entry=0,
)
"""Where there is no registry to be asked, as in tests of the public face alone."""


class RegistrySilent(Exception):  # noqa: N818 - it states a fact
    """The registry did not answer in the time there was, so nothing was compared."""


ReconcileNow: TypeAlias = Callable[[], Awaitable[Entry]]
"""Compares both sides and has it recorded; the entry that records it. Raises RegistrySilent."""


async def cannot_reconcile() -> Entry:
    """Where there is no registry."""
    raise RegistrySilent
