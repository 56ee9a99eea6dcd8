"""Pages of what is read from the database: by id, newest first, with a cursor that says nothing to others."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

MAX_LIMIT: Final = 1_000
"""The longest page."""

T = TypeVar("T")

_NEWEST: Final = 2**63 - 1


class BadCursorError(ValueError):
    """A cursor that this exchange never gave out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """Some items, and the cursor to what follows; none at the end."""

    items: tuple[T, ...]
    next: str | None


def bounded(limit: int) -> int:
    """That limit, which must be one."""
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
