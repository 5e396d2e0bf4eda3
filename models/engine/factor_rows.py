"""Correlations of one candidate with all of a pool, factor by factor."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.spatial.distance import cdist

from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.engine.kernels import (
    Factor,
    Parameters,
    Stationary,
    correlation,
    factor_codes,
    factor_matrix,
    scaled_coordinates,
)

_WIDEST = 2**16
_COORDINATES = 2**28


class FactorRows:
    """Correlations between one candidate and every distinct row of a factor.

    Scaled coordinates are computed once, of as many factors as fit into 256 MB.

    Args:
        factors: The factors.
        pool: The pool.
        parameters: Parameter values by name.
    """

    def __init__(self, factors: Iterable[Factor], pool: CandidatePool, parameters: Parameters) -> None:
        self._pool, self._parameters = pool, parameters
        self.codes: dict[Factor, IntArray] = {factor: factor_codes(factor, pool) for factor in factors}
        self._counts = {factor: int(codes.max()) + 1 for factor, codes in self.codes.items()}
        self._scaled: dict[Factor, FloatArray] = {}
        left = _COORDINATES
        for factor in self.codes:
            if isinstance(factor, Stationary) and factor.metric != "overlap":
                left -= 8 * pool.groups[factor.group].values.size * (2 if factor.metric == "periodic" else 1)
                if left >= 0:
                    self._scaled[factor] = scaled_coordinates(factor, pool, parameters[factor.lengthscale], slice(None))

    def between(self, factor: Factor, position: int) -> FloatArray:
        """Correlations of a candidate; those of another one are at its place in ``codes``; shape ``(n_distinct,)``."""
        own, count = self.codes[factor][[position]], self._counts[factor]
        scaled = self._scaled.get(factor)
        if scaled is not None and isinstance(factor, Stationary):
            near: FloatArray = correlation(factor.profile, cdist(scaled[own], scaled, "sqeuclidean")[0])
            return near
        row = np.empty(count)
        for begin in range(0, count, _WIDEST):
            rows = np.arange(begin, min(begin + _WIDEST, count), dtype=np.intp)
            row[rows] = factor_matrix(factor, self._pool, self._parameters, own, rows)[0]
        return row
