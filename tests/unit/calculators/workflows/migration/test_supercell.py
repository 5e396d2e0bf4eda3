"""Supercells and the operations inside them."""

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from tansaku.calculators.workflows.migration.network import Hop, find_network
from tansaku.calculators.workflows.migration.supercell import Supercell, make_supercell, shortest_vector
from tansaku.models.domain.errors import ConfigurationError


def test_the_smallest_supercell_with_room_enough_is_taken():
    copper = bulk("Cu", "fcc", a=3.6, cubic=True)
    assert make_supercell(copper, 3.5).repeats == (1, 1, 1)
    assert make_supercell(copper, 6.5).repeats == (2, 2, 2)
    flat = copper * (1, 1, 3)
    assert make_supercell(flat, 6.5).repeats == (2, 2, 1)
    assert make_supercell(flat, 6.5).image_distance == pytest.approx(7.2)
    with pytest.raises(ConfigurationError, match="image_distance"):
        make_supercell(copper, 30.0)


def test_the_shortest_vector_of_a_skewed_lattice_is_none_of_its_edges():
    assert shortest_vector(np.array([[5.0, 0, 0], [4.0, 1.0, 0], [0, 0, 9.0]])) == pytest.approx(np.sqrt(2.0))


@given(cell=st.tuples(*[st.integers(-5, 5)] * 3), atom=st.integers(0, 3))
def test_an_atom_is_found_under_its_index_in_every_cell(cell, atom):
    supercell = Supercell(bulk("Cu", "fcc", a=3.6, cubic=True), (2, 3, 1))
    place = supercell.atoms.get_scaled_positions()[supercell.index(atom, cell)] * (2, 3, 1)
    expected = supercell.host.get_scaled_positions()[atom] + np.mod(cell, (2, 3, 1))
    np.testing.assert_allclose(np.mod(place - expected + 0.5, (2, 3, 1)), 0.5, atol=1e-9)


@pytest.mark.parametrize("repeats", [(2, 2, 2), (2, 2, 1)])
def test_mappings_move_atoms_onto_atoms_of_the_supercell(repeats):
    host = bulk("Cu", "fcc", a=3.6, cubic=True)
    supercell = Supercell(host, repeats)
    atoms = supercell.atoms
    network = find_network(host, "Cu", 2.6)
    found = [supercell.mapping(one, (1, 0, 0)) for one in network.operations]
    # In a flat supercell the axes of a cube are not equal any more: a third of the operations is left.
    assert sum(one is not None for one in found) == (192 if repeats == (2, 2, 2) else 64)
    for one in found:
        if one is not None:
            turned = atoms.positions @ one.rotation.T
            apart = np.linalg.solve(atoms.cell.array.T, (atoms.positions[one.onto] - turned).T).T
            rest = apart - apart[0]
            np.testing.assert_allclose(rest, np.rint(rest), atol=1e-6)


def test_the_ends_of_a_hop_are_exchanged_by_an_inversion_where_there_is_one():
    host = bulk("Cu", "fcc", a=3.6, cubic=True)
    supercell = make_supercell(host, 6.5)
    network = find_network(host, "Cu", 2.6)
    for hop in network.classes[0].members:
        swap = supercell.swap(hop, network)
        here, there = supercell.index(hop.first, (0, 0, 0)), supercell.index(hop.second, hop.cell)
        assert (swap.onto[here], swap.onto[there]) == (there, here)
        np.testing.assert_allclose(swap.rotation, -np.eye(3), atol=1e-9)
        assert (swap.onto[swap.onto] == np.arange(len(supercell.atoms))).all()


def test_without_symmetry_nothing_exchanges_them():
    host = bulk("Cu", "fcc", a=3.6, cubic=True)
    host.positions += np.random.default_rng(0).normal(scale=0.05, size=host.positions.shape)
    network = find_network(host, "Cu", 3.0)
    assert make_supercell(host, 6.5).swap(network.classes[0].hop, network) is None


def test_a_lattice_hop_of_a_crystal_of_inversion_centres_has_a_midpoint():
    host = bulk("Cu", "fcc", a=3.6)
    supercell = make_supercell(host, 6.5)
    assert supercell.swap(Hop(0, 0, (1, 0, 0)), find_network(host, "Cu", 2.6)) is not None
