"""The supervisor's commands: orders, trades, accounts, the journal and its own looks; and operators' word on personal data."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from gateway.cli.acts import ReasonOption, perform
from gateway.cli.command import Desk, command
from gateway.cli.operator import OPERATOR
from gateway.cli.output import Output
from gateway.cli.words import say

SUPERVISOR: Final = "supervisor"

supervise_app = typer.Typer(
    no_args_is_help=True, help=say("监督查阅, 每次留痕", "read everything; each look is written down")
)

WhyOption = Annotated[
    str | None,
    typer.Option(
        "--reason",
        help=say(
            "查阅理由; 说明理由后显示已限制的个人信息",
            "why one looks; with it restricted personal data are shown",
        ),
    ),
]
AfterOption = Annotated[str | None, typer.Option(help=say("上一页给出的位置", "where the page before ended"))]
LimitOption = Annotated[int, typer.Option(min=1, max=500, help=say("条数", "how many"))]
AccountOption = Annotated[str | None, typer.Option(help=say("账户", "of one account"))]
DayOption = Annotated[str | None, typer.Option("--day", help=say("交易日", "of one trading day, YYYY-MM-DD"))]


class OrderStatus(StrEnum):
    """In which state."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"


class SubjectKindOption(StrEnum):
    """How somebody is known."""

    PERSON = "person"
    PARTICIPANT = "participant"
    BENEFICIARY = "beneficiary"


async def orders(
    desk: Desk,
    *,
    account: AccountOption = None,
    day: DayOption = None,
    status: Annotated[OrderStatus | None, typer.Option(help=say("状态", "in which state"))] = None,
    after: AfterOption = None,
    limit: LimitOption = 100,
    reason: WhyOption = None,
) -> None:
    """Orders of everybody, refused ones with their reasons."""
    found = await _look(
        desk,
        "orders",
        account=account,
        trading_day=day,
        status=status,
        after=after,
        limit=limit,
        reason=reason,
    )
    names = ("id", "account", "listing", "side", "price", "quantity", "status", "reason")
    _show(
        desk.output,
        found,
        say("委托", "orders"),
        say(
            "编号|账户|产品|买卖|#价格|#吨|状态|原因",
            "id|account|listing|side|#price|#t|status|reason",
        ),
        ([one["created_at"], *(one[name] for name in names)] for one in found["items"]),
    )


async def trades(
    desk: Desk,
    *,
    account: AccountOption = None,
    day: DayOption = None,
    after: AfterOption = None,
    limit: LimitOption = 100,
    reason: WhyOption = None,
) -> None:
    """Trades with both sides."""
    found = await _look(
        desk, "trades", account=account, trading_day=day, after=after, limit=limit, reason=reason
    )
    _show(
        desk.output,
        found,
        say("成交", "trades"),
        say("编号|方式|产品|#价格|#吨|买方|卖方|交收", "id|method|listing|#price|#t|buyer|seller|settlement"),
        (
            (
                *(one["time"], one["id"], one["method"], one["listing"], one["price"], one["quantity"]),
                *(one["buyer"]["account"], one["seller"]["account"], one["settlement"]["state"]),
            )
            for one in found["items"]
        ),
    )


async def journal(
    desk: Desk,
    *,
    after: Annotated[int, typer.Option(min=0, help=say("此条目之后", "after this entry"))] = 0,
    limit: LimitOption = 100,
    reason: WhyOption = None,
) -> None:
    """Entries of the journal with their digests."""
    found = await _look(desk, "journal", after=str(after), limit=limit, reason=reason)
    _show(
        desk.output,
        found,
        say("日志", "the journal"),
        say("#条目|命令|事件|摘要 SHA-256", "#entry|command|events|digest, SHA-256"),
        (
            (one["time"], one["entry"], one["command"], len(one["events"]), one["digest"])
            for one in found["items"]
        ),
    )


async def looks(desk: Desk, *, after: AfterOption = None, limit: LimitOption = 100) -> None:
    """What supervisors looked at, who and why."""
    found = await _look(desk, "looks", after=after, limit=limit)
    names = ("time", "look", "by", "target", "reason")
    _show(
        desk.output,
        found,
        say("查阅记录", "looks"),
        say("编号|查阅人|查阅内容|理由", "look|by|what|why"),
        ([one[name] for name in names] for one in found["items"]),
    )


async def restrict_data(
    desk: Desk,
    kind: Annotated[SubjectKindOption, typer.Argument(help=say("主体类型", "how they are known"))],
    name: Annotated[
        str, typer.Argument(help=say("用户名、主体编号或受益人", "their name, as it is written"))
    ],
    *,
    reason: ReasonOption,
) -> None:
    """Keep somebody's personal data and stop processing them otherwise."""
    body = {"kind": kind.value, "name": name, "reason": reason}
    done = await perform(desk, "/v1/operator/personal-data", body)
    if not desk.output.value(done):
        stands = done["pseudonym"]
        desk.output.line(
            say(f"已限制处理, 此后显示为 {stands}", f"restricted; from now on they are shown as {stands}")
        )


async def release_data(
    desk: Desk,
    subject: Annotated[int, typer.Argument(min=1, help=say("主体序号", "the subject's number"))],
    *,
    reason: ReasonOption,
) -> None:
    """Process somebody's personal data again."""
    done = await perform(desk, f"/v1/operator/personal-data/{subject}/release", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say(f"已恢复处理: {done['name']}", f"processed again: {done['name']}"))


async def personal_data(desk: Desk, *, after: AfterOption = None, limit: LimitOption = 100) -> None:
    """Whose personal data are restricted, or were."""
    async with desk.client(OPERATOR) as client:
        found = await client.get("/v1/operator/personal-data", after=after, limit=limit)
    names = ("restricted_at", "subject", "kind", "name", "operator", "reason", "released_at")
    _show(
        desk.output,
        found,
        say("限制处理的个人信息", "restricted personal data"),
        say("序号|类型|名称|操作员|理由|恢复时间", "subject|kind|name|operator|reason|released"),
        ([one[name] for name in names] for one in found["items"]),
    )


async def _look(desk: Desk, what: str, **query: str | int | None) -> Any:  # noqa: ANN401 - JSON
    async with desk.client(SUPERVISOR) as client:
        return await client.get(f"/v1/supervise/{what}", **query)


def _show(output: Output, found: Any, title: str, columns: str, rows: Any) -> None:  # noqa: ANN401 - JSON
    if output.value(found):
        return
    output.table(title, (say("时间", "time"), *columns.split("|")), rows)
    if found["next"] is not None:
        output.line(say(f"还有更多: --after {found['next']}", f"there are more: --after {found['next']}"))


def add_to(operators: typer.Typer) -> None:
    """Operators' commands about personal data."""
    operators.command("restrict-personal-data", help=say("限制处理个人信息", "restrict personal data"))(
        command(restrict_data)
    )
    operators.command("release-personal-data", help=say("恢复处理个人信息", "release personal data"))(
        command(release_data)
    )
    operators.command("personal-data", help=say("已限制处理的个人信息", "whose data are restricted"))(
        command(personal_data)
    )


for _name, _run, _help in (
    ("orders", orders, say("委托, 含被拒的", "orders, refused ones too")),
    ("trades", trades, say("成交与双方", "trades with both sides")),
    ("journal", journal, say("日志与摘要", "the journal and its digests")),
    ("looks", looks, say("查阅记录", "what was looked at, and why")),
):
    supervise_app.command(_name, help=_help)(command(_run))
