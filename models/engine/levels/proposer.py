"""Proposes a candidate and a level together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, inf
from typing import Literal

import numpy as np

from tansaku.models.domain.identifiers import canonical_json
from tansaku.models.domain.levels import FITTED, SOURCES, wanted_history
from tansaku.models.domain.pool import BoolArray, CandidatePool, FeatureGroup, FloatArray, IntArray, Levels
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.certificate import Remaining, question
from tansaku.models.engine.ensemble import mixture
from tansaku.models.engine.goals import Goal, reached_levels
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.initial import growing_position, growing_size
from tansaku.models.engine.levels.index import Belief, cheapest_look, full_ratio, look_ratio
from tansaku.models.engine.levels.model import PLAIN, LevelFit, LevelPosterior, fit_levels, levels_of
from tansaku.models.engine.levels.plan import Plan
from tansaku.models.engine.presets import GPSettings, settings
from tansaku.models.engine.simple import allowed_candidates
from tansaku.models.engine.transfer.data import KEY, Sources
from tansaku.models.engine.transfer.proposer import LEAST_SKILL, TransferProposer
from tansaku.models.engine.transforms import OutputTransform

FIRST = 5
"""Candidates that get a value at every level before the index decides; each system has one of them at least."""

UNDECIDED = 12
"""Candidates that get a look until levels are known to be related, where the cost of a search has no limit."""

UNPROVEN = 0.04
"""Share of the budget that looks take until levels are known to be related."""

TRUSTED = 3.0
"""Evidence that levels are related [nats] from which a plan is followed: of unrelated ones, one in twenty reaches it."""

CHECKED = 8
"""Looks of a plan for each candidate that also has a full value, so that a plan ends where these disagree."""

_ALONE = "alone"
"""Key of a refit for the model of full values alone."""

_GROWTH = 1.25
_MOST_BETWEEN = 25
_LEAST = 1e-200
"""Expected gain for a unit of cost below which it counts as this."""

_BEST, _ALL = OutputTransform(compress=0.7), PLAIN
"""Transforms of values where the best is wanted, and where all below a threshold are. High values are compressed: one look that
promised much at a bad candidate shall not outweigh all others. Where many are wanted, this would hide which are good."""

_LOOKED_AT = 512
"""Candidates whose looks are compared for the goal of many values."""


class LevelProposer:
    """Buys the lowest index until nothing is left, or the looks of a plan first.

    The index is that of :mod:`tansaku.models.engine.levels.index`, the plan that of :mod:`tansaku.models.engine.levels.plan`. A
    unit of cost is worth the largest expected improvement per cost of a full value, so that this one just pays. The pool's rows
    are candidates at levels (:func:`~tansaku.models.domain.levels.with_levels`). While levels are not known to be related, the
    usual Gaussian process of full values alone chooses.

    Args:
        goal: What is wanted: the best of each system, the k best, or all below a threshold.
        screen: Look at every candidate at the cheapest level first, then at full values in the order of these looks, before the
            index decides.
        sources: Other searches to learn from; None: none. What they let one expect of a candidate is proportional to its values
            as far as those agree.
    """

    name = "levels"

    def __init__(self, goal: Goal, *, screen: bool = False, sources: Sources | None = None) -> None:
        self._goal, self._screen = goal, screen
        self._sources = sources
        self._kept: tuple[CandidatePool, str, LevelPosterior] | None = None
        self._usual: GPProposer | None = None
        self._reader: TransferProposer | None = None
        self._expected: tuple[Levels, str, FeatureGroup] | None = None

    def initial_count(self, pool: CandidatePool) -> int:
        """Returns the number of proposals of the initial design: every level of its candidates, or a look at each candidate."""
        levels = levels_of(pool)
        if self._screen:
            return len(levels.candidates)
        own = self._goal.by_system and len(pool.systems) > 1
        points = ceil(FIRST / len(pool.systems)) if own else FIRST
        return growing_size(levels.candidates, points, by_system=own) * len(levels.names)

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """Whenever the values have grown by a quarter, or by 25; by 5 at most after looks at all candidates."""
        last = max(fitted_at, default=0)
        most = FIRST if self._screen else _MOST_BETWEEN
        return n_observed > 0 and n_observed >= min(ceil(_GROWTH * last), last + most)

    def fit(self, pool: CandidatePool, history: History, previous: JsonDict | None) -> JsonDict:
        """Fits the model of the levels, and of full values alone where levels are not known to be related."""
        before = LevelFit.from_json(previous[FITTED]) if previous else None
        wanted = _of_full_values(levels_of(pool), _costs(pool, history), history)
        record = self._compared(pool, wanted, previous)
        informed = (
            self._with_sources(pool, record) if record is not None and record["source_fit"]["skill"] >= LEAST_SKILL else pool
        )
        fitted = fit_levels(
            informed, history.observed, history.values, before, _ALL if self._goal.kind == "all_below" else _BEST
        )
        found: JsonDict = {"n_observed": len(history.observed), FITTED: fitted.to_json()}
        if record is not None:
            gained = {} if fitted.sources is None else {"posterior": {"log_density": fitted.sources, "prior": 0.0}}
            mode = "posterior" if fitted.uses_sources else "none"
            found[KEY] = record | {"mode": mode, "evidence": {"none": {"log_density": 0.0, "prior": 0.0}} | gained}
        if fitted.single and not fitted.uses_sources and len(wanted.observed):
            before_alone = previous.get(_ALONE) if previous else None
            found[_ALONE] = self._alone(pool).fit(_candidates(pool), wanted, before_alone)
        return found

    def _compared(self, pool: CandidatePool, wanted: History, previous: JsonDict | None) -> JsonDict | None:
        """Comparison of full values with the sources, in the form of a refit; None without sources or values."""
        if self._sources is None or not len(wanted.observed):
            return None
        before = {KEY: previous[KEY]} if previous and KEY in previous else None
        record: JsonDict = self._compared_by(pool, self._sources).fit(levels_of(pool).candidates, wanted, before)[KEY]
        return record

    def _compared_by(self, pool: CandidatePool, sources: Sources) -> TransferProposer:
        """The model that compares full values with the sources' values."""
        if self._reader is None:
            self._reader = TransferProposer(self._settings(pool), "posterior", sources)
        return self._reader

    def _with_sources(self, pool: CandidatePool, record: JsonDict) -> CandidatePool:
        """The pool with what the sources of a refit let one expect."""
        if self._sources is None:
            raise AssertionError("only a proposer with sources fits a model that uses them")
        levels, key = levels_of(pool), canonical_json([record["sources"], record["fits"]["posterior"]])
        kept = self._expected
        if kept is None or kept[0] is not levels or kept[1] != key:
            expected = self._compared_by(pool, self._sources).source_means(levels.candidates, record)
            kept = levels, key, FeatureGroup.compact(SOURCES, expected[:, None], levels.candidate, (SOURCES,))
            self._expected = kept
        return replace(pool, groups={**pool.groups, SOURCES: kept[2]})

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses proposal ``number``, or None when no candidate can get its full value any more."""
        levels, cost = levels_of(pool), _costs(pool, history)
        if not np.isfinite(cost[:, -1]).any():
            return None
        in_design, open_ = number <= self.initial_count(pool), _open(levels, cost, history)
        if self._screen and (row := self._screened(levels, open_, history, rng)) is not None:
            return Choice(row, initial=in_design)
        if in_design or hyperparameters is None or not len(history.observed):
            return Choice(self._first(levels, open_, history, rng), initial=in_design)
        fitted = LevelFit.from_json(hyperparameters[FITTED])
        cost[:, :-1][cost[:, :-1] > _left_for_looks(pool, history, fitted)] = inf
        if hyperparameters.get(_ALONE) is not None and not np.isfinite(cost[:, :-1]).any():
            wanted = _of_full_values(levels, cost, history)
            alone = self._alone(pool).propose(_candidates(pool), wanted, number, rng, hyperparameters[_ALONE])
            return None if alone is None else replace(alone, position=int(levels.places[alone.position, -1]))
        posterior = self._posterior(pool, history, hyperparameters, fitted)
        round_ = _Round.of(self._goal, levels, cost, history, fitted, posterior)
        if round_ is None:
            return Choice(self._first(levels, open_, history, rng))
        planned = round_.planned(rng)
        chosen = round_.likeliest if self._goal.kind == "all_below" else round_.cheapest
        index, candidate, level = chosen() if planned is None else (None, *planned)
        mean, deviation = (part[:, candidate] for part in posterior.at(level))
        moments = [fitted.scaling.moments(*each, level) for each in zip(mean.tolist(), deviation.tolist(), strict=True)]
        expected, spread = mixture(moments, fitted.weights.tolist())
        return Choice(int(levels.places[candidate, level]), acquisition=index, mean=expected, deviation=spread)

    def _alone(self, pool: CandidatePool) -> GPProposer:
        """The proposer of a campaign without levels."""
        if self._usual is None:
            self._usual = GPProposer(self._settings(pool))
        return self._usual

    def _settings(self, pool: CandidatePool) -> GPSettings:
        """Settings of a campaign without levels."""
        engine: Literal[4] | None = 4 if len(pool.systems) == 1 else None
        return settings(GPProposerSpec(engine=engine), self._goal)

    def remaining(
        self, pool: CandidatePool, history: History, rng: np.random.Generator, hyperparameters: JsonDict | None = None
    ) -> Remaining:
        """Asks the model about full values; pending ones count as open."""
        levels, goal = levels_of(pool), self._goal
        known = levels.level[history.observed] == len(levels.names) - 1
        reached = reached_levels(goal, pool, history.observed[known], history.values[known])
        open_ = np.zeros(len(pool), dtype=np.bool_)
        open_[levels.places[:, -1]] = True
        open_[np.concatenate([history.observed, history.failed])] = False
        if hyperparameters is None:
            nothing = np.full(len(pool.systems), np.inf)
            return Remaining(pool, [], question(pool, nothing, open_, 0, by_system=goal.by_system), rng)
        asked = question(pool, reached, open_, int(known.sum()), by_system=goal.by_system)
        asked = replace(asked, price=pool.cost, rank=goal.k, counts=goal.kind == "all_below")
        posterior = self._new_posterior(pool, hyperparameters, LevelFit.from_json(hyperparameters[FITTED]))
        posterior.update(history.observed, history.values, np.empty(0, dtype=np.intp))
        return Remaining(pool, posterior.members(), asked, rng)

    def _first(self, levels: Levels, cost: FloatArray, history: History, rng: np.random.Generator) -> int:
        """The next row of the initial design: every level of a candidate, the cheapest first, then the next candidate."""
        open_, taken = np.isfinite(cost), history.proposed
        begun, free = np.unique(levels.candidate[taken]), open_[:, -1].copy()
        unfinished = begun[open_[begun].any(axis=1) & ~np.isin(levels.places[begun, -1], taken)]
        if len(unfinished):
            return _cheapest_open(levels, cost, int(unfinished[0]))
        free[begun] = False
        if not free.any():
            return int(levels.places[np.flatnonzero(open_[:, -1])[0], -1])
        count = len(levels.candidates.systems)
        system = len(begun) % count if self._goal.by_system and count > 1 else None
        chosen = growing_position(levels.candidates, free, begun, system, rng, "representative")
        return _cheapest_open(levels, cost, chosen)

    def _screened(self, levels: Levels, cost: FloatArray, history: History, rng: np.random.Generator) -> int | None:
        """A candidate without a look, then full values in the order of looks, of each system in turn; None afterwards."""
        unseen, taken = np.isfinite(cost[:, 0]), history.proposed
        unseen[levels.candidate[taken[levels.level[taken] == 0]]] = False
        if unseen.any():
            return int(levels.places[rng.choice(np.flatnonzero(unseen)), 0])
        full, systems = levels.candidate[taken[levels.level[taken] == len(levels.names) - 1]], len(levels.candidates.systems)
        own = self._goal.by_system and systems > 1
        if len(full) >= max(FIRST, systems if own else 0):
            return None
        looks = np.full(len(cost), inf)
        looked = levels.level[history.observed] == 0
        looks[levels.candidate[history.observed[looked]]] = levels.relations[0][0] * history.values[looked]
        open_ = np.isfinite(cost[:, -1])
        here = open_ & (levels.candidates.system_codes == len(full) % systems) if own else open_
        chosen = np.flatnonzero(here if here.any() else open_)
        return int(levels.places[chosen[np.argmin(looks[chosen])], -1])

    def _posterior(self, pool: CandidatePool, history: History, hyperparameters: JsonDict, fitted: LevelFit) -> LevelPosterior:
        """The kept posterior with the values so far, or a new one."""
        key = canonical_json(hyperparameters)
        kept = self._kept
        fits = kept is not None and kept[0] is pool and kept[1] == key and kept[2].follows(history.observed.tolist())
        if kept is None or not fits:
            kept = pool, key, self._new_posterior(pool, hyperparameters, fitted)
            self._kept = kept
        kept[2].update(history.observed, history.values, history.pending)
        return kept[2]

    def _new_posterior(self, pool: CandidatePool, hyperparameters: JsonDict, fitted: LevelFit) -> LevelPosterior:
        """A posterior without values, which expects what sources let one expect where its fit uses them."""
        informed = self._with_sources(pool, hyperparameters[KEY]) if fitted.uses_sources else pool
        return LevelPosterior(informed, fitted, int(hyperparameters["n_observed"]))


@dataclass(frozen=True)
class _Round:
    """The purchases that are open, and what is believed about them.

    Attributes:
        goal: What is wanted.
        levels: Of the pool.
        fitted: The model.
        posterior: Its predictions.
        belief: About the full values, standardised, relative to what they have to beat.
        beaten: What the full values of each candidate have to beat, transformed, shape ``(n_candidates,)``.
        full: Cost of each full value, infinite where it cannot be bought, shape ``(n_candidates,)``.
        look: Cost of each look, infinite where it cannot be bought or tells nothing new, shape ``(n_candidates, n_looks)``.
        rest: Cost of each full value after each look, shape ``(n_candidates, n_looks)``.
        left: Cost that may still be spent; infinite: it is not limited.
        looked: Whether a candidate has had a look, shape ``(n_candidates,)``.
    """

    goal: Goal
    levels: Levels
    fitted: LevelFit
    posterior: LevelPosterior
    belief: Belief
    beaten: FloatArray
    full: FloatArray
    look: FloatArray
    rest: FloatArray
    left: float
    looked: BoolArray

    @classmethod
    def of(
        cls,
        goal: Goal,
        levels: Levels,
        cost: FloatArray,
        history: History,
        fitted: LevelFit,
        posterior: LevelPosterior,
    ) -> _Round | None:
        """The next purchase; None while no full value is known, or none can be bought. Costs are those of :func:`_costs`."""
        top = len(levels.names) - 1
        known = levels.level[history.observed] == top
        if not known.any() or not np.isfinite(cost[:, top]).any():
            return None
        beaten = _beaten(goal, levels, history.observed[known], history.values[known])
        beaten = fitted.scaling.forward(beaten, np.full(len(beaten), top, dtype=np.intp))
        means, deviations = posterior.at(top)
        belief = Belief(means - beaten, deviations, fitted.weights)
        seen = np.zeros(cost.shape, dtype=np.bool_)
        seen[levels.candidate[taken := history.proposed], levels.level[taken]] = True
        # A look tells nothing new where the same or a more expensive level is known or in progress.
        over = np.logical_or.accumulate(seen[:, ::-1], axis=1)[:, ::-1]
        look = np.where(over[:, :top], inf, _open(levels, cost, history)[:, :top])
        return cls(
            goal,
            levels,
            fitted,
            posterior,
            belief,
            beaten,
            cost[:, top],
            look,
            _rest(levels, cost),
            _left(history),
            np.asarray(seen[:, :top].any(axis=1)),
        )

    def planned(self, rng: np.random.Generator) -> tuple[int, int] | None:
        """Candidate and level of the next look of a plan; None where there is none, and for the goal of many values."""
        trusted = self.fitted.evidence >= TRUSTED and np.count_nonzero(self.looked) < CHECKED * self.fitted.pairs
        if not trusted or self.left == inf or self.goal.kind == "all_below":
            return None
        for level in range(self.look.shape[1]):
            informed = partial(self.posterior.informed, level=level)
            plan = Plan(self.belief, informed, self.look[:, level], self.full, self.rest[:, level], self.left, self._gain)
            if len(looks := plan.looks(rng)):
                return int(looks[0]), level
        return None

    def _gain(self, values: FloatArray, candidates: IntArray) -> FloatArray:
        gains = np.maximum(-values, 0.0)
        if not self.goal.by_system:
            return np.asarray(np.sort(gains, axis=1)[:, -self.goal.k :].sum(axis=1))
        systems = self.levels.candidates.system_codes[candidates]
        every = range(len(self.levels.candidates.systems))
        return np.asarray(sum(np.where(systems == system, gains, 0.0).max(axis=1) for system in every))

    def cheapest(self) -> tuple[float, int, int]:
        """The lowest index [objective's unit], for the goals of best values, its candidate and level."""
        open_ = np.flatnonzero(np.isfinite(self.full))
        gains = self.belief.take(open_).gain(np.zeros(len(open_))) / self.full[open_]
        place = int(np.argmax(gains))
        worth = max(float(gains[place]), _LEAST)
        # At this worth, the index of the full value that gains most per cost is zero, and no other's is lower.
        found = (0.0, int(open_[place]), self.look.shape[1])
        for level in range(self.look.shape[1]):
            informed = partial(self.posterior.informed, level=level)
            look, rest = worth * self.look[:, level], worth * self.rest[:, level]
            index, candidate = cheapest_look(self.belief, informed, look, rest, found[0])
            if candidate >= 0:
                found = (index, candidate, level)
        index, candidate, level = found
        median, _ = self.fitted.scaling.levels[-1].moments(index + float(self.beaten[candidate]), 0.0, 0)
        return median, candidate, level

    def likeliest(self) -> tuple[float, int, int]:
        """The highest chance of a value below the threshold for a unit of cost, its candidate and level."""
        ratios = full_ratio(self.belief, 0.0, self.full)
        place = int(np.argmax(ratios))
        best = (float(ratios[place]), place, self.look.shape[1])
        for level in range(self.look.shape[1]):
            look, rest, payable = self.look[:, level], self.rest[:, level], np.isfinite(self.look[:, level])
            # A look is worth no more than the chance that it finds a value at its own price.
            price = np.where(payable, look + np.where(payable, rest, 0.0) * best[0], 1.0)
            bound = np.where(payable, full_ratio(self.belief, 0.0, price), 0.0)
            part = np.argsort(-bound, kind="stable")[:_LOOKED_AT]
            part = part[payable[part]]
            if not len(part):
                continue
            informed = self.posterior.informed(part, level)
            ratios = look_ratio(self.belief.take(part), informed, 0.0, look[part], rest[part])
            place = int(np.argmax(ratios))
            if ratios[place] > best[0]:
                best = (float(ratios[place]), int(part[place]), level)
        return best


def _left(history: History) -> float:
    return inf if history.remaining_cost is None else history.remaining_cost


def _rest(levels: Levels, cost: FloatArray) -> FloatArray:
    """Cost of each full value after each look, shape ``(n_candidates, n_looks)``."""
    return np.asarray(cost[:, [-1]] * (1.0 - np.array(levels.spared[:-1])))


def _open(levels: Levels, cost: FloatArray, history: History) -> FloatArray:
    """The costs, infinite also for looks after which no full value could be paid."""
    payable = cost[:, :-1] + _rest(levels, cost) <= _left(history)
    return np.column_stack([np.where(payable, cost[:, :-1], inf), cost[:, -1]])


def _costs(pool: CandidatePool, history: History) -> FloatArray:
    """Cost of each candidate at each level, infinite where it cannot be bought, shape ``(n_candidates, n_levels)``."""
    return np.asarray(np.where(allowed_candidates(pool, history), pool.cost, inf)[levels_of(pool).places])


def _cheapest_open(levels: Levels, cost: FloatArray, candidate: int) -> int:
    """The row of the cheapest level of a candidate that can be bought."""
    return int(levels.places[candidate, np.flatnonzero(np.isfinite(cost[candidate]))[0]])


def _left_for_looks(pool: CandidatePool, history: History, fitted: LevelFit) -> float:
    """Cost that looks may still take: a small part of the budget until levels are known to be related."""
    if fitted.proven:
        return inf
    levels, taken = levels_of(pool), history.proposed
    looks = taken[levels.level[taken] < len(levels.names) - 1]
    if history.remaining_cost is None:
        return inf if len(np.unique(levels.candidate[looks])) < UNDECIDED else 0.0
    return UNPROVEN * (history.remaining_cost + float(pool.cost[taken].sum())) - float(pool.cost[looks].sum())


def _candidates(pool: CandidatePool) -> CandidatePool:
    """The pool of full values, at their present costs."""
    levels = levels_of(pool)
    cost = pool.cost[levels.places[:, -1]]
    # The same pool as before where costs are the same: the proposer keeps what it computed for it.
    return levels.candidates if np.array_equal(cost, levels.candidates.cost) else replace(levels.candidates, cost=cost)


def _of_full_values(levels: Levels, cost: FloatArray, history: History) -> History:
    """The history of full values, as a campaign without levels has it; what cannot be bought is not available."""
    wanted, closed = wanted_history(levels, history), np.flatnonzero(~np.isfinite(cost[:, -1]))
    return replace(wanted, unavailable=np.union1d(wanted.unavailable, closed).astype(np.intp))


def _beaten(goal: Goal, levels: Levels, rows: IntArray, values: FloatArray) -> FloatArray:
    """Value that the full value of each candidate has to beat; the worst known one where its system has none."""
    positions = levels.candidate[rows]
    reached = reached_levels(goal, levels.candidates, positions, values)
    return np.where(np.isfinite(reached), reached, values.max())[levels.candidates.system_codes]
