"""How things stand: the market's state, one's limits, one's event log, candles, and the dead man's switch."""

from enum import StrEnum
from typing import Annotated, Final

import orjson
import typer

from gateway.cli.command import Desk
from gateway.cli.market_data import ListingArgument
from gateway.cli.names import require_code
from gateway.cli.words import PHASE, say, term

TRADER: Final = "buyer"
ACTION_KIND: Final = {
    "order": "委托",
    "cancel": "撤单",
    "negotiate": "协议转让",
    "transfer": "划转与资金",
    "read": "查询",
    "operate": "操作",
    "login": "登录",
    "check": "凭证核验",
}
"""Kinds of action, as people read them."""
"""Who of the demonstration looks unless --as says otherwise."""

LimitOption = Annotated[int, typer.Option(min=1, max=500, help=say("最多几条", "so many at most"))]


class Interval(StrEnum):
    """How long a candle is."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    HOUR = "1h"
    DAY = "1d"
    WEEK = "1w"


async def status(desk: Desk) -> None:
    """The market's phase, halts and kill switch."""
    async with desk.client(None) as client:
        found = await client.get("/v1/status")
    if desk.output.value(found):
        return
    desk.output.line(
        say(
            f"交易日 {found['trading_day'] or '-'}, {term(PHASE, found['phase'])}",
            f"trading day {found['trading_day'] or '-'}, {term(PHASE, found['phase'])}",
        )
    )
    desk.output.line(
        say(
            f"交易日历公布至 {found['calendar_until'] or '-'}",
            f"trading days are announced until {found['calendar_until'] or '-'}",
        )
    )
    if found["kill_switch"]:
        desk.output.line(say("全市场已紧急停止", "the market's kill switch is on"))
    desk.output.table(
        say("产品", "listings"),
        say("产品|阶段|恢复时间|暂停|理由", "listing|phase|goes on|halted|why").split("|"),
        (
            (
                one["listing"],
                term(PHASE, one["phase"]),
                one["resume_at"],
                say("是", "yes") if one["halted"] else say("否", "no"),
                one["halt"] and one["halt"]["reason"],
            )
            for one in found["listings"]
        ),
    )


async def limits(desk: Desk) -> None:
    """How much of each kind of action may be done, and how much is left."""
    async with desk.client(TRADER) as client:
        found = await client.get("/v1/limits")
    if desk.output.value(found):
        return
    desk.output.table(
        say("限额", "limits"),
        say("种类|#限额|#秒|#剩余|#复满秒数", "kind|#quota|#seconds|#left|#full again in").split("|"),
        (
            (term(ACTION_KIND, one["kind"]), one["quota"], one["window_s"], one["remaining"], one["reset_s"])
            for one in found["items"]
        ),
    )


async def events(
    desk: Desk,
    *,
    after: Annotated[int, typer.Option(min=0, help=say("从此编号之后", "those after this number"))] = 0,
    limit: LimitOption = 100,
) -> None:
    """The account's gapless event log."""
    async with desk.client(TRADER) as client:
        found = await client.get("/v1/events", after=after or None, limit=limit)
    if desk.output.value(found):
        return
    known = {"event_id", "type", "time"}
    desk.output.table(
        say("账户事件", "events"),
        say("#编号|类型|时间|内容", "#id|type|time|what").split("|"),
        (
            (
                one["event_id"],
                one["type"],
                one["time"],
                ", ".join(f"{name} {_plain(value)}" for name, value in one.items() if name not in known),
            )
            for one in found["items"]
        ),
    )


def _plain(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


async def candles(
    desk: Desk,
    listing: ListingArgument,
    *,
    interval: Annotated[Interval, typer.Option(help=say("周期", "how long each is"))] = Interval.DAY,
    limit: LimitOption = 30,
) -> None:
    """Candles of the listed trades, newest first."""
    async with desk.client(None) as client:
        target = f"/v1/listings/{require_code(listing)}/candles"
        found = await client.get(target, interval=interval.value, limit=limit)
    if desk.output.value(found):
        return
    desk.output.table(
        say(f"{listing} K 线 {interval.value}", f"{listing}, {interval.value}"),
        say(
            "开始|#开|#高|#低|#收|#成交量|#成交额|#笔数",
            "start|#open|#high|#low|#close|#volume|#turnover|#trades",
        ).split("|"),
        (
            tuple(
                one[name]
                for name in ("start", "open", "high", "low", "close", "volume", "turnover", "trades")
            )
            for one in found["items"]
        ),
    )


async def cancel_all_after(
    desk: Desk,
    seconds: Annotated[int, typer.Argument(min=0, help=say("秒数; 0 解除", "seconds; 0 takes it back"))],
    *,
    account: Annotated[str | None, typer.Option(help=say("账户", "the account"))] = None,
) -> None:
    """Have all open orders cancelled unless this comes again in time: the dead man's switch."""
    body = {"timeout_s": seconds} | ({} if account is None else {"account": account})
    async with desk.client(TRADER) as client:
        done = (await client.change("POST", "/v1/cancel-all-after", body)).body
    if not desk.output.value(done):
        whose, at = done["account"], done["fires_at"]
        desk.output.line(
            say(f"{whose}: 断线保护已解除", f"{whose}: nothing will be cancelled by itself")
            if at is None
            else say(
                f"{whose}: 如不再来, 将于 {at} 撤销全部委托", f"{whose}: all orders are cancelled at {at}"
            )
        )
