"""What commands print: tables for people, one JSON text for programs, faults on standard error."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.cli.faults import CommandFault
from gateway.cli.words import say

PIPE_WIDTH: Final = 160


class Output:
    """Where a command prints, and in which of the two ways."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # A pipe has no width; tables go there unfolded.
        self.console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)

    def value(self, value: Any) -> bool:  # noqa: ANN401 - JSON
        """Print a value when JSON is wanted, and say whether that was all there is to print."""
        if self.as_json:
            print_json(value)
        return self.as_json

    def line(self, text: str) -> None:
        """One line as it stands."""
        self.console.print(Text(text), soft_wrap=True)

    def table(self, title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """A table; columns whose name begins with `#` are figures, set to the right. What comes first is never broken."""
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
        for column in columns:
            justify: Literal["left", "right"] = "right" if column.startswith("#") else "left"
            # An id that is broken could not be copied into the next command.
            table.add_column(column.removeprefix("#"), justify=justify, no_wrap=not table.columns)
        for row in rows:
            table.add_row(*(Text(_cell(value)) for value in row))
        self.console.print(table)


def print_json(value: Any, *, one_line: bool = False) -> None:  # noqa: ANN401 - JSON
    """One JSON text on standard output, at once."""
    sys.stdout.write(orjson.dumps(value, option=0 if one_line else orjson.OPT_INDENT_2).decode() + "\n")
    sys.stdout.flush()


def print_fault(fault: CommandFault, *, as_json: bool) -> None:
    """Why a command was not done: for people on standard error, for programs as JSON on standard output."""
    if as_json:
        print_json(fault.as_json())
        return
    Console(stderr=True, highlight=False).print(
        Text(f"{say('未完成', 'not done')}: {fault}", style="red"), soft_wrap=True
    )


def write_new(path: Path, content: bytes) -> None:
    """A file that is not there yet. Raises CommandFault."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise CommandFault(say(f"{path} 已存在", f"{path} is there already")) from None
    except OSError as error:
        raise CommandFault(f"{path}: {error.strerror}") from None


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
