"""An order book kept up to date from the depth channel, and proved right by its checksum.

The exchange sends a snapshot, then changed levels only; `seq` rises by one with each message. The checksum covers
the ten best levels of each side as they were sent, so a book that missed or misread anything notices at once.
"""

from typing import Any, Final
from zlib import crc32

CHECKSUM_LEVELS: Final = 10


class OutOfStep(Exception):  # noqa: N818 - it states a fact
    """A message does not follow the one before, or the book is not what the exchange says it is: ask to resync."""


class LiveBook:
    """Levels of one listing by price text."""

    def __init__(self) -> None:
        """Nothing is known before the first snapshot."""
        self.seq: int | None = None
        self._sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}

    def apply(self, message: dict[str, Any]) -> None:
        """Take in a snapshot or a delta.

        Raises:
            OutOfStep: a message is missing, or the checksum differs.
        """
        if message["type"] == "snapshot":
            self._sides = {"bids": {}, "asks": {}}
        elif message["prev_seq"] != self.seq:
            raise OutOfStep(f"after {self.seq} comes {message['seq']}, which follows {message['prev_seq']}")
        for side, levels in self._sides.items():
            for price, quantity in message[side]:
                if quantity == "0":
                    levels.pop(price, None)
                else:
                    levels[price] = quantity
        self.seq = message["seq"]
        if message["crc32"] != self.checksum():
            raise OutOfStep(f"the checksum of {self.seq} differs")

    def bids(self, count: int) -> list[tuple[str, str]]:
        """The best bids, highest price first."""
        return self._best("bids", count)

    def asks(self, count: int) -> list[tuple[str, str]]:
        """The best asks, lowest price first."""
        return self._best("asks", count)

    def checksum(self) -> int:
        """CRC-32 over the best levels, bids then asks, as `price:quantity` joined by `|`."""
        levels = [*self.bids(CHECKSUM_LEVELS), *self.asks(CHECKSUM_LEVELS)]
        return crc32("|".join(f"{price}:{quantity}" for price, quantity in levels).encode())

    def _best(self, side: str, count: int) -> list[tuple[str, str]]:
        def fen(price: str) -> int:
            return int(price.replace(".", ""))

        ordered = sorted(self._sides[side], key=fen, reverse=side == "bids")
        return [(price, self._sides[side][price]) for price in ordered[:count]]
