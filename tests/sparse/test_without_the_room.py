"""An installation without the room ``sparse``: its command says what is missing, everything else works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.campaign_files import rows_campaign

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("calculators", "deploy", "examples", "flows", "models", "spaces", "tansaku", "tasks")
ALONE = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if not getattr(finder, "__module__", "").startswith("__editable__")]
"""
"""Otherwise an editable installation would lend what the copy lacks."""

COMMAND = "from tansaku.deploy.cli.main import main; main()"
DASHBOARD = ("pages/test_home.py", "test_app.py")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product without the room, and with the tests of the rest."""
    copy = tmp_path_factory.mktemp("without")
    for name in PARTS:
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "tansaku/sparse").unlink()
    (copy / "tests").symlink_to(ROOT / "tests")
    shutil.copy(ROOT / "pyproject.toml", copy)
    (copy / "sitecustomize.py").write_text(ALONE)
    return copy


@pytest.fixture
def run(tree: Path, tmp_path: Path) -> Iterator[Run]:
    """``run("-c", code)`` runs Python in that installation, in a home of its own."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "HOME": str(tmp_path / "home"), "NO_COLOR": "1"}

    def started(*words: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False)

    (tmp_path / "home").mkdir()
    yield started
    started("-c", COMMAND, "stop")


def test_the_command_says_what_is_missing_and_the_help_leaves_it_out(run: Run) -> None:
    listed = run("-c", COMMAND, "--help")
    assert listed.returncode == 0
    assert "│ dataset " in listed.stdout
    assert "│ sparse " not in listed.stdout
    called = run("-c", COMMAND, "sparse", "search", "t.csv")
    assert called.returncode == 5
    assert "tansaku sparse: this installation of tansaku has no package tansaku.sparse" in called.stderr
    assert "Traceback" not in called.stderr


def test_a_campaign_is_checked_and_runs(run: Run, tmp_path: Path, require: Callable[[str], None]) -> None:
    require("mongod")
    (tmp_path / "rows.yaml").write_text(rows_campaign("rows", 3))
    (tmp_path / "rows.csv").write_text("id,value,cost,x\na,1.0,2.0,0.0\nb,2.0,2.0,0.5\nc,3.0,2.0,1.0\n")
    assert run("-c", COMMAND, "check", "rows.yaml").returncode == 0
    ran = run("-c", COMMAND, "run", "--plain", "rows.yaml")
    assert ran.returncode == 0, ran.stderr
    assert "DONE" in run("-c", COMMAND, "results", "rows", "--evaluations").stdout


def test_the_dashboard_passes_its_tests(run: Run, tree: Path) -> None:
    files = [f"tests/unit/deploy/web/{name}" for name in DASHBOARD]
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *files, cwd=tree)
    assert done.returncode == 0, done.stdout[-4000:]
    assert run("-c", "import tansaku.sparse", cwd=tree).returncode == 1
