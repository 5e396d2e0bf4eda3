"""The estimator finds peaks, predicts elsewhere, and stands in a pipeline."""

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.spectra.peaks import profile

pytestmark = pytest.mark.needs("sklearn")

X = np.linspace(0.0, 100.0, 201)


def curve(x):
    peaks = profile(x, np.array([30.0, 42.0]), np.array([8.0, 10.0]), np.zeros(2))
    return 2.0 + 0.01 * x + np.array([3.0, 2.0]) @ peaks


def noisy():
    return curve(X) + 0.05 * np.random.default_rng(0).normal(size=len(X))


def test_what_is_fitted_is_predicted_elsewhere():
    from sklearn.base import clone

    from tansaku.sparse.models.spectra.estimator import PeakRegressor

    model = clone(PeakRegressor(max_peaks=4))
    assert model.get_params() == {"max_peaks": 4, "shape": "gaussian", "background": 1, "widths": None, "signed": False}
    model.fit(X[:, None], noisy())
    assert model.peaks_.position == pytest.approx([30.0, 42.0], abs=0.3)
    assert model.heights_ == pytest.approx([3.0, 2.0], abs=0.15)
    assert int(np.argmax(model.number_posterior_)) == 2
    assert model.noise_ == pytest.approx(0.05, rel=0.2)
    between = np.linspace(1.0, 99.0, 57)
    assert model.predict(between[:, None]) == pytest.approx(curve(between), abs=0.08)
    assert model.score(between[:, None], curve(between)) > 0.998


def test_points_may_be_in_any_order_and_positions_scaled_before():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from tansaku.sparse.models.spectra.estimator import PeakRegressor

    order, y = np.random.default_rng(1).permutation(len(X)), noisy()
    straight = PeakRegressor(max_peaks=3).fit(X[:, None], y).predict(X[:, None])
    shuffled = PeakRegressor(max_peaks=3).fit(X[order, None], y[order]).predict(X[:, None])
    assert shuffled == pytest.approx(straight, abs=1e-9)
    line = make_pipeline(FunctionTransformer(lambda x: x / 10.0), PeakRegressor(max_peaks=3)).fit(X[:, None], y)
    assert line[-1].peaks_.position == pytest.approx([3.0, 4.2], abs=0.03)


def test_what_cannot_be_fitted_is_refused():
    from sklearn.exceptions import NotFittedError

    from tansaku.sparse.models.spectra.estimator import PeakRegressor

    with pytest.raises(NotFittedError):
        PeakRegressor().predict(X[:, None])
    with pytest.raises(ValueError, match="y has values that are not finite"):
        PeakRegressor().fit(X[:, None], np.full(len(X), np.nan))
    with pytest.raises(ConfigurationError, match="there is nothing to explain"):
        PeakRegressor().fit(X[:, None], 1.0 + X)
    with pytest.raises(ConfigurationError, match="widths 1 500: the spectrum is 100 wide"):
        PeakRegressor(widths=(1.0, 500.0)).fit(X[:, None], noisy())
