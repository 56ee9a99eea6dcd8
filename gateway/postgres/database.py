"""Databases of one server: making them, and naming them in a DSN."""

import os
import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import asyncpg

CONNECT_TIMEOUT_S = 30
SCHEMES = ("postgres", "postgresql")

AWAY: Final = (
    TimeoutError,
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.SerializationError,
)
"""What is raised where a database is being restarted, replaced, or cannot take one more connection: it may be back."""

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def with_database(dsn: str, name: str) -> str:
    """The same server and user, another database."""
    parts = urlsplit(dsn)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in ("database", "dbname")]
    # urlunsplit would drop the empty authority of postgresql:///name.
    rest = urlunsplit(("", "", f"/{name}", urlencode(query, safe="/", quote_via=quote), ""))
    return f"{parts.scheme}://{parts.netloc}{rest}"


def shown_dsn(dsn: str) -> str:
    """A DSN as it may be told to somebody: user, host, port and database, and nothing else of it."""
    try:
        parts = urlsplit(dsn)
        given = dict(parse_qsl(parts.query))
        host = given.get("host") or parts.hostname or ""
        port = given.get("port") or parts.port
        user = given.get("user") or parts.username
        name = given.get("dbname") or given.get("database") or parts.path.strip("/")
    except ValueError:
        return "postgresql://…"
    if parts.scheme not in SCHEMES:
        return "(…)"
    who = "" if user is None else f"{user}@"
    if host.startswith("/"):
        return f"postgresql://{who}/{name}?host={host}"
    where = host if port is None else f"{host}:{port}"
    return f"postgresql://{who}{where}/{name}"


async def why_unreachable(dsn: str) -> str | None:
    """Why nobody can work in that database; none when one can. Never says the password."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    except TimeoutError:
        return f"no answer within {CONNECT_TIMEOUT_S} s"
    except (asyncpg.ClientConfigurationError, ValueError):
        return "this is no PostgreSQL URL"  # what it says may hold parts of a password that was not quoted
    except asyncpg.PostgresError as error:
        return str(error.args[0])
    except OSError as error:
        number = error.errno or 0
        return (
            os.strerror(number) if number > 0 else error.strerror or str(error)
        )  # a resolver's are below zero
    await connection.close()
    return None


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
