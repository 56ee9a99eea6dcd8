"""For commands of our own that must not be lost to a full queue: they are offered until there is room."""

import asyncio
from typing import Final, Protocol

from gateway.engine.entry import Entry
from gateway.engine.sequencer import Overloaded
from matching.commands import Command
from matching.events import Rejected

PAUSE_S: Final = 0.05


class CommandLine(Protocol):
    """The sequencer, as this uses it."""

    async def submit(self, command: Command) -> Entry:
        """Have a command decided."""
        ...


async def submit_patiently(sequencer: CommandLine, command: Command) -> Entry:
    """Have a command decided, however busy the exchange is. Raises `Stopped` like `submit`.

    What the registry answered is said to us alone: nobody else would say it again.
    """
    while True:
        try:
            return await sequencer.submit(command)
        except Overloaded:
            await asyncio.sleep(PAUSE_S)


async def rejection_of(sequencer: CommandLine, command: Command) -> str | None:
    """Have a command decided, as patiently; the code of the rejection, if it was one."""
    entry = await submit_patiently(sequencer, command)
    return next((event.code for event in entry.events if isinstance(event, Rejected)), None)
