"""What a registry platform promises, read from the file of whoever connects it."""

from gateway.config import Settings, SettingsFault
from registry_bridge.capabilities import Capabilities, RecordFault, load_capabilities


def promises_of(settings: Settings) -> Capabilities | None:
    """The record in the file that is named; None where the platform is to be asked for its own.

    Raises:
        SettingsFault: it cannot be read, is no record, or promises too little to be connected.
    """
    path = settings.registry_capabilities_file
    if path is None:
        return None
    try:
        record = load_capabilities(path)
    except (OSError, RecordFault) as fault:
        raise SettingsFault(
            f"registry_capabilities_file {path}: {fault}", setting="registry_capabilities_file"
        ) from fault
    if not record.journal:
        raise SettingsFault(
            f"registry_capabilities_file {path}: without a journal the two sides cannot be compared while they go on",
            f"registry_capabilities_file {path}: 没有流水则双方无法在运行中核对",
            setting="registry_capabilities_file",
        )
    return record
