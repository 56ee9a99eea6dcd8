"""What the build backend asks before it packs: a release carries the built pages, so they must be there.

An installation from a release then needs no Node.js. Working in place needs none of this: the pages are built later.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PagesAreBuilt(BuildHookInterface[Any]):
    """Stops a release that would serve no pages."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - as the backend calls it
        """Look for the page that names all others. Raises RuntimeError when it is not there."""
        page = Path(self.root) / "gateway" / "web" / "built" / "index.html"
        if version != "editable" and not page.is_file():
            raise RuntimeError(
                f"{page} is missing: `make setup` builds the pages, then a release can be made"
            )
