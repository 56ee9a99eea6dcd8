"""The lines of a recorded flow, and the file they stand in.

A line is what one client sends, in the words of the gateway's API: `account` is the role that sends it, `at_us` the
microseconds since the flow began, the rest the body of an order, or the client id of the order to be cancelled.
"""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TypedDict, final

import orjson


@final
class OrderLine(TypedDict):
    """An order: the body of `POST /v1/orders`, who sends it, and when."""

    at_us: int
    account: str
    client_order_id: str
    listing: str
    side: Literal["buy", "sell"]
    type: Literal["limit"]
    price: str
    quantity: str
    time_in_force: Literal["day", "ioc", "fok"]


@final
class CancelLine(TypedDict):
    """A cancel: the client id of the order, which the sender maps to the order's own id."""

    at_us: int
    account: str
    cancel: str


Line = OrderLine | CancelLine


def yuan(price_fen: int) -> str:
    """A price as the API writes it."""
    return f"{price_fen // 100}.{price_fen % 100:02}"


def fen(price: str) -> int:
    """A price as the core counts it."""
    whole, _, hundredths = price.partition(".")
    return int(whole) * 100 + int(hundredths)


def write(path: Path, lines: Iterable[Line]) -> int:
    """Write a flow, a JSON object a line, compressed; how many lines. The file bears no name and no time of its own."""
    count = 0
    with path.open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as out:
        for line in lines:
            out.write(orjson.dumps(line) + b"\n")
            count += 1
    return count


def read(path: Path) -> Iterator[Line]:
    """The lines of a flow, in order."""
    with gzip.open(path, "rb") as file:
        for text in file:
            yield orjson.loads(text)
