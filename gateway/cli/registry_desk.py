"""What the registry's commands share: their options, how they reach the platform, and how serials are written."""

import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.command import run_command
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output
from gateway.cli.words import say
from gateway.config import default_data_dir

AccountArgument = Annotated[str, typer.Argument(help=say("登记账户", "registry account"))]
LotArgument = Annotated[str, typer.Argument(help=say("批次编号", "the lot's name"))]
ReasonOption = Annotated[str, typer.Option(help=say("理由", "why"))]
SerialsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="FIRST:END…",
        help=say("序列号区间, 左闭右开, 如 11:21", "ranges of serials, half-open, such as 11:21"),
    ),
]

_RANGE: Final = re.compile(r"(\d{1,18}):(\d{1,18})", re.ASCII)


def serials_of(ranges: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """Ranges as they are written, in ascending order and merged where they touch.

    Raises:
        CommandFault: one is not `FIRST:END`, is empty, or overlaps another.
    """
    merged: list[tuple[int, int]] = []
    for first, end in sorted(map(_range_of, ranges)):
        if merged and first < merged[-1][1]:
            raise CommandFault(say(f"区间重叠: {first}:{end}", f"the ranges overlap at {first}:{end}"))
        if merged and first == merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((first, end))
    return tuple(merged)


def _range_of(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    if match is None or int(match[1]) >= int(match[2]):
        raise CommandFault(
            say(f"不是序列号区间: {text} (如 11:21)", f"{text} is no range of serials, such as 11:21")
        )
    return int(match[1]), int(match[2])


def at_the_platform(
    act: Callable[[Any], Awaitable[dict[str, Any]]], data_dir: Path | None, *, as_json: bool
) -> None:
    """Do something at the platform and say that it is done, with what came of it."""

    async def work() -> None:
        from gateway.composition import reference_registry

        output = Output(as_json=as_json)
        async with reference_registry.platform(data_dir or default_data_dir()) as platform:
            value = await act(platform)
        if not output.value(value):
            output.line(
                say("已完成: ", "done: ") + ", ".join(f"{name} {part}" for name, part in value.items())
            )

    run(work, as_json=as_json)


def look(show: Callable[[Any, Output], Awaitable[None]], data_dir: Path | None, *, as_json: bool) -> None:
    """Look at something at the platform and show it."""

    async def work() -> None:
        from gateway.composition import reference_registry

        async with reference_registry.platform(data_dir or default_data_dir()) as platform:
            await show(platform, Output(as_json=as_json))

    run(work, as_json=as_json)


def run(work: Callable[[], Awaitable[None]], *, as_json: bool) -> None:
    """Run a command to its end; what the platform says instead of doing it is a fault of the command."""
    from gateway.composition import reference_registry

    async def told() -> None:
        try:
            await work()
        except reference_registry.PLATFORM_FAULTS as fault:
            raise CommandFault(str(fault)) from None

    run_command(told, as_json=as_json)
