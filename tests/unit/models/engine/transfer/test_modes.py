from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.engine.kernels import covariance
from tansaku.models.engine.likelihood import NOISE
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import PRESETS
from tansaku.models.engine.transfer.extended import COUPLING, SHIFT, correlations
from tansaku.models.engine.transfer.modes import SCALE_COUNT, WITH_SOURCES, Family, SourceFit, arrays
from tansaku.models.engine.transforms import OutputTransform

SETTINGS = replace(PRESETS["default"], transform=OutputTransform())


@pytest.fixture(scope="module")
def family(pair):
    return Family(SETTINGS, pair.pool, [pair.source])


@pytest.fixture(scope="module")
def source_fit(family):
    return family.source_fit()


def test_posterior_is_the_sources_posterior_as_a_prior_and_then_the_targets_data(pair, family, source_fit):
    """Prior mean c·m(x), prior covariance c² V(x, x') + (1 − c²) k(x, x') + unknown mean; then ordinary regression."""
    history = pair.history(9)
    fitted = family.fit("posterior", history, source_fit, None)
    parameters = arrays(fitted["parameters"])
    noise, c = float(parameters[NOISE][0]), float(correlations(parameters[COUPLING])[0])
    extended, terms = family.extended, family.uncoupled
    known, here = extended.positions, np.arange(len(pair.pool))
    shift = float(parameters[SHIFT][0])
    pool = extended.pool

    def k(a, b):
        return covariance(terms, pool, parameters, a, b)

    source = np.linalg.inv(k(known, known) + shift + noise * np.eye(len(known)))
    mean = c * k(here, known) @ source @ extended.targets
    prior = k(here, here) + shift - c**2 * k(here, known) @ source @ k(known, here)
    z = (history.values - np.mean(history.values)) / fitted["transform"]["scale"]
    at = history.observed
    gain = prior[:, at] @ np.linalg.inv(prior[np.ix_(at, at)] + noise * np.eye(len(at)))
    expected = mean + gain @ (z - mean[at])
    variance = np.diagonal(prior - gain @ prior[at])

    posterior = PoolPosterior(pool, family.terms, parameters, noise)
    posterior.start([*known.tolist(), *at[:4].tolist()])
    targets = np.concatenate([extended.targets, z])
    found = posterior.predict(at[4:].tolist(), [], targets, np.ones(len(targets), dtype=bool))
    assert np.allclose(found[0][: len(here)], expected, rtol=0, atol=1e-8)
    assert np.allclose(found[1][: len(here)], variance, rtol=0, atol=1e-8)


@pytest.mark.parametrize("mode", WITH_SOURCES)
def test_a_fit_serves_a_pool_in_which_another_feature_varies(pair, mode):
    """A value measured at other conditions makes the pool wider, and the next fit may come much later."""
    x = pair.pool.groups["x"]
    same = replace(x, values=x.values[:1], index=np.zeros(len(pair.pool), dtype=np.intp))
    narrow = Family(SETTINGS, replace(pair.pool, groups=pair.pool.groups | {"x": same}), [pair.source])
    wide, history = Family(SETTINGS, pair.pool, [pair.source]), pair.history(9)
    source = narrow.source_fit()
    fitted = narrow.fit(mode, history, source, None)
    assert np.isfinite(wide.expected(fitted)).all()
    assert np.isfinite(wide.densities(mode, history, fitted)).all()
    assert np.isfinite(wide.densities(mode, history, wide.fit(mode, history, source, fitted))).all()


def test_hyperparameters_are_those_of_the_sources_and_joint_ones_are_not(pair, family, source_fit):
    history = pair.history(12)
    own = {
        mode: family.fit(mode, history, source_fit, None)["parameters"] for mode in ("hyperparameters", "posterior", "joint")
    }
    kept = source_fit.to_json()["parameters"]
    assert own["hyperparameters"] == kept
    assert {name for name in kept if own["posterior"][name] != kept[name]} == {COUPLING}
    assert len({name for name in kept if own["joint"][name] != kept[name]}) > 3


def test_few_values_are_scaled_as_the_sources_are(pair, family):
    deviation = pair.source.values.std()
    one, few, many = (family.transform(pair.history(n)) for n in (1, 3, 60))
    assert one.scale == pytest.approx(deviation * np.sqrt(SCALE_COUNT / (SCALE_COUNT + 1)))
    values = pair.history(3).values
    assert few.scale == pytest.approx(np.sqrt((SCALE_COUNT * deviation**2 + 3 * values.var()) / (SCALE_COUNT + 3)))
    assert abs(many.scale - pair.values.std()) < abs(few.scale - pair.values.std())
    bare = Family(replace(SETTINGS, transform=OutputTransform(standardise="none")), pair.pool, [pair.source])
    assert bare.transform(pair.history(3)).scale == 1.0


def test_a_source_that_helps_predicts_and_a_shuffled_one_does_not(pair, family, source_fit):
    history = pair.history(20)
    shuffled = Family(
        SETTINGS, pair.pool, [replace(pair.source, values=np.random.default_rng(3).permutation(pair.source.values))]
    )
    empty = shuffled.source_fit()
    assert source_fit.skill > 50 > 6 > empty.skill
    good = family.densities("posterior", history, family.fit("posterior", history, source_fit, None)).sum()
    bad = shuffled.densities("posterior", history, shuffled.fit("posterior", history, empty, None)).sum()
    assert good > bad + 10


def test_hyperparameters_do_not_look_at_the_sources_values(pair, family, source_fit):
    history = pair.history(10)
    fitted = family.fit("hyperparameters", history, source_fit, None)
    other = Family(SETTINGS, pair.pool, [replace(pair.source, values=pair.source.values[::-1].copy())])
    assert np.allclose(
        family.densities("hyperparameters", history, fitted), other.densities("hyperparameters", history, fitted)
    )
    assert not np.allclose(family.densities("posterior", history, fitted), other.densities("posterior", history, fitted))


def test_a_source_fit_survives_plain_data(source_fit):
    again = SourceFit.from_json(source_fit.to_json())
    assert again.to_json() == source_fit.to_json()
