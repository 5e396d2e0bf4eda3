"""BoTorch's usual models with log expected improvement over the list. Balandat et al. (2020), arXiv:1910.06403."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import exp
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.engine.acquisition import log_expected_improvement
from tansaku.peers.problem import Problem, Suggestion

_ITERATIONS = 200
"""Most steps of a fit. A multi-task model of a few points per task is flat: thousands of steps gain nothing."""

if TYPE_CHECKING:
    from botorch.models.gpytorch import GPyTorchModel
    from torch import Tensor

_AT_ONCE = 2000
"""Candidates whose posterior is taken together; more need more memory and no less time."""


class BotorchOptimiser:
    """``SingleTaskGP`` with standardised outputs, refitted, and log expected improvement."""

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        from botorch.models import SingleTaskGP
        from botorch.models.transforms import Standardize

        with seeded(problem.seed):
            inputs, values = _tensor(problem.encoding.matrix[problem.rows]), _tensor(-problem.values[:, None])
            transform = Standardize(m=1) if len(problem.rows) > 1 else None
            model = _fitted(SingleTaskGP(inputs, values, outcome_transform=transform))
            best, gain = _best_of(model, problem.encoding.matrix[problem.free], float(-problem.values.min()))
        return Suggestion(int(problem.free[best]), gain)


class BotorchMultiTaskOptimiser:
    """``MultiTaskGP`` over all systems as tasks, refitted, and log expected improvement against each system's own best."""

    def suggest(self, problem: Problem) -> Sequence[Suggestion]:
        """The next candidate of each system that has a free one."""
        from botorch.models.multitask import MultiTaskGP

        encoding = problem.encoding
        tasks = sorted(set(encoding.systems[problem.rows].tolist()))
        place = {system: k for k, system in enumerate(tasks)}
        with seeded(problem.seed):
            codes = np.array([place[system] for system in encoding.systems[problem.rows].tolist()], dtype=np.float64)
            inputs = np.column_stack([encoding.matrix[problem.rows], codes])
            values = _tensor(-problem.standardised[:, None])
            model = _fitted(MultiTaskGP(_tensor(inputs), values, task_feature=-1, output_tasks=[0]))
            found = []
            for system in np.unique(encoding.systems[problem.free]).tolist():
                free = problem.free[encoding.systems[problem.free] == system]
                if system not in place:
                    found.append(Suggestion(int(free[problem.seed % len(free)]), float("inf")))
                    continue
                mine = encoding.systems[problem.rows] == system
                choices = np.column_stack([encoding.matrix[free], np.full(len(free), float(place[system]))])
                best, gain = _best_of(model, choices, float(-problem.standardised[mine].min()))
                found.append(Suggestion(int(free[best]), gain * problem.deviation))
        return found


def _fitted(model: GPyTorchModel) -> GPyTorchModel:
    from botorch.fit import fit_gpytorch_mll
    from gpytorch.mlls import ExactMarginalLogLikelihood

    likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
    fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": _ITERATIONS}})
    return model


def _best_of(model: GPyTorchModel, choices: FloatArray, incumbent: float) -> tuple[int, float]:
    """Row of the best choice and its expected improvement in the model's output unit.

    The posterior is taken in joint blocks: what ``LogExpectedImprovement`` by ``optimize_acqf_discrete`` finds, but that
    evaluates it candidate by candidate and takes some thirty times as long.
    """
    import torch

    moments = []
    with torch.no_grad():
        for begin in range(0, len(choices), _AT_ONCE):
            posterior = model.posterior(_tensor(choices[begin : begin + _AT_ONCE]))
            moments.append(torch.cat([posterior.mean, posterior.variance], dim=-1).numpy())
    mean, variance = np.concatenate(moments).T
    gain = log_expected_improvement(-mean, np.sqrt(variance), np.full(len(mean), -incumbent))
    row = int(np.argmax(gain))
    return row, exp(float(gain[row]))


def _tensor(values: FloatArray | IntArray) -> Tensor:
    import torch

    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float64)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds torch's own generator for this block and puts it back after it."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
