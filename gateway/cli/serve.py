"""Run the exchange, or show what it would be told to be."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import uvloop

from gateway.access.limits import DEFAULT_QUOTAS, ActionKind
from gateway.cli.command import INTERRUPTED, DataDirOption, JsonOption
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output, print_fault
from gateway.cli.settings import CONFIG, Sources, plain, read_file, stop
from gateway.cli.words import say
from gateway.config import (
    DEFAULT_BEHIND_LIMIT_S,
    DEFAULT_HOST,
    DEFAULT_PORT,
    ClockKind,
    SeedName,
    Settings,
    SettingsFault,
    default_data_dir,
    read_quotas,
)
from gateway.formats import parse_time
from gateway.http.bounds import Bounds, read_bounds
from gateway.logs import LogFormat, LogLevel, set_up_logs
from gateway.roles import Role

ALWAYS_OPEN: Final = "always-open"
SHANGHAI: Final = "shanghai"

DatabaseUrlOption = Annotated[
    str | None,
    typer.Option(
        envvar="PUHUI_DATABASE_URL",
        help=say(
            "自备的 PostgreSQL; 默认启动私有的. 含密码时请用环境变量",
            "a PostgreSQL of your own; a private one is started by default. Use the variable if it holds a password",
        ),
    ),
]
LogOption = Annotated[
    LogFormat | None, typer.Option("--log", envvar="PUHUI_LOG", help=say("日志格式", "how to write logs"))
]
LogLevelOption = Annotated[
    LogLevel,
    typer.Option(
        envvar="PUHUI_LOG_LEVEL",
        help=say(
            "日志级别; debug 为每个请求写数行",
            "from which level on; debug writes several lines for each request",
        ),
    ),
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
BehindOption = Annotated[
    float,
    typer.Option(
        envvar="PUHUI_BEHIND_LIMIT_S",
        min=0.5,
        max=3_600,
        help=say(
            "--role reader: 落后超过此秒数即不再就绪",
            "--role reader: how many seconds behind it is not ready any more",
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
RoleOption = Annotated[
    Role,
    typer.Option(
        envvar="PUHUI_ROLE",
        help=say(
            "本进程的角色: all 为全部; standby 在写者离去后接替它; reader 只提供公开行情",
            "which part this process is: all of it, a standby that takes over once the writer is gone, or a reader for the public",
        ),
    ),
]
ClockOption = Annotated[
    ClockKind, typer.Option(envvar="PUHUI_CLOCK", help=say("市场时钟", "the market's clock"))
]


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        envvar="PUHUI_CONFIG",
        is_eager=True,
        callback=read_file,
        help=say("配置文件 (TOML), 键名同选项", "settings (TOML), each named as its option is"),
    ),
]


_SETTINGS: Final[dict[str, tuple[Any, Any]]] = {
    CONFIG: (ConfigOption, None),
    "role": (RoleOption, Role.ALL),
    "demo": (DemoOption, False),
    "seed": (SeedOption, None),
    "market": (MarketOption, None),
    "clock": (ClockOption, ClockKind.REAL),
    "now": (NowOption, None),
    "database_url": (DatabaseUrlOption, None),
    "registry_url": (RegistryUrlOption, None),
    "registry_key_file": (RegistryKeyOption, None),
    "registry_capabilities_file": (RegistryCapabilitiesOption, None),
    "host": (HostOption, DEFAULT_HOST),
    "port": (PortOption, DEFAULT_PORT),
    "public_url": (PublicUrlOption, None),
    "data_dir": (DataDirOption, None),
    "drill": (DrillOption, False),
    "behind_limit_s": (BehindOption, DEFAULT_BEHIND_LIMIT_S),
    "drain_grace_s": (DrainOption, 0.0),
    "quota": (QuotaOption, None),
    "limit": (LimitOption, None),
    "log": (LogOption, None),
    "log_level": (LogLevelOption, LogLevel.INFO),
}
"""What an exchange is told from outside, with the usual value; each may stand in a file by this name."""


def _with_settings(run: Callable[..., None], **more: tuple[Any, Any]) -> Callable[..., None]:
    """A command that takes every setting, and more, as options."""

    def command(context: typer.Context, **given: Any) -> None:  # noqa: ANN401 - what typer parsed
        run(context, **{name: given[name] for name in more})

    options = {**_SETTINGS, **more}
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # what typer reads the options from
        [
            inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
            *(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=usual, annotation=hint)
                for name, (hint, usual) in options.items()
            ),
        ]
    )
    command.__annotations__ = {"context": typer.Context} | {name: hint for name, (hint, _) in options.items()}
    command.__name__, command.__doc__ = run.__name__.strip("_"), run.__doc__
    return command


def _serve(context: typer.Context) -> None:
    """Run the exchange with everything it needs, until Ctrl-C."""
    from gateway import app
    from gateway.announcing import say_on_stderr

    sources = Sources(context)
    set_up_logs(context.params["log"], level=context.params["log_level"])
    settings = settings_of(context)
    for line in sources.not_used():
        say_on_stderr(line)
    finish(app.serve(settings, say_on_stderr), sources.told)


def settings_of(context: typer.Context) -> Settings:
    """What was told, if it can be meant; else a sentence and status 2."""
    given = {name: value for name, value in context.params.items() if name in _SETTINGS}
    given.pop(CONFIG)
    demo, now, data_dir = given.pop("demo"), given.pop("now"), given.pop("data_dir")
    log, log_level = given.pop("log"), given.pop("log_level")
    given["market"] = given["market"] or (ALWAYS_OPEN if demo else SHANGHAI)
    given["seed"] = SeedName.DEMO if demo else given["seed"]
    quotas, limits = given.pop("quota") or (), given.pop("limit") or ()
    try:
        return Settings(
            **given,
            now_ns=None if now is None else _instant(now),
            data_dir=data_dir or default_data_dir(),
            quotas=tuple(quotas),
            limits=tuple(limits),
            log_options=(*(() if log is None else ("--log", log.value)), "--log-level", log_level.value),
        )
    except SettingsFault as fault:
        stop(fault, context)


def _instant(now: str) -> int:
    try:
        return parse_time(now)
    except ValueError as error:
        raise SettingsFault(f"now {now}: {error}", f"now {now} 应为 RFC 3339 时刻", setting="now") from None


def _show_config(context: typer.Context, *, as_json: bool) -> None:
    """Every setting as it would be in force, with where it comes from; nothing is started. No secret is shown."""
    sources, settings = Sources(context), settings_of(context)
    rows = [*_settings_shown(context, sources, settings), *_bounds_shown(sources, settings)]
    output = Output(as_json=as_json)
    names = ("setting", "value", "from")
    lines = list(sources.not_used())
    if output.value({"settings": [dict(zip(names, row, strict=True)) for row in rows], "not_used": lines}):
        return
    output.table(
        say("现行设置", "settings in force"), say("设置|值|来源", "setting|value|from").split("|"), rows
    )
    for line in lines:
        output.line(line)


def _settings_shown(
    context: typer.Context, sources: Sources, settings: Settings
) -> Iterator[tuple[str, str | None, str]]:
    from gateway.postgres.database import shown_dsn

    of_demo = {"market": settings.market, "seed": settings.seed}
    for name in sources.names():
        value, place = context.params.get(name), sources.place(name)
        if name in of_demo:
            value, place = of_demo[name], place if value is not None else sources.place("demo")
        elif name == "data_dir":
            value = settings.data_dir
        if name in ("quota", "limit"):
            continue  # each by itself, below
        if name == "database_url" and value is not None:
            value = shown_dsn(value)
        yield name, None if value is None else plain(value), place


def _bounds_shown(sources: Sources, settings: Settings) -> Iterator[tuple[str, str | None, str]]:
    """Each limit and each rate, with the option that set it where one did."""
    own, usual = read_bounds(settings.limits), say("默认", "usual")
    for field in fields(Bounds):
        place = sources.place("limit") if field.name in own else usual
        yield f"limit {field.name}", f"{own.get(field.name, field.default):g}", place
    quotas = read_quotas(settings.quotas)
    for kind in ActionKind:
        quota = quotas.get(kind)
        shown = say("不限", "none") if quota is None else f"{quota.quota}"
        yield (
            f"quota {kind.value}",
            shown,
            usual if quota == DEFAULT_QUOTAS.get(kind) else sources.place("quota"),
        )


serve = _with_settings(_serve)
show_config = _with_settings(_show_config, as_json=(JsonOption, False))


def finish(work: Coroutine[Any, Any, None], with_place: Callable[[SettingsFault], str] | None = None) -> None:
    """Run a server to its end on uvloop; a fault the operator can mend becomes a sentence and status 1.

    `with_place` adds to a fault of a setting where that was set.
    """
    from gateway.cli.stops import told
    from gateway.faults import OPERATOR_FAULTS

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except asyncio.CancelledError:
        # Asked to stop before it was ready.
        raise typer.Exit(INTERRUPTED) from None
    except OPERATOR_FAULTS as fault:
        text = with_place(fault) if with_place and isinstance(fault, SettingsFault) else told(fault)
        print_fault(CommandFault(text), as_json=False)
        raise typer.Exit(1) from None
