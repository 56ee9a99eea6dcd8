"""What must be true of an exchange that has been killed and started again, whatever the moment was.

`settle_open` learns the fate of every request whose answer was lost; the other checks compare what was promised with
what there is: orders, money, units, serials, event logs, the days that were closed, and the registry's own record.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
import httpx

from gateway.composition.reference_registry import platform
from gateway.config import EXCHANGE_DATABASE
from gateway.formats import parse_money
from gateway.postgres.database import with_database
from gateway.postgres.embedded import running_dsn
from registry_bridge.registry import SubAccount
from tests.system.clients import Answer, Client
from tests.system.load import LISTINGS, TRADERS, Notebook, Request
from tests.system.logs import AccountLog
from tests.system.running import RunningExchange, until

REST_LIMIT_S: Final = 60.0
FINAL: Final = ("filled", "cancelled", "expired")

Clients = Mapping[str, Client]
Serials = dict[str, list[tuple[int, int]]]


# ---- requests nobody knows the fate of ------------------------------------------------------------------------------


async def settle_open(notes: Notebook, clients: Clients) -> Counter[str]:
    """Ask about every open request, then send it again under its id: both answers must agree, and are final."""
    found: Counter[str] = Counter()
    for request in notes.open():
        client = clients[request.by]
        match request.kind:
            case "order":
                found[await _settle_order(request, client)] += 1
            case "deposit" | "transfer":
                found[await _settle_by_log(request, client, clients)] += 1
            case "cancel":
                await _settle_cancel(request, client)
                found["cancel asked again"] += 1
            case "close":
                await _settle_close(request, client)
                found["close asked again"] += 1
    return found


async def _settle_order(request: Request, client: Client) -> str:
    looked_up = await client.call("GET", f"/v1/orders?client_order_id={request.client_id}")
    answer = await _again(request, client)
    if looked_up.status == httpx.codes.NOT_FOUND:
        assert not answer.replayed, f"{request.body} was not there, and then had been decided: {answer}"
        return "order had not arrived"
    assert looked_up.is_done, looked_up
    assert answer.replayed, f"{request.body} is there and was decided once more: {answer}"
    if answer.is_done:
        assert answer.body["order"]["id"] == looked_up.body["id"]
    else:
        assert (looked_up.body["status"], looked_up.body["reason"]) == ("rejected", answer.code)
    return "order had arrived"


async def _settle_by_log(request: Request, client: Client, clients: Clients) -> str:
    """Deposits and transfers: the account's own log says whether one was taken."""
    assert request.body is not None
    account = request.body.get("account", client.owner.account)
    owner = next(other for other in clients.values() if other.owner.account == account)
    kind = "cash_deposited" if request.kind == "deposit" else "transfer_requested"
    events = [event async for event in owner.all("/v1/events") if event["type"] == kind]
    arrived = any(event["client_id"] == request.client_id for event in events)
    answer = await _again(request, client)
    if arrived:
        assert answer.replayed, f"{request.body} is in the log and was decided once more: {answer}"
    elif answer.is_done:
        assert not answer.replayed, f"{request.body} was decided and is not in the log: {answer}"
    return f"{request.kind} had {'' if arrived else 'not '}arrived"


async def _settle_cancel(request: Request, client: Client) -> None:
    """Cancelling twice is the same cancel; what can no longer be cancelled says how it ended."""
    answer = await _again(request, client)
    order = await client.get(request.target)
    if answer.is_done:
        assert order["status"] == "cancelled", order
    elif answer.code == "order_not_open":
        assert order["status"] in FINAL, order


async def _settle_close(request: Request, client: Client) -> None:
    assert request.body is not None
    before = await client.get("/v1/operator/day")
    begun = before["trading_day"] != request.body["trading_day"] or before["phase"] == "closing"
    answer = await _again(request, client)
    assert answer.is_done != begun, f"the close of {request.body} had begun: {begun}; asked again: {answer}"


async def _again(request: Request, client: Client) -> Answer:
    """Send a request until there is an answer that is more than `later`; two of them must be the same."""

    async def decided() -> bool:
        await request.send(client)
        return request.answer is not None and not request.answer.body.get("retryable", False)

    await until(decided, REST_LIMIT_S, f"{request.method} {request.target} {request.body} is decided")
    assert request.answer is not None
    return request.answer


# ---- what was promised ----------------------------------------------------------------------------------------------


async def promises_are_kept(notes: Notebook, clients: Clients, after_seq: int) -> int:
    """Every acknowledged order and cancel of this round is there with at least what was acknowledged; how many."""
    count = 0
    for name in TRADERS:
        there = await _orders_after(clients[name], after_seq)
        for request in notes.requests:
            if request.by != name or not request.is_done or request.kind not in ("order", "cancel"):
                continue
            assert request.answer is not None
            _compare(request, request.answer.body["order"], there)
            count += 1
    return count


def _compare(request: Request, promised: dict[str, Any], there: dict[str, Any]) -> None:
    order = there.get(promised["id"])
    assert order is not None, f"acknowledged and lost: {promised}"
    told = (
        "client_order_id",
        "account",
        "listing",
        "side",
        "price",
        "quantity",
        "time_in_force",
        "created_at",
    )
    assert [order[name] for name in told] == [promised[name] for name in told]
    assert int(order["filled"]) >= int(promised["filled"]), f"promised {promised}, there is {order}"
    if promised["status"] in FINAL:
        assert order == promised, f"{request.method}: an end is final"


async def _orders_after(client: Client, after_seq: int) -> dict[str, Any]:
    """Orders by id, newest first, down to those of this round. A cancel may be about an older one: all open ones."""
    found: dict[str, Any] = {}
    async for order in client.all("/v1/orders"):
        found[order["id"]] = order
        if int(order["id"]) <= after_seq:
            break
    return found


async def answers_are_repeated(requests: Sequence[Request], clients: Clients) -> None:
    """The first answer is found again after the restart, word for word."""
    for request in requests:
        answer = await clients[request.by].call(request.method, request.target, request.body)
        assert request.answer is not None
        assert answer.replayed, f"{request.body} was answered and is decided once more: {answer}"
        assert (answer.status, answer.body) == (request.answer.status, request.answer.body)


# ---- what adds up ---------------------------------------------------------------------------------------------------


async def at_rest(exchange: RunningExchange, clients: Clients, limit_s: float = REST_LIMIT_S) -> None:
    """Wait until no close is under way and the registry has answered everything."""

    async def is_so() -> bool:
        day = await clients["operator"].get("/v1/operator/day")
        close = day["close"]
        if day["phase"] == "closing" or (close is not None and close["state"] != "done"):
            return False
        transfers = await clients["seller"].get("/v1/transfers-in?limit=50")
        return all(transfer["state"] != "pending" for transfer in transfers["items"])

    await until(is_so, limit_s, f"the exchange is at rest:\n{exchange.said()}")


async def cash_adds_up(clients: Clients, logs: Mapping[str, AccountLog]) -> None:
    """All deposits are in the accounts: at rest, where there are no fees and nothing was paid out."""
    accounts = [await clients[name].get("/v1/account") for name in TRADERS]
    events = [event for log in logs.values() for event in log.events]
    deposited_fen = sum(parse_money(event["amount"]) for event in events if event["type"] == "cash_deposited")
    owned_fen = sum(
        parse_money(account["cash"][bucket])
        for account in accounts
        for bucket in ("available", "held", "delivering")
    )
    assert owned_fen == deposited_fen


async def ledger_adds_up(clients: Clients, logs: Mapping[str, AccountLog]) -> None:
    """Money: all deposits are in the accounts. Units: all transfers in are. Serials: as many as units."""
    await cash_adds_up(clients, logs)
    accounts = {name: await clients[name].get("/v1/account") for name in TRADERS}
    events = [event for log in logs.values() for event in log.events]
    for listing in LISTINGS:
        moved_in = sum(
            int(event["quantity"])
            for event in events
            if event["type"] == "transfer_completed" and event["listing"] == listing
        )
        assert sum(_owned(account, listing) for account in accounts.values()) == moved_in


def _owned(account: dict[str, Any], listing: str) -> int:
    units = account["units"][listing]
    return sum(int(units[bucket]) for bucket in ("available", "held", "delivering"))


async def registry_agrees(exchange: RunningExchange, clients: Clients) -> None:
    """Account by account, lot by lot, serial by serial."""
    async with platform(exchange.data_dir) as reference:
        for name in TRADERS:
            account = await clients[name].get("/v1/account")
            here: Serials = {}
            for lot in (await clients[name].get("/v1/account/lots"))["items"]:
                here[lot["lot"]] = _merged([(first, end) for first, end in lot["serials"]])
            found = await reference.account(account["registry_account"])
            assert found is not None
            there: Serials = {}
            for holding in found.holdings:
                if holding.sub_account is SubAccount.TRADING:
                    there.setdefault(holding.lot, []).append((holding.first, holding.end))
            assert here == {lot: _merged(ranges) for lot, ranges in there.items()}, name
            tonnes = sum(end - first for ranges in here.values() for first, end in ranges)
            assert tonnes == sum(_owned(account, listing) for listing in LISTINGS)


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, end in sorted(ranges):
        if merged and merged[-1][1] == first:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((first, end))
    return merged


async def deliveries_happened_once(clients: Clients, logs: Mapping[str, AccountLog]) -> int:
    """Every trade of a closed day is settled, and each side was told so exactly once; how many deliveries."""
    today = (await clients["operator"].get("/v1/operator/day"))["trading_day"]
    told = {
        name: Counter(event["trade_id"] for event in logs[name].events if event["type"] == "delivery_settled")
        for name in TRADERS
    }
    settled: set[str] = set()
    for name in TRADERS:
        due: Counter[str] = Counter()
        async for trade in clients[name].all("/v1/trades"):
            state = trade["settlement"]["state"]
            assert (state == "settled") == (trade["trading_day"] < today), f"{today}: {trade}"
            if state == "settled":
                due[trade["id"]] += 1
        assert told[name] == due, name
        settled.update(due)
    return len(settled)


async def days_closed_once(exchange: RunningExchange, first_day: str, today: str) -> int:
    """Every day from the first one to yesterday was closed exactly once, without a break; how many."""
    dsn = with_database(running_dsn(exchange.data_dir / "postgres"), EXCHANGE_DATABASE)
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT event FROM journal, json_array_elements(events::json) AS event"
            " WHERE event ->> 0 IN ('DayClosed', 'CloseStarted', 'Reconciled') ORDER BY seq"
        )
    finally:
        await connection.close()
    said = [json.loads(row["event"]) for row in rows]
    closed = [event["trading_day"] for kind, event in said if kind == "DayClosed"]
    assert closed == [event["trading_day"] for kind, event in said if kind == "CloseStarted"]
    assert closed == sorted(set(closed))
    assert all(event["breaks"] == 0 for kind, event in said if kind == "Reconciled")
    following = [event["next_day"] for kind, event in said if kind == "DayClosed"]
    assert [first_day, *following] == [*closed, today]
    return len(closed)


async def journal_is_whole(exchange: RunningExchange) -> int:
    """`puhui verify` beside the running exchange; how many entries it has walked."""
    return int((await exchange.puhui("verify"))["entries"])
