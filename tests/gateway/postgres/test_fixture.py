"""The shared fixtures give every test a database of its own."""

import asyncpg
import pytest


@pytest.mark.parametrize("attempt", [1, 2])
async def test_a_test_gets_an_empty_utf8_database(database: str, attempt: int) -> None:
    connection = await asyncpg.connect(database)
    try:
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        await connection.execute('CREATE TABLE lot (name text COLLATE "C" PRIMARY KEY)')
        await connection.execute("INSERT INTO lot VALUES ($1)", "碳普惠")
        assert await connection.fetchval("SELECT name FROM lot") == "碳普惠"
    finally:
        await connection.close()
