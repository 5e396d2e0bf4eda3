import pytest

from tansaku.calculators.structures.bond_valence import bond_valence_sums
from tansaku.calculators.structures.tavorite import tavorite
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion

pytestmark = pytest.mark.needs("pymatgen")


def test_sums_of_the_parent_are_near_its_charges():
    parent = tavorite()
    sums = bond_valence_sums(parent, parent.ions, 1.0)
    assert set(sums) == set("AMXZO")
    # The rule's lengths are estimates: V and Li come within 20 %, P–O is 0.08 Å long and gives too much.
    assert sums["A"] == pytest.approx(1.0, rel=0.25)
    assert sums["M"] == pytest.approx(3.0, rel=0.25)
    assert 5.0 < sums["X"] < 6.5
    cations = sum(parent.multiplicity[site] * sums[site] for site in "AMX")
    anions = sum(parent.multiplicity[site] * sums[site] for site in "ZO")
    assert cations == pytest.approx(anions)


def test_a_larger_cell_binds_less_and_a_larger_ion_more():
    parent = tavorite()
    tight, loose = (bond_valence_sums(parent, parent.ions, factor)["A"] for factor in (1.0, 1.05))
    assert loose < tight
    assert bond_valence_sums(parent, {**parent.ions, "A": Ion("Na", 1)}, 1.0)["A"] > tight


def test_a_pair_without_parameters_is_named():
    parent = tavorite()
    with pytest.raises(ConfigurationError, match=r"for He\+ and (F|O2)-"):
        bond_valence_sums(parent, {**parent.ions, "A": Ion("He", 1)}, 1.0)
