"""Bands that VASP relaxes itself, through atomate2's maker; ``tests.support.vasp_program`` relaxes them by EMT."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.engines.vasp import VtstCalculator
from tansaku.calculators.workflows.migration.band import climb
from tansaku.calculators.workflows.migration.relaxing import BandCalculator, Relaxer, Through
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.vasp import VaspSpec
from tansaku.models.domain.specs.parallel import ParallelSpec

SPEC = VaspSpec(potcars={"Al": "Al"}, cutoff=200, kpoint_density=0.5, band="vtst")
THREE = ParallelSpec(ranks=3)


@pytest.fixture
def calculator(vasp, tmp_path):
    """VASP on three ranks, which ``mpiexec`` starts as one process."""
    mpiexec = tmp_path / "mpiexec"
    mpiexec.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    mpiexec.chmod(0o755)
    return VtstCalculator(SPEC, THREE.model_copy(update={"mpiexec": str(mpiexec)}))


def ends(calculator):
    """A vacancy before and after a hop in a cell of 32 sites, relaxed."""
    relaxer = Relaxer(Through(calculator), 0.02, 100)
    crystal = bulk("Al", "fcc", a=3.994, cubic=True).repeat(2)
    before = crystal[1:]
    after = before.copy()
    # The ion goes from the second site to the empty first one.
    after.positions[0] = crystal.positions[0]
    return before, relaxer.at_fixed_cell(before), relaxer.at_fixed_cell(after)


def test_a_band_by_vasp_ends_on_the_saddle_point_of_a_band_by_ase(calculator):
    emt = open_calculator(EmtSpec(), Path("/nonexistent"))
    atoms, first, last = ends(emt)
    assert isinstance(calculator, BandCalculator)
    assert not isinstance(emt, BandCalculator)
    by_ase = climb(Relaxer(Through(emt), 0.02, 100), atoms, (first, last), 3)
    through = Through(calculator)
    by_vasp = climb(Relaxer(through, 0.02, 100), atoms, (first, last), 3)
    assert by_vasp.saddle == pytest.approx(by_ase.saddle, abs=2e-3)
    assert by_vasp.saddle - first.energy > 0.2
    assert by_vasp.highest == by_ase.highest == 2
    np.testing.assert_allclose(by_vasp.positions[2], by_ase.positions[2], atol=0.05)
    np.testing.assert_array_equal(by_vasp.positions[0], first.positions)
    assert through.evaluations > 3


def test_a_band_needs_the_vtst_tools_and_ranks_for_every_image(vasp, calculator, monkeypatch):
    atoms, first, last = ends(open_calculator(EmtSpec(), Path("/nonexistent")))
    relaxer = Relaxer(Through(calculator), 0.02, 100)
    with pytest.raises(ConfigurationError, match=r"images: 4; .*3 ranks must be a multiple"):
        climb(relaxer, atoms, (first, last), 4)
    with pytest.raises(CalculationError, match="did not converge") as caught:
        climb(Relaxer(Through(calculator), 0.02, 1), atoms, (first, last), 3)
    assert caught.value.reason == "not_converged"
    monkeypatch.setenv("VASP_TEST", "plain")
    with pytest.raises(ConfigurationError, match=r"no VTST tools.*\n.*calculator\.band at ase"):
        climb(relaxer, atoms, (first, last), 3)


def test_the_key_chooses(vasp):
    assert isinstance(open_calculator(SPEC, Path("/nonexistent")), BandCalculator)
    assert not isinstance(open_calculator(SPEC.model_copy(update={"band": "ase"}), Path("/nonexistent")), BandCalculator)
