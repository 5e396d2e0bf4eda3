"""A test that is left out is listed; with TANSAKU_REQUIRE_ALL=1 it is a failure."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TESTS = """
import pytest

def test_needs_a_program(require):
    require("git")

@pytest.mark.needs("git")
def test_has_a_mark():
    pass

def test_is_skipped_by_hand():
    pytest.skip("no reason")

def test_passes():
    pass
"""


@pytest.fixture
def suite(tmp_path):
    """Runs a small suite under our conventions on a machine without any program."""
    (tmp_path / "tests/unit").mkdir(parents=True)
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests/conftest.py")
    shutil.copytree(ROOT / "tests/support", tmp_path / "tests/support", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    (tmp_path / "tests/unit/test_it.py").write_text(TESTS)

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        left_out = ("TANSAKU_REQUIRE_ALL", "PYTEST_ADDOPTS")
        variables = {name: value for name, value in os.environ.items() if name not in left_out}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "tests"],
            cwd=tmp_path,
            env={**variables, "PATH": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_without_the_variable_it_is_listed_and_times_are_printed(suite, tmp_path):
    (tmp_path / "tests/unit/test_slow.py").write_text("import time\n\ndef test_sleeps(): time.sleep(0.5)\n")
    result = suite()
    assert result.returncode == 0, result.stdout
    assert "left out: 2 tests, needs git: program git is not on PATH (Debian package git)" in result.stdout
    lines = result.stdout.splitlines()
    assert lines[-1].startswith("2 passed, 3 skipped")
    assert "tests/unit: 4 tests, " in result.stdout
    first = lines.index("slowest 5 tests: wall time, processor time with children") + 1
    assert re.fullmatch(r" +0\.[56789] s +0\.\d s  tests/unit/test_slow\.py::test_sleeps", lines[first])


def test_with_the_variable_it_fails(suite):
    result = suite(TANSAKU_REQUIRE_ALL="1")
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1].startswith("2 failed, 1 passed, 1 error")
    assert "needs git: program git is not on PATH" in result.stdout
    assert "was left out under TANSAKU_REQUIRE_ALL=1" in result.stdout


@pytest.mark.parametrize(("there", "expected"), [(True, "2 passed, 3 skipped"), (False, "1 passed, 3 skipped, 1 deselected")])
def test_what_needs_a_gpu_runs_where_there_is_one_and_is_no_failure_elsewhere(suite, tmp_path, there, expected):
    reports = tmp_path / "tests/support/reports.py"
    begin = "def _gpu() -> bool:\n"
    assert begin in reports.read_text()
    reports.write_text(reports.read_text().replace(begin, f"{begin}    return {there}\n"))
    (tmp_path / "tests/unit/test_gpu.py").write_text("import pytest\n\n@pytest.mark.gpu\ndef test_computes(): pass\n")
    assert suite(PYTEST_ADDOPTS="-m 'not slow'").stdout.splitlines()[-1].startswith(expected)
