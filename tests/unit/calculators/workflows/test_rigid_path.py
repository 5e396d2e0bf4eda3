from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.calculators.structures.bond_valence import SOFTNESS
from tansaku.calculators.structures.ion_data import bond_valence_length
from tansaku.calculators.structures.parent import Parent
from tansaku.calculators.structures.tavorite import tavorite
from tansaku.calculators.workflows.rigid_path import RigidPaths
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion

pytestmark = pytest.mark.needs("pymatgen")


def caesium_chloride(edges: tuple[float, float, float] = (4.0, 4.6, 7.0)) -> Parent:
    """Cations on the corners of a box, an anion in its middle."""
    return Parent(
        name="box",
        cell=np.diag(edges),
        fractions=np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]),
        sites=("A", "X"),
        ions={"A": Ion("Li", 1), "X": Ion("Cl", -1)},
        mobile="A",
    )


def test_hops_are_counted_once_and_the_loosest_decides():
    parent = caesium_chloride()
    paths = RigidPaths.of(parent)
    assert sorted(tuple(map(abs, hop.cell)) for hop in paths.hops) == [(0, 1, 0), (1, 0, 0)]
    length = bond_valence_length(Ion("Li", 1), Ion("Cl", -1))
    # Half-way along the longer edge: four anions at half the diagonal of the other two edges; the next are beyond 5 Å.
    along_b = 4 * np.exp((length - np.hypot(2.0, 3.5)) / SOFTNESS)
    along_a = 4 * np.exp((length - np.hypot(2.3, 3.5)) / SOFTNESS)
    assert along_a < along_b
    assert paths.bottleneck(parent.ions, 1.0) == pytest.approx(along_a)


def test_the_tightest_hop_that_a_path_needs_counts():
    parent = tavorite()
    paths = RigidPaths.of(parent)
    alone = [RigidPaths(parent, (hop,), paths.anions, (near,)) for hop, near in zip(paths.hops, paths.distances, strict=True)]
    # A hop between copies of one site is a path by itself; others only together.
    assert [one.percolate for one in alone] == [hop.first == hop.second for hop in paths.hops]
    direct = min(one.bottleneck(parent.ions, 1.0) for one in alone if one.percolate)
    assert paths.bottleneck(parent.ions, 1.0) < direct


@settings(max_examples=20, deadline=None)
@given(shift=st.tuples(*(st.floats(-1, 1) for _ in range(3))))
def test_it_does_not_matter_where_the_origin_is(shift):
    parent = tavorite()
    moved = replace(parent, fractions=parent.fractions + np.array(shift))
    assert RigidPaths.of(moved).bottleneck(parent.ions, 1.0) == pytest.approx(
        RigidPaths.of(parent).bottleneck(parent.ions, 1.0)
    )


def test_a_larger_cell_is_looser_and_a_larger_ion_tighter():
    parent = tavorite()
    paths = RigidPaths.of(parent)
    assert paths.bottleneck(parent.ions, 1.05) < paths.bottleneck(parent.ions, 1.0)
    assert paths.bottleneck({**parent.ions, "A": Ion("Na", 1)}, 1.0) > paths.bottleneck(parent.ions, 1.0)


def test_sites_too_far_apart_do_not_percolate():
    paths = RigidPaths.of(caesium_chloride((6.0, 6.0, 6.0)))
    assert not paths.percolate
    with pytest.raises(ConfigurationError, match=r"hops up to 5\.5 Å between the sites A do not percolate"):
        paths.bottleneck(caesium_chloride().ions, 1.0)


def test_something_must_be_mobile():
    with pytest.raises(ConfigurationError, match=r"space\.mobile"):
        RigidPaths.of(replace(caesium_chloride(), mobile=None))
