"""The supervisor's routes: everything that anybody here can read, with identities, and nothing that changes anything.

What a route of an account or of the operators tells is told here by the same handler, so neither can know more than the
other. What is across all accounts is here alone: orders, the refused ones too, trades with both sides, statements, the
journal, and the supervisor's own looks. Each look is written down before it is answered (`looks`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.account_views import AccountView
from gateway.engine.history import TradeView
from gateway.engine.orders import OrderView
from gateway.engine.oversight import JournalRow, OrdersWanted
from gateway.formats import money_text, price_text, quantity_text, time_text
from gateway.http import (
    access_keys,
    account,
    approvals,
    bank_statements,
    offsets,
    operator_corrections,
    operator_day,
    operator_freezes,
    operator_members,
    operator_parked,
    operator_registry,
    orders,
    people,
    personal_data,
    reasons,
    retirements,
    safety,
    statements,
    transfers,
    withdrawals,
)
from gateway.http.account import account_body
from gateway.http.cursors import merge_newest_first, page_of
from gateway.http.looks import with_reason
from gateway.http.order_answers import OrderPage, order_body
from gateway.http.problems import refusal
from gateway.http.routing import Call, NoQuery, Reply, Route
from gateway.http.shapes import (
    DIGITS_PATTERN,
    AccountName,
    Answer,
    Date,
    DateIn,
    Id,
    ListingCode,
    Money,
    Name,
    Page,
    Price,
    Quantity,
    Request,
    SideName,
    Time,
)

StatusName = Literal["open", "filled", "cancelled", "expired", "rejected"]
ENTRIES_MOST: Final = 500


class SupervisedOrdersQuery(Page):
    """Whose orders, of which listing, status and trading day."""

    account: AccountName | None = None
    listing: ListingCode | None = None
    status: StatusName | None = None
    trading_day: Annotated[DateIn | None, Field(description="On which they came in.")] = None


class SupervisedTradesQuery(Page):
    """Whose trades, of which listing and method, or of which trading day."""

    account: AccountName | None = None
    listing: ListingCode | None = None
    method: Literal["listed", "negotiated"] | None = None
    trading_day: Annotated[
        DateIn | None, Field(description="With it, listing and method are left to the reader.")
    ] = None


class SupervisedStatementsQuery(Page):
    """An account's statements, or a day's; the newest day's where nothing is said."""

    account: AccountName | None = None
    trading_day: DateIn | None = None


class JournalQuery(Request):
    """From where in the journal."""

    after: Annotated[int, Field(ge=0, le=2**62, description="The last entry already known.")] = 0
    limit: Annotated[int, Field(ge=1, le=ENTRIES_MOST)] = 100


class TradeSide(Answer):
    """Who bought, or sold."""

    account: AccountName
    participant: Name
    order: Annotated[Id | None, Field(description="Of a listed trade.")]


class SupervisedSettlement(Answer):
    """Where a trade's delivery stands."""

    state: str
    settled_at: Time | None
    reason: str | None
    lots: list[dict[str, Any]]


class SupervisedTrade(Answer):
    """A trade with both its sides."""

    id: Id
    method: Literal["listed", "negotiated"]
    listing: ListingCode
    price: Price
    quantity: Quantity
    amount: Money
    time: Time
    trading_day: Date
    taker_side: SideName | None
    negotiated_transfer: Id | None
    buyer: TradeSide
    seller: TradeSide
    settlement: SupervisedSettlement


class SupervisedTrades(Answer):
    """Trades, newest first."""

    items: list[SupervisedTrade]
    next: str | None


class SupervisedAccounts(Answer):
    """Accounts with their money and units, newest first."""

    items: list[account.Account]
    next: str | None


class Movement(Answer):
    """A movement the registry was asked for and has not answered for good."""

    movement: str
    kind: Literal["transfer_in", "transfer_out", "deliver", "retire"]
    trading_day: Date
    not_after: Annotated[Time, Field(description="By the registry's clock.")]
    legs: int
    quantity: Quantity
    accounts: Annotated[list[AccountName], Field(description="Whose units move, the first ten.")]


class Movements(Answer):
    """Movements, newest first."""

    items: list[Movement]
    next: str | None


class IssuedStatement(Answer):
    """That a statement was given out."""

    trading_day: Date
    account: AccountName
    digest: str


class IssuedStatements(Answer):
    """Statements."""

    items: list[IssuedStatement]
    next: str | None


class JournalLine(Answer):
    """One entry of the journal, in few words."""

    entry: int
    time: Time
    command: Annotated[str, Field(description="Its name.")]
    events: Annotated[list[str], Field(description="Their names, in order.")]
    digest: Annotated[str, Field(description="SHA-256 over this entry and all before it, in hex.")]


class JournalLines(Answer):
    """Entries, oldest first."""

    items: list[JournalLine]
    next: Annotated[str | None, Field(description="The entry to go on after.")]


class JournalEntry(Answer):
    """One entry as it was decided and recorded."""

    entry: int
    time: Time
    command: Annotated[list[Any], Field(description="Its name, and what it says.")]
    events: Annotated[list[Any], Field(description="Each with its name and what it says.")]
    digest: str


class SupervisorLook(Answer):
    """One look of a supervisor."""

    look: Id
    time: Time
    by: Annotated[str, Field(description="Who looked.")]
    caller: Annotated[str, Field(description="With which key, or as which person in which session.")]
    target: Annotated[str, Field(description="The address asked for, with its query.")]
    reason: str | None


class SupervisorLooks(Answer):
    """Looks, newest first."""

    items: list[SupervisorLook]
    next: str | None


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
        "settlement": {
            "state": trade.settlement,
            "settled_at": None if trade.settled_ns is None else time_text(trade.settled_ns),
            "reason": trade.failure,
            "lots": [{"lot": lot, "serials": serials} for lot, serials in trade.lots],
        },
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


# ---- what is told elsewhere, too ------------------------------------------------------------------------------------

SUPERVISOR: Final = "supervisor"

_MIRRORED: Final[Mapping[str, tuple[tuple[Route, ...], str]]] = {
    "/v1/supervise/account": (account.ROUTES, "/v1/account"),
    "/v1/supervise/account/lots": (account.ROUTES, "/v1/account/lots"),
    "/v1/supervise/account/statements/{date}": (statements.ROUTES, "/v1/account/statements/{date}"),
    "/v1/supervise/events": (account.ROUTES, "/v1/events"),
    "/v1/supervise/orders/{order_id}": (orders.ROUTES, "/v1/orders/{order_id}"),
    "/v1/supervise/transfers-in": (transfers.ROUTES, "/v1/transfers-in"),
    "/v1/supervise/transfers-out": (transfers.ROUTES, "/v1/transfers-out"),
    "/v1/supervise/offsets": (offsets.ROUTES, "/v1/offsets"),
    "/v1/supervise/offsets/{use_id}": (offsets.ROUTES, "/v1/offsets/{use_id}"),
    "/v1/supervise/retirements": (retirements.ROUTES, "/v1/retirements"),
    "/v1/supervise/retirements/{use_id}": (retirements.ROUTES, "/v1/retirements/{use_id}"),
    "/v1/supervise/withdrawals": (withdrawals.ROUTES, "/v1/bank/withdrawals"),
    "/v1/supervise/bank-statements": (bank_statements.ROUTES, "/v1/operator/bank-statements"),
    "/v1/supervise/cash-breaks": (bank_statements.ROUTES, "/v1/operator/cash-breaks"),
    "/v1/supervise/participants": (operator_members.ROUTES, "/v1/operator/participants"),
    "/v1/supervise/people": (people.ROUTES, "/v1/operator/people"),
    "/v1/supervise/keys": (access_keys.ROUTES, "/v1/operator/keys"),
    "/v1/supervise/day": (operator_day.ROUTES, "/v1/operator/day"),
    "/v1/supervise/registry": (operator_registry.ROUTES, "/v1/operator/registry"),
    "/v1/supervise/reconciliations": (operator_registry.ROUTES, "/v1/operator/reconciliations"),
    "/v1/supervise/breaks": (operator_registry.ROUTES, "/v1/operator/breaks"),
    "/v1/supervise/restrictions": (operator_freezes.ROUTES, "/v1/operator/restrictions"),
    "/v1/supervise/corrections/claims": (operator_corrections.ROUTES, "/v1/operator/corrections/claims"),
    "/v1/supervise/corrections/removals": (operator_corrections.ROUTES, "/v1/operator/corrections/removals"),
    "/v1/supervise/deliveries/parked": (operator_parked.ROUTES, "/v1/operator/deliveries/parked"),
    "/v1/supervise/kill-switches": (safety.ROUTES, "/v1/operator/kill-switches"),
    "/v1/supervise/approvals": (approvals.ROUTES, "/v1/operator/approvals"),
    "/v1/supervise/personal-data": (personal_data.ROUTES, "/v1/operator/personal-data"),
}
"""Address → the route that tells the same to somebody else."""


def _mirror(path: str, routes: tuple[Route, ...], told_at: str) -> Route:
    route = next(one for one in routes if one.method == "GET" and one.path == told_at)
    return replace(
        route,
        path=path,
        scope=Scope.SUPERVISE,
        or_scopes=frozenset(),
        kind=ActionKind.READ,
        tag=SUPERVISOR,
        query=with_reason(route.query),
    )


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
    *(_mirror(path, *told) for path, told in _MIRRORED.items()),
)
