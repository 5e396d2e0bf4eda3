"""Lower convex hull of energies over composition, against pymatgen's phase diagram and by hand."""

import numpy as np
import pytest

from tansaku.models.features.convex_hull import ON_HULL, lower_hull

# A, B and three phases between them: AB is stable, A3B lies 0.05 above the line from A to AB, AB3 above the elements.
BINARY = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]])
ENERGIES = np.array([-3.0, -1.0, -2.4, -2.65, -1.45])


def test_two_elements_by_hand():
    hull = lower_hull(BINARY, ENERGIES)
    assert hull.formation == pytest.approx([0.0, 0.0, -0.4, -0.15, 0.05])
    assert hull.above == pytest.approx([0.0, 0.0, 0.0, 0.05, 0.25])
    assert hull.mixture(BINARY[3]) == pytest.approx({0: 0.5, 2: 0.5})
    assert hull.mixture(BINARY[2]) == pytest.approx({2: 1.0})
    assert sorted(map(sorted, hull.corners.tolist())) == [[0, 2], [1, 2]]


def test_of_several_phases_of_an_element_the_lowest_counts_and_nothing_below_leaves_the_elements():
    hull = lower_hull(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]), np.array([-2.0, -3.0, -1.0, -1.9]))
    assert hull.above == pytest.approx([1.0, 0.0, 0.0, 0.1])
    assert hull.mixture(np.array([0.5, 0.5])) == pytest.approx({1: 0.5, 2: 0.5})


def test_one_element_has_a_hull_and_a_missing_one_is_said():
    assert lower_hull(np.ones((2, 1)), np.array([-1.0, -1.5])).above == pytest.approx([0.5, 0.0])
    with pytest.raises(ValueError, match="an element has no phase of its own"):
        lower_hull(BINARY[1:], ENERGIES[1:])


@pytest.mark.parametrize("elements", [2, 3, 4])
def test_it_is_that_of_pymatgens_phase_diagram(require, elements):
    require("pymatgen")
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    rng, symbols = np.random.default_rng(elements), ["Li", "P", "O", "Fe"][:elements]
    counts = np.vstack([np.eye(elements, dtype=int), rng.integers(0, 4, size=(40, elements))])
    counts = counts[counts.sum(axis=1) > 0]
    fractions = counts / counts.sum(axis=1, keepdims=True)
    energies = -3.0 + rng.normal(0.0, 0.3, len(counts)) * (fractions.max(axis=1) < 1.0)
    entries = [
        PDEntry(Composition(dict(zip(symbols, row.tolist(), strict=True))), energy * row.sum(), name=str(place))
        for place, (row, energy) in enumerate(zip(counts, energies.tolist(), strict=True))
    ]
    diagram, hull = PhaseDiagram(entries), lower_hull(fractions, energies)
    for place, entry in enumerate(entries):
        mixture, above = diagram.get_decomp_and_e_above_hull(entry)
        assert hull.above[place] == pytest.approx(above, abs=1e-8)
        assert hull.formation[place] == pytest.approx(diagram.get_form_energy_per_atom(entry), abs=1e-9)
        ours = hull.mixture(fractions[place])
        assert sum(share * hull.formation[corner] for corner, share in ours.items()) == pytest.approx(
            hull.formation[place] - above, abs=1e-8
        )
        assert all(hull.above[corner] <= ON_HULL for corner in ours)
        assert len(mixture) == len(ours)
    assert {int(entry.name) for entry in diagram.stable_entries} <= set(np.flatnonzero(hull.above <= ON_HULL).tolist())
