"""Operators' exceptional acts: halts, restrictions, undone trades, rules, and the second person's word on them."""

from typing import Annotated, Any, Final

import typer

from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault, Waiting
from gateway.cli.names import require_code, require_name
from gateway.cli.operator import OPERATOR
from gateway.cli.words import say, term
from matching.access import AccessDeed

SECOND_PERSON: Final = "operator2"

ACT: Final = {
    "halt": "暂停交易",
    "resume": "恢复交易",
    "restrict_account": "限制账户交易",
    "lift_restriction": "解除账户限制",
    "kill_switch": "紧急停止",
    "lift_kill_switch": "解除紧急停止",
    "bust_trade": "撤销成交",
    "emergency_rules": "紧急规则",
    "settle_cash_break": "资金差异销号",
    "supersede_bank_statement": "作废银行对账单",
    "go_on_without_registry": "不待登记平台继续闭市",
    "place_freeze": "冻结",
    "lift_freeze": "解除冻结",
    "decide_claim": "裁定修正追索",
    "resolve_break": "差异销号",
    "retry_deliveries": "重试交收",
    "unwind_delivery": "撤回交收",
    "review_negotiated": "审核协议转让",
    "grant_mandate": "登记委托",
    "restrict_personal_data": "限制个人信息处理",
    "release_personal_data": "恢复个人信息处理",
    "issue_key": "签发密钥",
    "add_person": "新增登录人员",
    "reset_person": "重置密码",
    "enable_person": "恢复登录",
}

ReasonOption = Annotated[str, typer.Option(help=say("理由", "why"))]
ListingArgument = Annotated[
    str | None, typer.Argument(help=say("产品代码, 如 SHCERCIR1", "code, such as SHCERCIR1"))
]
MarketOption = Annotated[bool, typer.Option("--market", help=say("整个市场", "the whole market"))]
SwitchedAccountOption = Annotated[str | None, typer.Option("--account", help=say("一个账户", "one account"))]
SwitchedParticipantOption = Annotated[
    str | None,
    typer.Option("--participant", help=say("一个参与人的全部账户", "all accounts of a participant")),
]
LiftOption = Annotated[bool, typer.Option("--lift", help=say("解除", "lift it"))]
AccountArgument = Annotated[str, typer.Argument(help=say("交易账户", "the account"))]
TradeArgument = Annotated[str, typer.Argument(metavar="TRADE", help=say("成交编号", "the trade's id"))]
RetirementArgument = Annotated[str, typer.Argument(metavar="ID", help=say("注销编号", "the retirement's id"))]
ApprovalArgument = Annotated[str, typer.Argument(metavar="ID", help=say("复核编号", "the approval's id"))]


async def go_on_without_registry(desk: Desk, *, reason: ReasonOption) -> None:
    """Let the close go on without what the registry has not answered."""
    done = await perform(desk, "/v1/operator/day/go-on-without-registry", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say("闭市不待登记平台继续", "the close goes on without the registry"))


async def halt(
    desk: Desk, listing: ListingArgument = None, *, market: MarketOption = False, reason: ReasonOption
) -> None:
    """Stop trading of a listing or of the market; orders can still be cancelled."""
    place = _place(listing, market=market)
    done = await perform(desk, f"/v1/operator/{place}/halt", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say(f"已暂停交易: {listing or '全市场'}", f"halted: {listing or 'the market'}"))


async def resume(
    desk: Desk, listing: ListingArgument = None, *, market: MarketOption = False, reason: ReasonOption
) -> None:
    """Let a listing or the market trade again."""
    place = _place(listing, market=market)
    done = await perform(desk, f"/v1/operator/{place}/resume", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say(f"已恢复交易: {listing or '全市场'}", f"resumed: {listing or 'the market'}"))


async def restrict(desk: Desk, account: AccountArgument, *, reason: ReasonOption) -> None:
    """Freeze an account's trading and take back its open orders."""
    body = {"account": account, "act": "restrict", "reason": reason}
    done = await perform(desk, "/v1/operator/restrictions", body)
    if not desk.output.value(done):
        number = len(done["cancelled"])
        desk.output.line(
            say(
                f"已限制账户 {account}, 撤销委托 {number} 笔",
                f"account {account} is restricted; {number} orders were cancelled",
            )
        )


async def lift(desk: Desk, account: AccountArgument, *, reason: ReasonOption) -> None:
    """Let a restricted account trade again."""
    body = {"account": account, "act": "lift", "reason": reason}
    done = await perform(desk, "/v1/operator/restrictions", body)
    if not desk.output.value(done):
        desk.output.line(say(f"已解除对账户 {account} 的限制", f"account {account} may trade again"))


async def kill(
    desk: Desk,
    *,
    account: SwitchedAccountOption = None,
    participant: SwitchedParticipantOption = None,
    market: MarketOption = False,
    lift: LiftOption = False,
    reason: ReasonOption,
) -> None:
    """Cancel every open order of an account, a participant or the market and take no new ones; or lift that."""
    named = {"account": account, "participant": participant, "market": "" if market else None}
    scopes = [(scope, subject) for scope, subject in named.items() if subject is not None]
    if len(scopes) != 1:
        raise CommandFault(
            say("请指明账户、参与人或 --market 之一", "name an account, a participant or --market")
        )
    ((scope, subject),) = scopes
    body = {"scope": scope, "act": "lift" if lift else "throw", "reason": reason}
    done = await perform(desk, "/v1/operator/kill-switches", body | ({"subject": subject} if subject else {}))
    if not desk.output.value(done):
        number, whose = len(done["cancelled"]), subject or say("全市场", "the market")
        desk.output.line(
            say(f"已解除紧急停止: {whose}", f"orders are taken again: {whose}")
            if lift
            else say(
                f"已紧急停止 {whose}, 撤销委托 {number} 笔",
                f"{whose} is stopped; {number} orders were cancelled",
            )
        )


async def bust(desk: Desk, trade: TradeArgument, *, reason: ReasonOption) -> None:
    """Undo a trade before its delivery."""
    done = await perform(desk, f"/v1/operator/trades/{number(trade)}/bust", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say(f"已撤销成交 {trade}", f"trade {trade} is undone"))


async def retry_retirement(desk: Desk, retirement: RetirementArgument, *, reason: ReasonOption) -> None:
    """Have the registry asked again for a retirement it refused."""
    name = require_name(retirement, "编号", "id")
    done = await perform(desk, f"/v1/operator/retirements/{name}/retry", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(
            say(f"已重新申请注销 {retirement}", f"the registry is asked again for retirement {retirement}")
        )


async def approvals(desk: Desk) -> None:
    """What waits for a second person."""
    async with desk.client(OPERATOR) as client:
        found = await client.get("/v1/operator/approvals")
    if desk.output.value(found):
        return
    desk.output.table(
        say("待复核", "waiting for a second person"),
        say("编号|操作|对象|申请人|理由|时间", "id|act|about|asked by|reason|asked at").split("|"),
        (
            (
                waiting["id"],
                term(ACT, waiting["act"]),
                waiting["subject"],
                waiting["operator"],
                waiting["reason"],
                waiting["requested_at"],
            )
            for waiting in found["items"]
        ),
    )


async def approve(desk: Desk, approval: ApprovalArgument) -> None:
    """Agree to an act as the second person; as operator2 unless --as says otherwise."""
    done = await perform(desk, f"/v1/operator/approvals/{number(approval)}/approve", {}, role=SECOND_PERSON)
    if desk.output.value(done):
        return
    if done["approval"]["act"] in set(AccessDeed):
        who = done["approval"]["operator"]
        use = f"puhui operator permit use {approval}"
        desk.output.line(
            say(
                f"已复核同意 {approval}, 由 {who} 办理: {use}",
                f"{approval} is approved; {who} does it: {use}",
            )
        )
        return
    desk.output.line(say(f"已复核同意 {approval}, 操作已执行", f"{approval} is approved and done"))


async def decline(desk: Desk, approval: ApprovalArgument, *, reason: ReasonOption) -> None:
    """Let a waiting act go; as operator2 unless --as says otherwise."""
    target = f"/v1/operator/approvals/{number(approval)}/decline"
    done = await perform(desk, target, {"reason": reason}, role=SECOND_PERSON)
    if not desk.output.value(done):
        desk.output.line(say(f"已拒绝 {approval}", f"{approval} is declined"))


async def perform(desk: Desk, target: str, body: dict[str, Any], *, role: str = OPERATOR) -> dict[str, Any]:
    """Have an act done.

    Raises:
        Waiting: it waits for a second person.
        Refused, ServerSilent: as `ExchangeClient.change`.
    """
    async with desk.client(role) as client:
        done: dict[str, Any] = (await client.change("POST", target, body)).body
    if done.get("approval", {}).get("state") == "waiting":
        raise Waiting(done)
    return done


def number(text: str) -> str:
    """An id as it stands. Raises CommandFault for what is none."""
    if not (text.isascii() and text.isdecimal()):
        raise CommandFault(say(f"{text} 不是编号", f"{text} is no id"))
    return text


def _place(listing: str | None, *, market: bool) -> str:
    if (listing is None) is not market:
        raise CommandFault(
            say("请给出产品代码, 或 --market, 二者之一", "name a listing or --market, one of the two")
        )
    if listing is None:
        return "market"
    return f"listings/{require_code(listing)}"


def add_to(app: typer.Typer) -> None:
    """Add these commands to the operator's."""
    for name, run, explained in (
        (
            "go-on-without-registry",
            go_on_without_registry,
            say("闭市不待登记平台继续", "let the close go on without the registry"),
        ),
        ("halt", halt, say("暂停交易", "halt a listing or the market")),
        ("resume", resume, say("恢复交易", "resume a listing or the market")),
        ("restrict", restrict, say("限制账户交易", "freeze an account's trading")),
        ("lift", lift, say("解除账户限制", "let an account trade again")),
        ("kill", kill, say("紧急停止或解除", "throw or lift a kill switch")),
        ("bust", bust, say("交收前撤销成交", "undo a trade before its delivery")),
        ("retry-retirement", retry_retirement, say("重新申请注销", "have a refused retirement asked again")),
        ("approvals", approvals, say("待复核的操作", "what waits for a second person")),
        ("approve", approve, say("复核同意", "agree as the second person")),
        ("decline", decline, say("复核拒绝", "let a waiting act go")),
    ):
        app.command(name, help=explained)(command(run))
