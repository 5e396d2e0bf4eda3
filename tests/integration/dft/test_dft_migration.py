"""A vacancy's migration barrier by density-functional theory: the smallest crystal that the whole workflow runs on."""

from pathlib import Path

import pytest
from ase.build import bulk
from pydantic import TypeAdapter

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.migration_barrier import migration_barrier
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.calculators.table import CalculatorSpec

WORKFLOW = {"type": "migration_barrier", "ion": "Al", "dimensions": 3, "max_hop": 3.0, "image_distance": 5.0, "images": 3}
COARSE = {"cutoff": 150, "kpoint_density": 0.8, "smearing": {"width": 0.4}, "workflow": WORKFLOW | {"fmax": 0.05}}
SPECS = {
    "espresso": {"type": "espresso", "pseudopotentials": {"Al": "Al.pz-vbc.UPF"}, "energy_tolerance": 1e-6, **COARSE},
    "gpaw": {"type": "gpaw", "xc": "LDA", "energy_tolerance": 1e-6, "density_tolerance": 1e-5, **COARSE},
}


@pytest.mark.parametrize("code", ["espresso", pytest.param("gpaw", marks=pytest.mark.slow)])
def test_a_vacancy_of_aluminium_hops_over_a_barrier(require, code):
    """Seven atoms in a cell of eight sites: measured ones need 0.6 eV, in so small a cell it is less."""
    require(code)
    spec = TypeAdapter(CalculatorSpec).validate_python(SPECS[code])
    found = migration_barrier(open_calculator(spec, Path("/nonexistent")), bulk("Al", a=3.97), workflow_of(spec))
    assert found.supercell == (2, 2, 2)
    (hop,) = found.hops
    assert hop.result is not None, hop.failure
    assert len(hop.hops.members) == 6
    barrier = found.barrier(3)
    assert 0.2 < barrier < 0.7
    assert barrier == found.barrier(1)
    (vacancy,) = found.carriers
    assert barrier == pytest.approx(hop.result.energy - vacancy.state.energy)
    assert 20 < found.evaluations < 90
