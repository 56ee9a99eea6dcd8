"""Account event logs as their owners follow them: by asking again and again, and over a WebSocket that breaks.

Both insist on 1, 2, 3 …: nothing missing, nothing twice, nothing told that is not there after a restart.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

import websockets

from tests.system.clients import Client, Participant, logged_on
from tests.system.crowd import ahead_ms

PAUSE_S: Final = 0.05
OVERLAP: Final = 100
"""Events read once more at each look: what was told stays what it is."""


class AccountLog:
    """Everything an account was told, read over REST."""

    def __init__(self, client: Client) -> None:
        self.events: list[Any] = []
        self._client = client

    async def follow(self) -> None:
        """Read to the end."""
        known = len(self.events)
        after = max(0, known - OVERLAP)
        read = await self._read(after)
        assert read[: known - after] == self.events[after:], "what was told has changed"
        self.events[after:] = read
        assert [event["event_id"] for event in self.events] == list(range(1, len(self.events) + 1))

    async def _read(self, after: int) -> list[Any]:
        events: list[Any] = []
        while True:
            page = await self._client.get(f"/v1/events?after={after}&limit=1000")
            events += page["items"]
            if page["next"] is None:
                return events
            after = int(page["next"])


class Follower:
    """Everything an account was pushed, over connections that are made again from where the last one broke."""

    def __init__(self, owner: Participant, url: Callable[[], str], *, cut_each: int | None = None) -> None:
        self.events: list[Any] = []
        self.connections = 0
        self.owner = owner
        self._url = url
        self._cut_each = cut_each
        """After how many events the connection is cut, within a frame of either side; none to leave it be."""

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._follow()
            except (OSError, websockets.WebSocketException):
                await asyncio.sleep(PAUSE_S)

    async def _follow(self) -> None:
        async with logged_on(self._url(), self.owner, ahead_ms=ahead_ms) as socket:
            self.connections += 1
            await socket.send(json.dumps(self._subscription()))
            async for text in socket:
                message = json.loads(text)
                if "event_id" in message:
                    assert message["event_id"] == len(self.events) + 1, f"after {len(self.events)}: {message}"
                    self.events.append(message)
                    if self._cut_each is not None and not len(self.events) % self._cut_each:
                        socket.transport.write(b"\x81\xfe\x10")  # the beginning of one that is masked
                        socket.transport.abort()
                        return

    def _subscription(self) -> dict[str, Any]:
        return {"op": "subscribe", "id": "events", "channel": "events", "resume_from": len(self.events)}

    def has_seen(self, events: list[Any]) -> bool:
        """Whether it was pushed all of these; what it was pushed must be the same."""
        if len(self.events) < len(events):
            return False
        pushed = [{name: value for name, value in event.items() if name != "ch"} for event in self.events]
        assert pushed[: len(events)] == events, "what was pushed is not what the log says"
        return True
