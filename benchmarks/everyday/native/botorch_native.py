"""BoTorch: a Gaussian process of the one-hot table and log expected improvement over its rows, after three random ones."""

import numpy as np
import torch
from botorch.acquisition.analytic import LogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.transforms import Normalize, Standardize
from botorch.optim.optimize import optimize_acqf_discrete
from gpytorch.mlls import ExactMarginalLogLikelihood

from benchmarks.everyday.native.table import Table


def search(table: Table, count: int, seed: int) -> list[int]:
    """Positions that are measured, in order."""
    torch.manual_seed(seed)
    inputs = torch.tensor(table.one_hot())
    values = torch.tensor(-table.values)[:, None]
    measured: list[int] = np.random.default_rng(seed).permutation(len(inputs))[:3].tolist()
    while len(measured) < count:
        known = values[measured]
        model = SingleTaskGP(
            inputs[measured], known, input_transform=Normalize(inputs.shape[1]), outcome_transform=Standardize(1)
        )
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        free = np.setdiff1d(np.arange(len(inputs)), measured)
        gain = LogExpectedImprovement(model, best_f=known.max())
        found, _ = optimize_acqf_discrete(gain, q=1, choices=inputs[free])
        measured.append(int(free[int((inputs[free] == found).all(dim=1).nonzero()[0])]))
    return measured
