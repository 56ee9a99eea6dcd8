"""The reference registry's books: where every tonne is, lot by lot and position by position, and whether they add up."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from gateway.cli.command import DataDirOption, JsonOption
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output
from gateway.cli.registry_desk import look
from gateway.cli.words import say


def lots(*, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Every lot with its tonnes by place; together they are what was issued."""

    async def show(platform: Any, output: Output) -> None:  # noqa: ANN401 - registry_bridge is met in the composition only
        found = await platform.balances()
        values = [
            {("class" if name == "methodology_class" else name): value for name, value in asdict(one).items()}
            for one in found
        ]
        if not output.value(values):
            columns = say(
                "批次|申请主体|类别|#签发|#管理科目|#交易科目|#已注销|#已修正",
                "lot|applicant|class|#issued|#management|#trading|#retired|#withdrawn",
            ).split("|")
            output.table(say("批次 (吨)", "lots, in tonnes"), columns, [value.values() for value in values])

    look(show, data_dir, as_json=as_json)


def positions(
    *,
    account: Annotated[
        str | None, typer.Option(help=say("只看此登记账户", "of this registry account only"))
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every trading sub-account by lot and range, as the exchange compares itself with it."""

    async def show(platform: Any, output: Output) -> None:  # noqa: ANN401 - as above
        rows = [
            (one.account, one.lot, one.first, one.end, one.end - one.first)
            async for one in platform.positions()
            if account in (None, one.account)
        ]
        names = ("account", "lot", "first", "end", "tonnes")
        if not output.value([dict(zip(names, row, strict=True)) for row in rows]):
            columns = say("账户|批次|#首号|#末号(不含)|#吨数", "account|lot|#first|#end|#tonnes").split("|")
            output.table(say("交易科目", "trading sub-accounts"), columns, rows)

    look(show, data_dir, as_json=as_json)


def check(*, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Ask every rule of all the registry's books: issued = managed + trading + retired + withdrawn, and more."""

    async def show(platform: Any, output: Output) -> None:  # noqa: ANN401 - as above
        found = await platform.check()
        if not output.value(asdict(found)):
            output.line(
                say(
                    f"{found.lots} 个批次, 签发 {found.issued_tonnes} 吨 = 管理 {found.management_tonnes}"
                    f" + 交易 {found.trading_tonnes} + 注销 {found.retired_tonnes} + 修正 {found.withdrawn_tonnes};"
                    f" 日志 {found.journal_entries} 条",
                    f"{found.lots} lots, issued {found.issued_tonnes} t = managed {found.management_tonnes}"
                    f" + trading {found.trading_tonnes} + retired {found.retired_tonnes}"
                    f" + withdrawn {found.withdrawn_tonnes}; {found.journal_entries} journal entries",
                )
            )
            if found.findings:
                columns = say("规则|对象", "rule|of what").split("|")
                rows = [(one.rule, one.subject) for one in found.findings]
                output.table(say("不符", "what does not hold"), columns, rows)
        if found.findings:
            raise CommandFault(
                say(
                    f"{len(found.findings)} 处不符",
                    f"{len(found.findings)} findings: the books do not add up",
                )
            )

    look(show, data_dir, as_json=as_json)


def add_to(registry_app: typer.Typer) -> None:
    """Add these commands to the registry's."""
    registry_app.command("lots", help=say("批次与去向", "lots, and where their tonnes are"))(lots)
    registry_app.command("positions", help=say("全部交易科目", "all trading sub-accounts"))(positions)
    registry_app.command("check", help=say("核对全部账目", "whether the books add up"))(check)
