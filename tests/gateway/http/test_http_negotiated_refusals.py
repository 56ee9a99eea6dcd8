"""Bad input to negotiated transfers: each has its own clear answer, and nothing moves."""

from typing import Any

from gateway.access.keys import Scope
from gateway.engine.clock import ManualClock
from matching.calendar import midnight_ns
from settlement.account import ParticipantKind
from settlement.commands import AddInstrument, OpenAccount, RegisterLot, RegisterParticipant
from settlement.instrument import Instrument
from settlement.lot import MethodologyClass
from settlement.values import AccountId, AssetCode, LotId, ParticipantId, TradingDay
from tests.gateway.engine.world import LOT, adopting
from tests.gateway.http.desk import Desk, desk
from tests.gateway.http.test_http_negotiated import (
    PATH,
    both_see,
    confirmed,
    done,
    events_of,
    filed,
    filing,
    step,
)

NS = 1_000_000_000
DAY_NS = midnight_ns(TradingDay("2026-11-23"))


async def refused(
    exchange: Desk,
    body: dict[str, Any],
    expected: tuple[int, str, str, str | None, str | None],
    *,
    who: str = "seller",
    path: str = PATH,
    headers: dict[str, str] | None = None,
) -> None:
    """(status, code, pointer, limit, actual), in both languages, and nothing has moved."""
    before = await exchange.everything()
    for language in ("zh-CN", "en"):
        exchange[who].language = language
        answer = await exchange[who].send("POST", path, body, headers=headers)
        problem = answer.json()
        first = problem["errors"][0]
        told = (
            answer.status_code,
            problem["code"],
            first["pointer"],
            first.get("limit"),
            first.get("actual"),
        )
        assert told == expected, problem
        assert problem["state"] == "not_accepted"
        assert problem["detail"].isascii() == (language == "en")
        assert answer.headers["Content-Language"] == language
    exchange[who].language = None
    assert await exchange.everything() == before


CASES: list[tuple[dict[str, Any], tuple[int, str, str, str | None, str | None]]] = [
    ({"price": "88.41"}, (422, "negotiated_price_outside_band", "/price", "47.60..88.40", "88.41")),
    ({"price": "47.59"}, (422, "negotiated_price_outside_band", "/price", "47.60..88.40", "47.59")),
    ({"quantity": "100001"}, (422, "insufficient_units", "/quantity", "100000", "100001")),
    ({"counterparty": "seller"}, (422, "same_beneficial_owner", "/counterparty", None, "seller")),
    ({"counterparty": "nobody"}, (404, "counterparty_unknown", "/counterparty", None, "nobody")),
    ({"listing": "NOSUCH"}, (404, "listing_unknown", "/listing", None, "NOSUCH")),
    (
        {"lots": [{"lot": "LOT-9", "quantity": "100"}]},
        (422, "lot_of_another_listing", "/lots", "SHCERCIR1", "LOT-9"),
    ),
    (
        {"lots": [{"lot": "LOT-II", "quantity": "100"}]},
        (422, "lot_of_another_listing", "/lots", "SHCERCIR1", "LOT-II"),
    ),
    (
        {"lots": [{"lot": "LOT-1", "quantity": "99"}]},
        (422, "named_lots_malformed", "/lots", "100", "99"),
    ),
    (
        {"lots": [{"lot": "LOT-1", "serials": [[200_000, 200_100]]}]},
        (422, "named_lots_not_available", "/lots", None, "LOT-1"),
    ),
    (
        {"lots": [{"lot": "LOT-1", "serials": [[20, 10]]}]},
        (422, "serials_malformed", "/lots/0/serials", None, "LOT-1"),
    ),
    (
        {"lots": [{"lot": "LOT-1", "serials": [[1, 101]], "quantity": "100"}]},
        (400, "serials_or_quantity", "/lots/0", None, None),
    ),
    ({"lots": []}, (400, "size_out_of_range", "/lots", "1", "0")),
    (
        {"expires_at": "2026-11-23T10:00:00+08:00"},
        (
            422,
            "expiry_passed",
            "/expires_at",
            "2026-11-23T10:00:00.000000+08:00",
            "2026-11-23T10:00:00.000000+08:00",
        ),
    ),
    ({"expires_at": "tomorrow"}, (400, "invalid_time", "/expires_at", "RFC 3339", "tomorrow")),
    ({"price": "70"}, (400, "invalid_price", "/price", "0.01..99999999.99", "70")),
    ({"quantity": "1.5"}, (400, "invalid_quantity", "/quantity", "1..99999999", "1.5")),
    ({"side": "swap"}, (400, "invalid_choice", "/side", "'buy' or 'sell'", "swap")),
    ({"discount": "1"}, (400, "unknown_field", "/discount", None, "1")),
    ({"account": "buyer", "counterparty": "seller"}, (403, "not_your_account", "/account", None, "buyer")),
]


async def test_filings_that_cannot_be(exchange: Desk) -> None:
    await exchange.engine.do(*another_class())
    for number, (given, expected) in enumerate(CASES):
        await refused(exchange, filing(f"bad-{number}", **given), expected)


def another_class() -> tuple[AddInstrument, RegisterLot]:
    """A lot of Class II, which is another listing's."""
    two = AssetCode("SHCERCIIR1")
    values = {name: getattr(LOT, name) for name in LOT.__slots__}
    lot = type(LOT)(
        **{
            **values,
            "lot_id": LotId("LOT-II"),
            "instrument": two,
            "methodology_class": MethodologyClass.II,
            "methodology": "SHCER-02",
            "serials": (5_000_001, 5_001_001),
        }
    )
    instrument = Instrument(code=two, methodology_class=MethodologyClass.II)
    return AddInstrument(instrument=instrument), RegisterLot(lot=lot)


async def test_one_fen_and_one_tonne_on_either_side_of_a_tier(exchange: Desk) -> None:
    """The band binds below 500,000 t; the cheapest price shows it without a fortune."""
    cheap = {"side": "buy", "counterparty": "seller", "price": "0.01"}
    below = filing("tier-1", quantity="499999", **cheap)
    expected = (422, "negotiated_price_outside_band", "/price", "47.60..88.40", "0.01")
    await refused(exchange, below, expected, who="buyer")
    made = await filed(exchange, "tier-2", who="buyer", quantity="500000", **cheap)
    assert (made["state"], made["amount"]) == ("filed", "5000.00")
    for number, price in enumerate(("47.60", "88.40")):
        assert (await filed(exchange, f"edge-{number}", price=price))["price"] == price


async def test_the_smallest_size_is_the_rule_books(exchange: Desk) -> None:
    await exchange.engine.do(adopting(("negotiated_min_tonnes", 50)))
    expected = (422, "negotiated_quantity_below_minimum", "/quantity", "50", "49")
    await refused(exchange, filing("small", quantity="49"), expected)
    await filed(exchange, "least", quantity="50")


async def test_a_transfer_to_another_account_of_ones_own(exchange: Desk) -> None:
    await exchange.engine.do(
        OpenAccount(
            account=AccountId("second"), owner=ParticipantId("seller-person"), registry_account="R-second"
        )
    )
    expected = (422, "same_beneficial_owner", "/counterparty", None, "second")
    await refused(exchange, filing("own", counterparty="second"), expected)


async def test_more_money_than_there_is(exchange: Desk) -> None:
    body = filing("rich", side="buy", counterparty="seller", price="80.00", quantity="200000")
    expected = (422, "insufficient_cash", "/quantity", "10000000.00", "16000000.00")
    await refused(exchange, body, expected, who="buyer")


async def test_confirming_what_was_not_read(exchange: Desk) -> None:
    made = await filed(exchange, "read-1")
    path = f"{PATH}/{made['id']}/confirm"
    other = {"client_id": "c-1", "terms_hash": "0" * 64}
    expected = (409, "terms_hash_differs", "/terms_hash", made["terms_hash"], "0" * 64)
    before = await exchange.everything()
    answer = await exchange["buyer"].send("POST", path, other)
    assert (answer.status_code, answer.json()["code"]) == expected[:2]
    assert answer.json()["errors"][0]["pointer"] == "/terms_hash"
    assert await exchange.everything() == before
    await refused(
        exchange,
        {"client_id": "c-2", "terms_hash": "short"},
        (400, "invalid_text", "/terms_hash", "^[0-9a-f]{64}$", "short"),
        who="buyer",
        path=path,
    )
    await refused(
        exchange,
        {"client_id": "c-3"},
        (400, "missing_field", "/terms_hash", None, None),
        who="buyer",
        path=path,
    )


async def test_the_wrong_side(exchange: Desk) -> None:
    made = await filed(exchange, "wrong-1")
    for who, word, given in (
        ("seller", "confirm", {"terms_hash": made["terms_hash"]}),
        ("seller", "counter", {"price": "70.00", "quantity": "1"}),
        ("seller", "decline", {}),
        ("buyer", "withdraw", {}),
    ):
        body = {"client_id": f"w-{word}", **given}
        before = await exchange.everything()
        answer = await exchange[who].send("POST", f"{PATH}/{made['id']}/{word}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_your_turn"), answer.text
        assert answer.json()["errors"][0]["pointer"] == ""
        assert await exchange.everything() == before


async def test_confirming_twice_and_after_a_withdrawal(exchange: Desk) -> None:
    once = await filed(exchange, "twice-1")
    await confirmed(exchange, "buyer", once)
    gone = await filed(exchange, "twice-2")
    await done(exchange, "seller", gone, "withdraw")
    for made, state in ((once, "executed"), (gone, "withdrawn")):
        body = {"client_id": f"again-{state}", "terms_hash": made["terms_hash"]}
        expected = (409, "negotiated_transfer_ended", "", None, state)
        path = f"{PATH}/{made['id']}/confirm"
        await refused(exchange, body, expected, who="buyer", path=path)


async def test_more_rounds_than_the_rule_book_allows(exchange: Desk) -> None:
    await exchange.engine.do(adopting(("negotiated_max_rounds", 2)))
    made = await filed(exchange, "rounds-1")
    await done(exchange, "buyer", made, "counter", price="69.00", quantity="90")
    body = {"client_id": "rounds-2", "price": "68.00", "quantity": "90"}
    expected = (422, "too_many_rounds", "", "2", "3")
    await refused(exchange, body, expected, who="seller", path=f"{PATH}/{made['id']}/counter")


async def test_after_its_own_expiry(exchange: Desk) -> None:
    whole = (await exchange["seller"].get("/v1/account"))["units"]
    made = await filed(exchange, "expiry-1", expires_at="2026-11-23T10:00:01+08:00")
    exchange.engine.clock.move_to(DAY_NS + 36_001 * NS)  # type: ignore[attr-defined] # a ManualClock
    late = await step(exchange, "buyer", made, "confirm", terms_hash=made["terms_hash"])
    assert (late.status_code, late.json()["code"]) == (409, "negotiated_transfer_ended")
    assert late.json()["errors"][0]["actual"] == "expired"
    ended = await both_see(exchange, made["id"])
    assert (ended["state"], ended["reason"], ended["seconds_left"]) == ("expired", "own_time", None)
    for who in ("seller", "buyer"):
        told = await events_of(exchange, who)
        assert [event["type"] for event in told] == ["negotiated_filed", "negotiated_expired"]
    assert (await exchange["seller"].get("/v1/account"))["units"] == whole


async def test_after_the_deadline_of_the_request(exchange: Desk) -> None:
    body = filing("deadline-1")
    expected = (
        422,
        "deadline_passed",
        "",
        "2026-11-23T09:59:00.000000+08:00",
        "2026-11-23T10:00:00.000000+08:00",
    )
    await refused(exchange, body, expected, headers={"X-Deadline": "2026-11-23T09:59:00+08:00"})


async def test_a_kind_that_is_not_admitted(exchange: Desk) -> None:
    person = ParticipantId("person")
    await exchange.engine.do(
        adopting(("participant_kinds", "institution")),
        RegisterParticipant(participant=person, kind=ParticipantKind.INDIVIDUAL),
        OpenAccount(account=AccountId("person"), owner=person, registry_account="R-person"),
    )
    scopes = frozenset({Scope.NEGOTIATE})
    made = await exchange.person("person", scopes, account="person", participant="person")
    answer = await made.send("POST", PATH, filing("kind-1", side="buy", counterparty="seller"))
    assert (answer.status_code, answer.json()["code"]) == (422, "kind_not_admitted")


async def test_outside_the_session(database: str) -> None:
    """At the exchange's own hours negotiated transfers are from 14:00 to 15:00."""
    clock = ManualClock(DAY_NS + 10 * 3_600 * NS)
    async with desk(database, clock=clock, set_up=False) as exchange:
        await exchange.engine.set_up("shanghai")
        await refused(
            exchange, filing("early"), (422, "phase_closed", "", "negotiated", "listed"), who="seller"
        )
        clock.move_to(DAY_NS + 14 * 3_600 * NS)
        made = await filed(exchange, "in-time")
        read = await both_see(exchange, made["id"])
        assert read["session_ends_at"] == "2026-11-23T15:00:00.000000+08:00"
        assert read["seconds_left"] == 3_600
        clock.move_to(DAY_NS + 15 * 3_600 * NS)
        late = await step(exchange, "buyer", made, "confirm", terms_hash=made["terms_hash"])
        assert (late.status_code, late.json()["code"]) == (409, "negotiated_transfer_ended")
        ended = await both_see(exchange, made["id"])
        assert (ended["state"], ended["reason"]) == ("expired", "session_end")
