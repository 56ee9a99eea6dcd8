"""What can stop a server at its start that the operator can mend. Everything else is a fault of ours, with a traceback."""

from typing import Final

import asyncpg

from gateway.access.seal import SealFault
from gateway.config import SettingsFault
from gateway.demo import SeedFault
from gateway.engine.recovery import RecoveryError
from gateway.engine.snapshot import SnapshotBrokenError
from gateway.engine.tables.journal import AnotherWriterError, ForeignJournalError
from gateway.markets.loader import MarketFileFault
from gateway.postgres.errors import PostgresError
from gateway.registry_process import RegistryFailed


class ServiceLost(Exception):  # noqa: N818 - it states a fact
    """Something the exchange cannot be without ended while it ran; it stopped, and what was acknowledged is safe."""


OPERATOR_FAULTS: Final = (
    AnotherWriterError,
    ForeignJournalError,
    MarketFileFault,
    OSError,
    PostgresError,
    RecoveryError,
    RegistryFailed,
    SealFault,
    SeedFault,
    ServiceLost,
    SettingsFault,
    SnapshotBrokenError,
    asyncpg.InterfaceError,
    asyncpg.PostgresError,
)
