"""An installation without the rooms: their commands say what is missing, everything else works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.campaign_files import hydrogen_campaign, rows_campaign
from tests.support.rooms import ROOMS

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("calculators", "client", "deploy", "examples", "flows", "models", "spaces", "tansaku", "tasks")
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
    """A copy of the product without the rooms, and with the tests of the rest."""
    copy = tmp_path_factory.mktemp("without")
    for name in PARTS:
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for room in ROOMS:
        (copy / "tansaku" / room).unlink()
    (copy / "tansaku_client").symlink_to("client/tansaku_client")
    for name in ("tests", "benchmarks"):  # the tests share doubles with the benchmarks
        (copy / name).symlink_to(ROOT / name)
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


@pytest.mark.parametrize(("room", "words"), [("diffusion", ["path", "h-in-al"]), ("sparse", ["sparse", "search", "t.csv"])])
def test_a_command_says_what_is_missing_and_the_help_leaves_it_out(run: Run, room: str, words: list[str]) -> None:
    listed = run("-c", COMMAND, "--help")
    assert listed.returncode == 0
    assert "│ dataset " in listed.stdout
    assert f"│ {words[0]} " not in listed.stdout
    called = run("-c", COMMAND, *words)
    assert called.returncode == 5
    assert f"tansaku {words[0]}: this installation of tansaku has no package tansaku.{room}" in called.stderr
    assert "Traceback" not in called.stderr


def test_a_search_for_a_bottleneck_is_checked_and_runs(run: Run, tmp_path: Path, require: Callable[[str], None]) -> None:
    require("mongod")
    (tmp_path / "h-in-al.yaml").write_text(json.dumps(hydrogen_campaign(dimensions=1, evaluations=6)))
    assert run("-c", COMMAND, "check", "h-in-al.yaml").returncode == 0
    ran = run("-c", COMMAND, "run", "--plain", "h-in-al.yaml")
    assert ran.returncode == 0, ran.stderr
    # Without the view of its goal, the table of all searches.
    assert run("-c", COMMAND, "results", "h-in-al").stdout.startswith("system\tvalue [meV]")
    drawn = run("-c", COMMAND, "plot", "h-in-al", "--out", "figures")
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "figures/h-in-al-convergence.png").is_file()
    asked = run("-c", "import tansaku; tansaku.open('h-in-al').surface()")
    assert "MissingComponentError: this installation of tansaku has no package tansaku.diffusion" in asked.stderr


def test_a_file_that_needs_a_room_is_refused_with_its_name(run: Run, tmp_path: Path) -> None:
    calculator = {"type": "potential", "model": "al.safetensors"}
    (tmp_path / "h-in-al.yaml").write_text(json.dumps(hydrogen_campaign(1, 6) | {"calculator": calculator}))
    refused = run("-c", COMMAND, "check", "h-in-al.yaml")
    assert refused.returncode == 2
    assert "type 'potential' is not known" in refused.stderr
    assert "this installation of tansaku has no package tansaku.potentials" in refused.stderr


def test_bench_names_the_room_of_a_method(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_text(rows_campaign("rows", 3))
    (tmp_path / "rows.csv").write_text("id,value,cost,x\na,1.0,2.0,0.0\nb,2.0,2.0,0.5\nc,3.0,2.0,1.0\n")
    assert run("-c", COMMAND, "bench", "rows.yaml", "--methods", "random", "--seeds", "1").returncode == 0
    refused = run("-c", COMMAND, "bench", "rows.yaml", "--methods", "physbo", "--seeds", "1")
    assert refused.returncode == 5
    assert "--methods: 'physbo': this installation of tansaku has no package tansaku.peers" in refused.stderr


def test_the_dashboard_passes_its_tests(run: Run, tree: Path) -> None:
    files = [f"tests/unit/deploy/web/{name}" for name in DASHBOARD]
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *files, cwd=tree)
    assert done.returncode == 0, done.stdout[-4000:]
    assert [run("-c", f"import tansaku.{room}", cwd=tree).returncode for room in ROOMS] == [1] * len(ROOMS)
