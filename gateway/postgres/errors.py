"""What can go wrong between the exchange and its PostgreSQL, each with a message that says what to do."""


class PostgresError(Exception):
    """Any refusal of this package; the message is meant for the operator."""


class UnsupportedMachineError(PostgresError):
    """This system, user or installation cannot run the embedded server; a DSN is needed."""


class AlreadyRunningError(PostgresError):
    """Another live process owns this data directory."""


class ForeignServerError(PostgresError):
    """A server somebody else started is running on this cluster."""


class VersionMismatchError(PostgresError):
    """The cluster was written by another major version of PostgreSQL."""


class StartFailedError(PostgresError):
    """PostgreSQL or initdb ended before it was ready; the message carries the end of its log."""


class MigrationError(PostgresError):
    """The schema history is not the one this program carries, or a migration file failed."""
