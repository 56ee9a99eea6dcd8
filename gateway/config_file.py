"""Settings from a file: what `puhui serve` is told by options can stand in a TOML file, each under its option's name.

A value has to be of the kind its option takes, so that `port = true` is no port, and within the option's bounds. What is
wrong is told with the line it stands on; a value that may hold a secret is never repeated.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from gateway.config import SECRET_SETTINGS, SettingsFault

MOST_BYTES: Final = 64 * 1_024
_SHOWN_MOST: Final = 60


class Kind(StrEnum):
    """What sort of value a setting takes."""

    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    SWITCH = "switch"
    TEXTS = "texts"


_WORDS: Final = {
    Kind.TEXT: ("文本", "a text"),
    Kind.WHOLE: ("整数", "a whole number"),
    Kind.NUMBER: ("数", "a number"),
    Kind.SWITCH: ("true 或 false", "true or false"),
    Kind.TEXTS: ("文本列表", "a list of texts"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What a setting has to be."""

    kind: Kind
    least: float | None = None
    most: float | None = None
    one_of: tuple[str, ...] = ()

    def admits(self, value: object) -> bool:
        """Whether a value of a TOML file is one."""
        match self.kind:
            case Kind.TEXT:
                return type(value) is str and (not self.one_of or value in self.one_of)
            case Kind.SWITCH:
                return type(value) is bool
            case Kind.TEXTS:
                return type(value) is list and all(type(part) is str for part in value)
            case Kind.WHOLE | Kind.NUMBER:
                numbers = (int,) if self.kind is Kind.WHOLE else (int, float)
                return type(value) in numbers and self._is_within(float(value))  # type: ignore[arg-type] # a number

    def _is_within(self, number: float) -> bool:
        return (self.least is None or self.least <= number) and (self.most is None or number <= self.most)

    def words(self) -> tuple[str, str]:
        """It in Chinese and in English."""
        zh, en = _WORDS[self.kind]
        if self.one_of:
            choices = ", ".join(self.one_of)
            return f"下列之一: {choices}", f"one of {choices}"
        if self.least is not None and self.most is not None:
            return f"{self.least:g} 至 {self.most:g} 的{zh}", f"{en} from {self.least:g} to {self.most:g}"
        return zh, en


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigFile:
    """What a file says, and where."""

    path: Path
    values: dict[str, Any]
    """By option name."""
    lines: Mapping[str, int] = field(default_factory=dict)

    def place(self, name: str) -> str:
        """The file, with the line on which something is said."""
        line = self.lines.get(name)
        return str(self.path) if line is None else f"{self.path}:{line}"


def read_config_file(path: Path, needs: Mapping[str, Need]) -> ConfigFile:
    """The file's values by option name: `drain_grace_s = 5`, `quota = ["order=2000"]`.

    What may carry a secret may stand there only when nobody else may read the file.

    Raises:
        SettingsFault: it cannot be read, is no TOML, names what is no option, says what the option does not take, or tells
            a secret to others.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise SettingsFault(f"{path}: {error.strerror}", f"{path} 无法读取: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise SettingsFault(f"{path} is longer than {MOST_BYTES} bytes", f"{path} 超过 {MOST_BYTES} 字节")
    try:
        text = content.decode()
        found = ConfigFile(path=path, values=tomllib.loads(text), lines=_lines(text))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsFault(f"{path} is no TOML: {error}", f"{path} 不是 TOML: {error}") from None
    for name, value in found.values.items():
        if name not in needs:
            raise _unknown(found, name, needs)
        if not needs[name].admits(value):
            raise not_meant(name, shown(name, value), needs[name], found.place(name))
    if found.values.keys() & SECRET_SETTINGS and mode & 0o077:
        (name, *_) = found.values.keys() & SECRET_SETTINGS
        raise SettingsFault(
            f"{path} holds {name} and is open to others (mode {mode:o}); chmod 600 {path}",
            f"{path} 含 {name}, 但他人可读 (权限 {mode:o}); chmod 600 {path}",
        )
    return found


def not_meant(name: str, value: str, need: Need, place: str) -> SettingsFault:
    """What is said of a setting that is not what it has to be."""
    zh, en = need.words()
    return SettingsFault(
        f"{name} is {value}, and has to be {en} ({place})", f"{name} 应为{zh}, 实为 {value} ({place})"
    )


def shown(name: str, value: object) -> str:
    """A setting's value as it may be repeated to somebody: short, as TOML writes it, and no secret."""
    if name in SECRET_SETTINGS:
        return "(…)"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN_MOST else f"{text[:_SHOWN_MOST]}…"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """What somebody may have meant who wrote this."""
    return next(iter(get_close_matches(name, known, n=1)), None)


def _unknown(found: ConfigFile, name: str, known: Iterable[str]) -> SettingsFault:
    meant = nearest(name.replace("-", "_"), known)
    zh = f"{name} 不是 puhui serve 的设置" + (f", 是否指 {meant}?" if meant else "")
    en = f"{name} is no setting of puhui serve" + (f"; did you mean {meant}?" if meant else "")
    return SettingsFault(f"{en} ({found.place(name)})", f"{zh} ({found.place(name)})")


def _lines(text: str) -> dict[str, int]:
    """Each key at the top of a TOML text, with the line on which it stands."""
    named: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key = _KEY.match(line)
        if key is not None:
            named.setdefault(key["name"], number)
    return named


_KEY: Final = re.compile(r"""\s*\[{0,2}\s*["']?(?P<name>[A-Za-z0-9_-]+)["']?\s*[=.\]]""")
