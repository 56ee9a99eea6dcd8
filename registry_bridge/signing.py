r"""Signatures over one canonical string, for the participants' API and for the registry line.

A request is signed over ``METHOD \n path-with-query \n timestamp_ms \n hex(sha256(body))`` with Ed25519
or HMAC-SHA256 and carries the headers X-Key, X-Timestamp and X-Signature (base64). An answer of the
registry is signed over the word ANSWER, its status, the path it answers, its own timestamp, its body
and the signature of the request it answers, so that an answer replayed to another request is refused.

Nothing here reads a clock: the caller says what time it is.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_HEADER = "X-Key"
TIMESTAMP_HEADER = "X-Timestamp"
SIGNATURE_HEADER = "X-Signature"

WINDOW_MS = 5_000
"""How far a timestamp may lie from the verifier's clock, either way."""

HMAC_KEY_MIN_BYTES = 16
_TIMESTAMP_MAX_DIGITS = 15
_SIGNATURE_MAX_CHARS = 128


def canonical_request(method: str, target: str, timestamp: str, body: bytes) -> bytes:
    """The bytes a request's signature covers; ``target`` is the path with its query as sent."""
    return f"{method}\n{target}\n{timestamp}\n{sha256(body).hexdigest()}".encode("utf-8", "surrogateescape")


def canonical_answer(status: int, target: str, timestamp: str, body: bytes, request_signature: str) -> bytes:
    """The bytes an answer's signature covers: bound to the very request it answers."""
    digest = sha256(body).hexdigest()
    return f"ANSWER\n{status}\n{target}\n{timestamp}\n{digest}\n{request_signature}".encode(
        "utf-8", "surrogateescape"
    )


class Signer(Protocol):
    """Makes a signature over a message."""

    def sign(self, message: bytes) -> bytes:
        """The raw signature, not yet base64."""
        ...


class Verifier(Protocol):
    """Judges a signature over a message."""

    def verify(self, message: bytes, signature: bytes) -> bool:
        """True when the signature was made over exactly this message by the other half of the key."""
        ...


class HmacKey:
    """A shared secret: signs and verifies with HMAC-SHA256."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) < HMAC_KEY_MIN_BYTES:
            raise ValueError(f"an HMAC secret has at least {HMAC_KEY_MIN_BYTES} bytes")
        self._secret = secret

    def sign(self, message: bytes) -> bytes:
        """HMAC-SHA256 in one call of the C library: this is on the path of every order."""
        return hmac.digest(self._secret, message, "sha256")

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Compares in constant time."""
        return hmac.compare_digest(hmac.digest(self._secret, message, "sha256"), signature)


class Ed25519Signer:
    """The private half of an Ed25519 key."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """64 raw bytes."""
        return self._key.sign(message)

    def verifier(self) -> Ed25519Verifier:
        """The public half."""
        return Ed25519Verifier(self._key.public_key())


class Ed25519Verifier:
    """The public half of an Ed25519 key."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    @classmethod
    def from_raw(cls, raw: bytes) -> Ed25519Verifier:
        """From the 32 raw bytes of a public key; ValueError when they are not one."""
        return cls(Ed25519PublicKey.from_public_bytes(raw))

    def verify(self, message: bytes, signature: bytes) -> bool:
        """The library's own constant-time check."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SignatureFault(Enum):
    """Which part of a signature did not hold, in the order they are checked."""

    HEADER_MISSING = "header_missing"
    KEY_UNKNOWN = "key_unknown"
    TIMESTAMP_MALFORMED = "timestamp_malformed"
    CLOCK_SKEW = "clock_skew"
    SIGNATURE_MALFORMED = "signature_malformed"
    SIGNATURE_WRONG = "signature_wrong"
    SIGNATURE_REPLAYED = "signature_replayed"
    DATE_NOT_COVERED = "date_not_covered"
    SIGNATURES_TOO_MANY = "signatures_too_many"


@dataclass(frozen=True, kw_only=True, slots=True)
class Authentic:
    """The request was signed by this key at this time."""

    key: str
    timestamp_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NotAuthentic:
    """The part that failed; ``skew_ms`` is the sender's clock minus ours, where it could be read."""

    fault: SignatureFault
    skew_ms: int | None = None


class SeenSignatures:
    """Remembers signatures for as long as their timestamps could still be accepted, and never more than
    ``capacity`` of them.

    Two generations, each at least as long as a signature can be valid (twice the window, since a
    timestamp may lie one window ahead); dropping the older one forgets only what has expired. A
    clock set back does not bring forgotten ones to life: whatever is not newer than the newest
    forgotten timestamp counts as seen. When the memory is full of live signatures new ones are
    refused, because forgetting a live one would let it be replayed.
    """

    __slots__ = (
        "_capacity",
        "_covers",
        "_current",
        "_current_latest",
        "_forgotten",
        "_period_ms",
        "_previous",
        "_previous_latest",
        "_rotate_at_ms",
    )

    def __init__(
        self,
        *,
        window_ms: int = WINDOW_MS,
        capacity: int = 1_000_000,
        after_ms: int = -1,
        covers: Callable[[int], bool] | None = None,
    ) -> None:
        """What was signed at ``after_ms`` or before counts as seen: of that time nothing is known.

        ``covers`` says of a date whether signatures of it may be remembered yet, where a later start has to know up to
        which date that was done; without it all may.
        """
        self._capacity = capacity
        self._covers = covers
        self._period_ms = 2 * window_ms + 1
        self._current: set[bytes] = set()
        self._previous: set[bytes] = set()
        self._current_latest = self._previous_latest = -1
        self._forgotten = after_ms
        self._rotate_at_ms: int | None = None

    def __len__(self) -> int:
        return len(self._current) + len(self._previous)

    def remember(self, signature: bytes, timestamp_ms: int, now_ms: int) -> SignatureFault | None:
        """None when the signature is new, and it is remembered; otherwise why it is refused."""
        if self._rotate_at_ms is None:
            self._rotate_at_ms = now_ms + self._period_ms
        elif now_ms >= self._rotate_at_ms:
            self._rotate(now_ms)
        if timestamp_ms <= self._forgotten or signature in self._current or signature in self._previous:
            return SignatureFault.SIGNATURE_REPLAYED
        if len(self) >= self._capacity:
            return SignatureFault.SIGNATURES_TOO_MANY
        if self._covers is not None and not self._covers(timestamp_ms):
            return SignatureFault.DATE_NOT_COVERED
        self._current.add(signature)
        self._current_latest = max(self._current_latest, timestamp_ms)
        return None

    def _rotate(self, now_ms: int) -> None:
        assert self._rotate_at_ms is not None
        self._forgotten = max(self._forgotten, self._previous_latest)
        if now_ms >= self._rotate_at_ms + self._period_ms:
            # A whole period without a call: the younger generation has expired as well.
            self._forgotten = max(self._forgotten, self._current_latest)
            self._current, self._current_latest = set(), -1
        self._previous, self._previous_latest = self._current, self._current_latest
        self._current, self._current_latest = set(), -1
        self._rotate_at_ms = now_ms + self._period_ms


class RequestVerifier:
    """Judges signed requests; one per service, shared by all its connections."""

    __slots__ = ("_find_key", "_seen", "_window_ms")

    def __init__(
        self,
        find_key: Callable[[str], Verifier | None],
        *,
        window_ms: int = WINDOW_MS,
        seen: SeenSignatures | None = None,
    ) -> None:
        """``find_key`` gives the verifier of a key's name, or None when there is no such key."""
        self._find_key = find_key
        self._window_ms = window_ms
        self._seen = seen if seen is not None else SeenSignatures(window_ms=window_ms)

    def check(
        self,
        *,
        method: str,
        target: str,
        key: str | None,
        timestamp: str | None,
        signature: str | None,
        body: bytes,
        now_ms: int,
    ) -> Authentic | NotAuthentic:
        """Authentic, or the first part that failed; an accepted signature is not accepted again."""
        if key is None or timestamp is None or signature is None:
            return NotAuthentic(fault=SignatureFault.HEADER_MISSING)
        verifier = self._find_key(key)
        if verifier is None:
            return NotAuthentic(fault=SignatureFault.KEY_UNKNOWN)
        timestamp_ms = parse_timestamp_ms(timestamp)
        if timestamp_ms is None:
            return NotAuthentic(fault=SignatureFault.TIMESTAMP_MALFORMED)
        skew_ms = timestamp_ms - now_ms
        if abs(skew_ms) > self._window_ms:
            return NotAuthentic(fault=SignatureFault.CLOCK_SKEW, skew_ms=skew_ms)
        raw = decode_signature(signature)
        if raw is None:
            return NotAuthentic(fault=SignatureFault.SIGNATURE_MALFORMED, skew_ms=skew_ms)
        if not verifier.verify(canonical_request(method, target, timestamp, body), raw):
            return NotAuthentic(fault=SignatureFault.SIGNATURE_WRONG, skew_ms=skew_ms)
        fault = self._seen.remember(raw, timestamp_ms, now_ms)
        if fault is not None:
            return NotAuthentic(fault=fault, skew_ms=skew_ms)
        return Authentic(key=key, timestamp_ms=timestamp_ms)


def parse_timestamp_ms(text: str) -> int | None:
    """Milliseconds since the epoch in plain ASCII digits, no sign, no leading zero; otherwise None."""
    if not 0 < len(text) <= _TIMESTAMP_MAX_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    return int(text) if text[0] != "0" else None


def decode_signature(text: str) -> bytes | None:
    """The raw signature behind its base64, or None when it is not base64."""
    if not text or len(text) > _SIGNATURE_MAX_CHARS:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def encode_signature(raw: bytes) -> str:
    """Base64 as the header carries it."""
    return base64.b64encode(raw).decode("ascii")


def signed_headers(
    signer: Signer, *, key: str, method: str, target: str, timestamp_ms: int, body: bytes
) -> dict[str, str]:
    """The three headers of a signed request."""
    timestamp = str(timestamp_ms)
    signature = signer.sign(canonical_request(method, target, timestamp, body))
    return {
        KEY_HEADER: key,
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: encode_signature(signature),
    }


def signed_answer_headers(
    signer: Signer, *, status: int, target: str, timestamp_ms: int, body: bytes, request_signature: str
) -> dict[str, str]:
    """The two headers of a signed answer."""
    timestamp = str(timestamp_ms)
    message = canonical_answer(status, target, timestamp, body, request_signature)
    return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: encode_signature(signer.sign(message))}


def check_answer(
    verifier: Verifier,
    *,
    status: int,
    target: str,
    timestamp: str | None,
    signature: str | None,
    body: bytes,
    request_signature: str,
) -> int | NotAuthentic:
    """The answer's timestamp in milliseconds, or the part that failed.

    The time is not compared with a clock of ours: the binding to the request's signature, which is
    never used twice, already keeps an old answer from being taken for a new one.
    """
    if timestamp is None or signature is None:
        return NotAuthentic(fault=SignatureFault.HEADER_MISSING)
    timestamp_ms = parse_timestamp_ms(timestamp)
    if timestamp_ms is None:
        return NotAuthentic(fault=SignatureFault.TIMESTAMP_MALFORMED)
    raw = decode_signature(signature)
    if raw is None:
        return NotAuthentic(fault=SignatureFault.SIGNATURE_MALFORMED)
    if not verifier.verify(canonical_answer(status, target, timestamp, body, request_signature), raw):
        return NotAuthentic(fault=SignatureFault.SIGNATURE_WRONG)
    return timestamp_ms
