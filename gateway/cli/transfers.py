"""What comes in from outside: units from the registry's management sub-account, money the settlement bank reports."""

import asyncio
import re
import uuid
from typing import Annotated, Any, Final

import typer

from gateway.cli.client import ExchangeClient
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.trading import SELLER
from gateway.cli.words import say

BANK: Final = "bank"
POLL_S: Final = 0.25
PENDING: Final = "pending"

_YUAN: Final = re.compile(r"(?P<yuan>\d{1,12})(\.(?P<fen>\d{1,2}))?", re.ASCII)

ClientIdOption = Annotated[
    str | None,
    typer.Option(help=say("自定编号, 永不重复; 默认随机", "your own id, unique for ever; made up if absent")),
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
        "client_id": client_id or _client_id(),
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


async def transfer_in(
    desk: Desk,
    listing: Annotated[str, typer.Argument(help=say("产品代码, 如 SHCERCIR1", "code, such as SHCERCIR1"))],
    *,
    quantity: Annotated[int, typer.Option(min=1, help=say("数量, 整吨", "whole tonnes"))],
    account: Annotated[
        str | None, typer.Option(help=say("交易账户, 默认为密钥所属", "account; the key's own if absent"))
    ] = None,
    client_id: ClientIdOption = None,
    timeout_s: Annotated[
        int,
        typer.Option("--timeout", min=0, help=say("最多等登记平台多少秒", "wait for the registry at most")),
    ] = 30,
) -> None:
    """Move units from the management into the trading sub-account, oldest issue first."""
    body: dict[str, Any] = {
        "client_id": client_id or _client_id(),
        "listing": listing,
        "quantity": str(quantity),
    }
    if account is not None:
        body["account"] = account
    again = f"puhui transfer-in {listing} --quantity {quantity} --client-id {body['client_id']}"
    async with desk.client(SELLER) as client:
        asked = (await client.repeat("POST", "/v1/transfers-in", body, again=again)).body
        done = await _ended(client, asked, timeout_s)
    if done["state"] == "failed":
        raise CommandFault(
            say(f"登记平台拒绝划转: {done['reason']}", f"the registry refused the transfer: {done['reason']}")
        )
    if not desk.output.value(done):
        desk.output.line(_transfer_line(done))


async def _ended(client: ExchangeClient, transfer: dict[str, Any], timeout_s: int) -> dict[str, Any]:
    """The transfer once the registry has answered, or as it stands when the time is up."""
    end_s = asyncio.get_running_loop().time() + timeout_s
    while transfer["state"] == PENDING and asyncio.get_running_loop().time() < end_s:
        await asyncio.sleep(POLL_S)
        transfer = await client.get(f"/v1/transfers-in/{transfer['id']}")
    return transfer


def _transfer_line(transfer: dict[str, Any]) -> str:
    tonnes, listing, name = transfer["quantity"], transfer["listing"], transfer["id"]
    if transfer["state"] == PENDING:
        return say(
            f"划转 {name} 已申请, 登记平台尚未答复",
            f"transfer {name} is asked for; the registry has not answered yet",
        )
    lots = ", ".join(
        f"{part['lot']} [{first}, {end})" for part in transfer["lots"] for first, end in part["serials"]
    )
    return say(f"已划入 {tonnes} 吨 {listing}: {lots}", f"{tonnes} t {listing} have come in: {lots}")


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


def _client_id() -> str:
    return f"cli-{uuid.uuid4().hex[:28]}"


bank_app.command("deposit", help=say("报告入金", "report money received"))(command(deposit))
