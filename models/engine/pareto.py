"""Judge of several objectives: the hypervolume that their Pareto front dominates.

Expected hypervolume improvement of each candidate, computed by BoTorch from our own posteriors.
BoTorch's analytic acquisition (independent objectives; Yang, Emmerich, Deutz & Bäck 2019,
https://doi.org/10.1007/s10898-019-00798-7) asks a model for the posterior at a point. The model used
here looks up the results of the pool posterior: its points are rows of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.pool import BoolArray, FloatArray
from tansaku.models.domain.ports import NextGains
from tansaku.models.engine.certificate import Question
from tansaku.models.engine.ensemble import averaged
from tansaku.models.engine.front import FrontWanted, worst
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.several import Known, joined
from tansaku.models.engine.several_outlook import SAMPLED, FrontAhead, drawn

if TYPE_CHECKING:
    from botorch.acquisition.objective import PosteriorTransform
    from botorch.models.model import Model
    from torch import Tensor


_FAR = 10.0


class FrontJudge:
    """Expected growth of the hypervolume that the front of the observations which keep all limits dominates.

    Gains count in the transformed objectives, as with a single objective. Pending candidates belong to the front.

    Args:
        wanted: How many objectives, and the reference.

    Raises:
        MissingComponentError: BoTorch is not installed.
    """

    name = "ehvi"
    goal = None

    def __init__(self, wanted: FrontWanted) -> None:
        require_botorch()
        self._wanted = wanted

    @property
    def count(self) -> int:
        """Number of objectives."""
        return self._wanted.count

    @property
    def oriented(self) -> int:
        """All of them."""
        return self._wanted.count

    def values(self, known: Known, _rng: np.random.Generator) -> tuple[FloatArray, bool]:
        """Acquisition values of all candidates, zero where they may not be proposed; they are no logarithms."""
        members, weights = joined(known.predictions)
        return averaged([(self._growth(known, of_all), False) for of_all in members], weights)

    def ahead(self, known: Known, asked: Question, kept: Sequence[BoolArray], rng: np.random.Generator) -> NextGains:
        """Growth of the volume by the next evaluations, by samples; arguments as of ``Judge``."""
        (positions,), (within,) = asked.groups, kept
        chosen, values = positions[:SAMPLED], known.values[known.kept]
        objectives = tuple(drawn(known.pool, of_one, chosen, rng) for of_one in known.predictions)
        reference = worst(known.values) if self._wanted.reference is None else self._wanted.reference
        return FrontAhead(chosen, values, reference, objectives, within[:, :SAMPLED], worse_cells)

    def _growth(self, known: Known, predictions: Sequence[Prediction]) -> FloatArray:
        bent = Bent(known, predictions)
        front = np.vstack([bent.observed[known.kept], bent.mean[known.history.pending[known.likely]]])
        growth = np.zeros(len(known.pool))
        growth[known.allowed] = expected_growth(
            bent.mean[known.allowed], bent.deviation[known.allowed], front, bent.reference(self._wanted)
        )
        return growth


class Bent:
    """Objectives as a front compares them: transformed but not centred, as a centre for each system would hide which is better.

    Attributes:
        mean: Of all candidates, shape ``(n_candidates, n_objectives)``.
        deviation: Same shape.
        observed: Shape ``(n_observed, n_objectives)``.

    Args:
        predictions: One of each objective.
    """

    def __init__(self, known: Known, predictions: Sequence[Prediction]) -> None:
        systems, values = known.pool.system_codes, known.values
        self._predictions = predictions
        self._scales = scales = np.array([prediction.state.scale for prediction in predictions])
        centres = np.column_stack([prediction.state.centre[systems] for prediction in predictions]) / scales
        self.mean: FloatArray = np.column_stack([prediction.mean for prediction in predictions]) + centres
        self.deviation: FloatArray = np.column_stack([prediction.deviation for prediction in predictions])
        columns = [item.state.bent(column) for item, column in zip(predictions, values.T, strict=True)]
        self.observed: FloatArray = np.column_stack(columns) / scales

    def reference(self, wanted: FrontWanted) -> FloatArray:
        """The reference point, by default the worst observed values, shape ``(n_objectives,)``."""
        if wanted.reference is None:
            return worst(self.observed)
        given = zip(self._predictions, wanted.reference, strict=True)
        bent = np.array([float(item.state.bent(np.array(value))) for item, value in given]) / self._scales
        # Values below the floor of a logarithm are infinitely far away; a large finite distance suffices.
        return np.asarray(np.maximum(bent, self.observed.min(axis=0) - _FAR))


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


def worse_cells(front: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Boxes into which the volume is cut that a front does not dominate, all objectives minimised.

    Args:
        front: Shape ``(n_known, n_objectives)``.
        reference: Shape ``(n_objectives,)``.

    Returns:
        Better ends, minus infinity where there is none, and worse ends, shape ``(n_boxes, n_objectives)`` each.
    """
    from botorch.utils.multi_objective.box_decompositions.non_dominated import FastNondominatedPartitioning

    bounds = FastNondominatedPartitioning(ref_point=_tensor(-reference), Y=_tensor(-front)).get_hypercell_bounds().numpy()
    return -bounds[1], -bounds[0]


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
