"""Where the project's own text is, and how a finding in it is told."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PURE = ("settlement", "matching")
PACKAGES = ("gateway", "matching", "registry_bridge", "settlement")

_TEXT = (*PACKAGES, "benchmarks", "tests", "requirements", "web", ".ci")
_SUFFIXES = {
    "",
    ".css",
    ".html",
    ".in",
    ".js",
    ".json",
    ".md",
    ".py",
    ".sql",
    ".svg",
    ".toml",
    ".ts",
    ".tsx",
    ".txt",
    ".yaml",
}

_MADE = {"__pycache__", "built", "node_modules"}
_LEFT_BY_TOOLS = {".coverage", ".git"}  # a work tree of git has a file of that name


class Finding(NamedTuple):
    """One place that breaks a rule."""

    line: int
    what: str


Rule = Callable[[ast.Module], Iterator[Finding]]


def modules(*packages: str) -> list[Path]:
    """Every Python module of these packages."""
    found = [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]
    assert len(found) >= len(packages), f"no modules under {packages}: is this a whole checkout?"
    return found


def texts() -> list[Path]:
    """Every file people write in this project: code, data, pages, settings."""
    found = [path for path in sorted(ROOT.iterdir()) if path.is_file() and path.name not in _LEFT_BY_TOOLS]
    for folder in _TEXT:
        found += sorted(path for path in (ROOT / folder).rglob("*") if path.is_file())
    return [path for path in found if path.suffix in _SUFFIXES and _MADE.isdisjoint(path.parts)]


def named(path: Path) -> str:
    """The name under which a test is listed for this file."""
    return path.relative_to(ROOT).as_posix()


def told(path: Path, findings: Iterator[Finding]) -> list[str]:
    """The findings as an editor can jump to them."""
    return [f"{named(path)}:{line}: {what}" for line, what in findings]
