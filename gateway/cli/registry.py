"""The reference registry: run it, and do what the platform's own people do."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.command import DataDirOption, JsonOption, run_command
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output
from gateway.cli.serve import HostOption, LogOption, finish
from gateway.cli.words import say
from gateway.config import DEFAULT_HOST, default_data_dir
from gateway.logs import set_up_logs
from settlement.lot import Lot, MethodologyClass, Origin
from settlement.values import AssetCode, LotId

registry_app = typer.Typer(no_args_is_help=True, help=say("参考登记平台", "the reference registry platform"))


class AccountKindName(StrEnum):
    """Kinds of registry account."""

    INSTITUTION = "institution"
    INDIVIDUAL = "individual"


class ClassName(StrEnum):
    """Methodology classes."""

    I = "I"  # noqa: E741 - the regulation's own name
    II = "II"


class OriginName(StrEnum):
    """How a reduction came to be."""

    PROJECT = "project"
    SCENARIO = "scenario"


AccountArgument = Annotated[str, typer.Argument(help=say("登记账户", "registry account"))]
ReasonOption = Annotated[str, typer.Option(help=say("理由", "why"))]

REGISTRY_DIR: Final = "registry"
_NEXT_DIR_HELP: Final = say(
    "登记平台自己的数据目录 (默认 ./.puhui/registry)", "its own data (default ./.puhui/registry)"
)


@registry_app.command("serve", help=say("运行参考登记平台, 直到 Ctrl-C", "run it until Ctrl-C"))
def serve(
    *,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help=_NEXT_DIR_HELP, show_default=False)
    ] = None,
    exchange_key_file: Annotated[
        Path | None,
        typer.Option(
            help=say(
                "交易所公钥 PEM (默认 ./.puhui/keys)", "the exchange's public key (default in ./.puhui/keys)"
            )
        ),
    ] = None,
    host: HostOption = DEFAULT_HOST,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help=say("端口; 0 取空闲的", "port; 0 takes a free one"))
    ] = 0,
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="PUHUI_REGISTRY_DATABASE_URL", help=say("自备的 PostgreSQL", "a PostgreSQL of your own")
        ),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help=say("就绪后写入地址的文件", "file to write the address to when ready"))
    ] = None,
    log: LogOption = None,
) -> None:
    """Run the reference registry."""
    from gateway.announcing import say_on_stderr
    from gateway.composition import reference_registry

    set_up_logs(log, process="registry")
    base = default_data_dir()
    settings = reference_registry.RegistryServeSettings(
        data_dir=data_dir or base / REGISTRY_DIR,
        exchange_key_file=exchange_key_file or reference_registry.public_half(base / "keys" / "exchange.pem"),
        host=host,
        port=port,
        database_url=database_url,
        ready_file=ready_file,
    )
    finish(reference_registry.serve_registry(settings, say_on_stderr))


@registry_app.command("open-account", help=say("开立登记账户", "open an account"))
def open_account(
    account: AccountArgument,
    *,
    kind: Annotated[AccountKindName, typer.Option(help=say("机构或个人", "institution or individual"))] = (
        AccountKindName.INSTITUTION
    ),
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open an account with its two sub-accounts. The same again is the same once."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - registry_bridge is met in the composition only
        await platform.open_account(account, kind.value)
        return {"account": account, "kind": kind.value}

    _at_the_platform(act, data_dir, as_json=as_json)


@registry_app.command(
    "issue", help=say("签发一批减排量至管理科目", "issue a lot into the management sub-account")
)
def issue(
    lot: Annotated[str, typer.Argument(help=say("批次编号", "the lot's name"))],
    *,
    applicant: Annotated[
        str, typer.Option(help=say("申请主体的登记账户", "the applicant's registry account"))
    ],
    first: Annotated[int, typer.Option(min=1, help=say("首个序列号", "first serial"))],
    tonnes: Annotated[int, typer.Option(min=1, help=say("吨数", "how many tonnes"))],
    methodology: Annotated[str, typer.Option(help=say("方法学代码", "the methodology's code"))],
    methodology_class: Annotated[ClassName, typer.Option("--class", help=say("方法学类别", "its class"))],
    version: Annotated[str, typer.Option(help=say("方法学版本", "its version"))] = "1",
    origin: Annotated[
        OriginName, typer.Option(help=say("项目或场景", "project or scenario"))
    ] = OriginName.PROJECT,
    project: Annotated[str, typer.Option(help=say("项目或场景名称", "name of the project or scenario"))] = "",
    period_from: Annotated[str, typer.Option(help=say("监测期首日", "first day of the monitoring period"))],
    period_to: Annotated[str, typer.Option(help=say("监测期末日", "last day of the monitoring period"))],
    issued_on: Annotated[str, typer.Option(help=say("签发日期", "date of issue"))],
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Issue a lot; its methodology is published if it is not. The same again is the same once."""
    issued = Lot(
        lot_id=LotId(lot),
        instrument=AssetCode(""),
        methodology_class=MethodologyClass(methodology_class.value),
        methodology=methodology,
        methodology_version=version,
        origin=Origin(origin.value),
        project=project or lot,
        period_from=period_from,
        period_to=period_to,
        batch=lot,
        issued_on=issued_on,
        serials=(first, first + tonnes),
    )

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        await platform.publish_methodology(
            code=methodology,
            version=version,
            methodology_class=issued.methodology_class,
            title=methodology,
        )
        await platform.issue_lot(issued, applicant)
        return {"lot": lot, "applicant": applicant, "serials": [[first, first + tonnes]]}

    _at_the_platform(act, data_dir, as_json=as_json)


@registry_app.command("holdings", help=say("查询账户的持有", "what an account holds"))
def holdings(
    account: AccountArgument, *, data_dir: DataDirOption = None, as_json: JsonOption = False
) -> None:
    """An account's serials in both sub-accounts."""

    async def show() -> None:
        from gateway.composition import reference_registry

        output = Output(as_json=as_json)
        async with reference_registry.platform(data_dir or default_data_dir()) as platform:
            found = await platform.account(account)
        if found is None:
            raise CommandFault(say(f"没有登记账户 {account}", f"there is no registry account {account}"))
        rows = [
            (held.sub_account.value, held.lot, held.first, held.end, held.end - held.first)
            for held in found.holdings
        ]
        names = ("sub_account", "lot", "first", "end", "tonnes")
        value = {
            "account": found.account,
            "kind": found.kind.value,
            "frozen": found.frozen,
            "trading_account": found.trading_account,
            "holdings": [dict(zip(names, row, strict=True)) for row in rows],
        }
        if not output.value(value):
            state = say("已冻结", "frozen") if found.frozen else say("正常", "in order")
            columns = say("科目|批次|#首号|#末号(不含)|#吨数", "sub-account|lot|#first|#end|#tonnes").split(
                "|"
            )
            output.table(f"{found.account} ({state}, {found.trading_account or '-'})", columns, rows)

    _run(show, as_json=as_json)


@registry_app.command("freeze", help=say("冻结账户, 批次或区间", "freeze an account, a lot or a range"))
def freeze(
    *,
    account: Annotated[str | None, typer.Option(help=say("登记账户", "registry account"))] = None,
    lot: Annotated[str | None, typer.Option(help=say("批次", "lot"))] = None,
    serials: Annotated[
        tuple[int, int] | None, typer.Option(help=say("批次的区间, 左闭右开", "half-open range of the lot"))
    ] = None,
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Freeze an account, a lot, or a range of a lot."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        ranges = None if serials is None else (serials,)
        number = await platform.freeze(account=account, lot=lot, serials=ranges, reason=reason)
        return {"restriction": number}

    _at_the_platform(act, data_dir, as_json=as_json)


@registry_app.command("unfreeze", help=say("解除冻结", "lift a freeze"))
def unfreeze(
    restriction: Annotated[int, typer.Argument(help=say("冻结编号", "number of the freeze"))],
    *,
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lift a freeze by its number."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        await platform.unfreeze(restriction, reason)
        return {"restriction": restriction, "lifted": True}

    _at_the_platform(act, data_dir, as_json=as_json)


def _at_the_platform(
    act: Callable[[Any], Awaitable[dict[str, Any]]], data_dir: Path | None, *, as_json: bool
) -> None:
    async def work() -> None:
        from gateway.composition import reference_registry

        output = Output(as_json=as_json)
        async with reference_registry.platform(data_dir or default_data_dir()) as platform:
            value = await act(platform)
        if not output.value(value):
            output.line(
                say("已完成: ", "done: ") + ", ".join(f"{name} {part}" for name, part in value.items())
            )

    _run(work, as_json=as_json)


def _run(work: Callable[[], Awaitable[None]], *, as_json: bool) -> None:
    from gateway.composition import reference_registry

    async def told() -> None:
        try:
            await work()
        except reference_registry.PLATFORM_FAULTS as fault:
            raise CommandFault(str(fault)) from None

    run_command(told, as_json=as_json)
