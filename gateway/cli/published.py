"""What the exchange hands out of closed days: bulletins and digests for everybody, statements for their accounts."""

from datetime import date as calendar_date
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from gateway.cli.client import ExchangeClient
from gateway.cli.command import Desk
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output, write_new
from gateway.cli.words import SIDE, USE_PURPOSE, say, term
from gateway.documents.statement import SETTLED
from gateway.documents.statement_orders import TOLD, order_lines

BUYER: Final = "buyer"
WEEK: Final = timedelta(days=6)


class Form(StrEnum):
    """How a file is written."""

    JSON = "json"
    CSV = "csv"
    PDF = "pdf"


DayArgument = Annotated[
    str | None,
    typer.Argument(help=say("交易日 YYYY-MM-DD, 默认最近", "the day, YYYY-MM-DD; the newest if absent")),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help=say("写入新文件", "new file to write it to"))
]
FormOption = Annotated[
    Form | None,
    typer.Option("--format", help=say("文件格式, 默认按文件名", "of the file; by its name if absent")),
]


async def bulletin(
    desk: Desk,
    day: DayArgument = None,
    *,
    week: Annotated[
        bool, typer.Option("--week", help=say("该日所在周的周报", "of the week it is in"))
    ] = False,
    form: FormOption = None,
    output: OutputOption = None,
) -> None:
    """The table of a closed day, or of its week."""
    async with desk.client(None) as client:
        path, query = await _bulletin_of(client, day, week=week)
        found = await client.get(path, **query)
        told = found["items"][-1] if "items" in found else found
        if output is not None:
            write_new(output, await _content(client, path, form_of(form, output), told, query))
    if desk.output.value(told):
        return
    if output is not None:
        desk.output.line(say(f"已写入 {output}", f"written to {output}"))
        return
    _show_bulletin(desk.output, told)


async def statement(
    desk: Desk,
    day: DayArgument = None,
    *,
    account: Annotated[
        str | None, typer.Option(help=say("账户, 默认自己的", "whose; one's own if absent"))
    ] = None,
    form: FormOption = None,
    output: OutputOption = None,
) -> None:
    """What a closed day did to an account."""
    query = {"account": account}
    async with desk.client(BUYER) as client:
        path = f"/v1/account/statements/{day or await _newest_day(client)}"
        told = await client.get(path, **query)
        if output is not None:
            write_new(output, await _content(client, path, form_of(form, output), told, query))
    if desk.output.value(told):
        return
    if output is not None:
        desk.output.line(say(f"结单已写入 {output}", f"the statement is in {output}"))
    else:
        _show_statement(desk.output, told)
    desk.output.line(f"SHA-256 {told['digest']}")


async def digests(
    desk: Desk,
    *,
    after: Annotated[str | None, typer.Option(help=say("此日之后", "of days after this one"))] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help=say("条数", "how many"))] = 100,
) -> None:
    """The journal's digest at the end of each closed day: keep them, and rewritten history shows."""
    async with desk.client(None) as client:
        found = await client.get("/v1/digests", after=after, limit=limit)
    if desk.output.value(found):
        return
    desk.output.table(
        say("每日日志摘要", "the journal's digests"),
        say("交易日|#条目|闭市时间|摘要 SHA-256", "day|#entry|closed|digest, SHA-256").split("|"),
        ((one["trading_day"], one["entry"], one["closed_at"], one["digest"]) for one in found["items"]),
    )
    if found["next"] is not None:
        desk.output.line(
            say(f"还有更多: --after {found['next']}", f"there are more: --after {found['next']}")
        )


def form_of(form: Form | None, output: Path) -> Form:
    """The form asked for, or the one the file's name tells. Raises CommandFault."""
    if form is not None:
        return form
    try:
        return Form(output.suffix.removeprefix(".").lower())
    except ValueError:
        raise CommandFault(
            say(f"{output}: 请用 --format json|csv|pdf", f"{output}: say --format json|csv|pdf")
        ) from None


async def _bulletin_of(
    client: ExchangeClient, day: str | None, *, week: bool
) -> tuple[str, dict[str, str | None]]:
    """Which address has it, and what it is to be asked."""
    if day is None:
        day = await _newest_day(client)
    if not week:
        return f"/v1/bulletins/{day}", {}
    try:
        asked = calendar_date.fromisoformat(day)
    except ValueError:
        raise CommandFault(say(f"{day} 不是日期", f"{day} is no date")) from None
    monday = asked - timedelta(days=asked.weekday())
    span: dict[str, str | None] = {
        "period": "week",
        "from": monday.isoformat(),
        "to": (monday + WEEK).isoformat(),
    }
    if not (await client.get("/v1/bulletins", **span))["items"]:
        raise CommandFault(say(f"{day} 所在周尚无公告", f"nothing is published of the week of {day}"))
    return "/v1/bulletins", span


async def _newest_day(client: ExchangeClient) -> str:
    items = (await client.get("/v1/bulletins"))["items"]
    if not items:
        raise CommandFault(say("尚无已闭市的交易日", "no trading day has been closed yet"))
    return str(items[-1]["date"])


async def _content(
    client: ExchangeClient, path: str, form: Form, told: dict[str, Any], query: dict[str, str | None]
) -> bytes:
    if form is Form.JSON:
        return orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n"
    content: bytes = await client.get(path, **query, format=form.value)
    return content


def _show_bulletin(output: Output, told: dict[str, Any]) -> None:
    when = told["date"] if told["from"] == told["date"] else f"{told['from']} – {told['date']}"
    prices = ("listing", "open", "high", "low", "close", "change")
    sums = ("listed_volume", "listed_turnover", "negotiated_volume", "negotiated_turnover")
    output.table(
        say(f"{when} 行情公告", f"bulletin of {when}"),
        say(
            "产品|#开盘|#最高|#最低|#收盘|#涨跌|#挂牌量|#挂牌额|#协议量|#协议额|#累计量|#累计额",
            "listing|#open|#high|#low|#close|#change|#listed t|#listed ¥|#negotiated t|#negotiated ¥|#all days t|#all days ¥",
        ).split("|"),
        (
            [line[name] for name in (*prices, *sums, "cumulative_volume", "cumulative_turnover")]
            for line in told["listings"]
        ),
    )
    output.table(
        say("按用途的使用量", "used up, by purpose"),
        say(
            "用途|#本期公布(吨)|起始日|待并入后期|#累计(吨)", "purpose|#told t|since|held over|#all days t"
        ).split("|"),
        (
            (
                term(USE_PURPOSE, one["purpose"]),
                one["quantity"],
                one["since"],
                say("有", "yes") if one["held_over"] else say("无", "no"),
                one["cumulative"],
            )
            for one in told["retired"]
        ),
    )


def _show_statement(output: Output, told: dict[str, Any]) -> None:
    opening, closing = told["opening"], told["closing"]
    units = sorted({*opening["units"], *closing["units"]})
    output.table(
        say(f"{told['account']} {told['trading_day']} 日结单", f"{told['account']} on {told['trading_day']}"),
        say("项目|#期初|#期末", "item|#opening|#closing").split("|"),
        (
            (say("资金 (元)", "cash (CNY)"), opening["cash"], closing["cash"]),
            *((code, opening["units"].get(code, "0"), closing["units"].get(code, "0")) for code in units),
        ),
    )
    _show_orders(output, told)
    names = ("reference", "listing", "quantity", "amount", "counterparty")
    output.table(
        say("交收明细", "what settled"),
        say(
            "时间|类别|编号|产品|#吨|#金额|对方", "time|kind|reference|listing|#t|#amount|counterparty"
        ).split("|"),
        (
            (line["time"], say(*SETTLED[line["kind"]]), *(line[name] for name in names))
            for line in told["settled"]
        ),
    )
    _show_lots(output, told["lots"])


def _show_orders(output: Output, told: dict[str, Any]) -> None:
    output.table(
        say("委托与成交", "orders and trades"),
        say(
            "时间|事项|委托|成交|产品|方向|#价格|#吨|#剩余",
            "time|event|order|trade|listing|side|#price|#t|#remaining",
        ).split("|"),
        (
            (
                line.time,
                say(*TOLD[line.kind]),
                line.order,
                line.trade,
                line.listing,
                term(SIDE, line.side),
                line.price,
                line.quantity,
                line.remaining,
            )
            for line in order_lines(told)
        ),
    )


def _show_lots(output: Output, lots: list[dict[str, Any]]) -> None:
    output.table(
        say("期末批次", "lots at the end"),
        say("批次|产品|序列号|#吨", "lot|listing|serials|#t").split("|"),
        (
            (
                lot["lot"],
                lot["listing"],
                " ".join(f"[{first}, {end})" for first, end in lot["serials"]),
                lot["quantity"],
            )
            for lot in lots
        ),
    )
