"""Synthetic tables of earlier searches: 20 random points in a box of four numbers, then 80 that a model chose.

Made to choose settings, nothing else: each seed is another function. As in records of experiments, most rows lie close together
around the best ones, and others at the box's edges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, assert_never, get_args

import numpy as np
import pandas as pd
from scipy.linalg import cholesky, solve_triangular
from scipy.spatial.distance import cdist

from benchmarks.everyday.mixtures import VALUE
from tansaku.models.domain.pool import FloatArray
from tansaku.models.engine.acquisition import confidence_bound_improvement, expected_improvement
from tansaku.models.engine.kernels import correlation

HistoryName = Literal["history_smooth", "history_plateau", "history_noisy"]

HISTORIES: tuple[HistoryName, ...] = get_args(HistoryName)

NUMBERS = ("a", "b", "c", "d")

_RANDOM = 20
_ROWS = 100
_BUMPS = 20
_WIDTH = 0.3
_SPREAD = 0.5
_LENGTH = 0.5
_NOISE = 0.02
_ERROR = 0.3
_PLATEAU = 0.6
_REFERENCE = 4000
_DIGITS = 4
_AT_EDGE = 0.4
_STEPS = (0.05, 0.15)
_APART = 0.005

_Function = Callable[[FloatArray], FloatArray]


def history(name: HistoryName, seed: int) -> pd.DataFrame:
    """A table of one search, smaller is better.

    Args:
        name: ``history_smooth``: a sum of bumps; ``history_plateau``: the worst two fifths of the box have one value;
            ``history_noisy``: the first with errors of three tenths of its deviation.
        seed: Decides the function and the search.
    """
    rng = np.random.default_rng([seed, HISTORIES.index(name)])
    measured = _function(name, rng)
    rows = rng.random((_RANDOM, len(NUMBERS)))
    values = measured(rows)
    while len(rows) < _ROWS:
        chosen = _most_hopeful(rows, values, rng)
        rows, values = np.concatenate([rows, chosen]), np.concatenate([values, measured(chosen)])
    return pd.DataFrame(np.round(rows, _DIGITS), columns=list(NUMBERS)).assign(**{VALUE: values})


def _function(name: HistoryName, rng: np.random.Generator) -> _Function:
    centres, heights = rng.random((_BUMPS, len(NUMBERS))), rng.normal(size=_BUMPS)
    widths = _WIDTH * np.exp(_SPREAD * rng.normal(size=(_BUMPS, len(NUMBERS))))

    def bumps(rows: FloatArray) -> FloatArray:
        return np.asarray(np.exp(-0.5 * np.square((rows[:, None] - centres) / widths).sum(axis=2)) @ heights)

    seen = bumps(rng.random((_REFERENCE, len(NUMBERS))))

    def smooth(rows: FloatArray) -> FloatArray:
        return np.asarray((bumps(rows) - seen.mean()) / seen.std())

    match name:
        case "history_smooth":
            return smooth
        case "history_plateau":
            level = float(np.quantile((seen - seen.mean()) / seen.std(), _PLATEAU))
            return lambda rows: np.minimum(smooth(rows), level)
        case "history_noisy":
            return lambda rows: smooth(rows) + _ERROR * rng.normal(size=len(rows))
        case _:
            assert_never(name)


def _most_hopeful(rows: FloatArray, values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A point of random ones, some at edges, some near the best, by expected improvement and by confidence bound in turn."""
    width, best = rows.shape[1], rows[np.argmin(values)]
    edges = rng.random((300, width))
    edges = np.where(rng.random(edges.shape) < _AT_EDGE, np.round(rng.random(edges.shape)), edges)
    near = [np.clip(best + step * rng.normal(size=(200, width)), 0.0, 1.0) for step in _STEPS]
    points = np.concatenate([rng.random((600, width)), edges, *near])
    centre, scale = values.mean(), values.std()
    root = cholesky(_covariance(rows, rows) + _NOISE * np.eye(len(rows)), lower=True)
    across = solve_triangular(root, _covariance(rows, points), lower=True)
    mean = across.T @ solve_triangular(root, (values - centre) / scale, lower=True)
    deviation = np.sqrt(np.maximum(1.0 - np.square(across).sum(axis=0), 1e-9))
    lowest = np.full(len(points), (values.min() - centre) / scale)
    if len(rows) % 2:
        merit = confidence_bound_improvement(mean, deviation, lowest, 2.0)
    else:
        merit = expected_improvement(mean, deviation, lowest)
    fresh = cdist(points, rows).min(axis=1) > _APART
    return np.asarray(points[[int(np.argmax(np.where(fresh, merit, -np.inf)))]])


def _covariance(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(correlation("matern52", cdist(a, b, "sqeuclidean") / _LENGTH**2))
