"""What tests of the running exchange share: a demonstration that was set up once and is copied for each of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.system.running import copy_of, remove, running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demonstration(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The data of a demonstration that was filled and stopped."""
    data_dir = tmp_path_factory.mktemp("demonstration") / "puhui"
    async with running(data_dir):
        pass
    yield data_dir
    remove(data_dir)


@pytest_asyncio.fixture
async def seeded(demonstration: Path, tmp_path: Path) -> AsyncIterator[Path]:
    """A copy of it, for one test to run and to break."""
    data_dir = copy_of(demonstration, tmp_path / "puhui")
    yield data_dir
    remove(data_dir)
