"""Optuna: a study with its Gaussian-process sampler."""

import optuna
from optuna.distributions import FloatDistribution
from pipe import Pipe

pipe = Pipe()
names = [f"x{number}" for number in range(pipe.dimensions)]
space = {name: FloatDistribution(0.0, 1.0) for name in names}


def excess(trial: optuna.trial.FrozenTrial) -> list[float]:
    """Returns by how much the sum exceeds its limit; such points are allowed, and learned to be infeasible."""
    return [sum(trial.params.values()) - float(pipe.most or 0.0)]


rules = excess if pipe.most is not None else None
sampler = optuna.samplers.GPSampler(seed=pipe.seed, n_startup_trials=0, constraints_func=rules)
study = optuna.create_study(sampler=sampler)
for point, value in zip(list(pipe.points), list(pipe.values), strict=True):
    trial = study.ask(dict.fromkeys(names, FloatDistribution(0.0, 1.0)))
    parameters = dict(zip(names, point, strict=True))
    attributes = {"constraints": [sum(point) - pipe.most]} if pipe.most is not None else {}
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
    study.add_trial(optuna.create_trial(params=parameters, distributions=space, value=value, system_attrs=attributes))
while True:
    trial = study.ask(space)
    study.tell(trial, pipe.evaluate([trial.params[name] for name in names]))
