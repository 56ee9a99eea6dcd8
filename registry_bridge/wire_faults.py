"""What the fault switch of the reference registry is told, as JSON. It exists in a drill and nowhere else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Annotated, Any

from pydantic import Field, model_validator

from registry_bridge.registry import MovementKind
from registry_bridge.wire import Instant, Wire

MILLION = 1_000_000
MAX_DELAY_MS = 600_000
MAX_FAULTS = 100


class FaultKind(Enum):
    """What goes wrong with a call; before means that it is not done, after that it is."""

    SLOW = "slow"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    DUPLICATE = "duplicate"
    """Done twice at once, as if the line had repeated it."""
    GARBAGE = "garbage"
    """Done, and answered with signed nonsense."""
    WRONG_SIGNATURE = "wrong_signature"
    """Done, and answered with a signature of somebody else."""
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    RESTART_BEFORE = "restart_before"
    RESTART_AFTER = "restart_after"
    ACCEPT_LATER = "accept_later"
    """A movement is accepted, and decided after the delay."""


class CallName(Enum):
    """The exchange's calls."""

    MOVE = "move"
    ASK = "ask"
    CANCEL = "cancel"
    JOURNAL = "journal"
    ACCOUNT = "account"
    BIND = "bind"
    LOTS = "lots"
    NOTICES = "notices"
    POSITIONS = "positions"
    TIME = "time"
    CAPABILITIES = "capabilities"


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultOrder:
    """A fault to be armed. The first armed one that fits a call and has not run out happens to it."""

    kind: FaultKind
    call: CallName | None = None
    """None: any."""
    movement_kind: MovementKind | None = None
    """Only movements of this kind."""
    count: int | None = None
    """How often; None: until it is cleared."""
    probability_ppm: int = MILLION
    """Out of a million calls that fit, by chance from the seed."""
    seed: int = 0
    delay_ms: int = 0
    """For `slow` and `accept_later`."""
    status: int = 500
    """For `error_before` and `error_after`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmedFault:
    """A fault that is armed, by its number, and how often it has happened."""

    fault: int
    order: FaultOrder
    happened: int


class FaultBody(Wire):
    """`POST /registry/admin/v1/faults`."""

    kind: FaultKind
    call: CallName | None = None
    movement_kind: MovementKind | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    probability_ppm: Annotated[int, Field(ge=1, le=MILLION)] = MILLION
    seed: Annotated[int, Field(ge=0)] = 0
    delay_ms: Annotated[int, Field(ge=0, le=MAX_DELAY_MS)] = 0
    status: Annotated[int, Field(ge=500, le=599)] = 500

    @model_validator(mode="after")
    def _fits(self) -> FaultBody:
        of_movements = self.movement_kind is not None or self.kind is FaultKind.ACCEPT_LATER
        if of_movements and self.call not in (None, CallName.MOVE):
            raise ValueError("only movements have a kind and are accepted")
        return self

    def value(self) -> FaultOrder:
        """The order it stands for."""
        return FaultOrder(**{name: getattr(self, name) for name in FaultOrder.__slots__})


class FaultSetBody(Wire):
    """The number under which a fault is armed."""

    fault: int
    registry_time: Instant


class ArmedFaultBody(FaultBody):
    """One armed fault."""

    fault: int
    happened: int

    def armed(self) -> ArmedFault:
        """The armed fault it stands for."""
        return ArmedFault(fault=self.fault, order=self.value(), happened=self.happened)


class FaultsBody(Wire):
    """`GET /registry/admin/v1/faults`."""

    items: Annotated[tuple[ArmedFaultBody, ...], Field(max_length=MAX_FAULTS)]
    registry_time: Instant


def fault_json(order: FaultOrder) -> dict[str, Any]:
    """An order as `FaultBody` reads it."""
    return {
        name: value.value if isinstance(value, Enum) else value
        for name, value in asdict(order).items()
        if value is not None
    }


def faults_json(armed: tuple[ArmedFault, ...]) -> dict[str, Any]:
    """The armed faults as `FaultsBody` reads them, but for the clock."""
    return {
        "items": [fault_json(one.order) | {"fault": one.fault, "happened": one.happened} for one in armed]
    }
