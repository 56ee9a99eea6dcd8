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


ListingArgument = Annotated[
    str, typer.Argument(help=say("产品代码, 如 SHCERCIR1", "code, such as SHCERCIR1"))
]
QuantityOption = Annotated[int, typer.Option(min=1, help=say("数量, 整吨", "whole tonnes"))]
AccountOption = Annotated[
    str | None, typer.Option(help=say("交易账户, 默认为密钥所属", "account; the key's own if absent"))
]
TimeoutOption = Annotated[
    int, typer.Option("--timeout", min=0, help=say("最多等登记平台多少秒", "wait for the registry at most"))
]
WAIT_S: Final = 30


async def transfer_in(
    desk: Desk,
    listing: ListingArgument,
    *,
    quantity: QuantityOption,
    account: AccountOption = None,
    client_id: ClientIdOption = None,
    timeout_s: TimeoutOption = WAIT_S,
) -> None:
    """Move units from the management into the trading sub-account, oldest issue first."""
    body = _body(listing, quantity, account, client_id)
    await _transfer(desk, "in", body, timeout_s)


async def transfer_out(
    desk: Desk,
    listing: ListingArgument,
    *,
    quantity: QuantityOption,
    account: AccountOption = None,
    client_id: ClientIdOption = None,
    timeout_s: TimeoutOption = WAIT_S,
) -> None:
    """Move units from the trading back into the management sub-account, oldest issue first."""
    body = _body(listing, quantity, account, client_id)
    await _transfer(desk, "out", body, timeout_s)


def _body(listing: str, quantity: int, account: str | None, client_id: str | None) -> dict[str, Any]:
    body = {"client_id": client_id or made_up_id(), "listing": listing, "quantity": str(quantity)}
    return body if account is None else {**body, "account": account}


async def _transfer(desk: Desk, direction: str, body: dict[str, Any], timeout_s: int) -> None:
    options = f"{body['listing']} --quantity {body['quantity']} --client-id {body['client_id']}"
    again = f"puhui transfer-{direction} {options}"
    async with desk.client(SELLER) as client:
        asked = (await client.repeat("POST", f"/v1/transfers-{direction}", body, again=again)).body
        done = await _ended(client, asked, direction, timeout_s)
    if done["state"] == "failed":
        why = f"{done['reason']}: {done['refusal']['text']}" if done["refusal"] else done["reason"]
        raise CommandFault(say(f"登记平台拒绝划转: {why}", f"the registry refused the transfer: {why}"))
    if not desk.output.value(done):
        desk.output.line(_transfer_line(done))


async def _ended(
    client: ExchangeClient, transfer: dict[str, Any], direction: str, timeout_s: int
) -> dict[str, Any]:
    """The transfer once the registry has answered, or as it stands when the time is up."""
    end_s = asyncio.get_running_loop().time() + timeout_s
    while transfer["state"] == PENDING and asyncio.get_running_loop().time() < end_s:
        await asyncio.sleep(POLL_S)
        transfer = await client.get(f"/v1/transfers-{direction}/{transfer['id']}")
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
    if transfer["kind"] == "transfer_out":
        return say(f"已划出 {tonnes} 吨 {listing}: {lots}", f"{tonnes} t {listing} have gone out: {lots}")
    return say(f"已划入 {tonnes} 吨 {listing}: {lots}", f"{tonnes} t {listing} have come in: {lots}")
