"""Files of secrets: whole or not there at all, on the disk when they are told of, readable by their owner only."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes, *, anew: bool = False) -> None:
    """Put a file in place whole, readable by its owner only, and on disk before this returns.

    A full disk leaves what was there before, or nothing. Raises FileExistsError where one is there that was to be made `anew`.
    """
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if anew:
            os.link(draft, path)
        else:
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    """Else the name may be gone after a loss of power, though the content is there."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
