"""Segregation at a Σ5 boundary of copper against a calculation with ASE alone, and what must hold of any boundary."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read
from ase.optimize import BFGS
from pydantic import TypeAdapter

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.spaces.segregation import SegregationSpace
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.read.figures.campaign import drawings_of
from tansaku.tasks.read.views.campaign_figures import figures_of
from tansaku.tasks.read.views.spectrum import segregation_spectrum
from tests.integration.boundaries.conftest import driven

EDGE, FMAX = 3.59, 0.005
"""The lattice parameter of effective-medium theory [Å], and the largest force [eV/Å]."""

AL = "NiAlH_jea.eam.alloy"
AL_EDGE = 4.05


def bicrystal(element, edge, height=2):
    """Two grains of Σ5 (2 1 0) in a periodic cell, the second one the mirror image of the first."""
    cell = np.array([np.sqrt(5.0), 1.0, np.sqrt(5.0) * height]) * edge
    axes = np.array([[1, -2, 0], [0, 0, 1], [-2, -1, 0]]) / np.array([[np.sqrt(5)], [1], [np.sqrt(5)]])
    grid = bulk(element, "fcc", a=edge, cubic=True).repeat(20)
    grid.positions = (grid.positions - 10 * edge) @ axes.T
    inside = ((grid.positions > -1e-6) & (grid.positions < cell - 1e-6)).all(axis=1)
    lower = grid[inside]
    upper = lower.copy()
    upper.positions[:, 2] *= -1.0
    # The plane that both grains would share is the lower one's.
    both = lower + upper[lower.positions[:, 2] > 1e-6]
    both.set_cell([cell[0], cell[1], 2 * cell[2]])
    both.pbc = True
    both.wrap()
    return both


def document(folder, candidate, **keys):
    given = {
        "campaign": "test",
        "candidate": candidate,
        "calculator": {"type": "emt", "relaxation": {"translation": "free", "fmax": FMAX}},
        "objective": {"unit": "meV"},
        "base_path": str(folder),
    }
    return JobDocument.model_validate(given | keys)


def space(**keys):
    return {
        "type": "segregation",
        "boundary": "boundary.extxyz",
        "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": EDGE},
        "solute": "Ag",
        "images": 7,
    } | keys


def relaxed_by_ase(atoms):
    atoms = atoms.copy()
    atoms.calc = EMT()
    BFGS(atoms, logfile=None).run(fmax=FMAX, steps=500)
    return atoms


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("copper")
    write_extended_xyz(made / "boundary.extxyz", relaxed_by_ase(bicrystal("Cu", EDGE)))
    return made


def opened(folder, **keys) -> SegregationSpace:
    return open_space(TypeAdapter(SpaceSpec).validate_python(space(**keys)), folder)


@pytest.mark.parametrize("keys", [{}, {"defect": "vacancy", "solute": None}])
def test_energies_are_those_of_a_calculation_with_ase_alone(folder, keys):
    found = opened(folder, **keys)
    candidate = str(found.pool().ids[0])
    outcome = evaluate(document(folder, candidate, space=space(**keys)), folder)
    assert outcome.failure is None

    boundary = relaxed_by_ase(bicrystal("Cu", EDGE))
    first = boundary.repeat((1, 2, 1))
    crystal = bulk("Cu", "fcc", a=EDGE, cubic=True).repeat(2)
    place = int(candidate.rpartition("-")[2])
    energies = []
    for atoms, number in ((first, place), (crystal, 0)):
        defect = atoms.copy()
        if keys:
            del defect[number]
        else:
            defect.symbols[number] = "Ag"
        energies.append(relaxed_by_ase(defect).get_potential_energy() - relaxed_by_ase(atoms).get_potential_energy())
    assert outcome.value == pytest.approx(1000 * (energies[0] - energies[1]), abs=2.0)
    assert outcome.quantities["segregation_energy"].value == pytest.approx(outcome.value / 1000)
    assert outcome.properties["multiplicity"] == found.site(candidate).members


def test_as_they_stand_nothing_moves(folder):
    found = opened(folder)
    candidate = str(found.pool().ids[0])
    outcome = evaluate(document(folder, candidate, space=space(relaxed=False)), folder)
    assert outcome.properties["steps"] == 0
    start = found.structure(candidate)
    start.calc = EMT()
    assert outcome.quantities["energy"].value == pytest.approx(start.get_potential_energy(), abs=1e-6)


def test_a_campaign_shows_what_it_computed_and_what_its_model_expects(folder, tmp_path):
    write_extended_xyz(tmp_path / "boundary.extxyz", read(folder / "boundary.extxyz"))
    file = tmp_path / "sites.yaml"
    spread = {"type": "gp", "engine": 4, "initial": "representative", "initial_points": 3}
    calculator = {"type": "emt"}
    document = {"schema_version": 1, "space": space(relaxed=False), "calculator": calculator, "objective": {"unit": "eV"}}
    file.write_text(yaml.safe_dump(document | {"proposer": spread, "budget": {"evaluations": 3}}), encoding="utf-8")
    data, artifacts = driven(file, tmp_path)
    found = segregation_spectrum(data)
    assert found.computed.sum() == 3
    assert len(found.energy) == len(data.pool) > 3
    assert (np.diff(found.energy) >= 0).all()
    assert (found.deviation[found.computed] == 0).all()
    assert (found.deviation[~found.computed] > 0).all()
    assert "spectrum" in [drawing.stem for drawing in drawings_of(data, artifacts)]
    assert figures_of(data).pictures == ("spectrum",)


def test_another_objective_and_another_space_are_refused(folder):
    wrong = document(folder, "Ag-00000", space=space(), objective={"property": "energy_per_atom", "unit": "eV/atom"})
    with pytest.raises(Exception, match=r"objective\.property: a segregation space gives segregation_energy"):
        evaluate(wrong, folder)


@pytest.fixture(scope="module")
def aluminium(tmp_path_factory):
    """A relaxed Σ5 (2 1 0) of aluminium with thick grains, and what computes it."""
    made = tmp_path_factory.mktemp("aluminium")
    calculator = open_calculator(LammpsSpec(potential=AL), made)
    start = bicrystal("Al", AL_EDGE, height=4)
    # The mirror image is no minimum: what is relaxed without a push stays there until a solute breaks the symmetry.
    start.rattle(0.1, seed=1)
    result = calculator.evaluate(start, RelaxationSpec(cell="normal", translation="free", fmax=0.001))
    write_extended_xyz(made / "boundary.extxyz", result.atoms)
    calculator.close()
    return made


def aluminium_space(**keys):
    crystal = {"structure": "fcc", "element": "Al", "lattice_parameter": AL_EDGE}
    return space(crystal=crystal, solute="Ni", images=12) | keys


def energy(folder, candidate, keys):
    relaxation = {"translation": "free", "fmax": 0.001}
    calculator = {"type": "lammps", "potential": AL, "relaxation": relaxation}
    outcome = evaluate(document(folder, candidate, space=aluminium_space(**keys), calculator=calculator), folder)
    assert outcome.failure is None
    return outcome.value


@pytest.mark.needs("lammps")
def test_far_from_the_boundary_nothing_is_gained(aluminium):
    keys = {"change": 0.0, "tolerance": 0.002, "images": 20}
    found = open_space(TypeAdapter(SpaceSpec).validate_python(aluminium_space(**keys)), aluminium)
    sites = sorted((found.site(str(name)).change, str(name)) for name in found.pool().ids)
    assert abs(energy(aluminium, sites[0][1], keys)) < 5.0
    assert abs(energy(aluminium, sites[-1][1], keys)) > 50.0


@pytest.mark.needs("lammps")
def test_a_boundary_that_changes_around_the_defect_is_a_failure(aluminium, tmp_path):
    """The mirror image, relaxed without a push, falls to a lower structure: that is no energy of a site."""
    calculator = open_calculator(LammpsSpec(potential=AL), tmp_path)
    relaxed = calculator.evaluate(bicrystal("Al", AL_EDGE, height=4), RelaxationSpec(translation="free", fmax=0.001))
    calculator.close()
    write_extended_xyz(tmp_path / "boundary.extxyz", relaxed.atoms)
    found = open_space(TypeAdapter(SpaceSpec).validate_python(aluminium_space()), tmp_path)
    relaxation = {"translation": "free", "fmax": 0.001}
    given = {"space": aluminium_space(), "calculator": {"type": "lammps", "potential": AL, "relaxation": relaxation}}
    outcome = evaluate(document(tmp_path, str(found.pool().ids[0]), **given), tmp_path)
    assert outcome.failure is not None
    assert outcome.failure.reason == "restructured"
    assert "the boundary is no minimum" in outcome.failure.message


@pytest.mark.needs("lammps")
def test_atoms_of_one_site_have_one_energy(aluminium):
    found = open_space(TypeAdapter(SpaceSpec).validate_python(aluminium_space()), aluminium)
    candidate = str(max(found.pool().ids, key=lambda name: found.site(str(name)).members))
    site = found.site(candidate)
    assert site.members >= 2
    alike = _alike(found, site)
    calculator = open_calculator(LammpsSpec(potential=AL), aluminium)
    energies = []
    for place in alike[:3]:
        atoms = found.perfect()
        atoms.symbols[place] = "Ni"
        energies.append(calculator.evaluate(atoms, RelaxationSpec(translation="free", fmax=0.001)).energy)
    calculator.close()
    assert len(energies) >= 2
    assert np.ptp(energies) < 0.001


def _alike(found, site):
    """Atoms of the cell with the distances of a site, the site's first."""
    from tansaku.calculators.structures.sites import distances_around

    cell = found.perfect()
    count = len(cell) // int(np.prod(found.describe_systems()[0]["repeats"]))
    rows = distances_around(cell, cell.positions[:count], len(site.distances), float(site.distances[-1]) + 2.0)
    near = np.abs(rows - site.distances).max(axis=1)
    return [int(place) for place in np.argsort(near, kind="stable")[: site.members]]


def test_the_example_of_magnesium_repeats_the_energies_of_an_independent_script(require, tmp_path):
    """Six sites of Σ5 (3 1 0) by ASE's crystal and LAMMPS alone, cells of 20 Å: docs/results/segregation.md."""
    require("openkim")
    require("lammps")
    data, artifacts = driven(Path("examples/al-mg-segregation.yaml"), tmp_path)
    spectrum = segregation_spectrum(data)
    assert spectrum.computed.all()
    for energy in (0.183, -0.520, 0.166, -0.108, -0.026, -0.009):
        assert np.abs(spectrum.energy - energy).min() < 0.004
    assert spectrum.members.sum() == 18
    low, high = spectrum.published.range()
    assert low < spectrum.energy.min() < spectrum.energy.max() < high
    (figure,) = [drawing for drawing in drawings_of(data, artifacts) if drawing.stem == "spectrum"]
    assert figure.image(tmp_path / "spectrum.png").stat().st_size > 10_000
