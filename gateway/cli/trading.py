"""Trade: place and cancel orders, look at one's orders and one's account."""

import re
import uuid
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output
from gateway.cli.previews import PreviewOption, show_preview
from gateway.cli.words import ORDER_STATUS, SIDE, say, term
from settlement.retirement import RetirementPurpose

SELLER: Final = "seller"
BUYER: Final = "buyer"

_YUAN: Final = re.compile(r"(?P<yuan>\d{1,8})(\.(?P<fen>\d{1,2}))?", re.ASCII)


class TimeInForceName(StrEnum):
    """How long an order waits."""

    DAY = "day"
    IOC = "ioc"
    FOK = "fok"


class StatusFilter(StrEnum):
    """Which orders to show."""

    OPEN = "open"
    ALL = "all"


order_app = typer.Typer(
    no_args_is_help=True, help=say("挂牌委托: 买入或卖出", "place a listed order: buy or sell")
)

ListingArgument = Annotated[
    str, typer.Argument(help=say("产品代码, 如 SHCERCIR1", "code, such as SHCERCIR1"))
]
PriceOption = Annotated[
    str, typer.Option(help=say("限价, 元/吨, 如 68.50", "limit in yuan per tonne, such as 68.50"))
]
QuantityOption = Annotated[int, typer.Option(min=1, help=say("数量, 整吨", "whole tonnes"))]
TimeInForceOption = Annotated[
    TimeInForceName,
    typer.Option(
        "--tif",
        help=say(
            "当日有效 / 即时成交余撤 / 全部成交否则撤销", "for the day, immediate or cancel, fill or kill"
        ),
    ),
]
ClientOrderIdOption = Annotated[
    str | None,
    typer.Option(
        help=say("自定编号, 永不重复; 默认随机", "your own id, unique for ever; made up when not given")
    ),
]
OrderIdArgument = Annotated[str, typer.Argument(metavar="ID", help=say("委托编号", "the order's id"))]
AccountOption = Annotated[
    str | None, typer.Option(help=say("交易账户, 默认为密钥所属", "account; the key's own if absent"))
]
UseOption = Annotated[
    RetirementPurpose | None,
    typer.Option(help=say("买入即注销的用途", "what the units are retired for as soon as they are bought")),
]
BeneficiaryOption = Annotated[
    str | None, typer.Option(help=say("注销为谁", "for whom they are retired; with --use"))
]
StatementOption = Annotated[
    str | None, typer.Option(help=say("说明", "what the certificate says besides; with --use"))
]


async def buy(
    desk: Desk,
    listing: ListingArgument,
    *,
    price: PriceOption,
    quantity: QuantityOption,
    time_in_force: TimeInForceOption = TimeInForceName.DAY,
    client_order_id: ClientOrderIdOption = None,
    account: AccountOption = None,
    use: UseOption = None,
    beneficiary: BeneficiaryOption = None,
    statement: StatementOption = None,
    preview: PreviewOption = False,
) -> None:
    """Place a buy order; with a use, what is bought is retired and never available."""
    body = _order_body(
        "buy",
        listing,
        price=price,
        quantity=quantity,
        time_in_force=time_in_force,
        client_order_id=client_order_id,
        account=account,
    )
    if (use is None) is not (beneficiary is None) or (statement is not None and use is None):
        raise CommandFault(
            say(
                "--use 与 --beneficiary 须同时给出",
                "--use and --beneficiary go together, --statement with them",
            )
        )
    if use is not None:
        body["use"] = {"purpose": use.value, "beneficiary": beneficiary}
        if statement is not None:
            body["use"]["statement"] = statement
    await _place(desk, BUYER, body, preview=preview)


async def sell(
    desk: Desk,
    listing: ListingArgument,
    *,
    price: PriceOption,
    quantity: QuantityOption,
    time_in_force: TimeInForceOption = TimeInForceName.DAY,
    client_order_id: ClientOrderIdOption = None,
    account: AccountOption = None,
    preview: PreviewOption = False,
) -> None:
    """Place a sell order."""
    body = _order_body(
        "sell",
        listing,
        price=price,
        quantity=quantity,
        time_in_force=time_in_force,
        client_order_id=client_order_id,
        account=account,
    )
    await _place(desk, SELLER, body, preview=preview)


async def replace(
    desk: Desk,
    order_id: OrderIdArgument,
    *,
    price: Annotated[str | None, typer.Option(help=say("新限价, 元/吨", "the new limit"))] = None,
    quantity: Annotated[
        int | None,
        typer.Option(min=1, help=say("新的总数量, 含已成交", "the new whole quantity, filled included")),
    ] = None,
    client_id: Annotated[
        str | None,
        typer.Option(
            help=say("此次改单的自定编号; 默认随机", "your own id of this change; made up if absent")
        ),
    ] = None,
) -> None:
    """Change an open order's price or quantity; its place is kept only for less at the same price."""
    require_order_id(order_id)
    body = {"client_id": client_id or f"cli-{uuid.uuid4().hex[:28]}"}
    if price is not None:
        body["price"] = full_price(price)
    if quantity is not None:
        body["quantity"] = str(quantity)
    given = "".join(f" --{name.replace('_', '-')} {text}" for name, text in body.items())
    role = desk.target.act_as or await _owner_of(desk, order_id)
    async with desk.client(role) as client:
        again = f"puhui order replace {order_id}{given}"
        answer = await client.repeat("PATCH", f"/v1/orders/{order_id}", body, again=again)
    _show_placed(desk.output, answer.body)


async def cancel(desk: Desk, order_id: OrderIdArgument) -> None:
    """Cancel what remains of an order; as the seller unless --as says otherwise."""
    require_order_id(order_id)
    role = desk.target.act_as or await _owner_of(desk, order_id)
    async with desk.client(role) as client:
        answer = await client.change("DELETE", f"/v1/orders/{order_id}")
    order = answer.body.get("order", answer.body)
    if not desk.output.value(answer.body):
        desk.output.line(_order_line(order))


async def orders(
    desk: Desk,
    *,
    status: Annotated[
        StatusFilter, typer.Option(help=say("仅未了结的, 或全部", "open ones only, or all"))
    ] = (StatusFilter.OPEN),
    client_order_id: Annotated[
        str | None, typer.Option(help=say("按自定编号查询", "look one up by its own id"))
    ] = None,
    after: Annotated[str | None, typer.Option(help=say("从此游标继续", "go on from this cursor"))] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help=say("每页条数", "how many at most"))] = 50,
) -> None:
    """One's orders."""
    async with desk.client(BUYER) as client:
        if client_order_id is not None:
            found = await client.get("/v1/orders", client_order_id=client_order_id)
            items, following = [found.get("order", found)], None
        else:
            wanted = "open" if status is StatusFilter.OPEN else None
            found = await client.get("/v1/orders", status=wanted, after=after, limit=limit)
            items, following = found["items"], found["next"]
    if desk.output.value(found):
        return
    _order_table(desk.output, items)
    if following is not None:
        desk.output.line(say(f"还有更多: --after {following}", f"there are more: --after {following}"))


async def account(desk: Desk) -> None:
    """Cash, units and lots with their serial ranges."""
    async with desk.client(BUYER) as client:
        found = await client.get("/v1/account")
        lots = await client.get("/v1/account/lots")
    items = lots["items"]
    if desk.output.value({**found, "lots": items}):
        return
    _account_tables(desk.output, found, items)


async def _owner_of(desk: Desk, order_id: str) -> str:
    """Whose order it is among the demonstration's traders, so that a cancel needs no --as."""
    if desk.target.key is not None:
        return SELLER
    for role in (SELLER, BUYER, "buyer2", "entity"):
        async with desk.client(role) as client:
            page = await client.get("/v1/orders", status="open", limit=500)
        if any(order["id"] == order_id for order in page["items"]):
            return role
    raise CommandFault(say(f"没有未了结的委托 {order_id}", f"there is no open order {order_id}"))


async def _place(desk: Desk, role: str, body: dict[str, Any], *, preview: bool) -> None:
    if preview:
        await show_preview(desk, role, body)
        return
    async with desk.client(role) as client:
        answer = await client.place_order(body)
    _show_placed(desk.output, answer.body)


def _show_placed(output: Output, body: dict[str, Any]) -> None:
    if output.value(body):
        return
    output.line(_order_line(body["order"]))
    for trade in body.get("trades", []):
        output.line(
            say(
                f"  成交 {trade['id']}: {trade['quantity']} 吨, {trade['price']} 元/吨",
                f"  trade {trade['id']}: {trade['quantity']} t at ¥{trade['price']}",
            )
        )


def _order_body(
    side: str,
    listing: str,
    *,
    price: str,
    quantity: int,
    time_in_force: TimeInForceName,
    client_order_id: str | None,
    account: str | None,
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "client_order_id": client_order_id or f"cli-{uuid.uuid4().hex[:28]}",
        "listing": listing,
        "side": side,
        "type": "limit",
        "price": full_price(price),
        "quantity": str(quantity),
        "time_in_force": time_in_force.value,
    }
    return body | ({"account": account} if account is not None else {})


def require_order_id(text: str) -> None:
    """Raises CommandFault for what is no order's id."""
    if not (text.isascii() and text.isdecimal()):
        raise CommandFault(say(f"{text} 不是委托编号", f"{text} is no order id"))


def full_price(text: str) -> str:
    """A price as people write it (68, 68.5) with the two decimals the contract asks for.

    Raises:
        CommandFault: it is not yuan and fen.
    """
    found = _YUAN.fullmatch(text)
    if found is None:
        raise CommandFault(
            say(f"价格 {text} 应为元和分, 如 68.50", f"the price {text} is not yuan and fen, like 68.50")
        )
    return f"{int(found['yuan'])}.{(found['fen'] or '').ljust(2, '0')}"


def _order_line(order: dict[str, Any]) -> str:
    side, status = term(SIDE, order["side"]), term(ORDER_STATUS, order["status"])
    return say(
        f"委托 {order['id']}: {side} {order['listing']} {order['quantity']} 吨, 限价 {order['price']} 元/吨, "
        f"{status}, 已成交 {order['filled']} 吨, 剩余 {order['remaining']} 吨 (自定编号 {order['client_order_id']})",
        f"order {order['id']}: {side} {order['quantity']} t {order['listing']} at ¥{order['price']}, "
        f"{status}, filled {order['filled']} t, remaining {order['remaining']} t (own id {order['client_order_id']})",
    )


def _order_table(output: Output, items: list[dict[str, Any]]) -> None:
    output.table(
        say("委托", "orders"),
        say(
            "编号|产品|方向|#价格|#数量|#已成交|#剩余|#均价|状态|自定编号",
            "id|listing|side|#price|#quantity|#filled|#remaining|#average|status|own id",
        ).split("|"),
        (
            (
                order["id"],
                order["listing"],
                term(SIDE, order["side"]),
                order["price"],
                order["quantity"],
                order["filled"],
                order["remaining"],
                order.get("average_price"),
                term(ORDER_STATUS, order["status"]),
                order["client_order_id"],
            )
            for order in items
        ),
    )


def _account_tables(output: Output, found: dict[str, Any], lots: list[dict[str, Any]]) -> None:
    cash = found["cash"]
    if found["restricted"]:
        reason = found["restriction"]["reason"]
        output.line(say(f"该账户交易已被限制: {reason}", f"the account's trading is frozen: {reason}"))
    output.table(
        say(f"账户 {found['account']}: 资金 (元)", f"account {found['account']}: cash in yuan"),
        say(
            "#可用|#冻结|#交收中|#可取|#可买", "#available|#held|#delivering|#withdrawable|#buying power"
        ).split("|"),
        [tuple(cash[part] for part in ("available", "held", "delivering", "withdrawable", "buying_power"))],
    )
    fields = ("available", "held", "delivering", "bought_today", "frozen")
    output.table(
        say("减排量 (吨)", "units in tonnes"),
        say(
            "产品|#可用|#挂单|#交收中|#今日买入|#司法冻结",
            "listing|#available|#held|#delivering|#bought today|#frozen",
        ).split("|"),
        ((listing, *(units.get(field) for field in fields)) for listing, units in found["units"].items()),
    )
    output.table(
        say("批次与序列号 (左闭右开)", "lots with serials, half-open"),
        say(
            "批次|产品|类别|方法学|#吨数|#可用|序列号",
            "lot|listing|class|methodology|#quantity|#available|serials",
        ).split("|"),
        (
            (
                lot["lot"],
                lot["listing"],
                lot["class"],
                lot["methodology"],
                lot["quantity"],
                lot.get("available"),
                ", ".join(f"[{first}, {end})" for first, end in lot["serials"]),
            )
            for lot in lots
        ),
    )


order_app.command("buy", help=say("买入", "buy"))(command(buy))
order_app.command("sell", help=say("卖出", "sell"))(command(sell))
order_app.command("replace", help=say("改单", "change an open order"))(command(replace))
