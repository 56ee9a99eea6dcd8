"""Taking a backup of the exchange while it runs, and putting one back into an empty place."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.command import DataDirOption, JsonOption, run_command
from gateway.cli.database import exchange_database
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output
from gateway.cli.progress import Stages, progress_bar
from gateway.cli.serve import DatabaseUrlOption
from gateway.cli.words import say
from gateway.config import default_data_dir
from gateway.formats import time_text

if TYPE_CHECKING:
    from gateway.backup.manifest import Manifest, Progress

TargetArgument = Annotated[
    Path,
    typer.Argument(
        help=say("新目录, 或以 .tar 结尾的新文件", "a new directory, or a new file ending in .tar")
    ),
]
BackupArgument = Annotated[
    Path, typer.Argument(help=say("备份目录或 .tar 文件", "a backup: directory or .tar file"))
]


def backup(
    target: TargetArgument,
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the database as of its last entry, the sealing key and the exchange's key pairs. Keep it as secret as the data directory."""
    output = Output(as_json=as_json)

    async def work(progress: "Progress") -> "Manifest":
        from gateway.backup.backing_up import back_up

        place = (data_dir or default_data_dir()).absolute()
        async with exchange_database(place, database_url) as dsn:
            return await back_up(dsn, place, target.absolute(), progress)

    def told(made: "Manifest") -> str:
        return say(
            f"备份完成: {target}, 截至第 {made.seq} 条 ({time_text(made.at_ns)})",
            f"backed up to {target}, up to entry {made.seq} ({time_text(made.at_ns)})",
        )

    run_command(lambda: _work(work, output, told), as_json=as_json)


def restore(
    source: BackupArgument,
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an exchange of a backup, in a data directory that is empty or not there yet, and verify all of it."""
    output = Output(as_json=as_json)

    async def work(progress: "Progress") -> "Manifest":
        from gateway.backup.restoring import restore as put_back

        place = (data_dir or default_data_dir()).absolute()
        return await put_back(source.absolute(), place, database_url, progress)

    def told(made: "Manifest") -> str:
        at = time_text(made.at_ns)
        return say(
            f"已恢复并核对至第 {made.seq} 条 ({at}); 此后确认的一切均已丢失, 请先与登记平台及结算银行核对",
            f"restored and verified up to entry {made.seq} ({at}); whatever was acknowledged after that is lost: "
            "compare with the registry and the bank before the next day opens",
        )

    run_command(lambda: _work(work, output, told), as_json=as_json)


async def _work(
    work: "Callable[[Progress], Awaitable[Manifest]]", output: Output, told: "Callable[[Manifest], str]"
) -> None:
    """Do it under a bar, and tell what came of it."""
    import asyncpg

    from gateway.access.seal import SealFault
    from gateway.backup.manifest import BackupFault
    from gateway.engine.tables.derived_rows import JournalBrokenError
    from gateway.engine.tables.whole import SettledDiffersError
    from gateway.postgres.errors import PostgresError

    try:
        with progress_bar(output) as bar:
            made = await work(Stages(bar))
    except BackupFault as fault:
        raise CommandFault(say(fault.zh, str(fault))) from None
    except (
        *(JournalBrokenError, PostgresError, SealFault, SettledDiffersError),
        *(OSError, asyncpg.PostgresError),
    ) as fault:
        raise CommandFault(str(fault)) from None
    if not output.value(
        {"entry": made.seq, "time": time_text(made.at_ns), "digest": made.digest, "made_at": made.made_at}
    ):
        output.line(told(made))
