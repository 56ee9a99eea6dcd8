"""The command line's commands about people, mandates and how things stand, against a real exchange behind a socket."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access.keys import Scope
from gateway.formats import time_text
from settlement.account import ParticipantKind
from settlement.commands import RegisterParticipant
from settlement.values import ParticipantId
from tests.gateway.http.desk import START_NS, Desk
from tests.gateway.http.test_http_command_line import Shell

DAY_NS = 86_400 * 1_000_000_000


@pytest.fixture
def shell(exchange: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return Shell(exchange, tmp_path)


async def log_in(exchange: Desk, name: str, password: str) -> httpx.Response:
    return await exchange.http.post(f"{exchange.url}/v1/session", json={"name": name, "password": password})


async def test_somebody_is_let_in_given_another_password_kept_out_and_let_in_again(
    shell: Shell, exchange: Desk
) -> None:
    add = ("operator", "person", "add", "li.hua", "--participant", "buyer-person", "--account", "buyer")
    first = await shell.done(*add, "--scope", "read", "--scope", "trade")
    assert (await log_in(exchange, "li.hua", first["one_time_password"])).status_code == 201
    assert (await shell.run(*add, "--scope", "read"))[0] == 1
    again = await shell.told("operator", "person", "reset", "li.hua", "--reason", "forgot it")
    password = again.strip().rpartition(" ")[2]
    assert "shown this once" in again
    assert (await log_in(exchange, "li.hua", first["one_time_password"])).status_code == 401
    assert (await log_in(exchange, "li.hua", password)).status_code == 201
    listed = await shell.told("operator", "person", "list")
    assert "li.hua" in listed
    assert listed.partition("li.hua")[2].splitlines()[0].split()[-1] == "operator"  # one alone let them in
    assert password not in listed
    assert "kept out" in await shell.told("operator", "person", "disable", "li.hua", "--reason", "left")
    assert (await log_in(exchange, "li.hua", password)).status_code == 401
    await shell.done("operator", "person", "enable", "li.hua", "--reason", "back")
    assert (await log_in(exchange, "li.hua", password)).status_code == 201
    assert (await shell.run("operator", "person", "disable", "../keys", "--reason", "x"))[0] == 1
    assert (await shell.run("operator", "person", "reset", "nobody", "--reason", "x"))[0] == 1


async def test_a_mandate_is_granted_seen_used_and_revoked(shell: Shell, exchange: Desk) -> None:
    delegate = ParticipantId("delegate-person")
    await exchange.engine.do(
        RegisterParticipant(participant=delegate, kind=ParticipantKind.PROJECT_APPLICANT)
    )
    await exchange.person(
        "delegate", frozenset({Scope.READ, Scope.TRADE}), account=None, participant=delegate
    )
    shell = Shell(exchange, shell.data_dir)
    until = time_text(START_NS + DAY_NS)
    grant = ("operator", "mandate", "grant", "buyer2", "--participant", delegate, "--action", "trade")
    status, printed = await shell.run(*grant, "--until", until, "--reason", "deed 17", "--json")
    if status == 4:  # the rule book asks for a second person
        await shell.done("operator", "approve", json.loads(printed)["approval"]["id"])
    (granted,) = (await shell.done("operator", "mandate", "list"))["items"]
    number = granted["mandate"]
    for whose in ("buyer2", "delegate"):
        assert [one["mandate"] for one in (await shell.done("mandates", "--as", whose))["items"]] == [number]
    assert (await shell.done("mandates", "--as", "buyer"))["items"] == []
    order = ("order", "buy", "SHCERCIR1", "--price", "67", "--quantity", "10", "--account", "buyer2")
    assert (await shell.done(*order, "--as", "delegate"))["order"]["status"] == "new"
    assert "deed 17" in await shell.told("operator", "mandate", "list")
    told = await shell.told("operator", "mandate", "revoke", number, "--reason", "letter")
    assert f"mandate {number} is revoked" in told
    assert (await shell.run(*order, "--as", "delegate"))[0] == 1
    assert (await shell.run("operator", "mandate", "revoke", number, "--reason", "letter"))[0] == 1


async def test_how_things_stand(shell: Shell, exchange: Desk) -> None:
    await shell.done("order", "sell", "SHCERCIR1", "--price", "68", "--quantity", "10")
    await shell.done("order", "buy", "SHCERCIR1", "--price", "68", "--quantity", "4")
    status = await shell.done("status")
    assert (status["phase"], status["kill_switch"]) == ("continuous", False)
    assert "SHCERCIR1" in await shell.told("status")
    (candle,) = (await shell.done("candles", "SHCERCIR1", "--interval", "1h"))["items"]
    assert (candle["close"], candle["volume"]) == ("68.00", "4")
    assert "68.00" in await shell.told("candles", "SHCERCIR1")
    assert "order" in await shell.told("limits")
    items = (await shell.done("events"))["items"]
    assert [one["event_id"] for one in items] == list(range(1, len(items) + 1))
    later = (await shell.done("events", "--after", "1", "--limit", "1"))["items"]
    assert [one["event_id"] for one in later] == [2]
    assert "order_accepted" in await shell.told("events")
    assert (await shell.run("candles", "NOTHING"))[0] == 1


async def test_the_dead_mans_switch_is_set_and_taken_back(shell: Shell) -> None:
    armed: Any = await shell.done("cancel-all-after", "30", "--as", "buyer")
    assert (armed["account"], armed["timeout_s"]) == ("buyer", 30)
    assert "nothing will be cancelled" in await shell.told("cancel-all-after", "0", "--as", "buyer")


@pytest.mark.parametrize(
    ("typed", "found"), [("puhui operator per", "person"), ("puhui cancel-a", "cancel-all-after")]
)
def test_a_shell_completes_commands(typed: str, found: str) -> None:
    asked = {
        "_PUHUI_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
        "_TYPER_COMPLETE_ARGS": typed,
    }
    program = "from gateway.cli.main import app; app(prog_name='puhui')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found in done.stdout.split(), done.stderr
