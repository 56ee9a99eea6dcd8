"""Pages of what the database keeps: by id, newest first, and never by time, so that equal times lose and repeat nothing."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import asyncpg

MAX_LIMIT: Final = 1_000
"""The longest page."""

T = TypeVar("T")


class BadCursorError(ValueError):
    """A cursor that this exchange never gave out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """Some items, and the cursor to what follows; none at the end."""

    items: tuple[T, ...]
    next: str | None


_NEWEST: Final = 2**63 - 1


def bounded(limit: int) -> int:
    """How many items a page has. Raises ValueError when there are none or too many."""
    if not 1 <= limit <= MAX_LIMIT:
        raise ValueError(f"a page has 1 to {MAX_LIMIT} items")
    return limit


def cursor_after(last_id: int) -> str:
    """The cursor to what follows that id, newest first."""
    return urlsafe_b64encode(b"1:%d" % last_id).rstrip(b"=").decode()


def id_before(cursor: str | None) -> int:
    """The id a page ends before; beyond every id without a cursor. Raises BadCursorError."""
    if cursor is None:
        return _NEWEST
    try:
        version, _, last_id = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).partition(b":")
        found = int(last_id)
    except ValueError as error:
        raise BadCursorError("this cursor was not given out here") from error
    if version != b"1" or cursor != cursor_after(found) or not 0 < found <= _NEWEST:
        raise BadCursorError("this cursor was not given out here")
    return found


def page_of_rows(
    rows: Sequence[asyncpg.Record], limit: int, read: Callable[[asyncpg.Record], T], by: str
) -> Page[T]:
    """One page of rows of which one more than the page was asked for; `by` is the column of their ids."""
    following = cursor_after(rows[limit - 1][by]) if len(rows) > limit else None
    return Page(items=tuple(read(row) for row in rows[:limit]), next=following)


def figure_of(value: object) -> int | str | tuple[int, int] | None:
    """A limit or an actual value as it is stored."""
    if isinstance(value, list):
        least, most = value
        return (int(least), int(most))
    assert value is None or isinstance(value, int | str), f"not a figure: {value!r}"
    return value
