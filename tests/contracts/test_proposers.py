"""The contract of the Proposer port, on every proposer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History, Proposer
from tansaku.models.domain.specs.proposer import (
    ArmsProposerSpec,
    DisagreementProposerSpec,
    GPProposerSpec,
    GridProposerSpec,
    RandomProposerSpec,
    SparseProposerSpec,
)
from tansaku.models.engine.proposer_registry import build_proposer
from tests.support.pools import pool_of

SPECS = {
    "random": RandomProposerSpec(),
    "grid": GridProposerSpec(),
    "arms": ArmsProposerSpec(across_systems=True),
    "arms-alone": ArmsProposerSpec(across_systems=False),
    "arms-with-gp": ArmsProposerSpec(across_systems=True, with_gp=True),
    "disagreement": DisagreementProposerSpec(),
    "published": GPProposerSpec(preset="published"),
    "single-task": GPProposerSpec(preset="single-task"),
    "default": GPProposerSpec(),
    "thompson": GPProposerSpec(acquisition="thompson"),
    "obo": GPProposerSpec(preset="obo"),
    "abo": GPProposerSpec(preset="abo"),
    "five-points": GPProposerSpec(preset="abo", initial_points=5),
    "balanced": GPProposerSpec(floor=4, worst_first=0.5),
    "few": GPProposerSpec(engine=2),
    "averaged": GPProposerSpec(engine=3),
    "equal": GPProposerSpec(engine=4),
    "ranked": GPProposerSpec(engine=5),
    "bayes": GPProposerSpec(hyperparameters="bayes", members=2, bayes_until=12),
    "composed": GPProposerSpec(
        kernel={
            "type": "sum",
            "terms": [
                {"type": "product", "factors": [{"type": "task", "rank": 2}, {"type": "matern32"}]},
                {"type": "same", "of": "surface"},
            ],
        },
        mean=[{"type": "constant"}, {"type": "linear"}],
        restarts=1,
    ),
    "sparse": SparseProposerSpec(),
    "sparse-four": SparseProposerSpec(max_features=4, initial_points=2, transform={"compress": 0.7}),
    "sparse-bent": SparseProposerSpec(residual="gp"),
    "log-ei": GPProposerSpec(acquisition="log_ei", transform={"log": True, "standardise": "system"}),
}
SEED = 11


@pytest.fixture(params=SPECS, scope="module")
def spec(request):
    return SPECS[request.param]


def _table(
    n_grid: int = 6, groups: tuple[str, ...] = ("translation", "structure", "angle")
) -> tuple[CandidatePool, np.ndarray]:
    """Five surfaces of three systems on a shared grid, and a smooth value for each candidate."""
    owner = np.array([0, 0, 1, 2, 2])
    grid = np.stack(np.meshgrid(np.linspace(0, 1, n_grid), [0.0, 0.5]), axis=-1).reshape(-1, 2)
    codes = np.repeat(np.arange(5), len(grid))
    descriptor = np.array([[0.0, 1.0], [0.3, 0.9], [1.0, 0.2], [2.0, 0.0], [2.1, 0.3]])
    known = {
        "translation": FeatureGroup("translation", grid, np.tile(np.arange(len(grid)), 5), ("x", "y")),
        "structure": FeatureGroup("structure", descriptor, codes, ("d0", "d1")),
        "angle": FeatureGroup("angle", np.array([[10.0], [40.0], [80.0]]), owner[codes], ("angle",)),
    }
    pool = CandidatePool(
        ids=np.array([f"c{i:04d}" for i in range(len(codes))]),
        systems=("a", "b", "c"),
        system_codes=owner[codes],
        surfaces=("a0", "a1", "b0", "c0", "c1"),
        surface_codes=codes,
        groups={name: known[name] for name in groups},
        cost=np.array([10.0, 8.0, 20.0, 40.0, 36.0])[codes],
    )
    x, y = grid[np.tile(np.arange(len(grid)), 5)].T
    values = 300 + 80 * np.sin(5 * x + descriptor[codes, 0]) * np.cos(3 * y) + 30 * owner[codes] + 5 * x * codes
    return pool, values


def _bare() -> tuple[CandidatePool, np.ndarray]:
    """One system, one surface, one column and a duplicated point."""
    index = np.append(np.arange(9), 4)
    pool = pool_of(10, FeatureGroup("x", np.linspace(0, 1, 9)[:, None], index, ("x",)))
    return pool, np.append(np.cos(4 * np.linspace(0, 1, 9)), np.cos(2.0))


class Replay:
    """Plays a campaign against recorded values: NaN is a failure; the newest ``in_flight - 1`` results are still awaited."""

    def __init__(self, pool: CandidatePool, values: np.ndarray, in_flight: int = 1) -> None:
        self.pool, self.values, self.in_flight = pool, values, in_flight
        self.chosen: list[int] = []
        self.refits: list[tuple[int, int, dict]] = []

    def history(self, count: int, initial: int) -> History:
        awaited = self.in_flight - 1 if count >= initial + self.in_flight - 1 else max(0, count - initial)
        done = np.array(self.chosen[: count - awaited], dtype=np.intp)
        failed = np.isnan(self.values[done])
        return History(
            observed=done[~failed],
            values=self.values[done[~failed]],
            failed=done[failed],
            pending=np.array(self.chosen[count - awaited : count], dtype=np.intp),
        )

    def run(self, proposer: Proposer, limit: int = 1000) -> Replay:
        initial = proposer.initial_count(self.pool)
        while len(self.chosen) < limit:
            number = len(self.chosen) + 1
            history = self.history(number - 1, initial)
            n_observed = len(history.observed)
            if number > initial and proposer.refit_due(n_observed, [n for _, n, _ in self.refits]):
                previous = self.refits[-1][2] if self.refits else None
                fitted = json.loads(json.dumps(proposer.fit(self.pool, history, previous)))
                self.refits.append((number, n_observed, fitted))
            choice = proposer.propose(self.pool, history, number, proposal_rng(SEED, number), self.parameters(number))
            if choice is None:
                break
            assert choice.initial == (number <= initial)
            self.chosen.append(choice.position)
        return self

    def parameters(self, number: int) -> dict | None:
        used = [fitted for at, _, fitted in self.refits if at <= number]
        return used[-1] if used else None


@pytest.fixture(scope="module")
def played(spec):
    """The first 24 proposals, each made when all results before it are known."""
    pool, values = _table()
    return Replay(pool, values).run(build_proposer(spec), limit=24)


def _failing(of: Callable[[CandidatePool], np.ndarray]) -> tuple[CandidatePool, np.ndarray]:
    pool, values = _table(3)
    return pool, np.where(of(pool), np.nan, values)


@pytest.mark.parametrize(
    ("table", "in_flight"),
    [
        (lambda: _table(3), 1),
        (lambda: _table(3), 3),
        (_bare, 1),
        (lambda: _table(3, ("translation",)), 1),
        (lambda: _table(3, ("angle", "structure")), 1),
        (lambda: _failing(lambda pool: pool.system_codes == 1), 1),
        (lambda: _failing(lambda pool: pool.system_codes >= 0), 1),
    ],
    ids=["known", "awaited", "bare", "translation", "angle and structure", "a system fails", "nothing succeeds"],
)
def test_proposes_every_candidate_once_and_then_none(spec, table, in_flight):
    pool, values = table()
    replay = Replay(pool, values, in_flight).run(build_proposer(spec))
    assert sorted(replay.chosen) == list(range(len(pool)))


@pytest.mark.parametrize("in_flight", [1, 2])
def test_a_resume_at_any_number_makes_the_same_choice(spec, played, in_flight):
    pool, values = _table()
    replay = played if in_flight == 1 else Replay(pool, values, in_flight).run(build_proposer(spec), limit=24)
    for number in range(1, 25):
        resumed = build_proposer(spec)
        history = replay.history(number - 1, resumed.initial_count(pool))
        choice = resumed.propose(pool, history, number, proposal_rng(SEED, number), replay.parameters(number))
        assert choice is not None
        assert choice.position == replay.chosen[number - 1]


def test_refits_are_a_function_of_their_arguments(spec, played):
    for i, (number, _, fitted) in enumerate(played.refits):
        previous = played.refits[i - 1][2] if i else None
        again = build_proposer(spec).fit(played.pool, played.history(number - 1, 3), previous)
        assert json.loads(json.dumps(again)) == fitted


def test_an_instance_serves_several_campaigns_in_turn(spec, played):
    pool, values = played.pool, played.values
    other = replace(pool, cost=pool.cost[::-1].copy())
    alone = [played.chosen[:15], Replay(other, values).run(build_proposer(spec), limit=15).chosen]
    shared = build_proposer(spec)
    assert [Replay(p, values).run(shared, limit=15).chosen for p in (pool, other)] == alone


def test_unavailable_and_pending_candidates_are_left_alone(spec):
    pool, values = _table(3)
    proposer = build_proposer(spec)
    observed, taken = np.array([0, 10, 20]), np.array([1, 2, 3, 11, 12])
    history = History(observed, values[observed], pending=taken[:2], unavailable=taken[2:])
    for number in range(1, 12):
        choice = proposer.propose(pool, history, number, proposal_rng(SEED, number), None)
        assert choice is not None
        assert choice.position not in {*observed.tolist(), *taken.tolist()}


def test_what_is_dearer_than_the_rest_of_the_budget_is_masked(spec):
    pool, values = _table(3)
    proposer = build_proposer(spec)
    observed = np.array([0, 13, 25])
    for number, remaining in ((1, 9.0), (2, 19.9), (5, 10.0), (6, 8.0), (7, 37.0)):
        history = History(observed, values[observed], remaining_cost=remaining)
        choice = proposer.propose(pool, history, number, proposal_rng(SEED, number), None)
        assert choice is not None
        assert pool.cost[choice.position] <= remaining
    history = History(observed, values[observed], remaining_cost=7.9)
    assert proposer.propose(pool, history, 8, proposal_rng(SEED, 8), None) is None


def test_choices_explain_themselves(spec):
    pool, values = _table()
    proposer = build_proposer(spec)
    observed = np.array([0, 13, 30, 44])
    number = proposer.initial_count(pool) + 1
    choice = proposer.propose(pool, History(observed, values[observed]), number, proposal_rng(SEED, number), None)
    assert choice is not None
    assert proposer.name
    numbers = [v for v in (choice.acquisition, choice.mean, choice.deviation) if v is not None]
    assert np.isfinite(numbers).all()
    assert len(numbers) == (3 if spec.type in ("gp", "sparse") else 0)
