"""Who signed a request: the signature first, then whether its key is still good.

That a key was revoked, was replaced or has expired is told only to whoever could sign with it. Signatures are judged by the machine's
clock, also where the market's clock is moved by hand.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from gateway.access.accepted import AcceptedUntil
from gateway.access.key_ends import KeyEnd, end_of
from gateway.access.keys import AccessKey, KeySource
from registry_bridge.signing import (
    NotAuthentic,
    RequestVerifier,
    SeenSignatures,
    Verifier,
    parse_timestamp_ms,
)

NS_PER_MS: Final = 1_000_000
SEEN_CAPACITY: Final = 400_000
"""Signatures remembered at most, some 60 MB; 20,000 requests a second for both halves of the window."""


NotAdmitted: TypeAlias = NotAuthentic | KeyEnd
"""What of the signature failed; or it is right, and its key has ended."""


class Authenticator:
    """Judges the three signature headers of every request, and the logon of every WebSocket."""

    __slots__ = ("_accepted", "_keys", "_now_ms", "_verifier")

    def __init__(
        self,
        keys: KeySource,
        now_ms: Callable[[], int],
        *,
        seen_capacity: int = SEEN_CAPACITY,
        after_ms: int = -1,
        accepted: AcceptedUntil | None = None,
    ) -> None:
        """`now_ms` reads the machine's clock.

        What was signed at `after_ms` or before counts as used: at a start, since nobody knows what was accepted before.
        `accepted` is the note of up to when that may be; without it a later start knows nothing.
        """
        self._keys = keys
        self._now_ms = now_ms
        self._accepted = accepted
        if accepted is not None:
            after_ms = max(after_ms, accepted.before_ms)
        seen = SeenSignatures(
            capacity=seen_capacity, after_ms=after_ms, covers=None if accepted is None else accepted.covers
        )
        self._verifier = RequestVerifier(self._find, seen=seen)

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
        """The key that signed, or the first part that failed. An accepted signature is not accepted again.

        The last part that can fail is that its date is not covered yet (`cover`): it was not accepted, and can be.
        """
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
        return end_of(signed_by, now_ms * NS_PER_MS) or signed_by

    def covers(self, timestamp: str | None) -> bool:
        """Whether a signature with that timestamp would not fail for want of a note; malformed ones fail otherwise."""
        at_ms = None if timestamp is None else parse_timestamp_ms(timestamp)
        return at_ms is None or self._accepted is None or self._accepted.covers(at_ms)

    async def cover(self, timestamp: str | None) -> None:
        """Have signatures with that timestamp, which was judged, accepted."""
        at_ms = None if timestamp is None else parse_timestamp_ms(timestamp)
        assert at_ms is not None, "a signature was judged without its timestamp"
        assert self._accepted is not None, "all dates are covered where none is noted"
        await self._accepted.cover(at_ms)

    def _find(self, key_id: str) -> Verifier | None:
        key = self._keys.find(key_id)
        return None if key is None else key.verifier
