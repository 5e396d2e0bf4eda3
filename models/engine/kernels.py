"""Covariance functions as small frozen values that are added and multiplied.

A kernel names its parameters; their values live in a plain mapping, so that a kernel is a description and fits are data.
Whatever was composed is expanded into a sum of products once (:func:`expand`); all computing works on that normal form.

Stationary profiles are those of Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), ch. 4,
https://doi.org/10.7551/mitpress/3206.001.0001.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import pi, prod, sqrt
from typing import Any, Literal, assert_never

import numpy as np
from scipy.spatial.distance import cdist

from tansaku.models.domain.pool import EXPECTED, CandidatePool, FloatArray, IntArray

Profile = Literal["rbf", "matern12", "matern32", "matern52"]
Metric = Literal["plain", "range", "ranked", "cumulative", "periodic", "overlap"]
Reach = Literal["short", "medium", "broad"]
Parameters = Mapping[str, FloatArray]
Array = Any  # numpy's or torch's: the formulas are the same
Elementwise = Callable[[Array], Array]

_BLOCK = 2**16
"""Covariances at once: they stay in the processor's cache."""

_RANK = 0.8
"""Share of the rank in the metric ``ranked``."""

_SQRT3 = sqrt(3.0)
_SQRT5 = sqrt(5.0)


class Composable:
    """Base of all kernels: the operators ``+`` and ``*``."""

    def __add__(self, other: Kernel) -> Sum:
        return Sum((self, other))  # type: ignore[arg-type]

    def __mul__(self, other: Kernel) -> Product:
        return Product((self, other))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Stationary(Composable):
    """Correlation that decreases with the distance in one feature group.

    Attributes:
        group: Name of the feature group.
        lengthscale: Name of the parameter, shape ``(1,)``, or ``(d,)`` with ``ard``.
        profile: Functional form; ``rbf`` is exp(-r²/2).
        ard: One lengthscale per column.
        metric: How far two rows are apart: r² is a sum over columns, each over the squared lengthscale, of Δ² (``plain``),
            of Δ² in units of the column's range in the pool (``range``), of Δ² of a mean of that and of the rank among the
            candidates (``ranked``: where these lie close together, they count as farther apart), of Δ² of the sums of all
            columns up to this one (``cumulative``: histograms whose peaks have moved a little are near each other, however
            narrow the bins), of the squared chord 4 sin²(πΔ/period) (``periodic``), or of one where the column differs
            (``overlap``).
        period: One for each column, or one for all; ``periodic`` only.
        long: Whether the prior of lengthscales by column grows with the number of columns that are multiplied.
        reach: What is expected of lengthscales, by column or not. ``short``: a part of a column's range; for few values, in
            products that grow with the number of columns: ``medium``, or ``broad``: long, with little certainty.
    """

    group: str
    lengthscale: str
    profile: Profile = "rbf"
    ard: bool = False
    metric: Metric = "plain"
    period: tuple[float, ...] = ()
    long: bool = False
    reach: Reach = "short"


@dataclass(frozen=True)
class Same(Composable):
    """1 if both candidates have the same level, else 0: a random effect.

    Attributes:
        level: ``system``, ``surface``, or a feature group, whose distinct rows then count.
    """

    level: str


@dataclass(frozen=True)
class Task(Composable):
    """Learned correlations between the members of a level, zero or more by construction.

    R_st = Σ_k w_sk w_tk / (n_s n_t) with n_s² = 1 + Σ_k w_sk² and all weights positive; R_ss = 1: the correlation matrix of
    traits that members share and a part of each member's own.

    Attributes:
        level: ``system``, ``surface``, or a feature group.
        weights: Name of the parameter w, shape ``(n_members * rank,)``.
        rank: Number of traits.
    """

    level: str
    weights: str
    rank: int = 1


@dataclass(frozen=True)
class Linear(Composable):
    """Scalar product of rows whose columns are centred, divided by half their range in the pool and by √d.

    Attributes:
        group: Name of the feature group; the columns of ``EXPECTED`` are taken as they are.
    """

    group: str


@dataclass(frozen=True)
class Constant(Composable):
    """1 everywhere: with a :class:`Scale`, an unknown mean."""


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


Factor = Stationary | Same | Task | Linear
Kernel = Factor | Constant | Scale | Product | Sum


@dataclass(frozen=True)
class Term:
    """One summand of the normal form: a product of variances and correlations.

    Attributes:
        variances: Names of the variance parameters.
        factors: Correlations, each one at distance zero, and linear ones.
    """

    variances: tuple[str, ...] = ()
    factors: tuple[Factor, ...] = ()

    @property
    def parameters(self) -> set[str]:
        """Names of its parameters."""
        lengths = (factor.lengthscale for factor in self.factors if isinstance(factor, Stationary))
        return {*self.variances, *lengths, *(factor.weights for factor in self.factors if isinstance(factor, Task))}

    def variance(self, parameters: Parameters) -> float:
        """Product of the variances: without a linear factor the term's value at distance zero."""
        return float(prod(float(parameters[name][0]) for name in self.variances))


def expand(kernel: Kernel) -> tuple[Term, ...]:
    """Multiplies a kernel out into a sum of products."""
    match kernel:
        case Stationary() | Same() | Task() | Linear():
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


def correlation(profile: Profile, squared: Array, exp: Elementwise = np.exp, root: Elementwise = np.sqrt) -> Array:
    """Profile at squared scaled distances r².

    Args:
        profile: Functional form.
        squared: Any shape, a numpy array or another library's.
        exp: That library's exponential.
        root: That library's square root.
    """
    if profile == "rbf":
        return exp(-0.5 * squared)
    r = root(squared)
    if profile == "matern12":
        return exp(-r)
    if profile == "matern32":
        return (1.0 + _SQRT3 * r) * exp(-_SQRT3 * r)
    return (1.0 + _SQRT5 * r + (5.0 / 3.0) * squared) * exp(-_SQRT5 * r)


def log_derivative(profile: Profile, squared: FloatArray) -> FloatArray | float:
    """Factor h with ∂ log k / ∂ log l_d = h · (Δ_d / l_d)², at squared scaled distances r²."""
    if profile == "rbf":
        return 1.0
    r = np.sqrt(squared)
    if profile == "matern12":
        return 1.0 / np.maximum(r, 1e-150)
    if profile == "matern32":
        return 3.0 / (1.0 + _SQRT3 * r)
    return (5.0 / 3.0) * (1.0 + _SQRT5 * r) / (1.0 + _SQRT5 * r + (5.0 / 3.0) * squared)


def factor_group(factor: Factor) -> str | None:
    """Feature group a factor reads; None where it reads the system or the surface."""
    if isinstance(factor, Stationary | Linear):
        return factor.group
    return None if factor.level in ("system", "surface") else factor.level


def factor_codes(factor: Factor, pool: CandidatePool) -> IntArray:
    """Distinct row (or system, or surface) of each candidate, shape ``(n_candidates,)``."""
    group = factor_group(factor)
    if group is not None:
        return pool.group(group).index
    return pool.system_codes if isinstance(factor, Same | Task) and factor.level == "system" else pool.surface_codes


def factor_count(factor: Factor, pool: CandidatePool) -> int:
    """Number of distinct rows (or systems, or surfaces)."""
    group = factor_group(factor)
    if group is not None:
        return len(pool.group(group).values)
    return len(pool.systems if isinstance(factor, Same | Task) and factor.level == "system" else pool.surfaces)


def coordinates(factor: Stationary | Linear, pool: CandidatePool, rows: IntArray | slice = slice(None)) -> FloatArray:
    """Rows of a factor's group in the metric's own coordinates.

    Args:
        pool: Holds the feature rows.
        rows: Distinct rows.

    Returns:
        Shape ``(n_rows, m)``: m = d; 2 d with ``periodic``, whose columns are followed by their sines.
    """
    group = pool.group(factor.group)
    values = group.values
    if isinstance(factor, Linear):
        if factor.group == EXPECTED:
            return np.asarray(values[rows])
        return np.asarray((values[rows] - group.middle) * (2.0 / sqrt(values.shape[1]) / group.ranges))
    if factor.metric == "range":
        return values[rows] / group.ranges
    if factor.metric == "ranked":
        return np.asarray(_RANK * group.ranks[rows] + (1.0 - _RANK) * values[rows] / group.ranges)
    if factor.metric == "cumulative":
        return np.cumsum(values[rows], axis=1)
    if factor.metric == "periodic":
        angle = values[rows] * (2.0 * pi / np.asarray(factor.period))
        return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    return values[rows]


def squared_distances(
    factor: Stationary, pool: CandidatePool, lengthscale: FloatArray, a: IntArray | slice, b: IntArray | slice
) -> FloatArray:
    """Squared scaled distances r² between distinct rows.

    Args:
        pool: Holds the feature rows.
        lengthscale: Shape ``(1,)`` or ``(d,)``.
        a: Rows, ``n_a`` of them.
        b: Rows, ``n_b`` of them.

    Returns:
        Shape ``(n_a, n_b)``.
    """
    if factor.metric == "overlap":
        x, y = coordinates(factor, pool, a), coordinates(factor, pool, b)
        weights = np.broadcast_to(lengthscale**-2.0, (x.shape[1],))
        return np.asarray(cdist(x, y, "hamming", w=weights)) * float(weights.sum())
    near, far = (scaled_coordinates(factor, pool, lengthscale, rows) for rows in (a, b))
    return np.asarray(cdist(near, far, "sqeuclidean"))


def scaled_coordinates(factor: Stationary, pool: CandidatePool, lengthscale: FloatArray, rows: IntArray | slice) -> FloatArray:
    """Coordinates whose squared Euclidean distance is r², for every metric but ``overlap``; shape ``(n_rows, m)``."""
    x = coordinates(factor, pool, rows)
    return x / scales(factor, lengthscale, x.shape[1])


def scales(factor: Stationary, lengthscale: FloatArray, width: int) -> FloatArray:
    """Lengthscale of each of ``width`` coordinates, or one for all; shape ``(width,)`` or ``(1,)``."""
    return np.tile(np.broadcast_to(lengthscale, (width // 2,)), 2) if factor.metric == "periodic" else lengthscale


def task_correlations(weights: FloatArray) -> FloatArray:
    """Correlation matrix of a :class:`Task`.

    Args:
        weights: Positive, shape ``(n_members, rank)``.

    Returns:
        Shape ``(n_members, n_members)``.
    """
    unit = weights / np.sqrt(1.0 + np.square(weights).sum(axis=1, keepdims=True))
    matrix: FloatArray = unit @ unit.T
    np.fill_diagonal(matrix, 1.0)
    return matrix


def factor_matrix(factor: Factor, pool: CandidatePool, parameters: Parameters, a: IntArray, b: IntArray) -> FloatArray:
    """Correlation between distinct rows.

    Args:
        pool: Holds the feature rows.
        parameters: Parameter values by name.
        a: Codes as :func:`factor_codes` gives them, shape ``(n_a,)``.
        b: Codes, shape ``(n_b,)``.

    Returns:
        Shape ``(n_a, n_b)``.
    """
    match factor:
        case Same():
            return np.asarray(a[:, None] == b[None, :], dtype=np.float64)
        case Task(_, weights, rank):
            return task_correlations(parameters[weights].reshape(-1, rank))[np.ix_(a, b)]
        case Linear():
            return coordinates(factor, pool, a) @ coordinates(factor, pool, b).T
        case Stationary():
            near: FloatArray = correlation(
                factor.profile, squared_distances(factor, pool, parameters[factor.lengthscale], a, b)
            )
            return near


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
    factors = {factor: _between(factor, pool, parameters, a, b) for term in terms for factor in term.factors}
    total = np.empty((len(a), len(b)))
    height = max(_BLOCK // max(len(b), 1), 1)
    for begin in range(0, len(a), height):
        rows = slice(begin, min(begin + height, len(a)))
        # Of a symmetric matrix the part from the diagonal on.
        columns = slice(begin if a is b else 0, len(b))
        done: dict[Factor, FloatArray] = {}
        block = np.zeros((rows.stop - begin, columns.stop - columns.start))
        for term in terms:
            product = np.full(block.shape, term.variance(parameters))
            for factor in term.factors:
                if factor not in done:
                    done[factor] = factors[factor](rows, columns)
                product *= done[factor]
            block += product
        total[rows, columns] = block
        if a is b:
            total[rows.stop :, rows] = block[:, len(block) :].T
    return total


def _between(
    factor: Factor, pool: CandidatePool, parameters: Parameters, a: IntArray, b: IntArray
) -> Callable[[slice, slice], FloatArray]:
    """A factor between some of the candidates ``a`` and some of ``b``."""
    codes = factor_codes(factor, pool)
    rows_a, at_a = np.unique(codes[a], return_inverse=True)
    rows_b, at_b = (rows_a, at_a) if a is b else np.unique(codes[b], return_inverse=True)
    if isinstance(factor, Stationary) and factor.metric != "overlap" and (len(rows_a), len(rows_b)) == (len(a), len(b)):
        scale, profile = parameters[factor.lengthscale], factor.profile
        near = scaled_coordinates(factor, pool, scale, codes[a])
        far = near if a is b else scaled_coordinates(factor, pool, scale, codes[b])
        return lambda rows, columns: correlation(profile, cdist(near[rows], far[columns], "sqeuclidean"))
    every = factor_matrix(factor, pool, parameters, rows_a, rows_b)
    return lambda rows, columns: every[np.ix_(at_a[rows], at_b[columns])]


def prior_variance(terms: tuple[Term, ...], pool: CandidatePool, parameters: Parameters) -> FloatArray:
    """Variance of each candidate before any observation, shape ``(n_candidates,)``."""
    total = np.zeros(len(pool))
    for term in terms:
        product: FloatArray | float = term.variance(parameters)
        for factor in term.factors:
            if isinstance(factor, Linear):
                product = product * np.square(coordinates(factor, pool)).sum(axis=1)[factor_codes(factor, pool)]
        total += product
    return total


def prior_mean(terms: tuple[Term, ...], pool: CandidatePool, known: IntArray) -> FloatArray | float:
    """Mean of each candidate before any observation, shape ``(n_candidates,)``; 0 for a kernel that expects nothing.

    Args:
        terms: Normal form of the kernel.
        known: Observed candidates. Their values have the mean zero, so that is expected of them on average.
    """
    if pool.expectation is None or Term(factors=(Linear(EXPECTED),)) not in terms:
        return 0.0
    mean = pool.expectation.mean
    return mean - mean[known].mean() if len(known) else mean
