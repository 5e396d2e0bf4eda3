"""A type that nobody has told the suites of meets all of them: a calculator of a package that is planted here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.plugin_packages import ROOT, add_written_calculator

NAME = "planted-spring"
SUITES = (
    "tests/contracts/test_calculators.py",
    "tests/contracts/test_calculator_types.py",
    "tests/unit/tasks/node/configuration/campaign_files/test_random_files.py",
)
MET = ("forces_are_the_energy_s_gradient", "provenance_records_the_level_of_theory", "every_type_has_an_engine")
WANTED = f"every_type_is_drawn or union_of_campaign_files or planted_spring and ({' or '.join(MET)})"


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Path:
    """A folder of the path with the package that `tansaku new calculator` writes, as pip would leave it."""
    folder = tmp_path_factory.mktemp("planted")
    add_written_calculator(folder, NAME)
    return folder


def test_the_suites_meet_it(planted):
    """The random campaign files fail unless each type of the schema is drawn; the table and the schema have the same types."""
    environment = {**os.environ, "PYTHONPATH": str(planted), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *SUITES, "-k", WANTED]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for test in (*(f"{name}[planted_spring]" for name in MET), "nothing_but_a_refusal_comes_of_it", "are_the_same"):
        assert f"{test} PASSED" in done.stdout
