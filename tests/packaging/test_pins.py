"""The pins: every library we name is pinned, as new as we ask, with hashes, and from no index in particular."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUN = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
DEV = [Requirement(text) for text in PROJECT["dependency-groups"]["dev"]]


def pins(name: str) -> dict[str, list[Requirement]]:
    """The pinned requirements of one file by name; one may be pinned twice, for different platforms."""
    text = (ROOT / "requirements" / name).read_text("utf-8").replace("\\\n", " ")
    pinned: dict[str, list[Requirement]] = {}
    for line in text.splitlines():
        if not line.strip().startswith("#"):
            requirement = Requirement(line.partition(" --hash=")[0])
            pinned.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return pinned


@pytest.mark.parametrize(("name", "wanted"), [("run.txt", RUN), ("dev.txt", RUN + DEV)])
def test_every_library_we_name_is_pinned_as_new_as_we_ask(name: str, wanted: list[Requirement]) -> None:
    pinned = pins(name)
    for requirement in wanted:
        for pin in pinned[canonicalize_name(requirement.name)]:
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert exact.version in requirement.specifier, f"{name} is older than pyproject.toml: make lock"


def test_what_runs_is_what_was_tested() -> None:
    tested = pins("dev.txt")
    for name, requirements in pins("run.txt").items():
        assert {str(pin) for pin in requirements} == {str(pin) for pin in tested[name]}


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_every_pin_has_a_hash_and_names_no_place(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text("utf-8")
    for block in re.split(r"\n(?=\S)", text):
        assert "--hash=sha256:" in block, block
    assert "://" not in text
    assert not re.search(r"^\s*-", text.replace("--hash", ""), re.MULTILINE)
