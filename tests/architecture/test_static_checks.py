"""ruff and mypy pass, and both see through the links between the root folders and the package."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_ruff_passes_on_everything():
    ruff = Path(sys.executable).with_name("ruff")
    for arguments in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        result = subprocess.run([ruff, *arguments, "."], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("part", ["models", "calculators", "spaces", "tasks", "flows", "deploy", "rooms"])
def test_an_import_past_the_package_is_noticed(gate, plant, part):
    plant(f"{part}/planted.py", f'"""Planted."""\n\nimport {part}\n\nprinted = {part}\n')
    result = gate("ruff", "check", "--no-cache", f"{part}/planted.py")
    assert result.returncode == 1
    assert "TID251" in result.stdout


TYPED = [
    "models/engine",
    "calculators/engines",
    "spaces",
    "tasks/backends/stores",
    "flows",
    "deploy/cli",
    "rooms/sparse/tasks",
    "benchmarks",
]
TYPE_ERROR = '"""Planted."""\n\n\ndef count() -> int:\n    """Counts."""\n    return "three"\n'
UNTYPED = '"""Planted."""\n\n\ndef count(values):\n    """Counts."""\n    return len(values)\n'


@pytest.fixture(scope="module")
def mypy_errors(gate, tree):
    """What mypy says of the tree with all planted errors in it: one run takes as long as a run for each of them."""
    planted = {tree / part / "planted_type_error.py": TYPE_ERROR for part in TYPED}
    planted[tree / "tasks/planted_untyped.py"] = UNTYPED
    for path, text in planted.items():
        path.write_text(text)
    result = gate("mypy", f"--cache-dir={ROOT / '.mypy_cache'}")  # that of `make lint`: what has changed is told by hashes
    for path in planted:
        path.unlink()
    assert result.returncode == 1, result.stdout + result.stderr
    return [line for line in result.stdout.splitlines() if ": error: " in line]


def test_mypy_finds_nothing_but_what_was_planted(mypy_errors):
    assert [line for line in mypy_errors if "/planted_" not in line] == []
    assert len(mypy_errors) == len(TYPED) + 1


@pytest.mark.parametrize("part", TYPED)
def test_a_planted_type_error_is_noticed(mypy_errors, part):
    expected = f"{part.removeprefix('rooms/')}/planted_type_error.py:6: error: Incompatible return value type"
    assert any(expected in line for line in mypy_errors), mypy_errors


def test_untyped_code_is_noticed(mypy_errors):
    expected = "tasks/planted_untyped.py:4: error: Function is missing a type annotation"
    assert any(expected in line for line in mypy_errors), mypy_errors
