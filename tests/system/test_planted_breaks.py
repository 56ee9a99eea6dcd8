"""Differences planted by hand in the registry's own database: all found, named rightly, contained, and resolved."""

from pathlib import Path
from typing import Any

import pytest

from tests.system.clients import Client
from tests.system.drill import LISTING, Round, day_is_over, nothing_under_way, reconciled, transfers_ended
from tests.system.registry_hand import registry_hand
from tests.system.running import Part, running

CLIENTS = ("seller", "buyer", "buyer2", "entity", "operator", "operator2")


async def open_breaks(operator: Client) -> list[dict[str, Any]]:
    """Breaks nobody has resolved."""
    return [case async for case in operator.all("/v1/operator/breaks?state=open")]


async def sell(client: Client, name: str) -> str:
    """What an order to sell one tonne ends as: its status, or why it was refused."""
    body = {"client_order_id": name, "listing": LISTING, "side": "sell", "type": "limit", "price": "70.00"}
    answer = await client.call("POST", "/v1/orders", {**body, "quantity": "1", "time_in_force": "day"})
    return str(answer.body["order"]["status"]) if answer.is_done else answer.code


async def resolve(clients: dict[str, Client]) -> None:
    """Every open break, by its number and with a reason; by two persons where the rule book asks for them."""
    for case in await open_breaks(clients["operator"]):
        answer = await clients["operator"].call(
            "POST", f"/v1/operator/breaks/{case['id']}/resolve", {"reason": "settled with the platform"}
        )
        assert answer.is_done, answer
        if "approval" in answer.body:
            await clients["operator2"].do(
                f"/v1/operator/approvals/{answer.body['approval']['id']}/approve", {}
            )


@pytest.mark.timeout(240)
async def test_what_a_hand_does_to_the_registry_is_found_and_contained(seeded: Path) -> None:
    async with running(seeded) as exchange, exchange.clients(*CLIENTS) as clients:
        operator = clients["operator"]
        assert (await reconciled(operator))["breaks"] == 0

        # A range of the entity's is somebody else's overnight.
        async with registry_hand(exchange.data_dir) as hand:
            lot, first, end = await hand.some_range("R-entity", 10)
            await hand.move_range(lot, first, end, "R-buyer2")
        found = await reconciled(operator)
        assert found["breaks"] > 0
        assert found["digest_here"] != found["digest_there"]
        cases = {(case["registry_account"], case["lot"]): case for case in await open_breaks(operator)}
        assert set(cases) == {("R-entity", lot), ("R-buyer2", lot)}
        assert cases["R-entity", lot]["kind"] == "range_differs"
        assert cases["R-entity", lot]["only_here"] == [[first, end]]
        assert cases["R-buyer2", lot]["kind"] == "missing_here"
        assert cases["R-buyer2", lot]["only_there"] == [[first, end]]

        # It stops those two and nobody else.
        assert await sell(clients["entity"], "stopped") == "account_frozen"
        assert await sell(clients["seller"], "goes-on") == "new"
        stopped = await operator.get("/v1/operator/restrictions")
        assert {freeze["source"] for freeze in stopped["items"]} == {"break"}
        events = [event async for event in clients["entity"].all("/v1/events")]
        assert any(event["type"] == "freeze_placed" and event["source"] == "break" for event in events)

        # Found again it is the same break; put right and resolved by a name and a reason it is over.
        assert (await reconciled(operator))["open_breaks"] == len(cases)
        async with registry_hand(exchange.data_dir) as hand:
            await hand.move_range(lot, first, end, "R-entity")
        await resolve(clients)
        clean = await reconciled(operator)
        assert (clean["breaks"], clean["open_breaks"], clean["digest_here"]) == (0, 0, clean["digest_there"])
        assert await sell(clients["entity"], "free-again") == "new"

        # An account is closed there, with units in it.
        async with registry_hand(exchange.data_dir) as hand:
            await hand.close_account("R-entity")
        assert (await reconciled(operator))["breaks"] > 0
        (case,) = await open_breaks(operator)
        assert (case["kind"], case["account"]) == ("account_state_differs", "A-entity")
        assert await sell(clients["entity"], "closed") == "account_frozen"


@pytest.mark.timeout(240)
async def test_a_movement_deleted_there_is_found_also_after_a_restart(seeded: Path) -> None:
    async with running(seeded) as exchange, exchange.clients(*CLIENTS) as clients:
        operator = clients["operator"]
        # A day with deliveries is closed and clean; a movement of it is deleted, which both sides had compared already.
        await Round(name="first", clients=clients).ask()
        await nothing_under_way(operator)
        asked = Round(name="second", clients=clients)
        await day_is_over(operator, await asked.close_day())
        assert (await reconciled(operator))["breaks"] == 0
        async with registry_hand(exchange.data_dir) as hand:
            gone = await hand.last_request("deliver")
            await hand.delete_movement(gone)
        assert (await reconciled(operator))["breaks"] > 0
        cases = await open_breaks(operator)
        touched = {
            (case["registry_account"], case["instruction"]) for case in cases if case["registry_account"]
        }
        name = gone.split(".", 1)[1]
        assert touched == {("R-seller", name), ("R-buyer", name), ("R-buyer2", name)}
        assert {case["kind"] for case in cases} == {"movement_on_one_side"}
        assert any("no entries from" in case["detail"] for case in cases)
        assert await sell(clients["buyer"], "stopped") == "account_frozen"
        assert await sell(clients["entity"], "goes-on") == "new"

        # Settled by a name and a reason it is over, though the entry never comes back.
        await resolve(clients)
        clean = await reconciled(operator)
        assert (clean["breaks"], clean["open_breaks"]) == (0, 0)
        assert await sell(clients["buyer"], "free-again") == "new"

        # The newest movement, deleted before the exchange was killed, is found by the one that runs after it.
        await clients["seller"].do(
            "/v1/transfers-out", {"client_id": "leaves", "listing": LISTING, "quantity": "1"}
        )
        await transfers_ended(clients["seller"])
        async with registry_hand(exchange.data_dir) as hand:
            gone = await hand.last_request("transfer_out")
            await hand.delete_movement(gone)
        exchange.kill(Part.EXCHANGE)
        await exchange.ended()
        await exchange.start()
        assert (await reconciled(operator))["breaks"] > 0
        cases = [case for case in await open_breaks(operator) if case["registry_account"]]
        assert [(case["registry_account"], case["instruction"]) for case in cases] == [
            ("R-seller", gone.split(".", 1)[1])
        ]
        await resolve(clients)
        assert (await reconciled(operator))["open_breaks"] == 0, await open_breaks(operator)
