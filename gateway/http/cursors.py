"""Pages of what is in memory: alone, or with what has ended and is in the database."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from gateway.engine.paging import Page, cursor_after, id_before

T = TypeVar("T")


def page_of(items: Sequence[T], after: str | None, limit: int) -> tuple[list[T], str | None]:
    """One page of what is only ever added to, newest first; and the cursor to what follows."""
    before = min(id_before(after), len(items) + 1)
    first = max(before - limit, 1)
    return list(items[first - 1 : before - 1][::-1]), None if first == 1 else cursor_after(first)


def merge_newest_first(
    live: Iterable[T], stored: Page[T] | None, after: str | None, limit: int, *, id_of: Callable[[T], int]
) -> tuple[list[T], str | None]:
    """One page of both, by id, newest first, each item once; and the cursor to what follows."""
    before = id_before(after)
    found = {id_of(item): item for item in live if id_of(item) < before}
    more_stored = stored is not None and stored.next is not None
    if stored is not None:
        found.update((id_of(item), item) for item in stored.items)
    newest = sorted(found, reverse=True)
    shown = newest[:limit]
    if not shown or not (len(newest) > limit or more_stored):
        return [found[item_id] for item_id in shown], None
    return [found[item_id] for item_id in shown], cursor_after(shown[-1])
