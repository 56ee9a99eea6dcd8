"""Kill any part of a running exchange at any moment, under load, with days being closed: nothing promised is lost.

PUHUI_KILL_SEED chooses another seed, PUHUI_KILL_ROUNDS how many rounds `make soak` plays.
"""

import os
from pathlib import Path
from typing import Final

import pytest

from tests.system.ordeal import ordeal
from tests.system.running import Part

SEED: Final = int(os.environ.get("PUHUI_KILL_SEED", "20261123"))
SOAK_ROUNDS: Final = int(os.environ.get("PUHUI_KILL_ROUNDS", "200"))
"""Of all parts together, in a soak."""
VERIFY_EVERY: Final = 10
"""Rounds of a soak from one `puhui verify` to the next."""


@pytest.mark.timeout(300)
async def test_no_part_can_be_killed_at_a_bad_moment(seeded: Path, tmp_path: Path) -> None:
    async with ordeal(seeded, SEED) as played:
        parts = list(Part)
        played.chance.shuffle(parts)
        for part in parts:
            await played.play(part, verify=part is parts[-1])
    found = played.found
    assert found["promises kept"] > 50
    assert found["days closed"] > 0
    assert found["deliveries"] > 0
    assert found["requests without an answer"] > 0, "no kill met a request on its way"


@pytest.mark.soak
async def test_no_part_can_be_killed_at_a_bad_moment_for_long(seeded: Path) -> None:
    async with ordeal(seeded, SEED) as played:
        for number in range(SOAK_ROUNDS):
            await played.play(played.chance.choice(list(Part)), verify=number % VERIFY_EVERY == 0)
        await played.verify()
