"""How much the public door takes: connections, bytes, time. Every bound that a stranger can run into stands here.

The defaults are for one exchange on one machine. Each can be set by `puhui serve --limit NAME=NUMBER`; what each is for,
and what is answered beyond it, is in docs/operating.md. Rates by account are elsewhere (`gateway.access.limits`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Final

KIB: Final = 1_024


class UnknownBoundError(ValueError):
    """A text that sets no bound; its own text says why, and `zh` says so in Chinese."""

    def __init__(self, en: str, zh: str) -> None:
        """In both languages."""
        super().__init__(en)
        self.zh = zh


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Each a number above zero; what is counted or measured is the last word of its name, or its first line here."""

    connections: int = 3_000
    """In all, WebSockets among them."""
    connections_per_address: int = 500
    """From one address; not counted for a proxy that ends TLS on this machine, which has to count by itself."""
    header_s: float = 10.0
    """From a request's first byte, or from a new connection, until its headers are complete."""
    header_bytes: int = 32 * KIB
    """A request's line and headers, together."""
    header_lines: int = 64
    """Headers of one request."""
    header_line_bytes: int = 8 * KIB
    """One header."""
    url_bytes: int = 4 * KIB
    """The target of a request: path and query."""
    body_s: float = 10.0
    """Until a body has arrived. How long it may be is each route's own."""
    request_s: float = 60.0
    """From the headers until the answer; whoever waits longer is told that the outcome is unknown."""
    answer_s: float = 30.0
    """Until a client has taken what it is answered."""
    idle_s: float = 75.0
    """Between two requests of one connection."""
    ws_clients: int = 2_000
    """WebSockets."""
    ws_clients_per_address: int = 500
    """WebSockets from one address, behind a proxy the address it tells."""
    ws_logon_s: float = 20.0
    """A WebSocket that is neither logged on nor subscribed to anything is closed after so long."""
    ws_message_bytes: int = 64 * KIB
    """One message of a client, its fragments together."""
    ws_messages_per_s: int = 2_000
    """Messages of one WebSocket; whoever sends more is read more slowly. More pings, pongs and pieces of messages than
    this end it."""
    ws_in_flight: int = 100
    """Requests of one WebSocket waiting for their answers."""
    ws_queue: int = 20_000
    """Messages waiting for one client at most; one more closes the connection. A single order can trade with
    thousands, all of which are told."""
    ws_conflate_at: int = 500
    """Messages waiting, from which on depth, ticker and status are conflated."""
    ws_idle_s: float = 60.0
    """A connection from which nothing, not even a pong, has come for so long is closed."""
    ws_send_s: float = 10.0
    """A client that takes none of what is sent for so long is closed."""
    key_overlap_s: int = 86_400
    """For how long at most a key may be used beside the one that takes its place."""
    key_rotation_s: int = 300
    """A key that took another's place by its own request lets no other take its own before so long."""


_NUMBERS: Final = {field.name: field.default for field in fields(Bounds)}

LEAST: Final[Mapping[str, int]] = {
    "header_bytes": 2_048,
    "header_lines": 16,
    "header_line_bytes": 512,
    "url_bytes": 256,
    "ws_message_bytes": 512,
}
"""Below this no request that is signed could come in; for all others anything above zero will do."""


def read_bounds(texts: Iterable[str]) -> dict[str, Any]:
    """Bounds that differ from the usual ones, by name: `connections=10000`, `header_s=2.5`.

    Raises:
        UnknownBoundError: a text is not of that form, names no bound, or one that is too small to be meant.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, _, number = text.partition("=")
        usual = _NUMBERS.get(name)
        if usual is None:
            raise _unknown(text, name)
        found[name] = _number(text, number, is_whole=isinstance(usual, int))
        least = LEAST.get(name, 0)
        if found[name] < least:
            raise UnknownBoundError(f"{text}: {least} is the least", f"{text}: 不得小于 {least}")
    return found


def _unknown(text: str, name: str) -> UnknownBoundError:
    near = get_close_matches(name, _NUMBERS, n=1)
    zh, en = (f"是否指 {near[0]}? ", f"did you mean {near[0]}? ") if near else ("", "")
    names = ", ".join(_NUMBERS)
    return UnknownBoundError(
        f"{text}: {en}write NAME=NUMBER, NAME one of {names}",
        f"{text}: {zh}应写作 NAME=数, NAME 为 {names} 之一",
    )


def _number(text: str, number: str, *, is_whole: bool) -> int | float:
    whole, _, rest = number.partition(".")
    is_number = whole.isdecimal() and len(number) <= _DIGITS_MOST and (not rest or rest.isdecimal())
    if not is_number or (is_whole and "." in number) or float(number) <= 0:
        raise UnknownBoundError(
            f"{text}: a {'whole ' if is_whole else ''}number above zero is needed",
            f"{text}: 应为大于零的{'整' if is_whole else ''}数",
        )
    return int(number) if is_whole else float(number)


_DIGITS_MOST: Final = 12
