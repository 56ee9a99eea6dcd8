"""What an operator does about the registry: how the line is, comparisons, breaks, freezes, corrections, parked deliveries."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

import typer

from gateway.cli.acts import ReasonOption, number, perform
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.names import require_name
from gateway.cli.operator import OPERATOR
from gateway.cli.words import say, term

KIND: Final = {
    "transfer_in": "划入",
    "transfer_out": "划出",
    "deliver": "交收划转",
    "retire": "注销",
}
SOURCE: Final = {
    "registry": "登记平台通知",
    "break": "核对差异",
    "claim": "修正追索",
    "correction": "减排量修正",
    "operator": "交易所",
}
BREAK: Final = {
    "missing_here": "交易所缺少",
    "missing_there": "登记平台缺少",
    "range_differs": "序列号不一致",
    "account_state_differs": "账户状态不一致",
    "movement_on_one_side": "划转仅见于一方",
    "contradictory_answer": "答复前后矛盾",
    "totals_differ": "总量不一致",
}
CLAIM: Final = {
    "open": "待裁定",
    "frozen": "已冻结",
    "dismissed": "已驳回",
    "compensated": "已补足",
    "removed": "已收回",
}

SERIALS: Final = "FIRST-END"

AccountOption = Annotated[str | None, typer.Option(help=say("交易账户", "the account"))]
LotOption = Annotated[str | None, typer.Option(help=say("批次", "the lot"))]
SerialsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar=SERIALS,
        help=say("半开区间, 如 1001-1011; 可重复", "half-open, such as 1001-1011; may be repeated"),
    ),
]
BreakArgument = Annotated[str, typer.Argument(metavar="BREAK", help=say("差异编号", "the break's id"))]
ClaimArgument = Annotated[str, typer.Argument(metavar="CLAIM", help=say("追索编号", "the claim's id"))]
RemovalArgument = Annotated[str, typer.Argument(metavar="ID", help=say("修正转出编号", "the removal's id"))]
FreezeArgument = Annotated[
    str, typer.Argument(metavar="ID", help=say("冻结编号, 如 act-12", "such as act-12"))
]
TradeArgument = Annotated[str, typer.Argument(metavar="TRADE", help=say("成交编号", "the trade's id"))]
OpenOption = Annotated[bool, typer.Option("--open", help=say("只列未处理的", "only those not resolved"))]


CIRCUIT: Final = {"closed": "未熔断", "half_open": "试探中", "open": "已熔断"}
"""Whether the platform is given a rest, as people read it."""


async def show_registry(desk: Desk) -> None:
    """How the line to the registry is."""
    found = await _get(desk, "/v1/operator/registry")
    if desk.output.value(found):
        return
    circuit = term(CIRCUIT, found["circuit"])
    desk.output.line(
        say(
            f"登记平台{'有' if found['answers'] else '无'}应答, {circuit}, 已取通知 {found['notice_cursor']}",
            f"the registry {'answers' if found['answers'] else 'is silent'}, circuit {found['circuit']}, "
            f"notices taken to {found['notice_cursor']}",
        )
    )
    desk.output.table(
        say("自启动以来的划转", "movements since the start"),
        say(
            "种类|#已发送|#已确认|#已拒绝|#未明答复|#在途",
            "kind|#sent|#confirmed|#refused|#unclear answers|#under way",
        ).split("|"),
        (
            (
                term(KIND, kind),
                *(counts[name] for name in ("sent", "confirmed", "refused", "unknown", "in_flight")),
            )
            for kind, counts in found["by_kind"].items()
        ),
    )
    _table(
        desk, say("未明", "unclear"), say("请求|自", "request|since"), found["unclear"], ("request", "since")
    )
    stopped = ("request", "kind", "earlier", "later")
    _table(
        desk,
        say("答复矛盾", "contradicted"),
        say("请求|何种|先|后", "request|how|first|then"),
        found["stopped"],
        stopped,
    )


async def reconciliations(desk: Desk) -> None:
    """Comparisons with the registry, newest first."""
    found = await _get(desk, "/v1/operator/reconciliations")
    if not desk.output.value(found):
        columns = ("id", "time", "trading_day", "as_of", "breaks", "open_breaks")
        heads = say("编号|时间|交易日|#截至|#差异|#未处理", "id|time|trading day|#as of|#breaks|#open")
        _table(desk, say("对账", "comparisons"), heads, found["items"], columns)


async def reconcile(desk: Desk) -> None:
    """Compare both sides now."""
    async with desk.client(OPERATOR) as client:
        done: dict[str, Any] = (await client.change("POST", "/v1/operator/reconciliations", {})).body
    if not desk.output.value(done):
        breaks = done["breaks"]
        desk.output.line(
            say(
                f"有 {breaks} 处不符: puhui operator breaks --open",
                f"{breaks} differences: puhui operator breaks --open",
            )
            if breaks
            else say("双方一致", "both sides agree")
        )


async def breaks(desk: Desk, *, is_open: OpenOption = False) -> None:
    """Breaks with the registry, newest first."""
    found = await _get(desk, "/v1/operator/breaks" + ("?state=open" if is_open else ""))
    if desk.output.value(found):
        return
    desk.output.table(
        say("对账差异", "breaks"),
        say(
            "编号|种类|账户|批次|仅此方|仅彼方|状态|说明",
            "id|kind|account|lot|only here|only there|state|detail",
        ).split("|"),
        (
            (
                case["id"],
                term(BREAK, case["kind"]),
                case["account"] or case["registry_account"],
                case["lot"],
                _ranges(case["only_here"]),
                _ranges(case["only_there"]),
                say("未处理" if case["state"] == "open" else "已处理", case["state"]),
                case["detail"],
            )
            for case in found["items"]
        ),
    )


async def resolve_break(desk: Desk, case: BreakArgument, *, reason: ReasonOption) -> None:
    """Say that a difference is settled, and how."""
    done = await perform(desk, f"/v1/operator/breaks/{number(case)}/resolve", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(
            say(f"已处理差异 {case}, 其冻结已解除", f"break {case} is resolved, its freezes are lifted")
        )


async def restrictions(desk: Desk) -> None:
    """Restricted accounts and freezes, with who placed them."""
    found = await _get(desk, "/v1/operator/restrictions")
    if desk.output.value(found):
        return
    columns = ("account", "reason", "since")
    _table(
        desk,
        say("限制交易的账户", "restricted accounts"),
        say("账户|理由|自", "account|reason|since"),
        found["accounts"],
        columns,
    )
    desk.output.table(
        say("冻结", "freezes"),
        say("编号|来源|账户|批次|序列号|理由|自", "id|source|account|lot|serials|reason|since").split("|"),
        (
            (
                freeze["id"],
                term(SOURCE, freeze["source"]),
                freeze["account"] or freeze["registry_account"],
                freeze["lot"],
                _ranges(freeze["serials"]),
                freeze["reason"],
                freeze["since"],
            )
            for freeze in found["items"]
        ),
    )


async def freeze(
    desk: Desk,
    *,
    account: AccountOption = None,
    lot: LotOption = None,
    serials: SerialsOption = None,
    reason: ReasonOption,
) -> None:
    """Freeze an account, a lot, serials of it, or a lot in one account."""
    if account is None and lot is None:
        raise CommandFault(say("请给出 --account 或 --lot", "name --account or --lot"))
    body: dict[str, Any] = {"reason": reason}
    body |= {name: value for name, value in (("account", account), ("lot", lot)) if value is not None}
    if serials:
        body["serials"] = [_range(text) for text in serials]
    done = await perform(desk, "/v1/operator/freezes", body)
    if not desk.output.value(done):
        name = done["freeze"]["id"]
        desk.output.line(say(f"已冻结: {name}", f"frozen: {name}"))


async def unfreeze(desk: Desk, name: FreezeArgument, *, reason: ReasonOption) -> None:
    """End a freeze that an operator placed."""
    target = require_name(name, "冻结编号", "freeze's id")
    done = await perform(desk, f"/v1/operator/freezes/{target}/lift", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say(f"已解除冻结 {name}", f"freeze {name} is lifted"))


async def claims(desk: Desk) -> None:
    """Claims after corrections, newest first."""
    found = await _get(desk, "/v1/operator/corrections/claims")
    if desk.output.value(found):
        return
    desk.output.table(
        say("追索", "claims"),
        say("编号|状态|原持有账户|批次|序列号|#吨|理由", "id|state|against|lot|serials|#tonnes|reason").split(
            "|"
        ),
        (
            (
                claim["id"],
                term(CLAIM, claim["state"]),
                claim["against"],
                claim["lot"],
                _ranges(claim["serials"]),
                claim["quantity"],
                claim["reason"],
            )
            for claim in found["items"]
        ),
    )


async def decide_claim(
    desk: Desk,
    claim: ClaimArgument,
    decision: Annotated[
        str, typer.Argument(metavar="dismiss|compensate|freeze|remove", help=say("决定", "the decision"))
    ],
    *,
    reason: ReasonOption,
) -> None:
    """Decide what becomes of corrected units that somebody else has by now."""
    body = {"decision": decision, "reason": reason}
    done = await perform(desk, f"/v1/operator/corrections/claims/{number(claim)}/decide", body)
    if not desk.output.value(done):
        desk.output.line(
            say(f"追索 {claim}: {term(CLAIM, done['state'])}", f"claim {claim} is {done['state']}")
        )


async def removals(desk: Desk) -> None:
    """Corrected units on their way out, or out."""
    found = await _get(desk, "/v1/operator/corrections/removals")
    if not desk.output.value(found):
        columns = ("id", "state", "account", "lot", "quantity", "reason")
        heads = say("编号|状态|账户|批次|#吨|理由", "id|state|account|lot|#tonnes|reason")
        _table(desk, say("修正转出", "removals of corrected units"), heads, found["items"], columns)


async def retry_removal(desk: Desk, removal: RemovalArgument, *, reason: ReasonOption) -> None:
    """Have the registry asked again for a removal it refused."""
    target = f"/v1/operator/corrections/removals/{number(removal)}/retry"
    done = await perform(desk, target, {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(
            say(f"已重新申请修正转出 {removal}", f"the registry is asked again for removal {removal}")
        )


async def parked(desk: Desk) -> None:
    """Deliveries the registry would not be asked."""
    found = await _get(desk, "/v1/operator/deliveries/parked")
    if not desk.output.value(found):
        columns = ("trade", "seller", "buyer", "code", "since")
        heads = say("成交|卖方|买方|原因|自", "trade|seller|buyer|why|since")
        _table(desk, say("搁置的交收", "parked deliveries"), heads, found["items"], columns)


async def retry_deliveries(
    desk: Desk,
    trades: Annotated[
        list[str] | None,
        typer.Argument(metavar="TRADE...", help=say("成交编号; 默认全部", "all if none is named")),
    ] = None,
    *,
    reason: ReasonOption,
) -> None:
    """Have parked deliveries asked again."""
    body: dict[str, Any] = {"reason": reason}
    if trades:
        body["trades"] = [number(trade) for trade in trades]
    done = await perform(desk, "/v1/operator/deliveries/retry", body)
    if not desk.output.value(done):
        count = len(done["trades"])
        desk.output.line(
            say(f"已重新办理 {count} 笔交收", f"the registry is asked again for {count} deliveries")
        )


async def unwind(desk: Desk, trade: TradeArgument, *, reason: ReasonOption) -> None:
    """Give up on a parked delivery: both sides get back what was theirs."""
    done = await perform(desk, f"/v1/operator/deliveries/{number(trade)}/unwind", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say(f"成交 {trade} 的交收已退回", f"the delivery of trade {trade} is unwound"))


async def _get(desk: Desk, target: str) -> dict[str, Any]:
    async with desk.client(OPERATOR) as client:
        found: dict[str, Any] = await client.get(target)
    return found


def _table(
    desk: Desk, title: str, heads: str, items: Iterable[dict[str, Any]], columns: tuple[str, ...]
) -> None:
    rows = [tuple(item[column] for column in columns) for item in items]
    if rows:
        desk.output.table(title, heads.split("|"), rows)
    else:
        desk.output.line(say(f"{title}: 无", f"{title}: none"))


def _ranges(pairs: Iterable[Iterable[int]]) -> str:
    return ", ".join(f"[{first}, {end})" for first, end in pairs)


def _range(text: str) -> list[int]:
    first, _, end = text.partition("-")
    if not (text.isascii() and first.isdecimal() and end.isdecimal() and int(first) < int(end)):
        raise CommandFault(say(f"{text} 不是序列号区间, 如 1001-1011", f"{text} is no range, like 1001-1011"))
    return [int(first), int(end)]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the operator's."""
    for name, run, explained in (
        ("registry", show_registry, say("与登记平台的线路", "how the line to the registry is")),
        ("reconciliations", reconciliations, say("历次对账", "comparisons with the registry")),
        ("reconcile", reconcile, say("立即对账", "compare both sides now")),
        ("breaks", breaks, say("对账差异", "breaks with the registry")),
        ("resolve-break", resolve_break, say("处理差异", "say that a break is settled, and how")),
        (
            "restrictions",
            restrictions,
            say("限制与冻结及其来源", "restrictions and freezes with their sources"),
        ),
        ("freeze", freeze, say("冻结账户或减排量", "freeze an account or units")),
        ("unfreeze", unfreeze, say("解除冻结", "end a freeze by an operator")),
        ("claims", claims, say("修正追索", "claims after corrections")),
        ("decide-claim", decide_claim, say("决定追索", "decide a claim")),
        ("removals", removals, say("修正转出", "corrected units that leave")),
        ("retry-removal", retry_removal, say("重新申请修正转出", "have a refused removal asked again")),
        ("parked", parked, say("搁置的交收", "deliveries that wait for an operator")),
        ("retry-deliveries", retry_deliveries, say("重新办理交收", "have parked deliveries asked again")),
        ("unwind", unwind, say("退回搁置的交收", "give up on a parked delivery")),
    ):
        app.command(name, help=explained)(command(run))
