"""Which part of an exchange a process is, where several share one database."""

from enum import StrEnum


class Role(StrEnum):
    """As it is told with `--role`, and tells itself."""

    ALL = "all"
    """Everything; ends at once where another writes the journal."""
    STANDBY = "standby"
    """Everything, once whoever writes the journal is gone; until then it waits."""
    READER = "reader"
    """What the public may see, of what another process writes."""
