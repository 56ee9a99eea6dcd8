"""Databases of one server: making them, and naming them in a DSN."""

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import asyncpg

CONNECT_TIMEOUT_S = 30

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def with_database(dsn: str, name: str) -> str:
    """The same server and user, another database."""
    parts = urlsplit(dsn)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in ("database", "dbname")]
    # urlunsplit would drop the empty authority of postgresql:///name.
    rest = urlunsplit(("", "", f"/{name}", urlencode(query, safe="/", quote_via=quote), ""))
    return f"{parts.scheme}://{parts.netloc}{rest}"


async def ensure_database(dsn: str, name: str) -> str:
    """Create database `name` (UTF8) on the server `dsn` names, unless it exists.

    Returns:
        A DSN of that database.
    """
    _check_name(name)
    connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await _create(connection, name)
    finally:
        await connection.close()
    return with_database(dsn, name)


async def _create(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> None:
    try:
        await connection.execute(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        # Somebody else made it between the question and the creation, which is as good.
        return


def _check_name(name: str) -> None:
    # SQL takes no parameter for an identifier.
    assert _NAME.fullmatch(name), f"not a plain database name: {name!r}"
