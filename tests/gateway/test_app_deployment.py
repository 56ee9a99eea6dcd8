"""What is shipped to run it with: the unit is one that systemd understands, the settings are ones that are read."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import typer

from gateway.cli import serve
from gateway.cli.main import app
from gateway.cli.settings import options_of
from gateway.config_file import read_config_file

REPOSITORY: Final = Path(__file__).resolve().parents[2]
UNITS: Final = sorted((REPOSITORY / "deploy/systemd").glob("*.service"))
ANALYZE: Final = shutil.which("systemd-analyze")


def options() -> dict[str, list[str]]:
    """What `puhui serve` takes: the name of each option in settings, and how the line says it."""
    serve = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined] # a group
    return {parameter.name: list(parameter.opts) for parameter in serve.params}


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze (Debian: apt-get install systemd)")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_the_unit(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/puhui/.venv/bin/puhui", sys.executable))
    found = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_unit_starts_it_with_options_it_has(unit: Path) -> None:
    (started,) = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    known = {option for names in options().values() for option in names}
    said = {word for word in started.split() if word.startswith("--")}
    assert {"--config", "--data-dir"} <= said <= known


def test_the_settings_shipped_can_all_be_read(tmp_path: Path) -> None:
    shipped = (REPOSITORY / "deploy/puhui.toml").read_text()
    every = tmp_path / "puhui.toml"
    every.write_text(
        "\n".join(line.removeprefix("# ") if " = " in line else "" for line in shipped.splitlines())
    )
    every.chmod(0o600)
    needs = {name: need for name, (need, _) in options_of(serve.serve).items()}
    assert {"market", "database_url", "quota"} <= read_config_file(every, needs).values.keys()


def test_every_option_is_documented() -> None:
    page = (REPOSITORY / "docs/operating.md").read_text()
    for name, said in options().items():
        assert any(re.search(rf"[` ]{option}\b", page) for option in said), name
