"""Feature relevance of a fitted model: the variance caused by exchanging some feature groups alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray, distinct_rows
from tansaku.models.engine.kernels import Factor, Linear, Parameters, Term, factor_codes, factor_group, factor_matrix

MOST_ROWS = 2000
"""Combinations of rows of a category that are exchanged; of more, so many are chosen evenly: the matrix has their square."""


def relevance(
    pool: CandidatePool, terms: Sequence[Term], parameters: Parameters, categories: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Prior variance that each category of features accounts for on its own.

    With f the model's prior and x, x' two candidates that are the same but for the groups of one category, whose rows are
    drawn independently from the pool, this is E[(f(x) - f(x'))²] / 2. For a sum of products of kernels it needs one small
    matrix per category. The numbers need not add up to anything; 0 means that the category makes no difference.

    Args:
        pool: The pool the terms were built for.
        terms: Normal form of the kernel.
        parameters: Parameter values by name.
        categories: Feature groups by category.

    Returns:
        Variance by category, in the squared unit of the modelled values.
    """
    return {
        name: sum(_exchanged(pool, term, parameters, groups) for term in terms) if groups else 0.0
        for name, groups in categories.items()
    }


def _exchanged(pool: CandidatePool, term: Term, parameters: Parameters, groups: Sequence[str]) -> float:
    inside = [factor for factor in term.factors if factor_group(factor) in groups]
    if not inside:
        return 0.0
    places, weights = _joint_rows(pool, groups)
    product = np.ones((len(places), len(places)))
    for factor in inside:
        codes = factor_codes(factor, pool)[places]
        product *= factor_matrix(factor, pool, parameters, codes, codes)
    # E[(f(x) - f(x'))^2] / 2 is the mean of k(x, x) minus the mean of k(x, x').
    difference = float(weights @ np.diag(product)) - float(weights @ product @ weights)
    outside = [_mean_diagonal(pool, factor, parameters) for factor in term.factors if factor not in inside]
    return term.variance(parameters) * max(0.0, difference) * float(np.prod(outside))


def _joint_rows(pool: CandidatePool, groups: Sequence[str]) -> tuple[IntArray, FloatArray]:
    """One candidate for each combination of rows that the groups have, and how often the pool has it."""
    codes = np.column_stack([pool.groups[group].index for group in groups]).astype(np.float64)
    _, which = distinct_rows(codes)
    _, first, counts = np.unique(which, return_index=True, return_counts=True)
    if len(first) > MOST_ROWS:
        chosen = np.linspace(0, len(first) - 1, MOST_ROWS).round().astype(np.intp)
        first, counts = first[chosen], counts[chosen]
    return first.astype(np.intp), counts / counts.sum()


def _mean_diagonal(pool: CandidatePool, factor: Factor, parameters: Parameters) -> float:
    """Returns the mean of k(x, x) over the pool; it is 1 for a correlation."""
    if not isinstance(factor, Linear):
        return 1.0
    index = pool.group(factor.group).index
    rows = np.arange(len(pool.group(factor.group).values), dtype=np.intp)
    own = np.array([factor_matrix(factor, pool, parameters, row, row)[0, 0] for row in rows[:, None]])
    return float(own[index].mean())
