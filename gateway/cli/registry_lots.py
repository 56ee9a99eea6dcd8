"""The reference registry's methodologies and lots: publish, withdraw, issue, amend, correct (Art. 14, 22, 25)."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.cli.command import DataDirOption, JsonOption
from gateway.cli.output import Output
from gateway.cli.registry_desk import (
    LotArgument,
    ReasonOption,
    SerialsArgument,
    at_the_platform,
    look,
    serials_of,
)
from gateway.cli.words import say
from settlement.lot import MethodologyClass, Origin

methodology_app = typer.Typer(no_args_is_help=True, help=say("方法学", "methodologies"))


class ClassName(StrEnum):
    """Methodology classes."""

    I = "I"  # noqa: E741 - the regulation's own name
    II = "II"


class OriginName(StrEnum):
    """How a reduction came to be."""

    PROJECT = "project"
    SCENARIO = "scenario"
    POINTS_CONVERTED = "points_converted"


CodeArgument = Annotated[str, typer.Argument(help=say("方法学代码", "the methodology's code"))]
VersionOption = Annotated[str, typer.Option(help=say("方法学版本", "its version"))]


@methodology_app.command("publish", help=say("公布方法学版本", "publish a version"))
def publish(
    code: CodeArgument,
    *,
    version: VersionOption = "1",
    methodology_class: Annotated[ClassName, typer.Option("--class", help=say("方法学类别", "its class"))],
    title: Annotated[str, typer.Option(help=say("名称", "its title"))] = "",
    published_on: Annotated[str, typer.Option(help=say("公布日期", "day of publication, YYYY-MM-DD"))],
    in_force_from: Annotated[
        str | None,
        typer.Option(help=say("施行日期; 默认公布之日", "in force from; the day of publication if absent")),
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish a version of a methodology; all issued under it has its class. The same again is the same once."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - registry_bridge is met in the composition only
        await platform.publish_methodology(
            code=code,
            version=version,
            methodology_class=MethodologyClass(methodology_class.value),
            title=title or code,
            published_on=published_on,
            in_force_from=in_force_from,
        )
        return {"methodology": code, "version": version, "class": methodology_class.value}

    at_the_platform(act, data_dir, as_json=as_json)


@methodology_app.command("withdraw", help=say("停用方法学版本", "issue nothing under a version any more"))
def withdraw(
    code: CodeArgument,
    *,
    version: VersionOption = "1",
    withdrawn_on: Annotated[str, typer.Option("--from", help=say("自何日起", "from which day, YYYY-MM-DD"))],
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """From that day on nothing is issued under this version; what was issued stays what it is."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        await platform.withdraw_methodology(
            code=code, version=version, withdrawn_on=withdrawn_on, reason=reason
        )
        return {"methodology": code, "version": version, "withdrawn_on": withdrawn_on}

    at_the_platform(act, data_dir, as_json=as_json)


@methodology_app.command("list", help=say("已公布的版本", "the versions published"))
def methodologies(*, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """The versions published, the newest first."""

    async def show(platform: Any, output: Output) -> None:  # noqa: ANN401 - as above
        found = await platform.methodologies()
        rows = [
            (
                one.code,
                one.version,
                one.methodology_class.value,
                one.published_on,
                one.in_force_from,
                until,
                one.title,
            )
            for one, until in ((state.methodology, state.withdrawn_on) for state in found)
        ]
        names = ("methodology", "version", "class", "published_on", "in_force_from", "withdrawn_on", "title")
        if not output.value([dict(zip(names, row, strict=True)) for row in rows]):
            columns = say(
                "代码|版本|类别|公布|施行|停用|名称", "code|version|class|published|in force|withdrawn|title"
            ).split("|")
            output.table(say("方法学", "methodologies"), columns, rows)

    look(show, data_dir, as_json=as_json)


def issue(
    lot: LotArgument,
    *,
    applicant: Annotated[
        str, typer.Option(help=say("申请主体的登记账户", "the applicant's registry account"))
    ],
    first: Annotated[int, typer.Option(min=1, help=say("首个序列号", "first serial"))],
    tonnes: Annotated[int, typer.Option(min=1, help=say("吨数", "how many tonnes"))],
    methodology: Annotated[str, typer.Option(help=say("方法学代码", "the methodology's code"))],
    version: VersionOption = "1",
    origin: Annotated[
        OriginName, typer.Option(help=say("项目, 场景或积分转换", "project, scenario or points converted"))
    ] = OriginName.PROJECT,
    project: Annotated[str, typer.Option(help=say("项目或场景名称", "name of the project or scenario"))] = "",
    period_from: Annotated[str, typer.Option(help=say("监测期首日", "first day of the monitoring period"))],
    period_to: Annotated[str, typer.Option(help=say("监测期末日", "last day of the monitoring period"))],
    batch: Annotated[
        str, typer.Option(help=say("签发批号; 默认批次编号", "issue batch; the lot's name if absent"))
    ] = "",
    issued_on: Annotated[str, typer.Option(help=say("签发日期", "date of issue"))],
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Issue a lot under a published version, whose class it has. The same again is the same once."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        issued = await platform.issue(
            lot=lot,
            methodology=methodology,
            methodology_version=version,
            origin=Origin(origin.value),
            project=project or lot,
            applicant=applicant,
            period_start=period_from,
            period_end=period_to,
            issue_batch=batch or lot,
            issued_on=issued_on,
            first=first,
            end=first + tonnes,
        )
        return {
            "lot": lot,
            "applicant": applicant,
            "class": issued.methodology_class.value,
            "serials": [[issued.first, issued.end]],
        }

    at_the_platform(act, data_dir, as_json=as_json)


def amend(
    lot: LotArgument,
    *,
    project: Annotated[str | None, typer.Option(help=say("项目或场景名称", "project or scenario"))] = None,
    period_from: Annotated[
        str | None, typer.Option(help=say("监测期首日", "first day of the period"))
    ] = None,
    period_to: Annotated[str | None, typer.Option(help=say("监测期末日", "last day of the period"))] = None,
    batch: Annotated[str | None, typer.Option(help=say("签发批号", "issue batch"))] = None,
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell a lot's reference data otherwise; class, methodology and serials never change."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        amended = await platform.amend_lot(
            lot=lot,
            project=project,
            period_start=period_from,
            period_end=period_to,
            issue_batch=batch,
            reason=reason,
        )
        return {
            "lot": lot,
            "project": amended.project,
            "period": f"{amended.period_start}/{amended.period_end}",
            "batch": amended.issue_batch,
        }

    at_the_platform(act, data_dir, as_json=as_json)


def correct(
    lot: LotArgument,
    serials: SerialsArgument,
    *,
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw what was issued on abnormal data: at once what is managed, later what is at the exchange (Art. 22)."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        return asdict(await platform.correct(lot=lot, serials=serials_of(serials), reason=reason))

    at_the_platform(act, data_dir, as_json=as_json)


def add_to(registry_app: typer.Typer) -> None:
    """Add these commands to the registry's."""
    registry_app.add_typer(methodology_app, name="methodology")
    registry_app.command("issue", help=say("签发一批减排量至管理科目", "issue a lot to its applicant"))(issue)
    registry_app.command("amend", help=say("更正批次登记信息", "amend what is told about a lot"))(amend)
    registry_app.command("correct", help=say("修正减排量 (第二十二条)", "correct serials (Art. 22)"))(correct)
