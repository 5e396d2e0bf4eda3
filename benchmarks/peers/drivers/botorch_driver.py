"""BoTorch: a Gaussian process, refitted, and log expected improvement over the box."""

import torch
from botorch.acquisition.analytic import LogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.transforms import Standardize
from botorch.optim.optimize import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood
from pipe import Pipe

pipe = Pipe()
torch.manual_seed(pipe.seed)
box = torch.tensor([[0.0] * pipe.dimensions, [1.0] * pipe.dimensions], dtype=torch.float64)
rules = None
if pipe.most is not None:
    rules = [(torch.arange(pipe.dimensions), -torch.ones(pipe.dimensions, dtype=torch.float64), -pipe.most)]
while True:
    inputs = torch.tensor(pipe.points, dtype=torch.float64)
    outputs = -torch.tensor(pipe.values, dtype=torch.float64)[:, None]
    model = SingleTaskGP(inputs, outputs, outcome_transform=Standardize(m=1))
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    gain = LogExpectedImprovement(model, best_f=outputs.max())
    found, _ = optimize_acqf(gain, bounds=box, q=1, num_restarts=10, raw_samples=512, inequality_constraints=rules)
    pipe.evaluate(found[0].tolist())
