"""Prove the journal: every row's digest follows from its content and the row before, every table made from it says
what it says, and what is settled adds up.

Works beside a running exchange, through the socket of its private PostgreSQL, and starts that PostgreSQL for itself
when none runs.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from gateway.cli.command import DataDirOption, JsonOption, run_command
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output
from gateway.cli.serve import DatabaseUrlOption
from gateway.cli.words import say
from gateway.config import EXCHANGE_DATABASE, default_data_dir

if TYPE_CHECKING:
    from gateway.engine.verification import Verification


def verify(
    *, data_dir: DataDirOption = None, database_url: DatabaseUrlOption = None, as_json: JsonOption = False
) -> None:
    """Walk the journal from its first entry, and all tables that came of it; ends with its number of entries and its last digest."""

    async def work() -> None:
        import asyncpg

        from gateway.engine.verification import JournalBrokenError
        from gateway.postgres.errors import PostgresError

        output = Output(as_json=as_json)
        async with AsyncExitStack() as stack:
            try:
                dsn = await stack.enter_async_context(_database(data_dir or default_data_dir(), database_url))
                found = await _walk(dsn, output)
            except (PostgresError, JournalBrokenError, OSError, asyncpg.PostgresError) as fault:
                raise CommandFault(str(fault)) from None
        if not output.value(_as_json(found)):
            output.line(
                say(
                    f"日志完好: {found.entries} 条, {found.account_events} 条账户事件, 末条摘要 {found.digest.hex()}",
                    f"the journal is whole: {found.entries} entries, {found.account_events} account events, "
                    f"last digest {found.digest.hex()}",
                )
            )

    run_command(work, as_json=as_json)


@asynccontextmanager
async def _database(data_dir: Path, database_url: str | None) -> AsyncIterator[str]:
    if database_url is not None:
        yield database_url
        return
    from gateway.postgres.database import with_database
    from gateway.postgres.embedded import EmbeddedPostgres, running_dsn
    from gateway.postgres.errors import AlreadyRunningError

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


async def _walk(dsn: str, output: Output) -> "Verification":
    import asyncpg

    from gateway.engine.bank_statements import BANK_STATEMENTS
    from gateway.engine.bulletins import BULLETINS
    from gateway.engine.candles import CheckedCandles
    from gateway.engine.custody_rows import CustodyHistoryRows
    from gateway.engine.derived_rows import HistoryRows
    from gateway.engine.settlement_postings import settlement_check
    from gateway.engine.settlement_rows import SettledRows
    from gateway.engine.use_verification import UseTables
    from gateway.engine.verification import verify_journal
    from gateway.engine.withdrawals import WITHDRAWALS

    with Progress(console=Console(stderr=True), disable=output.as_json) as progress:
        task = progress.add_task(say("核对", "verifying"), total=None)
        async with asyncpg.create_pool(dsn, min_size=1, max_size=1, timeout=30) as pool:
            found = await verify_journal(
                pool,
                lambda done, total: progress.update(task, completed=done, total=total),
                (
                    HistoryRows,
                    WITHDRAWALS.checked,
                    BANK_STATEMENTS.checked,
                    BULLETINS.checked,
                    CheckedCandles,
                    CustodyHistoryRows,
                    SettledRows,
                    UseTables,
                ),
            )
            progress.update(task, description=say("核对交收账", "checking what is settled"))
            async with pool.acquire() as connection:
                differences = await settlement_check(connection)
    if differences:
        raise CommandFault(
            say(
                f"交收账与其历史不符, {len(differences)} 处: {differences[0]}",
                f"what is settled differs from its history in {len(differences)} places: {differences[0]}",
            )
        )
    return found


def _as_json(found: "Verification") -> dict[str, Any]:
    return {
        "entries": found.entries,
        "account_events": found.account_events,
        "digest": found.digest.hex(),
    }
