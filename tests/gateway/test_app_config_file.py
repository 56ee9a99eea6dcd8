"""Settings from a file: every option can stand there, the environment and the command line go first, nothing is guessed."""

import json
import os
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.main import app
from gateway.config import Settings, SettingsFault
from gateway.config_file import MOST_BYTES, Kind, Need, read_config_file
from gateway.http.bounds import Bounds
from gateway.postgres.database import shown_dsn, why_unreachable
from tests.gateway.test_app_deployment import options

KNOWN = {
    "port": Need(kind=Kind.WHOLE, least=0, most=65_535),
    "drain_grace_s": Need(kind=Kind.NUMBER, least=0, most=60),
    "quota": Need(kind=Kind.TEXTS),
    "market": Need(kind=Kind.TEXT),
    "clock": Need(kind=Kind.TEXT, one_of=("real", "manual")),
    "drill": Need(kind=Kind.SWITCH),
    "database_url": Need(kind=Kind.TEXT),
}
PASSWORD = "hunter2-Ω"


def written(tmp_path: Path, text: str | bytes, *, mode: int = 0o600) -> Path:
    path = tmp_path / "puhui.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1", r"colour is no setting of puhui serve \("),
        ("prot = 1", "did you mean port"),
        ("drain-grace-s = 1", "did you mean drain_grace_s"),
        ("port = ", "is no TOML"),
        (b"market = '\xff'", "is no TOML"),
        ("[quota]\norder = 1", r"quota is .* has to be a list of texts .*puhui.toml:1"),
        ("# port\nport = true", r"port is true, and has to be a whole number from 0 to 65535 .*puhui.toml:2"),
        ("port = 70000", "port is 70000, and has to be a whole number from 0 to 65535"),
        ('port = "8080"', "port is 8080, and has to be a whole number"),
        ("drain_grace_s = -1", "drain_grace_s is -1, and has to be a number from 0 to 60"),
        ("drill = 1", "drill is 1, and has to be true or false"),
        ("market = 5", "market is 5, and has to be a text"),
        ("market = 2026-11-23", "market is 2026-11-23, and has to be a text"),
        ('clock = "sundial"', "clock is sundial, and has to be one of real, manual"),
        ('quota = ["order=1", 2]', "quota is .* list of texts"),
        ("# " + "x" * MOST_BYTES, "longer than"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(SettingsFault, match=said):
        read_config_file(written(tmp_path, text), KNOWN)


def test_a_secret_is_not_told_to_others(tmp_path: Path) -> None:
    text = f'database_url = "postgresql://puhui:{PASSWORD}@db/puhui"'
    assert read_config_file(written(tmp_path, text), KNOWN).values["database_url"].endswith("@db/puhui")
    for path in (
        written(tmp_path, text, mode=0o640),
        written(tmp_path, text.replace('= "', '= ["') + "]"),
        written(tmp_path, f"{text}\nport = "),
    ):
        with pytest.raises(SettingsFault) as fault:
            read_config_file(path, KNOWN)
        assert PASSWORD not in str(fault.value) + fault.value.zh


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(SettingsFault, match=why):
            read_config_file(path, KNOWN)


class Told:
    """What `puhui serve` would run with: it is stopped where the exchange would start."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.settings: list[Settings] = []
        self._data_dir = tmp_path / "data"
        monkeypatch.setattr("gateway.app.serve", self._serve)
        monkeypatch.setattr("gateway.cli.serve.set_up_logs", lambda _, **__: None)
        for name in list(os.environ):
            if name.startswith("PUHUI_"):
                monkeypatch.delenv(name)

    async def _serve(self, settings: Settings, _: Any) -> None:
        self.settings.append(settings)

    def by(self, *line: str, language: str = "en", command: str = "serve", **environment: str) -> Result:
        given = {"PUHUI_DATA_DIR": str(self._data_dir), "LC_ALL": f"{language}.UTF-8", **environment}
        return CliRunner(env=given).invoke(app, [command, *line])


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    return Told(monkeypatch, tmp_path)


def test_the_line_goes_before_the_environment_and_both_before_the_file(told: Told, tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'market = "always-open"\nport = 1\nhost = "::1"\ndrain_grace_s = 5\nquota = ["order=7"]\ndrill = true\n'
        f'database_url = "postgresql://a:{PASSWORD}@b/c"\n',
    )
    more = {
        "PUHUI_PORT": "2",
        "PUHUI_HOST": "127.0.0.2",
        "PUHUI_CONFIG": str(path),
        "PUHUI_DRAIN_GRACE_S": "5",
    }
    found = told.by("--host", "127.0.0.3", PUHUI_DATABASE_URL="postgresql://a@b/c", **more)
    assert found.exit_code == 0, found.output
    (settings,) = told.settings
    assert (settings.host, settings.port, settings.market) == ("127.0.0.3", 2, "always-open")
    assert (settings.drain_grace_s, settings.quotas, settings.drill) == (5.0, ("order=7",), True)
    assert found.stderr.splitlines() == [
        f"database_url is (…) from PUHUI_DATABASE_URL, and not (…) from {path}:7",
        "host is 127.0.0.3 from --host, and not 127.0.0.2 from PUHUI_HOST",
        f"host is 127.0.0.3 from --host, and not ::1 from {path}:3",
        f"port is 2 from PUHUI_PORT, and not 1 from {path}:2",
    ]


@pytest.mark.parametrize(
    ("line", "environment", "said"),
    [
        (("--port", "70000"), {}, "port is 70000, and has to be a whole number from 0 to 65535 (--port)"),
        (
            (),
            {"PUHUI_PORT": "true"},
            "port is true, and has to be a whole number from 0 to 65535 (PUHUI_PORT)",
        ),
        (
            (),
            {"PUHUI_DRAIN_GRACE_S": "99"},
            "drain_grace_s is 99, and has to be a number from 0 to 60 (PUHUI_DRAIN_GRACE_S)",
        ),
        ((), {"PUHUI_CLOCK": "sundial"}, "clock is sundial, and has to be one of real, manual (PUHUI_CLOCK)"),
        (
            (),
            {"PUHUI_LOG_LEVEL": "loud"},
            "log_level is loud, and has to be one of debug, info, warning, error (PUHUI_LOG_LEVEL)",
        ),
        (
            ("--limit", "connections=0"),
            {},
            "limit connections=0: a whole number above zero is needed (--limit)",
        ),
        (("--limit", "url_bytes=10"), {}, "limit url_bytes=10: 256 is the least (--limit)"),
        (("--limit", "conections=9"), {}, "did you mean connections?"),
        (("--quota", "order=0"), {}, "quota order=0: write KIND=NUMBER"),
        (("--now", "noon", "--clock", "manual"), {}, "now noon: "),
        (
            (),
            {"PUHUI_PUBLIC_URL": "https://x.example:99999"},
            "public_url is https://x.example:99999, and has to be http",
        ),
        (("--public-url", "ftp://x.example"), {}, "public_url is ftp://x.example, and has to be"),
        (("--public-url", "https://x.example/path"), {}, "(--public-url)"),
        (("--public-url", "https://a:hunter2@x.example"), {}, "public_url is (…), and has to be"),
        ((), {"PUHUI_CONFIG": "none.toml"}, "none.toml: No such file"),
    ],
)
def test_each_ends_with_one_line_and_status_2(
    told: Told, line: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    english = told.by(*line, **environment)
    assert (english.exit_code, told.settings) == (2, [])
    (only,) = english.stderr.splitlines()
    assert said in only
    assert "hunter2" not in only
    (chinese,) = told.by(*line, language="zh_CN", **environment).stderr.splitlines()
    assert re.search(r"[\u4e00-\u9fff]", chinese.partition(": ")[2]) is not None, chinese


def test_what_is_in_force_is_shown_with_whence_it_comes(told: Told, tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f'port = 1\nlimit = ["connections=9"]\ndatabase_url = "postgresql://a:{PASSWORD}@b:5/c?password={PASSWORD}"',
    )
    given = ("--config", str(path), "--demo", "--quota", "order=7")
    found = told.by(*given, "--json", command="config", PUHUI_PORT="2")
    assert found.exit_code == 0, found.output
    shown = json.loads(found.stdout)
    rows = {row["setting"]: (row["value"], row["from"]) for row in shown["settings"]}
    assert rows.keys() >= {*options(), *(f"limit {field.name}" for field in fields(Bounds))} - {
        "config",
        "quota",
        "limit",
    }
    assert rows["port"] == ("2", "PUHUI_PORT")
    assert rows["market"] == ("always-open", "--demo")
    assert rows["database_url"] == ("postgresql://a@b:5/c", f"{path}:3")
    assert rows["limit connections"] == ("9", f"{path}:2")
    assert rows["quota order"] == ("7", "--quota")
    assert rows["host"] == ("127.0.0.1", "usual")
    assert shown["not_used"] == [f"port is 2 from PUHUI_PORT, and not 1 from {path}:1"]
    plain = told.by(*given, command="config").output
    assert "127.0.0.1" in plain
    assert PASSWORD not in found.output + plain


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://u:hunter2@127.0.0.1:1/db", "refused"),
        ("postgresql://u:hunter2@nowhere.invalid/db", "not known|resolution|service"),
        ("postgresql://u:hunter2@127.0.0.1:port/db", "no PostgreSQL URL"),
        ("mysql://u:hunter2@127.0.0.1/db", "no PostgreSQL URL"),
        ("hunter2", "no PostgreSQL URL"),
    ],
)
async def test_a_database_that_cannot_be_used_is_told_without_its_password(url: str, why: str) -> None:
    found = await why_unreachable(url)
    assert found is not None
    assert re.search(why, found, re.IGNORECASE), found
    assert "hunter2" not in found + shown_dsn(url)
