"""Campaigns on tables that are asked now and then what the next evaluations may gain."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from benchmarks.everyday.tables import write_campaign
from benchmarks.replays.table import CAMPAIGN
from tansaku.models.domain.identifiers import certificate_rng
from tansaku.models.domain.outlook import NEEDED, SURE, next_count, own_scale
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import Choice, History, NextGains
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.goals import goal_of
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.models.engine.several import SeveralProposer
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import open_table
from tansaku.tasks.loop.ledger.rounds import RoundRules
from tansaku.tasks.loop.steps.outlooks import result_counts
from tansaku.tasks.node.configuration.campaign_files import load_campaign

BOUNDARIES = "boundaries"
"""Name of the shipped table."""

BELOW = " below"
"""Ends the name of a table of which all candidates up to a threshold are wanted: the best tenth."""

FACTORS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5, 1.7, 2.0)
"""Factors on a campaign's own scale that are compared."""

_EVERY = {True: 20, False: 5}  # by system: many evaluations, and many samples at each
_LONGEST = 70
_SHARE = 0.7
_PER_SYSTEM = 25
_WANTED = 0.1


class Asked:
    """A proposer that also notes, now and then, what the next evaluations may gain; its choices do not change.

    Args:
        of: The proposer.
        said: What is noted of the gains of a number of evaluations, on a campaign's own scale.
        seed: The campaign's.
        values: The truth, oriented, shape ``(n_candidates,)``.
        by_system: Whether every system has an answer of its own.
    """

    def __init__(
        self,
        of: GPProposer | SeveralProposer,
        said: Callable[[NextGains, int, float], JsonDict],
        seed: int,
        values: FloatArray,
        *,
        by_system: bool = False,
    ) -> None:
        self._of, self._said, self._seed, self._values, self._by_system = of, said, seed, values, by_system
        self._surprises: list[float] = []
        self.answers: list[JsonDict] = []
        self.name, self.initial_count, self.refit_due, self.fit = of.name, of.initial_count, of.refit_due, of.fit

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses, then notes what the samples say."""
        choice = self._of.propose(pool, history, number, rng, hyperparameters)
        if number % _EVERY[self._by_system] == 0 and number > self.initial_count(pool):
            self._ask(pool, history, number, hyperparameters)
        if choice is not None and choice.mean is not None and choice.deviation:
            self._surprises.append((float(self._values[choice.position]) - choice.mean) / choice.deviation)
        return choice

    def _ask(self, pool: CandidatePool, history: History, number: int, hyperparameters: JsonDict | None) -> None:
        counts = result_counts(pool, history, by_system=self._by_system)
        ahead = self._of.remaining(pool, history, certificate_rng(self._seed, number), hyperparameters).ahead
        if ahead is None or min(have for have, _ in counts.values()) < NEEDED:
            return
        seen, scale = len(history.observed), own_scale(self._surprises)
        count = next_count(seen, None, sum(left for _, left in counts.values()))
        self.answers.append({"observed": seen, "count": count} | self._said(ahead, count, scale))


def _under_each_factor(ahead: NextGains, count: int, scale: float) -> JsonDict:
    said = []
    for factor in FACTORS:
        gains = ahead.gains(count, factor * scale)
        largest = gains.max(axis=1)
        most = np.quantile(largest, SURE)
        said.append([_short(value) for value in (gains.sum(axis=1).mean(), (largest > 0.0).mean(), most)])
    return {"scale": _short(scale), "said": said}


def _short(value: float) -> float:
    return float(f"{value:.4g}")


@dataclass(frozen=True)
class Case:
    """One campaign.

    Attributes:
        data: Folder of the tables.
        table: Name of the table, perhaps with :data:`BELOW`.
        seed: Of the search and of the order of the candidates.
        short: Whether it is short.
    """

    data: Path
    table: str
    seed: int
    short: bool = False


def run(case: Case) -> JsonDict:
    """Runs a campaign and compares what was said with what happened."""
    spec, pool, values = _shipped() if case.table == BOUNDARIES else _of_data(case)
    assert isinstance(spec.proposer, GPProposerSpec)
    goal = goal_of(spec.objective)
    by_system = goal.by_system
    proposer = Asked(GPProposer(settings(spec.proposer, goal)), _under_each_factor, case.seed, values, by_system=by_system)
    most = _PER_SYSTEM * len(pool.systems) if by_system else min(_LONGEST, int(_SHARE * len(pool)))
    rules = RoundRules(
        seed=case.seed,
        source="table",
        direction="minimize",
        budget=BudgetSpec(evaluations=most // 2 if case.short else most),
        limit=None,
        initial_count=proposer.initial_count(pool),
    )
    done = replay(pool, values, proposer, rules, count_initial=True)
    groups = pool.system_codes if by_system else np.zeros(len(pool), dtype=np.intp)
    best = best_after(done.positions, values, groups)
    if goal.kind == "all_below":
        best = -np.concatenate([[0.0], np.cumsum(values[done.positions] <= goal.threshold)])[:, None]
    answers = []
    for answer in proposer.answers:
        then = answer["observed"] + answer["count"]
        if then < len(best):
            gained = best[answer["observed"]] - best[then]
            answers.append(answer | {"gained": float(gained.sum()), "largest": float(gained.max())})
    return {"table": case.table, "seed": case.seed, "answers": answers}


def best_after(positions: IntArray, values: FloatArray, groups: IntArray) -> FloatArray:
    """Lowest value of each group after each evaluation, infinite before its first, shape ``(n + 1, n_groups)``.

    Args:
        positions: Candidates in the order evaluated, shape ``(n,)``.
        values: Of all candidates, shape ``(n_candidates,)``.
        groups: Theirs, shape ``(n_candidates,)``.
    """
    found = np.full((len(positions) + 1, int(groups.max()) + 1), np.inf)
    found[np.arange(1, len(found)), groups[positions]] = values[positions]
    return np.asarray(np.minimum.accumulate(found))


_Table = tuple[CampaignSpec, CandidatePool, FloatArray]


@cache
def _shipped() -> _Table:
    campaign = load_campaign(CAMPAIGN)
    return _opened(campaign.spec, str(campaign.base_path))


def _of_data(case: Case) -> _Table:
    name = case.table.removesuffix(BELOW)
    with tempfile.TemporaryDirectory() as folder:
        path = write_campaign(case.data, name, Path(folder), case.seed)
        found = _opened(load_campaign(path).spec, folder)
        return found if name == case.table else _opened(load_campaign(_with_threshold(path, *found)).spec, folder)


def _with_threshold(path: Path, spec: CampaignSpec, _pool: CandidatePool, values: FloatArray) -> Path:
    """Changes a campaign file so that the best tenth of its table is wanted."""
    document = yaml.safe_load(path.read_text())
    threshold = float(np.sort(values)[max(1, round(_WANTED * len(values))) - 1])
    signed = threshold if spec.objective.direction == "minimize" else -threshold
    document["objective"]["goal"] = {"type": "all_below", "threshold": f"{signed!r} {spec.objective.unit}"}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def _opened(spec: CampaignSpec, folder: str) -> _Table:
    """Spec, pool and oriented values of a table."""
    space = open_table(ReplayTask(spec=spec, base_path=folder, method="spec", seed=0))
    values = space.values() if spec.objective.direction == "minimize" else -space.values()
    return spec, space.pool(), values
