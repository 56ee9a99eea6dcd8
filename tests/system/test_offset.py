"""From the listed market to a certificate on paper: a compliance entity buys, waits for settlement, and offsets.

Everything runs as its users have it; the registry's own record is asked what it has retired, and the PDF is read back
by libraries that had no part in making it.
"""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import asyncpg
import httpx
import pytest
import pytest_asyncio

from gateway.composition.reference_registry import REGISTRY_DATABASE
from gateway.postgres.database import with_database
from gateway.postgres.embedded import running_dsn
from tests.gateway.documents.reading import read_pdf
from tests.system.clients import Client
from tests.system.running import RunningExchange, running, until

pytestmark = pytest.mark.timeout(300)  # whole programs are started, on machines that may be slow

LISTING: Final = "SHCERCIR1"
SECOND_CLASS: Final = "SHCERCIIR1"
ANSWER_LIMIT_S: Final = 30.0
BENEFICIARY: Final = "上海某某能源有限公司"


@pytest_asyncio.fixture
async def exchange(seeded: Path) -> AsyncIterator[RunningExchange]:
    async with running(seeded) as started:
        yield started


async def ended(client: Client, target: str, state: str = "completed") -> Any:
    """The use once the registry has answered."""
    found: dict[str, Any] = {}

    async def is_there() -> bool:
        found.update(await client.get(target))
        return found["state"] not in ("held", "retiring")

    await until(is_there, ANSWER_LIMIT_S, f"{target} has ended")
    assert found["state"] == state, found
    return found


async def retired_at_the_registry(exchange: RunningExchange, account: str) -> dict[str, int]:
    """Tonnes by lot that the registry's own database has retired under an account."""
    dsn = with_database(running_dsn(exchange.data_dir / "registry" / "postgres"), REGISTRY_DATABASE)
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT lot, sum(upper(serials) - lower(serials))::bigint AS tonnes FROM holding"
            " WHERE account = $1 AND place = 'retired' GROUP BY lot",
            account,
        )
    finally:
        await connection.close()
    return {row["lot"]: row["tonnes"] for row in rows}


async def buy(exchange: RunningExchange, clients: dict[str, Client], quantity: str) -> None:
    """The entity buys on the listed market."""
    terms = {"listing": LISTING, "type": "limit", "price": "68.00", "quantity": quantity}
    await clients["seller"].do(
        "/v1/orders", {**terms, "client_order_id": "s1", "side": "sell", "time_in_force": "day"}
    )
    bought = await clients["entity"].do(
        "/v1/orders", {**terms, "client_order_id": "b1", "side": "buy", "time_in_force": "ioc"}
    )
    assert bought["order"]["status"] == "filled"


async def test_an_entity_buys_waits_offsets_and_gets_its_certificate(exchange: RunningExchange) -> None:
    async with exchange.clients("seller", "entity") as clients:
        entity = clients["entity"]
        await buy(exchange, clients, "40")
        wanted = {"compliance_year": 2025, "listing": LISTING, "quantity": "520"}
        too_soon = await entity.do("/v1/offsets/quote", wanted)
        assert (too_soon["accepted"], too_soon["code"]) == (False, "units_not_settled")
        await exchange.puhui("operator", "day", "close")

        quoted = await entity.do("/v1/offsets/quote", wanted)
        assert quoted["accepted"], quoted
        # Oldest first: the lot issued in March 2025, which it has bought, before its own of April.
        assert [(line["lot"], line["quantity"]) for line in quoted["lots"] if line["quantity"] != "0"] == [
            ("DEMO-I-1", "40"),
            ("DEMO-I-3", "480"),
        ]
        asked = {**wanted, "client_id": "offset-1", "beneficiary": BENEFICIARY, "statement": "2025 年度履约"}
        accepted = await entity.do("/v1/offsets", asked)
        assert accepted["lots"] == [
            {"lot": line["lot"], "serials": line["serials"]}
            for line in quoted["lots"]
            if line["quantity"] != "0"
        ]
        again = await entity.call("POST", "/v1/offsets", asked)
        assert (again.status, again.replayed, again.body) == (201, True, accepted)
        done = await ended(entity, f"/v1/offsets/{accepted['id']}")
        assert await retired_at_the_registry(exchange, "R-entity") == {"DEMO-I-1": 40, "DEMO-I-3": 480}
        await read_back_and_check(exchange, entity, done)
        account = await entity.get("/v1/account")
        assert account["units"][LISTING]["available"] == "20"
        standing = (await entity.get("/v1/uses?year=2025"))["compliance"]
        assert standing == [
            {
                "entity": "entity",
                "compliance_year": 2025,
                "completed": "520",
                "under_way": "0",
                "cap": {
                    "limit": None,
                    "used": "520",
                    "other_credits": "0",
                    "left": None,
                    "enforcement": None,
                },
            }
        ]
    assert (await exchange.puhui("verify"))["entries"] > 0


async def read_back_and_check(exchange: RunningExchange, entity: Client, done: dict[str, Any]) -> None:
    """The certificate in both forms, and what the public is told of it."""
    told = await entity.get(f"/v1/offsets/{done['id']}/certificate")
    assert told["digest"] == sha256(told["canonical_text"].encode()).hexdigest()
    response = await entity.fetch(f"/v1/offsets/{done['id']}/certificate?format=pdf")
    assert response.headers["Content-Type"] == "application/pdf"
    assert (
        await entity.fetch(f"/v1/offsets/{done['id']}/certificate?format=pdf")
    ).content == response.content
    printed = read_pdf(response.content)
    assert printed.pages == 1
    assert printed.has_only_embedded_fonts
    serials = [f"[{first}, {end})" for lot in told["lots"] for first, end in lot["serials"]]
    for text in (
        "履约抵销",
        "compliance offset",
        told["number"],
        told["digest"],
        BENEFICIARY,
        "520 吨二氧化碳当量",
        *serials,
    ):
        assert printed.says(text), text
    (link,) = printed.qr_codes
    assert link == told["check_url"]
    assert link.startswith(f"{exchange.url}/v1/certificates/{told['number']}?digest=")
    async with httpx.AsyncClient(trust_env=False) as public:
        assert done["certificate"] == told["number"]
        checked = (await public.get(link)).json()
        assert (checked["issued"], checked["digest_matches"], checked["quantity"]) == (True, True, "520")
        assert [lot["serials"] for lot in checked["lots"]] == [lot["serials"] for lot in told["lots"]]
        assert BENEFICIARY not in str(checked)
        assert "entity" not in str(checked)
        assert told["digest"] not in str(checked)
        right = (await public.get(f"{link}&beneficiary={quote(BENEFICIARY)}")).json()
        wrong = (await public.get(f"{link}&beneficiary=another")).json()
        assert (right["beneficiary_matches"], wrong["beneficiary_matches"]) == (True, False)
        altered = told["digest"][:-1] + ("0" if told["digest"][-1] != "0" else "1")
        forged = (await public.get(link.replace(told["digest"], altered))).json()
        assert forged["digest_matches"] is False
        unknown = await public.get(f"{exchange.url}/v1/certificates/PH-20261123-00000099-00")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "certificate_unknown")
        page = await public.get(link, headers={"Accept": "text/html"})
        assert page.headers["Content-Type"].startswith("text/html")
        assert "摘要相符" in page.text
        assert BENEFICIARY not in page.text


async def test_what_is_bad_is_refused_by_name_and_moves_nothing(exchange: RunningExchange) -> None:
    async with exchange.clients("seller", "entity") as clients:
        seller, entity = clients["seller"], clients["entity"]
        lots = {lot["lot"]: lot["serials"] for lot in (await entity.get("/v1/account/lots"))["items"]}
        first, end = lots["DEMO-I-3"][0]
        before = [await client.get("/v1/account") for client in (seller, entity)]
        cases: tuple[tuple[dict[str, object], int, str], ...] = (
            ({"lots": [{"lot": "DEMO-II-2", "quantity": "10"}]}, 422, "class_not_eligible"),
            ({"listing": SECOND_CLASS, "quantity": "10"}, 422, "class_not_eligible"),
            ({"listing": SECOND_CLASS, "quantity": "0"}, 422, "class_not_eligible"),
            (
                {
                    "lots": [
                        {"lot": "DEMO-I-3", "quantity": "1"},
                        {"lot": "DEMO-II-2", "quantity": "1"},
                    ]
                },
                422,
                "class_not_eligible",
            ),
            ({"listing": LISTING, "quantity": "501"}, 422, "units_not_owned"),
            ({"lots": [{"lot": "DEMO-I-2", "quantity": "1"}]}, 422, "units_not_owned"),
            ({"listing": LISTING, "quantity": "0"}, 400, "invalid_quantity"),
            ({"listing": LISTING, "quantity": "-1"}, 400, "invalid_quantity"),
            ({"listing": LISTING, "quantity": "1.5"}, 400, "invalid_quantity"),
            ({"listing": LISTING, "quantity": 1}, 400, "invalid_quantity"),
            ({"listing": LISTING, "quantity": "1", "account": "A-seller"}, 403, "not_your_account"),
            (
                {"lots": [{"lot": "DEMO-I-3", "serials": [[first, end + 1]]}]},
                422,
                "serials_beyond_lot",
            ),
            ({"lots": [{"lot": "DEMO-I-3", "serials": [[end, first]]}]}, 422, "serials_malformed"),
            ({"lots": [{"lot": "NONE", "quantity": "1"}]}, 404, "lot_unknown"),
            ({}, 422, "quantity_or_lots"),
            (
                {"quantity": "1", "lots": [{"lot": "DEMO-I-3", "quantity": "1"}]},
                422,
                "quantity_or_lots",
            ),
            (
                {"listing": LISTING, "quantity": "1", "compliance_year": 2024},
                404,
                "compliance_year_unknown",
            ),
        )
        for number, (change, status, code) in enumerate(cases):
            body = {"client_id": f"bad-{number}", "compliance_year": 2025, **change}
            answer = await entity.call("POST", "/v1/offsets", body)
            assert (answer.status, answer.code) == (status, code), (change, answer.body)
        refused = await seller.call(
            "POST", "/v1/offsets", {"client_id": "bad", "compliance_year": 2025, "quantity": "1"}
        )
        assert (refused.status, refused.code) == (422, "not_a_compliance_entity")
        order = {"client_order_id": "o1", "listing": LISTING, "side": "sell", "type": "limit"}
        placed = await entity.do(
            "/v1/orders", {**order, "price": "68.00", "quantity": "500", "time_in_force": "day"}
        )
        held = await entity.call(
            "POST",
            "/v1/offsets",
            {"client_id": "held", "compliance_year": 2025, "listing": LISTING, "quantity": "1"},
        )
        assert (held.status, held.code) == (422, "units_held")
        await entity.call("DELETE", f"/v1/orders/{placed['order']['id']}")
        assert [await client.get("/v1/account") for client in (seller, entity)] == before
        assert await retired_at_the_registry(exchange, "R-entity") == {}
        used = await entity.do(
            "/v1/offsets",
            {
                "client_id": "one",
                "compliance_year": 2025,
                "lots": [{"lot": "DEMO-I-3", "serials": [[first, first + 1]]}],
            },
        )
        await ended(entity, f"/v1/offsets/{used['id']}")
        twice = await entity.call(
            "POST",
            "/v1/offsets",
            {
                "client_id": "two",
                "compliance_year": 2025,
                "lots": [{"lot": "DEMO-I-3", "serials": [[first, first + 1]]}],
            },
        )
        assert (twice.status, twice.code) == (422, "serials_retired")
        assert await retired_at_the_registry(exchange, "R-entity") == {"DEMO-I-3": 1}


async def test_the_command_line_does_it_all(exchange: RunningExchange, tmp_path: Path) -> None:
    puhui = exchange.puhui
    years = await puhui("operator", "compliance-year", "show")
    assert [year["compliance_year"] for year in years["items"]] == [2025]
    quoted = await puhui("offset", "quote", "--year", "2025", "--quantity", "20")
    assert quoted["accepted"]
    done = await puhui(
        *("offset", "submit", "--year", "2025", "--lot", "DEMO-I-3=20", "--beneficiary", BENEFICIARY)
    )
    assert (done["state"], done["quantity"]) == ("completed", "20")
    paper, file = tmp_path / "certificate.pdf", tmp_path / "certificate.json"
    told = await puhui("offset", "certificate", done["id"], "--out", str(paper))
    assert read_pdf(paper.read_bytes()).says(told["number"])
    file.write_text(json.dumps(told))
    assert (await puhui("certificate", "check", str(file)))["digest_matches"] is True
    assert (await puhui("certificate", "check", told["number"]))["digest_matches"] is None
    file.write_text(json.dumps({**told, "beneficiary": "another"}))
    with pytest.raises(AssertionError, match="经篡改"):
        await puhui("certificate", "check", str(file))
    with pytest.raises(AssertionError, match="伪造"):
        await puhui("certificate", "check", told["number"], "--digest", "0" * 64)
    other = await puhui(
        *("retire", "voluntary_offset", "--listing", SECOND_CLASS, "--quantity", "3"),
        *("--beneficiary", "年会 annual meeting", "--as", "entity"),
    )
    assert other["state"] == "completed"
    lines = (await puhui("uses"))["items"]
    assert [(line["purpose"], line["class"], line["completed"]) for line in lines] == [
        ("compliance_offset", "I", "20"),
        ("voluntary_offset", "II", "3"),
    ]
    filed = await puhui(
        *("authority", "file", "entity", "--year", "2025", "--emissions", "1000", "--source", "report")
    )
    assert filed["verified_emissions"] == "1000"
    year = await puhui(
        *("operator", "compliance-year", "set", "2025", "--opens", "2026-01-01T00:00:00+08:00"),
        *("--deadline", "2036-12-31T17:00:00+08:00", "--source", "notice", "--cap-ratio", "0.05"),
        *("--enforcement", "hard"),
    )
    assert year["cap"]["ratio"] == "0.05"
    over = (await puhui("offset", "quote", "--year", "2025", "--lot", "DEMO-I-3=31"))["code"]
    assert over == "cap_exceeded"
    assert (await puhui("offset", "quote", "--year", "2025", "--lot", "DEMO-I-3=30"))["accepted"]
    assert (await puhui("verify"))["entries"] > 0
