"""Usual ways to select variables, to be placed in the density of states: each gives supports of rising size."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tansaku.models.averaging.design import Design
from tansaku.models.averaging.subsets import EMPTY, FloatArray
from tansaku.sparse.models.search.scores import Score

Path_ = list[tuple[int, ...]]
Method = Callable[[FloatArray, FloatArray, int], Path_]
_ALPHAS = 100
_NONZERO = 1e-10


def _along(coefficients: FloatArray, largest: int) -> Path_:
    """Distinct supports along a path of coefficients, (n_columns, n_points)."""
    found: Path_ = []
    for point in coefficients.T:
        support = tuple(np.flatnonzero(np.abs(point) > _NONZERO).tolist())
        if len(support) <= largest and support not in found:
            found.append(support)
    return found


def lasso(x: FloatArray, y: FloatArray, largest: int) -> Path_:
    """Supports along the LASSO path."""
    from sklearn.linear_model import lars_path

    _, _, coefficients = lars_path(x, y, method="lasso", max_iter=20 * largest)
    return _along(coefficients, largest)


def elastic_net(x: FloatArray, y: FloatArray, largest: int) -> Path_:
    """Supports along the path of the elastic net with equal shares of both penalties."""
    from sklearn.linear_model import enet_path

    _, coefficients, *_ = enet_path(x, y, l1_ratio=0.5, alphas=_ALPHAS)
    return _along(coefficients, largest)


def orthogonal_matching_pursuit(x: FloatArray, y: FloatArray, largest: int) -> Path_:
    """Supports that orthogonal matching pursuit chooses."""
    from sklearn.linear_model import orthogonal_mp

    count = min(largest, x.shape[1], len(x) - 1)
    path = orthogonal_mp(x, y, n_nonzero_coefs=count, return_path=True)
    return _along(np.asarray(path).reshape(x.shape[1], -1), largest)


def stepwise(x: FloatArray, y: FloatArray, largest: int) -> Path_:
    """Forward selection by least squares."""
    chosen: list[int] = []
    rest_x, rest_y = x.copy(), y.copy()
    found: Path_ = [()]
    for _ in range(min(largest, x.shape[1], len(x) - 1)):
        norms = (rest_x**2).sum(axis=0)
        sound = norms > 1e-10 * len(x)
        gains = np.where(sound, (rest_x.T @ rest_y) ** 2 / np.where(sound, norms, 1.0), -1.0)
        gains[chosen] = -1.0
        best = int(np.argmax(gains))
        if gains[best] <= 0.0:
            break
        direction = rest_x[:, best] / np.sqrt(norms[best])
        rest_y = rest_y - direction * (direction @ rest_y)
        rest_x = rest_x - np.outer(direction, direction @ rest_x)
        chosen.append(best)
        found.append(tuple(sorted(chosen)))
    return found


def abess(x: FloatArray, y: FloatArray, largest: int) -> Path_:
    """Best subsets by splicing, with the package abess where it is installed."""
    from importlib import import_module

    model = import_module("abess.linear").LinearRegression
    found: Path_ = []
    for size in range(1, min(largest, x.shape[1]) + 1):
        coefficients = model(support_size=size).fit(x, y).coef_
        found.append(tuple(np.flatnonzero(np.abs(coefficients) > _NONZERO).tolist()))
    return found


def logistic_lasso(x: FloatArray, y: FloatArray, largest: int) -> Path_:
    """Supports of logistic regressions with a rising weight of the LASSO penalty's inverse."""
    from sklearn.linear_model import LogisticRegression

    coefficients = []
    for inverse in np.geomspace(1e-3, 10.0, 25):
        model = LogisticRegression(l1_ratio=1.0, C=inverse, solver="liblinear")
        coefficients.append(model.fit(x, y).coef_[0])
    return _along(np.array(coefficients).T, largest)


METHODS: dict[str, Method] = {
    "LASSO": lasso,
    "elastic net": elastic_net,
    "OMP": orthogonal_matching_pursuit,
    "stepwise": stepwise,
}
CLASS_METHODS: dict[str, Method] = {"logistic LASSO": logistic_lasso}


def available(*, classes: bool) -> dict[str, Method]:
    """The methods that can run here; abess where it is installed."""
    from importlib.util import find_spec

    if classes:
        return CLASS_METHODS
    return METHODS | ({"abess": abess} if find_spec("abess") else {})


class Choice(NamedTuple):
    """The best of a method's supports by a score.

    Attributes:
        units: Chosen.
        energy: Of them.
        warnings: What the packages that the method uses warned of.
    """

    units: tuple[int, ...]
    energy: float
    warnings: tuple[str, ...]


def choice(method: Method, score: Score, largest: int) -> Choice:
    """The best of a method's supports by the score. Columns that are not free are left out.

    Args:
        method: One of :data:`METHODS`.
        largest: Largest number of units.
    """
    design: Design = score.design
    free = [unit[0] for unit in design.units]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        paths = method(design.x[:, free], design.y, largest)
    padded = np.full((len(paths), max(largest, 1)), EMPTY, dtype=np.int64)
    for row, support in enumerate(paths):
        padded[row, : len(support)] = support
    energies = score.energies(padded)
    best = int(np.argmin(energies))
    said = tuple(" ".join(f"{warning.category.__name__}: {warning.message}".split()) for warning in caught)
    return Choice(paths[best], float(energies[best]), said)
