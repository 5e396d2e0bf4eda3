"""BoTorch's usual Gaussian process and log expected improvement, optimised over the whole box."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tansaku.models.domain.pool import FloatArray

_RESTARTS, _RAW = 10, 512


def suggest(
    value: Callable[[FloatArray], FloatArray], initial: FloatArray, count: int, most: float | None, seed: int
) -> FloatArray:
    """Evaluates a function one point after the other.

    Args:
        value: Of points of the unit cube.
        initial: The first points, shape ``(n_initial, d)``.
        count: Evaluations, these included.
        most: Largest sum of the coordinates, None for no constraint.
        seed: Of everything random.

    Returns:
        Values of the function in order, shape ``(count,)``.
    """
    import torch
    from botorch.acquisition.analytic import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim.optimize import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.manual_seed(seed)
    points, values = initial, value(initial)
    dimensions = initial.shape[1]
    box = torch.tensor([[0.0] * dimensions, [1.0] * dimensions], dtype=torch.float64)
    constraints = None
    if most is not None:
        constraints = [(torch.arange(dimensions), torch.full((dimensions,), -1.0, dtype=torch.float64), -most)]
    while len(values) < count:
        inputs, outputs = torch.tensor(points), torch.tensor(-values[:, None])
        model = SingleTaskGP(inputs, outputs, outcome_transform=Standardize(m=1))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        gain = LogExpectedImprovement(model, best_f=float(-values.min()))
        found, _ = optimize_acqf(
            gain, bounds=box, q=1, num_restarts=_RESTARTS, raw_samples=_RAW, inequality_constraints=constraints
        )
        points = np.vstack((points, found.numpy()))
        values = np.append(values, value(points[-1:]))
    return values
