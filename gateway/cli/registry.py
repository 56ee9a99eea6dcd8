"""The reference registry: run it, and keep its accounts as the platform's own people do."""

import uuid
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.command import DataDirOption, JsonOption
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output
from gateway.cli.registry_desk import (
    AccountArgument,
    LotArgument,
    ReasonOption,
    SerialsArgument,
    at_the_platform,
    look,
    serials_of,
)
from gateway.cli.serve import HostOption, LogLevelOption, LogOption, finish
from gateway.cli.words import say
from gateway.config import DEFAULT_HOST, default_data_dir
from gateway.logs import LogLevel, set_up_logs

registry_app = typer.Typer(no_args_is_help=True, help=say("参考登记平台", "the reference registry platform"))


class AccountKindName(StrEnum):
    """Kinds of registry account."""

    INSTITUTION = "institution"
    INDIVIDUAL = "individual"


DrillOption = Annotated[
    bool,
    typer.Option(
        "--drill",
        help=say(
            "演练: 允许 fault 命令制造故障; 切勿用于真实减排量",
            "for a drill: `fault` may make calls fail; never where units are real",
        ),
    ),
]
LaterFromOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="RANGES",
        help=say(
            "不少于此区间数的划转先受理, 后处理",
            "accept movements of so many ranges first, decide them later",
        ),
    ),
]
LaterAfterOption = Annotated[
    int, typer.Option(min=0, help=say("受理后多少毫秒处理", "decide what was accepted after so many ms"))
]

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
    drill: DrillOption = False,
    later_from: LaterFromOption = None,
    later_after_ms: LaterAfterOption = 0,
    log: LogOption = None,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Run the reference registry."""
    from gateway.announcing import say_on_stderr
    from gateway.composition import reference_registry

    set_up_logs(log, level=log_level, process="registry")
    base = default_data_dir()
    settings = reference_registry.RegistryServeSettings(
        data_dir=data_dir or base / REGISTRY_DIR,
        exchange_key_file=exchange_key_file or reference_registry.public_half(base / "keys" / "exchange.pem"),
        host=host,
        port=port,
        database_url=database_url,
        ready_file=ready_file,
        drill=drill,
        later_from_ranges=later_from,
        later_after_ms=later_after_ms,
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

    at_the_platform(act, data_dir, as_json=as_json)


@registry_app.command("close-account", help=say("注销空账户", "close an empty account for good"))
def close_account(
    account: AccountArgument,
    *,
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close an account that holds nothing."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        await platform.close_account(account, reason)
        return {"account": account, "closed": True}

    at_the_platform(act, data_dir, as_json=as_json)


@registry_app.command(
    "transfer-in", help=say("以持有人名义划入交易科目", "move units into trading in their owner's name")
)
def transfer_in(
    account: AccountArgument,
    lot: LotArgument,
    serials: SerialsArgument,
    *,
    trading_day: Annotated[str, typer.Option(help=say("交易日", "the trading day, YYYY-MM-DD"))],
    transfer_id: Annotated[
        str | None, typer.Option("--id", help=say("编号; 重发时用同一个", "its id; the same when repeated"))
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """What an owner does at the platform itself; the exchange is told by a notice."""
    number = transfer_id or uuid.uuid4().hex

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        movement = await platform.transfer_by_owner(
            transfer_id=number, account=account, lot=lot, serials=serials_of(serials), trading_day=trading_day
        )
        return {"id": number, "movement": movement}

    at_the_platform(act, data_dir, as_json=as_json)


@registry_app.command("holdings", help=say("查询账户的持有", "what an account holds"))
def holdings(
    account: AccountArgument, *, data_dir: DataDirOption = None, as_json: JsonOption = False
) -> None:
    """An account's serials in both sub-accounts."""

    async def show(platform: Any, output: Output) -> None:  # noqa: ANN401 - as above
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
            "closed": found.closed,
            "trading_account": found.trading_account,
            "holdings": [dict(zip(names, row, strict=True)) for row in rows],
        }
        if not output.value(value):
            columns = say("科目|批次|#首号|#末号(不含)|#吨数", "sub-account|lot|#first|#end|#tonnes").split(
                "|"
            )
            title = f"{found.account} ({_state(found)}, {found.trading_account or '-'})"
            output.table(title, columns, rows)

    look(show, data_dir, as_json=as_json)


def _state(account: Any) -> str:  # noqa: ANN401 - as above
    if account.closed:
        return say("已注销", "closed")
    return say("已冻结", "frozen") if account.frozen else say("正常", "in order")


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

    at_the_platform(act, data_dir, as_json=as_json)


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

    at_the_platform(act, data_dir, as_json=as_json)


@registry_app.command("restrictions", help=say("现行冻结", "the freezes in force"))
def restrictions(*, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """The freezes in force, with the numbers by which they are lifted."""

    async def show(platform: Any, output: Output) -> None:  # noqa: ANN401 - as above
        found = await platform.restrictions()
        rows = [
            (
                one.restriction,
                one.account,
                one.lot,
                " ".join(f"{first}:{end}" for first, end in one.serials) or None,
                one.reason,
            )
            for one in found
        ]
        names = ("restriction", "account", "lot", "serials", "reason")
        if not output.value([dict(zip(names, row, strict=True)) for row in rows]):
            columns = say("#编号|账户|批次|区间|理由", "#number|account|lot|serials|reason").split("|")
            output.table(say("现行冻结", "freezes in force"), columns, rows)

    look(show, data_dir, as_json=as_json)
