"""The public channels: depth, ticker, status and trades of each listing, from journaled events only.

A topic does its work only while somebody is subscribed. Messages are encoded once, however many read them.
"""

from collections.abc import Iterable
from typing import Any, Final
from zlib import crc32

import orjson

from gateway.engine.views.depth import DepthChange, Level
from gateway.formats import price_text, quantity_text, time_text, time_us
from gateway.http.market.answers import listing_status
from gateway.http.services import Services
from gateway.http.stream.outbox import Outbox
from matching.events import TradeBusted, Traded

CHECKED_LEVELS: Final = 10
"""Levels of each side that a checksum covers."""


def text_of(message: dict[str, Any]) -> str:
    """A message as it is sent."""
    return orjson.dumps(message).decode()


def checksum(bids: Iterable[Level], asks: Iterable[Level]) -> int:
    """CRC-32 over `price:quantity` of the ten best bids, then the ten best asks, best first, joined by `|`."""
    levels = (*tuple(bids)[:CHECKED_LEVELS], *tuple(asks)[:CHECKED_LEVELS])
    return crc32("|".join(f"{price_text(price)}:{quantity}" for price, quantity in levels).encode())


class ListingTopic:
    """One channel of one listing, and who reads it."""

    channel: str = ""

    def __init__(self, services: Services, listing: str) -> None:
        """Without readers."""
        self.services = services
        self.listing = listing
        self.readers: set[Outbox] = set()

    def snapshot(self) -> str:
        """The state now, as a message."""
        raise AssertionError("every conflated channel has a state")

    def add(self, reader: Outbox) -> None:
        """Begin with a snapshot."""
        self.readers.add(reader)
        reader.refresh(self)

    def remove(self, reader: Outbox) -> None:
        """Tell that one no more."""
        self.readers.discard(reader)
        reader.forget(self)

    def publish(self, text: str) -> None:
        """Tell every reader."""
        for reader in self.readers:
            reader.push(self, text)


class DepthTopic(ListingTopic):
    """The best levels, as many as the rule book shows: a snapshot, then changes with a rising number."""

    channel = "depth"

    def __init__(self, services: Services, listing: str) -> None:
        """Nothing shown yet."""
        super().__init__(services, listing)
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._levels = 0

    def add(self, reader: Outbox) -> None:
        """Begin with a snapshot; what the first reader finds is what changes are told against."""
        if not self.readers:
            self.follow_rules()
            self._show()
        super().add(reader)

    def follow_rules(self) -> None:
        """The rule book may have changed: how many levels are shown."""
        rules = self.services.views.rules(self.services.clock.now_ns(), self.listing)
        self._levels = CHECKED_LEVELS if rules is None else rules.depth_levels

    def change(self, change: DepthChange) -> None:
        """The book changed: tell which of the levels shown did. None did when it was further down."""
        bids, asks = self._bids, self._asks
        self._show()
        message = {
            **self._head("delta", change.seq, change.seq - 1, change.at_ns),
            "bids": _changed(bids, self._bids, falling=True),
            "asks": _changed(asks, self._asks, falling=False),
            "crc32": checksum(self._bids.items(), self._asks.items()),
        }
        self.publish(text_of(message))

    def snapshot(self) -> str:
        """All levels shown."""
        depth = self.services.views.depth(self.listing, self._levels)
        return text_of(
            {
                **self._head("snapshot", depth.seq, None, depth.at_ns),
                "bids": _texts(depth.bids),
                "asks": _texts(depth.asks),
                "crc32": checksum(depth.bids, depth.asks),
            }
        )

    def _show(self) -> None:
        depth = self.services.views.depth(self.listing, self._levels)
        self._bids, self._asks = dict(depth.bids), dict(depth.asks)

    def _head(self, kind: str, seq: int, prev_seq: int | None, at_ns: int) -> dict[str, Any]:
        return {
            "ch": "depth",
            "listing": self.listing,
            "seq": seq,
            "prev_seq": prev_seq,
            "time_us": time_us(at_ns),
            "type": kind,
        }


def _texts(levels: Iterable[Level]) -> list[tuple[str, str]]:
    return [(price_text(price_fen), quantity_text(quantity)) for price_fen, quantity in levels]


def _changed(before: dict[int, int], now: dict[int, int], *, falling: bool) -> list[tuple[str, str]]:
    prices = [price for price in before.keys() | now.keys() if before.get(price, 0) != now.get(price, 0)]
    prices.sort(reverse=falling)
    return _texts((price, now.get(price, 0)) for price in prices)


class TickerTopic(ListingTopic):
    """The listing's day in figures."""

    channel = "ticker"

    def snapshot(self) -> str:
        """The figures now."""
        views = self.services.views
        listing = views.listings[self.listing]
        return text_of(
            {
                "ch": "ticker",
                "listing": self.listing,
                "time": time_text(views.market.at_ns),
                "last": _price(listing.last_fen),
                "open": _price(listing.open_fen),
                "high": _price(listing.high_fen),
                "low": _price(listing.low_fen),
                "close": _price(listing.close_fen),
                "previous_close": _price(listing.previous_close_fen),
                "reference": _price(listing.reference_fen),
                "lower": _price(listing.lower_fen),
                "upper": _price(listing.upper_fen),
                "volume": quantity_text(listing.volume_tonnes),
                "turnover": price_text(listing.turnover_fen),
                "trades": listing.trades,
            }
        )


def _price(price_fen: int | None) -> str | None:
    return None if price_fen is None else price_text(price_fen)


class StatusTopic(ListingTopic):
    """The listing's phase, and whether it is halted."""

    channel = "status"

    def snapshot(self) -> str:
        """Phase and halt now."""
        views = self.services.views
        now_ns = max(views.market.at_ns, self.services.clock.now_ns())
        return text_of(
            {
                "ch": "status",
                "listing": self.listing,
                "time": time_text(now_ns),
                "trading_day": views.market.trading_day,
                **listing_status(views, self.listing, now_ns),
                "kill_switch": views.safety.market_is_killed,
            }
        )


class TradesTopic(ListingTopic):
    """Every trade; none is left out."""

    channel = "trades"

    def add(self, reader: Outbox) -> None:
        """From the next trade on; earlier ones are at GET /v1/listings/{code}/trades."""
        self.readers.add(reader)

    def trade(self, event: Traded, at_ns: int) -> None:
        """A trade happened."""
        text = text_of(
            {
                "ch": "trades",
                "listing": self.listing,
                "id": str(event.trade_id),
                "price": price_text(event.price_fen),
                "quantity": quantity_text(event.quantity_tonnes),
                "taker_side": event.taker_side.value,
                "time": time_text(at_ns),
                "time_us": time_us(at_ns),
            }
        )
        self._tell(text)

    def bust(self, event: TradeBusted, at_ns: int) -> None:
        """A trade told before was undone."""
        told = {
            "ch": "trades",
            "listing": self.listing,
            "id": str(event.trade_id),
            "busted": True,
            "time": time_text(at_ns),
            "time_us": time_us(at_ns),
        }
        self._tell(text_of(told))

    def _tell(self, text: str) -> None:
        for reader in self.readers:
            reader.send(text)
