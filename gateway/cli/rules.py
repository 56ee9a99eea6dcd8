"""The rule book on the command line: what is in force at any moment, and entering a new dated value."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from gateway.cli.client import ExchangeClient
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault, Waiting
from gateway.cli.operator import OPERATOR
from gateway.cli.words import language, say, term
from gateway.formats import NS, parse_date, parse_time, time_text

CERTAINTY: Final = {
    "official": "正式文件",
    "neighbour": "参照同类市场",
    "conflicting": "文件不一致",
    "assumed": "待确认",
    "demonstration": "演示",
}

rules_app = typer.Typer(no_args_is_help=True, help=say("规则手册", "the rule book"))


class CertaintyName(StrEnum):
    """How sure a value is."""

    OFFICIAL = "official"
    NEIGHBOUR = "neighbour"
    CONFLICTING = "conflicting"
    ASSUMED = "assumed"
    DEMONSTRATION = "demonstration"


async def rules(
    desk: Desk,
    *,
    at: Annotated[
        str | None,
        typer.Option(help=say("何时有效; 默认此刻", "in force when, RFC 3339 or YYYY-MM-DD; now if absent")),
    ] = None,
) -> None:
    """Every value in force, with its source and how sure it is."""
    async with desk.client(None) as client:
        moment = None if at is None else await instant(client, at)
        found = await client.get("/v1/rules", at=moment)
    if desk.output.value(found):
        return
    columns = say("参数|取值|产品|生效|依据|来源", "parameter|value|listing|since|certainty|source").split(
        "|"
    )
    for title, items in (
        (say(f"{found['at']} 有效的规则", f"the rules in force at {found['at']}"), found["items"]),
        (say("此后生效", "in force later"), found["upcoming"]),
    ):
        if items:
            desk.output.table(title, columns, (_row(item) for item in items))


def _row(item: dict[str, Any]) -> tuple[object, ...]:
    chinese, _, english = item["source"].partition(" | ")
    source = english if language() == "en" and english else chinese
    return (
        item["parameter"],
        item["value"],
        item["listing"],
        item["effective_from"][:19],
        term(CERTAINTY, item["certainty"]),
        source,
    )


async def set_rule(
    desk: Desk,
    parameter: Annotated[str, typer.Argument(help=say("参数名, 见 puhui rules", "see puhui rules"))],
    value: Annotated[str, typer.Argument(help=say("取值", "the value"))],
    *,
    effective_from: Annotated[
        str,
        typer.Option(
            "--from", help=say("生效时间, 日期, 或 +秒数", "RFC 3339, YYYY-MM-DD, or +SECONDS from now")
        ),
    ],
    reason: Annotated[str, typer.Option(help=say("理由", "why"))],
    listing: Annotated[
        str | None, typer.Option(help=say("仅此产品; 默认全市场", "only this listing; else the market"))
    ] = None,
    emergency: Annotated[
        bool, typer.Option("--emergency", help=say("紧急措施, 不经提前公告", "without notice"))
    ] = False,
    source: Annotated[
        str | None, typer.Option(help=say("依据; 默认同理由", "where it is written; the reason if absent"))
    ] = None,
    certainty: Annotated[
        CertaintyName, typer.Option(help=say("可靠程度", "how sure it is"))
    ] = CertaintyName.OFFICIAL,
) -> None:
    """Enter one dated value into the rule book."""
    async with desk.client(OPERATOR) as client:
        change = {
            "parameter": parameter,
            "value": int(value) if value.isascii() and value.isdecimal() else value,
            "effective_from": await instant(client, effective_from),
            "source": source or reason,
            "certainty": certainty.value,
        }
        if listing is not None:
            change["listing"] = listing
        body = {"changes": [change], "reason": reason, "emergency": emergency}
        done = (await client.change("POST", "/v1/operator/rules", body)).body
    if "approval" in done:
        raise Waiting(done)
    if not desk.output.value(done):
        moment = change["effective_from"]
        desk.output.line(
            say(
                f"规则手册第 {done['version']} 版: {parameter} = {value}, 自 {moment} 起",
                f"rule book version {done['version']}: {parameter} = {value} from {moment}",
            )
        )


async def instant(client: ExchangeClient, text: str) -> str:
    """A moment as the exchange reads it: a time, the midnight a date begins at, or `+seconds` by its own clock.

    Raises:
        CommandFault: it is none of these.
    """
    if text.startswith("+") and text[1:].isascii() and text[1:].isdecimal():
        now = await client.get("/v1/time")
        return time_text(parse_time(now["time"]) + int(text[1:]) * NS)
    for read in (parse_time, _midnight):
        try:
            return time_text(read(text))
        except ValueError:
            continue  # perhaps it is the other
    raise CommandFault(
        say(
            f"{text} 不是时间: 2026-11-23T09:30:00+08:00, 2026-11-23 或 +60",
            f"{text} is no moment: 2026-11-23T09:30:00+08:00, 2026-11-23, or +60",
        )
    )


def _midnight(text: str) -> int:
    return parse_time(f"{parse_date(text)}T00:00:00+08:00")


rules_app.command("set", help=say("录入一项规则", "enter one dated value"))(command(set_rule))
