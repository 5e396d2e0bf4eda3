"""Cost of an evaluation, learned from measured times: log-linear in whatever positive descriptors the pool has.

    log t = level + Σ_j exponent_j · log(d_j / reference_j) + noise

Level and exponents are the posterior mean of a linear Gaussian model: the measurements and a weak prior, its centre given by
the spec, are rows of one least-squares problem. Predictions are means, not medians: a factor makes the predictions for the
measured evaluations add up to the measured times, so that sums of predictions are sums of core-seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, log

import numpy as np

from tansaku.models.domain.errors import ConfigurationError, StoreError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.cost import CostPrior

LEAST_MEASURED = 3
"""Number of measured evaluations below which only the prior is used."""

GROWTH = 1.5
"""The model is fitted again when the measured evaluations have grown by this factor."""

_NOISE = 0.3  # deviation of log t between evaluations with equal descriptors
_LEVEL_WIDTH = 5.0  # deviation of the prior of the level: the anchor may be off by a factor of 150
_EXPONENT_WIDTH = 1.0


@dataclass(frozen=True)
class CostModel:
    """A fitted model, or the prior alone.

    Attributes:
        level: Logarithm of the cost at the reference [log core-seconds].
        exponents: By descriptor.
        reference: By descriptor.
        scale: Factor from the model's medians to means.
        n_measured: Evaluations it was fitted to.
    """

    level: float
    exponents: Mapping[str, float]
    reference: Mapping[str, float]
    scale: float = 1.0
    n_measured: int = 0

    def predict(self, descriptors: FeatureGroup) -> FloatArray:
        """Predicted cost of all candidates [core-seconds], shape ``(n_candidates,)``."""
        rows = _log_ratios(descriptors, self.reference)
        exponents = np.array([self.exponents[name] for name in descriptors.columns])
        return np.asarray(self.scale * np.exp(self.level + rows @ exponents))[descriptors.index]

    def to_json(self) -> JsonDict:
        """Plain data with exact floats, as a refit stores it."""
        return {
            "level": self.level,
            "exponents": dict(self.exponents),
            "reference": dict(self.reference),
            "scale": self.scale,
            "n_measured": self.n_measured,
        }

    @classmethod
    def from_json(cls, data: JsonDict) -> CostModel:
        """Inverse of :meth:`to_json`.

        Raises:
            StoreError: It is damaged.
        """
        try:
            exponents, reference = (
                {str(name): float(number) for name, number in data[key].items()} for key in ("exponents", "reference")
            )
            return cls(float(data["level"]), exponents, reference, float(data["scale"]), int(data["n_measured"]))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise StoreError(f"a stored cost model is damaged: {type(error).__name__} {shown(str(error))}") from error

    @classmethod
    def of_prior(cls, prior: CostPrior) -> CostModel:
        """The prior's centre."""
        return cls(log(prior.anchor), prior.exponents, prior.reference)


def cost_due(n_measured: int, fitted_at: Sequence[int]) -> bool:
    """Returns whether the model is to be fitted before the next proposal.

    Args:
        n_measured: Measured evaluations that the next proposal may know of.
        fitted_at: Their numbers at the earlier fits.
    """
    return n_measured >= (ceil(GROWTH * max(fitted_at)) if fitted_at else LEAST_MEASURED)


def fit_cost(prior: CostPrior, descriptors: FeatureGroup, positions: Sequence[int], measured: Sequence[float]) -> CostModel:
    """Fits the model.

    Args:
        positions: Candidates that were measured, positions in the pool, at least one.
        measured: Measured times [core-seconds], positive, same length.
    """
    rows = _log_ratios(descriptors, prior.reference)[descriptors.index[np.asarray(positions, dtype=np.intp)]]
    names, times = descriptors.columns, np.asarray(measured, dtype=np.float64)
    centre = np.array([log(prior.anchor), *(prior.exponents[name] for name in names)])
    widths = np.array([_LEVEL_WIDTH, *[_EXPONENT_WIDTH] * len(names)])
    design = np.column_stack((np.ones(len(times)), rows))
    stacked = np.vstack((design / _NOISE, np.diag(1.0 / widths)))
    targets = np.concatenate(((np.log(times) - design @ centre) / _NOISE, np.zeros(len(centre))))
    found = centre + np.linalg.lstsq(stacked, targets, rcond=None)[0]
    scale = float(times.sum() / np.exp(design @ found).sum())
    exponents = dict(zip(names, found[1:].tolist(), strict=True))
    return CostModel(float(found[0]), exponents, prior.reference, scale, len(times))


def priced(pool: CandidatePool, model: CostModel) -> CandidatePool:
    """The pool with the costs that a model predicts.

    Raises:
        ConfigurationError: The space has no descriptors of cost.
    """
    if pool.cost_descriptors is None:
        raise ConfigurationError("space.cost: this space has no descriptors that a cost could be learned from")
    return replace(pool, cost=model.predict(pool.cost_descriptors))


def _log_ratios(descriptors: FeatureGroup, reference: Mapping[str, float]) -> FloatArray:
    """Logarithms of the distinct rows over the reference, shape ``(n_distinct, d)``."""
    return np.asarray(np.log(descriptors.values / np.array([reference[name] for name in descriptors.columns])))
