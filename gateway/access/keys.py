"""Access keys: who signs with them, what they may do, and where they are kept.

Every key is in the database and, all of them, in memory: a request is judged without a query. Issuing and revoking
write first and then change the memory, so a key is good or gone with the answer to that call. Secrets are shown once,
when they are made; no text form of anything here contains one.
"""

import base64
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Protocol, TypeAlias

import asyncpg

from gateway.access.networks import Network
from gateway.access.permits import Permit, spend, spent_of
from gateway.access.seal import Seal
from registry_bridge.signing import Ed25519Verifier, HmacKey, Verifier

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

_SECRET_BYTES: Final = 32


class Scope(StrEnum):
    """What a key may be used for."""

    READ = "read"
    TRADE = "trade"
    NEGOTIATE = "negotiate"
    OFFSET = "offset"
    TRANSFER = "transfer"
    """Units and cash, in and out."""
    BANK = "bank"
    """The settlement bank's reports."""
    OPERATE = "operate"
    APPROVE = "approve"
    """To be the second person of an act that needs two."""
    AUTHORITY = "authority"
    """The competent authority's filings: verified emissions, allowances issued, other credits used."""
    SUPERVISE = "supervise"
    """Read everything, change nothing."""


class Algorithm(StrEnum):
    """How a key signs."""

    ED25519 = "ed25519"
    HMAC_SHA256 = "hmac-sha256"


class KeyFault(Exception):  # noqa: N818 - it states a fact
    """A key cannot be made of what was given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessKey:
    """One key, with what is needed to judge its signatures."""

    key_id: str
    participant: str
    """Who acts with it."""
    account: str | None
    """The account it acts for when a request names none."""
    algorithm: Algorithm
    scopes: frozenset[Scope]
    label: str
    created_by: str
    created_at_ns: int
    expires_at_ns: int | None
    revoked_at_ns: int | None
    networks: tuple[Network, ...] = ()
    """From where it may be used; from anywhere if there are none."""
    made_alone_by: str | None = None
    """The operator who made it with no second person's word, if so it was."""
    verifier: Verifier = field(repr=False, compare=False)

    @property
    def caller_id(self) -> str:
        """Its name, as the journal and logs have it."""
        return self.key_id


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    """What a key is to be. An Ed25519 key needs its public half; an HMAC secret is made here."""

    participant: str
    account: str | None
    algorithm: Algorithm
    scopes: frozenset[Scope]
    label: str
    created_by: str
    expires_at_ns: int | None = None
    public_key: bytes | None = None
    networks: tuple[Network, ...] = ()
    permit: Permit | None = None
    """By what it is made; by none where the exchange itself makes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedKey:
    """A key just made; `secret` (base64) is there once and for HMAC only."""

    key: AccessKey
    secret: str | None = field(default=None, repr=False)


class KeySource(Protocol):
    """Where a request's key is looked up."""

    def find(self, key_id: str) -> AccessKey | None:
        """The key of that name, revoked and expired ones too."""
        ...


class KeyStore:
    """All access keys, in memory and in table `access_key`."""

    __slots__ = ("_keys", "_listeners", "_pool", "_seal")

    def __init__(self, pool: Pool, seal: Seal, keys: Mapping[str, AccessKey]) -> None:
        """Use `load`."""
        self._pool = pool
        self._seal = seal
        self._keys = dict(keys)
        self._listeners: list[Callable[[AccessKey], None]] = []

    @classmethod
    async def load(cls, pool: Pool, seal: Seal) -> "KeyStore":
        """Read every key. Raises SealFault when a secret was sealed with another key."""
        rows = await pool.fetch("SELECT * FROM access_key ORDER BY created_at_ns, key_id")
        return cls(pool, seal, {row["key_id"]: _from_row(row, seal) for row in rows})

    def find(self, key_id: str) -> AccessKey | None:
        """The key of that name, revoked and expired ones too."""
        return self._keys.get(key_id)

    def all(self) -> tuple[AccessKey, ...]:
        """Every key, oldest first."""
        return tuple(self._keys.values())

    def on_revoked(self, listener: Callable[[AccessKey], None]) -> None:
        """Tell the listener of every key that is revoked, before the revocation is answered."""
        self._listeners.append(listener)

    async def issue(self, new: NewKey, *, at_ns: int) -> IssuedKey:
        """Make a key; durable when this returns.

        Raises:
            KeyFault: no public key where one is needed, one where none is, or one that is not an Ed25519 key.
            PermitSpent: what permits it was used before.
        """
        secret = secrets.token_bytes(_SECRET_BYTES) if new.algorithm is Algorithm.HMAC_SHA256 else None
        key = AccessKey(
            key_id=f"k-{secrets.token_hex(8)}",
            participant=new.participant,
            account=new.account,
            algorithm=new.algorithm,
            scopes=new.scopes,
            label=new.label,
            created_by=new.created_by,
            created_at_ns=at_ns,
            expires_at_ns=new.expires_at_ns,
            revoked_at_ns=None,
            networks=new.networks,
            made_alone_by=None if new.permit is None else new.permit.made_alone_by,
            verifier=_verifier(new.public_key, secret),
        )
        async with self._pool.acquire() as connection, connection.transaction():
            if new.permit is not None:
                await spend(connection, new.permit, key.key_id, at_ns=at_ns)
            await self._insert(connection, key, new.public_key, secret)
        self._keys[key.key_id] = key
        return IssuedKey(key=key, secret=None if secret is None else base64.b64encode(secret).decode())

    async def revoke(self, key_id: str, *, by: str, at_ns: int) -> AccessKey | None:
        """Revoke a key for good; the same again changes nothing. None when there is no such key."""
        key = self._keys.get(key_id)
        if key is None or key.revoked_at_ns is not None:
            return key
        await self._pool.execute(
            "UPDATE access_key SET revoked_at_ns = $2, revoked_by = $3 WHERE key_id = $1 AND revoked_at_ns IS NULL",
            key_id,
            at_ns,
            by,
        )
        kept = self._keys[key_id]
        if kept.revoked_at_ns is None:  # else by somebody else, while this was written
            kept = self._keys[key_id] = replace(key, revoked_at_ns=at_ns)
            for listener in self._listeners:
                listener(kept)
        return kept

    async def permits_spent(self, numbers: Iterable[int]) -> set[int]:
        """Which of these permits are spent, for a key or for a person."""
        return await spent_of(self._pool, numbers)

    async def _insert(
        self,
        connection: Any,  # noqa: ANN401 - a pooled connection
        key: AccessKey,
        public_key: bytes | None,
        secret: bytes | None,
    ) -> None:
        await connection.execute(
            """
            INSERT INTO access_key (key_id, participant, account, algorithm, public_key, sealed_secret, scopes,
                                    label, created_by, created_at_ns, expires_at_ns, networks, made_alone_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            """,
            key.key_id,
            key.participant,
            key.account,
            key.algorithm.value,
            public_key,
            None if secret is None else self._seal.seal(secret, key.key_id),
            sorted(scope.value for scope in key.scopes),
            key.label,
            key.created_by,
            key.created_at_ns,
            key.expires_at_ns,
            key.networks,
            key.made_alone_by,
        )


def require_sound(algorithm: Algorithm, public_key: bytes | None) -> None:
    """Raises KeyFault for what no key can be made of, as `KeyStore.issue` would."""
    _verifier(public_key, bytes(_SECRET_BYTES) if algorithm is Algorithm.HMAC_SHA256 else None)


def _verifier(public_key: bytes | None, secret: bytes | None) -> Verifier:
    if secret is not None:
        if public_key is not None:
            raise KeyFault("an HMAC key has no public half")
        return HmacKey(secret)
    if public_key is None:
        raise KeyFault("an Ed25519 key needs its public half")
    try:
        return Ed25519Verifier.from_raw(public_key)
    except ValueError:
        raise KeyFault("this is not an Ed25519 public key") from None


def _from_row(row: asyncpg.Record, seal: Seal) -> AccessKey:
    sealed = row["sealed_secret"]
    return AccessKey(
        key_id=row["key_id"],
        participant=row["participant"],
        account=row["account"],
        algorithm=Algorithm(row["algorithm"]),
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        label=row["label"],
        created_by=row["created_by"],
        created_at_ns=row["created_at_ns"],
        expires_at_ns=row["expires_at_ns"],
        revoked_at_ns=row["revoked_at_ns"],
        networks=tuple(row["networks"]),
        made_alone_by=row["made_alone_by"],
        verifier=_verifier(row["public_key"], None if sealed is None else seal.open(sealed, row["key_id"])),
    )
