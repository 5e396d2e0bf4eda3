"""Proposer for several objectives: a Gaussian process for each, and the hypervolume that their Pareto front dominates.

Expected hypervolume improvement of each candidate, computed by BoTorch from our own posteriors.
BoTorch's analytic acquisition (independent objectives; Yang, Emmerich, Deutz & Bäck 2019,
https://doi.org/10.1007/s10898-019-00798-7) asks a model for the posterior at a point. The model used
here looks up the results of the pool posterior: its points are rows of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.objective import ParetoSpec
from tansaku.models.domain.units import quantity_in
from tansaku.models.engine.acquisition import first_best, per_cost
from tansaku.models.engine.ensemble import averaged, mixture
from tansaku.models.engine.failures import likely_to_succeed, success_probability
from tansaku.models.engine.front import worst
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.leaders import second_stage
from tansaku.models.engine.presets import GPSettings
from tansaku.models.engine.simple import allowed_candidates

if TYPE_CHECKING:
    from botorch.acquisition.objective import PosteriorTransform
    from botorch.models.model import Model
    from torch import Tensor


OBJECTIVES = "objectives"
"""Under which a refit keeps what was fitted to each objective."""

_FAR = 10.0


@dataclass(frozen=True)
class FrontWanted:
    """The Pareto front that a search with several objectives looks for.

    Attributes:
        count: Objectives.
        reference: Reference point of the hypervolume, oriented so that smaller is better [each objective's unit], shape
            ``(count,)``; None: the worst observed ones.
    """

    count: int
    reference: FloatArray | None = None


def front_wanted(objective: ObjectiveSpec) -> FrontWanted:
    """The front that a spec with the goal ``pareto`` describes."""
    given = objective.goal.reference if isinstance(objective.goal, ParetoSpec) else None
    kinds = [(objective.direction, objective.unit), *((goal.direction, goal.unit) for goal in objective.further)]
    if given is None:
        return FrontWanted(len(kinds))
    pairs = zip(given, kinds, strict=True)
    return FrontWanted(
        len(kinds),
        np.array([(1.0 if direction == "minimize" else -1.0) * quantity_in(text, unit) for text, (direction, unit) in pairs]),
    )


class ParetoProposer:
    """Chooses the candidate with the largest expected hypervolume improvement.

    Every objective has a Gaussian process of its own on the same pool, with the same settings; they count as independent.
    Gains count in the transformed objectives, as with a single objective. Pending candidates are fantasised at their
    predicted means: they lower the variances and belong to the front.

    Args:
        settings: Kernel, transform, rule and initial design.
        wanted: How many objectives, and the reference.

    Raises:
        MissingComponentError: BoTorch is not installed.
    """

    def __init__(self, settings: GPSettings, wanted: FrontWanted) -> None:
        require_botorch()
        self._settings, self._wanted = settings, wanted
        share = replace(settings, memory_limit=settings.memory_limit // wanted.count)
        self._models = tuple(GPProposer(share) for _ in range(wanted.count))

    @property
    def name(self) -> str:
        """Preset and acquisition."""
        return f"{self._settings.name}+ehvi"

    def initial_count(self, pool: CandidatePool) -> int:
        """Returns the number of initial candidates, as for one objective."""
        return self._models[0].initial_count(pool)

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """Returns whether a fit is due, as for one objective."""
        return self._models[0].refit_due(n_observed, fitted_at)

    def fit(self, pool: CandidatePool, history: History, previous: JsonDict | None) -> JsonDict:
        """Fits the hyper-parameters of every objective; a failed fit of one objective is a failed fit of all."""
        fitted = [
            model.fit(pool, part, before)
            for model, part, before in zip(self._models, self._parts(history), self._by_model(previous), strict=True)
        ]
        return {OBJECTIVES: fitted}

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses proposal ``number``, or None when no allowed candidate is left."""
        if number <= self.initial_count(pool) or not len(history.observed):
            return self._models[0].propose(pool, history, number, rng)
        allowed = allowed_candidates(pool, history)
        if not allowed.any():
            return None
        predictions = [
            model.predictions(pool, part, parameters)
            for model, part, parameters in zip(self._models, self._parts(history), self._by_model(hyperparameters), strict=True)
        ]
        values = self._scores(pool, history, predictions, allowed)
        if any(item.posterior.rounded for of_one in predictions for item in of_one):
            nugget = self._settings.nugget
            staged = [second_stage(values, allowed, of_one, history, nugget=nugget) for of_one in predictions]
            allowed, predictions = staged[0][0], [again for _, again in staged]
            values = self._scores(pool, history, predictions, allowed)
        position = first_best(values, allowed, logarithmic=False)
        system = int(pool.system_codes[position])
        (mean, deviation), *others = [_at(position, system, of_one) for of_one in predictions]
        return Choice(position, acquisition=float(values[position]), mean=mean, deviation=deviation, others=tuple(others))

    def _parts(self, history: History) -> list[History]:
        """The history as each objective's model sees it."""
        # What is stated about the errors of the first objective's values says nothing of the others.
        none = np.empty(0)
        return [history, *(replace(history, values=column, deviations=none, noise=none) for column in history.others.T)]

    def _by_model(self, hyperparameters: JsonDict | None) -> Sequence[JsonDict | None]:
        return hyperparameters[OBJECTIVES] if hyperparameters else [None] * self._wanted.count

    def _scores(
        self, pool: CandidatePool, history: History, predictions: list[list[Prediction]], allowed: BoolArray
    ) -> FloatArray:
        """Acquisition values; zero for candidates that may not be proposed."""
        members = list(zip(*predictions, strict=True))
        weights = [prod(prediction.weight for prediction in of_all) for of_all in members]
        values, _ = averaged([(self._growth(pool, history, of_all, allowed), False) for of_all in members], weights)
        if self._settings.avoid_failures and len(history.refused):
            success = success_probability(pool, history.observed, history.refused)
            values = likely_to_succeed(values, success, logarithmic=False)
        return per_cost(values, pool.cost, self._settings.cost_exponent)

    def _growth(
        self, pool: CandidatePool, history: History, predictions: Sequence[Prediction], allowed: BoolArray
    ) -> FloatArray:
        systems, values = pool.system_codes, np.column_stack([history.values, history.others])
        scales = np.array([prediction.state.scale for prediction in predictions])
        # Bent, but not centred: a centre of its own for each system would hide which system is better.
        centres = np.column_stack([prediction.state.centre[systems] for prediction in predictions]) / scales
        mean = np.column_stack([prediction.mean for prediction in predictions]) + centres
        deviation = np.column_stack([prediction.deviation for prediction in predictions])
        known = np.column_stack([item.state.bent(column) for item, column in zip(predictions, values.T, strict=True)]) / scales
        if self._wanted.reference is None:
            reference = worst(known)
        else:
            given = zip(predictions, self._wanted.reference, strict=True)
            bent = np.array([float(item.state.bent(np.array(value))) for item, value in given]) / scales
            # Values below the floor of a logarithm are infinitely far away; a large finite distance suffices.
            reference = np.maximum(bent, known.min(axis=0) - _FAR)
        growth = np.zeros(len(pool))
        growth[allowed] = expected_growth(
            mean[allowed], deviation[allowed], np.vstack([known, mean[history.pending]]), reference
        )
        return growth


def _at(position: int, system: int, members: Sequence[Prediction]) -> tuple[float, float]:
    """Predicted mean and deviation of one objective at a candidate, in the oriented objective's unit."""
    together = mixture(
        [(float(item.mean[position]), float(item.deviation[position])) for item in members], [item.weight for item in members]
    )
    return members[0].state.moments(*together, system)


_ELEMENTS_AT_ONCE = 2_000_000
"""Candidates times cells of the partition times corners of a cell that are held at once."""


def require_botorch() -> None:
    """Raises MissingComponentError unless BoTorch is installed."""
    if find_spec("botorch") is None:
        raise MissingComponentError(
            "objective.goal: pareto needs botorch, which is not installed", hint="pip install 'tansaku[torch]'"
        )


def expected_growth(mean: FloatArray, deviation: FloatArray, front: FloatArray, reference: FloatArray) -> FloatArray:
    """Returns the expected hypervolume improvement of each candidate.

    Args:
        mean: Of each candidate's objectives, all minimised, shape ``(n, n_objectives)``.
        deviation: Same shape.
        front: Known and fantasised values, shape ``(n_known, n_objectives)``.
        reference: From where the volume is measured, shape ``(n_objectives,)``.

    Returns:
        Shape ``(n,)``, not negative.
    """
    import torch
    from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
    from botorch.utils.multi_objective.box_decompositions.non_dominated import FastNondominatedPartitioning

    reference_point, known = _tensor(-reference), _tensor(-front)
    partition = FastNondominatedPartitioning(ref_point=reference_point, Y=known)
    cells = int(partition.get_hypercell_bounds().shape[-2])
    at_once = max(1, _ELEMENTS_AT_ONCE // (cells * 2 ** len(reference)))
    acquisition = ExpectedHypervolumeImprovement(
        model=_looked_up(_tensor(-mean), _tensor(deviation)),
        ref_point=(-reference).tolist(),
        partitioning=partition,  # type: ignore[arg-type]  # only its cells are asked for, as of the slower one it names
    )
    growth = np.empty(len(mean))
    with torch.no_grad():
        for begin in range(0, len(mean), at_once):
            rows = torch.arange(begin, min(begin + at_once, len(mean)), dtype=torch.float64)
            growth[begin : begin + at_once] = acquisition(rows[:, None, None]).numpy()
    return np.maximum(growth, 0.0)


def _looked_up(mean: Tensor, deviation: Tensor) -> Model:
    """A model whose inputs are row numbers, shape ``(batch, 1, 1)``."""
    from botorch.models.model import Model
    from botorch.posteriors.torch import TorchPosterior
    from torch.distributions import Normal

    class LookedUp(Model):
        @property
        def num_outputs(self) -> int:
            return int(mean.shape[-1])

        def posterior(
            self,
            X: Tensor,
            output_indices: list[int] | None = None,  # noqa: ARG002 - its base class's
            observation_noise: bool | Tensor = False,  # noqa: ARG002
            posterior_transform: PosteriorTransform | None = None,  # noqa: ARG002
        ) -> TorchPosterior:
            rows = X.squeeze(-1).long()
            return TorchPosterior(Normal(mean[rows], deviation[rows].clamp_min(1e-12)))

    return LookedUp()


def _tensor(values: FloatArray) -> Tensor:
    import torch

    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float64)
