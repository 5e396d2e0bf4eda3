"""Voids of crystals whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tansaku.calculators.workflows.migration.network import find_operations
from tansaku.calculators.workflows.migration.voids import Dropped, Void, find_voids
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.specs.workflow import InterstitialMechanismSpec


def rutile() -> Atoms:
    u = 0.305
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (u, u, 0), (-u, -u, 0), (0.5 + u, 0.5 - u, 0.5), (0.5 - u, 0.5 + u, 0.5)]
    return Atoms("Ti2O4", scaled_positions=places, cell=[4.59, 4.59, 2.96], pbc=True)


def voids(host: Atoms, **spec: object) -> tuple[tuple[Void, ...], tuple[Dropped, ...]]:
    return find_voids(host, find_operations(host), InterstitialMechanismSpec.model_validate(spec))


@pytest.mark.parametrize(("cubic", "atoms"), [(True, 4), (False, 1)])
def test_an_fcc_crystal_has_an_octahedron_and_two_tetrahedra_an_atom(cubic, atoms):
    found, dropped = voids(bulk("Pd", "fcc", a=4.0, cubic=cubic))
    assert [len(one.fractions) for one in found] == [atoms, 2 * atoms]
    assert [one.clearance for one in found] == pytest.approx([2.0, np.sqrt(3.0)])
    assert dropped == ()


@pytest.mark.parametrize(("cubic", "atoms"), [(True, 2), (False, 1)])
def test_a_bcc_crystal_has_six_tetrahedra_an_atom_and_octahedra_on_faces(cubic, atoms):
    host = bulk("Fe", "bcc", a=4.0, cubic=cubic)
    (tetrahedra,), _ = voids(host)
    assert len(tetrahedra.fractions) == 6 * atoms
    assert tetrahedra.clearance == pytest.approx(np.sqrt(5.0))
    found, _ = voids(host, faces=True)
    # The last are half way between nearest neighbours.
    assert [len(one.fractions) for one in found] == [6 * atoms, 3 * atoms, 4 * atoms]
    assert [one.clearance for one in found] == pytest.approx([np.sqrt(5.0), 2.0, np.sqrt(3.0)])


def test_diamond_has_a_cage_an_atom_a_window_between_cages_and_bond_centres():
    found, _ = voids(bulk("Si", "diamond", a=5.43), faces=True)
    assert [len(one.fractions) for one in found] == [2, 4, 4]
    assert found[2].clearance == pytest.approx(5.43 * np.sqrt(3) / 8)


def test_rutile_s_channel_is_found_once_with_all_that_symmetry_makes_of_it():
    host = rutile()
    found, _ = voids(host, min_distance=1.65, faces=True)
    assert [len(one.fractions) for one in found] == [4, 8, 4, 4]
    channel = found[3]
    assert channel.clearance == pytest.approx(np.hypot(0.195, 0.305) * 4.59)
    assert sorted(map(tuple, np.round(channel.fractions, 6).tolist())) == [
        (0, 0.5, 0),
        (0, 0.5, 0.5),
        (0.5, 0, 0),
        (0.5, 0, 0.5),
    ]


def test_every_void_is_as_far_from_atoms_as_it_says_and_equal_places_are_as_far():
    host = rutile()
    found, _ = voids(host, faces=True)
    for void in found:
        for place in void.fractions:
            probe = host + Atoms("H", positions=[place @ host.cell.array])
            distances = probe.get_distances(len(host), range(len(host)), mic=True)
            assert distances.min() == pytest.approx(void.clearance, abs=1e-6)


def test_a_void_larger_than_what_is_looked_at_first_is_found():
    (found,), _ = voids(bulk("Mo", "sc", a=16.0))
    assert found.clearance == pytest.approx(8.0 * np.sqrt(3.0))


def test_the_same_crystal_turned_and_shifted_has_the_same_voids():
    host = rutile()
    moved = host.copy()
    moved.positions += (0.31, -0.72, 1.1)
    moved.rotate(37, (1, 2, 3), rotate_cell=True)
    expected, _ = voids(host, faces=True)
    found, _ = voids(moved, faces=True)
    assert [len(one.fractions) for one in found] == [len(one.fractions) for one in expected]
    assert [one.clearance for one in found] == pytest.approx([one.clearance for one in expected], abs=1e-6)


def test_places_that_are_given_replace_the_search_and_are_told_what_became_of_them():
    host = bulk("Pd", "fcc", a=4.0, cubic=True)
    given = [(0.27, 0.25, 0.24), (0.5, 0.5, 0.5), (0.75, 0.25, 0.25), (0.05, 0.0, 0.0)]
    found, dropped = voids(host, sites=given)
    assert [len(one.fractions) for one in found] == [8, 4]
    assert found[0].place == pytest.approx((0.25, 0.25, 0.25))
    assert [one.reason for one in dropped] == ["merged", "too_near"]
    assert "0.00 Å" in dropped[1].message


def test_a_place_off_the_symmetry_elements_stays_there_unless_its_images_are_near():
    host = bulk("Pd", "fcc", a=4.0, cubic=True)
    (apart,), _ = voids(host, sites=[(0.5, 0.5, 0.35)], merge_distance=0.2)
    assert len(apart.fractions) == 24
    assert apart.place == pytest.approx((0.5, 0.5, 0.35))
    (one,), _ = voids(host, sites=[(0.5, 0.5, 0.42)], merge_distance=0.9)
    assert one.place == pytest.approx((0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"min_distance": 2.1}, r"no void of Pd is 2\.1 Å from every atom"),
        ({"sites": [(0.0, 0.0, 0.1)]}, r"1 given places: no void of Pd is 0\.9 Å"),
    ],
)
def test_a_crystal_without_room_is_a_failure_with_a_reason(spec, message):
    with pytest.raises(CalculationError, match=message) as caught:
        voids(bulk("Pd", "fcc", a=4.0), **spec)
    assert caught.value.reason == "no_site"


def test_the_roomiest_are_tried_where_there_are_too_many():
    found, dropped = voids(bulk("Pd", "fcc", a=4.0), max_sites=1)
    assert [one.clearance for one in found] == pytest.approx([2.0])
    assert [one.reason for one in dropped] == ["max_sites"]
    found, _ = voids(bulk("Pd", "fcc", a=4.0), min_distance=1.9)
    assert len(found) == 1
