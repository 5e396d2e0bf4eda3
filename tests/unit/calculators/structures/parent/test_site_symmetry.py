import numpy as np
import pytest

from tansaku.calculators.structures.parent import Parent, site_permutations
from tansaku.calculators.structures.tavorite import tavorite
from tansaku.models.domain.ions import Ion


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
