"""What a registry platform promises, written down; from it the bridge picks how it may carry a movement.

A promise the platform does not make is one the bridge does not lean on. What follows from each is decided in
`carrying`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path


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


class RecordFault(ValueError):  # noqa: N818 - it states a fact
    """A record is not one: what is wrong with it, in words."""


def load_capabilities(path: Path) -> Capabilities:
    """A record written as TOML, for a platform that serves none: every promise by its name, `true` or `false`.

    Raises:
        RecordFault: a promise is missing, unknown or neither; or the file is no TOML.
        OSError: it cannot be read.
    """
    try:
        record = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecordFault(str(error)) from None
    names = {one.name for one in fields(Capabilities)}
    if record.keys() != names:
        raise RecordFault(f"it must name {', '.join(sorted(names))} and nothing else")
    unclear = sorted(name for name, value in record.items() if not isinstance(value, bool))
    if unclear:
        raise RecordFault(f"{', '.join(unclear)}: true or false")
    return Capabilities(**record)
