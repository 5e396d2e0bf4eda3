"""The wheel holds every sub-package and nothing else."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import tansaku
from tansaku.deploy.campaign_templates import template_files
from tests.support.rooms import ROOMS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build(tree, tmp_path_factory):
    def make(source: Path = tree) -> Path:
        folder = tmp_path_factory.mktemp("wheel")
        for leftover in (source / "build", source / "tansaku.egg-info"):  # setuptools packs what an earlier build left there
            shutil.rmtree(leftover, ignore_errors=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-build-isolation",
            "--no-deps",
            "--wheel-dir",
            folder,
            source,
        ]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=folder)
        assert result.returncode == 0, result.stderr
        return next(folder.glob("tansaku*.whl"))

    return make


@pytest.fixture(scope="module")
def wheel(build):
    """That of the tree as it is."""
    return build()


def web_files() -> list[Path]:
    """Templates and files of the dashboard and of the rooms' pages for browsers."""
    parts = ("deploy", *(f"rooms/{room}" for room in ROOMS))
    folders = [ROOT / part / "web" / kind for part in parts for kind in ("static", "templates")]
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def packed(path: Path) -> str:
    """Name in a wheel of a file of the repository."""
    if path.parts[0] in ("client", "tansaku"):
        return str(path).removeprefix("client/")
    return f"tansaku/{str(path).removeprefix('rooms/')}"


def problems(wheel: Path, modules: list[Path]) -> list[str]:
    """What the wheel lacks, and what it should not hold."""
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {packed(path) for path in modules}
    examples = ROOT / "examples"
    templates = {file for path in examples.glob("*.yaml") for file in template_files(path)} | {
        path.name for path in examples.glob("*.cif")
    }
    wanted |= {f"tansaku/deploy/templates/{name}" for name in templates}
    wanted |= {
        "tansaku/py.typed",
        "tansaku_client/py.typed",
        "tansaku/deploy/web/api/examples.json",
        "tansaku/deploy/python/constructors.pyi",
    }
    wanted |= {f"tansaku/deploy/hpc/{path.name}" for path in (ROOT / "deploy/hpc").iterdir()}
    wanted |= {packed(path.relative_to(ROOT)) for path in [*web_files(), *(ROOT / "deploy/plugin_template").glob("*.txt")]}
    unwanted = {name for name in names if name not in wanted and ".dist-info/" not in name}
    return sorted(f"missing {name}" for name in wanted - names) + sorted(f"stray {name}" for name in unwanted)


def test_the_wheel_holds_the_product_and_nothing_else(wheel, product_files):
    assert problems(wheel, product_files) == []


def test_a_missing_package_would_be_noticed(build, tree, product_files):
    settings = tree / "pyproject.toml"
    original = settings.read_text()
    try:
        settings.write_text(
            original.replace(
                'exclude = ["tansaku.deploy.templates*"', 'exclude = ["tansaku.deploy.templates*", "tansaku.models.engine*"'
            )
        )
        found = problems(build(), product_files)
    finally:
        settings.write_text(original)
    assert "missing tansaku/models/engine/__init__.py" in found
    assert all("models/engine" in line for line in found)


def test_the_wheel_of_the_client_holds_only_that_and_needs_little(build, tree, tmp_path):
    names = zipfile.ZipFile(build(tree / "client")).namelist()
    modules = {f"tansaku_client/{path.name}" for path in (ROOT / "client/tansaku_client").iterdir() if path.is_file()}
    assert {name for name in names if ".dist-info/" not in name} == modules
    own, whole = (tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"] for folder in ("client", "."))
    assert set(own["dependencies"]) <= set(whole["dependencies"])
    assert {re.split(r"\W", item)[0] for item in own["dependencies"]} == {"httpx", "numpy", "pandas", "pydantic"}
    assert own["version"] == tansaku.__version__


def test_the_wheel_runs_without_the_repository(wheel, tmp_path):
    unpacked = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(unpacked)
    code = (
        "import importlib, pkgutil, tansaku, tansaku.deploy.cli.main\n"
        "print(tansaku.__file__)\n"
        "[importlib.import_module(m.name) for m in pkgutil.iter_modules(tansaku.__path__, 'tansaku.')]\n"
        "tansaku.deploy.cli.main.app(['init', '--list'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0] == str(unpacked / "tansaku/__init__.py")
    assert "al-110-tilt" in result.stdout
