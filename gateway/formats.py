"""How figures and times are written towards participants, and read from them.

Inside there are whole fen, whole tonnes and nanoseconds since 1970; outside there are decimal texts and RFC 3339
times in Shanghai's offset. Reading is strict: one value has one spelling, so that a signature, a client id and a
checksum over a text mean what they seem to. Every reader raises ValueError, never anything else.
"""

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from settlement.rejections import Figure, Unit

NS: Final = 1_000_000_000
LAST_NS: Final = 2**63 - 1
"""The last instant that can be written down; the database and the wire count in 63 bits."""
SHANGHAI: Final = timezone(timedelta(hours=8))
"""UTC+8 without daylight saving."""

# Eight digits each keep price times quantity below 10^18, inside what the database counts in.
_PRICE: Final = re.compile(r"(0|[1-9][0-9]{0,7})\.([0-9]{2})")
_MONEY: Final = re.compile(r"(0|[1-9][0-9]{0,11})\.([0-9]{2})")
_QUANTITY: Final = re.compile(r"0|[1-9][0-9]{0,7}")
_TIME: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|z|[+-]\d{2}:\d{2})", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

PRICE_PATTERN: Final = f"^{_PRICE.pattern}$"
"""A price in yuan per tonne, as a JSON Schema pattern."""
MONEY_PATTERN: Final = f"^{_MONEY.pattern}$"
"""An amount in yuan, as a JSON Schema pattern."""
QUANTITY_PATTERN: Final = f"^({_QUANTITY.pattern})$"
"""Whole tonnes, as a JSON Schema pattern."""


def price_text(price_fen: int) -> str:
    """Fen as yuan with two decimals: 6850 is "68.50". Also for money, and for a change, which may be below zero."""
    if price_fen < 0:
        return "-" + price_text(-price_fen)
    return f"{price_fen // 100}.{price_fen % 100:02d}"


money_text = price_text
"""An amount of money is written as a price is."""


def parse_price(text: str) -> int:
    """Fen per tonne from yuan per tonne, "68.50": exactly two decimals, no sign, no exponent, no leading zero."""
    return _parse_yuan(_PRICE, text, "a price in yuan has exactly two decimals")


def parse_money(text: str) -> int:
    """Fen from yuan, "1234.50", in the same spelling as a price; up to twelve digits before the point."""
    return _parse_yuan(_MONEY, text, "an amount in yuan has exactly two decimals")


def _parse_yuan(pattern: re.Pattern[str], text: str, fault: str) -> int:
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(fault)
    return int(found[1]) * 100 + int(found[2])


def quantity_text(quantity_tonnes: int) -> str:
    """Whole tonnes: 10 is "10"."""
    return str(quantity_tonnes)


def parse_quantity(text: str) -> int:
    """Whole tonnes from "10": digits only, no leading zero, at most eight."""
    if _QUANTITY.fullmatch(text) is None:
        raise ValueError("a quantity is whole tonnes in digits")
    return int(text)


@lru_cache(maxsize=64)
def _second_text(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, SHANGHAI).strftime("%Y-%m-%dT%H:%M:%S")


def time_text(at_ns: int) -> str:
    """RFC 3339 with microseconds: "2026-11-23T09:30:00.000000+08:00"; what is finer is cut off."""
    at_s, rest_ns = divmod(at_ns, NS)
    return f"{_second_text(at_s)}.{rest_ns // 1_000:06d}+08:00"


def exact_time_text(at_ns: int) -> str:
    """RFC 3339 with nanoseconds: for what a digest is computed over."""
    at_s, rest_ns = divmod(at_ns, NS)
    return f"{_second_text(at_s)}.{rest_ns:09d}+08:00"


def time_us(at_ns: int) -> int:
    """Microseconds since 1970, for clients that compute."""
    return at_ns // 1_000


def parse_time(text: str) -> int:
    """Nanoseconds since 1970 from an RFC 3339 time with any offset, from 1970 to 2261; nothing finer than those."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("a time is written as in RFC 3339, with an offset")
    whole = "".join((text[:10], "T", text[11:19], "+00:00"))
    at_s = int(datetime.fromisoformat(whole).timestamp()) - _offset_s(found[8])
    at_ns = at_s * NS + int((found[7] or "").ljust(9, "0"))
    if not 0 <= at_ns <= LAST_NS:
        raise ValueError("a time lies between 1970 and 2261")
    return at_ns


def _offset_s(text: str) -> int:
    if text in "Zz":
        return 0
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - a clock's face
        raise ValueError("no such offset")
    return (hours * 3_600 + minutes * 60) * (-1 if text[0] == "-" else 1)


def parse_date(text: str) -> str:
    """An ISO date as it stands, when there is such a day, from 1970 to 2261."""
    if _DATE.fullmatch(text) is None or not "1970" <= text[:4] <= "2261":
        raise ValueError("a date is written YYYY-MM-DD")
    return date.fromisoformat(text).isoformat()


def parse_client_id(text: str) -> str:
    """A client id as it stands: 1 to 36 of `A-Za-z0-9._-`."""
    if _CLIENT_ID.fullmatch(text) is None:
        raise ValueError("a client id is 1 to 36 of A-Za-z0-9._-")
    return text


_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,36}")
CLIENT_ID_PATTERN: Final = f"^{_CLIENT_ID.pattern}$"
"""What a client's own id looks like, as a JSON Schema pattern."""


def figure_text(unit: Unit, figure: Figure | None) -> str | None:
    """A limit or an actual value as clients read it: "68.50", "61.20..74.80", "10", a time, or a text."""
    if figure is None:
        return None
    if isinstance(figure, tuple):
        return f"{_number_text(unit, figure[0])}..{_number_text(unit, figure[1])}"
    return figure if isinstance(figure, str) else _number_text(unit, figure)


def _number_text(unit: Unit, number: int) -> str:
    if unit is Unit.FEN:
        return money_text(number)
    if unit is Unit.NS:
        return time_text(number)
    return str(number)
