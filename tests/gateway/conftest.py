"""Databases of the gateway's tests have the exchange's schema in them."""

import pytest


@pytest.fixture
def database(exchange_database: str) -> str:
    """With the exchange's schema in it."""
    return exchange_database
