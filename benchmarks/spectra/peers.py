"""Peaks by lmfit, run with the Python of an environment that has it: ``python peers.py SPECTRA.npz``.

Prints one JSON object: positions by spectrum, and the median of seconds. It imports nothing of the product.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import numpy as np
from lmfit.models import GaussianModel, LinearModel


def positions(x: np.ndarray, y: np.ndarray, count: int) -> list[float]:
    """Peaks are added one at a time at the maximum of the residual, and all are fitted again."""
    model = LinearModel()
    parameters = model.make_params(slope=0.0, intercept=float(np.median(y)))
    fitted = model.fit(y, parameters, x=x)
    for number in range(count):
        rest = y - fitted.best_fit
        peak = GaussianModel(prefix=f"p{number}_")
        model = model + peak
        parameters = fitted.params.copy()
        start = peak.make_params(center=float(x[np.argmax(rest)]), sigma=3.0, amplitude=float(rest.max()) * 7.5)
        start[f"p{number}_amplitude"].min = 0.0
        start[f"p{number}_sigma"].set(min=0.5, max=10.0)
        start[f"p{number}_center"].set(min=float(x[0]), max=float(x[-1]))
        parameters.update(start)
        fitted = model.fit(y, parameters, x=x)
    return [float(fitted.params[f"p{number}_center"].value) for number in range(count)]


def main() -> None:
    """Fits all spectra."""
    with np.load(sys.argv[1]) as held:
        found, seconds = [], []
        for seed, count in zip(held["seeds"], held["counts"], strict=True):
            begun = time.perf_counter()
            found.append(positions(held["x"], held[f"y{seed}"], int(count)))
            seconds.append(time.perf_counter() - begun)
    print(json.dumps({"positions": found, "seconds": statistics.median(seconds)}))


if __name__ == "__main__":
    main()
