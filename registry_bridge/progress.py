"""How the line to the registry is doing: what the bridge counts, and what an operator and the metrics read of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from registry_bridge.carrying import Variant
from registry_bridge.circuit import CircuitState
from registry_bridge.registry import Movement, MovementKind, UnknownReason

NS_PER_S = 1_000_000_000


class ContradictionKind(Enum):
    """In what way the registry contradicts itself, or what it was asked."""

    OTHER_CONTENT = "other_content"
    """It confirmed another movement than the one asked for."""
    ANSWER_CHANGED = "answer_changed"
    """It gave a final answer, and later another."""
    ID_REUSED = "id_reused"
    """It knows the id with other content: two histories of this exchange use one id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contradiction:
    """Two things about one movement that cannot both be so. A person must look; the movement stands still."""

    kind: ContradictionKind
    movement: Movement
    earlier: str
    later: str
    """Both in words, for a person."""

    def __str__(self) -> str:
        return f"request {self.movement.request_id}: {self.earlier}, and then {self.later}"


@dataclass(kw_only=True, slots=True)
class Counts:
    """What was done about movements of one kind, since the process started."""

    sent: int = 0
    asked: int = 0
    cancelled: int = 0
    """Calls of each step, repeated ones included."""
    confirmed: int = 0
    refused: int = 0
    """Final answers, journaled."""
    unknown: int = 0
    """Answers that were not final, counted each."""
    in_flight: int = 0
    """Movements without a final answer now."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            sent=self.sent + other.sent,
            asked=self.asked + other.asked,
            cancelled=self.cancelled + other.cancelled,
            confirmed=self.confirmed + other.confirmed,
            refused=self.refused + other.refused,
            unknown=self.unknown + other.unknown,
            in_flight=self.in_flight + other.in_flight,
        )


@dataclass(kw_only=True, slots=True)
class Progress:
    """What the operator and the metrics read; the bridge alone writes it."""

    by_kind: dict[MovementKind, Counts] = field(
        default_factory=lambda: {kind: Counts() for kind in MovementKind}
    )
    unknown_by_reason: dict[UnknownReason, int] = field(default_factory=dict)
    unknown_since_ns: dict[str, int] = field(default_factory=dict)
    """Movements about which nothing final is known though they may have been sent, since when."""
    stopped: dict[str, Contradiction] = field(default_factory=dict)
    """Movements that stand still until a person has looked, by request id."""
    variant: Variant | None = None
    """How movements are carried; None until the platform's promises are known."""

    @property
    def total(self) -> Counts:
        """Over all kinds."""
        return sum(self.by_kind.values(), Counts())

    @property
    def oldest_unknown_since_ns(self) -> int | None:
        """The age an operator must watch; None when nothing is unclear."""
        return min(self.unknown_since_ns.values(), default=None)

    def unknown_for_s(self, now_ns: int) -> float:
        """How long the oldest of them has been unclear; 0 when nothing is."""
        since_ns = self.oldest_unknown_since_ns
        return 0.0 if since_ns is None else (now_ns - since_ns) / NS_PER_S

    def unknown_because_of(self, why: UnknownReason) -> int:
        """How many answers were not final for that reason."""
        return self.unknown_by_reason.get(why, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unclear:
    """A movement about which nothing final is known."""

    request_id: str
    since_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LineReport:
    """The line at one moment, as an operator reads it."""

    circuit: CircuitState
    circuit_opened: int
    """How often it has opened since the process started."""
    variant: Variant | None
    total: Counts
    by_kind: dict[MovementKind, Counts]
    unknown_by_reason: dict[UnknownReason, int]
    unclear: tuple[Unclear, ...]
    """The oldest first, so many at most as were asked for."""
    unclear_count: int
    stopped: tuple[Contradiction, ...]


def report(progress: Progress, *, circuit: CircuitState, circuit_opened: int, most: int = 100) -> LineReport:
    """The line as it is now; of what is unclear the oldest ``most``."""
    oldest = sorted(progress.unknown_since_ns.items(), key=lambda item: (item[1], item[0]))[:most]
    return LineReport(
        circuit=circuit,
        circuit_opened=circuit_opened,
        variant=progress.variant,
        total=progress.total,
        by_kind={kind: counts + Counts() for kind, counts in progress.by_kind.items()},
        unknown_by_reason=dict(progress.unknown_by_reason),
        unclear=tuple(Unclear(request_id=name, since_ns=since_ns) for name, since_ns in oldest),
        unclear_count=len(progress.unknown_since_ns),
        stopped=tuple(progress.stopped.values()),
    )
