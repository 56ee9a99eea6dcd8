"""Thousands of deliveries while the registry fails by chance and every part is killed: each is made exactly once.

Traders trade, days are closed, the registry fails in every way it can at any call, and in each round the exchange, its
database, the registry or the registry's database is killed in the middle of it. After each round and in the end all
that there is to compare is compared. PUHUI_SOAK_DELIVERIES says after how many deliveries `make soak` ends,
PUHUI_SOAK_SEED chooses another seed.
"""

import os
from pathlib import Path
from typing import Final

import pytest

from tests.system import checks
from tests.system.drill import people_of, reconciled
from tests.system.ordeal import Ordeal, ordeal
from tests.system.running import Part

SEED: Final = int(os.environ.get("PUHUI_SOAK_SEED", "20261124"))
DELIVERIES: Final = int(os.environ.get("PUHUI_SOAK_DELIVERIES", "10000"))
WHILE_S: Final = (3.0, 8.0)
SPREAD_FEN: Final = 4
"""So near to each other that many orders trade."""
VERIFY_EVERY: Final = 10
"""Rounds from one `puhui verify` to the next."""


def delivered(played: Ordeal) -> int:
    """Different trades whose delivery somebody was told of."""
    logs = played.logs.values()
    return len(
        {event["trade_id"] for log in logs for event in log.events if event["type"] == "delivery_settled"}
    )


async def compare_all(played: Ordeal) -> None:
    """Every delivery, every lot, every serial, every entry, on both sides."""
    await played.verify()
    found = await reconciled(played.clients["operator"])
    assert (found["breaks"], found["open_breaks"]) == (0, 0), found
    assert found["digest_here"] == found["digest_there"]
    await checks.registry_agrees(played.exchange, played.clients)
    async with people_of(played.exchange) as people:
        audit = await people.check()
        balances = await people.balances()
    assert audit.findings == ()
    for lot in balances:
        places = lot.management_tonnes + lot.trading_tonnes + lot.retired_tonnes + lot.withdrawn_tonnes
        assert places == lot.issued_tonnes, lot
    played.found["registry journal entries"] = audit.journal_entries
    played.found["lots"] = len(balances)


@pytest.mark.timeout(240)
async def test_deliveries_in_a_storm(seeded: Path) -> None:
    async with ordeal(seeded, SEED, stormy=True) as played:
        await played.play(Part.EXCHANGE, verify=False)
        await compare_all(played)
    assert played.found["promises kept"] > 0


@pytest.mark.soak
async def test_thousands_of_deliveries_in_a_storm(seeded: Path) -> None:
    async with ordeal(seeded, SEED, while_s=WHILE_S, spread_fen=SPREAD_FEN, stormy=True) as played:
        rounds = 0
        while delivered(played) < DELIVERIES:
            await played.play(played.chance.choice(list(Part)), verify=rounds % VERIFY_EVERY == 0)
            rounds += 1
            played.found["rounds"] = rounds
            print(f"{delivered(played)} of {DELIVERIES} deliveries", flush=True)  # noqa: T201 - shown in a soak
        await compare_all(played)
    assert played.found["deliveries"] >= DELIVERIES
