import numpy as np
import pytest

from tansaku.calculators.structures.parent import Parent, first_shells, site_permutations
from tansaku.calculators.structures.tavorite import tavorite
from tansaku.models.domain.ions import Ion


def fluorite() -> Parent:
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return Parent(
        name="fluorite",
        cell=5.46 * np.eye(3),
        fractions=np.concatenate((corners, corners + 0.25, corners + 0.75)),
        sites=("M",) * 4 + ("X",) * 8,
        ions={"M": Ion("Ca", 2), "X": Ion("F", -1)},
    )


def test_first_shells_of_fluorite():
    parent = fluorite()
    lengths = parent.bonds.lengths(parent.atoms())
    assert len(lengths) == 4 * 8
    assert lengths == pytest.approx(np.full(32, 5.46 * np.sqrt(3) / 4))
    assert (parent.coordination("M"), parent.coordination("X")) == (8, 4)
    assert parent.multiplicity == {"M": 4, "X": 8}


def test_bonds_do_not_depend_on_how_often_the_cell_is_repeated():
    atoms = fluorite().atoms().repeat((2, 1, 1))
    charges = np.where(atoms.numbers == 20, 2, -1)
    assert len(first_shells(atoms, charges).cations) == 64


def test_distances_count_each_pair_once_and_only_opposite_signs():
    found = fluorite().opposite_distances
    assert set(found) == {("M", "X")}
    distances = found["M", "X"]
    assert np.isclose(distances, distances.min()).sum() == 32
    assert distances.max() <= 5.0


def test_a_structure_of_cations_alone_has_no_bonds():
    atoms = fluorite().atoms()
    assert len(first_shells(atoms, np.ones(12)).cations) == 0


def double_perovskite(shift: float = 0.0) -> Parent:
    """Two perovskite cells along z; ``shift`` moves the oxygens between B and C towards C."""
    places = {
        "A": [(0.5, 0.5, 0.25), (0.5, 0.5, 0.75)],
        "B": [(0.0, 0.0, 0.0)],
        "C": [(0.0, 0.0, 0.5)],
        "O": [(0.5, 0, 0), (0, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5), (0, 0, 0.25 + shift), (0, 0, 0.75 - shift)],
    }
    return Parent(
        name="double perovskite",
        cell=np.diag([3.9, 3.9, 7.8]),
        fractions=np.array([place for group in places.values() for place in group]),
        sites=tuple(site for site, group in places.items() for _ in group),
        ions={"A": Ion("Ca", 2), "B": Ion("Ti", 4), "C": Ion("Ti", 4), "O": Ion("O", -2)},
    )


def test_the_two_octahedra_of_an_ideal_double_cell_may_be_exchanged():
    found = site_permutations(double_perovskite(), 0.01)
    assert found == (
        {"A": "A", "B": "B", "C": "C", "O": "O"},
        {"A": "A", "B": "C", "C": "B", "O": "O"},
    )


@pytest.mark.parametrize(("tolerance", "count"), [(0.01, 1), (0.5, 2)])
def test_the_tolerance_decides_when_they_differ_a_little(tolerance, count):
    assert len(site_permutations(double_perovskite(shift=0.02), tolerance)) == count


def test_no_sites_of_a_tavorite_may_be_exchanged():
    assert site_permutations(tavorite(), 0.01) == ({site: site for site in ("M", "A", "X", "Z", "O")},)
