"""What the commands share: options naming the exchange and who acts, --json, and how a fault ends a command."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.client import ExchangeClient
from gateway.cli.faults import CommandFault
from gateway.cli.identity import Target
from gateway.cli.output import Output, print_fault
from gateway.cli.words import say
from gateway.config import SettingsFault

INTERRUPTED: Final = 130
"""The status of a command ended by Ctrl-C, as shells have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What a command works with: whom it speaks to, and where it prints."""

    target: Target
    output: Output

    def client(self, role: str | None) -> AbstractAsyncContextManager[ExchangeClient]:
        """A connected client acting in that role, or as the public."""
        credentials = None if role is None else self.target.find_credentials(role)
        return ExchangeClient.connect(self.target.find_url(), credentials)


DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="PUHUI_DATA_DIR",
        show_default=False,
        help=say(
            "数据目录, 其中有 demo.json (默认 ./.puhui)", "data directory with demo.json (default ./.puhui)"
        ),
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help=say("输出 JSON", "print JSON"))]

_SHARED: Final[dict[str, Any]] = {
    "act_as": Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help=say("以 demo.json 中谁的身份", "who of demo.json acts")),
    ],
    "data_dir": DataDirOption,
    "url": Annotated[
        str | None,
        typer.Option("--url", envvar="PUHUI_URL", help=say("交易所地址", "address of the exchange")),
    ],
    "key": Annotated[
        str | None, typer.Option("--key", envvar="PUHUI_KEY", help=say("密钥名", "name of the key"))
    ],
    "secret_file": Annotated[
        Path | None,
        typer.Option(
            "--secret-file",
            envvar="PUHUI_SECRET_FILE",
            help=say(
                "密钥文件 (0600): base64 或 Ed25519 PEM",
                "file of the secret (0600): base64, or an Ed25519 PEM",
            ),
        ),
    ],
}


def command(run: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Make of a coroutine function a command: its own options, the shared ones, and one way to fail."""

    def invoke(**options: Any) -> None:  # noqa: ANN401 - what typer parsed
        as_json = options.pop("as_json")
        target = Target(**{name: options.pop(name) for name in _SHARED})
        run_command(
            lambda: run(Desk(target=target, output=Output(as_json=as_json)), **options), as_json=as_json
        )

    own = list(inspect.signature(run, eval_str=True).parameters.values())[1:]
    shared = [_option(name, annotation, None) for name, annotation in _SHARED.items()]
    own.extend([*shared, _option("as_json", JsonOption, default=False)])
    invoke.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined] # what typer reads the options from
    invoke.__annotations__ = {parameter.name: parameter.annotation for parameter in own}
    invoke.__name__ = run.__name__
    return invoke


def run_command(run: Callable[[], Awaitable[None]], *, as_json: bool) -> None:
    """Run a command to its end; what went wrong becomes a sentence and a status."""

    async def work() -> None:
        await run()

    try:
        asyncio.run(work())
    except SettingsFault as fault:
        print_fault(CommandFault(str(fault)), as_json=as_json)
        raise typer.Exit(CommandFault.status) from None
    except CommandFault as fault:
        print_fault(fault, as_json=as_json)
        raise typer.Exit(fault.status) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:  # noqa: ANN401 - what typer takes
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
