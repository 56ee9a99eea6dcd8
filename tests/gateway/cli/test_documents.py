"""Every command the documents show is one there is, with the options shown."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app

ROOT = Path(__file__).parents[3]
SHOWN = re.compile(r"^\$ puhui ((?:.*\\\n)*.*)$", re.MULTILINE)
PARTS = {"[": "", "]": "", "…": "x", "> headers.txt": ""}
"""How the documents mark what may be left out or filled in."""


def commands() -> list[str]:
    found = []
    for name in ("README.md", "docs/operating.md", "docs/runbook.md"):
        for text in SHOWN.findall((ROOT / name).read_text(encoding="utf-8")):
            shown = text.replace("\\\n", " ")
            for mark, instead in PARTS.items():
                shown = shown.replace(mark, instead)
            found.append(shown)
    return list(dict.fromkeys(found))


def test_the_documents_show_commands() -> None:
    assert len(commands()) > 25


@pytest.mark.parametrize("shown", commands())
def test_a_command_shown_is_understood(shown: str) -> None:
    # The command line is read whole before --help is answered.
    named = [part for part in shlex.split(shown, comments=True) if not part.startswith("$")]
    done = CliRunner().invoke(app, [*named, "--help"])
    assert done.exit_code == 0, done.output


def test_a_command_that_is_none_is_not_understood() -> None:
    for wrong in (["operator", "bust", "17", "--why", "x", "--help"], ["operator", "bustle", "--help"]):
        assert CliRunner().invoke(app, wrong).exit_code == 2
