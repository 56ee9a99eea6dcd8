"""Setting a market up: participants, accounts, listings and the calendar of the next year."""

from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli.acts import perform
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.trading import full_price
from gateway.cli.words import say, term
from settlement.account import ParticipantKind
from settlement.lot import MethodologyClass

PARTICIPANT_KIND: Final = {
    "project_applicant": "减排项目申请主体",
    "scenario_applicant": "减排场景申请主体",
    "rights_provider": "权益提供方",
    "covered_entity": "纳入配额管理单位",
    "institution": "机构",
    "individual": "个人",
}
"""Kinds of participant, as people read them."""

ParticipantArgument = Annotated[str, typer.Argument(help=say("交易主体", "the participant"))]


async def add_participant(
    desk: Desk,
    participant: ParticipantArgument,
    *,
    kind: Annotated[ParticipantKind, typer.Option(help=say("主体类型", "what kind"))],
) -> None:
    """Admit a participant."""
    body = {"participant": participant, "kind": kind.value}
    done = await perform(desk, "/v1/operator/participants", body)
    if not desk.output.value(done):
        name = term(PARTICIPANT_KIND, kind.value)
        desk.output.line(say(f"已接纳 {participant} ({name})", f"{participant} is admitted ({name})"))


async def add_account(
    desk: Desk,
    account: Annotated[str, typer.Argument(help=say("交易账户", "the trading account"))],
    *,
    owner: Annotated[str, typer.Option(help=say("所属交易主体", "the participant that owns it"))],
    registry_account: Annotated[
        str, typer.Option(help=say("绑定的登记账户", "the registry account it is bound to, for good"))
    ],
) -> None:
    """Open a trading account, bound to a registry account."""
    body = {"account": account, "owner": owner, "registry_account": registry_account}
    done = await perform(desk, "/v1/operator/accounts", body)
    if not desk.output.value(done):
        desk.output.line(
            say(
                f"已为 {owner} 开立账户 {account}, 绑定登记账户 {registry_account}",
                f"account {account} of {owner} is open, bound to registry account {registry_account}",
            )
        )


async def add_listing(
    desk: Desk,
    listing: Annotated[str, typer.Argument(help=say("产品代码, 如 SHCERCIR1", "code, such as SHCERCIR1"))],
    *,
    methodology_class: Annotated[
        MethodologyClass, typer.Option("--class", help=say("方法学类别", "its class"))
    ],
    reference_price: Annotated[
        str, typer.Option(help=say("首日基准价, 元/吨", "reference price of its first day, yuan per tonne"))
    ],
    demonstration: Annotated[
        bool, typer.Option("--demonstration", help=say("仅供演示", "made up for demonstrations"))
    ] = False,
) -> None:
    """List a code for trading; its instrument is made known with it."""
    body = {
        "listing": listing,
        "class": methodology_class.value,
        "first_reference_price": full_price(reference_price),
        "demonstration": demonstration,
    }
    done = await perform(desk, "/v1/operator/listings", body)
    if not desk.output.value(done):
        price = done["first_reference_price"]
        desk.output.line(
            say(
                f"已挂牌 {listing}, 首日基准价 {price} 元/吨",
                f"{listing} is listed, first reference ¥{price}",
            )
        )


async def announce_calendar(
    desk: Desk,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help=say(
                "日历 TOML: first_day, last_day, source, closure",
                "TOML: first_day, last_day, source, closure",
            ),
        ),
    ],
) -> None:
    """Announce a period's trading days: Monday to Friday but for the closures the file names."""
    from gateway.markets.loader import MarketFileFault, read_calendar

    try:
        announcement = read_calendar(file).announcement
    except (MarketFileFault, OSError) as fault:
        raise CommandFault(str(fault)) from None
    body = {
        "first_day": announcement.first_day,
        "last_day": announcement.last_day,
        "trading_days": list(announcement.trading_days),
        "source": announcement.source,
    }
    done = await perform(desk, "/v1/operator/calendar", body)
    if not desk.output.value(done):
        first, last, days = done["first_day"], done["last_day"], done["trading_days"]
        desk.output.line(
            say(
                f"已公布 {first} 至 {last} 的 {days} 个交易日",
                f"announced: {days} trading days, {first} to {last}",
            )
        )


def add_to(app: typer.Typer) -> None:
    """Add these commands to the operator's."""
    for group, explained, acts in (
        (
            "participant",
            say("交易主体", "participants"),
            (("add", add_participant, say("接纳主体", "admit one")),),
        ),
        (
            "account",
            say("交易账户", "trading accounts"),
            (("add", add_account, say("开立账户", "open one")),),
        ),
        ("listing", say("挂牌产品", "listings"), (("add", add_listing, say("挂牌产品", "list a code")),)),
        (
            "calendar",
            say("交易日历", "trading days"),
            (("announce", announce_calendar, say("公布交易日", "announce a period's trading days")),),
        ),
    ):
        typed = typer.Typer(no_args_is_help=True, help=explained)
        for name, run, told in acts:
            typed.command(name, help=told)(command(run))
        app.add_typer(typed, name=group)
