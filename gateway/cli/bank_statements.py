"""The settlement bank's statements: taken in by the bank, and what differs, in the operator's hands."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.acts import ReasonOption, number, perform
from gateway.cli.cash import BANK, bank_app
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.operator import OPERATOR
from gateway.cli.words import say, term

SUFFIX_OF_CAMT: Final = ".xml"

CASH_BREAK: Final = {
    "missing_here": "交易所未入账",
    "missing_there": "银行无此笔",
    "amount_differs": "金额不一致",
    "repeated_there": "银行重复记账",
}

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help=say("camt.053 (.xml) 或 CSV 文件", "a camt.053 (.xml) or CSV file"),
        exists=True,
        dir_okay=False,
    ),
]
NumberArgument = Annotated[
    str, typer.Argument(metavar="NUMBER", help=say("银行的对账单编号", "the bank's number of the statement"))
]
BreakArgument = Annotated[str, typer.Argument(metavar="ID", help=say("差异编号", "the difference's id"))]


async def statement(desk: Desk, file: FileArgument) -> None:
    """Hold a bank statement against what is booked."""
    try:
        content = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandFault(say(f"{file} 不是 UTF-8 文件", f"{file} is not in UTF-8")) from None
    kind = "camt.053" if file.suffix.lower() == SUFFIX_OF_CAMT else "csv"
    again = f"puhui bank statement {file}"
    async with desk.client(BANK) as client:
        body = {"format": kind, "content": content}
        found = (await client.repeat("POST", "/v1/bank/statements", body, again=again)).body
    if desk.output.value(found):
        return
    if not found["differences"]:
        desk.output.line(
            say(
                f"对账单 {found['id']}: {found['lines']} 行, 与本所账目一致",
                f"statement {found['id']}: {found['lines']} lines, all as booked here",
            )
        )
        return
    desk.output.line(
        say(
            f"对账单 {found['id']}: {found['lines']} 行, {found['differences']} 处不符; puhui operator cash-breaks",
            f"statement {found['id']}: {found['lines']} lines, {found['differences']} differences; see puhui operator cash-breaks",
        )
    )


async def statements(desk: Desk) -> None:
    """Bank statements held against what is booked."""
    async with desk.client(OPERATOR) as client:
        found = await client.get("/v1/operator/bank-statements")
    if not desk.output.value(found):
        desk.output.table(
            say("银行对账单", "bank statements"),
            say(
                "编号|起|止|#期初|#期末|#行数|#不符|#未决|作废",
                "id|from|until|#opening|#closing|#lines|#differences|#open|superseded",
            ).split("|"),
            (
                (
                    one["id"],
                    one["from"],
                    one["until"],
                    one["opening"],
                    one["closing"],
                    one["lines"],
                    one["differences"],
                    one["open_breaks"],
                    one["superseded"] and one["superseded"]["reason"],
                )
                for one in found["items"]
            ),
        )


async def supersede_statement(desk: Desk, number: NumberArgument, *, reason: ReasonOption) -> None:
    """Have the statement imported last be as if it had never come."""
    body = {"statement": number, "reason": reason}
    done = await perform(desk, "/v1/operator/bank-statements/supersede", body)
    if not desk.output.value(done):
        desk.output.line(
            say(
                f"对账单 {number} 已作废, 可导入正确的",
                f"statement {number} is superseded; import the right one",
            )
        )


async def cash_breaks(
    desk: Desk,
    *,
    closed: Annotated[bool, typer.Option(help=say("已了结的", "those that have ended"))] = False,
) -> None:
    """Differences between our money and the bank's."""
    async with desk.client(OPERATOR) as client:
        found = await client.get(f"/v1/operator/cash-breaks?state={'closed' if closed else 'open'}")
    if not desk.output.value(found):
        desk.output.table(
            say("资金差异", "differences of money"),
            say(
                "编号|种类|银行流水号|账户|#本所|#银行|对账单|处理",
                "id|kind|bank reference|account|#here|#there|statement|end",
            ).split("|"),
            (_row(one) for one in found["items"]),
        )


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    end = one["end"]
    told = None if end is None else end["reason"] or say("自行消除", "by itself")
    kind = term(CASH_BREAK, one["kind"])
    money = (one["here"], one["there"])
    return (one["id"], kind, one["bank_reference"], one["account"], *money, one["statement"], told)


async def resolve_cash_break(desk: Desk, difference: BreakArgument, *, reason: ReasonOption) -> None:
    """Say that a difference of money is settled, and how."""
    done = await perform(desk, f"/v1/operator/cash-breaks/{number(difference)}/resolve", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say(f"资金差异 {difference} 已了结", f"difference {difference} is settled"))


def add_to(app: typer.Typer) -> None:
    """The operator's commands, and the bank's own."""
    bank_app.command("statement", help=say("导入银行对账单", "take a bank statement in"))(command(statement))
    app.command("bank-statements", help=say("银行对账单", "bank statements taken in"))(command(statements))
    app.command(
        "supersede-bank-statement", help=say("作废最近导入的对账单", "take the last bank statement back")
    )(command(supersede_statement))
    app.command("cash-breaks", help=say("资金差异", "differences with the bank's money"))(
        command(cash_breaks)
    )
    app.command("resolve-cash-break", help=say("了结资金差异", "settle a difference of money"))(
        command(resolve_cash_break)
    )
