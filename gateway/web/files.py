"""The built pages, read once at the start: few, small, and compressed beforehand, so that serving one costs nothing.

Everything the build names after its content may be kept for ever; the page that names them is asked for each time.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BUILT: Final = Path(__file__).parent / "built"
INDEX: Final = "index.html"
HASHED: Final = "assets/"
"""Below it every name carries a digest of the content."""
MOST_FILES: Final = 64
MOST_BYTES: Final = 8 * 1_024 * 1_024

CONTENT_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Every kind of file a build may hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltFile:
    """One file as it goes out."""

    content: bytes
    compressed: bytes
    """The same by gzip."""
    content_type: str
    etag: str
    is_immutable: bool
    """Whether its name changes with its content."""


def read_built(folder: Path = BUILT) -> dict[str, BuiltFile]:
    """Every file of a build by its path below the folder; empty where nothing was built.

    Raises AssertionError for what no build of ours holds: an unknown kind of file, too many of them, too large ones.
    """
    if not (folder / INDEX).is_file():
        return {}
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(paths) <= MOST_FILES, f"{len(paths)} files in {folder}"
    assert sum(path.stat().st_size for path in paths) <= MOST_BYTES, f"{folder} is too large"
    return {path.relative_to(folder).as_posix(): _read(path, folder) for path in paths}


def _read(path: Path, folder: Path) -> BuiltFile:
    content = path.read_bytes()
    assert path.suffix in CONTENT_TYPES, f"{path} is of no kind that is served"
    return BuiltFile(
        content=content,
        compressed=gzip.compress(content, mtime=0),
        content_type=CONTENT_TYPES[path.suffix],
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        is_immutable=path.relative_to(folder).as_posix().startswith(HASHED),
    )
