"""Frames of a client that are not masked end its connection, as RFC 6455, section 5.1 asks for; aiohttp takes either kind.

So does a flood of frames that end no message: pings, pongs and pieces of messages, each of six bytes and none of them ever
seen by whoever counts messages. Hundreds of thousands in a second would leave no time for anybody else.

Stands before aiohttp's parser and looks at nothing but the frames' headers. In the place of such a frame the parser gets
one that no client may send, and closes the connection with 1002 as it does for any other breach.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

_FIRST_BYTES: Final = 2
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4
_LONGER: Final = 126
"""As a frame's length: the length stands in the next two bytes; one more, in the next eight."""
_MASKED_LONGER: Final = _MASKED + _LONGER
_MASKED_LESS_HEAD: Final = _MASKED - _FIRST_BYTES - _MASK_BYTES
"""What a short frame's second byte says too much, against the frame as a whole."""
_KIND: Final = 0x88
_ENDS_A_MESSAGE: Final = 0x80
"""Of a frame's first byte: the last, or the only one, of a message. Control frames have the other bit as well."""
_BREACH: Final = b"\xf0\x80"
"""The beginning of a frame whose reserved bits are set."""


class Parser(Protocol):
    """What takes the bytes of a WebSocket."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """More bytes; whether that was the end, and what is left."""
        ...

    def feed_eof(self) -> None:
        """There are no more."""
        ...


class MaskedFrames:
    """Lets a client's frames through as long as they are masked, and not too many of them end no message."""

    __slots__ = ("_held", "_left", "_most", "_now_s", "_parser", "_rest_bytes", "_since_s")

    def __init__(self, parser: Parser, most_per_s: int, now_s: Callable[[], float] = time.monotonic) -> None:
        """To this parser, with at most so many frames in a second that end no message."""
        self._parser = parser
        self._most = self._left = most_per_s
        self._now_s = now_s
        self._since_s = now_s()
        """When the second under way began, in which so many are still `left`."""
        self._held = b""
        """The beginning of a header whose end is not here yet."""
        self._rest_bytes = 0
        """What is still to come of the frame under way."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """More bytes, cut anywhere."""
        if self._held:
            data, self._held = self._held + data, b""
        left = self._left_now()
        at, end = self._rest_bytes, len(data)
        while at + _FIRST_BYTES <= end:
            first, second = data[at], data[at + 1]
            if first & _KIND != _ENDS_A_MESSAGE:
                left -= 1
                if left < 0:
                    return self._parser.feed_data(data[:at] + _BREACH)
            if _MASKED <= second < _MASKED_LONGER:  # whoever floods sends thousands of these in one piece
                at += second - _MASKED_LESS_HEAD
                continue
            if second < _MASKED:
                return self._parser.feed_data(data[:at] + _BREACH)
            head = _FIRST_BYTES + (2 if second == _MASKED_LONGER else 8)
            if at + head > end:
                left += first & _KIND != _ENDS_A_MESSAGE  # it is looked at again
                break
            at += head + _MASK_BYTES + int.from_bytes(data[at + _FIRST_BYTES : at + head])
        self._left = left
        self._rest_bytes = max(0, at - end)
        if at < end:
            data, self._held = data[:at], data[at:]
        return self._parser.feed_data(data) if data else (False, b"")

    def _left_now(self) -> int:
        now_s = self._now_s()
        if now_s - self._since_s >= 1:
            self._since_s, self._left = now_s, self._most
        return self._left

    def feed_eof(self) -> None:
        """There are no more."""
        self._parser.feed_eof()
