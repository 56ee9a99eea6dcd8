"""A platform's capability record as JSON."""

from __future__ import annotations

from dataclasses import asdict

from registry_bridge.capabilities import Capabilities
from registry_bridge.wire import Instant, Wire


class CapabilitiesBody(Wire):
    """`GET /registry/v1/capabilities`: every promise by its name, so that none is made by keeping silent."""

    idempotent_ids: bool
    final_answers: bool
    platform_clock: bool
    cancel_tombstone: bool
    journal: bool
    registry_time: Instant

    def value(self) -> Capabilities:
        """The record it stands for."""
        return Capabilities(
            idempotent_ids=self.idempotent_ids,
            final_answers=self.final_answers,
            platform_clock=self.platform_clock,
            cancel_tombstone=self.cancel_tombstone,
            journal=self.journal,
        )


def capabilities_json(capabilities: Capabilities) -> dict[str, bool]:
    """A record as `CapabilitiesBody` reads it, but for the clock, which every answer of a platform states."""
    return asdict(capabilities)
