"""What a close hands out, over a real connection and from the command line: bulletins, statements, digests."""

import csv
from collections.abc import AsyncIterator
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.engine.tables.bulletins import BULLETINS
from gateway.engine.tables.settlement_postings import SettlementPostings
from gateway.engine.tables.verification import verify_journal
from tests.gateway.documents.reading import read_pdf
from tests.gateway.documents.statements import long_statement
from tests.gateway.engine.world import adopting
from tests.gateway.http.desk import Desk, Person, desk, order_body
from tests.gateway.http.test_http_bulletins import close, line, public, trade
from tests.gateway.http.test_http_command_line import Shell
from tests.gateway.http.test_http_negotiated import done as negotiated
from tests.gateway.http.test_http_negotiated import filed


@pytest.fixture
async def settled(database: str) -> AsyncIterator[Desk]:
    """An exchange that keeps double entry."""
    async with desk(database, projections=(SettlementPostings(),)) as exchange:
        yield exchange


@pytest.fixture
def shell(settled: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return Shell(settled, tmp_path)


async def file(exchange: Desk, target: str, who: Person | None = None) -> bytes:
    headers = {} if who is None else who.headers("GET", target, b"")
    answer = await exchange.http.get(exchange.url + target, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.content


def retired(bulletin: dict[str, Any], purpose: str = "voluntary_offset") -> tuple[Any, ...]:
    (found,) = [one for one in bulletin["retired"] if one["purpose"] == purpose]
    return (found["quantity"], found["since"], found["held_over"], found["cumulative"])


async def buy_for_use(exchange: Desk, who: str, name: str, quantity: str) -> None:
    use = {"purpose": "voluntary_offset", "beneficiary": "某马拉松 Marathon"}
    sale = await exchange["seller"].order(f"s-{name}", side="sell", price="68.00", quantity=quantity)
    assert sale.status_code == 201, sale.text
    body = {**order_body(f"u-{name}"), "price": "68.00", "quantity": quantity, "use": use}
    bought = await exchange[who].send("POST", "/v1/orders", body)
    assert bought.status_code == 201, bought.text


async def retire_own(exchange: Desk, quantity: str) -> None:
    body = {
        "client_id": "own",
        "purpose": "voluntary_offset",
        "listing": "SHCERCIR1",
        "quantity": quantity,
        "beneficiary": "seller",
        "statement": "its own meeting",
    }
    answer = await exchange["seller"].send("POST", "/v1/retirements", body)
    assert answer.status_code in (201, 202), answer.text


async def test_negotiated_totals_stand_apart_and_both_are_cumulative(settled: Desk) -> None:
    await trade(settled, 1, "68.00", "150")
    transfer = await filed(settled, "n1")
    await negotiated(settled, "buyer", transfer, "confirm", terms_hash=transfer["terms_hash"])
    day = await close(settled)
    told = line(await public(settled, f"/v1/bulletins/{day}"))
    assert (told["listed_volume"], told["listed_turnover"]) == ("150", "10200.00")
    assert (told["negotiated_volume"], told["negotiated_turnover"]) == ("100", "7000.00")
    assert (told["cumulative_volume"], told["cumulative_turnover"]) == ("250", "17200.00")
    assert (told["high"], told["close"]) == ("68.00", "68.00")  # a negotiated price is none of the listing's
    next_day = await close(settled)
    again = line(await public(settled, f"/v1/bulletins/{next_day}"))
    assert (again["negotiated_volume"], again["cumulative_volume"]) == ("0", "250")


async def test_retirements_are_told_once_three_stand_behind_them(settled: Desk) -> None:
    await settled.engine.do(adopting(("use_withdrawal_s", 0)))
    await buy_for_use(settled, "buyer", "a", "10")
    first = await close(settled)
    await buy_for_use(settled, "buyer2", "b", "20")
    second = await close(settled)
    await retire_own(settled, "30")
    third = await close(settled)
    fourth = await close(settled)
    told = {
        day: retired(await public(settled, f"/v1/bulletins/{day}")) for day in (first, second, third, fourth)
    }
    assert told == {
        first: (None, None, True, "0"),
        second: (None, None, True, "0"),
        third: ("60", first, False, "60"),
        fourth: ("0", None, False, "60"),
    }
    span = f"from={first}&to={fourth}"
    (week,) = (await public(settled, f"/v1/bulletins?{span}&period=week"))["items"]
    assert retired(week) == ("60", first, False, "60")
    assert retired(week, "donation") == ("0", None, False, "0")
    table = await file(settled, f"/v1/bulletins?{span}&format=csv&table=retired")
    rows = [row for row in csv.DictReader(StringIO(table.decode())) if row["purpose"] == "voluntary_offset"]
    assert [(row["date"], row["quantity"]) for row in rows] == [
        (first, ""),
        (second, ""),
        (third, "60"),
        (fourth, "0"),
    ]
    found = await verify_journal(settled.engine.pool, derived=(BULLETINS.checked,))
    assert found.entries == settled.engine.journal.position


async def test_bulletins_and_statements_come_printed(settled: Desk) -> None:
    await trade(settled, 1, "68.00", "100")
    day = await close(settled)
    for target in (
        f"/v1/bulletins/{day}?format=pdf",
        f"/v1/bulletins?period=week&from={day}&to={day}&format=pdf",
    ):
        printed = read_pdf(await file(settled, target))
        assert printed.says("SHCERCIR1")
        assert printed.says("6800.00")
    none = await settled.http.get(f"{settled.url}/v1/bulletins?from=2020-01-01&to=2020-01-02&format=pdf")
    assert (none.status_code, none.json()["code"]) == (404, "not_found")
    told = await settled["buyer"].get(f"/v1/account/statements/{day}")
    target = f"/v1/account/statements/{day}?format=pdf"
    printed = read_pdf(await file(settled, target, settled["buyer"]))
    assert printed.says(told["digest"])
    assert printed.says("9993200.00")


async def test_what_is_served_is_what_was_issued(settled: Desk) -> None:
    await trade(settled, 1, "68.00", "100")
    days = [await close(settled), await close(settled)]
    for day in days:
        for who in ("seller", "buyer", "buyer2"):
            told = await settled["supervisor"].get(f"/v1/account/statements/{day}?account={who}")
            issued = await settled.engine.history.statements.issued(who, day)
            assert told["digest"] == issued
            check = await public(settled, f"/v1/statements/{day}/{told['digest'].upper()}")
            assert check == {"trading_day": day, "digest": told["digest"], "issued": True}
            other = days[1 - days.index(day)]
            assert not (await public(settled, f"/v1/statements/{other}/{told['digest']}"))["issued"]


async def test_the_command_line_reads_bulletins_and_digests(
    shell: Shell, settled: Desk, tmp_path: Path
) -> None:
    assert (await shell.run("bulletin"))[0] == 1  # no day has been closed yet
    await trade(settled, 1, "68.00", "100")
    day = await close(settled)
    assert "6800.00" in await shell.told("bulletin")
    assert (await shell.done("bulletin", day))["date"] == day
    assert (await shell.done("bulletin", day, "--week"))["from"] == day
    assert "held over" in await shell.told("bulletin", day, "--week")
    for name in ("b.pdf", "b.csv", "b.json"):
        assert name in (await shell.told("bulletin", day, "--output", str(tmp_path / name))).replace("\n", "")
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF-")
    assert (await shell.run("bulletin", day, "--output", str(tmp_path / "b.pdf")))[
        0
    ] == 1  # it is there already
    assert (await shell.run("bulletin", day, "--output", str(tmp_path / "b.txt")))[0] == 1
    assert (await shell.run("bulletin", "2020-01-01", "--week"))[0] == 1
    (digest,) = (await shell.done("digests"))["items"]
    assert digest["digest"] in await shell.told("digests")
    assert digest["trading_day"] == day


@pytest.mark.parametrize("form", ["json", "csv", "pdf"])
async def test_a_statement_is_fetched_and_verified(
    shell: Shell, settled: Desk, tmp_path: Path, form: str
) -> None:
    await trade(settled, 1, "68.00", "100")
    day = await close(settled)
    path = tmp_path / f"s.{form}"
    told = await shell.done("statement", day, "--output", str(path))
    assert told["digest"] in await shell.told("statement", day)
    proof = await shell.done("verify-statement", str(path))
    assert (proof["form"], proof["account"], proof["issued"]) == (form, "buyer", True)
    assert proof["digest"] == told["digest"]
    assert proof["proves_content"] is (form != "csv")
    verdict = "the exchange has issued it" if form != "csv" else "only the JSON or the PDF proves"
    assert verdict in await shell.told("verify-statement", str(path))
    assert (await shell.done("verify-statement", str(path), "--offline"))["issued"] is None
    content = path.read_bytes()
    path.write_bytes(content.replace(b"9993200.00", b"9993201.00", 1) if form != "pdf" else content[:-2_000])
    assert (await shell.run("verify-statement", str(path)))[0] == 1


async def test_a_table_altered_and_added_up_anew_proves_nothing(
    shell: Shell, settled: Desk, tmp_path: Path
) -> None:
    await trade(settled, 1, "68.00", "100")
    path = tmp_path / "s.csv"
    await shell.done("statement", await close(settled), "--output", str(path))
    *rows, last = path.read_bytes().replace(b"9993200.00", b"9993201.00", 1).splitlines(keepends=True)
    digest = last.split(b",")[2]
    path.write_bytes(b"".join(rows) + last.replace(digest, sha256(b"".join(rows)).hexdigest().encode()))
    proof = await shell.done("verify-statement", str(path))
    assert (proof["issued"], proof["proves_content"]) == (True, False)
    told = await shell.told("verify-statement", str(path))
    assert "its digest is right, and the exchange has issued it" not in told


async def test_a_statement_nobody_issued_is_found_out(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "made-up.json"
    path.write_bytes(orjson.dumps(long_statement(3, 1)))
    assert (await shell.done("verify-statement", str(path), "--offline"))["digest"]
    status, printed = await shell.run("verify-statement", str(path))
    assert status == 1
    assert "has issued no such statement" in printed
