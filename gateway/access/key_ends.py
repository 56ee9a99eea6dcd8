"""Why a key may be used no more."""

from dataclasses import dataclass
from typing import TypeAlias

from gateway.access.keys import AccessKey


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyRevoked:
    """It was revoked."""

    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyRotated:
    """Another took its place."""

    at_ns: int
    by_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyExpired:
    """Its time is over."""

    at_ns: int


KeyEnd: TypeAlias = KeyRevoked | KeyRotated | KeyExpired


def end_of(key: AccessKey, now_ns: int) -> KeyEnd | None:
    """Why a key may be used no more; none while it may. By the machine's clock."""
    if key.revoked_at_ns is not None:
        return KeyRevoked(at_ns=key.revoked_at_ns)
    if key.rotated_to is not None and key.ends_at_ns is not None and key.ends_at_ns <= now_ns:
        return KeyRotated(at_ns=key.ends_at_ns, by_key=key.rotated_to)
    if key.expires_at_ns is not None and key.expires_at_ns <= now_ns:
        return KeyExpired(at_ns=key.expires_at_ns)
    return None
