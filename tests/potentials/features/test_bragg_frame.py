import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tansaku.models.domain.errors import FitError
from tansaku.potentials.features.bragg_frame import canonical_frame
from tansaku.potentials.features.voxels import BraggPeaks, bragg_peaks, reciprocal_indices, reciprocal_vectors, voxels

HEXAGONAL = np.array([[3.0, 0.0, 0.0], [-1.5, 1.5 * np.sqrt(3), 0.0], [0.0, 0.0, 4.8]])
CRYSTALS = {
    "cubic": (4.0 * np.eye(3), [(0, 0, 0), (0.5, 0.5, 0.5)]),
    "hexagonal": (HEXAGONAL, [(1 / 3, 2 / 3, 0), (2 / 3, 1 / 3, 0.5)]),
    "rattled": (4.0 * np.eye(3), [(0.02, 0.01, 0.3), (0.5, 0.55, 0.47), (0.1, 0.83, 0.6)]),
    "caesium-chloride": (4.31 * np.eye(3), [(0, 0, 0), (0, 0, 0), (0.5, 0.5, 0.5)]),
    "pyrite": (4.5 * np.eye(3), [(0, 0, 0), (0.5, 0.5, 0), (0.34, 0.34, 0.34), (0.66, 0.66, 0.66)]),
}


def peaks_of(name):
    """Those of Gaussians at points."""
    cell, points = CRYSTALS[name]
    indices = reciprocal_indices(cell, 6.0)
    vectors = reciprocal_vectors(indices, cell)
    amplitudes = sum(
        (1 + place) * np.exp(-2j * np.pi * indices @ np.array(point) - 0.05 * (vectors**2).sum(axis=1))
        for place, point in enumerate(points)
    )
    return BraggPeaks(vectors, amplitudes)


def listed(peaks):
    """Sizes in an order that the frame alone decides."""
    order = np.lexsort(np.round(peaks.vectors, 6).T)
    return np.hstack((np.round(peaks.vectors[order], 6) + 0.0, np.abs(peaks.amplitudes[order])[:, None]))


@pytest.mark.parametrize("name", CRYSTALS)
def test_a_turned_crystal_looks_the_same_in_its_frame(name):
    peaks = peaks_of(name)
    frame = canonical_frame(peaks)
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1.0)
    expected = listed(peaks.turned(frame))
    for seed in range(4):
        turned = peaks.turned(Rotation.random(rng=np.random.default_rng(seed)).as_matrix())
        np.testing.assert_allclose(listed(turned.turned(canonical_frame(turned))), expected, atol=2e-6)


@pytest.mark.parametrize("name", CRYSTALS)
@pytest.mark.parametrize("seed", range(4))
def test_noise_of_a_density_that_is_computed_again_does_not_choose_another_frame(name, seed):
    peaks = peaks_of(name)
    noise = 1.0 + 1e-5 * np.random.default_rng(seed).normal(size=len(peaks.vectors))
    # A vector and its opposite, which is as far from the other end, have one size.
    again = BraggPeaks(peaks.vectors, peaks.amplitudes * 0.5 * (noise + noise[::-1]))
    before, after = (voxels(one.turned(canonical_frame(one))) for one in (peaks, again))
    assert np.abs(after - before).sum() < 1e-4 * before.sum()


def test_the_order_of_the_peaks_and_a_supercell_change_nothing():
    cell = np.array([[4.0, 0.3, 0.0], [0.0, 4.4, 0.2], [0.1, 0.0, 5.0]])
    field = np.random.default_rng(3).normal(size=(12, 14, 15))
    one, two = bragg_peaks(field, cell, 0.4), bragg_peaks(np.tile(field, (1, 2, 1)), cell * [[1], [2], [1]], 0.4)
    np.testing.assert_allclose(canonical_frame(two), canonical_frame(one), atol=1e-9)
    order = np.random.default_rng(4).permutation(len(one.vectors))
    np.testing.assert_allclose(canonical_frame(BraggPeaks(one.vectors[order], one.amplitudes[order])), canonical_frame(one))


def test_a_field_that_is_constant_along_a_line_has_no_frame():
    field = np.broadcast_to(np.cos(2 * np.pi * np.arange(12) / 12)[:, None, None], (12, 12, 12))
    with pytest.raises(FitError, match="a direction is undetermined"):
        canonical_frame(bragg_peaks(field, 4.0 * np.eye(3), 0.4))
