"""Optuna's samplers, their suggestion moved to the nearest free candidate of the list.

Akiba et al. (2019), https://doi.org/10.1145/3292500.3330701.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tansaku.peers.problem import Encoding, Problem, Suggestion, nearest, parameters

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class OptunaOptimiser:
    """A study of one system: columns are floats, descriptors are categories; it tells no expected gain.

    Args:
        sampler: ``tpe`` or ``gp``.
    """

    def __init__(self, sampler: Literal["tpe", "gp"]) -> None:
        self._sampler = sampler

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        import optuna

        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            study = optuna.create_study(sampler=self._build(problem.seed + len(problem.rows)))
            space = distributions(problem.encoding)
            for row, value in zip(problem.rows.tolist(), problem.values.tolist(), strict=True):
                study.add_trial(
                    optuna.trial.create_trial(params=parameters(problem.encoding, row), distributions=space, value=value)
                )
            asked = study.ask(fixed_distributions=space).params
        finally:
            optuna.logging.set_verbosity(verbosity)
        return Suggestion(nearest(problem, asked))

    def _build(self, seed: int) -> BaseSampler:
        import optuna

        if self._sampler == "tpe":
            return optuna.samplers.TPESampler(seed=seed, n_startup_trials=1)
        return optuna.samplers.GPSampler(seed=seed, n_startup_trials=1)


def distributions(encoding: Encoding) -> dict[str, Any]:
    """Optuna's description of an encoding's parameters."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    space: dict[str, Any] = {name: FloatDistribution(0.0, 1.0) for name in encoding.names}
    space |= {
        descriptor.name: CategoricalDistribution(tuple(range(len(descriptor.rows)))) for descriptor in encoding.descriptors
    }
    return space
