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


@pytest.mark.parametrize("part", ["models", "calculators", "spaces", "tasks", "flows", "deploy"])
def test_an_import_past_the_package_is_noticed(gate, plant, part):
    plant(f"{part}/planted.py", f'"""Planted."""\n\nimport {part}\n\nprinted = {part}\n')
    result = gate("ruff", "check", "--no-cache", f"{part}/planted.py")
    assert result.returncode == 1
    assert "TID251" in result.stdout


def test_mypy_passes(gate):
    result = gate("mypy")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "part", ["models/engine", "calculators/engines", "spaces", "tasks/stores", "flows", "deploy/cli", "benchmarks"]
)
def test_a_planted_type_error_is_noticed(gate, plant, part):
    plant(f"{part}/planted.py", '"""Planted."""\n\n\ndef count() -> int:\n    """Counts."""\n    return "three"\n')
    result = gate("mypy")
    assert result.returncode == 1
    assert f"{part}/planted.py:6: error: Incompatible return value type" in result.stdout, result.stdout


def test_untyped_code_is_noticed(gate, plant):
    plant("tasks/planted.py", '"""Planted."""\n\n\ndef count(values):\n    """Counts."""\n    return len(values)\n')
    assert "tasks/planted.py:4: error: Function is missing a type annotation" in gate("mypy").stdout
