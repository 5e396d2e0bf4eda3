"""Emukit's expected improvement with GPy's Gaussian process. Paleyes et al. (2023), https://doi.org/10.25080/gerudo-f2bc6f59-009."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tansaku.peers.problem import Problem, Suggestion


class EmukitOptimiser:
    """``GPyModelWrapper`` around an ARD Matérn-5/2 regression, fitted, and ``ExpectedImprovement`` over the list."""

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        import GPy
        from emukit.bayesian_optimization.acquisitions import ExpectedImprovement
        from emukit.model_wrappers import GPyModelWrapper

        matrix = problem.encoding.matrix
        kernel = GPy.kern.Matern52(matrix.shape[1], ARD=True)
        with _seeded(problem.seed):
            model = GPyModelWrapper(
                GPy.models.GPRegression(matrix[problem.rows], problem.standardised[:, None], kernel), n_restarts=1
            )
            model.optimize()
            gain = np.asarray(ExpectedImprovement(model).evaluate(matrix[problem.free]))[:, 0]
        best = int(np.argmax(gain))
        return Suggestion(int(problem.free[best]), float(gain[best]) * problem.deviation)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds the global generator, from which GPy draws, for this block and puts it back after it."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
