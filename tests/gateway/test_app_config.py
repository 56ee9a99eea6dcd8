"""Settings that contradict each other are refused before anything starts; private files are private."""

from pathlib import Path
from typing import Any

import pytest

from gateway.access.limits import DEFAULT_QUOTAS, ActionKind, Quota
from gateway.config import (
    ClockKind,
    SeedName,
    Settings,
    SettingsFault,
    default_data_dir,
    make_private_dir,
    read_quotas,
)
from gateway.private_files import write_private
from gateway.roles import Role


def test_a_registry_of_ones_own_needs_its_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsFault, match="go together"):
        Settings(data_dir=tmp_path, registry_url="http://registry.example")


def test_what_a_platform_promises_is_told_of_a_platform_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(SettingsFault, match="serves its own record"):
        Settings(data_dir=tmp_path, registry_capabilities_file=tmp_path / "platform.toml")


def test_the_seed_needs_the_reference_registry(tmp_path: Path) -> None:
    with pytest.raises(SettingsFault, match="reference registry"):
        Settings(
            data_dir=tmp_path,
            registry_url="http://registry.example",
            registry_key_file=tmp_path / "key.pem",
            seed=SeedName.DEMO,
        )


@pytest.mark.parametrize("role", [Role.STANDBY, Role.READER])
def test_whoever_shares_a_database_names_it(tmp_path: Path, role: Role) -> None:
    with pytest.raises(SettingsFault, match="needs --database-url"):
        Settings(data_dir=tmp_path, role=role)


@pytest.mark.parametrize("more", [{"seed": SeedName.DEMO}, {"clock": ClockKind.MANUAL, "now_ns": 1}])
def test_a_reader_fills_nothing_and_moves_no_clock(tmp_path: Path, more: dict[str, Any]) -> None:
    with pytest.raises(SettingsFault, match="goes by the real clock"):
        Settings(data_dir=tmp_path, role=Role.READER, database_url="postgresql://db.example/puhui", **more)


@pytest.mark.parametrize(("clock", "now_ns"), [(ClockKind.MANUAL, None), (ClockKind.REAL, 1)])
def test_a_manual_clock_and_its_beginning_go_together(
    tmp_path: Path, clock: ClockKind, now_ns: int | None
) -> None:
    with pytest.raises(SettingsFault, match="--now"):
        Settings(data_dir=tmp_path, clock=clock, now_ns=now_ns)


def test_the_data_directory_is_named_by_the_environment_or_lies_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUHUI_DATA_DIR", raising=False)
    assert default_data_dir() == Path(".puhui")
    monkeypatch.setenv("PUHUI_DATA_DIR", "/srv/puhui")
    assert default_data_dir() == Path("/srv/puhui")


def test_a_directory_that_is_made_is_closed_to_others(tmp_path: Path) -> None:
    made = make_private_dir(tmp_path / "new" / "data")
    assert made.stat().st_mode & 0o777 == 0o700


def test_a_directory_open_to_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(SettingsFault, match="chmod 700"):
        make_private_dir(tmp_path / "open")


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        write_private(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == b"two"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_rate_limits_are_the_usual_ones_but_for_those_named() -> None:
    quotas = read_quotas(["order=2000", "cancel=none"])
    assert quotas[ActionKind.ORDER] == Quota(quota=2_000)
    assert ActionKind.CANCEL not in quotas
    assert quotas[ActionKind.READ] == DEFAULT_QUOTAS[ActionKind.READ]
    assert read_quotas([]) == DEFAULT_QUOTAS


@pytest.mark.parametrize("text", ["order", "orders=1", "order=0", "order=-1", "order=1.5", "order=none "])
def test_a_rate_limit_that_cannot_be_meant_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsFault, match="quota"):
        Settings(data_dir=tmp_path, quotas=(text,))
