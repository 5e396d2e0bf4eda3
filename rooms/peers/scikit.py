"""scikit-learn's Gaussian process with expected improvement over the list."""

from __future__ import annotations

import warnings

import numpy as np

from tansaku.models.engine.acquisition import expected_improvement
from tansaku.peers.problem import Problem, Suggestion


class ScikitOptimiser:
    """``GaussianProcessRegressor`` with an ARD Matérn-5/2 kernel, learned noise and its own marginal-likelihood fit."""

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        matrix = problem.encoding.matrix
        kernel = ConstantKernel() * Matern(np.full(matrix.shape[1], 0.5), nu=2.5) + WhiteKernel(1e-3, (1e-8, 1.0))
        model = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=1, random_state=problem.seed)
        with warnings.catch_warnings():
            # A lengthscale at its bound is what a column without influence should have.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(matrix[problem.rows], problem.values)
        mean, deviation = model.predict(matrix[problem.free], return_std=True)
        gain = expected_improvement(mean, deviation, np.full(len(mean), problem.values.min()))
        best = int(np.argmax(gain))
        return Suggestion(int(problem.free[best]), float(gain[best]))
