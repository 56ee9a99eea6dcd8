"""Settings from a file: what `puhui serve` is told by options can stand in a TOML file, each under its option's name."""

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from gateway.config import SettingsFault

MOST_BYTES: Final = 64 * 1_024
_PLAIN: Final = (str, int, float, bool)


def read_config_file(path: Path, known: Collection[str]) -> dict[str, Any]:
    """The file's values by option name: `drain_grace_s = 5`, `quota = ["order=2000"]`.

    What may carry a secret may stand there only when nobody else may read the file.

    Raises:
        SettingsFault: it cannot be read, is no TOML, names what is no option, or tells a secret to others.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        mode = path.stat().st_mode & 0o777
        values = tomllib.loads(content.decode())
    except OSError as error:
        raise SettingsFault(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsFault(f"{path}: {error}") from None
    if len(content) > MOST_BYTES:
        raise SettingsFault(f"{path} is longer than {MOST_BYTES} bytes")
    unknown = sorted(values.keys() - set(known))
    if unknown:
        raise SettingsFault(f"{path}: {unknown[0]} is no option of puhui serve")
    for name, value in values.items():
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, _PLAIN) for part in parts):
            raise SettingsFault(f"{path}: {name} is a text, a number, true or false, or a list of texts")
    if "database_url" in values and mode & 0o077:
        raise SettingsFault(
            f"{path} holds database_url and is open to others (mode {mode:o}); chmod 600 {path}"
        )
    return values
