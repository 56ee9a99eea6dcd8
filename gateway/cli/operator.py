"""Operate the exchange: the trading day, and its close with progress until the day is closed."""

import asyncio
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from gateway.cli.client import ExchangeClient
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault, Refused
from gateway.cli.output import Output
from gateway.cli.words import PHASE, say, term

OPERATOR: Final = "operator"
POLL_S: Final = 0.25
UNDER_WAY: Final = "close_under_way"
"""Somebody began the close before us: then we only wait for it."""

CLOSE_STEP: Final = {
    "stop_orders": "停止接受委托",
    "expire_orders": "撤销未成交委托",
    "closing_prices": "收盘价与次日涨跌幅",
    "obligations": "逐笔清算",
    "registry": "登记划转",
    "delivery": "货银对付",
    "fees": "费用",
    "publication": "行情公告与结单",
    "reconcile": "资金与持有量核对",
    "roll_date": "换日",
}

STEP_STATE: Final = {"waiting": "等待", "running": "进行中", "done": "完成"}

operator_app = typer.Typer(no_args_is_help=True, help=say("交易所操作", "operate the exchange"))


class DayAct(StrEnum):
    """What to do with the trading day."""

    SHOW = "show"
    OPEN = "open"
    CLOSE = "close"


async def day(
    desk: Desk,
    act: Annotated[
        DayAct, typer.Argument(help=say("查看, 开市或闭市", "show, open or close it"))
    ] = DayAct.SHOW,
    *,
    reason: Annotated[
        str | None,
        typer.Option(help=say("时段未结束而闭市的理由", "why to close it before its sessions are over")),
    ] = None,
    trading_day: Annotated[
        str | None, typer.Option(help=say("开市的日期", "the day to open, YYYY-MM-DD"))
    ] = None,
    timeout_s: Annotated[
        int, typer.Option("--timeout", min=1, help=say("最多等多少秒", "wait so many seconds at most"))
    ] = 3600,
) -> None:
    """The trading day."""
    async with desk.client(OPERATOR) as client:
        if act is DayAct.OPEN:
            body = {"trading_day": trading_day} if trading_day is not None else {}
            await client.change("POST", "/v1/operator/day/open", body)
        if act is DayAct.CLOSE:
            state = await close_day(client, desk.output, timeout_s, reason)
        else:
            state = await client.get("/v1/operator/day")
    if not desk.output.value(state):
        _show_day(desk.output, state)


async def close_day(
    client: ExchangeClient, output: Output, timeout_s: int, reason: str | None = None
) -> dict[str, Any]:
    """Begin the close and wait until the next day is there.

    Raises:
        CommandFault: the day is not closed in that time; the close goes on all the same.
    """
    before = (await client.get("/v1/operator/day"))["trading_day"]
    try:
        why = {} if reason is None else {"reason": reason}
        await client.change("POST", "/v1/operator/day/close", {"trading_day": before, **why})
    except Refused as refusal:
        if refusal.code != UNDER_WAY:
            raise
    try:
        async with asyncio.timeout(timeout_s):
            return await _follow_close(client, output, before)
    except TimeoutError:
        raise CommandFault(
            say(
                f"{before} 在 {timeout_s} 秒内未完成闭市; 闭市仍在继续: puhui operator day",
                f"{before} was not closed within {timeout_s} s; the close goes on: puhui operator day",
            )
        ) from None


async def _follow_close(client: ExchangeClient, output: Output, before: str) -> dict[str, Any]:
    tasks: dict[str, TaskID] = {}
    with _progress(output) as progress:
        while True:
            state: dict[str, Any] = await client.get("/v1/operator/day")
            if state["trading_day"] != before:
                _finish(progress, tasks)
                return state
            for step in (state.get("close") or {}).get("steps", ()):
                _advance(progress, tasks, step)
            await asyncio.sleep(POLL_S)


def _progress(output: Output) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=output.as_json,
    )


def _advance(progress: Progress, tasks: dict[str, TaskID], step: dict[str, Any]) -> None:
    name = step["name"]
    if name not in tasks:
        if step["state"] == "waiting":
            return
        tasks[name] = progress.add_task(term(CLOSE_STEP, name), total=None)
    is_done = step["state"] == "done"
    total = max(step.get("total") or 0, 1)
    progress.update(tasks[name], total=total, completed=total if is_done else step.get("done") or 0)


def _finish(progress: Progress, tasks: dict[str, TaskID]) -> None:
    for task in progress.tasks:
        if task.id in tasks.values():
            progress.update(task.id, total=task.total or 1, completed=task.total or 1)


def _tell_calendar_end(output: Output, state: dict[str, Any]) -> None:
    if not state["calendar_ends_soon"]:
        return
    until, left = state["calendar_until"], state["calendar_days_left"]
    announce = "puhui operator calendar announce"
    if until is None:
        output.line(
            say(
                f"交易日历已用尽, 请公布: {announce}",
                f"the trading calendar has run out; announce days: {announce}",
            )
        )
    else:
        output.line(
            say(
                f"交易日历只公布到 {until}, 还有 {left} 天; 请公布下一期: {announce}",
                f"trading days are announced until {until}, {left} days from now; announce the next period: {announce}",
            )
        )


def _show_day(output: Output, state: dict[str, Any]) -> None:
    phase = term(PHASE, state["phase"])
    day = state["trading_day"]
    _tell_calendar_end(output, state)
    if day is None:
        output.line(
            say(
                "尚未开过交易日: puhui operator day open",
                "no trading day has been opened yet: puhui operator day open",
            )
        )
        return
    output.line(say(f"交易日 {day}, {phase}", f"trading day {day}, {phase}"))
    close = state.get("close")
    if close is not None:
        breaks = close["breaks"]
        differences = (
            ""
            if not breaks
            else say(f", 与登记平台有 {breaks} 处不符", f", {breaks} differences with the registry")
        )
        state_name = say({"done": "完成", "running": "进行中"}[close["state"]], close["state"])
        output.table(
            say(
                f"{close['trading_day']} 闭市{state_name}{differences}",
                f"close of {close['trading_day']}: {state_name}{differences}",
            ),
            say("步骤|状态|#完成|#总数", "step|state|#done|#total").split("|"),
            (
                (term(CLOSE_STEP, s["name"]), term(STEP_STATE, s["state"]), s.get("done"), s.get("total"))
                for s in close["steps"]
            ),
        )


operator_app.command("day", help=say("交易日: 查看, 开市, 闭市", "the trading day: show, open, close"))(
    command(day)
)
