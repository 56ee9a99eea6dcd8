"""Taking a backup beside a running exchange: as of one entry, whatever is appended meanwhile.

One transaction reads which entry is the last, and lends its view of the database to pg_dump; so the backup holds
exactly the entries up to that one, with everything that came of them.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import tarfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final

import asyncpg

from gateway.backup.manifest import (
    DUMP,
    BackupFault,
    Manifest,
    Progress,
    StoredFile,
    describe,
    say_nothing,
)
from gateway.backup.programs import run_program
from gateway.config import DEMO_FILE, OPERATOR_FILE
from gateway.engine.tables.derived_rows import Reader
from matching.exchange import Exchange

DISTRIBUTION: Final = "puhui-exchange"
SEAL: Final = "seal.key"
BESIDE: Final = (SEAL, "keys", OPERATOR_FILE, DEMO_FILE)
"""What a restart needs beside the database; of these, what is there."""
TAR: Final = ".tar"
POLL_S: Final = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class _Moment:
    """What the database is at the moment the backup is of."""

    snapshot: str
    exchange_id: str
    seq: int
    at_ns: int
    digest: bytes
    schema_sha256: str
    postgres_major: int


async def back_up(dsn: str, data_dir: Path, target: Path, progress: Progress = say_nothing) -> Manifest:
    """Write a backup of the exchange to `target`: one file where it ends in .tar, else a directory.

    It appears under its name when it is whole and on disk, and not before. Raises BackupFault.
    """
    if not (data_dir / SEAL).exists():
        raise BackupFault(
            f"{data_dir} has no {SEAL}, without which no secret in the database can be read",
            f"{data_dir} 中没有 {SEAL}, 缺此则数据库中的密钥无法读出",
        )
    draft = make_draft(target, "backup")
    try:
        manifest = await _fill(draft, dsn, data_dir, progress)
        await asyncio.to_thread(_finish, draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def make_draft(target: Path, what: str) -> Path:
    """A directory beside the target, to be filled before it takes its name. Raises BackupFault."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupFault(
            f"{target} is there and not empty; a {what} replaces nothing",
            f"{target} 已存在且非空; 备份与恢复不覆盖任何文件",
        )
    draft = target.with_name(f".{target.name}.unfinished")
    if draft.exists():
        raise BackupFault(
            f"{draft} is left of a {what} that was interrupted; remove it",
            f"{draft} 是上次中断的备份或恢复所留; 请删除",
        )
    draft.mkdir(mode=0o700, parents=True)
    return draft


async def _fill(draft: Path, dsn: str, data_dir: Path, progress: Progress) -> Manifest:
    async with _moment(dsn) as moment:
        await _dump(dsn, draft / DUMP, moment.snapshot, progress)
    names = await asyncio.to_thread(_copy_beside, data_dir, draft)
    files: list[StoredFile] = [
        await asyncio.to_thread(describe, draft / name, name, progress) for name in (DUMP, *names)
    ]
    manifest = Manifest(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        release=installed_version(DISTRIBUTION),
        core_version=Exchange.VERSION,
        schema_sha256=moment.schema_sha256,
        postgres_major=moment.postgres_major,
        exchange_id=moment.exchange_id,
        seq=moment.seq,
        at_ns=moment.at_ns,
        digest=moment.digest.hex(),
        files=tuple(files),
    )
    manifest.write(draft)
    return manifest


@contextlib.asynccontextmanager
async def _moment(dsn: str) -> AsyncIterator[_Moment]:
    connection = await asyncpg.connect(dsn, timeout=30)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield await _read_moment(connection)
    finally:
        await connection.close()


async def _read_moment(connection: "asyncpg.Connection[asyncpg.Record]") -> _Moment:
    identity = await connection.fetchval("SELECT exchange_id FROM exchange_identity")
    head = await connection.fetchrow("SELECT seq, at_ns, digest FROM journal_head")
    release = await connection.fetchval(
        "SELECT core_version FROM core_release ORDER BY first_seq DESC LIMIT 1"
    )
    if identity is None or head is None or release is None:
        raise BackupFault("the database holds no exchange yet", "数据库中尚无交易所")
    if release != Exchange.VERSION:
        raise BackupFault(
            f"core {release} decides there, this release has {Exchange.VERSION}: use that release",
            f"数据库由核心 {release} 写成, 本程序为 {Exchange.VERSION}: 请用原版本",
        )
    return _Moment(
        snapshot=await connection.fetchval("SELECT pg_export_snapshot()"),
        exchange_id=identity,
        seq=head["seq"],
        at_ns=head["at_ns"],
        digest=head["digest"],
        schema_sha256=await schema_of(connection),
        postgres_major=connection.get_server_version().major,
    )


async def schema_of(connection: Reader) -> str:
    """One digest over all migrations applied."""
    rows = await connection.fetch("SELECT number, sha256 FROM schema_migration ORDER BY number")
    return schema_digest((row["number"], row["sha256"]) for row in rows)


def schema_digest(migrations: Iterable[tuple[int, str]]) -> str:
    """The same over numbers and digests."""
    return hashlib.sha256(
        "".join(f"{number}:{sha256};" for number, sha256 in migrations).encode()
    ).hexdigest()


async def _dump(dsn: str, path: Path, snapshot: str, progress: Progress) -> None:
    _make_private(path)
    arguments = ("--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={path}")
    dumping = asyncio.create_task(run_program("pg_dump", dsn, arguments))
    try:
        while not dumping.done():
            await asyncio.wait({dumping}, timeout=POLL_S)
            progress(DUMP, _size_of(path), None)
        await dumping
    finally:
        dumping.cancel()
        await asyncio.wait({dumping})


def _make_private(path: Path) -> None:
    path.touch(mode=0o600)


def _size_of(path: Path) -> int:
    return path.stat().st_size


def _copy_beside(data_dir: Path, draft: Path) -> list[str]:
    """Their names in the backup."""
    names = []
    for start in BESIDE:
        for path in sorted([data_dir / start, *(data_dir / start).rglob("*")]):
            if path.is_file():
                name = path.relative_to(data_dir)
                (draft / name).parent.mkdir(mode=0o700, exist_ok=True)
                shutil.copyfile(path, draft / name)
                (draft / name).chmod(0o600)
                names.append(str(name))
    return names


def _finish(draft: Path, target: Path) -> None:
    """On disk, then under its name."""
    if target.exists():
        target.rmdir()
    for path in draft.rglob("*"):
        _sync(path)
    if target.suffix != TAR:
        draft.rename(target)
    else:
        packed = draft / f"packed{TAR}"
        descriptor = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
            for path in sorted(draft.iterdir()):
                if path != packed:
                    archive.add(path, path.name)
        _sync(packed)
        packed.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
