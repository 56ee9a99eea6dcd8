"""What a running exchange is told from outside: options of the command line, each also as a PUHUI_ variable.

Everything about trading is in the rule book instead (`gateway.markets`). What may carry a secret (a database URL)
is best given by the environment, where other users of the machine cannot read it.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.access.limits import DEFAULT_QUOTAS, ActionKind, Quota
from gateway.http.bounds import UnknownBoundError, read_bounds
from gateway.roles import Role

DEFAULT_DATA_DIR: Final = Path(".puhui")
"""Below the directory one stands in, so that two checkouts never share an exchange by accident."""

DATA_DIR_VARIABLE: Final = "PUHUI_DATA_DIR"
EXCHANGE_DATABASE: Final = "puhui"
"""The exchange's database in its private PostgreSQL."""

DEMO_FILE: Final = "demo.json"
OPERATOR_FILE: Final = "operator.json"

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8080
DEFAULT_BEHIND_LIMIT_S: Final = 5.0


SECRET_SETTINGS: Final = frozenset({"database_url"})
"""Settings that may hold a password: never repeated as they are."""

_HOST: Final = re.compile(r"[A-Za-z0-9.:-]{1,253}")


class ClockKind(StrEnum):
    """Where the market's time comes from."""

    REAL = "real"
    MANUAL = "manual"


class SeedName(StrEnum):
    """What an empty exchange is filled with."""

    DEMO = "demo"


class SettingsFault(Exception):  # noqa: N818 - it states a fact
    """The settings contradict each other, or name something that is not there. Meant for the operator."""

    def __init__(self, en: str, zh: str | None = None, *, setting: str | None = None) -> None:
        """In English and Chinese; `setting` is the one it is about, so that it can be told where that was set."""
        super().__init__(en)
        self.zh = zh or en
        self.setting = setting


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How `puhui serve` was told to run."""

    data_dir: Path
    role: Role = Role.ALL
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    """0 takes a free one."""
    market: str = "shanghai"
    clock: ClockKind = ClockKind.REAL
    now_ns: int | None = None
    """Where a manual clock starts."""
    database_url: str | None = None
    """A PostgreSQL of one's own; a private one is started when absent."""
    registry_url: str | None = None
    """A registry platform of one's own; the reference registry is started when absent."""
    registry_key_file: Path | None = None
    """The public key (PEM) with which that platform signs its answers."""
    registry_capabilities_file: Path | None = None
    """What that platform promises (TOML), where it does not serve a record of its own."""
    drill: bool = False
    """Whether the reference registry takes orders to fail, for rehearsals."""
    seed: SeedName | None = None
    public_url: str | None = None
    """Where the public reaches the exchange, as printed on certificates; where it listens when absent."""
    behind_limit_s: float = DEFAULT_BEHIND_LIMIT_S
    """How far a reader may be behind and still be ready."""
    drain_grace_s: float = 0.0
    """Told to end: how long it is already not ready, and still answers, before the door closes."""
    quotas: tuple[str, ...] = ()
    """Rate limits that differ from the usual ones, as `read_quotas` takes them."""
    log_options: tuple[str, ...] = ()
    """How the reference registry beside is told to log: as the exchange itself, in options of the command line."""
    limits: tuple[str, ...] = ()
    """Bounds of the public door that differ from the usual ones, as `read_bounds` takes them."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before anything is started."""
        self._check_registry()
        if self.role is not Role.ALL and self.database_url is None:
            raise SettingsFault(
                f"--role {self.role} needs --database-url: a private PostgreSQL is one process's own, and nobody shares it",
                f"--role {self.role} 须同时给出 --database-url: 私有的 PostgreSQL 归一个进程独有, 无法共用",
                setting="role",
            )
        if self.role is Role.READER and (self.clock is ClockKind.MANUAL or self.seed is not None):
            raise SettingsFault(
                "--role reader goes by the real clock and fills nothing: --clock and --seed are for the process that serves",
                "--role reader 以真实时钟为准且不写入: --clock 与 --seed 用于提供服务的进程",
                setting="role",
            )
        if (self.clock is ClockKind.MANUAL) != (self.now_ns is not None):
            raise SettingsFault(
                "--clock manual starts at --now, and only it does",
                "--clock manual 以 --now 为起点, 二者须同时给出",
                setting="clock",
            )
        if self.public_url is not None:
            _require_address("public_url", self.public_url)
        read_quotas(self.quotas)
        try:
            read_bounds(self.limits)
        except UnknownBoundError as error:
            raise SettingsFault(f"limit {error}", f"limit {error.zh}", setting="limit") from None

    def _check_registry(self) -> None:
        if (self.registry_url is None) != (self.registry_key_file is None):
            raise SettingsFault(
                "--registry-url and --registry-key-file go together: answers are checked with that key",
                "--registry-url 与 --registry-key-file 须同时给出: 应答以该公钥核验",
                setting="registry_key_file" if self.registry_url is None else "registry_url",
            )
        if self.registry_url is not None:
            _require_address("registry_url", self.registry_url)
        if self.registry_capabilities_file is not None and self.registry_url is None:
            raise SettingsFault(
                "--registry-capabilities-file is for --registry-url: the reference registry serves its own record",
                "--registry-capabilities-file 须与 --registry-url 同用: 参考登记平台自述其承诺",
                setting="registry_capabilities_file",
            )
        for name, is_given in (("seed", self.seed is not None), ("drill", self.drill)):
            if is_given and self.registry_url is not None:
                raise SettingsFault(
                    f"--{name} is for the reference registry, which --registry-url replaces",
                    f"--{name} 用于参考登记平台, 而 --registry-url 已取代它",
                    setting=name,
                )

    @property
    def registry_dir(self) -> Path:
        """Where the reference registry keeps what is its own."""
        return self.data_dir / "registry"

    @property
    def postgres_dir(self) -> Path:
        """Where the exchange's private PostgreSQL lies."""
        return self.data_dir / "postgres"

    @property
    def seal_file(self) -> Path:
        """The key under which shared secrets in the database are sealed."""
        return self.data_dir / "seal.key"

    @property
    def line_key_file(self) -> Path:
        """The exchange's private key for the registry line."""
        return self.keys_dir / "exchange.pem"

    @property
    def keys_dir(self) -> Path:
        """Where the exchange's own key pair for the registry line lies."""
        return self.data_dir / "keys"

    @property
    def key_file(self) -> Path:
        """Where the first keys are written: the demonstration's, or the first operator's."""
        return self.data_dir / (DEMO_FILE if self.seed is SeedName.DEMO else OPERATOR_FILE)


def _require_address(name: str, url: str) -> None:
    """Refuse what is not scheme, host and perhaps a port, and nothing else. Raises SettingsFault."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
        is_one = parts.scheme in ("http", "https") and host is not None and _HOST.fullmatch(host) is not None
        bare = url.removeprefix(f"{parts.scheme}://").removesuffix("/") == parts.netloc and "@" not in url
    except ValueError:  # a port that is none
        is_one = bare = False
        port = None
    if not is_one or not bare or port == 0:
        secret = "@" in url  # a password would be repeated with it
        given = "(…)" if secret else url[:_SHOWN_MOST]
        raise SettingsFault(
            f"{name} is {given}, and has to be http:// or https:// with a host, perhaps a port from 1 to 65535, and no path, "
            "such as https://exchange.example",
            f"{name} 应为 http:// 或 https:// 加主机名, 可带 1 至 65535 的端口, 不带路径, 如 https://exchange.example, 实为 {given}",
            setting=name,
        )


_SHOWN_MOST: Final = 80

_QUOTA: Final = re.compile(r"(?P<kind>[a-z]+)=(?P<quota>[1-9]\d{0,6}|none)")


def read_quotas(texts: Iterable[str]) -> Mapping[ActionKind, Quota]:
    """The rate limits, the usual ones but for these: `order=2000` a second, `cancel=none` for no limit at all.

    Raises:
        SettingsFault: a text is not of that form, or names no kind of action.
    """
    quotas = dict(DEFAULT_QUOTAS)
    for text in texts:
        found = _QUOTA.fullmatch(text)
        if found is None or found["kind"] not in set(ActionKind):
            kinds = ", ".join(ActionKind)
            raise SettingsFault(
                f"quota {text}: write KIND=NUMBER or KIND=none, KIND one of {kinds}, NUMBER from 1 to 9999999",
                f"quota {text}: 应写作 KIND=数 或 KIND=none, KIND 为 {kinds} 之一, 数为 1 至 9999999",
                setting="quota",
            )
        kind = ActionKind(found["kind"])
        if found["quota"] == "none":
            quotas.pop(kind, None)
        else:
            quotas[kind] = Quota(quota=int(found["quota"]))
    return quotas


def default_data_dir() -> Path:
    """The data directory when none is named: PUHUI_DATA_DIR, else `.puhui` here."""
    return Path(os.environ.get(DATA_DIR_VARIABLE) or DEFAULT_DATA_DIR)


def make_private_dir(path: Path) -> Path:
    """A directory only its owner may enter, made when missing.

    Raises:
        SettingsFault: it exists and others may enter it, or it belongs to somebody else.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        why = error.strerror
        raise SettingsFault(
            f"data_dir {path} cannot be used: {why}", f"data_dir {path} 不可用: {why}", setting="data_dir"
        ) from None
    if found.st_uid != os.geteuid():
        raise SettingsFault(
            f"data_dir {path} belongs to uid {found.st_uid}, and this process is uid {os.geteuid()}",
            f"data_dir {path} 属于 uid {found.st_uid}, 而本进程为 uid {os.geteuid()}",
            setting="data_dir",
        )
    if found.st_mode & 0o077:
        mode = f"{found.st_mode & 0o777:o}"
        raise SettingsFault(
            f"data_dir {path} is open to others (mode {mode}); chmod 700 {path}",
            f"data_dir {path} 他人可进入 (权限 {mode}); chmod 700 {path}",
            setting="data_dir",
        )
    return path.resolve()
