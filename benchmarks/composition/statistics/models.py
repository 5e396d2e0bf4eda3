"""Models that many searches on one pool share, each search with hyper-parameters of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from benchmarks.composition.statistics.coupling import CoupledPrior
from benchmarks.composition.statistics.posterior import Prior
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.kernels import Parameters, Term, covariance
from tansaku.models.engine.likelihood import NOISE
from tansaku.models.engine.presets import GPSettings
from tansaku.models.engine.transfer.data import SourceData
from tansaku.models.engine.transfer.extended import COUPLING
from tansaku.models.engine.transfer.modes import Family, arrays


class SearchModel(Protocol):
    """Prior of a search for hyper-parameters that are fitted to its observations.

    Attributes:
        settings: Transform, acquisition and initial design.
        pool: The candidates.
    """

    settings: GPSettings
    pool: CandidatePool

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """As :class:`~tansaku.models.domain.ports.Proposer` has it."""
        ...

    def fit(self, history: History, previous: JsonDict | None) -> JsonDict:
        """Hyper-parameters, with the output transform under ``transform``. Raises FitError."""
        ...

    def prior(self, fitted: JsonDict) -> Prior:
        """The process that hyper-parameters describe."""
        ...


class OwnModel:
    """Model of a campaign without transfer.

    Args:
        settings: The proposer's.
        pool: The candidates.
    """

    def __init__(self, settings: GPSettings, pool: CandidatePool) -> None:
        self.settings, self.pool = _checked(settings, pool), pool
        self._proposer = GPProposer(settings)

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """As :class:`~tansaku.models.domain.ports.Proposer` has it."""
        return self._proposer.refit_due(n_observed, fitted_at)

    def fit(self, history: History, previous: JsonDict | None) -> JsonDict:
        """Hyper-parameters, with the output transform under ``transform``. Raises FitError."""
        return self._proposer.fit(self.pool, history, previous)

    def prior(self, fitted: JsonDict) -> Prior:
        """The process that hyper-parameters describe."""
        return _process(self.pool, self._proposer.terms(self.pool), arrays(fitted["parameters"]))


class FullyInformedModel(OwnModel):
    """Model of a campaign whose hyper-parameters were fitted to the values of all candidates: the limit of regression.

    Args:
        settings: The proposer's.
        pool: The candidates.
        values: All values, NaN where there is none, shape ``(n_candidates,)``.
    """

    def __init__(self, settings: GPSettings, pool: CandidatePool, values: FloatArray) -> None:
        super().__init__(settings, pool)
        known = np.flatnonzero(~np.isnan(values))
        self._fitted = super().fit(History(known, values[known]), None)
        self._prior = super().prior(self._fitted)

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """Only once: there is nothing to learn."""
        return not fitted_at and n_observed > 0

    def fit(self, history: History, previous: JsonDict | None) -> JsonDict:  # noqa: ARG002 - the same whatever is known
        """Hyper-parameters, with the output transform under ``transform``. Raises FitError."""
        return self._fitted

    def prior(self, fitted: JsonDict) -> Prior:  # noqa: ARG002 - there is but one
        """The process that hyper-parameters describe."""
        return self._prior


class _LearningModel:
    """Common part of the modes of transfer.

    Args:
        settings: The proposer's.
        pool: The candidates.
        source: Data of the source.
    """

    def __init__(self, settings: GPSettings, pool: CandidatePool, source: SourceData) -> None:
        self.settings, self.pool = _checked(settings, pool), pool
        self._proposer = GPProposer(settings)
        self._family = Family(settings, pool, [source])
        self._source = self._family.source_fit()

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """As :class:`~tansaku.models.domain.ports.Proposer` has it."""
        return self._proposer.refit_due(n_observed, fitted_at)


class HyperparametersModel(_LearningModel):
    """Transfer mode ``hyperparameters``: those fitted to the source."""

    def __init__(self, settings: GPSettings, pool: CandidatePool, source: SourceData) -> None:
        super().__init__(settings, pool, source)
        extended = self._family.extended
        self._prior = _process(extended.pool, self._family.terms, self._source.parameters, extended.n_target)

    def fit(self, history: History, previous: JsonDict | None) -> JsonDict:  # noqa: ARG002 - nothing is fitted again
        """Hyper-parameters, with the output transform under ``transform``. Raises FitError."""
        return {"n_observed": len(history.observed), "transform": self._family.transform(history).to_json()}

    def prior(self, fitted: JsonDict) -> Prior:  # noqa: ARG002 - the same for all searches
        """The process that hyper-parameters describe."""
        return self._prior


class PosteriorModel(_LearningModel):
    """Transfer mode ``posterior``: the source's posterior is the prior, as far as source and target correlate."""

    def __init__(self, settings: GPSettings, pool: CandidatePool, source: SourceData) -> None:
        super().__init__(settings, pool, source)
        self._coupled = CoupledPrior(self._family, self._source.parameters)

    def fit(self, history: History, previous: JsonDict | None) -> JsonDict:  # noqa: ARG002 - every fit starts alike
        """Hyper-parameters, with the output transform under ``transform``. Raises FitError."""
        state = self._family.transform(history)
        targets = state.forward(history.values, self.pool.system_codes[history.observed])
        lengthscale = self._coupled.fit(history.observed, targets)
        return {"n_observed": len(history.observed), "transform": state.to_json(), "parameters": {COUPLING: [lengthscale]}}

    def prior(self, fitted: JsonDict) -> Prior:
        """The process that hyper-parameters describe."""
        return self._coupled.at(float(fitted["parameters"][COUPLING][0]))


def _process(pool: CandidatePool, terms: tuple[Term, ...], parameters: Parameters, count: int | None = None) -> Prior:
    """The process of the first ``count`` candidates of a pool."""
    positions = np.arange(len(pool) if count is None else count)
    whole = covariance(terms, pool, parameters, positions, positions)
    return Prior(np.zeros(len(positions)), whole, float(parameters[NOISE][0]))


def _checked(settings: GPSettings, pool: CandidatePool) -> GPSettings:
    """Raises ConfigurationError for what these statistics do not cover."""
    if len(pool.systems) != 1:
        raise ConfigurationError(f"statistics: a pool of {len(pool.systems)} systems, expected one")
    if settings.rule != "map":
        raise ConfigurationError(f"statistics: proposer.hyperparameters {settings.rule}, expected map")
    if settings.avoid_failures:
        raise ConfigurationError("statistics: constraints.avoid_failures is not covered; leave it out")
    return settings
