"""Under which id a request is known: in its answer, in every line that it causes in a log, and to the registry.

A client may name its request itself (`X-Request-Id`); otherwise the door does. The id of what is being served is in one
context variable, which costs an assignment a request: whoever logs a line or takes a command reads it there. A command keeps
it through the queue (`engine.entry.Entry`), since the sequencer decides in a context of its own. It is of this process only:
nothing that is journaled knows it.
"""

import re
import secrets
from contextvars import ContextVar
from itertools import count
from typing import Final

HEADER: Final = "X-Request-Id"

SERVING: Final[ContextVar[str]] = ContextVar("puhui_request_id", default="")
"""The id of the request that is being served here; empty where nobody asked."""

_GIVEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def is_request_id(text: str) -> bool:
    """Whether a client may name a request so: 1 to 64 of `A-Za-z0-9._:-`, the first a letter or a digit."""
    return _GIVEN.fullmatch(text) is not None


class RequestIds:
    """Names for requests that have none; never the same twice, in whatever run of the program."""

    __slots__ = ("_numbers", "_run")

    def __init__(self) -> None:
        """None given yet."""
        self._numbers = count(1)
        self._run = secrets.token_hex(4)

    def next(self) -> str:
        """The next one."""
        return f"{self._run}-{next(self._numbers):x}"

    def of(self, given: str | None) -> str:
        """The client's own name for its request; another where it gave none, or one that cannot be."""
        return given if given is not None and is_request_id(given) else self.next()


def message_id(connection: str, given: object) -> str:
    """What one message of a connection is known under: the connection's id with the client's own; that alone if it has none."""
    if type(given) is int or (type(given) is str and is_request_id(given)):
        return f"{connection}:{given}"
    return connection
