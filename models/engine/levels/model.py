"""Gaussian process over candidates and levels.

    k((x, s), (x', s')) = R_ss' [k(x, x') + v δ(x, x') + w e(x) e(x')] + m δ(s, s')

R is the correlation of the levels, one on its diagonal: what a level does not share with the others is a smooth function of
its own, which serves as its bias, and a part of each candidate's own. The term v is a candidate's own part, shared by all
levels: it lets a look announce a value that the features do not. m is the mean of a level. e(x) is what sources of transfer
let one expect of a candidate, if they explain the values better than no sources do. The values of each level are transformed
before.
Kennedy & O'Hagan (2000), https://doi.org/10.1093/biomet/87.1.1; Bonilla, Chai & Williams (2007), Multi-task Gaussian process
prediction, Advances in Neural Information Processing Systems 20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.special import expit, logsumexp

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.levels import CANDIDATE, LEVEL, SOURCES, trusts_looks
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray, Levels
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.kernels import Linear, Parameters, Product, Same, Scale, Sum, Task, Term, expand, task_correlations
from tansaku.models.engine.likelihood import NOISE, LogNormal, LogPosterior
from tansaku.models.engine.map_fit import default_priors, fit_parameters
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import build_kernel
from tansaku.models.engine.transforms import OutputTransform, TransformState

CERTAIN_PAIRS = 10
"""Below so many candidates with a look and a full value, predictions average over how strongly levels are related."""

LEAST_UNRELATED = 0.01
"""Probability of unrelated levels below which predictions do not count with them."""

_RELATED = "level.weights"
_OWN = "own.variance"
_MEAN = "level.variance"
_SOURCES = "sources.variance"
_STRENGTHS = np.exp(np.arange(-2.0, 2.5, 0.5))
"""Factors of the fitted strengths that are averaged over."""

_PRIORS = {
    _OWN: LogNormal(np.array([0.3]), 0.7),
    _MEAN: LogNormal(np.array([1.0]), 0.5),
    NOISE: LogNormal(np.array([0.02]), 1.5),
    _SOURCES: LogNormal(np.array([1.0]), 1.0),
}
EXPLAINED = 1.0
"""Sources count where they explain values better than without them by so much [nats]."""

PRICE = 3.0
"""Price of taking a look for wrong [nats]: one in twenty is."""

WRONG = 4.0
"""Variance of a wrong look about what it should say, for values of unit variance."""

MOST_WRONG = 0.25
"""Share of the looks at candidates with a full value that are taken for wrong."""

_STRENGTH, _STRENGTH_WIDTH = 2.0, 0.7
_UNRELATED, _UNRELATED_WIDTH = 1e-3, 1e-2


PLAIN = OutputTransform()


@dataclass(frozen=True)
class Scaling:
    """Transforms of the values of each level.

    Attributes:
        levels: Each of one system, to which all candidates belong.
        signs: Of each level: -1 where its values fall when the wanted ones rise.
    """

    levels: tuple[TransformState, ...]
    signs: tuple[int, ...]

    def forward(self, values: FloatArray, levels: IntArray) -> FloatArray:
        """Transformed values of some levels, shape ``(n,)`` as both."""
        system = np.zeros(len(values), dtype=np.intp)
        by_level = [state.forward(sign * values, system) for state, sign in zip(self.levels, self.signs, strict=True)]
        return np.asarray(np.choose(levels, by_level))

    def moments(self, mean: float, deviation: float, level: int) -> tuple[float, float]:
        """Mean and deviation of a value at a level in the level's unit."""
        found, spread = self.levels[level].moments(mean, deviation, 0)
        return self.signs[level] * found, spread


@dataclass(frozen=True)
class LevelFit:
    """A fitted model.

    Attributes:
        parameters: Of the kernel, one set for each model that is averaged.
        weights: Of the models, the sum is one.
        scaling: Of the values.
        evidence: By how much related levels explain the values better than unrelated ones [nats].
        related: Correlation of each level with the wanted one by the most probable model, shape ``(n_levels,)``.
        pairs: Candidates with a value at a cheaper level and at the wanted one.
        wrong: Rows of looks that are wrong about their candidate.
        sources: By how much what sources let one expect explains the values better [nats]; None: there are none.
    """

    parameters: tuple[Parameters, ...]
    weights: FloatArray
    scaling: Scaling
    evidence: float
    related: FloatArray
    pairs: int
    wrong: tuple[int, ...] = ()
    sources: float | None = None

    @property
    def uses_sources(self) -> bool:
        """Whether predictions use what sources expect."""
        return _SOURCES in self.parameters[0]

    @property
    def single(self) -> bool:
        """Whether unrelated levels are likelier."""
        return self.evidence < 0.0

    @property
    def proven(self) -> bool:
        """Whether there is enough evidence that the levels are related."""
        return trusts_looks(self.evidence)

    def to_json(self) -> JsonDict:
        """Plain data with exact floats, as a refit stores it."""
        models = [{name: value.tolist() for name, value in model.items()} for model in self.parameters]
        return {
            "models": models,
            "weights": self.weights.tolist(),
            "scaling": [state.to_json() for state in self.scaling.levels],
            "signs": list(self.scaling.signs),
            "evidence": self.evidence,
            "related": self.related.tolist(),
            "pairs": self.pairs,
            "wrong": list(self.wrong),
            **({} if self.sources is None else {"sources": self.sources}),
        }

    @classmethod
    def from_json(cls, data: JsonDict) -> LevelFit:
        """Inverse of :meth:`to_json`."""
        models = tuple({name: np.asarray(value, dtype=np.float64) for name, value in model.items()} for model in data["models"])
        states = tuple(TransformState.from_json(state) for state in data["scaling"])
        scaling = Scaling(states, tuple(data.get("signs", (1,) * len(states))))
        related = np.asarray(data["related"])
        evidence, pairs, wrong = float(data["evidence"]), int(data["pairs"]), tuple(data.get("wrong", ()))
        return cls(models, np.asarray(data["weights"]), scaling, evidence, related, pairs, wrong, data.get("sources"))


def levels_of(pool: CandidatePool) -> Levels:
    """Returns the levels of a pool. Raises AssertionError if they are no rows at levels."""
    if pool.levels is None:
        raise AssertionError("a model of levels is fitted to a pool of levels")
    return pool.levels


def level_kernel(pool: CandidatePool, *, sources: bool = False) -> tuple[Term, ...]:
    """The kernel on rows at levels, multiplied out.

    Args:
        sources: Whether values are proportional to what sources expect, but for the rest.
    """
    related = Task(LEVEL, _RELATED)
    smooth = build_kernel("medium", levels_of(pool).candidates)
    shared = (smooth, Scale(_OWN, Same(CANDIDATE)), *((Scale(_SOURCES, Linear(SOURCES)),) if sources else ()))
    return expand(Sum((Product((Sum(shared), related)), Scale(_MEAN, Same(LEVEL)))))


def scaled(
    levels: Levels, rows: IntArray, values: FloatArray, signs: tuple[int, ...], transform: OutputTransform = PLAIN
) -> Scaling:
    """The transform of each level, by the candidates that are known at that level and at the wanted one.

    Where there are fewer than two of them, all values of the level count; with fewer than two values it is not scaled.

    Args:
        signs: Of each level, as in :class:`Scaling`.
    """
    candidates, level = levels.candidate[rows], levels.level[rows]
    n_levels = len(levels.names)
    in_pairs = np.isin(candidates, candidates[level == n_levels - 1])
    states = []
    for number in range(n_levels):
        here = level == number
        chosen = values[here & in_pairs] if np.count_nonzero(here & in_pairs) > 1 else values[here]
        states.append(transform.fit(signs[number] * chosen, np.zeros(len(chosen), dtype=np.intp), 1))
    return Scaling(tuple(states), signs)


def fit_levels(
    pool: CandidatePool,
    rows: IntArray,
    values: FloatArray,
    previous: LevelFit | None = None,
    transform: OutputTransform = PLAIN,
) -> LevelFit:
    """Fits the model, and the same with unrelated levels.

    Where levels may rise or fall with the wanted one, the fit that explains the values better counts.

    Args:
        pool: Candidates at levels.
        rows: Of the values, at least one, shape ``(n,)``.
        values: Oriented so that lower is better, shape ``(n,)``.
        previous: Where to begin.
        transform: Of the values of each level.

    Raises:
        FitError: No maximum was found.
    """
    fits = [_fitted(pool, rows, values, previous, transform, signs) for signs in product(*levels_of(pool).relations)]
    return max(fits, key=lambda fit: fit.evidence)


def _fitted(
    pool: CandidatePool,
    rows: IntArray,
    values: FloatArray,
    previous: LevelFit | None,
    transform: OutputTransform,
    signs: tuple[int, ...],
) -> LevelFit:
    levels = levels_of(pool)
    scaling, both = scaled(levels, rows, values, signs, transform), _pairs(levels, rows)
    targets = scaling.forward(values, levels.level[rows])
    begin = previous.parameters[-1] if previous is not None and not previous.single else None
    terms, (related, best, wrong), gained = _with_sources(pool, rows, targets, begin)
    apart = _density(pool, terms, rows, targets, (_UNRELATED, _UNRELATED_WIDTH))
    alone, _ = fit_parameters(apart, None)
    models, logs = _strengths(related, best)
    evidence = float(logsumexp(logs)) - PRICE * len(wrong) - apart.value(apart.pack(alone))
    correlations = task_correlations(best[_RELATED][:, None])[:, -1]
    if both >= CERTAIN_PAIRS:
        models, logs = [best], logsumexp(logs, keepdims=True)
    weights = np.exp(logs - logsumexp(logs)) * (1.0 - (unrelated := float(expit(-evidence))))
    if unrelated > LEAST_UNRELATED:
        models, weights = [alone, *models], np.append(unrelated, weights)
    surprising = tuple(rows[wrong].tolist())
    return LevelFit(tuple(models), weights / weights.sum(), scaling, evidence, correlations, both, surprising, gained)


def _with_sources(
    pool: CandidatePool, rows: IntArray, targets: FloatArray, begin: Parameters | None
) -> tuple[tuple[Term, ...], tuple[LogPosterior, Parameters, list[int]], float | None]:
    """Terms, what :func:`_related` finds, and what sources explain [nats]; without sources unless they explain enough."""
    plain = level_kernel(pool)
    without = _related(pool, plain, rows, targets, begin)
    if SOURCES not in pool.groups:
        return plain, without, None
    terms = level_kernel(pool, sources=True)
    informed = _related(pool, terms, rows, targets, begin)
    gained = _explained(*informed) - _explained(*without)
    return (terms, informed, gained) if gained >= EXPLAINED else (plain, without, gained)


def _explained(density: LogPosterior, best: Parameters, wrong: Sequence[int]) -> float:
    return density.value(density.pack(best)) - PRICE * len(wrong)


def _related(
    pool: CandidatePool, terms: tuple[Term, ...], rows: IntArray, targets: FloatArray, begin: Parameters | None
) -> tuple[LogPosterior, Parameters, list[int]]:
    """Density of related levels, its maximum, and the looks that are wrong about their candidate, by place.

    A look is wrong with a small probability; one after the other, the most surprising is taken for wrong where that explains
    the values better than its price.
    """
    levels = levels_of(pool)
    paired = np.isin(levels.candidate[rows], levels.candidate[rows][levels.level[rows] == len(levels.names) - 1])
    looks = np.flatnonzero(paired & (levels.level[rows] < len(levels.names) - 1))
    density = _density(pool, terms, rows, targets, (_STRENGTH, _STRENGTH_WIDTH))
    best, _ = fit_parameters(density, begin, restarts=0 if begin else 1)
    wrong: list[int] = []
    while len(wrong) < MOST_WRONG * len(looks):
        vector = density.pack(best)
        surprises = np.abs(density.surprises(vector)[looks])
        surprises[np.isin(looks, wrong)] = 0.0
        trial = [*wrong, int(looks[np.argmax(surprises)])]
        without = _density(pool, terms, rows, targets, (_STRENGTH, _STRENGTH_WIDTH), trial)
        better, _ = fit_parameters(without, best)
        if without.value(without.pack(better)) - density.value(vector) < PRICE:
            break
        density, best, wrong = without, better, trial
    return density, best, wrong


def _density(
    pool: CandidatePool,
    terms: tuple[Term, ...],
    rows: IntArray,
    targets: FloatArray,
    relation: tuple[float, float],
    wrong: Sequence[int] = (),
) -> LogPosterior:
    priors = default_priors(pool, terms)
    priors |= {name: prior for name, prior in _PRIORS.items() if name in priors}
    priors[_RELATED] = LogNormal(np.full(len(levels_of(pool).names), relation[0]), relation[1])
    extra = np.zeros(len(rows))
    extra[list(wrong)] = WRONG
    return LogPosterior(pool, terms, rows, targets, priors, (extra, None))


def _strengths(density: LogPosterior, best: Parameters) -> tuple[list[Parameters], FloatArray]:
    """Models with levels related more and less than in the best, and the logarithms of prior share times likelihood."""
    models: list[Parameters] = []
    logs: list[float] = []
    priors: list[float] = []
    for factor in _STRENGTHS:
        model = {**best, _RELATED: best[_RELATED] * factor}
        try:
            logs.append(density.value(density.pack(model)))
        except FitError:
            continue
        off = (np.log(model[_RELATED]) - np.log(_STRENGTH)) / _STRENGTH_WIDTH
        priors.append(-0.5 * float(off @ off))
        models.append(model)
    prior = np.array(priors)
    return models, np.asarray(np.array(logs) + prior - logsumexp(prior))


def _pairs(levels: Levels, rows: IntArray) -> int:
    """Candidates known at the wanted level and at another one."""
    candidates, wanted = levels.candidate[rows], levels.level[rows] == len(levels.names) - 1
    return len(np.intersect1d(candidates[wanted], candidates[~wanted]))


class LevelPosterior:
    """Predictions of all candidates by fitted models, kept up to date value by value.

    Args:
        pool: Candidates at levels.
        fit: The model.
        block: Values that enter at once; the later ones enter one by one, so that a search that continues computes the same.
    """

    def __init__(self, pool: CandidatePool, fit: LevelFit, block: int) -> None:
        self._levels, self._fit, self._block = levels_of(pool), fit, block
        terms = level_kernel(pool, sources=fit.uses_sources)
        self._models = [PoolPosterior(pool, terms, parameters, float(parameters[NOISE][0])) for parameters in fit.parameters]
        for model in self._models:
            model.add_variances(dict.fromkeys(fit.wrong, WRONG))
        self._moments: list[tuple[FloatArray, FloatArray]] = []

    def follows(self, rows: Sequence[int]) -> bool:
        """Whether what was taken in is the beginning of these rows."""
        held = self._models[0].points
        return held == tuple(rows[: len(held)])

    def update(self, rows: IntArray, values: FloatArray, pending: IntArray) -> None:
        """Takes in values; those of the last call must come first.

        Args:
            rows: Of all values, shape ``(n,)``.
            values: Shape ``(n,)``.
            pending: Rows whose values are awaited: they count as measured at their mean, for this call.
        """
        targets, every = self._fit.scaling.forward(values, self._levels.level[rows]), np.ones(len(rows), dtype=np.bool_)
        for model in self._models:
            if not model.points:
                model.start(rows[: self._block].tolist())
        new = rows[len(self._models[0].points) :].tolist()
        self._moments = [model.predict(new, pending.tolist(), targets, every) for model in self._models]

    def members(self) -> list[Prediction]:
        """Predictions of all rows by each model, in units of the wanted level, which alone they are right for."""
        wanted = self._fit.scaling.levels[-1]
        state = replace(wanted, centre=np.repeat(wanted.centre, len(self._levels.candidates.systems)))
        return [
            Prediction(state, mean, np.sqrt(variance), model, weight)
            for model, (mean, variance), weight in zip(self._models, self._moments, self._fit.weights.tolist(), strict=True)
        ]

    def at(self, level: int) -> tuple[FloatArray, FloatArray]:
        """Means and deviations of the values at a level, transformed, shape ``(n_models, n_candidates)`` each."""
        here = self._levels.places[:, level]
        means, variances = (np.stack([moments[which][here] for moments in self._moments]) for which in (0, 1))
        return means, np.sqrt(np.maximum(variances, 1e-18))

    def informed(self, candidates: IntArray, level: int) -> FloatArray:
        """Deviation of the means of wanted values that looks would cause, transformed, shape ``(n_models, m)``."""
        looks, tops = self._levels.places[candidates, level], self._levels.places[candidates, -1]
        found = []
        for model, (_, variance) in zip(self._models, self._moments, strict=True):
            between = np.diagonal(model.covariance_between(looks, tops))
            deviation = np.minimum(np.abs(between) / np.sqrt(variance[looks] + model.noise), np.sqrt(variance[tops]))
            found.append(deviation)
        return np.stack(found)
