"""The searches are scikit-learn estimators."""

import warnings

import numpy as np
import pytest

from tansaku.models.averaging.design import Constraints
from tansaku.sparse.models.search.chain import Sampling


@pytest.fixture
def module(require):
    require("sklearn")
    from tansaku.sparse.models.search import estimators

    return estimators


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 6)) * 3.0 + 1.0
    return x, 2.0 * x[:, 1] - x[:, 4] + 5.0 + 0.1 * rng.normal(size=60)


@pytest.mark.parametrize("name", ["ExhaustiveSearch", "ExhaustiveClassifier"])
def test_scikit_learn_finds_nothing_to_object_to(module, name):
    from sklearn.utils.estimator_checks import check_estimator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(getattr(module, name)(max_features=2, criterion="bic"), on_fail=None)
    assert [result["check_name"] for result in results if result["status"] == "failed"] == []
    assert sum(result["status"] == "passed" for result in results) > 40


def test_weights_are_in_the_units_of_the_table(module, table):
    model = module.ExhaustiveSearch(max_features=3).fit(*table)
    assert model.support_.tolist() == [1, 4]
    assert model.coef_[[1, 4]] == pytest.approx([2.0, -1.0], abs=0.02)
    assert model.intercept_ == pytest.approx(5.0, abs=0.1)
    mean, _ = model.predict_average(table[0])
    assert mean == pytest.approx(model.predict(table[0]), abs=0.1)


def test_the_deviation_of_a_prediction_is_that_of_new_values(module, table):
    x, y = table
    model = module.ExhaustiveSearch(max_features=3).fit(x[:20], y[:20])
    rng = np.random.default_rng(7)
    new = rng.normal(size=(2000, 6)) * 3.0 + 1.0
    true = 2.0 * new[:, 1] - new[:, 4] + 5.0 + 0.1 * rng.normal(size=2000)
    mean, deviation = model.predict_average(new)
    assert 0.7 < ((true - mean) / deviation).std() < 1.4
    assert np.isinf(module.ExhaustiveSearch(max_features=1).fit(x[:2], y[:2]).predict_average(new[:3])[1]).any()


@pytest.mark.parametrize("factor", [1e155, 1e-200])
def test_huge_and_tiny_numbers_are_no_infinity(module, table, factor):
    x, y = table
    for scaled in ((x * factor, y), (x, y * factor)):
        assert module.ExhaustiveSearch(max_features=3).fit(*scaled).support_.tolist() == [1, 4]


@pytest.mark.parametrize("largest", [0, -2, 2.5])
def test_a_largest_number_that_is_none_is_refused(module, table, largest):
    with pytest.raises(ValueError, match=r"max_features=.*: expected a whole number of at least 1"):
        module.ExhaustiveSearch(max_features=largest).fit(*table)


def test_in_a_pipeline_and_a_grid_search(module, table):
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    grid = {"exhaustivesearch__max_features": [1, 2]}
    search = GridSearchCV(make_pipeline(StandardScaler(), module.ExhaustiveSearch(criterion="bic")), grid, cv=3)
    assert search.fit(*table).best_params_ == {"exhaustivesearch__max_features": 2}


def test_the_sampled_search_finds_the_same(module, table):
    settings = Sampling(chains=2, steps=200, pilot=50)
    model = module.SampledSearch(max_features=3, criterion="bic", sampling=settings).fit(*table)
    assert model.support_.tolist() == [1, 4]
    assert model.convergence_.temperatures >= 6


def test_constraints_hold(module, table):
    model = module.ExhaustiveSearch(max_features=2, constraints=Constraints(required=(0,), excluded=(4,))).fit(*table)
    assert {0, 1} <= set(model.support_.tolist())
    assert model.feature_posterior_[[0, 4]].tolist() == [1.0, 0.0]


def test_classes_keep_their_names(module, table):
    x, y = table
    labels = np.where(y > np.median(y), "high", "low")
    model = module.ExhaustiveClassifier(max_features=2).fit(x, labels)
    assert set(model.predict(x)) == {"high", "low"}
    assert model.score(x, labels) > 0.9
    assert model.predict_proba(x).sum(axis=1) == pytest.approx(np.ones(60))
    assert ((model.predict_average(x) > 0.5) == (labels == "low")).mean() > 0.9
