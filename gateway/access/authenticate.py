"""Who signed a request: the signature first, then whether its key is still good.

A key's being revoked or expired is told only to whoever could sign with it. Signatures are judged by the machine's
clock, also where the market's clock is moved by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.access.keys import AccessKey, KeySource
from registry_bridge.signing import NotAuthentic, RequestVerifier, SeenSignatures, Verifier

NS_PER_MS: Final = 1_000_000
SEEN_CAPACITY: Final = 400_000
"""Signatures remembered at most, some 60 MB; 20,000 requests a second for both halves of the window."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyRevoked:
    """The signature is right, and its key was revoked."""

    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyExpired:
    """The signature is right, and its key's time is over."""

    at_ns: int


NotAdmitted: TypeAlias = NotAuthentic | KeyRevoked | KeyExpired


class Authenticator:
    """Judges the three signature headers of every request, and the logon of every WebSocket."""

    __slots__ = ("_keys", "_now_ms", "_verifier")

    def __init__(
        self,
        keys: KeySource,
        now_ms: Callable[[], int],
        *,
        seen_capacity: int = SEEN_CAPACITY,
        after_ms: int = -1,
    ) -> None:
        """`now_ms` reads the machine's clock.

        What was signed at `after_ms` or before counts as used: at a start, since nobody knows what the process before
        has accepted. A signature dated ahead of its time is good until that time, also after a start.
        """
        self._keys = keys
        self._now_ms = now_ms
        self._verifier = RequestVerifier(
            self._find, seen=SeenSignatures(capacity=seen_capacity, after_ms=after_ms)
        )

    def check(
        self,
        *,
        method: str,
        target: str,
        key: str | None,
        timestamp: str | None,
        signature: str | None,
        body: bytes,
    ) -> AccessKey | NotAdmitted:
        """The key that signed, or the first part that failed. An accepted signature is not accepted again."""
        now_ms = self._now_ms()
        found = self._verifier.check(
            method=method,
            target=target,
            key=key,
            timestamp=timestamp,
            signature=signature,
            body=body,
            now_ms=now_ms,
        )
        if isinstance(found, NotAuthentic):
            return found
        signed_by = self._keys.find(found.key)
        assert signed_by is not None, "a key vanished while its signature was judged"
        if signed_by.revoked_at_ns is not None:
            return KeyRevoked(at_ns=signed_by.revoked_at_ns)
        if signed_by.expires_at_ns is not None and signed_by.expires_at_ns <= now_ms * NS_PER_MS:
            return KeyExpired(at_ns=signed_by.expires_at_ns)
        return signed_by

    def _find(self, key_id: str) -> Verifier | None:
        key = self._keys.find(key_id)
        return None if key is None else key.verifier
