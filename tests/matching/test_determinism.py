"""The same commands give the same events and the same state, whatever the hash seed and whichever the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def digests(hash_seed: str, seed: int) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.matching.random_day", str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ran.stdout.split()


@pytest.mark.parametrize("seed", [1, 2])
def test_hash_seeds_change_nothing(seed: int) -> None:
    first = digests("0", seed)
    events, state, commands, told, refused = first
    assert events != state
    assert int(commands) > 600
    assert int(told) > int(refused) > 50
    assert digests("4711", seed) == first
    assert digests("random", seed) == first


def test_other_commands_give_other_events() -> None:
    assert digests("0", 1)[:2] != digests("0", 2)[:2]
