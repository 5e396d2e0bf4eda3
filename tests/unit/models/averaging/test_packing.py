"""A mixture as arrays."""

import numpy as np
import pytest

from tansaku.models.averaging.averaging import fit_average
from tansaku.models.averaging.packing import packed, unpacked


@pytest.fixture
def average():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(15, 9))
    return fit_average(x, 2.0 * x[:, 3] + rng.normal(size=15)), rng.normal(size=(6, 9))


def test_a_mixture_comes_back_to_the_last_digit(average):
    before, rows = average
    after = unpacked(packed(before))
    assert len({len(member.columns) for member in before.members}) > 1
    for one, other in zip(before.predict(rows), after.predict(rows), strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(before.uncertainty(rows), after.uncertainty(rows))
    assert np.array_equal(before.column_probabilities, after.column_probabilities)


def test_the_uncertainty_is_the_variance_without_noise_and_grows_outwards(average):
    mixture, rows = average
    noise = sum(w * member.noise for w, member in zip(mixture.weights, mixture.members, strict=True))
    noise *= mixture.design.y_scale**2
    assert mixture.uncertainty(rows) == pytest.approx(mixture.predict(rows)[1] ** 2 - noise)
    assert (mixture.uncertainty(10.0 * rows) > mixture.uncertainty(rows)).all()


@pytest.mark.parametrize("change", [{"columns": np.array([[40]])}, {"noise": np.zeros(1)}, {"y": np.zeros(1)}])
def test_arrays_that_do_not_fit_are_refused(average, change):
    with pytest.raises(ValueError, match=r"none of 9|shorter|longer|unpack"):
        unpacked(packed(average[0]) | change)
