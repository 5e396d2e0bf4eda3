"""The searches as scikit-learn estimators: ``fit``, ``predict``, ``get_params``, in pipelines and cross-validation.

After ``fit``: ``support_`` (columns of the best model), ``coef_`` and ``intercept_`` in the units of the table, ``landscape_``
(density of states, posteriors, best supports), ``feature_posterior_`` by column and, after sampling, ``convergence_``.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.special import expit

from tansaku.models.averaging.design import Constraints, Design
from tansaku.models.averaging.subsets import FloatArray
from tansaku.sparse.models.scikit import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    check_classification_targets,
    check_is_fitted,
    validate_data,
)
from tansaku.sparse.models.search.chain import Sampling
from tansaku.sparse.models.search.exhaustive import Running, search_all
from tansaku.sparse.models.search.landscape import Landscape, landscape, members
from tansaku.sparse.models.search.logistic import fitted
from tansaku.sparse.models.search.margin import class_score
from tansaku.sparse.models.search.sampled import search_sampled
from tansaku.sparse.models.search.scores import Score, ScoreName, linear_score

_WEAK = 1e-4

LEAST = 1e-12
"""Smallest probability of the models without a column that a sampled search reports; smaller ones are rounding."""


def columns_of(design: Design, units: tuple[int, ...]) -> tuple[int, ...]:
    """Columns of the table that a support of units has, with the required ones."""
    return tuple(sorted([*design.required, *(column for unit in units for column in design.units[unit])]))


def feature_posterior(design: Design, found: Landscape) -> FloatArray:
    """Probability of each column of the table; required columns have 1, excluded ones 0."""
    result = np.zeros(design.x.shape[1])
    result[list(design.required)] = 1.0
    for unit, probability in zip(design.units, found.feature_posterior, strict=True):
        result[list(unit)] = probability
    return result


def log_without(design: Design, found: Landscape) -> FloatArray:
    """Logarithm of the probability that a column of the table does not belong to the support; -inf for required ones.

    A sampled search does not resolve less than :data:`LEAST`.
    """
    logs = found.log_without if found.log_without is not None else np.log(np.maximum(1.0 - found.feature_posterior, LEAST))
    result = np.zeros(design.x.shape[1])
    result[list(design.required)] = -np.inf
    for unit, value in zip(design.units, logs, strict=True):
        result[list(unit)] = value
    return result


def linear_weights(design: Design, columns: tuple[int, ...]) -> FloatArray:
    """Least-squares weights of the columns, for the table as it is, with the intercept last."""
    chosen = list(columns)
    weights, *_ = np.linalg.lstsq(design.x[:, chosen], design.y, rcond=None)
    raw = weights * design.y_scale / design.x_scale[chosen]
    return np.concatenate([raw, [design.y_mean - raw @ design.x_mean[chosen]]])


def class_weights(design: Design, columns: tuple[int, ...]) -> FloatArray:
    """Weights of a logistic regression with a weak penalty, with the intercept last."""
    chosen = list(columns)
    x = np.column_stack([np.ones(design.n_rows), design.x[:, chosen]])[None]
    weights, _, _ = fitted(x, design.y, np.full(x.shape[2], _WEAK))
    raw = weights[0, 1:] / design.x_scale[chosen]
    return np.concatenate([raw, [weights[0, 0] - raw @ design.x_mean[chosen]]])


class _Search(BaseEstimator):  # type: ignore[misc]
    """Base of all searches.

    Args:
        max_features: Largest number of columns or groups in a model.
        criterion: ``free_energy``, ``cv``, ``bic``, ``ebic``, or for classes ``svm``.
        folds: For ``cv`` and ``svm``.
        constraints: Required and excluded columns, groups and prices; None: none.
        running: Jobs, state file and progress; None: one job.
    """

    _classes = False

    def __init__(
        self,
        max_features: int = 3,
        criterion: ScoreName = "free_energy",
        folds: int = 5,
        constraints: Constraints | None = None,
        running: Running | None = None,
    ) -> None:
        self.max_features = max_features
        self.criterion = criterion
        self.folds = folds
        self.constraints = constraints
        self.running = running

    def _search(self, score: Score) -> Landscape:
        return landscape(search_all(score, self.max_features, self.running))

    def _fit(self, x: FloatArray, y: FloatArray) -> Self:
        largest: object = self.max_features  # a caller may give anything
        if not isinstance(largest, int | np.integer) or largest < 1:
            raise ValueError(f"max_features={largest!r}: expected a whole number of at least 1")
        design = Design.of(x, y, self.constraints, classes=self._classes)
        build = class_score if self._classes else linear_score
        self.landscape_ = self._search(build(self.criterion, design, self.folds))
        self.design_ = design
        self.support_ = np.array(columns_of(design, members(self.landscape_.supports[0])), dtype=np.int64)
        self.feature_posterior_ = feature_posterior(design, self.landscape_)
        weights = self._weights(tuple(self.support_.tolist()))
        self._coefficients = np.zeros(x.shape[1])
        self._coefficients[self.support_] = weights[:-1]
        self.intercept_ = float(weights[-1])
        return self

    def _weights(self, columns: tuple[int, ...]) -> FloatArray:
        return (class_weights if self._classes else linear_weights)(self.design_, columns)

    def _linear(self, x: FloatArray) -> FloatArray:
        check_is_fitted(self)
        return np.asarray(validate_data(self, x, reset=False, dtype=np.float64) @ self._coefficients + self.intercept_)

    def _averages(self, x: FloatArray, models: int) -> tuple[FloatArray, FloatArray]:
        """Linear parts of the best models, (n_models, n_rows), and their normalised weights."""
        check_is_fitted(self)
        table = validate_data(self, x, reset=False, dtype=np.float64)
        rows = []
        for support in self.landscape_.supports[:models]:
            columns = columns_of(self.design_, members(support))
            weights = self._weights(columns)
            rows.append(table[:, list(columns)] @ weights[:-1] + weights[-1])
        share = self.landscape_.weights[:models]
        return np.array(rows), np.asarray(share / share.sum())


class _Regression(RegressorMixin, _Search):  # type: ignore[misc]
    def fit(self, X: FloatArray, y: FloatArray) -> Self:
        """Searches the columns that explain the target."""
        x, target = validate_data(self, X, y, y_numeric=True, dtype=np.float64, ensure_min_samples=2)
        self._fit(x, np.asarray(target, dtype=np.float64))
        self.coef_ = self._coefficients
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Predictions of the best model."""
        return self._linear(X)

    def predict_average(self, X: FloatArray, models: int = 100) -> tuple[FloatArray, FloatArray]:
        """Mean and deviation of new values, by the best models weighted with their probability.

        The deviation has three parts: models differ, their weights are uncertain, and each value has noise (the residual
        variance of the model). It is infinite where a model leaves no degree of freedom for the noise.
        """
        rows, share = self._averages(X, models)
        mean = share @ rows
        return mean, np.asarray(np.sqrt(share @ ((rows - mean) ** 2 + self._variances(X, models))))

    def _variances(self, x: FloatArray, models: int) -> FloatArray:
        """Variance of new values by each of the best models, as least squares has it, (n_models, n_rows)."""
        design = self.design_
        table = (validate_data(self, x, reset=False, dtype=np.float64) - design.x_mean) / design.x_scale
        found = []
        for support in self.landscape_.supports[:models]:
            chosen = list(columns_of(design, members(support)))
            known, new = (np.column_stack([np.ones(len(rows)), rows[:, chosen]]) for rows in (design.x, table))
            weights, _, rank, _ = np.linalg.lstsq(known, design.y, rcond=None)
            free = design.n_rows - int(rank)
            noise = float(np.sum((design.y - known @ weights) ** 2)) / free if free else np.inf
            leverage = np.square(new @ np.linalg.pinv(known)).sum(axis=1)
            found.append(noise * (1.0 + leverage) * design.y_scale**2)
        return np.array(found)


class _Classification(ClassifierMixin, _Search):  # type: ignore[misc]
    _classes = True

    def fit(self, X: FloatArray, y: FloatArray) -> Self:
        """Searches the columns that tell two classes apart."""
        x, target = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(target)
        self.classes_, codes = np.unique(target, return_inverse=True)
        if len(self.classes_) != 2:
            found = "1 class" if len(self.classes_) == 1 else f"{len(self.classes_)} classes"
            raise ValueError(f"Only binary classification is supported. The type of the target is multiclass: {found}")
        self._fit(x, codes.astype(np.float64))
        self.coef_ = self._coefficients[None]
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Log odds of the second class."""
        return self._linear(X)

    def predict_proba(self, X: FloatArray) -> FloatArray:
        """Probabilities of both classes by the best model."""
        second = expit(self._linear(X))
        return np.column_stack([1.0 - second, second])

    def predict(self, X: FloatArray) -> FloatArray:
        """The more probable class."""
        second = self._linear(X) > 0.0
        return np.asarray(self.classes_[second.astype(np.int64)])

    def predict_average(self, X: FloatArray, models: int = 100) -> FloatArray:
        """Probability of the second class, averaged over the best models."""
        rows, share = self._averages(X, models)
        return np.asarray(share @ expit(rows))

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn's own type
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


class _Sampled(_Search):
    def __init__(
        self,
        max_features: int = 3,
        criterion: ScoreName = "free_energy",
        folds: int = 5,
        constraints: Constraints | None = None,
        running: Running | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        super().__init__(max_features, criterion, folds, constraints, running)
        self.sampling = sampling

    def _search(self, score: Score) -> Landscape:
        found = search_sampled(score, self.max_features, self.sampling, self.running)
        self.sampled_, self.convergence_ = found, found.convergence
        return found.landscape


class ExhaustiveSearch(_Regression):
    """Regression on the best of all supports; the class's parameters are those of :class:`_Search`."""


class ExhaustiveClassifier(_Classification):
    """Logistic regression for two classes on the best of all supports, also where a support vector machine chose it."""


class SampledSearch(_Sampled, _Regression):
    """Regression on the best support that a replica exchange finds; ``sampling`` holds its settings."""


class SampledClassifier(_Sampled, _Classification):
    """Logistic regression for two classes on the best support that a replica exchange finds."""
