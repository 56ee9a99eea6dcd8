"""Which entries decided what somebody asked for under an id of their own, written in the transaction that journals them.

An act whose answer was lost is asked for again; whether it was decided must then be known for certain, and not be guessed
from the journal's commands: two people, or one twice, may ask for the very same thing.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from gateway.engine.entry import Entry

_INSERT: Final = """
INSERT INTO act_decided (seq, participant, client_id) SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])
"""


class ActsDecided:
    """The rows of table `act_decided`. It cannot be made anew from the journal, which knows no such ids."""

    taken: Final = None

    def concerns(self, entry: Entry) -> bool:
        """Whether the entry's command was asked for under an id."""
        return entry.asked_as is not None

    async def write(self, connection: "asyncpg.Connection[asyncpg.Record]", entries: Sequence[Entry]) -> None:
        """Insert the rows of these entries."""
        rows = [
            (entry.seq, entry.asked_as.participant, entry.asked_as.client_id)
            for entry in entries
            if entry.asked_as is not None
        ]
        await connection.execute(_INSERT, *zip(*rows, strict=True))
