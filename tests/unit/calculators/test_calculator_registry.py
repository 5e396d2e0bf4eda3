from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_spec_s_calculator_is_opened(require, tmp_path):
    require("lammps")
    assert isinstance(open_calculator(EmtSpec(), tmp_path), EmtCalculator)
    calculator = open_calculator(LammpsSpec(potential="Al_mm.eam.fs"), tmp_path)
    assert isinstance(calculator, Calculator)
    assert calculator.provenance.model == "Al_mm.eam.fs"


def test_no_engine_is_imported_before_it_is_asked_for():
    code = (
        "import sys, tansaku.calculators.calculator_registry; "
        "print(sorted({'ase', 'lammps', 'scipy', 'torch'} & set(sys.modules)))"
    )
    assert run(code) == "[]\n"


def test_a_missing_package_is_said_with_what_to_install():
    code = (
        "import sys; sys.modules['lammps'] = None\n"
        "from pathlib import Path\n"
        "from tansaku.calculators.calculator_registry import open_calculator\n"
        "from tansaku.models.domain.errors import MissingComponentError\n"
        "from tansaku.models.domain.specs.calculators.lammps import LammpsSpec\n"
        "try:\n    open_calculator(LammpsSpec(potential='Al_mm.eam.fs'), Path('/'))\n"
        "except MissingComponentError as error:\n    print(error)\n"
    )
    assert "pip install 'tansaku[lammps]'" in run(code)


def test_a_potential_that_is_not_there_is_said_before_anything_is_computed(require):
    require("lammps")
    with pytest.raises(ConfigurationError, match="nowhere"):
        open_calculator(LammpsSpec(potential="nowhere.eam.fs"), Path("/nonexistent"))
