"""A market opened command by command, against a real exchange behind a socket."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from settlement.commands import Outcome
from settlement.events import LotSlice
from settlement.values import LotId
from tests.gateway.http.desk import Desk, desk
from tests.gateway.http.test_http_account import know_lot, resolve
from tests.gateway.http.test_http_command_line import Shell

TRADER = ("--scope", "read", "--scope", "trade", "--scope", "transfer")


@pytest_asyncio.fixture
async def exchange(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as made:
        yield made


@pytest.fixture
def shell(exchange: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return Shell(exchange, tmp_path)


async def newcomer(shell: Shell, out: Path) -> tuple[str, ...]:
    """Admit somebody with an account and a key; how the key is named."""
    add = ("operator", "participant", "add", "nina", "--kind", "institution")
    assert "nina is admitted (institution)" in await shell.told(*add)
    status, printed = await shell.run(*add, "--json")
    assert (status, json.loads(printed)["code"]) == (1, "participant_exists")
    opened = await shell.done(
        "operator", "account", "add", "A-nina", "--owner", "nina", "--registry-account", "R-nina"
    )
    assert (opened["owner"], opened["registry_account"]) == ("nina", "R-nina")
    made = await shell.done(
        "operator", "key", "add", "nina", "--account", "A-nina", *TRADER, "--out", str(out)
    )
    return ("--key", made["key"], "--secret-file", str(out))


async def test_a_newcomer_is_given_account_key_and_money_and_trades(
    shell: Shell, exchange: Desk, tmp_path: Path
) -> None:
    out = tmp_path / "nina.key"
    nina = await newcomer(shell, out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    deposit = ("bank", "deposit", "A-nina", "--amount", "1000", "--reference", "B-1", "--client-id", "d-1")
    first = await shell.done(*deposit)
    assert (first["amount"], await shell.done(*deposit)) == ("1000.00", first)
    assert "booked for A-nina: \u00a51000.00" in await shell.told(*deposit)
    bought = await shell.done("order", "buy", "SHCERCIR1", "--price", "68", "--quantity", "1", *nina)
    assert bought["order"]["status"] == "new"
    listed = await shell.told("operator", "key", "list")
    assert "nina" in listed
    assert out.read_text().strip() not in listed
    assert "is revoked" in await shell.told("operator", "key", "revoke", nina[1])
    status, printed = await shell.run("account", *nina, "--json")
    assert status == 1
    assert json.loads(printed)["status"] == 401
    assert (await shell.run("operator", "key", "revoke", "../x"))[0] == 1


async def test_a_key_of_ones_own_making_is_never_seen_by_the_exchange(shell: Shell, tmp_path: Path) -> None:
    await newcomer(shell, tmp_path / "nina.key")
    private = Ed25519PrivateKey.generate()
    own, public = tmp_path / "own.pem", tmp_path / "own.pub.pem"
    own.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    own.chmod(0o600)
    public.write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    add = ("operator", "key", "add", "nina", "--account", "A-nina", *TRADER, "--public-key", str(public))
    made = await shell.done(*add)
    assert (made["algorithm"], "secret" in made) == ("ed25519", False)
    seen = await shell.done("account", "--key", made["key"], "--secret-file", str(own))
    assert seen["account"] == "A-nina"


async def test_a_code_is_listed_with_its_reference_price(shell: Shell) -> None:
    add = ("operator", "listing", "add", "SHCERCIR9", "--class", "I", "--reference-price", "70.5")
    assert "first reference \u00a570.50" in await shell.told(*add)
    status, printed = await shell.run(*add, "--json")
    assert (status, json.loads(printed)["code"]) == (1, "listing_exists")
    assert (await shell.run(*add[:-1], "70.505"))[0] == 1


async def test_the_next_year_is_announced_from_a_file(shell: Shell, tmp_path: Path) -> None:
    year = tmp_path / "2120.toml"
    year.write_text(
        'first_day = 2120-01-01\nlast_day = 2120-01-07\nsource = "notice 2"\n[[closure]]\ndays = [2120-01-01]\n'
    )
    told = await shell.told("operator", "calendar", "announce", str(year))
    assert "announced: 4 trading days, 2120-01-01 to 2120-01-07" in told
    assert (await shell.run("operator", "calendar", "announce", str(tmp_path / "none.toml")))[0] == 1


async def test_units_are_asked_for_and_the_registry_is_waited_for(shell: Shell, exchange: Desk) -> None:
    await know_lot(exchange, "NEW", 500_000, issued_on="2026-06-01")
    exchange.holdings["seller"] = (LotSlice(lot_id=LotId("NEW"), serials=((500_000, 500_010),)),)
    ask = ("transfer-in", "SHCERCIR1")
    status, printed = await shell.run(*ask, "--quantity", "11", "--json")
    assert (status, json.loads(printed)["code"]) == (1, "insufficient_units")
    at_once = (*ask, "--quantity", "2", "--client-id", "in-1", "--timeout", "0")
    asked = await shell.done(*at_once)
    assert (asked["state"], asked["quantity"]) == ("pending", "2")
    assert f"transfer {asked['id']} is asked for" in await shell.told(*at_once)
    waiting = asyncio.create_task(shell.told(*ask, "--quantity", "2", "--client-id", "in-1"))
    await resolve(exchange, asked, Outcome.CONFIRMED)
    assert "2 t SHCERCIR1 have come in: NEW [500000, 500002)" in await waiting


async def test_units_the_registry_refuses_are_not_done(shell: Shell, exchange: Desk) -> None:
    await know_lot(exchange, "NEW", 500_000, issued_on="2026-06-01")
    exchange.holdings["seller"] = (LotSlice(lot_id=LotId("NEW"), serials=((500_000, 500_010),)),)
    ask = ("transfer-in", "SHCERCIR1", "--quantity", "2", "--client-id", "in-1")
    asked = await shell.done(*ask, "--timeout", "0")
    await resolve(exchange, asked, Outcome.REFUSED, "account_frozen")
    status, printed = await shell.run(*ask)
    assert status == 1
    assert "account_frozen" in printed


async def test_only_a_refused_retirement_is_asked_for_again(shell: Shell) -> None:
    retry = ("operator", "retry-retirement", "trade-7", "--reason", "x", "--json")
    status, printed = await shell.run(*retry)
    assert (status, json.loads(printed)["code"]) == (1, "retirement_not_refused")
    assert (await shell.run("operator", "retry-retirement", "../7", "--reason", "x"))[0] == 1
