"""Supports by other programs, run with the Python of an environment that has them: ``python peers.py TABLES.npz METHOD SIZE``.

Prints one JSON object: the chosen columns and seconds by table. It imports nothing of the product.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def abess(x: np.ndarray, y: np.ndarray, size: int) -> list[int]:
    """Best subset by splicing, its size by abess's own information criterion."""
    from abess.linear import LinearRegression

    model = LinearRegression(support_size=range(size + 1))
    return np.flatnonzero(model.fit(x, y).coef_).tolist()


def l0bnb(x: np.ndarray, y: np.ndarray, size: int) -> list[int]:
    """Best subsets by branch and bound along a path of penalties; the size by BIC, since it has no criterion."""
    from l0bnb import fit_path

    found, n = [], len(y)
    for solution in fit_path(x, y, lambda_2=0.01, max_nonzeros=size):
        support = np.flatnonzero(solution["B"]).tolist()
        full = np.column_stack([np.ones(n), x[:, support]])
        rest = y - full @ np.linalg.lstsq(full, y, rcond=None)[0]
        found.append((n * np.log((rest**2).mean()) + len(support) * np.log(n), support))
    return min(found)[1]


def exhbma(x: np.ndarray, y: np.ndarray, size: int) -> list[int]:
    """The most probable model of all subsets, whatever their size."""
    from exhbma import ExhaustiveLinearRegression, StandardScaler, inverse

    del size
    x_scaler, y_scaler = StandardScaler(n_dim=2), StandardScaler(n_dim=1, scaling=False)
    x_scaler.fit(x)
    y_scaler.fit(y)
    model = ExhaustiveLinearRegression(inverse(np.logspace(-2.5, 0.5, 10)), inverse(np.logspace(-2.0, 1.0, 10)))
    model.fit(x_scaler.transform(x), y_scaler.transform(y), verbose=False)
    weights = np.array(model.log_priors_) + np.array(model.log_likelihoods_)
    return np.flatnonzero(model.indicators_[int(np.argmax(weights))]).tolist()


METHODS = {"abess": abess, "l0bnb": l0bnb, "exhbma": exhbma}


def main() -> None:
    """Runs a method on all tables."""
    path, name, size = sys.argv[1:]
    stored = np.load(path)
    supports, seconds = [], []
    for number in range(int(stored["count"])):
        begun = time.perf_counter()
        support = METHODS[name](stored[f"x{number}"], stored[f"y{number}"], int(size))
        seconds.append(time.perf_counter() - begun)
        supports.append([int(column) for column in support])
    print(json.dumps({"supports": supports, "seconds": seconds}))


if __name__ == "__main__":
    main()
