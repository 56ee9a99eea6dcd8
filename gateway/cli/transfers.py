"""Units between the registry's management and trading sub-accounts."""

import asyncio
from typing import Annotated, Any, Final

import typer

from gateway.cli.cash import ClientIdOption, made_up_id
from gateway.cli.client import ExchangeClient
from gateway.cli.command import Desk
from gateway.cli.faults import CommandFault
from gateway.cli.trading import SELLER
from gateway.cli.words import say

POLL_S: Final = 0.25
PENDING: Final = "pending"


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
        "client_id": client_id or made_up_id(),
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
