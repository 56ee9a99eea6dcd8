"""Opening a market from the command line: what is asked of the exchange, and what becomes of a new key."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.cash import full_amount
from gateway.cli.faults import CommandFault
from gateway.cli.main import app
from gateway.cli.setup import PARTICIPANT_KIND
from gateway.cli.stops import told
from gateway.config import SettingsFault
from gateway.engine.recovery import RecoveryError
from gateway.markets.loader import MarketFileFault, read_calendar
from gateway.postgres.errors import AlreadyRunningError, MigrationError
from settlement.account import ParticipantKind

SHIPPED = Path("gateway/markets/calendar_2026.toml")
YEAR = """
first_day = 2027-01-01
last_day = 2027-01-10
source = "notice 1"

[[closure]]
days = [2027-01-01]
"""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


def puhui(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    return done.exit_code, done.output


def test_every_kind_of_participant_has_its_chinese_term() -> None:
    assert set(PARTICIPANT_KIND) == set(ParticipantKind)


@pytest.mark.parametrize(
    ("written", "full"), [("100000", "100000.00"), ("0.5", "0.50"), ("999999999999.99", "999999999999.99")]
)
def test_an_amount_is_completed_to_the_fen(written: str, full: str) -> None:
    assert full_amount(written) == full


@pytest.mark.parametrize("written", ["", "-1", "1.005", "1,000", "1e3", "1234567890123"])
def test_what_is_no_amount_is_refused_before_it_is_sent(written: str) -> None:
    with pytest.raises(CommandFault):
        full_amount(written)


def test_a_year_is_its_weekdays_but_for_the_closures(tmp_path: Path) -> None:
    (tmp_path / "2027.toml").write_text(YEAR)
    announced = read_calendar(tmp_path / "2027.toml").announcement
    assert announced.trading_days == tuple(f"2027-01-{day:02}" for day in (4, 5, 6, 7, 8))
    assert (announced.first_day, announced.last_day, announced.source) == (
        "2027-01-01",
        "2027-01-10",
        "notice 1",
    )


@pytest.mark.parametrize(
    "broken",
    [
        "first_day = ",
        YEAR.replace('source = "notice 1"', ""),
        YEAR.replace("[2027-01-01]", "[2027-01-02]"),
        YEAR.replace("[2027-01-01]", '["x"]'),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_a_sentence(tmp_path: Path, broken: str) -> None:
    (tmp_path / "2027.toml").write_text(broken)
    with pytest.raises(MarketFileFault, match=r"2027\.toml"):
        read_calendar(tmp_path / "2027.toml")
    status, printed = puhui("operator", "calendar", "announce", str(tmp_path / "2027.toml"))
    assert status == 1
    assert "2027.toml" in printed


def test_a_key_is_not_made_where_its_secret_could_not_be_kept(tmp_path: Path) -> None:
    (tmp_path / "there.key").write_text("old")
    add = ("operator", "key", "add", "bank", "--scope", "bank", "--data-dir", str(tmp_path))
    for choice in ((), ("--out", str(tmp_path / "there.key")), ("--out", str(tmp_path / "no" / "x.key"))):
        assert puhui(*add, *choice)[0] == 1
    assert puhui(*add, "--public-key", str(tmp_path / "there.key"))[0] == 1
    assert (tmp_path / "there.key").read_text() == "old"


def test_a_purchase_for_a_use_names_whom_it_is_for(tmp_path: Path) -> None:
    buy = ("order", "buy", "SHCERCIR1", "--price", "68", "--quantity", "1", "--data-dir", str(tmp_path))
    for half in (("--use", "donation"), ("--beneficiary", "x"), ("--statement", "x")):
        status, printed = puhui(*buy, *half, "--json")
        assert status == 1
        assert "--beneficiary go together" in json.loads(printed)["detail"]
    assert puhui(*buy, "--use", "compliance_offset", "--beneficiary", "x")[0] == 2


@pytest.mark.parametrize(
    ("fault", "zh", "en"),
    [
        (RecoveryError("entry 7 is missing"), "请勿删除", "delete nothing"),
        (AlreadyRunningError("pid 7"), "另选目录", "name another directory"),
        (SettingsFault("port 8080"), "设置不可用", "cannot be used"),
        (MigrationError("0001"), "PostgreSQL 不可用", "PostgreSQL cannot be used"),
    ],
)
def test_what_stops_a_server_is_told_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, zh: str, en: str
) -> None:
    assert en in told(fault)
    assert str(fault) in told(fault)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert zh in told(fault)
    assert str(fault) in told(fault)
