from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.kernel import ConstantMeanSpec, SameKernelSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.kernels import Same, Stationary, expand
from tansaku.models.engine.presets import PRESETS, build_kernel, settings
from tests.support.pools import pool_of


@pytest.mark.parametrize(
    ("override", "attribute", "expected"),
    [
        ({"acquisition": "pi"}, "acquisition", "pi"),
        ({"hyperparameters": "median"}, "rule", "median"),
        ({"refit_growth": 2.0}, "refit_growth", 2.0),
        ({"cost_exponent": 0.5}, "cost_exponent", 0.5),
        ({"restarts": 3}, "restarts", 3),
        ({"mean": [{"type": "constant"}]}, "mean", (ConstantMeanSpec(),)),
        ({"kernel": {"type": "same"}}, "kernel", SameKernelSpec()),
        ({"acquisition": "ucb", "exploration": 1.5}, "exploration", 1.5),
        ({"initial": "cheapest"}, "initial", "cheapest"),
        ({"initial_points": 5}, "initial_points", 5),
        ({"floor": 5}, "floor", 5),
        ({"worst_first": 0.5}, "worst_first", 0.5),
    ],
)
def test_overrides_reach_the_settings_and_change_nothing_else(override, attribute, expected):
    chosen = settings(GPProposerSpec(**override))
    assert getattr(chosen, attribute) == expected
    changed = {name for name in vars(chosen) if getattr(chosen, name) != getattr(PRESETS["default"], name)}
    assert changed == set(override) - {"hyperparameters"} | ({"rule"} if "hyperparameters" in override else set())


def test_a_transform_override_counts_gains_in_the_objectives_unit():
    chosen = settings(GPProposerSpec(preset="published", transform={"log": True, "standardise": "global"}))
    assert chosen.transform.log
    assert chosen.transform.standardise == "global"
    assert not chosen.transformed_gain
    assert settings(GPProposerSpec(preset="published")).transformed_gain


@pytest.mark.parametrize(
    "useless",
    [
        {"exploration": 2.0},
        {"acquisition": "ei", "exploration": 2.0},
        {"preset": "published", "refit_growth": 1.5},
        {"hyperparameters": "median", "refit_growth": 1.5},
        {"hyperparameters": "median", "restarts": 1},
        {"preset": "published", "restarts": 1},
        {"members": 4},
        {"hyperparameters": "map", "bayes_until": 10},
        {"initial_points": 5, "floor": 5},
    ],
)
def test_a_key_without_effect_is_refused(useless):
    with pytest.raises(ValidationError, match=r"exploration|refit_growth|restarts|members|bayes_until|floor"):
        GPProposerSpec(**useless)


def test_published_kernel_is_one_rbf_per_group(grid_pool):
    (term,) = expand(build_kernel("product", grid_pool))
    assert {factor.group for factor in term.factors} == {"angle", "structure", "translation"}
    assert all(isinstance(factor, Stationary) and factor.profile == "rbf" and not factor.ard for factor in term.factors)


def test_single_task_kernel_couples_no_systems(grid_pool):
    (term,) = expand(build_kernel("per-system", grid_pool))
    assert Same("system") in term.factors


def test_additive_kernel_has_the_parts_a_pool_can_tell_apart(grid_pool, scattered_pool, bare_pool):
    parts = {
        name: {term.variances[0] for term in expand(build_kernel("additive", pool))}
        for name, pool in (("grid", grid_pool), ("scattered", scattered_pool), ("bare", bare_pool))
    }
    assert parts["grid"] >= {"system", "surface", "smooth", "shared", "interaction", "own"}
    assert parts["bare"] == {"shared"}
    assert parts["scattered"] == parts["grid"]


def test_what_surfaces_share_is_smoother_than_what_sets_one_apart(grid_pool, bare_pool):
    profiles = {
        term.variances[0]: {factor.profile for factor in term.factors if isinstance(factor, Stationary)}
        for term in expand(build_kernel("additive", grid_pool))
    }
    assert profiles["shared"] == {"rbf"}
    assert profiles["own"] == {"matern32"}
    (only,) = expand(build_kernel("additive", bare_pool))
    assert {factor.profile for factor in only.factors} == {"matern52"}


def test_a_wide_descriptor_is_compared_by_its_sums_too(grid_pool):
    smooth = next(term for term in expand(build_kernel("additive", grid_pool)) if term.variances == ("smooth",))
    assert {(factor.group, factor.metric) for factor in smooth.factors} == {
        ("angle", "plain"),
        ("structure", "plain"),
        ("structure", "cumulative"),
    }
    assert len({factor.lengthscale for factor in smooth.factors}) == 3


def units_pool(*, mixed: bool, count: int = 60) -> tuple[CandidatePool, np.ndarray]:
    """Twelve columns, of which one has numbers a million times as large and explains nothing; and values of the others."""
    rng = np.random.default_rng(5)
    rows = rng.random((count, 12))
    values = rows[:, 1:].sum(axis=1)
    rows[:, 0] *= 1e6
    index = np.arange(count)
    pool = pool_of(count, FeatureGroup("x", rows, index, tuple(f"{name} [{name}]" for name in "abcdefghijkl"), mixed=mixed))
    return pool, values


def test_many_columns_of_different_units_are_compared_in_units_of_their_ranges():
    pool, _ = units_pool(mixed=True)
    assert {f.metric for term in expand(build_kernel("additive", pool)) for f in term.factors} == {"range"}
    assert {f.metric for term in expand(build_kernel("product", pool)) for f in term.factors} == {"plain"}  # as published


def test_sums_of_columns_of_different_units_are_not_compared(grid_pool):
    rows = np.random.default_rng(0).random((len(grid_pool.surfaces), 20))
    for mixed, expected in ((False, {"cumulative", "plain"}), (True, {"range"})):
        group = FeatureGroup("wide", rows, grid_pool.surface_codes, tuple(f"w{i}" for i in range(20)), mixed=mixed)
        pool = replace(grid_pool, groups={**grid_pool.groups, "wide": group})
        factors = [f for term in expand(build_kernel("additive", pool)) for f in term.factors]
        assert {f.metric for f in factors if isinstance(f, Stationary) and f.group == "wide"} == expected


def test_large_numbers_of_one_column_do_not_hide_what_the_others_say():
    errors = {}
    for mixed in (False, True):
        pool, values = units_pool(mixed=mixed)
        proposer = GPProposer(settings(GPProposerSpec()))
        known = np.arange(40)
        history = History(known, values[known])
        mean, _ = proposer.expected(pool, history, proposer.fit(pool, history, None))
        errors[mixed] = np.sqrt(np.mean((mean[40:] - values[40:]) ** 2)) / values[40:].std()
    assert errors[True] < 0.5 < 0.9 < errors[False], errors


def product_of_categories() -> CandidatePool:
    """Eight ions on each of two sites, every pair a candidate."""
    first, second = (axis.ravel() for axis in np.meshgrid(np.arange(8), np.arange(8), indexing="ij"))
    codes = np.arange(8, dtype=float)[:, None]
    return pool_of(
        64,
        FeatureGroup("ion_m", codes, first.astype(np.intp), ("M_ion",), categorical=True),
        FeatureGroup("ion_x", codes, second.astype(np.intp), ("X_ion",), categorical=True),
    )


def test_groups_that_differ_within_a_surface_count_together_and_alone():
    pool = product_of_categories()
    terms = expand(build_kernel("additive", pool))
    assert {term.variances[0] for term in terms} == {"shared", "alone.ion_m.variance", "alone.ion_x.variance"}
    assert all(factor.metric == "overlap" for term in terms for factor in term.factors)


def test_effects_that_add_up_are_found_from_few_observations():
    """A product of many lengthscales alone gets a correlation of 0.2 here."""
    rng = np.random.default_rng(0)
    places = np.indices((6, 6, 6)).reshape(3, -1).astype(np.intp)
    names = tuple("abcdef")
    pool = pool_of(216, *(FeatureGroup(f"site_{i}", rng.uniform(size=(6, 6)), places[i], names) for i in range(3)))
    effects = rng.normal(size=(3, 6))
    truth = sum(effects[i][places[i]] for i in range(3))
    seen = rng.permutation(216)[:20].astype(np.intp)
    others = np.setdiff1d(np.arange(216), seen)
    proposer, history = GPProposer(settings(GPProposerSpec())), History(observed=seen, values=truth[seen])
    mean, _ = proposer.expected(pool, history, proposer.fit(pool, history, None))
    assert np.corrcoef(mean[others], truth[others])[0, 1] > 0.85
