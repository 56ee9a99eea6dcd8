"""A process that owns a database, for tests that kill it. Talks JSON lines; ends when its input does.

    python -m tests.gateway.postgres.owner <data directory> [--uvloop]

Says `{"pid": …, "dsn": …}` once the server is ready, or `{"error": …}`; then answers each SQL line with
`{"rows": …}`. Ignores SIGINT, so that only the server could fall to a Ctrl-C.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from gateway.postgres.embedded import EmbeddedPostgres
from gateway.postgres.errors import PostgresError


def say(**message: Any) -> None:
    print(json.dumps(message), flush=True)  # noqa: T201


async def own(data_directory: Path) -> None:
    try:
        async with EmbeddedPostgres(data_directory) as server:
            connection = await asyncpg.connect(server.dsn)
            say(pid=server.pid, dsn=server.dsn)
            while line := await asyncio.to_thread(sys.stdin.readline):
                say(rows=[list(row) for row in await connection.fetch(line)])
            await connection.close()
    except PostgresError as error:
        say(error=str(error), kind=type(error).__name__)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    data_directory = Path(sys.argv[1])
    if "--uvloop" in sys.argv:
        uvloop.run(own(data_directory))
    else:
        asyncio.run(own(data_directory))


if __name__ == "__main__":
    main()
