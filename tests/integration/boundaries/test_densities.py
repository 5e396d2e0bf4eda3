"""Boundaries with fewer atoms: the reconstructions that other builders found (Cu of Mishin 2001, references of issue 22)."""

from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.grain_boundary import CrystalSpec, GrainBoundarySpaceSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.node.jobs.opened import opened_own_crystal

pytestmark = pytest.mark.needs("lammps")

CU = {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.615, "own_lattice_parameter": 3.615}
KEYS = {
    "type": "grain_boundary",
    "crystal": CU,
    "axis": [0, 0, 1],
    "cell": {"boundaries": 1, "reach": 5.6},
    "translation": {"sample": "full"},
}
HELD = {"anneal": {"probability": 1, "steps": [300, 300], "temperature": [0.5, 0.5]}}
CANDIDATE = "s005-210-a1x2-n050-x000-y136-k00"


def keys(plane, max_atoms=900, **changes):
    return KEYS | {"boundaries": {"planes": [plane]}, "replication": {"max_atoms": max_atoms}} | changes


def quenched(folder, space, candidate, **changes):
    """The outcome of one candidate [mJ/m^2]."""
    document = {
        "campaign": "test",
        "candidate": candidate,
        "space": space,
        "calculator": {
            "type": "lammps",
            "potential": "Cu_mishin1.eam.alloy",
            "relaxation": {"translation": "free", "fmax": 0.01},
        },
        "objective": {"unit": "mJ/m2"},
        "base_path": str(Path()),
    }
    return evaluate(JobDocument.model_validate(document | changes), folder)


def lowest(folder, space, arm, budget):
    """The lowest energy among so many random candidates of an arm [mJ/m^2]."""
    pool = open_space(GrainBoundarySpaceSpec.model_validate(space), Path()).pool()
    candidates = pool.ids[pool.surface_codes == pool.surfaces.index(arm)]
    chosen = np.random.default_rng(0).permutation(candidates)[:budget]
    values = [quenched(folder, space, str(candidate)).value for candidate in chosen]
    return min(value for value in values if value is not None)


def test_half_a_plane_less_lowers_the_energy(tmp_path):
    space = keys([2, 1, 0], max_atoms=300)
    assert lowest(tmp_path, space, "s005-210-a1x1-n000", 12) == pytest.approx(951.1, abs=1.0)
    assert lowest(tmp_path, space, "s005-210-a1x2-n050", 12) == pytest.approx(942.1, abs=1.0)


def test_one_candidate_has_one_energy_bit_for_bit(tmp_path):
    """Also after molecular dynamics, and in the final relaxation, which is not annealed again."""
    space = keys([2, 1, 0])
    plain, again = (quenched(tmp_path, space, CANDIDATE) for _ in range(2))
    hot, hot_again = (quenched(tmp_path, space | HELD, CANDIDATE) for _ in range(2))
    assert plain.value == again.value
    assert hot.value == hot_again.value
    assert hot.value != plain.value
    assert hot.properties["anneal_steps"] == 300
    assert "anneal_steps" not in plain.properties
    start = (tmp_path / "structure.extxyz").read_text(encoding="utf-8")
    free = {"translation": "free", "fmax": 0.01}
    final = quenched(tmp_path, space | HELD, CANDIDATE, start=start, thicknesses=[20.0], relaxation=free)
    assert final.value == pytest.approx(hot.value, abs=1.0)
    # Of any phase, that of its final relaxation has the shear too.
    stresses = [{name[-2:] for name in found.quantities if "stress" in name} for found in (plain, final)]
    assert stresses == [{"xx", "yy"}, {"xx", "yy", "xy"}]
    # Without an empty place of its own, the boundary could not hold less volume than the crystal.
    assert plain.quantities["excess_volume"].value == pytest.approx(0.163, abs=0.005)
    assert final.quantities["excess_volume"].value == pytest.approx(hot.quantities["excess_volume"].value, abs=0.01)


def test_a_misfit_lowers_the_energy_as_much_as_check_says(tmp_path):
    """0.47 % off: grains that are stretched in the plane relax along the normal, which the reference crystal does not."""
    cell = {"boundaries": 1, "relaxed": 20, "reach": 5.6, "polish": []}
    energies = []
    for edge in (3.615, 3.632):
        crystal = CU | {"lattice_parameter": edge}
        space = keys([3, 1, 0], crystal=crystal, cell=cell, replication={"max": [1, 1]})
        energies.append(quenched(tmp_path, space, "s005-310-a1x1-n000-x000-y000-k05").value)
    given = CrystalSpec(structure="fcc", element="Cu", lattice_parameter=3.632)
    own = opened_own_crystal(LammpsSpec(potential="Cu_mishin1.eam.alloy"), Path(), given)
    assert own.lowers(40.0) == pytest.approx(0.036, abs=0.002)
    assert energies[0] - energies[1] == pytest.approx(1000 * own.lowers(40.0), rel=0.2)


def test_blocks_thinner_than_the_potential_reaches_are_refused(tmp_path):
    """The crystal behind them must have the energy of the bulk."""
    cell = {"boundaries": 1, "relaxed": 8, "reach": 5.6, "polish": []}
    sound = quenched(tmp_path, keys([2, 1, 0], cell=cell), CANDIDATE)
    assert sound.value == pytest.approx(942, abs=15)
    short = quenched(tmp_path, keys([2, 1, 0], cell=cell | {"reach": 4}), CANDIDATE)
    assert short.value is None
    assert short.failure.reason == "short_blocks"
    assert "middle of a rigid block" in short.failure.message


@pytest.mark.slow
@pytest.mark.parametrize(("arm", "known"), [("s005-210-a1x11-n045", 936.2), ("s005-210-a1x15-n047", 936.0)])
def test_evenly_spaced_atoms_give_the_lowest_structures_of_long_cells(tmp_path, arm, known):
    """GRIP's example data have 936 for n = 0.45 in a cell of 1 x 11."""
    space = keys([2, 1, 0], replication={"max_atoms": 2000, "max": [1, 15]})
    assert lowest(tmp_path, space | {"atoms": {"even": 1}}, arm, 20) == pytest.approx(known, abs=0.5)
    if arm == "s005-210-a1x11-n045":  # twenty of any atoms find the lowest structure of the longer cell too
        assert lowest(tmp_path, space, arm, 20) > known + 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plane", "max_atoms", "arm", "budget", "known"),
    [
        ([2, 1, 0], 300, "s005-210-a1x2-n050", 50, 942.1),
        ([2, 1, 0], 900, "s005-210-a1x7-n043", 150, 941.3),
        ([3, 1, 0], 900, "s005-310-a1x1-n000", 50, 904.7),
        ([3, 1, 0], 900, "s005-310-a1x5-n040", 30, 936.5),
        ([3, 1, 0], 900, "s005-310-a2x5-n040", 30, 910.8),
    ],
)
def test_the_known_reconstructions_are_found(tmp_path, plane, max_atoms, arm, budget, known):
    assert lowest(tmp_path, keys(plane, max_atoms=max_atoms), arm, budget) == pytest.approx(known, abs=1.0)
