"""What stopped a server, in the operator's language: what it means and what to do, before the particulars in English."""

from typing import Final

from gateway.access.seal import SealFault
from gateway.cli.words import say
from gateway.config import SettingsFault
from gateway.demo import SeedFault
from gateway.engine.recovery import RecoveryError
from gateway.engine.snapshot import SnapshotBrokenError
from gateway.engine.tables.journal import AnotherWriterError, ForeignJournalError
from gateway.faults import OPERATOR_FAULTS, ServiceLost
from gateway.markets.loader import MarketFileFault
from gateway.postgres.errors import (
    AlreadyRunningError,
    ForeignServerError,
    PostgresError,
    StartFailedError,
    UnsupportedMachineError,
    VersionMismatchError,
)
from gateway.registry_process import RegistryFailed

_MEANING: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (
        RecoveryError,
        "恢复中止, 未改动任何数据; 请勿删除, 先备份数据库",
        "recovery stopped and changed nothing; delete nothing, copy the database first",
    ),
    (
        SnapshotBrokenError,
        "快照已损坏; 先备份数据库, 再按下述处理",
        "a snapshot is damaged; copy the database first, then do as follows",
    ),
    (
        AnotherWriterError,
        "另一进程正在写此日志, 请先停止它",
        "another process writes this journal; stop it first",
    ),
    (
        ForeignJournalError,
        "该数据库的日志不是本程序所写",
        "the journal in that database is not this program's",
    ),
    (
        AlreadyRunningError,
        "该数据目录已有进程在运行, 请先停止它或另选目录",
        "a process runs in this data directory already; stop it, or name another directory",
    ),
    (ForeignServerError, "该目录中有他人启动的 PostgreSQL", "a PostgreSQL somebody else started runs there"),
    (VersionMismatchError, "PostgreSQL 主版本不符", "the data are of another major version of PostgreSQL"),
    (
        UnsupportedMachineError,
        "本机不能运行私有 PostgreSQL, 请用 --database-url",
        "the private PostgreSQL cannot run here; give --database-url",
    ),
    (StartFailedError, "PostgreSQL 未能启动", "PostgreSQL did not start"),
    (PostgresError, "PostgreSQL 不可用", "PostgreSQL cannot be used"),
    (RegistryFailed, "参考登记平台未能启动", "the reference registry did not start"),
    (SealFault, "密钥封存文件 seal.key 不可用", "seal.key cannot be used"),
    (SettingsFault, "设置不可用", "these settings cannot be used"),
    (MarketFileFault, "市场数据文件有误", "a market's data file is wrong"),
    (SeedFault, "演示数据未能充入", "the demonstration's data could not be filled in"),
    (
        ServiceLost,
        "所依赖的服务已中断, 已确认的委托均已落盘",
        "something needed has ended; what was acknowledged is on disk",
    ),
)
"""The particular before the general."""


def told(fault: Exception) -> str:
    """What stopped the server, for the person who started it."""
    assert isinstance(fault, OPERATOR_FAULTS), f"{type(fault).__name__} is no fault of the operator's"
    particulars = say(fault.zh, str(fault)) if isinstance(fault, SettingsFault) else str(fault)
    for kind, zh, en in _MEANING:
        if isinstance(fault, kind):
            return f"{say(zh, en)}\n  {particulars}"
    return particulars
