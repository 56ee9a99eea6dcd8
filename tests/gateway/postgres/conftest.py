"""Databases of these tests are empty."""

import pytest


@pytest.fixture
def database(empty_database: str) -> str:
    """An empty one."""
    return empty_database
