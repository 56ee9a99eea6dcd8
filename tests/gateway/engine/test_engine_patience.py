"""What must reach the core is offered until the queue has room."""

import pytest

from gateway.engine import patience
from gateway.engine.entry import Entry
from gateway.engine.patience import rejection_of, submit_patiently
from gateway.engine.sequencer import Overloaded
from matching.commands import AdvanceTime, Command
from matching.events import Rejected


class Full:
    """A sequencer whose queue is full the first times."""

    def __init__(self, times: int, entry: Entry) -> None:
        self.times = times
        self.entry = entry

    async def submit(self, command: Command) -> Entry:
        if self.times:
            self.times -= 1
            raise Overloaded("full")
        return self.entry


async def test_a_full_queue_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE_S", 0.0)
    entry = Entry(1, 1, AdvanceTime(), ())
    line = Full(3, entry)
    assert await submit_patiently(line, AdvanceTime()) is entry
    assert line.times == 0
    assert await rejection_of(line, AdvanceTime()) is None


async def test_a_rejection_is_told_by_its_code() -> None:
    refused = Rejected(code="lot_exists", limit=None, actual=None)
    assert await rejection_of(Full(0, Entry(1, 1, AdvanceTime(), (refused,))), AdvanceTime()) == "lot_exists"
