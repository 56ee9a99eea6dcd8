"""Ed25519 keys in files: PEM, the private one readable by its owner only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from registry_bridge.signing import Ed25519Signer, Ed25519Verifier


class KeyFileError(Exception):
    """A key file is missing, unreadable, or does not hold an Ed25519 key. Never quotes the content."""


def create_key(private_file: Path, public_file: Path) -> None:
    """Make a new pair; FileExistsError when the private file is there, so that no key is ever lost.

    Each file is there whole or not at all, also when the disk is full or the process ends in between.
    """
    key = Ed25519PrivateKey.generate()
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with _written(private_file, private_pem, 0o600) as draft:
        os.link(draft, private_file)
    _write_public(public_file, key)


@contextmanager
def _written(file: Path, content: bytes, mode: int) -> Iterator[Path]:
    """The content beside the file it is for, on the disk; gone at the end unless it has been put in its place."""
    draft = file.with_name(f".{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as writing:
            writing.write(content)
            writing.flush()
            os.fsync(writing.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _write_public(public_file: Path, key: Ed25519PrivateKey) -> None:
    with _written(public_file, public_pem(key.public_key()), 0o666) as draft:
        draft.replace(public_file)


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as it stands in its file."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_signer(private_file: Path) -> Ed25519Signer:
    """The private key of a file; KeyFileError when it holds none."""
    return Ed25519Signer(_load_private(private_file))


def _load_private(private_file: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(private_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileError(f"{private_file}: no readable private key ({type(error).__name__})") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{private_file}: not an Ed25519 private key")
    return key


def load_verifier(public_file: Path) -> Ed25519Verifier:
    """The public key of a file; KeyFileError when it holds none."""
    try:
        key = serialization.load_pem_public_key(public_file.read_bytes())
    except (OSError, ValueError) as error:
        raise KeyFileError(f"{public_file}: no readable public key ({type(error).__name__})") from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{public_file}: not an Ed25519 public key")
    return Ed25519Verifier(key)


def ensure_key(private_file: Path, public_file: Path) -> Ed25519Signer:
    """The pair in these files, made first when there is none yet; the public half alone where only that is missing."""
    if not private_file.exists():
        create_key(private_file, public_file)
    key = _load_private(private_file)
    if not public_file.exists():
        _write_public(public_file, key)
    return Ed25519Signer(key)
