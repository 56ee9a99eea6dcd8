"""Who a command acts as, and where: the keys of demo.json, or a key of one's own in a file.

A secret is never an option's value: other users of the machine can read a command line.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli.faults import CommandFault
from gateway.cli.words import say
from gateway.config import DEMO_FILE, OPERATOR_FILE, default_data_dir
from registry_bridge.signing import Ed25519Signer, HmacKey, Signer


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """A key's name and what signs with it."""

    key: str
    signer: Signer


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What the options name: which exchange, and as whom."""

    data_dir: Path | None = None
    act_as: str | None = None
    url: str | None = None
    key: str | None = None
    secret_file: Path | None = None

    def demo_file(self) -> Path:
        """Where the keys should be: the demonstration's, else the first operator's."""
        directory = self.data_dir or default_data_dir()
        first_operator = directory / OPERATOR_FILE
        demo = directory / DEMO_FILE
        return first_operator if first_operator.exists() and not demo.exists() else demo

    def find_url(self) -> str:
        """The exchange's address: as named, else demo.json's."""
        return (self.url or str(self._demo()["url"])).rstrip("/")

    def find_credentials(self, role: str) -> Credentials:
        """The key named by the options; else the participant named with --as, or the command's usual one.

        Raises:
            CommandFault: there is no such participant, or the key file cannot be used.
        """
        if (self.key is None) != (self.secret_file is None):
            raise CommandFault(
                say("--key 与 --secret-file 须同时给出", "--key and --secret-file go together")
            )
        if self.key is not None and self.secret_file is not None:
            return Credentials(key=self.key, signer=load_signer(self.secret_file))
        participants = self._demo()["participants"]
        name = self.act_as or role
        if name not in participants:
            known = ", ".join(sorted(participants))
            raise CommandFault(
                say(f"没有参与者 {name}; 有: {known}", f"there is no participant {name}; there are {known}")
            )
        return Credentials(key=participants[name]["key"], signer=_demo_signer(participants[name]))

    def _demo(self) -> dict[str, Any]:
        path = self.demo_file()
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise CommandFault(
                say(
                    f"找不到 {path}. 请先在此目录运行 puhui serve --demo, 或用 --url --key --secret-file 指明",
                    f"there is no {path}. Run `puhui serve --demo` in this directory first, or name --url --key --secret-file",
                )
            ) from None
        except (OSError, ValueError) as error:
            raise CommandFault(f"{path}: {type(error).__name__}") from None
        if not isinstance(content, dict):
            raise CommandFault(f"{path}: not an object")
        return content


def _demo_signer(participant: dict[str, Any]) -> Signer:
    return HmacKey(_decode_secret(participant["secret"], DEMO_FILE))


def load_signer(path: Path) -> Signer:
    """A signer from a file: an Ed25519 private key in PEM, or the base64 text of an HMAC secret.

    Raises:
        CommandFault: the file is open to others, or holds neither. The content is never quoted.
    """
    try:
        mode, content = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise CommandFault(f"{path}: {error.strerror}") from None
    if mode & 0o077:
        raise CommandFault(
            say(f"{path} 对他人可读, 请 chmod 600 {path}", f"{path} is open to others; chmod 600 {path}")
        )
    if not content.lstrip().startswith(b"-----BEGIN"):
        return HmacKey(_decode_secret(content.decode("ascii", "replace").strip(), str(path)))
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise CommandFault(say(f"{path} 不是 Ed25519 私钥", f"{path} holds no Ed25519 private key"))
    return Ed25519Signer(key)


def _decode_secret(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CommandFault(
            say(f"{where} 中的密钥不是 base64", f"the secret in {where} is not base64")
        ) from None
