"""Orders as readers find them: by id, by account, by the participant's own id; open ones and those that ended lately."""

from collections import OrderedDict
from collections.abc import Sequence

from gateway.engine.entry import Entry
from gateway.engine.views.orders import NOT_FOR_THE_OWNER, OpenOrders, OrderView
from matching.commands import SubmitOrder
from matching.events import OrderAccepted, Rejected


class OrderViews:
    """Open orders, and as many of the newest ended ones as memory is given for."""

    __slots__ = ("_by_account", "_by_client_id", "_recent", "_recent_limit", "open")

    def __init__(self, recent_limit: int, orders: tuple[OrderView, ...] = ()) -> None:
        """With these open orders."""
        self.open = OpenOrders(orders)
        """Those that can still trade."""
        self._by_account: dict[str, dict[int, OrderView]] = {}
        self._by_client_id: dict[tuple[str, str], OrderView] = {}
        self._recent: OrderedDict[int, OrderView] = OrderedDict()
        self._recent_limit = recent_limit
        for order in orders:
            self._index(order)

    def get(self, order_id: int) -> OrderView | None:
        """An order that is open or ended not long ago."""
        return self.open.get(order_id) or self._recent.get(order_id)

    def by_client_id(self, account: str, client_order_id: str) -> OrderView | None:
        """The same, by the participant's own id."""
        return self._by_client_id.get((account, client_order_id))

    def of_account(self, account: str) -> Sequence[OrderView]:
        """An account's open orders, oldest first."""
        return tuple(self._by_account.get(account, {}).values())

    def accept(self, entry: Entry, event: OrderAccepted) -> None:
        """An order came to be."""
        self._index(self.open.accept(entry, event))

    def reject(self, entry: Entry, event: Rejected) -> None:
        """A command was refused; an attempt at an order is kept for who made it."""
        if isinstance(entry.command, SubmitOrder) and event.code not in NOT_FOR_THE_OWNER:
            self.open.reject(entry, entry.command, event)

    def retire(self) -> None:
        """Keep the newest ended orders, and let the oldest go."""
        for order in self.open.take_ended():
            if order.status == "rejected":
                self._by_client_id.setdefault((order.account, order.client_order_id), order)
            else:
                del self._by_account[order.account][order.order_id]
            self._recent[order.order_id] = order
        while len(self._recent) > self._recent_limit:
            _, order = self._recent.popitem(last=False)
            key = (order.account, order.client_order_id)
            if self._by_client_id.get(key) is order:
                del self._by_client_id[key]

    def _index(self, order: OrderView) -> None:
        self._by_account.setdefault(order.account, {})[order.order_id] = order
        self._by_client_id[order.account, order.client_order_id] = order
