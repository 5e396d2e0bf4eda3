"""Results of a search: density of states, best supports, and posteriors of features and of the number of features.

The prior gives every size the same probability and every support of a size the same share of it, which corrects for the
number of supports.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray, log_prior, unrank
from tansaku.sparse.models.search.exhaustive import AllEnergies

_NEARLY_CERTAIN = 0.999

KEPT = 1000
"""Number of best supports that are listed."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """A scored space of supports.

    Attributes:
        n_units: Number of columns and groups to choose from.
        edges: Edges of the energy bins, (n_bins + 1,).
        log_density: Logarithm of the number of supports in a bin, by size, (n_sizes, n_bins).
        supports: The best supports, filled up with EMPTY, best first, (n_kept, largest).
        energies: Of those, (n_kept,).
        feature_posterior: Probability that a unit belongs to the support, (n_units,).
        size_posterior: Probability of each number of units, (n_sizes,).
        log_evidence: Logarithm of the average of ``exp(-energy)`` over the prior.
        log_without: Logarithm of the probability that a unit does not belong to the support, exact also where it is tiny,
            (n_units,); None: only ``feature_posterior`` is known.
    """

    n_units: int
    edges: FloatArray
    log_density: FloatArray
    supports: IntArray
    energies: FloatArray
    feature_posterior: FloatArray
    size_posterior: FloatArray
    log_evidence: float
    log_without: FloatArray | None = None

    @property
    def weights(self) -> FloatArray:
        """Posterior probabilities of the listed supports."""
        largest = len(self.size_posterior) - 1
        sizes = (self.supports != EMPTY).sum(axis=1)
        return np.asarray(np.exp(log_prior(self.n_units, largest)[sizes] - self.energies - self.log_evidence))

    def share_below(self, energy: float) -> float:
        """Share of all supports with an energy below this, from the density of states."""
        logs = logsumexp(self.log_density, axis=0)
        below = logs[self.edges[1:] <= energy]
        return float(np.exp(logsumexp(below) - logsumexp(logs))) if len(below) else 0.0


def members(support: Iterable[int]) -> tuple[int, ...]:
    """A row of supports without what fills it up."""
    return tuple(sorted(int(unit) for unit in support if unit != EMPTY))


def landscape(found: AllEnergies, bins: int = 60) -> Landscape:
    """Summary of all energies.

    Args:
        bins: Number of bins of the density of states.
    """
    largest, n = len(found.by_size) - 1, found.n_units
    lowest = min(float(energies.min()) for energies in found.by_size)
    highest = max(float(energies.max()) for energies in found.by_size)
    edges = np.linspace(lowest, highest + 1e-9 * max(1.0, abs(highest)), bins + 1)
    counts = np.array([np.histogram(energies, edges)[0] for energies in found.by_size])
    prior = log_prior(n, largest)
    by_size = np.array([logsumexp(prior[size] - energies) for size, energies in enumerate(found.by_size)])
    evidence = float(logsumexp(by_size))
    features = np.zeros(n)
    for size in range(1, largest + 1):
        for supports, energies in found.blocks(size):
            weights = np.exp(prior[size] - energies - evidence)
            for place in range(size):
                features += np.bincount(supports[:, place], weights, minlength=n)
    supports, energies = best_supports(found, KEPT)
    with np.errstate(divide="ignore"):
        density = np.log(counts)
    without = _log_without(found, prior - evidence, features)
    return Landscape(n, edges, density, supports, energies, features, np.exp(by_size - evidence), evidence, without)


def _log_without(found: AllEnergies, prior: FloatArray, features: FloatArray) -> FloatArray:
    """Logarithm of the probability that a unit does not belong to the support.

    Args:
        prior: Logarithm of the weight of a support of energy 0, by its size.
        features: Probability that a unit belongs to the support.
    """
    result = np.log1p(-np.minimum(features, _NEARLY_CERTAIN))
    # One minus a probability near 1 keeps no digits: there the supports without the unit are added up.
    for unit in np.flatnonzero(features > _NEARLY_CERTAIN).tolist():
        parts = [
            logsumexp(prior[size] - energies[(supports != unit).all(axis=1)])
            for size in range(len(found.by_size))
            for supports, energies in found.blocks(size)
        ]
        result[unit] = logsumexp(parts)
    return np.asarray(result)


def best_supports(found: AllEnergies, number: int) -> tuple[IntArray, FloatArray]:
    """The supports of highest posterior probability, best first; equal ones in the order of size and rank."""
    largest = len(found.by_size) - 1
    prior = log_prior(found.n_units, largest)
    rows, energies, ranks = [], [], []
    for size, values in enumerate(found.by_size):
        chosen = np.argpartition(values, number - 1)[:number] if len(values) > number else np.arange(len(values))
        padded = np.full((len(chosen), max(largest, 1)), EMPTY, dtype=np.int64)
        padded[:, :size] = unrank(chosen, found.n_units, size)
        rows.append(padded)
        energies.append(values[chosen])
        ranks.append(values[chosen] - prior[size])
    order = np.argsort(np.concatenate(ranks), kind="stable")[:number]
    return np.concatenate(rows)[order], np.concatenate(energies)[order]
