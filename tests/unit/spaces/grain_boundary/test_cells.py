"""One boundary space in both kinds of cells, and its structures in thicker ones."""

from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.spaces.grain_boundary import GrainBoundarySpace


def keys(cell=None, **changes):
    base = {
        "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.6},
        "boundaries": {"planes": [[1, 1, 3]]},
        "translation": {"normal": [0.2], "in_plane": {"step": 0.8}, "along_axis": {"step": 0.8}},
    }
    return base | changes | ({"cell": cell} if cell is not None else {})


def opened(cell=None, limits=None, **changes):
    return GrainBoundarySpace(GrainBoundarySpaceSpec.model_validate(keys(cell, **changes)), Path(), limits)


def test_candidates_do_not_depend_on_the_cell():
    two, one = opened().pool(), opened({"boundaries": 1}).pool()
    assert list(one.ids) == list(two.ids)
    assert set(one.groups) == set(two.groups)
    assert one.cost[0] != two.cost[0]


def test_a_structure_with_one_boundary_has_two_blocks_and_says_what_it_is():
    space = opened({"boundaries": 1, "relaxed": 8, "reach": 6, "polish": []})
    candidate = str(space.pool().ids[-1])
    atoms = space.structure(candidate)
    assert set(np.unique(atoms.arrays["block"])) == {0, 1, 2}
    assert atoms.info["candidate"] == candidate
    assert len(atoms) == space.describe_systems()[0]["atoms_max"] == space.pool().cost[-1]
    heights = atoms.positions[:, 2]
    assert heights.min() >= 0
    assert atoms.cell[2, 2] - np.ptp(heights) == pytest.approx(12.0)
    relaxed = atoms.arrays["block"] == 0
    assert np.ptp(heights[relaxed & (atoms.arrays["grain"] == 1)]) >= 8 - 3.6 / 11**0.5
    with pytest.raises(NotFoundError):
        space.perfect("s011-113-r0")


@pytest.mark.parametrize("structure", ["fcc", "bcc", "diamond"])
def test_the_empty_space_above_a_block_is_as_wide_as_it_is_said_to_be(structure):
    crystal = {"structure": structure, "element": "Cu", "lattice_parameter": 4.0}
    space = opened({"boundaries": 1, "relaxed": 6, "reach": 5, "polish": []}, crystal=crystal)
    atoms = space.structure(str(space.pool().ids[0]))
    assert atoms.cell[2, 2] - np.ptp(atoms.positions[:, 2]) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("cell", "first", "second"), [({"boundaries": 2, "polish": 32}, 32.0, 32.0), ({"boundaries": 1}, 20.0, 30.0)]
)
def test_a_structure_is_carried_into_grains_as_thick_as_asked_for(cell, first, second):
    space = opened(cell)
    candidate = str(space.pool().ids[3])
    built = space.structure(candidate)
    thick = space.thicker(candidate, built, first)
    assert thick.info["candidate"] == candidate
    assert space.grain_thickness(candidate, first) >= first
    assert len(thick) > len(built)
    again = space.thicker(candidate, thick, second, first)
    # What was not moved is where the builder puts it.
    direct = space.thicker(candidate, built, second)
    np.testing.assert_allclose(again.positions, direct.positions, atol=1e-9)
    for unknown in ((31.0, None), (first, 31.0)):
        with pytest.raises(NotFoundError, match=r"space\.cell\.polish"):
            space.thicker(candidate, built, *unknown)


@pytest.mark.parametrize("plane", [[1, 1, 3], [3, 3, 10], [1, 1, 1], [3, 3, 8]])
def test_periodic_grains_get_at_least_twice_as_thick(plane):
    space = opened({"boundaries": 2, "polish": 32}, boundaries={"planes": [plane]})
    for candidate in (str(space.pool().ids[0]), str(space.pool().ids[-1])):
        assert space.grain_thickness(candidate, 32.0) >= 2 * space.grain_thickness(candidate) - 1e-9


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        ({"boundaries": 2, "polish": 1e6}, r"space\.cell\.polish"),
        ({"boundaries": 1, "polish": [20, 1e6]}, r"space\.cell\.polish"),
        ({"boundaries": 1, "relaxed": 900, "polish": []}, r"space\.cell\.relaxed"),
    ],
)
def test_cells_that_are_too_large_are_refused_by_their_key(cell, key):
    with pytest.raises(ConfigurationError, match=key):
        opened(cell, LimitsSpec(atoms=2000))
