"""Frames of a client that are not masked end its connection, as RFC 6455, section 5.1 asks for; aiohttp takes either kind.

Stands before aiohttp's parser and looks at nothing but the frames' headers. In the place of a frame without a mask the
parser gets one that no client may send, and closes the connection with 1002 as it does for any other breach.
"""

from typing import Final, Protocol

_FIRST_BYTES: Final = 2
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4
_LONGER: Final = 126
"""As a frame's length: the length stands in the next two bytes; one more, in the next eight."""
_MASKED_LONGER: Final = _MASKED + _LONGER
_MASKED_LESS_HEAD: Final = _MASKED - _FIRST_BYTES - _MASK_BYTES
"""What a short frame's second byte says too much, against the frame as a whole."""
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
    """Lets a client's frames through as long as they are masked."""

    __slots__ = ("_held", "_parser", "_rest_bytes")

    def __init__(self, parser: Parser) -> None:
        """To this parser."""
        self._parser = parser
        self._held = b""
        """The beginning of a header whose end is not here yet."""
        self._rest_bytes = 0
        """What is still to come of the frame under way."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """More bytes, cut anywhere."""
        if self._held:
            data, self._held = self._held + data, b""
        at, end = self._rest_bytes, len(data)
        while at + _FIRST_BYTES <= end:
            second = data[at + 1]
            if _MASKED <= second < _MASKED_LONGER:  # whoever floods sends thousands of these in one piece
                at += second - _MASKED_LESS_HEAD
                continue
            if second < _MASKED:
                return self._parser.feed_data(data[:at] + _BREACH)
            head = _FIRST_BYTES + (2 if second == _MASKED_LONGER else 8)
            if at + head > end:
                break
            at += head + _MASK_BYTES + int.from_bytes(data[at + _FIRST_BYTES : at + head])
        self._rest_bytes = max(0, at - end)
        if at < end:
            data, self._held = data[:at], data[at:]
        return self._parser.feed_data(data) if data else (False, b"")

    def feed_eof(self) -> None:
        """There are no more."""
        self._parser.feed_eof()
