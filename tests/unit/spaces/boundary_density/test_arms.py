"""Every key of the search over the number of atoms changes what it says it changes, and nothing else."""

from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.spaces.space_registry import open_space

CELL = {"boundaries": 1, "relaxed": 6, "reach": 5.6, "polish": [9]}
STEPS = {"sample": "full", "in_plane": {"step": 1.4}, "along_axis": {"step": 1.3}}
KEYS = {
    "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.615},
    "axis": [0, 0, 1],
    "boundaries": {"planes": [[2, 1, 0]]},
    "cell": CELL,
    "replication": {"max_atoms": 300, "max": [2, 3]},
    "translation": STEPS,
    "seeds": 2,
}
ANNEALED = {"probability": 0.5, "temperature": [0.4, 0.5], "steps": [10, 10]}
CANDIDATE = "s005-210-a1x2-n050-x081-y090-k01"


def opened(**changes):
    return open_space(GrainBoundarySpaceSpec.model_validate(KEYS | changes), Path())


def cells(space):
    """Repeats and fractions of the surfaces."""
    return [name.split("-", 2)[2] for name in space.pool().surfaces]


def annealed(space):
    """Temperatures, steps and the number of the annealed among some candidates."""
    found = [space.structure(str(name)).info for name in space.pool().ids[::7]]
    return [(info["anneal_temperature"], info["anneal_steps"]) for info in found if "anneal_steps" in info]


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"max_atoms": 200}, {"a1x3"}),
        ({"max": [1, 3]}, {"a2x1"}),
        ({"max": [2, 2]}, {"a1x3"}),
    ],
)
def test_both_keys_of_the_replication_bound_the_cells(changes, gone):
    all_of = {name.split("-")[0] for name in cells(opened())}
    fewer = {name.split("-")[0] for name in cells(opened(replication=KEYS["replication"] | changes))}
    assert all_of - fewer == gone


@pytest.mark.parametrize(
    ("changes", "count"),
    [({"in_plane": {"step": 0.6}}, 10 * 4), ({"along_axis": {"step": 0.7}}, 5 * 6), ({"normal": [0.9]}, 5 * 4)],
)
def test_steps_divide_the_period_and_the_opening_lifts_the_upper_grain(changes, count):
    plain, other = opened(), opened(translation=STEPS | changes)
    assert len(other.pool()) == len(cells(other)) * count * 2
    if "normal" in changes:
        heights = [np.ptp(space.structure(CANDIDATE).positions[:, 2]) for space in (plain, other)]
        assert heights[1] - heights[0] == pytest.approx(0.6)


@pytest.mark.parametrize(("key", "value"), [("relaxed", 8), ("reach", 7)])
def test_slabs_and_blocks_are_as_thick_as_the_cell_says(key, value):
    plain, other = (opened(cell=CELL | changes).structure(CANDIDATE) for changes in ({}, {key: value}))
    (free, fixed), (more_free, more_fixed) = (np.bincount(a.arrays["block"] > 0) for a in (plain, other))
    assert (more_free > free, more_fixed > fixed) == (key == "relaxed", key == "reach")


def test_the_final_relaxation_has_the_thicknesses_of_the_cell_alone():
    space = opened(cell=CELL | {"polish": [12, 20]})
    assert space.grain_thickness(CANDIDATE) < 12 <= space.grain_thickness(CANDIDATE, 12.0) < 20
    assert space.grain_thickness(CANDIDATE, 20.0) >= 20
    assert (space.structure(CANDIDATE).positions == opened().structure(CANDIDATE).positions).all()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"probability": 1}, lambda found, usual, number: len(found) == number > len(usual)),
        ({"temperature": [0.8, 0.9]}, lambda found, usual, _: min(found)[0] >= 0.8 * 1358 > max(usual)[0]),
        ({"steps": [20, 30]}, lambda found, _usual, _: {20, 30} <= {steps for _, steps in found} <= set(range(20, 31))),
        ({"melting_point": 2000}, lambda found, usual, _: max(usual)[0] < 0.5 * 1358 < 0.4 * 2000 <= min(found)[0]),
    ],
)
def test_every_key_of_the_molecular_dynamics_reaches_the_structure(changes, expected):
    plain, other = (opened(anneal=ANNEALED | more) for more in ({}, changes))
    usual, found = annealed(plain), annealed(other)
    assert 0 < len(usual) < len(plain.pool().ids[::7])
    assert expected(found, usual, len(other.pool().ids[::7]))


def test_seeds_multiply_the_candidates():
    assert len(opened(seeds=6).pool()) == 3 * len(opened().pool())
