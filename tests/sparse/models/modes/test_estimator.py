"""The estimator finds oscillations of one signal and of several, and predicts later times."""

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError

pytestmark = pytest.mark.needs("sklearn")

T = np.arange(120) * 0.05 + 2.0


def signal(t):
    s = t - T[0]
    return 2.0 * np.exp(-0.3 * s) * np.cos(2 * np.pi * 1.5 * s + 0.4) + np.exp(-0.1 * s) * np.cos(2 * np.pi * 4.0 * s)


def test_what_is_fitted_is_predicted_later():
    from sklearn.base import clone

    from tansaku.sparse.models.modes.estimator import ModeRegressor

    model = clone(ModeRegressor(max_modes=4))
    assert model.get_params() == {"max_modes": 4, "rank": 0, "delays": 0}
    model.fit(T[:, None], signal(T) + 0.01 * np.random.default_rng(0).normal(size=len(T)))
    order = np.argsort(model.frequency_)
    assert model.frequency_[order] == pytest.approx([1.5, 4.0], abs=0.01)
    assert model.damping_[order] == pytest.approx([0.3, 0.1], abs=0.02)
    assert int(np.argmax(model.number_posterior_)) == 2
    later = np.linspace(T[0], T[-1] + 1.0, 77)
    assert model.predict(later[:, None]) == pytest.approx(signal(later), abs=0.05)
    assert model.score(later[:, None], signal(later)) > 0.999


def test_several_signals_share_their_frequencies():
    from tansaku.sparse.models.modes.estimator import ModeRegressor

    both = np.column_stack([signal(T), signal(T + 0.1)]) + 0.01 * np.random.default_rng(1).normal(size=(len(T), 2))
    model = ModeRegressor(max_modes=3).fit(T[:, None], both)
    assert model.amplitude_.shape == (2, 2)
    assert model.predict(T[:, None]) == pytest.approx(both, abs=0.06)


def test_what_cannot_be_fitted_is_refused():
    from sklearn.exceptions import NotFittedError

    from tansaku.sparse.models.modes.estimator import ModeRegressor

    with pytest.raises(NotFittedError):
        ModeRegressor().predict(T[:, None])
    with pytest.raises(ConfigurationError, match="expected equal steps"):
        ModeRegressor().fit(T[:, None] ** 2, signal(T))
    with pytest.raises(ValueError, match=r"y of shape \(5,\): expected a value at each of 120 points"):
        ModeRegressor().fit(T[:, None], signal(T)[:5])
