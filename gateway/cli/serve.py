"""Run the exchange."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import uvloop

from gateway.cli.command import INTERRUPTED, DataDirOption
from gateway.cli.faults import CommandFault
from gateway.cli.output import print_fault
from gateway.cli.words import say
from gateway.config import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    ClockKind,
    SeedName,
    Settings,
    SettingsFault,
    default_data_dir,
)
from gateway.config_file import read_config_file
from gateway.formats import parse_time
from gateway.logs import LogFormat, set_up_logs

ALWAYS_OPEN: Final = "always-open"
SHANGHAI: Final = "shanghai"

DatabaseUrlOption = Annotated[
    str | None,
    typer.Option(
        envvar="PUHUI_DATABASE_URL",
        help=say(
            "自备的 PostgreSQL; 默认启动私有的. 含口令时请用环境变量",
            "a PostgreSQL of your own; a private one is started by default. Use the variable if it holds a password",
        ),
    ),
]
LogOption = Annotated[
    LogFormat | None, typer.Option("--log", envvar="PUHUI_LOG", help=say("日志格式", "how to write logs"))
]
HostOption = Annotated[str, typer.Option(envvar="PUHUI_HOST", help=say("监听地址", "address to listen on"))]
PortOption = Annotated[
    int,
    typer.Option(
        envvar="PUHUI_PORT", min=0, max=65_535, help=say("端口; 0 取空闲的", "port; 0 takes a free one")
    ),
]
RegistryUrlOption = Annotated[
    str | None,
    typer.Option(envvar="PUHUI_REGISTRY_URL", help=say("自备的登记平台", "a registry platform of your own")),
]
RegistryKeyOption = Annotated[
    Path | None,
    typer.Option(
        envvar="PUHUI_REGISTRY_KEY_FILE", help=say("该平台的公钥 PEM", "that platform's public key, PEM")
    ),
]
RegistryCapabilitiesOption = Annotated[
    Path | None,
    typer.Option(
        envvar="PUHUI_REGISTRY_CAPABILITIES_FILE",
        help=say(
            "该平台所作承诺的 TOML 文件; 默认由平台自述",
            "what that platform promises, as a TOML file; by default the platform says so itself",
        ),
    ),
]
PublicUrlOption = Annotated[
    str | None,
    typer.Option(
        envvar="PUHUI_PUBLIC_URL",
        help=say(
            "公众访问的地址, 印在凭证上; 默认为监听地址",
            "where the public reaches it, printed on certificates; where it listens by default",
        ),
    ),
]
MarketOption = Annotated[
    str | None,
    typer.Option(
        envvar="PUHUI_MARKET", help=say("shanghai (默认) 或 always-open", "shanghai (default) or always-open")
    ),
]
NowOption = Annotated[
    str | None, typer.Option(help=say("手动时钟的起点, RFC 3339", "where a manual clock starts, RFC 3339"))
]
QuotaOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KIND=NUMBER",
        help=say(
            "每账户每秒的限额, 如 order=2000 或 cancel=none; 可重复",
            "how much an account may do a second, such as order=2000 or cancel=none; may be repeated",
        ),
    ),
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=NUMBER",
        help=say(
            "连接, 字节与时间的上限, 如 connections=10000; 可重复",
            "a bound on connections, bytes or time, such as connections=10000; may be repeated",
        ),
    ),
]

DrainOption = Annotated[
    float,
    typer.Option(
        envvar="PUHUI_DRAIN_GRACE_S",
        min=0,
        max=60,
        help=say(
            "停止前保持应答但不再受理的秒数, 供负载均衡切换",
            "seconds to answer without taking anything on before it ends, for a load balancer to notice",
        ),
    ),
]
DemoOption = Annotated[
    bool,
    typer.Option(
        "--demo", help=say("等于 --seed demo --market always-open", "--seed demo --market always-open")
    ),
]
DrillOption = Annotated[
    bool,
    typer.Option(
        "--drill",
        help=say(
            "演练: 参考登记平台可按指令出故障", "a rehearsal: the reference registry takes orders to fail"
        ),
    ),
]


SeedOption = Annotated[
    SeedName | None, typer.Option(envvar="PUHUI_SEED", help=say("充入演示数据", "fill an empty one"))
]
ClockOption = Annotated[
    ClockKind, typer.Option(envvar="PUHUI_CLOCK", help=say("市场时钟", "the market's clock"))
]


def read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take a file's values where neither the command line nor the environment says otherwise. For typer."""
    if path is not None:
        known = {str(parameter.name) for parameter in context.command.params} - {"config"}
        try:
            context.default_map = read_config_file(path, known)
        except SettingsFault as fault:
            print_fault(CommandFault(str(fault)), as_json=False)
            raise typer.Exit(2) from None
    return path


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        envvar="PUHUI_CONFIG",
        is_eager=True,
        callback=read_config,
        help=say("配置文件 (TOML), 键名同选项", "settings (TOML), each named as its option is"),
    ),
]


def serve(
    *,
    config: ConfigOption = None,
    demo: DemoOption = False,
    seed: SeedOption = None,
    market: MarketOption = None,
    clock: ClockOption = ClockKind.REAL,
    now: NowOption = None,
    database_url: DatabaseUrlOption = None,
    registry_url: RegistryUrlOption = None,
    registry_key_file: RegistryKeyOption = None,
    registry_capabilities_file: RegistryCapabilitiesOption = None,
    host: HostOption = DEFAULT_HOST,
    port: PortOption = DEFAULT_PORT,
    public_url: PublicUrlOption = None,
    data_dir: DataDirOption = None,
    drill: DrillOption = False,
    drain_grace_s: DrainOption = 0.0,
    quota: QuotaOption = None,
    limit: LimitOption = None,
    log: LogOption = None,
) -> None:
    """Run the exchange with everything it needs, until Ctrl-C."""
    from gateway import app
    from gateway.announcing import say_on_stderr

    del config  # its values have come as the other options' defaults
    set_up_logs(log)
    settings = _settings(
        data_dir=data_dir or default_data_dir(),
        host=host,
        port=port,
        market=market or (ALWAYS_OPEN if demo else SHANGHAI),
        clock=clock,
        now=now,
        database_url=database_url,
        registry_url=registry_url,
        registry_key_file=registry_key_file,
        registry_capabilities_file=registry_capabilities_file,
        drill=drill,
        seed=SeedName.DEMO if demo else seed,
        public_url=public_url,
        drain_grace_s=drain_grace_s,
        quotas=tuple(quota or ()),
        limits=tuple(limit or ()),
    )
    finish(app.serve(settings, say_on_stderr))


def _settings(*, now: str | None, **given: Any) -> Settings:  # noqa: ANN401 - what typer parsed
    """What was told, if it can be meant; else a sentence and status 2."""
    try:
        return Settings(now_ns=None if now is None else parse_time(now), **given)
    except (SettingsFault, ValueError) as fault:
        print_fault(CommandFault(str(fault)), as_json=False)
        raise typer.Exit(2) from None


def finish(work: Coroutine[Any, Any, None]) -> None:
    """Run a server to its end on uvloop; a fault the operator can mend becomes a sentence and status 1."""
    from gateway.cli.stops import told
    from gateway.faults import OPERATOR_FAULTS

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except asyncio.CancelledError:
        # Asked to stop before it was ready.
        raise typer.Exit(INTERRUPTED) from None
    except OPERATOR_FAULTS as fault:
        print_fault(CommandFault(told(fault)), as_json=False)
        raise typer.Exit(1) from None
