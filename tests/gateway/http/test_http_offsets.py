"""Offsets and every other use over a real connection: what is refused by name, caps, deadlines, donations, accounts."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.access.limits import ActionKind, Quota
from gateway.engine.clock import ManualClock
from gateway.engine.entry import Entry
from gateway.formats import NS, time_text
from gateway.http.services import HttpSettings
from settlement.account import ParticipantKind
from settlement.commands import (
    AddInstrument,
    OpenAccount,
    Outcome,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    ResolveInstruction,
)
from settlement.events import InstructionKind, LotSlice
from settlement.instrument import Instrument
from settlement.lot import Lot, MethodologyClass, Origin
from settlement.values import AccountId, AssetCode, InstructionId, LotId, ParticipantId
from tests.gateway.documents.reading import read_pdf
from tests.gateway.engine.world import LISTING, START_NS, adopting, confirmations
from tests.gateway.http.desk import SCOPES, Desk, Person, desk
from tests.gateway.http.test_http_bulletins import close

TWO = AssetCode("SHCERCIIR1")
OPENS, DEADLINE = START_NS - 3_600 * NS, START_NS + 3_600 * NS
YEAR: dict[str, Any] = {
    "compliance_year": 2025,
    "opens": time_text(OPENS),
    "deadline": time_text(DEADLINE),
    "period_from": "2024-01-01",
    "origins": ["project"],
    "exclusions": [{"lot": "OWN", "entity": "entity-person", "reason": "own boundary"}],
    "source": "the authority's notice",
}


def lot(name: str, first: int, **change: Any) -> Lot:
    told = {
        "methodology_class": MethodologyClass.I,
        "instrument": LISTING,
        "origin": Origin.PROJECT,
        "period_from": "2025-01-01",
        "period_to": "2025-12-31",
        "issued_on": "2026-04-01",
        **change,
    }
    return Lot(
        lot_id=LotId(name),
        methodology="SHCER-01",
        methodology_version="1",
        project="p",
        batch="1",
        serials=(first, first + 100),
        **told,
    )


LOTS = (
    lot("ONE", 1_000_001),
    lot("OLD", 2_000_001, period_from="2020-01-01", period_to="2020-12-31", issued_on="2021-01-01"),
    lot("SCENE", 3_000_001, origin=Origin.SCENARIO),
    lot("OWN", 4_000_001, issued_on="2026-05-01"),
    lot("SECOND", 5_000_001, methodology_class=MethodologyClass.II, instrument=TWO),
)


async def admit(exchange: Desk, name: str, kind: ParticipantKind, lots: tuple[Lot, ...] = ()) -> Person:
    """Somebody with an account, and a hundred tonnes of each of these lots."""
    engine = exchange.engine
    owner, account = ParticipantId(f"{name}-person"), AccountId(name)
    await engine.do(RegisterParticipant(participant=owner, kind=kind))
    await engine.do(OpenAccount(account=account, owner=owner, registry_account=f"R-{name}"))
    for one in lots:
        asked = await engine.do(
            RequestTransferIn(
                participant=owner,
                account=account,
                client_id=f"in-{one.lot_id}",
                instrument=one.instrument,
                lots=(LotSlice(lot_id=one.lot_id, serials=(one.serials,)),),
                asked="all",
            )
        )
        await engine.do(*confirmations(asked))
    return await exchange.person(name, SCOPES["seller"], account=name, participant=f"{name}-person")


@pytest_asyncio.fixture
async def exchange(database: str) -> AsyncIterator[Desk]:
    clock = ManualClock(START_NS)
    async with desk(database, clock=clock) as made:
        engine = made.engine
        await engine.do(
            AddInstrument(instrument=Instrument(code=TWO, methodology_class=MethodologyClass.II)),
            *(RegisterLot(lot=one) for one in LOTS),
        )
        await admit(made, "entity", ParticipantKind.COVERED_ENTITY, LOTS)
        await send(made["operator"], "/v1/operator/compliance-years", YEAR)
        yield made


async def send(person: Person, target: str, body: dict[str, Any]) -> Any:
    answer = await person.send("POST", target, body)
    assert answer.is_success, answer.text
    return answer.json()


async def answer_registry(
    exchange: Desk, outcome: Outcome = Outcome.CONFIRMED, code: str | None = None
) -> None:
    """The registry answers everything it was asked."""
    pending = [InstructionId(one) for one in exchange.engine.views.pending_instructions]
    entries: list[Entry] = await exchange.engine.do(
        *(ResolveInstruction(instruction_id=one, outcome=outcome, code=code) for one in pending)
    )
    assert entries


def offset(client_id: str, **change: Any) -> dict[str, Any]:
    return {"client_id": client_id, "compliance_year": 2025, "listing": LISTING, "quantity": "10", **change}


FIRST = 1_000_001
BAD: tuple[tuple[str, dict[str, Any], int, str], ...] = (
    ("Class II", {"listing": TWO}, 422, "class_not_eligible"),
    ("Class II and too late", {"listing": TWO, "compliance_year": 2024}, 422, "class_not_eligible"),
    ("Class II of another's", {"listing": TWO, "account": "seller"}, 422, "class_not_eligible"),
    ("Class II and no number", {"listing": TWO, "quantity": "many"}, 422, "class_not_eligible"),
    ("Class II and a field too many", {"listing": TWO, "colour": "green"}, 422, "class_not_eligible"),
    (
        "mixed classes",
        {
            "listing": None,
            "quantity": None,
            "lots": [{"lot": "ONE", "quantity": "1"}, {"lot": "SECOND", "quantity": "1"}],
        },
        422,
        "class_not_eligible",
    ),
    (
        "not owned",
        {"listing": None, "quantity": None, "lots": [{"lot": "LOT-1", "quantity": "1"}]},
        422,
        "units_not_owned",
    ),
    ("too much", {"quantity": "401"}, 422, "units_not_owned"),
    (
        "outside the eligible period",
        {"listing": None, "quantity": None, "lots": [{"lot": "OLD", "quantity": "1"}]},
        422,
        "period_not_eligible",
    ),
    (
        "of another origin",
        {"listing": None, "quantity": None, "lots": [{"lot": "SCENE", "quantity": "1"}]},
        422,
        "origin_not_eligible",
    ),
    (
        "of one's own boundary",
        {"listing": None, "quantity": None, "lots": [{"lot": "OWN", "quantity": "1"}]},
        422,
        "lot_excluded",
    ),
    ("zero", {"quantity": "0"}, 400, "invalid_quantity"),
    ("negative", {"quantity": "-1"}, 400, "invalid_quantity"),
    ("a fraction", {"quantity": "0.5"}, 400, "invalid_quantity"),
    ("a number", {"quantity": 10}, 400, "invalid_quantity"),
    ("another's account", {"account": "seller"}, 403, "not_your_account"),
    ("nobody's account", {"account": "nobody"}, 403, "not_your_account"),
    (
        "a range over the lot's end",
        {
            "listing": None,
            "quantity": None,
            "lots": [{"lot": "ONE", "serials": [[FIRST + 90, FIRST + 101]]}],
        },
        422,
        "serials_beyond_lot",
    ),
    ("another year", {"compliance_year": 2024}, 404, "compliance_year_unknown"),
    ("nothing named", {"listing": None, "quantity": None}, 422, "quantity_or_lots"),
)


@pytest.mark.parametrize(("change", "status", "code"), [one[1:] for one in BAD], ids=[one[0] for one in BAD])
async def test_what_is_bad_is_refused_by_name_and_moves_nothing(
    exchange: Desk, change: dict[str, Any], status: int, code: str
) -> None:
    before = await exchange.everything()
    body = {name: value for name, value in offset("bad", **change).items() if value is not None}
    answer = await exchange["entity"].send("POST", "/v1/offsets", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    if status == 422:
        wanted = {name: value for name, value in body.items() if name != "client_id"}
        quoted = await exchange["entity"].send("POST", "/v1/offsets/quote", wanted)
        told = quoted.json()
        assert told["code"] == code
        assert quoted.status_code == 422 or told["accepted"] is False
    assert await exchange.everything() == before


async def test_a_restricted_account_uses_nothing(exchange: Desk) -> None:
    act = {"account": "entity", "act": "restrict", "reason": "an authority's order"}
    await send(exchange["operator"], "/v1/operator/restrictions", act)
    before = await exchange.everything()
    for target, body in (
        ("/v1/offsets", offset("o1")),
        ("/v1/retirements", {**offset("o2"), "purpose": "donation", "beneficiary": "x"}),
    ):
        asked = {
            name: value
            for name, value in body.items()
            if target == "/v1/offsets" or name != "compliance_year"
        }
        answer = await exchange["entity"].send("POST", target, asked)
        assert (answer.status_code, answer.json()["code"]) == (422, "account_restricted"), answer.text
    quoted = await send(exchange["entity"], "/v1/offsets/quote", {"compliance_year": 2025, "quantity": "1"})
    assert quoted["code"] == "account_restricted"
    assert await exchange.everything() == before


async def test_only_a_covered_entity_has_an_obligation(exchange: Desk) -> None:
    answer = await exchange["seller"].send("POST", "/v1/offsets", offset("s1"))
    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_compliance_entity")


async def test_a_quote_tells_lot_by_lot_and_the_submission_takes_just_that(exchange: Desk) -> None:
    entity = exchange["entity"]
    quoted = await send(entity, "/v1/offsets/quote", {"compliance_year": 2025, "quantity": "60"})
    assert (quoted["accepted"], quoted["quantity"], quoted["listing"]) == (True, "60", LISTING)
    told = {line["lot"]: line["code"] for line in quoted["lots"]}
    assert told == {
        "ONE": None,
        "OLD": "period_not_eligible",
        "SCENE": "origin_not_eligible",
        "OWN": "lot_excluded",
        "SECOND": "class_not_eligible",
    }
    assert quoted["lots"][0]["serials"] == [[FIRST, FIRST + 60]]
    accepted = await send(entity, "/v1/offsets", offset("o1", quantity="60"))
    assert accepted["lots"] == [{"lot": "ONE", "serials": [[FIRST, FIRST + 60]]}]
    assert accepted["state"] == "retiring"
    more = await send(entity, "/v1/offsets/quote", {"compliance_year": 2025, "quantity": "60"})
    assert (more["accepted"], more["code"]) == (False, "period_not_eligible")


async def test_a_hard_cap_is_exact_to_the_tonne(exchange: Desk) -> None:
    cap = {"base": "verified_emissions", "ratio": "0.005", "enforcement": "hard", "joint_credits": ["CCER"]}
    announced = await send(exchange["operator"], "/v1/operator/compliance-years", {**YEAR, "cap": cap})
    assert announced["cap"] == cap
    entity = exchange["entity"]
    refused = await entity.send("POST", "/v1/offsets", offset("o1"))
    assert refused.json()["code"] == "cap_base_not_filed"
    filed = {
        "entity": "entity-person",
        "compliance_year": 2025,
        # 0.5 % of it is 19.995 t: nineteen fit, of which CCER has used three.
        "verified_emissions": "3999",
        "other_credits": [{"credit": "CCER", "quantity": "3"}, {"credit": "GEC", "quantity": "50"}],
        "source": "verification report",
    }
    await send(exchange["authority"], "/v1/authority/filings", filed)
    over = (await entity.send("POST", "/v1/offsets", offset("o2", quantity="17"))).json()
    assert (over["code"], over["errors"][0]["limit"], over["errors"][0]["actual"]) == (
        "cap_exceeded",
        "16",
        "17",
    )
    done = await send(entity, "/v1/offsets", offset("o3", quantity="16"))
    assert done["cap"] == {
        "limit": "19",
        "used": "16",
        "other_credits": "3",
        "left": "0",
        "enforcement": "hard",
    }
    assert (await entity.send("POST", "/v1/offsets", offset("o4", quantity="1"))).json()[
        "code"
    ] == "cap_exceeded"
    await answer_registry(exchange, Outcome.REFUSED, "lot_frozen")
    assert (await entity.get(f"/v1/offsets/{done['id']}"))["state"] == "refused"
    assert (await send(entity, "/v1/offsets", offset("o5", quantity="16")))["state"] == "retiring"


async def test_the_deadline_is_to_the_second_and_what_was_in_time_counts(exchange: Desk) -> None:
    entity, clock = exchange["entity"], exchange.engine.clock
    assert isinstance(clock, ManualClock)
    clock.move_to(DEADLINE)
    accepted = await send(entity, "/v1/offsets", offset("in-time"))
    clock.move_to(DEADLINE + NS)
    late = (await entity.send("POST", "/v1/offsets", offset("late"))).json()
    assert (late["code"], late["errors"][0]["limit"]) == ("compliance_deadline_passed", time_text(DEADLINE))
    await answer_registry(exchange)
    found = await entity.get(f"/v1/offsets/{accepted['id']}")
    assert (found["state"], found["counts_although_late"]) == ("completed", True)
    certificate = await entity.get(f"/v1/offsets/{accepted['id']}/certificate")
    assert certificate["counts_although_late"] is True
    printed = read_pdf(
        (await entity.send("GET", f"/v1/offsets/{accepted['id']}/certificate?format=pdf")).content
    )
    assert printed.says("计入该履约年度")
    assert printed.says("it counts for the year")
    checked = (await exchange.public(f"/v1/certificates/{certificate['number']}")).json()
    assert (checked["counts_although_late"], checked["digest_matches"]) == (True, None)


async def test_what_is_held_can_be_taken_back_and_what_is_asked_cannot(exchange: Desk) -> None:
    await exchange.engine.do(adopting(("use_withdrawal_s", 600), from_ns=START_NS))
    entity, clock = exchange["entity"], exchange.engine.clock
    assert isinstance(clock, ManualClock)
    held = await send(entity, "/v1/offsets", offset("o1"))
    assert (held["state"], held["withdrawable_until"]) == ("held", time_text(START_NS + 600 * NS))
    lots = {line["lot"]: line for line in (await entity.get("/v1/account/lots"))["items"]}
    assert (lots["ONE"]["quantity"], lots["ONE"]["available"]) == ("100", "90")
    back = await send(entity, f"/v1/offsets/{held['id']}/withdraw", {"client_id": "w1"})
    assert back["state"] == "withdrawn"
    again = await entity.send("POST", f"/v1/offsets/{held['id']}/withdraw", {"client_id": "w1"})
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    asked = await send(entity, "/v1/offsets", offset("o2"))
    clock.move_to(START_NS + 601 * NS)
    gone = await entity.send("POST", f"/v1/offsets/{asked['id']}/withdraw", {"client_id": "w2"})
    assert (gone.status_code, gone.json()["code"]) == (409, "use_not_held")
    assert (await entity.get(f"/v1/offsets/{asked['id']}"))["state"] == "retiring"
    none = await entity.send("GET", f"/v1/offsets/{asked['id']}/certificate")
    assert (none.status_code, none.json()["code"]) == (409, "not_certified")
    stranger = await exchange["seller"].send("GET", f"/v1/offsets/{asked['id']}")
    assert stranger.status_code == 404


async def test_the_first_answer_is_found_after_a_restart(database: str) -> None:
    clock = ManualClock(START_NS)
    body = {
        "client_id": "r1",
        "purpose": "voluntary_cancellation",
        "beneficiary": "上海市民 the people",
        "listing": LISTING,
        "quantity": "7",
    }
    async with desk(database, clock=clock) as exchange:
        first = await send(exchange["seller"], "/v1/retirements", body)
        await answer_registry(exchange)
        certificate = await exchange["seller"].get(f"/v1/retirements/{first['id']}/certificate")
        pdf = await exchange["seller"].send("GET", f"/v1/retirements/{first['id']}/certificate?format=pdf")
    async with desk(database, clock=ManualClock(START_NS + NS)) as exchange:
        seller = exchange["seller"]
        again = await seller.send("POST", "/v1/retirements", body)
        assert (again.status_code, again.json()) == (201, first)
        assert again.headers["Idempotent-Replayed"] == "true"
        other = await seller.send("POST", "/v1/retirements", {**body, "quantity": "8"})
        assert (other.status_code, other.json()["code"]) == (409, "client_id_reused")
        late = {"X-Deadline": time_text(START_NS - NS)}
        fenced = await seller.send("POST", "/v1/retirements", {**body, "client_id": "r2"}, headers=late)
        assert fenced.json()["code"] == "deadline_passed"
        assert (await seller.get(f"/v1/retirements/{first['id']}"))["certificate"] == certificate["number"]
        assert (await seller.get("/v1/retirements?client_id=r1"))["items"][0]["state"] == "completed"
        assert (await seller.get("/v1/offsets"))["items"] == []
        reprint = await seller.send("GET", f"/v1/retirements/{first['id']}/certificate?format=pdf")
        assert reprint.content == pdf.content
        printed = read_pdf(reprint.content)
        assert printed.says("自愿碳注销")
        assert printed.says(certificate["digest"])


async def test_a_donation_moves_to_a_public_welfare_account(exchange: Desk) -> None:
    await admit(exchange, "charity", ParticipantKind.INSTITUTION)
    entity = exchange["entity"]
    gift = {
        "client_id": "d1",
        "purpose": "donation",
        "beneficiary": "某公益基金会",
        "lots": [{"lot": "SECOND", "quantity": "30"}],
        "donate_to": "charity",
    }
    refused = await entity.send("POST", "/v1/retirements", gift)
    assert refused.json()["code"] == "welfare_account_unknown"
    named = {"account": "charity", "source": "public list"}
    await send(exchange["operator"], "/v1/operator/welfare-accounts", named)
    assert (await exchange.public("/v1/welfare-accounts")).json()["items"] == ["charity"]
    given = await send(entity, "/v1/retirements", {**gift, "client_id": "d2"})
    (instruction,) = exchange.engine.views.pending_instructions.values()
    assert instruction.kind is InstructionKind.DELIVER
    await answer_registry(exchange)
    lots = (await exchange["charity"].get("/v1/account/lots"))["items"]
    assert [(one["lot"], one["quantity"]) for one in lots] == [("SECOND", "30")]
    certificate = await entity.get(f"/v1/retirements/{given['id']}/certificate")
    assert certificate["donated_to"] == "charity"
    checked = (await exchange.public(f"/v1/certificates/{certificate['number']}")).json()
    assert (checked["retired"], checked["class"]) == (False, "II")
    told = [event["type"] for event in (await exchange["charity"].get("/v1/events"))["items"]]
    assert told == ["account_opened", "donation_received"]


async def test_accounts_of_use_are_told_to_whom_they_concern(exchange: Desk) -> None:
    stranger = await admit(exchange, "stranger", ParticipantKind.INSTITUTION)
    use = {"purpose": "voluntary_offset", "beneficiary": "x", "listing": LISTING}
    for number, person in enumerate((exchange["seller"], exchange["entity"])):
        body = {**use, "client_id": f"u{number}", "quantity": str(5 + number)}
        await send(person, "/v1/retirements", body)
    await send(exchange["entity"], "/v1/offsets", offset("o1", quantity="4"))
    await answer_registry(exchange)
    own = await exchange["entity"].get("/v1/uses")
    assert [(line["purpose"], line["year"], line["completed"]) for line in own["items"]] == [
        ("compliance_offset", 2025, "4"),
        ("voluntary_offset", 2026, "6"),
    ]
    assert {line["entity"] for line in own["items"]} == {"entity-person"}
    everyone = await exchange["supervisor"].get("/v1/supervise/uses?year=2026")
    assert {line["entity"] for line in everyone["items"]} == {"entity-person", "seller-person"}
    other = await stranger.send("GET", "/v1/uses?entity=entity-person")
    assert (other.status_code, other.json()["code"]) == (403, "not_your_account")


async def test_uses_make_a_sum_for_the_public_only_when_a_bulletin_tells_it(exchange: Desk) -> None:
    third = await admit(exchange, "third", ParticipantKind.INSTITUTION)
    await send(exchange["operator"], "/v1/operator/welfare-accounts", {"account": "third", "source": "list"})
    gift = {"client_id": "g", "purpose": "donation", "beneficiary": "x", "listing": LISTING, "quantity": "5"}
    await send(exchange["seller"], "/v1/retirements", {**gift, "donate_to": "third"})
    await answer_registry(exchange)
    use = {"purpose": "voluntary_cancellation", "beneficiary": "x", "listing": LISTING, "quantity": "5"}
    for person in (exchange["seller"], exchange["entity"], third):
        await send(person, "/v1/retirements", {**use, "client_id": "u"})
    await answer_registry(exchange)

    async def summary() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await exchange.public("/v1/retirements/summary?year=2026")).json()[
            "items"
        ]
        return items

    assert await summary() == []
    await close(exchange)
    told: list[dict[str, Any]] = [
        {"purpose": "donation", "quantity": None, "suppressed": True},
        {"purpose": "voluntary_cancellation", "quantity": "15", "suppressed": False},
    ]
    assert await summary() == told
    await send(exchange["entity"], "/v1/retirements", {**use, "client_id": "alone", "quantity": "7"})
    await answer_registry(exchange)
    assert await summary() == told
    await close(exchange)
    assert await summary() == [told[0], {**told[1], "suppressed": True}]
    assert (await exchange.public("/v1/retirements/summary?year=2025")).json()["items"] == []


async def test_a_certificate_made_up_or_altered_is_seen_as_such(exchange: Desk) -> None:
    entity = exchange["entity"]
    done = await send(entity, "/v1/offsets", offset("o1", beneficiary="张三 Zhang San"))
    await answer_registry(exchange)
    certificate = await entity.get(f"/v1/offsets/{done['id']}/certificate")
    number, digest = certificate["number"], certificate["digest"]
    for target, matches, beneficiary in (
        (f"/v1/certificates/{number}", None, None),
        (f"/v1/certificates/{number}?digest={digest}", True, None),
        (f"/v1/certificates/{number}?digest={digest.upper()}", True, None),
        (f"/v1/certificates/{number}?digest={'0' * 64}", False, None),
        (f"/v1/certificates/{number}?digest={'0' * 64}&beneficiary=Zhang", False, None),
        (f"/v1/certificates/{number}?digest={digest}&beneficiary=Li", True, False),
        (f"/v1/certificates/{number}?beneficiary=Li", None, None),
    ):
        told = (await exchange.public(target)).json()
        assert (told["digest_matches"], told["beneficiary_matches"]) == (matches, beneficiary)
        for secret in (digest, "Zhang", "entity-person", done["id"]):
            assert secret not in str(told)
    mistyped = number[:-1] + ("0" if number[-1] != "0" else "1")
    for made_up in ("PH-20261123-00000099-00", mistyped, "x", "PH-1"):
        unknown = await exchange.public(f"/v1/certificates/{made_up}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "certificate_unknown")


async def test_checks_are_rationed(database: str) -> None:
    settings = HttpSettings(quotas={ActionKind.CHECK: Quota(quota=2, window_s=3_600)})
    async with desk(database, settings=settings) as exchange:
        codes = [(await exchange.public("/v1/certificates/x")).json()["code"] for _ in range(3)]
        assert codes == ["certificate_unknown", "certificate_unknown", "rate_limited"]


async def test_years_are_read_by_everyone_but_not_whose_lots_are_excluded(exchange: Desk) -> None:
    (year,) = (await exchange.public("/v1/compliance-years")).json()["items"]
    assert (year["compliance_year"], year["cap"], year["exclusions"]) == (2025, None, [])
    assert (await exchange.public("/v1/compliance-years/2025")).json() == year
    assert (await exchange.public("/v1/compliance-years/2024")).status_code == 404


@pytest.mark.parametrize("ratio", ["1.1", "-0.1", "0,05", "5%", "0.0000000001", 0.05, ".5", "00.5"])
async def test_a_ratio_is_a_decimal_text(exchange: Desk, ratio: Any) -> None:
    cap = {"base": "verified_emissions", "ratio": ratio, "enforcement": "soft"}
    answer = await exchange["operator"].send("POST", "/v1/operator/compliance-years", {**YEAR, "cap": cap})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_ratio")
