"""The commands of the registry's own people, against a real registry in a data directory."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from gateway.cli.main import app
from gateway.composition.reference_registry import own_key, public_half
from gateway.config import make_private_dir
from gateway.postgres.migrations import migrate
from registry_bridge.reference.serving import RegistrySettings, running

DAY = "2026-11-23"


class Desk:
    """Runs commands in a data directory, beside the registry in this process."""

    def __init__(self, data_dir: Path, settings: RegistrySettings) -> None:
        self.data_dir = data_dir
        self.settings = settings

    async def invoke(self, *arguments: str) -> Result:
        options = ["registry", *arguments, "--data-dir", str(self.data_dir)]
        return await asyncio.to_thread(CliRunner().invoke, app, options, catch_exceptions=False)

    async def done(self, *arguments: str) -> Any:
        result = await self.invoke(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    async def refused(self, *arguments: str) -> str:
        result = await self.invoke(*arguments, "--json")
        assert result.exit_code == 1, result.output
        return str(json.loads(result.output)["detail"])

    async def shown(self, *arguments: str) -> str:
        result = await self.invoke(*arguments)
        assert result.exit_code == 0, result.output
        return result.output


@pytest.fixture
async def desk(empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    registry_dir = make_private_dir(tmp_path / "registry")
    exchange_key = own_key(make_private_dir(tmp_path / "keys"), "exchange")
    settings = RegistrySettings(
        database_url=empty_database,
        host="127.0.0.1",
        port=0,
        key_file=own_key(registry_dir, "registry"),
        exchange_public_key_file=public_half(exchange_key),
        admin_public_key_file=public_half(own_key(registry_dir, "administration")),
    )
    # What the registry logs would stand among what a command prints: both are in one process here.
    with capture_logs():
        async with running(settings, migrate=migrate) as url:
            (registry_dir / "ready.json").write_text(json.dumps({"url": url}))
            yield Desk(tmp_path, settings)


async def found(desk: Desk) -> None:
    """R-seller with 100 tonnes of LOT-1, of which it moved 40 into its trading sub-account."""
    await desk.done("open-account", "R-seller")
    await desk.done(
        *("methodology", "publish", "M-1", "--class", "I", "--published-on", "2024-02-01", "--title", "Roofs")
    )
    issued = await desk.done(
        *(
            "issue",
            "LOT-1",
            "--applicant",
            "R-seller",
            "--first",
            "1",
            "--tonnes",
            "100",
            "--methodology",
            "M-1",
        ),
        *("--period-from", "2024-01-01", "--period-to", "2024-12-31", "--issued-on", "2025-03-20"),
        *("--origin", "points_converted"),
    )
    assert (issued["class"], issued["serials"]) == ("I", [[1, 101]])
    moved = await desk.done(
        "transfer-in", "R-seller", "LOT-1", "11:31", "1:11", "41:51", "--trading-day", DAY, "--id", "t-1"
    )
    assert moved == {"id": "t-1", "movement": "M1"}


async def test_issue_correct_and_look_where_every_tonne_is(desk: Desk) -> None:
    await found(desk)
    made = await desk.done("correct", "LOT-1", "21:41", "99:101", "--reason", "meter")
    assert made == {"correction": 1, "withdrawn_tonnes": 12, "trading_tonnes": 10, "retired_tonnes": 0}
    (lot,) = await desk.done("lots")
    assert lot == {
        "lot": "LOT-1",
        "applicant": "R-seller",
        "class": "I",
        "issued_tonnes": 100,
        "management_tonnes": 48,
        "trading_tonnes": 40,
        "retired_tonnes": 0,
        "withdrawn_tonnes": 12,
    }
    positions = await desk.done("positions", "--account", "R-seller")
    assert [(one["first"], one["end"]) for one in positions] == [(1, 31), (41, 51)]
    assert await desk.done("positions", "--account", "R-other") == []
    assert (await desk.done("check"))["findings"] == []
    assert "issued 100 t = managed 48 + trading 40 + retired 0 + withdrawn 12" in await desk.shown("check")
    assert "LOT-1" in await desk.shown("lots") and "R-seller" in await desk.shown("positions")


async def test_a_version_that_is_withdrawn_or_not_there_issues_nothing(desk: Desk) -> None:
    await found(desk)
    await desk.done("methodology", "withdraw", "M-1", "--from", "2025-06-01", "--reason", "revised")
    issue = (
        *("issue", "LOT-2", "--applicant", "R-seller", "--first", "1", "--tonnes", "1"),
        *("--period-from", "2024-01-01", "--period-to", "2024-12-31", "--issued-on", "2025-06-01"),
    )
    assert "methodology_not_in_force" in await desk.refused(*issue, "--methodology", "M-1")
    assert "name_unknown" in await desk.refused(*issue, "--methodology", "M-2")
    (version,) = await desk.done("methodology", "list")
    assert (version["methodology"], version["withdrawn_on"], version["title"]) == (
        "M-1",
        "2025-06-01",
        "Roofs",
    )
    assert "2025-06-01" in await desk.shown("methodology", "list")


async def test_amend_freeze_lift_and_close(desk: Desk) -> None:
    await found(desk)
    amended = await desk.done("amend", "LOT-1", "--project", "Roofs of Pudong", "--reason", "misprint")
    assert amended["project"] == "Roofs of Pudong"
    freeze = ("freeze", "--lot", "LOT-1", "--serials", "1", "5", "--reason", "inquiry")
    number = (await desk.done(*freeze))["restriction"]
    (restriction,) = await desk.done("restrictions")
    assert (restriction["restriction"], restriction["serials"]) == (number, "1:5")
    assert "inquiry" in await desk.shown("restrictions")
    await desk.done("unfreeze", str(number), "--reason", "cleared")
    assert await desk.done("restrictions") == []
    assert "account_not_empty" in await desk.refused("close-account", "R-seller", "--reason", "wish")
    await desk.done("open-account", "R-empty", "--kind", "individual")
    await desk.done("close-account", "R-empty", "--reason", "wish")
    assert (await desk.done("holdings", "R-empty"))["closed"] is True
    assert "closed" in await desk.shown("holdings", "R-empty")


async def test_serials_that_are_none_are_not_sent(desk: Desk) -> None:
    await found(desk)
    for wrong in (["1-5"], ["5:5"], ["7:5"], ["x:9"], ["1:5", "4:9"]):
        detail = await desk.refused("correct", "LOT-1", *wrong, "--reason", "meter")
        assert "serials" in detail or "overlap" in detail
    taken = ("transfer-in", "R-seller", "LOT-1", "1:2", "--trading-day", DAY)
    assert "serials_not_held" in await desk.refused(*taken)
    assert len(await desk.done("positions")) == 2


async def test_check_names_what_was_changed_by_hand(desk: Desk) -> None:
    await found(desk)
    connection = await asyncpg.connect(desk.settings.database_url)
    await connection.execute(
        """
        set session_replication_role = replica;
        update holding set account = 'R-other' where place = 'trading' and lower(serials) = 41
        """
    )
    await connection.close()
    result = await desk.invoke("check", "--json")
    assert result.exit_code == 1
    audit, _ = json.JSONDecoder().raw_decode(result.output)
    rules = {(one["rule"], one["subject"]) for one in audit["findings"]}
    assert rules == {
        ("trading_follows_journal", "R-other LOT-1"),
        ("trading_follows_journal", "R-seller LOT-1"),
    }
    assert "trading_follows_journal" in (await desk.invoke("check")).output


async def test_faults_are_refused_outside_a_drill_and_armed_in_one(desk: Desk) -> None:
    assert "no_such_call" in await desk.refused("fault", "set", "slow", "--delay-ms", "1")
    assert "does not run with --drill" in await desk.refused("fault", "show")
    assert "no_such_call" in await desk.refused("fault", "clear")
    async with running(replace(desk.settings, drill=True), migrate=migrate) as url:
        (desk.data_dir / "registry" / "ready.json").write_text(json.dumps({"url": url}))
        armed = await desk.done(
            "fault", "set", "error_after", "--call", "positions", "--count", "1", "--status", "503"
        )
        assert armed == {"fault": 1, "kind": "error_after"}
        assert "overloaded" in (await desk.invoke("positions")).output
        assert await desk.done("positions") == []
        (shown,) = await desk.done("fault", "show")
        assert (shown["kind"], shown["call"], shown["happened"]) == ("error_after", "positions", 1)
        assert "error_after" in await desk.shown("fault", "show")
        await desk.done("fault", "clear")
        assert await desk.done("fault", "show") == []
        assert "malformed" in await desk.refused(
            "fault", "set", "slow", "--call", "ask", "--movement", "retire"
        )
