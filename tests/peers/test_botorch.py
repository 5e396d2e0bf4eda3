import numpy as np
import pytest

from tansaku.models.domain.pool import FeatureGroup
from tansaku.peers.problem import Problem, encode
from tests.support.pools import pool_of

pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_choice_is_that_of_botorchs_own_acquisition_on_the_list(require):
    require("botorch")
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf_discrete
    from gpytorch.mlls import ExactMarginalLogLikelihood

    from tansaku.peers.botorch import BotorchOptimiser

    rng = np.random.default_rng(5)
    points = rng.random((80, 2))
    encoding = encode(pool_of(80, FeatureGroup("x", points, np.arange(80), ("x", "y"))), np.arange(80))
    rows = np.arange(0, 80, 9)
    values = np.sin(5 * points[rows, 0]) + points[rows, 1] ** 2
    problem = Problem(encoding, rows, values, np.setdiff1d(np.arange(80), rows), seed=1)
    found = BotorchOptimiser().suggest(problem)

    inputs, outputs = torch.as_tensor(encoding.matrix[rows]), torch.as_tensor(-values[:, None])
    model = SingleTaskGP(inputs, outputs, outcome_transform=Standardize(m=1))
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    choices = torch.as_tensor(encoding.matrix[problem.free])
    chosen, value = optimize_acqf_discrete(LogExpectedImprovement(model, best_f=outputs.max()), q=1, choices=choices)
    np.testing.assert_array_equal(encoding.matrix[found.row], chosen[0].numpy())
    assert np.log(found.gain) == pytest.approx(float(value), abs=1e-3)
