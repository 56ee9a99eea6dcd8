"""A line of keys in the database: one takes another's place, and all of them end together.

A key is locked while its place is taken or it is revoked. So of two that would take one place only one does, and whoever
revokes a key finds the one that took its place, also where both are done at the same moment.
"""

from dataclasses import dataclass
from typing import Any, Final

from gateway.access.permits import Permit

NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """A key's place taken by another of the same kind. An Ed25519 key needs the new public half."""

    old: str
    by: str
    permit: Permit
    overlap_s: int
    public_key: bytes | None = None


class KeyOver(Exception):  # noqa: N818 - it states a fact
    """A key takes nobody's place any more, or has lost its own: `by_key` is the one that took it, if one did."""

    def __init__(self, key_id: str, by_key: str | None) -> None:
        """Which, and by which."""
        super().__init__(key_id)
        self.by_key = by_key


class PublicKeyUsed(Exception):  # noqa: N818 - it states a fact
    """A key has that public half already."""


_ROTATE: Final = """
INSERT INTO access_key_rotated (old_key, new_key, at_ns, ends_at_ns, rotated_by) VALUES ($1, $2, $3, $4, $5)
"""
_HAS_PUBLIC: Final = "SELECT true FROM access_key WHERE public_key = $1 LIMIT 1"
_REVOKE: Final = """
UPDATE access_key SET revoked_at_ns = $2, revoked_by = $3 WHERE key_id = $1 AND revoked_at_ns IS NULL
"""
_REVOKED_AT: Final = "SELECT revoked_at_ns FROM access_key WHERE key_id = $1"
_TOOK_PLACE: Final = "SELECT new_key FROM access_key_rotated WHERE old_key = $1"
_GOING_ON: Final = """
SELECT revoked_at_ns IS NULL AND (expires_at_ns IS NULL OR expires_at_ns > $2) FROM access_key
WHERE key_id = $1 FOR UPDATE
"""


async def require_replaceable(connection: Any, rotation: Rotation, *, at_ns: int) -> None:  # noqa: ANN401 - a pooled connection
    """Lock a key whose place is taken in the transaction at hand.

    Raises:
        KeyOver: it has ended, or another took its place.
        PublicKeyUsed: a key has that public half already.
    """
    goes_on = await connection.fetchval(_GOING_ON, rotation.old, at_ns)
    by_key = await connection.fetchval(_TOOK_PLACE, rotation.old)
    if not goes_on or by_key is not None:
        raise KeyOver(rotation.old, by_key)
    public_key = rotation.public_key
    if public_key is not None and await connection.fetchval(_HAS_PUBLIC, public_key):
        raise PublicKeyUsed


async def note_rotation(connection: Any, rotation: Rotation, new_key: str, *, at_ns: int) -> int:  # noqa: ANN401 - a pooled connection
    """Write down that a key took another's place; when that one ends."""
    ends_at_ns = at_ns + rotation.overlap_s * NS_PER_S
    await connection.execute(_ROTATE, rotation.old, new_key, at_ns, ends_at_ns, rotation.by)
    return ends_at_ns


async def revoke_line(connection: Any, key_id: str, *, by: str, at_ns: int, only: bool) -> dict[str, int]:  # noqa: ANN401 - a pooled connection
    """Revoke a key and, unless `only` it is meant, all that took its place: which they are, and since when each is."""
    revoked: dict[str, int] = {}
    name: str | None = key_id
    while name is not None:
        await connection.execute(_REVOKE, name, at_ns, by)
        revoked[name] = await connection.fetchval(_REVOKED_AT, name)
        name = None if only else await connection.fetchval(_TOOK_PLACE, name)
    return revoked
