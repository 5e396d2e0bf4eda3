"""`make run` and `make test` install once, and again only when what they install has changed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def make(tmp_path, require):
    require("make")
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "deploy/setup/check_machine.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        outside = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        return subprocess.run(
            ["make", *arguments], cwd=tmp_path, env=outside, capture_output=True, text=True, timeout=60, check=False
        )

    return run


TEST_EXTRAS = (
    "[atomate2,bench,chgnet,docs,fireworks%s,lammps,mcp,molecules,optimade,potential,sevennet,soap,sparse,surrogates,tblite,"
    "torch,test]"
)


@pytest.mark.parametrize(
    ("target", "extras", "purpose"),
    [
        ("run", "[lammps]", "run"),
        ("serve", "[lammps]", "run"),
        ("test GPAW=,gpaw", TEST_EXTRAS % ",gpaw", "test"),
        ("test GPAW=", TEST_EXTRAS % "", "test"),
    ],
)
def test_a_fresh_clone_is_checked_and_installed_first(make, target, extras, purpose):
    lines = make("-n", *target.split()).stdout.splitlines()
    checks = [index for index, line in enumerate(lines) if f"check_machine.py {purpose}" in line]
    installs = [index for index, line in enumerate(lines) if f"-c constraints.txt -e '.{extras}'" in line]
    works = [index for index, line in enumerate(lines) if re.search(r"tansaku (run|serve)|pytest", line)]
    assert len(checks) == len(installs) == 1
    assert checks < installs < works


def test_nothing_is_installed_twice(make, tmp_path):
    database = make("-pn", "help").stdout
    assert re.search(r"^RUN_STAMP := ", database, re.MULTILINE)
    for kind in ("RUN", "TEST"):
        key = make("-s", "--eval", f"show:\n\t@echo $({kind}_STAMP)", "show").stdout.strip()
        stamp = tmp_path / key
        stamp.parent.mkdir(exist_ok=True)
        stamp.touch()
    assert "pip install" not in make("-n", "run").stdout + make("-n", "test").stdout
    assert make("-q", "install").returncode == 0


def test_a_compiler_that_was_installed_later_brings_gpaw(make):
    stamps = [make("-s", "--eval", "show:\n\t@echo $(TEST_STAMP)", "show", f"GPAW={one}").stdout for one in ("", ",gpaw")]
    assert stamps[0] != stamps[1]
    lines = make("-n", "test", "GPAW=").stdout
    assert "gpaw" not in lines
    assert "mpich" not in lines


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_requirement_is_installed(make, tmp_path, name):
    stamp = tmp_path / make("-s", "--eval", "show:\n\t@echo $(RUN_STAMP)", "show").stdout.strip()
    stamp.parent.mkdir(exist_ok=True)
    stamp.touch()
    assert make("-q", "install").returncode == 0
    with (tmp_path / name).open("a") as stream:
        stream.write("# changed\n")
    assert make("-q", "install").returncode == 1


def test_options_hold_their_values():
    """Pytest takes a value that stands apart for a path as soon as that file exists, and then finds none of our options."""
    text = (ROOT / "Makefile").read_text()
    assert "--times=" in text
    assert "--times " not in text
