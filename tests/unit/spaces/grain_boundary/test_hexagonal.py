"""Spaces of boundaries of hexagonal crystals: what their ids mean."""

from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS
from tansaku.spaces.space_registry import open_space

SPACE = {
    "type": "grain_boundary",
    "crystal": {"structure": "hcp", "element": "Mg", "lattice_parameter": [3.21, 5.21]},
    "axis": [1, 1, -2, 0],
    "boundaries": {"planes": [[1, 0, -1, 1], [1, 0, -1, 2]]},
    "cell": {"boundaries": 1, "relaxed": 6, "reach": 4, "polish": [12]},
}
GRID = {"translation": {"normal": [0.3], "in_plane": {"step": 2}, "along_axis": {"step": 2}}}
SAMPLED = {"replication": {"max_atoms": 150}, "translation": {"sample": "full", "in_plane": {"step": 2}}, "seeds": 4}


def opened(**changes):
    return open_space(GrainBoundarySpaceSpec.model_validate(SPACE | changes), Path(), DEFAULT_LIMITS)


def test_boundaries_are_named_by_their_plane_and_described_with_their_angle():
    rows = opened(**GRID).describe_systems()
    assert [row["system"] for row in rows] == ["hcp-1_0_m1_2", "hcp-1_0_m1_1"]
    ratio = 5.21 / 3.21
    angles = [2 * np.degrees(np.arctan(2 * ratio / (np.sqrt(3) * last))) for last in (2, 1)]
    np.testing.assert_allclose([row["angle"] for row in rows], angles)
    assert rows[0]["axis"] == [1, -2, 1, 0]
    assert rows[0]["sigma"] is None
    assert rows[0]["removed_planes"] == [0, 1, 2]


def test_a_structure_says_what_it_is_and_grows_with_its_relaxed_places():
    space = opened(**GRID)
    name = next(str(name) for name in space.pool().ids if str(name).startswith("hcp-1_0_m1_2-r1"))
    atoms = space.structure(name)
    assert atoms.info["lattice_parameter"] == [3.21, 5.21]
    assert atoms.info["plane"] == [1, 0, -1, 2]
    atoms.positions[:, 2] += np.where(atoms.arrays["grain"] == 1, 0.25, 0.0)
    thick = space.thicker(name, atoms, 12)
    assert len(thick) > len(atoms)
    opening = [
        cell.positions[cell.arrays["grain"] == 1, 2].min() - cell.positions[cell.arrays["grain"] == 0, 2].max()
        for cell in (atoms, thick)
    ]
    assert opening[0] == pytest.approx(opening[1])


def test_a_fraction_counts_both_planes_of_atoms_and_the_id_says_how_grains_end():
    space = opened(**SAMPLED)
    ids = [str(name) for name in space.pool().ids if "hcp-1_0_m1_2-a1x1-" in str(name)]
    assert {name.split("-")[3] for name in ids} == {"n000", "n050"}
    full = [space.structure(name) for name in ids if "-n000-" in name]
    half = [space.structure(name) for name in ids if "-n050-" in name]
    assert {len(atoms) for atoms in full} == {len(atoms) + 1 for atoms in half}
    # The first gap of the lower grain: the narrow one, or the wide one of twice its height.
    gaps = set()
    for atoms in full:
        heights = np.unique(atoms.positions[atoms.arrays["grain"] == 0, 2].round(6))
        gaps.add(round(float(heights[-1] - heights[-2]), 3))
    assert len(gaps) == 2
    assert max(gaps) == pytest.approx(2 * min(gaps), abs=2e-3)
    again = opened(**SAMPLED).structure(ids[0])
    np.testing.assert_array_equal(again.positions, space.structure(ids[0]).positions)


def test_indices_are_bounded_like_those_of_cubic_crystals():
    with pytest.raises(ConfigurationError, match="largest index: 101; expected at most 100"):
        opened(boundaries={"planes": [[101, 0, -101, 2]]})
