"""Sites, hops and their classes in crystals whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tansaku.calculators.workflows.migration.network import Hop, find_interstitial_network, find_network
from tansaku.models.domain.errors import CalculationError, ConfigurationError


def rutile() -> Atoms:
    """TiO2, with Ti as the ion that hops."""
    u = 0.305
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (u, u, 0), (-u, -u, 0), (0.5 + u, 0.5 - u, 0.5), (0.5 - u, 0.5 + u, 0.5)]
    return Atoms("Ti2O4", scaled_positions=places, cell=[4.59, 4.59, 2.96], pbc=True)


def test_all_nearest_neighbours_of_a_cubic_crystal_are_one_class():
    for cubic, sites, members in ((True, 4, 24), (False, 1, 6)):
        network = find_network(bulk("Cu", "fcc", a=3.6, cubic=cubic), "Cu", 2.6)
        assert len(network.sites) == sites
        assert set(network.orbits.values()) == {0}
        assert [len(one.members) for one in network.classes] == [members]
        assert network.classes[0].length == pytest.approx(3.6 / np.sqrt(2))


def test_hops_of_different_length_and_kind_are_different_classes():
    network = find_network(rutile(), "Ti", 4.6)
    assert [round(one.length, 2) for one in network.classes] == [2.96, 3.57, 4.59]
    assert [len(one.members) for one in network.classes] == [2, 8, 4]


def test_every_hop_is_in_exactly_one_class_and_there_in_one_direction():
    host = rutile()
    network = find_network(host, "Ti", 4.6)
    members = [hop for one in network.classes for hop in one.members]
    both = [*members, *(hop.back for hop in members)]
    assert len(set(both)) == len(both)
    for one in network.classes:
        for hop in one.members:
            apart = host.positions[hop.second] + np.array(hop.cell) @ host.cell.array - host.positions[hop.first]
            assert np.linalg.norm(apart) == pytest.approx(one.length)


def test_operations_map_atoms_onto_atoms_and_the_identity_is_first():
    host = rutile()
    network = find_network(host, "Ti", 3.0)
    assert len(network.operations) == 16
    assert (network.operations[0].rotation == np.eye(3)).all()
    places = host.get_scaled_positions(wrap=False)
    for one in network.operations:
        images = places @ one.rotation.T + one.translation
        np.testing.assert_allclose(images, places[one.onto] + one.cells, atol=1e-6)


def test_a_crystal_without_symmetry_keeps_every_hop_apart():
    host = rutile()
    host.positions += np.random.default_rng(0).normal(scale=0.05, size=host.positions.shape)
    network = find_network(host, "Ti", 4.0)
    assert network.orbits == {0: 0, 1: 1}
    assert all(len(one.members) == 1 for one in network.classes)


def test_an_image_of_a_hop_starts_in_the_first_cell():
    network = find_network(bulk("Cu", "fcc", a=3.6), "Cu", 2.6)
    for one in network.operations:
        image = one.image(Hop(0, 0, (1, 0, 0)))
        assert (image.first, image.second) == (0, 0)


@pytest.mark.parametrize(("ion", "reach", "key"), [("Li", 3.0, "ion"), ("Ti", 2.0, "max_hop")])
def test_what_cannot_be_found_names_the_key(ion, reach, key):
    with pytest.raises(ConfigurationError, match=rf"calculator\.workflow\.{key}"):
        find_network(rutile(), ion, reach)


def octahedra_and_tetrahedra(cubic: bool) -> Atoms:
    """Palladium, and hydrogen on every void of it."""
    host = bulk("Pd", "fcc", a=4.0, cubic=cubic)
    lattice = bulk("H", "fcc", a=4.0, cubic=cubic)
    for shift in ((2.0, 2.0, 2.0), (1.0, 1.0, 1.0), (3.0, 3.0, 3.0)):
        voids = lattice.copy()
        voids.positions += shift
        host += voids
    return host


@pytest.mark.parametrize(("cubic", "atoms"), [(True, 4), (False, 1)])
def test_interstitial_hops_lead_past_no_third_site(cubic, atoms):
    """From an octahedron to eight tetrahedra, from one of them to the next; the rest goes by these."""
    network = find_interstitial_network(octahedra_and_tetrahedra(cubic), atoms, 4.2)
    assert network.carrier == "interstitial"
    assert len(network.sites) == 3 * atoms
    assert len(set(network.orbits.values())) == 2
    assert [one.length for one in network.classes] == pytest.approx([np.sqrt(3.0), 2.0])
    assert [len(one.members) for one in network.classes] == [8 * atoms, 6 * atoms]


def test_what_is_joined_by_hops_stays_joined_without_those_past_a_third_site():
    host = Atoms("Mo", cell=[3.0, 3.0, 3.1], pbc=True)
    sites = Atoms("H3", scaled_positions=[(0.5, 0.5, 0.2), (0.5, 0.5, 0.5), (0.5, 0.5, 0.8)], cell=host.cell)
    network = find_interstitial_network(host + sites, 1, 3.2)
    along = [one for one in network.classes if all(hop.cell[:2] == (0, 0) for hop in one.members)]
    assert [round(one.length, 3) for one in along] == [0.93, 1.24]


def test_an_atom_of_the_ion_s_element_is_no_interstitial_site():
    host = octahedra_and_tetrahedra(False)
    host.symbols[:] = "Pd"
    network = find_interstitial_network(host, 1, 2.1)
    assert len(network.operations) == 48
    assert all((one.onto[0], one.onto[1]) == (0, 1) for one in network.operations)


def test_sites_that_are_not_all_there_or_too_far_apart_are_found_out():
    host = octahedra_and_tetrahedra(False)
    with pytest.raises(CalculationError, match="not as symmetric") as caught:
        find_interstitial_network(host[[0, 1, 2]], 1, 4.2)
    assert caught.value.reason == "no_site"
    with pytest.raises(CalculationError, match=r"within 1\.5 Å") as caught:
        find_interstitial_network(host, 1, 1.5)
    assert caught.value.reason == "no_path"
