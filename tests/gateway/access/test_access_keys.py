"""Keys outlive the process, their secrets do not leave it, and revoked is revoked."""

import base64
import errno
import stat
from pathlib import Path

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.access.authenticate import Authenticator
from gateway.access.key_ends import KeyExpired, KeyRevoked
from gateway.access.keys import AccessKey, Algorithm, IssuedKey, KeyFault, KeyStore, NewKey, Scope
from gateway.access.seal import Seal, SealFault, load_seal
from registry_bridge.signing import (
    Ed25519Signer,
    HmacKey,
    NotAuthentic,
    SignatureFault,
    Signer,
    signed_headers,
)

SEAL = Seal(b"s" * 32)
NOW_MS = 1_795_399_200_000


def new_key(**given: object) -> NewKey:
    plain: dict[str, object] = {
        "participant": "buyer-person",
        "account": "buyer",
        "algorithm": Algorithm.HMAC_SHA256,
        "scopes": frozenset({Scope.READ, Scope.TRADE}),
        "label": "desk",
        "created_by": "operator",
    }
    return NewKey(**(plain | given))  # type: ignore[arg-type]


def judge(keys: KeyStore, issued: IssuedKey, signer: Signer, *, now_ms: int = NOW_MS) -> object:
    headers = signed_headers(
        signer, key=issued.key.key_id, method="GET", target="/v1/account", timestamp_ms=now_ms, body=b""
    )
    return Authenticator(keys, lambda: now_ms).check(
        method="GET",
        target="/v1/account",
        key=headers["X-Key"],
        timestamp=headers["X-Timestamp"],
        signature=headers["X-Signature"],
        body=b"",
    )


def hmac_of(issued: IssuedKey) -> HmacKey:
    assert issued.secret is not None
    return HmacKey(base64.b64decode(issued.secret))


async def test_keys_are_there_again_after_a_restart(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    keys = await KeyStore.load(pool, SEAL)
    private = Ed25519PrivateKey.generate()
    shared = await keys.issue(new_key(expires_at_ns=2**62), at_ns=1)
    public = await keys.issue(
        new_key(algorithm=Algorithm.ED25519, public_key=private.public_key().public_bytes_raw()), at_ns=2
    )
    again = await KeyStore.load(pool, SEAL)
    assert again.all() == keys.all() == (shared.key, public.key)
    assert isinstance(judge(again, shared, hmac_of(shared)), AccessKey)
    assert isinstance(judge(again, public, Ed25519Signer(private)), AccessKey)
    assert again.find("k-none") is None


async def test_what_was_signed_before_a_start_is_not_accepted_after_it(
    pool: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    keys = await KeyStore.load(pool, SEAL)
    issued = await keys.issue(new_key(), at_ns=1)
    started = Authenticator(keys, lambda: NOW_MS, after_ms=NOW_MS - 2)
    for timestamp_ms, fault in (
        (NOW_MS - 3, SignatureFault.SIGNATURE_REPLAYED),
        (NOW_MS - 2, SignatureFault.SIGNATURE_REPLAYED),
        (NOW_MS - 1, None),
    ):
        signed = signed_headers(
            hmac_of(issued),
            key=issued.key.key_id,
            method="GET",
            target="/v1/account",
            timestamp_ms=timestamp_ms,
            body=b"",
        )
        found = started.check(
            method="GET",
            target="/v1/account",
            key=signed["X-Key"],
            timestamp=signed["X-Timestamp"],
            signature=signed["X-Signature"],
            body=b"",
        )
        assert (found.fault if isinstance(found, NotAuthentic) else None) is fault


async def test_a_secret_is_not_in_the_database(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    keys = await KeyStore.load(pool, SEAL)
    issued = await keys.issue(new_key(), at_ns=1)
    assert issued.secret is not None
    secret = base64.b64decode(issued.secret)
    assert len(secret) == 32
    sealed = await pool.fetchval("SELECT sealed_secret FROM access_key")
    assert secret not in sealed
    assert SEAL.open(sealed, issued.key.key_id) == secret
    assert issued.secret not in repr(issued)
    with pytest.raises(SealFault, match=issued.key.key_id):
        await KeyStore.load(pool, Seal(b"o" * 32))
    with pytest.raises(SealFault):
        SEAL.open(sealed, "another-key")
    with pytest.raises(SealFault):
        SEAL.open(b"short", issued.key.key_id)


async def test_revoking_works_at_once_and_for_good(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    keys = await KeyStore.load(pool, SEAL)
    issued = await keys.issue(new_key(), at_ns=1)
    assert isinstance(judge(keys, issued, hmac_of(issued)), AccessKey)
    revoked = await keys.revoke(issued.key.key_id, by="operator", at_ns=77)
    assert revoked is not None
    assert judge(keys, issued, hmac_of(issued)) == KeyRevoked(at_ns=77)
    assert await keys.revoke(issued.key.key_id, by="operator", at_ns=99) == revoked
    assert await keys.revoke("k-none", by="operator", at_ns=99) is None
    assert judge(await KeyStore.load(pool, SEAL), issued, hmac_of(issued)) == KeyRevoked(at_ns=77)


async def test_an_expired_key_is_told_only_to_who_can_sign(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    keys = await KeyStore.load(pool, SEAL)
    at_ns = NOW_MS * 1_000_000
    issued = await keys.issue(new_key(expires_at_ns=at_ns), at_ns=1)
    assert judge(keys, issued, hmac_of(issued)) == KeyExpired(at_ns=at_ns)
    assert isinstance(judge(keys, issued, hmac_of(issued), now_ms=NOW_MS - 1), AccessKey)
    assert not isinstance(judge(keys, issued, HmacKey(b"x" * 32)), KeyExpired | AccessKey)


@pytest.mark.parametrize(
    "given",
    [
        {"algorithm": Algorithm.ED25519},
        {"algorithm": Algorithm.ED25519, "public_key": b"short"},
        {"algorithm": Algorithm.HMAC_SHA256, "public_key": b"k" * 32},
    ],
)
async def test_keys_that_cannot_be_made(
    pool: "asyncpg.Pool[asyncpg.Record]", given: dict[str, object]
) -> None:
    keys = await KeyStore.load(pool, SEAL)
    with pytest.raises(KeyFault):
        await keys.issue(new_key(**given), at_ns=1)
    assert keys.all() == ()
    assert await pool.fetchval("SELECT count(*) FROM access_key") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM access_key",
        "UPDATE access_key SET scopes = '{operate}'",
        "UPDATE access_key SET expires_at_ns = NULL, revoked_at_ns = 1, revoked_by = 'x'",
        "UPDATE access_key SET revoked_at_ns = 1",
    ],
)
async def test_the_database_lets_a_key_be_revoked_and_nothing_else(
    pool: "asyncpg.Pool[asyncpg.Record]", statement: str
) -> None:
    keys = await KeyStore.load(pool, SEAL)
    await keys.issue(new_key(expires_at_ns=5), at_ns=1)
    before = await pool.fetch("SELECT * FROM access_key")
    with pytest.raises(asyncpg.PostgresError):
        await pool.execute(statement)
    assert await pool.fetch("SELECT * FROM access_key") == before


async def test_a_revocation_cannot_be_taken_back(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    keys = await KeyStore.load(pool, SEAL)
    issued = await keys.issue(new_key(), at_ns=1)
    await keys.revoke(issued.key.key_id, by="operator", at_ns=7)
    with pytest.raises(asyncpg.PostgresError, match="revoked for good"):
        await pool.execute("UPDATE access_key SET revoked_at_ns = NULL, revoked_by = NULL")


def test_the_sealing_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    sealed = load_seal(path).seal(b"secret", "k")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_seal(path).open(sealed, "k") == b"secret"
    path.write_bytes(b"AAAA")
    with pytest.raises(SealFault, match="does not hold"):
        load_seal(path)


def test_a_full_disk_leaves_no_half_a_sealing_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "seal.key"

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.private_files.os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            load_seal(path)
    assert not list(tmp_path.iterdir())
    sealed = load_seal(path).seal(b"secret", "k")
    assert load_seal(path).open(sealed, "k") == b"secret"
