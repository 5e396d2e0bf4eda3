"""Covariance functions as small frozen values that are added and multiplied.

A kernel names its parameters; their values live in a plain mapping, so that a kernel is a description and fits are data.
Whatever was composed is expanded into a sum of products once (:func:`expand`); all computing works on that normal form.

Stationary profiles are those of Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), ch. 4,
https://doi.org/10.7551/mitpress/3206.001.0001.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal, assert_never

import numpy as np
from scipy.spatial.distance import cdist

from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray

Profile = Literal["rbf", "matern12", "matern32", "matern52"]
Parameters = Mapping[str, FloatArray]

_SQRT3 = sqrt(3.0)
_SQRT5 = sqrt(5.0)


class Composable:
    """What every kernel shares: ``+`` and ``*``."""

    def __add__(self, other: Kernel) -> Sum:
        return Sum((self, other))  # type: ignore[arg-type]

    def __mul__(self, other: Kernel) -> Product:
        return Product((self, other))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Stationary(Composable):
    """Correlation that falls with the distance in one feature group.

    Attributes:
        group: Name of the feature group.
        lengthscale: Name of the parameter, shape ``(1,)``, or ``(d,)`` with ``ard``.
        profile: Shape of the fall; ``rbf`` is exp(-r²/2).
        ard: One lengthscale per column.
    """

    group: str
    lengthscale: str
    profile: Profile = "rbf"
    ard: bool = False


@dataclass(frozen=True)
class Same(Composable):
    """One where both candidates belong to the same system or surface, else zero: a random effect."""

    level: Literal["system", "surface"]


@dataclass(frozen=True)
class Constant(Composable):
    """One everywhere: with a :class:`Scale`, an unknown mean."""


@dataclass(frozen=True)
class Scale(Composable):
    """A kernel times the variance parameter of this name, shape ``(1,)``."""

    variance: str
    kernel: Kernel


@dataclass(frozen=True)
class Product(Composable):
    """Pointwise product."""

    factors: tuple[Kernel, ...]


@dataclass(frozen=True)
class Sum(Composable):
    """Pointwise sum."""

    terms: tuple[Kernel, ...]


Factor = Stationary | Same
Kernel = Stationary | Same | Constant | Scale | Product | Sum


@dataclass(frozen=True)
class Term:
    """One summand of the normal form: a product of variances and correlations.

    Attributes:
        variances: Names of the variance parameters.
        factors: Correlations, each one at distance zero.
    """

    variances: tuple[str, ...] = ()
    factors: tuple[Factor, ...] = ()

    def variance(self, parameters: Parameters) -> float:
        """Product of the variances: the term's value at distance zero."""
        return float(np.prod([parameters[name][0] for name in self.variances]))


def expand(kernel: Kernel) -> tuple[Term, ...]:
    """Multiplies a kernel out into a sum of products."""
    match kernel:
        case Stationary() | Same():
            return (Term(factors=(kernel,)),)
        case Constant():
            return (Term(),)
        case Scale(variance, inner):
            return tuple(Term((variance, *term.variances), term.factors) for term in expand(inner))
        case Sum(terms):
            return tuple(term for part in terms for term in expand(part))
        case Product(factors):
            product: tuple[Term, ...] = (Term(),)
            for part in factors:
                product = tuple(
                    Term(left.variances + right.variances, left.factors + right.factors)
                    for left in product
                    for right in expand(part)
                )
            return product
        case _:
            assert_never(kernel)


def correlation(profile: Profile, squared: FloatArray) -> FloatArray:
    """Profile at squared scaled distances r², any shape."""
    if profile == "rbf":
        return np.exp(-0.5 * squared)
    r = np.sqrt(squared)
    if profile == "matern12":
        return np.exp(-r)
    if profile == "matern32":
        return (1.0 + _SQRT3 * r) * np.exp(-_SQRT3 * r)
    return (1.0 + _SQRT5 * r + (5.0 / 3.0) * squared) * np.exp(-_SQRT5 * r)


def log_slope(profile: Profile, squared: FloatArray) -> FloatArray | float:
    """Factor h with ∂ log k / ∂ log l_d = h · (Δ_d / l_d)², at squared scaled distances r²."""
    if profile == "rbf":
        return 1.0
    r = np.sqrt(squared)
    if profile == "matern12":
        return 1.0 / np.maximum(r, 1e-150)
    if profile == "matern32":
        return 3.0 / (1.0 + _SQRT3 * r)
    return (5.0 / 3.0) * (1.0 + _SQRT5 * r) / (1.0 + _SQRT5 * r + (5.0 / 3.0) * squared)


def factor_codes(factor: Factor, pool: CandidatePool) -> IntArray:
    """Distinct row (or system, or surface) of each candidate, shape ``(n_candidates,)``."""
    if isinstance(factor, Stationary):
        return pool.groups[factor.group].index
    return pool.system_codes if factor.level == "system" else pool.surface_codes


def factor_matrix(factor: Factor, pool: CandidatePool, parameters: Parameters, a: IntArray, b: IntArray) -> FloatArray:
    """Correlation between distinct rows.

    Args:
        factor: The correlation.
        pool: Holds the feature rows.
        parameters: Parameter values by name.
        a: Codes as :func:`factor_codes` gives them, shape ``(n_a,)``.
        b: Codes, shape ``(n_b,)``.

    Returns:
        Shape ``(n_a, n_b)``.
    """
    if isinstance(factor, Same):
        same: FloatArray = (a[:, None] == b[None, :]).astype(np.float64)
        return same
    values = pool.groups[factor.group].values / parameters[factor.lengthscale]
    return correlation(factor.profile, cdist(values[a], values[b], "sqeuclidean"))


def covariance(terms: tuple[Term, ...], pool: CandidatePool, parameters: Parameters, a: IntArray, b: IntArray) -> FloatArray:
    """Covariance between candidates.

    Args:
        terms: Normal form of the kernel.
        pool: The pool both belong to.
        parameters: Parameter values by name.
        a: Positions in the pool, shape ``(n_a,)``.
        b: Positions in the pool, shape ``(n_b,)``.

    Returns:
        Shape ``(n_a, n_b)``.
    """
    done: dict[Factor, FloatArray] = {}
    total = np.zeros((len(a), len(b)))
    for term in terms:
        product = np.full((len(a), len(b)), term.variance(parameters))
        for factor in term.factors:
            if factor not in done:
                done[factor] = _gathered(factor, pool, parameters, a, b)
            product *= done[factor]
        total += product
    return total


def _gathered(factor: Factor, pool: CandidatePool, parameters: Parameters, a: IntArray, b: IntArray) -> FloatArray:
    codes = factor_codes(factor, pool)
    rows_a, at_a = np.unique(codes[a], return_inverse=True)
    rows_b, at_b = np.unique(codes[b], return_inverse=True)
    return factor_matrix(factor, pool, parameters, rows_a, rows_b)[np.ix_(at_a, at_b)]


def prior_variance(terms: tuple[Term, ...], parameters: Parameters) -> float:
    """Variance of every candidate before any observation."""
    return sum(term.variance(parameters) for term in terms)
