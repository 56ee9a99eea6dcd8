"""Putting a backup back: into an empty place only, checked before and after, and all or nothing.

A private database is made beside the data directory and takes its name when everything has been verified; a start
never finds half of one. A database of one's own has to be empty; its restore is one transaction.
"""

import asyncio
import re
import secrets
import shutil
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final

import asyncpg

from gateway.access.keys import KeyStore
from gateway.access.seal import load_seal
from gateway.backup.backing_up import DISTRIBUTION, SEAL, make_draft, schema_digest, schema_of
from gateway.backup.manifest import DUMP, BackupFault, Manifest, Progress, check_files, say_nothing
from gateway.backup.programs import run_program
from gateway.config import EXCHANGE_DATABASE
from gateway.engine.tables.whole import verify_whole
from gateway.postgres.database import ensure_database
from gateway.postgres.embedded import EmbeddedPostgres
from gateway.postgres.migrations import read_folder
from matching.exchange import Exchange

CONNECT_TIMEOUT_S: Final = 30


async def restore(
    backup: Path, data_dir: Path, database_url: str | None = None, progress: Progress = say_nothing
) -> Manifest:
    """Make of a backup an exchange that can be started.

    Raises BackupFault when the place is not empty, the backup is damaged or of another version, or what came out is
    not what went in; JournalBrokenError and SettledDiffersError when what went in was not whole.
    """
    draft = make_draft(data_dir, "restore")
    try:
        source = await asyncio.to_thread(_opened, backup, draft)
        manifest = Manifest.read(source)
        _require_this_release(manifest)
        await asyncio.to_thread(check_files, source, manifest, progress)
        _put_beside(source, draft, manifest)
        async with _empty_database(draft, database_url) as dsn:
            await _load(dsn, source / DUMP, manifest, progress)
            await _require_the_same(dsn, draft, manifest, progress)
        _take_place(draft, data_dir)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def _unpack(archive: tarfile.TarFile, place: Path) -> None:
    """Plain files below that place; whatever else is in it, or names another place, is no backup's.

    Written out, since the library's own filters are not in every Python 3.11.
    """
    for member in archive:
        target = place / member.name
        if member.isdir():
            continue
        inside = target.resolve().is_relative_to(place.resolve())
        if not member.isreg() or not inside or target.exists():
            raise BackupFault(
                f"{member.name} in {archive.name!s} is no file of a backup",
                f"{archive.name!s} 中的 {member.name} 不是备份的文件",
            )
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        source = archive.extractfile(member)
        assert source is not None, f"{member.name} is a plain file"
        with source, target.open("xb") as copy:
            target.chmod(0o600)
            shutil.copyfileobj(source, copy)


def _opened(backup: Path, draft: Path) -> Path:
    """The backup as a directory."""
    if backup.is_dir():
        return backup
    place = draft / "opened"
    try:
        with tarfile.open(backup, mode="r:") as archive:
            _unpack(archive, place)
    except FileNotFoundError:
        raise BackupFault(f"there is no {backup}", f"没有 {backup}") from None
    except (tarfile.TarError, EOFError) as fault:
        raise BackupFault(
            f"{backup} is damaged or cut short: {fault}", f"{backup} 已损坏或不完整: {fault}"
        ) from None
    return place


def _require_this_release(manifest: Manifest) -> None:
    known = schema_digest(
        (one.number, one.sha256) for one in read_folder(resources.files("gateway.postgres") / "schema")
    )
    ours = (installed_version(DISTRIBUTION), Exchange.VERSION, known)
    if (manifest.release, manifest.core_version, manifest.schema_sha256) != ours:
        raise BackupFault(
            f"the backup was made by release {manifest.release} with core {manifest.core_version}, this is"
            f" {ours[0]} with core {ours[1]}, or their schemas differ: restore it with the release that made it",
            f"备份由版本 {manifest.release} (核心 {manifest.core_version}) 制作, 本程序为 {ours[0]} (核心 {ours[1]}),"
            " 或数据库结构不同: 请用制作备份的版本恢复",
        )


def _put_beside(source: Path, draft: Path, manifest: Manifest) -> None:
    for file in manifest.files:
        if file.name != DUMP:
            (draft / file.name).parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(source / file.name, draft / file.name)
            (draft / file.name).chmod(0o600)


@asynccontextmanager
async def _empty_database(draft: Path, database_url: str | None) -> AsyncIterator[str]:
    if database_url is not None:
        yield database_url
        return
    async with EmbeddedPostgres(draft / "postgres") as server:
        yield await ensure_database(server.dsn, EXCHANGE_DATABASE)


def roles() -> frozenset[str]:
    """Those that the schema makes: they belong to the server, and are in no dump of a database."""
    schema = read_folder(resources.files("gateway.postgres") / "schema")
    return frozenset(name for one in schema for name in _CREATED.findall(one.sql))


_CREATED: Final = re.compile(r"^ *CREATE ROLE ([a-z_]+) NOLOGIN;", re.MULTILINE)


async def _load(dsn: str, dump: Path, manifest: Manifest, progress: Progress) -> None:
    connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    try:
        if await connection.fetchval(_RELATIONS):
            raise BackupFault(
                "the database is not empty; a restore replaces nothing", "数据库非空; 恢复不覆盖任何数据"
            )
        major = connection.get_server_version().major
        if major < manifest.postgres_major:
            raise BackupFault(
                f"the backup is of PostgreSQL {manifest.postgres_major}, this one is {major}",
                f"备份来自 PostgreSQL {manifest.postgres_major}, 此处为 {major}",
            )
        for role in sorted(roles()):
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f"CREATE ROLE {role} NOLOGIN")
    finally:
        await connection.close()
    progress("pg_restore", 0, None)
    await run_program("pg_restore", dsn, ("--no-owner", "--single-transaction", "--exit-on-error", str(dump)))


async def _require_the_same(dsn: str, draft: Path, manifest: Manifest, progress: Progress) -> None:
    """All that is in it is whole, and ends where the manifest says; and the seal opens its secrets."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2, timeout=CONNECT_TIMEOUT_S) as pool:
        found = await verify_whole(pool, lambda done, total: progress("verify", done, total))
        async with pool.acquire() as connection:
            identity = await connection.fetchval("SELECT exchange_id FROM exchange_identity")
            schema = await schema_of(connection)
        restored = (found.entries, found.digest.hex(), identity, schema)
        if restored != (manifest.seq, manifest.digest, manifest.exchange_id, manifest.schema_sha256):
            raise BackupFault(
                f"what was restored ends with entry {found.entries} of exchange {identity}, the backup says"
                f" {manifest.seq} of {manifest.exchange_id}",
                f"恢复所得止于交易所 {identity} 第 {found.entries} 条, 备份清单为 {manifest.exchange_id} 第 {manifest.seq} 条",
            )
        await KeyStore.load(pool, load_seal(draft / SEAL))
        # Last of all: from here on numbers are given a second time.
        await pool.execute(_BEGIN_LIFE, manifest.seq + 1, secrets.token_hex(4))


def _take_place(draft: Path, data_dir: Path) -> None:
    shutil.rmtree(draft / "opened", ignore_errors=True)
    if data_dir.exists():
        data_dir.rmdir()
    draft.rename(data_dir)


_BEGIN_LIFE: Final = "INSERT INTO exchange_life (first_seq, mark) VALUES ($1, $2)"
_RELATIONS: Final = """
SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
"""
