"""What the readers of bank statements share: how they refuse, and how figures and dates are read."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from gateway import formats

MAX_BYTES: Final = 8 * 1_048_576
"""Of one file. A day's statement of ten thousand entries has about five."""
MAX_LINES: Final = 20_000
"""Entries of one statement."""

_AMOUNT: Final = re.compile(r"(\d{1,13})(?:\.(\d{1,5}))?", re.ASCII)
_REFERENCE: Final = re.compile(r"[!-~](?:[ -~]{0,62}[!-~])?")


class StatementFault(Exception):  # noqa: N818 - it states a fact
    """A file that cannot be read as a bank statement; says where and why."""

    def __init__(self, where: str, why: str) -> None:
        """``where`` is a line, or an element's path; ``why`` a few words."""
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


def fen(text: str, where: str) -> int:
    """Fen from yuan as banks write them: digits, perhaps a point and decimals, no sign, nothing finer than a fen."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise StatementFault(where, f"not an amount: {text.strip()[:32]!r}")
    yuan, decimals = found[1], (found[2] or "").rstrip("0")
    if len(decimals) > 2:  # noqa: PLR2004 - a fen is a hundredth
        raise StatementFault(where, f"finer than a fen: {text.strip()[:32]!r}")
    return int(yuan) * 100 + int(decimals.ljust(2, "0"))


def day_ns(text: str, where: str, *, days: int = 0) -> int:
    """The beginning of a day in Shanghai, or of one so many days later; the day may be written with a time of it."""
    try:
        day = date.fromisoformat(formats.parse_date(_date_of(text.strip())))
    except (ValueError, OverflowError) as error:
        raise StatementFault(where, f"not a date: {text.strip()[:32]!r}") from error
    at = datetime.combine(day + timedelta(days=days), time(), formats.SHANGHAI)
    return int(at.timestamp()) * formats.NS


def end_ns(text: str, where: str, from_ns: int) -> int:
    """Where a period that began then ends: with the day, or at the moment itself where that is a midnight.

    A bank that writes midnight of one day for both ends means that day.
    """
    begins_ns = day_ns(text, where)
    if _is_midnight(text.strip()) and begins_ns > from_ns:
        return begins_ns
    return day_ns(text, where, days=1)


def _date_of(text: str) -> str:
    """The date, in Shanghai where a time with an offset is told. Raises ValueError or OverflowError."""
    return text if len(text) <= len("YYYY-MM-DD") else _in_shanghai(text).date().isoformat()


def _is_midnight(text: str) -> bool:
    return len(text) > len("YYYY-MM-DD") and _in_shanghai(text).time() == time()


def _in_shanghai(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is None else at.astimezone(formats.SHANGHAI)


def name(text: str, where: str, what: str) -> str:
    """A reference, a statement's number or an account: printable ASCII, 64 characters at most."""
    stripped = text.strip()
    if _REFERENCE.fullmatch(stripped) is None:
        raise StatementFault(where, f"no {what} of 1 to 64 printable characters")
    return stripped
