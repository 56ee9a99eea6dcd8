"""Ed25519 keys in files: PEM, the private one readable by its owner only."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from registry_bridge.signing import Ed25519Signer, Ed25519Verifier


class KeyFileError(Exception):
    """A key file is missing, unreadable, or does not hold an Ed25519 key. Never quotes the content."""


def create_key(private_file: Path, public_file: Path) -> None:
    """Make a new pair; FileExistsError when the private file is there, so that no key is ever lost."""
    key = Ed25519PrivateKey.generate()
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(private_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(private_pem)
    public_file.write_bytes(public_pem(key.public_key()))


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as it stands in its file."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_signer(private_file: Path) -> Ed25519Signer:
    """The private key of a file; KeyFileError when it holds none."""
    try:
        key = serialization.load_pem_private_key(private_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileError(f"{private_file}: no readable private key ({type(error).__name__})") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{private_file}: not an Ed25519 private key")
    return Ed25519Signer(key)


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
    """The pair in these files, made first when there is none yet."""
    if not private_file.exists():
        create_key(private_file, public_file)
    return load_signer(private_file)
