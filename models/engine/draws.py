"""Samples of a model's prior over a whole pool, on which a campaign is rehearsed before anything is computed."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.engine.cross import GridLayout, grid_layout, surface_factor
from tansaku.models.engine.kernels import Parameters, Term, covariance, factor_codes, factor_matrix
from tansaku.models.engine.transforms import OutputTransform

DENSE = 6000
"""Largest number of candidates whose full covariance is factorised, if surfaces share no grid."""

GRID = 4000
"""Largest number of points of a shared grid."""


_AS_MODELLED = OutputTransform()


class PriorDraws:
    """Exact samples of a kernel's prior: by surfaces and grid if surfaces share a grid, else from the full covariance.

    Args:
        pool: The pool.
        terms: Normal form of the kernel.
        parameters: Parameter values by name.
        noise: Variance of each value about the smooth function.
        transform: What is done to the objective before it is modelled.

    Raises:
        ConfigurationError: The pool is too large for exact samples.
    """

    def __init__(
        self,
        pool: CandidatePool,
        terms: tuple[Term, ...],
        parameters: Parameters,
        noise: float,
        transform: OutputTransform = _AS_MODELLED,
    ) -> None:
        self._pool, self._noise, self._transform = pool, noise, transform
        layout = grid_layout(pool, terms)
        self._roots: list[tuple[FloatArray, FloatArray]] = []
        self._slots = np.arange(len(pool))
        if layout is None:
            if len(pool) > DENSE:
                raise ConfigurationError(
                    f"rehearsal: {len(pool):,} candidates on surfaces without a common grid are too many to sample, "
                    f"expected at most {DENSE:,}",
                    hint="rehearse on a table, or on fewer systems",
                )
            everything = np.arange(len(pool))
            self._roots.append((_root(covariance(terms, pool, parameters, everything, everything)), np.ones((1, 1))))
            return
        if len(layout.grid_members) > GRID:
            raise ConfigurationError(f"rehearsal: a grid of {len(layout.grid_members):,} points, expected at most {GRID:,}")
        if layout.slots is not None:
            self._slots = layout.slots
        self._roots = [_factors(term, pool, parameters, layout) for term in terms]

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Returns one landscape of the objective with mean 0 and deviation 1, shape ``(n_candidates,)``.

        The model's compression of high values is inverted, which brings the low values of a landscape with a given deviation
        closer together. A logarithm is not inverted, because it does not define the magnitude of the values.
        """
        values = self._transform.stretched(self.latent(rng))
        deviation = float(values.std())
        return np.asarray((values - values.mean()) / (deviation if deviation > 0.0 else 1.0))

    def latent(self, rng: np.random.Generator) -> FloatArray:
        """Returns one sample of the modelled values, noise included, shape ``(n_candidates,)``."""
        total = np.zeros(len(self._pool))
        for rows, columns in self._roots:
            white = rng.standard_normal((rows.shape[1], columns.shape[1]))
            total += (rows @ white @ columns.T).reshape(-1)[self._slots]
        return np.asarray(total + np.sqrt(self._noise) * rng.standard_normal(len(total)))


def _factors(term: Term, pool: CandidatePool, parameters: Parameters, layout: GridLayout) -> tuple[FloatArray, FloatArray]:
    """Roots of a term's covariance between surfaces and between grid points."""
    between = np.full((len(pool.surfaces),) * 2, term.variance(parameters))
    on_grid = np.ones((len(layout.grid_members),) * 2)
    varies = False
    for factor in term.factors:
        codes = factor_codes(factor, pool)
        if surface_factor(factor, pool):
            here = codes[layout.surface_members]
            between *= factor_matrix(factor, pool, parameters, here, here)
        else:
            here, varies = codes[layout.grid_members], True
            on_grid *= factor_matrix(factor, pool, parameters, here, here)
    return _root(between), _root(on_grid) if varies else np.ones((len(on_grid), 1))


def _root(matrix: FloatArray) -> FloatArray:
    """A matrix R with R Rᵀ equal to the given one, which may be singular."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-10 * max(float(values[-1]), np.finfo(np.float64).tiny)
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))
