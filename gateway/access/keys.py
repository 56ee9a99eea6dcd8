"""Access keys: who signs with them, what they may do, and where they are kept.

Every key is in the database and, all of them, in memory: a request is judged without a query. Issuing and revoking
write first and then change the memory, so a key is good or gone with the answer to that call. Secrets are shown once,
when they are made; no text form of anything here contains one.

    good ──revoked─────▶ ended, and with it every key that took its place, unless that is to stay
      │──expired──────▶ ended
      └──rotated──▶ good beside the key that takes its place ──overlap over──▶ ended

A key that takes another's place may do what that one may, from where it may, and no longer. It is given a new secret or
public key, nothing else; so a line of keys is one program, and no key of it outlives the first one's expiry.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Protocol, TypeAlias

import asyncpg

from gateway.access.key_rotation import Rotation, note_rotation, require_replaceable, revoke_line
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
    program: str
    """The first key of its line: itself, where it took no other's place."""
    rotated_from: str | None = None
    """The key whose place it took."""
    rotated_to: str | None = None
    """The key that took its place."""
    ends_at_ns: int | None = None
    """Until when it may be used beside that one."""
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


_ALL: Final = """
SELECT access_key.*, came.old_key AS rotated_from, went.new_key AS rotated_to, went.ends_at_ns
FROM access_key
LEFT JOIN access_key_rotated came ON came.new_key = key_id
LEFT JOIN access_key_rotated went ON went.old_key = key_id
ORDER BY created_at_ns, key_id
"""


class KeyStore:
    """All access keys, in memory and in tables `access_key` and `access_key_rotated`."""

    __slots__ = ("_changing", "_keys", "_listeners", "_pool", "_seal")

    def __init__(self, pool: Pool, seal: Seal, keys: Mapping[str, AccessKey]) -> None:
        """Use `load`."""
        self._pool = pool
        self._seal = seal
        self._keys = dict(keys)
        self._listeners: list[Callable[[AccessKey], None]] = []
        self._changing = asyncio.Lock()

    @classmethod
    async def load(cls, pool: Pool, seal: Seal) -> "KeyStore":
        """Read every key. Raises SealFault when a secret was sealed with another key."""
        rows = await pool.fetch(_ALL)
        line = {row["key_id"]: row["rotated_from"] for row in rows}
        return cls(
            pool, seal, {row["key_id"]: _from_row(row, seal, _first(row["key_id"], line)) for row in rows}
        )

    def find(self, key_id: str) -> AccessKey | None:
        """The key of that name, also one that has ended."""
        return self._keys.get(key_id)

    def all(self) -> tuple[AccessKey, ...]:
        """Every key, oldest first."""
        return tuple(self._keys.values())

    def on_ended(self, listener: Callable[[AccessKey], None]) -> None:
        """Tell the listener of every key that is revoked or replaced at once, before that is answered."""
        self._listeners.append(listener)

    async def issue(self, new: NewKey, *, at_ns: int) -> IssuedKey:
        """Make a key; durable when this returns.

        Raises:
            KeyFault: no public key where one is needed, one where none is, or one that is not an Ed25519 key.
            PermitSpent: what permits it was used before.
        """
        key, secret = _made(new, at_ns)
        async with self._pool.acquire() as connection, connection.transaction():
            if new.permit is not None:
                await spend(connection, new.permit, key.key_id, at_ns=at_ns)
            await self._insert(connection, key, new.public_key, secret)
        self._keys[key.key_id] = key
        return IssuedKey(key=key, secret=_told(secret))

    async def rotate(self, rotation: Rotation, *, at_ns: int) -> IssuedKey:
        """Make a key that takes another's place, which ends now or after the overlap; durable when this returns.

        Raises:
            KeyFault: as `issue`.
            KeyOver: the old key ended, or another took its place.
            PublicKeyUsed: a key has that public half already.
            PermitSpent: what permits it was used before.
        """
        async with self._changing:
            old = self._keys[rotation.old]
            new = NewKey(
                participant=old.participant,
                account=old.account,
                algorithm=old.algorithm,
                scopes=old.scopes,
                label=old.label,
                created_by=rotation.by,
                expires_at_ns=old.expires_at_ns,
                public_key=rotation.public_key,
                networks=old.networks,
                permit=rotation.permit,
            )
            made, secret = _made(new, at_ns)
            key = replace(made, rotated_from=old.key_id, program=old.program)
            async with self._pool.acquire() as connection, connection.transaction():
                await spend(connection, rotation.permit, key.key_id, at_ns=at_ns)
                await require_replaceable(connection, rotation, at_ns=at_ns)
                await self._insert(connection, key, new.public_key, secret)
                ends_at_ns = await note_rotation(connection, rotation, key.key_id, at_ns=at_ns)
            self._keys[key.key_id] = key
            ended = self._keys[old.key_id] = replace(old, rotated_to=key.key_id, ends_at_ns=ends_at_ns)
        if rotation.overlap_s == 0:
            self._tell(ended)
        return IssuedKey(key=key, secret=_told(secret))

    async def revoke(self, key_id: str, *, by: str, at_ns: int, only: bool = False) -> AccessKey | None:
        """Revoke a key for good, and every key that took its place unless `only` it is meant.

        The same again changes nothing. None when there is no such key.
        """
        async with self._changing:
            if key_id not in self._keys:
                return None
            async with self._pool.acquire() as connection, connection.transaction():
                revoked = await revoke_line(connection, key_id, by=by, at_ns=at_ns, only=only)
            ended = [name for name in revoked if self._keys[name].revoked_at_ns is None]
            for name in ended:
                self._keys[name] = replace(self._keys[name], revoked_at_ns=revoked[name])
        for name in ended:
            self._tell(self._keys[name])
        return self._keys[key_id]

    def _tell(self, ended: AccessKey) -> None:
        for listener in self._listeners:
            listener(ended)

    async def secret_of(self, key_id: str) -> str | None:
        """The secret of a key whose making may not have been answered; none of an Ed25519 key."""
        sealed = await self._pool.fetchval("SELECT sealed_secret FROM access_key WHERE key_id = $1", key_id)
        return None if sealed is None else _told(self._seal.open(sealed, key_id))

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


def _made(new: NewKey, at_ns: int) -> tuple[AccessKey, bytes | None]:
    """A key as it is to be, and the secret made for it. Raises KeyFault."""
    secret = secrets.token_bytes(_SECRET_BYTES) if new.algorithm is Algorithm.HMAC_SHA256 else None
    name = f"k-{secrets.token_hex(8)}"
    key = AccessKey(
        key_id=name,
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
        program=name,
        verifier=_verifier(new.public_key, secret),
    )
    return key, secret


def _told(secret: bytes | None) -> str | None:
    return None if secret is None else base64.b64encode(secret).decode()


def _first(key_id: str, line: Mapping[str, str | None]) -> str:
    """The first key of a line."""
    while (before := line[key_id]) is not None:
        key_id = before
    return key_id


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


def _from_row(row: asyncpg.Record, seal: Seal, program: str) -> AccessKey:
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
        program=program,
        rotated_from=row["rotated_from"],
        rotated_to=row["rotated_to"],
        ends_at_ns=row["ends_at_ns"],
        verifier=_verifier(row["public_key"], None if sealed is None else seal.open(sealed, row["key_id"])),
    )
