"""Promise of untried surfaces, from how surfaces of all systems compare.

A surface whose lowest value lies ``gap`` above the best of its system promises 1 / (1 + gap / scale) of what the best one does,
with the deviation of values within a surface for the scale (:mod:`.gains`). Minus the logarithm of this is a Gaussian process
with the covariance

    (S / 2 + [same system] / 2) A + OWN [same surface] + CONSTANT,

where A falls off with the distance of two surfaces in the features that differ within a system (number of atoms, replication),
and S, which is one for two surfaces of one system, with that of their systems in all others (angle, structure). So a surface
that is good in one system makes those like it promising in the others. A surface with k values is known up to NOISE / k.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.engine.arms.gains import deviation_within
from tansaku.models.engine.cross import surface_level

Levels = tuple[list[FeatureGroup], list[FeatureGroup]]
"""Feature groups of surfaces and of systems."""

LENGTH = 0.5
"""Length over which A falls off, as a share of the features' range; for S it is the whole range."""

OWN = 0.3
"""Variance of a surface's own part, the other two being 1 and :data:`CONSTANT`."""

CONSTANT = 4.0
"""Variance of what all surfaces have in common."""

NOISE = 0.5
"""Variance of a surface with one value."""

_BLOCK = 4096


def promises(pool: CandidatePool, history: History, lowest: FloatArray, wanted: IntArray) -> FloatArray:
    """Returns what surfaces promise, relative to the best one of their system.

    Args:
        pool: With its surfaces and systems.
        history: With the values so far.
        lowest: Lowest value of each surface, infinite where there is none or where it must not count, shape ``(n_surfaces,)``.
        wanted: Surfaces, shape ``(m,)``.

    Returns:
        Positive, shape ``(m,)``; all one while nothing has a value, with one system, and where no feature tells the surfaces of
        a system apart.
    """
    known = np.flatnonzero(np.isfinite(lowest))
    if not len(known) or len(pool.systems) == 1:
        return np.ones(len(wanted))
    levels = levels_of(pool)
    if not levels[0]:
        return np.ones(len(wanted))
    arms = pool.surface_codes[history.observed]
    counts = np.bincount(arms, minlength=len(lowest))[known]
    best = np.full(len(pool.systems), np.inf)
    np.minimum.at(best, pool.surface_system, lowest)
    gaps = lowest[known] - best[pool.surface_system[known]]
    losses = np.log1p(gaps / deviation_within(arms, np.asarray(history.values, dtype=np.float64)))
    factor = cho_factor(_covariance(pool, levels, known, known) + np.diag(OWN + NOISE / counts), lower=True)
    weights = cho_solve(factor, losses)
    promised = np.ones(len(wanted))
    for begin in range(0, len(wanted), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        promised[block] = np.exp(-weights @ _covariance(pool, levels, known, wanted[block]))
    return promised


def _covariance(pool: CandidatePool, levels: Levels, of: IntArray, to: IntArray) -> FloatArray:
    """Covariances of surfaces without what is a surface's own, shape ``(n, m)``."""
    alike, between = distances(pool, levels, of, to)
    same = pool.surface_system[of][:, None] == pool.surface_system[to]
    coupled = np.where(same, 1.0, 0.5 * np.exp(-0.5 * between))
    return np.asarray(coupled * np.exp(-0.5 * alike / LENGTH**2) + CONSTANT)


def levels_of(pool: CandidatePool) -> Levels:
    """The feature groups that differ between surfaces of a system, and those that are the same in each system only.

    What is the same everywhere, can still be measured, or is a candidate's own tells no surfaces apart.
    """
    member = _first(pool.system_codes)
    inner: list[FeatureGroup] = []
    outer: list[FeatureGroup] = []
    for group in pool.groups.values():
        if len(group.values) > 1 and not group.prices and surface_level(pool, group.name):
            in_system = bool((group.index == group.index[member][pool.system_codes]).all())
            (outer if in_system else inner).append(group)
    return inner, outer


def distances(pool: CandidatePool, levels: Levels, of: IntArray, to: IntArray) -> tuple[FloatArray, FloatArray]:
    """Squared distances between surfaces, in units of the features' ranges.

    Args:
        pool: The pool.
        levels: As :func:`levels_of` returns them.
        of: Surfaces, shape ``(n,)``.
        to: Surfaces, shape ``(m,)``.

    Returns:
        By the features that differ within a system, added up over the groups; by those of the systems, as a mean over the
        groups. Both of shape ``(n, m)``.
    """
    inner, outer = levels
    member, of_system = _first(pool.surface_codes), _first(pool.system_codes)
    alike = np.zeros((len(of), len(to)))
    for group in inner:
        alike += _squared(group, member[of], member[to])
    between = np.zeros((len(of_system), len(of_system)))
    for group in outer:
        between += _squared(group, of_system, of_system) / len(outer)
    return alike, between[np.ix_(pool.surface_system[of], pool.surface_system[to])]


def _first(codes: IntArray) -> IntArray:
    """First candidate of each code, 0 for a code nobody has."""
    found, positions = np.unique(codes, return_index=True)
    first = np.zeros(int(found[-1]) + 1, dtype=np.intp)
    first[found] = positions
    return first


def _squared(group: FeatureGroup, of: IntArray, to: IntArray) -> FloatArray:
    """Squared distances of candidates in a group, in units of its range; of codes, whether they differ."""
    first, second = group.values[group.index[of]], group.values[group.index[to]]
    if group.categorical:
        return np.asarray(cdist(first, second, "hamming"))
    span = np.ptp(group.values, axis=0)
    scale = group.ranges * np.sqrt(len(group.columns)) if group.mixed else float(np.linalg.norm(span)) or 1.0
    return np.asarray(cdist(first / scale, second / scale, "sqeuclidean"))
