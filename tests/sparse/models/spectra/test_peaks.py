"""The dictionary of peaks."""

import numpy as np
import pytest

from tansaku.models.averaging.subsets import EMPTY
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.spectra.peaks import PeakDictionary, PeakUnits, profile, shape_of

HELD = PeakDictionary(0.0, 10.0, 0.5, 2.0, "pseudo_voigt")


@pytest.mark.parametrize("mixing", [0.0, 0.4, 1.0])
def test_a_peak_has_half_its_height_at_half_its_width(mixing):
    heights = profile(np.array([3.0, 2.0, 4.0, 7.0]), np.array(3.0), np.array(2.0), np.array(mixing))
    assert heights[:3] == pytest.approx([1.0, 0.5, 0.5])
    assert 0.0 <= heights[3] < 0.06


def test_members_and_parameters_belong_to_each_other():
    members = np.arange(0, HELD.size, 997)
    assert HELD.nearest(*HELD.parameters(members)).tolist() == members.tolist()
    position, width, mixing = HELD.parameters(np.array([0, HELD.size - 1]))
    assert position.tolist() == [0.0, 10.0]
    assert width == pytest.approx([0.5, 2.0])
    assert mixing.tolist() == [0.0, 1.0]


def test_moves_to_neighbours_are_as_probable_as_moves_back():
    held = PeakDictionary(0.0, 1.0, 0.5, 0.6)
    units, rng = PeakUnits.of(held), np.random.default_rng(0)
    assert units.count == held.size < 250
    start = np.repeat(np.arange(units.count), 4000)
    moved = units.neighbours(start, rng)
    counts = np.zeros((units.count, units.count))
    np.add.at(counts, (start[moved != EMPTY], moved[moved != EMPTY]), 1.0)
    scatter = np.sqrt(counts + counts.T + 1.0)
    assert (np.abs(counts - counts.T) / scatter).max() < 5.5
    assert units.neighbours(np.array([EMPTY]), rng).tolist() == [EMPTY]


def test_bins_are_as_wide_as_the_widest_peak():
    units = PeakUnits.of(HELD)
    assert units.n_bins == 5
    assert units.bins(np.array([0, HELD.size - 1])).tolist() == [0, 4]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [((1.0, 1.0, 0.1, 0.2), "expected a range"), ((0.0, 1.0, 0.0, 0.2), "above 0"), ((0.0, 1.0, 0.3, 0.2), "above 0"),
     ((0.0, 1.0, 1e-6, 0.2), "raise it"), ((0.0, float("nan"), 0.1, 0.2), "expected a range")],
)  # fmt: skip
def test_impossible_dictionaries_are_refused(arguments, match):
    with pytest.raises(ConfigurationError, match=match):
        PeakDictionary(*arguments)


def test_an_unknown_shape_is_refused_with_the_known_ones():
    assert shape_of("lorentzian") == "lorentzian"
    with pytest.raises(ConfigurationError, match=r"'sinc'.*gaussian, lorentzian, pseudo_voigt"):
        shape_of("sinc")
