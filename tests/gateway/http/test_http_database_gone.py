"""While the database is being lost, nobody is told of a fault of the exchange."""

import asyncpg
import pytest

from tests.gateway.http.desk import Desk


@pytest.mark.parametrize(
    "fault",
    [
        asyncpg.InternalClientError("got result for unknown protocol state"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        ConnectionRefusedError("nobody there"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.DiskFullError("could not extend file: No space left on device"),
        TimeoutError(),
    ],
)
async def test_a_repeated_order_is_not_ready_while_the_database_goes(
    exchange: Desk, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    first = await exchange["buyer"].order("b1", price="61.20")
    assert first.status_code == 201

    async def gone(_: int) -> None:
        raise fault

    monkeypatch.setattr(exchange.engine.journal, "entry", gone)
    answer = await exchange["buyer"].order("b1", price="61.20")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["state"]) == (503, "not_ready", "unknown")
    assert (problem["retryable"], answer.headers["Retry-After"]) == (True, "5")
