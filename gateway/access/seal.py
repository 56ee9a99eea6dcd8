"""Sealing shared secrets before they are stored: AES-256-GCM under a key that lies in a file beside the database.

An exchange must hold an HMAC secret in the clear to verify with it, but a copy of the database alone (a backup, a
replica) must not give it away. Each sealed secret is bound to the name of its access key.
"""

import base64
import binascii
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.private_files import write_private

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class SealFault(Exception):  # noqa: N818 - it states a fact
    """The sealing key is missing, unreadable, or not the one a secret was sealed with. Meant for the operator."""


class Seal:
    """Seals and opens short secrets."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        """`key` is 32 bytes."""
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, name: str) -> bytes:
        """The secret, sealed for that name."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """The secret again. Raises SealFault when the key or the name is another one."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            raise SealFault(f"the secret of key {name} was not sealed with this sealing key") from None


def load_seal(path: Path) -> Seal:
    """The seal whose key is in that file; made, readable by the owner only, when there is no such file.

    A file that was lost is therefore noticed when the first stored secret does not open, at start-up.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Seal(_create(path))
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SealFault(f"{path} does not hold a sealing key")
    return Seal(key)


def _create(path: Path) -> bytes:
    key = secrets.token_bytes(_KEY_BYTES)
    write_private(path, base64.b64encode(key) + b"\n", anew=True)
    return key
