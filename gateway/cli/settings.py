"""Where each setting of `puhui serve` comes from, and one line for one that cannot be meant.

The command line goes before the environment, that before the file, that before the usual value. What is said in two places and
not the same is told with which of them counts.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, NoReturn, TypeAlias, Union, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand

from gateway.cli.faults import CommandFault
from gateway.cli.output import print_fault
from gateway.cli.words import say
from gateway.config import SettingsFault
from gateway.config_file import ConfigFile, Kind, Need, not_meant, read_config_file, shown

WRONG_SETTINGS: Final = 2
"""The status of a command whose settings cannot be meant."""
CONFIG: Final = "config"

_FILE: Final = "puhui.file"
"""Where a command's context keeps what a file says."""
_KINDS: Final = {str: Kind.TEXT, Path: Kind.TEXT, int: Kind.WHOLE, float: Kind.NUMBER, bool: Kind.SWITCH}

Option: TypeAlias = Any
"""What typer keeps of an option: `min`, `max`, `envvar`."""


def options_of(command: Callable[..., Any]) -> dict[str, tuple[Need, Option]]:
    """The settings a command takes as options, by name: what each has to be, and what typer was told of it."""
    found: dict[str, tuple[Need, Option]] = {}
    for name, hint in get_type_hints(command, include_extras=True).items():
        if get_origin(hint) is Annotated:
            kind, option = get_args(hint)[:2]
            found[name] = (_need(kind, option), option)
    return found


def _need(kind: Any, option: Option) -> Need:  # noqa: ANN401 - a type, or several in one
    if get_origin(kind) in (Union, UnionType):
        (kind,) = [one for one in get_args(kind) if one is not type(None)]
    if get_origin(kind) is list:
        return Need(kind=Kind.TEXTS)
    if issubclass(kind, StrEnum):
        return Need(kind=Kind.TEXT, one_of=tuple(kind))
    return Need(kind=_KINDS[kind], least=option.min, most=option.max)


class Sources:
    """Where the settings of one command at hand come from."""

    def __init__(self, context: typer.Context) -> None:
        """Of a context whose options are read, or being read."""
        self._context = context
        command = context.command.callback
        assert command is not None, "a command that does something"
        self._options = options_of(command)

    @property
    def file(self) -> ConfigFile | None:
        """What a file says, where one was named."""
        return self._context.meta.get(_FILE)

    def names(self) -> tuple[str, ...]:
        """All settings but the file's own name, in the order of the help."""
        return tuple(name for name in self._options if name not in (CONFIG, "as_json"))

    def place(self, name: str) -> str:
        """`--port`, `PUHUI_PORT`, `puhui.toml:3`, or that it is the usual value."""
        match self._source(name):
            case "COMMANDLINE":
                return _spelled(name)
            case "ENVIRONMENT":
                return str(self._options[name][1].envvar)
            case "DEFAULT_MAP":
                assert self.file is not None, "only a file sets defaults"
                return self.file.place(name)
            case _:
                return say("默认", "usual")

    def _source(self, name: str) -> str:
        source = self._context.get_parameter_source(name)
        return "" if source is None else source.name

    def not_used(self) -> Iterator[str]:
        """Of each setting that was said twice and not the same: which one counts."""
        for name in self.names():
            used = self._context.params.get(name)
            if self._source(name) not in ("COMMANDLINE", "ENVIRONMENT"):
                continue
            for value, place in self._others(name):
                if plain(used) != plain(value):
                    now, other = shown(name, plain(used)), shown(name, plain(value))
                    yield say(
                        f"{name} 取 {self.place(name)} 的 {now}, 不取 {place} 的 {other}",
                        f"{name} is {now} from {self.place(name)}, and not {other} from {place}",
                    )

    def _others(self, name: str) -> Iterator[tuple[Any, str]]:
        variable = self._options[name][1].envvar
        if self._source(name) == "COMMANDLINE" and variable is not None and os.environ.get(variable):
            yield os.environ[variable], variable
        if self.file is not None and name in self.file.values:
            yield self.file.values[name], self.file.place(name)

    def wrong(self, name: str, value: object) -> SettingsFault:
        """What is said of a value that typer could not take."""
        return not_meant(name, shown(name, value), self._options[name][0], self.place(name))

    def told(self, fault: SettingsFault) -> str:
        """A fault in one line, with where the setting it is about was set."""
        sentence = say(fault.zh, str(fault))
        if fault.setting is None or fault.setting not in self._options:
            return sentence
        return f"{sentence} ({self.place(fault.setting)})"


class SettingsCommand(TyperCommand):
    """A command whose options are settings: one that cannot be meant is told in one line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own
        """Read the options. Raises typer.Exit."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as bad:
            name = getattr(bad.param, "name", None)
            if bad.__cause__ is None or name is None:
                raise
            stop(Sources(ctx).wrong(name, _input_of(bad.__cause__)), ctx)


def _input_of(cause: BaseException) -> object:
    """What pydantic, by which typer reads values, was given."""
    errors: Callable[[], Sequence[dict[str, Any]]] = getattr(cause, "errors", tuple)
    return next((error.get("input") for error in errors()), "")


def read_file(context: typer.Context, path: Path | None) -> Path | None:
    """Take a file's values where neither the command line nor the environment says otherwise. For typer."""
    if path is not None:
        command = context.command.callback
        assert command is not None, "a command that does something"
        needs = {name: need for name, (need, _) in options_of(command).items() if name != CONFIG}
        try:
            found = context.meta[_FILE] = read_config_file(path, needs)
        except SettingsFault as fault:
            stop(fault, context)
        context.default_map = found.values
    return path


def stop(fault: SettingsFault, context: typer.Context) -> NoReturn:
    """Say what is wrong with the settings, and end the command."""
    as_json = context.params.get("as_json") is True
    print_fault(CommandFault(Sources(context).told(fault)), as_json=as_json)
    raise typer.Exit(WRONG_SETTINGS)


def _spelled(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def plain(value: object) -> str:
    """A value as a person would write it, to be shown, or compared with another."""
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
