"""The settlement bank's statements: what agrees, what differs, and what is no statement at all."""

from datetime import date, timedelta
from typing import Any

import orjson
import pytest

from gateway.engine.clock import ManualClock
from gateway.formats import money_text, parse_money, parse_time, time_text
from tests.gateway.bank.files import Line, camt053, csv
from tests.gateway.engine.world import adopting
from tests.gateway.http.desk import Desk, Person, desk

STATEMENTS = "/v1/bank/statements"
BREAKS = "/v1/operator/cash-breaks"
LINES = "/v1/operator/bank-statement-lines"
SUPERSEDE = "/v1/operator/bank-statements/supersede"


async def reported(exchange: Desk) -> list[Line]:
    """Everything the bank has been told to have received so far, as its own books would have it."""
    rows = await exchange.engine.pool.fetch(
        "SELECT body FROM account_event WHERE type = 'cash_deposited' ORDER BY seq"
    )
    deposits = [orjson.loads(row["body"]) for row in rows]
    return [(one["bank_reference"], parse_money(one["amount"])) for one in deposits]


async def send(person: Person, content: bytes, kind: str = "camt.053") -> Any:
    return await person.send("POST", STATEMENTS, {"format": kind, "content": content.decode()})


async def balances(exchange: Desk) -> Any:
    """What everybody has; not what may be withdrawn of it."""
    told = [await exchange[who].get("/v1/account") for who in ("seller", "buyer", "buyer2")]
    return [({**one["cash"], "withdrawable": None}, one["units"]) for one in told]


def today(exchange: Desk) -> str:
    return str(exchange.services.views.market.trading_day)


def date_at_the_bank(exchange: Desk) -> str:
    """By the clock: a market that is open at all hours closes days faster."""
    return time_text(exchange.services.clock.now_ns())[:10]


async def test_a_day_on_which_the_money_agrees(exchange: Desk) -> None:
    lines = await reported(exchange)
    content = camt053(lines, day=today(exchange))
    before = await exchange.everything()
    answer = await send(exchange["bank"], content)
    found = answer.json()
    assert (answer.status_code, found["differences"], found["open_breaks"]) == (201, 0, 0), found
    assert (found["lines"], found["opening"]) == (len(lines), "0.00")
    again = await send(exchange["bank"], content)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (found, "true")
    assert await exchange.everything() == before
    assert (await exchange["operator"].get("/v1/operator/bank-statements"))["items"] == [found]
    assert (await exchange["operator"].get(BREAKS))["items"] == []


async def test_one_changed_amount_is_found_bars_the_account_and_is_settled(exchange: Desk) -> None:
    lines = await reported(exchange)
    (reference, fen), rest = next(line for line in lines if line[1] == 1_000_000_000), lines
    changed = [(name, amount - 100 if name == reference else amount) for name, amount in rest]
    before = await balances(exchange)
    answer = await send(exchange["bank"], csv(changed, day=today(exchange)), "csv")
    assert (answer.status_code, answer.json()["differences"]) == (201, 1)
    assert await balances(exchange) == before  # a difference is told of, and moves nothing
    (found,) = (await exchange["operator"].get(f"{BREAKS}?state=open"))["items"]
    assert (found["kind"], found["bank_reference"]) == ("amount_differs", reference)
    assert (found["here"], found["there"]) == (f"{fen // 100}.00", f"{fen // 100 - 1}.00")
    owner = exchange[found["account"]]
    ask = {"client_id": "w1", "amount": "1.00"}
    refused = await owner.send("POST", "/v1/cash/withdrawals", ask)
    assert (refused.status_code, refused.json()["code"]) == (409, "cash_in_dispute")
    assert (await owner.get("/v1/account"))["cash"]["withdrawable"] == "0.00"
    settle = f"{BREAKS}/{found['id']}/resolve"
    nameless = await exchange["operator"].send("POST", settle, {"reason": ""})
    assert nameless.status_code == 400
    done = await exchange["operator"].send("POST", settle, {"reason": "银行次日更正 | corrected by the bank"})
    assert (done.status_code, done.json()["state"]) == (200, "closed"), done.text
    (closed,) = (await exchange["operator"].get(f"{BREAKS}?state=closed"))["items"]
    assert closed["end"]["operator"] == exchange.services.keys.find(exchange["operator"].key).participant  # type: ignore[union-attr]
    assert (await owner.get("/v1/account"))["cash"]["withdrawable"] == "10000000.00"
    twice = await exchange["operator"].send("POST", settle, {"reason": "again"})
    assert (twice.status_code, twice.json()["code"]) == (409, "cash_break_not_open")


async def test_money_nobody_reported_is_found_until_it_is_reported(exchange: Desk) -> None:
    lines = [*await reported(exchange), ("LATE-1", 70_000)]
    await send(exchange["bank"], camt053(lines, day=today(exchange)))
    (found,) = (await exchange["operator"].get(f"{BREAKS}?state=open"))["items"]
    assert (found["kind"], found["here"], found["there"]) == ("missing_here", None, "700.00")
    deposit = {"client_id": "d1", "account": "buyer", "amount": "700.00", "bank_reference": "LATE-1"}
    assert (await exchange["bank"].send("POST", "/v1/bank/deposits", deposit)).status_code == 201
    (closed,) = (await exchange["operator"].get(f"{BREAKS}?state=closed"))["items"]
    assert closed["end"]["operator"] is None


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"<Document/>", "camt.053", "statement_malformed"),
        (b"not a statement", "csv", "statement_malformed"),
        (camt053([("a", 1)])[:-40], "camt.053", "statement_malformed"),
        (csv([("a", 1), ("b", 2)])[:-6], "csv", "statement_malformed"),
        (csv([("a", 1), ("b", 2)])[: -len("b,0.02\r\n")], "csv", "statement_unbalanced"),
        (csv([("a", 1)], account="310066-9999"), "csv", "bank_account_differs"),
        (camt053([("a", 1)], account="310066-9999"), "camt.053", "bank_account_differs"),
        (camt053([("a", 1)], closing_fen=2), "camt.053", "statement_unbalanced"),
        (csv([("a", 1)], opening_fen=5), "csv", "statement_gap"),
        (csv([("a", 0)]), "csv", "statement_line_of_nothing"),
    ],
)
async def test_what_is_no_statement_of_ours_is_refused_and_moves_nothing(
    exchange: Desk, content: bytes, kind: str, code: str
) -> None:
    before = await exchange.everything()
    answer = await send(exchange["bank"], content, kind)
    assert (answer.status_code in (400, 409, 422), answer.json()["code"]) == (True, code), answer.text
    assert await exchange.everything() == before
    assert (await exchange["operator"].get("/v1/operator/bank-statements"))["items"] == []


async def test_statements_come_in_order_and_are_found_after_a_restart(database: str) -> None:
    async with desk(database) as exchange:
        lines, day = await reported(exchange), today(exchange)
        first = (await send(exchange["bank"], camt053(lines, day=day))).json()
        before = await exchange.everything()
        other = await send(exchange["bank"], camt053([("x", 5), *lines], day=day))
        assert (other.status_code, other.json()["code"]) == (409, "statement_reused")
        same_day = await send(exchange["bank"], camt053([], number="other", day=day, opening_fen=1))
        assert same_day.json()["code"] == "statement_period"
        assert await exchange.everything() == before
    async with desk(database) as exchange:
        assert (await exchange["operator"].get("/v1/operator/bank-statements"))["items"] == [first]
        again = await send(exchange["bank"], camt053(lines, day=day))
        assert again.headers["Idempotent-Replayed"] == "true"
    assert parse_time(first["until"]) - parse_time(first["from"]) == 86_400 * 10**9


async def test_each_line_says_whether_it_agreed_and_how_it_did_not(exchange: Desk) -> None:
    (missed, missed_fen), (first, first_fen), (other, other_fen) = await reported(exchange)
    lines = [(first, first_fen), ("NOBODY", 70_000), (other, other_fen - 100), (first, 5), ("NOBODY", 70_000)]
    assert (await send(exchange["bank"], camt053(lines, day=today(exchange)))).status_code == 201
    told = await lines_of(exchange, "2026-11-23-1")
    assert [(one["line"], one["bank_reference"], one["outcome"]) for one in told] == [
        (1, first, "matched"),
        (2, "NOBODY", "missing_here"),
        (3, other, "amount_differs"),
        (4, first, "repeated_there"),
        (5, "NOBODY", "repeated_there"),
        (None, missed, "missing_there"),
    ]
    assert [one["there"] for one in told[1:3]] == ["700.00", money_text(other_fen - 100)]
    assert [one["here"] for one in told[1:3]] == [None, money_text(other_fen)]
    breaks = {one["id"]: one for one in (await exchange["operator"].get(f"{BREAKS}?state=open"))["items"]}
    assert [one["break"] for one in told if one["break"] is not None] == sorted(breaks)
    assert [breaks[one["break"]]["kind"] for one in told[1:]] == [one["outcome"] for one in told[1:]]
    assert (told[5]["account"], told[5]["break_state"]) == (breaks[told[5]["break"]]["account"], "open")

    # The next day the bank has what was missing: the line that brings it agrees, and the difference is over.
    clock = exchange.engine.clock
    assert isinstance(clock, ManualClock)
    clock.move_to(clock.now_ns() + 86_400 * 10**9)
    opening_fen, day = sum(fen for _, fen in lines), date_at_the_bank(exchange)
    answer = await send(
        exchange["bank"], camt053([(missed, missed_fen)], number="next", day=day, opening_fen=opening_fen)
    )
    assert answer.status_code == 201, answer.text
    (late,) = await lines_of(exchange, "next")
    assert (late["outcome"], late["break"], late["ended_break"]) == ("matched", None, told[5]["break"])
    before = await lines_of(exchange, "2026-11-23-1", "&only=differences&limit=2")
    assert [(one["line"], one["break_state"]) for one in before] == [(2, "open"), (3, "open")]
    (last,) = [one for one in await lines_of(exchange, "2026-11-23-1") if one["line"] is None]
    assert last["break_state"] == "closed"
    unknown = await exchange["operator"].send("GET", f"{LINES}?statement=none")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def lines_of(exchange: Desk, statement: str, more: str = "") -> list[dict[str, Any]]:
    """The first page of them."""
    found: list[dict[str, Any]] = (await exchange["operator"].get(f"{LINES}?statement={statement}{more}"))[
        "items"
    ]
    return found


async def test_a_large_file_is_read_from_the_bank_and_from_nobody_else(exchange: Desk) -> None:
    lines = [(f"BANK-{number:06d}", 1) for number in range(8_000)]
    content = camt053(lines, day=today(exchange))
    assert len(content) > 1_000_000
    answer = await send(exchange["bank"], content)
    assert (answer.status_code, answer.json()["lines"]) == (201, 8_000), answer.text
    target = f"{LINES}?statement=2026-11-23-1&limit=500"
    page = await exchange["operator"].get(target)
    following = await exchange["operator"].get(f"{target}&after={page['next']}")
    assert [one["line"] for one in (page["items"] + following["items"])] == list(range(1, 1_001))
    stranger = await send(exchange["buyer"], content)
    assert (stranger.status_code, stranger.json()["code"]) == (413, "body_too_large")


async def test_a_statement_of_the_wrong_day_is_taken_back_by_two_persons(database: str) -> None:
    async with desk(database) as exchange:
        await exchange.engine.do(adopting(("two_person_acts", "supersede_bank_statement")))
        lines, day = await reported(exchange), today(exchange)
        yesterday = str(date.fromisoformat(day) - timedelta(days=1))
        wrong = (await send(exchange["bank"], camt053(lines[:-1], day=day))).json()
        assert wrong["differences"] == 1
        body = {"statement": wrong["id"], "reason": "of the day before"}
        asked = await exchange["operator"].send("POST", SUPERSEDE, body)
        assert asked.status_code == 202, asked.text
        assert asked.json()["approval"]["details"] == [{"name": "statement", "value": wrong["id"]}]
        approve = f"/v1/operator/approvals/{asked.json()['approval']['id']}/approve"
        assert (await exchange["operator2"].send("POST", approve, {})).status_code == 200
        assert (await exchange["operator"].get(f"{BREAKS}?state=open"))["items"] == []
        twice = await exchange["operator"].send("POST", SUPERSEDE, body)
        assert (twice.status_code, twice.json()["code"]) == (409, "statement_not_last")
        right = await send(exchange["bank"], camt053(lines[:-1], day=yesterday))
        assert (right.status_code, right.json()["differences"], right.json()["id"]) == (201, 0, wrong["id"])
        following = camt053(lines[-1:], number="2", day=day, opening_fen=sum(fen for _, fen in lines[:-1]))
        assert (await send(exchange["bank"], following)).json()["open_breaks"] == 0
    async with desk(database) as exchange:
        *_, second, first = (await exchange["operator"].get("/v1/operator/bank-statements"))["items"]
        assert (second["id"], second["superseded"]) == (first["id"], None)
        assert first["superseded"]["reason"] == "of the day before"
        await exchange.engine.do(adopting(("two_person_acts", "none")))
        undone = await exchange["operator"].send("POST", SUPERSEDE, {"statement": "2", "reason": "a drill"})
        assert (undone.status_code, undone.json()["statement"]["id"]) == (200, "2"), undone.text
