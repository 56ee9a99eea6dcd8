"""Ways in that a second person has agreed to: which there are, and making one, by who asked for it."""

from pathlib import Path
from typing import Any, Final

import typer

from gateway.cli.acts import ACT, ApprovalArgument, number, perform
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.keys import OutOption, require_new, show_key
from gateway.cli.operator import OPERATOR
from gateway.cli.people import show_password
from gateway.cli.words import say, term
from gateway.private_files import write_private
from matching.access import AccessDeed

PERMITS: Final = "/v1/operator/permits"


async def permits(desk: Desk) -> None:
    """What a second person agreed to within the last day, and is not done."""
    async with desk.client(OPERATOR) as client:
        found = await client.get(PERMITS)
    if desk.output.value(found):
        return
    desk.output.table(
        say("可办理的许可", "what may be done now"),
        say("编号|事项|对象|申请人|复核人|有效期至", "id|act|about|asked by|agreed by|good until").split("|"),
        (
            (
                one["approval"]["id"],
                term(ACT, one["approval"]["act"]),
                one["approval"]["subject"],
                one["approval"]["operator"],
                one["approved_by"],
                one["good_until"],
            )
            for one in found["items"]
        ),
    )


async def use_permit(desk: Desk, approval: ApprovalArgument, *, out: OutOption = None) -> None:
    """Do once what was agreed to; a new key's secret goes into a file and nowhere else."""
    wanted = number(approval)
    await _require_place(desk, wanted, out)
    done = await perform(desk, f"{PERMITS}/{wanted}/use", {})
    secret, act = done.pop("secret"), done["approval"]["act"]
    if out is not None and secret is not None and done["key"] is not None:
        write_private(out, f"{secret}\n".encode())
        secret = None
    if act == AccessDeed.ISSUE_KEY:
        show_key(desk, done["key"], out)
    elif secret is not None:
        show_password(desk, {**done["person"], "one_time_password": secret})
    elif not desk.output.value(done):
        name = done["person"]["person"]
        desk.output.line(say(f"{name} 已恢复", f"{name} may log in again"))


async def _require_place(desk: Desk, wanted: str, out: Path | None) -> None:
    # Before the key is made: a secret that cannot be written is lost.
    if out is not None:
        require_new(out)
        return
    async with desk.client(OPERATOR) as client:
        found: list[dict[str, Any]] = (await client.get(PERMITS))["items"]
    details: list[dict[str, str]] = next(
        (one["approval"]["details"] for one in found if one["approval"]["id"] == wanted), []
    )
    if {"name": "algorithm", "value": "hmac-sha256"} in details:
        raise CommandFault(
            say("请以 --out 指明写入新密钥的文件", "name the file for the new key's secret: --out")
        )


def add_to(app: typer.Typer) -> None:
    """Add these commands to the operator's."""
    typed = typer.Typer(
        no_args_is_help=True, help=say("已获许可的密钥与登录", "keys and log-ins a second person agreed to")
    )
    for name, run, told in (
        ("list", permits, say("可办理的许可", "what may be done now")),
        ("use", use_permit, say("办理一项许可", "do what was agreed to")),
    ):
        typed.command(name, help=told)(command(run))
    app.add_typer(typed, name="permit")
