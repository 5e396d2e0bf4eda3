from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.engine.cross import SharedGrid, cross_covariance
from tansaku.models.engine.kernels import covariance, expand
from tansaku.models.engine.presets import build_kernel
from tansaku.models.engine.transfer.data import observed_source
from tansaku.models.engine.transfer.extended import COUPLING, DOMAIN, SHIFT, correlations, coupled, extend
from tansaku.models.engine.transfer.modes import priors
from tansaku.models.engine.transforms import OutputTransform

PLAIN = OutputTransform()


def test_the_target_keeps_its_place_and_features(pair):
    extended = extend(pair.pool, [pair.source, replace(pair.source, name="again")], PLAIN)
    pool = extended.pool
    assert pool.ids[: extended.n_target].tolist() == pair.pool.ids.tolist()
    assert len(pool) == 60 + 80 + 80
    for name, group in pair.pool.groups.items():
        whole = pool.groups[name]
        assert np.array_equal(whole.values[whole.index[:60]], group.values[group.index])
        theirs = pair.source.pool.groups[name]
        assert np.array_equal(whole.values[whole.index[60:140]], theirs.values[theirs.index])
    domain = pool.groups[DOMAIN]
    assert domain.values[domain.index[[0, 60, 140]]].tolist() == [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert extended.positions.tolist() == list(range(60, 220))


def test_sources_are_systems_and_surfaces_of_their_own_even_under_equal_names(pair):
    extended = extend(pair.pool, [pair.source], PLAIN)
    codes = extended.pool.system_codes
    assert len(extended.pool.systems) == len(set(extended.pool.systems)) == 2
    assert set(codes[:60]) & set(codes[60:]) == set()


def test_each_source_is_standardised_by_itself(pair):
    loud = replace(pair.source, name="loud", values=100.0 + 40.0 * pair.source.values)
    extended = extend(pair.pool, [pair.source, loud], PLAIN)
    assert np.allclose(extended.targets[:80], extended.targets[80:])
    assert abs(extended.targets[:80].mean()) < 1e-12
    assert extended.targets[:80].std() == np.float64(1.0).item() or np.isclose(extended.targets[:80].std(), 1.0)
    deviation = pair.source.values.std()
    assert np.isclose(extended.scale, deviation * np.sqrt((1 + 40**2) / 2))


@given(lengths=st.lists(st.floats(0.2, 20.0), min_size=2, max_size=2))
def test_correlations_of_domains_are_positive_and_the_star_of_their_own(pair, lengths):
    extended = extend(pair.pool, [pair.source, replace(pair.source, name="again")], PLAIN)
    terms = expand(coupled(build_kernel("additive", pair.pool)))
    parameters = {name: prior.centre for name, prior in priors(extended, terms).items()}
    same_point = extend(pair.pool, [observed_source("self", pair.pool, np.array([7]), np.zeros(1), "minimize", 9)] * 2, PLAIN)
    parameters |= {COUPLING: np.array(lengths), SHIFT: np.array([0.0])}
    at = np.array([7, 60, 61])
    matrix = covariance(terms, same_point.pool, parameters, at, at)
    found = matrix / matrix[0, 0]
    c = correlations(np.array(lengths))
    assert np.allclose(found, [[1, c[0], c[1]], [c[0], 1, c[0] * c[1]], [c[1], c[0] * c[1], 1]])
    assert (found >= 0.0).all()


def test_a_shared_grid_stays_one(grid_pool):
    rng = np.random.default_rng(0)
    inside = np.flatnonzero(grid_pool.system_codes == 0)
    source = observed_source("self", grid_pool, inside, rng.normal(size=len(inside)), "minimize", 100)
    extended = extend(grid_pool, [source], PLAIN)
    terms = expand(coupled(build_kernel("additive", grid_pool)))
    parameters = {name: prior.centre for name, prior in priors(extended, terms).items()}
    assert isinstance(cross_covariance(extended.pool, terms, parameters), SharedGrid)
    assert len(extended.pool.groups["translation"].values) == len(grid_pool.groups["translation"].values)


def test_a_group_in_which_the_target_does_not_differ_separates_nobody(pair):
    alkali = [
        FeatureGroup("alkali", np.array([[mass]]), np.zeros(n, dtype=np.intp), ("mass",)) for mass, n in ((23, 60), (7, 80))
    ]
    target = replace(pair.pool, groups={**pair.pool.groups, "alkali": alkali[0]})
    source = replace(pair.source, pool=replace(pair.source.pool, groups={**pair.source.pool.groups, "alkali": alkali[1]}))
    covariances = []
    for pool, known in ((pair.pool, pair.source), (target, source)):
        extended = extend(pool, [known], PLAIN)
        terms = expand(coupled(build_kernel("product", pool)))
        parameters = {name: prior.centre for name, prior in priors(extended, terms).items()}
        everything = np.arange(len(extended.pool))
        covariances.append(covariance(terms, extended.pool, parameters, everything, everything))
    assert np.array_equal(*covariances)
    assert covariances[0][:60, 60:].max() > 0.1
