"""Pages that come from two places: what is live in memory, and what has ended and is in the database."""

from collections.abc import Iterable

from gateway.engine.orders import OrderView
from gateway.engine.paging import Page, cursor_after, id_before


def merge_newest_first(
    live: Iterable[OrderView], stored: Page[OrderView] | None, after: str | None, limit: int
) -> tuple[list[OrderView], str | None]:
    """One page of both, by order id, newest first, each order once; and the cursor to what follows."""
    before = id_before(after)
    found = {order.order_id: order for order in live if order.order_id < before}
    more_stored = stored is not None and stored.next is not None
    if stored is not None:
        found.update((order.order_id, order) for order in stored.items)
    newest = sorted(found, reverse=True)
    shown = newest[:limit]
    if not shown or not (len(newest) > limit or more_stored):
        return [found[order_id] for order_id in shown], None
    return [found[order_id] for order_id in shown], cursor_after(shown[-1])
