"""What an operator's tools see of the process itself: which build it is, what it uses, how much room is left."""

import shutil
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.process_collector import ProcessCollector

from gateway.engine.following import Following
from gateway.engine.views import views
from matching.exchange import Exchange

DISTRIBUTION: Final = "puhui-exchange"


def release() -> str:
    """Which release this is."""
    return installed_version(DISTRIBUTION)


class IdentityMetrics:
    """Which process this is; memory, files and CPU as every process tells them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Of no role yet, and not ready."""
        ProcessCollector(registry=registry)
        build = Gauge(
            "puhui_build_info",
            "Always 1; the release, and the versions of the core and of the views.",
            ["version", "core", "views"],
            registry=registry,
        )
        build.labels(release(), Exchange.VERSION, views.VERSION).set(1)
        self.role = Gauge(
            "puhui_role", "Always 1; which part of the exchange this process is.", ["role"], registry=registry
        )
        self.ready = Gauge("puhui_ready", "1 while /readyz says that it is ready.", registry=registry)


class ProcessMetrics(IdentityMetrics):
    """The process, its disk and its database connections."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """What needs nobody to be asked."""
        super().__init__(registry)
        self._behind_entries = Gauge(
            "puhui_behind_entries",
            "Of a reader: entries it knows to exist and has not seen.",
            registry=registry,
        )
        self._behind_seconds = Gauge(
            "puhui_behind_seconds",
            "Of a reader: for how long there may be entries that it has not seen.",
            registry=registry,
        )
        self._free = Gauge(
            "puhui_data_free_bytes",
            "Free room where the data directory lies.",
            registry=registry,
        )
        self._connections = Gauge(
            "puhui_database_connections",
            "Connections for reading, by whether they are in use.",
            ["state"],
            registry=registry,
        )

    def watch_following(self, following: Following) -> None:
        """Read from there how far a process for the public only is behind."""
        self._behind_entries.set_function(lambda: following.behind_entries)
        self._behind_seconds.set_function(lambda: following.behind_s)

    def watch(self, data_dir: Path, pool: Any) -> None:  # noqa: ANN401 - asyncpg's pool, whatever its records
        """Read from there whenever somebody looks."""
        self._free.set_function(lambda: shutil.disk_usage(data_dir).free)
        self._connections.labels("idle").set_function(pool.get_idle_size)
        self._connections.labels("used").set_function(lambda: pool.get_size() - pool.get_idle_size())
