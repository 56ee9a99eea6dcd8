"""One's own account: balances, lots with their serials, trades with their settlement, and the event log."""

import time
from functools import partial
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind, bucket_of
from gateway.engine.entry import AccountEvent
from gateway.engine.history.history import TradeView
from gateway.engine.views.account_views import AccountView, BalanceView, LotView
from gateway.formats import money_text, price_text, quantity_text, time_text
from gateway.http.lots import DescribedLot, described
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import (
    AccountName,
    Answer,
    Date,
    Id,
    ListingCode,
    Money,
    Name,
    Page,
    Price,
    PurposeName,
    Quantity,
    Request,
    SideName,
    Time,
)

MethodName = Literal["listed", "negotiated"]
EVENTS_MOST: Final = 1_000
EVENT_ID_MOST: Final = 2**62


class Proceeds(Answer):
    """What sales will bring in that have not settled and may be bought with. It is in none of the balances."""

    due: Annotated[Money, Field(description="What they will bring in, fees deducted.")]
    pledged: Annotated[
        Money, Field(description="What open orders and unsettled purchases lack until it comes.")
    ]


class Cash(Answer):
    """Money. `available + held + delivering` is everything owned."""

    available: Money
    held: Annotated[Money, Field(description="Cover of open orders and negotiated transfers.")]
    delivering: Annotated[Money, Field(description="Committed to purchases not yet settled.")]
    withdrawable: Annotated[Money, Field(description="What may leave the exchange.")]
    buying_power: Annotated[
        Money,
        Field(description="What a purchase may cost now: `available`, and proceeds nothing leans on yet."),
    ]
    proceeds: Proceeds


class Units(Answer):
    """Tonnes of one listing. `available + held + delivering` is everything owned."""

    available: Annotated[Quantity, Field(description="Committed to nothing; what is frozen included.")]
    held: Annotated[Quantity, Field(description="Cover of open orders and negotiated transfers.")]
    delivering: Annotated[
        Quantity, Field(description="Committed to sales not yet settled, and to transfers out.")
    ]
    bought_today: Annotated[
        Quantity, Field(description="Bought on this trading day and not for sale before the next.")
    ]
    frozen: Annotated[
        Quantity, Field(description="What part of `available` is frozen and cannot be sold, used or moved.")
    ]


class Restriction(Answer):
    """Why an account may not trade, and since when."""

    reason: str
    since: Time


class Account(Answer):
    """A trading account."""

    account: AccountName
    owner: Name
    registry_account: Annotated[str, Field(description="The registry account it is bound to.")]
    earmark: Annotated[PurposeName | None, Field(description="The one purpose its money is for.")]
    restricted: Annotated[bool, Field(description="Whether its trading is frozen.")]
    restriction: Restriction | None
    cash: Cash
    units: dict[str, Units]


class Lot(DescribedLot):
    """One's serials of one lot."""

    serials: Annotated[list[tuple[int, int]], Field(description="Half-open ranges of whole-tonne serials.")]
    quantity: Quantity
    available: Annotated[Quantity, Field(description="Neither on its way nor frozen.")]
    frozen: Annotated[list[tuple[int, int]], Field(description="Which of these serials are frozen.")]


class Lots(Answer):
    """Lots in the order they would be delivered."""

    items: list[Lot]
    next: None


class LotSerials(Answer):
    """Serials of one lot."""

    lot: str
    serials: list[tuple[int, int]]


class Settlement(Answer):
    """Where the delivery of a trade stands."""

    state: Literal["pending", "settled", "failed", "busted"]
    settled_at: Annotated[Time | None, Field(description="When it ended, in whichever way.")]
    reason: Annotated[
        str | None,
        Field(description="The registry's code where it refused; the operator's reason where it was undone."),
    ]
    lots: list[LotSerials]


class Trade(Answer):
    """A trade of one's own."""

    id: Id
    method: MethodName
    listing: ListingCode
    side: SideName
    order_id: Annotated[Id | None, Field(description="Of a listed trade.")]
    negotiated_transfer_id: Annotated[Id | None, Field(description="Of a negotiated trade.")]
    counterparty: Annotated[
        AccountName | None,
        Field(description="The other side of a negotiated trade; listed ones are anonymous."),
    ]
    price: Price
    quantity: Quantity
    amount: Money
    taker_side: Annotated[SideName | None, Field(description="Of a listed trade.")]
    time: Time
    trading_day: Date
    settlement: Settlement


class Trades(Answer):
    """Trades, newest first."""

    items: list[Trade]
    next: str | None


class Events(Answer):
    """The account's log, oldest first; every item has `event_id`, `type`, `time` and what its type carries."""

    items: list[dict[str, Any]]
    next: Annotated[
        str | None, Field(description="Where to go on when there is more; null at the end of the log.")
    ]


class AccountQuery(Request):
    """Whose; the key's own account when absent."""

    account: AccountName | None = None


class TradesQuery(Page):
    """Which trades."""

    account: AccountName | None = None
    listing: ListingCode | None = None
    method: MethodName | None = None


class EventsQuery(Request):
    """From where in the log."""

    account: AccountName | None = None
    after: Annotated[int, Field(ge=0, le=EVENT_ID_MOST, description="The last event_id already known.")] = 0
    limit: Annotated[int, Field(ge=1, le=EVENTS_MOST)] = 100


async def get_account(call: Call) -> Reply:
    """Cash, and units of every listing."""
    query: AccountQuery = call.query or AccountQuery()
    view = call.own_account(query.account)
    codes = dict.fromkeys((*call.services.views.listings, *view.units))
    return Reply(account_body(view, tuple(codes)))


def account_body(view: AccountView, codes: tuple[str, ...]) -> dict[str, Any]:
    """An account with these listings."""
    nothing = BalanceView()
    return {
        "account": view.account,
        "owner": view.owner,
        "registry_account": view.registry_account,
        "earmark": None if view.earmark is None else view.earmark.value,
        "restricted": view.restriction is not None,
        "restriction": None
        if view.restriction is None
        else {"reason": view.restriction.reason, "since": time_text(view.restriction.at_ns)},
        "cash": {
            "available": money_text(view.cash.available),
            "held": money_text(view.cash.held),
            "delivering": money_text(view.cash.delivering),
            "withdrawable": money_text(view.withdrawable_fen),
            "buying_power": money_text(view.buying_power_fen),
            "proceeds": {"due": money_text(view.due_fen), "pledged": money_text(view.pledged_fen)},
        },
        "units": {code: _units_body(view.units.get(code, nothing)) for code in codes},
    }


def _units_body(units: BalanceView) -> dict[str, str]:
    return {
        "available": quantity_text(units.available + units.frozen),
        "held": quantity_text(units.held),
        "delivering": quantity_text(units.delivering),
        "bought_today": quantity_text(units.bought_today),
        "frozen": quantity_text(units.frozen),
    }


async def list_lots(call: Call) -> Reply:
    """Lots with their serial ranges."""
    query: AccountQuery = call.query or AccountQuery()
    view = call.own_account(query.account)
    return Reply({"items": [_lot_body(lot) for lot in call.services.views.lots(view.account)], "next": None})


def _lot_body(line: LotView) -> dict[str, Any]:
    return {
        **described(line.lot),
        "serials": line.serials,
        "quantity": quantity_text(line.quantity_tonnes),
        "available": quantity_text(line.available_tonnes),
        "frozen": line.frozen,
    }


async def list_trades(call: Call) -> Reply:
    """Own trades of both methods, newest first, with where their settlement stands."""
    query: TradesQuery = call.query or TradesQuery()
    account = call.own_account(query.account).account
    page = await call.services.history.trades(
        account=account,
        listing=query.listing,
        method=query.method,
        after=query.after,
        limit=query.limit,
    )
    return Reply({"items": [_trade_body(trade, account) for trade in page.items], "next": page.next})


def _trade_body(trade: TradeView, account: str) -> dict[str, Any]:
    bought = trade.buyer == account
    order_id = trade.buy_order_id if bought else trade.sell_order_id
    negotiated = trade.transfer_id is not None
    return {
        "id": str(trade.trade_id),
        "method": trade.method,
        "listing": trade.listing,
        "side": "buy" if bought else "sell",
        "order_id": None if order_id is None else str(order_id),
        "negotiated_transfer_id": str(trade.transfer_id) if negotiated else None,
        "counterparty": (trade.seller if bought else trade.buyer) if negotiated else None,
        "price": price_text(trade.price_fen),
        "quantity": quantity_text(trade.quantity_tonnes),
        "amount": money_text(trade.price_fen * trade.quantity_tonnes),
        "taker_side": None if trade.taker_side is None else trade.taker_side.value,
        "time": time_text(trade.at_ns),
        "trading_day": trade.trading_day,
        "settlement": settlement_of(trade),
    }


def settlement_of(trade: TradeView) -> dict[str, Any]:
    """How a trade's settlement stands, as answers tell it."""
    return {
        "state": trade.settlement,
        "settled_at": None if trade.settled_ns is None else time_text(trade.settled_ns),
        "reason": trade.failure,
        "lots": [{"lot": lot, "serials": serials} for lot, serials in trade.lots],
    }


async def list_events(call: Call) -> Reply:
    """The account's gapless log after an event."""
    query: EventsQuery = call.query or EventsQuery()
    account = call.own_account(query.account).account
    events = await call.services.history.account_events(account, query.after, query.limit)
    following = str(events[-1].event_id) if len(events) == query.limit else None
    items = ",".join(f"{{{event_members(event)}}}" for event in events)
    return Reply(f'{{"items":[{items}],"next":{orjson.dumps(following).decode()}}}'.encode())


def event_members(event: AccountEvent) -> str:
    """An account event as the members of a JSON object; what it carries is stored as text and not read again."""
    head = f'"event_id":{event.event_id},"type":"{event.type}","time":"{time_text(event.at_ns)}"'
    rest = event.body[1:-1]
    return f"{head},{rest}" if rest else head


async def get_limits(call: Call) -> Reply:
    """How much of each kind of action may be done, and how much is left."""
    services = call.services
    owner = bucket_of(call.signed_by)
    kinds = (kind for kind in services.limits.quotas if kind is not ActionKind.PUBLIC)
    return Reply({"items": [_limit_body(call, owner, kind) for kind in kinds], "next": None})


def _limit_body(call: Call, owner: str, kind: ActionKind) -> dict[str, Any]:
    limits = call.services.limits
    quota, allowance = limits.quotas[kind], limits.look(owner, kind, time.monotonic_ns())
    assert allowance is not None, "a kind with a quota has a bucket"
    return {
        "kind": kind.value,
        "quota": quota.quota,
        "window_s": quota.window_s,
        "remaining": allowance.remaining,
        "reset_s": allowance.reset_s,
    }


class Limit(Answer):
    """One kind of action."""

    kind: str
    quota: Annotated[int, Field(description="So many within a window.")]
    window_s: int
    remaining: int
    reset_s: int


class Limits(Answer):
    """Every kind that is limited."""

    items: list[Limit]
    next: None


_own = partial(Route, method="GET", scope=Scope.READ, kind=ActionKind.READ, tag="account")

ROUTES: Final = (
    _own("/v1/account", get_account, "Cash and units", Account, query=AccountQuery),
    _own("/v1/account/lots", list_lots, "Lots with serial ranges", Lots, query=AccountQuery),
    _own(
        "/v1/trades", list_trades, "Own trades with settlement state, newest first", Trades, query=TradesQuery
    ),
    _own(
        "/v1/events", list_events, "The account's gapless event log, oldest first", Events, query=EventsQuery
    ),
    _own("/v1/limits", get_limits, "Rate limits and what is left of them", Limits, scope="any"),
)
