"""The fault switch: makes the exchange's calls go wrong on purpose, for tests and drills.

It exists only in a registry that was started for a drill, lives in memory, and touches the exchange's calls alone:
the platform's people can always reach it to clear what they have set. Faults are of the line and of the process, so
whatever they do, the registry's own books stay right.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry_bridge.reference.act_refusals import TooManyFaults
from registry_bridge.reference.later import LaterPolicy
from registry_bridge.reference.replies import Reply
from registry_bridge.registry import Movement, MovementKind
from registry_bridge.signing import Ed25519Signer, Signer
from registry_bridge.wire import MovementBody, WireError, read
from registry_bridge.wire_faults import MAX_FAULTS, MILLION, ArmedFault, CallName, FaultKind, FaultOrder

GARBAGE_BYTES = 200
_BEFORE = frozenset({FaultKind.DROP_BEFORE, FaultKind.ERROR_BEFORE, FaultKind.RESTART_BEFORE})

Doing = Callable[[], Awaitable[Reply]]
Sign = Callable[[web.Request, int, bytes, Signer | None], web.Response]

log = structlog.get_logger("registry_drill")


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


class FaultSwitch:
    """The armed faults, in the order in which they were set."""

    def __init__(self) -> None:
        self._armed: dict[int, ArmedFault] = {}
        self._chances: dict[int, random.Random] = {}
        self._last = 0

    def set(self, order: FaultOrder) -> int:
        """Arm a fault; its number. Raises TooManyFaults."""
        if len(self._armed) >= MAX_FAULTS:
            raise TooManyFaults(str(MAX_FAULTS))
        self._last += 1
        self._armed[self._last] = ArmedFault(fault=self._last, order=order, happened=0)
        self._chances[self._last] = random.Random(order.seed)  # noqa: S311 - a drill is repeatable, not secret
        return self._last

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()
        self._chances.clear()

    def armed(self) -> tuple[ArmedFault, ...]:
        """All that are set, those that have run out included."""
        return tuple(self._armed.values())

    def draw(
        self, call: CallName, movement_kind: MovementKind | None = None, *, later: bool = False
    ) -> FaultOrder | None:
        """The fault that happens to this call, if any; or, when asked for that, whether it is decided later."""
        for number, one in self._armed.items():
            order = one.order
            if order.count is not None and one.happened >= order.count:
                continue
            if (order.kind is FaultKind.ACCEPT_LATER) is not later:
                continue
            if (
                not _fits(order, call, movement_kind)
                or self._chances[number].randrange(MILLION) >= order.probability_ppm
            ):
                continue
            self._armed[number] = ArmedFault(fault=number, order=order, happened=one.happened + 1)
            return order
        return None


def _fits(order: FaultOrder, call: CallName, movement_kind: MovementKind | None) -> bool:
    return order.call in (None, call) and order.movement_kind in (None, movement_kind)


def _kind_of(call: CallName, body: bytes) -> MovementKind | None:
    if call is not CallName.MOVE:
        return None
    try:
        return read(MovementBody, body).kind
    except WireError:
        return None


class LaterInDrill:
    """Which movements are decided later, when the switch has its say too."""

    def __init__(self, switch: FaultSwitch, otherwise: LaterPolicy) -> None:
        self._switch = switch
        self._otherwise = otherwise

    def decide_after_ms(self, movement: Movement) -> int | None:
        """How much later; None is at once."""
        order = self._switch.draw(CallName.MOVE, movement.kind, later=True)
        return self._otherwise.decide_after_ms(movement) if order is None else order.delay_ms


class Drawn:
    """What happens to one call."""

    def __init__(self) -> None:
        self.fault: FaultOrder | None = None


class Drill:
    """Stands between the door and the calls, and spoils what the switch says."""

    def __init__(self, switch: FaultSwitch, die_now: Callable[[], None] = die) -> None:
        """``die_now`` ends the process; a test within it may do something else."""
        self.switch = switch
        self._die = die_now
        self._stranger = Ed25519Signer(Ed25519PrivateKey.generate())

    async def call(self, handler: Doing, call: CallName, body: bytes, drawn: Drawn) -> Reply:
        """Do the call, or not, or twice, as its fault says."""
        order = drawn.fault = self.switch.draw(call, _kind_of(call, body))
        if order is None:
            return await handler()
        log.warning("fault", kind=order.kind.value, call=call.value)
        if order.kind in _BEFORE:
            raise Spoiled
        if order.kind is FaultKind.SLOW:
            await asyncio.sleep(order.delay_ms / 1_000)
        if order.kind is FaultKind.DUPLICATE:
            replies = await asyncio.gather(handler(), handler())
            return replies[1]
        return await handler()

    def spoil(self, request: web.Request, answer: web.Response, drawn: Drawn, sign: Sign) -> web.Response:
        """The answer as it leaves, if it does."""
        order = drawn.fault
        if order is None:
            return answer
        match order.kind:
            case FaultKind.ERROR_BEFORE | FaultKind.ERROR_AFTER:
                return web.Response(status=order.status, text="fault")
            case FaultKind.GARBAGE:
                nonsense = random.Random(order.seed).randbytes(GARBAGE_BYTES)  # noqa: S311 - as above
                return sign(request, answer.status, nonsense, None)
            case FaultKind.WRONG_SIGNATURE:
                assert isinstance(answer.body, bytes)
                return sign(request, answer.status, answer.body, self._stranger)
            case FaultKind.RESTART_BEFORE | FaultKind.RESTART_AFTER:
                self._die()
                return _hang_up(request, answer)
            case FaultKind.DROP_BEFORE | FaultKind.DROP_AFTER:
                return _hang_up(request, answer)
            case FaultKind.SLOW | FaultKind.DUPLICATE | FaultKind.ACCEPT_LATER:
                return answer


class Spoiled(Exception):  # noqa: N818 - it states a fact
    """The call is not done; what is said instead is decided on the way out."""


def _hang_up(request: web.Request, answer: web.Response) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return answer
