"""The real processes, as a user starts them: a day from the first order to the units in the buyer's hands."""

import asyncio
import base64
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import asyncpg
import httpx
import psutil
import pytest

from registry_bridge.signing import HmacKey
from tests.gateway import every_secret
from tests.gateway.running_exchange import (
    RunningExchange,
    exchange,
    processes_of,
    registry_pid,
    run,
    wait_until,
)

pytestmark = pytest.mark.timeout(300)  # whole programs are started, on machines that may be slow

TRADER = ["negotiate", "offset", "read", "trade", "transfer"]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the demonstration in it, not running."""
    data_dir = tmp_path_factory.mktemp("seeded") / "data"
    with exchange(data_dir, "--demo"):
        pass
    return data_dir


@pytest.fixture
def running(seeded: Path) -> Iterator[RunningExchange]:
    with exchange(seeded, "--demo") as started:
        yield started


def units(account: dict[str, Any], listing: str = "SHCERCIR1") -> dict[str, int]:
    return {name: int(text) for name, text in account["units"][listing].items()}


def test_a_day_is_traded_closed_and_found_again(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with exchange(data_dir, "--demo") as first:
        keys = json.loads((data_dir / "demo.json").read_text())
        check_the_seed(first, keys)
        trade_and_close(first)
        before = {
            role: first.done("account", "--as", role) for role in ("seller", "buyer", "buyer2", "entity")
        }
        whole = first.done("verify")
        assert first.stop(signal.SIGINT) == 0
        assert processes_of(data_dir) == []
    with exchange(data_dir, "--demo") as second:
        again = json.loads((data_dir / "demo.json").read_text())
        assert again["participants"] == keys["participants"]
        check_the_log_ins(again)
        assert {role: second.done("account", "--as", role) for role in before} == before
        assert second.done("verify") == whole
        assert second.stop(signal.SIGTERM) == 0
        assert processes_of(data_dir) == []


def check_the_seed(running: RunningExchange, keys: dict[str, Any]) -> None:
    assert (running.data_dir / "demo.json").stat().st_mode & 0o777 == 0o600
    assert running.data_dir.stat().st_mode & 0o777 == 0o700
    assert keys.keys() == {"url", "participants"}
    assert f"ready: {keys['url']}" in running.said()
    scopes = {name: sorted(entry["scopes"]) for name, entry in keys["participants"].items()}
    assert scopes == {
        **dict.fromkeys(("seller", "buyer", "buyer2", "entity"), TRADER),
        "bank": ["bank"],
        "operator": ["approve", "operate"],
        "operator2": ["approve", "operate"],
        "supervisor": ["supervise"],
        "authority": ["authority"],
    }
    for entry in keys["participants"].values():
        assert entry.keys() == {"account", "key", "algorithm", "secret", "scopes", "login"}
        assert entry["algorithm"] == "hmac-sha256"
        assert len(base64.b64decode(entry["secret"], validate=True)) >= 16
    cash = {
        role: running.done("account", "--as", role)["cash"]["available"]
        for role in ("seller", "buyer", "buyer2")
    }
    assert cash == {"seller": "100000.00", "buyer": "10000000.00", "buyer2": "10000000.00"}
    seller, entity = running.done("account", "--as", "seller"), running.done("account", "--as", "entity")
    assert (units(seller)["available"], units(seller, "SHCERCIIR1")["available"]) == (100_000, 50_000)
    assert (units(entity)["available"], units(entity, "SHCERCIIR1")["available"]) == (500, 500)
    assert entity["cash"]["available"] == "10000000.00"
    assert sum(1 for lot in seller["lots"] if lot["listing"] == "SHCERCIR1") == 2
    managed = [
        held
        for held in running.done("registry", "holdings", "R-seller")["holdings"]
        if held["sub_account"] == "management"
    ]
    assert sum(held["tonnes"] for held in managed) == 20_000


def check_the_log_ins(keys: dict[str, Any]) -> None:
    for name, entry in keys["participants"].items():
        if name in {"seller", "supervisor"}:
            answer = httpx.post(f"{keys['url']}/v1/session", json=entry["login"])
            assert answer.status_code == 201, answer.text
            session = answer.json()
            assert (session["participant"], session["account"]) == (name, entry["account"])
            assert (session["scopes"], session["must_change_password"]) == (sorted(entry["scopes"]), False)


def trade_and_close(running: RunningExchange) -> None:
    sold = running.done("order", "sell", "SHCERCIR1", "--price", "68.00", "--quantity", "100")
    assert (sold["order"]["status"], sold["trades"]) == ("new", [])
    bought = running.done("order", "buy", "SHCERCIR1", "--price", "68.5", "--quantity", "40")
    assert bought["order"]["status"] == "filled"
    assert [(trade["price"], trade["quantity"]) for trade in bought["trades"]] == [("68.00", "40")]
    assert running.done("depth", "SHCERCIR1")["asks"] == [["68.00", "60"]]
    cancelled = running.done("cancel", sold["order"]["id"])
    assert cancelled["order"]["status"] == "cancelled"
    pending = running.done("account")
    assert (pending["cash"]["delivering"], units(pending)["bought_today"], units(pending)["available"]) == (
        "2720.00",
        40,
        0,
    )
    day = running.done("operator", "day")["trading_day"]
    closed = running.done("operator", "day", "close")
    assert closed["trading_day"] > day
    assert (closed["close"]["state"], closed["close"]["breaks"]) == ("done", 0)
    buyer, seller = running.done("account"), running.done("account", "--as", "seller")
    assert (buyer["cash"]["available"], units(buyer)["available"]) == ("9997280.00", 40)
    assert [(lot["lot"], lot["serials"]) for lot in buyer["lots"]] == [("DEMO-I-1", [[1_000_001, 1_000_041]])]
    assert seller["cash"] == {
        "available": "102720.00",
        "held": "0.00",
        "delivering": "0.00",
        "withdrawable": "102720.00",
        "buying_power": "102720.00",
        "proceeds": {"due": "0.00", "pledged": "0.00"},
    }
    there = running.done("registry", "holdings", "R-buyer")["holdings"]
    assert there == [
        {"sub_account": "trading", "lot": "DEMO-I-1", "first": 1_000_001, "end": 1_000_041, "tonnes": 40}
    ]


def test_refusals_are_told_in_both_languages_and_end_in_status_1(running: RunningExchange) -> None:
    order = ("order", "buy", "SHCERCIR1", "--price", "999", "--quantity", "1")
    english, chinese = running.puhui(*order), running.puhui(*order, language="zh_CN.UTF-8")
    for found, word in ((english, "outside the day's band"), (chinese, "涨跌幅")):
        assert found.status == 1
        assert found.out == ""
        assert word in found.err
        assert "[price_outside_band]" in found.err
        assert "999.00" in found.err
    as_json = running.puhui(*order, "--json")
    assert as_json.status == 1
    assert as_json.json["code"] == "price_outside_band"
    assert as_json.json["errors"][0]["actual"] == "999.00"
    assert running.puhui("depth", "NOTHING").status == 1


def test_the_same_client_id_is_the_same_order(running: RunningExchange) -> None:
    order = (
        "order",
        "buy",
        "SHCERCIR1",
        "--price",
        "62.00",
        "--quantity",
        "3",
        "--client-order-id",
        "mine-1",
    )
    first, again = running.done(*order), running.done(*order)
    assert first == again
    found = running.done("orders", "--client-order-id", "mine-1")
    assert found["id"] == first["order"]["id"]
    other = running.puhui(*order[:-3], "4", *order[-2:], "--json")
    assert (other.status, other.json["code"]) == (1, "client_id_reused")
    running.done("cancel", first["order"]["id"])


def test_signed_headers_serve_another_client(running: RunningExchange) -> None:
    url = json.loads((running.data_dir / "demo.json").read_text())["url"]
    signed = running.puhui("sign", "GET", "/v1/account", "--as", "seller")
    assert signed.status == 0
    answer = subprocess.run(
        ["curl", "--silent", "--fail", "--header", "@-", f"{url}/v1/account"],
        input=signed.out,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout)["account"] == "A-seller"


def test_watching_shows_what_happens(running: RunningExchange) -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gateway",
            "watch",
            "SHCERCIR1",
            "--json",
            "--data-dir",
            str(running.data_dir),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        try:
            seen = [json.loads(watching.stdout.readline()) for _ in range(2)]
            order = running.done("order", "sell", "SHCERCIR1", "--price", "70.00", "--quantity", "5")
            seen.append(json.loads(watching.stdout.readline()))
            watching.send_signal(signal.SIGINT)
            assert watching.wait(20) == 130
        finally:
            watching.kill()
    snapshot, delta = [message for message in seen if message["ch"] == "depth"]
    assert (snapshot["type"], delta["type"], delta["asks"]) == ("snapshot", "delta", [["70.00", "5"]])
    assert delta["seq"] == snapshot["seq"] + 1
    running.done("cancel", order["order"]["id"])


def test_a_killed_exchange_leaves_nothing_behind_and_loses_nothing(seeded: Path) -> None:
    with exchange(seeded, "--demo") as killed:
        order = killed.done("order", "sell", "SHCERCIR1", "--price", "70.00", "--quantity", "7")
        killed.process.kill()
        killed.process.wait()
        wait_until(lambda: processes_of(seeded) == [], 60)
    with exchange(seeded, "--demo") as again:
        found = again.done("orders", "--as", "seller")["items"]
        assert [(item["id"], item["status"]) for item in found] == [(order["order"]["id"], "new")]
        again.done("cancel", order["order"]["id"])


def test_a_registry_that_dies_is_started_again_and_the_day_still_closes(running: RunningExchange) -> None:
    before = registry_pid(running.data_dir)
    running.done("order", "sell", "SHCERCIR1", "--price", "68.00", "--quantity", "2")
    running.done("order", "buy", "SHCERCIR1", "--price", "68.00", "--quantity", "2", "--as", "buyer2")
    os.kill(before, signal.SIGKILL)
    closed = running.done("operator", "day", "close")
    assert (closed["close"]["state"], closed["close"]["breaks"]) == ("done", 0)
    assert registry_pid(running.data_dir) != before
    there = running.done("registry", "holdings", "R-buyer2")["holdings"]
    assert sum(held["tonnes"] for held in there) >= 2


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = run("serve", "--demo", "--port", port, data_dir=tmp_path / "data")
    assert found.status == 1
    assert f"port {port}" in found.err
    assert "Traceback" not in found.err


def test_a_database_of_ones_own_serves_as_well_and_nothing_secret_is_told(
    database: str, tmp_path: Path
) -> None:
    """With every line written that there is; on the way one request is followed from its sender to the registry."""
    data_dir, password, settings = tmp_path / "data", "db-Pa55word-7&x=", tmp_path / "puhui.toml"
    url = database.replace("@", f":{quote(password, safe='')}@", 1)
    settings.write_text(f'database_url = "{url}"\nlog = "json"\nlog_level = "debug"\n')
    settings.chmod(0o600)
    with exchange(data_dir, "--demo", "--config", str(settings)) as running:
        assert running.done("order", "sell", "SHCERCIR1", "--price", "68.00", "--quantity", "1")["order"]
        assert running.done("verify", "--database-url", url)["entries"] > 0
        assert not (data_dir / "postgres").exists()
        keys = json.loads((data_dir / "demo.json").read_text())
        said = every_secret.say_everything(keys["url"], keys, password)
        every_secret.secrets_on_disk(said, data_dir)
        transfer = {"client_id": "in-1", "listing": "SHCERCIR1", "quantity": "5"}
        followed(running, said, keys["participants"]["seller"], transfer)
        break_down(said, database, keys["participants"])
        every_secret.read_what_was_told(said, data_dir, running.log)
    said.told.append(("the log", running.said()))
    assert "\n".join(said.found()) == ""
    assert "$argon2" not in running.said()
    asyncio.run(on_each_table(database, "DROP CONSTRAINT broken"))
    with exchange(data_dir, "--demo", "--config", str(settings)) as again:
        assert len(again.done("orders", "--as", "seller")["items"]) == 1
    wrong = run(
        "serve", "--port", "0", "--database-url", url.replace("test_", "no_"), data_dir=tmp_path / "none"
    )
    assert (wrong.status, len(wrong.err.splitlines()), password in wrong.err) == (1, 1, False), wrong.err
    assert "does not exist (--database-url)" in wrong.err


def followed(running: RunningExchange, said: every_secret.Said, seller: dict[str, Any], body: Any) -> None:
    """A request's own id is in its answer, and in what the door, the core, the journal, the line and the registry write."""
    signer, name = HmacKey(base64.b64decode(seller["secret"])), "desk-7:transfer.1"
    more = {"X-Request-Id": name}
    with httpx.Client(timeout=30) as said.http:
        asked = said.signed(seller["key"], signer, "POST", "/v1/transfers-in", body, **more)
        assert (asked.status_code, asked.headers["X-Request-Id"]) == (201, name), asked.text
        again = said.signed(
            seller["key"], signer, "POST", "/v1/transfers-in", {**body, "quantity": "6"}, **more
        )
        assert (again.json()["code"], again.json()["request_id"]) == ("client_id_reused", name)
        other = said.signed(seller["key"], signer, "GET", "/v1/account", **{"X-Request-Id": "not one\\"})
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]+", other.headers["X-Request-Id"])

    def lines() -> list[dict[str, Any]]:
        written = (json.loads(line) for line in running.said().splitlines() if line.startswith("{"))
        return [line for line in written if name in (line.get("request_id"), *line.get("request_ids", ()))]

    def told() -> set[tuple[str, str, str | None]]:
        return {(line["logger"], line["event"], line.get("command") or line.get("route")) for line in lines()}

    wait_until(lambda: ("sequencer", "decided", "ResolveInstruction") in told(), 30)
    assert told() >= {
        ("gateway.http", "answered", "/v1/transfers-in"),
        ("sequencer", "decided", "RequestTransferIn"),
        ("journal", "appended", None),
        ("registry_line", "called", None),
        ("registry", "answered", "/registry/v1/movements"),
    }
    assert {line["process"] for line in lines()} == {"exchange", "registry"}


async def on_each_table(database: str, change: str) -> None:
    connection = await asyncpg.connect(database)
    for table in ("access_key", "person", "person_session"):
        await connection.execute(f"ALTER TABLE {table} {change}")
    await connection.close()


def break_down(said: every_secret.Said, database: str, people: dict[str, Any]) -> None:
    """What nobody foresees: the database refuses rows that hold what is secret, and says which."""
    asyncio.run(on_each_table(database, "ADD CONSTRAINT broken CHECK (false) NOT VALID"))
    operator = people["operator"]
    signer = HmacKey(base64.b64decode(operator["secret"]))
    with httpx.Client(timeout=30) as said.http:
        asked = {"participant": "buyer", "account": "A-buyer", "algorithm": "hmac-sha256", "scopes": ["read"]}
        new = {"person": "li.si", "participant": "buyer", "account": "A-buyer", "scopes": ["read"]}
        for answer in (
            said.signed(operator["key"], signer, "POST", "/v1/operator/keys", asked),
            said.signed(operator["key"], signer, "POST", "/v1/operator/people", new),
            said.send("POST", "/v1/session", people["seller"]["login"]),
        ):
            assert (answer.status_code, answer.json()["code"]) == (500, "internal_error"), answer.text


def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    url = f"postgresql://nobody@/none?host={tmp_path}"
    found = run("serve", "--demo", "--port", "0", "--database-url", url, data_dir=tmp_path / "data")
    assert found.status == 1
    assert "Traceback" not in found.err


def test_a_registry_without_the_exchanges_key_is_a_sentence(tmp_path: Path) -> None:
    options = ("--data-dir", str(tmp_path / "registry"), "--exchange-key-file", str(tmp_path / "none.pem"))
    found = run("registry", "serve", *options, data_dir=tmp_path)
    assert found.status == 1
    assert "none.pem" in found.err
    assert "Traceback" not in found.err
    assert processes_of(tmp_path) == []


def test_a_data_directory_in_use_is_a_sentence(running: RunningExchange) -> None:
    found = run("serve", "--demo", "--port", "0", data_dir=running.data_dir)
    assert found.status == 1
    assert f"pid {running.process.pid}" in found.err
    assert "Traceback" not in found.err
    assert running.done("operator", "day")


def test_the_shanghai_market_keeps_its_hours_by_a_manual_clock(tmp_path: Path) -> None:
    options = (
        "--seed",
        "demo",
        "--market",
        "shanghai",
        "--clock",
        "manual",
        "--now",
        "2026-12-31T09:20:00+08:00",
    )
    with exchange(tmp_path / "data", *options) as running:
        day = running.done("operator", "day")
        assert (day["trading_day"], day["phase"]) == ("2026-12-31", "pre_open")
        assert (day["calendar_until"], day["calendar_days_left"]) == ("2026-12-31", 0)
        order = ("order", "sell", "SHCERCIR1", "--price", "68.00", "--quantity", "1", "--json")
        assert running.puhui(*order).status == 1
        move_clock(running, "2026-12-31T09:31:00+08:00")
        assert running.done(*order[:-1])["order"]["status"] == "new"
        move_clock(running, "2026-12-31T15:00:00+08:00")
        wait_until(lambda: closed_but_for(running.done("operator", "day"), "roll_date"), 30)
        assert "calendar announce" in running.puhui("operator", "day").out
        (tmp_path / "next.toml").write_text(NEXT_YEAR)
        running.done("operator", "calendar", "announce", str(tmp_path / "next.toml"))
        wait_until(lambda: running.done("operator", "day")["trading_day"] == "2027-01-04", 30)
    other = run("serve", "--demo", "--port", "0", data_dir=tmp_path / "data")
    assert other.status == 1
    assert "not founded as market always-open" in other.err


NEXT_YEAR: Final = """
first_day = 2027-01-01
last_day = 2027-01-15
source = "a test"
closure = [{en = "New Year", days = [2027-01-01]}]
"""


def closed_but_for(day: dict[str, Any], step: str) -> bool:
    """Whether that day's close has done everything but that one step."""
    return day["close"] is not None and [
        one["name"] for one in day["close"]["steps"] if one["state"] != "done"
    ] == [step]


def move_clock(running: RunningExchange, now: str) -> None:
    url = json.loads((running.data_dir / "demo.json").read_text())["url"]
    body = json.dumps({"now": now})
    signed = running.puhui("sign", "POST", "/v1/operator/clock", "--as", "operator", "--body", body)
    subprocess.run(
        ["curl", "--silent", "--fail", "-H", "@-", "-H", "Content-Type: application/json", "-d", body,
         f"{url}/v1/operator/clock"],
        input=signed.out, capture_output=True, text=True, check=True,
    )  # fmt: skip


def can_run(spawn: dict[str, Any]) -> bool:
    try:
        return subprocess.run([sys.executable, "-c", "import gateway"], check=False, **spawn).returncode == 0
    except PermissionError:
        return False


def test_anybody_may_run_it(tmp_path: Path) -> None:
    """Root gives up root for PostgreSQL; somebody else needs no rights at all."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else; the other tests ran as an ordinary user")
    nobody = pwd.getpwnam("nobody")
    spawn: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}
    home = Path("/tmp") / f"puhui-test-{os.getpid()}"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    try:
        if not can_run(spawn):
            pytest.skip("this checkout, or its Python, is closed to others")
        with exchange(home / "data", "--demo", **spawn) as running:
            assert running.done("account", "--as", "seller")["units"]["SHCERCIR1"]["available"] == "100000"
            owners = {psutil.Process(pid).uids().effective for pid in processes_of(home / "data")}
            assert owners == {nobody.pw_uid}
    finally:
        subprocess.run(["rm", "-rf", str(home), f"{home}.log"], check=True)


def test_an_exchange_without_its_database_stops_and_says_why(seeded: Path) -> None:
    with exchange(seeded, "--demo") as running:
        order = running.done("order", "sell", "SHCERCIR1", "--price", "71.00", "--quantity", "3")
        pid_file = seeded / "postgres" / "server" / "data" / "postmaster.pid"
        os.kill(int(pid_file.read_text().split("\n")[0]), signal.SIGKILL)
        assert running.process.wait(60) == 1
        assert "PostgreSQL" in running.said()
        assert "Traceback" not in running.said()
        wait_until(lambda: processes_of(seeded) == [], 30)
    with exchange(seeded, "--demo") as again:
        found = again.done("orders", "--as", "seller")["items"]
        assert order["order"]["id"] in {item["id"] for item in found}
        again.done("cancel", order["order"]["id"])


def test_an_exchange_of_ones_own_begins_with_its_operators(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with exchange(data_dir, "--market", "always-open") as running:
        keys = json.loads((data_dir / "operator.json").read_text())
        assert list(keys["participants"]) == ["operator", "operator2"]
        assert not (data_dir / "demo.json").exists()
        assert running.done("operator", "day")["trading_day"] is None
        assert running.done("operator", "day", "open")["phase"] == "continuous"
    (data_dir / "operator.json").unlink()
    with exchange(data_dir, "--market", "always-open"):
        assert not (data_dir / "operator.json").exists()


def test_a_start_can_be_interrupted(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--demo", "--port", "0", "--data-dir", str(data_dir)],
        stderr=subprocess.PIPE,
        text=True,
    ) as starting:
        assert starting.stderr is not None
        assert "cluster" in starting.stderr.readline()
        starting.send_signal(signal.SIGINT)
        assert starting.wait(60) == 130
        assert "Traceback" not in starting.stderr.read()
    wait_until(lambda: processes_of(data_dir) == [], 30)
    with exchange(data_dir, "--demo") as running:
        assert running.done("account", "--as", "seller")["units"]["SHCERCIR1"]["available"] == "100000"
