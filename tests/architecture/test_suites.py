"""A suite runs when something that it tests has changed, and its absence is named."""

import ast
import itertools
import subprocess
from pathlib import Path

import pytest

from tests.support.suites import SHARED, SUITES, changed_files, unchanged

ROOT = Path(__file__).resolve().parents[2]


def files_that_begin(begin: str) -> list[Path]:
    folder, _, name = begin.rpartition("/")
    return [path for path in (ROOT / folder).glob(f"{name}*") if path.name != "__pycache__"]


def test_every_path_of_the_table_exists():
    begins = [*SHARED, *(begin for suite in SUITES for begin in suite.tests + suite.sources)]
    assert [begin for begin in begins if not files_that_begin(begin)] == []


def test_no_test_is_in_two_suites():
    begins = sorted(begin for suite in SUITES for begin in suite.tests)
    assert [(one, other) for one, other in itertools.pairwise(begins) if other.startswith(one)] == []


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_suite_runs_when_one_of_its_files_has_changed(suite):
    for begin in suite.tests + suite.sources:
        assert suite not in unchanged([f"{begin}planted.py"])
    assert suite not in unchanged(["README.md", SHARED[0]])
    assert suite in unchanged(["README.md", "docs/index.md"])


def test_every_suite_runs_where_the_changes_are_unknown(tmp_path):
    assert changed_files(tmp_path, "0" * 40) is None
    assert unchanged(None) == ()


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_suite_names_the_benchmarks_that_its_tests_import(suite):
    files = [file for begin in suite.tests for found in files_that_begin(begin) for file in (found, *found.rglob("*.py"))]
    used = {name for file in files if file.suffix == ".py" for name in used_benchmarks(file)}
    assert {name for name in used if not name.startswith(SHARED + suite.sources)} == set()


def used_benchmarks(file: Path) -> set[str]:
    """Files and folders of benchmarks that a test imports or runs."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, f"{node.module}.{node.names[0].name}"}
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "run_benchmark":
            names |= {f"benchmarks.{part.value}" for part in node.args[:1] if isinstance(part, ast.Constant)}
    paths = {name.replace(".", "/") for name in names if name.startswith("benchmarks.")}
    return {f"{path}/" for path in paths if (ROOT / path).is_dir()} | {
        f"{path}.py" for path in paths if (ROOT / f"{path}.py").is_file()
    }


def test_changes_are_those_since_the_commit(tmp_path):
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    for name in ("kept.py", "edited.py", "moved.py"):
        (tmp_path / name).write_text(name)
    git("add", ".")
    git("commit", "-qm", "First")
    base = git("rev-parse", "HEAD")
    git("mv", "moved.py", "there.py")
    git("commit", "-qm", "Second")
    (tmp_path / "edited.py").write_text("other")
    (tmp_path / "new.py").write_text("new")
    assert sorted(changed_files(tmp_path, base)) == ["edited.py", "moved.py", "new.py", "there.py"]
