"""`pytest tests/simulation --seed N [--commands M]` lives that one life again instead of the usual ones."""

import pytest

SEEDS = (7, 4, 3, 1, 9, 13, 8, 12)
"""Together they met all there is to meet when they were chosen."""
COMMANDS = 4_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="live this one simulated life")
    parser.addoption("--commands", type=int, default=COMMANDS, help="how many commands it lasts")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    # Where pytest was started elsewhere, this file is read too late for its options to be known.
    seed = metafunc.config.getoption("--seed", default=None)
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS if seed is None else [seed])
    if "commands" in metafunc.fixturenames:
        metafunc.parametrize("commands", [metafunc.config.getoption("--commands", default=COMMANDS)])
