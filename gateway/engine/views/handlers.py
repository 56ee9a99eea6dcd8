"""What views do about an event: a function of its entry and of the event."""

from collections.abc import Callable
from typing import Any, TypeAlias

from gateway.engine.entry import Entry
from matching.events import Event

Handler: TypeAlias = Callable[[Entry, Any], None]
"""Follows one kind of event."""


def plain(handle: Callable[[Any], None]) -> Handler:
    """A handler that needs the event alone."""
    return lambda _, event: handle(event)


def nothing(_: Entry, __: Event) -> None:
    """Shown by nothing that is kept in memory."""
