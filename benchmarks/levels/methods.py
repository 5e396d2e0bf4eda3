"""Ways to choose the next candidate and level of a table."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import norm

from benchmarks.levels.tables import LevelTable
from benchmarks.pools import search
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.levels import with_levels
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History, Proposer
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.levels.model import levels_of
from tansaku.models.engine.levels.proposer import FIRST, LevelProposer
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.transfer.data import FrozenSources, SourceData
from tansaku.tasks.act.replay.methods import Delegating

if TYPE_CHECKING:
    from ax.core.experiment import Experiment
    from botorch.acquisition.cost_aware import InverseCostWeightedUtility
    from botorch.models.gp_regression_fidelity import SingleTaskMultiFidelityGP
    from torch import Tensor

Purchases = Iterator[tuple[int, int]]
"""Candidate and level, one after the other; a method sees the values of those before."""

_VALUE = "value"
_SAMPLES = 16
_DRAWN = 128
_HEIGHTS: FloatArray = norm.ppf((np.arange(_DRAWN) + 0.5) / _DRAWN)


def bought(table: LevelTable, seed: int) -> Purchases:
    """Ours: the lowest index of looks and full values, as a campaign with ``levels`` proposes them."""
    yield from _by_levels(table, LevelProposer(_goal(table)), seed)


def screened(table: LevelTable, seed: int) -> Purchases:
    """Ours, with a look at all candidates first."""
    yield from _by_levels(table, LevelProposer(_goal(table), screen=True), seed)


def transfer(table: LevelTable, seed: int) -> Purchases:
    """Ours, with full values of another table as a source of transfer."""
    yield from _by_levels(table, LevelProposer(_goal(table), sources=FrozenSources([_source(table)])), seed)


def misled(table: LevelTable, seed: int) -> Purchases:
    """The same with a source whose values are shuffled."""
    source = _source(table)
    shuffled = replace(source, values=np.random.default_rng(seed).permutation(source.values))
    yield from _by_levels(table, LevelProposer(_goal(table), sources=FrozenSources([shuffled])), seed)


def _source(table: LevelTable) -> SourceData:
    if table.source is None:
        raise ConfigurationError(f"--tables: {table.name} has no source; expected tables of sodium")
    return table.source


def _by_levels(table: LevelTable, proposer: LevelProposer, seed: int) -> Purchases:
    pool = with_levels(table.pool(), ["look"], [np.full(len(table.values), table.cost)])
    levels = levels_of(pool)
    values = table.values[levels.candidate, levels.level]
    until = _Until(proposer, levels.places[table.wanted(), 1])
    for row in _searched(pool, values, until, seed, table.budget):
        yield int(levels.candidate[row]), int(levels.level[row])


def _goal(table: LevelTable) -> Goal:
    return Goal("top_k", 1) if table.threshold is None else Goal("all_below", threshold=table.threshold)


def single(table: LevelTable, seed: int) -> Purchases:
    """Ours without looks: what a campaign on the wanted level alone does."""
    low = {"type": "all_below", "threshold": f"{table.threshold} eV"}
    goal = {"type": "best_overall"} if table.threshold is None else low
    objective = ObjectiveSpec.model_validate({"unit": "1" if table.threshold is None else "eV", "goal": goal})
    proposer = build_proposer(GPProposerSpec(engine=4), objective)
    until = _Until(proposer, table.wanted())
    yield from ((int(row), 1) for row in _searched(table.pool(), table.values[:, 1], until, seed, table.budget))


class _Until(Delegating):
    """A proposer whose search ends when some rows are known.

    Args:
        proposer: Which chooses.
        wanted: The rows.
    """

    def __init__(self, proposer: Proposer, wanted: IntArray) -> None:
        super().__init__(proposer)
        self._wanted = wanted

    def _chooser(self, _pool: CandidatePool, history: History, _number: int) -> Proposer | None:
        return None if np.isin(self._wanted, history.observed).all() else self._proposer


def _searched(pool: CandidatePool, values: FloatArray, proposer: Proposer, seed: int, budget: float) -> list[int]:
    """Rows in the order in which a campaign buys them."""
    spec = BudgetSpec(cost=budget, max_failed_fraction=1.0)
    found: list[int] = search(pool, values, proposer, seed, spec).positions.tolist()
    return found


def screen(table: LevelTable, seed: int) -> Purchases:
    """The cheap level of all, then the wanted one in the order of it."""
    yield from ((int(candidate), 0) for candidate in np.random.default_rng(seed).permutation(len(table.values)))
    yield from ((int(candidate), 1) for candidate in np.argsort(table.values[:, 0], kind="stable"))


def random(table: LevelTable, seed: int) -> Purchases:
    """The wanted level in random order."""
    yield from ((int(candidate), 1) for candidate in np.random.default_rng(seed).permutation(len(table.values)))


def botorch_mes(table: LevelTable, seed: int) -> Purchases:
    """BoTorch: multi-fidelity max-value entropy search per cost, over all rows."""
    import torch
    from botorch.acquisition.max_value_entropy_search import qMultiFidelityMaxValueEntropy

    price = _per_cost(table)

    def worth(model: SingleTaskMultiFidelityGP, tops: Tensor, rows: Tensor) -> FloatArray:
        acquisition = qMultiFidelityMaxValueEntropy(
            model,
            candidate_set=tops,
            num_fantasies=0,
            num_mv_samples=_SAMPLES,
            num_y_samples=_DRAWN,
            cost_aware_utility=price,
            project=lambda x: torch.cat([x[..., :-1], torch.ones_like(x[..., -1:])], dim=-1),
        )
        found: FloatArray = torch.cat([acquisition(part.unsqueeze(1)) for part in rows.split(256)]).numpy()
        return found

    yield from _by_botorch(table, seed, worth)


def botorch_kg(table: LevelTable, seed: int) -> Purchases:
    """BoTorch: its multi-fidelity model, and the knowledge gradient per cost over all rows."""

    price = _per_cost(table)

    def worth(model: SingleTaskMultiFidelityGP, tops: Tensor, rows: Tensor) -> FloatArray:
        found: FloatArray = price(rows.unsqueeze(1), knowledge_gradient(model, tops, rows)).numpy()
        return found

    yield from _by_botorch(table, seed, worth)


def knowledge_gradient(model: SingleTaskMultiFidelityGP, tops: Tensor, rows: Tensor, heights: FloatArray = _HEIGHTS) -> Tensor:
    """Expected rise of the highest mean once a row's value is known (doi:10.1137/070693424).

    BoTorch's ``qMultiFidelityKnowledgeGradient`` searches a box for the highest mean of each fantasy. A fantasy's mean is
    linear in the value, so that the highest one of a pool is found exactly.

    Args:
        model: Of all levels; the last feature is the level.
        tops: Where the mean counts, shape ``(n, d)``.
        rows: What could be bought, shape ``(m, d)``.
        heights: Of the fantasies, in standard deviations of a row's value.

    Returns:
        Shape ``(m,)``, in the unit of the values.
    """
    import torch

    n, given = len(tops), torch.cat([tops, rows])
    prior: Any = model.posterior(given)
    mean, covariance = prior.mean[:n, 0], prior.distribution.covariance_matrix[:n, n:]
    change = covariance / model.posterior(rows, observation_noise=True).variance[:, 0].sqrt()
    highest = [(mean[:, None] + height * change).amax(dim=0) for height in heights]
    found: Tensor = torch.stack(highest).mean(dim=0) - mean.max()
    return found


def _by_botorch(
    table: LevelTable, seed: int, worth: Callable[[SingleTaskMultiFidelityGP, Tensor, Tensor], FloatArray]
) -> Purchases:
    """BoTorch's multi-fidelity model, fitted before each purchase of what is worth most."""
    import torch

    torch.manual_seed(seed)
    top = torch.tensor(table.features, dtype=torch.float64)
    looks, tops = (torch.cat([top, torch.full((len(top), 1), level, dtype=torch.float64)], dim=1) for level in (0.0, 1.0))
    rows = torch.cat([looks, tops])
    known = _pairs(table, seed)
    yield from known
    while True:
        model = fitted(table, known)
        with torch.no_grad():
            found = worth(model, tops, rows)
        known.append(_best_open(found, known, len(top)))
        yield known[-1]


def _per_cost(table: LevelTable) -> InverseCostWeightedUtility:
    from botorch.acquisition.cost_aware import InverseCostWeightedUtility
    from botorch.models.cost import AffineFidelityCostModel

    weights = {table.features.shape[1]: 1.0 - table.cost}
    return InverseCostWeightedUtility(cost_model=AffineFidelityCostModel(fidelity_weights=weights, fixed_cost=table.cost))


def botorch_single(table: LevelTable, seed: int) -> Purchases:
    """BoTorch: log expected improvement of the wanted level by its default model."""
    import torch
    from botorch.acquisition.analytic import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.manual_seed(seed)
    top = torch.tensor(table.features, dtype=torch.float64)
    known = [(int(candidate), 1) for candidate in _first(table, seed)]
    yield from known
    while True:
        here = [candidate for candidate, _ in known]
        done = [candidate for candidate in here if np.isfinite(table.values[candidate, 1])]
        targets = torch.tensor(-table.values[done, 1])[:, None]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = SingleTaskGP(top[done], targets, outcome_transform=Standardize(1))
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        with torch.no_grad():
            worth = LogExpectedImprovement(model, float(targets.max()))(top.unsqueeze(1)).numpy()
        worth[here] = -np.inf
        known.append((int(np.argmax(worth)), 1))
        yield known[-1]


def bofire(table: LevelTable, seed: int) -> Purchases:
    """BoFire: its variance-based strategy over the box of the features; the nearest candidate without a full value is taken.

    Raises:
        ModuleNotFoundError: There is no ``bofire``; an environment of its own has it, which needs another pandas than ours.
    """
    import bofire.strategies.api as strategies
    import pandas as pd
    from bofire.data_models.domain.api import Domain, Inputs, Outputs
    from bofire.data_models.features.api import CategoricalTaskInput, ContinuousInput, ContinuousOutput
    from bofire.data_models.objectives.api import MinimizeObjective
    from bofire.data_models.strategies.api import MultiFidelityVarianceBasedStrategy

    features = table.features[:, np.ptp(table.features, axis=0) > 0]
    columns, levels = [f"feature_{number}" for number in range(features.shape[1])], ["full", "look"]
    inputs = [ContinuousInput(key=column, bounds=(0.0, 1.0)) for column in columns]
    task = CategoricalTaskInput(key="level", categories=levels, fidelities=[0, 1])
    output = ContinuousOutput(key="value", objective=MinimizeObjective(w=1.0))
    domain = Domain(inputs=Inputs(features=[*inputs, task]), outputs=Outputs(features=[output]))
    known = _pairs(table, seed)
    yield from known
    while True:
        strategy = strategies.map(MultiFidelityVarianceBasedStrategy(domain=domain, seed=seed + len(known)))
        done = [pair for pair in known if np.isfinite(table.values[pair])]
        rows = pd.DataFrame(features[[candidate for candidate, _ in done]], columns=columns)
        measured = {"level": [levels[1 - level] for _, level in done], "value": [table.values[pair] for pair in done]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            strategy.tell(rows.assign(**measured, valid_value=1))
            found = strategy.ask(1).iloc[0]
        apart = np.square(features - found[columns].to_numpy(dtype=np.float64)).sum(axis=1)
        apart[[candidate for candidate, level in known if level]] = np.inf
        candidate, level = int(np.argmin(apart)), 1 - levels.index(found["level"])
        known.append((candidate, 1 if (candidate, level) in known else level))
        yield known[-1]


def ax_mes(table: LevelTable, seed: int) -> Purchases:
    """Ax: its model of a parameter that is a fidelity, and multi-fidelity max-value entropy search, asked at all rows."""
    import torch
    from ax.adapter.registry import Generators
    from ax.core.observation import ObservationFeatures
    from ax.utils.common.logger import set_stderr_log_level
    from botorch.acquisition.max_value_entropy_search import qMultiFidelityMaxValueEntropy

    torch.manual_seed(seed)
    set_stderr_log_level(logging.WARNING)
    arms = [[_arm(row, level) for row in table.features] for level in (0, 1)]
    price = {"cost_intercept": table.cost, "fidelity_weights": {table.features.shape[1]: 1.0 - table.cost}}
    experiment: Any = _ax_experiment(table.features.shape[1])
    known = _pairs(table, seed)
    yield from known
    new = known
    while True:
        for candidate, level in new:
            if np.isfinite(table.values[candidate, level]):
                _, number = experiment.attach_trial([arms[level][candidate]])
                trial = experiment.trials[number].mark_running(no_runner_required=True)
                # Max-value entropy search maximises the metric, whatever the sign of Ax's objective.
                trial.update_trial_data({_VALUE: -float(table.values[candidate, level])})
                trial.mark_completed()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapter: Any = Generators.BOTORCH_MODULAR(
                experiment=experiment, botorch_acqf_class=qMultiFidelityMaxValueEntropy, acquisition_options=price
            )
            asked = [ObservationFeatures(parameters=arm) for level in arms for arm in level]
            worth = np.concatenate(
                [adapter.evaluate_acquisition_function(asked[k : k + 256]) for k in range(0, len(asked), 256)]
            )
        new = [_best_open(worth, known, len(table.features))]
        known += new
        yield new[0]


def _arm(row: FloatArray, level: int) -> JsonDict:
    return {f"x{number}": float(value) for number, value in enumerate(row)} | {"level": float(level)}


def _ax_experiment(width: int) -> Experiment:
    """An experiment without trials; the last parameter is the level."""
    from ax.core.experiment import Experiment
    from ax.core.metric import Metric
    from ax.core.objective import Objective
    from ax.core.optimization_config import OptimizationConfig
    from ax.core.parameter import ParameterType, RangeParameter
    from ax.core.search_space import SearchSpace

    ranges = [RangeParameter(f"x{number}", ParameterType.FLOAT, 0.0, 1.0) for number in range(width)]
    level = RangeParameter("level", ParameterType.FLOAT, 0.0, 1.0, is_fidelity=True, target_value=1.0)
    goal = Objective(expression=_VALUE, metric_name_to_signature={_VALUE: _VALUE})
    return Experiment(
        search_space=SearchSpace([*ranges, level]),
        tracking_metrics=[Metric(_VALUE)],
        optimization_config=OptimizationConfig(goal),
    )


METHODS: dict[str, Callable[[LevelTable, int], Purchases]] = {
    "bought": bought,
    "screened": screened,
    "transfer": transfer,
    "misled": misled,
    "single": single,
    "screen": screen,
    "random": random,
    "botorch-mes": botorch_mes,
    "botorch-kg": botorch_kg,
    "botorch-single": botorch_single,
    "ax-mes": ax_mes,
    "bofire": bofire,
}
ELSEWHERE = ("bofire",)
"""Methods that need an environment of their own."""

OF_SODIUM = ("transfer", "misled")
"""Methods that need a source."""


def _first(table: LevelTable, seed: int) -> IntArray:
    """The initial design of a seed, the same for all methods that have one."""
    return np.random.default_rng(seed).permutation(len(table.values))[:FIRST]


def _pairs(table: LevelTable, seed: int) -> list[tuple[int, int]]:
    return [(int(candidate), level) for candidate in _first(table, seed) for level in (0, 1)]


def fitted(table: LevelTable, known: list[tuple[int, int]]) -> SingleTaskMultiFidelityGP:
    """BoTorch's multi-fidelity model of some candidates at some levels; failed ones are left out."""
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models.gp_regression_fidelity import SingleTaskMultiFidelityGP
    from botorch.models.transforms import Standardize
    from gpytorch.mlls import ExactMarginalLogLikelihood

    done = [pair for pair in known if np.isfinite(table.values[pair])]
    candidates, levels = (np.array([pair[which] for pair in done], dtype=np.intp) for which in (0, 1))
    rows = torch.tensor(np.column_stack([table.features[candidates], levels]), dtype=torch.float64)
    targets = torch.tensor(-table.values[candidates, levels])[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SingleTaskMultiFidelityGP(rows, targets, data_fidelities=[rows.shape[1] - 1], outcome_transform=Standardize(1))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return model


def _best_open(worth: FloatArray, known: list[tuple[int, int]], n: int) -> tuple[int, int]:
    for candidate, level in known:
        worth[candidate + level * n] = -np.inf
    level, candidate = divmod(int(np.argmax(worth)), n)
    return candidate, level
