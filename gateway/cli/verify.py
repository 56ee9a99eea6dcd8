"""Prove the journal: every row's digest follows from its content and the row before, every table made from it says
what it says, and what is settled adds up. Or prove a range of it, or decide all of it again.

Works beside a running exchange, through the socket of its private PostgreSQL, and starts that PostgreSQL for itself
when none runs.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from gateway.cli.command import DataDirOption, JsonOption, run_command
from gateway.cli.database import exchange_database
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output
from gateway.cli.progress import progress_bar
from gateway.cli.serve import DatabaseUrlOption
from gateway.cli.words import say
from gateway.config import default_data_dir

if TYPE_CHECKING:
    import asyncpg

    from gateway.engine.replaying import Replayed
    from gateway.engine.tables.ranges import RangeVerification
    from gateway.engine.tables.verification import Verification

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]

FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="ENTRY|DAY", help=say("自该序号或日期起", "from this entry or day on")),
]
ToOption = Annotated[
    str | None,
    typer.Option("--to", metavar="ENTRY|DAY", help=say("至该序号或日期止", "to this entry or day")),
]
ReplayOption = Annotated[
    bool,
    typer.Option(
        "--replay",
        help=say(
            "由首条起重新裁决每条指令, 并核对快照",
            "decide every command again from the first on, and check the snapshots by it",
        ),
    ),
]


def verify(
    *,
    since: FromOption = None,
    until: ToOption = None,
    replay: ReplayOption = False,
    data_dir: DataDirOption = None,
    database_url: DatabaseUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Walk the journal from its first entry, and all tables that came of it; ends with its number of entries and its last digest.

    A range proves numbers, times and digests of its entries, beginning with the digest before it.
    """
    output = Output(as_json=as_json)

    async def work() -> None:
        if since is None and until is None:
            await _verify_all(output, replay=replay, pool=pool)
        elif replay:
            raise CommandFault(say("--replay 总是由首条起", "--replay always begins with the first entry"))
        else:
            await _verify_range(output, since, until, pool)

    @asynccontextmanager
    async def pool() -> "AsyncIterator[Pool]":
        import asyncpg

        async with (
            exchange_database(data_dir or default_data_dir(), database_url) as dsn,
            asyncpg.create_pool(dsn, min_size=1, max_size=1, timeout=30) as made,
        ):
            yield made

    run_command(lambda: _told(work), as_json=as_json)


async def _told(work: Callable[[], Awaitable[None]]) -> None:
    """What is found broken ends the command in a sentence."""
    import asyncpg

    from gateway.engine.replaying import ReplayImpossibleError
    from gateway.engine.tables.derived_rows import JournalBrokenError
    from gateway.engine.tables.ranges import RangeEmptyError
    from gateway.engine.tables.whole import SettledDiffersError
    from gateway.postgres.errors import PostgresError

    try:
        await work()
    except (
        *(PostgresError, JournalBrokenError, RangeEmptyError, ReplayImpossibleError, SettledDiffersError),
        *(OSError, asyncpg.PostgresError),
    ) as fault:
        raise CommandFault(str(fault)) from None


async def _verify_all(output: Output, *, replay: bool, pool: Any) -> None:  # noqa: ANN401 - a context of a pool
    from gateway.engine.replaying import replay_journal
    from gateway.engine.tables.whole import verify_whole

    replayed = None
    with progress_bar(output) as bar:
        task = bar.add_task(say("核对", "verifying"), total=None)
        async with pool() as connections:
            found = await verify_whole(
                connections, lambda done, total: bar.update(task, completed=done, total=total)
            )
            if replay:
                again = bar.add_task(say("重新裁决", "deciding again"), total=None)
                replayed = await replay_journal(
                    connections, lambda done, total: bar.update(again, completed=done, total=total)
                )
    _tell_all(output, found, replayed)


def _tell_all(output: Output, found: "Verification", replayed: "Replayed | None") -> None:
    value: dict[str, Any] = {
        "entries": found.entries,
        "account_events": found.account_events,
        "digest": found.digest.hex(),
    }
    if replayed is not None:
        value |= {"replayed": replayed.entries, "snapshots": replayed.snapshots}
    if output.value(value):
        return
    output.line(
        say(
            f"日志完好: {found.entries} 条, {found.account_events} 条账户事件, 末条摘要 {found.digest.hex()}",
            f"the journal is whole: {found.entries} entries, {found.account_events} account events, "
            f"last digest {found.digest.hex()}",
        )
    )
    if replayed is not None:
        output.line(
            say(
                f"重新裁决结果一致: {replayed.entries} 条, 快照 {replayed.snapshots} 个属实",
                f"decided again, all as recorded: {replayed.entries} entries, {replayed.snapshots} snapshots are true",
            )
        )


async def _verify_range(output: Output, since: str | None, until: str | None, pool: Any) -> None:  # noqa: ANN401 - as above
    from gateway.engine.tables.ranges import parse_bound, verify_range

    try:
        first = None if since is None else parse_bound(since)
        last = None if until is None else parse_bound(until)
    except ValueError as fault:
        raise CommandFault(str(fault)) from None
    with progress_bar(output) as bar:
        task = bar.add_task(say("核对", "verifying"), total=None)
        async with pool() as connections:
            found = await verify_range(
                connections,
                first,
                last,
                lambda done, total: bar.update(task, completed=done, total=total),
            )
    _tell_range(output, found)


def _tell_range(output: Output, found: "RangeVerification") -> None:
    value = {
        "first": found.first,
        "last": found.last,
        "entries": found.entries,
        "anchor": found.anchor.hex(),
        "digest": found.digest.hex(),
    }
    if not output.value(value):
        output.line(
            say(
                f"第 {found.first} 至 {found.last} 条完好, 承接摘要 {found.anchor.hex()}, 末条摘要 {found.digest.hex()}",
                f"entries {found.first} to {found.last} are whole, after digest {found.anchor.hex()}, "
                f"last digest {found.digest.hex()}",
            )
        )
