"""People who log in, and mandates: letting somebody in, keeping somebody out, entrusting somebody with an account."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from gateway.access.keys import Scope
from gateway.cli.acts import number, perform
from gateway.cli.command import Desk, command
from gateway.cli.keys import WhyOption
from gateway.cli.names import require_name
from gateway.cli.operator import OPERATOR
from gateway.cli.words import say, term

PEOPLE: Final = "/v1/operator/people"
MANDATES: Final = "/v1/operator/mandates"

ACTION: Final = {
    "trade": "交易",
    "negotiate": "协议转让",
    "offset": "减排量使用",
    "transfer": "划转与出金",
}
MANDATE_STATE: Final = {"in_force": "有效", "expired": "到期", "revoked": "已终止"}

PersonArgument = Annotated[str, typer.Argument(metavar="NAME", help=say("用户名", "the log-in's name"))]
ReasonOption = Annotated[str, typer.Option(help=say("理由", "why"))]
MandateArgument = Annotated[str, typer.Argument(metavar="ID", help=say("委托编号", "the mandate's id"))]


class MandatedActionName(StrEnum):
    """What somebody can be entrusted with."""

    TRADE = "trade"
    NEGOTIATE = "negotiate"
    OFFSET = "offset"
    TRANSFER = "transfer"


async def add_person(
    desk: Desk,
    person: PersonArgument,
    *,
    participant: Annotated[str, typer.Option(help=say("所属交易主体", "for whom they act"))],
    account: Annotated[
        str | None, typer.Option(help=say("默认账户", "the account meant when none is named"))
    ] = None,
    scope: Annotated[
        list[Scope], typer.Option(help=say("权限, 可重复", "what they may do; repeat for more"))
    ],
    reason: WhyOption = "",
) -> None:
    """Let somebody log in; the answer has a password that is good for a day and is shown this once."""
    body: dict[str, Any] = {
        "person": person,
        "participant": participant,
        "scopes": [one.value for one in scope],
        **({"reason": reason} if reason else {}),
    }
    done = await perform(desk, PEOPLE, body | ({} if account is None else {"account": account}))
    show_password(desk, done)


async def people(desk: Desk) -> None:
    """Everybody who logs in, disabled ones too."""
    async with desk.client(OPERATOR) as client:
        found = await client.get(PEOPLE)
    if desk.output.value(found):
        return
    desk.output.table(
        say("登录人员", "people"),
        say(
            "用户名|主体|账户|权限|动态验证码|须改密码|最近登录|停用|一人设立",
            "name|participant|account|scopes|authenticator|must change|logged in|disabled|made by one alone",
        ).split("|"),
        (
            (
                one["person"],
                one["participant"],
                one["account"],
                " ".join(one["scopes"]),
                _yes(is_so=one["totp"]),
                _yes(is_so=one["must_change_password"]),
                one["signed_in_at"],
                one["disabled_at"],
                one["made_alone_by"],
            )
            for one in found["items"]
        ),
    )


async def reset_person(
    desk: Desk,
    person: PersonArgument,
    *,
    reason: ReasonOption,
    remove_totp: Annotated[
        bool, typer.Option("--remove-totp", help=say("一并解除动态验证码", "the authenticator is lost, too"))
    ] = False,
) -> None:
    """Give somebody a one-time password; their sessions end."""
    body = {"reason": reason, "remove_totp": remove_totp}
    show_password(desk, await perform(desk, f"{PEOPLE}/{_name(person)}/reset", body))


async def disable_person(desk: Desk, person: PersonArgument, *, reason: ReasonOption) -> None:
    """Keep somebody out, at once and on every open connection."""
    done = await perform(desk, f"{PEOPLE}/{_name(person)}/disable", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say(f"{person} 已停用", f"{person} is kept out"))


async def enable_person(desk: Desk, person: PersonArgument, *, reason: ReasonOption) -> None:
    """Let somebody in again."""
    done = await perform(desk, f"{PEOPLE}/{_name(person)}/enable", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say(f"{person} 已恢复", f"{person} may log in again"))


async def grant_mandate(
    desk: Desk,
    account: Annotated[str, typer.Argument(help=say("委托人的账户", "whose account"))],
    *,
    participant: Annotated[str, typer.Option(help=say("受托的交易主体", "who is to act for it"))],
    action: Annotated[
        list[MandatedActionName],
        typer.Option(help=say("委托事项, 可重复", "what they may do; repeat for more")),
    ],
    until: Annotated[str, typer.Option(help=say("有效期至, RFC 3339", "until when, RFC 3339"))],
    reason: Annotated[str, typer.Option(help=say("委托书等凭据", "what proves the owner's will"))],
) -> None:
    """Let a participant act for another's account (Art. 30)."""
    body = {
        "account": account,
        "participant": participant,
        "actions": [one.value for one in action],
        "until": until,
        "reason": reason,
    }
    done = await perform(desk, MANDATES, body)
    if not desk.output.value(done):
        desk.output.line(
            say(
                f"委托 {done['mandate']}: {participant} 可代 {account} 办理, 至 {done['until']}",
                f"mandate {done['mandate']}: {participant} may act for {account} until {done['until']}",
            )
        )


async def revoke_mandate(desk: Desk, mandate: MandateArgument, *, reason: ReasonOption) -> None:
    """End a mandate at once, and with it what is open by it."""
    done = await perform(desk, f"{MANDATES}/{number(mandate)}/revoke", {"reason": reason})
    if not desk.output.value(done):
        desk.output.line(say(f"委托 {mandate} 已撤销", f"mandate {mandate} is revoked"))


async def all_mandates(desk: Desk) -> None:
    """Every mandate, ended ones too."""
    await _show_mandates(desk, OPERATOR, MANDATES)


async def own_mandates(desk: Desk) -> None:
    """Those one gave, and those one acts by; as the buyer of the demonstration unless --as says otherwise."""
    await _show_mandates(desk, "buyer", "/v1/mandates")


async def _show_mandates(desk: Desk, role: str, target: str) -> None:
    async with desk.client(role) as client:
        found = await client.get(target)
    if desk.output.value(found):
        return
    desk.output.table(
        say("委托", "mandates"),
        say("编号|账户|受托人|事项|有效期至|状态|凭据", "id|account|acts|may|until|state|on what").split("|"),
        (
            (
                one["mandate"],
                one["account"],
                one["participant"],
                " ".join(term(ACTION, action) for action in one["actions"]),
                one["until"],
                term(MANDATE_STATE, one["state"]),
                one["reason"],
            )
            for one in found["items"]
        ),
    )


def show_password(desk: Desk, done: dict[str, Any]) -> None:
    """Tell somebody's one-time password."""
    if desk.output.value(done):
        return
    name, password = done["person"], done["one_time_password"]
    desk.output.line(
        say(
            f"{name} 的一次性密码 (仅显示这一次, 一日内有效): {password}",
            f"one-time password of {name}, shown this once and good for a day: {password}",
        )
    )


def _name(person: str) -> str:
    return require_name(person, "用户名", "name of a log-in")


def _yes(*, is_so: bool) -> str:
    return say("是", "yes") if is_so else say("否", "no")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the operator's."""
    for group, explained, acts in (
        (
            "person",
            say("登录人员", "people who log in"),
            (
                ("add", add_person, say("开通登录", "let somebody log in")),
                ("list", people, say("全部人员", "everybody who logs in")),
                ("reset", reset_person, say("重置密码", "give a one-time password")),
                ("disable", disable_person, say("停用", "keep somebody out")),
                ("enable", enable_person, say("恢复", "let somebody in again")),
            ),
        ),
        (
            "mandate",
            say("委托交易", "who may act for whom"),
            (
                ("grant", grant_mandate, say("登记委托", "let a participant act for another")),
                ("list", all_mandates, say("全部委托", "every mandate")),
                ("revoke", revoke_mandate, say("撤销委托", "end one at once")),
            ),
        ),
    ):
        typed = typer.Typer(no_args_is_help=True, help=explained)
        for name, run, told in acts:
            typed.command(name, help=told)(command(run))
        app.add_typer(typed, name=group)
