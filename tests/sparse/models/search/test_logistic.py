"""Classes: the fits are scikit-learn's, separable classes stay finite."""

import numpy as np
import pytest

from tansaku.models.averaging.design import Design
from tansaku.sparse.models.search.exhaustive import search_all
from tansaku.sparse.models.search.landscape import landscape, members
from tansaku.sparse.models.search.logistic import fitted
from tansaku.sparse.models.search.margin import class_score, separated
from tansaku.sparse.models.search.scores import CLASS_SCORES


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 6))
    return x, (2.0 * x[:, 1] - 1.5 * x[:, 3] + 0.5 * rng.logistic(size=80) > 0.0).astype(float)


def test_weights_are_those_of_scikit_learn(table, require):
    require("sklearn")
    from sklearn.linear_model import LogisticRegression

    x, y = table
    full = np.column_stack([np.ones(len(y)), x])
    weights, _, _ = fitted(full[None], y, np.array([1e-9, *[1.0] * 6]))
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(x, y)
    assert weights[0] == pytest.approx(np.concatenate([model.intercept_, model.coef_[0]]), abs=1e-4)


@pytest.mark.parametrize("name", CLASS_SCORES)
def test_the_right_columns_are_found(table, name):
    score = class_score(name, Design.of(*table, classes=True))
    scene = landscape(search_all(score, 3), bins=5)
    assert {1, 3} <= set(members(scene.supports[0]))
    assert scene.feature_posterior[[1, 3]].min() > 0.9


def test_separable_classes_stay_finite(table):
    x, _ = table
    score = class_score("free_energy", Design.of(x, (x[:, 0] > 0.0).astype(float), classes=True))
    energies = score.energies(np.array([[-1, -1], [0, -1], [0, 2]]))
    assert np.isfinite(energies).all()
    assert energies.argmin() == 1


def test_missing_members_change_nothing(table):
    score = class_score("free_energy", Design.of(*table, classes=True))
    assert score.energies(np.array([[1, -1, -1]])) == pytest.approx(score.energies(np.array([[1]])))


def test_margins_are_those_of_a_general_minimiser_and_of_scikit_learn(table, require):
    require("sklearn")
    from scipy.optimize import minimize
    from sklearn.svm import LinearSVC

    x, y = table
    sign, full = 2.0 * y - 1.0, np.column_stack([np.ones(len(y)), x])

    def loss(weights):
        return (
            0.5e-4 * weights[0] ** 2 + 0.5 * weights[1:] @ weights[1:] + (np.maximum(0, 1 - sign * (full @ weights)) ** 2).sum()
        )

    found = separated(np.stack([full, full * np.array([1, 1, 0, 1, 0, 0, 0])]), y)
    assert loss(found[0]) <= minimize(loss, np.zeros(7), method="BFGS", options={"gtol": 1e-8}).fun + 1e-9
    model = LinearSVC(intercept_scaling=1000.0, tol=1e-8, max_iter=100_000).fit(x, y)
    assert found[0] == pytest.approx(np.concatenate([model.intercept_, model.coef_[0]]), abs=1e-3)
    assert found[1, [2, 4, 5, 6]] == pytest.approx(0.0)
