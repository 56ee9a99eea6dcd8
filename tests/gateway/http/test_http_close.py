"""Closing and opening at the wrong time, over a real connection: each is refused by name, and nothing moves."""

from typing import Any

from gateway.engine.clock import ManualClock
from matching.calendar import midnight_ns
from tests.gateway.engine.world import DAY
from tests.gateway.http.desk import Desk, desk
from tests.gateway.http.test_http_bulletins import close
from tests.gateway.http.test_http_operator import act

HOUR_NS = 3_600 * 1_000_000_000


async def refused(exchange: Desk, path: str, body: dict[str, Any], status: int, code: str) -> None:
    """It is refused, and the day is as it was."""
    before = await exchange["operator"].get("/v1/operator/day")
    everything = await exchange.everything()
    problem = await act(exchange, path, body, status=status)
    assert problem["code"] == code
    assert await exchange["operator"].get("/v1/operator/day") == before
    assert await exchange.everything() == everything


async def test_closing_twice_and_opening_without_closing(exchange: Desk) -> None:
    await refused(exchange, "day/open", {"trading_day": "2026-11-24"}, 409, "day_already_open")
    await refused(exchange, "day/close", {"trading_day": "2026-11-24"}, 409, "day_not_open")
    begun = await act(exchange, "day/close", {"trading_day": DAY}, status=202)
    assert begun["close"]["steps"][0] == {"name": "stop_orders", "state": "done", "done": 1, "total": 1}
    assert (begun["close"]["operator"], begun["close"]["reason"]) == ("operator", None)
    await refused(exchange, "day/close", {"trading_day": DAY}, 409, "close_under_way")
    await refused(exchange, "day/open", {"trading_day": "2026-11-24"}, 409, "day_already_open")


async def test_a_closed_day_is_not_closed_again(exchange: Desk) -> None:
    day = await close(exchange)
    done = (await exchange["operator"].get("/v1/operator/day"))["close"]
    assert (done["trading_day"], done["state"]) == (day, "done")
    assert {step["state"] for step in done["steps"]} == {"done"}
    assert [step["name"] for step in done["steps"]] == [
        "stop_orders",
        "expire_orders",
        "closing_prices",
        "obligations",
        "registry",
        "delivery",
        "fees",
        "publication",
        "reconcile",
        "roll_date",
    ]
    await refused(exchange, "day/close", {"trading_day": day}, 409, "day_not_open")


async def test_a_session_is_cut_short_for_a_reason_only(database: str) -> None:
    clock = ManualClock(midnight_ns(DAY) + 10 * HOUR_NS)
    async with desk(database, clock=clock, set_up=False) as exchange:
        await exchange.engine.set_up("shanghai")
        for body in ({}, {"trading_day": DAY}):
            await refused(exchange, "day/close", body, 409, "session_in_progress")
        await refused(exchange, "day/close", {"reason": ""}, 400, "invalid_text")
        await refused(exchange, "day/close", {"reason": "  "}, 409, "session_in_progress")
        begun = await act(exchange, "day/close", {"reason": "the building burns"}, status=202)
        assert (begun["phase"], begun["close"]["reason"]) == ("closing", "the building burns")
        placed = await exchange["buyer"].order("late", price="68.00")
        assert (placed.status_code, placed.json()["code"]) == (422, "phase_closed")
