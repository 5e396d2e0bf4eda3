"""The estimator finds, predicts and can be cloned."""

from pathlib import Path

import numpy as np
import pytest

from tansaku.sparse.models.exafs.scattering import scatterers_of
from tansaku.sparse.models.exafs.shells import Bounds
from tansaku.sparse.models.exafs.signal import Choice
from tansaku.sparse.tasks.feff_file import read_feff

pytestmark = pytest.mark.needs("sklearn")

FEFF = Path(__file__).parents[4] / "examples/exafs-copper/feff0001.dat"


def test_what_is_fitted_is_predicted_elsewhere():
    from sklearn.base import clone

    from tansaku.sparse.models.exafs.estimator import ShellRegressor

    scatterers = scatterers_of([read_feff(FEFF)])
    k = np.arange(2.5, 15.0, 0.05)
    wave = scatterers[0].wave(k, 1.0)
    chi = np.array([8.0, 4.0]) @ wave.columns(np.array([2.4, 3.3]), np.array([0.004, 0.007]))
    noisy = chi + 5e-4 * np.random.default_rng(1).normal(size=len(k))
    model = ShellRegressor(scatterers, 3, Choice(high=14.0), Bounds(distance=(1.8, 4.0), energy=(-5.0, 5.0)), steps=600)
    again = clone(model)
    assert again.get_params()["max_shells"] == 3
    again.fit(k[::2, None], noisy[::2])
    assert again.shells_.distance == pytest.approx([2.4, 3.3], abs=0.01)
    assert again.number_posterior_.sum() == pytest.approx(1.0)
    assert [round(group.distance[0], 1) for group in again.groups_ if group.probability > 0.5] == [2.4, 3.3]
    inside = (k > 4.0) & (k < 13.0)
    assert again.score(k[inside, None], chi[inside]) > 0.995
    with pytest.raises(ValueError, match="expected wavenumbers"):
        again.predict(k)
