"""What goes out: a wheel with the four packages and nothing else, and a source archive that can be worked on.

Built with the build backend of the environment, so nothing is fetched and nothing is written into the checkout.
"""

import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "matching", "registry_bridge", "settlement")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def run(*command: str | Path, cwd: Path) -> str:
    finished = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def built(target: str, source: Path, out: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", out, cwd=source)
    (release,) = out.iterdir()
    return release


def files_under(root: Path, *folders: str) -> set[str]:
    found = (path for folder in folders for path in (root / folder).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path in found if "__pycache__" not in path.parts}


def files_in_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sdist = built("sdist", ROOT, tmp_path_factory.mktemp("sdist"))
    folder = tmp_path_factory.mktemp("unpacked")
    # The library's safe extraction is younger than the oldest Python we run on.
    subprocess.run(["tar", "--extract", "--gzip", f"--file={sdist}", f"--directory={folder}"], check=True)
    return folder / f"puhui_exchange-{VERSION}"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the wheel in it, which borrows the libraries it needs from this one."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=folder)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(site) / "borrowed.pth").write_text("\n".join(sorted(libraries)) + "\n", "utf-8")
    return python


def test_the_wheel_holds_the_four_packages_and_nothing_else(wheel: Path) -> None:
    held = files_in_wheel(wheel)
    assert held == files_under(ROOT, *PACKAGES)
    assert {f"{package}/py.typed" for package in PACKAGES} <= held


def test_the_wheel_carries_its_licence_and_may_not_be_uploaded(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"puhui_exchange-{VERSION}.dist-info/METADATA").decode()
        licence = archive.read(f"puhui_exchange-{VERSION}.dist-info/licenses/LICENSE").decode()
    assert "Classifier: Private :: Do Not Upload" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert "Apache License" in licence


def test_the_source_archive_can_be_worked_on(unpacked: Path) -> None:
    assert files_under(unpacked, *PACKAGES, "tests") == files_under(ROOT, *PACKAGES, "tests")
    listing = {path.name for path in unpacked.iterdir()}
    assert {".ci", "LICENSE", "Makefile", "pyproject.toml", "requirements"} <= listing
    assert ".venv" not in listing


def test_the_source_archive_makes_the_same_wheel(wheel: Path, unpacked: Path, tmp_path: Path) -> None:
    assert files_in_wheel(built("wheel", unpacked, tmp_path)) == files_in_wheel(wheel)


def test_the_packages_are_found_where_the_wheel_put_them(installed: Path, tmp_path: Path) -> None:
    script = f"import {', '.join(PACKAGES)}; print(*(module.__file__ for module in ({', '.join(PACKAGES)})))"
    for file in run(installed, "-c", script, cwd=tmp_path).split():
        assert Path(file).is_relative_to(installed.parents[1])


def test_the_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert VERSION in run(installed.with_name("puhui"), "--version", cwd=tmp_path)
