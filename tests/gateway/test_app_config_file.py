"""Settings from a file: every option can stand there, the environment and the command line go first, nothing is guessed."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.config import Settings, SettingsFault
from gateway.config_file import MOST_BYTES, read_config_file

KNOWN = {"port", "quota", "market", "database_url"}


def written(tmp_path: Path, text: str, *, mode: int = 0o600) -> Path:
    path = tmp_path / "puhui.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1", "colour is no option"),
        ("port = ", "puhui.toml"),
        ("[quota]\norder = 1", "quota is a text"),
        ("market = 2026-11-23", "market is a text"),
        ("# " + "x" * MOST_BYTES, "longer than"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsFault, match=said):
        read_config_file(written(tmp_path, text), KNOWN)


def test_a_secret_is_not_told_to_others(tmp_path: Path) -> None:
    text = 'database_url = "postgresql://puhui:hunter2@db/puhui"'
    assert read_config_file(written(tmp_path, text), KNOWN)["database_url"].endswith("@db/puhui")
    with pytest.raises(SettingsFault, match="chmod 600") as fault:
        read_config_file(written(tmp_path, text, mode=0o640), KNOWN)
    assert "hunter2" not in str(fault.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsFault, match="No such file"):
        read_config_file(tmp_path / "none.toml", KNOWN)


def test_the_line_goes_before_the_environment_and_both_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Settings] = []

    async def serve(settings: Settings, _: Any) -> None:
        told.append(settings)

    monkeypatch.setattr("gateway.app.serve", serve)
    monkeypatch.setattr("gateway.cli.serve.set_up_logs", lambda _: None)
    path = written(
        tmp_path,
        'market = "always-open"\nport = 1\nhost = "::1"\ndrain_grace_s = 5\nquota = ["order=7"]\ndrill = true\n',
    )
    runner = CliRunner(env={"PUHUI_PORT": "2", "PUHUI_HOST": "127.0.0.2", "PUHUI_CONFIG": str(path)})
    found = runner.invoke(app, ["serve", "--host", "127.0.0.3", "--data-dir", str(tmp_path)])
    assert found.exit_code == 0, found.output
    (settings,) = told
    assert (settings.host, settings.port, settings.market) == ("127.0.0.3", 2, "always-open")
    assert (settings.drain_grace_s, settings.quotas, settings.drill) == (5.0, ("order=7",), True)
    refused = runner.invoke(app, ["serve", "--config", str(tmp_path / "none.toml")])
    assert (refused.exit_code, "No such file" in refused.output) == (2, True)
