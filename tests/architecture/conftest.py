"""The product's sources, and a copy of them in which rules may be broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("calculators", "client", "deploy", "flows", "models", "rooms", "spaces", "tasks")

Plant = Callable[[str, str], None]
Gate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def product_files() -> list[Path]:
    """Every module of the product, relative to the repository."""
    found = [Path("tansaku/__init__.py")]
    for part in PARTS:
        found += [path.relative_to(ROOT) for path in sorted((ROOT / part).rglob("*.py"))]
    return found


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources and their configuration; the working tree is never written to."""
    copy = tmp_path_factory.mktemp("copy") / "tree"
    copy.mkdir()
    data = ("*.csv*", "*.gz", "*.json", "*.npz", "*.parquet", "*.png", "*.safetensors")
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.pyi")  # what an installation wrote
    shutil.copytree(ROOT / "benchmarks", copy / "benchmarks", ignore=shutil.ignore_patterns("__pycache__", *data))
    for name in (*PARTS, "tansaku", "examples"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignore)
    (copy / "tansaku_client").symlink_to("client/tansaku_client")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def plant(tree: Path, request: pytest.FixtureRequest) -> Plant:
    """``plant("tasks/planted.py", text)`` adds a file to the copy for the length of one test."""

    def add(name: str, text: str) -> None:
        path = tree / name
        assert not path.exists()
        path.write_text(text)
        request.addfinalizer(path.unlink)

    return add


@pytest.fixture(scope="module")
def gate(tree: Path) -> Gate:
    """Runs one of the tools of this environment in the copy: ``gate("ruff", "check")``."""

    def run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).with_name(tool)
        environment = {**os.environ, "PYTHONPATH": str(tree), "NO_COLOR": "1"}
        return subprocess.run(
            [program, *arguments], cwd=tree, env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    return run
