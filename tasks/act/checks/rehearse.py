"""Rehearsal of a budget before it is spent: a campaign replayed on a finished table, or on samples of its own model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.history import cost_limit
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History, TabulatedSpace
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import withholds
from tansaku.models.domain.units import difference_in
from tansaku.models.domain.wording import counted, with_unit
from tansaku.models.engine.goals import Goal, goal_of
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.spaces.levels import searched_pool
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.checks.kept_files import Database, load_file
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.act.replay.methods import at_levels
from tansaku.tasks.act.replay.run import gap_curves, run_times
from tansaku.tasks.loop.ledger.rounds import RoundRules
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign

BEYOND = 2.0
"""Replays continue to this multiple of the budget, to show the effect of a larger budget."""

QUANTILES = 1001
"""Number of quantiles that represent the distribution of a table's values."""

LEARN_FROM = 300
"""Largest number of values of a finished table to which the model is fitted."""

WANTED = 0.9
"""Probability of success for which the required budget is reported."""

_COUNTED = 1e-9

NO_TOLERANCE = "--within: missing; give a tolerance such as '5 mJ/m2', or budget.stop.within in the file"
"""Neither the options nor the spec of a rehearsal say what is near enough."""

NO_SPREAD = "--rehearse: the spread of the values is unknown before anything is computed"
"""A rehearsal on the model's own expectation needs it."""

OnReplay = Callable[[int, int], None]
"""Callback for the progress of replays: number done, total."""


@dataclass(frozen=True)
class RehearsalOptions:
    """Options of a rehearsal.

    Attributes:
        within: How near to the true answer is near enough, with its unit; None: what ``budget.stop`` says.
        replays: How many.
        like: Campaign file on a finished table, whose values say what landscapes to expect; None: the model's own expectation.
        spread: Expected standard deviation of the values, with its unit; for the model's own expectation.
    """

    within: str | None = None
    replays: int = 20
    like: Path | None = None
    spread: str | None = None


class BudgetRehearsal(Record):
    """Result of a rehearsal: how often a budget suffices.

    Attributes:
        source: The landscape of the rehearsal.
        within: How near counts as found [unit].
        unit: The objective's.
        cost_unit: Unit of costs.
        limit: The budget: a cost, or a number of evaluations.
        chance: Share of the replays that found the answer within it.
        low: Lower end of an interval that holds the chance with 90 %.
        high: Its upper end.
        found_at: Cost spent by each replay when it had the answer, ascending; None: more than twice the budget.
        wanted: Cost at which 90 % of the replays have it; None if that is more than twice the budget.
    """

    source: str
    replays: int
    within: float
    unit: str
    cost_unit: str
    limit: float
    chance: float
    low: float
    high: float
    found_at: tuple[float | None, ...]
    wanted: float | None

    def chance_at(self, spent: float) -> float:
        """Share of the replays that found the answer within a cost."""
        return float(np.mean([at is not None and at <= spent * (1 + _COUNTED) for at in self.found_at]))

    def describe(self) -> str:
        """Describes the rehearsal."""
        near = f"within {with_unit(f'{self.within:g}', self.unit)} of the true answer"
        lines = [
            f"  rehearsal   {counted(self.replays, 'replay')} on {self.source}",
            f"  chance      {100 * self.chance:.0f} % to get {near} for {self.limit:,.0f} {self.cost_unit}"
            f" ({100 * self.low:.0f} to {100 * self.high:.0f} %)",
        ]
        if self.chance >= WANTED and self.wanted is not None:
            lines.append(f"              {self.wanted:,.0f} suffice for {100 * WANTED:.0f} %")
        elif self.wanted is not None:
            lines.append(f"              {self.wanted - self.limit:,.0f} more would give {100 * WANTED:.0f} %")
        else:
            lines.append(f"              twice as much would give {100 * self.chance_at(BEYOND * self.limit):.0f} %")
        return "\n".join(lines)


def rehearse_budget(
    path: Path, options: RehearsalOptions, on_replay: OnReplay | None = None, database: Database | None = None
) -> BudgetRehearsal:
    """Replays a campaign file before anything is spent.

    Args:
        on_replay: Called with the progress of the replays.
        database: Opened only if the file, or that of ``like``, names files that the database keeps.

    Raises:
        ConfigurationError: The file or an option is wrong, or the pool is too large to sample.
    """
    return rehearse_loaded(load_file(path, None, database), options, on_replay, database)


def rehearse_loaded(
    loaded: LoadedCampaign, options: RehearsalOptions, on_replay: OnReplay | None = None, database: Database | None = None
) -> BudgetRehearsal:
    """The rehearsal of a loaded campaign; arguments and errors as of :func:`rehearse_budget`."""
    spec = loaded.spec
    if spec.transfer is not None:
        raise ConfigurationError("--rehearse: not supported for a campaign with transfer", hint="rehearse it without transfer")
    if spec.objective.further:
        raise ConfigurationError(
            f"--rehearse: not supported with {spec.objective.several}", hint="rehearse the first objective alone"
        )
    if spec.space.prices:
        raise ConfigurationError("--rehearse: not supported for a table with prices of numbers", hint="remove the prices")
    within = _tolerance(spec, options)
    space = open_space(spec.space, loaded.base_path)
    pool = space.pool()
    limit = cost_limit(spec.budget, pool)
    if limit is None and spec.budget.evaluations is None:
        raise ConfigurationError("budget: a rehearsal needs a limit; give cost, fraction or evaluations")
    if spec.objective.goal.joint:
        raise ConfigurationError(
            f"--rehearse: the goal {spec.objective.goal.type} has no rehearsal; budget.stop ends its search"
        )
    landscapes: Iterator[FloatArray]
    if isinstance(space, TabulatedSpace):
        if options.like is not None or options.spread is not None:
            raise ConfigurationError("--like, --spread: not needed for a table, which is replayed on its own values")
        source, landscapes = "its own table", (space.values() for _ in range(options.replays))
    else:
        source, landscapes = _drawn(spec, pool, options, database)
    goal, found_at = goal_of(spec.objective), []
    pool = searched_pool(spec, space, loaded.base_path, pool)
    for number, values in enumerate(landscapes):
        known = (values, values) if pool.levels is None else at_levels(spec, loaded.base_path, pool.levels, values)
        found_at.append(_price(spec, pool, known, number, (goal, within, limit)))
        if on_replay is not None:
            on_replay(number + 1, options.replays)
    cost_unit = "evaluations" if limit is None else "units of cost"
    return _result(source, within, (spec.objective.unit, cost_unit), limit or float(spec.budget.evaluations or 0), found_at)


def _tolerance(spec: CampaignSpec, options: RehearsalOptions) -> float:
    text = options.within or (spec.budget.stop.within if spec.budget.stop is not None else None)
    if text is None:
        raise ConfigurationError(NO_TOLERANCE)
    return _quantity("--within", text, spec)


def _quantity(option: str, text: str, spec: CampaignSpec) -> float:
    try:
        value = difference_in(text, spec.objective.unit)
    except ValueError as error:
        raise ConfigurationError(f"{option}: {error}, the objective's unit") from error
    if value <= 0.0:
        raise ConfigurationError(f"{option}: {text!r}; expected a positive quantity")
    return value


def _drawn(
    spec: CampaignSpec, pool: CandidatePool, options: RehearsalOptions, database: Database | None
) -> tuple[str, Iterator[FloatArray]]:
    """Returns a description of the source and the sampled landscapes [objective's unit], as computed (not oriented)."""
    proposer = build_proposer(spec.proposer, spec.objective, spec.constraints)
    if not isinstance(proposer, GPProposer):
        raise ConfigurationError(
            f"--rehearse: proposer {spec.proposer.type} has no model to sample from; rehearse it on a table"
        )
    sign = 1.0 if spec.objective.direction == "minimize" else -1.0
    fitted, shape = None, None
    if options.like is not None:
        fitted, shape = learned(proposer, load_file(options.like, None, database))
        source, scale = f"posterior samples of its model fitted to {options.like.name}", shape.deviation
    elif options.spread is not None:
        scale = _quantity("--spread", options.spread, spec)
        source = f"samples of its model with a spread of {options.spread}"
        if spec.objective.goal.type == "all_below":
            raise ConfigurationError(
                "--spread: with a threshold the level of the values matters; give --like with a finished table instead"
            )
    else:
        raise ConfigurationError(
            NO_SPREAD,
            hint="give --spread '40 mJ/m2', or --like FILE, a campaign file on a finished table of the same kind",
        )
    draws = proposer.prior_draws(pool, fitted)
    rng = np.random.default_rng(np.random.SeedSequence(entropy=spec.seed, spawn_key=(0, 2)))
    drawn = (scale * draws.draw(rng) for _ in range(options.replays))
    return source, (sign * (item if shape is None else shape.given_to(pool, item)) for item in drawn)


@dataclass(frozen=True)
class Shape:
    """Distribution of the values of a table's systems.

    Attributes:
        mean: Of all values, oriented [objective's unit].
        deviation: Of all values [objective's unit].
        quantiles: Of a system's values about its own mean, the mean over the systems, at even steps from 0 to 1 [objective's
            unit], shape ``(n,)``.
    """

    mean: float
    deviation: float
    quantiles: FloatArray

    @classmethod
    def of(cls, pool: CandidatePool, values: FloatArray) -> Shape:
        """That of a finished table.

        Args:
            values: Oriented, NaN where the evaluation failed, shape ``(n_candidates,)``.
        """
        known = ~np.isnan(values)
        steps = np.linspace(0.0, 1.0, QUANTILES)
        parts = [values[known & (pool.system_codes == code)] for code in np.unique(pool.system_codes[known])]
        quantiles = np.mean([np.quantile(part - part.mean(), steps) for part in parts], axis=0)
        return cls(float(values[known].mean()), float(values[known].std()), quantiles)

    def given_to(self, pool: CandidatePool, drawn: FloatArray) -> FloatArray:
        """A landscape whose systems keep their levels and the order of their candidates, and take this distribution.

        A sample of a Gaussian process has no lower bound, but computed values do, and the number of candidates near it
        determines how hard a search is.

        Args:
            drawn: Mean 0 [objective's unit], shape ``(n_candidates,)``.
        """
        shaped = np.empty(len(drawn))
        steps = np.linspace(0.0, 1.0, len(self.quantiles))
        for code in range(len(pool.systems)):
            mine = np.flatnonzero(pool.system_codes == code)
            ranks = np.empty(len(mine))
            ranks[np.argsort(drawn[mine], kind="stable")] = (np.arange(len(mine)) + 0.5) / len(mine)
            shaped[mine] = self.mean + drawn[mine].mean() + np.interp(ranks, steps, self.quantiles)
        return shaped


def learned(proposer: GPProposer, like: LoadedCampaign) -> tuple[JsonDict, Shape]:
    """Fits hyper-parameters to a random part of a finished table, and the distribution of its values.

    Raises:
        ConfigurationError: It is not a campaign on a table.
    """
    space = open_space(like.spec.space, like.base_path)
    if not isinstance(space, TabulatedSpace):
        raise ConfigurationError(f"--like: {like.spec.name!r} is not a campaign on a table")
    sign = 1.0 if like.spec.objective.direction == "minimize" else -1.0
    pool, values = space.pool(), sign * space.values()
    return fitted_to_part(proposer, pool, values, like.spec.seed), Shape.of(pool, values)


def fitted_to_part(proposer: GPProposer, pool: CandidatePool, values: FloatArray, seed: int) -> JsonDict:
    """Hyper-parameters fitted to a random part of known values.

    Args:
        values: Oriented, NaN where the evaluation failed, shape ``(n_candidates,)``.
        seed: Of the choice.
    """
    known = np.flatnonzero(~np.isnan(values))
    chosen = np.sort(np.random.default_rng(seed).choice(known, min(LEARN_FROM, len(known)), replace=False))
    return proposer.fit(pool, History(chosen, values[chosen]), None)


def _price(
    spec: CampaignSpec,
    pool: CandidatePool,
    known: tuple[FloatArray, FloatArray],
    number: int,
    asked: tuple[Goal, float, float | None],
) -> float | None:
    """Cost at which a replay found the answer; None if it never did. Known are all values, and those that are answers."""
    (values, answers), (goal, within, limit) = known, asked
    proposer = build_proposer(spec.proposer, spec.objective, spec.constraints)
    evaluations = spec.budget.evaluations
    further = BudgetSpec(
        evaluations=None if evaluations is None else int(BEYOND * evaluations),
        max_failed_fraction=spec.budget.max_failed_fraction,
    )
    rules = RoundRules(
        seed=spec.seed + number,
        source="rehearsal",
        direction=spec.objective.direction,
        budget=further,
        limit=None if limit is None else BEYOND * limit,
        initial_count=proposer.initial_count(pool),
        in_flight=spec.execution.in_flight,
        ordered=spec.execution.asynchrony == "ordered",
        max_cost=spec.constraints.max_cost,
        unit=spec.objective.unit,
        withholds=withholds(spec.proposer),
    )
    done = replay(pool, values, proposer, rules, count_initial=True, run_times=run_times(pool, number, 0.0))
    success = succeeded(pool, answers, done.positions, goal, within, spec.objective.direction)
    if not success.any():
        return None
    first = int(np.argmax(success))
    return float(first + 1) if limit is None else float(pool.cost[done.positions[: first + 1]].sum())


def succeeded(
    pool: CandidatePool, values: FloatArray, positions: IntArray, goal: Goal, within: float, direction: str
) -> npt.NDArray[np.bool_]:
    """Returns whether the answer was known after each evaluation.

    Every system's best within the tolerance; or the k-th best found no worse than the true k-th best by more than it; or all
    found that lie below the threshold by more than it.

    Args:
        values: Their objective, as computed, NaN where the evaluation fails, shape ``(n_candidates,)``.
        positions: Candidates in the order evaluated, shape ``(n,)``.
        goal: What is wanted; its threshold is oriented.
        within: The tolerance [objective's unit].

    Returns:
        Shape ``(n,)``.
    """
    oriented = values if direction == "minimize" else -values
    if goal.by_system:
        curves = gap_curves(pool, oriented, positions, "minimize", within)
        scored = len(np.unique(pool.system_codes[~np.isnan(oriented)]))
        return np.asarray(curves.n_within == scored)
    found = oriented[positions]
    if goal.kind == "all_below":
        wanted = oriented < goal.threshold - within
        return np.asarray(np.cumsum(wanted[positions]) == wanted.sum())
    known = np.sort(oriented[~np.isnan(oriented)])
    level = known[min(goal.k, len(known)) - 1] + within
    return np.asarray(np.cumsum(found <= level) >= min(goal.k, len(known)))


def _result(
    source: str, within: float, units: tuple[str, str], limit: float, found_at: Sequence[float | None]
) -> BudgetRehearsal:
    from scipy.stats import beta

    n, in_time = len(found_at), sum(at is not None and at <= limit * (1 + _COUNTED) for at in found_at)
    prices = sorted(np.inf if at is None else at for at in found_at)
    wanted = prices[int(np.ceil(WANTED * n)) - 1]
    return BudgetRehearsal(
        source=source,
        replays=n,
        within=within,
        unit=units[0],
        cost_unit=units[1],
        limit=limit,
        chance=in_time / n,
        low=float(beta.ppf(0.05, in_time + 0.5, n - in_time + 0.5)),
        high=float(beta.ppf(0.95, in_time + 0.5, n - in_time + 0.5)),
        found_at=tuple(None if np.isinf(price) else float(price) for price in prices),
        wanted=None if np.isinf(wanted) else float(wanted),
    )
