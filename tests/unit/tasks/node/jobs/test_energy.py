"""Energies of crystals as they stand, or relaxed where the space says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.io import read
from pydantic import TypeAdapter

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.crystals import CrystalsSpaceSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.loop.datasets.extxyz import example_of
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE, JobDocument
from tansaku.tasks.node.jobs.energy import EnergyJob
from tansaku.tasks.node.jobs.evaluate import evaluate
from tests.support.campaign_files import hydrogen_campaign

SPACE = {
    "type": "crystals",
    "crystals": {"fcc": {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6}},
    "scans": [{"type": "rattle", "atoms": [4], "draws": 2, "strain": 2}],
}
CANDIDATE = "fcc-rattle-0.1-n04-d0002"


def document(tmp_path, **changes: object) -> JobDocument:
    given = {
        "campaign": "test",
        "candidate": CANDIDATE,
        "space": SPACE,
        "calculator": {"type": "emt"},
        "objective": {"unit": "eV/atom"},
        "base_path": str(tmp_path),
    }
    return JobDocument.model_validate(given | changes)


def test_a_candidate_is_computed_as_it_stands(tmp_path):
    outcome = evaluate(document(tmp_path), tmp_path)
    start = open_space(CrystalsSpaceSpec.model_validate(SPACE), tmp_path).structure(CANDIDATE)
    found = open_calculator(EmtSpec(), tmp_path).evaluate(start)
    assert outcome.value == pytest.approx(found.energy / 4, abs=1e-12)
    assert (outcome.quantities["energy_per_atom"].value, outcome.quantities["energy_per_atom"].unit) == (
        outcome.value,
        "eV/atom",
    )
    assert outcome.quantities["energy"].value == pytest.approx(4 * outcome.value)
    assert (outcome.properties["n_atoms"], outcome.properties["steps"]) == (4, 0)
    example = example_of(read(tmp_path / outcome.artifacts[STRUCTURE_FILE]), CANDIDATE, "group")
    np.testing.assert_allclose(example.structure.positions, start.positions, atol=1e-7)
    for name in ("energy", "energies", "forces", "stress"):
        np.testing.assert_allclose(example.properties[name], getattr(found, name), atol=1e-7)
    assert example.info["candidate"] == CANDIDATE
    assert (example.info["scan"], example.info["amplitude"], example.info["potential"]) == ("rattle", 0.1, "EMT")


def test_the_objective_comes_in_its_unit(tmp_path):
    whole, milli = (evaluate(document(tmp_path, objective={"unit": unit}), tmp_path).value for unit in ("eV/atom", "meV/atom"))
    assert milli == pytest.approx(1000 * whole)


def test_a_space_that_is_relaxed_is_relaxed_as_the_calculator_says(tmp_path):
    space = SPACE | {"relaxed": True}
    calculator = {"type": "emt", "relaxation": {"fmax": 0.02}}
    relaxed = evaluate(document(tmp_path, space=space, calculator=calculator), tmp_path)
    assert relaxed.properties["steps"] > 0
    atoms = read(tmp_path / STRUCTURE_FILE)
    assert np.linalg.norm(atoms.get_forces(), axis=1).max() < 0.02
    assert relaxed.value < evaluate(document(tmp_path), tmp_path).value - 0.01


def test_atoms_that_are_too_close_are_a_failure_of_science(tmp_path):
    wild = {"type": "rattle", "amplitude": 0.9, "atoms": [8], "draws": 30}
    space = SPACE | {"scans": [wild]}
    reasons = []
    for number in range(1, 31):
        outcome = evaluate(document(tmp_path, space=space, candidate=f"fcc-rattle-0.9-n08-d{number:04d}"), tmp_path)
        reasons.append(outcome.failure.reason if outcome.failure else None)
    assert "overlap" in reasons


def test_a_free_energy_is_kept_beside_the_energy(tmp_path):
    calculator = open_calculator(EmtSpec(), tmp_path)

    class Smeared:
        """A code whose electrons are warm."""

        provenance = calculator.provenance

        def evaluate(self, structure, relaxation=None):
            found = calculator.evaluate(structure, relaxation)
            return replace(found, energies=None, terms={"free_energy": found.energy - 0.5})

    space = open_space(CrystalsSpaceSpec.model_validate(SPACE), tmp_path)
    outcome = EnergyJob(space, CANDIDATE, Smeared(), None, "eV/atom", tmp_path)()
    example = example_of(read(tmp_path / STRUCTURE_FILE), CANDIDATE, "group")
    assert example.properties["free_energy"] == pytest.approx(example.properties["energy"] - 0.5)
    assert outcome.quantities["free_energy"].value == pytest.approx(4 * outcome.value - 0.5)


def test_a_host_that_makes_way_is_relaxed_around_its_ion(tmp_path):
    space = hydrogen_campaign(dimensions=3, evaluations=1)["space"] | {"grid": 0.5}
    candidate = next(str(name) for name in open_space(TypeAdapter(SpaceSpec).validate_python(space), tmp_path).pool().ids[1:])
    changes = {
        "candidate": candidate,
        "calculator": {"type": "emt", "relaxation": {"fmax": 0.05}},
        "objective": {"property": "energy", "unit": "eV"},
    }
    fixed = evaluate(document(tmp_path, space=space, **changes), tmp_path)
    assert fixed.properties["steps"] == 0
    start = read(tmp_path / STRUCTURE_FILE).positions
    relaxed = evaluate(document(tmp_path, space=space | {"host_atoms": "relaxed"}, **changes), tmp_path)
    assert relaxed.properties["steps"] > 0
    assert relaxed.value < fixed.value - 0.005
    moved = read(tmp_path / STRUCTURE_FILE).positions - start
    assert np.abs(moved[-1]).max() < 1e-7
    assert np.abs(moved[:-1]).max() > 0.005


def test_an_ion_along_a_path_relaxes_across_it(tmp_path):
    space = hydrogen_campaign(dimensions=3, evaluations=1)["space"] | {"grid": 0.5}
    every = open_space(TypeAdapter(SpaceSpec).validate_python(space), tmp_path)
    ways = [every.structure_at(np.array([step / 6, 0.5, 1 / 3])) for step in range(7)]
    write_extended_xyz(tmp_path / "path.extxyz", ways)
    along = space | {"along": {"file": "path.extxyz"}}
    candidate = str(open_space(TypeAdapter(SpaceSpec).validate_python(along), tmp_path).pool().ids[1])
    changes = {"candidate": candidate, "objective": {"property": "energy", "unit": "eV"}}
    outcomes, structures = [], []
    for host_atoms in ("fixed", "relaxed"):
        made = document(
            tmp_path,
            space=along | {"host_atoms": host_atoms},
            calculator={"type": "emt", "relaxation": {"fmax": 0.02}},
            **changes,
        )
        outcomes.append(evaluate(made, tmp_path))
        structures.append(read(tmp_path / STRUCTURE_FILE))
    start = open_space(TypeAdapter(SpaceSpec).validate_python(along), tmp_path).structure(candidate)
    rigid = open_calculator(EmtSpec(), tmp_path).evaluate(start).energy
    assert outcomes[1].value < outcomes[0].value - 0.01 < rigid - 0.02
    fixed, free = (found.positions - start.positions for found in structures)
    assert np.abs(fixed[:-1]).max() < 1e-9 < 0.005 < np.abs(free[:-1]).max()
    for moved, outcome in zip((fixed, free), outcomes, strict=True):
        assert moved[-1] @ start.info["across"] == pytest.approx(0.0, abs=1e-7)
        assert outcome.properties["calculation"]["ion_moved"] == pytest.approx(np.linalg.norm(moved[-1]), abs=1e-6)
