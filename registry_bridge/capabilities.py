"""What a registry platform promises, written down; from it the bridge picks how it may carry a movement.

A promise the platform does not make is one the bridge does not lean on. What follows from each is decided in
`carrying`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """A platform's record: served by itself at `GET /registry/v1/capabilities`, or written by whoever connects it."""

    idempotent_ids: bool
    """The same request under the same id does nothing a second time, and is answered as the first time."""
    final_answers: bool
    """A refusal burns its id: the same request never succeeds later."""
    platform_clock: bool
    """`not_after` is judged by the platform's own clock, which every signed answer states."""
    cancel_tombstone: bool
    """A cancel refuses an undecided id for ever, a copy that arrives later included."""
    journal: bool
    """Everything that touched a trading sub-account can be read by gapless sequence."""


WHOLE_PROTOCOL = Capabilities(
    idempotent_ids=True, final_answers=True, platform_clock=True, cancel_tombstone=True, journal=True
)
"""What the protocol asks of a platform; the reference registry promises all of it."""
