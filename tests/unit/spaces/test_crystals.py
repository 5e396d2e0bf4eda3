"""Scans of crystals as a space: ids, draws, costs and what a candidate says of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.crystals import CrystalsSpaceSpec
from tansaku.spaces.crystals import CrystalsSpace

FCC = {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.0}
RATTLE = {"type": "rattle", "amplitude": 0.1, "strain": 2, "lattice": 6, "atoms": [4, 8], "draws": 40}


def space(*scans: dict, **keys: object) -> CrystalsSpace:
    crystals = keys.pop("crystals", {"fcc": FCC})
    return CrystalsSpace(CrystalsSpaceSpec.model_validate({"crystals": crystals, "scans": scans, **keys}), Path())


def test_ids_are_written_from_the_physics():
    every = space(
        {"type": "lattice", "percent": {"start": -2.5, "stop": 10, "steps": 2}},
        {"type": "shear", "degrees": {"start": -5, "stop": 5, "steps": 3}, "lattice": [0, 4]},
        {"type": "shear", "axes": "all", "degrees": {"start": 2, "stop": 2, "steps": 1}},
        {"type": "strain", "kind": "orthorhombic", "percent": {"start": 1.25, "stop": 1.25, "steps": 1}},
        {"type": "rattle", "draws": 1},
        {"type": "vacancy", "draws": 1},
        {"type": "slab", "planes": [[1, 1, -1]], "draws": 1},
    )
    assert every.pool().ids.tolist() == [
        "fcc-lattice-a09750",
        "fcc-lattice-a11000",
        "fcc-orthorhombic-a10000-p0125",
        "fcc-rattle-0.1-n08-d0001",
        "fcc-shear-a10000-m0500",
        "fcc-shear-a10000-p0500",
        "fcc-shear-a10400-m0500",
        "fcc-shear-a10400-p0500",
        "fcc-shear-all-a10000-p0200",
        "fcc-slab-s1_1_m1-d0001",
        "fcc-vacancy-n16-d0001",
    ]
    assert every.structure("fcc-lattice-a09750").cell.cellpar()[0] == pytest.approx(0.975 * 4.0 / np.sqrt(2))
    assert every.structure("fcc-shear-a10400-p0500").info["change"] == 5.0


def test_draws_stay_what_they_are_when_there_are_more_of_them_or_other_scans():
    few, many = space(RATTLE | {"draws": 2}), space({"type": "lattice"}, RATTLE | {"atoms": [8, 4, 2]})
    for candidate in few.pool().ids:
        one, other = few.structure(str(candidate)), many.structure(str(candidate))
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.cell.array, other.cell.array)
    first = few.structure("fcc-rattle-0.1-n08-d0001").positions
    assert not np.allclose(first, few.structure("fcc-rattle-0.1-n08-d0002").positions)
    assert not np.allclose(first, space(RATTLE, seed=1).structure("fcc-rattle-0.1-n08-d0001").positions)


def test_the_stream_of_draws_is_frozen():
    """A candidate's id means the same structure in every later version."""
    atoms = space({"type": "rattle", "atoms": [4], "draws": 1}).structure("fcc-rattle-0.1-n04-d0001")
    perfect = space({"type": "rattle", "amplitude": 1e-9, "name": "rattle-0.1", "atoms": [4], "draws": 1})
    moved = atoms.positions - perfect.structure("fcc-rattle-0.1-n04-d0001").positions
    np.testing.assert_allclose(moved[0], FIRST, atol=1e-7)


FIRST = [0.02228548, -0.10939682, 0.16335827]


def test_displacements_and_strains_have_the_size_that_was_asked_for():
    plain = {"type": "rattle", "atoms": [8], "draws": 200, "name": "r"}
    displaced, still = space(plain | {"amplitude": 0.2}), space(plain | {"amplitude": 1e-12})
    ids = displaced.pool().ids
    moves = np.array([displaced.structure(str(one)).positions - still.structure(str(one)).positions for one in ids])
    assert moves.std() == pytest.approx(0.2, rel=0.03)
    assert abs(moves.mean()) < 0.01

    strained = space(plain | {"strain": 3, "amplitude": 1e-12})
    volumes = np.array([strained.structure(str(one)).get_volume() for one in ids]) / still.structure(str(ids[0])).get_volume()
    assert volumes.std() == pytest.approx(0.03 * np.sqrt(3), rel=0.15)
    stretched = space(plain | {"lattice": 10, "amplitude": 1e-12})
    changes = np.array([stretched.structure(str(one)).info["lattice_change"] for one in ids])
    assert changes.min() == pytest.approx(-10, abs=0.5)
    assert changes.max() == pytest.approx(10, abs=0.5)
    assert len(np.unique(np.round(changes, 3))) > 150


def test_a_vacancy_lacks_one_atom_and_which_is_drawn():
    salt = {"salt": {"structure": "rocksalt", "elements": ["Mg", "O"], "lattice_parameter": 4.2}}
    holes = space({"type": "vacancy", "atoms": [8], "draws": 20}, crystals=salt)
    found = [holes.structure(str(one)).get_chemical_symbols() for one in holes.pool().ids]
    assert {len(symbols) for symbols in found} == {7}
    assert {symbols.count("Mg") for symbols in found} == {3, 4}


def test_a_slab_has_two_surfaces():
    slab = space({"type": "slab", "planes": [[1, 0, 0]], "layers": 4, "vacuum": 12, "amplitude": 0, "draws": 1})
    atoms = slab.structure("fcc-slab-s1_0_0-d0001")
    heights = np.sort(atoms.positions[:, 2])
    assert atoms.pbc.all()
    assert atoms.cell[2, 2] - (heights[-1] - heights[0]) == pytest.approx(12.0)


def test_cost_is_of_the_atoms_that_are_there():
    scans = ({"type": "lattice"}, {"type": "vacancy", "atoms": [8], "draws": 1})
    pool = space(*scans, cost={"power": 3}).pool()
    assert dict(zip(pool.ids.tolist(), pool.cost, strict=True))["fcc-vacancy-n08-d0001"] == 7**3
    measured = space(*scans, cost={"model": "measured", "kpoint_density": 3.0}).pool()
    assert measured.cost_descriptors.columns == ("atoms", "kpoints")
    points = dict(zip(measured.ids.tolist(), measured.cost_descriptors.values[measured.cost_descriptors.index], strict=True))
    assert points["fcc-lattice-a08500"][1] > points["fcc-lattice-a11500"][1] > points["fcc-vacancy-n08-d0001"][1]


def test_strains_are_told_apart_by_their_features_and_rotations_are_not():
    pool = space(
        {"type": "lattice", "percent": {"start": 10, "stop": 10, "steps": 1}},
        {"type": "shear", "degrees": {"start": -5, "stop": 5, "steps": 2}},
    ).pool()
    rows = pool.groups["strain"].values[pool.groups["strain"].index]
    np.testing.assert_allclose(rows[0], [0.105, 0.105, 0.105, 0, 0, 0])
    # The lengths of the axes stay, and the angle between the first two goes either way.
    np.testing.assert_allclose(rows[1:, :3], 0, atol=1e-9)
    np.testing.assert_allclose(rows[1:, 5], 0.5 * np.cos(np.radians([85.0, 95.0])))


def test_a_scan_without_a_candidate_is_refused():
    with pytest.raises(ConfigurationError, match="fcc-shear has no candidate, a change of 0 being left out"):
        space({"type": "shear", "degrees": {"start": 0, "stop": 0, "steps": 1}})
