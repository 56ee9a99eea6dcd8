"""The supervisor's routes: everything that anybody here can read, with identities, and nothing that changes anything.

Here is what is across all accounts: orders, the refused ones too, trades with both sides, statements, the journal, and the
supervisor's own looks. What is told elsewhere as well, `supervised` takes from there. Each look is written down before it
is answered (`looks`).
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

import orjson

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.history.history import TradeView
from gateway.engine.history.oversight import JournalRow, OrdersWanted
from gateway.engine.views.account_views import AccountView
from gateway.engine.views.orders import OrderView
from gateway.formats import money_text, price_text, quantity_text, time_text
from gateway.http.accounts.account import account_body, settlement_of
from gateway.http.cursors import merge_newest_first, page_of
from gateway.http.listed.answers import OrderPage, order_body
from gateway.http.looks import with_reason
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.routing import Call, NoQuery, Reply, Route
from gateway.http.shapes import (
    DIGITS_PATTERN,
    Answer,
    Page,
)
from gateway.http.supervisor.shapes import (
    IssuedStatements,
    JournalEntry,
    JournalLines,
    JournalQuery,
    Movements,
    SupervisedAccounts,
    SupervisedOrdersQuery,
    SupervisedStatementsQuery,
    SupervisedTrades,
    SupervisedTradesQuery,
    SupervisorLooks,
)


async def list_orders(call: Call) -> Reply:
    """Orders of everybody, newest first: open, ended and refused, the refused ones with the code they were refused with."""
    query: SupervisedOrdersQuery = call.query or SupervisedOrdersQuery()
    services = call.services
    wanted = OrdersWanted(
        account=query.account, listing=query.listing, status=query.status, trading_day=query.trading_day
    )
    live: Iterable[OrderView] = ()
    if query.status in (None, "open"):
        first, last = (0, None)
        if query.trading_day is not None:
            first, last = await services.oversight.span_of(query.trading_day)
        live = [one for one in services.views.all_open_orders() if _is_wanted(one, query, first, last)]
    stored = None
    if query.status != "open":
        stored = await services.oversight.orders(wanted, after=query.after, limit=query.limit)
    shown, following = merge_newest_first(
        live, stored, query.after, query.limit, id_of=lambda order: order.order_id
    )
    return Reply({"items": [order_body(order) for order in shown], "next": following})


def _is_wanted(order: OrderView, query: SupervisedOrdersQuery, first: int, last: int | None) -> bool:
    return (
        query.account in (None, order.account)
        and query.listing in (None, order.listing)
        and first < order.order_id
        and (last is None or order.order_id <= last)
    )


async def list_trades(call: Call) -> Reply:
    """Trades of both methods with both sides' identities, newest first."""
    query: SupervisedTradesQuery = call.query or SupervisedTradesQuery()
    history = call.services.history
    if query.trading_day is not None:
        page = await call.services.oversight.trades_of_day(
            query.trading_day, query.account, after=query.after, limit=query.limit
        )
    else:
        page = await history.trades(
            account=query.account,
            listing=query.listing,
            method=query.method,
            after=query.after,
            limit=query.limit,
        )
    owners = call.services.views.accounts()
    return Reply({"items": [_trade(trade, owners) for trade in page.items], "next": page.next})


def _trade(trade: TradeView, accounts: Mapping[str, AccountView]) -> dict[str, Any]:
    def side(name: str, order_id: int | None) -> dict[str, Any]:
        order = None if order_id is None else str(order_id)
        return {"account": name, "participant": accounts[name].owner, "order": order}

    return {
        "id": str(trade.trade_id),
        "method": trade.method,
        "listing": trade.listing,
        "price": price_text(trade.price_fen),
        "quantity": quantity_text(trade.quantity_tonnes),
        "amount": money_text(trade.price_fen * trade.quantity_tonnes),
        "time": time_text(trade.at_ns),
        "trading_day": trade.trading_day,
        "taker_side": None if trade.taker_side is None else trade.taker_side.value,
        "negotiated_transfer": None if trade.transfer_id is None else str(trade.transfer_id),
        "buyer": side(trade.buyer, trade.buy_order_id),
        "seller": side(trade.seller, trade.sell_order_id),
        "settlement": settlement_of(trade),
    }


async def list_accounts(call: Call) -> Reply:
    """Every trading account with its money and units, newest first."""
    query: Page = call.query or Page()
    views = call.services.views
    shown, following = page_of(tuple(views.accounts().values()), query.after, query.limit)
    codes = tuple(views.listings)
    bodies = [account_body(view, tuple(dict.fromkeys((*codes, *view.units)))) for view in shown]
    return Reply({"items": bodies, "next": following})


async def list_movements(call: Call) -> Reply:
    """Movements the registry was asked for and has not answered for good, newest first."""
    query: Page = call.query or Page()
    pending = tuple(call.services.views.pending_instructions.values())
    shown, following = page_of(pending, query.after, query.limit)
    items = [
        {
            "movement": one.instruction_id,
            "kind": one.kind.value,
            "trading_day": one.trading_day,
            "not_after": time_text(one.not_after_ns),
            "legs": len(one.legs),
            "quantity": quantity_text(sum(end - first for leg in one.legs for first, end in leg.serials)),
            "accounts": list(dict.fromkeys(leg.from_account for leg in one.legs))[:10],
        }
        for one in shown
    ]
    return Reply({"items": items, "next": following})


async def list_statements(call: Call) -> Reply:
    """Statements that were issued, with their digests."""
    query: SupervisedStatementsQuery = call.query or SupervisedStatementsQuery()
    oversight = call.services.oversight
    if query.account is not None and query.trading_day is None:
        page = await oversight.statements_of_account(query.account, after=query.after, limit=query.limit)
    else:
        page = await oversight.statements_of_day(query.trading_day, after=query.after, limit=query.limit)
    items = [
        {"trading_day": one.trading_day, "account": one.account, "digest": one.digest}
        for one in page.items
        if query.account in (None, one.account)
    ]
    return Reply({"items": items, "next": page.next})


async def list_journal(call: Call) -> Reply:
    """Entries of the journal with their digests, oldest first."""
    query: JournalQuery = call.query or JournalQuery()
    rows = await call.services.oversight.journal(query.after, query.limit)
    items = [
        {
            "entry": row.seq,
            "time": time_text(row.at_ns),
            "command": orjson.loads(row.command)[0],
            "events": [name for name, _ in orjson.loads(row.events)],
            "digest": row.digest.hex(),
        }
        for row in rows
    ]
    return Reply({"items": items, "next": str(rows[-1].seq) if len(rows) == query.limit else None})


async def get_entry(call: Call) -> Reply:
    """One entry of the journal with everything it says."""
    seq = int(call.path["entry"])
    found = await call.services.oversight.journal(seq - 1, 1)
    if not found:
        raise refusal(reasons.NOT_FOUND, actual=str(seq))
    return Reply(_entry(found[0]))


def _entry(row: JournalRow) -> dict[str, Any]:
    return {
        "entry": row.seq,
        "time": time_text(row.at_ns),
        "command": orjson.loads(row.command),
        "events": orjson.loads(row.events),
        "digest": row.digest.hex(),
    }


async def list_looks(call: Call) -> Reply:
    """What supervisors looked at, who and why, newest first: this look is the first of them."""
    query: Page = call.query or Page()
    page = await call.services.looks.page(after=query.after, limit=query.limit)
    items = [
        {
            "look": str(look.look_id),
            "time": time_text(look.at_ns),
            "by": look.participant,
            "caller": look.caller,
            "target": look.target,
            "reason": look.reason,
        }
        for look in page.items
    ]
    return Reply({"items": items, "next": page.next})


SUPERVISOR: Final = "supervisor"
_own: Final = partial(Route, method="GET", scope=Scope.SUPERVISE, kind=ActionKind.READ, tag=SUPERVISOR)


def _list(path: str, handler: Any, summary: str, answer: type[Answer], query: Any = Page) -> Route:  # noqa: ANN401 - as Route takes them
    return _own(path, handler, summary, answer, query=with_reason(query))


ROUTES: Final[tuple[Route, ...]] = (
    _list("/v1/supervise/orders", list_orders, "Orders of everybody", OrderPage, SupervisedOrdersQuery),
    _list(
        "/v1/supervise/trades", list_trades, "Trades with both sides", SupervisedTrades, SupervisedTradesQuery
    ),
    _list("/v1/supervise/accounts", list_accounts, "Every trading account", SupervisedAccounts),
    _list("/v1/supervise/movements", list_movements, "What the registry has not answered", Movements),
    _list(
        "/v1/supervise/statements",
        list_statements,
        "Statements that were issued",
        IssuedStatements,
        SupervisedStatementsQuery,
    ),
    _list("/v1/supervise/journal", list_journal, "The journal", JournalLines, JournalQuery),
    _own(
        "/v1/supervise/journal/{entry}",
        get_entry,
        "One entry of the journal",
        JournalEntry,
        query=with_reason(NoQuery),
        path_parameters={"entry": DIGITS_PATTERN},
    ),
    _list("/v1/supervise/looks", list_looks, "What supervisors looked at", SupervisorLooks),
)
