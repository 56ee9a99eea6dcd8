"""The arrows between the packages, as import-linter's contracts in pyproject.toml draw them.

The contracts are tried on small projects of the same four names: once as they should be, and once with each
arrow that must not be.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT

LAWFUL = {
    "settlement/ledger.py": "",
    "settlement/depository.py": "import settlement.ledger",
    "matching/book.py": "import settlement.ledger",
    "registry_bridge/signing.py": "",
    "registry_bridge/bridge.py": "import settlement.ledger",
    "gateway/app.py": "import gateway.composition.registry_line, gateway.keys, matching.book, settlement.ledger",
    "gateway/composition/registry_line.py": "import registry_bridge.bridge",
    "gateway/keys.py": "import registry_bridge.signing",
    "gateway/cli.py": "import gateway.app",
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    return subprocess.run([*command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def planted(folder: Path, modules: dict[str, str]) -> Path:
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    (folder / "gateway" / "composition").mkdir()
    (folder / "gateway" / "composition" / "__init__.py").touch()
    for name, source in modules.items():
        (folder / name).write_text(source + "\n", "utf-8")
    return folder


def test_the_project_keeps_its_arrows() -> None:
    checked = lint(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_lawful_project_passes(tmp_path: Path) -> None:
    checked = lint(planted(tmp_path, LAWFUL))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("name", "source", "contract"),
    [
        ("settlement/ledger.py", "import matching.book", "settlement imports none"),
        ("settlement/ledger.py", "import registry_bridge.bridge", "settlement imports none"),
        ("settlement/ledger.py", "import gateway.app", "settlement imports none"),
        ("matching/book.py", "from registry_bridge import signing", "matching imports settlement only"),
        ("matching/book.py", "def late():\n    import gateway.app", "matching imports settlement only"),
        ("registry_bridge/bridge.py", "import matching.book", "registry_bridge imports settlement only"),
        ("registry_bridge/bridge.py", "import gateway.app", "registry_bridge imports settlement only"),
        (
            "gateway/keys.py",
            "import registry_bridge.bridge",
            "gateway imports registry_bridge in its composition",
        ),
        ("gateway/cli.py", "import registry_bridge", "gateway imports registry_bridge in its composition"),
        ("settlement/ledger.py", "import settlement.depository", "no two neighbours"),
    ],
)
def test_an_arrow_that_must_not_be_is_caught(tmp_path: Path, name: str, source: str, contract: str) -> None:
    checked = lint(planted(tmp_path, {**LAWFUL, name: source}))
    broken = [line for line in checked.stdout.splitlines() if " BROKEN" in line]
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert any(line.startswith(contract) for line in broken), checked.stdout
