"""Emukit: its loop with GPy's Gaussian process and expected improvement."""

import GPy
import numpy as np
from emukit.bayesian_optimization.loops import BayesianOptimizationLoop
from emukit.core import ContinuousParameter, ParameterSpace
from emukit.core.constraints import LinearInequalityConstraint
from emukit.model_wrappers import GPyModelWrapper
from pipe import Pipe

pipe = Pipe()
np.random.seed(pipe.seed)  # noqa: NPY002 - Emukit and GPy draw from the global generator
rules = []
if pipe.most is not None:
    rules = [LinearInequalityConstraint(np.ones((1, pipe.dimensions)), np.array([-np.inf]), np.array([pipe.most]))]
space = ParameterSpace([ContinuousParameter(f"x{number}", 0.0, 1.0) for number in range(pipe.dimensions)], rules)
points, values = np.array(pipe.points), np.array(pipe.values)[:, None]
kernel = GPy.kern.Matern52(pipe.dimensions, ARD=True)
model = GPyModelWrapper(GPy.models.GPRegression(points, values, kernel, normalizer=True))
loop = BayesianOptimizationLoop(model=model, space=space)
loop.run_loop(lambda rows: np.array([[pipe.evaluate(row.tolist())] for row in rows]), 10_000)
