"""No promises instead of code, nothing that is true on one machine only."""

import pytest

from tests.architecture.sources import ROOT, named, texts, told
from tests.architecture.wording import unwanted

# This folder has to spell the words it looks for.
_SPELLS_THEM = ROOT / "tests" / "architecture"


def test_no_file_says_what_does_not_belong_here() -> None:
    read = [path for path in texts() if _SPELLS_THEM not in path.parents]
    found = [line for path in read for line in told(path, unwanted(path.read_text("utf-8")))]
    assert found == []


def test_code_pins_and_pages_are_among_what_is_read() -> None:
    read = {named(path) for path in texts()}
    assert {"Makefile", ".ci/run", "pyproject.toml", "requirements/dev.txt", "settlement/__init__.py"} <= read


@pytest.mark.parametrize(
    "line",
    [
        "# TODO: later",
        "x = 1  # FIXME",
        *(f"see {root}somewhere/notes.md" for root in map("/{}/".format, ("work", "root", "home"))),
        "--index-url https://example.org/x",
        "--extra-index-url=https://example.org/x",
        "--find-links wheels",
        *(f"https://{''.join(host)}.org/x" for host in (("files.python", "hosted"), ("py", "pi"))),
        "https://mirror.example.org/simple/x",
        "file:///tmp/wheel",
    ],
)
def test_the_rule_catches_its_offender(line: str) -> None:
    assert list(unwanted(f"first\n{line}\n")) != []


@pytest.mark.parametrize(
    "line",
    [
        "the method todo() of a list",
        "/v1/orders and ./work/x and docs/home/index.md",
        "uv pip compile --no-emit-index-url --no-emit-find-links",
    ],
)
def test_the_rule_leaves_the_innocent_alone(line: str) -> None:
    assert list(unwanted(line)) == []
