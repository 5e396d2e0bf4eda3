"""The Gaussian-process proposer with transfer from other searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, get_args

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.history import computed_only
from tansaku.models.domain.identifiers import canonical_json
from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.gp import GPProposer, prediction_variances
from tansaku.models.engine.likelihood import NOISE
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import GPSettings, of_one_model
from tansaku.models.engine.transfer.data import KEY, Sources
from tansaku.models.engine.transfer.evidence import FEW, PRIOR_NATS, leave_one_out, preferred
from tansaku.models.engine.transfer.extended import COUPLING, correlations
from tansaku.models.engine.transfer.modes import (
    GAIN,
    WITH_SOURCES,
    Family,
    Mode,
    SourceFit,
    arrays,
    conditions,
    transform_without,
)
from tansaku.models.engine.transforms import TransformState

FIRST: Mode = "posterior"
"""Initial mode of ``auto``."""

LEAST_SKILL = 6.0
"""Least skill of the sources in predicting themselves [nats in all] with which ``auto`` uses them; shuffled values reached up
to 5."""

LEAST_CORRELATION = 0.25
"""Least correlation of a source with the target at which ``auto`` takes a mode that conditions on the sources."""

LEAST_GAIN = -0.5
"""Least gain of the fitted correlation over none [nats, over the number of observations] at which it takes one of these modes.

A source that neither helps nor harms has an expected gain of zero, by chance slightly less; still less is evidence against it.
"""


@dataclass
class _Cache:
    """A cached posterior and its key."""

    family: Family
    key: str
    base: int
    posterior: PoolPosterior


class TransferProposer(GPProposer):
    """Chooses as :class:`~tansaku.models.engine.gp.GPProposer` does, by a model that also learns from other searches.

    What the sources held, the mode and its evidence are decided in :meth:`fit`, by computed values alone, and are in the
    refit; a proposal reads them from there, and knows what a surrogate predicted by its own error bar. Without a refit, and in
    mode ``none``, every choice is that of a proposer without transfer that has one model.

    Args:
        settings: Kernel, transform, acquisition and initial design; hyper-parameters must be fitted (``map``).
        mode: A mode, or ``auto``: before each refit the one that the target's observations speak for.
        sources: Where source data come from.
    """

    def __init__(self, settings: GPSettings, mode: Mode | Literal["auto"], sources: Sources) -> None:
        super().__init__(of_one_model(settings))
        self._mode, self._sources = mode, sources
        self._family: Family | None = None
        self._fits: dict[tuple[str, ...], SourceFit] = {}
        self._extended_cache: _Cache | None = None

    @property
    def name(self) -> str:
        """Preset and mode."""
        return f"{super().name}+{self._mode}"

    def fit(self, pool: CandidatePool, history: History, previous: JsonDict | None) -> JsonDict:
        """Fits hyper-parameters to the observations, starting from the previous values."""
        before: JsonDict = (previous or {}).get(KEY, {})
        if self._mode == "none":
            return super().fit(pool, history, previous)
        history = computed_only(history)
        if not len(history.observed):
            raise FitError("transfer: no computed value yet to compare the sources with")
        family = self._family_of(pool, [item.sha256 for item in self._sources.take()])
        source = self._source_fit(family, before)
        fits, densities, failures = self._fit_modes(family, source, history, before.get("fits", {}))
        mode: Mode
        if self._mode != "auto":
            mode = self._mode
            if mode not in fits:
                raise FitError(failures[mode])
        else:
            usable = self._usable(family, source, fits, len(history.observed))
            open_ = {name: density for name, density in densities.items() if name in usable}
            mode = self._choose(before.get("mode"), open_, len(history.observed))
        record: JsonDict = {
            "mode": mode,
            "previous_mode": before.get("mode"),
            "sources": [
                {"name": item.name, "sha256": item.sha256, "observations": len(item.values)} for item in family.sources
            ],
            "source_fit": source.to_json(),
            "correlation": self._correlation(family, mode, fits),
            "gain": {name: fit[GAIN] for name, fit in fits.items() if GAIN in fit},
            "evidence": {
                name: {"log_density": float(density.sum()), "prior": PRIOR_NATS[name]} for name, density in densities.items()
            },
            "failures": failures,
            "fits": fits,
        }
        return {**fits[mode], KEY: record}

    def _correlation(self, family: Family, mode: Mode, fits: dict[str, JsonDict]) -> JsonDict:
        if not conditions(mode):
            return {}
        values = correlations(np.asarray(fits[mode]["parameters"][COUPLING]))
        return {item.name: float(value) for item, value in zip(family.sources, values, strict=True)}

    def _usable(self, family: Family, source: SourceFit, fits: dict[str, JsonDict], n_observed: int) -> set[str]:
        """Returns the modes that ``auto`` may choose: only ``none`` if the sources do not even predict themselves."""
        if source.skill < LEAST_SKILL:
            return {"none"}
        return {mode for mode in get_args(Mode) if mode in fits and self._may_be_used(family, mode, fits, n_observed)}

    def _may_be_used(self, family: Family, mode: Mode, fits: dict[str, JsonDict], n_observed: int) -> bool:
        if not conditions(mode):
            return True
        correlated = max(self._correlation(family, mode, fits).values()) >= LEAST_CORRELATION
        # A single value has nothing to be compared with.
        return correlated and (n_observed < 2 or float(fits[mode][GAIN]) >= LEAST_GAIN / n_observed)

    def _choose(self, current: Mode | None, densities: dict[str, FloatArray], n_observed: int) -> Mode:
        """The mode of ``auto`` among the usable ones; while their evidence says nothing, the present one or the likeliest."""
        wanted = current or FIRST
        chosen: str = wanted
        if n_observed >= FEW:
            chosen = preferred(densities, wanted)
        elif wanted not in densities:
            chosen = max(densities, key=lambda mode: PRIOR_NATS[mode])
        return chosen  # type: ignore[return-value]

    def _fit_modes(
        self, family: Family, source: SourceFit, history: History, before: JsonDict
    ) -> tuple[dict[str, JsonDict], dict[str, FloatArray], dict[str, str]]:
        """Fits of the candidate modes, log predictive densities, and why a mode has none."""
        wanted: tuple[Mode, ...] = ("none", *WITH_SOURCES) if self._mode == "auto" else (self._mode,)
        fits: dict[str, JsonDict] = {}
        densities: dict[str, FloatArray] = {}
        failures: dict[str, str] = {}
        for mode in wanted:
            try:
                if mode == "none":
                    fitted = super().fit(family.target, history, before.get(mode))
                    found = self._plain_densities(family.target, history, fitted)
                else:
                    fitted = family.fit(mode, history, source, before.get(mode))
                    found = family.densities(mode, history, fitted)
            except FitError as error:
                if mode == "none":
                    raise
                failures[mode] = error.message
                continue
            fits[mode], densities[mode] = fitted, found
        return fits, densities, failures

    def _plain_densities(self, pool: CandidatePool, history: History, fitted: JsonDict) -> FloatArray:
        model = (pool, self._expanded(pool), arrays(fitted["parameters"]))
        nothing = (np.empty(0, dtype=np.intp), np.empty(0))
        transform = self._settings.transform
        return leave_one_out(
            model,
            nothing,
            (history.observed, history.values),
            lambda i: transform_without(transform, pool, history, i),
        )

    def _source_fit(self, family: Family, before: JsonDict) -> SourceFit:
        """The sources' own fit, repeated when they have grown by the factor of the refits."""
        key = tuple(source.sha256 for source in family.sources)
        if "source_fit" in before:
            earlier = SourceFit.from_json(before["source_fit"])
            same = key == tuple(source["sha256"] for source in before["sources"])
            if same or len(family.extended.targets) < ceil(self._settings.refit_growth * earlier.observations):
                return earlier
        if key not in self._fits:
            self._fits[key] = family.source_fit()
        return self._fits[key]

    def source_means(self, pool: CandidatePool, record: JsonDict) -> FloatArray:
        """Values that the sources of a refit let one expect of each candidate, standardised, shape ``(n_candidates,)``.

        Args:
            record: What :meth:`fit` gave under ``transfer``, with a fit of the mode ``posterior``.
        """
        family = self._family_of(pool, [source["sha256"] for source in record["sources"]])
        return family.expected(record["fits"]["posterior"])

    def _family_of(self, pool: CandidatePool, sha256: Sequence[str]) -> Family:
        if self._family is None or not self._family.serves(pool, sha256):
            self._family = Family(self._settings, pool, self._sources.at(sha256))
        return self._family

    def _predict(
        self, pool: CandidatePool, history: History, hyperparameters: JsonDict | None, state: TransformState
    ) -> Prediction:
        record: JsonDict = (hyperparameters or {}).get(KEY, {})
        mode: Mode = record.get("mode", "none")
        if hyperparameters is None or mode == "none":
            return super()._predict(pool, history, hyperparameters, state)
        family = self._family_of(pool, [source["sha256"] for source in record["sources"]])
        behind = family.extended.positions if conditions(mode) else family.extended.positions[:0]
        order = [*history.observed.tolist(), *history.failed.tolist()]
        posterior = self._extended_posterior(
            family, hyperparameters, (behind.tolist(), order), prediction_variances(pool, history, state)
        )
        held = posterior.points
        known_points = set(held)
        new = [point for point in order if point not in known_points]
        position_of = {point: i for i, point in enumerate([*held, *new])}
        targets = np.zeros(len(position_of))
        known: BoolArray = np.zeros(len(position_of), dtype=np.bool_)
        targets[: len(behind)], known[: len(behind)] = family.extended.targets[: len(behind)], True
        rows = [position_of[point] for point in history.observed.tolist()]
        targets[rows] = state.forward(history.values, pool.system_codes[history.observed])
        known[rows] = True
        mean, variance = posterior.predict(new, history.pending.tolist(), targets, known)
        mean, variance = mean[: len(pool)], variance[: len(pool)]
        if self._settings.nugget:
            variance = variance + posterior.noise
        return Prediction(state, mean, np.sqrt(variance), posterior)

    def _extended_posterior(
        self, family: Family, fitted: JsonDict, points: tuple[list[int], list[int]], extra: Mapping[int, float]
    ) -> PoolPosterior:
        """The cached posterior, or a new one conditioned on the sources and the first ``base`` points of the target."""
        behind, order = points
        key = canonical_json({name: value for name, value in fitted.items() if name != KEY})
        base = self._base(fitted, len(order))
        cache = self._extended_cache
        fits = cache is not None and cache.family is family and cache.key == key and cache.base == base
        if (
            cache is not None
            and fits
            and set(cache.posterior.points) <= {*behind, *order}
            and cache.posterior.add_variances(extra)
        ):
            return cache.posterior
        parameters = family.parameters(fitted)
        posterior = PoolPosterior(
            family.extended.pool, family.terms, parameters, float(parameters[NOISE][0]), device=self._settings.device
        )
        posterior.add_variances(extra)
        posterior.start([*behind, *order[:base]])
        self._extended_cache = _Cache(family, key, base, posterior)
        return posterior
