"""Small helpers: sign a request for curl, explain a code."""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.client import sign as sign_request
from gateway.cli.command import Desk, JsonOption, run_command
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output
from gateway.cli.words import language, say
from settlement.rejections import Reason

TRADER: Final = "buyer"

SIGN_HELP: Final = say(
    "打印一次请求的三个签名头, 供 curl 使用 (5 秒内有效): "
    "puhui sign GET /v1/account --as seller | curl -H @- URL/v1/account . "
    "带正文: puhui sign POST /v1/orders --body @order.json | curl -H @- -H 'Content-Type: application/json' "
    "--data-binary @order.json URL/v1/orders",
    "Print the three signature headers of one request, for curl (good for 5 seconds): "
    "puhui sign GET /v1/account --as seller | curl -H @- URL/v1/account . "
    "With a body: puhui sign POST /v1/orders --body @order.json | curl -H @- -H 'Content-Type: application/json' "
    "--data-binary @order.json URL/v1/orders",
)


async def sign(
    desk: Desk,
    method: Annotated[str, typer.Argument(help=say("HTTP 方法", "HTTP method"))],
    path: Annotated[str, typer.Argument(help=say("路径与查询, 如 /v1/orders?limit=5", "path with query"))],
    *,
    body: Annotated[
        str,
        typer.Option(
            help=say(
                "正文; @文件 读文件, @- 读标准输入. 须与发送的逐字节相同",
                "the body; @FILE reads a file, @- standard input. Byte for byte what is sent",
            )
        ),
    ] = "",
) -> None:
    """Print the headers of a signed request, one a line."""
    if not path.startswith("/"):
        raise CommandFault(say("路径须以 / 开头", "the path begins with /"))
    headers = sign_request(desk.target.find_credentials(TRADER), method.upper(), path, _read_body(body))
    if not desk.output.value(headers):
        sys.stdout.write("".join(f"{name}: {value}\n" for name, value in headers.items()))


def explain(
    code: Annotated[
        str | None, typer.Argument(help=say("错误代码; 默认全部", "the code; all when absent"))
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """What a code means, what to do about it, and on whose word."""

    async def show() -> None:
        from gateway.http.refusals.catalogue import CATALOGUE, entry_of

        output = Output(as_json=as_json)
        if code is None:
            _list_codes(output, CATALOGUE)
            return
        reason = CATALOGUE.get(code)
        if reason is None:
            alike = {
                *get_close_matches(code.lower(), CATALOGUE),
                *(one for one in CATALOGUE if code.lower() in one),
            }
            near = ", ".join(sorted(alike))
            hint = say(f"; 相近: {near}", f"; near: {near}") if near else ""
            raise CommandFault(say(f"没有代码 {code}", f"there is no code {code}") + hint)
        entry = entry_of(reason)
        if not output.value(entry):
            _show_reason(output, reason, entry)

    run_command(show, as_json=as_json)


def _list_codes(output: Output, catalogue: dict[str, Reason]) -> None:
    if output.value(
        [{"code": code, "zh": reason.zh, "en": reason.en} for code, reason in sorted(catalogue.items())]
    ):
        return
    output.table(
        say("错误代码", "codes"),
        say("代码|含义", "code|meaning").split("|"),
        (
            (code, reason.en if language() == "en" else reason.zh)
            for code, reason in sorted(catalogue.items())
        ),
    )


def _show_reason(output: Output, reason: Reason, entry: dict[str, Any]) -> None:
    output.line(f"{reason.code}  (HTTP {entry['status']})")
    output.line(f"  {reason.zh}")
    output.line(f"  {reason.en}")
    output.line(f"  {say('怎么办', 'what to do')}: {say(reason.remedy_zh, reason.remedy_en)}")
    if entry["retryable"]:
        output.line(
            f"  {say('同一请求重新签名后可再试', 'the same request, signed anew, may succeed later')}"
        )
    if reason.pointer:
        output.line(f"  {say('字段', 'field')}: {reason.pointer}")
    output.line(f"  {say('依据', 'source')}: {reason.source}")


def _read_body(given: str) -> bytes:
    if not given.startswith("@"):
        return given.encode()
    if given == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(given[1:]).read_bytes()
    except OSError as error:
        raise CommandFault(f"{given[1:]}: {error.strerror}") from None
