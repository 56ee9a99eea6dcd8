"""The command line's replacing and exceptional acts, against a real exchange behind a socket."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.faults import CommandFault
from gateway.cli.main import app
from gateway.cli.order_file import read_orders
from gateway.formats import time_text
from tests.gateway.http.desk import START_NS, Desk

NS = 1_000_000_000


class Shell:
    """Somebody at a keyboard, with everybody's keys."""

    def __init__(self, exchange: Desk, data_dir: Path) -> None:
        self.data_dir = data_dir
        participants = {}
        for name, person in exchange.people.items():
            participants[name] = {"key": person.key, "secret": person.secret}
        demo = {"url": exchange.url, "participants": participants}
        (data_dir / "demo.json").write_text(json.dumps(demo))

    async def run(self, *arguments: str) -> tuple[int, str]:
        options = ("--data-dir", str(self.data_dir))
        done = await asyncio.to_thread(
            CliRunner().invoke, app, [*arguments, *options], catch_exceptions=False
        )
        return done.exit_code, done.output

    async def done(self, *arguments: str) -> Any:
        status, printed = await self.run(*arguments, "--json")
        assert status == 0, printed
        return json.loads(printed)

    async def told(self, *arguments: str) -> str:
        status, printed = await self.run(*arguments)
        assert status == 0, printed
        return printed


@pytest.fixture
def shell(exchange: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return Shell(exchange, tmp_path)


async def test_an_order_is_replaced(shell: Shell) -> None:
    order = await shell.done("order", "buy", "SHCERCIR1", "--price", "67", "--quantity", "10")
    order_id = order["order"]["id"]
    change = ("order", "replace", order_id, "--price", "67.5", "--quantity", "4", "--client-id", "r1")
    first = await shell.done(*change, "--as", "buyer")
    assert (first["order"]["price"], first["order"]["quantity"]) == ("67.50", "4")
    assert await shell.done(*change, "--as", "buyer") == first
    assert "4 t SHCERCIR1 at \u00a567.50" in await shell.told(*change, "--as", "buyer")
    status, printed = await shell.run("order", "replace", order_id, "--as", "buyer", "--json")
    assert (status, json.loads(printed)["code"]) == (1, "nothing_to_replace")
    assert (await shell.run("order", "replace", "x1", "--price", "67"))[0] == 1


async def test_orders_come_from_a_file_and_the_same_file_is_the_same_orders(
    shell: Shell, tmp_path: Path
) -> None:
    listed = tmp_path / "orders.csv"
    rows = [f"SHCERCIR1,buy,62.{n:02},1,day" for n in range(45)]
    listed.write_text(
        "\n".join(["listing,side,price,quantity,time_in_force", *rows, "SHCERCIR1,buy,99,1,day"])
    )
    status, printed = await shell.run("order", "batch", str(listed), "--json")
    first = json.loads(printed)
    assert (status, first["accepted"], first["refused"], first["unknown"]) == (1, 45, 1, 0)
    assert first["results"][-1]["error"]["code"] == "price_outside_band"
    again = json.loads((await shell.run("order", "batch", str(listed), "--json"))[1])
    assert [one.get("order") for one in again["results"]] == [one.get("order") for one in first["results"]]
    assert len((await shell.done("orders"))["items"]) == 45
    lines = tmp_path / "orders.jsonl"
    order = {"listing": "SHCERCIR1", "side": "buy", "price": "62", "quantity": 2, "client_order_id": "mine-1"}
    lines.write_text(json.dumps(order) + "\n\n" + json.dumps(order | {"client_order_id": "mine-2"}))
    assert "2 accepted, 0 refused, 0 unknown" in await shell.told("order", "batch", str(lines))
    assert (await shell.done("orders", "--client-order-id", "mine-2"))["quantity"] == "2"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "a.csv",
            "listing,side,price,quantity\nX,buy,1,1\nX,bye,1,1",
            ":3: side is bye, and has to be buy or sell",
        ),
        (
            "a.csv",
            "listing,side,prise,quantity\nX,buy,1,1",
            ":2: there is no field prise; did you mean price?",
        ),
        ("a.csv", "listing,side,price,quantity\nX,buy,1", "not as many columns"),
        ("a.csv", "listing,side,price\nX,buy,1", "quantity is missing"),
        ("a.csv", "listing,side,price,quantity\nX,buy,1.234,1", ":2: the price 1.234"),
        ("a.csv", "listing,side,price,quantity\nX,buy,1,1.5", "whole tonnes"),
        ("a.csv", "listing,side,price,quantity\n", "has 0 orders"),
        (
            "a.csv",
            "listing,side,price,quantity,client_order_id\n" + "X,buy,1,1,m\n" * 2,
            "the id m is there twice",
        ),
        ("a.jsonl", '{"listing": "X"', ":1 "),
        ("a.jsonl", "[]", "is no JSON object"),
        ("a.jsonl", '{"side": "\u2028", "listing": "X", "quantity": 1}', ":1: price is missing"),
        ("a.csv", "listing,side,price,quantity\n上海,buy,1,1".encode("gbk"), "is not in UTF-8"),
    ],
)
def test_a_file_with_a_line_that_is_no_order_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, text: str | bytes, said: str
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(CommandFault, match=re.escape(said)):
        read_orders(tmp_path / name)


async def test_an_order_is_previewed_and_not_placed(shell: Shell, exchange: Desk) -> None:
    before = exchange.engine.views.position
    buy = ("order", "buy", "SHCERCIR1", "--price", "67", "--quantity", "10", "--preview")
    told = await shell.done(*buy)
    assert (told["accepted"], told["hold"], told["left"]["cash"]) == (
        True,
        {"cash": "670.00", "units": None},
        "9999330.00",
    )
    assert "would be accepted; nothing was placed" in await shell.told(*buy)
    sell = ("order", "sell", "SHCERCIR1", "--price", "99", "--quantity", "10", "--preview")
    printed = await shell.told(*sell)
    assert "brings at least" in printed
    assert "price_outside_band: " in printed
    assert exchange.engine.views.position == before


async def test_a_listing_and_the_market_are_halted_and_resumed(shell: Shell, exchange: Desk) -> None:
    assert "halted: SHCERCIR1" in await shell.told("operator", "halt", "SHCERCIR1", "--reason", "x")
    assert (await shell.done("operator", "halt", "--market", "--reason", "y"))["listing"] is None
    status = (await exchange.public("/v1/status")).json()
    assert (status["halt"]["reason"], status["listings"][0]["halt"]["reason"]) == ("y", "x")
    assert "resumed" in await shell.told("operator", "resume", "--market", "--reason", "y")
    assert not (await shell.done("operator", "resume", "SHCERCIR1", "--reason", "x"))["halted"]
    for arguments in (("SHCERCIR1", "--market"), (), ("../x",)):
        assert (await shell.run("operator", "halt", *arguments, "--reason", "x"))[0] == 1
    assert (await shell.run("operator", "halt", "SHCERCIR1"))[0] == 2


async def test_an_account_is_restricted_and_sees_it(shell: Shell) -> None:
    await shell.done("order", "buy", "SHCERCIR1", "--price", "67", "--quantity", "10")
    assert "1 orders were cancelled" in await shell.told(
        "operator", "restrict", "buyer", "--reason", "inquiry"
    )
    assert "frozen: inquiry" in await shell.told("account", "--as", "buyer")
    assert not (await shell.done("operator", "lift", "buyer", "--reason", "cleared"))["restricted"]
    assert not (await shell.done("account", "--as", "buyer"))["restricted"]


async def test_a_kill_switch_is_thrown_and_lifted(shell: Shell) -> None:
    await shell.done("order", "buy", "SHCERCIR1", "--price", "67", "--quantity", "10")
    told = await shell.told("operator", "kill", "--market", "--reason", "runaway")
    assert "1 orders were cancelled" in told
    order = ("order", "buy", "SHCERCIR1", "--price", "67", "--quantity", "10")
    status, _ = await shell.run(*order)
    assert status != 0
    assert not (await shell.done("operator", "kill", "--market", "--lift", "--reason", "over"))["on"]
    await shell.done(*order)
    status, _ = await shell.run("operator", "kill", "--market", "--account", "buyer", "--reason", "both")
    assert status != 0


async def test_a_trade_is_undone_with_a_second_person(shell: Shell) -> None:
    await shell.done("order", "sell", "SHCERCIR1", "--price", "68", "--quantity", "10")
    bought = await shell.done("order", "buy", "SHCERCIR1", "--price", "68", "--quantity", "10")
    trade = bought["trades"][0]["id"]
    status, printed = await shell.run("operator", "bust", trade, "--reason", "typing error", "--json")
    asked = json.loads(printed)["approval"]
    assert (status, asked["act"], asked["state"]) == (4, "bust_trade", "waiting")
    assert "typing error" in await shell.told("operator", "approvals")
    approve = ("operator", "approve", asked["id"])
    status, printed = await shell.run(*approve, "--as", "operator", "--json")
    assert (status, json.loads(printed)["code"]) == (1, "second_person_needed")
    assert "approved" in await shell.told(*approve)
    again, _ = await shell.run("operator", "bust", trade, "--reason", "again")
    assert again == 1
    status, printed = await shell.run("operator", "decline", asked["id"], "--reason", "x", "--json")
    assert (status, json.loads(printed)["code"]) == (1, "approval_unknown")


async def test_a_rule_is_entered_and_the_book_read_at_any_moment(shell: Shell, exchange: Desk) -> None:
    rule = ("operator", "rules", "set", "tick_fen", "5", "--reason", "notice 7")
    assert "version 2: tick_fen = 5 from" in await shell.told(*rule, "--from", "+60")
    later = time_text(START_NS + 60 * NS)
    items = {item["parameter"]: item for item in (await shell.done("rules", "--at", later))["items"]}
    assert (items["tick_fen"]["value"], items["tick_fen"]["source"]) == (5, "notice 7")
    now = await shell.done("rules")
    assert [item["parameter"] for item in now["upcoming"]] == ["tick_fen"]
    printed = await shell.told("rules", "--at", "2026-11-24")
    assert "two_person_acts" in printed
    assert "smallest change of price" not in printed
    assert (await shell.run("rules", "--at", "soon"))[0] == 1
    own = ("--listing", "SHCERCIR1", "--from", "2026-11-30", "--certainty", "assumed")
    assert (await shell.done("operator", "rules", "set", "lot_tonnes", "2", "--reason", "x", *own))[
        "version"
    ] == 3
    emergency = ("operator", "rules", "set", "band_basis_points", "500", "--from", "+600", "--emergency")
    assert (await shell.run(*emergency, "--reason", "price swings"))[0] == 4


async def test_personal_data_are_restricted_and_a_supervisor_looks(shell: Shell, exchange: Desk) -> None:
    assert (
        await shell.run("order", "buy", "SHCERCIR1", "--price", "99", "--quantity", "1", "--as", "buyer2")
    )[0]
    restrict = ("operator", "restrict-personal-data", "participant", "buyer2-person", "--reason", "letter 12")
    status, printed = await shell.run(*restrict)
    assert status == 4, printed  # it waits for somebody else
    (waits,) = (await exchange["operator2"].get("/v1/operator/approvals"))["items"]
    assert (await shell.run("operator", "approve", waits["id"]))[0] == 0
    listed = await shell.told("operator", "personal-data")
    assert "restricted-1" in listed
    assert "buyer2" not in listed
    rejected = ("supervise", "orders", "--status", "rejected")
    (refused,) = (await shell.done(*rejected))["items"]
    assert (refused["account"], refused["reason"]) == ("restricted-1-a1", "price_outside_band")
    assert "buyer2" not in await shell.told(*rejected)
    assert "buyer2" in await shell.told(*rejected, "--reason", "case 7")
    looks = await shell.done("supervise", "looks", "--limit", "2")
    assert looks["items"][1]["reason"] == "case 7"
    assert "SubmitOrder" in await shell.told("supervise", "journal")
    assert "trades" in await shell.told("supervise", "trades")
    assert (await shell.run("operator", "release-personal-data", "1", "--reason", "letter 21"))[0] == 4
