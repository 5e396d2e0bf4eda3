"""The models of the transfer modes: fitted by one class, distinguished by the observations they condition on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.kernels import Term, expand
from tansaku.models.engine.presets import GPSettings, model_kernel
from tansaku.models.engine.transfer.data import SourceData
from tansaku.models.engine.transfer.evidence import leave_one_out, skill
from tansaku.models.engine.transfer.extended import Extended, coupled, extend
from tansaku.models.engine.transfer.fitting import Fitted, Problem, coupling_gain, fit_all, fit_coupling
from tansaku.models.engine.transforms import OutputTransform, TransformState

Mode = Literal["none", "hyperparameters", "posterior", "joint"]

WITH_SOURCES: tuple[Mode, ...] = ("hyperparameters", "posterior", "joint")

GAIN = "gain"
"""Key of a fit for the gain from the correlation with the sources, see :func:`~.fitting.coupling_gain`."""

SCALE_COUNT = 4
"""Observations of the target that the sources' scale counts as: a deviation of two or three values says little."""


@dataclass(frozen=True)
class SourceFit:
    """Hyper-parameters fitted to the sources alone.

    Attributes:
        parameters: Of the coupled kernel, noise included.
        log_density: Reached by the fit.
        skill: What the sources predict of themselves, beyond a normal distribution of their values [nats in all].
        observations: How many values were fitted.
    """

    parameters: Fitted
    log_density: float
    skill: float
    observations: int

    def to_json(self) -> JsonDict:
        """Plain data with exact floats."""
        return {**vars(self), "parameters": plain(self.parameters)}

    @classmethod
    def from_json(cls, data: JsonDict) -> SourceFit:
        """Inverse of :meth:`to_json`."""
        return cls(**{**data, "parameters": arrays(data["parameters"])})


class Family:
    """A target's pool, its sources, and the kernel over both.

    ``hyperparameters``, ``posterior`` and ``joint`` share them. The first two take all parameters from a fit to the sources
    alone, but for the correlation of source and target; the last fits all of them to all observations. ``hyperparameters``
    conditions on the target's observations only, the others on both.

    Args:
        settings: Kernel and transform.
        pool: The target's candidates.
        sources: At least one.
    """

    def __init__(self, settings: GPSettings, pool: CandidatePool, sources: Sequence[SourceData]) -> None:
        self._settings, self.target = settings, pool
        self.sources = tuple(sources)
        self.extended: Extended = extend(pool, sources, settings.transform)
        kernel = model_kernel(settings, pool)
        self.uncoupled: tuple[Term, ...] = expand(kernel)
        self.terms: tuple[Term, ...] = expand(coupled(kernel))

    def serves(self, pool: CandidatePool, sha256: Sequence[str]) -> bool:
        """Returns whether it was built from this pool and these sources."""
        return self.target is pool and tuple(sha256) == tuple(source.sha256 for source in self.sources)

    def source_fit(self, previous: SourceFit | None = None) -> SourceFit:
        """Fits the sources alone. Raises FitError."""
        extended = self.extended
        problem = Problem(extended, self.terms, self.uncoupled, extended.positions, extended.targets)
        parameters, density = fit_all(problem, previous.parameters if previous else None)
        nothing = (np.empty(0, dtype=np.intp), np.empty(0))
        standardised = TransformState(False, 0.0, np.zeros(len(extended.pool.systems)), 1.0)
        own = (extended.positions, extended.targets)
        densities = leave_one_out((extended.pool, self.terms, parameters), nothing, own, lambda _: standardised)
        return SourceFit(parameters, density, skill(densities, extended.targets), len(extended.targets))

    def fit(self, mode: Mode, history: History, source: SourceFit, previous: JsonDict | None) -> JsonDict:
        """Fits a mode to the observations.

        Args:
            mode: Not ``none``.
            history: What is known of the target.
            source: What was fitted to the sources alone.
            previous: The mode's last fit.

        Raises:
            FitError: The fit failed.
        """
        state = self.transform(history)
        problem = self._problem(history, state)
        if mode == "hyperparameters":
            parameters, density = source.parameters, source.log_density
        elif mode == "posterior":
            parameters, density = fit_coupling(problem, source.parameters)
        else:
            start = arrays(previous["parameters"]) if previous else source.parameters
            parameters, density = fit_all(problem, start)
        gained = {GAIN: coupling_gain(problem, parameters)} if conditions(mode) else {}
        return {
            **gained,
            "n_observed": len(history.observed),
            "n_failed": len(history.failed),
            "log_density": density,
            "transform": state.to_json(),
            "parameters": plain(parameters),
        }

    def transform(self, history: History, without: int | None = None) -> TransformState:
        """The target's output transform, its scale a mean of its own and the sources'.

        Args:
            history: What is known of the target.
            without: Leave this observation out.
        """
        state = transform_without(self._settings.transform, self.target, history, without)
        if self._settings.transform.standardise == "none":
            return state
        kept = np.arange(len(history.values)) != (-1 if without is None else without)
        values, systems = history.values[kept], self.target.system_codes[history.observed[kept]]
        own = float(np.square(state.forward(values, systems) * state.scale).sum()) if len(values) else 0.0
        scale = sqrt((SCALE_COUNT * self.extended.scale**2 + own) / (SCALE_COUNT + len(values)))
        return replace(state, scale=scale) if scale > 0.0 else state

    def densities(self, mode: Mode, history: History, fitted: JsonDict) -> FloatArray:
        """Log predictive density of each of a target's observations given all others."""
        extended = self.extended
        known = (extended.positions, extended.targets) if conditions(mode) else (extended.positions[:0], extended.targets[:0])
        model = (extended.pool, self.terms, arrays(fitted["parameters"]))
        return leave_one_out(model, known, (history.observed, history.values), lambda i: self.transform(history, i))

    def _problem(self, history: History, state: TransformState) -> Problem:
        extended = self.extended
        own = state.forward(history.values, self.target.system_codes[history.observed])
        positions = np.concatenate([extended.positions, history.observed])
        return Problem(extended, self.terms, self.uncoupled, positions, np.concatenate([extended.targets, own]))


def conditions(mode: Mode) -> bool:
    """Returns whether a mode conditions on the sources' observations."""
    return mode in ("posterior", "joint")


def transform_without(transform: OutputTransform, pool: CandidatePool, history: History, without: int | None) -> TransformState:
    """Determines the transform from all observations but one.

    A logarithm keeps all of them: its floor must stay below every value.
    """
    kept = np.arange(len(history.values)) != (-1 if without is None or transform.log else without)
    return transform.fit(history.values[kept], pool.system_codes[history.observed[kept]], len(pool.systems))


def arrays(parameters: JsonDict) -> Fitted:
    """Parameters from plain data."""
    return {name: np.asarray(value, dtype=np.float64) for name, value in parameters.items()}


def plain(parameters: Fitted) -> JsonDict:
    """Parameters as plain data with exact floats."""
    return {name: value.tolist() for name, value in parameters.items()}
