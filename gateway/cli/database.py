"""The exchange's database, for commands that work on it beside a running exchange, or while none runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.cli.faults import CommandFault
from gateway.cli.words import say
from gateway.config import EXCHANGE_DATABASE


@asynccontextmanager
async def exchange_database(data_dir: Path, database_url: str | None) -> AsyncIterator[str]:
    """Its DSN: the one given, or that of the private PostgreSQL, which is started when none runs.

    Raises CommandFault when there is none.
    """
    from gateway.postgres.database import shown_dsn, why_unreachable, with_database
    from gateway.postgres.embedded import EmbeddedPostgres, running_dsn
    from gateway.postgres.errors import AlreadyRunningError

    if database_url is not None:
        why = await why_unreachable(database_url)
        if why is not None:
            told = shown_dsn(database_url)
            raise CommandFault(
                say(f"数据库 {told} 不可用: {why}", f"the database {told} cannot be used: {why}")
            )
        yield database_url
        return
    directory = data_dir / "postgres"
    if not directory.exists():
        raise CommandFault(say(f"{data_dir} 中没有交易所", f"there is no exchange in {data_dir}"))
    server = EmbeddedPostgres(directory)
    try:
        await server.start()
    except AlreadyRunningError:
        yield with_database(running_dsn(directory), EXCHANGE_DATABASE)
        return
    try:
        yield with_database(server.dsn, EXCHANGE_DATABASE)
    finally:
        await server.stop()
