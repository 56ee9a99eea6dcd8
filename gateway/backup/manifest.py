"""What a backup says of itself: which exchange, by which release, up to which entry, and every file's digest.

<backup>/
    manifest.json   this
    database.dump   the database, as pg_dump's custom format has it
    seal.key        opens the secrets in the database
    keys/…          the exchange's key pairs for the registry line
    operator.json   or demo.json, where there is one
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import orjson

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DUMP: Final = "database.dump"
CHUNK: Final = 1 << 20

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how far it is, and how far it goes where that is known; bytes or entries."""


def say_nothing(what: str, done: int, total: int | None) -> None:
    """Take a progress report and drop it."""


class BackupFault(Exception):  # noqa: N818 - it states a fact
    """A backup cannot be made, or is not one that can be put back. Meant for the operator; `zh` says so in Chinese."""

    def __init__(self, en: str, zh: str) -> None:
        """In both languages."""
        super().__init__(en)
        self.zh = zh


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """One file of a backup."""

    name: str
    """Its path in the backup, and in the data directory where it comes from there."""
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """All a backup says of itself."""

    made_at: str
    release: str
    """Of this program."""
    core_version: str
    schema_sha256: str
    """Over numbers and digests of all migrations applied."""
    postgres_major: int
    exchange_id: str
    seq: int
    """Of the last entry in it."""
    at_ns: int
    digest: str
    """Of that entry."""
    files: tuple[StoredFile, ...]
    format: int = FORMAT

    def write(self, backup: Path) -> None:
        """Into the backup's directory, readable by its owner only."""
        content: dict[str, Any] = asdict(self)
        content["sha256"] = _digest_of(content)
        (backup / MANIFEST).write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
        (backup / MANIFEST).chmod(0o600)

    @classmethod
    def read(cls, backup: Path) -> Self:
        """Raises BackupFault when it is missing, damaged, or of a form this release does not know."""
        try:
            content = orjson.loads((backup / MANIFEST).read_bytes())
        except FileNotFoundError:
            raise BackupFault(
                f"{backup} is no backup: it has no {MANIFEST}", f"{backup} 不是备份: 其中没有 {MANIFEST}"
            ) from None
        except orjson.JSONDecodeError:
            raise _damaged(backup / MANIFEST) from None
        if not isinstance(content, dict) or content.pop("sha256", None) != _digest_of(content):
            raise _damaged(backup / MANIFEST)
        if content.get("format") != FORMAT:
            raise BackupFault(
                f"the backup is of format {content.get('format')}, this release knows {FORMAT}",
                f"备份格式为 {content.get('format')}, 本程序只认 {FORMAT}",
            )
        files = tuple(StoredFile(**file) for file in content.pop("files"))
        return cls(**content, files=files)


def _damaged(file: Path) -> BackupFault:
    return BackupFault(f"{file} is damaged", f"{file} 已损坏")


def _digest_of(content: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def describe(path: Path, name: str, progress: Progress = say_nothing) -> StoredFile:
    """A file with its size and digest, read a piece at a time."""
    total, digest, done = path.stat().st_size, hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
            done += len(piece)
            progress(name, done, total)
    return StoredFile(name=name, size_bytes=done, sha256=digest.hexdigest())


def check_files(backup: Path, manifest: Manifest, progress: Progress = say_nothing) -> None:
    """Every file is there, whole, and no other is. Raises BackupFault, naming the first that is not so."""
    names = {file.name for file in manifest.files}
    found = {str(path.relative_to(backup)) for path in backup.rglob("*") if not path.is_dir()}
    for name in sorted((names | {MANIFEST}) ^ found):
        raise (
            BackupFault(f"{name} is missing", f"缺少 {name}")
            if name in names
            else BackupFault(f"{name} is not part of the backup", f"{name} 不属于该备份")
        )
    for file in manifest.files:
        path = backup / file.name
        if path.is_symlink() or path.stat().st_size != file.size_bytes:
            raise BackupFault(
                f"{file.name} is cut short, or not the file that was written", f"{file.name} 不完整或已被替换"
            )
        if describe(path, file.name, progress) != file:
            raise BackupFault(
                f"{file.name} is damaged: its digest is not the one written down",
                f"{file.name} 已损坏: 摘要与清单不符",
            )
