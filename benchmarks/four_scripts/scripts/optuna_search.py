"""Optuna: a study with its default sampler."""

import optuna
from laboratory import measure
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

SEED = 0  # seed
study = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.TPESampler(seed=SEED),  # seed
    storage="sqlite:///study.db",  # kept
    study_name="yield",  # kept
    load_if_exists=True,  # kept
)
space = {
    "temperature": FloatDistribution(300, 900),
    "x": FloatDistribution(0, 1),
    "solvent": CategoricalDistribution(["water", "ethanol"]),
}
while (left := 24 - len(study.get_trials(states=[TrialState.COMPLETE]))) > 0:
    for trial in [study.ask(space) for _ in range(min(4, left))]:
        study.tell(trial, measure(**trial.params))
print(study.best_value)
