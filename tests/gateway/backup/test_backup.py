"""A backup is of one moment, tells when it is damaged, and comes back as what it was, or not at all."""

import asyncio
import io
import json
import stat
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.access.keys import Algorithm, KeyStore, NewKey, Scope
from gateway.access.seal import SealFault, load_seal
from gateway.backup.backing_up import SEAL, back_up
from gateway.backup.manifest import DUMP, MANIFEST, BackupFault, Manifest, describe
from gateway.backup.programs import without_password
from gateway.backup.restoring import restore, roles
from gateway.engine.tables.derived_rows import JournalBrokenError
from gateway.engine.tables.settlement_postings import SettlementPostings
from gateway.postgres.database import ensure_database
from matching.order import Side
from tests.gateway.engine.world import Engine, engine, order


@asynccontextmanager
async def an_exchange(database: str, data_dir: Path) -> AsyncIterator[Engine]:
    """One that runs, with what lies beside its database."""
    (data_dir / "keys").mkdir(parents=True)
    (data_dir / "keys" / "exchange.pem").write_text("a key pair")
    async with engine(database, projections=[SettlementPostings()]) as running:
        await running.set_up()
        keys = await KeyStore.load(running.pool, load_seal(data_dir / SEAL))
        await keys.issue(
            NewKey(
                participant="buyer-person",
                account="buyer",
                algorithm=Algorithm.HMAC_SHA256,
                scopes=frozenset({Scope.READ}),
                label="",
                created_by="olga",
            ),
            at_ns=1,
        )
        yield running


async def another_database(database: str, name: str) -> str:
    """On the same server, empty; named after the first, and left to the fixture's server to end with."""
    return await ensure_database(database, f"{name_of(database)}_{name}")


def left_over(place: Path) -> list[Path]:
    return list(place.glob(".*"))


def name_of(database: str) -> str:
    return urlsplit(database).path.removeprefix("/")


async def dropped(database: str, other: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(f'DROP DATABASE "{name_of(other)}" WITH (FORCE)')
    await connection.close()


async def test_every_role_that_anything_is_granted_to_is_made_before_a_restore(database: str) -> None:
    """A new server has none of them, and that of the tests has them all."""
    connection = await asyncpg.connect(database)
    granted = await connection.fetch(
        "SELECT DISTINCT grantee FROM information_schema.role_table_grants WHERE starts_with(grantee, 'puhui_')"
    )
    await connection.close()
    assert {row["grantee"] for row in granted} == roles()


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
async def test_it_comes_back_as_of_one_moment_and_goes_on(database: str, tmp_path: Path, name: str) -> None:
    data_dir, target = tmp_path / "data", tmp_path / name
    async with an_exchange(database, data_dir) as running:
        enough = asyncio.Event()

        async def trade() -> None:
            while not enough.is_set():
                await running.do(order("seller", Side.SELL, 6_800, 1), order("buyer", Side.BUY, 6_800, 1))
                await asyncio.sleep(0.01)  # a database has more to do than this

        trading = asyncio.create_task(trade())
        before = running.journal.position
        made = await back_up(database, data_dir, target)
        after = running.journal.position
        enough.set()
        await trading
        assert before <= made.seq < after, "trading went on meanwhile"
        digest = await running.pool.fetchval("SELECT digest FROM journal WHERE seq = $1", made.seq)
        assert made.digest == digest.hex()
    for path in [target, *target.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    restored = await another_database(database, "restored")
    try:
        assert await restore(target, tmp_path / "back", restored) == made
        assert (tmp_path / "back" / SEAL).read_bytes() == (data_dir / SEAL).read_bytes()
        assert (tmp_path / "back" / "keys" / "exchange.pem").read_text() == "a key pair"
        async with engine(restored, projections=[SettlementPostings()]) as running:
            assert running.journal.position == made.seq
            (entry,) = await running.do(order("buyer", Side.BUY, 6_799, 1))
            assert entry.seq == made.seq + 1
            assert (await running.journal.verify()).entries == entry.seq
            with pytest.raises(asyncpg.RestrictViolationError):
                await running.pool.execute("DELETE FROM journal_2026_11")
    finally:
        await dropped(database, restored)
    assert left_over(tmp_path) == []


async def test_a_damaged_backup_is_refused_before_anything_is_made(database: str, tmp_path: Path) -> None:
    data_dir, target, back = tmp_path / "data", tmp_path / "copy", tmp_path / "back"
    async with an_exchange(database, data_dir):
        manifest = await back_up(database, data_dir, target)
        packed = tmp_path / "copy.tar"
        await back_up(database, data_dir, packed)

    async def refused(match: str, backup: Path = target) -> None:
        with pytest.raises(BackupFault, match=match):
            await restore(backup, back)
        assert not back.exists()

    for file in (*manifest.files, describe(target / MANIFEST, MANIFEST)):
        path = target / file.name
        whole = path.read_bytes()
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        await refused("damaged")
        path.write_bytes(whole[:middle])
        await refused("cut short|damaged")
        path.unlink()
        await refused("is missing|is no backup")
        path.write_bytes(whole)
    (target / "more").write_text("x")
    await refused("more is not part of the backup")
    (target / "more").unlink()
    whole = packed.read_bytes()
    for length in (0, 100, 512, 5_000, len(whole) // 2, len(whole) - 11_000):
        packed.write_bytes(whole[:length])
        await refused("damaged|cut short|missing|is no backup", packed)
    await refused("there is no", tmp_path / "nowhere")
    replace(manifest, release="0.0.1").write(target)
    await refused(r"made by release 0\.0\.1")
    replace(manifest, core_version="other").write(target)
    await refused("with core other")
    content = json.loads((target / MANIFEST).read_bytes())
    content["seq"] += 1
    (target / MANIFEST).write_text(json.dumps(content))
    await refused("damaged")


@pytest.mark.parametrize("name", ["../out", "/out", "link"])
async def test_an_archive_of_anything_but_files_below_it_is_refused(tmp_path: Path, name: str) -> None:
    packed = tmp_path / "hostile.tar"
    member = tarfile.TarInfo(name)
    if name == "link":
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(packed, "w") as archive:
        archive.addfile(member, io.BytesIO())
    with pytest.raises(BackupFault, match="no file of a backup"):
        await restore(packed, tmp_path / "back")
    assert not (tmp_path / "back").exists()


async def test_nothing_is_replaced(database: str, tmp_path: Path) -> None:
    data_dir, target = tmp_path / "data", tmp_path / "copy"
    async with an_exchange(database, data_dir):
        await back_up(database, data_dir, target)
        with pytest.raises(BackupFault, match="a backup replaces nothing"):
            await back_up(database, data_dir, target)
        with pytest.raises(BackupFault, match="a restore replaces nothing") as fault:
            await restore(target, data_dir)
        assert "不覆盖任何文件" in fault.value.zh
        with pytest.raises(BackupFault, match="database is not empty"):
            await restore(target, tmp_path / "back", database)
        with pytest.raises(BackupFault, match=r"has no seal\.key"):
            await back_up(database, tmp_path / "elsewhere", tmp_path / "second")
        (tmp_path / ".second.unfinished").mkdir()
        with pytest.raises(BackupFault, match="interrupted; remove it"):
            await back_up(database, data_dir, tmp_path / "second")
        assert (await another_position(database)) > 0


async def another_position(database: str) -> int:
    connection = await asyncpg.connect(database)
    position: int = await connection.fetchval("SELECT seq FROM journal_head")
    await connection.close()
    return position


async def test_what_comes_out_must_be_what_went_in(database: str, tmp_path: Path) -> None:
    data_dir, target = tmp_path / "data", tmp_path / "copy"
    async with an_exchange(database, data_dir):
        made = await back_up(database, data_dir, target)
    other = await another_database(database, "other")
    try:
        replace(made, seq=made.seq - 1).write(target)
        with pytest.raises(BackupFault, match=f"ends with entry {made.seq} of exchange"):
            await restore(target, tmp_path / "back", other)
        await dropped(database, other)
        other = await another_database(database, "other")
        seal = target / SEAL
        seal.unlink()
        load_seal(seal)
        files = tuple(describe(target / file.name, file.name) for file in made.files)
        replace(made, files=files).write(target)
        with pytest.raises(SealFault):
            await restore(target, tmp_path / "back", other)
    finally:
        await dropped(database, other)
    assert not (tmp_path / "back").exists()


async def test_a_journal_altered_before_its_backup_is_not_restored(database: str, tmp_path: Path) -> None:
    data_dir, target = tmp_path / "data", tmp_path / "copy.tar"
    async with an_exchange(database, data_dir) as running:
        await running.pool.execute("ALTER TABLE journal DISABLE TRIGGER ALL")
        await running.pool.execute("UPDATE journal SET command = command || ' ' WHERE seq = 5")
        await back_up(database, data_dir, target)
    other = await another_database(database, "other")
    try:
        with pytest.raises(JournalBrokenError, match="entry 5"):
            await restore(target, tmp_path / "back", other)
    finally:
        await dropped(database, other)
    assert not (tmp_path / "back").exists()


async def test_a_manifest_names_all_that_is_beside_the_database(database: str, tmp_path: Path) -> None:
    data_dir, target = tmp_path / "data", tmp_path / "copy"
    async with an_exchange(database, data_dir):
        made = await back_up(database, data_dir, target)
    assert [file.name for file in made.files] == [DUMP, SEAL, "keys/exchange.pem"]
    assert Manifest.read(target) == made


@pytest.mark.parametrize(
    ("dsn", "address", "environment"),
    [
        ("postgresql://a@/db?host=/tmp/x", "postgresql://a@/db?host=/tmp/x", {}),
        ("postgresql://a:s%40t@h:5/db", "postgresql://a@h:5/db", {"PGPASSWORD": "s@t"}),
        ("postgresql:///db?user=a&password=p", "postgresql:///db?user=a", {"PGPASSWORD": "p"}),
    ],
)
def test_no_password_is_on_a_command_line(dsn: str, address: str, environment: dict[str, str]) -> None:
    assert without_password(dsn) == (address, environment)
