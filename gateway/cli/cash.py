"""Money: what the settlement bank reports, and what an account's owner has paid out."""

import re
import uuid
from typing import Annotated, Any, Final

import typer

from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.names import require_name
from gateway.cli.trading import BUYER
from gateway.cli.words import WITHDRAWAL_STATE, say, term

BANK: Final = "bank"

_YUAN: Final = re.compile(r"(?P<yuan>\d{1,12})(\.(?P<fen>\d{1,2}))?", re.ASCII)

ClientIdOption = Annotated[
    str | None,
    typer.Option(help=say("自定编号, 永不重复; 默认随机", "your own id, unique for ever; made up if absent")),
]
AccountOption = Annotated[
    str | None, typer.Option(help=say("交易账户, 默认为密钥所属", "account; the key's own if absent"))
]
AmountArgument = Annotated[str, typer.Argument(help=say("金额, 元, 如 1000.00", "yuan, such as 1000.00"))]
WithdrawalArgument = Annotated[
    str, typer.Argument(metavar="ID", help=say("出金编号, 如 wd-12", "the withdrawal, such as wd-12"))
]

bank_app = typer.Typer(no_args_is_help=True, help=say("结算银行", "the settlement bank"))


async def deposit(
    desk: Desk,
    account: Annotated[str, typer.Argument(help=say("交易账户", "the account"))],
    *,
    amount: Annotated[str, typer.Option(help=say("金额, 元, 如 1000.00", "yuan, such as 1000.00"))],
    reference: Annotated[
        str, typer.Option(help=say("银行流水号, 只入账一次", "the bank's own reference, booked once"))
    ],
    client_id: ClientIdOption = None,
) -> None:
    """Report money received for an account, as the bank."""
    body = {
        "client_id": client_id or made_up_id(),
        "account": account,
        "amount": full_amount(amount),
        "bank_reference": reference,
    }
    again = f"puhui bank deposit {account} --amount {amount} --reference {reference} --client-id {body['client_id']}"
    async with desk.client(BANK) as client:
        done = (await client.repeat("POST", "/v1/bank/deposits", body, again=again)).body
    if not desk.output.value(done):
        desk.output.line(
            say(f"已入账 {account}: {done['amount']} 元", f"booked for {account}: ¥{done['amount']}")
        )


async def withdraw(
    desk: Desk, amount: AmountArgument, *, account: AccountOption = None, client_id: ClientIdOption = None
) -> None:
    """Ask for money to be paid out; it is held until the bank has paid it."""
    body = {"client_id": client_id or made_up_id(), "amount": full_amount(amount)}
    if account is not None:
        body["account"] = account
    again = f"puhui withdraw {amount} --client-id {body['client_id']}"
    async with desk.client(BUYER) as client:
        asked = (await client.repeat("POST", "/v1/cash/withdrawals", body, again=again)).body
    if not desk.output.value(asked):
        desk.output.line(_line(asked))


async def withdrawals(desk: Desk, *, account: AccountOption = None) -> None:
    """One's own withdrawals and where they stand."""
    query = "" if account is None else f"?account={account}"
    async with desk.client(BUYER) as client:
        found = await client.get(f"/v1/cash/withdrawals{query}")
    if not desk.output.value(found):
        _table(desk, found["items"])


async def to_pay(desk: Desk) -> None:
    """What the bank has still to pay out."""
    async with desk.client(BANK) as client:
        found = await client.get("/v1/bank/withdrawals?state=held")
    if not desk.output.value(found):
        _table(desk, found["items"])


async def paid(
    desk: Desk,
    withdrawal: WithdrawalArgument,
    *,
    reference: Annotated[
        str, typer.Option(help=say("银行流水号, 只入账一次", "the bank's own reference, booked once"))
    ],
    client_id: ClientIdOption = None,
) -> None:
    """Report a withdrawal as paid."""
    body = {"client_id": client_id or made_up_id(), "bank_reference": reference}
    again = f"puhui bank paid {withdrawal} --reference {reference} --client-id {body['client_id']}"
    await _end(desk, f"/v1/bank/withdrawals/{_id(withdrawal)}/paid", body, again)


async def returned(
    desk: Desk,
    withdrawal: WithdrawalArgument,
    *,
    reason: Annotated[str, typer.Option(help=say("原因", "why"))],
    client_id: ClientIdOption = None,
) -> None:
    """Report that a withdrawal could not be paid."""
    body = {"client_id": client_id or made_up_id(), "reason": reason}
    again = f"puhui bank returned {withdrawal} --reason … --client-id {body['client_id']}"
    await _end(desk, f"/v1/bank/withdrawals/{_id(withdrawal)}/returned", body, again)


async def _end(desk: Desk, path: str, body: dict[str, str], again: str) -> None:
    async with desk.client(BANK) as client:
        done = (await client.repeat("POST", path, body, again=again)).body
    if not desk.output.value(done):
        desk.output.line(_line(done))


def _line(withdrawal: dict[str, Any]) -> str:
    state = term(WITHDRAWAL_STATE, withdrawal["state"])
    name, amount, account = withdrawal["id"], withdrawal["amount"], withdrawal["account"]
    return say(
        f"出金 {name}: {account} {amount} 元, {state}", f"withdrawal {name}: {account} ¥{amount}, {state}"
    )


def _table(desk: Desk, items: list[dict[str, Any]]) -> None:
    desk.output.table(
        say("出金", "withdrawals"),
        say(
            "编号|账户|#金额|状态|银行流水号|原因|申请时间",
            "id|account|#amount|state|bank reference|reason|asked at",
        ).split("|"),
        (
            (
                one["id"],
                one["account"],
                one["amount"],
                term(WITHDRAWAL_STATE, one["state"]),
                one["bank_reference"],
                one["reason"],
                one["created_at"],
            )
            for one in items
        ),
    )


def _id(withdrawal: str) -> str:
    return require_name(withdrawal, "出金编号", "id of a withdrawal")


def full_amount(text: str) -> str:
    """Money as people write it (1000, 1000.5) with the two decimals the contract asks for.

    Raises:
        CommandFault: it is not yuan and fen.
    """
    found = _YUAN.fullmatch(text)
    if found is None:
        raise CommandFault(
            say(f"金额 {text} 应为元和分, 如 1000.00", f"the amount {text} is not yuan and fen, like 1000.00")
        )
    return f"{int(found['yuan'])}.{(found['fen'] or '').ljust(2, '0')}"


def made_up_id() -> str:
    """A client id nobody has used."""
    return f"cli-{uuid.uuid4().hex[:28]}"


bank_app.command("deposit", help=say("报告入金", "report money received"))(command(deposit))
bank_app.command("withdrawals", help=say("待付出金", "withdrawals to be paid"))(command(to_pay))
bank_app.command("paid", help=say("报告已付出金", "report a withdrawal as paid"))(command(paid))
bank_app.command("returned", help=say("报告出金退回", "report that a withdrawal could not be paid"))(
    command(returned)
)
